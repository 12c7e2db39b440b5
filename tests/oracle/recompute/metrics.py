"""Metrics."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from recompute.accounts import sum_known
from recompute.cells import MICROS_PER_HOUR, day_of
from recompute.cleaning import CleanInput
from recompute.contract import URGENT_PRIORITIES
from recompute.dates import Calendar
from recompute.exact import Number, median, rounded
from recompute.grid import State
from recompute.names import METRIC_TABLES
from recompute.seeds import Seeds

Values = dict[str, Number | None]


@dataclass(frozen=True)
class Feed:
    """What metrics need to know beside the account: the feeds as a whole, and the catalogue."""

    calendar: Calendar
    first_ticket_day: int | None
    first_paid_day: int | None
    core: frozenset[str]
    setup: frozenset[str]
    compliance: frozenset[str]


def make_feed(cleaned: dict[str, CleanInput], calendar: Calendar, seeds: Seeds) -> Feed:
    """First ticket and first payment of anyone, and the features of the catalogue."""
    tickets, invoices = cleaned["support_tickets"].accepted, cleaned["invoices"].accepted
    paid = (day_of(row.paid_at) for row in invoices if row.paid_at is not None)
    return Feed(
        calendar,
        min((day_of(row.opened_at) for row in tickets), default=None),
        min(paid, default=None),
        seeds.core_features,
        seeds.setup_features,
        seeds.compliance_features,
    )


def ratio(numerator: Number | None, denominator: Number | None) -> Fraction | None:
    """numerator / denominator; None where either is unknown or the denominator is 0."""
    if numerator is None or not denominator:
        return None
    return Fraction(numerator) / Fraction(denominator)


def usage_metrics(state: State, feed: Feed) -> Values:
    """Adoption and engagement. All unknown before the first accepted event of anyone."""
    account, day = state.account, state.day
    first_usage = feed.calendar.first_usage_day
    if first_usage is None or first_usage > day:
        return dict.fromkeys(METRIC_TABLES["metrics_usage"])

    days_28 = account.days_between(day - 27, day)
    window = [account.usage[on] for on in days_28]
    users = len(set().union(*(one.users for one in window)))
    features = set().union(*(one.features for one in window))
    seconds = sum_known(one.seconds for one in window)
    compliance_days = sum(1 for one in window if one.features & feed.compliance)
    setup_done = sum(1 for feature in feed.setup if account.first_used.get(feature, day + 1) <= day)
    days_90 = account.days_between(day - 89, day)
    last_seen = account.usage_days[: bisect_right(account.usage_days, day)][-1:]
    return {
        "licence_utilisation_28d": (None if window and not users else ratio(users, state.seats)),
        "core_feature_adoption_28d": ratio(len(features & feed.core), len(feed.core)),
        "setup_completion": ratio(setup_done, len(feed.setup)),
        "compliance_feature_days_28d": compliance_days if feed.compliance else None,
        "active_days_28d": len(window),
        "stickiness_28d": ratio(sum(len(one.users) for one in window), 28 * users),
        "minutes_per_user_28d": ratio(seconds, 60 * users),
        "usage_change_28d": usage_change(state, feed),
        "days_since_last_activity": day - (last_seen[0] if last_seen else account.created),
        "login_interval_days_90d": (
            Fraction(days_90[-1] - days_90[0], len(days_90) - 1) if len(days_90) > 1 else None
        ),
    }


def usage_change(state: State, feed: Feed) -> Fraction | None:
    """Events in 28 days / events in the 28 days before - 1.

    Unknown where the earlier window is empty or reaches back before the account or the feed.
    """
    account, day = state.account, state.day
    first_day = feed.calendar.first_day
    earliest = account.created if first_day is None else max(account.created, first_day)
    if day - 55 < earliest:
        return None
    now = sum(account.usage[on].events for on in account.days_between(day - 27, day))
    before = sum(account.usage[on].events for on in account.days_between(day - 55, day - 28))
    change = ratio(now, before)
    return None if change is None else change - 1


def is_urgent(ticket: Any) -> bool:
    """Priority high or urgent; unknown is not."""
    return ticket.priority is not None and ticket.priority.lower() in URGENT_PRIORITIES


def support_metrics(state: State, feed: Feed) -> Values:
    """Support. All unknown before the first accepted ticket of anyone."""
    day = state.day
    if feed.first_ticket_day is None or feed.first_ticket_day > day:
        return dict.fromkeys(METRIC_TABLES["metrics_support"])

    tickets = [one for one in state.account.tickets if day_of(one.opened_at) <= day]
    opened = [one for one in tickets if day_of(one.opened_at) >= day - 89]
    open_now = [one for one in tickets if one.solved_at is None or day_of(one.solved_at) > day]
    solved = [
        one
        for one in tickets
        if one.solved_at is not None and day - 89 <= day_of(one.solved_at) <= day
    ]
    ratings = [one.csat_score for one in solved if one.csat_score is not None]
    ages = [day - day_of(one.opened_at) for one in open_now]
    urgent_ages = [day - day_of(one.opened_at) for one in open_now if is_urgent(one)]
    durations = [one.solved_at - one.opened_at for one in solved]
    reopened = sum(1 for one in opened if (one.reopen_count or 0) > 0)
    return {
        "tickets_per_100_seats_90d": ratio(len(opened) * 100, state.seats),
        "urgent_ticket_share_90d": ratio(sum(map(is_urgent, opened)), len(opened)),
        "open_tickets": len(open_now),
        "oldest_open_ticket_days": max(ages, default=0),
        "oldest_urgent_ticket_days": max(urgent_ages, default=0),
        "median_resolution_hours_90d": (median(durations) / MICROS_PER_HOUR if durations else None),
        "reopened_ticket_share_90d": ratio(reopened, len(opened)),
        "ticket_csat_90d": ratio(sum(ratings), len(ratings)),
    }


def net_promoter_score(answers: Iterable[Any]) -> Fraction | None:
    """100 x (share of 9-10 minus share of 0-6) over the latest answer of each user.

    An answer without user is its own respondent.
    """
    latest: dict[Any, Any] = {}
    for answer in sorted(answers, key=lambda one: (one.responded_at, one.response_id)):
        known = answer.user_id is not None
        latest[("user", answer.user_id) if known else ("answer", answer.response_id)] = answer
    scores = [answer.score for answer in latest.values()]
    promoters = sum(1 for score in scores if score >= 9)
    detractors = sum(1 for score in scores if score <= 6)
    return ratio(100 * (promoters - detractors), len(scores))


def sentiment_metrics(state: State, _: Feed) -> Values:
    """Surveys and the CSM's own assessment."""
    account, day = state.account, state.day
    answers = [one for one in account.surveys if day - 179 <= day_of(one.responded_at) <= day]
    nps = [one for one in answers if one.survey_type.lower() == "nps"]
    csat = [one.score for one in answers if one.survey_type.lower() == "csat"]
    assessments = [one for one in account.assessments if day - 89 <= day_of(one.assessed_at) <= day]
    latest = max(assessments, key=lambda one: (one.assessed_at, one.assessment_id), default=None)
    return {
        "nps_180d": net_promoter_score(nps),
        "csat_180d": ratio(sum(csat), len(csat)),
        "csm_sentiment_90d": None if latest is None else latest.sentiment,
    }


def days_overdue(state: State, feed: Feed) -> int | None:
    """Age of the oldest due recurring invoice that is not paid; 0 if none.

    Unknown without an invoice of the account, or while nobody's payments are reported.
    """
    day = state.day
    issued = [one for one in state.account.invoices if day_of(one[0].issued_at) <= day]
    if not issued or feed.first_paid_day is None or feed.first_paid_day > day:
        return None
    due = [
        day_of(row.due_at)
        for row, amount in issued
        if row.kind.lower() == "recurring"
        and amount > 0
        and row.due_at is not None
        and day_of(row.due_at) < day
        and (row.paid_at is None or day_of(row.paid_at) > day)
    ]
    return day - min(due) if due else 0


def recurring_revenue_share(state: State) -> Fraction | None:
    """max(0, recurring - credits) / (recurring + one-off - credits), at most 1, over 365 days."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row, amount in state.account.invoices:
        if state.day - 364 <= day_of(row.issued_at) <= state.day:
            kind = row.kind.lower()
            totals[kind] += abs(amount) if kind == "credit" else amount
    recurring, credited = totals["recurring"], totals["credit"]
    whole = recurring + totals["one_off"] - credited
    if whole <= 0:
        return None
    return min(Fraction(1), Fraction(max(Decimal(0), recurring - credited)) / Fraction(whole))


def auto_renew_share(state: State) -> Fraction | None:
    """mrr in force on auto-renew / mrr in force; unknown auto-renew counts as not.

    Unknown where auto-renew is known of no subscription in force.
    """
    if all(one.auto_renew is None for one in state.in_force):
        return None
    renewing = sum(one.mrr for one in state.in_force if one.auto_renew and one.mrr is not None)
    return ratio(renewing, state.mrr)


def renewals_and_upsells(state: State) -> int:
    """Distinct days in 365 with a renewal (seen by the score date) or a rise of mrr."""
    account, day = state.account, state.day
    renewals = {on for on in account.renewal_days if day - 364 <= on <= day - 1}
    upsells = {on for on in account.upsell_days if day - 364 <= on <= day}
    return len(renewals | upsells)


def revenue_metrics(state: State, feed: Feed) -> Values:
    """Revenue and renewal."""
    change = ratio(state.mrr, state.account.mrr(state.day - 90))
    renewal_day = state.renewal_day
    return {
        "mrr_change_90d": None if change is None else change - 1,
        "days_overdue": days_overdue(state, feed),
        "recurring_revenue_share_365d": recurring_revenue_share(state),
        "days_to_renewal": None if renewal_day is None else renewal_day - state.day,
        "auto_renew_share": auto_renew_share(state),
        "renewals_and_upsells_365d": renewals_and_upsells(state),
    }


def all_metrics(state: State, feed: Feed) -> dict[str, Decimal | None]:
    """All 27 metrics of an account at a date, rounded to 6 decimals and used so."""
    values: Values = {}
    for compute in (usage_metrics, support_metrics, sentiment_metrics, revenue_metrics):
        values |= compute(state, feed)
    return {
        metric: None if value is None else rounded(value, 6) for metric, value in values.items()
    }
