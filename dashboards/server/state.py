"""What all pages of one server share: its settings, sessions, job queue and the results it has opened.

A route finds it with :func:`state_of`. It holds handles and small caches, and draws nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from dashboards.server.access import Sessions
from dashboards.server.settings import Settings
from sim.errors import InputError

if TYPE_CHECKING:
    from dashboards.jobs import Jobs

MANIFEST = "manifest.json"
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,127}")


@dataclass
class State:
    """The server's memory.

    Attributes
    ----------
    settings
        As given at the start.
    sessions
        Who is logged in.
    jobs
        The queue of long work.
    """

    settings: Settings
    sessions: Sessions
    jobs: Jobs

    def results_folder(self, name: str) -> Path:
        """Return the folder of a run or comparison by its bare name.

        Raises
        ------
        InputError
            Not a bare name, or no such results under it.
        """
        folder = self.settings.results / name
        if not FOLDER_NAME.fullmatch(name) or not (folder / MANIFEST).is_file() or not is_experiment(folder):
            raise InputError("no results of that name", field="study", found=name, allowed="a name from the list")
        return folder

    def results_names(self) -> list[str]:
        """Return the names of the folders of all runs and comparisons, the newest first."""
        root = self.settings.results
        if not root.is_dir():
            return []
        found = [file.parent for file in root.glob(f"*/{MANIFEST}") if FOLDER_NAME.fullmatch(file.parent.name)]
        shown = [(folder, changed_s(folder)) for folder in found if is_experiment(folder)]
        return [p.name for p, when in sorted(shown, key=lambda pair: (-pair[1], pair[0].name))]


def changed_s(path: Path) -> float:
    """Return when a file or folder was changed last; 0 for one that has just gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def is_experiment(folder: Path) -> bool:
    """Whether a results folder holds a run or comparison, rather than a design of a sensitivity study."""
    try:
        changed_ns = (folder / MANIFEST).stat().st_mtime_ns
    except OSError:  # it has just gone
        return False
    return _kind(folder / MANIFEST, changed_ns) == ""


@lru_cache(maxsize=4096)
def _kind(file: Path, _: int) -> str:
    """Return what a manifest says it is; damaged ones are shown, so that their mistake can be told."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    return str(found.get("kind", "")) if isinstance(found, dict) else ""


def state_of(connection: HTTPConnection) -> State:
    """Return the state of the server that answers a request or holds a WebSocket."""
    found: State = connection.app.state.gridwhistle
    return found
