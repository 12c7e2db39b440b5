"""Measured tables find their place in a page, and nothing else of it changes."""

from pathlib import Path

import pytest
from last_build import NotThere
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
    with pytest.raises(NotThere, match="lacks the lines"):
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
