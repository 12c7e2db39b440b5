"""Print what was built: the health of the accounts by segment, and who needs a call first.

Usage:
    python scripts/show_health.py                # the working file of the last build
    python scripts/show_health.py --rows 25      # more accounts
"""

import argparse
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

DEFAULT_WAREHOUSE = "warehouse/customer_health.duckdb"

FACTS = """
select
    max(score_date) as as_of,
    max(data_through) as data_through,
    count(*) as accounts,
    sum(arr) as arr,
    max(scoring_version) as scoring_version
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

FIRST_CALLS = """
select
    account_name as account,
    owner,
    segment,
    cast(arr as decimal(18, 0)) as arr,
    health_score as score,
    grade,
    score_change_28d as in_28d,
    days_to_renewal as renews_in,
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
        return f"{value:,}" if isinstance(value, int | Decimal) else str(value)

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


def report(connection: duckdb.DuckDBPyConnection, rows: int) -> str:
    """The whole text: facts, the table by segment, the accounts to call first."""

    def query(sql: str, *parameters: Any) -> str:
        found = connection.execute(sql, list(parameters))
        names = [column[0] for column in found.description]
        return table(names, found.fetchall())

    as_of, data_through, accounts, arr, version = connection.execute(FACTS).fetchall()[0]
    if not accounts:
        return "No account is scored: marts.dim_accounts says why, account by account."
    return "\n".join(
        [
            f"{accounts} accounts scored as of {as_of}, usage through {data_through or 'never'},"
            f" ARR {arr or 0:,.0f}, scoring version {version}",
            "",
            query(BY_SEGMENT),
            "",
            "Red and yellow accounts by ARR, and what drags them most:",
            "",
            query(FIRST_CALLS, rows),
        ]
    )


def main() -> int:
    """Print the report; 1 when nothing was built yet."""
    parser = argparse.ArgumentParser(
        description="Show the health of the accounts of the last build.",
        epilog="example: python scripts/show_health.py --rows 25",
    )
    parser.add_argument("--rows", type=int, default=10, help="accounts to list (default 10)")
    warehouse = Path(os.environ.get("HEALTH_WAREHOUSE", DEFAULT_WAREHOUSE))
    arguments = parser.parse_args()
    if not warehouse.exists():
        print(f"{warehouse} does not exist yet: run make demo or dbt build.", file=sys.stderr)
        return 1
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            print(report(connection, arguments.rows))
    except duckdb.CatalogException:
        print(f"{warehouse} has no table marts.customer_health: run dbt build.", file=sys.stderr)
        return 1
    print(
        f"\nEverything is in {warehouse}, schema marts: customer_health (one row per account),"
        "\nfct_health_drivers (why), fct_health_scores (over time), rejected_records (what was"
        " refused).\nOpen it with any DuckDB client; weights and thresholds are in seeds/scoring/."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
