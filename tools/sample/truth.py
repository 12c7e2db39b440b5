"""Why invented customers leave: the documented truth that a score can be judged against.

An account shows behaviours in spells, each drawn from a stream of its own and blind to what
comes after. At every decision about a renewal, the odds of leaving are those of the base rate,
multiplied by the odds ratio of each behaviour that has lasted long enough by then. A die is cast:
some leave for no reason, some stay in spite of everything. Nothing else makes a customer leave.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sample.contract import Row, Window, stream

# Looks like a warning and means nothing.
RED_HERRING = "many_tickets"
TRIAL_MONTHS = 0  # A trial is no term of months.

# How likely an account without any behaviour leaves at one decision, by months of the term.
BASE_RATES = {TRIAL_MONTHS: 0.25, 1: 0.005, 3: 0.015, 12: 0.050}
# How many days before the end of the term the decision is taken.
NOTICE_DAYS = {TRIAL_MONTHS: 3, 1: 10, 3: 30, 12: 60}


@dataclass(frozen=True)
class Behaviour:
    """Something that an account may do for a while, visible in a metric of the catalogue."""

    name: str
    metric: str
    share: float  # of the time; of the accounts for what begins with the account
    days: tuple[int, int]  # shortest and longest spell
    counts_after: int  # days until it weighs in a decision
    from_the_start: bool = False


BEHAVIOURS = {
    behaviour.name: behaviour
    for behaviour in (
        Behaviour("setup_unfinished", "setup_completion", 0.30, (90, 240), 20, True),
        Behaviour("usage_fading", "usage_change_28d", 0.18, (100, 200), 60),
        Behaviour("compliance_unused", "compliance_feature_days_28d", 0.25, (200, 500), 60),
        Behaviour("csm_sentiment_low", "csm_sentiment_90d", 0.25, (120, 300), 60),
        Behaviour("few_seats_used", "licence_utilisation_28d", 0.25, (200, 500), 60),
        Behaviour("urgent_ticket_waiting", "oldest_urgent_ticket_days", 0.20, (90, 180), 60),
        Behaviour("long_login_intervals", "login_interval_days_90d", 0.20, (150, 400), 60),
        Behaviour("invoice_unpaid", "days_overdue", 0.20, (110, 220), 60),
        Behaviour(RED_HERRING, "tickets_per_100_seats_90d", 0.25, (120, 360), 60),
    )
}

# Segment kind -> behaviour -> by how much it multiplies the odds of leaving. To leave a trial is
# not to convert.
TRUTH: dict[str, dict[str, float]] = {
    "trial": {"setup_unfinished": 8.0},
    "onboarding": {"setup_unfinished": 14.0, RED_HERRING: 1.0},
    "regulated": {"compliance_unused": 14.0, "usage_fading": 8.0, RED_HERRING: 1.0},
    "enterprise": {
        "csm_sentiment_low": 12.0,
        "few_seats_used": 8.0,
        "usage_fading": 8.0,
        RED_HERRING: 1.0,
    },
    "mid_market": {"usage_fading": 14.0, "urgent_ticket_waiting": 10.0, RED_HERRING: 1.0},
    "small_business": {
        "long_login_intervals": 14.0,
        "invoice_unpaid": 10.0,
        "usage_fading": 10.0,
        RED_HERRING: 1.0,
    },
}

TRUTH_COLUMNS = (
    "account_id",
    "decision_date",
    "segment_kind",
    "behaviours",
    "leaving_probability",
    "left",
)


@dataclass(frozen=True)
class Spell:
    """A behaviour from a day on until the day before another one."""

    behaviour: str
    begins: date
    ends: date

    def holds(self, day: date) -> bool:
        return self.begins <= day < self.ends

    def counts(self, day: date) -> bool:
        """Whether it has lasted long enough to weigh in a decision."""
        shown = self.begins + timedelta(days=BEHAVIOURS[self.behaviour].counts_after)
        return shown <= day < self.ends


@dataclass(frozen=True)
class Decision:
    """One decision about a renewal, with everything it depends on."""

    account_id: str
    day: date
    months: int
    segment_kind: str
    behaviours: tuple[str, ...]
    probability: float
    left: bool

    @property
    def row(self) -> Row:
        return (
            self.account_id,
            str(self.day),
            self.segment_kind,
            ";".join(self.behaviours),
            f"{self.probability:.4f}",
            str(self.left).lower(),
        )


def make_spells(
    account_id: str, kinds: Iterable[str], created: date, window: Window, seed: int
) -> tuple[Spell, ...]:
    """Every spell of the behaviours that matter to these segment kinds, until the last day."""
    names = sorted({name for kind in kinds for name in TRUTH[kind]})
    return tuple(
        spell
        for name in names
        for spell in spells_of(BEHAVIOURS[name], account_id, created, window, seed)
    )


def spells_of(
    behaviour: Behaviour, account_id: str, created: date, window: Window, seed: int
) -> list[Spell]:
    """Spells with pauses between them, so that they take the behaviour's share of the time."""
    rng = stream(seed, account_id, "spells", behaviour.name)
    shortest, longest = behaviour.days
    if behaviour.from_the_start:
        if rng.random() >= behaviour.share:
            return []
        ends = created + timedelta(days=rng.randint(shortest, longest))
        return [Spell(behaviour.name, created, ends)]
    mean_pause = (shortest + longest) / 2 * (1 / behaviour.share - 1)
    # Long before anything, so that the share holds from the first day on.
    day = min(created, window.start) - timedelta(days=1500)
    found = []
    while (day := day + timedelta(days=int(rng.expovariate(1 / mean_pause)))) <= window.end:
        ends = day + timedelta(days=rng.randint(shortest, longest))
        if ends > max(created, window.start):
            found.append(Spell(behaviour.name, max(day, created), ends))
        day = ends
    return found


def leaving_probability(kind: str, months: int, behaviours: Iterable[str]) -> float:
    rate = BASE_RATES[months]
    odds = rate / (1 - rate)
    for behaviour in behaviours:
        odds *= TRUTH[kind][behaviour]
    return odds / (1 + odds)


def decide(
    account_id: str, kind: str, spells: tuple[Spell, ...], months: int, term_ends: date, seed: int
) -> Decision:
    """Whether the account leaves at the end of a term."""
    day = term_ends - timedelta(days=NOTICE_DAYS[months])
    held = sorted({s.behaviour for s in spells if s.behaviour in TRUTH[kind] and s.counts(day)})
    probability = leaving_probability(kind, months, held)
    left = stream(seed, account_id, "decision", str(term_ends)).random() < probability
    return Decision(account_id, day, months, kind, tuple(held), probability, left)
