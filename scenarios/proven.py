"""What resampling has shown of intervals: how far they must be stretched, and from how many replications they hold.

Student's interval of ten paired differences holds for a mean over thousands of cases and not for a mean that hangs on
the worst few. Which is which cannot be read from the sample at hand, because a sample without its rare harm looks calm.
It is read from stored pools of thousands of pairs (`scripts.evidence` makes them, ``intervals.json`` holds the result):
for the scenario of a pool measure by measure, for any other by the kind of measure, the worst of the kind counting.
Nothing here computes an interval; that is `scenarios.intervals`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

FILE = Path(__file__).with_name("intervals.json")
Form = Literal["t", "count"]

KINDS: dict[str, tuple[str, ...]] = {
    "case": (
        "true_resolution_days", "true_resolution_share", "told_resolution_share", "reported_resolution_share",
        "truth_gap_share", "reported_resolution_days", "on_time_share", "true_on_time_share", "responded_share",
        "satisfaction_share", "true_satisfaction_share", "incidents", "cases", "contacts_per_1000_day",
    ),
    "seldom": ("repeat_share", "lapsed_share", "abandoned_share"),
    "silence": ("untold_share",),
    "petition": ("petitions_per_1000",),
    "response": ("response_min",),
    "joint": ("joint_resolution_days", "joint_resolution_share", "report_in_share", "quorum_h"),
    "step": ("bounces_per_case", "referrals_per_case", "escalations_per_case", "whistles_per_case"),
    "effort": (
        "utilisation", "case_utilisation", "workload_gini", "overtime_h_per_staff", "cost_yuan_per_day",
        "cost_yuan_per_resolved", "events",
    ),
    "emergency": ("emergency_response_min", "emergency_response_p90_min", "coverage_share"),
    "loss": ("loss_yuan", "loss_emergency_yuan", "loss_other_yuan"),
    "count": (
        "emergency_late_count", "emergency_hour_count", "emergency_unattended_count", "emergency_long_count",
        "emergency_told_count",
    ),
}  # fmt: skip
"""Kind -> measures; the members of a kind divide by the same sort of thing, and so are as steady as one another."""
LINE = "case"  # measures of waiting lines are means and shares over all that came


def kind_of(metric: str) -> str:
    """Return the kind of a measure.

    Measures within a kind of trouble (``kind.<group>.<measure>``) are kinds of their own, since they hang on fewer
    incidents; of what is in no list the measures of waiting lines are left, taken for means over cases.
    """
    head, _, rest = metric.partition(".")
    if head == "kind":
        urgent = rest.startswith("emergency.")
        return f"{'urgent' if urgent else 'ordinary'} {'count' if metric.endswith('_count') else 'group'}"
    return next((kind for kind, names in KINDS.items() if metric in names), LINE)


def form_of(metric: str) -> Form:
    """Return how the interval of a measure is made."""
    return "count" if kind_of(metric).endswith("count") else "t"


@dataclass(frozen=True)
class Ladder:
    """How an interval behaved on sets drawn from a pool, by the number of replications in the set.

    Attributes
    ----------
    pairs
        Sizes of the sets, rising.
    stretch
        Factor on the half-width at which the interval holds (inf: no factor up to the largest tried).
    coverage
        Share of the stretched intervals that held the pool's mean.
    """

    pairs: tuple[int, ...]
    stretch: tuple[float, ...]
    coverage: tuple[float, ...]

    @property
    def enough(self) -> int | None:
        """The size from which on the interval holds; None beyond the largest tried."""
        found = None
        for n, factor in zip(reversed(self.pairs), reversed(self.stretch), strict=True):
            if math.isinf(factor):
                break
            found = n
        return found

    def holds(self, pairs: int) -> bool:
        """Tell whether an interval of so many pairs may be shown."""
        return self.enough is not None and pairs >= self.enough

    def at(self, pairs: int) -> tuple[float, float]:
        """Return (stretch, coverage) for so many pairs: those of the next smaller size that was tried."""
        below = [i for i, n in enumerate(self.pairs) if n <= pairs]
        index = below[-1] if below else 0
        return self.stretch[index], self.coverage[index]


@dataclass(frozen=True)
class Proof:
    """What is known of one measure's intervals.

    Attributes
    ----------
    form
        ``t`` or, for counts of rare events, ``count``.
    source
        The pool's scenario, or ``kind:`` and the kind.
    paired, arm, ratio
        Ladders of the paired difference's interval, of one arm's mean's, of the variance ratio's.
    span
        Largest difference that two values can have (1 for shares), or None when there is no bound.
    """

    form: Form
    source: str
    paired: Ladder
    arm: Ladder
    ratio: Ladder
    span: float | None = None


def proof_of(metric: str, content: str = "", unit: str = "") -> Proof | None:
    """Return what is known of a measure's intervals; None when no evidence is stored for its kind.

    Parameters
    ----------
    content
        Hash of a scenario's content; measures of a pool's own scenario are read one by one.
    unit
        The measure's unit.
    """
    form = form_of(metric)
    span = 1.0 if unit == "share" else None
    for name, pool in _pools().items():
        if pool["content"] == content and metric in pool["measures"]:
            paired, arm, ratio = (_ladder([pool["measures"][metric][part]]) for part in _PARTS)
            return Proof(form, name, paired, arm, ratio, span)
    kind = kind_of(metric)
    found = [one for pool in _pools().values() for m, one in pool["measures"].items() if kind_of(m) == kind]
    if not found:
        return None
    paired, arm, ratio = (_ladder([one[part] for one in found]) for part in _PARTS)
    return Proof(form, f"kind:{kind}", paired, arm, ratio, span)


_PARTS = ("paired", "arm", "ratio")


def ladder_of(steps: Sequence[Mapping[str, Any]]) -> Ladder:
    """Return the ladder that stored steps (pairs, stretch, coverage) make up."""
    return _ladder([steps])


def forget() -> None:
    """Forget the stored evidence, so that it is read anew."""
    _pools.cache_clear()


def _ladder(steps: Sequence[Sequence[Mapping[str, Any]]]) -> Ladder:
    """Return the ladder that holds for all of several: at each size the largest factor, the smallest coverage."""
    steps = [one for one in steps if one]
    sizes = sorted(set.intersection(*({int(s["pairs"]) for s in one} for one in steps))) if steps else []
    at = [{int(s["pairs"]): s for s in one} for one in steps]
    stretch = [max(math.inf if one[n]["stretch"] is None else float(one[n]["stretch"]) for one in at) for n in sizes]
    coverage = [min(float(one[n]["coverage"]) for one in at) for n in sizes]
    return Ladder(tuple(sizes), tuple(stretch), tuple(coverage))


@cache
def _pools() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8"))["pools"]) if FILE.exists() else {}
