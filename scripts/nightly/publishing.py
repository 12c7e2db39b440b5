"""Publish a state: a version folder with a serving file, Parquet copies and a CSV for people; one
rename makes it the current one. What was said is then put into the log.

published/
    current -> versions/<run id>     what readers see
    versions/<run id>/               customer_health.duckdb, customer_health.csv, <schema>/*.parquet
    log/<run id>.parquet             what was said of whom, one file per run that said something new
    log/status/<run id>.parquet      one row of mart_status per published run
    runs/<run id>/                   what a run did, also one that failed: report.json, dbt's files
"""

import errno
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from raw_files import quoted

from nightly import landing
from nightly.places import CHECKS_FAILED, SERVING_FILE, Places, Stop, put_in_place, sync_file

SCHEMAS = ("marts", "metrics")
MANIFEST = "manifest.json"
# What is made of the log, not of the working file.
REMEMBERED = {"mart_status": "status/", "fct_published_scores": ""}
STORAGE_VERSION = "v1.4.0"
MEMORY, MEMORY_FILE = "scoring.alert_episodes", ".memory.parquet"
APOSTROPHE = "'"
FORMULA = "^[=+@\\t\\r-]"
SCORES = (
    "account_id", "score_date", "owner", "segment", "health_score", "computed_score",
    "capped_score", "grade", "colour", "cap", "override_id", "coverage", "expansion_score", "arr",
    "scoring_version",
)  # fmt: skip


@dataclass(frozen=True)
class Version:
    """A published state that is kept."""

    run_id: str
    folder: Path
    is_current: bool


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a DuckDB file, read-only."""
    connection.execute(f"attach {quoted(str(path))} as {name} (read_only)")


def current_run(places: Places) -> str:
    """The run that readers see, nothing before the first publication."""
    with suppress(OSError):
        return places.current.readlink().name
    return ""


def versions(places: Places) -> list[Version]:
    """The published states that are kept, the newest last."""
    current = current_run(places)
    folders = places.versions.iterdir() if places.versions.is_dir() else ()
    return sorted(
        (
            Version(folder.name, folder, folder.name == current)
            for folder in folders
            if (folder / MANIFEST).exists() and not folder.name.startswith(".")
        ),
        key=lambda version: version.run_id,
    )


def tables_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(schema, name) of the tables and views of the working file that are published."""
    return connection.execute(
        "select schema_name, name from ("
        " select database_name, schema_name, table_name as name from duckdb_tables()"
        " union all select database_name, schema_name, view_name from duckdb_views())"
        " where database_name = 'working' and"
        " (schema_name = 'marts' or schema_name = 'metrics' and name like 'metrics_%') order by all"
    ).fetchall()


def selection(schema: str, name: str, driver_weeks: int) -> str:
    """What of a table is published."""
    table = f"working.{schema}.{name}"
    if name != "fct_health_drivers":
        return f"select * from {table}"
    return (
        f"select * from {table} where score_date in ("
        " select score_date from working.metrics.score_dates where score_date = as_of_date"
        " or (dayofweek(score_date) = 0"
        f" and score_date > as_of_date - {7 * driver_weeks}))"
    )


@dataclass(frozen=True)
class Status:
    """The row of mart_status of a run; `is_changed` is found out while publishing."""

    run_id: str
    published_at: datetime
    values: dict[str, Any]


@dataclass(frozen=True)
class Written:
    """A version that is written and not yet seen; whether its data are others than those of now."""

    folder: Path
    is_changed: bool


def write_version(
    places: Places, status: Status, driver_weeks: int, former: Path | None
) -> Written:
    """Write everything that is published into a folder that nobody sees yet; `former` is the
    version that it may be like. Stop(1) where it cannot be written."""
    folder = places.versions / f".{status.run_id}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"set temp_directory = {quoted(str(folder / '.temporary'))}")
            attach(connection, places.warehouse, "working")
            serving = quoted(str(folder / SERVING_FILE))
            connection.execute(
                f"attach {serving} as serving (storage_version {quoted(STORAGE_VERSION)})"
            )
            write_data(connection, folder, driver_weeks)
            is_changed = data_hashes(folder) != hashes_of_data(former)
            write_remembered(connection, places, folder, status, is_changed)
            connection.execute("detach serving")
        shutil.rmtree(folder / ".temporary", ignore_errors=True)
        write_manifest(folder, status.run_id, landing.erased_rows(places))
    except (OSError, duckdb.IOException) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = "The disk is full" if is_full(error) else f"Cannot write ({error})"
        raise Stop(
            CHECKS_FAILED,
            f"{reason}: {places.versions}. The former mart stays.",
            "Free some space or mend the permissions, and run again; nothing has to be repaired.",
        ) from None
    return Written(folder, is_changed)


def is_full(error: Exception) -> bool:
    return "No space left" in str(error) or getattr(error, "errno", None) == errno.ENOSPC


def write_data(connection: duckdb.DuckDBPyConnection, folder: Path, driver_weeks: int) -> None:
    """The marts and metrics as tables, their rows in a fixed order, with a Parquet copy of each; a
    CSV of customer_health for people."""
    for schema in SCHEMAS:
        connection.execute(f"create schema serving.{schema}")
        (folder / schema).mkdir()
    for schema, name in tables_of(connection):
        if name not in REMEMBERED:
            rows = selection(schema, name, driver_weeks)
            connection.execute(
                f"create table serving.{schema}.{name} as {rows} order by all nulls last"
            )
            copy_table(connection, schema, name, folder)
    write_csv(connection, folder / "customer_health.csv")
    memory = connection.execute(
        "select count(*) from duckdb_tables() where database_name = 'working'"
        " and schema_name || '.' || table_name = ?",
        [MEMORY],
    ).fetchall()
    if memory == [(1,)]:
        copy_rows(
            connection, f"from working.{MEMORY} order by all nulls last", folder / MEMORY_FILE
        )


def write_remembered(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    folder: Path,
    status: Status,
    is_changed: bool,
) -> None:
    """What is known of all published runs, this one included."""
    for name, below in REMEMBERED.items():
        goal = f"serving.marts.{name}"
        connection.execute(f"create table {goal} as from working.marts.{name} limit 0")
        earlier = sorted((places.log / below).glob("*.parquet"))
        if earlier:
            files = ", ".join(quoted(str(path)) for path in earlier)
            connection.execute(
                f"insert into {goal} by name from read_parquet([{files}]) order by all nulls last"
            )
        if name == "mart_status":
            insert_status(connection, goal, status, is_changed)
        elif is_changed:
            connection.execute(f"insert into {goal} by name {scores_sql(status)}")
        copy_table(connection, "marts", name, folder)
        own = f"from {goal} where run_id = {quoted(status.run_id)}"
        copy_rows(connection, own, folder / f".{name}.parquet")


def insert_status(
    connection: duckdb.DuckDBPyConnection, goal: str, status: Status, is_changed: bool
) -> None:
    values = {
        "run_id": status.run_id,
        "published_at": status.published_at,
        "is_changed": is_changed,
        **status.values,
    }
    marks = ", ".join("?" for _ in values)
    connection.execute(
        f"insert into {goal} ({', '.join(values)}) values ({marks})", list(values.values())
    )


def scores_sql(status: Status) -> str:
    """What is said of every account in this run."""
    moment = status.published_at.isoformat(sep=" ")
    return (
        f"select {quoted(status.run_id)} as run_id, timestamp {quoted(moment)} as published_at,"
        f" {', '.join(SCORES)} from working.marts.customer_health order by account_id"
    )


def copy_rows(connection: duckdb.DuckDBPyConnection, rows: str, path: Path) -> None:
    connection.execute(f"copy ({rows}) to {quoted(str(path))} (format parquet, compression zstd)")


def copy_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str, folder: Path) -> None:
    copy_rows(connection, f"from serving.{schema}.{name}", folder / schema / f"{name}.parquet")


def write_csv(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """customer_health for spreadsheets: text that would be a formula there gets an apostrophe."""
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = 'serving'"
        " and table_name = 'customer_health' order by column_index"
    ).fetchall()
    cells = [
        f"case when regexp_matches({name}, {quoted(FORMULA)}) then {quoted(APOSTROPHE)} || {name}"
        f" else {name} end as {name}"
        if kind == "VARCHAR"
        else name
        for name, kind in columns
    ]
    connection.execute(
        f"copy (select {', '.join(cells)} from serving.marts.customer_health)"
        f" to {quoted(str(path))} (format csv, header true)"
    )


def read_manifest(folder: Path | None) -> dict[str, Any]:
    """What is in a version: run_id, sha256 of every file, rows erased until then."""
    if folder:
        with suppress(OSError, ValueError):
            return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return {}


def is_data(file: str) -> bool:
    """Whether a file of a version is the copy of a table that is a function of the inputs."""
    path = Path(file)
    return path.parent.name in SCHEMAS and path.stem not in REMEMBERED


def data_hashes(folder: Path) -> dict[str, str]:
    """{file: sha256} of the copies of the tables that are functions of the inputs."""
    return file_hashes(folder, is_data)


def hashes_of_data(folder: Path | None) -> dict[str, str]:
    """The same of a version that was written earlier, as its manifest tells."""
    files = read_manifest(folder).get("sha256", {})
    return {file: sha for file, sha in files.items() if is_data(file)}


def file_hashes(folder: Path, wanted: Callable[[str], bool]) -> dict[str, str]:
    """{file: sha256} of the files of a folder."""
    names = [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()]
    return {name: landing.sha256_of(folder / name) for name in names if wanted(name)}


def write_manifest(folder: Path, run_id: str, erased_rows: dict[str, int]) -> None:
    """What is in the folder, written last: a folder without it was never finished."""
    written = folder / f".{MANIFEST}"
    with suppress(FileNotFoundError):
        written.unlink()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            path.chmod(0o640)
            sync_file(path)
    hashes = file_hashes(folder, lambda file: file != MANIFEST)
    content = {"run_id": run_id, "erased_rows": erased_rows, "sha256": hashes}
    written.write_text(json.dumps(content, indent=1), encoding="utf-8")
    written.chmod(0o640)
    put_in_place(written, folder / MANIFEST)


def damaged_file(folder: Path) -> str:
    """A file of a version that is not as it was written, or is gone; nothing where all are."""
    hashes = read_manifest(folder).get("sha256")
    if not hashes:
        return MANIFEST
    for file, sha in hashes.items():
        try:
            if landing.sha256_of(folder / file) != sha:
                return file
        except OSError:
            return file
    return ""


@dataclass(frozen=True)
class Former:
    """The published state that a new one is held against, none before the first; what was found
    damaged while looking for it, in words."""

    folder: Path | None
    damages: list[str]


def former(places: Places) -> Former:
    """What readers see; where a file of it is damaged, the newest version before it that is not."""
    run_id = current_run(places)
    damages = []
    for version in reversed(versions(places)):
        if version.run_id <= run_id:
            if not (file := damaged_file(version.folder)):
                return Former(version.folder, damages)
            damages.append(f"{version.folder / file} is not as it was published")
    if run_id and not damages:
        damages.append(f"{places.current} names no whole version")
    return Former(None, damages)


def make_current(places: Places, run_id: str) -> None:
    """Let readers see a version, by one rename of a link."""
    link = places.publish / ".current.new"
    with suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(Path("versions") / run_id)
    put_in_place(link, places.current)


def check_log(places: Places) -> list[str]:
    """Put back files of the log that are damaged, as long as the version is kept that wrote them;
    in words what was done. Stop(1) where it is not: what was said to whom cannot be made again."""
    done = []
    for name, below in REMEMBERED.items():
        files = sorted((places.log / below).glob("*.parquet"))
        if not files or can_be_read(files):
            continue
        for path in files:
            if can_be_read([path]):
                continue
            source = places.versions / path.stem / f".{name}.parquet"
            if not source.exists() or not can_be_read([source]):
                raise Stop(
                    CHECKS_FAILED,
                    f"{path} is damaged: it is what was published in run {path.stem}.",
                    "Put it back from a backup. Where there is none, move it away: that run is then"
                    " no longer remembered, and nothing else is lost.",
                )
            copy_in_place(source, path)
            done.append(f"{path} was damaged; it was put back from its version")
    return done


def can_be_read(files: list[Path]) -> bool:
    """Whether Parquet files are whole, as far as their footers and numbers of rows tell."""
    try:
        duckdb.execute("select count(*) from parquet_metadata(?)", [[str(f) for f in files]])
    except duckdb.Error:
        return False
    return True


def copy_in_place(source: Path, goal: Path) -> None:
    """Copy a file under another name, there in whole or not at all."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    copied = goal.with_suffix(".new")
    shutil.copyfile(source, copied)
    copied.chmod(0o640)
    put_in_place(copied, goal)


def publish(places: Places, written: Path, run_id: str) -> None:
    """Give the written folder its name, let readers see it, put what was said into the log."""
    put_in_place(written, places.versions / run_id)
    make_current(places, run_id)
    finish(places)


def finish(places: Places) -> list[str]:
    """Put the current version into the log if it is not there, and remove what was written but
    never shown: what is left to do after a run that was killed. In words what was done."""
    done = []
    run_id = current_run(places)
    folder = places.versions / run_id
    if run_id and folder.is_dir():
        for name, below in REMEMBERED.items():
            goal = places.log / below / f"{run_id}.parquet"
            source = folder / f".{name}.parquet"
            if not goal.exists() and source.exists() and has_rows(source):
                copy_in_place(source, goal)
                done.append(f"{name} of {run_id} was put into the log")
    shown = {path.stem for path in (places.log / "status").glob("*.parquet")} | {run_id}
    for folder in sorted(places.versions.iterdir()) if places.versions.is_dir() else ():
        if folder.name.startswith(".") or (folder.name > run_id and folder.name not in shown):
            shutil.rmtree(folder, ignore_errors=True)
            done.append(f"{folder.name.lstrip('.')} was written but never published; removed")
    return done


def has_rows(path: Path) -> bool:
    return duckdb.execute("select count(*) from read_parquet(?)", [str(path)]).fetchall() != [(0,)]


def keep_newest(places: Places, most: int) -> None:
    """Remove the oldest versions, never the current one, until `most` are left."""
    kept = versions(places)
    extra = [v for v in kept if not v.is_current][: max(0, len(kept) - most)]
    for version in extra:
        shutil.rmtree(version.folder, ignore_errors=True)


def keep_newest_runs(places: Places, most: int) -> None:
    """Remove the reports and artifacts of the oldest runs."""
    folders = sorted(p for p in places.runs.iterdir() if p.is_dir()) if places.runs.is_dir() else []
    for folder in folders[: max(0, len(folders) - most)]:
        shutil.rmtree(folder, ignore_errors=True)
