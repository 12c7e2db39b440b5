"""Every entry of the inbox is landed, waits, or is named with the reason."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from customer_health.errors import UserError
from customer_health.inputs.raw_files import look, parquet_sql, read_contract
from customer_health.refresh import erasing, inbox, landing, privacy
from customer_health.settings import Settings
from project import write_csv

KEY = privacy.Key(b"a key for the tests, which nobody keeps")
NOW = datetime(2026, 11, 1, 2, 15, tzinfo=UTC)
HEADER = "account_id,created_at,account_name"


@pytest.fixture
def places(tmp_path: Path) -> Settings:
    return places_in(tmp_path)


def places_in(folder: Path) -> Settings:
    names = ("raw", "inbox", "work/file.duckdb", "published")
    return Settings(*(folder / name for name in names))


def land(places: Settings) -> list[landing.Landed]:
    return landing.land(places, KEY, NOW, dry_run=False)


def states(places: Settings) -> dict[str, str]:
    return {one.file: one.state for one in land(places)}


def rows(places: Settings, columns: str, name: str = "accounts") -> list[tuple[object, ...]]:
    """Of the landed files, in the order in which they came."""
    source = parquet_sql(landing.landed_files(places.raw, name))
    in_order = f"(from {source} order by _batch_id, _source_row)"
    return duckdb.sql(f"select {columns} from {in_order}").fetchall()


def aged(path: Path, seconds: float = 61) -> Path:
    """A file that was last written to so long ago."""
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))
    return path


# ------------------------------------------------------------------------------------- names

NAMES = (
    "accounts1", "accounts[1]", "accounts*", "accounts?", "accounts[!1]", "a**", "[a-z]", "b]c",
    "it's", 'say "yes"', "50%20", "no #1", "env=prod", "a;drop", "back\\slash", "line\nbreak",
    "über-größe 🎉", "-rf", "~root", "$HOME", "{a,b}",
)  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("folder", ["place", "env=prod", "p[1]*?", "it's; a\n#place"])
def test_a_name_is_that_of_one_file_whatever_stands_in_it(
    tmp_path: Path, ending: str, folder: str
) -> None:
    (tmp_path / "p1xx").mkdir()
    places = places_in(tmp_path / folder)
    goal = places.inbox / "accounts"
    goal.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        row = {"account_id": f"a{number}", "created_at": "2026-01-01"}
        path = goal / f"{name}.{ending}"
        if ending == "csv":
            path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
        elif ending == "jsonl":
            path.write_text(json.dumps(row) + "\n")
        else:
            duckdb.execute(
                f"copy (select 'a{number}' as account_id, '2026-01-01' as created_at)"
                f" to '{tmp_path}/one.parquet'"
            )
            (tmp_path / "one.parquet").rename(path)
    hard = "back\\slash" if set("*?[") & set(folder) else ""
    found = states(places)

    assert found == {f"{name}.{ending}": "landed" for name in NAMES if name != hard}
    known = {(f"{name}.{ending}", f"a{n}") for n, name in enumerate(NAMES) if name != hard}
    assert set(rows(places, "_source_file, account_id")) == known
    (columns,) = {tuple(batch.columns) for _, batch in landing.batches(places)}
    assert set(columns) == {"account_id", "created_at"}
    assert landing.damaged_files(places) == []
    assert bool(landing.unexpected_files(places)) == bool(hard)
    assert landing.remove_landed(places) == len(known)
    assert [path.stem for path in goal.iterdir()] == [hard] * bool(hard)


def test_what_is_written_to_stays_when_the_inbox_is_emptied(places: Settings) -> None:
    """What is removed is what was read, and nobody is about to add to it."""
    done = write_csv(places.inbox, "accounts", [HEADER, "one,2026-01-01,"], "accounts1.csv")
    other = write_csv(places.inbox, "accounts", [HEADER, "two,2026-01-01,"], "accounts[1].csv")
    land(places)
    with other.open("a", encoding="utf-8"):
        assert landing.remove_landed(places) == 1
    assert [path.exists() for path in (done, other)] == [False, True]
    assert landing.remove_landed(places) == 1


def test_a_name_that_is_no_text_is_named(places: Settings) -> None:
    write_csv(places.inbox, "accounts", [HEADER, "a,2026-01-01,"], os.fsdecode(b"caf\xe9.csv"))

    assert states(places) == {}
    assert landing.unexpected_files(places) == [
        "accounts/caf?.csv: its name is not UTF-8; rename it"
    ]


@pytest.mark.parametrize("letter", ["x", "ü", "🎉"])
def test_a_name_as_long_as_can_be_is_landed_or_set_aside(places: Settings, letter: str) -> None:
    names = []
    for start, lines in (("good", [HEADER, "a,2026-01-01,"]), ("bad", [HEADER, "a"])):
        names.append(f"{start}{letter * ((251 - len(start)) // len(letter.encode()))}.csv")
        aged(write_csv(places.inbox, "accounts", lines, names[-1]))

    assert states(places) == dict(zip(names, ("landed", "set aside"), strict=True))
    aside = sorted((places.inbox / "accounts" / "set_aside").iterdir(), key=lambda p: len(p.name))
    assert [path.name.endswith(".csv") for path in aside] == [True, False]
    assert aside[1].name == f"{aside[0].name}.reason.txt"
    assert aside[1].read_text(encoding="utf-8").startswith(f"{names[1]}: line 2: fewer cells")


# ------------------------------------------------------------------------------------- order


def snapshots(
    places: Settings, files: dict[str, list[str]], seconds: dict[str, float] | None = None
) -> list[tuple[str, str]]:
    """Land files of accounts, some so many seconds older than now; (file, what decided)."""
    for name, lines in files.items():
        aged(write_csv(places.inbox, "accounts", lines, name), (seconds or {}).get(name, 0))
    return [(one.file, one.ordered_by) for one in land(places) if one.state == "landed"]


OLD, NEW = "acc_2026-9-30.csv", "acc_2026-10-1.csv"


def test_the_newer_state_is_landed_last_though_its_name_sorts_first(places: Settings) -> None:
    lines = ["account_id,created_at,owner", "a1,2026-01-01,{}"]
    found = snapshots(
        places,
        {NEW: [lines[0], lines[1].format("new")], OLD: [lines[0], lines[1].format("old")]},
    )

    assert found == [(OLD, ""), (NEW, "their names")]
    moments = rows(places, "owner, _loaded_at")
    assert [owner for owner, _ in moments] == ["old", "new"]
    assert moments[0][1] < moments[1][1]


def test_a_time_in_the_data_goes_before_all(places: Settings) -> None:
    """Of updated_at, which every file has; the files were written the other way round."""
    header = "account_id,created_at,updated_at,_fivetran_synced"
    found = snapshots(
        places,
        {
            "1_copied_later.csv": [header, "a,2026-01-01,2026/9/30 10:00 UTC,2026-10-03"],
            "2_copied_first.csv": [
                header,
                "a,2026-01-01,2026-09-30T12:00:00+02:30,2026-10-01",
                "b,2026-01-01,9999-12-31,2026-10-01",
                "c,2026-01-01,soon,2026-10-01",
            ],
        },
        {"2_copied_first.csv": 7200},
    )

    assert found == [("2_copied_first.csv", ""), ("1_copied_later.csv", "updated_at")]


@pytest.mark.parametrize("column", ["_loaded_at", "_airbyte_extracted_at", "dbt_valid_from"])
def test_the_time_of_a_loader_goes_before_that_of_the_business(
    places: Settings, column: str
) -> None:
    header = f"account_id,created_at,{column}"
    found = snapshots(
        places,
        {
            "b.csv": [header, "a,2026-03-01,2026-03-02"],
            "a.csv": [header, "a,2026-01-01,2026-03-03"],
        },
    )

    assert found == [("b.csv", ""), ("a.csv", column)]


def test_a_time_that_some_files_lack_decides_nothing(places: Settings) -> None:
    """updated_at is empty in one of them: created_at has a value in all."""
    header = "account_id,created_at,updated_at"
    found = snapshots(
        places,
        {"b.csv": [header, "a,2026-01-01,2026-05-01"], "a.csv": [header, "a,2026-01-02,"]},
    )

    assert found == [("b.csv", ""), ("a.csv", "created_at")]


def test_files_written_at_different_times_are_landed_in_that_order(places: Settings) -> None:
    """One copy writes files in the order of their names: less than a minute says nothing."""
    lines = [HEADER, "a,2026-01-01,{}"]
    files = {name: [lines[0], lines[1].format(name)] for name in ("a10", "a9", "b1", "a2")}
    seconds = {"a10": 100, "a9": 50, "b1": 3600, "a2": 0}
    found = snapshots(places, files={f"{k}.csv": v for k, v in files.items()},
                      seconds={f"{k}.csv": v for k, v in seconds.items()})  # fmt: skip

    assert found == [
        ("b1.csv", ""),
        ("a2.csv", "the times of the files"),
        ("a9.csv", "their names"),
        ("a10.csv", "their names"),
    ]
    assert landing.orders(land(places)) == []


@pytest.mark.parametrize(
    "names",
    [
        ("acc_2026-9-30", "acc_2026-10-1"),
        ("acc_2026-09-30", "acc_2026-10-1"),
        ("2026_9_30", "2026-10-01"),
        ("export 9", "Export 10"),
        ("v1.9", "v1.10"),
        ("part-99999", "part-100000"),
        ("accounts", "accounts 2"),
    ],
)
def test_names_are_sorted_as_people_read_them(names: tuple[str, str]) -> None:
    assert sorted(reversed(names), key=inbox.natural) == list(names)


# ----------------------------------------------------------------------------- other entries


def spark(folder: Path, query: str, partition: str = "", done: bool = True) -> Path:
    """A folder as Spark writes it: parts, their checksums, and a mark that it is done."""
    how = f"partition_by ({partition})" if partition else "per_thread_output"
    duckdb.execute(f"copy ({query}) to '{folder}' (format parquet, {how})")
    for part in list(folder.rglob("*.parquet")):
        part.with_name(f".{part.name}.crc").write_bytes(b"crc")
    if done:
        (folder / "_SUCCESS").touch()
        (folder / "._SUCCESS.crc").touch()
    return folder


def test_a_folder_that_spark_wrote_is_one_file(places: Settings) -> None:
    (places.inbox / "usage_events").mkdir(parents=True)
    folder = spark(
        places.inbox / "usage_events" / "export.parquet",
        "select 'e' || range as event_id, 'a1' as account_id, date '2026-01-01' + range::int % 3"
        " as event_at, case when range % 5 > 0 then 'f/' || range % 2 end as feature"
        " from range(30)",
        "event_at, feature",
    )
    (landed,) = land(places)

    assert (landed.state, landed.rows, landed.file) == ("landed", 30, "export.parquet")
    found = rows(places, "count(*), count(distinct _source_row), count(feature)", "usage_events")
    assert found == [(30, 30, 24)]
    days = {
        (str(day), feature) for day, feature in rows(places, "event_at, feature", "usage_events")
    }
    assert days == {
        (f"2026-01-0{n}", feature) for n in (1, 2, 3) for feature in ("f/0", "f/1", None)
    }
    assert states(places) == {"export.parquet": "seen before"}
    (folder / "notes.txt").write_text("kept")
    assert "holds more than *.parquet parts: notes.txt" in landing.unexpected_files(places)[0]
    assert landing.remove_landed(places) == 0
    (folder / "notes.txt").rename(folder / "_notes.txt")
    assert landing.remove_landed(places) == 1
    assert [path.name for path in folder.iterdir()] == ["_notes.txt"]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_folder_of_text_parts_is_one_file(places: Settings, ending: str) -> None:
    folder = places.inbox / "accounts" / f"export.{ending}"
    folder.mkdir(parents=True)
    for number in range(3):
        text = f"account_id,created_at\na{number},2026-01-01\n"
        if ending == "jsonl":
            text = json.dumps({"account_id": f"a{number}", "created_at": "2026-01-01"}) + "\n"
        (folder / f"part-{number}.{ending}").write_text(text)
    (folder / f"part-0-empty.{ending}").touch()
    (folder / "_SUCCESS").touch()

    assert states(places) == {folder.name: "landed"}
    assert rows(places, "account_id, _source_row") == [("a0", 1), ("a1", 2), ("a2", 3)]
    assert landing.remove_landed(places) == 1
    assert not folder.exists()


def test_a_folder_that_is_not_done_waits(places: Settings) -> None:
    (places.inbox / "accounts").mkdir(parents=True)
    query = "select 'a' as account_id, date '2026-01-01' as created_at"
    folder = spark(places.inbox / "accounts" / "x.parquet", query, done=False)

    assert states(places) == {"x.parquet": "still being written"}
    for part in folder.rglob("*.parquet"):
        aged(part)
    (folder / "_temporary").mkdir()
    assert states(places) == {"x.parquet": "still being written"}
    (folder / "_temporary").rmdir()
    assert states(places) == {"x.parquet": "landed"}


def test_a_table_that_keeps_a_log_of_its_parts_is_not_read(places: Settings) -> None:
    """Parts that its log no longer names lie there too."""
    (places.inbox / "accounts").mkdir(parents=True)
    query = "select 'a' as account_id, date '2026-01-01' as created_at"
    folder = spark(places.inbox / "accounts" / "x.parquet", query)
    (folder / "_delta_log").mkdir()

    assert states(places) == {}
    (told,) = landing.unexpected_files(places)
    assert told.startswith("accounts/x.parquet: it holds more than *.parquet parts: _delta_log/")


def test_a_link_that_is_set_aside_leads_where_it_led(places: Settings) -> None:
    target = aged(write_csv(places.inbox.parent, "elsewhere", [HEADER, "a"]))
    link = places.inbox / "accounts" / "linked.csv"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.relpath(target, link.parent))

    assert states(places) == {"linked.csv": "set aside"}
    (moved,) = (path for path in (link.parent / "set_aside").iterdir() if path.is_symlink())
    assert moved.read_text() == target.read_text()


def test_every_entry_that_is_not_landed_is_named(places: Settings, tmp_path: Path) -> None:
    folder = places.inbox / "accounts"
    good = write_csv(places.inbox, "accounts", [HEADER, "a,2026-01-01,"], "GOOD.CSV")
    os.mkfifo(folder / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(folder)
        one.bind("socket.csv")
        os.chdir(tmp_path)
    (folder / "broken.csv").symlink_to(tmp_path / "nowhere.csv")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    target = tmp_path / "elsewhere.csv"
    target.write_text(f"{HEADER}\nb,2026-01-01,\n")
    (folder / "linked.csv").symlink_to(target)
    (folder / "sub").mkdir()
    (folder / "sub" / "a.csv").write_text("x")
    (folder / "hollow.parquet").mkdir()
    for name in ("packed.csv.gz", "book.xlsx", "readme", "half.csv.part", ".hidden.csv"):
        (folder / name).write_text("x")
    (places.inbox / "usage_events").write_text("not a folder")
    (places.inbox / "invoice").mkdir()
    os.mkfifo(places.inbox / "invoices")

    assert states(places) == {good.name: "landed", "linked.csv": "landed"}
    told = "\n".join(landing.unexpected_files(places))
    for line in (
        "invoice is no input; is it invoices?",
        "invoices is not a folder, so nothing can be landed from it",
        "usage_events is not a folder, so nothing can be landed from it",
        "accounts/broken.csv, loop.csv: a link to nothing",
        "accounts/pipe.csv: a pipe, not a file",
        "accounts/socket.csv: a socket, not a file",
        "accounts/hollow.parquet: a folder without parts",
        "accounts/sub: a folder, not read; *.csv,",
        "accounts/packed.csv.gz: packed; unpack it",
        "accounts/book.xlsx: a spreadsheet; export it as CSV",
        "accounts/half.csv.part, readme: not read; *.csv,",
    ):
        assert line in told
    assert inbox.hidden(places) == ["accounts/.hidden.csv"]
    assert landing.remove_landed(places) == 2
    assert target.exists()


def test_what_this_user_may_not_read_is_named(places: Settings, tmp_path: Path) -> None:
    """In a process of another user, as nothing is closed to root."""
    if os.geteuid():
        pytest.skip("only root can become somebody else")
    for name in ("closed.csv", "open.csv"):
        write_csv(places.inbox, "accounts", [HEADER, f"{name},2026-01-01,"], name)
    (places.inbox / "accounts" / "closed.csv").chmod(0)
    (places.inbox / "invoices").mkdir(mode=0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    code = (
        "import os, sys; sys.path[:0] = [p for p in SCRIPTS]; from pathlib import Path;"
        " from customer_health.refresh import landing; from customer_health import settings;"
        " landing.raw_files.read_contract();"  # The project itself may be out of reach, too.
        " os.setuid(65534); p = settings.Settings(*map(Path, PLACES));"
        " print(landing.unexpected_files(p)); print([path.name for _, path in landing.arrivals(p)])"
    )
    scripts = [path for path in sys.path if path.endswith("scripts")]
    four = (places.raw, places.inbox, places.warehouse, places.publish)
    code = code.replace("SCRIPTS", repr(scripts)).replace("PLACES", repr([str(p) for p in four]))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.splitlines() == [
        "['invoices: this user may not look into it',"
        " 'accounts/closed.csv: this user may not read it']",
        "['open.csv']",
    ], done.stderr


def test_an_inbox_that_is_named_and_not_there_is_told(
    places: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert landing.unexpected_files(places) == []
    monkeypatch.setenv("HEALTH_INBOX_DIR", str(places.inbox))
    assert landing.unexpected_files(places) == [
        f"{places.inbox} is not a folder, so nothing can be landed from it"
    ]


def test_an_erasure_takes_a_folder_in_parts_and_json_lines_and_names_a_link(
    places: Settings, tmp_path: Path
) -> None:
    """Of a folder also where only the names of its sub-folders hold the id."""
    usage = places.inbox / "usage_events"
    usage.mkdir(parents=True)
    spark(
        usage / "export.parquet",
        "select 'e' || range as event_id, 'acct/' || range % 2 as account_id,"
        " date '2026-01-01' as event_at, 'login' as feature from range(10)",
        "account_id",
    )
    target = tmp_path / "elsewhere.csv"
    target.write_text(f"{HEADER}\nacct/1,2026-01-01,\nacct/2,2026-01-01,\n")
    link = places.inbox / "accounts" / "linked.csv"
    link.parent.mkdir()
    link.symlink_to(target)
    land(places)
    by_hand = places.raw / "invoices" / "by_hand.jsonl"
    by_hand.parent.mkdir()
    lines = [{"Account_ID": f"acct/{n}", "amount": n, "note": f"with acct/{3 - n}"} for n in (1, 2)]
    by_hand.write_text("\n".join(map(json.dumps, lines)))
    whom = erasing.whom("acct/1", None, KEY)
    receipt = erasing.erase(places, tmp_path / "project", whom, lambda text: None)

    assert receipt.rows == {"raw": 5 + 1 + 2}
    assert list(usage.iterdir()) == []
    assert receipt.left == [f"{link} (a link: what it leads to holds it)"]
    assert rows(places, "distinct account_id", "usage_events") == [("acct/0",)]
    kept = [json.loads(line) for line in by_hand.read_text().splitlines()]
    assert kept == [{"account_id": "acct/2", "amount": "2", "note": "with (erased)"}]


# ---------------------------------------------------------------------------- still growing


@pytest.mark.parametrize("lines", [[HEADER, "a,2026"], []])
def test_what_is_bad_and_a_minute_old_waits(places: Settings, lines: list[str]) -> None:
    """Cut off or empty: it may be half of what is being written."""
    good = write_csv(places.inbox, "accounts", [HEADER, "a,2026-01-01,"], "good.csv")
    path = write_csv(places.inbox, "accounts", lines, "young.csv")

    assert states(places) == {good.name: "landed", "young.csv": "still being written"}
    assert path.exists()
    aged(path)
    if lines and lines[0] != HEADER:
        with pytest.raises(UserError, match="account_id: required, no longer there"):
            land(places)
    else:
        assert states(places)["young.csv"] == "set aside"


def test_what_was_set_aside_waits_until_a_file_of_its_name_is_landed(places: Settings) -> None:
    lines = [HEADER, "a,2026-01-01,"]
    write_csv(places.inbox, "accounts", lines, "a.csv")
    assert states(places) == {"a.csv": "landed"}
    for name in ("a.csv", "b.csv"):
        aged(write_csv(places.inbox, "accounts", [*lines, "b,2026"], name))
    assert set(states(places).values()) == {"set aside"}
    for note in places.inbox.glob("accounts/set_aside/*.reason.txt"):
        os.utime(note, (NOW.timestamp() + 3600,) * 2)
    waiting = landing.waiting(places)
    assert [name.rpartition("-")[2] for name in waiting] == ["a.csv", "b.csv"]

    # Landed before it, "a.csv" says nothing of it; landed after it, it does.
    write_csv(places.inbox, "accounts", [*lines, "b,2026-01-02,"], "b.csv")
    landing.land(places, KEY, NOW + timedelta(1), dry_run=False)
    assert landing.waiting(places) == waiting[:1]


def test_what_a_process_writes_to_waits_whatever_its_age(places: Settings) -> None:
    path = write_csv(places.inbox, "accounts", [HEADER, "a,2026-01-01,"])
    code = "import sys; f = open(sys.argv[1], sys.argv[2]); print(1, flush=True); sys.stdin.read()"
    for mode, state in (("a", "still being written"), ("r", "landed")):
        aged(path, 3600)
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(path), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert other.stdout is not None
        other.stdout.readline()
        try:
            assert states(places) == {path.name: state}
        finally:
            other.communicate()


def test_a_header_that_has_not_come_to_its_end_waits_and_a_whole_one_stops(
    places: Settings,
) -> None:
    path = write_csv(places.inbox, "accounts", [], "young.csv")
    path.write_text("account_id,created", encoding="utf-8")
    assert states(places) == {"young.csv": "still being written"}
    path.write_text("account_id,created\n", encoding="utf-8")

    with pytest.raises(
        UserError, match="- created_at: required, no longer there, but created is new"
    ):
        land(places)


# ------------------------------------------------------------------------------- other inputs


def test_a_bad_input_does_not_keep_the_others_from_being_landed(places: Settings) -> None:
    header = "event_id,account_id,user_id,event_at,feature"
    write_csv(places.inbox, "accounts", [HEADER, "a,2026-01-01,"])
    drifted = "subscription_id,account,started_at"
    aged(write_csv(places.inbox, "subscriptions", [drifted, "s,a,2026-01-01"]))
    write_csv(places.inbox, "usage_events", [header, "e,a,ana@example.com,2026-01-01,login"])
    with pytest.raises(landing.PartlyLanded) as caught:
        landing.land(places, None, NOW, dry_run=False)

    assert caught.value.code == 2
    assert "HEALTH_PSEUDONYM_KEY is not set" in caught.value.what
    assert "- account_id: required, no longer there, but account is new" in caught.value.what
    assert "Nothing of subscriptions, usage_events was landed" in caught.value.what
    assert {one.input: one.state for one in caught.value.found} == {
        "accounts": "landed",
        "subscriptions": "held back",
        "usage_events": "held back",
    }
    with pytest.raises(landing.PartlyLanded) as caught:
        land(places)
    assert caught.value.code == 1
    assert sorted(path.name for path in places.raw.iterdir() if path.is_dir()) == [
        "accounts",
        "usage_events",
    ]


def test_a_file_that_goes_away_while_it_is_looked_at_stops_nothing(
    places: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv"):
        write_csv(places.inbox, "accounts", [HEADER, f"{name},2026-01-01,"], name)
    look = landing.look_at

    def gone(path: Path, contract: landing.Contract, sha: str) -> landing.Arrival:
        if path.name == "a.csv":
            path.unlink()
        return look(path, contract, sha)

    monkeypatch.setattr(landing, "look_at", gone)
    assert states(places) == {"a.csv": "still being written", "b.csv": "landed"}


# -------------------------------------------------------------------------------- many, types


@pytest.mark.parametrize("is_somebody_erased", [False, True])
def test_a_thousand_columns_are_landed(places: Settings, is_somebody_erased: bool) -> None:
    if is_somebody_erased:
        memory = privacy.Memory(places.raw)
        memory.note_key(KEY)
        memory.add_tombstones("account", [KEY.tombstone("account", "erased-one")])
    names = ["account_id", "created_at", *(f"column_{n}" for n in range(998))]
    row = ["a", "2026-01-01", *(f"{n}" for n in range(996)), "with erased-one", "of erased-one"]
    write_csv(places.inbox, "accounts", [",".join(names), ",".join(row)])

    assert states(places) == {"accounts.csv": "landed"}
    ends = ["with (erased)", "of (erased)"] if is_somebody_erased else row[-2:]
    assert rows(places, "column_995, column_996, column_997") == [("995", *ends)]


TYPES = (
    "17::utinyint", "17::bigint", "17::ubigint", "17::hugeint", "17::decimal(38, 0)",
    "17::decimal(18, 2)", "17::double", "17::float", "'17'", "'17'::blob",
    "'17'::enum ('17', '18')",
)  # fmt: skip
MOMENTS = (
    "date '2026-01-01'", "timestamp '2026-01-01'", "timestamp_s '2026-01-01'",
    "timestamp_ms '2026-01-01'", "timestamp_ns '2026-01-01'", "timestamptz '2026-01-01 00:00:00Z'",
    "'2026-01-01'",
)  # fmt: skip


def test_a_key_may_come_as_any_type_and_as_another_one_the_next_night(places: Settings) -> None:
    folder = places.inbox / "accounts"
    folder.mkdir(parents=True)
    for number, kind in enumerate(TYPES):
        moment = MOMENTS[number % len(MOMENTS)]
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(
                f"copy (select {kind} as account_id, {moment} as created_at, {number} as n)"
                f" to '{folder}/{number}.parquet'"
            )
        assert states(places)[f"{number}.parquet"] == "landed", kind
    contract = next(one for one in read_contract() if one.name == "accounts")
    seen = look(places.raw, contract)
    assert seen.problems == []
    texts = duckdb.sql(f"select distinct account_id from {seen.sql}").fetchall()
    assert texts == [("17",)]


def test_other_columns_of_any_type_are_kept(places: Settings) -> None:
    folder = places.inbox / "accounts"
    folder.mkdir(parents=True)
    duckdb.execute(
        "copy (select uuid '6d3a3b4e-0f10-4b8c-9a43-2d6e3f9a0001' as account_id,"
        " date '2026-01-01' as created_at, '\\xFF\\x00'::blob as picture, 'text'::blob as bytes,"
        " [1, 2] as numbers, {'a': 1, 'b': date '2026-01-01'} as pair, map {'k': 'v'} as words,"
        f" time '10:00' as clock, 17.0::double as n) to '{folder}/a.parquet'"
    )

    assert states(places) == {"a.parquet": "landed"}
    columns = "account_id::varchar, picture, bytes, numbers, pair, words, clock::varchar, n"
    assert rows(places, columns) == [
        (
            "6d3a3b4e-0f10-4b8c-9a43-2d6e3f9a0001", "FF00", "text", "[1,2]",
            '{"a":1,"b":"2026-01-01"}', '{"k":"v"}', "10:00:00", 17.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["[1]", "{'a': 1}", "date '2026-01-01'", "true"])
def test_a_number_is_no_moment_and_a_day_no_key(places: Settings, kind: str) -> None:
    folder = places.inbox / "accounts"
    folder.mkdir(parents=True)
    for column in ("account_id", "created_at"):
        if column == "created_at" and "date" in kind:
            continue
        cells = {"account_id": "'a'", "created_at": "date '2026-01-01'"} | {column: kind}
        select = ", ".join(f"{cell} as {name}" for name, cell in cells.items())
        duckdb.execute(f"copy (select {select}) to '{folder}/a.parquet'")
        aged(folder / "a.parquet")
        with pytest.raises(UserError, match=f"~ {column}: "):
            land(places)
