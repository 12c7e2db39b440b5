"""From the raw inputs to the tables."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

from recompute.accounts import Account, gather_accounts
from recompute.actions import History, alert_days, publish_actions, recommend
from recompute.cells import to_date
from recompute.cleaning import Rules, clean_inputs
from recompute.dates import CHANGE_DAYS, OLDEST_CHANGE, Calendar, days_earlier, make_calendar
from recompute.exact import rounded
from recompute.grid import State, state_at
from recompute.metrics import Feed, all_metrics, make_feed
from recompute.names import UsageError
from recompute.publishing import (
    Result,
    Scored,
    publish_changes,
    publish_customer,
    publish_inputs,
    publish_metrics,
    publish_score,
)
from recompute.roll_ups import Standing, make_hierarchy, publish_roll_ups
from recompute.scoring import Score, peers_among, score_account
from recompute.seeds import Seeds, read_seeds
from recompute.segments import segment_of
from recompute.tables import make_tables


def parse_date(text: str) -> date:
    """An ISO date of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2026-01-31") from error


def parse_dates(text: str) -> str | int | list[date]:
    """`all`, a number, or dates separated by commas."""
    if text == "all":
        return text
    if text.isdecimal():
        return int(text)
    return [parse_date(part.strip()) for part in text.split(",")]


def choose_dates(dates: str | int | Sequence[date], calendar: Calendar) -> list[int]:
    """The score days to publish: all, N spread evenly plus as_of, or the given ones."""
    days = list(calendar.score_days)
    if dates == "all":
        return days
    if isinstance(dates, int):
        if dates < 1:
            raise UsageError("--dates needs a number of at least 1")
        last = len(days) - 1
        steps = max(dates - 1, 1)
        chosen = {days[(2 * i * last + steps) // (2 * steps)] for i in range(dates) if days}
    elif isinstance(dates, str):
        raise UsageError(f"dates: 'all', a number or a sequence of dates, not {dates!r}")
    else:
        chosen = {day.toordinal() for day in dates}
        if odd := sorted(chosen - set(days)):
            raise UsageError(f"no score dates: {', '.join(str(to_date(day)) for day in odd)}")
    return sorted(chosen | ({calendar.as_of} & set(days)))


@dataclass(frozen=True)
class Scorer:
    """Scores all accounts of a date with all scorecards."""

    accounts: dict[str, Account]
    feed: Feed
    seeds: Seeds
    overrides: bool
    caps: bool

    def score_day(
        self, day: int
    ) -> Iterator[tuple[State, dict[str, Decimal | None], dict[str, Score]]]:
        """(state, metric values, scores by scorecard) of each account on the grid."""
        states = {}
        for account_id, account in self.accounts.items():
            if state := state_at(account, day):
                states[account_id] = state
        values = {one: all_metrics(state, self.feed) for one, state in states.items()}
        segments = {one: segment_of(state, self.seeds.segments) for one, state in states.items()}
        score = partial(
            score_account,
            seeds=self.seeds,
            peers=peers_among(segments, values),
            overrides=self.overrides,
            caps=self.caps,
        )
        for one, state in states.items():
            scores = {
                card.name: score(state, segments[one], card, values[one])
                for card in self.seeds.scorecards
            }
            yield state, values[one], scores


def recompute(
    raw_dir: Path | str,
    seeds_dir: Path | str,
    run_date: date,
    as_of: date | None = None,
    history_weeks: int = 52,
    dates: str | int | Sequence[date] = "all",
    overrides: bool = True,
    caps: bool = True,
) -> Result:
    """Recomputes every published number from the raw inputs and the scoring seeds.

    `dates` limits metrics, scores and drivers to some score dates; cleaning is always whole.
    Without overrides and caps, health_score is computed_score.
    """
    if as_of is not None and as_of > run_date:
        raise UsageError(f"as_of {as_of} lies after run_date {run_date}")
    seeds = read_seeds(Path(seeds_dir))
    retention, expansion = seeds.live("retention"), seeds.live("expansion")
    if retention is None:
        raise UsageError("scorecards.csv: no live scorecard of goal retention")

    run_day = run_date.toordinal()
    cleaned = clean_inputs(Path(raw_dir), Rules(run_day, seeds.rates))
    as_of_day = None if as_of is None else as_of.toordinal()
    calendar = make_calendar(cleaned, run_day, as_of_day, history_weeks)
    chosen = choose_dates(dates, calendar)

    catalogue = seeds.core_features | seeds.setup_features | seeds.compliance_features
    accounts = gather_accounts(cleaned, seeds.rates, catalogue)
    scorer = Scorer(accounts, make_feed(cleaned, calendar, seeds), seeds, overrides, caps)

    tables = make_tables()
    publish_inputs(cleaned, tables)
    account_rows = {row.account_id: row for row in cleaned["accounts"].accepted}
    hierarchy = make_hierarchy({one: row.parent_account_id for one, row in account_rows.items()})
    del cleaned  # the many raw events are no longer needed
    earlier_days = [days_earlier(calendar.score_days, calendar.as_of, n) for n in CHANGE_DAYS]
    four_weeks_before = {day: days_earlier(calendar.score_days, day, 28) for day in chosen}
    colour = {grade.grade: grade.colour for grade in seeds.grades}
    # (account, day) -> health score of the live retention scorecard
    health: dict[tuple[str, int | None], Decimal | None] = {}
    history: History = {}
    compared = {days_earlier(calendar.score_days, day, n) for day in chosen for n in CHANGE_DAYS}
    scored: Scored = {}
    for day in sorted({*chosen, *compared, *alert_days(seeds, calendar)} - {None}):
        scored = {one: its for one, its in scored.items() if one >= day - OLDEST_CHANGE}
        scored[day] = {}
        on = date.fromordinal(day)
        standings = []
        for state, values, scores in scorer.score_day(day):
            main = scores[retention.name]
            health[state.account_id, day] = main.health
            history[state.account_id, day] = main.health, main.coverage
            scored[day][state.account_id] = main, values
            if day not in chosen:
                continue
            publish_changes(main, scored, calendar.score_days, tables["fct_score_changes"])
            publish_metrics(state, values, on, tables)
            for score in scores.values():
                publish_score(score, on, tables)
            standings.append(
                Standing(
                    state.account_id,
                    main.segment,
                    None if state.mrr is None else 12 * rounded(state.mrr, 6),
                    main.health,
                    colour[main.grade],
                    main.coverage,
                    health.get((state.account_id, four_weeks_before[day])),
                )
            )
            if day == calendar.as_of:
                actions = recommend(main, values, history, seeds, calendar.score_days)
                publish_actions(main, actions, tables)
                publish_customer(
                    main,
                    scores[expansion.name] if expansion else None,
                    [health.get((state.account_id, before)) for before in earlier_days],
                    seeds.grades,
                    actions[0][0].playbook if actions else None,
                    calendar,
                    tables,
                )
        if standings:
            publish_roll_ups(standings, on, account_rows, hierarchy, tables)
    return Result(
        date.fromordinal(calendar.as_of),
        tuple(date.fromordinal(day) for day in calendar.score_days),
        tuple(date.fromordinal(day) for day in chosen),
        tables,
    )
