"""Seeds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from recompute.cells import BOOLEANS
from recompute.files import read_csv
from recompute.names import METRICS, UsageError, names


def read_seed(seeds_dir: Path, name: str, columns: str) -> list[dict[str, str]]:
    """Rows of a seed, cells trimmed, blank as ''. Names the file and column that is missing."""
    path = seeds_dir / f"{name}.csv"
    if not path.is_file():
        raise UsageError(f"no seed {path}")
    lines = read_csv(path)
    header = [column.strip().lower() for column in next(lines)]
    for column in names(columns):
        if column not in header:
            raise UsageError(f"{path} has no column {column}")
    return [dict(zip(header, (cell.strip() for cell in line), strict=True)) for line in lines]


def seed_number(text: str) -> Decimal | None:
    """A number of a seed, exactly as written; blank is None."""
    try:
        return Decimal(text) if text else None
    except InvalidOperation as error:
        raise UsageError(f"a seed holds {text!r} where a number is due") from error


def seed_flag(text: str) -> bool | None:
    """A boolean of a seed; blank is None."""
    if not text:
        return None
    if text.lower() not in BOOLEANS:
        raise UsageError(f"a seed holds {text!r} where a boolean is due")
    return BOOLEANS[text.lower()]


def needed(value: Any, what: str) -> Any:
    """A value that a seed may not leave blank."""
    if value is None or value == "":
        raise UsageError(f"a seed leaves {what} blank")
    return value


@dataclass(frozen=True)
class SegmentRule:
    """One row of segments.csv. None in a condition means any."""

    priority: int
    segment: str
    is_trial: bool | None
    industry: str | None
    plan: str | None
    limits: tuple[tuple[str, Decimal | None, Decimal | None], ...]


@dataclass(frozen=True, eq=False)
class ScorecardRow:
    """One row of scorecard_metrics.csv."""

    metric: str
    component: str
    better: str
    weight: Decimal
    curve: str
    poor_at: Fraction
    healthy_at: Fraction
    score_if_missing: Decimal | None


@dataclass(frozen=True)
class Scorecard:
    """A live or challenger scorecard with its rows by segment."""

    name: str
    goal: str
    status: str
    min_coverage: Decimal
    rows: dict[str, list[ScorecardRow]]


@dataclass(frozen=True)
class Cap:
    """One row of score_caps.csv. A segment of * means every segment."""

    name: str
    segment: str
    metric: str
    worse_than: Decimal
    max_score: Decimal


@dataclass(frozen=True)
class Grade:
    """One row of grades.csv. The one without a min_score is for insufficient data."""

    grade: str
    label: str | None
    colour: str | None
    min_score: Decimal | None
    response: str | None


@dataclass(frozen=True)
class AlertRule:
    """One row of alert_rules.csv."""

    rule: str
    kind: str
    level: Decimal
    window_days: int
    segment: str


@dataclass(frozen=True)
class Playbook:
    """One row of playbooks.csv. A segment of * means every segment."""

    playbook: str
    goal: str
    segment: str
    trigger_on: str
    trigger: str
    comparison: str
    threshold: Decimal | None
    priority: int
    action: str
    owner_role: str
    due_days: int


@dataclass(frozen=True)
class Seeds:
    """What the scoring seeds say."""

    component: dict[str, str]
    better: dict[str, str]
    core_features: frozenset[str]
    setup_features: frozenset[str]
    compliance_features: frozenset[str]
    segments: list[SegmentRule]
    scorecards: list[Scorecard]
    grades: list[Grade]
    rates: dict[str, Decimal]
    caps: list[Cap]
    shares: frozenset[str]
    alert_rules: dict[str, AlertRule]
    playbooks: list[Playbook]

    def live(self, goal: str) -> Scorecard | None:
        """The live scorecard of a goal."""
        live = [card for card in self.scorecards if (card.goal, card.status) == (goal, "live")]
        if len(live) > 1:
            raise UsageError(f"scorecards.csv: {len(live)} live scorecards of goal {goal}")
        return live[0] if live else None


LIMITED = ("tenure_days", "mrr", "seats")


def _read_segments(seeds_dir: Path) -> list[SegmentRule]:
    limits = " ".join(f"min_{name} max_{name}" for name in LIMITED)
    rows = read_seed(seeds_dir, "segments", f"priority segment is_trial industry plan {limits}")
    rules = [
        SegmentRule(
            int(needed(row["priority"], "priority of segments.csv")),
            needed(row["segment"], "segment of segments.csv"),
            seed_flag(row["is_trial"]),
            row["industry"].lower() or None,
            row["plan"].lower() or None,
            tuple(
                (name, seed_number(row[f"min_{name}"]), seed_number(row[f"max_{name}"]))
                for name in LIMITED
            ),
        )
        for row in rows
    ]
    return sorted(rules, key=lambda rule: rule.priority)


def _read_scorecards(
    seeds_dir: Path, component: dict[str, str], better: dict[str, str]
) -> list[Scorecard]:
    """Live and challenger scorecards; retired ones are not computed."""
    cards = {}
    for row in read_seed(seeds_dir, "scorecards", "scorecard goal status min_coverage"):
        if row["status"].lower() in ("live", "challenger"):
            min_coverage = needed(seed_number(row["min_coverage"]), "min_coverage")
            cards[row["scorecard"]] = Scorecard(
                row["scorecard"],
                row["goal"].lower(),
                row["status"].lower(),
                min_coverage,
                defaultdict(list),
            )
    columns = "scorecard segment metric weight curve poor_at healthy_at score_if_missing"
    for row in read_seed(seeds_dir, "scorecard_metrics", columns):
        if row["scorecard"] not in cards:
            continue
        metric = row["metric"]
        if metric not in component:
            raise UsageError(f"scorecard_metrics.csv: {metric!r} is not in metrics.csv")
        card_row = ScorecardRow(
            metric,
            component[metric],
            better[metric],
            needed(seed_number(row["weight"]), f"weight of {metric}"),
            row["curve"].lower(),
            Fraction(needed(seed_number(row["poor_at"]), f"poor_at of {metric}")),
            Fraction(needed(seed_number(row["healthy_at"]), f"healthy_at of {metric}")),
            seed_number(row["score_if_missing"]),
        )
        if card_row.poor_at == card_row.healthy_at:
            raise UsageError(f"scorecard_metrics.csv: poor_at = healthy_at for {metric}")
        cards[row["scorecard"]].rows[row["segment"]].append(card_row)
    return [cards[name] for name in sorted(cards)]


def _read_grades(seeds_dir: Path) -> list[Grade]:
    return [
        Grade(
            row["grade"],
            row["label"] or None,
            row["colour"] or None,
            seed_number(row["min_score"]),
            row["response"] or None,
        )
        for row in read_seed(seeds_dir, "grades", "grade label colour min_score response")
    ]


def _read_caps(seeds_dir: Path) -> list[Cap]:
    """The caps; a folder without score_caps.csv has none."""
    if not (seeds_dir / "score_caps.csv").is_file():
        return []
    caps = [
        Cap(
            row["cap"],
            row["segment"],
            row["metric"],
            needed(seed_number(row["worse_than"]), "worse_than of score_caps.csv"),
            needed(seed_number(row["max_score"]), "max_score of score_caps.csv"),
        )
        for row in read_seed(seeds_dir, "score_caps", "cap segment metric worse_than max_score")
    ]
    for cap in caps:
        if cap.metric not in METRICS:
            raise UsageError(f"score_caps.csv: {cap.name} names the unknown metric {cap.metric!r}")
    return caps


def _read_alert_rules(seeds_dir: Path) -> dict[str, AlertRule]:
    return {
        row["rule"]: AlertRule(
            row["rule"],
            row["kind"],
            needed(seed_number(row["level"]), "level of alert_rules.csv"),
            int(row["window_days"]),
            row["segment"],
        )
        for row in read_seed(seeds_dir, "alert_rules", "rule kind level window_days segment")
    }


def _read_playbooks(seeds_dir: Path) -> list[Playbook]:
    columns = names(
        "playbook goal segment trigger_on trigger comparison threshold priority action owner_role"
        " due_days"
    )
    numbers = {"threshold": seed_number, "priority": int, "due_days": int}
    return [
        Playbook(**{name: numbers.get(name, str)(row[name]) for name in columns})
        for row in read_seed(seeds_dir, "playbooks", " ".join(columns))
    ]


def read_seeds(seeds_dir: Path) -> Seeds:
    """Reads every scoring seed."""
    metrics = read_seed(seeds_dir, "metrics", "metric component unit better")
    component = {row["metric"]: row["component"].lower() for row in metrics}
    better = {row["metric"]: row["better"].lower() for row in metrics}
    if odd := sorted(set(component) ^ set(METRICS)):
        raise UsageError(
            f"metrics.csv and this recomputation know different metrics: {', '.join(odd)}"
        )
    features = read_seed(seeds_dir, "features", "feature is_core is_setup is_compliance")

    def flagged(flag: str) -> frozenset[str]:
        return frozenset(row["feature"] for row in features if seed_flag(row[flag]))

    currencies = read_seed(seeds_dir, "currencies", "currency rate")
    return Seeds(
        component,
        better,
        flagged("is_core"),
        flagged("is_setup"),
        flagged("is_compliance"),
        _read_segments(seeds_dir),
        _read_scorecards(seeds_dir, component, better),
        _read_grades(seeds_dir),
        {
            row["currency"].lower(): needed(seed_number(row["rate"]), "rate of currencies.csv")
            for row in currencies
        },
        _read_caps(seeds_dir),
        frozenset(row["metric"] for row in metrics if row["unit"] == "share"),
        _read_alert_rules(seeds_dir),
        _read_playbooks(seeds_dir),
    )
