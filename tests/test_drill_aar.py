"""The after-action report: complete, marked EXERCISE, about roles and never about persons, in both languages."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from dashboards.charts.drill import objectives, timeline
from dashboards.drill.said import Seen, rows
from dashboards.report.aar import SECTIONS, page, write_aar
from dashboards.texts import Texts
from scenarios.drill import branch, replay
from scenarios.drill.recording import COMMANDS, OUTCOMES
from sim.errors import InputError
from tests import drill_sample as sample


@pytest.fixture(scope="module")
def played():
    made = sample.drill()
    made.start("Li Ming")
    while not made.is_over:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            if prompt.id == "D1":
                made.tick(prompt.left_s + 1)
            else:
                option = "handle" if prompt.id == "D2" else prompt.rule_option
                made.decide(prompt.id, option, "Wang Fang", "<b>we manage</b>", took_s=17.0)
        else:
            made.jump()
    made.note("The call was <i>short</i>.", "Chen Jie", "command")
    made.rate("voice", 60, "Chen Jie", "two voices")
    return made


@pytest.fixture(scope="module")
def branches(played):
    return [branch(played.recording, "D2", "whistle:emergency", 6, ground=played.ground)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_is_whole_and_marked_as_an_exercise(played, branches, lang):
    t = Texts(lang)
    html = page(played, t, branches)
    assert "EXERCISE 演练" in html
    for name in SECTIONS:
        assert f'id="{"answer" if name == "overview" else name}"' in html
    assert getattr(played.exercise.title, lang) in html
    for prompt in played.prompts:
        assert f">{prompt.id}<" in html
    assert t("drill.aar.timed_out") in html and played.recording.last_hash[:16] in html
    assert not re.search(r"https?://(?!www\.w3\.org|plotly|[\w.]*plot\.ly|[\w./-]*github)", html.split("<script>")[0])
    for objective in played.exercise.objectives:
        assert getattr(objective.title, lang) in html


def test_no_person_is_named_and_what_people_wrote_is_escaped(played):
    html = page(played, Texts("en"))
    assert not any(name in html for name in ("Li Ming", "Wang Fang", "Chen Jie"))
    assert "<b>we manage</b>" not in html and "&lt;b&gt;we manage&lt;/b&gt;" in html
    assert "<i>short</i>" not in html and "&lt;i&gt;short" in html


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_notes_of_evaluators_controllers_and_players_stand_apart(lang):
    made = sample.drill()
    made.start("controller")
    made.note("short call", "controller 2", kind="evaluator")
    made.note("radio failed", "controller")
    made.note("I was alone", "street_leader 2", role="street_leader")
    made.note("well led", "controller", "command")
    with pytest.raises(InputError, match="cannot be of this kind"):
        made.note("I did well", "street_leader", role="street_leader", kind="evaluator")
    with pytest.raises(InputError, match="only an evaluator"):
        made.note("I led well", "street_leader", "command", role="street_leader")
    made.stop("enough")
    told = {"evaluator": ["short call", "well led"], "controller": ["radio failed"], "player": ["I was alone"]}
    section = page(made, Texts(lang)).split('id="notes"')[1].split("</section>")[0]
    parts = {part.split('"')[0]: part for part in section.split('data-notes="')[1:]}
    for kind in told:
        for other, texts in told.items():
            assert all((text in parts[kind]) == (kind == other) for text in texts), (kind, other)
        assert Texts(lang)(f"drill.aar.notes_of.{kind}") in unescape(parts[kind])
    assert getattr(made.exercise.roles["street_leader"].title, lang) in parts["player"]
    again = replay(made.recording)
    assert [(n.role, n.kind, n.text) for n in again.notes] == [(n.role, n.kind, n.text) for n in made.notes]
    lines = [line for line in made.recording.lines if line.kind == "note"]
    assert [line.role for line in lines] == ["controller", "controller", "street_leader", "controller"]


def test_each_decision_stands_beside_the_rules_answer_and_its_consequence(played, branches):
    html = page(played, Texts("en"), branches)
    row = re.search(r'<tr><th scope="row">D2</th>.*?</tr>', html, re.S)[0]
    assert "with own means" in row and "whistle" in row.lower() and ">17<" in row
    first = re.search(r'<tr><th scope="row">D1</th>.*?</tr>', html, re.S)[0]
    assert "timed out" in first and "the same" in first
    assert "What the rule" in html and "Whistle blown" in html.split('id="branches"')[1]


def test_gaps_become_lines_of_corrective_actions_to_be_filled_in(played):
    html = page(played, Texts("en"))
    actions = html.split('id="actions"')[1].split("</section>")[0]
    weak = [c for o in played.score().objectives for c in o.criteria if c.points is not None and c.points < 70]
    assert actions.count('class="fill"') == 3 * (len(weak) + 2)
    assert all(c.criterion.title.en in actions for c in weak) and weak


def test_charts_say_what_the_scorecard_says(played):
    card = played.score().shown()
    chart = objectives(card, {"P": 85, "S": 70, "M": 50}, "en")
    assert list(chart.table["points"]) == [o["points"] for o in card["objectives"]]
    marks = [{"row": "a", "t_min": 3.0, "mark": "injects", "text": "x", "took_s": None},
             {"row": "b", "t_min": 65.2, "mark": "in_time", "text": "y", "took_s": 17.0}]  # fmt: skip
    strip = timeline(marks, 90, "en")
    assert len(strip.table) == 2 and "T+1:05" in strip.sentence and "17 s" in strip.sentence


def test_an_effect_that_fails_and_what_is_assumed_are_said_in_the_readers_language():
    effect = {"kind": "recall", "post": "fire_engine", "count": 4}

    def change(data):
        data["injects"].append({"id": "crews", "at_min": 1, "effects": [effect]})
        both = {"en": "assumption: a flat", "zh": "假设：一户"}
        data["provenance"] = {"fire": both, "own": "assumption: one language"}

    made = sample.variant(change)
    sample.by_rule(made, 2.0)
    made.stop("")
    slot = next(slot for slot in made.injects if slot.id == "crews")
    assert slot.why is not None and "too few of this post are off duty" in str(slot.failed)
    row = next(row for row in rows(made, Seen()) if row.id == "crews").made()
    assert "休班" in row["failed"]["zh"] and "off duty" in row["failed"]["en"]
    parts = {lang: page(made, Texts(lang)) for lang in ("en", "zh")}
    injects = {lang: html.split('id="injects"')[1].split("</section>")[0] for lang, html in parts.items()}
    assert "recalls people" in injects["en"] and "too few of this post are off duty" in unescape(injects["en"])
    assert "召回人员" in injects["zh"] and "该岗位休班的人数不足" in injects["zh"] and "off duty" not in injects["zh"]
    told = parts["zh"].split('id="provenance"')[1].split("</section>")[0]
    assert made.exercise.objectives[1].title.zh in told and "假设：一户" in told
    assert '假设：<span lang="en">one language</span>' in told and "<code>own</code>" in told
    assert "演练提前终止。" in parts["zh"]


@pytest.mark.parametrize("kind", sorted(COMMANDS | OUTCOMES))
def test_every_kind_of_line_has_a_name(kind):
    assert Texts("zh")(f"drill.lines.{kind}") != Texts("en")(f"drill.lines.{kind}")


def test_an_empty_drill_has_a_report_too(tmp_path):
    made = sample.drill()
    made.start()
    made.stop("nobody came")
    html = write_aar(made, tmp_path / "aar.html", "zh").read_text(encoding="utf-8")
    assert "nobody came" in html


def test_a_place_that_cannot_be_written_is_told(played, tmp_path):
    with pytest.raises(InputError, match="a report is a file"):
        write_aar(played, tmp_path)


def test_the_report_opens_from_a_file_without_a_request_in_both_widths(played, branches, tmp_path):
    browser = pytest.importorskip("playwright.sync_api", reason="the extra 'browser' is not installed")
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("no Chromium on this machine")
    file = write_aar(played, tmp_path / "aar.html", "en", branches)
    with browser.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for width in (1920, 390):
            seen: list[str] = []
            tab = chromium.new_page(viewport={"width": width, "height": 900})
            tab.on("request", lambda r, seen=seen: seen.append(r.url))
            tab.on("console", lambda m, seen=seen: seen.append(m.text) if m.type == "error" else None)
            tab.on("pageerror", lambda e, seen=seen: seen.append(str(e)))
            tab.goto(file.as_uri())
            tab.wait_for_function("document.body.dataset.ready === 'true'", timeout=60_000)
            assert [s for s in seen if not s.startswith(("file:", "data:", "blob:"))] == []
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert tab.locator(".plot .main-svg").count() >= 2
            from axe_playwright_python.sync_playwright import Axe

            found = Axe().run(tab).response["violations"]
            serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
            assert not serious
            tab.close()
        chromium.close()
