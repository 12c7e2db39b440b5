"""Published versions without a build: small, with the tables that remember runs, real files."""

from datetime import datetime
from pathlib import Path

import duckdb
from customer_health.refresh import publishing
from customer_health.settings import SERVING_FILE, Settings

RUNS = [f"{n:06d}-202603{n:02}T021500Z" for n in range(1, 10)]


def new_places(folder: Path) -> Settings:
    names = ("raw", "inbox", "work/file.duckdb", "published")
    return Settings(*(folder / name for name in names))


def write_version(
    places: Settings,
    run: str,
    accounts: tuple[str, ...] = ("a1", "a2"),
    is_changed: bool = True,
) -> str:
    """A version that nobody was shown yet: what the log holds, and a row of its own."""
    folder = places.versions / run
    (folder / "marts").mkdir(parents=True)
    moment = f"timestamp '{datetime.strptime(run[7:], '%Y%m%dT%H%M%SZ')}'"
    with duckdb.connect(str(folder / SERVING_FILE)) as connection:
        connection.execute("create schema marts")
        for name, columns in {
            "mart_status": f"'{run}' as run_id, {moment} as published_at, date '2026-02-27' as"
            f" as_of_date, {is_changed} as is_changed, {len(accounts)} as accounts, 0 as warnings,"
            " cast(null as varchar) as accepted_reason",
            "fct_published_scores": f"'{run}' as run_id, {moment} as published_at,"
            f" unnest({list(accounts)}) as account_id, 50 as health_score",
        }.items():
            goal = f"marts.{name}"
            connection.execute(f"create table {goal} as select {columns}")
            own = folder / f".{name}.parquet"
            publishing.copy_rows(connection, f"from {goal}", own)
            earlier = sorted((places.log / publishing.REMEMBERED[name]).glob("*.parquet"))
            if earlier:
                connection.execute(
                    f"insert into {goal} by name from read_parquet(?)", [list(map(str, earlier))]
                )
            copy = folder / "marts" / f"{name}.parquet"
            publishing.copy_rows(connection, f"from {goal}", copy)
        connection.execute("create table marts.customer_health as select 'a1' as account_id")
    publishing.write_manifest(folder, run, {})
    return run


def make_current(places: Settings, run: str) -> None:
    """Show it, as a refresh does."""
    publishing.make_current(places, run)
    publishing.finish(places)


def publish(places: Settings, number: int) -> None:
    """The first runs, each published after the other."""
    for run in RUNS[:number]:
        make_current(places, write_version(places, run))


def log_of(places: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Every file of the log and its rows."""
    with duckdb.connect() as connection:
        return {
            str(path.relative_to(places.log)): connection.execute(
                f"from '{path}' order by all"
            ).fetchall()
            for path in sorted(places.log.rglob("*.parquet"))
        }


def listed_runs(places: Settings) -> list[str]:
    return [version.run_id for version in publishing.versions(places)]
