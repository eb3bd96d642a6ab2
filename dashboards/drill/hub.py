"""The hub of one room: who is connected, what each side has been told, and what still waits to be sent.

Log items are numbered without gaps for each audience and are never dropped: whoever comes back names the last number
it has, and gets the rest. Pictures of the present (a view's part, the clock) replace one another, so that a slow
client gets the newest and delays nobody. A client so slow that its items pile up is cut off; it comes back and is
told what it missed. Everything here runs in the event loop's thread; what is sent was encoded before.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ROW = "row"
CLOSED = 4404
MOST_WAITING = 256
"""Log items that may wait for one client beside those it asked for when it came back."""


@dataclass(frozen=True)
class Frame:
    """Something to send, encoded.

    Attributes
    ----------
    kind
        ``event`` for an item of the log; any other kind is a picture that replaces the former one of its kind. A kind
        that begins with ``row`` is one row of a list; several of them go out as one.
    text
        JSON.
    """

    kind: str
    text: str


class TooSlow(Exception):
    """A client has let too many items pile up."""


class Over(Exception):
    """The client is let go, with a code and a reason."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


class Outbox:
    """What waits for one client.

    Parameters
    ----------
    backlog
        Items that it has missed, told first.
    most
        Items that may wait.
    """

    def __init__(self, backlog: Sequence[str] = (), most: int = MOST_WAITING) -> None:
        self._items: deque[str] = deque(backlog)
        self._most = most + len(backlog)
        self._pictures: dict[str, str] = {}
        self._said: list[str] = []
        self._ready = asyncio.Event()
        self.too_slow = self.over = False
        self._why = (CLOSED, "")
        if backlog:
            self._ready.set()

    def put(self, frame: Frame) -> None:
        """Take in a frame."""
        if frame.kind == "event":
            if len(self._items) >= self._most:
                self.too_slow = True
            else:
                self._items.append(frame.text)
        else:
            self._pictures[frame.kind] = frame.text
        self._ready.set()

    def say(self, text: str) -> None:
        """Put in an answer to this client alone."""
        self._said.append(text)
        self._ready.set()

    def end(self, code: int = CLOSED, why: str = "the room has been closed") -> None:
        """Let the client go; what waits is still sent."""
        self.over, self._why = True, (code, why)
        self._ready.set()

    async def take(self) -> list[str]:
        """Wait for something to send; items come first, in their order.

        Raises
        ------
        TooSlow
            Too many items have piled up.
        Over
            The room has been closed, and everything has been taken.
        """
        await self._ready.wait()
        self._ready.clear()
        if self.too_slow:
            raise TooSlow
        if self.over:
            if not (self._items or self._pictures or self._said):
                raise Over(*self._why)
            self._ready.set()
        rows = [text for kind, text in self._pictures.items() if kind.startswith(ROW)]
        pictures = [text for kind, text in self._pictures.items() if not kind.startswith(ROW)]
        texts = [*self._items, *_joined(rows), *pictures, *self._said]
        self._said.clear()
        self._items.clear()
        self._pictures.clear()
        self._most = MOST_WAITING
        return texts


def _joined(rows: list[str]) -> list[str]:
    """Return several rows as one message."""
    return rows if len(rows) < 2 else [f'{{"type":"rows","rows":[{",".join(rows)}]}}']


class Hub:
    """Who is connected, by audience."""

    def __init__(self) -> None:
        self._boxes: dict[str, set[Outbox]] = {}
        self._items: dict[str, list[str]] = {}
        self._pictures: dict[str, dict[str, str]] = {}

    @property
    def clients(self) -> int:
        """Connected clients."""
        return sum(len(boxes) for boxes in self._boxes.values())

    def connected(self, audience: str) -> int:
        """Connected clients of one audience."""
        return len(self._boxes.get(audience, ()))

    def audiences(self) -> list[str]:
        """Audiences with somebody connected."""
        return [name for name, boxes in self._boxes.items() if boxes]

    def join(self, audience: str, after: int = -1) -> Outbox:
        """Connect a client that has the items up to number ``after`` already."""
        known = self._items.get(audience, [])
        box = Outbox(list(itertools.islice(known, max(0, after + 1), None)))
        for kind, text in self._pictures.get(audience, {}).items():
            box.put(Frame(kind, text))
        self._boxes.setdefault(audience, set()).add(box)
        return box

    def leave(self, audience: str, box: Outbox) -> None:
        """Disconnect a client."""
        self._boxes.get(audience, set()).discard(box)

    def end(self) -> None:
        """Let all clients go."""
        for boxes in self._boxes.values():
            for box in boxes:
                box.end()

    def items(self, audience: str) -> int:
        """Items that an audience has been told so far."""
        return len(self._items.get(audience, ()))

    def tell(self, audience: str, frames: Iterable[Frame]) -> None:
        """Send frames to all clients of an audience, and keep them for those who come later."""
        boxes = self._boxes.get(audience, ())
        for frame in frames:
            if frame.kind == "event":
                self._items.setdefault(audience, []).append(frame.text)
            else:
                self._pictures.setdefault(audience, {})[frame.kind] = frame.text
            for box in boxes:
                box.put(frame)
