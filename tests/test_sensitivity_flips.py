"""Where a verdict flips: known effects with known zeros, and effects that have none."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.sensitivity.designs import Design, design
from calibration.sensitivity.evaluations import evaluations
from calibration.sensitivity.factors import Factor
from calibration.sensitivity.flips import Flip, flips

FACTORS = (
    Factor("a", "min", 10.0, 1000.0, 100.0, "loguniform", "assumption: test", "assumption", "A.", "甲。"),
    Factor("b", "share", 0.0, 2.0, 1.0, "uniform", "assumption: test", "assumption", "B.", "乙。"),
    Factor("c", "count", 0.0, 1.0, 0.0, "uniform", "assumption: test", "assumption", "C.", "丙。"),
)


def found(f, noise: float = 0.3, method: str = "sobol", rows: int = 128, names=("a", "b", "c")) -> list[Flip]:
    made: Design = design(method, ("a", "b", "c"), rows, 2, 3)
    rng = np.random.default_rng(8)
    y = f(*made.unit.T)[:, None] + noise * rng.normal(size=(made.rows, 2))
    return flips(evaluations(made, y), FACTORS, names)


@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_a_plane_flips_where_it_should(method):
    """Averaged over the others the effect is u - 0.25 along a, 0.15 to 0.35 along b and 0.25 along c."""
    a, b, c = found(lambda a, b, c: a - 0.25 + 0.2 * (b - 0.5) + 0 * c, 0.05, method)
    assert a.outcome == "flip" and a.at is not None and a.at.low <= 10 * 100**0.25 <= a.at.high
    assert a.at.value == pytest.approx(31.6, rel=0.1)
    assert a.effect[0].value < 0 < a.effect[-1].value
    assert [a.values[0], a.values[-1]] == pytest.approx([10, 1000])
    assert b.outcome == "none" and b.at is None and b.chance < 0.05
    assert c.outcome == "none" and c.effect[0].value == pytest.approx(0.25, abs=0.05)


def test_a_bend_flips_twice_and_both_are_told():
    _, b, _ = found(lambda a, b, c: 1.0 - 16 * (b - 0.5) ** 2 + (a - 0.5), 0.05, names=("a", "b", "c"))
    assert b.outcome == "flip" and b.at is not None and b.at.value == pytest.approx(0.5, abs=0.1)
    assert b.again == pytest.approx([1.5], abs=0.1)


def test_noise_around_zero_is_not_taken_for_a_flip():
    outcomes = [f.outcome for f in found(lambda a, b, c: 0.02 * a, 1.0, rows=32)]
    assert outcomes == ["unsure"] * 3


def test_intervals_hold_the_true_flip_about_as_often_as_they_say():
    hits = []
    for seed in range(40):
        made = design("sobol", ("a", "b", "c"), 32, 2, seed)
        rng = np.random.default_rng(seed)
        y = (made.unit[:, 1] - 0.6)[:, None] + 0.3 * rng.normal(size=(made.rows, 2))
        (flip,) = flips(evaluations(made, y), FACTORS, ("b",))
        hits.append(flip.at is not None and flip.at.low <= 1.2 <= flip.at.high)
    assert np.mean(hits) >= 0.85  # 0.95 less three standard errors
