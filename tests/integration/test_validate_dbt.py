"""Running only dbt is safe too: a broken seed fails a named test, and no score is rebuilt.

Many breaks share a run: each fails a test of its own or has its own row in `table_checks`.
"""

import json
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from broken_seeds import (
    CASES,
    SEEDS,
    Edit,
    also,
    cell,
    columns,
    copy_seeds,
    only_header,
    replaced,
    row,
    text,
    without,
)
from customer_health.seeds.files import read_condition
from customer_health.seeds.validate import validate
from dbt_common.clients.agate_helper import from_csv
from project import Run, build, copy_project, dbt, write_two_accounts

VARIABLES = {"run_date": "2026-03-01", "as_of_date": "2026-02-27", "history_weeks": 0}


@dataclass(frozen=True)
class Break:
    """An edit, the test or seed that has to fail, and what its row of `table_checks` says."""

    test: str
    edit: Edit
    column: str | None = None
    check: str = ""


def breaks_cell(seed: str, row: int, column: str, value: str, check: str) -> Break:
    return Break(f"table_checks_{seed}", cell(seed, row, column, value), column, check)


# What each run breaks.
VALUES = [
    breaks_cell(
        "scorecard_metrics", 2, "metric", "licence_utilization_28d", "references: metrics.metric"
    ),
    Break(
        "assert_every_metric_of_the_catalogue_is_computed",
        row("metrics", 0, "logo_colour", "adoption", "share", "", "higher", "How blue the logo is"),
    ),
    breaks_cell("scorecard_metrics", 3, "weight", "-5", "above: 0"),
    Break("assert_weights_sum_to_100", cell("scorecard_metrics", 20, "weight", "13.5")),
    breaks_cell(
        "scorecard_metrics",
        4,
        "curve",
        "Linear",
        "accepted_values: linear, banded, target, percentile",
    ),
    Break(
        "assert_thresholds_agree_with_the_catalogue", cell("scorecard_metrics", 5, "poor_at", "99")
    ),
    breaks_cell("scorecard_metrics", 7, "score_if_missing", "150", "at_most: 100"),
    Break(
        "table_checks_scorecard_metrics",
        cell("scorecard_metrics", 9, "metric", "oldest_open_ticket_days"),
        None,
        "unique: scorecard, segment, metric",
    ),
    breaks_cell("scorecards", 2, "min_coverage", "50", "at_most: 1"),
    Break("assert_one_live_scorecard_per_goal", cell("scorecards", 4, "status", "live")),
    breaks_cell("scorecards", 3, "description", "={{ '{{ x }}' }}", "clean_text: ours"),
    Break("assert_every_segment_rule_can_decide", cell("segments", 3, "min_tenure_days", "200")),
    Break("assert_a_segment_has_one_label", cell("segments", 7, "label", "Regulated")),
    breaks_cell("segments", 4, "industry", "x; drop table y", "free_name"),
    Break("assert_the_last_segment_rule_matches_all", cell("segments", 12, "plan", "Basic")),
    Break("assert_grades_get_no_better_as_bounds_fall", cell("grades", 2, "colour", "red")),
    breaks_cell("grades", 2, "min_score", "850", "at_most: 100"),
    Break("assert_grades_leave_no_gap", cell("grades", 6, "min_score", "10")),
    Break("assert_thresholds_of_shares_are_shares", cell("score_caps", 3, "worse_than", "-30")),
    breaks_cell("score_caps", 2, "cap", "x; drop table y", "free_name"),
    Break("assert_currencies_are_listed_once", row("currencies", 0, "usd", "2")),
    Break(
        "table_checks_features", cell("features", 3, "feature", "login"), None, "unique: feature"
    ),
    Break("assert_alert_levels_are_in_their_unit", cell("alert_rules", 7, "level", "70")),
    breaks_cell("alert_rules", 2, "window_days", "0", "at_least: 1"),
    breaks_cell(
        "alert_rules",
        3,
        "segment",
        "enterprize",
        "references: segments.segment where segment <> '*'",
    ),
    *(
        breaks_cell(
            "playbooks", row, "trigger", name, f"references: {of} where trigger_on = '{on}'"
        )
        for row, name, of, on in (
            (2, "E", "grades.grade", "grade"),
            (3, "overdue", "metrics.metric", "metric"),
            (11, "renewal", "alert_rules.rule", "alert"),
        )
    ),
    breaks_cell(
        "playbooks",
        12,
        "trigger",
        "adaption",
        "accepted_values: adoption, engagement, support, sentiment, revenue, renewal"
        " where trigger_on = 'component'",
    ),
    breaks_cell(
        "playbooks", 4, "threshold", "", "not_null where trigger_on not in ('alert', 'grade')"
    ),
    Break(
        "assert_playbooks_have_the_cells_of_their_trigger", cell("playbooks", 22, "threshold", "5")
    ),
]
ROWS = [
    Break(
        "assert_every_scorecard_covers_every_segment",
        without("scorecard_metrics", *range(154, 162)),
    ),
    Break(
        "table_checks_grades",
        only_header("grades"),
        None,
        "has_rows",
    ),
    Break("assert_one_live_scorecard_per_goal", cell("scorecards", 2, "status", "retired")),
    breaks_cell("features", 3, "feature", "dash\u200bboard", "clean_text: received"),
    breaks_cell("features", 4, "feature", "create\xa0project", "free_name"),
    Break("assert_every_metric_of_the_catalogue_is_computed", without("metrics", 20)),
    # What is gone is missed elsewhere, too.
    *(
        Break(f"table_checks_{seed}", also(), column, f"references: {check}")
        for seed, column, check in (
            ("scorecard_metrics", "metric", "metrics.metric"),
            ("playbooks", "trigger", "metrics.metric where trigger_on = 'metric'"),
            ("playbooks", "trigger", "grades.grade where trigger_on = 'grade'"),
        )
    ),
]
UNREADABLE = [
    Break("grades", cell("grades", 2, "min_score", "eighty")),
    Break(
        "scorecards", text("scorecards", "How ready the account is", "How ready, the account is")
    ),
    Break("segments", cell("segments", 3, "max_tenure_days", "four months")),
    Break("currencies", cell("currencies", 3, "rate", "1,1")),
    Break("features", cell("features", 3, "is_core", "perhaps")),
    Break("score_caps", columns("score_caps", 1, 2, 3, 4, 6)),
    Break("metrics", text("metrics", "Mean CSAT survey answer", "Mean, CSAT survey answer")),
    Break("scorecard_metrics", replaced("scorecard_metrics", ",", ";")),
    Break("alert_rules", cell("alert_rules", 2, "level", "sixty")),
]

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
    (workspace / "tests.json").write_text(json.dumps(compiled_tests(run)))
    with duckdb.connect(str(run.warehouse)) as connection:
        connection.execute("update marts.customer_health set owner = 'untouched'")
        connection.execute("update marts.fct_health_scores set cap = 'untouched'")
    return workspace, run


def failed(workspace: Path) -> dict[str, str]:
    """The tests that failed and the seeds that did not load in the last run, by name without the
    hash of a test, with their compiled SQL."""
    results = json.loads((workspace / "work/target/run_results.json").read_text())["results"]
    return {
        result["unique_id"].split(".")[2]: result["compiled_code"]
        for result in results
        if result["status"] in ("fail", "error")
    }


@pytest.mark.parametrize("breaks", [VALUES, ROWS, UNREADABLE], ids=["values", "rows", "unreadable"])
def test_dbt_fails_before_any_score_is_rebuilt(
    breaks: list[Break], built: tuple[Path, Run]
) -> None:
    workspace, _ = built
    seeds = workspace / "project" / "seeds" / "scoring"
    before = {path: path.read_bytes() for path in seeds.glob("*.csv")}
    also(*(one.edit for one in breaks))(seeds)
    assert validate(seeds)[1]
    run = build(
        workspace / "raw", workspace / "work", project=workspace / "project", variables=VARIABLES
    )
    for path, content in before.items():
        path.write_bytes(content)

    assert run.returncode == 1, run.output
    assert "customer-health validate" in run.output
    found = failed(workspace)
    missed = [one.test for one in breaks if not any(n.startswith(one.test) for n in found)]
    assert missed == []
    wanted = defaultdict(set)
    for one in breaks:
        if one.check:
            wanted[one.test].add((one.column, one.check))
    told = {
        name: {row[:2] for row in run.rows(sql)}
        for name, sql in found.items()
        if name.startswith("table_checks_")
    }
    assert told == wanted
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


def test_every_check_of_a_seed_comes_before_the_scores(built: tuple[Path, Run]) -> None:
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
    seeds = {path.stem for path in SEEDS.glob("*.csv")}
    assert {name.split(".")[2] for name in of_seeds if ".table_checks_" in name} == {
        f"table_checks_{seed}" for seed in seeds
    }
    assert [name for name, reads in of_seeds.items() if not reads <= before] == []
    assert {name.split(".")[-1] for name in before if name.startswith("seed.")} == seeds


def compiled_tests(run: Run) -> list[dict[str, Any]]:
    """The data tests as they were run: name, what is asked of them, what they read, SQL."""
    target = run.warehouse.parent / "target"
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    results = json.loads((target / "run_results.json").read_text())["results"]
    return [
        {
            "name": nodes[result["unique_id"]]["name"],
            "kind": (nodes[result["unique_id"]].get("test_metadata") or {}).get("name"),
            "arguments": (nodes[result["unique_id"]].get("test_metadata") or {}).get("kwargs"),
            "reads": nodes[result["unique_id"]]["depends_on"]["nodes"],
            "sql": result["compiled_code"],
        }
        for result in results
        if result["unique_id"].startswith("test.")
    ]


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


def seen_by_dbt(folder: Path, tests: list[str], connection: duckdb.DuckDBPyConnection) -> bool:
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
                about = [sql for sql in tests if f'"{path.stem}"' in sql]
                if any(connection.execute(sql).fetchone() for sql in about):
                    return True
    except (ValueError, OSError, StopIteration, duckdb.Error):
        return True
    finally:
        connection.execute("rollback")
    return False


def test_what_dbt_alone_does_not_see(built: tuple[Path, Run], tmp_path: Path) -> None:
    """The complete list of the broken seeds that only the validator refuses."""
    tests = [
        test["sql"]
        for test in json.loads((built[0] / "tests.json").read_text())
        if all(one.startswith("seed.") for one in test["reads"])
    ]
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


# A value that breaks each kind of check, in SQL.
BREAKING: dict[str, Callable[[Any], str]] = {
    "not_null": lambda _: "null",
    "accepted_values": lambda _: "'nothing of the kind'",
    "at_least": lambda limit: f"{limit} - 1",
    "above": lambda limit: f"{limit}",
    "at_most": lambda limit: f"{limit} + 1",
    "plain_name": lambda _: "'A name'",
    "free_name": lambda _: "'x; y'",
    "references": lambda _: "'nowhere'",
    "clean_text": lambda whose: {"ours": "'=x'", "received": "'x '"}[whose],
}


@pytest.fixture
def emptied(built: tuple[Path, Run], tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables and views of the small company as tables of the same types, without a row."""
    columns = built[1].rows(
        "select table_schema, table_name, list(column_name || ' ' || data_type"
        " order by ordinal_position) from information_schema.columns group by all"
    )
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        for schema, table, typed in columns:
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{table} ({', '.join(typed)})")
        yield connection


def of_kind(kind: str, workspace: Path) -> list[tuple[dict[str, Any], str]]:
    """The tests with the table that each of them is about."""
    tests = [t for t in json.loads((workspace / "tests.json").read_text()) if t["kind"] == kind]
    return [(t, re.search(r'from "warehouse"\.("\w+"\."\w+")', t["sql"])[1]) for t in tests]


def named(kind: str, wanted: Any) -> str:
    """A check as its row of a failed test names it."""
    if isinstance(wanted, dict):
        [parent] = re.findall(r"ref.'(\w+)'", wanted["to"])
        wanted = f"{parent}.{wanted['field']}"
    listed = ", ".join(map(str, wanted)) if isinstance(wanted, list) else wanted
    return kind if wanted is True else f"{kind}: {listed}"


def test_every_check_is_seen_to_fail(
    built: tuple[Path, Run], emptied: duckdb.DuckDBPyConnection
) -> None:
    """Of seeds and models: one row per fault, with the column and what was checked."""
    seen = Counter()
    for test, table in of_kind("table_checks", built[0]):
        arguments, sql = test["arguments"], test["sql"]

        def faults(sql: str = sql) -> list[tuple[Any, ...]]:
            return [row[:2] for row in emptied.execute(sql).fetchall()]

        assert faults() == [(None, "has_rows")] * bool(arguments.get("has_rows")), test["name"]
        for entry in arguments["checks"]:
            where = read_condition(entry.get("where", ""), test["name"])
            also_set = {
                part.column: "'another'" if part.negated else f"'{part.texts[0]}'" for part in where
            }
            kinds = {key: entry[key] for key in entry if key not in ("columns", "where")}
            for name, (kind, wanted) in product(entry.get("columns", [None]), kinds.items()):
                values = {**also_set, **({name: BREAKING[kind](wanted)} if name else {})}
                into, cells = ", ".join(values), ", ".join(values.values())
                row = f"({into}) values ({cells})" if values else "default values"
                emptied.execute(f"delete from {table}")
                emptied.execute(f"insert into {table} {row}")
                fault = (name, named(kind, wanted) + (f" where {entry['where']}" if where else ""))
                if kind == "unique":
                    assert fault not in faults(), (test["name"], fault)
                    emptied.execute(f"insert into {table} {row}")
                assert faults().count(fault) == 1 + (kind == "unique"), (test["name"], fault)
                seen[kind] += 1
        emptied.execute(f"delete from {table}")
    assert set(seen) == {*BREAKING, "unique", "holds"}


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("{columns: [min_score], at_lest: 0}", "at_lest: 0 is no check"),
        ("{columns: [grade]}", "nothing to check"),
        ("{columns: [grade], unique: true}", "nothing to check"),
    ],
)
def test_a_check_that_does_not_exist_is_refused(check: str, words: str, tmp_path: Path) -> None:
    """Else a slip in the YAML would be a check that nobody holds."""
    project = copy_project(tmp_path / "project")
    path = project / "seeds" / "scoring" / "_scoring__seeds.yml"
    path.write_text(
        path.read_text().replace("- {columns: [grade, colour], not_null: true}", f"- {check}")
    )
    run = dbt("parse", workspace=tmp_path / "work", project=project)
    assert run.returncode != 0
    assert words in run.output
