"""Make the sample data: eight raw inputs of an invented company, small enough to commit.

Ostrel sells a workspace product to other companies. The script invents its customer accounts and
writes what a warehouse would hold about them, as the raw input contract describes it: one folder
per input, `usage_events` as Parquet, the other seven as CSV text.

    accounts, subscriptions, usage_events, support_tickets, survey_responses, invoices,
    csm_assessments, score_overrides

How it works (the package `sample`; docs/sample_data.md tells it to readers)
    `company` invents the accounts: who they are, what they bought, and a hidden mood that drives
    usage and answers, each input with its own noise. `truth` says what else they do, in spells
    that show in the inputs, and who leaves because of it: a decision at the end of each term.
    `inputs` makes the rows. Usage rows are pre-aggregated: one row per account, user, day and
    feature, stamped with the hour of first use. `stories` adds accounts with names and a story
    each, and the broken export of a survey vendor, a second file of `survey_responses`.

    Each account and input has its own random stream, named after both. The same arguments give the
    same bytes (Parquet: with the same DuckDB version), and an account keeps its rows when others
    are added. Nothing happens after the evening of the last day, except dates that may lie ahead:
    renewal, due and expiry dates and the end of a subscription under notice.

Planted dirt (`dirt`), on purpose and always the same; a sample of 70 accounts or more holds all
of it
    accounts          a padded id, null tokens, a bad boolean, an unknown parent; an outdated and
                      a re-sent row; rejected: no key, a day-first date, the year 1900, deleted
                      before created
    subscriptions     seats `ten` and `26.0`, a negative mrr, the currency XXX, a bad boolean, a bad
                      renewal date, a padded account id; an outdated and a re-sent row; rejected:
                      end before start, unknown account, no account, the year 1900, a day-first date
    support_tickets   csat 0 and 9, priority `blocker`, reopened -1 times, a bad first response,
                      a padded upper-case priority, a timestamp with an offset; two outdated and a
                      re-sent row; rejected: unknown account, solved before opened, never opened
    survey_responses  null tokens for the user, `NPS` in capitals; a re-sent row; rejected: NPS 11,
                      NPS 7.5, csat 0, an unknown type, a score in words, unknown account
    invoices          a bad due date; an outdated and a re-sent row; rejected: the currency XXX, an
                      unknown kind, an amount with a thousands separator, no amount, unknown account
    csm_assessments   a null token; a re-sent row; rejected: sentiment 6 and 4.5
    score_overrides   rejected: one that lasts 120 days (of three; the others are stories)
    usage_events      null tokens for the user, a padded account id, a negative duration, an event
                      count of 0; two re-sent rows; rejected: unknown account (twice), missing
                      feature (twice), no event id, the year 1900
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
from arguments import a_day, at_least_one
from sample.company import Account, make_account
from sample.contract import COLUMNS, USAGE_TYPES, Row, Window, add_months
from sample.dirt import DIRT, plant
from sample.inputs import (
    account_rows,
    assessment_rows,
    invoice_rows,
    subscription_rows,
    survey_rows,
    ticket_rows,
    usage_rows,
)
from sample.stories import STORIES, broken_survey_rows, override_rows, story_rows
from sample.truth import TRUTH_COLUMNS

EXAMPLES = """examples:
  python tools/generate_sample_data.py
      the committed sample: 150 accounts and the stories, 15 months up to 2026-09-30
  python tools/generate_sample_data.py --out /tmp/raw --accounts 2000 --truth /tmp/truth.csv
      a larger company, and who decided to leave and why; the first 150 accounts stay the same
  python tools/generate_sample_data.py --out /tmp/raw --end 2026-12-31 --months 24 --seed 7
      another company, another time
"""

MAKERS = {
    "accounts": account_rows,
    "subscriptions": subscription_rows,
    "usage_events": usage_rows,
    "support_tickets": ticket_rows,
    "survey_responses": survey_rows,
    "invoices": invoice_rows,
    "csm_assessments": assessment_rows,
}


class Written(NamedTuple):
    """A file and how many rows it got."""

    path: Path
    rows: int

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Row]) -> int:
    """Write rows as CSV, header first; returns their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def write_usage(path: Path, rows: Iterable[Row]) -> int:
    """Write usage rows as typed Parquet in the order of loading; returns their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: USAGE_TYPES.get(name, "varchar") for name in COLUMNS["usage_events"]}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        text = Path(folder) / "usage_events.csv"
        count = write_csv(text, columns, rows)
        connection.execute("set threads = 1")
        connection.read_csv(
            str(text), columns=columns, header=True, delimiter=",", auto_detect=False
        ).to_table("usage_events")
        target = str(path).replace("'", "''")
        connection.execute(
            f"""
            copy (select * from usage_events order by _loaded_at, rowid) to '{target}'
            (format parquet, compression zstd, compression_level 19)
            """
        )
    return count


def rows_of(table: str, customers: list[Account], window: Window, seed: int) -> Iterator[Row]:
    """The rows of one input: the invented accounts with the planted dirt, then the stories."""
    pending = [fault for fault in DIRT if fault.table == table]
    if table in MAKERS:
        for number, customer in enumerate(customers, start=1):
            yield from plant(MAKERS[table](customer, window, seed), number, pending)
    for story in STORIES:
        yield from story_rows(table, story, window, seed)
    if table == "score_overrides":
        served = (c.id for c in customers if c.is_served(window.end) and not c.is_test)
        yield from override_rows(window, too_long_for=next(served, customers[0].id))


def generate(out: Path, customers: list[Account], window: Window, seed: int) -> list[Written]:
    """Write all inputs below `out`; returns what was written."""
    written = []
    for table, columns in COLUMNS.items():
        rows = rows_of(table, customers, window, seed)
        if table == "usage_events":
            path = out / table / f"{table}.parquet"
            written.append(Written(path, write_usage(path, rows)))
        else:
            path = out / table / f"{table}.csv"
            written.append(Written(path, write_csv(path, columns, rows)))
    path = out / "survey_responses" / "vendor_export.csv"
    rows = broken_survey_rows(window)
    written.append(Written(path, write_csv(path, COLUMNS["survey_responses"], rows)))
    return written


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Make the sample data: eight raw inputs of an invented company.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("sample_data"), help="folder to write to")
    parser.add_argument("--accounts", type=at_least_one, default=150, help="number of accounts")
    parser.add_argument("--months", type=at_least_one, default=15, help="months of history")
    parser.add_argument("--end", type=a_day, default=date(2026, 9, 30), help="last day, YYYY-MM-DD")
    parser.add_argument("--seed", type=int, default=42, help="another seed, another company")
    parser.add_argument("--truth", type=Path, help="file for who decided to leave, and why")
    options = parser.parse_args(arguments)
    if options.truth and options.truth.resolve().is_relative_to(options.out.resolve()):
        parser.error("--truth has to lie outside of --out: nobody who scores may read it")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    first_of_next_month = options.end + timedelta(days=1)
    window = Window(add_months(first_of_next_month, -options.months), options.end)
    numbers = range(1, options.accounts + 1)
    customers = [make_account(number, window, options.seed) for number in numbers]
    written = generate(options.out, customers, window, options.seed)
    print(f"{'file':<38}{'rows':>10}{'bytes':>12}")
    for file in written:
        print(f"{file.path.relative_to(options.out)!s:<38}{file.rows:>10,}{file.bytes:>12,}")
    rows, size = sum(file.rows for file in written), sum(file.bytes for file in written)
    print(f"{'total':<38}{rows:>10,}{size:>12,}")
    print(f"{window.start} to {window.end}, written to {options.out}")
    if options.truth:
        decisions = [d.row for customer in customers for d in customer.decisions]
        write_csv(options.truth, TRUTH_COLUMNS, decisions)
        print(f"{len(decisions):,} decisions about renewals, written to {options.truth}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
