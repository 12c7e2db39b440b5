"""Run the project as a person would: dbt as a command, on a raw folder, into a DuckDB file."""

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml
from customer_health import parse_state
from customer_health.parse_state import STATE
from customer_health.settings import SERVING_FILE

ROOT = Path(__file__).resolve().parents[2]
# Of a workspace. By its name alone, what dbt has read of the project is good for all of them.
WAREHOUSE = "warehouse.duckdb"
QUICK = "quick"
DATES = ("run_date", "as_of_date")
# A workspace with this file is read by several tests: none may run dbt in it.
SHARED = "shared_by_tests"
SHARED_DATA = Path(os.environ.get("HEALTH_SHARED_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class Run:
    """What a dbt command left behind: its exit code, all it printed, and the DuckDB file."""

    returncode: int
    output: str
    warehouse: Path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the DuckDB file, opened read-only."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def dbt(
    *arguments: str,
    raw_dir: Path | None = None,
    workspace: Path,
    project: Path = ROOT,
    variables: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
) -> Run:
    """Run `dbt ARGUMENTS` in the project, with everything it writes below `workspace`."""
    workspace.mkdir(parents=True, exist_ok=True)
    assert not (workspace / SHARED).exists(), "Other tests read this workspace: copy it first."
    given = dict(variables or {})
    dates = {f"HEALTH_{name.upper()}": given.pop(name) for name in DATES if name in given}
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEALTH_")},
        "DBT_PROJECT_DIR": str(project),
        "DBT_PROFILES_DIR": str(project),
        "HEALTH_WAREHOUSE": WAREHOUSE,
        "HEALTH_PUBLISH_DIR": str(workspace / "published"),
        "HEALTH_RAW_DIR": str(raw_dir or project / "sample_data"),
        "PYTHONPATH": str(project / "scripts"),
        "DBT_TARGET_PATH": str(workspace / "target"),
        "DBT_LOG_PATH": str(workspace / "logs"),
        "NO_COLOR": "1",
        **dates,
        **(environment or {}),
    }
    command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments]
    if given:
        command += ["--vars", json.dumps(given)]
    state, kept = workspace / "target" / STATE, kept_state(project, json.dumps(given))
    if kept and kept.exists() and not state.exists():
        state.parent.mkdir(exist_ok=True)
        shutil.copy(kept, state)
    done = subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True)
    if kept and not kept.exists() and state.exists() and not done.returncode:
        shutil.copy(state, kept)
    return Run(done.returncode, done.stdout + done.stderr, workspace / WAREHOUSE)


@functools.cache
def kept_state(project: Path, variables: str) -> Path | None:
    """Where this process keeps what dbt has read of a project that no test changes, for its next
    run in another workspace: with it dbt need not read the project again."""
    if project != ROOT and not project.parent.name.startswith(QUICK):
        return None
    folder = Path(tempfile.mkdtemp(prefix="state"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / STATE


def build(raw_dir: Path | None, workspace: Path, *more: str, **options: Any) -> Run:
    """`dbt build` with the data tests, without the unit tests (they do not depend on the data)."""
    return dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        *more,
        raw_dir=raw_dir,
        workspace=workspace,
        **options,
    )


def copy_project(destination: Path, source: Path = ROOT) -> Path:
    """A copy of what dbt needs of a project, to be changed at will."""
    destination.mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(source / name, destination / name)
    for name in ("models", "seeds", "macros", "data_tests", "docs", "landing", "scripts"):
        shutil.copytree(
            source / name, destination / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    (destination / "sample_data").symlink_to(source / "sample_data")
    return destination


@functools.cache
def without_data_tests() -> Path:
    """A copy of the project, one per test process, without dbt's data tests and unit tests: for
    what does not depend on them. They are most of what dbt does with a few rows."""
    folder = Path(tempfile.mkdtemp(prefix=QUICK))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = copy_project(folder / "project")
    for path in (project / "dbt_project.yml", *project.glob("[ms]*/**/*.yml")):
        content = without_tests(yaml.safe_load(path.read_text(encoding="utf-8")))
        if path.stem == "dbt_project":
            # The files stay: seeds are validated by them.
            content["test-paths"] = []
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    # Read by dbt once, for the commands of all places that build in work/.
    run = dbt(
        *("parse", "--target-path", str(project / "target")),
        workspace=folder,
        project=project,
        environment={"HEALTH_WAREHOUSE": f"work/{SERVING_FILE}"},
    )
    assert run.returncode == 0, run.output
    parse_state.note(project / "target", parse_state.hash_of(project))
    return project


def without_tests(value: Any) -> Any:
    """What a YAML file says of models, without the tests in it."""
    if isinstance(value, list):
        return [without_tests(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: one for name, one in value.items() if name not in ("data_tests", "unit_tests")}
    return {name: without_tests(one) for name, one in kept.items()}


def write_csv(raw_dir: Path, name: str, lines: Iterable[str], file: str | None = None) -> Path:
    """Write lines (the header first) as RAW_DIR/NAME/FILE, UTF-8, as they are."""
    path = raw_dir / name / (file or f"{name}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def commit_seeds(project: Path) -> None:
    """Make the project a git repository whose last commit holds the seeds as they are."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
    for command in (["init", "-q"], ["add", "seeds"], [*who, "commit", "-qm", "Seeds"]):
        subprocess.run(["git", *command], cwd=project, check=True)


def copy_with_make(destination: Path) -> Path:
    """A copy of the project with its Makefile, its seeds in git and this Python as its .venv."""
    project = copy_project(destination)
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, project / name)
    for name in ("tests", "tools"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    (project / ".venv").symlink_to(Path(sys.prefix))
    commit_seeds(project)
    return project


def shell(commands: str, project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run commands in the project as in a shell of its own, also where make started these tests."""
    ours = ("HEALTH_", "MAKE", "MFLAGS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env |= {"PATH": f"{project / '.venv/bin'}:{env['PATH']}", **variables}
    # The environment is there already: it must not be made again under the feet of the tests.
    commands = re.sub(r"^((?:.*&& )?)make ", r"\1make -o .venv/installed ", commands, flags=re.M)
    return subprocess.run(
        ["bash", "-ec", commands], cwd=project, env=env, capture_output=True, text=True
    )


def write_two_accounts(raw_dir: Path, feature: str) -> None:
    """The required inputs of two accounts: a subscription each, 27 days of using one feature."""
    write_csv(raw_dir, "accounts", ["account_id,created_at", "a1,2026-01-01", "a2,2026-01-01"])
    write_csv(
        raw_dir,
        "subscriptions",
        ["subscription_id,account_id,started_at", "s1,a1,2026-01-01", "s2,a2,2026-01-01"],
    )
    events = [f"e{day},a{day % 2 + 1},2026-02-{day:02},{feature}" for day in range(1, 28)]
    write_csv(raw_dir, "usage_events", ["event_id,account_id,event_at,feature", *events])
