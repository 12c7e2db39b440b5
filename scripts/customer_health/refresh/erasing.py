"""Take an account or a user out of everything that is kept: raw files, the working file, the log,
every published version, artifacts; and look afterwards whether it is gone."""

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import duckdb

from customer_health.console import tracked
from customer_health.disk import put_in_place
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UserError
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import Contract, quoted
from customer_health.refresh import batches, inbox, landing, privacy, publishing
from customer_health.refresh.privacy import Key
from customer_health.refresh.publishing import is_folder
from customer_health.settings import (
    RUN_ID,
    SERVING_FILE,
    SIDE_FILES,
    SIDE_FOLDER,
    Settings,
    project_root,
)

PERSON = landing.PERSONAL
# What DuckDB has in its folder for what does not fit into memory.
DUCKDB_TEMPORARY = re.compile(r"duckdb_temp_storage_\w+-\d+\.tmp|duckdb_temp_block-\d+\.block")
# What dbt writes into its folders.
DBT_TARGET = (
    "catalog.json", "compiled", "graph.gpickle", "graph_summary.json", "index.html",
    "manifest.json", "partial_parse.msgpack", "perf_info.json", "run", "run_results.json",
    "semantic_manifest.json", "sources.json", "static_index.html",
)  # fmt: skip
DBT_LOG = re.compile(r"dbt\.log(\.\d+)?|query_log\.sql")


# Columns of the contract that hold no text, though they may arrive as such: in them an id made of
# digits stands by chance.
NOT_TEXT = {
    column.name
    for contract in raw_files.read_contract()
    for column in contract.columns
    if column.type != "varchar"
}
# Text is looked through in parts, which share as many bytes with the part before.
PART, SHARED = 8_000_000, 4_096
BLANKS = " \t\n\r\u00a0"
# Errors of DuckDB that do not tell of a file.
OWN_FAULTS = (
    duckdb.OutOfMemoryException, duckdb.ParserException, duckdb.BinderException,
    duckdb.CatalogException, duckdb.SyntaxException,
)  # fmt: skip
# A file that is written anew, until it takes the place of the one that it is made of.
HALF_ERASED = f".erasing{landing.UNFINISHED}"


@dataclass(frozen=True)
class Erased:
    """Whom to erase: the id in every spelling and what stands for it. Rows of it have it in
    `column`; of a user of one `account` only the rows of that account are its own."""

    kind: str
    texts: tuple[str, ...]
    tombstones: tuple[str, ...]
    account: str = ""

    @property
    def column(self) -> str:
        return "account_id" if self.kind == "account" else PERSON

    @property
    def length(self) -> int:
        """How long the id is; 0 where text does not tell whether it is meant."""
        return 0 if self.account else len(privacy.folded(self.texts[0]))

    def listed(self) -> str:
        """SQL: the cells that are it, without capitals."""
        spelled = [form for text in self.texts for form in (text, quote(text, safe=""))]
        forms = dict.fromkeys(text.lower() for text in spelled)
        return f"({', '.join(quoted(text) for text in forms)})"

    @property
    def is_ordinary(self) -> bool:
        """Whether the id is a word, as `enterprise`, which may mean something else in names."""
        return self.texts[0].isalpha()

    @cached_property
    def words(self) -> str:
        """A regular expression of its ids that are long enough to be looked for in text, as they
        are and as URLs and file names spell them; capitals do not count there."""
        long = [t.lower() for t in self.texts if len(t) >= privacy.SHORTEST_IN_TEXT]
        hidden = [re.escape(t[2:]) for t in dict.fromkeys(long) if privacy.PSEUDONYM.fullmatch(t)]
        shapes = [shape(t) for t in dict.fromkeys(long) if not privacy.PSEUDONYM.fullmatch(t)]
        return "|".join([*shapes, *([f"u_(?:{'|'.join(hidden)})"] if hidden else [])])

    def pattern(self) -> str:
        """A regular expression of SQL: it, neither preceded nor followed by a letter or a digit,
        but for those of an encoded character."""
        return rf"(?i)(^|[^\pL\pN]|%[0-9a-f][0-9a-f])(?:{self.words})($|[^\pL\pN])"

    def is_named_in(self, column: str) -> str:
        """SQL: whether text holds it, not as a part of a longer run of letters and digits."""
        if not self.words:
            return "false"
        return f"coalesce(regexp_matches({column}, {quoted(self.pattern())}), false)"

    def cleaned(self, column: str) -> str:
        """SQL: the text without it."""
        # Twice, because neighbours share the blank between them.
        for _ in range(2) if self.words else ():
            pattern = quoted(self.pattern())
            column = f"regexp_replace({column}, {pattern}, '\\1{privacy.ERASED}\\2', 'g')"
        return column

    @cached_property
    def expression(self) -> re.Pattern[str] | None:
        """The same for Python; none where nothing of it can be told in text."""
        if self.account or not self.words:
            return None
        before = r"(?:(?<![^\W_])|(?<=%[0-9a-fA-F]{2}))"
        return re.compile(rf"(?i){before}(?:{self.words})(?![^\W_])")

    def without(self, text: str) -> str:
        """A text of ours without it."""
        return self.expression.sub(privacy.ERASED, text) if self.expression else text

    def is_in_bytes(self, data: bytes) -> bool:
        """Whether bytes hold it as text."""
        return bool(self.expression and self.expression.search(data.decode(errors="replace")))

    def is_in_name(self, name: str) -> bool:
        """Whether the name of a file holds it; a short one only as the whole name."""
        stem = privacy.folded(name.split(".")[0])
        is_whole = not self.account and stem in {privacy.folded(text) for text in self.texts}
        return is_whole or bool(self.expression and self.expression.search(name))

    def is_in_file(self, path: Path) -> bool:
        """Whether a file holds it as text."""
        if not self.expression:
            return False
        with path.open("rb") as file:
            before = b""
            while part := file.read(PART):
                text = (before + part).decode(errors="replace")
                for found in self.expression.finditer(text):
                    # What touches an end of the part is seen whole in the other one.
                    if found.start() or not before:
                        return True
                before = part[-SHARED:]
        return False

    def is_in(self, column: str) -> str:
        """SQL: whether a text column is it, in whatever capitals, blanks around it or not."""
        return f"coalesce({trimmed(column)} in {self.listed()}, false)"


def trimmed(column: str) -> str:
    """SQL: a cell as it is compared: without blanks around it and without capitals."""
    return f"lower(trim(cast({column} as varchar), {quoted(BLANKS)}))"


def shape(text: str) -> str:
    """A regular expression of an id, each character as it is or as URLs write it. In an e-mail
    address what is between the words may also be as file names and people write it."""
    is_mail = "@" in text.strip("@")
    parts = []
    for character in text:
        forms = [re.escape(character)]
        encoded = "".join(f"%{byte:02x}" for byte in character.encode())
        if not character.isascii() or not character.isalnum():
            forms.append(encoded)
        if is_mail and character == "@":
            forms += ["[-_ ]?at[-_ ]?", r"\(at\)", r" ?\[at\] ?", "[-_.]"]
        elif is_mail and character in "._-+":
            forms.append("[-_.]")
        parts.append(forms[0] if len(forms) == 1 else f"(?:{'|'.join(forms)})")
    return "".join(parts)


def spellings(text: str) -> list[str]:
    """An id in the capitals in which people and systems write it: a pseudonym is made of one
    spelling, and cannot be looked for in others."""

    def cases(part: str) -> list[str]:
        return list(
            dict.fromkeys((part, part.lower(), part.upper(), part.title(), part.capitalize()))
        )

    if "@" not in text:
        return cases(text)
    name, domain = text.rsplit("@", 1)
    return [f"{one}@{other}" for one in cases(name) for other in cases(domain)]


@dataclass
class Receipt:
    """What was done, without saying to whom. `left` names files without the id, `named` with it."""

    kind: str
    tombstone: str
    tombstones: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    files_removed: int = 0
    left: list[str] = field(default_factory=list)
    is_found: bool = False
    named: list[str] = field(default_factory=list)

    def leave(self, path: Path, reason: str) -> None:
        """Name a file that a person has to decide about."""
        text = f"{path} ({reason})" if reason else str(path)
        if not any(one.startswith(str(path)) for one in self.named):
            self.named.append(text)

    def count(self, place: str, rows: int) -> None:
        if rows:
            self.is_found = True
            self.rows[place] = self.rows.get(place, 0) + rows


def whom(
    account: str | None, user: str | None, key: Key, settings: Settings | None = None
) -> Erased:
    """Whom the ids stand for: an account, a user in all accounts, or a user of one account. A user
    has a pseudonym for every spelling: of the usual ones, and of those that are in the inbox."""
    account = (account or "").strip()
    if user is None:
        return Erased("account", (account,), tuple(key.tombstones("account", account)))
    user = user.strip()
    texts = [*spellings(user), *(spelled_in_inbox(settings, user) if settings else ())]
    texts += [key.pseudonym(text) for text in dict.fromkeys(texts)]
    stones = key.tombstones("user", *([account] if account else []), user)
    return Erased("user", tuple(dict.fromkeys((user, *texts))), tuple(stones), account)


def spelled_in_inbox(settings: Settings, user: str) -> list[str]:
    """How files of the inbox spell the id of a user."""
    found: list[str] = []
    for contract, path in landing.arrivals(settings):
        arrival = landing.look_at(path, contract, "")
        if arrival.problem or PERSON not in arrival.columns:
            continue
        with suppress(duckdb.Error), duckdb.connect() as connection:
            rows = connection.execute(
                f"select distinct trim(cast({PERSON} as varchar)) from"
                f" ({landing.rows_sql(arrival)}) where {trimmed(PERSON)} = ?",
                [user.lower()],
            ).fetchall()
            found += [text for (text,) in rows]
    return found


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
        test = f"({test} and {is_in_account(columns, erased)})"
    return test


def is_in_account(columns: dict[str, str], erased: Erased) -> str:
    """SQL: whether a text of a row speaks of it: of a user of one account only in rows of that."""
    if not erased.account:
        return "true"
    account = next((name for name in columns if name.strip().lower() == "account_id"), None)
    if not account:
        return "false"
    cell = trimmed(landing.identifier(account))
    return f"coalesce({cell} = {quoted(erased.account.lower())}, false)"


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


def texts(columns: dict[str, str], erased: Erased, ours: set[str]) -> list[str]:
    """The columns in which it may stand among other words: free text, and unless it is an ordinary
    word, every other text."""
    free = sentences(columns, ours)
    if erased.is_ordinary:
        return free
    known = {row_column(columns, erased), *other_columns(columns, erased)}
    return [
        name
        for name, kind in columns.items()
        if name in free
        or (
            kind == "VARCHAR"
            and name not in known
            and name.strip().lower() not in NOT_TEXT | {PERSON}
        )
    ]


def extras(columns: dict[str, str], ours: set[str]) -> list[str]:
    """The columns that nobody knows, in which a cell that is a short id may be it."""
    return [name for name in sentences(columns, ours) if name.strip().lower() not in ours]


def is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "JSON"))


def replacements(columns: dict[str, str], erased: Erased, ours: set[str]) -> str:
    """The columns of a table, null where they name it in a row that is not its own; out of text it
    is taken."""
    cells, others = [], other_columns(columns, erased)
    named, unknown = texts(columns, erased, ours), extras(columns, ours) if ours else []
    here = is_in_account(columns, erased)
    for name, kind in columns.items():
        column = landing.identifier(name)
        id_name = name.removesuffix("_name") + "_id"
        if name.endswith("_name") and id_name in others:
            id_column = landing.identifier(id_name)
            column = f"case when not {erased.is_in(id_column)} then {column} end"
        elif name in others:
            column = f"case when not {erased.is_in(column)} then {column} end"
        elif is_nested(kind):
            text = f"cast({column} as varchar)"
            column = f"case when not ({here} and {erased.is_named_in(text)}) then {column} end"
        elif name in named or name in unknown:
            free = erased.cleaned(column) if name in named else column
            if name in unknown:
                free = f"case when not {erased.is_in(column)} then {free} end"
            column = f"case when {here} then {free} else {column} end"
        cells.append(f"{column} as {landing.identifier(name)}")
    return ", ".join(cells)


def touched(columns: dict[str, str], erased: Erased, ours: set[str]) -> str:
    """SQL: whether a row names it anywhere."""
    tests = [own_rows(columns, erased)]
    tests += [erased.is_in(landing.identifier(name)) for name in other_columns(columns, erased)]
    here = is_in_account(columns, erased)
    within = [erased.is_named_in(landing.identifier(n)) for n in texts(columns, erased, ours)]
    if ours:
        within += [erased.is_in(landing.identifier(name)) for name in extras(columns, ours)]
    within += [
        erased.is_named_in(f"cast({landing.identifier(name)} as varchar)")
        for name, kind in columns.items()
        if is_nested(kind)
    ]
    if within:
        tests.append(f"({here} and ({' or '.join(within)}))")
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
    # Its own name may be as long as a name can be.
    written = path.with_name(HALF_ERASED)
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
        "select decode(key), decode(value) from parquet_kv_metadata(?)", [raw_files.literal(path)]
    ).fetchall()
    metadata = dict(found)
    if "source_file" in metadata and erased.is_in_bytes(metadata["source_file"].encode()):
        metadata["source_file"] = "(erased)"
    if "batches" in metadata:
        metadata["batches"] = batches.without_names(
            metadata["batches"], lambda text: erased.is_in_bytes(text.encode())
        )

    def options(gone: int) -> str:
        if "rows_erased" in metadata:
            metadata["rows_erased"] = str(int(metadata["rows_erased"]) + gone)
        kept = f", kv_metadata {landing.metadata_sql(metadata)}" if metadata else ""
        return f"format parquet, compression zstd{kept}"

    return rewrite(path, raw_files.parquet_sql([path]), options, erased, ours)


def erase_csv(path: Path, erased: Erased, ours: set[str]) -> int:
    """Rewrite a CSV file."""
    options = "format csv, header true, force_quote *"
    return rewrite(path, raw_files.source_sql([path]), lambda _: options, erased, ours)


def erase_json(path: Path, erased: Erased, ours: set[str]) -> int:
    """Rewrite a file of JSON lines that names it, all values as text, as they are read."""
    source = raw_files.union_sql([path], {path: raw_files.received_columns(path)})
    return rewrite(path, source, lambda _: "format json", erased, ours)


def erase_database(path: Path, erased: Erased) -> int:
    """Write a published DuckDB file anew without it, so that no freed block holds it either; the
    rows that named it."""
    written = path.with_name(HALF_ERASED)
    written.unlink(missing_ok=True)
    rows = 0
    with duckdb.connect() as connection:
        publishing.attach(connection, path, "previous")
        connection.execute(
            f"attach {quoted(str(written))} as later"
            f" (storage_version {quoted(publishing.STORAGE_VERSION)})"
        )
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'previous'"
            " order by all"
        ).fetchall()
        for schema, name in tables:
            source, goal = f"previous.{schema}.{name}", f"later.{schema}.{name}"
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


def columns_of_ours(path: Path) -> set[str]:
    """The columns of the contract and of landing, of the input whose folder a file is in."""
    contracts = {contract.name: contract for contract in raw_files.read_contract()}
    contract = contracts.get(path.parent.name)
    known = {column.name for column in contract.columns} if contract else {"account_id", PERSON}
    return known | set(landing.OWN_COLUMNS)


def erase_raw(settings: Settings, erased: Erased, receipt: Receipt) -> None:
    """The files below the raw folder, landed, withdrawn or put there by hand."""
    rewriters = {"parquet": erase_parquet, "csv": erase_csv, "json": erase_json}
    for path in sorted(settings.raw.rglob("*")):
        rewriter = rewriters.get(raw_files.kind_of(path))
        if not rewriter or not path.is_file() or path.is_symlink():
            continue
        # What is hidden in the folder itself are notes of landing, no records.
        if path.parent == settings.raw and path.name.startswith("."):
            continue
        with left_where_damaged(path, receipt):
            receipt.count("raw", rewriter(path, erased, columns_of_ours(path)))


@contextmanager
def left_where_damaged(path: Path, receipt: Receipt) -> Iterator[None]:
    """Name a file that cannot be read, and go on with the others."""
    try:
        yield
    except (raw_files.CannotReadError, duckdb.Error) as error:
        if isinstance(error, OWN_FAULTS) or publishing.is_full(error):
            raise
        path.with_name(HALF_ERASED).unlink(missing_ok=True)
        receipt.leave(path, "damaged, so nobody knows what it holds")


def working_files(settings: Settings) -> list[Path]:
    """The working file and what belongs to it, by exact name: what DuckDB writes beside it, and the
    damaged ones that a refresh set aside."""
    path = settings.warehouse
    damaged = re.compile(rf"{re.escape(path.name)}\.damaged-(?:{RUN_ID.pattern})")
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    temporary = path.with_name(path.name + SIDE_FOLDER)
    within = temporary.iterdir() if is_folder(temporary) else ()
    found = [
        path,
        *(path.with_name(path.name + name) for name in SIDE_FILES),
        *(p for p in sorted(beside) if damaged.fullmatch(p.name)),
        *(p for p in sorted(within) if DUCKDB_TEMPORARY.fullmatch(p.name)),
    ]
    return [p for p in found if p.is_file() or p.is_symlink()]


def erase_working_file(settings: Settings, receipt: Receipt) -> None:
    """The working file: removed whole, the next run builds it anew from the raw files."""
    for path in working_files(settings):
        path.unlink()
        receipt.files_removed += 1
    with suppress(OSError):
        settings.warehouse.with_name(settings.warehouse.name + SIDE_FOLDER).rmdir()


def erase_published(settings: Settings, erased: Erased, receipt: Receipt) -> None:
    """Every published version, the log, and the notes beside them."""
    for version in publishing.versions(settings):
        erase_version(version, erased, receipt)
    for path in sorted(settings.log.rglob("*.parquet")):
        with left_where_damaged(path, receipt):
            receipt.count("log", erase_parquet(path, erased, set()))
    notes = [settings.pin, *settings.publish.glob("receipts/*.json")]
    notes += settings.inbox.glob(f"*/{landing.SET_ASIDE}/*.reason.txt")
    for path in notes:
        with suppress(OSError, UnicodeDecodeError):
            text = path.read_text(encoding="utf-8")
            if (cleaned := erased.without(text)) != text:
                written = path.with_name(HALF_ERASED)
                written.write_text(cleaned, encoding="utf-8")
                put_in_place(written, path)
                receipt.is_found = True


def erase_version(version: publishing.Version, erased: Erased, receipt: Receipt) -> None:
    """A published version. What was damaged in it before stays known as damaged."""
    folder = version.folder
    manifest = publishing.read_manifest(folder)
    # One that was being erased when the command was killed differs from its manifest for that.
    damaged = [] if manifest.get("is_being_erased") else publishing.damaged_files(folder)
    publishing.note_in_manifest(folder, manifest | {"is_being_erased": True})
    files = [folder / SERVING_FILE, *sorted(folder.rglob("*.parquet")), *folder.glob("*.csv")]
    for path in (file for file in files if file.is_file()):
        path.with_name(HALF_ERASED).unlink(missing_ok=True)
        with left_where_damaged(path, receipt):
            if path.name == SERVING_FILE:
                receipt.count("published", erase_database(path, erased))
            elif path.suffix == ".csv":
                receipt.count("published", erase_csv(path, erased, set()))
            else:
                receipt.count("published", erase_parquet(path, erased, set()))
    is_marked = bool(manifest.get("is_marked_when_shown"))
    rows = manifest.get("erased_rows", {})
    publishing.write_manifest(folder, version.run_id, rows, is_marked=is_marked)
    if damaged:
        content = publishing.read_manifest(folder)
        content["sha256"] |= dict.fromkeys(damaged, "damaged before somebody was erased")
        publishing.note_in_manifest(folder, content)


def artifacts(settings: Settings, root: Path) -> list[Path]:
    """The folders of runs, and what dbt writes into its folders of the project, by exact name."""
    found = [root / "target" / name for name in DBT_TARGET]
    logs = (root / "logs").iterdir() if (root / "logs").is_dir() else ()
    found += sorted(p for p in logs if DBT_LOG.fullmatch(p.name))
    return publishing.run_folders(settings) + [p for p in found if p.exists()]


def erase_artifacts(settings: Settings, root: Path, receipt: Receipt) -> None:
    """Reports, logs and artifacts of runs: they may name it in words, and nobody needs them."""
    for path in artifacts(settings, root):
        if is_folder(path):
            receipt.files_removed += sum(file.is_file() for file in path.rglob("*"))
            remove_folder(path)
        else:
            path.unlink(missing_ok=True)
            receipt.files_removed += 1


def remove_folder(path: Path) -> None:
    """Remove a folder; dbt of another installation may be writing into it or cleaning it."""
    while path.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(path)


def erase_inbox(settings: Settings, erased: Erased, receipt: Receipt) -> None:
    """Files of the inbox that were landed and hold it are removed: the raw files have the rest."""
    for contract, path in landing.landed_arrivals(settings):
        if erased.is_in_name(path.name) or holds(path, erased, contract):
            receipt.is_found = True
            if path.is_symlink():
                receipt.leave(path, "a link: what it leads to holds it")
                continue
            receipt.files_removed += len(inbox.files_of(path))
            inbox.remove(path)


HOLDS = "holds it"


def check_memory(settings: Settings) -> None:
    """UserError(2) where landing does not remember all who were erased: the file is gone, or an
    older one was put back. Receipts tell of them, and what was landed."""
    memory = privacy.Memory(settings.raw)
    lost = [kind for kind, stones in receipts(settings) if not stones <= memory.tombstones(kind)]
    if lost:
        what = f"{len(lost)} of those who were erased (receipts in {settings.publish / 'receipts'})"
        raise forgotten(memory, f"{what} are not in {memory.path}")
    if not memory.path.exists():
        # Batches that are gone may be landed again by this run: they are missed after it.
        known = [batch for _, batch in batches.read(settings).counting()]
        if any(batch.rows_erased for batch in known):
            raise forgotten(memory, f"{memory.path} is gone, and rows of landed files were erased")
        if has_pseudonyms(batch for batch in known if batch.path.exists()):
            raise forgotten(memory, f"{memory.path} is gone, which knows the key of the pseudonyms")


def forgotten(memory: privacy.Memory, what: str) -> UserError:
    return UserError(
        CONFIGURATION,
        f"{what}: those who were erased could come back.",
        f"Put it back from a backup. Where there is none: {privacy.HOW_TO_REBUILD}.",
    )


def receipts(settings: Settings) -> Iterator[tuple[str, set[str]]]:
    """(kind, tombstones) of every receipt."""
    for path in sorted(settings.publish.glob("receipts/*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["kind"] in privacy.KINDS:
                stones = {str(content["tombstone"]), *map(str, content.get("tombstones", []))}
                yield content["kind"], stones


def has_pseudonyms(landed: Iterable[batches.Batch]) -> bool:
    """Whether a landed file holds pseudonyms of users."""
    for batch in landed:
        if PERSON in batch.columns:
            found = duckdb.execute(
                f"select count(*) from (from read_parquet(?) where"
                f" regexp_full_match(cast({PERSON} as varchar), ?) limit 1)",
                [str(batch.path), privacy.PSEUDONYM.pattern],
            ).fetchall()
            if found != [(0,)]:
                return True
    return False


def rebuild_memory(settings: Settings, key: Key) -> int:
    """Remember those who were erased by the receipts; how many."""
    memory = privacy.Memory(settings.raw)
    memory.check(key)
    found = list(receipts(settings))
    for kind, stones in found:
        memory.add_tombstones(kind, stones)
    memory.note_key(key)
    return len(found)


def refuse_sample(settings: Settings) -> None:
    if settings.is_sample():
        raise UserError(
            CONFIGURATION,
            "The raw folder is the sample's, which holds nobody.",
            "Name the folder of your raw files: export HEALTH_RAW_DIR=/path/to/raw",
        )


# -------------------------------------------------------------------------------- is it gone?


def holds(path: Path, erased: Erased, contract: Contract | None = None) -> bool:
    """Whether a file holds it: as text, or in a decoded column. One of the inbox is read as the
    input that it is of, and may be a folder of parts. CannotReadError where it can be read in
    neither way."""
    files = inbox.files_of(path) if path.is_dir() else [path]
    start = b""
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(12)
    is_parquet, is_database = start[:4] == b"PAR1", start[8:12] == b"DUCK"
    kind = raw_files.kind_of(path)
    is_table = is_parquet or is_database or contract or kind in ("csv", "json")
    # An ordinary word stands in many a file: where there are columns, they tell.
    if not (erased.is_ordinary and is_table) and any(map(erased.is_in_file, files)):
        return True
    try:
        if contract:
            arrival = landing.look_at(path, contract, "")
            return not arrival.problem and holds_rows(f"({landing.rows_sql(arrival)})", erased)
        if is_parquet:
            return holds_rows(raw_files.parquet_sql([path]), erased)
        if is_database:
            return holds_in_database(path, erased)
        if kind == "csv":
            return holds_rows(raw_files.source_sql([path]), erased)
        if kind == "json" and path.is_file():
            columns = {path: raw_files.received_columns(path)}
            return holds_rows(raw_files.union_sql([path], columns), erased)
    except (duckdb.Error, raw_files.CannotReadError) as error:
        if isinstance(error, OWN_FAULTS):
            raise
        if is_parquet or is_database:
            raise raw_files.CannotReadError("damaged, so nobody knows what it holds") from None
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
    return touched(columns_of(connection, source), erased, set())


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


def everything(settings: Settings, root: Path) -> Iterator[Path]:
    """Every file that may hold a record: below the places and the folders of the project, DuckDB
    files beside the working file, and whatever begins with its name, which may be a copy of it."""
    folders = [settings.raw, settings.inbox, settings.publish]
    folders += [root / name for name in ("warehouse", "target", "logs")]
    files: list[Path] = []
    beside = settings.warehouse.parent
    for path in sorted(beside.iterdir()) if beside.is_dir() else ():
        if path.name.startswith(settings.warehouse.name) or path.suffix == ".duckdb":
            (folders if path.is_dir() else files).append(path)
    below = [path for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*"))]
    for path in dict.fromkeys([*below, *files]):
        if path.is_file() and not path.is_symlink():
            yield path


def erase(settings: Settings, root: Path, erased: Erased, tell: Callable[[str], None]) -> Receipt:
    """Take it out of everything, then look for it; the receipt names the files that still hold it,
    which only a person can decide about."""
    refuse_sample(settings)
    receipt = Receipt(erased.kind, erased.tombstones[0], list(erased.tombstones))
    left: list[tuple[Path, str]] | None = None
    try:
        tell("raw files")
        with batches.rewriting(settings, lambda text: erased.is_in_bytes(text.encode())):
            erase_raw(settings, erased, receipt)
        # After the raw files, which have the rest of what is removed there.
        tell("inbox")
        erase_inbox(settings, erased, receipt)
        tell("published versions and log")
        erase_published(settings, erased, receipt)
        if not receipt.is_found:
            # A mistyped id must not cost the working file and the reports of all runs.
            tell("working file and artifacts, before anything is removed")
            left = list(what_is_left(settings, root, erased))
        if receipt.is_found or any(reason in (HOLDS, "its name") for _, reason in left or ()):
            left = None
            tell("working file and artifacts")
            erase_working_file(settings, receipt)
            erase_artifacts(settings, root, receipt)
    except (OSError, duckdb.Error) as error:
        raise UserError(
            CHECKS_FAILED,
            f"The erasure is not complete: {type(error).__name__}.",
            "Free some space or fix the permissions, and run it again; it goes on from here.",
        ) from None
    if left is None:
        tell("looking for what is left")
        left = list(what_is_left(settings, root, erased))
    for path, reason in left:
        receipt.leave(path, "" if reason == HOLDS else reason)
    receipt.left = [erased.without(text) for text in receipt.named]
    receipt.is_found |= bool(receipt.left)
    return receipt


def what_is_left(settings: Settings, root: Path, erased: Erased) -> Iterator[tuple[Path, str]]:
    """The files that a person has to look at, and why."""
    inputs = {path: contract for contract, path in landing.arrivals(settings)}
    for path in tracked(list(everything(settings, root)), "looking into files"):
        if reason := why_left(path, settings, erased, inputs.get(path)):
            yield path, reason


def why_left(path: Path, settings: Settings, erased: Erased, contract: Contract | None) -> str:
    """Why a file has to be looked at by a person, nothing where it has not."""
    if any(erased.is_in_name(part) for part in parts_below(path, settings)):
        return "its name"
    try:
        if holds(path, erased, contract):
            return HOLDS
        return "packed: unpack it to see" if is_packed(path) else ""
    except raw_files.CannotReadError as error:
        return str(error)
    except OSError as error:
        return f"cannot be opened: {str(error.strerror).lower()}"


def parts_below(path: Path, settings: Settings) -> list[str]:
    """The names of a file and of the folders that it is in, below the place that it belongs to."""
    roots = [
        settings.raw,
        settings.inbox,
        settings.publish,
        settings.warehouse.parent,
        project_root(),
    ]
    root = next((root for root in roots if root in path.parents), path.parent)
    return list(path.relative_to(root).parts)
