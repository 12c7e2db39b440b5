"""Every script starts, says what it does and how it is used."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from project import ROOT, Run, build, write_two_accounts

SCRIPTS = sorted(
    path for path in (ROOT / "scripts").glob("*.py") if "__main__" in path.read_text("utf-8")
)


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 6


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_says_how_it_is_used(script: Path, tmp_path: Path) -> None:
    """From any folder, without a build."""
    done = subprocess.run(
        [sys.executable, str(script), "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
    assert len(done.stdout.splitlines()) > 3
    assert not list(tmp_path.iterdir())


def run_script(name: str, *arguments: object, warehouse: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)],
        env={**os.environ, "HEALTH_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
    )


def test_two_builds_are_compared(sample_run: Run, tmp_path: Path) -> None:
    other = Path(shutil.copy(sample_run.warehouse, tmp_path / "other.duckdb"))

    def compared(one: Path) -> subprocess.CompletedProcess[str]:
        return run_script("compare_builds.py", one, other, warehouse=other)

    equal = compared(sample_run.warehouse)
    assert equal.returncode == 0, equal.stderr
    assert set(line.split(": ")[1] for line in equal.stdout.splitlines()) == {"equal"}
    with duckdb.connect(str(other)) as connection:
        connection.execute(
            "update marts.customer_health set arr = arr + 1 where account_id = 'quiet_churner'"
        )
    different = compared(sample_run.warehouse)
    assert different.returncode == 1
    assert "marts.customer_health: 2 rows differ" in different.stdout
    assert "marts.fct_health_scores: equal" in different.stdout
    assert compared(tmp_path / "nothing.duckdb").returncode == 2


def test_a_run_that_did_not_end_is_told(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_two_accounts(raw, "login")
    run = build(raw, tmp_path)
    assert run.returncode == 0, run.output
    assert run_script("show_health.py", warehouse=run.warehouse).stderr == ""
    assert build(raw, tmp_path, "--select", "metrics_usage", "--full-refresh").returncode == 0

    for script, arguments in (("show_health.py", []), ("explain.py", ["a1"])):
        told = run_script(script, *arguments, warehouse=run.warehouse)
        assert told.returncode == 0, told.stderr
        assert "did not come to its end or built a part only" in told.stderr
