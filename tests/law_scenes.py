"""Small scenes for tests of the engine's laws: textbook queues, the rules' trial city, and what must hold in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim import kernel
from sim.assemble import Arm, assemble
from sim.city.bare import bare_city
from sim.engine import codes
from sim.engine.queues import first_in_queue, next_in_queue
from sim.engine.tables import World
from sim.spec import ModelSpec

GROWN = {"cases": "cases", "tasks": "tasks", "work": "tasks", "requests": "requests", "incidents": "cursor"}
STATE = ("cases", "tasks", "work", "requests", "incidents", "staff", "pools", "shifts", "last_case")
COUNTERS = (
    "now", "cursor", "cases", "tasks", "requests", "events", "decisions", "reports", "merges", "wrong_merges", "splits",
    "abandoned", "lost", "joins", "timers",
)  # fmt: skip


def titled(name: str) -> dict[str, str]:
    return {"en": name, "zh": name}


def job(rate_per_hour: float = 0.0, touch: Any = 10.0, **changes: Any) -> dict[str, Any]:
    """Return a bare type with one stage."""
    stage = {"name": "work", "touch_min": touch, **changes.pop("stage", {})}
    return {"title": titled("job"), "kind": "bare", "rate_per_hour": rate_per_hour, "stages": [stage], **changes}


def queue_arm(types: dict[str, dict[str, Any]], servers: int = 1, days: float = 10.0, **changes: Any) -> Arm:
    """Return a queue with one line: ``changes`` of the server post under ``post``, others of the whole model."""
    post = {"title": titled("server"), "kind": "unit", "per": "city", "count": servers, **changes.pop("post", {})}
    city = changes.pop("city", None) or bare_city()
    spec = {
        "horizon_days": days, "types": types, "posts": {"server": post}, "shifts": {"always": {}},
        "ladder": {"grid": "server"}, "rules": {"priority": "fifo"}, **changes,
    }  # fmt: skip
    return assemble(ModelSpec.model_validate(spec), city)


def at(*minutes: float, kind: str = "job") -> list[dict[str, Any]]:
    """Return a script of incidents of one type at given minutes."""
    return [{"name": f"{kind} {n}", "type": kind, "at_min": m} for n, m in enumerate(minutes)]


def run(arm: Arm, seed: int = 1, replication: int = 0, level: str = "everything", pauses: Any = ()) -> World:
    """Run to the horizon, pausing at given minutes on the way."""
    world = arm.world(seed, replication, level)
    kernel.begin(world)
    for until in (*sorted(pauses), arm.spec.horizon_days * 1440.0):
        assert kernel.run_until(arm, world, min(until, arm.spec.horizon_days * 1440.0)) is None
    return world


def rows(world: World, name: str) -> np.ndarray:
    """Return the rows of a table that are in use."""
    if name not in GROWN and name != "log":
        return world.tables[name]
    return world.tables[name][: int(world.clock[GROWN.get(name, name)][0])]


def logged(world: World, kind: int) -> np.ndarray:
    """Return the log's rows of one kind."""
    log = rows(world, "log")
    return log[log["kind"] == kind]


def differences(a: World, b: World) -> list[str]:
    """Return what differs between two runs, to the last bit, log and tuning apart."""
    found = [f"clock.{name}" for name in COUNTERS if a.clock[name][0] != b.clock[name][0]]
    for name in STATE:
        left, right = rows(a, name), rows(b, name)
        if left.shape != right.shape:
            found.append(f"{name}: {left.shape} rows against {right.shape}")
        elif left.dtype.names is None:
            found += [name] if not np.array_equal(left, right) else []
        else:
            found += [f"{name}.{field}" for field in left.dtype.names if not np.array_equal(left[field], right[field])]
    return found


def assert_sound(world: World) -> None:
    """Assert what must hold between the tables at every instant."""
    _sound_staff(world)
    _sound_lines(world)
    _sound_cases(world)


def _crew(world: World, t: int) -> list[int]:
    crew, s = [], int(world.tasks["first_staff"][t])
    while s >= 0:
        crew.append(s)
        s = int(world.staff["next_in_task"][s])
    return crew


def _sound_staff(world: World) -> None:
    staff, pools, tasks = world.staff, world.pools, rows(world, "tasks")
    booked: dict[int, int] = {}
    for t in np.flatnonzero(tasks["first_staff"] >= 0):
        crew = _crew(world, int(t))
        assert len(crew) == tasks["n_assigned"][t] <= tasks["n_staff"][t]
        for s in crew:
            assert s not in booked, f"member {s} is on tasks {booked[s]} and {t} at once"
            booked[s] = int(t)
            assert staff["task"][s] == t and staff["state"][s] == codes.S_BUSY
    assert set(booked) == set(np.flatnonzero(staff["state"] == codes.S_BUSY)), "somebody is busy with nothing"
    for name, state in (("idle", codes.S_IDLE), ("background", codes.S_BACKGROUND), ("busy", codes.S_BUSY)):
        count = np.bincount(staff["pool"][staff["state"] == state], minlength=len(pools))
        assert np.array_equal(count, pools[name]), f"the groups' number of {name} is wrong"
    on = np.bincount(staff["pool"][staff["on_duty"] == 1], minlength=len(pools))
    assert np.array_equal(on, pools["on_duty"])
    round_ = (staff["state"] == codes.S_IDLE) & (staff["activity"] == codes.A_PATROL)
    assert np.array_equal(np.bincount(staff["pool"][round_], minlength=len(pools)), pools["patrol"])
    free = (staff["state"] == codes.S_IDLE) | (staff["state"] == codes.S_BACKGROUND)
    assert (staff["on_duty"][free] == 1).all(), "somebody off duty counts as available"


def _sound_lines(world: World) -> None:
    tasks, view = rows(world, "tasks"), world.view()
    for p in range(len(world.pools)):
        line, t = [], int(first_in_queue(view, p))
        while t >= 0:
            line.append(t)
            t = int(next_in_queue(view, t))
        waiting = np.flatnonzero((tasks["state"] == codes.T_QUEUED) & (tasks["pool"] == p))
        assert sorted(line) == waiting.tolist() and len(line) == world.pools["queue_count"][p]
        came = rows(world, "cases")["incident"][tasks["case"]]
        keys = [(tasks["key"][t], tasks["created_min"][t], came[t], tasks["entity"][t]) for t in line]
        assert keys == sorted(keys), "a line is out of order"


def _sound_cases(world: World) -> None:
    cases, tasks = rows(world, "cases"), rows(world, "tasks")
    ended = np.isin(tasks["state"], (codes.T_DONE, codes.T_LOST, codes.T_CANCELLED))
    ended |= (tasks["state"] == codes.T_REFUSED) & (tasks["request"] < 0)
    alive = np.bincount(tasks["case"][~ended], minlength=len(cases))
    assert np.array_equal(alive, cases["open_tasks"]), "a case miscounts its open tasks"
    owned = cases[(cases["owner"] >= 0) & (cases["state"] != codes.C_CLOSED)]["owner"]
    assert np.array_equal(np.bincount(owned, minlength=len(world.staff)), world.staff["cases_open"])
