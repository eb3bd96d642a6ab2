"""What happens to a run in the process that does it: time it, keep its tables, never let it escape.

A job that raises becomes a failed record with its traceback; the campaign goes on. The pool that starts
these processes is `scenarios.runners`.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from scenarios.runs import Outcome, Record, Run
from scenarios.store import Store
from sim.errors import InputError

Job = Callable[[Run, bool], Outcome]
"""Does one run; the flag says whether its tables are to be kept. Must be picklable for a pool."""

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
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
        except Exception as error:  # noqa: BLE001  a run may fail in any way; the traceback is kept and reported
            return self._failed(run, error, time.perf_counter() - begun)
        record = Record(run, "ok", time.perf_counter() - begun, peak_memory_mb(), outcome.measures)
        self.store.journal(self.source, "ok", run_id=run.run_id, seconds=round(record.seconds, 6))
        return record

    def _failed(self, run: Run, error: Exception, seconds: float) -> Record:
        digest = self.store.write_failure("".join(traceback.format_exception(error)))
        message = f"{type(error).__name__}: {error}"[:200]
        self.store.journal(
            self.source, "failed", run_id=run.run_id, seconds=round(seconds, 6), failure=digest, message=message
        )
        return Record(run, "failed", seconds, peak_memory_mb(), failure=digest, message=message)


def peak_memory_mb() -> float:
    """Return the peak memory of this process so far, MB (0 where the system does not say)."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


_worker: Worker | None = None


def begin(job: Job, folder: str, keep: int) -> None:
    """Make a pool's process ready: deaf to Ctrl-C, bound to its parent's life, job at hand."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
    _worker = Worker(job, Store.open(Path(folder)), keep)


def do(runs: Sequence[Run]) -> list[Record]:
    """Do a chunk of runs in a pool's process."""
    if _worker is None:
        raise RuntimeError("the process was not made ready")
    return [_worker.do(run) for run in runs]


def ready() -> int:
    """Return this process's id; shows that processes can start."""
    return os.getpid()


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
