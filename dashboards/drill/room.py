"""One room: a drill, its clock on the server, the seats of those who take part, and the hub that tells them.

Everything that touches the drill goes through :meth:`Room.do` or :meth:`Room.read`, one at a time, off the event loop.
The clock runs here, so that it goes on when a controller's computer sleeps. Seats carry a role, never a person's
name: the recording says "dispatcher", or "dispatcher 2" for the second who joined.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.drill.hub import Frame, Hub
from dashboards.drill.teller import Teller, Told, encoded
from scenarios.drill import CONTROLLER, Drill
from sim.errors import InputError

log = logging.getLogger("gridwhistle.drill")
TICK_S, REST_S = 0.1, 1.0
"""Seconds between two looks at the clock, and between two signs of life while it stands."""
LONGEST_STEP_S = 1.0
"""A machine that slept must not run the exercise away."""
VIEW_S = 0.5
MOST_SEATS, MOST_CLIENTS = 300, 150
URGENT = frozenset(["message", "prompt", "decided", "status", "inject"])


@dataclass(frozen=True)
class Seat:
    """Somebody who takes part: a role and a number within it."""

    role: str
    number: int

    @property
    def by(self) -> str:
        """How the recording names the seat."""
        return self.role if self.number == 1 else f"{self.role} {self.number}"


class Room:
    """A room.

    Parameters
    ----------
    code
        What participants type.
    control_code
        What a further controller types.
    drill
        Not yet started, or taken up again.
    folder
        Where its recording lies.
    """

    def __init__(self, code: str, control_code: str, drill: Drill, folder: Path) -> None:
        self.code, self.control_code, self.drill, self.folder = code, control_code, drill, folder
        self.hub, self.teller = Hub(), Teller(drill)
        self.branches: dict[str, Any] = {}
        self.branching = False
        self.closed = False
        self.used_at = time.monotonic()
        self._seats: dict[str, Seat] = {}
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._viewed = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()

    # ------------------------------------------------------------ seats
    def sit(self, role: str) -> str:
        """Return the key of a new seat.

        Raises
        ------
        InputError
            Unknown role, or the room is full.
        """
        if role != CONTROLLER and role not in self.drill.exercise.roles:
            raise InputError("unknown role", field="role", found=role, allowed=list(self.drill.exercise.roles))
        if len(self._seats) >= MOST_SEATS:
            raise InputError("the room is full", field="room", found=len(self._seats))
        key = secrets.token_urlsafe(24)
        self._seats[_digest(key)] = Seat(role, 1 + self.taken(role))
        return key

    def taken(self, role: str) -> int:
        """Return how many have joined in a role."""
        return sum(1 for seat in self._seats.values() if seat.role == role)

    def seat(self, key: str, role: str) -> Seat | None:
        """Return the seat of a key, if it is one of that role."""
        found = self._seats.get(_digest(key))
        return found if found is not None and found.role == role else None

    def presence(self) -> dict[str, dict[str, int]]:
        """Return for each role how many have joined and how many are connected now."""
        roles = (CONTROLLER, *self.drill.exercise.roles)
        return {role: {"joined": self.taken(role), "connected": self.hub.connected(role)} for role in roles}

    # ------------------------------------------------------------ the drill, one at a time
    async def do(self, action: Callable[[Drill], Any] | None, urgent: bool = True) -> Any:
        """Carry out something on the drill and tell everybody what came of it.

        Parameters
        ----------
        action
            Called in a thread with the drill; None only looks.
        urgent
            Whether views are sent at once rather than twice a second.
        """
        return await self._kept(self._do(action, urgent))

    async def read(self, action: Callable[[Drill], Any]) -> Any:
        """Read something of the drill that takes a while; nothing is told."""

        async def reading() -> Any:
            async with self._lock:
                return await asyncio.to_thread(action, self.drill)

        return await self._kept(reading())

    async def _kept(self, work: Any) -> Any:
        """Let work finish even when whoever asked for it has gone: the lock is held as long as its thread runs."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._kept_done)
        return await asyncio.shield(task)

    def _kept_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked has it; if they have gone, nobody needs it

    async def _do(self, action: Callable[[Drill], Any] | None, urgent: bool) -> Any:
        async with self._lock:
            audiences = self.hub.audiences()
            try:
                result, told = await asyncio.to_thread(self._step, action, urgent, audiences)
            finally:
                self._wake.set()
            for one in told:
                for audience, frames in one.items():
                    self.hub.tell(audience, frames)
            return result

    def _step(
        self, action: Callable[[Drill], Any] | None, urgent: bool, audiences: list[str]
    ) -> tuple[Any, list[Told]]:
        first = len(self.drill.events)
        result = action(self.drill) if action is not None else None
        now = time.monotonic()
        told = [self.teller.news(), self.teller.clock(audiences)]
        urgent = urgent or any(e.kind in URGENT for e in self.drill.events[first:])
        if urgent or now - self._viewed >= VIEW_S:
            self._viewed = now
            told.append(self.teller.parts(audiences))
        return result, told

    def background(self, work: Any) -> None:
        """Let something go on by itself."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def tell_controllers(self, kind: str, data: Any) -> None:
        """Send a picture to the controllers."""
        self.hub.tell(CONTROLLER, [Frame(kind, encoded({"type": kind, "data": data}))])

    def tell_presence(self) -> None:
        """Tell the controllers who is there."""
        self.tell_controllers("presence", {"roles": self.presence(), "code": self.code, "control": self.control_code})

    # ------------------------------------------------------------ the clock
    def begin(self) -> None:
        """Start the room's clock; it runs until the room is closed."""
        self.background(self._run())
        self.background(self._beat())

    async def _beat(self) -> None:
        """Show every client that the server lives, also while a report is being written and the clock waits for it."""
        while not self.closed:
            await asyncio.sleep(REST_S)
            for audience in self.hub.audiences():
                self.hub.tell(audience, [Frame("beat", '{"type":"beat"}')])

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("something in room %s failed", self.code, exc_info=task.exception())
            self.tell_controllers("fault", True)

    async def _run(self) -> None:
        last = time.monotonic()
        while not self.closed:
            running = self.drill.status == "running"
            self._wake.clear()
            if running:
                await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - last)))
            else:
                await self._rest()
            now = time.monotonic()
            passed, last = min(now - last, LONGEST_STEP_S), now
            # only time that passed while the drill ran counts
            step = (lambda drill, s=passed: drill.tick(s)) if running else None
            await self.do(step, urgent=False)  # type: ignore[arg-type]

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(REST_S):
                await self._wake.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Stop the clock for good; the recording stays and can be taken up again."""
        self.closed = True
        self._wake.set()
        self.hub.end()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
