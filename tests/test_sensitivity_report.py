"""What a study says and draws: sentences, tables, charts and the page, in both languages and in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensitivity_jobs import TOWN
from terminal_widths import assert_whole, tables_of

from calibration.sensitivity.command import show
from calibration.sensitivity.designs import DUMMY_NAME
from calibration.sensitivity.evaluations import evaluations
from calibration.sensitivity.study import SensitivityResult, SensitivityStudy
from calibration.sensitivity.telling import Teller
from dashboards.charts.sensitivity import effects_plane, flip_curves, index_bars, sensitivity_charts
from dashboards.report.sensitivity import command, sensitivity_page, write_sensitivity_report
from dashboards.texts import Texts
from scenarios import load

NAMES = ("report_in.load", "report_in.intercept", "coordination.defer_min", "closing.sham_probability")


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("town") / "town.yaml"
    file.write_text(TOWN.replace("en: Small town", "en: <b>Small & town"), encoding="utf-8")
    return file


def result(town: Path, method: str = "sobol", noise: float = 0.3, **given: Any) -> SensitivityResult:
    """An effect that load drives, that intercept bends, and that the last two leave alone."""
    study = SensitivityStudy(load(str(town)), method, parameters=NAMES, rows=64 if method == "sobol" else 20, **given)
    u, rng = study.design.unit, np.random.default_rng(4)
    y = 1.6 * u[:, 0] - 0.9 + 0.5 * np.cos(2 * np.pi * u[:, 1])
    return study.result(evaluations(study.design, y[:, None] + noise * rng.normal(size=(len(u), 2))))


def told(found: SensitivityResult, lang: str = "en") -> str:
    return "\n".join(Teller(found, Texts(lang), lang).paragraphs())


def test_the_paragraphs_say_what_is_due_to_what(town):
    text = told(result(town))
    for piece in (
        "Of what the parameters cause,",
        "involve report_in.load",
        "are chance",
        "A dummy that no model reads",
        "To be measured first: report_in.load",
        "It is an assumption, plausible from 0 to 1.5",
        "No noticeable influence within their ranges",
        "report_in.load: the sign changes at 0.8",
    ):
        assert piece in text, piece


def test_an_index_below_zero_is_explained_and_never_bare(town):
    found = result(town, noise=0.6)
    below = [n for n in NAMES if found.analysis.total[n].value < 0 or found.analysis.first[n].value < 0]
    assert below, "the sample should hold an index below zero"
    rows = Teller(found, Texts("en")).result_rows()
    assert any("≈ 0 (up to" in cell for row in rows for cell in row)
    assert not any(re.match(r"[-−]\d", cell) for row in rows for cell in row[2:4])
    assert "scattered below it because they are near zero" in told(found) and below[0] in told(found)


def test_noise_alone_gives_no_index_and_says_so(town):
    found = result(town, noise=300.0)
    assert not found.analysis.signal and found.flips == [] and "No index is given" in told(found)
    assert [row[2:4] for row in Teller(found, Texts("en")).result_rows()] == [["–", "–"]] * 5
    morris = result(town, "morris", noise=300.0)
    assert not morris.analysis.signal
    assert "No effect of a single parameter can be told from chance" in told(morris)
    assert sensitivity_charts(found) == [] and 'id="charts"' not in sensitivity_page(found, Texts("en"))


def test_much_noise_brings_advice_on_replicates(town):
    found = result(town, noise=1.1)
    ratio = found.analysis.noise_variance / found.analysis.signal_variance.value
    assert ratio > 4 and f"about {int(np.ceil(ratio))} replicates" in told(found)


def test_bars_hold_every_factor_the_dummy_and_the_noise_share(town):
    found = result(town)
    chart = index_bars(found)
    assert list(chart.table["parameter"]) == [*found.order, "dummy", "chance, of single runs"]
    total, first, noise = chart.figure.data
    assert list(total.x) == pytest.approx([found.analysis.total[n].value for n in [*found.order, DUMMY_NAME]], abs=1e-6)
    assert list(noise.x) == pytest.approx([found.analysis.noise_share.value], abs=1e-6)
    low = [x - d for x, d in zip(first.x, first.error_x.arrayminus, strict=True)]
    assert low == pytest.approx([found.analysis.first[n].low for n in [*found.order, DUMMY_NAME]], abs=1e-5)
    assert "report_in.load is behind" in chart.title


def test_the_plane_holds_every_effect_and_the_dummy(town):
    found = result(town, "morris")
    chart = effects_plane(found)
    assert sorted(chart.table["parameter"]) == sorted([*NAMES, "dummy"])
    assert sum(len(trace.x) for trace in chart.figure.data) == 5
    assert "moves the answer most" in chart.title and "days" in chart.title
    with pytest.raises(ValueError, match="Sobol"):
        index_bars(found)
    with pytest.raises(ValueError, match="Morris"):
        effects_plane(result(town))


def test_flip_curves_show_the_fitted_difference(town):
    found = result(town)
    chart = flip_curves(found)
    load_rows = chart.table[chart.table["parameter"] == "report_in.load"]
    assert load_rows["effect"].iloc[0] == pytest.approx(-0.9, abs=0.15)
    assert load_rows["effect"].iloc[-1] == pytest.approx(0.7, abs=0.15)
    assert (load_rows["low"] <= load_rows["effect"]).all() and (load_rows["effect"] <= load_rows["high"]).all()
    assert "report_in.load at 0.8" in chart.title


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_the_page_is_whole_escaped_and_asks_nobody(town, lang, method):
    page = sensitivity_page(result(town, method), Texts(lang))
    assert "<b>Small" not in page and "Content-Security-Policy" in page
    for name in NAMES:
        assert f"<code>{name}</code>" in page
    body = page[: page.index('id="locale"')]
    assert not re.search(r'(?:src|href)="(?:https?:)?//', body)
    for key in ("asked", "results", "factors", "method"):
        assert Texts(lang)(f"sensitivity.report.{key}") in page
    assert {"en": "logit", "zh": "对数几率"}[lang] in page and Texts(lang)("confidence.assumption") in page


def test_the_command_of_the_page_asks_the_same_again(town):
    found = result(town, policies=["whistle"], seed=11)
    words = command(found).split()
    for piece in ("--method sobol", "--rows 64", "--replicates 2", "--seed 11", "--policy whistle",
                  "--parameter report_in.load"):  # fmt: skip
        assert piece in " ".join(words)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_the_tables_are_whole_at_every_width(town, method, lang):
    found = result(town, method)
    for one in tables_of(lambda console: show(found, console), lang):
        assert_whole(*one, range(60, 201, 4))


def test_shares_are_shown_in_points(town):
    found = result(town, measure="true_resolution_share")
    tell = Teller(found, Texts("en"))
    assert tell.unit == "points" and tell.amount(0.015) == "1.50 points"
    level = result(town, measure="true_resolution_share", policies=["whistle"])
    assert Teller(level, Texts("en")).amount(0.015) == "1.50 %"


@pytest.mark.parametrize(("lang", "size"), [("en", (1920, 1080)), ("zh", (390, 844))], ids=["wall-en", "phone-zh"])
def test_opens_from_a_file(browser, town, tmp_path, lang, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    file = write_sensitivity_report(result(town, "sobol" if lang == "en" else "morris"), tmp_path / "r.html", lang)
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    wrong: list[str] = []
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else wrong.append(r.url))
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    marks = page.eval_on_selector_all(".plot", "ps => ps.map(p => p.querySelectorAll('.points path').length)")
    assert wrong == [] and len(marks) == 2 and min(marks) > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    page.close()
