"""Builds that several tests look at, made once per test process."""

import shutil
from pathlib import Path

import pytest
from project import ROOT, SHARED, Run, build


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The sample data, built. For reading alone: `sample_copy` is for what runs dbt again."""
    run = build(ROOT / "sample_data", tmp_path_factory.mktemp("sample"))
    assert run.returncode == 0, run.output
    (run.warehouse.parent / SHARED).touch()
    return run


@pytest.fixture
def sample_copy(sample_run: Run, tmp_path: Path) -> Path:
    """A copy of the workspace of the sample data, built, to run dbt in."""
    workspace = tmp_path / "sample"
    shutil.copytree(sample_run.warehouse.parent, workspace, ignore=shutil.ignore_patterns(SHARED))
    return workspace


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """The raw folder of the sample data."""
    return ROOT / "sample_data"
