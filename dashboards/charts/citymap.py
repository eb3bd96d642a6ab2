"""The city itself, and where trouble lasts: maps on the city's own roads.

:func:`city_figure` shows roads, facilities and area names. :func:`resolution_map` colours areas by how long trouble
lasts there under each arm; :func:`difference_map` by how much that changes, hollow where the interval over
replications holds zero. Areas are drawn as dots at their centres, not as shapes: a synthetic city has no borders.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import DIVERGING, GREY, INK, SEQUENTIAL, Chart, escape, figure, records
from dashboards.charts.ground import (
    area_labels,
    area_name,
    equal_axes,
    facility_traces,
    important_segments,
    road_traces,
)
from dashboards.charts.phrases import listing, number, signed
from dashboards.charts.replications import Floats, mean_interval
from dashboards.texts import Texts
from sim import register
from sim.city.areas import LEVELS, Areas
from sim.city.city import City

DAY_MIN = 1440.0
MOST_AREAS = 1500
SEGMENTS_UNDER_DATA = 2500


def city_figure(city: City, lang: str = "en") -> Chart:
    """Draw a city: roads, facilities by symbol, names of its streets or districts.

    Returns
    -------
    Chart
        Its table counts areas by level, road nodes and arcs, facilities by kind and residents.
    """
    t = Texts(lang)
    traces = [*road_traces(city.roads), *facility_traces(city.facilities, t)]
    level = 2 if len(city.areas.rows(2)) <= 30 else 3
    traces.append(area_labels(city.areas, t, level))
    table = _city_table(city, t)
    drawn = len(important_segments(city.roads, 10**9)[2])
    shown = sum(trace.meta["segments"] for trace in traces if trace.meta.get("part") == "roads")
    residents = len(city.residents)
    return Chart(
        name="city",
        title=t("charts.map.city_title", name=city.title(lang), residents=f"{residents:,}"),
        sentence=t(
            "charts.map.city_sentence",
            name=city.title(lang),
            residents=f"{residents:,}",
            grids=f"{len(city.areas.grids):,}",
            nodes=f"{len(city.roads):,}",
            arcs=f"{city.roads.arcs:,}",
            facilities=f"{len(city.facilities):,}",
        ),
        description=t("charts.map.city_description", shown=f"{shown:,}", drawn=f"{drawn:,}"),
        figure=figure(traces, height_px=860, layout=equal_axes(1, t) | {"legend": {"y": -0.09, "yanchor": "top"}}),
        table=table,
    )


def _city_table(city: City, t: Texts) -> pd.DataFrame:
    rows = [(t(f"levels.{name}"), len(city.areas.rows(i))) for i, name in enumerate(LEVELS)]
    rows += [
        (t("charts.map.nodes"), len(city.roads)),
        (t("charts.map.arcs"), city.roads.arcs),
        (t("charts.map.residents"), len(city.residents)),
    ]
    kinds, counts = np.unique(city.facilities.kind, return_counts=True)
    rows += [(t.name("facilities", str(k)), int(c)) for k, c in zip(kinds, counts, strict=True)]
    return pd.DataFrame(rows, columns=["what", "count"])


def drawn_level(areas: Areas) -> int:
    """Return the finest level with at most 1,500 areas, so that a map of a large city stays readable."""
    return next((i for i in range(len(LEVELS)) if 0 < len(areas.rows(i)) <= MOST_AREAS), len(LEVELS) - 1)


def restricted_days(
    incidents: pd.DataFrame, city: City, arms: list[str], horizon_min: float, limit_days: float | None
) -> tuple[pd.DataFrame, float, int]:
    """Return mean days to true resolution by area, arm and replication, counting at most ``limit_days``.

    The limit is lowered to the shortest time that every incident of the cohort was followed, so that no incident is
    censored before it and the plain mean is exact.

    Returns
    -------
    tuple
        Frame with ``policy, replication, area, days, incidents``; the limit used, days; the level of the areas.
    """
    cohort = incidents[incidents["in_cohort"].astype(bool)] if "in_cohort" in incidents else incidents
    cohort = cohort[cohort["policy"].isin(arms)]
    if limit_days is None:
        limit_days = register.load()["measure.restricted_mean_days"].default
    followed = (horizon_min - cohort["occurred_min"].max()) / DAY_MIN if len(cohort) else limit_days
    limit = float(min(limit_days, max(followed, 1.0 / 24)))
    level = drawn_level(city.areas)
    spent = (cohort["resolved_min"].astype(float) - cohort["occurred_min"].astype(float)) / DAY_MIN
    frame = pd.DataFrame(
        {
            "policy": cohort["policy"],
            "replication": cohort["replication"],
            "area": _area_rows(cohort["grid"], city.areas, level),
            "days": spent.fillna(limit).clip(0.0, limit),
        }
    )
    grouped = frame.groupby(["policy", "replication", "area"], observed=True)["days"]
    return grouped.agg(days="mean", incidents="size").reset_index(), limit, level


def _area_rows(grid: pd.Series, areas: Areas, level: int) -> np.ndarray:
    """Turn the grid column (an index among grids, or a code) into rows of the wanted level."""
    if pd.api.types.is_numeric_dtype(grid):
        rows = areas.grids[grid.to_numpy(dtype=int)]
    else:
        where = {str(c): i for i, c in enumerate(areas.code)}
        rows = np.array([where[str(c)] for c in grid], dtype=np.int32)
    return areas.ancestor(rows, level)


def resolution_map(
    incidents: pd.DataFrame,
    city: City,
    arms: list[str],
    horizon_min: float,
    lang: str = "en",
    limit_days: float | None = None,
) -> Chart:
    """Draw mean days to true resolution by area, one panel per arm, same scale and extent.

    Parameters
    ----------
    incidents
        One row per incident: ``policy, replication, grid, occurred_min, resolved_min`` and, if there, ``in_cohort``.
    city
        The city they occurred in.
    arms
        At most three policies, in order.
    horizon_min
        End of the run, minutes.
    limit_days
        Days counted at most for an incident.

    Returns
    -------
    Chart
        Its table has ``policy, area, name, days, incidents``: means over replications.
    """
    t = Texts(lang)
    arms = arms[:3]
    per_run, limit, level = restricted_days(incidents, city, arms, horizon_min, limit_days)
    table = per_run.groupby(["policy", "area"], observed=True)[["days", "incidents"]].mean().reset_index()
    table.insert(2, "name", [area_name(city.areas, int(a), lang) for a in table["area"]])
    traces: list[Any] = []
    layout = equal_axes(len(arms), t) | {"annotations": []}
    for i, arm in enumerate(arms):
        axes = ("x", "y") if i == 0 else (f"x{i + 1}", f"y{i + 1}")
        traces += road_traces(city.roads, SEGMENTS_UNDER_DATA, axes)
        traces.append(_area_dots(table[table["policy"] == arm], city.areas, axes, arm, t))
        layout["annotations"].append(
            {
                "text": f"<b>{escape(arm)}</b>",
                "xref": f"{axes[0]} domain",
                "x": 0.5,
                "y": 1.0,
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
    layout |= {"margin": {"t": 30}, "coloraxis": _scale(SEQUENTIAL, table["days"], False, t)}
    return Chart(
        name="map",
        title=_map_title(table, arms, t),
        sentence=_map_sentence(table, arms, t),
        description=t("charts.map.description", limit=number(limit, 2), level=t(f"levels.{LEVELS[level]}")),
        figure=figure(traces, height_px=560, layout=layout),
        table=table,
        min_width_px=420 * len(arms) if len(arms) > 1 else 0,
    )


def _sizes(counts: pd.Series) -> Floats:
    top = max(float(counts.max()), 1e-9) if len(counts) else 1.0
    return 4.0 + 9.0 * np.sqrt(counts.to_numpy(dtype=float) / top)


def _area_dots(part: pd.DataFrame, areas: Areas, axes: tuple[str, str], arm: str, t: Texts) -> go.Scatter:
    rows = part["area"].to_numpy(dtype=int)
    return go.Scatter(
        x=np.round(areas.x[rows] / 1000.0, 3).tolist(),
        y=np.round(areas.y[rows] / 1000.0, 3).tolist(),
        mode="markers",
        xaxis=axes[0],
        yaxis=axes[1],
        showlegend=False,
        meta={"part": "areas", "policy": arm},
        marker={
            "size": _sizes(part["incidents"]).round(1).tolist(),
            "color": part["days"].round(4).tolist(),
            "coloraxis": "coloraxis",
            "line": {"width": 0.8, "color": INK},
        },
        text=[
            t("charts.map.hover", name=escape(r["name"]), days=number(r["days"]), incidents=number(r["incidents"]))
            for r in records(part)
        ],
        hovertemplate="%{text}<extra>" + escape(arm) + "</extra>",
    )


def _scale(name: str, values: pd.Series, centred: bool, t: Texts) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    if centred:
        top = float(finite.abs().quantile(0.98)) if len(finite) else 1.0
        ends = (-max(top, 1e-6), max(top, 1e-6))
    else:
        ends = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    return {
        "colorscale": name,
        "cmin": ends[0],
        "cmax": ends[1],
        "colorbar": {
            "title": {"text": t("charts.map.days_change" if centred else "charts.map.days"), "side": "top"},
            "orientation": "h",
            "y": -0.16,
            "yanchor": "top",
            "thickness": 12,
            "len": 0.8,
        },
    }


def _worst(table: pd.DataFrame, arm: str) -> dict[str, Any]:
    mine = table[table["policy"] == arm]
    return records(mine.nlargest(1, "days"))[0] if len(mine) else {"name": "", "days": float("nan")}


def _map_title(table: pd.DataFrame, arms: list[str], t: Texts) -> str:
    worst = _worst(table, arms[0])
    return t("charts.map.title", name=worst["name"], arm=arms[0], days=number(worst["days"], 2))


def _map_sentence(table: pd.DataFrame, arms: list[str], t: Texts) -> str:
    parts = []
    for arm in arms:
        days = table.loc[table["policy"] == arm, "days"]
        parts.append(
            t(
                "charts.map.part",
                arm=arm,
                low=number(float(days.quantile(0.1)), 2),
                high=number(float(days.quantile(0.9)), 2),
            )
        )
    return t("charts.map.sentence", parts=listing(parts, t))


CHANCE = 0.025  # share of areas without a difference whose interval lies on one given side of zero


def difference_map(
    incidents: pd.DataFrame,
    city: City,
    arm: str,
    baseline: str,
    horizon_min: float,
    lang: str = "en",
    limit_days: float | None = None,
) -> Chart:
    """Draw by how many days true resolution changes in each area when ``arm`` replaces ``baseline``.

    Parameters
    ----------
    incidents, city, horizon_min, limit_days
        As in :func:`resolution_map`.
    arm, baseline
        The two policies; negative means sooner under ``arm``.

    Returns
    -------
    Chart
        Its table has ``area, name, days, low, high, incidents, clear``; ``clear`` is false where the 95 % interval
        over replications holds zero or cannot be had.
    """
    t = Texts(lang)
    per_run, limit, level = restricted_days(incidents, city, [baseline, arm], horizon_min, limit_days)
    table = _paired_by_area(per_run, arm, baseline)
    table.insert(1, "name", [area_name(city.areas, int(a), lang) for a in table["area"]])
    traces = [*road_traces(city.roads, SEGMENTS_UNDER_DATA), *_difference_dots(table, city.areas, t)]
    better, worse = (int((table["clear"] & side).sum()) for side in (table["days"] < 0, table["days"] > 0))
    mean = float(np.average(table["days"], weights=table["incidents"])) if len(table) else float("nan")
    layout = equal_axes(1, t) | {"coloraxis": _scale(DIVERGING, table["days"], True, t), "legend": {"y": 1.01}}
    return Chart(
        name=f"map_difference_{arm}",
        title=t(
            "charts.map.difference_title",
            arm=arm,
            better=better,
            worse=worse,
            total=len(table),
            chance=number(CHANCE * len(table), 2 if CHANCE * len(table) < 10 else 3),
            level=t(f"levels.{LEVELS[level]}"),
        ),
        sentence=t(
            "charts.map.difference_sentence",
            arm=arm,
            baseline=baseline,
            better=better,
            worse=worse,
            unclear=len(table) - better - worse,
            mean=signed(mean, 2),
        ),
        description=t("charts.map.difference_description", limit=number(limit, 2)),
        figure=figure(traces, height_px=600, layout=layout),
        table=table,
    )


def _paired_by_area(per_run: pd.DataFrame, arm: str, baseline: str) -> pd.DataFrame:
    wide = per_run.pivot_table(index=["area", "replication"], columns="policy", values="days")
    for name in (arm, baseline):
        if name not in wide:
            wide[name] = np.nan
    change = (wide[arm] - wide[baseline]).unstack("replication")
    mean, low, high = mean_interval(change.to_numpy(dtype=float).T)
    counts = per_run.groupby("area")["incidents"].mean().reindex(change.index)
    table = pd.DataFrame(
        {
            "area": change.index.to_numpy(),
            "days": mean,
            "low": low,
            "high": high,
            "incidents": counts.to_numpy(),
            "clear": (low > 0) | (high < 0),
        }
    )
    return table[np.isfinite(table["days"])].reset_index(drop=True)


def _difference_dots(table: pd.DataFrame, areas: Areas, t: Texts) -> list[go.Scatter]:
    traces = []
    sizes = _sizes(table["incidents"])
    for clear in (False, True):
        chosen = (table["clear"] == clear).to_numpy()
        part, rows = table[chosen], table.loc[chosen, "area"].to_numpy(dtype=int)
        marker: dict[str, Any] = {
            "size": sizes[chosen].round(1).tolist(),
            "symbol": "circle" if clear else "circle-open",
            "color": part["days"].round(4).tolist() if clear else GREY,
            "line": {"width": 1, "color": INK if clear else GREY},
        }
        if clear:
            marker["coloraxis"] = "coloraxis"
        traces.append(
            go.Scatter(
                x=np.round(areas.x[rows] / 1000.0, 3).tolist(),
                y=np.round(areas.y[rows] / 1000.0, 3).tolist(),
                mode="markers",
                marker=marker,
                name=t("charts.map.clear" if clear else "charts.map.unclear"),
                meta={"part": "areas", "clear": clear},
                hovertemplate="%{text}<extra></extra>",
                text=[
                    t(
                        "charts.map.hover_change",
                        name=escape(r["name"]),
                        days=signed(r["days"], 2),
                        low=signed(r["low"], 2),
                        high=signed(r["high"], 2),
                    )
                    for r in records(part)
                ],
            )
        )
    return traces
