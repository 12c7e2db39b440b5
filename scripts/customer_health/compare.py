"""Compare two ways of scoring on the same metrics: who moves, how far, which ARR changes colour.

Usage:
    customer-health compare                    # challenger against live, last build
    customer-health compare --against main     # the seeds here against those of main
    customer-health compare --against ../old/seeds/scoring --rows 20

Without --against, the challenger scorecards of the last build are compared with the live one of
their goal (mart fct_scorecard_comparison). With it, scores are computed twice, in copies of the
DuckDB file: with the scoring seeds of a git revision or folder, and with those of this folder, for
reviewing a change of weights, thresholds, caps, segments or grades before it is merged. The last
build supplies everything that the changed files do not touch; it is not changed itself.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import yaml

from customer_health.console import as_json, table
from customer_health.errors import NotFoundError, UsageError
from customer_health.seeds.validate import as_text as as_faults
from customer_health.seeds.validate import validate
from customer_health.settings import project_root, python_path
from customer_health.warehouse import open_warehouse, records, warehouse_path

SEEDS = Path("seeds/scoring")
LINKED = ("dbt_project.yml", "profiles.yml", "models", "macros", "data_tests", "docs")

# pairs: one row per account, its score before and after.
CHALLENGER_PAIRS = """
create temp view pairs as
select
    compared.account_id, accounts.account_name, compared.segment, compared.arr,
    compared.live_score as score_before, compared.challenger_score as score_after,
    compared.live_grade as grade_before, compared.challenger_grade as grade_after,
    compared.live_colour as colour_before, compared.challenger_colour as colour_after
from after.marts.fct_scorecard_comparison as compared
inner join after.marts.dim_accounts as accounts on compared.account_id = accounts.account_id
where
    compared.challenger_scorecard = getvariable('challenger')
    and compared.score_date = getvariable('day')
"""

SEED_PAIRS = """
create temp view pairs as
select
    later.account_id, accounts.account_name, later.segment, 12 * grid.mrr as arr,
    previous.health_score as score_before, later.health_score as score_after,
    previous.grade as grade_before, later.grade as grade_after,
    grades_before.colour as colour_before, grades_after.colour as colour_after
from after.marts.fct_health_scores as later
inner join after.seeds.scorecards as card on later.scorecard = card.scorecard
inner join before.marts.fct_health_scores as previous
    on later.account_id = previous.account_id and later.score_date = previous.score_date
inner join before.seeds.scorecards as previous_card on previous.scorecard = previous_card.scorecard
inner join after.metrics.account_dates as grid
    on later.account_id = grid.account_id and later.score_date = grid.score_date
inner join after.marts.dim_accounts as accounts on later.account_id = accounts.account_id
left join before.seeds.grades as grades_before on previous.grade = grades_before.grade
left join after.seeds.grades as grades_after on later.grade = grades_after.grade
where
    later.score_date = getvariable('day')
    and card.goal = getvariable('goal') and card.status = 'live'
    and previous_card.goal = getvariable('goal') and previous_card.status = 'live'
"""

BY_SEGMENT = """
select
    coalesce(segment, 'all') as segment,
    count(*) as accounts,
    count(*) filter (score_before is distinct from score_after) as changed,
    cast(sum(score_before) / count(score_before) as decimal(5, 2)) as mean_before,
    cast(sum(score_after) / count(score_after) as decimal(5, 2)) as mean_after,
    min(score_after - score_before) as most_down,
    max(score_after - score_before) as most_up,
    count(*) filter (grade_before <> grade_after) as grade_flips,
    count(*) filter (colour_before <> colour_after) as colour_flips,
    cast(
        coalesce(sum(arr) filter (colour_before <> colour_after), 0) as decimal(28, 0)
    ) as arr_changing_colour
from pairs
group by grouping sets ((segment), ())
order by grouping(segment), segment
"""

COLOURS = """
select
    colour_before || ' -> ' || colour_after as colour,
    count(*) as accounts,
    cast(sum(arr) as decimal(28, 0)) as arr
from pairs
where colour_before <> colour_after
group by colour_before, colour_after
order by sum(arr) desc nulls last, colour
"""

MOVED = """
select
    account_id as account, account_name as name, segment, cast(arr as decimal(28, 0)) as arr,
    score_before as before, score_after as after, score_after - score_before as difference,
    grade_before || ' -> ' || grade_after as grade
from pairs
where score_before is distinct from score_after or grade_before <> grade_after
order by abs(score_after - score_before) desc nulls first, arr desc nulls last, account_id
"""

Record = dict[str, Any]


# ------------------------------------------------------------------------------- two seeds


def read_seeds(where: str, folder: Path) -> None:
    """Put the scoring seeds of a git revision or folder into `folder`; NotFoundError without
    any."""
    folder.mkdir(parents=True)
    if Path(where).is_dir():
        shutil.copytree(where, folder, dirs_exist_ok=True)
    else:
        for name in git("ls-tree", "--name-only", where, f"{SEEDS}/").decode().splitlines():
            (folder / Path(name).name).write_bytes(git("show", f"{where}:{name}"))
    if not list(folder.glob("*.csv")):
        raise NotFoundError(f"There are no scoring seeds in {where}.")
    missing = {path.name for path in (project_root() / SEEDS).glob("*.csv")} - {
        path.name for path in folder.glob("*.csv")
    }
    if missing:
        raise NotFoundError(
            f"{where} has no {', '.join(sorted(missing))}: it belongs to another version."
        )


def git(*arguments: str) -> bytes:
    """The output of a git command in the project; NotFoundError with its message when it fails."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=project_root(), capture_output=True, check=True
        )
    except FileNotFoundError:
        raise NotFoundError("git is not installed: name a folder of seeds instead.") from None
    except subprocess.CalledProcessError as error:
        message = error.stderr.decode(errors="replace").strip().splitlines()
        raise NotFoundError(
            f"No revision and no folder of that name ({message[0] if message else 'git failed'})."
        ) from None
    return done.stdout


def changed_seeds(one: Path, other: Path) -> list[str]:
    """Names of the seeds that are not the same, byte for byte, in both folders."""
    names = {path.stem for folder in (one, other) for path in folder.glob("*.csv")}

    def content(folder: Path, name: str) -> bytes | None:
        path = folder / f"{name}.csv"
        return path.read_bytes() if path.exists() else None

    return sorted(name for name in names if content(one, name) != content(other, name))


def score_with(seeds: Path, changed: list[str], folder: Path, variables: Record) -> Path:
    """A copy of the last build, scored again with these seeds; its DuckDB file."""
    project = folder / "project"
    (project / "seeds").mkdir(parents=True)
    for name in LINKED:
        (project / name).symlink_to(project_root() / name)
    shutil.copytree(seeds, project / SEEDS)
    # Views name the file they were made in, so the copy keeps its name.
    copy = folder / warehouse_path().name
    shutil.copy(warehouse_path(), copy)
    environment = {
        **os.environ,
        "HEALTH_WAREHOUSE": str(copy),
        "HEALTH_RAW_DIR": str(project_root() / os.environ.get("HEALTH_RAW_DIR", "sample_data")),
        "DBT_PROJECT_DIR": str(project),
        "PYTHONPATH": python_path(),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    command = [
        str(Path(sys.executable).with_name("dbt")),
        *("--quiet", "--no-use-colors", "build", "--vars", json.dumps(variables)),
        *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"),
        # The views on the raw files hold their paths as they were when they were made.
        *("--select", "path:models/staging/inputs", *(f"{name}+" for name in changed)),
    ]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise NotFoundError(f"The seeds do not build:\n{done.stdout}{done.stderr}")
    return copy


# ------------------------------------------------------------------------------- comparing


def last_dates(path: Path) -> tuple[date, list[date]]:
    """The as-of date and all score dates of the last build."""
    with open_warehouse(path) as connection:
        found = records(connection, "select score_date from metrics.score_dates order by 1")
    if not found:
        raise NotFoundError("The last build has no score date.")
    return found[-1]["score_date"], [row["score_date"] for row in found]


def compare(connection: duckdb.DuckDBPyConnection, sql: str, **variables: Any) -> Record:
    """The comparison of all pairs: by_segment, colours and accounts."""
    for name, value in variables.items():
        connection.execute(f"set variable {name} = ?", [value])
    connection.execute(sql)
    return {
        "by_segment": records(connection, BY_SEGMENT),
        "colours": records(connection, COLOURS),
        "accounts": records(connection, MOVED),
    }


def compare_challengers(
    path: Path, day: date, wanted: str | None, goal: str | None
) -> list[Record]:
    """One comparison per challenger of the last build."""
    with open_warehouse(path) as connection:
        cards = records(
            connection,
            "select challenger.scorecard, live.scorecard as live, live.goal"
            " from seeds.scorecards as challenger"
            " inner join seeds.scorecards as live on challenger.goal = live.goal"
            " where challenger.status = 'challenger' and live.status = 'live' order by 1",
        )
    chosen = [
        card
        for card in cards
        if wanted in (None, card["scorecard"]) and goal in (None, card["goal"])
    ]
    if not chosen:
        names = ", ".join(card["scorecard"] for card in cards) or "none"
        raise NotFoundError(
            f"The last build has no such challenger (it has: {names}). A challenger is a row of"
            " scorecards.csv with status challenger and its rows in scorecard_metrics.csv; add it,"
            " then run dbt build."
        )
    comparisons = []
    for card in chosen:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{path}' as after (read_only)")
            found = compare(connection, CHALLENGER_PAIRS, day=day, challenger=card["scorecard"])
        comparisons.append({"before": card["live"], "after": card["scorecard"], "day": day} | found)
    return comparisons


def compare_seeds(path: Path, day: date, against: str, goal: str, variables: Record) -> Record:
    """The comparison of the seeds of this folder with those of a revision or folder."""
    with tempfile.TemporaryDirectory() as name:
        previous, ours = Path(name) / "previous", project_root() / SEEDS
        if not ours.is_dir():
            raise NotFoundError(f"There is no folder {ours}.")
        read_seeds(against, previous)
        changed = changed_seeds(previous, ours)
        facts = {"before": against, "after": "this folder", "day": day, "changed_files": changed}
        if not changed:
            return facts | {"by_segment": [], "colours": [], "accounts": []}
        rows, faults = validate(ours)
        if faults:
            raise NotFoundError(as_faults(SEEDS, rows, faults))
        before = score_with(previous, changed, Path(name) / "before", variables)
        after = score_with(ours, changed, Path(name) / "after", variables)
        with duckdb.connect() as connection:
            connection.execute(f"attach '{before}' as before (read_only)")
            connection.execute(f"attach '{after}' as after (read_only)")
            return facts | compare(connection, SEED_PAIRS, day=day, goal=goal)


# ------------------------------------------------------------------------------- showing


def rows_table(rows: list[Record]) -> str:
    return table(list(rows[0]), [list(row.values()) for row in rows])


def as_text(found: Record, most: int) -> str:
    """A comparison as a page for the terminal."""
    title = f"{found['after']} against {found['before']}, on {found['day']}"
    if "changed_files" in found:
        files = ", ".join(f"{name}.csv" for name in found["changed_files"])
        title += f"; different: {files}" if files else ": the scoring seeds are the same"
    if not found["by_segment"]:
        return title
    parts = [title, rows_table(found["by_segment"])]
    if found["colours"]:
        parts.append("Changing colour:\n" + rows_table(found["colours"]))
    moved = found["accounts"]
    if not moved:
        text = "No account's score or grade changes."
        if "changed_files" in found:
            text += " Live scorecards are compared; for challengers run it without --against."
        return "\n\n".join([*parts, text])
    shown = moved[:most]
    heading = f"Largest of {len(moved)} changes:" if len(moved) > len(shown) else "All changes:"
    return "\n\n".join([*parts, f"{heading}\n{rows_table(shown)}"])


def variables_of(text: str) -> Record:
    """dbt vars; YAML as dbt takes it. UsageError where it is none."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise UsageError("--vars has to be vars as dbt takes them: 'run_date: 2026-10-01'")
    return {name: str(value) if isinstance(value, date) else value for name, value in found.items()}


def run(
    against: str | None,
    challenger: str | None,
    goal: str | None,
    day: date | None,
    rows: int,
    variables: str,
    is_json: bool,
) -> int:
    """Print the comparison."""
    if against == "":
        raise UsageError("--against needs a git revision or a folder of seeds")
    if against and challenger:
        raise UsageError("--against compares live scorecards; leave out --challenger, or --against")
    given = variables_of(variables) if variables else {}
    path = warehouse_path()
    as_of, dates = last_dates(path)
    day = day or as_of
    if day not in dates:
        raise NotFoundError(f"{day} is no score date; the last one is {as_of}.")
    if against:
        given = {"as_of_date": str(as_of), **given}
        found = [compare_seeds(path, day, against, goal or "retention", given)]
    else:
        found = compare_challengers(path, day, challenger, goal)
    print(as_json(found) if is_json else "\n\n".join(as_text(one, rows) for one in found))
    return 0
