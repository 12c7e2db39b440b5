"""One raw input each: the rows of an invented account, its behaviours shown in them."""

import random
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from sample.company import MID_MARKET_SEATS, REGULATED, Account
from sample.contract import (
    FIRST_WORKING_HOUR,
    LOAD_TIME,
    Row,
    Window,
    add_months,
    clamp,
    flag,
    loaded,
    make_row,
    moment,
    stream,
)
from sample.truth import RED_HERRING

DELETED_SHARE_OF_LEFT = 0.45

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


def account_rows(account: Account, window: Window, seed: int) -> list[Row]:
    rng = stream(seed, account.id, "accounts")
    created = moment(account.created, rng, account.region)
    updated = created + timedelta(days=rng.randint(0, max(0, (window.end - account.created).days)))
    deleted = None
    gone = account.last_day
    if gone and rng.random() < DELETED_SHARE_OF_LEFT:
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
                subscription_id=f"S{account.code}-{number:02d}",
                account_id=account.id,
                plan=term.plan,
                seats=term.seats,
                mrr=None if term.mrr is None else f"{term.mrr:.2f}",
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
    unfinished = account.spell("setup_unfinished", account.created)
    planned: dict[date, list[str]] = {}
    for order, feature in enumerate(SETUP):
        if rng.random() < 0.06 * order:
            continue
        begin = max(account.created, window.start)
        if unfinished and order:
            begin = max(begin, unfinished.ends)
        day = begin + timedelta(days=int(order * 5 + rng.uniform(0, 8)))
        while day <= window.end:
            planned.setdefault(day, []).append(feature)
            day += timedelta(days=int(rng.uniform(25, 160)))
    return planned


def usage_level(account: Account, day: date) -> float:
    """The share of its usual usage that an account shows while usage fades, and afterwards."""
    level = 1.0
    for spell in account.spells:
        if spell.behaviour == "usage_fading" and spell.begins <= day:
            lowest = fading((spell.ends - spell.begins).days)
            back = (day - spell.ends).days / 30
            level = min(
                level,
                fading((day - spell.begins).days) if back < 0 else lowest + back * (1 - lowest),
            )
    return level


def fading(days: int) -> float:
    """What is left of the usage after so many days."""
    return max(0.05, 0.5 ** (days / 60))


def people_using(account: Account, day: date, people: int, reach: float) -> int:
    """How many people of the account use the product at all."""
    ramp = min(1.0, 0.3 + (day - account.created).days / 50)
    share = clamp(account.mood(day) * 1.05 + reach, 0.04, 0.97)
    if account.spell("few_seats_used", day):
        share = min(share, 0.16)
    return max(1, round(people * share * ramp * usage_level(account, day) ** 0.6))


def is_away(account: Account, day: date, pause: int) -> bool:
    """Whether nobody signs in because weeks pass between two visits."""
    return account.spell("long_login_intervals", day) is not None and day.toordinal() % pause > 0


def usage_rows(account: Account, window: Window, seed: int) -> list[Row]:
    """One row per user, day and feature; the people with the lowest numbers use it most."""
    rng = stream(seed, account.id, "usage_events")
    breadth = int(clamp(round(1.8 + 4 * account.mood(account.created) + rng.gauss(0.4, 0.9)), 1, 6))
    adopted = rng.sample(CORE, breadth)
    weights = {f: w for f, w in FEATURE_WEIGHTS.items() if f not in CORE or f in adopted}
    features = list(weights)
    cumulative = list(accumulate(weights.values()))
    durations = list(accumulate(DURATION_WEIGHTS))
    is_regulated = account.industry in REGULATED
    compliance_rate = rng.uniform(0.3, 0.8) if is_regulated else rng.choice((0, 0, 0, 0.02, 0.06))
    planned = setup_days(account, window, rng)
    reach = clamp(rng.gauss(0.05, 0.07), -0.1, 0.2)
    turnover = rng.uniform(0, 0.015)
    pause = rng.randint(10, 16)
    hour = FIRST_WORKING_HOUR[account.region]
    rows: list[Row] = []
    for day in window:
        noise = rng.uniform(0.8, 1.2)
        term = account.main_term(day)
        if term is None or is_away(account, day, pause):
            continue
        mood = account.mood(day)
        people = people_using(account, day, term.people, reach)
        daily = (0.12 + 0.5 * mood) * min(1.0, 8 / people) ** 0.42
        daily *= usage_level(account, day) ** 0.6
        expected = people * daily * WEEKDAYS[day.weekday()] * season(day) * noise
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
        is_complying = rng.random() < compliance_rate * clamp(mood + 0.2, 0, 1)
        if users and is_complying and not account.spell("compliance_unused", day):
            used.append((max(users), hour + 5, rng.choice(COMPLIANCE)))
        for number, (user, at, feature) in enumerate(used, start=1):
            timed = feature not in UNTIMED
            seconds = rng.choices(DURATIONS, cum_weights=durations)[0] if timed else ""
            rows.append(
                (
                    f"{account.code}-{number}",
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
    """Tickets of a customer: how many come is blind to its mood, how they end is not."""
    rng = stream(seed, account.id, "support_tickets")
    luck = rng.gauss(0, 0.07)
    evening = datetime.combine(window.end, time(23))
    rows: list[Row] = []
    for day in window:
        term = account.main_term(day)
        if term is None:
            continue
        mood = clamp(account.feeling(day) + luck, 0.05, 1.0)
        rate = 0.0017 * term.people**0.75
        if account.spell(RED_HERRING, day):
            rate *= 4
        if (day - account.created).days < 60:
            rate *= 1.8
        weekday = 1.3 if day.weekday() < 5 else 0.25
        if rng.random() >= rate * weekday:
            continue
        opened = moment(day, rng, account.region)
        calm = clamp(mood, 0.2, 0.9)
        priority = rng.choices(PRIORITIES, (27, 55, 15, 4))[0]
        speed = {"low": 2.2, "normal": 1.3, "high": 0.8, "urgent": 0.5}[priority]
        answer = opened + timedelta(minutes=int(rng.lognormvariate(4.6, 0.8) * speed))
        effort = rng.lognormvariate(3.0, 0.9) * speed * (2.1 - 1.4 * calm)
        solved = answer + timedelta(minutes=int(effort * 60))
        is_forgotten = (window.end - day).days < 75 and rng.random() < 0.05
        is_left_open = is_forgotten and priority in ("low", "normal")
        reopened = int(rng.random() < 0.22 * (1.25 - mood)) + int(rng.random() < 0.03)
        rating = round(clamp(rng.gauss(2.3 + 2.7 * mood, 0.8), 1, 5))
        is_rated = rng.random() < 0.4
        is_solved = not is_left_open and solved <= evening
        is_answered = answer <= evening
        updated = solved if is_solved else answer if is_answered else opened
        rows.append(
            make_row(
                "support_tickets",
                ticket_id=f"T{account.code}-{len(rows) + 1:03d}",
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
    return rows + waiting_ticket_rows(account, window, seed)


def waiting_ticket_rows(account: Account, window: Window, seed: int) -> list[Row]:
    """The urgent tickets that nobody solves for as long as the behaviour lasts."""
    rng = stream(seed, account.id, "waiting tickets")
    rows: list[Row] = []
    for spell in account.spells:
        begins = max(spell.begins, window.start)
        if spell.behaviour != "urgent_ticket_waiting" or not account.is_served(begins):
            continue
        opened = moment(begins, rng, account.region)
        answer = opened + timedelta(hours=2)
        is_solved = spell.ends <= window.end and account.is_served(spell.ends)
        solved = moment(spell.ends, rng, account.region) if is_solved else None
        updated = max(t for t in (opened, answer, solved) if t)
        rows.append(
            make_row(
                "support_tickets",
                ticket_id=f"T{account.code}-w{len(rows) + 1}",
                account_id=account.id,
                opened_at=opened,
                first_response_at=answer,
                solved_at=solved,
                priority="urgent",
                reopen_count=0,
                csat_score=2 if solved else None,
                updated_at=updated,
                _loaded_at=loaded(window, updated),
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
        mood = clamp(account.feeling(day) + luck, 0.05, 1.0)
        if (day.month, day.day) in ((3, 12), (9, 3)):
            asked = min(9, 1 + int(seats**0.45))
            replies = sum(rng.random() < 0.75 for _ in range(asked))
            for user in sorted(rng.sample(range(1, max(2, seats, asked) + 1), replies)):
                replied = day + timedelta(days=int(rng.triangular(0, 20, 3)))
                score = round(clamp(rng.gauss(2.9 + 7.3 * mood, 1.7), 0, 10))
                who = f"u{user}" if rng.random() > 0.08 else ""
                replied_at = moment(replied, rng, account.region)
                if replied <= window.end and account.is_served(replied):
                    answers.append((replied_at, who, "nps", str(score)))
        if rng.random() < 0.0028 * seats**0.5 * WEEKDAYS[day.weekday()]:
            score = round(clamp(rng.gauss(2.4 + 2.7 * mood, 0.8), 1, 5))
            who = f"u{rng.randint(1, seats)}" if rng.random() > 0.15 else ""
            answers.append((moment(day, rng, account.region), who, "csat", str(score)))
    return [
        make_row(
            "survey_responses",
            response_id=f"R{account.code}-{number:03d}",
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
    paying = stream(seed, account.id, "payments")
    habit = max(0, paying.gauss(0, 0.05))
    # A small customer pays by the month, so that an unpaid invoice shows soon.
    seats = next((term.people for term in account.terms if not term.is_trial), 0)
    is_billed_upfront = rng.random() < 0.65 and seats >= MID_MARKET_SEATS
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
        issued = datetime(on.year, on.month, on.day, 5, 0)
        due = on + timedelta(days=30)
        delay = int(paying.triangular(-24, 4, -6))
        if paying.random() < 0.03 + habit:
            delay = int(paying.uniform(6, 50))
        unpaid = account.spell("invoice_unpaid", due)
        settled = unpaid.ends if unpaid else due
        paid = moment(settled + timedelta(days=delay), paying, account.region)
        paid = paid if amount > 0 else None
        if paid and paid.date() > window.end:
            paid = None
        updated = paid or issued
        rows.append(
            make_row(
                "invoices",
                invoice_id=f"I{account.code}-{len(rows) + 1:03d}",
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
            sentiment = round(clamp(rng.gauss(0.8 + 4.3 * account.feeling(day), 0.6), 1, 5))
            if account.spell("csm_sentiment_low", day):
                sentiment = rng.choice((1, 1, 2))
            rows.append(
                make_row(
                    "csm_assessments",
                    assessment_id=f"A{account.code}-{len(rows) + 1:02d}",
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
