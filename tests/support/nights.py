"""The raw folder of the sample data as it was in each of some consecutive nights: rows that were
corrected later as they were known on the day, and one usage event in a hundred up to forty days
late."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

# What is filled in when it happens, in a row that was there before.
FILLED_LATER = (
    *("updated_at", "deleted_at", "ended_at"),
    *("first_response_at", "solved_at", "paid_at"),
)
HAPPENS_FIRST = ("created_at", "started_at", "opened_at", "issued_at")

Row = dict[str, str]


def as_known(row: Row, day: date) -> Row | None:
    """A row as the warehouse held it in the night after that day; None before it came."""
    today = str(day)
    if row["_loaded_at"][:10] <= today:
        return row
    first = next((row[name][:10] for name in HAPPENS_FIRST if name in row), "")
    if not first or first > today:
        return None
    later = {name: "" for name in FILLED_LATER if row.get(name, "")[:10] > today}
    return {**row, **later, "_loaded_at": f"{first} 23:30:00"}


def write_known(file: Path, target: Path, day: date) -> int:
    """Write the rows of a CSV as they were known; returns how many differ from what they became."""
    with file.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    target.parent.mkdir(parents=True, exist_ok=True)
    known = [as_known(row, day) for row in rows]
    with target.open("w", newline="", encoding="utf-8") as written:
        writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in known if row)
    return sum(before != after for before, after in zip(known, rows, strict=True))


def nights(sample: Path, raw: Path, days: list[date]) -> Iterator[date]:
    """Make the raw folder what it was in each night, and name the day before it."""
    (raw / "usage_events").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"""
            create table usage as
            select * replace (
                case
                    when hash(event_id) % 100 = 0
                        then least(
                            _loaded_at + to_days(cast(1 + hash(event_id, 1) % 40 as integer)),
                            timestamp '{days[-1]} 23:30:00'
                        )
                    else _loaded_at
                end as _loaded_at
            )
            from '{sample}/usage_events/*.parquet'
        """)
        for day in days:
            condition = f"cast(_loaded_at as date) {'<=' if day == days[0] else '='} '{day}'"
            connection.execute(
                f"copy (from usage where {condition})"
                f" to '{raw}/usage_events/{day}.parquet' (format parquet)"
            )
            differing = sum(
                write_known(file, raw / file.relative_to(sample), day)
                for file in sorted(sample.glob("*/*.csv"))
            )
            assert (differing == 0) == (day == days[-1])
            yield day
