"""Comparison with the warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from recompute.names import UsageError
from recompute.publishing import Result
from recompute.tables import OPTIONAL_COLUMNS, Table

EXAMPLES_PER_TABLE = 10
ROW, NO_ROW, ABSENT = "row", "no row", "absent"


@dataclass(frozen=True)
class Difference:
    """One value that differs; column '*' where a whole row is missing or unexpected."""

    table: str
    key: tuple[Any, ...]
    column: str
    expected: Any
    found: Any


@dataclass
class TableReport:
    """What the comparison of one table found. `examples` are its first differences."""

    table: str
    rows_expected: int
    rows_found: int = 0
    values_compared: int = 0
    differences: int = 0
    skipped_columns: tuple[str, ...] = ()
    examples: list[Difference] = field(default_factory=list)

    def differ(self, key: tuple[Any, ...], column: str, expected: Any, found: Any) -> None:
        """Counts a difference; keeps the first ones."""
        self.differences += 1
        if len(self.examples) < EXAMPLES_PER_TABLE:
            self.examples.append(Difference(self.table, key, column, expected, found))


@dataclass
class Comparison:
    """What the comparison of all tables found."""

    tables: list[TableReport]

    @property
    def values_compared(self) -> int:
        return sum(table.values_compared for table in self.tables)

    @property
    def differences(self) -> int:
        return sum(table.differences for table in self.tables)

    @property
    def examples(self) -> list[Difference]:
        """The first differences of each table."""
        return [difference for table in self.tables for difference in table.examples]


def same(expected: Any, found: Any) -> bool:
    """Equal values of the same kind: 1 is not true, a date is not a timestamp, 1.0 is 1."""
    if expected is None or found is None:
        return expected is found
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return expected == found


def warehouse_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> set[str]:
    """Column names of a warehouse table, empty if there is no such table."""
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = ? and table_name = ?",
        [table.schema, table.name],
    )
    return {name.lower() for (name,) in found.fetchall()}


def columns_to_compare(
    connection: duckdb.DuckDBPyConnection, table: Table, found: set[str], skip: set[str]
) -> list[str]:
    """The fixed columns without those to skip, and without optional ones that nobody filled."""
    columns = []
    for column in table.columns:
        if column in skip or f"{table.name}.{column}" in skip:
            continue
        if column in OPTIONAL_COLUMNS and table.name == "customer_health":
            if column not in found:
                continue
            filled = connection.execute(f"select count({column}) from {table.schema}.{table.name}")
            if not filled.fetchone()[0]:  # type: ignore[index]
                continue
        columns.append(column)
    return columns


def warehouse_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: list[str], result: Result
) -> Iterator[tuple[Any, ...]]:
    """Rows of a warehouse table in key order: the key columns, then the columns."""
    keys = ", ".join(table.key_columns)
    selected = ", ".join((*table.key_columns, *columns))
    where, parameters = "", []
    if "score_date" in table.key_columns and not result.all_dates:
        where, parameters = " where list_contains(?, score_date)", [list(result.compared_dates)]
    cursor = connection.execute(
        f"select {selected} from {table.schema}.{table.name}{where} order by {keys}", parameters
    )
    while batch := cursor.fetchmany(20_000):
        yield from batch


def compare_records(report: TableReport, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """rejected_records: how often each record stands there."""
    found = Counter(rows)
    report.rows_expected = sum(count for (count,) in table.rows.values())
    report.rows_found = sum(found.values())
    report.values_compared = report.rows_expected * len(table.key_columns)
    for key in sorted({*table.rows, *found}, key=repr):
        expected_count, found_count = table.rows.get(key, (0,))[0], found[key]
        if expected_count != found_count:
            report.differ(key, "rows", expected_count, found_count)


def compare_table(
    connection: duckdb.DuckDBPyConnection, table: Table, result: Result, skip: set[str]
) -> TableReport:
    """Compares one table both ways: missing rows, unexpected rows, and every value."""
    report = TableReport(table.name, len(table.rows))
    available = warehouse_columns(connection, table)
    if not available:
        report.differ((), "*", "table", ABSENT)
        return report
    is_records = table.name == "rejected_records"
    columns = [] if is_records else columns_to_compare(connection, table, available, skip)
    if not is_records:
        report.skipped_columns = tuple(c for c in table.columns if c not in columns)
    for column in (*table.key_columns, *columns):
        if column not in available:
            report.differ((), column, "column", ABSENT)
    if any(column not in available for column in table.key_columns):
        return report
    columns = [column for column in columns if column in available]
    rows = warehouse_rows(connection, table, columns, result)
    if is_records:
        compare_records(report, table, rows)
        return report

    positions = [table.columns.index(column) for column in columns]
    width, remaining = len(table.key_columns), dict(table.rows)
    for row in rows:
        report.rows_found += 1
        key, found = row[:width], row[width:]
        expected = remaining.pop(key, None)
        if expected is None:
            report.differ(key, "*", NO_ROW, ROW)
            continue
        report.values_compared += len(columns)
        for column, position, value in zip(columns, positions, found, strict=True):
            if not same(expected[position], value):
                report.differ(key, column, expected[position], value)
    for key in sorted(remaining, key=repr):
        report.differ(key, "*", ROW, NO_ROW)
    return report


def check_warehouse(warehouse: Path) -> None:
    """Says so early if there is nothing to compare with."""
    if not warehouse.is_file():
        raise UsageError(f"no warehouse {warehouse}; build the project first")


def compare(result: Result, warehouse: Path | str, skip_columns: Iterable[str] = ()) -> Comparison:
    """Compares a result with a warehouse file, opened read-only.

    `skip_columns` names columns, or table.column, to leave out.
    """
    check_warehouse(Path(warehouse))
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        raise UsageError(f"cannot open {warehouse}: {error}") from error
    try:
        skip = {column.lower() for column in skip_columns}
        return Comparison(
            [compare_table(connection, table, result, skip) for table in result.tables.values()]
        )
    finally:
        connection.close()
