"""When which staff are busy: a heat map of posts or departments by hour of day, one panel per arm.

A cell is the mean share of all people on the post's roster who were driving or working in that hour; who was off
duty counts in the denominator, so nights with few on duty look pale. It knows tasks, not rosters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import SEQUENTIAL, Chart, escape, figure, records
from dashboards.charts.phrases import listing, percent
from dashboards.charts.replications import Floats
from dashboards.texts import Texts

ROW_PX, MOST_ROWS = 24, 24
ABOVE_PX, BELOW_PX, MARGIN_PX = 30, 34, 48
DAY_MIN = 1440.0


def load_by_hour(
    tasks: pd.DataFrame,
    staff: pd.DataFrame,
    arms: list[str],
    horizon_min: float,
    lang: str = "en",
    by: str = "post",
    titles: Mapping[str, str] | None = None,
) -> Chart:
    """Draw the busy share by hour of day.

    Parameters
    ----------
    tasks
        One row per task: ``policy, replication, assigned_min, left_min`` and the column named by ``by``; a task
        without an end is busy until ``horizon_min``.
    staff
        One row per staff member: ``policy, replication`` and the column named by ``by``.
    arms
        Policies in order.
    horizon_min
        End of the run, minutes since a midnight.
    lang
        ``"en"`` or ``"zh"``.
    by
        ``"post"`` or ``"department"``.
    titles
        ``group.name`` -> title of posts and departments; see :class:`dashboards.texts.Texts`.

    Returns
    -------
    Chart
        Its table has ``policy, group, hour, busy_share``; at most the 24 busiest groups are drawn, the table has all.
    """
    t = Texts(lang, titles)
    table = pd.concat(
        [_shares(tasks[tasks["policy"] == a], staff[staff["policy"] == a], by, horizon_min, a) for a in arms],
        ignore_index=True,
    )
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
    )


def minutes_by_hour(start_min: Floats, end_min: Floats) -> Floats:
    """Return how many minutes of each interval fall in each hour of the day, shape ``(n, 24)``."""
    hours = np.arange(24) * 60.0

    def before(moment: Floats) -> Floats:
        days, rest = np.divmod(moment[:, None], DAY_MIN)
        return days * 60.0 + np.clip(rest - hours, 0.0, 60.0)

    return before(np.asarray(end_min, dtype=float)) - before(np.asarray(start_min, dtype=float))


def _shares(tasks: pd.DataFrame, staff: pd.DataFrame, by: str, horizon_min: float, arm: str) -> pd.DataFrame:
    replications = max(1, staff["replication"].nunique())
    people = staff.groupby(by).size() / replications
    started = tasks[np.isfinite(tasks["assigned_min"].astype(float)) & tasks[by].isin(people.index)]
    start = np.clip(started["assigned_min"].to_numpy(dtype=float), 0.0, horizon_min)
    end = np.nan_to_num(started["left_min"].to_numpy(dtype=float), nan=horizon_min)
    code, names = pd.factorize(started[by], sort=True)
    busy = pd.DataFrame(0.0, index=people.index, columns=range(24))
    spent = minutes_by_hour(start, np.clip(end, start, horizon_min))
    for hour in range(24):
        busy.loc[names, hour] = np.bincount(code, weights=spent[:, hour], minlength=len(names))
    hours_each = minutes_by_hour(np.zeros(1), np.array([horizon_min]))[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = busy.to_numpy() / replications / (people.to_numpy()[:, None] * hours_each)
    return pd.DataFrame(
        {
            "policy": arm,
            "group": np.repeat(people.index.astype(str), 24),
            "hour": np.tile(np.arange(24), len(people)),
            "busy_share": share.ravel(),
        }
    )


def _height_px(arms: int, groups: int) -> int:
    return MARGIN_PX + arms * (ABOVE_PX + BELOW_PX + ROW_PX * max(3, groups))


def _panels(
    table: pd.DataFrame, arms: list[str], groups: list[str], by: str, t: Texts
) -> tuple[list[go.Heatmap], dict[str, Any]]:
    layout: dict[str, Any] = {"annotations": [], "margin": {"t": 8, "b": MARGIN_PX - 8}}
    traces = []
    drawn_px = _height_px(len(arms), len(groups)) - MARGIN_PX
    share, top_value = 1.0 / len(arms), float(np.nanmax(table["busy_share"])) if len(table) else 1.0
    for i, arm in enumerate(arms):
        suffix = "" if i == 0 else str(i + 1)
        wide = table[table["policy"] == arm].pivot(index="group", columns="hour", values="busy_share")
        z = wide.reindex(groups[::-1]).to_numpy()
        traces.append(
            go.Heatmap(
                z=np.round(z, 4).tolist(),
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
        "cmax": max(0.01, top_value),
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
