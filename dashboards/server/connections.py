"""Connections of the server, bounded in number and in time: who sends half a request or takes no answer is let go.

:class:`Bounded` is uvicorn's HTTP protocol with a clock. When all places are taken, the connection that has waited
longest without a whole request makes room, so that idle ones never keep anybody out. Sockets, once they are open, are
bounded where they are opened (a room, the replay).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS, RESERVED_HANDLES, LEAST_CONNECTIONS = 1000, 200, 16
"""Places; handles that stay for files, jobs and results when the system allows fewer; and the fewest places."""
WANTED_HANDLES = 4096
LOOK_S = 2.0
LIMITS_S = {"head": 10.0, "body": 60.0, "taking": 30.0, "closing": 5.0}
"""How long a connection may take for the head of a request, for its body, for taking a piece of the answer that
waits, and for its end."""
IDLE = ("head", "body")
FREE_PIECES, PIECE_BYTES = 100, 256
"""Pieces of a request's body, whatever their size, and how large those beyond them are on the average at least."""


def most_connections() -> int:
    """Return the places of this process: asks the system for more handles, and leaves some for the work itself."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such bound
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_HANDLES if hard == resource.RLIM_INFINITY else min(WANTED_HANDLES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(LEAST_CONNECTIONS, min(MOST_CONNECTIONS, soft - RESERVED_HANDLES))


class _Counted(h11.Connection):
    """A connection's reader that refuses a body in thousands of crumbs: each takes a turn of its own to be read."""

    _pieces = _bytes = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return what comes next.

        Raises
        ------
        h11.RemoteProtocolError
            For what is no HTTP, and for a body whose pieces are too many for their size.
        """
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._pieces, self._bytes = self._pieces + 1, self._bytes + len(event.data)
            if self._pieces > FREE_PIECES + self._bytes / PIECE_BYTES:
                raise h11.RemoteProtocolError("a body in too many pieces")
        elif isinstance(event, h11.Request):
            self._pieces = self._bytes = 0
        return event


class Bounded(H11Protocol):
    """One HTTP connection with limits of time, in a bounded number of places."""

    most = MOST_CONNECTIONS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.conn = _Counted(h11.SERVER, self.conn._max_incomplete_event_size)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, if need be that of the connection that has idled longest."""
        super().connection_made(transport)
        self._key: tuple[object, ...] = ()
        self._since = time.monotonic()
        if len(self.connections) > self.most and not self._made_room():
            transport.abort()
            return
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request; where one is being answered its answer is dropped, since only one can be given."""
        cycle = self.cycle
        begun = cycle is not None and not cycle.response_complete
        if cycle is not None and begun:
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is not None and begun and cycle.response_started:
            self.transport.close()
            return
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # all has been said on this connection
            self.transport.close()

    def resume_writing(self) -> None:
        """Note that the client takes what is sent."""
        self._since = time.monotonic()
        super().resume_writing()

    def state(self) -> str:
        """What the connection is at: ``head``, ``body``, ``answering``, ``taking`` or ``closing``."""
        if self.transport.is_closing():
            return "closing"
        if self.cycle is None or self.cycle.response_complete:
            return "head"
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        return "taking" if self.flow.write_paused else "answering"

    def _look(self) -> None:
        """Let go of a connection that has been at one thing too long; looks again in a while."""
        state, now = self.state(), time.monotonic()
        if self not in self.connections and state != "closing":
            return  # it has become a socket
        key = (state, self.cycle)
        if key != self._key:
            self._key, self._since = key, now
        if now - self._since >= LIMITS_S.get(state, float("inf")):
            if getattr(self.transport, "_loop", self) is not None:  # a transport that is gone has let go of its loop
                self.transport.abort()
            return
        self.loop.call_later(LOOK_S, self._look)

    def _made_room(self) -> bool:
        """End the connection that has been without a whole request longest, beside this one."""
        others = [one for one in self.connections if isinstance(one, Bounded) and one is not self]
        open_ones = [one for one in others if not one.transport.is_closing()]
        if len(open_ones) < self.most:
            return True
        ending = [one for one in self.connections if getattr(one, "close_sent", False)]  # sockets that we have closed
        for one in ending:
            if not one.transport.is_closing():
                one.transport.abort()
                return True
        for state in IDLE:
            idle = [one for one in open_ones if one.state() == state]
            if idle:
                min(idle, key=lambda one: one._since).transport.abort()
                return True
        return False
