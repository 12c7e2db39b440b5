"""The store of landed batches: which there are, which files hold them, and whether all are there.

raw/.batches.json                          the manifest: every batch ever landed
raw/<input>/batch-<number>-<sha>.parquet   a landed file, one batch
raw/<input>/batches-<first>-<last>-<sha>.parquet   many small batches that were written together
raw/.withdrawn/<input>/batch-...parquet    batches that were withdrawn: kept, and never read

A landed file tells in its own metadata what is known of it. So what a run that was killed did not
write into the manifest any more is found in the folders by the next one. What only the manifest
knows is what should be there; it is also the intent of a withdrawal, which the folders follow.

Files are put together after a publication. From the rename of the new file on, nothing reads those
that it replaces (raw_files.superseded); they are removed afterwards.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from customer_health.disk import put_in_place
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UserError
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import JOINED, listed, quoted
from customer_health.settings import Settings

MANIFEST = ".batches.json"
WITHDRAWN = ".withdrawn"
UNFINISHED = ".landing"
# What a run that was killed may leave of a landed file, by exact name.
HALF_WRITTEN = re.compile(
    r"(batch-\d{6,}-[0-9a-f]{16}(\.parquet)?|batches-\d{6,}-\d{6,}|\.erasing)\.landing"
)
BATCH = re.compile(r"batch-(\d{6,})-([0-9a-f]{16})\.parquet")
NUMBER = re.compile(r"batch-(\d{6,})(-[0-9a-f]{16})?")
ERASED = "(erased)"
# More than so many small files of the same columns are put together, to files of a certain size.
MOST_FILES, SMALL_BYTES, LARGEST_BYTES = 200, 16_000_000, 256_000_000
WITHDRAWING, RESTORING = "withdrawn", "restored"


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
class Record:
    """What the manifest knows of a batch. `file` holds its rows. It was first published in the run
    `published_in`; `withdrawn_in` is the first run that was published without it."""

    id: str
    file: str
    source_file: str
    sha256: str
    rows_received: int
    rows_erased: int
    loaded_at: str
    columns: dict[str, str]
    published_in: str = ""
    withdrawn_at: str = ""
    withdrawn_in: str = ""
    reason: str = ""

    @property
    def number(self) -> int:
        return int(NUMBER.match(self.id)[1])  # type: ignore[index]

    @property
    def counts(self) -> bool:
        return not self.withdrawn_at

    def holds(self, sha: str) -> bool:
        """Whether its source had that content; of some, only the start of its hash is known."""
        return bool(self.sha256) and sha.startswith(self.sha256)

    def batch(self, folder: Path) -> Batch:
        return Batch(
            folder / self.file, self.number, self.source_file, self.sha256, self.rows_received,
            self.rows_erased, self.loaded_at, self.columns,
        )  # fmt: skip

    @property
    def short(self) -> str:
        """Its id without the hash: a number names a batch of an input."""
        return self.id.rsplit("-", 1)[0]

    def in_words(self) -> str:
        name = listed([self.source_file]) if self.source_file else "source no longer known"
        return f"{self.id}: {name}, {self.rows_received:,} rows, landed {self.loaded_at[:19]}"


@dataclass
class FileState:
    """A file as it was last seen. It is not hashed again while size and time are the same."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass
class Input:
    """The batches of an input by id, the files that hold them by name, and of every file name the
    content that last came under it, landed or the same as the newest batch then."""

    batches: dict[str, Record] = field(default_factory=dict)
    files: dict[str, FileState] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    aside: set[str] = field(default_factory=set)
    superseded: set[str] = field(default_factory=set)
    last: Record | None = None

    def add(self, record: Record) -> None:
        self.batches[record.id] = record
        if not self.last or record.number >= self.last.number:
            self.last = record

    def ordered(self) -> list[Record]:
        return sorted(self.batches.values(), key=lambda record: record.number)

    def counting(self) -> list[Record]:
        """Those whose rows count, the oldest first."""
        return [record for record in self.ordered() if record.counts]

    def missing(self) -> list[Record]:
        """Those that should be there and are not."""
        return [record for record in self.counting() if record.file not in self.present]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def batch_number(path: Path) -> int:
    """The number of the batch in a landed file, the first one where it holds several."""
    found = BATCH.fullmatch(path.name) or JOINED.fullmatch(path.name)
    return int(found[1])  # type: ignore[index]


def landed_files(raw: Path, name: str) -> list[Path]:
    """The landed files of an input, the oldest first."""
    return sorted((raw / name / file for file in files_in(raw / name)), key=batch_number)


def files_in(folder: Path) -> dict[str, os.stat_result]:
    """{name: state} of the files of batches in a folder."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {
            entry.name: entry.stat()
            for entry in entries
            if (BATCH.fullmatch(entry.name) or JOINED.fullmatch(entry.name)) and entry.is_file()
        }


def is_damaged(path: Path) -> UserError:
    """The end of a run that finds a landed file damaged."""
    return UserError(
        CHECKS_FAILED,
        f"{path} is damaged: it is not what was landed.",
        "Put it back from a backup, or move it away and put its source into the inbox again.",
    )


# ----------------------------------------------------------- what the files say of themselves


def metadata_of(paths: list[Path]) -> dict[Path, dict[str, str]]:
    """The metadata of landed files, many in one query. Files that cannot be read are left out."""
    found: dict[Path, dict[str, str]] = {path: {} for path in paths}
    if not paths:
        return found
    try:
        with duckdb.connect() as connection:
            rows = connection.execute(
                "select file_name, decode(key), decode(value) from parquet_kv_metadata(?)",
                [[raw_files.literal(path) for path in paths]],
            ).fetchall()
    except duckdb.Error:
        if len(paths) == 1:
            return {}
        half = len(paths) // 2
        return metadata_of(paths[:half]) | metadata_of(paths[half:])
    for file, key, value in rows:
        found[Path(file)][key] = value
    return found


def record_of(path: Path, metadata: dict[str, str] | None) -> Record:
    """What a landed file says of its batch; UserError(1) where it says nothing."""
    try:
        found = metadata or {}
        return Record(
            id=path.stem,
            file=path.name,
            source_file=found["source_file"],
            sha256=found["source_sha256"],
            rows_received=int(found["rows_received"]),
            rows_erased=int(found["rows_erased"]),
            loaded_at=found["loaded_at"],
            columns=json.loads(found["columns"]),
        )
    except (KeyError, ValueError):
        raise is_damaged(path) from None


def records_of(path: Path, metadata: dict[str, str] | None) -> list[Record]:
    """What a landed file says of its batches; UserError(1) where it says nothing."""
    if not JOINED.fullmatch(path.name):
        return [record_of(path, metadata)]
    try:
        records = decode(json.loads((metadata or {})["batches"]))
        with duckdb.connect() as connection:
            counted = connection.execute(
                f"select _batch_id, count(*) from {raw_files.parquet_sql([path])} group by all"
            ).fetchall()
    except (KeyError, ValueError, duckdb.Error):
        raise is_damaged(path) from None
    rows = dict(counted)
    for record in records:
        # What was erased since is in none of the rows.
        record.file, record.rows_erased = path.name, record.rows_received - rows.get(record.id, 0)
    return records


# ------------------------------------------------------------------------------------ the manifest


class Store:
    """The batches of an installation, as the manifest and the folders say. Only `save` writes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.inputs: dict[str, Input] = {c.name: Input() for c in raw_files.read_contract()}
        self.published_run = ""
        # Which names came with which content is not known, where there was no manifest.
        self.names_unknown = False
        self.is_rewritten = False
        # What was withdrawn and restored since the last build.
        self.unbuilt: set[str] = set()
        self.seen_contents: set[str] = set()
        self.changed: list[Path] = []
        self.is_new = not self.path.exists()
        self.is_different = False

    @property
    def path(self) -> Path:
        return self.settings.raw / MANIFEST

    def folder(self, name: str) -> Path:
        """Where the batches of an input that count are."""
        return self.settings.raw / name

    def aside(self, name: str) -> Path:
        """Where the withdrawn batches of an input are kept."""
        return self.settings.raw / WITHDRAWN / name

    def records(self) -> Iterator[tuple[str, Record]]:
        for name, one in self.inputs.items():
            for record in one.ordered():
                yield name, record

    def counting(self) -> Iterator[tuple[str, Batch]]:
        """Every batch whose rows count, with its input."""
        for name, one in self.inputs.items():
            for record in one.counting():
                yield name, record.batch(self.folder(name))

    def load(self) -> None:
        """Read the manifest; UserError(2) where it is there and cannot be read."""
        if self.is_new:
            return
        try:
            content = json.loads(self.path.read_text(encoding="utf-8", errors="surrogateescape"))
            self.published_run = content["published_run"]
            self.names_unknown = content["names_unknown"]
            self.is_rewritten = content["is_rewritten"]
            self.unbuilt = set(content["unbuilt"])
            self.seen_contents = set(content["seen_contents"])
            for name, known in content["inputs"].items():
                one = self.inputs.setdefault(name, Input())
                one.files = {file: FileState(*state) for file, state in known["files"].items()}
                one.names = known["names"]
                for record in decode(known):
                    one.add(record)
        except (ValueError, KeyError, TypeError):
            raise UserError(
                CONFIGURATION,
                f"{self.path} cannot be read: it tells which batches were landed.",
                "Put it back from a backup. Where there is none, move it away: it is made anew of"
                " the landed files, and held against what was published.",
            ) from None

    def save(self) -> None:
        """Write the manifest, whole or not at all; none where nothing was ever landed."""
        self.is_different = False
        if self.is_new and not any(one.batches for one in self.inputs.values()):
            return
        content = {
            "published_run": self.published_run,
            "names_unknown": self.names_unknown,
            "is_rewritten": self.is_rewritten,
            "unbuilt": sorted(self.unbuilt),
            "seen_contents": sorted(self.seen_contents),
            "inputs": {
                name: encode(one.ordered())
                | {
                    "files": {
                        file: [state.size, state.mtime_ns, state.sha256]
                        for file, state in sorted(one.files.items())
                    },
                    "names": one.names,
                }
                for name, one in self.inputs.items()
                if one.batches
            },
        }
        written = self.path.with_name(f"{MANIFEST}.new")
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        # A file name need not be UTF-8.
        written.write_text(text, encoding="utf-8", errors="surrogateescape")
        written.chmod(0o640)
        put_in_place(written, self.path)
        self.is_new = False

    # --------------------------------------------------------------------- what is in the folders

    def look(self) -> None:
        """See what is in the folders; read only files that are new or not as they were."""
        fresh: list[tuple[str, Path, os.stat_result]] = []
        for name, one in self.inputs.items():
            here, aside = files_in(self.folder(name)), files_in(self.aside(name))
            paths = [self.folder(name) / file for file in here]
            one.superseded = {path.name for path in raw_files.superseded(paths)}
            one.present, one.aside = here.keys() - one.superseded, set(aside)
            for folder, states in ((self.folder(name), here), (self.aside(name), aside)):
                for file, state in states.items():
                    if folder == self.folder(name) and file in one.superseded:
                        continue
                    known = one.files.get(file)
                    if not known or (known.size, known.mtime_ns) != (
                        state.st_size,
                        state.st_mtime_ns,
                    ):
                        fresh.append((name, folder / file, state))
        metadata = metadata_of([path for _, path, _ in fresh])
        self.names_unknown |= self.is_new and bool(fresh)
        # What counts before what lies aside.
        fresh.sort(key=lambda found: (found[1].parent != self.folder(found[0]), found[1].name))
        for name, path, state in fresh:
            self.note_file(name, path, state, metadata.get(path))
        for one in self.inputs.values():
            for record in one.batches.values():
                file = f"{record.id}.parquet"
                if record.file not in one.present and file in one.present | one.aside:
                    record.file = file

    def note_file(
        self, name: str, path: Path, state: os.stat_result, metadata: dict[str, str] | None
    ) -> None:
        """Take a file into the manifest that it does not know, or not as it is now."""
        one = self.inputs[name]
        seen = FileState(state.st_size, state.st_mtime_ns, sha256_of(path))
        before = one.files.get(path.name)
        if not before or before.sha256 != seen.sha256:
            try:
                records = records_of(path, metadata)
            except UserError:
                self.changed.append(path)
                return
            known = {record.id: one.batches.get(record.id) for record in records}
            rewritten = self.is_rewritten and all(
                is_rewrite_of(record, known[record.id]) for record in records
            )
            if before and not rewritten:
                self.changed.append(path)
                return
            if path.parent == self.aside(name) and is_copy(one, path, known[path.stem]):
                return
            for record in records:
                self.note_record(one, record, known[record.id], path, state)
        one.files[path.name] = seen
        self.is_different = True

    def note_record(
        self, one: Input, record: Record, known: Record | None, path: Path, state: os.stat_result
    ) -> None:
        """Take a batch into the manifest that a file tells of."""
        if known:
            for name in REMEMBERED:
                setattr(record, name, getattr(known, name))
        elif path.parent.parent.name == WITHDRAWN:
            moment = datetime.fromtimestamp(state.st_ctime, UTC)
            record.withdrawn_at = moment.isoformat(timespec="seconds")
        else:
            one.names[record.source_file] = record.sha256
        one.add(record)

    def gaps(self) -> list[str]:
        """Numbers that no batch has: one was taken away, by whom nobody knows."""
        found = []
        for name, one in self.inputs.items():
            numbers = {record.number for record in one.batches.values()}
            lacking = sorted(set(range(1, max(numbers, default=0))) - numbers)
            if lacking:
                what = f"batch{'es' * (len(lacking) > 1)} {listed(lacking)}"
                found.append(f"{name}: {what} taken out of the raw folder by hand, or lost")
        return found

    def add_published(self, run_id: str, known: dict[str, dict[str, Any]]) -> None:
        """Hold the batches against those that a published version was made of: one that nobody
        knows any more is missing."""
        for name, batches in known.items():
            one = self.inputs.setdefault(name, Input())
            for batch_id, facts in batches.items():
                record = one.batches.get(batch_id)
                if record is None:
                    record = Record(
                        batch_id, f"{batch_id}.parquet", "", batch_id.rsplit("-", 1)[1],
                        int(facts["rows_received"]), 0, facts["loaded_at"], {},
                    )  # fmt: skip
                    one.add(record)
                    self.is_different = True
                if not record.published_in and record.counts:
                    record.published_in, self.is_different = run_id, True
        if run_id > self.published_run and any(known.values()):
            self.published_run, self.is_different = run_id, True

    def guess_published(self, run_id: str) -> None:
        """Where no version tells of its batches: those landed up to its run are in it."""
        if not run_id:
            return
        moment = datetime.strptime(run_id.split("-")[1], "%Y%m%dT%H%M%SZ").isoformat()
        for _, record in self.records():
            if record.counts and not record.published_in and record.loaded_at[:19] <= moment:
                record.published_in, self.is_different = run_id, True
        self.published_run = run_id

    # ------------------------------------------------------------------------------ is it all there

    def refuse_absent_folders(self) -> None:
        """UserError(2) where a folder that held batches is gone, before anything is landed into
        it."""
        for name, one in self.inputs.items():
            count = len(one.counting())
            folder = self.folder(name) if self.settings.raw.is_dir() else self.settings.raw
            if count and not folder.is_dir():
                raise UserError(
                    CONFIGURATION,
                    f"{folder} is gone. It held {count:,} landed batches of {name}.",
                    "Is its disk mounted? Else put it back from a backup. To land everything again"
                    f" from the inbox, make it an empty folder: mkdir -p {self.folder(name)}",
                )

    def refuse_changed(self) -> None:
        """UserError(1) where a landed file is not what was landed."""
        for path in self.changed:
            one = self.inputs.get(path.parent.name, Input())
            lines = [f"- {r.in_words()}" for r in one.ordered() if r.file == path.name]
            stop = is_damaged(path)
            what = "\n".join([f"missing_batch: {stop.what}", *lines])
            raise UserError(stop.code, what, stop.next_step)

    def refuse_missing(self, to_come: Collection[str] = ()) -> None:
        """UserError(1) where a batch is gone that is not one of those to come again."""
        missing = [
            (name, record)
            for name, one in self.inputs.items()
            for record in one.missing()
            if record.id not in to_come
        ]
        if not missing:
            return
        lines = [f"- {name}/{record.in_words()}" for name, record in missing[:5]]
        lines += [f"and {len(missing) - 5:,} more"] * (len(missing) > 5)
        name, record = missing[0]
        raise UserError(
            CHECKS_FAILED,
            f"missing_batch: landed batches are gone from {self.settings.raw}:\n"
            + "\n".join(lines),
            "Put them back from a backup, or their sources into the inbox, to be landed again."
            " To go on without one on purpose:"
            f" customer-health refresh --withdraw {name}/{record.id}",
        )

    # ------------------------------------------------------------------------------------- landing

    def newest(self, name: str) -> Record | None:
        """The newest batch of an input that counts."""
        counting = self.inputs[name].counting()
        return counting[-1] if counting else None

    def forget_file(self, name: str, record: Record) -> None:
        """Before a batch that is gone is landed again: its file need not be the same bytes."""
        if self.inputs[name].files.pop(f"{record.id}.parquet", None):
            self.save()

    def register(self, name: str, path: Path) -> Record:
        """Take a file into the manifest that was just landed."""
        one = self.inputs[name]
        record = record_of(path, metadata_of([path]).get(path))
        before = one.batches.get(record.id)
        if before:
            record.published_in = before.published_in
        one.add(record)
        one.names[record.source_file] = record.sha256
        state = path.stat()
        one.files[path.name] = FileState(state.st_size, state.st_mtime_ns, sha256_of(path))
        one.present.add(path.name)
        self.is_different = True
        return record

    def note_names(self, name: str, seen: Iterable[tuple[str, str]]) -> None:
        """Remember files that came with a content that was landed, by name and hash."""
        one = self.inputs[name]
        landed = {record.sha256 for record in one.batches.values()}
        for file, sha in seen:
            if sha in landed and one.names.get(file) != sha:
                one.names[file], self.is_different = sha, True

    # ------------------------------------------------------------------------ withdraw and restore

    def settle(self) -> None:
        """Let the folders be what the manifest says, also after a run that was killed."""
        for name, one in self.inputs.items():
            aside = self.aside(name)
            for path in sorted(aside.iterdir()) if aside.is_dir() else ():
                if HALF_WRITTEN.fullmatch(path.name):
                    path.unlink()
            for file in sorted(one.superseded):
                (self.folder(name) / file).unlink()
                one.files.pop(file, None)
                self.is_different = True
            one.superseded = set()
            joined: dict[str, list[Record]] = {}
            for record in one.ordered():
                file = f"{record.id}.parquet"
                if not record.counts and file in one.present:
                    self.aside(name).mkdir(parents=True, exist_ok=True)
                    put_in_place(self.folder(name) / file, self.aside(name) / file)
                    one.present.remove(file)
                    one.aside.add(file)
                elif not record.counts and record.file in one.present:
                    joined.setdefault(record.file, []).append(record)
                elif record.counts and file in one.aside and record.file not in one.present:
                    put_in_place(self.aside(name) / file, self.folder(name) / file)
                    one.aside.remove(file)
                    one.present.add(file)
            for file, records in joined.items():
                self.take_out(name, file, records)
        if self.is_rewritten:
            self.is_rewritten, self.is_different = False, True
        if self.is_different:
            self.save()

    # ---------------------------------------------------------------------- files of many batches

    def note_written(self, name: str, path: Path) -> None:
        """Take a file into the manifest that was just written."""
        state = path.stat()
        one = self.inputs[name]
        one.files[path.name] = FileState(state.st_size, state.st_mtime_ns, sha256_of(path))
        (one.aside if path.parent == self.aside(name) else one.present).add(path.name)
        self.is_different = True

    def take_out(self, name: str, file: str, records: list[Record]) -> None:
        """Give withdrawn batches files of their own, and their file one without them."""
        one, path = self.inputs[name], self.folder(name) / file
        self.aside(name).mkdir(parents=True, exist_ok=True)
        for record in records:
            goal = self.aside(name) / f"{record.id}.parquet"
            rows = f"(from {raw_files.parquet_sql([path])} where _batch_id = {quoted(record.id)})"
            write_checked(rows, goal, metadata_of_record(record))
            self.note_written(name, goal)
        stay = [r for r in one.ordered() if r.file == file and r not in records]
        if stay:
            self.join(name, [file], stay)
        else:
            path.unlink()
            one.present.remove(file)
            one.files.pop(file, None)
        for record in records:
            record.file = f"{record.id}.parquet"
        self.save()

    def join(self, name: str, files: list[str], records: list[Record]) -> None:
        """Write the batches of some files together, then remove the files."""
        one, folder = self.inputs[name], self.folder(name)
        paths = [folder / file for file in files]
        before = metadata_of([path for path in paths if JOINED.fullmatch(path.name)])
        replaced = {path.name for path in before}
        for metadata in before.values():
            replaced |= set(json.loads(metadata["replaces"]))
        content = {
            "batches": json.dumps(encode([told_in_file(r) for r in records]), ensure_ascii=False),
            "replaces": json.dumps(sorted(replaced)),
        }
        numbers = [record.number for record in records]
        start = f"batches-{min(numbers):06d}-{max(numbers):06d}"
        ids = ", ".join(quoted(record.id) for record in records)
        rows = f"(from {raw_files.parquet_sql(paths)} where _batch_id in ({ids}))"
        written = folder / f"{start}{UNFINISHED}"
        write_checked(rows, written, content, is_final=False)
        goal = folder / f"{start}-{sha256_of(written)[:16]}.parquet"
        put_in_place(written, goal)
        for path in paths:
            path.unlink()
            one.present.discard(path.name)
            one.files.pop(path.name, None)
        for record in records:
            record.file = goal.name
        self.note_written(name, goal)
        self.save()

    def to_join(self, name: str) -> list[list[str]]:
        """The small published files of an input that are to be put together, in lists."""
        one = self.inputs[name]
        held: dict[str, list[Record]] = {}
        for record in one.counting():
            held.setdefault(record.file, []).append(record)
        small = [
            file
            for file, records in held.items()
            if file in one.present
            and one.files[file].size < SMALL_BYTES
            and all(record.published_in for record in records)
        ]
        if len(small) <= MOST_FILES:
            return []
        raw_files.find_columns([self.folder(name) / file for file in small])
        alike: dict[tuple[tuple[str, tuple[str, str]], ...], list[str]] = {}
        for file in small:
            columns = raw_files.columns_of(self.folder(name) / file)
            alike.setdefault(tuple(columns.items()), []).append(file)
        found = []
        for files in alike.values():
            if len(files) > MOST_FILES:
                size = 0
                chunk: list[str] = []
                for file in files:
                    if size + one.files[file].size > LARGEST_BYTES:
                        found.append(chunk)
                        size, chunk = 0, []
                    size += one.files[file].size
                    chunk.append(file)
                found.append(chunk)
        return [files for files in found if len(files) > 1]

    def find(self, text: str) -> tuple[str, list[Record], bool]:
        """The batches that FILE, BATCH, INPUT/FILE or INPUT/BATCH names: of which input, which, and
        whether they were named by their id. UserError(2) where that is none, or in several
        inputs."""
        start, _, rest = text.partition("/")
        is_input = bool(rest) and start in self.inputs
        inputs, wanted = ([start], rest) if is_input else ([*self.inputs], text)
        found: dict[str, tuple[list[Record], bool]] = {}
        for name in inputs:
            records = self.inputs[name].ordered()
            ids = [r for r in records if r.id == wanted or r.id.startswith(f"{wanted}-")]
            if NUMBER.fullmatch(wanted) and ids:
                found[name] = (ids, True)
            elif named := [record for record in records if record.source_file == wanted]:
                found[name] = (named, False)
        if len(found) > 1:
            raise UserError(
                CONFIGURATION,
                f"{listed([wanted])} is in several inputs.",
                "Name one of them: " + ", ".join(f"{n}/{listed([wanted])}" for n in found),
            )
        for name, (records, is_id) in found.items():
            return name, records, is_id
        names = {r.source_file for _, r in self.records()}
        guess = raw_files.like(wanted, names)
        raise UserError(
            CONFIGURATION,
            f"No batch was landed from {listed([wanted])}"
            + (f"; is it {listed([guess])}?" if guess else "."),
            "customer-health refresh --list-batches shows them all. What was not landed is in the"
            " inbox still.",
        )

    def to_withdraw(self, text: str) -> tuple[str, list[Record]]:
        """The batches to withdraw. A file name means the one of it that was not published yet, else
        its newest one. Named again when the newest is withdrawn, it means none: the ones before it
        are not what was asked for. UserError(2) where several were not published: one may be the
        corrected file."""
        name, records, is_id = self.find(text)
        counting = [record for record in records if record.counts]
        if is_id:
            return name, counting
        unpublished = [record for record in counting if not record.published_in]
        if len(unpublished) > 1:
            raise UserError(
                CONFIGURATION,
                f"{len(unpublished)} files called {listed([records[-1].source_file])} were landed"
                " and not published, and one may be the corrected one:\n"
                + "\n".join(f"- {name}/{record.in_words()}" for record in unpublished),
                "Withdraw those that are wrong by their batch: "
                + " ".join(f"--withdraw {name}/{record.short}" for record in unpublished),
            )
        return name, unpublished or (counting[-1:] if records[-1].counts else [])

    def to_restore(self, text: str) -> tuple[str, list[Record]]:
        """The batches to take back: of a file name those that were withdrawn last."""
        name, records, is_id = self.find(text)
        withdrawn = [record for record in records if not record.counts]
        last = max((record.withdrawn_at for record in withdrawn), default="")
        found = withdrawn if is_id else [r for r in withdrawn if r.withdrawn_at == last]
        for record in found:
            file = f"{record.id}.parquet"
            is_kept = file in self.inputs[name].present | self.inputs[name].aside
            # What counts and is gone is landed again from its source.
            if not is_kept and not (self.settings.inbox / name / record.source_file).is_file():
                raise UserError(
                    CONFIGURATION,
                    f"{self.aside(name) / file} is gone: {record.in_words()}.",
                    "Put it back there from a backup, or its source into"
                    f" {self.settings.inbox / name}, and run again.",
                )
        return name, found

    def withdraw(self, records: list[Record], now: datetime, reason: str) -> None:
        """Let the rows of batches count no more."""
        for record in records:
            record.withdrawn_at = now.astimezone(UTC).isoformat(timespec="seconds")
            record.withdrawn_in, record.reason = "", reason
        self.unbuilt |= {WITHDRAWING} if records else set()
        self.save()
        self.settle()

    def restore(self, records: list[Record]) -> None:
        """Let the rows of withdrawn batches count again, as if they had come just now."""
        for record in records:
            record.withdrawn_at = record.withdrawn_in = record.reason = record.published_in = ""
        self.unbuilt |= {RESTORING} if records else set()
        self.save()
        self.settle()

    def remove_names(self, is_named: Callable[[str], bool]) -> None:
        """Remove file names and reasons that name somebody. What came under such a name counts as
        seen whatever its name."""
        for one in self.inputs.values():
            for record in one.batches.values():
                if is_named(record.source_file):
                    record.source_file = ERASED
                if is_named(record.reason):
                    record.reason = ERASED
            for file in [file for file in one.names if is_named(file)]:
                self.seen_contents.add(one.names.pop(file))
        self.is_different = True

    @property
    def needs_full_build(self) -> bool:
        """Whether batches went and others came back since the last build: a day of usage can then
        have other rows, and as many with the same newest time, which tells an incremental build
        that nothing is new."""
        return {WITHDRAWING, RESTORING} <= self.unbuilt


class Known:
    """What was landed of an input, to hold the files of the inbox against."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.one = store, store.inputs[name]
        self.missing = self.one.missing()
        self.by_content: dict[str, list[Record]] = {}
        for record in self.one.ordered():
            self.by_content.setdefault(record.sha256[:16], []).append(record)

    def gone(self, file: str, sha: str, others: set[tuple[str, str]]) -> Record | None:
        """The batch that is gone and has this content: one of this file name, or of a name that
        none of the `others` (name, sha) has."""
        found = [record for record in self.missing if record.holds(sha)]
        own = [record for record in found if record.source_file in (file, "")]
        rest = [record for record in found if (record.source_file, sha) not in others]
        return next(iter([*own, *rest]), None)

    def withdrawn(self, file: str, sha: str) -> bool:
        """Whether the newest batch that has this content, of this file name if there is one, is
        withdrawn."""
        found = self.by_content.get(sha[:16], [])
        own = [record for record in found if record.source_file == file]
        return bool(found) and not (own or found)[-1].counts

    def is_seen(self, file: str, sha: str) -> bool:
        """Whether the content that last came under this name is this one. Where nobody knows what
        came under which name, any content that was landed counts as seen."""
        return (
            self.one.names.get(file) == sha
            or sha in self.store.seen_contents
            or (self.store.names_unknown and sha[:16] in self.by_content)
        )

    def is_kept(self, file: str, sha: str) -> bool:
        """Whether a file of the inbox is kept in the raw folder, withdrawn or not."""
        files = self.one.present | self.one.aside
        kept = [r for r in self.by_content.get(sha[:16], []) if r.file in files]
        return bool(kept) and self.is_seen(file, sha)


REMEMBERED = ("published_in", "withdrawn_at", "withdrawn_in", "reason")


def is_rewrite_of(record: Record, known: Record | None) -> bool:
    """Whether a file is what an erasure made of another: the same batch, of no more rows."""
    return known is not None and (
        (record.id, record.sha256, record.rows_received)
        == (known.id, known.sha256, known.rows_received)
        and record.rows_erased >= known.rows_erased
    )  # fmt: skip


def is_copy(one: Input, path: Path, known: Record | None) -> bool:
    """Whether a file that lies aside was not yet taken out of where its batch counts."""
    return path.name in one.present or (known is not None and known.file in one.present)


def told_in_file(record: Record) -> Record:
    """What a file of several batches tells of one: what does not depend on runs."""
    return replace(record, file="", published_in="", withdrawn_at="", withdrawn_in="", reason="")


def without_names(told: str, is_named: Callable[[str], bool]) -> str:
    """What a file of several batches tells of them, without file names that name somebody."""
    records = decode(json.loads(told))
    hidden = [replace(r, source_file=ERASED) if is_named(r.source_file) else r for r in records]
    return json.dumps(encode(hidden), ensure_ascii=False)


def metadata_of_record(record: Record) -> dict[str, str]:
    """What a file of one batch tells of it."""
    return {
        "source_file": record.source_file,
        "source_sha256": record.sha256,
        "rows_received": str(record.rows_received),
        "rows_erased": str(record.rows_erased),
        "loaded_at": record.loaded_at,
        "columns": json.dumps(record.columns),
    }


def write_checked(rows: str, goal: Path, content: dict[str, str], is_final: bool = True) -> None:
    """Write the rows of landed files into another file, and see that it holds the same; the file
    has its name only then. UserError(1) where it does not."""
    written = goal.with_name(f"{goal.name}{UNFINISHED}") if is_final else goal
    told = ", ".join(f"{key}: {quoted(value)}" for key, value in content.items())
    with duckdb.connect(config={"threads": 2}) as connection:
        temporary = goal.parent / ".temporary"
        connection.execute(f"set temp_directory = {quoted(str(temporary))}")
        connection.execute("set TimeZone = 'UTC'")
        try:
            connection.execute(
                f"copy (from {rows} order by _batch_id, _source_row) to {quoted(str(written))}"
                f" (format parquet, compression zstd, kv_metadata {{{told}}})"
            )
            copied = raw_files.parquet_sql([written])
            sums = (
                "select _batch_id, count(*), sum(cast(hash(t) as hugeint)) from {} as t"
                " group by all order by all"
            )
            before, after = (
                connection.execute(sums.format(source)).fetchall() for source in (rows, copied)
            )
        except BaseException:
            written.unlink(missing_ok=True)
            raise
    if before != after:
        written.unlink()
        raise UserError(
            CHECKS_FAILED,
            f"{written} did not become what it was made of; nothing was replaced.",
            "Look at the disk, and run again.",
        )
    written.chmod(0o640)
    if is_final:
        put_in_place(written, goal)


def encode(records: list[Record]) -> dict[str, Any]:
    """Batches as JSON: what most have in common is written once."""
    columns: list[dict[str, str]] = []
    rows = []
    for record in records:
        if record.columns not in columns:
            columns.append(record.columns)
        facts = {k: v for k, v in vars(record).items() if v != "" and k != "columns"}
        rows.append(facts | {"columns": columns.index(record.columns)})
    return {"columns": columns, "batches": rows}


def decode(content: dict[str, Any]) -> list[Record]:
    defaults = {"file": "", "source_file": "", "sha256": ""}
    names = {one.name for one in fields(Record)}
    return [
        Record(
            **defaults
            | {key: value for key, value in row.items() if key in names}
            | {"columns": content["columns"][row["columns"]]}
        )
        for row in content["batches"]
    ]


def read(settings: Settings) -> Store:
    """The store as it is; nothing is written."""
    store = Store(settings)
    store.load()
    store.look()
    return store


def compact(settings: Settings) -> list[str]:
    """Put small files of published batches together, many cost as much to look at as large ones; in
    words what was done."""
    store = read(settings)
    done = []
    for name, one in store.inputs.items():
        for files in store.to_join(name):
            chosen = set(files)
            store.join(name, files, [r for r in one.counting() if r.file in chosen])
            done.append(f"{name}: {len(files):,} small files were put together")
    return done


# ---------------------------------------------------------------------- what others want to know


def published_list(settings: Settings) -> dict[str, dict[str, dict[str, Any]]]:
    """The batches that a version is made of, for its manifest: {input: {batch: facts}}. No file
    names, which may say more than a version should."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, record in read(settings).records():
        if record.counts:
            facts = {"rows_received": record.rows_received, "loaded_at": record.loaded_at}
            found.setdefault(name, {})[record.id] = facts
    return found


def note_built(settings: Settings) -> None:
    """Remember that what was withdrawn and restored is in the working file."""
    store = read(settings)
    if store.unbuilt:
        store.unbuilt = set()
        store.save()


def note_published(settings: Settings, run_id: str) -> None:
    """Remember that a run was published, and of which batches."""
    store = read(settings)
    for _, record in store.records():
        if record.counts:
            record.published_in = record.published_in or run_id
        else:
            record.withdrawn_in = record.withdrawn_in or run_id
    store.published_run = run_id
    store.save()


def withdrawn_files(settings: Settings) -> list[tuple[str, Path]]:
    """The files of withdrawn batches, with their inputs. Nothing reads them, and they hold rows."""
    return [
        (contract.name, settings.raw / WITHDRAWN / contract.name / file)
        for contract in raw_files.read_contract()
        for file in sorted(files_in(settings.raw / WITHDRAWN / contract.name))
    ]


def withdrawn_rows(settings: Settings, run_id: str) -> dict[str, int]:
    """Rows received, per input, in batches that were in the published run and were withdrawn since:
    accepted rows are not lost where these explain it. Erased ones are among them, since
    erased_rows() counts them no more."""
    found: dict[str, int] = {}
    for name, record in read(settings).records():
        is_since = not record.withdrawn_in or record.withdrawn_in > run_id
        if not record.counts and record.published_in and record.published_in <= run_id and is_since:
            found[name] = found.get(name, 0) + record.rows_received
    return found


def missing_publication(settings: Settings) -> str:
    """A sentence where the raw folder remembers a published run and nothing is published; else
    nothing."""
    run_id = read(settings).published_run
    if not run_id or settings.current.exists():
        return ""
    lost = (
        f"{settings.current} is gone"
        if settings.versions.is_dir()
        else f"{settings.publish} is empty"
    )
    return (
        f"{lost}, but run {run_id} was published from {settings.raw}. Is its disk mounted, and is"
        " HEALTH_PUBLISH_DIR the folder of before? What was said to whom is remembered there."
    )


def listing(settings: Settings) -> list[dict[str, Any]]:
    """What there is to say of every batch, by input and number."""
    found = []
    store = read(settings)
    for name, record in store.records():
        is_gone = record.file not in store.inputs[name].present
        state = f"withdrawn {record.withdrawn_at[:19]}" if record.withdrawn_at else "gone" * is_gone
        found.append(
            {
                "batch": record.id,
                "input": name,
                "source_file": record.source_file,
                "rows": record.rows_received,
                "erased": record.rows_erased,
                "landed_at": record.loaded_at[:19],
                "published_in": record.published_in or "not yet",
                "state": state,
                "reason": record.reason,
            }
        )
    return found


@contextmanager
def rewriting(settings: Settings, is_named: Callable[[str], bool]) -> Iterator[None]:
    """While landed files are written anew on purpose: afterwards they are as they should be, also
    where that was cut short. File names and reasons that `is_named` are forgotten."""
    store = read(settings)
    store.refuse_changed()
    store.settle()
    store.is_rewritten = True
    store.save()
    yield
    store = read(settings)
    store.remove_names(is_named)
    store.settle()
