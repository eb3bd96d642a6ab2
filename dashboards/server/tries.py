"""Wrong secrets, counted for every place that takes one: tokens, codes of rooms, codes of controllers.

A right secret always enters at once: nobody can lock out those who share their address. Wrong ones are answered later
and later, with 429 after the first few, and told in the log. A route says ``raise WrongSecret(...)``; a socket awaits
:meth:`Tries.refused` and closes. Who is let in, is decided where the secret is known.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

from fastapi import HTTPException
from starlette.responses import Response

log = logging.getLogger("gridwhistle.access")
MOST_FAILURES, WINDOW_S = 10, 60.0
"""Wrong secrets of one client within the window that are answered without delay."""
STEP_S, LONGEST_S = 0.1, 1.0
"""Each further one is answered this much later than the one before, up to the longest."""
MOST_WAITING = 64
"""Answers that wait at once for one client; beyond them it is told at once, so that waiting costs the server little."""
MOST_CLIENTS = 4096


class WrongSecret(HTTPException):
    """Somebody gave a secret that opens nothing.

    Parameters
    ----------
    what
        Which kind, for the log: "token", "room code"; never the secret itself.
    status
        The answer's status while the client has not tried too often.
    words
        What the answer says, in the reader's language.
    often
        What it says to a client that has tried too often.
    page
        Makes the page that a browser gets, of the words and the status; by default one with the words alone.
    """

    def __init__(
        self,
        what: str,
        status: int,
        words: str,
        often: str = "too many wrong secrets; wait a minute",
        page: Callable[[str, int], Awaitable[Response]] | None = None,
    ) -> None:
        super().__init__(status, words)
        self.what, self.words, self.often, self.page = what, words, often, page


class Tries:
    """The one counter of a server: wrong secrets of each client within the last minute."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._waiting: dict[str, int] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._wrong.clear()

    def count(self, client: str) -> int:
        """Return how many wrong secrets a client has given within the window."""
        now, recent = time.monotonic(), self._wrong.get(client)
        while recent and now - recent[0] > WINDOW_S:
            recent.popleft()
        return len(recent or ())

    def note(self, client: str, what: str) -> int:
        """Remember and log a wrong secret; returns how many there are of this client now."""
        known = self._wrong.setdefault(client, deque(maxlen=10 * MOST_FAILURES))
        known.append(time.monotonic())
        self._wrong.move_to_end(client)
        while len(self._wrong) > MOST_CLIENTS:  # the least lately wrong is forgotten first
            self._wrong.popitem(last=False)
        number = self.count(client)
        log.warning("a wrong %s from %s (number %d within a minute)", what, client, number)
        return number

    async def refused(self, client: str, what: str) -> bool:
        """Note a wrong secret and wait as long as this client has to; returns whether it has tried too often."""
        number = self.note(client, what)
        if number <= MOST_FAILURES:
            return False
        waiting = self._waiting.get(client, 0)
        if waiting < MOST_WAITING:
            self._waiting[client] = waiting + 1
            try:
                await asyncio.sleep(min(LONGEST_S, STEP_S * (number - MOST_FAILURES)))
            finally:
                self._waiting[client] -= 1
                if not self._waiting[client]:
                    del self._waiting[client]
        return True
