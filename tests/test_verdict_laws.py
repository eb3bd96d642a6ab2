"""Laws of verdicts and their intervals: swapping arms, scale, zeros, counts, what is withheld, several margins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios import load
from scenarios.compare import Paired, adjusted, arm_interval, compare
from scenarios.intervals import count_limits, count_p_value, garwood, variance_ratio, zero_limits
from scenarios.proven import KINDS, Ladder, Proof, form_of, kind_of, proof_of
from sim.measures import MEASURES

OPPOSITE = {"better": "worse", "worse": "better", "higher": "lower", "lower": "higher"}
numbers = st.lists(st.integers(-50, 50), min_size=3, max_size=25)


def ladder(stretch: tuple[float, ...] = (math.inf, 1.5, 1.0)) -> Ladder:
    return Ladder((2, 10, 100), stretch, (0.5, 0.95, 0.96))


def proof(form: str = "t", span: float | None = None) -> Proof:
    return Proof(form, "test", ladder(), ladder(), ladder(), span)  # type: ignore[arg-type]


def row(d: np.ndarray, **given) -> Paired:
    d = np.asarray(d, dtype=float)
    return compare(
        {"a": np.arange(len(d), dtype=float), "b": np.arange(len(d)) + d}, "m", "a", better="lower", **given
    ).rows[0]


@given(numbers)
@pytest.mark.parametrize("form", ["t", "count"])
def test_swapping_the_arms_turns_the_sign_and_the_verdict(form, d):
    a = np.arange(len(d), dtype=float)
    values = {"a": a, "b": a + d}
    one = compare(values, "m", "a", better="lower", margin=1.0, proof=proof(form)).rows[0]
    other = compare(values, "m", "b", better="lower", margin=1.0, proof=proof(form)).rows[0]
    assert other.difference == pytest.approx(-one.difference)
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low), nan_ok=True)
    assert other.p_value == pytest.approx(one.p_value, nan_ok=True)
    assert other.verdict == OPPOSITE.get(one.verdict, one.verdict)


@given(numbers, st.sampled_from([0.001, 3.0, 1e6]))
def test_another_unit_changes_no_verdict(d, factor):
    one, other = row(np.array(d), margin=2.0), row(np.array(d) * factor, margin=2.0 * factor)
    assert (other.verdict == one.verdict and other.needed == one.needed) or abs(other.needed - one.needed) <= 1
    assert (other.low, other.high) == pytest.approx((one.low * factor, one.high * factor), nan_ok=True)


@given(st.lists(st.integers(0, 3), min_size=5, max_size=20))
def test_intervals_of_counts_shrink_with_more_of_the_same(d):
    x = np.array(d, dtype=float)[None, :]
    low, high = count_limits(x)
    low4, high4 = count_limits(np.tile(x, 4))
    assert (high4 - low4)[0] < (high - low)[0]
    p = count_p_value(x[0])
    assert (p < 0.05) == bool(low[0] > 0 or high[0] < 0)


def test_limits_of_counts_are_garwoods():
    low, high = garwood(np.array([0.0, 1.0, 10.0]), np.ones(3))
    assert low == pytest.approx([0.0, 0.0253, 4.795], abs=2e-3) and high == pytest.approx(
        [3.689, 5.572, 18.39], abs=2e-3
    )


def test_zeros_are_no_equivalence_without_a_margin_or_with_too_few():
    zeros = np.zeros(10)
    assert row(zeros).verdict == "undecided" and row(zeros).interval_method == "zeros"
    assert row(zeros, margin=0.01, proof=proof(span=1.0)).verdict == "undecided"
    assert row(np.zeros(400), margin=0.01, proof=proof(span=1.0)).verdict == "equivalent"
    assert row(zeros, margin=5.0).verdict == "undecided"  # how large the unseen may be is not known
    low, high = zero_limits(10, 1.0)
    assert high == pytest.approx(1 - 0.05**0.1) and low == -high


def test_a_harm_too_rare_to_judge_has_no_interval_and_says_how_many_would_do():
    found = row(np.array([0.0] * 8 + [40.0]), proof=proof())
    assert found.verdict == "too_rare" and found.enough == 10 and math.isnan(found.low) and math.isnan(found.p_value)
    assert found.difference == pytest.approx(40 / 9)
    text = str(compare({"a": np.zeros(9), "b": np.array([0.0] * 8 + [40.0])}, "m", "a", proof=proof()))
    assert "too rare to judge with 9 replications, about 10 would do" in text
    assert math.isnan(arm_interval(np.arange(9.0), proof())[1])
    assert not math.isnan(arm_interval(np.arange(10.0), proof())[1])


def test_whether_so_many_suffice_is_never_read_from_the_sample():
    calm, wild = row(np.linspace(1, 2, 9), proof=proof()), row(np.array([0.0] * 8 + [1e6]), proof=proof())
    assert calm.verdict == wild.verdict == "too_rare"


def test_a_ladder_holds_from_where_all_above_hold():
    assert ladder((1.0, math.inf, 1.0)).enough == 100
    assert ladder((1.0, 1.0, math.inf)).enough is None and not ladder((1.0, 1.0, math.inf)).holds(10_000)
    assert ladder().at(50) == (1.5, 0.95) and ladder().at(1000) == (1.0, 0.96)


def test_an_interval_is_stretched_as_proven():
    d = np.random.default_rng(3).normal(1, 1, 20)
    plain, wide = row(d), row(d, proof=proof())
    assert wide.stretch == 1.5 and wide.high - wide.low == pytest.approx(1.5 * (plain.high - plain.low))
    assert wide.p_value > plain.p_value


def test_several_margins_are_adjusted_for_one_another():
    rng, rounds, wrong = np.random.default_rng(8), 400, 0
    for _ in range(rounds):
        made = [compare({"a": np.zeros(12), "b": rng.normal(1.0, 1.0, 12)}, f"m{i}", "a", margin=1.0) for i in range(6)]
        wrong += any(r.verdict == "equivalent" for one in adjusted(made, {}) for r in one.rows)
    assert wrong / rounds < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / rounds)


def test_the_interval_of_a_variance_ratio_holds():
    rng, held = np.random.default_rng(9), 0
    for _ in range(600):
        a = rng.normal(size=12)
        b = 0.8 * a + 0.6 * rng.normal(size=12)
        _, low, high = variance_ratio(a, b)
        held += low < 5.0 < high
    assert held / 600 > 0.92


def test_every_indicator_has_a_kind_and_counts_have_their_own_interval():
    listed = [name for names in KINDS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert sorted(set(MEASURES) - set(listed)) == []
    assert form_of("emergency_late_count") == form_of("kind.emergency.fire.response_late_count") == "count"
    assert kind_of("line.desk.wait_min") == "case" and kind_of("kind.emergency.fire.response_min") == "urgent group"


def test_a_users_scenario_goes_by_the_worst_of_the_kind():
    own, kind = proof_of("true_resolution_days"), proof_of("cases")
    assert own is not None and kind is not None and own.paired == kind.paired and own.source == "kind:case"


def test_the_first_command_of_a_users_scenario_has_verdicts_at_thirty():
    shown = load("whistle-vs-referral").experiment.measures
    for metric in (*shown, "line.desk.wait_min", "overtime_h_per_staff", "emergency_late_count"):
        known = proof_of(metric)
        assert known is not None and known.source.startswith("kind:") and known.paired.holds(30), metric
    for metric in ("loss_emergency_yuan", "emergency_response_min"):
        known = proof_of(metric)
        assert known is not None and not known.paired.holds(30), metric
