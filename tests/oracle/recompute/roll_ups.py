"""Roll-ups: owners, segments, parents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from recompute.accounts import sum_known
from recompute.exact import Number, divided, rounded
from recompute.names import COLOURS
from recompute.tables import Table


@dataclass(frozen=True)
class Standing:
    """What roll-ups look at: an account at a date under the live retention scorecard."""

    account_id: str
    segment: str
    arr: Decimal | None
    health: Decimal | None
    colour: str | None
    coverage: Decimal
    earlier: Decimal | None


def known_mean(pairs: Iterable[tuple[Number | None, Number | None]], places: int) -> Decimal | None:
    """The mean of (weight, value) pairs with both known; None where they weigh nothing."""
    known = [(weight, value) for weight, value in pairs if None not in (weight, value)]
    total = sum(weight for weight, _ in known)  # type: ignore[misc]
    if not total:
        return None
    return divided(sum(weight * value for weight, value in known), total, places)  # type: ignore[operator, misc]


def roll_up(members: Sequence[Standing], account_names: dict[str, str]) -> tuple[Any, ...]:
    """The cells of ROLL_UP_COLUMNS for the accounts of a group at a date."""
    scored = [one for one in members if one.health is not None]
    worst = min(scored, key=lambda one: (one.health, one.account_id), default=None)
    colours: list[Any] = []
    for colour in COLOURS:
        its = [one for one in members if one.colour == colour]
        arr = sum_known(one.arr for one in its) if its else Decimal(0)
        colours += [len(its), divided(len(its), len(members), 6), arr]
    moved = [
        (one.arr, one.health - one.earlier)
        for one in members
        if one.health is not None and one.earlier is not None
    ]
    weighed = [one for one in members if one.arr is not None]
    covered = rounded(sum((one.arr * one.coverage for one in weighed), Decimal(0)), 6)
    whole = sum((one.arr for one in weighed), Decimal(0))
    return (
        len(members),
        len(scored),
        len(weighed),
        sum_known(one.arr for one in members),
        known_mean(((1, one.health) for one in members), 2),
        known_mean(((one.arr, one.health) for one in members), 2),
        None if worst is None else worst.account_id,
        None if worst is None else account_names[worst.account_id],
        None if worst is None else worst.health,
        *colours,
        known_mean(((1, one.coverage) for one in members), 6),
        divided(covered, whole, 6) if whole else None,
        len(moved),
        known_mean(((1, change) for _, change in moved), 2),
        known_mean(moved, 2),
    )


@dataclass(frozen=True)
class Hierarchy:
    """Who belongs to whom: the accounts in each group, itself included, and what was cut."""

    members: dict[str, set[str]]
    levels: dict[str, int]
    cut: frozenset[str]


def make_hierarchy(parents: dict[str, str | None]) -> Hierarchy:
    """Climbs from every account to the top; the smallest account of a cycle has no parent."""
    links = dict(parents)
    cut = set()
    for start in parents:
        path: list[str] = []
        here: str | None = start
        while here is not None and here not in path:
            path.append(here)
            here = links.get(here)
        if here is not None:
            top = min(path[path.index(here) :])
            links[top] = None
            cut.add(top)
    members: dict[str, set[str]] = defaultdict(set)
    levels: dict[str, int] = defaultdict(int)
    for start in parents:
        above: str | None = start
        depth = 0
        while above is not None:
            members[above].add(start)
            levels[above] = max(levels[above], depth)
            above, depth = links.get(above), depth + 1
    groups = {top for top, depth in levels.items() if depth}
    return Hierarchy(
        {top: members[top] for top in groups}, {top: levels[top] for top in groups}, frozenset(cut)
    )


def publish_roll_ups(
    standings: Sequence[Standing],
    on: date,
    accounts: dict[str, Any],
    hierarchy: Hierarchy,
    tables: dict[str, Table],
) -> None:
    """segment_health, owner_health and parent_health of a date; `accounts` are account rows."""
    called = {one: row.account_name or one for one, row in accounts.items()}
    segments, owners = defaultdict(list), defaultdict(list)
    for one in standings:
        segments[one.segment].append(one)
        owners[accounts[one.account_id].owner].append(one)
    for segment, its in segments.items():
        tables["segment_health"].rows[segment, on] = roll_up(its, called)
    for owner, its in owners.items():
        tables["owner_health"].rows[owner, on] = roll_up(its, called)
    by_id = {one.account_id: one for one in standings}
    for parent, below in hierarchy.members.items():
        if its := [by_id[one] for one in sorted(below) if one in by_id]:
            tables["parent_health"].rows[parent, on] = (
                *roll_up(its, called),
                called.get(parent, parent),
                hierarchy.levels[parent],
                parent in hierarchy.cut,
            )
