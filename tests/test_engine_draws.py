"""Draws are functions of their names: known answers, independence of purposes, laws that have their means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sim.engine.draws import exponential, gumbel, logistic, mix, normal_quantile, philox, uniform, uniforms

# Random123's published known answers of philox4x32-10 (kat_vectors): counter, key, result
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_random123s_known_answers(counter, key, expected):
    assert tuple(map(int, philox(*map(np.uint64, counter), *map(np.uint64, key)))) == expected


words = st.integers(0, 2**64 - 1)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(key=words, entity=words, purpose=st.integers(0, 40), ordinal=st.integers(0, 2**32 - 1))
def test_a_uniform_lies_strictly_between_0_and_1_and_is_always_the_same(key, entity, purpose, ordinal):
    u, v = uniforms(np.uint64(key), np.uint64(entity), purpose, ordinal)
    assert 0.0 < u < 1.0 and 0.0 < v < 1.0
    assert (u, v) == uniforms(np.uint64(key), np.uint64(entity), purpose, ordinal)
    assert u == uniform(np.uint64(key), np.uint64(entity), purpose, ordinal)


def _sample(draw, n=20_000, **fixed):
    key = np.uint64(7)
    return np.array([draw(key, np.uint64(fixed.get("entity", i)), fixed.get("purpose", 3), i) for i in range(n)])


@pytest.mark.parametrize(
    ("draw", "law"),
    [
        (uniform, stats.uniform()), (exponential, stats.expon()), (gumbel, stats.gumbel_r()),
        (logistic, stats.logistic()),
    ],
)  # fmt: skip
def test_draws_follow_their_law(draw, law):
    assert stats.kstest(_sample(draw), law.cdf).pvalue > 1e-4


def test_neighbouring_names_are_independent():
    """Same ordinal under another purpose, another entity, another key: no correlation beyond chance."""
    base = _sample(uniform, entity=5)
    others = [_sample(uniform, entity=5, purpose=4), _sample(uniform, entity=6), base[1:]]
    for other in others:
        n = min(len(base), len(other))
        assert abs(np.corrcoef(base[:n], other[:n])[0, 1]) * np.sqrt(n) < 4.0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(p=st.floats(1e-12, 1.0 - 1e-12))
def test_the_normal_quantile_is_the_normal_quantile(p):
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-14)


def test_mixing_names_does_not_collide():
    names = {int(mix(np.uint64(a), np.uint64(b))) for a in range(300) for b in range(300)}
    assert len(names) == 90_000
