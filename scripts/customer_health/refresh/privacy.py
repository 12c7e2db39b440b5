"""Pseudonyms and tombstones: what is made of ids with a key that only the environment knows.

The key is never written, never part of SQL, never handed to dbt.
"""

import hashlib
import hmac
import itertools
import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from customer_health.disk import put_in_place
from customer_health.errors import CONFIGURATION, UserError

ERASED = "(erased)"
VARIABLE = "HEALTH_PSEUDONYM_KEY"
FILE_VARIABLE = "HEALTH_PSEUDONYM_KEY_FILE"
HOW_TO_MAKE_ONE = "make key writes one to pseudonym.key"
KEY_BITS = 256
HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
CLASSES_OF_CHARACTERS = (
    (re.compile(r"[a-z]"), 26), (re.compile(r"[A-Z]"), 26), (re.compile(r"[0-9]"), 10),
    (re.compile(r"[^a-zA-Z0-9]"), 32),
)  # fmt: skip
# Words for nothing (macros/nullify_blanks.sql) stay as they are.
NOTHING = ("", "null", "none", "n/a", "?", "-")
# Columns of sentences and file names, in which an id may stand among other words. In the raw files
# so are all columns that are not ours.
SENTENCES = {"note", "reason", "accepted_reason", "warning_text", "_source_file"}
# What may be an id within a sentence; a full stop at its end is none of it.
WORD = re.compile(r"[\w@.+-]*[\w-]")
# Letters and digits: within a text an id is not part of a longer run of them. `_` is none.
RUN = re.compile(r"[^\W_]+")
# A character as URLs write it.
ENCODED = re.compile(r"%[0-7][0-9a-fA-F]")
PSEUDONYM = re.compile(r"u_[0-9a-f]{32}")
# Of how many runs an id may be: more are not looked for in what is landed.
MOST_RUNS = 12
# Shorter ids are looked for as whole cells only: in bytes and sentences they stand by chance.
SHORTEST_IN_TEXT = 6
KINDS = ("account", "user")
HOW_TO_REBUILD = (
    "customer-health erase --rebuild makes it anew of the receipts, with the key that is set;"
    " then erase again everybody who has no receipt"
)


@dataclass(frozen=True)
class Key:
    """The secret of an installation."""

    secret: bytes
    weakness: str = ""

    def digest(self, kind: str, text: str) -> str:
        return hmac.new(self.secret, f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()

    @property
    def check_value(self) -> str:
        """What tells whether it is the same key."""
        return self.digest("check", "")[:16]

    def pseudonym(self, user_id: str) -> str:
        """What stands for a user id from landing on; the same for the same id."""
        return "u_" + self.digest("user", user_id.strip())[:32]

    def tombstone(self, kind: str, id_text: str) -> str:
        """What is remembered of an erased `account` or `user`."""
        return self.digest(f"tombstone of {kind}", id_text.strip())

    def tombstones(self, kind: str, *parts: str) -> list[str]:
        """The tombstones that keep an id away: of its spelling, of it without capitals, and where a
        URL may have spelled it, of what that means; of a user of an account as (account, user)."""
        texts = [part.strip() for part in parts]
        spellings = [texts, [folded(text) for text in texts]]
        if any("%" in text for text in texts):
            spellings.append([folded(unquote(text)) for text in texts])
        stones = [self.tombstone(kind, "\0".join(one)) for one in spellings]
        return list(dict.fromkeys(stones))


def folded(text: str) -> str:
    """A text as it is compared where capitals do not count."""
    return text.strip().casefold()


def decoded(text: str) -> tuple[str, list[int]]:
    """A text with what URLs encode (`%40`) decoded, and where each of its characters began; the
    last number is the length of the text."""
    if "%" not in text:
        return text, list(range(len(text) + 1))
    characters, positions, position = [], [], 0
    while position < len(text):
        found = ENCODED.match(text, position)
        characters.append(chr(int(found[0][1:], 16)) if found else text[position])
        positions.append(position)
        position += 3 if found else 1
    return "".join(characters), [*positions, len(text)]


def is_nothing(text: str | None) -> bool:
    return text is None or text.strip().lower() in NOTHING


def weakness(text: str) -> str:
    """Why a key is not 32 bytes of randomness, in words; nothing where it may be. Of random ones in
    base64 it refuses less than one in a thousand, of those in hexadecimal digits none."""
    is_hex = bool(HEX.fullmatch(text))
    classes = [(pattern, size) for pattern, size in CLASSES_OF_CHARACTERS if pattern.search(text)]
    bits = len(text) * math.log2(16 if is_hex else max(2, sum(size for _, size in classes)))
    if bits < KEY_BITS:
        return f"is shorter than {KEY_BITS // 8} random bytes"
    codes = bytes.fromhex(text[: len(text) // 2 * 2]) if is_hex else text.encode()
    steps = {(b - a) % 256 for a, b in itertools.pairwise(codes)}
    parts = [text[n : n + 8] for n in range(len(text) - 7)]
    if len(set(text)) < (10 if is_hex else 20) or len(set(parts)) < len(parts) or len(steps) < 16:
        return "repeats itself"
    kinds = [next(n for n, (p, _) in enumerate(classes) if p.match(c)) for c in text]
    changes = sum(a != b for a, b in itertools.pairwise(kinds))
    if not is_hex and (text.isalpha() or changes < 0.4 * (len(text) - 1)):
        return "looks like words"
    return ""


def key_text() -> tuple[str, str]:
    """(the key of the environment or of the file that it names, what says so)."""
    text, path = (os.environ.get(name, "").strip() for name in (VARIABLE, FILE_VARIABLE))
    if not path:
        return text, VARIABLE
    try:
        mode, found = Path(path).stat().st_mode, Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise UserError(
            CONFIGURATION,
            f"{FILE_VARIABLE} names {path}, which cannot be read.",
            f"customer-health make-key --to {path} writes one there",
        ) from None
    if mode & 0o077:
        raise UserError(CONFIGURATION, f"Others may read the key in {path}.", f"chmod 600 {path}")
    if text and text != found:
        raise UserError(
            CONFIGURATION, f"{VARIABLE} and {FILE_VARIABLE} name two keys.", "Keep one of them."
        )
    return found, FILE_VARIABLE


def read_key(raw: Path) -> Key | None:
    """The key of the environment, none where there is none. UserError(2) where it can be guessed,
    unless the raw folder was landed with it: with another one every user would be another one."""
    text, name = key_text()
    if not text:
        return None
    key = Key(text.encode(), weakness(text))
    if key.weakness and Memory(raw).content["key"] != key.check_value:
        raise UserError(
            CONFIGURATION,
            f"{name} {key.weakness}, so it can be guessed.",
            f"Make another one, and keep it: {HOW_TO_MAKE_ONE}.",
        )
    return key


def require_key(key: Key | None, why: str) -> Key:
    """The key; UserError(2) where there is none."""
    if key is None:
        raise UserError(
            CONFIGURATION,
            f"{VARIABLE} is not set: {why}.",
            f"Make a key once, keep it where the schedule finds it: {HOW_TO_MAKE_ONE}.",
        )
    return key


class Memory:
    """What landing remembers beside the raw files: which key it used, and who was erased."""

    def __init__(self, raw: Path) -> None:
        self.path = raw / ".erased.json"
        self.content: dict[str, object] = {
            "key": "", "accounts": [], "users": [], "lengths": {}, "left_out": [],
        }  # fmt: skip
        if self.path.exists():
            try:
                found = json.loads(self.path.read_text(encoding="utf-8"))
                if any(not isinstance(found.get(k, v), type(v)) for k, v in self.content.items()):
                    raise ValueError
                self.content |= found
            except (ValueError, AttributeError):
                raise UserError(
                    CONFIGURATION,
                    f"{self.path} cannot be read: it tells who was erased and must not come back.",
                    "Put it back from a backup. Where there is none, move it away, then:"
                    f" {HOW_TO_REBUILD}",
                ) from None
        self.measure()

    def tombstones(self, kind: str) -> frozenset[str]:
        return frozenset(str(one) for one in self.content[f"{kind}s"])  # type: ignore[attr-defined]

    def check(self, key: Key) -> None:
        """UserError(2) where what was landed before was landed with another key."""
        known = self.content["key"]
        if known and known != key.check_value:
            raise UserError(
                CONFIGURATION,
                f"{VARIABLE} is not the key that {self.path.parent} was landed with: every user"
                " would be another one, and the erased would come back.",
                "Set the previous key. Where it is lost, land everything into an empty raw folder.",
            )

    def cleaned(self, text: str, key: Key, is_free: bool = True) -> str:
        """A text without the ids of the erased, where they stand for themselves or are joined to
        other words, also in other capitals or as URLs write them. In a text that is not free, as
        the name of a plan, an ordinary word and a short one mean something else."""
        if is_free and self.is_tombstoned(text, key):
            return ERASED
        plain, positions = decoded(text)
        runs = [(found.start(), found.end()) for found in RUN.finditer(plain)]
        gone: list[tuple[int, int]] = []
        for first, (start, _) in enumerate(runs):
            if gone and start < gone[-1][1]:
                continue
            ends = [end for _, end in runs[first : first + MOST_RUNS]]
            found = next(
                (e for e in reversed(ends) if self.is_word(plain[start:e], key, is_free)), None
            )
            if found:
                gone.append((start, found))
        for start, end in reversed(gone):
            text = f"{text[: positions[start]]}{ERASED}{text[positions[end] :]}"
        # Ids may begin or end with something that is neither letter nor digit.
        return WORD.sub(
            lambda found: ERASED if self.is_word(found[0], key, is_free) else found[0], text
        )

    def is_word(self, text: str, key: Key, is_free: bool) -> bool:
        """Whether a part of a text is the id of somebody erased; short ones are there by chance."""
        is_looked_for = len(text) >= SHORTEST_IN_TEXT and (is_free or not text.isalpha())
        return is_looked_for and self.is_tombstoned(text, key)

    def is_tombstoned(self, text: str, key: Key) -> bool:
        """Whether an id is that of somebody erased, an account or a user in all accounts."""
        if self.lengths is not None and len(folded(text)) not in self.lengths:
            return False
        return any(
            stone in stones
            for kind, stones in self.known_tombstones.items()
            if stones
            for stone in key.tombstones(kind, text)
        )

    def measure(self) -> None:
        """Look up once what is asked of every word: who is erased, and how long their ids are;
        nothing where that is not known of all of them."""
        self.known_tombstones = {kind: self.tombstones(kind) for kind in KINDS}
        lengths: dict[str, int] = self.content["lengths"]  # type: ignore[assignment]
        is_known = all(
            stone in lengths for stones in self.known_tombstones.values() for stone in stones
        )
        self.lengths = frozenset(lengths.values()) if is_known else None

    def note_key(self, key: Key) -> None:
        if not self.content["key"]:
            self.content["key"] = key.check_value
            self.write()

    def add_tombstones(
        self, kind: str, tombstones: Iterable[str], length: int | None = None
    ) -> None:
        """Remember somebody erased by all the tombstones of the id, and how long it is; 0 where it
        is not looked for in text."""
        self.content[f"{kind}s"] = sorted(self.tombstones(kind) | set(tombstones))
        if length is not None:
            self.content["lengths"] |= dict.fromkeys(tombstones, length)  # type: ignore[operator]
        self.content["changed_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        self.write()

    def remove_tombstones(self, kind: str, tombstones: Iterable[str]) -> None:
        """Take back the tombstones of somebody who was not there."""
        self.content[f"{kind}s"] = sorted(self.tombstones(kind) - set(tombstones))
        self.write()

    def is_left_out(self, column: str) -> bool:
        """Whether a person was told that a column (`input.column`) is not kept."""
        return column in self.content["left_out"]  # type: ignore[operator]

    def note_left_out(self, columns: Iterable[str]) -> None:
        known: list[str] = self.content["left_out"]  # type: ignore[assignment]
        self.content["left_out"] = sorted({*known, *columns})
        self.write()

    def write(self) -> None:
        self.measure()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_name(".erased.json.new")
        written.write_text(json.dumps(self.content, indent=1), encoding="utf-8")
        put_in_place(written, self.path)
