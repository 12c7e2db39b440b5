"""A PostgreSQL server of its own for a test: made anew in a folder, with a database that orders
text by its bytes, and gone afterwards. Where the system has none, its package is installed."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# What a test server may do that a real one must not: lose what it has when the power goes.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "8GB",
    "shared_buffers": "1GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "max_parallel_workers_per_gather": "0",
}


# A second database, which the project has to refuse.
ORDERED_BY_LANGUAGE = "ordered_by_language"


class NotInstalledError(Exception):
    """A program is not there and cannot be installed; the message says what to do."""


def installed(find: Callable[[], Path | None], package: str) -> Path:
    """Where a program is; its package is installed with apt-get where that can be done."""
    found = find()
    if not found and shutil.which("apt-get"):
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for command in (["update", "-q"], ["install", "-q", "-y", package]):
            subprocess.run([*as_root, "apt-get", *command], stdout=sys.stderr, check=False)
        found = find()
    if not found:
        raise NotInstalledError(f"Install the package {package} of the system and run again.")
    return found


def find_postgres() -> Path | None:
    """The folder of initdb and pg_ctl."""
    initdb = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else Path(initdb).parent if initdb else None


def find_java() -> Path | None:
    """The java command."""
    home, java = os.environ.get("JAVA_HOME"), shutil.which("java")
    return Path(home) / "bin" / "java" if home else Path(java) if java else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres_server() -> Iterator[dict[str, str]]:
    """A running server; yields the environment that profiles.yml finds it by."""
    tools = installed(find_postgres, "postgresql")
    # PostgreSQL refuses to run as root.
    user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="health_postgres_"))
    if user:
        shutil.chown(folder, "nobody")
    port = free_port()

    def run(tool: str, *arguments: str) -> None:
        subprocess.run(
            [*user, str(tools / tool), *arguments], cwd=folder, check=True, stdout=sys.stderr
        )

    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    server = ["-D", str(folder / "data"), "-w", "-l", str(folder / "log")]
    try:
        run("initdb", "-D", str(folder / "data"), "-U", "health", "-A", "trust", "-E", "UTF8",
            "--locale=C")  # fmt: skip
        run("pg_ctl", *server, "-o", f"-p {port} -k {folder} -h 127.0.0.1 {options}", "start")
        try:
            at = ("-h", "127.0.0.1", "-p", str(port), "-U", "health")
            run("createdb", *at, "health")
            run("createdb", *at, "-T", "template0", "--locale-provider=icu", "--icu-locale=en",
                ORDERED_BY_LANGUAGE)  # fmt: skip
            yield {
                "PGHOST": "127.0.0.1",
                "PGPORT": str(port),
                "PGUSER": "health",
                "PGPASSWORD": "",
                "PGDATABASE": "health",
            }
        finally:
            run("pg_ctl", *server, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
