"""Watching and stopping a campaign from another process.

Everything is read from the results folder: the journal tells how far the campaign is, the lock whether a process
is still at work. A campaign that was killed is recognised by its lock being free.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.ledger import unsealed
from scenarios.store import Store
from sim.errors import InputError

TELLING = ("begun", "running", "interrupted", "broken_off", "finished")
_TAIL = 65_536


@dataclass(frozen=True)
class Progress:
    """How far a campaign is.

    Attributes
    ----------
    done, failed, planned
        Runs finished well (earlier calls included), runs that failed in the last call, runs in the plan.
    state
        ``new`` (nothing begun), ``running``, ``finished`` (all runs have ended), ``interrupted`` (stopped or killed;
        the same call goes on from there) or ``broken_off`` (an error, see `last_error`).
    eta_s
        Seconds until the end at the speed of this call; None while nothing has ended, 0 when not running.
    last_error
        Who failed last and why; empty when nobody did.
    pid, workers
        Process at work (0: none) and the number of its workers.
    seconds
        Wall time of the last call so far.
    """

    done: int = 0
    failed: int = 0
    planned: int = 0
    state: str = "new"
    eta_s: float | None = None
    last_error: str = ""
    pid: int = 0
    workers: int = 0
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """Share of the planned runs that have ended, 0 to 1."""
        return (self.done + self.failed) / self.planned if self.planned else 0.0


def progress(folder: Path | str, since: float = 0.0) -> Progress:
    """Return how far the campaign in a results folder is.

    Parameters
    ----------
    since
        Seconds since the epoch; what the journal tells of earlier times is left out.

    Raises
    ------
    InputError
        The folder holds no results.
    """
    store = Store.open(folder)
    told = _last(store.folder / "journal" / "campaign.jsonl", since)
    if told is None:
        return Progress()
    state, pid = str(told["event"]), store.held_by() or 0
    if state in ("begun", "running"):
        state = "running" if pid else "interrupted"
    passed = told["seconds"] + (max(0.0, time.time() - told["time"]) if state == "running" else 0.0)
    eta = _eta(told, passed) if state == "running" else 0.0
    return Progress(
        told["before"] + told["ok"], told["failed"], told["planned"], state, eta, told["last_error"], pid,
        told["workers"], passed,
    )  # fmt: skip


def _eta(told: dict[str, Any], passed: float) -> float | None:
    ended = told["ok"] + told["failed"]
    if not ended:
        return None
    whole = (told["planned"] - told["before"]) * told["seconds"] / ended
    return max(0.0, whole - passed)


def set_aside(folder: Path | str) -> list[str]:
    """Return the files of a results folder that did not hold what was written and were set aside, as its journal tells.

    Returns
    -------
    list of str
        Relative to the folder, in the order in which they were found; each once.
    """
    try:
        lines = (Path(folder) / "journal" / "campaign.jsonl").read_bytes().split(b"\n")
    except OSError:  # no campaign has begun
        return []
    entries = [entry for line in lines if b'"damaged"' in line and (entry := unsealed(line)) is not None]
    return list(dict.fromkeys(str(entry.get("file")) for entry in entries if entry.get("event") == "damaged"))


def cancel(folder: Path | str) -> bool:
    """Ask the process at work in a results folder to stop: runs under way end, everything finished is stored.

    Returns
    -------
    bool
        False when no process is at work there.
    """
    pid = Store.open(folder).held_by()
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:  # it ended in this very moment
        return False
    except PermissionError:
        raise InputError("the process belongs to somebody else", file=folder, found=f"process {pid}") from None
    return True


def _last(file: Path, since: float) -> dict[str, Any] | None:
    """Return the last line by which a campaign tells how far it is; only the file's end is read."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _TAIL))
            lines = stream.read().split(b"\n")
    except FileNotFoundError:
        return None
    for text in reversed(lines):
        line = unsealed(text)
        if line is None:  # cut off by the tail's beginning or by a kill, or changed
            continue
        if line.get("event") in TELLING and "planned" in line:
            return line if line["time"] >= since else None
    return None
