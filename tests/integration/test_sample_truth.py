"""The invented customers leave for the documented reasons, and for no other."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from math import log, sqrt

import pytest
from project import ROOT
from sample.company import Account, make_account
from sample.contract import COLUMNS, Row, Window
from sample.inputs import (
    assessment_rows,
    invoice_rows,
    subscription_rows,
    survey_rows,
    ticket_rows,
    usage_rows,
)
from sample.truth import BASE_RATES, BEHAVIOURS, NOTICE_DAYS, RED_HERRING, TRUTH, Decision

WINDOW = Window(date(2025, 7, 1), date(2026, 9, 30))
SEED = 42
SHIPPED = 150
# Standard errors that a fixed seed may be away from the truth.
TOLERANCE = 3.0

CAUSES = [
    (kind, name, ratio) for kind, behaviours in TRUTH.items() for name, ratio in behaviours.items()
]
Stratum = dict[tuple[bool, bool], int]


@pytest.fixture(scope="module")
def customers() -> list[Account]:
    return [make_account(number, WINDOW, SEED) for number in range(1, 20_001)]


@pytest.fixture(scope="module")
def decisions() -> list[Decision]:
    """Of so many accounts that the rarest segment kind still has some 1,500."""
    numbers = range(1, 60_001)
    return [one for number in numbers for one in make_account(number, WINDOW, SEED).decisions]


def strata(decisions: Iterable[Decision], behaviour: str) -> list[Stratum]:
    """How many decided with and without a behaviour, apart for all else that matters."""
    counts: dict[object, Stratum] = defaultdict(Counter)
    for decision in decisions:
        others = tuple(b for b in decision.behaviours if b != behaviour)
        counts[decision.months, others][behaviour in decision.behaviours, decision.left] += 1
    return list(counts.values())


def odds_ratio(found: list[Stratum]) -> tuple[float, float]:
    """The common odds ratio of Mantel and Haenszel, as a logarithm, and its standard error
    after Robins, Breslow and Greenland."""
    terms = []
    for cells in found:
        a, b = cells.get((True, True), 0), cells.get((True, False), 0)
        c, d = cells.get((False, True), 0), cells.get((False, False), 0)
        n = a + b + c + d
        terms.append((a * d / n, b * c / n, (a + d) / n, (b + c) / n))
    r, s = sum(t[0] for t in terms), sum(t[1] for t in terms)
    variance = (
        sum(p * ri for ri, _, p, _ in terms) / (2 * r * r)
        + sum(p * si + q * ri for ri, si, p, q in terms) / (2 * r * s)
        + sum(q * si for _, si, _, q in terms) / (2 * s * s)
    )
    return log(r / s), sqrt(variance)


@pytest.mark.parametrize(("kind", "behaviour", "ratio"), CAUSES)
def test_the_odds_of_leaving_are_those_of_the_truth(
    kind: str, behaviour: str, ratio: float, decisions: list[Decision]
) -> None:
    in_segment = [decision for decision in decisions if decision.segment_kind == kind]
    found, error = odds_ratio(strata(in_segment, behaviour))

    assert abs(found - log(ratio)) < TOLERANCE * error
    # The tolerance is less than a factor of two: but for chance, such an error is seen.
    assert TOLERANCE * error < log(2)


@pytest.mark.parametrize("months", BASE_RATES)
def test_without_a_behaviour_the_base_rate_leaves(months: int, decisions: list[Decision]) -> None:
    plain = [d for d in decisions if d.months == months and not set(d.behaviours) - {RED_HERRING}]
    rate = BASE_RATES[months]
    left = sum(decision.left for decision in plain) / len(plain)

    assert len(plain) > 1_000
    assert abs(left - rate) < TOLERANCE * sqrt(rate * (1 - rate) / len(plain))


def test_some_leave_for_no_reason_and_some_stay_in_spite_of_everything(
    decisions: list[Decision],
) -> None:
    troubled = [d for d in decisions if set(d.behaviours) - {RED_HERRING}]
    plain = [d for d in decisions if not set(d.behaviours) - {RED_HERRING}]

    assert any(d.left for d in plain)
    assert not all(d.left for d in troubled)
    assert max(d.probability for d in decisions) < 1
    # Yet most of those who leave a contract had a reason.
    leavers = Counter(bool(set(d.behaviours) - {RED_HERRING}) for d in decisions if d.left)
    assert leavers[True] > 2 * leavers[False]


def test_a_behaviour_counts_once_it_has_shown_for_weeks(customers: list[Account]) -> None:
    for customer in customers[:2000]:
        for decision in customer.decisions:
            for name in decision.behaviours:
                shown = decision.day - timedelta(days=BEHAVIOURS[name].counts_after)
                assert any(
                    s.behaviour == name and s.holds(shown) and s.holds(decision.day)
                    for s in customer.spells
                )
    assert min(behaviour.counts_after for behaviour in BEHAVIOURS.values()) >= 20


def test_who_leaves_does_so_at_the_end_of_the_term_and_nobody_else_does(
    customers: list[Account],
) -> None:
    for customer in customers:
        for earlier, later in pairwise(customer.decisions):
            assert earlier.day < later.day and not earlier.left
        last = customer.decisions[-1] if customer.decisions else None
        if last is not None and last.left:
            over = last.day + timedelta(days=NOTICE_DAYS[last.months])
            assert customer.last_day == over
            assert all(term.ended is not None for term in customer.terms)
        else:
            assert customer.is_served(WINDOW.end) or customer.last_day > WINDOW.end


def test_the_sample_has_enough_who_leave_all_over_its_time(customers: list[Account]) -> None:
    shipped = [c for c in customers[:SHIPPED] if not c.terms[-1].is_trial]
    gone = [c.last_day for c in shipped if c.last_day]

    assert 15 <= sum(day <= WINDOW.end for day in gone) <= 30
    # Under notice: the end is known and lies ahead.
    assert 1 <= sum(day > WINDOW.end for day in gone) <= 6
    quarters = Counter((day.year, (day.month - 1) // 3) for day in gone if day <= WINDOW.end)
    assert len(quarters) == 5


# ------------------------------------------------------------------------------ nothing leaks

WHAT_COMES_LATER = {"subscriptions": {"ended_at"}}
BOOKKEEPING = {"updated_at", "_loaded_at"}
MAKERS = {
    "subscriptions": subscription_rows,
    "usage_events": usage_rows,
    "support_tickets": ticket_rows,
    "survey_responses": survey_rows,
    "invoices": invoice_rows,
    "csm_assessments": assessment_rows,
}
HAPPENED = {
    "subscriptions": "started_at",
    "usage_events": "event_at",
    "support_tickets": "opened_at",
    "survey_responses": "responded_at",
    "invoices": "issued_at",
    "csm_assessments": "assessed_at",
}
# Cells that are written after the row's own moment; as good as unknown until they happen.
WRITTEN_LATER = {"solved_at": ("reopen_count", "csat_score"), "paid_at": ()}


def known_before(table: str, rows: list[Row], day: date) -> list[dict[str, str]]:
    """What the rows of an input say to somebody who reads them on the evening before a day."""
    found = []
    for row in rows:
        cells = dict(zip(COLUMNS[table], row, strict=True))
        if cells[HAPPENED[table]] >= str(day):
            continue
        for column, others in WRITTEN_LATER.items():
            if cells.get(column, "") >= str(day):
                cells |= dict.fromkeys((column, *others), "")
            if column in cells and not cells[column]:
                cells |= dict.fromkeys(others, "")
        hidden = BOOKKEEPING | WHAT_COMES_LATER.get(table, set())
        found.append({name: cell for name, cell in cells.items() if name not in hidden})
    return found


@pytest.mark.parametrize("table", MAKERS)
def test_no_input_tells_who_will_leave(
    table: str, customers: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a world where nobody leaves, the inputs of those who do are the same until they leave."""
    leavers = [c for c in customers[:300] if c.decisions and c.decisions[-1].left]
    numbers = [int(customer.code) for customer in leavers]
    monkeypatch.setattr("sample.truth.leaving_probability", lambda *_: 0.0)
    stayers = [make_account(number, WINDOW, SEED) for number in numbers]
    assert len(leavers) > 40
    assert not any(decision.left for c in stayers for decision in c.decisions)
    make = MAKERS[table]
    for leaver, stayer in zip(leavers, stayers, strict=True):
        day = min(leaver.last_day, WINDOW.end)
        rows = [known_before(table, make(c, WINDOW, SEED), day) for c in (leaver, stayer)]
        assert rows[0] == rows[1]


# ------------------------------------------------------------------------------ the document


def documented(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table under a heading of docs/sample_data.md, without the names."""
    text = (ROOT / "docs" / "sample_data.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = (tuple(cell.strip(" `") for cell in re.split(r"\|", line)[1:-1]) for line in lines[2:])
    return list(cells)


def test_the_document_states_the_truth() -> None:
    assert documented("Why customers leave") == [
        (kind, name, f"{ratio:g}") for kind, name, ratio in CAUSES
    ]


def test_the_document_states_the_base_rates() -> None:
    term = {0: "trial", 1: "one month", 3: "three months", 12: "a year"}
    assert documented("Base rates") == [
        (term[months], f"{rate:.1%}", f"{NOTICE_DAYS[months]}")
        for months, rate in BASE_RATES.items()
    ]


def test_the_document_states_the_behaviours() -> None:
    stated = [(row[0], row[1], *row[3:]) for row in documented("Behaviours")]
    assert stated == [
        (b.name, b.metric, f"{b.share:.0%}", f"{b.days[0]}-{b.days[1]}", f"{b.counts_after}")
        for b in BEHAVIOURS.values()
    ]
