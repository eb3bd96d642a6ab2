"""The dashboard's queue: campaigns of several users, each in a process group of its own, a bounded number at once.

The store of jobs is what lies on the disk: a small JSON file for each job, the results folder with its journal,
and the end that the job's process leaves behind (`dashboards.job_process`). So a server that starts again finds
finished, interrupted and waiting jobs. Nothing here draws or computes; what a user may ask for is
`dashboards.job_request`.
"""

from __future__ import annotations

import logging
import secrets
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dashboards.job_files import Event, Job, JobFiles, State, end_of, reason_of, sudden_end
from dashboards.job_process import END, UNWRITTEN
from dashboards.job_request import JobRequest
from dashboards.job_start import end_group, let_go, signal_to, started
from dashboards.texts import Texts
from dashboards.texts.mistakes import sentence
from scenarios.held import held_by
from scenarios.watch import progress
from sim.errors import InputError

WAITING_EACH = 20
WAITING_ALL = 200
LOOK_S = 0.2
GRACE_S = 20.0
_EVENTS = 1_000
_DRAINED = (130, 143)
MOST_REASON = 400
log = logging.getLogger("gridwhistle.jobs")
_EN = Texts("en")  # jobs are kept in English; `dashboards.lab.queue` says them in the reader's language


__all__ = ["Event", "Job", "JobRequest", "Jobs", "NotAllowed", "State"]


@dataclass(frozen=True)
class Health:
    """How many faults the queue has met, the last one in words, and when (seconds since the epoch)."""

    faults: int = 0
    last: str = ""
    last_s: float = 0.0


class NotAllowed(Exception):
    """Somebody wants to change a job that is another's."""


class Jobs:
    """A queue of campaigns; safe to use from several threads.

    Parameters
    ----------
    root
        Folder of the results; the queue's own files go to ``root/jobs``.
    concurrent
        Jobs that run at once, each with as many processes as it asks for.
    scenarios
        Folder of the scenarios that users have added (None: only the library).

    Raises
    ------
    InputError
        The folder cannot be written, or another server uses it.
    """

    def __init__(self, root: Path | str, concurrent: int = 1, scenarios: Path | str | None = None) -> None:
        if concurrent < 1:
            raise InputError("impossible number", field="concurrent", found=concurrent, allowed="at least 1")
        self.root = Path(root).resolve()
        self.scenarios = Path(scenarios).resolve() if scenarios is not None else None
        self.concurrent = concurrent
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._numbers = 0
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self._unwritten: set[str] = set()
        self._health = Health()
        self._files = JobFiles(self.root, self.scenarios)
        self._lock = self._files.lock()
        self._jobs = {job.id: job for job in self._files.read_all(lambda said: self._note(InputError(said), "start"))}
        self._thread = threading.Thread(target=self._work, daemon=True, name="jobs")
        self._thread.start()

    # what users do

    def submit(self, request: JobRequest, owner: str) -> Job:
        """Check a request and put it into the queue.

        Raises
        ------
        InputError
            For any mistake in the request, or when too much is waiting already.
        """
        _check_owner(owner)
        made = request.experiment(self.scenarios)
        with self._changed:
            waiting = [job for job in self._jobs.values() if job.state == "queued"]
            mine = sum(job.owner == owner for job in waiting)
            if len(waiting) >= WAITING_ALL or mine >= WAITING_EACH:
                raise InputError(
                    "too many jobs are waiting", field="queue", found=f"{mine} of yours, {len(waiting)} in all",
                    allowed=f"{WAITING_EACH} of one user, {WAITING_ALL} in all",
                )  # fmt: skip
            name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
            job = Job(name, owner, request, made.default_folder(self.root), submitted_s=time.time())
            self._write_first(job)
            self._put(job)
            return self._seen(job)

    def list(self, owner: str | None = None) -> list[Job]:
        """Return the jobs, the latest first; of one owner when given."""
        with self._changed:
            found = [self._seen(job) for job in self._jobs.values() if owner is None or job.owner == owner]
        return sorted(found, key=lambda job: (job.submitted_s, job.id), reverse=True)

    def get(self, id: str) -> Job | None:
        """Return a job; None when there is none of that id."""
        with self._changed:
            job = self._jobs.get(id)
            return self._seen(job) if job is not None else None

    def cancel(self, id: str, by: str, anybodys: bool = False) -> bool:
        """Take a waiting job out of the queue, or have a running one drain: what has ended stays, it can be resumed.

        Parameters
        ----------
        by
            Who asks for it.
        anybodys
            Whether they may change the jobs of others.

        Returns
        -------
        bool
            False when there is no such job, or it has ended.

        Raises
        ------
        NotAllowed
            The job is another's.
        """
        with self._changed:
            job = self._own(id, by, anybodys)
            if job is None or job.state not in ("queued", "running", "stopping"):
                return False
            if job.state == "queued":
                self._forget(job, "cancelled")
                return True
            process = self._processes.get(id)
            if job.state == "running" and process is not None:
                signal_to(process, signal.SIGTERM)
                self._put(replace(job, state="stopping"))
            return True

    def resume(self, id: str, by: str, anybodys: bool = False) -> bool:
        """Put a job that was interrupted or failed into the queue again; nothing finished is done twice.

        Returns
        -------
        bool
            False when there is no such job, or nothing to resume.

        Raises
        ------
        NotAllowed
            The job is another's.
        """
        with self._changed:
            job = self._own(id, by, anybodys)
            if job is None or job.state not in ("interrupted", "failed"):
                return False
            again = replace(
                job, state="queued", begun_s=0.0, ended_s=0.0, error="", set_aside=(), submitted_s=time.time()
            )
            self._write_first(again)
            self._files.remove(id, (END,))
            self._put(again)
            return True

    def forget(self, id: str, by: str, anybodys: bool = False) -> bool:
        """Take an ended job off the list; its results stay.

        Returns
        -------
        bool
            False when there is no such job, or it has not ended.

        Raises
        ------
        NotAllowed
            The job is another's.
        """
        with self._changed:
            job = self._own(id, by, anybodys)
            if job is None or job.state not in ("finished", "interrupted", "failed"):
                return False
            self._forget(job, "forgotten")
            return True

    def events(self, since: int = 0, timeout_s: float = 0.0) -> Sequence[Event]:
        """Return the events after a number; wait for one when there is none yet."""
        with self._changed:
            if timeout_s > 0:
                self._changed.wait_for(lambda: self._numbers > since or self._closed, timeout_s)
            return [event for event in self._events if event.number > since]

    def close(self, grace_s: float = GRACE_S) -> None:
        """Have running jobs drain and end them when that takes too long; called when the server stops."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=5.0)
        for process in self._processes.values():
            signal_to(process, signal.SIGTERM)
        until = time.monotonic() + grace_s
        for process in self._processes.values():
            try:
                process.wait(max(0.05, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                end_group(process)
        with self._changed:
            self._collect()
            self._write_again()
        self._lock.close()

    def health(self) -> dict[str, Any]:
        """Return whether the queue is at work, and what went wrong in it: for monitors."""
        return {
            "alive": self._thread.is_alive(), "faults": self._health.faults, "last_fault": self._health.last,
            "last_fault_s": self._health.last_s, "unwritten": len(self._unwritten),
        }  # fmt: skip

    # the thread that starts and collects

    def _work(self) -> None:
        """Collect and start until the queue is closed; whatever goes wrong ends one job at most, never this thread."""
        while True:
            with self._changed:
                if self._closed:
                    return
                for step in (self._collect, self._start_next, self._write_again):
                    try:
                        step()
                    except Exception as error:  # noqa: BLE001  told by /health and in the log; the queue goes on
                        self._note(error, step.__name__.strip("_"))
                busy = any(job.state in ("running", "stopping") for job in self._jobs.values())
                self._changed.wait(LOOK_S if busy else 2.0)

    def _collect(self) -> None:
        """Take note of the jobs that have ended."""
        for job in [job for job in self._jobs.values() if job.state in ("running", "stopping")]:
            try:
                self._collect_one(job)
            except Exception as error:  # noqa: BLE001  this job ends with its reason, the others go on
                self._fail(job, error)

    def _collect_one(self, job: Job) -> None:
        process = self._processes.get(job.id)
        if process is not None and process.poll() is None:
            return
        if (
            process is None and held_by(job.folder) is not None
        ):  # a process that an earlier server left is still draining
            return
        if process is not None:
            let_go(process)
            del self._processes[job.id]
        self._put(self._ended(job, process.returncode if process is not None else None))

    def _fail(self, job: Job, error: Exception) -> None:
        """End a job by what went wrong with it in the queue."""
        self._note(error, f"job {job.id}")
        process = self._processes.pop(job.id, None)
        if process is not None:
            signal_to(process, signal.SIGTERM)
        self._put(replace(job, state="failed", error=_reason(error, job)[:MOST_REASON], ended_s=time.time()))

    def _note(self, error: Exception, where: str) -> None:
        self._health = Health(self._health.faults + 1, f"{where}: {reason_of(error)}"[:MOST_REASON], time.time())
        log.error("the queue met a fault (%s): %s", where, reason_of(error))

    def _ended(self, job: Job, code: int | None) -> Job:
        """Return an ended job with the state that its process told, or that can be told without it."""
        told = end_of(self._files.path(job.id, END), code)
        job = replace(job, set_aside=told.set_aside)
        if told.code == 0 or (told.code == 1 and not told.error and told.there):
            return replace(job, state="finished", error=told.error, ended_s=told.ended_s)
        if told.code is None or told.code in _DRAINED or told.code < 0:
            error = told.error or sudden_end(told.code)
            if error and not self._closed:
                self._note(InputError(error), f"job {job.id}")
            return replace(job, state="interrupted", error=error, ended_s=told.ended_s)
        error = told.error or _EN("web.run.reasons.ended", code=told.code, file=self._files.path(job.id, ".log"))
        if told.code == UNWRITTEN:
            error = _EN("web.run.reasons.unwritten")
        self._note(InputError(error), f"job {job.id}")
        return replace(job, state="failed", error=error, ended_s=told.ended_s)

    def _start_next(self) -> None:
        active = [job for job in self._jobs.values() if job.state in ("running", "stopping")]
        taken = {job.folder for job in active}
        for job in self._queue():
            if len(active) >= self.concurrent:
                return
            try:
                if job.folder in taken or held_by(job.folder) is not None:
                    continue
                process = started(self._files, job.id)
            except Exception as error:  # noqa: BLE001  a damaged folder, no handles left: this job ends, the next goes on
                self._fail(job, error)
                continue
            begun = replace(job, state="running", begun_s=time.time())
            self._processes[job.id] = process
            self._put(begun)
            active.append(begun)
            taken.add(job.folder)

    def _queue(self) -> Sequence[Job]:
        waiting = [job for job in self._jobs.values() if job.state == "queued"]
        return sorted(waiting, key=lambda job: (job.submitted_s, job.id))

    # what lies on the disk

    def _write_first(self, job: Job) -> None:
        """Write what a user asks for before it is believed.

        Raises
        ------
        InputError
            It cannot be written; nothing has changed.
        """
        try:
            self._files.write(job)
        except OSError as error:
            raise InputError(f"the job cannot be written ({error.strerror})", file=self.root) from None

    def _put(self, job: Job) -> None:
        """Keep a job as it now is, in memory and on the disk, and tell those who wait.

        What happened to a job has happened whether or not the disk takes it; it is written as soon as it can be.
        """
        before = self._jobs.get(job.id)
        self._jobs[job.id] = job
        self._unwritten.discard(job.id)
        try:
            self._files.write(job)
        except OSError as error:
            self._unwritten.add(job.id)
            self._note(error, f"job {job.id} is not written")
        if before is None or before.state != job.state:
            self._tell(job.id, job.state)

    def _write_again(self) -> None:
        """Write what the disk has not taken so far."""
        for id in list(self._unwritten):
            try:
                if id in self._jobs:
                    self._files.write(self._jobs[id])
            except OSError:
                return  # told when it happened first; tried again at the next look
            self._unwritten.discard(id)

    def _tell(self, id: str, state: str) -> None:
        self._numbers += 1
        self._events.append(Event(self._numbers, time.time(), id, state))
        self._changed.notify_all()

    def _forget(self, job: Job, state: str) -> None:
        del self._jobs[job.id]
        self._unwritten.discard(job.id)
        self._files.remove(job.id)
        self._tell(job.id, state)

    # small helpers

    def _seen(self, job: Job) -> Job:
        """Return a job with its progress and its place in the queue."""
        if job.state == "queued":
            return replace(job, position=1 + [other.id for other in self._queue()].index(job.id))
        try:
            if not (job.folder / "manifest.json").is_file():
                return job
            return replace(job, progress=progress(job.folder, since=job.begun_s))
        except Exception as error:  # noqa: BLE001  damaged results spoil this row alone
            told = _EN("web.run.reasons.unread", reason=_reason(error, job))
            return replace(job, error=(job.error or told)[:MOST_REASON])

    def _own(self, id: str, by: str, anybodys: bool) -> Job | None:
        job = self._jobs.get(id)
        if job is not None and job.owner != by and not anybodys:
            raise NotAllowed(f"job {id} is another user's")
        return job


def _reason(error: Exception, job: Job) -> str:
    """Return what went wrong in one sentence, a mistake in the language of who sent the job."""
    return sentence(error, job.request.lang) if isinstance(error, InputError) else reason_of(error)


def _check_owner(owner: str) -> None:
    if not (isinstance(owner, str) and 0 < len(owner) <= 60 and owner.isprintable()):
        raise InputError("a name cannot be used", field="owner", found=owner, allowed="1 to 60 printable characters")
