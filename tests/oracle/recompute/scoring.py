"""Scorecards and the arithmetic."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from recompute.accounts import Account
from recompute.cells import day_of
from recompute.exact import divided, round_ratio, rounded
from recompute.grid import State
from recompute.names import COMPONENTS, UsageError
from recompute.seeds import Grade, Scorecard, ScorecardRow, Seeds

INSUFFICIENT_DATA = "insufficient_data"


def clamp(value: Fraction) -> Fraction:
    """Limited to 0..1."""
    return min(Fraction(1), max(Fraction(0), value))


def linear_score(x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Fraction:
    """0 at poor_at, 100 at healthy_at, straight between, whichever of the two is larger."""
    return 100 * clamp((x - poor_at) / (healthy_at - poor_at))


def banded_score(x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Fraction:
    """100 at healthy_at or better, 0 at poor_at or worse, 50 between."""
    sign = 1 if healthy_at > poor_at else -1
    if sign * x >= sign * healthy_at:
        return Fraction(100)
    return Fraction(0) if sign * x <= sign * poor_at else Fraction(50)


def target_score(x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Fraction:
    """100 at healthy_at, falling on both sides to 0 at the distance of poor_at."""
    return 100 * max(Fraction(0), 1 - abs(x - healthy_at) / abs(poor_at - healthy_at))


def percentile_rank(x: Decimal, peers: Sequence[Decimal], better: str) -> Fraction:
    """100 x (worse + equal / 2) / all, among sorted peers that include x."""
    below, up_to = bisect_left(peers, x), bisect_right(peers, x)
    worse = below if better == "higher" else len(peers) - up_to
    return 100 * (worse + Fraction(up_to - below, 2)) / len(peers)


CURVES = {"linear": linear_score, "banded": banded_score, "target": target_score}


def metric_score(curve: str, x: Fraction, poor_at: Fraction, healthy_at: Fraction) -> Decimal:
    """The metric score, 0-100 with 4 decimals. For `percentile`, x is the percentile rank."""
    if curve == "percentile":
        return rounded(linear_score(x, poor_at, healthy_at), 4)
    if curve not in CURVES:
        raise UsageError(f"scorecard_metrics.csv: unknown curve {curve!r}")
    return rounded(CURVES[curve](x, poor_at, healthy_at), 4)


@lru_cache(maxsize=2**18)
def _score_of_value(row: ScorecardRow, x: Decimal) -> Decimal:
    """metric_score of one scorecard row, remembered: values repeat."""
    return metric_score(row.curve, Fraction(x), row.poor_at, row.healthy_at)


@lru_cache(maxsize=2**18)
def _score_of_rank(row: ScorecardRow, rank: Fraction) -> Decimal:
    """metric_score of a percentile rank, remembered."""
    return metric_score("percentile", rank, row.poor_at, row.healthy_at)


def weighted_mean(pairs: Iterable[tuple[Decimal, Decimal]], places: int) -> Decimal | None:
    """Sum of weight x score / sum of weights, rounded; None without a pair."""
    pairs = list(pairs)
    if not pairs:
        return None
    points = sum(weight * score for weight, score in pairs)
    return divided(points, sum(weight for weight, _ in pairs), places)


@dataclass(frozen=True)
class Driver:
    """One row of a scorecard applied to one account at one date.

    scored_weight is the sum of the weights of all rows with a metric_score: the effective weight
    is weight / scored_weight. A left-out row has no metric_score and weighs nothing.
    """

    row: ScorecardRow
    value: Decimal | None
    score: Decimal | None
    scored_weight: Decimal

    @property
    def effective_weight(self) -> Decimal:
        return self._weighted(Decimal(1))

    @property
    def contribution(self) -> Decimal:
        return self._weighted(self.score)

    @property
    def points_lost(self) -> Decimal:
        return self._weighted(None if self.score is None else 100 - self.score)

    def _weighted(self, points: Decimal | None) -> Decimal:
        """points x the exact effective weight, 6 decimals; 0 for a left-out row."""
        if self.score is None or points is None:
            return Decimal(0)
        return _share(self.row.weight, self.scored_weight, points)


@lru_cache(maxsize=2**18)
def _share(weight: Decimal, total: Decimal, points: Decimal) -> Decimal:
    """weight x points / total, 6 decimals, rounded once."""
    return divided(weight * points, total, 6)


Peers = Callable[[str, str], list[Decimal]]


def score_value(row: ScorecardRow, x: Decimal | None, segment: str, peers: Peers) -> Decimal | None:
    """metric_score of a value; score_if_missing, perhaps None, of an unknown one."""
    if x is None:
        return None if row.score_if_missing is None else rounded(row.score_if_missing, 4)
    if row.curve != "percentile":
        return _score_of_value(row, x)
    return _score_of_rank(row, percentile_rank(x, peers(segment, row.metric), row.better))


def make_drivers(
    rows: Sequence[ScorecardRow], values: dict[str, Decimal | None], segment: str, peers: Peers
) -> list[Driver]:
    """The drivers of an account at a date; weights of left-out rows are shared by the rest."""
    scores = [score_value(row, values[row.metric], segment, peers) for row in rows]
    scored = (row.weight for row, score in zip(rows, scores, strict=True) if score is not None)
    total = sum(scored, Decimal(0))
    return [
        Driver(row, values[row.metric], score, total)
        for row, score in zip(rows, scores, strict=True)
    ]


@dataclass(frozen=True)
class Score:
    """The scores of one account, date and scorecard, and why they are what they are."""

    state: State
    segment: str
    card: Scorecard
    drivers: list[Driver]
    computed: Decimal | None
    capped: Decimal | None
    health: Decimal | None
    grade: str
    coverage: Decimal
    low: Decimal | None
    high: Decimal | None
    cap: str | None
    override_id: str | None
    components: dict[str, Decimal | None]


def coverage_of(drivers: Sequence[Driver]) -> Decimal:
    """Weight of the rows with a known value / 100."""
    known = (driver.row.weight for driver in drivers if driver.value is not None)
    return sum(known, Decimal(0)).scaleb(-2)


def score_if_unknown_scored(drivers: Sequence[Driver], points: int) -> Decimal | None:
    """The score if every unknown value had scored `points`, all rows at full weight."""
    assumed = Decimal(points)
    return weighted_mean(
        ((one.row.weight, assumed if one.value is None else one.score) for one in drivers), 2
    )


def apply_caps(
    computed: Decimal, values: dict[str, Decimal | None], segment: str, seeds: Seeds
) -> tuple[Decimal, str | None]:
    """(capped score, the cap that lowered it).

    A cap holds when its metric is strictly worse than worse_than. The smallest max_score counts;
    among equal ones the smallest name.
    """
    holding = []
    for cap in seeds.caps:
        x = values[cap.metric]
        if x is None or cap.segment not in ("*", segment):
            continue
        higher = seeds.better[cap.metric] == "higher"
        if x < cap.worse_than if higher else x > cap.worse_than:
            holding.append((rounded(cap.max_score, 2), cap.name))
    if not holding or min(holding)[0] >= computed:
        return computed, None
    return min(holding)


def override_at(account: Account, day: int) -> Any | None:
    """The override in force: the latest start, then the largest id."""
    in_force = (
        one for one in account.overrides if day_of(one.starts_at) <= day < day_of(one.expires_at)
    )
    return max(in_force, key=lambda one: (one.starts_at, one.override_id), default=None)


def grade_of(health: Decimal | None, grades: Sequence[Grade]) -> Grade:
    """The grade with the highest lower bound that the score reaches."""
    if health is None:
        reached = [one for one in grades if one.min_score is None]
    else:
        reached = [one for one in grades if one.min_score is not None and health >= one.min_score]
    if not reached:
        raise UsageError(f"grades.csv has no grade for the score {health}")
    return max(reached, key=lambda one: one.min_score or 0)


def score_account(
    state: State,
    segment: str,
    card: Scorecard,
    values: dict[str, Decimal | None],
    seeds: Seeds,
    peers: Peers,
    overrides: bool = True,
    caps: bool = True,
) -> Score:
    """Applies a scorecard to an account at a date."""
    drivers = make_drivers(card.rows.get(segment, []), values, segment, peers)
    scored = [(one.row.weight, one.score) for one in drivers if one.score is not None]
    coverage = coverage_of(drivers)
    computed = weighted_mean(scored, 2) if coverage >= card.min_coverage else None

    capped, cap = computed, None
    if caps and computed is not None and card.goal == "retention":
        capped, cap = apply_caps(computed, values, segment, seeds)
    override = None
    if overrides and card.goal == "retention":
        override = override_at(state.account, state.day)
    health = capped if override is None else rounded(override.score, 2)

    components = {
        component: weighted_mean(
            (
                (one.row.weight, one.score)
                for one in drivers
                if one.row.component == component and one.score is not None
            ),
            2,
        )
        for component in COMPONENTS
    }
    return Score(
        state,
        segment,
        card,
        drivers,
        computed,
        capped,
        health,
        grade_of(health, seeds.grades).grade,
        rounded(coverage, 6),
        score_if_unknown_scored(drivers, 0),
        score_if_unknown_scored(drivers, 100),
        cap,
        None if override is None else override.override_id,
        components,
    )


# What moved a score: (cause, metric, component, points); a metric where the cause is one.
Cause = tuple[str, str | None, str | None, Decimal]


@dataclass(frozen=True)
class Weighing:
    """A metric of a scorecard at one end of a comparison, in whole numbers.

    weight is in millionths, 0 where the metric has no score; score in ten-thousandths.
    """

    weight: int
    score: int
    is_missing: bool


def weigh(row: ScorecardRow, score: Decimal | None, is_missing: bool) -> Weighing:
    """What a metric score counts."""
    if score is None:
        return Weighing(0, 0, is_missing)
    return Weighing(int(row.weight.scaleb(6)), int(score.scaleb(4)), is_missing)


def weigh_now(score: Score) -> dict[str, Weighing]:
    """The metrics of a score."""
    return {one.row.metric: weigh(one.row, one.score, one.value is None) for one in score.drivers}


def weigh_then(
    now: Score, then: Score, values_then: dict[str, Decimal | None]
) -> dict[str, Weighing]:
    """The metrics of the earlier score, under the rows that score it now.

    After a move to another segment the earlier values go on the curves of the new one; of a rank
    among the new peers there is no earlier value, so the score of now stands in.
    """
    if now.segment == then.segment:
        return weigh_now(then)
    weighed = {}
    for driver in now.drivers:
        row = driver.row
        if row.curve == "percentile":
            weighed[row.metric] = weigh(row, driver.score, driver.value is None)
        else:
            x = values_then[row.metric]
            weighed[row.metric] = weigh(row, score_value(row, x, now.segment, no_peers), x is None)
    return weighed


def no_peers(segment: str, metric: str) -> list[Decimal]:
    """For values that are not ranked."""
    raise AssertionError(f"{metric} in {segment} has no rank here")


def metric_causes(now: Score, before: dict[str, Weighing]) -> list[Cause]:
    """What each metric moved: [u1 (m1 - A) - u0 (m0 - A)] / W1, with the earlier mean A.

    Nothing where no metric had a score before: then there is no mean to compare with.
    """
    after = weigh_now(now)
    weight_now = sum(one.weight for one in after.values())
    weight_then = sum(one.weight for one in before.values())
    points_then = sum(one.weight * one.score for one in before.values())
    if not weight_then:
        return []
    causes: list[Cause] = []
    for driver in now.drivers:
        metric = driver.row.metric
        new, old = after[metric], before[metric]
        if (new.weight, new.score) == (old.weight, old.score):
            continue
        moved = new.weight * (new.score * weight_then - points_then)
        moved -= old.weight * (old.score * weight_then - points_then)
        points = round_ratio(moved, 10_000 * weight_then * weight_now, 6)
        cause = "behaviour" if new.is_missing == old.is_missing else "coverage"
        causes.append((cause, metric, driver.row.component, points))
    return causes


def causes_of_change(
    now: Score, then: Score, values_then: dict[str, Decimal | None]
) -> list[Cause] | None:
    """The causes that add up to the change of the health score, None without two scores."""
    if now.health is None or then.health is None:
        return None
    if now.computed is None or then.computed is None:
        causes: list[Cause] = [("override", None, None, now.health - then.health)]
    else:
        moved = now.computed - then.computed
        causes = metric_causes(now, weigh_then(now, then, values_then))
        left = moved - sum((points for *_, points in causes), Decimal(0))
        if now.segment != then.segment:
            causes.append(("segment", None, None, left))
        elif causes:
            causes.sort(key=lambda one: (-abs(one[3]), one[1]))
            cause, metric, component, points = causes[0]
            causes[0] = (cause, metric, component, points + left)
        capped = now.capped - now.computed - (then.capped - then.computed)
        causes.append(("cap", None, None, capped))
        by_hand = now.health - now.capped - (then.health - then.capped)
        causes.append(("override", None, None, by_hand))
    causes = [one for one in causes if one[3]]
    return causes or [("unchanged", None, None, Decimal(0))]


def peers_among(segments: dict[str, str], values: dict[str, dict[str, Decimal | None]]) -> Peers:
    """The sorted known values of a metric in a segment, among the accounts of one date."""

    @cache
    def peers(segment: str, metric: str) -> list[Decimal]:
        known = (values[one][metric] for one, its in segments.items() if its == segment)
        return sorted(value for value in known if value is not None)

    return peers
