"""Pictures for the README and the documentation, taken from the report of a real run.

The report is opened from its file in chromium and a few of its parts are photographed. No picture is drawn or
retouched here, so a picture shows what a user gets; run it again when the report or the model changes.

Usage::

    uv run --extra browser python -m scripts.pictures results/whistle-vs-referral-xxxxxxxx
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH, HEIGHT = 1000, 800
PARTS = {
    "answer": "#answer",
    "differences": "#chart-differences",
    "resolution": "#chart-resolution",
    "map": "#chart-map",
}
"""Picture's name -> the part of the report it shows."""


def take(report: Path, folder: Path, lang: str) -> list[Path]:
    """Photograph the parts of a report.

    Parameters
    ----------
    report
        A `report.html`.
    folder
        Where ``<part>-<lang>.png`` go; made when missing.

    Returns
    -------
    list of Path
        The pictures written.

    Raises
    ------
    SystemExit
        When there is no chromium, or the report lacks a part.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("pictures: chromium is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.wait_for_selector("body[data-ready=true]", timeout=60_000)
        written = [_part(page, name, css, folder / f"{name}-{lang}.png") for name, css in PARTS.items()]
        browser.close()
    return written


def _part(page: Any, name: str, css: str, file: Path) -> Path:
    found = page.locator(css)
    if found.count() != 1:
        raise SystemExit(f"pictures: the report has no part '{name}' ({css})")
    found.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # a chart below the fold is drawn when it comes into sight
    found.screenshot(path=file, animations="disabled")
    return file


def main() -> int:
    """Write the reports of a results folder in both languages beside it and photograph them."""
    parser = argparse.ArgumentParser(description="Take the pictures of the documentation from a results folder.")
    parser.add_argument("results", type=Path, help="a results folder of a comparison")
    parser.add_argument("--lang", nargs="*", default=["en"], help="languages, en and zh")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures")
    given = parser.parse_args()
    from dashboards.report import write_report
    from scenarios.study import Study

    study = Study.open(given.results)
    for lang in given.lang:
        report = write_report(study, given.results / f"report-{lang}.html", lang)
        for picture in take(report, given.out, lang):
            print(f"{picture.name}: {picture.stat().st_size / 1024:.0f} kB")
        report.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
