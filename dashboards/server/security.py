"""The gate before everything else: which host names, origins and sizes are accepted, and which headers go out.

It stops pages of other sites from reaching a server on loopback: by a name that is made to point here (the Host is
checked), and by forms and sockets sent from elsewhere (the Origin is checked). Who the user is, is
`dashboards.server.access`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.server.settings import Settings

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MOST_BODY_BYTES = 1_000_000
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""The policy of every page that does not bring its own."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class TooLarge(Exception):
    """A request's body exceeds the limit."""


class Gate:
    """ASGI layer: refuses wrong hosts, foreign origins and large bodies; adds the security headers to each answer."""

    def __init__(self, app: ASGIApp, settings: Settings, most_body_bytes: int = MOST_BODY_BYTES) -> None:
        self.app, self.settings, self.most = app, settings, most_body_bytes
        self.names = {"localhost", *settings.names}
        if not settings.loopback:
            self.names |= {settings.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(scope, receive, _guarded(send), *refusal)
            return
        body, out = _Body(receive, self.most), _guarded(send)

        async def answer(message: Message) -> None:
            if not body.over:  # what the application says about a body that was cut off is dropped
                await out(message)

        with suppress(TooLarge):
            await self.app(scope, body.receive, answer)
        if body.over:
            await _refuse(scope, receive, out, 413, f"a request may hold {self.most:,} bytes")

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._known(host):
            return 421, "this server does not answer to that host name"
        if not _same_origin(headers, scope):
            return 403, "this request comes from another site"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.most:
            return 413, f"a request may hold {self.most:,} bytes"
        return None

    def _known(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname
        if not name:
            return False
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self.names
        return address.is_loopback or not self.settings.loopback  # an address cannot be made to point elsewhere


class _Body:
    """A request's body, counted while it is received; sockets bound each message by themselves."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive, self.most, self.taken = receive, most_bytes, 0

    @property
    def over(self) -> bool:
        """Whether more came than is allowed."""
        return self.taken > self.most

    async def receive(self) -> Message:
        """Return the next piece.

        Raises
        ------
        TooLarge
            The pieces so far exceed the limit.
        """
        message = await self._receive()
        if message["type"] == "http.request":
            self.taken += len(message.get("body", b""))
            if self.over:
                raise TooLarge
        return message


def _same_origin(headers: Headers, scope: Scope) -> bool:
    """Whether a changing request or a socket comes from a page of this server, or from no page at all."""
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return True
    origin = headers.get("origin")
    if origin is None:  # not a browser; a browser names the origin of every such request
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _guarded(send: Send) -> Send:
    async def adding(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return adding


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4000 + status, "reason": words})
        return
    await JSONResponse({"error": words}, status)(scope, receive, send)
