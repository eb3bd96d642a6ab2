"""Proofs about intervals: how far they must be stretched to hold, and what verdicts, needed numbers and stopping do.

Two pools of pairs are drawn once: a small district (6,000 pairs) and the shipped comparison (4,000). Sets of
n pairs are drawn from a pool with replacement; its mean is the truth. For each measure and n the smallest factor on the
half-width is sought at which both sides miss at most 3 %. `scenarios.proven` reads the result
(``scenarios/intervals.json``); ``tests/evidence/intervals-*.json`` tell coverage and misses on sets drawn afresh.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios import proven
from scenarios.intervals import arm_count_limits, count_limits, ratio_limits, t_limits
from scenarios.merge import content_hash
from scenarios.store import write_atomically
from scripts.evidence import ROOT, Found, proof, rounded
from scripts.evidence_verdicts import verdicts_of

SMALL = "tests/cases/small-pair/scenario.yaml"
DISTRICT = "whistle-vs-referral"
POOLS = {SMALL: 6000, DISTRICT: 4000}
SIZES = (2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)
TOLD = (10, 30, 100)
STRETCHES = tuple(round(1 + 0.05 * k, 2) for k in range(21))  # beyond twice as wide an interval says too little
MOST_MISSES = 0.030  # on either side, while choosing; 0.035 is the promise
SETS, SETS_WHEN_LARGE, LARGE = 20_000, 2_000, 150
FEWEST_VALUES = 1000
BLOCK = 2_000_000
SEED_CHOSEN, SEED_TOLD, SEED_VERDICTS = 20261128, 20261129, 20261130
SEEDS = (SEED_CHOSEN, SEED_TOLD, SEED_VERDICTS)
ESTIMATORS = ("scenarios.intervals", "scenarios.compare", "scenarios.power", "scenarios.precision")
Floats = NDArray[np.float64]
Pool = dict[str, tuple[Floats, Floats]]


def pool_of(study: Any, fewest: int = FEWEST_VALUES) -> Pool:
    """Return measure -> (baseline, arm), float[n] each over the replications in which both have a value."""
    found: Pool = {}
    for metric in study.measures:
        a, b = list(study.values(metric).values())[:2]
        both = ~(np.isnan(a) | np.isnan(b))
        if both.sum() >= fewest:
            found[metric] = (a[both], b[both])
    return found


def misses(found: tuple[Floats, Floats], truth: float) -> tuple[float, float]:
    """Return the share of intervals that lie above the truth, and below it; one without bounds misses."""
    low, high = found
    above = ~(low <= truth + abs(truth) * 1e-12)
    return float(above.mean()), float((~above & ~(high >= truth - abs(truth) * 1e-12)).mean())


class _Stretchable:
    """Intervals of many sets whose half-widths can be stretched without computing them anew."""

    def __init__(self, centre: Floats, low: Floats, high: Floats) -> None:
        self.centre, self.below, self.above = centre, centre - low, high - centre

    def at(self, stretch: float) -> tuple[Floats, Floats]:
        return self.centre - stretch * self.below, self.centre + stretch * self.above


def intervals_of(part: str, form: str, a: Floats, b: Floats, rows: NDArray[np.int64]) -> _Stretchable | None:
    """Return the unstretched intervals of sets (rows of a pool); None where the part has none at this size."""
    if part == "paired":
        sets = b[rows] - a[rows]
        return _Stretchable(sets.mean(axis=1), *(count_limits(sets) if form == "count" else t_limits(sets)))
    if part == "arm":
        sets = b[rows]
        return _Stretchable(sets.mean(axis=1), *(arm_count_limits(sets) if form == "count" else t_limits(sets)))
    if rows.shape[1] < 3:
        return None
    point, low, high = ratio_limits(a[rows], b[rows])
    with np.errstate(divide="ignore", invalid="ignore"):
        return _Stretchable(np.log(point), np.log(low), np.log(high))


def truth_of(part: str, a: Floats, b: Floats) -> float:
    """Return the pool's own value."""
    if part == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.log((a.var() + b.var()) / (b - a).var()))
    return float(b.mean() if part == "arm" else (b - a).mean())


def drawn(rng: np.random.Generator, size: int, pairs: int, sets: int) -> Any:
    """Yield row numbers of sets, int[k, pairs], in blocks that fit the memory."""
    block = max(1, BLOCK // pairs)
    for start in range(0, sets, block):
        yield rng.integers(0, size, size=(min(block, sets - start), pairs))


def ladder(part: str, form: str, a: Floats, b: Floats, sizes: tuple[int, ...], seed: int) -> list[dict[str, Any]]:
    """Return the stretch and the coverage at each size, the stretch chosen on sets of a seed."""
    truth, steps = truth_of(part, a, b), []
    for pairs in sizes:
        rng = np.random.default_rng([seed, pairs])
        sets = SETS if pairs < LARGE else SETS_WHEN_LARGE
        found = [intervals_of(part, form, a, b, rows) for rows in drawn(rng, len(a), pairs, sets)]
        blocks = [one for one in found if one is not None]
        if not blocks or not math.isfinite(truth):
            steps.append({"pairs": pairs, "stretch": None, "coverage": 0.0})
            continue
        steps.append({"pairs": pairs, **chosen(blocks, truth)})
    return steps


def chosen(blocks: list[_Stretchable], truth: float) -> dict[str, Any]:
    """Return the smallest stretch at which both sides miss little, None when there is none, and the coverage there."""
    sizes = [len(one.centre) for one in blocks]
    low, high, best = 0, len(STRETCHES) - 1, None

    def missed(index: int) -> tuple[float, float]:
        each = [misses(one.at(STRETCHES[index]), truth) for one in blocks]
        return tuple(float(np.average([m[side] for m in each], weights=sizes)) for side in (0, 1))  # type: ignore

    while low <= high:  # misses fall with the stretch
        middle = (low + high) // 2
        sides = missed(middle)
        if max(sides) <= MOST_MISSES:
            best, high = (STRETCHES[middle], sides), middle - 1
        else:
            low = middle + 1
    if best is None:
        return {"stretch": None, "coverage": round(1 - sum(missed(len(STRETCHES) - 1)), 4)}
    return {"stretch": best[0], "coverage": round(1 - sum(best[1]), 4)}


def pool_ladders(pool: Pool) -> dict[str, Any]:
    """Return measure -> part -> ladder."""
    found = {}
    for metric, (a, b) in pool.items():
        form = proven.form_of(metric)
        found[metric] = {
            "paired": ladder("paired", form, a, b, SIZES, SEED_CHOSEN),
            "arm": worst(ladder("arm", form, b, a, SIZES, SEED_CHOSEN), ladder("arm", form, a, b, SIZES, SEED_CHOSEN)),
            "ratio": ladder("ratio", form, a, b, SIZES, SEED_CHOSEN),
        }
    return found


def worst(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the ladder that holds for both of two."""
    out = []
    for a, b in zip(one, other, strict=True):
        stretch = None if a["stretch"] is None or b["stretch"] is None else max(a["stretch"], b["stretch"])
        out.append({"pairs": a["pairs"], "stretch": stretch, "coverage": min(a["coverage"], b["coverage"])})
    return out


def told(pool: Pool, ladders: dict[str, Any], seed: int = SEED_TOLD) -> dict[str, Any]:
    """Return measure -> part -> size -> what the shown interval does on fresh sets: stretch, misses, coverage."""
    out: dict[str, Any] = {}
    for metric, (a, b) in pool.items():
        out[metric] = {part: {} for part in ("paired", "arm", "ratio")}
        for part, sizes in out[metric].items():
            steps = proven.ladder_of(ladders[metric][part])
            for pairs in TOLD:
                sizes[str(pairs)] = told_one(metric, part, steps, a, b, pairs, seed)
    return out


def told_one(
    metric: str, part: str, steps: proven.Ladder, a: Floats, b: Floats, pairs: int, seed: int
) -> dict[str, Any]:
    """Return how one interval does on fresh sets, and how many replications would do where it is withheld."""
    if not steps.holds(pairs):
        return {"shown": False, "enough": steps.enough}
    truth, form = truth_of(part, a, b), proven.form_of(metric)
    stretch = steps.at(pairs)[0]
    rng = np.random.default_rng([seed, pairs])
    each, weights = [], []
    for rows in drawn(rng, len(a), pairs, SETS):
        found = intervals_of(part, form, a, b, rows)
        assert found is not None
        each.append(misses(found.at(stretch), truth))
        weights.append(len(rows))
    above, below = (float(np.average([m[side] for m in each], weights=weights)) for side in (0, 1))
    return {"shown": True, "stretch": stretch, "above": above, "below": below, "coverage": 1 - above - below}


def draw(scenario: str, pairs: int) -> Any:
    """Return a study of a scenario with so many pairs; finished ones under ``results/pools`` are taken up."""
    from scenarios import Experiment, load

    path = ROOT / scenario
    made = Experiment(load(str(path) if path.is_file() else scenario), replications=pairs)
    kept = ROOT / "results" / "pools" / made.default_folder().name
    return made.run(store=kept, keep_cases=0)


def sample_small(found: Found, number: int) -> list[str]:
    """Draw 400 pairs of another seed and hold their means against those of the pool (z at most 5)."""
    from scenarios import Experiment, load

    made = Experiment(load(str(ROOT / SMALL)), replications=400, seed=1000 + number % 1000)
    with tempfile.TemporaryDirectory() as folder:
        pool = pool_of(made.run(store=Path(folder) / "sample", keep_cases=0), fewest=100)
    said = []
    for metric, (mean, sd) in found["means"].items():
        if metric in pool and sd:
            d = pool[metric][1] - pool[metric][0]
            if abs(float(d.mean()) - mean) / (sd / math.sqrt(len(d))) > 5:
                said.append(f"intervals-small: {metric} is {d.mean():.4g} in 400 other pairs, {mean:.4g} in the pool")
    return said


def intervals(scenario: str) -> Found:
    """Choose the stretches on a pool, store them for `scenarios.proven`, and tell what they do on fresh sets."""
    study = draw(scenario, POOLS[scenario])
    pool, content = pool_of(study), content_hash(study.scenario.content)
    ladders = pool_ladders(pool)
    held = json.loads(proven.FILE.read_text(encoding="utf-8")) if proven.FILE.exists() else {"pools": {}}
    held["pools"][scenario] = {"content": content, "pairs": POOLS[scenario], "measures": ladders}
    write_atomically(proven.FILE, (json.dumps(rounded(held), separators=(",", ":"), sort_keys=True) + "\n").encode())
    proven.forget()
    return {
        "pairs": POOLS[scenario],
        "sets": SETS,
        "means": {m: [float((b - a).mean()), float((b - a).std(ddof=1))] for m, (a, b) in pool.items()},
        "coverage": told(pool, ladders),
        "verdicts": verdicts_of(pool, content, study.plan, SEED_VERDICTS),
    }


@proof("intervals-small", estimators=ESTIMATORS, behaviour=(SMALL,), seeds=SEEDS, sample=sample_small)
def intervals_small(workplace: Path) -> Found:
    """Intervals on 6,000 pairs of a small district."""
    return intervals(SMALL)


@proof("intervals-district", estimators=ESTIMATORS, behaviour=(DISTRICT,), seeds=SEEDS)
def intervals_district(workplace: Path) -> Found:
    """Intervals on 4,000 pairs of the shipped comparison."""
    return intervals(DISTRICT)
