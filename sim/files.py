"""Files that are whole or not there: written under another name, brought to the disk, then given their name.

Whatever a kill or a power cut leaves behind is the old file or the new one, never a half. This is the one place where
a file gets its name; what is in the files, and whether it is still what was written, is for their owners to know.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO


def write_atomically(file: Path, content: bytes) -> None:
    """Write bytes under a temporary name, bring them to the disk, then give them their name."""
    write_whole(file, lambda stream: stream.write(content))


def write_whole(file: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Have a function fill an open file, bring it to the disk, then give it its name.

    Raises
    ------
    OSError
        It cannot be written; nothing is left behind, an earlier file of that name is as it was.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
        sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def give_name(draft: Path, file: Path) -> None:
    """Bring a finished draft to the disk and give it its name."""
    sync_file(draft)
    os.replace(draft, file)
    sync_folder(file.parent)


def sync_file(file: Path) -> None:
    """Bring what was written to a file to the disk."""
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system has a way to ask for it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some file systems know no such thing for folders; the files themselves are there
        return
    finally:
        os.close(handle)
