"""In which order the files of one input are landed: what is landed later counts as newer. By a time
that is in the data, then by when the files were written, then by their names."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import duckdb

from customer_health.inputs.raw_files import Contract, identifier
from customer_health.refresh import inbox

if TYPE_CHECKING:
    from customer_health.refresh.landing import Arrival

# What loaders call the time at which they saw a row.
LOADED = (
    "_loaded_at",
    "_fivetran_synced",
    "_airbyte_extracted_at",
    "_airbyte_emitted_at",
    "_sdc_extracted_at",
    "_sdc_batched_at",
    "dbt_valid_from",
)
# One copy writes files in the order of their names: times that lie so close say nothing.
SECONDS_OF_ONE_COPY = 60
FILE_TIME, NAME = "the times of the files", "their names"


def time_columns(contract: Contract) -> list[str]:
    """The columns that can tell how new a file is, the best first."""
    moments = [c.name for c in contract.columns if c.type == "timestamp" and c.required]
    return ["updated_at", *LOADED, *moments[:1]]


def moment_sql(cell: str) -> str:
    """SQL: text as the models read it, year first: a day, a moment, or one with an offset."""
    cell = f"replace(trim({cell}), '/', '-')"
    for pattern, instead in (
        (" ?[uU][tT][cC]$", "Z"),
        (" ([+-][0-9:]+)$", "\\1"),
        ("^([0-9-]+[Tt ][0-9]{1,2}:[0-9]{2})([Zz+-].*)$", "\\1:00\\2"),
    ):
        cell = f"regexp_replace({cell}, '{pattern}', '{instead}')"
    return f"try_cast({cell} as timestamptz)"


def newest(
    connection: duckdb.DuckDBPyConnection, arrival: "Arrival", column: str, now: datetime
) -> datetime | None:
    """The newest readable value of a column, none where there is none. What lies ahead of tomorrow,
    or before 2000, is a slip and says nothing."""
    kind = arrival.columns[column][1]
    if kind not in ("text", "moment"):
        return None
    cell = identifier(column)
    if kind == "text":
        cell = moment_sql(cell)
    until = (now + timedelta(1)).replace(tzinfo=None).isoformat(sep=" ")
    try:
        ((found,),) = connection.execute(
            f"select max(moment) from (select try_cast({cell} as timestamp) as moment"
            f" from {arrival.source})"
            f" where moment between timestamp '2000-01-01' and timestamp '{until}'"
        ).fetchall()
    except duckdb.Error:
        return None
    return found


def times_in_data(arrivals: list["Arrival"], now: datetime) -> tuple[str, list[datetime]]:
    """The first column in which every arrival has a readable time, and the newest of each."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for column in time_columns(arrivals[0].contract):
            if all(column in arrival.columns for arrival in arrivals):
                found = [newest(connection, arrival, column, now) for arrival in arrivals]
                if None not in found:
                    return column, found  # type: ignore[return-value]
    return "", []


def copies(times: list[float]) -> list[int]:
    """For every file time the number of the copy that wrote the file, the oldest first."""
    numbers, number, last = {}, 0, None
    for moment in sorted(set(times)):
        number += last is not None and moment - last > SECONDS_OF_ONE_COPY
        numbers[moment], last = number, moment
    return [numbers[moment] for moment in times]


def in_order(arrivals: list["Arrival"], now: datetime) -> list[tuple["Arrival", str]]:
    """The arrivals of one input, the oldest first, each with what put it after the one before."""
    if len(arrivals) < 2:
        return [(arrival, "") for arrival in arrivals]
    column, times = times_in_data(arrivals, now)
    keys = list(
        zip(
            [*times] if times else [now] * len(arrivals),
            copies([inbox.changed_at(arrival.path) for arrival in arrivals]),
            [inbox.natural(arrival.path.name) for arrival in arrivals],
            strict=True,
        )
    )
    order = sorted(range(len(arrivals)), key=lambda n: keys[n] if column else keys[n][1:])
    words, found, before = (column, FILE_TIME, NAME), [], None
    for n in order:
        told = ""
        if before is not None:
            told = next(
                word for word, a, b in zip(words, keys[before], keys[n], strict=True) if a != b
            )
        found.append((arrivals[n], told))
        before = n
    return found
