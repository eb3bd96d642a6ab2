"""How busy staff on duty are by hour of the day: a heat map of posts or departments, one panel per arm.

A cell is the minutes with cases in that hour divided by the minutes on duty in that hour, from the minutes that the
staff table sums: work after duty counts, so that a cell may exceed 100 %, and where nobody is on duty the cell is
empty. It is the share of duty spent on cases, by hour; delegated work stands beside it in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import SEQUENTIAL, Chart, escape, figure, records
from dashboards.charts.phrases import listing, percent
from dashboards.texts import Texts

ROW_PX, MOST_ROWS = 24, 24
ABOVE_PX, BELOW_PX, MARGIN_PX = 30, 34, 48
MINUTES = ["busy_min", "background_min", "on_duty_min"]


def load_by_hour(
    hours: pd.DataFrame, arms: list[str], lang: str = "en", by: str = "post", titles: Mapping[str, str] | None = None
) -> Chart:
    """Draw the share of duty spent on cases by hour of day.

    Parameters
    ----------
    hours
        Minutes of staff by hour: ``policy, replication, hour`` (0 to 23), ``busy_min`` (with cases),
        ``background_min`` (delegated work), ``on_duty_min`` and the column named by ``by``.
    arms
        Policies in order.
    lang
        ``"en"`` or ``"zh"``.
    by
        ``"post"`` or ``"department"``.
    titles
        ``group.name`` -> title of posts and departments; see :class:`dashboards.texts.Texts`.

    Returns
    -------
    Chart
        Its table has ``policy, group, hour, busy_min, background_min, on_duty_min`` (means over replications) and
        ``busy_share``, NaN where nobody is on duty; at most the 24 busiest groups are drawn, the table has all.
    """
    t = Texts(lang, titles)
    table = _shares(hours, arms, by)
    peaks = table.groupby("group")["busy_share"].max().sort_values(ascending=False, kind="stable")
    groups = peaks.index[:MOST_ROWS].tolist()
    traces, layout = _panels(table, arms, groups, by, t)
    return Chart(
        name=f"load_{by}",
        title=_title(table, arms, by, t),
        sentence=_sentence(table, arms, by, t),
        description=t("charts.load.description")
        + (
            t.joiner + t("charts.load.omitted", shown=len(groups), total=len(peaks)) if len(peaks) > len(groups) else ""
        ),
        figure=figure(traces, height_px=_height_px(len(arms), len(groups)), layout=layout),
        table=table,
        min_width_px=820,
        names=dict(titles or {}),
    )


def _shares(hours: pd.DataFrame, arms: list[str], by: str) -> pd.DataFrame:
    """Return minutes per replication and their ratio, by arm, group and hour."""
    known = hours[hours["policy"].isin(arms) & hours[by].notna()]
    replications = known.groupby("policy", observed=True)["replication"].nunique()
    named = known.assign(group=known[by].astype(str), policy=known["policy"].astype(str))
    table = named.groupby(["policy", "group", "hour"], observed=True)[MINUTES].sum().astype(float).reset_index()
    table[MINUTES] = table[MINUTES].div(table["policy"].map(replications), axis=0)
    duty = table["on_duty_min"].to_numpy()
    table["busy_share"] = np.divide(table["busy_min"], duty, out=np.full(len(table), np.nan), where=duty > 0)
    order = {arm: i for i, arm in enumerate(arms)}
    return table.sort_values(["policy", "group", "hour"], key=lambda c: c.map(order) if c.name == "policy" else c,
                             ignore_index=True)  # fmt: skip


def _height_px(arms: int, groups: int) -> int:
    return MARGIN_PX + arms * (ABOVE_PX + BELOW_PX + ROW_PX * max(3, groups))


def _panels(
    table: pd.DataFrame, arms: list[str], groups: list[str], by: str, t: Texts
) -> tuple[list[go.Heatmap], dict[str, Any]]:
    layout: dict[str, Any] = {"annotations": [], "margin": {"t": 8, "b": MARGIN_PX - 8}}
    traces = []
    drawn_px = _height_px(len(arms), len(groups)) - MARGIN_PX
    share, top_value = 1.0 / len(arms), float(table["busy_share"].max())
    for i, arm in enumerate(arms):
        suffix = "" if i == 0 else str(i + 1)
        wide = table[table["policy"] == arm].pivot(index="group", columns="hour", values="busy_share")
        z = wide.reindex(groups[::-1]).to_numpy()
        traces.append(
            go.Heatmap(
                z=[[round(v, 4) if np.isfinite(v) else None for v in row] for row in z],
                x=list(range(24)),
                y=[_group_title(g, by, t) for g in groups[::-1]],
                xaxis=f"x{suffix}",
                yaxis=f"y{suffix}",
                coloraxis="coloraxis",
                xgap=1,
                ygap=1,
                text=[[f"{100 * v:.0f}" if np.isfinite(v) else "" for v in row] for row in z],
                texttemplate="%{text}",
                textfont={"size": 10},
                hovertemplate="%{y}, %{x}:00: %{z:.0%}<extra>" + escape(arm) + "</extra>",
                meta={"policy": arm},
            )
        )
        top = 1 - i * share
        layout[f"yaxis{suffix}"] = {
            "domain": [max(0.0, top - share + BELOW_PX / drawn_px), top - ABOVE_PX / drawn_px],
            "showgrid": False,
            "ticks": "",
            "anchor": f"x{suffix}",
        }
        layout[f"xaxis{suffix}"] = {
            "anchor": f"y{suffix}",
            "showgrid": False,
            "dtick": 3,
            "ticksuffix": ":00",
            "title": {"text": t("charts.load.x") if i == len(arms) - 1 else ""},
        }
        layout["annotations"].append(
            {
                "text": f"<b>{escape(arm)}</b>",
                "x": 0,
                "xref": "paper",
                "y": top,
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "top",
                "showarrow": False,
                "yshift": -6,
            }
        )
    layout["coloraxis"] = {
        "colorscale": SEQUENTIAL,
        "cmin": 0,
        "cmax": max(0.01, top_value) if np.isfinite(top_value) else 1.0,
        "colorbar": {"tickformat": ".0%", "title": {"text": t("charts.load.bar")}, "len": 0.6},
    }
    return traces, layout


def _group_title(group: str, by: str, t: Texts) -> str:
    return escape(t.name("posts" if by == "post" else "departments", group))


def _peak(table: pd.DataFrame, arm: str) -> dict[str, Any]:
    mine = table[table["policy"] == arm]
    if not np.isfinite(mine["busy_share"]).any():
        return {"group": "", "hour": 0, "busy_share": float("nan")}
    return records(mine.nlargest(1, "busy_share"))[0]


def _title(table: pd.DataFrame, arms: list[str], by: str, t: Texts) -> str:
    peak = _peak(table, arms[0])
    return t(
        "charts.load.title",
        group=_group_title(peak["group"], by, t),
        hour=f"{int(peak['hour']):02d}:00",
        arm=arms[0],
        share=percent(peak["busy_share"]),
    )


def _sentence(table: pd.DataFrame, arms: list[str], by: str, t: Texts) -> str:
    parts = []
    for arm in arms:
        peak = _peak(table, arm)
        parts.append(
            t(
                "charts.load.part",
                arm=arm,
                group=_group_title(peak["group"], by, t),
                share=percent(peak["busy_share"]),
                hour=f"{int(peak['hour']):02d}:00",
            )
        )
    return t("charts.load.sentence", parts=listing(parts, t))
