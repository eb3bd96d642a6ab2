"""What a model answered at the rows of a design, checked before anything is estimated from it.

It refuses what would give a number that means nothing: rows that share random numbers, values that are missing or no
numbers, a single replicate where the noise must be known. It estimates nothing but the noise within rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.sensitivity.designs import Design
from sim.errors import InputError

Floats = NDArray[np.float64]
OnFailed = Literal["refuse", "drop"]
ON_FAILED = ("refuse", "drop")
NAMED = 8
ROUNDING = 1e-9  # of the size of the answers: what lies closer together is one number


@dataclass(frozen=True)
class Evaluations:
    """Complete answers of a design.

    Attributes
    ----------
    design
        Where the model was asked.
    kept
        bool[blocks]: blocks that are used.
    values
        float[blocks used, rows of a block, replicates]; finite.
    dropped
        Number of blocks left out because a run failed or gave no number.
    constant
        Whether all answers are the same, up to rounding.
    """

    design: Design
    kept: NDArray[np.bool_]
    values: Floats
    dropped: int = 0
    constant: bool = False

    @property
    def means(self) -> Floats:
        """Means over replicates: float[blocks used, rows of a block]."""
        return self.values.mean(axis=2)

    @property
    def within(self) -> Floats:
        """Variance within rows, pooled over each block: float[blocks used].

        Raises
        ------
        InputError
            With one replicate: chance and parameters could not be told apart.
        """
        if self.values.shape[2] < 2:
            raise InputError(
                "one run per row cannot tell chance from parameters", field="--replicates", found=1, allowed="2 or more"
            )
        found = self.values.var(axis=2, ddof=1)
        return np.asarray(np.where(np.ptp(self.values, axis=2) == 0, 0.0, found).mean(axis=1))  # not of rounding

    @property
    def unit(self) -> Floats:
        """The points of the blocks used: float[blocks used, rows of a block, factors]."""
        return self.design.unit.reshape(self.design.blocks, self.design.block_rows, -1)[self.kept]


def evaluations(
    design: Design,
    values: ArrayLike,
    numbers: ArrayLike | None = None,
    *,
    measure: str = "value",
    on_failed: OnFailed = "refuse",
    size: float | None = None,
) -> Evaluations:
    """Check the answers of a model and return them.

    Parameters
    ----------
    design
        Where the model was asked.
    values
        float[rows, replicates] in the order of the design; NaN where a run failed or has no value.
    numbers
        int[rows, replicates]: the replication number of each run (default: the design's own).
    measure
        What was measured, for messages.
    on_failed
        ``refuse`` any gap, or ``drop`` each block that has one.
    size
        What rounding is measured by, for answers that are differences of larger numbers (default: the largest answer).

    Raises
    ------
    InputError
        Another shape than the design's, replication numbers shared between rows, or gaps: with ``refuse`` always,
        with ``drop`` when fewer than half of the blocks are left.
    """
    found = np.asarray(values, dtype=float)
    if found.shape != (design.rows, design.replicates):
        raise InputError(
            "the values do not fit the design", field=measure, found=found.shape,
            allowed=f"{design.rows} rows with {design.replicates} replicates",
        )  # fmt: skip
    _own_numbers(design, design.numbers if numbers is None else np.asarray(numbers))
    gap = ~np.isfinite(found).all(axis=1)
    broken = gap.reshape(design.blocks, design.block_rows).any(axis=1)
    if broken.any() and on_failed == "refuse":
        raise _gaps(design, gap, broken, measure)
    if 2 * broken.sum() > design.blocks:
        raise InputError(
            "too few complete blocks are left", field=measure, found=int((~broken).sum()),
            allowed=f"at least half of the {design.blocks}",
        )  # fmt: skip
    blocks = found.reshape(design.blocks, design.block_rows, design.replicates)[~broken]
    rounding = ROUNDING * (float(np.abs(blocks).max()) if size is None else size)
    constant = bool(np.ptp(blocks) <= rounding)
    even = np.where(np.ptp(blocks, axis=2, keepdims=True) <= rounding, blocks[:, :, :1], blocks)
    if constant:
        even = np.full_like(blocks, 0.0 if abs(blocks.flat[0]) <= rounding else blocks.flat[0])
    return Evaluations(design, ~broken, even, int(broken.sum()), constant)


def only[D: Design](kind: type[D], given: Evaluations) -> D:
    """Return the design of evaluations when it is of the kind that an estimator belongs to.

    Raises
    ------
    InputError
        It is of another kind: the answers of one design mean nothing to the estimator of another.
    """
    if not isinstance(given.design, kind):
        raise InputError(
            "these estimators belong to another design", field="--method", found=given.design.method,
            allowed=kind.method,
        )  # fmt: skip
    return given.design


def _own_numbers(design: Design, numbers: NDArray[np.int_]) -> None:
    """Refuse common random numbers between rows: shared noise would look like an effect of what rows share."""
    if numbers.shape != (design.rows, design.replicates):
        raise InputError(
            "the replication numbers do not fit the design", found=numbers.shape,
            allowed=f"{design.rows} rows with {design.replicates} replicates",
        )  # fmt: skip
    different, counts = np.unique(numbers, return_counts=True)
    if len(different) < numbers.size:
        shared = int(different[np.argmax(counts > 1)])
        raise InputError(
            "rows share random numbers, and the noise they share would be taken for an effect",
            field="replication", found=shared, allowed="each row and replicate its own replication number",
        )  # fmt: skip


def _gaps(design: Design, gap: NDArray[np.bool_], broken: NDArray[np.bool_], measure: str) -> InputError:
    rows = np.flatnonzero(gap)
    named = ", ".join(map(str, rows[:NAMED])) + (" ..." if len(rows) > NAMED else "")
    return InputError(
        f"no index from incomplete rows: {len(rows)} of {design.rows} have no value (rows {named})", field=measure,
        allowed=f"a value in every row; or --on-failed drop, which leaves out {int(broken.sum())} of {design.blocks}"
        " blocks whole; or another --measure",
    )  # fmt: skip
