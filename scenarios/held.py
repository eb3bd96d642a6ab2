"""One writer for a folder: a lock that others are refused by, that names its holder, and falls with the process.

Results folders, folders of calibrations and the queue of the dashboard use it. Where the system lets a folder itself
be locked it is, too: whoever takes the lock's file for a forgotten one and removes it lets nobody in. What is written
under the lock is for its holders to know.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sim.errors import InputError

LOCK = "writing.lock"
NOBODY_KNOWN = 0
"""In place of the id of a process that holds a folder whose lock file was removed."""


class Lock:
    """The lock of a folder: its file, and the folder itself; free again when it is closed or the process ends.

    Parameters
    ----------
    folder
        Is there already.
    name
        Of the lock's file.

    Raises
    ------
    OSError
        The file cannot be written.
    """

    def __init__(self, folder: Path, name: str = LOCK) -> None:
        self.folder = folder
        self.stream = (folder / name).open("a+", encoding="utf-8")
        self._itself = _opened(folder)

    def take(self) -> bool:
        """Take the lock if nobody else has it; returns whether it is this process's.

        Raises
        ------
        InputError
            The file system knows no locks.
        """
        if self._itself is not None and not _folder_locked(self._itself):
            return False
        try:
            return locked(self.stream)
        except OSError as error:
            raise InputError(
                f"the file system of this folder knows no locks ({error.strerror})", file=self.folder,
                allowed="a folder on a disk of this computer",
            ) from None  # fmt: skip

    def close(self) -> None:
        """Let the folder go."""
        self.stream.close()
        if self._itself is not None:
            os.close(self._itself)
            self._itself = None


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
        Another process is at work in the folder, or its file system knows no locks.
    """
    until = time.monotonic() + wait_s
    folder.mkdir(parents=True, exist_ok=True)
    lock = Lock(folder)
    try:
        while not lock.take():
            if time.monotonic() > until:
                lock.stream.seek(0)
                holder = lock.stream.read().strip()
                raise InputError(
                    "another process is at work here", file=folder, found=f"process {holder}" if holder else None,
                    allowed=allowed,
                )  # fmt: skip
            time.sleep(0.02)
        lock.stream.truncate(0)
        lock.stream.write(str(os.getpid()))
        lock.stream.flush()
        try:
            yield
        finally:
            lock.stream.truncate(0)
    finally:
        lock.close()


def held_by(folder: Path) -> int | None:
    """Return the id of the process that is writing in a folder (`NOBODY_KNOWN`: one of unknown id); None for none."""
    with suppress(OSError), (folder / LOCK).open("r+", encoding="utf-8") as stream:
        found = stream.read().strip()
        if found.isdigit() and not locked(stream, shared=True):
            return int(found)
    itself = _opened(folder)
    if itself is None:
        return None
    try:
        return None if _folder_locked(itself, shared=True) else NOBODY_KNOWN
    finally:
        os.close(itself)


def _opened(folder: Path) -> int | None:
    """Return a folder opened to be locked; None where folders cannot be opened (Windows, which keeps open files)."""
    try:
        return os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None


def _folder_locked(itself: int, shared: bool = False) -> bool:
    """Lock an open folder if nobody else has; where the file system locks no folders its file alone is locked."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True

    try:
        fcntl.flock(itself, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


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
