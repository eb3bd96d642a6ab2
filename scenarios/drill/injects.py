"""The master events list while it runs: which inject is due when, what was released, held, skipped or added.

A :class:`Slot` is one inject with its present fate. Whether a condition holds is looked at every whole exercise
minute and after each decision, never more often, so that what happens does not depend on how a front divides time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from scenarios.drill.criteria import MINUTES
from scenarios.drill.form import Condition, Inject
from scenarios.drill.readings import Reading
from sim.errors import InputError

Status = Literal["waiting", "held", "released", "skipped"]


@dataclass
class Slot:
    """One inject and what has become of it.

    Attributes
    ----------
    inject
        Its text.
    status
        waiting (for its trigger), held (by a controller), released or skipped.
    due_min
        Exercise minutes at which it is due; None while it waits for a condition or a controller.
    released_min
        When it was released last.
    how
        ``scheduled``, ``condition``, ``after``, ``manual`` or ``adhoc``.
    why
        Why an effect could not be carried out, else None.
    """

    inject: Inject
    status: Status = "waiting"
    due_min: float | None = None
    released_min: float | None = None
    how: str = ""
    why: InputError | None = None

    @classmethod
    def of(cls, inject: Inject) -> Slot:
        """Return the slot of an inject of the list before the start."""
        return cls(inject, due_min=inject.at_min)

    @property
    def id(self) -> str:
        """The inject's id."""
        return self.inject.id

    @property
    def failed(self) -> str | None:
        """`why` as one English sentence, as it stands in the recording."""
        return self.why.sentence() if self.why is not None else None

    @property
    def is_conditional(self) -> bool:
        """True while it waits for a measure or a decision."""
        return self.status == "waiting" and self.due_min is None and self.inject.when is not None

    def copy(self) -> Slot:
        """Return an independent copy."""
        return replace(self)

    def shown(self) -> dict[str, Any]:
        """Return the row of the master events list, for controllers."""
        inject = self.inject
        return {
            "id": inject.id, "status": self.status, "due_min": self.due_min, "released_min": self.released_min,
            "how": self.how, "trigger": trigger_of(inject), "to": list(inject.to), "channel": inject.channel,
            "sender": _both(inject.sender), "text": _both(inject.text), "expected": _both(inject.expected),
            "objective": inject.objective, "effects": [e.model_dump(exclude_none=True) for e in inject.effects],
            "failed": self.failed,
        }  # fmt: skip


def _both(title: Any) -> dict[str, str] | None:
    return None if title is None else {"en": title.en, "zh": title.zh}


def trigger_of(inject: Inject) -> str:
    """Return the kind of trigger: ``at``, ``when``, ``after`` or ``manual``."""
    if inject.at_min is not None:
        return "at"
    return "when" if inject.when is not None else "after" if inject.after is not None else "manual"


def next_due(slots: list[Slot]) -> float | None:
    """Return the exercise minute of the next inject that is due, None when none is."""
    times = [s.due_min for s in slots if s.status == "waiting" and s.due_min is not None]
    return min(times, default=None)


def due_now(slots: list[Slot], t_min: float) -> list[Slot]:
    """Return the injects that are due by now, by time and then in the order of the list."""
    found = [s for s in slots if s.status == "waiting" and s.due_min is not None and s.due_min <= t_min]
    return sorted(found, key=lambda s: s.due_min or 0.0)


def holds(condition: Condition, read: Callable[[Any], Reading], answers: dict[str, list[str]]) -> bool:
    """Tell whether a condition holds.

    Parameters
    ----------
    read
        Reads a measure now.
    answers
        Ask -> kinds of answers given so far.
    """
    if condition.decided is not None:
        given = answers.get(condition.decided, [])
        return bool(given) if condition.answer is None else condition.answer in given
    if condition.measure is None:
        return False
    reading = read(condition.measure)
    if reading.value is None:
        return False
    if condition.above is not None:
        return reading.value > condition.above
    return reading.reached and condition.below is not None and reading.value < condition.below


def earliest(condition: Condition, read: Callable[[Any], Reading], t_min: float) -> float:
    """Return the earliest exercise minute at which a condition could hold, seen from now; infinite for none.

    A bound, so that the run need not stop every minute: time that is waited grows no faster than the clock, and a
    decision is looked at when it is taken.
    """
    measure = condition.measure
    if measure is None:
        return math.inf
    if measure.kind not in MINUTES or condition.above is None:
        return t_min
    reading = read(measure)
    if reading.reached:
        return t_min if reading.value is not None and reading.value > condition.above else math.inf
    return t_min + max(0.0, condition.above - (reading.value or 0.0))
