"""Alerts as dbt builds them: after one build, and after many with the as-of date moving on."""

import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from alert_replay import ROWS, Memory, Rule, Score, as_rows, in_order
from project import ROOT, Run, dbt, write_csv

# How many alerts one account may raise in a year before people stop reading them: one in two
# months for the average account, and nobody more often than twice a month.
MOST_PER_ACCOUNT_AND_YEAR, MOST_OF_ONE_ACCOUNT = 6, 24


def evaluate(run: Run, memory: Memory) -> None:
    """Let the replay make the run that dbt has made, from the same scores."""
    kept: dict[date, dict[str, Score]] = {}
    for account, day, segment, health, coverage, renewal, mrr in run.rows(
        """
        select scores.account_id, scores.score_date, scores.segment, scores.health_score,
            scores.coverage, grid.renewal_date, grid.mrr
        from marts.fct_health_scores as scores
        inner join seeds.scorecards as cards
            on scores.scorecard = cards.scorecard
                and cards.goal = 'retention' and cards.status = 'live'
        inner join metrics.account_dates as grid
            on scores.account_id = grid.account_id and scores.score_date = grid.score_date
        inner join metrics.score_dates as dates on scores.score_date = dates.score_date
        """
    ):
        kept.setdefault(day, {})[account] = Score(segment, health, coverage, renewal, mrr)
    changes: dict[tuple[str, date, int], list[tuple[str, Decimal]]] = {}
    for account, day, days_back, metric, points in run.rows(
        "select account_id, score_date, days_back, coalesce(metric, cause), points"
        " from marts.fct_score_changes where cause <> 'unchanged'"
    ):
        changes.setdefault((account, day, days_back), []).append((metric, points))
    rules = [
        Rule(*row)
        for row in run.rows(
            "select rule, kind, level, window_days, segment, severity, cooldown_days,"
            " reopen_margin, description from seeds.alert_rules"
        )
    ]
    memory.run(kept, rules, changes)


def test_the_sample_equals_the_replay(sample_run: Run) -> None:
    memory = Memory()
    evaluate(sample_run, memory)
    rows = in_order(sample_run.rows(ROWS))
    assert rows == as_rows(memory)
    assert len(rows) > 300


def test_what_is_shown_is_what_is_remembered(sample_run: Run) -> None:
    shown = sample_run.rows("select alert_id from marts.fct_health_alerts order by 1")
    assert shown == sample_run.rows(
        "select alert_id from scoring.alert_episodes"
        " where record = 'episode' and storm_id is null order by 1"
    )
    [(wrong,)] = sample_run.rows(
        "select count(*) from marts.fct_health_alerts where is_open <> (closed_on is null)"
        " or closed_on < opened_on or last_seen_on < opened_on"
        " or (account_id is not null and account_name is null)"
    )
    assert wrong == 0


def test_nobody_is_told_too_often(sample_run: Run) -> None:
    """In the sample's year, whatever the severity; and there is no storm in it."""
    [(accounts, days)] = sample_run.rows(
        "select count(*), count(distinct score_date) from metrics.account_dates"
    )
    [(weeks,)] = sample_run.rows(
        "select (max(score_date) - min(score_date)) / 7.0 from metrics.score_dates"
    )
    opened = Counter(
        account for (account,) in sample_run.rows("select account_id from marts.fct_health_alerts")
    )
    per_year = sum(opened.values()) / (accounts / days) * 52 / float(weeks)
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert f"the average account raises {per_year:.1f} alerts" in page
    assert 1 < per_year <= MOST_PER_ACCOUNT_AND_YEAR
    assert max(opened.values()) <= MOST_OF_ONE_ACCOUNT
    assert None not in opened


def short(number: Decimal) -> str:
    """Without idle zeros."""
    return f"{number:f}".rstrip("0").rstrip(".")


def test_the_page_has_the_rules_of_the_seed(sample_run: Run) -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    rows = [line.replace("`", "").strip("| ").split(" | ") for line in page.splitlines()]
    written = [tuple(row) for row in rows if len(row) == 7 and row[0] not in ("rule", "---")]
    rules = sample_run.rows(
        "select rule, kind, level, window_days, severity, cooldown_days, reopen_margin"
        " from seeds.alert_rules"
    )
    plain = [(*rule[:2], short(rule[2]), *map(str, rule[3:6]), short(rule[6])) for rule in rules]
    assert sorted(w for w in written if not w[0].startswith("---")) == sorted(plain)
    for kind in {row[1] for row in rules} - {"storm"}:
        assert re.search(rf"^\| `{kind}` \|", page, re.M)


def test_the_example_of_the_page_is_what_is_built(sample_run: Run) -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    block = page.split("<!-- example: begin -->")[1].split("<!-- example: end -->")[0]
    lines = block.strip().strip("`").strip().splitlines()[1:]
    found = {
        str(day): [f"{score:f}", *("triggered" if hit else "-" for hit in hits)]
        for day, score, *hits in sample_run.rows(
            """
            select score_date, any_value(value) filter (rule = 'entered_red'),
                bool_or(is_triggered) filter (rule = 'entered_red'),
                bool_or(is_triggered) filter (rule = 'left_green'),
                bool_or(is_triggered) filter (rule = 'sharp_drop')
            from scoring.alert_signals where account_id = 'urgent_ticket' group by score_date
            """
        )
    }
    assert len(lines) == 5
    for line in lines:
        day, score, *hits = line.split()
        assert [Decimal(score), *hits] == [Decimal(found[day][0]), *found[day][1:]]
    opened = sample_run.rows(
        "select rule, opened_on, driver_1 from marts.fct_health_alerts"
        " where account_id = 'urgent_ticket'"
    )
    rules = ("entered_red", "left_green", "sharp_drop")
    assert sorted(opened) == [(rule, date(2026, 9, 15), "cap") for rule in rules]


FIRST = date(2026, 2, 20)


@pytest.fixture(scope="module")
def fading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve accounts: some stop using the product, one leaves, a renewal comes near."""
    raw = tmp_path_factory.mktemp("fading")
    names = [f"a{n:02}" for n in range(12)]
    write_csv(raw, "accounts", ["account_id,created_at", *(f"{a},2025-01-01" for a in names)])
    write_csv(
        raw,
        "subscriptions",
        [
            "subscription_id,account_id,started_at,ended_at,term_ends_at,mrr,seats",
            *(
                f"s{a},{a},2025-01-01,{'2026-03-04' if a == 'a03' else ''},"
                f"2026-{5 + n % 5:02}-01,{100 + n},5"
                for n, a in enumerate(names)
            ),
        ],
    )
    events = [
        f"{a}-{day}-{user},{a},{day},{user},{feature}"
        for n, a in enumerate(names)
        for day in (date(2025, 11, 1) + timedelta(d) for d in range(150))
        if n % 4 or day < date(2026, 2, 10 + n)
        for user in range(5)
        for feature in ("dashboard", "create_project", "report_builder")
    ]
    write_csv(raw, "usage_events", ["event_id,account_id,event_at,user_id,feature", *events])
    return raw


def test_daily_runs_equal_the_replay_and_survive_a_full_refresh(
    fading: Path, tmp_path: Path
) -> None:
    """Each step is a run of dbt: a day on, the same again, three days on, everything built anew, an
    older date, a day on. What was told once is in every later state as it was told."""
    memory, told = Memory(), {}
    anew = ["--full-refresh"]
    for days, more in ((0, []), (1, []), (1, []), (4, []), (12, anew), (3, []), (13, [])):
        run = dbt(
            *("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
            *more,
            raw_dir=fading,
            workspace=tmp_path,
            variables={"history_weeks": 10},
            environment={"HEALTH_AS_OF_DATE": str(FIRST + timedelta(days))},
        )
        assert run.returncode == 0, run.output
        before = len(memory.episodes)
        evaluate(run, memory)
        assert in_order(run.rows(ROWS)) == as_rows(memory)
        if days == 3:
            assert len(memory.episodes) == before
        now = {
            row[0]: row[1:]
            for row in run.rows(
                "select alert_id, account_id, rule, opened_on, level, value_at_opening, segment,"
                " driver_1, driver_2, driver_3 from marts.fct_health_alerts"
                " where account_id is not null"
            )
        }
        assert {key: now.get(key) for key in told} == told
        told = now
    assert len(told) > 3
