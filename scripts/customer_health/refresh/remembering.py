"""What alerts remember is what was published: before a build, the working file gets the memory of
the published state back, whatever a run that was not published made of it."""

from pathlib import Path

import duckdb

from customer_health.inputs.raw_files import parquet_sql
from customer_health.refresh.publishing import MEMORY, MEMORY_FILE, STORAGE_VERSION
from customer_health.settings import Settings, working_file_is_open


def restore(settings: Settings, previous: Path | None) -> bool:
    """Give the working file the alert memory of the published version `previous`; true where it had
    another one. The run after it is then not one with nothing new."""
    memory = previous / MEMORY_FILE if previous else None
    if not memory or not memory.exists():
        return False
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(
            str(settings.warehouse), config={"storage_compatibility_version": STORAGE_VERSION}
        )
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise working_file_is_open(settings, str(error)) from None
        raise
    source = parquet_sql([memory])
    with connection:
        schema, name = MEMORY.split(".")
        tables = {
            row
            for row in connection.execute(
                "select schema_name, table_name from duckdb_tables() where not internal"
            ).fetchall()
        }
        connection.execute(f"create schema if not exists {schema}")
        if (schema, name) in tables:
            same = connection.execute(
                f"select count(*) = 0 from ((from {MEMORY} except all from {source})"
                f" union all (from {source} except all from {MEMORY}))"
            ).fetchall()
            if same == [(True,)]:
                return False
        connection.execute("begin")
        connection.execute(f"create or replace table {MEMORY} as from {source}")
        if (schema, "last_run") in tables:
            connection.execute(f"update {schema}.last_run set is_finished = false")
        connection.execute("commit")
    return True
