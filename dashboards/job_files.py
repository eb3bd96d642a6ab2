"""A job of the dashboard's queue as it stands, and as it lies on the disk.

One small JSON file for each job, and the end that the job's process leaves beside it. What happens to jobs is
`dashboards.jobs`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, get_args

from dashboards.job_process import END
from dashboards.job_request import JobRequest
from scenarios.store import locked
from scenarios.watch import Progress
from sim.errors import InputError
from sim.files import write_atomically

State = Literal["queued", "running", "stopping", "finished", "interrupted", "failed"]
LOCK = "server.lock"
LATEST_S = 1e11
"""Seconds since the epoch beyond which no calendar here goes: some three thousand years."""
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


@dataclass(frozen=True)
class Job:
    """One job as it stands.

    Attributes
    ----------
    id, owner, request
        Its name; who submitted it; what was asked for.
    folder
        Where its results go; equal requests share a folder, and what is done there counts.
    state
        ``queued``, ``running``, ``stopping`` (draining), ``finished``, ``interrupted`` (can be resumed) or
        ``failed`` (see `error`; single runs that failed do not make a job fail, they are in `progress`).
    submitted_s, begun_s, ended_s
        Seconds since the epoch; 0 for what has not happened.
    error
        One sentence, empty when all is well.
    progress
        How far its campaign is.
    position
        Place in the queue from 1; 0 when it is not waiting.
    """

    id: str
    owner: str
    request: JobRequest
    folder: Path
    state: State = "queued"
    submitted_s: float = 0.0
    begun_s: float = 0.0
    ended_s: float = 0.0
    error: str = ""
    progress: Progress = field(default_factory=Progress)
    position: int = 0


@dataclass(frozen=True)
class Event:
    """A job entered a state; `number` counts the events of this server from 1."""

    number: int
    time_s: float
    job: str
    state: str


class JobFiles:
    """The files of a queue.

    Parameters
    ----------
    root
        Folder of the results; the queue's own files go to ``root/jobs``.
    scenarios
        Folder of the scenarios that users have added; every job's process is told it.
    """

    def __init__(self, root: Path, scenarios: Path | None) -> None:
        self.root, self.scenarios = root, scenarios

    def path(self, id: str, suffix: str) -> Path:
        """Return the path of one of a job's files: ``.json``, ``.log`` or the end."""
        return self.root / "jobs" / f"{id}{suffix}"

    def lock(self) -> IO[str]:
        """Keep the queue to this server until the file returned is closed or the process ends, however that happens.

        Raises
        ------
        InputError
            The folder cannot be written, or another server has its queue there.
        """
        try:
            (self.root / "jobs").mkdir(parents=True, exist_ok=True)
            lock = (self.root / "jobs" / LOCK).open("a", encoding="utf-8")
        except OSError as error:
            raise InputError(f"the folder cannot be written ({error.strerror})", file=self.root) from None
        if not locked(lock):
            lock.close()
            raise InputError("another server has its queue here", file=self.root, allowed="one server for a folder")
        return lock

    def write(self, job: Job) -> None:
        """Write a job as it now is."""
        data = {
            "id": job.id, "owner": job.owner, "request": job.request.data(), "folder": str(job.folder),
            "scenarios": str(self.scenarios) if self.scenarios else None, "state": job.state, "error": job.error,
            "submitted_s": job.submitted_s, "begun_s": job.begun_s, "ended_s": job.ended_s,
        }  # fmt: skip
        write_atomically(self.path(job.id, ".json"), json.dumps(data, ensure_ascii=False, indent=1).encode())

    def remove(self, id: str, suffixes: tuple[str, ...] = (".json", END, ".log")) -> None:
        """Remove a job's files; its results stay."""
        for suffix in suffixes:
            self.path(id, suffix).unlink(missing_ok=True)

    def read_all(self) -> Iterator[Job]:
        """Yield the jobs of earlier servers; files that are cut off or not of this form are left out."""
        for file in sorted((self.root / "jobs").glob("*.json")):
            job = _stored(read_json(file), self.root) if _ID.fullmatch(file.stem) else None
            if job is not None and job.id == file.stem:
                yield job


def _stored(data: Mapping[str, Any], root: Path) -> Job | None:
    """Return the job of a file; None when the file is cut off or not one of ours."""
    try:
        folder = Path(data["folder"])
        if folder.resolve().parent != root:  # the results have moved together with their queue
            folder = root / folder.name
        if data["state"] not in get_args(State) or not all(isinstance(data[k], str) for k in ("id", "owner", "error")):
            return None
        return Job(
            data["id"], data["owner"], JobRequest.of(data["request"]), folder, data["state"],
            *(_moment(data[k]) for k in ("submitted_s", "begun_s", "ended_s")), data["error"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError, InputError):
        return None


def _moment(value: Any) -> float:
    """Return seconds since the epoch as a file holds them.

    Raises
    ------
    ValueError
        No number, or no time that a calendar has.
    """
    found = float(value)
    if not 0.0 <= found < LATEST_S:
        raise ValueError
    return found


@dataclass(frozen=True)
class End:
    """How a job's process ended: its exit code (None: not known), one sentence, when, and whether it told itself."""

    code: int | None
    error: str
    ended_s: float
    there: bool


def end_of(file: Path, code: int | None) -> End:
    """Return what a job's process left as its end; what is missing or damaged is filled in by its exit code."""
    told = read_json(file)
    said, error, ended = told.get("exit_code"), told.get("error", ""), told.get("ended_s")
    known = type(said) is int
    when = float(ended) if isinstance(ended, int | float) and 0 <= ended < LATEST_S else time.time()
    return End(said if known else code, str(error), when, known)


def read_json(file: Path) -> dict[str, Any]:
    """Return the mapping of a JSON file; empty when it is missing or cut off."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):  # not there, cut off by a kill, or not ours
        return {}
    return found if isinstance(found, dict) else {}
