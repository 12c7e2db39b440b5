"""The invented company's customers: who they are, what they bought, how they behave."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sample.contract import Window, add_months, clamp, early_in_month, pick, stream
from sample.truth import (
    NOTICE_DAYS,
    RED_HERRING,
    TRIAL_MONTHS,
    Decision,
    Spell,
    decide,
    make_spells,
)


@dataclass(frozen=True)
class Archetype:
    """A kind of customer: how its mood moves over the window. It decides about no leaving."""

    name: str
    share: int
    mood_from: float
    mood_to: float
    renewal_growth: tuple[float, float] = (-0.02, 0.08)


ARCHETYPES = (
    Archetype("steady", 62, 0.68, 0.69),
    Archetype("growing", 20, 0.64, 0.86, renewal_growth=(0.10, 0.35)),
    Archetype("newcomer", 12, 0.64, 0.78),
    Archetype("trial", 6, 0.50, 0.62),
)
SHRINKING = (-0.25, 0.0)

TEST_ACCOUNTS = (35, 88, 142)
CHILD_SHARE = 0.11
PARENT_EVERY = 10
GROUP_HEADS = {21: 11, 41: 11}  # parents that belong to another one: a hierarchy of three levels

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

PLANS = (("starter", 9, 12.0), ("team", 45, 18.0), ("business", 180, 25.0))
LARGEST_PLAN = ("enterprise", 31.0)
MOST_SEATS = 600
PEOPLE_IF_UNKNOWN = 8
TRIAL_DAYS = 30
TERM_MONTHS = {12: 68, 3: 14, 1: 18}
YEARLY_FROM_SEATS = 60

ONBOARDING_DAYS = 120
ENTERPRISE_SEATS = 200
MID_MARKET_SEATS = 40


@dataclass(frozen=True)
class Term:
    """One subscription row: seats at a price for a time."""

    plan: str
    seats: int | None
    mrr: float | None
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

    id: str
    archetype: Archetype
    name: str
    industry: str
    region: str
    owner: str
    currency: str
    created: date
    parent: str = ""
    is_test: bool = False
    shift: float = 0.0
    turn: tuple[date, date] = (date.min, date.max)
    spells: tuple[Spell, ...] = ()
    terms: tuple[Term, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def code(self) -> str:
        """What the ids of its rows are made from."""
        return self.id.removeprefix("acct_")

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

    def feeling(self, day: date) -> float:
        """What people say: the mood, lower while the account shows what makes customers leave."""
        troubles = sum(s.behaviour != RED_HERRING and s.holds(day) for s in self.spells)
        return self.mood(day) - 0.16 * min(2, troubles)

    def spell(self, behaviour: str, day: date) -> Spell | None:
        """The spell of a behaviour that the account shows on a day."""
        return next((s for s in self.spells if s.behaviour == behaviour and s.holds(day)), None)

    def main_term(self, day: date) -> Term | None:
        return next((t for t in self.terms if not t.is_addon and t.holds(day)), None)

    def is_served(self, day: date) -> bool:
        return self.main_term(day) is not None


def home_kind(industry: str, seats: int) -> str:
    """How an account is judged once it is settled."""
    if industry in REGULATED:
        return "regulated"
    if seats >= ENTERPRISE_SEATS:
        return "enterprise"
    return "mid_market" if seats >= MID_MARKET_SEATS else "small_business"


def segment_kind(account: Account, seats: int, months: int, day: date) -> str:
    """How an account is judged on a day."""
    if months == TRIAL_MONTHS:
        return "trial"
    if (day - account.created).days <= ONBOARDING_DAYS:
        return "onboarding"
    return home_kind(account.industry, seats)


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
    industry = pick(rng, INDUSTRIES) if rng.random() > 0.02 else ""
    seats = first_seats(rng)
    months = pick(rng, TERM_MONTHS) if seats < YEARLY_FROM_SEATS else 12
    created = first_day(kind, months, window, rng)
    is_child = rng.random() < CHILD_SHARE and number % PARENT_EVERY != 1
    parent = number - (number - 1) % PARENT_EVERY if is_child else GROUP_HEADS.get(number)
    name = f"{NAME_STARTS[number % len(NAME_STARTS)]} {NAME_ENDS[number * 5 % len(NAME_ENDS)]}"
    account_id = f"acct_{number:04d}"
    home = home_kind(industry, seats)
    account = Account(
        id=account_id,
        archetype=kind,
        name=f"Test Workspace {number}" if is_test else name,
        industry=industry,
        region=region,
        owner=rng.choice(OWNERS) if home == "enterprise" or rng.random() > 0.04 else "",
        currency=pick(rng, CURRENCIES[region]),
        created=created,
        parent=f"acct_{parent:04d}" if parent else "",
        is_test=is_test,
        shift=clamp(rng.gauss(0, 0.13), -0.30, 0.20),
        turn=(max(created, window.start), window.end),
        spells=make_spells(account_id, ("trial", "onboarding", home), created, window, seed),
    )
    terms, decisions = history(account, seats, months, window, seed, rng)
    return replace(account, terms=terms, decisions=decisions)


def first_day(kind: Archetype, months: int, window: Window, rng: random.Random) -> date:
    """When the account is created."""
    if kind.name == "newcomer":
        return window.end - timedelta(days=rng.randint(12, 105))
    if kind.name == "trial":
        return window.end - timedelta(days=rng.randint(3, TRIAL_DAYS - 4))
    oldest = {12: 1500, 3: 700, 1: 320}[months]
    newest_start = window.days - 130
    if rng.random() < 0.30 and newest_start > 0:
        return early_in_month(window.start + timedelta(days=rng.randint(0, newest_start)))
    return early_in_month(window.start - timedelta(days=rng.randint(40, oldest)))


def first_seats(rng: random.Random) -> int:
    """Many small customers, few large ones."""
    if rng.random() < 0.09:
        return int(80 * 6 ** rng.random())
    return int(clamp(rng.lognormvariate(2.45, 0.95), 2, 150))


def price(seats: int, currency: str, discount: float = 0.0) -> tuple[str, float]:
    """The plan that fits so many seats and what it costs a month."""
    plan, unit = next(((p, u) for p, most, u in PLANS if seats <= most), LARGEST_PLAN)
    amount = seats * unit * (1 - discount) * PRICE_FACTOR[currency]
    return plan, round(amount, 0 if currency == "JPY" else 2)


def decision_about(
    account: Account, term: Term, seats: int, window: Window, seed: int
) -> Decision | None:
    """What is decided about the end of a term; None where that is not a matter of the window."""
    day = term.term_ends - timedelta(days=NOTICE_DAYS[term.months])
    if account.is_test or not window.start <= day <= window.end:
        return None
    kind = segment_kind(account, seats, term.months, day)
    return decide(account.id, kind, account.spells, term.months, term.term_ends, seed)


def history(
    account: Account, seats: int, months: int, window: Window, seed: int, rng: random.Random
) -> tuple[tuple[Term, ...], tuple[Decision, ...]]:
    """All subscriptions of an account and the decisions about them, oldest first."""
    terms: list[Term] = []
    decisions: list[Decision] = []
    begin = account.created
    if account.archetype.name == "trial" or rng.random() < 0.4:
        term = trial(account, min(seats, rng.choice((5, 8, 10))), window)
        decision = decision_about(account, term, seats, window, seed)
        decisions += [decision] if decision else []
        is_last = decision is not None and decision.left
        terms.append(replace(term, ended=term.term_ends) if is_last else term)
        if is_last or term.term_ends > window.end:
            return tuple(terms), tuple(decisions)
        begin = term.term_ends
    for parts, decision in paid_terms(account, begin, seats, months, window, seed, rng):
        terms += parts
        decisions += [decision] if decision else []
    return tuple(terms), tuple(decisions)


def trial(account: Account, seats: int, window: Window) -> Term:
    over = account.created + timedelta(days=TRIAL_DAYS)
    return Term(
        plan="trial",
        seats=seats,
        mrr=0.0,
        started=account.created,
        term_ends=over,
        ended=over if over <= window.end else None,
        is_trial=True,
        auto_renew=False,
        months=TRIAL_MONTHS,
    )


def paid_terms(
    account: Account,
    begin: date,
    seats: int,
    months: int,
    window: Window,
    seed: int,
    rng: random.Random,
) -> Iterator[tuple[list[Term], Decision | None]]:
    """Term after term, with its upsell and add-on, until the account leaves or the feed ends."""
    kind = account.archetype
    discount = rng.choice((0.0, 0.0, 0.0, 0.05, 0.10, 0.15))
    auto_renew = rng.choices((True, False, None), (70, 25, 5))[0]
    upsell_share = rng.random() if kind.name == "growing" and rng.random() < 0.5 else None
    has_addon = seats >= 10 and rng.random() < 0.13
    addon_share = rng.choice((0.1, 0.15, 0.2, 0.25))
    seats_known = rng.random() > 0.02
    while begin <= window.end:
        plan, mrr = price(seats, account.currency, discount)
        term = Term(
            plan=plan,
            seats=seats if seats_known else None,
            mrr=mrr,
            started=begin,
            term_ends=add_months(begin, months),
            ended=None,
            auto_renew=auto_renew,
            months=months,
        )
        decision = decision_about(account, term, seats, window, seed)
        is_last = decision is not None and decision.left
        if is_last or term.term_ends <= window.end:
            term = replace(term, ended=term.term_ends)
        parts = []
        if upsell_share and months == 12 and seats < MOST_SEATS:
            on = begin + timedelta(days=int((term.term_ends - begin).days * upsell_share))
            if window.start < on < min(term.term_ends, window.end):
                parts.append(replace(term, ended=on))
                seats = min(MOST_SEATS, seats + max(1, round(seats * rng.uniform(0.08, 0.2))))
                plan, mrr = price(seats, account.currency, discount)
                known = seats if seats_known else None
                term = replace(term, plan=plan, seats=known, mrr=mrr, started=on)
        parts.append(term)
        if has_addon and term.term_ends > window.start:
            extra = round(mrr * addon_share, 0 if account.currency == "JPY" else 2)
            parts.append(replace(term, seats=None, mrr=extra, is_addon=True))
        yield parts, decision
        if is_last:
            return
        in_trouble = decision is not None and set(decision.behaviours) - {RED_HERRING}
        growth = rng.uniform(*(SHRINKING if in_trouble else kind.renewal_growth))
        growth *= {12: 1.0, 3: 0.4, 1: 0.15}[months]
        seats = int(clamp(round(seats * (1 + growth)), 2, MOST_SEATS))
        begin = term.term_ends
