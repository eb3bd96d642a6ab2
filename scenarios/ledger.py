"""What the files of a results folder must hold: the hash of each, and lines that know when they were changed.

``journal/files.jsonl`` gets a line with a file's SHA-256 before the file gets its name; a file is sound when one of its
lines has its hash. Each line of a journal ends with a checksum of its own, so a flipped bit in a line is known from
the file that it is about. What is done with damaged files is for `scenarios.mending`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import InputError

SOURCE = "files"
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_CHECK = b', "check": "'


def sealed(entry: dict[str, Any]) -> bytes:
    """Return the line of an entry, its checksum last."""
    text = _ENCODE(entry).encode()
    return text[:-1] + _CHECK + f'{zlib.crc32(text):08x}"}}\n'.encode()


def unsealed(line: bytes, checked: bool = False) -> dict[str, Any] | None:
    """Return the entry of a line; None for one that is cut off or was changed.

    Parameters
    ----------
    checked
        Whether a line without a checksum is damaged too (folders of older versions have none).
    """
    head, mark, tail = line.rpartition(_CHECK)
    if mark:
        text = head + b"}"
        if tail != f'{zlib.crc32(text):08x}"}}'.encode():
            return None
    elif checked:
        return None
    else:
        text = line
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


class Appended:
    """A file kept open to append to; each write is in one piece, and lands even when the process is killed next."""

    _handle = -1

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        size = os.fstat(self._handle).st_size
        self._half = size > 0 and os.pread(self._handle, 1, size - 1) != b"\n" if hasattr(os, "pread") else False

    def write(self, content: bytes, sync: bool = False) -> None:
        """Append a line; after a half line, which a kill or a full disk left, it begins a new one.

        Raises
        ------
        OSError
            It does not fit on the disk.
        """
        given = b"\n" + content if self._half else content
        written = os.write(self._handle, given)
        self._half = written < len(given)
        if self._half:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if sync:
            os.fsync(self._handle)

    def __del__(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)


class Ledger:
    """The hashes of a folder's files.

    Parameters
    ----------
    folder
        A results folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "journal" / f"{SOURCE}.jsonl"
        self._appended: Appended | None = None
        self._seen: dict[str, tuple[int, int, int]] = {}

    def exists(self) -> bool:
        """Tell whether hashes are kept here; older folders have none."""
        return self.file.is_file()

    def promise(self, name: str, content: bytes, **more: Any) -> None:
        """Write down what a file will hold; returns when the line is on the disk."""
        if self._appended is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._appended = Appended(self.file)
        entry = {"time": round(time.time(), 3), "event": "file", "file": name, "sha256": _sha(content), **more}
        self._appended.write(sealed(entry), sync=True)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the sound lines, in order."""
        if not self.exists():
            return
        for line in self.file.read_bytes().split(b"\n"):
            entry = unsealed(line, checked=True)
            if entry is not None and entry.get("event") == "file":
                yield entry

    def damaged(self, names: list[str]) -> list[str]:
        """Return those of a folder's files that do not hold what was written; a file seen sound is not read again."""
        known: dict[str, set[str]] | None = None
        found = []
        for name in names:
            told = _regular(self.folder / name)
            if told is None:
                found.append(name)
                continue
            seen = (told.st_mtime_ns, told.st_size, told.st_ino)
            if self._seen.get(name) == seen:
                continue
            if known is None:
                known = {}
                for entry in self.entries():
                    known.setdefault(str(entry["file"]), set()).add(str(entry["sha256"]))
            if _sound(self.folder / name, known.get(name) or _copied(self.folder / name, known)):
                self._seen[name] = seen
            else:
                found.append(name)
        return found

    def check(self, names: list[str]) -> None:
        """Raise when a file does not hold what was written.

        Raises
        ------
        InputError
            Names the first damaged file, and what to do.
        """
        found = self.damaged(names)
        if found:
            raise InputError(
                "the file is cut off or damaged", file=self.folder / found[0],
                allowed="the command that made the results, once more: it sets the file aside and does its runs again",
            )  # fmt: skip

    def forget(self) -> None:
        """Let go of the open file, since it will be written anew."""
        self._appended, self._seen = None, {}


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def no_file(place: str | bytes | os.PathLike[str]) -> InputError:
    """Return the mistake of a folder in the place of a file."""
    return InputError("a folder stands where a file must be", file=os.fsdecode(place))


def is_file(file: Path) -> bool:
    """Tell whether a file is in its place, and not a folder, a pipe or a link in a circle."""
    return _regular(file) is not None


def _regular(file: Path) -> os.stat_result | None:
    """Return what the system tells of a file, None when a folder, a pipe or a link in a circle is in its place."""
    try:
        told = file.stat()
    except FileNotFoundError:
        if not file.is_symlink():
            raise
        return None
    except OSError:
        return None
    return told if stat.S_ISREG(told.st_mode) else None


def _copied(file: Path, known: dict[str, set[str]]) -> set[str] | None:
    """Return the hashes that a part nobody has written down may have: none where it is the copy of another file."""
    if not known or file.suffix != ".parquet" or not file.is_file():
        return None
    content = _sha(file.read_bytes())
    return {"of another file"} if any(content in hashes for hashes in known.values()) else None


def _sound(file: Path, hashes: set[str] | None) -> bool:
    content = file.read_bytes()
    if file.suffix == ".txt":  # a failure is named by what it says
        return _sha(content).startswith(file.stem)
    if hashes:
        return _sha(content) in hashes
    if file.suffix != ".parquet":  # nothing was written down of it
        return True
    try:  # older, or its line was damaged: the pages' own checksums, where it has them
        pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
    except (OSError, pa.ArrowException):
        return False
    return True
