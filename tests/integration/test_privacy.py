"""Ids in every shape, keys that can be guessed, columns that nobody asked for, and what is known of
one person; without a build."""

import base64
import json
import os
import random
import secrets
import stat
import string
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from customer_health.errors import UserError
from customer_health.refresh import (
    batches,
    erasing,
    exporting,
    landing,
    personal,
    privacy,
    publishing,
)
from customer_health.refresh.privacy import Key, weakness
from customer_health.settings import Settings
from place import KEY, OTHER_KEY, Place
from project import ROOT, write_csv
from versions import RUNS, make_current, new_places, write_version

SECRET = Key(KEY.encode())
ANA = "ana@example.com"
NOW = datetime(2026, 3, 1, 2, 15, tzinfo=UTC)
EVENTS = "event_id,account_id,user_id,event_at,feature"


@pytest.fixture
def places(tmp_path: Path) -> Settings:
    return new_places(tmp_path)


def land(places: Settings, key: Key | None = SECRET) -> list[landing.Landed]:
    return landing.land(places, key, NOW, dry_run=False)


def cells(places: Settings, name: str, columns: str = "*") -> list[tuple[object, ...]]:
    files = [str(path) for path in landing.landed_files(places.raw, name)]
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {columns} from read_parquet({files}, union_by_name = true)"
            " order by _batch_id, _source_row"
        ).fetchall()


def erase(places: Settings, user: str | None = None, account: str | None = None) -> erasing.Receipt:
    """As erase.py does it, without its lock and its receipt."""
    erased = erasing.whom(account, user, SECRET, places)
    privacy.Memory(places.raw).add_tombstones(erased.kind, erased.tombstones, erased.length)
    return erasing.erase(places, places.raw.parent / "project", erased, lambda _: None)


# ------------------------------------------------------------------------------------ shapes

# (text, what is left of it where ana@example.com is erased)
SHAPES = [
    ("ana@example.com", "(erased)"),
    ("ANA@Example.COM", "(erased)"),
    ("evt-ana@example.com-17", "evt-(erased)-17"),
    ("evt_ana@example.com_17", "evt_(erased)_17"),
    ("from:Ana@example.com, bob", "from:(erased), bob"),
    ("/u/ana%40example.com/edit", "/u/(erased)/edit"),
    ("q=user%3Aana%40example%2Ecom%20x", "q=user%3A(erased)%20x"),
    ("ana@example.com ana@example.com", "(erased) (erased)"),
    ("ana-example-com.csv", "(erased).csv"),
    ("ana_at_example.com", "(erased)"),
    ("ana (at) example.com", "ana (at) example.com"),
    ("ana(at)example.com", "(erased)"),
    ("ana [at] example.com", "(erased)"),
    ("susana@example.com", "susana@example.com"),
    ("ana@example.community", "ana@example.community"),
    ("ana@example.com2", "ana@example.com2"),
    ("ana", "ana"),
]


@pytest.mark.parametrize("text, left", SHAPES)
def test_an_id_is_found_in_every_shape_and_in_no_longer_word(text: str, left: str) -> None:
    erased = erasing.whom(None, ANA, SECRET)
    with duckdb.connect() as connection:
        ((cleaned, named),) = connection.execute(
            f"select {erased.cleaned('t')}, {erased.is_named_in('t')} from (select ? as t)", [text]
        ).fetchall()

    assert cleaned == left
    assert erased.without(text) == left
    assert named == (left != text)
    assert erased.is_in_bytes(f"x {text} y".encode()) == (left != text)


@pytest.mark.parametrize(
    "account, text, left",
    [
        ("acct_0017", "ACCT_0017-export", "(erased)-export"),
        ("acct_0017", "acct_00171", "acct_00171"),
        ("acct_0017", "acct-0017", "acct-0017"),
        ("acct_0017", "x_acct%5f0017_y", "x_(erased)_y"),
        ("Müller-7", "müller-7.pdf", "(erased).pdf"),
        ("Müller-7", "m%C3%BCller-7", "(erased)"),
        ("banana", "a banana, bananas", "a (erased), bananas"),
        ("a1", "a1", "a1"),
    ],
)
def test_ids_of_accounts_have_their_shapes_too(account: str, text: str, left: str) -> None:
    erased = erasing.whom(account, None, SECRET)
    with duckdb.connect() as connection:
        ((cleaned,),) = connection.execute(
            f"select {erased.cleaned('t')} from (select ? as t)", [text]
        ).fetchall()

    assert cleaned == left
    assert erased.without(text) == left


def test_an_id_is_found_in_text_across_the_parts_that_are_read(tmp_path: Path) -> None:
    erased = erasing.whom(None, ANA, SECRET)
    path = tmp_path / "text"
    for start in range(erasing.PART - 20, erasing.PART + 2):
        path.write_bytes(b"." * start + ANA.encode() + b".")
        assert erased.is_in_file(path)
    for start in range(erasing.PART - 20, erasing.PART + 2):
        path.write_bytes(b"x" * start + ANA.encode() + b".")
        assert not erased.is_in_file(path)


def fill(places: Settings) -> None:
    """Rows of a person in two spellings, and of others whose cells name the person."""
    rows = [
        f"e1,a1,{ANA},2026-02-01,login",
        "e2,a1,Ana@Example.com,2026-02-02,login",
        f"evt-{ANA}-3,a1,bob@example.com,2026-02-03,/u/ana%40example.com/edit",
        "e4,a2,susana@example.com,2026-02-04,login",
    ]
    write_csv(places.inbox, "usage_events", [EVENTS, *rows])
    write_csv(
        places.inbox,
        "accounts",
        ["account_id,created_at,account_name,tags", f"a1,2026-01-01,One,seen by {ANA}", "a2,,,x"],
    )


def test_rows_go_and_texts_of_others_lose_the_id(places: Settings) -> None:
    fill(places)
    land(places)
    # As a system that writes capitals sends it.
    rows = ["e5,a1,ANA@EXAMPLE.COM,2026-02-05,login", "e6,a1,bob@example.com,2026-02-06,login"]
    write_csv(places.inbox, "usage_events", [EVENTS, *rows], "more.csv")
    land(places)
    for path in places.inbox.rglob("*.csv"):
        path.unlink()
    receipt = erase(places, ANA)

    assert receipt.left == []
    events = cells(places, "usage_events", "event_id, feature")
    assert events == [
        ("evt-(erased)-3", "/u/(erased)/edit"),
        ("e4", "login"),
        ("e6", "login"),
    ]
    assert cells(places, "accounts", "tags") == [("seen by (erased)",), ("x",)]


def test_a_spelling_that_only_the_inbox_knows_has_its_rows_erased(places: Settings) -> None:
    rows = ["e1,a1,aNa@eXample.com,2026-02-01,login", "e2,a1,bob@example.com,2026-02-02,login"]
    write_csv(places.inbox, "usage_events", [EVENTS, *rows])
    land(places)
    receipt = erase(places, ANA)

    assert receipt.left == []
    assert cells(places, "usage_events", "event_id") == [("e2",)]


def test_who_is_erased_stays_away_in_every_shape(places: Settings) -> None:
    write_csv(places.inbox, "usage_events", [EVENTS, f"e0,a1,{ANA},2026-02-01,login"])
    land(places)
    assert erase(places, ANA).left == []
    fill(places)
    rows = ["e7,a1,ana%40example.com,2026-02-07,login", "e8,a1,bob@example.com,2026-02-08,x"]
    write_csv(places.inbox, "usage_events", [EVENTS, *rows], f"export {ANA}.csv")
    landed = {one.file: one.erased for one in land(places)}

    assert landed["usage_events.csv"] == 2
    assert landed[f"export {ANA}.csv"] == 1
    events = cells(places, "usage_events", "event_id, feature, _source_file")
    assert events == [
        ("evt-(erased)-3", "/u/(erased)/edit", "usage_events.csv"),
        ("e4", "login", "usage_events.csv"),
        ("e8", "x", "(erased)"),
    ]
    assert cells(places, "accounts", "tags") == [("seen by (erased)",), ("x",)]
    held = [p for p in places.raw.rglob("*") if p.is_file() and b"ana@" in p.read_bytes().lower()]
    assert held == []


def test_a_tombstone_of_an_older_version_of_the_project_still_holds(places: Settings) -> None:
    memory = privacy.Memory(places.raw)
    memory.note_key(SECRET)
    old = {
        "key": SECRET.check_value,
        "accounts": [SECRET.tombstone("account", "acct-1")],
        "users": [SECRET.tombstone("user", ANA), SECRET.tombstone("user", "a1\0u1")],
    }
    memory.path.write_text(json.dumps(old))
    rows = [
        f"e1,a1,{ANA},2026-02-01,login",
        "e2,a1,u1,2026-02-02,login",
        "e3,a2,u1,2026-02-03,login",
        f"e4,acct-1,bob,2026-02-04,for {ANA}",
        f"e5,a2,bob,2026-02-05,for {ANA}",
    ]
    write_csv(places.inbox, "usage_events", [EVENTS, *rows])
    (landed,) = land(places)

    assert landed.erased == 3
    assert cells(places, "usage_events", "event_id, feature") == [
        ("e3", "login"),
        ("e5", "for (erased)"),
    ]


def test_an_ordinary_word_is_taken_from_sentences_and_not_from_plans(places: Settings) -> None:
    header = "subscription_id,account_id,started_at,plan,remark"
    rows = ["s1,a1,2026-01-01,enterprise,met Enterprise", "s2,Enterprise,2026-01-01,basic,"]
    write_csv(places.inbox, "subscriptions", [header, *rows])
    land(places)
    receipt = erase(places, account="enterprise")

    assert receipt.left == []
    columns = "subscription_id, plan, remark"
    assert cells(places, "subscriptions", columns) == [("s1", "enterprise", "met (erased)")]
    write_csv(places.inbox, "subscriptions", [header, *rows, "s3,a3,2026-01-01,,"], "again.csv")
    land(places)
    assert cells(places, "subscriptions", columns)[1:] == [
        ("s1", "enterprise", "met (erased)"),
        ("s3", None, None),
    ]


def test_a_short_id_goes_as_a_whole_cell_in_whatever_capitals(places: Settings) -> None:
    header = f"{EVENTS},actor"
    rows = ["e1,a1,U1,2026-02-01,login,u1", "e2,a1,u2,2026-02-02,u1-page,U1", "e3,a1,u3,,u1,see u1"]
    write_csv(places.inbox, "usage_events", [header, *rows])
    land(places)
    erase(places, "u1")

    assert cells(places, "usage_events", "event_id, feature, actor") == [
        ("e2", "u1-page", None),
        ("e3", "u1", "see u1"),
    ]


def test_a_user_of_one_account_is_taken_from_texts_of_that_account_only(places: Settings) -> None:
    header = "assessment_id,account_id,assessed_at,sentiment,note,user_id"
    rows = [f"c{n},a{n},2026-02-01,3,about {ANA}," for n in (1, 2)]
    write_csv(places.inbox, "csm_assessments", [header, *rows])
    land(places)
    for path in places.inbox.rglob("*.csv"):
        path.unlink()
    erase(places, ANA, "A1")

    assert cells(places, "csm_assessments", "note") == [("about (erased)",), (f"about {ANA}",)]


def test_everything_below_the_raw_folder_is_looked_into(places: Settings) -> None:
    fill(places)
    land(places)
    for path in places.inbox.rglob("*.csv"):
        path.unlink()
    store = batches.read(places)
    store.withdraw(store.to_withdraw("usage_events.csv")[1], datetime.now(UTC), "")
    ((_, aside),) = batches.withdrawn_files(places)
    hand = write_csv(places.raw, "invoices", ["Invoice_ID,user_id,memo", f"i1,{ANA},x", "i2,,y"])
    lines = [{"Account_ID": "a1", "who": f"x/{ANA}/y"}, {"Account_ID": "a2", "user_id": ANA}]
    text = hand.with_name("lines.jsonl")
    text.write_text("\n".join(map(json.dumps, lines)))
    other = places.raw / "notes" / "list.txt"
    other.parent.mkdir()
    other.write_text(f"call {ANA}")
    receipt = erase(places, ANA)

    assert receipt.left == [str(other)]
    assert "ana@" not in hand.read_text() + text.read_text()
    assert json.loads(text.read_text())["who"] == "x/(erased)/y"
    with duckdb.connect() as connection:
        kept = connection.execute("select event_id from read_parquet(?)", [str(aside)]).fetchall()
    assert kept == [("evt-(erased)-3",), ("e4",)]


def test_names_of_files_are_looked_at_and_the_receipt_does_not_hold_them(places: Settings) -> None:
    write_csv(places.inbox, "usage_events", [EVENTS, f"e1,a1,{ANA},2026-02-01,login"])
    land(places)
    named = [
        places.inbox / "usage_events" / "set_aside" / "0123abcd-ana_example.com.csv",
        places.raw / "ana%40example.com" / "x.bin",
        places.publish / "notes" / "ANA@EXAMPLE.COM.txt",
    ]
    for path in named:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("nothing")
    reason = named[0].with_name("0123abcd-x.csv.reason.txt")
    reason.write_text(f"x.csv: {ANA} is no number")
    receipt = erase(places, ANA)

    assert {text.removesuffix(" (its name)") for text in receipt.named} == set(map(str, named))
    assert not [text for text in receipt.left if "ana" in text.split("set_aside")[-1].lower()]
    assert reason.read_text() == "x.csv: (erased) is no number"


def test_published_memory_hidden_files_and_notes_are_cleaned(places: Settings) -> None:
    write_csv(places.raw, "accounts", ["account_id,created_at", "acct-0017,2026-01-01", "a2,"])
    folder = places.versions / RUNS[0]
    run = write_version(places, RUNS[0], ("acct-0017", "a2"))
    with duckdb.connect() as connection:
        publishing.copy_rows(
            connection,
            "select * from (values ('acct-0017', 'x'), ('a2', 'like Acct-0017')) t(account_id, k)",
            folder / publishing.MEMORY_FILE,
        )
    publishing.write_manifest(folder, run, {})
    make_current(places, run)
    publishing.write_pin(places, publishing.Pin(run, "now", "me", "ACCT-0017 is wrong"))
    receipt = erase(places, account="acct-0017")

    assert receipt.left == []
    assert publishing.damaged_files(folder) == []
    assert publishing.times_shown(folder) == 1
    held = [p for p in places.publish.rglob("*") if p.is_file()
            and b"acct-0017" in p.read_bytes().lower()]  # fmt: skip
    assert held == []
    with duckdb.connect() as connection:
        memory = connection.execute(f"from '{folder / publishing.MEMORY_FILE}'").fetchall()
    assert memory == [("a2", "like (erased)")]


def test_what_was_damaged_is_named_and_stays_known_as_damaged(places: Settings) -> None:
    write_csv(places.raw, "accounts", ["account_id,created_at", "acct-0017,2026-01-01", "a2,"])
    make_current(places, write_version(places, RUNS[0], ("acct-0017", "a2")))
    path = places.versions / RUNS[0] / "marts" / "fct_published_scores.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    receipt = erase(places, account="acct-0017")

    assert [text for text in receipt.left if text.startswith(str(path))] == [
        f"{path} (damaged, so nobody knows what it holds)"
    ]
    assert publishing.damaged_files(path.parents[1]) == ["marts/fct_published_scores.parquet"]
    assert [row for (row,) in rows_of(path.parents[1] / "customer_health.duckdb")] == ["a2"]


def rows_of(path: Path) -> list[tuple[str]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "select distinct account_id from marts.fct_published_scores"
        ).fetchall()


# --------------------------------------------------------------------- who was erased is known


def erased_once(tmp_path: Path) -> tuple[Place, Settings]:
    place, places = Place(tmp_path), new_places(tmp_path)
    fill(places)
    land(places)
    done = place.run("erase.py", "--user", ANA)
    assert done.code == 0, done.out + done.err
    return place, places


@pytest.mark.parametrize("what", ["gone", "older", "unreadable", "no receipts", "only pseudonyms"])
def test_a_memory_that_is_lost_stops_and_can_be_rebuilt(tmp_path: Path, what: str) -> None:
    place, places = erased_once(tmp_path)
    memory = places.raw / ".erased.json"
    before = json.loads(memory.read_text())
    erasing.check_memory(places)
    if what == "older":
        memory.write_text(json.dumps(before | {"users": []}))
    elif what == "unreadable":
        memory.write_text("[]")
    else:
        memory.unlink()
    if what.startswith(("no", "only")):
        for path in places.publish.glob("receipts/*"):
            path.unlink()
    if what == "only pseudonyms":
        for path in [*places.raw.rglob("*.parquet"), places.raw / ".batches.json"]:
            path.unlink()
        rows = ["e1,a1,bob@example.com,2026-02-01,login"]
        write_csv(places.inbox, "usage_events", [EVENTS, *rows], "bob.csv")
        land(places)
        memory.unlink()
    with pytest.raises(UserError) as stop:
        erasing.check_memory(places)
    assert stop.value.code == 2
    assert "--rebuild" in stop.value.next_step
    refused = place.run("erase.py", "--user", "bob@example.com")
    assert refused.code == 2, refused.err

    if what == "unreadable":
        memory.unlink()
    rebuilt = place.run("erase.py", "--rebuild")
    assert rebuilt.code == 0, rebuilt.err
    erasing.check_memory(places)
    now = json.loads(memory.read_text())
    assert now["key"] == before["key"]
    if not what.startswith(("no", "only")):
        assert now["users"] == before["users"]
        again = write_csv(places.inbox, "usage_events", [EVENTS, f"e9,a1,{ANA},2026-02-09,x"])
        land(places)
        assert not [row for row in cells(places, "usage_events", "event_id") if row == ("e9",)]
        assert again.exists()


def test_before_anybody_is_landed_there_is_nothing_to_remember(places: Settings) -> None:
    erasing.check_memory(places)
    write_csv(places.inbox, "accounts", ["account_id,created_at", "a1,2026-01-01"])
    land(places)
    erasing.check_memory(places)


# ------------------------------------------------------------------------------------- columns


def test_columns_that_look_personal_are_not_kept_and_told_once(
    places: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(personal.read_allowed, "__defaults__", (tmp_path / "kept.csv",))
    header = "account_id,created_at,account_name,userId,Customer_Email,contact phone,IP,seen,tier_2"
    row = "a1,2026-01-01,One,{0},{0},123,10.0.0.1,{0},7"
    write_csv(places.inbox, "accounts", [header, row.format(ANA)])
    (landed,) = land(places)

    assert landed.left_out == ["userid", "customer_email", "contact phone", "ip", "seen"]
    assert landed.new_columns == ["tier_2"]
    assert cells(places, "accounts", "account_name, tier_2") == [("One", "7")]
    files = [p for p in places.raw.rglob("*") if p.is_file()]
    assert not [p for p in files if ANA.encode() in p.read_bytes()]
    (batch,) = [batch for _, batch in landing.batches(places)]
    assert set(batch.columns) == {"account_id", "created_at", "account_name", "tier_2"}

    write_csv(places.inbox, "accounts", [header, row.format("bob@example.com")], "later.csv")
    (again,) = [one for one in land(places) if one.state == "landed"]
    assert (again.left_out, again.lacking_columns, again.new_columns) == ([], [], [])


def test_a_column_that_was_kept_before_is_not_called_gone(places: Settings) -> None:
    write_csv(places.inbox, "accounts", ["account_id,created_at,city", "a1,2026-01-01,x"])
    land(places)
    with_mail = ["account_id,created_at,city", f"a2,2026-01-01,{ANA}"]
    write_csv(places.inbox, "accounts", with_mail, "later.csv")
    (landed,) = [one for one in land(places) if one.state == "landed"]

    assert (landed.left_out, landed.lacking_columns) == (["city"], [])


def test_a_list_allows_columns(
    places: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_text("input,column,why\naccounts,Plan_Name,It is a plan\n")
    monkeypatch.setattr(personal.read_allowed, "__defaults__", (kept,))
    write_csv(
        places.inbox, "accounts", ["account_id,created_at,plan_name,nick_name", "a1,,gold,Al"]
    )
    (landed,) = land(places)

    assert landed.left_out == ["nick_name"]
    assert cells(places, "accounts", "plan_name") == [("gold",)]


@pytest.mark.parametrize(
    "row, words",
    [
        ("acounts,city,why", "row 3: no input acounts; is it accounts?"),
        ("accounts,city", "row 3: 2 cells instead of 3"),
        ("accounts,city,", "row 3: column and why must not be empty"),
        ("accounts,User-ID,why", "row 3: user-id is the user id; have it called user_id"),
        ("accounts,owner,why", "row 3: owner is of the contract"),
        ("accounts,Nick,why", "row 3: nick is listed twice"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, row: str, words: str) -> None:
    path = tmp_path / "landing" / "kept_columns.csv"
    path.parent.mkdir(parents=True)
    path.write_text(f"input,column,why\naccounts,nick,It is one\n{row}\n")
    with pytest.raises(UserError) as stop:
        personal.read_allowed(path)

    assert stop.value.code == 2
    assert f"landing/kept_columns.csv, {words}" in stop.value.what


def test_the_shipped_list_can_be_read() -> None:
    assert personal.read_allowed() == frozenset()


@pytest.mark.parametrize(
    "name, is_personal",
    [
        ("email", True), ("e-mail", True), ("MailingCity", True), ("first name", True),
        ("phone_2", True), ("client_ip", True), ("user", True), ("userid", True),
        ("billing_address", True), ("zip", False), ("ship_date", False), ("tags", False),
        ("nps_comment", False), ("account_tier", False), ("users_online", False),
    ],
)  # fmt: skip
def test_names_that_look_personal(name: str, is_personal: bool) -> None:
    assert personal.looks_personal(name) == is_personal


# ---------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "text, words",
    [
        ("short", "is shorter than 32 random bytes"),
        ("a key for the tests, which nobody keeps", "is shorter than 32 random bytes"),
        (KEY[:62], "is shorter than 32 random bytes"),
        ("a" * 64, "repeats itself"),
        ("0123456789abcdef" * 4, "repeats itself"),
        ("deadbeef" * 8, "repeats itself"),
        ("".join(f"{n:02x}" for n in range(32)), "repeats itself"),
        (string.ascii_letters + string.digits, "repeats itself"),
        ("password123!" * 5, "repeats itself"),
        ("every winter we travel north, because nobody else dares: 1 Peter", "looks like words"),
        ("EveryWinterWeTravelNorthBecauseNobodyElseDaresToGoQuiteSoFar", "looks like words"),
        ("every-winter-we-travel-north-because-nobody-else-dares-to-go", "repeats itself"),
    ],
)
def test_keys_that_can_be_guessed(text: str, words: str) -> None:
    assert weakness(text) == words


def test_keys_that_cannot_be_guessed() -> None:
    chance = random.Random(7)
    for _ in range(200):
        data = chance.randbytes(32)
        assert not weakness(data.hex())
        assert not weakness(data.hex().upper())
    good = [base64.b64encode(chance.randbytes(32)).decode() for _ in range(1000)]
    assert sum(bool(weakness(text)) for text in good) <= 5
    assert not weakness(KEY) + weakness(OTHER_KEY)


def test_an_installation_with_a_weak_key_goes_on_and_is_warned(
    places: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = "a key for the tests, which nobody keeps"
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", weak)
    with pytest.raises(UserError, match="is shorter than 32 random bytes, so it can be guessed"):
        privacy.read_key(places.raw)
    write_csv(places.inbox, "usage_events", [EVENTS, f"e1,a1,{ANA},2026-02-01,login"])
    land(places, Key(weak.encode()))
    found = privacy.read_key(places.raw)

    assert found
    assert found.weakness == "is shorter than 32 random bytes"
    assert found.pseudonym(ANA) == cells(places, "usage_events", "user_id")[0][0]


def test_a_key_comes_from_a_file_that_nobody_else_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    monkeypatch.delenv("HEALTH_PSEUDONYM_KEY", raising=False)
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY_FILE", str(path))
    with pytest.raises(UserError, match="cannot be read"):
        privacy.read_key(tmp_path)
    path.write_text(KEY + "\n")
    path.chmod(0o640)
    with pytest.raises(UserError, match="Others may read the key"):
        privacy.read_key(tmp_path)
    path.chmod(0o600)
    assert privacy.read_key(tmp_path) == SECRET
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", OTHER_KEY)
    with pytest.raises(UserError, match="name two keys"):
        privacy.read_key(tmp_path)


def test_a_key_is_made_once_for_oneself(tmp_path: Path) -> None:
    goal = tmp_path / "pseudonym.key"
    command = [sys.executable, ROOT / "scripts" / "make_key.py", "--to", goal]
    os.umask(0o022)
    made = subprocess.run(command, capture_output=True, text=True)
    text = goal.read_text().strip()

    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(goal.stat().st_mode) == 0o600
    assert not weakness(text)
    assert text not in made.stdout + made.stderr
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert goal.read_text().strip() == text
    assert "pseudonym.key" in (ROOT / ".gitignore").read_text().split()


# --------------------------------------------------------------------------------- spreadsheets


@pytest.mark.parametrize(
    "text, cell",
    [
        ("=1+1", "'=1+1"), ("\uff1d1+1", "'\uff1d1+1"), ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"), ("\uff20x", "'\uff20x"),
        ("\n=1", "\n'=1"), ("\r\n=1", "\r\n'=1"), ("\t=1", "\t'=1"), ("  -1", "  '-1"),
        ("\ufeff=1", "\ufeff'=1"), ("\u200b=1", "\u200b'=1"), ("\u00a0@x", "\u00a0'@x"),
        ("a;=1", "a;'=1"), ("a; \uff1d1", "a; '\uff1d1"), ("a\n=1", "a\n'=1"), ("a\t+1", "a\t'+1"),
        ("a;b", "a;b"), ("a-b = c", "a-b = c"), ("3 - 1", "3 - 1"), ("Søren & Co.", "Søren & Co."),
    ],
)  # fmt: skip
def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path, text: str, cell: str) -> None:
    path = tmp_path / "customer_health.csv"
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as serving")
        connection.execute("create schema serving.marts")
        connection.execute(
            "create table serving.marts.customer_health as select"
            " ? as account_id, -1.5 as arr, cast(null as varchar) as owner",
            [text],
        )
        publishing.write_csv(connection, path)

    with path.open(encoding="utf-8", newline="") as file:
        written = file.read()
    assert written.split("\n", 1)[1] == f'"{cell}",-1.5,\n'


# ------------------------------------------------------------------------------- access requests


def exported(place: Place, *arguments: str) -> tuple[int, dict[str, list[dict[str, object]]], str]:
    done = place.run("export_person.py", *arguments)
    return done.code, json.loads(done.out) if done.out else {}, done.err


def test_what_is_stored_about_a_person_is_exported(tmp_path: Path) -> None:
    place, places = Place(tmp_path), new_places(tmp_path)
    fill(places)
    land(places)
    (batch,) = landing.landed_files(places.raw, "usage_events")
    aside = places.raw / ".withdrawn" / "usage_events" / batch.name
    aside.parent.mkdir(parents=True)
    batch.rename(aside)
    for path in places.inbox.rglob("*.csv"):
        path.unlink()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, found, err = exported(place, "--user", ANA)

    assert code == 0, err
    rows = [(one["input"], one["row"], one["is_own"], one["file"]) for one in found["records"]]
    (names,) = landing.landed_files(places.raw, "accounts")
    assert sorted(rows) == [
        ("accounts", 1, False, str(names)),
        ("usage_events", 1, True, str(aside)),
        ("usage_events", 2, True, str(aside)),
        ("usage_events", 3, False, str(aside)),
    ]
    text = json.dumps(found)
    assert "bob@" not in text
    assert SECRET.pseudonym("bob@example.com") not in text
    assert "susana" not in text
    assert KEY not in text + err
    assert len(found["pseudonyms"]) == 2
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_export_is_of_a_person_and_of_nobody_else(tmp_path: Path) -> None:
    place, places = Place(tmp_path), new_places(tmp_path)
    rows = ["e1,a1,u1,2026-02-01,login", "e2,a2,u1,2026-02-02,login", "e3,a1,u2,2026-02-03,x"]
    write_csv(places.inbox, "usage_events", [EVENTS, *rows])
    land(places)

    code, found, err = exported(place, "--user", "u1", "--account", "a1")
    assert code == 0, err
    assert {one["cells"]["event_id"] for one in found["records"]} == {"e1"}
    assert exported(place, "--account", "a1")[0] == 2
    code, _, err = exported(place, "--user", "nobody@example.com")
    assert code == 2
    assert "No record names that user" in err
    goal = tmp_path / "u1.json"
    assert exported(place, "--user", "u1", "--output", str(goal))[0] == 0
    assert stat.S_IMODE(goal.stat().st_mode) == 0o600
    assert len(json.loads(goal.read_text())["records"]) == 4
    assert exported(place, "--user", "u1", "--output", str(goal))[0] == 2
    other = Place(tmp_path, {"HEALTH_PSEUDONYM_KEY": secrets.token_hex(32)})
    code, _, err = exported(other, "--user", "u1")
    assert code == 2
    assert "is not the key" in err


def test_a_working_file_that_is_open_elsewhere_makes_an_export_wait(tmp_path: Path) -> None:
    place, places = Place(tmp_path), new_places(tmp_path)
    fill(places)
    land(places)
    place.warehouse.parent.mkdir()
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("create table t as select 1 as a")
        connection.execute("checkpoint")
        code, _, err = exported(place, "--user", ANA)

    assert code == 75
    assert "is open in process" in err


def test_an_export_reads_json_lines_and_any_name_and_says_what_it_cannot_read(
    places: Settings,
) -> None:
    folder = places.raw / "usage_events"
    folder.mkdir(parents=True)
    line = {"event_id": "e1", "account_id": "a1", "user_id": ANA, "feature": "login"}
    (folder / "lines[1].jsonl").write_text(json.dumps(line) + "\n")
    damaged = folder / "damaged.parquet"
    damaged.write_bytes(b"PAR1 and nothing more")
    person = erasing.whom(None, ANA, SECRET, places)
    found, unread = exporting.records(places, person)

    assert [(one["file"], one["cells"]["event_id"]) for one in found] == [
        (str(folder / "lines[1].jsonl"), "e1")
    ]
    assert unread == [str(damaged)]
