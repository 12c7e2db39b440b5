"""The wheel holds all that a project of one's own needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from project import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "-w", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_the_project_and_nothing_of_the_laboratory(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    project = {name.split("/")[2] for name in names if name.startswith("customer_health/project/")}

    assert project == {
        "dbt_project.yml", "profiles.yml", "models", "seeds", "macros", "data_tests", "landing",
        "docs", "sample_data",
    }  # fmt: skip
    assert "customer_health/project/docs/columns.md" in names
    assert not [name for name in names if "tests/" in name.replace("data_tests/", "")]
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"customer_health"}


def test_a_project_of_ones_own_is_made_built_and_explained(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--disable-pip-version-check", "--target", str(site), str(wheel)]
    assert subprocess.run(command).returncode == 0
    known = {k: v for k, v in os.environ.items() if not k.startswith(("HEALTH_", "DBT_"))}

    def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "customer_health", *arguments],
            cwd=folder, env=known | {"PYTHONPATH": str(site)}, capture_output=True, text=True,
        )  # fmt: skip

    made = run("init", "mine", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    again = run("init", "mine", folder=tmp_path)
    assert again.returncode == 2
    assert "is there already, and is left as it is" in again.stderr
    mine = tmp_path / "mine"
    built = run("build", folder=mine)
    assert built.returncode == 0, built.stderr
    assert "accounts have a score as of 2026-09-30" in built.stdout
    assert (mine / "warehouse" / "customer_health.duckdb").exists()
    told = run("explain", "quiet_churner", folder=mine)
    assert (told.returncode, told.stderr) == (0, "")
    assert "quiet_churner" in told.stdout
    # Somewhere else there is no project to work on.
    lost = run("show", folder=tmp_path)
    assert lost.returncode == 2
    assert "customer-health init DIR makes one" in lost.stderr
