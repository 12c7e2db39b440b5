"""What came and when: the figures that audits compare, and that a version keeps of itself.

Two tables, in Parquet beside the data of a published version:

.shares   one row per input, load, measure and column: `part` of `whole` rows. A load is
          what came with one batch; of rows that were not landed, what is new since the
          last publication (`loaded_at` null holds their totals)
.days     one row per input and business day: rows, events, users, accounts, and of usage
          the combinations of account, user and feature

No key, no text of the data: names of columns, dates and counts only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from customer_health.bulk import insert_texts
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import Contract, quoted
from customer_health.refresh import landing
from customer_health.settings import Settings

SHARES, DAYS = ".shares", ".days"
USAGE = "usage_events"
# Staging keeps days of some moments only.
STAGED = {
    "started_at": "started_on",
    "issued_at": "issued_on",
    "due_at": "due_on",
    "paid_at": "paid_on",
    "term_ends_at": "term_ends_on",
    "ended_at": "ended_on",
    "expires_at": "expires_on",
}
# Columns of staging that are verdicts or follow from other columns.
JUDGED = ("record_status", "rejection_reason", "rejected_column", "cell_issues", "loaded_at",
          "is_urgent", "is_reopened", "starts_on")  # fmt: skip
UNMATCHED = "('unknown_account', 'missing_account_id')"


@dataclass(frozen=True)
class Share:
    """`part` of the `whole` rows of a load; `loaded_at` is null for totals of rows not landed."""

    input: str
    loaded_at: datetime | None
    measure: str
    column: str
    part: int
    whole: int


@dataclass(frozen=True)
class Load:
    """A batch: when its rows came, the file that they came in, its landed file, and its number."""

    input: str
    loaded_at: datetime
    file: str
    path: Path
    rows: int
    number: int

    @property
    def name(self) -> str:
        """As --withdraw takes it."""
        return f"{self.input}/batch-{self.number:06}"


def key_of(contract: Contract) -> str:
    return contract.columns[0].name


def moment_of(contract: Contract) -> str:
    """The staged column of the business moment."""
    name = next(column.name for column in contract.columns if column.type == "timestamp")
    return STAGED.get(name, name)


def loads(settings: Settings) -> list[Load]:
    """Every batch that counts, the oldest first within each input."""
    return [
        Load(
            name,
            datetime.fromisoformat(batch.loaded_at).replace(tzinfo=None),
            batch.source_file,
            batch.path,
            batch.rows_received - batch.rows_erased,
            batch.number,
        )
        for name, batch in landing.batches(settings)
    ]


def staged_columns(connection: duckdb.DuckDBPyConnection, contract: Contract) -> list[str]:
    """The columns of an input that staging keeps: key first, without verdicts."""
    rows = connection.execute(
        "select column_name from duckdb_columns() where database_name = 'working'"
        " and schema_name = 'staging' and table_name = ? order by column_index",
        [f"stg_{contract.name}"],
    ).fetchall()
    return [name for (name,) in rows if name not in JUDGED]


def optional_columns(contract: Contract, staged: Iterable[str]) -> dict[str, str]:
    """{column of the contract: its name in staging} of those that may be empty."""
    known = set(staged)
    return {
        column.name: STAGED.get(column.name, column.name)
        for column in contract.columns
        if not column.required and STAGED.get(column.name, column.name) in known
    }


# ------------------------------------------------------------------------- shares of the new loads


def new_shares(
    connection: duckdb.DuckDBPyConnection, contract: Contract, new: list[Load]
) -> list[Share]:
    """The shares of the loads of one input that were never published."""
    if not new:
        return []
    connection.execute("create or replace temp table new_loads (loaded_at timestamp)")
    insert_texts(connection, "new_loads", [[str(load.loaded_at)] for load in new])
    counted = {load.loaded_at: load.rows for load in new}
    if contract.name == USAGE:
        rows = [*usage_issues(connection), *usage_filled(connection, contract, new)]
    else:
        rows = [*staged_issues(connection, contract), *staged_shares(connection, contract)]
    found = [
        Share(contract.name, moment, measure, column, part, whole)
        for moment, measure, column, part, whole in rows
    ]
    return [*found, *nothing_wrong(contract, found, counted)]


def nothing_wrong(
    contract: Contract, found: list[Share], counted: dict[datetime, int]
) -> list[Share]:
    """The shares that are 0 because a load has no such row."""
    has = {(share.loaded_at, share.measure, share.column) for share in found}
    wanted = [("rejected", ""), ("unmatched", "")]
    wanted += [("blanked", column) for column in blankable(contract)]
    return [
        Share(contract.name, moment, measure, column, 0, rows)
        for moment, rows in counted.items()
        for measure, column in wanted
        if rows and (moment, measure, column) not in has
    ]


def blankable(contract: Contract) -> list[str]:
    """Columns of which a cell may be blanked: all that may be empty."""
    return [column.name for column in contract.columns if not column.required]


def issue_rows(table: str, contract: Contract, whole: str, where: str) -> str:
    """SQL: rejected, unmatched and blanked rows of each load in a table with verdicts."""
    blanked = ", ".join(
        f"count(*) filter (rejection_reason is null and cell_issues like '%,{name}:%')"
        f" as {landing.identifier('blanked:' + name)}"
        for name in blankable(contract)
    )
    return f"""
        with issues as (

            select
                loaded_at,
                {whole} as whole,
                count(*) filter (
                    rejection_reason is not null and rejection_reason not in {UNMATCHED}
                ) as "rejected:",
                count(*) filter (rejection_reason in {UNMATCHED}) as "unmatched:",
                {blanked}
            from {table}
            where {where}
            group by loaded_at

        )

        select loaded_at, split_part(name, ':', 1), split_part(name, ':', 2), part, whole
        from (unpivot issues on * exclude (loaded_at, whole) into name name value part)
    """


def staged_issues(
    connection: duckdb.DuckDBPyConnection, contract: Contract
) -> list[tuple[datetime, str, str, int, int]]:
    columns = connection.execute(f"describe working.staging.stg_{contract.name}").fetchall()
    issues = "*" if "cell_issues" in {row[0] for row in columns} else "*, '' as cell_issues"
    table = f"(select {issues} from working.staging.stg_{contract.name})"
    where = "loaded_at in (from new_loads)"
    return connection.execute(issue_rows(table, contract, "count(*)", where)).fetchall()


def staged_shares(
    connection: duckdb.DuckDBPyConnection, contract: Contract
) -> list[tuple[datetime, str, str, int, int]]:
    """Filled cells, cells lost between two versions of a record, records that are there under two
    keys, keys that change their account."""
    staged = staged_columns(connection, contract)
    optional = optional_columns(contract, staged)
    key = key_of(contract)
    rest = [landing.identifier(name) for name in staged if name != key]
    owner = "account_id" if key != "account_id" else moment_of(contract)
    has_issues = bool(
        connection.execute(
            "select 1 from duckdb_columns() where database_name = 'working' and table_name = ?"
            " and column_name = 'cell_issues'",
            [f"stg_{contract.name}"],
        ).fetchall()
    )

    def is_there(name: str, column: str) -> str:
        blank = f"coalesce(cell_issues like '%,{name}:%', false)" if has_issues else "false"
        return f"({landing.identifier(column)} is not null or {blank})"

    cells = []
    for name, column in optional.items():
        filled, lost = (landing.identifier(f"{word}:{name}") for word in ("filled", "lost"))
        whole = landing.identifier(f"whole_lost:{name}")
        before = f"lag({is_there(name, column)}) over versions"
        cells += [
            f"cast({is_there(name, column)} as integer) as {filled}",
            f"cast(coalesce({before}, false) and not {is_there(name, column)} as integer)"
            f" as {lost}",
            f"cast(coalesce({before}, false) as integer) as {whole}",
        ]
    sums = ", ".join(
        f"sum({landing.identifier(word + ':' + name)}) as {landing.identifier(word + ':' + name)}"
        for name in optional
        for word in ("filled", "lost", "whole_lost")
    )
    rows = connection.execute(
        f"""
        with kept as (

            select
                *,
                hash({", ".join(rest)}) as content,
                min({owner}) over (partition by {key}) is distinct from
                    max({owner}) over (partition by {key}) as is_conflict,
                {", ".join(cells)}
            from working.staging.stg_{contract.name}
            where rejection_reason is null
            window versions as (partition by {key} order by loaded_at, record_status)

        ),

        marked as (

            select
                *,
                -- Equal to a record of another key that came in an earlier load.
                record_status = 'accepted' and min(loaded_at) over (
                    partition by record_status, content
                ) < loaded_at as is_repeated
            from kept

        )

        select
            loaded_at,
            count(*) as whole,
            count(*) filter (record_status = 'accepted') as accepted,
            count(*) filter (is_repeated) as repeated,
            count(*) filter (is_conflict) as conflicts,
            {sums}
        from marked
        where loaded_at in (from new_loads)
        group by loaded_at
        """
    )
    names = [column[0] for column in rows.description]
    found: list[tuple[datetime, str, str, int, int]] = []
    for row in rows.fetchall():
        cell = dict(zip(names, row, strict=True))
        moment, whole = cell["loaded_at"], cell["whole"]
        found.append((moment, "repeated", "", cell["repeated"], cell["accepted"]))
        found.append((moment, "conflicts", "", cell["conflicts"], whole))
        for name in optional:
            found.append((moment, "filled", name, int(cell[f"filled:{name}"]), whole))
            if resent := int(cell[f"whole_lost:{name}"]):
                found.append((moment, "lost", name, int(cell[f"lost:{name}"]), resent))
    return found


def usage_issues(
    connection: duckdb.DuckDBPyConnection,
) -> list[tuple[datetime, str, str, int, int]]:
    """Of usage the rows of a load are known from its batch; the table has those with issues."""
    contract = next(one for one in raw_files.read_contract() if one.name == USAGE)
    table = "working.activity.usage_event_issues"
    where = "loaded_at in (from new_loads)"
    rows = connection.execute(issue_rows(table, contract, "0", where)).fetchall()
    return [row for row in rows if row[3]]


def usage_filled(
    connection: duckdb.DuckDBPyConnection, contract: Contract, new: list[Load]
) -> Iterator[tuple[datetime, str, str, int, int]]:
    """Filled cells of the new batches of usage, as they were landed."""
    for load in new:
        source = raw_files.source_sql([load.path])
        there = {row[0] for row in connection.execute(f"describe from {source}").fetchall()}
        names = [column.name for column in contract.columns if not column.required]
        cells = [
            f"count(nullif(trim(cast({landing.identifier(name)} as varchar)), ''))"
            if name in there
            else "0"
            for name in names
        ]
        ((whole, *filled),) = connection.execute(
            f"select count(*), {', '.join(cells)} from {source}"
        ).fetchall()
        for name, part in zip(names, filled, strict=True):
            yield load.loaded_at, "filled", name, part, whole


def completed(shares: list[Share], rows: dict[tuple[str, datetime | None], int]) -> list[Share]:
    """Shares with the rows of their load as the whole, where the table could not tell."""
    return [
        Share(s.input, s.loaded_at, s.measure, s.column, s.part, rows[s.input, s.loaded_at])
        if not s.whole
        else s
        for s in shares
    ]


# ---------------------------------------------------------------------- rows that were not landed


def totals(connection: duckdb.DuckDBPyConnection, name: str, raw_rows: int) -> list[Share]:
    """The shares of all rows of an input whose files somebody else put into the raw folder."""
    rows = connection.execute(
        f"""
        select
            count(*) filter (action = 'row_rejected' and reason not in {UNMATCHED}),
            count(*) filter (action = 'row_rejected' and reason in {UNMATCHED})
        from working.marts.rejected_records
        where input = ?
        """,
        [name],
    ).fetchall()
    blanked = connection.execute(
        "select column_name, count(*) from working.marts.rejected_records"
        " where input = ? and action = 'cell_blanked' group by column_name",
        [name],
    ).fetchall()
    ((rejected, unmatched),) = rows
    return [
        Share(name, None, "rejected", "", rejected, raw_rows),
        Share(name, None, "unmatched", "", unmatched, raw_rows),
        *(Share(name, None, "blanked", column, cells, raw_rows) for column, cells in blanked),
    ]


# -------------------------------------------------------------------------------------- the days


def write_days(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `days` of the working file: what every business day holds."""
    connection.execute(
        """
        create or replace temp table days as
        with combinations as (

            select activity_date, count(*) as combinations
            from working.activity.usage_activity_daily
            group by activity_date

        ),

        usage_by_day as (

            select
                activity_date,
                sum(events) as events,
                sum(active_users) as users,
                count(*) as accounts
            from working.activity.account_activity_daily
            group by activity_date

        )

        select
            'usage_events' as input,
            usage_days.event_date as day,
            usage_days.accepted_rows as row_count,
            cast(usage_by_day.events as bigint) as events,
            cast(usage_by_day.users as bigint) as users,
            usage_by_day.accounts,
            combinations.combinations
        from working.activity.usage_days
        inner join usage_by_day on usage_days.event_date = usage_by_day.activity_date
        inner join combinations on usage_days.event_date = combinations.activity_date
        where usage_days.accepted_rows > 0
        """
    )
    for contract in raw_files.read_contract():
        if contract.name != USAGE:
            day = f"cast({moment_of(contract)} as date)"
            connection.execute(
                f"insert into days select {quoted(contract.name)}, {day}, count(*), null, null,"
                f" count(distinct account_id), null from working.staging.stg_{contract.name}"
                f" where record_status = 'accepted' group by {day}"
            )


def write_shares(connection: duckdb.DuckDBPyConnection, shares: list[Share]) -> None:
    """Make the table `shares`."""
    connection.execute(
        "create or replace temp table shares (input varchar, loaded_at timestamp, measure varchar,"
        " column_name varchar, part bigint, whole bigint)"
    )
    rows = [
        (
            s.input,
            str(s.loaded_at) if s.loaded_at else None,
            s.measure,
            s.column,
            str(s.part),
            str(s.whole),
        )
        for s in shares
    ]
    insert_texts(connection, "shares", rows)


def read_shares(connection: duckdb.DuckDBPyConnection, version: Path | None) -> list[Share]:
    """The shares that a published version keeps; none where it has none."""
    path = version / SHARES if version else None
    if not path or not path.exists():
        return []
    rows = connection.execute(
        "select input, loaded_at, measure, column_name, part, whole from"
        f" {raw_files.parquet_sql([path])} order by all"
    ).fetchall()
    return [Share(*row) for row in rows]


def read_days(connection: duckdb.DuckDBPyConnection, version: Path | None) -> bool:
    """Make the table `days_before` of a published version, empty where it keeps none; whether it
    keeps some."""
    path = version / DAYS if version else None
    has = bool(path and path.exists())
    rows = raw_files.parquet_sql([path]) if path and has else "(from days limit 0)"
    connection.execute(f"create or replace temp table days_before as from {rows}")
    return has


def keep(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write both tables into the folder of a version."""
    for table, name in (("shares", SHARES), ("days", DAYS)):
        connection.execute(
            f"copy (from {table} order by all) to {quoted(str(folder / name))}"
            " (format parquet, compression zstd)"
        )


def newest_day(connection: duckdb.DuckDBPyConnection, name: str) -> date | None:
    row = connection.execute("select max(day) from days where input = ?", [name]).fetchone()
    return row[0] if row else None
