"""Hold what was built against what was published and against seeds/scoring/trust.csv. Nothing here
changes a number: an audit says that a state may be published, may be with a warning, or may not."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import raw_files

from nightly import landing
from nightly.places import SERVING_FILE, Places
from nightly.publishing import attach, read_manifest

# Staging keeps days of some moments only.
DAYS = {
    "started_at": "started_on",
    "issued_at": "issued_on",
}
NEXT_STEPS = {
    "rejected_share": "look at marts.rejected_records of the working file by input and reason",
    "rows_lost_share": "ask the source whether rows were taken back; land the missing files",
    "arr_lost_share": "look whether a column such as mrr, seats or currency is gone or empty",
    "coverage_lost_share": "look which inputs or columns are gone or empty: is_missing in"
    " fct_health_drivers",
    "accounts_lost_share": "compare dim_accounts with the published one: is_scored, deleted_at",
    "grade_changes_share": "look at fct_score_changes of the working file for the cause",
    "days_stale": "look whether the feed runs: its files did not come",
    "days_ahead": "look at the clock of the source, and at its time zone",
    "volume_low_share": "ask the source for the rest of that day; score nobody by a broken feed",
    "volume_high_ratio": "ask the source whether rows were sent twice under new ids",
    "landed_rows": "look for raw files that were changed by hand",
}


@dataclass(frozen=True)
class Finding:
    """An audit that looked at something: what it saw, its limit, whether that is within it."""

    audit: str
    input: str
    value: Decimal | None
    limit: Decimal | None
    action: str
    is_good: bool
    text: str

    @property
    def is_stopping(self) -> bool:
        return not self.is_good and self.action == "stop"


@dataclass(frozen=True)
class Limit:
    """A row of trust.csv."""

    audit: str
    input: str
    value: Decimal
    min_rows: int
    action: str

    def speaks_of(self, rows: int) -> bool:
        """Whether so many rows are enough to judge by."""
        return rows >= max(1, self.min_rows)


def read_limits(connection: duckdb.DuckDBPyConnection) -> list[Limit]:
    rows = connection.execute(
        "select audit, input, limit_value, coalesce(min_rows, 1), action from working.seeds.trust"
        " order by audit, input"
    ).fetchall()
    return [Limit(*row) for row in rows]


def limits_of(limits: list[Limit], audit: str, inputs: list[str]) -> dict[str, Limit]:
    """The limit of an audit for each of the inputs: its own row, else that of all (*)."""
    own = {limit.input: limit for limit in limits if limit.audit == audit}
    return {name: own.get(name) or own["*"] for name in inputs if name in own or "*" in own}


MILLIONTH = Decimal("0.000001")


def percent(share: Decimal) -> str:
    return f"{share * 100:.1f} %"


def ratio(part: int, whole: int) -> Decimal:
    return (Decimal(part) / Decimal(whole)).quantize(MILLIONTH)


def judge(limit: Limit, value: Decimal | None, is_good: bool, text: str) -> Finding:
    return Finding(limit.audit, limit.input, value, limit.value, limit.action, is_good, text)


class Audit:
    """The audits of one state: the working file, held against the version `former` if there is
    one."""

    def __init__(self, places: Places, run_date: date, former: Path | None) -> None:
        self.places, self.run_date, self.former = places, run_date, former
        self.connection = duckdb.connect()
        attach(self.connection, places.warehouse, "working")
        self.is_first = former is None
        if former:
            attach(self.connection, former / SERVING_FILE, "published")
        self.limits = read_limits(self.connection)
        self.inputs = {
            name: (raw, accepted, rejected)
            for name, raw, accepted, rejected in self.connection.execute(
                "select input, raw_rows, accepted_rows, rejected_rows"
                " from working.marts.source_reconciliation order by input"
            ).fetchall()
        }

    def close(self) -> None:
        self.connection.close()

    def one(self, sql: str, *values: Any) -> Any:
        """The one value of a query."""
        row = self.connection.execute(sql, list(values)).fetchone()
        return row[0] if row else None

    def run(self) -> list[Finding]:
        """Every audit, in the order in which a person would look."""
        return [
            *self.landed_rows(),
            *self.rejected_share(),
            *self.rows_lost(),
            *self.accounts_lost(),
            *self.sums_lost(),
            *self.grade_changes(),
            *self.freshness(),
            *self.volume(),
        ]

    def landed_rows(self) -> list[Finding]:
        """Every landed row was read: rows received = rows read + rows erased. Not a matter of
        limits."""
        found = []
        sums: dict[str, int] = {}
        for name, batch in landing.batches(self.places):
            kept = batch.rows_received - batch.rows_erased
            sums[name] = sums.get(name, 0) + kept
        for name, rows in sums.items():
            read = self.inputs[name][0]
            others = len(list((self.places.raw / name).glob("*.parquet"))) - len(
                landing.landed_files(self.places.raw, name)
            )
            if not others:
                text = f"{name}: {rows:,} landed rows, {read:,} read"
                found.append(Finding("landed_rows", name, None, None, "stop", rows == read, text))
        return found

    def rejected_share(self) -> list[Finding]:
        """Of the rows that came since the last publication; of all before the first, or where rows
        were taken back."""
        found = []
        limits = limits_of(self.limits, "rejected_share", list(self.inputs))
        before: dict[str, tuple[int, int]] = {}
        if not self.is_first:
            before = {
                name: (raw, rejected)
                for name, raw, rejected in self.connection.execute(
                    "select input, raw_rows, rejected_rows"
                    " from published.marts.source_reconciliation"
                ).fetchall()
            }
        for name, limit in limits.items():
            raw, _, rejected = self.inputs[name]
            raw_before, rejected_before = before.get(name, (0, 0))
            if raw >= raw_before:
                raw, rejected = raw - raw_before, max(0, rejected - rejected_before)
            if limit.speaks_of(raw):
                share = min(Decimal(1), ratio(rejected, raw))
                new = "new " if raw_before else ""
                text = f"{name}: {rejected:,} of {raw:,} {new}rows rejected, {percent(share)}"
                found.append(judge(limit, share, share <= limit.value, text))
        return found

    def rows_lost(self) -> list[Finding]:
        """Accepted rows that were there when last published, and are not any more."""
        if self.is_first:
            return []
        found = []
        before = dict(
            self.connection.execute(
                "select input, accepted_rows from published.marts.source_reconciliation"
            ).fetchall()
        )
        erased_before = read_manifest(self.former).get("erased_rows", {})
        erased = landing.erased_rows(self.places)
        limits = limits_of(self.limits, "rows_lost_share", list(self.inputs))
        for name, limit in limits.items():
            # What was erased on request is not lost.
            newly_erased = erased.get(name, 0) - erased_before.get(name, 0)
            was, now = before.get(name, 0) - newly_erased, self.inputs[name][1]
            if limit.speaks_of(was):
                share = ratio(max(0, was - now), was)
                text = f"{name}: {now:,} accepted rows, {was:,} when last published"
                found.append(judge(limit, share, share <= limit.value, text))
        return found

    def accounts_lost(self) -> list[Finding]:
        """Accounts scored when last published, and not any more."""
        limits = limits_of(self.limits, "accounts_lost_share", ["*"])
        if self.is_first or not limits:
            return []
        was = self.one("select count(*) from published.marts.customer_health")
        gone = self.one(
            "select count(*) from published.marts.customer_health as former"
            " anti join working.marts.customer_health as now using (account_id)"
        )
        if not limits["*"].speaks_of(was):
            return []
        share = ratio(gone, was)
        text = f"{gone:,} of {was:,} accounts are no longer scored, {percent(share)}"
        return [judge(limits["*"], share, share <= limits["*"].value, text)]

    def sums_lost(self) -> list[Finding]:
        """What is known less of than when last published, over the accounts scored then and now:
        ARR, and the share of the weight whose value is known."""
        limits = limits_of(self.limits, "arr_lost_share", ["*"])
        limits_of_coverage = limits_of(self.limits, "coverage_lost_share", ["*"])
        if self.is_first:
            return []
        both, *sums = self.connection.execute(
            "select count(*), sum(former.arr), coalesce(sum(now.arr), 0),"
            " sum(former.coverage), coalesce(sum(now.coverage), 0)"
            " from published.marts.customer_health as former"
            " inner join working.marts.customer_health as now using (account_id)"
        ).fetchall()[0]
        found = []
        for limit, what, was, now in (
            (limits.get("*"), "ARR", *sums[:2]),
            (limits_of_coverage.get("*"), "known weight", *sums[2:]),
        ):
            if limit and limit.speaks_of(both) and was:
                share = max(Decimal(0), 1 - Decimal(now) / Decimal(was)).quantize(MILLIONTH)
                text = f"{both:,} accounts have {percent(share)} less {what} than before"
                found.append(judge(limit, share, share <= limit.value, text))
        return found

    def grade_changes(self) -> list[Finding]:
        limits = limits_of(self.limits, "grade_changes_share", ["*"])
        if self.is_first or not limits:
            return []
        both, changed = self.connection.execute(
            "select count(*), count(*) filter (former.grade <> now.grade)"
            " from published.marts.customer_health as former"
            " inner join working.marts.customer_health as now using (account_id)"
        ).fetchall()[0]
        if not limits["*"].speaks_of(both):
            return []
        share = ratio(changed, both)
        text = f"{changed:,} of {both:,} accounts have another grade, {percent(share)}"
        return [judge(limits["*"], share, share <= limits["*"].value, text)]

    def freshness(self) -> list[Finding]:
        """Whether the newest record of an input is old, or ahead of the clock."""
        found = []
        newest = data_through(self.connection, "working")
        for name, limit in limits_of(self.limits, "days_stale", list(self.inputs)).items():
            if newest[name] and limit.speaks_of(self.inputs[name][1]):
                days = (self.run_date - newest[name]).days - 1
                text = f"{name}: the newest record is of {newest[name]}"
                if days > limit.value:
                    text = f"{name}: the feed stopped, nothing came for the last {days} whole days"
                found.append(judge(limit, Decimal(days), days <= limit.value, text))
        for name, limit in limits_of(self.limits, "days_ahead", list(self.inputs)).items():
            if newest[name] and limit.speaks_of(self.inputs[name][1]):
                days = max(0, (newest[name] - self.run_date).days)
                text = f"{name}: the newest record is {days} days ahead of {self.run_date}"
                found.append(judge(limit, Decimal(days), days <= limit.value, text))
        return found

    def volume(self) -> list[Finding]:
        """Rows of usage of a day against the median of that weekday in the four weeks before; the
        days that are new since the last publication, at most a week."""
        since = None
        if not self.is_first:
            since = self.one("select max(as_of_date) from published.marts.mart_status")
        days = self.connection.execute(
            """
            with days as (

                select event_date, accepted_rows from working.activity.usage_days
                where accepted_rows > 0 and event_date < ?

            )

            select
                days.event_date,
                days.accepted_rows,
                cast(median(earlier.accepted_rows) as bigint) as usual_rows
            from days
            inner join days as earlier
                on days.event_date - earlier.event_date in (7, 14, 21, 28)
            where days.event_date > (
                select greatest(max(event_date) - 7, coalesce(?, date '1900-01-01')) from days
            )
            group by days.event_date, days.accepted_rows
            order by days.event_date
            """,
            [self.run_date, since],
        ).fetchall()
        found = []
        for audit, worst, word in (
            ("volume_low_share", min, "stopped or is not complete"),
            ("volume_high_ratio", max, "exploded"),
        ):
            limit = limits_of(self.limits, audit, ["usage_events"]).get("usage_events")
            shares = [
                (ratio(rows, usual), day, rows, usual)
                for day, rows, usual in days
                if limit and limit.speaks_of(usual)
            ]
            if limit and shares:
                share, day, rows, usual = worst(shares)
                is_low = audit == "volume_low_share"
                is_good = share >= limit.value if is_low else share <= limit.value
                text = f"usage_events: {rows:,} rows on {day}, usual on that weekday are {usual:,}"
                text += "" if is_good else f": the feed {word}"
                found.append(judge(limit, share, is_good, text))
        return found


def data_through(connection: duckdb.DuckDBPyConnection, file: str) -> dict[str, date | None]:
    """The newest business day of the accepted rows of every input."""
    found: dict[str, date | None] = {}
    for contract in raw_files.read_contract():
        if contract.name == "usage_events":
            sql = f"select max(event_date) from {file}.activity.usage_days where accepted_rows > 0"
        else:
            moment = next(c.name for c in contract.columns if c.type == "timestamp")
            sql = (
                f"select max(cast({DAYS.get(moment, moment)} as date))"
                f" from {file}.staging.stg_{contract.name} where record_status = 'accepted'"
            )
        row = connection.execute(sql).fetchone()
        found[contract.name] = row[0] if row else None
    return found
