"""scripts/load_raw.py refuses what it cannot load before it looks for an engine. What it does on
one is tested by tools/engines.py."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT


def load(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script; nothing listens where it looks for PostgreSQL."""
    kept = {name: value for name, value in os.environ.items() if name != "HEALTH_RAW_DIR"}
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "load_raw.py"), *arguments],
        env={**kept, "PGHOST": "127.0.0.1", "PGPORT": "1", **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for name in ("accounts", "subscriptions"):
        shutil.copytree(ROOT / "sample_data" / name, folder / name)
    return folder


@pytest.mark.parametrize("target", ["postgres", "spark"])
def test_a_folder_that_is_not_there_is_refused(target: str, tmp_path: Path) -> None:
    done = load("--target", target, "--raw", str(tmp_path / "rwa"))

    assert done.returncode == 2
    assert done.stderr.startswith(f"There is no folder {tmp_path / 'rwa'}. Give the one that holds")
    assert "usage_events" in done.stderr


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("account_id\n")

    done = load("--target", "postgres", HEALTH_RAW_DIR=str(file))

    assert done.returncode == 2 and f"There is no folder {file}" in done.stderr


@pytest.mark.parametrize("left", [[], ["subscriptions"]])
def test_required_inputs_that_are_absent_are_all_named(raw: Path, left: list[str]) -> None:
    for name in {"accounts", "subscriptions"} - set(left):
        shutil.rmtree(raw / name)

    done = load("--target", "postgres", "--raw", str(raw))

    assert done.returncode == 2
    assert "nothing was changed" in done.stderr
    for name in ("accounts", "subscriptions"):
        told = f"{name}: required, but there is no *.csv, *.jsonl or *.parquet in {raw / name}"
        assert (told in done.stderr) == (name not in left)


def test_a_misspelt_required_input_is_told_with_what_it_should_be(raw: Path) -> None:
    shutil.copytree(ROOT / "sample_data" / "usage_events", raw / "usage_event")

    done = load("--target", "postgres", "--raw", str(raw))

    assert done.returncode == 2
    assert "usage_events: required" in done.stderr
    assert "usage_event/ is not read; should it be usage_events/?" in done.stderr


def test_a_damaged_file_is_refused_with_its_line(raw: Path) -> None:
    with (raw / "accounts" / "accounts.csv").open("a", encoding="utf-8") as file:
        file.write("acct_9999,one cell too few\n")

    done = load("--target", "postgres", "--raw", str(raw))

    assert done.returncode == 2
    assert "accounts: accounts.csv, line 174: fewer cells than the header" in done.stderr


def test_the_folder_has_to_be_said() -> None:
    done = load("--target", "postgres")

    assert done.returncode == 2 and "say which folder: --raw" in done.stderr


def test_a_port_that_is_no_number_is_refused() -> None:
    done = load("--target", "postgres", "--raw", str(ROOT / "sample_data"), PGPORT="five")

    assert done.returncode == 2
    assert done.stderr == "PGPORT has to be a number, not 'five'.\n"
