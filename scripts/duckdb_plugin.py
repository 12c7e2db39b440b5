"""Plugin of dbt-duckdb: makes the folder of the working DuckDB file before the file is opened, and
lets the models ask what lies in the folder of raw inputs (macros/engine/raw_table.sql)."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import raw_files
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb.sqltypes import BOOLEAN, VARCHAR


def raw_input(raw_dir: str, name: str, rows: bool) -> str:
    """One raw input as JSON: is_absent, place, sql, columns {name: type} and problems."""
    contract = next(one for one in raw_files.read_contract() if one.name == name)
    seen = raw_files.look(Path(raw_dir), contract, rows)
    if seen.folder_problem:
        problems = [f"{seen.folder}: {seen.folder_problem}"]
    else:
        problems = [f"{seen.folder}/{problem}" for problem in seen.problems]
    return json.dumps(
        {
            "is_absent": not seen.files and not problems,
            "place": f"no *.parquet or *.csv in {seen.folder} (HEALTH_RAW_DIR names its parent)",
            "sql": seen.sql,
            # A type that differs between files is read as text.
            "columns": {
                column: kinds.copy().pop() if len(kinds) == 1 else "VARCHAR"
                for column, kinds in seen.received.items()
            },
            "problems": problems,
        }
    )


class Plugin(BasePlugin):
    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Create the parent folder of `creds.path`; an error in one sentence where the file is in
        use. Nothing to do for a database in memory."""
        if creds.path == ":memory:":
            return
        path = Path(creds.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            duckdb.connect(str(path)).close()
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
        """Register the SQL function raw_input(raw_dir, name, rows)."""
        conn.create_function(
            "raw_input", raw_input, [VARCHAR, VARCHAR, BOOLEAN], VARCHAR, side_effects=True
        )
