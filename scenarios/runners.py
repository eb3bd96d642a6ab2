"""Who does the runs: this process, or a local pool of processes.

A runner takes runs and yields records as they end, in any order. It knows nothing of plans and parts
(`scenarios.campaign`) nor of what a job does (`scenarios.experiment`).
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable
from typing import Protocol

from scenarios.limits import Limits
from scenarios.runs import Record, Run
from scenarios.store import Store
from scenarios.worker import Job, Worker


class Stop:
    """A flag that drains a campaign: no new run begins, those under way end."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


class Runner(Protocol):
    """Does runs."""

    workers: int

    def run(self, runs: Iterable[Run], job: Job, store: Store, keep: int, stop: Stop) -> Generator[Record]:
        """Yield a record for each run begun; after `stop` is set begin none."""
        ...


class InProcess:
    """Does one run after the other in this process; nobody is there to end a run that hangs."""

    workers = 1

    def run(self, runs: Iterable[Run], job: Job, store: Store, keep: int, stop: Stop) -> Generator[Record]:
        """See `Runner`."""
        doer = Worker(job, store, keep)
        for run in runs:
            if stop:
                return
            yield doer.do(run)


class FirstHere:
    """Does the first run in this process and leaves the others to another runner.

    So what is compiled on first use is on the disk before several processes need it at once.
    """

    def __init__(self, others: Runner) -> None:
        self.others, self.workers = others, others.workers

    def run(self, runs: Iterable[Run], job: Job, store: Store, keep: int, stop: Stop) -> Generator[Record]:
        """See `Runner`."""
        source = iter(runs)
        yield from InProcess().run(itertools.islice(source, 1), job, store, keep, stop)
        yield from self.others.run(source, job, store, keep, stop)


def runner_for(workers: int, limits: Limits | None = None) -> Runner:
    """Return the runner for a number of workers.

    Parameters
    ----------
    workers
        1 without limits runs in this process; otherwise a pool of so many processes.
    limits
        What a run may use; given with one worker, a pool of one process, since a process cannot end itself.
        Without, several workers have the derived limits of `scenarios.limits.Limits`.
    """
    from scenarios.pool import Pool

    return InProcess() if workers <= 1 and limits is None else Pool(max(1, workers), limits)
