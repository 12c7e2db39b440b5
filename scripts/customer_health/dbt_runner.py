"""Build the working file with dbt, in a process of its own, and read what became of it."""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customer_health import parse_state
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, INTERRUPTED, UserError
from customer_health.refresh import landing, privacy, publishing
from customer_health.settings import Settings, project_root, python_path, working_file_is_open

DBT = Path(sys.executable).with_name("dbt")
KEPT = "; the last version stays live"
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
    seconds: float = 0


def die_with_parent() -> None:
    """In the child: end when the parent does, however it ends. Linux only."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def start_folder(settings: Settings) -> Path:
    """Where dbt is started: two folders above the working file. By its name from there, which is
    that of profiles.yml in the project, dbt's state of one working file is good for any other."""
    return settings.warehouse.parent.parent


def environment(settings: Settings, variables: dict[str, str] | None = None) -> dict[str, str]:
    """What dbt may know: the shell but for the key and what it says to dbt, where things are, and
    what this run is given."""
    secrets = (privacy.VARIABLE, privacy.FILE_VARIABLE)
    inherited = {
        k: v for k, v in os.environ.items() if k not in secrets and not k.startswith("DBT_")
    }
    return inherited | {
        "PYTHONPATH": python_path(),
        "DBT_PROJECT_DIR": str(project_root()),
        "DBT_PROFILES_DIR": str(project_root()),
        "HEALTH_RAW_DIR": str(settings.raw),
        "HEALTH_WAREHOUSE": str(settings.warehouse.relative_to(start_folder(settings))),
        "HEALTH_PUBLISH_DIR": str(settings.publish),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "NO_COLOR": "1",
        **(variables or {}),
    }


def run_dbt(
    arguments: list[str],
    settings: Settings,
    folder: Path,
    locks: Sequence[int] = (),
    progress: Callable[[str], None] = lambda text: None,
    variables: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Run dbt with its artifacts in `folder`; its exit code and all that it printed. It inherits
    the handles of `locks`."""
    command = [str(DBT), "--no-use-colors", *arguments]
    # What dbt prints is kept (dbt.txt). Its debug log would cost a tenth of a small run.
    command += ["--target-path", str(folder / "target"), "--log-level-file", "none"]
    try:
        start_folder(settings).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            CONFIGURATION,
            f"HEALTH_WAREHOUSE ({settings.warehouse}) has no folder, and none can be made:"
            f" {error.strerror}.",
            "Name a place that you may write to.",
        ) from None
    process = subprocess.Popen(
        command,
        cwd=start_folder(settings),
        env=environment(settings, variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=locks,
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


def explain_failure(
    code: int, output: str, folder: Path, settings: Settings, log: Path, kept: str
) -> UserError:
    """What a failed dbt run means for the person who reads it; `kept` is what became of readers."""
    if "is open in another program" in output:
        return working_file_is_open(settings, output)
    if "No space left" in output:
        return UserError(
            CHECKS_FAILED,
            f"The disk of {settings.warehouse.parent} is full{kept}.",
            "Free some space, run again; nothing has to be repaired.",
        )
    if "Out of Memory" in output or code in (-signal.SIGKILL, 137):
        return UserError(
            CHECKS_FAILED,
            f"dbt ran out of memory or was killed{kept}.",
            "Lower HEALTH_MEMORY_LIMIT (DuckDB then uses the disk), or give the machine more.",
        )
    failed = [r for r in results(folder) if r["status"] in ("fail", "error", "runtime error")]
    tests = [name_of(r["unique_id"]) for r in failed if r["unique_id"].startswith("test.")]
    others = [name_of(r["unique_id"]) for r in failed if not r["unique_id"].startswith("test.")]
    if tests and not others:
        names = ", ".join(tests[:5]) + (f" and {len(tests) - 5} more" if len(tests) > 5 else "")
        return UserError(
            CHECKS_FAILED,
            f"{len(tests)} data tests failed{kept}: {names}.",
            f"docs/operations.md says what each means; dbt's own words are in {log}.",
        )
    if others and (damaged := landing.damaged_files(settings)):
        return landing.is_damaged(damaged[0])
    if others:
        return UserError(
            CHECKS_FAILED,
            f"Could not be built: {', '.join(others[:5])}{kept}.",
            f"dbt's own words are in {log}.",
        )
    problems = re.search(r"The raw inputs cannot be used.*?(?:run again[^\n]*)", output, re.S)
    if problems:
        lines = [line.strip() for line in problems[0].splitlines()]
        return UserError(CHECKS_FAILED, "\n".join(lines[:-1]), lines[-1])
    return UserError(
        CONFIGURATION,
        f"dbt stopped before it built anything (exit code {code}){kept}.",
        f"Its own words are in {log}.",
    )


def is_corrupt(words: str, settings: Settings) -> bool:
    """Whether dbt or DuckDB stumbled over a damaged working file, by their words."""
    marks = (
        "Corrupt database file",
        "not a valid DuckDB database file",
        f'bytes from file "{settings.warehouse.relative_to(start_folder(settings))}',
        "Serialization Error",
    )
    return any(mark in words for mark in marks)


def build(
    settings: Settings,
    variables: dict[str, Any],
    full_refresh: bool,
    folder: Path,
    progress: Callable[[str], None],
    locks: Sequence[int] = (),
    select: Sequence[str] = (),
    log: Path | None = None,
    kept: str = KEPT,
) -> Build:
    """`dbt build` with every data test; UserError where anything failed or did not run. With
    `select` only those nodes. What dbt prints goes to `log`, dbt.txt of the folder by default."""
    log = log or folder / "dbt.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    arguments += ["--full-refresh"] * full_refresh
    for nodes in select:
        arguments += ["--select", nodes]
    # Not by --vars: another date would make dbt read the whole project anew.
    dates = {f"HEALTH_{name.upper()}": str(value) for name, value in variables.items()}
    earlier = [run / "target" for run in reversed(publishing.run_folders(settings))]
    project = parse_state.take_over(
        folder / "target", [*earlier, project_root() / "target"], project_root()
    )
    code, output = run_dbt(arguments, settings, folder, locks, progress, dates)
    parse_state.note(folder / "target", project)
    log.write_text(output, encoding="utf-8")
    if is_corrupt(output, settings):
        raise CorruptError(output)
    if code == INTERRUPTED or "KeyboardInterrupt" in output:
        raise KeyboardInterrupt
    if code:
        raise explain_failure(code, output, folder, settings, log, kept)
    if not select and (lacking := lacking_nodes(folder)):
        raise UserError(
            CHECKS_FAILED,
            f"{len(lacking)} nodes did not run: {', '.join(lacking[:5])}{kept}.",
            f"dbt's own words are in {log}.",
        )
    found = results(folder)
    if select and not found:
        raise UserError(
            CONFIGURATION,
            f"--select {' '.join(select)} matches nothing.",
            "dbt ls shows the names of all nodes.",
        )
    return Build(
        seconds=read_json(folder / "target" / "run_results.json").get("elapsed_time", 0),
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
