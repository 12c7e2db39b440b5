"""What each audit says of a state, on the sample as it was landed and built in two nights."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import silent
from customer_health.refresh.auditing import MEMORY, Audit, Finding, read_memory
from customer_health.refresh.audits_of_loads import LoadAudits
from customer_health.refresh.audits_of_silence import (
    ONE_IN_NIGHTS,
    SilenceAudits,
    chance_of_nothing,
    streaks_of_misses,
)
from customer_health.refresh.findings import Limit, Limits, judge, worst
from customer_health.refresh.pieces import Piece, chance_of_more, pieces
from customer_health.refresh.profiles import Load, Share
from customer_health.settings import SERVING_FILE, Settings
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT

FIRST = date(2026, 9, 21)
SECOND = FIRST + timedelta(1)
RUN_DATE = SECOND + timedelta(1)


# ------------------------------------------------------------------------------- a single judgement


def limits(*rows: tuple[str, str, str, int, str]) -> Limits:
    return Limits([Limit(a, i, 0, Decimal(v), n, verdict) for a, i, v, n, verdict in rows])


TWO = limits(("arr", "*", "0.2", 10, "stop"), ("arr", "*", "0.1", 10, "warn"))


@pytest.mark.parametrize(
    "value, verdict",
    [("0.1", ""), ("0.100001", "warn"), ("0.2", "warn"), ("0.200001", "stop")],
)
def test_a_level_is_still_good_and_the_worse_row_decides(value: str, verdict: str) -> None:
    (finding,) = judge(TWO, "arr", "*", Decimal(value), 10, "")

    assert ("" if finding.is_good else finding.verdict) == verdict


@pytest.mark.parametrize("value, is_good", [("0.4", True), ("0.399999", False)])
def test_of_a_low_level_less_is_worse(value: str, is_good: bool) -> None:
    low = limits(("volume_low", "usage_events", "0.4", 20, "warn"))
    (finding,) = judge(low, "volume_low", "usage_events", Decimal(value), 20, "", is_low=True)

    assert finding.is_good is is_good


def test_of_too_few_rows_nothing_is_said() -> None:
    assert list(judge(TWO, "arr", "*", Decimal(1), 9, "")) == []


def test_an_audit_without_a_row_is_off() -> None:
    assert list(judge(TWO, "grades", "*", Decimal(1), 100, "")) == []


def test_an_input_with_a_row_of_its_own_is_judged_by_it_alone() -> None:
    both = limits(
        ("rejected_share", "*", "0.05", 1, "stop"),
        ("rejected_share", "score_overrides", "0.5", 1, "warn"),
    )
    (own,) = judge(both, "rejected_share", "score_overrides", Decimal("0.4"), 5, "")
    (other,) = judge(both, "rejected_share", "invoices", Decimal("0.4"), 5, "")

    assert (own.is_good, other.is_good) == (True, False)


def test_what_was_accepted_lately_is_the_level_with_a_margin() -> None:
    high = limits(("volume_high", "usage_events", "3", 20, "stop"))
    high.accepted = {("volume_high", "usage_events"): Decimal(4)}
    values = (Decimal(5), Decimal("5.01"))
    found = [
        one.is_good for v in values for one in judge(high, "volume_high", "usage_events", v, 20, "")
    ]

    assert found == [True, False]


def test_the_worst_of_an_audit_and_input_is_told_with_the_batches_of_the_others() -> None:
    def finding(text: str, value: str, verdict: str, is_good: bool, **more: Any) -> Finding:
        start = ("fill_rate", "invoices", Decimal(value), Decimal(1), verdict, is_good, text)
        return Finding(*start, **more)

    (one,) = worst([
        finding("a", "9", "warn", True, batches={"invoices/batch-000001": "a.csv"}),
        finding("b", "2", "warn", False, batches={"invoices/batch-000002": "b.csv"}),
        finding("c", "1", "stop", False, batches={"invoices/batch-000003": "c.csv"}),
        finding("d", "3", "stop", False, batches={"invoices/batch-000004": "d.csv"}),
    ])  # fmt: skip
    assert (one.text, one.verdict) == ("d; also in c.csv", "stop")
    assert one.batches == {"invoices/batch-000003": "c.csv", "invoices/batch-000004": "d.csv"}

    days = [SECOND, FIRST, FIRST]
    (one,) = worst([finding(str(n), str(n), "warn", False, day=day) for n, day in enumerate(days)])
    assert one.text == "2; and on 1 more day"


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
       st.floats(0.01, 0.99))  # fmt: skip
def test_chance_is_the_tail_of_the_binomial_distribution(rows: tuple[int, int], p: float) -> None:
    from math import comb

    part, whole = rows
    tail = sum(comb(whole, k) * p**k * (1 - p) ** (whole - k) for k in range(part, whole + 1))

    assert chance_of_more(part, whole, p) == pytest.approx(tail, rel=1e-6, abs=1e-12)


def test_the_past_comes_in_pieces_of_enough_rows_the_newest_first() -> None:
    loads = [Share("invoices", None, "rejected", "", part, 15) for part in (1, 2, 3, 4, 5)]

    assert pieces(loads) == [Piece(9, 30), Piece(5, 30)]
    assert pieces(loads[:1]) == [Piece(1, 15)]
    assert pieces([]) == []


@pytest.mark.parametrize(
    "came, streaks",
    [
        ([True, True, True], [0, 0, 0, 0]),
        ([False, True, False, False], [1, 2]),
        ([True, False, True, False], [0, 1, 1]),
    ],
)
def test_streaks_of_nights_without_anything(came: list[bool], streaks: list[int]) -> None:
    assert streaks_of_misses(came) == streaks


# ------------------------------------------------------------------------- the sample in two nights


@dataclass
class State:
    """A published night and the working file of the next one, to be changed with SQL before the
    audit."""

    places: Settings

    def change(self, sql: str, published: bool = False) -> "State":
        path = self.places.current / SERVING_FILE if published else self.places.warehouse
        with duckdb.connect(str(path)) as connection:
            for statement in filter(str.strip, sql.split(";")):
                connection.execute(statement)
        return self

    def audit(self, run_date: date = RUN_DATE, tonight: tuple[str, ...] = ()) -> list[Finding]:
        previous = self.places.current.resolve()
        audit = Audit(self.places, run_date, previous, dict.fromkeys(tonight, 40))
        try:
            return audit.run()
        finally:
            audit.close()

    def flagged(self, run_date: date = RUN_DATE) -> dict[str, Finding]:
        return {one.name: one for one in self.audit(run_date) if not one.is_good}


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All up to the first night, published; the second night landed and built."""
    folder = tmp_path_factory.mktemp("audits") / "place"
    silent.FEED = silent.Feed()
    place = silent.Place(folder)
    silent.send(silent.FEED.night(FIRST, True), folder / "inbox", FIRST)
    first = place.refresh(FIRST)
    assert first["exit_code"] == 0, first["message"]
    assert [one["text"] for one in silent.flagged(first)] == []
    silent.send(silent.FEED.night(SECOND), folder / "inbox", SECOND)
    second = place.refresh(SECOND)
    assert second["exit_code"] == 0, second["message"]
    assert [one["text"] for one in silent.flagged(second)] == []
    current = folder / "published" / "current"
    current.unlink()
    current.symlink_to(Path("versions") / first["run_id"])
    shutil.rmtree(folder / "published" / "runs")
    return folder


@pytest.fixture
def state(two_nights: Path, tmp_path: Path) -> Iterator[State]:
    folder = tmp_path / "place"
    shutil.copytree(two_nights, folder, symlinks=True)
    yield State(
        Settings(folder / "raw", folder / "inbox", folder / "work" / "health.duckdb",
               folder / "published")
    )  # fmt: skip


def test_in_a_healthy_night_nothing_is_flagged(state: State) -> None:
    findings = state.audit()

    assert [one.text for one in findings if not one.is_good] == []
    named = {one.audit for one in findings}
    with (ROOT / "seeds" / "scoring" / "trust.csv").open(encoding="utf-8") as file:
        known = {line.split(",")[0] for line in file.readlines()[1:]}
    # Nothing of these can be judged in a second night.
    assert known - named <= {"foreign_scale", "level_shift"}


NEW = "loaded_at = (select max(loaded_at) from staging.stg_{0})"


def new(name: str) -> str:
    """SQL: whether a row of staging came in the second night."""
    return NEW.format(name)


# (audit, change of the working file, verdict)
CASES: list[tuple[str, str, str]] = [
    ("rejected_share:support_tickets",
     "update staging.stg_support_tickets set record_status = 'rejected', rejection_reason ="
     f" 'bad_value' where {new('support_tickets')}", "stop"),
    ("unmatched_share:support_tickets",
     "update staging.stg_support_tickets set record_status = 'rejected', rejection_reason ="
     f" 'unknown_account' where {new('support_tickets')}", "stop"),
    ("blanked_share:support_tickets",
     "update staging.stg_support_tickets set priority = null, cell_issues ="
     f" ',priority:unknown_value,' where {new('support_tickets')}", "stop"),
    ("fill_rate:support_tickets",
     f"update staging.stg_support_tickets set priority = null where {new('support_tickets')}",
     "warn"),
    ("conflicts:support_tickets",
     "update staging.stg_support_tickets set account_id = 'acct_0003'"
     f" where {new('support_tickets')} and ticket_id in (select ticket_id from"
     " staging.stg_support_tickets group by ticket_id having count(*) > 1)", "warn"),
    ("repeated_rows:support_tickets",
     "update staging.stg_support_tickets as now set account_id = one.account_id, opened_at ="
     " one.opened_at, priority = one.priority, solved_at = one.solved_at, first_response_at ="
     " one.first_response_at, csat_score = one.csat_score, is_urgent = one.is_urgent, is_reopened ="
     " one.is_reopened from (from staging.stg_support_tickets where record_status = 'accepted'"
     f" limit 1) as one where now.{new('support_tickets')}", "stop"),
    ("level_shift:invoices",
     f"update staging.stg_invoices set amount = amount * 100 where {new('invoices')}", "stop"),
    ("level_shift:usage_events",
     "update activity.account_activity_daily set duration_seconds = duration_seconds * 1000"
     f" where activity_date = date '{SECOND}'", "stop"),
    ("new_users:usage_events",
     "update activity.usage_activity_daily set user_id = 'x' || user_id"
     f" where activity_date = date '{SECOND}'", "stop"),
    ("volume_low:usage_events",
     "update activity.usage_days set accepted_rows = accepted_rows // 5"
     f" where event_date = date '{SECOND}'", "warn"),
    ("volume_high:usage_events",
     "update activity.usage_days set accepted_rows = accepted_rows * 4"
     f" where event_date = date '{SECOND}'", "stop"),
    ("repeated_rows:usage_events",
     "update activity.usage_days set accepted_rows = accepted_rows * 2"
     f" where event_date = date '{SECOND - timedelta(40)}'", "stop"),
    ("active_accounts:usage_events",
     "delete from activity.account_activity_daily where account_id < 'acct_0060'"
     f" and activity_date = date '{SECOND}'", "warn"),
    ("rows_lost:invoices",
     "update marts.source_reconciliation set accepted_rows = accepted_rows * 97 // 100"
     " where input = 'invoices'", "stop"),
    ("accounts_lost", "delete from marts.customer_health where account_id < 'acct_0030'", "stop"),
    ("arr", "update marts.customer_health set arr = arr * 1.3", "stop"),
    ("arr", "update marts.customer_health set arr = arr * 0.7", "stop"),
    ("arr", "update marts.customer_health set arr = null", "stop"),
    ("coverage", "update marts.customer_health set coverage = coverage * 0.8", "stop"),
    ("mean_score", "update marts.customer_health set health_score = health_score - 5", "stop"),
    ("mean_score", "update marts.customer_health set health_score = health_score + 5", "stop"),
    ("grades", "update marts.customer_health set grade = 'F' where account_id < 'acct_0060'",
     "stop"),
    ("colours", "update marts.customer_health set colour = 'blue' where account_id < 'acct_0060'",
     "stop"),
    ("segments", "update marts.customer_health set segment = 'x' where account_id < 'acct_0060'",
     "stop"),
    ("empty_book", "update marts.customer_health set health_score = null", "stop"),
    ("empty_book", "delete from marts.customer_health", "stop"),
    ("days_ahead:invoices",
     f"update staging.stg_invoices set issued_on = date '{RUN_DATE + timedelta(1)}' where"
     f" {new('invoices')}", "warn"),
    ("foreign_scale:survey_responses",
     "update staging.stg_survey_responses set score = 1 + score % 5 where survey_type = 'nps' and"
     " responded_at > timestamp '2026-06-01'", "stop"),
    ("silence:support_tickets",
     "delete from staging.stg_support_tickets where opened_at >="
     f" timestamp '{RUN_DATE - timedelta(20)}' and not ({new('support_tickets')});"
     " update staging.stg_support_tickets set opened_at = opened_at - interval 30 day"
     f" where {new('support_tickets')}", "warn"),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, change, verdict", CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_an_audit_flags_what_it_is_for(state: State, name: str, change: str, verdict: str) -> None:
    flagged = state.change(change).flagged()

    assert name in flagged, sorted(flagged)
    assert flagged[name].verdict == verdict


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_of_amounts_that_came_at_once_the_newest_is_compared_with(order: str) -> None:
    """A first export has all the subscriptions that an account ever had, in any order."""
    first, second = datetime(2026, 9, 21), datetime(2026, 9, 22)
    with duckdb.connect() as connection:
        connection.execute(f"""
            attach ':memory:' as working;
            create schema working.staging;
            create table working.staging.stg_subscriptions as
            select
                'a' || range // 4 as account_id,
                [1, 10, 100, 110][range % 4 + 1] as seats,
                100 as mrr,
                date '2020-01-01' + interval 1 year * (range % 4) as started_at,
                case when range % 4 < 3 then timestamp '{first}' else timestamp '{second}' end
                    as loaded_at,
                null as rejection_reason
            from range(12) order by range {order}
        """)
        level = Limit("level_shift", "*", 0, Decimal(4), 3, "stop")
        audits = LoadAudits(connection, Limits([level]), RUN_DATE, [], [], {})
        load = Load("subscriptions", second, "b.csv", Path("b.parquet"), 3, 1)
        found = {one.column: one.value for one in audits.level_shift({"subscriptions": [load]})}

    assert found == {"mrr": 1, "seats": Decimal("1.1")}


def test_the_as_of_date_that_stands_still_is_flagged(state: State) -> None:
    flagged = state.flagged(RUN_DATE + timedelta(1))

    assert flagged["as_of_lag"].verdict == "warn"
    assert f"has not moved since {SECOND}" in flagged["as_of_lag"].text


def test_a_feed_that_is_always_a_day_late_is_not(state: State) -> None:
    state.change("update marts.mart_status set run_date = run_date + 1", published=True)

    assert "as_of_lag" not in state.flagged(RUN_DATE + timedelta(1))


def remember(state: State, **content: object) -> None:
    path = state.places.current / MEMORY
    path.write_text(json.dumps(read_memory(state.places.current.resolve()) | content))


def test_a_night_without_an_input_that_came_every_night_is_flagged(state: State) -> None:
    names = ["invoices", "usage_events"]
    nights = {str(RUN_DATE - timedelta(n)): dict.fromkeys(names, 40) for n in range(1, 15)}
    remember(state, nights=nights)
    found = {one.name: one for one in state.audit(tonight=("invoices",)) if not one.is_good}

    assert (
        found["silence:usage_events"].text
        == "usage_events: nothing came tonight; before, that happened never"
    )
    assert "silence:invoices" not in found


def eight_weeks(rows: Callable[[date], int]) -> dict[date, int]:
    """The rows of the nights before RUN_DATE, a Wednesday; the first one brought years of them."""
    nights = [RUN_DATE - timedelta(n) for n in range(56, 0, -1)]
    return {nights[0]: 90_000} | {night: rows(night) for night in nights[1:]}


@pytest.mark.parametrize(
    "rows, missed, is_rare",
    [
        # As many rows as a night of tickets has: one night without is no chance.
        (lambda _: 7, [0], True),
        (lambda _: 6, [0], False),
        (lambda _: 3, [0], False),
        (lambda _: 3, [0, 1, 2], True),
        # A whole export once a week, on Wednesdays: the other nights say nothing.
        (lambda day: 5000 * (day.weekday() == 2), [1, 2, 3, 4], False),
        # Few tickets on Saturdays and Sundays: none is chance there, and not on a Wednesday.
        (lambda day: 20 if day.weekday() < 5 else 2, [3, 4], False),
        (lambda day: 20 if day.weekday() < 5 else 2, [0], True),
        # None on Saturdays and Sundays; then Monday is missed, too.
        (lambda day: 20 * (day.weekday() < 5), [3, 4], False),
        (lambda day: 20 * (day.weekday() < 5), [3, 4, 5], True),
        # In clumps: six nights with some, three without.
        (lambda day: 9 * (day.toordinal() // 3 % 3 > 0), [0, 1, 2, 3], False),
    ],
)
def test_a_silence_is_rare_by_the_rows_of_its_weekday_and_the_nights_before(
    rows: Callable[[date], int], missed: list[int], is_rare: bool
) -> None:
    nights = [RUN_DATE + timedelta(n) for n in missed]

    assert RUN_DATE.weekday() == 2
    assert (chance_of_nothing(eight_weeks(rows), nights) * ONE_IN_NIGHTS <= 1) is is_rare


def test_before_two_weeks_the_least_that_came_is_what_is_usual() -> None:
    """Until three nights of its kind, on working days or weekends, are known."""
    nights = [RUN_DATE - timedelta(n) for n in range(5, 0, -1)]
    rows = dict(zip(nights, [90_000, 40, 3, 50, 60], strict=True))
    assert chance_of_nothing(rows, [RUN_DATE]) == Decimal(-3).exp()

    rows = {RUN_DATE - timedelta(6): 90_000, RUN_DATE - timedelta(5): 50} | rows
    rows[nights[0]] = 40
    assert chance_of_nothing(rows, [RUN_DATE]) == Decimal(-50).exp()


def test_the_rows_of_a_night_are_those_of_all_its_files_and_runs(state: State) -> None:
    landed = [
        {"input": "invoices", "state": "landed", "rows": 3},
        {"input": "invoices", "state": "landed", "rows": 4},
        {"input": "accounts", "state": "landed", "rows": 5},
        {"input": "accounts", "state": "set aside", "rows": 6},
    ]
    refused = state.places.runs / "000099-20260923T010101Z"
    refused.mkdir(parents=True)
    report = {"run_date": str(RUN_DATE), "landed": landed}
    (refused / "report.json").write_text(json.dumps(report))
    tonight = {"invoices": 10}
    audit = Audit(state.places, RUN_DATE, state.places.current.resolve(), tonight)
    audit.close()

    assert audit.nights[RUN_DATE] == {"invoices": 17, "accounts": 5}


@pytest.mark.parametrize(
    "every, silent, is_flagged",
    [
        # Every second night: one more than its longest silence is chance, ten nights are not.
        (2, 1, False),
        (2, 2, False),
        (2, 10, True),
        # All but every tenth night, and never two nights in a row.
        (10, 1, False),
        (10, 2, False),
        (10, 5, True),
    ],
)
def test_an_input_that_often_stays_away_may(
    state: State, every: int, silent: int, is_flagged: bool
) -> None:
    """Silent tonight and in the nights before; earlier in every second night, or in every tenth."""
    nights = {
        str(RUN_DATE - timedelta(n)): {
            "usage_events": 40,
            "invoices": 40 * (n >= silent and (n % 2 == 0 if every == 2 else n % 10 != 0)),
        }
        for n in range(1, 41)
    }
    remember(state, nights=nights)
    found = {one.name for one in state.audit(tonight=("usage_events",)) if not one.is_good}

    assert ("silence:invoices" in found) is is_flagged


def test_a_silence_is_said_again_when_it_is_twice_as_long() -> None:
    said: list[date] = []
    with duckdb.connect() as connection:
        # No run after 8 days: it is said in the next one.
        for days in (4, 5, 6, 7, 9, 10, 11, 16, 17, 18, 19):
            night = RUN_DATE + timedelta(days)
            audits = SilenceAudits(connection, Limits([]), night, {}, {"invoices": said})
            if not audits.is_said("invoices", days):
                said.append(night)
        audits = SilenceAudits(connection, Limits([]), night, {}, {"invoices": said})

    assert [(night - RUN_DATE).days for night in said] == [4, 9, 18]
    assert not audits.is_said("invoices", 1), "another one, that began later"


def test_a_refused_day_stays_refused_however_many_nights_pass(state: State) -> None:
    """It is compared with what was published, not with last week."""
    state.change(
        f"update activity.usage_days set accepted_rows = accepted_rows * 7 where event_date ="
        f" date '{SECOND}'; insert into activity.usage_days select event_date + cast(7 * n as int),"
        " accepted_rows // 7, accepted_rows // 7, 0, 0, 0, active_accounts, newest_loaded_at"
        f" from activity.usage_days, range(1, 3) as weeks (n) where event_date = date '{SECOND}'"
    )
    found = state.flagged(RUN_DATE + timedelta(30))

    assert found["volume_high:usage_events"].is_stopping
    assert str(SECOND) in found["volume_high:usage_events"].text


def judged(before: list[Share], new: list[Share]) -> dict[str, Finding]:
    """What is flagged of a load, by the limits of the project."""
    with (ROOT / "seeds" / "scoring" / "trust.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Limit(r["audit"], r["input"], int(r["days_back"] or 0), Decimal(r["level"]),
                  int(r["min_rows"] or 1), r["verdict"])
            for r in csv.DictReader(file)
        ]  # fmt: skip
    with duckdb.connect() as connection:
        audits = LoadAudits(connection, Limits(rows), RUN_DATE, before, new, {})
        found = [*audits.shares(), *audits.small_files()]
        return {one.name: one for one in worst(found) if not one.is_good}


def tickets(
    night: int, part: int, whole: int, measure: str = "rejected", column: str = ""
) -> Share:
    moment = datetime(2026, 1, 1) + timedelta(night)
    return Share("support_tickets", moment, measure, column, part, whole)


@pytest.mark.parametrize("lost, sent, is_flagged", [(60, 60, True), (2, 3, False)])
def test_a_cell_that_one_record_lost_does_not_make_it_usual(
    lost: int, sent: int, is_flagged: bool
) -> None:
    before = [tickets(1, 1, 2, "lost", "solved_at")]
    found = judged(before, [tickets(2, lost, sent, "lost", "solved_at")])

    assert ("lost_cells:support_tickets" in found) is is_flagged
    assert [one.verdict for one in found.values()] == ["stop"] * is_flagged


@pytest.mark.parametrize(
    "earlier, now, is_flagged",
    [
        ([1000] * 8, 600, True),
        ([1000] * 8, 750, False),
        # Five weekdays are not yet a habit, and rows that differ are no export.
        ([1000] * 5, 60, False),
        ([1000, 60, 62, 1000, 990, 1010, 1000, 980], 60, False),
    ],
)
def test_a_part_of_a_whole_export_is_flagged(
    earlier: list[int], now: int, is_flagged: bool
) -> None:
    before = [tickets(night, 0, rows) for night, rows in enumerate(earlier)]

    assert ("volume_low:support_tickets" in judged(before, [tickets(99, 0, now)])) is is_flagged


def test_few_rejected_rows_a_night_add_up() -> None:
    """The newest loads are seen together, also those that were published."""
    before = [tickets(n, 0, 1) for n in range(100)] + [tickets(n, 1, 1) for n in range(100, 107)]

    assert "rejected_share:support_tickets" in judged(before, [tickets(107, 1, 1)])
    assert judged(before[:100], [tickets(107, 1, 1)]) == {}


@pytest.mark.parametrize(
    "measure, column, before, now, verdict",
    [
        # A feed whose tickets are often of prospects is as usual with more of them by chance.
        ("unmatched", "", (400, 2000), (4, 8), None),
        ("unmatched", "", (400, 2000), (60, 100), "stop"),
        ("unmatched", "", (400, 2000), (40, 100), "warn"),
        ("blanked", "priority", (3, 2000), (5, 5), "stop"),
        ("blanked", "priority", (3, 2000), (1, 5), None),
        ("filled", "priority", (1960, 2000), (0, 30), "warn"),
        ("filled", "priority", (1960, 2000), (28, 30), None),
        ("filled", "priority", (40, 2000), (30, 30), "warn"),
        # A solution comes later: history says nothing of a night.
        ("filled", "solved_at", (1960, 2000), (0, 30), None),
        ("lost", "solved_at", (1, 2000), (30, 30), "stop"),
        ("conflicts", "", (0, 2000), (30, 300), "warn"),
        ("repeated", "", (2, 2000), (9, 9), "stop"),
    ],
)
def test_a_share_is_held_against_its_own_past(
    measure: str, column: str, before: tuple[int, int], now: tuple[int, int], verdict: str | None
) -> None:
    past = [tickets(1, *before, measure, column)]
    found = list(judged(past, [tickets(2, *now, measure, column)]).values())

    assert [one.verdict for one in found] == [verdict] * (verdict is not None)


@pytest.mark.parametrize(
    "measure, now, verdict",
    [
        ("unmatched", (40, 200), None),
        ("unmatched", (120, 200), "stop"),
        ("rejected", (8, 200), None),
        ("rejected", (30, 200), "stop"),
    ],
)
def test_before_the_first_publication_a_share_is_held_against_its_level(
    measure: str, now: tuple[int, int], verdict: str | None
) -> None:
    found = list(judged([], [tickets(1, *now, measure)]).values())

    assert [one.verdict for one in found] == [verdict] * (verdict is not None)


def test_the_first_files_of_an_input_are_judged_as_a_whole() -> None:
    new = [tickets(1, 9, 9), tickets(2, 0, 1000)]

    assert judged([], new) == {}
    assert judged([tickets(0, 0, 1000)], new) != {}


def test_a_cell_that_is_filled_later_is_held_against_other_nights() -> None:
    before = [tickets(n, 12 + n % 5, 30, "filled", "solved_at") for n in range(8)]

    assert judged(before, [tickets(9, 14, 30, "filled", "solved_at")]) == {}
    assert judged(before, [tickets(9, 0, 30, "filled", "solved_at")]) != {}


@pytest.mark.parametrize("days", [7, 28])
def test_what_drifts_slowly_is_held_against_earlier_publications(state: State, days: int) -> None:
    state.change(
        "insert into marts.fct_published_scores by name select '000000-then' as run_id,"
        " published_at, account_id, score_date - %s as score_date, owner, segment, health_score +"
        " 20 as health_score, grade, colour, coverage, arr, scoring_version from"
        " marts.fct_published_scores" % (days - 1),
        published=True,
    )
    found = state.flagged()

    assert found["mean_score"].verdict == "warn"
    assert f"than as of {SECOND - timedelta(days)}" in found["mean_score"].text


def test_what_was_said_of_a_drift_is_not_said_again(state: State) -> None:
    test_what_drifts_slowly_is_held_against_earlier_publications(state, 7)
    remember(state, said=[
        {"audit": "mean_score", "input": "*", "value": "20", "reason": "", "run_id": "000001-later",
         "run_date": str(RUN_DATE)}
    ])  # fmt: skip

    assert "mean_score" not in state.flagged()


def test_rows_that_nobody_landed_are_judged_by_what_is_new(state: State) -> None:
    """Files that were put into the raw folder by hand have no batches."""
    for path in (state.places.raw / "invoices").iterdir():
        path.rename(path.with_name(f"by_hand_{path.name}"))
    (state.places.raw / ".batches.json").unlink()
    path = state.places.current / ".shares"
    totals = (
        "select 'invoices' as input, null::timestamp as loaded_at, 'rejected' as measure,"
        " '' as column_name, 5::bigint as part, 100::bigint as whole"
    )
    duckdb.execute(
        f"copy (from read_parquet('{path}') union all by name {totals}) to '{path}.new'"
        " (format parquet)"
    )
    Path(f"{path}.new").replace(path)
    state.change(
        "insert into marts.rejected_records select 'invoices', 'k', 'a', 'row_rejected',"
        " 'bad_value', 'amount', null from range(800)"
    )
    found = state.flagged()

    assert found["rejected_share:invoices"].is_stopping


@pytest.mark.parametrize("value, is_accepted", [("1.3", True), ("1.2", False)])
def test_what_was_accepted_before_a_rollback_is_accepted_after_it(
    state: State, value: str, is_accepted: bool
) -> None:
    """As long as there is no more of it."""
    newest = max(state.places.versions.iterdir())
    assert newest != state.places.current.resolve()
    finding = Finding("mean_score", "*", Decimal("1.3"), Decimal(1), "stop", False, "")
    run = {"run_id": newest.name, "run_date": str(RUN_DATE)}
    said = finding.subject | run | {"value": value, "reason": "A new formula"}
    (newest / MEMORY).write_text(json.dumps({"nights": {}, "said": [said]}))
    audit = Audit(state.places, RUN_DATE, state.places.current.resolve(), {})
    other = Finding("arr", "*", Decimal("1.3"), Decimal(1), "stop", False, "")
    reasons = [audit.accepted_later(one) for one in (finding, other)]
    audit.close()

    assert reasons == ["A new formula" if is_accepted else "", ""]


def test_what_is_remembered_of_a_finding_names_no_file() -> None:
    """A file may be called by a person, and versions are kept."""
    finding = Finding(
        "fill_rate", "invoices", None, None, "warn", False, "in ana@example.com.csv", "paid_at",
        "ana@example.com.csv", SECOND, datetime(2026, 9, 23, 2),
    )  # fmt: skip

    assert finding.subject == {
        "audit": "fill_rate",
        "input": "invoices",
        "loaded_at": "2026-09-23 02:00:00",
        "day": str(SECOND),
    }
