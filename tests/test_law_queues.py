"""Order and fairness of lines: nobody overtakes, units seized together wait their turn, losses are monotone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from law_scenes import at, job, logged, queue_arm, rows, run

from sim import kernel
from sim.engine import codes
from sim.engine.codes import NEVER
from sim.engine.names import entity
from sim.policies.trial import trial_arm

quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
seeds = st.integers(0, 2**40)
EXPONENTIAL = {"exponential": {"mean": 10.0}}


@quick
@given(seed=seeds, servers=st.integers(1, 5), classes=st.integers(1, 3))
def test_first_come_first_served_within_a_class(seed, servers, classes):
    types = {f"job{c}": job(5.0 * servers / classes, EXPONENTIAL, priority_class=c) for c in range(classes)}
    world = run(queue_arm(types, servers, days=4.0, rules={"priority": "class_fifo"}), seed)
    tasks = rows(world, "tasks")
    assert len(tasks) > 100 and (tasks["queued_min"] < NEVER).sum() > 10
    for c in range(classes):
        mine = tasks[(tasks["type"] == c) & (tasks["assigned_min"] < NEVER)]
        assert (np.diff(mine["assigned_min"][np.argsort(mine["created_min"])]) >= 0).all(), "somebody was overtaken"


@quick
@given(seed=seeds)
def test_a_lower_class_starts_only_when_no_higher_one_waits(seed):
    types = {"high": job(2.0, EXPONENTIAL), "low": job(3.5, EXPONENTIAL, priority_class=1)}
    tasks = rows(run(queue_arm(types, 1, days=6.0, rules={"priority": "class_fifo"}), seed), "tasks")
    high, low = tasks[tasks["type"] == 0], tasks[tasks["type"] == 1]
    begun = low["assigned_min"][low["assigned_min"] < NEVER]
    waiting = (high["created_min"][None] < begun[:, None]) & (high["assigned_min"][None] > begun[:, None])
    assert len(begun) > 100 and not waiting.any()


@quick
@given(seed=seeds, servers=st.integers(2, 5), atomic=st.booleans())
def test_units_seized_together_do_not_jump_and_are_not_jumped(seed, servers, atomic):
    """One line of tasks that need one, two or all servers is served strictly in order of arrival."""
    types = {f"crew{n}": job(1.2, EXPONENTIAL, stage={"staff": n, "atomic": atomic}) for n in sorted({1, 2, servers})}
    world = run(queue_arm(types, servers, days=5.0), seed)
    tasks = rows(world, "tasks")
    served = tasks[tasks["started_min"] < NEVER]
    assert len(served) > 100 and (served["n_staff"] == servers).sum() > 10
    order = np.argsort(served["created_min"])
    assert (np.diff(served["assigned_min"][order]) >= 0).all(), "somebody was overtaken"
    assert (np.diff(served["started_min"][order]) >= 0).all()
    assert _most_at_once(served) <= servers


def _most_at_once(tasks) -> int:
    """Return the largest number of people at work at one instant."""
    ended = np.minimum(tasks["done_min"], 1e15)
    times = np.concatenate([tasks["started_min"], ended])
    change = np.concatenate([tasks["n_staff"], -tasks["n_staff"]])
    order = np.lexsort((change, times))
    return int(np.cumsum(change[order]).max())


def test_a_big_task_waits_at_the_head_of_the_line_and_small_ones_behind_it_wait_too():
    """Two servers, one busy until 60: the pair that came at 10 starts at 60, the single that came at 20 after it."""
    types = {"one": job(touch=60.0), "pair": job(touch=30.0, stage={"staff": 2})}
    script = [*at(0.0, 20.0, kind="one"), *at(10.0, kind="pair")]
    tasks = rows(run(queue_arm(types, 2, days=1.0, script=script)), "tasks")
    started = dict(zip(tasks["created_min"].tolist(), tasks["started_min"].tolist(), strict=True))
    assert started == {0.0: 0.0, 10.0: 60.0, 20.0: 90.0}


def test_a_future_arrival_never_overtakes_who_waits():
    """What comes later in the day is drawn already, yet does not hold a place in line (Prosimos #64)."""
    short, long = job(touch=1.0), job(touch=50.0)
    script = [*at(0.0, 1.0, kind="long"), *at(2.0, 49.0, 51.0, kind="short")]
    arm = queue_arm({"long": long, "short": short}, 1, days=1.0, script=script)
    tasks = rows(run(arm), "tasks")
    started = dict(zip(tasks["created_min"].tolist(), tasks["started_min"].tolist(), strict=True))
    assert started == {0.0: 0.0, 1.0: 50.0, 2.0: 100.0, 49.0: 101.0, 51.0: 102.0}


@pytest.mark.parametrize("turned", [False, True])
def test_a_batch_keeps_the_order_of_its_script(turned):
    """Who comes at one instant is served as listed: the line breaks ties by order of coming, then by name."""
    script = at(*[5.0] * 12)
    listed = script[::-1] if turned else script
    world = run(queue_arm({"job": job(touch=3.0)}, 1, days=1.0, script=listed))
    tasks, incidents = rows(world, "tasks"), rows(world, "incidents")
    names = [int(entity("script", item["name"])) for item in listed]
    assert incidents["entity"].tolist() == names
    assert tasks["started_min"].tolist() == [5.0 + 3.0 * n for n in range(12)]


def test_who_falls_free_at_the_instant_of_an_arrival_serves_who_waited_first():
    tasks = rows(run(queue_arm({"job": job(touch=10.0)}, 1, days=1.0, script=at(0.0, 5.0, 10.0))), "tasks")
    assert tasks["started_min"].tolist() == [0.0, 10.0, 20.0]


# ---------------------------------------------------------------- losses
@quick
@given(seed=seeds, servers=st.integers(1, 6), shape=st.sampled_from((0.5, 1.0, 3.0)))
def test_one_more_unit_accepts_a_superset_of_calls(seed, servers, shape):
    types = {"job": job(6.0 * servers, {"weibull": {"shape": shape, "mean": 12.0}})}
    accepted = []
    for count in (servers, servers + 1):
        world = run(queue_arm(types, count, days=3.0, post={"queue_capacity": 0}), seed)
        cases = rows(world, "cases")
        assert set(cases["outcome"]) <= {codes.O_SETTLED, codes.O_LOST, codes.O_OPEN}
        accepted.append(set(cases["entity"][cases["outcome"] != codes.O_LOST].tolist()))
        fates = rows(world, "incidents")["fate"]
        assert (fates == codes.F_LOST).sum() == world.clock["lost"][0] == (cases["outcome"] == codes.O_LOST).sum()
    assert accepted[0] < accepted[1] or accepted[0] == accepted[1]
    assert len(accepted[1]) > 50


def test_a_call_served_by_fewer_than_it_needs_is_lost_whole_when_nobody_may_wait():
    """Units that set out one by one give up together when the line has no place; nobody stays bound."""
    types = {"pair": job(touch=30.0, stage={"staff": 2, "atomic": False}), "one": job(touch=60.0)}
    script = [*at(0.0, 20.0, kind="one"), *at(10.0, kind="pair")]
    world = run(queue_arm(types, 2, days=1.0, script=script, post={"queue_capacity": 0}))
    cases = rows(world, "cases")
    outcome = dict(zip(cases["reported_min"].tolist(), cases["outcome"].tolist(), strict=True))
    assert outcome == {0.0: codes.O_SETTLED, 10.0: codes.O_LOST, 20.0: codes.O_SETTLED}
    assert world.pools["busy"][0] == 0


def test_a_caller_with_somebody_already_there_does_not_leave():
    """Half of the crew has come when patience ends: the caller stays, and both are free again in the end."""
    types = {
        "pair": job(touch=30.0, stage={"staff": 2, "atomic": False}, queue_patience_min=20.0),
        "one": job(touch=60.0),
    }
    world = run(queue_arm(types, 2, days=1.0, script=[*at(0.0, kind="one"), *at(5.0, kind="pair")]))
    cases = rows(world, "cases")
    assert cases["outcome"].tolist() == [codes.O_SETTLED, codes.O_SETTLED]
    assert cases["closed_min"].tolist() == [60.0, 90.0] and world.pools["idle"][0] == 2


def test_a_caller_whom_nobody_reaches_leaves_on_time_and_the_line_moves_up():
    types = {"job": job(touch=60.0, queue_patience_min=20.0)}
    world = run(queue_arm(types, 1, days=1.0, script=at(0.0, 5.0, 50.0)))
    cases = rows(world, "cases")
    assert cases["closed_min"].tolist() == [60.0, 25.0, 120.0]
    assert [codes.OUTCOMES[k] for k in cases["outcome"]] == ["settled", "lost", "settled"]


# ---------------------------------------------------------------- nobody idles beside waiting work
@settings(quick, max_examples=8)
@given(seed=seeds, cap=st.integers(1, 3), members=st.integers(1, 3))
def test_who_has_room_for_a_case_never_idles_beside_a_line(seed, cap, members):
    """A case leaves its owner when a lag ends, with nobody falling free at that instant; the line must still move."""
    stage = {"lag_min": {"exponential": {"mean": 120.0}}}
    arm = queue_arm({"job": job(3.0, EXPONENTIAL, stage=stage)}, members, days=3.0, post={"caseload_cap": cap})
    world = arm.world(seed, 0, "counts")
    kernel.begin(world)
    blocked = 0
    for minute in np.arange(7.0, 3 * 1440.0, 7.0):
        kernel.run_until(arm, world, float(minute))
        idle = world.staff["state"] == codes.S_IDLE
        room = idle & (world.staff["cases_open"] < world.staff["caseload_cap"])
        blocked += bool(idle.any() and world.pools["queue_count"][0])
        assert not (room.any() and world.pools["queue_count"][0]), f"work waits beside free members at {minute} min"
    assert blocked, "the limit of cases never bound, so this shows nothing"


def test_an_urgent_case_interrupts_only_who_can_then_take_it():
    """At 17:30 the day member works overtime: interrupting would send that member home, so the urgent one waits."""
    types = {"slow": job(touch=120.0, priority_class=1), "urgent": job(touch=10.0)}
    script = [{"name": "a", "type": "slow", "at_min": 1000.0}, {"name": "b", "type": "urgent", "at_min": 1050.0}]
    arm = queue_arm(types, 1, days=2.0, script=script, shifts={"day": {"hours": [(9.0, 17.0)]}},
                    post={"shift": "day", "preemptive": True}, rules={"priority": "class_fifo"})  # fmt: skip
    world = run(arm)
    assert not len(logged(world, codes.L_PREEMPT))
    assert rows(world, "cases")["closed_min"].tolist() == [1120.0, 1440.0 + 550.0]


def test_interrupted_work_is_resumed_and_takes_no_longer_in_all():
    types = {"slow": job(touch=100.0, priority_class=1), "urgent": job(touch=10.0)}
    script = [{"name": "a", "type": "slow", "at_min": 0.0}, {"name": "b", "type": "urgent", "at_min": 30.0}]
    post, rules = {"preemptive": True}, {"priority": "class_fifo"}
    world = run(queue_arm(types, 1, days=1.0, script=script, post=post, rules=rules))
    cases = rows(world, "cases")
    assert cases["closed_min"].tolist() == [110.0, 40.0] and cases["touch_min"].tolist() == [100.0, 10.0]


# ---------------------------------------------------------------- units of time
@quick
@given(seed=seeds, servers=st.integers(1, 4), scale=st.sampled_from((0.25, 2.0, 64.0)))
def test_scaling_all_minutes_scales_the_run_and_nothing_else(seed, servers, scale):
    def arm(c: float):
        types = {"a": job(5.0 * servers / c, {"lognormal": {"median": 6.0 * c, "sigma": 0.7}}),
                 "b": job(2.0 * servers / c, {"exponential": {"mean": 4.0 * c}}, priority_class=1,
                          queue_patience_min={"exponential": {"mean": 30.0 * c}})}  # fmt: skip
        return queue_arm(types, servers, days=2.0 * c, rules={"priority": "class_fifo"})

    a, b = run(arm(1.0), seed), run(arm(scale), seed)
    tasks_a, tasks_b = rows(a, "tasks"), rows(b, "tasks")
    assert len(tasks_a) == len(tasks_b) > 50 and a.clock["events"] == b.clock["events"]
    assert np.array_equal(tasks_a["entity"], tasks_b["entity"]) and np.array_equal(tasks_a["state"], tasks_b["state"])
    for field in ("created_min", "assigned_min", "started_min", "done_min"):
        done = tasks_a[field] < NEVER
        assert np.allclose(tasks_a[field][done] * scale, tasks_b[field][done], rtol=1e-12, atol=0)


def test_a_busy_trial_serves_no_group_with_more_people_than_it_has():
    world = run(trial_arm(days=6, rate=3.0), 3)
    tasks = rows(world, "tasks")
    for p in range(len(world.pools)):
        mine = tasks[(tasks["pool"] == p) & (tasks["started_min"] < NEVER) & (tasks["interrupted"] == 0)]
        mine = mine[rows(world, "work")["lag_min"][np.isin(tasks["entity"], mine["entity"])] == 0.0]
        if len(mine):
            assert _most_at_once(mine) <= world.pools["count"][p]
