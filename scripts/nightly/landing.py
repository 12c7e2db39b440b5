"""Land the files of the inbox: each becomes one Parquet file of the raw folder, with batch, source
file, row number, sha256 and _loaded_at. DuckDB reads; what it cannot read is set aside.

A landed file is raw/<input>/batch-<number>-<sha>.parquet; what is known of its source is in its own
metadata, so that nothing beside it can get lost.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import raw_files
from raw_files import CannotReadError, Contract, listed, quoted

from nightly import privacy
from nightly.places import CHECKS_FAILED, CONFIGURATION, Places, Stop, put_in_place

KINDS = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
SET_ASIDE = "set_aside"
CHANGING = "still being written"
BATCH = re.compile(r"batch-(\d{6,})-([0-9a-f]{16})\.parquet")
UNFINISHED = ".landing"
PERSONAL = "user_id"
OWN_COLUMNS = ("_batch_id", "_source_file", "_source_row", "_source_sha256", "_loaded_at")
CLASSES = {
    "text": ("VARCHAR",),
    "moment": ("DATE", "TIMESTAMP"),
    "whole number": (
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
    ),
    "number": ("DECIMAL", "DOUBLE", "FLOAT", "UBIGINT", "HUGEINT"),
    "boolean": ("BOOLEAN",),
}
# What a column of the contract can be received as, besides text.
FITTING = {
    "varchar": ("whole number",),
    "timestamp": ("moment",),
    "boolean": ("boolean",),
    "integer": ("whole number", "number"),
    "decimal": ("whole number", "number"),
}


@dataclass(frozen=True)
class Batch:
    """A landed file, as its metadata tells: rows received = rows in the file + rows erased."""

    path: Path
    number: int
    source_file: str
    sha256: str
    rows_received: int
    rows_erased: int
    loaded_at: str
    columns: dict[str, str]


@dataclass
class Landed:
    """What became of a file of the inbox: landed, seen before, set aside, still being written."""

    input: str
    file: str
    state: str
    rows: int = 0
    erased: int = 0
    batch: str = ""
    reason: str = ""
    new_columns: list[str] = field(default_factory=list)
    lacking_columns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Arrival:
    """A file of the inbox that is not landed yet. `columns` are {name: (as received, class)}."""

    contract: Contract
    path: Path
    kind: str
    sha256: str
    columns: dict[str, tuple[str, str]]
    problem: str = ""


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def class_of(kind: str) -> str:
    """What sort of values a DuckDB type holds, in words."""
    base = kind.split("(")[0].split(" ")[0].upper()
    return next((name for name, kinds in CLASSES.items() if base in kinds), kind.lower())


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# ----------------------------------------------------------------------- what was landed before


def batch_number(path: Path) -> int:
    return int(BATCH.fullmatch(path.name)[1])  # type: ignore[index]


def landed_files(raw: Path, name: str) -> list[Path]:
    """The landed files of an input, the oldest first."""
    folder = raw / name
    found = [p for p in folder.iterdir() if BATCH.fullmatch(p.name)] if folder.is_dir() else []
    return sorted(found, key=batch_number)


def read_batch(path: Path) -> Batch:
    """What the metadata of a landed file says; Stop(1) where it cannot be read."""
    try:
        rows = duckdb.execute(
            "select key, value from parquet_kv_metadata(?)", [str(path)]
        ).fetchall()
        found = {bytes(key).decode(): bytes(value).decode() for key, value in rows}
        return Batch(
            path=path,
            number=batch_number(path),
            source_file=found["source_file"],
            sha256=found["source_sha256"],
            rows_received=int(found["rows_received"]),
            rows_erased=int(found["rows_erased"]),
            loaded_at=found["loaded_at"],
            columns=json.loads(found["columns"]),
        )
    except (duckdb.Error, KeyError, ValueError):
        raise is_damaged(path) from None


def is_damaged(path: Path) -> Stop:
    """The end of a run that finds a landed file damaged."""
    return Stop(
        CHECKS_FAILED,
        f"{path} is damaged: it is not what was landed.",
        "Put it back from a backup, or move it away and put its source into the inbox again.",
    )


def damaged_files(places: Places) -> list[Path]:
    """Landed files of which a row cannot be read."""
    found = []
    for _, batch in batches(places):
        try:
            duckdb.execute("select bit_xor(hash(t)) from read_parquet(?) as t", [str(batch.path)])
        except duckdb.Error:
            found.append(batch.path)
    return found


def erased_rows(places: Places) -> dict[str, int]:
    """Rows ever landed that were erased or left out, per input."""
    found: dict[str, int] = {}
    for name, batch in batches(places):
        found[name] = found.get(name, 0) + batch.rows_erased
    return found


def batches(places: Places) -> Iterator[tuple[str, Batch]]:
    """Every landed file with its input."""
    for contract in raw_files.read_contract():
        for path in landed_files(places.raw, contract.name):
            yield contract.name, read_batch(path)


# ------------------------------------------------------------------------- what lies in the inbox


def json_columns(path: Path) -> dict[str, tuple[str, str]]:
    """{lower-case key: (key, class)} of a file of JSON lines; raises CannotReadError."""
    try:
        keys = duckdb.execute(
            "select distinct unnest(json_keys(json)) from read_ndjson_objects(?)"
            " where json_type(json) = 'OBJECT' order by 1",
            [str(path)],
        ).fetchall()
        ((others,),) = duckdb.execute(
            "select count(*) from read_ndjson_objects(?) where json_type(json) <> 'OBJECT'",
            [str(path)],
        ).fetchall()
    except duckdb.Error:
        raise CannotReadError(f"{first_bad_line(path)}; one JSON object per line is read") from None
    if others:
        raise CannotReadError(f"{others:,} lines hold JSON, but no object; one per line is read")
    found: dict[str, tuple[str, str]] = {}
    for (key,) in keys:
        name = key.strip().lower()
        if name in found:
            raise CannotReadError(f"two keys are {listed([name])}, but for case; rename one")
        found[name] = (key, "text")
    return found


def first_bad_line(path: Path) -> str:
    """Which line of a file is not JSON, in words."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                json.loads(line or b"null")
            except ValueError:
                return f"line {number} is not JSON"
    return "not JSON"


def columns_of(path: Path, kind: str) -> dict[str, tuple[str, str]]:
    """{lower-case name: (as received, class)}; raises CannotReadError."""
    if path.stat().st_size == 0:
        raise CannotReadError("the file is empty, 0 bytes")
    if kind == "json":
        return json_columns(path)
    found = {
        name: (received, class_of(kind_of))
        for name, (received, kind_of) in raw_files.received_columns(path).items()
    }
    if kind == "csv" and (faults := raw_files.broken_lines(path)):
        name = listed([path.name])
        raise CannotReadError("; ".join(fault.removeprefix(f"{name}, ") for fault in faults))
    return found


def look_at(path: Path, contract: Contract, sha: str) -> Arrival:
    """A file of the inbox as far as it can be read."""
    kind = KINDS[path.suffix.lower()]
    try:
        columns = columns_of(path, kind)
    except CannotReadError as error:
        return Arrival(contract, path, kind, sha, {}, str(error))
    required = {column.name for column in contract.columns if column.required}
    if not required & columns.keys():
        # Without any known name the first line may be data, which must not be shown.
        problem = "no required column of the input; is the first line a header?"
        return Arrival(contract, path, kind, sha, {}, problem)
    return Arrival(contract, path, kind, sha, columns)


def arrivals(places: Places) -> Iterator[tuple[Contract, Path]]:
    """The files of the inbox that can be landed, input by input, by name."""
    for contract in raw_files.read_contract():
        folder = places.inbox / contract.name
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_file() and path.suffix.lower() in KINDS and not path.name.startswith("."):
                yield contract, path


def set_aside_files(places: Places) -> list[str]:
    """What was set aside and still waits for a person."""
    return [
        str(path.relative_to(places.inbox))
        for path in sorted(places.inbox.glob(f"*/{SET_ASIDE}/*"))
        if not path.name.endswith(".reason.txt")
    ]


def strays(places: Places) -> list[str]:
    """What lies in the inbox and is not landed, in words."""
    names = {contract.name for contract in raw_files.read_contract()}
    found = []
    for entry in sorted(places.inbox.iterdir()) if places.inbox.is_dir() else ():
        if entry.name not in names and not entry.name.startswith("."):
            guess = raw_files.like(entry.name, names)
            found.append(f"{listed([entry.name])} is no input{f'; is it {guess}?' * bool(guess)}")
        elif entry.is_dir():
            others = [
                p.name
                for p in sorted(entry.iterdir())
                if p.name != SET_ASIDE and p.suffix.lower() not in KINDS and p.name[0] != "."
            ]
            if others:
                found.append(f"{entry.name}: not read: {listed(others)}")
    return found


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
        if now == "text" or now == was:
            continue
        if was or now not in FITTING[column.type]:
            lines.append(f"~ {column.name}: {was or column.type} so far, now {now}")
    return lines


def added_and_lacking(arrival: Arrival, before: Batch | None) -> tuple[list[str], list[str]]:
    """Columns that are new, and those that are no longer there, compared with the last batch or,
    where there is none, with the contract."""
    contract = [column.name for column in arrival.contract.columns]
    earlier = set(before.columns) if before else set(contract)
    received = set(arrival.columns) - {"_loaded_at"}
    lacking = sorted((earlier if before else set()) - received - {"_loaded_at"})
    return sorted(received - earlier), lacking


# ---------------------------------------------------------------------------------- the landing


def rows_sql(arrival: Arrival) -> str:
    """A select of the rows: _source_row, then every column under its lower-case name."""
    path = quoted(str(arrival.path))
    if arrival.kind == "json":
        cells = [
            f"json ->> {quoted('$.' + identifier(received))} as {identifier(name)}"
            for name, (received, _) in arrival.columns.items()
        ]
        source = f"read_ndjson_objects({path})"
    else:
        cells = [
            f"{identifier(received)} as {identifier(name)}"
            for name, (received, _) in arrival.columns.items()
        ]
        source = raw_files.source_sql([arrival.path])
    return f"select row_number() over () as _source_row, {', '.join(cells)} from {source}"


def landed_columns(arrival: Arrival) -> list[str]:
    """The columns as they are landed: what the source calls like one of ours keeps another name."""
    return [f"_source{name}" if name in OWN_COLUMNS else name for name in arrival.columns]


def distinct_texts(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    rows = connection.execute(
        f"select distinct cast({identifier(column)} as varchar) from arrived"
        f" where {identifier(column)} is not null"
    ).fetchall()
    return [text for (text,) in rows]


def hide_people(
    connection: duckdb.DuckDBPyConnection, arrival: Arrival, key: privacy.Key | None, raw: Path
) -> None:
    """Fill the tables of what to replace (people, sentences) and whom to leave out
    (erased_accounts, erased_users, erased_pairs), worked out here and not in SQL."""
    connection.execute("create table people (received varchar, pseudonym varchar)")
    connection.execute("create table erased_accounts (received varchar)")
    connection.execute("create table erased_users (received varchar)")
    connection.execute("create table erased_pairs (account varchar, person varchar)")
    connection.execute("create table sentences (received varchar, cleaned varchar)")
    memory = privacy.Memory(raw)
    if PERSONAL in arrival.columns:
        users = [t for t in distinct_texts(connection, PERSONAL) if not privacy.is_nothing(t)]
        if users:
            why = f"the user ids of {arrival.path} must not be stored as they are"
            key = privacy.need_key(key, why)
            memory.check(key)
            memory.note_key(key)
            insert(connection, "people", [(text, key.pseudonym(text)) for text in users])
            buried = memory.tombstones("user")
            gone = [(t,) for t in users if buried and key.tombstone("user", t) in buried]
            insert(connection, "erased_users", gone)
            if buried and "account_id" in arrival.columns:
                insert(connection, "erased_pairs", erased_pairs(connection, key, buried))
    buried = memory.tombstones("account")
    if buried or memory.tombstones("user"):
        key = privacy.need_key(key, "somebody was erased, and must not come back")
        memory.check(key)
        texts = {text for name in sentences(arrival) for text in distinct_texts(connection, name)}
        cleaned = [(text, memory.cleaned(text, key)) for text in sorted(texts)]
        insert(connection, "sentences", [pair for pair in cleaned if pair[0] != pair[1]])
    if buried:
        columns = [c for c in ("account_id", "parent_account_id") if c in arrival.columns]
        texts = {text for column in columns for text in distinct_texts(connection, column)}
        gone = [(t,) for t in sorted(texts) if key.tombstone("account", t) in buried]
        insert(connection, "erased_accounts", gone)


def erased_pairs(
    connection: duckdb.DuckDBPyConnection, key: privacy.Key, buried: frozenset[str]
) -> list[tuple[str, ...]]:
    """The users of one account that were erased there, as received: (account, user)."""
    pairs = connection.execute(
        f"select distinct cast(account_id as varchar), cast({PERSONAL} as varchar) from arrived"
        f" where account_id is not null and {PERSONAL} is not null"
    ).fetchall()
    return [
        (account, user)
        for account, user in pairs
        if key.tombstone("user", f"{account.strip()}\0{user.strip()}") in buried
    ]


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[str, ...]]) -> None:
    """Insert many rows at once, columns as lists."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        unnested = ", ".join("unnest(?)" for _ in columns)
        connection.execute(f"insert into {table} select {unnested}", columns)


def sentences(arrival: Arrival) -> list[str]:
    """The columns of free text: those known to be, and all that are not ours."""
    ours = {column.name for column in arrival.contract.columns} | {PERSONAL}
    return [
        name
        for name, (_, kind) in arrival.columns.items()
        if kind == "text" and (name in privacy.SENTENCES or name not in ours)
    ]


def final_sql(arrival: Arrival) -> str:
    """The rows as they are stored, before what landing adds."""
    cells, free = [], sentences(arrival)
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
            known = f"(select any_value(cleaned) from sentences where received = {cell})"
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
    return f"select arrived._source_row, {', '.join(cells)} from arrived{joins}{where}"


def metadata_sql(values: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {quoted(value)}" for key, value in values.items()) + "}"


def write_batch(
    arrival: Arrival, number: int, loaded_at: datetime, places: Places, key: privacy.Key | None
) -> Landed:
    """Land one file; raises CannotReadError where its rows cannot be read after all."""
    folder = places.raw / arrival.contract.name
    folder.mkdir(parents=True, exist_ok=True)
    batch_id = f"batch-{number:06d}-{arrival.sha256[:16]}"
    written = folder / f"{batch_id}{UNFINISHED}"
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"set temp_directory = {quoted(str(folder / '.temporary'))}")
        connection.execute("set TimeZone = 'UTC'")
        try:
            connection.execute(f"create temp view arrived as {rows_sql(arrival)}")
            ((received,),) = connection.execute("select count(*) from arrived").fetchall()
            hide_people(connection, arrival, key, places.raw)
            connection.execute(f"create temp view kept as {final_sql(arrival)}")
            ((kept,),) = connection.execute("select count(*) from kept").fetchall()
            metadata = {
                "source_file": arrival.path.name,
                "source_sha256": arrival.sha256,
                "rows_received": str(received),
                "rows_erased": str(received - kept),
                "loaded_at": loaded_at.isoformat(),
                "columns": json.dumps({n: kind for n, (_, kind) in arrival.columns.items()}),
            }
            connection.execute(
                f"copy (select * exclude (_source_row), {quoted(batch_id)} as _batch_id,"
                f" {quoted(arrival.path.name)} as _source_file, cast(_source_row as bigint)"
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


def refuse_engine_faults(error: duckdb.Error, folder: Path) -> None:
    """Stop(1) where the disk or the memory is at fault, not the file."""
    text = str(error)
    if "No space left" in text or "disk" in text.lower():
        raise Stop(CHECKS_FAILED, f"The disk of {folder} is full.", "Free some space, run again.")
    if isinstance(error, duckdb.OutOfMemoryException):
        raise Stop(
            CHECKS_FAILED,
            "DuckDB ran out of memory while landing.",
            "Land smaller files, or fewer.",
        )
    if "Permission denied" in text:
        raise Stop(CONFIGURATION, f"{folder} cannot be written.", "Give this user the right to.")


def set_aside(arrival: Arrival, reason: str) -> None:
    """Move a file that cannot be landed out of the way, with the reason beside it."""
    folder = arrival.path.parent / SET_ASIDE
    folder.mkdir(exist_ok=True)
    goal = folder / f"{arrival.sha256[:8]}-{arrival.path.name}"
    goal.with_name(goal.name + ".reason.txt").write_text(
        f"{arrival.path.name}: {reason}\nMend it, and put it back into {arrival.path.parent}.\n",
        encoding="utf-8",
    )
    arrival.path.replace(goal)


def clear_unfinished(raw: Path) -> None:
    """Remove what a run that was killed left half-written."""
    for contract in raw_files.read_contract():
        for path in (raw / contract.name).glob(f"*{UNFINISHED}"):
            with suppress(OSError):
                path.unlink()


def next_moment(now: datetime, last: Iterable[str]) -> datetime:
    """When the rows were loaded: now, or later where the clock was set back, so that what comes
    later counts as newer."""
    newest = max((datetime.fromisoformat(one) for one in last), default=None)
    moment = now.astimezone(UTC).replace(tzinfo=None)
    return moment if newest is None or moment > newest else newest + timedelta(microseconds=1)


def land(places: Places, key: privacy.Key | None, now: datetime, dry_run: bool) -> list[Landed]:
    """Land what is new in the inbox. Stop(1) before anything is landed where a required column is
    gone or of another type."""
    found: list[Landed] = []
    plans: list[tuple[Arrival, Batch | None]] = []
    faults: list[str] = []
    for name, files in group(arrivals(places)).items():
        known = landed_files(places.raw, name)
        seen = {BATCH.fullmatch(path.name)[2] for path in known}  # type: ignore[index]
        before = read_batch(known[-1]) if known else None
        for contract, path in files:
            sha = sha256_of(path)
            if sha[:16] in seen:
                found.append(Landed(name, path.name, "seen before"))
                continue
            seen.add(sha[:16])
            arrival = look_at(path, contract, sha)
            plans.append((arrival, before))
            if not arrival.problem and (lines := drift(arrival, before)):
                faults += [f"{name}/{listed([path.name])}", *(f"  {line}" for line in lines)]
    if faults:
        raise Stop(
            CHECKS_FAILED,
            "Required columns are gone or of another type; nothing was landed:\n"
            + "\n".join(faults),
            "Have the source mended, map the columns before they get to the inbox, or take the file"
            " out of it.",
        )
    if plans:
        refuse_foreign_files(places, {arrival.contract.name for arrival, _ in plans})
        need_key(places, key, [arrival for arrival, _ in plans])
    for arrival, before in plans:
        found.append(land_one(arrival, before, places, key, now, dry_run))
    return found


def need_key(places: Places, key: privacy.Key | None, planned: list[Arrival]) -> None:
    """Stop(2) before anything is landed where there is a user id and not the key for it."""
    for arrival in planned:
        if PERSONAL in arrival.columns and not arrival.problem:
            why = f"the user ids of {arrival.path} must not be stored as they are"
            with duckdb.connect() as connection:
                try:
                    connection.execute(f"create temp view arrived as {rows_sql(arrival)}")
                    texts = distinct_texts(connection, PERSONAL)
                except duckdb.Error:
                    continue
            if not all(map(privacy.is_nothing, texts)):
                privacy.Memory(places.raw).check(privacy.need_key(key, why))
                return


def has_changed(arrival: Arrival) -> bool:
    """Whether somebody wrote to the file since it was first looked at."""
    return not arrival.path.exists() or sha256_of(arrival.path) != arrival.sha256


def land_one(
    arrival: Arrival,
    before: Batch | None,
    places: Places,
    key: privacy.Key | None,
    now: datetime,
    dry_run: bool,
) -> Landed:
    """Land a file, or set it aside; leave it for the next run where it is still being written."""
    name, problem = arrival.contract.name, arrival.problem
    if not problem and dry_run:
        return Landed(name, arrival.path.name, "to land")
    if not problem:
        known = landed_files(places.raw, name)
        number = batch_number(known[-1]) + 1 if known else 1
        last = [read_batch(known[-1]).loaded_at] if known else []
        try:
            landed = write_batch(arrival, number, next_moment(now, last), places, key)
        except CannotReadError as error:
            problem = str(error)
        else:
            landed.new_columns, landed.lacking_columns = added_and_lacking(arrival, before)
            return landed
    if has_changed(arrival):
        return Landed(name, arrival.path.name, CHANGING)
    if not dry_run:
        set_aside(arrival, problem)
    state = "to set aside" if dry_run else "set aside"
    return Landed(name, arrival.path.name, state, reason=problem)


def group(files: Iterable[tuple[Contract, Path]]) -> dict[str, list[tuple[Contract, Path]]]:
    found: dict[str, list[tuple[Contract, Path]]] = {}
    for contract, path in files:
        found.setdefault(contract.name, []).append((contract, path))
    return found


def landed_arrivals(places: Places) -> Iterator[tuple[Contract, Path]]:
    """The files of the inbox whose content was landed."""
    for contract, path in arrivals(places):
        known = landed_files(places.raw, contract.name)
        landed = {BATCH.fullmatch(file.name)[2] for file in known}  # type: ignore[index]
        if sha256_of(path)[:16] in landed:
            yield contract, path


def refuse_foreign_files(places: Places, names: set[str]) -> None:
    """Stop(2) where landing would mix with files that somebody else put into the raw folder."""
    if places.is_sample():
        raise Stop(
            CONFIGURATION,
            f"{places.inbox} holds files, but the raw folder is the sample's: {places.raw}.",
            "Name a folder of your own: export HEALTH_RAW_DIR=/path/to/raw",
        )
    for name in sorted(names):
        folder = places.raw / name
        others = [p.name for p in folder.glob("*.csv")] if folder.is_dir() else []
        if others:
            raise Stop(
                CONFIGURATION,
                f"{folder} holds CSV files that were not landed: {listed(others)}.",
                f"Move them to {places.inbox / name}, to be landed too.",
            )
