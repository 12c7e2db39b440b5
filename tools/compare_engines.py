"""Compare what two engines built, value for value: the DuckDB file and PostgreSQL or Spark.

Usage:
    python tools/compare_engines.py --with postgres
    python tools/compare_engines.py --with spark

Every published table: rows and values compared, differences, without tolerance. Hashes that each
engine makes in its own way (inputs_fingerprint) are left out. Exit 0 when there is none.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from customer_health.console import run_command
from customer_health.inputs.load import postgres, spark
from customer_health.warehouse import warehouse_path

Rows = Iterable[Iterable[Any]]


def plain(value: Any) -> str:
    """A value as text; decimals with the places that their column has."""
    return "\0" if value is None else str(value)


def differences(ours: Counter[tuple[str, ...]], theirs: Counter[tuple[str, ...]]) -> int:
    """How many rows are on one side only."""
    return sum((ours - theirs).values()) + sum((theirs - ours).values())


@contextmanager
def reader(engine: str) -> Iterator[Callable[[str], Rows]]:
    """A function that gives the rows of a select on the other engine."""
    if engine == "spark":
        with spark() as session:
            yield lambda select: session.sql(select).toLocalIterator(prefetchPartitions=True)
        return
    with postgres() as connection, connection.cursor() as cursor:

        def rows(select: str) -> Rows:
            cursor.execute(select)
            return cursor.fetchall()

        yield rows


def main() -> int:
    """0 when every row is on both sides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--with", dest="other", choices=("postgres", "spark"), required=True)
    options = parser.parse_args()
    rows_compared = values = differing = 0
    with (
        duckdb.connect(str(warehouse_path()), read_only=True) as duck,
        reader(options.other) as read,
    ):
        tables = duck.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema = 'marts'"
            " or table_schema = 'metrics' and table_name like 'metrics_%' order by all"
        ).fetchall()
        for schema, name in tables:
            columns = [
                row[0]
                for row in duck.execute(
                    "select column_name from information_schema.columns"
                    " where table_schema = ? and table_name = ? order by ordinal_position",
                    [schema, name],
                ).fetchall()
                if row[0] != "inputs_fingerprint"
            ]
            select = f"select {', '.join(columns)} from {schema}.{name}"
            ours = Counter(tuple(map(plain, row)) for row in duck.execute(select).fetchall())
            theirs = Counter(tuple(map(plain, row)) for row in read(select))
            found = differences(ours, theirs)
            rows = sum(ours.values())
            rows_compared, values = rows_compared + rows, values + rows * len(columns)
            differing += found
            print(f"{schema}.{name:28} {rows:9,} rows  {found:6,} differences")
            for row in [*list(ours - theirs)[:2], *list(theirs - ours)[:2]]:
                print("   ", row)
    print(f"{rows_compared:,} rows, {values:,} values compared: {differing:,} differences")
    return 1 if differing else 0


if __name__ == "__main__":
    run_command(main)
