"""Where everything lies: the project, and the four places that the environment may name."""

import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from customer_health.errors import BUSY, CONFIGURATION, UserError

SERVING_FILE = "customer_health.duckdb"
# Nobody but the owner writes, and the group reads: 0640, 0750.
UMASK = 0o027
# The name of a run. What is removed by its name has to match it as a whole.
RUN_ID = re.compile(r"\d{6,}-\d{8}T\d{6}Z")
# What DuckDB 1.5 writes beside its file, by exact name: the log of a file in use and two copies of
# it during a checkpoint and a recovery, and a folder for what does not fit into memory.
SIDE_FILES = (".wal", ".wal.checkpoint", ".wal.recovery")
SIDE_FOLDER = ".tmp"
# What in the path of a DuckDB file is not read as it is: DuckDB puts the name of its log before a
# question mark, dbt reads the path as a URL, and the name of the file becomes that of a database.
ODD_IN_PATH, ODD_IN_NAME = re.compile(r"[?#\x00-\x1f\x7f]"), re.compile(r"[;'\"]")
TAKEN = {"temp", "system", "raw", "seeds", "staging", "activity", "metrics", "scoring", "marts"}
# Folders of the project itself; only the sample's may be read from.
OWN_FOLDERS = (
    ".ci", ".git", ".github", ".venv", ".venv-engines", "build", "data_tests", "docs", "examples",
    "landing", "logs", "macros", "models", "sample_data", "scripts", "seeds", "target", "tests",
    "tools",
)  # fmt: skip


def python_path() -> str:
    """PYTHONPATH for dbt: its plugin is of the same package as this."""
    package = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))


def is_project(folder: Path) -> bool:
    """Whether a folder is a Customer Health project, as far as its names tell."""
    with suppress(PermissionError):
        return (folder / "dbt_project.yml").is_file() and (folder / "seeds" / "scoring").is_dir()
    return False


def project_root() -> Path:
    """The folder of the project: $DBT_PROJECT_DIR, else the nearest one from the current folder
    upwards, else the one that this package is part of; UserError(2) where there is none."""
    next_step = "customer-health init DIR makes one; --project-dir DIR names one."
    if named := os.environ.get("DBT_PROJECT_DIR"):
        if not is_project(root := Path(named).resolve()):
            what = f"DBT_PROJECT_DIR ({root}) is no Customer Health project."
            raise UserError(CONFIGURATION, what, next_step)
        return root
    here = Path.cwd().resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if is_project(folder):
            return folder
    raise UserError(
        CONFIGURATION,
        f"Neither {here} nor a folder above it is a Customer Health project.",
        next_step,
    )


@dataclass(frozen=True)
class Settings:
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
    def pin(self) -> Path:
        """Which version stays published, whatever is built."""
        return self.publish / "pin.json"

    @property
    def lock(self) -> Path:
        return self.publish / ".lock"

    def is_sample(self) -> bool:
        return self.raw.resolve() == (project_root() / "sample_data").resolve()

    def refuse_odd_names(self) -> None:
        """UserError(2) where DuckDB or dbt would read a path as another one."""
        if odd := odd_name(self.warehouse):
            what = f"HEALTH_WAREHOUSE ({self.warehouse}) {odd}."
            raise UserError(
                CONFIGURATION, what, "Give it a name of letters, digits, blanks, - and _."
            )
        if "?" in str(self.publish):
            what = f"HEALTH_PUBLISH_DIR ({self.publish}) has ? in it, where no DuckDB file can be."
            raise UserError(CONFIGURATION, what, "Name another folder.")

    def named(self) -> dict[str, Path]:
        """The four places by the variable that names them."""
        return {
            "HEALTH_RAW_DIR": self.raw,
            "HEALTH_INBOX_DIR": self.inbox,
            "HEALTH_PUBLISH_DIR": self.publish,
            "HEALTH_WAREHOUSE": self.warehouse,
        }

    def side_paths(self) -> list[Path]:
        """What DuckDB may write beside the working file."""
        names = (*SIDE_FILES, SIDE_FOLDER)
        return [self.warehouse.with_name(self.warehouse.name + name) for name in names]

    def refuse_mixed_up(self) -> None:
        """UserError(2) where two of the places are one, or one lies in or above another, in the own
        folders of the project or where DuckDB writes beside the working file: what is there is
        removed at times."""
        self.refuse_odd_names()
        if self.warehouse.is_dir():
            refuse_place(f"HEALTH_WAREHOUSE ({self.warehouse}) is a folder, not a file.")
        root = project_root()
        places = {name: spellings(path) for name, path in self.named().items()}
        for name, folders in places.items():
            for other, outers in places.items():
                if name != other and (pair := overlap(folders, outers)):
                    refuse_place(f"{name} ({pair[0]}) lies in {other} ({pair[1]}).")
            for side in self.side_paths() if name != "HEALTH_WAREHOUSE" else ():
                if pair := overlap(folders, spellings(side)):
                    what = "which DuckDB writes beside HEALTH_WAREHOUSE"
                    refuse_place(f"{name} ({pair[0]}) lies in {pair[1]}, {what}.")
            if any(folder == root or folder in root.parents for folder in folders):
                refuse_place(f"{name} ({folders[0]}) holds the project itself.")
            for own in OWN_FOLDERS:
                is_sample = name == "HEALTH_RAW_DIR" and self.is_sample()
                is_trial = name == "HEALTH_WAREHOUSE" and own == "build"
                pair = overlap(folders, [root / own])
                if pair and not is_sample and not is_trial:
                    refuse_place(f"{name} ({pair[0]}) lies in a folder of the project ({pair[1]}).")


def odd_name(path: Path) -> str:
    """What keeps a path from being that of a working file, in words; nothing where nothing does."""
    odd = {*ODD_IN_PATH.findall(str(path)), *ODD_IN_NAME.findall(path.name)}
    if odd:
        shown = " ".join(c if c.isprintable() else ascii(c) for c in sorted(odd))
        return f"has {shown} in it, which DuckDB or dbt reads as something else"
    if path.stem.lower() in TAKEN:
        return f"would make a database called {path.stem}, as something in it is called"
    return ""


def spellings(path: Path) -> list[Path]:
    """Where a path lies: with all links followed, and where the last name itself lies."""
    return list(dict.fromkeys((path.resolve(), path.parent.resolve() / path.name)))


def overlap(inner: list[Path], outer: list[Path]) -> tuple[Path, Path] | None:
    """A spelling of a place that is or lies in a spelling of another one, with that one."""
    for one in inner:
        for other in outer:
            if one == other or other in one.parents or is_same(one, other):
                return one, other
    return None


def is_same(one: Path, other: Path) -> bool:
    """Whether two names are one file or folder, as on disks that know no capitals."""
    with suppress(OSError):
        return one.samefile(other)
    return False


def refuse_place(what: str) -> NoReturn:
    raise UserError(CONFIGURATION, what, "Give each of the four a place of its own.")


def read_settings() -> Settings:
    """The places that the environment names, else those of the project."""

    root = project_root()

    def place(name: str, default: str) -> Path:
        return Path(os.environ[name]).absolute() if os.environ.get(name) else root / default

    return Settings(
        raw=place("HEALTH_RAW_DIR", "sample_data"),
        inbox=place("HEALTH_INBOX_DIR", "inbox"),
        warehouse=place("HEALTH_WAREHOUSE", "warehouse/customer_health.duckdb"),
        publish=place("HEALTH_PUBLISH_DIR", "published"),
    )


def working_file_is_open(settings: Settings, words: str) -> UserError:
    """The end of a run that finds the working file open in another program; `words` are those of
    DuckDB or of the project's plugin, which may name the process."""
    holder = re.search(r"(?:PID|process) (\d+)", words)
    return UserError(
        BUSY,
        f"The working file {settings.warehouse} is open in"
        f" {f'process {holder[1]}' if holder else 'another program'}.",
        "Close it there; readers belong to the published file. Then run again.",
    )


def host() -> str:
    with suppress(OSError):
        return socket.gethostname()
    return "unknown"
