"""Opening the port: uvicorn with our application, and the line that tells the user where to look."""

from __future__ import annotations

import gc
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from dashboards.server.app import create_app
from dashboards.server.connections import Bounded, most_connections
from dashboards.server.logs import CONFIG
from dashboards.server.reach import host_told
from dashboards.server.settings import Settings
from dashboards.server.sockets import Protocol
from dashboards.server.weigh import few_arenas
from sim.errors import InputError

SHUTDOWN_S = 5
SWITCH_S = 0.001
"""How long one thread computes while another waits: the event loop waits so long at each turn while a page is made."""
ACCEPTED_AT_ONCE, WAITING = 24, 1024
"""Connections taken in one turn of the event loop, and those that the system holds meanwhile. A turn takes handles
before the bound on connections is looked at (a few turns later), so a burst must not take all that are reserved."""


def listen(settings: Settings) -> socket.socket:
    """Return a bound socket; port 0 takes a free one.

    Raises
    ------
    InputError
        The port is taken, or the address is not this computer's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # only of such does asyncio send at once
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host.strip("[]"), settings.port))
    except OSError as error:
        bound.close()
        raise InputError(
            f"the port cannot be opened ({error.strerror})", field="--port", found=f"{settings.host}:{settings.port}",
            allowed="a free port; 0 takes any",
        ) from None  # fmt: skip
    return bound


def address(settings: Settings, bound: socket.socket) -> str:
    """Return the address that a user types."""
    host = host_told(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}/"


def server_for(settings: Settings) -> uvicorn.Server:
    """Return the server, not yet running."""
    few_arenas()
    places = type("Bounded", (Bounded,), {"most": most_connections()})
    config = uvicorn.Config(
        create_app(settings),
        http=places,
        log_config=CONFIG,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws=Protocol,
        ws_max_size=1_000_000,
        ws_per_message_deflate=False,  # frames are small, and packing each for every client costs more than it saves
        timeout_graceful_shutdown=SHUTDOWN_S,
        backlog=ACCEPTED_AT_ONCE,
    )
    return Warmed(config)


class Warmed(uvicorn.Server):
    """A server that never looks again, when it cleans up, through what it has built at its start."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; what is there then stays for good."""
        sys.setswitchinterval(SWITCH_S)
        await super().startup(sockets)
        for bound in sockets or ():
            bound.listen(WAITING)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; everything may go again."""
        gc.unfreeze()
        await super().shutdown(sockets)


def serve(settings: Settings, say: Callable[[str], None], browser: bool = False) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    settings
        Checked settings.
    say
        Hears the address once the port is open.
    browser
        Open the user's browser there.
    """
    bound = listen(settings)
    try:
        server = server_for(settings)
        where = address(settings, bound)
        say(where)
        if browser:
            threading.Timer(1.0, webbrowser.open, (where,)).start()
        with suppress(KeyboardInterrupt):  # uvicorn has shut down in order and raises the signal again
            server.run(sockets=[bound])
    finally:
        bound.close()
