"""How often calibration errs: false alarms and power of its gates, and coverage of its intervals, over synthetic logs.

``python -m scripts.evidence --renew calibration-honest`` makes one proof anew (`scripts.evidence_calibration`). The
logs are made here with plain arithmetic, not by the engine, so that the proof does not lean on what it proves. It fits
and judges nothing itself; a proof that a test reads is never made by that test.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
START = dt.date(2024, 1, 1)  # a Monday
DAYS, CHANGE = 182, 127
HOURS = np.array([2, 1, 1, 1, 2, 3, 7, 13, 20, 24, 25, 22, 16, 17, 20, 20, 17, 12, 9, 7, 6, 5, 4, 3], float)
WEEK = np.array([1.3, 1.2, 1.15, 1.1, 1.05, 0.7, 0.5])
PARTS = ((0.4, 20.0, 0.6), (0.6, 2000.0, 0.9))
LN_MEDIAN, LN_SIGMA = 300.0, 1.1


@dataclass(frozen=True)
class Kind:
    """A kind of synthetic log; factors hold from day 127 of 182, near the split.

    Attributes
    ----------
    per_day, alpha
        Mean cases a day, and variance of a daily gamma factor of mean 1.
    mixture
        Whether times are short or long by chance (two lognormal parts) instead of one lognormal law.
    rate, times
        Factors on arrivals and on times after the change; 1 is an honest log.
    """

    per_day: float = 12.0
    alpha: float = 0.0
    mixture: bool = False
    rate: float = 1.0
    times: float = 1.0


KINDS = {
    "honest": Kind(),
    "honest-overdispersed": Kind(alpha=0.3),
    "honest-mixture": Kind(mixture=True),
    "times-1.2": Kind(times=1.2),
    "times-1.4": Kind(times=1.4),
    "times-1.4-mixture": Kind(mixture=True, times=1.4),
    "rate-1.15": Kind(rate=1.15),
    "rate-1.3": Kind(rate=1.3),
    "rate-1.5-overdispersed": Kind(alpha=0.3, rate=1.5),
}


def arrivals(kind: Kind, rng: np.random.Generator, days: int = DAYS) -> Floats:
    """Return clock minutes of opening, in order."""
    day = np.arange(days)
    factor = rng.gamma(1 / kind.alpha, kind.alpha, days) if kind.alpha else np.ones(days)
    mean = kind.per_day * (WEEK / WEEK.mean())[day % 7] * factor * np.where(day >= CHANGE, kind.rate, 1.0)
    of_day = np.repeat(day, rng.poisson(mean))
    hour = rng.choice(24, len(of_day), p=HOURS / HOURS.sum())
    return np.sort(of_day * 1440.0 + hour * 60.0 + rng.uniform(0, 60, len(of_day)))


def times(kind: Kind, opened: Floats, rng: np.random.Generator) -> Floats:
    """Return minutes from opening to closing."""
    n = len(opened)
    if kind.mixture:
        part = rng.choice(len(PARTS), n, p=[share for share, _, _ in PARTS])
        median, sigma = (np.array([p[i] for p in PARTS])[part] for i in (1, 2))
    else:
        median, sigma = np.full(n, LN_MEDIAN), np.full(n, LN_SIGMA)
    found = median * np.exp(sigma * rng.standard_normal(n))
    return np.asarray(found * np.where(opened >= CHANGE * 1440.0, kind.times, 1.0))


def log_of(kind: Kind, seed: int) -> pd.DataFrame:
    """Return a log of one row a case; cases open at its end have no closing."""
    rng = np.random.default_rng([seed, 17])
    opened = arrivals(kind, rng)
    closed = opened + times(kind, opened, rng)
    moments = [pd.Timestamp(START) + pd.to_timedelta(np.round(at * 60), unit="s") for at in (opened, closed)]
    frame = pd.DataFrame({"case": np.arange(len(opened)), "opened": moments[0], "closed": moments[1]})
    frame["closed"] = frame["closed"].where(closed < DAYS * 1440.0)
    return frame


def judged(kind: Kind, seed: int, replications: int = 50) -> tuple[str, float]:
    """Return the status that calibration gives a synthetic log, and the joint test's p value."""
    from calibration.caselog import CaseLog
    from calibration.fits import fit_log
    from calibration.heldout import compare

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        log_of(kind, seed).to_csv(path, index=False, date_format="%Y-%m-%d %H:%M:%S")
        fit = fit_log(CaseLog.read(path, None, "UTC", "refuse"))
        held = compare(fit, replications, 7)
    p_value = held.joint.p_value if held.joint is not None else 1.0
    if fit.problems or held.reasons:
        return "draft", p_value
    return "passed_with_differences" if held.differences else "published", p_value


def gates(name: str, logs: int) -> dict[str, Any]:
    """Return how often logs of a kind are refused, with every p value."""
    found = [judged(KINDS[name], seed) for seed in range(logs)]
    counts = {status: sum(one == status for one, _ in found) for status in ("published", "passed_with_differences",
                                                                            "draft")}  # fmt: skip
    return {"logs": logs, **counts, "p_values": [round(p, 4) for _, p in found]}


def coverage(logs: int) -> dict[str, Any]:
    """Return how often 95 % intervals of weekdays, hours, parameters and quantiles hold the truth."""
    return {
        **{f"weekdays{tag}": _of_days(kind, logs) for tag, kind in (("", Kind()), ("-overdispersed", Kind(alpha=0.3)))},
        "laws": _of_laws(logs),
    }


def _of_days(kind: Kind, logs: int) -> dict[str, Any]:
    from calibration.arrivals import fit_arrivals

    week, hours, level, weekend = np.zeros(7), np.zeros(24), 0, 0
    true_week, true_hours = WEEK / WEEK.mean(), HOURS / HOURS.mean()
    for seed in range(logs):
        a = fit_arrivals(arrivals(kind, np.random.default_rng([seed, 23]), CHANGE), START, CHANGE)
        week += (a.weekdays_low <= true_week) & (true_week <= a.weekdays_high)
        hours += (a.hours_low <= true_hours) & (true_hours <= a.hours_high)
        level += a.per_day_low <= kind.per_day <= a.per_day_high
        weekend += "weekend" in a.day_terms
    return {
        "logs": logs, "weekdays": (week / logs).tolist(), "hours": (hours / logs).tolist(), "per_day": level / logs,
        "weekend_chosen": weekend / logs,
    }  # fmt: skip


def _of_laws(logs: int) -> dict[str, Any]:
    from scipy.optimize import brentq
    from scipy.special import ndtr

    from calibration.durations import choose

    shares = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)

    def below(x: float) -> float:
        return float(sum(w * ndtr(np.log(x / m) / s) for w, m, s in PARTS))

    true = np.array([brentq(lambda x, p=p: below(x) - p, 1e-3, 1e7) for p in shares])
    held, parts, chosen = np.zeros(len(shares)), np.zeros((2, 3)), 0
    for seed in range(logs):
        rng = np.random.default_rng([seed, 29])
        x, seen = times(Kind(mixture=True), np.zeros(500), rng), rng.uniform(0, 20000, 500)
        law, _ = choose(np.minimum(x, seen), x > seen)
        low, high = law.interval(shares)
        held += (low <= true) & (true <= high)
        if law.shape.name == "lognormal+lognormal":
            chosen += 1
            for i, row in enumerate(law.described()):
                for j, key in enumerate(("share", "median", "sigma")):
                    parts[i, j] += float(row[f"{key}_low"]) <= PARTS[i][j] <= float(row[f"{key}_high"])
    return {
        "logs": logs, "quantiles": dict(zip(map(str, shares), (held / logs).tolist(), strict=True)),
        "true_form_chosen": chosen, "parts_share_median_sigma": (parts / max(chosen, 1)).tolist(),
    }  # fmt: skip
