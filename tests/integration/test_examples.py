"""The project builds on real data sets, and is right on them.

Unchanged but for features.csv; to see every curve, cap and override at work on them as well, a
challenger with all metrics, more caps and invented overrides are added.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest
from project import ROOT, SHARED_DATA, Run, build, copy_project
from recompute import compare, recompute
from stress import add_stress_scorecard, write_overrides

# How many score dates are compared: a number, or "all" (make recompute-all; some minutes).
DATES = os.environ.get("RECOMPUTE_DATES", "5")


@dataclass(frozen=True)
class Example:
    """A built example: its raw folder, its project copy, the build and the vars it was given."""

    raw_dir: Path
    project: Path
    run: Run
    run_date: date
    as_of: date | None


def built_example(name: str, folder: Path, run_date: date, as_of: date | None) -> Example:
    source = SHARED_DATA / name
    if not source.exists():
        pytest.skip(f"the data set {name} is not here: {source}")
    raw_dir = folder / "raw"
    prepare = ROOT / "examples" / name / "prepare.py"
    subprocess.run(
        [sys.executable, str(prepare), "--source", str(source), "--out", str(raw_dir)], check=True
    )
    project = copy_project(folder / "project")
    shutil.copy(prepare.with_name("features.csv"), project / "seeds/scoring/features.csv")
    add_stress_scorecard(project / "seeds/scoring")
    [file] = (raw_dir / "accounts").iterdir()
    accounts = duckdb.sql(f"select cast(account_id as varchar) from '{file}'").fetchall()
    write_overrides(raw_dir, [account for (account,) in accounts], as_of or run_date)
    variables = {"run_date": run_date.isoformat()}
    if as_of:
        variables["as_of_date"] = as_of.isoformat()
    run = build(raw_dir, folder / "work", project=project, variables=variables)
    assert run.returncode == 0, run.output
    return Example(raw_dir, project, run, run_date, as_of)


@pytest.fixture(scope="module")
def ravenstack(tmp_path_factory: pytest.TempPathFactory) -> Example:
    folder = tmp_path_factory.mktemp("ravenstack")
    return built_example("ravenstack", folder, date(2025, 1, 1), None)


@pytest.fixture(scope="module")
def fightchurn(tmp_path_factory: pytest.TempPathFactory) -> Example:
    folder = tmp_path_factory.mktemp("fightchurn")
    return built_example("fightchurn_test_A", folder, date(2020, 7, 1), date(2020, 5, 31))


def assert_every_value_agrees(example: Example) -> None:
    result = recompute(
        example.raw_dir,
        example.project / "seeds/scoring",
        example.run_date,
        as_of=example.as_of,
        dates=DATES if DATES == "all" else int(DATES),
    )
    comparison = compare(result, example.run.warehouse)
    print(f"{comparison.values_compared} values, {comparison.differences} differences")
    assert not comparison.differences, comparison.examples
    assert comparison.values_compared > 100_000
    assert_everything_is_at_work(example.run)


def assert_everything_is_at_work(run: Run) -> None:
    """What was compared holds both goals, challengers, every curve, caps and overrides."""
    [(cards, caps, overrides)] = run.rows(
        "select count(distinct scorecard), count(distinct cap), count(distinct override_id)"
        " from marts.fct_health_scores"
    )
    assert (cards, caps >= 1, overrides > 100) == (4, True, True)
    curves = run.rows(
        "select distinct rules.curve from marts.fct_health_drivers as drivers"
        " inner join seeds.scorecard_metrics as rules using (scorecard, segment, metric)"
        " where drivers.metric_score between 1 and 99 and not drivers.is_missing"
    )
    assert {curve for (curve,) in curves} == {"linear", "banded", "target", "percentile"}


def test_ravenstack_agrees_with_the_recomputation(ravenstack: Example) -> None:
    assert_every_value_agrees(ravenstack)


def test_ravenstack_reconciles(ravenstack: Example) -> None:
    found = ravenstack.run.rows("select * from marts.source_reconciliation order by input")
    assert found == [
        ("accounts", 500, 500, 0, 0, 0),
        ("csm_assessments", 0, 0, 0, 0, 0),
        ("invoices", 0, 0, 0, 0, 0),
        ("score_overrides", 500, 499, 0, 1, 0),
        ("subscriptions", 5000, 5000, 0, 0, 0),
        ("support_tickets", 2000, 2000, 0, 0, 491),
        ("survey_responses", 0, 0, 0, 0, 0),
        ("usage_events", 25000, 25000, 0, 0, 2),
    ]


def test_fightchurn_agrees_with_the_recomputation(fightchurn: Example) -> None:
    assert_every_value_agrees(fightchurn)


def test_fightchurn_event_counts_equal_those_of_the_peer(fightchurn: Example) -> None:
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "examples/fightchurn_test_A/check_parity.py"),
            "--warehouse",
            str(fightchurn.run.warehouse),
            "--source",
            str(SHARED_DATA / "fightchurn_test_A"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "45,009 of 45,009 equal" in done.stdout
