"""Build the working file: check the seeds, run dbt, say in a few lines what became of it."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from customer_health import dbt_runner
from customer_health.console import Reporter, as_json
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UserError
from customer_health.seeds.validate import as_text, validate
from customer_health.settings import Settings, project_root, read_settings
from customer_health.warehouse import open_warehouse, records

FACTS = """
select
    max(score_date) as as_of,
    count(*) as accounts,
    count(health_score) as scored,
    max(scoring_version) as scoring_version,
    (select cast(sum(rejected_rows) as bigint) from marts.source_reconciliation) as rejected_rows,
    (select cast(sum(blanked_cells) as bigint) from marts.source_reconciliation) as blanked_cells
from marts.customer_health
"""


def run(
    run_date: date | None,
    as_of: date | None,
    full_refresh: bool,
    select: Sequence[str],
    is_json: bool,
    is_quiet: bool,
) -> int:
    """Build, and print what was built; UserError where the seeds or a node are wrong."""
    root, settings = project_root(), read_settings()
    settings.refuse_mixed_up()
    check_seeds(root / "seeds" / "scoring")
    reporter = Reporter(is_quiet)
    reporter.line("build", f"dbt build into {settings.warehouse}")
    done = build(settings, root, variables_of(run_date, as_of), full_refresh, select, reporter)
    reporter.close()
    for warning in done.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    with open_warehouse(settings.warehouse) as connection:
        (facts,) = records(connection, FACTS)
    if is_json:
        print(as_json(facts | {"models": done.models, "tests": done.tests}))
    elif not is_quiet:
        print(summary(done, facts, settings.warehouse))
    return 0


def check_seeds(folder: Path) -> None:
    """UserError(2) with all that is wrong with the seeds."""
    rows, faults = validate(folder)
    if faults:
        raise UserError(CONFIGURATION, as_text(folder, rows, faults))


def variables_of(run_date: date | None, as_of: date | None) -> dict[str, str]:
    """The vars of dbt; what is not given stays as dbt_project.yml has it."""
    given = {"run_date": run_date, "as_of_date": as_of}
    return {name: str(day) for name, day in given.items() if day}


def build(
    settings: Settings,
    root: Path,
    variables: dict[str, str],
    full_refresh: bool,
    select: Sequence[str],
    reporter: Reporter,
) -> dbt_runner.Build:
    """Run dbt in the project, as a person would."""
    try:
        return dbt_runner.build(
            settings,
            variables,
            full_refresh,
            root,
            lambda text: reporter.progress("build", text),
            select=select,
            log=root / "logs" / "dbt.txt",
            kept="",
        )
    except dbt_runner.CorruptError:
        raise UserError(
            CHECKS_FAILED,
            f"{settings.warehouse} is damaged.",
            "Remove it, and build again: it is made of the raw inputs.",
        ) from None


def summary(done: dbt_runner.Build, facts: dict[str, Any], warehouse: Path) -> str:
    """What was built, for people."""
    built = (
        "Nothing is new since the last run; every table is as it was"
        if done.nothing_new
        else f"{done.models} models built, {done.tests} data tests passed"
    )
    return "\n".join(
        [
            f"{built} ({done.seconds:.0f} s).",
            f"{facts['scored']:,} of {facts['accounts']:,} accounts have a score as of"
            f" {facts['as_of']}, scoring version {facts['scoring_version']}.",
            f"Rejected: {facts['rejected_rows'] or 0:,} rows, {facts['blanked_cells'] or 0:,} cells"
            " (marts.rejected_records).",
            f"Everything is in {warehouse}, schema marts.",
            "Next: customer-health show; customer-health explain ACCOUNT",
        ]
    )
