"""A refresh publishes a whole, audited state, or leaves the previous one and says why."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from customer_health import dbt_runner
from customer_health.inputs.raw_files import read_contract
from customer_health.refresh import publishing, rollback
from customer_health.settings import Settings
from place import (
    ACCEPT_ALL,
    CANARY,
    DAY,
    HEADER,
    KEY,
    OTHER_KEY,
    Done,
    Place,
    fill_inbox,
    more_events,
    retyped,
    write_a_while_ago,
)
from project import ROOT, write_csv, write_two_accounts

BAD_FILE = ["--accept", "rejected_share:usage_events", "--reason", "A test file, known to be bad"]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Done]:
    """Two accounts with users, landed and published once."""
    place = Place(tmp_path_factory.mktemp("refresh"))
    fill_inbox(place)
    return place, place.refresh("--json")


@pytest.fixture(scope="module")
def whole(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A year of the sample, put into the raw folder by hand, published with every data test."""
    place = Place(tmp_path_factory.mktemp("whole"), project=ROOT)
    shutil.copytree(sample_dir, place.raw)
    done = place.run("refresh.py", "--run-date", "2026-10-01", "--as-of", "2026-09-30")
    assert done.code == 0, done.err
    return place


@pytest.fixture
def place(landed: tuple[Place, Done], tmp_path: Path) -> Place:
    return landed[0].copy(tmp_path / "place")


def test_a_state_is_published(landed: tuple[Place, Done]) -> None:
    place, done = landed
    report = json.loads(done.out)

    assert done.code == 0, done.err
    assert report["exit_code"] == 0
    assert report["is_changed"] is True
    assert {one["state"] for one in report["landed"]} == {"landed"}
    assert place.rows("select run_id, accounts, erased_rows from marts.mart_status") == [
        (report["run_id"], 2, 0)
    ]
    assert place.rows("select account_id, run_id from marts.fct_published_scores order by 1") == [
        ("a1", report["run_id"]),
        ("a2", report["run_id"]),
    ]
    kinds = place.rows("select distinct table_type from information_schema.tables")
    assert kinds == [("BASE TABLE",)]
    tags = place.rows("select tags['storage_version'] from duckdb_databases() where not internal")
    assert tags == [("v1.4.0+",)]
    for schema, table in place.rows(
        "select table_schema, table_name from information_schema.tables"
    ):
        assert (place.published / "current" / schema / f"{table}.parquet").exists()
    modes = {p.stat().st_mode & 0o777 for p in place.folder.rglob("*.parquet")}
    assert modes == {0o640}


def test_dbt_does_not_read_the_project_again(landed: tuple[Place, Done]) -> None:
    """What it read for another working file is taken over, and dbt finds nothing wrong with it."""
    (run,) = (landed[0].published / "runs").iterdir()
    words = (run / "dbt.txt").read_text(encoding="utf-8")
    assert "Completed successfully" in words
    assert "partial parsing" not in words


def test_rows_say_where_they_came_from(landed: tuple[Place, Done]) -> None:
    place, _ = landed
    (path,) = (place.raw / "usage_events").iterdir()
    rows = duckdb.sql(
        "select count(*), count(distinct _source_row), min(_source_row), min(_source_file),"
        f" min(length(_source_sha256)), count(_loaded_at), min(_batch_id) from '{path}'"
    ).fetchall()

    assert rows == [(27, 27, 1, "usage_events.csv", 64, 27, path.stem)]


def test_user_ids_are_stored_as_pseudonyms(landed: tuple[Place, Done]) -> None:
    place, _ = landed
    (path,) = (place.raw / "usage_events").iterdir()
    users = duckdb.sql(f"select distinct user_id from '{path}'").fetchall()

    assert len(users) == 4
    assert all(user.startswith("u_") and len(user) == 34 for (user,) in users)


@pytest.mark.parametrize("secret", [KEY, CANARY])
def test_no_secret_is_in_any_file(landed: tuple[Place, Done], whole: Place, secret: str) -> None:
    place, done = landed
    written = [p for one in (place, whole) for p in one.folder.rglob("*") if p.is_file()]

    assert len(written) > 450
    assert not [p for p in written if secret.encode() in p.read_bytes()]
    assert secret not in done.out + done.err


def test_no_user_is_in_what_is_published_or_logged(landed: tuple[Place, Done]) -> None:
    place, done = landed
    below = [place.published, place.warehouse.parent]
    files = [p for folder in below for p in folder.rglob("*") if p.is_file()]

    assert not [p for p in files if b"@example.com" in p.read_bytes()]
    assert "@example.com" not in done.out + done.err


def test_nothing_new_publishes_the_same_bytes_and_says_so(place: Place) -> None:
    before = place.files()
    done = place.refresh("--json")
    report = json.loads(done.out)

    assert done.code == 0, done.err
    assert report["is_changed"] is False
    assert "the same data, byte for byte" in done.err
    assert "landed before" in done.err
    assert place.files() == before
    assert len(list(place.raw.rglob("*.parquet"))) == 3
    assert len(list((place.published / "log").glob("*.parquet"))) == 1
    assert len(place.rows("from marts.mart_status")) == 2
    assert len(place.rows("from marts.fct_published_scores")) == 2


@pytest.fixture(scope="module")
def busy(
    landed: tuple[Place, Done], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Place, Done]:
    """The night after: a file of a name that was landed, files that cannot be read beside good
    ones, two files of accounts."""
    place = landed[0].copy(tmp_path_factory.mktemp("busy") / "place")
    write_two_accounts(place.inbox, "search")
    header = "account_id,created_at,owner,account_name"
    for name, owner in (("acc_2026-10-1", "new"), ("acc_2026-9-30", "old")):
        names = ("=1+1", "-plain")
        lines = [header, *(f"a{n},2026-01-01,{owner},{names[n - 1]}" for n in (1, 2))]
        write_csv(place.inbox, "accounts", lines, f"{name}.csv")
    usage = place.inbox / "usage_events"
    more_events(place, "good", range(20, 26))
    (usage / "empty.csv").touch()
    (usage / "cut.csv").write_text("event_id,account_id,event_at,feature\ne1,a1,2026-02-01\n")
    whole = usage / "whole.parquet"
    duckdb.sql(
        "select 'p' || range as event_id, 'a1' as account_id, timestamp '2026-02-03' as event_at,"
        " repeat('x', 500) || range as feature from range(1000)"
    ).write_parquet(str(whole))
    (usage / "truncated.parquet").write_bytes(whole.read_bytes()[:-200])
    whole.unlink()
    (usage / "half.jsonl").write_text('{"event_id": "j1", "account_id": "a1"}\n{"event_id": ')
    write_a_while_ago(place)
    lines = [
        {"event_id": "j1", "account_id": "a1", "event_at": "2026-02-05", "feature": "login", "n": 1}
    ]
    (usage / "good.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return place, place.refresh("--json")


def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(busy: tuple[Place, Done]) -> None:
    place, done = busy
    report = json.loads(done.out)
    states = {one["file"]: (one["state"], one["rows"]) for one in report["landed"]}

    assert done.code == 0, done.err
    assert states["good.csv"] == ("landed", 6)
    assert states["good.jsonl"] == ("landed", 1)
    aside = ["cut.csv", "empty.csv", "half.jsonl", "truncated.parquet"]
    assert sorted(name for name, (state, _) in states.items() if state == "set aside") == aside
    reasons = {one["file"]: one["reason"] for one in report["landed"] if one["reason"]}
    assert "line 2: fewer cells than the header" in reasons["cut.csv"]
    assert "0 bytes" in reasons["empty.csv"]
    assert "line 2 is not JSON" in reasons["half.jsonl"]
    kept = sorted(path.name for path in (place.inbox / "usage_events/set_aside").iterdir())
    assert len(kept) == 8
    assert {name[9:] for name in kept if not name.endswith(".reason.txt")} == set(aside)
    assert place.rows(
        "select warnings >= 4 from marts.mart_status order by run_id desc limit 1"
    ) == [(True,)]
    assert "new columns, kept: n" in done.err


def test_the_same_name_with_other_content_is_a_new_batch(busy: tuple[Place, Done]) -> None:
    place, _ = busy
    sources = "select distinct _source_file, _source_sha256 from read_parquet('{}/*.parquet')"
    found = duckdb.sql(sources.format(place.raw / "usage_events")).fetchall()

    assert [file for file, _ in found].count("usage_events.csv") == 2
    assert place.rows(
        "select raw_rows, accepted_rows, duplicate_rows from marts.source_reconciliation"
        " where input = 'usage_events'"
    ) == [(61, 34, 27)]


def test_a_cell_that_looks_like_a_formula_is_text_in_the_csv(busy: tuple[Place, Done]) -> None:
    place, _ = busy
    csv = (place.published / "current" / "customer_health.csv").read_text(encoding="utf-8")

    assert '"\'=1+1"' in csv
    assert '"\'-plain"' in csv
    assert place.rows("select account_name from marts.customer_health order by 1") == [
        ("-plain",),
        ("=1+1",),
    ]


def test_the_newer_of_two_files_wins_and_the_run_says_why(busy: tuple[Place, Done]) -> None:
    place, done = busy
    line = "accounts: the oldest first, by their names: acc_2026-9-30.csv, acc_2026-10-1.csv"
    assert line in done.err
    decided = {one["file"]: one["ordered_by"] for one in json.loads(done.out)["landed"]}
    assert (decided["acc_2026-9-30.csv"], decided["acc_2026-10-1.csv"]) == ("", "their names")
    assert place.rows("select distinct owner from marts.customer_health") == [("new",)]


@pytest.mark.parametrize(
    "header, line",
    [
        ("event_id,account_id,user_id,event_time,feature", "- event_at: required, no longer there"),
        ("event_id,account,user_id,event_at,feature", "- account_id: required, no longer there"),
    ],
)
def test_a_required_column_that_is_gone_stops_before_anything_of_the_input_is_landed(
    place: Place, header: str, line: str
) -> None:
    before = (place.files(), sorted((place.raw / "usage_events").rglob("*")))
    more_events(place, "a_good_one", range(20, 26))
    more_events(place, "drifted", range(20, 26), header)
    write_csv(place.inbox, "invoices", ["invoice_id,account_id,issued_at,amount,kind"])
    done = place.refresh("--json")
    report = json.loads(done.out)

    assert done.code == 1
    assert line in done.err
    assert "drifted.csv" in done.err
    assert (place.files(), sorted((place.raw / "usage_events").rglob("*"))) == before
    states = {
        one["file"]: one["state"] for one in report["landed"] if one["state"] != "seen before"
    }
    assert states == {
        "a_good_one.csv": "held back",
        "drifted.csv": "held back",
        "invoices.csv": "landed",
    }
    assert len(list((place.raw / "invoices").iterdir())) == 1


def test_a_required_column_of_another_type_stops(place: Place) -> None:
    retyped(place)
    done = place.refresh()

    assert done.code == 1
    assert "~ event_at: text so far, now whole number" in done.err


def test_an_exceeded_limit_keeps_the_previous_state_until_it_is_accepted(place: Place) -> None:
    before = place.files()
    rows = [f"bad{n},a1,,no date,login" for n in range(30)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "bad.csv")
    done = place.refresh()

    assert done.code == 1
    words = "rejected_share:usage_events: usage_events: 30 of 30 new rows rejected, 100.0 %"
    assert words in done.err
    way = "If the data are wrong (bad.csv): customer-health refresh --withdraw usage_events/batch-"
    assert way in done.err
    way = '--accept rejected_share:usage_events --reason "WHY"'
    assert way in done.err
    assert place.files() == before

    accepted = place.refresh(*BAD_FILE)
    assert accepted.code == 0, accepted.err
    ((reason, told),) = place.rows(
        "select accepted_reason, warning_text from marts.mart_status order by run_id desc limit 1"
    )
    assert reason == "rejected_share:usage_events: A test file, known to be bad"
    assert "accepted: rejected_share:usage_events" in told
    # What was accepted is not asked about every night.
    assert place.refresh().code == 0


def test_a_second_run_says_who_is_running(place: Place) -> None:
    first = place.start("refresh.py", "--run-date", DAY)
    while not (place.published / ".lock").read_text(encoding="utf-8"):
        time.sleep(0.02)
    second = place.refresh()
    first.communicate()

    assert second.code == 75
    assert f"refresh (process {first.pid} on" in second.err
    assert first.returncode == 0


def test_a_reader_of_the_working_file_is_named_and_those_of_the_published_one_go_on(
    place: Place,
) -> None:
    with duckdb.connect(str(place.warehouse), read_only=True):
        done = place.refresh()

    assert done.code == 75
    assert f"is open in process {os.getpid()}" in done.err
    with duckdb.connect(str(place.serving), read_only=True) as reader:
        before = reader.execute("select max(run_id) from marts.mart_status").fetchall()
        done = place.refresh()
        assert done.code == 0, done.err
        assert reader.execute("select max(run_id) from marts.mart_status").fetchall() == before
    assert place.rows("select max(run_id) from marts.mart_status") != before


def test_a_killed_run_leaves_nothing_to_repair(place: Place, tmp_path: Path) -> None:
    """At one moment; `make test-faults FAULT=kill` has the others."""
    undisturbed = place.copy(tmp_path / "undisturbed")
    before = place.files()
    for one in (place, undisturbed):
        more_events(one, "late", range(3, 9))
    process = place.start("refresh.py", "--run-date", DAY)
    time.sleep(5)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert place.files() == before
    again, whole = place.refresh(), undisturbed.refresh()
    assert (again.code, whole.code) == (0, 0), again.err + whole.err
    assert "its lock is taken over" in again.err
    remembered = "select * exclude (loaded_at) from marts.rejected_records"
    assert place.rows(remembered) == undisturbed.rows(remembered)
    assert place.files().keys() == undisturbed.files().keys()
    differing = [name for name, data in place.files().items() if data != undisturbed.files()[name]]
    assert differing == []


def test_a_damaged_working_file_is_built_anew(place: Place) -> None:
    before = place.files()
    place.warehouse.write_bytes(b"\0" * 100_000)
    done = place.refresh()

    assert done.code == 0, done.err
    assert "was damaged and is built anew" in done.err
    assert place.files() == before


def test_what_was_published_and_is_damaged_is_not_compared_with(place: Place) -> None:
    more_events(place, "more", range(20, 26))
    assert place.refresh().code == 0
    (first, second) = sorted(path.name for path in (place.published / "versions").iterdir())
    before = place.files()
    path = place.published / "versions" / second / "marts" / "customer_health.parquet"
    path.write_bytes(b"")
    done = place.refresh()

    assert done.code == 0, done.err
    assert f"{path} is not as it was published; compared with run {first}" in done.err
    assert place.files() == before
    damaged = place.run("rollback.py", "--to", second)
    assert damaged.code == 1
    assert "is not as it was published" in damaged.err


def test_a_version_that_was_never_shown_is_removed(place: Place) -> None:
    run = "000009-20260301T000000Z"
    folder = place.published / "versions" / run
    shutil.copytree(place.published / "current" / "", folder)
    (folder / publishing.SHOWN).unlink()
    publishing.write_manifest(folder, run, {})
    done = place.refresh("--dry-run")
    assert done.code == 0, done.err
    done = place.run("rollback.py")

    assert done.code == 2
    assert not (place.published / "versions" / run).exists()


def test_drivers_are_published_for_so_many_weeks(whole: Place) -> None:
    """The as-of date and 13 Sundays."""
    place = whole
    days = [
        day for (day,) in place.rows("select distinct score_date from marts.fct_health_drivers")
    ]
    sundays = [date(2026, 9, 27) - timedelta(7 * n) for n in range(13)]
    assert sorted(days) == sorted([date(2026, 9, 30), *sundays])
    kept = place.rows(
        "select count(distinct score_date) from marts.fct_health_drivers", place.warehouse
    )
    assert kept[0][0] > 50
    names = ", ".join(f"{contract.name}_through" for contract in read_contract())
    (through,) = place.rows(f"select {names} from marts.mart_status")
    assert None not in through
    assert max(through) <= date(2026, 9, 30)


def test_the_inbox_is_emptied_when_asked_to_and_once_published(place: Place) -> None:
    rows = [f"bad{n},a1,,no date,login" for n in range(30)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "bad.csv")
    (place.inbox / "usage_events" / "empty.csv").touch()
    write_a_while_ago(place)
    sent = sorted(place.inbox.rglob("*.csv"))

    assert place.refresh("--empty-inbox").code == 1
    kept = [p for p in sent if p.name != "empty.csv"]
    assert [p for p in sent if p.exists()] == kept
    done = place.refresh("--empty-inbox", *BAD_FILE)
    assert done.code == 0, done.err
    assert "4 landed files were removed from the inbox" in done.err
    assert not [p for p in sent if p.exists()]
    assert len(list((place.inbox / "usage_events" / "set_aside").iterdir())) == 2
    again = place.refresh("--dry-run")
    assert "set aside in an earlier run: usage_events/set_aside/" in again.err


def test_a_client_of_duckdb_1_4_reads_what_is_published(
    landed: tuple[Place, Done], tmp_path: Path
) -> None:
    """Every table and every row of it, in a process with that version."""
    place, _ = landed
    requirements = ROOT / "tests" / "faults" / "oldest_reader.txt"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*install, "--require-hashes", "-r", requirements, "--target", tmp_path / "old"], check=True
    )
    question = (
        "import duckdb, json; c = duckdb.connect(PATH, read_only=True); print(json.dumps("
        "[duckdb.__version__, *sorted([s, t, len(c.execute(f'from {s}.{t}').fetchall())]"
        " for s, t in c.execute('select schema_name, table_name from duckdb_tables()').fetchall()"
        ")]))"
    ).replace("PATH", repr(str(place.serving)))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "old")}
    done = subprocess.run(
        [sys.executable, "-c", question], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    version, *counts = json.loads(done.stdout)

    assert version.startswith("1.4.")
    tables = "select schema_name, table_name from duckdb_tables() order by all"
    assert counts == [
        [schema, name, len(place.rows(f"from {schema}.{name}"))]
        for schema, name in place.rows(tables)
    ]
    assert len(counts) > 15


def test_a_node_that_did_not_run_is_named(whole: Place, tmp_path: Path) -> None:
    """Exit code 0 of dbt is not enough: every seed, model and data test has a good result."""
    (run,) = (whole.published / "runs").iterdir()
    shutil.copytree(run / "target", tmp_path / "target")
    assert dbt_runner.lacking_nodes(tmp_path) == []
    path = tmp_path / "target" / "run_results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for result in content["results"]:
        if result["unique_id"].endswith(".customer_health"):
            result["status"] = "skipped"
    content["results"] = [r for r in content["results"] if not r["unique_id"].endswith(".grades")]
    path.write_text(json.dumps(content), encoding="utf-8")

    assert dbt_runner.lacking_nodes(tmp_path) == ["customer_health", "grades"]
    assert sum(r["unique_id"].startswith("test.") for r in content["results"]) > 60


def test_on_a_terminal_it_shows_how_far_it_is(place: Place, landed: tuple[Place, Done]) -> None:
    """One line that changes, here with all the data tests; elsewhere plain lines."""
    place = Place(place.folder, project=ROOT)
    command = [sys.executable, str(place.project / "scripts" / "refresh.py"), "--run-date", DAY]
    ours, theirs = os.openpty()
    process = subprocess.Popen(command, env=place.variables(), stderr=theirs, stdin=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):
        while part := os.read(ours, 65536):
            shown += part
    assert process.wait() == 0
    os.close(ours)

    steps = [(int(n), int(all_)) for n, all_ in re.findall(rb"\r +build +(\d+) of (\d+)", shown)]
    assert len({total for _, total in steps}) == 1
    assert max(step for step, _ in steps) > 0.8 * steps[0][1] > 100
    assert len(steps) > 100
    assert "\r" not in landed[1].err


def test_dbt_does_not_know_the_key_nor_other_settings_of_dbt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", KEY)
    monkeypatch.setenv("DBT_TARGET", "postgres")
    given = dbt_runner.environment(Settings(tmp_path, tmp_path, tmp_path / "w", tmp_path))

    assert KEY not in given.values()
    assert "DBT_TARGET" not in given
    assert given["HEALTH_RAW_DIR"] == str(tmp_path)


def test_runs_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Also when the number has one digit more than before."""
    places = Place(tmp_path)
    names = [f"{number:06d}-20260301T021500Z" for number in (999_998, 999_999, 1_000_000)]
    four = Settings(places.raw, places.inbox, places.warehouse, places.published)
    for name in names:
        folder = four.versions / name
        folder.mkdir(parents=True)
        (folder / "a").touch()
        publishing.write_manifest(folder, name, {})
        (four.runs / name).mkdir(parents=True)
    (four.runs / "kept by hand").mkdir()
    publishing.make_current(four, names[-1])

    assert [version.run_id for version in publishing.versions(four)] == names
    assert publishing.previous(four).folder == four.versions / names[-1]
    assert rollback.earlier_run(four, None).run_id == names[1]
    publishing.keep_newest(four, 2)
    assert [version.run_id for version in publishing.versions(four)] == names[1:]
    publishing.keep_newest_runs(four, 2)
    assert {path.name for path in four.runs.iterdir()} == {*names[1:], "kept by hand"}
    publishing.make_current(four, names[1])
    publishing.finish(four)
    assert [version.run_id for version in publishing.versions(four)] == names[1:], "both were shown"
    (four.versions / names[2] / publishing.SHOWN).unlink()
    publishing.finish(four)
    assert [version.run_id for version in publishing.versions(four)] == names[1:2]


def test_an_earlier_run_can_be_shown_again(place: Place) -> None:
    (first,) = place.rows("select max(run_id) from marts.mart_status")[0]
    more_events(place, "more", range(20, 26))
    assert place.refresh().code == 0
    done = place.run("rollback.py")

    assert done.code == 0, done.err
    assert place.rows("select max(run_id) from marts.mart_status") == [(first,)]
    listed = place.run("rollback.py", "--list").out.splitlines()
    assert [line.split() for line in listed if first in line] == [
        [first, "2026-02-27", "2", "yes", "0", "current"]
    ]
    assert place.run("rollback.py", "--to", "nothing").code == 2
    assert place.refresh().code == 0
    assert len(place.rows("select distinct run_id from marts.fct_published_scores")) == 3


def test_while_a_version_is_pinned_runs_build_and_do_not_publish(place: Place) -> None:
    (run,) = place.rows("select max(run_id) from marts.mart_status")[0]
    pinned = place.run("rollback.py", "--pin", "--to", run, "--reason", "Invoices of May")
    assert pinned.code == 0, pinned.err
    before = place.files()
    more_events(place, "more", range(20, 26))
    done = place.refresh("--json")
    report = json.loads(done.out)

    assert done.code == 1, done.err
    assert f"Run {run} is pinned by" in report["message"]
    assert "reason: Invoices of May" in report["message"]
    assert report["next_step"].startswith("customer-health rollback --unpin publishes again")
    assert {one["state"] for one in report["landed"]} >= {"landed"}
    assert report["audits"]
    assert place.files() == before
    assert place.rows("select count(*) from activity.usage_days", place.warehouse) != [(0,)]
    assert "Nothing would be published" in place.refresh("--dry-run").err

    assert place.run("rollback.py", "--unpin").code == 0
    again = place.refresh()
    assert again.code == 0, again.err
    assert place.files() != before
    assert len(place.rows("from marts.mart_status")) == 2


def test_a_run_goes_on_when_nobody_reads_what_it_says(place: Place) -> None:
    """As of `customer-health refresh 2>&1 | head -1`, with standard output closed too."""
    more_events(place, "more", range(20, 26))
    ours, theirs = os.pipe()
    script = str(place.project / "scripts" / "refresh.py")
    command = [sys.executable, script, "--run-date", DAY, "--json"]
    process = subprocess.Popen(command, env=place.variables(), stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = os.read(ours, 10)
    os.close(ours)

    assert said
    assert process.wait() == 0
    assert len(place.rows("from marts.mart_status")) == 2
    (report, _) = sorted((place.published / "runs").glob("*/report.json"), reverse=True)
    assert json.loads(report.read_text(encoding="utf-8"))["exit_code"] == 0


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_a_stream_that_is_closed_or_full_changes_no_exit_code(tmp_path: Path, closed: str) -> None:
    """Without any input: exit code 2, as with all streams open; and nothing is written into files
    that would get the number of a stream that is closed."""
    place = Place(tmp_path)
    command = f"{sys.executable} {place.project / 'scripts' / 'refresh.py'} --json {closed}"
    done = subprocess.run(["bash", "-c", command], env=place.variables(), capture_output=True)

    assert done.returncode == 2
    assert b"Traceback" not in done.stdout + done.stderr
    if closed == "2>&-":
        assert json.loads(done.stdout)["exit_code"] == 2
    assert (place.published / ".lock").read_bytes() == b""


def test_places_may_have_odd_names(tmp_path: Path) -> None:
    """As far as DuckDB and dbt read them as they are; through every command. Names of folders are
    no patterns, no statements, and say nothing of the rows."""
    folder = tmp_path / 'env=prod [1]* it\'s "d" %41 \u00e9 #1; x'
    work = tmp_path / "a;b 'c' \"d\" %41 \u00e9" / "work;"
    odd = {
        "HEALTH_WAREHOUSE": str(work / "w x %41 \u00e9.duckdb"),
        "HEALTH_INBOX_DIR": str(folder / "in?box"),
        "HEALTH_RAW_DIR": str(folder / "r?w"),
    }
    place = Place(folder, odd, project=ROOT)
    for name, path in (("inbox", "in?box"), ("raw", "r?w")):
        (folder / path).mkdir(parents=True)
        (folder / name).symlink_to(folder / path)
    fill_inbox(place)
    first = place.refresh()
    assert first.code == 0, first.err
    more_events(place, "more[1]", range(20, 26))
    second = place.refresh()

    assert second.code == 0, second.err
    assert len(place.rows("select distinct run_id from marts.fct_published_scores")) == 2
    assert len(place.rows("from marts.mart_status")) == 2
    assert place.accounts().lost == 0
    assert "env" not in {
        name for (name,) in place.rows("select column_name from information_schema.columns")
    }
    assert place.run("explain.py", "a1").code == 0
    assert place.run("show_health.py").code == 0
    assert place.run("rollback.py").code == 0
    assert len(place.run("rollback.py", "--list").out.splitlines()) == 4
    exported = place.run("export_person.py", "--user", "person-1@example.com")
    assert exported.code == 0, exported.err
    assert json.loads(exported.out)["derived"]
    erased = place.run("erase.py", "--account", "a2")
    assert erased.code == 0, erased.err + erased.out
    assert not list(work.iterdir())
    assert place.refresh(*ACCEPT_ALL).code == 0
    assert place.rows("select account_id from marts.customer_health") == [("a1",)]


@pytest.mark.parametrize(
    "name", ["a#b/w.duckdb", "a?b/w.duckdb", "w;.duckdb", "w'.duckdb", 'w".duckdb', "marts.duckdb"]
)
def test_names_that_duckdb_or_dbt_cannot_read_are_refused(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path, {"HEALTH_WAREHOUSE": str(tmp_path / name)})
    for command in (["refresh.py"], ["erase.py", "--user", "ana@example.com"], ["rollback.py"]):
        done = place.run(*command)
        assert done.code == 2
        assert f"HEALTH_WAREHOUSE ({tmp_path / name})" in done.err
    assert not list(tmp_path.iterdir())


def test_without_a_key_no_user_is_landed(tmp_path: Path) -> None:
    place = Place(tmp_path, {"HEALTH_PSEUDONYM_KEY": ""})
    write_two_accounts(place.inbox, "login")
    more_events(place, "users", range(1, 9))
    done = place.refresh()

    assert done.code == 2
    assert "HEALTH_PSEUDONYM_KEY is not set" in done.err
    assert {path.parent.name for path in place.raw.rglob("*.parquet")} == {
        "accounts",
        "subscriptions",
    }
    rehearsed = place.refresh("--dry-run")
    assert rehearsed.code == 2
    assert "HEALTH_PSEUDONYM_KEY is not set" in rehearsed.err


def test_another_key_is_refused(place: Place) -> None:
    other = Place(place.folder, {"HEALTH_PSEUDONYM_KEY": OTHER_KEY})
    more_events(other, "later", range(20, 26))
    done = other.refresh()

    assert done.code == 2
    assert "is not the key" in done.err


def test_a_dry_run_writes_nothing(place: Place) -> None:
    more_events(place, "later", range(20, 26))
    before = {p: p.stat().st_mtime_ns for p in place.folder.rglob("*")}
    done = place.refresh("--dry-run")

    assert done.code == 0, done.err
    assert "usage_events/later.csv would be landed" in done.err
    assert {p: p.stat().st_mtime_ns for p in place.folder.rglob("*")} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--as-of", "yesterday"],
        ["--as-of", "2026-03-05"],
        ["--accept", " "],
        ["--accept", "arr"],
        ["--accept", "arr:usage", "--reason", "x"],
        ["--accept", "landed_rows", "--reason", "x"],
        ["--x"],
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, arguments: list[str]) -> None:
    assert Place(tmp_path).refresh(*arguments).code == 2


@pytest.mark.parametrize(
    "names, words",
    [
        ({"HEALTH_RAW_DIR": "inbox"}, "HEALTH_RAW_DIR ({}/inbox) lies in HEALTH_INBOX_DIR"),
        (
            {"HEALTH_WAREHOUSE": "published/current/customer_health.duckdb"},
            "HEALTH_WAREHOUSE ({}/published/current/customer_health.duckdb) lies in HEALTH_PUBLISH",
        ),
        ({"HEALTH_PUBLISH_DIR": "raw/published"}, "HEALTH_PUBLISH_DIR ({}/raw/published) lies in"),
        ({"HEALTH_PUBLISH_DIR": "a?b"}, "has ? in it, where no DuckDB file can be"),
        ({"HEALTH_MEMORY_LIMIT": "lots"}, "HEALTH_MEMORY_LIMIT is 'lots', which is no amount"),
        ({"HEALTH_PUBLISH_DIR": "file/published"}, "{}/file/published cannot be made a folder"),
    ],
)
def test_settings_that_cannot_be_are_named(
    tmp_path: Path, names: dict[str, str], words: str
) -> None:
    (tmp_path / "file").touch()
    given = {
        name: text if name == "HEALTH_MEMORY_LIMIT" else str(tmp_path / text)
        for name, text in names.items()
    }
    place = Place(tmp_path, given)
    fill_inbox(place)
    done = place.refresh()

    assert done.code == 2, done.err
    assert words.format(tmp_path) in done.err
    assert not list((tmp_path / "raw").rglob("*.parquet"))


def test_the_sample_is_called_invented(tmp_path: Path, sample_dir: Path) -> None:
    done = Place(tmp_path, {"HEALTH_RAW_DIR": str(sample_dir)}).refresh("--dry-run")

    assert "the raw folder is the sample's: what is published is invented" in done.err


def test_a_folder_without_inputs_says_what_is_missing(tmp_path: Path) -> None:
    done = Place(tmp_path).refresh()

    assert done.code == 2
    for name in ("accounts", "subscriptions", "usage_events"):
        assert f"- {name}: required, but absent" in done.err


def test_ids_of_any_type_match_in_the_models(tmp_path: Path) -> None:
    """17.0 of a column with empty cells, 17 of another export, and the text 17 are one account."""
    place = Place(tmp_path)
    folders = {name: place.inbox / name for name in ("accounts", "subscriptions", "usage_events")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    moment = "timestamp_ns '2026-01-01 10:00:00.123456789'"
    for name, query in {
        "accounts": f"select unnest([17.0, null])::double as account_id, {moment} as created_at,"
        " 'big'::enum ('big', 'small') as industry, 0::utinyint as is_test, [1] as tags",
        "subscriptions": "select uuid() as subscription_id, 17::decimal(38, 0) as account_id,"
        " 12::ubigint as seats, 99.5::double as mrr, date '2026-01-01' as started_at",
        "usage_events": "select 900.0::float + range as event_id, '17'::blob as account_id,"
        " timestamptz '2026-02-01 00:30:00+02' + interval 1 day * range as event_at,"
        " 'login' as feature, 3::uhugeint as event_count from range(1, 28)",
    }.items():
        duckdb.execute(f"copy ({query}) to '{folders[name]}/first.parquet'")
    done = place.refresh()

    assert done.code == 0, done.err
    counts = "select input, raw_rows, accepted_rows, blanked_cells from"
    found = place.rows(f"{counts} marts.source_reconciliation where raw_rows > 0 order by input")
    assert found == [
        ("accounts", 2, 1, 0),
        ("subscriptions", 1, 1, 0),
        ("usage_events", 27, 27, 0),
    ]
    assert place.rows("select account_id, industry, arr from marts.customer_health") == [
        ("17", "big", 1194)
    ]
    typed = "select account_id, created_at::varchar, is_test from staging.stg_accounts"
    typed += " where account_id is not null"
    assert place.rows(typed, place.warehouse) == [("17", "2026-01-01 10:00:00.123456", False)]
    events = "select min(event_id), min(event_at)::varchar, sum(event_count) from"
    (row,) = place.rows(f"{events} staging.stg_usage_events", place.warehouse)
    assert row == ("901", "2026-02-01 22:30:00", 81)
