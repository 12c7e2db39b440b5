"""Builds that several tests look at, made once per test process."""

import shutil
from pathlib import Path

import pytest
from project import ROOT, SHARED, Run, build

# The files with most runs of dbt come first: no process is left alone with one at the end.
LONGEST = (
    "refresh", "bad_input", "batches", "withdraw", "audits", "privacy", "check_input",
    "dbt_commands", "validate_dbt", "law", "alert_memory", "examples", "configuration", "erase",
    "changing_a_weight", "daily_runs", "same_inputs_same_marts", "recompute", "rollups",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


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
