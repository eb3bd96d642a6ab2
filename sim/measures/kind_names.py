"""What the measures within each kind of trouble are called, and which of them a model can have; light to import.

The kinds are read from the model's own types: an emergency belongs to the department that answers it
(``emergency.fire``), every other trouble to its ``kind`` (``dispute``, ``order`` ...). `sim.measures.kinds` computes
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sim.cases.catalogue import CaseType, Title
from sim.measures import Measure
from sim.spec import ModelSpec

EMERGENCY = "emergency."
_HEAD = "kind"
_UNGROUPED = ("enquiry", "bare")
_URGENT_ONLY = "response_late_count"
# unit, direction, titles, formulas and denominators in two languages
_SAID: dict[str, tuple[str, str, str, str, str, str, str, str]] = {
    "told_count": ("count", "none", "Told", "已反映数",
        "Told incidents of the kind in the cohort", "队列内该类已反映事件数", "", ""),
    "response_min": ("min", "lower", "Time to first arrival", "首次到场时间",
        "Mean minutes from first report to the first person at the place, restricted to measure.restricted_mean_days",
        "从首次反映到首人到场的平均分钟数（限至 measure.restricted_mean_days）",
        "told incidents of the kind", "该类已反映事件"),
    "response_late_count": ("count", "lower", "Not reached in time", "未及时到达数",
        "Told emergencies of the kind that nobody reached within measure.coverage_threshold_min of the report",
        "反映后 measure.coverage_threshold_min 内无人到达的该类应急事件数", "told emergencies of the kind",
        "该类已反映应急事件"),
    "loss_yuan": ("yuan/day", "lower", "Loss", "损失",
        "Hours until trouble of the kind is over (to the end of the run at most) times its loss per hour, per day of "
        "the cohort", "该类问题结束前的小时数（至运行结束）乘以每小时损失，每日", "incidents of the kind, told or not",
        "该类事件（含未反映）"),
}  # fmt: skip
_KINDS = {
    "dispute": ("disputes", "纠纷"), "order": ("public order", "城市秩序"), "need": ("people in need", "困难求助"),
    "emergency": ("emergencies without lights and sirens", "非紧急出动的应急事件"), "crime": ("crime", "违法犯罪"),
    "service": ("requests for service", "服务请求"),
}  # fmt: skip


def group_of(kind: CaseType) -> str | None:
    """Return the group of a type: ``emergency.<department>`` or its kind; None where it is measured elsewhere."""
    if kind.kind in _UNGROUPED:
        return None
    return f"{EMERGENCY}{kind.department or kind.start}" if kind.emergency else kind.kind


def groups(types: Mapping[str, CaseType]) -> list[str]:
    """Return the groups that the types of a model make up, emergencies first, each in the order of the types."""
    found = dict.fromkeys(group for kind in types.values() if (group := group_of(kind)))
    return sorted(found, key=lambda group: not group.startswith(EMERGENCY))


def kind_names(spec: ModelSpec) -> list[str]:
    """Return the names of all measures by kind that a run of a model brings forth."""
    return [
        f"{_HEAD}.{group}.{key}"
        for group in groups(spec.types)
        for key in _SAID
        if key != _URGENT_ONLY or group.startswith(EMERGENCY)
    ]


def kind_measure(name: str) -> Measure | None:
    """Return what a measure by kind is; None when the name is none."""
    head, _, rest = name.partition(".")
    group, _, key = rest.rpartition(".")
    urgent = group.startswith(EMERGENCY)
    if head != _HEAD or key not in _SAID or not (urgent or group in _KINDS) or (key == _URGENT_ONLY and not urgent):
        return None
    who = _department(group.removeprefix(EMERGENCY)) if urgent else Title(en=_KINDS[group][0], zh=_KINDS[group][1])
    return _made(key, Title(en=f"emergencies, {who.en}", zh=f"应急·{who.zh}") if urgent else who)


def described() -> dict[str, Measure]:
    """Return what the measures of any kind are, by the last part of their names."""
    return {key: _made(key) for key in _SAID}


def _made(key: str, who: Title | None = None) -> Measure:
    unit, better, en, zh, how, wie, of_en, of_zh = _SAID[key]
    return Measure(
        unit,
        better,  # type: ignore[arg-type]
        "true",
        Title(en=f"{en} ({who.en})", zh=f"{zh}（{who.zh}）") if who else Title(en=en, zh=zh),
        Title(en=how, zh=wie),
        Title(en=of_en, zh=of_zh) if of_en else None,
    )


@cache
def _department(name: str) -> Title:
    """Return the title of a shipped department; a user's own goes by its name."""
    from sim.institutions.load import load_defaults

    known = load_defaults()["departments"]
    return known[name].title if name in known else Title(en=name, zh=name)
