"""What dbt itself promises of its commands, versions and flags holds for this project."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import duckdb
import pytest
import yaml
from customer_health import dbt_runner, parse_state
from customer_health.settings import Settings
from packaging.specifiers import SpecifierSet
from project import ROOT, Run, build, dbt, write_csv, write_two_accounts

READ_ANEW = "Unable to do partial parsing"
PREFIX = {"schema_prefix": "dev_"}
OTHER_DAY = {**PREFIX, "run_date": "2026-03-02"}
COMPILED = "target/compiled/health_scoring/models/metrics/score_dates.sql"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw folder of two accounts."""
    folder = tmp_path_factory.mktemp("raw")
    write_two_accounts(folder, "login")
    return folder


@pytest.fixture(scope="module")
def empty_run(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A new working file, built with --empty."""
    return build(raw, tmp_path_factory.mktemp("empty"), "--empty")


def other_workspace(run: Run) -> Path:
    return run.warehouse.parent / "other"


@pytest.fixture(scope="module")
def state(empty_run: Run) -> Path:
    """What dbt wrote of that build, kept as CI would keep it."""
    folder = empty_run.warehouse.parent / "state"
    folder.mkdir()
    shutil.copy(empty_run.warehouse.parent / "target" / "manifest.json", folder)
    return folder


def test_both_ranges_of_versions_end_before_dbt_2() -> None:
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [needed] = [one for one in package["dependencies"] if one.startswith("dbt-core")]
    for range_of in (",".join(project["require-dbt-version"]), needed.removeprefix("dbt-core")):
        versions = SpecifierSet(range_of)
        assert [v for v in ("1.10.9", "1.11.0", "1.12.6", "1.99", "2.0.0") if v in versions] == [
            "1.11.0",
            "1.12.6",
            "1.99",
        ]


def test_jinja_has_no_escapes_that_dbt_2_reads_otherwise() -> None:
    r"""\x41, \101, \a, \U...: not what every engine of templates knows."""
    files = [
        path
        for folder in ("macros", "models", "data_tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".sql", ".yml", ".md")
    ]
    odd = re.compile(r"""\\(?!u[0-9a-f]{4}|[nrt\\'"])""")
    assert len(files) > 150
    assert [p.name for p in files if odd.search(p.read_text(encoding="utf-8"))] == []


def test_empty_builds_everything_without_rows(empty_run: Run) -> None:
    assert empty_run.returncode == 0, empty_run.output
    assert "WARN=0 ERROR=0 SKIP=0" in empty_run.output
    assert empty_run.rows("select count(*) from marts.dim_accounts") == [(0,)]
    # No later run goes on from it.
    assert empty_run.rows("select code, is_finished from scoring.last_run") == [("empty", False)]


def test_empty_leaves_a_working_file_with_rows_alone(sample_copy: Path, sample_dir: Path) -> None:
    run = dbt(
        *("build", "--empty", "--select", "stg_accounts"),
        raw_dir=sample_dir,
        workspace=sample_copy,
    )
    assert run.returncode != 0
    assert "There are tables already, which --empty would empty" in run.output
    assert run.rows("select count(*) > 0 from staging.stg_accounts") == [(True,)]


def test_nothing_new_is_one_line_where_quiet_is_asked_for(
    sample_copy: Path, sample_dir: Path
) -> None:
    run = build(sample_dir, sample_copy, "--quiet")
    line = "Nothing is new since the last run: every table stays as it is.\n"
    assert (run.returncode, run.output) == (0, line)


def test_another_date_in_the_environment_does_not_read_the_project_anew(
    empty_run: Run, raw: Path
) -> None:
    work = empty_run.warehouse.parent
    day, as_of = "2026-05-03", "2026-05-02"
    dates = {"HEALTH_RUN_DATE": day, "HEALTH_AS_OF_DATE": as_of}
    run = dbt("compile", "--select", "score_dates", workspace=work, environment=dates)
    assert run.returncode == 0, run.output
    assert READ_ANEW not in run.output
    sql = (work / COMPILED).read_text(encoding="utf-8")
    assert f"< cast('{day}' as date)" in sql
    assert f"cast('{as_of}' as date) as as_of_date" in sql
    # Unit tests have their own dates.
    name = "test_type:unit,metrics"
    run = dbt("test", "--select", name, raw_dir=raw, workspace=work, environment=dates)
    assert run.returncode == 0, run.output
    # A date that cannot be is told with the names of all places it may come from.
    run = build(raw, work, environment={"HEALTH_RUN_DATE": "tomorrow"})
    assert run.returncode == 2
    assert "The var run_date is 'tomorrow'" in run.output
    assert "--vars or HEALTH_RUN_DATE or dbt_project.yml" in run.output


def test_docs_and_freshness_work_where_there_are_no_rows(empty_run: Run, raw: Path) -> None:
    for command in (("docs", "generate"), ("source", "freshness")):
        run = dbt(*command, raw_dir=raw, workspace=empty_run.warehouse.parent)
        assert run.returncode == 0, run.output


def test_nothing_is_modified_where_nothing_changed(empty_run: Run, state: Path) -> None:
    """In another working file, on another date, by --vars, from another folder."""
    changed = {
        "HEALTH_RUN_DATE": "2026-05-03",
        "HEALTH_PUBLISH_DIR": "elsewhere",
        "HEALTH_MEMORY_LIMIT": "1GB",
        "HEALTH_WAREHOUSE": str(other_workspace(empty_run) / "other.duckdb"),
    }

    def modified() -> Run:
        return dbt(
            *("--quiet", "ls", "--select", "state:modified", "--state", str(state)),
            *("--vars", json.dumps(OTHER_DAY)),
            raw_dir=Path("nowhere"),
            workspace=other_workspace(empty_run),
            environment=changed,
        )

    run = modified()
    assert (run.returncode, run.output) == (0, "")

    manifest = json.loads((state / "manifest.json").read_text(encoding="utf-8"))
    manifest["nodes"]["model.health_scoring.score_dates"]["raw_code"] = "select 1"
    previous = (state / "manifest.json").read_bytes()
    (state / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    run = modified()
    (state / "manifest.json").write_bytes(previous)
    assert run.output.splitlines()[0] == "health_scoring.metrics.score_dates"


def test_a_date_of_vars_comes_before_one_of_the_environment(empty_run: Run) -> None:
    work = other_workspace(empty_run)
    run = dbt(
        *("compile", "--select", "score_dates", "--vars", json.dumps(OTHER_DAY)),
        workspace=work,
        environment={
            "HEALTH_RUN_DATE": "2026-05-03",
            "HEALTH_WAREHOUSE": str(work / "other.duckdb"),
        },
    )
    assert run.returncode == 0, run.output
    assert "< cast('2026-03-02' as date)" in (work / COMPILED).read_text(encoding="utf-8")


def test_a_clone_has_the_tables_and_seeds_can_be_loaded_into_it(
    empty_run: Run, raw: Path, state: Path
) -> None:
    tables = (
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where table_name <> 'last_run' and schema_name {} like 'dev%' and schema_name <> 'raw'"
        " order by all"
    )
    options = {"raw_dir": raw, "workspace": empty_run.warehouse.parent, "variables": PREFIX}
    run = dbt("clone", "--state", str(state), **options)

    assert run.returncode == 0, run.output
    expected = [(f"dev_{name}",) for (name,) in run.rows(tables.format("not"))]
    assert run.rows(tables.format("")) == expected
    assert len(expected) > 50
    run = dbt("seed", "--select", "grades", **options)
    assert run.returncode == 0, run.output

    # Another working file has nothing to clone from.
    run = dbt(
        *("clone", "--state", str(state), "--select", "grades"),
        raw_dir=raw,
        workspace=empty_run.warehouse.parent,
        environment={"HEALTH_WAREHOUSE": str(other_workspace(empty_run) / "other.duckdb")},
        variables=PREFIX,
    )
    assert run.returncode == 1
    assert "dbt clone stays within a working file, and --state is of another one" in run.output


def test_published_views_are_made_of_kept_tables(state: Path) -> None:
    """PostgreSQL drops a view with a table that it reads: a run that makes such a table anew and
    then fails would leave readers without the view. That of comparisons still reads one."""
    nodes = json.loads((state / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    kept = {
        name
        for name, node in nodes.items()
        if node["resource_type"] == "seed" or node["config"]["materialized"] == "incremental"
    }
    views = {
        node["name"]: set(node["depends_on"]["nodes"]) - kept
        for node in nodes.values()
        if node["path"].startswith("marts/") and node["config"]["materialized"] == "view"
    }
    assert views == {
        "fct_health_drivers": set(),
        "fct_scorecard_comparison": {"model.health_scoring.account_dates"},
    }


def test_a_refresh_goes_on_from_what_dbt_has_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Settings(tmp_path, tmp_path, tmp_path / "w.duckdb", tmp_path / "published")
    seen = []

    def run_dbt(arguments, settings, folder, locks, progress, variables):  # type: ignore
        state = folder / "target" / parse_state.STATE
        seen.append(state.read_bytes() if state.exists() else b"")
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_bytes(b"state of %d" % len(seen))
        assert "--vars" not in arguments
        assert variables == {"HEALTH_RUN_DATE": f"2026-03-0{len(seen)}", "HEALTH_AS_OF_DATE": ""}
        return 0, ""

    def night(number: int) -> Path:
        folder = places.runs / f"00000{number}-2026030{number}T021500Z"
        folder.mkdir(parents=True)
        dates = {"run_date": f"2026-03-0{number}", "as_of_date": ""}
        dbt_runner.build(places, dates, False, folder, lambda text: None)
        return folder / "target"

    monkeypatch.setattr(dbt_runner, "run_dbt", run_dbt)
    night(1)
    second, third = night(2), night(3)
    # A damaged one is not read, nor one without a word where it is from; the one before it is.
    (third / parse_state.STATE).write_bytes(b"state of 4")
    fourth = night(4)
    (fourth / parse_state.NOTE).unlink()
    fifth = night(5)
    assert seen == [b"", b"state of 1", b"state of 2", b"state of 2", b"state of 2"]

    # Nor is one of another project, or of another version of this one.
    for project in ("here", "there"):
        shutil.copytree(ROOT / "seeds", tmp_path / project / "seeds")
    earlier = [fifth, second]
    parse_state.note(second, parse_state.hash_of(tmp_path / "here"))
    parse_state.take_over(tmp_path / "a", earlier, tmp_path / "there")
    parse_state.take_over(tmp_path / "b", earlier, tmp_path / "here")
    (tmp_path / "here" / "dbt_project.yml").write_text("name: other")
    parse_state.take_over(tmp_path / "c", earlier, tmp_path / "here")
    taken = [p.parent.name for p in tmp_path.glob(f"*/{parse_state.STATE}")]
    assert taken == ["b"]


TWO_RUNS = """
import sys
from pathlib import Path
from dbt.cli.main import dbtRunner

arguments = ["--quiet", "build", "--select", "+stg_accounts", "--exclude-resource-type",
             "unit_test", "test"]
assert dbtRunner().invoke(arguments).success
path = Path(sys.argv[1])
path.write_text(path.read_text() + "later,2026-01-01\\n")
second = dbtRunner().invoke(arguments)
assert second.success, second.exception
"""


def test_a_second_run_of_a_process_reads_the_files_anew(tmp_path: Path) -> None:
    """As orchestrators run dbt: the connection of the first run may be open still."""
    for name, header in {
        "accounts": "account_id,created_at",
        "subscriptions": "subscription_id,account_id,started_at",
        "usage_events": "event_id,account_id,event_at,feature",
    }.items():
        write_csv(tmp_path / "raw", name, [header])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEALTH_")},
        "HEALTH_RAW_DIR": str(tmp_path / "raw"),
        "HEALTH_WAREHOUSE": str(tmp_path / "file.duckdb"),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "PYTHONPATH": str(ROOT / "scripts"),
    }
    file = tmp_path / "raw" / "accounts" / "accounts.csv"
    done = subprocess.run(
        [sys.executable, "-c", TWO_RUNS, str(file)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(tmp_path / "file.duckdb"), read_only=True) as connection:
        found = connection.execute("select account_id from staging.stg_accounts").fetchall()
    assert found == [("later",)]
