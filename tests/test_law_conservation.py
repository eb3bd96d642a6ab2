"""What flows in is somewhere: incidents, cases, tasks and people's time add up at every instant and in the end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from law_scenes import assert_sound, job, logged, queue_arm, rows, run

from sim import kernel
from sim.engine import codes
from sim.engine.codes import NEVER
from sim.policies.trial import trial_arm

quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
seeds = st.integers(0, 2**40)
rules = st.fixed_dictionaries(
    {
        "coordinate": st.sampled_from(("sequential_referral", "whistle_and_report")),
        "report_in": st.sampled_from(("by_utility", "always_come")),
        "dispatch": st.sampled_from(("nearest_idle", "least_loaded", "home_grid_first", "coverage_keeping")),
        "pick": st.sampled_from(("smallest_key", "nearest_waiting")),
        "priority": st.sampled_from(("fifo", "severity", "earliest_deadline", "accumulating")),
        "reposition": st.sampled_from(("stay", "return_home", "fill_gaps")),
    }
)


@settings(quick, max_examples=8)
@given(seed=seeds, rules=rules, rate=st.floats(0.3, 3.0))
def test_tables_agree_at_every_instant(seed, rules, rate):
    arm = trial_arm(days=3, rate=rate, rules=rules)
    world = arm.world(seed, 0, "counts")
    kernel.begin(world)
    for minute in np.linspace(1.0, 3 * 1440.0, 150):
        kernel.run_until(arm, world, float(minute))
        assert_sound(world)


@quick
@given(seed=seeds, rules=rules, rate=st.floats(0.3, 3.0))
def test_every_incident_has_a_fate_every_case_an_outcome_every_report_a_case(seed, rules, rate):
    world = run(trial_arm(days=6, rate=rate, rules=rules), seed)
    clock, incidents = world.clock[0], rows(world, "incidents")
    cases, tasks = rows(world, "cases"), rows(world, "tasks")
    assert len(logged(world, codes.L_OCCUR)) == len(incidents) == len(world.incidents)
    assert clock["reports"] == len(cases) + clock["merges"] + clock["wrong_merges"]
    assert incidents["cases"].sum() == len(cases) and cases["reports"].sum() == clock["reports"]
    ended = incidents["ended_min"] < NEVER
    assert np.array_equal(ended, incidents["fate"] != codes.F_OPEN)
    assert np.array_equal(incidents["resolved_min"] < NEVER, incidents["fate"] == codes.F_RESOLVED)
    closed = cases["state"] == codes.C_CLOSED
    assert np.array_equal(closed, cases["outcome"] != codes.O_OPEN)
    assert closed.sum() == len(logged(world, codes.L_CLOSE)) == (cases["closed_min"] < NEVER).sum()
    assert (cases["open_tasks"][closed] == 0).all(), "a closed case still asks for work"
    assert len(logged(world, codes.L_SETTLE)) == (incidents["fate"] == codes.F_RESOLVED).sum()
    for kind, fate in ((codes.L_SPONTANEOUS, codes.F_SPONTANEOUS), (codes.L_LAPSE, codes.F_LAPSED)):
        assert len(logged(world, kind)) == (incidents["fate"] == fate).sum()
    by_channel = cases["channel"] >= 0
    assert by_channel.all(), "a case came by no channel"
    assert (tasks["done_min"] < NEVER).sum() == (tasks["state"] >= codes.T_DONE).sum() - _refused_in_whistles(tasks)


def _refused_in_whistles(tasks):
    return ((tasks["state"] == codes.T_REFUSED) & (tasks["done_min"] >= NEVER)).sum()


@quick
@given(seed=seeds, rules=rules, rate=st.floats(0.3, 3.0))
def test_nothing_before_its_cause(seed, rules, rate):
    world = run(trial_arm(days=6, rate=rate, rules=rules), seed)
    log = rows(world, "log")
    assert (np.diff(log["time_min"]) >= 0).all(), "the log goes back in time"
    cases, tasks = rows(world, "cases"), rows(world, "tasks")
    _in_order(cases, ("occurred_min", "reported_min", "judged_min", "assigned_min", "arrived_min", "closed_min"))
    once = tasks[(tasks["interrupted"] == 0) & (tasks["request"] < 0)]
    _in_order(once, ("created_min", "assigned_min", "arrived_min", "started_min", "done_min"))
    _in_order(tasks, ("created_min", "queued_min"))
    incidents = rows(world, "incidents")
    _in_order(incidents, ("occurred_min", "first_reported_min", "attended_min"))
    _in_order(incidents, ("occurred_min", "ended_min"))
    child = cases[cases["parent"] >= 0]
    assert (cases["reported_min"][child["parent"]] <= child["reported_min"]).all()
    assert (cases["incident"][child["parent"]] == child["incident"]).all()
    requests = rows(world, "requests")
    _in_order(requests, ("blown_min", "quorum_min", "done_min"))


def _in_order(table, fields):
    """Assert that each time is not before any earlier one of its row; what has not happened is passed over."""
    latest = np.full(len(table), -np.inf)
    for field in fields:
        happened = table[field] < NEVER
        assert (table[field][happened] >= latest[happened]).all(), f"{field} before what causes it"
        latest[happened] = table[field][happened]


# ---------------------------------------------------------------- duty and time
@quick
@given(seed=seeds, rules=rules, rate=st.floats(0.3, 4.0))
def test_nobody_begins_new_work_off_duty(seed, rules, rate):
    arm = trial_arm(days=5, rate=rate, rules=rules)
    world = run(arm, seed)
    assigned = logged(world, codes.L_ASSIGN)
    day = np.array([arm.spec.posts[seat.post].shift == "day" for seat in arm.staffing.seats])
    minute = assigned["time_min"][day[assigned["staff"]]] % 1440.0
    assert len(minute) > 20
    assert ((minute >= 480.0) & (minute <= 1080.0)).all(), "somebody of the day shift was sent at night"


@quick
@given(seed=seeds, rules=rules, rate=st.floats(0.3, 4.0))
def test_everybodys_time_adds_up(seed, rules, rate):
    world = kernel.settled(run(trial_arm(days=5, rate=rate, rules=rules), seed))
    staff = world.staff
    spent = staff["busy_min"] + staff["background_min"] + staff["patrol_min"]
    assert (spent <= staff["duty_min"] + staff["overtime_min"] + 1e-6).all()
    always = staff["duty_min"] > 5 * 1440.0 - 1e-6
    assert always.any() and (staff["overtime_min"][always] == 0).all()
    assert (staff["overtime_min"] >= 0).all() and (staff["overtime_min"] <= staff["busy_min"] + 1e-6).all()
    day = staff["duty_min"][~always]
    assert np.allclose(day, 5 * 600.0), "ten hours a day for five days"


def test_overtime_is_counted_from_the_end_of_the_shift_through_travel_and_work():
    """Called at 16:50, 30 min away, 60 min of work: off at 17:00, home at 18:20, 80 min of overtime."""
    from sim.city.bare import bare_city

    arm = queue_arm(
        {"job": job(touch=60.0)}, shifts={"day": {"hours": [(9.0, 17.0)]}},
        post={"shift": "day", "places": [0]}, city=bare_city(travel_min=[[0, 30], [30, 0]]), days=1.0,
        script=[{"name": "late", "type": "job", "at_min": 1010.0, "place": 1}],
    )  # fmt: skip
    member = kernel.settled(run(arm)).staff[0]
    assert member["busy_min"] == 90.0 and member["travel_min"] == 30.0
    assert member["overtime_min"] == 80.0 and member["duty_min"] == 480.0


def test_overtime_into_the_next_shift_counts_up_to_its_start():
    """Twenty hours of work from 16:00: overtime from 17:00 to 09:00, then it is duty again."""
    arm = queue_arm(
        {"job": job(touch=1200.0)}, shifts={"day": {"hours": [(9.0, 17.0)]}}, post={"shift": "day"}, days=2.0,
        script=[{"name": "long", "type": "job", "at_min": 960.0}],
    )  # fmt: skip
    member = kernel.settled(run(arm)).staff[0]
    assert member["busy_min"] == 1200.0 and member["overtime_min"] == 16 * 60.0 and member["duty_min"] == 960.0


def test_work_that_suspends_at_the_end_of_the_shift_is_resumed_where_it_stopped():
    arm = queue_arm(
        {"job": job(touch=120.0, overtime="suspend")}, shifts={"day": {"hours": [(9.0, 17.0)]}},
        post={"shift": "day"}, days=2.0, script=[{"name": "late", "type": "job", "at_min": 960.0}],
    )  # fmt: skip
    world = kernel.settled(run(arm))
    assert world.staff["overtime_min"][0] == 0.0 and world.staff["busy_min"][0] == 120.0
    assert rows(world, "cases")["closed_min"][0] == 1440.0 + 600.0
    assert len(logged(world, codes.L_SUSPEND)) == 1


# ---------------------------------------------------------------- Little's law
@settings(quick, max_examples=5)
@given(seed=seeds, servers=st.integers(1, 4), load=st.floats(0.2, 1.3))
def test_littles_law_holds_for_the_line_the_service_and_the_system(seed, servers, load):
    """Integrals over time, read by pausing every other minute, equal the sum of waits (to the step of the reading)."""
    arm = queue_arm({"job": job(load * servers * 6.0, {"exponential": {"mean": 10.0}})}, servers, days=2.0)
    world = arm.world(seed, 0, "counts")
    kernel.begin(world)
    step, horizon = 2.0, 2880.0
    line = busy = system = 0.0
    for minute in np.arange(step / 2, horizon, step):
        kernel.run_until(arm, world, float(minute))
        line += step * world.pools["queue_count"][0]
        busy += step * world.pools["busy"][0]
        system += step * (rows(world, "cases")["state"] == codes.C_OPEN).sum()
    kernel.run_until(arm, world, horizon)
    cases, tasks = rows(world, "cases"), rows(world, "tasks")
    closed = np.minimum(cases["closed_min"], horizon)
    assigned = np.minimum(tasks["assigned_min"], horizon)
    slack = step * (2 * np.sqrt(len(cases)) + 5)
    assert abs(system - (closed - cases["reported_min"]).sum()) < slack
    assert abs(line - (assigned - tasks["created_min"]).sum()) < slack
    assert abs(busy - (np.minimum(tasks["done_min"], horizon) - assigned).sum()) < slack
    assert abs(kernel.settled(world).staff["busy_min"].sum() - (closed - assigned).sum()) < 1e-6


@pytest.mark.parametrize("field", ["stamp", "n_assigned"])
def test_the_checker_of_soundness_can_fail(field):
    world = run(trial_arm(days=3, rate=3.0), pauses=[2000.0])
    assert_sound(world)
    if field == "stamp":
        world.pools["idle"][0] += 1
    else:
        busy = np.flatnonzero(world.tasks["first_staff"][: int(world.clock["tasks"][0])] >= 0)[0]
        world.tasks["first_staff"][busy] = -1
    with pytest.raises(AssertionError):
        assert_sound(world)
