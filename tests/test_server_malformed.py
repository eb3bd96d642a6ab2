"""Malformed requests to every route of a real server: they get 4xx in words, never 500 and never a traceback."""

from __future__ import annotations

import json
import logging
import random
import re
import string

import httpx
import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as tried
from hypothesis import strategies as st
from server_attacks import served
from starlette.routing import Route

from benchmarks.malformations import frame
from dashboards.lab.update import UPDATE
from dashboards.server.settings import settings

HTTP = (b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH")
ROUGH = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["\x00", "\ud800", "../../etc/passwd", "a" * 300, "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "1e999",
         "-1", "9" * 400, "NaN", "%00", "{}", "[]", "null", "\u202e", "🏙", " ", "\r\nX-Evil: 1", "A" * 9000]
    ),
)  # fmt: skip
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), ROUGH),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ROUGH, inner, max_size=3)),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("attacked")
    for name, text in (("cut-off", "{"), ("a-list", "[1]"), ("half", '{"schema": 1, "title": "\\ud800"}')):
        (root / "results" / name).mkdir(parents=True)
        (root / "results" / name / "manifest.json").write_text(text, encoding="utf-8")
    with served(settings(port=0, results=root / "results", scenarios=root / "own")) as one:
        yield one


@pytest.fixture
def faults(caplog):
    """Whatever the server wrote about a fault of its own while a test ran."""
    logger = logging.getLogger("uvicorn.error")
    watched = [logger, logging.getLogger("gridwhistle"), logging.getLogger("asyncio")]
    for one in watched:
        one.addHandler(caplog.handler)
    yield lambda: [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR or r.exc_info]
    for one in watched:
        one.removeHandler(caplog.handler)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("/", {"Host": "["}, 421),
        ("/", {"Host": "[::1"}, 421),
        ("/", {"Host": "a@127.0.0.1"}, 421),
        ("/", {"Host": "127.0.0.1:x"}, 421),
        ("/", {"Host": "127.0.0.1/evil"}, 421),
        ("/", {"Host": "h" * 300}, 421),
        ("/static/%00.js", {}, 404),
        ("/static/" + "n" * 300 + ".js", {}, 404),
        ("/static/" + "n/" * 600 + ".js", {}, 404),
        ("/lab-files/scenario/%00.yaml", {}, 404),
        ("/lab-files/scenario/" + "x" * 300 + ".yaml", {}, 404),
        ("/%0d%0aX-Evil:%201", {}, 404),
        ("/lab-files/study/" + "y" * 300 + "/report", {}, 404),
        ("/?" + "q" * 9000, {}, 404),
        ("/static/base.css", {"Content-Length": "\u00b2"}, 400),
        ("/replay/about?study=%00", {}, 400),
        ("/replay/about?study=%ED%A0%80&replication=99999999999999999999", {}, 422),
        ("/lab/_dash-component-suites/dash/%00", {}, 404),
    ],
)
def test_addresses_and_hosts_that_cannot_be_are_refused_in_words(place, faults, line, headers, status):
    told = {"Host": f"127.0.0.1:{place.port}", "Connection": "close", **headers}
    text = f"GET {line} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in told.items()) + "\r\n"
    answer = place.raw(text.encode("latin-1"))
    assert status_of(answer) == status and b"Traceback" not in answer and faults() == []


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "[", "null", "http://127.0.0.1:99999999", "\u00e9://"])
def test_origins_that_cannot_be_are_foreign(place, faults, origin):
    head = f"POST /lab-files/run/check HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nOrigin: {origin}\r\n"
    answer = place.raw(f"{head}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode("latin-1"))
    assert status_of(answer) == 403 and faults() == []


def routes(place) -> list[tuple[str, str]]:
    """Return method and path of every route of the server, those that Dash has added too."""
    waiting, known = list(place.server.config.app.routes), []
    while waiting:
        one = waiting.pop()
        waiting += one.original_router.routes if hasattr(one, "original_router") else []
        known += [one] if isinstance(one, Route) else []
    found = {(m, r.path) for r in known for m in r.methods or ()}
    assert len(found) > 25
    return sorted(found)


def filled(path: str, words: list[str]) -> str:
    """Return a route's path with rough words in the place of its parameters."""
    given = iter(words * 5)
    return re.sub(r"\{[^}]+\}", lambda _: next(given), path)


def quoted(words: str) -> str:
    return "".join(c if c in string.ascii_letters + string.digits + "-._~/" else "".join(
        f"%{b:02X}" for b in c.encode("utf-8", "surrogatepass")) for c in words)  # fmt: skip


@seed(18)
@tried(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_route_answers_500_to_malformed_input(place, faults, data):
    method, path = data.draw(st.sampled_from(routes(place)))
    words = data.draw(st.lists(ROUGH, min_size=1, max_size=3))
    query = data.draw(st.dictionaries(st.sampled_from(["study", "arm", "replication", "lang", "next", "kinds", "after",
                                                       "scenario", "policy", "at"]), ROUGH, max_size=4))  # fmt: skip
    target = quoted(filled(path, words)) + "?" + "&".join(f"{k}={quoted(v)}" for k, v in query.items())
    kind, body = data.draw(bodies())
    head = f"{method} {target[:9000]} HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nContent-Type: {kind}\r\n"
    head += f"Accept: {data.draw(st.sampled_from(['text/html', '*/*', 'application/json']))}\r\n"
    answer = place.raw(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode("latin-1") + body)
    assert status_of(answer) < 500 and b"Traceback" not in answer, (method, target, kind, body[:200])
    assert faults() == [], (method, target, kind, body[:200])


@st.composite
def bodies(draw) -> tuple[str, bytes]:
    """Return a content type and a body that may or may not agree."""
    kind = draw(st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain",
                                 "multipart/form-data; boundary=b", "multipart/form-data", "application/json; "
                                 "charset=idna", "application/x-www-form-urlencoded; charset=utf-7"]))  # fmt: skip
    shape = draw(st.integers(0, 3))
    if shape == 0:
        return kind, draw(st.binary(max_size=60))
    if shape == 1:
        return kind, json.dumps(draw(JSONS)).encode()
    fields = draw(st.dictionaries(st.sampled_from(["token", "next", "exercise", "code", "role", "control", "recording",
                                                   "scenario", "arms", "days"]), ROUGH, max_size=3))  # fmt: skip
    if shape == 2:
        return kind, "&".join(f"{k}={quoted(v)}" for k, v in fields.items()).encode()
    parts = [b"--b\r\nContent-Disposition: form-data; name=\"" + k.encode() + b"\"; filename=\"x\"\r\n\r\n"
             + v.encode("utf-8", "surrogatepass") + b"\r\n" for k, v in fields.items()]  # fmt: skip
    return kind, b"".join(parts) + draw(st.sampled_from([b"--b--\r\n", b"--b", b""]))


GOOD = {
    "output": "page.children",
    "outputs": {"id": "page", "property": "children"},
    "inputs": [
        {"id": "address", "property": "pathname", "value": "/lab/library"},
        {"id": "address", "property": "search", "value": "?lang=en"},
    ],
    "changedPropIds": ["address.pathname"],
}


def asked(place, body: bytes) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return httpx.post(f"{place.url}/lab/{UPDATE}", content=body, headers=headers, timeout=60)


def test_what_a_page_of_ours_sends_to_dash_is_answered(place):
    found = asked(place, json.dumps(GOOD).encode())
    assert found.status_code == 200 and "page" in found.json()["response"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}", b"\xff\xfe", b"[" * 50_000, b"[" + b"[]," * 9_000 + b"0]",
        b" " * 40_000 + b"{}", b'{"output": NaN}',
        b'{"output": "\\ud800"}',
        *(json.dumps({**GOOD, **change}).encode() for change in (
            {"output": 1}, {"output": "no.such"}, {"output": "page.children "}, {"output": ["page.children"]},
            {"inputs": None}, {"inputs": {}}, {"inputs": []}, {"inputs": [1, 2]}, {"inputs": [None, None]},
            {"inputs": GOOD["inputs"][::-1]}, {"inputs": GOOD["inputs"] * 2}, {"state": [{}]}, {"state": "x"},
            {"inputs": [{**GOOD["inputs"][0], "value": 7}, GOOD["inputs"][1]]},
            {"inputs": [{**GOOD["inputs"][0], "value": "\ud800"}, GOOD["inputs"][1]]},
            {"inputs": [{**GOOD["inputs"][0], "value": {"a": []}}, GOOD["inputs"][1]]},
            {"inputs": [{"id": {"a": 1}, "property": "pathname"}, GOOD["inputs"][1]]},
            {"outputs": None}, {"outputs": []}, {"outputs": {"id": "x", "property": "children"}}, {"outputs": 3},
            {"changedPropIds": None}, {"changedPropIds": [1]}, {"changedPropIds": ["{.x"]},
            {"changedPropIds": ['{"do":[]}.n_clicks']}, {"changedPropIds": "abc"}, {"parsedChangedPropsIds": 1},
        )),
    ],
)  # fmt: skip
def test_malformed_bodies_never_reach_dash(place, faults, body):
    found = asked(place, body)
    assert found.status_code == 400 and found.json()["error"] and faults() == []


def test_mutated_bodies_of_every_callback_are_answered_without_a_fault(place, faults):
    drawn = random.Random(18)
    for name, callback in place.server.config.app.state.lab.callback_map.items():
        base = body_for(name, callback)
        for _ in range(20):
            found = asked(place, json.dumps(mutated(base, drawn)).encode())
            assert found.status_code < 500, (name, found.text)
    assert faults() == []


def body_for(name: str, callback: dict) -> dict:
    """Return a body of the right form for a callback, its values empty."""

    def entry(one: dict) -> object:
        if not one["id"].startswith("{"):
            return {"id": one["id"], "property": one["property"], "value": None}
        id = any_of(one["id"])
        made = {"id": id, "property": one["property"], "value": id if one["property"] == "id" else None}
        return [made] if "ALL" in one["id"] else made

    wanted = name[2:-2].split("...") if name.startswith("..") else [name]
    outputs = []
    for full in wanted:
        id, _, prop = full.rpartition(".")
        outputs.append({"id": any_of(id) if id.startswith("{") else id, "property": prop})
    given = {key: [entry(one) for one in callback[key]] for key in ("inputs", "state")}
    return {"output": name, "outputs": outputs if name.startswith("..") else outputs[0], "changedPropIds": [], **given}


def any_of(pattern: str) -> dict:
    """Return an id that fits a pattern."""
    return {key: "x" if isinstance(value, list) else value for key, value in json.loads(pattern).items()}


def mutated(thing, drawn: random.Random):
    """Return a copy with something in it replaced."""
    if drawn.random() < 0.12 or not isinstance(thing, dict | list) or not thing:
        return drawn.choice(
            [None, 0, -1, 1.5, "", "x", "?study=cut-off", "?study=half&lang=zh", [], {}, [[]], {"a": {}}]
        )
    if isinstance(thing, list):
        at = drawn.randrange(len(thing))
        return [mutated(one, drawn) if k == at else one for k, one in enumerate(thing)]
    key = drawn.choice(list(thing))
    if drawn.random() < 0.1:
        return {k: v for k, v in thing.items() if k != key}
    return {**thing, key: mutated(thing[key], drawn)}


def test_broken_text_and_an_end_in_one_breath_close_a_socket_in_silence(place, caplog):
    head = (f"GET /replay/stream?study=x HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n")  # fmt: skip
    with caplog.at_level(logging.WARNING), place.connect() as wire:
        wire.sendall(head.encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 101")
        wire.sendall(frame(b"\xff\xfe") + frame(b"\x03\xe8", 8))
        while wire.recv(4096):
            pass
    assert not [r for r in caplog.records if r.exc_info or r.levelno >= logging.ERROR]


def test_the_socket_that_no_page_uses_is_not_there(place):
    head = (f"GET /lab/_dash-ws-callback HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nUpgrade: websocket\r\n"
            f"Origin: {place.url}\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {'A' * 22}==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n")  # fmt: skip
    assert status_of(place.raw(head.encode())) in (403, 404)
