"""What the measures of waiting lines are called, and which of them a model can have; light to import.

They are computed by `sim.measures.lines`. A scenario may name them in its experiment only when the model can bring
them forth: lines are measured one by one in models that hold a bare type.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.cases.catalogue import CaseType, Title
from sim.measures import MEASURES, Measure
from sim.measures.kind_names import kind_measure
from sim.spec import ModelSpec

LINE_MEASURES = {
    "arrivals_per_h": "tasks that came to the line, per hour of the window",
    "wait_min": "mean minutes in line until somebody was sent or the caller left; no-waiters count 0, refused ones not",
    "wait_served_min": "mean minutes in line of those for whom somebody was sent",
    "wait_p90_min": "90th percentile of the minutes in line behind wait_min",
    "waiting_share": "tasks that stood in line / tasks that came",
    "blocked_share": "tasks that found no place (lost at once) / tasks that came",
    "abandoned_share": "tasks whose caller left the line / tasks that came",
    "lost_share": "tasks lost either way / tasks that came",
    "mean_in_line": "time average of the number in line, before anybody was sent",
    "mean_in_system": "time average of the number in line, being travelled to, served or in lag",
    "system_min": "mean minutes from coming to the end of the task, over tasks that were done",
    "utilisation": "posts only: minutes busy (travel included) / minutes on duty, whole run",
}
"""Name -> definition; minutes, numbers, or shares of 1."""
CASE_MEASURES = {
    "system_min": "mean minutes from occurrence to the end of the last stage, lost cases apart",
    "tasks": "mean number of stages passed",
}
"""Name -> definition, over cases that occurred in the window and have ended."""
_POST_ONLY = "utilisation"
_HEADS = ("line", "delay", "case")
# unit, which direction is better, title and definition in Chinese
_SAID: dict[str, tuple[str, str, str, str, str]] = {
    "arrivals_per_h": ("1/h", "none", "Arrivals", "到达率", "窗口期内每小时到达该队列的任务数"),
    "wait_min": ("min", "lower", "Wait", "等待时间", "至派人或来者离开为止的平均排队分钟数，未排队者计0，被拒者不计"),
    "wait_served_min": ("min", "lower", "Wait of the served", "获服务者等待时间", "已派人任务的平均排队分钟数"),
    "wait_p90_min": ("min", "lower", "Wait, 90th percentile", "等待时间第90百分位", "同一等待时间的第90百分位"),
    "waiting_share": ("share", "lower", "Had to wait", "需排队比例", "排过队的任务 / 到达的任务"),
    "blocked_share": ("share", "lower", "Found no place", "无位被拒比例", "因无等待位而即刻流失的任务 / 到达的任务"),
    "abandoned_share": ("share", "lower", "Gave up", "中途离开比例", "排队中离开的任务 / 到达的任务"),
    "lost_share": ("share", "lower", "Lost", "流失比例", "以任一方式流失的任务 / 到达的任务"),
    "mean_in_line": ("1", "lower", "Number in line", "平均排队数", "派人之前排队任务数的时间平均"),
    "mean_in_system": ("1", "lower", "Number in the system", "系统内平均数", "排队、赶赴、处理及滞后任务数的时间平均"),
    "system_min": ("min", "lower", "Time in the system", "系统逗留时间", "从到达到结束的平均分钟数，仅计已完成者"),
    "utilisation": (
        "share",
        "none",
        "Share of duty spent on cases",
        "案件工时占比",
        "忙碌分钟数（含路途）/ 在岗分钟数，全期",
    ),
    "tasks": ("1", "none", "Stages passed", "经过环节数", "每个案件平均经过的环节数"),
}


def measure_of(name: str) -> Measure | None:
    """Return what a measure is: an indicator, one by kind, or of a line by its name's last part; None if none.

    Whether a model brings it forth is told by `line_names` and `sim.measures.kind_names`.
    """
    head, _, rest = name.partition(".")
    where, _, key = rest.rpartition(".")
    if name in MEASURES or head not in _HEADS or not where or key not in _SAID:
        return MEASURES.get(name) or kind_measure(name)
    unit, better, en, zh, how = _SAID[key]
    formula = (CASE_MEASURES if head == "case" else LINE_MEASURES).get(key)
    if formula is None:
        return None
    title = Title(en=f"{en} ({where})", zh=f"{zh}（{where}）")
    return Measure(unit, better, "true", title, Title(en=formula[:1].upper() + formula[1:], zh=how))  # type: ignore[arg-type]


def line_names(spec: ModelSpec) -> list[str]:
    """Return the names of all measures of lines that a run of a model can bring forth; none without a bare type.

    Parameters
    ----------
    spec
        One arm, checked.

    Returns
    -------
    list
        ``line.<post>.<measure>``, ``line.<post>.<type>.<measure>``, ``delay.<type>.<stage>.<measure>`` and
        ``case.<type>.<measure>``, as `sim.measures.lines.line_measures` names them.
    """
    if not any(kind.kind == "bare" for kind in spec.types.values()):
        return []
    found = [f"line.{post}.{key}" for post in spec.posts for key in LINE_MEASURES]
    for name, kind in spec.types.items():
        for head in (*_lines(name, kind, spec), *(f"delay.{name}.{s.name}" for s in kind.stages if s.staff == 0)):
            found += [f"{head}.{key}" for key in LINE_MEASURES if key != _POST_ONLY]
        found += [f"case.{name}.{key}" for key in CASE_MEASURES]
    return found


def _lines(name: str, kind: CaseType, spec: ModelSpec) -> Iterator[str]:
    """Yield the lines that cases of a type may stand in: for types of the full model any post's."""
    posts = set(spec.posts)
    if kind.kind == "bare":
        whos = {stage.who for stage in kind.stages if stage.staff > 0}
        posts = {spec.departments[who].post if who in spec.departments else who for who in whos - {"holder"}}
        posts |= {*spec.ladder.values(), *kind.ladder.values()} if "holder" in whos else set()
    yield from (f"line.{post}.{name}" for post in spec.posts if post in posts)
