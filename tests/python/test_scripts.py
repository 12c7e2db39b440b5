"""Every script starts, says what it does and how it is used."""

import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT

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
