"""Where the time of a build goes: import, parse, models, tests; and how much memory it takes.

Usage:
    python tools/measure_build.py                      # the sample data
    HEALTH_RAW_DIR=build/mine python tools/measure_build.py --vars '{run_date: 2020-07-01}'
    python tools/measure_build.py --target postgres    # loaded before, by scripts/load_raw.py

Builds everything anew: on DuckDB into a temporary file, elsewhere with --full-refresh into the
schemas of the target themselves, from raw tables that are there. Times are of this machine, at this
moment: compare shares and ratios of one run, not seconds of two machines.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from customer_health.console import run_command, table
from customer_health.errors import NotFoundError
from measured_run import run, run_dbt

ROOT = Path(__file__).resolve().parents[1]


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Build everything anew, with a folder for what dbt writes, and print what it took."""
    warehouse = folder / "warehouse.duckdb"
    environment = {
        **os.environ,
        "HEALTH_WAREHOUSE": str(warehouse),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    imported = run([sys.executable, "-c", "import dbt.cli.main"], ROOT, environment).seconds
    target = ["--target", options.target]
    parsed = run_dbt(["parse", "--no-partial-parse", *target], ROOT, environment).seconds
    build = ["build", "--no-partial-parse", "--full-refresh", *target]
    build += ["--threads", options.threads, "--vars", options.vars]
    build += ["--select", *options.select] if options.select else []
    build += ["--exclude-resource-type", *options.without] if options.without else []
    whole = run_dbt(build, ROOT, environment)

    rows: list[tuple[str, Any, str]] = [
        ("import of dbt", "", f"{imported:.1f}"),
        ("parse (without the import)", "", f"{max(parsed - imported, 0):.1f}"),
    ]
    for kind in sorted({node.kind for node in whole.nodes}):
        count = sum(node.kind == kind for node in whole.nodes)
        rows.append((f"{kind}s, summed over threads", count, f"{whole.seconds_of(kind):.1f}"))
    rows.append(("whole build, by the clock", "", f"{whole.seconds:.1f}"))
    print(table(["stage", "nodes", "seconds"], rows))
    print("\nSlowest models:")
    models = sorted(
        (node for node in whole.nodes if node.kind == "model"), key=lambda node: -node.seconds
    )
    print(table(["model", "seconds"], [(node.name, f"{node.seconds:.2f}") for node in models[:8]]))
    print(f"\nPeak memory of the dbt process {whole.peak_bytes / 2**20:,.0f} MiB", end="")
    size = warehouse.stat().st_size / 2**20 if warehouse.exists() else None
    print(f", DuckDB file {size:,.0f} MiB" if size else "")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vars", default="{}", help="dbt vars, as YAML")
    parser.add_argument("--threads", default="2", help="dbt threads (default 2)")
    parser.add_argument("--target", default="duckdb", help="where to build (default duckdb)")
    parser.add_argument("--select", nargs="+", help="a part only, as dbt selects")
    parser.add_argument("--without", nargs="+", help="kinds of nodes, such as test unit_test")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), options)
    except NotFoundError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_command(main)
