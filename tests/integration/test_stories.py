"""Each planted account of the sample scores as its story in docs/sample_data.md says."""

import csv
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from project import ROOT, Run
from sample.stories import STORIES

RETENTION = """
    scorecard in (
        select scorecard from seeds.scorecards where goal = 'retention' and status = 'live'
    )
"""


class Health:
    """What was built, asked about one account at a time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        [(self.as_of,)] = run.rows("select max(score_date) from marts.customer_health")

    def records(self, sql: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.run.warehouse), read_only=True) as connection:
            found = connection.execute(sql)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def now(self, account_id: str) -> dict[str, Any]:
        """Its row of customer_health, with the drags as a list."""
        [row] = self.records(
            f"select * from marts.customer_health where account_id = '{account_id}'"
        )
        drags = [row[f"drag_{n}"] for n in (1, 2, 3)]
        return {**row, "drags": [drag for drag in drags if drag]}

    def earlier(self, account_id: str, days: int) -> dict[str, Any]:
        """Its score at the newest score date at least so many days ago."""
        return self.records(
            f"""
            select * from marts.fct_health_scores
            where {RETENTION} and account_id = '{account_id}'
                and score_date <= date '{self.as_of - timedelta(days=days)}'
            order by score_date desc limit 1
            """
        )[0]

    def between(self, account_id: str, first: date, last: date) -> list[Decimal]:
        """Its scores of a time, oldest first."""
        found = self.records(
            f"""
            select health_score from marts.fct_health_scores
            where {RETENTION} and account_id = '{account_id}'
                and score_date between date '{first}' and date '{last}'
            order by score_date
            """
        )
        return [row["health_score"] for row in found]

    def drivers(self, account_id: str, days: int = 0) -> dict[str, dict[str, Any]]:
        """Its driver rows at a score date, by metric."""
        found = self.records(
            f"""
            select * from marts.fct_health_drivers
            where {RETENTION} and account_id = '{account_id}'
                and score_date = date '{self.earlier(account_id, days)["score_date"]}'
            """
        )
        return {row["metric"]: row for row in found}

    def metrics(self, account_id: str) -> dict[str, Any]:
        """Every metric of the account on the last day."""
        return {
            name: value
            for domain in ("usage", "support", "sentiment", "revenue")
            for [row] in [
                self.records(
                    f"select * from metrics.metrics_{domain} where account_id = '{account_id}'"
                    f" and score_date = date '{self.as_of}'"
                )
            ]
            for name, value in row.items()
        }


@pytest.fixture(scope="module")
def health(sample_run: Run) -> Health:
    return Health(sample_run)


def colour_of(health: Health, score: Decimal) -> str:
    [(colour,)] = health.run.rows(
        f"select arg_max(colour, min_score) from seeds.grades where min_score <= {score}"
    )
    return colour


def test_every_story_is_scored_and_documented(health: Health) -> None:
    stories = {story.id for story in STORIES}
    scored = {
        row["account_id"]
        for row in health.records(
            "select account_id from marts.customer_health where account_id not like 'acct_%'"
        )
    }
    text = (ROOT / "docs" / "sample_data.md").read_text(encoding="utf-8")
    table = text.split("## Stories")[1].split("\n## ")[0]
    documented = {
        line.split("|")[1].strip(" `"): line.split("|")[2].strip()
        for line in table.splitlines()
        if line.startswith("| `")
    }

    assert scored == set(documented) == stories
    for account_id, segment in documented.items():
        assert health.now(account_id)["segment"] == segment


def test_quiet_churner(health: Health) -> None:
    now, then = health.now("quiet_churner"), health.earlier("quiet_churner", 90)
    drivers = health.drivers("quiet_churner")

    assert now["colour"] in ("red", "yellow")
    assert colour_of(health, then["health_score"]) == "green"
    assert now["score_change_90d"] <= -20
    assert now["score_change_28d"] < 0
    assert len(now["drags"]) == 3
    assert {drivers[drag]["component"] for drag in now["drags"]} <= {"adoption", "engagement"}
    # Nothing in support warns, and nobody said a word.
    assert now["support_score"] >= 80
    assert drivers["oldest_open_ticket_days"]["metric_value"] == 0
    assert all(drivers[m]["is_missing"] for m in ("nps_180d", "csat_180d", "csm_sentiment_90d"))


def test_champion(health: Health) -> None:
    now, metrics = health.now("champion"), health.metrics("champion")

    assert now["grade"] == "A"
    assert now["expansion_score"] >= 85
    [(rank,)] = health.run.rows(
        "select count(*) from marts.customer_health"
        f" where expansion_score > {now['expansion_score']}"
    )
    assert rank <= 5
    assert metrics["licence_utilisation_28d"] > Decimal("0.9")
    assert metrics["core_feature_adoption_28d"] == 1
    assert metrics["mrr_change_90d"] > Decimal("0.1")
    assert metrics["csm_sentiment_90d"] == 5
    assert metrics["nps_180d"] == 100
    assert metrics["median_resolution_hours_90d"] <= 4


def test_stuck_onboarding(health: Health) -> None:
    now = health.now("stuck_onboarding")

    assert now["tenure_days"] == 75
    assert now["colour"] == "red"
    assert "setup_completion" in now["drags"]
    assert health.metrics("stuck_onboarding")["setup_completion"] <= Decimal("0.25")
    # Not a bad week: it was red a month ago.
    assert colour_of(health, health.earlier("stuck_onboarding", 28)["health_score"]) == "red"


def test_silent_account(health: Health) -> None:
    now, metrics = health.now("silent_account"), health.metrics("silent_account")

    assert now["colour"] in ("yellow", "red")
    assert metrics["active_days_28d"] > 0
    assert metrics["open_tickets"] == 0
    said = ("nps_180d", "csat_180d", "csm_sentiment_90d", "ticket_csat_90d")
    assert [metrics[name] for name in said] == [None] * 4
    assert now["sentiment_score"] is None
    assert now["coverage"] < 1


def test_loud_healthy(health: Health) -> None:
    now, drivers = health.now("loud_healthy"), health.drivers("loud_healthy")
    [(usual,)] = health.run.rows(
        f"""
        select median(tickets_per_100_seats_90d) from metrics.metrics_support
        where score_date = date '{health.as_of}'
        """
    )

    assert now["colour"] == "green"
    assert now["drag_1"] == "tickets_per_100_seats_90d"
    assert drivers["tickets_per_100_seats_90d"]["metric_value"] > 3 * usual
    assert drivers["tickets_per_100_seats_90d"]["metric_score"] == 0
    assert drivers["ticket_csat_90d"]["metric_value"] == 5
    assert health.metrics("loud_healthy")["median_resolution_hours_90d"] <= 8


def test_regulated_twins(health: Health) -> None:
    without, twin = health.now("regulated_no_compliance"), health.now("regulated_compliant")
    used, used_by_twin = (
        health.metrics(account_id)
        for account_id in ("regulated_no_compliance", "regulated_compliant")
    )

    assert without["drag_1"] == "compliance_feature_days_28d"
    assert without["computed_score"] <= twin["computed_score"] - 15
    assert twin["colour"] == "green"
    assert without["cap"] == "compliance_unused" and twin["cap"] is None
    assert without["colour"] != "green"
    # All else is the same.
    assert without["industry"] == twin["industry"]
    assert used["compliance_feature_days_28d"] == 0 < used_by_twin["compliance_feature_days_28d"]
    for name in (
        "licence_utilisation_28d",
        "core_feature_adoption_28d",
        "active_days_28d",
        "stickiness_28d",
        "nps_180d",
        "ticket_csat_90d",
        "days_overdue",
        "mrr_change_90d",
    ):
        assert used[name] == used_by_twin[name]


@pytest.mark.parametrize(
    ("account_id", "metric", "days", "cap"),
    [
        ("unpaid_invoice", "days_overdue", 95, "invoice_overdue"),
        ("urgent_ticket", "oldest_urgent_ticket_days", 30, "urgent_ticket_open"),
    ],
)
def test_one_fault_caps_a_healthy_account(
    account_id: str, metric: str, days: int, cap: str, health: Health
) -> None:
    now, before = health.now(account_id), health.earlier(account_id, 90)
    [(most,)] = health.run.rows(f"select min(max_score) from seeds.score_caps where cap = '{cap}'")

    assert health.metrics(account_id)[metric] == days
    assert colour_of(health, now["computed_score"]) == "green"
    assert now["cap"] == cap
    assert now["health_score"] == now["capped_score"] == most
    assert now["colour"] == "red"
    assert before["cap"] is None
    assert before["health_score"] == before["computed_score"]


def test_override_active(health: Health) -> None:
    now = health.now("override_active")

    assert colour_of(health, now["computed_score"]) == "red"
    assert now["override_id"] is not None
    assert now["health_score"] == 72
    assert now["colour"] == "green"
    assert health.earlier("override_active", 30)["override_id"] is None


def test_override_expired(health: Health) -> None:
    now = health.now("override_expired")
    held, before = (health.earlier("override_expired", days) for days in (100, 160))

    assert now["override_id"] is None
    assert now["health_score"] == now["computed_score"]
    assert now["colour"] == "green"
    assert held["override_id"] is not None
    assert held["health_score"] == 45 < held["computed_score"] - 25
    assert before["override_id"] is None
    assert before["health_score"] == before["computed_score"]


def test_broken_survey_file(health: Health, sample_dir: Path) -> None:
    with (sample_dir / "survey_responses" / "vendor_export.csv").open(encoding="utf-8") as file:
        exported = {row["response_id"] for row in csv.DictReader(file)}
    rejected = health.records(
        """
        select record_key, reason, column_name from marts.rejected_records
        where input = 'survey_responses' and action = 'row_rejected'
            and record_key like 'R-vendor-%'
        """
    )
    now, metrics = health.now("broken_survey_file"), health.metrics("broken_survey_file")

    assert len(exported) >= 10
    assert {row["record_key"] for row in rejected} == exported
    assert {row["reason"] for row in rejected} >= {"out_of_range", "bad_value"}
    assert metrics["nps_180d"] is None and metrics["csat_180d"] is None
    assert now["colour"] == "green"
    assert now["coverage"] < health.now("unpaid_invoice")["coverage"] == 1
    assert now["score_low"] < now["computed_score"] <= now["score_high"]
    assert now["sentiment_score"] is None


def test_seat_reduction(health: Health) -> None:
    now, before = health.now("seat_reduction"), health.drivers("seat_reduction", 49)
    drivers = health.drivers("seat_reduction")

    assert now["drag_1"] == "mrr_change_90d"
    assert drivers["mrr_change_90d"]["metric_value"] <= Decimal("-0.4")
    assert (
        drivers["licence_utilisation_28d"]["metric_value"]
        > Decimal("1.5") * before["licence_utilisation_28d"]["metric_value"]
    )
    assert drivers["licence_utilisation_28d"]["metric_score"] == 100
    assert now["days_to_renewal"] == 50
    # Nothing else warns: the computed score stays high, the cap alone keeps it from being green.
    assert now["computed_score"] >= 85
    assert (now["cap"], now["colour"]) == ("contract_cut", "yellow")


def test_seasonal(health: Health) -> None:
    year = health.as_of.year
    [*spring] = health.between("seasonal", date(year, 4, 1), date(year, 6, 30))
    [*summer] = health.between("seasonal", date(year, 8, 1), date(year, 8, 31))
    usual = sum(spring) / len(spring)
    now = health.now("seasonal")

    assert usual >= 85
    assert min(summer) <= usual - 30
    assert colour_of(health, min(summer)) == "red"
    assert abs(now["health_score"] - usual) <= 8


def test_recovered(health: Health) -> None:
    now, then = health.now("recovered"), health.earlier("recovered", 90)

    assert colour_of(health, then["health_score"]) == "red"
    assert colour_of(health, health.earlier("recovered", 200)["health_score"]) == "green"
    assert now["colour"] == "green"
    assert now["score_change_90d"] >= 25


def test_too_little_data(health: Health) -> None:
    now = health.now("too_little_data")

    assert now["grade"] == "insufficient_data"
    assert [now[name] for name in ("computed_score", "capped_score", "health_score")] == [None] * 3
    assert now["seats"] is None and now["mrr"] is None
    [(least,)] = health.run.rows(
        "select min_coverage from seeds.scorecards where goal = 'retention' and status = 'live'"
    )
    assert 0 < now["coverage"] < least
    assert now["score_low"] < now["score_high"] - 40


def test_every_story_raises_its_alerts_and_no_other(health: Health) -> None:
    """The table of docs/sample_data.md: rule, date of opening and of closing."""
    text = (ROOT / "docs" / "sample_data.md").read_text(encoding="utf-8")
    table = text.split("## Alerts of the stories")[1].split("\n## ")[0]
    documented = {
        (line.split("|")[1].strip(" `"), rule, opened, closed)
        for line in table.splitlines()
        if line.startswith("| `")
        for rule, opened, closed in re.findall(r"`(\w+)` ([\d-]{10}) -(?: ([\d-]{10}))?", line)
    }
    found = {
        (row["account_id"], row["rule"], str(row["opened_on"]), str(row["closed_on"] or ""))
        for row in health.records(
            "select * from marts.fct_health_alerts where account_id not like 'acct_%'"
        )
    }
    differing = sorted(found ^ documented)
    assert not differing, f"docs/sample_data.md, Alerts of the stories, is wrong on {differing}"
    assert len(found) > 30


@pytest.mark.parametrize(
    ("account_id", "rule", "days_ago"),
    [
        ("unpaid_invoice", "entered_red", 95 - 61),  # overdue for more than 60 days
        ("urgent_ticket", "entered_red", 30 - 15),  # open for more than 14 days
        ("seat_reduction", "left_green", 42),  # the contract was cut
        ("override_expired", "entered_red", 150),  # the override began
        ("override_expired", "back_in_green", 90),  # and ended
        ("override_active", "back_in_green", 20),  # the override began
        ("stuck_onboarding", "stuck_in_red", 75 - 2 - 50),  # 8 weeks, less 6 days, after a Sunday
    ],
)
def test_an_alert_opens_on_the_first_score_date_of_its_reason(
    account_id: str, rule: str, days_ago: int, health: Health
) -> None:
    [(first,)] = health.run.rows(
        "select min(score_date) from metrics.score_dates"
        f" where score_date >= date '{health.as_of - timedelta(days=days_ago)}'"
    )
    [alert] = health.records(
        "select * from marts.fct_health_alerts"
        f" where account_id = '{account_id}' and rule = '{rule}'"
    )
    assert alert["opened_on"] == first


@pytest.mark.parametrize(
    ("account_id", "rule", "level"),
    [
        ("quiet_churner", "left_green", 70),
        ("quiet_churner", "entered_red", 60),
        ("recovered", "entered_red", 60),
        ("seasonal", "entered_red", 60),
    ],
)
def test_a_fall_is_told_on_its_first_date(
    account_id: str, rule: str, level: int, health: Health
) -> None:
    [alert] = health.records(
        "select * from marts.fct_health_alerts"
        f" where account_id = '{account_id}' and rule = '{rule}'"
    )
    low = health.records(
        f"select score_date from marts.fct_health_scores where {RETENTION}"
        f" and account_id = '{account_id}' and health_score < {level} order by score_date"
    )
    assert alert["opened_on"] == low[0]["score_date"]
    assert alert["score_at_opening"] < level
