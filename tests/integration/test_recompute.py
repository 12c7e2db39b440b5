"""Every published number equals what plain Python computes from the raw files and the seeds."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from project import ROOT, Run, build, copy_project
from recompute import compare, recompute
from stress import add_stress_scorecard, make_live


def seasons(run: Run) -> list[date]:
    """The as-of date and five Sundays in different seasons of the sample data."""
    dates = [day for (day,) in run.rows("select score_date from metrics.score_dates order by 1")]
    return [dates[0], dates[12], dates[24], dates[36], dates[-15], dates[-1]]


def test_every_value_of_the_sample(sample_run: Run, sample_dir: Path) -> None:
    dates = seasons(sample_run)
    result = recompute(
        sample_dir,
        ROOT / "seeds" / "scoring",
        datetime.now(UTC).date(),
        dates=dates,
    )
    comparison = compare(result, sample_run.warehouse)

    assert result.as_of_date == date(2026, 9, 30)
    assert not comparison.differences, comparison.examples
    assert comparison.values_compared > 100_000


def test_every_value_under_a_stressful_configuration(sample_dir: Path, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    seeds = project / "seeds/scoring"
    add_stress_scorecard(seeds)
    make_live(seeds, "stress")
    run = build(sample_dir, tmp_path / "work", project=project)
    assert run.returncode == 0, run.output
    result = recompute(sample_dir, seeds, datetime.now(UTC).date(), dates=seasons(run))
    comparison = compare(result, run.warehouse)

    assert not comparison.differences, comparison.examples
    [(cards, caps)] = run.rows(
        "select count(distinct scorecard), count(distinct cap) from marts.fct_health_scores"
    )
    assert (cards, caps >= 5) == (4, True)
    [(causes,)] = run.rows("select count(distinct cause) from marts.fct_score_changes")
    assert causes == 6


WRONG = [
    ("marts.fct_health_scores", "computed_score", "computed_score + 0.01"),
    ("marts.fct_health_drivers", "contribution", "contribution + 0.000001"),
    ("metrics.metrics_usage", "stickiness_28d", "stickiness_28d + 0.000001"),
    ("marts.source_reconciliation", "raw_rows", "raw_rows + 1"),
    ("marts.fct_health_scores", "cap", "'another_cap'"),
    ("marts.customer_health", "drag_1", "'nps_180d'"),
    ("marts.customer_health", "expansion_score", "expansion_score + 0.01"),
    ("marts.segment_health", "arr_weighted_score", "arr_weighted_score - 0.01"),
    ("marts.owner_health", "worst_account_id", "'another_account'"),
    ("marts.parent_health", "arr", "arr + 0.000001"),
    ("marts.fct_recommended_actions", "reason", "reason || '.'"),
    ("marts.fct_recommended_actions", "due_date", "due_date + 1"),
    ("marts.customer_health", "recommended_playbook", "'another_playbook'"),
    ("marts.parent_health", "levels_below", "levels_below + 1"),
    ("marts.fct_score_changes", "points", "points + 0.000001"),
]


def test_each_wrong_value_is_found(sample_run: Run, sample_dir: Path, tmp_path: Path) -> None:
    """The comparison can fail: the smallest change of one value is a difference."""
    warehouse = tmp_path / "changed.duckdb"
    shutil.copy(sample_run.warehouse, warehouse)
    days = set()
    with duckdb.connect(str(warehouse)) as connection:
        view = "marts.fct_health_drivers"
        connection.execute(f"create table changed as from {view}")
        connection.execute(f"drop view {view}; create table {view} as from changed")
        for table, column, changed in WRONG:
            (row,) = connection.execute(
                f"select max(rowid) from {table} where {column} is not null"
            ).fetchone()
            connection.execute(f"update {table} set {column} = {changed} where rowid = {row}")
            if "source" not in table:
                query = f"select score_date from {table} where rowid = {row}"
                days |= {day for (day,) in connection.execute(query).fetchall()}
    seeds = ROOT / "seeds" / "scoring"
    result = recompute(sample_dir, seeds, datetime.now(UTC).date(), dates=sorted(days))
    comparison = compare(result, warehouse)

    found = sorted((one.table, one.column) for one in comparison.examples)
    assert found == sorted((table.split(".")[1], column) for table, column, _ in WRONG)
    assert comparison.differences == len(WRONG)
