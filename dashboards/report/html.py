"""Small pieces of HTML: escaped text, tables, figures with their table and download.

Everything that comes from a user or from data goes through :func:`text`; only this module and the page's frame
write tags.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Iterable, Sequence

import pandas as pd

from dashboards.charts.base import Chart, plotly_config
from dashboards.charts.phrases import finite, number
from dashboards.report.said_table import table_bytes, told_table
from dashboards.texts import Texts

MOST_ROWS = 200
SENTENCE_BYTES = 45  # of UTF-8: 15 Chinese characters or 45 Latin ones, about as wide
SPAN = re.compile(r'<t[dh][^>]*colspan="(\d+)"')
DATE = re.compile(r"\d{4}-\d\d-\d\d")


def text(value: object) -> str:
    """Return a value as HTML text, safe between tags and in quoted attributes."""
    return html.escape(_writable(str(value)), quote=True)


def source_text(source: str, t: Texts) -> str:
    """Return where a number comes from as HTML; what keeps a language of its own is marked so."""
    said, kept = t.source(source)
    if t.lang == "en" or not kept.isascii():
        return text(said + kept)
    return f'{text(said)}<span lang="en">{text(kept)}</span>' if kept else text(said)


def _writable(words: str) -> str:
    """Return a text that can be written as UTF-8: half a surrogate pair becomes a question mark."""
    return words if words.isascii() else words.encode("utf-8", "replace").decode("utf-8")


def paragraph(value: object, css: str = "") -> str:
    """Return an escaped paragraph."""
    return f"<p{_css(css)}>{text(value)}</p>" if str(value) else ""


def _css(name: str) -> str:
    return f' class="{name}"' if name else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", css: str = "") -> str:
    """Return a table; cells are HTML already, ``head`` and ``caption`` are text.

    A cell that starts with ``<td`` or ``<th`` brings its own tag. The head of a column of numbers stands over them.
    """
    rows = [list(row) for row in rows]
    whole = [row for row in rows if len(row) == len(head)]
    numbers = [bool(whole) and all(row[i].startswith('<td class="n"') for row in whole) for i in range(len(head))]
    top = "".join(f'<th scope="col"{_css("n" if numbers[i] else "")}>{text(h)}</th>' for i, h in enumerate(head))
    body = "".join(f"<tr>{_row(row, head)}</tr>" for row in rows)
    title = f"<caption>{text(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption or head[0])}">'
        f"<table{_css(css)}>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Sequence[str], head: Sequence[str]) -> str:
    """Return the cells of a row, each with the head it stands under; a cell may span several."""
    out, at = [], 0
    for content in row:
        out.append(_headed(content, head[at] if at < len(head) else ""))
        spans = SPAN.match(content)
        at += int(spans[1]) if spans else 1
    return "".join(out)


def _headed(content: str, head: str) -> str:
    """Return a cell with its column's head, which stands beside it where a narrow screen stacks the columns."""
    whole = content if content.startswith(("<td", "<th")) else f"<td>{content}</td>"
    opening, end, rest = whole.partition(">")
    return f'{opening} data-head="{text(head)}"{end}{rest}' if whole.startswith("<td") and head else whole


def cell(value: object) -> str:
    """Return a table cell of data: numbers rounded and right-aligned, text escaped, dates kept whole."""
    if isinstance(value, bool):
        return f"<td>{text(value)}</td>"
    if isinstance(value, float) and math.isinf(value):
        return f'<td class="n">{number(value)}</td>'
    if finite(value):
        return f'<td class="n" title="{text(value)}">{number(float(value), 4)}</td>'  # type: ignore[arg-type]
    said = "" if value is None or value != value else text(value)
    kind = "said" if len(said.encode()) > SENTENCE_BYTES else "when" if DATE.fullmatch(said) else ""
    return f"<td{_css(kind)}>{said}</td>"


def data_table(frame: pd.DataFrame, t: Texts, caption: str) -> str:
    """Return a chart's table, at most 200 rows with a line that says so."""
    shown = told_table(frame.head(MOST_ROWS), t)
    head = list(shown.columns)
    rows = [[cell(v) for v in row] for row in shown.astype(object).itertuples(index=False)]
    note = ""
    if len(frame) > len(shown):
        note = paragraph(t("report.rows_shown", shown=len(shown), total=f"{len(frame):,}"), "note")
    return table(head, rows, caption, "data") + note


def csv_uri(frame: pd.DataFrame, t: Texts) -> str:
    """Return the frame as a ``data:`` address of a CSV file that spreadsheets read as UTF-8."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(table_bytes(frame, t)).decode("ascii")


def json_script(value: object, element_id: str) -> str:
    """Return data for the page's script, with no way to end the element early."""
    content = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'<script type="application/json" id="{text(element_id)}">{_inert(content)}</script>'


def _inert(content: str) -> str:
    return content.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def chart_figure(chart: Chart, t: Texts) -> str:
    """Return a chart as a figure: finding, picture, sentence, how to read it, table and download."""
    spec, own = json.loads(chart.figure.to_json()), Texts(t.lang, chart.titles)
    shown = data_table(chart.table, own, chart.title)
    height = int(chart.figure.layout.height)
    payload = {"data": spec["data"], "layout": spec["layout"], "config": plotly_config(t.lang, chart.name)}
    name = text(chart.name)
    width = f"min-width:{chart.min_width_px}px;" if chart.min_width_px else ""
    label = text(f"{chart.title}. {chart.sentence}")
    scroll = ' class="scroll" tabindex="0" role="region"' if chart.min_width_px else ' class="canvas"'
    return (
        f'<figure class="chart" id="chart-{name}"><h3>{text(chart.title)}</h3>'
        f"<figcaption>{text(chart.sentence)}</figcaption>"
        f"<div{scroll}{f' aria-label="{text(chart.title)}"' if chart.min_width_px else ''}>"
        f'<div class="plot" role="group" aria-label="{label}" data-figure="figure-{name}" '
        f'style="{width}height:{height}px"></div></div>'
        f"<details><summary>{text(t('report.how_to_read'))}</summary>{paragraph(chart.description)}</details>"
        f"<details><summary>{text(t('report.show_table'))}</summary>{shown}</details>"
        f'<a class="button" download="{name}.csv" href="{csv_uri(chart.table, own)}">{text(t("report.download"))}</a>'
        f"{json_script(payload, f'figure-{chart.name}')}</figure>"
    )
