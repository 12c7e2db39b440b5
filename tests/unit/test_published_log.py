"""What was published when survives a deleted log, a deleted link and a rollback after either."""

import json
import shutil
from pathlib import Path

import pytest
from customer_health.errors import UserError
from customer_health.refresh import publishing, rollback
from customer_health.settings import Settings
from place import Place
from versions import RUNS, listed_runs, log_of, make_current, new_places, publish, write_version


@pytest.fixture
def places(tmp_path: Path) -> Settings:
    """Three runs, published one after the other."""
    found = new_places(tmp_path)
    publish(found, 3)
    return found


def of_before_the_marks(places: Settings) -> None:
    """As version 0.5.0 of the project left it: no version says that it was shown."""
    for run in listed_runs(places):
        folder = places.versions / run
        (folder / publishing.SHOWN).unlink(missing_ok=True)
        content = json.loads((folder / publishing.MANIFEST).read_text())
        del content["is_marked_when_shown"]
        (folder / publishing.MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    "what", ["", "status", f"{RUNS[0]}.parquet", f"status/{RUNS[2]}.parquet", f"{RUNS[2]}.parquet"]
)
def test_a_log_that_is_deleted_is_written_anew(places: Settings, what: str, old: bool) -> None:
    before = log_of(places)
    if old:
        of_before_the_marks(places)
    gone = places.log / what
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    told = publishing.finish(places)

    assert log_of(places) == before
    assert len(before) == 6
    assert told
    assert publishing.finish(places) == []


def test_runs_whose_versions_are_gone_are_put_back_too(places: Settings) -> None:
    before = log_of(places)
    publishing.keep_newest(places, 1)
    shutil.rmtree(places.log)
    told = publishing.finish(places)

    assert listed_runs(places) == RUNS[2:3]
    assert log_of(places) == before
    assert f"they were put back from version {RUNS[2]}" in "; ".join(told)


def test_a_damaged_version_is_no_source_of_the_log(places: Settings) -> None:
    before = log_of(places)
    shutil.rmtree(places.log)
    path = places.versions / RUNS[2] / "marts" / "fct_published_scores.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    publishing.finish(places)
    now = log_of(places)

    assert {name: now[name] for name in now} == {name: before[name] for name in now}
    assert {f"{run}.parquet" for run in RUNS[:2]} <= set(now)


def test_a_damaged_file_of_the_log_is_put_back_from_a_later_version(places: Settings) -> None:
    before = log_of(places)
    publishing.keep_newest(places, 1)
    path = places.log / "status" / f"{RUNS[0]}.parquet"
    path.write_bytes(b"damaged")
    told = publishing.check_log(places)

    assert log_of(places) == before
    assert "was put back" in told[0]


@pytest.mark.parametrize("old", [False, True])
def test_the_newest_version_stays_though_the_log_is_deleted_and_readers_went_back(
    tmp_path: Path, places: Settings, old: bool
) -> None:
    """It is no version that was never published, though no log says so."""
    if old:
        of_before_the_marks(places)
    shutil.rmtree(places.log)
    place = Place(tmp_path)
    assert place.run("rollback.py").code == 0
    assert publishing.current_run(places) == RUNS[1]
    for _ in range(2):
        assert place.run("rollback.py", "--to", RUNS[0]).code == 0

    assert listed_runs(places) == RUNS[:3]
    assert (places.log / "status" / f"{RUNS[2]}.parquet").exists()


@pytest.mark.parametrize("what", ["status", "."])
def test_the_log_may_go_after_readers_went_back(places: Settings, what: str) -> None:
    publishing.make_current(places, RUNS[0])
    shutil.rmtree(places.log / what)
    publishing.finish(places)

    assert listed_runs(places) == RUNS[:3]
    assert {path.stem for path in (places.log / "status").iterdir()} == set(RUNS[:3])


def test_what_was_never_shown_is_removed_also_without_a_log(places: Settings) -> None:
    write_version(places, RUNS[3])
    shutil.rmtree(places.log)
    told = publishing.finish(places)

    assert listed_runs(places) == RUNS[:3]
    assert f"{RUNS[3]} was written but never published; removed" in told


def test_what_was_never_shown_is_removed_of_old_versions_while_the_log_is_whole(
    places: Settings,
) -> None:
    write_version(places, RUNS[3])
    of_before_the_marks(places)
    publishing.finish(places)

    assert listed_runs(places) == RUNS[:3]


def test_a_run_that_was_killed_between_the_link_and_the_mark_was_shown(places: Settings) -> None:
    run = write_version(places, RUNS[3])
    places.current.unlink()
    places.current.symlink_to(Path("versions") / run)
    publishing.finish(places)
    publishing.make_current(places, RUNS[0])
    shutil.rmtree(places.log)
    publishing.finish(places)

    assert listed_runs(places) == RUNS[:4]


def test_a_mark_that_was_copied_with_its_folder_is_none(places: Settings) -> None:
    shutil.copytree(places.versions / RUNS[2], places.versions / RUNS[3])
    publishing.finish(places)

    assert listed_runs(places) == RUNS[:3]


@pytest.mark.parametrize("shown", [RUNS[2], RUNS[0]])
def test_a_link_that_is_deleted_is_made_again(places: Settings, shown: str) -> None:
    """To what readers saw last, also where that was not the newest."""
    publishing.make_current(places, shown)
    before = log_of(places)
    places.current.unlink()
    told = publishing.finish(places)

    assert publishing.current_run(places) == shown
    assert f"readers see run {shown}" in told[0]
    assert listed_runs(places) == RUNS[:3]
    assert log_of(places) == before


def test_a_link_that_leads_nowhere_is_made_again(places: Settings) -> None:
    shutil.rmtree(places.versions / RUNS[2])
    publishing.finish(places)

    assert publishing.current_run(places) == RUNS[1]
    assert places.serving.exists()


def test_a_link_that_became_a_folder_stops(places: Settings) -> None:
    places.current.unlink()
    shutil.copytree(places.versions / RUNS[2], places.current)
    with pytest.raises(UserError, match="is no link"):
        publishing.finish(places)


def test_before_the_first_publication_there_is_nothing_to_restore(tmp_path: Path) -> None:
    places = new_places(tmp_path)
    assert publishing.finish(places) == []
    run = write_version(places, RUNS[0])
    publishing.finish(places)

    assert publishing.current_run(places) == ""
    make_current(places, run)
    assert publishing.current_run(places) == run


# ----------------------------------------------------------------------------------------- pins


def pinned(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    done = Place(tmp_path).run("rollback.py", *arguments)
    return done.code, done.out + done.err


def test_a_version_is_pinned_until_it_is_not(tmp_path: Path, places: Settings) -> None:
    code, words = pinned(tmp_path, "--pin", "--reason", "Invoices of May")
    assert code == 0, words
    assert publishing.current_run(places) == RUNS[1]
    pin = publishing.read_pin(places)
    assert pin
    assert (pin.run_id, pin.reason) == (RUNS[1], "Invoices of May")
    code, words = pinned(tmp_path, "--list")
    assert [line.split()[-2:] for line in words.splitlines() if line.startswith(RUNS[1])] == [
        ["current", "pinned"]
    ]
    assert "reason: Invoices of May" in words

    code, words = pinned(tmp_path)
    assert code == 2
    assert "--unpin" in words
    assert publishing.current_run(places) == RUNS[1]
    code, words = pinned(tmp_path, "--pin", "--to", RUNS[2])
    assert (code, publishing.current_run(places)) == (0, RUNS[2])
    code, words = pinned(tmp_path, "--unpin")
    assert code == 0
    assert "No longer pinned; the next refresh publishes." in words
    assert not publishing.read_pin(places)
    assert pinned(tmp_path)[0] == 0


def test_a_pinned_version_is_never_removed(places: Settings) -> None:
    publishing.write_pin(places, publishing.Pin(RUNS[0], "now", "me", ""))
    publishing.keep_newest(places, 1)

    assert listed_runs(places) == [RUNS[0], RUNS[2]]


def test_a_pin_whose_command_was_killed_is_completed(places: Settings) -> None:
    publishing.write_pin(places, publishing.Pin(RUNS[0], "now", "me", ""))
    told = publishing.finish(places)

    assert publishing.current_run(places) == RUNS[0]
    assert "Readers see it again" in told[0]


def test_a_pin_of_a_version_that_is_gone_or_damaged_is_said(
    tmp_path: Path, places: Settings
) -> None:
    publishing.write_pin(places, publishing.Pin(RUNS[1], "now", "me", ""))
    path = places.versions / RUNS[1] / "marts" / "mart_status.parquet"
    path.write_bytes(b"")
    words = pinned(tmp_path, "--list")[1]
    assert "pinned marts/mart_status.parquet is not as it was published" in words
    shutil.rmtree(places.versions / RUNS[1])
    assert "is not among the versions that are kept" in publishing.finish(places)[0]


def test_a_pin_that_cannot_be_read_is_no_absent_pin(tmp_path: Path, places: Settings) -> None:
    places.pin.write_text("{")
    with pytest.raises(UserError, match=r"pin.json cannot be read"):
        publishing.finish(places)
    assert pinned(tmp_path, "--unpin")[0] == 0
    assert publishing.finish(places) == []


@pytest.mark.parametrize("arguments", [["--unpin", "--pin"], ["--reason", "x"]])
def test_pins_that_make_no_sense_are_exit_2(tmp_path: Path, arguments: list[str]) -> None:
    assert pinned(tmp_path, *arguments)[0] == 2


# ----------------------------------------------------------------- nights in which nothing changed


@pytest.fixture
def quiet(tmp_path: Path) -> Settings:
    """Five runs; nothing changed in the third and the fourth."""
    found = new_places(tmp_path)
    for number, run in enumerate(RUNS[:5], 1):
        make_current(found, write_version(found, run, is_changed=number not in (3, 4)))
    return found


def test_a_rollback_goes_to_a_state_that_differs(quiet: Settings) -> None:
    assert rollback.roll_back(quiet, None, None).startswith(f"Readers see run {RUNS[3]} again")
    told = rollback.roll_back(quiet, None, None)
    assert told.startswith(f"Readers see run {RUNS[0]} again")
    assert "The next refresh publishes the newest state again" in told
    with pytest.raises(UserError, match=f"No other state before {RUNS[0]} is kept"):
        rollback.roll_back(quiet, None, None)


def test_what_readers_see_after_a_rollback_can_be_pinned(quiet: Settings) -> None:
    rollback.roll_back(quiet, RUNS[1], None)
    for reason in ("first", "and once more"):
        told = rollback.roll_back(quiet, None, rollback.new_pin(reason))
        pin = publishing.read_pin(quiet)
        assert told.startswith(f"Run {RUNS[1]} is what readers see already.")
        assert pin and (pin.run_id, pin.reason) == (RUNS[1], reason)

    rollback.unpin(quiet)
    make_current(quiet, RUNS[4])
    rollback.roll_back(quiet, None, rollback.new_pin(""))
    assert publishing.current_run(quiet) == RUNS[3]


def test_nights_in_which_nothing_changed_are_removed_first(quiet: Settings) -> None:
    publishing.keep_newest(quiet, 3)
    assert listed_runs(quiet) == [RUNS[0], RUNS[1], RUNS[4]]
    publishing.keep_newest(quiet, 2)
    assert listed_runs(quiet) == [RUNS[1], RUNS[4]]
