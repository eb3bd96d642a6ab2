"""Who does the runs: this process, or a local pool of processes.

A runner takes runs and yields records as they end, in any order. It knows nothing of plans and parts
(`scenarios.campaign`) nor of what a job does (`scenarios.experiment`).
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from scenarios import worker
from scenarios.runs import Record, Run
from scenarios.store import Store
from scenarios.worker import Job, Worker

CHUNK_S = 0.25  # below this a task's own cost would show
MAX_CHUNK = 500


class Stop:
    """A flag that drains a campaign: no new run begins, those under way end."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


class Runner(Protocol):
    """Does runs."""

    workers: int

    def run(self, runs: Iterable[Run], job: Job, store: Store, keep: int, stop: Stop) -> Iterator[Record]:
        """Yield a record for each run begun; after `stop` is set begin none."""
        ...


class InProcess:
    """Does one run after the other in this process."""

    workers = 1

    def run(self, runs: Iterable[Run], job: Job, store: Store, keep: int, stop: Stop) -> Iterator[Record]:
        """See `Runner`."""
        doer = Worker(job, store, keep)
        for run in runs:
            if stop:
                return
            yield doer.do(run)


class PoolError(RuntimeError):
    """The pool's processes cannot start at all."""


class Pool:
    """A local pool of processes.

    Parameters
    ----------
    workers
        Number of processes, at least 1.

    Notes
    -----
    When a process dies, `concurrent.futures` throws away all that was queued. The runs that were under way
    are then done again one by one in a fresh process each, so that the one that kills its process is found
    and named, and only that one is lost.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise ValueError("a pool needs at least one worker")
        self.workers = workers

    def run(self, runs: Iterable[Run], job: Job, store: Store, keep: int, stop: Stop) -> Iterator[Record]:
        """See `Runner`."""
        source = iter(runs)
        mean_s, pool = 0.0, self._start(job, store, keep, self.workers)
        under_way: dict[Future[list[Record]], list[Run]] = {}
        try:
            while True:
                broken = False
                while len(under_way) < 2 * self.workers and not stop and not broken:
                    chunk = list(itertools.islice(source, _chunk_size(mean_s, self.workers)))
                    if not chunk:
                        break
                    broken = not self._submit(pool, chunk, under_way)
                if not under_way:
                    return
                if not broken:
                    done, _ = wait(under_way, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in done:
                        if isinstance(future.exception(), BrokenProcessPool):
                            broken = True
                            continue
                        del under_way[future]
                        for record in future.result():
                            mean_s = record.seconds if mean_s == 0 else 0.9 * mean_s + 0.1 * record.seconds
                            yield record
                if broken:
                    window = [run for chunk in under_way.values() for run in chunk]
                    under_way.clear()
                    pool.shutdown(wait=True, cancel_futures=True)
                    yield from self._one_by_one(window, job, store, keep, stop)
                    pool = self._start(job, store, keep, self.workers)
        finally:
            _end(pool)

    @staticmethod
    def _submit(pool: ProcessPoolExecutor, chunk: list[Run], under_way: dict[Future[list[Record]], list[Run]]) -> bool:
        """Hand a chunk to the pool; False when the pool is found broken (the chunk is kept for later)."""
        try:
            under_way[pool.submit(worker.do, chunk)] = chunk
        except BrokenProcessPool:
            under_way[Future()] = chunk
            return False
        return True

    def _one_by_one(self, window: list[Run], job: Job, store: Store, keep: int, stop: Stop) -> Iterator[Record]:
        """Do the runs that were under way again, one at a time, and name the one that kills its process."""
        done = 0
        pool = self._start(job, store, keep, 1)
        try:
            for run in window:
                if stop:
                    return
                begun = time.perf_counter()
                try:
                    records = pool.submit(worker.do, [run]).result()
                    yield records[0]
                except BrokenProcessPool:
                    yield _killed(run, store, time.perf_counter() - begun)
                    pool.shutdown(wait=True, cancel_futures=True)
                    pool = self._start(job, store, keep, 1)
                done += 1
        finally:
            _end(pool)

    @staticmethod
    def _start(job: Job, store: Store, keep: int, workers: int) -> ProcessPoolExecutor:
        with _one_thread():
            pool = ProcessPoolExecutor(
                workers,
                mp_context=multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn"),
                initializer=worker.begin,
                initargs=(job, str(store.folder), keep),
            )
            try:
                pool.submit(worker.ready).result()
            except BrokenProcessPool:
                _end(pool)
                raise PoolError(
                    "the worker processes cannot start; in a script of your own, put the call under"
                    " `if __name__ == '__main__':`, or use workers=1"
                ) from None
        return pool


def _chunk_size(mean_s: float, workers: int) -> int:
    """Return how many runs go in one task, so that its cost is small beside the work (1 until a run is timed)."""
    return 1 if mean_s <= 0 else max(1, min(MAX_CHUNK, int(CHUNK_S / mean_s)))


def _killed(run: Run, store: Store, seconds: float) -> Record:
    message = "the worker process died (killed by the system, out of memory, or a crash in compiled code)"
    text = f"{message}\npolicy {run.policy}, replication {run.replication}, seed {run.seed}, run {run.run_id}\n"
    digest = store.write_failure(text)
    store.journal("campaign", "killed", run_id=run.run_id, seconds=round(seconds, 3), failure=digest)
    return Record(run, "killed", seconds, failure=digest, message=message)


def _end(pool: ProcessPoolExecutor) -> None:
    """Shut a pool down; processes still busy (after an abort) are ended."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.join(timeout=1.0)
        if process.is_alive():
            process.terminate()


class _one_thread:
    """One BLAS thread in each process started within: they share the cores by processes, not by threads."""

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in worker.ONE_THREAD}
        os.environ.update(dict.fromkeys(worker.ONE_THREAD, "1"))

    def __exit__(self, *error: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def runner_for(workers: int) -> Runner:
    """Return the runner for a number of workers: this process for 1, else a pool."""
    return InProcess() if workers <= 1 else Pool(workers)
