"""Differences between arms, measure by measure: a dot and its 95 % interval around a zero line.

Every row is scaled to percent of the baseline's mean so that days and yuan share one axis; the differences in
their own units stand beside each row and in the table. It draws comparisons, it does not compute them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import BLUE, GREY, INK, VERMILLION, Chart, escape, figure, records, translucent
from dashboards.charts.phrases import (
    Measures,
    difference,
    finite,
    inline_title,
    listing,
    measure_over,
    measure_title,
    measure_unit,
    verdict,
)
from dashboards.texts import Texts

VERDICT_COLORS = {
    "better": BLUE,
    "worse": VERMILLION,
    "higher": INK,
    "lower": INK,
    "equivalent": GREY,
    "undecided": GREY,
}
TITLE_ORDER = (
    "better", "worse", "higher", "lower", "equivalent", "no_difference", "no_effect", "too_rare", "undecided",
    "undecided_adjusted",
)  # fmt: skip
"""Every verdict, in the order in which the title counts them."""
STATE_SYMBOLS = {"true": "circle", "reported": "diamond-open", "both": "square"}
WIDEST_PERCENT = 150.0
ROW_PX, MOST_REPLICATION_DOTS = 62, 60


def difference_forest(
    comparisons: pd.DataFrame, measures: Measures, lang: str = "en", runs: pd.DataFrame | None = None
) -> Chart:
    """Draw every comparison as a dot with its interval, in percent of the baseline.

    Parameters
    ----------
    comparisons
        One row per (metric, arm): ``metric, baseline, arm, mean_baseline, mean_arm, difference, low, high,
        verdict`` in the measure's unit.
    measures
        Unit, direction, state and title of each metric.
    lang
        ``"en"`` or ``"zh"``.
    runs
        One row per run (``policy, replication`` and a column per measure); with at most 60 replications each
        replication's own difference is drawn as a faint dot.

    Returns
    -------
    Chart
        Its table has the comparison's columns and ``percent, percent_low, percent_high``.
    """
    t = Texts(lang)
    table = _in_percent(comparisons, measures)
    drawn = table[np.isfinite(table["percent"])].reset_index(drop=True)
    reach = _reach(drawn)
    traces: list[Any] = _replication_dots(drawn, runs, reach)
    traces += _interval_lines(drawn, reach)
    traces += _dots(drawn, measures, reach, t)
    chart = figure(traces, height_px=90 + ROW_PX * max(1, len(drawn)), layout=_layout(drawn, measures, reach, t))
    return Chart(
        name="differences",
        title=_title(table, t),
        sentence=_sentence(table, measures, t),
        description=t("charts.forest.description") + t.joiner + _omitted(table, measures, t),
        figure=chart,
        table=table,
    )


def _in_percent(comparisons: pd.DataFrame, measures: Measures) -> pd.DataFrame:
    table = comparisons.copy()
    base = table["mean_baseline"].abs().to_numpy(dtype=float)
    scale = np.where(base > 0, 100.0 / np.where(base > 0, base, 1.0), np.nan)
    for name, column in (("percent", "difference"), ("percent_low", "low"), ("percent_high", "high")):
        table[name] = table[column].to_numpy(dtype=float) * scale
    table["unit"] = [measure_unit(m, measures) for m in table["metric"]]
    table["state"] = [str(measures[m].state) if m in measures else "both" for m in table["metric"]]
    return table.reset_index(drop=True)


def _reach(drawn: pd.DataFrame) -> float:
    """Half the axis: the widest interval, but no more than 150 %; what goes further is drawn as an arrow."""
    ends = drawn[["percent", "percent_low", "percent_high"]].abs().to_numpy(dtype=float)
    ends = ends[np.isfinite(ends)]
    return float(min(WIDEST_PERCENT, 1.08 * ends.max())) if ends.size and ends.max() > 0 else 1.0


def _color(verdict: object) -> str:
    return VERDICT_COLORS.get(str(verdict), GREY)


def _interval_lines(drawn: pd.DataFrame, reach: float) -> list[go.Scatter]:
    lines = []
    for row, y in zip(records(drawn), _rows(drawn), strict=True):
        ends = [row["percent_low"], row["percent_high"]]
        if not all(map(math.isfinite, ends)):
            continue
        inside = [float(np.clip(e, -reach, reach)) for e in ends]
        symbols = [
            "line-ns" if e == c else ("triangle-left" if e < 0 else "triangle-right")
            for e, c in zip(ends, inside, strict=True)
        ]
        lines.append(
            go.Scatter(
                x=inside,
                y=[y, y],
                mode="lines+markers",
                showlegend=False,
                hoverinfo="skip",
                line={"color": _color(row["verdict"]), "width": 3},
                marker={
                    "symbol": symbols,
                    "size": 10,
                    "color": _color(row["verdict"]),
                    "line": {"color": _color(row["verdict"]), "width": 2},
                },
                meta={"metric": row["metric"], "arm": row["arm"], "part": "interval"},
            )
        )
    return lines


def _rows(drawn: pd.DataFrame) -> list[float]:
    return [float(len(drawn) - 1 - i) for i in range(len(drawn))]


def _dots(drawn: pd.DataFrame, measures: Measures, reach: float, t: Texts) -> list[go.Scatter]:
    traces = []
    ys = np.array(_rows(drawn))
    for state, symbol in STATE_SYMBOLS.items():
        chosen = (drawn["state"] == state).to_numpy()
        if not chosen.any():
            continue
        part = drawn[chosen]
        traces.append(
            go.Scatter(
                x=part["percent"].clip(-reach, reach).tolist(),
                y=ys[chosen].tolist(),
                mode="markers",
                name=t(f"charts.forest.state_{state}"),
                marker={
                    "symbol": symbol,
                    "size": 13,
                    "color": [_color(v) for v in part["verdict"]],
                    "line": {"width": 2, "color": [_color(v) for v in part["verdict"]]},
                },
                text=[_hover(row, measures, t) for row in records(part)],
                hoverinfo="text",
                meta={"part": "dots", "state": state},
            )
        )
    return traces


def _replication_dots(drawn: pd.DataFrame, runs: pd.DataFrame | None, reach: float) -> list[go.Scatter]:
    if runs is None or runs["replication"].nunique() > MOST_REPLICATION_DOTS:
        return []
    traces = []
    for row, y in zip(records(drawn), _rows(drawn), strict=True):
        if row["metric"] not in runs:
            continue
        wide = runs.pivot(index="replication", columns="policy", values=row["metric"])
        if row["arm"] not in wide or row["baseline"] not in wide:
            continue
        x = ((wide[row["arm"]] - wide[row["baseline"]]) * 100.0 / abs(row["mean_baseline"])).to_numpy(dtype=float)
        x = x[np.isfinite(x) & (np.abs(x) <= reach)]
        traces.append(
            go.Scatter(
                x=np.round(x, 4).tolist(),
                y=[y - 0.16] * len(x),
                mode="markers",
                hoverinfo="skip",
                showlegend=False,
                marker={"size": 4, "color": translucent(INK, 0.35)},
                meta={"part": "replications"},
            )
        )
    return traces


def _hover(row: dict[str, Any], measures: Measures, t: Texts) -> str:
    lines = [
        f"<b>{escape(measure_title(row['metric'], measures, t.lang))}</b>",
        t("charts.forest.hover", arm=escape(row["arm"]), baseline=escape(row["baseline"])),
        escape(difference(row, row["unit"], t)),
        verdict(row, t, row["unit"]),
    ]
    return "<br>".join(lines)


def _layout(drawn: pd.DataFrame, measures: Measures, reach: float, t: Texts) -> dict[str, Any]:
    many = drawn["arm"].nunique() > 1
    notes = [_label(row, y, measures, many, t) for row, y in zip(records(drawn), _rows(drawn), strict=True)]
    rows = max(1, len(drawn))
    return {
        "annotations": notes,
        "xaxis": {"range": [-reach, reach], "title": {"text": t("charts.forest.axis")}, "ticksuffix": "%"},
        "yaxis": {"range": [-0.45, rows - 0.2], "visible": False, "fixedrange": True},
        "shapes": [
            {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": INK, "width": 1.5}}
        ],
        "legend": {"y": 1.0},
    }


def _label(row: dict[str, Any], y: float, measures: Measures, many: bool, t: Texts) -> dict[str, Any]:
    """Write the row's words above its dot, so that long titles cost no width on a narrow screen."""
    arm = f"{escape(row['arm'])}: " if many else ""
    title = escape(measure_title(row["metric"], measures, t.lang))
    state = t(f"charts.forest.mark_{row['state']}")
    over = measure_over(row["metric"], t.lang)
    title = f"<b>{title}</b>" + (f" ({escape(over)})" if over else "")
    values = f"{escape(difference(row, row['unit'], t))} · <b>{verdict(row, t)}</b>"
    return {
        "xref": "paper",
        "x": 0,
        "y": y + 0.40,
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "middle",
        "align": "left",
        "text": f"{arm}{title}{state}<br>{values}",
        "font": {"size": 12},
        "bgcolor": "rgba(255,255,255,0.8)",
        "borderpad": 0,
    }


def _title(table: pd.DataFrame, t: Texts) -> str:
    arms = list(dict.fromkeys(table["arm"]))
    counts = table["verdict"].astype(str).value_counts()
    key = "charts.forest.title_one" if len(arms) == 1 else "charts.forest.title_many"
    baseline = table["baseline"].iloc[0] if len(table) else ""
    return t(
        key,
        arm=listing(arms, t),
        baseline=baseline,
        parts=listing([f"{counts[v]} {t.name('verdicts', v)}" for v in TITLE_ORDER if v in counts.index], t),
        total=len(table),
    )


def _sentence(table: pd.DataFrame, measures: Measures, t: Texts) -> str:
    clear = table[table["verdict"].isin(["better", "worse", "higher", "lower"])]
    if clear.empty:
        return t("charts.forest.nothing")
    order = clear["percent"].abs().fillna(0).sort_values(ascending=False, kind="stable").index
    many = table["arm"].nunique() > 1
    parts = [
        t(
            "charts.forest.part_many" if many else "charts.forest.part",
            arm=row["arm"],
            measure=inline_title(row["metric"], measures, t.lang),
            difference=difference(row, row["unit"], t),
            verdict=t.name("verdicts", str(row["verdict"])),
        )
        for row in records(clear.loc[order[:3]])
    ]
    return t("charts.forest.sentence", parts=listing(parts, t))


def _omitted(table: pd.DataFrame, measures: Measures, t: Texts) -> str:
    left_out = [inline_title(r["metric"], measures, t.lang) for r in records(table) if not finite(r["percent"])]
    return t("charts.forest.omitted", names=listing(list(dict.fromkeys(left_out)), t)) if left_out else ""
