"""One thing has one name on screen: every text of both languages is read for terms that were given up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from dashboards.texts import LANGUAGES, Texts, all_texts
from dashboards.texts.mistakes import catalogue
from scenarios.numbers import unit_word
from sim.engine.codes import OUTCOMES
from sim.errors import InputError
from sim.measures import MEASURES
from sim.register import CONFIDENCE

ROOT = Path(__file__).resolve().parent.parent
GIVEN_UP = {
    "zh": (
        "政策", "方案库", "推诿", "根种子", "学生氏", "重复次数", "次重复", "法定到场", "警组", "街道工作队",
        "优者为", "性情", "已中断", "更贵", "更省", "真正", "真实状态", "上报状态", "真实解决", "上报解决",
        "已上报问题", "未上报", r"^相当$", "[↑↓]更", "未定", "逐级转办", "在岗忙碌率", "上报层级次数", "仿真",
    ),
    "en": (r"\barms?\b", "tempers", "dearer", r"arm minus baseline", "every measure is equal", r"truly resolved"),
}  # fmt: skip
"""Language -> what no text on screen says any more (what is in braces is a field, not a word)."""
LATIN = re.compile(r"[A-Za-z][A-Za-z’'-]{2,}")
NAMES = frozenset(
    [
        "GridWhistle", "CSV", "JSON", "HTML", "YAML", "Holm", "Morris", "Sobol", "Jansen", "Janon", "Kaplan-Meier",
        "AIC", "Ctrl-C", "JavaScript", "Linux", "Esc", "RECORDING", "runs",
    ]
)  # fmt: skip
QUOTED = re.compile(
    r"“[^”]*”|\{[^{}]*\}|--[a-z-]+|\b[a-z]+(?:_[a-z]+)+\b|\b[\w/]+\.(?:json|txt|html|yaml)\b|<[^>]+>"
    r"|failures/\S+\.txt|gridwhistle drill"
)


def _fields(node: object, lang: str, at: str) -> Iterator[tuple[str, str]]:
    """Yield the texts of a language in a file with ``{en: ..., zh: ...}`` and ``text``/``text_zh``."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and (key == lang or key == {"en": "text", "zh": "text_zh"}[lang]):
                yield f"{at}.{key}", value
            yield from _fields(value, lang, f"{at}.{key}")
    elif isinstance(node, list):
        for k, value in enumerate(node):
            yield from _fields(value, lang, f"{at}.{k}")


def _texts(lang: str) -> Iterator[tuple[str, str]]:
    yield from all_texts(lang).items()
    for name, measure in MEASURES.items():
        for part in ("title", "formula", "of"):
            said = getattr(measure, part)
            if said is not None:
                yield f"measure {name}.{part}", getattr(said, lang)
    paths = [*(ROOT / "scenarios/library").rglob("*.yaml"), ROOT / "sim/register.yaml"]
    paths += [*(ROOT / "sim/institutions").glob("*.yaml"), *(ROOT / "sim/cases").glob("*.yaml")]
    for path in paths:
        yield from _fields(yaml.safe_load(path.read_text(encoding="utf-8")), lang, path.name)
    if lang == "zh":
        yield from ((f"mistakes: {here}", there) for here, there in catalogue("zh").items())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_uses_a_word_that_was_given_up(lang: str) -> None:
    read = [(key, re.sub(r"\{[^{}]*\}|`[^`]*`", "", text)) for key, text in _texts(lang)]
    assert len(read) > 1_000
    found = {key: (word, text) for key, text in read for word in GIVEN_UP[lang] if re.search(word, text)}
    assert not found


def test_chinese_texts_of_the_interface_hold_no_english_words() -> None:
    left = {}
    for key, text in all_texts("zh").items():
        if key.startswith("caselog.") or "command" in key or key in ("web.other_language", "drillroom.aar_other"):
            continue  # a log's findings quote what is to be written into a map
        words = {word for word in LATIN.findall(QUOTED.sub("", text)) if word not in NAMES}
        if words:
            left[key] = (words, text)
    assert not left


def test_units_outcomes_and_confidence_of_the_model_have_chinese_words() -> None:
    t = Texts("zh")
    assert not [m.unit for m in MEASURES.values() if LATIN.search(unit_word(m.unit, t))]
    assert not [m.unit for m in MEASURES.values() if LATIN.search(t.name("units", m.unit))]
    assert not [name for name in OUTCOMES if LATIN.search(t.name("outcomes", name))]
    assert not [name for name in CONFIDENCE if LATIN.search(t.name("confidence", name))]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_percent_is_spelt_in_one_way(lang: str) -> None:
    from dashboards.charts.phrases import percent

    assert percent(0.58) == "58%"
    assert not [key for key, text in all_texts(lang).items() if re.search(r"[0-9}] %", text)]


def test_one_name_for_a_post_in_defaults_and_in_the_texts() -> None:
    path = files("sim.institutions").joinpath("defaults.yaml")
    posts = yaml.safe_load(path.read_text(encoding="utf-8"))["posts"]
    t = Texts("zh")
    shown = {name: t.name("posts", name) for name in ("police_unit", "street_team") if name in posts}
    assert shown == {name: posts[name]["title"]["zh"] for name in shown} and shown


def test_what_is_told_before_a_run_is_said_in_chinese() -> None:
    told = InputError(
        "this changes nothing here: there is no channel 'sensor'", file="a.yaml", line=3, field="types.fire"
    )
    assert Texts("zh").mistake(told) == "a.yaml，第 3 行，字段“types.fire”：此项在这里不起作用：没有渠道“sensor”。"
    assert Texts("en").mistake(told) == told.sentence()


def test_a_log_that_is_refused_keeps_its_own_words() -> None:
    from calibration.caselog.diagnosis import Findings, LogRefused

    findings = Findings("log.csv", drop=False)
    with pytest.raises(LogRefused) as caught:
        findings.stop("no_rows")
    assert Texts("zh").mistake(caught.value) == caught.value.sentence(Texts("zh"))
    assert "日志中没有任何行" in Texts("zh").mistake(caught.value)
