"""The statistics charts do themselves, against exact values and independent implementations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dashboards.charts.phrases import decimals, difference, direction, number, quantity
from dashboards.charts.replications import cumulative_incidence, gini, mean_interval, paired_difference
from dashboards.charts.resolution import observed
from dashboards.texts import Texts

EN, ZH = Texts("en"), Texts("zh")


def test_mean_interval_is_students():
    values = np.array([3.0, 5.0, 4.0, 8.0])
    mean, low, high = mean_interval(values)
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (mean, low, high) == pytest.approx((5.0, *expected))


def test_mean_interval_leaves_out_nan_by_entry():
    mean, low, _ = mean_interval([[1.0, np.nan], [3.0, 7.0]])
    assert mean.tolist() == [2.0, 7.0] and np.isfinite(low[0]) and np.isnan(low[1])


def test_paired_difference_needs_both_arms():
    frame = pd.DataFrame({"policy": ["a", "b", "a", "b"], "replication": [1, 1, 0, 2], "x": [5.0, 7.0, 1.0, 1.0]})
    assert paired_difference(frame, "x", "b", "a").tolist() == [2.0]


def test_kaplan_meier_known_answer():
    # Times 1, 2+, 3, 4, 5+: survival 4/5, then 4/5*2/3, then 4/5*2/3*1/2.
    found = cumulative_incidence([1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.5, 1, 3, 4, 9])
    assert found == pytest.approx([0, 1 / 5, 1 - 8 / 15, 1 - 4 / 15, 1 - 4 / 15])


def test_against_scipys_kaplan_meier():
    rng = np.random.default_rng(2)
    time, censor = rng.exponential(1, 300), rng.exponential(2, 300)
    seen, event = np.minimum(time, censor), (time <= censor).astype(int)
    data = stats.CensoredData.right_censored(seen, event == 0)
    grid = np.linspace(0, 3, 50)
    assert cumulative_incidence(seen, event, grid) == pytest.approx(stats.ecdf(data).cdf.evaluate(grid))


def test_a_competing_end_is_never_resolved_rather_than_censored():
    # Half end unresolved at time 1, the rest resolve at time 2: half are ever resolved, not all.
    assert cumulative_incidence([1, 1, 2, 2], [2, 2, 1, 1], [5.0]) == pytest.approx([0.5])
    assert cumulative_incidence([1, 1, 2, 2], [0, 0, 1, 1], [5.0]) == pytest.approx([1.0])


@given(arrays(float, st.integers(1, 40), elements=st.floats(0, 100)), st.randoms(use_true_random=False))
def test_incidence_is_a_distribution(time, random):
    event = np.array([random.choice([0, 1, 2]) for _ in time])
    grid = np.linspace(0, 120, 30)
    one, two = (cumulative_incidence(time, np.where(event == k, 1, np.where(event > 0, 2, 0)), grid) for k in (1, 2))
    assert (np.diff(one) >= -1e-12).all() and one.min() >= 0 and (one + two).max() <= 1 + 1e-9


def test_without_censoring_it_is_the_plain_share():
    time = np.array([4.0, 1.0, 1.0, 9.0])
    assert cumulative_incidence(time, np.ones(4), [0, 1, 4, 8.9, 9]) == pytest.approx([0, 0.5, 0.75, 0.75, 1])


def test_observed_reads_resolution_end_and_censoring():
    frame = pd.DataFrame(
        {
            "occurred_min": [0.0, 10, 20, 30],
            "resolved_min": [5.0, np.nan, np.nan, 200],
            "ended_min": [5.0, 40, np.nan, 200],
        }
    )
    time, event = observed(frame, 100.0)
    assert time.tolist() == [5, 30, 80, 70] and event.tolist() == [1, 2, 0, 0]


@given(arrays(float, st.integers(1, 30), elements=st.floats(0.1, 1e3)), st.floats(0.1, 50))
def test_gini_laws(values, factor):
    g = gini(values)
    assert -1e-9 <= g < 1 and gini(values * factor) == pytest.approx(g, abs=1e-9)
    pairs = np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean())
    assert g == pytest.approx(pairs, abs=1e-9)


def test_differences_in_words():
    row = {"difference": -2.1, "low": -2.4, "high": -1.8}
    assert direction(row, "days", EN) == "2.10 days shorter (1.80 to 2.40)"
    assert direction(row, "days", ZH) == "缩短 2.10天（1.80 至 2.40）"
    assert difference(row, "days", EN) == "−2.10 days (−2.40 to −1.80)"
    assert difference({"difference": 0.08, "low": -0.01, "high": 0.17}, "share", EN) == "+8.0 points (−1.0 to 17.0)"
    assert direction({"difference": 24.0, "low": 21.3, "high": 26.7}, "yuan", EN) == "24.0 yuan more (21.3 to 26.7)"
    assert difference({"difference": float("nan"), "low": 0, "high": 0}, "days", EN) == "–"


def test_numbers_in_words():
    assert [number(v) for v in (0, 1234567.0, -0.01234, float("nan"))] == ["0", "1,234,567", "−0.0123", "–"]
    assert quantity(0.613, "share", EN) == "61.3%" and quantity(3.0, "days", ZH) == "3天"
    assert decimals(3.0, 3.0) == 2 and decimals(-1e-9, 1e-9) == 4 and decimals(1000, 3000) == 0
