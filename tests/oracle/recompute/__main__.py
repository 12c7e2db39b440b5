"""Command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from recompute.comparison import check_warehouse, compare
from recompute.names import UsageError
from recompute.recomputing import parse_date, parse_dates, recompute
from recompute.report import as_json, as_lines


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; wrong usage ends with exit code 2."""
    parser = argparse.ArgumentParser(
        description="Recompute all health scores in plain Python and compare the warehouse."
    )
    parser.add_argument("--raw", type=Path, required=True, help="folder of the raw inputs")
    parser.add_argument("--seeds", type=Path, default=Path("seeds/scoring"), help="scoring seeds")
    parser.add_argument("--warehouse", type=Path, required=True, help="DuckDB file to compare")
    parser.add_argument("--as-of", type=parse_date, help="as_of_date, if the build was given one")
    parser.add_argument("--run-date", type=parse_date, help="run_date of the build, default today")
    parser.add_argument("--history-weeks", type=int, default=52, help="weeks of Sundays")
    parser.add_argument(
        "--dates", type=parse_dates, default="all", help="all, N spread evenly, or a list"
    )
    parser.add_argument("--no-overrides", action="store_true", help="leave overrides out")
    parser.add_argument("--no-caps", action="store_true", help="leave caps out")
    parser.add_argument("--skip-columns", default="", help="column or table.column, by commas")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Recomputes, compares, prints; returns the exit code."""
    options = parse_arguments(arguments)
    try:
        if not options.raw.is_dir():
            raise UsageError(f"no folder {options.raw}")
        check_warehouse(options.warehouse)
        result = recompute(
            options.raw,
            options.seeds,
            options.run_date or datetime.now(UTC).date(),
            options.as_of,
            options.history_weeks,
            options.dates,
            not options.no_overrides,
            not options.no_caps,
        )
        skipped = [name.strip() for name in options.skip_columns.split(",") if name.strip()]
        comparison = compare(result, options.warehouse, skipped)
    except UsageError as error:
        print(f"recompute: {error}", file=sys.stderr)
        return 2
    report = as_json(result, comparison)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(as_lines(report)))
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
