"""Emergencies, kinds, loss and petitions on a table made by hand: every value is worked out in the comments."""

from types import SimpleNamespace

import numpy as np
import pytest

from scenarios.experiment import Experiment
from scenarios.library import load
from sim.cases.catalogue import CaseType, Stage, Title
from sim.engine.codes import F_LAPSED, F_OPEN, F_RESOLVED, F_SPONTANEOUS, NEVER, TK_CASE
from sim.engine.tables import CASE, INCIDENT, TYPE
from sim.errors import InputError
from sim.measures.cohort import Cohort
from sim.measures.emergencies import emergency_measures
from sim.measures.indicators import _money, _petitions, _reported_state, _true_state
from sim.measures.kind_names import group_of, kind_measure, kind_names
from sim.measures.kinds import kind_measures
from sim.measures.line_names import measure_of

END = 20_000.0
LIMITS = {
    "measure.restricted_mean_days": 10.0,
    "measure.coverage_threshold_min": 8.0,
    "measure.emergency_late_min": 60.0,
    "measure.emergency_long_h": 6.0,
    "measure.on_time_margin": 0.1,
    "satisfaction.threshold": 0.5,
    "cost.overtime_factor": 1.5,
    "cost.whistle_yuan": 0.0,
    "cost.referral_yuan": 0.0,
    "cost.callback_yuan": 0.0,
}


def _type(kind: str, department: str | None, emergency: bool) -> CaseType:
    return CaseType(
        title=Title(en="T", zh="类"), kind=kind, department=department, emergency=emergency, stages=[Stage(name="work")]
    )


TYPES = {
    "fire": _type("emergency", "fire", True),
    "wave": _type("emergency", "tide_watch", True),  # a department that no shipped file knows
    "quarrel": _type("dispute", None, False),
}
# type, occurred, first reported, attended, ended, fate, needs
ROWS = [
    (0, 0.0, 10.0, 15.0, 100.0, F_RESOLVED, 0b1),  # there after 5 min, lasts 100
    (0, 0.0, 10.0, 110.0, 1000.0, F_RESOLVED, 0b11),  # after 100, lasts 1000
    (0, 0.0, 10.0, NEVER, 700.0, F_SPONTANEOUS, 0b1),  # nobody ever, passes by itself after 700
    (0, 0.0, NEVER, NEVER, 40.0, F_SPONTANEOUS, 0b1),  # never told
    (1, 0.0, 0.0, 20.0, 60.0, F_RESOLVED, 0b1),  # after 20, lasts 60
    (2, 0.0, 0.0, 3000.0, 4000.0, F_RESOLVED, 0b11),  # a quarrel may wait two days
    (2, 0.0, 0.0, NEVER, 500.0, F_LAPSED, 0b1),  # given up: not over
    (2, 0.0, NEVER, NEVER, NEVER, F_OPEN, 0b1),  # never told, still open
]


def _scene():
    incidents = np.zeros(len(ROWS), INCIDENT)
    for name, column in zip(
        ("type", "occurred_min", "first_reported_min", "attended_min", "ended_min", "fate", "needs"),
        zip(*ROWS, strict=True),
        strict=True,
    ):
        incidents[name] = column
    types = np.zeros(len(TYPES), TYPE)
    types["emergency"], types["loss_yuan_per_h"], types["kind"] = [1, 1, 0], [60.0, 120.0, 6.0], TK_CASE
    cohort = Cohort(incidents, np.zeros(0, CASE), np.ones(len(ROWS), bool), np.zeros(0, bool), END, 2.0)
    arm = SimpleNamespace(parameters=LIMITS, spec=SimpleNamespace(types=TYPES))
    return arm, SimpleNamespace(types=types, incidents=incidents), cohort


def test_the_tail_of_emergencies_is_counted():
    found = emergency_measures(*_scene())
    assert found["emergency_told_count"] == 4
    assert found["emergency_late_count"] == 3, "20 and 100 minutes, and nobody at all; never the untold one"
    assert found["emergency_hour_count"] == 2
    assert found["emergency_unattended_count"] == 1
    assert found["emergency_long_count"] == 2, "1000 and 700 minutes are more than 6 hours"
    assert found["coverage_share"] == pytest.approx(1 / 4)
    assert found["coverage_share"] + found["emergency_late_count"] / found["emergency_told_count"] == pytest.approx(1)


def test_response_and_loss_within_kinds():
    arm, world, cohort = _scene()
    found = kind_measures(arm, world, cohort)
    assert list(found) == kind_names(arm.spec)
    assert found["kind.emergency.tide_watch.response_min"] == pytest.approx(20.0)
    assert found["kind.emergency.fire.told_count"] == 3
    assert found["kind.emergency.fire.response_late_count"] == 2
    # half of the two told quarrels waits 3000 minutes, the other to the limit of ten days
    assert found["kind.dispute.response_min"] == pytest.approx((3000 + 14_400) / 2)
    assert "kind.dispute.response_late_count" not in found
    # 60 yuan an hour for 100 + 1000 + 700 + 40 minutes, over two days
    assert found["kind.emergency.fire.loss_yuan"] == pytest.approx(1840 / 2)
    assert found["kind.emergency.tide_watch.loss_yuan"] == pytest.approx(120 / 2)
    # 6 yuan an hour for 4000 minutes and twice to the last look
    assert found["kind.dispute.loss_yuan"] == pytest.approx(0.1 * (4000 + 2 * END) / 2)


def test_loss_parts_sum_to_the_whole():
    arm, world, cohort = _scene()
    world.clock = {"cursor": [len(ROWS)], "cases": [0]}
    world.staff = np.zeros(0, [("post", "i2"), ("duty_min", "f8"), ("overtime_min", "f8"), ("busy_min", "f8")])
    world.posts = np.zeros(1, [("wage", "f8"), ("vehicle", "f8")])
    world.cases = cohort.cases
    found, kinds = _money(arm, world, cohort, 2.0), kind_measures(arm, world, cohort)
    assert found["loss_emergency_yuan"] == pytest.approx((1840 + 120) / 2)
    assert found["loss_emergency_yuan"] + found["loss_other_yuan"] == pytest.approx(found["loss_yuan"])
    assert sum(v for k, v in kinds.items() if k.endswith("loss_yuan")) == pytest.approx(found["loss_yuan"])


def test_settled_has_two_denominators():
    arm, _, cohort = _scene()
    found = _true_state(arm, cohort)
    assert found["true_resolution_share"] == pytest.approx(4 / 8)
    assert found["told_resolution_share"] == pytest.approx(4 / 6)
    assert found["untold_share"] == pytest.approx(2 / 8)
    assert found["joint_resolution_share"] == pytest.approx(1.0)
    assert found["lapsed_share"] == pytest.approx(1 / 8)


def _cases(*rows: tuple[int, float, float, float, int]) -> np.ndarray:
    """Rows of incident, reported, deadline, closed, outcome."""
    out = np.zeros(len(rows), CASE)
    for row, (incident, reported, deadline, closed, outcome) in zip(out, rows, strict=True):
        row["incident"], row["reported_min"], row["deadline_min"] = incident, reported, deadline
        row["closed_min"], row["outcome"], row["parent"], row["satisfied"] = closed, outcome, -1, -1
        row["respond_by_min"] = row["arrived_min"] = NEVER
    return out


def test_the_margin_is_a_share_of_the_deadline_and_what_was_given_up_is_not_over():
    arm, world, cohort = _scene()
    settled = 1
    # limits of 1000 minutes: closed after 1000, 1099 and 1101; the second is a quarrel given up before its deadline
    cases = _cases((0, 0, 1000, 1000, settled), (6, 0, 1000, 1099, settled), (5, 0, 1000, 1101, settled))
    cohort = Cohort(cohort.incidents, cases, cohort.trouble, np.ones(3, bool), END, 2.0)
    found = _reported_state(arm, cohort, world.incidents)
    assert found["on_time_share"] == pytest.approx(2 / 3), "a tenth of 1000 minutes late is still on time"
    assert found["true_on_time_share"] == pytest.approx(1 / 3)
    assert found["truth_gap_share"] == pytest.approx(2 / 3), "given up, and over only after 4000 minutes"


def test_petitions_are_counted_per_thousand_told_troubles():
    _, world, cohort = _scene()
    cases = _cases((5, 0, 1000, NEVER, 0), (6, 0, 1000, NEVER, 0))
    cases["channel"] = [4, 1]
    cohort = Cohort(cohort.incidents, cases, cohort.trouble, np.ones(2, bool), END, 2.0)
    world.clock = {"petition_channel": [4]}
    assert _petitions(world, cohort) == pytest.approx(1000 / 6)
    world.clock = {"petition_channel": [-1]}
    assert np.isnan(_petitions(world, cohort)), "without an office there is nothing to count"


def test_kinds_are_read_from_the_model_and_bare_types_left_to_their_lines():
    assert group_of(TYPES["wave"]) == "emergency.tide_watch"
    assert group_of(_type("bare", "fire", True)) is None and group_of(_type("enquiry", None, False)) is None
    assert kind_measure("kind.emergency.tide_watch.loss_yuan").title.en == "Loss (emergencies, tide_watch)"
    assert measure_of("kind.emergency.fire.response_min").title.zh == "首次到场时间（应急·消防救援）"
    for name in ("kind.quarrels.loss_yuan", "kind.dispute.response_late_count", "kind.dispute.speed", "kind.loss_yuan"):
        assert measure_of(name) is None
    for name in kind_names(load("ordinary-district").spec()):
        assert measure_of(name) is not None, name


def test_an_experiment_may_name_them():
    wished = {"experiment": {"measures": ["kind.emergency.fire.response_min", "emergency_late_count"]}}
    Experiment(load("whistle-vs-referral").with_changes(wished, "test")).check()
    wrong = {"experiment": {"measures": ["kind.emergency.fires.response_min"]}}
    with pytest.raises(InputError, match="unknown measure") as caught:
        Experiment(load("whistle-vs-referral").with_changes(wrong, "test")).check()
    assert "kind.emergency.fire.response_min" in caught.value.allowed
