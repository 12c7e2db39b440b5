"""The commands of the README run as written."""

import re
from pathlib import Path

import duckdb
import pytest
from project import ROOT, copy_with_make, shell

# What .ci/run runs itself, and what only prepares the shell.
RUN_ELSEWHERE = {"make test", ". .venv/bin/activate"}


def commands(page: str = "README.md") -> list[str]:
    """The lines of the sh blocks of a page; a command in quotes may span several."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), flags=re.S)
    lines = "".join(blocks).splitlines()
    found, open_command = [], ""
    for line in lines:
        open_command += line if not open_command else f"\n{line}"
        if open_command.count('"') % 2 == 0:
            found.append(open_command)
            open_command = ""
    assert not open_command
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with this Python environment as its .venv."""
    return copy_with_make(tmp_path_factory.mktemp("readme") / "project")


def test_every_command_of_the_readme_works(clone: Path) -> None:
    listed = commands()
    assert RUN_ELSEWHERE.issubset(listed)
    to_run = [command for command in listed if command not in RUN_ELSEWHERE]
    assert len(to_run) >= 6
    for command in to_run:
        # Not every date is computed again, for the time it takes.
        done = shell(command, clone, RECOMPUTE_DATES="2")
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        # In capitals: a severity of alerts is called warning.
        assert "WARN" not in done.stdout.replace("WARN=0", ""), command


def test_the_account_of_the_readme_is_shown_as_it_is(clone: Path) -> None:
    """Every line of the example, in that order; `...` leaves lines out."""
    example = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[1].splitlines()[1:]
    lines = [line.rstrip() for line in example if line not in ("", "...")]
    shown = shell("make demo && customer-health explain quiet_churner", clone).stdout.splitlines()
    rest = iter([line.rstrip() for line in shown])

    assert len(lines) > 10
    assert [line for line in lines if line not in rest] == []


def test_a_draft_of_an_alert_rule_is_tried_on_a_copy(clone: Path) -> None:
    """As docs/alerts.md says; a copy of another name is a whole warehouse of its own."""
    rules = clone / "seeds/scoring/alert_rules.csv"
    shipped = rules.read_text()
    rules.write_text(shipped + "draft_slip,drops_by,10,7,*,warning,7,5,A draft\n")
    done = shell("make demo\n" + "\n".join(commands("docs/alerts.md")), clone)
    rules.write_text(shipped)

    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(clone / "warehouse/draft.duckdb"), read_only=True) as connection:
        [(opened,)] = connection.execute(
            "select count(*) from marts.fct_health_alerts where rule = 'draft_slip'"
        ).fetchall()
    assert opened > 0
    copy = "HEALTH_WAREHOUSE=warehouse/draft.duckdb"
    told = shell(f"{copy} customer-health explain quiet_churner", clone)
    assert told.returncode == 0, told.stderr


def test_the_demo_ends_with_a_table_and_where_to_look(clone: Path) -> None:
    done = shell("make demo", clone)

    found = re.search(r"(\d+) of (\d+) accounts have a score as of 2026-09-30", done.stdout)
    assert found
    # All but the story of an account of which too little is known.
    assert int(found[1]) == int(found[2]) - 1 > 100
    assert "Everything is in warehouse/customer_health.duckdb" in done.stdout.splitlines()[-3]
    assert (clone / "warehouse/customer_health.duckdb").exists()


def test_showing_before_building_says_what_to_do(clone: Path) -> None:
    done = shell("HEALTH_WAREHOUSE=nowhere.duckdb customer-health show", clone)

    assert done.returncode == 1
    assert "run make demo" in done.stderr
