"""Who is erased is found before, and nowhere after: in no byte and no decoded column."""

import gzip
import json
from pathlib import Path

import duckdb
import pytest
from customer_health.refresh.privacy import Key
from place import ACCEPT_ALL, KEY, Place
from project import write_csv

ACCOUNT, USER = "acct-of-the-erased", "erased.person@example.com"
PSEUDONYM = Key(KEY.encode()).pseudonym(USER)


def fill(place: Place) -> None:
    """An account to be erased, and one of its users, in every input that can hold them; another
    account that belongs to it, and rows of both that are rejected."""
    accounts = (ACCOUNT, "acct-that-stays")
    lines = {
        "accounts": ["account_id,created_at,account_name,parent_account_id"]
        + [f"{a},2026-01-01,Name of {a},{ACCOUNT if a != ACCOUNT else ''}" for a in accounts],
        "subscriptions": ["subscription_id,account_id,started_at,seats,mrr"]
        + [f"sub of {a},{a},2026-01-01,3,100" for a in accounts],
        "usage_events": ["event_id,account_id,user_id,event_at,feature"]
        + [
            f"{a}/{day},{a},{USER if day % 3 else 'other@example.com'},2026-02-{day:02},login"
            for a in accounts
            for day in range(1, 28)
        ]
        + [f"{ACCOUNT}/bad,{ACCOUNT},{USER},no day,login"],
        "survey_responses": ["response_id,account_id,user_id,responded_at,survey_type,score"]
        + [f"{a}/nps,{a},{USER},2026-02-03,nps,3" for a in accounts]
        + [f"{ACCOUNT}/bad,{ACCOUNT},{USER},2026-02-03,nps,33"],
        "support_tickets": ["ticket_id,account_id,opened_at,priority"]
        + [f"{a}/1,{a},2026-01-05,urgent" for a in accounts],
        "csm_assessments": ["assessment_id,account_id,assessed_at,sentiment,note"]
        + [f"{a}/1,{a},2026-02-05,2,{a} and {USER} are not happy" for a in (ACCOUNT,)],
        "invoices": ["invoice_id,account_id,issued_at,amount,kind"]
        + [f"{a}/1,{a},2026-01-05,100,recurring" for a in accounts],
    }
    for name, rows in lines.items():
        write_csv(place.inbox, name, rows)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Published twice, so that there are versions, a log and artifacts; one file set aside."""
    place = Place(tmp_path_factory.mktemp("erase"))
    fill(place)
    done = place.refresh(*ACCEPT_ALL)
    assert done.code == 0, done.err
    later = [f"later/{n},{ACCOUNT},{USER},2026-02-28,login" for n in range(3)]
    header = "event_id,account_id,user_id,event_at,feature"
    # Its name stands in the report of the run, and with every row that was landed.
    write_csv(place.inbox, "usage_events", [header, *later], f"{ACCOUNT}.csv")
    done = place.run("refresh.py", "--run-date", "2026-03-01", *ACCEPT_ALL)
    assert done.code == 0, done.err
    return place


def files_with(place: Place, text: str) -> set[str]:
    """The files that hold a text: in their bytes, or in a row of a table of theirs."""
    found = set()
    for path in place.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if text.encode() in data or any(text in row for row in rows_of(path, data)):
                found.add(str(path.relative_to(place.folder)))
    return found


def rows_of(path: Path, data: bytes) -> list[str]:
    """Every row of a Parquet or DuckDB file, as text."""
    if data[:4] == b"PAR1":
        rows = duckdb.sql(f"select cast(t as varchar) from read_parquet('{path}') as t").fetchall()
        return [text for (text,) in rows]
    if data[8:12] != b"DUCK":
        return []
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
        ).fetchall()
        return [
            text
            for (name,) in names
            for (text,) in connection.execute(
                f"select cast(t as varchar) from {name} as t"
            ).fetchall()
        ]


def below(files: set[str]) -> set[str]:
    """The places that files belong to."""
    return {name.split("/")[0] for name in files}


@pytest.mark.parametrize(
    "kind, texts, places",
    [
        ("account", (ACCOUNT,), {"inbox", "raw", "work", "published"}),
        ("user", (USER, PSEUDONYM), {"inbox", "raw", "work"}),
    ],
)
def test_who_is_erased_is_found_before_and_not_after(
    published: Place, tmp_path: Path, kind: str, texts: tuple[str, ...], places: set[str]
) -> None:
    place = published.copy(tmp_path / "place")
    before = set().union(*(files_with(place, text) for text in texts))
    assert below(before) == places
    if kind == "account":
        assert any(name.endswith("/report.json") for name in before)

    sources = {path: path.read_bytes() for path in place.inbox.rglob("*.csv")}
    done = place.run("erase.py", f"--{kind}", texts[0], "--json")
    receipt = json.loads(done.out)

    assert done.code == 0, done.err + done.out
    assert receipt["left"] == []
    assert not [text for text in texts if text in done.out + done.err]
    assert set().union(*(files_with(place, text) for text in texts)) == set()

    # The sender sends everything again, under other names and with one row more.
    for number, (path, data) in enumerate(sources.items()):
        path.with_name(f"again_{number}.csv").write_bytes(data + data.splitlines()[-1] + b"\n")
    again = place.run("refresh.py", "--run-date", "2026-03-01", *ACCEPT_ALL)
    assert again.code == 0, again.err
    assert "of erased accounts or users left out" in again.err
    kept = set().union(*(files_with(place, text) for text in texts))
    assert {name for name in kept if not name.startswith("inbox/again_")} == {
        name for name in kept if name.startswith("inbox/")
    }
    assert place.accounts().erased > 0
    assert place.accounts().lost == 0
    erased = place.rows("select erased_rows from marts.mart_status order by run_id desc limit 1")
    assert erased == [(place.accounts().erased,)]
    if kind == "account":
        assert place.rows("select account_id from marts.customer_health") == [("acct-that-stays",)]
    else:
        assert len(place.rows("from marts.customer_health")) == 2


def test_a_user_id_is_nowhere_but_in_the_inbox_and_its_pseudonym_never_published(
    published: Place,
) -> None:
    assert below(files_with(published, USER)) == {"inbox", "raw"}
    assert below(files_with(published, PSEUDONYM)) == {"raw", "work"}
    assert {name.split("/")[1] for name in files_with(published, USER) if name[:3] == "raw"} == {
        "csm_assessments"
    }


def test_a_user_of_one_account_is_erased_there_only(published: Place, tmp_path: Path) -> None:
    """Ids of users are unique within the account; u1 of another one is somebody else."""
    place = published.copy(tmp_path / "place")
    header = "response_id,account_id,user_id,responded_at,survey_type,score"
    rows = [f"{a}/u1,{a},u1,2026-02-03,nps,3" for a in (ACCOUNT, "acct-that-stays")]
    path = write_csv(place.inbox, "survey_responses", [header, *rows], "short.csv")
    assert place.run("refresh.py", "--run-date", "2026-03-01").code == 0
    done = place.run("erase.py", "--account", ACCOUNT, "--user", "u1", "--json")
    receipt = json.loads(done.out)

    assert (done.code, receipt["rows"]) == (0, {"raw": 1}), done.err
    assert not path.exists()
    write_csv(place.inbox, "survey_responses", [header, *rows, rows[0]], "short_again.csv")
    assert place.run("refresh.py", "--run-date", "2026-03-01").code == 0
    who = "select distinct account_id from read_parquet(?, union_by_name = true) where user_id = ?"
    files = [str(p) for p in (place.raw / "survey_responses").iterdir()]
    pseudonym = Key(KEY.encode()).pseudonym("u1")
    assert duckdb.execute(who, [files, pseudonym]).fetchall() == [("acct-that-stays",)]


def test_who_is_not_there_is_said_and_not_remembered(published: Place, tmp_path: Path) -> None:
    place = published.copy(tmp_path / "place")
    before = (place.raw / ".erased.json").read_text()
    kept = [place.warehouse, *place.published.glob("runs/*/report.json")]
    contents = [path.read_bytes() for path in kept]
    done = place.run("erase.py", "--account", f"{ACCOUNT}-and-more")

    assert done.code == 2
    assert "No record names that account" in done.err
    now = (place.raw / ".erased.json").read_text()
    assert json.loads(now)["accounts"] == json.loads(before)["accounts"]
    assert not list((place.published / "receipts").glob("*"))
    # A mistyped id costs nothing.
    assert len(kept) > 2
    assert [path.read_bytes() for path in kept] == contents


def test_what_cannot_be_looked_into_is_named(published: Place, tmp_path: Path) -> None:
    place = published.copy(tmp_path / "place")
    packed = place.inbox / "usage_events" / "old.csv.gz"
    packed.write_bytes(gzip.compress(ACCOUNT.encode()))
    done = place.run("erase.py", "--account", ACCOUNT, "--json")

    assert done.code == 1
    assert json.loads(done.out)["left"] == [f"{packed} (packed: unpack it to see)"]


def test_a_short_id_is_erased_as_a_cell_and_left_in_sentences(
    published: Place, tmp_path: Path
) -> None:
    """It stands in other words and in bytes by chance."""
    place = published.copy(tmp_path / "place")
    header = "account_id,created_at,account_name"
    path = write_csv(place.inbox, "accounts", [header, "a1,2026-01-01,Not a1"], "short.csv")
    assert place.refresh().code == 0
    done = place.run("erase.py", "--account", "a1", "--json")

    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"]["raw"] == 1
    assert not path.exists()
    left = duckdb.sql(f"from '{place.raw}/accounts/*.parquet' select account_id").fetchall()
    assert sorted(left) == [(ACCOUNT,), ("acct-that-stays",)]
