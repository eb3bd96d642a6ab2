"""The socket of a seat: frames out as fast as the client takes them, messages in one after another.

After a lost connection the client comes back with the number of the last log item it has and is told the rest. A
client that does not take what is sent for ten seconds is cut off; nobody waits for it.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from dashboards.drill.acts import act
from dashboards.drill.after import run_branch
from dashboards.drill.hub import Outbox, Over, TooSlow
from dashboards.drill.room import MOST_CLIENTS, Room, Seat
from dashboards.drill.seats import seated
from dashboards.drill.teller import encoded
from scenarios.drill import CONTROLLER
from sim.errors import InputError

SEND_S = 10.0
MOST_MESSAGE = 40_000
MOST_PER_S = 30.0

router = APIRouter()


@router.websocket("/drill/{code}/{role}/socket")
async def live(socket: WebSocket, code: str, role: str, after: int = -1) -> None:
    """Tell a seat everything it may know, and take in what it does."""
    await socket.accept()
    try:
        room, seat = seated(socket, code, role)
    except HTTPException as error:
        await socket.close(4000 + error.status_code, str(error.detail))
        return
    if room.hub.clients >= MOST_CLIENTS:
        await socket.close(1013, "the room is full")
        return
    box = room.hub.join(seat.role, after if after < room.hub.items(seat.role) else -1)
    room.tell_presence()
    try:
        await _serve(socket, room, seat, box)
    except WebSocketDisconnect:
        pass  # the client left; its seat stays
    finally:
        room.hub.leave(seat.role, box)
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
        except Over:
            await socket.close(4404, "the room has been closed")
            return
        except (TooSlow, TimeoutError):
            if socket.application_state is WebSocketState.CONNECTED:
                await socket.close(4008, "too slow; come back and be told the rest")
            return


async def _receive(socket: WebSocket, room: Room, seat: Seat, box: Outbox) -> None:
    loop, credit = asyncio.get_running_loop(), MOST_PER_S
    last = loop.time()
    while True:
        text = await socket.receive_text()
        now = loop.time()
        credit, last = min(MOST_PER_S, credit + (now - last) * MOST_PER_S), now
        if credit < 1.0:  # a page gone wild waits; a person never notices
            await asyncio.sleep((1.0 - credit) / MOST_PER_S)
        credit -= 1.0
        given = _read(text)
        if given is None:
            box.say(
                encoded(
                    {"type": "reply", "id": None, "error": f"a message is JSON of at most {MOST_MESSAGE} characters"}
                )
            )
        elif given.get("do") == "branch" and seat.role == CONTROLLER:
            room.background(_answer(room, seat, given, box))  # it takes a while; the controller goes on
        elif given.get("do") != "ping":
            await _answer(room, seat, given, box)


def _read(text: str) -> dict[str, Any] | None:
    try:
        given = json.loads(text, parse_float=_finite, parse_constant=_finite) if len(text) <= MOST_MESSAGE else None
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number that can be used")
    return number


async def _answer(room: Room, seat: Seat, given: dict[str, Any], box: Outbox) -> None:
    """Carry out one message and tell the sender whether it could be done."""
    number = given.get("id")
    reply: dict[str, Any] = {"type": "reply", "id": number if isinstance(number, int) else None}
    try:
        if given.get("do") == "branch" and seat.role == CONTROLLER:
            await run_branch(room, given)
        else:
            await room.do(act(room, seat, given))
    except InputError as error:
        reply["error"] = error.sentence()
    box.say(encoded(reply))
