"""Take an account or a user out of everything that is kept: raw files, the working file, the log,
every published version, artifacts; and look afterwards whether it is gone."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import raw_files
from raw_files import Contract, quoted

from nightly import landing, privacy, publishing
from nightly.places import CHECKS_FAILED, CONFIGURATION, SERVING_FILE, Places, Stop, put_in_place
from nightly.privacy import Key

PERSON = landing.PERSONAL
# Shorter ids are looked for as whole cells only: in bytes and sentences they stand by chance.
SHORTEST_IN_TEXT = 6


@dataclass(frozen=True)
class Erased:
    """Whom to erase: the id as received and what stands for it. Rows of it have it in `column`; of
    a user of one `account` only the rows of that account are its own."""

    kind: str
    texts: tuple[str, ...]
    tombstone: str
    account: str = ""

    @property
    def column(self) -> str:
        return "account_id" if self.kind == "account" else PERSON

    def listed(self) -> str:
        return f"({', '.join(quoted(text) for text in self.texts)})"

    def words(self) -> str:
        """A regular expression of its ids that are long enough to be looked for in text. In text
        nothing tells of which account a user is."""
        if self.account:
            return ""
        return "|".join(re.escape(t) for t in self.texts if len(t) >= SHORTEST_IN_TEXT)

    def is_named_in(self, column: str) -> str:
        """SQL: whether text holds it, not as a part of a longer word."""
        if not self.words():
            return "false"
        return f"coalesce(regexp_matches({column}, {quoted(self.pattern())}), false)"

    def pattern(self) -> str:
        return rf"(^|[^\w-])(?:{self.words()})($|[^\w-])"

    def cleaned(self, column: str) -> str:
        """SQL: the text without it."""
        # Twice, because neighbours share the blank between them.
        for _ in range(2) if self.words() else ():
            pattern = quoted(self.pattern())
            column = f"regexp_replace({column}, {pattern}, '\\1(erased)\\2', 'g')"
        return column

    def is_in_bytes(self, data: bytes) -> bool:
        """Whether bytes hold it, not as a part of a longer word."""
        words = self.words().encode()
        return bool(words) and bool(re.search(rb"(?<![\w-])(?:" + words + rb")(?![\w-])", data))

    def is_in(self, column: str) -> str:
        """SQL: whether a text column holds it, blanks around it or not."""
        return f"coalesce(trim(cast({column} as varchar)) in {self.listed()}, false)"


@dataclass
class Receipt:
    """What was done, without saying to whom."""

    kind: str
    tombstone: str
    rows: dict[str, int] = field(default_factory=dict)
    files_removed: int = 0
    left: list[str] = field(default_factory=list)
    is_found: bool = False

    def count(self, place: str, rows: int) -> None:
        if rows:
            self.is_found = True
            self.rows[place] = self.rows.get(place, 0) + rows


def whom(account: str | None, user: str | None, key: Key) -> Erased:
    """Whom the ids stand for: an account, a user in all accounts, or a user of one account."""
    if user is None:
        account = (account or "").strip()
        return Erased("account", (account,), key.tombstone("account", account))
    user, account = user.strip(), (account or "").strip()
    tombstone = key.tombstone("user", f"{account}\0{user}" if account else user)
    return Erased("user", (user, key.pseudonym(user)), tombstone, account)


def names_accounts(column: str) -> bool:
    """Whether a column may hold the id of an account that is not the row's own."""
    return any(word in column.lower() for word in ("account", "parent", "record_key"))


def row_column(columns: dict[str, str], erased: Erased) -> str | None:
    """The column that says whose row it is, as it is spelled in the table: of a corporate group the
    account on top."""
    found = {name.strip().lower(): name for name in columns}
    group = found.get("parent_account_id") if erased.kind == "account" else None
    return found.get(erased.column) or group


def own_rows(columns: dict[str, str], erased: Erased) -> str:
    """SQL: whether a row is its own."""
    column = row_column(columns, erased)
    if not column:
        return "false"
    test = erased.is_in(landing.identifier(column))
    if erased.account:
        account = next((name for name in columns if name.strip().lower() == "account_id"), None)
        if not account:
            return "false"
        cell = f"trim(cast({landing.identifier(account)} as varchar))"
        test = f"({test} and coalesce({cell} = {quoted(erased.account)}, false))"
    return test


def other_columns(columns: dict[str, str], erased: Erased) -> list[str]:
    """Further columns that may name it, in rows that stay."""
    own = row_column(columns, erased)
    return [
        name
        for name in columns
        if name != own and erased.kind == "account" and names_accounts(name)
    ]


def sentences(columns: dict[str, str], ours: set[str]) -> list[str]:
    """The columns of free text: those known to be, and where there are some that are `ours`, all
    others."""
    return [
        name
        for name, kind in columns.items()
        if kind == "VARCHAR"
        and (name.lower() in privacy.SENTENCES or (ours and name.strip().lower() not in ours))
    ]


def replacements(columns: dict[str, str], erased: Erased, ours: set[str]) -> str:
    """The columns of a table, null where they name it in a row that is not its own; out of free
    text it is taken."""
    cells, others = [], other_columns(columns, erased)
    free = sentences(columns, ours)
    for name in columns:
        column = landing.identifier(name)
        id_name = name.removesuffix("_name") + "_id"
        if name.endswith("_name") and id_name in others:
            id_column = landing.identifier(id_name)
            cells.append(f"case when not {erased.is_in(id_column)} then {column} end as {column}")
        elif name in others:
            cells.append(f"case when not {erased.is_in(column)} then {column} end as {column}")
        elif name in free:
            cells.append(f"{erased.cleaned(column)} as {column}")
        else:
            cells.append(column)
    return ", ".join(cells)


def touched(columns: dict[str, str], erased: Erased, ours: set[str]) -> str:
    """SQL: whether a row names it anywhere."""
    tests = [own_rows(columns, erased)]
    tests += [erased.is_in(landing.identifier(name)) for name in other_columns(columns, erased)]
    tests += [erased.is_named_in(landing.identifier(name)) for name in sentences(columns, ours)]
    return " or ".join(tests)


def columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(f"describe from {source}").fetchall()}


def without(columns: dict[str, str], erased: Erased, ours: set[str]) -> tuple[str, str]:
    """(select list, condition) of what stays of a table."""
    condition = f"not {own_rows(columns, erased)}"
    return replacements(columns, erased, ours), condition


# --------------------------------------------------------------------------------- single files


def rewrite(
    path: Path, source: str, options: Callable[[int], str], erased: Erased, ours: set[str]
) -> int:
    """Write a file anew without it, if a row names it; the rows that did. `source` reads the file,
    `options` are those of the copy, by the number of rows that are left out."""
    written = path.with_name(f"{path.name}{landing.UNFINISHED}")
    with duckdb.connect() as connection:
        columns = columns_of(connection, source)
        select, condition = without(columns, erased, ours)
        ((rows, gone),) = connection.execute(
            f"select count(*) filter ({touched(columns, erased, ours)}),"
            f" count(*) filter (not ({condition})) from {source}"
        ).fetchall()
        if not rows:
            return 0
        connection.execute(
            f"copy (select {select} from {source} where {condition}) to {quoted(str(written))}"
            f" ({options(gone)})"
        )
    written.chmod(0o640)
    put_in_place(written, path)
    return int(rows)


def erase_parquet(path: Path, erased: Erased, ours: set[str]) -> int:
    """Rewrite a Parquet file; its metadata stay, a landed one counts what was erased."""
    found = duckdb.execute(
        "select decode(key), decode(value) from parquet_kv_metadata(?)", [str(path)]
    ).fetchall()
    metadata = dict(found)
    if "source_file" in metadata and erased.is_in_bytes(metadata["source_file"].encode()):
        metadata["source_file"] = "(erased)"

    def options(gone: int) -> str:
        if "rows_erased" in metadata:
            metadata["rows_erased"] = str(int(metadata["rows_erased"]) + gone)
        kept = f", kv_metadata {landing.metadata_sql(metadata)}" if metadata else ""
        return f"format parquet, compression zstd{kept}"

    return rewrite(path, f"read_parquet({quoted(str(path))})", options, erased, ours)


def erase_csv(path: Path, erased: Erased, ours: set[str]) -> int:
    """Rewrite a CSV file."""
    options = "format csv, header true"
    return rewrite(path, raw_files.source_sql([path]), lambda _: options, erased, ours)


def erase_database(path: Path, erased: Erased) -> int:
    """Write a published DuckDB file anew without it, so that no freed block holds it either; the
    rows that named it."""
    written = path.with_name(f"{path.name}{landing.UNFINISHED}")
    written.unlink(missing_ok=True)
    rows = 0
    with duckdb.connect() as connection:
        publishing.attach(connection, path, "former")
        connection.execute(
            f"attach {quoted(str(written))} as later"
            f" (storage_version {quoted(publishing.STORAGE_VERSION)})"
        )
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'former'"
            " order by all"
        ).fetchall()
        for schema, name in tables:
            source, goal = f"former.{schema}.{name}", f"later.{schema}.{name}"
            columns = columns_of(connection, source)
            ((named,),) = connection.execute(
                f"select count(*) from {source} where {touched(columns, erased, set())}"
            ).fetchall()
            rows += named
            select, condition = without(columns, erased, set())
            connection.execute(f"create schema if not exists later.{schema}")
            connection.execute(
                f"create table {goal} as select {select} from {source} where {condition}"
            )
        connection.execute("detach later")
    if rows:
        written.chmod(0o640)
        put_in_place(written, path)
    else:
        written.unlink()
    return rows


# ------------------------------------------------------------------------------------ the places


def erase_raw(places: Places, erased: Erased, receipt: Receipt) -> None:
    """The raw files, landed or not."""
    for contract in raw_files.read_contract():
        folder = places.raw / contract.name
        ours = {column.name for column in contract.columns} | set(landing.OWN_COLUMNS)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            suffix = path.suffix.lower()
            if suffix == ".parquet":
                receipt.count("raw", erase_parquet(path, erased, ours))
            elif suffix == ".csv":
                receipt.count("raw", erase_csv(path, erased, ours))


def erase_working_file(places: Places, receipt: Receipt) -> None:
    """The working file: removed whole, the next run builds it anew from the raw files."""
    for path in places.warehouse.parent.glob(f"{places.warehouse.name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
            receipt.files_removed += 1


def erase_published(places: Places, erased: Erased, receipt: Receipt) -> None:
    """Every published version, and the log."""
    for version in publishing.versions(places):
        receipt.count("published", erase_database(version.folder / SERVING_FILE, erased))
        for path in sorted(version.folder.rglob("*.parquet")):
            receipt.count("published", erase_parquet(path, erased, set()))
        for path in sorted(version.folder.glob("*.csv")):
            receipt.count("published", erase_csv(path, erased, set()))
        erased_rows = publishing.read_manifest(version.folder).get("erased_rows", {})
        publishing.write_manifest(version.folder, version.run_id, erased_rows)
    for path in sorted(places.log.rglob("*.parquet")):
        receipt.count("log", erase_parquet(path, erased, set()))


def erase_artifacts(places: Places, root: Path, receipt: Receipt) -> None:
    """Reports, logs and artifacts of runs: they may name it in words, and nobody needs them."""
    for folder in (places.runs, root / "target", root / "logs"):
        if folder.is_dir():
            receipt.files_removed += sum(path.is_file() for path in folder.rglob("*"))
            shutil.rmtree(folder)


def erase_inbox(places: Places, erased: Erased, receipt: Receipt) -> None:
    """Files of the inbox that were landed and hold it are removed: the raw files have the rest."""
    for contract, path in landing.landed_arrivals(places):
        if holds(path, erased, contract):
            path.unlink()
            receipt.is_found = True
            receipt.files_removed += 1


def refuse_sample(places: Places) -> None:
    if places.is_sample():
        raise Stop(
            CONFIGURATION,
            "The raw folder is the sample's, which holds nobody.",
            "Name the folder of your raw files: export HEALTH_RAW_DIR=/path/to/raw",
        )


# -------------------------------------------------------------------------------- is it gone?


def holds(path: Path, erased: Erased, contract: Contract | None = None) -> bool:
    """Whether a file holds it: in its bytes, or in a decoded column. One of the inbox is read as
    the input that it is of."""
    data = path.read_bytes()
    if erased.is_in_bytes(data):
        return True
    try:
        if contract:
            arrival = landing.look_at(path, contract, "")
            return not arrival.problem and holds_rows(f"({landing.rows_sql(arrival)})", erased)
        if data[:4] == b"PAR1":
            return holds_rows(f"read_parquet({quoted(str(path))})", erased)
        if data[8:12] == b"DUCK":
            return holds_in_database(path, erased)
        if path.suffix.lower() == ".csv":
            return holds_rows(raw_files.source_sql([path]), erased)
    except (duckdb.Error, raw_files.CannotReadError):
        return False
    return False


def is_packed(path: Path) -> bool:
    """Whether a file has to be unpacked before anything can be found in it."""
    with path.open("rb") as file:
        return file.read(4).startswith((b"\x1f\x8b", b"PK", b"BZh", b"\xfd7zX", b"(\xb5/\xfd"))


def holds_rows(source: str, erased: Erased) -> bool:
    with duckdb.connect() as connection:
        return connection.execute(
            f"select count(*) from {source} where {is_anywhere(connection, source, erased)}"
        ).fetchall() != [(0,)]


def is_anywhere(connection: duckdb.DuckDBPyConnection, source: str, erased: Erased) -> str:
    """SQL: whether a row holds it, as a cell that may name it or as a word of any text."""
    columns = columns_of(connection, source)
    every = [f"coalesce({landing.identifier(n)}, '')" for n, k in columns.items() if k == "VARCHAR"]
    whole = " || ' ' || ".join(every) or "''"
    return f"{touched(columns, erased, set())} or {erased.is_named_in(f'({whole})')}"


def holds_in_database(path: Path, erased: Erased) -> bool:
    with duckdb.connect() as connection:
        publishing.attach(connection, path, "looked_at")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'looked_at'"
        ).fetchall()
        for schema, name in tables:
            source = f"looked_at.{schema}.{name}"
            condition = is_anywhere(connection, source, erased)
            found = connection.execute(f"select count(*) from {source} where {condition}")
            if found.fetchall() != [(0,)]:
                return True
    return False


def everything(places: Places, root: Path) -> Iterator[Path]:
    """Every file that may hold a record."""
    for folder in (places.raw, places.inbox, places.publish, places.warehouse.parent,
                   root / "target", root / "logs"):  # fmt: skip
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                yield path


def erase(places: Places, root: Path, erased: Erased, tell: Callable[[str], None]) -> Receipt:
    """Take it out of everything, then look for it; the receipt names the files that still hold it,
    which only a person can decide about."""
    refuse_sample(places)
    receipt = Receipt(erased.kind, erased.tombstone)
    try:
        tell("inbox")
        erase_inbox(places, erased, receipt)
        tell("raw files")
        erase_raw(places, erased, receipt)
        tell("published versions and log")
        erase_published(places, erased, receipt)
        tell("working file and artifacts")
        erase_working_file(places, receipt)
        erase_artifacts(places, root, receipt)
    except (OSError, duckdb.Error) as error:
        raise Stop(
            CHECKS_FAILED,
            f"The erasure is not complete: {type(error).__name__}.",
            "Free some space or mend the permissions, and run it again; it goes on from here.",
        ) from None
    tell("looking for what is left")
    inputs = {path: contract for contract, path in landing.arrivals(places)}
    for path in everything(places, root):
        if holds(path, erased, inputs.get(path)):
            receipt.left.append(str(path))
        elif is_packed(path):
            receipt.left.append(f"{path} (packed: unpack it to see)")
    receipt.is_found |= bool(receipt.left)
    return receipt
