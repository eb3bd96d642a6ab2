"""Designs and factors: what stands where, what extends what, and which parameters may be varied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.sensitivity.designs import STEP, MorrisDesign, SobolDesign, design
from calibration.sensitivity.factors import GENERAL, Factor, factors
from scenarios import load
from sim import register
from sim.errors import InputError

ABC = ("a", "b", "c")


def factor(law: str, low: float, high: float, default: float) -> Factor:
    return Factor("x", "min", low, high, default, law, "assumption: test", "assumption", "Text.", "文。")


@pytest.fixture(scope="module")
def scenario():
    return load("whistle-vs-referral")


def test_a_sobol_block_swaps_one_column_at_a_time():
    points = SobolDesign(ABC, 16, seed=3).unit.reshape(16, 6, 3)
    a, b = points[:, 0], points[:, 1]
    for i in range(3):
        swapped = points[:, 2 + i]
        assert (swapped[:, i] == b[:, i]).all()
        assert (np.delete(swapped, i, axis=1) == np.delete(a, i, axis=1)).all()
    assert (points[:, 5] == a).all()  # the dummy's row: equal parameters, other random numbers
    assert not (a == b).any()


def test_sobol_points_fill_each_range_evenly():
    """256 scrambled Sobol points have exactly one in each 256th of every axis."""
    points = SobolDesign(ABC, 256, seed=1).unit.reshape(256, 6, 3)
    for column in (*points[:, 0].T, *points[:, 1].T):
        assert sorted(np.floor(column * 256).astype(int)) == list(range(256))


def test_a_morris_trajectory_moves_every_factor_once_by_two_thirds():
    made = MorrisDesign(ABC, 25, seed=3)
    points = made.unit.reshape(25, 5, 3)
    moves = np.diff(points, axis=1)
    assert np.isclose(points * 3, np.round(points * 3)).all() and points.min() >= 0 and points.max() <= 1
    for block, (order, direction) in enumerate(zip(made.order, made.direction, strict=True)):
        assert sorted(order) == [0, 1, 2, 3]
        for step, which in enumerate(order):
            expected = np.zeros(3)
            if which < 3:
                expected[which] = direction[step] * STEP
            assert moves[block, step] == pytest.approx(expected)


def test_chosen_trajectories_lie_farther_apart_than_any():
    def spread(points: np.ndarray) -> float:
        blocks = points.reshape(-1, 8, 6)
        centre = blocks.mean(axis=1)
        return float(np.linalg.norm(centre[:, None] - centre[None, :], axis=2).mean())

    chosen = spread(MorrisDesign(tuple("abcdef"), 12, seed=2).unit)
    single = np.concatenate([MorrisDesign(tuple("abcdef"), 4, seed=100 + s).unit[:8] for s in range(12)])
    assert chosen > spread(single)


@pytest.mark.parametrize("kind", [SobolDesign, MorrisDesign])
def test_more_blocks_and_replicates_extend_a_design(kind):
    small, large = kind(ABC, 8, 2, seed=5), kind(ABC, 32, 3, seed=5)
    assert (large.unit[: small.rows] == small.unit).all()
    assert (large.numbers[: small.rows, :2] == small.numbers).all()
    assert len(np.unique(large.numbers)) == large.numbers.size


@pytest.mark.parametrize("kind", [SobolDesign, MorrisDesign])
def test_the_seed_names_the_points_and_zero_is_a_seed(kind):
    zero = kind(ABC, 8, seed=0).unit
    assert (kind(ABC, 8, seed=0).unit == zero).all()
    assert not (kind(ABC, 8, seed=1).unit == zero).all()


def test_rows_have_replication_numbers_of_their_own():
    made = SobolDesign(ABC, 64, 64)
    assert len(set(made.numbers.ravel().tolist())) == made.rows * 64


@pytest.mark.parametrize(
    ("method", "rows", "replicates", "says"),
    [
        ("sobol", 100, 2, "power of two"),
        ("sobol", 4, 2, "power of two"),
        ("morris", 3, 2, "4 to 10,000"),
        ("sobol", 64, 65, "1 to 64"),
        ("lhs", 64, 2, "morris, sobol"),
    ],
)
def test_impossible_designs_are_refused(method, rows, replicates, says):
    with pytest.raises(InputError, match=says):
        design(method, ABC, rows, replicates, 1)


@given(
    law=st.sampled_from(["uniform", "loguniform", "triangular", "integer"]),
    ends=st.tuples(st.integers(1, 50), st.integers(1, 50)).filter(lambda e: e[0] != e[1]),
    share=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_values_rise_with_the_unit_number_and_stay_in_range(law, ends, share):
    low, high = float(min(ends)), float(max(ends))
    made = factor(law, low, high, low + share * (high - low))
    values = made.values(np.linspace(0, 1, 101))
    assert values[0] == pytest.approx(low) and values[-1] == pytest.approx(high)
    assert (np.diff(values) >= -1e-12).all() and values.min() >= low and values.max() <= high


def test_laws_have_the_means_they_should():
    u = (np.arange(200_000) + 0.5) / 200_000
    assert factor("uniform", 2, 6, 3).values(u).mean() == pytest.approx(4)
    assert factor("triangular", 2, 8, 5).values(u).mean() == pytest.approx(5, rel=1e-3)
    assert factor("triangular", 0, 9, 0).values(u).mean() == pytest.approx(3, rel=1e-3)
    assert factor("loguniform", 1, np.e, 2).values(u).mean() == pytest.approx(np.e - 1, rel=1e-3)
    counts = np.bincount(factor("integer", 2, 5, 3).values(u).astype(int))[2:]
    assert (np.abs(counts - 50_000) <= 1).all()


def test_the_scenario_names_what_is_varied_and_at_least_eight(scenario):
    found = factors(scenario, ["referral", "whistle"])
    assert [f.name for f in found] == scenario.experiment.sensitivity and len(found) >= 8
    entry = register.load()["report_in.load"]
    one = next(f for f in found if f.name == "report_in.load")
    assert (one.low, one.high, one.unit, one.source) == (entry.low, entry.high, entry.unit, entry.source)
    assert one.assumed and not one.narrowed


def test_other_scenarios_get_the_general_list_without_what_their_arms_set(scenario):
    plain = load("ordinary-district")
    assert [f.name for f in factors(plain, ["as-is"])] == list(GENERAL) and len(GENERAL) >= 8
    changes = {"policies": {"as-is": {"parameters": {GENERAL[0]: 0.6}}}}
    assert GENERAL[0] not in [f.name for f in factors(plain.with_changes(changes), ["as-is"])]


def test_a_range_may_be_narrowed_and_types_may_be_named(scenario):
    made = factors(scenario, ["whistle"], ["report_in.load=0.2..1", "coordination.max_bounces=2..4",
                                           "type.lost_elder.rate_per_1000_year", "rule.user_0=0.5..1e1"])  # fmt: skip
    assert (made[0].low, made[0].high, made[0].narrowed) == (0.2, 1.0, True)
    assert set(made[1].values(np.linspace(0, 1, 50))) == {2, 3, 4}
    assert made[2].name.startswith("type.") and (made[3].low, made[3].high) == (0.5, 10)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["report_in.lood"], "report_in.load"),
        (["report_in.load", "report_in.load"], "twice"),
        (["report_in.load=1..0.2"], "low below high"),
        (["judging.recognise_probability=0.5..1.5"], "within 0 to 1 "),
        (["coordination.defer_min=-5..60"], "at least 0"),
        (["report_in.load=few..many"], "no pair of numbers"),
        (["report_in.load=0.4"], "NAME=low..high"),
        (["coordination.max_bounces=1.5..3"], "whole numbers"),
        (["rule.user_0"], "rule.user_0=low..high"),
        (["city.trust_mean"], "one city"),
        (["measure.restricted_mean_days"], "defines a measure"),
        (["type.lost_elder.rate"], "type.lost_elder.rate_per_1000_year"),
    ],
)
def test_mistakes_in_parameters_are_told(scenario, given, says):
    with pytest.raises(InputError, match=says):
        factors(scenario, ["referral", "whistle"], given)


def test_a_mistake_in_a_scenario_names_its_line(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(
        "name: own\ntitle: {en: Own, zh: 自}\nextends: ordinary-district\nexperiment:\n"
        "  sensitivity: [report_in.laod]\n"
    )
    with pytest.raises(InputError, match=r"own.yaml, line 5, field 'experiment.sensitivity'.*report_in.load"):
        factors(load(str(file)), ["as-is"])
