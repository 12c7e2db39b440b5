"""Plugin of dbt-duckdb: makes the folder of the working DuckDB file before the file is opened,
makes relations of the raw inputs in it, and lets the models ask what keeps an input from being read
(macros/engine/raw_source.sql) and of what version everything is that a run depends on
(macros/engine/run_inputs.sql).
"""

import hashlib
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from dbt_common.invocation import get_invocation_id
from duckdb.sqltypes import VARCHAR

from customer_health.inputs import raw_files, sources
from customer_health.settings import odd_name

ONE_AT_A_TIME = Lock()


def project_folder() -> Path:
    """Where dbt looks for the project, which may link this folder from elsewhere; another one in
    another run of the same process."""
    return Path(os.environ.get("DBT_PROJECT_DIR", "."))


def raw_folder() -> Path:
    return Path(os.environ.get("HEALTH_RAW_DIR", "sample_data"))


def hash_of_files(*names: str) -> str:
    """sha256 of the files below those names of the project, by name and content."""
    found, root = hashlib.sha256(), project_folder()
    for name in names:
        start = root / name
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if path.is_file() and path.suffix in (".sql", ".yml", ".csv", ".py"):
                found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


@lru_cache(maxsize=8)
def inputs_at(moment: str, raw: Path, has_all: bool) -> str:
    """What a run depends on, as JSON: raw_files {path: size and time of last change}, empty where
    an input was not made of files; code (a hash of the models and macros) and seeds (a hash).
    Looked up once for every `moment` of a run, also where dbt connects several times."""
    files: dict[str, str] = {}
    for contract in raw_files.read_contract():
        files |= raw_files.versions(raw / contract.name)
    code = hash_of_files("models", "macros", "dbt_project.yml") + sources.hash_of_reader()
    return json.dumps(
        {
            "raw_files": json.dumps(files, sort_keys=True) if has_all else "",
            "code": code,
            "seeds": hash_of_files("seeds"),
        }
    )


class Plugin(BasePlugin):
    invocation: str
    found: dict[str, sources.Source]

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Create the parent folder of `creds.path`; an error in one sentence where the file is in
        use. Nothing to do for a database in memory."""
        if creds.path == ":memory:":
            return
        path = Path(creds.path)
        if odd := odd_name(path):
            raise DbtRuntimeError(
                f"HEALTH_WAREHOUSE ({path}) {odd}. Name it with letters, digits, blanks, - and _."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            duckdb.connect(str(path), config=creds.config_options or {}).close()
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise
            holder = re.search(r"PID (\d+)", str(error))
            raise DbtRuntimeError(
                f"{path} is open in another program"
                f"{f' (process {holder[1]})' if holder else ''}. Close it there, also if it only"
                " reads, and run again."
            ) from None

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the SQL functions raw_source(name) and run_inputs(moment) for the macros."""
        self.invocation, self.found = "", {}

        def run_inputs(moment: str) -> str:
            has_all = all(source.is_of_files for source in self.found.values())
            return inputs_at(moment, raw_folder(), has_all)

        def raw_source(name: str) -> str:
            """The place and the problems of an input, as JSON."""
            source = self.found[name]
            return json.dumps({"place": source.place, "problems": source.problems_now()})

        for function in (raw_source, run_inputs):
            conn.create_function(function.__name__, function, [VARCHAR], VARCHAR, side_effects=True)

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make the inputs relations of schema `raw`: once for each run of dbt, of which several in
        one process share a connection."""
        with ONE_AT_A_TIME:
            if self.invocation != get_invocation_id():
                self.found = sources.make(cursor, raw_folder())
                self.invocation = get_invocation_id()
