"""Actions: which plays, and why."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from recompute.cells import to_date
from recompute.dates import Calendar, days_earlier
from recompute.exact import Number, rounded
from recompute.scoring import Score
from recompute.seeds import AlertRule, Grade, Playbook, Seeds
from recompute.tables import Table

MOST_ACTIONS = 3
# (account, day) -> (health score, coverage) under the live retention scorecard
History = dict[tuple[str, int], tuple[Decimal | None, Decimal]]


def in_words(value: Number, places: int) -> str:
    """A number with at most so many decimals, without idle zeros."""
    text = f"{rounded(value, places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_percent(share: Decimal, places: int = 1) -> str:
    return f"{in_words(100 * share, places)} %"


def alert_days(seeds: Seeds, calendar: Calendar) -> set[int]:
    """The score days that the alert rules of playbooks look back on from the as-of date."""
    days = set()
    for rule in {seeds.alert_rules[one.trigger] for one in seeds.playbooks if is_on_alert(one)}:
        first = calendar.as_of - rule.window_days
        if rule.kind == "drops_by":
            days.add(days_earlier(calendar.score_days, calendar.as_of, rule.window_days))
        elif rule.kind in ("crosses_below", "coverage_lost", "recovers_above", "stays_below"):
            days |= {day for day in calendar.score_days if first <= day <= calendar.as_of}
    return days - {None}


def is_on_alert(playbook: Playbook) -> bool:
    return playbook.trigger_on == "alert"


def alert_reason(
    rule: AlertRule, score: Score, history: History, score_days: Sequence[int]
) -> str | None:
    """Why the condition that opens an alert of the rule holds, None where it does not."""
    state, level = score.state, rule.level
    account, day = state.account_id, state.day
    if rule.segment not in ("*", score.segment):
        return None
    if rule.kind == "drops_by":
        before = days_earlier(score_days, day, rule.window_days)
        then = history.get((account, before), (None, None))[0] if before is not None else None
        if then is None or score.health is None or then - score.health < level:
            return None
        return (
            f"{rule.rule}: health_score is {in_words(then - score.health, 2)} lower than"
            f" {rule.window_days} days before, at least {in_words(level, 2)}"
        )
    watched = score.coverage if rule.kind == "coverage_lost" else score.health
    if watched is None:
        return None
    which = 1 if rule.kind == "coverage_lost" else 0
    window = [one for one in score_days if day - rule.window_days <= one < day]
    then_by_day = {one: history[account, one][which] for one in window if (account, one) in history}
    known = {one: value for one, value in then_by_day.items() if value is not None}
    is_low, now = watched < level, in_words(watched, 2)
    below = f"{rule.rule}: health_score is {now}, below {in_words(level, 2)}"
    if rule.kind == "recovers_above":
        if is_low or not any(value < level for value in known.values()):
            return None
        return f"{rule.rule}: health_score is {now}, again at or above {in_words(level, 2)}"
    if rule.kind == "renewal_at_risk":
        left = None if state.renewal_day is None else state.renewal_day - day
        near = left is not None and 0 <= left <= rule.window_days
        days = f", and the renewal at most {rule.window_days} days away"
        return below + days if is_low and near else None
    was_fine = any(value >= level for value in known.values())
    if rule.kind == "stays_below":
        spans = any(one <= day - rule.window_days + 6 for one in known)
        return f"{below} for {rule.window_days} days" if is_low and spans and not was_fine else None
    if not (is_low and was_fine):
        return None
    if rule.kind == "coverage_lost":
        return f"{rule.rule}: coverage is {in_percent(watched, 4)}, below {in_percent(level, 4)}"
    return below


def number_reason(
    playbook: Playbook, called: str, value: Decimal | None, is_share: bool
) -> str | None:
    """Why a value is on the playbook's side of its threshold, None where it is not."""
    if value is None or playbook.threshold is None:
        return None
    below = playbook.comparison == "at_or_below"
    if value > playbook.threshold if below else value < playbook.threshold:
        return None
    now, limit = (
        in_percent(one) if is_share else in_words(one, 2) for one in (value, playbook.threshold)
    )
    return f"{called} is {now}, {'at or below' if below else 'at or above'} {limit}"


def grade_reason(playbook: Playbook, score: Score, grades: Sequence[Grade]) -> str | None:
    """Why the grade is the playbook's or one on its side, None where it is not."""
    bounds = {one.grade: one.min_score for one in grades}
    own, wanted = bounds[score.grade], bounds[playbook.trigger]
    told = f"grade is {score.grade} at a " + (
        f"coverage of {in_percent(score.coverage)}"
        if score.health is None
        else f"health_score of {in_words(score.health, 2)}"
    )
    if score.grade == playbook.trigger:
        return told
    if own is None or wanted is None:
        return None
    below = playbook.comparison == "at_or_below"
    if own > wanted if below else own < wanted:
        return None
    return f"{told}, {'at or below' if below else 'at or above'} {playbook.trigger}"


def recommend(
    score: Score,
    values: dict[str, Decimal | None],
    history: History,
    seeds: Seeds,
    score_days: Sequence[int],
) -> list[tuple[Playbook, str]]:
    """The best playbooks of an account with their reasons, best first."""
    grade = next(one for one in seeds.grades if one.grade == score.grade)
    is_healthy = (grade.response or "").lower() == "none"
    found = []
    for playbook in seeds.playbooks:
        its = playbook.trigger
        if playbook.segment not in ("*", score.segment):
            continue
        if playbook.goal != "retention" and not is_healthy:
            continue
        lost = Decimal(0)
        if playbook.trigger_on == "metric":
            reason = number_reason(playbook, its, values[its], its in seeds.shares)
            lost = sum((o.points_lost for o in score.drivers if o.row.metric == its), Decimal(0))
        elif playbook.trigger_on == "component":
            reason = number_reason(playbook, f"{its}_score", score.components[its], False)
            lost = sum((o.points_lost for o in score.drivers if o.row.component == its), Decimal(0))
        elif playbook.trigger_on == "grade":
            reason = grade_reason(playbook, score, seeds.grades)
        else:
            reason = alert_reason(seeds.alert_rules[its], score, history, score_days)
        if reason is not None:
            found.append((playbook.priority, -lost, playbook.playbook, playbook, reason))
    found.sort(key=lambda one: one[:3])
    return [(playbook, reason) for *_, playbook, reason in found[:MOST_ACTIONS]]


def publish_actions(
    score: Score, actions: Sequence[tuple[Playbook, str]], tables: dict[str, Table]
) -> None:
    """fct_recommended_actions of an account at the as-of date."""
    state, row = score.state, score.state.account.row
    for rank, (playbook, reason) in enumerate(actions, 1):
        tables["fct_recommended_actions"].rows[state.account_id, playbook.playbook] = (
            row.account_name or row.account_id,
            score.segment,
            row.owner,
            rank,
            playbook.goal,
            playbook.priority,
            playbook.action,
            reason,
            playbook.owner_role,
            None if state.mrr is None else 12 * rounded(state.mrr, 6),
            score.health,
            to_date(state.day),
            to_date(state.day + playbook.due_days),
        )
