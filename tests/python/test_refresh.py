"""A refresh publishes a whole, audited state, or leaves the former one and says why."""

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
from nightly import building
from nightly.places import Places
from place import CANARY, DAY, HEADER, KEY, Done, Place, fill_inbox, more_events, retyped
from project import ROOT, write_csv, write_two_accounts
from raw_files import read_contract


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Done]:
    """Two accounts with users, landed and published once."""
    place = Place(tmp_path_factory.mktemp("refresh"))
    fill_inbox(place)
    return place, place.refresh("--json")


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
def test_no_secret_is_in_any_file(landed: tuple[Place, Done], secret: str) -> None:
    place, done = landed
    written = [p for p in place.folder.rglob("*") if p.is_file()]

    assert len(written) > 300
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


def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(place: Place) -> None:
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
    lines = [
        {"event_id": "j1", "account_id": "a1", "event_at": "2026-02-05", "feature": "login", "n": 1}
    ]
    (usage / "good.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = place.refresh("--json")
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
    kept = sorted(path.name for path in (usage / "set_aside").iterdir())
    assert len(kept) == 8
    assert {name[9:] for name in kept if not name.endswith(".reason.txt")} == set(aside)
    assert place.rows(
        "select warnings >= 4 from marts.mart_status order by run_id desc limit 1"
    ) == [(True,)]
    assert "new columns, kept: n" in done.err


def test_the_same_name_with_other_content_is_a_new_batch(place: Place) -> None:
    write_two_accounts(place.inbox, "search")
    done = place.refresh()

    assert done.code == 0, done.err
    assert len(list((place.raw / "usage_events").iterdir())) == 2
    assert place.rows(
        "select raw_rows, accepted_rows, duplicate_rows from marts.source_reconciliation"
        " where input = 'usage_events'"
    ) == [(54, 27, 27)]


@pytest.mark.parametrize(
    "header, line",
    [
        ("event_id,account_id,user_id,event_time,feature", "- event_at: required, no longer there"),
        ("event_id,account,user_id,event_at,feature", "- account_id: required, no longer there"),
    ],
)
def test_a_required_column_that_is_gone_stops_before_anything_is_landed(
    place: Place, header: str, line: str
) -> None:
    before = (place.files(), sorted(place.raw.rglob("*")))
    more_events(place, "a_good_one", range(20, 26))
    more_events(place, "drifted", range(20, 26), header)
    done = place.refresh()

    assert done.code == 1
    assert line in done.err
    assert "drifted.csv" in done.err
    assert (place.files(), sorted(place.raw.rglob("*"))) == before


def test_a_required_column_of_another_type_stops(place: Place) -> None:
    retyped(place)
    done = place.refresh()

    assert done.code == 1
    assert "~ account_id: text so far, now whole number" in done.err
    assert "~ event_at: text so far, now whole number" in done.err


def test_a_limit_that_is_exceeded_keeps_the_former_state_until_it_is_accepted(place: Place) -> None:
    before = place.files()
    rows = [f"bad{n},a1,,no date,login" for n in range(30)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "bad.csv")
    done = place.refresh()

    assert done.code == 1
    words = "usage_events: 30 of 30 new rows rejected, 100.0 % (limit 0.05)"
    assert f"rejected_share: {words}" in done.err
    assert "--accept" in done.err
    assert place.files() == before

    accepted = place.refresh("--accept", "A test file, known to be bad")
    assert accepted.code == 0, accepted.err
    ((reason, told),) = place.rows(
        "select accepted_reason, warning_text from marts.mart_status order by run_id desc limit 1"
    )
    assert reason == "A test file, known to be bad"
    assert "accepted: rejected_share: usage_events" in told
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


def test_a_reader_of_the_working_file_is_named(place: Place) -> None:
    with duckdb.connect(str(place.warehouse), read_only=True):
        done = place.refresh()

    assert done.code == 75
    assert f"is open in process {os.getpid()}" in done.err
    assert place.refresh().code == 0


def test_readers_of_the_published_file_go_on(place: Place) -> None:
    with duckdb.connect(str(place.serving), read_only=True) as reader:
        before = reader.execute("select max(run_id) from marts.mart_status").fetchall()
        done = place.refresh()
        assert done.code == 0, done.err
        assert reader.execute("select max(run_id) from marts.mart_status").fetchall() == before
    assert place.rows("select max(run_id) from marts.mart_status") != before


@pytest.mark.parametrize("seconds", [1.5, 5.0])
def test_a_killed_run_leaves_nothing_to_repair(
    place: Place, tmp_path: Path, seconds: float
) -> None:
    undisturbed = place.copy(tmp_path / "undisturbed")
    before = place.files()
    for one in (place, undisturbed):
        more_events(one, "late", range(3, 9))
    process = place.start("refresh.py", "--run-date", DAY)
    time.sleep(seconds)
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
    shutil.copytree(place.published / "current" / "", place.published / "versions" / run)
    done = place.refresh("--dry-run")
    assert done.code == 0, done.err
    done = place.run("rollback.py")

    assert done.code == 2
    assert not (place.published / "versions" / run).exists()


def test_drivers_are_published_for_so_many_weeks(sample_dir: Path, tmp_path: Path) -> None:
    """A year of the sample, put into the raw folder by hand: the as-of date and 13 Sundays."""
    place = Place(tmp_path)
    shutil.copytree(sample_dir, place.raw)
    done = place.run("refresh.py", "--run-date", "2026-10-01", "--as-of", "2026-09-30")

    assert done.code == 0, done.err
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
    sent = sorted(place.inbox.rglob("*.csv"))

    assert place.refresh("--empty-inbox").code == 1
    kept = [p for p in sent if p.name != "empty.csv"]
    assert [p for p in sent if p.exists()] == kept
    done = place.refresh("--empty-inbox", "--accept", "A test file, known to be bad")
    assert done.code == 0, done.err
    assert "4 landed files were removed from the inbox" in done.err
    assert not [p for p in sent if p.exists()]
    assert len(list((place.inbox / "usage_events" / "set_aside").iterdir())) == 2
    again = place.refresh("--dry-run")
    assert "set aside before, and not mended: usage_events/set_aside/" in again.err


def test_a_client_of_duckdb_1_4_reads_what_is_published(
    landed: tuple[Place, Done], tmp_path: Path
) -> None:
    """Every table and every row of it, in a process with that version."""
    place, _ = landed
    requirements = ROOT / "tests" / "oldest_reader.txt"
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


def test_a_node_that_did_not_run_is_named(landed: tuple[Place, Done], tmp_path: Path) -> None:
    """Exit code 0 of dbt is not enough: every seed, model and data test has a good result."""
    place, _ = landed
    (run,) = (place.published / "runs").iterdir()
    shutil.copytree(run / "target", tmp_path / "target")
    assert building.lacking_nodes(tmp_path) == []
    path = tmp_path / "target" / "run_results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for result in content["results"]:
        if result["unique_id"].endswith(".customer_health"):
            result["status"] = "skipped"
    content["results"] = [r for r in content["results"] if not r["unique_id"].endswith(".grades")]
    path.write_text(json.dumps(content), encoding="utf-8")

    assert building.lacking_nodes(tmp_path) == ["customer_health", "grades"]


def test_on_a_terminal_it_shows_how_far_it_is(place: Place) -> None:
    """One line that changes; elsewhere plain lines."""
    command = [sys.executable, str(ROOT / "scripts" / "refresh.py"), "--run-date", DAY]
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
    assert b"\r" not in place.refresh().err.encode()


def test_dbt_does_not_know_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", KEY)
    given = building.environment(Places(tmp_path, tmp_path, tmp_path / "w", tmp_path))

    assert KEY not in given.values()
    assert given["HEALTH_RAW_DIR"] == str(tmp_path)


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


def test_a_cell_that_looks_like_a_formula_is_text_in_the_csv(place: Place) -> None:
    write_csv(
        place.inbox,
        "accounts",
        ["account_id,created_at,account_name", "a1,2026-01-01,=1+1", "a2,2026-01-01,-plain"],
        "named.csv",
    )
    done = place.refresh()

    assert done.code == 0, done.err
    csv = (place.published / "current" / "customer_health.csv").read_text(encoding="utf-8")
    assert "'=1+1" in csv
    assert "'-plain" in csv
    assert place.rows("select account_name from marts.customer_health order by 1") == [
        ("-plain",),
        ("=1+1",),
    ]


def test_without_a_key_no_user_is_landed(tmp_path: Path) -> None:
    place = Place(tmp_path, {"HEALTH_PSEUDONYM_KEY": ""})
    write_two_accounts(place.inbox, "login")
    more_events(place, "users", range(1, 9))
    done = place.refresh()

    assert done.code == 2
    assert "HEALTH_PSEUDONYM_KEY is not set" in done.err
    assert not list(place.raw.rglob("*.parquet"))
    rehearsed = place.refresh("--dry-run")
    assert rehearsed.code == 2
    assert "HEALTH_PSEUDONYM_KEY is not set" in rehearsed.err


def test_another_key_is_refused(place: Place) -> None:
    other = Place(place.folder, {"HEALTH_PSEUDONYM_KEY": "another key, made by mistake"})
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
    "arguments", [["--as-of", "yesterday"], ["--as-of", "2026-03-05"], ["--accept", " "], ["--x"]]
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
