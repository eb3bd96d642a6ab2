"""Register values of case types take effect: rates, chance of success, touch times."""

from __future__ import annotations

import pytest

from sim.cases.laws import parse
from sim.cases.load import load_catalogue
from sim.cases.overrides import overridden, scaled


@pytest.mark.parametrize(
    "law",
    [5, {"exponential": 3}, {"lognormal": {"median": 4, "sigma": 0.5}}, {"gamma": {"shape": 2, "mean": 7}},
     {"mixture": [{"share": 0.3, "exponential": 2}, {"share": 0.7, "uniform": {"low": 1, "high": 3}}]}],
)  # fmt: skip
def test_scaling_a_law_scales_its_mean_and_keeps_its_name(law) -> None:
    made = scaled(parse(law), 3.0)
    assert made.mean == pytest.approx(3 * parse(law).mean)
    assert made.name == parse(law).name


def test_type_parameters_change_their_type_only() -> None:
    types = load_catalogue()
    made = overridden(types, {"type.noise.rate_per_1000_year": 9.5, "type.noise.success_base": 0.4,
                              "type.noise.touch_factor": 2.0, "coordination.max_bounces": 3.0})  # fmt: skip
    assert made["noise"].rate_per_1000_year == 9.5
    assert made["noise"].success.base == 0.4
    before, after = types["noise"].stages[0].touch_min.mean, made["noise"].stages[0].touch_min.mean
    assert after == pytest.approx(2 * before)
    assert {k: v for k, v in made.items() if k != "noise"} == {k: v for k, v in types.items() if k != "noise"}
