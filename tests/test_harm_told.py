"""What got worse is said beside every answer: in the same sentence, in the block below it, and in both languages."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from report_sample import ARM, MEASURES, comparisons, runs
from rich.console import Console as Rich

from dashboards.charts.phrases import verdict as page_verdict
from dashboards.report import sections
from dashboards.report.answer import answer, harm
from dashboards.report.data import Arm, ReportData
from dashboards.texts import Texts
from scenarios.harm_told import harm_of
from scenarios.numbers import difference, number, quantity
from scenarios.verdicts_told import verdict_and_needed, verdict_text

BASELINE = comparisons(runs())["baseline"].iloc[0]


def row(metric: str, verdict: str, **more: object) -> dict[str, object]:
    """A safeguard's row."""
    return {"metric": metric, "arm": ARM, "baseline": BASELINE, "verdict": verdict, "mean_baseline": 10.0,
            "mean_arm": 14.0, "difference": 4.0, "low": 3.0, "high": 5.0, "pairs": 10, "enough": None,
            **more}  # fmt: skip


def data(*rows: dict[str, object]) -> ReportData:
    """A study whose headline is better, with safeguards."""
    made = comparisons(runs())
    return ReportData(
        title="x", description="", arms=[Arm(BASELINE), Arm(ARM)], runs=runs(), comparisons=made, measures=MEASURES,
        horizon_min=1.0, headline="true_resolution_days", safeguards=pd.DataFrame(list(rows)),
    )  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_better_is_never_said_without_the_harm_in_the_same_sentence(lang: str) -> None:
    t = Texts(lang)
    study = data(row("overtime_h_per_staff", "worse"), row("untold_share", "equivalent"))
    (said,) = answer(study, t)
    sentence = said.split("." if lang == "en" else "。")[0:4]
    better = t("verdicts.better")
    assert any(better in part for part in sentence)
    assert said.index(better) < said.index(t("harm.clause", parts="")) == said.index(better) + len(better)
    assert t("harm.title") in sections.answer_section(study, t)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_where_nothing_got_worse_it_says_what_was_watched_and_what_is_too_rare(lang: str) -> None:
    t = Texts(lang)
    study = data(row("untold_share", "equivalent"), row("coverage_share", "too_rare", enough=100))
    found = harm(study, ARM, t)
    assert found is not None and not found.worse and not found.clause
    assert len(found.watched) == 2 and "10" in found.watched[1] and "100" in found.watched[1]
    assert t("harm.clause", parts="") not in answer(study, t)[0]


def test_without_safeguards_nothing_is_said() -> None:
    assert harm(data(), ARM, Texts("en")) is None
    assert harm_of([], Texts("en"), lambda name: (name, "")) is None


@pytest.mark.parametrize(("verdict", "more", "said"), [
    ("undecided", {"needed": 1, "low": -1.0}, "undecided; 1 more replication"),
    ("undecided", {"needed": 1200, "low": -1.0}, "undecided; 1,200 more replications"),
    ("undecided", {"needed": None}, "undecided after adjustment"),
    ("too_rare", {"enough": 100}, "too rare to judge; about 100 replications would do"),
    ("no_effect", {}, "no effect"), ("better", {"needed": 0}, "better"),
])  # fmt: skip
def test_one_word_for_each_verdict_and_the_right_number_of_things(verdict, more, said) -> None:
    assert verdict_and_needed(row("x", verdict, **more), Texts("en")) == said
    assert said.startswith(verdict_text(row("x", verdict, **more), Texts("en")))


@pytest.mark.parametrize(("margin", "unit", "said"), [
    (0.01, "share", "equivalent (±1 points)"), (0.25, "days", "equivalent (±0.250 days)"),
    (1500.0, "yuan", "equivalent (±1,500 yuan)"), (None, "share", "equivalent"),
])  # fmt: skip
def test_equivalent_says_within_which_margin(margin, unit, said) -> None:
    told = row("x", "equivalent", margin=margin)
    assert verdict_and_needed(told, Texts("en"), unit) == said == page_verdict(told, Texts("en"), unit)
    assert verdict_and_needed(row("x", "better", margin=0.01), Texts("en"), "share") == "better"
    assert verdict_and_needed(row("x", "equivalent", margin=0.01), Texts("zh"), "share") == "无实质差异（±1个百分点）"


def test_numbers_carry_the_digits_they_deserve() -> None:
    t = Texts("en")
    assert quantity(64.0, "cases", t) == "64 cases"
    assert quantity(-0.0047, "min", t) == "-0.282 s"
    tiny = {"difference": -0.0047, "low": -0.0061, "high": -0.0033}
    assert difference(tiny, "min", t) == "-0.282 s (-0.366 to -0.198)"
    assert difference({"difference": 0.0123, "low": 0.01, "high": 0.0146}, "share", t) == "+1.23 points (1.00 to 1.46)"
    assert [number(v) for v in (999.7, 1234.5, 0.00012345, np.inf, np.nan)] == ["1,000", "1,234", "0.000123", "∞", "–"]
    assert number(9.996) == "10.0"


def test_a_terminal_prints_what_got_worse(tmp_path) -> None:
    from sensitivity_jobs import TOWN

    from scenarios import Experiment, load
    from scenarios.console import Console

    (tmp_path / "town.yaml").write_text(TOWN, encoding="utf-8")
    study = Experiment(load(str(tmp_path / "town.yaml")), replications=3).run(store=tmp_path / "s", keep_cases=0)
    console = Console(Texts("en"))
    console.out = Rich(file=io.StringIO(), width=80)
    console.got_worse(study, study.safeguards())
    said = console.out.file.getvalue()  # type: ignore[attr-defined]
    assert "What got worse" in said and "Watched" in said
