"""An installation of its own for a test: inbox, raw folder, working file, published folder; its
commands run as a person or a schedule would run them."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from customer_health.inputs.raw_files import path_sql
from customer_health.refresh.auditing import NEVER_ACCEPTED, NEXT_STEPS
from project import without_data_tests, write_csv, write_two_accounts

# As random as a real one, and known to everybody: for tests only.
KEY = "9d1f4b7ac03e8526f1b94d7e60a3c8512ed7049bfa6c3185d20e97b4618fa35c"
OTHER_KEY = "51c7e09a3db8f2460e9a7d15bc83f46270d1ea958cb3476fe20d8491a5b6c3f7"
# Whatever an audit says of a few invented rows.
AUDITS = sorted(set(NEXT_STEPS) - set(NEVER_ACCEPTED))
ACCEPT_ALL = [*(word for name in AUDITS for word in ("--accept", name)), "--reason", "A test"]
CANARY = "canary-5f0c2a-secret"
DAY = "2026-02-28"
HEADER = "event_id,account_id,user_id,event_at,feature"


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, what it printed, and where."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """An installation of its own: inbox, raw folder, working file, published folder. Its project
    has none of dbt's tests unless given: what a refresh does but for them is the same."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    project: Path = field(default_factory=without_data_tests)

    def __getattr__(self, name: str) -> Path:
        if name in ("inbox", "raw", "published"):
            return self.folder / name
        raise AttributeError(name)

    @property
    def warehouse(self) -> Path:
        return self.folder / "work" / "customer_health.duckdb"

    @property
    def serving(self) -> Path:
        return self.published / "current" / "customer_health.duckdb"

    def variables(self) -> dict[str, str]:
        known = {k: v for k, v in os.environ.items() if not k.startswith("HEALTH_")}
        return known | {
            "HEALTH_INBOX_DIR": str(self.inbox),
            "HEALTH_RAW_DIR": str(self.raw),
            "HEALTH_WAREHOUSE": str(self.warehouse),
            "HEALTH_PUBLISH_DIR": str(self.published),
            "HEALTH_PSEUDONYM_KEY": KEY,
            "DBT_ENV_SECRET_CANARY": CANARY,
            "CANARY": CANARY,
            **self.environment,
        }

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.project / "scripts" / script), *arguments],
            env=self.variables(),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str) -> Done:
        process = self.start(script, *arguments)
        out, err = process.communicate()
        return Done(process.returncode, out, err)

    def refresh(self, *arguments: str) -> Done:
        return self.run("refresh.py", "--run-date", DAY, *arguments)

    def rows(self, sql: str, file: Path | None = None) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(file or self.serving), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def files(self) -> dict[str, bytes]:
        """What readers see, byte for byte, but for what remembers runs."""
        folder = self.published / "current"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*.parquet"))
            if path.stem.lstrip(".") not in ("mart_status", "fct_published_scores", "memory")
        }

    def copy(self, goal: Path) -> "Place":
        shutil.copytree(self.folder, goal, symlinks=True)
        return Place(goal, self.environment, self.project)

    def accounts(self) -> "Accounts":
        """What became of every row: of the files sent, as Python reads them; of the landed files
        that count, by their metadata; of the rows read, by what is published."""
        landed = {}
        for path in sorted(self.raw.glob("*/batch*.parquet")):
            known = dict(
                rows_in(
                    f"select decode(key), decode(value) from parquet_kv_metadata({path_sql(path)})"
                )
            )
            if "batches" in known:
                for one in json.loads(known["batches"])["batches"]:
                    landed[one["sha256"]] = (one["rows_received"], one["rows_erased"])
                continue
            received, erased = int(known["rows_received"]), int(known["rows_erased"])
            landed[known["source_sha256"]] = (received, erased)
        unlike = 0
        for path in sorted(self.inbox.rglob("*")):
            if path.suffix in (".csv", ".parquet") and path.parent.name != "set_aside":
                sha = hashlib.sha256(path.read_bytes()).hexdigest()
                unlike += abs(rows_of(path) - landed.get(sha, (0, 0))[0])
        counts = "sum(accepted_rows), sum(duplicate_rows), sum(rejected_rows)"
        (sums,) = self.rows(f"select {counts} from marts.source_reconciliation")
        accepted, duplicate, rejected = map(int, sums)
        received, erased = (sum(one[n] for one in landed.values()) for n in (0, 1))
        return Accounts(received, accepted, duplicate, rejected, erased, unlike)


@dataclass(frozen=True)
class Accounts:
    """Rows ever landed and what became of them; `not_landed` were sent and not landed."""

    landed: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    erased: int = 0
    not_landed: int = 0

    def __add__(self, other: "Accounts") -> "Accounts":
        return Accounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def lost(self) -> int:
        known = self.accepted + self.duplicate + self.rejected + self.erased
        return abs(self.landed - known) + self.not_landed


def rows_in(query: str) -> list[tuple[Any, ...]]:
    """Rows of a query in a database of its own: two threads cannot share DuckDB's common one."""
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def rows_of(path: Path) -> int:
    """Rows of a file of the inbox."""
    if path.suffix == ".parquet":
        return rows_in(f"select count(*) from read_parquet({path_sql(path)})")[0][0]
    with path.open(encoding="utf-8", newline="") as file:
        return max(0, sum(1 for _ in csv.reader(file)) - 1)


def more_events(place: Place, file: str, days: range, header: str = "") -> Path:
    """A file of usage in the inbox, one event of a1 on each of those days of February."""
    header = header or HEADER
    rows = [f"x{file}{n},a1,person-9@example.com,2026-02-{n:02},search" for n in days]
    return write_csv(place.inbox, "usage_events", [header, *rows], f"{file}.csv")


def write_a_while_ago(place: Place) -> None:
    """Make the files of the inbox older than what may still be being written."""
    for path in place.inbox.glob("*/*"):
        if path.is_file():
            os.utime(path, (path.stat().st_mtime - 120,) * 2)


def fill_inbox(place: Place) -> None:
    """Two accounts, and their usage with users."""
    write_two_accounts(place.inbox, "login")
    events = [
        f"e{day},a{day % 2 + 1},person-{day % 4}@example.com,2026-02-{day:02},login"
        for day in range(1, 28)
    ]
    write_csv(place.inbox, "usage_events", [HEADER, *events])


def retyped(place: Place) -> None:
    """A file of usage whose account and moment are whole numbers."""
    path = place.inbox / "usage_events" / "typed.parquet"
    rows_in(
        "copy (select 'p' || range as event_id, range as account_id, 20260203 as event_at,"
        f" 'login' as feature from range(10)) to '{path}'"
    )
