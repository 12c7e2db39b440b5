"""docs/scaling.md names what is there, and tools/measure_shuffles.py counts what a log says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from customer_health.inputs.raw_files import read_contract
from measure_layouts import HEAVY
from measure_shuffles import (
    AGAIN,
    BUCKETED,
    ONE_TASK,
    Moved,
    key_table,
    model_table,
    moved_by,
    read_log,
)
from pages import markers
from project import ROOT

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
MODELS = {path.stem for path in (ROOT / "models").rglob("*.sql")}
INPUTS = {contract.name for contract in read_contract()}
PROJECT = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
OUTPUTS = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))["customer_health"][
    "outputs"
]
PLUGIN = (ROOT / "scripts/customer_health/inputs/plugin.py").read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [
        *(ROOT / name for name in ("profiles.yml", "dbt_project.yml")),
        *sorted((ROOT / "macros").rglob("*.sql")),
    ]
)


def tables(page: str) -> list[list[list[str]]]:
    """The tables of the page, as rows of cells; the first row has the names."""
    found: list[list[list[str]]] = []
    previous = ""
    for line in page.splitlines():
        if line.startswith("|"):
            if not previous.startswith("|"):
                found.append([])
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not set("".join(cells)) <= set("-: "):
                found[-1].append(cells)
        previous = line
    return found


def rows_of(first: str) -> list[list[str]]:
    """The rows of all tables whose first column has that name; there has to be one."""
    chosen = [table for table in tables(PAGE) if table[0][0] == first]
    assert chosen, f"docs/scaling.md has no table whose first column is '{first}'"
    return [row for table in chosen for row in table[1:]]


def in_code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# ------------------------------------------------------------------------------- the page


def test_every_model_that_a_table_names_exists() -> None:
    names = {row[0] for row in rows_of("model")}
    measured = {name for name in names if name != "all" and not name.startswith("the other ")}
    assert measured and measured <= MODELS
    assert {row[0] for row in rows_of("MiB written to shuffle (shuffles)")} <= MODELS
    assert {name for row in rows_of("statement") for name in in_code(row[0])} <= MODELS
    assert {name for row in rows_of("table") for name in in_code(row[0])} <= MODELS | INPUTS


def test_every_large_table_has_its_layout() -> None:
    named = {name for row in rows_of("table") for name in in_code(row[0])}
    kept = {
        name
        for folder in PROJECT["models"]["health_scoring"].values()
        if isinstance(folder, dict)
        for name, config in folder.items()
        if isinstance(config, dict) and config.get("+materialized") == "incremental"
    }
    # Kept, but small: a row per day, per bad event, and the hashes of scores.
    assert kept - {"usage_days", "usage_event_issues", "computed_scores"} <= named


def test_every_setting_is_what_the_project_has() -> None:
    session = OUTPUTS["spark"]["server_side_parameters"]
    for engine, cell, default, _ in rows_of("engine"):
        for setting in in_code(cell):
            if setting.startswith("HEALTH_"):
                asked = f"env_var('{setting}', '{default}')", f'get("{setting}", "{default}")'
                assert any(text in SOURCES + PLUGIN for text in asked), setting
            elif setting.startswith("spark."):
                expected = None if default.startswith("Spark's") else default
                assert session.get(setting) == expected, setting
            elif setting.startswith("+"):
                assert default == "none" and setting not in SOURCES, setting
            elif setting == "threads":
                threads = f"{OUTPUTS['duckdb']['threads']}; Spark {OUTPUTS['spark']['threads']}"
                assert default == threads
            elif engine == "PostgreSQL":
                assert f"set local {setting} = off" in SOURCES, setting
            else:
                assert str(PROJECT["vars"][setting]) == default, setting


def test_every_variable_and_file_that_the_page_names_exists() -> None:
    for name in set(re.findall(r"HEALTH_[A-Z_]+", PAGE)):
        assert f"env_var('{name}'" in SOURCES or f'get("{name}"' in PLUGIN, name
    for name in re.findall(r"\b(?:macros|scripts|models)/[\w/]+(?:\.\w+)?", PAGE):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"\]\(([\w./]+)\)", PAGE):
        assert (ROOT / "docs" / name).exists(), name


def test_the_page_is_short_and_has_its_measurements() -> None:
    assert len(PAGE.splitlines()) <= 200
    assert (
        "| --- |" in PAGE.partition(markers("shuffles")[0])[2].partition(markers("shuffles")[1])[0]
    )


# ------------------------------------------------------------------------------- the script


def test_the_statements_that_are_measured_are_models() -> None:
    assert set(AGAIN) | set(HEAVY) | {name.partition(".")[2] for name in BUCKETED} <= MODELS


def test_the_command_says_how_it_is_used() -> None:
    command = [sys.executable, str(ROOT / "tools" / "measure_shuffles.py")]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--docs" in done.stdout
    done = subprocess.run([*command, "--days", "1"], capture_output=True, text=True)
    assert done.returncode == 2 and "60 days" in done.stderr


def exchange(text: str, number: int, *children: dict[str, object]) -> dict[str, object]:
    """A shuffle of a plan; its bytes are counted under that number."""
    metrics = [{"name": "shuffle bytes written", "accumulatorId": number}]
    return {
        "nodeName": "Exchange",
        "simpleString": f"Exchange {text}, ENSURE_REQUIREMENTS",
        "metrics": metrics,
        "children": list(children),
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of one statement at second 10, whose plan changed while it ran, with two stages; the
    first of them has written what is read again by another part of the plan."""

    def node(name: str, *children: dict[str, object]) -> dict[str, object]:
        return {"nodeName": name, "simpleString": name, "metrics": [], "children": list(children)}

    def stage(second: int, written: int, read: int, number: int) -> dict[str, object]:
        counts = {"shuffle.write.bytesWritten": written, "shuffle.read.localBytesRead": read}
        sums = [
            {"ID": 100 * number + i, "Name": f"internal.metrics.{name}", "Value": value}
            for i, (name, value) in enumerate(counts.items())
        ]
        sums.append({"ID": number, "Name": "shuffle bytes written", "Value": str(written)})
        return {
            "Event": "SparkListenerStageCompleted",
            "Stage Info": {"Submission Time": 1000 * second, "Accumulables": sums},
        }

    by_account = exchange("hashpartitioning(account_id#12, day#3L, 2)", 1)
    to_one = exchange("SinglePartition", 2, by_account)
    plan = node("Join", to_one, node("BroadcastExchange"), node("ReusedExchange", by_account))
    where = "org.apache.spark.sql.execution.ui.SparkListenerSQL"
    events: list[dict[str, object]] = [
        {
            "Event": f"{where}ExecutionStart",
            "executionId": 7,
            "time": 10_000,
            "sparkPlanInfo": exchange("SinglePartition", 9),
        },
        stage(11, 300, 0, 1),
        {
            "Event": f"{where}AdaptiveExecutionUpdate",
            "executionId": 7,
            "sparkPlanInfo": plan,
        },
        stage(12, 50, 300, 2),
    ]
    path = tmp_path / "log"
    path.write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
    return path


def test_bytes_and_shuffles_belong_to_the_model_that_ran(log: Path) -> None:
    found = moved_by(read_log(log), [("before", 0, 9), ("this", 10, 12), ("after", 13, 20)])
    assert found["before"] == found["after"] == Moved()
    assert found["this"] == Moved(350, 300, 0, shuffles=2, broadcasts=1, to_one_task=50)


def test_tables_tell_growth_and_keys(log: Path) -> None:
    read, periods = read_log(log), [("this", 10.0, 12.0)]
    full = {"this": Moved(written=4 * 2**20)}
    names, rows = model_table({"this": Moved(written=2 * 2**20)}, full)
    assert dict(zip(names, rows[0], strict=True))["growth"] == "2.00"
    assert [row[0] for row in key_table(read, periods)[1]] == ["account_id, day", ONE_TASK]
