"""Measured tables in pages of docs: between two markers, put there by the command that measures."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from customer_health.errors import NotFoundError

# The names of the columns, and the rows.
Table = tuple[list[str], list[list[str]]]


def add_docs_option(parser: argparse.ArgumentParser, page: Path) -> None:
    """--docs [PAGE]: where the tables go, if anywhere."""
    parser.add_argument(
        "--docs",
        type=Path,
        nargs="?",
        const=page,
        metavar="PAGE",
        help=f"write the tables into a page (default docs/{page.name})",
    )


def markers(name: str) -> tuple[str, str]:
    """The lines that a part of a page lies between."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def markdown(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a Markdown page, all but the first column to the right."""
    rule = ["---", *("---:" for _ in names[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, rule, *rows))


def write_part(path: Path, name: str, text: str) -> None:
    """Put the text between the markers of that name; NotFoundError where a page lacks them. A page
    that is not there is made."""
    begin, end = markers(name)
    page = path.read_text(encoding="utf-8") if path.exists() else f"{begin}\n{end}\n"
    if page.count(begin) != 1 or end not in page.partition(begin)[2]:
        raise NotFoundError(f"{path} lacks the lines {begin} and {end}: put them in, one each.")
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
