"""What always holds of the arithmetic, whatever the values, weights, thresholds and caps.

Hypothesis invents scorecards, accounts and caps; the compiled SQL of the project's own models
turns them into scores in an in-memory DuckDB. Each property is also run on SQL that is broken on
purpose, where it has to find a counterexample.
"""

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from project import ROOT, copy_project, dbt

MODELS = {
    "percentile_ranks": "scoring",
    "metric_scores": "scoring",
    "score_limits": "scoring",
    "fct_health_drivers": "marts",
    "fct_health_scores": "marts",
}
# Any metrics would do; the models know columns by name.
METRICS = (
    *("active_days_28d", "days_overdue", "mrr_change_90d", "nps_180d", "open_tickets"),
    "stickiness_28d",
)
CATALOGUE = [
    row["metric"]
    for row in csv.DictReader((ROOT / "seeds/scoring/metrics.csv").open(encoding="utf-8"))
]
TABLES = {
    "scoring.stale_scores": "account_id varchar, score_date date, scorecard varchar",
    "scoring.metrics_wide": "account_id varchar, score_date date, segment varchar, "
    + ", ".join(f"{metric} decimal(18, 6)" for metric in CATALOGUE),
    "scoring.scoring_version": "scoring_version varchar",
    "staging.stg_score_overrides": "override_id varchar, account_id varchar, record_status varchar,"
    " score decimal(18, 6), starts_at timestamp, starts_on date, expires_on date",
    "seeds.metrics": "metric varchar, component varchar, better varchar",
    "seeds.scorecards": "scorecard varchar, goal varchar, status varchar,"
    " min_coverage decimal(9, 6)",
    "seeds.scorecard_metrics": "scorecard varchar, segment varchar, metric varchar,"
    " weight decimal(12, 6), curve varchar, poor_at decimal(18, 6), healthy_at decimal(18, 6),"
    " score_if_missing decimal(9, 4)",
    "seeds.score_caps": "cap varchar, segment varchar, metric varchar,"
    " worse_than decimal(18, 6), max_score decimal(9, 2)",
    "seeds.grades": "grade varchar, min_score decimal(9, 2)",
}
DAY = "2026-01-04"
COMPONENTS = ("adoption", "engagement", "support", "sentiment", "revenue", "renewal")
GRADES = [("A", 85), ("B", 70), ("C", 60), ("D", 40), ("F", 0), ("insufficient_data", None)]
CENT = Decimal("0.01")


# ------------------------------------------------------------------------------- scenarios


@dataclass(frozen=True)
class Row:
    """One scorecard row and the direction of its metric."""

    metric: str
    better: str
    weight: Decimal
    curve: str
    poor_at: Decimal
    healthy_at: Decimal
    score_if_missing: Decimal | None


@dataclass(frozen=True)
class Scenario:
    """A scorecard for one segment, caps, and accounts with a value or None per row."""

    rows: tuple[Row, ...]
    accounts: tuple[tuple[Decimal | None, ...], ...]
    caps: tuple[tuple[str, str, Decimal, Decimal], ...] = ()
    min_coverage: Decimal = Decimal(0)
    shuffle: int | None = None


values = st.decimals(-1000, 1000, places=6) | st.integers(-9, 9).map(Decimal)


@st.composite
def scorecard_rows(draw: st.DrawFn) -> tuple[Row, ...]:
    """One to six valid rows whose weights sum to 100."""
    count = draw(st.integers(1, 6))
    cuts = st.integers(1, 100 * 10**6 - 1)
    inner = draw(st.lists(cuts, min_size=count - 1, max_size=count - 1, unique=True))
    bounds = sorted([0, *inner, 10**8])
    rows = []
    for number in range(count):
        curve = draw(st.sampled_from(["linear", "banded", "target", "percentile"]))
        better = draw(st.sampled_from(["higher", "lower"]))
        numbers = st.decimals(0, 100, places=6) if curve == "percentile" else values
        low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
        falls = curve != "percentile" and better == "lower"
        rows.append(
            Row(
                metric=METRICS[number],
                better=better,
                weight=Decimal(bounds[number + 1] - bounds[number]) / 10**6,
                curve=curve,
                poor_at=high if falls else low,
                healthy_at=low if falls else high,
                score_if_missing=draw(st.none() | st.decimals(0, 100, places=4)),
            )
        )
    return tuple(rows)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A scorecard, up to four caps and one to eight accounts, values often equal or unknown."""
    rows = draw(scorecard_rows())
    cells = st.none() | values | st.sampled_from([r.healthy_at for r in rows])
    accounts = st.lists(st.tuples(*[cells for _ in rows]), min_size=1, max_size=8)
    always = st.sampled_from([Decimal(-2000), Decimal(2000)])
    cap = st.tuples(
        st.sampled_from(["cap_a", "cap_b", "cap_c"]),
        st.sampled_from([row.metric for row in rows]),
        values | always,
        st.sampled_from([Decimal(1), Decimal(30)]) | st.decimals(0, 100, places=2),
    )
    return Scenario(
        rows=rows,
        accounts=tuple(draw(accounts)),
        caps=tuple(draw(st.lists(cap, max_size=4, unique_by=lambda c: c[0]))),
        min_coverage=draw(st.sampled_from([Decimal(0), Decimal("0.5")])),
    )


# ------------------------------------------------------------------------------- the engine


class Arithmetic:
    """The compiled scoring models, run on invented tables."""

    def __init__(self, compiled: Path, breaks: dict[str, tuple[str, str]] | None = None) -> None:
        self.sql = {}
        for model, folder in MODELS.items():
            text = (compiled / folder / f"{model}.sql").read_text(encoding="utf-8")
            old, new = (breaks or {}).get(model, ("", ""))
            assert old in text, f"{model} no longer has {old!r}"
            self.sql[model] = text.replace(old, new) if old else text
        self.known: dict[Scenario, Scores] = {}
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as warehouse")
        for schema in ("scoring", "seeds", "staging", "marts", "metrics"):
            self.connection.execute(f"create schema warehouse.{schema}")
        for table, columns in TABLES.items():
            self.connection.execute(f"create table warehouse.{table} ({columns})")
        for feed in ("usage", "support", "sentiment", "revenue"):
            view = f"warehouse.metrics.metrics_{feed}"
            self.connection.execute(f"create view {view} as from warehouse.scoring.metrics_wide")

    def fill(self, table: str, rows: Sequence[tuple[Any, ...]], shuffle: int | None) -> None:
        rows = list(rows)
        if shuffle is not None:
            random.Random(f"{shuffle} {table}").shuffle(rows)
        self.connection.execute(f"delete from warehouse.{table}")
        if rows:
            marks = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
            cells = [cell for row in rows for cell in row]
            self.connection.execute(f"insert into warehouse.{table} values {marks}", cells)

    def run(self, scenario: Scenario) -> "Scores":
        """Everything the models say about the scenario, asked once: the properties look at the
        same invented scenarios."""
        if scenario not in self.known:
            self.known[scenario] = self.compute(scenario)
        return self.known[scenario]

    def compute(self, scenario: Scenario) -> "Scores":
        for table, rows in tables_of(scenario).items():
            self.fill(table, rows, scenario.shuffle)
        found = {}
        for model, schema in MODELS.items():
            name = f"warehouse.{schema}.{model}"
            self.connection.execute(f"create or replace table {name} as {self.sql[model]}")
            cursor = self.connection.execute(f"select * from {name} order by all")
            names = [column[0] for column in cursor.description]
            found[model] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return Scores(found["fct_health_scores"], found["fct_health_drivers"])


def tables_of(scenario: Scenario) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table that the models read."""
    names = [f"a{number}" for number in range(len(scenario.accounts))]
    metrics = [row.metric for row in scenario.rows]
    return {
        "scoring.stale_scores": [(name, DAY, "c") for name in names],
        "scoring.metrics_wide": [
            (
                *(name, DAY, "s"),
                *(dict(zip(metrics, cells, strict=True)).get(metric) for metric in CATALOGUE),
            )
            for name, cells in zip(names, scenario.accounts, strict=True)
        ],
        "scoring.scoring_version": [("v",)],
        "staging.stg_score_overrides": [],
        "seeds.metrics": [
            (row.metric, COMPONENTS[number % len(COMPONENTS)], row.better)
            for number, row in enumerate(scenario.rows)
        ],
        "seeds.scorecards": [("c", "retention", "live", scenario.min_coverage)],
        "seeds.scorecard_metrics": [
            ("c", "s", r.metric, r.weight, r.curve, r.poor_at, r.healthy_at, r.score_if_missing)
            for r in scenario.rows
        ],
        "seeds.score_caps": [(cap, "*", *limits) for cap, *limits in scenario.caps],
        "seeds.grades": GRADES,
    }


@dataclass(frozen=True)
class Scores:
    """The rows of fct_health_scores and fct_health_drivers."""

    scores: list[dict[str, Any]]
    drivers: list[dict[str, Any]]

    def score(self, account: str) -> dict[str, Any]:
        return next(row for row in self.scores if row["account_id"] == account)

    def drivers_of(self, account: str) -> Iterator[dict[str, Any]]:
        return (row for row in self.drivers if row["account_id"] == account)


# ------------------------------------------------------------------------------- properties


def scores_lie_between_0_and_100(arithmetic: Arithmetic, scenario: Scenario) -> None:
    found = arithmetic.run(scenario)
    assert len(found.scores) == len(scenario.accounts)
    numbers = [row["metric_score"] for row in found.drivers] + [
        value
        for row in found.scores
        for name, value in row.items()
        if name.endswith("_score") or name in ("score_low", "score_high")
    ]
    assert all(0 <= number <= 100 for number in numbers if number is not None)


def the_score_lies_between_low_and_high(arithmetic: Arithmetic, scenario: Scenario) -> None:
    found = arithmetic.run(scenario)
    for score in found.scores:
        drivers = list(found.drivers_of(score["account_id"]))
        assert score["score_low"] <= score["score_high"]
        if all(row["metric_score"] is not None for row in drivers) and score["computed_score"]:
            assert score["score_low"] <= score["computed_score"] <= score["score_high"]


def a_better_value_never_lowers_a_score(arithmetic: Arithmetic, scenario: Scenario) -> None:
    """The accounts are copies of the first, each with another value of one linear or banded row."""
    first = scenario.accounts[0]
    for position, row in enumerate(scenario.rows):
        if row.curve not in ("linear", "banded"):
            continue
        known = {cells[position] for cells in scenario.accounts} - {None}
        ordered = sorted(
            known | {row.poor_at, row.healthy_at, (row.poor_at + row.healthy_at) / 2},
            reverse=row.better == "lower",
        )
        copies = [(*first[:position], value, *first[position + 1 :]) for value in ordered]
        # Caps have thresholds of their own; here it is about the curve.
        found = arithmetic.run(replace(scenario, accounts=tuple(copies), caps=()))
        points = [
            driver["metric_score"]
            for number in range(len(copies))
            for driver in found.drivers_of(f"a{number}")
            if driver["metric"] == row.metric
        ]
        scores = [found.score(f"a{number}")["computed_score"] for number in range(len(copies))]
        assert points == sorted(points)
        assert None in scores or scores == sorted(scores)


def contributions_add_up(arithmetic: Arithmetic, scenario: Scenario) -> None:
    found = arithmetic.run(replace(scenario, min_coverage=Decimal(0)))
    for score in found.scores:
        drivers = list(found.drivers_of(score["account_id"]))
        if score["computed_score"] is None:
            assert all(row["contribution"] == 0 for row in drivers)
            continue
        contributions = sum(row["contribution"] for row in drivers)
        assert abs(contributions - score["computed_score"]) <= CENT
        assert abs(100 - contributions - sum(row["points_lost"] for row in drivers)) <= CENT
        assert abs(1 - sum(row["effective_weight"] for row in drivers)) <= Decimal("0.00001")


def scaling_all_weights_changes_nothing(arithmetic: Arithmetic, scenario: Scenario) -> None:
    """Coverage is a share of 100 by definition, so it is left aside."""
    plain = replace(scenario, min_coverage=Decimal(0))
    larger = tuple(replace(row, weight=row.weight * 7) for row in scenario.rows)
    one, other = (arithmetic.run(s) for s in (plain, replace(plain, rows=larger)))
    assert without(one.scores, "coverage") == without(other.scores, "coverage")
    assert without(one.drivers, "weight") == without(other.drivers, "weight")


def a_capped_score_never_exceeds_the_cap(arithmetic: Arithmetic, scenario: Scenario) -> None:
    found = arithmetic.run(scenario)
    better = {row.metric: row.better for row in scenario.rows}
    for score in found.scores:
        value = {
            row["metric"]: row["metric_value"] for row in found.drivers_of(score["account_id"])
        }
        holding = {
            cap: max_score
            for cap, metric, worse_than, max_score in scenario.caps
            if value[metric] is not None
            and (
                value[metric] < worse_than
                if better[metric] == "higher"
                else value[metric] > worse_than
            )
        }
        computed, capped = score["computed_score"], score["capped_score"]
        if computed is None:
            assert (capped, score["cap"]) == (None, None)
            continue
        assert capped == min([computed, *holding.values()])
        lowering = sorted(cap for cap, limit in holding.items() if limit == capped < computed)
        assert score["cap"] == (lowering[0] if lowering else None)


def the_order_of_rows_changes_nothing(arithmetic: Arithmetic, scenario: Scenario) -> None:
    results = [arithmetic.run(replace(scenario, shuffle=seed)) for seed in (None, 1, 2)]
    assert results[0] == results[1] == results[2]


def without(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != column} for row in rows]


PROPERTIES: dict[Callable[[Arithmetic, Scenario], None], dict[str, tuple[str, str]]] = {
    # Each with a break that it has to notice.
    scores_lie_between_0_and_100: {"metric_scores": ("then 100\n", "then 100.5\n")},
    the_score_lies_between_low_and_high: {
        "fct_health_scores": (
            "_is_missing then active_days_28d_points else 0 end",
            "_is_missing then active_days_28d_points else 100000000000000 end",
        )
    },
    a_better_value_never_lowers_a_score: {
        "metric_scores": (
            "abs(metrics.active_days_28d - scorecards_wide.active_days_28d_poor_at)",
            "abs(metrics.active_days_28d)",
        )
    },
    contributions_add_up: {
        "fct_health_drivers": (
            "case when metric_score is null then 0 else",
            "case when false then 0 else",
        )
    },
    scaling_all_weights_changes_nothing: {
        "fct_health_scores": ("coalesce(active_days_28d_weight, 0)", "100000000")
    },
    a_capped_score_never_exceeds_the_cap: {
        "fct_health_scores": (
            "when computed.computed_score > score_limits.max_score then score_limits.max_score",
            "when computed.computed_score > score_limits.max_score + 5 then score_limits.max_score",
        )
    },
    the_order_of_rows_changes_nothing: {
        "score_limits": ("order by max_score asc, cap asc", "order by 1")
    },
}


def examine(
    arithmetic: Arithmetic, holds: Callable[[Arithmetic, Scenario], None], examples: int
) -> None:
    """Run the property on invented scenarios, the same ones every time."""

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(scenario=scenarios())
    def run(scenario: Scenario) -> None:
        holds(arithmetic, scenario)

    run()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the models, compiled for the metrics of the scenarios only: with all of them,
    planning a statement takes longer than running it."""
    folder = tmp_path_factory.mktemp("arithmetic")
    project = copy_project(folder / "project")
    path = project / "macros" / "metric_names.sql"
    text = path.read_text(encoding="utf-8")
    assert "else names)" in text
    path.write_text(text.replace("else names)", f"else {list(METRICS)})"), encoding="utf-8")
    run = dbt("compile", "--select", *MODELS, workspace=folder / "work", project=project)
    assert run.returncode == 0, run.output
    return folder / "work" / "target" / "compiled" / "health_scoring" / "models"


def name_of(holds: Callable[..., None]) -> str:
    return holds.__name__


@pytest.fixture(scope="module")
def arithmetic(compiled: Path) -> Arithmetic:
    return Arithmetic(compiled)


@pytest.mark.parametrize("holds", PROPERTIES, ids=name_of)
def test_always(holds: Callable[[Arithmetic, Scenario], None], arithmetic: Arithmetic) -> None:
    examine(arithmetic, holds, examples=60)


@pytest.mark.parametrize("holds", PROPERTIES, ids=name_of)
def test_a_break_is_found(holds: Callable[[Arithmetic, Scenario], None], compiled: Path) -> None:
    """The property can fail: on broken SQL a counterexample is found."""
    with pytest.raises(AssertionError):
        examine(Arithmetic(compiled, PROPERTIES[holds]), holds, examples=200)
