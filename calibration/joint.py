"""One test of all misses at once: whether a log and its simulation lie further apart than chance alone puts them.

Each row's miss is measured in standard errors of the difference between held-out log and fit: the noise of the held-out
part and of the part that was fitted to, each from random half-splits, and the uncertainty of a trend that is carried
on. The statistic is the larger of two mean squares, of the rows on arrivals and of those on times; its law under no
change comes from the same half-splits, so that rows which move together count as much as they should. Single rows are
judged in `calibration.heldout`; how often the test errs is stored evidence and told in the handbook.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.measured import STATISTICS

Floats = NDArray[np.float64]
LEVEL = 0.02  # of the test by its own reckoning; measured over synthetic logs it refuses no more than SIZE
SIZE = 0.05
DRAWS, SEARCH_STEPS = 4000, 24
POWER = 0.8
MOST_SEEN = 20.0


@dataclass(frozen=True)
class Misses:
    """What the test is given, on the scales of `calibration.measured.on_scale`.

    Attributes
    ----------
    rows
        Names of statistics.
    miss
        float[rows]: observed less simulated.
    held, fitted
        float[rows, splits]: half the distance of two halves of the held-out part, and of the part fitted to.
    spread
        float[rows]: standard deviation over the replications, used where the halves do not differ at all.
    drift
        float[rows]: standard error of what a trend that is carried on adds to each row.
    level
        float[rows]: observed value.
    moves
        bool[rows]: whether the row is a time that would move with all times (a quantile that few cases are watched
        long enough to reach would not).
    """

    rows: tuple[str, ...]
    miss: Floats
    held: Floats
    fitted: Floats
    spread: Floats
    drift: Floats
    level: Floats
    moves: NDArray[np.bool_]


@dataclass(frozen=True)
class Joint:
    """Outcome of the joint test.

    Attributes
    ----------
    rows, z
        Statistics that took part, and each miss in standard errors of the difference.
    statistic, critical
        The larger of the two mean squares, and the value that `level` of draws without a change exceed.
    p_value
        Share of draws without a change that miss at least as much.
    level
        Below this p value the log and the simulation differ.
    rate_seen, times_seen
        Smallest factor on all arrivals, and on all times, that this log's test finds four times in five; infinite
        when it finds none.
    """

    rows: tuple[str, ...]
    z: tuple[float, ...]
    statistic: float
    critical: float
    p_value: float
    rate_seen: float
    times_seen: float
    level: float = LEVEL

    @property
    def differs(self) -> bool:
        """Whether the misses are more than chance."""
        return self.p_value < self.level

    @property
    def largest(self) -> list[tuple[str, float]]:
        """Return the rows by size of their miss, the largest first."""
        return sorted(zip(self.rows, self.z, strict=True), key=lambda row: -abs(row[1]))


def joint_test(given: Misses, seed: int = 7) -> Joint | None:
    """Test all rows at once.

    Parameters
    ----------
    given
        The misses and their noise.
    seed
        Of the pairing of half-splits.

    Returns
    -------
    Joint or None
        None when no row can be judged.
    """
    rng = np.random.default_rng([seed, 31])
    null = _null(given, rng)
    error = null.std(axis=1)
    blank = (error <= 1e-12) & (np.abs(given.miss) <= 1e-9)
    used = np.flatnonzero(~blank)
    if not len(used):
        return None
    error = np.maximum(error[used], 1e-12)
    blocks = _blocks([given.rows[i] for i in used])
    null_z = null[used] / error[:, None]
    scale = [float(_square(null_z, block).std()) or 1.0 for block in blocks]

    def statistic(z: Floats) -> Floats:
        parts = [_square(z, block) / size for block, size in zip(blocks, scale, strict=True)]
        return np.asarray(np.max(parts, axis=0))

    of_null = statistic(null_z)
    z = given.miss[used] / error
    found = float(statistic(z[:, None])[0])
    critical = float(np.quantile(of_null, 1 - LEVEL))
    p_value = float((1 + (of_null >= found).sum()) / (1 + len(of_null)))

    def caught(shift: Floats) -> float:
        return float((statistic(null_z + shift[used, None] / error[:, None]) > critical).mean())

    names = [STATISTICS[row] for row in given.rows]
    counts = np.array([what.unit == "cases" for what in names]) * given.level
    times = given.moves.astype(float)
    rate = _least(lambda factor: caught(counts * (factor - 1)))
    return Joint(
        tuple(given.rows[i] for i in used), tuple(z.tolist()), found, critical, p_value, rate,
        _least(lambda factor: caught(times * math.log(factor))),
    )  # fmt: skip


def _null(given: Misses, rng: np.random.Generator) -> Floats:
    """Return differences of held-out log and fit without a change: float[rows, draws]."""
    first = given.held[:, rng.integers(0, given.held.shape[1], DRAWS)]
    second = given.fitted[:, rng.integers(0, given.fitted.shape[1], DRAWS)]
    still = first.std(axis=1) <= 1e-12  # all halves alike: chance is then what the replications say
    first = np.where(still[:, None], given.spread[:, None] * rng.standard_normal(first.shape), first)
    sign = rng.choice([-1.0, 1.0], DRAWS)
    return np.asarray(first + sign * second + given.drift[:, None] * rng.standard_normal(DRAWS))


def _blocks(rows: list[str]) -> list[NDArray[np.int64]]:
    """Return the positions of the rows on arrivals, and of the others; no block is empty."""
    about = np.array([STATISTICS[row].about == "arrivals" for row in rows])
    return [block for block in (np.flatnonzero(about), np.flatnonzero(~about)) if len(block)]


def _square(z: Floats, block: NDArray[np.int64]) -> Floats:
    return np.asarray((z[block] ** 2).mean(axis=0))


def _least(caught: Callable[[float], float]) -> float:
    """Return the smallest factor that is found four times in five, to one percent."""
    low, high = 0.0, math.log(MOST_SEEN)
    if caught(MOST_SEEN) < POWER:
        return math.inf
    for _ in range(SEARCH_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if caught(math.exp(middle)) >= POWER else (middle, high)
    return math.exp(high)
