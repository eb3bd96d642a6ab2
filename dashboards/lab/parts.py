"""Pieces that the analysis pages are put together from: tables, tags, notices; Dash components, no data.

The same look as the report's HTML, whose rules for numbers and names they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dash

from dashboards.texts import Texts

MOST_NAMED = 5
Content = Any
"""A Dash component, a text, or a list of such."""
html: Any = dash.html
dcc: Any = dash.dcc
"""Dash's components; their signatures know no names with hyphens, such as ``aria-label``, though they take them."""


def problem(sentence: str) -> Content:
    """Return a mistake in one sentence, announced at once."""
    return html.P(sentence, className="problem", role="alert")


def note(sentence: str) -> Content:
    """Return a remark in small type."""
    return html.P(sentence, className="note")


def damaged_note(files: Sequence[str], t: Texts) -> Content:
    """Say which files of results did not hold what was written; nothing where there are none."""
    if not files:
        return ""
    named = t("phrases.comma").join([*files[:MOST_NAMED], *(["…"] if len(files) > MOST_NAMED else [])])
    return html.P(t("web.compare.set_aside", count=f"{len(files):,}", files=named), className="note damaged")


def tag(words: str, css: str = "") -> Content:
    """Return a small mark."""
    return html.Span(words, className=f"tag {css}".strip())


def facts(rows: Iterable[tuple[str, Content]]) -> Content:
    """Return pairs of name and value."""
    return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows], className="facts")


def section(element_id: str, title: str, *content: Content) -> Content:
    """Return a section with its heading."""
    heading = html.H2(title, id=f"{element_id}-h")
    return html.Section([heading, *content], id=element_id, **{"aria-labelledby": f"{element_id}-h"})


def table(
    head: Sequence[str], rows: Iterable[Sequence[Content]], caption: str, css: str = "", numbers: Sequence[int] = ()
) -> Content:
    """Return a table that scrolls by itself; the first cell of a row names it, columns ``numbers`` stand right."""
    top = html.Tr([html.Th(h, scope="col", className="n" if i in numbers else "") for i, h in enumerate(head)])
    body = [
        html.Tr(
            [html.Th(row[0], scope="row")]
            + [
                html.Td(cell, className="n" if i in numbers else "", **{"data-head": head[i]})
                for i, cell in enumerate(row[1:], start=1)
            ]
        )
        for row in rows
    ]
    whole = html.Table([html.Caption(caption), html.Thead(top), html.Tbody(body)], className=css)
    return html.Div(whole, className="scroll", tabIndex=0, role="group", **{"aria-label": caption})
