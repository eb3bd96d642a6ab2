"""The addresses of the replay: the page, the city, what is said once, lives of cases, and the stream of windows.

The stream is pulled: a viewer asks for a few windows ahead of its own clock and gets them in order; a new wish
replaces the old one, so that seeking never waits for what nobody wants any more. Nothing is sent unasked, hence
a slow viewer holds up nobody and fills no buffer; after a lost connection it just asks again.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.replay import scene
from dashboards.replay.page import chooser, replay_page
from dashboards.replay.shelf import Held, Replays
from dashboards.server.access import client_of, user_of
from dashboards.server.shell import language_of, visit_of
from dashboards.server.sockets import received
from dashboards.server.state import state_of
from dashboards.server.threads import PLAYING, WINDOWS, away, slow
from dashboards.texts import LANGUAGES
from dashboards.texts.mistakes import sentence
from scenarios.replay.play import TOLD
from sim.errors import InputError

MOST_AHEAD = 12
"""Windows that one wish may name."""
MOST_VIEWERS = 64
SEND_S = 30.0
"""How long a viewer may take for one window."""
IMMUTABLE = "private, max-age=3600"

router = APIRouter()
Study = Annotated[str, Query(max_length=128)]
Arm = Annotated[str, Query(max_length=80)]
Replication = Annotated[int, Query(ge=0, le=10**6)]
Lang = Annotated[str, Query(max_length=5)]


def replays_of(connection: HTTPConnection) -> Replays:
    """Return the replays that this server holds."""
    app = connection.app
    if not hasattr(app.state, "replays"):
        app.state.replays, app.state.replay_viewers = Replays(), Viewers()
    return app.state.replays


async def _held(connection: HTTPConnection, study: str, arm: str, replication: int) -> Held:
    """Return a replay; the first to ask waits until it is played, in a thread for that."""
    folder: Path = state_of(connection).results_folder(study)
    who = f"{user_of(connection).name} {client_of(connection)}"
    return await slow(who, PLAYING, replays_of(connection).of, folder, arm, replication)


@router.get("/replay", include_in_schema=False)
def page(request: Request) -> HTMLResponse:
    """The page; without results yet it says how to get some."""
    state, visit = state_of(request), visit_of(request)
    return replay_page(visit, chooser(state.settings.results, state.results_names(), visit))


@router.get("/replay/about")
async def about(
    request: Request, study: Study, arm: Arm = "", replication: Replication = 0, lang: Lang = "en"
) -> JSONResponse:
    """What is said once about a run; the first to ask waits until it is played."""
    if lang not in LANGUAGES:
        raise InputError("unknown language", field="lang", found=lang, allowed=LANGUAGES)
    replay = (await _held(request, study, arm, replication)).replay
    return JSONResponse(await away(WINDOWS, scene.about, replay, lang))


@router.get("/replay/city")
async def city(request: Request, study: Study, arm: Arm = "", replication: Replication = 0) -> Response:
    """The roads and places, packed and compressed."""
    held = await _held(request, study, arm, replication)
    headers = {"Content-Encoding": "gzip", "Cache-Control": IMMUTABLE}
    return Response(held.city, media_type="application/octet-stream", headers=headers)


@router.get("/replay/case/{case}")
async def case(request: Request, case: int, study: Study, arm: Arm = "", replication: Replication = 0) -> JSONResponse:
    """The life of a case, what the record says beside what is true."""
    replay = (await _held(request, study, arm, replication)).replay
    return JSONResponse(await away(WINDOWS, replay.life, case))


@router.get("/replay/next")
async def next_event(
    request: Request,
    study: Study,
    after: float,
    arm: Arm = "",
    replication: Replication = 0,
    kinds: Annotated[str, Query(max_length=400)] = ",".join(TOLD),
    back: bool = False,
) -> JSONResponse:
    """The next (or last) event of some kinds."""
    replay = (await _held(request, study, arm, replication)).replay
    return JSONResponse({"event": await away(WINDOWS, replay.next_event, after, kinds.split(","), back)})


class Viewers:
    """The sockets that watch, in a bounded number of places; whoever holds most makes way for the next.

    Parameters
    ----------
    most
        Places.
    """

    def __init__(self, most: int = MOST_VIEWERS) -> None:
        self.most = most
        self._ends: dict[asyncio.Event, str] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def enter(self, who: str) -> asyncio.Event:
        """Take a place; returns what is set when it is needed by somebody else."""
        if len(self._ends) >= self.most:
            count = Counter(self._ends.values())
            count[who] += 1
            crowd = max(count.values())
            gone = next(end for end, whose in self._ends.items() if count[whose] == crowd)
            gone.set()
            del self._ends[gone]
        end = asyncio.Event()
        self._ends[end] = who
        return end

    def leave(self, end: asyncio.Event) -> None:
        """Give a place back."""
        self._ends.pop(end, None)


class Wish:
    """What one viewer wants now: windows in order; setting it anew replaces the rest."""

    def __init__(self) -> None:
        self.windows: list[int] = []
        self.changed = asyncio.Event()

    def set(self, message: str, most: int) -> None:
        """Take up a message ``{"windows": [numbers]}``.

        Raises
        ------
        InputError
            When it is something else, or names too many.
        """
        try:
            asked: Any = json.loads(message)
            windows = asked["windows"]
            good = isinstance(windows, list) and len(windows) <= MOST_AHEAD
            good = good and all(type(n) is int and 0 <= n < most for n in windows)
        except (ValueError, TypeError, KeyError, RecursionError):
            good = False
        if not good:
            allowed = f'{{"windows": up to {MOST_AHEAD} numbers from 0 to {most - 1}}}'
            raise InputError("not a wish", field="windows", found=message[:80], allowed=allowed)
        self.windows = list(windows)
        self.changed.set()


@router.websocket("/replay/stream")
async def stream(socket: WebSocket, study: Study, arm: Arm = "", replication: Replication = 0) -> None:
    """Windows as they are asked for; a mistake is answered with ``{"error": sentence}`` and the socket closed."""
    with suppress(WebSocketDisconnect):  # the viewer left
        await socket.accept()
        await _watched(socket, study, arm, replication)


async def _watched(socket: WebSocket, study: str, arm: str, replication: int) -> None:
    """Give a viewer a place and serve it; the place is given back whatever happens."""
    replays_of(socket)
    viewers: Viewers = socket.app.state.replay_viewers
    place = viewers.enter(f"{user_of(socket).name} {client_of(socket)}")
    try:
        held = await _held(socket, study, arm, replication)
        await _serve(socket, held, place)
    except InputError as error:
        await socket.send_text(
            json.dumps({"error": sentence(error, language_of(socket, state_of(socket).settings.lang))})
        )
        await socket.close(4400)
    finally:
        viewers.leave(place)


async def _serve(socket: WebSocket, held: Held, place: asyncio.Event) -> None:
    wish = Wish()
    sending, going = asyncio.create_task(_send(socket, held, wish)), asyncio.create_task(place.wait())
    try:
        while True:
            receiving = asyncio.ensure_future(received(socket))
            done, _ = await asyncio.wait({receiving, sending, going}, return_when=asyncio.FIRST_COMPLETED)
            if sending in done or going in done:
                receiving.cancel()
                if going in done:
                    await socket.close(1013, "too many viewers; others need the place")
                    return
                sending.result()
                return
            wish.set(receiving.result(), held.replay.windows)
    finally:
        sending.cancel()
        going.cancel()


async def _send(socket: WebSocket, held: Held, wish: Wish) -> None:
    while True:
        await wish.changed.wait()
        if not wish.windows:
            wish.changed.clear()
            continue
        number = wish.windows.pop(0)
        window = await away(WINDOWS, held.window, number)
        try:
            await asyncio.wait_for(socket.send_bytes(window), SEND_S)
        except TimeoutError:  # who takes nothing gives up its place
            raise WebSocketDisconnect(1013) from None
