"""Edits of the scoring seeds, and the broken ones of tests/data/broken_seeds.yml."""

import csv
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds" / "scoring"
Edit = Callable[[Path], None]


@dataclass(frozen=True)
class Broken:
    """An edit of a copy of the seeds, and the faults to be found: file, row, column, words."""

    name: str
    edit: Edit
    faults: tuple[tuple[str, int | None, str | None, str], ...]


def copy_seeds(folder: Path) -> Path:
    """A copy of the shipped seeds, to be broken."""
    return Path(shutil.copytree(SEEDS, folder))


def also(*edits: Edit) -> Edit:
    """Several edits."""

    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def data(file: str, change: Callable[[bytes], bytes]) -> Edit:
    """Change the bytes of a file."""

    def edit(folder: Path) -> None:
        path = folder / f"{file}.csv"
        before = path.read_bytes()
        path.write_bytes(change(before))
        assert path.read_bytes() != before

    return edit


def table(file: str, change: Callable[[list[list[str]]], object]) -> Edit:
    """Change the rows of a file as a spreadsheet would; rows[0] is the header."""

    def rewrite(content: bytes) -> bytes:
        rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
        change(rows)
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue().encode()

    return data(file, rewrite)


# ------------------------------------------------------------------ what the YAML may do to a file


def text(file: str, old: str, new: str) -> Edit:
    """Write something else where `old` stands first."""
    return data(file, lambda content: content.replace(old.encode(), new.encode(), 1))


def replaced(file: str, old: str, new: str) -> Edit:
    """Write other bytes wherever `old` stands."""
    return data(file, lambda content: content.replace(old.encode("latin-1"), new.encode("latin-1")))


def content(file: str, new: str) -> Edit:
    """All that the file has."""
    return data(file, lambda _: new.encode("latin-1"))


def in_front(file: str, new: str) -> Edit:
    """Put bytes in front of the file."""
    return data(file, lambda content: new.encode("latin-1") + content)


def encode(file: str, encoding: str) -> Edit:
    """Write the same text in another encoding."""
    return data(file, lambda content: content.decode().encode(encoding))


def only_header(file: str) -> Edit:
    """Leave the header, and no row."""
    return data(file, lambda content: content.split(b"\n")[0] + b"\n")


def cell(file: str, row: int, column: str, value: str, times: int = 1) -> Edit:
    """Write a value into one cell."""

    def change(rows: list[list[str]]) -> None:
        rows[row - 1][rows[0].index(column)] = value * times

    return table(file, change)


def fill(file: str, column: str, value: str) -> Edit:
    """Write a value into the cell of every row."""

    def change(rows: list[list[str]]) -> None:
        for cells in rows[1:]:
            cells[rows[0].index(column)] = value

    return table(file, change)


def columns(file: str, *places: int | str) -> Edit:
    """The columns by their old places, from 1; a text is a column of that text."""

    def change(rows: list[list[str]]) -> None:
        rows[:] = [
            [place if isinstance(place, str) else cells[place - 1] for place in places]
            for cells in rows
        ]

    return table(file, change)


def row(file: str, at: int, *new: str) -> Edit:
    """Put a row in front of row `at`, or at the end where that is 0."""
    return table(file, lambda rows: rows.insert(at - 1 if at else len(rows), list(new)))


def repeat(file: str, number: int, at: int) -> Edit:
    """Put a copy of a row in front of row `at`."""
    return table(file, lambda rows: rows.insert(at - 1, list(rows[number - 1])))


def move(file: str, number: int, at: int) -> Edit:
    """Put a row in front of row `at`."""
    return table(file, lambda rows: rows.insert(at - 1, rows.pop(number - 1)))


def without(file: str, *numbers: int) -> Edit:
    """Delete rows."""

    def change(rows: list[list[str]]) -> None:
        rows[:] = [row for number, row in enumerate(rows, 1) if number not in numbers]

    return table(file, change)


def rename(old: str, new: str) -> Edit:
    """Another name for a file."""

    def edit(folder: Path) -> None:
        (folder / new).parent.mkdir(exist_ok=True)
        (folder / old).rename(folder / new)

    return edit


def new_file(name: str, content: str) -> Edit:
    """One more file."""
    return lambda folder: (folder / name).write_text(content, encoding="utf-8") and None


def remove(name: str) -> Edit:
    """One file less."""
    return lambda folder: (folder / name).unlink()


EDITS: dict[str, Callable[..., Edit]] = {
    "bytes": replaced,
    "cell": cell,
    "columns": columns,
    "content": content,
    "encode": encode,
    "file": new_file,
    "fill": fill,
    "in_front": in_front,
    "move": move,
    "only_header": only_header,
    "remove": remove,
    "rename": rename,
    "repeat": repeat,
    "row": row,
    "text": text,
    "without": without,
}


def read_case(entry: dict[str, Any]) -> Broken:
    """A case of the YAML, with file names as they are written."""
    edits = [EDITS[name](*given) for edit in entry["edits"] for name, given in edit.items()]
    faults = tuple((f"{file}.csv", *place) for file, *place in entry["faults"])
    return Broken(entry["name"], also(*edits), faults)


CASES = [
    read_case(entry)
    for entry in yaml.safe_load((ROOT / "tests" / "data" / "broken_seeds.yml").read_text("utf-8"))
]
