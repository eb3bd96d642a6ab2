"""Where computed tables and cities are kept between runs, and how much of them.

A cache only ever saves time: everything in it can be computed again, and it is cleared oldest first.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from platformdirs import user_cache_path

LIMIT_BYTES = 4 * 2**30
"""Bytes kept per kind of thing."""


def cache_folder(kind: str) -> Path:
    """Return the folder of one kind of kept things.

    Parameters
    ----------
    kind
        Such as "travel" or "cities".

    Returns
    -------
    pathlib.Path
        Under ``GRIDWHISTLE_CACHE`` when that is set, else under the user's cache folder. It need not exist.
    """
    given = os.environ.get("GRIDWHISTLE_CACHE")
    return (Path(given) if given else user_cache_path("gridwhistle", appauthor=False)) / kind


def prune(folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """Remove the oldest entries of a cache folder until the rest fits; the newest always stays.

    Another process may be clearing the same folder: what is already gone is no fault.
    """
    entries = []
    for entry in folder.iterdir():
        try:
            entries.append((entry.stat().st_mtime_ns, _size(entry), entry))
        except OSError:
            continue
    kept = 0
    for rank, (_, size, entry) in enumerate(sorted(entries, key=lambda e: e[0], reverse=True)):
        kept += size
        if rank and kept > limit_bytes:
            _remove(entry)


def _size(entry: Path) -> int:
    if entry.is_dir():
        return sum(file.stat().st_size for file in entry.iterdir())
    return entry.stat().st_size


def _remove(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
