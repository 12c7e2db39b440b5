"""Write a new key for pseudonyms into a file that nobody else can read; never replace one."""

import os
import secrets
from pathlib import Path

from customer_health.errors import CONFIGURATION, UserError
from customer_health.settings import project_root


def run(path: Path | None) -> int:
    """0 when the key is written."""
    path = path or project_root() / "pseudonym.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UserError(
            CONFIGURATION,
            f"{path} is there already, and it is left as it is: with another key every user would"
            " be another one.",
            "Use it, or name another file: --to FILE",
        ) from None
    except OSError as error:
        reason = str(error.strerror).lower()
        raise UserError(
            CONFIGURATION, f"{path} cannot be written: {reason}.", "Name another: --to FILE"
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    shown = os.path.relpath(path)
    print(f"A key is in {shown}, which only you can read. Keep a copy of it elsewhere.")
    print(f"Use it: export HEALTH_PSEUDONYM_KEY_FILE={path}")
    print(f"    or: export HEALTH_PSEUDONYM_KEY=$(cat {shown})")
    return 0
