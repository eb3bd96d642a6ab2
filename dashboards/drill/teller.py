"""Keeps count of what each side has been told, so that only what is new is encoded and sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from dashboards.drill import said
from dashboards.drill.hub import Frame
from scenarios.drill import CONTROLLER, Drill

Told = dict[str, list[Frame]]
"""Audience -> frames."""


def encoded(data: Any) -> str:
    """Return data as compact JSON."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Teller:
    """What each audience of one drill knows already.

    Parameters
    ----------
    drill
        The drill; whoever calls holds its lock.
    """

    def __init__(self, drill: Drill) -> None:
        self.drill = drill
        self.audiences = (CONTROLLER, *drill.roles)
        self._after = -1
        self._count = dict.fromkeys(self.audiences, 0)
        self._parts: dict[tuple[str, str], str] = {}
        self._ticks = 0

    def news(self) -> Told:
        """Return the log's new items for every audience, connected or not."""
        if self._after == len(self.drill.events) - 1:
            return {}
        out: Told = {}
        for audience in self.audiences:
            frames = []
            for item in said.items(self.drill, audience, self._after):
                frames.append(Frame("event", encoded({"type": "event", "seq": self._count[audience], **item})))
                self._count[audience] += 1
            out[audience] = frames
        self._after = len(self.drill.events) - 1
        return out

    def parts(self, audiences: Iterable[str]) -> Told:
        """Return the parts of views that have changed since they were last told."""
        out: Told = {}
        for audience in audiences:
            if audience == CONTROLLER:
                made = said.controller_parts(self.drill)
            else:
                made = said.role_parts(self.drill, audience)
            for name, data in made.items():
                text = encoded({"type": name, "data": data})
                if self._parts.get((audience, name)) != text:
                    self._parts[audience, name] = text
                    out.setdefault(audience, []).append(Frame(name, text))
        return out

    def clock(self, audiences: Iterable[str]) -> Told:
        """Return the clock: time of day, countdowns, and where it is not hidden the exercise time; counted."""
        self._ticks += 1
        drill, out = self.drill, {}
        for audience in audiences:
            hidden = drill.exercise.blind and audience != CONTROLLER
            data: dict[str, Any] = {
                "type": "clock", "tick": self._ticks, "time": drill.clock_text, "status": drill.status,
                "real": dt.datetime.now().strftime("%H:%M:%S"), "seq": self._count[audience] - 1,
                "left": {
                    p.id: round(p.left_s, 1) for p in drill.open_decisions if audience in (CONTROLLER, p.role)
                },
                "held": bool(drill.open_decisions),
            }  # fmt: skip
            if not hidden:
                data |= {"t_min": round(drill.t_min, 3), "length_min": drill.length_min, "speed": drill.speed}
            out[audience] = [Frame("clock", encoded(data))]
        return out
