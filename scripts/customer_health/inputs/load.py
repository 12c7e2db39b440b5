"""Load a folder of raw inputs into the schema `raw` of another engine, as they are.

Usage:
    customer-health load --target postgres --raw ../data/raw
    customer-health load --target spark --raw sample_data

The folder is the one of --raw, else of $HEALTH_RAW_DIR. Nothing is changed unless all of it can be
read and no required input is absent. An input that is absent is gone from the schema, too.

PostgreSQL: one table per input, filled with COPY, all in one transaction. A table with the same
columns is emptied and keeps its grants and the views on it; another one is made anew, and what
rests on the previous one (the views of the staging models) goes with it until the next dbt build.
The connection is that of profiles.yml: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.

Spark: one Parquet file per input in $HEALTH_SPARK_DIR/raw and an external table on it, in the
session of profiles.yml. For a cluster, put such files where it can read them and create the tables
there.

Exit codes: 0 loaded, 1 the engine cannot be reached or refused, 2 the folder or the environment
cannot be used.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import yaml

from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UsageError, UserError
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import Contract, RawInput, quoted
from customer_health.settings import project_root

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
# The same in Spark; a TIMESTAMP of Spark is a moment. Others are loaded as text.
SPARK_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP_S": "timestamp_ntz",
    "TIMESTAMP_MS": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


SCHEMA = "raw"
SETTINGS = "PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE"


class RefusedError(UserError):
    """What keeps a load from beginning."""

    def __init__(self, what: str, code: int = CONFIGURATION) -> None:
        super().__init__(code, what)


class EngineRefusedError(RefusedError):
    """What an engine says of a load."""

    def __init__(self, what: str) -> None:
        super().__init__(what, CHECKS_FAILED)


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def look_at_all(raw: Path) -> list[tuple[Contract, RawInput]]:
    """Every input of the folder; RefusedError with all that keeps it from being read."""
    contracts = raw_files.read_contract()
    if not raw.is_dir():
        names = raw_files.listed([contract.name for contract in contracts], most=len(contracts))
        raise RefusedError(
            f"There is no folder {raw}. Give the one that holds the folders {names}."
        )
    found = [(contract, raw_files.look(raw, contract)) for contract in contracts]
    problems = [
        f"{contract.name}: {problem}"
        for contract, seen in found
        for problem in raw_files.problems_of(contract, seen)
    ]
    if problems:
        raise RefusedError(
            "The raw inputs cannot be used, and nothing was changed:\n  - "
            + "\n  - ".join(problems + raw_files.unexpected_files(raw))
        )
    return found


def rows_told(contract: Contract, rows: int) -> str:
    """How many rows there are, and a word where a required input has none."""
    missing = contract.presence == "required" and rows == 0
    return f"{rows:,} rows" + ", although it is required: is that right?" * missing


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


def postgres_port() -> int:
    """The port in the environment; RefusedError where it is no number."""
    port = os.environ.get("PGPORT") or "5432"
    if not port.isdecimal():
        raise RefusedError(f"PGPORT has to be a number, not {port!r}.")
    return int(port)


def postgres_problem(connection: Any, error: Any) -> str:
    """What PostgreSQL refused, without any value of the data, and what to do next."""
    if error.pgcode is None:
        return "the server ended the connection. Run it again when it is there"
    if error.pgcode.startswith("22"):
        return (
            f"a value does not fit the type of its column (SQLSTATE {error.pgcode});"
            " scripts/check_input.py tells which rows of the folder the project would reject"
        )
    said = (error.diag.message_primary or str(error).splitlines()[0]).strip()
    if error.pgcode == "42501":
        connection.rollback()
        with connection.cursor() as cursor:
            cursor.execute(
                "select current_user, current_database(), (select pg_get_userbyid(nspowner)"
                " from pg_namespace where nspname = %s)",
                (SCHEMA,),
            )
            user, database, owner = cursor.fetchone()
        return (
            f"{said}. Run it as {owner}, who owns the schema {SCHEMA} (PGUSER={owner}), or have"
            f" {owner} grant {user} what is denied"
            if owner
            else f"{said}. As the owner of the database: grant create on database {database} to"
            f" {user}"
        )
    return said


@contextmanager
def postgres() -> Iterator[Any]:
    """A connection as profiles.yml has it; RefusedError where there is none."""
    port = postgres_port()
    try:
        import psycopg2
    except ImportError:
        raise RefusedError(
            "The adapter of PostgreSQL is not installed: pip install -r requirements-postgres.txt"
        ) from None
    try:
        connection = psycopg2.connect(
            host=os.environ.get("PGHOST", "localhost"),
            port=port,
            user=os.environ.get("PGUSER", "health"),
            password=os.environ.get("PGPASSWORD", ""),
            dbname=os.environ.get("PGDATABASE", "health"),
        )
    except psycopg2.OperationalError as error:
        raise EngineRefusedError(
            f"PostgreSQL cannot be reached: {str(error).strip()}\nWhere it is, {SETTINGS} say."
        ) from None
    try:
        yield connection
    except psycopg2.Error as error:
        said = postgres_problem(connection, error)
        raise EngineRefusedError(f"PostgreSQL refused: {said}.") from None
    finally:
        connection.close()


def columns_of(cursor: Any, table: str) -> list[tuple[str, str]]:
    """(name, type) of the columns of a PostgreSQL table in their order; none where there is no
    table."""
    cursor.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = (select oid from pg_class where oid = to_regclass(%s) and relkind = 'r')"
        " and attnum > 0 and not attisdropped order by attnum",
        (table,),
    )
    return cursor.fetchall()


@contextmanager
def no_values_told() -> Iterator[None]:
    """Where the server ends a COPY, psycopg2 prints an error with the row that was on its way, and
    raises another one without it: only that one is told."""
    hook = sys.excepthook
    sys.excepthook = lambda *_: None
    try:
        yield
    finally:
        sys.excepthook = hook


def load_table(cursor: Any, contract: Contract, seen: RawInput, folder: Path) -> str:
    """Fill the table of one input; returns what there is to tell."""
    table = f"{SCHEMA}.{identifier(contract.name)}"
    previous = columns_of(cursor, table)
    if not seen.sql:
        cursor.execute(f"drop table if exists {table} cascade")
        return "absent; its previous table and what rested on it are gone" if previous else "absent"
    file = folder / f"{contract.name}.csv"
    with duckdb.connect() as duck:
        duck.execute("set TimeZone = 'UTC'")
        types = column_types(duck, seen.sql)
        cells = ", ".join(postgres_cell(name, kind) for name, kind in types.items())
        every = ", ".join(identifier(name) for name in types)
        duck.execute(
            f"copy (select {cells} from {seen.sql}) to {quoted(str(file))}"
            f" (format csv, header false, nullstr '\\N', force_quote ({every}))"
        )
    columns = ", ".join(f"{identifier(name)} {postgres_type(kind)}" for name, kind in types.items())
    cursor.execute(f"create temporary table as_received ({columns})")
    if previous == columns_of(cursor, "as_received"):
        cursor.execute(f"truncate {table}")
    else:
        cursor.execute(f"drop table if exists {table} cascade")
        cursor.execute(f"create table {table} ({columns})")
    cursor.execute("drop table as_received")
    with file.open("rb") as handle, no_values_told():
        cursor.copy_expert(f"copy {table} from stdin (format csv, null '\\N')", handle)
    file.unlink()
    return rows_told(contract, cursor.rowcount)


def load_postgres(raw: Path, tell: Callable[[str], None]) -> None:
    """Fill the tables of the raw schema with what the folder has; all or nothing."""
    inputs = look_at_all(raw)
    place = ""
    try:
        with (
            postgres() as connection,
            connection.cursor() as cursor,
            tempfile.TemporaryDirectory() as folder,
        ):
            cursor.execute("set time zone 'UTC'")
            cursor.execute("select 1 from pg_namespace where nspname = %s", (SCHEMA,))
            if not cursor.fetchone():
                cursor.execute(f"create schema {SCHEMA}")
            for contract, seen in inputs:
                place = f"{contract.name}: "
                tell(place + load_table(cursor, contract, seen, Path(folder)))
            place = ""
            connection.commit()
    except EngineRefusedError as error:
        raise EngineRefusedError(f"{place}{error} Nothing was changed.") from None


# ------------------------------------------------------------------------------------ Spark


def spark_folder() -> Path:
    """Where Spark's tables and metastore lie."""
    return Path(os.environ.get("HEALTH_SPARK_DIR") or "warehouse/spark")


def spark_cell(name: str, kind: str) -> tuple[str, str]:
    """SQL of DuckDB that writes a column so that Spark can read it, and Spark's type of it."""
    column = identifier(name)
    if kind.startswith("DECIMAL"):
        return column, kind.lower()
    if kind not in SPARK_TYPES:
        return f"cast({column} as varchar) as {column}", "string"
    if kind in ("TIMESTAMP_S", "TIMESTAMP_MS"):
        return f"cast({column} as timestamp) as {column}", SPARK_TYPES[kind]
    if kind.startswith("U"):
        return f"cast({column} as {SPARK_TYPES[kind]}) as {column}", SPARK_TYPES[kind]
    return column, SPARK_TYPES[kind]


def spark_settings() -> dict[str, str]:
    """The settings of the session in profiles.yml."""
    from dbt_common.clients.jinja import get_environment

    profile = yaml.safe_load((project_root() / "profiles.yml").read_text(encoding="utf-8"))
    settings = profile["customer_health"]["outputs"]["spark"]["server_side_parameters"]
    environment = get_environment()
    context = {"env_var": lambda name, default: os.environ.get(name) or default}
    return {
        name: environment.from_string(str(value)).render(context)
        for name, value in settings.items()
    }


@contextmanager
def spark() -> Iterator[Any]:
    """The Spark session of profiles.yml; RefusedError where there is none."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise RefusedError(
            "The adapter of Spark is not installed: pip install -r requirements-spark.txt"
        ) from None
    from pyspark.errors import PySparkException

    # Spark's driver gives timestamps in the time zone of this process.
    os.environ["TZ"] = "UTC"
    time.tzset()
    builder = SparkSession.builder.enableHiveSupport()
    for name, value in spark_settings().items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        raise RefusedError(
            f"Spark does not start ({first_line(error)}). It needs Java 17: is JAVA_HOME right?"
        ) from None
    try:
        yield session
    except PySparkException as error:
        said = first_line(error)
        if "SessionHiveMetaStoreClient" in said:
            said = f"the metastore of {spark_folder()} cannot be opened; is another run using it?"
        raise EngineRefusedError(f"Spark refused: {said}") from None
    finally:
        session.stop()


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def load_spark(raw: Path, tell: Callable[[str], None]) -> None:
    """Write the files of the raw schema, then replace the previous ones and their tables."""
    inputs = look_at_all(raw)
    lake = (spark_folder() / "raw" / SCHEMA).absolute()
    read, kept = raw.resolve(), lake.resolve()
    if read == kept or read in kept.parents or kept in read.parents:
        raise RefusedError(
            f"HEALTH_SPARK_DIR puts its copies into {kept}, where the raw files are."
        )
    with spark() as session:
        written: dict[str, tuple[int, str]] = {}
        for contract, seen in inputs:
            folder = lake / f"{contract.name}.next"
            shutil.rmtree(folder, ignore_errors=True)
            if not seen.sql:
                continue
            folder.mkdir(parents=True)
            with duckdb.connect() as duck:
                duck.execute("set TimeZone = 'UTC'")
                types = column_types(duck, seen.sql)
                cells = {name: spark_cell(name, kind) for name, kind in types.items()}
                select = ", ".join(cell for cell, _ in cells.values())
                ((rows,),) = duck.execute(
                    f"copy (select {select} from {seen.sql})"
                    f" to {quoted(str(folder / 'rows.parquet'))} (format parquet)"
                ).fetchall()
            columns = ", ".join(
                f"`{name.replace('`', '``')}` {kind}" for name, (_, kind) in cells.items()
            )
            written[contract.name] = rows, columns
        session.sql(f"create schema if not exists {SCHEMA}")
        for contract, _ in inputs:
            table, folder = f"{SCHEMA}.`{contract.name}`", lake / contract.name
            session.sql(f"drop table if exists {table}")
            shutil.rmtree(folder, ignore_errors=True)
            if contract.name not in written:
                tell(f"{contract.name}: absent")
                continue
            rows, columns = written[contract.name]
            folder.with_name(f"{contract.name}.next").rename(folder)
            location = json.dumps(folder.as_uri())
            session.sql(f"create table {table} ({columns}) using parquet location {location}")
            tell(f"{contract.name}: {rows_told(contract, rows)}")


def run(target: str, raw: Path | None, is_quiet: bool) -> int:
    """0 when everything is there."""
    if not (raw := raw or Path(os.environ.get("HEALTH_RAW_DIR") or "")).name:
        raise UsageError("say which folder: --raw sample_data, or HEALTH_RAW_DIR")

    def tell(text: str) -> None:
        if not is_quiet:
            print(text, file=sys.stderr)

    {"postgres": load_postgres, "spark": load_spark}[target](raw, tell)
    for note in raw_files.unexpected_files(raw):
        tell(note)
    return 0
