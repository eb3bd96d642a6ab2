"""Writing a fit as a scenario: the form of any other scenario, with the provenance of every number that was fitted.

The overlay describes a department as a log shows it: cases come at fitted rates, stay as long as the fitted law
says, and leave. Nobody is short of staff in it, so no queue and no effect of staffing comes out of it; what it
gives is realistic demand and time to build on. A number that was not fitted keeps the base scenario's.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from calibration.arrivals import ArrivalFit
from calibration.durations import DurationFit
from calibration.fits import GroupFit, LogFit, TailFit
from calibration.laws import Fitted
from calibration.office import Office
from calibration.problems import Problem
from calibration.said import Clause, Origin, Span
from scenarios.library import LIBRARY, load, locate
from scenarios.schema import Scenario

AFTER_SHOCK_MIN = 5.0  # short against the hours of the profile, which after-shocks do not follow: they come later
DESK, OFFICE_SHIFT = "calibrated_desk", "calibrated_office"
PROFILES = ("hours", "weekdays", "months", "excitation", "excitation_delay_min")


Status = Literal["published", "passed_with_differences", "draft"]
FILES: dict[Status, str] = {
    "published": "scenario.yaml", "passed_with_differences": "scenario.differs.yaml", "draft": "scenario.draft.yaml",
}  # fmt: skip
"""Status -> name of the file."""


@dataclass(frozen=True)
class Overlay:
    """A scenario made of a fit.

    Attributes
    ----------
    data
        The text as data, ready to be written as YAML.
    draft_reasons
        Why it should not be relied on; empty unless it is a draft.
    differences
        What the joint test found; a scenario without a draft reason has passed with differences then.
    lost
        What the fit knows that the scenario's form cannot say: keys of sentences.
    origins
        Type -> field -> where the number comes from.
    """

    data: dict[str, Any]
    draft_reasons: tuple[Problem, ...]
    lost: tuple[str, ...]
    origins: dict[str, dict[str, Origin]]
    differences: tuple[Problem, ...] = ()

    @property
    def status(self) -> Status:
        """``published``; ``draft`` when a gate refused it; ``passed_with_differences`` when only the joint test did."""
        if self.draft_reasons:
            return "draft"
        return "passed_with_differences" if self.differences else "published"


def overlay(
    fit: LogFit, start: dt.date, days: int, base: str | None = None, reasons: tuple[Problem, ...] = (),
    folder: Path | None = None, differences: tuple[Problem, ...] = (),
) -> Overlay:  # fmt: skip
    """Make the scenario of a fit.

    Parameters
    ----------
    fit
        The fit of a log.
    start, days
        The days that the scenario plays; a scenario with a base plays the base's.
    base
        Library name or path of the scenario to build on; None: the scenario stands by itself.
    reasons
        Why a gate refused the fit.
    folder
        Where it will lie, for the path to a base that is no library name.
    differences
        What the joint test found.

    Raises
    ------
    InputError
        When the base cannot be read.
    """
    parent = load(base) if base is not None else None
    known = parent.spec().types if parent is not None else {}
    types: dict[str, Any] = {}
    origins: dict[str, dict[str, Origin]] = {}
    for group, found in fit.groups.items():
        name, made = type_name(group), _type(found, start, days)
        if (
            name in known and known[name].kind != "bare"
        ):  # its rate is of incidents, of which the log shows only the told
            made = {key: made[key] for key in PROFILES if key in made}
        origins[name] = {key: one for key, one in _origins(found).items() if key in made}
        types[name] = {**made, "provenance": _provenance(fit, origins[name])}
    source = fit.log.source
    data: dict[str, Any] = {
        "name": f"calibrated-{_slug(Path(source.name).stem)}",
        "title": {"en": f"Calibrated from {source.name}", "zh": f"依据{source.name}校准"},
        "description": _description(fit, reasons, differences),
        "version": "1-draft" if reasons else "1-differs" if differences else "1",
    }
    used = next((g.cycle.office for g in fit.groups.values() if g.cycle.office), None)
    if base is not None:
        data["extends"] = _named(base, folder or Path("."))
    else:
        data |= {"bare": True, "city": {"bare": {}}, "horizon_days": days, "warm_up_days": 0, "cool_down_days": 0}
        data["calendar"] = _calendar(fit, start, used)
    shifts: dict[str, Any] = {} if base is not None else {"always": {}}
    if used is not None:
        days_open = ["mon", "tue", "wed", "thu", "fri"]
        shifts[OFFICE_SHIFT] = {"hours": [[used.opens_h, used.closes_h]], "days": days_open, "holidays": False}
    if used is not None or base is None:  # a scenario by itself must seat somebody, if only to stand by
        data["posts"] = {DESK: _desk(fit, OFFICE_SHIFT if used is not None else "always")}
    if shifts:
        data["shifts"] = shifts
    data["types"] = types
    return Overlay(data, reasons, lost(fit), origins, differences)


def _named(base: str, folder: Path) -> str:
    """Return how a scenario in ``folder`` names its base: a library name as it is, a file by its relative path."""
    path = locate(base)
    return base if path.parent == LIBRARY else os.path.relpath(path.resolve(), folder.resolve())


def type_name(group: str) -> str:
    """Return the name that a group's type has in a scenario."""
    return _slug(group).replace("-", "_") or "case"


def _slug(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z\u4e00-\u9fff]+", "-", text).strip("-").lower()[:60]


def _calendar(fit: LogFit, start: dt.date, office: Office | None) -> dict[str, Any]:
    made: dict[str, Any] = {"start": start, "zone": fit.log.zone}
    if office is not None:
        made["office_hours"] = [office.opens_h, office.closes_h]
    holidays = sorted(next(iter(fit.groups.values())).arrivals.holidays)
    return {**made, "holidays": holidays} if holidays else made


def _desk(fit: LogFit, shift: str) -> dict[str, Any]:
    """Return a desk with room for every case at once: time in it is time in the log, waiting included."""
    at_once = sum(g.per_day * g.cycle.elapsed.quantile(0.9)[0] / 1440.0 for g in fit.groups.values())
    count = int(min(2000, 30 + 4 * math.ceil(at_once))) if shift == OFFICE_SHIFT else 1
    return {
        "title": {"en": "Desk as logged", "zh": "日志所示经办窗口"}, "kind": "operator", "per": "city", "count": count,
        "shift": shift,
        "provenance": {"count": "room for every case at once, so that nobody waits; not a head count; assumption"},
    }  # fmt: skip


def _type(group: GroupFit, start: dt.date, days: int) -> dict[str, Any]:
    arrivals = group.arrivals
    scale = 1.0 if group.own_profile else group.share
    shocks = arrivals.dispersion.after_shocks
    months, per_day = _months(arrivals, start, days)
    made: dict[str, Any] = {
        "title": {"en": _title(group, "en"), "zh": _title(group, "zh")},
        "kind": "bare",
        "rate_per_hour": _round(per_day * scale / 24.0 * (1 - shocks)),
        "hours": [_round(v, 4) for v in arrivals.hours],
        "weekdays": [_round(v, 4) for v in arrivals.weekdays],
    }
    if months is not None:
        made["months"] = months
    if shocks > 0:
        made |= {"excitation": _round(shocks, 4), "excitation_delay_min": {"exponential": {"mean": AFTER_SHOCK_MIN}}}
    made["stages"] = _stages(group)
    made["overtime"] = "suspend"
    if len(group.allowed_min):
        allowed = float(np.median(group.allowed_min))
        made["deadlines"] = {"respond_min": _round(allowed), "resolve_min": _round(allowed)}
    return made


def _title(group: GroupFit, lang: str) -> str:
    if group.name == "case":
        return "Case of the log" if lang == "en" else "日志中的案件"
    return group.name


def _months(arrivals: ArrivalFit, start: dt.date, days: int) -> tuple[list[float] | None, float]:
    """Return weights of the months that carry trend and season over the horizon, and the mean cases a day."""
    whole = np.maximum(arrivals.daily(start, days), 1e-12)
    if not {"trend", "season"} & set(arrivals.day_terms):
        return None, math.exp(arrivals.level)
    dates = [start + dt.timedelta(days=d) for d in range(days)]
    weekday = arrivals.weekdays[[6 if d in arrivals.holidays else d.weekday() for d in dates]]
    around = whole / np.maximum(weekday, 1e-12)  # the daily rate without its weekday
    month = np.array([d.month for d in dates])
    known = {m: float(around[month == m].mean()) for m in np.unique(month)}
    middle = float(np.mean(list(known.values())))
    weights = [known.get(m, middle) for m in range(1, 13)]
    mean = float(np.mean(weights))
    return [_round(w / mean, 4) for w in weights], mean


def _stages(group: GroupFit) -> list[dict[str, Any]]:
    """Return the stages: time to closing (in office hours or at any), then time on to the end."""
    cycle, after = group.cycle, ["until_end"] if group.tail is not None else ["done"]
    onward = {after[0]: 1.0}
    stages: list[dict[str, Any]] = []
    if cycle.office is None:
        stages.append({"name": "until_closed", "staff": 0, "touch_min": cycle.law.written(), "next": onward})
    else:
        outside = _round(cycle.outside, 4)
        stages.append({"name": "split", "staff": 0, "next": {"in_office": 1 - outside, "any_hour": outside}})
        stages.append(
            {"name": "in_office", "who": DESK, "where": "desk", "touch_min": cycle.law.written(), "next": onward}
        )
        stages.append({"name": "any_hour", "staff": 0, "touch_min": cycle.elapsed.written(), "next": onward})
    if group.tail is not None:
        stages.append({"name": "until_end", "staff": 0, "touch_min": group.tail.fit.law.written()})
    return stages


def _origins(group: GroupFit) -> dict[str, Origin]:
    """Return field -> where the number comes from, how surely, from how many cases."""
    a, c, d = group.arrivals, group.cycle, group.arrivals.dispersion
    scale = 1.0 if group.own_profile else group.share
    per_day = _ended(a.per_day * scale, a.per_day_low * scale, a.per_day_high * scale, ".3f")
    laws = (_told_law(c), *([_told_tail(group.tail)] if group.tail is not None else []))
    return {
        "rate_per_hour": Origin.by("rate", **per_day, n=str(group.cases), days=str(a.days)),
        "hours": Origin.by("hours", form=a.hour_form, n=str(a.cases)),
        "weekdays": Origin.by("weekdays", form="+".join(a.day_terms) or "level", n=str(a.cases)),
        "months": Origin.by("trend", **_ended(a.trend_per_year, a.trend_low, a.trend_high, "+.3f")),
        "excitation": Origin.by("dispersion", **_ended(d.phi, d.phi_low, d.phi_high, ".2f")),
        "excitation_delay_min": Origin.by("short", "assumption"),
        "stages": Origin(laws),
        "deadlines": Origin.by("deadline", n=str(len(group.allowed_min))),
        "overtime": Origin.by("office_only" if c.office else "nobody_busy", "assumption"),
    }


def _ended(value: float, low: float, high: float, form: str) -> dict[str, str]:
    return {"value": format(value, form), "low": format(low, form), "high": format(high, form)}


def _provenance(fit: LogFit, origins: dict[str, Origin]) -> dict[str, str]:
    """Return what a scenario says of its fields' origins: the log, the sentence, the confidence last."""
    where = source_text(fit)
    return {key: f"{where}: {one.of('en', codes=True)}; {one.confidence}" for key, one in origins.items()}


def source_text(fit: LogFit) -> str:
    """Return file, hash and period of the log, as provenance names them."""
    first, last = fit.seen.start, fit.seen.start + dt.timedelta(days=fit.seen.days - 1)
    return f"log {fit.log.source.name} sha256:{fit.log.source.sha256} {first} to {last}"


def _told_law(cycle: DurationFit) -> Clause:
    law, working = cycle.law, cycle.office is not None
    return Clause(
        "closing_working" if working else "closing_elapsed",
        {"form": law.shape.name, "open": str(law.cases - law.ended), "median": _told_median(law, working),
         "n": str(law.cases), "latest": f"{cycle.recent:.0%}"},
    )  # fmt: skip


def _told_tail(tail: TailFit) -> Clause:
    law = tail.fit.law
    fields = {"form": law.shape.name, "median": _told_median(law), "n": str(law.cases)}
    return Clause("end_scaled" if tail.scaled else "end", fields)


def _told_median(law: Fitted, working: bool = False) -> Clause:
    low, high = (float(end[0]) for end in law.interval(0.5))
    key = "median" if math.isfinite(high) else "median_from"
    ends = {"value": float(law.quantile(0.5)[0]), "low": low, "high": high}
    return Clause(key if math.isfinite(low) else "median_alone", {name: Span(v, working) for name, v in ends.items()})


def _description(fit: LogFit, reasons: tuple[Problem, ...], differences: tuple[Problem, ...] = ()) -> dict[str, str]:
    first, last = fit.seen.start, fit.seen.start + dt.timedelta(days=fit.seen.days - 1)
    en = (
        f"Arrivals and time in the system of {len(fit.seen):,} cases of {fit.log.source.name}, {first} to {last}. It "
        "describes; it does not explain: time in the system is drawn, whatever the staffing."
    )
    zh = (
        f"由{fit.log.source.name}中{first}至{last}的{len(fit.seen):,}件案件拟合的来件与办理时间。"
        "仅作描述，不作解释：办理时间为抽样所得，与人员配置无关。"
    )
    if reasons:
        en += " DRAFT, not to be relied on: " + "; ".join(one.en for one in reasons) + "."
        zh += "草稿，不可作为依据：" + "；".join(one.zh for one in reasons) + "。"
    if differences:
        en += " It differs from what was held out: " + "; ".join(one.en for one in differences) + "."
        zh += "与留出的案件有差异：" + "；".join(one.zh for one in differences) + "。"
    return {"en": en, "zh": zh}


def lost(fit: LogFit) -> tuple[str, ...]:
    """Return keys of what the fit knows and the scenario's form cannot say (texts ``calibrate.lost.<key>``)."""
    groups = list(fit.groups.values())
    found = ["stages", "queue"]
    if any(g.arrivals.dispersion.after_shocks > 0 for g in groups):
        found.append("dispersion")
    if any(g.tail is not None for g in groups):
        found.append("dependence")
    if any(g.tail is not None and g.tail.scaled for g in groups):
        found.append("deadline_work")
    if any(len(g.allowed_min) and np.ptp(g.allowed_min) > 1 for g in groups):
        found.append("deadlines")
    if fit.skipped_days:
        found.append("sparse_start")
    if any(g.arrivals.weekend_hours_p < 0.01 for g in groups):
        found.append("weekend_hours")
    return tuple(found)


def _round(value: float, digits: int = 6) -> float:
    return float(f"{float(value):.{digits}g}")


class _Dumper(yaml.SafeDumper):
    """Writes lists of numbers on one line, and everything in full where it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _list(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    flat = all(isinstance(v, int | float | str | dt.date) for v in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flat)


_Dumper.add_representer(list, _list)


def text_of(made: Overlay, fit: LogFit) -> str:
    """Return the scenario as YAML, with a head that says where it comes from and what is not in it."""
    head = [f"# Written by gridwhistle calibrate from {source_text(fit)}."]
    head += [f"# Status: {made.status.replace('_', ' ')}."]
    head += [f"# Draft because: {reason.en}." for reason in made.draft_reasons]
    head += [f"# Differs: {one.en}." for one in made.differences]
    body = yaml.dump(made.data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    return "\n".join(head) + "\n" + body


def fill(made: Overlay, fit: LogFit, file: Path) -> None:
    """Write the scenario to a file of the folder where it will lie, and see that it loads there.

    Raises
    ------
    InputError
        The scenario is not accepted by the form (a base that does not fit).
    """
    file.write_text(text_of(made, fit), encoding="utf-8")
    load(file).spec()


def loaded(made: Overlay) -> Scenario:
    """Return the scenario without writing it to its place."""
    from scenarios.yaml_lines import Tree

    return Scenario.from_tree(Tree(made.data))
