"""From a checked spec and a city to a world: the one place where names become rows.

An :class:`Arm` holds the tables that all replications share; `Arm.world` adds the incidents of one
replication and fresh copies of what a run writes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim import register
from sim.agents.hours import H_NAMES
from sim.agents.seats import KINDS, Staffing, seat_all
from sim.cases.catalogue import LEVELS
from sim.cases.demand import Demand, draw_incidents, replication_key
from sim.cases.laws import LawTable
from sim.cases.overrides import overridden
from sim.cases.tabulate import demand_of, law_tables, probability_tables, stage_tables, type_table
from sim.check import capabilities, check_spec
from sim.city.city import City
from sim.city.closures import travel_changes
from sim.engine.buffers import BUFFERS
from sim.engine.codes import DUE_ROWS, HOOK_NAMES, LOOK_COUNTS, NEVER
from sim.engine.events import INSTANTS_PER_MIN
from sim.engine.hooks import hook_addresses
from sim.engine.names import entity
from sim.engine.tables import (
    CHANNEL,
    CLOCK,
    DEPARTMENT,
    DTYPES,
    GRID,
    GROWING,
    INCIDENT,
    NDIM,
    PARAM_NAMES,
    PARAMS,
    PENDING,
    POST,
    RESIDENT,
    RULE_NAMES,
    RULES,
    WHISTLE_KIND,
    WRITTEN,
    World,
)
from sim.errors import InputError
from sim.institutions.sweep_times import sweep_tables
from sim.institutions.timetable import office_table, shift_tables
from sim.policies.rules import Rule, find_rule
from sim.spec import LOG_LEVELS, ModelSpec

# room that tables begin with; what turns out too small grows
_ROWS_PER_INCIDENT = {"cases": 1.1, "tasks": 2.2, "work": 2.2, "heap": 0.4, "later": 0.4, "log": 14.0, "requests": 0.02}
# what a calendar is laid out for; an error here costs time and changes nothing
_TIMERS_PER_INCIDENT, _TIMERS_PER_STAFF_DAY, _TIMERS_PER_BIN = 6.0, 5.0, 8.0
_HALF_TURNS = 1024  # lists of timers farther ahead, a power of two
_LEADS = ("home_department", "street", "first_present")
_WHISTLES = ("hard_problem", "joint_enforcement", "emergency")


@dataclass(frozen=True)
class Arm:
    """Everything of one arm that does not change from replication to replication.

    Attributes
    ----------
    spec, city
        What it was made of.
    static
        Tables by name that runs only read.
    fresh
        Tables by name that every run starts from and writes.
    demand, staffing, rules, parameters
        Rates; people; the six rules by hook; register values by name.
    travel_changes
        When roads close or open, and the travel table from then on.
    """

    spec: ModelSpec
    city: City
    static: dict[str, np.ndarray]
    fresh: dict[str, np.ndarray]
    demand: Demand
    staffing: Staffing
    rules: dict[str, Rule]
    parameters: dict[str, float]
    travel_changes: list[tuple[float, np.ndarray]]

    @property
    def hooks(self) -> np.ndarray:
        """Where the compiled rules lie, in the order that the kernel takes them."""
        return hook_addresses(self.rules[h].compiled for h in HOOK_NAMES)

    def world(self, seed: int, replication: int, log_level: str = "cases", hours: bool = False) -> World:
        """Return the world of one replication at time 0, its demand drawn; ``hours`` keeps an account by hour."""
        made = ("incidents", *_ROWS_PER_INCIDENT, "bins", "far")  # below, to measure
        tables = {**self.static, **{n: t[:0] if n in made else t.copy() for n, t in self.fresh.items()}}
        clock = tables["clock"]
        clock["key"] = replication_key(seed, replication)
        clock["log_level"] = LOG_LEVELS.index(log_level)
        world = World(tables)
        incidents = draw_incidents(self.demand, world.address, int(clock["key"][0]))
        incidents = self._with_script(incidents, world)
        world._set("incidents", incidents)
        expected, group = len(incidents), int(clock["group"][0])
        for name, per in _ROWS_PER_INCIDENT.items():
            per = 0.0 if name == "log" and log_level == "counts" else per
            world._set(name, BUFFERS.rows(int(expected * per) + 2 * GROWING[name].needed(group), DTYPES[name]))
        if hours:
            world._set("hours", np.zeros((len(world.pools), 24, len(H_NAMES)), DTYPES["hours"]))
        self._set_bins(world)
        return world

    def _set_bins(self, world: World) -> None:
        """Make the timers' calendar: bins of a few timers each, and a ring that turns once in two days or more."""
        days = self.spec.horizon_days
        timers = _TIMERS_PER_INCIDENT * len(world.incidents) + _TIMERS_PER_STAFF_DAY * len(world.staff) * days
        wanted = max(timers / _TIMERS_PER_BIN / days, 24.0)
        bits = max(round(math.log2(1440.0 * INSTANTS_PER_MIN / wanted)), 0)
        per_day = 1440.0 * INSTANTS_PER_MIN / (1 << bits)
        world.clock["bin_bits"] = bits
        world._set("far", np.zeros(_HALF_TURNS, DTYPES["far"]))
        world._set("bins", np.zeros(1 << min(max(math.ceil(math.log2(2.0 * per_day)), 8), 20), DTYPES["bins"]))

    def _with_script(self, incidents: np.ndarray, world: World) -> np.ndarray:
        if not self.spec.script:
            return incidents
        world.clock["ties"] += 1  # a script's times are round: reckon with some that fall together
        extra = scripted_incidents(self, int(world.clock["key"][0]))
        both = np.concatenate([incidents, extra])
        order = np.argsort(both["occurred_min"], kind="stable")  # a batch keeps its script's order
        return np.ascontiguousarray(both[order])


def assemble(spec: ModelSpec, city: City) -> Arm:
    """Check a spec against its city and build the arm.

    Raises
    ------
    InputError
        When names do not fit together or the city lacks what the spec asks for.
    """
    check_spec(spec)
    parameters = register.values(spec.parameters)
    spec = spec.model_copy(update={"types": overridden(spec.types, spec.parameters)})
    laws, skills = LawTable(), capabilities(spec)
    kinds = sorted(set(map(str, city.facilities.kind)))
    shifts = dict(spec.shifts)
    static: dict[str, np.ndarray] = {}
    static["types"] = type_table(spec, laws)
    static["stages"], static["routes"] = stage_tables(spec, laws, skills, kinds)
    static["tell"], static["need"], static["believe"], static["confused"] = probability_tables(spec)
    static["posts"] = _post_table(spec, laws)
    static["departments"] = _department_table(spec, laws)
    static["channels"] = _channel_table(spec, laws)
    static["whistles"] = _whistle_table(spec)
    static["laws"], static["quantiles"] = law_tables(laws)
    static["ladder"], static["duty_list"] = _ladder_table(spec), _duty_table(spec)
    static["rules"] = _parameter_row(RULES, RULE_NAMES, parameters)
    static["params"] = _parameter_row(PARAMS, PARAM_NAMES, parameters)
    key = replication_key(int(entity("city", city.name, city.seed)), 0)
    staffing = seat_all(city, spec.posts, list(shifts), list(spec.departments), skills, key)
    static["pool_of"], static["skill"] = staffing.pool_of, staffing.skill
    days = math.ceil(spec.horizon_days)
    owing = [post for post in spec.posts.values() if post.background_min_per_day > 0]
    dated = {name for post in owing for name in post.teams or [post.shift]}
    shift_rows, static["turns"] = shift_tables(shifts, spec.calendar, days, dated)
    _number_rosters(shift_rows, staffing.rosters)
    static["rosters"] = staffing.rosters
    static["office_before"], static["office_day"] = office_table(spec.calendar, days)
    static["travel"] = np.ascontiguousarray(city.travel, dtype=np.float32)
    static["grids"], static["residents"] = _grid_table(city, parameters), _resident_table(city)
    static["patrol_posts"] = np.flatnonzero(static["posts"]["patrols"]).astype(np.int32)
    static["patrol_most"] = _patrol_most(static, staffing, parameters["patrol.speed_kmh"])
    static["facility_near"] = _nearest_facilities(city, kinds)
    static["preference"] = _preferences(spec, city)
    types, posts = list(spec.types), list(spec.posts)
    static["sweeps"], static["sweep_spans"], static["sweep_types"] = sweep_tables(spec.sweeps, types, posts, days)
    rules = {hook: find_rule(hook, getattr(spec.rules, hook)) for hook in HOOK_NAMES}
    fresh = _fresh(spec, city, staffing, shift_rows, rules)
    _check_parts(spec, staffing)
    changes = travel_changes(city, spec.closures, parameters["travel.blocked_min"])
    return Arm(spec, city, static, fresh, demand_of(spec, city), staffing, rules, parameters, changes)


def _parameter_row(dtype: np.dtype, names: tuple[str, ...], values: dict[str, float]) -> np.ndarray:
    row = np.zeros(1, dtype)
    for name in names:
        row[name.replace(".", "_")] = values[name]
    return row


def _post_table(spec: ModelSpec, laws: LawTable) -> np.ndarray:
    rows, departments = np.zeros(len(spec.posts), POST), list(spec.departments)
    for r, post in zip(rows, spec.posts.values(), strict=True):
        r["background_per_day"], r["patrol_share"] = post.background_min_per_day, post.patrol_share
        r["wage"], r["vehicle"] = post.wage_yuan_per_h, post.vehicle_yuan_per_h
        r["turnout"], r["background_chunk"] = laws.add(post.turnout_min), laws.add(post.background_chunk_min)
        r["patrol_round"], r["patrols"] = laws.add(post.patrol_round_min), post.patrol_share > 0
        r["dept"] = departments.index(post.department) if post.department else -1
        r["level"] = LEVELS.index(post.per) if post.per in LEVELS else LEVELS.index(post.serves or "district")
        r["kind"] = KINDS.index(post.kind)
    return rows


def _department_table(spec: ModelSpec, laws: LawTable) -> np.ndarray:
    rows, posts = np.zeros(len(spec.departments), DEPARTMENT), list(spec.posts)
    for r, (name, d) in zip(rows, spec.departments.items(), strict=True):
        r["entity"] = entity("department", name)
        r["desk_delay"], r["reluctance"] = laws.add(d.desk_delay_min), d.reluctance
        r["assessment_weight"], r["post"], r["level"] = d.assessment_weight, posts.index(d.post), LEVELS.index(d.level)
    return rows


def _channel_table(spec: ModelSpec, laws: LawTable) -> np.ndarray:
    rows, posts = np.zeros(len(spec.channels), CHANNEL), list(spec.posts)
    for r, (name, c) in zip(rows, spec.channels.items(), strict=True):
        r["entity"] = entity("channel", name)
        r["open_h"], r["close_h"] = c.open_hours
        r["callback"], r["wrong_address"], r["misjudge"] = c.callback, c.wrong_address, c.misjudge_factor
        r["take"], r["delay"] = laws.add(c.take_min), laws.add(c.delay_min)
        r["patience"] = -1 if c.patience_min is None else laws.add(c.patience_min)
        r["trust"], r["digital"] = c.trust, c.needs_digital
        r["operators"] = posts.index(c.operators) if c.operators else -1
        r["level"] = LEVELS.index(c.level) if c.level else 0
    return rows


def _whistle_table(spec: ModelSpec) -> np.ndarray:
    rows = np.zeros(len(spec.whistles), WHISTLE_KIND)
    for r, w in zip(rows, spec.whistles.values(), strict=True):
        r["report_in_min"], r["message_min"], r["quorum"] = w.report_in_min, w.message_min, w.quorum
        r["hold_min"], r["reconvene_min"], r["joint_speed"] = w.hold_min, w.reconvene_min, w.joint_speed
        r["kind"], r["lead"], r["stay"] = _WHISTLES.index(w.kind), _LEADS.index(w.lead), w.stay_until_done
        r["set_out_min"], r["appointed"], r["working"] = w.set_out_min, w.appointed, w.working_time
    return rows


def _ladder_table(spec: ModelSpec) -> np.ndarray:
    posts = list(spec.posts)
    rows = np.full((len(spec.types), len(LEVELS)), -1, np.int16)
    for i, kind in enumerate(spec.types.values()):
        for level, post in {**spec.ladder, **kind.ladder}.items():
            rows[i, LEVELS.index(level)] = posts.index(post)
    return rows


def _duty_table(spec: ModelSpec) -> np.ndarray:
    types = list(spec.types)
    rows = np.zeros((max(1, len(spec.departments)), len(types)), np.uint8)
    for d, part in enumerate(spec.departments.values()):
        for name in part.duty_types:
            rows[d, types.index(name)] = 1
    return rows


def _grid_table(city: City, parameters: dict[str, float]) -> np.ndarray:
    cells = city.areas.grids
    rows = np.zeros(len(cells), GRID)
    for level, name in ((1, "community"), (2, "street"), (3, "district")):
        rows[name] = city.areas.ancestor(cells, level)
    rows["place"], rows["archetype"] = city.grid_place, city.areas.archetype[cells]
    rows["residents"], rows["first_resident"] = np.diff(city.grid_first), city.grid_first[:-1]
    rows["neighbour"] = _neighbours(city.areas.x[cells], city.areas.y[cells])
    rows["street_km"] = _street_km(city, parameters["patrol.street_km_per_grid"])
    return rows


def _patrol_most(static: dict[str, np.ndarray], staffing: Staffing, speed_kmh: float) -> np.ndarray:
    """Return the hazard per minute of being met by patrol in each grid if everybody who ever patrols did so now."""
    total = np.zeros(len(static["grids"]))
    for post in static["patrol_posts"]:
        row = staffing.pool_of[post]
        pools = staffing.pools[np.maximum(row, 0)]
        km = np.maximum(np.maximum(pools["grids"], 1) * static["grids"]["street_km"], 1e-6)
        total += np.where(row >= 0, pools["count"] / km, 0.0)
    return total * speed_kmh / 60.0


def _neighbours(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the nearest other grid of each grid (itself when it is alone)."""
    from scipy.spatial import cKDTree

    if len(x) < 2:
        return np.zeros(len(x), np.int32)
    points = np.column_stack([x, y])
    _, index = cKDTree(points).query(points, k=2)
    own = np.arange(len(x))
    return np.where(index[:, 1] == own, index[:, 0], index[:, 1]).astype(np.int32)


def _street_km(city: City, otherwise: float) -> np.ndarray:
    """Return street length per grid: half of all arcs (two directions) that start there."""
    grids = len(city.areas.grids)
    if not len(city.roads.length_m):
        return np.full(grids, otherwise)
    metres = np.bincount(city.node_grid[city.roads.arc_from], city.roads.length_m, minlength=grids)
    return np.maximum(metres / 2000.0, 0.05)


def _resident_table(city: City) -> np.ndarray:
    rows = np.zeros(len(city.residents), RESIDENT)
    for name in ("place", "last_mile_min", "trust", "digital"):
        rows[name] = city.residents[name]
    return rows


def _nearest_facilities(city: City, kinds: list[str]) -> np.ndarray:
    """Return the place of the nearest facility of each kind from each place (int32[kinds, places])."""
    near = np.full((max(1, len(kinds)), len(city.places)), -1, np.int32)
    for k, kind in enumerate(kinds):
        places = np.unique(city.facilities.place[city.facilities.kind == kind])
        near[k] = places[np.argmin(city.travel[0][:, places], axis=1)]
    return near


def _preferences(spec: ModelSpec, city: City) -> np.ndarray:
    if spec.preferences is None:
        return np.zeros((len(city.places), 0), np.int32)
    if len(spec.preferences) != len(city.places) or len({len(row) for row in spec.preferences}) != 1:
        raise InputError(
            "preferences do not fit the places",
            field="preferences",
            found=f"{len(spec.preferences)} rows",
            allowed=f"{len(city.places)} rows of equal length",
        )
    return np.array(spec.preferences, np.int32)


def _number_rosters(shift_rows: np.ndarray, rosters: np.ndarray) -> None:
    """Write which rosters, in order of shifts, turn with each shift."""
    numbers = np.arange(len(shift_rows))
    shift_rows["first_roster"] = np.searchsorted(rosters["shift"], numbers)
    shift_rows["rosters"] = np.searchsorted(rosters["shift"], numbers, side="right") - shift_rows["first_roster"]


def _fresh(
    spec: ModelSpec, city: City, staffing: Staffing, shift_rows: np.ndarray, rules: dict[str, Rule]
) -> dict[str, np.ndarray]:
    clock = np.zeros(1, CLOCK)
    channels = list(spec.channels)
    for name, field in (
        ("petition_office", "petition_channel"),
        ("patrol", "patrol_channel"),
        ("sensor", "sensor_channel"),
        ("sweep", "sweep_channel"),
    ):
        clock[field] = channels.index(name) if name in channels else -1
    patrols = [i for i, post in enumerate(spec.posts.values()) if post.patrol_share > 0]
    clock["patrol_post"] = patrols[0] if patrols else -1
    clock["reposition"] = rules["reposition"].name != "stay"
    clock["dynamic_priority"] = rules["priority"].dynamic
    clock["group"] = staffing.pools["count"].max()  # the most people that an event moves, unless it asks for a burst
    clock["horizon_min"] = spec.horizon_days * 1440.0
    clock["office_open"], clock["office_close"] = (h * 60.0 for h in spec.calendar.office_hours)
    out = {"clock": clock, "pending": np.zeros(1, PENDING), "staff": staffing.staff, "pools": staffing.pools}
    out["shifts"] = shift_rows
    out["hours"] = np.zeros((0, 24, len(H_NAMES)), DTYPES["hours"])
    out["looks"] = np.zeros((len(spec.sweeps), LOOK_COUNTS), DTYPES["looks"])
    out["last_case"] = np.full((len(city.areas.grids), len(spec.types)), -1, np.int32)
    out["incidents"], out["due"] = np.zeros(0, INCIDENT), np.zeros(2 * DUE_ROWS, DTYPES["due"])
    for name in WRITTEN:
        out.setdefault(name, np.zeros((0,) * (NDIM[name] - 1) + (4 * len(staffing.staff) + 1024,), DTYPES[name]))
    return out


def _check_parts(spec: ModelSpec, staffing: Staffing) -> None:
    posts = list(spec.posts)
    for name, part in spec.departments.items():
        if (staffing.pool_of[posts.index(part.post)] < 0).any():
            raise InputError(
                "nobody of this department's post serves some grids", field=f"departments.{name}.post", found=part.post,
                allowed="a post whose groups cover the whole city",
            )  # fmt: skip
    for name, channel in spec.channels.items():
        if channel.operators and (staffing.pool_of[posts.index(channel.operators)] < 0).any():
            raise InputError(
                "no operators serve some grids",
                field=f"channels.{name}.operators",
                found=channel.operators,
                allowed="a post whose groups cover the whole city",
            )


def scripted_incidents(arm: Arm, key: int) -> np.ndarray:
    """Return the incidents of the script; each is named by its own name, so it moves no other draw.

    Raises
    ------
    InputError
        When it names a type, grid, place, department or channel that does not exist, or a time after the end.
    """
    from sim.engine.codes import P_INCIDENT
    from sim.engine.draws import uniforms

    spec, city = arm.spec, arm.city
    types, channels, departments = list(spec.types), list(spec.channels), list(spec.departments)
    codes = [str(city.areas.code[r]) for r in city.areas.grids]
    rows = np.zeros(len(spec.script), INCIDENT)
    for n, (r, item) in enumerate(zip(rows, spec.script, strict=True)):
        field = f"script.{n}"
        _must(item.type in types, "unknown type", f"{field}.type", item.type, types)
        _must(item.at_min < spec.horizon_days * 1440, "the incident lies after the end", f"{field}.at_min", item.at_min,
              f"below {spec.horizon_days * 1440:g}")  # fmt: skip
        r["entity"] = entity("script", item.name)
        r["type"], r["severity"], r["occurred_min"] = types.index(item.type), item.severity, item.at_min
        u, v = uniforms(np.uint64(key), r["entity"], P_INCIDENT, 0)
        _place_scripted(r, item, city, codes, field, u, v)
        r["needs"] = _scripted_needs(arm, item, departments, field, key, r)
        if item.channel is not None:
            _must(item.channel in channels, "unknown channel", f"{field}.channel", item.channel, channels)
        r["scripted"] = channels.index(item.channel) if item.channel else -1
        for name in ("first_reported_min", "resolved_min", "ended_min", "attended_min", "report_min", "witness_min",
                     "spontaneous_min", "grow_min", "act_min", "timer_min"):  # fmt: skip
            r[name] = NEVER
        r["open_case"] = r["last_case"] = r["channel"] = -1
    return rows


def _must(condition: bool, problem: str, field: str, found: object, allowed: object) -> None:
    if not condition:
        raise InputError(problem, field=field, found=found, allowed=allowed)


def _place_scripted(r: np.ndarray, item, city: City, codes: list[str], field: str, u: float, v: float) -> None:
    r["resident"] = -1
    if item.place is not None:
        _must(
            item.place < len(city.places), "unknown place", f"{field}.place", item.place, f"0 to {len(city.places) - 1}"
        )
        r["place"], r["grid"] = item.place, city.place_grid[item.place]
        return
    if item.grid is not None:
        _must(item.grid in codes, "unknown grid", f"{field}.grid", item.grid, [*codes[:5], "..."])
        r["grid"] = codes.index(item.grid)
    else:
        r["grid"] = min(int(u * len(codes)), len(codes) - 1)
    first, last = city.grid_first[r["grid"]], city.grid_first[r["grid"] + 1]
    if last > first:
        r["resident"] = first + min(int(v * (last - first)), last - first - 1)
        home = city.residents[r["resident"]]
        r["place"], r["last_mile_min"] = home["place"], home["last_mile_min"]
    else:
        r["place"] = city.grid_place[r["grid"]]


def _scripted_needs(arm: Arm, item, departments: list[str], field: str, key: int, r: np.ndarray) -> np.uint64:
    from sim.engine.codes import P_NEED
    from sim.engine.draws import mix, uniforms

    mask = 0
    kind = arm.spec.types[item.type]
    if item.needs is not None:
        for name in item.needs:
            _must(name in departments, "unknown department", f"{field}.needs", name, departments)
            mask |= 1 << departments.index(name)
    else:
        for name, p in kind.needs.items():
            d = departments.index(name)
            if uniforms(np.uint64(key), mix(r["entity"], entity("department", name)), P_NEED, 0)[0] < p:
                mask |= 1 << d
    if kind.department and kind.closes_at is None:
        mask |= 1 << departments.index(kind.department)
    return np.uint64(mask)
