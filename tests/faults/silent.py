"""Faults of data that no check of a single row sees, night after night on real refreshes: which
audit flags them, in which night, with which verdict.

    python tests/faults/silent.py                 every fault
    python tests/faults/silent.py cents keys      those whose names hold one of the words
    python tests/faults/silent.py --keep DIR      keeps the healthy nights for next time

The feed is the sample data, night by night as a warehouse would send it: what is new or changed.
"""

import argparse
import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import duckdb  # noqa: E402
from nights import as_known  # noqa: E402

SAMPLE = ROOT / "sample_data"
KEY = "b1946ac92492d2347c6235b4d2611184f0e5c7a39d8812b6e4f7035c9aa1d2e8"
FIRST, HEALTHY_NIGHTS = date(2026, 8, 12), 12
KEYS = {
    "accounts": "account_id",
    "subscriptions": "subscription_id",
    "support_tickets": "ticket_id",
    "survey_responses": "response_id",
    "invoices": "invoice_id",
    "csm_assessments": "assessment_id",
    "score_overrides": "override_id",
}
Row = dict[str, str]
Night = dict[str, list[Row]]


# ---------------------------------------------------------------------------------------- the feed


class Feed:
    """The sample data as they came night by night."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        for path in sorted(SAMPLE.glob("*/*.csv")):
            # The broken export of the sample is a fault of its own.
            if path.stem != "vendor_export":
                text = path.read_text(encoding="utf-8")
                self.rows.setdefault(path.parent.name, []).extend(csv.DictReader(io.StringIO(text)))
        with duckdb.connect() as connection:
            usage = connection.execute(
                f"select * exclude (_loaded_at) from '{SAMPLE}/usage_events/*.parquet'"
            )
            names = [column[0] for column in usage.description]
            self.usage: dict[date, list[Row]] = {}
            for values in usage.fetchall():
                row = {n: "" if v is None else str(v) for n, v in zip(names, values, strict=True)}
                with_day = re.match(r"\d{4}-\d\d-\d\d", row["event_at"])
                day = date.fromisoformat(with_day[0]) if with_day else FIRST
                self.usage.setdefault(day, []).append(row)

    def known(self, name: str, day: date) -> list[Row]:
        """Every row of an input as it was known at the end of a day."""
        rows = [as_known(row, day) for row in self.rows[name]]
        return [{k: v for k, v in row.items() if k != "_loaded_at"} for row in rows if row]

    def night(self, day: date, is_first: bool = False) -> Night:
        """What is sent in the night after a day: all rows up to it, or what is new or changed."""
        found: Night = {}
        for name in self.rows:
            before = [] if is_first else self.known(name, day - timedelta(1))
            seen = {tuple(row.items()) for row in before}
            found[name] = [row for row in self.known(name, day) if tuple(row.items()) not in seen]
        days = [one for one in self.usage if one <= day] if is_first else [day]
        found["usage_events"] = [
            dict(row) for one in sorted(days) for row in self.usage.get(one, [])
        ]
        return found


FEED: Feed


def send(night: Night, inbox: Path, day: date, suffix: str = "") -> None:
    """Write the files of a night: one per input that has rows."""
    for name, rows in night.items():
        if rows:
            path = inbox / name / f"{name}_{day}{suffix}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)


# -------------------------------------------------------------------------------------- the faults


@dataclass(frozen=True)
class Fault:
    """What happens to the files of the nights from the fault on; the audit that has to speak."""

    name: str
    change: Callable[[Night, date], None]
    audits: tuple[str, ...]
    nights: int = 1
    is_listed: bool = True


def each(name: str, column: str, value: Callable[[Row], str]) -> Callable[[Night, date], None]:
    """Change a column of an input in what comes that night."""

    def change(night: Night, _: date) -> None:
        for row in night[name]:
            row[column] = value(row)

    return change


def all_again(
    name: str, change: Callable[[Row], dict[str, str]], days: int = 0
) -> Callable[[Night, date], None]:
    """Send every record of an input again, changed; of the last `days` days only where given."""

    def send_again(night: Night, day: date) -> None:
        moment = {"invoices": "issued_at"}.get(name, "")
        rows = [dict(row) for row in FEED.known(name, day)]
        if days:
            rows = [row for row in rows if row[moment][:10] > str(day - timedelta(days))]
        night[name] = [row | change(row) for row in rows]

    return send_again


def times(text: str, factor: int) -> str:
    """A number, multiplied; what is none stays."""
    try:
        return str(Decimal(text) * factor)
    except ArithmeticError:
        return text


def usage_of_last_days_again(night: Night, day: date) -> None:
    days = [day - timedelta(n) for n in range(1, 91)]
    again = [dict(row) for one in days for row in FEED.usage.get(one, [])]
    night["usage_events"] += [row | {"event_id": f"again-{row['event_id']}"} for row in again]


def without_accounts(night: Night, _: date) -> None:
    night["usage_events"] = [
        row for row in night["usage_events"] if sum(row["account_id"].encode()) % 5 > 1
    ]


def only_usage(night: Night, _: date) -> None:
    for name in KEYS:
        night[name] = []


def no_files(night: Night, _: date) -> None:
    for name in night:
        night[name] = []


def no_tickets(night: Night, _: date) -> None:
    night["support_tickets"] = []


def six_times(night: Night, _: date) -> None:
    night["usage_events"] += [
        row | {"event_id": f"{row['event_id']}-{n}", "user_id": f"{row['user_id']}{n}"}
        for n in range(6)
        for row in list(night["usage_events"])[: len(night["usage_events"])]
    ][: 6 * len(night["usage_events"])]


def twice(night: Night, _: date) -> None:
    night["usage_events"] += [
        row | {"event_id": f"{row['event_id']}-b"} for row in night["usage_events"]
    ]


def half_a_day(night: Night, _: date) -> None:
    rows = sorted(night["usage_events"], key=lambda row: row["event_at"])
    night["usage_events"] = rows[: len(rows) * 3 // 10]


def priorities(night: Night, _: date) -> None:
    words = {"low": "P4", "normal": "P3", "high": "P2", "urgent": "P1"}
    for row in night["support_tickets"]:
        row["priority"] = words.get(row["priority"].strip().lower(), "P3")


def events_as_users(night: Night, _: date) -> None:
    for row in night["usage_events"]:
        row["user_id"] = row["event_id"]


FAULTS = [
    Fault("mrr in cents, whole export", all_again("subscriptions", lambda r: {
        "mrr": times(r["mrr"], 100)}), ("level_shift",)),
    Fault("mrr in cents, new rows only", each("subscriptions", "mrr", lambda r: times(
        r["mrr"], 100)), ("level_shift",), nights=4),
    Fault("ticket priority becomes P1 to P4", priorities, ("blanked_share",)),
    Fault("owner blank for all", all_again("accounts", lambda _: {"owner": ""}), ("fill_rate",)),
    Fault("user_id is the id of the event", events_as_users, ("new_users",)),
    Fault("event_count times 10", each("usage_events", "event_count", lambda r: times(
        r["event_count"] or "1", 10)), ("level_shift", "volume_high")),
    Fault("seconds as milliseconds", each("usage_events", "duration_seconds", lambda r: times(
        r["duration_seconds"], 1000)), ("level_shift",)),
    Fault("paid_at empty for a quarter", all_again("invoices", lambda _: {"paid_at": ""}, 90),
          ("lost_cells",)),
    Fault("usage of 40 % of the accounts stops", without_accounts,
          ("active_accounts", "volume_low"), nights=5),
    Fault("all inputs but usage stop", only_usage, ("silence",), nights=7),
    Fault("three months of usage again under new ids", usage_of_last_days_again,
          ("repeated_rows", "volume_high")),
    Fault("all tickets again under new ids", all_again("support_tickets", lambda r: {
        "ticket_id": f"again-{r['ticket_id']}"}), ("repeated_rows",)),
    Fault("tickets stop", no_tickets, ("silence",), nights=7),
    Fault("nights with an empty inbox", no_files, ("as_of_lag", "silence"), nights=2),
    Fault("a day with seven times the rows", six_times, ("volume_high",)),
    Fault("account ids of usage lose their prefix", each("usage_events", "account_id", lambda r: r[
        "account_id"].removeprefix("acct_")), ("unmatched_share",), is_listed=False),
    Fault("every user gets another id", each("usage_events", "user_id", lambda r: r["user_id"] and
          f"new-{r['user_id']}"), ("new_users",), is_listed=False),
    Fault("ended_at filled for all", all_again("subscriptions", lambda r: {
        "ended_at": r["ended_at"] or "2026-08-22"}), ("accounts_lost", "arr"), is_listed=False),
    Fault("the day is sent twice under other ids", twice, ("repeated_rows",), is_listed=False),
    Fault("a day ends at noon", half_a_day, ("volume_low",), is_listed=False),
    Fault("every account is marked as a test", all_again("accounts", lambda _: {
        "is_test": "true"}), ("accounts_lost", "empty_book"), is_listed=False),
]  # fmt: skip


# ----------------------------------------------------------------------------------- the refreshes


@dataclass
class Place:
    """An installation of its own."""

    folder: Path

    def environment(self) -> dict[str, str]:
        known = {k: v for k, v in os.environ.items() if not k.startswith("HEALTH_")}
        return known | {
            "HEALTH_INBOX_DIR": str(self.folder / "inbox"),
            "HEALTH_RAW_DIR": str(self.folder / "raw"),
            "HEALTH_WAREHOUSE": str(self.folder / "work" / "health.duckdb"),
            "HEALTH_PUBLISH_DIR": str(self.folder / "published"),
            "HEALTH_PSEUDONYM_KEY": KEY,
        }

    def refresh(self, day: date, *more: str) -> dict:
        """The refresh in the night after a day, as --json tells it."""
        import json

        command = [sys.executable, str(ROOT / "scripts" / "refresh.py"), "--json", "--empty-inbox"]
        command += ["--run-date", str(day + timedelta(1)), *more]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}") from None


def flagged(report: dict) -> list[dict]:
    return [one for one in report["audits"] if one["outcome"] != "good"]


def healthy_base(folder: Path) -> Place:
    """An installation that published every night of some healthy weeks."""
    place = Place(folder)
    for number in range(HEALTHY_NIGHTS):
        day = FIRST + timedelta(number)
        send(FEED.night(day, number == 0), folder / "inbox", day)
        report = place.refresh(day)
        for one in flagged(report):
            print(f"  {day}  {one['outcome']}: {one['text']}", flush=True)
        assert report["exit_code"] == 0, report["message"]
    return place


@dataclass
class Seen:
    """In which night of a fault something was said, and what; whether all of it was published
    without a word."""

    night: int = 0
    said: list[str] = field(default_factory=list)
    verdict: str = ""
    published_unseen: int = 0


def try_fault(base: Place, fault: Fault, folder: Path) -> Seen:
    """The nights of a fault, until something is said of it."""
    shutil.copytree(base.folder, folder, symlinks=True)
    place, seen = Place(folder), Seen()
    for number in range(fault.nights):
        day = FIRST + timedelta(HEALTHY_NIGHTS + number)
        night = FEED.night(day)
        # A night with nothing of the kind in it does not show the fault.
        before = {name: list(map(dict, rows)) for name, rows in night.items()}
        fault.change(night, day)
        send(night, folder / "inbox", day)
        report = place.refresh(day)
        if not report["audits"]:
            raise SystemExit(f"{fault.name}: {report['message']}")
        found = [one for one in flagged(report) if one["audit"] in fault.audits]
        if found:
            names = {
                one["audit"] if one["input"] == "*" else f"{one['audit']}:{one['input']}": one
                for one in flagged(report)
            }
            stops = any(one["outcome"] == "stopped" for one in flagged(report))
            return Seen(number + 1, sorted(names), "stop" if stops else "warn",
                        seen.published_unseen)  # fmt: skip
        seen.published_unseen += night != before and report["exit_code"] == 0
    return seen


def empty_feed(folder: Path) -> Seen:
    """A first refresh with accounts, subscriptions and a feed of usage that holds nothing."""
    night = FEED.night(FIRST, True)
    header = list(night["usage_events"][0])
    night = {name: night[name] for name in ("accounts", "subscriptions")}
    send(night, folder / "inbox", FIRST)
    path = folder / "inbox" / "usage_events" / "usage.csv"
    path.parent.mkdir(parents=True)
    path.write_text(",".join(header) + "\n", encoding="utf-8")
    report = Place(folder).refresh(FIRST)
    names = sorted(one["audit"] for one in flagged(report))
    stops = any(one["outcome"] == "stopped" for one in flagged(report))
    return Seen(1 if "empty_book" in names else 0, names, "stop" if stops else "warn")


def try_faults(words: list[str], keep: Path | None) -> int:
    """0 where every fault was seen, in the first night that shows it."""
    wanted = [f for f in FAULTS if not words or any(word in f.name for word in words)]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="silent_") as temporary:
        folder = keep or Path(temporary) / "base"
        base = Place(folder) if folder.exists() else healthy_base(folder)
        rows = [
            (fault.name, try_fault(base, fault, Path(temporary) / f"fault_{number}"))
            for number, fault in announced(wanted)
        ]
        if not words or any(word in "an empty usage feed" for word in words):
            rows.append(("an empty usage feed", empty_feed(Path(temporary) / "empty")))
    print("\n| fault | night | verdict | audits that spoke |\n|---|---|---|---|")
    for name, seen in rows:
        missed += not seen.night or bool(seen.published_unseen)
        unseen = f" ({seen.published_unseen} published unseen)" if seen.published_unseen else ""
        print(f"| {name} | {seen.night or 'not seen'}{unseen} | {seen.verdict} |"
              f" {', '.join(f'`{one}`' for one in seen.said)} |")  # fmt: skip
    print(f"\n{len(rows) - missed} of {len(rows)} faults seen before anything was published.")
    return 1 if missed else 0


def announced(faults: list[Fault]) -> Iterator[tuple[int, Fault]]:
    for number, fault in enumerate(faults):
        print(f"{fault.name} ...", flush=True)
        yield number, fault


def main() -> int:
    global FEED
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*", help="faults whose name holds one of these")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the healthy nights are")
    options = parser.parse_args()
    FEED = Feed()
    return try_faults(options.words, options.keep)


if __name__ == "__main__":
    sys.exit(main())
