"""The analysis pages in a real browser: every page in two languages and two sizes, and what users do on them."""

from __future__ import annotations

import pytest
from browser_pages import CHART_MARKS, LANGUAGES, PHONE, SIZES, WALL, running, visit

from dashboards.texts import all_texts

PAGES = (
    "/",
    "/lab/library",
    "/lab/library?scenario=staffing-by-night&policy=more-night",
    "/lab/run?scenario=small-district",
    "/lab/compare",
    "/lab-files/upload",
)
# each page is seen in each language and each size; the other two of the four combinations run with -m slow
VIEWS = [
    pytest.param(lang, size, id=f"{lang}-{name}", marks=() if (lang == "en") == (size == WALL) else pytest.mark.slow)
    for lang in LANGUAGES
    for name, size in SIZES.items()
]


def opened(seen, path: str) -> None:
    """Wait until a page stands, whatever it fetches included."""
    seen.ready("body[data-ready=true]" if path.startswith("/lab/") else "h1")
    if path.startswith("/lab/run"):
        seen.ready("#run-form[data-checked]")


@pytest.mark.parametrize(("lang", "size"), VIEWS)
@pytest.mark.parametrize("path", PAGES)
def test_every_page_keeps_the_rules(browser, server, path, lang, size):
    with visit(browser, server, path, lang, size) as seen:
        opened(seen, path)
        assert seen.page.get_attribute("html", "lang") == ("zh-CN" if lang == "zh" else "en")
        assert seen.page.locator("h1").count() == 1
        seen.check()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_pages_keep_the_rules_in_the_dark(browser, server, path):
    with visit(browser, server, path, "en", WALL, color_scheme="dark") as seen:
        opened(seen, path)
        seen.check()


@pytest.mark.parametrize(("lang", "size"), VIEWS)
def test_a_study_shows_the_answer_first_and_draws_every_chart(browser, server, lang, size):
    with visit(browser, server, f"/lab/compare?study={server.study}", lang, size) as seen:
        seen.ready("#answer .answer")
        answer = seen.page.locator("#answer .answer")
        verdict = answer.locator(".verdict").first.inner_text()
        words = all_texts(lang)
        assert any(text in verdict for key, text in words.items() if key.startswith("verdicts."))
        assert answer.bounding_box()["y"] < size[1] / 2  # the first screen tells it
        seen.ready(".chart")
        count = seen.page.locator(".chart").count()
        drawn = f"n => Array.from(document.querySelectorAll('.js-plotly-plot')).filter({CHART_MARKS}).length >= n"
        assert count >= 9
        seen.page.wait_for_function(drawn, arg=count, timeout=90_000)
        seen.check()
        if lang == "en":
            _opens_a_table_by_keyboard(seen)
            _saves_the_numbers(seen)


def _opens_a_table_by_keyboard(seen) -> None:
    summary = seen.page.locator("#chart-differences summary", has_text="Table of this chart")
    summary.focus()
    seen.page.keyboard.press("Enter")
    table = seen.page.locator("#chart-differences table.data")
    table.wait_for(timeout=20_000)
    drawn = seen.page.evaluate("document.querySelector('#chart-differences .js-plotly-plot').data.length")
    assert drawn > 0 and table.locator("tbody tr").count() >= 10


def _saves_the_numbers(seen) -> None:
    with seen.page.expect_download() as download:
        seen.page.locator("#chart-differences a.button").click()
    name = download.value.suggested_filename
    assert name.endswith("-differences.csv")
    with open(download.value.path(), "rb") as file:
        assert file.read(20).startswith(b"\xef\xbb\xbfmetric,")


@pytest.mark.slow
def test_a_run_from_the_form_to_the_answer(browser, server):
    """Fill in, be told a mistake at its field, submit, watch, and read the answer."""
    with visit(browser, server, "/lab/run?scenario=bare-line&days=20", "en", WALL) as seen:
        seen.ready("#run-form[data-checked]")
        page, button = seen.page, seen.page.locator("#run-form button[type=submit]")
        page.fill("#run-replications", "0")
        page.wait_for_selector("#run-replications[aria-invalid=true]")
        assert "replications" in page.inner_text("[data-wrong=replications]") and button.is_disabled()
        page.fill("#run-replications", "3")
        page.wait_for_selector("#run-replications:not([aria-invalid])")
        page.fill("#run-owner", "li wei")
        page.wait_for_url("**replications=3**")
        assert "owner" not in page.url and "days=20" in page.url
        button.click()
        page.wait_for_selector("#jobs table.queue")
        row = page.locator("#jobs tbody tr").first
        assert "li wei" in row.inner_text() and "A line at three desks" in row.inner_text()
        row.get_by_role("link", name="Compare", exact=True).click(timeout=120_000)
        page.wait_for_selector("#answer .answer", timeout=30_000)
        assert "Four desks" in page.inner_text("#answer .answer")
        command = page.inner_text("#reproduce pre")
        assert "--policy three-desks --policy four-desks --replications 3" in command
        assert seen.foreign == [] and seen.errors == []


@pytest.mark.slow
def test_a_waiting_job_can_be_cancelled_by_a_button(browser, server):
    with visit(browser, server, "/lab/run?scenario=whistle-vs-referral&replications=500", "en", WALL) as seen:
        seen.ready("#run-form[data-checked]")
        page = seen.page
        page.click("#run-form button[type=submit]")
        row = page.locator("#jobs tbody tr", has_text="Whistle and report against referral").first
        row.get_by_role("button").click(timeout=20_000)
        page.wait_for_selector("#jobs-done .said")
        page.wait_for_function(
            "() => !document.querySelector('.job-state.running, .job-state.stopping')",
            timeout=90_000,
        )
        assert not [job for job in server_jobs(server) if job.state in ("running", "queued")]


def server_jobs(site):
    """Return what the queue's files say."""
    import json
    from types import SimpleNamespace

    files = (site.settings.results / "jobs").glob("*.json")
    found = [json.loads(file.read_text("utf-8")) for file in files if not file.name.endswith(".end.json")]
    return [SimpleNamespace(state=job["state"]) for job in found]


def test_the_language_switch_keeps_the_page_and_its_form(browser, server):
    with visit(browser, server, "/lab/run?scenario=bare-line", "en", PHONE) as seen:
        seen.ready("#run-form[data-checked]")
        seen.page.fill("#run-seed", "4711")
        seen.page.wait_for_url("**seed=4711**")
        seen.page.click("[data-switch-lang]")
        seen.page.wait_for_selector("html[lang=zh-CN] #run-form[data-checked]")
        assert seen.page.input_value("#run-seed") == "4711"
        assert "scenario=bare-line" in seen.page.url


def test_a_stranger_logs_in_and_out(browser, server, tmp_path):
    from dashboards.server.settings import settings

    token = tmp_path / "tokens"
    token.write_text(f"viewer ann {'k' * 24}\n", encoding="utf-8")
    token.chmod(0o600)
    with running(settings(port=0, results=tmp_path / "r", scenarios=tmp_path / "s", token_file=token)) as (url, given):
        site = type(server)(url, "", given)
        with visit(browser, site, "/lab/run", "en", PHONE) as seen:
            seen.check()
            seen.page.fill("#token", "wrong wrong wrong")
            seen.page.keyboard.press("Enter")
            seen.page.wait_for_selector("#problem")
            seen.errors.clear()  # the browser notes the 401 of the wrong token
            seen.page.fill("#token", "k" * 24)
            seen.page.keyboard.press("Enter")
            seen.ready()
            assert "/lab/run" in seen.page.url and "kkk" not in seen.page.url
            assert "ann (viewer)" in seen.page.inner_text("header")
            assert seen.page.locator("#run-form").count() == 0  # a viewer looks only
            seen.check()
            seen.page.get_by_role("button", name="Log out").click()
            seen.page.wait_for_selector("#token")
