"""The schedules in examples/schedules are what their programs read."""

import ast
import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project import ROOT

SCHEDULES = ROOT / "examples" / "schedules"


def test_the_crontab_has_one_line_that_cron_reads() -> None:
    lines = (SCHEDULES / "crontab").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if line and not line.startswith("#") and "=" not in line[:9]]
    (job,) = jobs
    minute, hour, *others = job.split()[:5]

    assert (int(minute), int(hour), others) == (15, 2, ["*", "*", "*"])
    command = job.split(maxsplit=5)[5]
    assert ".venv/bin/customer-health refresh" in command
    assert subprocess.run(["bash", "-n", "-c", command]).returncode == 0
    assert "%" not in command  # which cron reads as a line break


@pytest.mark.parametrize("name", ["customer-health.service", "customer-health.timer"])
def test_units_are_what_systemd_reads(name: str, tmp_path: Path) -> None:
    text = (SCHEDULES / name).read_text(encoding="utf-8")
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)

    assert unit.has_section("Unit")
    if name.endswith(".timer"):
        assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d UTC", unit["Timer"]["OnCalendar"])
    else:
        assert unit["Service"]["ExecStart"].endswith(".venv/bin/customer-health refresh")
        assert unit["Service"]["SuccessExitStatus"] == "75"
    if shutil.which("systemd-analyze"):
        for path in SCHEDULES.glob("customer-health.*"):
            shutil.copy(path, tmp_path)
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / name)], capture_output=True, text=True
        )
        assert "Unknown" not in done.stderr


@pytest.mark.parametrize(
    "name, called",
    [("airflow_dag.py", "BashOperator"), ("dagster_definitions.py", "ScheduleDefinition")],
)
def test_definitions_are_python_that_calls_the_refresh(name: str, called: str) -> None:
    text = (SCHEDULES / name).read_text(encoding="utf-8")
    tree = ast.parse(text)
    calls = [
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]

    assert calls.count(called) == 1
    assert re.search(r"/customer-health(?: |\", \")refresh", text)
    assert "75" in text
