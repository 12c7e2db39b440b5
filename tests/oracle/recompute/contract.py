"""The input contract."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

from recompute.cells import MICROS_PER_DAY, as_boolean, as_decimal, as_text, as_timestamp, as_whole
from recompute.names import names

WHOLE_COLUMNS = frozenset({"seats", "event_count", "reopen_count"})
DECIMAL_COLUMNS = frozenset(
    {"mrr", "amount", "duration_seconds", "score", "csat_score", "sentiment"}
)
BOOLEAN_COLUMNS = frozenset({"is_test", "is_trial", "auto_renew"})

# A starred column whose bad value rejects the row instead of being blanked: an end that cannot
# be read is not "still going on".
ENDS = frozenset({"ended_at", "solved_at", "paid_at", "deleted_at"})
# Moments that have happened; the others (starts, terms, due dates, expiries) may lie ahead.
PAST_ONLY = frozenset(
    names(
        "created_at updated_at deleted_at event_at opened_at first_response_at solved_at"
        " responded_at issued_at paid_at assessed_at"
    )
)
EARLIEST_MOMENT = date(2000, 1, 1).toordinal() * MICROS_PER_DAY

SMALLEST = {
    "seats": 0,
    "mrr": 0,
    "duration_seconds": 0,
    "reopen_count": 0,
    "event_count": 1,
    "csat_score": 1,
}
LARGEST = {"csat_score": 5}
PRIORITIES = frozenset({"low", "normal", "high", "urgent"})
URGENT_PRIORITIES = frozenset({"high", "urgent"})
# survey_type: (smallest score, largest score, whole answers only)
SURVEY_RANGES = {"nps": (0, 10, True), "csat": (1, 5, False)}
INVOICE_KINDS = frozenset({"recurring", "one_off", "credit"})
LONGEST_OVERRIDE_DAYS = 90


def _kind_of(column: str) -> str:
    """The type of a contract column, by its name."""
    if column.endswith("_at"):
        return "timestamp"
    if column in WHOLE_COLUMNS:
        return "whole"
    if column in DECIMAL_COLUMNS:
        return "decimal"
    return "boolean" if column in BOOLEAN_COLUMNS else "text"


@dataclass(frozen=True)
class Input:
    """One raw input: its columns in contract order, the key first; a star means may be null."""

    name: str
    required: bool
    starred_columns: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.rstrip("*") for column in self.starred_columns)

    @cached_property
    def at(self) -> dict[str, int]:
        """Position of each column."""
        return {column: position for position, column in enumerate(self.columns)}

    @cached_property
    def row(self) -> Callable[..., Any]:
        """Makes a row with named cells from cells in contract order."""
        return namedtuple(self.name, self.columns)._make  # type: ignore[attr-defined]

    @cached_property
    def starred(self) -> frozenset[str]:
        return frozenset(c.rstrip("*") for c in self.starred_columns if c.endswith("*"))

    @cached_property
    def unstarred(self) -> tuple[int, ...]:
        return tuple(i for i, column in enumerate(self.columns) if column not in self.starred)

    @cached_property
    def must_cast(self) -> tuple[int, ...]:
        """Positions where a bad value rejects the row."""
        return tuple(
            i
            for i, column in enumerate(self.columns)
            if _kind_of(column) != "text" and (column not in self.starred or column in ENDS)
        )

    @cached_property
    def timestamps(self) -> tuple[tuple[int, bool], ...]:
        """(position, must have happened) of each timestamp."""
        return tuple(
            (i, column in PAST_ONLY)
            for i, column in enumerate(self.columns)
            if _kind_of(column) == "timestamp"
        )

    @cached_property
    def blankable(self) -> tuple[int, ...]:
        """Positions where a bad value is blanked and the row is kept."""
        return tuple(
            i
            for i, column in enumerate(self.columns)
            if column in self.starred
            and column not in ENDS
            and (_kind_of(column) != "text" or column == "priority")
        )

    @cached_property
    def casts(self) -> tuple[Callable[[object], Any], ...]:
        """One cast per column. Casts of columns whose values repeat remember their results."""
        makers = {
            "text": as_text,
            "timestamp": as_timestamp,
            "whole": as_whole,
            "decimal": as_decimal,
            "boolean": as_boolean,
        }
        casts = [makers[_kind_of(column)] for column in self.columns]
        return (casts[0], *(lru_cache(maxsize=2**15, typed=True)(cast) for cast in casts[1:]))


def _input(name: str, columns: str, required: bool = False) -> Input:
    return Input(name, required, names(columns))


INPUTS = {
    one.name: one
    for one in (
        _input(
            "accounts",
            "account_id account_name* parent_account_id* industry* region* owner* created_at"
            " is_test* updated_at* deleted_at*",
            required=True,
        ),
        _input(
            "subscriptions",
            "subscription_id account_id plan* seats* mrr* currency* is_trial* auto_renew*"
            " started_at term_ends_at* ended_at* updated_at*",
            required=True,
        ),
        _input(
            "usage_events",
            "event_id account_id user_id* event_at feature duration_seconds* event_count*",
            required=True,
        ),
        _input(
            "support_tickets",
            "ticket_id account_id opened_at first_response_at* solved_at* priority*"
            " reopen_count* csat_score* updated_at*",
        ),
        _input(
            "survey_responses",
            "response_id account_id user_id* responded_at survey_type score",
        ),
        _input(
            "invoices",
            "invoice_id account_id issued_at due_at* paid_at* amount currency* kind updated_at*",
        ),
        _input(
            "csm_assessments",
            "assessment_id account_id assessed_at sentiment author* note*",
        ),
        _input(
            "score_overrides",
            "override_id account_id score reason author starts_at expires_at",
        ),
    )
}
