"""Measured tables find their place in a page, and nothing else of it changes."""

import re
from pathlib import Path

import pytest
from customer_health.errors import NotFoundError
from pages import markdown, markers, write_part
from project import ROOT

BEGIN, END = markers("benchmark")


def test_a_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_part(page, "benchmark", "new")
    assert page.read_text() == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


@pytest.mark.parametrize("content", ["none\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\n{END}\n"])
def test_a_page_without_its_markers_is_left_alone(tmp_path: Path, content: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(content)
    with pytest.raises(NotFoundError, match="lacks the lines"):
        write_part(page, "benchmark", "new")
    assert page.read_text() == content


def test_a_page_that_is_not_there_is_made(tmp_path: Path) -> None:
    write_part(tmp_path / "page.md", "benchmark", "new")
    assert (tmp_path / "page.md").read_text() == f"{BEGIN}\n\nnew\n\n{END}\n"


@pytest.mark.parametrize(
    ("name", "file"), [("benchmark", "benchmarks"), ("shuffles", "scaling"), ("engines", "engines")]
)
def test_the_committed_pages_can_be_written(name: str, file: str) -> None:
    page = (ROOT / "docs" / f"{file}.md").read_text(encoding="utf-8")
    begin, end = markers(name)
    assert page.count(begin) == page.count(end) == 1
    assert page.index(begin) < page.index(end)


def test_a_table_of_a_page() -> None:
    assert markdown(["a", "b"], [["c", "1"]]) == "| a | b |\n| --- | ---: |\n| c | 1 |"


ROOMS = "models macros seeds data_tests docs landing scripts tests tools sample_data .github"
A_PATH = re.compile(
    rf"(?<![\w/.-])(?:{ROOMS.replace(' ', '|')})/[\w./-]+\.(?:py|md|sql|csv|ya?ml|txt)\b"
)


def test_every_path_that_a_page_or_a_docstring_names_is_there() -> None:
    pages = [path for path in ROOT.glob("*") if path.suffix in (".md", ".yml", ".toml")]
    pages += [path for room in ROOMS.split() for path in (ROOT / room).rglob("*")]
    texts = [
        path
        for path in pages
        if path.suffix in (".md", ".yml", ".toml", ".sql", ".py") and path.name != "CHANGELOG.md"
    ]
    absent = [
        f"{path.relative_to(ROOT)} names {name}"
        for path in texts
        for name in A_PATH.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert len(texts) > 200
    assert absent == []
