"""Map the RavenStack data set onto the input contract of this project.

Cells are read as text and passed on as they are: nothing is cleaned, deduplicated or dropped
here. Judging rows is the work of the project's staging models, where every refusal is counted.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import duckdb

ORIGIN = """RavenStack is a synthetic data set by River @ Rivalytics (MIT-like, credit required):
https://www.kaggle.com/datasets/rivalytics/saas-subscription-and-churn-analytics-dataset
Download it, unpack the CSV files into one folder and name that folder with --source."""

# File (without prefix and suffix) and the columns that the mapping reads.
SOURCE = {
    "accounts": ["account_id", "account_name", "industry", "country", "signup_date"],
    "subscriptions": [
        "subscription_id",
        "account_id",
        "start_date",
        "end_date",
        "plan_tier",
        "seats",
        "mrr_amount",
        "is_trial",
        "auto_renew_flag",
    ],
    "feature_usage": [
        "usage_id",
        "subscription_id",
        "usage_date",
        "feature_name",
        "usage_count",
        "usage_duration_secs",
    ],
    "support_tickets": [
        "ticket_id",
        "account_id",
        "submitted_at",
        "closed_at",
        "priority",
        "first_response_time_minutes",
        "satisfaction_score",
    ],
}

# Input of the contract and the query that fills it. Columns left out are null by the contract.
MAPPING = {
    "accounts": """
        SELECT account_id, account_name, industry, country AS region, signup_date AS created_at
        FROM accounts""",
    "subscriptions": """
        SELECT subscription_id, account_id, plan_tier AS plan, seats, mrr_amount AS mrr, is_trial,
            auto_renew_flag AS auto_renew, start_date AS started_at, end_date AS ended_at
        FROM subscriptions""",
    # One owner per subscription, so that no usage row is multiplied. Unknown or ambiguous
    # subscription: account_id stays empty and the project rejects the row with a reason.
    "usage_events": """
        WITH owner AS (
            SELECT subscription_id, min(account_id) AS account_id FROM subscriptions
            GROUP BY subscription_id HAVING count(DISTINCT account_id) = 1
        )
        SELECT usage_id AS event_id, account_id, usage_date AS event_at, feature_name AS feature,
            usage_duration_secs AS duration_seconds, usage_count AS event_count
        FROM feature_usage LEFT JOIN owner USING (subscription_id)""",
    # The source has minutes until the first answer, the contract a timestamp. What cannot be
    # computed goes through as text that does not cast, so that staging sees and counts it.
    "support_tickets": """
        SELECT ticket_id, account_id, submitted_at AS opened_at,
            coalesce(
                CAST(TRY_CAST(submitted_at AS TIMESTAMP)
                    + to_minutes(TRY_CAST(first_response_time_minutes AS BIGINT)) AS VARCHAR),
                submitted_at || ' + ' || first_response_time_minutes || ' min'
            ) AS first_response_at,
            closed_at AS solved_at, priority, satisfaction_score AS csat_score
        FROM support_tickets""",
}


def load(con: duckdb.DuckDBPyConnection, folder: Path, table: str, needed: list[str]) -> None:
    """Read one CSV file into a table of text columns; a crooked line is an error, not a skip."""
    path = folder / f"ravenstack_{table}.csv"
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), [])
    if missing := [name for name in needed if name not in header]:
        raise SystemExit(f"{path}: column missing: {', '.join(missing)}\n{ORIGIN}")
    try:
        con.execute(
            f"CREATE TABLE {table} AS FROM read_csv($path, columns = $columns, header = true,"
            " auto_detect = false, delim = ',', quote = '\"', escape = '\"')",
            {"path": str(path), "columns": dict.fromkeys(header, "VARCHAR")},
        )
    except duckdb.Error as error:
        reason = str(error).split("Possible fixes")[0].strip()
        raise SystemExit(f"{path}: {reason}") from error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=ORIGIN, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True, help="folder of the CSV files")
    parser.add_argument(
        "--out", type=Path, default=Path("build/ravenstack"), help="folder to write (%(default)s)"
    )
    args = parser.parse_args()

    if absent := [t for t in SOURCE if not (args.source / f"ravenstack_{t}.csv").is_file()]:
        names = ", ".join(f"ravenstack_{table}.csv" for table in absent)
        raise SystemExit(f"{args.source}: file missing: {names}\n{ORIGIN}")

    with duckdb.connect(config={"threads": 1}) as con:
        try:
            for table, needed in SOURCE.items():
                load(con, args.source, table, needed)
            for name, query in MAPPING.items():
                target = args.out / name / f"{name}.csv"
                target.parent.mkdir(parents=True, exist_ok=True)
                quoted = str(target).replace("'", "''")
                copy = f"COPY ({query} ORDER BY ALL) TO '{quoted}' (FORMAT csv, HEADER)"
                print(f"{con.execute(copy).fetchone()[0]:>9,} rows  {target}")
        except (duckdb.Error, OSError, UnicodeDecodeError) as error:
            raise SystemExit(f"prepare.py: {error}") from error


if __name__ == "__main__":
    main()
