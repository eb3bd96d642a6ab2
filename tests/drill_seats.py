"""Seats of a drill room as a program holds them: joining by HTTP, a real websocket, every frame kept; not a test."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from scenarios.drill.form import DRILLS

SHIPPED = DRILLS / "evening-wage-fire.yaml"
COOKIE, BROWSER = "gridwhistle_seat", "gridwhistle_browser"


def varied(path: Path, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return the shipped exercise's file with its text changed."""
    data = yaml.safe_load(path.read_text("utf-8"))
    change(data)
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode()


@dataclass
class Place:
    """Where a seat is: address of the server, code of the room, role, key."""

    url: str
    code: str
    role: str
    key: str

    @property
    def path(self) -> str:
        return f"/drill/{self.code}/{self.role}"

    def get(self, rest: str = "") -> httpx.Response:
        """Ask for something under the seat's address."""
        return httpx.get(f"{self.url}{self.path}{rest}", headers={"Cookie": f"{COOKIE}={self.key}"}, timeout=60)


def open_room(url: str, content: bytes | None = None, **headers: str) -> Place:
    """Open a room for the shipped exercise or a file; returns the controller's place."""
    files = {"file": ("exercise.yaml", content)} if content is not None else None
    data = {} if files else {"exercise": "evening-wage-fire"}
    answer = httpx.post(f"{url}/drill/open", data=data, files=files, headers=headers, timeout=120)
    return place_of(url, answer)


def join(url: str, code: str, role: str, **data: str) -> Place:
    """Take a seat."""
    return place_of(url, httpx.post(f"{url}/drill/{code}/join", data={"role": role, **data}, timeout=30))


def place_of(url: str, answer: httpx.Response) -> Place:
    """Return the seat that an answer gave."""
    assert answer.status_code == 303, answer.text
    _, _, code, role = answer.headers["location"].partition("?")[0].split("/")
    return Place(url, code, role, answer.cookies[COOKIE])


@dataclass
class Seat:
    """An open socket whose frames are all kept, with the time each came in."""

    place: Place
    after: int = -1
    frames: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        address = f"{self.place.url.replace('http', 'ws')}{self.place.path}/socket?after={self.after}"
        headers = {"Cookie": f"{COOKIE}={self.place.key}"}
        self.stack = ExitStack()
        self.socket = self.stack.enter_context(
            connect(address, additional_headers=headers, open_timeout=30, max_size=None)
        )
        self.parts: dict[str, Any] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.replies: dict[int, dict[str, Any]] = {}
        self.number = 0
        self.closed: int | None = None
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        try:
            for text in self.socket:
                self.frames.append((time.time(), str(text)))
                self._take(json.loads(text))
        except ConnectionClosed:
            pass  # the end of a connection is what `closed` says
        self.closed = self.socket.close_code

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            self.events.append(message)
        elif message["type"] == "reply":
            self.replies[message["id"]] = message
        elif message["type"] in ("row", "rows"):
            for row in message.get("rows", [message]):
                self.rows.setdefault(row["list"], {})[row["id"]] = row["data"]
                self.parts[row["list"]] = list(self.rows[row["list"]].values())
        else:
            self.parts[message["type"]] = message.get("data", message)

    def ask(self, act: str, timeout_s: float = 60.0, **fields: Any) -> str:
        """Ask for something and wait for the reply; returns the English of a refusal, else an empty text."""
        self.number += 1
        number = self.number
        self.socket.send(json.dumps({"do": act, "id": number, **fields}))
        self.until(lambda: number in self.replies, timeout_s)
        return str(self.replies[number].get("error", {"en": ""})["en"])

    def do(self, act: str, **fields: Any) -> None:
        """Do something that must be possible."""
        assert self.ask(act, **fields) == ""

    def until(self, condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
        """Wait until a condition holds."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.01)
        raise AssertionError("it did not happen in time")

    @property
    def decision(self) -> dict[str, Any] | None:
        """The open decision that the seat is shown."""
        found = self.parts.get("you", {}).get("decisions") or [None]
        return found[0]

    @property
    def status(self) -> str:
        return str(self.parts.get("clock", {}).get("status", ""))

    def close(self) -> None:
        self.stack.close()
        self.thread.join(10)
