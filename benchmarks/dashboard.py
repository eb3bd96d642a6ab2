"""The dashboard's first page: how long until it stands, and how much comes over the wire, in a real browser.

A fresh Chromium with an empty cache opens the Library, then a comparison: its answer, and its charts with Plotly.
Seconds run from the request until the content stands; megabytes are those received, compressed, on the whole page.
The server runs in a process of its own and has started. Seconds are the median of several visits, megabytes the most.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import Bar, Measured

VISITS = 7
SCENARIO = """\
name: small-district
title: {en: A small district, zh: 小城区}
extends: whistle-vs-referral
city: {synthetic: {name: Small town, residents: 20000, seed: 3}}
horizon_days: 20
warm_up_days: 4
cool_down_days: 4
experiment: {arms: [referral, whistle], replications: 4}
"""
DASHBOARD = (
    Bar("dashboard_first_page_s", "first page in an empty browser, until it stands (s)", "at most", 2.0),
    Bar("dashboard_first_page_mb", "the same, received compressed (MB)", "at most", 2.0),
    Bar("dashboard_answer_s", "first page a comparison, until its answer stands (s)", "at most", 2.0),
    Bar("dashboard_comparison_mb", "the same with all charts, received compressed (MB)", "at most", 2.0),
)
DRAWN = "() => { const n = document.querySelectorAll('.chart').length; return n > 0 && " \
    "document.querySelectorAll('.js-plotly-plot .main-svg').length >= n; }"  # fmt: skip


def measure(quick: bool = False) -> Measured:
    """Return seconds and megabytes of first visits, with the charts' seconds beside them."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as (url, study, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        visits = 1 if quick else VISITS
        first = [_visit(browser, f"{url}lab/library?lang=en", "#page h1", "") for _ in range(visits)]
        answer = f"{url}lab/compare?study={study}&lang=en"
        second = [_visit(browser, answer, "#answer .answer", DRAWN) for _ in range(visits)]
        browser.close()
    return {
        "dashboard_first_page_s": statistics.median(v["stands_s"] for v in first),
        "dashboard_first_page_mb": max(v["mb"] for v in first),
        "dashboard_answer_s": statistics.median(v["stands_s"] for v in second),
        "dashboard_charts_s": statistics.median(v["drawn_s"] for v in second),
        "dashboard_comparison_mb": max(v["mb"] for v in second),
        "dashboard_visits": visits,
    }


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Run a small study and serve it from another process; yields the address, the study's name and the process."""
    from scenarios.experiment import Experiment
    from scenarios.library import load

    text = folder / "small-district.yaml"
    text.write_text(SCENARIO, encoding="utf-8")
    made = Experiment(load(text))
    made.run(workers=1, store=folder / "results" / made.default_folder().name)
    command = [sys.executable, "-m", "gridwhistle", "dashboard", "--port", "0", "--results", str(folder / "results")]
    server = subprocess.Popen(
        [*command, "--scenarios", str(folder / "own")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        url = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
        _wait(url)
        yield url, made.default_folder().name, server.pid
    finally:
        server.terminate()
        server.wait(30)


def _wait(url: str) -> None:
    """Wait until the server answers; it says its address before it has warmed up."""
    from urllib.error import URLError
    from urllib.request import urlopen

    for _ in range(600):
        try:
            with urlopen(f"{url}health", timeout=5):
                return
        except (URLError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError("the dashboard does not answer")


def _visit(browser: Any, address: str, stands: str, drawn: str) -> dict[str, float]:
    """Open an address in a browser that has seen nothing; returns seconds and megabytes received."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    received: list[float] = []
    wire.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(stands, timeout=60_000)
    told = {"stands_s": time.perf_counter() - begun}
    if drawn:
        page.wait_for_function(drawn, timeout=60_000)
        told["drawn_s"] = time.perf_counter() - begun
    page.wait_for_timeout(500)
    told["mb"] = sum(received) / 1e6
    context.close()
    return told
