"""Harder configurations than the shipped one: every metric, curve and corner in one challenger.

For tests that compare the project with the recomputation: odd weights and thresholds of six
decimals, all four curves, ties between caps, overrides that overlap, end and begin.
"""

import csv
import random
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from project import write_csv

# A plausible span of values per unit, from poor to healthy where more is better.
SPANS = {"share": 1, "days": 28, "minutes": 300, "hours": 96, "tickets": 40, "count": 5}
CURVES = ("linear", "banded", "target", "percentile")


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a seed."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Add rows to a seed, in the order of its columns."""
    columns = read_rows(path)[0].keys()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writerows(rows)


def micros(rng: random.Random, low: Decimal | int, high: Decimal | int) -> Decimal:
    """A random number of six decimals, both ends included."""
    return Decimal(rng.randint(int(low * 10**6), int(high * 10**6))) / 10**6


def odd_weights(rng: random.Random, count: int) -> list[Decimal]:
    """Weights above 0 of six decimals that sum to exactly 100."""
    cuts = sorted(rng.sample(range(1, 100_000_000), count - 1))
    bounds = [0, *cuts, 100_000_000]
    return [Decimal(b - a) / 10**6 for a, b in pairwise(bounds)]


def odd_row(rng: random.Random, metric: dict[str, str], curve: str) -> dict[str, object]:
    """Curve, thresholds and score_if_missing for a metric, valid under the catalogue."""
    span = SPANS.get(metric["unit"], 5)
    if curve == "percentile":
        poor, healthy = micros(rng, 0, 40), micros(rng, 50, 100)
    else:
        half = Decimal(span) / 2
        poor, healthy = micros(rng, 0, half), micros(rng, half + Decimal("0.000001"), span)
        if metric["better"] == "lower":
            poor, healthy = healthy, poor
    missing = "" if rng.random() < 0.5 else Decimal(rng.randint(0, 1_000_000)) / 10**4
    return {
        "metric": metric["metric"],
        "curve": curve,
        "poor_at": poor,
        "healthy_at": healthy,
        "score_if_missing": missing,
    }


def add_stress_scorecard(seeds: Path, seed: int = 7) -> None:
    """Add the challenger `stress` to a copy of the scoring seeds, and caps that often hold."""
    rng = random.Random(seed)
    metrics = read_rows(seeds / "metrics.csv")
    segments = sorted({row["segment"] for row in read_rows(seeds / "segments.csv")})
    append_rows(
        seeds / "scorecards.csv",
        [{"scorecard": "stress", "goal": "retention", "status": "challenger", "min_coverage": 0.2}],
    )
    rows = [
        {"scorecard": "stress", "segment": segment, "weight": weight}
        | odd_row(rng, metric, CURVES[(position + number) % len(CURVES)])
        for position, segment in enumerate(segments)
        for number, (metric, weight) in enumerate(
            zip(metrics, odd_weights(rng, len(metrics)), strict=True)
        )
    ]
    append_rows(seeds / "scorecard_metrics.csv", rows)
    caps = [
        {
            "cap": f"stress_{number}",
            "segment": rng.choice(["*", *segments]),
            "metric": metric["metric"],
            "worse_than": odd_row(rng, metric, "linear")["healthy_at"],
            "max_score": rng.choice([40, 55.5, 55.5, 70]),
            "reason": "stress",
        }
        for number, metric in enumerate(rng.sample(metrics, 8))
    ]
    append_rows(seeds / "score_caps.csv", caps)


def make_live(seeds: Path, scorecard: str) -> None:
    """Let a scorecard change places with the live one of its goal, in a copy of the seeds."""
    path = seeds / "scorecards.csv"
    rows = read_rows(path)
    [goal] = [row["goal"] for row in rows if row["scorecard"] == scorecard]
    for row in rows:
        if row["scorecard"] == scorecard:
            row["status"] = "live"
        elif (row["goal"], row["status"]) == (goal, "live"):
            row["status"] = "challenger"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_overrides(raw: Path, accounts: list[str], as_of: date) -> None:
    """Overrides for some accounts: in force, over, to come, overlapping, refused."""
    plan = ((-20, 40, "72.345"), (-20, 30, "15"), (-89, -30, "0"), (0, 1, "100"), (1, 20, "60"))
    lines = ["override_id,account_id,score,reason,author,starts_at,expires_at"]
    for number, account in enumerate(sorted(accounts)):
        for part in range(number % 3):
            starts, expires, score = plan[(number + part) % len(plan)]
            begins, ends = as_of + timedelta(days=starts), as_of + timedelta(days=expires)
            lines.append(f"O{number}-{part},{account},{score},reason,author,{begins},{ends}")
    lines.append(f"refused,{min(accounts)},50,reason,author,{as_of},{as_of + timedelta(days=91)}")
    write_csv(raw, "score_overrides", lines)
