"""One room: a drill, its clock on the server, the places of those who take part, and the hub that tells them.

Everything that touches the drill goes through :meth:`Room.do` or :meth:`Room.read`, one at a time, off the event loop.
The clock runs here, so that it goes on when a controller's computer sleeps. What happened and what is asked is told at
once; the wide views (cases, people, score) twice a second at most, however much happens.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashboards.drill.hub import Frame, Hub
from dashboards.drill.places import Places
from dashboards.drill.teller import Teller, Told, encoded
from dashboards.server.threads import ROOMS, away
from scenarios.drill import CONTROLLER, Drill
from sim.errors import InputError

log = logging.getLogger("gridwhistle.drill")
TICK_S, REST_S = 0.1, 1.0
"""Seconds between two looks at the clock, and between two signs of life while it stands."""
LONGEST_STEP_S = 1.0
"""A machine that slept must not run the exercise away."""
VIEW_S, URGENT_S, CLOCK_S = 0.5, 0.1, 0.08
"""Seconds between two wide views, between two when a decision is asked or taken, and between two clocks."""
URGENT = frozenset(["prompt", "decided"])
MOMENT = frozenset(["prompt", "decided", "status"])


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
        self.places = Places()
        self.opener = ""  # the user who opened it, where users log in: their token is a way back to the control
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._viewed = self._clocked = 0.0
        self._viewers: set[str] = set()
        self._stale = False
        self._tasks: set[asyncio.Task[Any]] = set()

    # ------------------------------------------------------------ seats
    def sit(self, role: str, browser: str = "", host: str = "") -> str:
        """Return the key of a seat; a browser that has one of this role keeps it.

        Raises
        ------
        InputError
            Unknown role, or the room is full.
        """
        if role != CONTROLLER and role not in self.drill.exercise.roles:
            raise InputError("unknown role", field="role", found=role, allowed=list(self.drill.exercise.roles))
        return self.places.sit(role, browser, host)

    def presence(self) -> dict[str, dict[str, object]]:
        """Return for each role how many have joined, how many are connected now, and which seats."""
        return {role: self.places.shown(role) for role in (CONTROLLER, *self.drill.exercise.roles)}

    # ------------------------------------------------------------ the drill, one at a time
    async def do(self, action: Callable[[Drill], Any] | None) -> Any:
        """Carry out something on the drill and tell everybody what came of it, also when it failed halfway.

        Parameters
        ----------
        action
            Called in a thread with the drill; None only looks.

        Raises
        ------
        InputError
            It cannot be done, the recording cannot be written, or the room has been closed.
        """
        return await self._kept(self._do(action))

    async def read(self, action: Callable[[Drill], Any]) -> Any:
        """Read something of the drill that takes a while; nothing is told."""

        async def reading() -> Any:
            async with self._lock:
                return await away(ROOMS, action, self.drill)

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

    async def _do(self, action: Callable[[Drill], Any] | None) -> Any:
        async with self._lock:
            if self.closed:
                raise InputError("the room has been closed", field="room", found=self.code)
            before = self.drill.status, self._stale
            result, told, error = await away(ROOMS, self._step, action, self.hub.audiences())
            if (self.drill.status, self._stale) != before:
                self._wake.set()
            for one in told:
                for audience, frames in one.items():
                    self.hub.tell(audience, frames)
            if error is not None:
                raise error
            return result

    def _step(
        self, action: Callable[[Drill], Any] | None, audiences: list[str]
    ) -> tuple[Any, list[Told], Exception | None]:
        """Return what an action gave, what is to be told, and why it failed; what happened before is told too."""
        first, result, failed = len(self.drill.events), None, None
        if action is not None:
            try:
                result = action(self.drill)
            except Exception as error:  # noqa: BLE001  raised again when all has been told
                failed = error
            self._stale = True
        now, kinds = time.monotonic(), {e.kind for e in self.drill.events[first:]}
        new = not self._viewers.issuperset(audiences)
        told = [self.teller.news(), self.teller.mine(audiences)]
        if new or kinds & MOMENT or now - self._clocked >= CLOCK_S:
            self._clocked = now
            told.append(self.teller.clock(audiences))
        if new or now - self._viewed >= (URGENT_S if kinds & URGENT else VIEW_S):
            self._viewed, self._viewers, self._stale = now, set(audiences), False
            told.append(self.teller.wide(audiences))
        return result, told, failed

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
            try:
                await self.do(step)  # type: ignore[arg-type]
            except InputError as error:  # the drill has stopped and said so to everybody; the room stays open
                log.warning("the clock of room %s: %s", self.code, error.sentence())

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(VIEW_S if self._stale else REST_S):
                await self._wake.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Stop the clock for good and let the recording go; it stays and can be taken up again."""
        self.closed = True
        self._wake.set()
        self.hub.end()
        async with self._lock:
            self.drill.recording.close()
