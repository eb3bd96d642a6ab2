"""The replay's figure: how many frames a second a browser paints of 2,000 things that move on 50,000 road edges.

Nothing is staged: a day of far too many calls is run on the published road network of Edmonton (or, where those
data are not here, on a synthetic town as large), played again by the server, streamed, and watched by a headless
Chromium in the page that users see. Counted are the frames that the map has painted, and how many people drove.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Bar, Measured
from sim.errors import InputError

REPLAY = (
    Bar("replay_frames_per_s", "painted frames per second, 1920 x 1080", "at least", 8.0),
    Bar("replay_moving", "the same, people driving at once", "at least", 2000),
    Bar("replay_road_edges", "the same, road edges", "at least", 50_000),
)
STAGES = [
    {"name": "on_scene", "who": "ambulance", "touch_min": {"exponential": {"mean": 2}}, "next": {"handover": 0.75}},
    {"name": "handover", "who": "ambulance", "where": "hospital", "keep_staff": True, "touch_min": 1.0},
]
CALLS_PER_HOUR = {"high_priority": 7400.0, "low_priority": 2400.0}
AMBULANCES = 4400
SYNTHETIC = {
    "synthetic": {
        "name": "Large town", "residents": 200_000, "seed": 1, "street_spacing_m": {"urban": 28, "compound": 28},
        "archetype_shares": {"urban": 0.8, "compound": 0.2}, "max_places": 2000,
    }
}  # fmt: skip
AT_MIN = 125.0
WATCH_S = 10.0
WAIT_S = 300.0
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def busy_day(quick: bool) -> Any:
    """Return the scenario: Edmonton with a thousand times its calls, or a town when its data are missing."""
    from scenarios.library import load
    from sim.city.shared import located

    scenario = load("edmonton-ems")
    share = 0.02 if quick else 1.0
    changes: dict[str, Any] = {
        "horizon_days": 0.11,
        "warm_up_days": 0,
        "cool_down_days": 0,
        "posts": {"ambulance": {"count": max(20, round(AMBULANCES * share)), "places": None}},
        "types": {name: {"rate_per_hour": rate * share, "stages": STAGES} for name, rate in CALLS_PER_HOUR.items()},
    }
    try:
        located(scenario.folder, scenario.city["read"]["folder"])
    except InputError:
        changes["city"] = SYNTHETIC
    return scenario.with_changes(changes, "benchmark")


def measure(quick: bool = False) -> Measured:
    """Return ``replay_frames_per_s``, ``replay_moving``, ``replay_road_edges`` and what explains them.

    Parameters
    ----------
    quick
        Two per cent of the calls; its figures mean nothing.

    Raises
    ------
    InputError
        When no Chromium is installed.
    """
    from scenarios.experiment import Experiment

    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        raise InputError("no Chromium is installed", field="browser", allowed=", ".join(CHROMIUM))
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        Experiment(busy_day(quick), policies=["nearest"], replications=1).run(1, results / "busy", keep_cases=0)
        with _server(results) as url:
            return _watch(chromium, url)


class _server:
    """A server on a free port while the block runs."""

    def __init__(self, results: Path) -> None:
        from dashboards.server.serve import listen, server_for
        from dashboards.server.settings import settings

        given = settings(port=0, results=results, scenarios=results.parent / "none")
        self.bound, self.server = listen(given), server_for(given)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.bound]}, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)
        return f"http://127.0.0.1:{self.bound.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(15)
        self.bound.close()


PLAYER = "document.querySelector('[data-replay]').player"
MOVING = f"(() => {{ const p = {PLAYER}, f = p.stream.at(p.clock.minute); return f ? f.driving.reduce((a, b) => a + b, 0) : 0; }})()"  # noqa: E501


def _watch(chromium: str, url: str) -> Measured:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        begun = time.perf_counter()
        page.goto(f"{url}/replay?study=busy&arm=nearest&at={AT_MIN}&lang=en")
        page.wait_for_selector("[data-replay][data-minute]", timeout=WAIT_S * 1000, state="attached")
        first = time.perf_counter() - begun
        edges = page.evaluate(f"{PLAYER}.roads.from.length")
        page.click("[data-part=play]")
        page.wait_for_timeout(1500)
        frames, began = _frames(page), time.perf_counter()
        moving = []
        while time.perf_counter() - began < WATCH_S:
            page.wait_for_timeout(1000)
            moving.append(page.evaluate(MOVING))
        painted, passed = _frames(page) - frames, time.perf_counter() - began
        panned = _panning(page)
        roads = float(page.get_attribute(".citymap-ground", "data-paint-ms") or "nan")
        browser.close()
    return {
        "replay_frames_per_s": painted / passed,
        "replay_moving": min(moving),
        "replay_road_edges": edges,
        "replay_panning_frames_per_s": panned,
        "replay_roads_paint_ms": roads,
        "replay_first_picture_s": first,
    }


def _frames(page: Any) -> int:
    return int(page.get_attribute(".citymap-things", "data-frames"))


def _panning(page: Any) -> float:
    """Return frames a second while the map is dragged to and fro."""
    box = page.locator(".citymap-things").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    frames, began = _frames(page), time.perf_counter()
    for k in range(60):
        page.mouse.move(x + 40 * (k % 5), y + 20 * (k % 3))
        page.wait_for_timeout(30)
    page.mouse.up()
    return (_frames(page) - frames) / (time.perf_counter() - began)
