"""Check the scoring seeds before building: all that is wrong at once, where, and how to mend it.

What a seed promises is read from its YAML (seeds/scoring/_scoring__seeds.yml: columns, types, data
tests), so a new seed needs no line here. Only what several rows or files promise together is
written below. Needs no dbt and no database.
"""

import json
import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from customer_health.errors import CONFIGURATION, UsageError
from customer_health.seeds.files import (
    ConditionError,
    Fault,
    Row,
    Table,
    computed_metrics,
    find_files,
    like,
    plain,
    read_seeds,
    read_table,
    seeds_folder,
    shown,
    span,
)
from customer_health.seeds.rules import check_cells, check_keys, check_relationships, check_rows

WIDTH, MOST = 100, 5
NAMES, LIMITS = ("industry", "plan"), ("tenure_days", "mrr", "seats")
CONDITIONS = ("is_trial", *NAMES, *(f"{end}_{name}" for name in LIMITS for end in ("min", "max")))
LIGHTS = ("green", "yellow", "red")

Tables = dict[str, Table]


# ----------------------------------------------------------------------- promises of many rows


def check_catalogue(tables: Tables, computed: set[str]) -> Iterator[Fault]:
    """The catalogue lists the metrics that models/metrics computes, no more and no fewer."""
    table = tables["metrics"]
    missing = computed - {row.get("metric") for row in table.rows}
    for row in table.rows:
        if (metric := row.values.get("metric")) and metric not in computed:
            guess = like(metric, missing)
            row.guesses["metric"] = guess or row.values.pop("metric")
            missing.discard(guess)
            what = f"no table of models/metrics computes {shown(metric)}"
            hint = f"did you mean {guess}?" if guess else "delete the row, or write the SQL first"
            yield table.fault("catalogue", [row], "metric", what, hint)
    if all(row.knows("metric") for row in table.rows):
        for metric in sorted(missing):
            what, hint = f"{metric} is computed, but it is not listed", "put its row back"
            yield table.fault("catalogue", (), "metric", what, hint)


def check_currencies(tables: Tables) -> Iterator[Fault]:
    """One rate per currency, also where the codes differ in case only."""
    first: dict[str, Row] = {}
    for row in tables["currencies"].rows:
        code = row.get("currency")
        earlier = first.setdefault(str(code).lower(), row)
        if code and earlier is not row and earlier.get("currency") != code:
            what = f"{shown(code)} and {shown(earlier.get('currency'))} of row {earlier.number}"
            what += " are one currency, codes are compared without case"
            hint = "delete one of the two"
            yield tables["currencies"].fault("currencies", [row], "currency", what, hint)


def scorecard_groups(table: Table) -> dict[tuple[str, str], list[Row]]:
    """The rows of each scorecard and segment; without the scorecards where a row's place is not
    known. A misspelt name stands for what it probably means, a repeated row counts once."""
    if not all(row.knows("scorecard") for row in table.rows):
        return {}
    unsure = {row.get("scorecard") for row in table.rows if not row.knows("segment")}
    groups: dict[tuple[str, str], dict[Any, Row]] = defaultdict(dict)
    for row in table.rows:
        scorecard, segment, metric = map(row.get, ("scorecard", "segment", "metric"))
        if scorecard and segment and scorecard not in unsure:
            exact = all(name in row.values for name in ("scorecard", "segment"))
            groups[scorecard, segment].setdefault((exact, metric or row.number), row)
    return {key: list(rows.values()) for key, rows in groups.items()}


def check_weights(tables: Tables) -> Iterator[Fault]:
    """The weights of a scorecard and segment sum to 100, with or without its misspelt rows."""
    table = tables["scorecard_metrics"]
    for (scorecard, segment), rows in scorecard_groups(table).items():
        if any(row.values.get("weight") is None for row in rows):
            continue
        exact = [row for row in rows if "scorecard" in row.values and "segment" in row.values]
        total, surely = (sum(row.values["weight"] for row in some) for some in (rows, exact))
        if 100 not in (total, surely) and exact:
            what = f"the weights of {scorecard}, {segment} sum to {plain(total)}, not 100"
            what += f" ({span(row.number for row in rows)})"
            off = plain(abs(total - 100))
            hint = f"take {off} away" if total > 100 else f"add {off}"
            yield table.fault("weights", rows, "weight", what, hint)


def check_coverage(tables: Tables) -> Iterator[Fault]:
    """Every scorecard that is computed has rows for every segment."""
    cards, table = tables["scorecards"], tables["scorecard_metrics"]
    unsure = [row for row in table.rows if not row.knows("scorecard", "segment")]
    segments = dict.fromkeys(row.get("segment") for row in tables["segments"].rows)
    pairs = {(row.get("scorecard"), row.get("segment")) for row in table.rows}
    for row in cards.rows:
        name = row.get("scorecard")
        if row.get("status") not in ("live", "challenger") or not name or unsure:
            continue
        lacking = [s for s in segments if s and (name, s) not in pairs]
        if lacking and not any(scorecard == name for scorecard, _ in pairs):
            what = f"{name} has no row in {table.seed.file}"
            hint = f"add rows for {', '.join(lacking)}, or retire the scorecard"
            yield cards.fault("coverage", [row], "scorecard", what, hint)
        elif lacking:
            what = f"{name} has no row for the segment {', '.join(lacking)}"
            hint = "add rows whose weights sum to 100; those of another segment are a start"
            yield table.fault("coverage", (), "segment", what, hint)


def check_goals(tables: Tables) -> Iterator[Fault]:
    """Exactly one live scorecard per goal in use; retention is always in use."""
    table = tables["scorecards"]
    if not all(row.get("goal") and row.get("status") for row in table.rows):
        return
    for goal in dict.fromkeys(["retention", *(row.get("goal") for row in table.rows)]):
        rows = [row for row in table.rows if row.get("goal") == goal]
        live = [row for row in rows if row.get("status") == "live"]
        if not live:
            what = f"no scorecard of goal {goal} is live"
            yield table.fault("one_live", rows, "status", what, "set the status of one to live")
        elif len(live) > 1:
            what = f"{len(live)} scorecards of goal {goal} are live"
            what += f" ({span(row.number for row in live)})"
            hint = "leave one live, make the others challenger or retired"
            yield table.fault("one_live", live[1:], "status", what, hint)


def check_thresholds(tables: Tables) -> Iterator[Fault]:
    """poor_at and healthy_at differ and lie on the sides that the curve and the catalogue say."""
    table = tables["scorecard_metrics"]
    better = {row.get("metric"): row.get("better") for row in tables["metrics"].rows}
    for row in table.rows:
        poor, healthy = (row.values.get(name) for name in ("poor_at", "healthy_at"))
        metric, curve = row.get("metric"), row.get("curve")
        if poor is None or healthy is None:
            continue
        column, hint = "healthy_at", "swap poor_at and healthy_at"
        side = "above" if healthy > poor else "below"
        what = f"healthy_at {plain(healthy)} is {side} poor_at {plain(poor)}"
        upward = better.get(metric) == "higher"
        if poor == healthy:
            what, hint = f"poor_at and healthy_at are both {plain(poor)}", "let them differ"
        elif curve == "percentile" and not (0 <= poor <= 100 and 0 <= healthy <= 100):
            column = "healthy_at" if 0 <= poor <= 100 else "poor_at"
            what = f"{plain(row.values[column])} is no percentile"
            hint = "percentiles go from 0 to 100, the better end is 100"
        elif curve == "percentile" and poor > healthy:
            what += ", but percentiles count from the worst up"
        elif curve in ("linear", "banded") and better.get(metric) and (poor < healthy) != upward:
            what += f", but {better[metric]} is better for {metric} (metrics.csv)"
        else:
            continue
        yield table.fault("thresholds", [row], column, what, hint)


def check_shares(tables: Tables) -> Iterator[Fault]:
    """Thresholds of metrics that are shares are shares too, not percentages."""
    unit = {row.get("metric"): row.get("unit") for row in tables["metrics"].rows}
    for seed, columns in (
        ("scorecard_metrics", ("poor_at", "healthy_at")),
        ("score_caps", ("worse_than",)),
        ("playbooks", ("threshold",)),
    ):
        for row in tables[seed].rows:
            metric = row.get("trigger" if seed == "playbooks" else "metric")
            if unit.get(metric) != "share" or row.get("curve") == "percentile":
                continue
            for column in columns:
                value = row.values.get(column)
                if value is not None and abs(value) >= 5:
                    what = f"{plain(value)} is {plain(value * 100)} %: {metric} is a share"
                    hint = f"did you mean {plain(value / 100)}?"
                    yield tables[seed].fault("shares", [row], column, what, hint)


def includes(first: Row, second: Row) -> bool:
    """Whether the first segment rule matches every account that the second one matches."""

    def holds(column: str, looser: Callable[[Any, Any], bool]) -> bool:
        wide, narrow = first.get(column), second.get(column)
        return wide is None or (narrow is not None and looser(wide, narrow))

    same = holds("is_trial", lambda wide, narrow: wide == narrow) and all(
        holds(name, lambda wide, narrow: wide.lower() == narrow.lower()) for name in NAMES
    )
    return same and all(
        holds(f"min_{name}", lambda wide, narrow: wide <= narrow)
        and holds(f"max_{name}", lambda wide, narrow: wide >= narrow)
        for name in LIMITS
    )


def check_segments(tables: Tables) -> Iterator[Fault]:
    """Each rule can decide, the last one matches all, and a segment has one label."""
    table = tables["segments"]
    rules: list[Row] = []
    labels: dict[str, Row] = {}
    for row in table.rows:
        first = labels.setdefault(row.get("segment"), row) if row.get("label") else row
        if row.get("segment") and row.get("label") != first.get("label"):
            what = f"{row.get('segment')} has another label in row {first.number}"
            hint = f"write {first.get('label')} here, or change it there"
            yield table.fault("labels", [row], "label", what, hint)
        upside_down = [name for name in LIMITS if is_upside_down(row, name)]
        for name in upside_down:
            low, high = plain(row.get(f"min_{name}")), plain(row.get(f"max_{name}"))
            what = f"no account has {name} of at least {low} and at most {high}"
            yield table.fault("limits", [row], f"min_{name}", what, "swap the two limits")
        if not upside_down and row.knows(*CONDITIONS) and row.values.get("priority") is not None:
            rules.append(row)
    rules.sort(key=lambda row: row.values["priority"])
    shadowed: dict[int, list[Row]] = {}
    for at, rule in enumerate(rules):
        earlier = [r for r in rules[:at] if r.get("priority") < rule.get("priority")]
        if by := next((r for r in earlier if includes(r, rule)), None):
            shadowed.setdefault(by.number, []).append(rule)
    for number, rows in shadowed.items():
        what = f"never decides: row {number} comes first and matches all that it matches"
        what += f" (so for {span(r.number for r in rows)})" if len(rows) > 1 else ""
        hint = f"give row {number} a higher priority number, or delete the rule"
        yield table.fault("shadowed", sorted(rows, key=lambda r: r.number), "priority", what, hint)
    matches_all = [r for r in rules if all(r.get(column) is None for column in CONDITIONS)]
    if table.rows and len(rules) == len(table.rows) and not matches_all:
        what = "the last rule has conditions, so that some accounts have no segment"
        hint = "add a last rule, of the highest priority number, without conditions"
        yield table.fault("catch_all", rules[-1:], "priority", what, hint)


def is_upside_down(row: Row, name: str) -> bool:
    low, high = row.get(f"min_{name}"), row.get(f"max_{name}")
    return low is not None and high is not None and low > high


def check_grades(tables: Tables) -> Iterator[Fault]:
    """Bounds fall from row to row down to 0, colours get no better on the way, one is blank."""
    table = tables["grades"]
    if not all(row.knows("min_score") for row in table.rows) or not table.rows:
        return
    blank = [row for row in table.rows if row.get("min_score") is None]
    bounded = [row for row in table.rows if row.get("min_score") is not None]
    if len(blank) != 1:
        what = f"{len(blank)} grades have a blank min_score, the one for insufficient data has it"
        hint = "fill in the others" if blank else "leave it blank there, or put the row back"
        yield table.fault("grades_blank", blank[1:], "min_score", what, hint)
    if all(row.get("min_score") > 0 for row in bounded):
        what = "no grade starts at 0, so that low scores have none"
        hint = "set the lowest min_score to 0"
        yield table.fault("grades_lowest", bounded[-1:], "min_score", what, hint)
    for above, row in pairwise(bounded):
        high, low = above.get("min_score"), row.get("min_score")
        if low > high:
            what = f"{plain(low)} stands below {plain(high)}"
            hint = "sort the rows by min_score, the highest first"
            yield table.fault("grades_order", [row], "min_score", what, hint)
    ranked = sorted(bounded, key=lambda row: -row.get("min_score"))
    for above, row in pairwise([row for row in ranked if row.get("colour") in LIGHTS]):
        if LIGHTS.index(above.get("colour")) > LIGHTS.index(row.get("colour")):
            what = f"{row.get('colour')} from {plain(row.get('min_score'))}, but row {above.number}"
            what += f" is {above.get('colour')} from {plain(above.get('min_score'))}"
            hint = "green lies above yellow, yellow above red"
            yield table.fault("grades_colour", [row], "colour", what, hint)


def check_alert_rules(tables: Tables) -> Iterator[Fault]:
    """Levels and margins are in the unit of their kind; a storm is about all accounts."""
    table = tables["alert_rules"]
    for row in table.rows:
        kind, level = row.get("kind"), row.values.get("level")
        shares = {"coverage_lost": ("level", "reopen_margin"), "storm": ("level",)}
        for column in shares.get(kind, ()):
            value = row.values.get(column)
            if value is not None and value > 1:
                what = f"{plain(value)} is above 1: {kind} compares a share"
                hint = f"did you mean {plain(value / 100)}?"
                yield table.fault("alert_shares", [row], column, what, hint)
        if level == 0 and kind == "drops_by":
            what, hint = "every score drops by 0 points", "write how many points are worth an alert"
            yield table.fault("alert_drop", [row], "level", what, hint)
        for column, wanted in (("segment", "*"), ("cooldown_days", 0), ("reopen_margin", 0)):
            value = row.values.get(column)
            if kind == "storm" and value not in (None, wanted):
                what = f"{shown(row.cells[column])} would not count for a storm"
                hint = f"write {wanted}: a storm is about all accounts and has no margin"
                yield table.fault("alert_storm", [row], column, what, hint)


def check_playbooks(tables: Tables) -> Iterator[Fault]:
    """A playbook on an alert or a grade has no threshold, one on an alert has no comparison."""
    table = tables["playbooks"]
    for row in table.rows:
        kind = row.get("trigger_on")
        for column in ("comparison", "threshold"):
            given = row.cells.get(column, "")
            if given and kind in (("alert",) if column == "comparison" else ("alert", "grade")):
                what = f"{shown(given)} beside a playbook that is triggered by the {kind}"
                hint = f"leave {column} blank, or let trigger_on be component or metric"
                yield table.fault("playbooks", [row], column, what, hint)


def check_alert_triggers(tables: Tables) -> Iterator[Fault]:
    """Playbooks name alerts of an account; a storm is about the feeds."""
    table = tables["playbooks"]
    kinds = {row.get("rule"): row.get("kind") for row in tables["alert_rules"].rows}
    for row in table.rows:
        rule = row.get("trigger")
        if row.get("trigger_on") == "alert" and kinds.get(rule) == "storm":
            what = f"{rule} is no alert of an account: it says that there are too many"
            hint = "name another rule of alert_rules.csv"
            yield table.fault("storm", [row], "trigger", what, hint)


RULES: list[tuple[Callable[[Tables], Iterator[Fault]], tuple[str, ...]]] = [
    (check_currencies, ("currencies",)),
    (check_segments, ("segments",)),
    (check_goals, ("scorecards",)),
    (check_weights, ("scorecard_metrics",)),
    (check_coverage, ("scorecards", "segments", "scorecard_metrics")),
    (check_thresholds, ("metrics", "scorecard_metrics")),
    (check_shares, ("metrics", "scorecard_metrics", "score_caps", "playbooks")),
    (check_grades, ("grades",)),
    (check_alert_rules, ("alert_rules",)),
    (check_playbooks, ("playbooks",)),
    (check_alert_triggers, ("playbooks", "alert_rules")),
]


# ------------------------------------------------------------------------------------ the command


def collapse(faults: list[Fault], files: list[str]) -> list[Fault]:
    """In order of file and row, with the same fault of many rows said once."""
    groups: dict[Fault, list[int]] = {}
    for fault in faults:
        groups.setdefault(replace(fault, row=None), []).append(fault.row or 0)
    merged = []
    for fault, numbers in groups.items():
        first, *rest = sorted(numbers)
        merged.append(replace(fault, row=first or None, also_in_rows=tuple(rest)))
    place = {name: at for at, name in enumerate(files)}
    return sorted(merged, key=lambda f: (place.get(f.file, len(place)), f.file, f.row or 0))


def validate(folder: Path) -> tuple[dict[str, int], list[Fault]]:
    """The number of rows of each file, and all that is wrong in the folder."""
    try:
        seeds = read_seeds(folder)
    except ConditionError as error:
        hint = "write parts such as kind = 'storm', kind not in ('a', 'b') or days is not null,"
        hint += " joined by and"
        return {}, [Fault("yaml", "*.yml", None, None, str(error), hint)]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"the YAML of the seeds cannot be read: {' '.join(str(error).split())[:200]}"
        return {}, [Fault("yaml", "*.yml", None, None, what, "mend it; dbt parse says more")]
    paths, faults = find_files(folder, seeds)
    tables: Tables = {}
    for path in paths:
        tables[path.stem], found = read_table(path, seeds[path.stem])
        faults += [*found, *check_cells(tables[path.stem])]
        faults += [*check_keys(tables[path.stem]), *check_rows(tables[path.stem])]
    computed = computed_metrics()
    whole = {name for name, table in tables.items() if table.whole}
    if "metrics" in whole:
        faults += check_catalogue(tables, computed)
    faults += check_relationships(tables, {"metrics": computed})
    for rule, needed in RULES:
        if whole.issuperset(needed):
            faults += rule(tables)
    rows = {table.seed.file: len(table.rows) for table in tables.values()}
    return rows, collapse(faults, [seed.file for seed in seeds.values()])


def as_text(folder: Path, rows: dict[str, int], faults: list[Fault]) -> str:
    """The report for a terminal."""
    if not faults:
        return f"{folder}: {len(rows)} files, {sum(rows.values())} rows: nothing wrong"
    lines, seen, file = [], Counter[tuple[str, str | None, str]](), ""
    kinds = Counter((f.file, f.column, f.rule) for f in faults)
    for fault in faults:
        kind = (fault.file, fault.column, fault.rule)
        seen[kind] += 1
        if fault.file != file:
            file = fault.file
            lines.append(f"\n{shown(folder / file, 200)[1:-1]}")
        if seen[kind] <= MOST:
            place = [span([fault.row, *fault.also_in_rows])] if fault.row else []
            place += [shown(fault.column)[1:-1]] if fault.column else []
            text = f"{', '.join(place)}: {fault.fault}" if place else fault.fault
            lines.append(fill(text, "  ", 6))
            lines.append(fill(fault.hint, "      -> ", 9))
        elif seen[kind] == MOST + 1:
            lines.append(f"  and {kinds[kind] - MOST} more of this kind (--json lists all)")
    count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
    lines.append(f"\n{count} in {folder}. Mend, and check again: make validate SEEDS={folder}")
    return "\n".join(lines).lstrip("\n")


def fill(text: str, start: str, indent: int) -> str:
    rest = " " * indent
    return textwrap.fill(
        text, WIDTH, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False
    )


def run(folder: Path | None, is_json: bool, is_quiet: bool) -> int:
    """Print all that is wrong with the seeds: 0 nothing, 2 something."""
    ours, here = seeds_folder(), Path.cwd()
    folder = folder or (ours.relative_to(here) if ours.is_relative_to(here) else ours)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    rows, faults = validate(folder)
    if is_json:
        found = {"folder": str(folder), "rows": rows, "faults": list(map(asdict, faults))}
        print(json.dumps(found, indent=2))
    elif faults or not is_quiet:
        print(as_text(folder, rows, faults))
    return CONFIGURATION if faults else 0
