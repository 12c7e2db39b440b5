"""What is known of each account."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from recompute.cells import day_of, day_or_none
from recompute.cleaning import CleanInput, in_reporting_currency
from recompute.seeds import needed


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
