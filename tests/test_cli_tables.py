"""Tables on a terminal: what is shown unasked, how they read at 80 columns, and what an adjusted verdict says."""

from __future__ import annotations

import io

import numpy as np
import pytest
from oracles.bare import exponential, kind, model, post, stage
from rich.console import Console as Rich
from typer.testing import CliRunner

from dashboards.charts.phrases import verdict
from dashboards.texts import Texts
from gridwhistle import app
from scenarios import Experiment
from scenarios.compare import adjusted, compare, verdict_word
from scenarios.console import Console, worth_a_row
from scenarios.schema import Scenario
from scenarios.yaml_lines import Tree


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A bare line under two policies, twelve replications each."""
    sections = model(48.0, 600.0, posts={"desk": post(2)}, types={"call": kind(6.0, stage("desk", exponential(10)))})
    sections["policies"] = {name: {"posts": {"desk": {"count": n}}} for name, n in (("two", 2), ("three", 3))}
    made = Experiment(Scenario.from_tree(Tree(sections)), replications=12)
    return made.run(store=tmp_path_factory.mktemp("tables") / "line", keep_cases=0)


def printed(study, width: int | None, how: str, lang: str = "en") -> str:
    """Return what a console of a width prints; None is a pipe."""
    console = Console(Texts(lang), lang)
    out = io.StringIO()
    console.out = Rich(file=out, force_terminal=width is not None, width=width or 220, no_color=True, highlight=False)
    given = (study, study.comparisons()) if how == "comparisons" else (study,)
    getattr(console, how)(*given)
    return out.getvalue()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("how", ["means", "comparisons"])
def test_no_name_and_no_number_is_broken_at_eighty_columns(study, how, lang):
    text = printed(study, 80, how, lang)
    names = (
        ["Gave up (desk)", "Wait of the served (desk)"]
        if lang == "en"
        else ["中途离开比例（desk）", "获服务者等待时间（desk）"]
    )
    assert all(name in text for name in names)
    rows = text.splitlines()
    between = " to " if lang == "en" else " 至 "
    assert sum(between in row for row in rows) >= 8
    assert all(row.count("(") == row.count(")") for row in rows if between in row)


def test_a_bare_model_shows_its_lines_once(study):
    text = printed(study, None, "means")
    assert "Wait (desk)" in text and "Wait (desk.call)" not in text
    assert "Bounces" not in text
    assert "Not shown are" in text


def test_two_types_at_a_post_show_both():
    names = ["incidents", "line.a.wait_min", "line.a.x.wait_min", "line.a.y.wait_min", "line.b.x.wait_min"]
    assert worth_a_row(names) == names[1:4]
    assert worth_a_row(names[:1]) == names[:1]


def test_an_interval_without_zero_and_no_verdict_says_that_it_is_adjusted():
    rng = np.random.default_rng(5)
    none = [compare({"a": (a := rng.normal(size=30)), "b": a + rng.normal(size=30)}, f"m{i}", "a") for i in range(20)]
    base = rng.normal(size=30)
    noise = rng.normal(size=30)
    faint = compare({"a": base, "b": base + (noise - noise.mean()) / noise.std(ddof=1) + 0.4}, "faint", "a")
    row = adjusted([*none, faint], {})[-1]["b"]
    assert row.low > 0 and row.verdict == "undecided"
    assert verdict_word(row.verdict, row.low, row.high) == "undecided_adjusted"
    assert verdict(vars(row), Texts("en")) == "undecided after adjustment"
    assert "校正" in verdict(vars(row), Texts("zh"))
    assert verdict_word("undecided", -1.0, 1.0) == "undecided" and verdict_word("better", 1.0, 2.0) == "better"


@pytest.mark.parametrize("command", [[], ["run"], ["compare"], ["sensitivity"], ["calibrate"], ["drill"], ["city"]])
def test_help_fits_eighty_columns_and_cuts_nothing(command):
    said = CliRunner().invoke(app, [*command, "--help"], terminal_width=80).output
    assert "..." not in said.replace("COMMAND [ARGS]...", "") and "…" not in said
    assert all(len(line) <= 80 for line in said.splitlines())


def test_a_variance_ratio_of_which_nothing_is_known_is_no_number():
    from scenarios.numbers import ratio

    known = {"variance_ratio": 25.0, "variance_ratio_low": 6.0, "variance_ratio_high": 90.0}
    assert ratio(known, Texts("en")) == "25 (6 to 90)"
    assert ratio({**known, "variance_ratio_low": 3.6e-4, "variance_ratio_high": 1.8e6}, Texts("en")) == (
        "too few replications to tell"
    )
