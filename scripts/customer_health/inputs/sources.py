"""The inputs as relations of schema `raw` in a DuckDB file, as they are on every other engine: a
view of the Parquet files of an input, or a table of its CSV or JSON lines, so that text is parsed
once and not by everything that reads it. What is made of the same files as before stays as it is.

A table or view that this module did not make is left alone, and is an input as it stands.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import duckdb

from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import CannotReadError, Contract, RawInput, identifier, quoted

SCHEMA = "raw"
# In the comment of a relation: what it was made of, as JSON.
OURS = "Made of files: "


@dataclass(frozen=True)
class Source:
    """What is known of one input: where its rows lie, in words, the files that its relation was
    made of, and what keeps it from being read. `is_of_files` is false for a relation that somebody
    else made."""

    folder: Path
    files: dict[str, str]
    place: str
    problems: list[str] = field(default_factory=list)
    is_of_files: bool = True

    def problems_now(self) -> list[str]:
        """What keeps it from being read, also since the relation was made."""
        if raw_files.versions(self.folder) == self.files:
            return self.problems
        return [*self.problems, f"{self.folder}: files changed while they were read; run again"]


@dataclass(frozen=True)
class Relation:
    """A relation of the schema: TABLE or VIEW, and its comment."""

    kind: str
    comment: str

    @property
    def files(self) -> dict[str, str] | None:
        """{path: version} of the files that it was made of by this reader; none where it was made
        by another one, or by somebody else."""
        if not self.comment.startswith(OURS):
            return None
        made = json.loads(self.comment.removeprefix(OURS))
        return made["files"] if made["reader"] == hash_of_reader() else {}


@cache
def hash_of_reader() -> str:
    """sha256 of what reads the raw files."""
    files = (Path(raw_files.__file__), Path(__file__))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def make(connection: duckdb.DuckDBPyConnection, raw: Path) -> dict[str, Source]:
    """Make raw.<input> of every input of a folder, and say what is known of it. An input that
    cannot be read, or is not there, has no relation."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    there = relations(connection)
    return {
        contract.name: make_one(connection, raw.absolute(), contract, there.get(contract.name))
        for contract in raw_files.read_contract()
    }


def relations(connection: duckdb.DuckDBPyConnection) -> dict[str, Relation]:
    """The tables and views of the schema."""
    rows = connection.execute(
        "select table_name, 'TABLE', coalesce(comment, '') from duckdb_tables()"
        " where database_name = current_database() and schema_name = $1 union all"
        " select view_name, 'VIEW', coalesce(comment, '') from duckdb_views()"
        " where database_name = current_database() and schema_name = $1",
        [SCHEMA],
    ).fetchall()
    return {name: Relation(kind, comment) for name, kind, comment in rows}


def make_one(
    connection: duckdb.DuckDBPyConnection, raw: Path, contract: Contract, there: Relation | None
) -> Source:
    """The same of one input; `there` is what has its name."""
    name, folder = contract.name, raw / contract.name
    now = raw_files.versions(folder)
    known = there.files if there else {}
    if known is None:
        problem = f"there are files in {folder} and a table {SCHEMA}.{name}; remove one of them"
        place = f"{SCHEMA}.{name}"
        return Source(folder, now, place, [problem] if now else [], is_of_files=False)
    if known and known == now:
        return Source(folder, now, str(folder))
    seen = raw_files.look(raw, contract, rows=False)
    if seen.format == "parquet" and not seen.problems:
        seen = raw_files.look(raw, contract, known=known)
    problems = [f"{folder}: {seen.folder_problem}"] if seen.folder_problem else []
    problems += [f"{folder}/{problem}" for problem in seen.problems]
    connection.execute("begin")
    try:
        if there:
            connection.execute(f"drop {there.kind} {SCHEMA}.{name}")
        if seen.sql:
            made = json.dumps({"reader": hash_of_reader(), "files": now})
            problems += [
                f"{folder}/{line}"
                for line in make_relation(connection, contract, seen, OURS + made)
            ]
    except BaseException:
        connection.execute("rollback")
        raise
    # Of an input that cannot be read no row is kept.
    connection.execute("rollback" if problems else "commit")
    if problems and there:
        connection.execute(f"drop {there.kind} {SCHEMA}.{name}")
    nothing = f"no *.parquet, *.csv or *.jsonl in {folder} (HEALTH_RAW_DIR names its parent)"
    return Source(folder, now, str(folder) if seen.files else nothing, problems)


def make_relation(
    connection: duckdb.DuckDBPyConnection, contract: Contract, seen: RawInput, comment: str
) -> list[str]:
    """Make the view or table of an input whose columns can be read, and say which lines of text
    are broken."""
    relation = f"{SCHEMA}.{contract.name}"
    columns = [name for name in (*contract.names, "_loaded_at") if name in seen.received]
    if seen.format == "parquet":
        listed = ", ".join(map(identifier, columns))
        connection.execute(f"create view {relation} as select {listed} from {seen.sql}")
        connection.execute(f"comment on view {relation} is {quoted(comment)}")
        return []
    typed = ", ".join(f"{identifier(column)} varchar" for column in columns)
    connection.execute(f"create table {relation} ({typed})")
    connection.execute(f"comment on table {relation} is {quoted(comment)}")
    problems: list[str] = []
    is_aborted = False
    for path in seen.files:
        try:
            if is_aborted:
                problems += raw_files.broken_lines(path)
            else:
                problems += raw_files.insert_lines(connection, path, relation, columns)
        except CannotReadError as error:
            # Nothing more can be done in the transaction, but the other files are looked at.
            is_aborted = True
            problems.append(f"{raw_files.listed([path.name])}: {error}")
    return problems
