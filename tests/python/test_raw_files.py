"""How raw files are read, where a whole build would be too long a way to show it."""

from pathlib import Path

import duckdb
import raw_files

TICKETS = next(one for one in raw_files.read_contract() if one.name == "support_tickets")


def parquet(folder: Path, file: str, query: str) -> None:
    path = folder / "support_tickets" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"copy ({query}) to '{path}' (format parquet)")


def test_a_column_whose_type_differs_between_files_is_read_as_text(tmp_path: Path) -> None:
    """So that each row is judged by what it holds: a day is a day, unix seconds are not."""
    parquet(
        tmp_path,
        "a.parquet",
        "select 1 as ticket_id, 'a' as Account_ID, date '2026-02-13' as opened_at",
    )
    parquet(
        tmp_path,
        "b.parquet",
        "select 2 as ticket_id, 'a' as account_id, 1770976800 as opened_at, 'x' as more",
    )
    seen = raw_files.look(tmp_path, TICKETS)

    assert seen.problems == []
    rows = duckdb.sql(
        f"select ticket_id, account_id, opened_at, more from {seen.sql} order by 1"
    ).fetchall()
    assert rows == [(1, "a", "2026-02-13", None), (2, "a", "1770976800", "x")]
    assert seen.received["opened_at"] == {"DATE", "INTEGER"}


def test_binary_parquet_text_is_read_as_text(tmp_path: Path) -> None:
    parquet(
        tmp_path,
        "a.parquet",
        "select encode('t\u00e9') as ticket_id, 'a' as account_id, now() as opened_at",
    )
    seen = raw_files.look(tmp_path, TICKETS)

    assert duckdb.sql(f"select ticket_id from {seen.sql}").fetchall() == [("t\u00e9",)]


def test_a_path_that_reads_as_a_pattern_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "raw[1]"
    (folder / "support_tickets").mkdir(parents=True)
    (folder / "support_tickets" / "a.csv").write_text("ticket_id,account_id,opened_at\n")
    seen = raw_files.look(folder, TICKETS)

    assert seen.sql == ""
    assert "pattern" in (seen.folder_problem or "")
