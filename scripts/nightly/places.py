"""Where everything lies, and how a run that cannot go on says so."""

import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED, CHECKS_FAILED, CONFIGURATION, BUSY, INTERRUPTED = 0, 1, 2, 75, 130
SERVING_FILE = "customer_health.duckdb"
# Nobody but the owner writes, and the group reads: 0640, 0750.
UMASK = 0o027


class Stop(Exception):
    """The end of a run that does not publish: an exit code, what is wrong and where, what to do."""

    def __init__(self, code: int, what: str, next_step: str) -> None:
        super().__init__(what)
        self.code, self.what, self.next_step = code, what, next_step


@dataclass(frozen=True)
class Places:
    """The folders and files of an installation, absolute."""

    raw: Path
    inbox: Path
    warehouse: Path
    publish: Path

    @property
    def versions(self) -> Path:
        """One folder per published run, the newest last."""
        return self.publish / "versions"

    @property
    def current(self) -> Path:
        """A link to the folder of the run that readers see."""
        return self.publish / "current"

    @property
    def serving(self) -> Path:
        return self.current / SERVING_FILE

    @property
    def log(self) -> Path:
        """What was published when: one Parquet file per run that said something new."""
        return self.publish / "log"

    @property
    def runs(self) -> Path:
        """One folder per run, also of those that failed: report and artifacts of dbt."""
        return self.publish / "runs"

    @property
    def lock(self) -> Path:
        return self.publish / ".lock"

    def is_sample(self) -> bool:
        return self.raw == ROOT / "sample_data"

    def refuse_mixed_up(self) -> None:
        """Stop(2) where two of the places are one, or one lies where another is emptied."""
        folders = {
            "HEALTH_RAW_DIR": self.raw.resolve(),
            "HEALTH_INBOX_DIR": self.inbox.resolve(),
            "HEALTH_PUBLISH_DIR": self.publish.resolve(),
            "HEALTH_WAREHOUSE": self.warehouse.resolve(),
        }
        for name, folder in folders.items():
            for other, outer in folders.items():
                if name != other and (folder == outer or outer in folder.parents):
                    raise Stop(
                        CONFIGURATION,
                        f"{name} ({folder}) lies in {other} ({outer}).",
                        "Give each of the four a place of its own.",
                    )


def find_places() -> Places:
    """The places that the environment names, else those of the project."""

    def place(name: str, default: str) -> Path:
        return Path(os.environ[name]).absolute() if os.environ.get(name) else ROOT / default

    return Places(
        raw=place("HEALTH_RAW_DIR", "sample_data"),
        inbox=place("HEALTH_INBOX_DIR", "inbox"),
        warehouse=place("HEALTH_WAREHOUSE", "warehouse/customer_health.duckdb"),
        publish=place("HEALTH_PUBLISH_DIR", "published"),
    )


def working_file_is_open(places: Places, words: str) -> Stop:
    """The end of a run that finds the working file open in another program; `words` are those of
    DuckDB or of the project's plugin, which may name the process."""
    holder = re.search(r"(?:PID|process) (\d+)", words)
    return Stop(
        BUSY,
        f"The working file {places.warehouse} is open in"
        f" {f'process {holder[1]}' if holder else 'another program'}.",
        "Close it there; readers belong to the published file. Then run again.",
    )


def host() -> str:
    with suppress(OSError):
        return socket.gethostname()
    return "unknown"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of a file survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def put_in_place(written: Path, goal: Path) -> None:
    """Give a file or folder that is written its name: there in whole or not at all."""
    sync_file(written) if written.is_file() else sync_folder(written)
    written.replace(goal)
    sync_folder(goal.parent)
