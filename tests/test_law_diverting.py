"""Somebody on the way to routine work is diverted to what is urgent: from where, and what becomes of the task left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from law_scenes import assert_sound, differences, job, logged, queue_arm, rows, run

from sim import kernel
from sim.city.bare import bare_city
from sim.engine import codes
from sim.engine.codes import NEVER

quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
seeds = st.integers(0, 2**40)
# home, routine, urgent, a second routine call beside the first
TRAVEL = [[0, 30, 10, 31], [30, 0, 5, 1], [10, 5, 0, 6], [31, 1, 6, 0]]
RULES = {"priority": "class_fifo"}


def scene(*calls: tuple[str, float, int], post=None, routine=None, urgent=None, **changes):
    """Return the run of one unit at place 0 that is called to (type, minute, place)."""
    types = {
        "routine": job(touch=60.0, priority_class=1, **(routine or {})),
        "urgent": job(touch=10.0, **(urgent or {})),
    }
    script = [{"name": f"{t}{i}", "type": t, "at_min": m, "place": p} for i, (t, m, p) in enumerate(calls)]
    posts = {"preemptive": True, "places": [0], **(post or {})}
    arm = queue_arm(types, 1, days=1.0, city=bare_city(travel_min=TRAVEL), post=posts, rules=RULES, script=script,
                    **changes)  # fmt: skip
    return run(arm)


def times(world, field: str) -> list[float]:
    """Return a column of the tasks in the order in which their cases came."""
    return rows(world, "tasks")[field].tolist()


@pytest.mark.parametrize(
    ("minute", "there", "again"),
    [(10.0, 20.0, 35.0), (20.0, 25.0, 40.0)],
    ids=["nearer to where it left", "nearer to where it goes"],
)
def test_it_starts_from_the_end_of_the_trip_that_is_nearer_in_time(minute, there, again):
    """10 min out of 30 it is taken to be back at home (10 min away), 20 min out at the routine place (5 min away)."""
    world = scene(("routine", 0.0, 1), ("urgent", minute, 2))
    assert times(world, "arrived_min") == [again, there]
    assert times(world, "done_min") == [again + 60.0, there + 10.0]
    called_off = logged(world, codes.L_PREEMPT)
    assert called_off["time_min"].tolist() == [minute] and called_off["value"].tolist() == [1.0]


def test_minutes_driven_in_vain_are_travel_of_the_case_and_of_the_unit():
    world = kernel.settled(scene(("routine", 0.0, 1), ("urgent", 10.0, 2)))
    cases, unit = rows(world, "cases"), world.staff[0]
    assert cases["travel_min"].tolist() == [15.0, 10.0] and cases["touch_min"].tolist() == [60.0, 10.0]
    assert unit["travel_min"] == 25.0 and unit["busy_min"] == 95.0 and unit["tasks_done"] == 2
    assert times(world, "interrupted") == [1, 0] and times(world, "started_min") == [35.0, 20.0]


def test_the_task_left_behind_goes_before_those_that_came_after_it():
    world = scene(("routine", 0.0, 1), ("routine", 5.0, 3), ("urgent", 10.0, 2))
    assert times(world, "started_min") == [35.0, 35.0 + 60.0 + 1.0, 20.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"post": {"preemptive": False}},
        {"routine": {"preemptible": False}},
        {"urgent": {"priority_class": 1}},
        {"post": {"caseload_cap": 1}},
    ],
    ids=["post does not interrupt", "type is not left", "not more urgent", "unit has no room for a second case"],
)
def test_nobody_is_diverted_without_right_or_use(changes):
    world = scene(("routine", 0.0, 1), ("urgent", 10.0, 2), **changes)
    assert not len(logged(world, codes.L_PREEMPT))
    assert times(world, "arrived_min") == [30.0, 95.0]


def test_an_emergency_diverts_whatever_the_post_says():
    """As with work on the spot: emergencies interrupt in every group."""
    world = scene(("routine", 0.0, 1), ("urgent", 10.0, 2), post={"preemptive": False}, urgent={"emergency": True})
    assert len(logged(world, codes.L_PREEMPT)) == 1 and rows(world, "tasks")["arrived_min"][1] < 20.0


def test_a_unit_with_the_case_aboard_is_not_diverted():
    """The drive between two stages that the same unit does belongs to the case; the first drive may be left."""
    second = {"name": "handover", "touch_min": 10.0, "where": "hospital", "keep_staff": True}
    care = {**job(touch=10.0, priority_class=1), "stages": [{"name": "scene", "touch_min": 10.0}, second]}
    city = bare_city(travel_min=TRAVEL)
    city.facilities = _one_hospital(city)
    script = [{"name": "a", "type": "care", "at_min": 0.0, "place": 2},
              {"name": "b", "type": "urgent", "at_min": 21.0, "place": 2}]  # fmt: skip
    post = {"preemptive": True, "places": [0]}
    world = run(queue_arm({"care": care, "urgent": job(touch=1.0)}, 1, days=1.0, city=city, post=post, rules=RULES,
                          script=script))  # fmt: skip
    assert rows(world, "tasks")["arrived_min"].tolist() == [10.0, 25.0, 40.0]  # free at the hospital at 35
    assert not len(logged(world, codes.L_PREEMPT))


def _one_hospital(city):
    from sim.city.facilities import Facilities

    return Facilities(["hospital"], ["Hospital"], [1], [1], [city.areas.grids[0]], [1.0])


def test_the_lowest_class_is_left_first_then_who_drives_then_who_set_out_last():
    """Three units drive to routine calls or work on them; an urgent call takes the one that set out last."""
    types = {"routine": job(touch=60.0, priority_class=1), "urgent": job(touch=10.0)}
    script = [{"name": f"r{i}", "type": "routine", "at_min": m, "place": 1} for i, m in enumerate((0.0, 20.0, 25.0))]
    script.append({"name": "u", "type": "urgent", "at_min": 35.0, "place": 2})
    arm = queue_arm(types, 3, days=1.0, city=bare_city(travel_min=TRAVEL), script=script, rules=RULES,
                    post={"preemptive": True, "places": [0, 0, 0]})  # fmt: skip
    tasks = rows(run(arm), "tasks")
    assert tasks["interrupted"].tolist() == [0, 0, 1, 0] and tasks["arrived_min"].tolist()[:2] == [30.0, 50.0]
    assert tasks["arrived_min"][3] == 45.0


# ---------------------------------------------------------------- laws
def busy_arm(rate: float, servers: int, emergency: bool):
    """Return a small town where calls of three classes come faster than units can drive."""
    places = [(600.0 * (i % 3), 600.0 * (i // 3)) for i in range(9)]
    types = {
        "urgent": job(0.2 * rate, {"exponential": {"mean": 6.0}}, emergency=emergency),
        "middle": job(0.3 * rate, {"exponential": {"mean": 6.0}}, priority_class=1),
        "routine": job(0.5 * rate, {"exponential": {"mean": 6.0}}, priority_class=2, queue_patience_min=240.0),
    }
    return queue_arm(types, servers, days=2.0, city=bare_city(places=places, speed_kmh=6.0), rules=RULES,
                     post={"preemptive": True, "places": [(4 * i) % 9 for i in range(servers)],
                           "turnout_min": {"exponential": {"mean": 1.0}}})  # fmt: skip


@quick
@given(seed=seeds, rate=st.floats(1.0, 8.0), servers=st.integers(1, 4), emergency=st.booleans())
def test_tables_agree_at_every_instant_while_units_are_diverted(seed, rate, servers, emergency):
    arm = busy_arm(rate, servers, emergency)
    world = arm.world(seed, 0, "counts")
    kernel.begin(world)
    for minute in np.linspace(1.0, 2880.0, 120):
        kernel.run_until(arm, world, float(minute))
        assert_sound(world)


@quick
@given(seed=seeds, servers=st.integers(1, 4), emergency=st.booleans())
def test_time_and_work_add_up_and_nothing_comes_before_its_cause(seed, servers, emergency):
    arm = busy_arm(2.5 * servers, servers, emergency)
    world = kernel.settled(run(arm, seed))
    tasks, cases, staff = rows(world, "tasks"), rows(world, "cases"), world.staff
    called_off = logged(world, codes.L_PREEMPT)
    assert (called_off["value"] == 1.0).sum() > 3, "nobody was diverted, so this shows nothing"
    done = tasks[tasks["done_min"] < NEVER]
    served = done[done["state"] == codes.T_DONE]
    steps = np.array([served[name] for name in ("created_min", "assigned_min", "started_min", "done_min")])
    assert (np.diff(steps, axis=0) >= 0).all() and (served["arrived_min"] <= served["done_min"]).all()
    # what was required is what was worked, in however many pieces; drives in vain are no work
    left = rows(world, "work")["touch_left_min"][tasks["state"] == codes.T_DONE]
    assert np.allclose(cases["touch_min"][served["case"]][served["interrupted"] == 0], left[served["interrupted"] == 0],
                       rtol=1e-4, atol=1e-3)  # fmt: skip
    open_now = np.isin(tasks["state"], (codes.T_ASSIGNED, codes.T_WORKING)).sum()
    assert abs(staff["busy_min"].sum() - cases["touch_min"].sum() - cases["travel_min"].sum()) < 600.0 * open_now + 1.0
    assert staff["travel_min"].sum() == pytest.approx(cases["travel_min"].sum(), abs=0.01 * len(cases))
    assert (staff["busy_min"] <= staff["duty_min"] + 1e-6).all()


@quick
@given(seed=seeds, pauses=st.lists(st.floats(0, 2880.0), max_size=40))
def test_pausing_changes_nothing_while_units_are_diverted(seed, pauses):
    arm = busy_arm(6.0, 3, True)
    assert not differences(run(arm, seed), run(arm, seed, pauses=pauses))
