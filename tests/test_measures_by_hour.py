"""Minutes by hour of the day: the staff table's own minutes, whatever interrupts, holds over night or runs on."""

import numpy as np
import pandas as pd
import pytest

from scenarios.cities import city_of
from scenarios.library import load
from sim.model import Prepared, prepare

WHAT = {"on_duty_min": "on_duty_min", "busy_min": "busy_min", "background_min": "background_min"}


@pytest.fixture(scope="module")
def arms() -> dict[str, Prepared]:
    scenario = load("whistle-vs-referral").with_changes(
        {
            "city": {"synthetic": {"residents": 12_000}},
            "horizon_days": 6,
            "warm_up_days": 1,
            "cool_down_days": 1,
            "types": {"quarrel": {"rate_per_1000_year": 4000}, "collision": {"rate_per_1000_year": 1500}},
        },
        "test",
    )
    city = city_of(scenario)
    return {arm: prepare(scenario.spec(arm), city) for arm in scenario.arms}


@pytest.fixture(scope="module")
def results(arms):
    return {name: arm.run(7, 0, "counts", hours=True) for name, arm in arms.items()}


def test_minutes_by_hour_sum_to_the_staff_table(results):
    for name, result in results.items():
        staff, hours = result.staff().to_pandas(), result.hours().to_pandas()
        assert (result.tasks().to_pandas()["interrupted"] > 0).any(), f"{name}: nothing was interrupted, too easy"
        assert staff["overtime_min"].sum() > 0, f"{name}: nobody worked on after duty, too easy"
        for column in WHAT:
            by_staff = staff.groupby("post", observed=True)[column].sum()
            by_hour = hours.groupby("post", observed=True)[column].sum()
            pd.testing.assert_series_equal(by_hour.loc[by_staff.index], by_staff, check_index=False, rtol=1e-9)
        assert hours["busy_min"].sum() > 0 and hours["background_min"].sum() > 0


def test_duty_lies_in_the_hours_of_the_shift(results):
    hours = next(iter(results.values())).hours().to_pandas()
    office = hours[hours["post"] == "street_team"].set_index("hour")["on_duty_min"]
    assert office.loc[[0, 3, 23]].sum() == 0 and office.loc[10] > 0
    round_the_clock = hours[hours["post"] == "ambulance"].groupby("hour")["on_duty_min"].sum()
    assert (round_the_clock > 0).all() and len(round_the_clock) == 24, "somebody is on duty at any hour"


def test_keeping_the_account_changes_nothing(arms, results):
    for name, arm in arms.items():
        without = arm.run(7, 0, "counts")
        assert without.hours().num_rows == 0
        for table in ("cases", "incidents", "tasks", "staff"):
            found, expected = getattr(without, table)().to_pandas(), getattr(results[name], table)().to_pandas()
            pd.testing.assert_frame_equal(found, expected, obj=f"{name}, {table}", check_exact=True)


def test_a_plain_line_keeps_it_too():
    scenario = load("bare-line")
    arm = prepare(scenario.spec(scenario.arms[0]), city_of(scenario))
    with_hours, without = arm.run(3, 0, "counts", hours=True), arm.run(3, 0, "counts")
    staff = with_hours.staff().to_pandas()
    assert with_hours.hours().to_pandas()["busy_min"].sum() == pytest.approx(staff["busy_min"].sum(), rel=1e-9)
    assert np.array_equal(without.staff().to_pandas()["busy_min"], staff["busy_min"])
