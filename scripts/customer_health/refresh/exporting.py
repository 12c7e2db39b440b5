"""All that is stored about one person, and what was made of it, for an access request. Nothing is
written; of others nothing is shown but the accounts that the person belongs to."""

import json
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from customer_health.console import tracked
from customer_health.errors import BUSY, UserError
from customer_health.inputs import raw_files
from customer_health.inputs.sources import SCHEMA
from customer_health.refresh import erasing, landing, publishing
from customer_health.refresh.erasing import Erased, own_rows, touched
from customer_health.settings import SERVING_FILE, Settings, working_file_is_open

# Tables of the working file with rows of a person: what they are, their day, what is made of them
# by account.
DERIVED = (
    ("usage", "activity.usage_activity_daily", "activity_date", "metrics.metrics_usage"),
    ("survey answers", "staging.stg_survey_responses", "responded_at", "metrics.metrics_sentiment"),
)
Found = dict[str, Any]


def sources(settings: Settings) -> Iterator[tuple[str, Path, str, str]]:
    """(place, file, input, SQL that reads it) of every file of records: the inbox, and the raw
    folder with what was withdrawn. No SQL for a file that cannot be read."""
    for contract, path in landing.arrivals(settings):
        arrival = landing.look_at(path, contract, "")
        if not arrival.problem:
            yield "inbox", path, contract.name, f"({landing.rows_sql(arrival)})"
    for path in sorted(settings.raw.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        if raw_files.kind_of(path) and not path.name.startswith("."):
            source = ""
            with suppress(raw_files.CannotReadError):
                columns = raw_files.received_columns(path)
                source = raw_files.union_sql([path], {path: columns})
            yield "raw", path, path.parent.name, source


def records(settings: Settings, person: Erased) -> tuple[list[Found], list[str]]:
    """The rows of files that are the person's own or name the person, and the files that cannot be
    read. Of rows of others only the cells that name the person are shown."""
    found: list[Found] = []
    unread: list[str] = []
    for place, path, name, source in sources(settings):
        if not source:
            unread.append(str(path))
            continue
        try:
            with duckdb.connect() as connection:
                found += rows_of_file(connection, place, path, name, source, person)
        except duckdb.Error as error:
            if isinstance(error, erasing.OWN_FAULTS):
                raise
            unread.append(str(path))
    return found, unread


def rows_of_file(
    connection: duckdb.DuckDBPyConnection,
    place: str,
    path: Path,
    name: str,
    source: str,
    person: Erased,
) -> list[Found]:
    columns = erasing.columns_of(connection, source)
    ours = erasing.columns_of_ours(path) if place == "raw" else set()
    own = own_rows(columns, person)
    rows = fetched(
        connection,
        f"select {own} as is_own, row_number() over () as file_row, * from {source}"
        f" qualify {touched(columns, person, ours)}",
    )
    found = []
    for row in rows:
        is_own, number = row.pop("is_own"), row.pop("file_row")
        if not is_own:
            row = {k: v for k, v in row.items() if names(person, v) or k == "account_id"}
        number = row.get("_source_row") or number
        found.append(
            {"place": place, "input": name, "file": str(path), "row": number, "is_own": is_own,
             "cells": {k: v for k, v in row.items() if v is not None}}
        )  # fmt: skip
    return found


def names(person: Erased, value: Any) -> bool:
    """Whether a cell names the person."""
    text = str(value)
    is_it = text.strip().lower() in {one.lower() for one in person.texts}
    return is_it or bool(person.expression and person.expression.search(text))


def fetched(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[Found]:
    cursor = connection.execute(sql, list(values))
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[tuple[str, str]]:
    return connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? order by all",
        [database],
    ).fetchall()


def of_working_file(settings: Settings, person: Erased) -> tuple[list[Found], list[Found]]:
    """(rows of tables of the working file that have the person, what was derived by account and day
    from them). Nothing where there is no working file; UserError(75) where somebody has it open."""
    if not settings.warehouse.is_file():
        return [], []
    with duckdb.connect() as connection:
        try:
            publishing.attach(connection, settings.warehouse, "working")
        except duckdb.IOException as error:
            if "lock" in str(error):
                raise working_file_is_open(settings, str(error)) from None
            raise UserError(
                BUSY, f"{settings.warehouse} cannot be read.", "Run a refresh, then ask again."
            ) from None
        rows = []
        for schema, name in tables(connection, "working"):
            if schema == SCHEMA:  # copies of raw files, which are told themselves
                continue
            source = f"working.{schema}.{name}"
            columns = erasing.columns_of(connection, source)
            test = own_rows(columns, person)
            if test == "false":
                test = touched(columns, person, set())
                if person.account:
                    continue
            for row in fetched(connection, f"from {source} where {test}"):
                is_own = test == own_rows(columns, person)
                cells = row if is_own else {k: v for k, v in row.items() if names(person, v)}
                rows.append(
                    {"table": f"{schema}.{name}",
                     "cells": {k: v for k, v in cells.items() if v is not None}}
                )  # fmt: skip
        return rows, derived(connection, rows)


def derived(connection: duckdb.DuckDBPyConnection, rows: list[Found]) -> list[Found]:
    """In which numbers of which accounts the person's rows are counted, without those numbers: they
    are about all users of the account."""
    known = {f"{schema}.{name}" for schema, name in tables(connection, "working")}
    found = []
    for what, table, day, goal in DERIVED:
        first: dict[str, str] = {}
        for row in rows:
            cells = row["cells"]
            if row["table"] != table or not cells.get("account_id") or not cells.get(day):
                continue
            account, date = str(cells["account_id"]), str(cells[day])[:10]
            first[account] = min(first.get(account, date), date)
        for account, date in sorted(first.items()):
            one: Found = {"account_id": account, "from": what, "since": date}
            if goal in known:
                ((days,),) = connection.execute(
                    f"select count(*) from working.{goal} where account_id = ? and score_date >= ?",
                    [account, date],
                ).fetchall()
                one |= {"counted_in": goal, "rows": days}
            if "marts.fct_health_scores" in known:
                scores = connection.execute(
                    "select min(score_date), max(score_date), count(*) from"
                    " working.marts.fct_health_scores where account_id = ? and score_date >= ?",
                    [account, date],
                ).fetchall()
                first_day, last_day, count = scores[0]
                one["scores_of_the_account_since"] = {
                    "first": first_day, "last": last_day, "rows": count
                }  # fmt: skip
            found.append(one)
    return found


def published(settings: Settings, person: Erased) -> list[Found]:
    """Rows of published versions and of the log that name the person: none, unless an id stands in
    a text that is published."""
    found = []
    for version in publishing.versions(settings):
        path = version.folder / SERVING_FILE
        with suppress(duckdb.IOException), duckdb.connect() as connection:
            publishing.attach(connection, path, "looked_at")
            for schema, name in tables(connection, "looked_at"):
                source = f"looked_at.{schema}.{name}"
                test = touched(erasing.columns_of(connection, source), person, set())
                for row in fetched(connection, f"from {source} where {test}"):
                    cells = {k: v for k, v in row.items() if names(person, v)}
                    found.append(
                        {"run_id": version.run_id, "table": f"{schema}.{name}", "cells": cells}
                    )
    return found


def files_that_name(settings: Settings, root: Path, person: Erased, known: set[str]) -> list[str]:
    """Further files that hold the person: what was set aside, reports, copies."""
    left = []
    for path in tracked(list(erasing.everything(settings, root)), "looking for further files"):
        if str(path) in known or path in (settings.warehouse,):
            continue
        if erasing.why_left(path, settings, person, None):
            left.append(str(path))
    return left


def export(settings: Settings, root: Path, user: str, person: Erased) -> Found:
    """All of it."""
    stored, unread = records(settings, person)
    working, made = of_working_file(settings, person)
    seen = published(settings, person)
    shown = {one["file"] for one in stored}
    shown |= {str(p) for p in settings.versions.rglob("*") if p.is_file()}
    return {
        "user_id": user,
        "account_id": person.account or None,
        "pseudonyms": [t for t in person.texts if t.startswith("u_") and used(t, stored, working)],
        "records": stored,
        "working_file": working,
        "derived": made,
        "published": seen,
        "other_files": [] if person.account else files_that_name(settings, root, person, shown),
        "not_readable": unread,
    }


def used(pseudonym: str, *found: list[Found]) -> bool:
    """Whether a pseudonym stands in what was found: others are of spellings that nobody used."""
    return any(pseudonym in map(str, one["cells"].values()) for rows in found for one in rows)


def is_anything(found: Found) -> bool:
    return any(found[part] for part in ("records", "working_file", "published", "other_files"))


def as_json(found: Found) -> str:
    def plain(value: Any) -> Any:
        return float(value) if isinstance(value, Decimal) else str(value)

    return json.dumps(found, indent=1, default=plain, ensure_ascii=False)
