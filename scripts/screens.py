"""Pictures of the dashboard for the README and the documentation, taken from a running server in chromium.

Pages are opened as a user opens them and photographed as they are; run it again when a page changes. Pictures of the
report are `scripts.pictures`.

Usage::

    uv run --extra browser python -m scripts.screens --results results --study whistle-vs-referral-xxxxxxxx
"""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WALL, PHONE = (1440, 900), (390, 844)
BUILT_MS = 900_000
"""How long the first room may take: where nothing was ever compiled it waits for that first, on a slow machine long."""
CHARTS = "() => { const n = document.querySelectorAll('.chart').length; return n > 0 && " \
    "document.querySelectorAll('.js-plotly-plot .main-svg').length >= n; }"  # fmt: skip
SEATED, PLAYER = "body[data-ready=true] [data-drill]", "street_leader"
READY = "() => document.body.dataset.ready === 'true'"


@dataclass(frozen=True)
class Screen:
    """One picture: its name, the page (``{study}`` stands for the study), when it is ready, its size."""

    name: str
    path: str
    ready: str
    size: tuple[int, int] = WALL
    lang: str = "en"
    part: str = ""


SCREENS = (
    Screen("library", "/lab/library?scenario=whistle-vs-referral", READY),
    Screen("run", "/lab/run?scenario=whistle-vs-referral", "() => document.querySelector('#run-form[data-checked]')"),
    Screen("compare", "/lab/compare?study={study}", CHARTS),
    Screen("compare-zh", "/lab/compare?study={study}", CHARTS, PHONE, "zh"),
    Screen("replay", "/replay?study={study}", "() => document.querySelector('main [data-ready=true]')"),
    Screen("compare-charts", "/lab/compare?study={study}", CHARTS, part="#chart-differences"),
)


@contextmanager
def served(results: Path) -> Iterator[str]:
    """Serve a results folder in a thread; yields the address without a slash at its end."""
    from dashboards.server.serve import address, listen, server_for
    from dashboards.server.settings import settings

    given = settings(port=0, results=results)
    bound = listen(given)
    server = server_for(given)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    try:
        yield address(given, bound).rstrip("/")
    finally:
        server.should_exit = True
        thread.join(30)
        bound.close()


def take(browser: Any, url: str, study: str, screen: Screen, folder: Path) -> Path:
    """Photograph one page.

    Returns
    -------
    Path
        The picture written.
    """
    width, height = screen.size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    page.goto(f"{url}{screen.path.format(study=study)}&lang={screen.lang}")
    page.wait_for_function(screen.ready, timeout=120_000)
    page.wait_for_timeout(800)  # the last chart is being painted
    file = folder / f"{screen.name}.png"
    target = page.locator(screen.part) if screen.part else page
    target.screenshot(path=file, animations="disabled")
    page.close()
    return file


def take_drill(browser: Any, url: str, folder: Path) -> list[Path]:
    """Open a room for the shipped exercise, go on to a decision of one player, photograph both."""
    room, player = (
        browser.new_context(viewport=_view(size), color_scheme="light").new_page() for size in (WALL, PHONE)
    )
    room.goto(f"{url}/drill?lang=en")
    with room.expect_navigation(url="**/controller?**", timeout=BUILT_MS, wait_until="commit"):
        room.click("form:has(input[value=evening-wage-fire]) button", timeout=BUILT_MS, no_wait_after=True)
    room.wait_for_selector(SEATED, timeout=BUILT_MS)
    player.goto(f"{url}/drill?lang=en")
    player.fill("#code", room.get_attribute("[data-drill]", "data-code"))
    player.click("form[action^='/drill/join'] button")
    player.click(f"form:has(input[value={PLAYER}]) button")
    player.wait_for_selector(SEATED)
    room.click("[data-act=start]")
    room.select_option("#speed", "60")
    player.wait_for_selector(".decision .option", timeout=120_000)
    room.click("[data-act=pause]")
    room.wait_for_timeout(1500)  # the maps are being painted
    files = [folder / "drill-controller.png", folder / "drill-player.png"]
    for page, file in zip((room, player), files, strict=True):
        page.screenshot(path=file, animations="disabled")
        page.close()
    return files


def _view(size: tuple[int, int]) -> dict[str, int]:
    return {"width": size[0], "height": size[1]}


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of the dashboard from a results folder.")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    parser.add_argument("--study", required=True, help="name of the comparison shown")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("screens: chromium is not installed")
    from playwright.sync_api import sync_playwright

    given.out.mkdir(parents=True, exist_ok=True)
    with served(given.results) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for screen in SCREENS:
            picture = take(browser, url, given.study, screen, given.out)
            print(f"{picture.name}: {picture.stat().st_size / 1024:.0f} kB")
        take_drill(browser, url, given.out)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
