"""Segments."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from recompute.grid import State
from recompute.names import UsageError
from recompute.seeds import SegmentRule


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
