"""Let readers see an earlier published run again, in one step."""

import argparse
import os

from last_build import run_command, table
from nightly import locking, publishing
from nightly.places import CHECKS_FAILED, CONFIGURATION, UMASK, Places, Stop, find_places

EPILOG = """examples:
  python scripts/rollback.py --list
  python scripts/rollback.py
  python scripts/rollback.py --to 000041-20260930T020004Z

The next refresh publishes the newest state again: mend what was wrong first. What was published
stays in the log, also of the run that is rolled back.
Exit codes: 0 done, 2 there is no such run, 75 a refresh is running.
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
    if not before:
        raise Stop(
            CONFIGURATION,
            f"No version before {current} is kept in {places.versions}.",
            "Older ones are removed (refresh.py --keep); build again with --as-of instead.",
        )
    return before[-1]


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
        rows = [(v.run_id, "current" if v.is_current else "") for v in publishing.versions(places)]
        print(table(["run_id", "seen by readers"], rows))
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
