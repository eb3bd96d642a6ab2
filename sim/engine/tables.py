"""The state: every table of the engine, its columns, and the world that holds them.

One structured array a table, C-contiguous and writable. What people in the model may know (`view`) and
what is true are different tables. Times are minutes since the start, places are rows of the travel table,
-1 is "none" and NEVER (1e300) is "not yet". Tables that grow are enlarged by `World.grow` when the kernel
asks for room; nothing is ever dropped. What the columns are for is told by the concepts that use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from numba import types

from sim.engine.blocks import WORDS_PER_TABLE, declare, record_type
from sim.register import names as register_names


def _table(*fields: str) -> np.dtype:
    """Make an aligned record from strings like ``"f8 opened_min closed_min"``."""
    return np.dtype([(name, line.split()[0]) for line in fields for name in line.split()[1:]], align=True)


def _parameters(names: tuple[str, ...]) -> np.dtype:
    return np.dtype([(name.replace(".", "_"), "f8") for name in names] or [("none", "f8")], align=True)


CASE = _table(
    "u8 entity known_needs done_needs refused called",
    "f8 occurred_min reported_min judged_min assigned_min arrived_min closed_min deadline_min respond_by_min timer_min",
    "i4 incident parent grid filed_grid place owner stamp request open_tasks task reports",
    "f4 touch_min travel_min score",
    "i2 type severity channel level opened_level dept state stage reason escalations bounces referrals whistles",
    "i2 reminders supervised failures outcome satisfied attempt deadline_hits misjudged known_type wasted spent",
    "i2 at_once waits",
)
TASK = _table(
    "u8 entity",
    "f8 key created_min queued_min assigned_min arrived_min started_min left_min done_min",
    "i4 case pool grid place left right up first_staff stamp request owner heap_rank",
    "f4 last_mile_min temper boost expected_min",
    "i2 kind stage dept level n_staff n_assigned n_arrived state capability atomic emergency preemptible urgency where",
    "i2 accepted mine reminders asks supervised travels interrupted type lights",
)
STAFF = _table(
    "u8 entity",
    "f8 until_min since_min duty_since_min busy_min travel_min duty_min overtime_min",
    "f8 background_min patrol_min owed_min",
    "i4 pool grid home place to_place task next_in_task stamp roster cases_open caseload_cap tasks_done duty_day",
    "i4 activities slot owed_day",
    "f4 speed_factor pace",
    "u4 capabilities",
    "i2 post dept level state activity on_duty",
)
POOL = _table(
    "i4 first count idle background busy on_duty patrol queue_root queue_count capacity area grids",
    "i2 post dept level preemptive",
)
GRID = _table("f8 street_km", "i4 community street district place neighbour residents first_resident", "i2 archetype")
TYPE = _table(
    "f8 respond_min resolve_min loss_yuan_per_h grows_per_min repeat_share petition_share misjudged",
    "f8 success_base success_skill success_week success_failure success_floor excitation",
    "i4 excitation_delay report_delay witness_delay visible queue_patience patience spontaneous",
    "i4 part_touch part_lag first_stage",
    "f4 witnesses part_expected_min",
    "i2 stages kind start_level start_dept closes_level department working_time emergency preemptible urgency",
    "i2 patrol_visible sensor_visible part_staff overtime confusions",
    "u8 entity",
)
STAGE = _table(
    "i4 touch lag", "f4 expected_min", "i2 who n_staff capability where facility keep_staff atomic lights", "u8 entity"
)
POST = _table(
    "f8 background_per_day patrol_share wage vehicle",
    "i4 turnout background_chunk patrol_round pools",
    "i2 dept level kind patrols",
)
DEPARTMENT = _table("u8 entity", "i4 desk_delay", "f4 reluctance assessment_weight", "i2 post level")
CHANNEL = _table(
    "u8 entity",
    "f8 open_h close_h callback wrong_address misjudge",
    "i4 take delay patience",
    "f4 trust digital",
    "i2 operators level",
)
WHISTLE_KIND = _table(
    "f8 report_in_min message_min quorum hold_min reconvene_min joint_speed set_out_min",
    "i2 kind lead stay appointed working",
)
REQUEST = _table(
    "u8 called",
    "f8 blown_min first_deadline_min meet_min deadline_min hold_until_min quorum_min done_min timer_min",
    "i4 case stamp first_task before",
    "i2 released at_once",
    "i2 template n_called n_accepted n_present n_done quorum lead reminders supervisions state working",
)
INCIDENT = _table(
    "u8 entity needs done",
    "f8 occurred_min first_reported_min resolved_min ended_min attended_min report_min witness_min spontaneous_min",
    "f8 grow_min act_min timer_min visible_until_min find_clock",
    "i4 grid place resident open_case last_case stamp find_count",
    "f4 last_mile_min",
    "i2 type severity witnesses witness_count reports failures repeats fate channel cases scripted",
)
WORK = _table("f8 touch_left_min lag_min")
RESIDENT = _table("i4 place", "f4 last_mile_min trust digital")
LAW = _table("f8 a b share", "i4 kind")
ROSTER = _table("i4 pool first count shift")
SHIFT = _table("u8 entity", "f8 share_on", "i4 first count cursor first_roster rosters")
TURN = _table("f8 at_min", "i4 day", "i2 on")
SWEEP = _table("u8 entity", "f8 intensity own_per_min", "i4 first count", "i2 post")
SPAN = _table("f8 from_min to_min before_min")
EVENT = _table("f8 time", "u8 entity", "i4 kind row stamp following")
NOW = _table("i4 kind row arg stamp")
LOG = _table("f8 time_min value", "i4 case staff area", "i2 kind")
CLOCK = _table(
    "f8 now",
    "u8 key",
    "i8 sweep_channel",
    "i8 heap now_head now_count cursor cases tasks requests log events decisions asked_hook asked_subject asked_slot",
    "i8 log_level bad_hook bad_subject bad_code bad_arg patrol_post petition_channel patrol_channel sensor_channel",
    "i8 reposition reports merges wrong_merges splits abandoned lost joins dynamic_priority",
    "i8 timers later later_free bin bin_bits due due_end due_heads ties group burst",
    "f8 office_open office_close horizon_min turn_min",
)
PENDING = _table("i8 has code arg", "f8 value")
# what a rule may read and what only the model reads; travel factors are known to all
RULE_NAMES = (*register_names("rule"), "travel.lights_factor", "travel.ordinary_factor")
PARAM_NAMES = (*register_names("rule"), *register_names("model"))
RULES = _parameters(RULE_NAMES)
PARAMS = _parameters(PARAM_NAMES)

# name, item, dimensions, a decider may know it
_LAYOUT: tuple[tuple[str, np.dtype | str, int, bool], ...] = (
    ("cases", CASE, 1, True),
    ("tasks", TASK, 1, True),
    ("staff", STAFF, 1, True),
    ("pools", POOL, 1, True),
    ("grids", GRID, 1, True),
    ("types", TYPE, 1, True),
    ("posts", POST, 1, True),
    ("departments", DEPARTMENT, 1, True),
    ("whistles", WHISTLE_KIND, 1, True),
    ("requests", REQUEST, 1, True),
    ("channels", CHANNEL, 1, True),
    ("rules", RULES, 1, True),
    ("travel", "f4", 3, True),
    ("pool_of", "i4", 2, True),
    ("ladder", "i2", 2, True),
    ("duty_list", "u1", 2, True),
    ("skill", "f4", 2, True),
    ("preference", "i4", 2, True),
    ("clock", CLOCK, 1, False),
    ("params", PARAMS, 1, False),
    ("pending", PENDING, 1, False),
    ("heap", EVENT, 1, False),
    ("later", EVENT, 1, False),
    ("bins", "i4", 1, False),
    ("far", "i4", 1, False),
    ("due", EVENT, 1, False),
    ("now", NOW, 1, False),
    ("log", LOG, 1, False),
    ("incidents", INCIDENT, 1, False),
    ("work", WORK, 1, False),
    ("residents", RESIDENT, 1, False),
    ("stages", STAGE, 1, False),
    ("routes", "f4", 2, False),
    ("laws", LAW, 1, False),
    ("quantiles", "f8", 2, False),
    ("tell", "f4", 2, False),
    ("need", "f4", 2, False),
    ("believe", "f4", 2, False),
    ("confused", "i2", 2, False),
    ("rosters", ROSTER, 1, False),
    ("shifts", SHIFT, 1, False),
    ("turns", TURN, 1, False),
    ("sweeps", SWEEP, 1, False),
    ("sweep_spans", SPAN, 1, False),
    ("sweep_types", "u1", 2, False),
    ("last_case", "i4", 2, False),
    ("facility_near", "i4", 2, False),
    ("patrol_posts", "i4", 1, False),
    ("patrol_most", "f8", 1, False),
    ("office_before", "f8", 1, False),
    ("office_day", "u1", 1, False),
    ("hours", "f8", 3, False),
    ("looks", "i4", 2, False),
)
_SCALARS = {
    "f4": types.float32,
    "f8": types.float64,
    "i4": types.int32,
    "i2": types.int16,
    "u1": types.uint8,
}


def _item(kind: np.dtype | str) -> types.Type:
    return _SCALARS[kind] if isinstance(kind, str) else record_type(kind)


declare([(name, _item(kind), ndim, known) for name, kind, ndim, known in _LAYOUT])

NAMES = tuple(name for name, *_ in _LAYOUT)
DTYPES = {name: np.dtype(kind) for name, kind, *_ in _LAYOUT}
NDIM = {name: ndim for name, _, ndim, _ in _LAYOUT}


def column(dtype: np.dtype, name: str) -> tuple[np.dtype, int]:
    """Return the item and the place in bytes of a column of a record."""
    if dtype.fields is None:
        raise TypeError(f"{dtype} has no columns")
    return dtype.fields[name][0], dtype.fields[name][1]


KNOWN = tuple(name for name, _, _, known in _LAYOUT if known)


@dataclass(frozen=True)
class Growth:
    """How a table grows.

    Attributes
    ----------
    counter
        Field of the clock that counts its rows.
    rows
        Rows that one event may add at most, whatever it moves.
    per_thing
        Rows beyond those for each person (or thing) that the event moves.
    """

    counter: str
    rows: int
    per_thing: int = 0

    def needed(self, things: int) -> int:
        """Return the rows that an event which moves so many people or things may add."""
        return self.rows + self.per_thing * things


# A report opens a case and may split; a whistle calls at most one task for each of 64 needs; a person who is moved
# leaves an activity, begins another and is asked.
GROWING = {
    "cases": Growth("cases", 8),
    "tasks": Growth("tasks", 80, 1),
    "work": Growth("tasks", 80, 1),
    "requests": Growth("requests", 8),
    "log": Growth("log", 512, 3),
    "heap": Growth("timers", 512, 3),
    "later": Growth("later", 512, 3),
    "now": Growth("now_count", 512, 3),
}
# tables that a run writes; the rest is shared by all replications of an arm
WRITTEN = (
    "cases", "tasks", "work", "staff", "pools", "requests", "clock", "pending", "heap", "later", "bins", "far", "due",
    "now", "log", "incidents", "shifts", "last_case", "hours", "looks",
)  # fmt: skip


class World:
    """The tables of one run and the block of their addresses.

    Parameters
    ----------
    tables
        Name -> array, one for each name in ``NAMES``, of the declared dtype, C-contiguous.
    """

    def __init__(self, tables: dict[str, np.ndarray]) -> None:
        self.block = np.zeros(len(NAMES) * WORDS_PER_TABLE, np.int64)
        self.tables: dict[str, np.ndarray] = {}
        self.travel_changes_done = 0
        for name in NAMES:
            self._set(name, tables[name])

    def __getattr__(self, name: str) -> np.ndarray:
        tables = self.__dict__.get("tables", {})
        if name in tables:
            return tables[name]
        raise AttributeError(name)

    def _set(self, name: str, array: np.ndarray) -> None:
        if array.dtype != DTYPES[name] or array.ndim != NDIM[name] or not array.flags.c_contiguous:
            raise TypeError(f"table {name} must be a C-contiguous {NDIM[name]}-d array of {DTYPES[name]}")
        self.tables[name] = array
        slot = NAMES.index(name) * WORDS_PER_TABLE
        self.block[slot] = array.ctypes.data
        self.block[slot + 1 : slot + 1 + array.ndim] = array.shape

    def set_travel(self, table: np.ndarray) -> None:
        """Put the travel times of present road conditions in place."""
        self._set("travel", table)
        self.travel_changes_done += 1

    @property
    def address(self) -> int:
        """Address of the block, which the kernel takes."""
        return self.block.ctypes.data

    def grow(self, things: int) -> None:
        """Make room for an event that moves so many people or things; a table that is enlarged at least doubles."""
        for name, growth in GROWING.items():
            used, array = int(self.clock[growth.counter][0]), self.tables[name]
            needed = growth.needed(things)
            if used + needed > len(array):
                bigger = np.zeros(max(2 * len(array), used + 2 * needed), array.dtype)
                bigger[:used] = self._used(name, used)
                self._set(name, bigger)

    def _used(self, name: str, used: int) -> np.ndarray:
        """Return the rows of a table that are in use; the list of things to do at once is a ring and is unrolled."""
        array = self.tables[name]
        if name != "now":
            return array[:used]
        head = int(self.clock["now_head"][0])
        self.clock["now_head"] = 0
        return array[(head + np.arange(used)) % len(array)]

    def view(self) -> SimpleNamespace:
        """Return what a decider may know, as record arrays for rules written in Python."""
        return SimpleNamespace(
            **{
                name: (self.tables[name].view(np.recarray) if self.tables[name].dtype.names else self.tables[name])
                for name in KNOWN
            }
        )
