"""After any sequence of loads and runs the marts equal a full rebuild, byte for byte.

Three sequences here, 200 with `make law`; what can happen in one is in tests/oracle/loads.py.
"""

import os
import shutil
from pathlib import Path

import duckdb
import law
import pytest
from law import Build, Difference, Options, Workshop, compare, run_sequences
from loads import ADVANCING, KINDS, Company, happens
from project import ROOT, copy_project, write_two_accounts

# A range, not chosen: `make law` begins with other ones.
SEEDS = range(1001, 1004)


def test_a_few_sequences_equal_their_rebuilds(tmp_path: Path) -> None:
    # To save time, stories end after three steps, and nothing is killed half-way.
    options = Options(kills=False, most_steps=3)
    outcomes = list(run_sequences(SEEDS, tmp_path, workers=2, options=options))

    assert [o.seed for o in outcomes] == list(SEEDS)
    assert all(o.is_good for o in outcomes), "\n".join(
        law.failure(o) for o in outcomes if not o.is_good
    )
    compared = [comparison for outcome in outcomes for comparison in outcome.comparisons]
    assert min(comparison.tables for comparison in compared) >= 12
    assert sum(comparison.values for comparison in compared) > 200_000
    print(law.summary(outcomes))


def break_late_usage(project: Path) -> None:
    """The classic fault of incremental models: reading on from the newest day that is there."""
    path = project / "models/activity/stale_usage_days.sql"
    sql = path.read_text(encoding="utf-8")
    old = (
        "raw_days.raw_rows is distinct from known_days.raw_rows\n"
        "            or raw_days.newest_loaded_at is distinct from known_days.newest_loaded_at\n"
    )
    assert sql.count(old) == 1
    newer = f"({old})\nand raw_days.event_date > (select max(event_date) from known_days)\n"
    path.write_text(sql.replace(old, newer), encoding="utf-8")


def test_a_model_that_misses_late_usage_is_found(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "broken")
    break_late_usage(project)
    options = Options(kills=False)
    outcomes = run_sequences(range(1, 11), tmp_path, source=project, options=options)
    failed = next(outcome for outcome in outcomes if not outcome.is_good)
    outcomes.close()

    assert failed.error == ""
    assert "metrics.metrics_usage" in {difference.table for difference in failed.differences}
    told = law.failure(failed)
    assert f"--seed {failed.seed}" in told
    assert "metrics.metrics_usage: " in told and ", rebuilt " in told


def write_table(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        for statement in statements:
            connection.execute(statement)
    return path


TABLE = "create table marts.t as select 'a' as k, cast(1.5 as decimal(9, 2)) as v"


@pytest.mark.parametrize(
    ("other", "rows"),
    [
        (["create table marts.t as select 'a' as k, cast(1.51 as decimal(9, 2)) as v"], 1),
        (["create table marts.t as select 'a' as k, cast(null as decimal(9, 2)) as v"], 1),
        ([TABLE, "insert into marts.t from marts.t"], 1),
        (["create table marts.t as select 'a' as k, cast(1.5 as decimal(9, 3)) as v"], 0),
        (["create table marts.t as select 'a' as k, cast(1.5 as decimal(9, 2)) as w"], 0),
        (["create table marts.another as select 1 as k"], 0),
    ],
    ids=["value", "null", "row twice", "type", "column", "table"],
)
def test_the_smallest_difference_counts(tmp_path: Path, other: list[str], rows: int) -> None:
    left = write_table(tmp_path / "left" / "warehouse.duckdb", TABLE)
    right = write_table(tmp_path / "right" / "warehouse.duckdb", *other)
    found = {one.table: one.rows for one in compare(left, right).differences}

    assert found["marts.t"] == rows
    assert compare(left, left).differences == []


def test_what_remembers_runs_is_exempt(tmp_path: Path) -> None:
    alerts = "create table marts.fct_health_alerts as select {} as k"
    left = write_table(tmp_path / "left" / "warehouse.duckdb", TABLE, alerts.format(1))
    right = write_table(tmp_path / "right" / "warehouse.duckdb", TABLE, alerts.format(2))

    assert compare(left, right).differences == []
    assert compare(left, right).tables == 1


def test_runs_in_one_process_keep_nothing_of_each_other(tmp_path: Path) -> None:
    """Raw folder, file and vars are those of the run, and the file is closed when it is over."""
    workshop = Workshop(tmp_path / "workshop", ROOT)
    before = dict(os.environ)
    answers = []
    for number, feature in enumerate(("login", "search", "login")):
        raw, work = tmp_path / f"raw_{number}", tmp_path / f"work_{number}"
        write_two_accounts(raw, feature)
        as_of = f"2026-02-{10 + number}"
        workshop.build(Build({"run_date": "2026-02-28", "as_of_date": as_of}), raw, work)
        # Opened for writing: a connection that is still open would refuse it.
        with duckdb.connect(str(work / "warehouse.duckdb")) as connection:
            answers += connection.execute(
                "select cast(max(score_date) as varchar), max(feature)"
                " from marts.customer_health, activity.usage_activity_daily"
            ).fetchall()

    assert answers == [("2026-02-10", "login"), ("2026-02-11", "search"), ("2026-02-12", "login")]
    assert dict(os.environ) == before
    assert Path.cwd() != workshop.folder


def test_a_part_of_the_project_leaves_nothing_stale(tmp_path: Path) -> None:
    """What was built of one part only, out of what was there, is not taken for sound."""
    workshop = Workshop(tmp_path / "workshop", ROOT)
    raw, work, rebuilt = tmp_path / "raw", tmp_path / "work", tmp_path / "rebuilt"
    day = {"run_date": "2026-02-28", "as_of_date": "2026-02-27"}
    write_two_accounts(raw, "login")
    workshop.build(Build(day), raw, work)

    # Scores are noted down as computed, but no mart has them.
    seed = workshop.reset_seeds() / "scorecards.csv"
    text = seed.read_text(encoding="utf-8")
    seed.write_text(text.replace(",0.5,", ",0.4,"), encoding="utf-8")
    assert text != seed.read_text(encoding="utf-8")
    workshop.build(Build(day, select="path:seeds path:models/scoring"), raw, work)
    workshop.build(Build(day), raw, work)
    workshop.build(Build(day), raw, rebuilt)
    assert compare(work / "warehouse.duckdb", rebuilt / "warehouse.duckdb").differences == []

    # Drivers are made of rows that are gone again when the whole is built.
    usage = raw / "usage_events" / "usage_events.csv"
    header, *events = usage.read_text(encoding="utf-8").splitlines(keepends=True)
    usage.write_text(header + "".join(events[::3]), encoding="utf-8")
    for part in ("+metrics_wide", "marts"):
        workshop.build(Build(day, select=part), raw, work)
    usage.write_text(header + "".join(events), encoding="utf-8")
    workshop.build(Build(day), raw, work)
    assert compare(work / "warehouse.duckdb", rebuilt / "warehouse.duckdb").differences == []


def test_an_ordinary_run_is_not_taken_for_a_part(tmp_path: Path) -> None:
    """By hand or at once, tables that are kept are kept: nothing is computed twice."""
    workshop = Workshop(tmp_path / "workshop", ROOT)
    raw, work = tmp_path / "raw", tmp_path / "work"
    write_two_accounts(raw, "login")
    day = {"run_date": "2026-02-28", "as_of_date": "2026-02-27"}
    workshop.build(Build({**day, "as_of_date": "2026-02-20"}), raw, work)
    counts = []
    for as_of, options in (
        ("2026-02-21", {"by_hand": True}),
        ("2026-02-22", {"select": "customer_health"}),
        ("2026-02-22", {"select": "+fct_health_scores"}),
        ("2026-02-22", {}),
        ("2026-02-23", {"select": "fct_health_scores"}),
        ("2026-02-23", {}),
    ):
        workshop.build(Build({**day, "as_of_date": as_of}, **options), raw, work)
        with duckdb.connect(str(work / "warehouse.duckdb"), read_only=True) as connection:
            counts += connection.execute(
                "select count(distinct score_date) from scoring.stale_scores"
            ).fetchall()[0]

    assert counts == [1, 1, 1, 1, 1, 23]


def tell(seed: int, folder: Path) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    """What happens to the company of a seed, and its raw files (CSV) and seeds after that."""
    seeds = shutil.copytree(ROOT / "seeds" / "scoring", folder / "seeds")
    company = Company(seed, seeds)
    happened = [happens(company, kinds) for kinds in [ADVANCING, KINDS, KINDS] * 10]
    company.write(folder / "raw")
    return happened, {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.csv")}


def test_a_seed_tells_one_story(tmp_path: Path) -> None:
    first, second, other = (tell(seed, tmp_path / f"{n}") for n, seed in enumerate((7, 7, 8)))

    assert first == second
    assert first[0] != other[0]


def test_everything_can_happen(tmp_path: Path) -> None:
    """Each kind happens to one of a few companies, and what is left can be written."""
    left = set(KINDS)
    for seed in range(1, 9):
        seeds = shutil.copytree(ROOT / "seeds" / "scoring", tmp_path / f"{seed}" / "seeds")
        company = Company(seed, seeds)
        for name, happening in KINDS.items():
            if happening(company):
                left.discard(name)
        company.write(tmp_path / f"{seed}" / "raw")

    assert left == set()


def test_a_difference_is_told_in_words() -> None:
    found = [("a", "1", "x"), ("b", "2", "x"), ("c", "3", "y")]
    wanted = [("a", "1", "x"), ("b", "5", "x"), ("d", "4", "z"), ("e", "4", "z")]
    told = law.difference("marts.t", ["k", "v", "w"], found, wanted)

    cells = ("b, 2, x: v 2, rebuilt 5", "c, 3, y: only run by run", "d, 4, z: only rebuilt")
    assert told == Difference("marts.t", 3, cells)
