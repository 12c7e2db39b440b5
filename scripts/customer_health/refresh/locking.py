"""One run at a time: a lock of the operating system, which ends with its holder."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from customer_health.errors import BUSY, CONFIGURATION, UserError
from customer_health.settings import host

# How long a dead holder's children may take to follow it.
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Lock:
    """A lock that is held. `left_behind` tells of a holder that did not end in order, if any."""

    handle: int
    left_behind: str


def read_holder(path: Path) -> dict[str, str]:
    """Who wrote their name into the lock; nothing where nobody did, or ended in order."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def in_words(holder: dict[str, str]) -> str:
    if not holder:
        return "another run"
    return "{command} (process {process} on {host}, since {since})".format_map(
        {"command": "?", "process": "?", "host": "?", "since": "?"} | holder
    )


def is_dead(holder: dict[str, str]) -> bool:
    """Whether the holder ran on this machine and does no more."""
    if holder.get("host") != host() or not holder.get("process", "").isdigit():
        return False
    try:
        os.kill(int(holder["process"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@contextmanager
def hold(path: Path, command: str) -> Iterator[Lock]:
    """Hold the lock; UserError(75) at once, naming the holder, where it is held."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            CONFIGURATION,
            f"{path.parent} cannot be made a folder: {str(error.strerror).lower()}.",
            "Name another one: export HEALTH_PUBLISH_DIR=/path/to/published",
        ) from None
    try:
        holder = read_holder(path)
        deadline = time.monotonic() + (PATIENCE_SECONDS if is_dead(holder) else 0)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise UserError(
                        BUSY,
                        f"{in_words(read_holder(path))} holds {path}.",
                        "Wait until it is done, or stop it; nothing was touched.",
                    ) from None
                time.sleep(0.05)
        holder = read_holder(path)
        write_holder(handle, command)
        try:
            yield Lock(handle, in_words(holder) if holder else "")
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def write_holder(handle: int, command: str) -> None:
    text = json.dumps(
        {
            "command": command,
            "process": os.getpid(),
            "host": host(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)
    os.fsync(handle)
