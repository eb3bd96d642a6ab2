"""The contract suite for rules and protocols: what every function behind a hook must keep, whoever wrote it.

`check_rule` asks a rule in states taken from real runs of a very small city (`sim.policies.trial`) and in
random changes of them; `check_protocol` lets a `coordinate` or `report_in` rule decide a whole run. Both raise
AssertionError with one sentence on the first breach and return nothing when all is well. Try one's own rule
like this, in a test or at a prompt::

    from sim.policies import Answer, WAIT, rule
    from sim.policies.check import check_rule

    @rule("dispatch")
    def nobody(view, task, slot, now):
        return Answer(WAIT, 0, 0.0)

    check_rule(nobody)                       # the function that @rule returned
    check_rule("my_rules:nobody", "dispatch")  # or its name, as a scenario writes it
    check_rule("nearest_idle")               # or a built-in one

It says that a rule keeps the contract, not that it is wise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sim import kernel
from sim.assemble import Arm
from sim.engine import codes
from sim.engine.hooks import Answer, AnswerTuple, call_rule
from sim.engine.tables import KNOWN, NAMES, WRITTEN, World
from sim.policies.rules import Rule, find_rule, rules
from sim.policies.trial import trial_arm, trial_script

LEGAL = {
    "dispatch": {codes.ASK, codes.WAIT, codes.SEND},
    "pick": {codes.ASK, codes.TAKE, codes.IDLE_ANSWER},
    "priority": {codes.WAIT},
    "coordinate": {codes.ASK, codes.HANDLE, codes.ESCALATE, codes.REFER, codes.WHISTLE, codes.SUPERVISE, codes.CLOSE},
    "report_in": {codes.ASK, codes.ACCEPT, codes.DEFER, codes.REFUSE},
    "reposition": {codes.ASK, codes.STAY, codes.MOVE},
}
_MOMENTS = 36  # states that a rule is asked in, before random changes
_PYTHON_ERRORS = (TypeError, ValueError, AttributeError, IndexError, KeyError, ZeroDivisionError, OverflowError)
Moment = tuple[World, int, int, float]


def check_rule(rule_or_name: Rule | Callable[..., Any] | str, hook: str | None = None) -> None:
    """Hold a rule against the contract that all rules share.

    Parameters
    ----------
    rule_or_name
        What ``@rule`` returned, a `sim.policies.rules.Rule`, or a name as a scenario writes it.
    hook
        The hook it stands behind; needed only when a name stands behind several.

    Raises
    ------
    AssertionError
        When it sends or picks for somebody busy, off duty, unskilled or at the limit of cases, cannot cope with
        nobody free or an empty line, decides differently when asked again or in Python, is moved by what a decider
        cannot know, writes to what it is shown, or answers what its hook does not allow.
    InputError
        When there is no such rule.
    """
    found = resolve(rule_or_name, hook)
    for moment in moments(found.hook):
        for state, what in _variants(found.hook, moment):
            _check_one(found, state, what)


def resolve(rule_or_name: Rule | Callable[..., Any] | str, hook: str | None = None) -> Rule:
    """Return the rule that a name, a compiled function or a `Rule` stands for.

    Raises
    ------
    AssertionError
        When a name stands behind several hooks and none is given, or a function was not made a rule.
    """
    if isinstance(rule_or_name, Rule):
        return rule_or_name
    hooks = [hook] if hook is not None else list(LEGAL)
    if isinstance(rule_or_name, str):
        if ":" in rule_or_name and hook is None:
            raise AssertionError(f"say which hook the rule '{rule_or_name}' stands behind: {', '.join(LEGAL)}")
        known = [h for h in hooks if rule_or_name in rules(h)]
        if len(known) > 1:
            raise AssertionError(f"'{rule_or_name}' stands behind several hooks, say which: {', '.join(known)}")
        return find_rule(known[0] if known else hooks[0], rule_or_name)
    for h in hooks:
        for candidate in rules(h).values():
            if candidate.compiled is rule_or_name or candidate.python is rule_or_name:
                return candidate
    raise AssertionError("the function is no rule: decorate it with @rule(hook) first")


# ---------------------------------------------------------------- states to ask in
def snapshot(world: World) -> World:
    """Return a copy of a world: what a run writes is copied, what it only reads is shared."""
    return World({name: table.copy() if name in WRITTEN else table for name, table in world.tables.items()})


def moments(hook: str, count: int = _MOMENTS) -> Iterator[Moment]:
    """Yield (state, subject, slot, now) in which a hook is really asked, from runs under both protocols."""
    if hook == "priority":
        yield from _waiting(count)
        return
    seen = 0
    for protocol in ("sequential_referral", "whistle_and_report"):
        chosen = {"coordinate": protocol, "reposition": "return_home", hook: "ask"}
        arm = trial_arm(rules=chosen)
        instead = protocol if hook == "coordinate" else getattr(type(arm.spec.rules)(), hook)
        usual = find_rule(hook, instead if hook != "reposition" else "return_home")
        world, number = arm.world(11, 0, "counts"), 0
        kernel.begin(world)
        until, taken = arm.spec.horizon_days * 1440.0, 0
        while (decision := kernel.run_until(arm, world, until)) is not None and taken < count // 2:
            if number % 5 == 0 or number < 4:
                taken += 1
                yield snapshot(world), decision.subject, decision.slot, decision.now_min
            kernel.answer(world, answer_of(usual, world, decision.subject, decision.slot, decision.now_min))
            number += 1
        seen += taken
    if not seen:
        raise AssertionError(f"the trial never asked '{hook}'")


def _waiting(count: int) -> Iterator[Moment]:
    """Yield states with a task whose place in line is asked, at odd hours of a run."""
    arm = trial_arm(rate=1.5)
    world, taken = arm.world(11, 0, "counts"), 0
    kernel.begin(world)
    for hour in range(9, 240, 3):
        kernel.run_until(arm, world, hour * 60.0 + 7.0)
        tasks = world.tasks[: int(world.clock[0]["tasks"])]
        for t in np.flatnonzero(tasks["state"] <= codes.T_QUEUED)[-2:]:
            yield snapshot(world), int(t), 0, kernel.now_min(world)
            taken += 1
        if taken >= count:
            return


def _variants(hook: str, moment: Moment) -> Iterator[tuple[Moment, str]]:
    """Yield a moment as it was and changed: nobody free, nobody able, an empty line; a case at the top, all done."""
    yield moment, "as it was"
    world, subject, slot, now = moment
    for what, alter in _CASE_CHANGES.items() if hook == "coordinate" else ():
        other = snapshot(world)
        alter(other, other.cases[subject : subject + 1])
        yield (other, subject, slot, now), what
    if hook not in ("dispatch", "pick"):
        return
    rng = np.random.default_rng(int(now * 1000) % 2**32)
    for what, change in _CHANGES.items():
        other = snapshot(world)
        change(other, rng)
        if hook == "pick" and what in ("everybody busy", "everybody off duty"):
            continue  # who picks is free by the hook's own meaning
        if hook == "pick":
            other.staff["state"][subject], other.staff["on_duty"][subject] = codes.S_IDLE, 1
        _count_free(other)
        yield (other, subject, slot, now), what


def _all_busy(world: World, rng: np.random.Generator) -> None:
    world.staff["state"], world.staff["on_duty"] = codes.S_BUSY, 1


def _all_off(world: World, rng: np.random.Generator) -> None:
    world.staff["state"], world.staff["on_duty"] = codes.S_OFF, 0


def _no_skill(world: World, rng: np.random.Generator) -> None:
    world.staff["capabilities"] = 0


def _mixed(world: World, rng: np.random.Generator) -> None:
    staff = world.staff
    n = len(staff)
    staff["state"] = rng.choice([codes.S_OFF, codes.S_IDLE, codes.S_IDLE, codes.S_BACKGROUND, codes.S_BUSY], n)
    staff["on_duty"] = np.where(staff["state"] == codes.S_OFF, 0, rng.integers(0, 2, n))
    staff["capabilities"] = rng.integers(0, 2**10, n)
    staff["cases_open"] = rng.integers(0, 6, n)
    staff["place"] = rng.integers(0, world.travel.shape[1], n)


def _empty_lines(world: World, rng: np.random.Generator) -> None:
    world.pools["queue_root"], world.pools["queue_count"] = -1, 0


_CHANGES: dict[str, Callable[[World, np.random.Generator], None]] = {
    "everybody busy": _all_busy, "everybody off duty": _all_off, "nobody skilled": _no_skill, "mixed": _mixed,
    "empty lines": _empty_lines,
}  # fmt: skip


def _at_the_top(world: World, case: np.ndarray) -> None:
    case["level"] = world.ladder.shape[1] - 1


def _all_done(world: World, case: np.ndarray) -> None:
    case["done_needs"] = case["known_needs"]


def _everybody_needed(world: World, case: np.ndarray) -> None:
    case["known_needs"], case["done_needs"] = 2 ** len(world.departments) - 1, 0


_CASE_CHANGES: dict[str, Callable[[World, np.ndarray], None]] = {
    "at the top": _at_the_top, "all parts done": _all_done, "everybody needed": _everybody_needed,
}  # fmt: skip


def _count_free(world: World) -> None:
    """Make the groups' counters agree with their people."""
    staff, n = world.staff, len(world.pools)
    for name, state in (("idle", codes.S_IDLE), ("background", codes.S_BACKGROUND), ("busy", codes.S_BUSY)):
        world.pools[name] = np.bincount(staff["pool"][staff["state"] == state], minlength=n)
    world.pools["on_duty"] = np.bincount(staff["pool"][staff["on_duty"] == 1], minlength=n)


# ---------------------------------------------------------------- what is checked
def answer_of(found: Rule, world: World, subject: int, slot: int, now: float) -> AnswerTuple:
    """Return what the compiled rule decides in a world."""
    return call_rule(world.address, found.compiled, subject, slot, now)


def _check_one(found: Rule, moment: Moment, what: str) -> None:
    world, subject, slot, now = moment
    at = f"rule '{found.name}' behind '{found.hook}' (state: {what}, row {subject}, {now:.1f} min)"
    before = {name: world.tables[name].tobytes() for name in NAMES}
    given = answer_of(found, world, subject, slot, now)
    changed = [name for name in NAMES if world.tables[name].tobytes() != before[name]]
    _must(not changed, f"{at} writes to {', '.join(changed)}; a rule only reads")
    legal(found, world, subject, given, at)
    _must(_alike(given, answer_of(found, world, subject, slot, now)), f"{at} decides differently when asked again")
    hidden = _scrambled(world, int(now))
    _must(_alike(given, answer_of(found, hidden, subject, slot, now)), f"{at} depends on what a decider cannot know")
    python = _in_python(found, world, subject, slot, now, at)
    _must(_alike(given, python), f"{at} answers {_say(given)} compiled and {_say(python)} in Python")


def _in_python(found: Rule, world: World, subject: int, slot: int, now: float, at: str) -> AnswerTuple:
    view = snapshot(world).view()
    for table in vars(view).values():
        table.flags.writeable = False
    try:
        with np.errstate(over="ignore"):
            return found.python(view, subject, slot, now)
    except _PYTHON_ERRORS as error:
        raise AssertionError(f"{at} fails in Python: {type(error).__name__}: {error}") from error


def _scrambled(world: World, seed: int) -> World:
    """Return the same world with everything that a decider cannot know replaced by noise."""
    rng, tables = np.random.default_rng(seed), {}
    for name, table in world.tables.items():
        if name not in KNOWN and table.nbytes:
            noise = np.frombuffer(rng.bytes(table.nbytes), np.uint8).copy()
            table = noise.view(table.dtype).reshape(table.shape)
        tables[name] = table
    return World(tables)


def _alike(a: AnswerTuple, b: AnswerTuple) -> bool:
    if (int(a[0]), int(a[1])) != (int(b[0]), int(b[1])):
        return False
    return math.isclose(a[2], b[2], rel_tol=1e-5, abs_tol=1e-6)  # columns of 32 bits are widened when compiled


def _say(answer: AnswerTuple) -> str:
    return f"code {int(answer[0])}, argument {int(answer[1])}, value {float(answer[2]):g}"


def _must(condition: bool, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)


def legal(found: Rule, world: World, subject: int, given: AnswerTuple, at: str) -> None:
    """Raise unless an answer is one that the hook allows in this state."""
    code, arg, value = int(given[0]), int(given[1]), float(given[2])
    _must(code in LEGAL[found.hook], f"{at} answers code {code}, which its hook does not know")
    _must(math.isfinite(value), f"{at} gives the value {value}")
    if code == codes.SEND:
        _must(0 <= arg < len(world.staff), f"{at} sends row {arg}, which is nobody")
        _must(not (why := _hindrance(world, arg, subject)), f"{at} sends row {arg}, who is {why}")
    elif code == codes.TAKE:
        _must(0 <= arg < int(world.clock[0]["tasks"]), f"{at} takes row {arg}, which is no task")
        _must(world.tasks["state"][arg] == codes.T_QUEUED, f"{at} takes task {arg}, which does not wait")
        _must(_in_line(world, int(world.staff["pool"][subject]), arg), f"{at} takes task {arg} of no line of its own")
        _must(not (why := _hindrance(world, subject, arg)), f"{at} takes task {arg} for somebody who is {why}")
    elif code == codes.MOVE:
        _must(0 <= arg < world.travel.shape[1], f"{at} moves to place {arg}, which does not exist")
    elif code == codes.DEFER:
        _must(value >= 0, f"{at} defers by {value} min")
    elif found.hook == "coordinate":
        _legal_coordination(world, subject, code, arg, at)


def _hindrance(world: World, s: int, t: int) -> str:
    """Return why somebody cannot be sent to a task, empty when nothing hinders."""
    k, task = world.staff[s], world.tasks[t]
    if not k["on_duty"]:
        return "off duty"
    if k["state"] != codes.S_IDLE and not (k["state"] == codes.S_BACKGROUND and task["emergency"]):
        return "busy"
    if task["capability"] >= 0 and not int(k["capabilities"]) >> int(task["capability"]) & 1:
        return "unskilled"
    if task["kind"] == codes.K_HOLDER and task["owner"] != s and k["cases_open"] >= k["caseload_cap"]:
        return "at the limit of cases"
    return ""


def _in_line(world: World, pool: int, t: int) -> bool:
    """Return True when a group's line really holds a task (its tree leads from the task to the root)."""
    seen = 0
    while world.tasks["up"][t] >= 0 and seen < len(world.tasks):
        t, seen = int(world.tasks["up"][t]), seen + 1
    return int(world.pools["queue_root"][pool]) == t


def _legal_coordination(world: World, case: int, code: int, arg: int, at: str) -> None:
    c = world.cases[case]
    open_needs = int(c["known_needs"]) & ~int(c["done_needs"])
    if code == codes.REFER:
        _must(0 <= arg < len(world.departments), f"{at} refers to department {arg}, which does not exist")
        _must(not int(c["done_needs"]) >> arg & 1, f"{at} refers to department {arg}, which has done its part")
        _must(bool(open_needs >> arg & 1), f"{at} refers to department {arg}, which does not seem needed")
    elif code == codes.WHISTLE:
        _must(0 <= arg < len(world.whistles), f"{at} blows whistle {arg}, which does not exist")
        _must(open_needs != 0, f"{at} whistles though no department seems needed")
    elif code == codes.ESCALATE:
        above = range(int(c["level"]) + 1, world.ladder.shape[1])
        posts = [int(world.ladder[c["type"], level]) for level in above]
        higher = any(p >= 0 and world.pool_of[p, c["grid"]] >= 0 for p in posts)
        _must(higher, f"{at} escalates though nobody above holds such cases")


# ---------------------------------------------------------------- protocols
def check_protocol(rule_or_name: Rule | Callable[..., Any] | str, hook: str | None = None) -> None:
    """Let a `coordinate` or `report_in` rule decide whole runs, and hold the runs against the contract.

    Parameters
    ----------
    rule_or_name, hook
        As for `check_rule`; the hook is ``coordinate`` or ``report_in``.

    Raises
    ------
    AssertionError
        When a decision is one that cannot be (a department that is done, a level that is not above), when the rule
        is asked without end, or when a case has not been closed half a year after the last incident.
    InputError
        When there is no such rule.
    """
    found = resolve(rule_or_name, hook)
    _must(found.hook in ("coordinate", "report_in"), f"'{found.name}' stands behind '{found.hook}': no protocol")
    for other in _partners(found.hook):
        arm = trial_arm(days=200.0, rate=0.0, script=trial_script(), rules={**other, found.hook: "ask"})
        for replication in range(2):
            _run_protocol(found, arm, replication)


def _partners(hook: str) -> list[dict[str, str]]:
    if hook == "coordinate":
        return [{"report_in": "by_utility"}, {"report_in": "always_come"}]
    return [{"coordinate": "sequential_referral"}, {"coordinate": "whistle_and_report"}]


def _run_protocol(found: Rule, arm: Arm, replication: int) -> None:
    world, until, asked = arm.world(5, replication, "counts"), arm.spec.horizon_days * 1440.0, 0
    kernel.begin(world)
    limit = 2000 * max(1, len(world.incidents))
    while (decision := kernel.run_until(arm, world, until)) is not None:
        at = f"rule '{found.name}' behind '{found.hook}' (row {decision.subject}, {decision.now_min:.1f} min)"
        given = answer_of(found, world, decision.subject, decision.slot, decision.now_min)
        legal(found, world, decision.subject, given, at)
        _must(int(given[0]) != codes.ASK, f"{at} asks back, so nobody decides")
        asked += 1
        _must(asked < limit, f"{at} is asked without end: {asked} decisions for {len(world.incidents)} incidents")
        kernel.answer(world, Answer(*given))
    cases = world.cases[: int(world.clock[0]["cases"])]
    open_rows = np.flatnonzero(cases["state"] != codes.C_CLOSED)
    types = list(arm.spec.types)
    _must(
        not len(open_rows),
        f"rule '{found.name}' behind '{found.hook}' leaves {len(open_rows)} of {len(cases)} cases open for ever; "
        + (f"one is a '{types[int(cases['type'][open_rows[0]])]}'" if len(open_rows) else ""),
    )
