"""After consecutive daily runs every published value is what plain Python computes.

The raw folder grows as it did for the company: each night the run reads what had reached the
warehouse by then. Rows that were corrected later are there as they were known on the day, and one
usage event in a hundred arrives up to forty days late.
"""

import os
from datetime import date, timedelta
from pathlib import Path

import duckdb
import generate_sample_data
import pytest
from law import Build, Workshop
from nights import nights
from project import ROOT, build, without_data_tests, write_two_accounts
from recompute import compare, recompute
from recompute.recomputing import parse_dates

LAST_DAY = date(2026, 9, 30)
# How many score dates are compared: a number, or "all" (make law), then over the whole sample.
DATES = os.environ.get("RECOMPUTE_DATES", "6")
DAYS = 30 if DATES == "all" else 8


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample data; a smaller company unless all dates are compared."""
    if DATES == "all":
        return ROOT / "sample_data"
    folder = tmp_path_factory.mktemp("small_sample")
    size = ["--accounts", "15", "--months", "7", "--end", str(LAST_DAY)]
    assert generate_sample_data.main(["--out", str(folder), *size]) == 0
    return folder


def test_daily_runs_agree_with_the_recomputation(sample: Path, tmp_path: Path) -> None:
    days = [LAST_DAY - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    workshop = Workshop(tmp_path / "workshop", ROOT)
    raw, work = tmp_path / "raw", tmp_path / "work"
    seen = set()
    for day in nights(sample, raw, days):
        variables = {"run_date": str(day + timedelta(days=1)), "as_of_date": str(day)}
        workshop.build(Build(variables), raw, work)
        with duckdb.connect(str(work / "warehouse.duckdb"), read_only=True) as connection:
            seen |= set(
                connection.execute("select max(score_date) from marts.customer_health").fetchall()
            )
    result = recompute(
        raw,
        ROOT / "seeds" / "scoring",
        LAST_DAY + timedelta(days=1),
        LAST_DAY,
        dates=parse_dates(DATES),
    )
    comparison = compare(result, work / "warehouse.duckdb")

    assert seen == {(day,) for day in days}
    assert not comparison.differences, comparison.examples
    assert comparison.values_compared > 50_000
    print(f"{DAYS} runs, {comparison.values_compared:,} values compared, no difference")


def test_a_clock_that_goes_back_and_on_judges_every_row_again(tmp_path: Path) -> None:
    """Also a day on which there is nothing but usage of an account that nobody knows."""
    raw, work = tmp_path / "raw", tmp_path / "work"
    write_two_accounts(raw, "login")
    with (raw / "usage_events" / "usage_events.csv").open("a", encoding="utf-8") as file:
        file.write("stray,x1,2026-02-28,login\n")
    reasons = []
    for run_date in ("2026-03-02", "2026-02-11", "2026-03-02"):
        run = build(raw, work, project=without_data_tests(), variables={"run_date": run_date})
        assert run.returncode == 0, run.output
        reasons += run.rows(
            "select column_name, reason from marts.rejected_records where record_key = 'stray'"
        )

    unknown, ahead = ("account_id", "unknown_account"), ("event_at", "out_of_time")
    assert reasons == [unknown, ahead, unknown]
