"""The inputs as relations of schema `raw`: made of files once, remade when the files change."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from customer_health.inputs import raw_files, sources
from project import write_csv

HEADER = "invoice_id,account_id,issued_at,amount,kind"
KIND = "select kind from (select 'TABLE' as kind, table_name as name from duckdb_tables() union all"
KIND += " select 'VIEW', view_name from duckdb_views() where schema_name = 'raw') where name = ?"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        yield connection


def write_invoices(raw: Path, *rows: str, file: str | None = None, header: str = HEADER) -> Path:
    return write_csv(raw, "invoices", [header, *rows], file)


def write_parquet(raw: Path, select: str, file: str = "invoices.parquet") -> Path:
    path = raw / "invoices" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"copy ({select}) to '{path}' (format parquet)")
    return path


def kind(connection: duckdb.DuckDBPyConnection) -> str | None:
    row = connection.execute(KIND, ["invoices"]).fetchone()
    return row[0] if row else None


def rows(connection: duckdb.DuckDBPyConnection, columns: str = "invoice_id") -> list[tuple]:
    return connection.execute(f"select {columns} from raw.invoices order by all").fetchall()


def test_text_becomes_a_table_of_the_columns_of_the_contract(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring,secret", header=f"{HEADER},Comment")
    write_invoices(tmp_path, "I2,B", file="more.csv", header="Invoice_ID,account_id")
    found = sources.make(connection, tmp_path)["invoices"]

    assert found.problems == [
        f"{tmp_path}/invoices/more.csv: no column amount",
        f"{tmp_path}/invoices/more.csv: no column issued_at",
        f"{tmp_path}/invoices/more.csv: no column kind",
    ]
    assert kind(connection) is None, "a required column is missing"

    write_invoices(tmp_path, "I2,B,,,", file="more.csv")
    assert sources.make(connection, tmp_path)["invoices"].problems == []
    assert kind(connection) == "TABLE"
    assert rows(connection, "*") == [
        ("I1", "A", "2026-01-02", "5", "recurring"),
        ("I2", "B", None, None, None),
    ]


def test_json_lines_become_a_table(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    folder = tmp_path / "invoices"
    folder.mkdir()
    line = {"invoice_id": 17, "account_id": "A", "issued_at": "2026-01-02", "amount": 5.5}
    text = json.dumps(line | {"kind": "recurring", "note": "x"})
    (folder / "i.jsonl").write_text(f"{text}\n{text.replace('17', '18')}\n")
    sources.make(connection, tmp_path)

    assert kind(connection) == "TABLE"
    assert rows(connection, "invoice_id, amount") == [("17", "5.5"), ("18", "5.5")]


def test_parquet_becomes_a_view(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    select = "select 'I1' as invoice_id, 'A' as account_id, date '2026-01-02' as issued_at"
    write_parquet(tmp_path, f"{select}, 5.25 as amount, 'recurring' as kind, 'x' as note")
    sources.make(connection, tmp_path)

    assert kind(connection) == "VIEW"
    described = connection.execute("describe raw.invoices").fetchall()
    assert [(row[0], row[1]) for row in described] == [
        ("invoice_id", "VARCHAR"),
        ("account_id", "VARCHAR"),
        ("issued_at", "DATE"),
        ("amount", "DECIMAL(3,2)"),
        ("kind", "VARCHAR"),
    ]


def test_what_is_made_of_the_same_files_is_not_made_again(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring")
    sources.make(connection, tmp_path)
    connection.execute("update raw.invoices set invoice_id = 'kept'")
    sources.make(connection, tmp_path)
    assert rows(connection) == [("kept",)]

    path.write_text(path.read_text() + "I2,A,2026-01-02,5,recurring\n")
    sources.make(connection, tmp_path)
    assert rows(connection) == [("I1",), ("I2",)]

    # Another reader may read the same files otherwise.
    connection.execute("update raw.invoices set invoice_id = 'kept'")
    monkeypatch.setattr(sources, "hash_of_reader", lambda: "another")
    sources.make(connection, tmp_path)
    assert rows(connection) == [("I1",), ("I2",)]


def test_a_file_that_is_gone_leaves_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring")
    sources.make(connection, tmp_path)
    path.unlink()
    found = sources.make(connection, tmp_path)["invoices"]

    assert kind(connection) is None
    assert found.problems == []
    assert found.place.startswith(f"no *.parquet, *.csv or *.jsonl in {tmp_path / 'invoices'}")


def test_a_broken_line_leaves_no_rows_and_is_said_by_its_number(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring")
    sources.make(connection, tmp_path)
    write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring", "I2,A", "I3,A,2026-01-02,1,2,credit")
    write_invoices(tmp_path, "I4,A", file="more.csv")
    found = sources.make(connection, tmp_path)["invoices"]

    folder = tmp_path / "invoices"
    assert found.problems == [
        f"{folder}/invoices.csv, line 3: fewer cells than the header",
        f"{folder}/invoices.csv, line 4: more cells than the header (a comma inside a cell needs"
        " double quotes)",
        f"{folder}/more.csv, line 2: fewer cells than the header",
    ]
    assert kind(connection) is None


def test_a_file_that_is_no_csv_is_said_with_the_broken_lines_of_the_others(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    write_invoices(tmp_path, "I0,A,2026-01-02,5,recurring")
    sources.make(connection, tmp_path)
    path = write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring", "I2,A,2026-01-02,5,recurring")
    path.write_bytes(path.read_bytes().replace(b"recurring\nI2", b"recurring\r\nI2"))
    write_invoices(tmp_path, "I4,A", file="more.csv")
    write_csv(tmp_path, "accounts", ["account_id,created_at", "A,2026-01-01"])
    found = sources.make(connection, tmp_path)

    folder = tmp_path / "invoices"
    assert found["invoices"].problems == [
        f"{folder}/invoices.csv: cannot be read as comma-separated UTF-8; do all lines end alike?",
        f"{folder}/more.csv, line 2: fewer cells than the header",
    ]
    assert kind(connection) is None
    assert connection.execute("select account_id from raw.accounts").fetchall() == [("A",)]


def test_a_column_that_nobody_asks_for_is_looked_at_too(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """As `customer-health check` does: one answer from both."""
    path = write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring,x", header=f"{HEADER},comment")
    path.write_bytes(path.read_bytes().replace(b",x", b",\xff"))
    found = sources.make(connection, tmp_path)["invoices"].problems

    assert found == [f"{tmp_path}/invoices/invoices.csv, line 2: not UTF-8"]
    contract = next(c for c in raw_files.read_contract() if c.name == "invoices")
    told = raw_files.look(tmp_path, contract).problems
    assert [f"{tmp_path}/invoices/{one}" for one in told] == found


def test_another_format_takes_the_place_of_the_one_before(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring")
    sources.make(connection, tmp_path)
    path.unlink()
    select = "select 'I2' as invoice_id, 'A' as account_id, date '2026-01-02' as issued_at"
    parquet = write_parquet(tmp_path, f"{select}, 5 as amount, 'recurring' as kind")
    sources.make(connection, tmp_path)
    assert (kind(connection), rows(connection)) == ("VIEW", [("I2",)])

    parquet.unlink()
    write_invoices(tmp_path, "I3,A,2026-01-02,5,recurring")
    sources.make(connection, tmp_path)
    assert (kind(connection), rows(connection)) == ("TABLE", [("I3",)])


def test_a_table_of_another_origin_is_an_input_and_stays(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    connection.execute("create schema raw; create table raw.invoices as select 'I9' as invoice_id")
    found = sources.make(connection, tmp_path)["invoices"]
    assert (found.is_of_files, found.problems) == (False, [])
    assert rows(connection) == [("I9",)]

    write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring")
    found = sources.make(connection, tmp_path)["invoices"]
    assert "remove one of them" in found.problems[0]
    assert rows(connection) == [("I9",)]


def test_what_fails_in_the_middle_leaves_the_table_as_it_was(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring")
    sources.make(connection, tmp_path)
    write_invoices(tmp_path, "I2,A,2026-01-02,5,recurring")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sources, "make_relation", stop)
        with pytest.raises(KeyboardInterrupt):
            sources.make(connection, tmp_path)
    assert rows(connection) == [("I1",)]

    sources.make(connection, tmp_path)
    assert rows(connection) == [("I2",)]


def test_files_that_change_after_they_were_read_are_a_problem(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Else a run would note the new file, and have read the old one."""
    path = write_invoices(tmp_path, "I1,A,2026-01-02,5,recurring")
    source = sources.make(connection, tmp_path)["invoices"]
    assert source.problems_now() == []

    path.write_text(path.read_text() + "I2,A,2026-01-02,5,recurring\n")
    told = f"{tmp_path / 'invoices'}: files changed while they were read; run again"
    assert source.problems_now() == [told]
    source = sources.make(connection, tmp_path)["invoices"]
    write_invoices(tmp_path, "I3,A,2026-01-02,5,recurring", file="late.csv")
    assert source.problems_now() == [told]
    assert sources.make(connection, tmp_path)["invoices"].problems_now() == []
    assert rows(connection) == [("I1",), ("I2",), ("I3",)]


@pytest.mark.parametrize("name", ["it's.csv", "a[1]*.csv", "größe; --.csv", "x=1.csv"])
def test_any_name_of_a_file_or_folder_is_read_as_it_is(
    name: str, connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    raw = tmp_path / "it's [raw] day=1"
    write_invoices(raw, "I1,A,2026-01-02,5,recurring", file=name)
    for _ in range(2):
        assert sources.make(connection, raw)["invoices"].problems == []
        assert rows(connection) == [("I1",)]
