"""The report as a file: the answer first, everything escaped, nothing foreign, written whole or not at all."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs
from report_sample import ARM, BASELINE, EVIL, MEASURES, comparisons, report_data, runs

from dashboards.report import write_report
from dashboards.report.answer import answer
from dashboards.report.data import Arm, Parameter
from dashboards.report.html import csv_uri, json_script
from dashboards.report.write import page
from dashboards.texts import Texts
from sim.errors import InputError

EN = Texts("en")


def own_part(html: str) -> str:
    """The page without plotly's own script."""
    assert get_plotlyjs() in html
    return html.replace(get_plotlyjs(), "")


@pytest.fixture(scope="module")
def html() -> str:
    return page(report_data(), EN)


def test_sections_come_in_the_order_of_reading(html):
    order = re.findall(r'<section id="(\w+)"', html)
    assert order == [
        "answer", "compared", "measures", "charts", "assumptions", "definitions", "reproduce", "limits",
    ]  # fmt: skip


def test_the_answer_says_direction_interval_verdict_and_cost():
    text = answer(report_data(), EN)
    row = comparisons(runs()).set_index("metric").loc["true_resolution_days"]
    assert len(text) == 1
    assert (
        f"{-row['difference']:.3f} days shorter ({-row['high']:.3f} to {-row['low']:.3f}) than under referral"
        in text[0]
    )
    assert ": better." in text[0] and "yuan more" in text[0] and "The record says" in text[0]


def test_the_answer_stays_undecided_and_says_what_it_would_take():
    table = comparisons(runs())
    table.loc[0, ["difference", "low", "high", "verdict", "needed"]] = [-0.1, -0.5, 0.3, "undecided", 140]
    text = answer(report_data(comparisons=table), EN)[0]
    assert "does not differ clearly" in text and "undecided" in text and "About 140 more replications" in text
    assert "better" not in text


def test_the_answer_of_a_single_arm():
    frame = runs()
    data = report_data(arms=[Arm(BASELINE)], runs=frame[frame["policy"] == BASELINE], comparisons=pd.DataFrame())
    mean = frame.loc[frame["policy"] == BASELINE, "true_resolution_days"].mean()
    assert f"{mean:.2f} days" in answer(data, EN)[0]
    assert '<table class="measures">' in page(data, EN)


def test_no_foreign_host_outside_plotlys_own_text(html):
    assert not re.findall(r"https?://", own_part(html))
    assert not re.search(r"<(link|iframe|img|script)[^>]+(src|href)=", html.replace(get_plotlyjs(), ""))
    assert "default-src 'none'" in html


def test_every_figure_draws_without_webgl_or_tiles(html):
    figures = re.findall(r'<script type="application/json" id="figure-[^"]+">(.*?)</script>', html)
    kinds = {trace["type"] for spec in figures for trace in json.loads(spec)["data"]}
    assert len(figures) == 7
    assert kinds <= {"scatter", "bar", "heatmap", "sankey"}
    for spec in figures:
        config = json.loads(spec)["config"]
        assert config["showSendToCloud"] is False and config["displaylogo"] is False


def test_every_chart_is_named_for_those_who_cannot_see_it(html):
    plots = re.findall(r'<div class="plot"[^>]*>', html)
    assert len(plots) == 7
    for plot in plots:
        assert 'role="group"' in plot and re.search(r'aria-label="[^"]{40,}"', plot)


def test_csv_of_a_chart_is_its_table():
    frame = pd.DataFrame({"名称": ["a,b", 'c"d'], "value": [1.25, np.nan]})
    uri = csv_uri(frame, Texts("en"))
    content = base64.b64decode(uri.split("base64,")[1])
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(content)), frame)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_user_text_cannot_break_out(lang):
    frame = runs().replace({"policy": {ARM: EVIL}})
    data = report_data(
        title=EVIL, description=EVIL, runs=frame, command=EVIL, folder=EVIL,
        comparisons=comparisons(runs()).replace({"arm": {ARM: EVIL}}),
        arms=[Arm(BASELINE), Arm(EVIL, EVIL, {EVIL: EVIL}, EVIL)],
        parameters=[Parameter(EVIL, 1.0, EVIL, 0.0, 2.0, EVIL, EVIL, EVIL)], facts={"fact_city": EVIL},
        cases=report_data().cases.replace({"policy": {ARM: EVIL}, "channel": {"app": EVIL}}),
        incidents=report_data().incidents.replace({"policy": {ARM: EVIL}}), staff=None, tasks=None, hours=None,
    )  # fmt: skip
    html = own_part(page(data, Texts(lang)))
    assert "<script>alert" not in html and "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;" in html
    scripts = re.findall(r"<script[^>]*>", html)
    assert all(s in ("<script>",) or 'type="application/json"' in s for s in scripts)


def test_json_in_the_page_cannot_end_its_element():
    script = json_script({"x": "</script><!--\u2028"}, "a")
    assert script.count("</script>") == 1 and "<!--" not in script
    assert json.loads(script.split(">", 1)[1].rsplit("<", 1)[0]) == {"x": "</script><!--\u2028"}


def test_assumptions_are_marked_and_come_first(html):
    part = html.split('<section id="assumptions"')[1].split("</section>")[0]
    assert '<span class="tag assumed">assumption</span>' in part
    assert part.index("reporting.urgency") < part.index("city.people_per_grid")
    assert "1 of the 2 parameters listed are assumptions" in part


def test_missing_pairs_are_said_aloud():
    table = comparisons(runs()).assign(pairs=10)
    assert "2 of 12 pairs missing" in page(report_data(comparisons=table), EN)


def test_table_longer_than_shown_says_so():
    data = report_data()
    html = page(data, EN)
    assert re.search(r"The first 200 of \d+ rows; the CSV has all of them\.", html)


def test_missing_tables_leave_their_charts_out():
    html = page(report_data(cases=None, incidents=None, tasks=None, staff=None, hours=None), EN)
    names = re.findall(r'id="chart-(\w+)"', html)
    assert names == ["differences", "truth", "cost"]


def test_written_whole_small_enough_and_in_both_languages(tmp_path):
    for lang, word in (("en", "The answer"), ("zh", "结论")):
        path = write_report(report_data(), tmp_path / "deep" / f"{lang}.html", lang)
        assert path.stat().st_size < 8_000_000 and word in path.read_text("utf-8")
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["en.html", "zh.html"]


def test_a_failing_write_leaves_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dashboards.report.write.os.replace", refuse)
    with pytest.raises(InputError, match="No space left"):
        write_report(report_data(), path)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_or_an_unknown_language_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="file, not a folder"):
        write_report(report_data(), tmp_path)
    with pytest.raises(InputError, match="unknown language"):
        write_report(report_data(), tmp_path / "x.html", "fr")


def test_more_than_two_arms_get_a_column_and_a_paragraph_each():
    frame = runs()
    third = frame[frame["policy"] == ARM].assign(policy="centre")
    table = pd.concat([comparisons(frame), comparisons(frame).assign(arm="centre")], ignore_index=True)
    data = report_data(runs=pd.concat([frame, third]), comparisons=table, arms=[Arm(BASELINE), Arm(ARM), Arm("centre")])
    assert len(answer(data, EN)) == 2
    assert len([m for m in MEASURES if m]) * 2 == page(data, EN).count('<td class="v ')
