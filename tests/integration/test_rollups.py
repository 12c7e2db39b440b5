"""Corporate groups of any shape are rolled up: deep ones, and parents that go in a circle."""

from datetime import date
from pathlib import Path

import pytest
from project import ROOT, Run, build, write_csv
from recompute import compare, recompute

RUN_DATE, AS_OF = date(2026, 3, 1), date(2026, 2, 27)
LEVELS = 60
# Account and parent: a chain, a cycle of three with two accounts below it, a parent of itself with
# one below, and an account of a parent that is no account of ours.
PARENTS = {
    **{f"level_{n:02}": f"level_{n - 1:02}" if n else "" for n in range(LEVELS + 1)},
    "ring_1": "ring_3",
    "ring_2": "ring_1",
    "ring_3": "ring_2",
    "a_below_ring": "ring_3",
    "below_that": "a_below_ring",
    "own": "own",
    "below_own": "own",
    "stray": "lost",
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groups")
    accounts = [f"{one},{parent},2025-12-01" for one, parent in PARENTS.items()]
    write_csv(folder, "accounts", ["account_id,parent_account_id,created_at", *accounts])
    prices = [f"s{n},{one},{100 + n},2026-01-01" for n, one in enumerate(PARENTS)]
    write_csv(folder, "subscriptions", ["subscription_id,account_id,mrr,started_at", *prices])
    events = [
        f"e{n}-{day},{one},2026-02-{day:02},login"
        for n, one in enumerate(PARENTS)
        for day in range(1 + n % 20, 28)
    ]
    write_csv(folder, "usage_events", ["event_id,account_id,event_at,feature", *events])
    return folder


@pytest.fixture(scope="module")
def groups(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    variables = {"run_date": str(RUN_DATE), "as_of_date": str(AS_OF), "history_weeks": 0}
    run = build(raw, tmp_path_factory.mktemp("work"), variables=variables)
    assert run.returncode == 0, run.output
    return run


def test_a_group_holds_all_that_is_below_however_deep(groups: Run) -> None:
    found = groups.rows(
        f"""
        select parent_account_id, levels_below, accounts from marts.parent_health
        where score_date = date '{AS_OF}' and parent_account_id like 'level%' order by 1
        """
    )
    assert found == [(f"level_{n:02}", LEVELS - n, LEVELS + 1 - n) for n in range(LEVELS)]


def test_a_cycle_is_cut_at_its_smallest_account_and_told(groups: Run) -> None:
    cut = groups.rows(
        "select account_id from marts.dim_accounts where is_parent_cycle_cut order by 1"
    )
    found = groups.rows(
        f"""
        select parent_account_id, is_parent_cycle_cut, levels_below, accounts
        from marts.parent_health
        where score_date = date '{AS_OF}' and parent_account_id not like 'level%' order by 1
        """
    )
    assert cut == [("own",), ("ring_1",)]
    assert found == [
        ("a_below_ring", False, 1, 2),
        ("lost", False, 1, 1),
        ("own", True, 1, 2),
        ("ring_1", True, 4, 5),
        ("ring_2", False, 3, 4),
        ("ring_3", False, 2, 3),
    ]
    assert "2 accounts belong to themselves by way of their parents, the first is own" in " ".join(
        groups.output.split()
    )


def test_every_value_of_the_groups(raw: Path, groups: Run) -> None:
    seeds = ROOT / "seeds" / "scoring"
    result = recompute(raw, seeds, RUN_DATE, as_of=AS_OF, history_weeks=0)
    comparison = compare(result, groups.warehouse)
    assert not comparison.differences, comparison.examples
    [deepest] = [t for t in comparison.tables if t.table == "parent_health"]
    assert deepest.rows_expected > 20 * LEVELS


def test_nobody_speaks_of_cycles_where_there_are_none(sample_run: Run) -> None:
    assert "belong to themselves" not in sample_run.output
    [(levels,)] = sample_run.rows("select max(levels_below) from marts.parent_health")
    assert levels == 2
