"""Plugin of dbt-duckdb: makes the folder of the working DuckDB file before the file is opened, and
lets the models ask what lies in the folder of raw inputs (macros/engine/raw_table.sql) and of what
version everything is that a run depends on (macros/engine/run_inputs.sql)."""

import hashlib
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb.sqltypes import BOOLEAN, VARCHAR

from customer_health.inputs import raw_files
from customer_health.settings import odd_name


def project_folder() -> Path:
    """Where dbt looks for the project, which may link this folder from elsewhere; another one in
    another run of the same process."""
    return Path(os.environ.get("DBT_PROJECT_DIR", "."))


def raw_input(raw_dir: str, name: str, rows: bool, known: str) -> str:
    """One raw input as JSON: is_absent, place, sql, columns {name: type} and problems. `known` is
    the raw_files of an earlier run_inputs(): with `rows`, files that it has are not read again."""
    contract = next(one for one in raw_files.read_contract() if one.name == name)
    seen = raw_files.look(Path(raw_dir), contract, rows, json.loads(known or "{}"))
    if seen.folder_problem:
        problems = [f"{seen.folder}: {seen.folder_problem}"]
    else:
        problems = [f"{seen.folder}/{problem}" for problem in seen.problems]
    return json.dumps(
        {
            "is_absent": not seen.files and not problems,
            "place": f"no *.parquet, *.csv or *.jsonl in {seen.folder}"
            " (HEALTH_RAW_DIR names its parent)",
            "sql": seen.sql,
            # A type that differs between files is read as text.
            "columns": {
                column: kinds.copy().pop() if len(kinds) == 1 else "VARCHAR"
                for column, kinds in seen.received.items()
            },
            "problems": problems,
        }
    )


def hash_of_files(*names: str) -> str:
    """sha256 of the files below those names of the project, by name and content."""
    found, root = hashlib.sha256(), project_folder()
    for name in names:
        start = root / name
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if path.is_file() and path.suffix in (".sql", ".yml", ".csv", ".py"):
                found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def hash_of_reader() -> str:
    """sha256 of what reads the raw files, which is no part of the project."""
    return hashlib.sha256(Path(raw_files.__file__).read_bytes()).hexdigest()


@lru_cache(maxsize=8)
def run_inputs(raw_dir: str, moment: str) -> str:
    """What a run depends on, as JSON: raw_files {path: size and time of last change}, code (a hash
    of the models and macros) and seeds (a hash). Looked up once for every `moment` of a run."""
    return json.dumps(
        {
            "raw_files": raw_files.versions(Path(raw_dir)),
            "code": hash_of_files("models", "macros", "dbt_project.yml") + hash_of_reader(),
            "seeds": hash_of_files("seeds"),
        }
    )


class Plugin(BasePlugin):
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
        """Register the SQL functions raw_input(raw_dir, name, rows, known) and
        run_inputs(raw_dir, moment)."""
        conn.create_function(
            "raw_input",
            raw_input,
            [VARCHAR, VARCHAR, BOOLEAN, VARCHAR],
            VARCHAR,
            side_effects=True,
        )
        conn.create_function(
            "run_inputs", run_inputs, [VARCHAR, VARCHAR], VARCHAR, side_effects=True
        )
