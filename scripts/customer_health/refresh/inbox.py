"""What lies in the inbox: files, and folders that are one file in parts (what Spark writes). Each
entry is landed, waits because it is still being written, or is named with the reason.

Entries are told apart by what the file system says of them: a pipe that is opened never ends.
"""

import hashlib
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import CannotReadError, Contract, kind_of, listed
from customer_health.settings import Settings

SET_ASIDE = "set_aside"
# What ends the name of the note beside a file that was set aside.
REASON = ".reason.txt"
# Younger than so many seconds, what cannot be read may be half of what is being written.
FRESH_SECONDS = 60
READ = "*.csv, *.jsonl, *.ndjson, *.json and *.parquet are"
PACKED = (".gz", ".zip", ".zst", ".bz2", ".xz", ".7z", ".tar", ".tgz", ".lz4", ".rar", ".z")
SHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
PARTITION = re.compile(r"([^=]+)=(.*)", re.S)
NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
DONE = "_SUCCESS"
UNFINISHED_FOLDERS = ("_temporary", "_spark_staging")
DEEPEST = 16
LONGEST_NAME = 255


@dataclass(frozen=True)
class Part:
    """A file of an arrival: of a folder in parts with the columns that its sub-folders tell."""

    path: Path
    values: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True)
class Entry:
    """An entry of the folder of an input; with `why_not`, one that is not landed."""

    path: Path
    why_not: str = ""
    is_hidden: bool = False
    contract: Contract | None = None


def natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """A key to sort names by as people read them: digits as the number they are, so that 2026-9-30
    comes before 2026-10-1; case and what stands between count only where all else is the same."""
    words = re.findall(r"\d+|[^\W\d_]+", name)
    found = [
        (False, int(word), "") if word.isdecimal() else (True, 0, word.casefold()) for word in words
    ]
    return (*found, (False, -1, name))


def by_name(path: Path) -> tuple[tuple[bool, int, str], ...]:
    return natural(path.name)


def cut_to_fit(name: str, more: int) -> str:
    """A name that leaves room for so many bytes: of a longer one the stem is cut."""
    room = LONGEST_NAME - more
    if len(os.fsencode(name)) <= room:
        return name
    ending = Path(name).suffix
    room -= len(os.fsencode(ending))
    return os.fsencode(name)[:room].decode(errors="ignore") + ending


# -------------------------------------------------------------------------- folders in parts


def parts_of(path: Path) -> list[Part]:
    """The files of an arrival, itself or those of a folder; raises CannotReadError for a folder
    that holds something else than parts of one file."""
    if not path.is_dir():
        return [Part(path)]
    parts = list(parts_below(path, kind_of(path), (), 0))
    if not parts:
        raise CannotReadError("a folder without parts")
    if len({tuple(name for name, _ in part.values) for part in parts}) > 1:
        raise CannotReadError("its sub-folders are not of the same depth and names")
    return sorted(parts, key=lambda part: natural(str(part.path.relative_to(path))))


def parts_below(
    folder: Path, kind: str, values: tuple[tuple[str, str | None], ...], depth: int
) -> Iterator[Part]:
    others = []
    for entry in sorted(folder.iterdir()):
        status = entry.stat(follow_symlinks=False)
        is_folder, is_file = stat.S_ISDIR(status.st_mode), stat.S_ISREG(status.st_mode)
        if entry.name.startswith((".", "_")):
            # Marks and checksums. A folder may hold a log that says which parts count.
            if is_folder and entry.name not in UNFINISHED_FOLDERS:
                others.append(f"{entry.name}/")
        elif is_file and kind_of(entry) == kind:
            yield Part(entry, values)
        elif is_folder and (found := PARTITION.fullmatch(entry.name)) and depth < DEEPEST:
            text = unquote(found[2])
            value = (unquote(found[1]).strip().lower(), None if text == NO_PARTITION else text)
            yield from parts_below(entry, kind, (*values, value), depth + 1)
        else:
            others.append(entry.name + "/" * is_folder)
    if others:
        raise CannotReadError(
            f"it holds more than *.{kind} parts: {listed(others)}; export it as one file"
        )


def is_unfinished(folder: Path) -> bool:
    """Whether whoever writes a folder says that it is not done."""
    return any((folder / name).is_dir() for name in UNFINISHED_FOLDERS)


def sha256_of(path: Path) -> str:
    """sha256 of a file; of a folder that of its parts and of the values of its sub-folders, but not
    of the names of the parts, which are others each time."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    found = sorted(f"{part.values!r} {sha256_of(part.path)}" for part in parts_of(path))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def files_of(path: Path) -> list[Path]:
    """The files of an arrival, as far as it can be looked at."""
    with suppress(OSError, CannotReadError):
        return [part.path for part in parts_of(path)]
    return []


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in files_of(path))


def changed_at(path: Path) -> float:
    """When an arrival was last written to, in seconds."""
    found = [0.0]
    for file in files_of(path):
        with suppress(OSError):
            found.append(file.stat().st_mtime)
    return max(found)


def state_of(path: Path) -> dict[Path, tuple[int, ...]]:
    """What changes when a file of an arrival is written again or replaced."""
    found: dict[Path, tuple[int, ...]] = {}
    for file in files_of(path):
        with suppress(OSError):
            status = file.stat()
            found[file] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def remove(path: Path) -> None:
    """Remove an arrival that was landed; of a folder the parts, their checksums and the mark that
    it is done. What else lies there stays, and so does the folder then."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    parts = files_of(path)
    folders = {path, *(one for part in parts for one in part.parents if path in one.parents)}
    for part in parts:
        part.unlink()
        part.with_name(f".{part.name}.crc").unlink(missing_ok=True)
    (path / DONE).unlink(missing_ok=True)
    (path / f".{DONE}.crc").unlink(missing_ok=True)
    for folder in sorted(folders, key=lambda one: -len(one.parts)):
        with suppress(OSError):
            folder.rmdir()


# ------------------------------------------------------------------------- what is landed or not


def why_not(path: Path) -> str:
    """Why an entry of the folder of an input is not landed, in words; nothing where it is."""
    if problem := raw_files.path_problem(path):
        return problem
    try:
        mode = path.stat().st_mode
    except OSError as error:
        is_broken = path.is_symlink() and not isinstance(error, PermissionError)
        return "a link to nothing" if is_broken else (error.strerror or "unreadable").lower()
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        words = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
        what = next((word for test, word in words if test(mode)), "a device")
        return f"{what}, not a file"
    ending = path.suffix.lower()
    if stat.S_ISREG(mode) and not kind_of(path):
        if ending in PACKED:
            return "packed; unpack it"
        return "a spreadsheet; export it as CSV" if ending in SHEETS else f"not read; {READ}"
    if not kind_of(path):
        return f"a folder, not read; {READ}, and folders of parts with such an ending"
    if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)):
        return "this user may not read it"
    if stat.S_ISDIR(mode):
        return why_not_folder(path)
    return ""


def why_not_folder(path: Path) -> str:
    if is_unfinished(path):
        return ""
    try:
        parts = parts_of(path)
    except CannotReadError as error:
        return str(error)
    except OSError as error:
        return (error.strerror or "unreadable").lower()
    problems = (raw_files.path_problem(part.path) for part in parts)
    if problem := next(filter(None, problems), ""):
        return f"a part: {problem}"
    closed = [part.path.name for part in parts if not os.access(part.path, os.R_OK)]
    return f"this user may not read its parts {listed(closed)}" if closed else ""


def look_into(folder: Path) -> list[Entry]:
    """The entries of the folder of an input; raises OSError where it cannot be looked into."""
    found = []
    for path in sorted(folder.iterdir(), key=by_name):
        if path.name == SET_ASIDE and path.is_dir():
            continue
        if path.name.startswith("."):
            found.append(Entry(path, "hidden", is_hidden=True))
        else:
            found.append(Entry(path, why_not(path)))
    return found


def entries(settings: Settings) -> Iterator[Entry]:
    """Every entry of the folders of the inputs, input by input."""
    for contract in raw_files.read_contract():
        folder = settings.inbox / contract.name
        if folder.is_dir():
            try:
                for entry in look_into(folder):
                    yield replace(entry, contract=contract)
            except OSError:
                continue


def arrivals(settings: Settings) -> Iterator[tuple[Contract, Path]]:
    """What of the inbox can be landed, input by input, by name."""
    for entry in entries(settings):
        if entry.contract and not entry.why_not:
            yield entry.contract, entry.path


def set_aside_files(settings: Settings) -> list[Path]:
    """What was set aside, as INPUT/set_aside/FILE."""
    found = [
        path.relative_to(settings.inbox)
        for path in settings.inbox.glob(f"*/{SET_ASIDE}/*")
        if not path.name.endswith(REASON)
    ]
    return sorted(found, key=lambda path: natural(str(path)))


def unexpected_files(settings: Settings) -> list[str]:
    """What lies in the inbox and is not landed, in words."""
    names = {contract.name for contract in raw_files.read_contract()}
    if not settings.inbox.is_dir():
        if os.environ.get("HEALTH_INBOX_DIR") or settings.inbox.is_symlink():
            return [f"{settings.inbox} is not a folder, so nothing can be landed from it"]
        return []
    found = []
    for entry in sorted(settings.inbox.iterdir(), key=by_name):
        if entry.name.startswith("."):
            continue
        if entry.name not in names:
            guess = raw_files.like(entry.name, names)
            found.append(f"{listed([entry.name])} is no input{f'; is it {guess}?' * bool(guess)}")
        elif not entry.is_dir():
            found.append(f"{entry.name} is not a folder, so nothing can be landed from it")
        elif not os.access(entry, os.R_OK | os.X_OK):
            found.append(f"{entry.name}: this user may not look into it")
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in entries(settings):
        if one.contract and one.why_not and not one.is_hidden:
            reasons.setdefault((one.contract.name, one.why_not), []).append(one.path.name)
    return found + [f"{name}/{listed(files)}: {why}" for (name, why), files in reasons.items()]


def hidden(settings: Settings) -> list[str]:
    """The hidden files of the inbox: by their name nobody wants them to be landed."""
    top = sorted(settings.inbox.iterdir()) if settings.inbox.is_dir() else []
    return [path.name for path in top if path.name.startswith(".")] + [
        f"{entry.contract.name}/{entry.path.name}"
        for entry in entries(settings)
        if entry.contract and entry.is_hidden
    ]


# ------------------------------------------------------------------------ still being written


def is_fresh(path: Path) -> bool:
    """Whether an arrival was written to within the last minute."""
    return abs(time.time() - changed_at(path)) < FRESH_SECONDS


def has_whole_header(path: Path, kind: str) -> bool:
    """Whether the first line of a CSV file has come to its end; others have none, and a folder may
    say that all its parts are done."""
    if kind != "csv" or (path / DONE).exists():
        return True
    for file in files_of(path):
        with file.open("rb") as content:
            if not content.readline().endswith((b"\n", b"\r")):
                return False
    return True


def being_written(paths: Iterable[Path]) -> set[Path]:
    """Those that a process of this machine has open to write to, where the system tells: /proc."""
    wanted = {os.path.realpath(file): path for path in paths for file in files_of(path)}
    found = set()
    for process in Path("/proc").glob("[0-9]*") if wanted else ():
        with suppress(OSError):
            for handle in (process / "fd").iterdir():
                with suppress(OSError, ValueError):
                    path = wanted.get(str(handle.readlink()))
                    if path and is_to_write((process / "fdinfo" / handle.name).read_text()):
                        found.add(path)
    return found


def is_to_write(info: str) -> bool:
    """Whether a handle is open to write to, by what /proc says of it."""
    flags = re.search(r"^flags:\s*([0-7]+)", info, re.M)
    return flags is not None and int(flags[1], 8) & os.O_ACCMODE != os.O_RDONLY


def is_growing(path: Path) -> bool:
    """Whether a folder is not complete yet: whoever writes it says so, or does not say that it is
    done and wrote to it a moment ago."""
    if not path.is_dir():
        return False
    return is_unfinished(path) or (not (path / DONE).exists() and is_fresh(path))
