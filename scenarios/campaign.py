"""A campaign: a plan of runs carried out so that nothing finished is lost or done twice.

It knows the plan, the store and a runner, and nothing of models: the job to do is given. Resuming is an
anti-join of plan and parts. Order is interleaved over arms, so that whatever is finished is balanced.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from types import FrameType

from scenarios.mending import mend
from scenarios.precision import Reached
from scenarios.runners import Runner, Stop
from scenarios.runs import Record, Run
from scenarios.store import Store
from scenarios.worker import Job

PART_RUNS = 500
PART_S = 10.0
PULSE_S = 1.0
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
        Records of runs that raised, took too long, or killed their process.
    seconds
        Wall time of this call.
    precision
        Whether a precision that was asked for is reached; None when none was.
    damaged
        Files that did not hold what was written and were set aside; the runs in them count as not done before.
    """

    planned: int
    before: int
    ok: int = 0
    failures: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    precision: Reached | None = None
    damaged: list[str] = field(default_factory=list)

    @property
    def ended(self) -> int:
        """Runs that have ended, well or not, before or now."""
        return self.before + self.ok + len(self.failures)


def interleaved(arms: Sequence[Callable[[int], Run]], replications: range) -> Iterator[Run]:
    """Yield the runs of all arms of replication 0, then of 1, and so on."""
    for replication in replications:
        for arm in arms:
            yield arm(replication)


def execute(
    plan: Collection[Run],
    job: Job,
    store: Store,
    runner: Runner,
    *,
    keep: int = 0,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Summary:
    """Do the runs of a plan that are not done yet.

    Parameters
    ----------
    plan
        Runs in the order to be done; appended to the stored plan where new. It is gone through twice and never
        held as a whole, so a plan of a hundred thousand runs may make them as they are asked for.
    job
        Does one run.
    keep
        Tables are kept of replications below this number.
    progress
        Called after each run.
    stop
        A flag that somebody else sets to drain the campaign; signals to this process set it too.

    Returns
    -------
    Summary
        What was done; runs that failed before are tried again on every call.

    Raises
    ------
    Interrupted
        After Ctrl-C or a termination signal, once the runs under way have ended and are stored.
    """
    with store.writing():
        return _execute(plan, job, store, runner, keep, progress, Stop() if stop is None else stop)


def _execute(
    plan: Collection[Run], job: Job, store: Store, runner: Runner, keep: int, progress: Progress | None, stop: Stop
) -> Summary:
    damaged = [*store.remade, *mend(store)]
    store.remade.clear()
    left = store.write_plan(plan)
    summary = Summary(len(plan), len(plan) - left, damaged=damaged)
    for name in damaged:
        store.journal("campaign", "damaged", file=name)
    begun = time.perf_counter()
    if progress is not None:
        progress(summary.before, summary.planned, None)
    done = store.done()
    records = runner.run((run for run in plan if run.run_id not in done), job, store, keep, stop)
    with (
        _signals(stop),
        _Pulse(store, summary, runner.workers) as pulse,
        _Writer(store) as writer,
        closing(records),  # so that whatever ends the campaign ends the runner's processes at once
    ):
        for record in records:
            writer.add(record)
            if record.state == "ok":
                summary.ok += 1
            else:
                summary.failures.append(record)
            pulse.beat(record)
            if progress is not None:
                progress(summary.ended, summary.planned, record)
        summary.seconds = time.perf_counter() - begun
        if stop.signal is not None and summary.ended < summary.planned:
            pulse.state = "interrupted"
            raise Interrupted(stop.signal, summary.before + summary.ok, summary.planned)
        pulse.state = "finished"
    return summary


class _Pulse:
    """Tells onlookers in the journal how far the campaign is: at its beginning and end, and once a second between.

    `scenarios.watch` reads these lines.
    """

    def __init__(self, store: Store, summary: Summary, workers: int) -> None:
        self.store, self.summary, self.workers = store, summary, workers
        self.state, self.last_error, self.begun = "broken_off", "", time.monotonic()
        self.told = self.begun

    def __enter__(self) -> _Pulse:
        self._tell("begun")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        if error is not None and not isinstance(error, Interrupted):
            self.last_error = f"{type(error).__name__}: {error}"[:200]
            self.state = "interrupted" if isinstance(error, KeyboardInterrupt | GeneratorExit) else "broken_off"
        self._tell(self.state)

    def beat(self, record: Record) -> None:
        if record.state != "ok":
            run = record.run
            self.last_error = f"{run.policy}, replication {run.replication}: {record.message}"[:300]
        if time.monotonic() - self.told >= PULSE_S:
            self._tell("running")

    def _tell(self, event: str) -> None:
        s, self.told = self.summary, time.monotonic()
        self.store.journal(
            "campaign", event, planned=s.planned, before=s.before, ok=s.ok, failed=len(s.failures),
            seconds=round(self.told - self.begun, 3), pid=os.getpid(), workers=self.workers,
            last_error=self.last_error,
        )  # fmt: skip


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
        soon = time.monotonic() - self.since + record.seconds  # when the next one may be expected
        if len(self.records) >= PART_RUNS or (self.records and soon > PART_S):
            self.flush()

    def flush(self) -> None:
        self.store.write_part(self.records)
        self.records, self.since = [], time.monotonic()


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """Turn the first Ctrl-C or termination signal into a flag; the second one breaks off at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only; whoever runs a campaign elsewhere hands in a flag
        return

    def heard(number: int, frame: FrameType | None) -> None:
        if stop:
            raise KeyboardInterrupt
        stop.signal = number

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
