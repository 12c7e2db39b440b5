"""Explain one score: what went in, what changed, what would move it most, and what to do.

Usage:
    customer-health explain quiet_churner
    customer-health explain quiet_churner --date 2026-08-30 --scorecard expansion_2026
    customer-health explain quiet_churner --json

Everything comes from the last build: the marts, and the seeds as they were then. Exit 0 when
explained; 1 when there is nothing to explain (no such account, not scored then, nothing built).
"""

import difflib
import sys
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb

from customer_health.console import as_json, number_text, printable, table
from customer_health.errors import NotFoundError
from customer_health.warehouse import (
    checked_warehouse_path,
    open_warehouse,
    records,
    unfinished_run,
)

Record = dict[str, Any]
CENT = Decimal("0.01")
HUNDRED = Decimal(100)
HELPFUL = 3
MOST_CAUSES = 8
# The column that says what a cause was, then and now, where it is no metric.
SET_BY = {"segment": "segment", "cap": "cap", "override": "override_id"}

ACCOUNTS = "select account_id, account_name, not_scored_reason from marts.dim_accounts"

SCORES = """
select
    scores.account_id,
    coalesce(accounts.account_name, scores.account_id) as account_name,
    accounts.owner,
    scores.score_date,
    scores.scorecard,
    scores.goal,
    cards.status,
    cards.min_coverage,
    scores.segment,
    scores.computed_score,
    scores.capped_score,
    scores.health_score,
    scores.grade,
    grades.label,
    grades.colour,
    grades.response,
    scores.coverage,
    scores.score_low,
    scores.score_high,
    scores.cap,
    scores.override_id,
    scores.scoring_version
from marts.fct_health_scores as scores
inner join seeds.scorecards as cards on scores.scorecard = cards.scorecard
left join seeds.grades as grades on scores.grade = grades.grade
left join marts.dim_accounts as accounts on scores.account_id = accounts.account_id
where scores.account_id = ? and scores.scorecard = ?
"""

DRIVERS = """
select
    drivers.metric,
    drivers.component,
    metrics.description,
    metrics.unit,
    metrics.better,
    drivers.metric_value,
    rules.curve,
    rules.poor_at,
    rules.healthy_at,
    rules.score_if_missing,
    drivers.metric_score,
    drivers.weight,
    drivers.effective_weight,
    drivers.contribution,
    drivers.points_lost,
    drivers.is_missing
from marts.fct_health_drivers as drivers
inner join seeds.metrics as metrics on drivers.metric = metrics.metric
inner join seeds.scorecard_metrics as rules
    on
        drivers.scorecard = rules.scorecard
        and drivers.segment = rules.segment
        and drivers.metric = rules.metric
where drivers.account_id = ? and drivers.scorecard = ? and drivers.score_date = ?
order by drivers.points_lost desc, drivers.weight desc, drivers.metric
"""

RULE = """
select rules.*
from scoring.account_segments as placed
inner join seeds.segments as rules on placed.priority = rules.priority
where placed.account_id = ? and placed.score_date = ?
"""

# Every cap of the segment with the value it looks at; whether it holds is seen below.
CAPS = """
select
    caps.cap, caps.metric, caps.worse_than, caps.max_score, caps.reason, metrics.better,
    metrics.unit, found.metric_value
from seeds.score_caps as caps
inner join seeds.metrics as metrics on caps.metric = metrics.metric
inner join scoring.metric_values as found
    on caps.metric = found.metric and caps.segment in (found.segment, '*')
where found.account_id = ? and found.score_date = ? and found.metric_value is not null
order by caps.max_score, caps.cap
"""

PEERS = """
select
    count(*) as peers,
    count(*) filter (metric_value < ?) as lower_peers,
    count(*) filter (metric_value = ?) as equal_peers
from scoring.metric_values
where score_date = ? and segment = ? and metric = ? and metric_value is not null
"""

CHANGES = """
select
    changes.cause,
    changes.metric,
    changes.component,
    metrics.unit,
    before.metric_value as value_then,
    present.metric_value as value_now,
    changes.points
from marts.fct_score_changes as changes
left join seeds.metrics as metrics on changes.metric = metrics.metric
left join scoring.metric_values as before
    on
        changes.account_id = before.account_id
        and changes.earlier_date = before.score_date
        and changes.metric = before.metric
left join scoring.metric_values as present
    on
        changes.account_id = present.account_id
        and changes.score_date = present.score_date
        and changes.metric = present.metric
where changes.account_id = ? and changes.score_date = ? and changes.days_back = 28
order by abs(changes.points) desc, changes.cause, changes.metric
"""

OVERRIDE = """
select override_id, score, starts_on, expires_on
from staging.stg_score_overrides
where override_id = ? and record_status = 'accepted'
"""

ACTIONS = """
select action_rank, playbook, goal, action, reason, owner_role, due_date
from marts.fct_recommended_actions
where account_id = ? and score_date = ?
order by action_rank
"""


# ------------------------------------------------------------------------------- finding


def find_account(connection: duckdb.DuckDBPyConnection, wanted: str) -> Record:
    """The account with that id, or with that name if only one has it; NotFoundError with
    suggestions."""
    accounts = records(connection, ACCOUNTS)
    matches = [a for a in accounts if a["account_id"] == wanted] or [
        a for a in accounts if wanted.casefold() in (a["account_id"].casefold(), name_of(a))
    ]
    if len(matches) == 1:
        return matches[0]
    similar = matches or similar_accounts(accounts, wanted)
    listed = "".join(f"\n  {a['account_id']}  {a['account_name']}" for a in similar)
    hint = f" Did you mean:{listed}" if similar else " marts.dim_accounts lists them all."
    several = "Several accounts are" if matches else "There is no account"
    raise NotFoundError(f"{several} called {wanted!r}.{hint}")


def name_of(account: Record) -> str:
    return (account["account_name"] or account["account_id"]).casefold()


def similar_accounts(accounts: list[Record], wanted: str) -> list[Record]:
    """Up to five accounts whose id or name is like the text, most alike first."""
    text = wanted.casefold()

    def likeness(account: Record) -> float:
        names = (account["account_id"].casefold(), name_of(account))
        contains = any(text in name for name in names)
        return max(difflib.SequenceMatcher(None, text, n).ratio() for n in names) + contains

    alike = [(likeness(a), a["account_id"], a) for a in accounts]
    alike.sort(key=lambda item: (-item[0], item[1]))
    return [account for ratio, _, account in alike[:5] if ratio >= 0.6]


def find_scorecard(connection: duckdb.DuckDBPyConnection, wanted: str | None) -> str:
    """The named scorecard, or the live one for retention; NotFoundError lists the computed ones."""
    cards = records(connection, "select * from seeds.scorecards where status <> 'retired'")
    for card in cards:
        if card["scorecard"] == wanted or (
            wanted is None and (card["goal"], card["status"]) == ("retention", "live")
        ):
            return card["scorecard"]
    names = ", ".join(sorted(card["scorecard"] for card in cards))
    raise NotFoundError(f"There is no scorecard {wanted!r}. Computed are: {names}.")


def find_scores(
    connection: duckdb.DuckDBPyConnection, account: Record, scorecard: str, day: date | None
) -> tuple[Record, Record | None]:
    """The score on the date (default: the as-of date) and the one 28 days earlier, if any."""
    history = records(connection, SCORES, account["account_id"], scorecard)
    by_date = {score["score_date"]: score for score in history}
    earlier = {
        row["score_date"]: row["date_28d_earlier"]
        for row in records(
            connection, "select score_date, date_28d_earlier from metrics.score_dates"
        )
    }
    wanted = day or max(earlier)
    if wanted not in by_date:
        raise NotFoundError(why_not_scored(connection, account, wanted, sorted(by_date)))
    return by_date[wanted], by_date.get(earlier[wanted])


def why_not_scored(
    connection: duckdb.DuckDBPyConnection, account: Record, day: date, scored: list[date]
) -> str:
    """Why the account has no score on that day, and when it has one."""
    who = f"{account['account_name']} ({account['account_id']})"
    dates = [
        row["day"]
        for row in records(connection, "select score_date as day from metrics.score_dates")
    ]
    if day not in dates:
        near = sorted(dates, key=lambda d: (abs((d - day).days), d))[:3]
        listed = ", ".join(map(str, sorted(near))) or "none"
        return f"{day} is no score date; the nearest are {listed}."
    reason = (account["not_scored_reason"] or "no subscription in force").replace("_", " ")
    if not scored:
        return f"{who} is never scored: {reason}."
    span = f"It has scores from {scored[0]} to {scored[-1]}: add --date {scored[-1]}."
    return f"{who} is not scored on {day}: {reason}. {span}"


# ------------------------------------------------------------------------------- explaining


def explain(
    connection: duckdb.DuckDBPyConnection,
    wanted: str,
    day: date | None = None,
    scorecard: str | None = None,
) -> Record:
    """Everything that made the score, ready for JSON: score, segment_rule, drivers, caps, override,
    change_28d, would_move_most and actions. Points are points of the score, 0 to 100."""
    account = find_account(connection, wanted.strip())
    score, earlier = find_scores(connection, account, find_scorecard(connection, scorecard), day)
    check_version(connection, score)
    key = (score["account_id"], score["scorecard"])
    drivers = records(connection, DRIVERS, *key, score["score_date"])
    for row in drivers:
        if row["curve"] == "percentile" and not row["is_missing"]:
            row |= standing(connection, score, row)
    [rule] = records(connection, RULE, score["account_id"], score["score_date"])
    caps = caps_that_hold(connection, score)
    override = records(connection, OVERRIDE, score["override_id"])
    return {
        "score": score,
        "segment_rule": {name: value for name, value in rule.items() if value is not None},
        "drivers": drivers,
        "caps": caps,
        "override": override[0] if override else None,
        "change_28d": change_since(connection, score, earlier) if earlier else None,
        "would_move_most": best_gains(drivers, caps),
        "actions": recommended_actions(connection, score),
    }


def check_version(connection: duckdb.DuckDBPyConnection, score: Record) -> None:
    """NotFoundError where the seeds in the file are not those that the score was computed with."""
    [seeds] = records(connection, "select scoring_version from scoring.scoring_version")
    if seeds["scoring_version"] != score["scoring_version"]:
        raise NotFoundError(
            f"The scores are of version {score['scoring_version']}, the seeds that were loaded last"
            f" of {seeds['scoring_version']}: the last build did not get to the end. Run"
            " scripts/validate.py, fix what it says, and dbt build."
        )


def standing(connection: duckdb.DuckDBPyConnection, score: Record, row: Record) -> Record:
    """Where the value stands among the accounts of the segment on the date, 0 to 100."""
    value = row["metric_value"]
    place = (score["score_date"], score["segment"], row["metric"])
    [found] = records(connection, PEERS, value, value, *place)
    worse = found["lower_peers"]
    if row["better"] == "lower":
        worse = found["peers"] - found["lower_peers"] - found["equal_peers"]
    rank = 100 * (worse + Decimal(found["equal_peers"]) / 2) / found["peers"]
    return {"percentile": rank, "peers": found["peers"]}


def caps_that_hold(connection: duckdb.DuckDBPyConnection, score: Record) -> list[Record]:
    """The caps that hold on the date; none on a scorecard of another goal than retention."""
    if score["goal"] != "retention":
        return []
    found = records(connection, CAPS, score["account_id"], score["score_date"])
    return [cap for cap in found if holds(cap, cap["metric_value"])]


def holds(cap: Record, value: Decimal) -> bool:
    """Whether the cap holds at that value of its metric: strictly worse than its limit."""
    if cap["better"] == "higher":
        return value < cap["worse_than"]
    return value > cap["worse_than"]


def recommended_actions(connection: duckdb.DuckDBPyConnection, score: Record) -> list[Record]:
    """What to do, best first: of the live retention scorecard at the as-of date, else nothing."""
    if (score["goal"], score["status"]) != ("retention", "live"):
        return []
    return records(connection, ACTIONS, score["account_id"], score["score_date"])


def best_gains(drivers: list[Record], caps: list[Record]) -> list[Record]:
    """The three metrics whose reaching healthy_at would gain the score most.

    `gain` is what the capped score gains, `computed_gain` what the computed one does: under a cap
    only what lifts it is felt. A capping metric without a row of its own reaches the cap's limit.
    An override is left aside. Points, 2 decimals.
    """
    now = mean(drivers)
    moves = [
        (row, row["healthy_at"], mean([*others(drivers, row), {**row, "metric_score": HUNDRED}]))
        for row in drivers
    ]
    with_row = {row["metric"] for row in drivers}
    moves += [
        ({**cap, "curve": "cap"}, cap["worse_than"], now)
        for cap in caps
        if cap["metric"] not in with_row
    ]
    gains = []
    for row, goal, computed in moves:
        left = [cap for cap in caps if not is_lifted(cap, row, goal)]
        gain = limited(computed, left) - limited(now, caps)
        gains.append(
            {name: row[name] for name in ("metric", "unit", "metric_value", "curve")}
            | {"goal": goal, "gain": cents(gain), "computed_gain": cents(computed - now)}
            | {"lifts": sorted(cap["cap"] for cap in caps if cap not in left)}
        )
    gains = [row for row in gains if row["gain"] > 0 or row["computed_gain"] > 0]
    gains.sort(key=lambda row: (-row["gain"], -row["computed_gain"], row["metric"]))
    return gains[:HELPFUL]


def mean(drivers: list[Record]) -> Decimal:
    """The weighted mean of the rows that have points, not rounded; 0 without any."""
    scored = [(row["weight"], row["metric_score"]) for row in drivers]
    scored = [(weight, points) for weight, points in scored if points is not None]
    weight = sum(weight for weight, _ in scored)
    return sum(weight * points for weight, points in scored) / weight if weight else Decimal(0)


def others(drivers: list[Record], row: Record) -> list[Record]:
    return [driver for driver in drivers if driver is not row]


def is_lifted(cap: Record, row: Record, goal: Decimal) -> bool:
    """Whether the cap is gone once its metric has reached the goal; a rank is no value."""
    return cap["metric"] == row["metric"] and row["curve"] != "percentile" and not holds(cap, goal)


def limited(score: Decimal, caps: list[Record]) -> Decimal:
    return min([score, *(cap["max_score"] for cap in caps)])


def cents(points: Decimal) -> Decimal:
    return points.quantize(CENT, ROUND_HALF_UP)


def change_since(connection: duckdb.DuckDBPyConnection, score: Record, earlier: Record) -> Record:
    """The scores then, and the causes whose points sum to the change of the health score, the
    largest first. Causes are split for the live retention scorecard only."""
    names = ["score_date", "segment", "computed_score", "capped_score", "health_score", "cap"]
    names += ["override_id", "coverage"]
    causes = []
    if (score["goal"], score["status"]) == ("retention", "live"):
        causes = records(connection, CHANGES, score["account_id"], score["score_date"])
    for row in causes:
        then, now = row.pop("value_then"), row.pop("value_now")
        if row["cause"] in SET_BY:
            then, now = earlier[SET_BY[row["cause"]]], score[SET_BY[row["cause"]]]
        row |= {"then": then, "now": now, "points": row.pop("points")}
    return {
        "then": {name: earlier[name] for name in names},
        "difference": difference(score["health_score"], earlier["health_score"]),
        "causes": causes,
    }


def difference(now: Decimal | None, then: Decimal | None) -> Decimal | None:
    return None if now is None or then is None else now - then


# ------------------------------------------------------------------------------- showing


def value_text(value: Decimal | None, unit: str) -> str:
    """A metric value as people say it: shares in percent, the rest with at most two decimals."""
    if value is None:
        return "unknown"
    if unit == "share":
        return f"{number_text((100 * value).quantize(Decimal('0.1'), ROUND_HALF_UP))} %"
    return number_text(cents(value))


def scale_text(row: Record) -> str:
    """Where the curve gives 0 and 100 points."""
    if row["curve"] == "percentile":
        return f"percentile {number_text(row['poor_at'])} .. {number_text(row['healthy_at'])}"
    ends = [value_text(row[name], row["unit"]) for name in ("poor_at", "healthy_at")]
    return f"{ends[0]} .. {ends[1]}"


def score_text(score: Decimal | None) -> str:
    return "no score" if score is None else str(score)


def rule_text(rule: Record) -> str:
    """The conditions of a segment rule in words."""
    words = {"min_": "at least", "max_": "at most"}
    conditions = []
    for name, value in rule.items():
        if name[:4] in words:
            conditions.append(f"{name[4:]} {words[name[:4]]} {number_text(value)}")
        elif name not in ("priority", "segment", "label"):
            conditions.append(f"{name} = {str(value).lower() if value is True else value}")
    return " and ".join(conditions) or "everybody else"


def headline(told: Record) -> Iterable[str]:
    score, rule = told["score"], told["segment_rule"]
    owner = f", owner {score['owner']}" if score["owner"] else ""
    yield f"{score['account_name']} ({score['account_id']}){owner}, on {score['score_date']}"
    if score["goal"] == "expansion":
        yield f"{score_text(score['health_score'])}  of 100: how ready it is for more"
    elif score["health_score"] is None:
        yield f"no score  {score['grade']} ({score['colour']}; response: {score['response']})"
    else:
        yield (
            f"{score['health_score']}  {score['grade']} {score['label']}"
            f" ({score['colour']}; response: {score['response']})"
        )
    yield ""
    yield (
        f"Scorecard  {score['scorecard']} ({score['status']}, goal {score['goal']}),"
        f" version {score['scoring_version']}"
    )
    yield f"Segment    {score['segment']}, by rule {rule['priority']}: {rule_text(rule)}"
    yield (
        f"Known      {100 * score['coverage']:.0f} % of the weight (at least"
        f" {100 * score['min_coverage']:.0f} % are needed); with everything unknown at 0 it would"
        f" be {score['score_low']}, at 100 {score['score_high']}"
    )
    yield from limits_text(told)


def limits_text(told: Record) -> Iterable[str]:
    """How the computed score became the health score."""
    score, override = told["score"], told["override"]
    yield f"Computed   {score_text(score['computed_score'])}, from the drivers below"
    for cap in told["caps"]:
        lowers = cap["cap"] == score["cap"]
        effect = f"lowers it to {cap['max_score']}" if lowers else "holds, changes nothing"
        value = value_text(cap["metric_value"], cap["unit"])
        yield (
            f"Cap        {cap['cap']} {effect}: {cap['metric']} is {value}, worse than"
            f" {value_text(cap['worse_than'], cap['unit'])}."
            + (f" {cap['reason'].rstrip('.')}." if cap["reason"] else "")
        )
    if override:
        yield (
            f"Override   {override['override_id']} sets it to {score['health_score']} by hand from"
            f" {override['starts_on']} until before {override['expires_on']}; who and why is in the"
            " raw input score_overrides"
        )
    if not told["caps"] and not override and score["goal"] == "retention":
        yield "Limits     no cap holds, no override is in force"


def drivers_text(drivers: list[Record]) -> str:
    names = [
        "metric",
        "value",
        "0 .. 100 at",
        "curve",
        "points",
        "weight",
        "counts",
        "adds",
        "costs",
    ]
    rows = [
        [
            row["metric"],
            value_text(row["metric_value"], row["unit"]),
            scale_text(row),
            row["curve"],
            "left out" if row["metric_score"] is None else cents(row["metric_score"]),
            row["weight"],
            f"{100 * row['effective_weight']:.1f} %",
            cents(row["contribution"]),
            cents(row["points_lost"]),
        ]
        for row in drivers
    ]
    return table(names, rows)


def remarks_text(drivers: list[Record]) -> Iterable[str]:
    for row in drivers:
        if "percentile" in row:
            yield (
                f"  {row['metric']} stands at percentile {number_text(cents(row['percentile']))}"
                f" of {row['peers']} accounts of the segment"
            )
        if row["is_missing"]:
            stated = row["score_if_missing"]
            means = (
                "left out, its weight is shared among the rest"
                if stated is None
                else f"counted as {number_text(stated)} points, as the scorecard says"
            )
            yield f"  {row['metric']} is unknown: {means}"


def change_text(told: Record) -> Iterable[str]:
    change, score = told["change_28d"], told["score"]
    if change is None:
        yield "Since 28 days ago: not scored then."
        return
    then = change["then"]
    moved = "" if change["difference"] is None else f" ({change['difference']:+})"
    yield (
        f"Since 28 days ago ({then['score_date']}): {score_text(then['health_score'])} ->"
        f" {score_text(score['health_score'])}{moved}"
    )
    if change["difference"] is None:
        known = [f"{100 * one['coverage']:.0f} %" for one in (then, score)]
        yield f"  known: {known[0]} of the weight -> {known[1]}"
    elif not change["causes"]:
        yield "  The causes are split for the live retention scorecard only."
    elif change["causes"][0]["cause"] != "unchanged":
        yield causes_text(change["causes"])
        if any(row["metric"] and row["then"] == row["now"] for row in change["causes"]):
            yield "A value that stays moves the score where its rank in the segment has changed."


def causes_text(causes: list[Record]) -> str:
    """The largest causes, and the sum of the others."""
    rows = [
        [
            row["cause"],
            row["metric"],
            *(
                value_text(row[end], row["unit"]) if row["metric"] else row[end] or "none"
                for end in ("then", "now")
            ),
            f"{cents(row['points']):+}",
        ]
        for row in causes[:MOST_CAUSES]
    ]
    rest = sum((row["points"] for row in causes[MOST_CAUSES:]), Decimal(0))
    if causes[MOST_CAUSES:]:
        rows.append(["all others", None, None, None, f"{cents(rest):+}"])
    return table(["cause", "metric", "then", "now", "points"], rows)


def gains_text(told: Record) -> Iterable[str]:
    if not told["would_move_most"]:
        yield "Nothing to gain: every metric is healthy."
        return
    capped = bool(told["score"]["cap"])
    yield "What would move it most:"
    for row in told["would_move_most"]:
        goal = (
            f"percentile {number_text(row['goal'])} of the segment"
            if row["curve"] == "percentile"
            else value_text(row["goal"], row["unit"])
        )
        line = f"  +{row['gain']:<6} {row['metric']} from"
        line += f" {value_text(row['metric_value'], row['unit'])} to {goal}"
        if row["lifts"]:
            line += f", which lifts the cap {' and '.join(row['lifts'])}"
        elif capped:
            line += f" (+{row['computed_gain']} once the cap is lifted)"
        yield line
    if told["score"]["override_id"]:
        yield "  (the health score follows once the override is over)"


def actions_text(told: Record) -> Iterable[str]:
    if not told["actions"]:
        return
    yield "What to do:"
    for row in told["actions"]:
        yield (
            f"  {row['action_rank']}. {row['action']}"
            f" ({row['playbook']}, {row['owner_role']}, by {row['due_date']})"
        )
        yield f"     because {row['reason']}"


def as_text(told: Record) -> str:
    """The explanation as a page for the terminal."""
    remarks, actions = list(remarks_text(told["drivers"])), list(actions_text(told))
    parts = [
        "\n".join(headline(told)),
        drivers_text(told["drivers"]),
        "adds sums to the computed score; adds and costs together to 100."
        if told["score"]["computed_score"] is not None
        else "Too little is known for a score; adds and costs are those of what is known.",
        *(["\n".join(remarks)] if remarks else []),
        "\n".join(change_text(told)),
        "\n".join(gains_text(told)),
        *(["\n".join(actions)] if actions else []),
    ]
    return "\n\n".join(parts)


def run(account: str, day: date | None, scorecard: str | None, is_json: bool) -> int:
    """Print the explanation."""
    with open_warehouse(checked_warehouse_path()) as connection:
        if warning := unfinished_run(connection):
            print(warning, file=sys.stderr)
        told = explain(connection, account, day, scorecard)
    print(as_json(told) if is_json else printable(as_text(told)))
    return 0
