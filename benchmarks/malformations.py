"""What an attacker sends to each address of the dashboard: every route as its router tells it, and malformed requests.

Routes are read from the application itself, with the names of the fields that each takes, so that a new route or field
is attacked without a line here. A request is bytes, since no client library would send most of these. How the server
bears it is `benchmarks.malformed`.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import Mount, Route, WebSocketRoute

OWN_METHODS = ("HEAD", "OPTIONS")
ROUGH = (
    "\x00", "\ud800", "../../../etc/passwd", "a" * 300, "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "1e999",
    "-1", "9" * 400, "NaN", "%00", "{}", "[]", "\u202e", "\r\nX-Evil: 1", "A" * 7000, "",
)  # fmt: skip
"""Values for any parameter, field or cookie."""
LARGE = 99_000
KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b")
"""Content types that routes read."""


@dataclass(frozen=True)
class Address:
    """One method of one route, or a socket.

    Attributes
    ----------
    method
        ``GET`` and so on; ``SOCKET`` for a websocket.
    path
        With its parameters in braces.
    query, body
        Names of the fields that it takes.
    """

    method: str
    path: str
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attack:
    """Bytes for one connection, what they are, and what follows when a socket has been opened by them.

    Attributes
    ----------
    like
        Name of the like ones, of which a `sample` holds some; an attack without one has nothing like it.
    """

    name: str
    content: bytes
    then: bytes = b""
    like: str = ""


def addresses(app: Any) -> list[Address]:
    """Return every address of an application, as its routers have it.

    Raises
    ------
    TypeError
        For a kind of route that is not known here and could hold addresses.
    """
    found: set[Address] = set()
    waiting = [("", route) for route in app.routes]
    while waiting:
        before, route = waiting.pop()
        if hasattr(route, "original_router"):
            prefix = before + str(getattr(route.include_context, "prefix", ""))
            waiting += [(prefix, inner) for inner in route.original_router.routes]
        elif isinstance(route, Mount):
            waiting += [(before + route.path, inner) for inner in route.routes]
        elif isinstance(route, WebSocketRoute):
            found.add(Address("SOCKET", before + route.path, _fields(route, "query_params")))
        elif isinstance(route, Route):
            query, body = _fields(route, "query_params"), _fields(route, "body_params")
            found |= {Address(method, before + route.path, query, body) for method in route.methods or ()}
        else:
            raise TypeError(f"a route of an unknown kind: {route!r}")
    return sorted(found, key=lambda one: (one.path, one.method))


def _fields(route: Any, kind: str) -> tuple[str, ...]:
    """Return the names of a route's fields; those of a model are its own."""
    names: list[str] = []
    for field in getattr(getattr(route, "dependant", None), kind, ()):
        model = getattr(getattr(field.field_info, "annotation", None), "model_fields", None)
        names += list(model) if model else [field.alias]
    return tuple(names)


def sample(attacks: Iterable[Attack], most: int, seed: int) -> list[Attack]:
    """Return attacks with at most so many of those that are like one another, drawn by a seed, in their order."""
    groups: dict[str, list[Attack]] = {}
    for attack in attacks:
        groups.setdefault(attack.like or f"= {attack.name}", []).append(attack)
    draw = random.Random(seed)
    return [one for group in groups.values() for one in (group if len(group) <= most else draw.sample(group, most))]


def filled(path: str, values: Mapping[str, str], rough: str | None = None) -> str:
    """Return a path with its parameters filled in: by name, or all with something rough."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda m: values.get(m[1], "x") if rough is None else rough, path)


def quoted(words: str) -> str:
    """Return text as it stands in an address, whatever it holds."""
    known = string.ascii_letters + string.digits + "-._~"
    return "".join(c if c in known else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogatepass")) for c in words)


class Sender:
    """Makes requests to one server.

    Parameters
    ----------
    host
        Host and port.
    values
        Parameter -> a value that is there: a study, a room's code, a role.
    cookie
        The seat in the room of that code.
    """

    def __init__(self, host: str, values: Mapping[str, str], cookie: str = "") -> None:
        self.host, self.values, self.cookie = host, values, cookie

    def head(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the head of a request."""
        told = {"Host": self.host, "Connection": "close", "Cookie": self.cookie, **(headers or {})}
        lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in told.items() if v), "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace")

    def whole(self, method: str, target: str, kind: str, body: bytes, **headers: str) -> bytes:
        """Return a request with a body."""
        return self.head(method, target, {"Content-Type": kind, "Content-Length": str(len(body)), **headers}) + body

    def attacks(self, to: Address) -> Iterator[Attack]:
        """Yield malformed requests to one address."""
        if to.method == "SOCKET":
            yield from self._socket(to)
            return
        yield from self._targets(to)
        yield from self._heads(to)
        if to.method not in ("GET", *OWN_METHODS):
            yield from self._bodies(to)

    def _targets(self, to: Address) -> Iterator[Attack]:
        for rough in ROUGH if "{" in to.path else ():
            asked = self.head(to.method, filled(to.path, {}, quoted(rough)))
            yield Attack(f"path {rough[:12]!r}", asked, like="path")
        here = filled(to.path, self.values)
        good = "&".join(f"{name}={quoted(self.values[name])}" for name in to.query if name in self.values)
        for name, rough in itertools.product((*to.query, "lang"), ROUGH):
            target = f"{here}?{good}&{name}={quoted(rough)}"
            yield Attack(f"query {name}={rough[:12]!r}", self.head(to.method, target), like=f"query {name}")
        for query in ("%", "&" * 7900, "a=1&" * 1900, "=" * 100, "%ED%A0%80=%FF", "lang=zh&lang=en"):
            yield Attack(f"query {query[:8]}", self.head(to.method, f"{here}?{query}"))

    def _heads(self, to: Address) -> Iterator[Attack]:
        here = filled(to.path, self.values)
        for headers in (
            {"Accept": "text/html", "Accept-Language": "\xff" * 40}, {"Accept": "," * 60_000},
            {"Cookie": "gridwhistle_seat=" + "é" * 3000}, {"Cookie": "a=b; " * 9000}, {"Cookie": '"\\' * 20_000},
            {"Cookie": "gridwhistle_lang=\x01; gridwhistle_browser=\t"}, {"Accept-Encoding": "gzip;q=x, br;q=-1"},
            {"If-None-Match": '"' * 9000}, {"Range": "bytes=9-1,,"}, {"X-Forwarded-For": "x" * 9000},
            {"Content-Type": "charset" + " " * 30_000}, {"Content-Type": "multipart/form-data"},
            {"Content-Length": "-1"}, {"Content-Length": "9" * 30}, {"Transfer-Encoding": "nonsense"},
            {"Expect": "200-ok"}, {"Upgrade": "h2c"}, {"Origin": "null"}, {"Authorization": "Bearer " + "x" * 9000},
        ):  # fmt: skip
            said = "; ".join(f"{k}: {v[:12]}" for k, v in headers.items())
            yield Attack(f"header {said}", self.head(to.method, here, headers))
        line = f"{to.method} {here} HTTP/9.9\r\nHost: {self.host}\r\nConnection: close\r\n\r\n"
        yield Attack("another HTTP", line.encode("latin-1", "replace"))

    def _bodies(self, to: Address) -> Iterator[Attack]:
        here = filled(to.path, self.values)
        names = to.body or ("a",)
        for (name, body), kind in itertools.product(rough_bodies(), (*KINDS, "multipart/form-data", "")):
            said = f"{kind.partition(';')[0] or 'no kind'} {name}"
            yield Attack(said, self.whole(to.method, here, kind, body), like=f"body {name}")
        for name, kind, body in field_bodies(names, self.values):
            yield Attack(name, self.whole(to.method, here, kind, body), like=name.partition("=")[0])
        chunks = b"".join(b"1\r\n[\r\n" for _ in range(9000))
        head = self.head(to.method, here, {"Content-Type": KINDS[0], "Transfer-Encoding": "chunked"})
        yield Attack("chunks of one byte", head + chunks + b"0\r\n\r\n")
        yield Attack("chunks that are none", head + b"xyz\r\n")
        yield Attack("more than is allowed", head + b"FFFFF\r\n" + b" " * 0xFFFFF + b"\r\n0\r\n\r\n")

    def _socket(self, to: Address) -> Iterator[Attack]:
        good = "&".join(f"{name}={quoted(self.values[name])}" for name in to.query if name in self.values)
        here = f"{filled(to.path, self.values)}?{good}"
        for rough in ROUGH:
            yield Attack(f"path {rough[:12]!r}", self.upgrade(filled(to.path, {}, quoted(rough))), like="path")
            for name in to.query:
                asked = self.upgrade(f"{here}&{name}={quoted(rough)}")
                yield Attack(f"query {name}={rough[:12]!r}", asked, like=f"query {name}")
        for headers in ({"Sec-WebSocket-Version": "1"}, {"Sec-WebSocket-Key": "short"}, {"Upgrade": "tea"},
                        {"Sec-WebSocket-Extensions": "permessage-deflate; " * 500}):  # fmt: skip
            yield Attack(f"handshake {next(iter(headers))}", self.upgrade(here, headers))
        for name, frames in messages():
            yield Attack(f"frames {name}", self.upgrade(here), frames)
        for act, rough, frames in acts():
            yield Attack(f"frames {act} {rough}", self.upgrade(here), frames, like=f"act {act}")

    def upgrade(self, target: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the head that asks for a socket."""
        asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                 "Sec-WebSocket-Version": "13", **(headers or {})}  # fmt: skip
        return self.head("GET", target, asked)


def rough_bodies() -> Iterator[tuple[str, bytes]]:
    """Yield bodies by name that can be nothing, small ones and as large ones as are let in."""
    yield from (
        ("nothing", b""), ("half", b'{"a": '), ("a list", b"[]"), ("null", b"null"), ("no text", b"\xff\xfe\x00"),
        ("deep", b"[" * LARGE), ("numbers", b"[" + b"9" * 90_000 + b"]"),
        ("lists", b"[" + b"[]," * 32_000 + b"0]"),
        ("fields", b"a=1&" * 24_000), ("signs", b"&" * LARGE), ("one name", b"a" * LARGE), ("lines", b"\r\n" * 49_000),
        ("percents", b"%" * LARGE), ("near ends", b"--b\r\n\r\n" + b"\r\n--\r\n-b" * 10_000),
        ("parts", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 1600 + b"--b--\r\n"),
        ("a long head", b"--b\r\n" + b"X" * LARGE), ("heads", b"--b\r\n" + b"A: b\r\n" * 15_000),
        ("no number", b'{"a": NaN, "b": 1e999}'), ("keys", json.dumps({f"k{n}": n for n in range(7000)}).encode()),
    )  # fmt: skip


def field_bodies(names: tuple[str, ...], values: Mapping[str, str]) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, content type and body: the fields of a route, one of them rough, in each way that fields are sent."""
    for name, rough in itertools.product(names, (*ROUGH, None, 7, [[]], {"a": {}})):
        fields = {**{other: values.get(other, "x") for other in names}, name: rough}
        said = f"{name}={str(rough)[:12]!r}"
        yield f"JSON {said}", KINDS[0], json.dumps(fields).encode()
        if isinstance(rough, str):
            yield f"form {said}", KINDS[1], "&".join(f"{k}={quoted(str(v))}" for k, v in fields.items()).encode()
            yield f"parts {said}", KINDS[2], _parts(fields)
        if rough in ROUGH[:4]:
            yield f"files {said}", KINDS[2], _parts(fields, '; filename="' + str(rough) + '"')


def _parts(fields: Mapping[str, Any], more: str = "") -> bytes:
    made = (f'--b\r\nContent-Disposition: form-data; name="{k}"{more}\r\n\r\n{v}\r\n' for k, v in fields.items())
    return "".join(made).encode("utf-8", "surrogatepass") + b"--b--\r\n"


def frame(content: bytes, kind: int = 1, masked: bool = True, last: bool = True) -> bytes:
    """Return one frame of a socket; a mask of zeros leaves its content as it is."""
    first, size = (0x80 if last else 0) | kind, len(content)
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes([first, mask | size])
    elif size < 65_536:
        head = bytes([first, mask | 126]) + size.to_bytes(2)
    else:
        head = bytes([first, mask | 127]) + size.to_bytes(8)
    return head + (b"\0" * 4 if masked else b"") + content


def messages() -> Iterator[tuple[str, bytes]]:
    """Yield frames by name: what is no frame, no text, no JSON, no message; each ends by closing."""
    close = frame(b"\x03\xe8", 8)
    yield from (
        ("noise", b"\xff" * 500), ("not masked", frame(b"{}", masked=False)),
        ("no text", frame(b"\xff\xfe") + close),
        ("bytes", frame(b'{"do": "note"}', 2) + close), ("a long ping", frame(b"x" * 200, 9) + close),
        ("an unknown kind", frame(b"x", 5)), ("more first", frame(b"x", 0)),
        ("never ending", frame(b"x", last=False) + close),
        ("too long", frame(b"x" * 1_200_000) + close), ("a length of 2^63", b"\x81\xff" + b"\x80" + b"\0" * 11),
        ("deep", frame(b"[" * 39_000) + close), ("deep beyond", frame(b'{"a":' * 30_000) + close),
        ("half a character", frame(b'{"do": "note", "text": "\\ud800", "id": 1}') + close),
        ("many", frame(b"{}") * 200 + close), ("windows", frame(b'{"windows": [0, -1, 1e9, "x"]}') + close),
        ("a wish", frame(b'{"windows": {"a": []}}') + close), ("pings", frame(b"x", 9) * 2000 + close),
        ("no number", frame(b'{"do": "speed", "speed": NaN}') + close), ("a wrong end", frame(b"\x00\x01oops", 8)),
    )  # fmt: skip


def acts() -> Iterator[tuple[str, str, bytes]]:
    """Yield act, what is rough in it, and its frames: everything that a seat can say, with all that it says rough."""
    close = frame(b"\x03\xe8", 8)
    known = ("start", "note", "adhoc", "decide", "speed", "step", "rate", "retime", "free", "branch", "stop", "nothing")
    for act, rough in itertools.product(known, (*ROUGH, None, 7, [[]], {"a": {}}, 1e300, True)):
        names = ("text", "content", "speed", "minutes", "option", "decision", "inject", "at_min", "role", "number",
                 "points", "criterion", "reason", "message", "futures")  # fmt: skip
        given = {"do": act, "id": 1, **dict.fromkeys(names, rough)}
        yield act, repr(str(rough)[:12]), frame(json.dumps(given).encode()) + close
