"""How long trouble lasts: the share of incidents truly resolved by each time since they occurred, by arm.

One curve per arm, estimated within every replication and then averaged, with a 95 % band over replications.
Incidents still open at the end are censored; those that ended unresolved can never be resolved any more, so they
compete with resolution instead of being censored. It says nothing about what the record claims.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import INK, Chart, escape, figure, marks, translucent
from dashboards.charts.phrases import duration, listing, percent
from dashboards.charts.replications import Floats, cumulative_incidence, mean_interval
from dashboards.texts import Texts

GRID_POINTS = 160
FIRST_MIN = 10.0
TICKS = (
    (10, "min", 10),
    (60, "h", 1),
    (360, "h", 6),
    (1440, "d", 1),
    (10080, "d", 7),
    (43200, "d", 30),
    (172800, "d", 120),
)


def resolution_curves(
    incidents: pd.DataFrame, arms: list[str], horizon_min: float, lang: str = "en", deadline_min: float | None = None
) -> Chart:
    """Draw the share of incidents truly resolved against time since occurrence.

    Parameters
    ----------
    incidents
        One row per incident: ``policy, replication, occurred_min, resolved_min, ended_min`` (NaN when it never
        happened) and, if there, ``in_cohort``; only the cohort is drawn.
    arms
        Policies in order, baseline first.
    horizon_min
        End of the run; incidents neither resolved nor ended by then are censored.
    lang
        ``"en"`` or ``"zh"``.
    deadline_min
        A limit to mark, minutes since occurrence; none by default.

    Returns
    -------
    Chart
        Its table has ``policy, minutes, share, low, high`` (0-1), one row per arm and grid time.
    """
    t = Texts(lang)
    cohort = incidents[incidents["in_cohort"].astype(bool)] if "in_cohort" in incidents else incidents
    longest = max(2 * FIRST_MIN, float(horizon_min - cohort["occurred_min"].min())) if len(cohort) else horizon_min
    grid = np.geomspace(FIRST_MIN, longest, GRID_POINTS)
    curves = {arm: _per_replication(cohort[cohort["policy"] == arm], grid, horizon_min) for arm in arms}
    style = marks(arms)
    table = _table(curves, grid)
    traces: list[Any] = []
    for arm in arms:
        traces += _arm_traces(table[table["policy"] == arm], arm, style[arm])
    medians = {arm: _median(table[table["policy"] == arm]) for arm in arms}
    return Chart(
        name="resolution",
        title=_title(medians, t),
        sentence=_sentence(table, medians, deadline_min, t),
        description=t("charts.resolution.description"),
        figure=figure(traces, height_px=440, layout=_layout(longest, deadline_min, t)),
        table=table,
    )


def observed(incidents: pd.DataFrame, horizon_min: float) -> tuple[Floats, Floats]:
    """Return time under observation (minutes) and event (1 resolved, 2 ended unresolved, 0 censored)."""
    start = incidents["occurred_min"].to_numpy(dtype=float)
    resolved = incidents["resolved_min"].to_numpy(dtype=float)
    ended = incidents["ended_min"].to_numpy(dtype=float)
    is_resolved = np.isfinite(resolved) & (resolved <= horizon_min)
    is_ended = ~is_resolved & np.isfinite(ended) & (ended <= horizon_min)
    stop = np.where(is_resolved, resolved, np.where(is_ended, ended, horizon_min))
    return np.maximum(stop - start, 0.0), np.where(is_resolved, 1.0, np.where(is_ended, 2.0, 0.0))


def _per_replication(incidents: pd.DataFrame, grid: Floats, horizon_min: float) -> Floats:
    rows = [cumulative_incidence(*observed(part, horizon_min), grid) for _, part in incidents.groupby("replication")]
    return np.array(rows) if rows else np.full((1, grid.size), np.nan)


def _table(curves: dict[str, Floats], grid: Floats) -> pd.DataFrame:
    parts = []
    for arm, rows in curves.items():
        mean, low, high = mean_interval(rows)
        parts.append(
            pd.DataFrame(
                {"policy": arm, "minutes": grid, "share": mean, "low": np.clip(low, 0, 1), "high": np.clip(high, 0, 1)}
            )
        )
    return pd.concat(parts, ignore_index=True)


def _arm_traces(part: pd.DataFrame, arm: str, mark: Any) -> list[go.Scatter]:
    x, y = part["minutes"].round(2).tolist(), part["share"].round(5).tolist()
    traces = []
    if np.isfinite(part["low"]).any():
        traces.append(
            go.Scatter(
                x=x + x[::-1],
                y=part["high"].round(5).tolist() + part["low"].round(5).tolist()[::-1],
                fill="toself",
                fillcolor=translucent(mark.color, 0.18),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                mode="lines",
                legendgroup=arm,
                meta={"policy": arm, "part": "band"},
            )
        )
    traces.append(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            name=escape(arm),
            legendgroup=arm,
            line={"color": mark.color, "dash": mark.dash, "width": 3},
            hovertemplate="%{y:.1%}",
            meta={"policy": arm, "part": "curve"},
        )
    )
    return traces


def _median(part: pd.DataFrame) -> float:
    """First grid time by which half are resolved, interpolated; NaN when fewer than half ever are."""
    share, minutes = part["share"].to_numpy(), part["minutes"].to_numpy()
    reached = np.flatnonzero(share >= 0.5)
    if reached.size == 0:
        return float("nan")
    i = int(reached[0])
    return float(minutes[0] if i == 0 else np.interp(0.5, share[i - 1 : i + 1], minutes[i - 1 : i + 1]))


def _share_at(part: pd.DataFrame, minutes: float) -> float:
    return float(np.interp(minutes, part["minutes"], part["share"]))


def _layout(longest: float, deadline_min: float | None, t: Texts) -> dict[str, Any]:
    ticks = [(m, f"{n}{'' if t.lang == 'zh' else ' '}{t.name('units', u)}") for m, u, n in TICKS if m <= longest * 1.02]
    layout: dict[str, Any] = {
        "xaxis": {
            "type": "log",
            "tickvals": [m for m, _ in ticks],
            "ticktext": [w for _, w in ticks],
            "title": {"text": t("charts.resolution.x")},
            "tickangle": 0,
            "range": [np.log10(FIRST_MIN), np.log10(longest)],
        },
        "yaxis": {"range": [0, 1.0], "tickformat": ".0%", "title": {"text": t("charts.resolution.y")}},
        "hovermode": "x unified",
    }
    if deadline_min is not None and np.isfinite(deadline_min) and deadline_min > FIRST_MIN:
        layout["shapes"] = [
            {
                "type": "line",
                "x0": deadline_min,
                "x1": deadline_min,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": INK, "width": 1.5, "dash": "dot"},
            }
        ]
        layout["annotations"] = [
            {
                "x": np.log10(deadline_min),
                "y": 0.02,
                "yref": "paper",
                "yanchor": "bottom",
                "xanchor": "right",
                "showarrow": False,
                "xshift": -4,
                "text": t("charts.resolution.deadline", span=duration(deadline_min, t)),
            }
        ]
    return layout


def _title(medians: dict[str, float], t: Texts) -> str:
    if any(np.isfinite(m) for m in medians.values()):
        parts = [
            t(
                "charts.resolution.median_part" if np.isfinite(m) else "charts.resolution.never_part",
                arm=arm,
                span=duration(m, t),
            )
            for arm, m in medians.items()
        ]
        return t("charts.resolution.title", parts=listing(parts, t))
    return t("charts.resolution.title_never")


def _sentence(table: pd.DataFrame, medians: dict[str, float], deadline_min: float | None, t: Texts) -> str:
    at = deadline_min if deadline_min is not None and np.isfinite(deadline_min) else 7 * 1440.0
    parts = [
        t("charts.resolution.share_part", arm=arm, share=percent(_share_at(table[table["policy"] == arm], at), 1))
        for arm in medians
    ]
    return t("charts.resolution.sentence", span=duration(at, t), parts=listing(parts, t))
