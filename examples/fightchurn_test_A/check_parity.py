"""Compare this project's event counts with the simulation's own metrics.

The peer counted, for every account, date t and event type, the events in [t - 28 days, t), and
kept the counts that are not zero. The same counts are taken from the project's daily activity
table and compared both ways: what the peer has, and what only the project has.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

ORIGIN = """The peer's metrics come from the same run of Carl Gold's simulation fight-churn (MIT
licence) as the events: run its listings for the *_per_month metrics, then export the tables metric
(CSV, gzip) and metric_name (CSV), with header lines, into the folder 'expected' of the source.
https://github.com/carl24k/fight-churn"""

# The metric <event type>_per_month counts the events of that type.
COMPARE = """
CREATE TEMP TABLE counts AS
WITH name AS (
    SELECT metric_name_id, regexp_replace(metric_name, '_per_month$', '') AS feature
    FROM read_csv($names, all_varchar = true, header = true, delim = ',')
    WHERE metric_name LIKE '%\\_per\\_month' ESCAPE '\\'
), peer AS (
    SELECT account_id, CAST(CAST(metric_time AS TIMESTAMP) AS DATE) AS metric_date, feature,
        CAST(metric_value AS DOUBLE) AS events
    FROM read_csv($metrics, all_varchar = true, header = true, delim = ',')
    INNER JOIN name USING (metric_name_id)
), project AS (
    SELECT daily.account_id, dates.metric_date, daily.feature, sum(daily.events) AS events
    FROM (SELECT DISTINCT metric_date FROM peer) AS dates
    INNER JOIN {table} AS daily
        ON daily.activity_date BETWEEN dates.metric_date - 28 AND dates.metric_date - 1
    WHERE daily.feature IN (SELECT feature FROM name)
    GROUP BY ALL HAVING sum(daily.events) <> 0
)
SELECT account_id, metric_date, feature, CAST(coalesce(peer.events, 0) AS DOUBLE) AS peer,
    CAST(coalesce(project.events, 0) AS DOUBLE) AS project
FROM peer FULL JOIN project USING (account_id, metric_date, feature)
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=ORIGIN, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--warehouse", type=Path, required=True, help="DuckDB file after dbt build")
    parser.add_argument("--source", type=Path, required=True, help="folder that holds 'expected'")
    parser.add_argument(
        "--table", default="activity.usage_activity_daily", help="daily activity (%(default)s)"
    )
    parser.add_argument("--show", type=int, default=20, help="differences to list (%(default)s)")
    args = parser.parse_args()

    metrics = args.source / "expected" / "metric.csv.gz"
    names = args.source / "expected" / "metric_name.csv"
    if absent := [str(path) for path in (metrics, names) if not path.is_file()]:
        raise SystemExit(f"file missing: {', '.join(absent)}\n{ORIGIN}")
    if not args.warehouse.is_file():
        raise SystemExit(f"{args.warehouse}: no such file; prepare the data and build first")

    try:
        with duckdb.connect(args.warehouse, read_only=True) as con:
            con.execute(
                COMPARE.format(table=args.table), {"metrics": str(metrics), "names": str(names)}
            )
            compared, equal, only_peer, only_project, kinds = con.execute(
                "SELECT count(*), count(*) FILTER (peer = project),"
                " count(*) FILTER (project = 0), count(*) FILTER (peer = 0),"
                " count(DISTINCT feature) FROM counts"
            ).fetchone()
            unequal = con.execute(
                "SELECT * FROM counts WHERE peer <> project ORDER BY ALL LIMIT $show",
                {"show": args.show},
            ).fetchall()
    except duckdb.Error as error:
        raise SystemExit(f"check_parity.py: {error}") from error

    print(f"{equal:,} of {compared:,} equal ({kinds} event types)")
    if equal == compared > 0:
        return 0
    print(f"only the peer: {only_peer:,}, only the project: {only_project:,}")
    for account, date, feature, peer, project in unequal:
        print(f"account {account}, {date}, {feature}: peer {peer:,.10g}, project {project:,.10g}")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
