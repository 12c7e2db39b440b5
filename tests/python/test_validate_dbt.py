"""Who runs dbt only is told too: a broken seed fails a named test, and no score is rebuilt.

Many breaks share a run, as each of them fails a test of its own.
"""

import json
import warnings
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest
import yaml
from broken_seeds import (
    CASES,
    SEEDS,
    Edit,
    also,
    cell,
    column,
    copy_seeds,
    data,
    row,
    text,
    without,
)
from dbt_common.clients.agate_helper import from_csv
from project import Run, build, copy_project, write_two_accounts
from validate import validate

VARIABLES = {"run_date": "2026-03-01", "as_of_date": "2026-02-27", "history_weeks": 0}

# What each run breaks, and the tests (or seeds) that have to fail.
VALUES: dict[str, Edit] = {
    "relationships_scorecard_metrics_metric__metric__ref_metrics_": cell(
        "scorecard_metrics", 2, "metric", "licence_utilization_28d"
    ),
    "assert_every_metric_of_the_catalogue_is_computed": row(
        "metrics", 0, "logo_colour", "adoption", "share", "", "higher", "How blue the logo is"
    ),
    "within_range_scorecard_metrics_0__100__weight": cell("scorecard_metrics", 3, "weight", "-5"),
    "assert_weights_sum_to_100": cell("scorecard_metrics", 20, "weight", "13.5"),
    "accepted_values_scorecard_metrics_curve__linear__banded__target__percentile": cell(
        "scorecard_metrics", 4, "curve", "Linear"
    ),
    "assert_thresholds_agree_with_the_catalogue": cell("scorecard_metrics", 5, "poor_at", "99"),
    "within_range_scorecard_metrics_0__100__score_if_missing": cell(
        "scorecard_metrics", 7, "score_if_missing", "150"
    ),
    "unique_key_scorecard_metrics_scorecard__segment__metric": cell(
        "scorecard_metrics", 9, "metric", "oldest_open_ticket_days"
    ),
    "within_range_scorecards_0__1__min_coverage": cell("scorecards", 2, "min_coverage", "50"),
    "assert_one_live_scorecard_per_goal": cell("scorecards", 4, "status", "live"),
    "clean_text_scorecards_scorecard__goal__status__description": cell(
        "scorecards", 3, "description", "={{ '{{ x }}' }}"
    ),
    "assert_every_segment_rule_can_decide": cell("segments", 3, "min_tenure_days", "200"),
    "assert_a_segment_has_one_label": cell("segments", 7, "label", "Regulated"),
    "free_name_segments_industry": cell("segments", 4, "industry", "x; drop table y"),
    "assert_the_last_segment_rule_matches_all": cell("segments", 12, "plan", "Basic"),
    "assert_grades_get_no_better_as_bounds_fall": cell("grades", 2, "colour", "red"),
    "within_range_grades_0__100__min_score": cell("grades", 2, "min_score", "850"),
    "assert_grades_leave_no_gap": cell("grades", 6, "min_score", "10"),
    "assert_thresholds_of_shares_are_shares": cell("score_caps", 3, "worse_than", "-30"),
    "free_name_score_caps_cap": cell("score_caps", 2, "cap", "x; drop table y"),
    "assert_currencies_are_listed_once": row("currencies", 0, "usd", "2"),
    "unique_features_feature": cell("features", 3, "feature", "login"),
    "assert_alert_levels_are_in_their_unit": cell("alert_rules", 7, "level", "70"),
    "within_range_alert_rules_1__window_days": cell("alert_rules", 2, "window_days", "0"),
    "relationships_alert_rules_segment__segment__ref_segments_": cell(
        "alert_rules", 3, "segment", "enterprize"
    ),
    "relationships_playbooks_trigger__grade": cell("playbooks", 2, "trigger", "E"),
    "relationships_playbooks_trigger__metric": cell("playbooks", 3, "trigger", "overdue"),
    "relationships_playbooks_trigger__rule": cell("playbooks", 11, "trigger", "renewal"),
    "accepted_values_playbooks_trigger": cell("playbooks", 12, "trigger", "adaption"),
    "not_null_playbooks_threshold": cell("playbooks", 4, "threshold", ""),
    "assert_playbooks_have_the_cells_of_their_trigger": cell("playbooks", 22, "threshold", "5"),
}
ROWS: dict[str, Edit] = {
    "assert_every_scorecard_covers_every_segment": without("scorecard_metrics", *range(154, 162)),
    "has_rows_grades": data("grades", lambda content: content.split(b"\n")[0] + b"\n"),
    "assert_one_live_scorecard_per_goal": cell("scorecards", 2, "status", "retired"),
    "clean_text_features_label__feature": cell("features", 3, "feature", "dash\u200bboard"),
    "free_name_features_feature": cell("features", 4, "feature", "create\xa0project"),
    "assert_every_metric_of_the_catalogue_is_computed": without("metrics", 20),
}
UNREADABLE: dict[str, Edit] = {
    "grades": cell("grades", 2, "min_score", "eighty"),
    "scorecards": text("scorecards", "How ready the account is", "How ready, the account is"),
    "segments": cell("segments", 3, "max_tenure_days", "four months"),
    "currencies": cell("currencies", 3, "rate", "1,1"),
    "features": cell("features", 3, "is_core", "perhaps"),
    "score_caps": column("score_caps", lambda cells: [*cells[:4], *cells[5:]]),
    "metrics": text("metrics", "Mean CSAT survey answer", "Mean, CSAT survey answer"),
    "scorecard_metrics": data("scorecard_metrics", lambda content: content.replace(b",", b";")),
    "alert_rules": cell("alert_rules", 2, "level", "sixty"),
}

# What dbt takes without a word: it and DuckDB read the file each in their own way, and round.
UNSEEN = {
    "a byte-order mark",
    "a NUL",
    "a blank line",
    "an apostrophe",  # DuckDB takes it for a quote and drops it
    "an extra column",
    "a column twice",
    "a column without a name",
    "columns in another order",  # copied by position, so cells change places without a full refresh
    "grades out of order",
    "a file that no YAML describes",
    "a space in a number",
    "an exponent",
    "half a day",  # rounded
    "a window of half a day",
    "half a priority",  # likewise
    "half a row",
    "a whole number with a point",
    "too many decimals",  # rounded
    "yes for true",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A small company, built, with a mark in the marts that a rebuild would wipe out."""
    workspace = tmp_path_factory.mktemp("validate")
    raw = workspace / "raw"
    write_two_accounts(raw, "login")
    project = copy_project(workspace / "project")
    run = build(raw, workspace / "work", project=project, variables=VARIABLES)
    assert run.returncode == 0, run.output
    (workspace / "seed_tests.json").write_text(json.dumps(seed_tests(run)))
    with duckdb.connect(str(run.warehouse)) as connection:
        connection.execute("update marts.customer_health set owner = 'untouched'")
        connection.execute("update marts.fct_health_scores set cap = 'untouched'")
    return workspace, run


def failed(workspace: Path) -> dict[str, str]:
    """The nodes that did not succeed in the last run, by name without the hash of a test."""
    results = json.loads((workspace / "work/target/run_results.json").read_text())["results"]
    return {
        result["unique_id"].split(".")[2]: result["status"]
        for result in results
        if result["status"] not in ("success", "pass")
    }


@pytest.mark.parametrize("breaks", [VALUES, ROWS, UNREADABLE], ids=["values", "rows", "unreadable"])
def test_dbt_fails_before_any_score_is_rebuilt(
    breaks: dict[str, Edit], built: tuple[Path, Run]
) -> None:
    workspace, _ = built
    seeds = workspace / "project" / "seeds" / "scoring"
    before = {path: path.read_bytes() for path in seeds.glob("*.csv")}
    also(*breaks.values())(seeds)
    assert validate(seeds)[1]
    run = build(
        workspace / "raw", workspace / "work", project=workspace / "project", variables=VARIABLES
    )
    for path, content in before.items():
        path.write_bytes(content)

    assert run.returncode == 1, run.output
    assert "python scripts/validate.py" in run.output
    found = {name for name, status in failed(workspace).items() if status in ("fail", "error")}
    assert [name for name in breaks if not any(n.startswith(name) for n in found)] == []
    marks = run.rows(
        "select owner from marts.customer_health union select cap from marts.fct_health_scores"
    )
    assert marks == [("untouched",)]


def ancestors(name: str, parents: dict[str, Iterable[str]]) -> set[str]:
    """Everything that a node is built from."""
    found, todo = set(), [name]
    while todo:
        new = set(parents[todo.pop()]) - found
        found |= new
        todo += new
    return found


def test_every_promise_of_a_seed_stands_before_the_scores(built: tuple[Path, Run]) -> None:
    """dbt runs a test before the models that are built from all that the test reads."""
    manifest = json.loads((built[0] / "work/target/manifest.json").read_text())
    before = ancestors("model.health_scoring.fct_health_scores", manifest["parent_map"])
    tests = {
        name: set(node["depends_on"]["nodes"])
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "test"
    }
    of_seeds = {
        name: reads
        for name, reads in tests.items()
        if reads and all(one.startswith("seed.") for one in reads)
    }
    assert len(of_seeds) > 80
    assert [name for name, reads in of_seeds.items() if not reads <= before] == []
    assert {name.split(".")[-1] for name in before if name.startswith("seed.")} == {
        path.stem for path in SEEDS.glob("*.csv")
    }


def seed_tests(run: Run) -> dict[str, str]:
    """The compiled data tests that read seeds only."""
    results = json.loads((run.warehouse.parent / "target/run_results.json").read_text())["results"]
    nodes = json.loads((run.warehouse.parent / "target/manifest.json").read_text())["nodes"]
    return {
        result["unique_id"]: result["compiled_code"]
        for result in results
        if result["unique_id"].startswith("test.")
        and all(n.startswith("seed.") for n in nodes[result["unique_id"]]["depends_on"]["nodes"])
    }


def load_as_dbt(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """A seed as dbt-duckdb loads it: read once by agate for its columns, copied by DuckDB."""
    path.read_bytes().decode("utf-8")  # as dbt does to tell what changed
    entries = yaml.safe_load((SEEDS / "_scoring__seeds.yml").read_text())["seeds"]
    types = next(e["config"]["column_types"] for e in entries if e["name"] == path.stem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns without a name, or there twice
        names = from_csv(path, text_columns=list(types)).column_names
    columns = ", ".join(f'"{name}" {types.get(name, "varchar")}' for name in names)
    connection.execute(f"create or replace table seeds.{path.stem} ({columns})")
    connection.execute(
        f"copy seeds.{path.stem} from '{path}' (format csv, header true, delimiter ',')"
    )


def seen_by_dbt(folder: Path, tests: dict[str, str], connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether dbt alone refuses the seeds: a name is there twice, a file does not load, or a test
    fails. Looks at the files that differ from the shipped ones only."""
    names = [path.stem for path in folder.rglob("*.csv")]
    if len(names) > len(set(names)):
        return True
    connection.execute("begin")
    try:
        for shipped in sorted(SEEDS.glob("*.csv")):
            path = folder / shipped.name
            if path.read_bytes() != shipped.read_bytes():
                load_as_dbt(connection, path)
                about = [sql for sql in tests.values() if f'"{path.stem}"' in sql]
                if any(connection.execute(sql).fetchone() for sql in about):
                    return True
    except (ValueError, OSError, StopIteration, duckdb.Error):
        return True
    finally:
        connection.execute("rollback")
    return False


def test_what_dbt_alone_does_not_see(built: tuple[Path, Run], tmp_path: Path) -> None:
    """The complete list of the broken seeds that only the validator refuses."""
    tests = json.loads((built[0] / "seed_tests.json").read_text())
    unseen = set()
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema seeds")
        for path in SEEDS.glob("*.csv"):
            load_as_dbt(connection, path)
        for at, case in enumerate(CASES):
            folder = copy_seeds(tmp_path / str(at))
            case.edit(folder)
            if not seen_by_dbt(folder, tests, connection):
                unseen.add(case.name)
    assert sorted(unseen) == sorted(UNSEEN)
