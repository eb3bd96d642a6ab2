"""What no change may make worse unsaid: the measures that every comparison watches, chosen by its scenario or not.

A policy is proposed for what it improves, and its author chooses the measures. Harm shows elsewhere: in emergencies, in
loss, in overtime, in what is never told. So the safeguards are compared whenever the runs hold them, adjusted among
themselves (Holm, 5 %), and what got worse is said wherever the comparison is shown. A safeguard that is not listed as
worse is not thereby safe: it may be too rare to judge with so few replications.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenarios.compare import Comparison, Paired

SAFEGUARDS: tuple[str, ...] = (
    "emergency_response_min",
    "emergency_response_p90_min",
    "coverage_share",
    "emergency_late_count",
    "emergency_hour_count",
    "emergency_unattended_count",
    "loss_emergency_yuan",
    "loss_other_yuan",
    "untold_share",
    "petitions_per_1000",
    "overtime_h_per_staff",
    "cost_yuan_per_day",
)
"""Emergency response, its tail and coverage; loss by kind; what is never told or ends in a petition; work and money."""


def worse_of(comparisons: Sequence[Comparison]) -> list[Paired]:
    """Return the rows whose verdict is worse."""
    return [row for one in comparisons for row in one.rows if row.verdict == "worse"]
