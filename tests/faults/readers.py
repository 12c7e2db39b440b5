"""Read what is published, all the while, from several processes, and see one run in every read.

Usage:
    python tests/faults/readers.py                              # 20 refreshes, 1,000 reads
    python tests/faults/readers.py --refreshes 3 --reads 100  # what the tests run

Every refresh has new data, so that no two states are alike. A read opens the published DuckDB file
read-only, or the Parquet copies of the version that `current` names, and asks every table for the
state it is of: the run ids, the day, the version of the formula, the numbers of rows and accounts.
Exit 0 when no read failed and every one saw one run in all tables.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import duckdb  # noqa: E402
from place import ACCEPT_ALL, HEADER, Place, fill_inbox  # noqa: E402
from project import write_csv  # noqa: E402

FIRST_DAY = date(2026, 2, 28)
# What each table tells of the state it is of. Every refresh has a day and rows more than the last.
STATE = {
    "run": "select max(run_id) from {mart_status}",
    "run said": "select max(run_id) from {fct_published_scores}",
    "runs": "select count(*) from {mart_status}",
    "runs said": "select count(distinct run_id) from {fct_published_scores}",
    "day": "select max(as_of_date) from {mart_status}",
    "day scored": "select max(score_date) from {customer_health}",
    "last day of scores": "select max(score_date) from {fct_health_scores}",
    "last day of drivers": "select max(score_date) from {fct_health_drivers}",
    "last day of segments": "select max(score_date) from {segment_health}",
    "last day of metrics": "select max(score_date) from {metrics_usage}",
    "rows": "select max_by(raw_rows, run_id) from {mart_status}",
    "rows received": "select sum(raw_rows) from {source_reconciliation}",
    "events a day": "select sum(usage_change_28d) is not null from {metrics_usage}",
    "formula": "select max_by(scoring_version, run_id) from {mart_status}",
    "formula of scores": "select max(scoring_version) from {customer_health}",
}
EQUAL = (
    ("run", "run said", "run of the manifest"),
    ("runs", "runs said"),
    ("day", "day scored", "last day of scores", "last day of drivers", "last day of segments",
     "last day of metrics"),
    ("rows", "rows received"),
    ("formula", "formula of scores"),
)  # fmt: skip


def read_file(published: Path) -> dict[str, str]:
    """One read of the DuckDB file, as a BI tool opens it: by the name that does not change."""
    path = published / "current" / "customer_health.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        return ask(connection, lambda schema, name: f"{schema}.{name}")


def read_copies(published: Path) -> dict[str, str]:
    """One read of the Parquet copies and the manifest of the version that is current."""
    folder = (published / "current").resolve()
    with duckdb.connect() as connection:
        seen = ask(connection, lambda schema, name: f"'{folder / schema / name}.parquet'")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return seen | {"run of the manifest": manifest["run_id"]}


def ask(connection: duckdb.DuckDBPyConnection, source) -> dict[str, str]:
    names = {
        name: source("metrics" if name.startswith("metrics_") else "marts", name)
        for sql in STATE.values()
        for name in [sql.split("{")[1].split("}")[0]]
    }
    return {
        what: str(connection.execute(sql.format(**names)).fetchall()[0][0])
        for what, sql in STATE.items()
    }


def faults_of(seen: dict[str, str]) -> list[str]:
    """What does not belong together in one read, in words."""
    faults = []
    for names in EQUAL:
        values = {name: seen[name] for name in names if name in seen}
        if len(set(values.values())) > 1:
            faults.append(", ".join(f"{name} {value}" for name, value in values.items()))
    return faults


def read_until(published: Path, stop: Path) -> dict[str, object]:
    """Read again and again until a file `stop` is there, and once more; what was seen."""
    runs: Counter[str] = Counter()
    errors, apart = [], []
    number = 0
    is_last = False
    while not is_last:
        is_last = stop.exists()
        number += 1
        try:
            seen = (read_file if number % 2 else read_copies)(published)
            runs[seen["run"]] += 1
            apart += faults_of(seen)
        except Exception as error:  # every error of a reader counts, whatever it is
            errors.append(f"{type(error).__name__}: {error}"[:300])
        time.sleep(0.05)
    return {"runs": runs, "errors": errors, "apart": apart}


def one_day_more(place: Place, number: int) -> None:
    """A day of usage more, with a row more than any day before."""
    day = FIRST_DAY + timedelta(number)
    rows = [f"n{number}_{n},a{n % 2 + 1},person-{n}@example.com,{day},login"
            for n in range(number + 2)]  # fmt: skip
    write_csv(place.inbox, "usage_events", [HEADER, *rows], f"day_{number:03}.csv")


def measure(folder: Path, refreshes: int, readers: int, reads: int) -> dict[str, object]:
    """Refresh so often while so many processes read; go on reading until there were `reads`."""
    place = Place(folder / "place", project=ROOT)
    fill_inbox(place)
    first = place.refresh()
    assert first.code == 0, first.err
    stop = folder / "stop"
    command = [sys.executable, __file__, "--reader", str(place.published), str(stop)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(readers)
    ]
    failed = []
    for number in range(1, refreshes + 1):
        one_day_more(place, number)
        done = place.run("refresh.py", "--run-date", str(FIRST_DAY + timedelta(number + 1)),
                         *ACCEPT_ALL)  # fmt: skip
        if done.code:
            failed.append(done.err[-500:])
    seen = []
    deadline = time.monotonic() + 60
    stop.touch()
    for process in processes:
        out, _ = process.communicate(timeout=max(1, deadline - time.monotonic()))
        seen.append(json.loads(out))
    runs: Counter[str] = Counter()
    for one in seen:
        runs.update(one["runs"])
    return {
        "refreshes": refreshes,
        "failed": failed,
        "readers": readers,
        "reads": sum(runs.values()),
        "wanted": reads,
        "runs": dict(sorted(runs.items())),
        "errors": [error for one in seen for error in one["errors"]],
        "apart": [fault for one in seen for fault in one["apart"]],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--refreshes", type=int, default=20)
    parser.add_argument("--readers", type=int, default=3, help="processes that read")
    parser.add_argument("--reads", type=int, default=1000, help="the fewest reads that count")
    parser.add_argument("--reader", nargs=2, metavar=("PUBLISHED", "STOP"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        print(json.dumps(read_until(*map(Path, options.reader))))
        return 0
    with tempfile.TemporaryDirectory(prefix="readers_", dir=os.environ.get("TMPDIR")) as name:
        found = measure(Path(name), options.refreshes, options.readers, options.reads)
    errors, apart, failed = found["errors"], found["apart"], found["failed"]
    for text in [*errors, *apart, *failed]:
        print(text)
    print(
        f"{found['refreshes']} refreshes, {len(failed)} failed; {found['reads']:,} reads by"
        f" {found['readers']} processes saw {len(found['runs'])} runs:"
        f" {len(errors)} errors, {len(apart)} reads that saw two runs"
    )
    enough = found["reads"] >= found["wanted"] and len(found["runs"]) > found["refreshes"] // 2
    if not enough:
        print(f"Too few reads or runs seen to tell; wanted {found['wanted']:,} reads")
    return 0 if enough and not errors and not apart and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
