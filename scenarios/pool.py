"""A local pool of processes that survives whatever a run does to its process.

Each process has a pipe of its own and does one small chunk of runs at a time, so a process that dies or must be
ended takes nothing else along: the run under way in it is known from numbers it shares with this process, its
finished runs are here already, the rest of its chunk is done again elsewhere. Runs that raise are dealt with in
the process itself (`scenarios.worker`).
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import Any

from scenarios import worker
from scenarios.limits import Clock, Limits, memory_is_watched, resident_mb
from scenarios.runners import Stop
from scenarios.runs import Record, Run
from scenarios.store import Store
from scenarios.worker import BEGAN, INDEX, STOP, Job

CHUNK_S = 0.25  # below this a chunk's own cost would show
MAX_CHUNK = 500
TICK_S = 0.25  # how often limits are looked at
START_S = 900.0  # to import, read the city and load or compile the engine
END_S = 1.0
STARTS = 3  # processes in a row that end before they are ready


class PoolError(RuntimeError):
    """The pool's processes cannot start at all."""


@dataclass
class _Hand:
    """One process of the pool: what it does and how to reach it."""

    process: Any
    pipe: connection.Connection
    shared: Any
    stack: Path
    since: float = field(default_factory=time.monotonic)
    ready: bool = False
    chunk: list[Run] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)

    @property
    def busy(self) -> bool:
        return bool(self.chunk)

    def give(self, chunk: list[Run]) -> None:
        self.shared[INDEX], self.chunk, self.ended = -1, chunk, set()
        self.pipe.send(chunk)  # never blocks: an idle process reads

    def under_way(self) -> tuple[Run | None, float]:
        """Return the run that the process is doing and for how many seconds."""
        index = int(self.shared[INDEX])
        run = self.chunk[index] if 0 <= index < len(self.chunk) else None
        if run is None or run.run_id in self.ended:
            return None, 0.0
        return run, time.monotonic() - self.shared[BEGAN]

    def rest(self, without: Run | None) -> list[Run]:
        """Return the runs of the chunk that are not done, one left out."""
        return [run for run in self.chunk if run.run_id not in self.ended and run is not without]


class Pool:
    """A local pool of processes.

    Parameters
    ----------
    workers
        Number of processes, at least 1.
    limits
        Wall time and memory allowed to a run (default: derived, see `scenarios.limits.Limits`). A run beyond
        them is ended together with its process, which is replaced.

    Notes
    -----
    A process that dies by itself may have been struck by something else, a machine out of memory above all. So
    the run under way in it gets a second chance, alone, before it is named as the culprit.
    """

    def __init__(self, workers: int, limits: Limits | None = None) -> None:
        if workers < 1:
            raise ValueError("a pool needs at least one worker")
        self.workers, self.limits = workers, limits or Limits()

    def run(self, runs: Iterable[Run], job: Job, store: Store, keep: int, stop: Stop) -> Generator[Record]:
        """See `scenarios.runners.Runner`."""
        shift = _Shift(self, iter(runs), job, store, keep, stop)
        try:
            yield from shift.records()
        finally:
            shift.end()


class _Shift:
    """One call of `Pool.run`: its processes, what they do, what is still to be given out."""

    def __init__(self, pool: Pool, source: Iterator[Run], job: Job, store: Store, keep: int, stop: Stop) -> None:
        self.pool, self.source, self.job, self.store, self.keep, self.stop = pool, source, job, store, keep, stop
        self.hands: list[_Hand] = []
        self.again: deque[Run] = deque()  # taken from a lost process, to be done by another
        self.suspects: deque[Run] = deque()  # to be done once more, alone
        self.suspected: set[str] = set()
        self.clock, self.mean_s, self.failed_starts = Clock(), 0.0, 0
        self.memory_mb = pool.limits.memory(pool.workers)
        self.folder = Path(tempfile.mkdtemp(prefix="gridwhistle-"))
        self.count = itertools.count()
        self.exhausted = self.ever_ready = False

    def records(self) -> Iterator[Record]:
        while True:
            self._give_out()
            if not any(hand.busy for hand in self.hands) and (self.stop or not self._left()):
                return
            heard = connection.wait([hand.pipe for hand in self.hands], timeout=TICK_S)
            for hand in [hand for hand in self.hands if hand.pipe in heard]:
                yield from self._hear(hand)
            for hand in list(self.hands):
                yield from self._watch(hand)

    # giving out

    def _left(self) -> bool:
        """Tell whether a run is waiting; looks one run ahead."""
        if self.again or self.suspects:
            return True
        if not self.exhausted:
            self.again.extend(itertools.islice(self.source, 1))
            self.exhausted = not self.again
        return bool(self.again)

    def _give_out(self) -> None:
        if self.stop:
            for hand in self.hands:
                hand.shared[STOP] = 1
            return
        alone = bool(self.suspects) or any(run.run_id in self.suspected for hand in self.hands for run in hand.chunk)
        if alone and any(hand.busy for hand in self.hands):
            return
        if self._left():
            while len(self.hands) < (1 if alone else self.pool.workers):
                self.hands.append(self._start())
        for hand in [hand for hand in self.hands if hand.ready and not hand.busy]:
            chunk = [self.suspects.popleft()] if self.suspects else self._chunk()
            if not chunk:
                return
            try:
                hand.give(chunk)
            except (BrokenPipeError, ConnectionResetError):  # it died idle; `_hear` will find out
                hand.chunk = []
                self.again.extendleft(reversed(chunk))
            if alone:
                return

    def _chunk(self) -> list[Run]:
        size = 1 if self.mean_s <= 0 else max(1, min(MAX_CHUNK, int(CHUNK_S / self.mean_s)))
        chunk = [self.again.popleft() for _ in range(min(size, len(self.again)))]
        return chunk + list(itertools.islice(self.source, size - len(chunk)))

    def _start(self) -> _Hand:
        context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        # has an effect on the first pool of a process only: what is loaded there is shared by all that come later
        context.set_forkserver_preload(["__main__", *getattr(self.job, "modules", ())])
        ours, theirs = context.Pipe()
        shared, stack = context.RawArray("d", 3), self.folder / f"{next(self.count)}.txt"
        shared[INDEX] = -1
        given = (self.job, str(self.store.folder), self.keep, theirs, shared, str(stack))
        with _one_thread():
            process = context.Process(target=worker.serve, args=given, daemon=True)
            process.start()
        theirs.close()  # so that the pipe ends when the process does
        return _Hand(process, ours, shared, stack)

    # hearing

    def _hear(self, hand: _Hand) -> Iterator[Record]:
        """Take what a process has sent; find out that it died."""
        try:
            while hand.pipe.poll():
                yield from self._message(hand, *hand.pipe.recv())
        except (EOFError, ConnectionResetError):
            yield from self._died(hand)

    def _message(self, hand: _Hand, kind: str, content: Any) -> Iterator[Record]:
        if kind in ("mistake", "exhausted"):
            raise content
        if kind == "unable":
            digest = self.store.write_failure(content)
            raise PoolError(f"a worker process cannot get ready: {content.splitlines()[-1]} (failures/{digest}.txt)")
        if kind == "ready":
            hand.ready = self.ever_ready = True
            return
        for record in content:
            hand.ended.add(record.run.run_id)
            self.suspected.discard(record.run.run_id)
            self.mean_s = record.seconds if self.mean_s == 0 else 0.9 * self.mean_s + 0.1 * record.seconds
            if record.state == "ok":
                self.clock.add(record.seconds)
            yield record
        if kind == "done":
            self.failed_starts = 0
            if not self.stop:
                self.again.extendleft(reversed(hand.rest(None)))
            hand.chunk = []

    def _died(self, hand: _Hand) -> Iterator[Record]:
        run, seconds = hand.under_way()
        run = run or next(iter(hand.rest(None)), None)  # it may have died while sending what it had done
        stack = self._lay_off(hand, run)
        if run is None:
            self.failed_starts += 1
            if self.failed_starts >= STARTS or not self.ever_ready:
                raise PoolError(
                    "the worker processes cannot start; in a script of your own, put the call under"
                    " `if __name__ == '__main__':`, or use workers=1"
                )
        elif run.run_id not in self.suspected:
            self.suspected.add(run.run_id)
            self.suspects.append(run)
        else:
            self.suspected.discard(run.run_id)
            message = "the worker process died (a crash in compiled code, or killed by the system)"
            yield self._culprit(run, "killed", message, seconds, stack)

    # watching

    def _watch(self, hand: _Hand) -> Iterator[Record]:
        """End a process whose run is beyond its limits, or that does not get ready."""
        if not hand.ready:
            if time.monotonic() - hand.since > START_S:
                raise PoolError(f"a worker process did not get ready within {START_S:.0f} s")
            return
        run, seconds = hand.under_way()
        if run is None:
            return
        wall_s = self.pool.limits.wall(self.clock)
        used_mb = resident_mb(hand.process.pid) if memory_is_watched else 0.0
        if seconds <= wall_s and used_mb <= self.memory_mb:
            return
        yield from self._hear(hand)  # it may have ended in time, and said so since
        if hand not in self.hands or hand.under_way()[0] is not run:
            return
        stack = self._lay_off(hand, run, ask=True)
        self.suspected.discard(run.run_id)
        if seconds > wall_s:
            yield self._culprit(run, "timeout", f"longer than the wall limit of {wall_s:.3g} s", seconds, stack)
        else:
            message = f"{used_mb:,.0f} MB of memory, above the limit of {self.memory_mb:,.0f} MB"
            yield self._culprit(run, "killed", message, seconds, stack)

    def _lay_off(self, hand: _Hand, culprit: Run | None, ask: bool = False) -> str:
        """End a process, put back the rest of its chunk, and return where it stood, if it could say."""
        if ask and hasattr(signal, "SIGUSR1"):
            _signal(hand.process.pid, signal.SIGUSR1)
            time.sleep(0.05)
        self.hands.remove(hand)
        _end_process(hand)
        self.again.extendleft(reversed(hand.rest(culprit)))
        try:
            return hand.stack.read_text("utf-8", "replace")
        except OSError:
            return ""

    def _culprit(self, run: Run, state: str, message: str, seconds: float, stack: str) -> Record:
        """Name a run that cost its process, in the journal and in a record."""
        lines = [
            message, f"policy {run.policy}, replication {run.replication}, seed {run.seed}, run {run.run_id}",
            *(f"{name} = {value!r}" for name, value in run.parameters),
        ]  # fmt: skip
        digest = self.store.write_failure("\n".join([*lines, "", stack]).rstrip() + "\n")
        self.store.journal(
            "campaign", state, run_id=run.run_id, policy=run.policy, replication=run.replication,
            seconds=round(seconds, 3), failure=digest, message=message,
        )  # fmt: skip
        return Record(run, state, seconds, failure=digest, message=message)

    def end(self) -> None:
        """Let idle processes go; end those still busy (after an abort)."""
        for hand in self.hands:
            hand.shared[STOP] = 1
            hand.pipe.close()
        until = time.monotonic() + END_S
        for hand in self.hands:
            hand.process.join(timeout=max(0.0, until - time.monotonic()))
            _end_process(hand)
        self.hands.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:  # it ended in this very moment
        return


def _end_process(hand: _Hand) -> None:
    """End one process by its id if it lives, and take note of its end."""
    if hand.process.is_alive():
        hand.process.kill()
    hand.process.join(timeout=10.0)
    hand.pipe.close()


class _one_thread:
    """One BLAS thread in each process started within: they share the cores by processes, not by threads.

    Their path is this process's, without the folder one stands in: what lies there is imported by nobody unasked.
    """

    _SET = (*worker.ONE_THREAD, "PYTHONSAFEPATH")

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self._SET}
        os.environ.update(dict.fromkeys(self._SET, "1"))

    def __exit__(self, *error: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
