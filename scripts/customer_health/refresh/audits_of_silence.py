"""Audits of what did not come, and of records that lie ahead."""

from datetime import date
from decimal import Decimal

import duckdb

from customer_health.inputs import raw_files
from customer_health.refresh import profiles
from customer_health.refresh.findings import Finding, Ground, Limits, judge
from customer_health.refresh.pieces import UNIT_ROWS, UNITS
from customer_health.refresh.profiles import USAGE

# A silence that chance brings about in more than one of so many nights says nothing.
ONE_IN_NIGHTS = 500


class SilenceAudits(Ground):
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        limits: Limits,
        run_date: date,
        rows_a_night: dict[str, Decimal],
        said: dict[str, list[date]],
    ) -> None:
        """`rows_a_night` are the rows of an input that a run usually lands, the first one apart;
        `said` the nights in which a silence of it was published with a warning."""
        super().__init__(connection, limits, run_date)
        self.rows_a_night, self.said = rows_a_night, said

    def silence(
        self,
        nights: dict[date, set[str]],
        through: dict[str, list[int]],
    ) -> list[Finding]:
        """Inputs of which nothing came tonight though they come every night, and inputs whose
        newest record is older than their longest gap. `nights` has what came in every night;
        `through` how old the newest record was in the nights before."""
        found: list[Finding] = []
        dates = sorted(nights)
        is_tonight = bool(dates) and dates[-1] == self.run_date
        if is_tonight and not nights[self.run_date]:
            names = ["*"]
            came = {"*": [bool(nights[night]) for night in dates]}
        else:
            names = [contract.name for contract in raw_files.read_contract()]
            came = {name: [name in nights[night] for night in dates] for name in names}
        for name in names if is_tonight else ():
            streaks = streaks_of_misses(came[name])
            misses, usual = streaks[-1], max(streaks[:-1], default=0)
            if sum(came[name]) < UNITS or not misses:
                continue
            likely = self.chance(name, misses, sum(streaks[:-1]), len(dates) - misses)
            days = (self.run_date - dates[-misses]).days + 1
            if likely * ONE_IN_NIGHTS > 1 or (name != "*" and self.is_said(name, days)):
                continue
            what = "nothing" if name == "*" else f"{name}: nothing"
            text = f"{what} came for {misses} nights, {usual} is the longest before"
            # One night is twice as long as none.
            times = Decimal(2 * misses) / max(1, 2 * usual)
            found += judge(self.limits, "silence", name, times, len(dates), text)
        return [*found, *self.old_records(through)]

    def is_said(self, name: str, days: int) -> bool:
        """Whether a silence of so many days was said before, and is not twice as long by now."""
        ago = [(self.run_date - night).days for night in self.said.get(name, [])]
        newest = min((n for n in ago if 0 < n < days), default=None)
        return newest is not None and days < 2 * (days - newest)

    def chance(self, name: str, misses: int, silent: int, nights: int) -> Decimal:
        """How likely nothing comes in so many nights without a fault, when before them nothing
        came in `silent` of the nights: no less likely than it was then, nor than chance makes it
        with the rows of a usual night (Poisson)."""
        names = self.rows_a_night if name == "*" else [name]
        usual = sum((self.rows_a_night.get(one, Decimal(0)) for one in names), Decimal(0))
        if not usual:
            # As if one more night had come with nothing, and one with something.
            return (Decimal(silent + 1) / (nights + 2)) ** misses
        return max((-usual).exp(), Decimal(silent) / max(1, nights)) ** misses

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


def streaks_of_misses(came: list[bool]) -> list[int]:
    """How many nights in a row nothing came, one after the other; the last one ends tonight."""
    streaks = [0]
    for has in came:
        if has:
            streaks.append(0)
        else:
            streaks[-1] += 1
    return streaks
