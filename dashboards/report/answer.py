"""The answer in sentences: what a reader who reads nothing else takes away.

It puts a study's own verdicts into words and adds nothing: undecided stays undecided, with the replications that
would be needed.
"""

from __future__ import annotations

from typing import Any

from dashboards.charts.base import records
from dashboards.charts.phrases import (
    difference,
    direction,
    finite,
    inline_title,
    interval,
    measure_title,
    measure_unit,
    quantity,
    typeset,
    verdict,
)
from dashboards.charts.replications import mean_interval
from dashboards.charts.truth import truth_pairs
from dashboards.report.data import ReportData
from dashboards.texts import Texts
from scenarios.harm_told import Harm, harm_of
from scenarios.verdicts_told import CLEAR, margin_text, verdict_key


def answer(data: ReportData, t: Texts) -> list[str]:
    """Return one paragraph per arm that is compared, or one on the only arm."""
    if data.comparisons.empty:
        return [_alone(data, t)] if data.headline else []
    paragraphs = []
    for arm in data.labels[1:]:
        sentences = [_headline(data, arm, t), _cost(data, arm, t), _gap(data, arm, t)]
        paragraphs.append(t.joiner.join(s for s in sentences if s))
    return paragraphs


def harm(data: ReportData, arm: str, t: Texts) -> Harm | None:
    """Return what is said of an arm's safeguards, with the minus signs of a page; None where none are watched."""
    if data.safeguards.empty:
        return None
    rows = records(data.safeguards[data.safeguards["arm"] == arm])
    found = harm_of(
        rows, t, lambda name: (measure_title(name, data.measures, t.lang), measure_unit(name, data.measures))
    )
    if found is None:
        return None
    return Harm(typeset(found.clause), list(map(typeset, found.worse)), list(map(typeset, found.watched)))


def _row(data: ReportData, metric: str, arm: str) -> dict[str, Any] | None:
    table = data.comparisons
    found = table[(table["metric"] == metric) & (table["arm"] == arm)]
    return records(found)[0] if len(found) else None


def _headline(data: ReportData, arm: str, t: Texts) -> str:
    row = _row(data, data.headline, arm)
    if row is None:
        return ""
    unit = measure_unit(data.headline, data.measures)
    words = {"arm": arm, "baseline": row["baseline"], "measure": inline_title(data.headline, data.measures, t.lang)}
    key, told = verdict_key(row), harm(data, arm, t)
    words["verdict"] = verdict(row, t) + (told.clause if told is not None else "")
    if key in CLEAR:
        return t("report.answer_clear", **words, change=direction(row, unit, t))
    if key in ("no_effect", "no_difference"):
        return t("report.answer_no_effect", **words)
    if key == "too_rare":
        return t("report.answer_too_rare", **words, difference=difference(row, unit, t))
    if key == "equivalent":
        margin = margin_text(row, unit, t)
        return t("report.answer_equivalent", **words, difference=difference(row, unit, t), margin=margin)
    text = t("report.answer_undecided", **words, difference=difference(row, unit, t))
    if finite(row.get("needed")) and row["needed"] > 0:
        text += t.joiner + t.counted("report.answer_needed", int(row["needed"]))
    return text


def _cost(data: ReportData, arm: str, t: Texts) -> str:
    row = _row(data, data.cost, arm) if data.cost and data.cost != data.headline else None
    if row is None:
        return ""
    unit, title = measure_unit(data.cost, data.measures), measure_title(data.cost, data.measures, t.lang)
    clear = finite(row["low"]) and finite(row["high"]) and (row["low"] > 0 or row["high"] < 0)
    if clear:
        return t("report.answer_cost", measure=title, change=direction(row, unit, t))
    return t("report.answer_cost_unclear", measure=title, difference=difference(row, unit, t))


def _gap(data: ReportData, arm: str, t: Texts) -> str:
    pair = next((p for p in truth_pairs(list(data.runs.columns)) if p[1] == "reported_resolution_share"), None)
    if pair is None:
        return ""
    runs = data.runs[data.runs["policy"] == arm]
    true, reported = (float(mean_interval(runs[name].to_numpy(dtype=float))[0]) for name in pair)
    if not (finite(true) and finite(reported)):
        return ""
    units = [measure_unit(name, data.measures) for name in pair]
    return t("report.answer_gap", true=quantity(true, units[0], t), reported=quantity(reported, units[1], t))


def _alone(data: ReportData, t: Texts) -> str:
    mean, low, high = (float(v) for v in mean_interval(data.runs[data.headline].to_numpy(dtype=float)))
    unit = measure_unit(data.headline, data.measures)
    return t(
        "report.answer_alone",
        arm=data.labels[0],
        measure=inline_title(data.headline, data.measures, t.lang),
        value=quantity(mean, unit, t),
        interval=interval(low, high, unit, t),
    )
