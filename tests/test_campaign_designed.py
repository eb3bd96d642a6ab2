"""Designed campaigns: every row has draws of its own, its policies share them, and a setting is exactly the model's."""

from __future__ import annotations

import numpy as np
import pytest
from campaign_jobs import Rough
from scenario_texts import write

from scenarios.campaign import Interrupted
from scenarios.designed import STRIDE, DesignedExperiment, DesignJob
from scenarios.library import load
from scenarios.limits import Limits
from scenarios.places import city_of
from scenarios.pool import Pool
from scenarios.runs import Run
from sim import register
from sim.arm_changes import REACHING, VariableArm, check_variable
from sim.errors import InputError
from sim.model import prepare

REMINDER = "coordination.reminder_interval_min"
MEASURE = "joint_resolution_days"


@pytest.fixture(scope="module")
def scenario():
    small = {"city": {"synthetic": {"residents": 3000, "seed": 1}}, "horizon_days": 5, "warm_up_days": 0}
    return load("whistle-vs-referral").with_changes({**small, "cool_down_days": 1})


@pytest.fixture(scope="module")
def settings():
    low, high = register.load()[REMINDER].low, register.load()[REMINDER].high
    return [{REMINDER: float(value), "dummy": 0.1 * i} for i, value in enumerate(np.linspace(low, high, 5))]


@pytest.fixture(scope="module")
def results(scenario, settings, tmp_path_factory):
    design = DesignedExperiment(scenario, ["referral", "whistle"], settings, replicates=2, described={"method": "line"})
    design.check()
    return design.run(store=tmp_path_factory.mktemp("design") / "r")


def test_values_are_those_of_the_model_under_these_parameters(results, scenario, settings):
    values = results.values(MEASURE)
    assert values.shape == (5, 2, 2) and results.missing == [] and results.failures == []
    for row, replicate, policy in ((0, 0, "referral"), (3, 1, "whistle")):
        spec = scenario.spec(policy)
        laid = {**spec.parameters, REMINDER: settings[row][REMINDER]}
        arm = prepare(spec.model_copy(update={"parameters": laid}), city_of(scenario))
        expected = arm.run(scenario.seed, STRIDE * row + replicate).measures[MEASURE]
        found = values[row, replicate, ["referral", "whistle"].index(policy)]
        np.testing.assert_equal(found, expected)


def test_rows_share_no_draws_and_policies_of_a_row_share_theirs(results):
    plan = results.design.plan()
    by_row = [{run.replication for run in plan if run.replication // STRIDE == row} for row in range(5)]
    assert [len(numbers) for numbers in by_row] == [2] * 5 and len(set().union(*by_row)) == 10
    pairs = results.values("incidents")
    np.testing.assert_array_equal(pairs[:, :, 0], pairs[:, :, 1])  # the same incidents under both policies
    assert len(np.unique(pairs[:, :, 0])) > 5  # and others in every row and replicate


def test_a_dummy_changes_nothing_but_the_name_of_the_run(scenario):
    job = DesignJob(scenario, [MEASURE])
    given = {"scenario": "s", "policy": "whistle", "policy_id": "w", "arm_hash": "h", "replication": 3, "seed": 7}
    one, two = (Run.of(**given, parameters={"dummy": value}) for value in (0.1, 0.9))
    assert one.run_id != two.run_id
    np.testing.assert_equal(job(one, False).measures, job(two, False).measures)


def test_two_workers_and_a_longer_design_give_the_same_content(results, scenario, settings, tmp_path):
    short = DesignedExperiment(scenario, ["referral", "whistle"], settings[:2], 1, described={"method": "line"})
    short.run(2, tmp_path / "r")
    whole = DesignedExperiment(scenario, ["referral", "whistle"], settings, 2, described={"method": "line"})
    again = whole.run(2, tmp_path / "r")
    assert (whole.summary.before, whole.summary.ok) == (4, 16)
    assert again.store.content_hash() == results.store.content_hash()
    np.testing.assert_array_equal(again.values(MEASURE), results.values(MEASURE))


def test_designs_of_another_description_are_not_mixed(results, scenario, settings):
    other = DesignedExperiment(scenario, ["referral", "whistle"], settings, 2, described={"method": "grid"})
    with pytest.raises(InputError, match="another scenario"):
        other.run(store=results.store.folder)


def test_a_design_keeps_all_good_runs_and_names_the_culprits(scenario, tmp_path):
    design = DesignedExperiment(scenario, ["referral", "whistle"], [{"dummy": i} for i in range(12)], 2)
    found = design.run(store=tmp_path / "r", runner=Pool(2, Limits(wall_s=1.5)), job=Rough(STRIDE))
    assert found.missing == [(2, 1, "whistle"), (5, 1, "whistle"), (9, 1, "whistle")]
    states = {r.run.replication // STRIDE: r.state for r in found.failures}
    assert states == {2: "failed", 5: "timeout", 9: "killed"}
    values = found.values("value")
    assert np.isnan(values).sum() == 3 and np.isnan(values[[2, 5, 9], 1, 1]).all()
    assert values[11, 1, 1] == 11 * STRIDE + 1.5


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"coordination.reminder_intervall_min": 5}, "coordination.reminder_interval_min"),
        ({REMINDER: float("nan")}, "finite number"),
        ({"city.household_size_mean": 2.5}, "read while a city is built"),
    ],
)
def test_mistakes_in_a_design_are_named(scenario, row, said):
    design = DesignedExperiment(scenario, ["referral"], [{REMINDER: register.default(REMINDER)}, row])
    with pytest.raises(InputError, match=said):
        design.check()


def test_an_implausible_setting_is_taken_and_told_once(scenario):
    rows = [{REMINDER: register.default(REMINDER)}, {REMINDER: 1e8}, {REMINDER: 1e9}]
    design = DesignedExperiment(scenario, ["referral"], rows)
    design.check()
    (told,) = [one for one in design.warnings if "plausible" in one.problem]
    assert told.field == f"row 1: {REMINDER}" and told.found == 1e8


def test_impossible_designs(scenario):
    with pytest.raises(InputError, match="replicates"):
        DesignedExperiment(scenario, ["referral"], [{}], replicates=65)
    with pytest.raises(InputError, match="at least one row"):
        DesignedExperiment(scenario, ["referral"], [])
    with pytest.raises(InputError, match="unknown measure"):
        DesignedExperiment(scenario, ["referral"], [{}], measures=["happiness"]).check()


def test_an_interrupted_design_goes_on(scenario, settings, tmp_path):
    from scenarios.runners import InProcess

    design = DesignedExperiment(scenario, ["referral", "whistle"], settings, 2)

    class Impatient(InProcess):
        def run(self, runs, job, store, keep, stop):
            for index, record in enumerate(super().run(runs, job, store, keep, stop)):
                if index == 6:
                    stop.signal = 2
                yield record

    with pytest.raises(Interrupted):
        design.run(store=tmp_path / "r", runner=Impatient())
    found = design.run(store=tmp_path / "r")
    assert (design.summary.before, design.summary.ok, found.missing) == (7, 13, [])


def same_arm(one, two) -> bool:
    tables = all(
        a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)
        for a, b in ((one.static, two.static), (one.fresh, two.fresh))
    )
    changes = len(one.travel_changes) == len(two.travel_changes)
    return tables and changes and one.parameters == two.parameters and one.spec == two.spec


def test_a_changed_arm_equals_one_prepared_anew_for_every_parameter(tmp_path):
    bare = load(write(tmp_path))  # small, so that each of the register's parameters can be tried
    city = city_of(bare)
    arm = VariableArm(bare.spec("two"), city)
    untouched = {name: table.tobytes() for name, table in arm.base.arm.static.items()}
    for name, entry in register.load().items():
        if entry.scope == "city" or entry.low == entry.high:
            continue
        value = {name: entry.high if entry.default != entry.high else entry.low}
        expected = prepare(bare.spec("two").model_copy(update={"parameters": value}), city)
        assert same_arm(arm.with_parameters(value).arm, expected.arm), name
    assert untouched == {name: table.tobytes() for name, table in arm.base.arm.static.items()}


@pytest.mark.parametrize("names", [("type.leak.touch_factor",), (REMINDER, "type.leak.rate_per_1000_year"), REACHING])
def test_parameters_that_reach_further_are_prepared_anew(scenario, names):
    entries = {**register.load(), **register.catalogue_entries()}
    given = {name: entries[name].high for name in names}
    spec, city = scenario.spec("whistle"), city_of(scenario)
    arm = VariableArm(spec, city)
    expected = prepare(spec.model_copy(update={"parameters": {**spec.parameters, **given}}), city)
    assert same_arm(arm.with_parameters(given).arm, expected.arm)
    assert not same_arm(arm.with_parameters(given).arm, arm.base.arm)


def test_which_parameters_can_vary():
    check_variable(REMINDER)
    check_variable("type.leak.touch_factor")
    with pytest.raises(InputError, match="unknown parameter"):
        check_variable("type.leak.colour")
