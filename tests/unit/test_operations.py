"""The runbook says what to do about everything that a refresh can say."""

import csv

import pytest
from customer_health import errors
from customer_health.refresh import auditing
from project import ROOT

RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DATA_TESTS = sorted(path.stem for path in (ROOT / "data_tests").rglob("assert_*.sql"))


@pytest.mark.parametrize("name", DATA_TESTS)
def test_every_data_test_is_in_the_runbook(name: str) -> None:
    assert f"`{name}`" in RUNBOOK, f"docs/operations.md, Data tests: say what to do about {name}"


def test_every_audit_is_in_the_runbook_and_has_a_next_step() -> None:
    with (ROOT / "seeds" / "scoring" / "trust.csv").open(encoding="utf-8", newline="") as file:
        audits = {row["audit"] for row in csv.DictReader(file)}
    audits |= {"landed_rows", "missing_batch", "missing_publication"}

    assert audits == set(auditing.NEXT_STEPS)
    assert not [audit for audit in audits if f"`{audit}`" not in RUNBOOK]


def test_every_exit_code_is_in_the_runbook() -> None:
    codes = ("PUBLISHED", "CHECKS_FAILED", "CONFIGURATION", "BUSY", "INTERRUPTED")

    assert not [code for code in codes if f"\n| {getattr(errors, code)} | " not in RUNBOOK]
