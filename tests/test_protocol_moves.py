"""Coordination, move by move: bounces, deadlines, reminders, orders, and two whistles that wait for each other."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from law_scenes import logged, rows, run, titled

from sim.assemble import Arm, assemble
from sim.city.bare import bare_city
from sim.engine import codes
from sim.engine.codes import LOG_KINDS, NEVER
from sim.engine.hooks import Answer, compile_rule
from sim.policies.rules import Rule
from sim.policies.trial import trial_arm
from sim.spec import ModelSpec

SURE = {"judging.need_seen_probability": 1.0, "judging.need_found_probability": 1.0, "judging.mine_accuracy": 1.0,
        "closing.sham_probability": 0.0, "intake.wrong_merge_probability": 0.0}  # fmt: skip


def two_departments(script: list[dict[str, Any]], days: float = 10.0, whistle: dict[str, Any] | None = None,
                    parameters: dict[str, float] | None = None, rates: tuple[float, float] = (0.0, 0.0),
                    desk_min: Any = 5.0, home: str | None = None, **rules: str) -> Arm:  # fmt: skip
    """Return a street team and two departments of one crew each; ``joint`` cases need both, ``own_b`` only b.

    ``home`` is the joint type's own department, which leads a whistle.
    """
    kinds = {
        "joint": {"kind": "order", "start": "street", "closes_at": "street", "needs": {"a": 1.0, "b": 1.0},
                  "department": home, "rate_per_hour": rates[0], "stages": [{"name": "look", "where": "desk"}],
                  "part": {"touch_min": 30.0}, "severity": [0.0, 1.0], "report": {"desk": 50.0},
                  "deadlines": {"respond_min": 1000.0, "resolve_min": 100_000.0}},
        **{f"own_{d}": {"kind": "order", "start": d, "closes_at": None, "department": d, "report": {"desk": 50.0},
                        "rate_per_hour": rates[1], "stages": [{"name": "work", "touch_min": 40.0}],
                        "severity": [0.0, 1.0]} for d in "ab"},
    }  # fmt: skip
    crew = {"title": titled("crew"), "kind": "unit", "per": "city", "count": 1}
    spec = {
        "horizon_days": days,
        "types": {name: {"title": titled(name), "success": {"base": 1.0, "floor": 1.0}, **kind}
                  for name, kind in kinds.items()},
        "departments": {d: {"title": titled(d), "post": d, "desk_delay_min": desk_min} for d in "ab"},
        "posts": {"a": crew, "b": crew, "team": {**crew, "kind": "cadre", "count": 4},
                  "centre": {**crew, "kind": "coordinator"}},
        "shifts": {"always": {}}, "channels": {"desk": {"title": titled("desk")}},
        "whistles": {"call": {"title": titled("call"), "kind": "hard_problem", "report_in_min": 60.0,
                              "message_min": 1.0, "hold_min": 30.0, "reconvene_min": 100.0, "appointed": False,
                              "working_time": False, **(whistle or {})}},
        "ladder": {"street": "team", "district": "centre"},
        "rules": {"coordinate": "whistle_and_report", "report_in": "always_come", "priority": "severity", **rules},
        "script": [{"channel": "desk", **item} for item in script],
    }  # fmt: skip
    return certain(assemble(ModelSpec.model_validate(spec), bare_city()), parameters or {})


def certain(arm: Arm, parameters: dict[str, float]) -> Arm:
    """Set parameters beyond their plausible range: certainty makes times exact."""
    for name, value in {**SURE, **parameters}.items():
        for table in ("params", "rules"):
            if (field := name.replace(".", "_")) in arm.static[table].dtype.names:
                arm.static[table][field] = value
    return arm


def _never(view, task, asks, now):
    """Refuses always."""
    return Answer(codes.REFUSE, 0, 0.0)


@pytest.fixture(scope="module")
def never_comes() -> Rule:
    return Rule("never_comes", "report_in", compile_rule(_never), _never)


def stubborn(arm: Arm, rule: Rule) -> Arm:
    return dataclasses.replace(arm, rules={**arm.rules, "report_in": rule})


def story(world, *kinds: int) -> list[tuple[float, str]]:
    """Return (minute, word) of the log, all kinds or some."""
    log = rows(world, "log")
    wanted = np.isin(log["kind"], kinds) if kinds else np.ones(len(log), bool)
    return [(float(e["time_min"]), LOG_KINDS[e["kind"]]) for e in log[wanted]]


# ---------------------------------------------------------------- waiting for each other
CROSS = [
    {"name": "busy", "type": "own_b", "at_min": 100.0},  # b is busy until 140
    {"name": "x", "type": "joint", "at_min": 101.0, "severity": 1},  # a goes to x and waits for b
    {"name": "y", "type": "joint", "at_min": 102.0, "severity": 3},  # b goes to y first and waits for a
]


def test_two_whistles_that_hold_each_others_crews_are_released_and_both_end():
    world = run(two_departments(CROSS, whistle={"hold_min": 60.0}))
    cases = rows(world, "cases")
    released = logged(world, codes.L_RELEASE)
    assert len(released) >= 1 and released["time_min"][0] == pytest.approx(102.0 + 60.0)
    assert (cases["outcome"] == codes.O_SETTLED).all() and (cases["whistles"] == [0, 1, 1]).all()
    quorum = logged(world, codes.L_QUORUM)
    assert quorum["time_min"][0] == pytest.approx(162.0), "the released crew goes to the other whistle at once"
    assert world.pools["busy"].sum() == 0


def test_without_the_time_out_they_would_wait_for_ever():
    """The same with an endless hold: shows that the release above is what ends it."""
    world = run(two_departments(CROSS, whistle={"hold_min": 5e7}))
    cases = rows(world, "cases")
    assert (cases["outcome"][1:] == codes.O_OPEN).all() and not len(logged(world, codes.L_QUORUM))
    assert (world.tasks["state"][: int(world.clock["tasks"][0])] == codes.T_HOLDING).sum() == 2


def test_crews_that_wait_for_the_quorum_are_busy():
    world = run(two_departments(CROSS[:2], whistle={"hold_min": 60.0}, days=1.0))
    waited = rows(world, "tasks")
    at_a = waited[(waited["dept"] == 0) & (waited["kind"] == codes.K_PART)]
    assert at_a["arrived_min"][0] == pytest.approx(102.0) and at_a["started_min"][0] == pytest.approx(140.0)
    assert world.staff["busy_min"][0] == pytest.approx(38.0 + 30.0)


def test_a_quorum_of_half_starts_with_the_first_who_comes():
    world = run(two_departments(CROSS[:2], whistle={"quorum": 0.5}, days=1.0))
    assert logged(world, codes.L_QUORUM)["time_min"].tolist() == pytest.approx([102.0])


# ---------------------------------------------------------------- the lead department
@pytest.mark.parametrize(
    ("lead", "home", "starts_min", "leader"),
    [("home_department", "b", 140.0, 1), ("home_department", "a", 102.0, 0), ("street", "b", 102.0, -1),
     ("first_present", "b", 102.0, 0), ("home_department", None, 102.0, -1)],
)  # fmt: skip
def test_work_waits_for_the_quorum_and_for_a_called_lead(lead, home, starts_min, leader):
    """Half of the called are enough, and a is there at 102; b is busy until 140."""
    world = run(
        two_departments(CROSS[:2], whistle={"quorum": 0.5, "lead": lead, "hold_min": 60.0}, home=home, days=1.0)
    )
    assert logged(world, codes.L_QUORUM)["time_min"].tolist() == pytest.approx([starts_min])
    assert rows(world, "requests")["lead"].tolist() == [leader]
    assert rows(world, "cases")["outcome"].tolist() == [codes.O_SETTLED] * 2


def _b_only_when_reminded(view, task, asks, now):
    """Department b refuses until reminded; a comes."""
    if view.tasks[task].dept == 0 or view.tasks[task].reminders > 0:
        return Answer(codes.ACCEPT, 0, 0.0)
    return Answer(codes.REFUSE, 0, 0.0)


@pytest.mark.parametrize(("home", "starts_min"), [("a", 41.0), ("b", 141.0)])
def test_nobody_sets_out_for_an_appointment_before_the_lead_has_promised(home, starts_min):
    """Set out at 40 (deadline 60, 20 before); b promises at the reminder at 60 and the hour has moved to 140."""
    whistle = {"quorum": 0.5, "appointed": True, "set_out_min": 20.0, "reconvene_min": 100.0}
    rule = Rule("b_only_when_reminded", "report_in", compile_rule(_b_only_when_reminded), _b_only_when_reminded)
    arm = two_departments([{"name": "x", "type": "joint", "at_min": 0.0}], whistle=whistle, home=home, days=1.0)
    world = run(stubborn(arm, rule))
    assert logged(world, codes.L_QUORUM)["time_min"][0] == pytest.approx(starts_min, abs=1.0)
    parts = rows(world, "tasks")[rows(world, "tasks")["kind"] == codes.K_PART]
    assert (parts["assigned_min"] >= starts_min - 1.0).all()


def test_a_lead_that_never_promises_is_ordered_and_the_waiting_crew_is_not_held_for_ever(never_comes):
    arm = two_departments([{"name": "x", "type": "joint", "at_min": 0.0}], whistle={"quorum": 0.5}, home="b", days=20.0)
    world = run(stubborn(arm, never_comes))
    assert logged(world, codes.L_FORCE)["time_min"].size > 0
    assert rows(world, "cases")["outcome"][0] == codes.O_SETTLED and world.pools["busy"].sum() == 0


# ---------------------------------------------------------------- bounces, reminders, orders
def test_a_bounced_case_comes_back_after_the_return_time(never_comes):
    arm = two_departments([{"name": "x", "type": "joint", "at_min": 0.0}], coordinate="sequential_referral",
                          parameters={"coordination.bounce_return_min": 77.0})  # fmt: skip
    told = story(run(stubborn(arm, never_comes)), codes.L_REFER, codes.L_BOUNCE)
    assert told[:4] == [(0.0, "refer"), (5.0, "bounce"), (82.0, "refer"), (87.0, "bounce")]


def test_referrals_that_are_always_refused_end_all_the_same(never_comes):
    arm = two_departments([{"name": "x", "type": "joint", "at_min": 0.0}], coordinate="sequential_referral", days=60.0)
    world = run(stubborn(arm, never_comes))
    first = rows(world, "cases")[0]
    assert first["state"] == codes.C_CLOSED and first["bounces"] >= 3 and first["escalations"] >= 1
    assert first["outcome"] in (codes.O_FAILED, codes.O_PARTLY)
    assert rows(world, "incidents")["fate"][0] != codes.F_RESOLVED, "nobody came, so nothing was truly settled"


def test_reminder_then_supervision_then_order_end_every_refusal(never_comes):
    parameters = {"coordination.supervise_after_reminders": 2.0, "coordination.force_after_supervisions": 2.0,
                  "coordination.reminder_interval_min": 200.0}  # fmt: skip
    arm = two_departments([{"name": "x", "type": "joint", "at_min": 0.0}], parameters=parameters)
    world = run(stubborn(arm, never_comes))
    told = story(world, codes.L_WHISTLE, codes.L_REMIND, codes.L_SUPERVISE, codes.L_FORCE, codes.L_QUORUM)
    reminders = [60.0, 260.0, 460.0, 660.0, 860.0]
    expected = [(0.0, "whistle"), (60.0, "remind"), (260.0, "remind"), (460.0, "remind"), (460.0, "supervise"),
                (660.0, "remind"), (660.0, "supervise"), (860.0, "remind"), (860.0, "supervise"),
                (860.0, "force"), (860.0, "force"), (860.0, "quorum")]  # fmt: skip
    assert told == expected and rows(world, "cases")["reminders"][0] == len(reminders)
    assert rows(world, "cases")["closed_min"][0] == pytest.approx(890.0)
    assert rows(world, "incidents")["fate"][0] == codes.F_RESOLVED


def _after_a_reminder(view, task, asks, now):
    """Refuses until reminded."""
    if view.tasks[task].reminders > 0:
        return Answer(codes.ACCEPT, 0, 0.0)
    return Answer(codes.REFUSE, 0, 0.0)


def test_a_department_that_refused_and_is_reminded_comes():
    rule = Rule("reminded", "report_in", compile_rule(_after_a_reminder), _after_a_reminder)
    world = run(stubborn(two_departments([{"name": "x", "type": "joint", "at_min": 0.0}]), rule))
    told = story(world, codes.L_BOUNCE, codes.L_REMIND, codes.L_ACCEPT, codes.L_QUORUM)
    assert [word for _, word in told] == ["bounce", "bounce", "remind", "accept", "accept", "quorum"]
    assert told[-1][0] == 60.0 and rows(world, "cases")["outcome"][0] == codes.O_SETTLED


# ---------------------------------------------------------------- deadlines
def test_a_case_that_waits_past_its_deadline_is_handed_up_and_then_supervised():
    spec = two_departments([]).spec
    late = spec.types["joint"].model_dump() | {"needs": {}, "closes_at": "street"}
    late["deadlines"] = {"respond_min": 50.0, "resolve_min": 100.0}
    late["stages"] = [{"name": "look", "where": "desk", "touch_min": 100_000.0}]
    spec = ModelSpec.model_validate({
        **spec.model_dump(), "types": {"joint": late}, "departments": {}, "whistles": {},
        "script": [{"name": f"c{n}", "type": "joint", "at_min": 10.0, "channel": "desk"} for n in range(6)],
    })  # fmt: skip
    world = run(certain(assemble(spec, bare_city()), {"coordination.escalate_min": 30.0}))
    told = story(world, codes.L_DEADLINE, codes.L_ESCALATE)
    assert told.count((110.0, "deadline")) == 6 and told.count((110.0, "escalate")) == 2
    cases = rows(world, "cases")
    handed = cases[cases["escalations"] == 1]
    assert len(handed) == 2 and (handed["level"] == 3).all()
    assert sorted(handed["assigned_min"])[0] == pytest.approx(140.0)
    waiting = handed[handed["assigned_min"] >= NEVER]
    assert (waiting["supervised"] == 1).all(), "at the top, who still waits is supervised"


# ---------------------------------------------------------------- neither protocol wins by construction
SLOW_DESKS = {"lognormal": {"median": 720.0, "sigma": 0.5}}


def mean_hours(coordinate: str, rates: tuple[float, float], desk_min: Any, replication: int) -> float:
    """Return the mean hours until joint trouble is over, what is open counted to the end."""
    arm = two_departments([], days=25.0, rates=rates, desk_min=desk_min, whistle={"hold_min": 240.0},
                          coordinate=coordinate)  # fmt: skip
    incidents = rows(run(arm, 17, replication, "counts"), "incidents")
    joint = incidents[incidents["type"] == 0]
    return float((np.minimum(joint["resolved_min"], 25 * 1440.0) - joint["occurred_min"]).mean() / 60.0)


@pytest.mark.parametrize(
    ("rates", "desk_min", "who_wins"),
    [((0.4, 0.9), 5.0, "referral"), ((0.25, 0.75), SLOW_DESKS, "whistle")],
    ids=["loaded crews, quick desks", "slow desks"],
)
def test_neither_protocol_wins_by_construction(rates, desk_min, who_wins):
    """Without a single bounce: loaded crews lose hours waiting for each other; slow desks cost a referral days."""
    difference = np.array([
        mean_hours("whistle_and_report", rates, desk_min, r) - mean_hours("sequential_referral", rates, desk_min, r)
        for r in range(12)
    ])  # fmt: skip
    half = 2.201 * difference.std(ddof=1) / np.sqrt(len(difference))  # Student's t, 11 degrees of freedom, 95 %
    low, high = difference.mean() - half, difference.mean() + half
    assert (low > 0.0) if who_wins == "referral" else (high < 0.0), f"difference {low:.2f} to {high:.2f} h"


# ---------------------------------------------------------------- every arrow of a case's life
ARROWS = set(LOG_KINDS) - {"partial", "lost", "spontaneous", "move", "force"}


def test_every_arrow_of_a_cases_life_is_an_entry_of_the_log():
    seen: set[str] = set()
    for protocol in ("sequential_referral", "whistle_and_report"):
        arm = trial_arm(days=20, rules={"coordinate": protocol})
        for replication in range(3):
            log = rows(run(arm, 1, replication), "log")
            seen |= {LOG_KINDS[k] for k in np.unique(log["kind"])}
    assert not ARROWS - seen, f"never logged: {sorted(ARROWS - seen)}"


@pytest.mark.slow
def test_every_arrow_occurs_in_the_shipped_scenario():
    from sim.cases.load import load_catalogue
    from sim.city.spec import build_city
    from sim.institutions.load import load_defaults

    parts = {"types": load_catalogue(), **load_defaults(), "horizon_days": 150.0}
    city = build_city({"synthetic": {"residents": 50_000, "seed": 1}})
    seen: set[str] = set()
    for protocol in ("sequential_referral", "whistle_and_report"):
        spec = ModelSpec.model_validate({**parts, "rules": {"coordinate": protocol}})
        seen |= {LOG_KINDS[k] for k in np.unique(rows(run(assemble(spec, city)), "log")["kind"])}
    rare = {"partial", "lost", "move", "force", "suspend", "release", "preempt", "wrong_merge"}
    assert not set(LOG_KINDS) - seen - rare, f"never logged: {sorted(set(LOG_KINDS) - seen - rare)}"
