"""Noise-corrected indices against functions whose indices are known, with and without noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from calibration.sensitivity.designs import MorrisDesign, SobolDesign
from calibration.sensitivity.evaluations import Evaluations, evaluations
from calibration.sensitivity.morris import elementary_effects, morris_effects
from calibration.sensitivity.sobol import sobol_indices
from sim.errors import InputError

ISHIGAMI_FIRST, ISHIGAMI_TOTAL = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
ISHIGAMI_VARIANCE = 7**2 / 8 + 0.1 * math.pi**4 / 5 + 0.01 * math.pi**8 / 18 + 0.5
G_COEFFICIENTS = np.array([0, 1, 4.5, 9, 99, 99, 99, 99])
G_TOTAL = (0.787144, 0.242198, 0.034317, 0.010460)


def ishigami(u: np.ndarray) -> np.ndarray:
    x = (2 * u - 1) * math.pi
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def sobol_g(u: np.ndarray) -> np.ndarray:
    return np.prod((np.abs(4 * u - 2) + G_COEFFICIENTS) / (1 + G_COEFFICIENTS), axis=1)


def answers(design: SobolDesign | MorrisDesign, f: Callable, noise_variance: float = 0.0) -> Evaluations:
    rng = np.random.default_rng([99, design.seed])
    noise = rng.normal(size=(design.rows, design.replicates)) * math.sqrt(noise_variance)
    return evaluations(design, f(design.unit)[:, None] + noise)


def names(k: int) -> tuple[str, ...]:
    return tuple(f"x{i + 1}" for i in range(k))


def test_ishigami_without_noise():
    found = sobol_indices(answers(SobolDesign(names(3), 4096, seed=1), ishigami))
    for i, name in enumerate(names(3)):
        assert found.first[name].value == pytest.approx(ISHIGAMI_FIRST[i], abs=0.01)
        assert found.total[name].value == pytest.approx(ISHIGAMI_TOTAL[i], abs=0.01)
    assert found.signal_variance.value == pytest.approx(ISHIGAMI_VARIANCE, rel=0.01)
    assert found.noise_share.value == 0 and found.total["dummy"].value == 0
    assert found.convergence == "settled" and found.mean.value == pytest.approx(3.5, abs=0.05)


def test_sobol_g_without_noise():
    found = sobol_indices(answers(SobolDesign(names(8), 4096, seed=2), sobol_g))
    for name, total in zip(names(4), G_TOTAL, strict=False):
        assert found.total[name].value == pytest.approx(total, abs=0.015)
    assert all(found.total[name].value < 0.001 for name in names(8)[4:])


def test_noisy_ishigami_gives_an_inert_factor_nothing_and_the_naive_index_what_theory_says():
    """The mean over 20 designs of the inert factor's total index lies within 0.01 of zero; noise is half the signal."""
    share = 0.5
    corrected, naive, both = [], [], []
    for seed in range(20):
        given = answers(SobolDesign(names(4), 1024, seed=seed), ishigami, 2 * share * ISHIGAMI_VARIANCE)
        found = sobol_indices(given)  # of single runs; row means of two replicates have noise of half the signal
        corrected.append([found.total[name].value for name in names(4)])
        both.append(found.total["dummy"].value)
        means = given.means
        jansen = 0.5 * ((means[:, :1] - means[:, 2:]) ** 2).mean(axis=0)
        naive.append(jansen / means[:, :2].var())
    assert abs(np.mean(both)) < 0.01
    assert np.mean(corrected, axis=0) == pytest.approx([*ISHIGAMI_TOTAL, 0.0], abs=0.02)
    assert abs(np.mean(corrected, axis=0)[3]) < 0.01
    expected = [(total + share) / (1 + share) for total in (*ISHIGAMI_TOTAL, 0.0, 0.0)]
    assert np.mean(naive, axis=0) == pytest.approx(expected, abs=0.025)
    assert expected[3] == pytest.approx(1 / 3)


def test_noise_share_of_poisson_counts():
    """Y is Poisson with mean 10 (x1 + 2 x2): the noise share is 0.2647, first indices of the mean 0.2 and 0.8."""
    design = SobolDesign(names(2), 2048, replicates=4, seed=3)
    rng = np.random.default_rng(5)
    means = 10 * (design.unit[:, 0] + 2 * design.unit[:, 1])
    found = sobol_indices(evaluations(design, rng.poisson(means[:, None], (design.rows, 4))))
    assert found.noise_share.value == pytest.approx(0.2647, abs=0.01)
    assert found.noise_share.low < 0.2647 < found.noise_share.high
    assert found.first["x1"].value == pytest.approx(0.2, abs=0.02)
    assert found.first["x2"].value == pytest.approx(0.8, abs=0.02)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    hits = []
    for seed in range(40):
        found = sobol_indices(answers(SobolDesign(names(4), 256, seed=seed), ishigami, 0.5 * ISHIGAMI_VARIANCE))
        truth = dict(zip(names(4), (*ISHIGAMI_TOTAL, 0.0), strict=True))
        hits += [found.total[name].low <= value <= found.total[name].high for name, value in truth.items()]
    # 160 intervals of 95 %, four of a design dependent; below 0.90 would be 2.9 standard errors off
    assert np.mean(hits) > 0.90


def test_salib_agrees_where_there_is_no_noise():
    sobol = pytest.importorskip("SALib.analyze.sobol")
    design = SobolDesign(names(3), 512, replicates=2, seed=4)
    found = sobol_indices(answers(design, ishigami))
    y = ishigami(design.unit).reshape(512, design.block_rows)
    order = np.column_stack([y[:, 0], y[:, 2:5], y[:, 1]]).ravel()
    problem = {"num_vars": 3, "names": list(names(3)), "bounds": [[0, 1]] * 3}
    other = sobol.analyze(problem, order, calc_second_order=False, num_resamples=10, seed=1)
    assert [found.total[n].value for n in names(3)] == pytest.approx(list(other["ST"]), abs=0.02)
    assert [found.first[n].value for n in names(3)] == pytest.approx(list(other["S1"]), abs=0.06)


def test_salib_agrees_on_elementary_effects():
    morris = pytest.importorskip("SALib.analyze.morris")
    design = MorrisDesign(names(3), 30, seed=4)
    found = morris_effects(answers(design, ishigami))
    # a trajectory without the dummy's step is one that SALib can read
    keep = np.ones((30, design.block_rows), bool)
    keep[np.arange(30), np.argmax(design.order == 3, axis=1) + 1] = False
    x = design.unit.reshape(30, design.block_rows, 3)[keep].reshape(-1, 3)
    problem = {"num_vars": 3, "names": list(names(3)), "bounds": [[0, 1]] * 3}
    other = morris.analyze(problem, x, ishigami(x), num_levels=4, num_resamples=10, seed=1)
    assert [found.mu_star[n].value for n in names(3)] == pytest.approx(list(other["mu_star"]))
    assert [found.mu[n].value for n in names(3)] == pytest.approx(list(other["mu"]))
    assert [found.sigma[n] for n in names(3)] == pytest.approx(list(other["sigma"]))


def test_noise_pulls_no_elementary_effect_up():
    """Over 40 designs the inert factor's mean size averages to zero, while the raw one sits on the stated floor."""
    corrected, raw, floors, spread = [], [], [], []
    for seed in range(40):
        found = morris_effects(answers(MorrisDesign(names(4), 20, seed=seed), ishigami, 0.5 * ISHIGAMI_VARIANCE))
        corrected.append([found.mu_star["x4"].value, found.mu_star["dummy"].value])
        raw.append(found.mu_star_raw["x4"])
        floors.append(found.floor)
        spread.append(found.sigma["x4"])
    error = np.std(corrected, axis=0, ddof=1) / math.sqrt(40)
    assert (np.abs(np.mean(corrected, axis=0)) < 3.3 * error).all()
    assert np.mean(raw) == pytest.approx(np.mean(floors), rel=0.1)
    assert np.mean(spread) < 0.5 * np.mean(floors)


def test_elementary_effects_of_a_plane_are_its_slopes():
    design = MorrisDesign(names(2), 6, seed=1)
    given = evaluations(design, np.repeat((3 * design.unit[:, 0] - 2 * design.unit[:, 1])[:, None], 2, axis=1))
    assert elementary_effects(design, given) == pytest.approx(np.tile([[3.0], [-2.0], [0.0]], (6, 1, 2)))
    found = morris_effects(given)
    assert found.mu["x2"].value == pytest.approx(-2) and found.mu_star["x2"].value == pytest.approx(2)
    assert found.sigma["x1"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("f", [lambda u: np.zeros(len(u)), lambda u: np.full(len(u), 7.5)])
def test_nothing_but_noise_yields_no_index(f):
    found = sobol_indices(answers(SobolDesign(names(3), 64, seed=5), f, 1.0))
    assert not found.signal and found.total == {} and found.first == {} and found.convergence == "noise"
    assert found.noise_share.value > 0.9
    constant = sobol_indices(answers(SobolDesign(names(3), 64, seed=5), f))
    assert not constant.signal and constant.total == {} and constant.noise_share.value == 0


def test_shared_random_numbers_between_rows_are_refused():
    design = SobolDesign(names(2), 8)
    numbers = np.tile(np.arange(design.replicates), (design.rows, 1))
    with pytest.raises(InputError, match="share random numbers"):
        evaluations(design, np.zeros((design.rows, 2)), numbers)
    wrong = design.numbers.copy()
    wrong[5, 1] = wrong[9, 0]
    with pytest.raises(InputError, match=f"found {wrong[9, 0]}"):
        evaluations(design, np.zeros((design.rows, 2)), wrong)


def test_what_shared_random_numbers_would_have_done():
    """One noise for all rows of a block cancels in differences, and the correction makes an inert index negative."""
    design = SobolDesign(names(4), 1024, seed=1)
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(1024, 1, 2)).repeat(design.block_rows, axis=1).reshape(-1, 2)
    y = ishigami(design.unit)[:, None] + noise * math.sqrt(0.5 * ISHIGAMI_VARIANCE)
    assert sobol_indices(evaluations(design, y)).total["x4"].value < -0.15


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_none_never_yields_an_index(bad):
    design = SobolDesign(names(2), 8)
    y = np.random.default_rng(1).normal(size=(design.rows, 2))
    y[7, 1] = bad
    with pytest.raises(InputError, match=r"delay.*1 of 40 have no value \(rows 7\).*drop"):
        evaluations(design, y, measure="delay")
    dropped = evaluations(design, y, measure="delay", on_failed="drop")
    assert dropped.dropped == 1 and dropped.values.shape == (7, 5, 2) and not dropped.kept[1]
    y[:30] = bad
    with pytest.raises(InputError, match="too few complete blocks"):
        evaluations(design, y, on_failed="drop")


def test_dropping_blocks_takes_the_right_rows_with_them():
    design = MorrisDesign(names(3), 30, seed=2)
    y = np.repeat(ishigami(design.unit)[:, None], 2, axis=1)
    whole = evaluations(design, y)
    y[[3, 40], 0] = math.nan
    part = evaluations(design, y, on_failed="drop")
    assert part.dropped == 2
    kept = np.delete(elementary_effects(design, whole), [0, 8], axis=0)
    assert elementary_effects(design, part) == pytest.approx(kept)


def test_a_design_and_the_estimators_of_another_do_not_mix():
    with pytest.raises(InputError, match="another design; found 'morris'; allowed: sobol"):
        sobol_indices(answers(MorrisDesign(names(3), 8), ishigami))
    with pytest.raises(InputError, match="another design; found 'sobol'; allowed: morris"):
        morris_effects(answers(SobolDesign(names(3), 8), ishigami))


def test_one_replicate_cannot_be_corrected():
    design = SobolDesign(names(2), 8, replicates=1)
    with pytest.raises(InputError, match="cannot tell chance"):
        sobol_indices(evaluations(design, np.zeros((design.rows, 1))))


def test_values_must_fit_the_design():
    design = SobolDesign(names(2), 8)
    with pytest.raises(InputError, match="do not fit"):
        evaluations(design, np.zeros((design.rows - 1, 2)))
    with pytest.raises(InputError, match="do not fit"):
        evaluations(design, np.zeros((design.rows, 2)), np.zeros(3))
