"""Builds that several tests look at, made once per test process."""

from pathlib import Path

import pytest
from project import ROOT, Run, build


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The sample data, built."""
    run = build(ROOT / "sample_data", tmp_path_factory.mktemp("sample"))
    assert run.returncode == 0, run.output
    return run


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """The raw folder of the sample data."""
    return ROOT / "sample_data"
