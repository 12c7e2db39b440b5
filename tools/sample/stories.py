"""Planted accounts, each with a story that tests and documents refer to by its account id.

docs/sample_data.md says what the score of each has to say. Their rows follow from the dials of
`Story`, counted in days back from the last day, and hardly from chance.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import cycle

from sample.company import OWNERS, Account, Archetype, Term, price
from sample.contract import (
    COLUMNS,
    FIRST_WORKING_HOUR,
    LOAD_TIME,
    Row,
    Window,
    loaded,
    make_row,
    stream,
)
from sample.inputs import COMPLIANCE, CORE, SETUP, account_rows, subscription_rows

Level = Callable[[Window, date], float]

PLANTED = Archetype("planted", 0, 0.75, 0.75)
YEAR = 365
LONGEST = 800  # days back that a regular habit reaches
ATTENDANCE = 0.55  # share of the working days on which a person uses the product
PAYS_EARLY = timedelta(days=4)
BILLED_EVERY, BILLED_LAST = 30, 5  # days back


@dataclass(frozen=True)
class Ticket:
    """A ticket opened so many days ago, solved after so many hours (None: still open)."""

    ago: int
    priority: str = "normal"
    hours: int | None = 5
    rating: int | None = 5


def steadily(window: Window, day: date) -> float:
    return 1.0


def growing(window: Window, day: date) -> float:
    """Up by a third over the last 80 days."""
    return 1.0 - 0.25 * min(1.0, (window.end - day).days / 80)


def fading(window: Window, day: date) -> float:
    """Halved every 34 days of the last four months."""
    return 0.5 ** (max(0, 120 - (window.end - day).days) / 34)


def out_and_back(window: Window, day: date) -> float:
    """Next to nothing for three months, and back over the last 60 days."""
    ago = (window.end - day).days
    if ago > 165:
        return 1.0
    return 0.08 if ago > 75 else min(1.0, 0.08 + (75 - ago) / 30)


def school_year(window: Window, day: date) -> float:
    return 0.06 if day.month in (7, 8) else 1.0


def every(days: int, *values: int, last: int) -> tuple[tuple[int, int], ...]:
    """The values in turn, every so many days, the last time so many days ago."""
    return tuple(zip(range(last, LONGEST, days), cycle(values), strict=False))


def solved_tickets(days: int, *priorities: str, last: int, hours: int = 5) -> tuple[Ticket, ...]:
    return tuple(
        Ticket(ago, priority, hours)
        for ago, priority in zip(range(last, LONGEST, days), cycle(priorities), strict=False)
    )


@dataclass(frozen=True)
class Story:
    """One planted account. The defaults are a healthy customer, old enough to be settled."""

    id: str
    name: str
    industry: str = "Software"
    owner: str = OWNERS[0]
    age: int = 900  # days since it came; its terms of a year begin then
    seats: int | None = 12
    seats_before: tuple[int, int] | None = None  # until how many days ago, how many
    has_price: bool = True
    people: int = 10
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    level: Level = steadily
    core: int = 6  # how many core features are used
    setup: int = 4
    complies_every: int = 0  # days
    tickets: tuple[Ticket, ...] = solved_tickets(40, "normal", "low", last=20)
    nps: tuple[tuple[int, int], ...] = every(24, 9, 10, 8, 9, last=12)
    csat: tuple[tuple[int, int], ...] = every(60, 5, 4, last=30)
    sentiment: tuple[tuple[int, int], ...] = every(45, 4, 5, last=15)
    unpaid: int | None = None  # the invoice that has been overdue for so many days
    chance: str = ""  # twins share one, so that they may be compared

    def day(self, window: Window, ago: int) -> date:
        return window.end - timedelta(days=ago)

    def created(self, window: Window) -> date:
        return self.day(window, self.age)

    def rng_name(self) -> str:
        return self.chance or self.id


WAITING = Ticket(30, "urgent", None, None)
HEALTHY_TICKETS = Story("", "").tickets
NOTHING: tuple[tuple[int, int], ...] = ()

REGULATED_COMPLIANT = Story(
    "regulated_compliant",
    "Harbourlight Clinics",
    industry="Healthcare",
    seats=20,
    people=17,
    complies_every=2,
    chance="regulated twins",
)

STORIES = (
    Story(
        "quiet_churner",
        "Northfold Logistics",
        industry="Retail",
        age=2 * YEAR - 75,
        seats=44,
        people=36,
        level=fading,
        tickets=solved_tickets(40, "normal", "low", last=200),
        nps=every(24, 9, 10, 8, 9, last=190),
        csat=every(60, 5, 4, last=200),
        sentiment=every(45, 4, 5, last=125),
    ),
    Story(
        "champion",
        "Brightwater Studios",
        industry="Media",
        owner=OWNERS[1],
        seats=48,
        seats_before=(70, 42),
        people=48,
        level=growing,
        tickets=solved_tickets(25, "normal", "low", last=9, hours=3),
        nps=every(16, 10, 9, 9, 10, last=6),
        csat=every(40, 5, last=15),
        sentiment=every(40, 5, last=12),
    ),
    Story(
        "stuck_onboarding",
        "Greyfriars Fittings",
        industry="Manufacturing",
        owner=OWNERS[2],
        age=75,
        seats=14,
        people=3,
        weekdays=(1, 3),
        core=1,
        setup=1,
        tickets=(Ticket(60), Ticket(41, hours=30, rating=3)),
        nps=NOTHING,
        csat=NOTHING,
        sentiment=((50, 3), (12, 2)),
    ),
    Story(
        "silent_account",
        "Tallow & Reed",
        industry="Retail",
        owner="",
        seats=12,
        people=2,
        weekdays=(2,),
        core=2,
        tickets=(),
        nps=NOTHING,
        csat=NOTHING,
        sentiment=NOTHING,
    ),
    Story(
        "loud_healthy",
        "Clarion Broadcast",
        industry="Media",
        owner=OWNERS[3],
        seats=44,
        people=40,
        tickets=solved_tickets(4, "normal", "low", "normal", "high", "low", last=2, hours=4),
    ),
    REGULATED_COMPLIANT,
    replace(
        REGULATED_COMPLIANT,
        id="regulated_no_compliance",
        name="Fernhill Clinics",
        complies_every=0,
    ),
    Story(
        "unpaid_invoice",
        "Ironbridge Tools",
        industry="Manufacturing",
        owner=OWNERS[4],
        unpaid=95,
    ),
    Story(
        "urgent_ticket",
        "Vantage Surveyors",
        owner=OWNERS[5],
        seats=42,
        people=34,
        tickets=(*HEALTHY_TICKETS, WAITING),
    ),
    Story(
        "override_active",
        "Saltmarsh Foods",
        industry="Retail",
        owner=OWNERS[1],
        seats=18,
        people=3,
        weekdays=(0, 2),
        core=2,
        nps=every(24, 4, 6, 7, last=12),
        csat=every(60, 3, last=30),
        sentiment=every(45, 2, last=15),
    ),
    Story(
        "override_expired",
        "Pinecrest Travel",
        owner=OWNERS[2],
        seats=16,
        people=13,
    ),
    Story(
        "broken_survey_file",
        "Coldharbour Press",
        industry="Media",
        owner=OWNERS[3],
        nps=every(24, 9, 10, 8, 9, last=200),
        csat=every(60, 5, 4, last=200),
    ),
    Story(
        "seat_reduction",
        "Larkspur Advisory",
        owner=OWNERS[4],
        age=3 * YEAR - 50,
        seats=45,
        seats_before=(42, 90),
        people=38,
    ),
    Story(
        "seasonal",
        "Elmgrove Academy",
        industry="Education",
        owner=OWNERS[5],
        seats=18,
        people=15,
        level=school_year,
    ),
    Story(
        "recovered",
        "Millrace Printing",
        owner=OWNERS[0],
        seats=14,
        people=12,
        level=out_and_back,
        sentiment=((230, 4), (185, 4), (140, 2), (100, 1), (60, 3), (20, 4)),
        nps=(*every(24, 9, 10, 8, 9, last=190), (160, 4), (130, 3), (40, 8), (25, 9), (10, 9)),
    ),
    Story(
        "too_little_data",
        "Unlinked Workspace Ltd",
        industry="",
        owner="",
        seats=None,
        has_price=False,
        people=0,
        tickets=(),
        nps=NOTHING,
        csat=NOTHING,
        sentiment=NOTHING,
    ),
)


def make_account(story: Story, window: Window) -> Account:
    """The story as an account, for the inputs that every account has alike."""
    return Account(
        id=story.id,
        archetype=PLANTED,
        name=story.name,
        industry=story.industry,
        region="EMEA",
        owner=story.owner,
        currency="USD",
        created=story.created(window),
        terms=tuple(make_terms(story, window)),
    )


def make_terms(story: Story, window: Window) -> Iterator[Term]:
    """Terms of a year each; a change of seats within one is a new subscription."""
    changed_ago, before = story.seats_before or (LONGEST * 10, story.seats)
    changed = story.day(window, changed_ago)
    begin = story.created(window)
    while begin <= window.end:
        over = begin + timedelta(days=YEAR)
        ended = over if over <= window.end else None
        term = Term("", None, None, begin, over, ended, months=12)
        if begin < changed < over:
            yield priced(replace(term, ended=changed), before, story.has_price)
            term = replace(term, started=changed)
        yield priced(term, before if over <= changed else story.seats, story.has_price)
        begin = over


def priced(term: Term, seats: int | None, has_price: bool) -> Term:
    if seats is None or not has_price:
        return replace(term, seats=seats)
    plan, mrr = price(seats, "USD")
    return replace(term, plan=plan, seats=seats, mrr=mrr)


def is_seen(story: Story, window: Window, day: date) -> bool:
    return max(window.start, story.created(window)) <= day <= window.end


def at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour))


def setup_days(story: Story, window: Window) -> dict[date, str]:
    """Each set-up feature once, on a working day, early in what the feed shows."""
    begin = max(window.start, story.created(window))
    days = {}
    for order, feature in enumerate(SETUP[: story.setup]):
        day = begin + timedelta(days=3 + 7 * order)
        while day.weekday() not in story.weekdays:
            day += timedelta(days=1)
        days[day] = feature
    return days


def usage_rows(story: Story, window: Window, seed: int) -> list[Row]:
    """One row per user, day and feature; on a working day about every second person comes."""
    rng = stream(seed, "story", story.rng_name(), "usage_events")
    planned = setup_days(story, window)
    hour = FIRST_WORKING_HOUR["EMEA"]
    rows: list[Row] = []
    for day in window:
        if not is_seen(story, window, day) or day.weekday() not in story.weekdays:
            continue
        level = story.level(window, day)
        people = round(story.people * level)
        used = [
            (user, feature)
            for user in range(1, people + 1)
            if rng.random() < ATTENDANCE * level**0.5
            for feature in sorted(set(rng.choices(CORE[: story.core], k=1 + (rng.random() < 0.25))))
        ]
        used += [(1, planned[day])] if day in planned and people else []
        times = [hour + int(rng.triangular(0, 9, 2)) for _ in used]
        if used and story.complies_every and day.toordinal() % story.complies_every == 0:
            used.append((used[0][0], COMPLIANCE[day.toordinal() % len(COMPLIANCE)]))
            times.append(hour + 5)
        for number, ((user, feature), used_at) in enumerate(zip(used, times, strict=True), start=1):
            rows.append(usage_row(story, number, f"u{user}", day, used_at, feature))
    return rows or [usage_row(story, 1, "", story.day(window, 10), hour, "dashboard")]


def usage_row(story: Story, number: int, user: str, day: date, hour: int, feature: str) -> Row:
    return (
        f"{story.id}-{number}",
        story.id,
        user,
        f"{day} {hour:02d}:00:00",
        feature,
        str(120 + number % 7 * 60),
        str(1 + number % 5),
        f"{day} {LOAD_TIME}",
    )


def ticket_rows(story: Story, window: Window) -> list[Row]:
    rows = []
    for ticket in sorted(story.tickets, key=lambda t: -t.ago):
        day = story.day(window, ticket.ago)
        if not is_seen(story, window, day):
            continue
        opened = at(day, 9)
        answer = opened + timedelta(minutes=50)
        solved = None if ticket.hours is None else opened + timedelta(hours=ticket.hours)
        rows.append(
            make_row(
                "support_tickets",
                ticket_id=f"T-{story.id}-{len(rows) + 1:03d}",
                account_id=story.id,
                opened_at=opened,
                first_response_at=answer,
                solved_at=solved,
                priority=ticket.priority,
                reopen_count=0,
                csat_score=ticket.rating if solved else None,
                updated_at=solved or answer,
                _loaded_at=loaded(window, solved or answer),
            )
        )
    return rows


def survey_rows(story: Story, window: Window) -> list[Row]:
    answers = [(ago, "nps", score) for ago, score in story.nps]
    answers += [(ago, "csat", score) for ago, score in story.csat]
    rows = []
    for ago, survey_type, score in sorted(answers, reverse=True):
        day = story.day(window, ago)
        if is_seen(story, window, day):
            number = len(rows) + 1
            key = f"R-{story.id}-{number:03d}"
            user = f"u{1 + number % max(1, story.people)}"
            rows.append(survey_row(story, window, key, user, day, survey_type, score))
    return rows


def survey_row(
    story: Story, window: Window, key: str, user: str, day: date, survey_type: str, score: object
) -> Row:
    replied = at(day, 11)
    return make_row(
        "survey_responses",
        response_id=key,
        account_id=story.id,
        user_id=user,
        responded_at=replied,
        survey_type=survey_type,
        score=score,
        _loaded_at=loaded(window, replied),
    )


def invoice_rows(story: Story, window: Window) -> list[Row]:
    """An invoice every 30 days, due after another 30 and paid a little earlier."""
    account = make_account(story, window)
    rows: list[Row] = []
    agos = range(BILLED_LAST, (window.end - window.start).days, BILLED_EVERY)
    for ago in reversed(agos if story.has_price else ()):
        issued = at(story.day(window, ago), 5)
        term = account.main_term(issued.date())
        if term is None or term.mrr is None:
            continue
        due = issued.date() + timedelta(days=30)
        paid = at(due - PAYS_EARLY, 10)
        is_unpaid = paid.date() > window.end or (window.end - due).days == story.unpaid
        updated = issued if is_unpaid else paid
        rows.append(
            make_row(
                "invoices",
                invoice_id=f"I-{story.id}-{len(rows) + 1:03d}",
                account_id=story.id,
                issued_at=issued,
                due_at=due,
                paid_at=None if is_unpaid else paid,
                amount=f"{term.mrr:.2f}",
                currency="USD",
                kind="recurring",
                updated_at=updated,
                _loaded_at=loaded(window, updated),
            )
        )
    return rows


def assessment_rows(story: Story, window: Window) -> list[Row]:
    rows = []
    for ago, sentiment in sorted(story.sentiment, reverse=True):
        day = story.day(window, ago)
        if is_seen(story, window, day):
            rows.append(
                make_row(
                    "csm_assessments",
                    assessment_id=f"A-{story.id}-{len(rows) + 1:02d}",
                    account_id=story.id,
                    assessed_at=at(day, 14),
                    sentiment=sentiment,
                    author=story.owner,
                    note=None,
                    _loaded_at=loaded(window, at(day, 14)),
                )
            )
    return rows


def override_rows(window: Window, too_long_for: str) -> list[Row]:
    """Judgements by hand: one in force on the last day, one over, one that lasts too long."""
    wishes = (
        ("override_active", 72, "Renewal agreed in a call, contract pending.", -20, 40),
        ("override_expired", 45, "Sponsor left, successor not yet known.", -150, -90),
        (too_long_for, 80, "Recovery plan in place.", -10, 110),
    )
    rows = []
    for number, (account_id, score, reason, starts, expires) in enumerate(wishes, start=1):
        begins = window.end + timedelta(days=starts)
        rows.append(
            make_row(
                "score_overrides",
                override_id=f"O-{number:02d}",
                account_id=account_id,
                score=score,
                reason=reason,
                author=OWNERS[0],
                starts_at=begins,
                expires_at=window.end + timedelta(days=expires),
                _loaded_at=loaded(window, begins),
            )
        )
    return rows


def broken_survey_rows(window: Window) -> list[Row]:
    """What a vendor's export made of the answers of one account: good CSV, no good answer."""
    [story] = [story for story in STORIES if story.id == "broken_survey_file"]
    spoilt = cycle((("nps", 86), ("nps", "very likely"), ("csat", 92), ("nps", None)))
    rows = []
    for ago, (survey_type, score) in zip(range(108, 0, -9), spoilt, strict=False):
        key = f"R-vendor-{len(rows) + 1:02d}"
        day = story.day(window, ago)
        row = survey_row(story, window, key, f"u{1 + ago % 9}", day, survey_type, score)
        rows.append(row if score is not None else shifted(row))
    return rows


def shifted(row: Row) -> Row:
    """The row without its user: the cells after it moved to the left, a blank at the end."""
    at = COLUMNS["survey_responses"].index("user_id")
    return (*row[:at], *row[at + 1 :], "")


def story_rows(table: str, story: Story, window: Window, seed: int) -> list[Row]:
    """The rows of a story in one input."""
    makers: dict[str, Callable[[], list[Row]]] = {
        "accounts": lambda: account_rows(make_account(story, window), window, seed),
        "subscriptions": lambda: subscription_rows(make_account(story, window), window, seed),
        "usage_events": lambda: usage_rows(story, window, seed),
        "support_tickets": lambda: ticket_rows(story, window),
        "survey_responses": lambda: survey_rows(story, window),
        "invoices": lambda: invoice_rows(story, window),
        "csm_assessments": lambda: assessment_rows(story, window),
    }
    return makers[table]() if table in makers else []
