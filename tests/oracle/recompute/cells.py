"""Raw cells: every cell becomes a value, None (null) or BAD (does not cast)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache


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
