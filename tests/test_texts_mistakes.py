"""Mistakes in input are said in the reader's language: every clause of the sources has its words, and they fit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dashboards.texts.mistakes import HOLE, catalogue, clause, sentence
from scripts.mistakes import clauses
from sim.errors import InputError

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_every_clause_has_chinese_words_and_none_is_kept_in_vain() -> None:
    said, known = clauses(), catalogue("zh")
    assert len(said) > 500
    missing = {text: place for text, place in said.items() if text not in known}
    assert not missing, "python -m scripts.mistakes tells what to add"
    assert not [text for text in known if text not in said]


def test_holes_of_both_languages_are_the_same() -> None:
    for here, there in catalogue("zh").items():
        holes = {str(k) for k in range(here.count(HOLE))}
        assert set(re.findall(r"\{(\d)\}", there)) == holes, here


def test_a_sentence_keeps_place_found_and_allowed() -> None:
    error = InputError(
        "impossible number", file="a.yaml", line=3, field="seed", found=-3, allowed="at least 0 and below 9"
    )
    assert sentence(error, "zh") == "a.yaml，第 3 行，字段“seed”：数值不可能；现为 -3；允许：至少 0，且小于 9。"
    assert sentence(error, "en") == error.sentence()


def test_what_stands_in_a_hole_is_translated_too_and_names_stay() -> None:
    assert clause("stage 'survey' leads to unknown stage 'dne'", "zh") == "环节“survey”指向未知的环节“dne”"
    assert clause("a number belongs here", "zh") == "此处应为数字"
    assert clause("something that nobody wrote", "zh") == "something that nobody wrote"


@pytest.mark.parametrize("option", [["--lang", "zh"], ["--lang=zh"]])
def test_the_command_line_says_mistakes_in_the_language_asked_for(tmp_path: Path, option: list[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nextends: ordinary-district\nseed: -3\n", encoding="utf-8")
    command = [sys.executable, "-m", "gridwhistle", "compare", str(file), *option]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 2
    assert "第 3 行" in done.stderr and "数值不可能" in done.stderr
    assert "impossible" not in done.stderr
