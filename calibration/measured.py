"""The statistics by which a log and its simulation are compared; both are measured by the same rule.

Times count cases that are still open (Kaplan-Meier). Simulating and judging is `calibration.heldout`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.laws import LONGEST_MIN
from calibration.observed import Sample
from sim.cases.catalogue import Title

Floats = NDArray[np.float64]
DAY = 1440.0
MONTH_MIN = 30 * DAY


@dataclass(frozen=True)
class Statistic:
    """One number that is compared.

    Attributes
    ----------
    title
        Words in two languages, short enough for a narrow table.
    unit
        ``cases``, ``1``, ``share`` or ``min``.
    about
        ``arrivals``, ``durations`` or ``deadlines``; arrivals are halved by days, the others by cases.
    gated
        Whether a large miss makes the scenario a draft.
    joint
        Whether it takes part in the joint test; what the form of the scenario is known not to carry does not.
    """

    title: Title
    unit: str
    about: str
    gated: bool = False
    joint: bool = True


STATISTICS: dict[str, Statistic] = {
    "cases": Statistic(Title(en="cases", zh="案件数"), "cases", "arrivals", True),
    "per_workday": Statistic(Title(en="cases, workday", zh="工作日日均件数"), "cases", "arrivals", True),
    "day_dispersion": Statistic(Title(en="day dispersion", zh="日离散度"), "1", "arrivals", joint=False),
    "busiest_day": Statistic(Title(en="busiest day", zh="最忙日件数"), "cases", "arrivals", joint=False),
    "monday_share": Statistic(Title(en="on Mondays", zh="周一占比"), "share", "arrivals", joint=False),
    "weekend_share": Statistic(Title(en="on weekends", zh="周末占比"), "share", "arrivals", joint=False),
    "morning_share": Statistic(Title(en="before noon", zh="上午占比"), "share", "arrivals", True),
    "cycle_q25": Statistic(Title(en="25 % closed by", zh="25%办结用时"), "min", "durations"),
    "cycle_q50": Statistic(Title(en="50 % closed by", zh="50%办结用时"), "min", "durations", True),
    "cycle_q75": Statistic(Title(en="75 % closed by", zh="75%办结用时"), "min", "durations", True),
    "cycle_q90": Statistic(Title(en="90 % closed by", zh="90%办结用时"), "min", "durations", True),
    "within_day": Statistic(Title(en="closed in a day", zh="一日内办结率"), "share", "durations", True),
    "cycle_month_mean": Statistic(Title(en="mean to 30 days", zh="30日内平均用时"), "min", "durations"),
    "end_q50": Statistic(Title(en="50 % ended by", zh="50%到终点用时"), "min", "deadlines", True),
    "late_share": Statistic(Title(en="ended late", zh="超期率"), "share", "deadlines", True),
}
"""Name -> what it is."""


def survival(minutes: Floats, still_open: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the times at which cases end and the share still open after each (Kaplan-Meier)."""
    order = np.lexsort((still_open, minutes))
    x, ended = minutes[order], ~still_open[order]
    at_risk = len(x) - np.arange(len(x))
    share = np.cumprod(np.where(ended, 1 - 1 / at_risk, 1.0))
    return x[ended], share[ended]


def closed_by(minutes: Floats, still_open: NDArray[np.bool_], at: Floats) -> Floats:
    """Return the share closed by each time."""
    if not len(minutes):
        return np.full(np.shape(at), np.nan)
    times, share = survival(minutes, still_open)
    return 1 - np.concatenate([[1.0], share])[np.searchsorted(times, at, side="right")]


def quantile(minutes: Floats, still_open: NDArray[np.bool_], p: float) -> float:
    """Return the time by which a share ``p`` has closed; the longest watch when it never does."""
    if not len(minutes):
        return math.nan
    times, share = survival(minutes, still_open)
    reached = np.flatnonzero(share <= 1 - p + 1e-12)
    return float(times[reached[0]]) if len(reached) else float(minutes.max())


def mean_within(minutes: Floats, still_open: NDArray[np.bool_], limit: float) -> float:
    """Return the mean of durations of which what lies beyond a limit is left out: the area under the share open.

    The share open is a step function, so that the area is a sum of steps; over a grid of hours, jobs of minutes would
    all last half an hour.
    """
    if not len(minutes):
        return math.nan
    times, share = survival(minutes, still_open)
    before = int(np.searchsorted(times, limit, side="left"))
    edges = np.concatenate([[0.0], times[:before], [limit]])
    return float(np.dot(np.diff(edges), np.concatenate([[1.0], share[:before]])))


def of_arrivals(sample: Sample, chosen: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """Return the statistics of arrivals, over chosen days (all by default)."""
    rows = sample.inside
    at = sample.opened_min[rows]
    day = (at // DAY).astype(np.int64)
    chosen = np.ones(sample.days, bool) if chosen is None else chosen
    at, day = at[chosen[day]], day[chosen[day]]
    counts = np.bincount(day, minlength=sample.days)[chosen].astype(float)
    weekday = ((np.arange(sample.days) + sample.start.weekday()) % 7)[chosen]
    work = counts[weekday < 5]
    if not len(at) or not len(work):
        return dict.fromkeys((n for n, s in STATISTICS.items() if s.about == "arrivals"), math.nan)
    ratio = float(work.var(ddof=1) / work.mean()) if len(work) > 1 and work.mean() > 0 else math.nan
    of_case = (day + sample.start.weekday()) % 7
    return {
        "cases": float(counts.sum() * sample.days / chosen.sum()),
        "per_workday": float(work.mean()),
        "day_dispersion": ratio,
        "busiest_day": float(counts.max()),
        "monday_share": float((of_case == 0).mean()),
        "weekend_share": float((of_case >= 5).mean()),
        "morning_share": float((at % DAY < 720.0).mean()),
    }


def of_durations(sample: Sample) -> dict[str, float]:
    """Return the statistics of durations and deadlines over the cases of a sample."""
    x, still_open = sample.cycle_min, sample.cycle_open
    found = {f"cycle_q{int(100 * p)}": quantile(x, still_open, p) for p in (0.25, 0.5, 0.75, 0.9)}
    found["within_day"] = float(closed_by(x, still_open, np.array([DAY]))[0])
    found["cycle_month_mean"] = mean_within(x, still_open, MONTH_MIN)
    if sample.has_tail:
        known = np.isfinite(sample.tail_min)
        ends = np.where(known, x + np.nan_to_num(sample.tail_min), sample.watched_min)
        found["end_q50"] = quantile(ends, np.where(known, sample.tail_open, True), 0.5)
    told = np.isfinite(sample.late)
    found["late_share"] = float(sample.late[told].mean()) if told.any() else math.nan
    return found


def on_scale(name: str, values: ArrayLike) -> Floats:
    """Return values of a statistic on the scale on which misses are taken: times on their logarithm."""
    found = np.asarray(values, float)
    return np.log1p(np.maximum(found, 0.0)) if STATISTICS[name].unit == "min" else found


SPANS = {"min": (" min", "分钟"), "h": (" h", "小时"), "days": (" days", "天")}


def shown(value: float, unit: str, lang: str = "en") -> str:
    """Return a value as a clause of one language says it: shares in percent, minutes in the unit a person would use."""
    if not math.isfinite(value):
        return "–"
    if unit == "share":
        return f"{100 * value:.1f}%"
    if unit != "min":
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    words, size = {name: pair[lang == "zh"] for name, pair in SPANS.items()}, abs(value)
    if size > LONGEST_MIN:
        return f">{LONGEST_MIN / 1440:,.0f}{words['days']}"
    if size < 90:
        return f"{value:.2g}{words['min']}" if size < 10 else f"{value:.0f}{words['min']}"
    return f"{value / 60:.1f}{words['h']}" if size < 2160 else f"{value / 1440:.1f}{words['days']}"
