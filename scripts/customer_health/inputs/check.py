"""Check a folder of raw inputs before building: what is missing, unreadable or rejected, and why.

Files and columns are held against the input contract (models/staging/_raw__sources.yml). What
becomes of the rows is asked of the project's own models, built into a temporary warehouse. Of the
data only column names, counts and a few record keys are shown, never a cell.
"""

import csv
import json
import shlex
import sys
import tempfile
import textwrap
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from customer_health import dbt_runner, parse_state
from customer_health.errors import UsageError
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import identifier, like, listed, received_columns, union_sql
from customer_health.settings import SERVING_FILE, Settings, project_root

WIDTH = 100
TABLE = "{:<16}  {:<8}  {:<7}  {:<9}  {:>7}  {:>9}  {:>9}  {:>9}  {:>8}  {:>7}"
HEAD = TABLE.format(
    "input", "presence", "state", "files", "columns",
    "rows", "accepted", "duplicate", "rejected", "blanked",
)  # fmt: skip

COUNTS = ("raw_rows", "accepted_rows", "duplicate_rows", "rejected_rows", "blanked_cells")
REASONS = {
    "missing_key": "the key is empty",
    "missing_account_id": "account_id is empty",
    "missing_value": "another required cell is empty",
    "bad_value": "a cell does not read as its type (dates year first, no thousands separators)",
    "out_of_time": "a timestamp before 2000 or, where it cannot lie ahead, after run date + 1",
    "end_before_start": "it ends before it starts",
    "out_of_range": "a number outside its range, or not whole where it must be",
    "unknown_value": "a word that the column does not know",
    "unknown_currency": "no such code in seeds/scoring/currencies.csv",
    "override_too_long": "more than 90 days from start to end",
    "unknown_account": "no accepted row of accounts has this account_id",
}
# What goes with an input (column "") or with an optional column or its values: metrics that are
# null for every account, metrics that are 0 wherever they are not null, what else to know.
# fmt: off
LOST = (
    ("accounts", "", "", "", "no account is scored, and all other rows are unknown_account"),
    ("accounts", "industry", "", "", "segment rules on industry never match"),
    ("accounts", "is_test", "", "", "test accounts are scored like customers"),
    ("accounts", "deleted_at", "", "", "deleted accounts stay until their subscriptions end"),
    ("subscriptions", "", "", "", "no account is scored"),
    ("subscriptions", "plan", "", "", "segment rules on plan never match"),
    ("subscriptions", "seats", "licence_utilisation_28d tickets_per_100_seats_90d", "",
     "segment rules on seats never match"),
    ("subscriptions", "mrr", "mrr_change_90d auto_renew_share", "",
     "no ARR, no upsells, segment rules on mrr never match"),
    ("subscriptions", "currency", "", "", "mrr is taken as the reporting currency"),
    ("subscriptions", "is_trial", "", "", "no account counts as a trial"),
    ("subscriptions", "auto_renew", "auto_renew_share", "", ""),
    ("subscriptions", "term_ends_at", "days_to_renewal", "", ""),
    ("subscriptions", "ended_at", "", "", "no subscription ends, accounts that left stay scored"),
    ("usage_events", "",
     "licence_utilisation_28d core_feature_adoption_28d setup_completion"
     " compliance_feature_days_28d active_days_28d stickiness_28d minutes_per_user_28d"
     " usage_change_28d days_since_last_activity login_interval_days_90d", "", ""),
    ("usage_events", "user_id", "stickiness_28d minutes_per_user_28d", "licence_utilisation_28d",
     ""),
    ("usage_events", "duration_seconds", "minutes_per_user_28d", "", ""),
    ("usage_events", "event_count", "", "", "each row counts as one event"),
    ("support_tickets", "",
     "tickets_per_100_seats_90d urgent_ticket_share_90d open_tickets oldest_open_ticket_days"
     " oldest_urgent_ticket_days median_resolution_hours_90d reopened_ticket_share_90d"
     " ticket_csat_90d", "", ""),
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
    ("score_overrides", "", "", "", "no score is set by hand"),
)
# fmt: on


@dataclass(frozen=True)
class Finding:
    """Rows rejected (column null) or cells blanked for one reason, with a few of their keys."""

    reason: str
    column: str | None
    count: int
    examples: list[str]


@dataclass(frozen=True)
class Effect:
    """What a missing input, or a missing or empty column, does to everybody's metrics."""

    cause: str
    null_metrics: list[str]
    zero_metrics: list[str]
    note: str


@dataclass
class Column:
    """A column of the contract: the type it is received as, and its cells with a readable value."""

    name: str
    type: str
    required: bool
    received: str | None = None
    filled: int | None = None


@dataclass
class Input:
    """All that is known about one input; the state is found, empty, missing or broken."""

    name: str
    presence: str
    columns: list[Column]
    state: str = "missing"
    format: str | None = None
    files: list[str] = field(default_factory=list)
    unexpected_columns: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, int] | None = None
    rejected: list[Finding] = field(default_factory=list)
    blanked: list[Finding] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


@dataclass
class Report:
    """The whole check: `problems` stop the run, `notes` are about the folder."""

    folder: str
    run_date: str
    would_build: bool
    inputs: list[Input]
    null_metrics: list[str]
    problems: list[str]
    notes: list[str]


def read_contract() -> list[Input]:
    """The inputs of the contract, in its order, with nothing found yet."""
    return [
        Input(
            contract.name,
            contract.presence,
            [Column(column.name, column.type, column.required) for column in contract.columns],
        )
        for contract in raw_files.read_contract()
    ]


def inspect(raw: Path, item: Input) -> None:
    """Fill in what can be seen without judging rows: files, columns, problems and the state."""
    contract = next(one for one in raw_files.read_contract() if one.name == item.name)
    seen = raw_files.look(raw, contract)
    item.files = [path.name for path in seen.files]
    item.format = seen.format
    if seen.others:
        item.notes.append(
            f"not read: {listed(seen.others)} (only *.csv, *.jsonl and *.parquet files are)"
        )
    item.problems += raw_files.problems_of(contract, seen)
    known = {column.name for column in item.columns} | {"_loaded_at"}
    item.unexpected_columns = [listed([name]) for name in seen.received if name not in known]
    for column in item.columns:
        column.received = " or ".join(sorted(seen.received.get(column.name, ()))) or None
        guess = like(column.name, item.unexpected_columns)
        if seen.received and not column.received and guess and not column.required:
            item.notes.append(f"no column {column.name}; is it {guess}?")
    item.state = "broken" if seen.files and item.problems else "found" if seen.files else "missing"


def stage(raw: Path, inputs: list[Input], staged: Path) -> None:
    """Link the readable inputs; put stand-ins where a required one is not readable.

    A stand-in has a header and no rows, but for accounts: that one holds every account that the
    other inputs mention, so that their rows are judged by everything except unknown_account.
    """
    for item in inputs:
        place = staged / item.name
        if item.state == "found":
            place.symlink_to(raw.resolve() / item.name, target_is_directory=True)
        elif item.name == "accounts":
            place.mkdir()
            mentions = " union ".join(
                "select cast(account_id as varchar) from"
                f" {union_sql([path], {path: received_columns(path)}, frozenset(['account_id']))}"
                for other in inputs
                if other.state == "found"
                for path in (raw / other.name / file for file in other.files)
            )
            with duckdb.connect() as connection:
                connection.sql(
                    "select id as account_id, timestamp '2000-01-01' as created_at"
                    f" from ({mentions}) as mentions (id)"
                ).write_parquet(str(place / "mentioned.parquet"))
        elif item.presence == "required":
            place.mkdir()
            header = ",".join(column.name for column in item.columns)
            (place / "header.csv").write_text(header + "\n", encoding="utf-8")


def build(staged: Path, workspace: Path, day: date) -> Path | None:
    """Build the verdicts with dbt; the DuckDB file, or null when dbt stopped."""
    # Named as in profiles.yml, whatever the shell says of another one.
    warehouse = workspace / "warehouse" / SERVING_FILE
    settings = Settings(staged, staged, warehouse, workspace / "published")
    arguments = ["build", "--select", "+source_reconciliation", "+rejected_records"]
    arguments += ["--exclude-resource-type", "test", "unit_test"]
    parse_state.take_over(workspace / "target", [project_root() / "target"], project_root())
    # What dbt prints is not shown: it may hold cells.
    code, _ = dbt_runner.run_dbt(
        arguments,
        settings,
        workspace,
        variables={"HEALTH_RUN_DATE": day.isoformat(), "HEALTH_AS_OF_DATE": ""},
    )
    return settings.warehouse if code == 0 else None


def relation(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """A table or view with its schema, whatever the project puts before the names of schemas."""
    query = "select table_schema from information_schema.tables where table_name = ?"
    (schema,) = connection.execute(query, [name]).fetchall()
    return f"{identifier(schema[0])}.{name}"


def unlisted_features(used: list[str]) -> list[str]:
    """A note on the features in use that features.csv does not know, none when it knows all."""
    features = project_root() / "seeds" / "scoring" / "features.csv"
    with features.open(encoding="utf-8-sig", newline="") as file:
        known = {row["feature"] for row in csv.DictReader(file)}
    unlisted = [name for name in used if name not in known]
    if not unlisted:
        return []
    return [
        f"{len(unlisted)} of {len(used)} features are not in seeds/scoring/features.csv, so they"
        f" count as use but never as core, setup or compliance: {listed(unlisted)}"
    ]


def judge(inputs: list[Input], warehouse: Path, examples: int) -> None:
    """Fill in what the models say about the rows of every readable input."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        judged = relation(connection, "source_reconciliation")
        totals = connection.execute(f"select input, {', '.join(COUNTS)} from {judged}").fetchall()
        counts = {name: dict(zip(COUNTS, row, strict=True)) for name, *row in totals}
        findings = connection.execute(
            f"""
            select input, action, reason, column_name, cast(sum(n) as bigint),
                coalesce(min(record_key, {max(1, examples)}), [])[:{examples}]
            from (
                select input, action, reason, column_name, record_key, count(*) as n
                from {relation(connection, "rejected_records")} group by all
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
                    goal.append(Finding(reason, column, count, [listed([key]) for key in keys]))
            cells = ", ".join(f"count({column.name})" for column in item.columns)
            found = connection.execute(
                f"select {cells} from {relation(connection, f'input_{item.name}')}"
            ).fetchone()
            for column, filled in zip(item.columns, found or (), strict=True):
                column.filled = filled
            if item.name == "usage_events":
                features = connection.execute(
                    "select distinct feature from activity.usage_activity_daily order by 1"
                ).fetchall()
                item.notes += unlisted_features([name for (name,) in features])


def effects(item: Input) -> list[Effect]:
    """What nobody's metrics will know for want of this input, or of a column or its values."""
    if item.problems or (item.state == "found" and not item.rows):
        return []
    absent = "no input, the run warns" if item.presence == "expected" else "no input"
    causes = {"": "no accepted row" if item.rows else absent}
    empty = {column.name for column in item.columns if column.received and not column.filled}
    if item.rows and item.rows["accepted_rows"]:
        causes = {c.name: f"no column {c.name}" for c in item.columns if not c.received}
        causes |= {name: f"no value in {name}" for name in empty}
    return [
        Effect(causes[column], null.split(), zero.split(), note)
        for name, column, null, zero, note in LOST
        if name == item.name and column in causes and (null or zero or column not in empty)
    ]


def check(folder: Path, day: date, examples: int = 3) -> Report:
    """Check a folder of raw inputs as of a run date; raises OSError where it may not be read."""
    raw = folder.absolute()
    inputs = read_contract()
    for item in inputs:
        inspect(raw, item)
    problems = [f"{item.name}: {problem}" for item in inputs for problem in item.problems]
    notes = raw_files.unexpected_files(raw)
    readable = {item.name for item in inputs if item.state == "found"}
    if readable and "accounts" not in readable:
        notes.append("accounts cannot be read, so no row was held against it (unknown_account)")
    if readable:
        with tempfile.TemporaryDirectory(prefix="check_input_") as workspace:
            staged = Path(workspace) / "raw"
            staged.mkdir()
            stage(raw, inputs, staged)
            warehouse = build(staged, Path(workspace), day)
            if warehouse:
                judge(inputs, warehouse, examples)
            else:
                command = f"HEALTH_RAW_DIR={shlex.quote(str(raw))} dbt build"
                problems.append(f"dbt stopped while judging the rows; to see why: {command}")
    for item in inputs:
        item.effects = effects(item)
    null = [metric for item in inputs for effect in item.effects for metric in effect.null_metrics]
    return Report(
        folder=str(folder),
        run_date=day.isoformat(),
        would_build=not problems,
        inputs=inputs,
        null_metrics=list(dict.fromkeys(null)),
        problems=problems,
        notes=notes,
    )


def as_json(report: Report) -> str:
    """The report as one JSON object, with the names of the dataclasses."""
    return json.dumps(asdict(report), indent=2)


def details(item: Input) -> list[tuple[str, str]]:
    """What there is to say about an input beside its line of the table, as (label, text)."""
    lines = [("note", note) for note in item.notes]
    if item.format == "parquet":
        kinds = [f"{c.name} {c.received}" for c in item.columns if c.received]
        lines.append(("types", ", ".join(kinds)))
    if lacking := [c.name for c in item.columns if item.rows and not c.received]:
        lines.append(("no column", f"{', '.join(lacking)} (optional, read as null)"))
    if item.unexpected_columns:
        lines.append(("ignored", f"columns {listed(item.unexpected_columns, 20)}"))
    for label, findings in (("rejected", item.rejected), ("blanked", item.blanked)):
        for f in findings:
            keys = ", ".join(f.examples) + " ..." * (0 < len(f.examples) < f.count)
            lines.append((label, f"{f.count:>6,}  {f.reason:<18} {f.column or '':<18} {keys}"))
    for effect in item.effects:
        null, zero = ", ".join(effect.null_metrics), ", ".join(effect.zero_metrics)
        texts = [null and f"{null} null for every account", zero and f"{zero} never above 0"]
        texts = [text for text in (*texts, effect.note) if text]
        lines.append(("effect", f"{effect.cause}: {'; '.join(texts)}"))
    return lines


def next_steps(report: Report) -> str:
    """The verdict on the folder and what the reader does next."""
    folder = shlex.quote(report.folder)
    if report.problems:
        steps = [wrap(text, f"  {n:>2}. ", 6) for n, text in enumerate(report.problems, 1)]
        again = f"Then check again: customer-health check {folder}"
        return "\n".join(["The run would STOP on this folder. Fix first:", *steps, again])
    rows = [item.rows for item in report.inputs if item.rows]
    rejected = sum(row["rejected_rows"] for row in rows)
    blanked = sum(row["blanked_cells"] for row in rows)
    folder = shlex.quote(str(Path(report.folder).absolute()))
    lost = [
        item.name
        for item in report.inputs
        if item.rows and item.rows["raw_rows"] and not item.rows["accepted_rows"]
    ]
    warning = f"NOT ONE ROW of {', '.join(lost)} was accepted.\n" if lost else ""
    return (
        f"{warning}The project builds on this folder: rows rejected {rejected:,}, cells blanked"
        f" {blanked:,}.\nFix at the source what matters to you, check again, then:\n"
        f"  export HEALTH_RAW_DIR={folder} HEALTH_WAREHOUSE=warehouse/mine.duckdb\n  dbt build"
    )


def wrap(text: str, start: str, indent: int) -> str:
    """Text in lines of WIDTH, the first one after `start`, the others indented."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def as_text(report: Report) -> str:
    """The report for a terminal: a table, what there is to say per input, what to do next."""
    table = [HEAD]
    for item in report.inputs:
        files = f"{len(item.files)} {item.format}" if item.files else "-"
        found = sum(column.received is not None for column in item.columns)
        columns = f"{found}/{len(item.columns)}" if item.files else "-"
        rows = [f"{count:,}" for count in item.rows.values()] if item.rows else ["-"] * len(COUNTS)
        table.append(TABLE.format(item.name, item.presence, item.state, files, columns, *rows))
    parts = [f"Raw inputs in {report.folder}, judged as of run date {report.run_date}"]
    parts.append("\n".join(table))
    if report.notes:
        parts.append("\n".join(["folder", *(f"  {note}" for note in report.notes)]))
    for item in report.inputs:
        lines, before = [item.name], ""
        for label, text in details(item):
            lines.append(wrap(text, f"  {label if label != before else '':<10} ", 13))
            before = label
        if len(lines) > 1:
            parts.append("\n".join(lines))
    reasons = {f.reason for item in report.inputs for f in item.rejected + item.blanked}
    legend = [f"  {reason:<19} {text}" for reason, text in REASONS.items() if reason in reasons]
    if legend:
        parts.append("\n".join(["reasons", *legend]))
    if report.null_metrics:
        count = f"{len(report.null_metrics)} metric{'s' * (len(report.null_metrics) > 1)}"
        parts.append(f"Null for every account: {count}, see effect above.")
    return "\n\n".join([*parts, next_steps(report)])


def run(folder: Path, run_date: date | None, examples: int, is_json: bool, is_quiet: bool) -> int:
    """Print what would become of the folder: 0 the project builds on it, 1 it would stop."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    if problem := raw_files.path_problem(folder.absolute()):
        raise UsageError(f"{listed([folder])}: {problem}")
    if not dbt_runner.DBT.exists():
        raise UsageError(f"no dbt beside this Python, install requirements.txt ({dbt_runner.DBT})")
    if sys.stderr.isatty() and not is_quiet:
        print("Judging the rows with dbt, a matter of seconds ...", file=sys.stderr)
    try:
        report = check(folder, run_date or datetime.now(UTC).date(), examples)
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from None
    if is_json:
        print(as_json(report))
    elif not (is_quiet and report.would_build):
        print(as_text(report))
    return 0 if report.would_build else 1
