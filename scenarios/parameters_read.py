"""Whether a register parameter is read in a model: a value that nothing reads would be accepted and change nothing.

`unread` says why, or None where the value has an effect. Parameters of rules are looked up in the text of the rules
that the arm uses (`sim.policies.rule_texts`); those that the engine reads have their condition here: no call-backs,
no call-back delay. Where the text of a user's own rule does not tell, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sim.cases.catalogue import CaseType
from sim.engine.codes import HOOK_NAMES
from sim.policies.rule_texts import OPEN, read_by
from sim.register import entry_of
from sim.spec import ModelSpec


class Site(NamedTuple):
    """What a scenario's text tells of its city.

    Attributes
    ----------
    has_roads
        False for a bare city, which has places and no roads; it has no residents either.
    has_lights
        True where travel with lights and sirens has times of its own; False where that is not sure.
    """

    has_roads: bool
    has_lights: bool

    @classmethod
    def of(cls, city: Mapping[str, Any]) -> Site:
        """Read it from the city section of a scenario."""
        read, bare = city.get("read"), city.get("bare")
        jemss = isinstance(read, dict) and read.get("format") == "jemss"
        travel = bare.get("travel_min") if isinstance(bare, dict) else None
        two = isinstance(travel, list) and len(travel) > 1 and bool(travel[0]) and isinstance(travel[0][0], list)
        return cls("bare" not in city, "synthetic" in city or jemss or two)


Condition = Callable[[ModelSpec, Site], str | None]
"""(model, city) -> why a parameter is not read there, or None."""

BY_ENGINE = frozenset(
    f"coordination.{name}"
    for name in ("bounce_return_min", "defer_min", "escalate_min", "force_after_supervisions", "reminder_interval_min",
                 "resident_whistle", "supervise_after_reminders")
)  # fmt: skip
"""Parameters of scope rule that the engine reads itself, whatever the rules are."""


def unread(name: str, spec: ModelSpec, site: Site) -> str | None:
    """Return why a parameter changes nothing in a model, None when it is read.

    Parameters
    ----------
    name
        Register name or ``type.<name>.<field>``; known.
    spec
        A checked model.
    site
        What is known of the city.
    """
    if name.startswith("type."):
        return _of_type(name, spec)
    condition = CONDITIONS.get(name) or next((c for start, c in GROUPS.items() if name.startswith(start)), None)
    if condition is not None and (why := condition(spec, site)) is not None:
        return why
    return _of_rules(name, spec) if entry_of(name).scope == "rule" and name not in BY_ENGINE else None


def _of_rules(name: str, spec: ModelSpec) -> str | None:
    for hook in HOOK_NAMES:
        rule = getattr(spec.rules, hook)
        reads = None if rule == OPEN else read_by(hook, rule)
        if reads is None or name in reads:
            return None
    used = ", ".join(str(getattr(spec.rules, hook)) for hook in HOOK_NAMES)
    return f"none of the rules here reads it ({used})"


def _of_type(name: str, spec: ModelSpec) -> str | None:
    kind, _, field = name.removeprefix("type.").rpartition(".")
    made = spec.types[kind]
    if field == "rate_per_1000_year" and made.kind == "bare":
        return "the type is bare, whose rate is 'rate_per_hour'"
    if field == "repeat_share" and made.kind in ("bare", "enquiry"):
        return "nobody comes again with such a type"
    return None


def _needs_any(test: Callable[[CaseType], object], otherwise: str) -> Condition:
    def condition(spec: ModelSpec, site: Site) -> str | None:
        return None if any(test(kind) for kind in spec.types.values()) else otherwise

    return condition


def _when(test: Callable[[ModelSpec], object], otherwise: str) -> Condition:
    return lambda spec, site: None if test(spec) else otherwise


def _all_of(*conditions: Condition) -> Condition:
    return lambda spec, site: next((why for c in conditions if (why := c(spec, site))), None)


def _waits(spec: ModelSpec) -> bool:
    return any(c.operators and c.patience_min is not None for c in spec.channels.values())


def _calls_back(spec: ModelSpec) -> bool:
    return any(c.callback > 0 for c in spec.channels.values())


def _mistakes(spec: ModelSpec) -> bool:
    wrong_place = any(c.wrong_address > 0 for c in spec.channels.values())
    return wrong_place or any(k.seems.misjudged > 0 for k in spec.types.values())


def _patrols(spec: ModelSpec) -> bool:
    walk = "patrol" in spec.channels and any(p.patrol_share > 0 for p in spec.posts.values())
    return walk and any(k.patrol_visible for k in spec.types.values())


def _sweeps_as_patrol(spec: ModelSpec) -> bool:
    return any(sweep.finds_per_h is None for sweep in spec.sweeps)


def can_whistle(spec: ModelSpec) -> bool:
    """Return True unless it is sure that no whistle is ever blown in a model."""
    if not spec.whistles:
        return False
    return (
        spec.rules.coordinate != "sequential_referral" or spec.parameters.get("coordination.resident_whistle", 0) != 0
    )


def _drives(spec: ModelSpec, lights: bool) -> bool:
    for kind in spec.types.values():
        driven = [s for s in kind.stages if s.staff > 0 and s.where != "desk"]
        lit = [s.travel == "lights" or (s.travel is None and kind.emergency) for s in driven]
        if any(one == lights for one in lit) or (not lights and kind.needs):
            return True
    return False


_TOLD = _needs_any(lambda k: k.kind != "bare", "all types are bare: nobody reports, judges or rates them")
_NEEDED = _needs_any(lambda k: k.needs or k.believed_needs or k.department, "no type needs a department")
_AGAIN = _needs_any(
    lambda k: k.repeat_share > 0 or k.petition_share > 0, "nobody comes again: no type has a share who do"
)
_PATROLLED = _when(lambda s: _patrols(s) or _sweeps_as_patrol(s), "nobody patrols where a type can be seen, or sweeps")
_REFERRED = _all_of(_NEEDED, _when(lambda s: s.rules.report_in != "always_come", "every department comes when called"))
_WHISTLED = _when(can_whistle, "no whistle is ever blown here")

GROUPS: dict[str, Condition] = {
    "reporting.hang_up": _when(_waits, "no caller ever hangs up: no channel has operators and 'patience_min'"),
    "reporting.": _TOLD,
    "intake.": _TOLD,
    "judging.need": _all_of(_TOLD, _NEEDED),
    "judging.mine": _all_of(_TOLD, _REFERRED),
    "judging.": _all_of(_TOLD, _when(_mistakes, "nothing is ever misjudged or misaddressed")),
    "closing.": _TOLD,
    "callback.": _when(_calls_back, "no channel calls back"),
    "satisfaction.": _TOLD,
    "report_in.": _all_of(_TOLD, _NEEDED),
    "repeat.": _all_of(_TOLD, _AGAIN),
    "sensor.": _when(
        lambda s: "sensor" in s.channels and any(k.sensor_visible for k in s.types.values()),
        "no type can be seen by sensors, or there is no channel 'sensor'",
    ),
}
CONDITIONS: dict[str, Condition] = {
    "coordination.bounce_return_min": _REFERRED,
    "coordination.defer_min": _all_of(_TOLD, _REFERRED),
    "coordination.escalate_min": _TOLD,
    "coordination.reminder_interval_min": _TOLD,
    "coordination.supervise_after_reminders": _all_of(_TOLD, _WHISTLED),
    "coordination.force_after_supervisions": _all_of(_TOLD, _WHISTLED),
    "coordination.resident_whistle": _all_of(_TOLD, _when(lambda s: s.whistles, "there is no whistle")),
    "patrol.speed_kmh": _PATROLLED,
    "patrol.found_probability": _PATROLLED,
    "patrol.street_km_per_grid": _all_of(
        lambda s, site: "the city has roads of its own, whose length is taken" if site.has_roads else None, _PATROLLED
    ),
    "travel.lights_factor": _all_of(
        lambda s, site: "travel with lights has times of its own in this city" if site.has_lights else None,
        _when(lambda s: _drives(s, True), "nobody drives with lights"),
    ),
    "travel.ordinary_factor": _when(lambda s: _drives(s, False), "nobody drives without lights"),
    "travel.blocked_min": _when(lambda s: s.closures, "no road is ever closed"),
    "cost.callback_yuan": _when(_calls_back, "no channel calls back"),
    "cost.whistle_yuan": _WHISTLED,
    "cost.referral_yuan": _NEEDED,
    "cost.overtime_factor": _when(lambda s: any(p.wage_yuan_per_h > 0 for p in s.posts.values()), "no post has a wage"),
    "measure.coverage_threshold_min": _needs_any(lambda k: k.emergency, "no type is an emergency"),
    "measure.on_time_margin": _TOLD,
}
