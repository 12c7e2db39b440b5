"""Check the scoring seeds before building: all that is wrong at once, where, and how to fix it.

The checks of a seed are read from its YAML (seeds/scoring/_scoring__seeds.yml: columns, types, data
tests), so a new seed needs no line here. A rule over several rows or files is a test in
data_tests/seeds; below is only what dbt's test cannot say as well. Needs no dbt, and no database
but one in memory.
"""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import yaml

from customer_health.errors import CONFIGURATION, UsageError
from customer_health.seeds.files import (
    ConditionError,
    Fault,
    Table,
    Tables,
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
from customer_health.seeds.sql import check_rules

WIDTH, MOST = 100, 5

# ----------------------------------------------------------------------- checks of many rows


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


def check_order(table: Table) -> Iterator[Fault]:
    """Bounds of grades fall from row to row; a database does not know the order of the rows."""
    bounded = [row for row in table.rows if row.get("min_score") is not None]
    for above, row in pairwise(bounded):
        high, low = above.get("min_score"), row.get("min_score")
        if low > high:
            what = f"{plain(low)} stands below {plain(high)}"
            hint = "sort the rows by min_score, the highest first"
            yield table.fault("grades_order", [row], "min_score", what, hint)


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
        return {}, [Fault("yaml", "*.yml", None, None, what, "fix it; dbt parse says more")]
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
    if "grades" in whole:
        faults += check_order(tables["grades"])
    faults += check_rules(tables)
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
    lines.append(f"\n{count} in {folder}. Fix, and check again: make validate SEEDS={folder}")
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
