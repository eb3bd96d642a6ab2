"""How many more replications an undecided comparison takes until a verdict is likely.

Not the number at which the half-width would equal the difference seen: a verdict would then come in half of cases, in
a third after adjustment. The number here is the one at which, given what has been seen, a verdict comes with 80 %:
the mean of all replications together is spread about the mean so far as Student's law predicts, no difference being
more likely beforehand than another.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special

POWER = 0.8
MOST_NEEDED = 1_000_000


def replications_needed(
    difference: float,
    sd: float,
    pairs: int,
    margin: float | None,
    *,
    alpha: float = 0.05,
    alpha_margin: float = 0.025,
    stretch: Callable[[int], float] = lambda pairs: 1.0,
) -> int | None:
    """Return how many more replications give a verdict with 80 % (at least 1).

    Parameters
    ----------
    difference, sd, pairs
        Mean and standard deviation of the paired differences so far, and their number (at least 2).
    margin
        Difference that does not matter, or None.
    alpha, alpha_margin
        Two-sided level at which the difference must be clear, one-sided level at which it must lie within the margin.
    stretch
        Pairs -> factor on the half-width.

    Returns
    -------
    int or None
        None when there is no spread to go by, or more than a million would be needed.
    """
    if pairs < 2 or not sd > 0:
        return None

    def chance(total: int) -> float:
        return chance_of_verdict(difference, sd, pairs, total, margin, alpha, alpha_margin, stretch(total))

    high = pairs + 1
    while chance(high) < POWER:
        high = pairs + 2 * (high - pairs)
        if high - pairs > MOST_NEEDED:
            return None
    low = pairs + (high - pairs) // 2
    while high - low > max(1, (low - pairs) // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if chance(middle) >= POWER else (middle, high)
    return high - pairs


def chance_of_verdict(
    difference: float, sd: float, pairs: int, total: int, margin: float | None, alpha: float, alpha_margin: float,
    stretch: float = 1.0,
) -> float:  # fmt: skip
    """Return the predicted chance of a verdict once `total` (> pairs) replications are there, 0 to 1."""
    spread = sd * math.sqrt(1 / pairs - 1 / total)
    half = stretch * float(special.stdtrit(total - 1, 1 - alpha / 2)) * sd / math.sqrt(total)

    def below(value: float) -> float:
        return float(special.stdtr(pairs - 1, (value - difference) / spread))

    clear = below(-half) + 1 - below(half)
    if margin is None:
        return clear
    inner = margin - stretch * float(special.stdtrit(total - 1, 1 - alpha_margin)) * sd / math.sqrt(total)
    if inner >= half:
        return 1.0  # whatever is not clear lies within the margin
    return min(clear + max(below(inner) - below(-inner), 0.0), 1.0)
