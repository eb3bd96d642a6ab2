"""Charts of a drill: its course as a strip of marks, and its objectives as bars with the limits of grades.

Both draw what the recording and the scorecard say; nothing is computed here that they do not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, VERMILLION, Chart, escape, figure, wrapped
from dashboards.texts import Texts

ROW_PX, ABOVE_PX = 44, 70
MARKS: dict[str, tuple[str, str]] = {
    "injects": (VERMILLION, "diamond"),
    "in_time": (BLUE, "circle"),
    "timed_out": (ORANGE, "x"),
    "stand_in": (GREY, "circle-open"),
    "arrivals": (GREEN, "triangle-up"),
    "cases": (PURPLE, "square"),
}
"""Kind of mark -> colour and symbol, never colour alone."""


def timeline(rows: Sequence[Mapping[str, Any]], length_min: float, lang: str = "en") -> Chart:
    """Draw the course of a drill.

    Parameters
    ----------
    rows
        One per mark: ``row`` (title of the row it stands in), ``t_min`` (exercise minutes), ``mark`` (a key of
        ``MARKS``), ``text``, and ``took_s`` for decisions (else None).
    length_min
        Exercise minutes played.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Chart
        Its table has the same columns.
    """
    t = Texts(lang)
    table = pd.DataFrame([dict(r) for r in rows], columns=["row", "t_min", "mark", "text", "took_s"])
    order = list(dict.fromkeys(table["row"]))[::-1]
    traces = []
    for mark, (color, symbol) in MARKS.items():
        mine = table[table["mark"] == mark]
        if len(mine):
            traces.append(go.Scatter(
                x=mine["t_min"], y=[escape(r) for r in mine["row"]], mode="markers", showlegend=False,
                marker={"color": color, "symbol": symbol, "size": 12, "line": {"color": INK, "width": 0.5}},
                text=[wrapped(x, 60) for x in mine["text"]], hovertemplate="%{x:.1f}<br>%{text}<extra></extra>",
            ))  # fmt: skip
    axis = {"title": {"text": t("drill.aar.exercise_min")}, "range": [-1, max(length_min, 1) + 1], "zeroline": True}
    rows_axis = {"categoryorder": "array", "categoryarray": [escape(r) for r in order], "showgrid": True}
    drawn = figure(traces, height_px=ABOVE_PX + ROW_PX * max(1, len(order)), layout={"xaxis": axis, "yaxis": rows_axis})
    decided = table[table["mark"].isin(["in_time", "timed_out", "stand_in"])]
    injects = table[table["mark"] == "injects"]
    slowest = decided["took_s"].dropna().max() if decided["took_s"].notna().any() else 0.0
    sentence = t(
        "drill.aar.timeline_sentence", first=_clock(injects["t_min"].min()), last=_clock(decided["t_min"].max()),
        slowest=f"{slowest:.0f}",
    )  # fmt: skip
    title = t("drill.aar.timeline_title", injects=len(injects), decisions=len(decided))
    return Chart(
        name="drill-timeline", title=title, sentence=sentence, description=t("drill.aar.timeline_description"),
        figure=drawn, table=table, min_width_px=720,
    )  # fmt: skip


def _clock(t_min: float) -> str:
    if t_min != t_min:
        return "–"
    return f"T+{int(t_min) // 60}:{int(t_min) % 60:02d}"


def objectives(card: Mapping[str, Any], grades: Mapping[str, float], lang: str = "en") -> Chart:
    """Draw the points of each objective with the limits of the grades.

    Parameters
    ----------
    card
        ``Scorecard.shown()``.
    grades
        Grade -> least points.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Chart
        Its table has ``objective, weight, points, grade``; points are missing where nothing was observed.
    """
    t = Texts(lang)
    table = pd.DataFrame(
        [{"objective": o["title"][lang], "weight": o["weight"], "points": o["points"], "grade": o["grade"] or ""}
         for o in card["objectives"]],
        columns=["objective", "weight", "points", "grade"],
    )  # fmt: skip
    known = table[table["points"].notna()]
    labels = [wrapped(name, 34) for name in table["objective"]]
    texts = [
        "" if p != p or p is None else f"{p:.0f} · {g}" for p, g in zip(table["points"], table["grade"], strict=True)
    ]
    bars = go.Bar(
        x=table["points"], y=labels, orientation="h", marker={"color": BLUE}, text=texts, textposition="outside",
        cliponaxis=False, hovertemplate="%{x:.0f}<extra></extra>",
    )  # fmt: skip
    lines = [
        {"type": "line", "x0": least, "x1": least, "y0": 0, "y1": 1, "yref": "paper",
         "line": {"color": GREY, "dash": "dash", "width": 1}}
        for least in grades.values()
    ]  # fmt: skip
    notes = [
        {"x": least, "y": 1.0, "yref": "paper", "yanchor": "bottom", "text": grade, "showarrow": False,
         "font": {"color": GREY}}
        for grade, least in grades.items()
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": t("drill.aar.points")}, "range": [0, 112]},
        "yaxis": {"autorange": "reversed"}, "shapes": lines, "annotations": notes, "margin": {"t": 26, "r": 24},
        "bargap": 0.45,
    }  # fmt: skip
    listed = t("phrases.comma").join(f"{n} {p:.0f}" for n, p in zip(known["objective"], known["points"], strict=True))
    return Chart(
        name="drill-objectives", title=_finding(known, t),
        sentence=t("drill.aar.scorecard_sentence", list=listed) if len(known) else t("drill.aar.scorecard_none"),
        description=t("drill.aar.scorecard_description"),
        figure=figure([bars], height_px=90 + 62 * max(1, len(table)), layout=layout), table=table,
        min_width_px=520,
    )  # fmt: skip


def _finding(known: pd.DataFrame, t: Texts) -> str:
    if not len(known):
        return t("drill.aar.scorecard_none")
    ranked = known.sort_values("points", ascending=False, kind="stable")
    best, worst = ranked.iloc[0], ranked.iloc[-1]
    if len(ranked) == 1 or best["points"] == worst["points"]:
        return t("drill.aar.scorecard_title_one", best=best["objective"], points=f"{best['points']:.0f}")
    return t("drill.aar.scorecard_title", best=best["objective"], worst=worst["objective"])
