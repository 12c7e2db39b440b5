"""Publish a state: a version folder with a serving file, Parquet copies and a CSV for people; one
rename makes it the current one. What was said is then put into the log.

published/
    current -> versions/<run id>     what readers see
    versions/<run id>/               customer_health.duckdb, customer_health.csv, <schema>/*.parquet
    versions/<run id>/.shown         readers saw it
    pin.json                         no refresh publishes until it is taken away (rollback.py --pin)
    log/<run id>.parquet             what was said of whom, one file per run that said something new
    log/status/<run id>.parquet      one row of mart_status per published run
    runs/<run id>/                   what a run did, also one that failed: report.json, dbt's files
"""

import errno
import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from customer_health.disk import put_in_place, sync_file
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UserError
from customer_health.inputs.raw_files import listed, literal, parquet_sql, quoted
from customer_health.refresh import batches, landing
from customer_health.settings import RUN_ID, SERVING_FILE, Settings

SCHEMAS = ("marts", "metrics")
MANIFEST = "manifest.json"
# Written into a version as soon as readers see it: which run it is, and the how-manieth time that
# readers were shown something. No other version is ever removed because it was "never shown".
SHOWN = ".shown"
# What is made of the log, not of the working file.
REMEMBERED = {"mart_status": "status/", "fct_published_scores": ""}
STORAGE_VERSION = "v1.4.0"
MEMORY, MEMORY_FILE = "scoring.alert_episodes", ".memory.parquet"
UNFINISHED_MARK = re.compile(rf"\.(?:{RUN_ID.pattern})\.shown")
APOSTROPHE = "'"
# What spreadsheets take for a formula, also full-width and behind what cannot be seen: at the start
# of a cell, and within it where a program splits it that takes semicolons or tabs for its end.
FORMULA = r"(^|[;\t\r\n])([\s\pZ\pC]*)([=+@\-\x{ff1d}\x{ff0b}\x{ff20}\x{ff0d}])"
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


def run_order(run_id: str) -> tuple[int, str]:
    """A key to sort runs by, the oldest first: by their number, which gets longer some day."""
    number = run_id.split("-")[0]
    return (int(number) if number.isdecimal() else 0, run_id)


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a DuckDB file, read-only."""
    connection.execute(f"attach {quoted(str(path))} as {name} (read_only)")


def current_run(settings: Settings) -> str:
    """The run that readers see, nothing before the first publication."""
    with suppress(OSError):
        return settings.current.readlink().name
    return ""


def versions(settings: Settings) -> list[Version]:
    """The published states that are kept, the newest last."""
    current = current_run(settings)
    folders = settings.versions.iterdir() if settings.versions.is_dir() else ()
    return sorted(
        (
            Version(folder.name, folder, folder.name == current)
            for folder in folders
            if RUN_ID.fullmatch(folder.name) and (folder / MANIFEST).exists()
        ),
        key=lambda version: run_order(version.run_id),
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
    settings: Settings,
    status: Status,
    driver_weeks: int,
    previous: Path | None,
    write_more: Callable[[Path], None],
) -> Written:
    """Write everything that is published into a folder that nobody sees yet; `previous` is the
    version that it may be like, `write_more` adds what later runs compare with. UserError(1) where
    it cannot be written."""
    folder = settings.versions / f".{status.run_id}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"set temp_directory = {quoted(str(folder / '.temporary'))}")
            attach(connection, settings.warehouse, "working")
            serving = quoted(str(folder / SERVING_FILE))
            connection.execute(
                f"attach {serving} as serving (storage_version {quoted(STORAGE_VERSION)})"
            )
            write_data(connection, folder, driver_weeks)
            is_changed = data_hashes(folder) != hashes_of_data(previous)
            write_remembered(connection, settings, folder, status, is_changed)
            connection.execute("detach serving")
        shutil.rmtree(folder / ".temporary", ignore_errors=True)
        write_more(folder)
        known = batches.published_list(settings)
        write_manifest(folder, status.run_id, landing.erased_rows(settings), known)
    except (OSError, duckdb.IOException) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = "The disk is full" if is_full(error) else f"Cannot write ({error})"
        raise UserError(
            CHECKS_FAILED,
            f"{reason}: {settings.versions}. The last version stays live.",
            "Free some space or fix the permissions, and run again; nothing has to be repaired.",
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
    settings: Settings,
    folder: Path,
    status: Status,
    is_changed: bool,
) -> None:
    """What is known of all published runs, this one included."""
    for name, below in REMEMBERED.items():
        goal = f"serving.marts.{name}"
        connection.execute(f"create table {goal} as from working.marts.{name} limit 0")
        earlier = sorted((settings.log / below).glob("*.parquet"))
        if earlier:
            connection.execute(
                f"insert into {goal} by name from {parquet_sql(earlier)} order by all nulls last"
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
    """customer_health for spreadsheets: text is quoted, and what would be a formula there gets an
    apostrophe."""
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = 'serving'"
        " and table_name = 'customer_health' order by column_index"
    ).fetchall()
    texts = [name for name, kind in columns if kind == "VARCHAR"]
    cells = [f"{as_text(name)} as {name}" if name in texts else name for name, _ in columns]
    quote = f", force_quote ({', '.join(texts)})" if texts else ""
    connection.execute(
        f"copy (select {', '.join(cells)} from serving.marts.customer_health)"
        f" to {quoted(str(path))} (format csv, header true{quote})"
    )


def as_text(column: str) -> str:
    """SQL: a text that no spreadsheet takes for a formula."""
    replacement = quoted(rf"\1\2{APOSTROPHE}\3")
    return f"regexp_replace({column}, {quoted(FORMULA)}, {replacement}, 'g')"


def read_manifest(folder: Path | None) -> dict[str, Any]:
    """What is in a version: run_id, sha256 of every file, rows erased until then."""
    if folder:
        with suppress(OSError, ValueError):
            return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return {}


def published_batches(settings: Settings) -> tuple[str, dict[str, Any]]:
    """The newest version that tells of which batches it was made, and those; nothing where none
    does."""
    for version in reversed(versions(settings)):
        known = read_manifest(version.folder).get("batches")
        if known is not None:
            return version.run_id, known
    return "", {}


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


def write_manifest(
    folder: Path,
    run_id: str,
    erased_rows: dict[str, int],
    known: dict[str, Any] | None = None,
    is_marked: bool = True,
) -> None:
    """What is in the folder, written last: a folder without it was never finished. `known` are the
    batches that it was made of; without, those that its manifest has already."""
    if known is None:
        known = read_manifest(folder).get("batches")
    written = folder / f".{MANIFEST}"
    with suppress(FileNotFoundError):
        written.unlink()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            path.chmod(0o640)
            sync_file(path)
    hashes = file_hashes(folder, lambda file: file not in (MANIFEST, SHOWN))
    content = {
        "run_id": run_id,
        # Of versions without it, from before there were marks, nobody knows.
        "is_marked_when_shown": is_marked,
        "erased_rows": erased_rows,
        "sha256": hashes,
    }
    if known is not None:
        content["batches"] = known
    note_in_manifest(folder, content)


def note_in_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write the manifest of a version anew."""
    written = folder / f".{MANIFEST}"
    written.write_text(json.dumps(content, indent=1), encoding="utf-8")
    written.chmod(0o640)
    put_in_place(written, folder / MANIFEST)


def damaged_files(folder: Path) -> list[str]:
    """The files of a version that are not as they were written, or are gone."""
    hashes = read_manifest(folder).get("sha256")
    if not hashes:
        return [MANIFEST]
    return [file for file, sha in hashes.items() if is_damaged(folder / file, sha)]


def damaged_file(folder: Path) -> str:
    """The first of them; nothing where all are as they were written."""
    hashes = read_manifest(folder).get("sha256")
    if not hashes:
        return MANIFEST
    return next((file for file, sha in hashes.items() if is_damaged(folder / file, sha)), "")


def is_damaged(path: Path, sha: str) -> bool:
    with suppress(OSError):
        return bool(landing.sha256_of(path) != sha)
    return True


@dataclass(frozen=True)
class PreviousVersion:
    """The published state that a new one is held against, none before the first; what was found
    damaged while looking for it, in words."""

    folder: Path | None
    damages: list[str]


def previous(settings: Settings) -> PreviousVersion:
    """What readers see; where a file of it is damaged, the newest version before it that is not."""
    run_id = current_run(settings)
    damages: list[str] = []
    for version in reversed(versions(settings)):
        if run_order(version.run_id) <= run_order(run_id):
            if not (file := damaged_file(version.folder)):
                return PreviousVersion(version.folder, damages)
            damages.append(f"{version.folder / file} is not as it was published")
    if run_id and not damages:
        damages.append(f"{settings.current} names no whole version")
    return PreviousVersion(None, damages)


def make_current(settings: Settings, run_id: str) -> None:
    """Let readers see a version, by one rename of a link, and mark it as shown."""
    link = settings.publish / ".current.new"
    with suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(Path("versions") / run_id)
    put_in_place(link, settings.current)
    mark_as_shown(settings, run_id)


# -------------------------------------------------------------------------- what readers saw


def times_shown(folder: Path) -> int:
    """The mark of a version that readers saw: the higher, the later it was; 0 without. A mark that
    was copied from another version is none."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        mark = json.loads((folder / SHOWN).read_text(encoding="utf-8"))
        if mark["run_id"] == folder.name:
            return int(mark["shown"])
    return 0


def mark_as_shown(settings: Settings, run_id: str) -> None:
    """Note that readers see a version now, after all others."""
    kept = {version.run_id: times_shown(version.folder) for version in versions(settings)}
    newest = max(kept.values(), default=0)
    if run_id not in kept or (kept[run_id] and kept[run_id] == newest):
        return
    folder = settings.versions / run_id
    content = {"run_id": run_id, "shown": newest + 1, "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"}
    written = folder.with_name(f".{run_id}.shown")
    written.write_text(json.dumps(content), encoding="utf-8")
    written.chmod(0o640)
    put_in_place(written, folder / SHOWN)


def was_shown(settings: Settings, version: Version) -> bool:
    """Whether readers ever saw a version. One from before there were marks counts as shown, unless
    the log is whole and does not name it."""
    if times_shown(version.folder) or version.is_current:
        return True
    status = settings.log / "status"
    if (status / f"{version.run_id}.parquet").exists():
        return True
    if read_manifest(version.folder).get("is_marked_when_shown"):
        return False
    others = [other for other in versions(settings) if other.run_id != version.run_id]
    known = {run for other in others for run in runs_with_scores(other.folder)}
    logged = {path.stem for path in status.glob("*.parquet")}
    return version.run_id in known or not known or not known <= logged


def shown_versions(settings: Settings) -> list[Version]:
    """The kept versions that readers saw, the newest last."""
    return [version for version in versions(settings) if was_shown(settings, version)]


def restore_current(settings: Settings) -> list[str]:
    """Give readers back what they saw last where the link to it, or what it leads to, is gone: that
    versions are there means that this is no first publication. In words what was done.
    UserError(2) where something else has its name."""
    if settings.current.exists() and settings.current.is_symlink():
        return []
    if settings.current.exists():
        raise UserError(
            CONFIGURATION,
            f"{settings.current} is no link: a backup that follows links may have copied it.",
            "Move it away; the next run makes the link again, to the version that was shown last.",
        )
    shown = shown_versions(settings)
    if not shown:
        return []
    intact = [version for version in shown if not damaged_file(version.folder)]
    last = max(intact or shown, key=lambda version: (times_shown(version.folder), version.run_id))
    make_current(settings, last.run_id)
    return [f"{settings.current} led nowhere; readers see run {last.run_id}, the last they saw"]


# ------------------------------------------------------------------------------------ the pin


@dataclass(frozen=True)
class Pin:
    """The version that stays published whatever is built, who wanted so, since when and why."""

    run_id: str
    since: str
    by: str
    reason: str

    def in_words(self) -> str:
        reason = f", reason: {self.reason}" if self.reason else ""
        return f"Run {self.run_id} is pinned by {self.by} since {self.since}{reason}."


def read_pin(settings: Settings) -> Pin | None:
    """The pin, none where nothing is pinned; UserError(2) where it cannot be read."""
    try:
        found = json.loads(settings.pin.read_text(encoding="utf-8"))
        names = ("run_id", "since", "by", "reason")
        return Pin(*(" ".join(str(found[name]).split()) for name in names))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            CONFIGURATION,
            f"{settings.pin} cannot be read: it says which version stays published.",
            "customer-health rollback --unpin removes it; pin again with --pin --to RUN.",
        ) from None


def write_pin(settings: Settings, pin: Pin | None) -> None:
    """Pin a version, or take the pin away."""
    if pin is None:
        settings.pin.unlink(missing_ok=True)
        return
    written = settings.pin.with_name(".pin.new")
    written.write_text(json.dumps(asdict(pin), indent=1), encoding="utf-8")
    written.chmod(0o640)
    put_in_place(written, settings.pin)


def restore_pinned(settings: Settings) -> list[str]:
    """Make the pinned version the current one where a run was killed in between; in words."""
    pin = read_pin(settings)
    if not pin or pin.run_id == current_run(settings):
        return []
    if pin.run_id not in {version.run_id for version in versions(settings)}:
        return [f"{pin.in_words()} It is not among the versions that are kept"]
    make_current(settings, pin.run_id)
    return [f"{pin.in_words()} Readers see it again"]


# ------------------------------------------------------------------------------------ the log


def runs_with_scores(folder: Path) -> dict[str, bool]:
    """The runs that the mart_status of a version names, its own among them, and whether they said
    something new; none where it cannot be read."""
    with suppress(duckdb.Error):
        return dict(
            rows_of(
                "select run_id, coalesce(is_changed and accounts > 0, false) from",
                folder / "marts" / "mart_status.parquet",
            )
        )
    return {}


def is_changed(version: Version) -> bool:
    """Whether a version differs from the one before it, as far as its mart_status can be read."""
    return runs_with_scores(version.folder).get(version.run_id, True)


def rows_of(question: str, path: Path, more: str = "") -> list[tuple[Any, ...]]:
    """Rows of a Parquet file; `question` ends where its name is due."""
    return duckdb.execute(f"{question} read_parquet(?) {more}", [str(path)]).fetchall()


def restore_log(settings: Settings) -> list[str]:
    """Write the files of the log that are gone anew, from the newest kept version that readers saw
    and that names the run: each holds all that was said before it. In words what was done."""
    logged = {path.stem for path in (settings.log / "status").glob("*.parquet")}
    said = {path.stem for path in settings.log.glob("*.parquet")}
    done: list[str] = []
    for version in reversed(shown_versions(settings)):
        runs = runs_with_scores(version.folder)
        lacking = runs.keys() - logged
        unsaid = {run for run, has_scores in runs.items() if has_scores} - said
        if not (lacking or unsaid) or damaged_file(version.folder):
            continue
        put = {run for run in lacking if restore_log_file(settings, version, "mart_status", run)}
        put |= {
            run
            for run in unsaid
            if restore_log_file(settings, version, "fct_published_scores", run)
        }
        logged, said = logged | lacking, said | unsaid
        if put:
            done.append(
                f"{len(put)} runs were missing in {settings.log} ({listed(sorted(put))}); they were"
                f" put back from version {version.run_id}"
            )
    return done


def restore_log_file(settings: Settings, version: Version, name: str, run: str) -> bool:
    """Write what a version holds of a run as its file of the log, unless it holds nothing."""
    source = version.folder / "marts" / f"{name}.parquet"
    goal = settings.log / REMEMBERED[name] / f"{run}.parquet"
    if not RUN_ID.fullmatch(run) or rows_of(
        "select count(*) from", source, f"where run_id = {quoted(run)}"
    ) == [(0,)]:
        return False
    goal.parent.mkdir(parents=True, exist_ok=True)
    written = goal.with_suffix(".new")
    with duckdb.connect() as connection:
        rows = f"from read_parquet({quoted(str(source))}) where run_id = {quoted(run)}"
        copy_rows(connection, f"{rows} order by all nulls last", written)
    written.chmod(0o640)
    put_in_place(written, goal)
    return True


def check_log(settings: Settings) -> list[str]:
    """Put back files of the log that are damaged, as long as a version is kept that holds them; in
    words what was done. UserError(1) where it is not: what was said to whom cannot be made
    again."""
    done = []
    for name, below in REMEMBERED.items():
        files = sorted((settings.log / below).glob("*.parquet"))
        if not files or can_be_read(files):
            continue
        for path in files:
            if can_be_read([path]):
                continue
            if not put_back(settings, name, path):
                raise UserError(
                    CHECKS_FAILED,
                    f"{path} is damaged: it is what was published in run {path.stem}.",
                    "Put it back from a backup. Where there is none, move it away: that run is then"
                    " no longer remembered, and nothing else is lost.",
                )
            done.append(f"{path} was damaged; it was put back from a version")
    return done


def put_back(settings: Settings, name: str, path: Path) -> bool:
    """Write a damaged file of the log anew from its own version, or from a later one."""
    source = settings.versions / path.stem / f".{name}.parquet"
    if source.exists() and can_be_read([source]):
        copy_in_place(source, path)
        return True
    later = [v for v in shown_versions(settings) if run_order(v.run_id) > run_order(path.stem)]
    for version in reversed(later):
        with suppress(duckdb.Error):
            if not damaged_file(version.folder):
                return restore_log_file(settings, version, name, path.stem)
    return False


def can_be_read(files: list[Path]) -> bool:
    """Whether Parquet files are whole, as far as their footers and numbers of rows tell."""
    try:
        duckdb.execute("select count(*) from parquet_metadata(?)", [[literal(f) for f in files]])
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


def publish(settings: Settings, written: Path, run_id: str) -> None:
    """Give the written folder its name, let readers see it, put what was said into the log."""
    put_in_place(written, settings.versions / run_id)
    make_current(settings, run_id)
    finish(settings)


def finish(settings: Settings) -> list[str]:
    """What is left to do after a run that was killed, or a person who removed too much: the link
    and the log are made again, what was written but never shown is removed. In words what was
    done, and what lies there that is not ours."""
    done = [*restore_current(settings), *restore_pinned(settings)]
    run_id = current_run(settings)
    mark_as_shown(settings, run_id)
    folder = settings.versions / run_id
    if run_id and folder.is_dir():
        for name, below in REMEMBERED.items():
            goal = settings.log / below / f"{run_id}.parquet"
            source = folder / f".{name}.parquet"
            if not goal.exists() and source.exists() and has_rows(source):
                copy_in_place(source, goal)
                done.append(f"{name} of {run_id} was put into the log")
    done += restore_log(settings)
    return done + remove_unshown(settings)


def remove_unshown(settings: Settings) -> list[str]:
    """Remove versions that were written but never shown, by their exact names; in words."""
    done, current = [], current_run(settings)
    kept = {version.run_id: version for version in versions(settings)}
    for entry in sorted(settings.versions.iterdir()) if settings.versions.is_dir() else ():
        name = entry.name.removeprefix(".")
        if UNFINISHED_MARK.fullmatch(entry.name):
            entry.unlink()
        elif not RUN_ID.fullmatch(name) or not is_folder(entry):
            done.append(f"{entry} is no version; it is left as it is")
        elif entry.name != name or (
            current
            and run_order(name) > run_order(current)
            and name in kept
            and not was_shown(settings, kept[name])
        ):
            shutil.rmtree(entry, ignore_errors=True)
            done.append(f"{name} was written but never published; removed")
        elif name not in kept:
            done.append(f"{entry} has no {MANIFEST}, so it is no version; it is left as it is")
    return done


def is_folder(path: Path) -> bool:
    """Whether it is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def has_rows(path: Path) -> bool:
    return duckdb.execute(f"select count(*) from {parquet_sql([path])}").fetchall() != [(0,)]


def keep_newest(settings: Settings, most: int) -> None:
    """Remove versions, never the current or the pinned one, until `most` are left: those that are
    the same as the one before them first, then the oldest."""
    kept, pin = versions(settings), read_pin(settings)
    stays = {version.run_id for version in kept if version.is_current}
    stays |= {pin.run_id} if pin else set()
    others = [version for version in kept if version.run_id not in stays]
    for version in sorted(others, key=is_changed)[: max(0, len(kept) - most)]:
        shutil.rmtree(version.folder, ignore_errors=True)


def run_folders(settings: Settings) -> list[Path]:
    """The folders of runs, the oldest first; what else lies there is not ours."""
    folders = settings.runs.iterdir() if settings.runs.is_dir() else ()
    found = [p for p in folders if RUN_ID.fullmatch(p.name) and is_folder(p)]
    return sorted(found, key=lambda p: run_order(p.name))


def keep_newest_runs(settings: Settings, most: int) -> None:
    """Remove the reports and artifacts of the oldest runs."""
    folders = run_folders(settings)
    for folder in folders[: max(0, len(folders) - most)]:
        shutil.rmtree(folder, ignore_errors=True)
