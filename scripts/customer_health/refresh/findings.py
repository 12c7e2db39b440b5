"""What an audit found, and the limits of seeds/scoring/trust.csv that it is held against."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

import duckdb

from customer_health.inputs.raw_files import listed

MILLIONTH = Decimal("0.000001")
# An accepted change of volume or level is the new limit for as long as its past is compared with.
ACCEPTED_FOR_DAYS, ACCEPTED_MARGIN = 28, Decimal("1.25")
LASTING = ("volume_low", "volume_high", "level_shift", "active_accounts")


@dataclass(frozen=True)
class Finding:
    """An audit that looked at something: what it saw, its level, whether that is within it."""

    audit: str
    input: str
    value: Decimal | None
    level: Decimal | None
    verdict: str
    is_good: bool
    text: str
    column: str = ""
    file: str = ""
    day: date | None = None
    loaded_at: datetime | None = None
    # INPUT/BATCH of all that it is about, with their files.
    batches: dict[str, str] = field(default_factory=dict)

    @property
    def is_stopping(self) -> bool:
        return not self.is_good and self.verdict == "stop"

    @property
    def subject(self) -> dict[str, str]:
        """What it is about, as later runs remember it: no file name, which may name a person."""
        return {
            "audit": self.audit,
            "input": self.input,
            "loaded_at": str(self.loaded_at or ""),
            "day": str(self.day or ""),
        }

    @property
    def name(self) -> str:
        """As --accept takes it."""
        return self.audit if self.input == "*" else f"{self.audit}:{self.input}"


@dataclass(frozen=True)
class Limit:
    """A row of trust.csv; `days_back` 0 compares with the last publication."""

    audit: str
    input: str
    days_back: int
    level: Decimal
    min_rows: int
    verdict: str


@dataclass
class Limits:
    """The rows of trust.csv, and what was accepted lately: {(audit, input): value}."""

    rows: list[Limit]
    accepted: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def of(self, audit: str, name: str, days_back: int = 0) -> list[Limit]:
        """The rows for an input, its own or else those of all (*); stop before warn."""
        rows = [r for r in self.rows if r.audit == audit and r.days_back == days_back]
        own = [r for r in rows if r.input == name] or [r for r in rows if r.input == "*"]
        return sorted(own, key=lambda row: row.verdict)

    def is_off(self, audit: str, name: str) -> bool:
        return not self.of(audit, name)

    def level(self, audit: str, name: str) -> Decimal | None:
        """The mildest level of an audit."""
        rows = self.of(audit, name)
        return rows[-1].level if rows else None


def read_limits(connection: duckdb.DuckDBPyConnection) -> list[Limit]:
    rows = connection.execute(
        "select audit, input, coalesce(days_back, 0), level, coalesce(min_rows, 1), verdict"
        " from working.seeds.trust order by all"
    ).fetchall()
    return [Limit(*row) for row in rows]


def judge(
    limits: Limits,
    audit: str,
    name: str,
    value: Decimal,
    rows: int,
    text: str,
    *,
    column: str = "",
    file: str = "",
    day: date | None = None,
    loaded_at: datetime | None = None,
    days_back: int = 0,
    is_low: bool = False,
    is_good: bool | None = None,
) -> Iterator[Finding]:
    """One finding where there is a limit and enough rows: beyond the level of a row that stops, or
    of one that warns, or good. `is_good` true: whatever the level."""
    able = [row for row in limits.of(audit, name, days_back) if rows >= max(1, row.min_rows)]
    if not able:
        return
    chosen, good = able[-1], True
    for row in able:
        level = row.level
        lately = limits.accepted.get((audit, name)) if audit in LASTING else None
        if lately is not None:
            level = (
                min(level, lately / ACCEPTED_MARGIN)
                if is_low
                else max(level, lately * ACCEPTED_MARGIN)
            )
        is_within = value >= level if is_low else value <= level
        if not is_within and not is_good:
            chosen, good = row, False
            break
    yield Finding(
        audit, name, value, chosen.level, chosen.verdict, good, text, column, file, day, loaded_at
    )


def worst(findings: list[Finding]) -> list[Finding]:
    """One finding per audit and input: the one that stops, else warns, else is the farthest."""

    def order(finding: Finding) -> tuple[int, Decimal]:
        rank = 0 if finding.is_good else 2 if finding.is_stopping else 1
        level = finding.level or Decimal(1)
        value = finding.value if finding.value is not None else Decimal(0)
        is_low = finding.audit == "volume_low"
        return rank, -value if is_low else value / level if level else value

    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.audit, finding.input), []).append(finding)
    chosen = []
    for group in found.values():
        first = max(group, key=order)
        bad = [one for one in group if not one.is_good and one.is_stopping == first.is_stopping]
        batches = {batch: file for one in bad for batch, file in one.batches.items()}
        others = {file: "" for batch, file in batches.items() if batch not in first.batches}
        days = len({one.day for one in bad if one.day}) - 1
        if others:
            first = replace(first, text=f"{first.text}; also in {listed(others)}")
        elif days > 0:
            first = replace(first, text=f"{first.text}; and on {days:,} more day{'s' * (days > 1)}")
        chosen.append(replace(first, batches=batches))
    return chosen


def percent(share: Decimal) -> str:
    return f"{share * 100:.1f} %"


def ratio(part: int, whole: int) -> Decimal:
    return (Decimal(part) / Decimal(whole)).quantize(MILLIONTH)


def both_ways(middle: float | None) -> Decimal:
    """How many times more or less a ratio is."""
    if not middle or middle <= 0:
        return Decimal(1)
    value = Decimal(middle)
    return max(value, 1 / value).quantize(Decimal("1e-6"))


class Ground:
    """What audits look at: `connection` has working, published, and the tables of profiles."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, limits: Limits, run_date: date
    ) -> None:
        self.connection, self.limits, self.run_date = connection, limits, run_date

    def rows(self, sql: str, *values: object) -> list[tuple]:
        return self.connection.execute(sql, list(values)).fetchall()
