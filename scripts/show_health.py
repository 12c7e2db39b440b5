"""Print what was built: the health of the accounts by segment, and who needs a call first.

Usage:
    python scripts/show_health.py                      # the last build
    python scripts/show_health.py --rows 25            # more accounts
    python scripts/show_health.py --account acct_0013  # one account, metric by metric
"""

import argparse
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_WAREHOUSE = ROOT / "warehouse" / "customer_health.duckdb"

FACTS = """
select
    max(score_date) as as_of,
    max(data_through) as data_through,
    count(*) as accounts,
    count(health_score) as scored,
    sum(arr) as arr,
    max(scoring_version) as scoring_version,
    (select cast(sum(rejected_rows) as bigint) from marts.source_reconciliation) as rejected,
    (select cast(sum(blanked_cells) as bigint) from marts.source_reconciliation) as blanked
from marts.customer_health
"""

BY_SEGMENT = """
select
    segment,
    count(*) as accounts,
    cast(sum(arr) as decimal(18, 0)) as arr,
    cast(sum(health_score) / count(health_score) as decimal(5, 1)) as mean_score,
    count(*) filter (colour = 'green') as green,
    count(*) filter (colour = 'yellow') as yellow,
    count(*) filter (colour = 'red') as red,
    count(*) filter (colour = 'grey') as grey
from marts.customer_health
group by segment
order by sum(arr) desc nulls last, segment
"""

ACCOUNT = """
select
    account_name, segment, health_score, grade, label, coverage, score_low, score_high,
    score_change_28d, score_date
from marts.customer_health
where account_id = ?
"""

DRIVERS = """
select
    drivers.metric,
    drivers.metric_value as value,
    rules.curve,
    rules.poor_at,
    rules.healthy_at,
    drivers.metric_score as points_of_100,
    drivers.weight,
    cast(drivers.contribution as decimal(9, 2)) as adds,
    cast(drivers.points_lost as decimal(9, 2)) as costs
from marts.fct_health_drivers as drivers
inner join seeds.scorecards as scorecards
    on drivers.scorecard = scorecards.scorecard
inner join seeds.scorecard_metrics as rules
    on
        drivers.scorecard = rules.scorecard
        and drivers.segment = rules.segment
        and drivers.metric = rules.metric
where
    drivers.account_id = ?
    and drivers.score_date = ?
    and scorecards.goal = 'retention'
    and scorecards.status = 'live'
order by drivers.points_lost desc, drivers.metric
"""

FIRST_CALLS = """
select
    account_name as account,
    owner,
    segment,
    cast(arr as decimal(18, 0)) as arr,
    health_score as score,
    grade,
    score_change_28d as change_28d,
    days_to_renewal as renews_in_days,
    concat_ws(', ', drag_1, drag_2) as mostly_because_of
from marts.customer_health
where colour in ('red', 'yellow')
order by colour, arr desc nulls last, account_id
limit ?
"""


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned plain text under their names; numbers to the right, null as '-'."""

    def cell(value: Any) -> str:
        if value is None:
            return "-"
        if isinstance(value, Decimal):
            text = f"{value:,}"
            return text.rstrip("0").rstrip(".") if text.endswith("00") and "." in text else text
        return f"{value:,}" if isinstance(value, int) else str(value)

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


def query(connection: duckdb.DuckDBPyConnection, sql: str, *parameters: Any) -> str:
    """The result of a query as aligned plain text."""
    found = connection.execute(sql, list(parameters))
    return table([column[0] for column in found.description], found.fetchall())


def report(connection: duckdb.DuckDBPyConnection, rows: int) -> str:
    """The whole text: facts, the table by segment, the accounts to call first."""
    as_of, data_through, accounts, scored, arr, version, rejected, blanked = connection.execute(
        FACTS
    ).fetchall()[0]
    if not accounts:
        return "No account is scored: marts.dim_accounts says why, account by account."
    lines = [
        f"{scored} of {accounts} accounts have a score as of {as_of}, usage through"
        f" {data_through or 'never'}, ARR {arr or 0:,.0f}, scoring version {version}",
        f"Refused at the door: {rejected:,} rows, {blanked:,} cells (marts.rejected_records)",
        "",
        query(connection, BY_SEGMENT),
        "",
    ]
    if scored == 0:
        return "\n".join(
            [*lines, "Too little is known of every account: see coverage in marts.customer_health."]
        )
    return "\n".join(
        [
            *lines,
            "Red accounts, then yellow ones, by ARR, and what drags them most:",
            "",
            query(connection, FIRST_CALLS, rows),
        ]
    )


def account_report(connection: duckdb.DuckDBPyConnection, account_id: str) -> str | None:
    """One account, metric by metric; null when it is not in customer_health."""
    found = connection.execute(ACCOUNT, [account_id]).fetchall()
    if not found:
        return None
    name, segment, score, grade, label, coverage, low, high, change, day = found[0]
    known = f"{coverage:.0%} of the weight is known"
    return "\n".join(
        [
            f"{name} ({account_id}) on {day}: {'no score' if score is None else score},"
            f" {grade} {label}, judged as {segment}",
            f"{known}; with everything unknown at 0 it would be {low}, at 100 {high}"
            + (f"; {change:+} in 28 days" if change is not None else ""),
            "",
            query(connection, DRIVERS, account_id, day),
            "",
            "adds sums to the score; adds and costs together to 100. No points: the value is"
            " unknown and its weight is shared.",
        ]
    )


def at_least_one(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"has to be a whole number from 1 on, not {text}")
    return int(text)


def main() -> int:
    """Print the report; 1 when nothing was built yet or the account is not there."""
    parser = argparse.ArgumentParser(
        description="Show the health of the accounts of the last build.",
        epilog="example: python scripts/show_health.py --account acct_0013",
    )
    parser.add_argument("--rows", type=at_least_one, default=10, help="accounts to list (10)")
    parser.add_argument("--account", help="show this account metric by metric")
    arguments = parser.parse_args()
    warehouse = Path(os.environ.get("HEALTH_WAREHOUSE", DEFAULT_WAREHOUSE))
    if not warehouse.exists():
        print(f"{warehouse} does not exist yet: run make demo or dbt build.", file=sys.stderr)
        return 1
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            if arguments.account:
                text = account_report(connection, arguments.account)
            else:
                text = report(connection, arguments.rows)
    except duckdb.CatalogException:
        print(f"{warehouse} has no table marts.customer_health: run dbt build.", file=sys.stderr)
        return 1
    except duckdb.IOException:
        print(f"{warehouse} is open in another program; close it there.", file=sys.stderr)
        return 1
    if text is None:
        print(
            f"{arguments.account} is not scored; marts.dim_accounts says why, if it is known.",
            file=sys.stderr,
        )
        return 1
    print(text)
    if not arguments.account:
        print(
            f"\nEverything is in {os.path.relpath(warehouse)}, schema marts: customer_health (one"
            " row per account),\nfct_health_drivers (why), fct_health_scores (over time),"
            " rejected_records (what was refused).\nOne account: python scripts/show_health.py"
            " --account ID. Weights and thresholds: seeds/scoring/."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
