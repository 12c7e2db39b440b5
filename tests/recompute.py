"""An independent recomputation of the customer health scores, in plain Python.

It reads the same raw inputs and the same scoring seeds as the dbt project, follows the written
definitions from the first cell to the last mart, shares no SQL with the models, and compares
every published value with the warehouse. If both agree, a wrong number needs two people to have
made the same mistake.

    python tests/recompute.py --raw sample_data --seeds seeds/scoring \\
        --warehouse warehouse/customer_health.duckdb --run-date 2026-01-31

Exit codes: 0 no difference, 1 differences, 2 wrong usage or unreadable input.

The file reads in the order of the definitions: exact numbers, raw cells, the input contract,
files, validation and deduplication, dates, the grid, metrics, segments, scores, what is
published; then the comparison and the command line.

Conventions. Nothing is a float. A *day* is an int, the proleptic Gregorian ordinal of
`datetime.date`. A *moment* is an int, microseconds in UTC counted so that moment // MICROS_PER_DAY
is its day. Money, durations, answers and weights are decimals, far below the 28 digits within which
their sums and products are exact; quotients are exact fractions until they are rounded, half away
from zero, to a published decimal.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import duckdb


class UsageError(Exception):
    """Something the caller must put right: a wrong option, a missing file, an unusable seed."""


def names(text: str) -> tuple[str, ...]:
    """Names written with blanks between them."""
    return tuple(text.split())


# --------------------------------------------------------------------------------------
# Exact numbers
# --------------------------------------------------------------------------------------


Number = int | Decimal | Fraction


def round_ratio(numerator: int, denominator: int, places: int) -> Decimal:
    """numerator / denominator, rounded half away from zero to `places` decimals."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    scaled = abs(numerator) * 10**places
    units = (2 * scaled + denominator) // (2 * denominator)
    return Decimal(units if numerator >= 0 else -units).scaleb(-places)


def rounded(value: Number, places: int) -> Decimal:
    """A number as a decimal with `places` decimals, rounded half away from zero."""
    return round_ratio(*value.as_integer_ratio(), places)


def divided(numerator: Number, denominator: Number, places: int) -> Decimal:
    """numerator / denominator, exact and rounded once."""
    over, under = numerator.as_integer_ratio()
    times, by = denominator.as_integer_ratio()
    return round_ratio(over * by, under * times, places)


def median(values: Iterable[int]) -> Fraction:
    """The middle value, or the exact mean of the middle two. At least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return Fraction(ordered[middle])
    return Fraction(ordered[middle - 1] + ordered[middle], 2)


# --------------------------------------------------------------------------------------
# Raw cells: every cell becomes a value, None (null) or BAD (does not cast)
# --------------------------------------------------------------------------------------


class _Bad:
    """The value of a cell that holds something which its column's type cannot take."""

    def __repr__(self) -> str:
        return "BAD"


BAD = _Bad()
NULL_WORDS = frozenset({"", "null", "none", "n/a", "?", "-"})
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
MICROS_PER_DAY = 86_400_000_000
MICROS_PER_HOUR = 3_600_000_000
LAST_DAY = date.max.toordinal()
SMALLEST_WHOLE, LARGEST_WHOLE = -(2**31), 2**31 - 1
TOO_LARGE = 10**12
MILLIONTH = Decimal("0.000001")

WHOLE_NUMBER = re.compile(r"([+-]?[0-9]+)(?:\.0+)?")
DECIMAL_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
TIMESTAMP = re.compile(
    r"(?P<day>[0-9]{4}(?P<sep>[-/])[0-9]{1,2}(?P=sep)[0-9]{1,2})"
    r"(?:[ Tt](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?)?"
    r"(?: ?(?P<zone>[Zz]|[Uu][Tt][Cc]|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)


def text_form(cell: object) -> str:
    """How a native value reads as text: booleans in lower case, decimals without exponent."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return str(cell)


def as_text(cell: object) -> str | None:
    """Trimmed text; blank, null, none, n/a, ? and - (any case) are null."""
    if cell is None:
        return None
    text = (cell if isinstance(cell, str) else text_form(cell)).strip()
    return None if text.lower() in NULL_WORDS else text


@lru_cache(maxsize=2**16)
def _calendar_day(text: str) -> int | None:
    """The day of `YYYY-M-D` or `YYYY/M/D`, None where the calendar has no such day."""
    year, month, day = (int(part) for part in text.replace("/", "-").split("-"))
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None


def _offset_minutes(zone: str | None) -> int | None:
    """Minutes east of UTC of `Z`, `UTC`, `+HH`, `+HHMM`, `+HH:MM`; None beyond 23:59."""
    if zone is None or zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:]) if len(zone) > 3 else 0
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def as_timestamp(cell: object) -> int | _Bad | None:
    """A moment in UTC. Year first; fractions are cut to the microsecond; no zone means UTC."""
    text = as_text(cell)
    if text is None:
        return None
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        return BAD
    day, _, hour, minute, second, fraction, zone = match.groups()
    if hour is None and zone and zone[0] in "+-":
        return BAD  # a day alone has no offset: 2026-02-13-05 is no date
    ordinal, offset = _calendar_day(day), _offset_minutes(zone)
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if ordinal is None or offset is None or hours > 23 or minutes > 59 or seconds > 59:
        return BAD
    clock = ((hours * 60 + minutes - offset) * 60 + seconds) * 1_000_000
    micros = int((fraction or "").ljust(6, "0")[:6])
    moment = ordinal * MICROS_PER_DAY + clock + micros
    return moment if 1 <= moment // MICROS_PER_DAY <= LAST_DAY else BAD


def as_whole(cell: object) -> int | _Bad | None:
    """A 32-bit whole number: `10` and `10.0`, not `10.5` or `1e3`."""
    text = as_text(cell)
    if text is None:
        return None
    match = WHOLE_NUMBER.fullmatch(text)
    if match is None or len(text) > 1000:
        return BAD
    number = int(match[1])
    return number if SMALLEST_WHOLE <= number <= LARGEST_WHOLE else BAD


def as_decimal(cell: object) -> Decimal | _Bad | None:
    """A number with 6 decimals, half away from zero, below 10^12; no NaN, no infinity."""
    text = as_text(cell)
    if text is None:
        return None
    if DECIMAL_NUMBER.fullmatch(text) is None:
        return BAD
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits
        return Decimal(0) if "e-" in text.lower() else BAD
    if not number or number.adjusted() < -7:
        return Decimal(0)
    if number.adjusted() >= 12:
        return BAD
    number = number.quantize(MILLIONTH, rounding=ROUND_HALF_UP)
    return number if abs(number) < TOO_LARGE else BAD


def as_boolean(cell: object) -> bool | _Bad | None:
    """true/false/1/0/yes/no, any case."""
    text = as_text(cell)
    return None if text is None else BOOLEANS.get(text.lower(), BAD)


def day_of(moment: int) -> int:
    """The UTC calendar day of a moment: what "by date" means everywhere."""
    return moment // MICROS_PER_DAY


def day_or_none(moment: int | None) -> int | None:
    """The day of a moment that may be null."""
    return None if moment is None else moment // MICROS_PER_DAY


def to_date(day: int | None) -> date | None:
    """A day as a date."""
    return None if day is None else date.fromordinal(day)


def to_datetime(moment: int | None) -> datetime | None:
    """A moment as a datetime without zone, in UTC."""
    if moment is None:
        return None
    day, micros = divmod(moment, MICROS_PER_DAY)
    return datetime.fromordinal(day) + timedelta(microseconds=micros)


# --------------------------------------------------------------------------------------
# The input contract
# --------------------------------------------------------------------------------------

WHOLE_COLUMNS = frozenset({"seats", "event_count", "reopen_count"})
DECIMAL_COLUMNS = frozenset(
    {"mrr", "amount", "duration_seconds", "score", "csat_score", "sentiment"}
)
BOOLEAN_COLUMNS = frozenset({"is_test", "is_trial", "auto_renew"})

# A starred column whose bad value rejects the row instead of being blanked: an end that cannot
# be read is not "still going on".
ENDS = frozenset({"ended_at", "solved_at", "paid_at", "deleted_at"})
# Moments that have happened; the others (starts, terms, due dates, expiries) may lie ahead.
PAST_ONLY = frozenset(
    names(
        "created_at updated_at deleted_at event_at opened_at first_response_at solved_at"
        " responded_at issued_at paid_at assessed_at"
    )
)
EARLIEST_MOMENT = date(2000, 1, 1).toordinal() * MICROS_PER_DAY

SMALLEST = {
    "seats": 0,
    "mrr": 0,
    "duration_seconds": 0,
    "reopen_count": 0,
    "event_count": 1,
    "csat_score": 1,
}
LARGEST = {"csat_score": 5}
PRIORITIES = frozenset({"low", "normal", "high", "urgent"})
URGENT_PRIORITIES = frozenset({"high", "urgent"})
# survey_type: (smallest score, largest score, whole answers only)
SURVEY_RANGES = {"nps": (0, 10, True), "csat": (1, 5, False)}
INVOICE_KINDS = frozenset({"recurring", "one_off", "credit"})
LONGEST_OVERRIDE_DAYS = 90


def _kind_of(column: str) -> str:
    """The type of a contract column, by its name."""
    if column.endswith("_at"):
        return "timestamp"
    if column in WHOLE_COLUMNS:
        return "whole"
    if column in DECIMAL_COLUMNS:
        return "decimal"
    return "boolean" if column in BOOLEAN_COLUMNS else "text"


@dataclass(frozen=True)
class Input:
    """One raw input: its columns in contract order, the key first; a star means may be null."""

    name: str
    required: bool
    starred_columns: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.rstrip("*") for column in self.starred_columns)

    @cached_property
    def at(self) -> dict[str, int]:
        """Position of each column."""
        return {column: position for position, column in enumerate(self.columns)}

    @cached_property
    def row(self) -> Callable[..., Any]:
        """Makes a row with named cells from cells in contract order."""
        return namedtuple(self.name, self.columns)._make  # type: ignore[attr-defined]

    @cached_property
    def starred(self) -> frozenset[str]:
        return frozenset(c.rstrip("*") for c in self.starred_columns if c.endswith("*"))

    @cached_property
    def unstarred(self) -> tuple[int, ...]:
        return tuple(i for i, column in enumerate(self.columns) if column not in self.starred)

    @cached_property
    def must_cast(self) -> tuple[int, ...]:
        """Positions where a bad value rejects the row."""
        return tuple(
            i
            for i, column in enumerate(self.columns)
            if _kind_of(column) != "text" and (column not in self.starred or column in ENDS)
        )

    @cached_property
    def timestamps(self) -> tuple[tuple[int, bool], ...]:
        """(position, must have happened) of each timestamp."""
        return tuple(
            (i, column in PAST_ONLY)
            for i, column in enumerate(self.columns)
            if _kind_of(column) == "timestamp"
        )

    @cached_property
    def blankable(self) -> tuple[int, ...]:
        """Positions where a bad value is blanked and the row is kept."""
        return tuple(
            i
            for i, column in enumerate(self.columns)
            if column in self.starred
            and column not in ENDS
            and (_kind_of(column) != "text" or column == "priority")
        )

    @cached_property
    def casts(self) -> tuple[Callable[[object], Any], ...]:
        """One cast per column. Casts of columns whose values repeat remember their results."""
        makers = {
            "text": as_text,
            "timestamp": as_timestamp,
            "whole": as_whole,
            "decimal": as_decimal,
            "boolean": as_boolean,
        }
        casts = [makers[_kind_of(column)] for column in self.columns]
        return (casts[0], *(lru_cache(maxsize=2**15, typed=True)(cast) for cast in casts[1:]))


def _input(name: str, columns: str, required: bool = False) -> Input:
    return Input(name, required, names(columns))


INPUTS = {
    one.name: one
    for one in (
        _input(
            "accounts",
            "account_id account_name* parent_account_id* industry* region* owner* created_at"
            " is_test* updated_at* deleted_at*",
            required=True,
        ),
        _input(
            "subscriptions",
            "subscription_id account_id plan* seats* mrr* currency* is_trial* auto_renew*"
            " started_at term_ends_at* ended_at* updated_at*",
            required=True,
        ),
        _input(
            "usage_events",
            "event_id account_id user_id* event_at feature duration_seconds* event_count*",
            required=True,
        ),
        _input(
            "support_tickets",
            "ticket_id account_id opened_at first_response_at* solved_at* priority*"
            " reopen_count* csat_score* updated_at*",
        ),
        _input(
            "survey_responses",
            "response_id account_id user_id* responded_at survey_type score",
        ),
        _input(
            "invoices",
            "invoice_id account_id issued_at due_at* paid_at* amount currency* kind updated_at*",
        ),
        _input(
            "csm_assessments",
            "assessment_id account_id assessed_at sentiment author* note*",
        ),
        _input(
            "score_overrides",
            "override_id account_id score reason author starts_at expires_at",
        ),
    )
}


# --------------------------------------------------------------------------------------
# Files
# --------------------------------------------------------------------------------------

LOADED_AT = "_loaded_at"


def find_files(raw_dir: Path, name: str) -> list[Path]:
    """The files of an input, none if the input is absent. One format per folder."""
    by_format = {ext: sorted((raw_dir / name).glob(f"*.{ext}")) for ext in ("parquet", "csv")}
    if all(by_format.values()):
        raise UsageError(f"{raw_dir / name} holds CSV and Parquet files; keep one format")
    return by_format["parquet"] or by_format["csv"]


def column_positions(spec: Input, header: Sequence[str], path: Path) -> list[int | None]:
    """Where each contract column, then `_loaded_at`, stands in a file; None if absent."""
    where: dict[str, int] = {}
    for position, column in enumerate(header):
        where.setdefault(column.lower(), position)
    for column in spec.columns:
        if column not in where and column not in spec.starred:
            raise UsageError(f"{spec.name}: {path} has no column {column}")
    return [where.get(column) for column in (*spec.columns, LOADED_AT)]


def read_csv(path: Path) -> Iterator[list[str]]:
    """Lines of a CSV file, header first. Every line has as many cells as the header."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            yield header
            for line in reader:
                if len(line) == len(header):
                    yield line
                elif line:  # an empty line is no row
                    raise UsageError(
                        f"{path}, line {reader.line_num}: {len(line)} cells, {len(header)} expected"
                    )
        except (csv.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{path}, line {reader.line_num}: {error}") from error


NATIVE_TYPES = re.compile(r"VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL.*")


def read_parquet(path: Path) -> Iterator[Sequence[object]]:
    """Rows of a Parquet file, the column names first.

    DuckDB only reads: text, booleans, integers and decimals come as they are; timestamps, dates
    and everything else come as their text form (times with a zone in UTC).
    """
    quoted_path = str(path).replace("'", "''")
    source = f"read_parquet('{quoted_path}', hive_partitioning = false)"
    connection = duckdb.connect()
    try:
        connection.execute("set TimeZone = 'UTC'")
        columns = connection.execute(f"describe select * from {source}").fetchall()
        yield [column[0] for column in columns]
        quoted = [
            (f'"{name}"' if NATIVE_TYPES.fullmatch(kind) else f'cast("{name}" as varchar)')
            for name, kind in ((column[0].replace('"', '""'), column[1]) for column in columns)
        ]
        cursor = connection.execute(f"select {', '.join(quoted)} from {source}")
        while batch := cursor.fetchmany(20_000):
            yield from batch
    except duckdb.Error as error:
        raise UsageError(f"{path}: {error}") from error
    finally:
        connection.close()


def read_input(raw_dir: Path, spec: Input) -> Iterator[list[object]]:
    """Raw rows of an input: cells in contract order, then `_loaded_at`."""
    for path in find_files(raw_dir, spec.name):
        lines: Iterator[Sequence[object]] = (
            read_csv(path) if path.suffix == ".csv" else read_parquet(path)
        )
        positions = column_positions(spec, [str(name) for name in next(lines)], path)
        for line in lines:
            yield [None if position is None else line[position] for position in positions]


# --------------------------------------------------------------------------------------
# Seeds
# --------------------------------------------------------------------------------------


def read_seed(seeds_dir: Path, name: str, columns: str) -> list[dict[str, str]]:
    """Rows of a seed, cells trimmed, blank as ''. Names the file and column that is missing."""
    path = seeds_dir / f"{name}.csv"
    if not path.is_file():
        raise UsageError(f"no seed {path}")
    lines = read_csv(path)
    header = [column.strip().lower() for column in next(lines)]
    for column in names(columns):
        if column not in header:
            raise UsageError(f"{path} has no column {column}")
    return [dict(zip(header, (cell.strip() for cell in line), strict=True)) for line in lines]


def seed_number(text: str) -> Decimal | None:
    """A number of a seed, exactly as written; blank is None."""
    try:
        return Decimal(text) if text else None
    except InvalidOperation as error:
        raise UsageError(f"a seed holds {text!r} where a number is due") from error


def seed_flag(text: str) -> bool | None:
    """A boolean of a seed; blank is None."""
    if not text:
        return None
    if text.lower() not in BOOLEANS:
        raise UsageError(f"a seed holds {text!r} where a boolean is due")
    return BOOLEANS[text.lower()]


def needed(value: Any, what: str) -> Any:
    """A value that a seed may not leave blank."""
    if value is None or value == "":
        raise UsageError(f"a seed leaves {what} blank")
    return value


@dataclass(frozen=True)
class SegmentRule:
    """One row of segments.csv. None in a condition means any."""

    priority: int
    segment: str
    is_trial: bool | None
    industry: str | None
    plan: str | None
    limits: tuple[tuple[str, Decimal | None, Decimal | None], ...]


@dataclass(frozen=True, eq=False)
class ScorecardRow:
    """One row of scorecard_metrics.csv."""

    metric: str
    component: str
    better: str
    weight: Decimal
    curve: str
    poor_at: Fraction
    healthy_at: Fraction
    score_if_missing: Decimal | None


@dataclass(frozen=True)
class Scorecard:
    """A live or challenger scorecard with its rows by segment."""

    name: str
    goal: str
    status: str
    min_coverage: Decimal
    rows: dict[str, list[ScorecardRow]]


@dataclass(frozen=True)
class Cap:
    """One row of score_caps.csv. A segment of * means every segment."""

    name: str
    segment: str
    metric: str
    worse_than: Decimal
    max_score: Decimal


@dataclass(frozen=True)
class Grade:
    """One row of grades.csv. The one without a min_score is for insufficient data."""

    grade: str
    label: str | None
    colour: str | None
    min_score: Decimal | None
    response: str | None


@dataclass(frozen=True)
class AlertRule:
    """One row of alert_rules.csv."""

    rule: str
    kind: str
    level: Decimal
    window_days: int
    segment: str


@dataclass(frozen=True)
class Playbook:
    """One row of playbooks.csv. A segment of * means every segment."""

    playbook: str
    goal: str
    segment: str
    trigger_on: str
    trigger: str
    comparison: str
    threshold: Decimal | None
    priority: int
    action: str
    owner_role: str
    due_days: int


@dataclass(frozen=True)
class Seeds:
    """What the scoring seeds say."""

    component: dict[str, str]
    better: dict[str, str]
    core_features: frozenset[str]
    setup_features: frozenset[str]
    compliance_features: frozenset[str]
    segments: list[SegmentRule]
    scorecards: list[Scorecard]
    grades: list[Grade]
    rates: dict[str, Decimal]
    caps: list[Cap]
    shares: frozenset[str]
    alert_rules: dict[str, AlertRule]
    playbooks: list[Playbook]

    def live(self, goal: str) -> Scorecard | None:
        """The live scorecard of a goal."""
        live = [card for card in self.scorecards if (card.goal, card.status) == (goal, "live")]
        if len(live) > 1:
            raise UsageError(f"scorecards.csv: {len(live)} live scorecards of goal {goal}")
        return live[0] if live else None


LIMITED = ("tenure_days", "mrr", "seats")


def _read_segments(seeds_dir: Path) -> list[SegmentRule]:
    limits = " ".join(f"min_{name} max_{name}" for name in LIMITED)
    rows = read_seed(seeds_dir, "segments", f"priority segment is_trial industry plan {limits}")
    rules = [
        SegmentRule(
            int(needed(row["priority"], "priority of segments.csv")),
            needed(row["segment"], "segment of segments.csv"),
            seed_flag(row["is_trial"]),
            row["industry"].lower() or None,
            row["plan"].lower() or None,
            tuple(
                (name, seed_number(row[f"min_{name}"]), seed_number(row[f"max_{name}"]))
                for name in LIMITED
            ),
        )
        for row in rows
    ]
    return sorted(rules, key=lambda rule: rule.priority)


def _read_scorecards(
    seeds_dir: Path, component: dict[str, str], better: dict[str, str]
) -> list[Scorecard]:
    """Live and challenger scorecards; retired ones are not computed."""
    cards = {}
    for row in read_seed(seeds_dir, "scorecards", "scorecard goal status min_coverage"):
        if row["status"].lower() in ("live", "challenger"):
            min_coverage = needed(seed_number(row["min_coverage"]), "min_coverage")
            cards[row["scorecard"]] = Scorecard(
                row["scorecard"],
                row["goal"].lower(),
                row["status"].lower(),
                min_coverage,
                defaultdict(list),
            )
    columns = "scorecard segment metric weight curve poor_at healthy_at score_if_missing"
    for row in read_seed(seeds_dir, "scorecard_metrics", columns):
        if row["scorecard"] not in cards:
            continue
        metric = row["metric"]
        if metric not in component:
            raise UsageError(f"scorecard_metrics.csv: {metric!r} is not in metrics.csv")
        card_row = ScorecardRow(
            metric,
            component[metric],
            better[metric],
            needed(seed_number(row["weight"]), f"weight of {metric}"),
            row["curve"].lower(),
            Fraction(needed(seed_number(row["poor_at"]), f"poor_at of {metric}")),
            Fraction(needed(seed_number(row["healthy_at"]), f"healthy_at of {metric}")),
            seed_number(row["score_if_missing"]),
        )
        if card_row.poor_at == card_row.healthy_at:
            raise UsageError(f"scorecard_metrics.csv: poor_at = healthy_at for {metric}")
        cards[row["scorecard"]].rows[row["segment"]].append(card_row)
    return [cards[name] for name in sorted(cards)]


def _read_grades(seeds_dir: Path) -> list[Grade]:
    return [
        Grade(
            row["grade"],
            row["label"] or None,
            row["colour"] or None,
            seed_number(row["min_score"]),
            row["response"] or None,
        )
        for row in read_seed(seeds_dir, "grades", "grade label colour min_score response")
    ]


def _read_caps(seeds_dir: Path) -> list[Cap]:
    """The caps; a folder without score_caps.csv has none."""
    if not (seeds_dir / "score_caps.csv").is_file():
        return []
    caps = [
        Cap(
            row["cap"],
            row["segment"],
            row["metric"],
            needed(seed_number(row["worse_than"]), "worse_than of score_caps.csv"),
            needed(seed_number(row["max_score"]), "max_score of score_caps.csv"),
        )
        for row in read_seed(seeds_dir, "score_caps", "cap segment metric worse_than max_score")
    ]
    for cap in caps:
        if cap.metric not in METRICS:
            raise UsageError(f"score_caps.csv: {cap.name} names the unknown metric {cap.metric!r}")
    return caps


def _read_alert_rules(seeds_dir: Path) -> dict[str, AlertRule]:
    return {
        row["rule"]: AlertRule(
            row["rule"],
            row["kind"],
            needed(seed_number(row["level"]), "level of alert_rules.csv"),
            int(row["window_days"]),
            row["segment"],
        )
        for row in read_seed(seeds_dir, "alert_rules", "rule kind level window_days segment")
    }


def _read_playbooks(seeds_dir: Path) -> list[Playbook]:
    columns = names(
        "playbook goal segment trigger_on trigger comparison threshold priority action owner_role"
        " due_days"
    )
    numbers = {"threshold": seed_number, "priority": int, "due_days": int}
    return [
        Playbook(**{name: numbers.get(name, str)(row[name]) for name in columns})
        for row in read_seed(seeds_dir, "playbooks", " ".join(columns))
    ]


def read_seeds(seeds_dir: Path) -> Seeds:
    """Reads every scoring seed."""
    metrics = read_seed(seeds_dir, "metrics", "metric component unit better")
    component = {row["metric"]: row["component"].lower() for row in metrics}
    better = {row["metric"]: row["better"].lower() for row in metrics}
    if odd := sorted(set(component) ^ set(METRICS)):
        raise UsageError(
            f"metrics.csv and this recomputation know different metrics: {', '.join(odd)}"
        )
    features = read_seed(seeds_dir, "features", "feature is_core is_setup is_compliance")

    def flagged(flag: str) -> frozenset[str]:
        return frozenset(row["feature"] for row in features if seed_flag(row[flag]))

    currencies = read_seed(seeds_dir, "currencies", "currency rate")
    return Seeds(
        component,
        better,
        flagged("is_core"),
        flagged("is_setup"),
        flagged("is_compliance"),
        _read_segments(seeds_dir),
        _read_scorecards(seeds_dir, component, better),
        _read_grades(seeds_dir),
        {
            row["currency"].lower(): needed(seed_number(row["rate"]), "rate of currencies.csv")
            for row in currencies
        },
        _read_caps(seeds_dir),
        frozenset(row["metric"] for row in metrics if row["unit"] == "share"),
        _read_alert_rules(seeds_dir),
        _read_playbooks(seeds_dir),
    )


# --------------------------------------------------------------------------------------
# Validate first, then deduplicate among the valid rows
# --------------------------------------------------------------------------------------


def in_reporting_currency(
    amount: Decimal, currency: str | None, rates: dict[str, Decimal]
) -> Decimal | None:
    """amount x rate with 6 decimals. A blank currency has rate 1, an unknown one gives None."""
    rate = Decimal(1) if currency is None else rates.get(currency.lower())
    return None if rate is None else rounded(Fraction(amount) * Fraction(rate), 6)


def overflows(amount: Decimal, currency: str | None, rates: dict[str, Decimal]) -> bool:
    """Whether an amount is 10^12 or more once it is in the reporting currency."""
    converted = in_reporting_currency(amount, currency, rates)
    return converted is not None and abs(converted) >= TOO_LARGE


@dataclass
class Rules:
    """What validation needs to know beside the row itself."""

    run_day: int
    rates: dict[str, Decimal]
    known_accounts: set[str] = field(default_factory=set)

    @cached_property
    def first_future_moment(self) -> int:
        """The first moment that is dated after run_date + 1."""
        return (self.run_day + 2) * MICROS_PER_DAY


def bad_value(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """The first column that must cast and does not."""
    for i in spec.must_cast:
        if cells[i] is BAD:
            return spec.columns[i]
    if spec.name == "invoices":
        amount, currency = cells[spec.at["amount"]], cells[spec.at["currency"]]
        if overflows(amount, currency, rules.rates):
            return "amount"
    return None


def out_of_time(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """The first timestamp before 2000 or, where it must have happened, after run_date + 1."""
    latest = rules.first_future_moment
    for i, has_happened in spec.timestamps:
        moment = cells[i]
        if moment is None or moment is BAD:
            continue
        if moment < EARLIEST_MOMENT or (has_happened and moment >= latest):
            return spec.columns[i]
    return None


def end_before_start(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """The end column that lies before its start: by date, for tickets by timestamp."""
    pairs = {
        "accounts": ("created_at", "deleted_at", day_of),
        "subscriptions": ("started_at", "ended_at", day_of),
        "score_overrides": ("starts_at", "expires_at", day_of),
        "support_tickets": ("opened_at", "solved_at", int),
    }
    if spec.name not in pairs:
        return None
    start_column, end_column, unit = pairs[spec.name]
    start, end = cells[spec.at[start_column]], cells[spec.at[end_column]]
    return end_column if end is not None and unit(end) < unit(start) else None


def out_of_range(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """A survey score, sentiment or override score that is no possible answer."""
    if spec.name == "survey_responses":
        score = cells[spec.at["score"]]
        limits = SURVEY_RANGES.get(cells[spec.at["survey_type"]].lower())
        if limits is None:  # an unknown type is judged as unknown_value
            return None
        low, high, whole = limits
        odd = not low <= score <= high or (whole and score % 1 != 0)
        return "score" if odd else None
    if spec.name == "csm_assessments":
        sentiment = cells[spec.at["sentiment"]]
        return None if 1 <= sentiment <= 5 and sentiment % 1 == 0 else "sentiment"
    if spec.name == "score_overrides":
        return None if 0 <= cells[spec.at["score"]] <= 100 else "score"
    return None


def unknown_value(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """An unknown survey_type or invoice kind."""
    if spec.name == "survey_responses":
        return None if cells[spec.at["survey_type"]].lower() in SURVEY_RANGES else "survey_type"
    if spec.name == "invoices":
        return None if cells[spec.at["kind"]].lower() in INVOICE_KINDS else "kind"
    return None


def unknown_currency(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """An invoice in a currency without a rate."""
    if spec.name != "invoices":
        return None
    currency = cells[spec.at["currency"]]
    return None if currency is None or currency.lower() in rules.rates else "currency"


def override_too_long(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """An override that would stand for more than 90 days."""
    if spec.name != "score_overrides":
        return None
    starts, expires = day_of(cells[spec.at["starts_at"]]), day_of(cells[spec.at["expires_at"]])
    return "expires_at" if expires - starts > LONGEST_OVERRIDE_DAYS else None


def unknown_account(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """A record of an account that no accepted row describes."""
    if spec.name == "accounts" or cells[spec.at["account_id"]] in rules.known_accounts:
        return None
    return "account_id"


# In the order in which they are asked, after the three kinds of missing values.
CHECKS: dict[str, Callable[[Input, list[Any], Rules], str | None]] = {
    "bad_value": bad_value,
    "out_of_time": out_of_time,
    "end_before_start": end_before_start,
    "out_of_range": out_of_range,
    "unknown_value": unknown_value,
    "unknown_currency": unknown_currency,
    "override_too_long": override_too_long,
    "unknown_account": unknown_account,
}


def checks_of(spec: Input) -> list[tuple[str, Callable[..., str | None]]]:
    """The checks that can fail for an input: usage events, the many, are asked only theirs."""
    if spec.name == "usage_events":
        asked = ("bad_value", "out_of_time", "unknown_account")
        return [(reason, CHECKS[reason]) for reason in asked]
    return list(CHECKS.items())


def rejection(
    spec: Input, cells: list[Any], rules: Rules, checks: list[tuple[str, Callable[..., str | None]]]
) -> tuple[str, str] | None:
    """(reason, column at fault) of the first reason that rejects the row, None if valid."""
    if cells[0] is None:
        return "missing_key", spec.columns[0]
    if cells[spec.at["account_id"]] is None:
        return "missing_account_id", "account_id"
    for i in spec.unstarred:
        if cells[i] is None:
            return "missing_value", spec.columns[i]
    for reason, check in checks:
        if column := check(spec, cells, rules):
            return reason, column
    return None


def blank_reason(spec: Input, cells: list[Any], i: int, rules: Rules) -> str | None:
    """Why a starred cell is blanked: its first fault; None if it has none. A null has none."""
    value, column = cells[i], spec.columns[i]
    if value is BAD:
        return "bad_value"
    if column == "mrr" and overflows(value, cells[spec.at["currency"]], rules.rates):
        return "bad_value"
    if column in SMALLEST and value < SMALLEST[column]:
        return "out_of_range"
    if column in LARGEST and value > LARGEST[column]:
        return "out_of_range"
    if column == "priority" and value.lower() not in PRIORITIES:
        return "unknown_value"
    if column == "mrr":
        currency = cells[spec.at["currency"]]
        if currency is not None and currency.lower() not in rules.rates:
            return "unknown_currency"
    return None


def blank_cells(spec: Input, cells: list[Any], rules: Rules) -> list[tuple[str, str]]:
    """Blanks the faulty starred cells of a valid row, in place; (reason, column) of each."""
    faults = []
    for i in spec.blankable:
        if cells[i] is not None and (reason := blank_reason(spec, cells, i, rules)):
            faults.append((reason, spec.columns[i], i))
    for _, _, i in faults:
        cells[i] = None
    return [(reason, column) for reason, column, _ in faults]


def newness(spec: Input, cells: Sequence[Any], loaded_at: int) -> tuple[Any, ...]:
    """What decides between rows of one key, the largest wins.

    The newest updated_at (null oldest), then the newest _loaded_at, then the largest row by its
    typed columns in contract order without the key, null smallest.
    """
    updated_at = cells[spec.at["updated_at"]] if "updated_at" in spec.at else None
    row = tuple((cell is not None, 0 if cell is None else cell) for cell in cells[1:])
    return (-1 if updated_at is None else updated_at, loaded_at, row)


@dataclass
class CleanInput:
    """An input after validation and deduplication."""

    accepted: list[Any]
    raw_rows: int = 0
    duplicate_rows: int = 0
    rejected_rows: int = 0
    blanked_cells: int = 0
    # (input, record_key, account_id, action, reason, column_name, loaded_at)
    records: list[tuple[Any, ...]] = field(default_factory=list)


def clean_input(spec: Input, rows: Iterable[list[object]], rules: Rules) -> CleanInput:
    """Casts, validates, blanks and deduplicates. raw = accepted + duplicate + rejected."""
    clean = CleanInput([])
    account, casts, checks = spec.at["account_id"], spec.casts, checks_of(spec)
    first_moment = spec.timestamps[0][0]
    load_moment = lru_cache(maxsize=2**15)(as_timestamp)
    winners: dict[Any, tuple[tuple[Any, ...], int]] = {}

    for raw in rows:
        clean.raw_rows += 1
        loaded_at = load_moment(raw.pop())
        cells = [cast(cell) for cast, cell in zip(casts, raw, strict=True)]
        if loaded_at is None or loaded_at is BAD:
            loaded_at = cells[first_moment] if cells[first_moment] is not BAD else None
        fault = rejection(spec, cells, rules, checks)
        faults = [fault] if fault else blank_cells(spec, cells, rules)
        action = "row_rejected" if fault else "cell_blanked"
        for reason, column in faults:
            clean.records.append(
                (spec.name, cells[0], cells[account], action, reason, column, loaded_at)
            )
        if fault:
            clean.rejected_rows += 1
            continue
        clean.blanked_cells += len(faults)

        key = cells[0]
        if spec.name == "usage_events":  # an id that returns with another date is another event
            key = (key, day_of(cells[first_moment]))
        rival = winners.get(key)
        if rival is not None:
            clean.duplicate_rows += 1
            if newness(spec, cells, loaded_at) <= newness(spec, *rival):
                continue
        winners[key] = (tuple(cells), loaded_at)

    clean.accepted = [spec.row(cells) for cells, _ in winners.values()]
    return clean


def clean_inputs(raw_dir: Path, rules: Rules) -> dict[str, CleanInput]:
    """Cleans all inputs, accounts first. An absent required input is an error."""
    absent = [s.name for s in INPUTS.values() if s.required and not find_files(raw_dir, s.name)]
    if absent:
        raise UsageError(f"no files for the required inputs {', '.join(absent)} in {raw_dir}")
    cleaned = {}
    for spec in INPUTS.values():
        cleaned[spec.name] = clean_input(spec, read_input(raw_dir, spec), rules)
        if spec.name == "accounts":
            rules.known_accounts = {row.account_id for row in cleaned["accounts"].accepted}
    return cleaned


# --------------------------------------------------------------------------------------
# Dates
# --------------------------------------------------------------------------------------

DAILY_DAYS = 28
CHANGE_DAYS = (7, 28, 90)
OLDEST_COMPARISON = 6
OLDEST_CHANGE = max(CHANGE_DAYS) + OLDEST_COMPARISON


@dataclass(frozen=True)
class Calendar:
    """Which days are scored, and what the feed covers."""

    as_of: int
    first_day: int | None
    score_days: tuple[int, ...]
    first_usage_day: int | None
    data_through: int | None


def is_busy(accounts: int, typical: Fraction) -> bool:
    """Whether a day with so many active accounts belongs to a running feed.

    At least 10 % of the typical number, and at least 2 where that is 4 or more.
    """
    return accounts * 10 >= typical and (typical < 4 or accounts >= 2)


def active_accounts(usage: Iterable[Any]) -> dict[int, int]:
    """Distinct accounts with an accepted event, by day, days in order."""
    accounts: dict[int, set[str]] = defaultdict(set)
    for event in usage:
        accounts[day_of(event.event_at)].add(event.account_id)
    return {day: len(accounts[day]) for day in sorted(accounts)}


def other_activity_days(cleaned: dict[str, CleanInput], last: int) -> list[int]:
    """Days up to `last` with a ticket, survey answer or invoice: the feed where usage is absent."""
    days = {day_of(row.opened_at) for row in cleaned["support_tickets"].accepted}
    days |= {day_of(row.responded_at) for row in cleaned["survey_responses"].accepted}
    days |= {day_of(row.issued_at) for row in cleaned["invoices"].accepted}
    return sorted(day for day in days if day <= last)


def last_busy_day(active: dict[int, int]) -> int:
    """The last day that passes the test against the median of all days with usage."""
    typical = median(active.values())
    return max(day for day, accounts in active.items() if is_busy(accounts, typical))


def first_busy_day(active: dict[int, int]) -> int:
    """The first day that passes against the median of the 28 days with usage that follow it."""
    days, counts = list(active), list(active.values())
    for i, day in enumerate(days):
        following = counts[i + 1 : i + 29]
        if not following or is_busy(counts[i], median(following)):
            return day
    raise AssertionError("the last day passes")


def choose_score_days(as_of: int, first_day: int | None, history_weeks: int) -> tuple[int, ...]:
    """Every day from as_of - 28, every Sunday of the last weeks, none before the first day."""
    daily = set(range(as_of - DAILY_DAYS, as_of + 1))
    weekly = {
        day
        for day in range(as_of - 7 * history_weeks + 1, as_of + 1)
        if date.fromordinal(day).weekday() == 6
    }
    return tuple(sorted(day for day in daily | weekly if first_day is None or day >= first_day))


def make_calendar(
    cleaned: dict[str, CleanInput], run_day: int, as_of: int | None, history_weeks: int
) -> Calendar:
    """as_of_date, the feed's first day and the score dates."""
    active = active_accounts(cleaned["usage_events"].accepted)
    past = {day: accounts for day, accounts in active.items() if day <= run_day - 1}
    if past:
        last_day, first_day = last_busy_day(past), first_busy_day(past)
    else:
        days = other_activity_days(cleaned, run_day - 1)
        last_day, first_day = (days[-1], days[0]) if days else (run_day - 1, None)
    as_of = last_day if as_of is None else as_of
    return Calendar(
        as_of,
        first_day,
        choose_score_days(as_of, first_day, history_weeks),
        min(active, default=None),
        max((day for day in active if day <= as_of), default=None),
    )


def days_earlier(score_days: Sequence[int], day: int, distance: int) -> int | None:
    """The newest score date at or before day - distance, at most 6 days older."""
    position = bisect_right(score_days, day - distance) - 1
    if position < 0 or score_days[position] < day - distance - OLDEST_COMPARISON:
        return None
    return score_days[position]


# --------------------------------------------------------------------------------------
# What is known of each account
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subscription:
    """An accepted subscription, mrr in the reporting currency."""

    subscription_id: str
    plan: str | None
    seats: int | None
    mrr: Decimal | None
    is_trial: bool | None
    auto_renew: bool | None
    started_at: int
    started: int
    term_ends: int | None
    ended: int | None

    def in_force(self, day: int) -> bool:
        """Whether it gives service on a day; ended_at is the first moment without."""
        return self.started <= day and (self.ended is None or self.ended > day)


@dataclass
class UsageDay:
    """What one account did on one day."""

    events: int = 0
    users: set[str] = field(default_factory=set)
    seconds: Decimal | None = None
    features: set[str] = field(default_factory=set)


@dataclass
class Account:
    """An accepted account with its accepted records."""

    row: Any
    subscriptions: list[Subscription] = field(default_factory=list)
    usage: dict[int, UsageDay] = field(default_factory=dict)
    tickets: list[Any] = field(default_factory=list)
    surveys: list[Any] = field(default_factory=list)
    invoices: list[tuple[Any, Decimal]] = field(default_factory=list)
    assessments: list[Any] = field(default_factory=list)
    overrides: list[Any] = field(default_factory=list)

    @cached_property
    def created(self) -> int:
        return day_of(self.row.created_at)

    @cached_property
    def usage_days(self) -> list[int]:
        """Days with an event, in order."""
        return sorted(self.usage)

    def days_between(self, first: int, last: int) -> list[int]:
        """Days with an event from first to last, both included."""
        days = self.usage_days
        return days[bisect_left(days, first) : bisect_right(days, last)]

    @cached_property
    def first_used(self) -> dict[str, int]:
        """The first day of each catalogued feature."""
        first: dict[str, int] = {}
        for day in self.usage_days:
            for feature in self.usage[day].features:
                first.setdefault(feature, day)
        return first

    def in_force(self, day: int) -> list[Subscription]:
        """Subscriptions in force on a day."""
        return [one for one in self.subscriptions if one.in_force(day)]

    def mrr(self, day: int) -> Decimal | None:
        """Sum of the known mrr in force on a day, None if none is known."""
        return sum_known(one.mrr for one in self.in_force(day))

    @cached_property
    def renewal_days(self) -> frozenset[int]:
        """Days on which a subscription ended while another, started then or a day later, ran on."""
        return frozenset(
            ended.ended
            for ended in self.subscriptions
            if ended.ended is not None
            and any(
                other is not ended
                and other.started in (ended.ended, ended.ended + 1)
                and other.in_force(ended.ended + 1)
                for other in self.subscriptions
            )
        )

    @cached_property
    def upsell_days(self) -> frozenset[int]:
        """Days on which mrr was higher than the day before, when it was above zero."""
        changes = {one.started for one in self.subscriptions}
        changes |= {one.ended for one in self.subscriptions if one.ended is not None}
        return frozenset(
            day
            for day in changes
            if (before := self.mrr(day - 1)) and before > 0 and (self.mrr(day) or 0) > before
        )


def sum_known(values: Iterable[Any]) -> Any:
    """Sum of the values that are known, None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def gather_accounts(
    cleaned: dict[str, CleanInput], rates: dict[str, Decimal], features: frozenset[str]
) -> dict[str, Account]:
    """Every accepted account with its records, by id. Only catalogued features are kept."""
    accounts = {row.account_id: Account(row) for row in cleaned["accounts"].accepted}
    for row in cleaned["subscriptions"].accepted:
        mrr = None if row.mrr is None else in_reporting_currency(row.mrr, row.currency, rates)
        accounts[row.account_id].subscriptions.append(
            Subscription(
                row.subscription_id,
                row.plan,
                row.seats,
                mrr,
                row.is_trial,
                row.auto_renew,
                row.started_at,
                day_of(row.started_at),
                day_or_none(row.term_ends_at),
                day_or_none(row.ended_at),
            )
        )
    for event in cleaned["usage_events"].accepted:
        usage, on = accounts[event.account_id].usage, day_of(event.event_at)
        day = usage.get(on) or usage.setdefault(on, UsageDay())
        day.events += 1 if event.event_count is None else event.event_count
        if event.user_id is not None:
            day.users.add(event.user_id)
        if event.duration_seconds is not None:
            day.seconds = (day.seconds or 0) + event.duration_seconds
        if event.feature in features:
            day.features.add(event.feature)
    for row in cleaned["support_tickets"].accepted:
        accounts[row.account_id].tickets.append(row)
    for row in cleaned["survey_responses"].accepted:
        accounts[row.account_id].surveys.append(row)
    for row in cleaned["invoices"].accepted:
        amount = in_reporting_currency(row.amount, row.currency, rates)
        accounts[row.account_id].invoices.append((row, needed(amount, "a rate")))
    for row in cleaned["csm_assessments"].accepted:
        accounts[row.account_id].assessments.append(row)
    for row in cleaned["score_overrides"].accepted:
        accounts[row.account_id].overrides.append(row)
    return accounts


# --------------------------------------------------------------------------------------
# The grid: which accounts are scored at which date, and what was true of them then
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """An account at a score date."""

    account: Account
    day: int
    in_force: list[Subscription]
    plan: str | None
    seats: int | None
    mrr: Decimal | None
    is_trial: bool
    tenure_days: int

    @property
    def account_id(self) -> str:
        return self.account.row.account_id

    @property
    def renewal_day(self) -> int | None:
        """The earliest term end after the score date of a subscription in force."""
        ends = (one.term_ends for one in self.in_force)
        return min((end for end in ends if end is not None and end > self.day), default=None)


def state_at(account: Account, day: int) -> State | None:
    """The account at a date, None where it is not scored.

    Scored: created and not deleted by then, no test account, a subscription in force.
    """
    row = account.row
    deleted = row.deleted_at is not None and day_of(row.deleted_at) <= day
    if account.created > day or deleted or row.is_test:
        return None
    in_force = account.in_force(day)
    if not in_force:
        return None
    main = min(
        in_force,
        key=lambda one: (
            one.mrr is None,
            -(one.mrr or 0),
            one.started_at,
            one.subscription_id,
        ),
    )
    return State(
        account,
        day,
        in_force,
        main.plan,
        sum_known(one.seats for one in in_force),
        sum_known(one.mrr for one in in_force),
        all(one.is_trial for one in in_force),
        day - min(one.started for one in account.subscriptions),
    )


# --------------------------------------------------------------------------------------
# Metrics
# --------------------------------------------------------------------------------------

# The table of each metric; the component comes from metrics.csv.
METRIC_TABLES = {
    "metrics_usage": names(
        "licence_utilisation_28d core_feature_adoption_28d setup_completion"
        " compliance_feature_days_28d active_days_28d stickiness_28d minutes_per_user_28d"
        " usage_change_28d days_since_last_activity login_interval_days_90d"
    ),
    "metrics_support": names(
        "tickets_per_100_seats_90d urgent_ticket_share_90d open_tickets oldest_open_ticket_days"
        " oldest_urgent_ticket_days median_resolution_hours_90d reopened_ticket_share_90d"
        " ticket_csat_90d"
    ),
    "metrics_sentiment": names("nps_180d csat_180d csm_sentiment_90d"),
    "metrics_revenue": names(
        "mrr_change_90d days_overdue recurring_revenue_share_365d days_to_renewal"
        " auto_renew_share renewals_and_upsells_365d"
    ),
}
METRICS = tuple(metric for metrics in METRIC_TABLES.values() for metric in metrics)

Values = dict[str, Number | None]


@dataclass(frozen=True)
class Feed:
    """What metrics need to know beside the account: the feeds as a whole, and the catalogue."""

    calendar: Calendar
    first_ticket_day: int | None
    first_paid_day: int | None
    core: frozenset[str]
    setup: frozenset[str]
    compliance: frozenset[str]


def make_feed(cleaned: dict[str, CleanInput], calendar: Calendar, seeds: Seeds) -> Feed:
    """First ticket and first payment of anyone, and the features of the catalogue."""
    tickets, invoices = cleaned["support_tickets"].accepted, cleaned["invoices"].accepted
    paid = (day_of(row.paid_at) for row in invoices if row.paid_at is not None)
    return Feed(
        calendar,
        min((day_of(row.opened_at) for row in tickets), default=None),
        min(paid, default=None),
        seeds.core_features,
        seeds.setup_features,
        seeds.compliance_features,
    )


def ratio(numerator: Number | None, denominator: Number | None) -> Fraction | None:
    """numerator / denominator; None where either is unknown or the denominator is 0."""
    if numerator is None or not denominator:
        return None
    return Fraction(numerator) / Fraction(denominator)


def usage_metrics(state: State, feed: Feed) -> Values:
    """Adoption and engagement. All unknown before the first accepted event of anyone."""
    account, day = state.account, state.day
    first_usage = feed.calendar.first_usage_day
    if first_usage is None or first_usage > day:
        return dict.fromkeys(METRIC_TABLES["metrics_usage"])

    days_28 = account.days_between(day - 27, day)
    window = [account.usage[on] for on in days_28]
    users = len(set().union(*(one.users for one in window)))
    features = set().union(*(one.features for one in window))
    seconds = sum_known(one.seconds for one in window)
    compliance_days = sum(1 for one in window if one.features & feed.compliance)
    setup_done = sum(1 for feature in feed.setup if account.first_used.get(feature, day + 1) <= day)
    days_90 = account.days_between(day - 89, day)
    last_seen = account.usage_days[: bisect_right(account.usage_days, day)][-1:]
    return {
        "licence_utilisation_28d": (None if window and not users else ratio(users, state.seats)),
        "core_feature_adoption_28d": ratio(len(features & feed.core), len(feed.core)),
        "setup_completion": ratio(setup_done, len(feed.setup)),
        "compliance_feature_days_28d": compliance_days if feed.compliance else None,
        "active_days_28d": len(window),
        "stickiness_28d": ratio(sum(len(one.users) for one in window), 28 * users),
        "minutes_per_user_28d": ratio(seconds, 60 * users),
        "usage_change_28d": usage_change(state, feed),
        "days_since_last_activity": day - (last_seen[0] if last_seen else account.created),
        "login_interval_days_90d": (
            Fraction(days_90[-1] - days_90[0], len(days_90) - 1) if len(days_90) > 1 else None
        ),
    }


def usage_change(state: State, feed: Feed) -> Fraction | None:
    """Events in 28 days / events in the 28 days before - 1.

    Unknown where the earlier window is empty or reaches back before the account or the feed.
    """
    account, day = state.account, state.day
    first_day = feed.calendar.first_day
    earliest = account.created if first_day is None else max(account.created, first_day)
    if day - 55 < earliest:
        return None
    now = sum(account.usage[on].events for on in account.days_between(day - 27, day))
    before = sum(account.usage[on].events for on in account.days_between(day - 55, day - 28))
    change = ratio(now, before)
    return None if change is None else change - 1


def is_urgent(ticket: Any) -> bool:
    """Priority high or urgent; unknown is not."""
    return ticket.priority is not None and ticket.priority.lower() in URGENT_PRIORITIES


def support_metrics(state: State, feed: Feed) -> Values:
    """Support. All unknown before the first accepted ticket of anyone."""
    day = state.day
    if feed.first_ticket_day is None or feed.first_ticket_day > day:
        return dict.fromkeys(METRIC_TABLES["metrics_support"])

    tickets = [one for one in state.account.tickets if day_of(one.opened_at) <= day]
    opened = [one for one in tickets if day_of(one.opened_at) >= day - 89]
    open_now = [one for one in tickets if one.solved_at is None or day_of(one.solved_at) > day]
    solved = [
        one
        for one in tickets
        if one.solved_at is not None and day - 89 <= day_of(one.solved_at) <= day
    ]
    ratings = [one.csat_score for one in solved if one.csat_score is not None]
    ages = [day - day_of(one.opened_at) for one in open_now]
    urgent_ages = [day - day_of(one.opened_at) for one in open_now if is_urgent(one)]
    durations = [one.solved_at - one.opened_at for one in solved]
    reopened = sum(1 for one in opened if (one.reopen_count or 0) > 0)
    return {
        "tickets_per_100_seats_90d": ratio(len(opened) * 100, state.seats),
        "urgent_ticket_share_90d": ratio(sum(map(is_urgent, opened)), len(opened)),
        "open_tickets": len(open_now),
        "oldest_open_ticket_days": max(ages, default=0),
        "oldest_urgent_ticket_days": max(urgent_ages, default=0),
        "median_resolution_hours_90d": (median(durations) / MICROS_PER_HOUR if durations else None),
        "reopened_ticket_share_90d": ratio(reopened, len(opened)),
        "ticket_csat_90d": ratio(sum(ratings), len(ratings)),
    }


def net_promoter_score(answers: Iterable[Any]) -> Fraction | None:
    """100 x (share of 9-10 minus share of 0-6) over the latest answer of each user.

    An answer without user is its own respondent.
    """
    latest: dict[Any, Any] = {}
    for answer in sorted(answers, key=lambda one: (one.responded_at, one.response_id)):
        known = answer.user_id is not None
        latest[("user", answer.user_id) if known else ("answer", answer.response_id)] = answer
    scores = [answer.score for answer in latest.values()]
    promoters = sum(1 for score in scores if score >= 9)
    detractors = sum(1 for score in scores if score <= 6)
    return ratio(100 * (promoters - detractors), len(scores))


def sentiment_metrics(state: State, _: Feed) -> Values:
    """Surveys and the CSM's own assessment."""
    account, day = state.account, state.day
    answers = [one for one in account.surveys if day - 179 <= day_of(one.responded_at) <= day]
    nps = [one for one in answers if one.survey_type.lower() == "nps"]
    csat = [one.score for one in answers if one.survey_type.lower() == "csat"]
    assessments = [one for one in account.assessments if day - 89 <= day_of(one.assessed_at) <= day]
    latest = max(assessments, key=lambda one: (one.assessed_at, one.assessment_id), default=None)
    return {
        "nps_180d": net_promoter_score(nps),
        "csat_180d": ratio(sum(csat), len(csat)),
        "csm_sentiment_90d": None if latest is None else latest.sentiment,
    }


def days_overdue(state: State, feed: Feed) -> int | None:
    """Age of the oldest due recurring invoice that is not paid; 0 if none.

    Unknown without an invoice of the account, or while nobody's payments are reported.
    """
    day = state.day
    issued = [one for one in state.account.invoices if day_of(one[0].issued_at) <= day]
    if not issued or feed.first_paid_day is None or feed.first_paid_day > day:
        return None
    due = [
        day_of(row.due_at)
        for row, amount in issued
        if row.kind.lower() == "recurring"
        and amount > 0
        and row.due_at is not None
        and day_of(row.due_at) < day
        and (row.paid_at is None or day_of(row.paid_at) > day)
    ]
    return day - min(due) if due else 0


def recurring_revenue_share(state: State) -> Fraction | None:
    """max(0, recurring - credits) / (recurring + one-off - credits), at most 1, over 365 days."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row, amount in state.account.invoices:
        if state.day - 364 <= day_of(row.issued_at) <= state.day:
            kind = row.kind.lower()
            totals[kind] += abs(amount) if kind == "credit" else amount
    recurring, credited = totals["recurring"], totals["credit"]
    whole = recurring + totals["one_off"] - credited
    if whole <= 0:
        return None
    return min(Fraction(1), Fraction(max(Decimal(0), recurring - credited)) / Fraction(whole))


def auto_renew_share(state: State) -> Fraction | None:
    """mrr in force on auto-renew / mrr in force; unknown auto-renew counts as not.

    Unknown where auto-renew is known of no subscription in force.
    """
    if all(one.auto_renew is None for one in state.in_force):
        return None
    renewing = sum(one.mrr for one in state.in_force if one.auto_renew and one.mrr is not None)
    return ratio(renewing, state.mrr)


def renewals_and_upsells(state: State) -> int:
    """Distinct days in 365 with a renewal (seen by the score date) or a rise of mrr."""
    account, day = state.account, state.day
    renewals = {on for on in account.renewal_days if day - 364 <= on <= day - 1}
    upsells = {on for on in account.upsell_days if day - 364 <= on <= day}
    return len(renewals | upsells)


def revenue_metrics(state: State, feed: Feed) -> Values:
    """Revenue and renewal."""
    change = ratio(state.mrr, state.account.mrr(state.day - 90))
    renewal_day = state.renewal_day
    return {
        "mrr_change_90d": None if change is None else change - 1,
        "days_overdue": days_overdue(state, feed),
        "recurring_revenue_share_365d": recurring_revenue_share(state),
        "days_to_renewal": None if renewal_day is None else renewal_day - state.day,
        "auto_renew_share": auto_renew_share(state),
        "renewals_and_upsells_365d": renewals_and_upsells(state),
    }


def all_metrics(state: State, feed: Feed) -> dict[str, Decimal | None]:
    """All 27 metrics of an account at a date, rounded to 6 decimals and used so."""
    values: Values = {}
    for compute in (usage_metrics, support_metrics, sentiment_metrics, revenue_metrics):
        values |= compute(state, feed)
    return {
        metric: None if value is None else rounded(value, 6) for metric, value in values.items()
    }


# --------------------------------------------------------------------------------------
# Segments
# --------------------------------------------------------------------------------------


def segment_of(state: State, rules: Sequence[SegmentRule]) -> str:
    """The segment of the first rule, by priority, whose conditions all hold.

    Limits are inclusive; an unknown value never matches a set condition.
    """
    industry = state.account.row.industry
    for rule in rules:
        if rule.is_trial is not None and rule.is_trial != state.is_trial:
            continue
        if rule.industry is not None and rule.industry != (industry or "").lower():
            continue
        if rule.plan is not None and rule.plan != (state.plan or "").lower():
            continue
        if all(within(getattr(state, name), low, high) for name, low, high in rule.limits):
            return rule.segment
    raise UsageError("segments.csv: the last row must match every account")


def within(value: Decimal | int | None, low: Decimal | None, high: Decimal | None) -> bool:
    """Whether a value keeps to its limits, both inclusive, None for no limit."""
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)


# --------------------------------------------------------------------------------------
# Scorecards and the arithmetic
# --------------------------------------------------------------------------------------

COMPONENTS = ("adoption", "engagement", "support", "sentiment", "revenue", "renewal")
INSUFFICIENT_DATA = "insufficient_data"


def clamp(value: Fraction) -> Fraction:
    """Limited to 0..1."""
    return min(Fraction(1), max(Fraction(0), value))


def linear_score(x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Fraction:
    """0 at poor_at, 100 at healthy_at, straight between, whichever of the two is larger."""
    return 100 * clamp((x - poor_at) / (healthy_at - poor_at))


def banded_score(x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Fraction:
    """100 at healthy_at or better, 0 at poor_at or worse, 50 between."""
    sign = 1 if healthy_at > poor_at else -1
    if sign * x >= sign * healthy_at:
        return Fraction(100)
    return Fraction(0) if sign * x <= sign * poor_at else Fraction(50)


def target_score(x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Fraction:
    """100 at healthy_at, falling on both sides to 0 at the distance of poor_at."""
    return 100 * max(Fraction(0), 1 - abs(x - healthy_at) / abs(poor_at - healthy_at))


def percentile_rank(x: Decimal, peers: Sequence[Decimal], better: str) -> Fraction:
    """100 x (worse + equal / 2) / all, among sorted peers that include x."""
    below, up_to = bisect_left(peers, x), bisect_right(peers, x)
    worse = below if better == "higher" else len(peers) - up_to
    return 100 * (worse + Fraction(up_to - below, 2)) / len(peers)


CURVES = {"linear": linear_score, "banded": banded_score, "target": target_score}


def metric_score(curve: str, x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Decimal:
    """The metric score, 0-100 with 4 decimals. For `percentile`, x is the percentile rank."""
    if curve == "percentile":
        return rounded(linear_score(x, poor_at, healthy_at), 4)
    if curve not in CURVES:
        raise UsageError(f"scorecard_metrics.csv: unknown curve {curve!r}")
    return rounded(CURVES[curve](x, poor_at, healthy_at), 4)


@lru_cache(maxsize=2**18)
def _score_of_value(row: ScorecardRow, x: Decimal) -> Decimal:
    """metric_score of one scorecard row, remembered: values repeat."""
    return metric_score(row.curve, Fraction(x), row.poor_at, row.healthy_at)


@lru_cache(maxsize=2**18)
def _score_of_rank(row: ScorecardRow, rank: Fraction) -> Decimal:
    """metric_score of a percentile rank, remembered."""
    return metric_score("percentile", rank, row.poor_at, row.healthy_at)


def weighted_mean(pairs: Iterable[tuple[Decimal, Decimal]], places: int) -> Decimal | None:
    """Sum of weight x score / sum of weights, rounded; None without a pair."""
    pairs = list(pairs)
    if not pairs:
        return None
    points = sum(weight * score for weight, score in pairs)
    return divided(points, sum(weight for weight, _ in pairs), places)


@dataclass(frozen=True)
class Driver:
    """One row of a scorecard applied to one account at one date.

    scored_weight is the sum of the weights of all rows with a metric_score: the effective weight
    is weight / scored_weight. A left-out row has no metric_score and weighs nothing.
    """

    row: ScorecardRow
    value: Decimal | None
    score: Decimal | None
    scored_weight: Decimal

    @property
    def effective_weight(self) -> Decimal:
        return self._weighted(Decimal(1))

    @property
    def contribution(self) -> Decimal:
        return self._weighted(self.score)

    @property
    def points_lost(self) -> Decimal:
        return self._weighted(None if self.score is None else 100 - self.score)

    def _weighted(self, points: Decimal | None) -> Decimal:
        """points x the exact effective weight, 6 decimals; 0 for a left-out row."""
        if self.score is None or points is None:
            return Decimal(0)
        return _share(self.row.weight, self.scored_weight, points)


@lru_cache(maxsize=2**18)
def _share(weight: Decimal, total: Decimal, points: Decimal) -> Decimal:
    """weight x points / total, 6 decimals, rounded once."""
    return divided(weight * points, total, 6)


Peers = Callable[[str, str], list[Decimal]]


def score_value(row: ScorecardRow, x: Decimal | None, segment: str, peers: Peers) -> Decimal | None:
    """metric_score of a value; score_if_missing, perhaps None, of an unknown one."""
    if x is None:
        return None if row.score_if_missing is None else rounded(row.score_if_missing, 4)
    if row.curve != "percentile":
        return _score_of_value(row, x)
    return _score_of_rank(row, percentile_rank(x, peers(segment, row.metric), row.better))


def make_drivers(
    rows: Sequence[ScorecardRow], values: dict[str, Decimal | None], segment: str, peers: Peers
) -> list[Driver]:
    """The drivers of an account at a date; weights of left-out rows are shared by the rest."""
    scores = [score_value(row, values[row.metric], segment, peers) for row in rows]
    scored = (row.weight for row, score in zip(rows, scores, strict=True) if score is not None)
    total = sum(scored, Decimal(0))
    return [
        Driver(row, values[row.metric], score, total)
        for row, score in zip(rows, scores, strict=True)
    ]


@dataclass(frozen=True)
class Score:
    """The scores of one account, date and scorecard, and why they are what they are."""

    state: State
    segment: str
    card: Scorecard
    drivers: list[Driver]
    computed: Decimal | None
    capped: Decimal | None
    health: Decimal | None
    grade: str
    coverage: Decimal
    low: Decimal | None
    high: Decimal | None
    cap: str | None
    override_id: str | None
    components: dict[str, Decimal | None]


def coverage_of(drivers: Sequence[Driver]) -> Decimal:
    """Weight of the rows with a known value / 100."""
    known = (driver.row.weight for driver in drivers if driver.value is not None)
    return sum(known, Decimal(0)).scaleb(-2)


def score_if_unknown_scored(drivers: Sequence[Driver], points: int) -> Decimal | None:
    """The score if every unknown value had scored `points`, all rows at full weight."""
    assumed = Decimal(points)
    return weighted_mean(
        ((one.row.weight, assumed if one.value is None else one.score) for one in drivers), 2
    )


def apply_caps(
    computed: Decimal, values: dict[str, Decimal | None], segment: str, seeds: Seeds
) -> tuple[Decimal, str | None]:
    """(capped score, the cap that lowered it).

    A cap holds when its metric is strictly worse than worse_than. The smallest max_score counts;
    among equal ones the smallest name.
    """
    holding = []
    for cap in seeds.caps:
        x = values[cap.metric]
        if x is None or cap.segment not in ("*", segment):
            continue
        higher = seeds.better[cap.metric] == "higher"
        if x < cap.worse_than if higher else x > cap.worse_than:
            holding.append((rounded(cap.max_score, 2), cap.name))
    if not holding or min(holding)[0] >= computed:
        return computed, None
    return min(holding)


def override_at(account: Account, day: int) -> Any | None:
    """The override in force: the latest start, then the largest id."""
    in_force = (
        one for one in account.overrides if day_of(one.starts_at) <= day < day_of(one.expires_at)
    )
    return max(in_force, key=lambda one: (one.starts_at, one.override_id), default=None)


def grade_of(health: Decimal | None, grades: Sequence[Grade]) -> Grade:
    """The grade with the highest lower bound that the score reaches."""
    if health is None:
        reached = [one for one in grades if one.min_score is None]
    else:
        reached = [one for one in grades if one.min_score is not None and health >= one.min_score]
    if not reached:
        raise UsageError(f"grades.csv has no grade for the score {health}")
    return max(reached, key=lambda one: one.min_score or 0)


def score_account(
    state: State,
    segment: str,
    card: Scorecard,
    values: dict[str, Decimal | None],
    seeds: Seeds,
    peers: Peers,
    overrides: bool = True,
    caps: bool = True,
) -> Score:
    """Applies a scorecard to an account at a date."""
    drivers = make_drivers(card.rows.get(segment, []), values, segment, peers)
    scored = [(one.row.weight, one.score) for one in drivers if one.score is not None]
    coverage = coverage_of(drivers)
    computed = weighted_mean(scored, 2) if coverage >= card.min_coverage else None

    capped, cap = computed, None
    if caps and computed is not None and card.goal == "retention":
        capped, cap = apply_caps(computed, values, segment, seeds)
    override = None
    if overrides and card.goal == "retention":
        override = override_at(state.account, state.day)
    health = capped if override is None else rounded(override.score, 2)

    components = {
        component: weighted_mean(
            (
                (one.row.weight, one.score)
                for one in drivers
                if one.row.component == component and one.score is not None
            ),
            2,
        )
        for component in COMPONENTS
    }
    return Score(
        state,
        segment,
        card,
        drivers,
        computed,
        capped,
        health,
        grade_of(health, seeds.grades).grade,
        rounded(coverage, 6),
        score_if_unknown_scored(drivers, 0),
        score_if_unknown_scored(drivers, 100),
        cap,
        None if override is None else override.override_id,
        components,
    )


# What moved a score: (cause, metric, component, points); a metric where the cause is one.
Cause = tuple[str, str | None, str | None, Decimal]


@dataclass(frozen=True)
class Weighing:
    """A metric of a scorecard at one end of a comparison, in whole numbers.

    weight is in millionths, 0 where the metric has no score; score in ten-thousandths.
    """

    weight: int
    score: int
    is_missing: bool


def weigh(row: ScorecardRow, score: Decimal | None, is_missing: bool) -> Weighing:
    """What a metric score counts."""
    if score is None:
        return Weighing(0, 0, is_missing)
    return Weighing(int(row.weight.scaleb(6)), int(score.scaleb(4)), is_missing)


def weigh_now(score: Score) -> dict[str, Weighing]:
    """The metrics of a score."""
    return {one.row.metric: weigh(one.row, one.score, one.value is None) for one in score.drivers}


def weigh_then(
    now: Score, then: Score, values_then: dict[str, Decimal | None]
) -> dict[str, Weighing]:
    """The metrics of the earlier score, under the rows that score it now.

    After a move to another segment the earlier values go on the curves of the new one; of a rank
    among the new peers there is no earlier value, so the score of now stands in.
    """
    if now.segment == then.segment:
        return weigh_now(then)
    weighed = {}
    for driver in now.drivers:
        row = driver.row
        if row.curve == "percentile":
            weighed[row.metric] = weigh(row, driver.score, driver.value is None)
        else:
            x = values_then[row.metric]
            weighed[row.metric] = weigh(row, score_value(row, x, now.segment, no_peers), x is None)
    return weighed


def no_peers(segment: str, metric: str) -> list[Decimal]:
    """For values that are not ranked."""
    raise AssertionError(f"{metric} in {segment} has no rank here")


def metric_causes(now: Score, before: dict[str, Weighing]) -> list[Cause]:
    """What each metric moved: [u1 (m1 - A) - u0 (m0 - A)] / W1, with the earlier mean A.

    Nothing where no metric had a score before: then there is no mean to compare with.
    """
    after = weigh_now(now)
    weight_now = sum(one.weight for one in after.values())
    weight_then = sum(one.weight for one in before.values())
    points_then = sum(one.weight * one.score for one in before.values())
    if not weight_then:
        return []
    causes: list[Cause] = []
    for driver in now.drivers:
        metric = driver.row.metric
        new, old = after[metric], before[metric]
        if (new.weight, new.score) == (old.weight, old.score):
            continue
        moved = new.weight * (new.score * weight_then - points_then)
        moved -= old.weight * (old.score * weight_then - points_then)
        points = round_ratio(moved, 10_000 * weight_then * weight_now, 6)
        cause = "behaviour" if new.is_missing == old.is_missing else "coverage"
        causes.append((cause, metric, driver.row.component, points))
    return causes


def causes_of_change(
    now: Score, then: Score, values_then: dict[str, Decimal | None]
) -> list[Cause] | None:
    """The causes that add up to the change of the health score, None without two scores."""
    if now.health is None or then.health is None:
        return None
    if now.computed is None or then.computed is None:
        causes: list[Cause] = [("override", None, None, now.health - then.health)]
    else:
        moved = now.computed - then.computed
        causes = metric_causes(now, weigh_then(now, then, values_then))
        left = moved - sum((points for *_, points in causes), Decimal(0))
        if now.segment != then.segment:
            causes.append(("segment", None, None, left))
        elif causes:
            causes.sort(key=lambda one: (-abs(one[3]), one[1]))
            cause, metric, component, points = causes[0]
            causes[0] = (cause, metric, component, points + left)
        capped = now.capped - now.computed - (then.capped - then.computed)
        causes.append(("cap", None, None, capped))
        by_hand = now.health - now.capped - (then.health - then.capped)
        causes.append(("override", None, None, by_hand))
    causes = [one for one in causes if one[3]]
    return causes or [("unchanged", None, None, Decimal(0))]


def peers_among(segments: dict[str, str], values: dict[str, dict[str, Decimal | None]]) -> Peers:
    """The sorted known values of a metric in a segment, among the accounts of one date."""

    @cache
    def peers(segment: str, metric: str) -> list[Decimal]:
        known = (values[one][metric] for one, its in segments.items() if its == segment)
        return sorted(value for value in known if value is not None)

    return peers


# --------------------------------------------------------------------------------------
# What is published
# --------------------------------------------------------------------------------------

SCORE_COLUMNS = tuple(f"{component}_score" for component in COMPONENTS)
CHANGE_COLUMNS = tuple(f"score_change_{days}d" for days in CHANGE_DAYS)
RANKED = 3
DRAG_COLUMNS = tuple(f"drag_{i + 1}" for i in range(RANKED))
STRENGTH_COLUMNS = tuple(f"strength_{i + 1}" for i in range(RANKED))
# Compared only where the warehouse fills them.
OPTIONAL_COLUMNS = frozenset({"expansion_score", *CHANGE_COLUMNS, *DRAG_COLUMNS, *STRENGTH_COLUMNS})


@dataclass
class Table:
    """A published table: rows by key, cells in the order of `columns`."""

    name: str
    schema: str
    key_columns: tuple[str, ...]
    columns: tuple[str, ...]
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)

    def row(self, *key: Any) -> dict[str, Any]:
        """One row, by its key, as a dict of columns."""
        return dict(zip(self.columns, self.rows[key], strict=True))


def make_tables() -> dict[str, Table]:
    """The compared tables, empty. rejected_records has all columns as key and a count as row."""
    rejected = names("input record_key account_id action reason column_name loaded_at")
    reconciled = names("raw_rows accepted_rows duplicate_rows rejected_rows blanked_cells")
    scores = names(
        "goal segment computed_score capped_score health_score grade coverage score_low"
        " score_high cap override_id"
    )
    drivers = names(
        "segment component metric_value metric_score weight effective_weight contribution"
        " points_lost is_missing"
    )
    customer = names(
        "account_name parent_account_id owner industry region segment plan seats mrr arr is_trial"
        " tenure_days renewal_date days_to_renewal score_date health_score computed_score"
        " capped_score grade label colour response coverage score_low score_high cap override_id"
    )
    on_date = ("account_id", "score_date")
    tables = [
        Table("source_reconciliation", "marts", ("input",), reconciled),
        Table("rejected_records", "marts", rejected, ("rows",)),
        *(Table(name, "metrics", on_date, metrics) for name, metrics in METRIC_TABLES.items()),
        Table("fct_health_scores", "marts", (*on_date, "scorecard"), (*scores, *SCORE_COLUMNS)),
        Table("fct_health_drivers", "marts", (*on_date, "scorecard", "metric"), drivers),
        Table(
            "customer_health",
            "marts",
            ("account_id",),
            (
                *customer,
                *SCORE_COLUMNS,
                "expansion_score",
                *CHANGE_COLUMNS,
                *DRAG_COLUMNS,
                *STRENGTH_COLUMNS,
                "recommended_playbook",
                "data_through",
            ),
        ),
        Table("fct_recommended_actions", "marts", ("account_id", "playbook"), ACTION_COLUMNS),
        Table(
            "fct_score_changes",
            "marts",
            (*on_date, "days_back", "cause", "metric"),
            names("earlier_date component points"),
        ),
        Table("segment_health", "marts", ("segment", "score_date"), ROLL_UP_COLUMNS),
        Table("owner_health", "marts", ("owner", "score_date"), ROLL_UP_COLUMNS),
        Table(
            "parent_health",
            "marts",
            ("parent_account_id", "score_date"),
            (*ROLL_UP_COLUMNS, *PARENT_COLUMNS),
        ),
    ]
    return {table.name: table for table in tables}


COLOURS = names("green yellow red grey")
ROLL_UP_COLUMNS = (
    *names("accounts scored_accounts accounts_with_arr arr mean_score arr_weighted_score"),
    *names("worst_account_id worst_account_name worst_score"),
    *(f"{colour}_{what}" for colour in COLOURS for what in ("accounts", "share", "arr")),
    *names("mean_coverage arr_weighted_coverage"),
    *names("compared_accounts_28d score_change_28d arr_weighted_change_28d"),
)
PARENT_COLUMNS = names("parent_account_name levels_below is_parent_cycle_cut")


@dataclass(frozen=True)
class Standing:
    """What roll-ups look at: an account at a date under the live retention scorecard."""

    account_id: str
    segment: str
    arr: Decimal | None
    health: Decimal | None
    colour: str | None
    coverage: Decimal
    earlier: Decimal | None


def known_mean(pairs: Iterable[tuple[Number | None, Number | None]], places: int) -> Decimal | None:
    """The mean of (weight, value) pairs with both known; None where they weigh nothing."""
    known = [(weight, value) for weight, value in pairs if None not in (weight, value)]
    total = sum(weight for weight, _ in known)  # type: ignore[misc]
    if not total:
        return None
    return divided(sum(weight * value for weight, value in known), total, places)  # type: ignore[operator, misc]


def roll_up(members: Sequence[Standing], account_names: dict[str, str]) -> tuple[Any, ...]:
    """The cells of ROLL_UP_COLUMNS for the accounts of a group at a date."""
    scored = [one for one in members if one.health is not None]
    worst = min(scored, key=lambda one: (one.health, one.account_id), default=None)
    colours: list[Any] = []
    for colour in COLOURS:
        its = [one for one in members if one.colour == colour]
        arr = sum_known(one.arr for one in its) if its else Decimal(0)
        colours += [len(its), divided(len(its), len(members), 6), arr]
    moved = [
        (one.arr, one.health - one.earlier)
        for one in members
        if one.health is not None and one.earlier is not None
    ]
    weighed = [one for one in members if one.arr is not None]
    covered = rounded(sum((one.arr * one.coverage for one in weighed), Decimal(0)), 6)
    whole = sum((one.arr for one in weighed), Decimal(0))
    return (
        len(members),
        len(scored),
        len(weighed),
        sum_known(one.arr for one in members),
        known_mean(((1, one.health) for one in members), 2),
        known_mean(((one.arr, one.health) for one in members), 2),
        None if worst is None else worst.account_id,
        None if worst is None else account_names[worst.account_id],
        None if worst is None else worst.health,
        *colours,
        known_mean(((1, one.coverage) for one in members), 6),
        divided(covered, whole, 6) if whole else None,
        len(moved),
        known_mean(((1, change) for _, change in moved), 2),
        known_mean(moved, 2),
    )


@dataclass(frozen=True)
class Hierarchy:
    """Who belongs to whom: the accounts in each group, itself included, and what was cut."""

    members: dict[str, set[str]]
    levels: dict[str, int]
    cut: frozenset[str]


def make_hierarchy(parents: dict[str, str | None]) -> Hierarchy:
    """Climbs from every account to the top; the smallest account of a cycle has no parent."""
    links = dict(parents)
    cut = set()
    for start in parents:
        path: list[str] = []
        here: str | None = start
        while here is not None and here not in path:
            path.append(here)
            here = links.get(here)
        if here is not None:
            top = min(path[path.index(here) :])
            links[top] = None
            cut.add(top)
    members: dict[str, set[str]] = defaultdict(set)
    levels: dict[str, int] = defaultdict(int)
    for start in parents:
        above: str | None = start
        depth = 0
        while above is not None:
            members[above].add(start)
            levels[above] = max(levels[above], depth)
            above, depth = links.get(above), depth + 1
    groups = {top for top, depth in levels.items() if depth}
    return Hierarchy(
        {top: members[top] for top in groups}, {top: levels[top] for top in groups}, frozenset(cut)
    )


def publish_roll_ups(
    standings: Sequence[Standing],
    on: date,
    accounts: dict[str, Any],
    hierarchy: Hierarchy,
    tables: dict[str, Table],
) -> None:
    """segment_health, owner_health and parent_health of a date; `accounts` are account rows."""
    called = {one: row.account_name or one for one, row in accounts.items()}
    segments, owners = defaultdict(list), defaultdict(list)
    for one in standings:
        segments[one.segment].append(one)
        owners[accounts[one.account_id].owner].append(one)
    for segment, its in segments.items():
        tables["segment_health"].rows[segment, on] = roll_up(its, called)
    for owner, its in owners.items():
        tables["owner_health"].rows[owner, on] = roll_up(its, called)
    by_id = {one.account_id: one for one in standings}
    for parent, below in hierarchy.members.items():
        if its := [by_id[one] for one in sorted(below) if one in by_id]:
            tables["parent_health"].rows[parent, on] = (
                *roll_up(its, called),
                called.get(parent, parent),
                hierarchy.levels[parent],
                parent in hierarchy.cut,
            )


MOST_ACTIONS = 3
ACTION_COLUMNS = names(
    "account_name segment owner action_rank goal priority action reason owner_role arr health_score"
    " score_date due_date"
)
# (account, day) -> (health score, coverage) under the live retention scorecard
History = dict[tuple[str, int], tuple[Decimal | None, Decimal]]


def in_words(value: Number, places: int) -> str:
    """A number with at most so many decimals, without idle zeros."""
    text = f"{rounded(value, places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_percent(share: Decimal, places: int = 1) -> str:
    return f"{in_words(100 * share, places)} %"


def alert_days(seeds: Seeds, calendar: Calendar) -> set[int]:
    """The score days that the alert rules of playbooks look back on from the as-of date."""
    days = set()
    for rule in {seeds.alert_rules[one.trigger] for one in seeds.playbooks if is_on_alert(one)}:
        first = calendar.as_of - rule.window_days
        if rule.kind == "drops_by":
            days.add(days_earlier(calendar.score_days, calendar.as_of, rule.window_days))
        elif rule.kind in ("crosses_below", "coverage_lost", "recovers_above", "stays_below"):
            days |= {day for day in calendar.score_days if first <= day <= calendar.as_of}
    return days - {None}


def is_on_alert(playbook: Playbook) -> bool:
    return playbook.trigger_on == "alert"


def alert_reason(
    rule: AlertRule, score: Score, history: History, score_days: Sequence[int]
) -> str | None:
    """Why the condition that opens an alert of the rule holds, None where it does not."""
    state, level = score.state, rule.level
    account, day = state.account_id, state.day
    if rule.segment not in ("*", score.segment):
        return None
    if rule.kind == "drops_by":
        before = days_earlier(score_days, day, rule.window_days)
        then = history.get((account, before), (None, None))[0] if before is not None else None
        if then is None or score.health is None or then - score.health < level:
            return None
        return (
            f"{rule.rule}: health_score is {in_words(then - score.health, 2)} lower than"
            f" {rule.window_days} days before, at least {in_words(level, 2)}"
        )
    watched = score.coverage if rule.kind == "coverage_lost" else score.health
    if watched is None:
        return None
    which = 1 if rule.kind == "coverage_lost" else 0
    window = [one for one in score_days if day - rule.window_days <= one < day]
    then_by_day = {one: history[account, one][which] for one in window if (account, one) in history}
    known = {one: value for one, value in then_by_day.items() if value is not None}
    is_low, now = watched < level, in_words(watched, 2)
    below = f"{rule.rule}: health_score is {now}, below {in_words(level, 2)}"
    if rule.kind == "recovers_above":
        if is_low or not any(value < level for value in known.values()):
            return None
        return f"{rule.rule}: health_score is {now}, again at or above {in_words(level, 2)}"
    if rule.kind == "renewal_at_risk":
        left = None if state.renewal_day is None else state.renewal_day - day
        near = left is not None and 0 <= left <= rule.window_days
        days = f", and the renewal at most {rule.window_days} days away"
        return below + days if is_low and near else None
    was_fine = any(value >= level for value in known.values())
    if rule.kind == "stays_below":
        spans = any(one <= day - rule.window_days + 6 for one in known)
        return f"{below} for {rule.window_days} days" if is_low and spans and not was_fine else None
    if not (is_low and was_fine):
        return None
    if rule.kind == "coverage_lost":
        return f"{rule.rule}: coverage is {in_percent(watched, 4)}, below {in_percent(level, 4)}"
    return below


def number_reason(
    playbook: Playbook, called: str, value: Decimal | None, is_share: bool
) -> str | None:
    """Why a value is on the playbook's side of its threshold, None where it is not."""
    if value is None or playbook.threshold is None:
        return None
    below = playbook.comparison == "at_or_below"
    if value > playbook.threshold if below else value < playbook.threshold:
        return None
    now, limit = (
        in_percent(one) if is_share else in_words(one, 2) for one in (value, playbook.threshold)
    )
    return f"{called} is {now}, {'at or below' if below else 'at or above'} {limit}"


def grade_reason(playbook: Playbook, score: Score, grades: Sequence[Grade]) -> str | None:
    """Why the grade is the playbook's or one on its side, None where it is not."""
    bounds = {one.grade: one.min_score for one in grades}
    own, wanted = bounds[score.grade], bounds[playbook.trigger]
    told = f"grade is {score.grade} at a " + (
        f"coverage of {in_percent(score.coverage)}"
        if score.health is None
        else f"health_score of {in_words(score.health, 2)}"
    )
    if score.grade == playbook.trigger:
        return told
    if own is None or wanted is None:
        return None
    below = playbook.comparison == "at_or_below"
    if own > wanted if below else own < wanted:
        return None
    return f"{told}, {'at or below' if below else 'at or above'} {playbook.trigger}"


def recommend(
    score: Score,
    values: dict[str, Decimal | None],
    history: History,
    seeds: Seeds,
    score_days: Sequence[int],
) -> list[tuple[Playbook, str]]:
    """The best playbooks of an account with their reasons, best first."""
    grade = next(one for one in seeds.grades if one.grade == score.grade)
    is_healthy = (grade.response or "").lower() == "none"
    found = []
    for playbook in seeds.playbooks:
        its = playbook.trigger
        if playbook.segment not in ("*", score.segment):
            continue
        if playbook.goal != "retention" and not is_healthy:
            continue
        lost = Decimal(0)
        if playbook.trigger_on == "metric":
            reason = number_reason(playbook, its, values[its], its in seeds.shares)
            lost = sum((o.points_lost for o in score.drivers if o.row.metric == its), Decimal(0))
        elif playbook.trigger_on == "component":
            reason = number_reason(playbook, f"{its}_score", score.components[its], False)
            lost = sum((o.points_lost for o in score.drivers if o.row.component == its), Decimal(0))
        elif playbook.trigger_on == "grade":
            reason = grade_reason(playbook, score, seeds.grades)
        else:
            reason = alert_reason(seeds.alert_rules[its], score, history, score_days)
        if reason is not None:
            found.append((playbook.priority, -lost, playbook.playbook, playbook, reason))
    found.sort(key=lambda one: one[:3])
    return [(playbook, reason) for *_, playbook, reason in found[:MOST_ACTIONS]]


def publish_actions(
    score: Score, actions: Sequence[tuple[Playbook, str]], tables: dict[str, Table]
) -> None:
    """fct_recommended_actions of an account at the as-of date."""
    state, row = score.state, score.state.account.row
    for rank, (playbook, reason) in enumerate(actions, 1):
        tables["fct_recommended_actions"].rows[state.account_id, playbook.playbook] = (
            row.account_name or row.account_id,
            score.segment,
            row.owner,
            rank,
            playbook.goal,
            playbook.priority,
            playbook.action,
            reason,
            playbook.owner_role,
            None if state.mrr is None else 12 * rounded(state.mrr, 6),
            score.health,
            to_date(state.day),
            to_date(state.day + playbook.due_days),
        )


@dataclass
class Result:
    """Everything recomputed."""

    as_of_date: date
    score_dates: tuple[date, ...]
    compared_dates: tuple[date, ...]
    tables: dict[str, Table]

    @property
    def all_dates(self) -> bool:
        return self.compared_dates == self.score_dates


def publish_inputs(cleaned: dict[str, CleanInput], tables: dict[str, Table]) -> None:
    """source_reconciliation, also for absent inputs, and rejected_records."""
    rejected: Counter[tuple[Any, ...]] = Counter()
    for name, clean in cleaned.items():
        tables["source_reconciliation"].rows[(name,)] = (
            clean.raw_rows,
            len(clean.accepted),
            clean.duplicate_rows,
            clean.rejected_rows,
            clean.blanked_cells,
        )
        rejected.update(clean.records)
    tables["rejected_records"].rows = {
        (*record[:-1], to_datetime(record[-1])): (count,) for record, count in rejected.items()
    }


def publish_metrics(
    state: State, values: dict[str, Decimal | None], on: date, tables: dict[str, Table]
) -> None:
    """The four metric tables."""
    key = (state.account_id, on)
    for name, metrics in METRIC_TABLES.items():
        tables[name].rows[key] = tuple(values[metric] for metric in metrics)


def publish_score(score: Score, on: date, tables: dict[str, Table]) -> None:
    """fct_health_scores and fct_health_drivers."""
    key = (score.state.account_id, on, score.card.name)
    tables["fct_health_scores"].rows[key] = (
        score.card.goal,
        score.segment,
        score.computed,
        score.capped,
        score.health,
        score.grade,
        score.coverage,
        score.low,
        score.high,
        score.cap,
        score.override_id,
        *(score.components[component] for component in COMPONENTS),
    )
    drivers = tables["fct_health_drivers"].rows
    for one in score.drivers:
        drivers[(*key, one.row.metric)] = (
            score.segment,
            one.row.component,
            one.value,
            one.score,
            one.row.weight,
            one.effective_weight,
            one.contribution,
            one.points_lost,
            one.value is None,
        )


# day -> account -> (score of the live retention scorecard, metric values)
Scored = dict[int, dict[str, tuple[Score, dict[str, Decimal | None]]]]


def publish_changes(score: Score, scored: Scored, score_days: Sequence[int], table: Table) -> None:
    """fct_score_changes of an account at a date, against each earlier date."""
    account, day = score.state.account_id, score.state.day
    for distance in CHANGE_DAYS:
        before = days_earlier(score_days, day, distance)
        if before is None or account not in scored[before]:
            continue
        for cause, metric, component, points in (
            causes_of_change(score, *scored[before][account]) or []
        ):
            key = (account, to_date(day), distance, cause, metric)
            table.rows[key] = (to_date(before), component, points)


def ranked_metrics(points: Iterable[tuple[Decimal, str]]) -> tuple[str | None, ...]:
    """The three metrics with the most points, ties by name, zeros left out, padded with None."""
    ordered = sorted((-value, metric) for value, metric in points if value > 0)
    names = [metric for _, metric in ordered[:RANKED]]
    return (*names, *[None] * (RANKED - len(names)))


def publish_customer(
    score: Score,
    expansion: Score | None,
    earlier: Sequence[Decimal | None],
    grades: Sequence[Grade],
    playbook: str | None,
    calendar: Calendar,
    tables: dict[str, Table],
) -> None:
    """customer_health; `earlier` is the health score 7, 28 and 90 days earlier."""
    state, row = score.state, score.state.account.row
    grade = next(one for one in grades if one.grade == score.grade)
    mrr = None if state.mrr is None else rounded(state.mrr, 6)
    renewal_day = state.renewal_day
    changes = (
        None if score.health is None or before is None else score.health - before
        for before in earlier
    )
    tables["customer_health"].rows[(state.account_id,)] = (
        row.account_name or row.account_id,
        row.parent_account_id,
        row.owner,
        row.industry,
        row.region,
        score.segment,
        state.plan,
        state.seats,
        mrr,
        None if mrr is None else 12 * mrr,
        state.is_trial,
        state.tenure_days,
        to_date(renewal_day),
        None if renewal_day is None else renewal_day - state.day,
        to_date(state.day),
        score.health,
        score.computed,
        score.capped,
        score.grade,
        grade.label,
        grade.colour,
        grade.response,
        score.coverage,
        score.low,
        score.high,
        score.cap,
        score.override_id,
        *(score.components[component] for component in COMPONENTS),
        None if expansion is None else expansion.health,
        *changes,
        *ranked_metrics((one.points_lost, one.row.metric) for one in score.drivers),
        *ranked_metrics((one.contribution, one.row.metric) for one in score.drivers),
        playbook,
        to_date(calendar.data_through),
    )


# --------------------------------------------------------------------------------------
# From the raw inputs to the tables
# --------------------------------------------------------------------------------------


def choose_dates(dates: str | int | Sequence[date], calendar: Calendar) -> list[int]:
    """The score days to publish: all, N spread evenly plus as_of, or the given ones."""
    days = list(calendar.score_days)
    if dates == "all":
        return days
    if isinstance(dates, int):
        if dates < 1:
            raise UsageError("--dates needs a number of at least 1")
        last = len(days) - 1
        steps = max(dates - 1, 1)
        chosen = {days[(2 * i * last + steps) // (2 * steps)] for i in range(dates) if days}
    elif isinstance(dates, str):
        raise UsageError(f"dates: 'all', a number or a sequence of dates, not {dates!r}")
    else:
        chosen = {day.toordinal() for day in dates}
        if odd := sorted(chosen - set(days)):
            raise UsageError(f"no score dates: {', '.join(str(to_date(day)) for day in odd)}")
    return sorted(chosen | ({calendar.as_of} & set(days)))


@dataclass(frozen=True)
class Scorer:
    """Scores all accounts of a date with all scorecards."""

    accounts: dict[str, Account]
    feed: Feed
    seeds: Seeds
    overrides: bool
    caps: bool

    def score_day(
        self, day: int
    ) -> Iterator[tuple[State, dict[str, Decimal | None], dict[str, Score]]]:
        """(state, metric values, scores by scorecard) of each account on the grid."""
        states = {}
        for account_id, account in self.accounts.items():
            if state := state_at(account, day):
                states[account_id] = state
        values = {one: all_metrics(state, self.feed) for one, state in states.items()}
        segments = {one: segment_of(state, self.seeds.segments) for one, state in states.items()}
        score = partial(
            score_account,
            seeds=self.seeds,
            peers=peers_among(segments, values),
            overrides=self.overrides,
            caps=self.caps,
        )
        for one, state in states.items():
            scores = {
                card.name: score(state, segments[one], card, values[one])
                for card in self.seeds.scorecards
            }
            yield state, values[one], scores


def recompute(
    raw_dir: Path | str,
    seeds_dir: Path | str,
    run_date: date,
    as_of: date | None = None,
    history_weeks: int = 52,
    dates: str | int | Sequence[date] = "all",
    overrides: bool = True,
    caps: bool = True,
) -> Result:
    """Recomputes every published number from the raw inputs and the scoring seeds.

    `dates` limits metrics, scores and drivers to some score dates; cleaning is always whole.
    Without overrides and caps, health_score is computed_score.
    """
    if as_of is not None and as_of > run_date:
        raise UsageError(f"as_of {as_of} lies after run_date {run_date}")
    seeds = read_seeds(Path(seeds_dir))
    retention, expansion = seeds.live("retention"), seeds.live("expansion")
    if retention is None:
        raise UsageError("scorecards.csv: no live scorecard of goal retention")

    run_day = run_date.toordinal()
    cleaned = clean_inputs(Path(raw_dir), Rules(run_day, seeds.rates))
    as_of_day = None if as_of is None else as_of.toordinal()
    calendar = make_calendar(cleaned, run_day, as_of_day, history_weeks)
    chosen = choose_dates(dates, calendar)

    catalogue = seeds.core_features | seeds.setup_features | seeds.compliance_features
    accounts = gather_accounts(cleaned, seeds.rates, catalogue)
    scorer = Scorer(accounts, make_feed(cleaned, calendar, seeds), seeds, overrides, caps)

    tables = make_tables()
    publish_inputs(cleaned, tables)
    account_rows = {row.account_id: row for row in cleaned["accounts"].accepted}
    hierarchy = make_hierarchy({one: row.parent_account_id for one, row in account_rows.items()})
    del cleaned  # the many raw events are no longer needed
    earlier_days = [days_earlier(calendar.score_days, calendar.as_of, n) for n in CHANGE_DAYS]
    four_weeks_before = {day: days_earlier(calendar.score_days, day, 28) for day in chosen}
    colour = {grade.grade: grade.colour for grade in seeds.grades}
    # (account, day) -> health score of the live retention scorecard
    health: dict[tuple[str, int | None], Decimal | None] = {}
    history: History = {}
    compared = {days_earlier(calendar.score_days, day, n) for day in chosen for n in CHANGE_DAYS}
    scored: Scored = {}
    for day in sorted({*chosen, *compared, *alert_days(seeds, calendar)} - {None}):
        scored = {one: its for one, its in scored.items() if one >= day - OLDEST_CHANGE}
        scored[day] = {}
        on = date.fromordinal(day)
        standings = []
        for state, values, scores in scorer.score_day(day):
            main = scores[retention.name]
            health[state.account_id, day] = main.health
            history[state.account_id, day] = main.health, main.coverage
            scored[day][state.account_id] = main, values
            if day not in chosen:
                continue
            publish_changes(main, scored, calendar.score_days, tables["fct_score_changes"])
            publish_metrics(state, values, on, tables)
            for score in scores.values():
                publish_score(score, on, tables)
            standings.append(
                Standing(
                    state.account_id,
                    main.segment,
                    None if state.mrr is None else 12 * rounded(state.mrr, 6),
                    main.health,
                    colour[main.grade],
                    main.coverage,
                    health.get((state.account_id, four_weeks_before[day])),
                )
            )
            if day == calendar.as_of:
                actions = recommend(main, values, history, seeds, calendar.score_days)
                publish_actions(main, actions, tables)
                publish_customer(
                    main,
                    scores[expansion.name] if expansion else None,
                    [health.get((state.account_id, before)) for before in earlier_days],
                    seeds.grades,
                    actions[0][0].playbook if actions else None,
                    calendar,
                    tables,
                )
        if standings:
            publish_roll_ups(standings, on, account_rows, hierarchy, tables)
    return Result(
        date.fromordinal(calendar.as_of),
        tuple(date.fromordinal(day) for day in calendar.score_days),
        tuple(date.fromordinal(day) for day in chosen),
        tables,
    )


# --------------------------------------------------------------------------------------
# Comparison with the warehouse
# --------------------------------------------------------------------------------------

EXAMPLES_PER_TABLE = 10
ROW, NO_ROW, ABSENT = "row", "no row", "absent"


@dataclass(frozen=True)
class Difference:
    """One value that differs; column '*' where a whole row is missing or unexpected."""

    table: str
    key: tuple[Any, ...]
    column: str
    expected: Any
    found: Any


@dataclass
class TableReport:
    """What the comparison of one table found. `examples` are its first differences."""

    table: str
    rows_expected: int
    rows_found: int = 0
    values_compared: int = 0
    differences: int = 0
    skipped_columns: tuple[str, ...] = ()
    examples: list[Difference] = field(default_factory=list)

    def differ(self, key: tuple[Any, ...], column: str, expected: Any, found: Any) -> None:
        """Counts a difference; keeps the first ones."""
        self.differences += 1
        if len(self.examples) < EXAMPLES_PER_TABLE:
            self.examples.append(Difference(self.table, key, column, expected, found))


@dataclass
class Comparison:
    """What the comparison of all tables found."""

    tables: list[TableReport]

    @property
    def values_compared(self) -> int:
        return sum(table.values_compared for table in self.tables)

    @property
    def differences(self) -> int:
        return sum(table.differences for table in self.tables)

    @property
    def examples(self) -> list[Difference]:
        """The first differences of each table."""
        return [difference for table in self.tables for difference in table.examples]


def same(expected: Any, found: Any) -> bool:
    """Equal values of the same kind: 1 is not true, a date is not a timestamp, 1.0 is 1."""
    if expected is None or found is None:
        return expected is found
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return expected == found


def warehouse_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> set[str]:
    """Column names of a warehouse table, empty if there is no such table."""
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = ? and table_name = ?",
        [table.schema, table.name],
    )
    return {name.lower() for (name,) in found.fetchall()}


def columns_to_compare(
    connection: duckdb.DuckDBPyConnection, table: Table, found: set[str], skip: set[str]
) -> list[str]:
    """The fixed columns without those to skip, and without optional ones that nobody filled."""
    columns = []
    for column in table.columns:
        if column in skip or f"{table.name}.{column}" in skip:
            continue
        if column in OPTIONAL_COLUMNS and table.name == "customer_health":
            if column not in found:
                continue
            filled = connection.execute(f"select count({column}) from {table.schema}.{table.name}")
            if not filled.fetchone()[0]:  # type: ignore[index]
                continue
        columns.append(column)
    return columns


def warehouse_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: list[str], result: Result
) -> Iterator[tuple[Any, ...]]:
    """Rows of a warehouse table in key order: the key columns, then the columns."""
    keys = ", ".join(table.key_columns)
    selected = ", ".join((*table.key_columns, *columns))
    where, parameters = "", []
    if "score_date" in table.key_columns and not result.all_dates:
        where, parameters = " where list_contains(?, score_date)", [list(result.compared_dates)]
    cursor = connection.execute(
        f"select {selected} from {table.schema}.{table.name}{where} order by {keys}", parameters
    )
    while batch := cursor.fetchmany(20_000):
        yield from batch


def compare_records(report: TableReport, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """rejected_records: how often each record stands there."""
    found = Counter(rows)
    report.rows_expected = sum(count for (count,) in table.rows.values())
    report.rows_found = sum(found.values())
    report.values_compared = report.rows_expected * len(table.key_columns)
    for key in sorted({*table.rows, *found}, key=repr):
        expected_count, found_count = table.rows.get(key, (0,))[0], found[key]
        if expected_count != found_count:
            report.differ(key, "rows", expected_count, found_count)


def compare_table(
    connection: duckdb.DuckDBPyConnection, table: Table, result: Result, skip: set[str]
) -> TableReport:
    """Compares one table both ways: missing rows, unexpected rows, and every value."""
    report = TableReport(table.name, len(table.rows))
    available = warehouse_columns(connection, table)
    if not available:
        report.differ((), "*", "table", ABSENT)
        return report
    is_records = table.name == "rejected_records"
    columns = [] if is_records else columns_to_compare(connection, table, available, skip)
    if not is_records:
        report.skipped_columns = tuple(c for c in table.columns if c not in columns)
    for column in (*table.key_columns, *columns):
        if column not in available:
            report.differ((), column, "column", ABSENT)
    if any(column not in available for column in table.key_columns):
        return report
    columns = [column for column in columns if column in available]
    rows = warehouse_rows(connection, table, columns, result)
    if is_records:
        compare_records(report, table, rows)
        return report

    positions = [table.columns.index(column) for column in columns]
    width, remaining = len(table.key_columns), dict(table.rows)
    for row in rows:
        report.rows_found += 1
        key, found = row[:width], row[width:]
        expected = remaining.pop(key, None)
        if expected is None:
            report.differ(key, "*", NO_ROW, ROW)
            continue
        report.values_compared += len(columns)
        for column, position, value in zip(columns, positions, found, strict=True):
            if not same(expected[position], value):
                report.differ(key, column, expected[position], value)
    for key in sorted(remaining, key=repr):
        report.differ(key, "*", ROW, NO_ROW)
    return report


def check_warehouse(warehouse: Path) -> None:
    """Says so early if there is nothing to compare with."""
    if not warehouse.is_file():
        raise UsageError(f"no warehouse {warehouse}; build the project first")


def compare(result: Result, warehouse: Path | str, skip_columns: Iterable[str] = ()) -> Comparison:
    """Compares a result with a warehouse file, opened read-only.

    `skip_columns` names columns, or table.column, to leave out.
    """
    check_warehouse(Path(warehouse))
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        raise UsageError(f"cannot open {warehouse}: {error}") from error
    try:
        skip = {column.lower() for column in skip_columns}
        return Comparison(
            [compare_table(connection, table, result, skip) for table in result.tables.values()]
        )
    finally:
        connection.close()


# --------------------------------------------------------------------------------------
# Command line
# --------------------------------------------------------------------------------------


def shown(value: Any) -> Any:
    """A value as it is printed: plain decimals, ISO dates, empty for null in text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def as_json(result: Result, comparison: Comparison) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "as_of_date": str(result.as_of_date),
        "score_dates": len(result.score_dates),
        "dates_compared": len(result.compared_dates),
        "tables": [
            {
                "table": table.table,
                "rows_expected": table.rows_expected,
                "rows_found": table.rows_found,
                "values_compared": table.values_compared,
                "differences": table.differences,
                "skipped_columns": list(table.skipped_columns),
                "examples": [
                    {
                        "key": [shown(part) for part in one.key],
                        "column": one.column,
                        "expected": shown(one.expected),
                        "found": shown(one.found),
                    }
                    for one in table.examples
                ],
            }
            for table in comparison.tables
        ],
        "values_compared": comparison.values_compared,
        "differences": comparison.differences,
    }


def as_lines(report: dict[str, Any]) -> Iterator[str]:
    """The report as text."""
    yield (
        f"as of {report['as_of_date']}: {report['dates_compared']} of"
        f" {report['score_dates']} score dates compared"
    )
    for table in report["tables"]:
        yield (
            f"{table['table']}: {table['rows_expected']} rows expected,"
            f" {table['rows_found']} found, {table['values_compared']} values compared,"
            f" {table['differences']} differences"
        )
        if table["skipped_columns"]:
            yield f"    not compared: {', '.join(table['skipped_columns'])}"
        for one in table["examples"]:
            key = " / ".join("null" if part is None else str(part) for part in one["key"])
            yield (
                f"    {key or '(table)'} | {one['column']}:"
                f" expected {_or_null(one['expected'])}, found {_or_null(one['found'])}"
            )
    yield (f"values compared: {report['values_compared']}, differences: {report['differences']}")


def _or_null(value: Any) -> str:
    return "null" if value is None else str(value)


def parse_date(text: str) -> date:
    """An ISO date of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2026-01-31") from error


def parse_dates(text: str) -> str | int | list[date]:
    """`all`, a number, or dates separated by commas."""
    if text == "all":
        return text
    if text.isdecimal():
        return int(text)
    return [parse_date(part.strip()) for part in text.split(",")]


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; wrong usage ends with exit code 2."""
    parser = argparse.ArgumentParser(
        description="Recompute all health scores in plain Python and compare the warehouse."
    )
    parser.add_argument("--raw", type=Path, required=True, help="folder of the raw inputs")
    parser.add_argument("--seeds", type=Path, default=Path("seeds/scoring"), help="scoring seeds")
    parser.add_argument("--warehouse", type=Path, required=True, help="DuckDB file to compare")
    parser.add_argument("--as-of", type=parse_date, help="as_of_date, if the build was given one")
    parser.add_argument("--run-date", type=parse_date, help="run_date of the build, default today")
    parser.add_argument("--history-weeks", type=int, default=52, help="weeks of Sundays")
    parser.add_argument(
        "--dates", type=parse_dates, default="all", help="all, N spread evenly, or a list"
    )
    parser.add_argument("--no-overrides", action="store_true", help="leave overrides out")
    parser.add_argument("--no-caps", action="store_true", help="leave caps out")
    parser.add_argument("--skip-columns", default="", help="column or table.column, by commas")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Recomputes, compares, prints; returns the exit code."""
    options = parse_arguments(arguments)
    try:
        if not options.raw.is_dir():
            raise UsageError(f"no folder {options.raw}")
        check_warehouse(options.warehouse)
        result = recompute(
            options.raw,
            options.seeds,
            options.run_date or datetime.now(UTC).date(),
            options.as_of,
            options.history_weeks,
            options.dates,
            not options.no_overrides,
            not options.no_caps,
        )
        skipped = [name.strip() for name in options.skip_columns.split(",") if name.strip()]
        comparison = compare(result, options.warehouse, skipped)
    except UsageError as error:
        print(f"recompute: {error}", file=sys.stderr)
        return 2
    report = as_json(result, comparison)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(as_lines(report)))
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
