"""The rules over several rows or seeds: dbt's tests in data_tests/seeds, run here on the rows as
they were read. CONTRIBUTING.md says how to write one.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import takewhile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from customer_health.bulk import insert_texts
from customer_health.errors import CONFIGURATION, UserError
from customer_health.init import template
from customer_health.seeds.files import Fault, Row, Table, Tables, plain, shown, span
from customer_health.settings import project_root

if TYPE_CHECKING:
    import duckdb

# Macros that a rule may use beside `ref`.
MACROS = ("number_text",)
# What it has to answer; beside it `other_key`, a row that it compares with.
COLUMNS = ("seed", "row_key", "column_name", "fault", "hint")
LONGEST = 400


@dataclass(frozen=True)
class Rule:
    """A test by its name, the seeds that it reads, and its SQL; without SQL, what is wrong."""

    name: str
    seeds: tuple[str, ...]
    sql: str
    slip: str = ""


def rules_folder() -> Path:
    """The rules of the project, or those of the package where it is older than they are;
    UserError(2) where there are none."""
    ours = Path("data_tests") / "seeds"
    for folder in (project_root(), template()):
        if any((folder / ours).glob("*.sql")):
            return folder / ours
    raise UserError(
        CONFIGURATION,
        f"{project_root() / ours} is gone: nothing says what is wrong with the seeds.",
        "Put it back from version control, or install the package again.",
    )


@cache
def read_rules(folder: Path) -> list[Rule]:
    """The rules as DuckDB runs them."""
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.globals["dbt"] = SimpleNamespace(type_string=lambda: "varchar")
    for name in MACROS:
        source = (folder.parents[1] / "macros" / f"{name}.sql").read_text(encoding="utf-8")
        module: Any = environment.from_string(source).module
        environment.globals[name] = getattr(module, name)
    rules = []
    for path in sorted(folder.glob("*.sql")):
        seeds: dict[str, None] = {}

        def ref(seed: str, into: dict[str, None] = seeds) -> str:
            into[seed] = None
            return quoted(seed)

        try:
            sql = environment.from_string(path.read_text(encoding="utf-8")).render(ref=ref)
            rules.append(Rule(path.stem, tuple(seeds), sql))
        except (jinja2.TemplateError, ValueError, TypeError) as error:
            rules.append(Rule(path.stem, (), "", str(error)))
    return rules


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text_of(value: Any) -> str | None:
    return plain(value) if isinstance(value, Decimal) else None if value is None else str(value)


def load(connection: "duckdb.DuckDBPyConnection", table: Table) -> None:
    """The rows of a seed with what its cells mean or probably mean; null is blank or not known. A
    row that is there twice as it is counts once."""
    names = list(table.seed.types)
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in table.seed.types.items())
    connection.execute(f"create table {quoted(table.seed.name)} ({columns})")
    rows = {tuple(row.cells.items()): row for row in table.rows}.values()
    cells = [[text_of(row.get(name)) for name in names] for row in rows]
    insert_texts(connection, quoted(table.seed.name), cells)


def names_of(row: Row, columns: list[str]) -> list[str]:
    """What a rule calls the row, as far as it is known."""
    return [text for column in columns if (text := text_of(row.get(column))) is not None]


def is_of(key: str | None, row: Row, table: Table) -> bool:
    """Whether a key, or the first columns of one, are those of the row."""
    names = names_of(row, list(takewhile(row.knows, table.seed.key)))
    return any(key == ", ".join(names[:n]) for n in range(1, len(names) + 1))


def is_unsure(key: str | None, table: Table) -> bool:
    """Whether more rows may be meant, of which the names are not known."""
    depth = key.count(", ") + 1 if key else 0
    if depth >= len(table.seed.key) > 0:
        return False
    columns = table.seed.key[:depth] or table.seed.key
    unknown = (row for row in table.rows if not row.knows(*columns))
    return any(not key or all(name in key for name in names_of(row, columns)) for row in unknown)


def read_answer(name: str, answer: list[dict[str, Any]], tables: Tables) -> Iterator[Fault]:
    """The faults that a rule found. Left out is what would not be one, if a cell with a fault of
    its own was fixed: what is in doubt is told after that."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for line in answer:
        if line["fault"] is not None and line["hint"] is not None:
            groups[line["seed"], line["column_name"], line["fault"], line["hint"]].append(line)
    for (seed, column, fault, hint), lines in groups.items():
        table = tables[seed]
        keys = [line["row_key"] for line in lines]
        meant = [row for row in table.rows if any(is_of(key, row, table) for key in keys)]
        beside = [line.get("other_key") for line in lines]
        others = [row for row in table.rows if any(is_of(key, row, table) for key in beside)]
        if (
            any(is_unsure(key, table) for key in keys)
            or not all(row.knows(column) for row in (meant if all(keys) else table.rows))
            or not all(row.knows(*table.seed.types) for row in others)
        ):
            continue
        text, hint = shown(fault, LONGEST)[1:-1], shown(hint, LONGEST)[1:-1]
        text += f" ({span(row.number for row in others)})" if others else ""
        for row in meant:
            yield table.fault(name, [row], column, text, hint)
        if not meant:
            yield table.fault(name, (), column, text, hint)


def check_rules(tables: Tables) -> Iterator[Fault]:
    """What the rules find; one that reads a seed which is not there as a whole is passed over."""
    import duckdb

    folder = rules_folder()
    whole = {name for name, table in tables.items() if table.whole}
    loaded: set[str] = set()
    with duckdb.connect(config={"threads": 1}) as connection:
        for rule in read_rules(folder):
            slip = rule.slip
            try:
                if rule.sql and whole.issuperset(rule.seeds):
                    for seed in sorted({*rule.seeds} - loaded):
                        load(connection, tables[seed])
                        loaded.add(seed)
                    found = connection.execute(rule.sql)
                    names = [column[0] for column in found.description or []]
                    lines = [dict(zip(names, line, strict=True)) for line in found.fetchall()]
                    if lacking := [name for name in COLUMNS if name not in names]:
                        slip = f"its rows have no {', '.join(lacking)}"
                    else:
                        yield from read_answer(rule.name, lines, tables)
            except (duckdb.Error, KeyError) as error:
                slip = str(error)
            if slip:
                what = f"the rule {rule.name} cannot be run: {' '.join(slip.split())[:200]}"
                hint = f"fix {rule.name}.sql in {folder}, or have only dbt run it: move it one"
                yield Fault("rule", "*.sql", None, None, what, f"{hint} folder up")
