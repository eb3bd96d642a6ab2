"""The statistics of a comparison: coverage, verdicts, Holm, variance ratio, missing pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scenarios.compare import adjusted, compare, holm, judge
from scenarios.intervals import mean_interval, variance_ratio
from scenarios.power import replications_needed


def correlated(rng: np.random.Generator, n: int, rho: float, shift: float = 0.0) -> dict[str, np.ndarray]:
    a, e = rng.normal(10, 2, n), rng.normal(0, 2, n)
    return {"a": a, "b": 10 + rho * (a - 10) + math.sqrt(1 - rho**2) * e + shift}


def z_of_share(hits: int, n: int, p: float) -> float:
    return (hits - n * p) / math.sqrt(n * p * (1 - p))


@pytest.mark.parametrize(("rho", "shift"), [(0.0, 0.0), (0.9, 0.0), (0.9, 0.7)])
def test_intervals_cover_at_95_percent(rho, shift):
    rng, n, rounds, covered, false = np.random.default_rng(11), 12, 4000, 0, 0
    for _ in range(rounds):
        v = correlated(rng, n, rho, shift)
        d = v["b"] - v["a"]
        _, low, high = mean_interval(d)
        covered += low <= shift <= high
        false += low > 0 or high < 0
    assert abs(z_of_share(covered, rounds, 0.95)) < 3.3
    if shift == 0:
        assert abs(z_of_share(false, rounds, 0.05)) < 3.3
    else:
        assert false / rounds > 0.05  # a real difference is found more often than chance would


def test_an_interval_10_percent_too_narrow_would_fail_the_coverage_test():
    rng, rounds, covered = np.random.default_rng(12), 4000, 0
    for _ in range(rounds):
        d = rng.normal(0, 1, 12)
        mean, low, high = mean_interval(d)
        covered += mean - 0.9 * (mean - low) <= 0 <= mean + 0.9 * (high - mean)
    assert z_of_share(covered, rounds, 0.95) < -3.3


def test_a_a_comparison_is_rarely_called_different():
    rng, rounds, called = np.random.default_rng(13), 300, 0
    for _ in range(rounds):
        row = compare(correlated(rng, 20, 0.8), "m", "a", better="lower").rows[0]
        called += row.verdict in ("better", "worse")
    assert abs(z_of_share(called, rounds, 0.05)) < 3.3


def test_bootstrap_interval_is_near_the_t_interval():
    v = correlated(np.random.default_rng(1), 200, 0.7, 0.5)
    t, b = compare(v, "m", "a").rows[0], compare(v, "m", "a", method="bootstrap").rows[0]
    assert b.low == pytest.approx(t.low, abs=0.15 * (t.high - t.low))
    assert b.high == pytest.approx(t.high, abs=0.15 * (t.high - t.low))
    assert repr(compare(v, "m", "a", method="bootstrap").rows[0]) == repr(b)  # the same on every call


def test_identical_arms_differ_by_exactly_nothing():
    x = np.random.default_rng(2).normal(size=30)
    row = compare({"a": x, "b": x.copy()}, "m", "a", better="lower").rows[0]
    assert (row.difference, row.p_value) == (0.0, 1.0)
    assert row.verdict == "undecided" and row.interval_method == "zeros" and math.isinf(row.variance_ratio)
    known = compare({"a": x, "b": x.copy()}, "m", "a", better="lower", alike=frozenset({"b"})).rows[0]
    assert known.verdict == "no_effect" and (known.low, known.high) == (0.0, 0.0)


def test_known_numbers():
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 4.0, 3.0, 7.0])
    row = compare({"a": a, "b": b}, "m", "a", better="lower").rows[0]
    d = b - a  # 1, 2, 0, 3: mean 1.5, sd 1.29099
    half = 3.182446305 * 1.2909944487 / 2
    assert row.difference == 1.5 and row.sd_difference == pytest.approx(1.2909944487)
    assert row.low == pytest.approx(1.5 - half, rel=1e-9) and row.high == pytest.approx(1.5 + half, rel=1e-9)
    assert row.p_value == pytest.approx(stats.ttest_rel(b, a).pvalue)
    assert row.variance_ratio == pytest.approx((a.var(ddof=1) + b.var(ddof=1)) / d.var(ddof=1))
    assert (row.mean_baseline, row.mean_arm) == (2.5, 4.0)


def test_variance_ratio_of_correlated_normals():
    v = correlated(np.random.default_rng(3), 4000, 0.8)
    point, low, high = variance_ratio(v["a"], v["b"])
    assert low < 5.0 < high  # 2 / (2 - 2 rho) = 5
    assert point == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize(
    ("low", "high", "p", "better", "margin", "verdict"),
    [
        (1, 3, 0.001, "lower", None, "worse"),
        (1, 3, 0.001, "higher", None, "better"),
        (-3, -1, 0.001, "lower", None, "better"),
        (1, 3, 0.001, "none", None, "higher"),
        (-3, -1, 0.001, "none", None, "lower"),
        (-1, 3, 0.4, "lower", None, "undecided"),
        (1, 3, 0.2, "lower", None, "undecided"),  # clear alone, not after adjustment
        (-0.5, 0.8, 0.7, "lower", 1.0, "equivalent"),
        (0.1, 0.8, 0.01, "lower", 1.0, "equivalent"),  # real, but stated beforehand not to matter
        (-0.5, 1.0, 0.7, "lower", 1.0, "undecided"),
        (0.5, 1.5, 0.01, "lower", 1.0, "worse"),
        (math.nan, math.nan, math.nan, "lower", 1.0, "undecided"),
    ],
)
def test_verdicts(low, high, p, better, margin, verdict):
    assert judge((low + high) / 2, low, high, p, better, margin) == verdict


def test_holm_known_case():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, math.nan, 0.9])[[0, 2]] == pytest.approx([1.0, 1.0])
    assert math.isnan(holm([0.5, math.nan])[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_laws(p):
    q = holm(p)
    assert (q >= np.array(p)).all() and (q <= np.minimum(1, np.array(p) * len(p)) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(q[order]) >= 0).all()


def test_holm_keeps_the_error_of_the_family():
    rng, rounds, wrong = np.random.default_rng(4), 150, 0
    for _ in range(rounds):
        made = [compare(correlated(rng, 10, 0.5), f"m{i}", "a", better="lower") for i in range(5)]
        wrong += any(row.verdict != "undecided" for one in adjusted(made, {}) for row in one.rows)
    assert z_of_share(wrong, rounds, 0.05) < 3.3


def test_missing_pairs_are_counted_and_only_pairs_are_used():
    a = np.array([1.0, math.nan, 3.0, 5.0, 1.0])
    b = np.array([2.0, 4.0, math.nan, 7.0, 2.0])
    row = compare({"a": a, "b": b}, "m", "a").rows[0]
    assert (row.pairs, row.missing) == (3, 2)
    assert row.difference == pytest.approx(4 / 3) and row.mean_baseline == pytest.approx(7 / 3)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_pairs_give_no_interval(n):
    row = compare({"a": np.ones(n), "b": np.full(n, 2.0)}, "m", "a", better="lower").rows[0]
    assert math.isnan(row.low) and row.verdict == "undecided" and row.pairs == n


def test_replications_needed_bring_a_verdict_in_four_of_five_cases():
    rng, asked, reached = np.random.default_rng(5), 0, 0
    for _ in range(600):
        shift = rng.uniform(-1.5, 1.5)  # no difference more likely beforehand than another
        d = rng.normal(shift, 1.0, 10)
        row = compare({"a": np.zeros(10), "b": d}, "m", "a", better="lower").rows[0]
        if row.verdict != "undecided" or not row.needed or row.needed > 20_000:
            continue
        both = np.concatenate([d, rng.normal(shift, 1.0, row.needed)])
        asked += 1
        reached += (
            compare({"a": np.zeros(len(both)), "b": both}, "m", "a", better="lower").rows[0].verdict != "undecided"
        )
    assert asked > 200 and z_of_share(reached, asked, 0.8) > -3.3
    assert replications_needed(0.0, 0.0, 10, None) is None
    assert (replications_needed(0.1, 1.0, 10, None) or 0) > (replications_needed(0.1, 1.0, 10, 0.5) or 10**9)


def test_more_are_needed_when_the_level_is_shared():
    alone = replications_needed(0.4, 1.0, 15, None)
    shared = replications_needed(0.4, 1.0, 15, None, alpha=0.005)
    assert alone is not None and shared is not None and shared > alone
