"""Build the working file with dbt, in a process of its own, and read what became of it."""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightly import landing, privacy
from nightly.places import (
    CHECKS_FAILED,
    CONFIGURATION,
    INTERRUPTED,
    ROOT,
    Places,
    Stop,
    working_file_is_open,
)

DBT = Path(sys.executable).with_name("dbt")
GOOD = ("success", "pass", "warn", "no-op")
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
PROGRESS = re.compile(r"(\d+) of (\d+) (?:OK|PASS|WARN|START|ERROR|FAIL|SKIP)(?! hook)")


@dataclass
class Build:
    """What dbt did, where all went well; its warnings in words."""

    models: int = 0
    tests: int = 0
    warnings: list[str] = field(default_factory=list)
    nothing_new: bool = False


def die_with_parent() -> None:
    """In the child: end when the parent does, however it ends. Linux only."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def environment(places: Places) -> dict[str, str]:
    """What dbt may know: all but the key, and the places as full paths."""
    inherited = {k: v for k, v in os.environ.items() if k != privacy.VARIABLE}
    return inherited | {
        "HEALTH_RAW_DIR": str(places.raw),
        "HEALTH_WAREHOUSE": str(places.warehouse),
        "HEALTH_PUBLISH_DIR": str(places.publish),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "NO_COLOR": "1",
    }


def run_dbt(
    arguments: list[str],
    places: Places,
    folder: Path,
    lock: int,
    progress: Callable[[str], None],
) -> tuple[int, str]:
    """Run dbt with its artifacts in `folder`; its exit code and all that it printed."""
    command = [str(DBT), "--no-use-colors", *arguments]
    command += ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
    command += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(places),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=(lock,),
        preexec_fn=die_with_parent,
    )
    lines = []
    try:
        for line in process.stdout or ():
            lines.append(line)
            if found := PROGRESS.search(line):
                progress(f"{found[1]} of {found[2]}")
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        process.wait()
        raise
    return code, "".join(lines)


def read_json(path: Path) -> dict[str, Any]:
    """An artifact of dbt; nothing where it was not written."""
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return {}


def results(folder: Path) -> list[dict[str, Any]]:
    return read_json(folder / "target" / "run_results.json").get("results", [])


def name_of(unique_id: str) -> str:
    """The name that people know a node by."""
    parts = unique_id.split(".")
    return parts[2] if len(parts) > 2 else unique_id


def lacking_nodes(folder: Path) -> list[str]:
    """Seeds, models and data tests of the project that have no good result."""
    manifest = read_json(folder / "target" / "manifest.json")
    good = {r["unique_id"] for r in results(folder) if r["status"] in GOOD}
    return sorted(
        name_of(name)
        for name, node in manifest.get("nodes", {}).items()
        if node["resource_type"] in ("seed", "model", "test") and name not in good
    )


def explain_failure(code: int, output: str, folder: Path, places: Places) -> Stop:
    """What a failed dbt run means for the person who reads it."""
    log = folder / "dbt.txt"
    if "is open in another program" in output:
        return working_file_is_open(places, output)
    if "No space left" in output:
        return Stop(
            CHECKS_FAILED,
            f"The disk of {places.warehouse.parent} is full; the former mart stays.",
            "Free some space, run again; nothing has to be repaired.",
        )
    if "Out of Memory" in output or code in (-signal.SIGKILL, 137):
        return Stop(
            CHECKS_FAILED,
            "dbt ran out of memory or was killed; the former mart stays.",
            "Lower HEALTH_MEMORY_LIMIT (DuckDB then uses the disk), or give the machine more.",
        )
    failed = [r for r in results(folder) if r["status"] in ("fail", "error", "runtime error")]
    tests = [name_of(r["unique_id"]) for r in failed if r["unique_id"].startswith("test.")]
    others = [name_of(r["unique_id"]) for r in failed if not r["unique_id"].startswith("test.")]
    if tests and not others:
        names = ", ".join(tests[:5]) + (f" and {len(tests) - 5} more" if len(tests) > 5 else "")
        return Stop(
            CHECKS_FAILED,
            f"{len(tests)} data tests failed; the former mart stays: {names}.",
            f"docs/operations.md says what each means; dbt's own words are in {log}.",
        )
    if others and (damaged := landing.damaged_files(places)):
        return landing.is_damaged(damaged[0])
    if others:
        return Stop(
            CHECKS_FAILED,
            f"Could not be built: {', '.join(others[:5])}; the former mart stays.",
            f"dbt's own words are in {log}.",
        )
    problems = re.search(r"The raw inputs cannot be used.*?(?:run again[^\n]*)", output, re.S)
    if problems:
        lines = [line.strip() for line in problems[0].splitlines()]
        return Stop(CHECKS_FAILED, "\n".join(lines[:-1]), lines[-1])
    return Stop(
        CONFIGURATION,
        f"dbt stopped before it built anything (exit code {code}); the former mart stays.",
        f"Its own words are in {log}.",
    )


def is_corrupt(words: str, places: Places) -> bool:
    """Whether dbt or DuckDB stumbled over a damaged working file, by their words."""
    marks = (
        "Corrupt database file",
        "not a valid DuckDB database file",
        f'bytes from file "{places.warehouse}',
        "Serialization Error",
    )
    return any(mark in words for mark in marks)


def build(
    places: Places,
    variables: dict[str, Any],
    full_refresh: bool,
    folder: Path,
    lock: int,
    progress: Callable[[str], None],
) -> Build:
    """`dbt build` with every data test; Stop where anything failed or did not run."""
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    arguments += ["--vars", json.dumps(variables)]
    arguments += ["--full-refresh"] * full_refresh
    code, output = run_dbt(arguments, places, folder, lock, progress)
    (folder / "dbt.txt").write_text(output, encoding="utf-8")
    if is_corrupt(output, places):
        raise CorruptError(output)
    if code == INTERRUPTED or "KeyboardInterrupt" in output:
        raise KeyboardInterrupt
    if code:
        raise explain_failure(code, output, folder, places)
    if lacking := lacking_nodes(folder):
        raise Stop(
            CHECKS_FAILED,
            f"{len(lacking)} nodes did not run: {', '.join(lacking[:5])}; the former mart stays.",
            f"dbt's own words are in {folder / 'dbt.txt'}.",
        )
    found = results(folder)
    return Build(
        models=sum(r["unique_id"].startswith("model.") for r in found),
        tests=sum(r["unique_id"].startswith("test.") for r in found),
        warnings=warnings(output),
        nothing_new="Nothing is new since the last run" in output,
    )


class CorruptError(Exception):
    """The working file is damaged."""


def warnings(output: str) -> list[str]:
    """What dbt warned of, a sentence each."""
    found = re.findall(r"\[WARNING\]: (.*?)\n(?=\S|\Z)", output, re.S)
    return [" ".join(re.sub(r"^\d\d:\d\d:\d\d\s*", "", text).split()) for text in found]
