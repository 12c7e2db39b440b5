"""The grid: which accounts are scored at which date, and what was true of them then."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from recompute.accounts import Account, Subscription, sum_known
from recompute.cells import day_of


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
