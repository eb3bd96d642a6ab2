"""Small records of a drill: an event, a message to a role, a note. They hold what was; nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NOTE_KINDS = ("evaluator", "controller", "player")
"""As what a note is written; kept, shown and exported apart."""


@dataclass(frozen=True)
class Event:
    """Something that happened, for the logs of fronts.

    Attributes
    ----------
    n
        Number from 0, without gaps.
    t_min
        Exercise minutes; None in what a role reads of a blind exercise.
    time
        The scenario's time of day, ``19:05``.
    kind
        What: see `scenarios.drill.happenings` for the model's; ``prompt``, ``decided``, ``message``, ``inject``,
        ``status``, ``note``, ``rated``.
    roles
        Who may know, besides the controllers.
    data
        Ready for JSON; texts are ``{en, zh}``.
    """

    n: int
    t_min: float | None
    time: str
    kind: str
    roles: tuple[str, ...]
    data: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """Return the event ready for JSON, without who else may know."""
        return {"n": self.n, "t_min": self.t_min, "time": self.time, "kind": self.kind, "data": self.data}


@dataclass
class Message:
    """A text that an inject brought to a role."""

    id: str
    inject: str
    role: str
    t_min: float
    channel: str
    sender: dict[str, str] | None
    text: dict[str, str]
    acknowledged_by: str | None = None
    acknowledged_min: float | None = None

    def shown(self) -> dict[str, Any]:
        """Return what the role is sent; the inject's id is not part of it."""
        return {
            "id": self.id, "t_min": self.t_min, "channel": self.channel, "sender": self.sender, "text": self.text,
            "acknowledged": self.acknowledged_by is not None,
        }  # fmt: skip


@dataclass(frozen=True)
class Note:
    """What somebody wrote down, and as what.

    Attributes
    ----------
    t_min
        Exercise minutes.
    by
        Who, as the recording names them.
    text
        As written.
    objective
        The objective it is about; only evaluators' notes have one.
    role
        ``controller``, or the player's role of the exercise.
    kind
        One of `NOTE_KINDS`: a player's remark is never an evaluator's note.
    """

    t_min: float
    by: str
    text: str
    objective: str | None = None
    role: str = "controller"
    kind: str = "controller"
