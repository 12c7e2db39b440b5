"""Where the time of a build goes: import, parse, models, tests; and how much memory it takes.

Usage:
    python scripts/measure_build.py                      # the sample data
    HEALTH_RAW_DIR=build/mine python scripts/measure_build.py --vars '{run_date: 2020-07-01}'

Builds from nothing into a temporary file. Times are of this machine, at this moment: compare shares
and ratios within one run, not seconds between machines.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from last_build import table

ROOT = Path(__file__).resolve().parents[1]


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Seconds that a command takes, started in the project's root; its output is dropped."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def node_seconds(run_results: Path) -> tuple[dict[str, list[float]], list[tuple[str, float]]]:
    """Execution seconds of the nodes by resource type, and of every model, slowest first."""
    results: list[dict[str, Any]] = json.loads(run_results.read_text())["results"]
    by_type = defaultdict(list)
    models = []
    for result in results:
        kind = result["unique_id"].split(".")[0]
        by_type[kind].append(result["execution_time"])
        if kind == "model":
            models.append((result["unique_id"].split(".")[-1], result["execution_time"]))
    return by_type, sorted(models, key=lambda model: -model[1])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vars", default="{}", help="dbt vars, as YAML")
    parser.add_argument("--threads", default="2", help="dbt threads (default 2)")
    arguments = parser.parse_args()
    dbt = str(Path(sys.executable).with_name("dbt"))
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "HEALTH_WAREHOUSE": f"{folder}/warehouse.duckdb",
            "DBT_TARGET_PATH": f"{folder}/target",
            "DBT_LOG_PATH": f"{folder}/logs",
        }
        imported = timed([sys.executable, "-c", "import dbt.cli.main"], environment)
        parsed = timed([dbt, "parse", "--no-partial-parse"], environment)
        whole = timed(
            [
                dbt,
                "build",
                "--no-partial-parse",
                "--threads",
                arguments.threads,
                "--vars",
                arguments.vars,
            ],
            environment,
        )
        by_type, models = node_seconds(Path(folder) / "target" / "run_results.json")
        size = Path(environment["HEALTH_WAREHOUSE"]).stat().st_size
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024

    rows: list[tuple[str, Any, str]] = [
        ("import of dbt", "", f"{imported:.1f}"),
        ("parse (without the import)", "", f"{max(parsed - imported, 0):.1f}"),
    ]
    rows += [
        (f"{kind}s, summed over threads", len(seconds), f"{sum(seconds):.1f}")
        for kind, seconds in sorted(by_type.items())
    ]
    rows += [("whole build, by the clock", "", f"{whole:.1f}")]
    print(table(["stage", "nodes", "seconds"], rows))
    print("\nSlowest models:")
    print(table(["model", "seconds"], [(name, f"{s:.2f}") for name, s in models[:8]]))
    print(f"\nPeak memory {memory:,.0f} MiB, DuckDB file {size / 2**20:,.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
