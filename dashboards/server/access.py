"""Who is asking: sessions behind a cookie, bearer tokens, and roles that are checked on the server.

:class:`Access` is the ASGI layer that finds the user of every request and turns strangers away;
:func:`require` is what a route says to ask for a role. It does not decide what a page shows.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from fastapi import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.server.settings import LOCAL, Settings, User, digest
from dashboards.server.tries import Tries

COOKIE = "gridwhistle_session"
SAFE_COOKIE = f"__Host-{COOKIE}"
"""The session's name over HTTPS: a browser takes it from this host alone, and sends it over HTTPS alone."""
SESSION_S = 12 * 3600
MOST_SESSIONS = 1000
OPEN_PATHS = ("/login", "/health")
OPEN_FOLDER = "/static/"
"""What a stranger may see: the door itself, and whether the server lives."""

_user: ContextVar[User | None] = ContextVar("gridwhistle_user", default=None)


def current_user() -> User:
    """Return the user of the request that is being answered.

    Raises
    ------
    HTTPException
        401 outside a request, or for a stranger.
    """
    user = _user.get()
    if user is None:
        raise HTTPException(401, "log in first")
    return user


def user_of(connection: HTTPConnection) -> User:
    """Return the user of a request or of a WebSocket.

    Raises
    ------
    HTTPException
        401 for a stranger.
    """
    user: User | None = connection.scope.get("state", {}).get("user")
    if user is None:
        raise HTTPException(401, "log in first")
    return user


def require(role: str) -> Callable[[HTTPConnection], User]:
    """Return a FastAPI dependency that lets in users of at least a role, for requests and WebSockets alike.

    Examples
    --------
    ``@router.post("/jobs", dependencies=[Depends(require("planner"))])``
    """

    def check(connection: HTTPConnection) -> User:
        user = user_of(connection)
        if not user.may(role):
            raise HTTPException(403, f"this needs the role {role}; {user.name} is a {user.role}")
        return user

    return check


@dataclass(frozen=True)
class _Session:
    user: User
    ends: float


class Sessions:
    """Sessions in memory: a random id -> user. They end with the server, after 12 hours, or at log-out."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: dict[str, _Session] = {}
        self.tries = Tries()

    def by_token(self, token: str) -> User | None:
        """Return the user of a token; every token is compared, so that time tells nothing."""
        given, found = digest(token), None
        for known, user in self.settings.users.items():
            if hmac.compare_digest(given, known):
                found = user
        return found

    def begin(self, token: str) -> str | None:
        """Return the id of a new session, or None for a wrong token."""
        user = self.by_token(token)
        if user is None:
            return None
        now = time.monotonic()
        self._open = {k: s for k, s in self._open.items() if s.ends > now}
        while len(self._open) >= MOST_SESSIONS:
            del self._open[next(iter(self._open))]
        made = secrets.token_urlsafe(32)
        self._open[digest(made)] = _Session(user, now + SESSION_S)
        return made

    def find(self, session: str) -> User | None:
        """Return the user of a session that is still open."""
        known = self._open.get(digest(session))
        return known.user if known is not None and known.ends > time.monotonic() else None

    def end(self, session: str) -> None:
        """Forget a session."""
        self._open.pop(digest(session), None)


class Access:
    """ASGI layer: finds the user, puts it into ``scope["state"]["user"]``, and turns strangers to the door."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self.app, self.sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        user, wrong = self._user(connection)
        often = wrong and await self.sessions.tries.refused(client_of(connection), "token")
        path = str(scope["path"])
        if often or (user is None and path not in OPEN_PATHS and not path.startswith(OPEN_FOLDER)):
            await self._turn_away(scope, receive, send, often)
            return
        scope.setdefault("state", {})["user"] = user
        mark = _user.set(user)
        try:
            await self.app(scope, receive, send)
        finally:
            _user.reset(mark)

    def _user(self, connection: HTTPConnection) -> tuple[User | None, bool]:
        """Return the user, and whether a token was given that is not known."""
        if not self.sessions.settings.users:
            return LOCAL, False
        session = session_of(connection)
        if session and (found := self.sessions.find(session)) is not None:
            return found, False
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return None, False
        user = self.sessions.by_token(token.strip())
        return user, user is None

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send, often: bool) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4429 if often else 4401, "reason": "log in first"})
            return
        if often:
            words = {"error": "too many wrong tokens; wait a minute"}
            await JSONResponse(words, 429, {"Retry-After": "60"})(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        wants_page = scope["method"] == "GET" and "text/html" in connection.headers.get("accept", "")
        answer: Response = JSONResponse({"error": "log in first"}, 401, {"WWW-Authenticate": "Bearer"})
        if wants_page:
            asked = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            answer = RedirectResponse(f"/login?next={quote(asked, safe='/')}", 303)
        await answer(scope, receive, send)


def client_of(connection: HTTPConnection) -> str:
    """Return the address of whoever asks; behind a trusted proxy it is the one that the proxy names.

    Of an IPv6 address it is the network (/64) that one household or phone has to itself: whoever has one has all.
    """
    host = connection.client.host if connection.client else ""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(found, ipaddress.IPv4Address):
        return host
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def secure(connection: HTTPConnection) -> bool:
    """Whether the browser speaks HTTPS, with us or with the trusted proxy before us."""
    return connection.scope.get("scheme") in ("https", "wss")


def session_name(connection: HTTPConnection) -> str:
    """Return the name of the session's cookie; over HTTPS the plain one is not even looked at."""
    return SAFE_COOKIE if secure(connection) else COOKIE


def session_of(connection: HTTPConnection) -> str:
    """Return the session that a request brings, empty when it brings none."""
    try:
        found = SimpleCookie(connection.headers.get("cookie", "")).get(session_name(connection))
    except CookieError:
        return ""
    return found.value if found is not None else ""
