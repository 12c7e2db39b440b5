"""A changed weight changes exactly the scores that it should, and one command shows which."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from project import ROOT, Run, commit_seeds, copy_project, dbt

SEED = "seeds/scoring/scorecard_metrics.csv"
CHANGES = [
    (
        "retention_2026,onboarding,setup_completion,22,",
        "retention_2026,onboarding,setup_completion,30,",
    ),
    (
        "retention_2026,onboarding,core_feature_adoption_28d,16,",
        "retention_2026,onboarding,core_feature_adoption_28d,8,",
    ),
]
SCORES = (
    "select account_id, score_date, scorecard, segment, computed_score, capped_score, health_score,"
    " grade, coverage, score_low, score_high, adoption_score, engagement_score, support_score,"
    " sentiment_score, revenue_score, renewal_score from marts.fct_health_scores order by all"
)


@dataclass(frozen=True)
class Changed:
    """A project with two weights changed, its previous seeds in git, and the build after it."""

    project: Path
    before: Run
    after: Run


@pytest.fixture(scope="module")
def changed(sample_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Changed:
    folder = tmp_path_factory.mktemp("weight")
    project = copy_project(folder / "project")
    commit_seeds(project)
    path = project / SEED
    text = path.read_text()
    for old, new in CHANGES:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    work = folder / "work"
    work.mkdir()
    shutil.copy(sample_run.warehouse, work / "warehouse.duckdb")
    after = dbt(
        "build", "--select", "scorecard_metrics+", raw_dir=ROOT / "sample_data",
        workspace=work, project=project,
    )  # fmt: skip
    assert after.returncode == 0, after.output
    return Changed(project, sample_run, after)


def test_exactly_the_scores_of_that_scorecard_and_segment_change(changed: Changed) -> None:
    before, after = changed.before.rows(SCORES), changed.after.rows(SCORES)
    assert len(before) == len(after)
    differ = [(a, b) for a, b in zip(before, after, strict=True) if a != b]

    assert {(a[2], a[3]) for a, _ in differ} == {("retention_2026", "onboarding")}
    concerned = [row for row in before if row[2:4] == ("retention_2026", "onboarding")]
    assert len(differ) > 0.6 * len(concerned) > 100


def test_the_new_score_is_the_weighted_mean_with_the_new_weights(changed: Changed) -> None:
    """Computed here from the drivers before the change, for every score that it concerns."""
    drivers: dict[tuple[str, object], list[tuple[str, Decimal, Decimal]]] = {}
    for account, day, metric, weight, points in changed.before.rows(
        "select account_id, score_date, metric, weight, metric_score"
        " from marts.fct_health_drivers where scorecard = 'retention_2026'"
        " and segment = 'onboarding' and metric_score is not null"
    ):
        drivers.setdefault((account, day), []).append((metric, weight, points))
    new = {"setup_completion": Decimal(30), "core_feature_adoption_28d": Decimal(8)}
    compared = 0
    for account, day, score in changed.after.rows(
        "select account_id, score_date, computed_score from marts.fct_health_scores"
        " where scorecard = 'retention_2026' and segment = 'onboarding'"
        " and computed_score is not null"
    ):
        rows = [(new.get(m, w), points) for m, w, points in drivers[account, day]]
        mean = sum(w * p for w, p in rows) / sum(w for w, _ in rows)
        assert score == mean.quantize(Decimal("0.01"), ROUND_HALF_UP), (account, day)
        compared += 1
    assert compared > 100


def compare(changed: Changed, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/compare_scorecards.py", *arguments],
        cwd=changed.project,
        env={**os.environ, "HEALTH_WAREHOUSE": str(changed.after.warehouse)},
        capture_output=True,
        text=True,
    )


def test_one_command_shows_the_same_before_merging(changed: Changed) -> None:
    done = compare(changed, "--against", "HEAD", "--json")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)

    assert found["changed_files"] == ["scorecard_metrics"]
    live = "select account_id, health_score from marts.customer_health order by 1"
    before, after = dict(changed.before.rows(live)), dict(changed.after.rows(live))
    expected = {a: (before[a], after[a]) for a in before if before[a] != after[a]}
    assert expected
    assert {
        row["account"]: (Decimal(str(row["before"])), Decimal(str(row["after"])))
        for row in found["accounts"]
    } == expected
    by_segment = {row["segment"]: row["changed"] for row in found["by_segment"]}
    assert by_segment["onboarding"] == by_segment["all"] == len(expected)


def test_no_change_is_said_so(changed: Changed) -> None:
    done = compare(changed, "--against", str(changed.project / "seeds/scoring"))
    assert done.returncode == 0, done.stderr
    assert "the scoring seeds are the same" in done.stdout


def test_the_challenger_is_compared_with_the_live_one(changed: Changed) -> None:
    done = compare(changed, "--json")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)

    assert (found["before"], found["after"]) == ("retention_2026", "retention_classic")
    [total] = [row for row in found["by_segment"] if row["segment"] == "all"]
    [expected] = changed.after.rows(
        "select count(*), count(*) filter (is_grade_changed), count(*) filter (is_colour_changed),"
        " sum(arr) filter (is_colour_changed) from marts.fct_scorecard_comparison"
        " where score_date = (select max(score_date) from metrics.score_dates)"
    )
    assert (total["accounts"], total["grade_flips"], total["colour_flips"]) == expected[:3]
    assert total["arr_changing_colour"] == round(expected[3])
    assert sum(row["arr"] for row in found["colours"]) == pytest.approx(float(expected[3]), abs=5)


def test_seeds_with_a_fault_are_not_compared(changed: Changed) -> None:
    path = changed.project / SEED
    sound = path.read_text()
    path.write_text(sound.replace(",setup_completion,30,", ",setup_completion,31,"))
    done = compare(changed, "--against", "HEAD")
    path.write_text(sound)

    assert (done.returncode, done.stdout) == (1, "")
    assert "the weights of retention_2026, onboarding sum to 101, not 100" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rows", "0"],
        ["--rows", "-3"],
        ["--against", ""],
        ["--against", "HEAD", "--challenger", "retention_classic"],
        ["--vars", "- list"],
    ],
    ids=str,
)
def test_odd_arguments_are_refused(arguments: list[str], changed: Changed) -> None:
    done = compare(changed, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: " in done.stderr.lower() and "Traceback" not in done.stderr


def test_a_changed_rate_reaches_the_scores(changed: Changed) -> None:
    """Rates are applied in staging: views on the raw files are made again, wherever they are."""
    seeds = changed.project / "seeds/scoring"
    previous = changed.after.warehouse.parent / "previous"
    shutil.copytree(seeds, previous)
    text = (previous / "currencies.csv").read_text()
    assert "EUR,1.1\n" in text
    (previous / "currencies.csv").write_text(text.replace("EUR,1.1\n", "EUR,110\n"))
    done = compare(changed, "--against", str(previous), "--json", "--vars", "history_weeks: 0")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    assert found["changed_files"] == ["currencies"]
    assert any(row["segment"] == "small_business" for row in found["accounts"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--against", "no-such-branch"], "No revision and no folder of that name"),
        (["--challenger", "retention_2026"], "it has: retention_classic"),
        (["--challenger", "retention_classic", "--goal", "expansion"], "no such challenger"),
        (["--date", "2020-01-01"], "2020-01-01 is no score date; the last one is 2026-09-30"),
    ],
)
def test_what_cannot_be_compared_says_what_to_do(
    arguments: list[str], told: str, changed: Changed
) -> None:
    done = compare(changed, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
