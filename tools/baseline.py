"""Run tools/baseline.sql, or the scan that nothing can do without, on typed Parquet inputs.

Usage:
    python tools/baseline.py --raw-dir DIR --run-date YYYY-MM-DD --to FILE.duckdb
    python tools/baseline.py --raw-dir DIR --floor

HEALTH_MEMORY_LIMIT holds as for a build (profiles.yml); threads are DuckDB's default in both. Exit:
0 made, 1 stopped, 2 usage.
"""

import argparse
import json
import os
import re
import sys
from datetime import date
from pathlib import Path
from time import perf_counter

import duckdb
from arguments import a_day
from customer_health.console import run_command
from customer_health.inputs.raw_files import literal

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "tools" / "baseline.sql"
# As profiles.yml has it.
STORAGE = {"storage_compatibility_version": "v1.4.0"}
# What the computation cannot do without: keys and versions of every record, and what is measured.
NEEDED = {
    "accounts": "account_id industry created_at is_test deleted_at updated_at _loaded_at",
    "subscriptions": (
        "subscription_id account_id plan seats mrr currency is_trial auto_renew started_at"
        " term_ends_at ended_at updated_at _loaded_at"
    ),
    "usage_events": (
        "event_id account_id user_id event_at feature duration_seconds event_count _loaded_at"
    ),
    "support_tickets": (
        "ticket_id account_id opened_at solved_at priority reopen_count csat_score updated_at"
        " _loaded_at"
    ),
    "survey_responses": (
        "response_id account_id user_id responded_at survey_type score _loaded_at"
    ),
    "invoices": (
        "invoice_id account_id issued_at due_at paid_at amount currency kind updated_at _loaded_at"
    ),
    "csm_assessments": "assessment_id account_id assessed_at sentiment _loaded_at",
    "score_overrides": "override_id account_id score starts_at expires_at _loaded_at",
}


def connect(path: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB file with the memory and the storage format that a build has."""
    limit = os.environ.get("HEALTH_MEMORY_LIMIT", "6GB")
    return duckdb.connect(path, config={"memory_limit": limit, **STORAGE})


def scan(raw_dir: Path) -> None:
    """Read every needed value of every input once; it has to be decoded to be hashed."""
    with connect(":memory:") as connection:
        for name, columns in NEEDED.items():
            hashes = ", ".join(f"bit_xor(hash({column}))" for column in columns.split())
            connection.execute(
                f"select {hashes} from read_parquet(?)", [f"{literal(raw_dir / name)}/*.parquet"]
            ).fetchall()


def compute(raw_dir: Path, seed_dir: Path, run_date: date, warehouse: Path) -> dict[str, float]:
    """Make the tables in a new DuckDB file. Returns the seconds of every table, in their order."""
    seconds: dict[str, float] = {}
    with connect(str(warehouse)) as connection:
        for name, value in (("raw_dir", raw_dir), ("seed_dir", seed_dir), ("run_date", run_date)):
            kind = "date" if name == "run_date" else "varchar"
            connection.execute(f"set variable {name} = cast(? as {kind})", [str(value)])
        for statement in duckdb.extract_statements(SCRIPT.read_text(encoding="utf-8")):
            start = perf_counter()
            connection.execute(statement)
            made = re.search(r"^create (?:temp )?table (\S+)", statement.query, re.MULTILINE)
            table = made[1] if made else "the rest"
            seconds[table] = seconds.get(table, 0) + perf_counter() - start
    return seconds


def main() -> int:
    """Compute or scan; with --seconds FILE, write what every table took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--raw-dir", type=Path, required=True, help="folder with one folder per input, Parquet")
    add("--seed-dir", type=Path, default=ROOT / "seeds" / "scoring", help="(default seeds/scoring)")
    add("--run-date", type=a_day, help="the day on which the run takes place")
    add(
        "--to", type=Path, metavar="FILE", help="DuckDB file to make; one that is there is replaced"
    )
    add("--seconds", type=Path, metavar="FILE", help="write the seconds of every table as JSON")
    add("--floor", action="store_true", help="only read the columns that are needed")
    options = parser.parse_args()
    if options.floor:
        scan(options.raw_dir)
        return 0
    if not options.run_date or not options.to:
        parser.error("needs --run-date and --to, or --floor")
    options.to.parent.mkdir(parents=True, exist_ok=True)
    if options.to.exists():
        with options.to.open("rb") as file:
            if file.read(12)[8:] != b"DUCK":
                parser.error(f"{options.to} is no DuckDB file; it is left as it is")
        options.to.unlink()
    try:
        seconds = compute(options.raw_dir, options.seed_dir, options.run_date, options.to)
    except duckdb.Error as reason:
        print(f"tools/baseline.sql stopped: {reason}", file=sys.stderr)
        return 1
    if options.seconds:
        options.seconds.write_text(json.dumps(seconds, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    run_command(main)
