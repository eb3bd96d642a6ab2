"""Every page, in Chinese, holds Chinese: no run of Latin words beyond names, units and what is written as code.

What a reader can come to see is read: the text of a page with all its parts opened, the labels that a screen reader
says, and the titles, axes and hover texts of its charts. Left out is what stands as code, what a page marks as kept in
another language (``lang="en"``), and what somebody typed. A new page is a line in :data:`PAGES`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from browser_pages import Site, running, small_study, visit
from drill_seats import COOKIE, SHIPPED, Place, join, open_room

from dashboards.server.settings import settings
from dashboards.texts import all_texts

PAGES = (
    "/",
    "/lab/library?scenario=whistle-vs-referral&policy=whistle",
    "/lab/library?scenario=staffing-by-night&policy=more-night",
    "/lab/run?scenario=one-more-unit",
    "/lab/run?scenario=nobody-has-it",
    "/lab/compare",
    "/lab/compare?study={study}",
    "/lab-files/study/{study}/report",
    "/lab-files/upload",
    "/replay",
    "/replay?study={study}&arm=whistle&replication=0",
    "/drill",
    "/no-such-page",
)
pytestmark = pytest.mark.slow  # two minutes and a half of a browser
SEEN = Path(__file__).with_name("seen_text.js").read_text(encoding="utf-8")
NAMES = {
    "GridWhistle", "Holm", "Sobol", "Morris", "Kaplan", "Meier", "CSV", "YAML", "JSON", "HTML", "SHA", "EXERCISE",
    "kB", "MB", "App", "APP", "Esc",
}  # fmt: skip
AS_WRITTEN = re.compile(
    r"\S*[/@]\S+|[\w-]+\.(?:yaml|csv|html|json)\S*"  # paths, citable names, files
    r"|[A-Za-z]\w*(?:[._-](?:\w+|<\w+>))+"  # names of scenarios, settings and parameters
    r"|gridwhistle \S.*|--[\w-]+|\b[0-9a-f]{8,}\b|\d+\.\d+\.\d+\S*"  # command lines, hashes, versions
)
LATIN = re.compile(r"[A-Za-z][A-Za-z'’]+")
VERSIONS = {"python", "gridwhistle", "fastapi", "dash", "plotly", "numpy", "numba", "mesa", "duckdb"}


def english(texts: list[str], allowed: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return word -> the text it stands in, for Latin words that nothing allows."""
    found: dict[str, str] = {}
    for text in texts:
        for word in LATIN.findall(AS_WRITTEN.sub(" ", text)):
            if word not in NAMES and word not in allowed:
                found.setdefault(word, " ".join(text.split())[:160])
    return found


def opened(seen) -> list[str]:
    """Open all that can be opened on a page, wait for it, and return the texts."""
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    waiting = "t => !Array.from(document.querySelectorAll('details .fragment')).some(e => e.innerText.trim() === t)"
    seen.page.wait_for_function(waiting, arg=all_texts("zh")["web.loading"], timeout=30_000)
    return seen.page.evaluate(SEEN)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("chinese")
    study = small_study(tmp_path_factory.getbasetemp())
    (root / "results").mkdir()
    (root / "results" / study.name).symlink_to(study)
    with running(settings(port=0, results=root / "results", scenarios=root / "own")) as (url, kept):
        yield Site(url, study.name, kept)


def test_the_search_finds_what_it_should():
    assert english(["还剩 3 tasks", "report_in.load", "见 /a/b.csv", "{x}"]) == {"tasks": "还剩 3 tasks"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_in_chinese_is_chinese(browser, site, page):
    path = page.format(study=site.study)
    with visit(browser, site, path, "zh", (1440, 900)) as seen:
        seen.ready("body[data-ready=true]" if path.startswith("/lab/") or "report" in path else "h1, canvas", 60)
        if "study=" in path and path.startswith("/lab"):
            seen.ready(".js-plotly-plot", 60)
        if path.startswith("/lab/run"):
            seen.ready("#run-form[data-checked]")
        found = english(opened(seen), frozenset(VERSIONS if path == "/" else ()))
        assert not found, str(found)


def test_the_pages_of_a_drill_in_chinese_are_chinese(browser, site):
    injects = {one["id"] for one in yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["injects"]}
    control = open_room(site.url)
    player = join(site.url, control.code, "street_leader")
    try:
        for place in (control, player):
            allowed = frozenset({*LATIN.findall(" ".join([*injects, place.code]))})
            assert not (found := english(_room(browser, site, place), allowed)), f"{place.path}: {found}"
    finally:
        control.get("/close")


def _room(browser, site, place: Place) -> list[str]:
    with visit(browser, site, "/drill", "zh", (1440, 900)) as seen:
        seen.page.context.add_cookies([{"name": COOKIE, "value": place.key, "url": site.url}])
        seen.page.goto(f"{site.url}{place.path}?lang=zh")
        seen.ready("body[data-ready=true] [data-drill]", 60)
        return opened(seen)
