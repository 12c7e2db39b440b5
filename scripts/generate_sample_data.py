"""Make the sample data: eight raw inputs of an invented company, small enough to commit.

Ostrel sells a workspace product to other companies. The script invents its customer accounts and
writes what a warehouse would hold about them, as the raw input contract describes it: one folder
per input, `usage_events` as Parquet, the other seven as CSV text.

    accounts, subscriptions, usage_events, support_tickets, survey_responses, invoices,
    csm_assessments, score_overrides

How it works
    Every account has an archetype (`ARCHETYPES`) and, from it, a hidden mood between 0 and 1 that
    may turn over time. The mood drives usage, tickets, answers, payments, assessments and renewals
    alike, each with its own noise, so that the inputs tell one story per account. Usage rows are
    pre-aggregated: one row per account, user, day and feature, stamped with the hour of first use.

    Each account and input has its own random stream, named after both. The same arguments give the
    same bytes (Parquet: with the same DuckDB version), and an account keeps its rows when others
    are added. Nothing happens after the evening of the last day, except dates that may lie ahead:
    renewal, due and expiry dates and the end of a subscription under notice.

Planted dirt (`DIRT`), on purpose and always the same; a sample of 70 accounts or more holds all
of it
    accounts          a padded id, null tokens, a bad boolean, an unknown parent; an outdated and
                      a re-sent row; rejected: no key, a day-first date, the year 1900, deleted
                      before created
    subscriptions     seats `ten` and `26.0`, a negative mrr, the currency XXX, a bad boolean, a bad
                      renewal date, a padded account id; an outdated and a re-sent row; rejected:
                      end before start, unknown account, no account, the year 1900, a day-first date
    support_tickets   csat 0 and 9, priority `blocker`, reopened -1 times, a bad first response,
                      a padded upper-case priority, a timestamp with an offset; two outdated and a
                      re-sent row; rejected: unknown account, solved before opened, never opened
    survey_responses  null tokens for the user, `NPS` in capitals; a re-sent row; rejected: NPS 11,
                      NPS 7.5, csat 0, an unknown type, a score in words, unknown account
    invoices          a bad due date; an outdated and a re-sent row; rejected: the currency XXX, an
                      unknown kind, an amount with a thousands separator, no amount, unknown account
    csm_assessments   a null token; a re-sent row; rejected: sentiment 6 and 4.5
    score_overrides   rejected: one that lasts 120 days (of three; one is active, one expired)
    usage_events      null tokens for the user, a padded account id, a negative duration, an event
                      count of 0; two re-sent rows; rejected: unknown account (twice), missing
                      feature (twice), no event id, the year 1900
"""

import argparse
import csv
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import duckdb

EXAMPLES = """examples:
  python scripts/generate_sample_data.py
      the committed sample: 150 accounts, 15 months up to 2026-09-30
  python scripts/generate_sample_data.py --out /tmp/raw --accounts 2000
      a larger company for timing runs; the first 150 accounts stay the same
  python scripts/generate_sample_data.py --out /tmp/raw --end 2026-12-31 --months 24 --seed 7
      another company, another time
"""

Row = tuple[str, ...]
Key = TypeVar("Key")

# The contract: every column of every input, in order.
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


# ----------------------------------------------------------------------------- the company


@dataclass(frozen=True)
class Archetype:
    """A kind of customer: how its mood moves and what is special about it.

    The mood goes from `mood_from` to `mood_to` during the last `turn_days` (shortest, longest) of
    the account's time with the company; None means over all of that time.
    """

    name: str
    share: int
    mood_from: float
    mood_to: float
    turn_days: tuple[int, int] | None = None
    renewal_growth: tuple[float, float] = (-0.02, 0.08)
    leaves: bool = False
    usage: float = 1.0
    tickets: float = 1.0
    surveys: float = 1.0


ARCHETYPES = (
    Archetype("steady", 37, 0.76, 0.77),
    Archetype("growing", 16, 0.68, 0.88, renewal_growth=(0.10, 0.35)),
    Archetype("declining", 10, 0.72, 0.30, (120, 220), renewal_growth=(-0.35, -0.05)),
    Archetype("churned", 9, 0.68, 0.20, (70, 160), renewal_growth=(-0.15, 0.02), leaves=True),
    Archetype("onboarding", 9, 0.58, 0.78),
    Archetype("struggling", 7, 0.58, 0.47, (200, 330), renewal_growth=(-0.10, 0.0), tickets=2.4),
    Archetype("silent", 4, 0.42, 0.36, usage=0.15, tickets=0.1, surveys=0.0),
    Archetype("trial", 5, 0.50, 0.62, surveys=0.4),
    Archetype("vanished", 3, 0.72, 0.60, (10, 25), leaves=True),
)

TEST_ACCOUNTS = (35, 88, 142)
DELETED_SHARE_OF_LEFT = 0.45
CHILD_SHARE = 0.11
PARENT_EVERY = 10

NAME_STARTS = (
    "Alder", "Amber", "Birch", "Bramble", "Cedar", "Cinder", "Clover", "Cobalt", "Copper", "Coral",
    "Dune", "Ember", "Fennel", "Fjord", "Flint", "Garnet", "Glade", "Harbour", "Hazel", "Heron",
    "Indigo", "Juniper", "Kestrel", "Lantern", "Larch", "Linden", "Maple", "Marble", "Meadow",
    "Nettle", "Onyx", "Orchard", "Pebble", "Plover", "Quarry", "Quartz", "Rowan", "Saffron",
    "Slate", "Thistle", "Umber",
)  # fmt: skip
NAME_ENDS = (
    "Works", "Group", "Partners", "Systems", "Trading", "Labs", "Union", "Holdings", "Services",
    "Studio", "Supply", "Networks", "Collective", "Industries", "Brothers", "House", "Associates",
)  # fmt: skip
OWNERS = (
    "Ines Calloway",
    "Tomas Vireo",
    "Maud Ferrin",
    "Kofi Larsund",
    "Yuna Petrell",
    "Rafe Ombry",
)
INDUSTRIES = {
    "Software": 20,
    "Retail": 13,
    "Manufacturing": 13,
    "Education": 10,
    "Media": 9,
    "Healthcare": 12,
    "Banking": 10,
    "Insurance": 7,
    "Pharmaceuticals": 6,
}
REGULATED = ("Healthcare", "Banking", "Insurance", "Pharmaceuticals")
REGIONS = {"EMEA": 45, "AMER": 40, "APAC": 15}
CURRENCIES = {
    "EMEA": {"EUR": 55, "GBP": 25, "USD": 20},
    "AMER": {"USD": 100},
    "APAC": {"JPY": 50, "USD": 50},
}
PRICE_FACTOR = {"USD": 1.0, "EUR": 0.92, "GBP": 0.79, "JPY": 150.0}
FIRST_WORKING_HOUR = {"EMEA": 6, "AMER": 12, "APAC": 0}

PLANS = (("starter", 9, 12.0), ("team", 45, 18.0), ("business", 180, 25.0))
LARGEST_PLAN = ("enterprise", 31.0)
MOST_SEATS = 600
PEOPLE_IF_UNKNOWN = 8
TRIAL_DAYS = 30
TERM_MONTHS = {12: 68, 3: 14, 1: 18}
YEARLY_FROM_SEATS = 60

CORE = ("create_project", "edit_project", "report_builder", "automation", "dashboard", "comment")
SETUP = ("invite_user", "integration_setup", "import_data", "sso_setup")
COMPLIANCE = ("audit_log", "approval_workflow", "retention_policy")
FEATURE_WEIGHTS = {
    "dashboard": 22,
    "edit_project": 22,
    "comment": 14,
    "login": 12,
    "search": 8,
    "create_project": 7,
    "report_builder": 6,
    "mobile_app": 5,
    "automation": 4,
    "data_export": 3,
    "api_call": 3,
}
UNTIMED = ("login", "api_call")
DURATIONS = (60, 120, 180, 300, 480, 600, 900, 1200, 1800, 2700)
DURATION_WEIGHTS = (8, 12, 14, 18, 14, 12, 10, 7, 4, 1)

WEEKDAYS = (1.0, 1.06, 1.05, 1.0, 0.84, 0.10, 0.07)
AUGUST = 0.86
LATE_DECEMBER = 0.55

PRIORITIES = ("low", "normal", "high", "urgent")
NOTES = (
    "Quarterly review held.",
    "Sponsor joined the call.",
    "Asked about the roadmap.",
    "Team reorganised.",
    "Training planned.",
    "Goals for the next quarter agreed.",
)
LOAD_TIME = "23:30:00"
WORKDAY_SECONDS = 9 * 3600


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


@dataclass(frozen=True)
class Term:
    """One subscription row: seats at a price for a time."""

    plan: str
    seats: int | None
    mrr: float
    started: date
    term_ends: date
    ended: date | None
    is_trial: bool = False
    auto_renew: bool | None = True
    months: int = 1
    is_addon: bool = False

    @property
    def people(self) -> int:
        """How many people the customer has for it, also where the seats are unknown."""
        return self.seats or PEOPLE_IF_UNKNOWN

    def holds(self, day: date) -> bool:
        return self.started <= day and (self.ended is None or day < self.ended)


@dataclass(frozen=True)
class Account:
    """One customer and everything its inputs are made from."""

    number: int
    archetype: Archetype
    name: str
    industry: str
    region: str
    owner: str
    currency: str
    created: date
    parent: str
    is_test: bool
    shift: float
    turn: tuple[date, date]
    terms: tuple[Term, ...] = ()

    @property
    def id(self) -> str:
        return f"acct_{self.number:04d}"

    @property
    def last_day(self) -> date | None:
        """The first day without service, or None while a subscription goes on."""
        ends = [term.ended for term in self.terms]
        return None if None in ends else max(end for end in ends if end)

    def mood(self, day: date) -> float:
        begin, finish = self.turn
        passed = (day - begin).days / max(1, (finish - begin).days)
        kind = self.archetype
        progress = min(1.0, max(0.0, passed))
        return kind.mood_from + (kind.mood_to - kind.mood_from) * progress + self.shift

    def main_term(self, day: date) -> Term | None:
        return next((t for t in self.terms if not t.is_addon and t.holds(day)), None)

    def is_served(self, day: date) -> bool:
        return self.main_term(day) is not None


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


# ----------------------------------------------------------------------------- accounts and terms


def make_account(number: int, window: Window, seed: int) -> Account:
    """Invent one account; the first ones show every archetype once."""
    rng = stream(seed, f"account {number}")
    kind = rng.choices(ARCHETYPES, [a.share for a in ARCHETYPES])[0]
    if number <= len(ARCHETYPES):
        kind = ARCHETYPES[number - 1]
    is_test = number in TEST_ACCOUNTS
    if is_test:
        kind = ARCHETYPES[0]
    region = pick(rng, REGIONS)
    seats = first_seats(rng)
    months = pick(rng, TERM_MONTHS) if seats < YEARLY_FROM_SEATS else 12
    created, leaves = lifetime(kind, months, window, rng)
    is_child = rng.random() < CHILD_SHARE and number % PARENT_EVERY != 1
    parent = number - (number - 1) % PARENT_EVERY
    name = (
        f"{NAME_STARTS[number % len(NAME_STARTS)]} {NAME_ENDS[number * 5 % len(NAME_ENDS)]}"
        if not is_test
        else f"Test Workspace {number}"
    )
    account = Account(
        number=number,
        archetype=kind,
        name=name,
        industry=pick(rng, INDUSTRIES) if rng.random() > 0.02 else "",
        region=region,
        owner=rng.choice(OWNERS) if rng.random() > 0.04 else "",
        currency=pick(rng, CURRENCIES[region]),
        created=created,
        parent=f"acct_{parent:04d}" if is_child else "",
        is_test=is_test,
        shift=clamp(rng.gauss(0, 0.06), -0.12, 0.12),
        turn=turn_of_mood(kind, created, leaves, window, rng),
    )
    return replace(account, terms=tuple(make_terms(account, seats, months, leaves, window, rng)))


def lifetime(
    kind: Archetype, months: int, window: Window, rng: random.Random
) -> tuple[date, date | None]:
    """When the account is created and, if it leaves within the window, the day it does."""
    if kind.name == "onboarding":
        return window.end - timedelta(days=rng.randint(12, 105)), None
    if kind.name == "trial":
        if rng.random() < 0.6:
            return window.end - timedelta(days=rng.randint(3, TRIAL_DAYS - 4)), None
        created = window.end - timedelta(days=rng.randint(60, max(61, window.days - 20)))
        return created, created + timedelta(days=TRIAL_DAYS)
    if kind.leaves:
        latest = max(1, window.days - 12)
        leaves = early_in_month(window.start + timedelta(days=rng.randint(min(80, latest), latest)))
        renewals = {12: rng.randint(1, 4), 3: rng.randint(3, 8), 1: rng.randint(6, 16)}[months]
        created = add_months(leaves, -months * renewals)
        if months == 12 and rng.random() < 0.25:
            leaves -= timedelta(days=rng.randint(40, 160))
        return created, leaves
    oldest = {12: 1500, 3: 700, 1: 320}[months]
    newest_start = window.days - 130
    if rng.random() < 0.30 and newest_start > 0:
        return early_in_month(window.start + timedelta(days=rng.randint(0, newest_start))), None
    return early_in_month(window.start - timedelta(days=rng.randint(40, oldest))), None


def turn_of_mood(
    kind: Archetype, created: date, leaves: date | None, window: Window, rng: random.Random
) -> tuple[date, date]:
    finish = leaves or window.end
    if kind.turn_days is None:
        return max(created, window.start), finish
    return finish - timedelta(days=rng.randint(*kind.turn_days)), finish


def first_seats(rng: random.Random) -> int:
    """Many small customers, few large ones."""
    if rng.random() < 0.09:
        return int(80 * 6 ** rng.random())
    return int(clamp(rng.lognormvariate(2.45, 0.95), 2, 150))


def price(seats: int, currency: str, discount: float) -> tuple[str, float]:
    """The plan that fits so many seats and what it costs a month."""
    plan, unit = next(((p, u) for p, most, u in PLANS if seats <= most), LARGEST_PLAN)
    amount = seats * unit * (1 - discount) * PRICE_FACTOR[currency]
    return plan, round(amount, 0 if currency == "JPY" else 2)


def make_terms(
    account: Account,
    seats: int,
    months: int,
    leaves: date | None,
    window: Window,
    rng: random.Random,
) -> Iterator[Term]:
    """All subscriptions of an account, oldest first: trial, terms, renewals, changes, add-ons."""
    kind = account.archetype
    discount = rng.choice((0.0, 0.0, 0.0, 0.05, 0.10, 0.15))
    begin = account.created
    is_trial_only = kind.name == "trial"
    starts_with_trial = is_trial_only or (leaves is None and rng.random() < 0.4)
    if starts_with_trial:
        over = begin + timedelta(days=TRIAL_DAYS)
        ended = over if over <= window.end else None
        tried = min(seats, rng.choice((5, 8, 10)))
        yield Term("trial", tried, 0.0, begin, over, ended, is_trial=True, auto_renew=False)
        begin = over
    if is_trial_only or begin > window.end:
        return

    auto_renew = rng.choices((True, False, None), (70, 25, 5))[0]
    upsell_share = rng.random() if kind.name == "growing" and rng.random() < 0.5 else None
    has_addon = seats >= 10 and rng.random() < 0.13
    addon_share = rng.choice((0.1, 0.15, 0.2, 0.25))
    seats_known = rng.random() > 0.02
    while True:
        plan, mrr = price(seats, account.currency, discount)
        term_ends = add_months(begin, months)
        ended = term_ends if term_ends <= window.end else None
        if leaves and leaves <= term_ends:
            ended = leaves
        elif ended is None and kind.name == "declining" and auto_renew is False:
            ended = term_ends
        term = Term(
            plan=plan,
            seats=seats if seats_known else None,
            mrr=mrr,
            started=begin,
            term_ends=term_ends,
            ended=ended,
            auto_renew=auto_renew and (leaves is None or ended != leaves),
            months=months,
        )
        upsell_on = begin + timedelta(days=int((term_ends - begin).days * (upsell_share or 0)))
        is_in_reach = window.start < upsell_on < min(term_ends, window.end)
        if upsell_share and months == 12 and is_in_reach and seats < MOST_SEATS:
            yield replace(term, ended=upsell_on)
            seats = min(MOST_SEATS, seats + max(1, round(seats * rng.uniform(0.08, 0.2))))
            plan, mrr = price(seats, account.currency, discount)
            term = replace(term, plan=plan, seats=seats, mrr=mrr, started=upsell_on)
        yield term
        if has_addon and term_ends > window.start:
            extra = round(mrr * addon_share, 0 if account.currency == "JPY" else 2)
            yield replace(term, seats=None, mrr=extra, is_addon=True)
        if ended is None or ended > window.end or ended == leaves:
            return
        growth = rng.uniform(*kind.renewal_growth) * {12: 1.0, 3: 0.4, 1: 0.15}[months]
        seats = int(clamp(round(seats * (1 + growth)), 2, MOST_SEATS))
        begin = ended


# ----------------------------------------------------------------------------- one input each


def account_rows(account: Account, window: Window, seed: int) -> list[Row]:
    rng = stream(seed, account.id, "accounts")
    created = moment(account.created, rng, account.region)
    updated = created + timedelta(days=rng.randint(0, max(0, (window.end - account.created).days)))
    deleted = None
    gone = account.last_day
    if account.archetype.leaves and gone and rng.random() < DELETED_SHARE_OF_LEFT:
        deleted = moment(gone + timedelta(days=rng.randint(20, 70)), rng, account.region)
        if deleted.date() > window.end:
            deleted = None
    updated = max(updated, deleted) if deleted else updated
    return [
        make_row(
            "accounts",
            account_id=account.id,
            account_name=account.name,
            parent_account_id=account.parent,
            industry=account.industry,
            region=account.region,
            owner=account.owner,
            created_at=created,
            is_test=flag(account.is_test),
            updated_at=updated,
            deleted_at=deleted,
            _loaded_at=loaded(window, updated),
        )
    ]


def subscription_rows(account: Account, window: Window, seed: int) -> list[Row]:
    rng = stream(seed, account.id, "subscriptions")
    rows = []
    for number, term in enumerate(account.terms, start=1):
        known_on = term.started
        if term.ended:
            notice = timedelta(days=rng.randint(15, 40))
            known_on = term.ended if term.ended <= window.end else window.end - notice
            known_on = max(known_on, term.started)
        rows.append(
            make_row(
                "subscriptions",
                subscription_id=f"S{account.number:04d}-{number:02d}",
                account_id=account.id,
                plan=term.plan,
                seats=term.seats,
                mrr=f"{term.mrr:.2f}",
                currency=account.currency,
                is_trial=flag(term.is_trial),
                auto_renew=flag(term.auto_renew),
                started_at=term.started,
                term_ends_at=term.term_ends,
                ended_at=term.ended,
                updated_at=f"{known_on} 04:10:00",
                _loaded_at=loaded(window, known_on),
            )
        )
    return rows


def season(day: date) -> float:
    if day.month == 8:
        return AUGUST
    if (day.month, day.day) >= (12, 22) or (day.month, day.day) <= (1, 2):
        return LATE_DECEMBER
    return 1.0


def setup_days(account: Account, window: Window, rng: random.Random) -> dict[date, list[str]]:
    """When which set-up feature is used: early in a new account, now and then afterwards."""
    willing = clamp(account.mood(window.end) + rng.uniform(-0.1, 0.3), 0.1, 1.0)
    planned: dict[date, list[str]] = {}
    for order, feature in enumerate(SETUP):
        if rng.random() > willing * (1.15 - 0.15 * order):
            continue
        begin = max(account.created, window.start)
        day = begin + timedelta(days=int(order * 6 + rng.uniform(0, 14)))
        while day <= window.end:
            planned.setdefault(day, []).append(feature)
            day += timedelta(days=int(rng.uniform(25, 160)))
    return planned


def usage_rows(account: Account, window: Window, seed: int) -> list[Row]:
    """One row per user, day and feature; the people with the lowest numbers use it most."""
    rng = stream(seed, account.id, "usage_events")
    kind = account.archetype
    breadth = int(clamp(round(1.6 + 4 * account.mood(window.end) + rng.gauss(0.4, 0.9)), 1, 6))
    adopted = rng.sample(CORE, breadth)
    weights = {f: w for f, w in FEATURE_WEIGHTS.items() if f not in CORE or f in adopted}
    features = list(weights)
    cumulative = list(accumulate(weights.values()))
    durations = list(accumulate(DURATION_WEIGHTS))
    is_regulated = account.industry in REGULATED
    compliance_rate = rng.uniform(0.2, 0.7) if is_regulated else rng.choice((0, 0, 0, 0.02, 0.06))
    planned = setup_days(account, window, rng)
    reach = clamp(rng.gauss(0.05, 0.07), -0.1, 0.2)
    turnover = rng.uniform(0, 0.015)
    is_never_used = kind.name == "silent" and rng.random() < 0.3
    hour = FIRST_WORKING_HOUR[account.region]
    rows: list[Row] = []
    for day in window:
        noise = rng.uniform(0.8, 1.2)
        term = account.main_term(day)
        if term is None or is_never_used:
            continue
        mood = account.mood(day)
        seats = term.people
        ramp = min(1.0, 0.3 + (day - account.created).days / 50)
        wanted = seats * clamp(mood * 1.05 + reach, 0.04, 0.97) * kind.usage * ramp
        people = max(1, round(wanted))
        daily = (0.12 + 0.5 * mood) * min(1.0, 8 / people) ** 0.42
        expected = people * daily * WEEKDAYS[day.weekday()] * season(day) * noise
        if kind.usage < 1:
            expected *= kind.usage * 2
        active = round(
            clamp(rng.gauss(expected, (expected * max(0.1, 1 - daily)) ** 0.5), 0, people)
        )
        first_user = 1 + int(people * turnover * (day - window.start).days / 30)
        users = {first_user + int(people * rng.random() ** 1.5) for _ in range(active)}
        used: list[tuple[int, int, str]] = []
        for user in sorted(users):
            at = hour + int(rng.triangular(0, 9, 2))
            draws = 1 + (rng.random() < 0.36) + (rng.random() < 0.12)
            for feature in sorted(set(rng.choices(features, cum_weights=cumulative, k=draws))):
                used.append((user, at, feature))
        if users and planned.get(day):
            used += [(min(users), hour + 3, feature) for feature in sorted(set(planned[day]))]
        elif planned.get(day):
            planned.setdefault(day + timedelta(days=1), []).extend(planned[day])
        if users and rng.random() < compliance_rate * clamp(mood + 0.2, 0, 1):
            used.append((max(users), hour + 5, rng.choice(COMPLIANCE)))
        for number, (user, at, feature) in enumerate(used, start=1):
            timed = feature not in UNTIMED
            seconds = rng.choices(DURATIONS, cum_weights=durations)[0] if timed else ""
            rows.append(
                (
                    f"{account.number:04d}-{number}",
                    account.id,
                    f"u{user}",
                    f"{day} {at:02d}:00:00",
                    feature,
                    str(seconds),
                    str(min(30, 1 + int(rng.expovariate(0.3)))),
                    f"{day} {LOAD_TIME}",
                )
            )
    return rows


def ticket_rows(account: Account, window: Window, seed: int) -> list[Row]:
    rng = stream(seed, account.id, "support_tickets")
    luck = rng.gauss(0, 0.07)
    evening = datetime.combine(window.end, time(23))
    rows: list[Row] = []
    for day in window:
        term = account.main_term(day)
        if term is None:
            continue
        mood = clamp(account.mood(day) + luck, 0.05, 1.0)
        rate = 0.0027 * term.people**0.75 * (1.75 - mood) * account.archetype.tickets
        if (day - account.created).days < 60:
            rate *= 1.8
        weekday = 1.3 if day.weekday() < 5 else 0.25
        if rng.random() >= rate * weekday:
            continue
        opened = moment(day, rng, account.region)
        calm = clamp(mood, 0.2, 0.9)
        priority = rng.choices(PRIORITIES, (20 + 10 * calm, 55, 35 - 25 * calm, 14 - 12 * calm))[0]
        speed = {"low": 2.2, "normal": 1.3, "high": 0.8, "urgent": 0.5}[priority]
        answer = opened + timedelta(minutes=int(rng.lognormvariate(4.6, 0.8) * speed))
        effort = rng.lognormvariate(3.0, 0.9) * speed * (2.1 - 1.4 * calm)
        solved = answer + timedelta(minutes=int(effort * 60))
        is_left_open = (window.end - day).days < 75 and rng.random() < 0.22 * (1 - mood)
        reopened = int(rng.random() < 0.22 * (1.25 - mood)) + int(rng.random() < 0.03)
        rating = round(clamp(rng.gauss(2.3 + 2.7 * mood, 0.8), 1, 5))
        is_rated = rng.random() < 0.4
        is_solved = not is_left_open and solved <= evening
        is_answered = answer <= evening
        updated = solved if is_solved else answer if is_answered else opened
        rows.append(
            make_row(
                "support_tickets",
                ticket_id=f"T{account.number:04d}-{len(rows) + 1:03d}",
                account_id=account.id,
                opened_at=opened,
                first_response_at=answer if is_answered else None,
                solved_at=solved if is_solved else None,
                priority=priority,
                reopen_count=reopened if is_solved else 0,
                csat_score=rating if is_solved and is_rated else None,
                updated_at=updated,
                _loaded_at=loaded(window, updated),
            )
        )
    return rows


def forgotten_ticket_rows(accounts: list[Account], window: Window, seed: int) -> list[Row]:
    """Urgent tickets that the two first struggling accounts have waited on for weeks."""
    rows = []
    waiting = (a for a in accounts if a.archetype.name == "struggling" and a.is_served(window.end))
    for account, days in zip(waiting, (62, 34), strict=False):
        rng = stream(seed, account.id, "forgotten ticket")
        opened = moment(window.end - timedelta(days=days), rng, account.region)
        answer = opened + timedelta(hours=2)
        rows.append(
            make_row(
                "support_tickets",
                ticket_id=f"T{account.number:04d}-900",
                account_id=account.id,
                opened_at=opened,
                first_response_at=answer,
                solved_at=None,
                priority="urgent",
                reopen_count=1,
                csat_score=None,
                updated_at=answer,
                _loaded_at=loaded(window, answer),
            )
        )
    return rows


def survey_rows(account: Account, window: Window, seed: int) -> list[Row]:
    """NPS in spring and autumn, a few users each; csat all year round."""
    rng = stream(seed, account.id, "survey_responses")
    luck = rng.gauss(0, 0.07)
    answers: list[tuple[datetime, str, str, str]] = []
    for day in window:
        term = account.main_term(day)
        if term is None:
            continue
        seats = term.people
        mood = clamp(account.mood(day) + luck, 0.05, 1.0)
        if (day.month, day.day) in ((3, 12), (9, 3)):
            asked = min(9, 1 + int(seats**0.45))
            replies = sum(rng.random() < 0.75 * account.archetype.surveys for _ in range(asked))
            for user in sorted(rng.sample(range(1, max(2, seats, asked) + 1), replies)):
                replied = day + timedelta(days=int(rng.triangular(0, 20, 3)))
                score = round(clamp(rng.gauss(2.9 + 7.3 * mood, 1.7), 0, 10))
                who = f"u{user}" if rng.random() > 0.08 else ""
                if replied <= window.end and account.is_served(replied):
                    answers.append((moment(replied, rng, account.region), who, "nps", str(score)))
        if rng.random() < 0.0028 * seats**0.5 * account.archetype.surveys * WEEKDAYS[day.weekday()]:
            score = round(clamp(rng.gauss(2.4 + 2.7 * mood, 0.8), 1, 5))
            who = f"u{rng.randint(1, seats)}" if rng.random() > 0.15 else ""
            answers.append((moment(day, rng, account.region), who, "csat", str(score)))
    return [
        make_row(
            "survey_responses",
            response_id=f"R{account.number:04d}-{number:03d}",
            account_id=account.id,
            user_id=who,
            responded_at=replied_at,
            survey_type=survey_type,
            score=score,
            _loaded_at=loaded(window, replied_at),
        )
        for number, (replied_at, who, survey_type, score) in enumerate(sorted(answers), start=1)
    ]


def invoice_rows(account: Account, window: Window, seed: int) -> list[Row]:
    """Recurring invoices of the terms of the last year and since, services, and credits."""
    rng = stream(seed, account.id, "invoices")
    habit = rng.gauss(0, 0.07)
    is_billed_upfront = rng.random() < 0.65
    oldest = window.start - timedelta(days=365)
    decimals = 0 if account.currency == "JPY" else 2
    planned: list[tuple[date, str, float]] = []
    for term in account.terms:
        if term.is_trial:
            continue
        if is_billed_upfront or term.months == 1:
            bills = [(term.started, term.mrr * term.months)]
        else:
            bills = [(add_months(term.started, n), term.mrr) for n in range(term.months)]
        planned += [
            (on, "recurring", amount)
            for on, amount in bills
            if oldest <= on <= window.end and term.holds(on)
        ]
        if not term.is_addon and rng.random() < 0.08 and oldest <= term.started:
            planned.append((term.started + timedelta(days=12), "one_off", term.mrr * 0.8))
        if not term.is_addon and rng.random() < 0.025 and oldest <= term.started:
            planned.append((term.started + timedelta(days=25), "credit", -0.3 * term.mrr))
        if term.ended and term.ended < term.term_ends and term.months == 12 and rng.random() < 0.5:
            planned.append((term.ended, "credit", -term.mrr))
    rows: list[Row] = []
    for on, kind, amount in sorted(planned):
        if on > window.end or (kind == "one_off" and not account.is_served(on)):
            continue
        mood = clamp(account.mood(on) + habit, 0.05, 1.0)
        issued = datetime(on.year, on.month, on.day, 5, 0)
        due = on + timedelta(days=30)
        is_recent = (window.end - due).days < 120
        delay = int(rng.triangular(-24, 4, -6))
        if rng.random() < 0.6 * (1 - mood) ** 2:
            delay = int(rng.uniform(6, 55 + 110 * (1 - mood)))
        paid = moment(due + timedelta(days=delay), rng, account.region) if amount > 0 else None
        if paid and (paid.date() > window.end or (is_recent and rng.random() < 0.08 * (1 - mood))):
            paid = None
        updated = paid or issued
        rows.append(
            make_row(
                "invoices",
                invoice_id=f"I{account.number:04d}-{len(rows) + 1:03d}",
                account_id=account.id,
                issued_at=issued,
                due_at=due if amount > 0 else None,
                paid_at=paid,
                amount=f"{amount:.{decimals}f}",
                currency=account.currency,
                kind=kind,
                updated_at=updated,
                _loaded_at=loaded(window, updated),
            )
        )
    return rows


def assessment_rows(account: Account, window: Window, seed: int) -> list[Row]:
    """What the owner thinks, every month or two, of accounts large enough to have one."""
    rng = stream(seed, account.id, "csm_assessments")
    rows: list[Row] = []
    if not account.owner or account.is_test:
        return rows
    day = max(account.created, window.start) + timedelta(days=rng.randint(5, 50))
    while day <= window.end:
        term = account.main_term(day)
        if term and (term.seats or 0) >= 16 and day.weekday() < 5:
            assessed = moment(day, rng, account.region)
            sentiment = round(clamp(rng.gauss(0.8 + 4.3 * account.mood(day), 0.6), 1, 5))
            rows.append(
                make_row(
                    "csm_assessments",
                    assessment_id=f"A{account.number:04d}-{len(rows) + 1:02d}",
                    account_id=account.id,
                    assessed_at=assessed,
                    sentiment=sentiment,
                    author=account.owner,
                    note=rng.choice(NOTES) if rng.random() < 0.6 else None,
                    _loaded_at=loaded(window, assessed),
                )
            )
        day += timedelta(days=rng.randint(30, 65))
    return rows


def override_rows(accounts: list[Account], window: Window) -> list[Row]:
    """Three judgements by hand: one in force on the last day, one over, one that lasts too long."""
    served = [a for a in accounts if a.is_served(window.end) and not a.is_test] or accounts
    wishes = (
        ("declining", 72, "Renewal agreed in a call, contract pending.", -20, 40),
        ("steady", 45, "Sponsor left, successor not yet known.", -150, -90),
        ("struggling", 80, "Recovery plan in place.", -10, 110),
    )
    rows = []
    for number, (kind, score, reason, starts, expires) in enumerate(wishes, start=1):
        account = next((a for a in served if a.archetype.name == kind), served[0])
        begins = window.end + timedelta(days=starts)
        rows.append(
            make_row(
                "score_overrides",
                override_id=f"O-{number:02d}",
                account_id=account.id,
                score=score,
                reason=reason,
                author=account.owner or OWNERS[0],
                starts_at=begins,
                expires_at=window.end + timedelta(days=expires),
                _loaded_at=loaded(window, begins),
            )
        )
    return rows


# ----------------------------------------------------------------------------- planted dirt


@dataclass(frozen=True)
class Dirt:
    """One fault, planted on a row of the account with that number (counted from 0; -1 is the last),
    or of the next account that has so many rows in the input.

    `edit` changes the row in place, `outdated` puts an older version before it, `resent` repeats
    it, `extra` adds a changed copy. {} in a cell stands for what was there.
    """

    table: str
    account: int
    row: int
    how: str
    cells: dict[str, str]


def dirt(table: str, account: int, row: int, how: str, **cells: str) -> Dirt:
    return Dirt(table, account, row, how, cells)


DIRT = (
    dirt("accounts", 7, 0, "edit", account_id=" {} "),
    dirt("accounts", 12, 0, "edit", industry="N/A"),
    dirt("accounts", 19, 0, "edit", owner="-"),
    dirt("accounts", 23, 0, "edit", region="null"),
    dirt("accounts", 26, 0, "edit", is_test="maybe"),
    dirt("accounts", 34, 0, "edit", parent_account_id="acct_lost"),
    dirt("accounts", 15, 0, "outdated", owner="Rafe Ombry"),
    dirt("accounts", 21, 0, "resent"),
    dirt("accounts", 10, 0, "extra", account_id=""),
    dirt("accounts", 28, 0, "extra", account_id="acct_bad1", created_at="13/02/2026"),
    dirt("accounts", 36, 0, "extra", account_id="acct_bad2", created_at="1900-01-01"),
    dirt("accounts", 45, 0, "extra", account_id="acct_bad3", deleted_at="2001-05-01"),
    dirt("subscriptions", 16, -1, "edit", seats="ten"),
    dirt("subscriptions", 20, -1, "edit", seats="{}.0"),
    dirt("subscriptions", 27, -1, "edit", mrr="-250.00"),
    dirt("subscriptions", 38, -1, "edit", currency="XXX"),
    dirt("subscriptions", 44, -1, "edit", auto_renew="perhaps"),
    dirt("subscriptions", 49, -1, "edit", term_ends_at="next spring"),
    dirt("subscriptions", 53, -1, "edit", account_id="  {}"),
    dirt("subscriptions", 18, 0, "outdated", plan="starter"),
    dirt("subscriptions", 24, 0, "resent"),
    dirt("subscriptions", 29, 0, "extra", subscription_id="S-bad-1", ended_at="2001-01-01"),
    dirt("subscriptions", 33, 0, "extra", subscription_id="S-bad-2", account_id="acct_lost"),
    dirt("subscriptions", 37, 0, "extra", subscription_id="S-bad-3", account_id="n/a"),
    dirt("subscriptions", 41, 0, "extra", subscription_id="S-bad-4", started_at="1900-01-01"),
    dirt("subscriptions", 46, 0, "extra", subscription_id="S-bad-5", started_at="13/02/2026"),
    dirt("support_tickets", 11, 1, "edit", csat_score="0"),
    dirt("support_tickets", 17, 0, "edit", csat_score="9"),
    dirt("support_tickets", 22, 1, "edit", priority="blocker"),
    dirt("support_tickets", 30, 0, "edit", reopen_count="-1"),
    dirt("support_tickets", 35, 0, "edit", first_response_at="pending"),
    dirt("support_tickets", 40, 0, "edit", priority=" HIGH "),
    dirt("support_tickets", 43, 2, "edit", opened_at="{}+02:00"),
    dirt("support_tickets", 14, 2, "outdated", solved_at="", csat_score="", reopen_count="0"),
    dirt("support_tickets", 47, 1, "outdated", priority="low"),
    dirt("support_tickets", 50, 0, "resent"),
    dirt("support_tickets", 25, 0, "extra", ticket_id="T-bad-1", account_id="acct_lost"),
    dirt("support_tickets", 32, 0, "extra", ticket_id="T-bad-2", solved_at="2020-02-02"),
    dirt("support_tickets", 39, 0, "extra", ticket_id="T-bad-3", opened_at="?"),
    dirt("survey_responses", 13, 0, "edit", user_id="N/A"),
    dirt("survey_responses", 42, 1, "edit", user_id="-"),
    dirt("survey_responses", 48, 0, "edit", survey_type="NPS", score="8"),
    dirt("survey_responses", 51, 0, "resent"),
    dirt("survey_responses", 9, 0, "extra", response_id="R-bad-1", survey_type="nps", score="11"),
    dirt("survey_responses", 15, 0, "extra", response_id="R-bad-2", survey_type="nps", score="7.5"),
    dirt("survey_responses", 24, 0, "extra", response_id="R-bad-3", survey_type="csat", score="0"),
    dirt("survey_responses", 33, 0, "extra", response_id="R-bad-4", survey_type="effort"),
    dirt("survey_responses", 37, 0, "extra", response_id="R-bad-5", score="good"),
    dirt("survey_responses", 52, 0, "extra", response_id="R-bad-6", account_id="acct_lost"),
    dirt("invoices", 18, 0, "edit", due_at="31/12/2025"),
    dirt("invoices", 29, 0, "outdated", paid_at=""),
    dirt("invoices", 41, 0, "resent"),
    dirt("invoices", 10, 0, "extra", invoice_id="I-bad-1", currency="XXX"),
    dirt("invoices", 23, 0, "extra", invoice_id="I-bad-2", kind="deposit"),
    dirt("invoices", 34, 0, "extra", invoice_id="I-bad-3", amount="1,200.00"),
    dirt("invoices", 46, 0, "extra", invoice_id="I-bad-4", amount=""),
    dirt("invoices", 54, 0, "extra", invoice_id="I-bad-5", account_id="acct_lost"),
    dirt("csm_assessments", 12, 0, "edit", author="none"),
    dirt("csm_assessments", 20, 0, "resent"),
    dirt("csm_assessments", 26, 0, "extra", assessment_id="A-bad-1", sentiment="6"),
    dirt("csm_assessments", 38, 0, "extra", assessment_id="A-bad-2", sentiment="4.5"),
    dirt("usage_events", 11, 40, "edit", user_id="N/A"),
    dirt("usage_events", 16, 25, "edit", user_id="-"),
    dirt("usage_events", 22, 30, "edit", account_id=" {} "),
    dirt("usage_events", 27, 10, "edit", duration_seconds="-60"),
    dirt("usage_events", 30, 15, "edit", event_count="0"),
    dirt("usage_events", 35, 20, "resent"),
    dirt("usage_events", 40, 50, "resent"),
    dirt("usage_events", 13, 60, "extra", event_id="bad-1", account_id="acct_lost"),
    dirt("usage_events", 19, 35, "extra", event_id="bad-2", account_id="acct_gone"),
    dirt("usage_events", 25, 45, "extra", event_id="bad-3", feature=""),
    dirt("usage_events", 32, 55, "extra", event_id="bad-4", feature="  "),
    dirt("usage_events", 36, 12, "extra", event_id=""),
    dirt("usage_events", 43, 18, "extra", event_id="bad-6", event_at="1900-01-01 00:00:00"),
)


def earlier(timestamp: str) -> str:
    return str(datetime.fromisoformat(timestamp) - timedelta(hours=1))


def soil(rows: list[Row], fault: Dirt) -> list[Row]:
    """The rows of one account in one input with the fault planted."""
    columns = COLUMNS[fault.table]
    original = rows[fault.row]
    cells = dict(zip(columns, original, strict=True))
    for column, value in fault.cells.items():
        cells[column] = value.replace("{}", cells[column])
    if fault.how == "outdated":
        for column in ("updated_at", "_loaded_at"):
            cells[column] = earlier(cells[column])
    changed = tuple(cells[column] for column in columns)
    shown = {
        "edit": [changed],
        "outdated": [changed, original],
        "resent": [original, original],
        "extra": [original, changed],
    }[fault.how]
    at = fault.row % len(rows)
    return rows[:at] + shown + rows[at + 1 :]


def plant(rows: list[Row], number: int, pending: list[Dirt]) -> list[Row]:
    """Plant what is due at this account; what does not fit stays pending for the next one."""
    size = len(rows)
    due = [f for f in pending if f.account <= number and -size <= f.row < size]
    for fault in sorted(due, key=lambda f: f.row % size, reverse=True):
        rows = soil(rows, fault)
        pending.remove(fault)
    return rows


# ----------------------------------------------------------------------------- writing


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Row]) -> int:
    """Write rows as CSV, header first; returns their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def write_usage(path: Path, rows: Iterable[Row]) -> int:
    """Write usage rows as typed Parquet in the order of loading; returns their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: USAGE_TYPES.get(name, "varchar") for name in COLUMNS["usage_events"]}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        text = Path(folder) / "usage_events.csv"
        count = write_csv(text, columns, rows)
        connection.execute("set threads = 1")
        connection.read_csv(
            str(text), columns=columns, header=True, delimiter=",", auto_detect=False
        ).to_table("usage_events")
        target = str(path).replace("'", "''")
        connection.execute(
            f"""
            copy (select * from usage_events order by _loaded_at, rowid) to '{target}'
            (format parquet, compression zstd, compression_level 19)
            """
        )
    return count


def generate(out: Path, accounts: int, window: Window, seed: int) -> list[tuple[str, int, int]]:
    """Write all inputs below `out`; returns name, rows and bytes of each."""
    customers = [make_account(number, window, seed) for number in range(1, accounts + 1)]
    makers = {
        "accounts": account_rows,
        "subscriptions": subscription_rows,
        "usage_events": usage_rows,
        "support_tickets": ticket_rows,
        "survey_responses": survey_rows,
        "invoices": invoice_rows,
        "csm_assessments": assessment_rows,
    }
    extra = {
        "support_tickets": forgotten_ticket_rows(customers, window, seed),
        "score_overrides": override_rows(customers, window),
    }

    def rows_of(table: str) -> Iterator[Row]:
        pending = [fault for fault in DIRT if fault.table == table]
        for customer in customers if table in makers else ():
            yield from plant(makers[table](customer, window, seed), customer.number, pending)
        yield from extra.get(table, ())

    summary = []
    for table, columns in COLUMNS.items():
        if table == "usage_events":
            path = out / table / f"{table}.parquet"
            count = write_usage(path, rows_of(table))
        else:
            path = out / table / f"{table}.csv"
            count = write_csv(path, columns, rows_of(table))
        summary.append((table, count, path.stat().st_size))
    return summary


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a whole number of 1 or more: {text!r}")
    return int(text)


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a day: {text!r}, write it as 2026-09-30") from None


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Make the sample data: eight raw inputs of an invented company.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("sample_data"), help="folder to write to")
    parser.add_argument("--accounts", type=positive, default=150, help="number of accounts")
    parser.add_argument("--months", type=positive, default=15, help="months of history")
    parser.add_argument("--end", type=day, default=date(2026, 9, 30), help="last day, YYYY-MM-DD")
    parser.add_argument("--seed", type=int, default=42, help="another seed, another company")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    first_of_next_month = options.end + timedelta(days=1)
    window = Window(add_months(first_of_next_month, -options.months), options.end)
    summary = generate(options.out, options.accounts, window, options.seed)
    print(f"{'input':<18}{'rows':>10}{'bytes':>12}")
    for table, rows, size in summary:
        print(f"{table:<18}{rows:>10,}{size:>12,}")
    total_rows, total_size = (sum(line[n] for line in summary) for n in (1, 2))
    print(f"{'total':<18}{total_rows:>10,}{total_size:>12,}")
    print(f"{window.start} to {window.end}, written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
