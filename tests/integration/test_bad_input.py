"""Bad input never crashes a run half-way and never disappears.

Either it is rejected with a reason and counted, or the run stops before anything is built and says
what is wrong, where, and what to do next. The tables below say what happens to which cell; the
tests build a few raw folders and compare.

Every row of a case has a `_loaded_at` of its own, by which it is found again: a row may have lost
its key.
"""

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from project import Run, build, write_csv

RUN_DATE = "2026-07-01"
VARIABLES = {"run_date": RUN_DATE, "history_weeks": 4}

COLUMN_LISTS = {
    "accounts": (
        "account_id account_name parent_account_id industry region owner created_at is_test"
        " updated_at deleted_at _loaded_at"
    ),
    "subscriptions": (
        "subscription_id account_id plan seats mrr currency is_trial auto_renew started_at"
        " term_ends_at ended_at updated_at _loaded_at"
    ),
    "usage_events": (
        "event_id account_id user_id event_at feature duration_seconds event_count _loaded_at"
    ),
    "support_tickets": (
        "ticket_id account_id opened_at first_response_at solved_at priority reopen_count"
        " csat_score updated_at _loaded_at"
    ),
    "survey_responses": (
        "response_id account_id user_id responded_at survey_type score _loaded_at"
    ),
    "invoices": (
        "invoice_id account_id issued_at due_at paid_at amount currency kind updated_at _loaded_at"
    ),
    "csm_assessments": ("assessment_id account_id assessed_at sentiment author note _loaded_at"),
    "score_overrides": (
        "override_id account_id score reason author starts_at expires_at _loaded_at"
    ),
}
COLUMNS = {name: columns.split() for name, columns in COLUMN_LISTS.items()}
KEYS = {name: columns[0] for name, columns in COLUMNS.items()}
INPUTS = tuple(COLUMNS)

# What a row holds unless a test says otherwise. The rows belong to the account `cases`.
GOOD = {
    "accounts": {"account_name": "Good Account", "created_at": "2025-01-01"},
    "subscriptions": {"plan": "team", "seats": "10", "mrr": "100", "started_at": "2025-01-01"},
    "usage_events": {"user_id": "someone", "event_at": "2026-02-13 12:00", "feature": "login"},
    "support_tickets": {"opened_at": "2026-02-13 10:00:00", "priority": "normal"},
    "survey_responses": {"responded_at": "2026-02-13", "survey_type": "nps", "score": "9"},
    "invoices": {"issued_at": "2026-02-13", "amount": "100", "kind": "recurring"},
    "csm_assessments": {"assessed_at": "2026-02-13", "sentiment": "4"},
    "score_overrides": {
        "score": "70",
        "reason": "agreed",
        "author": "someone",
        "starts_at": "2026-02-01",
        "expires_at": "2026-03-01",
    },
}

# In cells that must not leave the layers that need them: user ids, notes, reasons, authors.
PERSONAL = "private-person@example.invalid"


# The column that a rejected row is listed with, where it follows from the reason. A missing, bad or
# out-of-time value is listed with its own column.
COLUMN_OF_REASON = {
    "missing_account_id": "account_id",
    "unknown_account": "account_id",
    "unknown_currency": "currency",
    "override_too_long": "expires_at",
}
COLUMN_OF_INPUT_AND_REASON = {
    **{(name, "missing_key"): key for name, key in KEYS.items()},
    ("accounts", "end_before_start"): "deleted_at",
    ("subscriptions", "end_before_start"): "ended_at",
    ("support_tickets", "end_before_start"): "solved_at",
    ("score_overrides", "end_before_start"): "expires_at",
    ("survey_responses", "unknown_value"): "survey_type",
    ("survey_responses", "out_of_range"): "score",
    ("csm_assessments", "out_of_range"): "sentiment",
    ("score_overrides", "out_of_range"): "score",
    ("invoices", "unknown_value"): "kind",
}


@dataclass(frozen=True)
class Case:
    """One raw row and what becomes of it: rejected for a reason and a column, or accepted, then
    perhaps with blanked cells ({column: reason}) and with these values in staging."""

    input: str
    cells: dict[str, str | None]
    rejected: str | None = None
    column: str | None = None
    blanked: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        cells = ", ".join(f"{column}={value!r}" for column, value in self.cells.items())
        verdict = self.rejected or "blanked" * bool(self.blanked) or "accepted"
        shown = cells.encode("ascii", "replace").decode()
        return f"{self.input}: {shown if len(shown) < 90 else shown[:90] + '...'} -> {verdict}"


def rejected(name: str, reason: str, /, **cells: str | None) -> Case:
    """Unless the reason says which, the first cell is the one at fault."""
    by_reason = COLUMN_OF_REASON.get(reason) or COLUMN_OF_INPUT_AND_REASON.get((name, reason))
    return Case(name, cells, reason, by_reason or next(iter(cells)))


def blanked(
    name: str, reason: str, values: Mapping[str, Any] | None = None, /, **cells: str | None
) -> Case:
    """The first cell is blanked."""
    return Case(name, cells, blanked={next(iter(cells)): reason}, values=dict(values or {}))


def accepted(name: str, values: Mapping[str, Any] | None = None, /, **cells: str | None) -> Case:
    return Case(name, cells, values=dict(values or {}))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --------------------------------------------------------------------------------- the cases

NULLS = ("", "   ", "\t", "\t \u00a0\u3000", "N/A", "n/a", "?", "-", "none", " None ", "NULL")

NULL_CASES = [
    case
    for null in NULLS
    for case in (
        rejected("subscriptions", "missing_key", subscription_id=null),
        rejected("subscriptions", "missing_account_id", account_id=null),
        rejected("subscriptions", "missing_value", started_at=null),
        accepted("subscriptions", {"seats": None}, seats=null),
        accepted("subscriptions", {"ended_on": None}, ended_at=null),
        accepted("subscriptions", {"plan": None}, plan=null),
        accepted("subscriptions", {"mrr": 100}, currency=null),
        rejected("usage_events", "missing_value", feature=null),
        accepted("usage_events", {"user_id": None}, user_id=null),
        accepted("usage_events", {"event_count": None}, event_count=null),
        accepted("accounts", {"industry": None}, industry=null),
        accepted("support_tickets", {"priority": None}, priority=null),
        rejected("score_overrides", "missing_value", reason=null),
    )
]
REQUIRED_COLUMNS = {
    "accounts": ["created_at"],
    "subscriptions": ["started_at"],
    "usage_events": ["event_at", "feature"],
    "support_tickets": ["opened_at"],
    "survey_responses": ["responded_at", "survey_type", "score"],
    "invoices": ["issued_at", "amount", "kind"],
    "csm_assessments": ["assessed_at", "sentiment"],
    "score_overrides": ["score", "reason", "author", "starts_at", "expires_at"],
}
REQUIRED_CASES = [
    *(rejected(name, "missing_key", **{KEYS[name]: "n/a"}) for name in INPUTS),
    *(rejected(name, "missing_account_id", account_id="-") for name in INPUTS[1:]),
    *(
        rejected(name, "missing_value", **{column: "?"})
        for name, columns in REQUIRED_COLUMNS.items()
        for column in columns
    ),
]

# Every timestamp column: may it lie ahead, and does a value that cannot be read reject the row?
TIMESTAMPS = [
    ("accounts", "created_at", "past", "rejects"),
    ("accounts", "updated_at", "past", "blanks"),
    ("accounts", "deleted_at", "past", "rejects"),
    ("subscriptions", "started_at", "may lie ahead", "rejects"),
    ("subscriptions", "term_ends_at", "may lie ahead", "blanks"),
    ("subscriptions", "ended_at", "may lie ahead", "rejects"),
    ("subscriptions", "updated_at", "past", "blanks"),
    ("usage_events", "event_at", "past", "rejects"),
    ("support_tickets", "opened_at", "past", "rejects"),
    ("support_tickets", "first_response_at", "past", "blanks"),
    ("support_tickets", "solved_at", "past", "rejects"),
    ("support_tickets", "updated_at", "past", "blanks"),
    ("survey_responses", "responded_at", "past", "rejects"),
    ("invoices", "issued_at", "past", "rejects"),
    ("invoices", "due_at", "may lie ahead", "blanks"),
    ("invoices", "paid_at", "past", "rejects"),
    ("invoices", "updated_at", "past", "blanks"),
    ("csm_assessments", "assessed_at", "past", "rejects"),
    ("score_overrides", "starts_at", "may lie ahead", "rejects"),
    ("score_overrides", "expires_at", "may lie ahead", "rejects"),
]


def timestamp_cases() -> Iterable[Case]:
    for name, column, future, unreadable in TIMESTAMPS:
        for text in ("1900-01-01", "1999-12-31 23:59:59", "2026-07-02 23:59:59", "2026-07-03") + (
            ("2100-01-01", "9999-12-31") if name != "score_overrides" else ("2100-01-01",)
        ):
            cells = {column: text}
            if name == "score_overrides":  # both ends on one day, or the override is too long
                cells = {"starts_at": text, "expires_at": text}
            if text < "2000" or (text >= "2026-07-03" and future == "past"):
                yield rejected(name, "out_of_time", **cells)
            else:
                yield accepted(name, **cells)
        for text in ("13/02/2026", "infinity"):
            if unreadable == "rejects":
                yield rejected(name, "bad_value", **{column: text})
            else:
                yield blanked(name, "bad_value", **{column: text})


READABLE_TIMES = {
    "2026-02-13": "2026-02-13 00:00",
    "2026/02/13": "2026-02-13 00:00",
    "2026-2-3": "2026-02-03 00:00",
    "2026/2/3 4:05": "2026-02-03 04:05",
    "2024-02-29": "2024-02-29 00:00",
    "2026-02-13T10:00:00": "2026-02-13 10:00",
    "2026-02-13t10:00:00": "2026-02-13 10:00",
    "  2026-02-13 10:00\t": "2026-02-13 10:00",
    "2026-02-13T10:00:00.123456": "2026-02-13 10:00:00.123456",
    "2026-02-13T10:00:00.123456789": "2026-02-13 10:00:00.123456",
    "2026-02-13 10:00:00Z": "2026-02-13 10:00",
    "2026-02-13 10:00:00 UTC": "2026-02-13 10:00",
    "2026-02-13 10:00:00utc": "2026-02-13 10:00",
    "2026-02-13 UTC": "2026-02-13 00:00",
    "2026-02-13T10:00:00+05:30": "2026-02-13 04:30",
    "2026-02-13T10:00:00-0530": "2026-02-13 15:30",
    "2026-02-13T10:00:00 +05": "2026-02-13 05:00",
    "2026/02/13 23:30-02:00": "2026-02-14 01:30",
    "2026-02-13 00:15:00.5+0045": "2026-02-12 23:30:00.500000",
    "2000-01-01T00:00:00Z": "2000-01-01 00:00",
    "2026-07-03T03:00:00+05:30": "2026-07-02 21:30",
}
UNREADABLE_TIMES = (
    "13.02.2026",
    "02/13/2026",
    "13-02-2026",
    "20260213",
    "2026-02",
    "2026-02/13",
    "1770976800",
    "1770976800000",
    "46066",
    "2026-02-30",
    "2026-02-29",
    "2026-13-01",
    "2026-00-10",
    "2026-02-13 24:00:00",
    "2026-02-13 10:60",
    "2026-02-13 10:00:60",
    "2026-02-13 10",
    "2026-02-13 10:00 AM",
    "2026-02-13 10:00:00 CET",
    "2026-02-13T10:00:00+25:00",
    "2026-02-13T10:00:00+05:60",
    "2026-02-13T10:00:00+5",
    "2026-02-13+05:30",
    "2026-02-13  10:00",
    "10:00:00",
    "Feb 13 2026",
    "-infinity",
    "epoch",
    "now",
    "today",
    "yesterday",
    "soon",
)
TIME_CASES = [
    *timestamp_cases(),
    *(
        accepted("usage_events", {"event_at": moment(is_read_as)}, event_at=text)
        for text, is_read_as in READABLE_TIMES.items()
    ),
    *(rejected("usage_events", "bad_value", event_at=text) for text in UNREADABLE_TIMES),
    rejected("usage_events", "out_of_time", event_at="2000-01-01T00:00:00+05:30"),
    rejected("usage_events", "out_of_time", event_at="2026-07-02T23:30:00-01:00"),
    # Ends by date, solved by timestamp.
    rejected("accounts", "end_before_start", deleted_at="2024-12-31 23:59:59"),
    accepted("accounts", created_at="2025-03-01 12:00", deleted_at="2025-03-01 09:00"),
    rejected("subscriptions", "end_before_start", ended_at="2024-12-31"),
    accepted("subscriptions", started_at="2025-03-01 12:00", ended_at="2025-03-01 09:00"),
    rejected("support_tickets", "end_before_start", solved_at="2026-02-13 09:59:59"),
    accepted("support_tickets", solved_at="2026-02-13 10:00:00"),
    accepted("support_tickets", first_response_at="2026-02-13 09:00:00"),
    rejected("score_overrides", "end_before_start", expires_at="2026-01-31"),
    accepted("score_overrides", starts_at="2026-02-01 12:00", expires_at="2026-02-01 09:00"),
    accepted("invoices", paid_at="2026-02-01"),
    accepted("invoices", due_at="2026-02-01"),
]

NOT_NUMBERS = ("NaN", "inf", "-Infinity", "ten", "12,5", "1,000", "$100", "0x10", "1_000", "true")
BAD_DECIMALS = (*NOT_NUMBERS, "1e308", "-1e308", "1e999", "1000000000000")
BAD_WHOLE_NUMBERS = (*NOT_NUMBERS, "10.5", "1e1", "1e308", "2147483648", "99999999999999999999")

NUMBER_CASES = [
    *(blanked("subscriptions", "bad_value", {"seats": None}, seats=v) for v in BAD_WHOLE_NUMBERS),
    *(blanked("subscriptions", "bad_value", {"mrr": None}, mrr=v) for v in BAD_DECIMALS),
    *(rejected("invoices", "bad_value", amount=v) for v in BAD_DECIMALS),
    *(
        accepted("subscriptions", {"seats": number}, seats=text)
        for text, number in {
            "10": 10,
            "10.0": 10,
            " 10.000 ": 10,
            "+10": 10,
            "007": 7,
            "0": 0,
            "2147483647": 2147483647,
        }.items()
    ),
    *(
        accepted("subscriptions", {"mrr": Decimal(number)}, mrr=text)
        for text, number in {
            "0": "0",
            "1e2": "100",
            ".5": "0.5",
            "5.": "5",
            "-0.0": "0",
            "0.0000005": "0.000001",
            "999999999999.999999": "999999999999.999999",
        }.items()
    ),
    blanked("subscriptions", "out_of_range", {"seats": None}, seats="-1"),
    blanked("subscriptions", "out_of_range", {"seats": None}, seats="-1.0"),
    blanked("subscriptions", "out_of_range", {"mrr": None}, mrr="-0.01"),
    accepted("invoices", {"amount": -100}, amount="-100"),
    blanked("usage_events", "bad_value", {"duration_seconds": None}, duration_seconds="NaN"),
    blanked("usage_events", "bad_value", {"duration_seconds": None}, duration_seconds="1e308"),
    blanked("usage_events", "bad_value", {"duration_seconds": None}, duration_seconds="00:05:00"),
    blanked("usage_events", "out_of_range", {"duration_seconds": None}, duration_seconds="-1"),
    accepted("usage_events", {"duration_seconds": Decimal("12.5")}, duration_seconds="12.5"),
    blanked("usage_events", "bad_value", {"event_count": None}, event_count="1.5"),
    blanked("usage_events", "bad_value", {"event_count": None}, event_count="many"),
    blanked("usage_events", "out_of_range", {"event_count": None}, event_count="0"),
    blanked("usage_events", "out_of_range", {"event_count": None}, event_count="-3"),
    accepted("usage_events", {"event_count": 2}, event_count="2.0"),
    blanked("support_tickets", "out_of_range", {"is_reopened": False}, reopen_count="-1"),
    blanked("support_tickets", "bad_value", {"is_reopened": False}, reopen_count="twice"),
    accepted("support_tickets", {"is_reopened": True}, reopen_count="1.0"),
    blanked("support_tickets", "out_of_range", {"csat_score": None}, csat_score="0"),
    blanked("support_tickets", "out_of_range", {"csat_score": None}, csat_score="5.1"),
    blanked("support_tickets", "bad_value", {"csat_score": None}, csat_score="good"),
    blanked("support_tickets", "bad_value", {"csat_score": None}, csat_score="NaN"),
    accepted("support_tickets", {"csat_score": Decimal("4.5")}, csat_score="4.5"),
]

RANGE_CASES = [
    *(rejected("survey_responses", "out_of_range", score=v) for v in ("11", "-1", "7.5", "999")),
    *(rejected("survey_responses", "bad_value", score=v) for v in ("ten", "NaN", "inf", "1e308")),
    *(accepted("survey_responses", {"score": int(v)}, score=v) for v in ("0", "10")),
    accepted("survey_responses", {"score": 7}, score="7.0"),
    *(
        rejected("survey_responses", "out_of_range", survey_type="csat", score=v)
        for v in ("0", "0.9", "5.5", "6")
    ),
    accepted("survey_responses", {"score": Decimal("3.5")}, survey_type="csat", score="3.5"),
    *(rejected("csm_assessments", "out_of_range", sentiment=v) for v in ("4.5", "0", "6", "-1")),
    *(rejected("csm_assessments", "bad_value", sentiment=v) for v in ("good", "NaN", "1e308")),
    accepted("csm_assessments", {"sentiment": 5}, sentiment="5.0"),
    *(rejected("score_overrides", "out_of_range", score=v) for v in ("101", "100.01", "-1")),
    *(rejected("score_overrides", "bad_value", score=v) for v in ("high", "NaN", "Infinity")),
    *(
        accepted("score_overrides", {"score": Decimal(v)}, score=v)
        for v in ("0", "100", "100.00", "72.5")
    ),
    rejected(
        "score_overrides", "override_too_long", starts_at="2026-01-01", expires_at="2026-04-02"
    ),
    accepted("score_overrides", starts_at="2026-01-01", expires_at="2026-04-01"),
    accepted("score_overrides", starts_at="2026-01-01 00:00", expires_at="2026-04-01 23:59"),
    rejected(
        "score_overrides",
        "override_too_long",
        starts_at="2026-01-01 23:59",
        expires_at="2026-04-02 00:00",
    ),
]

WORD_CASES = [
    blanked("support_tickets", "unknown_value", {"priority": None}, priority="blocker"),
    blanked("support_tickets", "unknown_value", {"is_urgent": False}, priority="urgent!"),
    accepted("support_tickets", {"priority": "High", "is_urgent": True}, priority=" High "),
    accepted("support_tickets", {"priority": "URGENT", "is_urgent": True}, priority="URGENT"),
    rejected("survey_responses", "unknown_value", survey_type="effort"),
    rejected("survey_responses", "unknown_value", survey_type="effort", score="999"),
    accepted("survey_responses", {"survey_type": "nps"}, survey_type=" NPS\u00a0"),
    rejected("invoices", "unknown_value", kind="deposit"),
    accepted("invoices", {"kind": "one_off"}, kind="One_Off"),
    blanked("subscriptions", "unknown_currency", {"mrr": None}, mrr="100", currency="XXX"),
    accepted("subscriptions", {"mrr": None}, mrr="", currency="XXX"),
    accepted("subscriptions", {"mrr": Decimal("110")}, mrr="100", currency=" eur "),
    blanked("subscriptions", "out_of_range", {"mrr": None}, mrr="-5", currency="XXX"),
    blanked("subscriptions", "bad_value", {"mrr": None}, mrr="NaN", currency="XXX"),
    blanked("subscriptions", "bad_value", {"mrr": None}, mrr="950000000000", currency="EUR"),
    rejected("invoices", "unknown_currency", currency="XXX"),
    rejected("invoices", "bad_value", amount="950000000000", currency="EUR"),
    accepted("invoices", {"amount": Decimal("127")}, currency="gbp"),
    *(
        accepted("accounts", {"is_test": truth}, is_test=text)
        for truth, texts in {
            True: ("true", "TRUE", "1", "Yes", " yes "),
            False: ("no", "0", "False"),
        }.items()
        for text in texts
    ),
    *(
        blanked("accounts", "bad_value", {"is_test": False}, is_test=text)
        for text in ("maybe", "2", "t", "y", "on", "1.0")
    ),
    blanked("subscriptions", "bad_value", {"is_trial": False}, is_trial="perhaps"),
    blanked("subscriptions", "bad_value", {"auto_renew": None}, auto_renew="perhaps"),
    accepted("subscriptions", {"auto_renew": True}, auto_renew="YES"),
]

# The account of a row: `lost` has no row, `bad` has a rejected one, `Cases` is not `cases`.
ACCOUNT_CASES = [
    *(
        rejected(name, "unknown_account", account_id=account)
        for name in INPUTS[1:]
        for account in ("lost", "bad")
    ),
    rejected("subscriptions", "unknown_account", account_id="Cases"),
    rejected("subscriptions", "unknown_account", account_id="7"),
    rejected("subscriptions", "unknown_account", account_id="0"),
    *(
        accepted(name, account_id=account)
        for name in INPUTS[1:]
        for account in ("test account", "deleted account")
    ),
    *(
        accepted("subscriptions", {"account_id": account}, account_id=text)
        for text, account in {
            "007": "007",
            " cases ": "cases",
            "\tcases\u00a0": "cases",
            "\U0001f680 \u00fcber": "\U0001f680 \u00fcber",
            "Twin": "Twin",
            "twin": "twin",
        }.items()
    ),
]

LONG_NAME = "x" * 9_999 + "y"
ODD_TEXTS = (
    "'; drop table x; --",
    "{{ 1/0 }}",
    "{% raise %}",
    "${HOME} $(id) %s {0}",
    'a "quoted", name',
    "two\nlines",
    "return\r\nfeed",
    "=1+1",
    "<script>alert(1)</script>",
    "back\\slash \\n",
    "\u00c5ngstr\u00f6m \u65e5\u672c \U0001f680",
    "a  b",
    "nullable",
    "--",
    LONG_NAME,
)
TEXT_CASES = [
    *(accepted("accounts", {"account_name": text}, account_name=text) for text in ODD_TEXTS),
    *(accepted("subscriptions", {"plan": text}, plan=text) for text in ODD_TEXTS),
    *(accepted("usage_events", {"feature": text}, feature=text) for text in ODD_TEXTS),
    accepted("accounts", {"account_name": "trimmed"}, account_name="\u2003\t trimmed \u00a0\n"),
    accepted("accounts", {"account_id": "'; drop table y; --"}, account_id="'; drop table y; --"),
    accepted("accounts", {"account_id": "{{ 2/0 }}"}, account_id="{{ 2/0 }}"),
    accepted("accounts", {"account_id": "1e3"}, account_id="1e3"),
    accepted("accounts", {"account_id": "00"}, account_id="00"),
    accepted("usage_events", user_id=PERSONAL),
    accepted("survey_responses", user_id=PERSONAL),
    accepted("csm_assessments", author=PERSONAL, note=f"call {PERSONAL}"),
    rejected("csm_assessments", "out_of_range", sentiment="9", author=PERSONAL, note=PERSONAL),
    accepted("score_overrides", reason=f"asked by {PERSONAL}", author=PERSONAL),
    rejected("score_overrides", "out_of_range", score="101", reason=PERSONAL, author=PERSONAL),
    rejected("usage_events", "unknown_account", account_id="lost", user_id=PERSONAL),
]

# For every input, one fault per reason, in the order of the reasons. A row with two of them is
# rejected for the first. Faults of the same cell cannot meet.
FAULTS: dict[str, list[tuple[str, dict[str, str]]]] = {
    "accounts": [
        ("missing_key", {"account_id": ""}),
        ("missing_value", {"created_at": ""}),
        ("bad_value", {"deleted_at": "soon"}),
        ("out_of_time", {"updated_at": "2100-01-01"}),
        ("end_before_start", {"created_at": "2025-02-01", "deleted_at": "2025-01-01"}),
    ],
    "subscriptions": [
        ("missing_key", {"subscription_id": ""}),
        ("missing_account_id", {"account_id": ""}),
        ("missing_value", {"started_at": ""}),
        ("bad_value", {"ended_at": "soon"}),
        ("out_of_time", {"updated_at": "2100-01-01"}),
        ("end_before_start", {"started_at": "2025-02-01", "ended_at": "2025-01-01"}),
        ("unknown_account", {"account_id": "lost"}),
    ],
    "usage_events": [
        ("missing_key", {"event_id": ""}),
        ("missing_account_id", {"account_id": ""}),
        ("missing_value", {"feature": ""}),
        ("bad_value", {"event_at": "soon"}),
        ("out_of_time", {"event_at": "2100-01-01"}),
        ("unknown_account", {"account_id": "lost"}),
    ],
    "support_tickets": [
        ("missing_key", {"ticket_id": ""}),
        ("missing_account_id", {"account_id": ""}),
        ("missing_value", {"opened_at": ""}),
        ("bad_value", {"solved_at": "soon"}),
        ("out_of_time", {"first_response_at": "2100-01-01"}),
        ("end_before_start", {"opened_at": "2025-02-01", "solved_at": "2025-01-01"}),
        ("unknown_account", {"account_id": "lost"}),
    ],
    "survey_responses": [
        ("missing_key", {"response_id": ""}),
        ("missing_account_id", {"account_id": ""}),
        ("missing_value", {"survey_type": ""}),
        ("bad_value", {"score": "ten"}),
        ("out_of_time", {"responded_at": "2100-01-01"}),
        ("out_of_range", {"score": "11"}),
        ("unknown_account", {"account_id": "lost"}),
    ],
    "invoices": [
        ("missing_key", {"invoice_id": ""}),
        ("missing_account_id", {"account_id": ""}),
        ("missing_value", {"issued_at": ""}),
        ("bad_value", {"amount": "NaN"}),
        ("out_of_time", {"paid_at": "2100-01-01"}),
        ("unknown_value", {"kind": "deposit"}),
        ("unknown_currency", {"currency": "XXX"}),
        ("unknown_account", {"account_id": "lost"}),
    ],
    "csm_assessments": [
        ("missing_key", {"assessment_id": ""}),
        ("missing_account_id", {"account_id": ""}),
        ("missing_value", {"assessed_at": ""}),
        ("bad_value", {"sentiment": "good"}),
        ("out_of_time", {"assessed_at": "2100-01-01"}),
        ("out_of_range", {"sentiment": "4.5"}),
        ("unknown_account", {"account_id": "lost"}),
    ],
    "score_overrides": [
        ("missing_key", {"override_id": ""}),
        ("missing_account_id", {"account_id": ""}),
        ("missing_value", {"author": ""}),
        ("bad_value", {"score": "high"}),
        ("out_of_time", {"starts_at": "1900-01-01"}),
        ("end_before_start", {"starts_at": "2026-02-01", "expires_at": "2026-01-01"}),
        ("out_of_range", {"score": "101"}),
        ("override_too_long", {"starts_at": "2026-02-01", "expires_at": "2027-01-01"}),
        ("unknown_account", {"account_id": "lost"}),
    ],
}
ORDER_CASES = [
    *(
        rejected(name, first, **(first_cells | second_cells))
        for name, faults in FAULTS.items()
        for position, (first, first_cells) in enumerate(faults)
        for _, second_cells in faults[position + 1 :]
        if not first_cells.keys() & second_cells.keys()
    ),
    # One cell, two faults.
    rejected("subscriptions", "out_of_time", ended_at="1900-01-01"),
    rejected("support_tickets", "out_of_time", solved_at="1900-01-01"),
    rejected("score_overrides", "out_of_time", expires_at="1900-01-01"),
    rejected("survey_responses", "unknown_value", survey_type="effort", score="11"),
    # Several faults of one kind: the first column in the order of the contract.
    Case("score_overrides", {"author": "", "reason": ""}, "missing_value", "reason"),
    Case("subscriptions", {"ended_at": "x", "started_at": "x"}, "bad_value", "started_at"),
    Case(
        "support_tickets",
        {"updated_at": "1900-01-01", "first_response_at": "1900-01-01"},
        "out_of_time",
        "first_response_at",
    ),
    # The cells of rejected rows are not listed.
    rejected("subscriptions", "unknown_account", account_id="lost", seats="ten", mrr="-1"),
    rejected("usage_events", "missing_value", feature="-", event_count="0", duration_seconds="x"),
    rejected("support_tickets", "bad_value", solved_at="soon", csat_score="9", priority="blocker"),
    rejected("accounts", "missing_key", account_id="?", is_test="maybe", updated_at="soon"),
    # Several cells of one kept row, each with its own reason.
    Case(
        "subscriptions",
        {"seats": "ten", "mrr": "-1", "is_trial": "maybe", "term_ends_at": "soon"},
        blanked={
            "seats": "bad_value",
            "mrr": "out_of_range",
            "is_trial": "bad_value",
            "term_ends_at": "bad_value",
        },
        values={"seats": None, "mrr": None, "is_trial": False, "term_ends_on": None},
    ),
    Case(
        "support_tickets",
        {"priority": "blocker", "csat_score": "0", "reopen_count": "-1", "updated_at": "soon"},
        blanked={
            "priority": "unknown_value",
            "csat_score": "out_of_range",
            "reopen_count": "out_of_range",
            "updated_at": "bad_value",
        },
    ),
]

CASES = [
    *NULL_CASES,
    *REQUIRED_CASES,
    *TIME_CASES,
    *NUMBER_CASES,
    *RANGE_CASES,
    *WORD_CASES,
    *ACCOUNT_CASES,
    *TEXT_CASES,
    *ORDER_CASES,
]


@dataclass(frozen=True)
class Versions:
    """Rows with one key, in the order of the file, and what the accepted one shows in staging."""

    input: str
    title: str
    rows: list[dict[str, str]]
    winner: dict[str, Any]
    rejected: int = 0
    blanked_cells: int = 0


OLD, NEW = "2026-01-01", "2026-02-01"
VERSIONS = [
    Versions(
        "subscriptions",
        "the newest updated_at wins, also against a later _loaded_at",
        [
            {"plan": "new", "updated_at": NEW, "_loaded_at": OLD},
            {"plan": "old", "updated_at": OLD, "_loaded_at": NEW},
        ],
        {"plan": "new"},
    ),
    Versions(
        "subscriptions",
        "no updated_at is the oldest",
        [
            {"plan": "dated", "updated_at": OLD, "_loaded_at": OLD},
            {"plan": "undated", "updated_at": "", "_loaded_at": NEW},
        ],
        {"plan": "dated"},
    ),
    Versions(
        "subscriptions",
        "a blanked updated_at counts as none",
        [
            {"plan": "unreadable", "updated_at": "soon", "_loaded_at": NEW},
            {"plan": "dated", "updated_at": OLD, "_loaded_at": OLD},
        ],
        {"plan": "dated"},
        blanked_cells=1,
    ),
    Versions(
        "subscriptions",
        "then the newest _loaded_at wins, whichever stands first",
        [
            {"plan": "late", "seats": "1", "updated_at": NEW, "_loaded_at": NEW},
            {"plan": "zebra", "seats": "9", "updated_at": NEW, "_loaded_at": OLD},
        ],
        {"plan": "late"},
    ),
    Versions(
        "subscriptions",
        "the same instant in two zones is a tie",
        [
            {"plan": "late", "updated_at": "2026-02-01T10:00:00Z", "_loaded_at": NEW},
            {"plan": "early", "updated_at": "2026-02-01 15:30+05:30", "_loaded_at": OLD},
        ],
        {"plan": "late"},
    ),
    Versions(
        "subscriptions",
        "then the largest row wins: numbers as numbers",
        [{"seats": "9", "_loaded_at": OLD}, {"seats": "10", "_loaded_at": OLD}],
        {"seats": 10},
    ),
    Versions(
        "subscriptions",
        "the largest row: column by column in the order of the contract",
        [
            {"plan": "b", "seats": "1", "_loaded_at": OLD},
            {"plan": "a", "seats": "99", "_loaded_at": OLD},
        ],
        {"plan": "b", "seats": 1},
    ),
    Versions(
        "subscriptions",
        "the largest row: null is the smallest",
        [
            {"plan": "", "seats": "99", "_loaded_at": OLD},
            {"plan": "A", "seats": "1", "_loaded_at": OLD},
        ],
        {"plan": "A", "seats": 1},
    ),
    Versions(
        "subscriptions",
        "the largest row: text by code point",
        [{"plan": "a", "_loaded_at": OLD}, {"plan": "Z", "_loaded_at": OLD}],
        {"plan": "a"},
    ),
    Versions(
        "subscriptions",
        "the largest row: true is above false, and false above null",
        [
            {"auto_renew": "", "_loaded_at": OLD},
            {"auto_renew": "no", "_loaded_at": OLD},
            {"auto_renew": "yes", "_loaded_at": OLD},
        ],
        {"auto_renew": True},
    ),
    Versions(
        "subscriptions",
        "the largest row: a blanked cell is null",
        [{"seats": "-5", "_loaded_at": OLD}, {"seats": "0", "_loaded_at": OLD}],
        {"seats": 0},
        blanked_cells=1,
    ),
    Versions(
        "subscriptions",
        "the account is part of the row",
        [
            {"account_id": "cases", "plan": "b", "_loaded_at": OLD},
            {"account_id": "twin", "plan": "a", "_loaded_at": OLD},
        ],
        {"account_id": "twin", "plan": "a"},
    ),
    Versions(
        "subscriptions",
        "a rejected version does not win, however new",
        [
            {"plan": "good", "updated_at": OLD},
            {"plan": "bad", "updated_at": NEW, "started_at": "soon"},
        ],
        {"plan": "good"},
        rejected=1,
    ),
    Versions(
        "subscriptions",
        "rows that are the same three times",
        [{"_loaded_at": OLD}, {"_loaded_at": OLD}, {"_loaded_at": OLD}],
        {"plan": "team"},
    ),
    Versions(
        "accounts",
        "accounts, too",
        [
            {"account_name": "Old", "updated_at": OLD},
            {"account_name": "New", "updated_at": NEW},
        ],
        {"account_name": "New"},
    ),
    Versions(
        "support_tickets",
        "no _loaded_at is the first business timestamp",
        [
            {"priority": "low", "opened_at": "2026-02-13", "_loaded_at": ""},
            {"priority": "high", "opened_at": "2026-02-01", "_loaded_at": "2026-02-12"},
        ],
        {"priority": "low", "loaded_at": moment("2026-02-13")},
    ),
    Versions(
        "support_tickets",
        "an unreadable _loaded_at counts as none and rejects nothing",
        [
            {"priority": "low", "opened_at": "2026-02-13", "_loaded_at": "last night"},
            {"priority": "high", "opened_at": "2026-02-01", "_loaded_at": "1900-01-01"},
        ],
        {"priority": "low"},
    ),
    Versions(
        "invoices",
        "invoices, too",
        [{"paid_at": "", "updated_at": OLD}, {"paid_at": "2026-02-20", "updated_at": NEW}],
        {"paid_on": date(2026, 2, 20)},
    ),
    Versions(
        "survey_responses",
        "without updated_at the newest _loaded_at wins",
        [{"score": "3", "_loaded_at": NEW}, {"score": "9", "_loaded_at": OLD}],
        {"score": 3},
    ),
    Versions(
        "csm_assessments",
        "the largest row: columns that are read for this alone decide, too",
        [
            {"sentiment": "4", "author": "b", "note": "x", "assessed_at": "2026-02-13"},
            {"sentiment": "5", "author": "a", "note": "y", "assessed_at": "2026-02-12"},
        ],
        {"sentiment": 4},
    ),
    Versions(
        "score_overrides",
        "overrides, too",
        [{"score": "60", "_loaded_at": OLD}, {"score": "50", "_loaded_at": NEW}],
        {"score": 50},
    ),
]


@dataclass(frozen=True)
class Events:
    """Usage rows of one account of its own, {n} its number, and what of them arrives in the daily
    facts: (day, feature, events, duration, accepted rows, duplicate rows)."""

    title: str
    rows: list[dict[str, str]]
    days: list[tuple[str, str, int, int | None, int, int]]
    blanked_cells: int = 0


EVENTS = [
    Events(
        "the same id on two days is two events",
        [
            {"event_id": "e{n}", "event_at": "2026-02-13"},
            {"event_id": "e{n}", "event_at": "2026-02-14"},
        ],
        [("2026-02-13", "login", 1, None, 1, 0), ("2026-02-14", "login", 1, None, 1, 0)],
    ),
    Events(
        "the same id twice on a day is one event, and the newest _loaded_at wins",
        [
            {"event_id": "e{n}", "feature": "late", "event_count": "2", "_loaded_at": NEW},
            {"event_id": "e{n}", "feature": "zebra", "event_count": "9", "_loaded_at": OLD},
        ],
        [("2026-02-13", "late", 2, None, 1, 1)],
    ),
    Events(
        "the day is the day in UTC",
        [
            {"event_id": "e{n}", "event_at": "2026-02-13T23:30:00-02:00", "_loaded_at": NEW},
            {"event_id": "e{n}", "event_at": "2026-02-14T05:00:00", "_loaded_at": OLD},
        ],
        [("2026-02-14", "login", 1, None, 1, 1)],
    ),
    Events(
        "then the largest row wins, column by column, null the smallest",
        [
            {"event_id": "e{n}", "duration_seconds": "9", "event_count": "7", "_loaded_at": OLD},
            {"event_id": "e{n}", "duration_seconds": "10", "event_count": "3", "_loaded_at": OLD},
            {"event_id": "e{n}", "duration_seconds": "", "event_count": "8", "_loaded_at": OLD},
        ],
        [("2026-02-13", "login", 3, 10, 1, 2)],
    ),
    Events(
        "a blanked cell is the smallest, below 0",
        [
            {"event_id": "e{n}", "duration_seconds": "-9", "event_count": "7", "_loaded_at": OLD},
            {"event_id": "e{n}", "duration_seconds": "0", "event_count": "3", "_loaded_at": OLD},
        ],
        [("2026-02-13", "login", 3, 0, 1, 1)],
        blanked_cells=1,
    ),
    Events(
        "a rejected version does not win, however new",
        [
            {"event_id": "e{n}", "event_count": "2", "_loaded_at": OLD},
            {"event_id": "e{n}", "feature": "?", "_loaded_at": NEW},
        ],
        [("2026-02-13", "login", 2, None, 1, 0)],
    ),
    Events(
        "a blanked event_count counts as one event",
        [{"event_id": "e{n}", "event_count": "0"}],
        [("2026-02-13", "login", 1, None, 1, 0)],
        blanked_cells=1,
    ),
    Events(
        "ids that differ by case are different, white space around them does not count",
        [
            {"event_id": "e{n}", "_loaded_at": OLD},
            {"event_id": " e{n}\u00a0", "_loaded_at": OLD},
            {"event_id": "E{n}", "_loaded_at": OLD},
        ],
        [("2026-02-13", "login", 2, None, 2, 1)],
    ),
]


# --------------------------------------------------------------------------------- building


Row = dict[str, str | None]


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, str | None]]) -> Iterable[str]:
    """Header and rows as CSV, quoted where need be."""
    for cells in [columns, *([row.get(column) or "" for column in columns] for row in rows)]:
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        yield line.getvalue().removesuffix("\r\n")


def loaded_at(number: int) -> datetime:
    return datetime(2026, 3, 1) + timedelta(seconds=number)


def row_of(name: str, number: int, cells: Mapping[str, str | None]) -> Row:
    """A good row with those cells, a key and a `_loaded_at` of its own."""
    key = {KEYS[name]: f"{name}-{number}"}
    account = {} if name == "accounts" else {"account_id": "cases"}
    return {**account, **key, **GOOD[name], "_loaded_at": str(loaded_at(number)), **cells}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workshop")


def build_in(workshop: Path, name: str, raw: Path, *more: str, earlier: Run | None = None) -> Run:
    """Build a raw folder; on the warehouse of an earlier run, else on none.

    All builds run in one place, so that dbt need not read the project anew for each; what one
    leaves behind is kept in the folder `name`.
    """
    place = workshop / name
    place.mkdir()
    kept, shared = place / "warehouse.duckdb", workshop / "shared" / "warehouse.duckdb"
    if earlier:
        shutil.copy(earlier.warehouse, shared)
    logs = {"DBT_LOG_PATH": str(place / "logs")}
    run = build(raw, shared.parent, *more, variables=VARIABLES, environment=logs)
    if shared.exists():
        shared.rename(kept)
    shutil.copytree(shared.parent / "target", place / "target")
    return replace(run, warehouse=kept)


@dataclass
class Built:
    """A finished build and how many raw rows were written for it, by input."""

    run: Run
    written: Counter[str]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.run.rows(sql)

    def value(self, sql: str) -> Any:
        [(value,)] = self.rows(sql)
        return value


def records(run: Run, sql: str) -> list[dict[str, Any]]:
    """The rows of a query as dicts."""
    with duckdb.connect(str(run.warehouse), read_only=True) as connection:
        found = connection.execute(sql)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def build_rows(
    workshop: Path, raw: Path, rows: Mapping[str, Sequence[Row]], extra_rows: Mapping[str, int]
) -> Built:
    """Write CSV rows beside what lies in the raw folder, and build it."""
    for name, input_rows in rows.items():
        write_csv(raw, name, csv_lines(COLUMNS[name], input_rows))
    run = build_in(workshop, raw.name, raw)
    assert run.returncode == 0, run.output[-3000:]
    written = Counter({name: len(input_rows) for name, input_rows in rows.items()})
    written.update(extra_rows)
    return Built(run, written)


@dataclass(frozen=True)
class Verdict:
    """What became of one row: its status, its row in staging, its rows in rejected_records."""

    status: str
    staged: dict[str, Any]
    refused: list[dict[str, Any]]


def verdicts(run: Run) -> dict[tuple[str, datetime], Verdict]:
    """The verdicts by input and `_loaded_at`, of the rows that are alone with theirs."""
    refused: dict[tuple[str, datetime], list[dict[str, Any]]] = {}
    for record in records(run, "select * from marts.rejected_records"):
        refused.setdefault((record["input"], record["loaded_at"]), []).append(record)
    found = {}
    for name in INPUTS:
        for staged in records(run, f"select * from staging.stg_{name}"):
            valid = "rejected" if staged["rejection_reason"] else "accepted"
            at = (name, staged["loaded_at"])
            found[at] = Verdict(staged.get("record_status", valid), staged, refused.get(at, []))
    return found


def check_case(case: Case, row: Mapping[str, str | None], verdict: Verdict) -> None:
    """The row became what the case says, and rejected_records says so, no more and no less."""
    assert verdict.staged["rejection_reason"] == case.rejected
    assert verdict.status == ("rejected" if case.rejected else "accepted")
    listed = {(one["action"], one["reason"], one["column_name"]) for one in verdict.refused}
    if case.rejected:
        assert listed == {("row_rejected", case.rejected, case.column)}
    else:
        assert listed == {
            ("cell_blanked", reason, column) for column, reason in case.blanked.items()
        }
    assert len(verdict.refused) == len(listed)
    for record in verdict.refused:
        assert record["record_key"] == text_or_none(row[KEYS[case.input]])
        assert record["account_id"] == text_or_none(row["account_id"])
    assert {column: verdict.staged[column] for column in case.values} == case.values


def text_or_none(cell: str | None) -> str | None:
    text = (cell or "").strip()
    return None if text.lower() in ("", "null", "none", "n/a", "?", "-") else text


# ------------------------------------------------------------ everything at once, one build

# 40 days of six accounts, then silence, but for one event months later.
FEED_DAYS = [date(2026, 2, 9) + timedelta(days=n) for n in range(40)]
LAST_FEED_DAY = FEED_DAYS[-1]
CROWD = [f"crowd {n}" for n in range(1, 7)]


def base_rows() -> dict[str, list[Row]]:
    """What the cases need around them. Numbers from 100,000 on, apart from the cases."""
    accounts: list[Row] = [
        {"account_id": name} for name in ("cases", "007", "Twin", "twin", "\U0001f680 \u00fcber")
    ]
    accounts += [
        {"account_id": "bad", "created_at": "soon"},
        {"account_id": "test account", "is_test": "yes"},
        {"account_id": "deleted account", "deleted_at": "2026-01-01"},
        {"account_id": "no users"},
        {"account_id": "silent"},
        *({"account_id": name} for name in CROWD),
        *({"account_id": f"feed {n}"} for n in range(len(EVENTS))),
    ]
    events: list[Row] = [
        {"event_id": f"base {account} {day}", "account_id": account, "event_at": str(day)}
        for day in FEED_DAYS
        for account in CROWD
    ]
    events += [
        {"account_id": "no users", "user_id": "n/a", "event_at": str(LAST_FEED_DAY)},
        {"account_id": "no users", "user_id": "", "event_at": str(LAST_FEED_DAY)},
        {"account_id": "crowd 1", "event_at": "2026-06-29"},
    ]
    subscriptions: list[Row] = [
        {"account_id": name} for name in ("no users", "silent", *CROWD, "test account")
    ]
    subscriptions.append({"account_id": "deleted account"})
    base = {"accounts": accounts, "subscriptions": subscriptions, "usage_events": events}
    return {
        name: [row_of(name, 100_000 + n, cells) for n, cells in enumerate(rows)]
        for name, rows in base.items()
    }


# More files in the same folders, each with something odd about it: {input: {file: content}}, and
# the keys that have to arrive.
ODD_FILES: dict[str, dict[str, bytes]] = {
    "support_tickets": {
        "other order.csv": b"opened_at,priority,account_id,ticket_id\n"
        b"2026-02-13,high,cases,other order\n",
        "more columns.csv": b"ticket_id,subject,account_id,opened_at,sub'ject\n"
        b'more columns,"Help, please",cases,2026-02-13,it\'s\n',
        "no rows.csv": b"ticket_id,account_id,opened_at\n",
        "no rows, no line end.csv": b"ticket_id,account_id,opened_at",
        "notes.txt": b"not an input\n",
    },
    "survey_responses": {
        "bom.csv": b"\xef\xbb\xbfresponse_id,account_id,responded_at,survey_type,score\n"
        b"bom,cases,2026-02-13,nps,9\n",
        "crlf.csv": b"response_id,account_id,responded_at,survey_type,score\r\n"
        b"crlf 1,cases,2026-02-13,nps,9\r\ncrlf 2,cases,2026-02-13,csat,5",
        "upper case.CSV": b'"Response_ID", ACCOUNT_ID ,"responded_at",Survey_Type,SCORE\n'
        b"upper case,cases,2026-02-13,nps,9\n",
        "blank lines.csv": b"response_id,account_id,responded_at,survey_type,score\n"
        b"\nblank lines 1,cases,2026-02-13,nps,9\n\nblank lines 2,cases,2026-02-13,nps,9\n\n",
    },
    "csm_assessments": {
        "quoted.csv": b"assessment_id,account_id,assessed_at,sentiment,note\n"
        b'quoted 1,cases,2026-02-13,4,"one, two\nthree ""four""\r\n\nfive"\n'
        b'"quoted 2","cases","2026-02-13","4","a;b"\n',
    },
}
ODD_KEYS = {
    "support_tickets": ["other order", "more columns"],
    "survey_responses": [
        *("bom", "crlf 1", "crlf 2", "upper case", "blank lines 1", "blank lines 2")
    ],
    "csm_assessments": ["quoted 1", "quoted 2"],
}


def version_rows(number: int, versions: Versions) -> list[Row]:
    key = {KEYS[versions.input]: f"versions {number}"}
    return [
        row_of(versions.input, 200_000 + 10 * number, {**key, **cells}) for cells in versions.rows
    ]


def event_rows(number: int, events: Events) -> list[Row]:
    account = {"account_id": f"feed {number}"}
    return [
        row_of(
            "usage_events",
            300_000,
            {**account, **cells, "event_id": cells["event_id"].replace("{n}", str(number))},
        )
        for cells in events.rows
    ]


@pytest.fixture(scope="module")
def everything(workshop: Path) -> Built:
    """All cases, versions and odd files in one raw folder, built once."""
    raw = workshop / "raw" / "everything"
    rows = {name: base_rows().get(name, []) for name in INPUTS}
    for number, case in enumerate(CASES):
        rows[case.input].append(row_of(case.input, number, case.cells))
    for number, versions in enumerate(VERSIONS):
        rows[versions.input] += version_rows(number, versions)
    for number, events in enumerate(EVENTS):
        rows["usage_events"] += event_rows(number, events)
    for name, files in ODD_FILES.items():
        (raw / name).mkdir(parents=True)
        for file, content in files.items():
            (raw / name / file).write_bytes(content)
    return build_rows(workshop, raw, rows, {name: len(keys) for name, keys in ODD_KEYS.items()})


@pytest.fixture(scope="module")
def everything_verdicts(everything: Built) -> dict[tuple[str, datetime], Verdict]:
    return verdicts(everything.run)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n].name)
def test_a_row_becomes_what_the_contract_says(
    number: int, everything_verdicts: dict[tuple[str, datetime], Verdict]
) -> None:
    case = CASES[number]
    row = row_of(case.input, number, case.cells)
    check_case(case, row, everything_verdicts[case.input, loaded_at(number)])


def expected_totals(name: str) -> dict[str, int]:
    """What reconciliation has to say of the build of everything, from the tables above."""
    cases = [case for case in CASES if case.input == name]
    versions = [versions for versions in VERSIONS if versions.input == name]
    events = EVENTS if name == "usage_events" else []
    days = [day for one in events for day in one.days]
    base = len(base_rows().get(name, []))
    rejected_rows = (
        sum(case.rejected is not None for case in cases)
        + sum(one.rejected for one in versions)
        + sum(len(one.rows) for one in events)
        - sum(accepted_rows + duplicates for *_, accepted_rows, duplicates in days)
        + (name == "accounts")  # the account `bad`
    )
    duplicates = sum(len(one.rows) - 1 - one.rejected for one in versions) + sum(
        day[-1] for day in days
    )
    raw = (
        base
        + len(cases)
        + sum(len(one.rows) for one in [*versions, *events])
        + len(ODD_KEYS.get(name, []))
    )
    return {
        "raw_rows": raw,
        "accepted_rows": raw - duplicates - rejected_rows,
        "duplicate_rows": duplicates,
        "rejected_rows": rejected_rows,
        "blanked_cells": sum(len(case.blanked) for case in cases)
        + sum(one.blanked_cells for one in [*versions, *events]),
    }


@pytest.mark.parametrize("name", INPUTS)
def test_rejected_duplicate_and_blanked_are_counted(name: str, everything: Built) -> None:
    [found] = records(
        everything.run, f"select * from marts.source_reconciliation where input = '{name}'"
    )
    assert found == {"input": name, **expected_totals(name)}


@pytest.mark.parametrize(
    "number", range(len(VERSIONS)), ids=lambda n: f"{VERSIONS[n].input}: {VERSIONS[n].title}"
)
def test_one_version_of_a_key_wins(number: int, everything: Built) -> None:
    versions = VERSIONS[number]
    staged = records(
        everything.run,
        f"select * from staging.stg_{versions.input}"
        f" where {KEYS[versions.input]} = 'versions {number}'",
    )
    assert Counter(row["record_status"] for row in staged) == Counter(
        accepted=1,
        duplicate=len(versions.rows) - 1 - versions.rejected,
        rejected=versions.rejected,
    )
    [winner] = [row for row in staged if row["record_status"] == "accepted"]
    assert {column: winner[column] for column in versions.winner} == versions.winner


@pytest.mark.parametrize("number", range(len(EVENTS)), ids=lambda n: EVENTS[n].title)
def test_an_event_sent_twice_counts_once(number: int, everything: Built) -> None:
    found = everything.rows(
        "select cast(activity_date as varchar), feature, events, duration_seconds, accepted_rows,"
        f" duplicate_rows from activity.usage_activity_daily where account_id = 'feed {number}'"
        " order by all"
    )
    assert found == EVENTS[number].days


@pytest.mark.parametrize("name", ODD_KEYS)
def test_every_file_of_a_folder_is_read(name: str, everything: Built) -> None:
    """Other column orders, more or fewer columns, a byte-order mark, CRLF, quoted line breaks."""
    keys = ODD_KEYS[name]
    found = everything.rows(
        f"select {KEYS[name]} from staging.stg_{name} where record_status = 'accepted'"
        f" and {KEYS[name]} in ({', '.join(repr(key) for key in keys)}) order by 1"
    )
    assert [row[0] for row in found] == sorted(keys)


def test_a_column_that_one_file_lacks_is_null_there_alone(everything: Built) -> None:
    found = everything.rows(
        "select ticket_id, priority from staging.stg_support_tickets"
        " where ticket_id in ('other order', 'more columns') order by 1"
    )
    assert found == [("more columns", None), ("other order", "high")]


def test_a_stray_event_does_not_move_the_as_of_date(everything: Built) -> None:
    found = everything.rows(
        "select distinct as_of_date, feed_first_date, data_through from metrics.score_dates"
    )
    assert found == [(LAST_FEED_DAY, FEED_DAYS[0], LAST_FEED_DAY)]


def test_events_without_users_leave_licence_utilisation_unknown(everything: Built) -> None:
    found = everything.rows(
        "select account_id, licence_utilisation_28d, stickiness_28d, active_days_28d"
        " from metrics.metrics_usage"
        f" where score_date = date '{LAST_FEED_DAY}' and account_id in ('no users', 'silent')"
        " order by 1"
    )
    assert found == [("no users", None, None, 1), ("silent", 0, None, 0)]


def test_test_and_deleted_accounts_are_known_but_not_scored(everything: Built) -> None:
    found = everything.rows(
        "select account_id, not_scored_reason from marts.dim_accounts"
        " where account_id in ('test account', 'deleted account') order by 1"
    )
    assert found == [("deleted account", "deleted"), ("test account", "test_account")]


@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_text_reaches_the_marts_as_it_is(text: str, everything: Built) -> None:
    names = everything.rows("select account_name from marts.dim_accounts")
    assert (text,) in names


def test_account_ids_keep_zeros_case_and_symbols(everything: Built) -> None:
    ids = {row[0] for row in everything.rows("select account_id from marts.dim_accounts")}
    assert {"007", "00", "1e3", "Twin", "twin", "\U0001f680 \u00fcber", "{{ 2/0 }}"} <= ids
    assert not ids & {"7", "0", "1000"}


def test_personal_data_are_in_no_mart(everything: Built) -> None:
    columns = everything.rows(
        "select table_schema || '.' || table_name, column_name from information_schema.columns"
        " where table_schema in ('marts', 'metrics')"
    )
    tables = sorted({table for table, _ in columns})
    assert len(tables) > 8
    assert not {"user_id", "email", "author", "note"} & {column for _, column in columns}
    holding = " union all ".join(
        f"select '{table}' from {table} as t where cast(t as varchar) ilike '%{PERSONAL}%'"
        for table in tables
    )
    assert everything.rows(holding) == []


def files_with(folder: Path, text: str) -> list[str]:
    """Names of the files below a folder, but for the warehouse, that hold the text."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".duckdb" and text.encode() in path.read_bytes()
    ]


def test_personal_data_are_in_no_log(everything: Built) -> None:
    place = everything.run.warehouse.parent
    assert (place / "logs" / "dbt.log").stat().st_size > 10_000
    assert PERSONAL not in everything.run.output
    assert files_with(place, PERSONAL) == []


# --------------------------------------------------------------------------- typed Parquet

TYPES = {
    "accounts": "account_id bigint, account_name varchar, created_at date, is_test boolean,"
    " updated_at timestamptz, deleted_at timestamp",
    "subscriptions": "subscription_id integer, account_id bigint, plan varchar, seats double,"
    " mrr double, is_trial integer, auto_renew boolean, started_at date, term_ends_at timestamp,"
    " ended_at timestamp_ns, updated_at timestamptz",
    "usage_events": "event_id bigint, account_id bigint, user_id integer, event_at timestamptz,"
    " feature varchar, duration_seconds float, event_count bigint",
    "support_tickets": "ticket_id smallint, account_id bigint, opened_at timestamp,"
    " first_response_at bigint, solved_at timestamptz, priority varchar,"
    " reopen_count decimal(5, 2), csat_score decimal(3, 1)",
    "survey_responses": "response_id bigint, account_id bigint, user_id bigint,"
    " responded_at timestamp, survey_type varchar, score double",
    "invoices": "invoice_id bigint, account_id bigint, issued_at date, due_at timestamp,"
    " paid_at bigint, amount decimal(38, 10), currency varchar, kind varchar",
    "csm_assessments": "assessment_id bigint, account_id bigint, assessed_at timestamptz,"
    " sentiment tinyint",
    "score_overrides": "override_id bigint, account_id bigint, score integer, reason varchar,"
    " author varchar, starts_at date, expires_at date",
}
NOT_FINITE = ("nan", "inf", "-inf", "1e308", "-1e308")
TYPED_CASES = [
    *(accepted(name) for name in INPUTS),
    *(rejected(name, "missing_key", **{KEYS[name]: None}) for name in INPUTS),
    *(rejected(name, "missing_account_id", account_id=None) for name in INPUTS[1:]),
    *(rejected(name, "unknown_account", account_id="999999") for name in INPUTS[1:]),
    rejected("accounts", "missing_value", created_at=None),
    rejected("accounts", "bad_value", created_at="infinity"),
    rejected("accounts", "bad_value", created_at="-infinity"),
    rejected("accounts", "out_of_time", created_at="1900-01-01"),
    rejected("accounts", "out_of_time", created_at="2026-07-03"),
    accepted("accounts", created_at="2026-07-02"),
    accepted("accounts", {"is_test": True}, is_test="true"),
    accepted("accounts", {"is_test": False}, is_test=None),
    accepted("accounts", {"account_name": None}, account_name="N/A"),
    blanked("accounts", "bad_value", updated_at="infinity"),
    accepted("accounts", updated_at="2026-07-03 05:00:00+05:30"),
    rejected("accounts", "out_of_time", updated_at="2026-07-02 23:30:00-01:00"),
    rejected("accounts", "bad_value", deleted_at="infinity"),
    rejected("accounts", "end_before_start", deleted_at="2024-01-01"),
    *(blanked("subscriptions", "bad_value", {"seats": None}, seats=v) for v in NOT_FINITE),
    *(blanked("subscriptions", "bad_value", {"mrr": None}, mrr=v) for v in NOT_FINITE),
    blanked("subscriptions", "bad_value", {"seats": None}, seats="10.5"),
    blanked("subscriptions", "bad_value", {"seats": None}, seats="3e9"),
    blanked("subscriptions", "out_of_range", {"seats": None}, seats="-1"),
    accepted("subscriptions", {"seats": 10}, seats="10"),
    accepted("subscriptions", {"seats": 10_000_000}, seats="1e7"),
    accepted("subscriptions", {"seats": None}, seats=None),
    accepted("subscriptions", {"mrr": Decimal("0.1")}, mrr="0.1"),
    accepted("subscriptions", {"mrr": Decimal("0")}, mrr="1e-9"),
    accepted("subscriptions", {"mrr": Decimal("123456789.12")}, mrr="123456789.12"),
    blanked("subscriptions", "out_of_range", {"mrr": None}, mrr="-0.5"),
    accepted("subscriptions", {"is_trial": True}, is_trial="1"),
    blanked("subscriptions", "bad_value", {"is_trial": False}, is_trial="2"),
    accepted("subscriptions", {"auto_renew": False}, auto_renew="false"),
    rejected("subscriptions", "bad_value", started_at="infinity"),
    accepted("subscriptions", {"started_on": date(2100, 1, 1)}, started_at="2100-01-01"),
    blanked("subscriptions", "bad_value", {"term_ends_on": None}, term_ends_at="infinity"),
    blanked("subscriptions", "bad_value", {"term_ends_on": None}, term_ends_at="-infinity"),
    accepted("subscriptions", {"ended_on": date(2026, 3, 1)}, ended_at="2026-03-01 10:00:00.123"),
    rejected("subscriptions", "end_before_start", ended_at="2024-03-01"),
    accepted(
        "usage_events",
        {"event_at": moment("2026-02-13 04:30")},
        event_at="2026-02-13 10:00:00+05:30",
    ),
    rejected("usage_events", "bad_value", event_at="infinity"),
    rejected("usage_events", "bad_value", event_at="-infinity"),
    rejected("usage_events", "missing_value", event_at=None),
    accepted("usage_events", {"user_id": "42"}, user_id="42"),
    accepted("usage_events", {"user_id": None}, user_id=None),
    *(
        blanked("usage_events", "bad_value", {"duration_seconds": None}, duration_seconds=v)
        for v in ("nan", "inf", "-inf", "1e30")
    ),
    blanked("usage_events", "out_of_range", {"duration_seconds": None}, duration_seconds="-1"),
    accepted("usage_events", {"duration_seconds": Decimal("0.1")}, duration_seconds="0.1"),
    blanked("usage_events", "out_of_range", {"event_count": None}, event_count="0"),
    blanked("usage_events", "bad_value", {"event_count": None}, event_count="3000000000"),
    accepted("usage_events", {"event_count": 2}, event_count="2"),
    rejected("support_tickets", "bad_value", opened_at="-infinity"),
    rejected("support_tickets", "bad_value", solved_at="infinity"),
    rejected("support_tickets", "end_before_start", solved_at="2026-02-13 15:29:59+05:30"),
    accepted("support_tickets", solved_at="2026-02-13 15:30:00+05:30"),
    blanked("support_tickets", "bad_value", first_response_at="1770976800"),
    accepted("support_tickets", {"is_reopened": True}, reopen_count="1.00"),
    blanked("support_tickets", "bad_value", {"is_reopened": False}, reopen_count="1.50"),
    accepted("support_tickets", {"csat_score": Decimal("4.5")}, csat_score="4.5"),
    blanked("support_tickets", "out_of_range", {"csat_score": None}, csat_score="0.0"),
    accepted("support_tickets", {"priority": None}, priority="?"),
    *(rejected("survey_responses", "bad_value", score=v) for v in NOT_FINITE),
    rejected("survey_responses", "out_of_range", score="7.5"),
    rejected("survey_responses", "out_of_range", score="11"),
    accepted("survey_responses", {"score": 7}, score="7"),
    accepted("survey_responses", {"score": Decimal("4.5")}, survey_type="csat", score="4.5"),
    rejected("invoices", "bad_value", paid_at="1770976800"),
    blanked("invoices", "bad_value", {"due_on": None}, due_at="infinity"),
    rejected("invoices", "bad_value", amount="1000000000000"),
    accepted("invoices", {"amount": Decimal("0.000001")}, amount="0.0000005"),
    rejected("invoices", "unknown_currency", currency="XXX"),
    rejected("csm_assessments", "out_of_range", sentiment="6"),
    rejected("csm_assessments", "bad_value", assessed_at="infinity"),
    rejected("score_overrides", "out_of_range", score="101"),
    rejected("score_overrides", "bad_value", expires_at="infinity"),
    rejected("score_overrides", "override_too_long", expires_at="2026-05-03"),
    accepted("score_overrides", expires_at="2026-05-02"),
]


def write_parquet(path: Path, columns: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows of text as a Parquet file with columns of those types."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create table typed ({columns})")
        for row in rows:
            marks = ", ".join("?" * len(row))
            insert = f"insert into typed ({', '.join(row)}) values ({marks})"
            connection.execute(insert, list(row.values()))
        connection.execute(f"copy typed to '{path}' (format parquet)")


def typed_row(name: str, number: int, cells: Mapping[str, str | None]) -> Row:
    """A good row with whole numbers for ids; it belongs to account 1."""
    account = {} if name == "accounts" else {"account_id": "1"}
    user = {"user_id": "5"} if name == "usage_events" else {}
    key = {KEYS[name]: str(1_000 + number)}
    return {**row_of(name, number, {}), **user, **account, **key, **cells}


@pytest.fixture(scope="module")
def typed(workshop: Path) -> Built:
    """The same contract where every column has a type of its own already."""
    raw = workshop / "raw" / "typed"
    rows: dict[str, list[Row]] = {name: [] for name in INPUTS}
    rows["accounts"].append(typed_row("accounts", 100_000, {"account_id": "1"}))
    for number, case in enumerate(TYPED_CASES):
        rows[case.input].append(typed_row(case.input, number, case.cells))
    for name, input_rows in rows.items():
        columns = f"{TYPES[name]}, _loaded_at timestamptz"
        write_parquet(raw / name / "rows.parquet", columns, input_rows)
    return build_rows(workshop, raw, {}, {name: len(rows[name]) for name in INPUTS})


@pytest.fixture(scope="module")
def typed_verdicts(typed: Built) -> dict[tuple[str, datetime], Verdict]:
    return verdicts(typed.run)


@pytest.mark.parametrize(
    "number", range(len(TYPED_CASES)), ids=lambda n: f"typed {TYPED_CASES[n].name}"
)
def test_a_typed_row_becomes_what_the_contract_says(
    number: int, typed_verdicts: dict[tuple[str, datetime], Verdict]
) -> None:
    case = TYPED_CASES[number]
    row = typed_row(case.input, number, case.cells)
    check_case(case, row, typed_verdicts[case.input, loaded_at(number)])


def test_a_parquet_date_beyond_all_timestamps_rejects_its_row(workshop: Path) -> None:
    raw = workshop / "raw" / "far"
    rows = [{"account_id": "near", "created_at": "2026-01-01"}]
    rows += [{"account_id": "far", "created_at": "5000000-01-01"}]
    columns = "account_id varchar, created_at date"
    write_parquet(raw / "accounts" / "rows.parquet", columns, rows)
    for name in ("subscriptions", "usage_events"):
        write_csv(raw, name, csv_lines(COLUMNS[name], []))
    run = build_in(workshop, "far", raw, "--select", "+stg_accounts")
    assert run.returncode == 0, run.output[-3000:]
    found = run.rows("select account_id, rejection_reason from staging.stg_accounts order by 1")
    assert found in ([("far", reason), ("near", None)] for reason in ("bad_value", "out_of_time"))


# ------------------------------------------- a million rows, and inputs that are not there

MILLION = 1_000_000
MILLION_ACCOUNTS = 40


@pytest.fixture(scope="module")
def million(workshop: Path) -> Built:
    """A million usage rows as text, one of them with a bad event_at; only required inputs."""
    raw = workshop / "raw" / "million"
    path = raw / "usage_events" / "usage.parquet"
    path.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (
                select
                    'e' || n as event_id,
                    'account ' || n % {MILLION_ACCOUNTS} as account_id,
                    'u' || n % 1000 as user_id,
                    case
                        when n = 777777 then '13/02/2026'
                        else strftime(
                            timestamp '2026-06-30 12:00:00' - to_days(cast(n % 90 as integer)),
                            '%Y-%m-%d %H:%M:%S'
                        )
                    end as event_at,
                    'login' as feature
                from range({MILLION}) as numbers (n)
            ) to '{path}' (format parquet)
            """
        )
    accounts = [{"account_id": f"account {n}"} for n in range(MILLION_ACCOUNTS)]
    rows = {
        "accounts": [row_of("accounts", n, cells) for n, cells in enumerate(accounts)],
        "subscriptions": [row_of("subscriptions", n, cells) for n, cells in enumerate(accounts)],
    }
    return build_rows(workshop, raw, rows, {"usage_events": MILLION})


def test_one_bad_cell_in_a_million_rows_costs_one_row(million: Built) -> None:
    assert million.rows(
        "select input, record_key, account_id, action, reason, column_name"
        " from marts.rejected_records"
    ) == [("usage_events", "e777777", "account 17", "row_rejected", "bad_value", "event_at")]
    assert million.rows(
        "select raw_rows, accepted_rows, duplicate_rows, rejected_rows, blanked_cells"
        " from marts.source_reconciliation where input = 'usage_events'"
    ) == [(MILLION, MILLION - 1, 0, 1, 0)]


@pytest.mark.parametrize("name", ["support_tickets", "survey_responses"])
def test_an_absent_expected_input_is_warned_about(name: str, million: Built) -> None:
    [warning] = [line for line in million.run.output.splitlines() if f"Input {name}" in line]
    assert f"Input {name} is absent: its metrics are null" in warning
    assert f"million/{name}" in warning


@pytest.mark.parametrize("name", ["invoices", "csm_assessments", "score_overrides"])
def test_an_absent_optional_input_is_not_mentioned(name: str, million: Built) -> None:
    assert f"Input {name}" not in million.run.output


def test_metrics_of_absent_inputs_are_null(million: Built) -> None:
    """All other metrics of revenue come from subscriptions."""
    columns = {
        "metrics_support": None,
        "metrics_sentiment": None,
        "metrics_revenue": ["days_overdue", "recurring_revenue_share_365d"],
    }
    for table, names in columns.items():
        for row in records(million.run, f"select * from metrics.{table}"):
            for key in ("account_id", "score_date", "inputs_fingerprint"):
                row.pop(key)
            assert {row[name] for name in names or row} == {None}
    assert million.value("select count(health_score) from marts.customer_health") == 40
    assert (
        million.value(
            "select count(*) from marts.fct_health_drivers"
            " where component in ('support', 'sentiment') and not is_missing"
        )
        == 0
    )


# ------------------------------------------------------------------------ no usage at all


@pytest.fixture(scope="module")
def no_usage(workshop: Path) -> Built:
    """Inputs that are present and empty; the last business record before run_date is an invoice."""
    rows: dict[str, list[Row]] = {
        "accounts": [{"account_id": "cases"}],
        "subscriptions": [{}],
        "usage_events": [],
        "support_tickets": [{"opened_at": "2026-06-01"}],
        "survey_responses": [{"responded_at": "2026-06-05", "score": "9"}],
        "invoices": [{"issued_at": "2026-06-10"}, {"issued_at": RUN_DATE}],
        "csm_assessments": [],
        "score_overrides": [],
    }
    made = {
        name: [row_of(name, n, cells) for n, cells in enumerate(input_rows)]
        for name, input_rows in rows.items()
    }
    return build_rows(workshop, workshop / "raw" / "no_usage", made, {})


def test_without_usage_the_other_records_give_the_dates(no_usage: Built) -> None:
    found = no_usage.rows(
        "select distinct as_of_date, feed_first_date, data_through from metrics.score_dates"
    )
    assert found == [(date(2026, 6, 10), date(2026, 6, 1), None)]


def test_without_usage_its_metrics_are_unknown_and_accounts_stay(no_usage: Built) -> None:
    for row in records(no_usage.run, "select * from metrics.metrics_usage"):
        assert {
            v for k, v in row.items() if k not in ("account_id", "score_date", "inputs_fingerprint")
        } == {None}
    [account] = records(no_usage.run, "select * from marts.customer_health")
    assert account["account_id"] == "cases"
    assert (account["grade"] == "insufficient_data") == (account["health_score"] is None)
    assert account["grade"] is not None
    assert account["coverage"] < 1
    assert account["score_low"] is not None and account["score_high"] is not None
    assert account["adoption_score"] is None


def test_present_and_empty_inputs_are_not_warned_about(no_usage: Built) -> None:
    assert "is absent" not in no_usage.run.output


@pytest.fixture(scope="module")
def no_records(workshop: Path) -> Built:
    """Every input has a header and no rows, but for one account."""
    rows = {name: [] for name in INPUTS} | {"accounts": [row_of("accounts", 1, {})]}
    return build_rows(workshop, workshop / "raw" / "no_records", rows, {})


def test_without_any_record_the_scores_speak_of_yesterday(no_records: Built) -> None:
    found = no_records.rows("select distinct as_of_date, feed_first_date from metrics.score_dates")
    assert found == [(date(2026, 6, 30), None)]


def test_without_any_record_the_marts_are_empty(no_records: Built) -> None:
    assert no_records.rows("select account_id from marts.customer_health") == []
    assert no_records.rows("select account_id, not_scored_reason from marts.dim_accounts") == [
        ("accounts-1", "no_subscription_in_force")
    ]


# ------------------------------------------------------------------------ nothing is lost


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("build_name", ["everything", "typed", "million", "no_usage", "no_records"])
def test_raw_rows_are_accepted_duplicate_or_rejected(
    build_name: str, name: str, request: pytest.FixtureRequest
) -> None:
    built: Built = request.getfixturevalue(build_name)
    [found] = records(
        built.run, f"select * from marts.source_reconciliation where input = '{name}'"
    )
    listed = dict(
        built.rows(
            f"select action, count(*) from marts.rejected_records where input = '{name}' group by 1"
        )
    )
    assert found["raw_rows"] == built.written[name]
    assert found["raw_rows"] == (
        found["accepted_rows"] + found["duplicate_rows"] + found["rejected_rows"]
    )
    assert found["rejected_rows"] == listed.get("row_rejected", 0)
    assert found["blanked_cells"] == listed.get("cell_blanked", 0)


# ------------------------------------------------------------- what stops before a build


@dataclass(frozen=True)
class Problem:
    """What lies in the folder of an input, and what the message says about it, in one line.

    {file: bytes, or a query whose rows become Parquet}; none: no folder."""

    input: str
    title: str
    files: Mapping[str, bytes | str] | None
    says: tuple[str, ...]


def good_csv(name: str) -> bytes:
    rows = [row_of(name, 1, {"account_id": "cases"})]
    return "".join(f"{line}\n" for line in csv_lines(COLUMNS[name], rows)).encode()


HEADER_OF_RESPONSES = b"response_id,account_id,responded_at,survey_type,score"
RAGGED = PERSONAL.encode()

# Every list is one raw folder: each of its problems has to be told.
PROBLEMS = [
    [
        Problem(
            "accounts",
            "no folder",
            None,
            ("required, but absent", "/accounts", "HEALTH_RAW_DIR"),
        ),
        Problem(
            "subscriptions",
            "no file of a known kind",
            {"subscriptions.xlsx": b"PK", "readme.txt": b"hello\n"},
            ("required, but absent", "/subscriptions", ".csv"),
        ),
        Problem(
            "usage_events",
            "a column is missing in the second file",
            {
                "a.csv": b"event_id,account_id,event_at,feature\n",
                "b.csv": b"event_id,account_id,when,feature\n",
            },
            ("no column event_at", "/usage_events/b.csv"),
        ),
        Problem(
            "support_tickets",
            "a file of zero bytes",
            {"tickets.csv": b""},
            ("/support_tickets/tickets.csv", "header"),
        ),
        Problem(
            "survey_responses",
            "a line with too few cells",
            {
                "responses.csv": HEADER_OF_RESPONSES
                + b"\nr1,cases,2026-02-13,nps,9\nr2,"
                + RAGGED
                + b",2026-02-13,nps\n"
            },
            ("/survey_responses/responses.csv", "line 3"),
        ),
        Problem(
            "invoices",
            "a column that stands twice in the header",
            {"i.csv": b"invoice_id,account_id,issued_at,amount,kind,Amount\n"},
            ("same name", "/invoices/i.csv"),
        ),
        Problem(
            "csm_assessments",
            "Parquet and CSV in one folder",
            {"a.parquet": b"", "a.csv": good_csv("csm_assessments")},
            ("Parquet", "CSV", "/csm_assessments"),
        ),
        Problem(
            "score_overrides",
            "semicolons between the cells",
            {"o.csv": good_csv("score_overrides").replace(b",", b";")},
            ("separated by semicolons", "/score_overrides/o.csv"),
        ),
    ],
    [
        Problem(
            "accounts",
            "a line with too many cells",
            {"a.csv": b"account_id,created_at\nA1,2026-01-01\nA2,2026-01-01," + RAGGED + b"\n"},
            ("/accounts/a.csv", "line 3"),
        ),
        Problem(
            "subscriptions",
            "a quote that is never closed",
            {
                "s.csv": b"subscription_id,account_id,started_at\n"
                b's1,cases,2026-01-01\ns2,"' + RAGGED + b",2026-01-01\n"
            },
            ("/subscriptions/s.csv", "line 3"),
        ),
        Problem(
            "usage_events",
            "only a byte-order mark",
            {"u.csv": b"\xef\xbb\xbf"},
            ("/usage_events/u.csv", "header"),
        ),
        Problem(
            "support_tickets",
            "two columns are missing in Parquet, one of them hidden in another",
            {"t.parquet": "select 't1' as ticket_id, {'opened_at': '2026-02-13'} as details"},
            ("no column opened_at", "/support_tickets/t.parquet"),
        ),
        Problem(
            "survey_responses",
            "text that is not UTF-8",
            {
                "r.csv": HEADER_OF_RESPONSES
                + b"\nr1,cases,2026-02-13,nps,9\nr2,caf\xe9 "
                + RAGGED
                + b",2026-02-13,nps,9\n"
            },
            ("/survey_responses/r.csv", "line 3", "UTF-8"),
        ),
        Problem(
            "invoices",
            "text after a closing quote",
            {
                "i.csv": b"invoice_id,account_id,issued_at,amount,kind\n"
                b'i1,"cases"' + RAGGED + b",2026-01-01,1,recurring\n"
            },
            ("/invoices/i.csv", "line 2"),
        ),
        Problem(
            "csm_assessments",
            "a ragged line after quoted line breaks",
            {
                "a.csv": b"assessment_id,account_id,assessed_at,sentiment,note\n"
                b'a1,cases,2026-02-13,4,"one\ntwo\nthree"\n'
                b"a2,cases,2026-02-13,4," + RAGGED + b",more\n"
            },
            ("/csm_assessments/a.csv", "line 5"),
        ),
        Problem(
            "score_overrides",
            "a file without a line in the middle of others",
            {"a.csv": good_csv("score_overrides"), "b.csv": b"\n"},
            ("/score_overrides/b.csv", "header"),
        ),
    ],
    [
        Problem(
            "accounts",
            "two kinds of line ends in one file",
            {"a.csv": b"account_id,created_at\nA1,2026-01-01\r\nA2,2026-01-01\n"},
            ("/accounts/a.csv", "line"),
        ),
        Problem(
            "subscriptions",
            "no header line",
            {"s.csv": b"s1,cases," + RAGGED + b",2026-01-01\n"},
            ("no required column", "/subscriptions/s.csv"),
        ),
        Problem(
            "usage_events",
            "Parquet text that is not UTF-8",
            {
                "u.parquet": f"select 'caf\u00e9 {PERSONAL}' as event_id, 'cases' as account_id,"
                " '2026-02-13' as event_at, 'login' as feature"
            },
            ("/usage_events/u.parquet", "UTF-8"),
        ),
        Problem(
            "survey_responses",
            "a header that is not UTF-8",
            {
                "r.csv": HEADER_OF_RESPONSES
                + b",caf\xe9\nr1,"
                + RAGGED
                + b",2026-02-13,nps,9,x\nr2,cases,2026-02-13,nps,9,x\n"
            },
            ("/survey_responses/r.csv", "UTF-8"),
        ),
        Problem(
            "invoices",
            "a Parquet file of zero bytes",
            {"empty.parquet": b""},
            ("/invoices/empty.parquet",),
        ),
        Problem(
            "csm_assessments",
            "a file that is named Parquet and is none",
            {"a.parquet": good_csv("csm_assessments")},
            ("/csm_assessments/a.parquet",),
        ),
    ],
]
ALL_PROBLEMS = [(n, problem) for n, problems in enumerate(PROBLEMS) for problem in problems]


def write_problems(raw: Path, problems: Sequence[Problem]) -> None:
    """A raw folder with those problems, every other input in good order."""
    broken = {problem.input: problem.files for problem in problems}
    for name in INPUTS:
        files = broken.get(name, {f"{name}.csv": good_csv(name)})
        for file, content in (files or {}).items():
            path = raw / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                write_parquet_of(path, content)


def write_parquet_of(path: Path, query: str) -> None:
    """The rows of a query as Parquet, where an e with an accent is written in Latin-1."""
    duckdb.execute(f"copy ({query}) to '{path}' (format parquet, compression uncompressed)")
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), "\u00e9 ".encode("latin-1")))


@pytest.fixture(scope="module")
def stopped(workshop: Path) -> list[Run]:
    """A build of each folder of PROBLEMS."""
    runs = []
    for number, problems in enumerate(PROBLEMS):
        raw = workshop / "raw" / f"stopped {number}"
        write_problems(raw, problems)
        runs.append(build_in(workshop, f"stopped {number}", raw))
    return runs


def built_relations(run: Run) -> list[tuple[Any, ...]]:
    """Tables and views that dbt built, none where the warehouse was never made. The inputs are
    relations as soon as dbt connects."""
    if not run.warehouse.exists():
        return []
    return run.rows(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema <> 'raw' order by all"
    )


@pytest.mark.parametrize(
    ("number", "problem"), ALL_PROBLEMS, ids=[f"{p.input}: {p.title}" for _, p in ALL_PROBLEMS]
)
def test_every_problem_is_told_with_its_place(
    number: int, problem: Problem, stopped: list[Run]
) -> None:
    lines = [line for line in stopped[number].output.splitlines() if f"- {problem.input}:" in line]
    assert any(all(part in line for part in problem.says) for line in lines), stopped[number].output


@pytest.mark.parametrize("number", range(len(PROBLEMS)))
def test_a_problem_stops_the_run_before_anything_is_built(number: int, stopped: list[Run]) -> None:
    run = stopped[number]
    assert run.returncode == 2
    assert built_relations(run) == []
    assert "nothing was built" in run.output
    assert "Fix these and run again" in run.output
    for good in set(INPUTS) - {problem.input for problem in PROBLEMS[number]}:
        assert f"- {good}:" not in run.output


@pytest.mark.parametrize("number", range(len(PROBLEMS)))
def test_the_content_of_a_broken_line_is_not_told(number: int, stopped: list[Run]) -> None:
    run = stopped[number]
    assert PERSONAL not in run.output
    assert files_with(run.warehouse.parent, PERSONAL) == []


def test_all_missing_columns_of_a_file_are_told(stopped: list[Run]) -> None:
    lines = [line for line in stopped[1].output.splitlines() if "- support_tickets:" in line]
    for column in ("account_id", "opened_at"):
        assert any(f"no column {column}" in line for line in lines)


def test_a_single_problem_stops_the_run_and_leaves_the_earlier_tables(
    million: Built, workshop: Path
) -> None:
    problem = Problem(
        "score_overrides",
        "one column of an optional input",
        {"o.csv": b"override_id,account_id,score,reason,author,starts_at\n"},
        ("no column expires_at", "/score_overrides/o.csv"),
    )
    raw = workshop / "raw" / "one problem"
    write_problems(raw, [problem])
    run = build_in(workshop, "one problem", raw, earlier=million.run)
    assert run.returncode == 2
    [line] = [line for line in run.output.splitlines() if f"- {problem.input}:" in line]
    assert all(part in line for part in problem.says)
    question = "select count(*), sum(hash(customer_health)) from marts.customer_health"
    assert run.rows(question) == million.rows(question)
    assert built_relations(run) == built_relations(million.run)


BAD_VARIABLES = [
    ("as_of_date", "yesterday"),
    ("as_of_date", "2026-02-30"),
    ("as_of_date", "2026-07-02"),
    ("history_weeks", -1),
    ("published_driver_weeks", "many"),
    ("run_date", "2026-02-01'; drop schema marts; --"),
    ("schema_prefix", 'dev"; drop schema marts; --'),
    ("schema_prefix", "Dev "),
]


@pytest.fixture(scope="module")
def misled(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A build with each of BAD_VARIABLES, two at a time, on inputs in good order."""
    folder = tmp_path_factory.mktemp("misled")
    write_problems(folder / "raw", [])

    def attempt(number: int) -> Run:
        name, value = BAD_VARIABLES[number]
        return build(folder / "raw", folder / str(number), variables={**VARIABLES, name: value})

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(attempt, range(len(BAD_VARIABLES))))


@pytest.mark.parametrize("number", range(len(BAD_VARIABLES)), ids=lambda n: str(BAD_VARIABLES[n]))
def test_a_bad_var_stops_the_run_with_a_message(number: int, misled: list[Run]) -> None:
    name, value = BAD_VARIABLES[number]
    run = misled[number]
    assert run.returncode == 2
    assert f"The var {name} is '{value}', but has to be" in run.output
    assert "run again" in run.output
    assert built_relations(run) == []
