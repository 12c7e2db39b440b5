"""What landing makes of a file, without a build."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import place
import pytest
from customer_health.errors import UserError
from customer_health.inputs.raw_files import Contract
from customer_health.refresh import landing, privacy
from customer_health.settings import Settings
from project import write_csv

KEY = privacy.Key(place.KEY.encode())
NOW = datetime(2026, 3, 1, 2, 15, tzinfo=UTC)


@pytest.fixture
def places(tmp_path: Path) -> Settings:
    names = ("raw", "inbox", "work/file.duckdb", "published")
    return Settings(*(tmp_path / name for name in names))


def land(places: Settings, now: datetime = NOW, key: privacy.Key | None = KEY) -> dict[str, str]:
    """{file: state} of a landing."""
    return {one.file: one.state for one in landing.land(places, key, now, dry_run=False)}


def rows(places: Settings, name: str, columns: str) -> list[tuple[object, ...]]:
    files = [str(path) for path in landing.landed_files(places.raw, name)]
    return duckdb.sql(
        f"select {columns} from read_parquet({files}, union_by_name = true)"
        " order by _batch_id, _source_row"
    ).fetchall()


def test_every_row_is_there_as_it_came(places: Settings) -> None:
    lines = ["account_id,created_at,note", '0071,2026-01-01,"a, ""b"""', "a2,,", "a3,01/02/2026,x"]
    write_csv(places.inbox, "accounts", lines)

    assert land(places) == {"accounts.csv": "landed"}
    assert rows(places, "accounts", "account_id, created_at, note, _source_row") == [
        ("0071", "2026-01-01", 'a, "b"', 1),
        ("a2", None, None, 2),
        ("a3", "01/02/2026", "x", 3),
    ]


def test_json_lines_are_text_under_lower_case_names(places: Settings) -> None:
    folder = places.inbox / "accounts"
    folder.mkdir(parents=True)
    lines = [
        {"Account_ID": "0071", "created_at": "2026-01-01", "seats": 12, "tags": ["a"]},
        {"Account_ID": "a2", "created_at": None},
    ]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    assert land(places) == {"a.jsonl": "landed"}
    assert rows(places, "accounts", "account_id, created_at, seats, tags") == [
        ("0071", "2026-01-01", "12", '["a"]'),
        ("a2", None, None, None),
    ]


def test_a_user_id_is_hidden_wherever_it_stands(places: Settings) -> None:
    header = "invoice_id,account_id,issued_at,amount,kind,user_id"
    line = "i{},a1,2026-01-01,5,recurring,{}"
    users = ("ana@example.com", " ana@example.com ", "", "n/a", "bob")
    write_csv(places.inbox, "invoices", [header, *(line.format(n, u) for n, u in enumerate(users))])

    assert land(places) == {"invoices.csv": "landed"}
    ana, again, blank, unknown, bob = (user for (user,) in rows(places, "invoices", "user_id"))
    assert ana == again == KEY.pseudonym("ana@example.com")
    assert bob == KEY.pseudonym("bob") != ana
    assert (blank, unknown) == (None, "n/a")
    assert not [p for p in places.raw.rglob("*") if p.is_file() and b"ana@" in p.read_bytes()]


def test_what_the_source_calls_like_ours_keeps_another_name(places: Settings) -> None:
    lines = ["account_id,created_at,_loaded_at,_source_row", "a1,2026-01-01,2026-01-02,77"]
    write_csv(places.inbox, "accounts", lines)

    assert land(places) == {"accounts.csv": "landed"}
    names = "_source_loaded_at, _loaded_at, _source_source_row, _source_row"
    assert rows(places, "accounts", names) == [("2026-01-02", datetime(2026, 3, 1, 2, 15), "77", 1)]


def test_what_comes_later_is_newer_though_the_clock_was_set_back(places: Settings) -> None:
    header = "account_id,created_at"
    write_csv(places.inbox, "accounts", [header, "a1,2026-01-01"], "one.csv")
    land(places)
    write_csv(places.inbox, "accounts", [header, "a1,2026-01-02"], "two.csv")
    land(places, NOW.replace(year=2025))
    first, second = (moment for (moment,) in rows(places, "accounts", "_loaded_at"))

    assert first < second


def test_the_same_content_lands_once_whatever_its_name(places: Settings) -> None:
    lines = ["account_id,created_at", "a1,2026-01-01"]
    for name in ("one.csv", "two.csv"):
        write_csv(places.inbox, "accounts", lines, name)

    assert land(places) == {"one.csv": "landed", "two.csv": "seen before"}
    assert land(places) == {"one.csv": "seen before", "two.csv": "seen before"}


def test_an_erased_account_stays_away_also_as_a_parent(places: Settings) -> None:
    memory = privacy.Memory(places.raw)
    memory.note_key(KEY)
    memory.add_tombstones("account", [KEY.tombstone("account", "a1")])
    header = "account_id,created_at,parent_account_id"
    write_csv(places.inbox, "accounts", [header, "a1,2026-01-01,", "a2,2026-01-01, a1 "])
    (landed,) = landing.land(places, KEY, NOW, dry_run=False)

    assert (landed.rows, landed.erased) == (2, 1)
    assert rows(places, "accounts", "account_id, parent_account_id") == [("a2", None)]
    assert landing.erased_rows(places) == {"accounts": 1}
    with pytest.raises(UserError, match="HEALTH_PSEUDONYM_KEY is not set"):
        write_csv(places.inbox, "accounts", [header, "a3,2026-01-01,"], "more.csv")
        landing.land(places, None, NOW, dry_run=False)


@pytest.mark.parametrize("text", ["a2,2026-01-02\n", "a2"])
def test_a_file_that_is_still_written_is_left_for_the_next_run(
    places: Settings, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = write_csv(places.inbox, "accounts", ["account_id,created_at", "a1,2026-01-01"])
    look = landing.look_at

    def while_it_grows(file: Path, contract: Contract, sha: str) -> landing.Arrival:
        with path.open("a", encoding="utf-8") as handle:
            handle.write(text)
        return look(file, contract, sha)

    monkeypatch.setattr(landing, "look_at", while_it_grows)
    assert land(places) == {"accounts.csv": "still being written"}
    assert not list(places.raw.rglob("*.parquet"))
    monkeypatch.undo()
    # Whoever wrote half a line a moment ago may still be at it.
    os.utime(path, (path.stat().st_mtime - 61,) * 2)
    assert list(land(places).values()) == ["landed" if text.endswith("\n") else "set aside"]


def test_a_landed_file_of_which_rows_cannot_be_read_is_found(places: Settings) -> None:
    rows = [f"a{n},2026-01-01" for n in range(5000)]
    write_csv(places.inbox, "accounts", ["account_id,created_at", *rows])
    land(places)
    (path,) = landing.landed_files(places.raw, "accounts")
    assert landing.damaged_files(places) == []
    data = path.read_bytes()
    path.write_bytes(data[:200] + b"\0" * 2000 + data[2200:])

    assert landing.damaged_files(places) == [path]


def test_a_landed_file_that_is_damaged_is_named(places: Settings) -> None:
    write_csv(places.inbox, "accounts", ["account_id,created_at", "a1,2026-01-01"])
    land(places)
    (path,) = landing.landed_files(places.raw, "accounts")
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(UserError, match="is damaged"):
        land(places)
