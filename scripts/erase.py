"""Erase an account or a user: out of raw files, working file, log, artifacts and every version."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from last_build import run_command
from nightly import erasing, locking, privacy, publishing
from nightly.places import (
    CHECKS_FAILED,
    CONFIGURATION,
    ROOT,
    UMASK,
    Stop,
    find_places,
    put_in_place,
)

EPILOG = """examples:
  python scripts/erase.py --account acct_0017
  python scripts/erase.py --user ana@example.com --json
  python scripts/erase.py --account acct_0017 --user u1    # of that account only
  python scripts/erase.py --user -                         # reads the id from standard input

The id is not written anywhere: a keyed tombstone (HEALTH_PSEUDONYM_KEY) keeps a file that is sent
again from bringing it back. A receipt without personal data goes to HEALTH_PUBLISH_DIR/receipts.
Run a refresh afterwards: it builds the working file anew.
Exit codes: 0 erased, 1 something still holds it (named), 2 usage, or nobody has that id, 75 a
refresh is running.
"""


def main() -> int:
    """0 when nothing holds it any more."""
    parser = argparse.ArgumentParser(
        description="Erase an account or a user from everything that is kept.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--account", metavar="ID", help="an account, with all its records")
    parser.add_argument(
        "--user", metavar="ID", help="a user, in all accounts; with --account, in that one"
    )
    parser.add_argument("--json", action="store_true", help="print the receipt as JSON")
    options = parser.parse_args()
    account, user = (
        sys.stdin.readline() if text == "-" else text for text in (options.account, options.user)
    )
    given = {account, user} - {None}
    if not given or any(map(privacy.is_nothing, given)):
        parser.error("--account ID, --user ID or both are needed")
    kind = "account" if user is None else "user"
    os.umask(UMASK)
    places = find_places()
    try:
        with locking.hold(places.lock, "erase"):
            publishing.finish(places)
            key = privacy.need_key(privacy.read_key(), "without it nothing keeps the erased away")
            memory = privacy.Memory(places.raw)
            memory.check(key)
            memory.note_key(key)
            erased = erasing.whom(account, user, key)
            is_new = erased.tombstone not in memory.tombstones(kind)
            memory.bury(kind, erased.tombstone)
            receipt = erasing.erase(
                places, ROOT, erased, lambda text: print(f"{text} ...", file=sys.stderr)
            )
            if not receipt.is_found and is_new:
                memory.dig_up(kind, erased.tombstone)
                raise Stop(
                    CONFIGURATION,
                    f"No record names that {kind}; nothing was erased.",
                    "Is the id right? Capitals count. Build the working file anew: refresh.py",
                )
            now = datetime.now(UTC)
            content = {"erased_at": now.isoformat(timespec="seconds"), **asdict(receipt)}
            text = json.dumps(content, indent=1)
            folder = places.publish / "receipts"
            folder.mkdir(parents=True, exist_ok=True)
            written = folder / ".receipt.new"
            written.write_text(text + "\n", encoding="utf-8")
            goal = folder / f"{now:%Y%m%dT%H%M%SZ}-{receipt.tombstone[:8]}.json"
            put_in_place(written, goal)
    except Stop as stop:
        parser.exit(stop.code, f"{stop.what}\n{stop.next_step}\n")
    if options.json:
        print(text)
    else:
        rows = ", ".join(f"{n:,} in {place}" for place, n in receipt.rows.items()) or "none"
        print(f"Rows that named it: {rows}; files removed: {receipt.files_removed:,}.")
        for path in receipt.left:
            print(f"Still holds it, mend or remove it: {path}")
        print(f"Receipt: {goal}")
        print("Now: python scripts/refresh.py")
    return CHECKS_FAILED if receipt.left else 0


if __name__ == "__main__":
    run_command(main)
