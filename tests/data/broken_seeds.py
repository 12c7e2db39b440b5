"""Broken scoring seeds, one small edit each, and what scripts/validate.py has to say about them.

Usage:
    python tests/data/broken_seeds.py             # every edit, and the report on it
    python tests/data/broken_seeds.py weight      # those whose name contains the word
"""

import csv
import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

from customer_health.seeds.validate import as_text, validate  # noqa: E402

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


def data(file: str, change: Callable[[bytes], bytes]) -> Edit:
    """Change the bytes of a file."""

    def edit(folder: Path) -> None:
        path = folder / f"{file}.csv"
        before = path.read_bytes()
        path.write_bytes(change(before))
        assert path.read_bytes() != before

    return edit


def text(file: str, old: str, new: str) -> Edit:
    """Write something else where `old` stands first."""
    return data(file, lambda content: content.replace(old.encode(), new.encode(), 1))


def table(file: str, change: Callable[[list[list[str]]], None]) -> Edit:
    """Change the rows of a file as a spreadsheet would; rows[0] is the header."""

    def rewrite(content: bytes) -> bytes:
        rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
        change(rows)
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue().encode()

    return data(file, rewrite)


def cell(file: str, row: int, column: str, value: str) -> Edit:
    """Write a value into one cell; the header is row 1."""

    def change(rows: list[list[str]]) -> None:
        rows[row - 1][rows[0].index(column)] = value

    return table(file, change)


def row(file: str, at: int, *new: str) -> Edit:
    """Put a row in front of row `at`, or at the end where that is 0."""
    return table(file, lambda rows: rows.insert(at - 1 if at else len(rows), list(new)))


def without(file: str, *numbers: int) -> Edit:
    """Delete rows."""

    def change(rows: list[list[str]]) -> None:
        rows[:] = [row for number, row in enumerate(rows, 1) if number not in numbers]

    return table(file, change)


def column(file: str, change: Callable[[list[str]], list[str]]) -> Edit:
    """Change every row by its cells alike: drop, double or move columns."""

    def of_rows(rows: list[list[str]]) -> None:
        rows[:] = [change(row) for row in rows]

    return table(file, of_rows)


def also(*edits: Edit) -> Edit:
    """Several edits."""

    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def rename(old: str, new: str) -> Edit:
    """Another name for a file."""

    def edit(folder: Path) -> None:
        (folder / new).parent.mkdir(exist_ok=True)
        (folder / old).rename(folder / new)

    return edit


def new_file(name: str, content: str) -> Edit:
    """One more file."""
    return lambda folder: (folder / name).write_text(content, encoding="utf-8") and None


def broken(name: str, edit: Edit, *faults: tuple[str, int | None, str | None, str]) -> Broken:
    """With file names as they are written."""
    return Broken(name, edit, tuple((f"{f[0]}.csv", *f[1:]) for f in faults))


SM, SC, SG, GR, MX, FT, CU, CP, AR, PB, TR = (
    "scorecard_metrics",
    "scorecards",
    "segments",
    "grades",
    "metrics",
    "features",
    "currencies",
    "score_caps",
    "alert_rules",
    "playbooks",
    "trust",
)

FILES = [
    broken(
        "a seed is missing",
        lambda folder: (folder / "grades.csv").unlink(),
        (GR, None, None, "there is no grades.csv"),
    ),
    broken(
        "a file name is misspelt",
        rename("grades.csv", "grade.csv"),
        (GR, None, None, 'but there is "grade.csv"'),
    ),
    broken(
        "a seed is still a workbook",
        rename("grades.csv", "grades.xlsx"),
        (GR, None, None, 'but there is "grades.xlsx"'),
    ),
    broken(
        "a file that no YAML describes",
        new_file("bonus_points.csv", "a,b\n1,2\n"),
        ("bonus_points", None, None, "no seed of this name"),
    ),
    broken(
        "a copy in a subfolder",
        also(new_file("x.tmp", ""), rename("x.tmp", "old/grades.csv")),
        ("old/grades", None, None, "no seed of this name"),
    ),
    broken("an empty file", data(GR, lambda _: b""), (GR, None, None, "the file is empty")),
    broken(
        "only white space",
        data(GR, lambda _: b"\n  \n"),
        (GR, None, None, "the file is empty"),
    ),
    broken(
        "Windows-1252",
        data(SG, lambda content: content.replace(b"Healthcare", b"Sant\xe9")),
        (SG, 4, "industry", "not UTF-8"),
    ),
    broken(
        "UTF-16",
        data(GR, lambda content: content.decode().encode("utf-16")),
        (GR, 1, None, "UTF-16"),
    ),
    broken(
        "UTF-16 without a mark",
        data(GR, lambda content: content.decode().encode("utf-16-be")),
        (GR, 1, None, "UTF-16"),
    ),
    broken(
        "a byte-order mark",
        data(GR, lambda content: b"\xef\xbb\xbf" + content),
        (GR, 1, None, "byte-order mark"),
    ),
    broken(
        "semicolons",
        data(GR, lambda content: content.replace(b",", b";")),
        (GR, 1, None, "separated by semicolons"),
    ),
    broken(
        "tabs",
        data(GR, lambda content: content.replace(b",", b"\t")),
        (GR, 1, None, "separated by tabs"),
    ),
    broken("no header", without(GR, 1), (GR, 1, None, "not the header")),
    broken(
        "a column is missing",
        column(GR, lambda cells: [*cells[:2], *cells[3:]]),
        (GR, 1, "colour", "no column colour"),
    ),
    broken(
        "an extra column",
        column(GR, lambda cells: [*cells, "x"]),
        (GR, 1, "x", 'unknown column "x"'),
    ),
    broken(
        "a column without a name",
        column(GR, lambda cells: [*cells, ""]),
        (GR, 1, None, "a column without a name"),
    ),
    broken("a misspelt column", text(SM, "weight", "wieght"), (SM, 1, "wieght", "unknown column")),
    broken(
        "a column in capitals", text(GR, "min_score", "MIN_SCORE"), (GR, 1, "MIN_SCORE", "unknown")
    ),
    broken(
        "a column twice",
        column(GR, lambda cells: [*cells, cells[1]]),
        (GR, 1, "label", "there twice"),
    ),
    broken(
        "columns in another order",
        column(SM, lambda cells: [*cells[:5], cells[6], cells[5], cells[7]]),
        (SM, 1, None, "another order"),
    ),
    broken(
        "an unquoted comma",
        text(SC, "How ready the account is", "How ready, the account is"),
        (SC, 3, None, "6 cells, but the header has 5"),
    ),
    broken("a cell is missing", text(GR, ",green,85", ",85"), (GR, 2, None, "4 cells")),
    broken(
        "an unquoted decimal comma",
        text(SM, ",20,banded,0.2,", ",20,banded,0,2,"),
        (SM, 154, None, "9 cells"),
    ),
    broken("a quote is not closed", text(GR, "Healthy", '"Healthy'), (GR, 3, None, "not closed")),
    broken("a misplaced quote", text(GR, "Healthy", '"Heal"thy'), (GR, 3, None, "misplaced")),
    broken(
        "a blank line",
        text(GR, "\nC,", "\n\nC,"),
        (GR, 4, None, "the row is blank"),
    ),
    broken("a row of commas", row(GR, 0, "", "", "", "", ""), (GR, 8, None, "the row is blank")),
    broken(
        "a row below a quoted line break",
        also(cell(SC, 2, "description", "two\nlines"), cell(SC, 3, "min_coverage", "x")),
        (SC, 3, "min_coverage", "not a number"),
    ),
    broken(
        "no row of a seed that may be empty but for its header",
        also(data(CP, lambda content: content.split(b"\n")[0] + b"\n"), cell(GR, 2, "colour", "")),
        (GR, 2, "colour", "blank"),
    ),
]

CELLS = [
    broken("a blank weight", cell(SM, 2, "weight", ""), (SM, 2, "weight", "the cell is blank")),
    broken("a weight of zero", cell(SM, 2, "weight", "0"), (SM, 2, "weight", "0 is not above 0")),
    broken("a negative weight", cell(SM, 2, "weight", "-5"), (SM, 2, "weight", "-5 is not above")),
    broken("a word for a weight", cell(SM, 2, "weight", "ten"), (SM, 2, "weight", '"ten" is not')),
    broken(
        "a decimal comma",
        cell(SC, 2, "min_coverage", "0,5"),
        (SC, 2, "min_coverage", "write 0.5"),
    ),
    broken("a percent sign", cell(SM, 2, "weight", "12%"), (SM, 2, "weight", "write 12")),
    broken(
        "a thousands separator",
        cell(SG, 8, "min_mrr", "8,000"),
        (SG, 8, "min_mrr", "without blanks and separators: 8000"),
    ),
    broken("an exponent", cell(SG, 8, "min_mrr", "8e3"), (SG, 8, "min_mrr", "exponent: 8000")),
    broken("NaN", cell(SM, 2, "poor_at", "NaN"), (SM, 2, "poor_at", "not a number")),
    broken("infinity", cell(SM, 2, "poor_at", "-inf"), (SM, 2, "poor_at", "not a number")),
    broken("a date", cell(SM, 2, "poor_at", "01-Feb"), (SM, 2, "poor_at", "took it for a date")),
    broken("a space in a number", cell(SM, 2, "poor_at", " 0.1"), (SM, 2, "poor_at", "white")),
    broken(
        "too many decimals",
        cell(GR, 3, "min_score", "70.125"),
        (GR, 3, "min_score", "3 decimals, at most 2"),
    ),
    broken(
        "too many digits",
        cell(SM, 2, "healthy_at", "1234567890123"),
        (SM, 2, "healthy_at", "too many digits"),
    ),
    broken(
        "half a day",
        cell(SG, 3, "max_tenure_days", "120.5"),
        (SG, 3, "max_tenure_days", "not a whole number"),
    ),
    broken(
        "a whole number with a point",
        cell(SG, 3, "max_tenure_days", "120.0"),
        (SG, 3, "max_tenure_days", "write 120"),
    ),
    broken(
        "an integer that does not fit",
        cell(SG, 12, "priority", "3000000000"),
        (SG, 12, "priority", "too large"),
    ),
    broken(
        "a number of a thousand digits",
        cell(SM, 2, "healthy_at", "9" * 1000),
        (SM, 2, "healthy_at", "too long"),
    ),
    broken("yes for true", cell(FT, 3, "is_core", "yes"), (FT, 3, "is_core", "true nor false")),
    broken(
        "score_if_missing above 100",
        cell(SM, 7, "score_if_missing", "150"),
        (SM, 7, "score_if_missing", "150 is above 100"),
    ),
    broken(
        "score_if_missing below 0",
        cell(SM, 7, "score_if_missing", "-1"),
        (SM, 7, "score_if_missing", "-1 is below 0"),
    ),
    broken("an unknown curve", cell(SM, 2, "curve", "log"), (SM, 2, "curve", "one of linear")),
    broken("a curve in capitals", cell(SM, 2, "curve", "Linear"), (SM, 2, "curve", "mean linear?")),
    broken("a misspelt goal", cell(SC, 3, "goal", "expension"), (SC, 3, "goal", "mean expansion?")),
    broken("an unknown status", cell(SC, 4, "status", "on"), (SC, 4, "status", "one of live")),
    broken(
        "a misspelt component",
        cell(MX, 2, "component", "adaption"),
        (MX, 2, "component", "mean adoption?"),
    ),
    broken("an unknown better", cell(MX, 2, "better", "Higher"), (MX, 2, "better", "mean higher?")),
    broken("an unknown colour", cell(GR, 2, "colour", "blue"), (GR, 2, "colour", "one of green")),
    broken(
        "a coverage in percent",
        cell(SC, 2, "min_coverage", "50"),
        (SC, 2, "min_coverage", "mean 0.5?"),
    ),
    broken("a negative limit", cell(SG, 2, "max_seats", "-1"), (SG, 2, "max_seats", "below 0")),
    broken("a window of no days", cell(MX, 2, "window_days", "0"), (MX, 2, "window_days", "1")),
    broken("a rate of zero", cell(CU, 3, "rate", "0"), (CU, 3, "rate", "0 is not above 0")),
    broken(
        "a space behind a segment",
        cell(SM, 2, "segment", "trial "),
        (SM, 2, "segment", "white space at its ends"),
    ),
    broken(
        "a no-break space before a feature",
        cell(FT, 2, "feature", "\xa0login"),
        (FT, 2, "feature", "white space at its ends"),
    ),
    broken(
        "a no-break space in an industry",
        cell(SG, 4, "industry", "Health\xa0care"),
        (SG, 4, "industry", "other than the plain one"),
    ),
    broken("a blank that is not", cell(SG, 2, "plan", " "), (SG, 2, "plan", "nothing but white")),
    broken(
        "Jinja in a description",
        cell(SC, 2, "description", "{{ env_var('HOME') }}"),
        (SC, 2, "description", "Jinja"),
    ),
    broken("Jinja in a label", cell(GR, 2, "label", "{% raw %}"), (GR, 2, "label", "Jinja")),
    broken(
        "SQL in a feature",
        cell(FT, 2, "feature", "login; drop table x"),
        (FT, 2, "feature", "looks like SQL"),
    ),
    broken(
        "SQL in an industry",
        cell(SG, 4, "industry", "x' --"),
        (SG, 4, "industry", "looks like SQL"),
    ),
    broken("SQL in a plan", cell(SG, 4, "plan", "Pro /* y */"), (SG, 4, "plan", "looks like SQL")),
    broken(
        "a formula", cell(GR, 2, "label", "=HYPERLINK(A1)"), (GR, 2, "label", "take for a formula")
    ),
    broken("an apostrophe", cell(GR, 3, "label", "'Healthy'"), (GR, 3, "label", "a quoted cell")),
    broken("an at sign", cell(FT, 2, "label", "@sum"), (FT, 2, "label", "take for a formula")),
    broken("a NUL", cell(GR, 2, "label", "Thri\0ving"), (GR, 2, "label", "U+0000")),
    broken(
        "an invisible character",
        cell(FT, 2, "feature", "lo\u200bgin"),
        (FT, 2, "feature", "U+200B"),
    ),
    broken(
        "a name for people as a metric",
        row(MX, 0, "Logo colour", "adoption", "share", "", "higher", "How blue the logo is"),
        (MX, 29, "metric", "such as logo_colour"),
    ),
    broken("a direction is blank", cell(MX, 2, "better", ""), (MX, 2, "better", "is blank")),
    broken("worse_than is blank", cell(CP, 3, "worse_than", ""), (CP, 3, "worse_than", "blank")),
    broken("max_score above 100", cell(CP, 3, "max_score", "101"), (CP, 3, "max_score", "above")),
    broken("a bound above 100", cell(GR, 2, "min_score", "850"), (GR, 2, "min_score", "above 100")),
]

ROWS = [
    broken(
        "a row twice",
        table(SM, lambda rows: rows.insert(5, list(rows[2]))),
        (SM, 6, None, "repeats row 3: retention_2026, trial, core_feature_adoption_28d"),
    ),
    broken("a grade twice", cell(GR, 6, "grade", "A"), (GR, 6, "grade", "repeats row 2: A")),
    broken("a bound twice", cell(GR, 3, "min_score", "85"), (GR, 3, "min_score", "repeats row 2")),
    broken("a priority twice", cell(SG, 8, "priority", "41"), (SG, 9, "priority", "repeats row 8")),
    broken(
        "a currency in two cases",
        row(CU, 0, "usd", "2"),
        (CU, 6, "currency", '"usd" and "USD" of row 2'),
    ),
    broken(
        "weights above 100",
        cell(SM, 2, "weight", "15"),
        (SM, 2, "weight", "retention_2026, trial sum to 103, not 100 (rows 2-9)"),
    ),
    broken("weights below 100", cell(SM, 3, "weight", "21.5"), (SM, 2, "weight", "add 0.5")),
    broken("a weight is gone", without(SM, 5), (SM, 2, "weight", "add 16")),
    broken(
        "a misspelt metric",
        cell(SM, 2, "metric", "licence_utilization_28d"),
        (SM, 2, "metric", "mean licence_utilisation_28d?"),
    ),
    broken(
        "a metric like no other",
        cell(SM, 2, "metric", "horoscope"),
        (SM, 2, "metric", "list it in metrics.csv first"),
    ),
    broken("a misspelt segment", cell(SM, 2, "segment", "trail"), (SM, 2, "segment", "mean trial")),
    broken(
        "a segment like no other",
        cell(SM, 2, "segment", "vip"),
        (SM, 2, "segment", '"vip" is not in segments.csv'),
    ),
    broken(
        "a misspelt scorecard",
        cell(SM, 2, "scorecard", "retention_2O26"),
        (SM, 2, "scorecard", "mean retention_2026?"),
    ),
    broken(
        "a scorecard is gone, its rows are not",
        without(SC, 4),
        (SM, 154, "scorecard", '"retention_classic" is not in scorecards.csv'),
    ),
    broken(
        "a cap on an unknown metric",
        cell(CP, 3, "metric", "days_overdu"),
        (CP, 3, "metric", "mean days_overdue?"),
    ),
    broken(
        "a cap on an unknown segment",
        cell(CP, 2, "segment", "regulatet"),
        (CP, 2, "segment", "mean regulated?"),
    ),
    broken(
        "poor_at equals healthy_at",
        cell(SM, 2, "poor_at", "0.70"),
        (SM, 2, "healthy_at", "both 0.7"),
    ),
    broken(
        "a lower value is better",
        also(cell(SM, 8, "poor_at", "3"), cell(SM, 8, "healthy_at", "30")),
        (SM, 8, "healthy_at", "lower is better for oldest_open_ticket_days"),
    ),
    broken(
        "a higher value is better, banded",
        also(cell(SM, 154, "poor_at", "0.6"), cell(SM, 154, "healthy_at", "0.2")),
        (SM, 154, "healthy_at", "higher is better for licence_utilisation_28d"),
    ),
    broken(
        "a percentile upside down",
        also(cell(SM, 14, "poor_at", "75"), cell(SM, 14, "healthy_at", "10")),
        (SM, 14, "healthy_at", "from the worst up"),
    ),
    broken(
        "no percentile", cell(SM, 14, "healthy_at", "120"), (SM, 14, "healthy_at", "no percentile")
    ),
    broken(
        "a segment is missing in a scorecard",
        without(SM, *range(2, 10)),
        (SM, None, "segment", "retention_2026 has no row for the segment trial"),
    ),
    broken(
        "a scorecard without rows",
        row(SC, 0, "retention_2027", "retention", "challenger", "0.5", "Next"),
        (SC, 5, "scorecard", "has no row in scorecard_metrics.csv"),
    ),
    broken(
        "no live scorecard",
        cell(SC, 2, "status", "retired"),
        (SC, 2, "status", "no scorecard of goal retention is live"),
    ),
    broken(
        "two live scorecards",
        cell(SC, 4, "status", "live"),
        (SC, 4, "status", "2 scorecards of goal retention are live (rows 2 and 4)"),
    ),
    broken(
        "a metric is gone",
        without(MX, 20),
        (MX, None, "metric", "nps_180d is computed, but it is not listed"),
    ),
    broken(
        "a metric that nobody computes",
        row(MX, 0, "logo_colour", "adoption", "share", "", "higher", "How blue the logo is"),
        (MX, 29, "metric", "no table of models/metrics computes"),
    ),
    broken(
        "a metric is misspelt in the catalogue",
        cell(MX, 20, "metric", "nps_18Od".lower()),
        (MX, 20, "metric", "mean nps_180d?"),
    ),
    broken(
        "no rule that matches all",
        cell(SG, 12, "plan", "Basic"),
        (SG, 12, "priority", "the last rule has conditions"),
    ),
    broken(
        "the rule that matches all comes too early",
        cell(SG, 12, "priority", "35"),
        (SG, 8, "priority", "never decides: row 12 comes first"),
    ),
    broken(
        "a rule in the shadow of another",
        row(SG, 0, "42", "enterprise", "Enterprise", "", "", "", "", "", "", "", "500", ""),
        (SG, 13, "priority", "never decides: row 9 comes first"),
    ),
    broken(
        "limits that contradict each other",
        cell(SG, 3, "min_tenure_days", "200"),
        (SG, 3, "min_tenure_days", "at least 200 and at most 120"),
    ),
    broken(
        "a segment with two labels",
        cell(SG, 7, "label", "Regulated"),
        (SG, 7, "label", "another label in row 4"),
    ),
    broken(
        "no grade for insufficient data",
        without(GR, 7),
        (GR, None, "min_score", "0 grades have a blank min_score"),
        (PB, 2, "trigger", '"insufficient_data" is not in grades.csv'),
    ),
    broken(
        "two grades without a bound",
        cell(GR, 5, "min_score", ""),
        (GR, 7, "min_score", "2 grades have a blank min_score"),
    ),
    broken("no grade from 0", cell(GR, 6, "min_score", "10"), (GR, 6, "min_score", "starts at 0")),
    broken(
        "grades out of order",
        table(GR, lambda rows: rows.insert(1, rows.pop(2))),
        (GR, 3, "min_score", "85 stands below 70"),
    ),
    broken(
        "a percentage in a cap",
        row(CP, 0, "low_use", "*", "licence_utilisation_28d", "20", "65", "Few seats are used"),
        (CP, 7, "worse_than", "mean 0.2?"),
    ),
    broken(
        "percentages as thresholds",
        also(cell(SM, 2, "poor_at", "10"), cell(SM, 2, "healthy_at", "70")),
        (SM, 2, "poor_at", "mean 0.1?"),
        (SM, 2, "healthy_at", "mean 0.7?"),
    ),
    broken("green below yellow", cell(GR, 2, "colour", "red"), (GR, 3, "colour", "green from 70")),
]

ALERTS = [
    broken("an unknown kind", cell(AR, 2, "kind", "crosses_bellow"), (AR, 2, "kind", "crosses_be")),
    broken("a kind like no other", cell(AR, 2, "kind", "sulks"), (AR, 2, "kind", "one of crosses")),
    broken("an unknown severity", cell(AR, 2, "severity", "Critical"), (AR, 2, "severity", "mean")),
    broken(
        "an alert rule twice",
        cell(AR, 3, "rule", "entered_red"),
        (AR, 3, "rule", "repeats row 2: entered_red"),
    ),
    broken("an alert rule without a name", cell(AR, 3, "rule", ""), (AR, 3, "rule", "blank")),
    broken(
        "an alert rule that looks like SQL",
        cell(AR, 3, "rule", "x; drop table y"),
        (AR, 3, "rule", "looks like SQL"),
    ),
    broken(
        "an alert rule for a misspelt segment",
        cell(AR, 2, "segment", "enterprize"),
        (AR, 2, "segment", "mean enterprise?"),
    ),
    broken("a level above 100", cell(AR, 2, "level", "600"), (AR, 2, "level", "above 100")),
    broken("a level below 0", cell(AR, 2, "level", "-1"), (AR, 2, "level", "below 0")),
    broken("no level", cell(AR, 2, "level", ""), (AR, 2, "level", "blank")),
    broken("a drop by nothing", cell(AR, 4, "level", "0"), (AR, 4, "level", "drops by 0 points")),
    broken(
        "a coverage level in percent", cell(AR, 7, "level", "70"), (AR, 7, "level", "mean 0.7?")
    ),
    broken(
        "a coverage margin in percent",
        cell(AR, 7, "reopen_margin", "5"),
        (AR, 7, "reopen_margin", "mean 0.05?"),
    ),
    broken("a storm level in percent", cell(AR, 9, "level", "20"), (AR, 9, "level", "mean 0.2?")),
    broken(
        "a window of half a day", cell(AR, 2, "window_days", "0.5"), (AR, 2, "window_days", "whole")
    ),
    broken(
        "an alert window of no days",
        cell(AR, 2, "window_days", "0"),
        (AR, 2, "window_days", "below 1"),
    ),
    broken(
        "a negative cooldown",
        cell(AR, 2, "cooldown_days", "-1"),
        (AR, 2, "cooldown_days", "below 0"),
    ),
    broken(
        "a negative margin",
        cell(AR, 2, "reopen_margin", "-1"),
        (AR, 2, "reopen_margin", "below 0"),
    ),
    broken(
        "two storms",
        row(AR, 0, "storm_2", "storm", "0.5", "7", "*", "info", "0", "0", "Half of the accounts"),
        (AR, 10, "kind", "repeats row 9: storm"),
    ),
    broken(
        "a storm in a segment",
        cell(AR, 9, "segment", "enterprise"),
        (AR, 9, "segment", "would not count for a storm"),
    ),
    broken(
        "a storm with a cooldown",
        cell(AR, 9, "cooldown_days", "14"),
        (AR, 9, "cooldown_days", "would not count for a storm"),
    ),
]

# Rows of playbooks.csv: 3 a metric, 7 of one segment, 11 an alert, 12 a component, 2 a grade.
PLAYBOOKS = [
    broken(
        "a misspelt trigger", cell(PB, 3, "trigger_on", "metrics"), (PB, 3, "trigger_on", "metric")
    ),
    broken(
        "a playbook on an unknown metric",
        cell(PB, 3, "trigger", "oldest_urgent_tickets_days"),
        (PB, 3, "trigger", "mean oldest_urgent_ticket_days?"),
    ),
    broken(
        "a playbook on an unknown component",
        cell(PB, 12, "trigger", "adaption"),
        (PB, 12, "trigger", "mean adoption?"),
    ),
    broken(
        "a playbook on an unknown alert",
        cell(PB, 11, "trigger", "renewal_in_dangr"),
        (PB, 11, "trigger", "mean renewal_in_danger?"),
    ),
    broken(
        "a playbook on an unknown grade",
        cell(PB, 2, "trigger", "insufficient"),
        (PB, 2, "trigger", '"insufficient" is not in grades.csv'),
    ),
    broken(
        "a playbook for an unknown segment",
        cell(PB, 7, "segment", "regulatet"),
        (PB, 7, "segment", "mean regulated?"),
    ),
    broken(
        "a playbook on a storm",
        cell(PB, 11, "trigger", "storm"),
        (PB, 11, "trigger", "no alert of an account"),
    ),
    broken(
        "an unknown goal of a playbook", cell(PB, 3, "goal", "renew"), (PB, 3, "goal", "one of")
    ),
    broken(
        "a playbook twice",
        cell(PB, 4, "playbook", "escalate_urgent_ticket"),
        (PB, 4, "playbook", "repeats row 3"),
    ),
    broken(
        "a percentage in a playbook",
        cell(PB, 6, "threshold", "-20"),
        (PB, 6, "threshold", "mean -0.2?"),
    ),
    broken(
        "a component score above 100",
        cell(PB, 12, "threshold", "400"),
        (PB, 12, "threshold", "above 100"),
    ),
    broken(
        "a metric without a threshold", cell(PB, 3, "threshold", ""), (PB, 3, "threshold", "blank")
    ),
    broken(
        "a metric without a comparison",
        cell(PB, 3, "comparison", ""),
        (PB, 3, "comparison", "blank"),
    ),
    broken(
        "a comparison in words",
        cell(PB, 3, "comparison", "above"),
        (PB, 3, "comparison", "mean at_or_above?"),
    ),
    broken(
        "an alert with a comparison",
        cell(PB, 11, "comparison", "at_or_below"),
        (PB, 11, "comparison", "leave comparison blank"),
    ),
    broken(
        "an alert with a threshold",
        cell(PB, 11, "threshold", "70"),
        (PB, 11, "threshold", "leave threshold blank"),
    ),
    broken(
        "a grade with a threshold",
        cell(PB, 2, "threshold", "60"),
        (PB, 2, "threshold", "leave threshold blank"),
    ),
    broken("a priority of zero", cell(PB, 3, "priority", "0"), (PB, 3, "priority", "below 1")),
    broken("half a priority", cell(PB, 3, "priority", "1.5"), (PB, 3, "priority", "whole")),
    broken("a due day in the past", cell(PB, 3, "due_days", "-1"), (PB, 3, "due_days", "below 0")),
    broken("no action", cell(PB, 3, "action", ""), (PB, 3, "action", "blank")),
]

# Rows of trust.csv: 2 rejected rows, 9 and 10 volume, 14 active accounts, 21 the scale of NPS,
# 23 accounts lost, 24 and 25 ARR, 33 grades.
TRUST = [
    broken(
        "a misspelt audit",
        cell(TR, 2, "audit", "rejected_shares"),
        (TR, 2, "audit", "mean rejected_share?"),
    ),
    broken(
        "an audit of an unknown input",
        cell(TR, 9, "input", "usage_event"),
        (TR, 9, "input", "mean usage_events?"),
    ),
    broken("a level in percent", cell(TR, 2, "level", "5"), (TR, 2, "level", "above 1")),
    broken("no level", cell(TR, 9, "level", ""), (TR, 9, "level", "blank")),
    broken("no row is enough", cell(TR, 33, "min_rows", "0"), (TR, 33, "min_rows", "below 1")),
    broken("half a row", cell(TR, 33, "min_rows", "1.5"), (TR, 33, "min_rows", "whole")),
    broken("an unknown verdict", cell(TR, 2, "verdict", "halt"), (TR, 2, "verdict", "one of")),
    broken("grades of one input", cell(TR, 33, "input", "accounts"), (TR, 33, "input", "one of")),
    broken("accounts of one input", cell(TR, 23, "input", "accounts"), (TR, 23, "input", "one of")),
    broken("ARR of one input", cell(TR, 24, "input", "accounts"), (TR, 24, "input", "one of")),
    broken("activity of all inputs", cell(TR, 14, "input", "*"), (TR, 14, "input", "one of")),
    broken("NPS of tickets", cell(TR, 21, "input", "accounts"), (TR, 21, "input", "one of")),
    broken("a month ago", cell(TR, 25, "days_back", "30"), (TR, 25, "days_back", "above 28")),
    broken("rows of a week ago", cell(TR, 2, "days_back", "7"), (TR, 2, "days_back", "above 0")),
    broken(
        "a level twice",
        also(cell(TR, 25, "days_back", ""), cell(TR, 25, "verdict", "stop")),
        (TR, 25, None, "repeats row 24"),
    ),
]

MANY = [
    broken(
        "many at once",
        also(
            cell(GR, 2, "label", "{{ x }}"),
            data(CU, lambda content: b"\xef\xbb\xbf" + content),
            cell(SC, 2, "min_coverage", "50"),
            cell(SG, 3, "min_tenure_days", "200"),
            cell(SM, 2, "weight", "13"),
            cell(SM, 3, "curve", "liner"),
            cell(SM, 12, "metric", "setup_complettion"),
            cell(MX, 3, "component", ""),
            new_file("trust_me.csv", "a\n"),
        ),
        (MX, 3, "component", "blank"),
        (CU, 1, None, "byte-order mark"),
        (SG, 3, "min_tenure_days", "at least 200"),
        (SC, 2, "min_coverage", "mean 0.5?"),
        (SM, 2, "weight", "sum to 101"),
        (SM, 3, "curve", "mean linear?"),
        (SM, 12, "metric", "mean setup_completion?"),
        (GR, 2, "label", "Jinja"),
        ("trust_me", None, None, "no seed of this name"),
    ),
    broken(
        "the same in every row is said once",
        table(FT, lambda rows: [cells.__setitem__(2, "") for cells in rows[1:]] and None),
        (FT, 2, "is_core", "blank"),
    ),
]

HEADERS = [
    broken(
        f"only a header in {name}",
        data(name, lambda content: content.split(b"\n")[0] + b"\n"),
        (name, None, None, "no rows below the header"),
    )
    for name in (MX, SG, SC, SM, GR, PB)
]

CASES = [*FILES, *HEADERS, *CELLS, *ROWS, *ALERTS, *PLAYBOOKS, *TRUST, *MANY]


def main(words: list[str]) -> int:
    for case in CASES:
        if not all(word in case.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as workspace:
            folder = copy_seeds(Path(workspace) / "seeds")
            case.edit(folder)
            report = as_text(folder, *validate(folder)).replace(f"{folder}/", "")
        print(f"# {case.name}\n" + "\n".join(report.splitlines()[:-2]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
