"""Who may be in a room, and how often: seats, the sockets of each, and who makes way when all places are taken.

A seat carries a role, never a person's name: the recording says "dispatcher", or "dispatcher 2" for the second who
joined. Controllers have places of their own, so that no number of participants keeps them out. What is bounded makes
way for whoever comes: a seat's oldest socket for its newest, sockets of the seat and of the address that hold most for
somebody who has none, seats that nobody uses for new ones. What goes over a socket is not known here.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field

from dashboards.drill.hub import Outbox
from scenarios.drill import CONTROLLER
from sim.errors import InputError

MOST_SEATS, MOST_CONTROL_SEATS = 300, 30
MOST_PLACES, MOST_CONTROL_PLACES, MOST_OF_SEAT = 150, 30, 8
REPLACED, FREED = 4409, 4403
MOST_PER_S = 30.0
"""Messages that a seat may send in a second, over all its sockets together."""


@dataclass(frozen=True)
class Seat:
    """Somebody who takes part: a role and a number within it."""

    role: str
    number: int

    @property
    def by(self) -> str:
        """How the recording names the seat."""
        return self.role if self.number == 1 else f"{self.role} {self.number}"


@dataclass(eq=False)
class Place:
    """A socket that is connected: whose, from which address, and what waits for it."""

    seat: Seat
    host: str
    box: Outbox


@dataclass
class _Held:
    """What is known of a seat."""

    seat: Seat
    key: str
    browser: str
    host: str
    used: bool = False
    credit: float = MOST_PER_S
    sent_at: float = field(default_factory=time.monotonic)
    left_at: float = field(default_factory=time.monotonic)
    places: list[Place] = field(default_factory=list)


class Full(Exception):
    """Every place is taken by somebody who has no other."""


class Places:
    """Seats and sockets of one room. Used in the event loop."""

    def __init__(self) -> None:
        self._seats: dict[Seat, _Held] = {}
        self._keys: dict[str, _Held] = {}
        self._numbers: Counter[str] = Counter()

    # ------------------------------------------------------------ seats
    def sit(self, role: str, browser: str = "", host: str = "") -> str:
        """Return the key of a seat: the browser's own of that role when it has one, else a new one.

        Raises
        ------
        InputError
            All seats are in use.
        """
        key = secrets.token_urlsafe(24)
        held = next((h for h in self._seats.values() if browser and h.browser == browser and h.seat.role == role), None)
        if held is None:
            self._make_way(role)
            self._numbers[role] += 1
            seat = Seat(role, self._numbers[role])
            held = self._seats[seat] = _Held(seat, "", browser, host)
        else:
            del self._keys[held.key]
        held.key = _digest(key)
        self._keys[held.key] = held
        return key

    def _make_way(self, role: str) -> None:
        """Free a seat that nobody uses when all are taken: of the address that holds most, the longest unused."""
        same = [h for h in self._seats.values() if (h.seat.role == CONTROLLER) == (role == CONTROLLER)]
        if len(same) < (MOST_CONTROL_SEATS if role == CONTROLLER else MOST_SEATS):
            return
        of_host = Counter(h.host for h in same)
        idle = [h for h in same if not h.places]
        if not idle:
            raise InputError("the room is full", field="room", found=len(same))
        self._forget(max(idle, key=lambda h: (of_host[h.host], not h.used, -h.left_at)))

    def seat(self, key: str, role: str) -> Seat | None:
        """Return the seat of a key, if it is one of that role."""
        found = self._keys.get(_digest(key))
        return found.seat if found is not None and found.seat.role == role else None

    def of_browser(self, browser: str) -> list[Seat]:
        """Return the seats that a browser has here, whichever their keys."""
        return [held.seat for held in self._seats.values() if browser and held.browser == browser]

    def taken(self, role: str) -> int:
        """Return how many have joined in a role."""
        return sum(1 for seat in self._seats if seat.role == role)

    def free(self, role: str, number: int) -> None:
        """Take a seat away; its sockets are let go.

        Raises
        ------
        InputError
            There is no such seat.
        """
        held = self._seats.get(Seat(role, number))
        if held is None:
            raise InputError("no such seat", field="number", found=f"{role} {number}",
                             allowed=[s.number for s in self._seats if s.role == role][:20] or "none")  # fmt: skip
        self._forget(held)

    def _forget(self, held: _Held) -> None:
        for place in list(held.places):
            self._let_go(place, FREED, "this seat was freed")
        del self._seats[held.seat], self._keys[held.key]

    def shown(self, role: str) -> dict[str, object]:
        """Return how many have joined a role, how many are connected, and (number, connected) of each seat."""
        seats = [(h.seat.number, int(bool(h.places))) for h in self._seats.values() if h.seat.role == role]
        connected = sum(len(h.places) for h in self._seats.values() if h.seat.role == role)
        return {"joined": len(seats), "connected": connected, "seats": seats}

    def pace_s(self, seat: Seat) -> float:
        """Count a message of a seat and return how long it has to wait: a page gone wild does, a person never."""
        held, now = self._seats.get(seat), time.monotonic()
        if held is None:
            return 0.0
        held.credit = min(MOST_PER_S, held.credit + (now - held.sent_at) * MOST_PER_S) - 1.0
        held.sent_at = now
        return max(0.0, -held.credit / MOST_PER_S)

    # ------------------------------------------------------------ sockets
    def enter(self, place: Place) -> None:
        """Give a socket a place; others make way where that is fair.

        Raises
        ------
        Full
            Everybody who is connected has one place only.
        """
        held = self._seats[place.seat]
        if len(held.places) >= MOST_OF_SEAT:
            self._let_go(held.places[0], REPLACED, "this seat was opened elsewhere")
        control = place.seat.role == CONTROLLER
        same = [h for h in self._seats.values() if (h.seat.role == CONTROLLER) == control]
        if sum(len(h.places) for h in same) >= (MOST_CONTROL_PLACES if control else MOST_PLACES):
            self._let_go(_victim(same, held, place.host), REPLACED, "the room is full; others need the place")
        held.places.append(place)
        held.used = True

    def leave(self, place: Place) -> None:
        """Take a socket's place back."""
        held = self._seats.get(place.seat)
        if held is not None and place in held.places:
            held.places.remove(place)
            held.left_at = time.monotonic()

    def _let_go(self, place: Place, code: int, why: str) -> None:
        self.leave(place)
        place.box.end(code, why)


def _victim(same: list[_Held], mine: _Held, host: str) -> Place:
    """Return the socket that makes way: of the seat with most, else my own oldest, else of the address with most."""
    most = max(same, key=lambda h: len(h.places))
    if len(most.places) > max(1, len(mine.places)):
        return most.places[0]
    if mine.places:
        return mine.places[0]
    of_host = Counter(p.host for h in same for p in h.places)
    crowd, count = of_host.most_common(1)[0]
    if count <= of_host[host] + 1:
        raise Full
    return next(p for h in reversed(same) for p in h.places if p.host == crowd)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
