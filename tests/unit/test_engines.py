"""What docs/engines.md says of the differences between engines is what there is."""

import re

from project import ROOT

ENGINE_MACROS = ROOT / "macros" / "engine"
DOCS = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DOCS.split("| held by |")[1].splitlines()
    if line.startswith("| `")
]
IMPLEMENTATION = re.compile(r"\{% macro (duckdb|postgres|spark)__(\w+)")


def listed() -> set[str]:
    """The files of macros/engine that have a row; `materialization_incremental`, `_table` shares a
    beginning."""
    names = set()
    for row in ROWS:
        found = re.findall(r"`(\w+)`", row[0])
        start = found[0].split("_")[0]
        names |= {start + name if name.startswith("_") else name for name in found}
    return names


def test_every_engine_macro_is_explained() -> None:
    assert listed() == {path.stem for path in ENGINE_MACROS.glob("*.sql")}


def test_every_test_that_is_named_exists() -> None:
    named = {name for row in ROWS for name in re.findall(r"`(assert_\w+)`", row[3])}
    files = {name for row in ROWS for name in re.findall(r"`((?:tests|tools)/[\w/]+\.py)`", row[3])}

    assert len(named) == 4
    assert not {name for name in named if not (ROOT / "data_tests" / f"{name}.sql").exists()}
    assert files and not {name for name in files if not (ROOT / name).exists()}


def test_every_function_that_a_test_holds_is_called_there() -> None:
    missing = [
        row[0]
        for row in ROWS
        for test in re.findall(r"`(assert_\w+)`", row[3])
        for function in re.findall(r"`(\w+)`", row[0])
        if f"{function}(" not in (ROOT / "data_tests" / f"{test}.sql").read_text(encoding="utf-8")
        # Called by what the test calls.
        and function != "cast_or_null"
    ]
    assert not missing


def test_engines_differ_in_their_folder_only() -> None:
    elsewhere = [
        str(path.relative_to(ROOT))
        for folder in ("macros", "models", "data_tests")
        for path in (ROOT / folder).rglob("*.sql")
        if path.parent != ENGINE_MACROS
        and (
            IMPLEMENTATION.search(text := path.read_text(encoding="utf-8")) or "target.type" in text
        )
    ]
    assert not elsewhere
