"""The working DuckDB file of the last build, read-only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from customer_health.console import table
from customer_health.errors import BUSY, NotFoundError, UserError
from customer_health.settings import read_settings


def warehouse_path() -> Path:
    """The working DuckDB file: $HEALTH_WAREHOUSE, else the default of the project."""
    return read_settings().warehouse


def checked_warehouse_path() -> Path:
    """The same; UserError(2) where it cannot be the place of a working file."""
    read_settings().refuse_mixed_up()
    return warehouse_path()


@contextmanager
def open_warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The DuckDB file, read-only; NotFoundError when it is missing or not built, UserError(75)
    when it is open elsewhere."""
    if not path.exists():
        raise NotFoundError(f"{path} does not exist yet: run make demo or dbt build.")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            yield connection
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise NotFoundError(
            f"{path} lacks a table or column of this version: run dbt build. (This needs the"
            " working file; a published one has the marts only.)"
        ) from error
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise UserError(
                BUSY,
                f"{path} is open in another program.",
                "Close it there, or wait for the refresh that builds it. What is published can be"
                " read all the while.",
            ) from error
        raise NotFoundError(f"{path} is not a DuckDB file that can be read.") from error


def unfinished_run(connection: duckdb.DuckDBPyConnection) -> str:
    """A warning where the last run stopped on its way or built a part only, otherwise nothing."""
    known = connection.execute(
        "select count(*) from information_schema.tables"
        " where table_schema = 'scoring' and table_name = 'last_run'"
    ).fetchall()
    if known == [(0,)]:
        return ""
    if connection.execute("select is_finished from scoring.last_run").fetchall() == [(True,)]:
        return ""
    return (
        "The last run did not come to its end or built a part only: tables may be of different"
        " moments. dbt build completes them."
    )


def records(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    cursor = connection.execute(sql, list(values))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def query_table(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> str:
    """The result of a query as aligned plain text."""
    found = connection.execute(sql, list(values))
    return table([column[0] for column in found.description], found.fetchall())
