"""A job of the dashboard's queue as it stands, and as it lies on the disk.

One small JSON file for each job, and the end that the job's process leaves beside it. What happens to jobs is
`dashboards.jobs`.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from dashboards.job_process import END
from dashboards.job_request import JobRequest
from dashboards.texts import Texts
from scenarios.flipped import put_back
from scenarios.held import Lock
from scenarios.ledger import sealed, unsealed
from scenarios.mending import set_aside
from scenarios.watch import Progress
from sim.errors import InputError
from sim.exhausted import told_of
from sim.files import write_atomically

State = Literal["queued", "running", "stopping", "finished", "interrupted", "failed"]
LOCK = "server.lock"
_EN = Texts("en")  # jobs are kept in English; `dashboards.lab.queue` says them in the reader's language
LATEST_S = 1e11
"""Seconds since the epoch beyond which no calendar here goes: some three thousand years."""
MOST_MENDED_BYTES = 16_384
"""Job files are a tenth of this; of a larger one the wrong bit is not looked for."""
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
    set_aside
        Files of its results that did not hold what was written and were set aside, relative to the folder; their runs
        were run again.
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
    set_aside: tuple[str, ...] = ()
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

    def lock(self) -> Lock:
        """Keep the queue to this server until the lock returned is closed or the process ends, however that happens.

        Raises
        ------
        InputError
            The folder cannot be written, its file system knows no locks, or another server has its queue there.
        """
        try:
            (self.root / "jobs").mkdir(parents=True, exist_ok=True)
            lock = Lock(self.root / "jobs", LOCK)
        except OSError as error:
            raise InputError(f"the folder cannot be written ({error.strerror})", file=self.root) from None
        if not lock.take():
            lock.close()
            raise InputError("another server has its queue here", file=self.root, allowed="one server for a folder")
        return lock

    def write(self, job: Job) -> None:
        """Write a job as it now is."""
        data = {
            "id": job.id, "owner": job.owner, "request": job.request.data(), "folder": str(job.folder),
            "scenarios": str(self.scenarios) if self.scenarios else None, "state": job.state, "error": job.error,
            "submitted_s": job.submitted_s, "begun_s": job.begun_s, "ended_s": job.ended_s,
            "set_aside": list(job.set_aside),
        }  # fmt: skip
        write_atomically(self.path(job.id, ".json"), sealed(data))

    def remove(self, id: str, suffixes: tuple[str, ...] = (".json", END, ".log")) -> None:
        """Remove a job's files; its results stay."""
        for suffix in suffixes:
            self.path(id, suffix).unlink(missing_ok=True)

    def read_all(self, tell: Callable[[str], None]) -> Iterator[Job]:
        """Yield the jobs of earlier servers.

        A single bit that a disk has flipped is put back; what cannot be read or is not of this form is set aside.

        Parameters
        ----------
        tell
            Hears one sentence of each file that is damaged.
        """
        for file in sorted((self.root / "jobs").glob("*.json")):
            if not _ID.fullmatch(file.stem):
                continue
            data = read_json(file)
            if not data and (data := _put_back(file)):
                tell(f"a bit of the job file {file.name} had changed and was put back")
            job = _stored(data, self.root)
            if job is not None and job.id == file.stem:
                yield job
                continue
            try:
                kept = set_aside(file).name
            except OSError:  # nothing can be written here; it stays where it is
                kept = file.name
            tell(f"the job file {file.name} cannot be read and was kept as {kept}; its results stay, ask for it again")


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
            tuple(map(str, data.get("set_aside") or ())),
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
    """How a job's process ended: its exit code (None: not known), one sentence, when, and whether it told itself.

    `set_aside` are the damaged files that it met, relative to its folder.
    """

    code: int | None
    error: str
    ended_s: float
    there: bool
    set_aside: tuple[str, ...] = ()


def end_of(file: Path, code: int | None) -> End:
    """Return what a job's process left as its end; what is missing or damaged is filled in by its exit code."""
    told = read_json(file)
    said, error, ended = told.get("exit_code"), told.get("error", ""), told.get("ended_s")
    known = type(said) is int
    when = float(ended) if isinstance(ended, int | float) and 0 <= ended < LATEST_S else time.time()
    aside = told.get("set_aside")
    return End(said if known else code, str(error), when, known, tuple(map(str, aside if type(aside) is list else ())))


def sudden_end(code: int | None) -> str:
    """Say that a process was ended by a signal that it could not answer; empty for any other end."""
    if code is None or code >= 0 or -code in (signal.SIGINT, signal.SIGTERM):
        return ""
    return _EN("web.run.reasons.signal", number=-code)


def reason_of(error: Exception) -> str:
    """Return in one sentence what went wrong: a mistake, an exhausted machine, or else the error's kind and words."""
    if isinstance(error, InputError):
        return error.sentence()
    return told_of(error) or f"{type(error).__name__}: {error}"


def read_json(file: Path) -> dict[str, Any]:
    """Return the mapping of a JSON file; empty when it is missing, cut off or not what was written."""
    try:
        found = unsealed(file.read_bytes().rstrip(b"\n"))
    except (OSError, ValueError, RecursionError):  # not there, cut off by a kill, or not ours
        return {}
    return found or {}


def _put_back(file: Path) -> dict[str, Any]:
    """Return the mapping of a file of which one bit was flipped, written again; empty when it was something else."""
    try:
        content = file.read_bytes()
        if len(content) > MOST_MENDED_BYTES:
            return {}
        right = put_back(content, lambda tried: bool(unsealed(bytes(tried).rstrip(b"\n"), checked=True)))
        if right is None:
            return {}
        write_atomically(file, right)
    except (OSError, ValueError, RecursionError):
        return {}
    return read_json(file)
