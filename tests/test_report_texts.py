"""Both languages hold the same texts with the same fields, and none is empty by mistake."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Formatter

import pandas as pd
import pytest
import yaml

from dashboards.report.html import source_text
from dashboards.report.said_table import table_bytes, told_table
from dashboards.texts import LANGUAGES, Texts, flat, pick
from dashboards.texts.mistakes import units
from scenarios.numbers import mean_text
from sim import register
from sim.errors import InputError


def _texts(lang: str) -> dict[str, str]:
    return flat(yaml.safe_load(files("dashboards.texts").joinpath(f"{lang}.yaml").read_text("utf-8")))


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_same_keys_in_both_languages():
    assert set(_texts("en")) == set(_texts("zh"))


def test_same_fields_in_both_languages():
    en, zh = _texts("en"), _texts("zh")
    wrong = {key for key in en if _fields(en[key]) != _fields(zh[key])}
    assert not wrong


def test_no_key_stands_twice():
    for lang in LANGUAGES:
        seen: set[str] = set()
        path: list[tuple[int, str]] = []
        for line in files("dashboards.texts").joinpath(f"{lang}.yaml").read_text("utf-8").splitlines():
            found = re.match(r'^( *)("?[\w/ ]+"?): ?', line)
            if not found:
                continue
            indent = len(found[1])
            path = [p for p in path if p[0] < indent] + [(indent, found[2].strip('"'))]
            key = ".".join(name for _, name in path)
            assert key not in seen, f"{lang}: {key}"
            seen.add(key)


def test_chinese_texts_are_chinese():
    latin = [
        key
        for key, value in _texts("zh").items()
        if key.startswith(("report.", "charts."))
        and not re.search("[\u4e00-\u9fff]", value)
        and re.search("[A-Za-z]{3,}", re.sub(r"{\w+}", "", value))
    ]
    assert not latin


def test_unknown_language_and_unknown_key():
    with pytest.raises(InputError, match="unknown language"):
        Texts("fr")
    with pytest.raises(KeyError):
        Texts("en")("no.such.text")


def test_pick_prefers_the_language_and_falls_back():
    assert pick({"en": "a", "zh": "b"}, "zh") == "b" and pick({"en": "a"}, "zh") == "a"
    assert pick(None, "en", "name") == "name" and pick("plain", "zh") == "plain"


def test_every_unit_of_a_parameter_has_chinese_words_and_none_stands_in_vain():
    entries = {**register.load(), **register.catalogue_entries()}
    assert {entry.unit for entry in entries.values()} == set(units("zh"))
    assert not {unit: said for unit, said in units("zh").items() if re.search("[A-Za-z]{2,}", said)}
    assert Texts("zh").unit("logit per 10 days") == "对数几率/10 天" and Texts("en").unit("logit") == "logit"
    assert Texts("zh").with_unit("0.5", "probability") == "0.5（概率）"
    assert Texts("zh").with_unit("30", "min") == "30 分钟"


def test_a_source_keeps_its_language_and_says_so():
    assert Texts("zh").source("assumption: nobody counted") == ("假设：", "nobody counted")
    assert Texts("zh").source("assumption (below FACTS D14)") == ("假设：", "(below FACTS D14)")
    assert Texts("zh").source("FACTS D1") == ("", "FACTS D1")
    assert Texts("en").source("assumption: nobody counted") == ("", "assumption: nobody counted")
    shown = source_text("assumption: a < b", Texts("zh"))
    assert shown == '假设：<span lang="en">a &lt; b</span>'


def test_tables_of_pages_say_keys_in_chinese_and_files_in_english_keep_them():
    frame = pd.DataFrame({"metric": ["true_resolution_share"], "verdict": ["better"], "mean_arm": [0.5]})
    told = told_table(frame, Texts("zh"))
    assert list(told.columns) == ["指标", "结论", "方案均值"] and told.iloc[0].tolist() == ["实际解决率", "更好", 0.5]
    assert table_bytes(frame, Texts("en")).decode("utf-8-sig").startswith("metric,verdict,mean_arm")
    assert table_bytes(frame, Texts("zh")).decode("utf-8-sig").startswith("指标,结论,方案均值")


def test_an_interval_of_a_mean_ends_where_the_measure_does():
    t = Texts("en")
    assert mean_text((0.5, -0.2, 1.2), "share", t, "true_resolution_share") == "50% (0 to 100)"
    assert mean_text((0.95, 0.8, 1.1), "share", t, "utilisation") == "95% (80 to 110)"
    assert mean_text((2.0, -1.0, 5.0), "days", t) == "2.0 days (0.0 to 5.0)"
