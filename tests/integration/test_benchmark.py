"""The benchmark's data are what they claim to be, and it measures, compares and tells the truth."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest
from baseline import compute
from benchmark import BASELINE, make_project
from benchmark_data.generate import generate
from benchmark_data.size import Size
from compare_builds import differences
from customer_health.errors import NotFoundError
from customer_health.inputs.check import check
from customer_health.inputs.raw_files import read_contract
from measured_run import run_dbt
from project import ROOT

# These build generated data again and again.
laboratory = pytest.mark.laboratory
SIZE = Size(events=20_000, accounts=60, days=120)
ASKED = ("--events", "20000", "--accounts", "60", "--days", "120")
INPUTS = {contract.name: contract.columns[0].name for contract in read_contract()}
LOADED = datetime.combine(SIZE.next_day + timedelta(days=1), time(2))


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "benchmark.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def rows(folder: Path, name: str) -> list[tuple[object, ...]]:
    """All rows of an input, in an order of their own."""
    return duckdb.sql(f"from '{folder}/{name}/*.parquet' order by all").fetchall()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with raw/ and next_day/."""
    folder = tmp_path_factory.mktemp("data")
    generate(SIZE, folder / "raw", folder / "next_day")
    return folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after the whole benchmark, with the page page.md."""
    folder = tmp_path_factory.mktemp("measured")
    page = folder / "page.md"
    done = benchmark(*ASKED, "--out", str(folder / "out"), "--check", "--docs", str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


# ------------------------------------------------------------------------------- data


def test_the_same_size_and_seed_give_the_same_rows(data: Path, tmp_path: Path) -> None:
    generate(SIZE, tmp_path / "raw", tmp_path / "next_day")
    other = replace(SIZE, seed=2)
    generate(other, tmp_path / "other", tmp_path / "other_day")
    for name in INPUTS:
        assert rows(tmp_path / "raw", name) == rows(data / "raw", name)
        assert rows(tmp_path / "next_day", name) == rows(data / "next_day", name)
        assert rows(tmp_path / "other", name) != rows(data / "raw", name)


@pytest.mark.parametrize(("skew", "largest"), [(0.05, 1000), (0.2, 4000)])
def test_the_largest_account_has_its_share_of_all_events(
    skew: float, largest: int, tmp_path: Path
) -> None:
    generate(replace(SIZE, skew=skew), tmp_path / "raw", tmp_path / "next_day")
    counts = duckdb.sql(
        f"select count(*) from '{tmp_path}/raw/usage_events/*.parquet' group by account_id"
        " order by 1 desc"
    ).fetchall()
    counts = [count for (count,) in counts]
    assert sum(counts) == SIZE.events
    assert counts[0] == largest > counts[1] > counts[len(counts) // 2]


def test_weekends_are_quieter(data: Path) -> None:
    ((weekday, weekend),) = duckdb.sql(
        f"""
        select
            count(*) filter (isodow(event_at) < 6) / 5, count(*) filter (isodow(event_at) > 5) / 2
        from '{data}/raw/usage_events/*.parquet'
        """
    ).fetchall()
    assert 0 < weekend < weekday / 2


def test_a_hundredth_of_the_next_day_is_late(data: Path) -> None:
    found = duckdb.sql(
        f"select cast(event_at as date), _loaded_at from '{data}/next_day/usage_events/*.parquet'"
    ).fetchall()
    late = [(SIZE.next_day - day).days for day, _ in found if day != SIZE.next_day]
    # Every hundredth, from the first on.
    assert len(late) == -(-len(found) // 100) >= 2
    assert all(1 <= days <= 60 for days in late)
    assert {loaded for _, loaded in found} == {LOADED}


def test_every_input_has_rows_of_the_next_day(data: Path) -> None:
    for name in INPUTS:
        before = duckdb.sql(f"select max(_loaded_at) from '{data}/raw/{name}/*.parquet'").fetchall()
        assert before[0][0] <= LOADED - timedelta(days=1)
        loaded = duckdb.sql(
            f"select distinct _loaded_at from '{data}/next_day/{name}/*.parquet'"
        ).fetchall()
        assert loaded == [(LOADED,)], name


def test_records_of_before_are_sent_again_when_something_happened(data: Path) -> None:
    for name, least in {
        "accounts": 1,
        "subscriptions": 1,
        "support_tickets": 1,
        "invoices": 1,
    }.items():
        key = INPUTS[name]
        again, newer = duckdb.sql(
            f"""
            select count(*), count(*) filter (later.updated_at > earlier.updated_at)
            from '{data}/raw/{name}/*.parquet' as earlier
            inner join '{data}/next_day/{name}/*.parquet' as later using ({key})
            """
        ).fetchall()[0]
        assert again == newer >= least, name
    ((solved,),) = duckdb.sql(
        f"""
        select count(*)
        from '{data}/raw/support_tickets/*.parquet' as earlier
        inner join '{data}/next_day/support_tickets/*.parquet' as later using (ticket_id)
        where earlier.solved_at is null and later.solved_at is not null
        """
    ).fetchall()
    assert solved
    for name in ("accounts", "subscriptions", "support_tickets", "invoices"):
        key = INPUTS[name]
        ((new,),) = duckdb.sql(
            f"select count(*) from '{data}/next_day/{name}/*.parquet'"
            f" where {key} not in (select {key} from '{data}/raw/{name}/*.parquet')"
        ).fetchall()
        assert new, name


def test_an_account_that_is_yet_to_come_has_no_override(tmp_path: Path) -> None:
    size = Size(events=4_120, accounts=412, days=60)  # 413 comes on the next day
    generate(size, tmp_path / "raw", tmp_path / "next_day")
    owners = {row[1] for row in rows(tmp_path / "raw", "score_overrides")}
    assert owners and owners <= {row[0] for row in rows(tmp_path / "raw", "accounts")}


def test_no_row_is_rejected(data: Path, tmp_path: Path) -> None:
    for part in ("raw", "next_day"):
        for file in (data / part).glob("*/*.parquet"):
            place = tmp_path / file.parent.name
            place.mkdir(exist_ok=True)
            shutil.copy(file, place / file.name)
    report = check(tmp_path, SIZE.next_day + timedelta(days=1), 3)
    assert report.would_build and not report.null_metrics and not report.notes
    assert {item.name for item in report.inputs} == set(INPUTS)
    for item in report.inputs:
        assert not item.rejected and not item.blanked and not item.effects, item.name
        assert item.rows and item.rows["accepted_rows"] > 0
        # Only what was sent again is a duplicate.
        versions = rows(data / "raw", item.name) + rows(data / "next_day", item.name)
        keys = {row[0] for row in versions}
        assert item.rows["duplicate_rows"] == len(versions) - len(keys)


# ------------------------------------------------------------------------------- measuring


@laboratory
def test_the_steps_are_measured(measured: Path) -> None:
    facts = json.loads((measured / "out" / "benchmark.json").read_text())
    names = [step["name"] for step in facts["steps"]]
    assert names == ["full build", "next day", "repeat", "formula change"]
    for step in facts["steps"]:
        took = step["took"]
        kinds = {node["kind"] for node in took["nodes"]}
        assert {"seed", "model", "test"} <= kinds and "unit_test" not in kinds
        assert took["seconds"] > took["nodes_seconds"] > 0
        assert took["peak_bytes"] > 50 * 2**20 and step["file_bytes"] > 2**20


@laboratory
def test_the_next_day_was_built_and_nothing_differs_from_a_full_build(measured: Path) -> None:
    facts = json.loads((measured / "out" / "benchmark.json").read_text())
    assert {"marts.customer_health", "metrics.metrics_usage"} <= facts["differences"].keys()
    assert not any(facts["differences"].values())
    for name in ("build", "check"):
        warehouse = measured / "out" / name / "warehouse.duckdb"
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            found = connection.execute(
                "select distinct as_of_date, data_through from metrics.score_dates"
            ).fetchall()
        assert found == [(SIZE.next_day, SIZE.next_day)]


@laboratory
def test_the_baseline_is_measured_and_makes_what_the_full_build_makes(measured: Path) -> None:
    facts = json.loads((measured / "out" / "benchmark.json").read_text())
    names = [step["name"] for step in facts["yardsticks"]]
    assert names[:2] == ["floor", "baseline"] and len(names) == 4
    floor, baseline, untested, tested = (step["took"] for step in facts["yardsticks"])
    assert 0 < floor["seconds"] < baseline["seconds"] < untested["seconds"]
    assert baseline["peak_bytes"] > 50 * 2**20
    assert "marts.fct_health_scores" in {node["name"] for node in baseline["nodes"]}
    assert not any(node["kind"] == "test" for node in untested["nodes"])
    assert {"seed", "model", "test"} <= {node["kind"] for node in tested["nodes"]}
    assert set(facts["baseline_differences"]) == set(BASELINE.tables)
    assert not any(facts["baseline_differences"].values())


@laboratory
def test_the_baseline_takes_the_newest_version_of_what_was_sent_again(measured: Path) -> None:
    out = measured / "out"
    # With the next day there are newer versions of records; and a usage file twice.
    (out / "raw" / "usage_events" / "again.parquet").symlink_to(
        out / "raw" / "usage_events" / f"{SIZE.last_day:%Y_%m}.parquet"
    )
    found = out / "again.duckdb"
    run_date = SIZE.next_day + timedelta(days=1)
    compute(out / "raw", out / "project" / "seeds" / "scoring", run_date, found)
    (out / "raw" / "usage_events" / "again.parquet").unlink()
    assert not any(differences(found, out / "check" / "warehouse.duckdb", BASELINE).values())


@laboratory
def test_a_change_in_the_baseline_is_seen(measured: Path, tmp_path: Path) -> None:
    built = measured / "out" / "check" / "warehouse.duckdb"
    changed = tmp_path / "changed.duckdb"
    shutil.copy(built, changed)
    with duckdb.connect(str(changed)) as connection:
        connection.execute(
            "update scoring.metric_scores set open_tickets_score = open_tickets_score / 2 + 1"
            " where account_id = 'A0000001' and scorecard = 'retention_classic' and score_date ="
            " (select max(score_date) from scoring.metric_scores)"
        )
        connection.execute("update metrics.metrics_usage set inputs_fingerprint = 1")
    found = differences(changed, built, BASELINE)
    assert set(found) == set(BASELINE.tables)
    assert {name: rows for name, rows in found.items() if rows} == {"marts.fct_health_drivers": 2}


def test_the_baseline_refuses_what_it_cannot_judge(data: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(data / "raw", raw)
    tickets = raw / "support_tickets" / "support_tickets.parquet"
    duckdb.sql(
        f"select * replace ('burning' as priority) from '{data}/raw/support_tickets/*.parquet'"
    ).write_parquet(str(tickets))
    seeds = ROOT / "seeds" / "scoring"
    with pytest.raises(duckdb.Error, match="would be refused: support_tickets"):
        compute(raw, seeds, SIZE.next_day, tmp_path / "refused.duckdb")


@laboratory
def test_the_goals_alone_are_measured(tmp_path: Path) -> None:
    done = benchmark(*ASKED, "--goals", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out/benchmark.json").read_text())
    assert [step["name"] for step in found["steps"]] == ["full build", "next day"]
    assert [step["name"] for step in found["yardsticks"]] == ["floor", "baseline"]
    assert not any(found["baseline_differences"].values())
    assert "next day / full build" in done.stdout and "formula" not in done.stdout.lower()


@laboratory
def test_every_segment_occurs(measured: Path) -> None:
    with duckdb.connect(str(measured / "out/build/warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute("select distinct segment from marts.customer_health").fetchall()
        ruled = connection.execute("select distinct segment from seeds.segments").fetchall()
    assert len(ruled) == 6 and sorted(found) == sorted(ruled)


@laboratory
def test_the_formula_that_was_built_is_another_one(measured: Path) -> None:
    with duckdb.connect(str(measured / "out/build/warehouse.duckdb"), read_only=True) as connection:
        built = connection.execute(
            "select scorecard, segment, metric, cast(weight as varchar)"
            " from seeds.scorecard_metrics"
        ).fetchall()
    seed = (ROOT / "seeds/scoring/scorecard_metrics.csv").read_text()
    moved = [row for row in built if f"{','.join(row[:3])},{float(row[3]):g}," not in seed]
    assert len(moved) == 2


@laboratory
def test_the_page_holds_the_tables(measured: Path) -> None:
    page = (measured / "page.md").read_text()
    for row in (
        "floor", "baseline", "full build", "next day / full build", "repeat / full build",
        "dbt by the clock", "staging", "activity",
        "metrics", "scoring", "marts", "data tests", "peak memory, MiB", "usage_activity_daily",
        "fct_health_scores",
    ):  # fmt: skip
        assert re.search(rf"^\| {re.escape(row)} \|( [^|]*\d[^|]*\|){{3,4}}$", page, re.M), row
    only = r"^\| formula change / full build, scoring and marts only \|  \| [\d.]+ % \|  \|$"
    assert re.search(only, page, re.M)
    assert " 0 rows, in " in page and " ".join(ASKED) in page


# ------------------------------------------------------------------------------- comparing


def database(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts; create schema metrics; create schema staging")
        for statement in statements:
            connection.execute(statement)
    return path


def test_differences_are_counted_row_by_row(tmp_path: Path) -> None:
    one = database(
        tmp_path / "one.duckdb",
        "create table marts.same as select 1 as a, null as b union all select 1, null",
        "create table marts.changed as select range as a, 'x' as b from range(10)",
        "create table marts.repeated as select 1 as a from range(3)",
        "create table metrics.typed as select 1 as a",
        "create table metrics.gone as select range as a from range(4)",
        "create view marts.seen as select count(*) as a from marts.changed",
        "create table marts.fct_health_alerts as select 1 as a",
        "create table staging.other as select 1 as a",
    )
    other = database(
        tmp_path / "other.duckdb",
        "create table marts.same as select null as b, 1 as a union all select null, 1",
        "create table marts.changed as"
        " select range as a, case range when 3 then 'y' else 'x' end as b from range(12)",
        "create table marts.repeated as select 1 as a from range(5)",
        "create table metrics.typed as select cast(1 as bigint) as a",
        "create table marts.empty (a integer)",
        "create view marts.seen as select count(*) as a from marts.changed",
        "create table marts.fct_health_alerts as select 2 as a",
        "create table staging.other as select 2 as a",
    )
    expected = {
        "marts.same": 0,
        "marts.changed": 4,
        "marts.repeated": 2,
        "marts.seen": 2,
        "marts.empty": 1,
        "metrics.typed": 1,
        "metrics.gone": 4,
    }
    assert differences(one, other) == expected
    assert differences(other, one) == expected
    assert not any(differences(one, one).values())


# ------------------------------------------------------------------------------- telling


def test_a_failed_node_is_named_with_its_message(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    seed = project / "seeds/scoring/currencies.csv"
    seed.write_text(seed.read_text() + "XXX,many\n")
    environment = {
        "PATH": "",
        "HEALTH_WAREHOUSE": str(tmp_path / "warehouse.duckdb"),
        "HEALTH_RAW_DIR": str(ROOT / "sample_data"),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
    }
    with pytest.raises(NotFoundError, match=r"(?s)^seed\.health_scoring\.currencies error: .*many"):
        run_dbt(["seed", "--select", "currencies"], project, environment)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mine.txt").write_text("mine")
    done = benchmark(*ASKED, "--out", str(tmp_path), "--generate-only")
    assert done.returncode == 2 and "holds something else" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["raw", "mine.txt"]


@pytest.mark.parametrize(
    "wrong", [("--accounts", "10"), ("--events", "100"), ("--days", "20"), ("--skew", "0.9")]
)
def test_sizes_too_small_to_mean_anything_are_refused(
    wrong: tuple[str, str], tmp_path: Path
) -> None:
    done = benchmark(*ASKED, *wrong, "--out", str(tmp_path / "out"), "--generate-only")
    assert done.returncode == 2 and not (tmp_path / "out").exists()
