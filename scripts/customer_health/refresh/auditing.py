"""Hold what came, and what would be published, against the past and seeds/scoring/trust.csv.

Nothing here changes a number: an audit says that a state may be published, may be with a warning,
or may not. What audits have to remember lies in the folder of each version.
"""

import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from customer_health.inputs import raw_files
from customer_health.refresh import batches, landing, profiles
from customer_health.refresh.audits_of_days import DayAudits
from customer_health.refresh.audits_of_loads import LoadAudits
from customer_health.refresh.audits_of_scores import ScoreAudits
from customer_health.refresh.audits_of_silence import SilenceAudits
from customer_health.refresh.findings import (
    ACCEPTED_FOR_DAYS,
    Finding,
    Limits,
    judge,
    ratio,
    read_limits,
    worst,
)
from customer_health.refresh.profiles import Load, Share
from customer_health.refresh.publishing import attach, read_manifest, run_order, versions
from customer_health.settings import SERVING_FILE, Settings

MEMORY = ".trust.json"
NIGHTS_REMEMBERED = 90
NEXT_STEPS = {
    "rejected_share": "look at marts.rejected_records of the working file by input and reason",
    "unmatched_share": "look whether the ids of accounts are those of the accounts input",
    "blanked_share": "look at marts.rejected_records of the working file: which column has other"
    " words or numbers",
    "lost_cells": "ask the source why cells are empty that it filled before",
    "fill_rate": "ask the source why the column is empty, or full, all of a sudden",
    "volume_low": "ask the source for the rest",
    "volume_high": "ask the source whether rows were sent twice, or for another period",
    "silence": "look whether the feed runs: nothing came",
    "active_accounts": "ask the source for the accounts that are missing",
    "level_shift": "look at the unit of the column: cents, milliseconds, or another currency",
    "new_users": "look whether user_id is still the id of the user, and the key the same",
    "repeated_rows": "ask the source whether it sent rows again under new ids",
    "conflicts": "ask the source whether its keys are unique",
    "foreign_scale": "ask for the scale of the answers: NPS is 0 to 10",
    "rows_lost": "ask the source whether rows were taken back; land the missing files",
    "accounts_lost": "compare dim_accounts with the published one: is_scored, deleted_at",
    "arr": "look at mrr, currency and the ends of subscriptions",
    "coverage": "look which inputs or columns are gone or empty: is_missing in fct_health_drivers",
    "mean_score": "look at fct_score_changes of the working file for the cause",
    "grades": "look at fct_score_changes of the working file for the cause",
    "colours": "look at fct_score_changes of the working file for the cause",
    "segments": "look at what segments.csv asks for: mrr, seats, plan, industry",
    "empty_book": "look whether usage came and subscriptions are in force",
    "as_of_lag": "look whether the usage feed runs",
    "days_ahead": "look at the clock of the source, and at its time zone",
    "landed_rows": "look for raw files that were changed by hand",
    "missing_batch": "put the batch back from a backup, or withdraw it",
    "missing_publication": "put the published folder back, or name it with HEALTH_PUBLISH_DIR",
}
# Rows that are not accounted for are an error, no judgement; a batch that is gone is withdrawn.
NEVER_ACCEPTED = ("landed_rows", "missing_batch")


def read_memory(version: Path | None) -> dict[str, Any]:
    """What audits remember of the published runs: nights {date: {input: rows that came}}, and said:
    what each audit said in a run that was published all the same."""
    found: dict[str, Any] = {"nights": {}, "said": []}
    if version:
        with suppress(OSError, ValueError):
            found |= json.loads((version / MEMORY).read_text(encoding="utf-8"))
    return found


class Audit:
    """The audits of one state: the working file, held against the version `previous` if there is
    one. `landed_tonight` has the rows that this run landed of each input."""

    def __init__(
        self,
        settings: Settings,
        run_date: date,
        previous: Path | None,
        landed_tonight: dict[str, int] | None = None,
        is_as_of_given: bool = False,
    ) -> None:
        self.settings, self.run_date, self.previous = settings, run_date, previous
        self.is_as_of_given = is_as_of_given
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        attach(self.connection, settings.warehouse, "working")
        if previous:
            attach(self.connection, previous / SERVING_FILE, "published")
        self.memory = read_memory(previous)
        self.nights = self.known_nights(landed_tonight or {})
        self.limits = Limits(read_limits(self.connection), self.lately_accepted())
        self.inputs = {
            name: (raw, accepted)
            for name, raw, accepted in self.connection.execute(
                "select input, raw_rows, accepted_rows"
                " from working.marts.source_reconciliation order by input"
            ).fetchall()
        }
        self.loads = profiles.loads(settings)
        self.before = profiles.read_shares(self.connection, previous)
        self.new_loads = self.find_new_loads()
        self.new = self.find_new_shares()
        profiles.write_days(self.connection)
        self.has_days_before = profiles.read_days(self.connection, previous)

    def close(self) -> None:
        self.connection.close()

    # --------------------------------------------------------------------------------- what is new

    def known_nights(self, landed_tonight: dict[str, int]) -> dict[date, dict[str, int]]:
        """The rows that came of each input in each night: of published runs, of those after them
        that were not published, of tonight."""
        nights: dict[date, Counter[str]] = {
            date.fromisoformat(day): Counter(rows) for day, rows in self.memory["nights"].items()
        }
        newest = self.previous.name if self.previous else ""
        for report in sorted(self.settings.runs.glob("*/report.json")):
            if run_order(report.parent.name) > run_order(newest):
                with suppress(OSError, ValueError, KeyError):
                    content = json.loads(report.read_text(encoding="utf-8"))
                    night = date.fromisoformat(content["run_date"])
                    nights.setdefault(night, Counter()).update(landed_rows(content["landed"]))
        nights.setdefault(self.run_date, Counter()).update(landed_tonight)
        oldest = self.run_date - timedelta(NIGHTS_REMEMBERED)
        return {night: rows for night, rows in nights.items() if oldest < night <= self.run_date}

    def lately_accepted(self) -> dict[tuple[str, str], Decimal]:
        """What was accepted within the days that its past is compared with: {(audit, input):
        value}."""
        found = {}
        for one in self.memory["said"]:
            day = date.fromisoformat(one["run_date"])
            if one["reason"] and day > self.run_date - timedelta(ACCEPTED_FOR_DAYS):
                found[one["audit"], one["input"]] = Decimal(one["value"])
        return found

    def accepted_later(self, finding: Finding) -> str:
        """The reason for which a finding was accepted in a run after the one that readers see, as
        they do after a rollback; nothing where it was not, or where there is more of it now."""
        newest = next(reversed(versions(self.settings)), None)
        if not newest or not self.previous or newest.run_id == self.previous.name:
            return ""
        for one in read_memory(newest.folder)["said"]:
            known = {key: one[key] for key in finding.subject}
            is_later = run_order(one["run_id"]) > run_order(self.previous.name)
            is_same = known == finding.subject and is_no_worse(finding, one["value"])
            if one["reason"] and is_later and is_same:
                return str(one["reason"])
        return ""

    def said(self) -> dict[str, str]:
        """The last published run in which each audit spoke up."""
        return {one["audit"]: one["run_id"] for one in self.memory["said"]}

    def said_silences(self) -> dict[str, list[date]]:
        """The nights in which each input was published as silent."""
        found: dict[str, list[date]] = {}
        for one in self.memory["said"]:
            if one["audit"] == "silence":
                found.setdefault(one["input"], []).append(date.fromisoformat(one["run_date"]))
        return found

    def find_new_loads(self) -> dict[str, list[Load]]:
        """The batches that were never published; none where the previous version keeps no record of
        its loads, as those of 0.5.0 do not."""
        if self.previous and not (self.previous / profiles.SHARES).exists():
            return {}
        known = {(share.input, share.loaded_at) for share in self.before}
        found: dict[str, list[Load]] = {}
        for load in self.loads:
            if (load.input, load.loaded_at) not in known and load.rows:
                found.setdefault(load.input, []).append(load)
        return found

    def find_new_shares(self) -> list[Share]:
        """The shares of the new loads; of rows that were not landed, of those that are new."""
        found: list[Share] = []
        self.totals: list[Share] = []
        for contract in raw_files.read_contract():
            name = contract.name
            landed = sum(load.rows for load in self.loads if load.input == name)
            if landed != self.inputs[name][0]:
                self.totals += profiles.totals(self.connection, name, self.inputs[name][0])
                continue
            new = self.new_loads.get(name, [])
            shares = profiles.new_shares(self.connection, contract, new)
            rows: dict[tuple[str, datetime | None], int] = {
                (name, load.loaded_at): load.rows for load in new
            }
            found += profiles.completed(shares, rows)
        return [*found, *self.new_totals()]

    def new_totals(self) -> list[Share]:
        """Of rows that were not landed: what is new since the last publication, or all of them
        where there are fewer than then."""
        before = {(s.input, s.measure, s.column): s for s in self.before if not s.loaded_at}
        found = []
        for now in self.totals:
            then = before.get((now.input, now.measure, now.column))
            part, whole = now.part, now.whole
            if then and now.whole >= then.whole:
                part, whole = max(0, now.part - then.part), now.whole - then.whole
            if whole:
                found.append(
                    Share(now.input, None, now.measure, now.column, min(part, whole), whole)
                )
        return found

    # ----------------------------------------------------------------------------------- the audits

    def run(self) -> list[Finding]:
        """One finding per audit and input, in the order in which a person would look."""
        files: dict[tuple[str, datetime | None], str] = {
            (load.input, load.loaded_at): load.file for load in self.loads
        }
        ground = (self.connection, self.limits, self.run_date)
        of_loads = LoadAudits(*ground, self.before, self.new, files)
        of_days = DayAudits(*ground)
        of_silence = SilenceAudits(*ground, self.nights, self.said_silences())
        scores = ScoreAudits(*ground, self.said())
        of_days.find_new_days()
        found = [
            *self.landed_rows(),
            *of_loads.shares(),
            *of_loads.small_files(),
            *of_loads.foreign_scale(),
            *self.rows_lost(),
            *(of_loads.level_shift(self.new_loads) if self.previous else []),
            *(of_days.usage_levels() if self.previous else []),
            *of_days.volume(),
            *of_days.volume_of_others(),
            *(of_days.repeated_usage() if self.has_days_before else []),
            *of_days.active_accounts(),
            *of_days.unknown_users(),
            *of_silence.silence(self.lags()),
            *of_silence.days_ahead(),
            *scores.empty_book(),
            *([] if self.is_as_of_given else scores.as_of_lag(bool(self.previous))),
            *(scores.changes(self.previous.name) if self.previous else []),
        ]
        self.connection.execute("detach working")
        if self.previous:
            self.connection.execute("detach published")
        return worst([self.with_batches(finding) for finding in found])

    def with_batches(self, finding: Finding) -> Finding:
        """With the batch that it is about: the one that it looked at, else the only new one."""
        new = self.new_loads.get(finding.input, [])
        if finding.loaded_at:
            new = [load for load in new if load.loaded_at == finding.loaded_at]
        return replace(finding, batches={load.name: load.file for load in new if len(new) == 1})

    def landed_rows(self) -> list[Finding]:
        """Every landed row was read: rows received = rows read + rows erased. Not a matter of
        limits."""
        found = []
        sums: dict[str, int] = {}
        for load in self.loads:
            sums[load.input] = sums.get(load.input, 0) + load.rows
        for name, rows in sums.items():
            read = self.inputs[name][0]
            others = len(list((self.settings.raw / name).glob("*.parquet"))) - len(
                landing.landed_files(self.settings.raw, name)
            )
            if not others:
                text = f"{name}: {rows:,} landed rows, {read:,} read"
                found.append(Finding("landed_rows", name, None, None, "stop", rows == read, text))
        return found

    def rows_lost(self) -> list[Finding]:
        """Accepted rows that were there when last published, and are not any more; those that were
        erased or withdrawn are not lost."""
        if not self.previous:
            return []
        found: list[Finding] = []
        before = dict(
            self.connection.execute(
                "select input, accepted_rows from published.marts.source_reconciliation"
            ).fetchall()
        )
        erased_before = read_manifest(self.previous).get("erased_rows", {})
        erased = landing.erased_rows(self.settings)
        withdrawn = batches.withdrawn_rows(self.settings, self.previous.name)
        for name, (_, now) in self.inputs.items():
            gone = erased.get(name, 0) - erased_before.get(name, 0) + withdrawn.get(name, 0)
            was = before.get(name, 0) - gone
            if was > 0:
                share = ratio(max(0, was - now), was)
                text = f"{name}: {now:,} accepted rows, {was:,} when last published"
                found += judge(self.limits, "rows_lost", name, share, was, text)
        return found

    def lags(self) -> dict[str, list[int]]:
        """How many days old the newest record of each input was in the last published runs."""
        if not self.previous:
            return {}
        names = [contract.name for contract in raw_files.read_contract()]
        rows = self.connection.execute(
            f"select run_date, {', '.join(f'{name}_through' for name in names)}"
            " from published.marts.mart_status where run_date < ? order by run_id desc limit 28",
            [self.run_date],
        ).fetchall()
        return {
            name: [(row[0] - row[n]).days for row in rows if row[n]]
            for n, name in enumerate(names, 1)
        }

    # ----------------------------------------------------------------------------------- the memory

    def keep(self, folder: Path, run_id: str, spoken: list[dict[str, Any]]) -> None:
        """Write what the audits of later runs compare with into the folder of a version. `spoken`
        are the findings beyond their level that were published, with the reason where accepted."""
        there = {(load.input, load.loaded_at) for load in self.loads}
        shares = [
            *(s for s in self.before if s.loaded_at and (s.input, s.loaded_at) in there),
            *(s for s in self.new if s.loaded_at),
            *self.known_by_batch(there),
            *self.totals,
        ]
        profiles.write_shares(self.connection, shares)
        profiles.keep(self.connection, folder)
        oldest = self.run_date - timedelta(NIGHTS_REMEMBERED)
        said = [one for one in self.memory["said"] if date.fromisoformat(one["run_date"]) > oldest]
        now = {"run_id": run_id, "run_date": str(self.run_date)}
        content = {
            "nights": {
                str(night): dict(sorted(rows.items()))
                for night, rows in sorted(self.nights.items())
            },
            "said": said + [now | one for one in spoken],
        }
        (folder / MEMORY).write_text(json.dumps(content, indent=1), encoding="utf-8")

    def known_by_batch(self, there: set[tuple[str, Any]]) -> list[Share]:
        """Of batches whose shares nobody made, as they were published by 0.5.0: that they are
        known."""
        made = {(s.input, s.loaded_at) for s in [*self.before, *self.new]}
        return [
            Share(load.input, load.loaded_at, "known", "", 0, load.rows)
            for load in self.loads
            if (load.input, load.loaded_at) in there - made
        ]


def landed_rows(landed: list[dict[str, Any]]) -> Counter[str]:
    """The rows of each input in the `landed` of a report."""
    rows: Counter[str] = Counter()
    for one in landed:
        if one["state"] == "landed":
            rows[one["input"]] += one["rows"]
    return rows


def is_no_worse(finding: Finding, value: str) -> bool:
    """Whether a finding goes no farther than what was accepted, with a margin for rounding."""
    if finding.value is None or value == "None":
        return False
    before, margin = Decimal(value), Decimal("1.01")
    is_low = finding.audit == "volume_low"
    return finding.value * margin >= before if is_low else finding.value <= before * margin


def data_through(connection: duckdb.DuckDBPyConnection, file: str) -> dict[str, date | None]:
    """The newest business day of the accepted rows of every input."""
    found: dict[str, date | None] = {}
    for contract in raw_files.read_contract():
        if contract.name == profiles.USAGE:
            sql = f"select max(event_date) from {file}.activity.usage_days where accepted_rows > 0"
        else:
            sql = (
                f"select max(cast({profiles.moment_of(contract)} as date))"
                f" from {file}.staging.stg_{contract.name} where record_status = 'accepted'"
            )
        row = connection.execute(sql).fetchone()
        found[contract.name] = row[0] if row else None
    return found
