"""Whether two DuckDB files hold the same published tables, value for value.

Usage:
    python tools/compare_builds.py ONE.duckdb OTHER.duckdb
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
from customer_health.console import run_command
from customer_health.errors import NotFoundError
from customer_health.warehouse import open_warehouse

SCHEMAS = ("marts", "metrics")
# What remembers runs is not a function of the inputs.
EXEMPT = ("fct_health_alerts", "mart_status", "fct_published_scores")


@dataclass(frozen=True)
class Compared:
    """Which tables are compared, all that are published unless named, and columns that are not."""

    tables: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def columns(
    connection: duckdb.DuckDBPyConnection, compared: Compared
) -> dict[str, list[tuple[str, str]]]:
    """The compared tables and views with the names and types of their columns."""
    found: dict[str, list[tuple[str, str]]] = {}
    rows = connection.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns"
        " order by table_schema, table_name, column_name"
    ).fetchall()
    for schema, table, column, kind in rows:
        name = f"{schema}.{table}"
        if schema not in SCHEMAS or table in EXEMPT or column in compared.without:
            continue
        if not compared.tables or name in compared.tables:
            found.setdefault(name, []).append((column, kind))
    return found


def row_hashes(table: str, shape: list[tuple[str, str]]) -> str:
    """SQL for a hash of each row of a table."""
    names = ", ".join(f'"{name}"' for name, _ in shape)
    return f"select hash(hash({names})) as row_hash from {table}"


def fingerprints(warehouse: Path, compared: Compared) -> dict[str, tuple[object, ...]]:
    """The columns, the number of rows and the sum of the hashes of the rows of every table."""
    with open_warehouse(warehouse) as connection:
        return {
            table: (
                tuple(shape),
                *connection.execute(
                    f"select count(*), sum(row_hash) from ({row_hashes(table, shape)})"
                ).fetchone(),
            )
            for table, shape in columns(connection, compared).items()
        }


def differing_rows(one: Path, other: Path, table: str, compared: Compared) -> int:
    """How many rows of a table are in only one of the two files."""
    with tempfile.TemporaryDirectory(dir=other.parent) as folder:
        files = []
        for number, warehouse in enumerate((one, other)):
            files.append(f"{folder}/{number}.parquet".replace("'", "''"))
            with duckdb.connect(str(warehouse), read_only=True) as connection:
                hashes = row_hashes(table, columns(connection, compared)[table])
                connection.execute(
                    f"copy (select row_hash, count(*) as row_count from ({hashes})"
                    f" group by row_hash) to '{files[-1]}'"
                )
        ((found,),) = duckdb.sql(
            f"""
            select coalesce(sum(abs(coalesce(one.row_count, 0) - coalesce(other.row_count, 0))), 0)
            from '{files[0]}' as one
            full join '{files[1]}' as other on one.row_hash = other.row_hash
            """
        ).fetchall()
    return int(found)


EVERYTHING = Compared()


def differences(one: Path, other: Path, compared: Compared = EVERYTHING) -> dict[str, int]:
    """For every compared table of either file, how many rows are in only one of the two.

    A table that is missing, or has other columns, in one of them differs in all its rows, and by at
    least one where it is empty.
    """
    previous, later = fingerprints(one, compared), fingerprints(other, compared)
    found = {}
    for table in sorted(previous | later):
        mine, theirs = previous.get(table), later.get(table)
        if mine == theirs:
            found[table] = 0
        elif mine and theirs and mine[0] == theirs[0]:
            found[table] = differing_rows(one, other, table, compared)
        else:
            found[table] = max(1, *(int(side[1]) for side in (mine, theirs) if side))
    return found


def main() -> int:
    """Print what differs; 0 when nothing does, 1 when something does, 2 without two builds."""
    parser = argparse.ArgumentParser(
        description="Compare the marts and metrics of two builds, value for value.",
        epilog="What remembers runs is left out. Exit: 0 equal, 1 different, 2 usage.",
    )
    parser.add_argument("one", type=Path, help="a DuckDB file that was built")
    parser.add_argument("other", type=Path, help="another one")
    arguments = parser.parse_args()
    try:
        found = differences(arguments.one, arguments.other)
    except NotFoundError as reason:
        print(reason, file=sys.stderr)
        return 2
    if not found:
        print("Neither file has a mart: run dbt build.", file=sys.stderr)
        return 2
    for name, rows in found.items():
        print(f"{name}: {f'{rows:,} rows differ' if rows else 'equal'}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    run_command(main)
