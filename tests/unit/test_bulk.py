"""Rows that go into DuckDB as text arrive as they are."""

import duckdb
import pytest
from customer_health import bulk


def test_rows_are_inserted_in_pieces_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the texts hold, and wherever a piece ends."""
    monkeypatch.setattr(bulk, "ROWS_AT_ONCE", 2)
    rows = [("a\x00b", "ü😀"), ("", '"\\\n\t'), (None, "[1]"), ("null", "{}"), (" 1 ", "NaN")]
    with duckdb.connect() as connection:
        connection.execute("create table texts (one varchar, other varchar)")
        bulk.insert_texts(connection, "texts", rows)
        bulk.insert_texts(connection, "texts", [])
        found = connection.execute("select one, other from texts order by rowid").fetchall()

    assert found == rows
