"""The gate before everything else: which host names, origins and sizes are accepted, and which headers go out.

It stops pages of other sites from reaching a server on loopback: by a name that is made to point here (the Host is
checked), and by forms and sockets sent from elsewhere (the Origin is checked). Who the user is, is
`dashboards.server.access`.
"""

from __future__ import annotations

import ipaddress
import re
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
MOST_BODY_BYTES, MOST_UPLOAD_BYTES, MOST_FORM_BYTES = 100_000, 300_000, 16_000
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
UPLOADS = ("/lab-files/upload", "/drill/open")
"""Bounds of a request's body, and the addresses that take a file of up to 256 kB. A body is taken apart on the event
loop, where everybody waits for it, so no other address takes a large one, and none a large form: its
percent signs and its parts take the longest."""
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


STRICT_TRANSPORT = "max-age=31536000"
MOST_PATH, MOST_NAME_BYTES, MOST_QUERY_BYTES = 1000, 255, 8000
"""Bounds of an address: characters of the path, bytes of each name in it (what a file system takes), of the query."""
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9.\-]{1,253}))(?::[0-9]{1,5})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CHARSET = re.compile(r"charset\*?\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)


class TooLarge(Exception):
    """A request's body exceeds the limit."""


class Gate:
    """ASGI layer: refuses wrong hosts, foreign origins and large bodies; adds the security headers to each answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.names = {"localhost", *settings.names}
        if not settings.loopback:
            self.names |= {settings.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        out = _guarded(send, secure=scope.get("scheme") in ("https", "wss"))
        most = _most_bytes(scope)
        refusal = self._refusal(scope, most)
        if refusal is not None:
            await _refuse(scope, receive, out, *refusal)
            return
        body = _Body(receive, most)

        async def answer(message: Message) -> None:
            if not body.over:  # what the application says about a body that was cut off is dropped
                await out(message)

        with suppress(TooLarge):
            await self.app(scope, body.receive, answer)
        if body.over:
            await _refuse(scope, receive, out, 413, f"a request may hold {most:,} bytes here")

    def _refusal(self, scope: Scope, most: int) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if not self._known(headers.getlist("host")):
            return 421, "this server does not answer to that host name"
        if not _same_origin(headers, scope):
            return 403, "this request comes from another site"
        if not _can_be_here(scope):
            return 404, "no such address"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > most:
            return 413, f"a request may hold {most:,} bytes here"
        said = _CHARSET.search(headers.get("content-type", ""))
        if said is not None and said[1].lower() not in ("utf-8", "us-ascii"):
            return 415, "a request is in UTF-8"
        return None

    def _known(self, hosts: list[str]) -> bool:
        """Whether the one host that a request names is ours; anything that is no host is not."""
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            return False
        name = found[1] or found[2]
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return not found[1] and name.lower() in self.names
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


def _most_bytes(scope: Scope) -> int:
    """Return how much a request's body may hold, by what it says to be and where it goes."""
    said, upload = Headers(scope=scope).get("content-type", "").lower(), scope["path"] in UPLOADS
    if FORMS[0] in said or (FORMS[1] in said and not upload):
        return MOST_FORM_BYTES
    return MOST_UPLOAD_BYTES if upload else MOST_BODY_BYTES


def _same_origin(headers: Headers, scope: Scope) -> bool:
    """Whether a changing request or a socket comes from a page of this server, or from no page at all."""
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return True
    origin = headers.get("origin")
    if origin is None:  # not a browser; a browser names the origin of every such request
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:  # brackets that do not close, and the like
        return False


def _can_be_here(scope: Scope) -> bool:
    """Whether an address can be one of this server's: no control characters, no broken text, no endless names."""
    path = str(scope["path"])
    try:
        names = path.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    short = len(path) <= MOST_PATH and max(map(len, names)) <= MOST_NAME_BYTES
    return short and not _CONTROL.search(path) and len(scope.get("query_string", b"")) <= MOST_QUERY_BYTES


def _guarded(send: Send, secure: bool = False) -> Send:
    async def adding(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if secure:
                headers["Strict-Transport-Security"] = STRICT_TRANSPORT
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
