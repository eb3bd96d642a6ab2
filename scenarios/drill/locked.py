"""A file that only grows, by whole pieces, and that one drill at a time holds: the recording's disk side.

A piece is either on the disk when :meth:`Held.append` returns, or nothing of it is in the file: a half piece is cut off
again before the failure is told. The operating system locks the file, so that a second process cannot write to it; in
one process whoever takes it later has it, and the former holder is told at its next piece. It knows nothing of lines.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from sim.errors import InputError

_FAR = 1 << 40
"""Where Windows locks: far behind what is written, since a locked range cannot be read there."""
_here: WeakValueDictionary[tuple[int, int], Held] = WeakValueDictionary()
_taking = threading.Lock()


class RecordingFailed(InputError):
    """A piece could not be written; nothing of it is in the file."""


class Held:
    """An open, locked file; see the module.

    Parameters
    ----------
    path
        The file.
    new
        Whether it must not be there yet.

    Raises
    ------
    InputError
        It is there already, is not there, cannot be written, or another process holds it.
    """

    def __init__(self, path: Path, new: bool) -> None:
        self.path = path
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDWR | _flags(new), 0o644)
        except FileExistsError:
            raise InputError("a recording already stands here and is never written over", file=path,
                             allowed="another folder, or --resume") from None  # fmt: skip
        except OSError as error:
            raise InputError("the recording cannot be written", file=path, found=error.strerror) from error
        with _taking:
            found = os.fstat(self._fd)
            self._known = (found.st_dev, found.st_ino)
            former = _here.get(self._known)
            if former is not None:
                former.close()
            try:
                _lock(self._fd)
            except OSError:
                self.close()
                raise InputError("this recording is being written by another process", file=path,
                                 allowed="one drill at a time: end the other one first") from None  # fmt: skip
            _here[self._known] = self
        self.good = os.fstat(self._fd).st_size

    def read(self) -> bytes:
        """Return the whole file."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._fd), "rb") as stream:
            return stream.read()

    def append(self, piece: bytes) -> None:
        """Add a piece; it is on the disk when this returns.

        Raises
        ------
        RecordingFailed
            The disk is full, the file is gone or was changed by something else, or it was closed; nothing of the piece
            is in the file.
        """
        if self._fd < 0:
            raise RecordingFailed("the recording is no longer held by this drill", file=self.path)
        try:
            found = os.fstat(self._fd)
            if found.st_nlink == 0:
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            if found.st_size != self.good:
                raise RecordingFailed("something else has changed the recording's file", file=self.path,
                                      found=f"{found.st_size:,} bytes", allowed=f"{self.good:,} bytes")  # fmt: skip
            os.lseek(self._fd, self.good, os.SEEK_SET)
            left = memoryview(piece)
            while left:
                left = left[os.write(self._fd, left) :]
            _sync(self._fd)
        except OSError as error:
            self._cut()
            raise RecordingFailed("the recording cannot be written", file=self.path, found=error.strerror) from error
        self.good += len(piece)

    def put_back(self, found: bytes, right: bytes) -> None:
        """Write single bytes that are wrong; each is whole or as it was.

        Raises
        ------
        InputError
            The file cannot be changed.
        """
        try:
            for at in (k for k, (a, b) in enumerate(zip(found, right, strict=True)) if a != b):
                os.lseek(self._fd, at, os.SEEK_SET)
                os.write(self._fd, right[at : at + 1])
            os.fsync(self._fd)
        except OSError as error:
            raise InputError("the recording cannot be written", file=self.path, found=error.strerror) from error

    def cut_to(self, length: int) -> None:
        """Drop what follows a length, bytes.

        Raises
        ------
        InputError
            The file cannot be changed.
        """
        try:
            os.ftruncate(self._fd, length)
            os.fsync(self._fd)
        except OSError as error:
            raise InputError("the recording cannot be written", file=self.path, found=error.strerror) from error
        self.good = length

    def _cut(self) -> None:
        with suppress(OSError):  # a disk that cannot even shorten a file: reading drops a half line at the end
            os.ftruncate(self._fd, self.good)
            os.fsync(self._fd)

    def close(self) -> None:
        """Let the file go; what was written stays."""
        if self._fd >= 0:
            os.close(self._fd)  # gives the lock back
            self._fd = -1

    def __del__(self) -> None:
        self.close()


_sync = getattr(os, "fdatasync", os.fsync)
"""To the disk, without the time of writing."""


def _flags(new: bool) -> int:
    return (os.O_CREAT | os.O_EXCL if new else 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _lock(fd: int) -> None:
    """Lock an open file against other processes; raises OSError when one has it."""
    if sys.platform == "win32":
        msvcrt: Any = importlib.import_module("msvcrt")
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        return
    fcntl = importlib.import_module("fcntl")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        # a file system that knows no locks (some network folders): one server still gives each file to one room
