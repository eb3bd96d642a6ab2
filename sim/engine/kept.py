"""Compiled kernels on disk, checked: what is damaged, or was written by somebody else, is compiled again.

Numba loads what lies in its cache folder unseen; a cut or changed file ends in a traceback or in a crash of the whole
process. So each file carries the hash of what is in it, bound to its name, and one that does not match counts as
missing. A cache that cannot be written is done without. Which folder it is says `sim.engine.jit`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from numba.core import caching

_HASH_BYTES = 32
NEEDED_BYTES = 50_000_000
"""Room that a whole cache takes at most, with a margin."""


class CheckedFile(caching.IndexDataCacheFile):
    """Numba's pair of index and data, each ending with its own hash."""

    failed = ""
    """Why something could not be kept, the last time; empty when all could. Shared by all functions."""

    def save(self, key: Any, data: Any) -> None:
        """Keep a compiled function; where that cannot be, it is compiled again next time."""
        try:
            super().save(key, (key, data))
        except OSError as error:
            CheckedFile.failed = error.strerror or str(error)

    def load(self, key: Any) -> Any:
        """Return a compiled function; None when it is not there, or not as it was written."""
        try:
            found = super().load(key)
        except OSError as error:
            CheckedFile.failed = error.strerror or str(error)
            return None
        # two processes that compile one function for different kinds at once may have taken the same name
        return found[1] if found is not None and found[0] == key else None

    def _load_index(self) -> dict[Any, str]:
        found = _read(Path(self._index_path))
        if found is None:
            return {}
        version, stamp, overloads = found
        return overloads if (version, stamp) == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._version, self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return _read(Path(self._data_path(name)))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, content: Any) -> None:
        packed = self._dump(content)
        with self._open_for_write(path) as stream:
            stream.write(packed)
            stream.write(_hash(Path(path).name, packed))


def _hash(name: str, packed: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + packed).digest()


def _read(file: Path) -> Any:
    """Return what a file of the cache holds; None when it is missing, and when it had to be thrown away."""
    try:
        with file.open("rb") as stream:
            mine = _is_trusted(os.fstat(stream.fileno()))
            content = stream.read()
    except FileNotFoundError:
        return None
    packed, found = content[:-_HASH_BYTES], content[-_HASH_BYTES:]
    if mine and found == _hash(file.name, packed):
        return pickle.loads(packed)
    with contextlib.suppress(OSError):  # it may be another's; it is not read all the same
        file.unlink(missing_ok=True)
    return None


def _is_trusted(found: os.stat_result) -> bool:
    """Tell whether a file or folder is this user's or the system's."""
    return not hasattr(os, "geteuid") or found.st_uid in (os.geteuid(), 0)


def usable(folder: Path) -> str:
    """Make a cache folder where it is due; return why it cannot be used, empty when it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_trusted(folder.stat()):
            return "it belongs to somebody else"
        if not (folder / "complete").exists() and shutil.disk_usage(folder).free < NEEDED_BYTES:
            return f"less than {NEEDED_BYTES // 10**6} MB are free"
        with tempfile.TemporaryFile(dir=folder):  # numba asks the same, and would else write beside the sources
            pass
    except OSError as error:
        return error.strerror or str(error)
    return ""


def another_place(key: str) -> Path | None:
    """Return a folder of this user's alone under the system's temporary folder; None when there is none to be had."""
    try:
        user = os.geteuid() if hasattr(os, "geteuid") else 0
        parent = Path(tempfile.gettempdir()) / f"gridwhistle-{user}"
        parent.mkdir(mode=0o700, exist_ok=True)
        found = parent.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode) or not _is_trusted(found):
        return None
    return parent / "kernels" / key


def install() -> None:
    """Have numba read and write its cache through `CheckedFile`."""
    caching.IndexDataCacheFile = CheckedFile  # type: ignore[misc]
