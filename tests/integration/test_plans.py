"""How the models are joined: a condition on one side only turns a left join into nested loops.

DuckDB then compares every row with every row: what is no matter on the sample did not end within a
quarter of an hour on 30,000 account dates. Only small tables may be joined so: segment rules,
grades, caps, days.
"""

from collections.abc import Iterator

import duckdb
import pytest
from project import Run

SMALL = {
    "account_segments": "rules",
    "alert_episodes": "days",
    "fct_health_scores": "grades",
    "fct_recommended_actions": "grades",
    "rejected_records": "kinds of blanked cells",
    "score_dates": "days",
    "score_limits": "caps",
}
SLOW = ("BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN")


def models(run: Run) -> Iterator[tuple[str, str]]:
    """Name and compiled SQL of every model."""
    for path in sorted((run.warehouse.parent / "target/compiled").rglob("models/**/*.sql")):
        if path.parent.suffix != ".yml":
            yield path.stem, path.read_text(encoding="utf-8")


def slow_joins(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    # As JSON: the drawing of a plan leaves out what does not fit.
    plan = connection.execute(f"explain (format json) {sql}").fetchall()[0][1]
    return [join for join in SLOW if join in plan]


def test_only_small_tables_are_joined_by_nested_loops(sample_run: Run) -> None:
    with duckdb.connect(str(sample_run.warehouse), read_only=True) as connection:
        found = {name: slow_joins(connection, sql) for name, sql in models(sample_run)}
    assert len(found) > 30
    assert {name for name, joins in found.items() if joins} == set(SMALL)


def test_a_one_sided_condition_is_seen(sample_run: Run) -> None:
    """The check can fail: on the join that did not end on one of the examples."""
    sql = dict(models(sample_run))["metric_scores"]
    old = "and stale_scores.scorecard = rank_scores_wide.scorecard"
    new = "and stale_scores.scorecard = 'retention_2026'"
    assert old in sql
    with duckdb.connect(str(sample_run.warehouse), read_only=True) as connection:
        assert slow_joins(connection, sql.replace(old, new))


@pytest.mark.parametrize("name", SMALL)
def test_the_exceptions_are_small(name: str, sample_run: Run) -> None:
    """What is joined by nested loops has far fewer rows than accounts times dates."""
    sizes = {
        "caps": "select count(*) from seeds.score_caps",
        "rules": "select count(*) from seeds.segments",
        "grades": "select count(*) from seeds.grades",
        "kinds of blanked cells": "select count(distinct (input, reason, column_name))"
        " from marts.rejected_records where action = 'cell_blanked'",
        "days": "select count(distinct activity_date) from activity.account_activity_daily",
    }
    [(rows,)] = sample_run.rows(sizes[SMALL[name]])
    assert rows < 1000
