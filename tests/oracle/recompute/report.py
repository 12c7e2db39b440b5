"""A comparison, in lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from recompute.comparison import Comparison
from recompute.publishing import Result


def shown(value: Any) -> Any:
    """A value as it is printed: plain decimals, ISO dates, empty for null in text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def as_json(result: Result, comparison: Comparison) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "as_of_date": str(result.as_of_date),
        "score_dates": len(result.score_dates),
        "dates_compared": len(result.compared_dates),
        "tables": [
            {
                "table": table.table,
                "rows_expected": table.rows_expected,
                "rows_found": table.rows_found,
                "values_compared": table.values_compared,
                "differences": table.differences,
                "skipped_columns": list(table.skipped_columns),
                "examples": [
                    {
                        "key": [shown(part) for part in one.key],
                        "column": one.column,
                        "expected": shown(one.expected),
                        "found": shown(one.found),
                    }
                    for one in table.examples
                ],
            }
            for table in comparison.tables
        ],
        "values_compared": comparison.values_compared,
        "differences": comparison.differences,
    }


def as_lines(report: dict[str, Any]) -> Iterator[str]:
    """The report as text."""
    yield (
        f"as of {report['as_of_date']}: {report['dates_compared']} of"
        f" {report['score_dates']} score dates compared"
    )
    for table in report["tables"]:
        yield (
            f"{table['table']}: {table['rows_expected']} rows expected,"
            f" {table['rows_found']} found, {table['values_compared']} values compared,"
            f" {table['differences']} differences"
        )
        if table["skipped_columns"]:
            yield f"    not compared: {', '.join(table['skipped_columns'])}"
        for one in table["examples"]:
            key = " / ".join("null" if part is None else str(part) for part in one["key"])
            yield (
                f"    {key or '(table)'} | {one['column']}:"
                f" expected {_or_null(one['expected'])}, found {_or_null(one['found'])}"
            )
    yield (f"values compared: {report['values_compared']}, differences: {report['differences']}")


def _or_null(value: Any) -> str:
    return "null" if value is None else str(value)
