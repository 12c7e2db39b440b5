"""Raw inputs of any size for the benchmark: all eight of the contract, and one more day of each.

Every row is computed by DuckDB from its number and the seed (hash, no random generator): the same
size and seed give the same rows, with the DuckDB version that requirements.txt pins. The order of
rows within a file is free. The inputs are typed Parquet with `_loaded_at`; usage is written a month
at a time, so that memory does not grow with the days.

    events     the largest account has exactly `skew` of them, the others follow a Zipf-like curve;
               they come in sessions of one user with a few features; fewer on weekends; every
               hundredth arrives 1 to 60 days late, four of five of these within a week
    accounts   about one in eight signs up within the days, one in 25 leaves; all segments occur
    next day   the day after the last: new events, a hundredth of them from earlier days, tickets
               opened and solved, surveys, payments, renewals, new and changed accounts

A record is sent as it was known on the day; what happens to it on the next day is a newer version
of it in that day's files.
"""

from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmark_data.companies import companies_sql, days_sql
from benchmark_data.records import KNOWN, RECORDS, known
from benchmark_data.size import Size
from benchmark_data.usage import events_sql, features_sql, sessions_sql


def generate(size: Size, raw: Path, next_day: Path) -> None:
    """Write the inputs up to the last day below `raw`, those of the next day below `next_day`."""
    raw.mkdir(parents=True, exist_ok=True)
    work = raw.parent / "generator.duckdb"
    work.unlink(missing_ok=True)
    settings = {"memory_limit": "4GB", "preserve_insertion_order": "false", "threads": "2"}
    until, next_until = size.next_day, size.next_day + timedelta(days=1)
    try:
        with duckdb.connect(str(work), config=settings) as connection:
            connection.execute(KNOWN)
            for prepare in (days_sql, features_sql, companies_sql, sessions_sql):
                connection.execute(prepare(size))
            for name, record_sql in RECORDS.items():
                record = record_sql(size)
                path = raw / name / f"{name}.parquet"
                write(connection, known(record, date(2000, 1, 1), until), path)
                path = next_day / name / "next_day.parquet"
                write(connection, known(record, until, next_until), path)
            for first, last in months(size.first_day, size.last_day):
                path = raw / "usage_events" / f"{first:%Y_%m}.parquet"
                write(connection, events_sql(size, first, last), path)
            path = next_day / "usage_events" / "next_day.parquet"
            write(connection, events_sql(size, size.next_day, size.next_day), path)
    finally:
        work.unlink(missing_ok=True)


def write(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the rows of a query to a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = str(path).replace("'", "''")
    connection.execute(f"copy ({query}) to '{target}' (format parquet, compression zstd)")


def months(first: date, last: date) -> list[tuple[date, date]]:
    """The first and last day of each calendar month from one day to another."""
    found = []
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        found.append((first, min(last, following - timedelta(days=1))))
        first = following
    return found
