"""A table of a chart or a comparison as people read it: heads and the names in its cells in words.

Tables are made with stable keys (``true_resolution_days``, ``hotline``), by which programs read them. Here keys become
words of one language; numbers stay as they are. Which file keeps keys is decided once: what the command line exports
and what a page in English downloads has keys, a page or report in Chinese downloads what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from calibration.measured import STATISTICS
from dashboards.charts.flow import node_title
from dashboards.texts import Texts, pick
from sim.measures import denominator
from sim.measures.line_names import measure_of
from sim.spreadsheet import csv_bytes

NAMED = {
    "about": "abouts",
    "mark": "marks",
    "state": "states",
    "grade": "drill.grades",
    "interval_method": "interval_kinds",
}
"""Column -> group of texts that names its cells."""


def told_table(frame: pd.DataFrame, t: Texts) -> pd.DataFrame:
    """Return a table with heads and cells in words; the numbers are untouched.

    Parameters
    ----------
    frame
        A chart's table or a comparison, with its keys.
    t
        Texts, with the titles that the scenario brings.
    """
    out = frame.copy()
    for name in out.columns:
        told = _teller(str(name), t)
        if told is not None and out[name].dtype.kind not in "iufc":
            out[name] = [told(value) for value in out[name].astype(object)]
    if "weekday" in out.columns:
        names = t("calibrate.charts.weekdays.names").split(",")
        out["weekday"] = [names[int(day)] for day in frame["weekday"]]
    if {"stage", "source", "target"} <= set(out.columns):
        out = _stages(out, t)
    if "metric" in out.columns and "denominator" in out.columns:
        out["denominator"] = [_denominator(name, t) for name in frame["metric"]]
    heads = [t.name("columns", str(name)) for name in out.columns]
    return out.set_axis(heads, axis=1)


def table_bytes(frame: pd.DataFrame, t: Texts) -> bytes:
    """Return a table as the CSV that a page of this language downloads: keys in English, words otherwise."""
    return csv_bytes(frame if t.lang == "en" else told_table(frame, t), "%.10g")


def _teller(column: str, t: Texts) -> Callable[[object], object] | None:
    if column == "metric":
        return lambda key: _measure(key, t)
    if column == "statistic":
        return lambda key: pick(STATISTICS[str(key)].title, t.lang) if str(key) in STATISTICS else str(key)
    if column == "verdict":
        return lambda key: _verdict(str(key), t)
    if column == "clear":
        return lambda value: t("words.yes" if value else "words.no")
    if column == "group":
        return lambda key: _group(str(key), t)
    if column == "unit":
        return lambda key: t.name("units", str(key))
    group = NAMED.get(column)
    return None if group is None else lambda key: t.name(group, str(key)) if isinstance(key, str) and key else ""


def _verdict(key: str, t: Texts) -> str:
    """Return a verdict of a comparison, or one of a test against a log."""
    own = t.name("verdicts", key)
    if own != key.replace("_", " "):
        return own
    return re.sub(r"[ ,，]*\{times\}.*", "", t.name("calibrate.verdicts", key))  # how many times stands in a column


def _measure(key: object, t: Texts) -> str:
    measure = measure_of(str(key))
    return pick(measure.title, t.lang, str(key)) if measure is not None else str(key)


def _denominator(key: object, t: Texts) -> str:
    measure = measure_of(str(key))
    return denominator(measure, t.lang) if measure is not None else ""


def _stages(frame: pd.DataFrame, t: Texts) -> pd.DataFrame:
    """Name both ends of the links between the stages of a case's way."""
    ends = [str(stage).split(">") for stage in frame["stage"]]
    out = frame.copy()
    out["stage"] = ["–".join(t.name("stages", end) for end in pair) for pair in ends]
    for place, column in enumerate(("source", "target")):
        out[column] = [node_title(pair[place], str(name), t) for pair, name in zip(ends, frame[column], strict=True)]
    return out


def _group(key: str, t: Texts) -> str:
    """Return the title of a post, or of a department where no post has the name."""
    post = t.name("posts", key)
    return post if post != key.replace("_", " ") else t.name("departments", key)
