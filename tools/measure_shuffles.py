"""Measure what moves between tasks when Spark builds the project, model by model.

    python tools/measure_shuffles.py
    python tools/measure_shuffles.py --events 1000000 --accounts 2000 --docs
    python tools/measure_shuffles.py --kept --docs       (the builds that are there, told again)

Generated data (tools/benchmark.py) of two sizes, half and whole, are loaded and built on Spark
without tests, one model at a time; Spark's event log says how many bytes each stage wrote to
shuffle and read from it, and a stage belongs to the model that ran when it began. Then some of the
statements run again on the larger build, into nothing, each with several settings: as configured;
with tables above 200 KB no longer copied to all tasks, as it is with large data; and with the
tables they read in buckets of accounts. There are no seconds here: bytes do not depend on how busy
the machine is.

Needs what docs/engines.md says about Spark (run it with .venv-engines/bin/python). Everything is
written below --out. Exit codes: 0 measured, 1 a build failed, 2 wrong usage.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from arguments import at_least_one
from benchmark import prepare_data
from benchmark_data.size import Size
from customer_health.console import run_command, table
from customer_health.errors import NotFoundError
from customer_health.inputs.load import spark
from measured_run import run, run_dbt, run_results
from pages import Table, add_docs_option, markdown, write_part

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "scaling.md"
MEBIBYTE = 2**20
ACCUMULATED = "internal.metrics."
# In a page, models below this share of all shuffle bytes are told in one row.
LEAST_SHARE = 0.01
ONE_TASK = "(all to one task)"
# The statements that run again with other settings, and the tables they read that are bucketed.
AGAIN = (
    "metrics_usage",
    "metrics_revenue",
    "metrics_support",
    "fct_health_scores",
    "customer_health",
)
BUCKETED = (
    "activity.usage_activity_daily",
    "activity.account_activity_daily",
    "metrics.account_dates",
    "metrics.input_fingerprints",
    "metrics.metrics_usage",
    "metrics.metrics_support",
    "metrics.metrics_sentiment",
    "metrics.metrics_revenue",
    "scoring.account_segments",
    "scoring.stale_scores",
    "scoring.percentile_ranks",
    "scoring.stale_score_changes",
    "scoring.score_limits",
    "scoring.metric_scores",
)
BUCKETS = 8
NARROW = {"spark.sql.autoBroadcastJoinThreshold": "200KB"}
BY_ACCOUNT = {**NARROW, "spark.sql.requireAllClusterKeysForCoPartition": "false"}


@dataclass
class Moved:
    """What the stages of a model moved, in bytes; and what its plans have of exchanges."""

    written: int = 0
    read: int = 0
    spilled: int = 0
    shuffles: int = 0
    broadcasts: int = 0
    to_one_task: int = 0


@dataclass
class Log:
    """An event log of Spark: the stages that ran and the last plan of each statement, with the
    moment (seconds since 1970) at which each began."""

    stages: list[tuple[float, Moved]] = field(default_factory=list)
    plans: list[tuple[float, Moved]] = field(default_factory=list)
    # What each shuffle is by, and the bytes written to it.
    by_key: list[tuple[float, str, int]] = field(default_factory=list)


# ------------------------------------------------------------------------------- event log


def exchanges(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The exchanges of a plan; one that is used a second time is there once."""
    if plan["nodeName"] in ("ReusedExchange", "ReusedSubquery"):
        return
    if plan["nodeName"] in ("Exchange", "BroadcastExchange"):
        yield plan
    for child in plan["children"]:
        yield from exchanges(child)


def key_of(exchange: dict[str, Any]) -> str:
    """The columns that a shuffle is by; ONE_TASK where there are none."""
    found = re.match(r"Exchange (hash|range)partitioning\((.*), \d+\)", exchange["simpleString"])
    return re.sub(r"#\d+L?|_groupingexpression", "", found[2]) if found else ONE_TASK


def written_to(exchange: dict[str, Any], sums: dict[int, Any]) -> int:
    """The bytes written to a shuffle."""
    return sum(
        int(sums.get(metric["accumulatorId"]) or 0)
        for metric in exchange["metrics"]
        if metric["name"] == "shuffle bytes written"
    )


def read_log(path: Path) -> Log:
    """The log of one session."""
    found = Log()
    began: dict[int, float] = {}
    plans: dict[int, dict[str, Any]] = {}
    values: dict[int, Any] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            kind = event["Event"].rpartition(".")[2]
            if kind == "SparkListenerStageCompleted":
                stage = event["Stage Info"]
                values.update({each["ID"]: each.get("Value") for each in stage["Accumulables"]})
                sums = {
                    each["Name"].removeprefix(ACCUMULATED): each["Value"]
                    for each in stage["Accumulables"]
                    if str(each.get("Name", "")).startswith(ACCUMULATED)
                }
                moved = Moved(
                    written=int(sums.get("shuffle.write.bytesWritten", 0)),
                    read=int(sums.get("shuffle.read.localBytesRead", 0))
                    + int(sums.get("shuffle.read.remoteBytesRead", 0)),
                    spilled=int(sums.get("diskBytesSpilled", 0)),
                )
                found.stages.append((stage["Submission Time"] / 1000, moved))
            elif kind == "SparkListenerSQLExecutionStart":
                began[event["executionId"]] = event["time"] / 1000
                plans[event["executionId"]] = event["sparkPlanInfo"]
            elif kind == "SparkListenerSQLAdaptiveExecutionUpdate":
                # Plans change while they run; the last one is what ran.
                plans[event["executionId"]] = event["sparkPlanInfo"]
    for number, plan in plans.items():
        every = list(exchanges(plan))
        shuffles = [each for each in every if each["nodeName"] == "Exchange"]
        keys = [(key_of(each), written_to(each, values)) for each in shuffles]
        moved = Moved(
            shuffles=len(shuffles),
            broadcasts=len(every) - len(shuffles),
            to_one_task=sum(count for key, count in keys if key == ONE_TASK),
        )
        found.plans.append((began[number], moved))
        found.by_key += [(began[number], *key) for key in keys]
    return found


def moved_by(log: Log, periods: Sequence[tuple[str, float, float]]) -> dict[str, Moved]:
    """What was moved in each period (name, first and last moment), one after the other."""
    found = {name: Moved() for name, _, _ in periods}
    for began, moved in [*log.stages, *log.plans]:
        for name, first, last in periods:
            if first <= began <= last:
                for what, amount in vars(moved).items():
                    setattr(found[name], what, getattr(found[name], what) + amount)
                break
    return found


def moment(text: str) -> float:
    """Seconds since 1970 of a moment in run_results.json."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def periods_of(results: dict[str, Any]) -> list[tuple[str, float, float]]:
    """When each model ran, its own queries to the database included."""
    found = []
    for result in results["results"]:
        kind, _, name = result["unique_id"].split(".")[:3]
        if kind == "model" and result["timing"]:
            begun = min(moment(each["started_at"]) for each in result["timing"])
            ended = max(moment(each["completed_at"]) for each in result["timing"])
            found.append((name, begun, ended))
    return found


def the_log(folder: Path) -> Path:
    """The one event log of a folder."""
    files = sorted(folder.iterdir()) if folder.exists() else []
    if len(files) != 1:
        raise NotFoundError(
            f"{folder} has {len(files)} event logs instead of one: run without --kept."
        )
    return files[0]


# ------------------------------------------------------------------------------- measuring


def with_log(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment, with an event log of the next session in a folder, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": folder.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        # Plans come as a structure, too; as text they are most of the log.
        "spark.sql.maxPlanStringLength": "1000",
    }
    words = " ".join(f"--conf {name}={value}" for name, value in settings.items())
    return {**environment, "PYSPARK_SUBMIT_ARGS": f"{words} pyspark-shell"}


def environment_of(out: Path) -> dict[str, str]:
    """What the environment has to say for a build below `out`."""
    return {
        **os.environ,
        "HEALTH_RAW_DIR": str(out / "raw"),
        "HEALTH_SPARK_DIR": str(out / "base" / "spark"),
        "DBT_TARGET_PATH": str(out / "base" / "target"),
        "DBT_LOG_PATH": str(out / "base" / "logs"),
        "DBT_PROFILES_DIR": str(ROOT),
    }


def build(size: Size, out: Path) -> None:
    """Generate, load and build; everything below `out`."""
    prepare_data(size, out)
    shutil.rmtree(out / "base", ignore_errors=True)
    environment = environment_of(out)
    load = [sys.executable, str(ROOT / "scripts" / "load_raw.py"), "--target", "spark"]
    run(load, ROOT, environment)
    run_dbt(
        [
            *("build", "--target", "spark", "--threads", "1"),
            *("--exclude-resource-type", "unit_test", "test"),
            *("--vars", json.dumps({"run_date": size.next_day.isoformat()})),
        ],
        ROOT,
        with_log(environment, out / "base" / "events"),
    )


def statement(out: Path, name: str) -> str:
    """The compiled statement of a model."""
    (found,) = (out / "base" / "target" / "compiled").rglob(f"{name}.sql")
    return found.read_text(encoding="utf-8")


def put_into_buckets(session: Any) -> None:
    """Write each of the tables anew, in buckets of accounts."""
    for name in BUCKETED:
        session.sql(f"drop table if exists {name}__new")
        session.sql(
            f"create table {name}__new using parquet clustered by (account_id) into {BUCKETS}"
            f" buckets as select * from {name}"
        )
        session.sql(f"drop table {name}")
        session.sql(f"alter table {name}__new rename to {name}")


def run_again(out: Path) -> None:
    """Run the statements with each of the settings, into nothing; again.json has the periods."""
    copied = out / "again"
    shutil.rmtree(copied, ignore_errors=True)
    copied.mkdir()
    os.environ.update(with_log(environment_of(out), copied / "events"))
    periods: list[tuple[str, float, float]] = []
    with spark() as session:
        # As dbt-spark has it, whatever the profile says.
        session.conf.set("spark.sql.ansi.enabled", "false")
        for what, settings in (
            ("as configured", {}),
            ("broadcast below 200 KB", NARROW),
            ("the same, bucketed", NARROW),
            ("bucketed, joined by part of the key", BY_ACCOUNT),
        ):
            if what == "the same, bucketed":
                put_into_buckets(session)
            for name, value in settings.items():
                session.conf.set(name, value)
            for model in AGAIN:
                begun = datetime.now().timestamp()
                rows = session.sql(statement(out, model))
                rows.write.format("noop").mode("overwrite").save()
                periods.append((f"{model}|{what}", begun, datetime.now().timestamp()))
    (copied / "again.json").write_text(json.dumps(periods), encoding="utf-8")


# ------------------------------------------------------------------------------- telling


def mebibytes(count: int) -> str:
    return f"{count / MEBIBYTE:,.1f}"


def ratio(part: float, whole: float) -> str:
    return f"{part / whole:.2f}" if whole else "-"


def model_table(half: dict[str, Moved], full: dict[str, Moved], least: float = 0) -> Table:
    """Every model with at least that share of the bytes, most first; the others in one row."""
    names = sorted(full, key=lambda name: (-full[name].written, name))
    total = sum(moved.written for moved in full.values())
    counted = [name for name in names if full[name].written >= least * total]
    others = [name for name in names if name not in counted]
    groups = [(name, [name]) for name in counted]
    groups += [(f"the other {len(others)}", others)] * bool(others) + [("all", names)]
    rows = []
    for label, members in groups:
        before = [half.get(name, Moved()) for name in members]
        after = [full[name] for name in members]
        written = sum(moved.written for moved in after)
        rows.append(
            [
                label,
                str(sum(moved.shuffles for moved in after)),
                str(sum(moved.broadcasts for moved in after)),
                mebibytes(sum(moved.written for moved in before)),
                mebibytes(written),
                ratio(written, sum(moved.written for moved in before)),
                mebibytes(sum(moved.to_one_task for moved in after)),
                mebibytes(sum(moved.read for moved in after)),
            ]
        )
    return [
        "model",
        "shuffles",
        "broadcasts",
        "MiB written, half",
        "MiB written",
        "growth",
        "of it to one task",
        "MiB read from shuffle",
    ], rows


def key_table(log: Log, periods: Sequence[tuple[str, float, float]]) -> Table:
    """What the shuffles of all models are by, most bytes first."""
    count: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for began, key, size in log.by_key:
        if any(first <= began <= last for _, first, last in periods):
            count[key] += 1
            written[key] += size
    total = sum(written.values())
    rows = [
        [key, str(count[key]), mebibytes(size), f"{100 * size / total:.0f} %"]
        for key, size in written.most_common()
        if size >= 3 * LEAST_SHARE * total or key == ONE_TASK
    ]
    return ["shuffled by", "shuffles", "MiB written", "share"], rows


def settings_table(found: dict[str, Moved]) -> Table:
    """The statements that ran again: MiB written to shuffle, and the number of shuffles."""
    settings = list(dict.fromkeys(key.partition("|")[2] for key in found))
    rows = []
    for model in AGAIN:
        moved = [found[f"{model}|{what}"] for what in settings]
        rows.append([model, *(f"{mebibytes(each.written)} ({each.shuffles})" for each in moved)])
    return ["MiB written to shuffle (shuffles)", *settings], rows


def report(sizes: Sequence[Size], out: Path, page: Path | None) -> None:
    """Print what was measured; if asked, write it into a page."""
    by_size = []
    for size in sizes:
        base = out / str(size.events) / "base"
        periods = periods_of(run_results(base / "target"))
        log = read_log(the_log(base / "events"))
        by_size.append(moved_by(log, periods))
    again = out / str(sizes[1].events) / "again"
    kept = json.loads((again / "again.json").read_text(encoding="utf-8"))
    statements = moved_by(read_log(the_log(again / "events")), kept)
    others = [key_table(log, periods), settings_table(statements)]
    spilled = sum(moved.spilled for moved in by_size[1].values())
    words = " and ".join(f"{size.events:,} events of {size.accounts:,} accounts" for size in sizes)
    lines = [
        f"Data: {words}, {sizes[1].days} days. Spilled to disk by the larger build:"
        f" {mebibytes(spilled)} MiB."
    ]
    half, full = by_size
    told = [model_table(half, full), *others]
    print(*lines, *(table(*content) for content in told), sep="\n\n")
    if page:
        told = [model_table(half, full, LEAST_SHARE), *others]
        write_part(page, "shuffles", "\n\n".join([*lines, *(markdown(*each) for each in told)]))


def main() -> int:
    """0 when everything is measured."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = asked.add_argument
    add("--events", type=at_least_one, default=500_000, help="usage events (default 500000)")
    add("--accounts", type=at_least_one, default=1_000, help="at least 100 (default 1000)")
    add("--days", type=at_least_one, default=400, help="days of usage, at least 60 (default 400)")
    add("--out", type=Path, default=Path("build/shuffles"), help="(default build/shuffles)")
    add("--kept", action="store_true", help="measure nothing again: what is there below --out")
    add_docs_option(asked, DOCS)
    options = asked.parse_args()
    if options.accounts < 100 or options.days < 60 or options.events < 10 * options.accounts:
        asked.error("needs at least 100 accounts, 60 days and 10 events per account")
    out = options.out.absolute()
    sizes = [
        Size(options.events // part, options.accounts // part, options.days) for part in (2, 1)
    ]
    try:
        if not options.kept:
            for size in sizes:
                print(f"Building {size.events:,} events", file=sys.stderr, flush=True)
                build(size, out / str(size.events))
            run_again(out / str(sizes[1].events))
        report(sizes, out, options.docs)
    except NotFoundError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_command(main)
