"""Files that are there in whole or not at all, also after a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of a file survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def put_in_place(written: Path, goal: Path) -> None:
    """Give a file or folder that is written its name: there in whole or not at all."""
    sync_file(written) if written.is_file() else sync_folder(written)
    written.replace(goal)
    sync_folder(goal.parent)
