"""Who sits where: the seat of a request or socket, found by the cookie of its room and role.

Whoever has no seat is told the same whether the room is there or not, so that nothing tells right codes from wrong.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection

from dashboards.drill.places import Seat
from dashboards.drill.room import Room
from dashboards.drill.rooms import rooms_of
from dashboards.server.tries import WrongSecret

COOKIE, BROWSER = "gridwhistle_seat", "gridwhistle_browser"
"""The key of a seat, for its own address; and what a browser is known by in one room."""
NO_SEAT = "join this room first"


def seated(connection: HTTPConnection, code: str, role: str) -> tuple[Room, Seat]:
    """Return the room and the seat of a request or socket.

    Raises
    ------
    WrongSecret
        403 for somebody without a seat of that role in it; a room that is not open answers the same, so that nobody
        learns which codes are right.
    """
    room = rooms_of(connection).find(code)
    seat = room.places.seat(connection.cookies.get(COOKIE, ""), role) if room is not None else None
    if room is None or seat is None:
        raise WrongSecret("seat", 403, NO_SEAT)
    return room, seat
