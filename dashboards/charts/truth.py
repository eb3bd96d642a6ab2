"""True beside reported: what is so and what the record says, for every measure that has both forms.

The gap between the two is itself a finding. Bars with 95 % intervals over replications, one panel per pair. It
pairs measures by name (``true_x`` with ``reported_x``, or ``x`` with ``reported_x``) and draws no others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import Chart, escape, figure, marks
from dashboards.charts.phrases import (
    Measures,
    inline_title,
    is_share,
    listing,
    measure_title,
    measure_unit,
    number,
    quantity,
    scaled,
    unit_word,
)
from dashboards.charts.replications import mean_interval
from dashboards.texts import Texts

PANEL_PX = 210


def truth_pairs(names: list[str]) -> list[tuple[str, str]]:
    """Return (true measure, reported measure) for every measure whose name says it has both forms."""
    pairs = []
    for name in names:
        if not name.startswith("reported_"):
            continue
        stem = name.removeprefix("reported_")
        found = [c for c in (f"true_{stem}", stem, f"{stem}_restricted") if c in names]
        if found:
            pairs.append((found[0], name))
    return pairs


def true_and_reported(runs: pd.DataFrame, arms: list[str], measures: Measures, lang: str = "en") -> Chart | None:
    """Draw true and reported values side by side for each arm.

    Parameters
    ----------
    runs
        One row per run: ``policy, replication`` and a column per measure.
    arms
        Policies in order.
    measures
        Unit and title of each.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Chart or None
        None when no measure exists in both forms. The table has ``pair, policy, state, metric, mean, low, high``
        in the measure's unit.
    """
    t = Texts(lang)
    pairs = truth_pairs([c for c in runs.columns if c in measures])
    pairs.sort(key=lambda pair: not is_share(measure_unit(pair[0], measures)))
    if not pairs:
        return None
    table = pd.DataFrame(
        [
            _row(runs, arm, state, metric, pair)
            for pair, metrics in enumerate(pairs)
            for arm in arms
            for state, metric in zip(("true", "reported"), metrics, strict=True)
        ]
    )
    traces, layout = _panels(table, arms, pairs, measures, t)
    return Chart(
        name="truth",
        title=_title(table, pairs[0], arms, measures, t),
        sentence=_sentence(table, pairs, arms, measures, t),
        description=t("charts.truth.description"),
        figure=figure(traces, height_px=40 + PANEL_PX * len(pairs), layout=layout),
        table=table,
    )


def _row(runs: pd.DataFrame, arm: str, state: str, metric: str, pair: int) -> dict[str, Any]:
    mean, low, high = (float(v) for v in mean_interval(runs.loc[runs["policy"] == arm, metric].to_numpy(dtype=float)))
    return {"pair": pair, "policy": arm, "state": state, "metric": metric, "mean": mean, "low": low, "high": high}


def _panels(
    table: pd.DataFrame, arms: list[str], pairs: list[tuple[str, str]], measures: Measures, t: Texts
) -> tuple[list[Any], dict[str, Any]]:
    style, traces = marks(arms), list[Any]()
    layout: dict[str, Any] = {
        "barmode": "group",
        "bargap": 0.3,
        "scattermode": "group",
        "scattergap": 0.3,
        "annotations": [],
        "legend": {"y": 1.0},
    }
    share = 1.0 / len(pairs)
    for i, (true_name, _) in enumerate(pairs):
        suffix = "" if i == 0 else str(i + 1)
        unit = measure_unit(true_name, measures)
        for arm in arms:
            part = table[(table["pair"] == i) & (table["policy"] == arm)]
            traces.append(_bars(part, arm, style[arm].color, unit, suffix, i == 0, t))
            traces.append(_values(part, arm, unit, suffix, t))
        top = 1 - i * share
        layout[f"yaxis{suffix}"] = {
            "domain": [top - share * 0.80, top - share * 0.24],
            "range": _range(table[table["pair"] == i], unit),
            "ticksuffix": unit_word(unit, t),
            "anchor": f"x{suffix}",
        }
        layout[f"xaxis{suffix}"] = {"anchor": f"y{suffix}", "ticks": ""}
        layout["annotations"].append(
            {
                "text": f"<b>{escape(measure_title(true_name, measures, t.lang))}</b>",
                "x": 0,
                "xref": "paper",
                "y": top - share * 0.20,
                "yref": "paper",
                "yanchor": "bottom",
                "xanchor": "left",
                "showarrow": False,
            }
        )
    return traces, layout


def _range(part: pd.DataFrame, unit: str) -> list[float]:
    """Return the axis from zero with room for the values written above the bars."""
    ends = part[["mean", "low", "high"]].to_numpy(dtype=float) * scaled(1.0, unit)
    ends = ends[np.isfinite(ends)]
    top, bottom = (float(ends.max()), float(ends.min())) if ends.size else (1.0, 0.0)
    return [min(0.0, 1.2 * bottom), max(1.25 * top, 1e-9)]


def _bars(part: pd.DataFrame, arm: str, color: str, unit: str, suffix: str, legend: bool, t: Texts) -> go.Bar:
    value = np.array([scaled(v, unit) for v in part["mean"]])
    low, high = (np.array([scaled(v, unit) for v in part[c]]) for c in ("low", "high"))
    return go.Bar(
        x=[t(f"states.{s}") for s in part["state"]],
        y=value.tolist(),
        name=escape(arm),
        legendgroup=arm,
        showlegend=legend,
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        offsetgroup=arm,
        marker={
            "color": color,
            "line": {"color": color, "width": 1.5},
            "pattern": {
                "shape": ["" if s == "true" else "/" for s in part["state"]],
                "fgcolor": "#FFFFFF",
                "fillmode": "overlay",
                "size": 7,
                "solidity": 0.35,
            },
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - value).tolist(),
            "arrayminus": np.nan_to_num(value - low).tolist(),
            "thickness": 1.6,
            "width": 5,
        },
        customdata=[quantity(v, unit, t) for v in part["mean"]],
        textposition="none",
        hovertemplate="%{x}: %{customdata}<extra>" + escape(arm) + "</extra>",
        meta={"policy": arm, "pair": int(part["pair"].iloc[0])},
    )


def _values(part: pd.DataFrame, arm: str, unit: str, suffix: str, t: Texts) -> go.Scatter:
    """Write each bar's value above its interval."""
    top = part[["mean", "high"]].astype(float).max(axis=1)  # NaN, and no warning, where there is neither
    return go.Scatter(
        x=[t(f"states.{s}") for s in part["state"]],
        y=[scaled(v, unit) for v in top],
        mode="text",
        offsetgroup=arm,
        text=[number(scaled(v, unit), 3) for v in part["mean"]],
        textposition="top center",
        hoverinfo="skip",
        showlegend=False,
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        textfont={"size": 12},
        cliponaxis=False,
        meta={"policy": arm, "pair": int(part["pair"].iloc[0]), "part": "values"},
    )


def _gap(table: pd.DataFrame, pair: int, arm: str) -> tuple[float, float]:
    part = table[(table["pair"] == pair) & (table["policy"] == arm)].set_index("state")["mean"]
    return float(part["true"]), float(part["reported"])


def _title(table: pd.DataFrame, pair: tuple[str, str], arms: list[str], measures: Measures, t: Texts) -> str:
    unit = measure_unit(pair[0], measures)
    true, reported = _gap(table, 0, arms[-1])
    more = reported > true
    return t(
        "charts.truth.title_more" if more else "charts.truth.title_less",
        arm=arms[-1],
        measure=measure_title(pair[0], measures, t.lang),
        true=quantity(true, unit, t),
        reported=quantity(reported, unit, t),
    )


def _sentence(table: pd.DataFrame, pairs: list[tuple[str, str]], arms: list[str], measures: Measures, t: Texts) -> str:
    parts = []
    for i, (true_name, _) in enumerate(pairs):
        unit = measure_unit(true_name, measures)
        if i and not is_share(unit):
            continue
        for arm in arms:
            true, reported = _gap(table, i, arm)
            parts.append(
                t(
                    "charts.truth.part",
                    arm=arm,
                    measure=inline_title(true_name, measures, t.lang),
                    true=quantity(true, unit, t),
                    reported=quantity(reported, unit, t),
                )
            )
    return t("charts.truth.sentence", parts=listing(parts, t))
