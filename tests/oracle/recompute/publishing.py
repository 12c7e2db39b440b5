"""The rows of each published table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from recompute.cells import to_date, to_datetime
from recompute.cleaning import CleanInput
from recompute.dates import CHANGE_DAYS, Calendar, days_earlier
from recompute.exact import rounded
from recompute.grid import State
from recompute.names import COMPONENTS, METRIC_TABLES
from recompute.scoring import Score, causes_of_change
from recompute.seeds import Grade
from recompute.tables import RANKED, Table


@dataclass
class Result:
    """Everything recomputed."""

    as_of_date: date
    score_dates: tuple[date, ...]
    compared_dates: tuple[date, ...]
    tables: dict[str, Table]

    @property
    def all_dates(self) -> bool:
        return self.compared_dates == self.score_dates


def publish_inputs(cleaned: dict[str, CleanInput], tables: dict[str, Table]) -> None:
    """source_reconciliation, also for absent inputs, and rejected_records."""
    rejected: Counter[tuple[Any, ...]] = Counter()
    for name, clean in cleaned.items():
        tables["source_reconciliation"].rows[(name,)] = (
            clean.raw_rows,
            len(clean.accepted),
            clean.duplicate_rows,
            clean.rejected_rows,
            clean.blanked_cells,
        )
        rejected.update(clean.records)
    tables["rejected_records"].rows = {
        (*record[:-1], to_datetime(record[-1])): (count,) for record, count in rejected.items()
    }


def publish_metrics(
    state: State, values: dict[str, Decimal | None], on: date, tables: dict[str, Table]
) -> None:
    """The four metric tables."""
    key = (state.account_id, on)
    for name, metrics in METRIC_TABLES.items():
        tables[name].rows[key] = tuple(values[metric] for metric in metrics)


def publish_score(score: Score, on: date, tables: dict[str, Table]) -> None:
    """fct_health_scores and fct_health_drivers."""
    key = (score.state.account_id, on, score.card.name)
    tables["fct_health_scores"].rows[key] = (
        score.card.goal,
        score.segment,
        score.computed,
        score.capped,
        score.health,
        score.grade,
        score.coverage,
        score.low,
        score.high,
        score.cap,
        score.override_id,
        *(score.components[component] for component in COMPONENTS),
    )
    drivers = tables["fct_health_drivers"].rows
    for one in score.drivers:
        drivers[(*key, one.row.metric)] = (
            score.segment,
            one.row.component,
            one.value,
            one.score,
            one.row.weight,
            one.effective_weight,
            one.contribution,
            one.points_lost,
            one.value is None,
        )


# day -> account -> (score of the live retention scorecard, metric values)
Scored = dict[int, dict[str, tuple[Score, dict[str, Decimal | None]]]]


def publish_changes(score: Score, scored: Scored, score_days: Sequence[int], table: Table) -> None:
    """fct_score_changes of an account at a date, against each earlier date."""
    account, day = score.state.account_id, score.state.day
    for distance in CHANGE_DAYS:
        before = days_earlier(score_days, day, distance)
        if before is None or account not in scored[before]:
            continue
        for cause, metric, component, points in (
            causes_of_change(score, *scored[before][account]) or []
        ):
            key = (account, to_date(day), distance, cause, metric)
            table.rows[key] = (to_date(before), component, points)


def ranked_metrics(points: Iterable[tuple[Decimal, str]]) -> tuple[str | None, ...]:
    """The three metrics with the most points, ties by name, zeros left out, padded with None."""
    ordered = sorted((-value, metric) for value, metric in points if value > 0)
    names = [metric for _, metric in ordered[:RANKED]]
    return (*names, *[None] * (RANKED - len(names)))


def publish_customer(
    score: Score,
    expansion: Score | None,
    earlier: Sequence[Decimal | None],
    grades: Sequence[Grade],
    playbook: str | None,
    calendar: Calendar,
    tables: dict[str, Table],
) -> None:
    """customer_health; `earlier` is the health score 7, 28 and 90 days earlier."""
    state, row = score.state, score.state.account.row
    grade = next(one for one in grades if one.grade == score.grade)
    mrr = None if state.mrr is None else rounded(state.mrr, 6)
    renewal_day = state.renewal_day
    changes = (
        None if score.health is None or before is None else score.health - before
        for before in earlier
    )
    tables["customer_health"].rows[(state.account_id,)] = (
        row.account_name or row.account_id,
        row.parent_account_id,
        row.owner,
        row.industry,
        row.region,
        score.segment,
        state.plan,
        state.seats,
        mrr,
        None if mrr is None else 12 * mrr,
        state.is_trial,
        state.tenure_days,
        to_date(renewal_day),
        None if renewal_day is None else renewal_day - state.day,
        to_date(state.day),
        score.health,
        score.computed,
        score.capped,
        score.grade,
        grade.label,
        grade.colour,
        grade.response,
        score.coverage,
        score.low,
        score.high,
        score.cap,
        score.override_id,
        *(score.components[component] for component in COMPONENTS),
        None if expansion is None else expansion.health,
        *changes,
        *ranked_metrics((one.points_lost, one.row.metric) for one in score.drivers),
        *ranked_metrics((one.contribution, one.row.metric) for one in score.drivers),
        playbook,
        to_date(calendar.data_through),
    )
