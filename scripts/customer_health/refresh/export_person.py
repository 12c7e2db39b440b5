"""All that is stored about one person, and what was made of it, as JSON: for an access request."""

import os
import sys
from pathlib import Path

from customer_health.errors import CHECKS_FAILED, CONFIGURATION, UsageError, UserError
from customer_health.refresh import erasing, exporting, privacy
from customer_health.settings import project_root, read_settings


def run(user: str | None, account: str | None, output: Path | None) -> int:
    """0 when something was found and all could be read."""
    user = sys.stdin.readline() if user == "-" else user
    if user is None or privacy.is_nothing(user):
        raise UsageError("--user ID is needed; an account alone is no person")
    if account is not None and privacy.is_nothing(account):
        raise UsageError("--account is empty")
    if output and output.exists():
        raise UsageError(f"{output} is there already, and is left as it is")
    settings = read_settings()
    settings.refuse_mixed_up()
    key = privacy.require_key(privacy.read_key(settings.raw), "pseudonyms are found with it")
    privacy.Memory(settings.raw).check(key)
    person = erasing.whom(account, user, key, settings)
    found = exporting.export(settings, project_root(), user.strip(), person)
    if not exporting.is_anything(found):
        raise UserError(
            CONFIGURATION,
            "No record names that user.",
            "Is the id right? It is the id as it was received, not a name.",
        )
    text = exporting.as_json(found) + "\n"
    if output:
        try:
            handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            reason = str(error.strerror).lower()
            raise UserError(CONFIGURATION, f"{output} cannot be written: {reason}.") from None
    else:
        print(text, end="")
    for path in found["not_readable"]:
        print(f"Cannot be read: {path}", file=sys.stderr)
    return CHECKS_FAILED if found["not_readable"] else 0
