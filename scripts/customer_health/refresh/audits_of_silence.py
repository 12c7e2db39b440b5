"""Audits of what did not come, and of records that lie ahead."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from statistics import median

import duckdb

from customer_health.inputs import raw_files
from customer_health.refresh import profiles
from customer_health.refresh.findings import Finding, Ground, Limits, judge
from customer_health.refresh.pieces import UNIT_ROWS, UNITS
from customer_health.refresh.profiles import USAGE

# A silence that chance brings about in more than one of so many nights says nothing.
ONE_IN_NIGHTS = 1000
# As many nights say what is usual on a weekday.
NIGHTS_ALIKE = 3


class SilenceAudits(Ground):
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        limits: Limits,
        run_date: date,
        nights: dict[date, dict[str, int]],
        said: dict[str, list[date]],
    ) -> None:
        """`nights` has the rows that came of each input in every night, tonight the last; `said`
        the nights in which a silence of an input was published with a warning."""
        super().__init__(connection, limits, run_date)
        self.nights, self.said = dict(sorted(nights.items())), said

    def silence(self, through: dict[str, list[int]]) -> list[Finding]:
        """Inputs of which nothing came tonight though they come every night, and inputs whose
        newest record is older than their longest gap. `through` has how old the newest record was
        in the nights before."""
        found: list[Finding] = []
        dates = list(self.nights)
        is_tonight = bool(dates) and dates[-1] == self.run_date
        names = [contract.name for contract in raw_files.read_contract()]
        if is_tonight and not self.nights[self.run_date]:
            names = ["*"]
        for name in names if is_tonight else ():
            rows = {
                night: sum(came.values()) if name == "*" else came.get(name, 0)
                for night, came in self.nights.items()
            }
            streaks = streaks_of_misses([count > 0 for count in rows.values()])
            misses, usual = streaks[-1], max(streaks[:-1], default=0)
            if len(dates) - sum(streaks) < UNITS or not misses:
                continue
            before = {night: rows[night] for night in dates[:-misses]}
            likely = chance_of_nothing(before, dates[-misses:])
            days = (self.run_date - dates[-misses]).days + 1
            if likely * ONE_IN_NIGHTS > 1 or (name != "*" and self.is_said(name, days)):
                continue
            what = "nothing" if name == "*" else f"{name}: nothing"
            when = f"for {misses} nights" if misses > 1 else "tonight"
            earlier = f"for {usual} night{'s' * (usual > 1)} at most" if usual else "never"
            text = f"{what} came {when}; before, that happened {earlier}"
            # One night is twice as long as none.
            times = Decimal(2 * misses) / max(1, 2 * usual)
            found += judge(self.limits, "silence", name, times, len(dates), text)
        return [*found, *self.old_records(through)]

    def is_said(self, name: str, days: int) -> bool:
        """Whether a silence of so many days was said before, and is not twice as long by now."""
        ago = [(self.run_date - night).days for night in self.said.get(name, [])]
        newest = min((n for n in ago if 0 < n < days), default=None)
        return newest is not None and days < 2 * (days - newest)

    def old_records(self, through: dict[str, list[int]]) -> list[Finding]:
        found: list[Finding] = []
        for contract in raw_files.read_contract():
            name = contract.name
            if name in (USAGE, "accounts", "subscriptions", "score_overrides"):
                continue
            gaps = [
                int(gap)
                for (gap,) in self.rows(
                    """
                    select day - lag(day) over (order by day) as gap from days
                    where input = ? and day < ? and day > ?::date - 365
                    qualify gap is not null
                    """,
                    name,
                    self.run_date,
                    self.run_date,
                )
            ]
            newest = profiles.newest_day(self.connection, name)
            if newest is None or len(gaps) < UNIT_ROWS:
                continue
            age = (self.run_date - newest).days
            if self.is_said(name, age):
                continue
            usual = max([*gaps, *through.get(name, [])])
            text = (
                f"{name}: the newest record is of {newest}, {age} days before the run date; the"
                f" longest gap before was {usual}"
            )
            times = Decimal(max(0, age)) / usual
            found += judge(self.limits, "silence", name, times, len(gaps), text)
        return found

    def days_ahead(self) -> list[Finding]:
        """Whether the newest record of an input lies ahead of the clock."""
        found: list[Finding] = []
        for contract in raw_files.read_contract():
            newest = profiles.newest_day(self.connection, contract.name)
            if newest:
                days = max(0, (newest - self.run_date).days)
                text = f"{contract.name}: the newest record is {days} days ahead of {self.run_date}"
                found += judge(self.limits, "days_ahead", contract.name, Decimal(days), 1, text)
        return found


def chance_of_nothing(rows: dict[date, int], missed: Sequence[date]) -> Decimal:
    """How likely nothing comes in the missed nights without a fault, when `rows` came in those
    before. Of each night: no less likely than chance makes it with the rows that usually come on
    that weekday (Poisson), nor than a silence began, or went on, in the nights before."""
    # The first one may bring years of them.
    later = dict(list(rows.items())[1:])
    usual = {night: usual_rows(later, night) for night in (*later, *missed)}
    is_silent = [not count for night, count in later.items() if usual[night]]
    silent = sum(is_silent)
    began = Decimal(silent) / max(1, len(is_silent))
    both = sum(now and then for then, now in pairwise(is_silent))
    went_on = Decimal(both + 1) / (silent + 2) if silent else Decimal(0)
    chance = Decimal(1)
    for number, night in enumerate(night for night in missed if usual[night]):
        chance *= max((-usual[night]).exp(), went_on if number else began)
    return chance


def usual_rows(rows: dict[date, int], night: date) -> Decimal:
    """The median of that weekday; where few of them are known, of working days or of weekends, and
    at first the least that came at all."""
    same = [count for day, count in rows.items() if day.weekday() == night.weekday()]
    alike = [c for day, c in rows.items() if (day.weekday() < 5) == (night.weekday() < 5)]
    for counts in (same, alike):
        if len(counts) >= NIGHTS_ALIKE:
            return Decimal(median(counts))
    return Decimal(min((count for count in rows.values() if count), default=0))


def streaks_of_misses(came: list[bool]) -> list[int]:
    """How many nights in a row nothing came, one after the other; the last one ends tonight."""
    streaks = [0]
    for has in came:
        if has:
            streaks.append(0)
        else:
            streaks[-1] += 1
    return streaks
