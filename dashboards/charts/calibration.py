"""What a calibration shows: arrivals by hour, weekday and day, time to closing, quantiles, and how large each miss is.

Every function takes tables as `calibration.heldout` makes them and returns a :class:`Chart`. Nothing is fitted or
simulated here, and nothing is judged: verdicts come with the tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from calibration.measured import STATISTICS
from dashboards.charts.base import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    VERMILLION,
    Chart,
    date_axis,
    escape,
    figure,
    translucent,
    wrapped,
)
from dashboards.charts.phrases import duration, number, percent
from dashboards.charts.resolution import TICKS
from dashboards.texts import Texts, pick

FLOOR_MIN = 1.0
GOOD = ("agrees", "within_noise")
NOISE_LINE, GATE_LINE, MOST_SHOWN = 1.0, 3.0, 20.0


def _key(chart: str, part: str) -> str:
    return f"calibrate.charts.{chart}.{part}"


def _inside(table: pd.DataFrame) -> int:
    return int(((table["observed"] >= table["low"] - 1e-9) & (table["observed"] <= table["high"] + 1e-9)).sum())


def _band(x: list[Any], table: pd.DataFrame, name: str, *, step: bool = False) -> list[go.Scatter]:
    """Return the simulated mean and its band; the band is drawn as steps over bars."""
    shape = "hvh" if step else "linear"
    edge = {"width": 0, "shape": shape}
    low, high = table["low"].round(4).tolist(), table["high"].round(4).tolist()
    line = {"color": VERMILLION, "width": 2.5, "dash": "dash", "shape": shape}
    return [
        go.Scatter(x=x, y=low, mode="lines", line=edge, hoverinfo="skip", showlegend=False),
        go.Scatter(x=x, y=high, mode="lines", line=edge, fill="tonexty", fillcolor=translucent(VERMILLION, 0.2),
                   hoverinfo="skip", showlegend=False),
        go.Scatter(x=x, y=table["simulated"].round(4).tolist(), mode="lines", name=escape(name), line=line,
                   hovertemplate="%{y:.2f}"),
    ]  # fmt: skip


def arrivals_by_hour(hourly: pd.DataFrame, mornings: tuple[float, float], lang: str = "en") -> Chart:
    """Draw cases a day by hour of the clock, observed and simulated.

    Parameters
    ----------
    hourly
        ``hour, observed, simulated, low, high``: 24 rows, cases a day.
    mornings
        Shares of the cases before noon, observed and simulated (0-1).
    lang
        ``"en"`` or ``"zh"``.
    """
    t = Texts(lang)
    peak = hourly.iloc[int(hourly["observed"].to_numpy().argmax())]
    x = hourly["hour"].tolist()
    bars = go.Bar(x=x, y=hourly["observed"].round(4).tolist(), name=t("calibrate.columns.observed"),
                  marker={"color": translucent(BLUE, 0.75)}, hovertemplate="%{y:.2f}")  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": t(_key("hours", "x"))}, "dtick": 3, "range": [-0.6, 23.6]},
        "yaxis": {"title": {"text": t(_key("hours", "y"))}, "rangemode": "tozero"},
        "hovermode": "x unified", "bargap": 0.15,
    }  # fmt: skip
    fields = {"observed": number(peak["observed"], 2), "simulated": number(peak["simulated"], 2)}
    return Chart(
        name="calibrated-hours",
        title=t(_key("hours", "title"), peak=int(peak["hour"]), **fields),
        sentence=t(
            _key("hours", "sentence"), inside=_inside(hourly), morning=percent(mornings[0]),
            morning_simulated=percent(mornings[1]),
        ),
        description=t(_key("hours", "description")),
        figure=figure(
            [bars, *_band(x, hourly, t("calibrate.columns.simulated"), step=True)], height_px=360, layout=layout
        ),
        table=hourly,
    )  # fmt: skip


def arrivals_by_weekday(weekly: pd.DataFrame, lang: str = "en") -> Chart:
    """Draw cases on each weekday, observed and simulated (``weekday`` 0 is Monday; cases a day)."""
    t = Texts(lang)
    names = t(_key("weekdays", "names")).split(",")
    x = [names[int(d)] for d in weekly["weekday"]]
    busiest = int(weekly["observed"].to_numpy().argmax())
    bars = go.Bar(x=x, y=weekly["observed"].round(4).tolist(), name=t("calibrate.columns.observed"),
                  marker={"color": translucent(BLUE, 0.75)}, hovertemplate="%{y:.2f}")  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": t(_key("weekdays", "x"))}},
        "yaxis": {"title": {"text": t(_key("weekdays", "y"))}, "rangemode": "tozero"},
        "hovermode": "x unified", "bargap": 0.25,
    }  # fmt: skip
    row = weekly.iloc[busiest]
    return Chart(
        name="calibrated-weekdays",
        title=t(_key("weekdays", "title"), inside=_inside(weekly)),
        sentence=t(
            _key("weekdays", "sentence"), day=x[busiest], observed=number(row["observed"], 2),
            simulated=number(row["simulated"], 2),
        ),
        description=t(_key("weekdays", "description")),
        figure=figure(
            [bars, *_band(x, weekly, t("calibrate.columns.simulated"), step=True)], height_px=340, layout=layout
        ),
        table=weekly,
    )  # fmt: skip


def arrivals_by_day(daily: pd.DataFrame, lang: str = "en") -> Chart:
    """Draw held-out cases by day with the simulated band (``date, observed, simulated, low, high``)."""
    t = Texts(lang)
    x = [str(d) for d in daily["date"]]
    points = go.Scatter(x=x, y=daily["observed"].tolist(), mode="markers", name=t("calibrate.columns.observed"),
                        marker={"color": BLUE, "size": 6}, hovertemplate="%{y}")  # fmt: skip
    layout = {
        "xaxis": {**date_axis(lang), "title": {"text": t(_key("days", "x"))}},
        "yaxis": {"title": {"text": t(_key("days", "y"))}, "rangemode": "tozero"},
        "hovermode": "x unified",
    }
    fields = {"inside": _inside(daily), "days": len(daily)}
    return Chart(
        name="calibrated-days",
        title=t(_key("days", "title"), **fields),
        sentence=t(
            _key("days", "sentence"), days=len(daily), observed=f"{int(daily['observed'].sum()):,}",
            simulated=f"{daily['simulated'].sum():,.0f}",
        ),
        description=t(_key("days", "description")),
        figure=figure([*_band(x, daily, t("calibrate.columns.simulated")), points], height_px=340, layout=layout),
        table=daily,
    )  # fmt: skip


def closing_curves(curves: pd.DataFrame, deadline_min: float | None = None, lang: str = "en") -> Chart:
    """Draw the share of cases closed by each time: held out, simulated, and before the split.

    Parameters
    ----------
    curves
        ``minutes, observed, simulated, low, high, before`` (shares 0-1).
    deadline_min
        Median minutes allowed, marked when it lies in the picture.
    lang
        ``"en"`` or ``"zh"``.
    """
    t = Texts(lang)
    x = curves["minutes"].round(3).tolist()
    observed = go.Scatter(
        x=x,
        y=curves["observed"].round(4).tolist(),
        mode="lines",
        name=t(_key("durations", "observed")),
        line={"color": BLUE, "width": 3, "shape": "hv"},
        hovertemplate="%{y:.1%}",
    )
    before = go.Scatter(x=x, y=curves["before"].round(4).tolist(), mode="lines", name=t(_key("durations", "before")),
                        line={"color": GREY, "width": 2, "dash": "dot"}, hovertemplate="%{y:.1%}")  # fmt: skip
    spans = {name: _half(curves, name) for name in ("observed", "simulated")}
    day = {name: _at(curves, name, 1440.0) for name in ("observed", "simulated", "low", "high", "before")}
    traces = [*_band(x, curves, t(_key("durations", "simulated"))), observed, before]
    for trace in traces[2:3]:
        trace.hovertemplate = "%{y:.1%}"
    return Chart(
        name="calibrated-durations",
        title=t(_key("durations", "title"), **{k: duration(v, t) for k, v in spans.items()}),
        sentence=t(
            _key("durations", "sentence"), day=percent(day["observed"]), day_simulated=percent(day["simulated"]),
            low=percent(day["low"]), high=percent(day["high"]), day_before=percent(day["before"]),
        ),
        description=t(_key("durations", "description")),
        figure=figure(traces, height_px=440, layout=_time_layout(curves, deadline_min, t)),
        table=curves,
        min_width_px=560,
    )  # fmt: skip


def _half(curves: pd.DataFrame, name: str) -> float:
    share, minutes = curves[name].to_numpy(float), curves["minutes"].to_numpy(float)
    reached = np.flatnonzero(share >= 0.5)
    if not len(reached):
        return float("nan")
    i = int(reached[0])
    return float(minutes[0] if i == 0 else np.interp(0.5, share[i - 1 : i + 1], minutes[i - 1 : i + 1]))


def _at(curves: pd.DataFrame, name: str, minutes: float) -> float:
    return float(np.interp(minutes, curves["minutes"], curves[name]))


def _ticks(longest: float, t: Texts) -> dict[str, Any]:
    marks = [(1, "min", 1), *[tick for tick in TICKS if tick[0] <= longest * 1.02]]
    gap = "" if t.lang == "zh" else " "
    return {
        "type": "log", "tickvals": [m for m, _, _ in marks],
        "ticktext": [f"{n}{gap}{t.name('units', unit)}" for _, unit, n in marks], "tickangle": 0,
    }  # fmt: skip


def _time_layout(curves: pd.DataFrame, deadline_min: float | None, t: Texts) -> dict[str, Any]:
    longest = float(curves["minutes"].max())
    layout: dict[str, Any] = {
        "xaxis": {**_ticks(longest, t), "title": {"text": t(_key("durations", "x"))}, "range": [0, np.log10(longest)]},
        "yaxis": {"range": [0, 1.02], "tickformat": ".0%", "title": {"text": t(_key("durations", "y"))}},
        "hovermode": "x unified",
    }
    if deadline_min is not None and FLOOR_MIN < deadline_min < longest:
        layout["shapes"] = [{"type": "line", "x0": deadline_min, "x1": deadline_min, "yref": "paper", "y0": 0, "y1": 1,
                             "line": {"color": INK, "width": 1.5, "dash": "dot"}}]  # fmt: skip
        layout["annotations"] = [
            {"x": np.log10(deadline_min), "y": 0.02, "yref": "paper", "yanchor": "bottom", "xanchor": "right",
             "xshift": -4, "showarrow": False, "text": t(_key("durations", "deadline"), span=duration(deadline_min, t))}
        ]  # fmt: skip
    return layout


def quantile_plot(quantiles: pd.DataFrame, lang: str = "en") -> Chart:
    """Draw quantiles of a law against those of the cases it was fitted to.

    Parameters
    ----------
    quantiles
        ``share, observed, fitted, low, high`` (minutes; the ends of the fitted quantile's interval).
    lang
        ``"en"`` or ``"zh"``.
    """
    t = Texts(lang)
    told = quantiles.assign(
        **{c: quantiles[c].clip(lower=FLOOR_MIN / 2) for c in ("observed", "fitted", "low", "high")}
    )
    x, y = told["observed"], told["fitted"]
    ratio = np.maximum((x + FLOOR_MIN) / (y + FLOOR_MIN), (y + FLOOR_MIN) / (x + FLOOR_MIN))
    ends = [float(min(x.min(), y.min())) / 1.5, float(max(x.max(), y.max())) * 1.5]
    error = {"type": "data", "symmetric": False, "array": (told["high"] - y).clip(lower=0).fillna(0).tolist(),
             "arrayminus": (y - told["low"]).clip(lower=0).fillna(0).tolist(), "color": GREY,
             "thickness": 1}  # fmt: skip
    traces = [
        go.Scatter(x=ends, y=ends, mode="lines", name=t(_key("quantiles", "line")), line={"color": GREY, "dash": "dot"},
                   hoverinfo="skip"),
        go.Scatter(x=x.tolist(), y=y.tolist(), mode="markers", name=t(_key("quantiles", "points")), error_y=error,
                   marker={"color": BLUE, "size": 7}, text=[percent(p) for p in told["share"]],
                   hovertemplate="%{text}"),
    ]  # fmt: skip
    layout = {
        axis: {**_ticks(ends[1], t), "title": {"text": t(_key("quantiles", letter))}, "range": list(np.log10(ends))}
        for axis, letter in (("xaxis", "x"), ("yaxis", "y"))
    }
    return Chart(
        name="calibrated-quantiles",
        title=t(_key("quantiles", "title")),
        sentence=t(
            _key("quantiles", "sentence"),
            count=len(told),
            near=int((ratio <= 1.5).sum()),
            worst=number(float(ratio.max()), 2),
        ),
        description=t(_key("quantiles", "description")),
        figure=figure(traces, height_px=420, layout=layout),
        table=quantiles,
        min_width_px=560,
    )


def misses(table: pd.DataFrame, lang: str = "en") -> Chart:
    """Draw how many times the noise of the log each statistic misses.

    Parameters
    ----------
    table
        ``statistic, observed, simulated, misses, verdict`` as `calibration.heldout.HeldOut.table` has them.
    lang
        ``"en"`` or ``"zh"``.
    """
    t = Texts(lang)
    rows = table.iloc[::-1]
    names = [pick(STATISTICS[name].title, lang) for name in rows["statistic"]]
    size = rows["misses"].clip(upper=MOST_SHOWN)
    good = rows["verdict"].isin(GOOD)
    colors = [{"far": VERMILLION, "differs": ORANGE}.get(v, translucent(BLUE, 0.8)) for v in rows["verdict"]]
    words = [
        t(f"calibrate.verdicts.{v}", times=number(m, 2)) for v, m in zip(rows["verdict"], rows["misses"], strict=True)
    ]
    bars = go.Bar(x=size.tolist(), y=[wrapped(n, 28) for n in names], orientation="h", marker={"color": colors},
                  text=words, textposition="outside", hoverinfo="skip", cliponaxis=False)  # fmt: skip
    lines = [
        {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
         "line": {"color": INK, "width": 1.2, "dash": "dot"}}
        for at in (NOISE_LINE, GATE_LINE)
    ]  # fmt: skip
    labels = [
        {"x": at, "y": 1.0, "yref": "paper", "yanchor": "bottom", "showarrow": False, "text": t(_key("verdicts", word))}
        for at, word in ((NOISE_LINE, "noise"), (GATE_LINE, "gate"))
    ]
    worst = table.iloc[int(table["misses"].to_numpy().argmax())]
    layout = {
        "xaxis": {"title": {"text": t(_key("verdicts", "x"))}, "range": [0, max(4.5, float(size.max()) * 1.35)]},
        "yaxis": {"gridcolor": PALE}, "shapes": lines, "annotations": labels,
        "margin": {"l": 8, "r": 12, "t": 26, "b": 8},
    }  # fmt: skip
    return Chart(
        name="calibrated-misses",
        title=t(_key("verdicts", "title"), good=int(good.sum()), total=len(table)),
        sentence=t(
            _key("verdicts", "sentence"), worst=pick(STATISTICS[str(worst["statistic"])].title, lang),
            times=number(float(worst["misses"]), 2),
        ),
        description=t(_key("verdicts", "description")),
        figure=figure([bars], height_px=110 + 28 * len(table), layout=layout),
        table=table,
        min_width_px=620,
    )  # fmt: skip
