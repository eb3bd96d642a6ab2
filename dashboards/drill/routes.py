"""The addresses of the drill room: lobby, joining, one page for each kind of seat, and the socket behind it.

Whose seat a page is stands in a cookie that belongs to the address of that role alone, so that one browser may hold
several seats in several tabs. Opening a room needs the role of a trainer; joining needs the room's code; joining as a
further controller needs the controllers' code and the role of a trainer.
"""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.drill import after, pages
from dashboards.drill.acts import fill
from dashboards.drill.building import Cancelled
from dashboards.drill.city import choices, packed_city
from dashboards.drill.room import Room
from dashboards.drill.rooms import rooms_of
from dashboards.drill.seats import BROWSER, COOKIE, seated
from dashboards.drill.socket import router as sockets
from dashboards.server.access import client_of, require, secure, user_of
from dashboards.server.reach import joined_at
from dashboards.server.shell import visit_of
from dashboards.server.state import state_of
from dashboards.server.threads import ROOMS, away
from dashboards.server.tries import WrongSecret
from scenarios.drill import CONTROLLER, names
from scenarios.drill.form import MAX_UPLOAD_BYTES
from scenarios.experiment import is_compiled
from sim.errors import InputError

SEAT_S = 24 * 3600
MOST_TYPED = 40
"""Characters of a wrong code that come back in its field."""
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox allow-scripts allow-downloads allow-modals"
)
"""A report brings its scripts inline; the sandbox keeps it away from the server's cookies and pages."""

router = APIRouter(include_in_schema=False)
trainer = Depends(require("trainer"))


# ---------------------------------------------------------------- lobby
@router.get("/drill")
async def lobby(request: Request) -> HTMLResponse:
    """Join a room, or open one."""
    rooms, may_open = rooms_of(request), user_of(request).may("trainer")
    if may_open:
        rooms.builder.expect()
    return await _lobby(request)


async def _lobby(request: Request, code: str = "", wrong: str = "", status: int = 200) -> HTMLResponse:
    rooms, may_open = rooms_of(request), user_of(request).may("trainer")
    seats = [seat for room in rooms.open_rooms() for seat in _ways_back(request, room)]
    unfinished = await away(ROOMS, rooms.unfinished) if may_open else []
    apart = may_open and _address(request) is None
    uncompiled = may_open and not await away(ROOMS, is_compiled)
    if may_open:
        await away(ROOMS, pages.shipped)  # read for the first time, beside the event loop
    shown = pages.Lobby(unfinished, may_open, seats, apart, uncompiled, code[:MOST_TYPED], wrong)
    return pages.lobby(visit_of(request), shown, status)


def _address(request: Request) -> str | None:
    """Return where other devices join, None when none can."""
    listening = request.scope.get("server") or ("", 0)
    return joined_at(state_of(request).settings, request.headers.get("host", ""), listening[1])


def _ways_back(request: Request, room: Room) -> list[pages.WayBack]:
    """Return the seats that whoever asks has in a room, or may have again."""
    roles = dict.fromkeys(seat.role for seat in room.places.of_browser(request.cookies.get(BROWSER, "")))
    own = [pages.WayBack(room, role, True) for role in roles]
    if CONTROLLER not in roles and _opened(request, room):
        own.append(pages.WayBack(room, CONTROLLER, False))
    return own


def _opened(request: Request, room: Room) -> bool:
    """Whether the user who asks opened the room, on this device or another; only where users log in by tokens."""
    user = user_of(request)
    return bool(room.opener) and user.may("trainer") and user.name == room.opener


@router.post("/drill/open", dependencies=[trainer])
async def open_room(
    request: Request,
    exercise: Annotated[str, Form(max_length=80)] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Open a room for a shipped exercise or for one that is sent along."""
    rooms = rooms_of(request)
    content = await file.read(MAX_UPLOAD_BYTES + 1) if file is not None else b""
    if file is not None and len(content) > MAX_UPLOAD_BYTES:
        raise InputError("the exercise is too large", file=file.filename, allowed=f"at most {MAX_UPLOAD_BYTES:,} bytes")

    gone = request.is_disconnected
    if content and file is not None:
        made = rooms.builder.upload(content, file.filename or "exercise.yaml", gone)
    elif exercise in names():
        made = rooms.builder.exercise(exercise, gone)
    else:
        raise InputError("no shipped exercise of that name", field="exercise", found=exercise, allowed=list(names()))
    try:
        return await _control(request, await rooms.open(made))
    except Cancelled:
        return Response(status_code=499)  # nobody reads it: whoever asked has gone


@router.post("/drill/take-up", dependencies=[trainer])
async def take_up(request: Request, recording: Annotated[str, Form(max_length=130)]) -> Response:
    """Open a room for a drill that was broken off."""
    try:
        return await _control(request, await rooms_of(request).take_up(recording, request.is_disconnected))
    except Cancelled:
        return Response(status_code=499)


async def _control(request: Request, room: Room) -> Response:
    """Give whoever has opened a room its control."""
    room.opener = user_of(request).name if state_of(request).settings.users else ""
    return await _sit(request, room, CONTROLLER)


async def _sit(request: Request, room: Room, role: str) -> Response:
    """Give a seat and lead to its page; a browser that has sat there before gets its own seat."""
    first = not room.places.taken(role)
    browser = request.cookies.get(BROWSER, "") or secrets.token_urlsafe(16)
    key = room.sit(role, browser, client_of(request))
    drill = room.drill
    if first and role in drill.unfilled and drill.exercise.roles[role].kind == "player" and not drill.is_over:
        await room.do(lambda d: fill(d, role, False, role))
    room.tell_presence()
    path = f"/drill/{room.code}/{role}"
    response = RedirectResponse(visit_of(request).link(path), 303)
    safe = secure(request)
    for name, value, below in ((COOKIE, key, path), (BROWSER, browser, "/drill")):
        response.set_cookie(name, value, max_age=SEAT_S, path=below, httponly=True, samesite="strict", secure=safe)
    return response


# ---------------------------------------------------------------- joining
@router.post("/drill/join")
def join(request: Request, code: Annotated[str, Form()] = "") -> Response:
    """Find the room of a code and lead to its roles; a wrong code comes back in its field."""
    return RedirectResponse(visit_of(request).link(f"/drill/{_room(request, code).code}"), 303)


def _room(request: Request, code: str) -> Room:
    """Return the room of a code that somebody typed; a wrong one is counted, a right one always opens."""
    room = rooms_of(request).find(code)
    if room is None:
        visit = visit_of(request)
        words, often = pages.words(visit, "wrong_code"), pages.words(visit, "too_many")
        raise WrongSecret("room code", 404, words, often, lambda wrong, status: _lobby(request, code, wrong, status))
    return room


@router.get("/drill/preparing", dependencies=[trainer])
async def preparing(request: Request) -> dict[str, str]:
    """Say what a room that is being opened waits for, in the reader's language."""
    now = "compiling" if await away(ROOMS, rooms_of(request).builder.is_compiling) else "preparing"
    return {"now": now, "words": pages.words(visit_of(request), now)}


@router.get("/drill/{code}")
def roles(request: Request, code: str) -> HTMLResponse:
    """The roles of a room, to choose from."""
    room = _room(request, code)
    return pages.roles(visit_of(request), room, user_of(request).may("trainer"), _ways_back(request, room))


@router.post("/drill/{code}/join")
async def take_seat(
    request: Request, code: str, role: Annotated[str, Form(max_length=60)],
    control: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Take a seat in a role; a controller's needs the controllers' code, or to have had it before."""
    room = _room(request, code)
    if role == CONTROLLER:
        require("trainer")(request)
        back = any(way.role == CONTROLLER for way in _ways_back(request, room))
        if not back and "".join(control.upper().split()) != room.control_code:
            raise _wrong_control(request, room, control)
    return await _sit(request, room, role)


def _wrong_control(request: Request, room: Room, typed: str) -> WrongSecret:
    """Return the refusal of a controllers' code; a browser gets the roles again, with the code in its field."""
    visit = visit_of(request)

    async def again(wrong: str, status: int) -> Response:
        return pages.roles(visit, room, True, _ways_back(request, room), typed[:MOST_TYPED], wrong, status)

    words, often = pages.words(visit, "wrong_control"), pages.words(visit, "too_many")
    return WrongSecret("controllers' code", 403, words, often, again)


# ---------------------------------------------------------------- a seat
@router.get("/drill/{code}/{role}")
def seat_page(request: Request, code: str, role: str) -> Response:
    """The page of a seat; whoever has none is led to the roles, where a wrong code is told and counted."""
    room = rooms_of(request).find(code)
    seat = room.places.seat(request.cookies.get(COOKIE, ""), role) if room is not None else None
    if room is None or seat is None:
        return RedirectResponse(visit_of(request).link(f"/drill/{quote(code, safe='')}"), 303)
    return pages.live(visit_of(request), room, seat, _address(request))


@router.get("/drill/{code}/{role}/city")
async def city(request: Request, code: str, role: str) -> Response:
    """The roads of the exercise's city."""
    room, _ = seated(request, code, role)
    block = await away(ROOMS, packed_city, room.drill.ground)
    headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=3600"}
    return Response(block, media_type="application/octet-stream", headers=headers)


@router.get("/drill/{code}/controller/choices")
def adhoc_choices(request: Request, code: str) -> dict[str, object]:
    """Case types and posts, for a controller's own injects."""
    room, _ = seated(request, code, CONTROLLER)
    return choices(room.drill.ground)


@router.get("/drill/{code}/controller/aar")
async def aar(request: Request, code: str) -> Response:
    """The after-action report."""
    room, _ = seated(request, code, CONTROLLER)
    path = await after.report(room, visit_of(request).lang)
    return HTMLResponse(path.read_text("utf-8"), headers={"Content-Security-Policy": REPORT_POLICY})


@router.get("/drill/{code}/controller/recording")
async def recording(request: Request, code: str) -> Response:
    """The recording so far, as a file."""
    room, _ = seated(request, code, CONTROLLER)
    text = await room.read(lambda drill: drill.recording.text())
    name = f"{room.folder.name}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="application/jsonl", headers=headers)


@router.post("/drill/{code}/controller/close")
async def close(request: Request, code: str) -> Response:
    """Close the room; the recording stays."""
    room, _ = seated(request, code, CONTROLLER)
    await room.close()
    return RedirectResponse(visit_of(request).link("/drill"), 303)


router.include_router(sockets)
