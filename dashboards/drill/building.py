"""Building drills beside the server: one process for each, with an end, never two for one exercise at once.

The server itself builds nothing, so that no other request waits: it starts `dashboards.drill.builder`, and takes over
what comes back. A process that takes too long, uses too much, or whose user has gone is ended; compiling the
simulation, which happens once on a computer, is told by :meth:`Builder.is_compiling` and has a bound of its own. What
was built last is kept, since trainers open the same exercise again and again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboards.drill.builder import READY, TIME_S, too_large
from dashboards.server.threads import BUILDERS, away
from scenarios.drill import Drill, Ground, Recording
from scenarios.experiment import is_compiled
from sim.engine.tables import World
from sim.errors import InputError

log = logging.getLogger("gridwhistle.drill")
MOST_AT_ONCE, MOST_WAITING, MOST_KEPT = 2, 12, 3
LOOK_S, SPARE_S, COMPILE_S = 0.25, 120.0, 900.0
"""Seconds between two looks at a process; how long a spare one waits; how long the simulation may be compiled."""
Gone = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Built:
    """Tables of an exercise and its state at STARTEX; drills take copies of the state."""

    ground: Ground
    world: World


class Cancelled(Exception):
    """Whoever asked has gone; the process was ended."""


class Builder:
    """Builds for one server. Used in its event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Built] = OrderedDict()
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._asked = 0
        self._spare: subprocess.Popen[bytes] | None = None
        self._talks: set[_Talk] = set()

    def is_compiling(self) -> bool:
        """Whether a room waits for the simulation to be compiled, which happens once on a computer."""
        return any(not talk.ready.is_set() for talk in list(self._talks)) and not is_compiled()

    def expect(self) -> None:
        """Start a process that loads the program meanwhile, since somebody looks at what can be opened."""
        if self._spare is None or self._spare.poll() is not None:
            self._spare = spare = _started()
            asyncio.get_running_loop().call_later(SPARE_S, self._dismiss, spare, COMPILE_S)

    def _dismiss(self, spare: subprocess.Popen[bytes], patience_s: float = 0.0) -> None:
        if self._spare is not spare:
            return
        if patience_s > 0 and spare.poll() is None and not is_compiled():  # it is compiling, for whoever comes
            asyncio.get_running_loop().call_later(SPARE_S, self._dismiss, spare, patience_s - SPARE_S)
        else:
            self._spare = None
            spare.kill()
            spare.wait()

    def _process(self) -> subprocess.Popen[bytes]:
        """Return the process that was started beforehand, or a new one."""
        spare, self._spare = self._spare, None
        return spare if spare is not None and spare.poll() is None else _started()

    async def exercise(self, name: str, gone: Gone) -> Built:
        """Return a shipped exercise, built.

        Raises
        ------
        InputError
            It cannot be built, or too many are being built.
        Cancelled
            Whoever asked has gone.
        """
        return await self._one(f"name {name}", {"exercise": name}, gone)

    async def upload(self, content: bytes, filename: str, gone: Gone) -> Built:
        """Return an exercise that was sent, checked and built; raises as `exercise`."""
        given = {"file": filename[:200], "content": base64.b64encode(content).decode()}
        digest = hashlib.sha256(filename[:200].encode("utf-8", "replace") + b"\0" + content).hexdigest()
        return await self._one(f"file {digest}", given, gone)

    async def recording(self, path: Path, gone: Gone) -> tuple[Drill, Recording]:
        """Return the drill of a recording as it stood, and the recording as read; raises as `exercise`."""
        drill, read = await self._answer({"recording": str(path.resolve())}, gone)
        return drill, read

    async def _one(self, key: str, request: dict[str, Any], gone: Gone) -> Built:
        """Return what is kept, or build it; whoever wants the same exercise waits for it."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with _Left(lock, gone):
                if key not in self._kept:
                    self._kept[key] = Built(*await self._answer(request, gone))
                    while len(self._kept) > MOST_KEPT:
                        self._kept.popitem(last=False)
                self._kept.move_to_end(key)
                return self._kept[key]
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)

    async def _answer(self, request: dict[str, Any], gone: Gone) -> tuple[Any, ...]:
        if self._asked >= MOST_WAITING:
            raise InputError("too many rooms are being prepared; try again in a minute", field="room",
                             found=self._asked)  # fmt: skip
        self._asked += 1
        try:
            async with _Left(self._places, gone):
                talk = _Talk(self._process(), json.dumps(request).encode())
                self._talks.add(talk)
                try:
                    raw = await _run(talk, gone)
                finally:
                    self._talks.discard(talk)
                answer = await away(BUILDERS, pickle.loads, raw)
        finally:
            self._asked -= 1
        if isinstance(answer, InputError):
            raise answer
        return tuple(answer)


class _Left:
    """Hold a lock or a place; give up waiting for it when whoever asked has gone."""

    def __init__(self, lock: asyncio.Lock | asyncio.Semaphore, gone: Gone) -> None:
        self._lock, self._gone = lock, gone

    async def __aenter__(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._lock.acquire()
                return
            except TimeoutError:
                if await self._gone():
                    raise Cancelled from None

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


def _started() -> subprocess.Popen[bytes]:
    """Start a process; it ends by itself when this one does, since its standard input is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "dashboards.drill.builder"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment(),
    )  # fmt: skip


@dataclass(eq=False)
class _Talk:
    """A talk with a process: its request, and whether the process has said that it is ready for it."""

    process: subprocess.Popen[bytes]
    request: bytes
    ready: threading.Event = field(default_factory=threading.Event)

    def held(self) -> bytes:
        """Wait until the process is ready, give it the request and return the answer; called in a thread."""
        assert self.process.stdout is not None
        if self.process.stdout.read(len(READY)) == READY:  # it writes nothing more before it is asked
            self.ready.set()
        return self.process.communicate(self.request)[0]


async def _run(talk: _Talk, gone: Gone) -> bytes:
    """Give a process its request and return the answer; end it when it takes too long or nobody waits any more.

    The time to build begins when the process is ready; what compiling takes is bounded by itself.
    """
    process, loop = talk.process, asyncio.get_running_loop()
    talking = asyncio.create_task(away(BUILDERS, talk.held))
    end, is_ready = loop.time() + COMPILE_S, False
    try:
        while not (await asyncio.wait({talking}, timeout=LOOK_S))[0]:
            if talk.ready.is_set() and not is_ready:
                end, is_ready = loop.time() + TIME_S, True
            if loop.time() > end:
                raise too_large() if is_ready else uncompiled()
            if await gone():
                raise Cancelled
        raw = talking.result()
    finally:
        if process.poll() is None:
            process.kill()
        await asyncio.gather(talking, return_exceptions=True)
    if not talk.ready.is_set():
        log.error("a process that builds rooms ended with code %s before it was ready", process.returncode)
        raise uncompiled()
    if process.returncode or not raw:
        log.error("building a room ended with code %s", process.returncode)
        raise too_large()
    return raw


def uncompiled() -> InputError:
    """Return what is told when the simulation could not be loaded or compiled."""
    return InputError("the simulation could not be compiled; the server's log tells why", field="room")


def environment() -> dict[str, str]:
    """Return the environment of the process, in which this program's own modules are found first."""
    root = str(Path(__file__).resolve().parents[2])
    known = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(known))}


async def never() -> bool:
    """Say that whoever asked is still there; for callers that cannot go."""
    return False
