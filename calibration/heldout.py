"""The test on what was held out: the scenario of a fit plays the held-out days, and both are measured alike.

Each statistic is taken within a replication and set beside the observed one, with the interval that 95 % of the
replications lie in. How far two random halves of the held-out log lie apart is the floor below which no miss means
anything. The interval holds chance alone: the fitted numbers are taken as they are.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.fits import LogFit
from calibration.halves import HALVES, apart_by, half_splits
from calibration.joint import Joint, Misses, joint_test
from calibration.laws import Z
from calibration.measured import DAY, STATISTICS, closed_by, of_arrivals, of_durations, on_scale, shown
from calibration.observed import Sample
from calibration.overlay import DESK, loaded, overlay, type_name
from calibration.problems import Problem

Floats = NDArray[np.float64]
FAR, GATED_FAR = 1.0, 3.0
WATCHED = 0.5  # of the longest watch: a quantile beyond is cut off by the log's end rather than by the cases


@dataclass(frozen=True)
class Compared:
    """A row of the comparison; its fields are the columns of `HeldOut.table`."""

    statistic: str
    unit: str
    about: str
    observed: float
    simulated: float
    low: float
    high: float
    noise: float
    misses: float
    verdict: str


@dataclass(frozen=True)
class HeldOut:
    """Observed beside simulated.

    Attributes
    ----------
    table
        ``statistic, unit, about, observed, simulated, low, high, noise, misses, verdict``: mean over replications and
        95 % of them; noise, half the distance that 95 % of random half-splits stay below; how many times the miss is
        of that (on the logarithm for durations); ``agrees``, ``within_noise``, ``differs`` or ``far``.
    replications
        How many.
    daily, hourly, weekly
        Observed and simulated cases by day, by hour of the clock and by weekday, with 95 % bands.
    curves
        ``minutes, observed, simulated, low, high, before``: share closed by each time; before: before the split.
    reasons
        Gates that the fit failed, in sentences.
    joint
        The test of all rows together; None when no row can be judged.
    busiest_desk, desks
        Most cases at once at the desk, and its places.
    """

    table: pd.DataFrame
    replications: int
    daily: pd.DataFrame
    hourly: pd.DataFrame
    weekly: pd.DataFrame
    curves: pd.DataFrame
    reasons: tuple[Problem, ...]
    joint: Joint | None
    busiest_desk: int
    desks: int

    @property
    def differences(self) -> tuple[Problem, ...]:
        """What the joint test found, in a sentence; empty when the misses are no more than chance."""
        if self.joint is None or not self.joint.differs:
            return ()
        return (_together(self.joint),)

    @property
    def rows(self) -> list[Compared]:
        """The rows of the table."""
        return [Compared(**{str(k): v for k, v in row.items()}) for row in self.table.to_dict("records")]


def simulate(
    fit: LogFit, replications: int, seed: int = 7, heard: Callable[[int, int], None] | None = None
) -> tuple[list[Sample], int, int]:
    """Play the held-out days.

    Parameters
    ----------
    fit
        The fit; its scenario is played by itself, without a base.
    replications, seed
        How often, from which root seed.
    heard
        Is called with the number done and the number planned.

    Returns
    -------
    tuple
        One `Sample` a replication in the form of the observed one; most cases at once at the desk; its places.
    """
    from scenarios.places import city_of
    from sim.model import prepare

    scenario = loaded(overlay(fit, fit.held.start, fit.held.days + 1))
    spec = scenario.spec()
    model = prepare(spec, city_of(scenario))
    out, busiest = [], 0
    for replication in range(replications):
        result = model.run(seed, replication, "counts")
        rng = np.random.default_rng([seed, replication, 20_240])
        sample, at_once = _sample(fit, result, rng)
        out.append(sample)
        busiest = max(busiest, at_once)
        if heard is not None:
            heard(replication + 1, replications)
    return out, busiest, int(spec.posts[DESK].count) if DESK in spec.posts else 0


def _sample(fit: LogFit, result: object, rng: np.random.Generator) -> tuple[Sample, int]:
    """Return a replication's cases as a log of the same length would show them."""
    world, spec = result.world, result.arm.spec  # type: ignore[attr-defined]
    cases = world.cases[: int(world.clock["cases"][0])]
    tasks = world.tasks[: int(world.clock["tasks"][0])]
    held, names = fit.held, list(spec.types)
    end = _end_of_log(fit)
    opened = cases["occurred_min"].astype(float)
    closed, drawn_tail = cases["closed_min"].astype(float).copy(), np.full(len(cases), np.nan)
    busiest = 0
    for i, name in enumerate(names):
        stages = [stage.name for stage in spec.types[name].stages]
        mine = tasks["type"] == i
        if "until_end" in stages:
            closed[cases["type"] == i] = np.inf
            last = mine & (tasks["stage"] == stages.index("until_end"))
            closed[tasks["case"][last]] = tasks["created_min"][last]
            drawn_tail[tasks["case"][last]] = world.work["touch_left_min"][: len(tasks)][last]
        if "in_office" in stages:
            desk = mine & (tasks["stage"] == stages.index("in_office"))
            busiest = max(busiest, _at_once(tasks["created_min"][desk], tasks["done_min"][desk]))
    watched = end - opened
    still_open = closed > end
    cycle = np.where(still_open, watched, closed - opened)
    group = np.array([*fit.groups])[[list(map(type_name, fit.groups)).index(n) for n in names]][cases["type"]]
    allowed, scaled = _deadlines(fit, group, cycle, rng)
    tail = np.where(still_open, np.nan, drawn_tail * scaled)
    tail_open = np.isfinite(tail) & (cycle + tail > watched)
    tail = np.where(tail_open, watched - cycle, tail)
    whole = cycle + np.where(held.has_tail, tail, 0.0)
    known = ~still_open & ~tail_open & np.isfinite(allowed)
    late = np.where(known, (whole > allowed).astype(float), np.nan)
    sample = Sample(
        held.start, held.days, opened, cycle, still_open, tail, tail_open, allowed, late, watched, group.astype(str)
    )
    return sample.only(sample.inside), busiest


def _end_of_log(fit: LogFit) -> float:
    """Return the clock minutes from the first held-out day to the log's end."""
    last = fit.test.local(pd.Series([fit.test.window[1]])).iloc[0].tz_localize(None)
    return float((last - pd.Timestamp(fit.held.start)) / pd.Timedelta(minutes=1))


def _deadlines(fit: LogFit, group: np.ndarray, cycle: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the minutes allowed from those seen before the split; and how they stretch the time to the end."""
    allowed, scaled = np.full(len(group), np.nan), np.ones(len(group))
    for name, one in fit.groups.items():
        rows = group == name
        if len(one.allowed_min):
            has = rng.random(rows.sum()) < one.deadline_share
            allowed[rows] = np.where(has, rng.choice(one.allowed_min, rows.sum()), np.nan)
        if one.tail is not None and one.tail.scaled:
            slack = allowed[rows] - cycle[rows]
            scaled[rows] = np.where(np.isfinite(slack) & (slack > 60.0), slack / one.tail.slack_min, 1.0)
    return allowed, scaled


def _at_once(begin: Floats, end: Floats) -> int:
    """Return the most intervals that are open at one time."""
    if not len(begin):
        return 0
    times = np.concatenate([begin, end])
    change = np.concatenate([np.ones(len(begin)), -np.ones(len(end))])
    return int(np.cumsum(change[np.lexsort((change, times))]).max())


def compare(
    fit: LogFit, replications: int = 100, seed: int = 7, heard: Callable[[int, int], None] | None = None
) -> HeldOut:
    """Simulate the held-out days and set them beside what was observed.

    Parameters
    ----------
    fit, replications, seed, heard
        As for `simulate`.
    """
    samples, busiest, desks = simulate(fit, replications, seed, heard)
    observed = {**of_arrivals(fit.held), **of_durations(fit.held.only(fit.held.inside))}
    played = pd.DataFrame([{**of_arrivals(s), **of_durations(s)} for s in samples])
    halves = half_splits(fit.held, fit.held.only(fit.held.inside), seed)
    made = [
        _row(name, observed[name], played[name].to_numpy(float), halves[name])
        for name in STATISTICS
        if name in observed
    ]
    rows = [row for row in made if row is not None]
    reasons = [_far(row) for row in rows if row.verdict == "far" and STATISTICS[row.statistic].gated]
    if desks and busiest > desks:
        reasons.append(
            Problem(f"the desk was too small for {busiest} cases at once", f"窗口容量不足以同时办理{busiest}件案件")
        )
    return HeldOut(
        pd.DataFrame([asdict(row) for row in rows]),
        replications,
        _daily(fit, samples),
        _hourly(fit.held, samples),
        _weekly(fit.held, samples),
        _curves(fit, samples),
        tuple(reasons),
        _joint(fit, rows, halves, played, seed),
        busiest,
        desks,
    )


def _joint(
    fit: LogFit, rows: list[Compared], halves: dict[str, Floats], played: pd.DataFrame, seed: int
) -> Joint | None:
    """Put all rows that take part to the joint test."""
    fitted = half_splits(*_fitted_to(fit), seed + 1)
    names = [row.statistic for row in rows if STATISTICS[row.statistic].joint]
    apart = {name: (apart_by(name, halves[name]), apart_by(name, fitted[name])) for name in names}
    names = [name for name in names if len(apart[name][0]) == len(apart[name][1]) == HALVES]  # a number in each half
    if not names:
        return None
    found = {row.statistic: row for row in rows}
    observed = np.array([found[name].observed for name in names])
    counts = np.array([STATISTICS[name].unit == "cases" for name in names])
    longer = np.array(
        [fit.held.days / (fit.seen.days - fit.skipped_days) if name == "cases" else 1.0 for name in names]
    )
    return joint_test(
        Misses(
            tuple(names),
            np.array([float(on_scale(n, found[n].observed) - on_scale(n, found[n].simulated)) for n in names]),
            np.array([apart[name][0] for name in names]),
            np.array([apart[name][1] for name in names]) * longer[:, None],
            np.array([on_scale(name, played[name].dropna()).std() for name in names]),
            counts * observed * _drift(fit),
            observed,
            np.array([STATISTICS[n].unit == "min" for n in names]) & (observed < WATCHED * fit.held.watched_min.max()),
        ),
        seed,
    )


def _fitted_to(fit: LogFit) -> tuple[Sample, Sample]:
    """Return the cases before the split, and those of them that the laws of duration were fitted to."""
    seen, skipped = fit.seen, fit.skipped_days
    late = np.zeros(len(seen), bool)
    for name, group in fit.groups.items():
        mine = seen.group == name
        late |= mine & (seen.opened_min >= np.quantile(seen.opened_min[mine], 1 - group.cycle.recent))
    start, days = seen.start + dt.timedelta(days=skipped), seen.days - skipped
    return replace(seen, start=start, days=days, opened_min=seen.opened_min - skipped * DAY), seen.only(late)


def _drift(fit: LogFit) -> float:
    """Return the standard error of the logarithm of the held-out rate that comes from carrying trends on."""
    ahead = ((fit.held.start - fit.seen.start).days + (fit.held.days - fit.seen.days) / 2) / 365.25
    errors = [
        group.share * (group.arrivals.trend_high - group.arrivals.trend_low) / (2 * Z) * ahead
        for group in fit.groups.values()
        if "trend" in group.arrivals.day_terms
    ]
    return float(np.linalg.norm(errors)) if errors else 0.0


def _together(joint: Joint) -> Problem:
    """Return the joint test's finding with its largest misses."""
    named = [(STATISTICS[name].title, abs(z)) for name, z in joint.largest[:3]]
    en = ", ".join(f"{title.en} {_times(z)}" for title, z in named)
    zh = "、".join(f"{title.zh}{_times(z)}" for title, z in named)
    p = "< 0.001" if joint.p_value < 0.001 else f"= {joint.p_value:.3f}"
    return Problem(
        f"taken together, {len(joint.rows)} statistics miss by more than chance (p {p}); "
        f"the largest, in standard errors: {en}",
        f"{len(joint.rows)}项统计量合起来的偏差超出偶然（p {p}）；其中最大的（以标准误计）：{zh}",
    )


def _times(z: float) -> str:
    return f"{z:.1f}" if z < 100 else ">100"


def _far(row: Compared) -> Problem:
    title = STATISTICS[row.statistic].title
    seen, seen_zh = (shown(row.observed, row.unit, lang) for lang in ("en", "zh"))
    made, made_zh = (shown(row.simulated, row.unit, lang) for lang in ("en", "zh"))
    return Problem(
        f"{title.en}: observed {seen}, simulated {made}, a miss of {row.misses:.1f} times the noise",
        f"{title.zh}：实际{seen_zh}，模拟{made_zh}，偏差为噪声的{row.misses:.1f}倍",
    )


def _row(name: str, observed: float, played: Floats, halves: Floats) -> Compared | None:
    """Return a row of the table, or nothing when the log has no such number."""
    what, played, halves = STATISTICS[name], played[np.isfinite(played)], halves[np.isfinite(halves).all(axis=1)]
    if not math.isfinite(observed) or not len(played):
        return None
    low, high = np.quantile(played, [0.025, 0.975])
    centre = float(np.median(played) if what.unit == "min" else played.mean())
    floor = float(np.quantile(np.abs(np.diff(on_scale(name, halves), axis=1)), 0.95) / 2) if len(halves) else math.nan
    miss = abs(float(on_scale(name, observed)) - float(on_scale(name, centre)))
    times = miss / floor if floor > 0 else (0.0 if miss == 0 else math.inf)
    inside = low <= observed <= high
    verdict = "agrees" if inside else "within_noise" if times <= FAR else "differs" if times <= GATED_FAR else "far"
    noise = observed * math.expm1(floor) if what.unit == "min" else floor
    return Compared(name, what.unit, what.about, observed, centre, float(low), float(high), noise, times, verdict)


def _band(values: list[Floats]) -> tuple[Floats, Floats, Floats]:
    table = np.array(values, float)
    return table.mean(axis=0), *np.nanquantile(table, [0.025, 0.975], axis=0)


def _counts(sample: Sample, width_min: float, number: int) -> Floats:
    at = sample.opened_min[sample.inside]
    return np.bincount((at // width_min).astype(np.int64) % number, minlength=number).astype(float)


def _daily(fit: LogFit, samples: list[Sample]) -> pd.DataFrame:
    days = fit.held.days
    mean, low, high = _band([_counts(s, DAY, days) for s in samples])
    dates = [fit.held.start + dt.timedelta(days=d) for d in range(days)]
    observed = _counts(fit.held, DAY, days)
    return pd.DataFrame({"date": dates, "observed": observed, "simulated": mean, "low": low, "high": high})


def _hourly(held: Sample, samples: list[Sample]) -> pd.DataFrame:
    mean, low, high = _band([_counts(s, 60.0, 24) / held.days for s in samples])
    observed = _counts(held, 60.0, 24) / held.days
    return pd.DataFrame({"hour": range(24), "observed": observed, "simulated": mean, "low": low, "high": high})


def _weekly(held: Sample, samples: list[Sample]) -> pd.DataFrame:
    of_day = (np.arange(held.days) + held.start.weekday()) % 7
    often = np.maximum(np.bincount(of_day, minlength=7), 1)

    def week(sample: Sample) -> Floats:
        return np.bincount(of_day, _counts(sample, DAY, held.days), minlength=7) / often

    mean, low, high = _band([week(s) for s in samples])
    return pd.DataFrame({"weekday": range(7), "observed": week(held), "simulated": mean, "low": low, "high": high})


def _curves(fit: LogFit, samples: list[Sample]) -> pd.DataFrame:
    held = fit.held.only(fit.held.inside)
    seen = fit.seen
    grid = np.geomspace(1.0, max(10.0, float(held.watched_min.max())), 120)
    mean, low, high = _band([closed_by(s.cycle_min, s.cycle_open, grid) for s in samples])
    return pd.DataFrame(
        {
            "minutes": grid, "observed": closed_by(held.cycle_min, held.cycle_open, grid), "simulated": mean,
            "low": low, "high": high, "before": closed_by(seen.cycle_min, seen.cycle_open, grid),
        }
    )  # fmt: skip
