"""What lies in a folder of raw inputs: files, columns, what keeps them from being read, and how to
read them. The one reader of raw files: the models (through duckdb_plugin.py) and check_input.py use
it. It never tells any content of a file but the names of columns.
"""

import csv
import difflib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import duckdb
import yaml

from customer_health.settings import project_root

LONGEST_LINE = 16_000_000
# What a file is read as, by the ending of its name; large letters are as good.
KINDS = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
KIND_NAMES = {"csv": "CSV", "parquet": "Parquet", "json": "JSON lines"}
# A landed file that holds several batches: the first and the last of their numbers.
JOINED = re.compile(r"batches-(\d{6,})-(\d{6,})-([0-9a-f]{16})\.parquet")
LINE_FAULTS = {
    "MISSING COLUMNS": "fewer cells than the header",
    "TOO MANY COLUMNS": "more cells than the header (a comma inside a cell needs double quotes)",
    "UNQUOTED VALUE": "a double quote that is not closed, or not doubled inside a quoted cell",
    "INVALID ENCODING": "not UTF-8",
    "LINE SIZE OVER MAXIMUM": "longer than 16 MB",
}


# Lines that cannot be read go there, instead of ending the query.
REJECTS = (
    ", store_rejects = true, rejects_limit = 1000, rejects_table = 'broken_lines',"
    " rejects_scan = 'broken_scans'"
)


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

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


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
    contract = project_root() / "models" / "staging" / "_raw__sources.yml"
    tables = yaml.safe_load(contract.read_text(encoding="utf-8"))["sources"][0]["tables"]
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


def kind_of(path: Path) -> str:
    """csv, parquet or json; nothing where the ending of the name is no known one."""
    return KINDS.get(path.suffix.lower(), "")


def is_csv(path: Path) -> bool:
    return kind_of(path) == "csv"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(path: Path) -> str:
    """A path as DuckDB reads it: as that one file, never as a pattern of names."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


def path_sql(path: Path) -> str:
    """A path in SQL, for everything that reads files. What is written or attached needs quoted()
    only, as DuckDB knows no patterns there."""
    return quoted(literal(path))


def path_problem(path: Path) -> str:
    """Why DuckDB cannot be given a path, in words; nothing where it can."""
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    if "\\" in text and set("*?[") & set(text):
        return "a backslash and one of * ? [ in one path cannot be read; rename it"
    return ""


def parquet_sql(paths: Iterable[Path], more: str = "") -> str:
    """What to select from to read Parquet files: what they hold and nothing else. Left alone,
    DuckDB makes a column of every folder in their path that is called name=value."""
    files = ", ".join(map(path_sql, paths))
    return f"read_parquet([{files}], union_by_name = true, hive_partitioning = false{more})"


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
            cells = f"cells {names.index(name) + 1} and {number + 1}"
            raise CannotReadError(f"{cells} of the header hold the same name; rename one")
    return names


def source_sql(paths: list[Path], more: str = "") -> str:
    """What to select from to read files of one kind and header; raises CannotReadError.

    The CSV dialect is fixed and the header spelled out: a reader that guesses skips lines that it
    cannot make sense of.
    """
    files = f"[{', '.join(map(path_sql, paths))}]"
    if kind_of(paths[0]) == "json":
        return f"read_ndjson_objects({files}, hive_partitioning = false)"
    if not is_csv(paths[0]):
        return parquet_sql(paths, ", binary_as_string = true")
    columns = ", ".join(f"{quoted(name)}: 'varchar'" for name in columns_of(paths[0]))
    return (
        f"read_csv({files}, auto_detect = false, header = true, columns = {{{columns}}},"
        " hive_partitioning = false,"
        " delim = ',', quote = '\"', escape = '\"', comment = '', encoding = 'utf-8',"
        f" strict_mode = true, max_line_size = {LONGEST_LINE}{more})"
    )


def received_columns(path: Path) -> dict[str, tuple[str, str]]:
    """{lower-case name: (name as received, type)} of one file; raises CannotReadError."""
    if is_csv(path):
        return by_name([(name, "VARCHAR") for name in csv_header(path)])
    if kind_of(path) == "json":
        return json_columns([path])
    try:
        with duckdb.connect() as connection:
            sql = f"describe select * from {source_sql([path])}"
            rows = connection.execute(sql).fetchall()
    except duckdb.Error:
        raise CannotReadError("cannot be read as Parquet") from None
    return by_name([(row[0], row[1]) for row in rows])


def by_name(
    columns: Iterable[tuple[str, str]], word: str = "columns"
) -> dict[str, tuple[str, str]]:
    """(name as received, type) by lower-case name; raises CannotReadError where two are one."""
    found: dict[str, tuple[str, str]] = {}
    for received, kind in columns:
        name = received.strip().lower()
        if name in found:
            raise CannotReadError(f"two {word} are {listed([name])}, but for case; rename one")
        found[name] = (received, kind)
    return found


def json_columns(paths: list[Path]) -> dict[str, tuple[str, str]]:
    """The same of files of JSON lines, every line of which is read: all keys there are, as text."""
    keys = "case when json_type(json) = 'OBJECT' then json_keys(json) else [null] end"
    try:
        with duckdb.connect() as connection:
            sql = f"select distinct unnest({keys}) from {source_sql(paths)} order by 1"
            found = [key for (key,) in connection.execute(sql).fetchall()]
            if None in found:
                sql = f"select count(*) from {source_sql(paths)} where json_type(json) <> 'OBJECT'"
                ((others,),) = connection.execute(sql).fetchall()
                raise CannotReadError(
                    f"{others:,} lines hold JSON, but no object; one per line is read"
                )
    except duckdb.Error:
        raise CannotReadError(
            f"{first_bad_line(paths)}; one JSON object per line is read"
        ) from None
    if not found:
        raise CannotReadError("no object in it, so no column; remove the file")
    return by_name([(key, "VARCHAR") for key in found], "keys")


def first_bad_line(paths: list[Path]) -> str:
    """Which line is not JSON, in words."""
    for path in paths:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    json.loads(line or b"null")
                except ValueError:
                    within = f" of {listed([path.name])}" * (len(paths) > 1)
                    return f"line {number}{within} is not JSON"
    return "not JSON"


def cell_sql(kind: str, received: str) -> str:
    """SQL: a column of a file of that kind, by its name as received."""
    if kind == "json":
        # A JSON pointer: every other way to name a key takes some of its signs for syntax.
        return f"json ->> {quoted('/' + received.replace('~', '~0').replace('/', '~1'))}"
    return identifier(received)


def text_sql(cell: str, kind: str) -> str:
    """SQL: a cell of a DuckDB type as the text that it is elsewhere. A whole number that came as a
    fraction, as those of a column with empty cells often do, is 17 and not 17.0; NaN is nothing."""
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{cell} = trunc({cell}) and abs({cell}) < 1e18"
        text = f"case when {whole} then cast(cast({cell} as bigint) as varchar)"
        return f"{text} when not isnan({cell}) then cast({cell} as varchar) end"
    if kind.startswith("DECIMAL") and not kind.endswith(",0)"):
        text = f"cast({cell} as varchar)"
        return f"rtrim(rtrim({text}, '0'), '.')"
    return f"cast({cell} as varchar)"


# What columns_of() found in files, by path and version: a run looks at each several times.
COLUMNS: dict[tuple[Path, str], dict[str, tuple[str, str]]] = {}


def columns_of(path: Path) -> dict[str, tuple[str, str]]:
    """received_columns() of a file, looked up once for each version of it."""
    key = path, version(path)
    if key not in COLUMNS:
        COLUMNS[key] = received_columns(path)
    return COLUMNS[key]


def find_columns(paths: list[Path]) -> None:
    """Look up the columns of many Parquet files at once: of those with one schema only the first is
    asked. Nothing is found where a file cannot be read; then each is asked by itself."""
    versions = {path: version(path) for path in paths}
    plain = [path for path in paths if kind_of(path) == "parquet"]
    unknown = [path for path in plain if (path, versions[path]) not in COLUMNS]
    if len(unknown) < 2:
        return
    try:
        with duckdb.connect() as connection:
            rows = connection.execute(
                "select file_name, list(cast(s as varchar) order by column_id) from ("
                " select file_name, column_id, struct_pack(name := name, type := type,"
                " size := type_length, repetition := repetition_type, children := num_children,"
                " converted := converted_type, scale := scale, digits := precision,"
                " logical := logical_type, kind := duckdb_type) as s from parquet_schema(?))"
                " group by file_name",
                [[literal(path) for path in unknown]],
            ).fetchall()
    except duckdb.Error:
        return
    firsts: dict[tuple[str, ...], dict[str, tuple[str, str]]] = {}
    for file, schema in rows:
        path = Path(file)
        columns = firsts.setdefault(tuple(schema), {}) or columns_of(path)
        firsts[tuple(schema)] = COLUMNS[path, versions[path]] = columns


def superseded(paths: list[Path]) -> set[Path]:
    """Landed files whose rows are in another one, and which are not removed yet: nothing reads
    them. A file of several batches tells in its metadata which it holds, and what it replaces."""
    joined = [path for path in paths if JOINED.fullmatch(path.name)]
    if not joined:
        return set()
    try:
        with duckdb.connect() as connection:
            rows = connection.execute(
                "select file_name, decode(key), decode(value) from parquet_kv_metadata(?)",
                [[literal(path) for path in joined]],
            ).fetchall()
    except duckdb.Error:
        return set()
    known = {(Path(file).name, key): json.loads(value) for file, key, value in rows
             if key in ("batches", "replaces")}  # fmt: skip
    gone = {name for (_, key), names in known.items() if key == "replaces" for name in names}
    for (file, key), content in known.items():
        if key == "batches" and file not in gone:
            gone |= {f"{one['id']}.parquet" for one in content["batches"]}
    return {path for path in paths if path.name in gone}


def broken_lines(path: Path) -> list[str]:
    """The lines of a CSV file that do not hold the cells of its header, a sentence per fault.

    At most 1,000 are counted; raises CannotReadError.
    """
    with duckdb.connect() as connection:
        return run_over_lines(
            connection, f"select count(columns(*)) from {source_sql([path], REJECTS)}", path
        )


def insert_lines(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, columns: Sequence[str]
) -> list[str]:
    """Read a file of CSV or JSON lines once, those of the columns that it has into a table of text,
    by name; broken_lines() of it. The cells of all columns are looked at."""
    found, kind = columns_of(path), kind_of(path)
    cells = {name: cell_sql(kind, received) for name, (received, _) in found.items()}
    here = [name for name in columns if name in cells]
    listed_cells = ", ".join(f"{cells[name]} as {identifier(name)}" for name in here)
    sql = f"insert into {table} by name select {listed_cells} from"
    if kind == "json":
        connection.execute(f"{sql} {source_sql([path])}")
        return []
    sql += f" {source_sql([path], REJECTS)}"
    if others := [cell for name, cell in cells.items() if name not in here]:
        # Always true, but DuckDB skips the cells of columns that nothing asks for.
        sql += f" where concat_ws('', {', '.join(others)}) is not null"
    return run_over_lines(connection, sql, path)


def run_over_lines(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> list[str]:
    """Run SQL that reads a CSV file with REJECTS, and say which lines it left out."""
    try:
        connection.execute(sql).fetchall()
        found = connection.execute(
            "select distinct line_byte_position, error_type from broken_lines order by all"
        ).fetchall()
    except duckdb.InvalidInputException:
        raise CannotReadError(
            "cannot be read as comma-separated UTF-8; do all lines end alike?"
        ) from None
    connection.execute("drop table broken_lines; drop table broken_scans")
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
        try:
            with duckdb.connect() as connection:
                connection.execute(
                    f"select max(length({identifier(column)})) from {source_sql([path])}"
                ).fetchall()
        except duckdb.Error as error:
            why = "text that is not UTF-8" if "UTF" in str(error) else "a damaged part"
            raise CannotReadError(f"{why} in column {listed([column])}") from None


def are_whole(paths: list[Path], columns: tuple[str, ...]) -> bool:
    """Whether those columns can be read in all of these Parquet files, many at once; where not,
    check_text() says which."""
    lengths = ", ".join(f"max(length({identifier(name)}))" for name in columns)
    try:
        with duckdb.connect() as connection:
            connection.execute(f"select {lengths} from {source_sql(paths)}").fetchall()
    except duckdb.Error:
        return False
    return True


def union_sql(
    paths: list[Path],
    columns: dict[Path, dict[str, tuple[str, str]]],
    texts: frozenset[str] = frozenset(),
) -> str:
    """What to select from to read all files: those with the same columns together; a column whose
    type differs between files as text, so that each row is judged by what it holds. `texts` are
    those that are text whatever they came as."""
    groups: dict[tuple[tuple[str, tuple[str, str]], ...], list[Path]] = defaultdict(list)
    types: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        groups[tuple(columns[path].items())].append(path)
        for name, (_, kind) in columns[path].items():
            types[name].add(kind)
    selects = []
    for header, members in groups.items():
        items = []
        for name, (as_received, kind) in header:
            cell = cell_sql(kind_of(members[0]), as_received)
            if name in texts and kind.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
                cell = text_sql(cell, kind)
            elif len(types[name]) > 1:
                cell = f"cast({cell} as varchar)"
            items.append(f"{cell} as {identifier(name)}")
        selects.append(f"select {', '.join(items)} from {source_sql(members)}")
    return f"({' union all by name '.join(selects)})"


def version(path: Path) -> str:
    """Another text whenever a file was written again: its size and the time of its last change."""
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def versions(folder: Path) -> dict[str, str]:
    """{path: version} of every file in a folder."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {str(path.absolute()): version(path) for path in files if path.is_file()}


def look(
    raw: Path, contract: Contract, rows: bool = True, known: dict[str, str] | None = None
) -> RawInput:
    """What there is of one input below `raw`. With `rows`, also whether every row can be read;
    those of files in `known` (of versions()) can."""
    seen = RawInput(raw / contract.name)
    entries = sorted(seen.folder.iterdir()) if seen.folder.is_dir() else []
    seen.files = [p for p in entries if kind_of(p) and p.is_file()]
    others = set(entries) - set(seen.files)
    seen.others = [p.name + "/" * p.is_dir() for p in entries if p in others]
    replaced = superseded(seen.files)
    seen.files = [path for path in seen.files if path not in replaced]
    kinds = sorted({kind_of(p) for p in seen.files})
    seen.format = " and ".join(kinds) or None
    if len(kinds) > 1:
        names = " and ".join(KIND_NAMES[kind] for kind in kinds)
        seen.folder_problem = f"{names} files in one folder; keep one format"
    seen.folder_problem = path_problem(seen.folder) or seen.folder_problem
    if seen.folder_problem:
        return seen
    required = {column.name for column in contract.columns if column.required}
    texts = {column.name for column in contract.columns if column.type == "varchar"}
    columns: dict[Path, dict[str, tuple[str, str]]] = {}
    faults: dict[Path, list[str]] = defaultdict(list)
    unread: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    find_columns(seen.files)
    for path in seen.files:
        try:
            if problem := path_problem(path):
                raise CannotReadError(problem)
            found = columns_of(path)
            # Without any known name the first line may be data, which must not be shown.
            if is_csv(path) and not required & found.keys():
                raise CannotReadError("no required column in its first line; is that a header?")
            columns[path] = found
            if not rows or (known or {}).get(str(path.absolute())) == version(path):
                continue
            if is_csv(path):
                faults[path] += broken_lines(path)
            elif kind_of(path) == "parquet":
                read = sorted(name for name in texts & found.keys() if found[name][1] == "VARCHAR")
                unread[tuple(found[name][0] for name in read)].append(path)
        except CannotReadError as error:
            faults[path].append(f"{listed([path.name])}: {error}")
    for cells, paths in unread.items():
        if cells and (len(paths) == 1 or not are_whole(paths, cells)):
            for path in paths:
                try:
                    check_text(path, cells)
                except CannotReadError as error:
                    faults[path].append(f"{listed([path.name])}: {error}")
    seen.problems = [fault for path in seen.files for fault in faults[path]]
    received: dict[str, set[str]] = defaultdict(set)
    for found in columns.values():
        for name, (_, kind) in found.items():
            received[name].add(kind)
    seen.received = dict(received)
    ours = {column.name for column in contract.columns}
    for name in sorted(required):
        lacking = [
            path.name for path in seen.files if path in columns and name not in columns[path]
        ]
        if lacking:
            guess = like(name, [other for other in received if other not in ours])
            hint = f"; is it {listed([guess])}?" if guess else ""
            seen.problems.append(f"{listed(lacking, 1)}: no column {name}{hint}")
    if seen.files and not seen.problems:
        seen.sql = union_sql(seen.files, columns, frozenset(texts))
    return seen


def problems_of(contract: Contract, seen: RawInput) -> list[str]:
    """All that keeps an input from being used."""
    absent = contract.presence == "required" and not seen.files
    return [
        *[f"required, but there is no *.csv, *.jsonl or *.parquet in {seen.folder}"] * absent,
        *([seen.folder_problem] if seen.folder_problem else seen.problems),
    ]


def unexpected_files(raw: Path) -> list[str]:
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
