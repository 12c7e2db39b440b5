"""Let readers see an earlier published run again, in one step."""

import argparse
import os

import duckdb
from last_build import run_command, table
from nightly import locking, publishing
from nightly.places import CHECKS_FAILED, CONFIGURATION, UMASK, Places, Stop, find_places

EPILOG = """examples:
  python scripts/rollback.py --list
  python scripts/rollback.py
  python scripts/rollback.py --to 000041-20260930T020004Z

The next refresh publishes the newest state again: mend what was wrong first. What was published
stays in the log, also of the run that is rolled back.
Without --to it is the newest one before it that is as it was published.
Exit codes: 0 done, 1 the named one is not as it was published, 2 there is no such run, 75 a refresh
is running.
"""


def earlier_run(places: Places, wanted: str | None) -> publishing.Version:
    """The version to go back to: the one that is named, else the one before the current one."""
    kept = publishing.versions(places)
    if wanted:
        found = [version for version in kept if version.run_id == wanted]
        if not found:
            raise Stop(
                CONFIGURATION,
                f"There is no version {wanted} in {places.versions}.",
                "python scripts/rollback.py --list shows those that are kept.",
            )
        return found[0]
    current = publishing.current_run(places)
    if not current:
        raise Stop(
            CONFIGURATION,
            f"Nothing was published in {places.publish} yet.",
            "python scripts/refresh.py publishes.",
        )
    before = [version for version in kept if version.run_id < current]
    intact = [version for version in before if not publishing.damaged_file(version.folder)]
    if not intact:
        raise Stop(
            CONFIGURATION,
            f"No version before {current} is kept in {places.versions}"
            f"{', and as it was published' * bool(before)}.",
            "Older ones are removed (refresh.py --keep); build again with --as-of instead.",
        )
    return intact[-1]


def in_words(version: publishing.Version) -> list[object]:
    """A row of --list: what mart_status says of the version, and whether readers see it."""
    state = "current" if version.is_current else ""
    if file := publishing.damaged_file(version.folder):
        return [version.run_id, *[None] * 5, f"{state} {file} is not as it was published".strip()]
    (row,) = duckdb.execute(
        "select as_of_date, accounts, is_changed, warnings, accepted_reason from read_parquet(?)"
        " where run_id = ?",
        [str(version.folder / "marts" / "mart_status.parquet"), version.run_id],
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


def roll_back(places: Places, wanted: str | None) -> str:
    """Go back; what was done in words."""
    before = publishing.current_run(places)
    version = earlier_run(places, wanted)
    if version.run_id == before:
        return f"Run {before} is what readers see already."
    if file := publishing.damaged_file(version.folder):
        raise Stop(
            CHECKS_FAILED,
            f"{version.folder / file} is not as it was published.",
            "Go back to another one: python scripts/rollback.py --list",
        )
    publishing.make_current(places, version.run_id)
    return f"Readers see run {version.run_id} again, no longer {before}."


def main() -> int:
    """0 when readers see the wanted version."""
    parser = argparse.ArgumentParser(
        description="Let readers see an earlier published run again.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--to", metavar="RUN", help="the run to go back to; default: one before")
    parser.add_argument("--list", action="store_true", help="show the versions that are kept")
    options = parser.parse_args()
    os.umask(UMASK)
    places = find_places()
    if options.list:
        names = ("run_id", "as_of", "accounts", "changed", "warnings", "accepted", "")
        print(table(names, [in_words(version) for version in publishing.versions(places)]))
        return 0
    try:
        with locking.hold(places.lock, "rollback"):
            publishing.finish(places)
            print(roll_back(places, options.to))
    except Stop as stop:
        parser.exit(stop.code, f"{stop.what}\n{stop.next_step}\n")
    return 0


if __name__ == "__main__":
    run_command(main)
