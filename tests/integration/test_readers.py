"""Those who read while a refresh publishes see one run in all tables."""

import shutil
from pathlib import Path

import pytest
import readers
from place import ACCEPT_ALL, Place, fill_inbox


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An installation that published two states."""
    place = Place(tmp_path_factory.mktemp("readers"))
    fill_inbox(place)
    assert place.refresh().code == 0
    readers.one_day_more(place, 1)
    done = place.run("refresh.py", "--run-date", "2026-03-02", *ACCEPT_ALL)
    assert done.code == 0, done.err
    return place


def test_a_read_sees_one_run(two_days: Place) -> None:
    for read in (readers.read_file, readers.read_copies):
        assert readers.faults_of(read(two_days.published)) == []


@pytest.mark.parametrize(
    "table", ["mart_status", "fct_published_scores", "customer_health", "source_reconciliation"]
)
def test_a_read_of_two_runs_is_noticed(two_days: Place, tmp_path: Path, table: str) -> None:
    place = two_days.copy(tmp_path / "mixed")
    previous, newest = sorted((place.published / "versions").iterdir())
    shutil.copy(previous / "marts" / f"{table}.parquet", newest / "marts" / f"{table}.parquet")

    assert readers.faults_of(readers.read_copies(place.published))


def test_readers_go_on_while_refreshes_publish(tmp_path: Path) -> None:
    found = readers.measure(tmp_path, refreshes=2, readers=2, reads=20)

    assert found["failed"] == found["errors"] == found["apart"] == []
    assert found["reads"] >= 20
    assert len(found["runs"]) == 3
