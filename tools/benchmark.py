"""Measure what a build costs, in full and night by night, on generated data of any size.

In one run, on the same data, each as a command of its own, a dbt build with its data tests unless
said otherwise:

    full build       from no DuckDB file
    floor            one scan of the raw columns that are needed
    baseline         tools/baseline.sql: metrics, drivers, scores and changes without dbt
    same tables      what the baseline makes, built by dbt: with its data tests, and without
    next day         an ordinary day later: one day of all inputs, 1 % of the usage late
    repeat           at once again, with nothing new
    formula change   at once again, with one weight moved in scorecard_metrics.csv
    check            with --check: a full build into another file, compared value for value

With --goals only full build, floor, baseline and next day, which takes a third of the time.

The baseline's tables are compared with the full build's, value for value.

Seconds are of this machine at this moment; compare the ratios. Everything is written below --out:
the data (used again when they fit), the DuckDB files and benchmark.json with all that was measured.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import duckdb
from arguments import a_day, at_least_one
from benchmark_data.generate import generate
from benchmark_data.size import LAST_DAY, SEEDS, Size
from compare_builds import EXEMPT, Compared, differences
from customer_health.compare import LINKED
from customer_health.console import run_command, table
from customer_health.errors import NotFoundError
from customer_health.settings import python_path
from measured_run import Measured, Node, run, run_dbt
from pages import Table, add_docs_option, markdown, write_part

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "benchmarks.md"
STEPS = ("full build", "next day", "repeat", "formula change")
# In the order of the way of the data; folders that are not listed come last.
FOLDERS = ("staging", "activity", "metrics", "scoring", "marts")
SCORING = ("scoring", "marts")
# What the baseline makes. inputs_fingerprint is how the project finds what changed: no result.
BASELINE = Compared(
    tables=(
        "metrics.metrics_usage",
        "metrics.metrics_support",
        "metrics.metrics_sentiment",
        "metrics.metrics_revenue",
        "marts.fct_health_drivers",
        "marts.fct_health_scores",
        "marts.fct_score_changes",
    ),
    without=("inputs_fingerprint",),
)
SAME_TABLES = ["--select", *(f"+{name.partition('.')[2]}" for name in BASELINE.tables)]
EPILOG = """examples:
  python tools/benchmark.py --out build/small
      a million events of 2,000 accounts over 400 days, printed
  python tools/benchmark.py --events 20000000 --accounts 20000 --check --docs
      the size of docs/benchmarks.md, compared with a full build, written into that page
  python tools/benchmark.py --events 80000000 --accounts 80000 --generate-only --out build/large
      only the data: build/large/raw, and the day after in build/large/next_day

HEALTH_MEMORY_LIMIT and other settings of the environment hold for the builds too. Exit codes: 0
measured, 1 a build failed, or the baseline or the check differs, 2 wrong usage.
"""


@dataclass(frozen=True)
class Step:
    """One measured build: what it took, and the size of the DuckDB file afterwards."""

    name: str
    took: Measured
    file_bytes: int


# ------------------------------------------------------------------------------- data


def data_id(size: Size) -> str:
    """What the generated rows depend on: sizes, the generator, the seeds it reads and DuckDB."""
    sources = sorted((ROOT / "tools" / "benchmark_data").glob("*.py"))
    sources += [SEEDS / "features.csv", SEEDS / "segments.csv"]
    known = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    facts = {**asdict(size), "generator": known, "duckdb": duckdb.__version__}
    return json.dumps(facts, default=str, sort_keys=True)


def prepare_data(size: Size, out: Path) -> float:
    """The data below `out`, up to the last day; made unless they are there. Returns the seconds.

    NotFoundError when `out` holds something else.
    """
    start = perf_counter()
    made = out / "data.json"
    if out.exists() and not (out.is_dir() and (made.exists() or not any(out.iterdir()))):
        raise NotFoundError(f"{out} holds something else: name a new or empty folder with --out.")
    if not made.exists() or made.read_text(encoding="utf-8") != data_id(size):
        out.mkdir(parents=True, exist_ok=True)
        # The folder stays ours while the data are made anew.
        made.write_text("", encoding="utf-8")
        for name in ("raw", "next_day"):
            shutil.rmtree(out / name, ignore_errors=True)
        generate(size, out / "raw", out / "next_day")
        made.write_text(data_id(size), encoding="utf-8")
    for link in (out / "raw").glob("*/next_day.parquet"):
        link.unlink()
    return perf_counter() - start


def add_next_day(out: Path) -> None:
    """Put the files of the next day beside the raw inputs."""
    for file in sorted((out / "next_day").glob("*/next_day.parquet")):
        (out / "raw" / file.parent.name / file.name).symlink_to(file)


# ------------------------------------------------------------------------------- project


def make_project(folder: Path) -> Path:
    """The project with seeds of its own, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    return folder


def move_a_weight(seeds: Path) -> str:
    """Move one point of weight between the two heaviest metrics of the live retention scorecard's
    last segment; weights still sum to 100. Returns the change in words."""
    with (seeds / "scorecards.csv").open(encoding="utf-8-sig", newline="") as file:
        live = next(
            row["scorecard"]
            for row in csv.DictReader(file)
            if row["goal"] == "retention" and row["status"] == "live"
        )
    path = seeds / "scorecard_metrics.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        names, rows = reader.fieldnames, list(reader)
    segment = [row for row in rows if row["scorecard"] == live][-1]["segment"]
    chosen = [row for row in rows if (row["scorecard"], row["segment"]) == (live, segment)]
    heaviest = sorted(chosen, key=lambda row: -Decimal(row["weight"]))[:2]
    changes = []
    for row, step in zip(heaviest, (-1, 1), strict=True):
        previous, row["weight"] = row["weight"], str(Decimal(row["weight"]) + step)
        changes.append(f"{row['metric']} {previous} to {row['weight']}")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return f"{live}, {segment}: weight of {', of '.join(changes)}"


# ------------------------------------------------------------------------------- measuring


def build(
    out: Path,
    workspace: Path,
    run_date: date,
    threads: int,
    selection: Sequence[str] = (),
    without: Sequence[str] = ("unit_test",),
) -> Measured:
    """Build the project below `out`, or a part of it without some kinds of nodes, into `workspace`.
    It is parsed before, by a command that is not measured: a new run date alone has dbt read every
    file again."""
    environment = {
        **os.environ,
        "HEALTH_RAW_DIR": str(out / "raw"),
        "HEALTH_WAREHOUSE": str(workspace / "warehouse.duckdb"),
        "HEALTH_PUBLISH_DIR": str(workspace / "published"),
        "DBT_TARGET_PATH": str(workspace / "target"),
        "DBT_LOG_PATH": str(workspace / "logs"),
        "DBT_PROJECT_DIR": str(out / "project"),
        "PYTHONPATH": python_path(),
        "DBT_PROFILES_DIR": str(out / "project"),
    }
    shared = ["--threads", str(threads), "--vars", json.dumps({"run_date": run_date.isoformat()})]
    run_dbt(["parse", *shared], out / "project", environment)
    command = ["build", *selection, "--exclude-resource-type", *without, *shared]
    return run_dbt(command, out / "project", environment)


def measure_yardsticks(
    size: Size, out: Path, threads: int, goals: bool, tell: Callable[[str], None]
) -> tuple[list[Step], dict[str, int]]:
    """What to set the full build against, measured after it on the same inputs; and how many rows
    of the baseline's tables differ from those of the full build. For the goals alone the same
    tables are not built by dbt."""
    steps: list[Step] = []

    def step(name: str, took: Measured, warehouse: Path | None = None) -> None:
        steps.append(Step(name, took, warehouse.stat().st_size if warehouse else 0))
        tell(f"{name}: {took.seconds:.1f} s, {took.peak_bytes / 2**20:,.0f} MiB")

    def baseline(*arguments: str) -> Measured:
        command = [sys.executable, str(ROOT / "tools" / "baseline.py"), *arguments]
        return run([*command, "--raw-dir", str(out / "raw")], out, dict(os.environ))

    step("floor", baseline("--floor"))
    warehouse = out / "baseline" / "warehouse.duckdb"
    warehouse.parent.mkdir(exist_ok=True)
    seconds = warehouse.with_name("seconds.json")
    took = baseline(
        *("--run-date", size.next_day.isoformat(), "--to", str(warehouse)),
        *("--seconds", str(seconds)),
        *("--seed-dir", str(out / "project" / "seeds" / "scoring")),
    )
    tables = json.loads(seconds.read_text(encoding="utf-8")).items()
    nodes = tuple(Node("table", "baseline", name, spent) for name, spent in tables)
    step("baseline", replace(took, nodes=nodes), warehouse)
    found = differences(warehouse, out / "build" / "warehouse.duckdb", BASELINE)
    found = {name: found.get(name, 1) for name in BASELINE.tables}
    if goals:
        return steps, found
    for name, without in (
        ("same tables by dbt, no tests", ("unit_test", "test")),
        ("same tables by dbt, with their tests", ("unit_test",)),
    ):
        workspace = out / "same_tables"
        shutil.rmtree(workspace, ignore_errors=True)
        took = build(out, workspace, size.next_day, threads, SAME_TABLES, without)
        step(name, took, workspace / "warehouse.duckdb")
        shutil.rmtree(workspace)
    return steps, found


@dataclass(frozen=True)
class Results:
    """All that was measured: the steps in their order, what the full build is set against, the
    rows in which the baseline differs from it, and the change of the formula in words, empty where
    it was not measured."""

    steps: list[Step]
    yardsticks: list[Step]
    baseline_differences: dict[str, int]
    formula: str


def measure(
    size: Size, out: Path, threads: int, goals: bool, tell: Callable[[str], None]
) -> Results:
    """Measure every step and yardstick, or those of the goals alone."""
    project = make_project(out / "project")
    workspace = out / "build"
    shutil.rmtree(workspace, ignore_errors=True)
    steps: list[Step] = []

    def step(run_date: date) -> None:
        took = build(out, workspace, run_date, threads)
        file_bytes = (workspace / "warehouse.duckdb").stat().st_size
        steps.append(Step(STEPS[len(steps)], took, file_bytes))
        tell(f"{steps[-1].name}: {took.seconds:.1f} s, {took.peak_bytes / 2**20:,.0f} MiB")

    step(size.next_day)
    yardsticks, found = measure_yardsticks(size, out, threads, goals, tell)
    add_next_day(out)
    later = size.next_day + timedelta(days=1)
    step(later)
    if goals:
        return Results(steps, yardsticks, found, "")
    step(later)
    formula = move_a_weight(project / "seeds" / "scoring")
    step(later)
    return Results(steps, yardsticks, found, formula)


def check(size: Size, out: Path, threads: int) -> dict[str, int]:
    """Rows that differ between the file that grew and a full build of the same inputs."""
    workspace = out / "check"
    shutil.rmtree(workspace, ignore_errors=True)
    build(out, workspace, size.next_day + timedelta(days=1), threads)
    return differences(out / "build" / "warehouse.duckdb", workspace / "warehouse.duckdb")


# ------------------------------------------------------------------------------- telling


def percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def yardstick_table(results: Results) -> Table:
    """The full build, and the part of it that makes the baseline's tables, against the baseline;
    and the baseline against the floor. By the clock, every line a command of its own."""
    floor, baseline = (step.took.seconds for step in results.yardsticks[:2])
    rows = [
        [
            step.name,
            f"{step.took.seconds:.1f}",
            f"{step.took.seconds / floor:.1f}",
            f"{step.took.seconds / baseline:.2f}",
            f"{step.took.peak_bytes / 2**20:,.0f}",
        ]
        for step in [*results.yardsticks, results.steps[0]]
    ]
    return ["yardstick", "seconds by the clock", "/ floor", "/ baseline", "peak memory, MiB"], rows


def stage_table(steps: Sequence[Step]) -> Table:
    """Where the time of every step went."""
    met = {node.folder for step in steps for node in step.took.nodes if node.kind == "model"}
    folders = [name for name in FOLDERS if name in met] + sorted(met - set(FOLDERS))
    rows = [
        ["dbt by the clock", *(step.took.seconds for step in steps)],
        ["of it dbt itself", *(step.took.seconds - step.took.nodes_seconds for step in steps)],
        ["seeds", *(step.took.seconds_of("seed") for step in steps)],
    ]
    for folder in folders:
        rows.append([folder, *(step.took.seconds_of("model", folders=(folder,)) for step in steps)])
    rows += [
        ["seeds and models", *(step.took.seconds_of("seed", "model") for step in steps)],
        ["data tests", *(step.took.seconds_of("test") for step in steps)],
        ["check of the raw files", *(step.took.seconds_of("operation") for step in steps)],
    ]
    cells = [[name, *(f"{seconds:.1f}" for seconds in numbers)] for name, *numbers in rows]
    cells.append(["peak memory, MiB", *(f"{step.took.peak_bytes / 2**20:,.0f}" for step in steps)])
    cells.append(["DuckDB file, MiB", *(f"{step.file_bytes / 2**20:,.0f}" for step in steps)])
    return ["seconds", *(step.name for step in steps)], cells


def ratio_table(steps: Sequence[Step]) -> Table:
    """What the later steps cost next to the full build."""
    full, *others = (step.took for step in steps)

    def against(name: str, took: Measured) -> list[str]:
        kinds = (("seed", "model"), ("test",))
        shares = (percent(took.seconds_of(*kind), full.seconds_of(*kind)) for kind in kinds)
        return [name, percent(took.seconds, full.seconds), *shares]

    names = [f"{step.name} / full build" for step in steps[1:]]
    rows = [against(name, took) for name, took in zip(names, others, strict=True)]
    if steps[-1].name == STEPS[-1]:
        scoring = percent(
            others[-1].seconds_of("model", folders=SCORING),
            full.seconds_of("model", folders=SCORING),
        )
        rows.append([f"{names[-1]}, scoring and marts only", "", scoring, ""])
    return ["ratio", "by the clock", "seeds and models", "data tests"], rows


def model_table(steps: Sequence[Step]) -> Table:
    """Seconds of every model that counts in some step, the slowest first."""
    # A two-hundredth of the full build, and what can be told with one decimal.
    least = max(0.1, steps[0].took.seconds_of("seed", "model") / 200)
    by_step = [
        {node.name: node.seconds for node in step.took.nodes if node.kind == "model"}
        for step in steps
    ]
    names = sorted(set().union(*by_step), key=lambda name: (-by_step[0].get(name, 0), name))
    slow = [name for name in names if max(found.get(name, 0) for found in by_step) >= least]
    rows = [[name, *(f"{found.get(name, 0):.1f}" for found in by_step)] for name in slow]
    quick = [name for name in names if name not in slow]
    if quick:
        sums = (sum(found.get(name, 0) for name in quick) for found in by_step)
        rows.append([f"the other {len(quick)}", *(f"{seconds:.1f}" for seconds in sums)])
    return ["model", *(step.name for step in steps)], rows


def verdict(what: str, found: dict[str, int], but: Sequence[str]) -> str:
    """What a comparison found, in a sentence."""
    differing = [f"{name} {count:,}" for name, count in found.items() if count]
    where = f" ({', '.join(differing)})" if differing else ""
    return (
        f"{what}: {sum(found.values()):,} rows{where}, in {len(found)} tables (not compared:"
        f" {', '.join(but)})."
    )


def conditions(size: Size, threads: int) -> list[str]:
    """What was measured, on what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    limit = os.environ.get("HEALTH_MEMORY_LIMIT")
    return [
        f"Data: {size.events:,} usage events, {size.accounts:,} accounts, {size.days:,} days; the"
        f" largest account has {100 * size.skew:g} % of the events. Seed {size.seed}.",
        f"Machine: {os.cpu_count()} cores, {memory:.0f} GiB of memory; {threads} dbt threads"
        f"{f', HEALTH_MEMORY_LIMIT {limit}' if limit else ''}; DuckDB {duckdb.__version__}.",
    ]


# ------------------------------------------------------------------------------- command


def share(text: str) -> float:
    """A number above 0 and at most a half, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 0.5:
        raise argparse.ArgumentTypeError(f"has to be above 0 and at most 0.5, not {text[:40]}")
    return value


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = found.add_argument
    add("--events", type=at_least_one, default=1_000_000, help="usage events (default 1000000)")
    add("--accounts", type=at_least_one, default=2_000, help="at least 50 (default 2000)")
    add("--days", type=at_least_one, default=400, help="days of usage, at least 60 (default 400)")
    add("--skew", type=share, default=0.05, help="the largest account's share (default 0.05)")
    add("--seed", type=at_least_one, default=1, help="another one gives other rows (default 1)")
    add("--last-day", type=a_day, default=LAST_DAY, help=f"of the full build (default {LAST_DAY})")
    add("--out", type=Path, default=Path("build/benchmark"), help="(default build/benchmark)")
    add("--threads", type=at_least_one, default=2, help="dbt threads (default 2)")
    add("--goals", action="store_true", help="only full build, floor, baseline and next day")
    add("--check", action="store_true", help="compare with a full build at the end")
    add_docs_option(found, DOCS)
    add("--generate-only", action="store_true", help="write the data and stop")
    return found


def command_line(size: Size, options: argparse.Namespace) -> str:
    """The command that measures this again."""
    words = [f"--events {size.events} --accounts {size.accounts} --days {size.days}"]
    for name in ("skew", "seed", "last_day"):
        if getattr(size, name) != Size.__dataclass_fields__[name].default:
            words.append(f"--{name.replace('_', '-')} {getattr(size, name)}")
    if options.threads != 2:
        words.append(f"--threads {options.threads}")
    words += ["--goals"] * options.goals + ["--check"] * options.check
    return f"python tools/benchmark.py {' '.join(words)}"


def report(
    size: Size, options: argparse.Namespace, results: Results, found: dict[str, int] | None
) -> None:
    """Print what was measured; write it into benchmark.json and, if asked, into a page."""
    steps = results.steps
    tables = [yardstick_table(results), ratio_table(steps), stage_table(steps), model_table(steps)]
    lines = conditions(size, options.threads)
    if results.formula:
        lines.append(f"Formula change: {results.formula}.")
    differing = results.baseline_differences
    lines.append(verdict("Baseline, differences from the full build", differing, BASELINE.without))
    if found is not None:
        lines.append(verdict("Differences from a full build of the same inputs", found, EXEMPT))
    print("\n".join(lines), *(table(*content) for content in tables), sep="\n\n")
    facts = {
        "size": asdict(size),
        "threads": options.threads,
        "formula_change": results.formula,
        "steps": [asdict(step) for step in steps],
        "yardsticks": [asdict(step) for step in results.yardsticks],
        "baseline_differences": differing,
        "differences": found,
    }
    text = json.dumps(facts, indent=2, default=str)
    (options.out / "benchmark.json").write_text(text + "\n", encoding="utf-8")
    if options.docs:
        command = f"```sh\n{command_line(size, options)}\n```"
        page = [*lines, command, *(markdown(*content) for content in tables)]
        write_part(options.docs, "benchmark", "\n\n".join(page))


def main() -> int:
    asked = parser()
    options = asked.parse_args()
    if options.accounts < 50 or options.days < 60 or options.events < 10 * options.accounts:
        asked.error("needs at least 50 accounts, 60 days and 10 events per account")
    size = Size(
        options.events,
        options.accounts,
        options.days,
        options.skew,
        options.seed,
        options.last_day,
    )
    out = options.out.absolute()

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        seconds = prepare_data(size, out)
    except NotFoundError as problem:
        asked.error(str(problem))
    tell(f"Data ready in {seconds:.0f} s: {out / 'raw'}, the day after in {out / 'next_day'}")
    if options.generate_only:
        return 0
    try:
        results = measure(size, out, options.threads, options.goals, tell)
        found = check(size, out, options.threads) if options.check else None
        report(size, options, results, found)
    except NotFoundError as problem:
        print(problem, file=sys.stderr)
        return 1
    differing = [*results.baseline_differences.values(), *(found or {}).values()]
    return 1 if any(differing) else 0


if __name__ == "__main__":
    run_command(main)
