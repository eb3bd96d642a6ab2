"""What must not change a run: how it is logged, paused, stored, who answers, and what else there is in the world."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from law_scenes import differences, logged, rows, run

from sim import kernel
from sim.agents.posts import Post
from sim.assemble import assemble
from sim.cases.catalogue import CaseType
from sim.engine import codes
from sim.engine.tables import DTYPES, World
from sim.institutions.parts import Channel, Department
from sim.model import prepare
from sim.policies.rules import find_rule
from sim.policies.trial import trial_arm, trial_city, trial_spec

PROTOCOLS = ("sequential_referral", "whistle_and_report")
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
seeds = st.integers(0, 2**40)


@quick
@given(seed=seeds, protocol=st.sampled_from(PROTOCOLS), level=st.sampled_from(("counts", "cases")))
def test_the_level_of_logging_changes_nothing(seed, protocol, level):
    arm = trial_arm(days=6, rules={"coordinate": protocol})
    assert not differences(run(arm, seed), run(arm, seed, level=level))


def test_the_log_of_cases_is_the_full_log_without_routine():
    arm = trial_arm(days=6)
    full, less = rows(run(arm), "log"), rows(run(arm, level="cases"), "log")
    assert np.array_equal(full[~np.isin(full["kind"], codes.FIRST_ROUTINE)], less)
    assert not len(rows(run(arm, level="counts"), "log"))


@quick
@given(seed=seeds, protocol=st.sampled_from(PROTOCOLS), pauses=st.lists(st.floats(0, 6 * 1440.0), max_size=60))
def test_pausing_changes_nothing(seed, protocol, pauses):
    arm = trial_arm(days=6, rules={"coordinate": protocol, "reposition": "fill_gaps"})
    assert not differences(run(arm, seed), run(arm, seed, pauses=pauses))


def test_stepping_from_event_to_event_misses_none_and_changes_nothing():
    """What is set at the end, and all that was done, is the same; between two steps the clock stands still."""
    arm = trial_arm(days=2)
    stepped, end = arm.world(3, 0, "everything"), 2 * 1440.0
    kernel.begin(stepped)
    while (at := kernel.next_event_min(arm, stepped, end)) <= end:
        just_before = at - 1e-6  # the instant before
        events = int(stepped.clock["events"][0])
        kernel.run_until(arm, stepped, max(just_before, kernel.now_min(stepped)))
        assert int(stepped.clock["events"][0]) == events, "something happened before the time that was told"
        kernel.run_until(arm, stepped, at)
    kernel.run_until(arm, stepped, end)
    whole = run(arm, 3)
    assert int(whole.clock["events"][0]) > 500 and not differences(whole, stepped)
    timers = kernel.pending_timers(whole)
    assert np.array_equal(timers, kernel.pending_timers(stepped)) and len(timers) == int(whole.clock["timers"][0])


def test_looking_at_staff_time_while_paused_changes_nothing():
    arm = trial_arm(days=4)
    world = arm.world(3, 0, "everything")
    kernel.begin(world)
    for hour in range(1, 97):
        kernel.run_until(arm, world, hour * 60.0)
        kernel.settled(world)
    assert not differences(run(arm, 3), world)


def test_the_mesa_model_walks_the_same_way_as_a_batch_run():
    from sim.mesa_model import Model

    spec = trial_spec(days=5)
    batch = prepare(spec, trial_city()).run(4, 2, "everything")
    model = Model(spec, trial_city(), seed=4, replication=2, step_min=333.0)
    model.run(days=1.3)
    model.step()
    model.run()
    assert not differences(kernel.settled(model.world), batch.world)
    assert np.array_equal(rows(model.world, "log"), rows(batch.world, "log"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tables_that_start_tiny_and_grow_change_nothing(protocol):
    arm = trial_arm(days=6, rules={"coordinate": protocol})
    world = arm.world(9, 0, "everything")
    for name in ("cases", "tasks", "work", "requests", "log", "heap", "later"):
        world._set(name, np.zeros(1, DTYPES[name]))
    kernel.begin(world)
    assert kernel.run_until(arm, world, 6 * 1440.0) is None
    whole = run(arm, 9)
    assert len(world.log) != len(whole.log) and not differences(whole, world)
    assert np.array_equal(rows(whole, "log"), rows(world, "log"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_equal_arms_are_equal_to_the_last_bit(protocol):
    arms = [trial_arm(days=6, rules={"coordinate": protocol}) for _ in range(2)]
    a, b = (run(arm, 5, 3) for arm in arms)
    assert not differences(a, b) and np.array_equal(rows(a, "log"), rows(b, "log"))


def test_replications_and_seeds_differ_in_every_draw():
    arm = trial_arm(days=6)
    entities = [rows(run(arm, seed, r), "incidents")["occurred_min"] for seed, r in ((1, 0), (1, 1), (2, 0), (0, 1))]
    times = np.concatenate(entities)
    assert len(np.unique(times)) == len(times), "two replications share incident times"


# ---------------------------------------------------------------- who answers
HOOKS = {"dispatch": "nearest_idle", "pick": "smallest_key", "coordinate": "whistle_and_report",
         "report_in": "by_utility", "reposition": "fill_gaps"}  # fmt: skip


@pytest.mark.parametrize("asked", [[h] for h in HOOKS] + [list(HOOKS)], ids=[*HOOKS, "all"])
def test_python_answers_give_the_same_run_as_the_compiled_rule(asked):
    arm = trial_arm(days=3, rules=HOOKS)
    open_arm = trial_arm(days=3, rules={**HOOKS, **dict.fromkeys(asked, "ask")})
    python = {hook: find_rule(hook, name).python for hook, name in HOOKS.items()}
    count = dict.fromkeys(HOOKS, 0)

    def decide(view, d):
        count[d.hook] += 1
        return python[d.hook](view, d.subject, d.slot, d.now_min)

    world = open_arm.world(6, 1, "everything")
    kernel.begin(world)
    kernel.run_answering(open_arm, world, 3 * 1440.0, decide)
    whole = run(arm, 6, 1)
    assert all(count[hook] > 5 for hook in asked), "the hook was hardly ever asked"
    assert not differences(whole, world)
    assert np.array_equal(rows(whole, "log"), rows(world, "log"))


# ---------------------------------------------------------------- what else there is
ROWS = {"type", "channel", "dept", "known_needs", "done_needs", "refused", "owner", "first_staff", "pool", "post",
        "who", "capability", "capabilities", "needs", "done", "called", "lead", "heap_rank"}  # fmt: skip


def _same_but_rows(a: World, b: World) -> list[str]:
    found = []
    for name in ("incidents", "cases", "tasks", "requests"):
        left, right = rows(a, name), rows(b, name)
        assert len(left) == len(right), f"{name}: {len(left)} against {len(right)}"
        found += [f"{name}.{f}" for f in left.dtype.names if f not in ROWS and not np.array_equal(left[f], right[f])]
    return found


def _title():
    return {"en": "more", "zh": "更多"}


def _more_type(spec):
    new = CaseType.model_validate({"title": _title(), "kind": "order", "stages": [{"name": "a"}]})
    return {"types": {"aaa": new, **spec.types}}


def _more_department(spec):
    unit = Post.model_validate({"title": _title(), "kind": "unit", "per": "city", "capabilities": {"aaa": 1.0}})
    department = Department.model_validate({"title": _title(), "post": "aaa"})
    return {"posts": {"aaa": unit, **spec.posts}, "departments": {"aaa": department, **spec.departments}}


def _more_channel(spec):
    return {"channels": {"aaa": Channel.model_validate({"title": _title()}), **spec.channels}}


@pytest.mark.parametrize("more", [_more_type, _more_department, _more_channel])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_further_part_that_nothing_uses_changes_nothing(more, protocol):
    spec = trial_spec(days=6, rules={"coordinate": protocol})
    wider = spec.model_copy(update=more(spec))
    a, b = (run(assemble(s, trial_city()), 8, 1) for s in (spec, wider))
    assert len(rows(a, "cases")) > 100
    assert not _same_but_rows(a, b)


def _requirements(world: World) -> dict[int, tuple[float, float]]:
    """Return entity of each task -> the work it required, where none of it was done in pieces."""
    tasks, work = rows(world, "tasks"), rows(world, "work")
    whole = tasks["interrupted"] == 0
    pairs = zip(work["touch_left_min"][whole], work["lag_min"][whole], strict=True)
    return dict(zip(tasks["entity"][whole].tolist(), pairs, strict=True))


def _one_more_member(spec):
    team = spec.posts["team"]
    return {"posts": {**spec.posts, "team": team.model_copy(update={"count": team.count + 1})}}


def _one_more_incident(spec):
    extra = [{"name": "extra", "type": "leak", "at_min": 700.0, "severity": 4}]
    return {"script": trial_spec(script=extra).script}


@pytest.mark.parametrize("change", [_one_more_member, _one_more_incident])
def test_what_changes_the_run_leaves_all_other_draws_alone(change):
    spec = trial_spec(days=6)
    arms = [assemble(s, trial_city()) for s in (spec, spec.model_copy(update=change(spec)))]
    before, after = (arm.world(8, 0).incidents for arm in arms)
    kept = after[np.isin(after["entity"], before["entity"])]
    assert np.array_equal(before, kept) and len(after) - len(before) == (change is _one_more_incident)
    a, b = (_requirements(run(arm, 8)) for arm in arms)
    shared = a.keys() & b.keys()
    assert len(shared) > 0.7 * len(a)
    assert {e: a[e] for e in shared} == {e: b[e] for e in shared}
    assert differences(run(arms[0], 8), run(arms[1], 8)), "the change had no effect at all, so this shows nothing"


def test_an_incident_that_meets_nobody_changes_nothing_for_the_others():
    """One extra telling in a place of its own changes exactly one case."""
    spec = trial_spec(days=4)
    extra = trial_spec(days=4, script=[{"name": "x", "type": "question", "at_min": 900.0, "channel": "app"}])
    a, b = (run(assemble(s, trial_city()), 8) for s in (spec, extra))
    cases_a, cases_b = rows(a, "cases"), rows(b, "cases")
    other = cases_b[np.isin(cases_b["entity"], cases_a["entity"])]
    assert len(cases_b) == len(cases_a) + 1
    moved = {"incident", "parent", "request", "task"}
    for field in set(cases_a.dtype.names) - moved:
        assert np.array_equal(cases_a[field], other[field]), field
    assert len(logged(b, codes.L_OCCUR)) == len(logged(a, codes.L_OCCUR)) + 1
