"""A year of healthy nights on real refreshes: how often an audit stops or warns, and how far each
audit went without a fault.

    python tests/faults/healthy_year.py                         the year, about an hour
    python tests/faults/healthy_year.py --nights 183            its first half
    python tests/faults/healthy_year.py --skip 182              its second half, beside the first

The feed is the sample data night by night, with what a healthy year has besides: holidays, the ends
of months, a price rise, a new enterprise customer, two nights whose files come with the next one.
The builds leave out dbt's data tests, which say nothing of the audits.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import silent
from customer_health import dbt_runner
from customer_health.errors import UserError
from customer_health.refresh import locking
from customer_health.refresh import run as refresh
from customer_health.settings import read_settings
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from silent import ROOT, Night, Place, Row, flagged, send

FIRST_NIGHT, NIGHTS = date(2025, 9, 30), 365
HOLIDAYS = {
    date(2025, 11, 27), date(2025, 12, 24), date(2025, 12, 25), date(2025, 12, 26),
    date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6), date(2026, 7, 3),
}  # fmt: skip
PRICE_RISE, NEW_CUSTOMER = date(2026, 2, 1), date(2026, 4, 13)
LATE = {date(2025, 11, 12), date(2026, 5, 20)}
BIG = "acct_enterprise"


def number_of(row: Row) -> int:
    """A number that a row always has, for drawing."""
    return sum(row["event_id"].encode()) * 7919 % 100


def raised(mrr: str) -> str:
    """A price after the rise; what is no number stays."""
    try:
        return str((Decimal(mrr) * Decimal("1.08")).quantize(Decimal("0.01")))
    except ArithmeticError:
        return mrr


def blank(name: str) -> Row:
    """A row of an input without a value."""
    rows = silent.FEED.usage[FIRST_NIGHT] if name == "usage_events" else silent.FEED.rows[name]
    return {column: "" for column in rows[0] if column != "_loaded_at"}


def healthy(night: Night, day: date, is_first: bool = False) -> Night:
    """A night of the sample with what a year brings."""
    if day in HOLIDAYS:
        night["usage_events"] = [r for r in night["usage_events"] if number_of(r) < 15]
        night["support_tickets"] = night["support_tickets"][:1]
    if (day + timedelta(2)).month != day.month and day.weekday() < 5 and not is_first:
        # Reports at the end of a month: half as much again, of those who were there last week.
        have = {(r["account_id"], r["user_id"], r["feature"]) for r in night["usage_events"]}
        night["usage_events"] += [
            row | {"event_id": f"{row['event_id']}-m", "event_at": f"{day} 10:00:00"}
            for row in silent.FEED.usage.get(day - timedelta(7), [])
            if number_of(row) < 60
            and (row["account_id"], row["user_id"], row["feature"]) not in have
        ]
    if day >= PRICE_RISE:
        everybody = silent.FEED.known("subscriptions", day)
        rows = everybody if day == PRICE_RISE else night["subscriptions"]
        night["subscriptions"] = [row | {"mrr": raised(row["mrr"])} for row in rows]
    if day >= NEW_CUSTOMER:
        night["usage_events"] += [
            {**blank("usage_events"), "event_id": f"big-{day}-{n}",
             "account_id": BIG, "user_id": f"big{n}", "event_at": f"{day} 09:00:00",
             "feature": "login", "duration_seconds": "600", "event_count": "3"}
            for n in range(220 if day.weekday() < 5 else 15)
        ]  # fmt: skip
    if day == NEW_CUSTOMER:
        night["accounts"] += [
            {**blank("accounts"), "account_id": BIG,
             "account_name": "Enterprise", "owner": "Ines Calloway",
             "created_at": f"{day} 08:00:00", "is_test": "false"}
        ]  # fmt: skip
        night["subscriptions"] += [
            {**blank("subscriptions"), "subscription_id": "S-big",
             "account_id": BIG, "plan": "enterprise", "seats": "400", "mrr": "18000",
             "currency": "EUR", "is_trial": "false", "auto_renew": "true",
             "started_at": str(day), "term_ends_at": str(day.replace(year=2027))}
        ]  # fmt: skip
    return night


class WithoutTests(refresh.Refresh):
    """A refresh whose build leaves out the data tests, by a dbt that has read the project once."""

    manifest = None

    def build(self, lock: int) -> dbt_runner.Build:
        os.environ |= dbt_runner.environment(self.settings)
        os.environ |= {
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }
        where = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
        if WithoutTests.manifest is None:
            WithoutTests.manifest = dbtRunner().invoke(["parse", "--quiet", *where]).result
        arguments = ["build", "--quiet", "--exclude-resource-type", "unit_test", "test", *where]
        arguments += ["--vars", json.dumps({"run_date": str(self.run_date), "as_of_date": ""})]
        done = dbtRunner(manifest=WithoutTests.manifest).invoke(arguments)
        assert done.success, done.exception
        DuckDBConnectionManager.close_all_connections()
        return dbt_runner.Build()


def run_night(day: date, accept: Sequence[str] = ()) -> dict:
    """One night, as its report tells."""
    options = refresh.Options(
        run_date=day + timedelta(1),
        empty_inbox=True,
        ignore_disk=True,
        accept=accept,
        reason="A healthy night" if accept else None,
    )
    places = read_settings()
    with locking.hold(places.lock, "refresh") as lock:
        one = WithoutTests(options, places, refresh.Reporter())
        one.tell = lambda step, text: None  # type: ignore[method-assign]
        try:
            one.go(lock)
            refresh.end(one, 0, "", "")
        except UserError as stop:
            refresh.end(one, stop.code, stop.what, stop.next_step)
        one.record()
    return one.report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--skip", type=int, default=0, help="begin so many nights later")
    options = parser.parse_args()
    silent.FEED = silent.Feed()
    counts: Counter[str] = Counter()
    farthest: dict[str, tuple[float, str]] = {}
    with tempfile.TemporaryDirectory(prefix="healthy_year_") as temporary:
        os.environ.update(Place(Path(temporary)).environment())
        first = FIRST_NIGHT + timedelta(options.skip)
        for number in range(options.nights + 1):
            day = first + timedelta(number)
            night = healthy(silent.FEED.night(day, not number), day, not number)
            send(night, Path(temporary) / "inbox", day)
            if day in LATE:
                continue
            report = run_night(day)
            for one in report["audits"]:
                value = one["value"]
                is_farther = value is not None and (
                    value < farthest.get(one["audit"], (9e9,))[0]
                    if one["audit"] == "volume_low"
                    else value > farthest.get(one["audit"], (-1,))[0]
                )
                if one["outcome"] == "good" and is_farther:
                    farthest[one["audit"]] = (float(value), one["text"])
            for one in flagged(report):
                counts[one["outcome"]] += 1
                print(f"{day}  {one['outcome']}: {one['audit']}:{one['input']} {one['value']}"
                      f" {one['text']}", flush=True)  # fmt: skip
            if report["exit_code"]:
                again = run_night(day, [one["audit"] for one in flagged(report)])
                assert again["exit_code"] == 0, again["message"]
            elif number % 20 == 0:
                print(f"{day}  published", flush=True)
    print(f"\n{options.nights} nights: {counts['stopped']} stops, {counts['warned']} warnings.")
    print("\n| audit | farthest of a healthy night |\n|---|---|")
    for name, (value, text) in sorted(farthest.items()):
        print(f"| `{name}` | {value:.4g}: {text} |")
    return 0 if counts["stopped"] <= 3 and counts["warned"] <= 12 else 1


if __name__ == "__main__":
    sys.exit(main())
