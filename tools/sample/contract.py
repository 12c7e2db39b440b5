"""What every part of the sample generator builds on: the contract, time and chance."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

Row = tuple[str, ...]
Key = TypeVar("Key")

# The raw input contract: every column of every input, in order.
# fmt: off
COLUMNS: dict[str, tuple[str, ...]] = {
    "accounts": (
        "account_id", "account_name", "parent_account_id", "industry", "region", "owner",
        "created_at", "is_test", "updated_at", "deleted_at", "_loaded_at",
    ),
    "subscriptions": (
        "subscription_id", "account_id", "plan", "seats", "mrr", "currency", "is_trial",
        "auto_renew", "started_at", "term_ends_at", "ended_at", "updated_at", "_loaded_at",
    ),
    "usage_events": (
        "event_id", "account_id", "user_id", "event_at", "feature", "duration_seconds",
        "event_count", "_loaded_at",
    ),
    "support_tickets": (
        "ticket_id", "account_id", "opened_at", "first_response_at", "solved_at", "priority",
        "reopen_count", "csat_score", "updated_at", "_loaded_at",
    ),
    "survey_responses": (
        "response_id", "account_id", "user_id", "responded_at", "survey_type", "score",
        "_loaded_at",
    ),
    "invoices": (
        "invoice_id", "account_id", "issued_at", "due_at", "paid_at", "amount", "currency", "kind",
        "updated_at", "_loaded_at",
    ),
    "csm_assessments": (
        "assessment_id", "account_id", "assessed_at", "sentiment", "author", "note", "_loaded_at",
    ),
    "score_overrides": (
        "override_id", "account_id", "score", "reason", "author", "starts_at", "expires_at",
        "_loaded_at",
    ),
}
# fmt: on

USAGE_TYPES = {
    "event_at": "timestamp",
    "duration_seconds": "integer",
    "event_count": "integer",
    "_loaded_at": "timestamp",
}

LOAD_TIME = "23:30:00"
WORKDAY_SECONDS = 9 * 3600
FIRST_WORKING_HOUR = {"EMEA": 6, "AMER": 12, "APAC": 0}


@dataclass(frozen=True)
class Window:
    """The days the feeds cover."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.start + timedelta(days=n) for n in range(self.days))


def stream(seed: int, *names: str) -> random.Random:
    """A random stream of its own for everything with a name."""
    return random.Random(":".join((str(seed), *names)))


def pick(rng: random.Random, weights: dict[Key, int]) -> Key:
    return rng.choices(list(weights), list(weights.values()))[0]


def clamp(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))


def add_months(day: date, months: int) -> date:
    """The same day some months later; made for days up to the 28th."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, min(day.day, 28))


def early_in_month(day: date) -> date:
    return day.replace(day=min(day.day, 28))


def moment(day: date, rng: random.Random, region: str) -> datetime:
    """A time of a working day in the region."""
    opening = datetime(day.year, day.month, day.day, FIRST_WORKING_HOUR[region])
    return opening + timedelta(seconds=rng.randrange(0, WORKDAY_SECONDS, 60))


def loaded(window: Window, *changes: date | datetime) -> str:
    """The nightly load after the last change; older history came with the first one."""
    late = timedelta(minutes=30)
    days = [(c + late).date() if isinstance(c, datetime) else c for c in changes]
    return f"{min(window.end, max(window.start, *days))} {LOAD_TIME}"


def make_row(table: str, **cells: object) -> Row:
    return tuple("" if cells[c] is None else str(cells[c]) for c in COLUMNS[table])


def flag(value: bool | None) -> str:
    return "" if value is None else str(value).lower()
