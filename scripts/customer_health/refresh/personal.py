"""Which columns of a file are kept: all that are ours, and what else came, unless it looks personal
and no row of landing/kept_columns.csv allows it."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from customer_health.errors import CONFIGURATION, UserError
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import listed, quoted
from customer_health.settings import project_root

HEADER = ["input", "column", "why"]
USER = "user_id"
# In the name of a column, wherever it stands.
PARTS = (
    "mail", "name", "phone", "mobile", "address", "birth", "passport", "password", "surname",
    "userid", "user_id",
)  # fmt: skip
# A word of the name; and the whole name.
WORDS = {"ip", "ssn", "dob", "fax", "iban", "login", "person", "contact", "gender"}
NAMES = {"user", "users", "uid", "who", "tel"}
# A column whose values are mostly e-mail addresses; so many rows tell.
ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"
ROWS_THAT_TELL = 10_000


@dataclass(frozen=True)
class Allowed:
    """A column that is kept although it looks personal."""

    input: str
    column: str


def squeezed(name: str) -> str:
    """A name without case, blanks and what joins its words."""
    return re.sub(r"[\W_]", "", name).lower()


def is_spelled_like_ours(name: str) -> bool:
    """Whether a column may be the user id under another spelling, which landing would not hide."""
    return name != USER and squeezed(name) == squeezed(USER)


def looks_personal(name: str) -> bool:
    """Whether a column by its name holds what tells who somebody is."""
    words = set(re.split(r"[\W_]+", name.lower()))
    has_part = any(part in name.lower() or part in squeezed(name) for part in PARTS)
    return has_part or bool(words & WORDS) or squeezed(name) in NAMES


def read_allowed(path: Path | None = None) -> frozenset[Allowed]:
    """The columns that a person decided to keep; UserError(2) where a row cannot be meant."""
    path = path or project_root() / "landing" / "kept_columns.csv"
    contracts = {contract.name: contract for contract in raw_files.read_contract()}

    def fault(row: int, what: str) -> UserError:
        where = f"{path.parent.name}/{path.name}"
        return UserError(
            CONFIGURATION,
            f"{where}, row {row}: {what}.",
            "Fix or remove the row; a column that is not listed is not kept if it looks personal.",
        )

    if not path.exists():
        return frozenset()
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error):
        raise fault(1, "not UTF-8 text with commas") from None
    found: set[Allowed] = set()
    if not rows or [cell.strip().lower() for cell in rows[0]] != HEADER:
        raise fault(1, f"the columns have to be {','.join(HEADER)}")
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(HEADER):
            raise fault(number, f"{len(row)} cells instead of {len(HEADER)}")
        name, column, why = (cell.strip() for cell in row)
        column = column.lower()
        if name not in contracts:
            guess = raw_files.like(name, contracts)
            raise fault(number, f"no input {listed([name])}{f'; is it {guess}?' * bool(guess)}")
        if not column or not why:
            raise fault(number, "column and why must not be empty")
        if is_spelled_like_ours(column):
            raise fault(number, f"{listed([column])} is the user id; have it called {USER}")
        if column == USER or column in {one.name for one in contracts[name].columns}:
            raise fault(number, f"{listed([column])} is of the contract, so it is kept anyway")
        if Allowed(name, column) in found:
            raise fault(number, f"{listed([column])} is listed twice")
        found.add(Allowed(name, column))
    return frozenset(found)


def left_out(
    name: str, columns: dict[str, tuple[str, str]], rows: str, own: tuple[str, ...]
) -> list[str]:
    """The columns of a file that are not kept: unknown ones that look personal, by their name or by
    their values. `columns` are {name: (as received, class)}, `rows` selects them."""
    allowed = read_allowed()
    ours = {c.name for one in raw_files.read_contract() for c in one.columns}
    unknown = [
        column
        for column in columns
        if column not in ours | {USER, *own} and Allowed(name, column) not in allowed
    ]
    found = [c for c in unknown if is_spelled_like_ours(c) or looks_personal(c)]
    others = [c for c in unknown if c not in found and columns[c][1] == "text"]
    addresses = of_addresses(others, rows)
    return found + [column for column in others if column in addresses]


def of_addresses(columns: list[str], rows: str) -> set[str]:
    """Those columns of which most values are e-mail addresses."""
    if not columns:
        return set()
    cells = ['"' + column.replace('"', '""') + '"' for column in columns]
    tests = ", ".join(
        f"count(*) filter (regexp_full_match(trim({cell}), {quoted(ADDRESS)})) * 2 > count({cell})"
        for cell in cells
    )
    with duckdb.connect() as connection:
        try:
            (answers,) = connection.execute(
                f"select {tests} from (select {', '.join(cells)} from ({rows})"
                f" limit {ROWS_THAT_TELL})"
            ).fetchall()
        except duckdb.Error:
            # Landing reads them again, and says what is wrong.
            return set()
    return {column for column, answer in zip(columns, answers, strict=True) if answer}
