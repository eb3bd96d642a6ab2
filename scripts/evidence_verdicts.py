"""What verdicts do on sets drawn from a pool: needed numbers, false equivalence, family-wise error, stopping.

Each set is judged as a comparison of its own is, by the shown measures and the scenario's margins, the pool's mean
being the truth. It registers nothing; `scripts.evidence_intervals` stores what is found here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios import proven
from scenarios.compare import Comparison, adjusted, compare
from scenarios.precision import first_stage, half_width, is_narrow, replications_wanted
from scenarios.schema import Plan, Precision
from scenarios.study import better_of, unit_of

Pool = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
SIZES = (10, 30, 100)
SETS, SETS_OF_NEEDED, STOPPED = 1000, 150, 200
MOST_DRAWN = 20_000


def judged(pool: Pool, metrics: list[str], rows: NDArray[np.int64], content: str, margins: dict[str, float],
           centred: bool = False) -> list[Comparison]:  # fmt: skip
    """Return the adjusted comparisons of one set; ``centred`` moves every true difference to its margin, or to zero."""
    made = []
    for metric in metrics:
        a, b = pool[metric]
        shift = (margins.get(metric, 0.0) - float((b - a).mean())) if centred else 0.0
        proof = proven.proof_of(metric, content, unit_of(metric))
        values = {"a": a[rows], "b": b[rows] + shift}
        made.append(compare(values, metric, "a", better=better_of(metric), margin=margins.get(metric), proof=proof))
    return adjusted(made, {metric: better_of(metric) for metric in metrics})


def verdicts_of(pool: Pool, content: str, plan: Plan, seed: int) -> dict[str, Any]:
    """Return what verdicts do on sets drawn from a pool, by size."""
    metrics = [m for m in plan.measures if m in pool and len(pool[m][0]) == max(len(a) for a, _ in pool.values())]
    margins, rng = dict(plan.equivalence), np.random.default_rng(seed)
    return {
        "false_equivalence": {str(n): _false(pool, metrics, content, margins, n, rng) for n in SIZES},
        "family_wise_error": {str(n): _false(pool, metrics, content, {}, n, rng) for n in SIZES},
        "needed_reaches": {str(n): _needed(pool, metrics, content, margins, n, rng) for n in (6, 10, 30)},
        "stopping": {m: _stopping(pool, m, content, rng) for m in ("joint_resolution_days", "loss_yuan") if m in pool},
    }


def _false(pool: Pool, metrics: list[str], content: str, margins: dict[str, float], n: int,
           rng: np.random.Generator) -> float:  # fmt: skip
    """Return the share of sets in which some measure is called equivalent at its margin, or different at zero."""
    watched = [m for m in metrics if m in margins] if margins else metrics
    size, wrong = len(pool[watched[0]][0]), 0
    for _ in range(SETS):
        found = judged(pool, watched, rng.integers(0, size, n), content, margins, centred=True)
        said = {row.verdict for one in found for row in one.rows}
        wrong += bool(said & ({"equivalent"} if margins else {"better", "worse", "higher", "lower"}))
    return wrong / SETS


def _needed(pool: Pool, metrics: list[str], content: str, margins: dict[str, float], n: int,
            rng: np.random.Generator) -> dict[str, float]:  # fmt: skip
    """Return how often an undecided measure has a verdict once as many as said were added to the same set."""
    size, asked, reached, far = len(pool[metrics[0]][0]), 0, 0, 0
    for _ in range(SETS_OF_NEEDED):
        rows = rng.integers(0, size, n)
        for one in judged(pool, metrics, rows, content, margins):
            row = one.rows[0]
            if row.verdict != "undecided":
                continue
            if not row.needed or row.needed > MOST_DRAWN:
                far += 1
                continue
            more = np.concatenate([rows, rng.integers(0, size, row.needed)])
            asked += 1
            again = judged(pool, metrics, more, content, margins)
            reached += next(c for c in again if c.metric == one.metric).rows[0].verdict != "undecided"
    return {"asked": asked, "reached": reached / asked if asked else float("nan"), "beyond": far}


def _stopping(pool: Pool, metric: str, content: str, rng: np.random.Generator) -> dict[str, float]:
    """Return how often the interval at which stopping by precision stopped held the truth, and what it took."""
    a, b = pool[metric]
    truth, proof = float((b - a).mean()), proven.proof_of(metric, content, unit_of(metric))
    half = 0.25 * float((b - a).std()) / max(abs(float(a.mean())), 1e-9)
    until = Precision(metric=metric, rel_half_width=float(np.clip(half, 1e-6, 0.9)), max_reps=2000)
    held, narrow, pairs = 0, 0, 0
    for _ in range(STOPPED):
        rows = rng.integers(0, len(a), until.max_reps)
        n = first_stage(10, until, proof)
        while True:
            found = compare({"a": a[rows[:n]], "b": b[rows[:n]]}, metric, "a", proof=proof)
            wanted = min(until.max_reps, max(replications_wanted(found, until, n), n), 2 * n)
            if wanted <= n:
                break
            n = wanted
        row = found.rows[0]
        held += row.low <= truth <= row.high if half_width(row) > 0 else 0
        narrow, pairs = narrow + is_narrow(row, until), pairs + n
    return {"covered": held / STOPPED, "reached": narrow / STOPPED, "mean_pairs": pairs / STOPPED}
