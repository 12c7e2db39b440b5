"""Pseudonyms and tombstones: what is made of ids with a key that only the environment knows.

The key is never written, never part of SQL, never handed to dbt.
"""

import hashlib
import hmac
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nightly.places import CONFIGURATION, Stop, put_in_place

VARIABLE = "HEALTH_PSEUDONYM_KEY"
SHORTEST_KEY = 16
HOW_TO_MAKE_ONE = "python -c 'import secrets; print(secrets.token_hex(32))'"
# Words for nothing (macros/null_words.sql) stay as they are.
NOTHING = ("", "null", "none", "n/a", "?", "-")
# Columns of sentences and file names, in which an id may stand among other words. In the raw files
# so are all columns that are not ours.
SENTENCES = {"note", "reason", "accepted_reason", "warning_text", "_source_file"}
# What may be an id within a sentence; a full stop at its end is none of it.
WORD = re.compile(r"[\w@.+-]*[\w-]")


@dataclass(frozen=True)
class Key:
    """The secret of an installation."""

    secret: bytes

    def digest(self, kind: str, text: str) -> str:
        return hmac.new(self.secret, f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()

    def pseudonym(self, user_id: str) -> str:
        """What stands for a user id from landing on; the same for the same id."""
        return "u_" + self.digest("user", user_id.strip())[:32]

    def tombstone(self, kind: str, id_text: str) -> str:
        """What is remembered of an erased `account` or `user`."""
        return self.digest(f"tombstone of {kind}", id_text.strip())


def is_nothing(text: str | None) -> bool:
    return text is None or text.strip().lower() in NOTHING


def read_key() -> Key | None:
    """The key of the environment, none where there is none; Stop(2) where it is too short."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if len(text) < SHORTEST_KEY:
        raise Stop(
            CONFIGURATION,
            f"{VARIABLE} has fewer than {SHORTEST_KEY} characters, which can be guessed.",
            f"Make a longer one, and keep it: {HOW_TO_MAKE_ONE}",
        )
    return Key(text.encode())


def need_key(key: Key | None, why: str) -> Key:
    """The key; Stop(2) where there is none."""
    if key is None:
        raise Stop(
            CONFIGURATION,
            f"{VARIABLE} is not set: {why}.",
            f"Make a key once, keep it where the schedule finds it: {HOW_TO_MAKE_ONE}",
        )
    return key


class Memory:
    """What landing remembers beside the raw files: which key it used, and who was erased."""

    def __init__(self, raw: Path) -> None:
        self.path = raw / ".erased.json"
        self.content: dict[str, object] = {"key": "", "accounts": [], "users": []}
        if self.path.exists():
            try:
                self.content |= json.loads(self.path.read_text(encoding="utf-8"))
            except ValueError:
                raise Stop(
                    CONFIGURATION,
                    f"{self.path} cannot be read: it tells who was erased and must not come back.",
                    "Put it back from a backup; without it erased records could return.",
                ) from None

    def tombstones(self, kind: str) -> frozenset[str]:
        return frozenset(str(one) for one in self.content[f"{kind}s"])  # type: ignore[attr-defined]

    def check(self, key: Key) -> None:
        """Stop(2) where what was landed before was landed with another key."""
        known = self.content["key"]
        if known and known != key.digest("check", "")[:16]:
            raise Stop(
                CONFIGURATION,
                f"{VARIABLE} is not the key that {self.path.parent} was landed with: every user"
                " would be another one, and the erased would come back.",
                "Set the former key. Where it is lost, land everything into an empty raw folder.",
            )

    def cleaned(self, text: str, key: Key) -> str:
        """A sentence without the ids of the erased; those with blanks in them are not found."""

        buried = {kind: self.tombstones(kind) for kind in ("account", "user")}

        def word(found: re.Match[str]) -> str:
            is_buried = any(key.tombstone(k, found[0]) in stones for k, stones in buried.items())
            return "(erased)" if is_buried else found[0]

        return WORD.sub(word, text)

    def note_key(self, key: Key) -> None:
        if not self.content["key"]:
            self.content["key"] = key.digest("check", "")[:16]
            self.write()

    def bury(self, kind: str, tombstone: str) -> None:
        self.content[f"{kind}s"] = sorted({*self.tombstones(kind), tombstone})
        self.content["changed_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        self.write()

    def dig_up(self, kind: str, tombstone: str) -> None:
        """Take back a tombstone of somebody who was not there."""
        self.content[f"{kind}s"] = sorted(self.tombstones(kind) - {tombstone})
        self.write()

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_name(".erased.json.new")
        written.write_text(json.dumps(self.content, indent=1), encoding="utf-8")
        put_in_place(written, self.path)
