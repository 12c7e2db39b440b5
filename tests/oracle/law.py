"""The law: after any sequence of runs the marts equal a full rebuild, byte for byte.

    python tests/oracle/law.py --sequences 200 --seed 1 --workers 2
    python tests/oracle/law.py --sequences 1 --seed 17 --every-run --keep /tmp/seventeen

A sequence is told by its seed. It founds a small company (loads.py), builds it, and then takes
two to five steps: things happen (late usage, files sent again, corrections, changed seeds, ...),
then an ordinary run, sometimes after a run of a part, a run that was killed, or one with the clock
turned back. At the end, and sometimes on the way, the project is built anew into an empty file
with the same vars, and all tables of the schemas marts and metrics are compared: names, columns,
types and every value. What remembers runs is exempt.

dbt runs in process, in workers with a copy of the project each. Exit codes: 0 no difference,
1 differences (what led to each is printed, and its folder kept), 2 wrong usage.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from loads import ADVANCING, KINDS, OF_OTHERS, OF_SEEDS, OF_USAGE, Company, happens
from project import ROOT, copy_project
from stress import add_stress_scorecard

COMPARED_SCHEMAS = ("marts", "metrics")
# What remembers runs.
EXEMPT = frozenset({"marts.mart_status", "marts.fct_published_scores", "marts.fct_health_alerts"})
SELECTIONS = (
    *("staging", "activity", "metrics", "scoring", "marts", "path:seeds"),
    *("+metrics_usage", "usage_activity_daily+", "+fct_health_drivers", "fct_health_scores"),
    *("path:seeds path:models/scoring", "path:seeds path:models/marts"),
)
# Rows that a seed cannot take: dbt fails there, after it has built what does not need the seed.
BROKEN_SEEDS = (
    ("features", "another,Another,perhaps,false,false\n"),
    ("currencies", "CHF,much\n"),
    ("score_caps", "another,*,open_tickets,1,low,because\n"),
    ("grades", "E,Another,red,low,act\n"),
)
SEQUENCES_PER_WORKER = 25


# ---------------------------------------------------------------------------- comparing


@dataclass(frozen=True)
class Difference:
    """A table that is not the same in both files."""

    table: str
    rows: int
    examples: tuple[str, ...] = ()


@dataclass
class Comparison:
    """What two files were compared on, and where they differ."""

    tables: int = 0
    rows: int = 0
    values: int = 0
    differences: list[Difference] = field(default_factory=list)


def tables_of(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """Name and type of every column of the compared tables, in order."""
    tables: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind in connection.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns"
        " where table_schema in (?, ?) order by table_schema, table_name, ordinal_position",
        COMPARED_SCHEMAS,
    ).fetchall():
        if f"{schema}.{table}" not in EXEMPT:
            tables.setdefault(f"{schema}.{table}", []).append((column, kind))
    return tables


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str | None, ...]]:
    """All rows, every cell as text, in one order."""
    return connection.execute(f"select columns(*)::varchar from {table} order by all").fetchall()


def compare(incremental: Path, rebuilt: Path) -> Comparison:
    """Compare all published tables of two warehouse files."""
    result = Comparison()
    with (
        duckdb.connect(str(incremental), read_only=True) as left,
        duckdb.connect(str(rebuilt), read_only=True) as right,
    ):
        tables, expected = tables_of(left), tables_of(right)
        for table in sorted(tables.keys() | expected.keys()):
            if tables.get(table) != expected.get(table):
                columns = f"columns {tables.get(table)}, rebuilt {expected.get(table)}"
                result.differences.append(Difference(table, 0, (columns,)))
                continue
            found, wanted = rows_of(left, table), rows_of(right, table)
            result.tables += 1
            result.rows += len(wanted)
            result.values += len(wanted) * len(expected[table])
            if repr(found) != repr(wanted):
                names = [name for name, _ in expected[table]]
                result.differences.append(difference(table, names, found, wanted))
    return result


def difference(table: str, columns: list[str], found: list[Any], wanted: list[Any]) -> Difference:
    """How many rows differ, and up to three of them: what names the row, and each wrong cell."""
    surplus = sorted((Counter(found) - Counter(wanted)).elements(), key=repr)
    lacking = sorted((Counter(wanted) - Counter(found)).elements(), key=repr)
    rest = list(lacking)
    examples = []
    for row in surplus[:3]:
        name = ", ".join(str(cell) for cell in row[:4])
        pairs = [(sum(x == y for x, y in zip(row, other, strict=True)), other) for other in rest]
        alike, partner = max(pairs, key=lambda pair: pair[0], default=(0, None))
        if 2 * alike <= len(columns):
            examples.append(f"{name}: only run by run")
            continue
        rest.remove(partner)
        cells = [
            f"{column} {cell}, rebuilt {other}"
            for column, cell, other in zip(columns, row, partner, strict=True)
            if cell != other
        ]
        examples.append(f"{name}: {'; '.join(cells)}")
    for row in rest[: 3 - len(examples)] if len(surplus) < len(lacking) else []:
        examples.append(f"{', '.join(str(cell) for cell in row[:4])}: only rebuilt")
    return Difference(table, max(len(surplus), len(lacking)), tuple(examples))


# ---------------------------------------------------------------------------- running dbt


@dataclass(frozen=True)
class Build:
    """One dbt run: with which vars, and what is special about it."""

    variables: dict[str, Any]
    threads: int = 2
    select: str = ""
    by_hand: bool = False  # dbt seed, then dbt run, instead of dbt build
    full_refresh: bool = False
    killed_at: int = 0  # the process is killed when this many models have begun
    broken: str = ""  # a file, raw or seed, that is broken while it runs: it has to fail

    @property
    def may_fail(self) -> bool:
        """A part may need what only a whole run renews, such as the list of raw files."""
        return bool(self.select or self.broken)

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.variables.items() if value != ""]
        words.append(f"threads={self.threads}")
        if self.select:
            words.append(f"select={self.select}")
        words += ["dbt seed and dbt run"] * self.by_hand + ["full refresh"] * self.full_refresh
        words += [f"killed at model {self.killed_at}"] * bool(self.killed_at)
        words += [f"{self.broken} is broken"] * bool(self.broken)
        return ", ".join(words)


class RunFailedError(Exception):
    """A dbt run that should have succeeded, or failed, did not."""


class Workshop:
    """A copy of the project in which dbt runs in this process, parsed once.

    The manifest is copied for each run, so that no run sees what an earlier one compiled. It names
    the catalog, so that all files have the same name, in folders of their own.
    """

    quiet = (
        *("--log-level", "none", "--log-level-file", "none"),
        *("--no-write-json", "--no-use-colors"),
    )

    def __init__(self, folder: Path, source: Path | None = None) -> None:
        """Copy and parse the project `source`; without it, take the copy that is in the folder."""
        self.folder = folder
        self.project = folder / "project"
        if source:
            copy_project(self.project, source)
            shutil.copytree(source / "seeds" / "scoring", folder / "seeds")
            self._parse()
        parsed = (folder / "target" / "partial_parse.msgpack").read_bytes()
        self.manifest = Manifest.from_msgpack(parsed)

    def _parse(self) -> None:
        with environment(self.folder, self.folder / "parse", self.folder / "parse"):
            result = dbtRunner().invoke([*self.quiet, "parse", *self.place])
        if not result.success:
            raise RunFailedError(f"the project does not parse: {result.exception}")

    @property
    def steps(self) -> int:
        """How many seeds and models a whole run builds."""
        return sum(n.startswith(("model.", "seed.")) for n in self.manifest.nodes)

    @property
    def place(self) -> list[str]:
        return ["--project-dir", str(self.project), "--profiles-dir", str(self.project)]

    def reset_seeds(self) -> Path:
        """The scoring seeds as they were, to be changed by the next sequence."""
        seeds = self.project / "seeds" / "scoring"
        shutil.rmtree(seeds)
        shutil.copytree(self.folder / "seeds", seeds)
        return seeds

    def invoke(
        self, arguments: Sequence[str], raw: Path, work: Path, callbacks: Sequence[Any] = ()
    ) -> dbtRunnerResult:
        """Run a dbt command on a raw folder, into WORK/warehouse.duckdb."""
        runner = dbtRunner(manifest=self.manifest.deepcopy(), callbacks=list(callbacks))
        with environment(self.folder, raw, work):
            try:
                return runner.invoke([*self.quiet, *arguments, *self.place])
            finally:
                # dbt closes the file when its process ends, which this one does not.
                DuckDBConnectionManager.close_all_connections()

    def build(self, build: Build, raw: Path, work: Path, callbacks: Sequence[Any] = ()) -> bool:
        """Build seeds and models; whether it succeeded. Raises RunFailedError if it should have."""
        options = ["--threads", str(build.threads), "--vars", json.dumps(build.variables)]
        options += ["--full-refresh"] * build.full_refresh
        options += ["--select", build.select] * bool(build.select)
        whole = ["build", "--resource-type", "seed", "--resource-type", "model"]
        commands = [["seed"], ["run"]] if build.by_hand else [whole]
        for command in commands:
            result = self.invoke([*command, *options], raw, work, callbacks)
            if not result.success:
                if not build.may_fail:
                    raise RunFailedError(f"dbt {command[0]} ({build}): {reasons(result)}")
                return False
        if build.broken:
            raise RunFailedError(f"dbt ({build}) succeeded")
        return True

    def test(self, variables: dict[str, Any], raw: Path, work: Path) -> list[str]:
        """The data tests that fail, by name."""
        arguments = ["test", "--exclude-resource-type", "unit_test", "--vars"]
        result = self.invoke([*arguments, json.dumps(variables)], raw, work)
        if result.exception:
            raise RunFailedError(f"dbt test failed: {result.exception}")
        return [r.node.name for r in result.result.results if r.status in ("fail", "error")]

    def build_and_be_killed(self, build: Build, raw: Path, work: Path) -> bool:
        """Build in a process of its own that dies at once when it gets to the given model; False
        when it was done before."""
        process = multiprocessing.get_context("spawn").Process(
            target=build_until_killed, args=(self.folder, build, raw, work)
        )
        process.start()
        process.join()
        if process.exitcode not in (0, -signal.SIGKILL):
            raise RunFailedError(f"a run to be killed ended by itself: {process.exitcode}")
        return process.exitcode != 0


def reasons(result: dbtRunnerResult) -> str:
    """Why a run failed, in dbt's words."""
    if result.exception:
        return str(result.exception)
    results = getattr(result.result, "results", [])
    return "; ".join(f"{r.node.name}: {r.message}" for r in results if r.status == "error")


def build_until_killed(folder: Path, build: Build, raw: Path, work: Path) -> None:
    """Kill this process some milliseconds after the given model has begun."""
    begun = 0

    def count(event: Any) -> None:
        nonlocal begun
        begun += event.info.name == "NodeStart"
        if begun == build.killed_at:
            delay = build.killed_at % 7 / 100
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    Workshop(folder).build(build, raw, work, [count])


@contextlib.contextmanager
def environment(folder: Path, raw: Path, work: Path) -> Iterator[None]:
    """The environment of one run, and only of this run."""
    work.mkdir(parents=True, exist_ok=True)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("HEALTH_")]:
        del os.environ[name]
    os.environ |= {
        "HEALTH_RAW_DIR": str(raw),
        "HEALTH_WAREHOUSE": str(work / "warehouse.duckdb"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_PROJECT_DIR": str(folder / "project"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# ---------------------------------------------------------------------------- a sequence


@dataclass(frozen=True)
class Options:
    """What to do besides the seed's own story."""

    kills: bool = True
    most_steps: int = 5
    every_run: bool = False
    without: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What one sequence did and found."""

    seed: int
    folder: Path
    story: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    seconds: float = 0
    comparisons: list[Comparison] = field(default_factory=list)
    error: str = ""

    @property
    def differences(self) -> list[Difference]:
        return [one for comparison in self.comparisons for one in comparison.differences]

    @property
    def is_good(self) -> bool:
        return not self.error and not self.differences


class Story:
    """One story: a company, what happens to it, and its runs."""

    def __init__(self, workshop: Workshop, outcome: Outcome, options: Options) -> None:
        self.workshop, self.outcome, self.options = workshop, outcome, options
        seeds = workshop.reset_seeds()
        self.company = Company(outcome.seed, seeds)
        self.rng = self.company.rng
        if self.company.chance(0.5):
            add_stress_scorecard(seeds, outcome.seed)
            self.tell("seeds: with the scorecard `stress`")
        self.history_weeks = self.rng.choice((4, 8, 14, 20, 52))
        self.is_as_of_given = self.company.chance(0.5)
        self.raw, self.work = outcome.folder / "raw", outcome.folder / "work"

    def tell(self, text: str) -> None:
        self.outcome.story.append(text)

    def saw(self, kind: str) -> None:
        self.outcome.kinds[kind] += 1

    def run(self) -> None:
        """The whole story."""
        for feed in self.company.feeds.values():
            self.tell(feed.manner + (", absent" if feed.is_absent else ""))
        self.saw(f"usage feed: _loaded_at {self.company.feeds['usage_events'].stamps}")
        self.company.write(self.raw)
        self.build(self.ordinary())
        steps = min(self.options.most_steps, self.rng.choice((2, 2, 2, 3, 3, 4, 5)))
        for step in range(1, steps + 1):
            self.tell(f"step {step}")
            self.things_happen()
            self.company.write(self.raw)
            last = self.runs()
            if step == steps or self.company.chance(0.2) or self.options.every_run:
                self.compare(last, step)
        if self.company.chance(0.1) and not self.outcome.differences:
            self.check_with_dbt(last)

    def things_happen(self) -> None:
        """Time goes on, mostly; then up to five other things, mostly loads."""
        groups = [ADVANCING] * self.company.chance(0.75)
        many = self.rng.choice((0, 1, 1, 2, 2, 3, 5))
        groups += self.rng.choices((OF_USAGE, OF_OTHERS, OF_SEEDS), (5, 4, 2), k=many)
        for kinds in groups:
            name, what = happens(self.company, kinds, self.options.without)
            self.saw(name)
            self.tell(f"  {name}: {what}")

    def on(self, run_date: date, as_of: date | None) -> Build:
        """A whole run on that date."""
        variables = {
            "run_date": str(run_date),
            "as_of_date": str(as_of or ""),
            "history_weeks": self.history_weeks,
        }
        return Build(variables, self.rng.choice((1, 2, 4)), by_hand=self.company.chance(0.1))

    def ordinary(self) -> Build:
        """A run as it is due today."""
        today = self.company.today
        return self.on(today + timedelta(days=1), today if self.is_as_of_given else None)

    def runs(self) -> Build:
        """The runs of a step; the last one is whole and ordinary. Returns it."""
        company, rng = self.company, self.rng
        if company.chance(0.07):
            self.history_weeks = rng.choice((4, 8, 14, 20, 52))
            self.saw("runs: another history_weeks")
        last = self.ordinary()
        if company.chance(0.05):
            self.saw("runs: stopped at a broken file, then in order")
            suffix = "parquet" if company.feeds["accounts"].is_parquet else "csv"
            file = self.raw / "accounts" / f"broken.{suffix}"
            self.broken(last, file, "account_id,created_at\na\n")
        if company.chance(0.08):
            self.saw("runs: failed half-way at a seed, then in order")
            seed, row = rng.choice(BROKEN_SEEDS)
            file = company.seeds / f"{seed}.csv"
            self.broken(last, file, file.read_text(encoding="utf-8") + row)
        if company.chance(0.12):
            self.saw("runs: a part first")
            self.build(Build(last.variables, last.threads, select=self.selection()))
        killed_at = rng.randint(1, self.workshop.steps) if company.chance(0.08) else 0
        if killed_at and self.options.kills:
            self.saw("runs: killed, then in order")
            self.build(Build(last.variables, last.threads, killed_at=killed_at))
        tomorrow = company.today + timedelta(days=1)
        if company.chance(0.1):
            self.saw("runs: an older as_of_date")
            self.build(older := self.on(tomorrow, company.day(-45, -1)))
            last = rng.choice((last, older))
        if company.chance(0.1):
            self.saw("runs: the clock back")
            run_date = company.day(-40, 0)
            as_of = run_date - timedelta(days=1) if self.is_as_of_given else None
            self.build(older := self.on(run_date, as_of))
            last = rng.choice((last, last, older))
        self.build(last)
        if company.chance(0.08):
            self.saw("runs: repeated")
            self.build(last)
        self.saw(f"runs: {last.threads} threads")
        return last

    def selection(self) -> str:
        """A part of the project: one of the usual ones, or a model with or without its kin."""
        if self.company.chance(0.5):
            return self.rng.choice(SELECTIONS)
        names = sorted(n.name for n in self.workshop.manifest.nodes.values() if n.is_refable)
        return self.rng.choice(("{}", "+{}", "{}+")).format(self.rng.choice(names))

    def broken(self, build: Build, file: Path, text: str) -> None:
        """A run that fails because of what is in a file, which is then as it was."""
        before = file.read_text(encoding="utf-8") if file.exists() else None
        file.write_text(text, encoding="utf-8")
        self.build(Build(build.variables, build.threads, broken=file.name))
        if before is None:
            file.unlink()
        else:
            file.write_text(before, encoding="utf-8")

    def build(self, build: Build, work: Path | None = None) -> None:
        self.tell(f"  run: {build}" if work is None else f"  {work.name}: {build}")
        self.outcome.runs += 1
        if build.killed_at:
            was_killed = self.workshop.build_and_be_killed(build, self.raw, self.work)
            self.tell(f"    {'killed' if was_killed else 'done before it was killed'}")
        elif not self.workshop.build(build, self.raw, work or self.work):
            self.tell("    failed, as it may")

    def compare(self, last: Build, step: int) -> None:
        """Build all anew with the same vars, and compare; sometimes refresh a copy in place. Draws
        from its own numbers, so that the story is the same however often it is compared."""
        rng = random.Random(f"{self.outcome.seed} {step}")
        rebuilt = self.outcome.folder / "rebuilt"
        shutil.rmtree(rebuilt, ignore_errors=True)
        if rng.random() < 0.15:
            self.saw("compared: a full refresh of a copy")
            rebuilt.mkdir()
            shutil.copy(self.work / "warehouse.duckdb", rebuilt / "warehouse.duckdb")
        else:
            self.saw("compared: a build into an empty file")
        self.build(Build(last.variables, rng.choice((1, 2, 4)), full_refresh=True), rebuilt)
        paths = (self.work / "warehouse.duckdb", rebuilt / "warehouse.duckdb")
        self.outcome.comparisons.append(found := compare(*paths))
        for one in found.differences:
            self.tell(f"    {one.table}: {one.rows} rows differ")

    def check_with_dbt(self, last: Build) -> None:
        """The data tests on the file that grew run by run fail where they fail on the rebuilt."""
        self.saw("compared: the data tests")
        grown = self.workshop.test(last.variables, self.raw, self.work)
        expected = self.workshop.test(last.variables, self.raw, self.outcome.folder / "rebuilt")
        if grown != expected:
            raise RunFailedError(f"data tests fail: {grown}, after a rebuild: {expected}")


WORKSHOP: Workshop | None = None


def open_workshop(source: Path, scratch: Path) -> None:
    """Start of a worker process."""
    global WORKSHOP
    folder = Path(tempfile.mkdtemp(prefix="workshop_", dir=scratch))
    WORKSHOP = Workshop(folder, source)


def run_sequence(seed: int, folder: Path, options: Options) -> Outcome:
    """One sequence in this worker; whatever goes wrong is in the outcome."""
    outcome = Outcome(seed, folder / f"sequence_{seed}")
    outcome.folder.mkdir(parents=True)
    begun = time.monotonic()
    try:
        Story(WORKSHOP, outcome, options).run()
    except RunFailedError as error:
        outcome.error = str(error)
    except Exception:
        outcome.error = traceback.format_exc()
    outcome.seconds = time.monotonic() - begun
    if not outcome.is_good:
        shutil.copytree(WORKSHOP.project / "seeds", outcome.folder / "seeds")
    return outcome


def run_sequences(
    seeds: Iterable[int],
    folder: Path,
    *,
    source: Path = ROOT,
    workers: int = 1,
    options: Options | None = None,
) -> Iterator[Outcome]:
    """Run the sequences of those seeds on a project, one outcome each as they are done."""
    pool = ProcessPoolExecutor(
        workers,
        multiprocessing.get_context("spawn"),
        open_workshop,
        (source, folder),
        max_tasks_per_child=SEQUENCES_PER_WORKER,
    )
    chosen = options or Options()
    try:
        # A few ahead of the one that is waited for, so that whoever has seen enough can stop.
        rest = iter(seeds)
        ahead = islice(rest, 2 * workers - 1)
        running = deque(pool.submit(run_sequence, seed, folder, chosen) for seed in ahead)
        while running:
            yield running.popleft().result()
            for seed in islice(rest, 1):
                running.append(pool.submit(run_sequence, seed, folder, chosen))
    finally:
        pool.shutdown(cancel_futures=True)


# ---------------------------------------------------------------------------- the command


def failure(outcome: Outcome) -> str:
    """A failed sequence in words: what happened, and what differs."""
    lines = [f"sequence {outcome.seed} FAILED, kept in {outcome.folder}", *outcome.story]
    lines.append(
        f"again: python tests/oracle/law.py --sequences 1 --seed {outcome.seed} --every-run"
    )
    for one in outcome.differences:
        lines += [f"{one.table}: {one.rows} rows differ", *(f"    {e}" for e in one.examples)]
    if outcome.error:
        lines.append(outcome.error)
    return "\n".join(lines)


def summary(outcomes: Sequence[Outcome]) -> str:
    """What was done and seen in all sequences together."""
    kinds = sum((outcome.kinds for outcome in outcomes), Counter())
    compared = [comparison for outcome in outcomes for comparison in outcome.comparisons]
    unseen = sorted(KINDS - kinds.keys())
    lines = [f"  {count:5} {name}" for name, count in sorted(kinds.items())]
    return "\n".join(
        [
            "kinds of loads and runs seen:",
            *lines,
            *([f"not seen: {', '.join(unseen)}"] if unseen else []),
            f"{len(outcomes)} sequences, {sum(o.runs for o in outcomes)} runs,"
            f" {sum(o.seconds for o in outcomes) / max(len(outcomes), 1):.1f} seconds per sequence",
            f"{len(compared)} comparisons: {sum(c.tables for c in compared)} tables,"
            f" {sum(c.rows for c in compared):,} rows, {sum(c.values for c in compared):,} values",
            f"differences: {sum(len(o.differences) for o in outcomes)} tables,"
            f" failed sequences: {sum(not o.is_good for o in outcomes)}",
        ]
    )


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="After any sequence of runs the marts equal a full rebuild."
    )
    parser.add_argument("--sequences", type=int, default=200, help="how many, default 200")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first one, default 1")
    parser.add_argument("--workers", type=int, default=2, help="processes, default 2")
    parser.add_argument("--keep", type=Path, help="folder that keeps all files of all sequences")
    parser.add_argument("--project", type=Path, default=ROOT, help="another copy of the project")
    parser.add_argument("--every-run", action="store_true", help="compare after every step")
    parser.add_argument("--without", action="append", default=[], help="leave a kind out, by name")
    options = parser.parse_args(arguments)
    for name in options.without:
        if name not in KINDS:
            parser.error(f"no kind {name!r}; there are: {', '.join(KINDS)}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sequences, tell what failed, sum up; returns the exit code."""
    given = parse_arguments(arguments)
    # Runs that were killed cannot give back what they held.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    options = Options(every_run=given.every_run, without=tuple(given.without))
    folder = given.keep or Path(tempfile.mkdtemp(prefix="law_"))
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = []
    seeds = range(given.seed, given.seed + given.sequences)
    for outcome in run_sequences(
        seeds, folder.resolve(), source=given.project, workers=given.workers, options=options
    ):
        outcomes.append(outcome)
        if outcome.is_good:
            print(f"sequence {outcome.seed}: {outcome.runs} runs, equal", flush=True)
            if not given.keep:
                shutil.rmtree(outcome.folder)
        else:
            print(failure(outcome), flush=True)
    for workshop in folder.glob("workshop_*"):
        shutil.rmtree(workshop)
    if not any(folder.iterdir()):
        folder.rmdir()
    print(summary(outcomes))
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
