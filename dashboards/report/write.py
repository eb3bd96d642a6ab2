"""Puts a report together and writes it: one HTML file that needs nothing but a browser.

Plotly's script, the figures, the style and the data all lie in the file; a content security policy in its head
forbids every connection, so that a mistake would show as a blank chart and never as a request.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from dashboards.report import sections
from dashboards.report.data import ReportData
from dashboards.report.figures import charts
from dashboards.report.html import json_script, text
from dashboards.texts import Texts
from sim.errors import InputError
from sim.files import sync_file

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
MODEBAR = {
    "Download plot": "download_png",
    "Download plot as a PNG": "download_png",
    "Download plot as a png": "download_png",
    "Zoom": "zoom",
    "Pan": "pan",
    "Zoom in": "zoom_in",
    "Zoom out": "zoom_out",
    "Reset axes": "reset",
    "Reset": "reset",
    "Reset view": "reset",
}


def write_report(study: Any, path: str | PathLike[str], lang: str = "en") -> Path:
    """Write a study's report.

    Parameters
    ----------
    study
        A study of `scenarios.experiment`, or a :class:`ReportData`.
    path
        File to write; its folder is made. An existing file is replaced only when the new one is complete.
    lang
        ``"en"`` or ``"zh"``.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        For an unknown language or a place that cannot be written.
    """
    t = Texts(lang)
    if not isinstance(study, ReportData):
        from dashboards.report.gather import gather

        study = gather(study, lang)
    return write_page(path, page(study, t))


def write_page(path: str | PathLike[str], content: str) -> Path:
    """Write a whole page under a temporary name and give it its name when it is complete.

    Raises
    ------
    InputError
        The place is a folder or cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError("a report is a file, not a folder", file=target, allowed="a path such as report.html")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(content, encoding="utf-8")
        sync_file(draft)
        os.replace(draft, target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InputError("the report cannot be written", file=target, found=error.strerror) from error
    return target


def page(data: ReportData, t: Texts) -> str:
    """Return the whole page as text."""
    body = [
        sections.answer_section(data, t),
        sections.compared_section(data, t),
        sections.measures_section(data, t),
        sections.charts_section(data, charts(data, t.lang), t),
        sections.assumptions_section(data, t),
        sections.definitions_section(data, t),
        sections.reproduce_section(data, t),
        sections.limits_section(data, t),
    ]
    names = ("answer", "compared", "measures", "charts", "assumptions", "definitions", "reproduce", "limits")
    links = {name: t(f"report.{name}") for name in names}
    return frame(t("report.html_title", title=data.title), data.title, links, body, t)


def frame(html_title: str, heading: str, links: Mapping[str, str], body: Sequence[str], t: Texts) -> str:
    """Return a whole page around sections: head, style, contents, script; every report uses it.

    Parameters
    ----------
    html_title, heading
        Title of the window and of the page, as text.
    links
        Section id -> its title, for the contents.
    body
        Sections as HTML, the answer first under the id ``answer``.
    """
    return "".join(
        [
            f'<!DOCTYPE html>\n<html lang="{"zh-CN" if t.lang == "zh" else "en"}"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light">',
            f"<title>{text(html_title)}</title><style>{_part('page.css')}</style></head><body>",
            f'<a class="skip" href="#answer">{text(t("report.skip"))}</a>',
            f'<header><p class="kicker">{text(t("report.kicker"))}</p><h1>{text(heading)}</h1></header>',
            _contents(links, t),
            f"<main>{''.join(body)}</main>",
            f"<footer><p>{text(t('report.print_note'))}</p></footer>",
            f"<noscript><p class='noscript'>{text(t('report.noscript'))}</p></noscript>",
            json_script(_locale(t), "locale"),
            f"<script>{get_plotlyjs()}</script><script>{_part('page.js')}</script></body></html>\n",
        ]
    )


def _contents(titles: Mapping[str, str], t: Texts) -> str:
    links = "".join(f'<li><a href="#{name}">{text(title)}</a></li>' for name, title in titles.items())
    return f'<nav aria-label="{text(t("report.contents"))}"><ul>{links}</ul></nav>'


def _locale(t: Texts) -> dict[str, Any]:
    return {
        "name": "zh-CN" if t.lang == "zh" else "en",
        "dictionary": {english: t(f"modebar.{key}") for english, key in MODEBAR.items()},
    }


def _part(name: str) -> str:
    return files("dashboards.report").joinpath(name).read_text(encoding="utf-8")
