"""The checks in the YAML of the seeds, applied to the rows: the data tests that dbt runs too. A
test that is not named here is left to dbt.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from customer_health.seeds.files import (
    CellError,
    Condition,
    Fault,
    Row,
    Table,
    like,
    plain,
    read_cell,
    shown,
)

PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*")
SQL = re.compile(r";|(^|\s|')--|/\*")


def keep_not_null(value: Any, _: dict[str, Any]) -> None:
    if value is None:
        raise CellError("not_null", "the cell is blank", "fill it in")


def keep_accepted_values(value: Any, arguments: dict[str, Any]) -> None:
    values = [str(v) for v in arguments["values"]]
    if value is not None and str(value) not in values:
        guess = like(str(value), values)
        hint = f"did you mean {guess}?" if guess else f"one of {', '.join(values)}"
        what = f"unknown value {shown(value)}"
        raise CellError("accepted_values", what, hint, guess or None)


def keep_within_range(value: Any, arguments: dict[str, Any]) -> None:
    if value is None:
        return
    low, above, high = (arguments.get(key) for key in ("at_least", "above", "at_most"))
    wanted = [("above", above), ("of at least", low), ("at most", high)]
    hint = "write a number " + " and ".join(f"{w} {n}" for w, n in wanted if n is not None)
    if high == 1 and 1 < value <= 100:
        hint = f"did you mean {plain(value / 100)}? It is a share, 0 to 1"
    for outside, what in (
        (low is not None and value < Decimal(str(low)), f"below {low}"),
        (above is not None and value <= Decimal(str(above)), f"not above {above}"),
        (high is not None and value > Decimal(str(high)), f"above {high}"),
    ):
        if outside:
            raise CellError("within_range", f"{plain(value)} is {what}", hint)


def keep_plain_name(value: Any, _: dict[str, Any]) -> None:
    if value is not None and not PLAIN_NAME.fullmatch(value):
        guess = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_0123456789")
        hint = "use small letters, digits and _" + (f", such as {guess}" if guess else "")
        raise CellError("plain_name", f"{shown(value)} is not a plain name", hint, guess or None)


def keep_free_name(value: Any, _: dict[str, Any]) -> None:
    if value is not None and re.search(r"[^\S ]", value):
        what = f"{shown(value)} has a white space other than the plain one"
        raise CellError("free_name", what, "type it again with plain spaces, on one line")
    if value is not None and SQL.search(value):
        raise CellError("sql", f"{shown(value)} looks like SQL", "write the name only")


def keep_clean_text(value: Any, arguments: dict[str, Any]) -> None:
    """What is left of it: whatever else makes a text unclean is found where the cell is read."""
    if arguments["values"] == "ours" and value is not None and value[0] in "=+-@":
        what = f"{shown(value)} starts with {value[0]}, which some programs take for a formula"
        raise CellError("first_character", what, "start with a letter or digit")


KEEP: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    "not_null": keep_not_null,
    "accepted_values": keep_accepted_values,
    "within_range": keep_within_range,
    "plain_name": keep_plain_name,
    "free_name": keep_free_name,
    "clean_text": keep_clean_text,
}


def selected(row: Row, where: list[Condition]) -> bool:
    """Whether a `where` of the YAML takes the row; as in SQL, a comparison with blank does not."""
    for part in where:
        value = row.get(part.column)
        if not part.texts and (row.cells.get(part.column, "") == "") == part.negated:
            return False
        if part.texts and (value is None or (str(value) in part.texts) == part.negated):
            return False
    return True


def check_cells(table: Table) -> Iterator[Fault]:
    """Read every cell and apply the checks of its column; one fault per cell."""
    kept = [check for check in table.seed.checks if check.name in KEEP]
    for row in table.rows:
        for column, kind in table.seed.types.items():
            if column not in row.cells:
                continue
            try:
                value = read_cell(row.cells[column], kind)
                for check in kept:
                    if check.column == column and selected(row, check.where):
                        KEEP[check.name](value, check.arguments)
                row.values[column] = value
            except CellError as error:
                if error.guess is not None and kind == "varchar":
                    row.guesses[column] = error.guess
                yield table.fault(error.rule, [row], column, error.fault, error.hint)


def check_keys(table: Table) -> Iterator[Fault]:
    """Rows that repeat the key of an earlier one."""
    for check in table.seed.checks:
        if check.name != "unique":
            continue
        columns = check.arguments.get("columns") or [check.column]
        first: dict[tuple[Any, ...], Row] = {}
        for row in table.rows:
            if not all(name in row.values for name in columns) or not selected(row, check.where):
                continue
            key = tuple(row.values[name] for name in columns)
            if key in first and (len(key) > 1 or key != (None,)):
                what = f"repeats row {first[key].number}: {', '.join(map(str, key))}"
                hint = f"delete one of the two, or change its {' or '.join(columns)}"
                yield table.fault("repeated", [row], check.column or None, what, hint)
            first.setdefault(key, row)


def check_rows(table: Table) -> Iterator[Fault]:
    """A seed that has to have rows."""
    if table.whole and not table.rows and any(p.name == "has_rows" for p in table.seed.checks):
        what = "there are no rows below the header"
        hint = f"put them back: git checkout -- seeds/scoring/{table.seed.file}"
        table.whole = False  # what other rows say of these is no fault of theirs
        yield table.fault("has_rows", (), None, what, hint)


def check_relationships(tables: dict[str, Table], also: dict[str, set[str]]) -> Iterator[Fault]:
    """Names that the other seed does not have; `also` are names that it should have."""
    for table in tables.values():
        for check in table.seed.checks:
            arguments = check.arguments
            target = re.search(r"\w+(?=['\"]\))", str(arguments.get("to")))
            parent = tables.get(target[0]) if target else None
            if check.name != "relationships" or parent is None or not parent.whole:
                continue
            known = {row.get(arguments["field"]) for row in parent.rows} - {None}
            known |= also.get(parent.seed.name, set())
            unknown: dict[Any, list[Row]] = {}
            for row in (row for row in table.rows if selected(row, check.where)):
                value = row.values.get(check.column)
                if value is not None and value not in known:
                    unknown.setdefault(value, []).append(row)
            for value, rows in unknown.items():
                guess = like(str(value), map(str, known))
                hint = f"list it in {parent.seed.file} first"
                hint = f"did you mean {guess}? Otherwise {hint}" if guess else hint
                is_likely = guess and not repeats(table, rows, check.column, guess)
                for row in rows:
                    del row.values[check.column]
                    row.guesses |= {check.column: guess} if is_likely else {}
                    what = f"{shown(value)} is not in {parent.seed.file}"
                    yield table.fault("relationships", [row], check.column, what, hint)


def repeats(table: Table, rows: list[Row], column: str, guess: str) -> bool:
    """Whether one of the rows would be there twice if the guess was right; so it is none."""
    key = table.seed.key
    if column not in key:
        return False
    known = {tuple(map(row.get, key)) for row in table.rows}
    return any(
        tuple(guess if name == column else row.get(name) for name in key) in known for row in rows
    )


# What this module holds; a seed that names another test has it run by dbt only.
KNOWN = {*KEEP, "unique", "relationships", "has_rows"}
