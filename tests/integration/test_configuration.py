"""The version of the scoring configuration, and the vars that shape a build."""

import re
from pathlib import Path

import duckdb
import pytest
import yaml
from baseline import STORAGE
from customer_health.refresh.publishing import STORAGE_VERSION
from project import ROOT, Run, build, write_csv, write_two_accounts

COMPILED = "target/compiled/health_scoring/models/scoring/scoring_version.sql"

CHANGES_A_NUMBER = [
    ("scorecard_metrics", "weight = weight + 0.000001"),
    ("scorecard_metrics", "poor_at = poor_at + 0.5"),
    ("scorecard_metrics", "healthy_at = healthy_at - 0.5"),
    ("scorecard_metrics", "curve = 'banded'"),
    ("scorecard_metrics", "score_if_missing = 1"),
    ("scorecards", "min_coverage = 0.6"),
    ("scorecards", "status = 'retired'"),
    ("segments", "max_tenure_days = 121"),
    ("segments", "industry = 'Space'"),
    ("segments", "is_trial = false"),
    ("grades", "min_score = min_score + 1"),
    ("features", "is_core = not is_core"),
    ("currencies", "rate = rate * 2"),
    ("metrics", "component = 'support'"),
    ("metrics", "better = 'lower'"),
]
CHANGES_NONE = [
    ("segments", "label = 'Other'"),
    ("grades", "label = 'Other', colour = 'blue', response = 'nap'"),
    ("features", "label = 'Other'"),
    ("metrics", "description = 'Other', unit = 'Other', window_days = 1"),
    ("scorecards", "description = 'Other'"),
    ("alert_rules", "level = 1, window_days = 1, segment = 'Other', reopen_margin = 1"),
]


@pytest.fixture(scope="module")
def version_sql(sample_run: Run) -> str:
    """The compiled query of the version."""
    return (sample_run.warehouse.parent / COMPILED).read_text(encoding="utf-8")


def version_after(change: tuple[str, str], run: Run, sql: str, tmp_path: Path) -> str:
    """The version that the query gives when every row of a seed is changed so."""
    seed, assignment = change
    with duckdb.connect(str(tmp_path / run.warehouse.name)) as connection:
        connection.execute(f"attach '{run.warehouse}' as built (read_only)")
        connection.execute("create schema seeds")
        for (table,) in connection.execute(
            "select table_name from duckdb_tables()"
            " where database_name = 'built' and schema_name = 'seeds'"
        ).fetchall():
            connection.execute(f"create table seeds.{table} as from built.seeds.{table}")
        connection.execute(f"update seeds.{seed} set {assignment}")
        return connection.execute(sql).fetchall()[0][0]


@pytest.mark.parametrize("change", CHANGES_A_NUMBER, ids=str)
def test_what_can_change_a_number_changes_the_version(
    change: tuple[str, str], sample_run: Run, version_sql: str, tmp_path: Path
) -> None:
    [(published,)] = sample_run.rows("select distinct scoring_version from marts.fct_health_scores")
    assert version_after(change, sample_run, version_sql, tmp_path) != published


@pytest.mark.parametrize("change", CHANGES_NONE, ids=str)
def test_labels_and_descriptions_do_not_change_the_version(
    change: tuple[str, str], sample_run: Run, version_sql: str, tmp_path: Path
) -> None:
    [(published,)] = sample_run.rows("select distinct scoring_version from marts.fct_health_scores")
    assert version_after(change, sample_run, version_sql, tmp_path) == published


def test_the_schema_prefix_stands_before_every_schema(sample_dir: Path, tmp_path: Path) -> None:
    run = build(
        sample_dir,
        tmp_path,
        "--select",
        "+score_dates",
        variables={"schema_prefix": "dev_", "history_weeks": 0, "as_of_date": "2026-09-15"},
    )
    assert run.returncode == 0, run.output
    schemas = run.rows("select distinct table_schema from information_schema.tables order by 1")
    folders = ("activity", "metrics", "scoring", "seeds", "staging")
    # Inputs are the same ones for every prefix.
    assert schemas == [*((f"dev_{folder}",) for folder in folders), ("raw",)]
    # No weeks of Sundays: the 29 days alone.
    found = run.rows(
        "select count(*), min(score_date), max(score_date) from dev_metrics.score_dates"
    )
    assert [tuple(map(str, row)) for row in found] == [("29", "2026-08-18", "2026-09-15")]


def test_a_build_that_means_nothing_warns(tmp_path: Path) -> None:
    """Nothing fails, but no score can be trusted: the end of the run says why."""
    raw = tmp_path / "raw"
    write_two_accounts(raw, "Dash Board")
    write_csv(raw, "support_tickets", ["ticket_id,account_id,opened_at", "t1,a1,13/02/2026"])
    run = build(raw, tmp_path / "work", variables={"as_of_date": "2026-04-01"})

    assert run.returncode == 0, run.output
    assert "No row of the input was accepted. support_tickets: 1 of 1 rows rejected" in run.output
    assert "None of the 1 features in usage_events is listed" in run.output
    assert "Usage ends on 2026-02-27, 33 days before the as-of date 2026-04-01" in run.output


def test_a_good_build_warns_of_nothing(sample_run: Run) -> None:
    [(rows,)] = sample_run.rows(
        "select raw_rows from marts.source_reconciliation where input = 'usage_events'"
    )
    assert f"usage_events: 6 of {rows} rows rejected, 2 cells blanked" in sample_run.output
    assert "WARN=0" in sample_run.output
    for word in ("No row of", "None of the", "Usage ends", "deprecat", "Warning"):
        assert word not in sample_run.output


def test_a_new_working_file_is_in_the_format_of_what_is_published(sample_run: Run) -> None:
    assert STORAGE == {"storage_compatibility_version": STORAGE_VERSION}
    tag = "select tags['storage_version'] from duckdb_databases() where not internal"
    with duckdb.connect(str(sample_run.warehouse), read_only=True) as connection:
        assert connection.execute(tag).fetchall() == [(f"{STORAGE_VERSION}+",)]


def test_an_open_warehouse_is_told_in_one_sentence(sample_copy: Path, sample_dir: Path) -> None:
    with duckdb.connect(str(sample_copy / "warehouse.duckdb"), read_only=True):
        run = build(sample_dir, sample_copy, "--select", "grades")

    assert run.returncode != 0
    assert "is open in another program" in run.output
    assert "Traceback" not in run.output


def test_a_misspelt_var_stops_the_run(tmp_path: Path) -> None:
    """dbt itself takes any var; a day that was asked for and not taken would be a wrong answer."""
    write_two_accounts(tmp_path / "raw", "login")
    run = build(tmp_path / "raw", tmp_path / "work", variables={"as_off_date": "2026-02-01"})

    assert run.returncode == 2
    assert "There is no var 'as_off_date': the vars are as_of_date, history_weeks" in run.output
    with duckdb.connect(str(run.warehouse)) as connection:
        built = "select count(*) from duckdb_tables() where schema_name <> 'raw'"
        assert connection.execute(built).fetchall() == [(0,)]


def test_every_var_of_the_project_is_known() -> None:
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    macro = (ROOT / "macros" / "check_vars.sql").read_text(encoding="utf-8")
    known = macro.split("known = [")[1].split("]")[0]

    assert re.findall(r"\w+", known) == sorted(project["vars"])
