"""Dates."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from recompute.cells import day_of
from recompute.cleaning import CleanInput
from recompute.exact import median

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
