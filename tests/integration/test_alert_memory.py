"""The alert episodes equal a replay in plain Python, whatever the sequence of runs.

An invented company is scored day by day; the compiled models run in DuckDB, in the form that they
have without a memory and in the one with it. What dbt adds is in test_alerts.py.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from alert_replay import ROWS, Kept, Memory, Rule, Score, as_rows, in_order
from project import ROOT, Run, dbt

MODELS = ("alert_signals", "alert_stretches", "alert_episodes")
START = date(2026, 1, 5)  # a Monday
WEEKS = 20
NOTHING: dict[Any, Any] = {}


def rule(name: str, kind: str, level: str, window: int, **other: Any) -> Rule:
    given = {"segment": "*", "severity": "warning", "cooldown_days": 0, "reopen_margin": "0"}
    given |= {"description": f"{name} says so", **other}
    given["reopen_margin"] = Decimal(given["reopen_margin"])
    return Rule(name, kind, Decimal(level), window, **given)


RULES = [
    rule("red", "crosses_below", "60", 14, cooldown_days=6, reopen_margin="5"),
    rule("green_here", "crosses_below", "70", 28, segment="here", reopen_margin="2"),
    rule("fall", "drops_by", "15", 7, cooldown_days=3, reopen_margin="5"),
    rule("long", "stays_below", "60", 10, cooldown_days=10, reopen_margin="5"),
    rule("data", "coverage_lost", "0.7", 14, reopen_margin="0.1"),
    rule("renewal", "renewal_at_risk", "70", 20, cooldown_days=5, reopen_margin="5"),
    rule("good", "recovers_above", "70", 14, severity="info", reopen_margin="10"),
    rule("storm", "storm", "0.4", 4, severity="critical"),
]


@pytest.fixture(scope="module")
def compiled(sample_run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The SQL of the models, without a memory and with one."""
    first = sample_run.warehouse.parent / "target/compiled/health_scoring/models/scoring"
    work = tmp_path_factory.mktemp("compiled")
    with duckdb.connect(str(work / "warehouse.duckdb")) as connection:
        connection.execute("create schema scoring")
        connection.execute(f"attach '{sample_run.warehouse}' as built (read_only)")
        connection.execute(
            "create table scoring.alert_episodes as from built.scoring.alert_episodes"
        )
    run = dbt("compile", "--select", *MODELS, raw_dir=ROOT / "sample_data", workspace=work)
    assert run.returncode == 0, run.output
    later = work / "target/compiled/health_scoring/models/scoring"
    forms = [{m: (path / f"{m}.sql").read_text() for m in MODELS} for path in (first, later)]
    for with_memory, form in enumerate(forms):
        for sql in form.values():
            assert ('"scoring"."alert_episodes"' in sql) == bool(with_memory)
    return forms


def literal(value: Any) -> str:
    """A value as SQL; parameters are slow by the thousand."""
    if value is None:
        return "null"
    return f"'{value}'" if isinstance(value, (str, date)) else str(value)


class Company:
    """What the models read and what they build, in a DuckDB file; beside it the replay."""

    def __init__(self, folder: Path, compiled: list[dict[str, str]]) -> None:
        self.connection = duckdb.connect(str(folder / "warehouse.duckdb"))
        self.compiled, self.replay, self.has_run = compiled, Memory(), False
        for schema in ("seeds", "metrics", "scoring", "marts"):
            self.connection.execute(f"create schema {schema}")
        for table in (
            "seeds.scorecards (scorecard varchar, goal varchar, status varchar)",
            "seeds.alert_rules (rule varchar, kind varchar, level decimal(9, 6),"
            " window_days integer, segment varchar, severity varchar, cooldown_days integer,"
            " reopen_margin decimal(9, 6), description varchar)",
            "metrics.score_dates (score_date date, as_of_date date, day_number bigint)",
            "metrics.account_dates (account_id varchar, score_date date, day_number bigint,"
            " renewal_date date, mrr decimal(28, 6))",
            "marts.fct_health_scores (account_id varchar, score_date date, scorecard varchar,"
            " segment varchar, health_score decimal(5, 2), coverage decimal(9, 6))",
            "marts.fct_score_changes (account_id varchar, score_date date, days_back integer,"
            " cause varchar, metric varchar, points decimal(9, 6))",
        ):
            self.connection.execute(f"create table {table}")
        self.fill("seeds.scorecards", [("r", "retention", "live"), ("x", "expansion", "live")])

    def fill(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.connection.execute(f"delete from {table}")
        texts = [f"({', '.join(map(literal, row))})" for row in rows]
        if texts:
            self.connection.execute(f"insert into {table} values {', '.join(texts)}")

    def run(self, scores: Kept, as_of: date, rules: list[Rule], changes: Any = NOTHING) -> None:
        """One run: the kept dates of that as-of date are built, then the alerts."""
        kept = {day: scores[day] for day in kept_dates(as_of) if day in scores}
        epoch = date(2000, 1, 1)
        self.fill("seeds.alert_rules", [tuple(vars(rule).values()) for rule in rules])
        self.fill("metrics.score_dates", [(day, as_of, (day - epoch).days) for day in kept])
        rows = [(day, account, s) for day, of in kept.items() for account, s in of.items()]
        self.fill(
            "metrics.account_dates",
            [(a, day, (day - epoch).days, s.renewal, s.mrr) for day, a, s in rows],
        )
        self.fill(
            "marts.fct_health_scores",
            [(a, day, "r", s.segment, s.health, s.coverage) for day, a, s in rows]
            + [(a, day, "x", s.segment, 99, 1) for day, a, s in rows],
        )
        changes = {key: of for key, of in changes.items() if key[1] in kept}
        self.fill(
            "marts.fct_score_changes",
            [
                (*key, name, None, points) if name == "cap" else (*key, "behaviour", name, points)
                for key, of in changes.items()
                for name, points in of
            ]
            + [(*key, "unchanged", None, -99) for key in changes],
        )
        for model in MODELS:
            sql = self.compiled[self.has_run][model]
            self.connection.execute(f"create table scoring.new as {sql}")
            self.connection.execute(f"drop table if exists scoring.{model}")
            self.connection.execute(f"alter table scoring.new rename to {model}")
        self.has_run = True
        self.replay.run(kept, rules, changes)

    def rows(self) -> list[tuple[Any, ...]]:
        return in_order(self.connection.execute(ROWS).fetchall())

    def check(self) -> None:
        """The table is what the replay says, and every key stands once."""
        assert self.rows() == as_rows(self.replay)
        seen = self.connection.execute(
            "select rule, evaluated_through from scoring.alert_episodes where record = 'rule'"
        ).fetchall()
        assert dict(seen) == self.replay.seen
        [(ids, rows)] = self.connection.execute(
            "select count(distinct alert_id), count(*) from scoring.alert_episodes"
            " where record = 'episode'"
        ).fetchall()
        assert ids == rows


def kept_dates(as_of: date) -> list[date]:
    """The last 29 days and the Sundays before them."""
    days = [as_of - timedelta(n) for n in range(7 * WEEKS)]
    return sorted(day for n, day in enumerate(days) if n <= 28 or day.weekday() == 6)


def invent(chance: random.Random, days: int) -> dict[date, dict[str, Score]]:
    """Scores that wander about the levels; accounts that come, go, move and are not known."""
    scores: dict[date, dict[str, Score]] = {START + timedelta(n): {} for n in range(days)}
    for number in range(chance.randint(3, 7)):
        health, coverage = Decimal(chance.randint(50, 80)), Decimal("0.8")
        segment = chance.choice(["here", "there"])
        renewal = START + timedelta(chance.randint(10, days))
        absent = 0
        for day in scores:
            if chance.random() < 0.03:
                absent = chance.randint(1, 12)
            if chance.random() < 0.02:
                segment = "there" if segment == "here" else "here"
            step = chance.choice([-25, -8, -3, -1, 0, 0, 1, 3, 8, 20])
            health = min(Decimal(95), max(Decimal(30), health + step + Decimal(step) / 7))
            health = health.quantize(Decimal("0.01"))
            coverage = chance.choice([coverage, coverage, Decimal("0.65"), Decimal("0.7"), 1])
            absent -= 1
            if absent < 0:
                known = None if chance.random() < 0.07 else health
                mrr = None if chance.random() < 0.05 else Decimal(chance.randint(1, 9) * 100)
                soon = renewal if chance.random() < 0.95 else None
                scores[day][f"a{number}"] = Score(segment, known, Decimal(coverage), soon, mrr)
    # The feed breaks on some days and comes back: a mass of alerts.
    for _ in range(chance.randint(0, 3)):
        first = chance.randrange(days)
        for n in range(first, min(days, first + chance.randint(1, 9))):
            day = START + timedelta(n)
            for account, score in scores[day].items():
                if score.health is not None and chance.random() < 0.9:
                    half = (score.health / 2).quantize(Decimal("0.01"))
                    scores[day][account] = replace(score, health=half)
    return scores


def moves(chance: random.Random, scores: Kept) -> dict[tuple[str, date, int], list[Any]]:
    """What moved the scores, for the drivers; not in keeping with them, the alerts do not mind."""
    return {
        (account, day, days_back): [
            (name, Decimal(chance.randint(-5, 5)))
            for name in chance.sample(["m1", "m2", "m3", "m4", "cap"], 4)
        ]
        for day, of in scores.items()
        for account in of
        for days_back in (7, 28)
    }


@pytest.mark.parametrize("seed", range(12))
def test_any_sequence_of_runs_equals_the_replay(
    seed: int, compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """Day by day, several days at once, more than the daily dates reach back, the same again, an
    older as-of date; in between the past is told anew, and rules come, go and change."""
    chance = random.Random(seed)
    days = 120
    scores, company = invent(chance, days), Company(tmp_path, compiled)
    changes = moves(chance, scores)
    rules, at = list(RULES[:-2] if seed % 3 == 0 else RULES), chance.randint(0, 40)
    if seed % 4 == 0:
        rules = [one for one in rules if one.kind != "storm"]
    late = rule("late", "crosses_below", "65", 7, cooldown_days=2)
    for _ in range(14):
        company.run(scores, START + timedelta(at), rules, changes)
        company.check()
        what = chance.choice(
            ["day", "day", "day", "days", "gap", "again", "older", "past", "rules"]
        )
        if what == "again":
            before = company.rows()
            company.run(scores, START + timedelta(at), rules, changes)
            assert company.rows() == before
        elif what == "older":
            before = company.rows()
            company.run(scores, START + timedelta(max(0, at - 10)), rules, changes)
            assert company.rows() == before
        elif what == "past":
            again = invent(chance, days)
            scores |= {day: again[day] for day in scores if chance.random() < 0.5}
        elif what == "rules":
            rules = list(rules)
            change = chance.choice(["add", "drop", "level"])
            if change == "add" and late not in rules and not any(r.kind == "storm" for r in rules):
                rules.append(late)
            elif change == "drop":
                rules.pop(chance.randrange(len(rules)))
            else:
                rules = [
                    replace(r, level=r.level + 3) if r.kind in ("crosses_below",) else r
                    for r in rules
                ]
        else:
            at += {"day": 1, "days": chance.randint(2, 6), "gap": 35}.get(what, 1)
        at = min(at, days - 1)
    assert len(company.rows()) > 5


def test_one_run_for_many_dates_gives_what_daily_runs_give(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    scores = invent(random.Random(99), 29)
    rows = []
    for name, as_ofs in (("daily", range(29)), ("once", [28]), ("thrice", [4, 20, 28])):
        (tmp_path / name).mkdir()
        company = Company(tmp_path / name, compiled)
        for n in as_ofs:
            company.run(scores, START + timedelta(n), RULES)
        rows.append(company.rows())
    assert rows[0] == rows[1] == rows[2]
    assert len(rows[0]) > 20


def flat(values: Iterable[float | None], accounts: Iterable[str] = ("a",)) -> Kept:
    """The same scores for every account, from the first day on; mrr 100."""
    return {
        START + timedelta(n): {
            account: Score(
                "s", None if v is None else Decimal(str(v)), Decimal(1), None, Decimal(100)
            )
            for account in accounts
        }
        for n, v in enumerate(values)
    }


def daily(company: Company, scores: Kept, rules: list[Rule]) -> list[dict[str, Any]]:
    """Run every day; the shown episodes at the end."""
    for day in scores:
        company.run(scores, day, rules)
        company.check()
    found = company.connection.execute(
        "select * from scoring.alert_episodes where record = 'episode' and storm_id is null"
        " order by opened_on, account_id, rule"
    )
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_wobbling_score_makes_one_episode(compiled: list[dict[str, str]], tmp_path: Path) -> None:
    scores = flat([70, 59, 61, 59, 61, 59, 64.99, 58, 61, 65])
    red = rule("red", "crosses_below", "60", 14, reopen_margin="5")
    [episode] = daily(Company(tmp_path, compiled), scores, [red])

    days = list(scores)
    assert (episode["opened_on"], episode["closed_on"]) == (days[1], days[9])
    assert episode["last_seen_on"] == days[8]
    assert (episode["value_at_opening"], episode["worst_value"]) == (59, 58)


def test_within_the_cooldown_the_same_alert_reopens(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """Closed on day 2: day 4 is within 3 days and reopens it; closed on day 5, day 8 is not."""
    scores = flat([70, 50, 70, 70, 55, 70, 70, 70, 55, 40])
    red = rule("red", "crosses_below", "60", 14, cooldown_days=3)
    first, second = daily(Company(tmp_path, compiled), scores, [red])

    days = list(scores)
    assert (first["opened_on"], first["closed_on"]) == (days[1], days[5])
    assert (second["opened_on"], second["closed_on"]) == (days[8], None)
    assert first["alert_id"] != second["alert_id"]
    assert (first["worst_value"], second["worst_value"]) == (50, 40)


def test_an_opened_episode_keeps_what_was_told(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """The past is told anew, the rule changes and its dates age out: id, date and level stay."""
    company = Company(tmp_path, compiled)
    red = rule("red", "crosses_below", "60", 14, reopen_margin="5", severity="critical")
    scores = dict(flat([70, *[50] * 60]))
    days = list(scores)
    company.run(scores, days[1], [red])
    [before] = company.connection.execute(
        "select alert_id, opened_on, level, severity, description, value_at_opening, driver_1"
        " from scoring.alert_episodes where record = 'episode'"
    ).fetchall()
    scores |= {day: flat([90])[START] for day in days[:3]}
    changed = replace(red, level=Decimal(55), severity="info", description="Other words")
    company.run(scores, days[60], [changed])
    [after] = company.connection.execute(
        "select alert_id, opened_on, level, severity, description, value_at_opening, driver_1"
        " from scoring.alert_episodes where record = 'episode'"
    ).fetchall()
    assert before == after
    company.check()


def test_a_rule_that_goes_closes_its_alerts_and_comes_back_where_it_left(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """Its dates from then on are evaluated once it is back, none of them twice."""
    company = Company(tmp_path, compiled)
    red, other = rule("red", "crosses_below", "60", 14), rule("other", "drops_by", "50", 7)
    scores = flat([70, 50, 50, 50, 50, 50])
    days = list(scores)
    company.run(scores, days[1], [red, other])
    company.run(scores, days[2], [other])
    company.check()
    assert company.rows()[0][8] == days[2]
    company.run(scores, days[4], [red, other])
    company.check()
    assert [row[6] for row in company.rows()] == [days[1], days[2]]


def test_an_account_that_leaves_closes_its_alert(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    scores = dict(flat([70, 50, 50, 50, 50], ["a", "b"]))
    days = list(scores)
    scores[days[3]] = {"b": scores[days[3]]["b"]}
    red = rule("red", "crosses_below", "60", 14)
    episodes = daily(Company(tmp_path, compiled), scores, [red])
    assert [(e["account_id"], e["opened_on"], e["closed_on"]) for e in episodes] == [
        ("a", days[1], days[3]),
        ("b", days[1], None),
        ("a", days[4], None),
    ]


STORM = rule("storm", "storm", "0.2", 3, severity="critical")


def test_a_feed_wide_drop_is_one_storm(compiled: list[dict[str, str]], tmp_path: Path) -> None:
    """Two rules, ten accounts, five days: one alert, of ten accounts and their ARR. When the feed
    is back, that is no news of ten accounts either."""
    scores = flat([80, 80, 40, 40, 41, 40, 40, *[80] * 6], [f"a{n}" for n in range(10)])
    days = list(scores)
    rules = [
        rule("red", "crosses_below", "60", 14, reopen_margin="5"),
        rule("fall", "drops_by", "15", 1, cooldown_days=7),
        rule("good", "recovers_above", "70", 14),
        replace(STORM, window_days=5),
    ]
    [storm] = daily(Company(tmp_path, compiled), scores, rules)
    assert storm["account_id"] is None
    assert (storm["rule"], storm["severity"], storm["level"]) == (
        "storm",
        "critical",
        Decimal("0.2"),
    )
    assert (storm["accounts"], storm["arr"]) == (10, 12_000)
    assert (storm["opened_on"], storm["last_seen_on"]) == (days[2], days[7])
    assert (storm["closed_on"], storm["worst_value"]) == (None, 1)


def test_a_storm_ends_when_no_mass_opened_for_its_window(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """A second break within the window is the same storm, a later one another storm."""
    scores = flat([80, 40, 80, 40, 80, 80, 80, 80, 40, 40], ["a", "b", "c"])
    days = list(scores)
    red = rule("red", "crosses_below", "60", 14)
    storms = daily(Company(tmp_path, compiled), scores, [red, STORM])
    assert [(s["opened_on"], s["last_seen_on"], s["closed_on"]) for s in storms] == [
        (days[1], days[3], days[7]),
        (days[8], days[8], None),
    ]


def test_what_a_storm_held_back_is_told_when_it_comes_again(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """Nobody was told, so the cooldown does not hide the account that falls by itself afterwards;
    an alert that people know of reopens also on the date of a storm."""
    accounts = [f"a{n}" for n in range(10)]
    scores = dict(flat([80, 80, 80, 40, 80, 80], accounts))
    days = list(scores)
    low = scores[days[3]]["a0"]
    scores[days[1]] = {**scores[days[1]], "a1": low}
    scores[days[5]] = {**scores[days[5]], "a0": low}
    red = rule("red", "crosses_below", "60", 14, cooldown_days=20)
    known, storm, again = daily(Company(tmp_path, compiled), scores, [red, STORM])
    assert (known["account_id"], known["opened_on"]) == ("a1", days[1])
    assert (known["last_seen_on"], known["closed_on"]) == (days[3], days[4])
    assert (storm["account_id"], storm["accounts"]) == (None, 9)
    assert (again["account_id"], again["opened_on"]) == ("a0", days[5])


def test_the_alert_of_one_account_is_no_storm(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """One of two is half of them, but one."""
    scores = dict(flat([80, 80], ["a", "b"]))
    days = list(scores)
    scores[days[1]] = {**scores[days[1]], "a": replace(scores[days[1]]["a"], health=Decimal(40))}
    red = rule("red", "crosses_below", "60", 14)
    [episode] = daily(Company(tmp_path, compiled), scores, [red, STORM])
    assert episode["account_id"] == "a"


def test_alerts_built_twice_from_the_same_stretches_are_evaluated_once(
    compiled: list[dict[str, str]], tmp_path: Path
) -> None:
    """Who runs the last model alone does not see the same dates again."""
    company = Company(tmp_path, compiled)
    scores = flat([70, 50, 70, 50, 50])
    company.run(scores, START + timedelta(4), [rule("red", "crosses_below", "60", 14)])
    before = company.rows()
    company.connection.execute(
        f"create or replace table scoring.new as {compiled[1]['alert_episodes']}"
    )
    for one, other in (("new", "alert_episodes"), ("alert_episodes", "new")):
        differ = f"from scoring.{one} except from scoring.{other}"
        assert company.connection.execute(differ).fetchall() == []
    assert len(before) == 2
