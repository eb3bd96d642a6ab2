"""How cases flow: from the channel they came by, over level and department, to what became of them.

Sankey diagrams of one or several arms, one below the other, with counts per replication and median days. The
outcome separates what truly was settled from what was only recorded so. Returns and loops are not drawn: a case
is shown by where it was opened and where it was closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.charts.base import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Chart,
    escape,
    figure,
    records,
    translucent,
)
from dashboards.charts.phrases import listing, number, percent
from dashboards.texts import Texts

STAGES = ("channel", "opened", "closed", "outcome")
OUTCOME_COLORS = {"settled": GREEN, "settled_untrue": VERMILLION, "partly": ORANGE, "failed": PURPLE, "open": GREY}
STAGE_COLORS = {"channel": BLUE, "opened": SKY, "closed": GREY}
MOST_NODES = 10
GAPS = 0.5  # share of a column that lies between its nodes
ARM_PX = 430
NODE_PX = 46  # height that a node asks for, so that the labels of small ones do not lie on one another


def case_flow(cases: pd.DataFrame, arms: list[str], lang: str = "en", titles: Mapping[str, str] | None = None) -> Chart:
    """Draw the flow of cases for each arm.

    Parameters
    ----------
    cases
        One row per case: ``policy, replication, channel, level_opened, level_closed, department, reported_min,
        closed_min, outcome, truly_resolved``.
    arms
        Policies to draw, in order.
    lang
        ``"en"`` or ``"zh"``.
    titles
        ``group.name`` -> title of posts, departments and channels; see :class:`dashboards.texts.Texts`.

    Returns
    -------
    Chart
        Its table has ``policy, stage, source, target, cases, median_days``: cases per replication on each link.
    """
    t = Texts(lang, titles)
    prepared = _prepared(cases[cases["policy"].isin(arms)])
    table = pd.concat([_links(prepared[prepared["policy"] == arm], arm) for arm in arms], ignore_index=True)
    height_px = max(ARM_PX, 60 + NODE_PX * max((prepared[stage].nunique() for stage in STAGES), default=0))
    traces, notes = [], []
    for i, arm in enumerate(arms):
        top, bottom = 1 - i / len(arms), 1 - (i + 1) / len(arms)
        traces.append(_sankey(table[table["policy"] == arm], (bottom + 0.02, top - 26 / (height_px * len(arms))), t))
        notes.append(
            {
                "text": f"<b>{escape(arm)}</b>",
                "x": 0,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "showarrow": False,
                "xanchor": "left",
                "yanchor": "top",
                "font": {"size": 15},
            }
        )
    return Chart(
        name="flow",
        title=_title(prepared, arms, t),
        sentence=_sentence(prepared, arms, t),
        description=t("charts.flow.description"),
        figure=figure(traces, height_px=height_px * len(arms), layout={"annotations": notes}),
        table=table,
        min_width_px=760,
        names=dict(titles or {}),
    )


def true_outcome(cases: pd.DataFrame) -> pd.Series:
    """Return each case's outcome with those recorded as settled, but not truly so, set apart."""
    outcome = cases["outcome"].fillna("open").astype(str)
    untrue = (outcome == "settled") & ~cases["truly_resolved"].fillna(False).astype(bool)
    return outcome.where(~untrue, "settled_untrue")


def _prepared(cases: pd.DataFrame) -> pd.DataFrame:
    department = cases["department"].fillna("").astype(str)
    closed = cases["level_closed"].fillna("").astype(str)
    opened = cases["level_opened"].fillna("").astype(str)
    handled = department.where(department.str.len() > 0, closed.where(closed.str.len() > 0, opened))
    return pd.DataFrame(
        {
            "policy": cases["policy"],
            "replication": cases["replication"],
            "channel": _largest(cases["channel"].fillna("").astype(str)),
            "opened": opened,
            "closed": _largest(handled),
            "outcome": true_outcome(cases),
            "days": (cases["closed_min"] - cases["reported_min"]).astype(float) / 1440.0,
        }
    )


def _largest(names: pd.Series) -> pd.Series:
    """Keep the ten most frequent names and gather the rest under ``others``."""
    keep = names.value_counts().index[:MOST_NODES]
    return names.where(names.isin(keep), "others")


def _links(part: pd.DataFrame, arm: str) -> pd.DataFrame:
    replications = max(1, part["replication"].nunique())
    rows = []
    for source, target in itertools.pairwise(STAGES):
        grouped = part.groupby([source, target], observed=True)
        counts = grouped.size() / replications
        # The median is taken within each replication and then averaged: nothing pools cases of several worlds.
        medians = part.groupby([source, target, "replication"], observed=True)["days"].median()
        days = medians.groupby(level=[0, 1]).mean()
        rows.append(
            pd.DataFrame(
                {
                    "stage": f"{source}>{target}",
                    "source": [i[0] for i in counts.index],
                    "target": [i[1] for i in counts.index],
                    "cases": counts.to_numpy(),
                    "median_days": days.reindex(counts.index).to_numpy(),
                }
            )
        )
    out = pd.concat(rows, ignore_index=True)
    out.insert(0, "policy", arm)
    return out


def node_title(stage: str, name: str, t: Texts) -> str:
    """Return what stands at a stage of a case's way: a channel, a level, a department, an outcome."""
    group = {"channel": "channels", "opened": "levels", "outcome": "outcomes"}.get(stage)
    if group is None:
        known = t.name("levels", name)
        return known if known != name.replace("_", " ") else t.name("departments", name)
    return t.name(group, name) if name else t("words.unknown")


def _sankey(table: pd.DataFrame, y: tuple[float, float], t: Texts) -> go.Sankey:
    nodes: dict[tuple[str, str], int] = {}
    flow: dict[tuple[str, str], float] = {}
    links = []
    for row in records(table):
        first, second = row["stage"].split(">")
        ends = ((first, row["source"]), (second, row["target"]))
        for side, end in enumerate(ends):
            nodes.setdefault(end, len(nodes))
            if side == 0 or end[0] == "outcome":
                flow[end] = flow.get(end, 0.0) + row["cases"]
        links.append((nodes[ends[0]], nodes[ends[1]], row, _link_color(ends)))
    columns = {stage: i for i, stage in enumerate(STAGES)}
    return go.Sankey(
        domain={"x": [0, 1], "y": list(y)},
        arrangement="snap",
        valueformat=",.0f",
        textfont={"size": 12},
        node={
            "label": [f"{escape(node_title(s, n, t))}: {number(flow.get((s, n), 0), 3)}" for s, n in nodes],
            "color": [OUTCOME_COLORS.get(n, GREY) if s == "outcome" else STAGE_COLORS[s] for s, n in nodes],
            "x": [min(0.999, max(0.001, columns[s] / (len(STAGES) - 1))) for s, _ in nodes],
            "y": _heights(nodes, flow),
            "pad": 20,
            "thickness": 14,
            "line": {"width": 0},
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [s for s, _, _, _ in links],
            "target": [d for _, d, _, _ in links],
            "value": [round(row["cases"], 3) for _, _, row, _ in links],
            "color": [c for _, _, _, c in links],
            "customdata": [_days_text(row["median_days"], t) for _, _, row, _ in links],
            "hovertemplate": "%{source.label} → %{target.label}<br>%{value:,.0f} · %{customdata}<extra></extra>",
        },
    )


def _heights(nodes: dict[tuple[str, str], int], flow: dict[tuple[str, str], float]) -> list[float]:
    """Centre of each node in its column, largest on top, so that both arms lie alike."""
    out = [0.5] * len(nodes)
    for stage in STAGES:
        mine = sorted((n for n in nodes if n[0] == stage), key=lambda n: -flow.get(n, 0.0))
        gap = GAPS / max(1, len(mine))
        total = sum(flow.get(n, 0.0) for n in mine) or 1.0
        top = 0.0
        for node in mine:
            size = (1 - GAPS) * flow.get(node, 0.0) / total
            out[nodes[node]] = float(np.clip(top + size / 2 + gap / 2, 0.001, 0.999))
            top += size + gap
    return out


def _link_color(ends: tuple[tuple[str, str], tuple[str, str]]) -> str:
    stage, name = ends[1]
    return translucent(
        OUTCOME_COLORS.get(name, GREY) if stage == "outcome" else GREY, 0.35 if stage == "outcome" else 0.25
    )


def _days_text(days: float, t: Texts) -> str:
    return t("charts.flow.median", days=number(days, 2)) if np.isfinite(days) else t("charts.flow.no_median")


def _share(prepared: pd.DataFrame, arm: str, outcome: str) -> float:
    part = prepared[prepared["policy"] == arm]
    shares = (part["outcome"] == outcome).groupby(part["replication"]).mean()
    return float(shares.mean()) if len(shares) else float("nan")


def _title(prepared: pd.DataFrame, arms: list[str], t: Texts) -> str:
    parts = [t("charts.flow.part", arm=a, share=percent(_share(prepared, a, "settled"))) for a in arms]
    return t("charts.flow.title", parts=listing(parts, t))


def _sentence(prepared: pd.DataFrame, arms: list[str], t: Texts) -> str:
    parts: list[Any] = [
        t(
            "charts.flow.sentence_part",
            arm=a,
            untrue=percent(_share(prepared, a, "settled_untrue"), 1),
            open=percent(_share(prepared, a, "open"), 1),
        )
        for a in arms
    ]
    return t("charts.flow.sentence", parts=listing(parts, t))
