"""The same numbers on every engine: build on DuckDB and on another one, compare every value.

    python tools/engines.py                   # PostgreSQL and Spark (make test-engines)
    python tools/engines.py postgres --data sample
    python tools/engines.py --docs            # and write the table into docs/engines.md

Two nights of the sample data: a full build, then the next day, with late usage and corrected rows;
and, where the data sets lie beside the project, ravenstack in the same way, by the clock alone.
After each build every published value is compared, without tolerance; the first build also runs the
unit tests. Nothing is kept. Exit codes: 0 no difference, 1 differences or a failed build, 2 usage.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from customer_health.console import table
from database_server import (
    ORDERED_BY_LANGUAGE,
    NotInstalledError,
    find_java,
    free_port,
    installed,
    postgres_server,
)
from nights import nights
from pages import markdown, write_part
from project import ROOT, SHARED_DATA, copy_project, dbt

ENGINES = ("postgres", "spark")
LAST_DAY = date(2026, 9, 30)
DOCS = ROOT / "docs" / "engines.md"
TOTALS = re.compile(r"([\d,]+) rows, ([\d,]+) values compared: ([\d,]+) differences")
# What a message must not be: a trace, or one with a row of the data.
ERROR_OF_PYTHON = re.compile(r"Traceback|Error:|CONTEXT|acct_")
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy raw."usage_events%'
"""


@dataclass(frozen=True)
class Compared:
    """One build on both engines: what was compared, and how long each build took."""

    data: str
    what: str
    engine: str
    marts: int
    rows: str
    values: str
    differences: str
    seconds: float
    of_duckdb: float


class FailedError(Exception):
    """A build or a load that did not work; the message is the end of what it said."""


@contextmanager
def engine_environment(engine: str, folder: Path) -> Iterator[dict[str, str]]:
    """What the environment has to say for the target; a server of its own where it needs one."""
    if engine == "spark":
        installed(find_java, "openjdk-17-jre-headless")
        yield {"HEALTH_SPARK_DIR": str(folder / "spark")}
    else:
        with postgres_server() as environment:
            yield environment


def script(name: str, *arguments: str, may_differ: bool = False, **environment: str) -> str:
    """What a script of the project prints; one that compares may find differences."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode > may_differ:
        raise FailedError(f"{name}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def timed_build(
    target: str, project: Path, raw: Path, work: Path, day: date, environment: dict[str, str],
    *more: str,
) -> float:  # fmt: skip
    """Build a night on a target; returns its seconds by the clock."""
    start = perf_counter()
    run = dbt(
        *("build", "--target", target, "--threads", "2", *more),
        raw_dir=raw,
        workspace=work,
        project=project,
        variables={"run_date": str(day + timedelta(days=1)), "as_of_date": str(day)},
        environment=environment,
    )
    if run.returncode:
        raise FailedError(f"dbt build --target {target}:\n{run.output[-6000:]}")
    return perf_counter() - start


def data_sets(folder: Path, chosen: str) -> Iterator[tuple[str, Path, Path, Iterator[date]]]:
    """Name, project, raw folder and nights of each data set; a night fills the folder."""
    days = [LAST_DAY - timedelta(days=1), LAST_DAY]
    if chosen in ("sample", "all"):
        raw = folder / "sample" / "raw"
        yield "sample", ROOT, raw, nights(ROOT / "sample_data", raw, days)
    source = SHARED_DATA / "ravenstack"
    if chosen in ("ravenstack", "all") and source.exists():
        raw, prepare = folder / "ravenstack" / "raw", ROOT / "examples/ravenstack/prepare.py"
        subprocess.run(
            [sys.executable, str(prepare), "--source", str(source), "--out", str(raw)],
            check=True,
            stdout=sys.stderr,
        )
        project = copy_project(folder / "ravenstack" / "project")
        shutil.copy(prepare.with_name("features.csv"), project / "seeds/scoring/features.csv")
        yield "ravenstack", project, raw, iter([date(2024, 12, 30), date(2024, 12, 31)])
    elif chosen != "sample":
        print(f"ravenstack is not here and left out: {source}", file=sys.stderr)


def refuses_another_order(project: Path, folder: Path, environment: dict[str, str]) -> None:
    """A database that orders text as a language does must stop a run before it builds."""
    run = dbt(
        *("run", "--target", "postgres"),
        workspace=folder / "refused",
        project=project,
        environment={**environment, "PGDATABASE": ORDERED_BY_LANGUAGE},
    )
    if run.returncode == 0 or "orders text in a way of its own" not in run.output:
        raise FailedError(f"A database with another order was not refused:\n{run.output[-3000:]}")


def loads_or_nothing(folder: Path, environment: dict[str, str]) -> None:
    """A load keeps what rests on tables of the same columns; one that is refused says why and
    changes nothing."""
    import duckdb
    import psycopg2

    raw = folder / "raw"
    for name in ("accounts", "subscriptions", "usage_events"):
        shutil.copytree(ROOT / "sample_data" / name, raw / name)
    accounts = raw / "accounts" / "accounts.csv"
    database = psycopg2.connect(
        host=environment["PGHOST"], port=environment["PGPORT"], user="health", dbname="health"
    )
    database.autocommit = True

    def ask(sql: str) -> list[tuple]:
        with database.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def load(code: int, said: str = "", cut: bool = False, **more: str) -> None:
        command = [sys.executable, str(ROOT / "scripts/load_raw.py"), "--target", "postgres"]
        environment_now = {**os.environ, **environment, "HEALTH_RAW_DIR": str(raw), **more}
        with subprocess.Popen(
            command, env=environment_now, stderr=subprocess.PIPE, text=True
        ) as running:
            while cut and running.poll() is None:
                ask(CUT)
            told = running.communicate()[1]
        if running.returncode != code or said not in told or ERROR_OF_PYTHON.search(told):
            raise FailedError(f"load_raw.py: {running.returncode} for {code}:\n{told}")

    def expect(sql: str, found: object) -> None:
        if (seen := ask(sql)[0][0]) != found:
            raise FailedError(f"{sql}: {seen}, not {found}")

    views = "select count(*) from pg_views where viewname = 'seen'"
    rows = "select count(*) from raw.accounts"
    load(1, "PostgreSQL cannot be reached", PGPORT=str(free_port()))
    load(0)
    ask("create view public.seen as select account_id from raw.accounts")
    ask("create role reader")
    ask("grant select on raw.accounts to reader")

    with accounts.open("a", encoding="utf-8") as file:
        file.write(accounts.read_text(encoding="utf-8").splitlines()[1] + "\n")
    load(0)
    expect(rows, 173)
    expect(views, 1)
    expect("select has_table_privilege('reader', 'raw.accounts', 'select')", True)

    ask("create role stranger login")
    load(1, "Run it as health, who owns the schema raw (PGUSER=health), or", PGUSER="stranger")
    load(1, "usage_events: PostgreSQL refused: the server ended the connection", cut=True)
    expect(rows, 173)

    (raw / "invoices").mkdir()
    before_time = raw / "invoices" / "invoices.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 'i' as invoice_id, 'acct_0001' as account_id, 'credit' as kind,"
            f" 1 as amount, timestamp '5000-01-01 (BC) 00:00:00' as issued_at) to '{before_time}'"
        )
    load(1, "invoices: PostgreSQL refused: a value does not fit the type of its column")
    expect(rows, 173)
    shutil.rmtree(before_time.parent)

    lines = accounts.read_text(encoding="utf-8").splitlines()
    accounts.write_text("\n".join([f"{lines[0]},note", *(f"{line},x" for line in lines[1:])]))
    shutil.rmtree(raw / "usage_events")
    load(2, "usage_events: required")
    expect(rows, 173)
    shutil.copytree(ROOT / "sample_data" / "usage_events", raw / "usage_events")
    load(0)
    expect("select count(note) from raw.accounts", 173)
    expect(views, 0)
    database.close()


def compare_on(engine: str, chosen: str, folder: Path) -> Iterator[Compared]:
    """Every build of every data set on one engine."""
    for name, project, raw, days in data_sets(folder, chosen):
        # A database for each: what a run keeps is of its data.
        with engine_environment(engine, folder / name) as environment:
            if engine == "postgres":
                refuses_another_order(project, folder, environment)
                loads_or_nothing(folder / name / "load", environment)
            for what, day in zip(("full build", "next day"), days, strict=True):
                loaded = {**environment, "HEALTH_RAW_DIR": str(raw)}
                more = [] if (name, what) == ("sample", "full build") else [
                    "--exclude-resource-type", "unit_test"
                ]  # fmt: skip
                work = folder / name
                duckdb = timed_build("duckdb", project, raw, work / "duckdb", day, {}, *more)
                script("load_raw.py", "--target", engine, **loaded)
                other = timed_build(engine, project, raw, work / engine, day, environment, *more)
                warehouse = str(work / "duckdb" / "warehouse.duckdb")
                said = script(
                    "compare_engines.py", "--with", engine, may_differ=True,
                    **{**environment, "HEALTH_WAREHOUSE": warehouse},
                )  # fmt: skip
                totals = TOTALS.search(said)
                if not totals or totals[1] == "0":
                    raise FailedError(f"Nothing was compared:\n{said}")
                if totals[3] != "0":
                    print(said)
                marts = said.count(" rows ")
                rows, values, differing = totals.groups()
                yield Compared(name, what, engine, marts, rows, values, differing, other, duckdb)


def main() -> int:
    """Build, compare, print; 0 where nothing differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engines", nargs="*", metavar="engine", help=", ".join(ENGINES))
    parser.add_argument("--data", choices=("all", "sample", "ravenstack"), default="all")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/engines.md")
    options = parser.parse_args()
    if unknown := set(options.engines) - set(ENGINES):
        parser.error(f"no such engine: {', '.join(sorted(unknown))} (of {', '.join(ENGINES)})")
    found: list[Compared] = []
    try:
        for engine in options.engines or ENGINES:
            with tempfile.TemporaryDirectory(prefix="health_engines_") as folder:
                for one in compare_on(engine, options.data, Path(folder)):
                    print(f"{one.engine}, {one.data}, {one.what}: {one.differences} differences",
                          file=sys.stderr)  # fmt: skip
                    found.append(one)
    except (FailedError, NotInstalledError) as problem:
        print(problem, file=sys.stderr)
        return 1
    columns = ["engine", "data", "build", "tables", "rows", "values", "differences", "/ DuckDB"]
    rows = [
        (one.engine, one.data, one.what, one.marts, one.rows, one.values, one.differences,
         f"{one.seconds / one.of_duckdb:.1f}")
        for one in found
    ]  # fmt: skip
    print(table(columns, rows))
    if options.docs:
        write_part(DOCS, "engines", markdown(columns, [list(map(str, row)) for row in rows]))
    return int(any(one.differences != "0" for one in found))


if __name__ == "__main__":
    sys.exit(main())
