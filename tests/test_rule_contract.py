"""Every rule behind a hook keeps the contract, and rules that break it are caught, each for its own reason."""

from __future__ import annotations

import pytest
from numba.core.errors import TypingError

from sim.agents.ability import can_take
from sim.engine.codes import (
    ESCALATE,
    HANDLE,
    HOOK_NAMES,
    IDLE_ANSWER,
    MOVE,
    REFER,
    REFUSE,
    SEND,
    SUPERVISE,
    T_QUEUED,
    TAKE,
    WAIT,
    WHISTLE,
)
from sim.engine.hooks import Answer, compile_rule
from sim.policies.check import check_protocol, check_rule, resolve
from sim.policies.rules import Rule, rules

BUILT_IN = [
    (hook, name)
    for hook in HOOK_NAMES
    for name, found in rules(hook).items()
    if found.python.__module__.startswith("sim.policies")
]


def own(hook):
    """Make a rule that stays out of the registry, so that no other test meets it."""
    return lambda function: Rule(function.__name__, hook, compile_rule(function), function)


@pytest.mark.parametrize(("hook", "name"), BUILT_IN, ids=[f"{h}-{n}" for h, n in BUILT_IN])
def test_every_built_in_rule_keeps_the_contract(hook, name):
    check_rule(name, hook)


PROTOCOLS = [(h, n) for h, n in BUILT_IN if h in ("coordinate", "report_in") and n != "ask"]


@pytest.mark.parametrize(("hook", "name"), PROTOCOLS, ids=[f"{h}-{n}" for h, n in PROTOCOLS])
def test_every_built_in_protocol_ends_every_case(hook, name):
    check_protocol(name, hook)


def test_the_library_holds_the_promised_rules():
    assert len(set(rules("dispatch")) - {"ask"}) >= 6
    assert {"fifo", "severity", "earliest_deadline", "accumulating"} <= set(rules("priority"))
    assert len(set(rules("reposition")) - {"ask", "stay"}) >= 2
    assert {"sequential_referral", "whistle_and_report"} <= set(rules("coordinate"))


@own("dispatch")
def bad_picks_the_first_of_the_group(view, task, slot, now):
    """Sends the first of the group, busy or not."""
    return Answer(SEND, view.pools[view.tasks[task].pool].first, 0.0)


@own("dispatch")
def bad_ignores_skill(view, task, slot, now):
    """Sends whoever idles, able or not."""
    pool = view.pools[view.tasks[task].pool]
    for s in range(pool.first, pool.first + pool.count):
        if view.staff[s].on_duty == 1 and view.staff[s].state == 1:
            return Answer(SEND, s, 0.0)
    return Answer(WAIT, 0, 0.0)


@own("dispatch")
def bad_ignores_duty(view, task, slot, now):
    """Sends whoever would be able, on duty or not."""
    pool = view.pools[view.tasks[task].pool]
    for s in range(pool.first, pool.first + pool.count):
        if view.staff[s].state != 4 and view.staff[s].state != 2 and view.staff[s].capabilities != 0:
            return Answer(SEND, s, 0.0)
    return Answer(WAIT, 0, 0.0)


@own("dispatch")
def bad_writes(view, task, slot, now):
    """Changes what it is shown."""
    view.tasks[task].boost = 1.0
    return Answer(WAIT, 0, 0.0)


@own("dispatch")
def bad_code(view, task, slot, now):
    """Answers with another hook's code."""
    return Answer(TAKE, 0, 0.0)


@own("priority")
def bad_not_finite(view, task, slot, now):
    """Answers with a key that orders nothing."""
    return Answer(WAIT, 0, (now - now) / (now - now))


@own("pick")
def bad_takes_any(view, staff, slot, now):
    """Takes task 0 whatever it is."""
    return Answer(TAKE, 0, 0.0)


@own("pick")
def bad_takes_from_other_lines(view, staff, slot, now):
    """Takes what waits in some other line."""
    for t in range(200):
        k = view.tasks[t]
        if k.state == T_QUEUED and k.pool != view.staff[staff].pool and can_take(view, staff, t):
            return Answer(TAKE, t, 0.0)
    return Answer(IDLE_ANSWER, 0, 0.0)


@own("reposition")
def bad_place(view, staff, slot, now):
    """Moves to nowhere."""
    return Answer(MOVE, 10_000, 0.0)


@own("coordinate")
def bad_refers_always(view, case, reason, now):
    """Refers to department 0 whatever is needed."""
    return Answer(REFER, 0, 0.0)


@own("coordinate")
def bad_climbs_always(view, case, reason, now):
    """Escalates from the top too."""
    return Answer(ESCALATE, 0, 0.0)


@own("coordinate")
def bad_whistles_always(view, case, reason, now):
    """Whistles though nobody is needed."""
    return Answer(WHISTLE, 0, 0.0)


def _python_only(view, task, slot, now):
    """Decides by its own memory in Python, which the compiled form has frozen."""
    return Answer(WAIT, len(_MEMORY), 0.0)


_MEMORY: tuple[int, ...] = ()
bad_unlike_itself = own("dispatch")(_python_only)
_MEMORY = (1, 2)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (bad_picks_the_first_of_the_group, "busy|off duty|unskilled"),
        (bad_ignores_skill, "unskilled|limit of cases"),
        (bad_ignores_duty, "off duty"),
        (bad_writes, "writes to tasks"),
        (bad_code, "does not know"),
        (bad_not_finite, "value nan"),
        (bad_takes_any, "does not wait|of no line"),
        (bad_takes_from_other_lines, "of no line of its own"),
        (bad_place, "does not exist"),
        (bad_refers_always, "has done its part|does not seem needed"),
        (bad_climbs_always, "nobody above"),
        (bad_whistles_always, "no department seems needed"),
        (bad_unlike_itself, "compiled and .* in Python"),
    ],
)
def test_a_bad_rule_is_caught_and_told_why(bad, why):
    with pytest.raises(AssertionError, match=why):
        check_rule(bad)


@pytest.mark.parametrize("hidden", ["incidents", "work", "residents", "stages", "heap", "clock", "need", "turns"])
def test_a_rule_that_reaches_for_what_nobody_knows_does_not_compile(hidden):
    source = f"def peeks(view, task, slot, now):\n    return Answer(WAIT, view.{hidden}.shape[0], 0.0)\n"
    scope = {"Answer": Answer, "WAIT": WAIT}
    exec(source, scope)
    with pytest.raises(TypingError, match=f"Unknown attribute '{hidden}'"):
        own("dispatch")(scope["peeks"])


@own("report_in")
def never_comes(view, task, asks, now):
    """Refuses always; only an order ends it."""
    return Answer(REFUSE, 0, 0.0)


@own("coordinate")
def only_supervises(view, case, reason, now):
    """Supervises whatever is asked."""
    return Answer(SUPERVISE, 0, 0.0)


@own("coordinate")
def only_handles(view, case, reason, now):
    """Goes on alone whatever is asked, so that what lies above its authority is tried for ever."""
    return Answer(HANDLE, 0, 0.0)


@pytest.mark.parametrize("protocol", [never_comes, only_supervises, only_handles])
def test_even_stubborn_protocols_end_every_case(protocol):
    check_protocol(protocol)


def test_a_protocol_check_is_for_protocols():
    with pytest.raises(AssertionError, match="no protocol"):
        check_protocol("nearest_idle")


def test_names_that_stand_behind_several_hooks_must_say_which():
    with pytest.raises(AssertionError, match="several hooks"):
        resolve("ask")
    with pytest.raises(AssertionError, match="is no rule"):
        resolve(lambda view, task, slot, now: None)
