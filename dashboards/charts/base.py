"""What every chart shares: the :class:`Chart` it returns, the one wrapper around Plotly, colours and symbols.

No chart sets a font, a background or a modebar by itself, and none is handed to Plotly without
:data:`PLOTLY_CONFIG`: Plotly's own defaults offer an upload to a cloud service and print a logo. Trace types that
need the network or WebGL (``scattermap``, ``scattergeo``, ``scattergl``) are refused, since a report opened from
a file must show everything with no connection.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

# The colours of Okabe and Ito (2008) with at least 3:1 against white; their yellow is left out, their orange and sky
# blue stand last and are darkened to reach 3:1.
BLUE, VERMILLION, GREEN, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"
ORANGE, SKY = "#B87A00", "#2F8FC6"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, BLACK, ORANGE, SKY)
GREY, PALE, GRID_LINE, INK = "#6B6B6B", "#D9D9D9", "#E6E6E6", "#1F2328"
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star", "pentagon")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
SEQUENTIAL, DIVERGING = "Cividis", "PuOr"
FONT = (
    "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', "
    "'Microsoft YaHei', sans-serif"
)

FORBIDDEN_TRACES = ("scattergl", "scattermap", "scattergeo", "choropleth", "densitymap", "splom", "parcoords")

PLOTLY_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "showSendToCloud": False,
    "showEditInChartStudio": False,
    "plotlyServerURL": "",
    "topojsonURL": "",
    "responsive": True,
    "scrollZoom": False,
    "displayModeBar": "hover",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "sendDataToCloud", "sendChartToCloud", "autoScale2d"],
}


def plotly_config(lang: str = "en", filename: str = "gridwhistle") -> dict[str, Any]:
    """Return :data:`PLOTLY_CONFIG` with the interface's language and the name of a downloaded picture."""
    return PLOTLY_CONFIG | {
        "locale": "zh-CN" if lang == "zh" else "en",
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": filename},
    }


def date_axis(lang: str) -> dict[str, Any]:
    """Return an axis of days; the names of months that Plotly has of its own are English."""
    if lang != "zh":
        return {"type": "date"}
    stops = ((None, "M1", "%-m月%-d日"), ("M1", "M12", "%Y年%-m月"), ("M12", None, "%Y年"))
    return {
        "type": "date", "hoverformat": "%Y年%-m月%-d日",
        "tickformatstops": [{"dtickrange": [low, high], "value": form} for low, high, form in stops],
    }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawn finding with everything a reader needs who cannot see it.

    Attributes
    ----------
    name
        Short name, unique on a page, fit for a file name.
    title
        The finding in one line.
    sentence
        The same in a full sentence, with the numbers.
    description
        What is drawn and how to read it.
    figure
        The Plotly figure, without a title of its own.
    table
        The numbers drawn, machine-readable column names.
    min_width_px
        Below this width the chart scrolls sideways rather than being squeezed.
    column_titles
        Column name -> title on screen, where the name alone will not do.
    names
        ``group.name`` -> title of what cells of the table name, as the scenario brings it.
    """

    name: str
    title: str
    sentence: str
    description: str
    figure: go.Figure
    table: pd.DataFrame
    min_width_px: int = 0
    column_titles: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.name):
            raise ValueError(f"a chart's name stands in addresses, and {self.name!r} cannot; use slug")

    @property
    def titles(self) -> dict[str, str]:
        """``group.name`` -> title, of columns and of what cells name; for `dashboards.texts.Texts`."""
        return {**self.names, **{f"columns.{name}": title for name, title in self.column_titles.items()}}

    def titled(self) -> go.Figure:
        """Return a copy of the figure that carries its title, for a picture that will stand alone."""
        figure = go.Figure(self.figure)
        margin_px = int(figure.layout.margin.t or 0) + 40
        return figure.update_layout(title={"text": escape(self.title), "x": 0.01}, margin_t=margin_px)


def slug(text: str) -> str:
    """Return a name for addresses, files and elements of a page, one for each text: letters, digits and dashes."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:40]
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".strip("-")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as dictionaries by column name."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def escape(text: object) -> str:
    """Escape text for Plotly, which reads a little HTML in every label."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def figure(
    traces: Iterable[go.BaseTraceType],
    *,
    height_px: int,
    layout: Mapping[str, Any] | None = None,
) -> go.Figure:
    """Return a Plotly figure in the house style.

    Parameters
    ----------
    traces
        SVG traces on cartesian axes, tables or Sankey diagrams.
    height_px
        Height; the width follows the page.
    layout
        Further layout; wins over the style.

    Raises
    ------
    ValueError
        For a trace type that needs WebGL or the network.
    """
    traces = list(traces)
    for trace in traces:
        if str(trace.type).startswith(FORBIDDEN_TRACES):
            raise ValueError(f"trace type {trace.type} needs WebGL or the network; draw on x and y instead")
    wanted = {
        key: _under(_axis(), value) if key.startswith(("xaxis", "yaxis")) else value
        for key, value in (layout or {}).items()
    }
    return go.Figure(data=traces, layout=_style(height_px)).update_layout(wanted)


def _under(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {**defaults, **given, "title": {**defaults["title"], **given.get("title", {})}}


def _style(height_px: int) -> dict[str, Any]:
    return {
        "template": "none",
        "height": height_px,
        "autosize": True,
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "colorway": list(PALETTE),
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "pad": 2},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        "hoverlabel": {"font": {"family": FONT, "size": 13}, "bgcolor": "#FFFFFF", "align": "left"},
        "xaxis": _axis(),
        "yaxis": _axis(),
    }


def _axis() -> dict[str, Any]:
    return {
        "automargin": True,
        "gridcolor": GRID_LINE,
        "zeroline": False,
        "linecolor": GREY,
        "ticks": "outside",
        "tickcolor": GRID_LINE,
        "title": {"standoff": 8},
    }


@dataclass(frozen=True)
class Mark:
    """How one arm is drawn everywhere: colour, symbol and dash together, never colour alone."""

    color: str
    symbol: str
    dash: str


def marks(arms: Sequence[str]) -> dict[str, Mark]:
    """Return each arm's mark by its place in the experiment; the baseline comes first.

    Raises
    ------
    ValueError
        For more arms than there are distinguishable marks (7).
    """
    if len(arms) > len(PALETTE):
        raise ValueError(f"{len(arms)} arms cannot be told apart in one chart; draw at most {len(PALETTE)}")
    return {arm: Mark(PALETTE[i], SYMBOLS[i], DASHES[i]) for i, arm in enumerate(arms)}


def wrapped(text: str, width: int = 34) -> str:
    """Return an escaped axis title broken into lines; text without spaces is broken at half the width."""
    if " " in text:
        return "<br>".join(escape(line) for line in textwrap.wrap(text, width))
    half = max(1, width // 2)
    return "<br>".join(escape(text[i : i + half]) for i in range(0, len(text), half))


def translucent(color: str, alpha: float) -> str:
    """Return a hex colour as an ``rgba()`` text with opacity ``alpha`` (0-1)."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def contrast(color: str, other: str = "#FFFFFF") -> float:
    """Return the WCAG 2 contrast ratio of two hex colours (1-21)."""
    lighter, darker = sorted((_luminance(color), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
