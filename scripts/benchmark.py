"""Generate data of any size for a benchmark: raw inputs, and the inputs of the day after."""

import argparse
import hashlib
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import duckdb
from arguments import a_day, at_least_one
from benchmark_data.generate import generate
from benchmark_data.size import LAST_DAY, SEEDS, Size
from last_build import NotThere, run_command

ROOT = Path(__file__).resolve().parents[1]
EPILOG = """examples:
  python scripts/benchmark.py --events 20000000 --accounts 20000 --days 400 --out build/benchmark
  python scripts/benchmark.py --events 1000000 --accounts 2000 --generate-only --out build/raw_1m
"""


def data_id(size: Size) -> str:
    """What the generated rows depend on: sizes, the generator, the seeds it reads and DuckDB."""
    sources = sorted((ROOT / "scripts" / "benchmark_data").glob("*.py"))
    sources += [SEEDS / "features.csv", SEEDS / "segments.csv"]
    known = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    facts = {**asdict(size), "generator": known, "duckdb": duckdb.__version__}
    return json.dumps(facts, default=str, sort_keys=True)


def prepare_data(size: Size, out: Path) -> float:
    """The data below `out`, as of the last day; made unless they are there. Seconds that it took.

    NotThere when `out` holds something else.
    """
    start = perf_counter()
    made = out / "data.json"
    if out.exists() and any(out.iterdir()) and not made.exists():
        raise NotThere(f"{out} holds something else: name a new or empty folder with --out.")
    if not made.exists() or made.read_text() != data_id(size):
        out.mkdir(parents=True, exist_ok=True)
        # The marker stays while the data are made anew: the folder is ours.
        made.write_text("")
        for name in ("raw", "next_day"):
            shutil.rmtree(out / name, ignore_errors=True)
        generate(size, out / "raw", out / "next_day")
        made.write_text(data_id(size))
    for link in (out / "raw").glob("*/next_day.parquet"):
        link.unlink()
    return perf_counter() - start


def share(text: str) -> float:
    """A number above 0 and at most a half, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 0.5:
        raise argparse.ArgumentTypeError(f"has to be above 0 and at most 0.5, not {text[:40]}")
    return value


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = found.add_argument
    add("--events", type=at_least_one, default=1_000_000, help="usage events (default 1000000)")
    add("--accounts", type=at_least_one, default=2_000, help="at least 50 (default 2000)")
    add("--days", type=at_least_one, default=400, help="days of usage, at least 60 (default 400)")
    add("--skew", type=share, default=0.05, help="the largest account's share (default 0.05)")
    add("--seed", type=at_least_one, default=1, help="another one gives other rows (default 1)")
    add("--last-day", type=a_day, default=LAST_DAY, help=f"(default {LAST_DAY})")
    add("--out", type=Path, default=Path("build/benchmark"), help="(default build/benchmark)")
    add("--generate-only", action="store_true", help="write the data and stop")
    return found


def main() -> int:
    asked = parser()
    options = asked.parse_args()
    if options.accounts < 50 or options.days < 60 or options.events < 10 * options.accounts:
        asked.error("needs at least 50 accounts, 60 days and 10 events per account")
    size = Size(
        options.events,
        options.accounts,
        options.days,
        options.skew,
        options.seed,
        options.last_day,
    )
    out = options.out.absolute()
    try:
        seconds = prepare_data(size, out)
    except NotThere as problem:
        print(problem, file=sys.stderr)
        return 2
    print(f"Data ready in {seconds:.0f} s: {out}/raw, the next day in {out}/next_day")
    return 0


if __name__ == "__main__":
    run_command(main)
