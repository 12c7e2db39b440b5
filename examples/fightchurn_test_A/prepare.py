"""Map one run of the "Fighting Churn With Data" simulation onto the input contract.

Cells are read as text and passed on as they are: nothing is cleaned, deduplicated or dropped
here. The source has no subscription ids, event ids or creation dates; those are derived, and the
README says how.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

import duckdb

ORIGIN = """The data are tables of one run of the simulation fight-churn by Carl Gold (MIT licence):
https://github.com/carl24k/fight-churn
Run it, export the tables account, subscription, event_type (CSV) and event (CSV, gzip) with a
header line each into one folder, and name that folder with --source."""

# File and the columns that the mapping reads. The table is named like the file.
SOURCE = {
    "account.csv": ["id", "country"],
    "subscription.csv": ["account_id", "product", "start_date", "end_date", "mrr"],
    "event_type.csv": ["event_type_id", "event_type_name"],
    "event.csv.gz": ["account_id", "event_time", "event_type_id"],
}

# Input of the contract and the query that fills it. Columns left out are null by the contract.
MAPPING = {
    # No creation date in the source: the earliest moment at which the account did or paid
    # anything. An account without either keeps an empty created_at and is rejected by name.
    "accounts": """
        WITH seen AS (
            SELECT account_id, TRY_CAST(start_date AS TIMESTAMP) AS seen_at FROM subscription
            UNION ALL
            SELECT account_id, TRY_CAST(event_time AS TIMESTAMP) FROM event
        ), first_seen AS (
            SELECT account_id AS id, CAST(min(seen_at) AS VARCHAR) AS created_at
            FROM seen GROUP BY account_id
        )
        SELECT id AS account_id, country AS region, created_at
        FROM account LEFT JOIN first_seen USING (id)""",
    "subscriptions": """
        SELECT account_id || '|' || product || '|' || start_date AS subscription_id, account_id,
            product AS plan, mrr, start_date AS started_at, end_date AS term_ends_at,
            end_date AS ended_at
        FROM subscription""",
    # Two events of one account, type and second are two events: the id is the row's position in
    # the file. An unknown or ambiguous type leaves the feature empty; the project rejects the row.
    "usage_events": """
        WITH feature AS (
            SELECT event_type_id, min(event_type_name) AS feature FROM event_type
            GROUP BY event_type_id HAVING count(DISTINCT event_type_name) = 1
        )
        SELECT 'event-' || lpad(CAST(position AS VARCHAR), 9, '0') AS event_id, account_id,
            event_time AS event_at, feature
        FROM event LEFT JOIN feature USING (event_type_id)""",
}


def load(con: duckdb.DuckDBPyConnection, path: Path, needed: list[str]) -> None:
    """Read one CSV file into a table of text columns and the row's position in the file."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as lines:
        header = next(csv.reader(lines), [])
    if missing := [name for name in needed if name not in header]:
        raise SystemExit(f"{path}: column missing: {', '.join(missing)}\n{ORIGIN}")
    try:
        con.execute(
            f"CREATE TABLE {path.name.split('.')[0]} AS SELECT *, row_number() OVER () AS position"
            " FROM read_csv($path, columns = $columns, header = true, auto_detect = false,"
            " delim = ',', quote = '\"', escape = '\"')",
            {"path": str(path), "columns": dict.fromkeys(header, "VARCHAR")},
        )
    except duckdb.Error as error:
        reason = str(error).split("Possible fixes")[0].strip()
        raise SystemExit(f"{path}: {reason}") from error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=ORIGIN, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True, help="folder of the exported tables")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/fightchurn_test_A"),
        help="folder to write (%(default)s)",
    )
    args = parser.parse_args()

    if absent := [name for name in SOURCE if not (args.source / name).is_file()]:
        raise SystemExit(f"{args.source}: file missing: {', '.join(absent)}\n{ORIGIN}")

    # One thread: the position of an event is its place in the file.
    with duckdb.connect(config={"threads": 1}) as con:
        try:
            for name, needed in SOURCE.items():
                load(con, args.source / name, needed)
            key = "account_id, product, start_date"
            twice = f"SELECT {key} FROM subscription GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL"
            if row := con.execute(twice).fetchone():
                raise SystemExit(f"subscription.csv: ({key}) is no key: {row} occurs twice")
            for name, query in MAPPING.items():
                target = args.out / name / f"{name}.parquet"
                target.parent.mkdir(parents=True, exist_ok=True)
                quoted = str(target).replace("'", "''")
                copy = f"COPY ({query} ORDER BY ALL) TO '{quoted}' (FORMAT parquet)"
                print(f"{con.execute(copy).fetchone()[0]:>9,} rows  {target}")
        except (duckdb.Error, OSError, UnicodeDecodeError) as error:
            raise SystemExit(f"prepare.py: {error}") from error


if __name__ == "__main__":
    main()
