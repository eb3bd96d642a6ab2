"""What the numbers of a study mean for a factor, as keys that texts put into words.

Thresholds stand here once, so that table, sentences and report never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from calibration.sensitivity.designs import DUMMY_NAME
from calibration.sensitivity.estimates import Estimate
from calibration.sensitivity.morris import MorrisEffects
from calibration.sensitivity.sobol import SobolIndices

Weight = Literal["decisive", "matters", "unclear", "inert", "noise", "none", "floor"]

DECISIVE = {"sobol": 0.25, "morris": 0.5}
"""Total index, or share of the largest mean size, from which a factor is called decisive."""
INERT = 0.1
"""Total index, or share of the largest mean size, below which the whole interval of an inert factor lies."""
LEAST = 0.01


@dataclass(frozen=True)
class Verdict:
    """What a factor's numbers mean.

    Attributes
    ----------
    weight
        ``decisive``, ``matters``, ``inert`` or ``unclear``; ``noise`` when nothing rises above chance; ``none`` when
        all runs gave the same; ``floor`` for the dummy.
    together
        True when most of its influence comes in combination with other factors, or bends.
    below_zero
        True when an index was estimated below 0, which no index is: it scatters around 0.
    """

    weight: Weight
    together: bool = False
    below_zero: bool = False


def strengths(analysis: SobolIndices | MorrisEffects) -> dict[str, Estimate]:
    """Return what factors are ranked by: total indices, or mean sizes of effects."""
    return analysis.total if isinstance(analysis, SobolIndices) else analysis.mu_star


def ranked(analysis: SobolIndices | MorrisEffects) -> list[str]:
    """Return all names, the dummy too, the most influential first; as declared when there is no signal."""
    found = strengths(analysis)
    return sorted(analysis.names, key=lambda name: -found[name].value) if found else list(analysis.names)


def verdicts(analysis: SobolIndices | MorrisEffects) -> dict[str, Verdict]:
    """Return a verdict for each factor and the dummy."""
    if analysis.constant:
        return {name: Verdict("none") for name in analysis.names}
    if not analysis.signal:
        lost: Weight = "noise" if analysis.noise_variance > 0 else "unclear"  # without chance nothing is lost in it
        return {name: Verdict("floor" if name == DUMMY_NAME else lost) for name in analysis.names}
    method = "sobol" if isinstance(analysis, SobolIndices) else "morris"
    found = strengths(analysis)
    whole = 1.0 if method == "sobol" else max(e.value for name, e in found.items() if name != DUMMY_NAME)
    floor = max(LEAST * whole, found[DUMMY_NAME].value)
    out = {}
    for name, strength in found.items():
        weight = "floor" if name == DUMMY_NAME else _weight(strength, floor, whole, DECISIVE[method])
        below = strength.value < 0
        if isinstance(analysis, SobolIndices):
            below = below or analysis.first[name].value < 0
        out[name] = Verdict(weight, weight in ("decisive", "matters") and _together(analysis, name), below)
    return out


def _weight(strength: Estimate, floor: float, whole: float, decisive: float) -> Weight:
    if strength.low > floor:
        return "decisive" if strength.value >= decisive * whole else "matters"
    return "inert" if strength.high < INERT * whole else "unclear"


def _together(analysis: SobolIndices | MorrisEffects, name: str) -> bool:
    if isinstance(analysis, SobolIndices):
        first, total = analysis.first[name], analysis.total[name]
        return first.value < 0.5 * total.value and first.high < total.low
    return analysis.sigma[name] > analysis.mu_star[name].value
