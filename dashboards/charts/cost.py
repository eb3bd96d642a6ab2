"""What a policy costs beside what it brings: each replication's difference in money against its difference in effect.

Every dot is one world, run under both arms; the cross is the mean with its 95 % intervals. The plane says in which
quadrant an arm falls; it puts no price on the effect.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import GREY, INK, Chart, escape, figure, marks, translucent, wrapped
from dashboards.charts.phrases import (
    Measures,
    direction,
    inline_title,
    listing,
    measure_title,
    measure_unit,
    scaled,
    unit_word,
)
from dashboards.charts.replications import mean_interval
from dashboards.texts import Texts


def cost_and_effect(
    runs: pd.DataFrame, arms: list[str], cost: str, effect: str, measures: Measures, lang: str = "en"
) -> Chart:
    """Draw differences in ``cost`` and ``effect`` against the first arm.

    Parameters
    ----------
    runs
        One row per run: ``policy, replication`` and the two measures.
    arms
        Policies, baseline first.
    cost, effect
        Names of measures; the effect's own direction decides which side is the better one.
    measures
        Unit, direction and title of each.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Chart
        Its table has ``policy, replication, cost, effect``: paired differences in the measures' units.
    """
    t = Texts(lang)
    table = pd.concat([_pairs(runs, arm, arms[0], cost, effect) for arm in arms[1:]], ignore_index=True)
    style = marks(arms)
    units = (measure_unit(cost, measures), measure_unit(effect, measures))
    traces: list[Any] = []
    summaries = {}
    for arm in arms[1:]:
        part = table[table["policy"] == arm]
        summaries[arm] = {name: _summary(part[name]) for name in ("cost", "effect")}
        traces += _arm_traces(part, arm, style[arm], summaries[arm], units)
    return Chart(
        name="cost",
        title=_title(summaries, measures, effect, arms[0], t),
        sentence=_sentence(summaries, units, measures, cost, effect, t),
        description=t("charts.cost.description", baseline=arms[0]),
        figure=figure(traces, height_px=440, layout=_layout(table, measures, cost, effect, t)),
        table=table,
    )


def _pairs(runs: pd.DataFrame, arm: str, baseline: str, cost: str, effect: str) -> pd.DataFrame:
    both = runs[runs["policy"] == arm].merge(runs[runs["policy"] == baseline], on="replication", suffixes=("", "_0"))
    return pd.DataFrame(
        {
            "policy": arm,
            "replication": both["replication"],
            "cost": both[cost] - both[f"{cost}_0"],
            "effect": both[effect] - both[f"{effect}_0"],
        }
    )


def _summary(values: pd.Series) -> dict[str, float]:
    mean, low, high = (float(v) for v in mean_interval(values.to_numpy(dtype=float)))
    return {"difference": mean, "low": low, "high": high}


def _arm_traces(
    part: pd.DataFrame, arm: str, mark: Any, summary: dict[str, dict[str, float]], units: tuple[str, str]
) -> list[go.Scatter]:
    cost, effect = (
        {k: scaled(v, u) for k, v in summary[n].items()} for n, u in zip(("cost", "effect"), units, strict=True)
    )
    dots = go.Scatter(
        x=[scaled(v, units[1]) for v in part["effect"]],
        y=[scaled(v, units[0]) for v in part["cost"]],
        mode="markers",
        legendgroup=arm,
        showlegend=False,
        hoverinfo="skip",
        meta={"policy": arm, "part": "worlds"},
        marker={"symbol": mark.symbol, "size": 6, "color": translucent(mark.color, 0.4)},
    )
    error = [
        {
            "type": "data",
            "symmetric": False,
            "array": [np.nan_to_num(s["high"] - s["difference"])],
            "arrayminus": [np.nan_to_num(s["difference"] - s["low"])],
            "color": INK,
            "thickness": 2,
            "width": 6,
        }
        for s in (effect, cost)
    ]
    mean = go.Scatter(
        x=[effect["difference"]],
        y=[cost["difference"]],
        error_x=error[0],
        error_y=error[1],
        mode="markers+text",
        name=escape(arm),
        legendgroup=arm,
        text=[escape(arm)],
        textposition="top right",
        meta={"policy": arm, "part": "mean"},
        marker={"symbol": mark.symbol, "size": 14, "color": mark.color, "line": {"color": INK, "width": 1}},
    )
    return [dots, mean]


def _around_zero(values: pd.Series) -> list[float]:
    """Return a range that holds all values and a fifth of itself on the other side of zero."""
    finite = values[np.isfinite(values)]
    low, high = (min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)) if len(finite) else (-1.0, 1.0)
    span = (high - low) or 1.0
    return [min(low - 0.08 * span, -0.25 * span), max(high + 0.08 * span, 0.25 * span)]


def _layout(table: pd.DataFrame, measures: Measures, cost: str, effect: str, t: Texts) -> dict[str, Any]:
    effects, costs = (
        table[k] * scaled(1.0, measure_unit(name, measures)) for k, name in (("effect", effect), ("cost", cost))
    )
    higher = effect in measures and str(measures[effect].better) == "higher"
    left, right = ("worse", "better") if higher else ("better", "worse")
    corners = [(0.01, left, "xanchor"), (0.99, right, "xanchor")]
    notes = []
    for y, money in ((0.99, "dearer"), (0.01, "cheaper")):
        for x, side, _ in corners:
            notes.append(
                {
                    "text": t(f"charts.cost.{side}_{money}"),
                    "x": x,
                    "y": y,
                    "xref": "paper",
                    "yref": "paper",
                    "showarrow": False,
                    "xanchor": "left" if x < 0.5 else "right",
                    "yanchor": "top" if y > 0.5 else "bottom",
                    "font": {"color": GREY, "size": 12},
                    "bgcolor": "rgba(255,255,255,0.75)",
                }
            )
    lines = [
        {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1},
        {"type": "line", "y0": 0, "y1": 0, "xref": "paper", "x0": 0, "x1": 1},
    ]
    return {
        "annotations": notes,
        "shapes": [line | {"line": {"color": INK, "width": 1.2}} for line in lines],
        "showlegend": False,
        "xaxis": {"title": {"text": _axis_title(effect, measures, t)}, "range": _around_zero(effects)},
        "yaxis": {"title": {"text": _axis_title(cost, measures, t)}, "range": _around_zero(costs)},
    }


def _axis_title(name: str, measures: Measures, t: Texts) -> str:
    unit = unit_word(measure_unit(name, measures), t, difference=True).strip()
    return wrapped(t("charts.cost.axis", measure=measure_title(name, measures, t.lang), unit=unit or "1"))


def _quadrant(summary: dict[str, dict[str, float]], higher_is_better: bool) -> str:
    effect, cost = summary["effect"], summary["cost"]
    clear = effect["low"] > 0 or effect["high"] < 0
    good = (effect["difference"] > 0) == higher_is_better
    benefit = ("better" if good else "worse") if clear else "unclear"
    money = "dearer" if cost["low"] > 0 else "cheaper" if cost["high"] < 0 else "unclear"
    return f"{benefit}_{money}"


def _title(summaries: dict[str, Any], measures: Measures, effect: str, baseline: str, t: Texts) -> str:
    higher = effect in measures and str(measures[effect].better) == "higher"
    parts = [
        t("charts.cost.part", arm=arm, where=t(f"charts.cost.is_{_quadrant(s, higher)}"))
        for arm, s in summaries.items()
    ]
    return t("charts.cost.title", parts=listing(parts, t), baseline=baseline)


def _sentence(
    summaries: dict[str, Any], units: tuple[str, str], measures: Measures, cost: str, effect: str, t: Texts
) -> str:
    parts = [
        t(
            "charts.cost.sentence_part",
            arm=arm,
            cost=inline_title(cost, measures, t.lang),
            cost_change=direction(s["cost"], units[0], t),
            effect=inline_title(effect, measures, t.lang),
            effect_change=direction(s["effect"], units[1], t),
        )
        for arm, s in summaries.items()
    ]
    return t("charts.cost.sentence", parts=listing(parts, t))
