"""The report in a real browser, opened as a file: no request, no error, no blank chart, no sideways scrolling."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_pages import CHART_MARKS
from report_sample import report_data

from dashboards.report import write_report


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {lang: write_report(report_data(), folder / f"{lang}.html", lang) for lang in ("en", "zh")}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("size", [(1920, 1080), (390, 844)], ids=["wall", "phone"])
def test_opens_from_a_file(browser, reports, lang, size):
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    foreign: list[str] = []
    errors: list[str] = []
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else foreign.append(r.url))
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(reports[lang].as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    marks = page.eval_on_selector_all(".plot", f"plots => plots.map({CHART_MARKS})")
    assert foreign == [] and errors == []
    assert len(marks) == 7 and min(marks) > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.get_attribute("html", "lang") == ("zh-CN" if lang == "zh" else "en")
    page.close()


def test_drawn_numbers_are_the_tables_numbers(browser, reports):
    page = browser.new_page()
    page.goto(reports["en"].as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    drawn = page.evaluate(
        "document.querySelector('#chart-truth .plot').data.filter(t => t.type === 'bar').map(t => Array.from(t.y))"
    )
    frame = report_data().runs
    for bars, (_, part) in zip(drawn, frame.groupby("policy", sort=False), strict=True):
        means = [100 * part[c].mean() for c in ("true_resolution_share", "reported_resolution_share")]
        assert bars == pytest.approx(means)
    page.close()


def test_tables_open_by_keyboard_and_csv_downloads(browser, reports):
    page = browser.new_page(accept_downloads=True)
    page.goto(reports["en"].as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    summary = page.locator("#chart-differences summary", has_text="Table of this chart")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#chart-differences table.data").is_visible()
    with page.expect_download() as download:
        page.locator("#chart-differences a.button").click()
    assert download.value.suggested_filename == "differences.csv"
    assert Path(download.value.path()).read_bytes().startswith(b"\xef\xbb\xbfmetric,")
    page.close()


def test_prints(browser, reports):
    page = browser.new_page()
    page.goto(reports["zh"].as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 3
    page.close()
