"""What is known of landed batches, without a build: what counts as seen, what is missing, what was
withdrawn; and that a process that is killed at any moment leaves nothing to repair."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from customer_health.console import Reporter
from customer_health.errors import UserError
from customer_health.inputs import raw_files
from customer_health.refresh import batches, erasing, landing, privacy
from customer_health.refresh.run import Options, Refresh
from customer_health.settings import Settings
from project import ROOT, write_csv

KEY = privacy.Key(b"a key for the tests, which nobody keeps")
NOW = datetime(2026, 3, 1, 2, 15, tzinfo=UTC)
HEADER = "account_id,created_at,account_name"


@pytest.fixture
def places(tmp_path: Path) -> Settings:
    names = ("raw", "inbox", "work/file.duckdb", "published")
    return Settings(*(tmp_path / name for name in names))


def send(places: Settings, file: str, *names: str) -> Path:
    """A file of accounts in the inbox, a1, a2, ... of those names."""
    rows = [f"a{number},2026-01-01,{name}" for number, name in enumerate(names, 1)]
    return write_csv(places.inbox, "accounts", [HEADER, *rows], file)


def land(places: Settings, night: int = 0) -> dict[str, str]:
    """{file: state} of a landing, some nights after the first."""
    found = landing.land(places, KEY, NOW + timedelta(night), dry_run=False)
    return {one.file: one.state for one in found}


def names_now(places: Settings) -> list[str]:
    """The name of every account by the row that was loaded last, as the models read them."""
    return [
        name
        for (name,) in read(places, "arg_max(account_name, _loaded_at)", "group by 1 order by 1")
    ]


def read(places: Settings, columns: str, more: str = "") -> list[tuple[object, ...]]:
    (contract,) = [one for one in raw_files.read_contract() if one.name == "accounts"]
    seen = raw_files.look(places.raw, contract)
    assert seen.problems == []
    key = "account_id, " * ("group" in more)
    rows = duckdb.sql(f"select {key}{columns} from {seen.sql} {more}").fetchall()
    return [row[1:] for row in rows] if key else rows


def files(places: Settings) -> list[Path]:
    return landing.landed_files(places.raw, "accounts")


# ---------------------------------------------------------------------------- seen before


def test_a_snapshot_that_goes_back_lands_again(places: Settings) -> None:
    for night, name in enumerate(("right", "wrong", "right")):
        send(places, "accounts.csv", name)
        assert land(places, night) == {"accounts.csv": "landed"}

    assert names_now(places) == ["right"]


def test_a_snapshot_that_goes_back_under_another_name_lands_again(places: Settings) -> None:
    for night, name in enumerate(("right", "wrong", "right")):
        send(places, f"{night}.csv", name)
        assert land(places, night)[f"{night}.csv"] == "landed"

    assert names_now(places) == ["right"]


def test_three_that_come_at_once_land_as_if_they_came_one_by_one(places: Settings) -> None:
    for number, name in enumerate(("right", "wrong", "right")):
        send(places, f"{number}.csv", name)

    assert list(land(places).values()) == ["landed"] * 3
    assert names_now(places) == ["right"]


@pytest.mark.parametrize(
    "contents",
    [
        "AB", "AAB", "ABA", "ABAB", "AABB", "ABBA",
    ],
)  # fmt: skip
def test_files_that_stay_in_the_inbox_are_not_landed_again(places: Settings, contents: str) -> None:
    """Also those that are like an older batch of another name."""
    for number, name in enumerate(contents):
        send(places, f"{number}.csv", name)
        land(places, number)
    before = [path.name for path in files(places)], names_now(places)
    assert before[1] == [contents[-1]]
    for night in range(3):
        assert set(land(places, 10 + night).values()) == {"seen before"}
    assert ([path.name for path in files(places)], names_now(places)) == before


def test_one_that_was_like_the_newest_is_not_landed_when_that_is_older(places: Settings) -> None:
    send(places, "one.csv", "old")
    send(places, "two.csv", "old")
    land(places)
    send(places, "three.csv", "new")

    assert land(places, 1)["two.csv"] == "seen before"
    assert land(places, 2)["two.csv"] == "seen before"
    assert names_now(places) == ["new"]
    # It is another file when its content becomes another one, and when it goes back.
    send(places, "two.csv", "newer")
    assert land(places, 3)["two.csv"] == "landed"
    send(places, "two.csv", "old")
    assert land(places, 4)["two.csv"] == "landed"
    assert names_now(places) == ["old"]


def test_the_inbox_gives_away_only_what_is_kept(places: Settings) -> None:
    """A file that came after its name was landed with another content is not landed yet."""
    send(places, "a.csv", "one")
    send(places, "b.csv", "two")
    send(places, "c.csv", "two")
    land(places)
    send(places, "a.csv", "two")
    send(places, "d.csv", "one")
    left = {path.name for _, path in landing.landed_arrivals(places)}

    assert left == {"b.csv", "c.csv"}


# -------------------------------------------------------------------------------- is it all there


def test_a_batch_that_is_gone_stops(places: Settings) -> None:
    send(places, "a.csv", "one", "two")
    land(places)
    (path,) = files(places)
    path.unlink()
    (places.inbox / "accounts" / "a.csv").unlink()

    with pytest.raises(UserError, match="missing_batch: ") as stop:
        list(landing.batches(places))
    assert f"accounts/{path.stem}: a.csv, 2 rows, landed 2026-03-01T02:15:00" in stop.value.what
    assert f"--withdraw accounts/{path.stem}" in stop.value.next_step


def test_one_that_is_gone_is_landed_again_as_old_as_it_was(places: Settings) -> None:
    """What came after it stays newer."""
    send(places, "a.csv", "old")
    land(places)
    send(places, "b.csv", "new")
    land(places, 1)
    before = read(places, "_batch_id, _source_row, _loaded_at", "order by all")
    files(places)[0].unlink()

    assert land(places, 2) == {"a.csv": "landed", "b.csv": "seen before"}
    assert names_now(places) == ["new"]
    assert read(places, "_batch_id, _source_row, _loaded_at", "order by all") == before


def test_a_rehearsal_sees_that_a_batch_is_gone_unless_it_comes_again(places: Settings) -> None:
    source = send(places, "a.csv", "old")
    land(places)
    (path,) = files(places)
    path.unlink()
    send(places, "b.csv", "new")

    def rehearse() -> None:
        run = Refresh(Options(dry_run=True), places, Reporter(is_quiet=True))
        run.rehearse()

    rehearse()
    source.unlink()
    with pytest.raises(UserError, match="missing_batch: "):
        rehearse()


def test_one_that_was_written_anew_stops_and_one_that_was_touched_does_not(
    places: Settings,
) -> None:
    send(places, "a.csv", "one", "two")
    land(places)
    (path,) = files(places)
    os.utime(path, ns=(0, 0))
    assert len(list(landing.batches(places))) == 1

    known = duckdb.execute(
        "select decode(key), decode(value) from parquet_kv_metadata(?)", [str(path)]
    ).fetchall()
    duckdb.execute(
        f"copy (from read_parquet('{path}') limit 1) to '{path}.new'"
        f" (format parquet, kv_metadata {landing.metadata_sql(dict(known))})"
    )
    Path(f"{path}.new").replace(path)
    with pytest.raises(UserError, match=r"missing_batch: .* is not what was landed") as stop:
        land(places)
    assert "a.csv, 2 rows" in stop.value.what


def test_a_file_of_the_same_size_and_time_is_not_read_again(places: Settings) -> None:
    send(places, "a.csv", "one")
    land(places)
    (path,) = files(places)
    time = path.stat().st_mtime_ns
    path.write_bytes(b"\0" * path.stat().st_size)
    os.utime(path, ns=(time, time))

    assert [batch.rows_received for _, batch in landing.batches(places)] == [1]


def test_without_a_manifest_it_is_made_of_the_files(places: Settings) -> None:
    """As after an upgrade: what was landed counts as seen, whatever came under which name."""
    send(places, "a.csv", "one")
    send(places, "b.csv", "two")
    land(places)
    whole = (places.raw / ".batches.json").read_text(encoding="utf-8")
    (places.raw / ".batches.json").unlink()
    send(places, "c.csv", "one")
    before = list(landing.batches(places))

    assert set(land(places).values()) == {"seen before"}
    assert list(landing.batches(places)) == before
    known, then = (json.loads(t) for t in (whole, (places.raw / ".batches.json").read_text()))
    assert known["inputs"]["accounts"]["batches"] == then["inputs"]["accounts"]["batches"]
    assert set(land(places, 1).values()) == {"seen before"}


def test_a_gap_in_the_numbers_is_told(places: Settings) -> None:
    for name in ("one", "two", "three"):
        send(places, f"{name}.csv", name)
    land(places)
    files(places)[1].unlink()
    (places.raw / ".batches.json").unlink()

    assert batches.read(places).gaps() == [
        "accounts: batch 2 taken out of the raw folder by hand, or lost"
    ]


def test_without_a_manifest_what_was_published_tells_what_is_missing(places: Settings) -> None:
    send(places, "a.csv", "one")
    send(places, "b.csv", "two")
    land(places)
    published = batches.published_list(places)
    shutil.rmtree(places.inbox)
    gone = files(places)[0]
    gone.rename(places.raw / "elsewhere")
    (places.raw / ".batches.json").unlink()
    store = batches.read(places)
    store.add_published("000001-20260301T021500Z", published)

    with pytest.raises(UserError, match=f"accounts/{gone.stem}: source no longer known, 1 rows"):
        store.refuse_missing()
    store.save()
    send(places, "renamed.csv", "one")
    assert land(places, 1) == {"renamed.csv": "landed"}
    assert files(places)[0].name == gone.name
    assert [batch.loaded_at[:10] for _, batch in landing.batches(places)] == ["2026-03-01"] * 2


@pytest.mark.parametrize("folder", ["raw", "raw/accounts"])
def test_a_folder_that_is_gone_stops_before_anything_is_landed(
    places: Settings, folder: str
) -> None:
    send(places, "a.csv", "one")
    land(places)
    published = batches.published_list(places)
    shutil.rmtree(places.raw.parent / folder)
    store = batches.read(places)
    store.add_published("000001-20260301T021500Z", published)

    with pytest.raises(UserError, match=f"{folder} is gone. It held 1 landed batches") as stop:
        store.refuse_absent_folders()
    assert (stop.value.code, "mounted" in stop.value.next_step) == (2, True)


def test_a_manifest_that_cannot_be_read_stops(places: Settings) -> None:
    send(places, "a.csv", "one")
    land(places)
    path = places.raw / ".batches.json"
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(UserError, match=r"\.batches\.json cannot be read"):
        land(places)


def test_a_publication_that_is_gone_is_missed(places: Settings) -> None:
    send(places, "a.csv", "one")
    land(places)
    assert batches.missing_publication(places) == ""
    batches.note_published(places, "000001-20260301T021500Z")
    words = "run 000001-20260301T021500Z was published from"
    assert words in batches.missing_publication(places)
    (places.versions / "000001-20260301T021500Z").mkdir(parents=True)
    assert f"{places.current} is gone" in batches.missing_publication(places)
    places.current.symlink_to(Path("versions") / "000001-20260301T021500Z")
    assert batches.missing_publication(places) == ""


# ------------------------------------------------------------------------- withdraw and restore


def withdraw(places: Settings, text: str, night: int = 0) -> list[str]:
    """Withdraw what a text names; the batches."""
    store = batches.read(places)
    _, records = store.to_withdraw(text)
    store.withdraw(records, NOW + timedelta(night), "a reason")
    return [record.id for record in records]


def restore(places: Settings, text: str) -> list[str]:
    store = batches.read(places)
    _, records = store.to_restore(text)
    store.restore(records)
    return [record.id for record in records]


def test_a_withdrawn_file_counts_no_more_and_is_not_landed_again(places: Settings) -> None:
    send(places, "good.csv", "good")
    land(places)
    send(places, "bad.csv", "bad")
    land(places, 1)
    bad = files(places)[1]

    assert withdraw(places, "bad.csv") == [bad.stem]
    assert names_now(places) == ["good"]
    assert [batch.source_file for _, batch in landing.batches(places)] == ["good.csv"]
    assert batches.withdrawn_files(places) == [
        ("accounts", places.raw / ".withdrawn" / "accounts" / bad.name)
    ]
    assert land(places, 2) == {"bad.csv": "withdrawn", "good.csv": "seen before"}
    # Whatever its name.
    send(places, "again.csv", "bad")
    assert land(places, 3)["again.csv"] == "withdrawn"
    # A corrected one replaces it, and is as old as it came.
    send(places, "bad.csv", "corrected")
    assert land(places, 4)["bad.csv"] == "landed"
    assert names_now(places) == ["corrected"]
    assert files(places)[-1].name.startswith("batch-000003-")
    assert restore(places, bad.stem) == [bad.stem]
    assert names_now(places) == ["corrected"]
    assert len(list(landing.batches(places))) == 3
    assert land(places, 5)["bad.csv"] == "seen before"


def test_a_name_means_what_was_not_published_else_its_newest(places: Settings) -> None:
    for night, name in enumerate(("one", "two")):
        send(places, "usage.csv", name)
        land(places, night)
    batches.note_published(places, "000002-20260302T021500Z")
    for night, name in enumerate(("three", "four"), 2):
        send(places, "usage.csv", name)
        land(places, night)
    first, second, third, fourth = (path.stem for path in files(places))

    # One of them may be the corrected file.
    with pytest.raises(UserError, match=r"2 files called usage\.csv were landed") as stop:
        withdraw(places, "usage.csv")
    assert third in stop.value.what and fourth in stop.value.what
    ways = "--withdraw accounts/batch-000003 --withdraw accounts/batch-000004"
    assert stop.value.next_step.endswith(ways)
    assert withdraw(places, "accounts/batch-000003") == [third]
    assert withdraw(places, "usage.csv") == [fourth]
    # Said twice it is done once: those of before are not what was asked for.
    assert withdraw(places, "usage.csv") == []
    assert restore(places, "accounts/batch-000003") == [third]
    # The newest is withdrawn, one before it was not published.
    assert withdraw(places, "usage.csv") == [third]
    assert [restore(places, name) for name in (third, fourth)] == [[third], [fourth]]
    batches.note_published(places, "000003-20260303T021500Z")
    assert withdraw(places, "usage.csv") == [fourth]
    assert withdraw(places, "batch-000001") == [first]
    assert restore(places, "usage.csv") == [first, fourth]
    assert [path.stem for path in files(places)] == [first, second, third, fourth]


def test_after_an_upgrade_a_name_does_not_mean_all_that_was_ever_landed(places: Settings) -> None:
    """No version of before tells of its batches; what was landed up to its run is in it."""
    for night in range(3):
        send(places, "usage.csv", str(night))
        land(places, night)
    (places.raw / ".batches.json").unlink()
    store = batches.read(places)
    store.guess_published("000002-20260302T021500Z")
    published = [record.published_in[:6] for _, record in store.records()]

    assert published == ["000002", "000002", ""]
    assert [record.number for record in store.to_withdraw("usage.csv")[1]] == [3]


def test_rows_that_were_withdrawn_since_a_run_are_known(places: Settings) -> None:
    send(places, "one.csv", "a", "b", "c")
    send(places, "two.csv", "d", "e")
    land(places)
    first, second = "000001-20260301T021500Z", "000002-20260302T021500Z"
    batches.note_published(places, first)
    send(places, "three.csv", "f")
    land(places, 1)
    withdraw(places, "one.csv", 2)
    withdraw(places, "three.csv", 2)

    assert batches.withdrawn_rows(places, first) == {"accounts": 3}
    batches.note_published(places, second)
    assert batches.withdrawn_rows(places, second) == {}
    assert batches.withdrawn_rows(places, first) == {"accounts": 3}
    restore(places, "one.csv")
    assert batches.withdrawn_rows(places, first) == {}


def test_what_names_nothing_or_several_is_refused(places: Settings) -> None:
    send(places, "same.csv", "one")
    lines = ["subscription_id,account_id,started_at", "s1,a1,2026-01-01"]
    write_csv(places.inbox, "subscriptions", lines, "same.csv")
    land(places)

    with pytest.raises(UserError, match="is in several inputs") as stop:
        withdraw(places, "same.csv")
    assert "accounts/same.csv, subscriptions/same.csv" in stop.value.next_step
    with pytest.raises(UserError, match=r"is it same\.csv\?") as stop:
        withdraw(places, "smae.csv")
    assert stop.value.code == 2
    assert len(withdraw(places, "subscriptions/same.csv")) == 1
    with pytest.raises(UserError, match="No batch was landed from"):
        withdraw(places, "batch-000009")


def test_a_batch_that_is_gone_can_be_withdrawn_and_not_restored(places: Settings) -> None:
    send(places, "a.csv", "one")
    land(places)
    (path,) = files(places)
    data = path.read_bytes()
    path.unlink()
    shutil.rmtree(places.inbox)
    assert withdraw(places, f"accounts/{path.stem}") == [path.stem]

    assert list(landing.batches(places)) == []
    with pytest.raises(UserError, match="is gone"):
        restore(places, path.stem)
    # Back from a backup, where it was: it is what was withdrawn.
    path.write_bytes(data)
    batches.read(places).settle()
    assert files(places) == []
    assert restore(places, path.stem) == [path.stem]
    assert names_now(places) == ["one"]


def test_a_batch_that_was_lost_comes_back_with_its_source(places: Settings) -> None:
    send(places, "a.csv", "one")
    land(places)
    (path,) = files(places)
    path.unlink()
    assert withdraw(places, "a.csv") == [path.stem]
    assert land(places, 1) == {"a.csv": "withdrawn"}

    assert restore(places, "a.csv") == [path.stem]
    assert land(places, 2) == {"a.csv": "landed"}
    assert [one.stem for one in files(places)] == [path.stem]
    assert names_now(places) == ["one"]


def test_the_list_says_what_became_of_each(places: Settings) -> None:
    for night, name in enumerate(("one", "two", "three")):
        send(places, f"{name}.csv", name)
        land(places, night)
    batches.note_published(places, "000001-20260301T021500Z")
    send(places, "four.csv", "four")
    land(places, 4)
    withdraw(places, "two.csv")
    files(places)[0].unlink()
    found = [
        (one["source_file"], one["published_in"], one["state"]) for one in batches.listing(places)
    ]

    run = "000001-20260301T021500Z"
    assert found == [
        ("one.csv", run, "gone"),
        ("two.csv", run, "withdrawn 2026-03-01T02:15:00"),
        ("three.csv", run, ""),
        ("four.csv", "not yet", ""),
    ]


# ---------------------------------------------------------------------------- killed at any moment

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {folders!r}
import test_batches
from test_batches import *
places = Settings(*map(Path, {places!r}))
left = int(sys.argv[1])
def count(event, arguments):
    global left
    changes = event in ("os.rename", "os.remove", "os.mkdir") or event == "open" and (
        "w" in str(arguments[1])
    )
    if changes and {raw!r} in str(arguments[0]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
{code}
"""


def killed_at(places: Settings, moment: int, code: str) -> bool:
    """Run code in a process of its own that is killed at a moment, counted in what it does to the
    raw folder; False where it was done before."""
    text = KILLED.format(
        folders=[str(ROOT / name) for name in ("scripts", "tests/support", "tests/integration")],
        places=[str(p) for p in (places.raw, places.inbox, places.warehouse, places.publish)],
        raw=str(places.raw),
        code=code,
    )
    done = subprocess.run([sys.executable, "-c", text, str(moment)], capture_output=True, text=True)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def copied(places: Settings, goal: Path) -> Settings:
    shutil.copytree(places.raw.parent, goal)
    names = ("raw", "inbox", "work/file.duckdb", "published")
    return Settings(*(goal / name for name in names))


def in_order(places: Settings) -> list[tuple[object, ...]]:
    return read(places, "account_id, account_name, _batch_id, _source_row", "order by all")


def prepared(places: Settings, what: str) -> None:
    """Some batches, for what is to happen to them."""
    send(places, "good.csv", "good", "better")
    land(places)
    send(places, "bad.csv", "bad", "worse")
    if what == "land":
        return
    land(places, 1)
    send(places, "other.csv", "other")
    land(places, 2)
    batches.note_published(places, "000001-20260301T021500Z")
    if what.startswith("joined"):
        batches.compact(places)
    if what.endswith("restore"):
        withdraw(places, "bad.csv")


@pytest.mark.parametrize(
    "what, code, rows",
    [
        ("land", "land(places, 3)", {2, 4}),
        ("withdraw", "withdraw(places, 'bad.csv')", {5, 3}),
        ("restore", "restore(places, 'bad.csv')", {3, 5}),
        ("compact", "batches.compact(places)", {5}),
        ("joined withdraw", "withdraw(places, 'bad.csv')", {5, 3}),
        ("joined restore", "restore(places, 'bad.csv')", {3, 5}),
    ],
)
def test_a_process_that_is_killed_leaves_nothing_to_repair(
    places: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    code: str,
    rows: set[int],
) -> None:
    """At every moment each row is read once, all of a batch or none; the next run goes on."""
    monkeypatch.setattr(batches, "MOST_FILES", 1)
    prepared(places, what)
    moment, is_killed, seen = 0, True, set()
    while is_killed:
        moment += 1
        there = copied(places, tmp_path / f"moment_{moment}")
        is_killed = killed_at(there, moment, f"batches.MOST_FILES = 1\n{code}")
        for time in ("at once", "after the next run"):
            found = in_order(there)
            assert len({row[2:] for row in found}) == len(found) in rows, (moment, time)
            seen |= {len(found)}
            landing.clear_unfinished(there.raw)
            store = batches.read(there)
            store.refuse_changed()
            store.settle()
            states = set(land(there, 5).values())
            assert states <= {"landed", "seen before", "withdrawn"}
            batches.read(there).refuse_missing()
        assert "landed" not in states
        known = sum(b.rows_received for _, b in landing.batches(there))
        assert known == len(in_order(there))
        assert sorted((there.raw / "accounts").glob("*.parquet")) == sorted(files(there))
        assert not list(there.raw.rglob("*.landing"))
    assert moment >= 4
    assert seen == rows


# --------------------------------------------------------------------------- put together


@pytest.fixture
def joined(places: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Six published batches in one file, two more of other columns, and one of tonight."""
    monkeypatch.setattr(batches, "MOST_FILES", 3)
    for number in range(6):
        send(places, f"{number}.csv", *(f"{number}_{n}" for n in range(number)), "last")
    for number in range(2):
        row = f"b{number},2026-01-01,somewhere"
        write_csv(places.inbox, "accounts", ["account_id,created_at,city", row], f"c{number}.csv")
    land(places)
    batches.note_published(places, "000001-20260301T021500Z")
    send(places, "new.csv", "new")
    land(places, 1)
    return places


def test_small_published_files_are_put_together(joined: Settings) -> None:
    before = in_order(joined)
    known = [(b.number, b.source_file, b.rows_received) for _, b in landing.batches(joined)]

    assert batches.compact(joined) == ["accounts: 6 small files were put together"]
    assert [path.name[:20] for path in files(joined)] == [
        "batches-000001-00000", "batch-000007-" + files(joined)[1].name[13:20],
        "batch-000008-" + files(joined)[2].name[13:20],
        "batch-000009-" + files(joined)[3].name[13:20],
    ]  # fmt: skip
    assert in_order(joined) == before
    then = [(b.number, b.source_file, b.rows_received) for _, b in landing.batches(joined)]
    assert then == known
    assert batches.compact(joined) == []
    assert set(land(joined, 2).values()) == {"seen before"}
    # The files say it too.
    (joined.raw / ".batches.json").unlink()
    again = [(b.number, b.source_file, b.rows_received) for _, b in landing.batches(joined)]
    assert again == known
    assert set(land(joined, 3).values()) == {"seen before"}


def test_a_batch_within_a_file_can_be_withdrawn_and_restored(joined: Settings) -> None:
    batches.compact(joined)
    before = in_order(joined)
    known = {b.number: b for _, b in landing.batches(joined)}
    (batch,) = withdraw(joined, "3.csv")
    without = [row for row in before if row[2] != batch]

    assert len(before) - len(without) == 4
    assert in_order(joined) == without
    assert [path.stem for _, path in batches.withdrawn_files(joined)] == [batch]
    assert land(joined, 2)["3.csv"] == "withdrawn"
    assert restore(joined, "3.csv") == [batch]
    assert in_order(joined) == before
    again = {b.number: b for _, b in landing.batches(joined)}
    assert {n: (b.sha256, b.rows_received, b.columns) for n, b in again.items()} == {
        n: (b.sha256, b.rows_received, b.columns) for n, b in known.items()
    }
    # What was restored is put together with the rest, once it is published again.
    batches.note_published(joined, "000002-20260301T021500Z")
    for number in range(3):
        send(joined, f"more{number}.csv", f"more{number}")
        land(joined, 3 + number)
    batches.note_published(joined, "000003-20260301T021500Z")
    before = in_order(joined)
    assert batches.compact(joined) == ["accounts: 6 small files were put together"]
    assert in_order(joined) == before
    assert len(files(joined)) == 3
    # The last ones that a file holds.
    for path in [f"{n}.csv" for n in range(6)]:
        withdraw(joined, path)
    assert {row[2][:12] for row in in_order(joined)} == {
        *("batch-000007", "batch-000008", "batch-000009"),
        *("batch-000010", "batch-000011", "batch-000012"),
    }


def test_a_file_of_many_that_is_gone_is_landed_again(joined: Settings) -> None:
    before = read(joined, "account_id, account_name, _batch_id, _loaded_at", "order by all")
    batches.compact(joined)
    files(joined)[0].unlink()

    assert list(land(joined, 2).values()).count("landed") == 6
    assert read(joined, "account_id, account_name, _batch_id, _loaded_at", "order by all") == before


def test_who_is_erased_is_gone_from_files_of_many_and_from_withdrawn_ones(joined: Settings) -> None:
    batches.compact(joined)
    withdraw(joined, "5.csv")
    shutil.rmtree(joined.inbox)
    before = in_order(joined)
    erased = erasing.whom("a2", None, KEY)
    erasing.erase(joined, joined.raw.parent, erased, lambda text: None)

    assert in_order(joined) == [row for row in before if row[0] != "a2"]
    gone = {b.source_file: b.rows_erased for _, b in landing.batches(joined)}
    assert gone == {"0.csv": 0, "1.csv": 1, "2.csv": 1, "3.csv": 1, "4.csv": 1,
                    "c0.csv": 0, "c1.csv": 0, "new.csv": 0}  # fmt: skip
    restore(joined, "5.csv")
    assert not [row for row in in_order(joined) if row[0] == "a2"]
    assert sum(b.rows_received - b.rows_erased for _, b in landing.batches(joined)) == len(
        in_order(joined)
    )


def test_a_file_name_that_names_the_erased_is_forgotten(joined: Settings) -> None:
    send(joined, "of-the-erased.csv", "one")
    land(joined, 2)
    batches.note_published(joined, "000002-20260301T021500Z")
    batches.compact(joined)
    (joined.inbox / "accounts" / "of-the-erased.csv").unlink()
    erased = erasing.whom("of-the-erased", None, KEY)
    receipt = erasing.erase(joined, joined.raw.parent, erased, lambda text: None)

    assert receipt.left == []
    assert not [p for p in joined.raw.rglob("*") if p.is_file() and b"of-the-er" in p.read_bytes()]
    assert "(erased)" in {b.source_file for _, b in landing.batches(joined)}
    assert set(land(joined, 3).values()) == {"seen before"}


def test_an_erasure_that_is_killed_is_no_damage(joined: Settings, tmp_path: Path) -> None:
    """The next run takes the files as they are, and the next erasure goes on."""
    batches.compact(joined)
    withdraw(joined, "5.csv")
    shutil.rmtree(joined.inbox)
    code = (
        "from customer_health.refresh import erasing\n"
        "erased = erasing.whom('a2', None, KEY)\n"
        "erasing.erase(places, places.raw.parent, erased, lambda text: None)"
    )
    moment, is_killed = 0, True
    while is_killed:
        moment += 1
        there = copied(joined, tmp_path / f"moment_{moment}")
        is_killed = killed_at(there, moment, code)
        batches.read(there).settle()
        kept = sum(b.rows_received - b.rows_erased for _, b in landing.batches(there))
        assert kept == len(in_order(there))
        store = batches.read(there)
        store.refuse_missing()
        store.refuse_changed()
        erased = erasing.whom("a2", None, KEY)
        erasing.erase(there, there.raw.parent, erased, lambda text: None)
        assert not [row for row in in_order(there) if row[0] == "a2"]
    assert moment > 3
