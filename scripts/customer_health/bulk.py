"""Many rows from Python into a DuckDB table at once."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# Some megabytes as text; a million rows in one piece would take 1.4 GB.
ROWS_AT_ONCE = 50_000


def insert_texts(
    connection: "duckdb.DuckDBPyConnection", table: str, rows: Sequence[Sequence[str | None]]
) -> None:
    """Insert rows of texts and nulls into a table, named as SQL needs it; DuckDB casts them to its
    columns. Each piece goes as one text: DuckDB takes far longer over the values of a list."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        piece = rows[start : start + ROWS_AT_ONCE]
        texts = ", ".join(f"line[{at}]" for at in range(1, len(piece[0]) + 1))
        lines = "select unnest(cast(cast(? as json) as varchar[][])) as line"
        into = f"insert into {table} select {texts} from ({lines})"
        connection.execute(into, [json.dumps(piece)])
