"""From the catalogue to tables: types, stages, routing, needs, laws, and the rates of demand."""

from __future__ import annotations

import math

import numpy as np

from sim.cases.catalogue import ARCHETYPES, LEVELS, CaseType
from sim.cases.demand import Demand
from sim.cases.laws import LawTable
from sim.cases.overrides import scaled
from sim.city.city import City
from sim.engine.codes import TABLE_POINTS, TK_BARE, TK_CASE, TK_ENQUIRY, W_DESK, W_FACILITY, W_SCENE
from sim.engine.names import entity
from sim.engine.tables import LAW, STAGE, TYPE
from sim.errors import InputError
from sim.institutions.timetable import weekday_of
from sim.spec import ModelSpec

_KIND = {"enquiry": TK_ENQUIRY, "bare": TK_BARE}
NO_LEVEL = 9  # closes_level of a type that only its department may close


def urgency(kind: CaseType) -> int:
    """Return the class in line: emergencies first, then the type's priority class."""
    return kind.priority_class + (0 if kind.emergency or kind.kind == "bare" else 1)


def type_table(spec: ModelSpec, laws: LawTable) -> np.ndarray:
    """Return the engine's ``types``; needs the departments' order of the spec."""
    rows, departments, stage = np.zeros(len(spec.types), TYPE), list(spec.departments), 0
    for i, kind in enumerate(spec.types.values()):
        t = rows[i]
        t["respond_min"], t["resolve_min"] = kind.deadlines.respond_min, kind.deadlines.resolve_min
        t["working_time"], t["loss_yuan_per_h"] = kind.deadlines.working_time, kind.loss_yuan_per_h
        t["grows_per_min"] = kind.grows_per_h / 60.0
        t["repeat_share"], t["petition_share"] = kind.repeat_share, kind.petition_share
        t["misjudged"], t["confusions"] = kind.seems.misjudged, len(kind.seems.as_types)
        s = kind.success
        t["success_base"], t["success_skill"], t["success_floor"] = s.base, s.skill, s.floor
        t["success_week"], t["success_failure"] = s.per_week_delay, s.per_failure
        t["excitation"], t["excitation_delay"] = kind.excitation, laws.add(kind.excitation_delay_min)
        t["report_delay"], t["witness_delay"] = laws.add(kind.report_delay_min), laws.add(kind.witness_delay_min)
        t["visible"], t["patience"] = laws.add(kind.visible_min), laws.add(kind.patience_h)
        t["queue_patience"] = -1 if kind.queue_patience_min is None else laws.add(kind.queue_patience_min)
        t["spontaneous"] = -1 if kind.spontaneous_h is None else laws.add(scaled(kind.spontaneous_h, 60.0))
        t["part_touch"], t["part_lag"] = laws.add(kind.part.touch_min), laws.add(kind.part.lag_min)
        t["part_staff"], t["part_expected_min"] = kind.part.staff, kind.part.touch_min.mean
        t["first_stage"], t["stages"] = stage, len(kind.stages)
        stage += len(kind.stages)
        t["witnesses"], t["kind"] = kind.witnesses, _KIND.get(kind.kind, TK_CASE)
        t["start_level"] = LEVELS.index(kind.start) if kind.start in LEVELS else -1
        t["start_dept"] = departments.index(kind.start) if kind.start in departments else -1
        t["closes_level"] = NO_LEVEL if kind.closes_at is None else LEVELS.index(kind.closes_at)
        t["department"] = departments.index(kind.department) if kind.department else -1
        t["emergency"], t["preemptible"], t["urgency"] = kind.emergency, kind.preemptible, urgency(kind)
        t["patrol_visible"], t["sensor_visible"] = kind.patrol_visible, kind.sensor_visible
        t["overtime"] = kind.overtime == "suspend"
    rows["entity"] = [entity("type", name) for name in spec.types]
    return rows


def stage_tables(spec: ModelSpec, laws: LawTable, capabilities: tuple[str, ...], facility_kinds: list[str]):
    """Return ``stages`` and ``routes`` (probabilities of the next stage, float32[stages, widest type])."""
    posts, widest = list(spec.posts), max(len(k.stages) for k in spec.types.values())
    total = sum(len(k.stages) for k in spec.types.values())
    rows, routes, at = np.zeros(total, STAGE), np.zeros((total, widest), np.float32), 0
    for name, kind in spec.types.items():
        numbers = {stage.name: j for j, stage in enumerate(kind.stages)}
        for j, stage in enumerate(kind.stages):
            r = rows[at]
            r["touch"], r["lag"] = laws.add(stage.touch_min), laws.add(stage.lag_min)
            r["expected_min"], r["who"] = stage.touch_min.mean, _who(spec, stage.who, posts)
            r["n_staff"], r["keep_staff"], r["atomic"] = stage.staff, stage.keep_staff, stage.atomic
            r["capability"] = capabilities.index(stage.capability) if stage.capability else -1
            r["where"], r["facility"] = _where(stage.where, facility_kinds, name)
            r["lights"] = kind.emergency if stage.travel is None else stage.travel == "lights"
            r["entity"] = entity("stage", stage.name)
            for target, p in (stage.next if stage.next is not None else _straight(kind, j)).items():
                if target != "done":
                    routes[at, numbers[target]] = p
            at += 1
    return rows, routes


def _straight(kind: CaseType, j: int) -> dict[str, float]:
    return {kind.stages[j + 1].name: 1.0} if j + 1 < len(kind.stages) else {}


def _who(spec: ModelSpec, who: str, posts: list[str]) -> int:
    if who == "holder":
        return -1
    return posts.index(spec.departments[who].post if who in spec.departments else who)


def _where(where: str, kinds: list[str], name: str) -> tuple[int, int]:
    if where in ("scene", "desk"):
        return (W_SCENE if where == "scene" else W_DESK), -1
    if where not in kinds:
        raise InputError(
            f"type '{name}' goes to a facility that the city does not have", field=f"types.{name}.stages.where",
            found=where, allowed=["scene", "desk", *kinds],
        )  # fmt: skip
    return W_FACILITY, kinds.index(where)


def probability_tables(spec: ModelSpec):
    """Return ``tell`` (utilities, -99 where a channel is not used), ``need``, ``believe`` and ``confused``."""
    types, channels, departments = list(spec.types), list(spec.channels), list(spec.departments)
    n, widest = len(types), max([1, *(len(k.seems.as_types) for k in spec.types.values())])
    tell = np.full((n, max(1, len(channels))), -99.0, np.float32)
    need, believe = (
        np.zeros((n, max(1, len(departments))), np.float32),
        np.zeros((n, max(1, len(departments))), np.float32),
    )
    confused = np.full((n, widest), -1, np.int16)
    for i, kind in enumerate(spec.types.values()):
        for channel, value in kind.report.items():
            tell[i, channels.index(channel)] = value
        for d, p in kind.needs.items():
            need[i, departments.index(d)] = p
        for d, p in kind.believed_needs.items():
            believe[i, departments.index(d)] = p
        for k, other in enumerate(kind.seems.as_types):
            confused[i, k] = types.index(other)
    return tell, need, believe, confused


def law_tables(laws: LawTable) -> tuple[np.ndarray, np.ndarray]:
    """Return ``laws`` and ``quantiles``."""
    rows = np.zeros(max(1, len(laws.rows)), LAW)
    for i, (kind, a, b, share) in enumerate(laws.rows):
        rows[i] = (a, b, share, kind)
    quantiles = np.array(laws.tables) if laws.tables else np.zeros((1, TABLE_POINTS))
    return rows, np.ascontiguousarray(quantiles)


def _profile(spec: ModelSpec, given: list[float] | str, n: int) -> np.ndarray:
    if given == "flat":
        return np.ones(n)
    weights = np.array(spec.profiles[given] if isinstance(given, str) else given, float)
    return weights / weights.mean()


def _day_factors(spec: ModelSpec, kind: CaseType, days: int) -> np.ndarray:
    import datetime as dt

    week, month = _profile(spec, kind.weekdays, 7), _profile(spec, kind.months, 12)
    calendar = spec.calendar
    return np.array(
        [week[weekday_of(calendar, d)] * month[(calendar.start + dt.timedelta(days=d)).month - 1] for d in range(days)]
    )


def _place_weights(spec: ModelSpec, city: City, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return places and cumulative weights for a type with a city-wide rate (empty: by residents)."""
    given = spec.type_place_rates.get(name, spec.demand_weights)
    if given is None:
        if len(city.residents):
            return np.zeros(0, np.int64), np.zeros(0)
        given = [1.0] * len(city.places)
    if len(given) != len(city.places) or min(given) < 0 or sum(given) <= 0:
        raise InputError(
            "demand of places does not fit",
            field=f"type_place_rates.{name}" if name in spec.type_place_rates else "demand_weights",
            found=f"{len(given)} values",
            allowed=f"{len(city.places)} values of at least 0, not all 0",
        )
    return np.arange(len(given)), np.cumsum(np.array(given, float))


def demand_of(spec: ModelSpec, city: City) -> Demand:
    """Return the rates of an arm: streams by type and grid, and city-wide ones placed by weight."""
    names, days = list(spec.types), math.ceil(spec.horizon_days) + 1
    people = np.diff(city.grid_first).astype(float)
    archetype = city.areas.archetype[city.areas.grids]
    codes = [str(city.areas.code[r]) for r in city.areas.grids]
    streams: list[tuple] = []
    first: list[int] = [0]
    rows: list[np.ndarray] = []
    cumulative: list[np.ndarray] = []
    for i, (name, kind) in enumerate(spec.types.items()):
        factor = np.array([kind.archetype_factor.get(a, 1.0) for a in ARCHETYPES])[archetype]  # type: ignore[call-overload]
        rate = kind.rate_per_1000_year / 1000.0 / 525600.0 * people * factor
        streams += [(i, g, rate[g], entity("demand", name, codes[g])) for g in np.flatnonzero(rate > 0)]
        if kind.rate_per_hour > 0:
            streams.append((i, -1, kind.rate_per_hour / 60.0, entity("demand", name, "city")))
        place, total = (
            _place_weights(spec, city, name) if kind.rate_per_hour > 0 else (np.zeros(0, np.int64), np.zeros(0))
        )
        rows.append(place)
        cumulative.append(total)
        first.append(first[-1] + len(place))
    severity = np.ones((len(names), 4))
    for i, kind in enumerate(spec.types.values()):
        severity[i, : len(kind.severity)] = np.cumsum(kind.severity)
    departments = list(spec.departments)
    home = [
        departments.index(k.department) if k.department and k.closes_at is None else -1 for k in spec.types.values()
    ]
    columns: list = list(zip(*streams, strict=True)) if streams else [[], [], [], []]
    return Demand(
        np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], float),
        np.array(columns[3], np.uint64), np.array([_profile(spec, k.hours, 24) for k in spec.types.values()]),
        np.array([_day_factors(spec, k, days) for k in spec.types.values()]),
        np.array([_sine(k) for k in spec.types.values()]), severity, np.array(first, np.int64),
        np.concatenate(rows).astype(np.int64), np.concatenate(cumulative), city.place_grid.astype(np.int32),
        np.array(home, np.int64), spec.horizon_days * 1440.0, any(k.excitation > 0 for k in spec.types.values()),
    )  # fmt: skip


def _sine(kind: CaseType) -> tuple[float, float, float]:
    if kind.sine is None:
        return 0.0, 0.0, 0.0
    return kind.sine["amplitude"], 2 * math.pi / (kind.sine["period_h"] * 60.0), kind.sine.get("phase_h", 0.0) * 60.0
