"""Show what was built: health by segment, and who needs a call first."""

import os
import sys

import duckdb

from customer_health.console import as_json
from customer_health.warehouse import (
    checked_warehouse_path,
    open_warehouse,
    query_table,
    records,
    unfinished_run,
)

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

FIRST_CALLS = """
select
    account_id as account,
    account_name as name,
    owner,
    segment,
    cast(arr as decimal(18, 0)) as arr,
    health_score as score,
    grade,
    score_change_28d as change_28d,
    days_to_renewal as renews_in_days,
    concat_ws(', ', 'cap ' || cap, drag_1, drag_2) as mostly_because_of,
    recommended_playbook as what_to_do
from marts.customer_health
where colour in ('red', 'yellow')
order by colour, arr desc nulls last, account_id
limit ?
"""


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
        f"Rejected: {rejected:,} rows, {blanked:,} cells (marts.rejected_records)",
        "",
        query_table(connection, BY_SEGMENT),
        "",
    ]
    if scored == 0:
        return "\n".join(
            [*lines, "Too little is known of every account: see coverage in marts.customer_health."]
        )
    return "\n".join(
        [
            *lines,
            first_calls_title(connection, rows),
            "",
            query_table(connection, FIRST_CALLS, rows),
        ]
    )


def first_calls_title(connection: duckdb.DuckDBPyConnection, rows: int) -> str:
    [(count,)] = connection.execute(
        "select count(*) from marts.customer_health where colour in ('red', 'yellow')"
    ).fetchall()
    shown = f" ({rows} of {count}, --rows shows more)" if count > rows else ""
    return f"Red accounts, then yellow ones, by ARR, and what drags them most{shown}:"


def run(rows: int, is_json: bool, is_quiet: bool) -> int:
    """Print the report."""
    warehouse = checked_warehouse_path()
    with open_warehouse(warehouse) as connection:
        if warning := unfinished_run(connection):
            print(warning, file=sys.stderr)
        if is_json:
            found = {
                "facts": records(connection, FACTS)[0],
                "segments": records(connection, BY_SEGMENT),
                "first_calls": records(connection, FIRST_CALLS, rows),
            }
            print(as_json(found))
            return 0
        print(report(connection, rows))
    if not is_quiet:
        print(
            f"\nEverything is in {os.path.relpath(warehouse)}, schema marts: customer_health (one"
            " row per account),\nfct_health_drivers (why), fct_health_scores (over time),"
            " rejected_records (what was refused).\nWhy one account scores what it does:"
            " customer-health explain ID. Weights and thresholds: seeds/scoring/."
        )
    return 0
