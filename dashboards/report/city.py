"""A city drawn on its own roads as one HTML page that opens without a network; `dashboards.charts` draws the map."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

from dashboards.charts.base import plotly_config
from dashboards.charts.citymap import city_figure

if TYPE_CHECKING:
    from sim.city.city import City


def city_page(city: City, lang: str) -> str:
    """Return the page's HTML, Plotly inlined."""
    chart = city_figure(city, lang)
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # options that only some versions of plotly.js know
        drawn = chart.figure.to_html(full_html=False, include_plotlyjs=True, config=plotly_config(lang, "city"))
    head = f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(chart.title)}</title></head>'
    words = f"<h1>{escape(chart.title)}</h1><p>{escape(chart.sentence)}</p>"
    return f'{head}<body style="font-family:system-ui,sans-serif">{words}{drawn}</body></html>\n'
