"""What is in a folder of seeds: the checks in their YAML, their files as far as they can be
read, the value of each cell. What cannot be taken as it stands is a fault; nothing is raised.
"""

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from customer_health.settings import project_root

NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)", re.ASCII)
CONDITION = re.compile(
    r"\s*(?P<column>\w+)\s*(?:is\s+(?P<filled>not\s+)?(?P<blank>null)"
    r"|(?P<sign>=|<>|!=)\s*(?P<text>'[^']*')|(?P<out>not\s+)?in\s*\("
    r"(?P<texts>\s*'[^']*'\s*(?:,\s*'[^']*'\s*)*)\))"
    r"\s*(?:\band\s+(?=\S)|$)",
    re.IGNORECASE,
)
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]")


def seeds_folder() -> Path:
    """The scoring seeds of the project."""
    return project_root() / "seeds" / "scoring"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; row and column are null where it is the whole file or row."""

    rule: str
    file: str
    row: int | None
    column: str | None
    fault: str
    hint: str
    also_in_rows: tuple[int, ...] = ()


class CellError(Exception):
    """A cell that cannot be taken as it stands, and what was probably meant."""

    def __init__(self, rule: str, fault: str, hint: str, guess: Any = None) -> None:
        super().__init__(fault)
        self.rule, self.fault, self.hint, self.guess = rule, fault, hint, guess


class ConditionError(ValueError):
    """A `where` of the YAML that is not understood: nobody could say which rows it takes."""


@dataclass(frozen=True)
class Condition:
    """A part of a `where`: the cell is, or is not, one of the texts; no text stands for blank."""

    column: str
    texts: tuple[str, ...]
    negated: bool


@dataclass(frozen=True)
class Check:
    """A data test of the YAML, or a part of one; `column` is empty for one of the whole seed."""

    name: str
    column: str
    arguments: dict[str, Any]
    where: list[Condition]


@dataclass(frozen=True)
class Seed:
    """What the YAML says about one seed: its columns with their types, in order, and its tests."""

    name: str
    types: dict[str, str]
    checks: list[Check]

    @property
    def file(self) -> str:
        return f"{self.name}.csv"

    @property
    def key(self) -> list[str]:
        """The columns that tell its rows apart."""
        for check in self.checks:
            if check.name == "unique" and not check.where:
                return list(check.arguments.get("columns") or [check.column])
        return []


@dataclass
class Row:
    """A row as a spreadsheet numbers it. `values` lacks cells that are wrong, `guesses` has what
    they probably mean, so that one slip is not reported again by the rules over many rows."""

    number: int
    cells: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    guesses: dict[str, Any] = field(default_factory=dict)

    def get(self, column: str) -> Any:
        return self.guesses.get(column, self.values.get(column))

    def knows(self, *columns: str) -> bool:
        return all(column in self.values or column in self.guesses for column in columns)


@dataclass
class Table:
    """A seed as it was read; not whole when rows or columns could not be told apart."""

    seed: Seed
    rows: list[Row] = field(default_factory=list)
    whole: bool = True

    def fault(
        self, rule: str, rows: Sequence[Row], column: str | None, fault: str, hint: str
    ) -> Fault:
        number = rows[0].number if rows else None
        return Fault(rule, self.seed.file, number, column, fault, hint)


Tables = dict[str, Table]


# ------------------------------------------------------------------------------------- words


def shown(value: object, most: int = 60) -> str:
    """A value as it may be printed: quoted, on one line, not too long."""
    text = str(value)
    text = text if len(text) <= most else text[: most - 3] + "..."
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + '"'


def like(name: str, others: Iterable[str]) -> str:
    """The one of the others that the name resembles most, or nothing."""
    found = {other.lower(): other for other in others}
    match = difflib.get_close_matches(name.strip().lower()[:100], found, 1, 0.6)
    return found[match[0]] if match else ""


def span(numbers: Iterable[int]) -> str:
    """Row numbers in words: row 4, rows 2-9 and 14."""
    runs: list[list[int]] = []
    for n in sorted(set(numbers)):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    texts = texts if len(texts) <= 8 else [*texts[:7], "more"]
    joined = " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
    return f"row{'s' * (len(runs) > 1 or len(runs[0]) > 1)} {joined}"


def plain(number: Decimal) -> str:
    """A decimal without exponent and idle zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# ---------------------------------------------------------------------------------- the YAML


def read_yaml(path: Path) -> dict[str, Any]:
    return parse_yaml(path.read_bytes())


@lru_cache(maxsize=8)
def parse_yaml(content: bytes) -> dict[str, Any]:
    """The same object for the same content: to be read, never changed."""
    loaded = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded if isinstance(loaded, dict) else {}


def read_condition(where: str, of: str) -> list[Condition]:
    """The parts of a `where`, of which a row has to meet all."""
    parts, at = [], 0
    while at < len(where):
        match = CONDITION.match(where, at)
        texts = re.findall(r"'([^']*)'", (match["text"] or match["texts"] or "") if match else "")
        if not match or not (texts or match["blank"]):
            raise ConditionError(f"the condition {shown(where, 200)} of {of} is not understood")
        negated = bool(match["filled"] or match["out"] or match["sign"] in ("<>", "!="))
        parts.append(Condition(match["column"], tuple(texts), negated))
        at = match.end()
    return parts


def check_arguments(entry: dict[str, Any], wanted: dict[str, Any], seed: str) -> None:
    """ValueError where the test `table_checks` would refuse the entry."""
    key, reference = wanted.get("unique", [""]), wanted.get("references", {"to": "", "field": ""})
    is_of_rows = set(wanted) in ({"unique"}, {"holds"})
    if (
        is_of_rows == bool(entry.get("columns"))
        or not (isinstance(key, list) and key)
        or not (isinstance(reference, dict) and set(reference) == {"to", "field"})
    ):
        raise ValueError(f"the check {entry} of {seed} is not understood")


def read_table_checks(body: dict[str, Any], where: list[Condition], seed: str) -> Iterator[Check]:
    """The checks of a test `table_checks` (data_tests/generic/table_checks.sql), one by one."""
    if body.get("has_rows"):
        yield Check("has_rows", "", {}, where)
    for entry in body["checks"]:
        limits = {key: entry[key] for key in ("at_least", "above", "at_most") if key in entry}
        wanted = {key: entry[key] for key in entry if key not in ("columns", "where", *limits)}
        parts = [*where, *read_condition(entry.get("where", ""), f"table_checks of {seed}")]
        check_arguments(entry, wanted, seed)
        if key := wanted.pop("unique", None):
            yield Check("unique", key[0] if len(key) == 1 else "", {"columns": key}, parts)
        if reference := wanted.pop("references", None):
            for column in entry["columns"]:
                yield Check("relationships", column, reference, parts)
        for column in entry.get("columns") or [""]:
            for name, value in wanted.items():
                yield Check(name, column, {"values": value}, parts)
            if limits:
                yield Check("within_range", column, limits, parts)


def read_checks(entry: dict[str, Any], seed: str, column: str = "") -> Iterator[Check]:
    """The data tests of a seed or column; those that only warn are left to dbt."""
    for test in entry.get("data_tests") or entry.get("tests") or []:
        name, body = (test, {}) if isinstance(test, str) else next(iter(test.items()))
        config = body.get("config") or {}
        where, severity = (config.get(key, body.get(key, "")) for key in ("where", "severity"))
        if severity == "warn":
            continue
        parts = read_condition(where, f"{name} of {seed}")
        arguments = body.get("arguments") or body
        if name == "table_checks":
            yield from read_table_checks(arguments, parts, seed)
        else:
            yield Check(name, column, arguments, parts)


def read_seeds(folder: Path) -> dict[str, Seed]:
    """The checks in the YAML files of the folder, else those of the project."""
    paths = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]) or sorted(
        seeds_folder().glob("*.yml")
    )
    seeds = {}
    for entry in (entry for path in paths for entry in read_yaml(path).get("seeds") or []):
        columns = entry.get("columns") or []
        types = (entry.get("config") or {}).get("column_types") or {}
        checks = list(read_checks(entry, entry["name"]))
        for column in columns:
            checks += read_checks(column, entry["name"], column["name"])
        names = {column["name"]: str(types.get(column["name"], "varchar")) for column in columns}
        seeds[entry["name"]] = Seed(entry["name"], names, checks)
    return seeds


def computed_metrics() -> set[str]:
    """The metrics that the tables of models/metrics have a column for."""
    tables = [
        m
        for m in read_yaml(project_root() / "models" / "metrics" / "_metrics__models.yml")["models"]
        if m["name"].startswith("metrics_")
    ]
    columns = {column["name"] for table in tables for column in table["columns"]}
    return columns - {"account_id", "score_date", "inputs_fingerprint"}


# --------------------------------------------------------------------------------- the files


def find_files(folder: Path, seeds: dict[str, Seed]) -> tuple[list[Path], list[Fault]]:
    """The files of the seeds that are there; seeds without a file, and files without a seed."""
    there = {path.name: path for path in sorted(folder.glob("*")) if path.is_file()}
    unexpected = [
        name for name in there if name.lower().endswith(".csv") and name[:-4] not in seeds
    ]
    unexpected += [str(p.relative_to(folder)) for p in sorted(folder.glob("*/**/*.csv"))]
    sheets = [name for name in there if name.lower().endswith((".xlsx", ".xls", ".ods", ".txt"))]
    faults = []
    for seed in (seed for seed in seeds.values() if seed.file not in there):
        guess = like(seed.file, unexpected + sheets)
        fault = f"there is no {seed.file}" + (f", but there is {shown(guess)}" if guess else "")
        hint = f"put it back: git checkout -- seeds/scoring/{seed.file}"
        if guess:
            hint = f"rename it to {seed.file}" if guess in unexpected else "save that sheet as CSV"
        faults.append(Fault("file_missing", seed.file, None, None, fault, hint))
        unexpected = [name for name in unexpected if name != guess]
    for name in unexpected:
        hint = "describe it in _scoring__seeds.yml, or move it out of the folder"
        fault = "no seed of this name is described in the YAML, so nothing would check it"
        faults.append(Fault("file_unknown", name, None, None, fault, hint))
    return [there[seed.file] for seed in seeds.values() if seed.file in there], faults


def decode(data: bytes, file: str) -> tuple[str, list[Fault]]:
    """The text; bytes that are not UTF-8 stay in it as lone surrogates."""
    codec = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
    if not codec and data.count(0) > len(data) // 4:
        codec = "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"
    if codec:
        hint = 'save it as CSV in UTF-8, not as "Unicode text"'
        fault = Fault("utf_16", file, 1, None, "the file is UTF-16, not UTF-8", hint)
        return data.decode(codec, "replace").removeprefix("\ufeff"), [fault]
    text = data.decode("utf-8", "surrogateescape")
    if not text.startswith("\ufeff"):
        return text, []
    hint = (
        'save it as UTF-8 without BOM: a text editor can ("UTF-8", not "UTF-8 with BOM"), so can'
        ' LibreOffice; Excel\'s "CSV UTF-8" always writes the mark'
    )
    what = "the file starts with a byte-order mark, which some readers take for part of the header"
    return text.lstrip("\ufeff"), [Fault("byte_order_mark", file, 1, None, what, hint)]


def split(text: str, file: str) -> tuple[list[tuple[int, list[str]]], list[Fault]]:
    """The records with their row numbers; a record whose quotes do not match is a fault."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    faults: list[Fault] = []
    number = line = 0
    while True:
        number, line = number + 1, reader.line_num
        try:
            records.append((number, next(reader)))
        except StopIteration:
            return records, faults
        except csv.Error as error:
            open_quote = "end of data" in str(error) or reader.line_num > line + 1
            fault = "a double quote is not closed" if open_quote else "a double quote is misplaced"
            hint = 'begin and end a quoted cell with ", and write "" for a quote inside it'
            faults.append(Fault("quotes", file, number, None, fault, hint))
            if open_quote:
                return records, faults


def check_header(header: list[str], table: Table) -> tuple[list[str], list[Fault]]:
    """The column that each cell of the header stands for; none at all when it is no header."""
    seed, wanted = table.seed, list(table.seed.types)

    def fault(rule: str, column: str | None, text: str, hint: str) -> Fault:
        return Fault(rule, seed.file, 1, column, text, hint)

    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(set(wanted) & {name.strip(' "') for name in ",".join(header).split(mark)}) > 1:
            hint = "save it with commas between the cells"
            return [], [fault("separator", None, f"the cells are separated by {word}", hint)]
    missing = [name for name in wanted if name not in header]
    names: list[str] = []
    faults = []
    for name in header:
        guess = like(name, missing)
        if name in names:
            text = f"the column {shown(name)} is there twice"
            faults.append(fault("column_twice", name, text, "delete one of them"))
        elif name not in wanted and guess:
            missing.remove(guess)
            text = f"unknown column {shown(name)}"
            faults.append(fault("column_unknown", name, text, f"did you mean {guess}?"))
        elif name not in wanted:
            text = f"unknown column {shown(name)}" if name.strip() else "a column without a name"
            faults.append(fault("column_unknown", name or None, text, "delete the column"))
        names.append(guess if name not in wanted and guess else name)
    if not set(header) & set(wanted) and 2 * len(set(names) & set(wanted)) < len(wanted):
        hint = f"row 1 has to be {','.join(wanted)}"
        return [], [fault("no_header", None, "the first row is not the header", hint)]
    for name in missing:
        hint = f"add it; the columns are {','.join(wanted)}"
        faults.append(fault("column_missing", name, f"there is no column {name}", hint))
    if not faults and names != wanted:
        text = "the columns are in another order: a build without --full-refresh would mix them up"
        faults.append(fault("column_order", None, text, f"put them in order: {','.join(wanted)}"))
    return names, faults


def check_widths(
    records: list[tuple[int, list[str]]], names: list[str], table: Table
) -> list[Fault]:
    """Turn the records into rows of the table, but for those with too few or too many cells."""
    faults = []
    for number, cells in records:
        text, hint = "", ""
        if not any(cell.strip() for cell in cells):
            text, hint, rule = "the row is blank", "delete the row", "row_blank"
        elif len(cells) != len(names):
            few, rule = len(cells) < len(names), "row_width"
            text = f"{len(cells)} cells, but the header has {len(names)}"
            hint = 'a cell with a comma in it needs "double quotes"; a decimal is written 0.5'
            hint = "add the commas that are missing, one per blank cell" if few else hint
            table.whole = False
        if text:
            faults.append(Fault(rule, table.seed.file, number, None, text, hint))
        else:
            pairs = reversed(list(zip(names, cells, strict=True)))  # of a column twice, the first
            table.rows.append(Row(number, dict(pairs)))
    return faults


def read_table(path: Path, seed: Seed) -> tuple[Table, list[Fault]]:
    """Read one file as far as it can be read."""
    table = Table(seed, whole=False)
    try:
        data = path.read_bytes()
    except OSError as error:
        fault = f"the file cannot be read: {error.strerror}"
        return table, [table.fault("file_unreadable", (), None, fault, "give yourself the right")]
    text, faults = decode(data, seed.file)
    records, quotes = split(text, seed.file)
    if not text.strip():
        hint = f"the columns are {','.join(seed.types)}"
        return table, [*faults, table.fault("file_empty", (), None, "the file is empty", hint)]
    with_header = bool(records) and records[0][0] == 1
    names, header = check_header(records[0][1], table) if with_header else ([], [])
    table.whole = not quotes and set(seed.types) <= set(names)
    widths = check_widths(records[1:], names, table) if names else []
    return table, [*faults, *quotes, *header, *widths]


# --------------------------------------------------------------------------------- the cells


def mended_number(text: str) -> str:
    """How to write what is not read as a number."""
    bare = re.sub(r"[\s_'\u2019,]", "", text)
    if "%" in text:
        return f"write {text.replace('%', '').strip()}, or as a share (20 % is 0.2) where shares go"
    if re.fullmatch(r"-?\d+,\d+", text) and not re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", text):
        return f"a decimal has a point: write {text.replace(',', '.')}"
    if NUMBER.fullmatch(bare):
        return f"write it without blanks and separators: {bare}"
    if re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d\d?)?", text, re.ASCII):
        return f"write it without plus sign and exponent: {plain(Decimal(text))}"
    if re.search(r"\d[./-]\d+[./-]\d|[A-Za-z]{3}-\d|\d[-.] ?[A-Za-z]{3}", text):
        return "a spreadsheet took it for a date: format the cell as a number, type it again"
    return "write digits only, such as 12 or 0.5"


def read_number(text: str, kind: str) -> Decimal:
    """A number that its type holds without rounding."""
    if len(text) > 50:
        raise CellError("number_size", f"{shown(text)} is too long", "write a shorter number")
    if not NUMBER.fullmatch(text):
        raise CellError("number", f"{shown(text)} is not a number", mended_number(text))
    number = Decimal(text)
    whole, _, decimals = plain(number.copy_abs()).partition(".")
    if kind.startswith(("int", "bigint")):
        if decimals:
            low = int(number.to_integral_value(ROUND_FLOOR))
            what = f"{shown(text)} is not a whole number"
            raise CellError("whole_number", what, f"write {low} or {low + 1}")
        if "." in text:
            what = f"{shown(text)} has a point, but whole numbers have none"
            raise CellError("whole_number", what, f"write {whole}")
        if abs(number) >= 2**31:
            raise CellError("number_size", f"{shown(text)} is too large", "write a smaller number")
    size, _, scale = re.sub(r"[^\d,]", "", kind).partition(",")
    if size and len(decimals) > int(scale or 0):
        what = f"{shown(text)} has {len(decimals)} decimals, at most {scale or 0} are kept"
        raise CellError("decimals", what, f"round it to {scale or 0} decimals")
    if size and len(whole.lstrip("0")) > int(size) - int(scale or 0):
        what = f"{shown(text)} has too many digits before the point"
        raise CellError("number_size", what, f"at most {int(size) - int(scale or 0)} are kept")
    return number


def read_text(text: str) -> str:
    """A text that means the same to people, spreadsheets, dbt and the database."""
    if re.search(r"\{[{%#]|[}%#]\}", text):
        raise CellError("jinja", f"{shown(text)} has Jinja braces", "write the text as it is read")
    if found := UNSEEN.search(text):
        what = f"{shown(text)} has the invisible character U+{ord(found[0]):04X}"
        raise CellError("unseen", what, "type the text again, or delete that character")
    if not text.strip():
        what = "nothing but white space, which is not blank"
        raise CellError("white_space", what, "leave the cell empty, or fill it in")
    if text != text.strip():
        what = f"{shown(text)} has white space at its ends, which makes another name"
        raise CellError("white_space", what, f"write {shown(text.strip())}", text.strip())
    if text[0] in "'\"":
        what = f"{shown(text)} starts with {text[0]}, which some programs take for a quoted cell"
        raise CellError("first_character", what, "start with a letter or digit")
    return text


def read_cell(text: str, kind: str) -> Any:
    """The value of a cell of that type; null where it is blank."""
    if any("\udc80" <= char <= "\udcff" for char in text):
        guess = "".join(c if not "\udc80" <= c <= "\udcff" else chr(ord(c) - 0xDC00) for c in text)
        hint = f"save the file as UTF-8; read as Windows-1252 the cell is {shown(guess)}"
        raise CellError("not_utf_8", "the cell is not UTF-8", hint, guess)
    if not text:
        return None
    if not kind.startswith(("int", "bigint", "decimal", "numeric", "double", "bool")):
        return read_text(text)
    if text != text.strip():
        what = f"{shown(text)} has white space at its ends"
        raise CellError("white_space", what, f"write {text.strip() or 'nothing'}")
    if kind.startswith("bool"):
        if text.lower() not in ("true", "false"):
            what = f"{shown(text)} is neither true nor false"
            raise CellError("boolean", what, "write true, false, or nothing where blank is allowed")
        return text.lower() == "true"
    return read_number(text, kind)
