"""What happens to a run in the process that does it: time it, keep its tables, never let it escape.

A job that raises becomes a failed record with its traceback; the campaign goes on. `serve` is the body of a
pool's process; who starts, feeds, watches and ends such processes is `scenarios.pool`.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from scenarios.runs import Outcome, Record, Run
from scenarios.store import Store
from sim.errors import InputError
from sim.exhausted import is_exhausted

Job = Callable[[Run, bool], Outcome]
"""Does one run; the flag says whether its tables are to be kept. Must be picklable for a pool.

A job may have a method ``ready()``: it is called once in each process of a pool before the first run, and what it
takes (reading a city, loading compiled code) counts for no run's wall limit. It may name, as ``modules``, what to
import before processes part, so that they share it and a lost one is quickly replaced.
"""

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
SEND_S = 0.05  # records of shorter runs are sent together
INDEX, BEGAN, STOP = 0, 1, 2
"""Slots of the numbers shared with the parent: row of the chunk under way (-1: none), when it began on the
monotonic clock, and whether to begin no more runs. They are readable even while compiled code holds the
interpreter, when the process could send no message."""
_PDEATHSIG = 1


class Worker:
    """Does runs in this process and writes what they leave behind, scalars excepted."""

    def __init__(self, job: Job, store: Store, keep: int) -> None:
        self.job, self.store, self.keep = job, store, keep
        self.source = f"worker-{os.getpid()}"

    def do(self, run: Run) -> Record:
        """Do one run; what it raises is recorded, except mistakes of input, which stop the campaign."""
        self.store.journal(self.source, "started", run_id=run.run_id, policy=run.policy, replication=run.replication)
        begun = time.perf_counter()
        try:
            outcome = self.job(run, run.replication < self.keep)
            for name, table in outcome.tables.items():
                self.store.write_kept(run, name, table)
        except InputError:
            raise
        except Exception as error:
            if is_exhausted(error):  # not the run's fault: the next one would meet it too
                raise
            return self._failed(run, error, time.perf_counter() - begun)
        record = Record(run, "ok", time.perf_counter() - begun, peak_memory_mb(), outcome.measures)
        self.store.journal(self.source, "ok", run_id=run.run_id, seconds=round(record.seconds, 6))
        return record

    def _failed(self, run: Run, error: Exception, seconds: float) -> Record:
        digest = self.store.write_failure("".join(traceback.format_exception(error)))
        message = f"{type(error).__name__}: {error}"[:200]
        self.store.journal(
            self.source, "failed", run_id=run.run_id, policy=run.policy, replication=run.replication,
            seconds=round(seconds, 6), failure=digest, message=message,
        )  # fmt: skip
        return Record(run, "failed", seconds, peak_memory_mb(), failure=digest, message=message)


def peak_memory_mb() -> float:
    """Return the peak memory of this process so far, MB (0 where the system does not say)."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def make_ready(job: Job) -> None:
    """Let a job load what all its runs share."""
    prepare = getattr(job, "ready", None)
    if prepare is not None:
        prepare()


def serve(job: Job, folder: str, keep: int, parent: Connection, shared: Any, stack: str) -> None:
    """Do the chunks that the parent sends until it closes the connection; the body of a pool's process.

    Messages to the parent are pairs: ``("ready", None)`` once, ``("records", [...])`` as runs end,
    ``("done", [...])`` at a chunk's end, ``("mistake", error)`` for a mistake of input, and ``("unable", text)``
    when the job cannot get ready.

    Parameters
    ----------
    shared
        Three numbers, see `INDEX`.
    stack
        File to which the interpreter writes where it stands when it crashes or is asked by SIGUSR1.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
    with Path(stack).open("w", encoding="utf-8") as stream:
        _tell_where(stream)
        try:
            doer = Worker(job, Store.open(Path(folder)), keep)
            if not _ready(job, parent):
                return
            while True:
                parent.send(("done", _chunk(doer, parent.recv(), parent, shared)))
        except InputError as mistake:
            parent.send(("mistake", mistake))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the parent wants no more
        except OSError as error:
            with contextlib.suppress(OSError):  # another may have said so first
                parent.send(("exhausted", error))


def _ready(job: Job, parent: Connection) -> bool:
    """Make ready and tell the parent so, or why not."""
    try:
        make_ready(job)
    except (InputError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the parent names it and stops
        parent.send(("unable", "".join(traceback.format_exception(error))))
        return False
    parent.send(("ready", None))
    return True


def _chunk(doer: Worker, runs: Sequence[Run], parent: Connection, shared: Any) -> list[Record]:
    """Do a chunk; return the records not sent yet."""
    records: list[Record] = []
    since = time.monotonic()
    for index, run in enumerate(runs):
        if shared[STOP]:
            break
        shared[BEGAN] = now = time.monotonic()  # before the index: a new run is never blamed for an old one's time
        shared[INDEX] = index
        if records and now - since > SEND_S:
            parent.send(("records", records))
            records, since = [], now
        records.append(doer.do(run))
    shared[INDEX] = -1
    return records


def _tell_where(stream: Any) -> None:
    """Have the interpreter write its stack on a crash, and on SIGUSR1 even while compiled code runs."""
    faulthandler.enable(stream, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, stream, all_threads=False, chain=False)


def die_with_parent() -> None:
    """End this process when the one that started the pool ends, even by a kill.

    A thread waits for the parent's end (works everywhere, but not while compiled code holds the interpreter);
    on Linux the kernel is asked as well.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end-with-parent").start()
