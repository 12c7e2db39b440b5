"""Whether another version of the project makes the same tables: two nights of each data set are
refreshed by both, then every published table and every Parquet copy is compared.

Usage:
    python tools/compare_versions.py v0.5.0                # the sample, and the data sets beside it
    python tools/compare_versions.py HEAD~3 --data sample

Tables by rows and types (tools/compare_builds.py), copies byte for byte; those that tell of runs
are left out. Exit codes: 0 no difference, 1 differences or a refresh that did not publish.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from compare_builds import EXEMPT, differences
from customer_health.console import run_command
from customer_health.errors import UserError
from nights import nights
from project import ROOT, SHARED_DATA

OF_RUNS = {*EXEMPT, "memory"}
LAST_DAY, A_DAY = date(2026, 9, 30), timedelta(days=1)
# The as-of dates, and on which day the runs are; fightchurn fades out at its end.
EXAMPLES = {
    "ravenstack": [(day, day + A_DAY) for day in (date(2024, 12, 30), date(2024, 12, 31))],
    "fightchurn_test_A": [(date(2020, 5, day), date(2020, 6, 20)) for day in (30, 31)],
}
Night = tuple[str, Path, date, date]


def check_out(version: str, folder: Path) -> Path:
    """The files of a version, in a folder of their own."""
    folder.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", version], cwd=ROOT, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def data_sets(chosen: str, folder: Path, projects: list[Path]) -> Iterator[Night]:
    """Name, raw folder, as-of date and run date of each night of each data set."""
    if chosen in ("all", "sample"):
        raw = folder / "sample"
        for day in nights(ROOT / "sample_data", raw, [LAST_DAY - A_DAY, LAST_DAY]):
            yield "sample", raw, day, day + A_DAY
    for name, days in EXAMPLES.items():
        source = SHARED_DATA / name
        if chosen not in ("all", name):
            continue
        if not source.exists():
            print(f"{name} is not here and left out: {source}", file=sys.stderr)
            continue
        raw, prepare = folder / name, ROOT / "examples" / name / "prepare.py"
        subprocess.run(
            [sys.executable, str(prepare), "--source", str(source), "--out", str(raw)], check=True
        )
        for project in projects:
            shutil.copy(prepare.with_name("features.csv"), project / "seeds/scoring/features.csv")
        for as_of, run_date in days:
            yield name, raw, as_of, run_date


def refresh(project: Path, raw: Path, work: Path, day: date, run_date: date) -> None:
    """Refresh with the scripts of that version; UserError where nothing is published."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("HEALTH_")
    } | {
        "HEALTH_RAW_DIR": str(raw),
        "HEALTH_INBOX_DIR": str(work / "inbox"),
        "HEALTH_WAREHOUSE": str(work / "work" / "customer_health.duckdb"),
        "HEALTH_PUBLISH_DIR": str(work / "published"),
        "PYTHONPATH": str(project / "scripts"),
    }
    (work / "inbox").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(project / "scripts" / "refresh.py")]
    command += ["--run-date", str(run_date), "--as-of", str(day)]
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True)
    if done.returncode:
        raise UserError(1, f"{project.name}, {raw.name}, {day}:", done.stderr[-3000:])


def copies(work: Path) -> dict[str, bytes]:
    """The Parquet copies that readers see, without those that tell of runs."""
    folder = work / "published" / "current"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.parquet"))
        if path.stem.lstrip(".") not in OF_RUNS
    }


def compare(version: str, chosen: str, folder: Path) -> int:
    """Print what was compared, a line a night; the number of differences."""
    projects = [
        check_out(one, folder / name) for one, name in ((version, "other"), ("HEAD", "ours"))
    ]
    total = 0
    for name, raw, day, run_date in data_sets(chosen, folder / "data", projects):
        works = [folder / "work" / project.name / name for project in projects]
        for project, work in zip(projects, works, strict=True):
            refresh(project, raw, work, day, run_date)
        tables = differences(*(work / "work" / "customer_health.duckdb" for work in works))
        one, other = map(copies, works)
        unlike = [file for file in {**one, **other} if one.get(file) != other.get(file)]
        rows = {table: count for table, count in tables.items() if count}
        print(
            f"{name}, {day}: {len(tables)} tables, {sum(rows.values())} rows differ {rows or ''};"
            f" {len(one)} Parquet copies, {len(unlike)} differ {unlike or ''}",
            flush=True,
        )
        total += len(rows) + len(unlike)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", help="what git knows it by: a tag, a commit")
    parser.add_argument("--data", default="all", choices=["all", "sample", *EXAMPLES])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="versions_") as folder:
        try:
            return 1 if compare(options.version, options.data, Path(folder)) else 0
        except UserError as stop:
            print(f"{stop.what}\n{stop.next_step}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    run_command(main)
