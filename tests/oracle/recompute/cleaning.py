"""Validate first, then deduplicate among the valid rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from recompute.cells import BAD, MICROS_PER_DAY, TOO_LARGE, as_timestamp, day_of
from recompute.contract import (
    EARLIEST_MOMENT,
    INPUTS,
    INVOICE_KINDS,
    LARGEST,
    LONGEST_OVERRIDE_DAYS,
    PRIORITIES,
    SMALLEST,
    SURVEY_RANGES,
    Input,
)
from recompute.exact import rounded
from recompute.files import find_files, read_input
from recompute.names import UsageError


def in_reporting_currency(
    amount: Decimal, currency: str | None, rates: dict[str, Decimal]
) -> Decimal | None:
    """amount x rate with 6 decimals. A blank currency has rate 1, an unknown one gives None."""
    rate = Decimal(1) if currency is None else rates.get(currency.lower())
    return None if rate is None else rounded(Fraction(amount) * Fraction(rate), 6)


def overflows(amount: Decimal, currency: str | None, rates: dict[str, Decimal]) -> bool:
    """Whether an amount is 10^12 or more once it is in the reporting currency."""
    converted = in_reporting_currency(amount, currency, rates)
    return converted is not None and abs(converted) >= TOO_LARGE


@dataclass
class Rules:
    """What validation needs to know beside the row itself."""

    run_day: int
    rates: dict[str, Decimal]
    known_accounts: set[str] = field(default_factory=set)

    @cached_property
    def first_future_moment(self) -> int:
        """The first moment that is dated after run_date + 1."""
        return (self.run_day + 2) * MICROS_PER_DAY


def bad_value(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """The first column that must cast and does not."""
    for i in spec.must_cast:
        if cells[i] is BAD:
            return spec.columns[i]
    if spec.name == "invoices":
        amount, currency = cells[spec.at["amount"]], cells[spec.at["currency"]]
        if overflows(amount, currency, rules.rates):
            return "amount"
    return None


def out_of_time(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """The first timestamp before 2000 or, where it must have happened, after run_date + 1."""
    latest = rules.first_future_moment
    for i, has_happened in spec.timestamps:
        moment = cells[i]
        if moment is None or moment is BAD:
            continue
        if moment < EARLIEST_MOMENT or (has_happened and moment >= latest):
            return spec.columns[i]
    return None


def end_before_start(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """The end column that lies before its start: by date, for tickets by timestamp."""
    pairs = {
        "accounts": ("created_at", "deleted_at", day_of),
        "subscriptions": ("started_at", "ended_at", day_of),
        "score_overrides": ("starts_at", "expires_at", day_of),
        "support_tickets": ("opened_at", "solved_at", int),
    }
    if spec.name not in pairs:
        return None
    start_column, end_column, unit = pairs[spec.name]
    start, end = cells[spec.at[start_column]], cells[spec.at[end_column]]
    return end_column if end is not None and unit(end) < unit(start) else None


def out_of_range(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """A survey score, sentiment or override score that is no possible answer."""
    if spec.name == "survey_responses":
        score = cells[spec.at["score"]]
        limits = SURVEY_RANGES.get(cells[spec.at["survey_type"]].lower())
        if limits is None:  # an unknown type is judged as unknown_value
            return None
        low, high, whole = limits
        odd = not low <= score <= high or (whole and score % 1 != 0)
        return "score" if odd else None
    if spec.name == "csm_assessments":
        sentiment = cells[spec.at["sentiment"]]
        return None if 1 <= sentiment <= 5 and sentiment % 1 == 0 else "sentiment"
    if spec.name == "score_overrides":
        return None if 0 <= cells[spec.at["score"]] <= 100 else "score"
    return None


def unknown_value(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """An unknown survey_type or invoice kind."""
    if spec.name == "survey_responses":
        return None if cells[spec.at["survey_type"]].lower() in SURVEY_RANGES else "survey_type"
    if spec.name == "invoices":
        return None if cells[spec.at["kind"]].lower() in INVOICE_KINDS else "kind"
    return None


def unknown_currency(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """An invoice in a currency without a rate."""
    if spec.name != "invoices":
        return None
    currency = cells[spec.at["currency"]]
    return None if currency is None or currency.lower() in rules.rates else "currency"


def override_too_long(spec: Input, cells: list[Any], _: Rules) -> str | None:
    """An override that would stand for more than 90 days."""
    if spec.name != "score_overrides":
        return None
    starts, expires = day_of(cells[spec.at["starts_at"]]), day_of(cells[spec.at["expires_at"]])
    return "expires_at" if expires - starts > LONGEST_OVERRIDE_DAYS else None


def unknown_account(spec: Input, cells: list[Any], rules: Rules) -> str | None:
    """A record of an account that no accepted row describes."""
    if spec.name == "accounts" or cells[spec.at["account_id"]] in rules.known_accounts:
        return None
    return "account_id"


# In the order in which they are asked, after the three kinds of missing values.
CHECKS: dict[str, Callable[[Input, list[Any], Rules], str | None]] = {
    "bad_value": bad_value,
    "out_of_time": out_of_time,
    "end_before_start": end_before_start,
    "out_of_range": out_of_range,
    "unknown_value": unknown_value,
    "unknown_currency": unknown_currency,
    "override_too_long": override_too_long,
    "unknown_account": unknown_account,
}


def checks_of(spec: Input) -> list[tuple[str, Callable[..., str | None]]]:
    """The checks that can fail for an input: usage events, the many, are asked only theirs."""
    if spec.name == "usage_events":
        asked = ("bad_value", "out_of_time", "unknown_account")
        return [(reason, CHECKS[reason]) for reason in asked]
    return list(CHECKS.items())


def rejection(
    spec: Input, cells: list[Any], rules: Rules, checks: list[tuple[str, Callable[..., str | None]]]
) -> tuple[str, str] | None:
    """(reason, column at fault) of the first reason that rejects the row, None if valid."""
    if cells[0] is None:
        return "missing_key", spec.columns[0]
    if cells[spec.at["account_id"]] is None:
        return "missing_account_id", "account_id"
    for i in spec.unstarred:
        if cells[i] is None:
            return "missing_value", spec.columns[i]
    for reason, check in checks:
        if column := check(spec, cells, rules):
            return reason, column
    return None


def blank_reason(spec: Input, cells: list[Any], i: int, rules: Rules) -> str | None:
    """Why a starred cell is blanked: its first fault; None if it has none. A null has none."""
    value, column = cells[i], spec.columns[i]
    if value is BAD:
        return "bad_value"
    if column == "mrr" and overflows(value, cells[spec.at["currency"]], rules.rates):
        return "bad_value"
    if column in SMALLEST and value < SMALLEST[column]:
        return "out_of_range"
    if column in LARGEST and value > LARGEST[column]:
        return "out_of_range"
    if column == "priority" and value.lower() not in PRIORITIES:
        return "unknown_value"
    if column == "mrr":
        currency = cells[spec.at["currency"]]
        if currency is not None and currency.lower() not in rules.rates:
            return "unknown_currency"
    return None


def blank_cells(spec: Input, cells: list[Any], rules: Rules) -> list[tuple[str, str]]:
    """Blanks the faulty starred cells of a valid row, in place; (reason, column) of each."""
    faults = []
    for i in spec.blankable:
        if cells[i] is not None and (reason := blank_reason(spec, cells, i, rules)):
            faults.append((reason, spec.columns[i], i))
    for _, _, i in faults:
        cells[i] = None
    return [(reason, column) for reason, column, _ in faults]


def newness(spec: Input, cells: Sequence[Any], loaded_at: int) -> tuple[Any, ...]:
    """What decides between rows of one key, the largest wins.

    The newest updated_at (null oldest), then the newest _loaded_at, then the largest row by its
    typed columns in contract order without the key, null smallest.
    """
    updated_at = cells[spec.at["updated_at"]] if "updated_at" in spec.at else None
    row = tuple((cell is not None, 0 if cell is None else cell) for cell in cells[1:])
    return (-1 if updated_at is None else updated_at, loaded_at, row)


@dataclass
class CleanInput:
    """An input after validation and deduplication."""

    accepted: list[Any]
    raw_rows: int = 0
    duplicate_rows: int = 0
    rejected_rows: int = 0
    blanked_cells: int = 0
    # (input, record_key, account_id, action, reason, column_name, loaded_at)
    records: list[tuple[Any, ...]] = field(default_factory=list)


def clean_input(spec: Input, rows: Iterable[list[object]], rules: Rules) -> CleanInput:
    """Casts, validates, blanks and deduplicates. raw = accepted + duplicate + rejected."""
    clean = CleanInput([])
    account, casts, checks = spec.at["account_id"], spec.casts, checks_of(spec)
    first_moment = spec.timestamps[0][0]
    load_moment = lru_cache(maxsize=2**15)(as_timestamp)
    winners: dict[Any, tuple[tuple[Any, ...], int]] = {}

    for raw in rows:
        clean.raw_rows += 1
        loaded_at = load_moment(raw.pop())
        cells = [cast(cell) for cast, cell in zip(casts, raw, strict=True)]
        if loaded_at is None or loaded_at is BAD:
            loaded_at = cells[first_moment] if cells[first_moment] is not BAD else None
        fault = rejection(spec, cells, rules, checks)
        faults = [fault] if fault else blank_cells(spec, cells, rules)
        action = "row_rejected" if fault else "cell_blanked"
        for reason, column in faults:
            clean.records.append(
                (spec.name, cells[0], cells[account], action, reason, column, loaded_at)
            )
        if fault:
            clean.rejected_rows += 1
            continue
        clean.blanked_cells += len(faults)

        key = cells[0]
        if spec.name == "usage_events":  # an id that returns with another date is another event
            key = (key, day_of(cells[first_moment]))
        rival = winners.get(key)
        if rival is not None:
            clean.duplicate_rows += 1
            if newness(spec, cells, loaded_at) <= newness(spec, *rival):
                continue
        winners[key] = (tuple(cells), loaded_at)

    clean.accepted = [spec.row(cells) for cells, _ in winners.values()]
    return clean


def clean_inputs(raw_dir: Path, rules: Rules) -> dict[str, CleanInput]:
    """Cleans all inputs, accounts first. An absent required input is an error."""
    absent = [s.name for s in INPUTS.values() if s.required and not find_files(raw_dir, s.name)]
    if absent:
        raise UsageError(f"no files for the required inputs {', '.join(absent)} in {raw_dir}")
    cleaned = {}
    for spec in INPUTS.values():
        cleaned[spec.name] = clean_input(spec, read_input(raw_dir, spec), rules)
        if spec.name == "accounts":
            rules.known_accounts = {row.account_id for row in cleaned["accounts"].accepted}
    return cleaned
