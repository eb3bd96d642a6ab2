"""A campaign: a plan of runs carried out so that nothing finished is lost or done twice.

It knows the plan, the store and a runner, and nothing of models: the job to do is given. Resuming is an
anti-join of plan and parts. Order is interleaved over arms, so that whatever is finished is balanced.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from scenarios.runners import Runner, Stop
from scenarios.runs import Record, Run
from scenarios.store import Store
from scenarios.worker import Job

PART_RUNS = 500
PART_S = 10.0
Progress = Callable[[int, int, Record | None], None]
"""Called with runs ended, runs planned, and the last record (None at the start)."""


class Interrupted(Exception):
    """The campaign was asked to stop; all that had ended is stored.

    Attributes
    ----------
    exit_code
        128 + signal number: 130 after Ctrl-C.
    """

    def __init__(self, number: int, done: int, total: int) -> None:
        self.exit_code, self.done, self.total = 128 + number, done, total
        super().__init__(f"interrupted; {done} of {total} runs are stored")


@dataclass
class Summary:
    """How a campaign ended.

    Attributes
    ----------
    planned, before, ok
        Runs in the plan; found done already; done now.
    failures
        Records of runs that raised or killed their process.
    seconds
        Wall time of this call.
    """

    planned: int
    before: int
    ok: int = 0
    failures: list[Record] = field(default_factory=list)
    seconds: float = 0.0


def interleaved(arms: Sequence[Callable[[int], Run]], replications: range) -> Iterator[Run]:
    """Yield the runs of all arms of replication 0, then of 1, and so on."""
    for replication in replications:
        for arm in arms:
            yield arm(replication)


def execute(
    plan: Sequence[Run], job: Job, store: Store, runner: Runner, *, keep: int = 0, progress: Progress | None = None
) -> Summary:
    """Do the runs of a plan that are not done yet.

    Parameters
    ----------
    plan
        Runs in the order to be done; appended to the stored plan where new.
    job
        Does one run.
    keep
        Tables are kept of replications below this number.
    progress
        Called after each run.

    Returns
    -------
    Summary
        What was done; runs that failed before are tried again on every call.

    Raises
    ------
    Interrupted
        After Ctrl-C or a termination signal, once the runs under way have ended and are stored.
    """
    store.write_plan(plan)
    done = store.done()
    left = [run for run in plan if run.run_id not in done]
    summary = Summary(len(plan), len(plan) - len(left))
    begun = time.perf_counter()
    if progress is not None:
        progress(summary.before, summary.planned, None)
    with _signals() as stop, _Writer(store) as writer:
        for record in runner.run(left, job, store, keep, stop):
            writer.add(record)
            if record.state == "ok":
                summary.ok += 1
            else:
                summary.failures.append(record)
            if progress is not None:
                progress(summary.before + summary.ok + len(summary.failures), summary.planned, record)
    summary.seconds = time.perf_counter() - begun
    if stop.signal is not None and summary.ok + len(summary.failures) < len(left):
        store.journal("campaign", "interrupted", signal=stop.signal)
        raise Interrupted(stop.signal, summary.before + summary.ok, summary.planned)
    return summary


class _Writer:
    """Collects records and writes them as parts; what is collected is written whatever ends the campaign."""

    def __init__(self, store: Store) -> None:
        self.store, self.records, self.since = store, [], time.monotonic()  # type: Store, list[Record], float

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()

    def add(self, record: Record) -> None:
        if record.state == "ok":
            self.records.append(record)
        if len(self.records) >= PART_RUNS or (self.records and time.monotonic() - self.since > PART_S):
            self.flush()

    def flush(self) -> None:
        self.store.write_part(self.records)
        self.records, self.since = [], time.monotonic()


@contextmanager
def _signals() -> Iterator[Stop]:
    """Turn the first Ctrl-C or termination signal into a flag; the second one breaks off at once."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals reach the main thread only; whoever runs a campaign elsewhere stops it there
        return

    def heard(number: int, frame: FrameType | None) -> None:
        if stop:
            raise KeyboardInterrupt
        stop.signal = number

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
