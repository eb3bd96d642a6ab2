"""The socket of a seat: frames out as fast as the client takes them, messages in one after another.

After a lost connection the client comes back with the number of the last log item it has and is told the rest. A
client that does not take what is sent for ten seconds is cut off; nobody waits for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.drill.acts import act, freed
from dashboards.drill.after import run_branch
from dashboards.drill.hub import Outbox, Over, TooSlow
from dashboards.drill.places import Full, Place, Seat
from dashboards.drill.room import Room
from dashboards.drill.said import mistake
from dashboards.drill.seats import NO_SEAT, seated
from dashboards.drill.teller import encoded
from dashboards.server.access import client_of
from dashboards.server.sockets import ABORT, received
from dashboards.server.state import state_of
from dashboards.server.tries import WrongSecret
from scenarios.drill import CONTROLLER
from sim.errors import InputError

log = logging.getLogger("gridwhistle.drill")
SEND_S, CLOSE_S = 10.0, 2.0
MOST_MESSAGE = 40_000
NO_MESSAGE = InputError("a message is JSON of whole characters and finite numbers",
                        allowed=f"at most {MOST_MESSAGE} characters")  # fmt: skip

router = APIRouter()


@router.websocket("/drill/{code}/{role}/socket")
async def live(socket: WebSocket, code: str, role: str, after: int = -1) -> None:
    """Tell a seat everything it may know, and take in what it does."""
    with suppress(WebSocketDisconnect):  # the client left; its seat stays
        await socket.accept()
        try:
            room, seat = seated(socket, code, role)
        except WrongSecret as wrong:
            await state_of(socket).sessions.tries.refused(client_of(socket), wrong.what)
            await socket.close(4403, NO_SEAT)
            return
        await _live(socket, room, seat, after)


async def _live(socket: WebSocket, room: Room, seat: Seat, after: int) -> None:
    """Give a socket a place and serve it; the place is given back whatever happens."""
    box = room.hub.join(seat.role, after if after < room.hub.items(seat.role) else -1)
    place = Place(seat, client_of(socket), box)
    try:
        room.places.enter(place)
        room.tell_presence()
        await _serve(socket, room, seat, box)
    except Full:
        await socket.close(1013, "the room is full")
    finally:
        room.hub.leave(seat.role, box)
        room.places.leave(place)
        room.tell_presence()


async def _serve(socket: WebSocket, room: Room, seat: Seat, box: Outbox) -> None:
    hello = {"type": "hello", "role": seat.role, "seat": seat.number, "last": room.hub.items(seat.role) - 1}
    await socket.send_text(encoded(hello))
    await room.do(None)  # fresh pictures for whoever has just come
    sending = asyncio.create_task(_send(socket, room, box))
    receiving = asyncio.create_task(_receive(socket, room, seat, box))
    try:
        done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)


async def _send(socket: WebSocket, room: Room, box: Outbox) -> None:
    while True:
        try:
            texts = await box.take()
            for text in texts:
                async with asyncio.timeout(SEND_S):
                    await socket.send_text(text)
        except Over as over:
            await _closed(socket, over.code, over.why)
            return
        except (TooSlow, TimeoutError):
            await _closed(socket, 4008, "too slow; come back and be told the rest")
            return


async def _closed(socket: WebSocket, code: int, why: str) -> None:
    """Close a socket in order; one whose client takes nothing is cut off at once, with what waits in it."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close(code, why)
    except (TimeoutError, RuntimeError):
        abort = socket.scope.get("extensions", {}).get(ABORT)
        if abort is not None:
            abort()


async def _receive(socket: WebSocket, room: Room, seat: Seat, box: Outbox) -> None:
    while True:
        text = await received(socket)
        if wait_s := room.places.pace_s(seat):
            await asyncio.sleep(wait_s)
        given = _read(text)
        if given is None:
            box.say(encoded({"type": "reply", "id": None, "error": mistake(NO_MESSAGE)}))
        elif given.get("do") == "branch" and seat.role == CONTROLLER:
            room.background(_answer(room, seat, given, box))  # it takes a while; the controller goes on
        elif given.get("do") != "ping":
            await _answer(room, seat, given, box)


def _read(text: str) -> dict[str, Any] | None:
    """Return a message; None for what is none: too long, no JSON, numbers or characters that are none."""
    try:
        given = json.loads(text, parse_float=_finite, parse_constant=_finite) if len(text) <= MOST_MESSAGE else None
        if "\\u" in text:
            json.dumps(given, ensure_ascii=False).encode()  # half a character can be written as an escape only
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number that can be used")
    return number


async def _answer(room: Room, seat: Seat, given: dict[str, Any], box: Outbox) -> None:
    """Carry out one message and tell the sender whether it could be done, whatever happens."""
    number = given.get("id")
    sound = isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**53
    reply: dict[str, Any] = {"type": "reply", "id": number if sound else None}
    try:
        if given.get("do") == "branch" and seat.role == CONTROLLER:
            await run_branch(room, given)
        elif given.get("do") == "free" and seat.role == CONTROLLER:
            room.places.free(*freed(given))
            room.tell_presence()
        else:
            await room.do(act(room, seat, given))
    except InputError as error:
        reply["error"] = mistake(error)
    except Exception:
        log.exception("a message in room %s failed", room.code)
        reply["error"] = mistake(InputError("this failed by a fault of the program; the server's log tells of it"))
    box.say(encoded(reply))
