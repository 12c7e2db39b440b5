"""Shares of rows, and whether chance explains that they differ."""

import math
from dataclasses import dataclass
from decimal import Decimal

from customer_health.refresh.findings import ratio
from customer_health.refresh.profiles import Share

# Small loads are seen together with those before them, and the past in pieces of this many rows.
UNIT_ROWS, UNITS = 20, 10


def chance_of_more(part: int, whole: int, share: float) -> float:
    """How likely at least `part` of `whole` rows are, where each is with that probability."""
    if part <= 0:
        return 1.0
    if share <= 0 or share >= 1:
        return 0.0 if share <= 0 else 1.0
    total = 0.0
    for n in range(part, whole + 1):
        log = (
            math.lgamma(whole + 1) - math.lgamma(n + 1) - math.lgamma(whole - n + 1)
            + n * math.log(share) + (whole - n) * math.log1p(-share)
        )  # fmt: skip
        term = math.exp(log)
        total += term
        if n > whole * share and term < total * 1e-9:
            break
    return min(1.0, total)


@dataclass(frozen=True)
class Piece:
    """Rows of loads that are judged together."""

    part: int
    whole: int

    @property
    def share(self) -> Decimal:
        return ratio(self.part, self.whole)

    @property
    def missing(self) -> "Piece":
        """The rows that are not part of it."""
        return Piece(self.whole - self.part, self.whole)

    def estimate(self) -> float:
        """The share as it may be in the long run, never quite 0."""
        return (self.part + 1) / (self.whole + 2)


def pieces(shares: list[Share]) -> list[Piece]:
    """The past in pieces of enough rows, the newest first."""
    found: list[Piece] = []
    part = whole = 0
    for share in reversed(shares):
        part, whole = part + share.part, whole + share.whole
        if whole >= UNIT_ROWS:
            found.append(Piece(part, whole))
            part = whole = 0
        if len(found) == UNITS:
            return found
    if not found and whole:
        found.append(Piece(part, whole))
    return found


def seen_together(shares: list[Share], end: int) -> tuple[Piece, int]:
    """The load at `end` with those before it that make it enough rows; where it begins."""
    part, whole, start = shares[end].part, shares[end].whole, end
    while whole < UNIT_ROWS and start:
        start -= 1
        part, whole = part + shares[start].part, whole + shares[start].whole
    return Piece(part, whole), start
