"""Fixtures for tests in a real browser: one server process' worth of pages, Chromium, and a strict visitor.

The fixtures ``browser`` and ``server`` are there for every test module (`conftest.py`); import :func:`visit` and the
names of sizes from here. A page is visited in a language and a size; whatever it asks of another host, writes to the
console as an error, or breaks of the accessibility rules is collected and told by :meth:`Visit.check`. Pages forbid
evaluating text, so ``wait_for_function`` takes ``() => ...``, never a bare expression. Not a test itself.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from dashboards.server.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WALL, PHONE = (1920, 1080), (390, 844)
SIZES = {"wall": WALL, "phone": PHONE}
LANGUAGES = ("en", "zh")
SMALL = """\
name: small-district
title: {en: A small district, zh: 小城区}
extends: whistle-vs-referral
city:
  synthetic: {name: Small town, residents: 3000, seed: 3}
horizon_days: 8
warm_up_days: 1
cool_down_days: 2
experiment: {arms: [referral, whistle], replications: 3}
"""
"""A scenario on a real synthetic town, small enough to run while a test waits."""
SERIOUS = ("serious", "critical")
AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")

# a chart is drawn when it holds marks; an axis alone does not count
CHART_MARKS = """plot => plot.querySelectorAll('.points path, .lines path.js-line, .bars path, .sankey-link, '
  + '.sankey path, .hm image, .heatmaplayer image, .point path').length"""


@dataclass(frozen=True)
class Site:
    """A running server.

    Attributes
    ----------
    url
        Its address, without a slash at the end.
    study
        Name of the one results folder that lies there, made by the real runner from :data:`SMALL`.
    settings
        As it was started.
    """

    url: str
    study: str
    settings: Settings

    @property
    def folder(self) -> Path:
        """The results folder."""
        return self.settings.results / self.study


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, headless."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A real server on a free port, with one study and one scenario of a user."""
    from dashboards.server.settings import settings

    root = tmp_path_factory.mktemp("site")
    made = small_study(tmp_path_factory.getbasetemp())
    shutil.copytree(made, root / "results" / made.name)
    own = root / "my-scenarios"
    own.mkdir()
    (own / "small-district.yaml").write_text(SMALL, encoding="utf-8")
    with running(settings(port=0, results=root / "results", scenarios=own)) as (url, given):
        yield Site(url, made.name, given)


def small_study(base: Path) -> Path:
    """Return a results folder of :data:`SMALL`, run once for all modules of a test session."""
    from scenarios.experiment import Experiment
    from scenarios.library import load

    folder = base / "small-study" / "small-district-0123abcd"
    if not (folder / "manifest.json").exists():
        text = base / "small-district.yaml"
        text.write_text(SMALL, encoding="utf-8")
        Experiment(load(text)).run(workers=1, store=folder)
    return folder


@contextmanager
def running(given: Settings) -> Iterator[tuple[str, Settings]]:
    """Serve in a thread while the block runs; yields the address and the settings."""
    from dashboards.server.serve import address, listen, server_for

    bound = listen(given)
    uvicorn = server_for(given)
    thread = threading.Thread(target=uvicorn.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not uvicorn.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert uvicorn.started, "the server did not start within 30 s"
    try:
        yield address(given, bound).rstrip("/"), given
    finally:
        uvicorn.should_exit = True
        thread.join(15)
        bound.close()


@dataclass
class Visit:
    """A page that is open, and everything that went wrong on it so far."""

    page: Any
    size: tuple[int, int]
    host: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def ready(self, selector: str = "body[data-ready=true]", timeout_s: float = 60.0) -> None:
        """Wait until something stands on the page."""
        self.page.wait_for_selector(selector, timeout=timeout_s * 1000, state="attached")

    def serious(self) -> list[str]:
        """Return the serious and critical accessibility violations, each with the first element it names."""
        from axe_playwright_python.sync_playwright import Axe

        options = {"runOnly": {"type": "tag", "values": list(AXE_TAGS)}, "resultTypes": ["violations"]}
        found = Axe().run(self.page, options=options).response["violations"]
        return [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found if v["impact"] in SERIOUS]

    def scrolls_sideways(self) -> bool:
        """Whether the page is wider than the screen."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth") > self.size[0])

    def check(self) -> None:
        """Assert what every page owes: no foreign request, no console error, no sideways scrolling, accessible."""
        assert self.foreign == [], "a page asked another host"
        assert self.errors == [], "a page wrote errors to the console"
        assert not self.scrolls_sideways(), "the page scrolls sideways"
        assert self.serious() == [], "serious accessibility violations"


@contextmanager
def visit(
    browser: Any, site: Site, path: str, lang: str = "en", size: tuple[int, int] = WALL, **context: Any
) -> Iterator[Visit]:
    """Open a page in a language and a size.

    Parameters
    ----------
    browser, site
        The fixtures.
    path
        Path and query, such as ``/lab/run?scenario=x``; ``lang`` is added.
    lang, size
        Language; width and height of the window, pixels.
    **context
        Further options of Playwright's ``new_context``.

    Examples
    --------
    >>> with visit(browser, server, "/replay", "zh", PHONE) as seen:  # doctest: +SKIP
    ...     seen.ready("canvas")
    ...     seen.check()
    """
    width, height = size
    opened = browser.new_context(viewport={"width": width, "height": height}, **context)
    page = opened.new_page()
    seen = Visit(page, size, urlsplit(site.url).netloc)
    page.on("request", lambda r: None if _ours(r.url, seen.host) else seen.foreign.append(r.url))
    page.on("websocket", lambda w: None if _ours(w.url, seen.host) else seen.foreign.append(w.url))
    page.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: seen.errors.append(str(e)))
    joint = "&" if "?" in path else "?"
    page.goto(f"{site.url}{path}{joint}lang={lang}", wait_until="domcontentloaded")
    try:
        yield seen
    finally:
        opened.close()


def _ours(url: str, host: str) -> bool:
    return url.startswith(("data:", "blob:", "about:")) or urlsplit(url).netloc == host
