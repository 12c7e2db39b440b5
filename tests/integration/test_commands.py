"""Every command starts, says what it does and how it is used; so does every old script."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from customer_health.cli import app
from project import ROOT, Run, build, write_two_accounts

COMMANDS = [command.name for command in app.registered_commands]
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("[a-z]*.py"))


def test_there_are_commands() -> None:
    wanted = "check build validate show explain compare refresh withdraw rollback erase doctor"
    assert {*wanted.split(), "init"} <= set(COMMANDS)
    assert len(SCRIPTS) >= 15


@pytest.mark.parametrize(
    "command",
    [*([str(script)] for script in SCRIPTS), *(["-m", "customer_health", n] for n in COMMANDS)],
    ids=lambda command: Path(command[-1]).stem,
)
def test_it_says_how_it_is_used(command: list[str], tmp_path: Path) -> None:
    """From any folder, without a build."""
    done = subprocess.run(
        [sys.executable, *command, "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().startswith("usage: ")
    assert len(done.stdout.splitlines()) > 3
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_needs_neither_dbt_nor_duckdb(name: str) -> None:
    code = (
        "import sys; sys.argv = ['customer-health', sys.argv[1], '--help']\n"
        "from customer_health import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print({'dbt', 'duckdb', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_errors_are_json_where_json_is_asked_for(tmp_path: Path) -> None:
    told = run_script("explain.py", "nobody", "--json", warehouse=tmp_path / "not_built.duckdb")
    found = json.loads(told.stdout)
    assert (found["exit_code"], told.returncode) == (1, 1)
    assert "does not exist yet" in found["message"]


def test_a_command_without_json_of_its_own_prints_its_text_as_json(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "customer_health", "make-key", "--json", "--to"]
    found = []
    for _ in range(2):
        done = subprocess.run([*command, str(tmp_path / "key")], capture_output=True, text=True)
        found.append(json.loads(done.stdout))

    assert [one["exit_code"] for one in found] == [0, 2]
    assert found[0]["message"].startswith("A key is in ")
    assert "is there already" in found[1]["message"]
    assert found[1]["next_step"] == "Use it, or name another file: --to FILE"


@pytest.mark.parametrize("name", ["build", "doctor", "refresh", "rollback", "show", "validate"])
def test_a_folder_that_is_no_project_is_named(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "customer_health", name, "--project-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)

    text = done.stdout + done.stderr
    assert done.returncode == (1 if name == "doctor" else 2)
    assert f"DBT_PROJECT_DIR ({tmp_path}) is no Customer Health project" in text
    assert "Traceback" not in text
    assert not list(tmp_path.iterdir())


def run_script(name: str, *arguments: object, warehouse: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)],
        env={**os.environ, "HEALTH_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
    )


def test_a_working_file_without_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    warehouse = tmp_path / "a file" / "folder" / "health.duckdb"
    run = subprocess.run(
        [sys.executable, "-m", "customer_health", "build", "--quiet"],
        env={**os.environ, "HEALTH_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert f"HEALTH_WAREHOUSE ({warehouse}) has no folder, and none can be made" in run.stderr
    assert "Name a place that you may write to." in run.stderr


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
