"""Load a folder of raw inputs into the raw schema of another engine, as they are.

Usage:
    python scripts/load_raw.py --target postgres
    python scripts/load_raw.py --target postgres --raw ../data/raw --schema raw

PostgreSQL: one table per input, replaced in one transaction, filled with COPY. The connection is
that of profiles.yml (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE). Inputs that are absent are
dropped there, too. Exit codes: 0 loaded, 1 the engine refused, 2 the folder cannot be used.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import raw_files
from last_build import run_command
from raw_files import Contract, RawInput, quoted

ROOT = Path(__file__).resolve().parents[1]
# What a type of DuckDB is called in PostgreSQL; others are loaded as text.
POSTGRES_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}


class RefusedError(Exception):
    """The folder or the engine cannot be used; the message says why and what to do."""


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def look_at_all(raw: Path) -> list[tuple[Contract, RawInput]]:
    """Every input of the folder; RefusedError with all that keeps it from being read."""
    found = [(contract, raw_files.look(raw, contract)) for contract in raw_files.read_contract()]
    problems = [
        f"{contract.name}: {problem}"
        for contract, seen in found
        for problem in [*([seen.folder_problem] if seen.folder_problem else []), *seen.problems]
    ]
    if problems:
        raise RefusedError("The raw inputs cannot be used:\n  - " + "\n  - ".join(problems))
    return found


def column_types(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """{column: DuckDB type} of what a select reads."""
    rows = connection.execute(f"describe select * from {sql}").fetchall()
    return {row[0]: row[1] for row in rows}


# ------------------------------------------------------------------------------- PostgreSQL


def postgres_type(kind: str) -> str:
    """The PostgreSQL type of a DuckDB type."""
    return kind.lower() if kind.startswith("DECIMAL") else POSTGRES_TYPES.get(kind, "text")


def postgres_cell(name: str, kind: str) -> str:
    """SQL of DuckDB: a column as COPY takes it; PostgreSQL has no NUL in text."""
    column = identifier(name)
    if postgres_type(kind) == "text":
        return f"replace(cast({column} as varchar), chr(0), chr(65533)) as {column}"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column}, '%Y-%m-%d %H:%M:%S.%f%z') as {column}"
    return column


@contextmanager
def postgres() -> Iterator[Any]:
    """A connection as profiles.yml has it; RefusedError where there is none."""
    try:
        import psycopg2
    except ImportError:
        raise RefusedError(
            "The adapter of PostgreSQL is not installed: pip install -r requirements-postgres.txt"
        ) from None
    try:
        connection = psycopg2.connect(
            host=os.environ.get("PGHOST", "localhost"),
            port=int(os.environ.get("PGPORT", "5432")),
            user=os.environ.get("PGUSER", "health"),
            password=os.environ.get("PGPASSWORD", ""),
            dbname=os.environ.get("PGDATABASE", "health"),
        )
    except psycopg2.OperationalError as error:
        raise RefusedError(f"PostgreSQL cannot be reached: {str(error).strip()}") from None
    try:
        yield connection
    finally:
        connection.close()


def load_postgres(raw: Path, schema: str, tell: Callable[[str], None]) -> None:
    """Replace the tables of the raw schema."""
    inputs = look_at_all(raw)
    with (
        postgres() as connection,
        connection.cursor() as cursor,
        tempfile.TemporaryDirectory() as t,
    ):
        cursor.execute("set time zone 'UTC'")
        cursor.execute(f"create schema if not exists {identifier(schema)}")
        for contract, seen in inputs:
            table = f"{identifier(schema)}.{identifier(contract.name)}"
            cursor.execute(f"drop table if exists {table} cascade")
            if not seen.sql:
                tell(f"{contract.name}: absent")
                continue
            file = Path(t) / f"{contract.name}.csv"
            with duckdb.connect() as duck:
                duck.execute("set TimeZone = 'UTC'")
                types = column_types(duck, seen.sql)
                cells = ", ".join(postgres_cell(name, kind) for name, kind in types.items())
                every = ", ".join(identifier(name) for name in types)
                duck.execute(
                    f"copy (select {cells} from {seen.sql}) to {quoted(str(file))}"
                    f" (format csv, header false, nullstr '\\N', force_quote ({every}))"
                )
            columns = ", ".join(
                f"{identifier(name)} {postgres_type(kind)}" for name, kind in types.items()
            )
            cursor.execute(f"create table {table} ({columns})")
            with file.open("rb") as handle:
                cursor.copy_expert(f"copy {table} from stdin (format csv, null '\\N')", handle)
            tell(f"{contract.name}: {cursor.rowcount:,} rows")
            file.unlink()
        connection.commit()


def main() -> int:
    """0 when everything is there."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="\n".join(__doc__.splitlines()[2:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--target", choices=("postgres",), required=True)
    parser.add_argument("--raw", type=Path, help="the folder; default $HEALTH_RAW_DIR")
    parser.add_argument("--schema", default="raw", help="the schema to fill (default raw)")
    options = parser.parse_args()
    raw = options.raw or Path(os.environ.get("HEALTH_RAW_DIR") or ROOT / "sample_data")
    try:
        load_postgres(raw, options.schema, lambda text: print(text, file=sys.stderr))
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    run_command(main)
