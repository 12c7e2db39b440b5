"""What each audit says of a state, and from which limit on; without a build."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from nightly.auditing import Audit, Finding
from nightly.places import SERVING_FILE, Places
from raw_files import read_contract

RUN_DATE = date(2026, 3, 31)
YESTERDAY = RUN_DATE - timedelta(1)
MOMENTS = {"started_at": "started_on", "issued_at": "issued_on"}


@dataclass
class State:
    """A working file and a published one, to be changed with SQL before the audit."""

    places: Places
    working: duckdb.DuckDBPyConnection
    published: duckdb.DuckDBPyConnection

    def audit(self, name: str) -> list[Finding]:
        """What the audit of that name found."""
        self.working.close()
        self.published.close()
        audit = Audit(self.places, RUN_DATE, self.places.current)
        try:
            return [finding for finding in audit.run() if finding.audit == name]
        finally:
            audit.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """100 accounts, 1,000 rows of every input through yesterday, 100 of them new, 30 events a day;
    published the same. Limits are those of the project."""
    places = Places(
        tmp_path / "raw", tmp_path / "inbox", tmp_path / "working.duckdb", tmp_path / "published"
    )
    places.current.mkdir(parents=True)
    seeds = Path(__file__).resolve().parents[2] / "seeds" / "scoring" / "trust.csv"
    made = []
    for path in (places.warehouse, places.current / SERVING_FILE):
        connection = duckdb.connect(str(path))
        for schema in ("seeds", "marts", "activity", "staging"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            "create table marts.customer_health as select range as account_id, 'A' as grade,"
            " cast(range as decimal(28, 6)) as arr, cast(0.9 as decimal(9, 6)) as coverage"
            " from range(100)"
        )
        connection.execute(
            "create table marts.source_reconciliation (input varchar, raw_rows bigint,"
            " accepted_rows bigint, rejected_rows bigint)"
        )
        for contract in read_contract():
            rows = (1000, 990, 10) if path == places.warehouse else (900, 990, 5)
            connection.execute(
                "insert into marts.source_reconciliation values (?, ?, ?, ?)",
                [contract.name, *rows],
            )
        made.append(connection)
    working, published = made
    working.execute(f"create table seeds.trust as from read_csv('{seeds}', header = true)")
    working.execute("alter table seeds.trust alter limit_value type decimal(18, 6)")
    working.execute(
        "create table activity.usage_days as select cast(unnest as date) as event_date,"
        " 30 as accepted_rows from unnest(generate_series(date '2026-01-01', ?, interval 1 day))",
        [YESTERDAY],
    )
    for contract in read_contract():
        moment = next(c.name for c in contract.columns if c.type == "timestamp")
        working.execute(
            f"create table staging.stg_{contract.name} as select date '{YESTERDAY}'"
            f" as {MOMENTS.get(moment, moment)}, 'accepted' as record_status"
        )
    day = YESTERDAY - timedelta(1)
    published.execute(f"create table marts.mart_status as select date '{day}' as as_of_date")
    yield State(places, working, published)


def test_in_order_nothing_speaks_up(state: State) -> None:
    state.working.close()
    state.published.close()
    audit = Audit(state.places, RUN_DATE, state.places.current)
    findings = audit.run()
    audit.close()

    assert all(finding.is_good for finding in findings)
    assert {finding.audit for finding in findings} == {
        "rejected_share",
        "rows_lost_share",
        "arr_lost_share",
        "coverage_lost_share",
        "accounts_lost_share",
        "grade_changes_share",
        "days_stale",
        "days_ahead",
        "volume_low_share",
        "volume_high_ratio",
    }


# (change of the working file, audit, value, whether that is still good, action); the first of two
# is exactly at the limit.
CASES = [
    ("update marts.source_reconciliation set rejected_rows = 10 where input = 'invoices'",
     "rejected_share", "0.05", True, "stop"),
    ("update marts.source_reconciliation set rejected_rows = 11 where input = 'invoices'",
     "rejected_share", "0.06", False, "stop"),
    ("update marts.source_reconciliation set rejected_rows = 56 where input = 'score_overrides'",
     "rejected_share", "0.51", False, "warn"),
    ("update marts.source_reconciliation set accepted_rows = 971 where input = 'accounts'",
     "rows_lost_share", "0.019192", True, "stop"),
    ("update marts.source_reconciliation set accepted_rows = 970 where input = 'accounts'",
     "rows_lost_share", "0.020202", False, "stop"),
    ("update marts.customer_health set arr = arr * 0.8", "arr_lost_share", "0.2", True, "stop"),
    ("update marts.customer_health set arr = arr * 0.79", "arr_lost_share", "0.21", False, "stop"),
    ("update marts.customer_health set arr = null", "arr_lost_share", "1", False, "stop"),
    ("update marts.customer_health set coverage = 0.81", "coverage_lost_share", "0.1", True,
     "stop"),
    ("update marts.customer_health set coverage = 0.8", "coverage_lost_share", "0.111111", False,
     "stop"),
    ("delete from marts.customer_health where account_id < 10",
     "accounts_lost_share", "0.1", True, "stop"),
    ("delete from marts.customer_health where account_id < 11",
     "accounts_lost_share", "0.11", False, "stop"),
    ("update marts.customer_health set grade = 'F' where account_id < 25",
     "grade_changes_share", "0.25", True, "stop"),
    ("update marts.customer_health set grade = 'F' where account_id < 26",
     "grade_changes_share", "0.26", False, "stop"),
    ("delete from activity.usage_days where event_date > date '2026-03-28'",
     "days_stale", "2", True, "warn"),
    ("delete from activity.usage_days where event_date > date '2026-03-27'",
     "days_stale", "3", False, "warn"),
    ("update staging.stg_invoices set issued_on = date '2026-03-31'",
     "days_ahead", "0", True, "warn"),
    ("update staging.stg_invoices set issued_on = date '2026-04-01'",
     "days_ahead", "1", False, "warn"),
    ("update activity.usage_days set accepted_rows = 12 where event_date = date '2026-03-30'",
     "volume_low_share", "0.4", True, "stop"),
    ("update activity.usage_days set accepted_rows = 11 where event_date = date '2026-03-30'",
     "volume_low_share", "0.366667", False, "stop"),
    ("update activity.usage_days set accepted_rows = 90 where event_date = date '2026-03-30'",
     "volume_high_ratio", "3", True, "stop"),
    ("update activity.usage_days set accepted_rows = 91 where event_date = date '2026-03-30'",
     "volume_high_ratio", "3.033333", False, "stop"),
]  # fmt: skip


@pytest.mark.parametrize("change, name, value, is_good, action", CASES)
def test_an_audit_speaks_up_beyond_its_limit(
    state: State, change: str, name: str, value: str, is_good: bool, action: str
) -> None:
    state.working.execute(change)
    found = state.audit(name)
    wanted = [f for f in found if f.value == Decimal(value) and f.action == action]

    assert [f.is_good for f in wanted] == [is_good] * len(wanted) != []
    assert any(f.is_stopping for f in found) == (not is_good and action == "stop")


def test_the_newest_record_of_a_feed_that_stopped_is_named(state: State) -> None:
    state.working.execute("delete from activity.usage_days where event_date > date '2026-03-20'")
    found = [f.text for f in state.audit("days_stale") if not f.is_good]

    assert found == ["usage_events: the feed stopped, nothing came for the last 10 whole days"]


def test_a_weekday_is_compared_with_the_same_weekday(state: State) -> None:
    """Quiet weekends are no fault, however busy the days between."""
    state.working.execute(
        "update activity.usage_days set accepted_rows = 3000 where isodow(event_date) < 6"
    )
    state.published.execute("update marts.mart_status set as_of_date = date '2026-03-25'")

    assert [f.value for f in state.audit("volume_low_share")] == [Decimal(1)]


@pytest.mark.parametrize(
    "name, change",
    [
        ("grade_changes_share", "delete from marts.customer_health where account_id > 8;"
         " update marts.customer_health set grade = 'F'"),
        ("volume_low_share", "update activity.usage_days set accepted_rows = 19;"
         " update activity.usage_days set accepted_rows = 1 where event_date = '2026-03-30'"),
    ],
)  # fmt: skip
def test_of_too_few_nothing_is_said(state: State, name: str, change: str) -> None:
    state.working.execute(change)

    assert state.audit(name) == []


def test_rows_that_were_published_before_are_not_judged_again(state: State) -> None:
    """Rejected once and accepted with a reason, they do not hold up every night after it."""
    state.working.execute("update marts.source_reconciliation set rejected_rows = 400")
    state.published.execute("update marts.source_reconciliation set raw_rows = 1000")

    assert state.audit("rejected_share") == []


def test_a_bad_load_is_judged_by_itself(state: State) -> None:
    """However many good rows there are of earlier days."""
    state.working.execute(
        "update marts.source_reconciliation set raw_rows = 1000100, rejected_rows = 105"
    )
    state.published.execute("update marts.source_reconciliation set raw_rows = 1000000")

    assert {f.value for f in state.audit("rejected_share")} == {Decimal(1)}


def test_an_audit_without_a_row_is_off(state: State) -> None:
    state.working.execute("delete from seeds.trust where audit = 'grade_changes_share'")
    state.working.execute("update marts.customer_health set grade = 'F'")

    assert state.audit("grade_changes_share") == []


def test_days_that_were_published_before_are_not_judged_again(state: State) -> None:
    state.working.execute(
        "update activity.usage_days set accepted_rows = 1 where event_date < date '2026-03-30'"
        " and event_date > date '2026-03-20'"
    )

    assert [f.is_good for f in state.audit("volume_low_share")] == [True]
