"""Agents as views: what a resident, a grid member, a mediator, a unit or a department is, read from its row.

A view holds the model and a row number, nothing else; attributes are read from the tables when asked. Views
know their own present; they do not decide here (rules do) and cannot be changed through this door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sim.agents.seats import KINDS
from sim.engine.codes import S_BACKGROUND, S_BUSY, S_IDLE, S_OFF

_STATES = {S_OFF: "off duty", S_IDLE: "free", S_BACKGROUND: "delegated work", S_BUSY: "with a case"}


class View:
    """A row seen as an agent.

    Attributes
    ----------
    model
        The `sim.Model` it belongs to.
    unique_id
        Row number in its table.
    """

    table = "staff"

    def __init__(self, model: Any, row: int) -> None:
        self.model, self.unique_id = model, int(row)

    def __getattr__(self, name: str) -> Any:
        table = self.model.world.tables[type(self).table]
        if name in (table.dtype.names or ()):
            return table[name][self.unique_id].item()
        raise AttributeError(
            f"{type(self).__name__} has no attribute {name!r}; columns: {', '.join(table.dtype.names)}"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.unique_id}>"


class StaffMember(View):
    """Anybody who handles cases: has a post, a group, a shift, skills, a place and a load."""

    @property
    def name(self) -> str:
        """Stable name: post, area and slot."""
        return self.model.arm.staffing.seats[self.unique_id].name

    @property
    def post_name(self) -> str:
        """Name of the post."""
        return self.model.arm.staffing.seats[self.unique_id].post

    @property
    def doing(self) -> str:
        """What the person does now, in words."""
        return _STATES.get(self.state, "about to set out")

    @property
    def utilisation(self) -> float:
        """Share of past duty spent with cases and delegated work; NaN before the first shift ends."""
        return (self.busy_min + self.background_min) / self.duty_min if self.duty_min > 0 else float("nan")

    @property
    def skills(self) -> dict[str, float]:
        """Capability -> skill level (1 is average)."""
        from sim.check import capabilities

        row = self.model.world.skill[self.unique_id]
        return {name: float(row[i]) for i, name in enumerate(capabilities(self.model.arm.spec)) if row[i] > 0}


class GridMember(StaffMember):
    """网格员: patrols a grid, finds and settles small troubles, carries delegated work."""


class Mediator(StaffMember):
    """调解员: owns open disputes up to a cap, several sessions each."""


class Unit(StaffMember):
    """A department's crew, vehicle or officer that can be sent."""


class Department(View):
    """部门: decides whether to come when called; owns units, a duty list and priorities of its own."""

    table = "departments"

    @property
    def name(self) -> str:
        """Name of the department."""
        return list(self.model.arm.spec.departments)[self.unique_id]

    @property
    def units(self) -> AgentViews:
        """Its people."""
        return AgentViews(self.model, StaffMember, np.flatnonzero(self.model.world.staff["post"] == self.post))


class Resident(View):
    """A synthetic resident: home, trust, digital access; never a real person."""

    table = "residents"

    @property
    def incidents(self) -> np.ndarray:
        """Rows of the incidents that this resident was the first to meet."""
        return np.flatnonzero(self.model.world.incidents["resident"] == self.unique_id)


class AgentViews:
    """An array-backed set of views: rows are kept, views are made on the way."""

    def __init__(self, model: Any, kind: type[View], rows: np.ndarray) -> None:
        self.model, self.kind, self.rows = model, kind, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[View]:
        return (self.kind(self.model, row) for row in self.rows)

    def __getitem__(self, i: int) -> View:
        return self.kind(self.model, self.rows[i])

    def __contains__(self, view: object) -> bool:
        return isinstance(view, self.kind) and view.unique_id in self.rows

    def get(self, name: str) -> list[Any]:
        """Return one attribute of all, as a list."""
        return [getattr(view, name) for view in self]

    def select(self, test: Callable[[View], bool]) -> AgentViews:
        """Return those for which a test holds."""
        return AgentViews(self.model, self.kind, np.array([v.unique_id for v in self if test(v)], int))


_BY_KIND = {GridMember: "grid_member", Mediator: "mediator", Unit: "unit"}


def views_of(model: Any, kind: type[View] | None) -> AgentViews:
    """Return all agents of a class (all staff when None)."""
    world = model.world
    if kind is Resident or kind is Department:
        return AgentViews(model, kind, np.arange(len(world.tables[kind.table])))
    if kind in _BY_KIND:
        wanted = world.posts["kind"][world.staff["post"]] == KINDS.index(_BY_KIND[kind])
        return AgentViews(model, kind, np.flatnonzero(wanted))
    return AgentViews(model, StaffMember, np.arange(len(world.staff)))
