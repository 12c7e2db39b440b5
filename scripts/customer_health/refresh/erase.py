"""Erase an account or a user: out of raw files, working file, log, artifacts and every version."""

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from customer_health.disk import put_in_place
from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UsageError, UserError
from customer_health.refresh import erasing, locking, privacy, publishing
from customer_health.settings import UMASK, project_root, read_settings


def run(account: str | None, user: str | None, rebuild: bool, is_json: bool, is_quiet: bool) -> int:
    """0 when nothing holds it any more."""
    account, user = (sys.stdin.readline() if text == "-" else text for text in (account, user))
    given = {account, user} - {None}
    if rebuild == bool(given) or any(map(privacy.is_nothing, given)):
        raise UsageError("--account ID, --user ID or both are needed, or --rebuild")

    def tell(text: str) -> None:
        if not is_quiet:
            print(f"{text} ...", file=sys.stderr)

    kind = "account" if user is None else "user"
    os.umask(UMASK)
    settings = read_settings()
    settings.refuse_mixed_up()
    with locking.hold(settings.lock, "erase"):
        for told in publishing.finish(settings):
            print(told, file=sys.stderr)
        why = "without it nothing keeps the erased away"
        key = privacy.require_key(privacy.read_key(settings.raw), why)
        if rebuild:
            known = erasing.rebuild_memory(settings, key)
            print(f"{known:,} who were erased are remembered again, by their receipts.")
            return 0
        erasing.check_memory(settings)
        memory = privacy.Memory(settings.raw)
        memory.check(key)
        memory.note_key(key)
        erased = erasing.whom(account, user, key, settings)
        new = set(erased.tombstones) - memory.tombstones(kind)
        memory.add_tombstones(kind, erased.tombstones, erased.length)
        receipt = erasing.erase(settings, project_root(), erased, tell)
        if not receipt.is_found and new:
            memory.remove_tombstones(kind, new)
            raise UserError(
                CONFIGURATION,
                f"No record names that {kind}; nothing was erased.",
                "Is the id right? Everything is as it was.",
            )
        now = datetime.now(UTC)
        content = {"erased_at": now.isoformat(timespec="seconds"), **asdict(receipt)}
        # The files as they are named are for the eyes of this person only.
        del content["named"]
        text = json.dumps(content, indent=1)
        folder = settings.publish / "receipts"
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / ".receipt.new"
        written.write_text(text + "\n", encoding="utf-8")
        goal = folder / f"{now:%Y%m%dT%H%M%SZ}-{receipt.tombstone[:8]}.json"
        put_in_place(written, goal)
    if is_json:
        print(text)
    else:
        rows = ", ".join(f"{n:,} in {place}" for place, n in receipt.rows.items()) or "none"
        print(f"Rows that named it: {rows}; files removed: {receipt.files_removed:,}.")
        for path in receipt.named:
            print(f"Still holds it, fix or remove it: {path}")
        print(f"Receipt: {goal}")
        print("Now: customer-health refresh")
    return CHECKS_FAILED if receipt.left else 0
