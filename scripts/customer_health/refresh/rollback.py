"""Let readers see an earlier published run again, in one step."""

import getpass
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime

import duckdb

from customer_health.console import table
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UsageError, UserError
from customer_health.inputs.raw_files import parquet_sql
from customer_health.refresh import locking, publishing
from customer_health.settings import UMASK, Settings, read_settings


def earlier_run(settings: Settings, wanted: str | None) -> publishing.Version:
    """The version to go back to: the one that is named, else the newest before the current one that
    differs from it."""
    kept = publishing.versions(settings)
    if wanted:
        found = [version for version in kept if version.run_id == wanted]
        if not found:
            raise UserError(
                CONFIGURATION,
                f"There is no version {wanted} in {settings.versions}.",
                "customer-health rollback --list shows those that are kept.",
            )
        return found[0]
    current = publishing.current_run(settings)
    if not current:
        raise UserError(
            CONFIGURATION,
            f"Nothing was published in {settings.publish} yet.",
            "customer-health refresh publishes.",
        )
    until = [v for v in kept if publishing.run_order(v.run_id) <= publishing.run_order(current)]
    while len(until) > 1 and not publishing.is_changed(until[-1]):
        until.pop()
    before = until[:-1]
    intact = [version for version in before if not publishing.damaged_file(version.folder)]
    if not intact:
        raise UserError(
            CONFIGURATION,
            f"No other state before {current} is kept in {settings.versions}"
            f"{', and as it was published' * bool(before)}.",
            "Older ones are removed (refresh --keep); build again with --as-of instead.",
        )
    return intact[-1]


def in_words(version: publishing.Version, pin: publishing.Pin | None) -> list[object]:
    """A row of --list: what mart_status says of the version, whether readers see it, and whether it
    is pinned."""
    state = "current" if version.is_current else ""
    if pin and pin.run_id == version.run_id:
        state = f"{state} pinned".strip()
    if file := publishing.damaged_file(version.folder):
        return [version.run_id, *[None] * 5, f"{state} {file} is not as it was published".strip()]
    (row,) = duckdb.execute(
        "select as_of_date, accounts, is_changed, warnings, accepted_reason from"
        f" {parquet_sql([version.folder / 'marts' / 'mart_status.parquet'])} where run_id = ?",
        [version.run_id],
    ).fetchall()
    as_of, accounts, is_changed, warnings, accepted = row
    return [
        version.run_id,
        as_of,
        accounts,
        "yes" if is_changed else "no",
        warnings,
        accepted or "",
        state,
    ]


def refuse_pinned(settings: Settings) -> None:
    """UserError(2) where a version is pinned: readers see no other one until it is taken away."""
    if pin := publishing.read_pin(settings):
        raise UserError(
            CONFIGURATION,
            pin.in_words(),
            "customer-health rollback --unpin first, or pin another one: --pin --to RUN",
        )


def roll_back(settings: Settings, wanted: str | None, pinned: publishing.Pin | None) -> str:
    """Go back, and pin the version where a pin is given; what was done in words."""
    before = publishing.current_run(settings)
    newest = next(reversed(publishing.shown_versions(settings)), None)
    if pinned and not wanted and newest and newest.run_id != before:
        # Readers see an earlier one already: that one is meant.
        wanted = before
    version = earlier_run(settings, wanted)
    if file := publishing.damaged_file(version.folder):
        raise UserError(
            CHECKS_FAILED,
            f"{version.folder / file} is not as it was published.",
            "Go back to another one: customer-health rollback --list",
        )
    if pinned:
        # Before readers see it: a command that is killed in between is completed by the next one.
        publishing.write_pin(settings, replace(pinned, run_id=version.run_id))
    if version.run_id == before:
        done = f"Run {before} is what readers see already."
    else:
        publishing.make_current(settings, version.run_id)
        done = f"Readers see run {version.run_id} again, no longer {before}."
    return (
        f"{done} It stays until: customer-health rollback --unpin"
        if pinned
        else (
            f"{done} The next refresh publishes the newest state again, unless you keep this one:"
            " customer-health rollback --pin"
        )
    )


def unpin(settings: Settings) -> str:
    """Take the pin away; what was done in words."""
    is_pinned = settings.pin.exists()
    publishing.write_pin(settings, None)
    return f"{'No longer' if is_pinned else 'Nothing was'} pinned; the next refresh publishes."


def new_pin(reason: str) -> publishing.Pin:
    """A pin of somebody who is at the keyboard now, of no version yet."""
    try:
        who = getpass.getuser()
    except (OSError, KeyError, ImportError):
        who = "somebody"
    return publishing.Pin("", f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}", who, reason.strip())


def listing(settings: Settings) -> str:
    """The versions that are kept, and the pin."""
    pin = publishing.read_pin(settings)
    names = ("run_id", "as_of", "accounts", "changed", "warnings", "accepted", "")
    text = table(names, [in_words(version, pin) for version in publishing.versions(settings)])
    if not pin:
        return text
    is_kept = pin.run_id in {version.run_id for version in publishing.versions(settings)}
    return f"{text}\n{pin.in_words()}{' It is gone!' * (not is_kept)}"


def run(to: str | None, pin: bool, reason: str, unpins: bool, lists: bool) -> int:
    """0 when readers see the wanted version."""
    if unpins and (to or pin or lists):
        raise UsageError("--unpin stands alone")
    if reason and not pin:
        raise UsageError("--reason is that of --pin")
    os.umask(UMASK)
    settings = read_settings()
    settings.refuse_mixed_up()
    if lists:
        print(listing(settings))
        return 0
    with locking.hold(settings.lock, "rollback"):
        if unpins:
            print(unpin(settings))
            return 0
        for text in publishing.finish(settings):
            print(text, file=sys.stderr)
        if not pin:
            refuse_pinned(settings)
        print(roll_back(settings, to, new_pin(reason) if pin else None))
    return 0
