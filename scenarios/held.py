"""One writer for a folder: a lock that others are refused by, that names its holder, and falls with the process.

Results folders, folders of calibrations and the queue of the dashboard use it. What is written under the lock is for
its holders to know.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sim.errors import InputError

LOCK = "writing.lock"


@contextmanager
def writing(folder: Path, allowed: str, wait_s: float = 1.0) -> Iterator[None]:
    """Keep a folder to this process while it writes; others are refused, and can see who it is.

    The lock falls with the process, however that ends. `held_by` asks for it.

    Parameters
    ----------
    folder
        Made where it is not there.
    allowed
        What others are told to do.
    wait_s
        Seconds to wait for somebody else; who only looks holds the lock for an instant.

    Raises
    ------
    InputError
        Another process is at work in the folder.
    """
    until = time.monotonic() + wait_s
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8") as stream:
        while not locked(stream):
            if time.monotonic() > until:
                stream.seek(0)
                raise InputError(
                    "another process is at work here", file=folder, found=f"process {stream.read().strip()}",
                    allowed=allowed,
                )  # fmt: skip
            time.sleep(0.02)
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        try:
            yield
        finally:
            stream.truncate(0)


def held_by(folder: Path) -> int | None:
    """Return the id of the process that is writing in a folder; None when there is none."""
    try:
        with (folder / LOCK).open("r+", encoding="utf-8") as stream:
            found = stream.read().strip()
            return None if not found.isdigit() or locked(stream, shared=True) else int(found)
    except OSError:
        return None


def locked(stream: IO[str], shared: bool = False) -> bool:
    """Lock an open file if nobody else has; it is free again when the file is closed or the process ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            stream.seek(1 << 20)  # a byte beyond the text, so that the text stays readable
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
