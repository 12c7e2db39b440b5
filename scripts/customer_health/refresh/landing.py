"""Land the files of the inbox: each becomes one Parquet file of the raw folder, with batch, source
file, row number, sha256 and _loaded_at. DuckDB reads; what it cannot read is set aside.

A landed file is raw/<input>/batch-<number>-<sha>.parquet; what is known of its source is in its own
metadata, so that nothing beside it can get lost.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from customer_health.bulk import insert_texts
from customer_health.disk import put_in_place
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UserError
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import CannotReadError, Contract, identifier, listed, quoted
from customer_health.refresh import inbox, ordering, personal, privacy
from customer_health.refresh.batches import (
    HALF_WRITTEN,
    UNFINISHED,
    Batch,
    Known,
    Record,
    Store,
    landed_files,
)
from customer_health.refresh.batches import is_damaged as is_damaged
from customer_health.refresh.batches import read as read_store
from customer_health.refresh.inbox import REASON, SET_ASIDE, arrivals, sha256_of, unexpected_files
from customer_health.settings import Settings

__all__ = ["SET_ASIDE", "arrivals", "identifier", "sha256_of", "unexpected_files"]
SEEN, CHANGING, WITHDRAWN = "seen before", "still being written", "withdrawn"
# Not landed, because its input cannot be in this run; because it cannot be opened.
HELD_BACK, UNREADABLE = "held back", "not readable"
PERSONAL = "user_id"
# The row number until a file is written; columns that are received have no blank at their end.
ROW = '"_source_row "'
OWN_COLUMNS = ("_batch_id", "_source_file", "_source_row", "_source_sha256", "_loaded_at")
CLASSES = {
    "text": ("VARCHAR", "ENUM", "UUID", "BLOB", "JSON"),
    "moment": ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    "whole number": (
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "HUGEINT",
        "UHUGEINT",
    ),
    "number": ("DECIMAL", "DOUBLE", "FLOAT"),
    "boolean": ("BOOLEAN",),
}
# What a column of the contract can be received as, besides text.
FITTING = {
    "varchar": ("whole number", "number"),
    "timestamp": ("moment",),
    "boolean": ("boolean", "whole number"),
    "integer": ("whole number", "number"),
    "decimal": ("whole number", "number"),
}


@dataclass
class Landed:
    """What became of a file of the inbox: landed, seen before, withdrawn, set aside, still being
    written."""

    input: str
    file: str
    state: str
    rows: int = 0
    erased: int = 0
    batch: str = ""
    is_again: bool = False
    reason: str = ""
    new_columns: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    lacking_columns: list[str] = field(default_factory=list)
    # What put it after the one before, where there were several of the input.
    ordered_by: str = ""


class PartlyLanded(UserError):
    """The end of a run in which some input could not be landed; `found` is what became of all."""

    def __init__(self, found: list[Landed], stop: UserError) -> None:
        super().__init__(stop.code, stop.what, stop.next_step)
        self.found = found


@dataclass(frozen=True)
class Arrival:
    """A file of the inbox, or a folder of its parts, that is not landed yet. `columns` are {name:
    (as received, class)}; `source` selects its rows, the columns under those names."""

    contract: Contract
    path: Path
    kind: str
    sha256: str
    columns: dict[str, tuple[str, str]]
    problem: str = ""
    source: str = ""
    # Columns that look personal, and are not kept.
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A file to land. `before` is the newest batch of its input; `again` is the batch that it is
    the source of, where that is gone."""

    arrival: Arrival
    before: Batch | None
    again: Record | None


def class_of(kind: str) -> str:
    """What sort of values a DuckDB type holds, in words."""
    if is_nested(kind):
        return "nested"
    base = kind.split("(")[0].split(" ")[0].upper()
    return next((name for name, kinds in CLASSES.items() if base in kinds), kind.lower())


def is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT"))


# ----------------------------------------------------------------------- what was landed before


def damaged_files(settings: Settings) -> list[Path]:
    """Landed files of which a row cannot be read."""
    found = []
    names = [contract.name for contract in raw_files.read_contract()]
    for path in [path for name in names for path in landed_files(settings.raw, name)]:
        try:
            source = raw_files.parquet_sql([path])
            duckdb.execute(f"select bit_xor(hash(t)) from {source} as t")
        except duckdb.Error:
            found.append(path)
    return found


def erased_rows(settings: Settings) -> dict[str, int]:
    """Rows that were erased or left out of the batches that count, per input."""
    found: dict[str, int] = {}
    for name, batch in batches(settings):
        found[name] = found.get(name, 0) + batch.rows_erased
    return found


def batches(settings: Settings) -> Iterator[tuple[str, Batch]]:
    """Every batch that counts with its input. UserError(1) where a landed file is not what was
    landed, or is gone."""
    store = read_store(settings)
    store.refuse_changed()
    store.refuse_missing()
    yield from store.counting()


# ------------------------------------------------------------------------- what lies in the inbox


def check_rows(parts: list[inbox.Part], kind: str) -> None:
    """Whether every row of CSV files can be read; raises CannotReadError where one cannot."""
    for part in parts:
        if kind == "csv" and (faults := raw_files.broken_lines(part.path)):
            name = listed([part.path.name])
            raise CannotReadError(
                "; ".join(
                    fault if len(parts) > 1 else fault.removeprefix(f"{name}, ") for fault in faults
                )
            )


def columns_received(parts: list[inbox.Part], kind: str) -> dict[str, tuple[str, str]]:
    """{lower-case name: (as received, type)} of an arrival; raises CannotReadError."""
    paths = [part.path for part in parts]
    if all(path.stat().st_size == 0 for path in paths):
        raise CannotReadError("the file is empty, 0 bytes")
    if kind == "json":
        return raw_files.json_columns(paths)
    if kind == "csv":
        found = raw_files.received_columns(paths[0])
        for path in paths[1:]:
            if list(raw_files.received_columns(path)) != list(found):
                raise CannotReadError(
                    f"{listed([path.name])} has another header than its first part"
                )
        return found
    try:
        with duckdb.connect() as connection:
            sql = f"describe select * from {raw_files.parquet_sql(paths)}"
            rows = connection.execute(sql).fetchall()
    except duckdb.Error:
        raise CannotReadError("cannot be read as Parquet") from None
    return raw_files.by_name([(row[0], row[1]) for row in rows])


def cell_of(kind: str, column: tuple[str, str], is_ours: bool, is_text: bool) -> str:
    """SQL: a cell as it is landed. Our text is text; what a column that is not ours holds may be of
    any type, and is kept as text where the raw files could not keep it."""
    name, of = column
    cell = raw_files.cell_sql(kind, name)
    if kind != "parquet":
        return cell
    if of == "BLOB":
        # Bytes are text where they are UTF-8, which ours must be.
        return f"decode({cell})" if is_ours else f"coalesce(try(decode({cell})), hex({cell}))"
    if is_nested(of):
        return f"cast(to_json({cell}) as varchar)"
    if of.startswith(("ENUM", "JSON", "UUID")):
        return f"cast({cell} as varchar)"
    is_fraction = of in ("DOUBLE", "FLOAT") or of.startswith("DECIMAL")
    return raw_files.text_sql(cell, of) if is_text and is_fraction else cell


def source_sql(
    parts: list[inbox.Part], kind: str, columns: dict[str, tuple[str, str]], contract: Contract
) -> str:
    """What to select the rows of an arrival from: each part with the columns that its folders
    tell, unless it has them itself."""
    ours = {column.name for column in contract.columns} | {PERSONAL}
    texts = {c.name for c in contract.columns if c.type == "varchar"} | {PERSONAL}
    cells = [
        f"{cell_of(kind, column, name in ours, name in texts)} as {identifier(name)}"
        for name, column in columns.items()
    ]
    groups: dict[tuple[tuple[str, str | None], ...], list[Path]] = {}
    for part in parts:
        groups.setdefault(part.values, []).append(part.path)
    selects = []
    for values, paths in groups.items():
        told = [
            f"cast({'null' if value is None else quoted(value)} as varchar) as {identifier(name)}"
            for name, value in values
            if name not in columns
        ]
        source = raw_files.parquet_sql(paths) if kind == "parquet" else raw_files.source_sql(paths)
        selects.append(f"select {', '.join([*cells, *told])} from {source}")
    return f"({' union all by name '.join(selects)})"


def look_at(path: Path, contract: Contract, sha: str) -> Arrival:
    """An arrival as far as it can be read."""
    kind = raw_files.kind_of(path)
    try:
        parts = inbox.parts_of(path)
        # Of a folder some parts may hold nothing, not even a header.
        parts = [part for part in parts if part.path.stat().st_size] or parts
        columns = columns_received(parts, kind)
        check_rows(parts, kind)
    except CannotReadError as error:
        return Arrival(contract, path, kind, sha, {}, str(error))
    ours = {column.name for column in contract.columns} | {PERSONAL}
    classes = {
        # What is nested is kept as text, which is none of ours.
        name: (told, "text" if is_nested(of) and name not in ours else class_of(of))
        for name, (told, of) in columns.items()
    }
    for name, _ in parts[0].values:
        classes.setdefault(name, (name, "text"))
    required = {column.name for column in contract.columns if column.required}
    if not required & classes.keys():
        # Without any known name the first line may be data, which must not be shown.
        problem = "no required column of the input; is the first line a header?"
        return Arrival(contract, path, kind, sha, {}, problem)
    source = source_sql(parts, kind, columns, contract)
    return Arrival(contract, path, kind, sha, classes, source=source)


def without_personal(arrival: Arrival) -> Arrival:
    """The same without the columns that look personal and that nobody decided to keep."""
    if arrival.problem:
        return arrival
    name = arrival.contract.name
    gone = personal.left_out(name, arrival.columns, rows_sql(arrival), OWN_COLUMNS)
    kept = {c: value for c, value in arrival.columns.items() if c not in gone}
    return replace(arrival, columns=kept, left_out=tuple(gone)) if gone else arrival


# ------------------------------------------------------------------------------------ the drift


def drift(arrival: Arrival, before: Batch | None) -> list[str]:
    """What of the required columns is missing or of another type than the contract or the last
    batch, a line each."""
    lines = []
    known = {column.name for column in arrival.contract.columns} | {"_loaded_at"}
    for column in arrival.contract.columns:
        if not column.required:
            continue
        if column.name not in arrival.columns:
            guess = raw_files.like(column.name, [n for n in arrival.columns if n not in known])
            hint = f", but {listed([guess])} is new" if guess else ""
            lines.append(f"- {column.name}: required, no longer there{hint}")
            continue
        now = arrival.columns[column.name][1]
        was = before.columns.get(column.name) if before else None
        # The models read all of these; a change from one to another is none of what they say.
        if now not in ("text", was, *FITTING[column.type]):
            lines.append(f"~ {column.name}: {was or column.type} so far, now {now}")
    return lines


def added_and_lacking(arrival: Arrival, before: Batch | None) -> tuple[list[str], list[str]]:
    """Columns that are new, and those that are no longer there, compared with the last batch or,
    where there is none, with the contract."""
    contract = [column.name for column in arrival.contract.columns]
    earlier = (set(before.columns) if before else set(contract)) - set(arrival.left_out)
    received = set(arrival.columns) - {"_loaded_at"}
    lacking = sorted((earlier if before else set()) - received - {"_loaded_at"})
    return sorted(received - earlier), lacking


# ---------------------------------------------------------------------------------- the landing


def rows_sql(arrival: Arrival) -> str:
    """A select of the rows: their number, then every column under its lower-case name."""
    return f"select row_number() over () as {ROW}, * from {arrival.source}"


def landed_columns(arrival: Arrival) -> list[str]:
    """The columns as they are landed: what the source calls like one of ours keeps another name."""
    return [f"_source{name}" if name in OWN_COLUMNS else name for name in arrival.columns]


def distinct_texts(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    rows = connection.execute(
        f"select distinct cast({identifier(column)} as varchar) from arrived"
        f" where {identifier(column)} is not null"
    ).fetchall()
    return [text for (text,) in rows]


def cells_of_text(
    connection: duckdb.DuckDBPyConnection, columns: list[str]
) -> list[tuple[str, str]]:
    """The different texts of columns, (column, text): all in one pass, there may be a thousand."""
    if not columns:
        return []
    cells = ", ".join(f"{{n: {n}, t: {identifier(c)}}}" for n, c in enumerate(columns))
    rows = connection.execute(
        f"select cell.n, cell.t from (select distinct unnest([{cells}]) as cell from arrived)"
        " where cell.t is not null order by all"
    ).fetchall()
    return [(columns[n], text) for n, text in rows]


def hide_people(
    connection: duckdb.DuckDBPyConnection, arrival: Arrival, key: privacy.Key | None, raw: Path
) -> list[str]:
    """Fill the tables of what to replace (people, sentences) and whom to leave out
    (erased_accounts, erased_users, erased_pairs), worked out here and not in SQL. The columns of
    texts in which there is something to replace."""
    named: list[str] = []
    connection.execute("create table people (received varchar, pseudonym varchar)")
    connection.execute("create table erased_accounts (received varchar)")
    connection.execute("create table erased_users (received varchar)")
    connection.execute("create table erased_pairs (account varchar, person varchar)")
    connection.execute("create table sentences (name varchar, received varchar, cleaned varchar)")
    memory = privacy.Memory(raw)
    if PERSONAL in arrival.columns:
        users = [t for t in distinct_texts(connection, PERSONAL) if not privacy.is_nothing(t)]
        if users:
            why = f"the user ids of {arrival.path} must not be stored as they are"
            key = privacy.require_key(key, why)
            memory.check(key)
            memory.note_key(key)
            insert_texts(connection, "people", [(text, key.pseudonym(text)) for text in users])
            tombstones = memory.tombstones("user")
            insert_texts(connection, "erased_users", gone(users, "user", key, tombstones))
            if tombstones and "account_id" in arrival.columns:
                insert_texts(connection, "erased_pairs", erased_pairs(connection, key, tombstones))
    tombstones = memory.tombstones("account")
    if tombstones or memory.tombstones("user"):
        key = privacy.require_key(key, "somebody was erased, and must not come back")
        memory.check(key)
        free = sentences(arrival)
        words = cells_of_text(connection, free)
        cleaned = {text: memory.cleaned(text, key) for text in {text for _, text in words}}
        changed: list[tuple[str, ...]] = [
            (name, text, cleaned[text]) for name, text in words if cleaned[text] != text
        ]
        insert_texts(connection, "sentences", changed)
        named += dict.fromkeys(name for name, _, _ in changed)
        for name in other_texts(arrival, free):
            rows = replaced(connection, name, memory, key)
            insert_texts(connection, "sentences", rows)
            named += [name] * bool(rows)
    if tombstones and key:
        columns = [c for c in ("account_id", "parent_account_id") if c in arrival.columns]
        texts = {text for column in columns for text in distinct_texts(connection, column)}
        insert_texts(connection, "erased_accounts", gone(sorted(texts), "account", key, tombstones))
    return named


def gone(
    texts: list[str], kind: str, key: privacy.Key, tombstones: frozenset[str]
) -> list[tuple[str, ...]]:
    """The ids among the texts that were erased, in whatever capitals."""
    return [
        (t,) for t in texts if tombstones and not tombstones.isdisjoint(key.tombstones(kind, t))
    ]


def erased_pairs(
    connection: duckdb.DuckDBPyConnection, key: privacy.Key, tombstones: frozenset[str]
) -> list[tuple[str, ...]]:
    """The users of one account that were erased there, as received: (account, user)."""
    pairs = connection.execute(
        f"select distinct cast(account_id as varchar), cast({PERSONAL} as varchar) from arrived"
        f" where account_id is not null and {PERSONAL} is not null"
    ).fetchall()
    return [pair for pair in pairs if not tombstones.isdisjoint(key.tombstones("user", *pair))]


def replaced(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    memory: privacy.Memory,
    key: privacy.Key,
) -> list[tuple[str, ...]]:
    """(column, text, the text without the ids of the erased) of the texts that hold one. There may
    be as many texts as rows: they are looked through in parts."""
    found: list[tuple[str, ...]] = []
    texts = connection.execute(
        f"select distinct cast({identifier(name)} as varchar) from arrived"
        f" where {identifier(name)} is not null"
    )
    while part := texts.fetchmany(100_000):
        cleaned = [(name, text, memory.cleaned(text, key, False)) for (text,) in part]
        found += [row for row in cleaned if row[1] != row[2]]
    return sorted(found)


def sentences(arrival: Arrival) -> list[str]:
    """The columns of free text: those known to be, and all that are not ours."""
    ours = {column.name for column in arrival.contract.columns} | {PERSONAL}
    return [
        name
        for name, (_, kind) in arrival.columns.items()
        if kind == "text" and (name in privacy.SENTENCES or name not in ours)
    ]


def other_texts(arrival: Arrival, free: list[str]) -> list[str]:
    """The columns of text, as keys and names, into which the id of somebody may be put together
    with other words."""
    ids = (PERSONAL, "account_id", "parent_account_id")
    texts = {c.name for c in arrival.contract.columns if c.type == "varchar"}
    return [
        name
        for name, (_, kind) in arrival.columns.items()
        if kind == "text" and name in texts and name not in ids and name not in free
    ]


def final_sql(arrival: Arrival, free: list[str]) -> str:
    """The rows as they are stored, before what landing adds; `free` are the columns of texts in
    which there is something to replace: to look into a thousand is more than DuckDB plans."""
    cells = []
    for name, stored in zip(arrival.columns, landed_columns(arrival), strict=True):
        cell = f"arrived.{identifier(name)}"
        if name == PERSONAL:
            cell = f"coalesce(people.pseudonym, cast({cell} as varchar))"
        elif name == "parent_account_id":
            cell = (
                f"case when cast({cell} as varchar) not in (select received from erased_accounts)"
                f" then {cell} end"
            )
        elif name in free:
            known = (
                "(select any_value(cleaned) from sentences"
                f" where name = {quoted(name)} and received = {cell})"
            )
            cell = f"coalesce({known}, {cell})"
        cells.append(f"{cell} as {identifier(stored)}")
    joins, conditions = "", []
    if PERSONAL in arrival.columns:
        user = f"cast(arrived.{PERSONAL} as varchar)"
        joins = f" left join people on {user} = people.received"
        conditions.append(f"coalesce({user} not in (select received from erased_users), true)")
        if "account_id" in arrival.columns:
            pair = f"(cast(arrived.account_id as varchar), {user})"
            conditions.append(
                f"coalesce({pair} not in (select (account, person) from erased_pairs), true)"
            )
    if "account_id" in arrival.columns:
        conditions.append(
            "coalesce(cast(arrived.account_id as varchar)"
            " not in (select received from erased_accounts), true)"
        )
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return f"select arrived.{ROW}, {', '.join(cells)} from arrived{joins}{where}"


def metadata_sql(values: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {quoted(value)}" for key, value in values.items()) + "}"


def write_batch(
    arrival: Arrival, number: int, loaded_at: datetime, settings: Settings, key: privacy.Key | None
) -> Landed:
    """Land one file; raises CannotReadError where its rows cannot be read after all."""
    folder = settings.raw / arrival.contract.name
    folder.mkdir(parents=True, exist_ok=True)
    batch_id = f"batch-{number:06d}-{arrival.sha256[:16]}"
    written = folder / f"{batch_id}{UNFINISHED}"
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"set temp_directory = {quoted(str(folder / '.temporary'))}")
        connection.execute("set TimeZone = 'UTC'")
        try:
            connection.execute(f"create temp view arrived as {rows_sql(arrival)}")
            ((received,),) = connection.execute("select count(*) from arrived").fetchall()
            free = hide_people(connection, arrival, key, settings.raw)
            connection.execute(f"create temp view kept as {final_sql(arrival, free)}")
            ((kept,),) = connection.execute("select count(*) from kept").fetchall()
            source_file = name_kept(arrival.path.name, key, settings.raw)
            metadata = {
                "source_file": source_file,
                "source_sha256": arrival.sha256,
                "rows_received": str(received),
                "rows_erased": str(received - kept),
                "loaded_at": loaded_at.isoformat(),
                "columns": json.dumps({n: kind for n, (_, kind) in arrival.columns.items()}),
            }
            connection.execute(
                f"copy (select * exclude ({ROW}), {quoted(batch_id)} as _batch_id,"
                f" {quoted(source_file)} as _source_file, cast({ROW} as bigint)"
                f" as _source_row, {quoted(arrival.sha256)} as _source_sha256,"
                f" timestamp {quoted(loaded_at.isoformat(sep=' '))} as _loaded_at from kept)"
                f" to {quoted(str(written))}"
                f" (format parquet, compression zstd, kv_metadata {metadata_sql(metadata)})"
            )
        except duckdb.Error as error:
            written.unlink(missing_ok=True)
            refuse_engine_faults(error, folder)
            raise CannotReadError(
                "a part of it is damaged or holds text that is not UTF-8"
            ) from None
    if has_changed(arrival):
        written.unlink()
        return Landed(arrival.contract.name, arrival.path.name, CHANGING)
    written.chmod(0o640)
    put_in_place(written, folder / f"{batch_id}.parquet")
    return Landed(
        arrival.contract.name,
        arrival.path.name,
        "landed",
        rows=int(received),
        erased=int(received - kept),
        batch=batch_id,
    )


def name_kept(name: str, key: privacy.Key | None, raw: Path) -> str:
    """The name of a source as it is kept: not where somebody who was erased is named in it."""
    return privacy.ERASED if key and privacy.Memory(raw).cleaned(name, key) != name else name


def refuse_engine_faults(error: duckdb.Error, folder: Path) -> None:
    """UserError(1) where the disk or the memory is at fault, not the file."""
    text = str(error)
    if "No space left" in text or "disk" in text.lower():
        raise UserError(
            CHECKS_FAILED, f"The disk of {folder} is full.", "Free some space, run again."
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        raise UserError(
            CHECKS_FAILED,
            "DuckDB ran out of memory while landing.",
            "Land smaller files, or fewer.",
        )
    if "Permission denied" in text:
        raise UserError(
            CONFIGURATION, f"{folder} cannot be written.", "Give this user the right to."
        )


def set_aside(arrival: Arrival, reason: str) -> None:
    """Move a file that cannot be landed out of the way, with the reason beside it."""
    folder = arrival.path.parent / SET_ASIDE
    folder.mkdir(exist_ok=True)
    start = f"{arrival.sha256[:8]}-"
    goal = folder / f"{start}{inbox.cut_to_fit(arrival.path.name, len(start) + len(REASON))}"
    (folder / f"{goal.name}{REASON}").write_text(
        f"{arrival.path.name}: {reason}\nPut a corrected file into {arrival.path.parent}, and"
        " delete this one.\n",
        encoding="utf-8",
    )
    if arrival.path.is_symlink():
        goal.symlink_to(arrival.path.resolve())
        arrival.path.unlink()
    else:
        arrival.path.replace(goal)


def waiting(settings: Settings) -> list[str]:
    """What was set aside and still waits for a person: no file of its name was landed since."""
    landed: dict[tuple[str, str], str] = {}
    for name, record in read_store(settings).records():
        key = name, record.source_file
        landed[key] = max(landed.get(key, ""), record.loaded_at)
    found = []
    for file in inbox.set_aside_files(settings):
        path = settings.inbox / file
        note = path.with_name(path.name + REASON)
        since = datetime.fromtimestamp((note if note.exists() else path).lstat().st_mtime, UTC)
        newest = landed.get((file.parts[0], path.name.partition("-")[2]), "")
        if not newest or datetime.fromisoformat(newest) < since.replace(tzinfo=None):
            found.append(str(file))
    return found


def clear_unfinished(raw: Path) -> None:
    """Remove what a run that was killed left half-written, by its exact name."""
    for contract in raw_files.read_contract():
        folder = raw / contract.name
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if HALF_WRITTEN.fullmatch(path.name):
                with suppress(OSError):
                    path.unlink()


def next_moment(now: datetime, last: Iterable[str]) -> datetime:
    """When the rows were loaded: now, or later where the clock was set back, so that what comes
    later counts as newer."""
    newest = max((datetime.fromisoformat(one) for one in last), default=None)
    moment = now.astimezone(UTC).replace(tzinfo=None)
    return moment if newest is None or moment > newest else newest + timedelta(microseconds=1)


def land(
    settings: Settings,
    key: privacy.Key | None,
    now: datetime,
    dry_run: bool,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Landed]:
    """Land what is new in the inbox, the oldest first, and again what is gone from the raw folder.
    What keeps an input from being landed does not keep the others: PartlyLanded in the end, a
    Stop."""
    store = read_store(settings)
    store.refuse_changed()
    found: list[Landed] = []
    plans: list[Plan] = []
    seen: list[tuple[str, str, str]] = []
    for name, files in group(arrivals(settings)).items():
        plans += planned_of(store, name, files, found, seen)
    plans = [*without_unfinished(plans, found)]
    faults = {
        name: fault
        for name, planned in by_input(plans).items()
        if (fault := fault_of(planned, settings, key))
    }
    number = 0
    try:
        for name, planned in by_input(plans).items():
            if name in faults:
                reason = faults[name].what
                found += [
                    Landed(name, plan.arrival.path.name, HELD_BACK, reason=reason)
                    for plan in planned
                ]
                continue
            for one in land_input(planned, store, key, now, dry_run, seen):
                found.append(one)
                number += 1
                progress(f"{number} of {len(plans)}")
    except BaseException:
        with suppress(OSError):
            store.save()
        raise
    for name, file, sha in seen:
        store.note_names(name, [(file, sha)])
    if store.names_unknown and not faults:
        store.names_unknown, store.is_different = False, True
    if store.is_different and not dry_run:
        store.save()
    if faults:
        raise PartlyLanded(found, all_of(faults))
    return found


def planned_of(
    store: Store,
    name: str,
    files: list[tuple[Contract, Path]],
    found: list[Landed],
    seen: list[tuple[str, str, str]],
) -> Iterator[Plan]:
    """The files of an input that are to be landed; of the others `found` tells what became of them,
    and `seen` which came before: (input, file, sha256)."""
    before, known = store.newest(name), Known(store, name)
    hashes: list[tuple[Contract, Path, str]] = []
    for contract, path in files:
        try:
            if inbox.is_growing(path):
                found.append(Landed(name, path.name, CHANGING))
            else:
                hashes.append((contract, path, sha256_of(path)))
        except OSError as error:
            found.append(unreadable(name, path, error))
    others = {(path.name, sha) for _, path, sha in hashes}
    for contract, path, sha in hashes:
        gone = known.gone(path.name, sha, others)
        if gone:
            known.missing.remove(gone)
        elif known.withdrawn(path.name, sha):
            found.append(Landed(name, path.name, WITHDRAWN))
            continue
        elif known.is_seen(path.name, sha):
            found.append(Landed(name, path.name, SEEN))
            seen.append((name, path.name, sha))
            continue
        try:
            arrival = without_personal(look_at(path, contract, sha))
        except OSError as error:
            found.append(unreadable(name, path, error))
            continue
        yield Plan(arrival, before.batch(store.folder(name)) if before else None, gone)


def land_input(
    planned: list[Plan],
    store: Store,
    key: privacy.Key | None,
    now: datetime,
    dry_run: bool,
    seen: list[tuple[str, str, str]],
) -> Iterator[Landed]:
    """Land the files of an input, the oldest first; one that says what the newest batch said is no
    news."""
    name = planned[0].arrival.contract.name
    by_path = {plan.arrival.path: plan for plan in planned}
    good = [plan.arrival for plan in planned if not plan.arrival.problem]
    bad = [(plan.arrival, "") for plan in planned if plan.arrival.problem]
    newest = planned[0].before.sha256 if planned[0].before else ""
    for arrival, ordered_by in [*ordering.in_order(good, now), *bad]:
        plan = by_path[arrival.path]
        if arrival.sha256 == newest and not plan.again and not arrival.problem:
            seen.append((name, arrival.path.name, arrival.sha256))
            yield Landed(name, arrival.path.name, SEEN)
            continue
        one = land_one(plan, store, key, now, dry_run)
        one.ordered_by = ordered_by
        if one.state in ("landed", "to land") and not plan.again:
            newest = arrival.sha256
        yield one


def unreadable(name: str, path: Path, error: OSError) -> Landed:
    """What became of a file that went away, or cannot be opened, while it was looked at."""
    if isinstance(error, FileNotFoundError):
        return Landed(name, path.name, CHANGING)
    return Landed(name, path.name, UNREADABLE, reason=(error.strerror or "unreadable").lower())


def by_input(plans: Iterable[Plan]) -> dict[str, list[Plan]]:
    found: dict[str, list[Plan]] = {}
    for plan in plans:
        found.setdefault(plan.arrival.contract.name, []).append(plan)
    return found


def without_unfinished(plans: list[Plan], found: list[Landed]) -> Iterator[Plan]:
    """The plans but for those of files that are still being written, which go to `found`: somebody
    has them open to write to, or they were written to a moment ago and cannot be read, or have not
    even a whole header yet."""
    written = inbox.being_written(plan.arrival.path for plan in plans)
    for plan in plans:
        arrival = plan.arrival
        is_half = arrival.problem or not inbox.has_whole_header(arrival.path, arrival.kind)
        if arrival.path in written or (is_half and inbox.is_fresh(arrival.path)):
            found.append(Landed(arrival.contract.name, arrival.path.name, CHANGING))
        else:
            yield plan


def fault_of(planned: list[Plan], settings: Settings, key: privacy.Key | None) -> UserError | None:
    """What keeps all files of an input from being landed, nothing where they can be."""
    good = [plan for plan in planned if not plan.arrival.problem]
    lines = []
    for plan in good:
        if drifted := drift(plan.arrival, plan.before):
            lines.append(f"{plan.arrival.contract.name}/{listed([plan.arrival.path.name])}")
            lines += [f"  {line}" for line in drifted]
    if lines:
        return UserError(
            CHECKS_FAILED,
            "\n".join(lines),
            "Have the source fixed, map the columns before they get to the inbox, or take the file"
            " out of it.",
        )
    try:
        refuse_foreign_files(settings, {plan.arrival.contract.name for plan in planned})
        require_key(settings, key, [plan.arrival for plan in good])
    except UserError as stop:
        return stop
    return None


def all_of(faults: dict[str, UserError]) -> UserError:
    """The faults of several inputs as one; the lines of what drifted follow their own words."""
    drifted = [stop.what for stop in faults.values() if stop.code == CHECKS_FAILED]
    others = dict.fromkeys(stop.what for stop in faults.values() if stop.code != CHECKS_FAILED)
    words = list(others)
    if drifted:
        words.append("Required columns are gone or of another type:\n" + "\n".join(drifted))
    words.append(f"Nothing of {', '.join(faults)} was landed; what is good of other inputs was.")
    steps = dict.fromkeys(stop.next_step for stop in faults.values())
    code = max(stop.code for stop in faults.values())
    return UserError(code, "\n".join(words), " ".join(steps))


def require_key(settings: Settings, key: privacy.Key | None, planned: list[Arrival]) -> None:
    """UserError(2) before anything of an input is landed where there is a user id, or somebody was
    erased, and not the key for it."""
    memory = privacy.Memory(settings.raw)
    if planned and (memory.tombstones("account") or memory.tombstones("user")):
        why = "somebody was erased, and must not come back"
        memory.check(privacy.require_key(key, why))
    for arrival in planned:
        if PERSONAL in arrival.columns:
            why = f"the user ids of {arrival.path} must not be stored as they are"
            with duckdb.connect() as connection:
                try:
                    connection.execute(f"create temp view arrived as {rows_sql(arrival)}")
                    texts = distinct_texts(connection, PERSONAL)
                except duckdb.Error:
                    continue
            if not all(map(privacy.is_nothing, texts)):
                memory.check(privacy.require_key(key, why))
                return


def has_changed(arrival: Arrival) -> bool:
    """Whether somebody wrote to the file since it was first looked at."""
    try:
        return sha256_of(arrival.path) != arrival.sha256
    except (OSError, CannotReadError):
        return True


def land_one(
    plan: Plan, store: Store, key: privacy.Key | None, now: datetime, dry_run: bool
) -> Landed:
    """Land a file, or set it aside; leave it for the next run where it is still being written."""
    arrival, settings = plan.arrival, store.settings
    name, problem = arrival.contract.name, arrival.problem
    if not problem and dry_run:
        batch = plan.again.id if plan.again else ""
        return Landed(name, arrival.path.name, "to land", batch=batch, is_again=bool(plan.again))
    if not problem:
        try:
            if plan.again:
                # As it was: what was landed after it stays newer.
                store.forget_file(name, plan.again)
                number = plan.again.number
                moment = datetime.fromisoformat(plan.again.loaded_at)
            else:
                last = store.inputs[name].last
                number = last.number + 1 if last else 1
                moment = next_moment(now, [last.loaded_at] if last else [])
            landed = write_batch(arrival, number, moment, settings, key)
        except CannotReadError as error:
            problem = str(error)
        else:
            if landed.batch:
                store.register(name, settings.raw / name / f"{landed.batch}.parquet")
            landed.is_again = bool(plan.again)
            landed.new_columns, landed.lacking_columns = added_and_lacking(arrival, plan.before)
            landed.left_out = tell_left_out(arrival, settings)
            return landed
    if has_changed(arrival) or inbox.is_fresh(arrival.path):
        return Landed(name, arrival.path.name, CHANGING)
    if not dry_run:
        set_aside(arrival, problem)
    state = "to set aside" if dry_run else "set aside"
    return Landed(name, arrival.path.name, state, reason=problem)


def orders(found: list[Landed]) -> list[str]:
    """In which order the files of an input were landed and by what, where there were several."""
    lines = []
    for name in dict.fromkeys(one.input for one in found):
        landed = [one for one in found if one.input == name and one.state in ("landed", "to land")]
        if len(landed) > 1:
            by = dict.fromkeys(one.ordered_by for one in landed if one.ordered_by)
            files = listed(one.file for one in landed)
            lines.append(f"{name}: the oldest first, by {', then by '.join(by)}: {files}")
    return lines


def tell_left_out(arrival: Arrival, settings: Settings) -> list[str]:
    """The columns that were not kept and that nobody was told about yet."""
    memory = privacy.Memory(settings.raw)
    known = {column: f"{arrival.contract.name}.{column}" for column in arrival.left_out}
    new = [column for column, name in known.items() if not memory.is_left_out(name)]
    if new:
        memory.note_left_out(known[column] for column in new)
    return new


def group(files: Iterable[tuple[Contract, Path]]) -> dict[str, list[tuple[Contract, Path]]]:
    found: dict[str, list[tuple[Contract, Path]]] = {}
    for contract, path in files:
        found.setdefault(contract.name, []).append((contract, path))
    return found


def landed_arrivals(settings: Settings) -> Iterator[tuple[Contract, Path]]:
    """The files of the inbox whose content was landed under their own name, or came when it was
    that of the newest batch."""
    store = read_store(settings)
    for name, files in group(arrivals(settings)).items():
        known = Known(store, name)
        for contract, path in files:
            with suppress(OSError, CannotReadError):
                if known.is_kept(path.name, sha256_of(path)):
                    yield contract, path


def remove_landed(settings: Settings) -> int:
    """Remove from the inbox what was landed, as it was when it was compared with what was landed;
    how many."""
    found = [path for _, path in arrivals(settings)]
    before = {path: inbox.state_of(path) for path in found}
    written = inbox.being_written(found)
    removed = 0
    for _, path in landed_arrivals(settings):
        if path not in written and inbox.state_of(path) == before.get(path):
            inbox.remove(path)
            removed += 1
    return removed


def refuse_foreign_files(settings: Settings, names: set[str]) -> None:
    """UserError(2) where landing would mix with files that somebody else put into the raw
    folder."""
    if settings.is_sample():
        raise UserError(
            CONFIGURATION,
            f"{settings.inbox} holds files, but the raw folder is the sample's: {settings.raw}.",
            "Name a folder of your own: export HEALTH_RAW_DIR=/path/to/raw",
        )
    for name in sorted(names):
        folder = settings.raw / name
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        others = [p for p in files if raw_files.kind_of(p) in ("csv", "json") and p.is_file()]
        if others:
            kinds = {raw_files.KIND_NAMES[raw_files.kind_of(p)] for p in others}
            raise UserError(
                CONFIGURATION,
                f"{folder} holds {' and '.join(sorted(kinds))} files that were not landed:"
                f" {listed(p.name for p in others)}.",
                f"Move them to {settings.inbox / name}, to be landed too.",
            )
