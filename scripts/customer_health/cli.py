"""The command `customer-health`: one verb per thing that people do. What a verb does is in the
module that it imports, and only then: `--help` needs neither DuckDB nor dbt."""

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from customer_health import __version__
from customer_health.errors import CHECKS_FAILED, UsageError, UserError

app = typer.Typer(
    name="customer-health",
    help="Explained customer health scores from usage, support, surveys and revenue.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def a_day(text: str) -> date:
    """A date written YYYY-MM-DD, from 2000 on, as the project takes it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.isoformat() != text or not 2000 <= day.year < 3000:
        raise typer.BadParameter(f"has to be a date from 2000 on, such as 2026-09-30, not {text}")
    return day


def lines(text: str) -> str:
    """Text below the help of a command, its lines kept as they are."""
    return "\b\n" + text.strip().replace("\n\n", "\n\n\b\n")


# Options of several commands.
RunDate = Annotated[
    date | None,
    typer.Option(
        parser=a_day, metavar="DATE", show_default=False, help="the clock (default: today, UTC)"
    ),
]
AsOf = Annotated[
    date | None,
    typer.Option(
        parser=a_day, metavar="DATE", show_default=False, help="the day the scores speak about"
    ),
]
ScoreDate = Annotated[
    date | None,
    typer.Option(
        parser=a_day,
        metavar="DATE",
        show_default=False,
        help="score date (default: the as-of date)",
    ),
]

# Options of every command: which project, which of its places, and what is printed.
PLACES = {
    "project_dir": ("DBT_PROJECT_DIR", "the project (default: the one around this folder)"),
    "raw_dir": ("HEALTH_RAW_DIR", "raw inputs (default: sample_data)"),
    "inbox_dir": ("HEALTH_INBOX_DIR", "new files, a folder per input (default: inbox)"),
    "warehouse": ("HEALTH_WAREHOUSE", "the working DuckDB file"),
    "publish_dir": ("HEALTH_PUBLISH_DIR", "what readers see (default: published)"),
}


def place(variable: str, words: str) -> Any:
    kind = "FILE" if variable == "HEALTH_WAREHOUSE" else "DIR"
    return Annotated[
        Path | None, typer.Option(help=f"{words}; or ${variable}", metavar=kind, show_default=False)
    ]


COMMON: dict[str, Any] = {name: place(*about) for name, about in PLACES.items()}
COMMON["json"] = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]
COMMON["quiet"] = Annotated[
    bool, typer.Option("--quiet", "-q", help="print results and errors only")
]


def command(
    name: str, examples: str = "", **options: Any
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Make a function a command: it gets the options of every command besides its own (`json` and
    `quiet` where it asks for them), returns the exit code, and ends with the text of UserError."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        own = dict(inspect.signature(function, eval_str=True).parameters)

        @wraps(function)
        def run(**given: Any) -> None:
            for key, (variable, _) in PLACES.items():
                if (path := given.pop(key)) is not None:
                    os.environ[variable] = str(path.absolute())
            is_json = given["json"]
            arguments = {key: value for key, value in given.items() if key in own}
            try:
                if is_json and "json" not in own:
                    code = told_as_json(lambda: function(**arguments))
                else:
                    code = function(**arguments)
            except UserError as error:
                code = report(error, is_json)
            except BrokenPipeError:
                code = 0
            raise typer.Exit(code)

        keyword = inspect.Parameter.KEYWORD_ONLY
        common = [
            inspect.Parameter(
                key,
                keyword,
                annotation=kind,
                default=False if key in ("json", "quiet") else None,
            )
            for key, kind in COMMON.items()
        ]
        mine = [one.replace(kind=keyword) for key, one in own.items() if key not in COMMON]
        signature = inspect.Signature([*mine, *common])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {key: one.annotation for key, one in signature.parameters.items()}
        run.__annotations__["return"] = None
        del run.__wrapped__
        app.command(name, epilog=lines(examples) if examples else None, **options)(run)
        return function

    return decorate


def told_as_json(function: Callable[[], int]) -> int:
    """Print what a command without JSON of its own prints, as JSON; its exit code."""
    from customer_health.console import as_json

    with redirect_stdout(StringIO()) as told:
        code = function()
    print(as_json({"exit_code": code, "message": told.getvalue().strip(), "next_step": ""}))
    return code


def report(error: UserError, is_json: bool) -> int:
    """Print what ended a command; its exit code."""
    from customer_health.console import as_json, printable

    if is_json:
        found = {"exit_code": error.code, "message": error.what, "next_step": error.next_step}
        print(as_json(found))
    if isinstance(error, UsageError):
        print(f"Error: {printable(error.what)}\nAdd --help for the usage.", file=sys.stderr)
    else:
        text = "\n".join(filter(None, (error.what, error.next_step)))
        print(printable(text), file=sys.stderr)
    return error.code


# ------------------------------------------------------------------------------ build and look


@command(
    "init",
    """
examples:
  customer-health init mine && cd mine && customer-health build
""",
)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that is not there yet")],
    quiet: bool,
) -> int:
    """Start a project of your own: models, seeds, macros and the sample data."""
    from customer_health.init import run

    return run(folder, quiet)


@command(
    "check",
    """
examples:
  customer-health check sample_data
  customer-health check exports/september --run-date 2026-09-30 --examples 10
  customer-health check exports/september --json | jq .null_metrics

DIR holds one folder per input with *.csv, *.jsonl or *.parquet files.
Exit codes: 0 the project builds on it (rows may be rejected), 1 the run would stop, 2 usage.
""",
)
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="the folder with the inputs")],
    json: bool,
    quiet: bool,
    run_date: RunDate = None,
    examples: Annotated[int, typer.Option(min=0, metavar="N", help="keys to show per reason")] = 3,
) -> int:
    """Check a folder of raw inputs before building."""
    from customer_health.inputs.check import run

    return run(folder, run_date, examples, json, quiet)


@command(
    "validate",
    """
examples:
  customer-health validate
  customer-health validate drafts/next_quarter
  customer-health validate --json | jq -r '.faults[] | [.file, .row, .column, .fault] | @tsv'

FOLDER holds the seeds as *.csv, and may hold their YAML; without, the YAML of the project counts.
Rows are those a spreadsheet shows, the header is row 1.
Exit codes: 0 nothing is wrong, 2 something is.
""",
)
def validate(
    json: bool,
    quiet: bool,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="default: seeds/scoring", show_default=False),
    ] = None,
) -> int:
    """Check the scoring seeds: all that is wrong, with file, row and column."""
    from customer_health.seeds.validate import run

    return run(folder, json, quiet)


@command(
    "build",
    """
examples:
  customer-health build
  customer-health build --raw-dir exports/september --run-date 2026-09-30
  customer-health build --full-refresh

The same as checking the seeds, then `dbt build` without unit tests, with a short summary. What dbt
prints is in logs/dbt.txt of the project. Exit codes: 0 built and tested, 1 something failed, 2 the
seeds or the configuration are wrong.
""",
)
def build(
    json: bool,
    quiet: bool,
    run_date: RunDate = None,
    as_of: AsOf = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="build every table anew")
    ] = False,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="NODES", help="only these nodes of dbt", show_default=False),
    ] = None,
) -> int:
    """Build the working file from the raw inputs, and test it."""
    from customer_health.build import run

    return run(run_date, as_of, full_refresh, select or [], json, quiet)


@command("show", "example: customer-health show --rows 25")
def show(
    json: bool,
    quiet: bool,
    rows: Annotated[int, typer.Option(min=1, metavar="N", help="accounts to list")] = 10,
) -> int:
    """Show the health of the accounts of the last build."""
    from customer_health.show import run

    return run(rows, json, quiet)


@command("explain", "example: customer-health explain quiet_churner --date 2026-08-30")
def explain(
    account: Annotated[
        str,
        typer.Argument(metavar="ACCOUNT", help="its id, or its name if only one account has it"),
    ],
    json: bool,
    date: ScoreDate = None,
    scorecard: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="default: the live one for retention", show_default=False
        ),
    ] = None,
) -> int:
    """Explain the score of one account of the last build."""
    from customer_health.explain import run

    return run(account, date, scorecard, json)


@command("compare", "example: customer-health compare --against main")
def compare(
    json: bool,
    against: Annotated[
        str | None, typer.Option(metavar="SEEDS", help="a git revision, or a folder of seeds")
    ] = None,
    challenger: Annotated[
        str | None, typer.Option(metavar="NAME", help="only this challenger (default: all)")
    ] = None,
    goal: Annotated[
        str | None, typer.Option(metavar="GOAL", help="only this goal: retention or expansion")
    ] = None,
    date: ScoreDate = None,
    rows: Annotated[int, typer.Option(min=1, metavar="N", help="accounts to list")] = 10,
    vars: Annotated[
        str, typer.Option(metavar="YAML", help="the dbt vars of the build", show_default=False)
    ] = "",
) -> int:
    """Compare two ways of scoring on the metrics of the last build."""
    from customer_health.compare import run

    if goal not in (None, "retention", "expansion"):
        raise UsageError(f"--goal has to be retention or expansion, not {goal}")
    return run(against, challenger, goal, date, rows, vars, json)


# ------------------------------------------------------------------------------- every night

REFRESH_HELP = """
examples:
  customer-health refresh
  customer-health refresh --dry-run
  customer-health refresh --as-of 2026-09-30 --json | jq .run_id
  customer-health refresh --list-batches
  customer-health refresh --accept volume_high:usage_events --reason "Backfill of May, agreed"

HEALTH_PSEUDONYM_KEY makes pseudonyms of user ids while landing.
Exit codes: 0 published, 3 published with warnings (only with --strict), 1 checks failed and the
previous state stays, 2 configuration or usage, 75 another run or reader is in the way, 130
interrupted. What to do about each: docs/operations.md
"""
Reason = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help="why it is accepted or withdrawn; recorded", show_default=False
    ),
]


@command("refresh", REFRESH_HELP)
def refresh(
    json: bool,
    quiet: bool,
    as_of: AsOf = None,
    run_date: RunDate = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="build every table anew")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AUDIT[:INPUT]",
            help="publish although this audit stops; may be given several times",
            show_default=False,
        ),
    ] = None,
    reason: Reason = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="exit with 3, not 0, where there are warnings")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done, write nothing")
    ] = False,
    keep: Annotated[int, typer.Option(min=1, metavar="N", help="published versions to keep")] = 7,
    empty_inbox: Annotated[
        bool,
        typer.Option("--empty-inbox", help="once published, remove landed files from the inbox"),
    ] = False,
    withdraw: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="let the rows of a landed file count no more: its name, or its batch; a good one"
            " of the same name is landed as usual",
            show_default=False,
        ),
    ] = None,
    restore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="let the rows of a withdrawn file count again", show_default=False
        ),
    ] = None,
    list_batches: Annotated[
        bool, typer.Option("--list-batches", help="show what was landed, and end")
    ] = False,
    ignore_disk: Annotated[
        bool, typer.Option("--ignore-disk", help="do not ask for free disk space beforehand")
    ] = False,
) -> int:
    """Land, build, audit and publish; or keep what is published and say why."""
    from customer_health.refresh.run import Options, run

    return run(
        Options(
            as_of, run_date, full_refresh, accept or (), reason, strict, dry_run, keep,
            empty_inbox, withdraw or (), restore or (), list_batches, ignore_disk, json, quiet,
        )
    )  # fmt: skip


@command(
    "withdraw",
    """
example: customer-health withdraw tickets.csv --reason "Cut off, the right one comes tomorrow"

The same as refresh --withdraw FILE: nothing is deleted, and the run goes on without it. A good file
of the same name replaces it; refresh --restore FILE takes it back.
""",
)
def withdraw(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="landed files, or batches")],
    json: bool,
    quiet: bool,
    reason: Reason = None,
    run_date: RunDate = None,
) -> int:
    """Let the rows of a landed file count no more, and refresh."""
    from customer_health.refresh.run import Options, run

    options = Options(withdraw=files, reason=reason, run_date=run_date, json=json, quiet=quiet)
    return run(options)


@command(
    "rollback",
    """
examples:
  customer-health rollback --list
  customer-health rollback
  customer-health rollback --to 000041-20260930T020004Z
  customer-health rollback --pin --reason "The invoices of May are wrong"
  customer-health rollback --unpin

The next refresh publishes the newest state again: fix what was wrong first, or --pin the version.
Refreshes then land, build and audit, but do not publish (exit code 1), until --unpin. What was
published stays in the log, also of the run that is rolled back.
Without --to it is the newest one before it that is as it was published.
Exit codes: 0 done, 1 the named one is not as it was published, 2 there is no such run, 75 a refresh
is running.
""",
)
def rollback(
    to: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="the run to go back to; default: one before", show_default=False
        ),
    ] = None,
    pin: Annotated[
        bool, typer.Option("--pin", help="and let no refresh publish until --unpin")
    ] = False,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="why it is pinned", show_default=False)
    ] = "",
    unpin: Annotated[bool, typer.Option("--unpin", help="let refreshes publish again")] = False,
    list: Annotated[bool, typer.Option("--list", help="show the versions that are kept")] = False,
) -> int:
    """Let readers see an earlier published run again."""
    from customer_health.refresh.rollback import run

    return run(to, pin, reason, unpin, list)


# -------------------------------------------------------------------------------- personal data


@command(
    "erase",
    """
examples:
  customer-health erase --account acct_0017
  customer-health erase --user ana@example.com --json
  customer-health erase --account acct_0017 --user u1    # of that account only
  customer-health erase --user -                         # reads the id from standard input

The id is not written anywhere: a keyed tombstone (HEALTH_PSEUDONYM_KEY) keeps a file that is sent
again from bringing it back. A receipt without personal data goes to HEALTH_PUBLISH_DIR/receipts.
Run a refresh afterwards: it builds the working file anew.
Capitals do not count. An id of six characters and more is also found joined to other words, in
names of files and as URLs write it (docs/operations.md has the table). What cannot be removed is
named.
--rebuild writes HEALTH_RAW_DIR/.erased.json anew where it is lost.
Exit codes: 0 erased, 1 something still holds it (named), 2 usage, or nobody has that id, 75 a
refresh is running.
""",
)
def erase(
    json: bool,
    quiet: bool,
    account: Annotated[
        str | None,
        typer.Option(metavar="ID", help="an account, with all its records", show_default=False),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="a user, in all accounts; with --account, in that one",
            show_default=False,
        ),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="remember again who was erased, by the receipts")
    ] = False,
) -> int:
    """Erase an account or a user from everything that is kept."""
    from customer_health.refresh.erase import run

    return run(account, user, rebuild, json, quiet)


@command(
    "export-person",
    """
examples:
  customer-health export-person --user ana@example.com --output ana.json
  customer-health export-person --user u1 --account acct_0017    # of that account only
  customer-health export-person --user -    # reads the id from standard input

Rows of raw files (with file and row), of the inbox and of what was withdrawn; rows of the working
file; in which numbers of which accounts they are counted. The pseudonym is found with the key
(HEALTH_PSEUDONYM_KEY). Of rows of others only the cells that name the person are shown. Nothing is
changed; --output is written for you alone (0600) and never over a file that is there.
Exit codes: 0 found, 1 found but some file cannot be read (named), 2 usage, or nobody has that id,
75 somebody has the working file open.
""",
)
def export_person(
    json: bool,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="the id of the person, as it was received", show_default=False
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(metavar="ID", help="with --user: in that account only", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="write it there (default: standard output)", show_default=False
        ),
    ] = None,
) -> int:
    """All that is stored about one person, as JSON, for an access request."""
    from customer_health.refresh.export_person import run

    return run(user, account, output)


@command(
    "make-key",
    """
examples:
  customer-health make-key
  export HEALTH_PSEUDONYM_KEY=$(cat pseudonym.key)
  export HEALTH_PSEUDONYM_KEY_FILE=/etc/customer-health.key    # instead of the key itself

Keep a copy of it elsewhere: with another key every user would be another one.
Exit codes: 0 written, 2 there is a file of that name already, or it cannot be written.
""",
)
def make_key(
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="(default pseudonym.key)", show_default=False),
    ] = None,
) -> int:
    """Write a new key for pseudonyms into a file that nobody else can read."""
    from customer_health.refresh.make_key import run

    return run(to)


# -------------------------------------------------------------------------------- installation


@command(
    "load",
    """
example: customer-health load --target postgres --raw sample_data

Loads the raw inputs into the schema raw of another engine, for the targets postgres and spark of
profiles.yml (docs/engines.md).
Exit codes: 0 loaded, 1 the engine refused, 2 usage, or a folder that cannot be read.
""",
)
def load(
    quiet: bool,
    target: Annotated[str, typer.Option(metavar="ENGINE", help="postgres or spark")],
    raw: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="the folder; default $HEALTH_RAW_DIR", show_default=False),
    ] = None,
) -> int:
    """Load the raw inputs into PostgreSQL or Spark."""
    from customer_health.inputs.load import run

    if target not in ("postgres", "spark"):
        raise UsageError(f"--target has to be postgres or spark, not {target}")
    return run(target, raw, quiet)


@command("doctor", "Exit codes: 0 all is well (there may be advice), 1 something has to be fixed.")
def doctor(json: bool, quiet: bool) -> int:
    """Check the installation: versions, places, key, seeds, what is published."""
    from customer_health.doctor import run

    return run(json, quiet)


def version(wanted: bool) -> None:
    if wanted:
        print(f"customer-health {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """The entry point of the installed command."""
    from customer_health.console import go_on_without_readers

    go_on_without_readers()
    app(prog_name="customer-health")
    sys.exit(CHECKS_FAILED)  # app() exits by itself


def script(name: str) -> NoReturn:
    """The entry point of scripts/*.py, the old names of the commands, on their own project."""
    os.environ.setdefault("DBT_PROJECT_DIR", str(Path(__file__).resolve().parents[2]))
    sys.argv[1:1] = [name]
    main()
