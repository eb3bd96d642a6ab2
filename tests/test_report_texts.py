"""Both languages hold the same texts with the same fields, and none is empty by mistake."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Formatter

import pytest
import yaml

from dashboards.texts import LANGUAGES, Texts, flat, pick
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
