"""What lies in a folder of raw inputs: files, columns, what keeps them from being read, and how to
read them. The one reader of raw files: the models (through duckdb_plugin.py) and check_input.py use
it. It never tells any content of a file but the names of columns.
"""

import csv
import difflib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import duckdb
import yaml

CONTRACT = Path(__file__).resolve().parents[1] / "models" / "staging" / "_raw__sources.yml"
LONGEST_LINE = 16_000_000
LINE_FAULTS = {
    "MISSING COLUMNS": "fewer cells than the header",
    "TOO MANY COLUMNS": "more cells than the header (a comma inside a cell needs double quotes)",
    "UNQUOTED VALUE": "a double quote that is not closed, or not doubled inside a quoted cell",
    "INVALID ENCODING": "not UTF-8",
    "LINE SIZE OVER MAXIMUM": "longer than 16 MB",
}


class CannotReadError(Exception):
    """A file that the project cannot read; the message says why, without any of its content."""


@dataclass(frozen=True)
class ContractColumn:
    """A column of the contract; a row without a required one is rejected."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True)
class Contract:
    """One raw input; presence is required, expected or optional."""

    name: str
    presence: str
    columns: tuple[ContractColumn, ...]


@dataclass
class RawInput:
    """What was seen of one input. Each of `problems` starts with the name of its file; `sql` reads
    all rows and is empty when there is nothing to read or something is wrong."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    format: str | None = None
    received: dict[str, set[str]] = field(default_factory=dict)
    folder_problem: str | None = None
    problems: list[str] = field(default_factory=list)
    sql: str = ""


def listed(names: Iterable[object], most: int = 5) -> str:
    """The first names as they may be printed (one line, at most 60 characters each)."""
    texts = ["".join(c if c.isprintable() else "?" for c in str(name)) for name in names]
    short = [text if len(text) <= 60 else text[:57] + "..." for text in texts[:most]]
    return ", ".join(short) + (f" and {len(texts) - most:,} more" if len(texts) > most else "")


def like(name: str, others: Iterable[str], cutoff: float = 0.6) -> str:
    """The one of the others that the name resembles most, or nothing."""
    return next(iter(difflib.get_close_matches(name.lower(), others, 1, cutoff)), "")


@cache
def read_contract() -> tuple[Contract, ...]:
    """The inputs of the contract, in its order."""
    tables = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["sources"][0]["tables"]
    contracts = []
    for table in tables:
        columns = []
        for column in table["columns"]:
            meta = column.get("config", {}).get("meta", {})
            required = bool(meta.get("key") or meta.get("required"))
            columns.append(ContractColumn(column["name"], column["data_type"], required))
        presence = table["config"]["meta"]["presence"]
        contracts.append(Contract(table["name"], presence, tuple(columns)))
    return tuple(contracts)


def is_csv(path: Path) -> bool:
    return path.name.lower().endswith(".csv")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def csv_header(path: Path) -> list[str]:
    """The column names in the first line, lower case; raises CannotReadError."""
    with path.open("rb") as file:
        line = re.split(rb"[\r\n]", file.readline(LONGEST_LINE), maxsplit=1)[0]
    try:
        header = line.decode("utf-8-sig").strip()
        names = [name.strip().lower() for name in next(csv.reader([header]), [])]
    except (UnicodeDecodeError, csv.Error):
        raise CannotReadError("the header line is not UTF-8 text") from None
    if not names:
        raise CannotReadError("no header line; put the column names there, or remove the file")
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if len(names) == 1 and separator in names[0]:
            raise CannotReadError(f"the cells are separated by {word}; export it with commas")
    names = [name or f"unnamed_{number}" for number, name in enumerate(names, 1)]
    for number, name in enumerate(names):
        if name in names[:number]:
            places = f"cells {names.index(name) + 1} and {number + 1}"
            raise CannotReadError(f"{places} of the header hold the same name; rename one")
    return names


def source_sql(paths: list[Path], more: str = "") -> str:
    """What to select from to read files of one kind and header; raises CannotReadError.

    The CSV dialect is fixed and the header spelled out: a reader that guesses skips lines that it
    cannot make sense of.
    """
    files = f"[{', '.join(quoted(str(path)) for path in paths)}]"
    if not is_csv(paths[0]):
        return f"read_parquet({files}, union_by_name = true, binary_as_string = true)"
    columns = ", ".join(f"{quoted(name)}: 'varchar'" for name in csv_header(paths[0]))
    return (
        f"read_csv({files}, auto_detect = false, header = true, columns = {{{columns}}},"
        " delim = ',', quote = '\"', escape = '\"', comment = '', encoding = 'utf-8',"
        f" strict_mode = true, max_line_size = {LONGEST_LINE}{more})"
    )


def received_columns(path: Path) -> dict[str, tuple[str, str]]:
    """{lower-case name: (name as received, type)} of one file; raises CannotReadError."""
    try:
        with duckdb.connect() as connection:
            sql = f"describe select * from {source_sql([path])}"
            rows = connection.execute(sql).fetchall()
    except duckdb.Error:
        raise CannotReadError(f"cannot be read as {'CSV' if is_csv(path) else 'Parquet'}") from None
    return {row[0].strip().lower(): (row[0], row[1]) for row in rows}


def broken_lines(path: Path) -> list[str]:
    """The lines of a CSV file that do not hold the cells of its header, a sentence per fault.

    At most 1,000 are counted; raises CannotReadError.
    """
    more = ", store_rejects = true, rejects_limit = 1000, rejects_table = 'faults'"
    try:
        with duckdb.connect() as connection:
            sql = f"select count(columns(*)) from {source_sql([path], more)}"
            connection.execute(sql).fetchall()
            found = connection.execute(
                "select distinct line_byte_position, error_type from faults order by all"
            ).fetchall()
    except duckdb.Error:
        raise CannotReadError(
            "cannot be read as comma-separated UTF-8; do all lines end alike?"
        ) from None
    lines: dict[str, list[int]] = defaultdict(list)
    # DuckDB counts records; people look for lines, and a quoted cell may hold several.
    with path.open("rb") as file:
        end, number = 0, 0
        for position, fault in found:
            while end <= position and (line := file.readline()):
                end, number = end + len(line), number + 1
            lines[LINE_FAULTS.get(fault, fault.lower())].append(number)
    return [
        f"{listed([path.name])}, line{'s' * (len(numbers) > 1)} {listed(numbers)}: {fault}"
        for fault, numbers in lines.items()
    ]


def check_text(path: Path, columns: Iterable[str]) -> None:
    """Read those columns of a Parquet file once; raises CannotReadError where one has no text."""
    for column in columns:
        name = '"' + column.replace('"', '""') + '"'
        try:
            with duckdb.connect() as connection:
                connection.execute(
                    f"select max(length({name})) from {source_sql([path])}"
                ).fetchall()
        except duckdb.Error as error:
            why = "text that is not UTF-8" if "UTF" in str(error) else "a damaged part"
            raise CannotReadError(f"{why} in column {listed([column])}") from None


def union_sql(paths: list[Path], columns: dict[Path, dict[str, tuple[str, str]]]) -> str:
    """What to select from to read all files: those with the same columns together; a column whose
    type differs between files as text, so that each row is judged by what it holds."""
    groups: dict[tuple[tuple[str, tuple[str, str]], ...], list[Path]] = defaultdict(list)
    types: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        groups[tuple(columns[path].items())].append(path)
        for name, (_, kind) in columns[path].items():
            types[name].add(kind)
    selects = []
    for header, members in groups.items():
        items = []
        for name, (as_received, _) in header:
            cell, alias = ('"' + text.replace('"', '""') + '"' for text in (as_received, name))
            items.append(
                f"cast({cell} as varchar) as {alias}"
                if len(types[name]) > 1
                else f"{cell} as {alias}"
            )
        selects.append(f"select {', '.join(items)} from {source_sql(members)}")
    return f"({' union all by name '.join(selects)})"


def version(path: Path) -> str:
    """Another text whenever a file was written again: its size and the time of its last change."""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def versions(raw: Path) -> dict[str, str]:
    """{path: version} of every file in the folders of the inputs below `raw`."""
    folders = [raw / contract.name for contract in read_contract()]
    files = [p for folder in folders if folder.is_dir() for p in sorted(folder.iterdir())]
    return {str(path.absolute()): version(path) for path in files if path.is_file()}


def look(
    raw: Path, contract: Contract, rows: bool = True, known: dict[str, str] | None = None
) -> RawInput:
    """What there is of one input below `raw`. With `rows`, also whether every row can be read;
    those of files in `known` (of versions()) can."""
    seen = RawInput(raw / contract.name)
    entries = sorted(seen.folder.iterdir()) if seen.folder.is_dir() else []
    kinds = (".csv", ".parquet")
    seen.files = [p for p in entries if p.name.lower().endswith(kinds) and p.is_file()]
    seen.others = [p.name + "/" * p.is_dir() for p in entries if p not in seen.files]
    seen.format = " and ".join(sorted({p.suffix.lower()[1:] for p in seen.files})) or None
    if seen.format == "csv and parquet":
        seen.folder_problem = "CSV and Parquet files in one folder; keep one format"
    if set("*?[") & set(str(seen.folder)):
        seen.folder_problem = "DuckDB reads * ? [ in a path as a pattern; rename the folder"
    if seen.folder_problem:
        return seen
    required = {column.name for column in contract.columns if column.required}
    texts = {column.name for column in contract.columns if column.type == "varchar"}
    columns: dict[Path, dict[str, tuple[str, str]]] = {}
    for path in seen.files:
        try:
            found = received_columns(path)
            # Without any known name the first line may be data, which must not be shown.
            if is_csv(path) and not required & found.keys():
                raise CannotReadError("no required column in its first line; is that a header?")
            columns[path] = found
            if not rows or (known or {}).get(str(path.absolute())) == version(path):
                continue
            if is_csv(path):
                seen.problems += broken_lines(path)
            else:
                names = sorted(name for name in texts & found.keys() if found[name][1] == "VARCHAR")
                check_text(path, [found[name][0] for name in names])
        except CannotReadError as error:
            seen.problems.append(f"{listed([path.name])}: {error}")
    received: dict[str, set[str]] = defaultdict(set)
    for found in columns.values():
        for name, (_, kind) in found.items():
            received[name].add(kind)
    seen.received = dict(received)
    known = {column.name for column in contract.columns}
    for name in sorted(required):
        lacking = [
            path.name for path in seen.files if path in columns and name not in columns[path]
        ]
        if lacking:
            guess = like(name, [other for other in received if other not in known])
            hint = f"; is it {listed([guess])}?" if guess else ""
            seen.problems.append(f"{listed(lacking, 1)}: no column {name}{hint}")
    if seen.files and not seen.problems:
        seen.sql = union_sql(seen.files, columns)
    return seen


def problems_of(contract: Contract, seen: RawInput) -> list[str]:
    """All that keeps an input from being used."""
    absent = contract.presence == "required" and not seen.files
    return [
        *[f"required, but there is no *.csv or *.parquet in {seen.folder}"] * absent,
        *([seen.folder_problem] if seen.folder_problem else seen.problems),
    ]


def strays(raw: Path) -> list[str]:
    """What lies in the folder and is no input, with the missing input that it may be."""
    found = {contract.name: look(raw, contract, rows=False) for contract in read_contract()}
    absent = [name for name, seen in found.items() if not seen.files]
    notes = []
    for entry in sorted(raw.iterdir()):
        if (entry.name in found and entry.is_dir()) or entry.name.startswith("."):
            continue
        name, guess = listed([entry.name]), like(entry.name.split(".")[0], absent, 0.5)
        better = f"{guess}/" if entry.is_dir() else f"{guess}/{name}"
        hint = f"; should it be {better}?" if guess else ""
        notes.append(f"{name}{'/' * entry.is_dir()} is not read{hint}")
    return notes
