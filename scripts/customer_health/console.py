"""What commands show: tables, JSON, how far a long step is; streams that may break."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TextIO, TypeVar

Item = TypeVar("Item")


def tracked(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items, with a bar on standard error while they are gone through."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, what, console=Console(stderr=True), transient=True)


def number_text(value: Decimal | int) -> str:
    """A number as people write it: thousands separated, no zeros at the end."""
    text = f"{value:,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def printable(text: str) -> str:
    """Text of the data as a terminal may have it: what would move its cursor is spelled out, but
    for the ends of lines."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned plain text under their names; numbers to the right, null as '-'."""

    def cell(value: Any) -> str:
        if value is None:
            return "-"
        if isinstance(value, Decimal) and not f"{value:,}".endswith("00"):
            return f"{value:,}"
        return (
            number_text(value)
            if isinstance(value, int | Decimal)
            else printable(str(value)).replace("\n", "\\n")
        )

    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    numeric = [any(isinstance(row[i], int | Decimal) for row in rows) for i, _ in enumerate(names)]

    def line(values: Sequence[str]) -> str:
        padded = (
            value.rjust(width) if is_number else value.ljust(width)
            for value, width, is_number in zip(values, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(list(names)), "  ".join("-" * w for w in widths), *map(line, cells)])


def as_json(found: Any) -> str:
    """What was found, as JSON; decimals become numbers, dates text."""
    return json.dumps(
        found,
        indent=2,
        default=lambda value: float(value) if isinstance(value, Decimal) else str(value),
    )


class Lasting:
    """Standard output or error that may break, as of `| head -1`: what is written then is lost, and
    the command goes on to its end."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with self.going_on():
            return self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self.going_on():
            self.stream.flush()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Send to nowhere what cannot be written, also because the disk of a log is full."""
        try:
            yield
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def go_on_without_readers() -> None:
    """For commands that must come to their end though nobody reads what they say. A stream that is
    closed is opened to nowhere: else the next file to be opened would get what is said."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name) or os.fdopen(number, "w", closefd=False)
        setattr(sys, name, Lasting(stream))


def run_command(main: Callable[[], int]) -> None:
    """Run a command and exit with its code; a reader that has seen enough (head) is no error."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


class Reporter:
    """Tells how far the run is: on a terminal in one line that changes, elsewhere line by line."""

    def __init__(self, is_quiet: bool = False) -> None:
        self.is_quiet = is_quiet
        self.is_terminal = sys.stderr.isatty() and not is_quiet
        self.is_open = False

    def line(self, step: str, text: str, is_error: bool = False) -> None:
        """Tell of a step; a quiet one tells of errors only."""
        self.close()
        if self.is_quiet and not is_error:
            return
        lines = text.splitlines() or [""]
        print(f"{datetime.now(UTC):%H:%M:%S}  {step:<8} {lines[0]}", file=sys.stderr)
        for more in lines[1:]:
            print(f"{'':>19}{more}", file=sys.stderr)

    def progress(self, step: str, text: str) -> None:
        if self.is_terminal:
            print(f"\r{'':>10}{step:<8} {text}   ", end="", file=sys.stderr, flush=True)
            self.is_open = True

    def close(self) -> None:
        if self.is_open:
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
            self.is_open = False
