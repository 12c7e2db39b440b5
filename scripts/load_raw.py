"""Load a folder of raw inputs into the raw schema of another engine, as they are.

Usage:
    python scripts/load_raw.py --target postgres
    python scripts/load_raw.py --target postgres --raw ../data/raw --schema raw
    python scripts/load_raw.py --target spark

PostgreSQL: one table per input, replaced in one transaction, filled with COPY. The connection is
that of profiles.yml (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE). Inputs that are absent are
dropped there, too.

Spark: one Parquet file per input in $HEALTH_SPARK_DIR/raw and an external table on it, in the
session of profiles.yml. For a cluster, put such files where it can read them and create the tables
there. Exit codes: 0 loaded, 1 the engine refused, 2 the folder cannot be used.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import raw_files
import yaml
from last_build import run_command
from raw_files import Contract, RawInput, quoted

ROOT = Path(__file__).resolve().parents[1]
# What a type of DuckDB is called in PostgreSQL; others are loaded as text.
POSTGRES_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
# The same in Spark; a TIMESTAMP of Spark is a moment. Others are loaded as text.
SPARK_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP_S": "timestamp_ntz",
    "TIMESTAMP_MS": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


class RefusedError(Exception):
    """The folder or the engine cannot be used; the message says why and what to do."""


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def look_at_all(raw: Path) -> list[tuple[Contract, RawInput]]:
    """Every input of the folder; RefusedError with all that keeps it from being read."""
    found = [(contract, raw_files.look(raw, contract)) for contract in raw_files.read_contract()]
    problems = [
        f"{contract.name}: {problem}"
        for contract, seen in found
        for problem in [*([seen.folder_problem] if seen.folder_problem else []), *seen.problems]
    ]
    if problems:
        raise RefusedError("The raw inputs cannot be used:\n  - " + "\n  - ".join(problems))
    return found


def column_types(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """{column: DuckDB type} of what a select reads."""
    rows = connection.execute(f"describe select * from {sql}").fetchall()
    return {row[0]: row[1] for row in rows}


# ------------------------------------------------------------------------------- PostgreSQL


def postgres_type(kind: str) -> str:
    """The PostgreSQL type of a DuckDB type."""
    return kind.lower() if kind.startswith("DECIMAL") else POSTGRES_TYPES.get(kind, "text")


def postgres_cell(name: str, kind: str) -> str:
    """SQL of DuckDB: a column as COPY takes it; PostgreSQL has no NUL in text."""
    column = identifier(name)
    if postgres_type(kind) == "text":
        return f"replace(cast({column} as varchar), chr(0), chr(65533)) as {column}"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column}, '%Y-%m-%d %H:%M:%S.%f%z') as {column}"
    return column


@contextmanager
def postgres() -> Iterator[Any]:
    """A connection as profiles.yml has it; RefusedError where there is none."""
    try:
        import psycopg2
    except ImportError:
        raise RefusedError(
            "The adapter of PostgreSQL is not installed: pip install -r requirements-postgres.txt"
        ) from None
    try:
        connection = psycopg2.connect(
            host=os.environ.get("PGHOST", "localhost"),
            port=int(os.environ.get("PGPORT", "5432")),
            user=os.environ.get("PGUSER", "health"),
            password=os.environ.get("PGPASSWORD", ""),
            dbname=os.environ.get("PGDATABASE", "health"),
        )
    except psycopg2.OperationalError as error:
        raise RefusedError(f"PostgreSQL cannot be reached: {str(error).strip()}") from None
    try:
        yield connection
    finally:
        connection.close()


def load_postgres(raw: Path, schema: str, tell: Callable[[str], None]) -> None:
    """Replace the tables of the raw schema."""
    inputs = look_at_all(raw)
    with (
        postgres() as connection,
        connection.cursor() as cursor,
        tempfile.TemporaryDirectory() as t,
    ):
        cursor.execute("set time zone 'UTC'")
        cursor.execute(f"create schema if not exists {identifier(schema)}")
        for contract, seen in inputs:
            table = f"{identifier(schema)}.{identifier(contract.name)}"
            cursor.execute(f"drop table if exists {table} cascade")
            if not seen.sql:
                tell(f"{contract.name}: absent")
                continue
            file = Path(t) / f"{contract.name}.csv"
            with duckdb.connect() as duck:
                duck.execute("set TimeZone = 'UTC'")
                types = column_types(duck, seen.sql)
                cells = ", ".join(postgres_cell(name, kind) for name, kind in types.items())
                every = ", ".join(identifier(name) for name in types)
                duck.execute(
                    f"copy (select {cells} from {seen.sql}) to {quoted(str(file))}"
                    f" (format csv, header false, nullstr '\\N', force_quote ({every}))"
                )
            columns = ", ".join(
                f"{identifier(name)} {postgres_type(kind)}" for name, kind in types.items()
            )
            cursor.execute(f"create table {table} ({columns})")
            with file.open("rb") as handle:
                cursor.copy_expert(f"copy {table} from stdin (format csv, null '\\N')", handle)
            tell(f"{contract.name}: {cursor.rowcount:,} rows")
            file.unlink()
        connection.commit()


# ------------------------------------------------------------------------------------ Spark


def spark_folder() -> Path:
    """Where Spark's tables and metastore lie."""
    return Path(os.environ.get("HEALTH_SPARK_DIR") or "warehouse/spark")


def spark_cell(name: str, kind: str) -> tuple[str, str]:
    """SQL of DuckDB that writes a column so that Spark can read it, and Spark's type of it."""
    column = identifier(name)
    if kind.startswith("DECIMAL"):
        return column, kind.lower()
    if kind not in SPARK_TYPES:
        return f"cast({column} as varchar) as {column}", "string"
    if kind in ("TIMESTAMP_S", "TIMESTAMP_MS"):
        return f"cast({column} as timestamp) as {column}", SPARK_TYPES[kind]
    if kind.startswith("U"):
        return f"cast({column} as {SPARK_TYPES[kind]}) as {column}", SPARK_TYPES[kind]
    return column, SPARK_TYPES[kind]


def spark_settings() -> dict[str, str]:
    """The settings of the session in profiles.yml."""
    from dbt_common.clients.jinja import get_environment

    profile = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    settings = profile["customer_health"]["outputs"]["spark"]["server_side_parameters"]
    environment = get_environment()
    context = {"env_var": lambda name, default: os.environ.get(name) or default}
    return {
        name: environment.from_string(str(value)).render(context)
        for name, value in settings.items()
    }


@contextmanager
def spark() -> Iterator[Any]:
    """The Spark session of profiles.yml; RefusedError where there is none."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise RefusedError(
            "The adapter of Spark is not installed: pip install -r requirements-spark.txt"
        ) from None
    # Spark's driver gives timestamps in the time zone of this process.
    os.environ["TZ"] = "UTC"
    time.tzset()
    builder = SparkSession.builder.enableHiveSupport()
    for name, value in spark_settings().items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def load_spark(raw: Path, schema: str, tell: Callable[[str], None]) -> None:
    """Replace the files and the tables of the raw schema."""
    inputs = look_at_all(raw)
    with spark() as session:
        session.sql(f"create schema if not exists `{schema}`")
        for contract, seen in inputs:
            table = f"`{schema}`.`{contract.name}`"
            folder = (spark_folder() / "raw" / schema / contract.name).absolute()
            session.sql(f"drop table if exists {table}")
            shutil.rmtree(folder, ignore_errors=True)
            if not seen.sql:
                tell(f"{contract.name}: absent")
                continue
            folder.mkdir(parents=True)
            with duckdb.connect() as duck:
                duck.execute("set TimeZone = 'UTC'")
                types = column_types(duck, seen.sql)
                cells = {name: spark_cell(name, kind) for name, kind in types.items()}
                select = ", ".join(cell for cell, _ in cells.values())
                ((rows,),) = duck.execute(
                    f"copy (select {select} from {seen.sql})"
                    f" to {quoted(str(folder / 'rows.parquet'))} (format parquet)"
                ).fetchall()
            columns = ", ".join(
                f"`{name.replace('`', '``')}` {kind}" for name, (_, kind) in cells.items()
            )
            location = json.dumps(folder.as_uri())
            session.sql(f"create table {table} ({columns}) using parquet location {location}")
            tell(f"{contract.name}: {rows:,} rows")


def main() -> int:
    """0 when everything is there."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="\n".join(__doc__.splitlines()[2:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--target", choices=("postgres", "spark"), required=True)
    parser.add_argument("--raw", type=Path, help="the folder; default $HEALTH_RAW_DIR")
    parser.add_argument("--schema", default="raw", help="the schema to fill (default raw)")
    options = parser.parse_args()
    raw = options.raw or Path(os.environ.get("HEALTH_RAW_DIR") or ROOT / "sample_data")
    try:
        load = {"postgres": load_postgres, "spark": load_spark}[options.target]
        load(raw, options.schema, lambda text: print(text, file=sys.stderr))
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    run_command(main)
