"""Every page and report, in Chinese, holds Chinese: no run of Latin words beyond names, units and what is code.

What a reader can come to see is read: the text of a page with all its parts opened, the labels that a screen reader
says, and the titles, axes and hover texts of its charts. Left out is what stands as code, what a page marks as kept in
another language (``lang="en"``), and what somebody typed. A new page is a line in :data:`PAGES`. The mirror walks the
same pages in English and finds Chinese characters.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from browser_pages import Site, running, small_study, visit
from calibrated_log import MAP, simulated, write
from drill_seats import COOKIE, SHIPPED, Place, join, open_room

from calibration.command import Options, Outcome, calibrate
from dashboards.report.aar import write_aar
from dashboards.report.calibration import write_calibration_report
from dashboards.server.settings import settings
from dashboards.texts import Texts, all_texts
from scenarios.console import Console
from scenarios.drill import Branch, Drill, branch
from tests import drill_sample as sample

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
pytestmark = pytest.mark.slow  # five minutes of a browser
SEEN = Path(__file__).with_name("seen_text.js").read_text(encoding="utf-8")
OVERFLOW = Path(__file__).parent / "cases" / "calibrate-overflow" / "log.csv"
NAMES = {
    "GridWhistle", "Holm", "Sobol", "Morris", "Kaplan", "Meier", "CSV", "YAML", "JSON", "HTML", "SHA", "EXERCISE",
    "kB", "MB", "App", "APP", "Esc", "KS", "AD", "AIC",
}  # fmt: skip
AS_WRITTEN = re.compile(
    r"\S*[/@]\S+|[\w-]+\.(?:yaml|csv|html|json)\S*"  # paths, citable names, files
    r"|[A-Za-z]\w*(?:[._-](?:\w+|<\w+>))+"  # names of scenarios, settings and parameters
    r"|gridwhistle \S.*|--[\w-]+|\b[0-9a-f]{8,}\b|\d+\.\d+\.\d+\S*"  # command lines, hashes, versions
)
CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+")
BOTH_WAYS = {"中文", "演练", "＝"}
"""What an English page may hold: the switch to Chinese, the mark of an exercise in both, the sign of no difference."""
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


def chinese(texts: list[str], allowed: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return run of Chinese characters -> the text it stands in, for those that nothing allows."""
    found: dict[str, str] = {}
    for text in texts:
        for run in CHINESE.findall(text):
            if run not in BOTH_WAYS and run not in allowed:
                found.setdefault(run, " ".join(text.split())[:160])
    return found


def opened(page, lang: str = "zh") -> list[str]:
    """Open all that can be opened on a page, wait for it, and return the texts but those of the other language."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    waiting = "t => !Array.from(document.querySelectorAll('details .fragment')).some(e => e.innerText.trim() === t)"
    page.wait_for_function(waiting, arg=all_texts(lang)["web.loading"], timeout=60_000)
    return page.evaluate(SEEN, "en" if lang == "zh" else "zh")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("chinese")
    study = small_study(tmp_path_factory.getbasetemp())
    (root / "results").mkdir()
    (root / "results" / study.name).symlink_to(study)
    with running(settings(port=0, results=root / "results", scenarios=root / "own")) as (url, kept):
        yield Site(url, study.name, kept)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory) -> dict[str, Outcome]:
    """One calibration that is published and has deadlines, and one that is a draft and has kinds of cases."""
    folder = tmp_path_factory.mktemp("calibrated")
    steady = write(simulated(200), folder / "steady.csv")
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    left_open = pd.read_csv(OVERFLOW).drop(columns="Status")
    left_open.to_csv(folder / "open.csv", index=False)
    made = {
        "steady": Options(steady, folder / "map.yaml", replications=20, out=folder / "steady"),
        "open": Options(folder / "open.csv", zone="America/New_York", replications=20, out=folder / "open"),
    }
    return {name: calibrate(one, Console(Texts("en"), "en", machine=True)) for name, one in made.items()}


@pytest.fixture(scope="module")
def played() -> tuple[Drill, list[Branch]]:
    """A drill with a time-out, an answer of one's own and its branch, an effect that fails, notes, and an early end."""
    failing = {"id": "too-many", "at_min": 4, "objective": "command",
               "effects": [{"kind": "recall", "post": "fire_engine", "count": 4}]}  # fmt: skip
    made = sample.variant(lambda data: data["injects"].append(failing))
    made.start("controller")
    while not made.is_over and made.t_min < 55:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            if prompt.id == "D1":
                made.tick(prompt.left_s + 1)
            else:
                made.decide(prompt.id, "handle" if prompt.id == "D2" else prompt.rule_option, "1", "1", took_s=17.0)
        else:
            made.jump()
    made.note("2", "controller", "command")
    made.rate("voice", 60, "controller", "3")
    made.stop("")
    assert any(slot.why is not None for slot in made.injects)
    return made, [branch(made.recording, "D2", "whistle:emergency", 2, ground=made.ground)]


def _report(browser, file: Path, lang: str, width: int = 1280) -> list[str]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    try:
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-ready=true]", timeout=60_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        return opened(page, lang)
    finally:
        page.close()


def foreign(texts: list[str], lang: str, allowed: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return what of a page stands in the language that is not its own."""
    return english(texts, allowed) if lang == "zh" else chinese(texts, allowed)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", ["steady", "open"])
def test_the_report_of_a_calibration_speaks_one_language(browser, calibrated, tmp_path, name, lang):
    outcome = calibrated[name]
    assert outcome.made.status == ("draft" if name == "open" else "published")
    file = write_calibration_report(outcome, tmp_path / "report.html", lang)
    kinds = frozenset(LATIN.findall(" ".join(outcome.fit.groups)) if outcome.fit.column is not None else ())
    for width in (1280, 390):
        assert not (found := foreign(_report(browser, file, lang, width), lang, kinds)), str(found)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_of_a_drill_speaks_one_language(browser, played, tmp_path, lang):
    made, branches = played
    file = write_aar(made, tmp_path / "aar.html", lang, branches)
    for width in (1280, 390):
        assert not (found := foreign(_report(browser, file, lang, width), lang)), str(found)


def test_the_search_finds_what_it_should():
    assert chinese(["EXERCISE 演练", "中文", "还剩 3 tasks"]) == {"还剩": "还剩 3 tasks"}
    assert english(["还剩 3 tasks", "report_in.load", "见 /a/b.csv", "{x}"]) == {"tasks": "还剩 3 tasks"}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_speaks_one_language(browser, site, page, lang):
    path = page.format(study=site.study)
    with visit(browser, site, path, lang, (1440, 900)) as seen:
        seen.ready("body[data-ready=true]" if path.startswith("/lab/") or "report" in path else "h1, canvas", 60)
        if "study=" in path and path.startswith("/lab"):
            seen.ready(".js-plotly-plot", 60)
        if path.startswith("/lab/run"):
            seen.ready("#run-form[data-checked]")
        found = foreign(opened(seen.page, lang), lang, frozenset(VERSIONS if path == "/" else ()))
        assert not found, str(found)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pages_of_a_drill_speak_one_language(browser, site, lang):
    injects = {one["id"] for one in yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["injects"]}
    control = open_room(site.url)
    player = join(site.url, control.code, "street_leader")
    try:
        for place in (control, player):
            allowed = frozenset({*LATIN.findall(" ".join([*injects, place.code]))})
            assert not (found := foreign(_room(browser, site, place, lang), lang, allowed)), f"{place.path}: {found}"
    finally:
        control.get("/close")


def _room(browser, site, place: Place, lang: str) -> list[str]:
    with visit(browser, site, "/drill", lang, (1440, 900)) as seen:
        seen.page.context.add_cookies([{"name": COOKIE, "value": place.key, "url": site.url}])
        seen.page.goto(f"{site.url}{place.path}?lang={lang}")
        seen.ready("body[data-ready=true] [data-drill]", 60)
        return opened(seen.page, lang)
