"""How long cases last: which law, fitted to how much of the past, in which time.

Three choices are made on cases that the fit has not seen, each with the rule of one standard error (the simplest
that is not clearly worse): how far back the log still speaks for the present, the shape of the law, and whether
time passes always or in office hours only. The likelihood itself is `calibration.likelihood`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from calibration.choosing import one_error
from calibration.laws import Fitted, Floats, Shape
from calibration.likelihood import FLAT, UNSURE, Grouped, fit
from calibration.office import Office
from calibration.problems import Problem
from calibration.said import named

FEWEST_ENDED = 50
FOLDS = 5
SINGLE = tuple(Shape((name,)) for name in ("exponential", "lognormal", "weibull", "gamma"))
PAIRS = (("lognormal", "lognormal"), ("lognormal", "weibull"), ("gamma", "lognormal"), ("weibull", "weibull"))
DOUBLE = tuple(Shape(pair) for pair in PAIRS)
SHAPES = (*SINGLE, *DOUBLE, Shape(("lognormal", "lognormal", "lognormal")))
RECENT = (1.0, 0.5, 0.25)
STEADY_P = 0.01
NO_MATTER = 0.02  # log-likelihood of a case: a span that is behind by less predicts as well
FAR_BEHIND = 20.0  # AIC points for which a shape is not scored case by case any more
FAR_AHEAD = 10.0  # AIC points by which a law that the data do not determine shows that the chosen one is not the law


@dataclass(frozen=True)
class DurationFit:
    """A chosen law with how it was chosen.

    Attributes
    ----------
    law
        In elapsed minutes, or in working minutes when ``office`` is set.
    office
        Hours in which time passes; None for elapsed time.
    outside
        Share of cases that end at any hour although the rest moves in office hours only; they follow ``elapsed``.
    elapsed
        The law in elapsed minutes (the same as ``law`` without an office).
    recent
        Share of the cases, the latest, that the law was fitted to.
    candidates
        Table of `calibration.choosing.one_error` with columns ``aic`` and ``note`` besides.
    problems
        Why the fit should not be relied on; empty when all is well.
    """

    law: Fitted
    office: Office | None
    outside: float
    elapsed: Fitted
    recent: float
    candidates: pd.DataFrame
    problems: tuple[Problem, ...] = ()


def fit_durations(
    minutes: ArrayLike,
    censored: ArrayLike,
    opened_min: ArrayLike | None = None,
    *,
    office: Office | None = None,
    resolution_min: float = 1.0,
    recent: Sequence[float] = RECENT,
) -> DurationFit:
    """Fit and choose a law.

    Parameters
    ----------
    minutes, censored
        float[n], bool[n]: duration, or age when last seen open.
    opened_min
        float[n]: clock minutes of opening, in any origin; needed for choosing how far back to look and for office
        time. None: all cases, elapsed time.
    office
        Office hours to be tried.
    resolution_min
        Durations up to this are not told apart from nothing.
    recent
        Shares of the latest cases to choose among.

    Raises
    ------
    ValueError
        For fewer than two ended cases.
    """
    x, c = np.maximum(np.asarray(minutes, float), 0.0), np.asarray(censored, bool)
    if (~c).sum() < 2:
        raise ValueError("a law needs at least two ended cases")
    share, tried = 1.0, pd.DataFrame()
    opened = None if opened_min is None else np.asarray(opened_min, float)
    if opened is not None and len(recent) > 1:
        share, tried = _how_far_back(x, c, opened, resolution_min, recent)
        late = opened >= np.quantile(opened, 1 - share) if share < 1 else np.ones(len(x), bool)
        x, c, opened = x[late], c[late], opened[late]
    elapsed, table = choose(x, c, resolution_min)
    table = pd.concat([tried, table], ignore_index=True)
    law, used, outside = elapsed, None, 0.0
    if office is not None and opened is not None:
        law, used, outside, told = _in_office(x, c, opened, office, elapsed, resolution_min)
        table = pd.concat([table, told], ignore_index=True)
    return DurationFit(law, used, outside, elapsed, share, table, _problems(law))


def _problems(law: Fitted) -> tuple[Problem, ...]:
    found = []
    if law.ended < FEWEST_ENDED:
        found.append(
            Problem(
                f"only {law.ended} ended cases, fewer than {FEWEST_ENDED}",
                f"已办结案件仅{law.ended}件，少于{FEWEST_ENDED}件",
            )
        )
    if not law.converged:
        en = "; ".join(one.en for one in law.notes) or "the search stopped early"
        zh = "；".join(one.zh for one in law.notes) or "搜索提前停止"
        found.append(Problem(f"the law of the durations did not converge: {en}", f"时长分布的拟合未收敛（{zh}）"))
    return tuple(found)


def choose(
    x: Floats, c: np.ndarray, resolution_min: float = 1.0, among: Sequence[Shape] = SHAPES
) -> tuple[Fitted, pd.DataFrame]:
    """Choose a shape by five-fold scores and fit it to all cases; the table tells of every shape."""
    data = Grouped.of(x, c, resolution_min)
    instant = bool(((x <= resolution_min) & ~c).mean() > 0.005)
    fits = {s.name: fit(s, data) for s in _carried(data.ended, among)}
    aic = {name: 2 * (f.shape.freedom - f.log_likelihood) for name, f in fits.items()}
    if instant:  # a point mass besides
        for shape in [Shape(f.shape.parts, True) for f in fits.values()]:
            fits[shape.name] = fit(shape, data)
            aic[shape.name] = 2 * (shape.freedom - fits[shape.name].log_likelihood)
    sound = [name for name, f in fits.items() if f.converged] or list(fits)
    best = min(aic[name] for name in sound)
    near = [name for name in sound if aic[name] - best <= FAR_BEHIND]
    # shapes that are themselves within another (a mixture with a part of nothing) drop out as not converged
    scores = {name: case_scores(fits[name], data) for name in near}
    chosen, table = one_error(scores, {name: fits[name].shape.freedom for name in near}, "law")
    chosen = _sparing(table, fits, data.ended)
    table = table.assign(chosen=table["form"] == chosen)
    rest = [(("law", n, fits[n].shape.freedom, np.nan, np.nan, np.nan, False)) for n in fits if n not in near]
    table = pd.concat([table, pd.DataFrame(rest, columns=list(table.columns))], ignore_index=True) if rest else table
    notes = {n: "; ".join(one.en for one in f.notes) for n, f in fits.items()}
    law = _doubted(fits, aic, chosen)
    return law, table.assign(aic=table["form"].map(aic), note=table["form"].map(notes))


def _doubted(fits: dict[str, Fitted], aic: dict[str, float], chosen: str) -> Fitted:
    """Return the chosen law, as not converged when the data ask for a part that they do not determine.

    Many cases that are still open, for one, may belong to a part of which no case has ended; a simpler law then fits
    far worse, and no law can be had.
    """
    law = fits[chosen]
    unsure = [n for n, f in fits.items() if f.notes and set(f.notes) <= {FLAT, UNSURE}]
    better = min((n for n in unsure if aic[n] < aic[chosen] - FAR_AHEAD), key=lambda n: aic[n], default=None)
    if better is None or not law.converged:
        return law
    ahead = f"AIC {aic[better] - aic[chosen]:.0f}"
    note = Problem(
        f"a law of other parts ({named(better, 'en')}) fits far better ({ahead}), but the data do not "
        "determine it; cases that are still open may belong to a part of which none has ended",
        f"另一种成分的分布（{named(better, 'zh')}）拟合明显更好（{ahead}），但数据无法确定它；"
        "未办结案件可能属于尚无一件办结的成分",
    )
    return replace(law, converged=False, notes=(note,))


def _sparing(table: pd.DataFrame, fits: dict[str, Fitted], ended: int) -> str:
    """Return the simplest shape that is behind by one standard error at most, or is not worse by BIC either.

    With many shapes one of the larger ones is often ahead by a little more than its standard error; BIC keeps such a
    lead from buying parts that are not there.
    """
    bic = {n: f.shape.freedom * np.log(max(ended, 2)) - 2 * f.log_likelihood for n, f in fits.items()}
    best = str(table["form"].iloc[int(table["behind"].to_numpy().argmin())])
    near = table[(table["behind"] <= table["error"] + 1e-12) | (table["form"].map(bic) <= bic[best])]
    return str(near.sort_values(["parameters", "behind"])["form"].iloc[0])


def _carried(ended: int, among: Sequence[Shape]) -> list[Shape]:
    """Return the shapes that so many cases can carry: at least ten ended cases a parameter."""
    found = [s for s in among if 10 * s.freedom <= ended]
    return found or [Shape(("exponential",)), Shape(("lognormal",))]


def case_scores(fitted: Fitted, data: Grouped) -> Floats:
    """Return each case's log probability under the law fitted to the other four fifths."""
    n, weights = data.cases, data.weights()
    # cases are dealt out in the order of their cells, so that every fold has short and long ones
    fold = np.empty(n, np.int64)
    fold[np.argsort(data.cell, kind="stable")] = np.arange(n) % FOLDS
    out = np.empty(n)
    for k in range(FOLDS):
        left = weights - np.bincount(data.cell[fold == k], minlength=len(weights))
        m = len(data.counts)
        rest = Grouped(data.edges, left[:m], data.open_edges, left[m:], data.cell, data.resolution_min)
        again = fit(fitted.shape, rest, [fitted.theta])
        out[fold == k] = data.log_probability(again.shape, again.theta)[data.cell[fold == k]]
    return out


def _how_far_back(
    x: Floats, c: np.ndarray, opened: Floats, resolution: float, recent: Sequence[float]
) -> tuple[float, pd.DataFrame]:
    """Choose how much of the past to fit to, by how well it predicts the latest fifth of the cases.

    Of the spans that are not clearly behind the best (two standard errors), the longest in which durations neither
    grow nor shrink is taken; where they do in each, the longest that is behind by one standard error at most.
    """
    cut = float(np.quantile(opened, 0.8))
    before, after = opened < cut, opened >= cut
    age = cut - opened  # nothing after the cut may be known
    known_x, known_c = np.minimum(x, age), c | (x > age)
    everything = Grouped.of(x, c, resolution)
    scores: dict[str, Floats] = {}
    for share in recent:
        first = np.quantile(opened[before], 1 - share)
        rows = before & (opened >= first)
        if share < 1 and (rows & ~known_c).sum() < FEWEST_ENDED:
            continue
        data = Grouped.of(known_x[rows], known_c[rows], resolution)
        parts = (("lognormal",), ("lognormal", "lognormal"))
        options = [Shape(p, instant) for p in parts for instant in (False, True)]
        fits = [f for f in (fit(s, data) for s in options if 10 * s.freedom <= data.ended) if f.converged]
        if fits:
            best = min(fits, key=lambda f: 2 * (f.shape.freedom - f.log_likelihood))
            scores[f"{share:.0%}"] = everything.log_probability(best.shape, best.theta)[everything.cell[after]]
    if len(scores) < 2:
        return 1.0, pd.DataFrame()
    order = {f"{share:.0%}": i for i, share in enumerate(recent)}  # more data counts as simpler
    chosen, table = one_error(scores, {name: order[name] for name in scores}, "latest cases")
    drift = {name: _drift(x, c, opened, float(name.rstrip("%")) / 100) for name in scores}
    alike = table["behind"] <= np.maximum(2 * table["error"], NO_MATTER)
    near = table[alike].sort_values("parameters")["form"]
    chosen = next((name for name in near if drift[name] >= STEADY_P), chosen)  # a law needs a steady past
    table = table.assign(chosen=table["form"] == chosen, note=[f"drift p = {drift[n]:.2g}" for n in table["form"]])
    return float(chosen.rstrip("%")) / 100, table


def _drift(x: Floats, c: np.ndarray, opened: Floats, share: float) -> float:
    """Return the p value of durations neither growing nor shrinking over the latest cases (Spearman's rank).

    Only cases that were watched for as long as most take count, and no longer: otherwise the latest would look short
    because they are new.
    """
    long = float(np.quantile(x[~c], 0.8))
    rows = (opened >= np.quantile(opened, 1 - share)) & (opened <= float((opened + x).max()) - long)
    seen = np.minimum(x[rows], long)
    if rows.sum() < FEWEST_ENDED or np.ptp(seen) == 0:
        return 1.0
    return float(stats.spearmanr(opened[rows], seen).pvalue)


def _in_office(
    x: Floats, c: np.ndarray, opened: Floats, office: Office, elapsed: Fitted, resolution: float
) -> tuple[Fitted, Office | None, float, pd.DataFrame]:
    """Compare elapsed time with working time on the density of the moments at which cases end."""
    worked = office.between(opened, opened + x)
    inside = office.is_open(opened + x)
    ends_outside = float((~inside & ~c).sum() / max(1, (~c).sum()))
    law, _ = choose(worked, c, resolution)
    # cases that end outside office hours, and as many inside them as chance would bring there
    outside = min(0.99, ends_outside / max(1e-9, 1 - office.share))
    if outside > 0.5:
        return elapsed, None, 0.0, pd.DataFrame()
    scores = {"elapsed time": np.empty(len(x)), "office time": np.empty(len(x))}
    fold = np.arange(len(x)) % FOLDS
    for k in range(FOLDS):
        out, rest = fold == k, fold != k
        any_hour = fit(elapsed.shape, Grouped.of(x[rest], c[rest], resolution), [elapsed.theta])
        in_office = fit(law.shape, Grouped.of(worked[rest], c[rest], resolution), [law.theta])
        scores["elapsed time"][out] = _end_scores(any_hour, x[out], c[out], resolution)
        scores["office time"][out] = _office_scores(
            in_office, any_hour, outside, x[out], worked[out], c[out], inside[out], resolution
        )
    freedom = {"elapsed time": elapsed.shape.freedom, "office time": law.shape.freedom + elapsed.shape.freedom + 1}
    chosen, table = one_error(scores, freedom, "time")
    if chosen == "elapsed time" or not law.converged:
        return elapsed, None, 0.0, table
    return law, office, outside, table


def _end_scores(law: Fitted, x: Floats, c: np.ndarray, resolution: float) -> Floats:
    with np.errstate(divide="ignore"):
        density = np.log(np.maximum(law.pdf(np.maximum(x, resolution)), 1e-300))
    short = np.log(np.maximum(law.cdf(np.full_like(x, resolution)), 1e-300))
    return np.where(c, np.log(np.maximum(law.sf(x), 1e-300)), np.where(x <= resolution, short, density))


def _office_scores(
    law: Fitted, elapsed: Fitted, outside: float, x: Floats, worked: Floats, c: np.ndarray, inside: np.ndarray,
    resolution: float,
) -> Floats:  # fmt: skip
    at_any_hour = np.exp(_end_scores(elapsed, x, c, resolution))
    short = law.cdf(np.full_like(x, resolution)) / np.where(x <= resolution, 1.0, resolution)
    density = np.where(worked <= resolution, short, law.pdf(np.maximum(worked, resolution)))
    working = np.where(c, law.sf(worked), np.where(inside | (x <= resolution), density, 0.0))
    return np.log(np.maximum((1 - outside) * working + outside * at_any_hour, 1e-300))
