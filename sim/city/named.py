"""Which fields of a city section name files, and the files they name.

A city may be *called* like a path; only the fields listed here are ever looked up on the disk. Reading is the readers'.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.city.shared import located
from sim.errors import InputError

FILE_FIELDS = ("admin_tree", "facilities", "file", "folder", "path")
MOST_FILES = 5000


def with_files(section: Any, change: Callable[[str], Any]) -> Any:
    """Return a city section with every text that names a file or folder changed."""
    if not isinstance(section, dict):
        return section
    return {
        key: change(value) if key in FILE_FIELDS and isinstance(value, str) and value else with_files(value, change)
        for key, value in section.items()
    }


def named_files(text: str, base: Path) -> list[Path]:
    """Return the files that a text of a city section names, those in its folder included; none where nothing is.

    Raises
    ------
    InputError
        A folder with so many files that it cannot be a city's.
    """
    path = located(base, text)
    if not os.path.exists(path):  # unlike Path.exists, also for names that no file can have
        return []
    found = []
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            found.append(file)
        if len(found) > MOST_FILES:
            raise InputError("the folder holds too many files to be a city", file=path, allowed=f"{MOST_FILES:,} files")
    return sorted(found)
