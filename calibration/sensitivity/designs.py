"""Where in the space of parameters a study looks: Sobol and Morris designs with a dummy factor.

A design is a list of rows, grouped in blocks that stand or fall together: a Sobol block is one base point (rows A,
B, and A with one column of B), a Morris block one trajectory. Each design is a type of its own, so that its
estimators (`calibration.sensitivity.sobol`, `calibration.sensitivity.morris`) refuse any other. More blocks or more
replicates extend a design: what was there before stays, and so do its runs. Nothing here knows models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import qmc

from scenarios.designed import STRIDE
from sim.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DUMMY_NAME = "dummy"
"""A factor that no model reads: what a study finds for it is the size of its own error."""

MOST_REPLICATES = STRIDE
LEVELS = 4
STEP = LEVELS / (2.0 * (LEVELS - 1.0))
CANDIDATES = 32


@dataclass(frozen=True)
class Design(ABC):
    """Points of a study.

    Parameters
    ----------
    names
        Names of the factors, at least one; a dummy factor is added as the last one.
    blocks
        Base points (Sobol) or trajectories (Morris).
    replicates
        Runs of each row, 1 to 64; estimators that correct for noise need 2.
    seed
        Names the points; 0 is a seed like any other.

    Raises
    ------
    InputError
        For numbers that cannot be.
    """

    names: tuple[str, ...]
    blocks: int
    replicates: int = 2
    seed: int = 0

    method: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not self.names:
            raise InputError("nothing is varied", field="--parameter", allowed="at least one parameter")
        if not 1 <= self.replicates <= MOST_REPLICATES:
            raise InputError(
                "impossible number", field="--replicates", found=self.replicates, allowed=f"1 to {MOST_REPLICATES}"
            )
        self._check_blocks()

    @property
    @abstractmethod
    def block_rows(self) -> int:
        """Rows of one block."""

    @cached_property
    @abstractmethod
    def unit(self) -> Floats:
        """The points: float[rows, factors] from 0 to 1, the dummy left out; the rows of a block lie together."""

    @abstractmethod
    def _check_blocks(self) -> None:
        """Raise InputError when the number of blocks cannot be."""

    @property
    def rows(self) -> int:
        """Number of rows, those that only the dummy needs included."""
        return self.blocks * self.block_rows

    @property
    def factors(self) -> int:
        """Number of factors without the dummy."""
        return len(self.names)

    def block_of(self, row: int) -> int:
        """Return the block of a row."""
        return row // self.block_rows

    @cached_property
    def numbers(self) -> Ints:
        """Replication numbers: int64[rows, replicates], no two alike.

        A number depends on row and replicate only, so that a longer design keeps the runs of a shorter one.
        """
        return np.arange(self.rows)[:, None] * MOST_REPLICATES + np.arange(self.replicates)


class SobolDesign(Design):
    """Base points A and B of a scrambled Sobol sequence, and A with each column of B in turn (radial design).

    Rows of a block: A, B, A with column 1 of B, ..., A with column k of B, A again for the dummy.

    References
    ----------
    Saltelli et al. (2010), Computer Physics Communications 181:259-270.
    """

    method = "sobol"

    @property
    def block_rows(self) -> int:
        """A, B, one row per factor, one for the dummy."""
        return self.factors + 3

    @cached_property
    def unit(self) -> Floats:
        """See `Design.unit`."""
        k = self.factors
        points = qmc.Sobol(2 * k, rng=np.random.default_rng([self.seed, k])).random(self.blocks)
        a, b = points[:, :k], points[:, k:]
        out = np.repeat(a[:, None, :], self.block_rows, axis=1)
        out[:, 1, :] = b
        for i in range(k):
            out[:, 2 + i, i] = b[:, i]
        return out.reshape(-1, k)

    def _check_blocks(self) -> None:
        if self.blocks < 8 or self.blocks & (self.blocks - 1) or self.blocks > 2**20:
            raise InputError(
                "impossible number of base points", field="--rows", found=self.blocks,
                allowed="a power of two from 8 to 1,048,576, such as 64, 128 or 256",
            )  # fmt: skip


class MorrisDesign(Design):
    """Trajectories on a grid of 4 levels: from row to row one factor moves by two thirds of its range.

    Each new trajectory is the one of 32 random ones that lies farthest from those already chosen, the distance of
    Campolongo et al. taken one trajectory at a time, so that more trajectories extend a design.

    References
    ----------
    Morris (1991), Technometrics 33:161-174; Campolongo, Cariboni and Saltelli (2007), Environmental Modelling and
    Software 22:1509-1518.
    """

    method = "morris"

    @property
    def block_rows(self) -> int:
        """A start, one step per factor, one for the dummy."""
        return self.factors + 2

    @property
    def unit(self) -> Floats:
        """See `Design.unit`."""
        return self._drawn[0]

    @property
    def order(self) -> Ints:
        """Which factor moves on each step: int64[blocks, factors + 1]; the dummy is the number of factors."""
        return self._drawn[1]

    @property
    def direction(self) -> Floats:
        """Sign of each step: float[blocks, factors + 1], by step; 1 for the dummy."""
        return self._drawn[2]

    @cached_property
    def _drawn(self) -> tuple[Floats, Ints, Floats]:
        chosen: list[tuple[Floats, Ints, Floats]] = []
        for block in range(self.blocks):
            rng = np.random.default_rng([self.seed, self.factors, block])
            candidates = [_trajectory(rng, self.factors) for _ in range(CANDIDATES if chosen else 1)]
            far = [sum(_distance(new[0], old[0]) for old in chosen) for new in candidates]
            chosen.append(candidates[int(np.argmax(far))])
        points, orders, signs = zip(*chosen, strict=True)
        return np.concatenate(points), np.stack(orders), np.stack(signs)

    def _check_blocks(self) -> None:
        if not 4 <= self.blocks <= 10_000:
            raise InputError(
                "impossible number of trajectories", field="--rows", found=self.blocks, allowed="4 to 10,000"
            )


def _trajectory(rng: np.random.Generator, factors: int) -> tuple[Floats, Ints, Floats]:
    """Return points float[factors + 2, factors], which factor moves on each step, and in which direction."""
    low = rng.integers(0, LEVELS // 2, factors) / (LEVELS - 1.0)
    up = rng.random(factors) < 0.5
    order = rng.permutation(factors + 1)
    points = np.repeat(np.where(up, low, low + STEP)[None, :], factors + 2, axis=0)
    signs = np.ones(factors + 1)
    for step, factor in enumerate(order):
        if factor < factors:
            signs[step] = 1.0 if up[factor] else -1.0
            points[step + 1 :, factor] += signs[step] * STEP
    return np.clip(points, 0.0, 1.0), order, signs


def _distance(one: Floats, other: Floats) -> float:
    return float(np.sum(cdist(one, other)))


DESIGNS: dict[str, type[Design]] = {"morris": MorrisDesign, "sobol": SobolDesign}
DEFAULT_ROWS = {"morris": 20, "sobol": 256}


def design(method: str, names: tuple[str, ...], rows: int | None, replicates: int, seed: int) -> Design:
    """Return a design by the name of its method.

    Parameters
    ----------
    method
        ``morris`` or ``sobol``.
    rows
        Trajectories or base points; None for 20 trajectories, 256 base points.

    Raises
    ------
    InputError
        An unknown method, or numbers that cannot be.
    """
    if method not in DESIGNS:
        raise InputError("unknown method", field="--method", found=method, allowed=list(DESIGNS))
    return DESIGNS[method](names, DEFAULT_ROWS[method] if rows is None else rows, replicates, seed)
