"""Exact numbers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

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
