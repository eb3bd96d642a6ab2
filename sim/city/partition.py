"""Dividing points into compact parts of given shares of their weight.

Recursive bisection across the longer side: every part is the points of one rectangle, hence contiguous in space.
It is not a districting optimiser: borders follow straight cuts, not streets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError


def partition(
    x: ArrayLike, y: ArrayLike, weight: ArrayLike, shares: ArrayLike, needs: ArrayLike | None = None
) -> NDArray[np.int32]:
    """Divide points into parts whose weights follow given shares.

    Parameters
    ----------
    x, y
        float[n], metres.
    weight
        float[n], 0 or more.
    shares
        float[k], positive; part j gets about shares[j] / sum(shares) of the weight.
    needs
        int[k], the least number of points that part j must get; 1 when None.

    Returns
    -------
    numpy.ndarray
        int32[n], the part of each point. Parts next to one another in number are near one another in space.

    Raises
    ------
    InputError
        When there are fewer points than the parts need.
    """
    px, py, mass = (np.asarray(column, np.float64) for column in (x, y, weight))
    share = np.asarray(shares, np.float64)
    need = np.ones(len(share), np.int64) if needs is None else np.asarray(needs, np.int64)
    if need.sum() > len(px):
        raise InputError(
            "the network has fewer nodes than areas to be laid over it", field="areas", found=f"{len(px)} nodes",
            allowed=f"at least {int(need.sum())} nodes",
        )  # fmt: skip
    cumulated = np.concatenate([[0.0], np.cumsum(share)])
    needed = np.concatenate([[0], np.cumsum(need)])
    label = np.zeros(len(px), np.int32)
    stack = [(np.arange(len(px)), 0, len(share))]
    while stack:
        points, first, last = stack.pop()
        if last - first == 1:
            label[points] = first
            continue
        middle = _middle(cumulated, first, last)
        ordered = points[_order(px[points], py[points])]
        want = (cumulated[middle] - cumulated[first]) / (cumulated[last] - cumulated[first])
        cut = _cut(mass[ordered], want)
        # Each side must keep as many points as its parts need, whatever the weights say.
        cut = min(max(cut, needed[middle] - needed[first]), len(points) - (needed[last] - needed[middle]))
        stack.append((ordered[cut:], middle, last))
        stack.append((ordered[:cut], first, middle))
    return label


def _middle(cumulated: NDArray, first: int, last: int) -> int:
    half = (cumulated[first] + cumulated[last]) / 2
    at = int(np.searchsorted(cumulated, half, side="left"))
    if at > first + 1 and half - cumulated[at - 1] < cumulated[min(at, last)] - half:
        at -= 1
    return min(max(at, first + 1), last - 1)


def _order(x: NDArray, y: NDArray) -> NDArray[np.intp]:
    wide = np.ptp(x) >= np.ptp(y) if len(x) else True
    return np.lexsort((y, x)) if wide else np.lexsort((x, y))


def _cut(mass: NDArray, want: float) -> int:
    total = np.cumsum(mass)
    if not len(total) or total[-1] <= 0:
        return round(want * len(mass))
    target = want * total[-1]
    at = int(np.searchsorted(total, target))
    before = total[at - 1] if at else 0.0
    return at if target - before <= total[min(at, len(total) - 1)] - target else at + 1
