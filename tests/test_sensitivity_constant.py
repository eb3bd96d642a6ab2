"""An answer that is the same in all runs is no effect at all: no word of chance, no advice to run more."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sensitivity_jobs import TOWN

from calibration.sensitivity.evaluations import evaluations
from calibration.sensitivity.study import SensitivityResult, SensitivityStudy
from calibration.sensitivity.telling import Teller
from dashboards.charts.sensitivity import sensitivity_charts
from dashboards.report.sensitivity import sensitivity_page
from dashboards.texts import Texts
from scenarios import load
from scenarios.console import jsonable

NAMES = ("report_in.load", "closing.sham_probability")
OF_CHANCE = ("chance", "more rows", "More rows", "lost in", "own error", "偶然", "随机", "增加")


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("town") / "town.yaml"
    file.write_text(TOWN, encoding="utf-8")
    return file


def result(town: Path, method: str, values, size: float | None = None, replicates: int = 3) -> SensitivityResult:
    study = SensitivityStudy(load(str(town)), method, parameters=NAMES, rows=8, replicates=replicates)
    y = np.broadcast_to(values(study.design.unit), (len(study.design.unit), replicates))
    return study.result(evaluations(study.design, y, size=size))


def rounding(u):
    return 0.1 + 1e-16 * np.random.default_rng(1).integers(-3, 4, (len(u), 3))


def beside_larger(u):
    """Differences of numbers near 1000 that are equal up to rounding."""
    return 1e-13 * np.random.default_rng(2).normal(size=(len(u), 3))


@pytest.mark.parametrize("method", ["sobol", "morris"])
@pytest.mark.parametrize(
    ("values", "size"), [(lambda u: np.full((len(u), 1), 0.1), None), (lambda u: np.zeros((len(u), 1)), None),
                         (rounding, None), (beside_larger, 1000.0)],
)  # fmt: skip
def test_a_constant_answer_says_that_nothing_changes_it(town, method, values, size):
    found = result(town, method, values, size)
    assert found.analysis.constant and not found.analysis.signal and found.analysis.noise_variance == 0
    assert found.flips == [] and sensitivity_charts(found) == []
    assert {verdict.weight for verdict in found.verdicts.values()} == {"none"}
    for lang in ("en", "zh"):
        tell = Teller(found, Texts(lang), lang)
        text = "\n".join([*tell.paragraphs(), *[" ".join(row) for row in tell.result_rows()]])
        said = "do not change it at all" if lang == "en" else "完全不改变"
        assert said in text and not any(word in text for word in OF_CHANCE), text
        answer = sensitivity_page(found, Texts(lang)).split('id="method"')[0]
        assert said in answer and "lost in chance" not in answer
    data = json.loads(json.dumps(jsonable(found.data())))
    assert data["analysis"]["constant"] and data["analysis"]["convergence"] == "constant"


def test_a_rare_jump_without_chance_is_not_blamed_on_chance(town):
    """One row in which the answer jumps: nothing is chance, and rows are what is missing."""

    def jump(u):
        return (np.arange(len(u)) == 3)[:, None].astype(float)

    found = result(town, "sobol", jump)
    assert not found.analysis.constant
    text = "\n".join(Teller(found, Texts("en"), "en").paragraphs())
    if not found.analysis.signal:
        assert "cannot be told from chance" not in text and "Too few rows differ" in text
