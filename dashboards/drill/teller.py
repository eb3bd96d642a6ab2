"""Keeps count of what each side has been told, so that only what is new is encoded and sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from dashboards.drill import said
from dashboards.drill.hub import ROW, Frame
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
        self._rows: dict[tuple[str, str, str], Any] = {}
        self._seen = said.Seen()
        self._ticks = 0

    def news(self) -> Told:
        """Return the log's new items and the new or changed rows of lists, for every audience, connected or not."""
        if self._rows and self._after == len(self.drill.events) - 1:
            return {}
        out: Told = {audience: [] for audience in self.audiences}
        for audience in self.audiences:
            for item in said.items(self.drill, audience, self._after):
                out[audience].append(Frame("event", encoded({"type": "event", "seq": self._count[audience], **item})))
                self._count[audience] += 1
        for row in said.rows(self.drill, self._seen):
            key = (row.audience, row.list, row.id)
            if self._rows.get(key) != row.mark:
                self._rows[key] = row.mark
                told = {"type": "row", "list": row.list, "id": row.id, "data": row.made()}
                out[row.audience].append(Frame(f"{ROW} {row.list} {row.id}", encoded(told)))
        self._after = len(self.drill.events) - 1
        return out

    def mine(self, audiences: Iterable[str]) -> Told:
        """Return what each side is asked and is, where that has changed."""
        return self._changed(audiences, said.controller_own, said.role_own)

    def wide(self, audiences: Iterable[str]) -> Told:
        """Return the wide parts of views that have changed: cases, people, score; it takes the longest."""
        return self._changed(audiences, said.controller_parts, said.role_parts)

    def _changed(self, audiences: Iterable[str], control: Any, role: Any) -> Told:
        out: Told = {}
        for audience in audiences:
            made = control(self.drill) if audience == CONTROLLER else role(self.drill, audience)
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
