"""A dbt command, measured: by the clock, in memory, and node by node."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from customer_health.errors import NotFoundError

DBT = Path(sys.executable).with_name("dbt")
# The operating systems count the memory of a process in different units.
MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Node:
    """A seed, model, test or hook that ran: the folder it belongs to, and how long it took."""

    kind: str
    folder: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Measured:
    """What a command took: seconds by the clock, the most memory at once, its nodes, and the
    seconds by the clock that went into these."""

    seconds: float
    peak_bytes: int
    nodes: tuple[Node, ...] = ()
    nodes_seconds: float = 0

    def seconds_of(self, *kinds: str, folders: tuple[str, ...] = ()) -> float:
        """Seconds of the nodes of some kinds (and folders), summed over threads."""
        return sum(
            node.seconds
            for node in self.nodes
            if node.kind in kinds and (not folders or node.folder in folders)
        )


def run(command: list[str], folder: Path, environment: dict[str, str]) -> Measured:
    """Run a command in a folder; NotFoundError with the end of its output where it fails."""
    with tempfile.TemporaryFile() as output:
        start = perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        # Unlike resource.getrusage, this tells the memory of this one command.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            text = output.read().decode(errors="replace").strip()[-3000:]
            raise NotFoundError(f"{' '.join(command)} failed:\n{text}")
    return Measured(seconds, usage.ru_maxrss * MEMORY_UNIT)


def run_dbt(arguments: list[str], project: Path, environment: dict[str, str]) -> Measured:
    """Run `dbt ARGUMENTS` in a project and tell its nodes; DBT_TARGET_PATH has to be set.

    NotFoundError with the messages of the nodes that failed, else with the end of the output.
    """
    target = Path(environment["DBT_TARGET_PATH"])
    # A run that stops early would leave those of the run before.
    (target / "run_results.json").unlink(missing_ok=True)
    try:
        took = run([str(DBT), "--no-use-colors", *arguments], project, environment)
    except NotFoundError as problem:
        raise NotFoundError("\n".join(failures(target)) or str(problem)) from problem
    found = run_results(target)
    return Measured(
        took.seconds, took.peak_bytes, tuple(nodes(target, found)), found.get("elapsed_time", 0)
    )


def run_results(target: Path) -> dict[str, Any]:
    """What dbt wrote about its last command, nothing where that ran no nodes."""
    path = target / "run_results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def failures(target: Path) -> list[str]:
    """The nodes that failed, with what they say."""
    return [
        f"{result['unique_id']} {result['status']}: {result['message']}"
        for result in run_results(target).get("results", [])
        if result["status"] in ("error", "fail", "runtime error")
    ]


def nodes(target: Path, found: dict[str, Any]) -> list[Node]:
    """The nodes that ran, with the folder below models/ (for a seed, below seeds/) they are in."""
    if not found:
        return []
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    measured = []
    for result in found["results"]:
        kind, _, name = result["unique_id"].split(".")[:3]
        folder = ""
        if kind in ("model", "seed"):
            folder = Path(manifest[result["unique_id"]]["original_file_path"]).parts[1]
        measured.append(Node(kind, folder, name, result["execution_time"]))
    return measured
