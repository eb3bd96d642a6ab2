"""Stopping by precision: how many replications until paired differences are narrow enough, and whether they are.

It looks at widths, never at whether an interval excludes zero. What counts is pairs: replications in which both arms
have a value. A first stage is never so small that its spread says nothing, and no spread at all is no precision: a
difference that was zero ten times may be anything the eleventh time.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from scipy import special

from scenarios.compare import Comparison, Paired
from scenarios.proven import Proof
from scenarios.schema import Precision

FIRST_STAGE = 20
ROOM = 1.05  # replications asked for above what the spread so far says, since a spread seen is uncertain


@dataclass(frozen=True)
class Reached:
    """Whether an experiment reached the precision asked for.

    Attributes
    ----------
    metric, arm
        The measure, and the arm whose interval is widest against its target.
    target, half_width
        Half-width asked for and come to, in the measure's unit (NaN where no interval holds).
    pairs, replications
        Replications with a value in both arms, and replications done of each arm.
    reached
        Whether every arm's half-width is at most its target.
    """

    metric: str
    arm: str
    target: float
    half_width: float
    pairs: int
    replications: int
    reached: bool

    def told(self) -> dict[str, Any]:
        """Return all as data."""
        return asdict(self)


def first_stage(asked: int, until: Precision, proof: Proof | None) -> int:
    """Return the replications to begin with: as asked, but enough for an interval to hold, at most `max_reps`."""
    least = FIRST_STAGE if proof is None else max(FIRST_STAGE, proof.paired.enough or 0)
    return min(max(asked, least), until.max_reps)


def is_narrow(row: Paired, until: Precision) -> bool:
    """Tell whether an arm's interval is narrow enough; alike arms are, differences that never varied are not."""
    if row.verdict == "no_effect":
        return True
    half = half_width(row)
    return row.pairs >= 2 and row.sd_difference > 0 and half <= target_of(row, until)


def half_width(row: Paired) -> float:
    """Return half the width of an interval (NaN where none holds)."""
    return (row.high - row.low) / 2


def target_of(row: Paired, until: Precision) -> float:
    """Return the half-width asked for, in the measure's unit."""
    return until.rel_half_width * abs(row.mean_baseline)


def replications_wanted(found: Comparison, until: Precision, replications: int) -> int:
    """Return the replications at which all arms are expected to be narrow enough; the given number when they are."""
    return max((_wanted(row, found.proof, until, replications) for row in found.rows), default=replications)


def _wanted(row: Paired, proof: Proof | None, until: Precision, replications: int) -> int:
    if is_narrow(row, until):
        return replications
    target = target_of(row, until)
    if row.pairs < 2 or not row.sd_difference > 0 or not target > 0:
        return 2 * replications  # nothing to go by yet
    stretch = proof.paired.at(row.pairs)[0] if proof is not None else 1.0
    if not math.isfinite(stretch):
        return 2 * replications
    t = float(special.stdtrit(row.pairs - 1, 0.975))
    pairs = (stretch * t * row.sd_difference / target) ** 2 * ROOM
    return max(replications + 1, math.ceil(max(pairs, row.pairs + 1) * replications / row.pairs))


def reached(found: Comparison, until: Precision, replications: int) -> Reached | None:
    """Return whether the precision was reached, told by the arm widest against its target; None without arms."""
    if not found.rows:
        return None

    def excess(row: Paired) -> float:
        target, half = target_of(row, until), half_width(row)
        return math.inf if math.isnan(half) or not target > 0 else half / target

    row = max(found.rows, key=excess)
    return Reached(
        found.metric, row.arm, target_of(row, until), half_width(row), row.pairs, replications,
        all(is_narrow(one, until) for one in found.rows),
    )  # fmt: skip
