"""Textbook models as scenario files, and the check that simulated values meet exact ones; not a test.

Every model goes the way a user's file goes: YAML text, `scenarios.load`, the checks, the engine. One unit of
service is `UNIT` minutes.
"""

from __future__ import annotations

import json
import math
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy import stats

from scenarios import load
from scenarios.places import city_of
from sim.measures.lines import line_measures
from sim.model import Prepared, Result, prepare

ANCHORS: dict[str, Any] = json.loads(Path(__file__).with_name("anchors.json").read_text(encoding="utf-8"))
UNIT = 10.0
"""Minutes of one mean service."""
SHARE, WAIT = 0.01, 0.02
"""Relative half-width that shares and loads, and that waits, must reach."""
Read = Callable[[Result], dict[str, float]]


class Differs(AssertionError):
    """The simulated value is not the exact one."""


class Imprecise(AssertionError):
    """The interval is too wide to tell."""


@dataclass(frozen=True)
class Exact:
    """An exact value of a measure; ``tolerance`` is the relative half-width to reach (None: no bound)."""

    measure: str
    value: float
    tolerance: float | None = SHARE


@dataclass(frozen=True)
class Case:
    """A model, what is exact about it, and how it is read from a finished run."""

    sections: dict[str, Any]
    exact: list[Exact]
    read: Read = field(default=lambda result: line_measures(result.arm, result.world))
    log_level: str = "counts"


def exponential(mean: float) -> dict[str, Any]:
    """Return an exponential law."""
    return {"exponential": {"mean": mean}}


def stage(who: str, touch: Any, name: str = "serve", **more: Any) -> dict[str, Any]:
    """Return a stage of work."""
    return {"name": name, "who": who, "touch_min": touch, **more}


def delay(name: str, law: Any, **more: Any) -> dict[str, Any]:
    """Return a stage with which nobody is busy."""
    return {"name": name, "staff": 0, "touch_min": law, **more}


def kind(rate_per_h: float, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a bare type."""
    title = {"en": "Call", "zh": "来电"}
    return {"title": title, "kind": "bare", "rate_per_hour": rate_per_h, "stages": list(stages), **more}


def post(count: int, **more: Any) -> dict[str, Any]:
    """Return a post of the whole city."""
    return {"title": {"en": "Desk", "zh": "窗口"}, "kind": "unit", "per": "city", "count": count, **more}


def model(window_h: float, warm_min: float, **sections: Any) -> dict[str, Any]:
    """Return a bare scenario that is measured for some hours, after and before as much time to settle."""
    days = warm_min / 1440.0
    rules = {"priority": "fifo", **sections.pop("rules", {})}
    head = {"name": "oracle", "title": {"en": "Oracle", "zh": "精确解"}, "bare": True, "shifts": {"always": {}}}
    when = {"horizon_days": window_h / 24.0 + 2 * days, "warm_up_days": days, "cool_down_days": days}
    return {**head, **when, "city": {"bare": {}}, "rules": rules, **sections}


def settle_min(servers: float, load: float, cs2: float = 1.0) -> float:
    """Return minutes after which an M/G/c line has forgotten that it began empty (8 relaxation times)."""
    relaxation = (1.0 + cs2) / 2.0 / (math.sqrt(servers) - math.sqrt(min(load, servers * 0.999))) ** 2
    return UNIT * (10.0 + 8.0 * relaxation)


def prepared(sections: dict[str, Any]) -> Prepared:
    """Write a scenario file, load it and build its tables."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "oracle.yaml")
        file.write_text(yaml.safe_dump(sections, allow_unicode=True, sort_keys=False), encoding="utf-8")
        scenario = load(file)
        return prepare(scenario.spec(), city_of(scenario))


def seed_of(case: Case) -> int:
    """Return a seed that belongs to this model alone, so that no two checks share their chance."""
    return zlib.crc32(json.dumps(case.sections, sort_keys=True).encode())


def half_width(values: np.ndarray) -> float:
    """Return the half-width of the 95 % interval of the mean."""
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))


def enough(rows: list[dict[str, float]], exact: list[Exact]) -> bool:
    """Return True when every interval is as narrow as asked."""
    for e in exact:
        if e.tolerance is not None:
            values = np.array([row[e.measure] for row in rows])
            if half_width(values) > e.tolerance * abs(e.value):
                return False
    return True


def replicate(case: Case, least: int = 40, most: int = 2000, seed: int | None = None) -> list[dict[str, float]]:
    """Run replications until every interval is narrow enough, at least ``least`` and at most ``most``."""
    made, root, rows = prepared(case.sections), seed_of(case) if seed is None else seed, []
    for r in range(most):
        rows.append(case.read(made.run(root, r, log_level=case.log_level)))  # type: ignore[arg-type]
        if r + 1 >= least and (r + 1) % 5 == 0 and enough(rows, case.exact):
            break
    return rows


def check(case: Case, least: int = 40, most: int = 2000) -> None:
    """Raise `Differs` or `Imprecise` unless every exact value is met."""
    rows = replicate(case, least, most)
    wrong, wide = [], []
    for e in case.exact:
        values = np.array([row[e.measure] for row in rows])
        error = values.std(ddof=1) / math.sqrt(len(values))
        z = (values.mean() - e.value) / error if error > 0 else (0.0 if values.mean() == e.value else math.inf)
        said = f"{e.measure}: {values.mean():.6g} +- {half_width(values):.2g}, exact {e.value:.6g}, z = {z:.2f}"
        if not abs(z) < 3.3:
            wrong.append(said)
        if e.tolerance is not None and half_width(values) > e.tolerance * abs(e.value):
            wide.append(said)
    if wrong:
        raise Differs(f"{len(rows)} replications; " + "; ".join(wrong))
    if wide:
        raise Imprecise(f"{len(rows)} replications; " + "; ".join(wide))
