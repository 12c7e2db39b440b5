"""What dbt has read of the project (its partial_parse.msgpack), kept from one build to the next, as
each refresh has a target folder of its own: with it dbt need not read the project again.

A state is taken over only where it is whole, and of this very project: dbt would read changed files
anew by itself, but not notice all that follows from them, and it takes the folder of the seeds from
the state. Changed seeds are read anew."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

STATE, NOTE = "partial_parse.msgpack", "partial_parse.json"
READ_BY_DBT = ("models", "macros", "data_tests", "seeds", "docs", "dbt_project.yml", "profiles.yml")


def hash_of(project: Path) -> str:
    """sha256 of what dbt reads of a project but for the rows of seeds, by name and content."""
    found = hashlib.sha256()
    for start in (project / name for name in READ_BY_DBT):
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if path.suffix in (".sql", ".yml", ".yaml", ".md") and path.is_file():
                found.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def note_of(content: bytes, project_hash: str) -> dict[str, str]:
    return {"project": project_hash, "sha256": hashlib.sha256(content).hexdigest()}


def take_over(target: Path, earlier: Iterable[Path], project: Path) -> str:
    """Put the last whole state of earlier target folders, the newest first, into a new one; where
    there is none dbt reads the whole project. Returns what note() needs when dbt has ended."""
    with suppress(OSError):
        project_hash = hash_of(project)
        for folder in earlier:
            with suppress(OSError, ValueError):
                known = (folder / NOTE).read_text(encoding="utf-8")
                content = (folder / STATE).read_bytes() if project_hash in known else b""
                if json.loads(known) == note_of(content, project_hash):
                    target.mkdir(parents=True, exist_ok=True)
                    (target / STATE).write_bytes(content)
                    break
        return project_hash
    return ""


def note(target: Path, project_hash: str) -> None:
    """Write down of which project the state is that dbt left in its target folder, if any."""
    with suppress(OSError):
        content = (target / STATE).read_bytes()
        text = json.dumps(note_of(content, project_hash))
        (target / NOTE).write_text(text, encoding="utf-8")
