"""Who sits where: the seat of a request or socket, found by the cookie of its room and role."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from dashboards.drill.room import Room, Seat
from dashboards.drill.rooms import rooms_of

COOKIE = "gridwhistle_seat"


def seated(connection: HTTPConnection, code: str, role: str) -> tuple[Room, Seat]:
    """Return the room and the seat of a request or socket.

    Raises
    ------
    HTTPException
        404 for a room that is not open, 403 for somebody without a seat of that role in it.
    """
    room = rooms_of(connection).find(code)
    if room is None:
        raise HTTPException(404, "no such room is open")
    seat = room.seat(connection.cookies.get(COOKIE, ""), role)
    if seat is None:
        raise HTTPException(403, "join this room first")
    return room, seat
