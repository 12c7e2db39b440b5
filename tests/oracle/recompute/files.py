"""Files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from recompute.contract import Input
from recompute.names import UsageError

LOADED_AT = "_loaded_at"


def find_files(raw_dir: Path, name: str) -> list[Path]:
    """The files of an input, none if the input is absent. One format per folder."""
    by_format = {ext: sorted((raw_dir / name).glob(f"*.{ext}")) for ext in ("parquet", "csv")}
    if all(by_format.values()):
        raise UsageError(f"{raw_dir / name} holds CSV and Parquet files; keep one format")
    return by_format["parquet"] or by_format["csv"]


def column_positions(spec: Input, header: Sequence[str], path: Path) -> list[int | None]:
    """Where each contract column, then `_loaded_at`, stands in a file; None if absent."""
    where: dict[str, int] = {}
    for position, column in enumerate(header):
        where.setdefault(column.lower(), position)
    for column in spec.columns:
        if column not in where and column not in spec.starred:
            raise UsageError(f"{spec.name}: {path} has no column {column}")
    return [where.get(column) for column in (*spec.columns, LOADED_AT)]


def read_csv(path: Path) -> Iterator[list[str]]:
    """Lines of a CSV file, header first. Every line has as many cells as the header."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            yield header
            for line in reader:
                if len(line) == len(header):
                    yield line
                elif line:  # an empty line is no row
                    raise UsageError(
                        f"{path}, line {reader.line_num}: {len(line)} cells, {len(header)} expected"
                    )
        except (csv.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{path}, line {reader.line_num}: {error}") from error


NATIVE_TYPES = re.compile(r"VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL.*")


def read_parquet(path: Path) -> Iterator[Sequence[object]]:
    """Rows of a Parquet file, the column names first.

    DuckDB only reads: text, booleans, integers and decimals come as they are; timestamps, dates
    and everything else come as their text form (times with a zone in UTC).
    """
    quoted_path = str(path).replace("'", "''")
    source = f"read_parquet('{quoted_path}', hive_partitioning = false)"
    connection = duckdb.connect()
    try:
        connection.execute("set TimeZone = 'UTC'")
        columns = connection.execute(f"describe select * from {source}").fetchall()
        yield [column[0] for column in columns]
        quoted = [
            (f'"{name}"' if NATIVE_TYPES.fullmatch(kind) else f'cast("{name}" as varchar)')
            for name, kind in ((column[0].replace('"', '""'), column[1]) for column in columns)
        ]
        cursor = connection.execute(f"select {', '.join(quoted)} from {source}")
        while batch := cursor.fetchmany(20_000):
            yield from batch
    except duckdb.Error as error:
        raise UsageError(f"{path}: {error}") from error
    finally:
        connection.close()


def read_input(raw_dir: Path, spec: Input) -> Iterator[list[object]]:
    """Raw rows of an input: cells in contract order, then `_loaded_at`."""
    for path in find_files(raw_dir, spec.name):
        lines: Iterator[Sequence[object]] = (
            read_csv(path) if path.suffix == ".csv" else read_parquet(path)
        )
        positions = column_positions(spec, [str(name) for name in next(lines)], path)
        for line in lines:
            yield [None if position is None else line[position] for position in positions]
