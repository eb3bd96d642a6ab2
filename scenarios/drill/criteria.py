"""What can be measured of an exercise, and how a measured value becomes points: the forms and the conversion.

A :class:`Measure` says what is read from the model or the recording; reading is `scenarios.drill.readings`. A
:class:`Criterion` adds a target and a value at which nothing is earned. The conversion into points and grades is
this project's own, in the spirit of what evaluation guides ask for (a score or a grade, weights in the open); it
is not the text of any standard.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sim.cases.catalogue import Title
from sim.forms import Form

Kind = Literal[
    "minutes_to_arrival",
    "minutes_to_whistle",
    "minutes_to_quorum",
    "minutes_to_resolution",
    "minutes_to_close",
    "share_responded_in_time",
    "waiting_tasks",
    "loss_yuan",
    "highest_severity",
    "answer_s",
    "share_answered",
    "share_acknowledged",
]
MINUTES = ("minutes_to_arrival", "minutes_to_whistle", "minutes_to_quorum", "minutes_to_resolution", "minutes_to_close")
OF_PEOPLE = ("answer_s", "share_answered", "share_acknowledged")
"""Measures of the players, read from the recording; a branch, which has no players, does not compare them."""
UNITS: dict[str, str] = {
    **dict.fromkeys(MINUTES, "min"), "share_responded_in_time": "share", "waiting_tasks": "tasks", "loss_yuan": "yuan",
    "highest_severity": "severity 1-4", "answer_s": "s", "share_answered": "share", "share_acknowledged": "share",
}  # fmt: skip
STATES: dict[str, str] = {
    "minutes_to_arrival": "true", "minutes_to_whistle": "reported", "minutes_to_quorum": "true",
    "minutes_to_resolution": "true", "minutes_to_close": "reported", "share_responded_in_time": "reported",
    "waiting_tasks": "reported", "loss_yuan": "true", "highest_severity": "true",
    "answer_s": "recorded", "share_answered": "recorded", "share_acknowledged": "recorded",
}  # fmt: skip
HIGHER_IS_BETTER = ("share_responded_in_time", "share_answered", "share_acknowledged")
NEED_INJECT = (*MINUTES, "loss_yuan", "highest_severity")


class Measure(Form):
    """What is read.

    ``inject`` names the inject whose incident is meant. Minutes count from when the incident occurred, or from its
    first report with ``since: reported``.
    """

    kind: Kind
    inject: str | None = Field(None, description="inject whose incident is meant")
    since: Literal["occurred", "reported"] = "occurred"
    department: str | None = Field(None, description="minutes_to_arrival: only this department's people and crews")
    post: str | None = Field(None, description="minutes_to_arrival, waiting_tasks: only this post")
    count: int = Field(1, ge=1, le=50, description="minutes_to_arrival: how many must have come")
    type: str | None = Field(None, description="share_responded_in_time: only this case type")
    role: str | None = Field(None, description="measures of people: only this role")
    ask: str | None = Field(None, description="measures of decisions: only this ask")

    @model_validator(mode="after")
    def _whole(self) -> Measure:
        if self.kind in NEED_INJECT and self.inject is None:
            raise ValueError(f"'{self.kind}' needs the 'inject' whose incident is meant")
        return self

    @property
    def unit(self) -> str:
        """Unit of the value."""
        return UNITS[self.kind]

    @property
    def state(self) -> str:
        """``true``, ``reported`` or ``recorded`` (of the players)."""
        return STATES[self.kind]


class Criterion(Form):
    """Something observable with a target: measured by the model, or rated by an evaluator (without a measure)."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}$")
    title: Title
    weight: float = Field(1.0, ge=0.001, le=1000)
    measure: Measure | None = Field(None, description="null: an evaluator rates it from 0 to 100")
    target: float | None = Field(None, description="100 points at this value or better")
    fail: float | None = Field(None, description="no points at this value or worse; linear between")

    @model_validator(mode="after")
    def _whole(self) -> Criterion:
        if self.measure is None:
            if self.target is not None or self.fail is not None:
                raise ValueError("a criterion without a 'measure' is rated by an evaluator and has no target")
            return self
        if self.target is None or self.fail is None:
            raise ValueError("a measured criterion needs 'target' and 'fail'")
        higher = self.measure.kind in HIGHER_IS_BETTER
        if (self.fail >= self.target) if higher else (self.fail <= self.target):
            word = "below" if higher else "above"
            raise ValueError(f"for '{self.measure.kind}' the value 'fail' must lie {word} the target")
        return self

    def points(self, value: float) -> float:
        """Return 0-100 for a measured value: 100 at the target or better, 0 at ``fail`` or worse, linear between."""
        if self.target is None or self.fail is None:
            raise ValueError("this criterion is rated, not measured")
        share = (self.fail - value) / (self.fail - self.target)
        return 100.0 * min(1.0, max(0.0, share))
