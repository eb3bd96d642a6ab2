"""The check of what a browser sends to Dash's update route, before Dash sees it.

Dash looks up whatever a body names and answers 500 when it is not there. Here a body is held against the callbacks
that are registered: a known output, its inputs and states in their order, values of the kinds that a browser sends.
What is wrong is answered with 400 and one sentence. What a callback does with it, is the callback's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPDATE = "_dash-update-component"
MOST_BYTES, MOST_TEXT, MOST_ENTRIES, MOST_CLICKS = 32_000, 4_000, 500, 2**53
TEXTS = ("pathname", "search")
COUNTS = ("n_clicks", "n_intervals")


class Malformed(Exception):
    """A body that no page of ours sends; the text says why."""


class UpdateGate:
    """ASGI layer: lets only well-formed bodies through to Dash's update route.

    Parameters
    ----------
    app
        What lies behind.
    lab
        The Dash application, whose callbacks are known by the first request.
    path
        Address of the route.
    """

    def __init__(self, app: ASGIApp, lab: Any, path: str) -> None:
        self.app, self.lab, self.path = app, lab, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self.path or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = await _whole(receive)
        if body is None:
            return  # the browser has gone
        try:
            check(parsed(body), self.lab.callback_map)
        except Malformed as error:
            await JSONResponse({"error": str(error)}, 400)(scope, receive, send)
            return
        given = iter([body])

        async def again() -> Message:
            for content in given:
                return {"type": "http.request", "body": content, "more_body": False}
            return await receive()

        scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k != b"content-type"]}
        scope["headers"].append((b"content-type", b"application/json"))
        await self.app(scope, again, send)


async def _whole(receive: Receive) -> bytes | None:
    """Return a request's body, whose size the gate bounds; None when the browser has gone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def parsed(body: bytes) -> Any:
    """Return the data of a JSON body.

    Raises
    ------
    Malformed
        Too long, no JSON, nested without end, with numbers that are none, or with text that is none.
    """
    _hold(len(body) <= MOST_BYTES, "the body is larger than any page sends")
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be written again
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON in UTF-8") from None
    return data


def _no_number(text: str) -> float:
    raise ValueError(text)


def check(body: Any, known: Mapping[str, Any]) -> None:
    """Hold a body against the callbacks that are registered.

    Raises
    ------
    Malformed
        See the message.
    """
    _hold(isinstance(body, dict), "the body is not a mapping")
    name = body.get("output")
    _hold(isinstance(name, str) and name in known, "the output is not known")
    callback = known[name]
    _hold("callback" in callback, "the output is made in the browser")
    for key, expected in (("inputs", callback["inputs"]), ("state", callback["state"])):
        given = body.get(key, [])
        _hold(isinstance(given, list) and len(given) == len(expected), f"the {key} are not those of the output")
        for entry, one in zip(given, expected, strict=True):
            _entries(entry, one)
    _outputs(body.get("outputs"), name)
    changed = body.get("changedPropIds", [])
    _hold(isinstance(changed, list) and len(changed) <= MOST_ENTRIES, "the changed properties are not a list")
    for one in changed:
        _changed(one)
    _hold(isinstance(body.get("parsedChangedPropsIds", []), list), "the changed properties are not a list")


def _hold(good: bool, words: str) -> None:
    if not good:
        raise Malformed(words)


def _entries(given: Any, expected: Mapping[str, str]) -> None:
    """Check what is sent for one input: an entry, or a list of them where the id is a pattern of many."""
    pattern = _pattern(expected["id"])
    if pattern is not None and any(value == ["ALL"] for value in pattern.values()):
        _hold(isinstance(given, list) and len(given) <= MOST_ENTRIES, "an input of many is not a list")
        for one in given:
            _entry(one, pattern, expected["property"])
    else:
        _entry(given, pattern or expected["id"], expected["property"])


def _pattern(id: str) -> dict[str, Any] | None:
    return json.loads(id) if id.startswith("{") else None


def _entry(given: Any, id: str | Mapping[str, Any], prop: str) -> None:
    _hold(isinstance(given, dict) and given.get("property") == prop, "an input is not that of the output")
    if isinstance(id, str):
        _hold(given.get("id") == id, "an input is not that of the output")
    else:
        _id(given.get("id"), id)
    value = given.get("value")
    if prop in TEXTS:
        _hold(value is None or (isinstance(value, str) and len(value) <= MOST_TEXT), "an address is not a short text")
    elif prop in COUNTS:
        _hold(value is None or (type(value) is int and 0 <= value <= MOST_CLICKS), "a count is not a whole number")
    elif prop == "id":
        _hold(value == given["id"], "an id is not that of its element")


def _id(given: Any, pattern: Mapping[str, Any] | None = None) -> None:
    """Check an id that is a mapping: the keys of its pattern, each a short text, what is fixed the same."""
    _hold(isinstance(given, dict) and (pattern is None or set(given) == set(pattern)), "an id is not of the pattern")
    _hold(all(isinstance(v, str) and len(v) <= MOST_TEXT for v in given.values()), "an id is not of the pattern")
    fixed = {key: value for key, value in (pattern or {}).items() if not isinstance(value, list)}
    _hold(all(given[key] == value for key, value in fixed.items()), "an id is not of the pattern")


def _outputs(given: Any, name: str) -> None:
    """Check that the outputs are those of the name: one, or in its order many."""
    many = name.startswith("..") and name.endswith("..")
    wanted = name[2:-2].split("...") if many else [name]
    listed = given if many else [given]
    _hold(isinstance(listed, list) and len(listed) == len(wanted), "the outputs are not those of the name")
    for one, full in zip(listed, wanted, strict=True):
        id, _, prop = full.rpartition(".")
        _hold(isinstance(one, dict) and one.get("property") == prop, "the outputs are not those of the name")
        pattern = _pattern(id)
        if pattern is None:
            _hold(one.get("id") == id, "the outputs are not those of the name")
        else:
            _id(one.get("id"), pattern)


def _changed(one: Any) -> None:
    """Check the name of a changed property: ``id.property``, the id a word or a mapping in JSON."""
    _hold(isinstance(one, str) and 0 < len(one) <= MOST_TEXT, "a changed property is not a short text")
    id, _, prop = one.rpartition(".")
    _hold(bool(prop), "a changed property is not named")
    if id.startswith("{"):
        try:
            found = json.loads(id)
        except (ValueError, RecursionError):
            raise Malformed("a changed property is not named") from None
        _id(found)
