"""How raw files are read, where a whole build would be too long a way to show it."""

import os
from pathlib import Path

import duckdb
import pytest
from customer_health.inputs import raw_files

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


@pytest.mark.parametrize("folder", ["raw[1]", "env=prod", "r*w", "what?", "a\\b", "it's #1; new\n"])
def test_a_path_is_never_a_pattern_and_says_nothing(tmp_path: Path, folder: str) -> None:
    """Neither does a file beside it count, nor do folders called name=value make columns."""
    for name in (folder, "raw1", "row", "whats"):
        header = b"ticket_id,account_id,opened_at\n"
        path = tmp_path / name / "support_tickets" / "a.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(header + b"t,a,2026-02-13\n" * (1 + (name == folder)))
    seen = raw_files.look(tmp_path / folder, TICKETS)

    assert seen.problems == []
    assert duckdb.sql(f"select * from {seen.sql}").fetchall() == [("t", "a", "2026-02-13")] * 2


def test_what_duckdb_cannot_be_told_is_refused(tmp_path: Path) -> None:
    """A backslash ends a folder in a pattern, and what is not UTF-8 is no text."""
    for name in ("a\\b[1].csv", os.fsdecode(b"caf\xe9.csv")):
        folder = tmp_path / "support_tickets"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("ticket_id,account_id,opened_at\n")
    seen = raw_files.look(tmp_path, TICKETS)

    assert seen.sql == ""
    assert [problem.split(": ")[1] for problem in seen.problems] == [
        "a backslash and one of * ? [ in one path cannot be read; rename it",
        "its name is not UTF-8; rename it",
    ]


def test_json_lines_are_raw_files_too(tmp_path: Path) -> None:
    """Keys in lower case, values as text, what is nested as JSON; one format per folder."""
    folder = tmp_path / "support_tickets"
    folder.mkdir()
    lines = (
        '{"Ticket_ID": "0071", "account_id": 17, "opened_at": "2026-02-13", "a/b~c\\"":'
        ' [1, {"x": 2}]}',
        '{"ticket_id": null, "account_id": "a", "csat_score": 4.5, "is": true}',
    )
    (folder / "a.jsonl").write_text(lines[0] + "\n", encoding="utf-8")
    (folder / "b.NDJSON").write_text(lines[1] + "\n", encoding="utf-8")
    seen = raw_files.look(tmp_path, TICKETS)

    assert (seen.format, seen.problems) == ("json", ["b.NDJSON: no column opened_at"])
    (folder / "b.NDJSON").write_text(lines[1][:-1] + ', "opened_at": 1}\n', encoding="utf-8")
    seen = raw_files.look(tmp_path, TICKETS)
    rows = duckdb.sql(
        f'select ticket_id, account_id, opened_at, csat_score, "is", "a/b~c"""'
        f" from {seen.sql} order by 2"
    ).fetchall()
    assert seen.problems == []
    assert rows == [
        ("0071", "17", "2026-02-13", None, None, '[1,{"x":2}]'),
        (None, "a", "1", "4.5", "true", None),
    ]
    (folder / "b.NDJSON").write_text(lines[0] + "\nnothing\n", encoding="utf-8")
    assert raw_files.look(tmp_path, TICKETS).problems == [
        "b.NDJSON: line 2 is not JSON; one JSON object per line is read"
    ]
    (folder / "c.csv").write_text("ticket_id,account_id,opened_at\n", encoding="utf-8")
    problem = raw_files.look(tmp_path, TICKETS).folder_problem
    assert problem == "CSV and JSON lines files in one folder; keep one format"


def test_a_whole_number_that_came_as_a_fraction_is_that_number_as_text(tmp_path: Path) -> None:
    """A column of ids with an empty cell is one of fractions for most tools."""
    parquet(
        tmp_path,
        "a.parquet",
        "select unnest([17.0::double, 1e15::double, 0.5::double, 'nan'::double]) as ticket_id,"
        " 17::decimal(18, 2) as account_id, now() as opened_at",
    )
    parquet(
        tmp_path, "b.parquet", "select '17' as ticket_id, '17' as account_id, now() as opened_at"
    )
    seen = raw_files.look(tmp_path, TICKETS)

    rows = duckdb.sql(f"select ticket_id, account_id from {seen.sql} order by all").fetchall()
    ids = ["0.5", "1000000000000000", "17", "17", None]
    assert rows == [(one, "17") for one in ids]
