"""What the scripts that read the last build share: opening the DuckDB file, and plain tables."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_WAREHOUSE = ROOT / "warehouse" / "customer_health.duckdb"


class NotThere(Exception):
    """What was asked for cannot be shown; the text says why and what to do next."""


def warehouse_path() -> Path:
    """The working DuckDB file: $HEALTH_WAREHOUSE, else the default of the project."""
    return Path(os.environ.get("HEALTH_WAREHOUSE") or DEFAULT_WAREHOUSE)


@contextmanager
def open_warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The DuckDB file, read-only; NotThere when it is missing, not built or open elsewhere."""
    if not path.exists():
        raise NotThere(f"{path} does not exist yet: run make demo or dbt build.")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            yield connection
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise NotThere(
            f"{path} lacks a table or column of this version: run dbt build. (This needs the"
            " working file; a published one has the marts only.)"
        ) from error
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise NotThere(
                f"{path} is open in another program: close it there, or wait for the refresh that"
                " builds it. What is published can be read all the while."
            ) from error
        raise NotThere(f"{path} is not a DuckDB file that can be read.") from error


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


def number_text(value: Decimal | int) -> str:
    """A number as people write it: thousands separated, no zeros at the end."""
    text = f"{value:,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def printable(text: str) -> str:
    """Text of the data as a terminal may have it: what would move its cursor is spelled out, but
    for the ends of lines."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned plain text under their names; numbers to the right, null as '-'."""

    def cell(value: Any) -> str:
        if value is None:
            return "-"
        if isinstance(value, Decimal) and not f"{value:,}".endswith("00"):
            return f"{value:,}"
        return (
            number_text(value)
            if isinstance(value, int | Decimal)
            else printable(str(value)).replace("\n", "\\n")
        )

    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    numeric = [any(isinstance(row[i], int | Decimal) for row in rows) for i, _ in enumerate(names)]

    def line(values: Sequence[str]) -> str:
        padded = (
            value.rjust(width) if is_number else value.ljust(width)
            for value, width, is_number in zip(values, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(list(names)), "  ".join("-" * w for w in widths), *map(line, cells)])


def query_table(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> str:
    """The result of a query as aligned plain text."""
    found = connection.execute(sql, list(values))
    return table([column[0] for column in found.description], found.fetchall())


def as_json(found: Any) -> str:
    """What was found, as JSON; decimals become numbers, dates text."""
    return json.dumps(
        found,
        indent=2,
        default=lambda value: float(value) if isinstance(value, Decimal) else str(value),
    )


def run_command(main: Callable[[], int]) -> None:
    """Run a command and exit with its code; a reader that has seen enough (head) is no error."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
