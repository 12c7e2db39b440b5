"""Check a folder of raw inputs before building: what is missing, unreadable or rejected, and why.

Files and columns are held against the input contract (models/staging/_raw__sources.yml). What
becomes of each row is asked of the project's own models, built into a temporary warehouse. Of the
data only column names, counts and a few record keys are shown, never a cell.
"""

import argparse
import csv
import difflib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT / "models" / "staging" / "_raw__sources.yml"
EXAMPLES = """examples:
  python scripts/check_input.py sample_data
  python scripts/check_input.py exports/2026-09 --run-date 2026-09-30 --examples 10
  python scripts/check_input.py exports/2026-09 --json | jq '.null_metrics'

exit codes: 0 the project builds on the folder (rows may be rejected), 1 the run would stop,
2 wrong usage. A folder holds one subfolder per input, with CSV or Parquet files inside.
"""
FORMATS = (".csv", ".parquet")
MOST_LINES = 1000
LONGEST_LINE = 16_000_000
LONGEST_NAME = 60
WIDTH = 100
TABLE = "{:<17} {:<9} {:<8} {:<10} {:>7} {:>9} {:>9} {:>9} {:>8} {:>7}"
DBT = Path(sys.executable).with_name("dbt")

LINE_FAULTS = {
    "MISSING COLUMNS": "fewer cells than the header",
    "TOO MANY COLUMNS": "more cells than the header (text with a comma needs double quotes)",
    "UNQUOTED VALUE": "a double quote that is not closed, or not doubled inside a quoted cell",
    "INVALID ENCODING": "not UTF-8; export it as UTF-8",
    "LINE SIZE OVER MAXIMUM": "longer than 16 MB",
}
REASONS = {
    "missing_key": "the key is empty",
    "missing_account_id": "account_id is empty",
    "missing_value": "another required cell is empty",
    "bad_value": "a cell does not read as its type; dates year first, no thousands separators",
    "out_of_time": "a timestamp before 2000 or, where it cannot lie ahead, after run date + 1",
    "end_before_start": "it ends before it starts",
    "out_of_range": "a number outside its range, or not whole where it must be",
    "unknown_value": "a word outside the list of the column",
    "unknown_currency": "no such code in seeds/scoring/currencies.csv",
    "override_too_long": "more than 90 days",
    "unknown_account": "no accepted row of accounts has this account_id",
}

USAGE_METRICS = (
    "licence_utilisation_28d core_feature_adoption_28d setup_completion"
    " compliance_feature_days_28d active_days_28d stickiness_28d minutes_per_user_28d"
    " usage_change_28d days_since_last_activity login_interval_days_90d"
)
SUPPORT_METRICS = (
    "tickets_per_100_seats_90d urgent_ticket_share_90d open_tickets oldest_open_ticket_days"
    " oldest_urgent_ticket_days median_resolution_hours_90d reopened_ticket_share_90d"
    " ticket_csat_90d"
)
# What goes with an input (column "") or with an optional column: metrics null for every account,
# metrics that are 0 wherever they are known, and what else to know.
# fmt: off
LOST = (
    ("accounts", "", "", "", "no account can be scored, and every other row is unknown_account"),
    ("accounts", "account_name", "", "", "accounts are shown by their id"),
    ("accounts", "parent_account_id", "", "", "no roll-up to parent accounts"),
    ("accounts", "industry", "", "", "segment rules on industry never match"),
    ("accounts", "is_test", "", "", "test accounts are scored like customers"),
    ("accounts", "deleted_at", "", "", "deleted accounts stay until their subscriptions end"),
    ("subscriptions", "", "", "", "no account is in force, so none is scored"),
    ("subscriptions", "plan", "", "", "segment rules on plan never match"),
    ("subscriptions", "seats", "licence_utilisation_28d tickets_per_100_seats_90d", "",
     "segment rules on seats never match"),
    ("subscriptions", "mrr", "mrr_change_90d auto_renew_share", "",
     "no ARR, no upsells, and segment rules on mrr never match"),
    ("subscriptions", "currency", "", "", "mrr is taken as the reporting currency"),
    ("subscriptions", "is_trial", "", "", "no account counts as a trial"),
    ("subscriptions", "auto_renew", "auto_renew_share", "", ""),
    ("subscriptions", "term_ends_at", "days_to_renewal", "", "no renewal dates"),
    ("subscriptions", "ended_at", "", "",
     "subscriptions never end: accounts that left stay scored, and their old terms add up"),
    ("usage_events", "", USAGE_METRICS, "", ""),
    ("usage_events", "user_id", "stickiness_28d minutes_per_user_28d", "",
     "licence_utilisation_28d is null for every account with usage in the 28 days"),
    ("usage_events", "duration_seconds", "minutes_per_user_28d", "", ""),
    ("usage_events", "event_count", "", "", "each row counts as one event"),
    ("support_tickets", "", SUPPORT_METRICS, "", ""),
    ("support_tickets", "solved_at", "median_resolution_hours_90d ticket_csat_90d", "",
     "every ticket counts as open"),
    ("support_tickets", "priority", "", "urgent_ticket_share_90d oldest_urgent_ticket_days",
     "no ticket counts as urgent"),
    ("support_tickets", "reopen_count", "", "reopened_ticket_share_90d", ""),
    ("support_tickets", "csat_score", "ticket_csat_90d", "", ""),
    ("survey_responses", "", "nps_180d csat_180d", "", ""),
    ("survey_responses", "user_id", "", "", "nps_180d counts every answer, not one per user"),
    ("invoices", "", "days_overdue recurring_revenue_share_365d", "", ""),
    ("invoices", "due_at", "", "days_overdue", ""),
    ("invoices", "paid_at", "days_overdue", "", ""),
    ("invoices", "currency", "", "", "amounts are taken as the reporting currency"),
    ("csm_assessments", "", "csm_sentiment_90d", "", ""),
    ("score_overrides", "", "", "", "no score is overridden by hand"),
)
# fmt: on


class CannotReadError(Exception):
    """A file that the project cannot read; the message says why, without any of its content."""


@dataclass(frozen=True)
class Problem:
    """Something that stops the run, with the lines of the file that have it (at most 1,000)."""

    text: str
    file: str = ""
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        place = self.file
        if self.lines:
            place += f", line{'s' * (len(self.lines) > 1)} {', '.join(map(str, self.lines[:5]))}"
            place += f" and {len(self.lines) - 5:,} more" if len(self.lines) > 5 else ""
        return f"{place}: {self.text}" if place else self.text


@dataclass(frozen=True)
class Finding:
    """Rows rejected, or cells of a column blanked, for one reason, with some of their keys."""

    reason: str
    column: str | None
    count: int
    examples: list[str]


@dataclass(frozen=True)
class Consequence:
    """What the lack of an input (column null) or of a column's values does to the metrics."""

    column: str | None
    null_metrics: list[str]
    zero_metrics: list[str]
    note: str


@dataclass
class Column:
    """A column of the contract. Null: received when missing, counts when the rows are unknown."""

    name: str
    type: str
    required: bool
    received: str | None = None
    filled: int | None = None
    unreadable: int | None = None


@dataclass
class Input:
    """All that is known about one input; state is found, empty (no rows), missing or broken."""

    name: str
    presence: str
    columns: list[Column]
    state: str = "missing"
    format: str | None = None
    files: list[str] = field(default_factory=list)
    unexpected_columns: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, int] | None = None
    rejected: list[Finding] = field(default_factory=list)
    blanked: list[Finding] = field(default_factory=list)
    consequences: list[Consequence] = field(default_factory=list)


@dataclass
class Report:
    """The whole check. `problems` are all that stops the run; `notes` are about the folder."""

    folder: str
    run_date: str
    would_build: bool
    inputs: list[Input]
    null_metrics: list[str]
    problems: list[str]
    notes: list[str]


def read_contract() -> list[Input]:
    """The inputs of the contract, in its order, with nothing found yet."""
    tables = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["sources"][0]["tables"]
    inputs = []
    for table in tables:
        columns = []
        for column in table["columns"]:
            meta = column.get("config", {}).get("meta", {})
            required = bool(meta.get("key") or meta.get("required"))
            columns.append(Column(column["name"], column["data_type"], required))
        inputs.append(Input(table["name"], table["config"]["meta"]["presence"], columns))
    return inputs


def shown(text: str) -> str:
    """A name or key as it may be printed: one line, no control characters, 60 characters."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 3] + "..."


def like(name: str, others: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of the others that the name resembles most, if any does."""
    return next(iter(difflib.get_close_matches(name.lower(), others, 1, cutoff)), None)


def listed(names: list[str], most: int = 5) -> str:
    """The first names and how many more there are."""
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


# ------------------------------------------------------------------------- files and columns


def csv_header(path: Path) -> list[str]:
    """The column names in the first line, lower case; raises CannotReadError."""
    with path.open("rb") as file:
        line = re.split(rb"[\r\n]", file.readline(LONGEST_LINE), maxsplit=1)[0]
    try:
        header = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise CannotReadError("the header line is not UTF-8; export it as UTF-8") from None
    if not header:
        raise CannotReadError("no header line; put the column names there, or take the file away")
    names = [name.strip().lower() for name in next(csv.reader([header]))]
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if len(names) == 1 and separator in names[0]:
            raise CannotReadError(f"cells are separated by {word}; export it with commas")
    for number, name in enumerate(names):
        if name in names[:number]:
            places = f"cells {names.index(name) + 1} and {number + 1} of the header"
            raise CannotReadError(f"{places} hold the same name; rename one of them")
    return [name or f"unnamed_{number}" for number, name in enumerate(names, 1)]


def source_sql(path: Path, more: str = "") -> str:
    """What to select from to read one file as the project does; raises CannotReadError."""
    file = "['" + str(path).replace("'", "''") + "']"
    if path.name.lower().endswith(".parquet"):
        return f"read_parquet({file})"
    names = [name.replace("'", "''") for name in csv_header(path)]
    columns = ", ".join(f"'{name}': 'varchar'" for name in names)
    return (
        f"read_csv({file}, auto_detect = false, header = true, columns = {{{columns}}},"
        " delim = ',', quote = '\"', escape = '\"', comment = '', encoding = 'utf-8',"
        f" strict_mode = true, max_line_size = {LONGEST_LINE}{more})"
    )


def received_columns(path: Path) -> dict[str, tuple[str, str]]:
    """{lower-case name: (name as received, type)} of one file; raises CannotReadError."""
    try:
        rows = duckdb.sql(f"describe select * from {source_sql(path)}").fetchall()
    except duckdb.Error:
        raise CannotReadError("not readable as " + path.suffix.lower()[1:]) from None
    return {row[0].strip().lower(): (row[0], row[1]) for row in rows}


def broken_lines(path: Path) -> list[Problem]:
    """The lines of a CSV file that do not have the cells of its header, one problem per fault."""
    rejects = f", store_rejects = true, rejects_limit = {MOST_LINES}, rejects_table = 'faults'"
    with duckdb.connect() as connection:
        connection.execute(f"select count(columns(*)) from {source_sql(path, rejects)}")
        found = connection.execute(
            "select distinct line_byte_position, error_type from faults order by all"
        ).fetchall()
    lines: dict[str, set[int]] = defaultdict(set)
    # DuckDB counts records; people look for lines, and a quoted cell may hold several.
    with path.open("rb") as file:
        end, number = 0, 0
        for position, fault in found:
            while end <= position and (line := file.readline()):
                end, number = end + len(line), number + 1
            lines[fault].add(number)
    return [
        Problem(LINE_FAULTS.get(fault, fault.lower()), path.name, tuple(sorted(numbers)))
        for fault, numbers in sorted(lines.items())
    ]


def inspect(raw: Path, item: Input) -> None:
    """Fill in what can be seen without judging rows: files, columns, problems and the state."""
    place = raw / item.name
    entries = sorted(place.iterdir()) if place.is_dir() else []
    paths = [p for p in entries if p.name.lower().endswith(FORMATS) and p.is_file()]
    if others := [shown(p.name) for p in entries if p not in paths]:
        item.notes.append(f"not read: {listed(others)}; only *.csv and *.parquet right here are")
    item.files = [path.name for path in paths]
    item.format = " and ".join(sorted({p.suffix.lower()[1:] for p in paths})) or None
    if not paths and item.presence == "required":
        item.problems.append(Problem(f"required, but there is no *.csv or *.parquet in {place}"))
    if item.format == "csv and parquet":
        item.problems.append(Problem("CSV and Parquet files in one folder; keep one format"))
    required = {column.name for column in item.columns if column.required}
    received: dict[str, set[str]] = defaultdict(set)
    lacking: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        try:
            found = received_columns(path)
            # Without any known name the first line may be data, which must not be shown.
            is_csv = path.name.lower().endswith(".csv")
            if is_csv and not required & found.keys():
                raise CannotReadError(
                    "no required column in the first line; is the header missing?"
                )
            for name in sorted(required - found.keys()):
                lacking[name].append(path.name)
            for name, (_, kind) in found.items():
                received[name].add(kind)
            if is_csv:
                item.problems += broken_lines(path)
        except CannotReadError as error:
            item.problems.append(Problem(str(error), shown(path.name)))
    known = {column.name for column in item.columns} | {"_loaded_at"}
    item.unexpected_columns = [shown(name) for name in received if name not in known]
    for column in item.columns:
        column.received = " or ".join(sorted(received.get(column.name, ()))) or None
        guess = like(column.name, item.unexpected_columns)
        hint = f"; is it {guess}?" if guess else ""
        if files := lacking.get(column.name):
            item.problems.append(Problem(f"no column {column.name}{hint}", listed(files, 1)))
        elif received and not column.received and guess:
            item.notes.append(f"no column {column.name}{hint}")
    item.state = "broken" if paths and item.problems else "found" if paths else "missing"


def strays(raw: Path, inputs: list[Input]) -> list[str]:
    """What lies in the folder and is no input, with the missing input that it may be."""
    absent = [item.name for item in inputs if not item.files]
    notes = []
    for entry in sorted(raw.iterdir()):
        is_input = entry.is_dir() and any(entry.name == item.name for item in inputs)
        if is_input or entry.name.startswith("."):
            continue
        guess = like(entry.name.split(".")[0], absent, 0.5)
        goal = f"{guess}/" if entry.is_dir() else f"{guess}/{shown(entry.name)}"
        hint = f"; should it be {goal}?" if guess else ""
        notes.append(f"{shown(entry.name)}{'/' * entry.is_dir()} is not read{hint}")
    return notes


# ------------------------------------------------------------------------- verdicts on the rows


def stage(raw: Path, inputs: list[Input], staged: Path) -> None:
    """Link the readable inputs; put stand-ins where a required one is not readable.

    The stand-in has a header and no rows, but for accounts: it knows every account that the other
    inputs mention, so that their rows are judged by everything but `unknown_account`.
    """
    readable = [item for item in inputs if item.state == "found"]
    mentions = [
        f"""select "{received_columns(path)["account_id"][0]}" from {source_sql(path)}"""
        for item in readable
        for path in (raw / item.name / file for file in item.files)
    ]
    for item in inputs:
        place = staged / item.name
        if item in readable:
            place.symlink_to(raw.resolve() / item.name, target_is_directory=True)
        elif item.name == "accounts":
            place.mkdir(parents=True)
            duckdb.sql(
                "select cast(id as varchar) as account_id, timestamp '2000-01-01' as created_at"
                f" from ({' union '.join(mentions)}) as mentioned (id)"
            ).write_parquet(str(place / "stand_in.parquet"))
        elif item.presence == "required":
            place.mkdir(parents=True)
            header = ",".join(column.name for column in item.columns)
            (place / "stand_in.csv").write_text(header + "\n", encoding="utf-8")


def build(staged: Path, workspace: Path, day: date) -> Path | None:
    """Build the verdicts with dbt; the DuckDB file, or None when dbt stopped."""
    warehouse = workspace / "warehouse.duckdb"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "HEALTH_"))}
    environment = inherited | {
        "HEALTH_RAW_DIR": str(staged),
        "HEALTH_WAREHOUSE": str(warehouse),
        "DBT_TARGET_PATH": str(workspace / "target"),
        "DBT_LOG_PATH": str(workspace / "logs"),
    }
    command = [str(DBT), "build", "--select", "+source_reconciliation", "+rejected_records"]
    command += ["--exclude-resource-type", "test", "unit_test"]
    command += ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT), "--target", "duckdb"]
    command += ["--vars", json.dumps({"run_date": day.isoformat(), "schema_prefix": ""})]
    # The profile finds the project's plugin from the folder that dbt is started in. What dbt
    # prints may hold cells, so it is not shown.
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True)
    return warehouse if done.returncode == 0 else None


def judge(inputs: list[Input], warehouse: Path, examples: int) -> None:
    """Fill in what the models say about the rows of every readable input."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        query = "select * from marts.source_reconciliation"
        names = [column[0] for column in connection.execute(query).description]
        counts = {
            row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in connection.fetchall()
        }
        findings = connection.execute(
            f"""
            select input, action, reason, column_name, cast(sum(n) as bigint),
                coalesce(min(record_key, {max(1, examples)}), [])[:{examples}]
            from (
                select input, action, reason, column_name, record_key, count(*) as n
                from marts.rejected_records group by all
            )
            group by all order by 5 desc, 4, 3
            """
        ).fetchall()
        for item in inputs:
            if item.state != "found":
                continue
            item.rows = counts[item.name]
            item.state = "found" if item.rows["raw_rows"] else "empty"
            for name, action, reason, column, count, keys in findings:
                if name == item.name:
                    goal = item.rejected if action == "row_rejected" else item.blanked
                    goal.append(Finding(reason, column, count, [shown(key) for key in keys]))
            cells = ", ".join(
                f"count({c.name}), count(*) filter (contains(bad_cells, ',{c.name},'))"
                for c in item.columns
            )
            found = connection.execute(f"select {cells} from staging.input_{item.name}").fetchone()
            for column, filled, bad in zip(item.columns, found[::2], found[1::2], strict=True):
                column.filled, column.unreadable = filled, bad


def consequences(item: Input) -> list[Consequence]:
    """What the project will not know for want of this input, or of a column or its values."""
    if item.problems or (item.state == "found" and not item.rows):
        return []
    nothing = not item.rows or not item.rows["accepted_rows"]
    void = {"" if nothing else c.name for c in item.columns if nothing or not c.received}
    empty = {c.name for c in item.columns if c.filled == 0 and not nothing}
    return [
        Consequence(column or None, null.split(), zero.split(), note)
        for name, column, null, zero, note in LOST
        if name == item.name and (column in void or (column in empty and (null or zero)))
    ]


def check(folder: Path, day: date, examples: int = 3) -> Report:
    """Check a folder of raw inputs on a run date; raises OSError where it may not be read."""
    raw = folder.absolute()
    inputs = read_contract()
    for item in inputs:
        inspect(raw, item)
    problems = [f"{item.name}: {problem}" for item in inputs for problem in item.problems]
    notes = strays(raw, inputs)
    if any(item.name == "accounts" and item.state != "found" for item in inputs):
        notes.append("accounts cannot be read, so no row was judged by unknown_account")
    if any(item.state == "found" for item in inputs):
        with tempfile.TemporaryDirectory(prefix="check_input_") as workspace:
            staged = Path(workspace) / "raw"
            staged.mkdir()
            stage(raw, inputs, staged)
            warehouse = build(staged, Path(workspace), day)
            if warehouse:
                judge(inputs, warehouse, examples)
            else:
                why = f"HEALTH_RAW_DIR={shlex.quote(str(raw))} dbt build"
                problems.append(f"dbt stopped while judging the rows; to see why, run: {why}")
    for item in inputs:
        item.consequences = consequences(item)
    lost = [metric for i in inputs for c in i.consequences for metric in c.null_metrics]
    return Report(
        folder=str(folder),
        run_date=day.isoformat(),
        would_build=not problems,
        inputs=inputs,
        null_metrics=list(dict.fromkeys(lost)),
        problems=problems,
        notes=notes,
    )


# ------------------------------------------------------------------------- what is printed


def as_json(report: Report) -> str:
    """The report as one JSON object with the names of the dataclasses."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)


def table_line(item: Input) -> str:
    """One line of the summary table."""
    files = f"{len(item.files)} {item.format}" if item.files else "-"
    found = sum(column.received is not None for column in item.columns)
    columns = f"{found}/{len(item.columns)}" if item.files else "-"
    rows = [f"{count:,}" for count in item.rows.values()] if item.rows else ["-"] * 5
    return TABLE.format(item.name, item.presence, item.state, files, columns, *rows).rstrip()


def details(item: Input) -> list[tuple[str, str]]:
    """What there is to say about an input, as (label, text)."""
    lines = [("STOPS", str(problem)) for problem in item.problems]
    lines += [("note", note) for note in item.notes]
    if item.format == "parquet":
        kinds = [f"{c.name} {c.received}" for c in item.columns if c.received]
        lines.append(("types", ", ".join(kinds)))
    optional = [c.name for c in item.columns if not c.received and not c.required]
    if item.files and optional and item.state != "broken":
        lines.append(("no column", f"{', '.join(optional)} (optional, read as null)"))
    if item.unexpected_columns:
        lines.append(("ignored", f"columns {listed(item.unexpected_columns, 20)}"))
    for label, findings in (("rejected", item.rejected), ("blanked", item.blanked)):
        for f in findings:
            what = f"{f.column} {f.reason}" if f.column else f.reason
            keys = f"  {', '.join(f.examples)}" if f.examples else ""
            more = ", ..." if f.examples and f.count > len(f.examples) else ""
            lines.append((label, f"{f.count:>7,}  {what:<28}{keys}{more}".rstrip()))
    told = {finding.column for finding in item.blanked}
    cells = [
        f"{c.unreadable:,} no {c.type} in {c.name}"
        for c in item.columns
        if c.unreadable and c.name not in told
    ]
    for c in item.columns:
        empty = item.rows["raw_rows"] - c.filled - c.unreadable if item.rows else 0
        cells += [f"{empty:,} empty in {c.name}"] * bool(empty and c.required)
    if cells:
        lines.append(("bad cells", ", ".join(cells)))
    for c in item.consequences:
        want = "no accepted row" if item.rows and not c.column else "missing"
        if c.column and any(x.name == c.column and x.received for x in item.columns):
            want = f"{c.column} is empty"
        elif c.column:
            want = f"no {c.column}"
        effects = [f"null for every account: {', '.join(c.null_metrics)}"] * bool(c.null_metrics)
        effects += [f"always 0: {', '.join(c.zero_metrics)}"] * bool(c.zero_metrics)
        effects += [c.note] * bool(c.note)
        lines.append(("effect", f"{want}: {'; '.join(effects)}"))
    return lines


def next_steps(report: Report) -> str:
    """What the reader does next, at most two sentences a step."""
    folder = shlex.quote(report.folder)
    if report.problems:
        steps = "".join(f"\n  {n}. {problem}" for n, problem in enumerate(report.problems, 1))
        return (
            f"The run would STOP on this folder. Mend first:{steps}\n"
            f"Then check again: python scripts/check_input.py {folder}"
        )
    rejected = sum(item.rows["rejected_rows"] for item in report.inputs if item.rows)
    blanked = sum(item.rows["blanked_cells"] for item in report.inputs if item.rows)
    faults = f", without {rejected:,} rejected rows and {blanked:,} blanked cells"
    mend = "Mend those at the source, or build as it is" if rejected or blanked else "Build it"
    return (
        f"The project builds on this folder{faults if rejected or blanked else ''}.\n"
        f"{mend}: HEALTH_RAW_DIR={shlex.quote(str(Path(report.folder).absolute()))} dbt build"
    )


def as_text(report: Report) -> str:
    """The report for a terminal: a table, what there is to say per input, what to do next."""
    head = "input presence state files columns rows accepted duplicate rejected blanked".split()
    parts = [
        f"Raw inputs in {report.folder}, judged as of run date {report.run_date}",
        "\n".join([TABLE.format(*head), *map(table_line, report.inputs)]),
    ]
    for item in report.inputs:
        lines, before = [item.name], ""
        for label, text in details(item):
            start = f"  {label if label != before else '':<10} "
            wrapped = {"break_on_hyphens": False, "break_long_words": False}
            lines.append(
                textwrap.fill(
                    text, WIDTH, initial_indent=start, subsequent_indent=" " * 13, **wrapped
                )
            )
            before = label
        if len(lines) > 1:
            parts.append("\n".join(lines))
    reasons = {f.reason for item in report.inputs for f in item.rejected + item.blanked}
    if legend := [f"  {name:<19} {text}" for name, text in REASONS.items() if name in reasons]:
        parts.append(
            "\n".join(["What the reasons mean (keys of some rows stand beside them)", *legend])
        )
    if report.null_metrics:
        metrics = ", ".join(report.null_metrics)
        parts.append(
            textwrap.fill(
                f"Metrics null for every account ({len(report.null_metrics)}): {metrics}",
                WIDTH,
                subsequent_indent="  ",
            )
        )
    if report.notes:
        parts.append("\n".join(["Also", *(f"  {note}" for note in report.notes)]))
    return "\n\n".join([*parts, next_steps(report)])


# ------------------------------------------------------------------------- the command


def raw_folder(text: str) -> Path:
    """A folder that exists and that the project can name; for argparse."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: {text}")
    if set("*?[") & set(str(Path(text).absolute())):
        raise argparse.ArgumentTypeError(f"* ? [ in a path are patterns to DuckDB, rename: {text}")
    return Path(text)


def run_date(text: str) -> date:
    """A day from 2000 to 2999 written YYYY-MM-DD, as the project takes it; for argparse."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.isoformat() != text or not 2000 <= day.year <= 2999:
        raise argparse.ArgumentTypeError(f"no day such as 2026-09-30: {text}")
    return day


def count(text: str) -> int:
    """A whole number of 0 or more; for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"not a whole number of 0 or more: {text}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Check a folder of raw inputs before building: what is missing, unreadable or"
        " rejected, and why.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder", metavar="DIR", type=raw_folder, help="holds <input>/*.csv|parquet"
    )
    parser.add_argument("--json", action="store_true", help="print the facts as one JSON object")
    parser.add_argument(
        "--run-date",
        metavar="YYYY-MM-DD",
        type=run_date,
        default=datetime.now(UTC).date(),
        help="judge as if today was this day (default: today in UTC)",
    )
    parser.add_argument(
        "--examples", metavar="N", type=count, default=3, help="keys to show per reason"
    )
    options = parser.parse_args(arguments)
    if not DBT.exists():
        parser.error(f"no dbt beside this Python: {DBT} (pip install -r requirements.txt)")
    if sys.stderr.isatty():
        print("Judging the rows with dbt, some seconds ...", file=sys.stderr)
    try:
        report = check(options.folder, options.run_date, options.examples)
    except OSError as error:
        parser.error(f"cannot read {error.filename}: {error.strerror}")
    print(as_json(report) if options.json else as_text(report))
    return 0 if report.would_build else 1


if __name__ == "__main__":
    sys.exit(main())
