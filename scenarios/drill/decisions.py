"""Open decisions: which are asked of whom, what may be answered, and what the built-in rule would have done.

A :class:`Prompt` is one open decision with its :class:`Option` list, in data; fronts put it into words. Only
answers that the kernel can carry out are offered. The rule's own answer stands beside them for controllers and the
report; it is never in what a player is sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scenarios.drill.effects import Ongoing
from scenarios.drill.form import REASONS, Ask
from scenarios.drill.ground import Ground
from sim.engine import codes
from sim.engine.codes import K_INTAKE, NEVER, T_QUEUED
from sim.engine.tables import World

DEFER_CHOICES_MIN = (15.0, 30.0)
_COORDINATE = {
    codes.HANDLE: "handle", codes.ESCALATE: "escalate", codes.REFER: "refer", codes.WHISTLE: "whistle",
    codes.SUPERVISE: "supervise", codes.CLOSE: "close",
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """One answer that can be given.

    Attributes
    ----------
    id
        Stable text such as ``send:fire_engine-2``, ``wait``, ``whistle:emergency``, ``refer:police``.
    kind
        ``send``, ``wait``, ``handle``, ``escalate``, ``refer``, ``whistle``, ``supervise``, ``close``, ``accept``,
        ``defer``, ``refuse``, ``take`` or ``idle``.
    facts
        What is known of it, ready for JSON: for ``send`` the unit's name, ``eta_min``, ``distance_km``, ``open_cases``,
        ``skill``; for ``whistle`` whom it calls.
    answer
        Code, argument and value for the kernel.
    """

    id: str
    kind: str
    facts: dict[str, Any]
    answer: tuple[int, int, float]


@dataclass
class Prompt:
    """One open decision.

    Attributes
    ----------
    id
        ``D1``, ``D2``, ... in the order in which they opened.
    key
        What is decided, by stable names: the same question in a branch has the same key.
    ask, role, hook
        Which line of the exercise asks, whom, and the hook behind it.
    at_min
        Exercise minutes.
    about
        What the role may know of the case: type, severity, grid, since when, deadline (reported state only).
    options
        What may be answered.
    answer_within_s
        Real seconds; the countdown runs while the exercise runs and stops with a pause.
    elapsed_s
        Real seconds that have run.
    rule_option, rule_answer
        What the built-in rule would do: an option's id, and the answer itself. Not for players.
    """

    id: str
    key: str
    ask: str
    role: str
    hook: str
    at_min: float
    about: dict[str, Any]
    options: list[Option]
    answer_within_s: float
    rule_option: str
    rule_answer: tuple[int, int, float]
    subject: int
    slot: int
    elapsed_s: float = 0.0
    chosen: str | None = None
    by: str | None = None
    reason: str = ""
    in_time: bool = True
    state: str = field(default="open")

    def option(self, option_id: str) -> Option | None:
        """Return an option by id, None when it is not offered."""
        return next((one for one in self.options if one.id == option_id), None)

    def shown_option(self, option_id: str | None) -> dict[str, Any] | None:
        """Return an option ready for JSON, None when it is not offered."""
        found = self.option(option_id or "")
        return None if found is None else {"id": found.id, "kind": found.kind, "facts": found.facts}

    @property
    def left_s(self) -> float:
        """Real seconds left."""
        return max(0.0, self.answer_within_s - self.elapsed_s)

    def for_player(self) -> dict[str, Any]:
        """Return what a player is sent: no rule's answer, no ask's name."""
        return {
            "id": self.id, "hook": self.hook, "at_min": self.at_min, "about": self.about,
            "options": [{"id": o.id, "kind": o.kind, "facts": o.facts} for o in self.options],
            "answer_within_s": self.answer_within_s, "left_s": self.left_s, "state": self.state,
        }  # fmt: skip

    def for_controller(self) -> dict[str, Any]:
        """Return everything."""
        return {
            **self.for_player(), "key": self.key, "ask": self.ask, "role": self.role, "rule_option": self.rule_option,
            "chosen": self.chosen, "by": self.by, "reason": self.reason, "in_time": self.in_time,
            "elapsed_s": self.elapsed_s,
        }  # fmt: skip


def rule_answer(ground: Ground, world: World, hook: str, subject: int, slot: int) -> tuple[int, int, float]:
    """Return what the scenario's rule would answer, asked as the kernel asks it."""
    from sim.engine.hooks import call_rule

    now = float(world.clock["now"][0])
    given = call_rule(world.address, ground.arm.rules[hook].compiled, subject, slot, now)
    return int(given[0]), int(given[1]), float(given[2])


# ---------------------------------------------------------------- which are asked
def subject_names(world: World, hook: str, subject: int) -> tuple[int, int]:
    """Return (case row, task row) that a decision is about; -1 where there is none."""
    if hook == "coordinate":
        return subject, -1
    if hook == "pick":
        return -1, -1
    return int(world.tasks["case"][subject]), subject


def matching(ask: Ask, ground: Ground, world: World, hook: str, subject: int, slot: int, ongoing: Ongoing) -> bool:
    """Tell whether a decision is one that an ask names."""
    if ask.hook != hook:
        return False
    names = ground.names
    if hook == "pick":
        post = names.posts[int(world.staff["post"][subject])]
        return ask.posts is None or post in ask.posts
    case, task = subject_names(world, hook, subject)
    c = world.cases[case]
    if task >= 0 and not _task_matches(ask, ground, world, task):
        return False
    if ask.types is not None and names.types[int(c["type"])] not in ask.types:
        return False
    if ask.emergency is not None and _is_emergency(ground, int(c["type"])) != ask.emergency:
        return False
    if int(c["severity"]) < ask.severity_at_least:
        return False
    if ask.reasons is not None and hook == "coordinate" and REASONS[slot] not in ask.reasons:
        return False
    if ask.incidents is not None:
        wanted = {e for inject in ask.incidents for e in ongoing.entities.get(inject, [])}
        return int(world.incidents["entity"][c["incident"]]) in wanted
    return True


def _task_matches(ask: Ask, ground: Ground, world: World, task: int) -> bool:
    k, names = world.tasks[task], ground.names
    if int(k["kind"]) == K_INTAKE:
        return False
    if ask.departments is not None:
        dept = int(world.pools["dept"][k["pool"]]) if ask.hook == "dispatch" else int(k["dept"])
        if dept < 0 or names.departments[dept] not in ask.departments:
            return False
    return ask.posts is None or names.posts[int(world.pools["post"][k["pool"]])] in ask.posts


def _is_emergency(ground: Ground, row: int) -> bool:
    return ground.arm.spec.types[ground.names.types[row]].emergency


def key_of(world: World, hook: str, subject: int, slot: int) -> str:
    """Return the stable name of what is decided, without counting how often it was asked before."""
    if hook == "pick":
        return f"pick:{int(world.staff['entity'][subject]):x}"
    table = world.cases if hook == "coordinate" else world.tasks
    return f"{hook}:{int(table['entity'][subject]):x}:{slot}"


# ---------------------------------------------------------------- what is known
def about(ground: Ground, world: World, hook: str, subject: int, slot: int) -> dict[str, Any]:
    """Return what may be known of a decision's subject: reported state only."""
    names = ground.names
    if hook == "pick":
        return {"unit": names.unit(subject), "unit_code": names.units[subject]}
    case, task = subject_names(world, hook, subject)
    out = case_facts(ground, world, case)
    if task >= 0:
        k = world.tasks[task]
        out["post"] = names.post(names.posts[int(world.pools["post"][k["pool"]])])
        out["needed"], out["sent"] = int(k["n_staff"]), int(k["n_assigned"])
        out["department"] = names.department(int(k["dept"])) if k["dept"] >= 0 else None
    if hook == "coordinate":
        out["why"] = REASONS[slot]
        out["seem_needed"] = [names.department(d) for d in open_needs(world, case)]
    return out


def case_facts(ground: Ground, world: World, case: int) -> dict[str, Any]:
    """Return a case as its record shows it."""
    c, names, start = world.cases[case], ground.names, ground.start_min
    owner = int(c["owner"])
    return {
        "case": case + 1, "type": names.types[int(c["type"])], "title": names.type(int(c["type"])),
        "severity": int(c["severity"]), "grid": names.grid(int(c["filed_grid"])),
        "level": int(c["level"]), "reported_min": float(c["reported_min"]) - start,
        "respond_by_min": _when(float(c["respond_by_min"]), start),
        "deadline_min": _when(float(c["deadline_min"]), start),
        "owner": names.unit(owner) if owner >= 0 else None, "escalations": int(c["escalations"]),
        "bounces": int(c["bounces"]), "failures": int(c["failures"]),
        "channel": names.channel(int(c["channel"])) if c["channel"] >= 0 else None,
    }  # fmt: skip


def _when(minute: float, start: float) -> float | None:
    return None if minute >= NEVER else round(minute - start, 3)


def open_needs(world: World, case: int) -> list[int]:
    """Return the departments that seem needed and have not done their part."""
    c = world.cases[case]
    mask = int(c["known_needs"]) & ~int(c["done_needs"])
    return [d for d in range(len(world.departments)) if mask >> d & 1]


# ---------------------------------------------------------------- what may be answered
def options(
    ground: Ground, world: World, ask: Ask, subject: int, slot: int, rule: tuple[int, int, float]
) -> list[Option]:
    """Return the answers offered, the rule's among them."""
    if ask.hook == "dispatch":
        return _dispatch(ground, world, ask, subject, rule)
    if ask.hook == "coordinate":
        return _coordinate(ground, world, subject, slot, rule)
    if ask.hook == "report_in":
        return _report_in(world, subject, rule)
    return _pick(ground, world, ask, subject, rule)


def option_id(ground: Ground, world: World, hook: str, answer: tuple[int, int, float]) -> str:
    """Return the id of an answer."""
    code, arg, value = answer
    names = ground.names
    if hook == "dispatch":
        return f"send:{names.units[arg]}" if code == codes.SEND else "wait"
    if hook == "pick":
        return f"take:{int(world.tasks['entity'][arg]):x}" if code == codes.TAKE else "idle"
    if hook == "report_in":
        return {codes.ACCEPT: "accept", codes.REFUSE: "refuse"}.get(code, f"defer:{value:g}")
    kind = _COORDINATE[code]
    if code == codes.REFER:
        return f"refer:{names.departments[arg]}"
    return f"whistle:{names.whistles[arg]}" if code == codes.WHISTLE else kind


def _dispatch(ground: Ground, world: World, ask: Ask, task: int, rule: tuple[int, int, float]) -> list[Option]:
    from sim.agents.ability import can_take

    view = world.view()
    k = view.tasks[task]
    pool = view.pools[k.pool]
    able = [s for s in range(int(pool.first), int(pool.first + pool.count)) if can_take(view, s, task)]
    found = [_send(ground, world, view, s, task) for s in able]
    found.sort(key=lambda o: (o.facts["eta_min"], o.answer[1]))
    offered = found[: ask.most_options]
    offered += [o for o in found[ask.most_options :] if rule[0] == codes.SEND and o.answer[1] == rule[1]]
    waiting = {"in_line": int(pool.queue_count), "busy": int(pool.busy)}
    return [*offered, Option("wait", "wait", waiting, (codes.WAIT, 0, 0.0))]


def _send(ground: Ground, world: World, view: Any, s: int, task: int) -> Option:
    from sim.policies.dispatch import skill_for, trip_min

    names, k, staff = ground.names, view.tasks[task], view.staff[s]
    post = ground.arm.spec.posts[names.posts[int(staff.post)]]
    travel = float(trip_min(view, s, task)) + float(k.last_mile_min) / float(staff.speed_factor) * float(k.travels)
    turnout = float(post.turnout_min.mean) if k.travels else 0.0
    x, y = names.spot(int(staff.place))
    to_x, to_y = names.spot(int(k.place))
    facts = {
        "unit": names.unit(s), "unit_code": names.units[s], "eta_min": round(travel + turnout, 2),
        "travel_min": round(travel, 2), "distance_km": round(math.hypot(x - to_x, y - to_y) / 1000, 2),
        "open_cases": int(staff.cases_open), "skill": round(float(skill_for(view, s, task)), 2),
        "doing": "delegated" if int(staff.state) == codes.S_BACKGROUND else "free", "x_m": x, "y_m": y,
    }  # fmt: skip
    return Option(f"send:{names.units[s]}", "send", facts, (codes.SEND, s, 0.0))


def _coordinate(ground: Ground, world: World, case: int, reason: int, rule: tuple[int, int, float]) -> list[Option]:
    c, names = world.cases[case], ground.names
    needs = open_needs(world, case)
    called = [names.department(d) for d in needs]
    out = [Option("handle", "handle", {"why": REASONS[reason], "left_undone": called}, (codes.HANDLE, 0, 0.0))]
    if reason != codes.R_DISPATCH:  # there work goes on whatever is answered: departments are called to it, or not
        for d in needs:
            refused = bool(int(c["refused"]) >> d & 1)
            out.append(Option(f"refer:{names.departments[d]}", "refer", {"department": names.department(d),
                       "refused_before": refused}, (codes.REFER, d, 0.0)))  # fmt: skip
    missing = [names.department(d) for d in needs if not int(c["called"]) >> d & 1]
    if missing and (c["request"] < 0 or c["called"] != 0 or reason == codes.R_DISPATCH):
        for row, name in enumerate(names.whistles):
            w = world.whistles[row]
            facts = {
                "whistle": names.whistle(row), "calls": missing, "within_min": float(w["report_in_min"]),
                "working_time": bool(w["working"]), "quorum": float(w["quorum"]),
            }  # fmt: skip
            out.append(Option(f"whistle:{name}", "whistle", facts, (codes.WHISTLE, row, 0.0)))
    if reason != codes.R_DISPATCH:
        out += _upwards(ground, world, case, reason, rule)
    if not any(o.answer[:2] == rule[:2] for o in out):
        out.append(Option(option_id(ground, world, "coordinate", rule), _COORDINATE[rule[0]], {}, rule))
    return out


def _upwards(ground: Ground, world: World, case: int, reason: int, rule: tuple[int, int, float]) -> list[Option]:
    """Return the answers that hand a case up, have it supervised, or close it."""
    c, names, out = world.cases[case], ground.names, []
    level = _next_level(world, case)
    if level is not None:
        post = names.posts[int(world.ladder[c["type"], level])]
        out.append(Option("escalate", "escalate", {"to": names.post(post), "level": level}, (codes.ESCALATE, 0, 0.0)))
    if not c["supervised"]:
        out.append(Option("supervise", "supervise", {}, (codes.SUPERVISE, 0, 0.0)))
    if rule[0] == codes.CLOSE or reason == codes.R_FAILED:
        out.append(Option("close", "close", {}, (codes.CLOSE, 0, 0.0)))
    return out


def _next_level(world: World, case: int) -> int | None:
    """Return the next higher level with somebody to hold the case."""
    c = world.cases[case]
    for level in range(int(c["level"]) + 1, world.ladder.shape[1]):
        post = int(world.ladder[c["type"], level])
        if post >= 0 and world.pool_of[post, c["grid"]] >= 0:
            return level
    return None


def _report_in(world: World, task: int, rule: tuple[int, int, float]) -> list[Option]:
    whistled = int(world.tasks["request"][task]) >= 0
    boost = float(world.rules["report_in_appointed_boost"][0]) if whistled else 0.0
    out = [Option("accept", "accept", {"whistled": whistled}, (codes.ACCEPT, 0, boost))]
    waits = sorted({*DEFER_CHOICES_MIN, *([rule[2]] if rule[0] == codes.DEFER else [])})
    out += [Option(f"defer:{m:g}", "defer", {"minutes": m}, (codes.DEFER, 0, m)) for m in waits]
    return [*out, Option("refuse", "refuse", {}, (codes.REFUSE, 0, 0.0))]


def _pick(ground: Ground, world: World, ask: Ask, s: int, rule: tuple[int, int, float]) -> list[Option]:
    from sim.agents.ability import can_take

    view, pool = world.view(), int(world.staff["pool"][s])
    tasks = world.tasks[: int(world.clock["tasks"][0])]
    waiting = np.flatnonzero((tasks["pool"] == pool) & (tasks["state"] == T_QUEUED))
    waiting = waiting[np.argsort(tasks["key"][waiting], kind="stable")]
    out: list[Option] = []
    for t in waiting:
        missing = int(tasks["n_staff"][t]) - int(tasks["n_assigned"][t])
        startable = not tasks["atomic"][t] or missing <= int(world.pools["idle"][pool])
        is_rule = rule[0] == codes.TAKE and rule[1] == int(t)
        if is_rule or (startable and len(out) < ask.most_options and can_take(view, s, int(t))):
            facts = case_facts(ground, world, int(tasks["case"][t]))
            answer = (codes.TAKE, int(t), 0.0)
            out.append(Option(option_id(ground, world, "pick", answer), "take", facts, answer))
    return [*out, Option("idle", "idle", {}, (codes.IDLE_ANSWER, 0, 0.0))]
