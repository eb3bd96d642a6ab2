"""The ground of every map: a city's own roads, facilities and area names on plain x and y axes, in kilometres.

No tiles, no projection service, no WebGL: roads are one SVG path, thinned to the most important segments so that a
graph of fifty thousand nodes still opens at once. It draws no data of a run.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.charts.base import BLACK, BLUE, GREEN, GREY, INK, ORANGE, PURPLE, VERMILLION, escape
from dashboards.texts import Texts, pick
from sim.city.areas import Areas
from sim.city.facilities import Facilities
from sim.city.roads import Roads

MOST_SEGMENTS = 6000
MOST_LABELS = 30
FACILITY_MARKS: dict[str, tuple[str, str]] = {
    "police": ("square", BLUE),
    "fire": ("triangle-up", VERMILLION),
    "ambulance": ("cross", GREEN),
    "hospital": ("cross-thin-open", GREEN),
    "street_centre": ("circle", PURPLE),
    "district_centre": ("star", PURPLE),
    "community_office": ("circle-open", PURPLE),
    "urban_management": ("diamond", ORANGE),
    "market": ("pentagon", ORANGE),
    "housing": ("hexagon", ORANGE),
    "labour": ("diamond-tall", ORANGE),
    "civil_affairs": ("hourglass", ORANGE),
    "emergency": ("triangle-down", VERMILLION),
    "petition": ("bowtie", BLACK),
    "shelter": ("square-open", BLACK),
    "warehouse": ("diamond-open", BLACK),
}
ROAD_COLORS = ("#9A9A9A", "#CFCFCF")


def road_traces(roads: Roads, limit: int = MOST_SEGMENTS, axes: tuple[str, str] = ("x", "y")) -> list[go.Scatter]:
    """Return the roads as two paths, the faster third above the rest, at most ``limit`` segments in all.

    Parameters
    ----------
    roads
        The road graph; coordinates in metres.
    limit
        Most segments drawn; the fastest, then the longest, are kept.
    axes
        Plotly's axis names of the panel.
    """
    start, end, order = important_segments(roads, limit)
    cut = len(order) // 3
    traces = []
    for chosen, color, width in ((order[cut:], ROAD_COLORS[1], 0.7), (order[:cut], ROAD_COLORS[0], 1.3)):
        traces.append(
            go.Scatter(
                x=_path(roads.x, start[chosen], end[chosen]),
                y=_path(roads.y, start[chosen], end[chosen]),
                mode="lines",
                line={"color": color, "width": width},
                hoverinfo="skip",
                showlegend=False,
                xaxis=axes[0],
                yaxis=axes[1],
                connectgaps=False,
                meta={"part": "roads", "segments": len(chosen)},
            )
        )
    return traces


def important_segments(roads: Roads, limit: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.intp]]:
    """Return both ends of every undirected segment and the rows of the ``limit`` most important, best first."""
    pairs = np.stack([np.minimum(roads.arc_from, roads.arc_to), np.maximum(roads.arc_from, roads.arc_to)])
    _, first = np.unique(pairs, axis=1, return_index=True)
    time_min = np.maximum(roads.time_min[0, first].astype(float), 1e-9)
    speed = np.round(roads.length_m[first] / time_min, 1)
    order = np.lexsort((-roads.length_m[first], -speed))[:limit]
    return pairs[0, first], pairs[1, first], order


def _path(values: NDArray[np.float64], start: NDArray[np.int32], end: NDArray[np.int32]) -> list[float | None]:
    """Return start, end, gap, start, end, gap ... in kilometres."""
    triple = np.empty((len(start), 3), dtype=object)
    triple[:, 0] = np.round(values[start] / 1000.0, 3)
    triple[:, 1] = np.round(values[end] / 1000.0, 3)
    triple[:, 2] = None
    return triple.ravel().tolist()


def facility_traces(facilities: Facilities, t: Texts) -> list[go.Scatter]:
    """Return one trace per kind of facility, with its own symbol and name."""
    traces = []
    for kind in dict.fromkeys(facilities.kind.tolist()):
        rows = facilities.of(kind)
        symbol, color = FACILITY_MARKS.get(kind, ("circle-cross", GREY))
        traces.append(
            go.Scatter(
                x=np.round(facilities.x[rows] / 1000.0, 3).tolist(),
                y=np.round(facilities.y[rows] / 1000.0, 3).tolist(),
                mode="markers",
                name=f"{escape(t.name('facilities', kind))} ({len(rows)})",
                text=[escape(facility_name(kind, str(n), t)) for n in facilities.name[rows]],
                hovertemplate="%{text}<extra>%{fullData.name}</extra>",
                marker={
                    "symbol": symbol,
                    "size": 7 if kind == "community_office" else 10,
                    "color": color,
                    "line": {"width": 2 if "thin" in symbol else 1, "color": color if "open" in symbol else "#FFFFFF"},
                },
                meta={"part": "facilities", "kind": kind},
            )
        )
    return traces


def area_labels(areas: Areas, t: Texts, level: int) -> go.Scatter:
    """Return the names of a level's areas at their centres, at most 30, none where there are more."""
    rows = areas.rows(level)
    rows = rows if len(rows) <= MOST_LABELS else rows[:0]
    return go.Scatter(
        x=np.round(areas.x[rows] / 1000.0, 3).tolist(),
        y=np.round(areas.y[rows] / 1000.0, 3).tolist(),
        mode="text",
        text=[escape(area_name(areas, int(r), t.lang)) for r in rows],
        showlegend=False,
        hoverinfo="skip",
        textfont={"size": 11, "color": INK, "shadow": "0 0 3px #FFFFFF, 0 0 3px #FFFFFF, 0 0 3px #FFFFFF"},
        meta={"part": "labels"},
    )


def facility_name(kind: str, name: str, t: Texts) -> str:
    """Return a facility's name; one that was made from its kind, as built cities have them, in words."""
    made = re.fullmatch(rf"(?:\D*?([\d.]+) )?{re.escape(kind.replace('_', ' '))}(?: (\d+))?", name.lower())
    if t.lang == "en" or made is None:
        return name
    return f"{t.name('facilities', kind)} {made[2] or made[1] or ''}".rstrip()


def area_name(areas: Areas, row: int, lang: str) -> str:
    """Return an area's name in the interface's language."""
    return pick({"en": str(areas.name[row]), "zh": str(areas.name_zh[row])}, lang, str(areas.code[row]))


def equal_axes(columns: int, t: Texts) -> dict[str, Any]:
    """Return the layout of ``columns`` map panels beside each other, same scale, one kilometre alike both ways."""
    layout: dict[str, Any] = {}
    for i in range(columns):
        suffix = "" if i == 0 else str(i + 1)
        gap = 0.02 if columns > 1 else 0.0
        plain = {"showgrid": False, "title": {"text": t("charts.map.km")}, "constrain": "domain"}
        layout[f"xaxis{suffix}"] = plain | {
            "anchor": f"y{suffix}",
            "domain": [i / columns + gap, (i + 1) / columns - gap],
        }
        layout[f"yaxis{suffix}"] = plain | {"anchor": f"x{suffix}", "scaleanchor": f"x{suffix}", "scaleratio": 1}
        if i:
            layout[f"xaxis{suffix}"] |= {"matches": "x"}
            layout[f"yaxis{suffix}"] |= {"matches": "y", "title": {"text": ""}}
    return layout
