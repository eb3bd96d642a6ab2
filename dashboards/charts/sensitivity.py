"""Charts of a sensitivity study: indices with intervals, the plane of elementary effects, and where a verdict flips.

They draw a result and judge nothing; what is said beside them comes from `calibration.sensitivity.telling`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from calibration.sensitivity.designs import DUMMY_NAME
from calibration.sensitivity.estimates import Estimate
from calibration.sensitivity.morris import MorrisEffects
from calibration.sensitivity.sobol import SobolIndices
from calibration.sensitivity.study import SensitivityResult
from calibration.sensitivity.telling import Teller, alike, plain
from dashboards.charts.base import (
    BLUE,
    GREY,
    INK,
    PALE,
    VERMILLION,
    Chart,
    escape,
    figure,
    translucent,
    wrapped,
)
from dashboards.texts import Texts

ROW_PX = 40
MOST_LABELS = 12
LEADING = ("decisive", "matters")


def sensitivity_charts(result: SensitivityResult, lang: str = "en") -> list[Chart]:
    """Return the charts of a result: bars or plane, and the flips when an effect was asked about."""
    drawn: list[Chart] = []
    if result.analysis.signal:
        drawn.append(index_bars(result, lang) if result.method == "sobol" else effects_plane(result, lang))
    if result.flips:
        drawn.append(flip_curves(result, lang))
    return drawn


def index_bars(result: SensitivityResult, lang: str = "en") -> Chart:
    """Draw first and total indices with their intervals, the dummy below them and the noise share in the last row.

    Parameters
    ----------
    result
        Of a Sobol study with a signal.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Chart
        Its table has one row per factor, the dummy too: ``parameter, first, first_low, first_high, total, total_low,
        total_high, meaning``, and a row for the noise share.
    """
    tell, found = Teller(result, Texts(lang), lang), result.analysis
    if not isinstance(found, SobolIndices):
        raise ValueError("bars of indices need a Sobol study")
    names = [*result.order, DUMMY_NAME]
    ys = [float(len(names) - i) for i in range(len(names))]
    traces = [
        _dots(ys, [found.total[n] for n in names], 0.0, BLUE, "circle", tell.say("charts.total")),
        _dots(ys, [found.first[n] for n in names], -0.26, VERMILLION, "diamond-open", tell.say("charts.first")),
        _dots([0.0], [found.noise_share], 0.0, GREY, "square", tell.say("charts.noise")),
    ]
    labels = [_broken(tell.name(name)) for name in names] + [wrapped(tell.say("charts.noise"), 20)]
    layout = {
        "xaxis": {"title": {"text": tell.say("charts.bars_x")}, "rangemode": "tozero", "zeroline": True,
                  "zerolinecolor": INK},
        "yaxis": {"tickvals": [*ys, 0.0], "ticktext": labels,
                  "range": [-0.6, len(names) + 0.6], "fixedrange": True},
        "shapes": [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0.5, "y1": 0.5,
                    "line": {"color": PALE, "width": 1.5}}],
    }  # fmt: skip
    leading = _leading(result)
    title = tell.say("charts.bars_title_none")
    if leading:
        title = tell.say("charts.bars_title", name=leading[0], share=tell.percent(found.total[leading[0]].value))
    parts = [tell.say("charts.bars_part", name=n, value=tell.index(found.total[n])) for n in names]
    return Chart(
        name="sensitivity-indices", title=title,
        sentence=tell.say(
            "charts.bars_sentence", parts=tell.listing(parts), noise=tell.percent(found.noise_share.value)
        ),
        description=tell.say("charts.bars_description"),
        figure=figure(traces, height_px=120 + ROW_PX * (len(names) + 1), layout=layout),
        table=_index_table(found, names, tell), column_titles=_titles(tell),
    )  # fmt: skip


def _index_table(found: SobolIndices, names: list[str], tell: Teller) -> pd.DataFrame:
    rows = [
        {"parameter": tell.name(n), **_ends("first", found.first[n]), **_ends("total", found.total[n]),
         "meaning": tell.meaning(n)}
        for n in names
    ]  # fmt: skip
    rows.append({"parameter": tell.say("charts.noise"), **_ends("total", found.noise_share)})
    return pd.DataFrame(rows)


def effects_plane(result: SensitivityResult, lang: str = "en") -> Chart:
    """Draw each factor by mean size and spread of its elementary effects.

    Parameters
    ----------
    result
        Of a Morris study.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Chart
        Its table has one row per factor, the dummy too: ``parameter, mu_star, mu_star_low, mu_star_high, mu, mu_low,
        mu_high, sigma, meaning``, in the answer's unit per whole range.
    """
    tell, found = Teller(result, Texts(lang), lang), result.analysis
    if not isinstance(found, MorrisEffects):
        raise ValueError("the plane of effects needs a Morris study")
    leading = _leading(result)
    names = [*result.order, DUMMY_NAME]
    groups = (
        ([n for n in names if n in leading], BLUE, "circle", tell.say("charts.matters")),
        ([n for n in names if n not in leading and n != DUMMY_NAME], GREY, "circle-open", tell.say("charts.others")),
        ([DUMMY_NAME], INK, "x", tell.name(DUMMY_NAME)),
    )
    labelled = set(leading[:MOST_LABELS] or result.order[:1])
    traces = [_plane_dots(tell, found, *group, labelled) for group in groups if group[0]]
    top = tell.shown(max([*found.sigma.values(), 0.25 * max(e.high for e in found.mu_star.values())])) * 1.2
    layout = {
        "xaxis": {"title": {"text": tell.say("charts.plane_x", unit=tell.unit)}, "zeroline": True,
                  "zerolinecolor": GREY},
        "yaxis": {"title": {"text": tell.say("charts.plane_y", unit=tell.unit)}, "range": [-0.04 * top, top]},
        "shapes": [{"type": "line", "x0": 0, "y0": 0, "x1": top, "y1": top,
                    "line": {"color": GREY, "width": 1, "dash": "dash"}}],
    }  # fmt: skip
    title = tell.say("charts.plane_title_none")
    if leading:
        amount = tell.rounded(found.mu_star[leading[0]])
        title = tell.say("charts.plane_title", name=leading[0], amount=amount)
    parts = [tell.say("charts.bars_part", name=tell.name(n), value=tell.size(found.mu_star[n])) for n in names]
    return Chart(
        name="sensitivity-effects", title=title,
        sentence=tell.say("charts.plane_sentence", parts=tell.listing(parts[:MOST_LABELS])),
        description=tell.say("charts.plane_description"), figure=figure(traces, height_px=520, layout=layout),
        table=_effect_table(found, names, tell), column_titles=_titles(tell),
    )  # fmt: skip


def _plane_dots(
    tell: Teller, found: MorrisEffects, names: list[str], color: str, symbol: str, label: str, labelled: set[str]
) -> go.Scatter:
    values = [_shown(tell, found.mu_star[n]) for n in names]
    return go.Scatter(
        x=[round(v.value, 6) for v in values],
        y=[round(tell.shown(found.sigma[n]), 6) for n in names],
        error_x=_bars(values, color),
        mode="markers+text",
        text=[escape(tell.name(n)) if n in labelled else "" for n in names],
        textposition=[_beside(found, labelled, n) for n in names],
        textfont={"size": 11, "color": color},
        cliponaxis=False,
        name=escape(label),
        marker={"size": 10, "color": color, "symbol": symbol, "line": {"width": 2, "color": color}},
        hovertext=[escape(f"{tell.name(n)}: {tell.size(found.mu_star[n])}, {tell.meaning(n)}") for n in names],
        hoverinfo="text",
    )


def _beside(found: MorrisEffects, labelled: set[str], name: str) -> str:
    """Return where a label stands: above and below in turn by height, so that neighbours do not meet."""
    order = sorted(labelled, key=lambda n: found.sigma[n])
    return "top center" if name not in labelled or order.index(name) % 2 else "bottom center"


def _effect_table(found: MorrisEffects, names: list[str], tell: Teller) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"parameter": tell.name(n), **_ends("mu_star", _shown(tell, found.mu_star[n])),
             **_ends("mu", _shown(tell, found.mu[n])), "sigma": tell.shown(found.sigma[n]), "meaning": tell.meaning(n)}
            for n in names
        ]
    )  # fmt: skip


def flip_curves(result: SensitivityResult, lang: str = "en") -> Chart:
    """Draw the fitted difference along each of the most influential assumed parameters, with its band and zero.

    Returns
    -------
    Chart
        Its table has ``parameter, value, effect, low, high``.
    """
    tell = Teller(result, Texts(lang), lang)
    traces: list[Any] = []
    layout: dict[str, Any] = {"showlegend": False, "shapes": [], "annotations": []}
    count = len(result.flips)
    lows = [tell.shown(e.low) for f in result.flips for e in f.effect]
    highs = [tell.shown(e.high) for f in result.flips for e in f.effect]
    reach = [min([*lows, 0.0]), max([*highs, 0.0])]
    pad = 0.06 * (reach[1] - reach[0] or 1.0)
    for i, flip in enumerate(result.flips):
        axis = "" if i == 0 else str(i + 1)
        traces += _panel(flip, tell, axis)
        top, bottom = 1.0 - i / count, 1.0 - (i + 1) / count
        factor = result.factor(flip.name)
        layout[f"yaxis{axis}"] = {
            "domain": [bottom + 0.11, top - 0.03], "range": [reach[0] - pad, reach[1] + pad], "anchor": f"x{axis}",
            "title": {"text": wrapped(tell.say("charts.flips_y", **_arms(tell)), 34) if i == count // 2 else ""},
        }  # fmt: skip
        layout[f"xaxis{axis}"] = {
            "anchor": f"y{axis}", "title": {"text": wrapped(f"{flip.name} ({tell.words.unit(factor.unit)})", 38)},
            **(_decades(factor.low, factor.high) if factor.law == "loguniform" else {"type": "linear"}),
        }  # fmt: skip
        layout["shapes"].append(
            {"type": "line", "xref": f"x{axis} domain", "yref": f"y{axis}", "x0": 0, "x1": 1, "y0": 0, "y1": 0,
             "line": {"color": INK, "width": 1.5}}
        )  # fmt: skip
    short = [_short(flip, tell) for flip in result.flips]
    flipping = any(flip.outcome != "none" for flip in result.flips)
    return Chart(
        name="sensitivity-flips",
        title=tell.say("charts.flips_title", parts=tell.listing(short)) if flipping else tell.say("charts.flips_none"),
        sentence=tell.say("charts.flips_sentence", parts=tell.listing(tell.flip_sentence(f) for f in result.flips)),
        description=tell.say("charts.flips_description"),
        figure=figure(traces, height_px=60 + 240 * count, layout=layout),
        table=_flip_table(result, tell), column_titles=_titles(tell),
    )  # fmt: skip


def _decades(low: float, high: float) -> dict[str, Any]:
    """Return a logarithmic axis with ticks at 1, 2 and 5 of each decade, written out."""
    ticks = [m * 10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high))) for m in (1, 2, 5)]
    ticks = [tick for tick in ticks if low <= tick <= high]
    return {"type": "log", "tickvals": ticks, "ticktext": [plain(tick) for tick in ticks]}


def _panel(flip: Any, tell: Teller, axis: str) -> list[go.Scatter]:
    x = [round(float(v), 6) for v in flip.values]
    low, mid, high = ([round(tell.shown(getattr(e, end)), 6) for e in flip.effect] for end in ("low", "value", "high"))
    common = {"x": x, "xaxis": f"x{axis}", "yaxis": f"y{axis}", "mode": "lines"}
    traces = [
        go.Scatter(y=low, line={"width": 0}, hoverinfo="skip", **common),
        go.Scatter(y=high, line={"width": 0}, fill="tonexty", fillcolor=translucent(BLUE, 0.18), hoverinfo="skip",
                   **common),
        go.Scatter(y=mid, line={"color": BLUE, "width": 3}, name=escape(flip.name), **common),
    ]  # fmt: skip
    if flip.at is not None:
        traces.append(
            go.Scatter(
                x=[flip.at.value], y=[0.0], xaxis=f"x{axis}", yaxis=f"y{axis}", mode="markers", hoverinfo="x",
                error_x=_bars([flip.at], VERMILLION),
                marker={"size": 11, "color": VERMILLION, "symbol": "diamond" if flip.outcome == "flip" else
                        "diamond-open"},
            )
        )  # fmt: skip
    return traces


def _flip_table(result: SensitivityResult, tell: Teller) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"parameter": f.name, "value": float(v), "effect": tell.shown(e.value), "low": tell.shown(e.low),
             "high": tell.shown(e.high)}
            for f in result.flips for v, e in zip(f.values, f.effect, strict=True)
        ]
    )  # fmt: skip


def _short(flip: Any, tell: Teller) -> str:
    if flip.outcome == "none":
        return tell.say("charts.short_none", name=flip.name)
    if flip.outcome == "flip" and flip.at is not None:
        at = alike(flip.at.value, flip.at.low, flip.at.high)[0]
        return tell.say("charts.short_flip", name=flip.name, at=at)
    return tell.say("charts.short_unsure", name=flip.name)


def _arms(tell: Teller) -> dict[str, str]:
    baseline, arm = (tell.policy(a) for a in tell.result.target.arms)
    return {"baseline": baseline, "arm": arm, "unit": tell.unit}


def _leading(result: SensitivityResult) -> list[str]:
    return [name for name in result.order if result.verdicts[name].weight in LEADING]


def _dots(ys: list[float], values: list[Estimate], shift: float, color: str, symbol: str, label: str) -> go.Scatter:
    return go.Scatter(
        x=[round(v.value, 6) for v in values],
        y=[y + shift for y in ys],
        error_x=_bars(values, color),
        mode="markers",
        name=escape(label),
        marker={"size": 11, "color": color, "symbol": symbol, "line": {"width": 2, "color": color}},
        hovertemplate="%{x:.3f}<extra></extra>",
    )


def _bars(values: list[Estimate], color: str) -> dict[str, Any]:
    up = [float(np.nan_to_num(v.high - v.value)) for v in values]
    down = [float(np.nan_to_num(v.value - v.low)) for v in values]
    return {
        "type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": color, "thickness": 2, "width": 5
    }  # fmt: skip


def _shown(tell: Teller, found: Estimate) -> Estimate:
    return Estimate(tell.shown(found.value), tell.shown(found.low), tell.shown(found.high))


def _ends(name: str, found: Estimate) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _broken(name: str) -> str:
    """Return a dotted name broken after its group, escaped."""
    return escape(name).replace(".", ".<br>", 1)


def _titles(tell: Teller) -> dict[str, str]:
    keys = ("parameter", "first", "total", "mu_star", "mu", "sigma", "meaning")
    return {key: tell.say(f"columns.{key}") for key in keys}
