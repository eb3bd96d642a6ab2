"""Every measure has one name, one denominator and words that accuse nobody, in both languages."""

import pytest

from sim.measures import MEASURES, denominator, title_with_denominator
from sim.measures.kind_names import described
from sim.measures.line_names import measure_of

AVOIDED = ("推诿", "法定到场", "在岗忙碌率", "上报层级", "真实解决", "需多部门处理", "重复次数", "学生氏")


@pytest.mark.parametrize("name", MEASURES)
def test_words(name):
    measure = MEASURES[name]
    for text in (measure.title, measure.formula):
        assert text.en and text.zh and not any(word in text.zh for word in AVOIDED), (name, text.zh)
    assert measure.unit != "share" or measure.of is not None, "a share needs its denominator"
    assert measure_of(name) is measure


def test_no_two_measures_share_a_title():
    for lang in ("en", "zh"):
        titles = [getattr(m.title, lang) for m in (*MEASURES.values(), *described().values())]
        assert len(set(titles)) == len(titles), sorted(t for t in titles if titles.count(t) > 1)


def test_restricted_means_name_the_one_limit():
    for name, m in {**MEASURES, **described()}.items():
        if "estricted" in m.formula.en:
            assert "measure.restricted_mean_days" in m.formula.en and "measure.restricted_mean_days" in m.formula.zh, (
                name
            )


def test_a_title_says_what_it_is_a_share_of():
    told = MEASURES["told_resolution_share"]
    assert title_with_denominator(told, "en") == "Told trouble truly settled (of told trouble)"
    assert title_with_denominator(MEASURES["true_resolution_share"], "zh") == "实际解决率（占全部问题（含未反映））"
    assert denominator(MEASURES["incidents"], "en") == ""
    assert "delegated" in MEASURES["utilisation"].title.en and "cases" in MEASURES["case_utilisation"].title.en
