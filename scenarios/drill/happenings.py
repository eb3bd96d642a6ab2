"""What the model logged, told to people: which entries become events, and which roles may know them.

Entries of the record (a case opened, a crew sent, a whistle blown) go to the roles that see such cases. Entries of
the true state (an incident occurs, grows, is truly settled) go to controllers alone. Routine of queues and duty is
left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.cases.catalogue import LEVELS
from sim.engine import codes
from sim.engine.codes import LOG_KINDS, OUTCOMES

if TYPE_CHECKING:
    from scenarios.drill.play import Play

REPORTED = frozenset(
    {
        codes.L_JUDGE, codes.L_ASSIGN, codes.L_ARRIVE, codes.L_WORK, codes.L_ESCALATE, codes.L_REFER, codes.L_ACCEPT,
        codes.L_DEFER, codes.L_BOUNCE, codes.L_WHISTLE, codes.L_QUORUM, codes.L_RELEASE, codes.L_REMIND,
        codes.L_SUPERVISE, codes.L_FORCE, codes.L_DEADLINE, codes.L_CLOSE, codes.L_STAGE, codes.L_REROUTE,
    }
)  # fmt: skip
"""Kinds that stand in the record."""
TRUE = frozenset(
    {codes.L_OCCUR, codes.L_GROW, codes.L_SETTLE, codes.L_FAIL, codes.L_SHAM, codes.L_MISJUDGE, codes.L_SPONTANEOUS,
     codes.L_LAPSE, codes.L_SILENT}
)  # fmt: skip
"""Kinds that only controllers may know."""
_OF_DEPARTMENT = (codes.L_REFER, codes.L_ACCEPT, codes.L_DEFER, codes.L_BOUNCE, codes.L_RELEASE, codes.L_FORCE)
Happening = tuple[float, str, tuple[str, ...], dict[str, Any]]


def sees_case(drill: Play, role: str, case: int) -> bool:
    """Tell whether a role may know a case."""
    sees, c = drill.exercise.roles[role].sees, drill.world.cases[case]
    if sees.types is not None and drill.ground.names.types[int(c["type"])] not in sees.types:
        return False
    return sees.levels is None or LEVELS[int(c["level"])] in sees.levels


def is_trouble(drill: Play, row: int) -> bool:
    """Tell whether a type is more than an enquiry that an operator answers at once."""
    return drill.ground.arm.spec.types[drill.ground.names.types[row]].kind not in ("enquiry", "service")


def since(drill: Play, first: int) -> Iterator[Happening]:
    """Yield what the log holds from row ``first`` on: exercise minutes, kind, roles that may know, data."""
    log = drill.world.log[first : int(drill.world.clock["log"][0])]
    wanted = np.isin(log["kind"], list(REPORTED | TRUE))
    for entry in log[wanted]:
        kind, case = int(entry["kind"]), int(entry["case"])
        t_min = float(entry["time_min"]) - drill.ground.start_min
        if case < 0:
            incident = drill.world.incidents[-2 - case]
            if is_trouble(drill, int(incident["type"])):
                yield t_min, LOG_KINDS[kind], (), _incident(drill, incident)
            continue
        if not is_trouble(drill, int(drill.world.cases["type"][case])) or _is_desk(drill, kind, int(entry["staff"])):
            continue
        if kind == codes.L_ARRIVE and _goes_on(drill, case, int(entry["value"])):
            continue
        roles = tuple(r for r in drill.roles if kind in REPORTED and sees_case(drill, r, case))
        yield t_min, LOG_KINDS[kind], roles, _case(drill, kind, case, entry)


def _is_desk(drill: Play, kind: int, staff: int) -> bool:
    """Tell entries of call-takers, who are with every case for two minutes."""
    if staff < 0 or kind not in (codes.L_ASSIGN, codes.L_ARRIVE, codes.L_WORK):
        return False
    seat = drill.ground.arm.staffing.seats[staff]
    return drill.ground.arm.spec.posts[seat.post].kind == "operator"


def _goes_on(drill: Play, case: int, stage: int) -> bool:
    """Tell whether a stage is done by the crew of the one before, who have been with the case all along."""
    first = int(drill.world.types["first_stage"][drill.world.cases["type"][case]])
    return bool(drill.world.stages["keep_staff"][first + stage])


def _incident(drill: Play, incident: Any) -> dict[str, Any]:
    names = drill.ground.names
    return {
        "title": names.type(int(incident["type"])), "severity": int(incident["severity"]),
        "grid": names.grid(int(incident["grid"])),
    }  # fmt: skip


def _case(drill: Play, kind: int, case: int, entry: Any) -> dict[str, Any]:
    names, c, staff = drill.ground.names, drill.world.cases[case], int(entry["staff"])
    out: dict[str, Any] = {
        "case": case + 1, "title": names.type(int(c["type"])), "grid": names.grid(int(c["filed_grid"])),
        "severity": int(c["severity"]),
    }  # fmt: skip
    if staff >= 0:
        out["unit"], out["unit_code"] = names.unit(staff), names.units[staff]
    value = float(entry["value"])
    if kind in _OF_DEPARTMENT:
        out["department"] = names.department(int(value))
    elif kind == codes.L_ESCALATE or kind == codes.L_JUDGE:
        out["level"] = LEVELS[int(value)]
    elif kind == codes.L_CLOSE:
        out["outcome"] = OUTCOMES[int(value)]
    elif kind in (codes.L_WHISTLE, codes.L_QUORUM, codes.L_REMIND, codes.L_SUPERVISE):
        out["count"] = int(value)
    return out
