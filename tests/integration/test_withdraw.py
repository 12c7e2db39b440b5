"""A bad file is taken back in one command; the night goes on without it, as if built anew."""

import json
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from place import DAY, HEADER, Done, Place, fill_inbox, more_events
from project import ROOT, copy_project, write_csv


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Published twice: a steady feed, then a few events more."""
    place = Place(tmp_path_factory.mktemp("withdraw"))
    fill_inbox(place)
    rows = [
        f"s{day}_{n},a{n % 2 + 1},,2026-02-{day:02},login"
        for day in range(1, 28)
        for n in range(12)
    ]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "steady.csv")
    assert place.refresh().code == 0
    more_events(place, "few", range(20, 25))
    # As many on the same days, of the other account; and those that are landed last.
    rows = [f"same{day},a2,person-9@example.com,2026-02-{day},search" for day in range(20, 25)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "same.csv")
    more_events(place, "the_newest", range(20, 25))
    done = place.refresh("--withdraw", "steady.csv", "--dry-run")
    assert done.code == 0, done.err
    assert "would be withdrawn: usage_events/batch-00000" in done.err
    done = place.refresh()
    assert done.code == 0, done.err
    return place


@pytest.fixture
def place(two_nights: Place, tmp_path: Path) -> Place:
    return two_nights.copy(tmp_path / "place")


@pytest.fixture(scope="module")
def withdrawn(two_nights: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Done]:
    """The night after, without few.csv."""
    place = two_nights.copy(tmp_path_factory.mktemp("withdrawn") / "place")
    done = place.refresh("--withdraw", "few.csv", "--reason", "Sent by mistake", "--json")
    assert done.code == 0, done.err
    return place, done


def built_anew(place: Place, goal: Path) -> dict[str, bytes]:
    """What is published of the same batches when every table is built anew, and passes dbt's
    data tests."""
    other = replace(place.copy(goal), project=ROOT)
    done = other.refresh("--full-refresh")
    assert done.code == 0, done.err
    return other.files()


def different(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def test_a_night_goes_on_without_a_file_and_with_it_again(
    two_nights: Place, withdrawn: tuple[Place, Done], tmp_path: Path
) -> None:
    with_it, done = two_nights.files(), withdrawn[1]
    place = withdrawn[0].copy(tmp_path / "place")
    report = json.loads(done.out)

    assert "withdrawn: usage_events/batch-00000" in done.err
    assert "few.csv, 5 rows" in done.err
    assert {one["file"]: one["state"] for one in report["landed"]}["few.csv"] == "withdrawn"
    assert report["is_changed"] is True
    assert different(place.files(), built_anew(place, tmp_path / "without")) == []
    assert different(place.files(), with_it) != []
    assert place.accounts().lost == 5  # what was sent and is not among the landed files any more
    (left_out,) = [one for one in list_of(place) if one["state"]]
    assert (left_out["source_file"], left_out["reason"]) == ("few.csv", "Sent by mistake")

    done = place.refresh("--restore", "few.csv")
    assert done.code == 0, done.err
    assert different(place.files(), with_it) == []
    assert place.accounts().lost == 0


def test_one_that_went_and_one_that_came_back_leave_no_day_unread(
    withdrawn: tuple[Place, Done], tmp_path: Path
) -> None:
    """As many rows of a day, and the newest of them the same."""
    place = withdrawn[0].copy(tmp_path / "place")
    done = place.refresh("--withdraw", "same.csv", "--restore", "few.csv")

    assert done.code == 0, done.err
    assert different(place.files(), built_anew(place, tmp_path / "anew")) == []


def test_after_a_bad_night_the_next_publishes_without_the_bad_file(place: Place) -> None:
    good = place.files()
    rows = [f"bad{n},a1,,no date,login" for n in range(30)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "usage_events.csv")
    assert place.refresh().code == 1
    done = place.refresh("--withdraw", "usage_events.csv")

    assert done.code == 0, done.err
    assert different(place.files(), good) == []
    # The file of that name of the first night stays; the bad one lies in the inbox and is left.
    states = [one["state"] for one in list_of(place) if one["source_file"] == "usage_events.csv"]
    assert [bool(state) for state in states] == [False, True]
    again = place.refresh()
    assert again.code == 0, again.err
    assert "withdrawn, not landed: usage_events/usage_events.csv" in again.err
    write_csv(place.inbox, "usage_events", [HEADER, "n1,a1,,2026-02-27,login"], "usage_events.csv")
    done = place.refresh()
    assert done.code == 0, done.err
    assert "usage_events/usage_events.csv: 1 rows" in done.err


def list_of(place: Place) -> list[dict[str, str]]:
    done = place.run("refresh.py", "--list-batches", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_batches_are_listed_without_a_lock(place: Place) -> None:
    process = place.start("refresh.py", "--run-date", DAY)
    while not (place.published / ".lock").read_text(encoding="utf-8"):
        time.sleep(0.02)
    done = place.run("refresh.py", "--list-batches")
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == [
        *("batch", "input", "source_file", "rows", "erased", "landed_at", "published_in", "state"),
        "reason",
    ]
    assert len(lines) > len(list_of(place)) == 7
    (few,) = [line for line in lines if "few.csv" in line]
    assert few[1:5] == ["usage_events", "few.csv", "5", "0"]
    assert few[6] == max(path.name for path in (place.published / "versions").iterdir())


def test_what_was_not_landed_cannot_be_withdrawn(place: Place) -> None:
    before = {p: p.stat().st_mtime_ns for p in place.raw.rglob("*")}
    done = place.refresh("--withdraw", "fw.csv")

    assert done.code == 2
    assert "No batch was landed from fw.csv; is it few.csv?" in done.err
    assert "--list-batches" in done.err
    assert {p: p.stat().st_mtime_ns for p in place.raw.rglob("*")} == before


def test_a_batch_that_is_gone_stops_until_it_is_withdrawn(place: Place) -> None:
    (path,) = [place.raw / one["input"] / f"{one['batch']}.parquet" for one in list_of(place)
               if one["source_file"] == "few.csv"]  # fmt: skip
    path.unlink()
    (place.inbox / "usage_events" / "few.csv").unlink()
    before = place.files()
    done = place.refresh()

    assert done.code == 1
    assert f"missing_batch: landed batches are gone from {place.raw}" in done.err
    assert f"- usage_events/{path.stem}: few.csv, 5 rows" in done.err
    assert place.files() == before
    command = done.err.split("customer-health refresh ")[-1].split()
    assert command == ["--withdraw", f"usage_events/{path.stem}"]
    done = place.refresh(*command)
    assert done.code == 0, done.err
    assert [one["state"][:9] for one in list_of(place) if one["source_file"] == "few.csv"] == [
        "withdrawn"
    ]


def test_what_was_published_tells_what_is_gone_with_the_manifest(place: Place) -> None:
    (path,) = [place.raw / one["input"] / f"{one['batch']}.parquet" for one in list_of(place)
               if one["source_file"] == "few.csv"]  # fmt: skip
    path.unlink()
    (place.inbox / "usage_events" / "few.csv").unlink()
    (place.raw / ".batches.json").unlink()
    done = place.refresh()

    assert done.code == 1
    assert f"- usage_events/{path.stem}: source no longer known, 5 rows" in done.err
    # And the next run remembers it.
    assert place.refresh("--dry-run").code == 1


@pytest.mark.parametrize("is_killed_when", ["withdrawn", "built"])
def test_a_withdrawal_that_is_killed_is_finished_by_the_next_run(
    place: Place, withdrawn: tuple[Place, Done], is_killed_when: str
) -> None:
    before = place.files()
    process = place.start("refresh.py", "--run-date", DAY, "--withdraw", "few.csv")
    while process.poll() is None:
        text = (place.raw / ".batches.json").read_text(encoding="utf-8")
        runs = sorted((place.published / "runs").iterdir())
        is_built = len(runs) > 2 and (runs[-1] / "target" / "run").exists()
        if is_built if is_killed_when == "built" else '"withdrawn_at"' in text:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert place.files() == before
    done = place.refresh()
    assert done.code == 0, done.err
    assert different(place.files(), withdrawn[0].files()) == []


def test_files_that_are_put_together_change_nothing(
    place: Place, withdrawn: tuple[Place, Done], tmp_path: Path
) -> None:
    """Not a day of usage is read again, and a file within is withdrawn as from one of its own."""
    project = copy_project(tmp_path / "project", place.project)
    module = project / "scripts" / "customer_health" / "refresh" / "batches.py"
    text = module.read_text(encoding="utf-8")
    assert "LARGEST_BYTES = 200," in text
    module.write_text(text.replace("LARGEST_BYTES = 200,", "LARGEST_BYTES = 2,"), encoding="utf-8")
    place, before = Place(place.folder, place.environment, project), place.files()
    assert len(list((place.raw / "usage_events").iterdir())) == 5
    done = place.refresh()

    assert done.code == 0, done.err
    assert "usage_events: 5 small files were put together" in done.err
    assert len(list((place.raw / "usage_events").iterdir())) == 1
    done = place.refresh()
    assert done.code == 0, done.err
    assert "nothing is new" not in done.err
    assert different(place.files(), before) == []
    assert place.rows("from activity.stale_usage_days", place.warehouse) == []
    assert different(built_anew(place, tmp_path / "anew"), before) == []
    assert place.accounts().lost == 0

    assert place.refresh("--withdraw", "few.csv").code == 0
    assert different(place.files(), withdrawn[0].files()) == []
    assert different(place.files(), before) != []
