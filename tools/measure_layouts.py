"""Measure what the layout of a table and the memory limit change, on a build that is there.

    python tools/benchmark.py --events 2000000 --out build/large
    python tools/measure_layouts.py --out build/large
    .venv-engines/bin/python tools/measure_layouts.py --out build/large --postgres

Of a benchmark's folder it reads raw/ and a copy of build/warehouse.duckdb, and prints the tables of
docs/scaling.md:

    raw       what DuckDB has to read of usage_events for the newest days, by layout: the row groups
              of the Parquet files whose moments reach into them
    spill     MiB on disk that the heavy statements of a full build need under a memory limit
    plans     --postgres: how a database (PGHOST, ...) finds the rows of days in
              usage_activity_daily: plain, with an index, partitioned; its schema `layouts` is made
              for it and dropped

Exit codes: 0 measured, 1 something is not there or failed, 2 wrong usage.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from customer_health.console import run_command, table
from customer_health.errors import NotFoundError
from customer_health.inputs.load import RefusedError, postgres
from customer_health.inputs.raw_files import quoted
from measured_run import run_dbt

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "fct_score_changes",
    "metrics_usage",
    "usage_activity_daily",
    "fct_health_scores",
    "metric_scores",
)
LIMITS = ("400MB", "200MB")
DAYS = (1, 3, 61)
# What has to be read of the files for the days up to the last one with usage.
TO_READ = """
select count(distinct file_name), coalesce(sum(bytes), 0) / 1e6
from (
    select
        file_name,
        row_group_id,
        sum(total_compressed_size) as bytes,
        max(case when path_in_schema = 'event_at' then stats_max_value end) as newest
    from parquet_metadata({files})
    group by file_name, row_group_id
)
where cast(newest as timestamp) >= cast(? as date) - cast(? - 1 as integer)
"""
COLUMNS = (
    "account_id text, user_id text, feature text, activity_date date, events bigint,"
    " duration_seconds numeric(28, 6), accepted_rows bigint, duplicate_rows bigint"
)

Rows = list[list[str]]


def raw_layouts(raw: Path, folder: Path) -> Rows:
    """Files and MB to read for the newest days, for each layout of the usage events."""
    events = quoted(str(raw / "usage_events" / "2*.parquet"))
    rows = []
    with duckdb.connect() as duck:
        ((last, count),) = duck.execute(
            f"select cast(max(event_at) as date), count(*) from {events}"
        ).fetchall()
        for target, select in (
            (folder / "by_account.parquet", f"from {events} order by account_id, event_at"),
            (folder / "by_day", f"select *, cast(_loaded_at as date) as day from {events}"),
        ):
            how = ", partition_by (day)" if target.suffix == "" else ""
            duck.execute(
                f"copy ({select}) to {quoted(str(target))} (format parquet, compression zstd{how})"
            )
        for name, files in (
            ("as generated", events),
            ("a file per load day", quoted(str(folder / "by_day" / "*" / "*.parquet"))),
            ("one file sorted by account", quoted(str(folder / "by_account.parquet"))),
        ):
            found = [
                duck.execute(TO_READ.format(files=files), [last, days]).fetchall()[0]
                for days in DAYS
            ]
            ((size,),) = duck.execute(f"select sum(size) from read_blob({files})").fetchall()
            cells = (f"{number}, {megabytes:.2f}" for number, megabytes in found)
            rows.append([name, f"{size / count:.1f}", *cells])
    return rows


def spilled(warehouse: Path, raw: Path, folder: Path) -> Rows:
    """MiB on disk under each limit, of each of the heavy statements; '-' where it failed."""
    environment = {
        **os.environ,
        "HEALTH_WAREHOUSE": str(warehouse),
        "HEALTH_RAW_DIR": str(raw),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    run_dbt(["compile", "--full-refresh"], ROOT, environment)
    rows = []
    for name in HEAVY:
        (file,) = (folder / "target" / "compiled").rglob(f"{name}.sql")
        statement, cells = file.read_text(encoding="utf-8"), []
        for limit in LIMITS:
            profile = folder / "profile.json"
            with duckdb.connect(str(warehouse), read_only=True) as duck:
                duck.execute(f"set memory_limit = '{limit}'; set threads = 2")
                duck.execute("set preserve_insertion_order = false; set TimeZone = 'UTC'")
                duck.execute(f"set temp_directory = {quoted(str(folder / 'spill'))}")
                duck.execute("pragma enable_profiling = 'json'")
                duck.execute(f"pragma profiling_output = {quoted(str(profile))}")
                duck.execute(
                    'pragma custom_profiling_settings = \'{"SYSTEM_PEAK_TEMP_DIR_SIZE": "true"}\''
                )
                try:
                    # Every column has to be computed.
                    duck.execute(f"select max(hash(q)) from ({statement}) as q").fetchall()
                except duckdb.OutOfMemoryException:
                    cells.append("-")
                    continue
                duck.execute("pragma disable_profiling")
            found = json.loads(profile.read_text(encoding="utf-8"))
            cells.append(f"{found['system_peak_temp_dir_size'] / 2**20:,.0f}")
        rows.append([name, *cells])
    return rows


def plans(warehouse: Path, raw: Path, folder: Path) -> Iterator[list[str]]:
    """How PostgreSQL finds the rows of the three newest days; every delete is taken back."""
    file = folder / "activity.csv"
    with duckdb.connect(str(warehouse), read_only=True) as duck:
        names = ", ".join(column.split()[0] for column in re.split(r", (?=[a-z])", COLUMNS))
        duck.execute(
            f"copy (select {names} from activity.usage_activity_daily) to {quoted(str(file))}"
            " (header false)"
        )
        ((first, last),) = duck.execute(
            "select min(day), max(day) from (select distinct activity_date as day"
            " from activity.usage_activity_daily order by 1 desc limit 3)"
        ).fetchall()
        ((oldest,),) = duck.execute(
            "select min(activity_date) from activity.usage_activity_daily"
        ).fetchall()
    days = "activity_date in (select event_date from to_read)"
    bounds = f"activity_date between date '{first}' and date '{last}'"
    with postgres() as connection, connection.cursor() as cursor:
        cursor.execute("create schema layouts; set search_path = layouts")
        cursor.execute("set enable_nestloop = off; set jit = off")
        cursor.execute("set max_parallel_workers_per_gather = 0")
        cursor.execute(
            "create table to_read as select cast(generate_series(%s, %s, interval '1 day') as date)"
            " as event_date; analyze to_read",
            (first, last),
        )
        for layout in ("plain", "index", "partitions"):
            by = " partition by range (activity_date)" if layout == "partitions" else ""
            cursor.execute(f"create table {layout} ({COLUMNS}){by}")
            if by:
                cursor.execute(
                    "select cast(month as date), cast(month + interval '1 month' as date) from"
                    " generate_series(date_trunc('month', %s::date), %s, interval '1 month')"
                    " as months (month)",
                    (oldest, last),
                )
                for number, (start, end) in enumerate(cursor.fetchall()):
                    cursor.execute(
                        f"create table partitions_{number} partition of partitions"
                        f" for values from ('{start}') to ('{end}')"
                    )
            with file.open("rb") as handle:
                cursor.copy_expert(f"copy {layout} from stdin (format csv)", handle)
            if layout == "index":
                cursor.execute("create index on index (activity_date)")
            cursor.execute(f"analyze {layout}")
            for what, statement in (
                ("delete, as written", f"delete from {layout} where {days}"),
                ("delete, with bounds", f"delete from {layout} where {bounds} and {days}"),
                ("select, as written", f"select * from {layout} where {bounds} and {days}"),
            ):
                cursor.execute("savepoint before")
                # Once for the pages to be in memory.
                for _ in range(2):
                    cursor.execute(f"explain (analyze, buffers, format json) {statement}")
                    ((found,),) = cursor.fetchall()
                    cursor.execute("rollback to before")
                plan = found[0]["Plan"]
                join = plan["Plans"][0] if plan["Node Type"] == "ModifyTable" else plan
                buffers = join["Shared Hit Blocks"] + join["Shared Read Blocks"]
                scans = list(scans_of(join, layout))
                kind = f"{len(scans)} x {scans[0]}" if len(scans) > 1 else scans[0]
                yield [what, layout, kind, f"{buffers:,}", f"{found[0]['Execution Time']:.0f}"]
        connection.rollback()


def scans_of(plan: dict[str, Any], layout: str) -> Iterator[str]:
    """The kinds of the scans of a table and its partitions."""
    if str(plan.get("Relation Name", "")).startswith(layout):
        yield plan["Node Type"]
    for child in plan.get("Plans", []):
        yield from scans_of(child, layout)


def main() -> int:
    """0 when everything is measured."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--out", type=Path, default=Path("build/benchmark"), metavar="FOLDER",
                       help="of tools/benchmark.py (default build/benchmark)")  # fmt: skip
    asked.add_argument("--postgres", action="store_true", help="measure its plans instead")
    options = asked.parse_args()
    raw, built = options.out / "raw", options.out / "build" / "warehouse.duckdb"
    try:
        if not built.exists() or not raw.exists():
            raise NotFoundError(
                f"{options.out} has no raw/ and build/: run tools/benchmark.py first."
            )
        with tempfile.TemporaryDirectory(dir=options.out) as made:
            folder = Path(made).absolute()
            warehouse = folder / built.name
            shutil.copy(built, warehouse)
            if options.postgres:
                names = ["statement", "table", "scan", "buffers", "ms"]
                print(table(names, list(plans(warehouse, raw, folder))))
                return 0
            names = ["layout", "bytes per event", *(f"{days} d: files, MB" for days in DAYS)]
            print(table(names, raw_layouts(raw.absolute(), folder)), end="\n\n", flush=True)
            names = ["statement", *(f"MiB on disk at {limit}" for limit in LIMITS)]
            print(table(names, spilled(warehouse, raw.absolute(), folder)))
    except (NotFoundError, RefusedError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_command(main)
