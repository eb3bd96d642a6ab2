"""A replay: one run of a results folder, played again so that it can be looked at from minute to minute.

A run is a function of scenario, policy, seed and replication, so nothing of it needs to be kept but these: it is
run once more to its end (its measures are held against those on record), and windows of it are recorded when
somebody looks at them. The clock is the viewer's; this is only asked for windows, lives of cases and next events.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.replay.record import MOVE, TRAVEL, Recorder
from scenarios.replay.ways import Trip, Way, Ways
from scenarios.study import Study
from sim.assemble import Arm
from sim.engine.codes import LOG_KINDS, NEVER, OUTCOMES
from sim.engine.tables import World
from sim.errors import InputError

WINDOW_MIN = 30.0
"""Length of a window, minutes: long enough that its keyframe is small beside it, short enough to wait for."""
LINGER_MIN = 20.0
"""How long a closed case is still shown, minutes."""

CASE = np.dtype(
    [
        ("case", "i4"), ("incident", "i4"), ("x_m", "f8"), ("y_m", "f8"), ("type", "i2"), ("true_type", "i2"),
        ("place", "i4"), ("severity", "i2"), ("department", "i2"), ("channel", "i2"), ("level", "i2"),
        ("emergency", "u1"), ("outcome", "u1"), ("occurred_min", "f8"), ("reported_min", "f8"), ("assigned_min", "f8"),
        ("arrived_min", "f8"), ("whistle_min", "f8"), ("whistled_min", "f8"), ("closed_min", "f8"),
        ("resolved_min", "f8"),
    ]
)  # fmt: skip
INCIDENT = np.dtype(
    [("incident", "i4"), ("x_m", "f8"), ("y_m", "f8"), ("type", "i2"), ("severity", "i2"), ("occurred_min", "f8"),
     ("known_min", "f8"), ("ended_min", "f8")]
)  # fmt: skip
EVENT = np.dtype(
    [("time_min", "f8"), ("kind", "i2"), ("case", "i4"), ("incident", "i4"), ("type", "i2"), ("staff", "i4"),
     ("value", "f4")]
)  # fmt: skip
TOLD = (
    "report", "found", "merge", "abandon", "judge", "assign", "arrive", "reroute", "escalate", "refer", "bounce",
    "whistle", "quorum", "release", "remind", "supervise", "force", "preempt", "deadline", "settle", "fail", "sham",
    "close", "callback", "reopen", "repeat", "petition", "lapse", "grow", "spontaneous", "lost", "suspend",
)  # fmt: skip
"""Kinds of log entries that a replay tells; the others are routine."""


@dataclass(frozen=True)
class Window:
    """What happens in a stretch of time, enough to draw any instant of it without another window.

    Attributes
    ----------
    number, start_min, end_min
        Which window, and its bounds (the end excluded).
    segments
        See `scenarios.replay.record.SEGMENT`.
    way
        int32[segments]: row of ``ways``, -1 for who stays where they are.
    ways
        Ways over the roads.
    cases
        ``CASE``: open at some time of the window, or closed less than 20 minutes before it. Times yet to come are in
        it; a viewer shows them when they have come. NEVER where there is none.
    incidents
        ``INCIDENT``: troubles of the window that nobody has told of when it starts (true state).
    events
        ``EVENT``: what is told, in order.
    """

    number: int
    start_min: float
    end_min: float
    segments: NDArray[np.void]
    way: NDArray[np.int32]
    ways: list[Way]
    cases: NDArray[np.void]
    incidents: NDArray[np.void]
    events: NDArray[np.void]


class Replay:
    """One run, to be looked at.

    Parameters
    ----------
    arm
        The prepared arm.
    seed, replication
        Name the run.
    recorded
        Measures on record; `agrees` says whether this run has the very same.
    title
        ``scenario, study, policy`` and what else a page wants to say about where it comes from.

    Notes
    -----
    Safe to be asked from several threads; windows are recorded one at a time.
    """

    def __init__(
        self,
        arm: Arm,
        seed: int,
        replication: int,
        recorded: Mapping[str, float] | None = None,
        title: Mapping[str, Any] | None = None,
    ) -> None:
        from sim.model import Result

        self.arm, self.city, self.seed, self.replication = arm, arm.city, seed, replication
        self.title = dict(title or {})
        self._lock = threading.Lock()
        self._recorder = Recorder(arm, seed, replication)
        self.world: World = self._recorder.run_whole()
        self.result = Result(arm, self.world)
        self.ways = Ways(arm.city, arm.spec.closures)
        self.differing = differing(recorded, self.result.measures) if recorded is not None else None

    @classmethod
    def of(cls, study: Study, policy: str | None = None, replication: int = 0) -> Replay:
        """Play a run of a results folder again.

        Raises
        ------
        InputError
            No such arm or no finished run of that number.
        """
        from sim import model

        policy = policy or study.policies[0]
        if policy not in study.policies:
            raise InputError("unknown arm", field="arm", found=policy, allowed=study.policies)
        runs = study.runs()
        mine = runs[(runs["policy"] == policy) & (runs["replication"] == replication)]
        if mine.empty:
            done = sorted({int(r) for r in runs.loc[runs["policy"] == policy, "replication"]})
            allowed = f"{done[0]} to {done[-1]}" if done else "none is finished"
            raise InputError("no finished run of that number", field="replication", found=replication, allowed=allowed)
        row = mine.iloc[0]
        recorded = {name: float(row[name]) for name in study.measures}
        city = study.city
        arm = model.prepare(study.scenario.spec(policy), city, city.seed).arm
        return cls(arm, int(row["seed"]), replication, recorded, {"study": study.folder.name, "policy": policy})

    # ------------------------------------------------------------------ what there is

    @property
    def horizon_min(self) -> float:
        """End of the run, minutes."""
        return self._recorder.horizon_min

    @property
    def windows(self) -> int:
        """Number of windows."""
        return int(np.ceil(self.horizon_min / WINDOW_MIN))

    @property
    def agrees(self) -> bool | None:
        """Whether every measure equals the one on record; None when nothing is on record."""
        return None if self.differing is None else not self.differing

    @cached_property
    def cases(self) -> NDArray[np.void]:
        """``CASE`` of the whole run; departments are called from ``whistle_min`` to ``whistled_min``."""
        clock = self.world.clock[0]
        k = self.world.cases[: int(clock["cases"])]
        e = self.world.incidents[k["incident"]]
        out = np.zeros(len(k), CASE)
        for name in ("incident", "type", "place", "severity", "channel", "level", "outcome"):
            out[name] = k[name]
        out["case"], out["true_type"], out["department"] = np.arange(len(k)), e["type"], k["dept"]
        out["emergency"] = self.world.types["emergency"][k["type"]]
        out["x_m"], out["y_m"] = self._doors(e, k["place"])
        for name in ("occurred_min", "reported_min", "assigned_min", "arrived_min", "closed_min"):
            out[name] = k[name]
        out["resolved_min"], out["whistle_min"], out["whistled_min"] = e["resolved_min"], NEVER, -NEVER
        calls = self.world.requests[: int(clock["requests"])]
        np.minimum.at(out["whistle_min"], calls["case"], calls["blown_min"])
        np.maximum.at(out["whistled_min"], calls["case"], calls["done_min"])
        out["whistled_min"][out["whistle_min"] >= NEVER] = NEVER
        return out

    @cached_property
    def incidents(self) -> NDArray[np.void]:
        """``INCIDENT`` of all that occurred: true state."""
        e = self.world.incidents[: int(self.world.clock[0]["cursor"])]
        out = np.zeros(len(e), INCIDENT)
        out["incident"], out["type"], out["severity"] = np.arange(len(e)), e["type"], e["severity"]
        out["occurred_min"], out["known_min"] = e["occurred_min"], e["first_reported_min"]
        out["ended_min"] = np.minimum(e["ended_min"], e["resolved_min"])
        out["x_m"], out["y_m"] = self._doors(e, e["place"])
        return out

    @cached_property
    def log(self) -> NDArray[np.void]:
        """The run's log at level ``cases``."""
        return self.world.log[: int(self.world.clock[0]["log"])]

    @cached_property
    def events(self) -> NDArray[np.void]:
        """``EVENT``: entries of the kinds ``TOLD``, in order of time."""
        told = np.isin(self.log["kind"], [LOG_KINDS.index(kind) for kind in TOLD])
        g = self.log[told]
        out = np.zeros(len(g), EVENT)
        for name in ("time_min", "kind", "staff", "value"):
            out[name] = g[name]
        before = g["case"] <= -2
        out["case"] = np.where(g["case"] >= 0, g["case"], -1)
        known = self.world.cases["incident"][np.maximum(g["case"], 0)]
        out["incident"] = np.where(before, -2 - g["case"], np.where(g["case"] >= 0, known, -1))
        types = self.world.incidents["type"][np.maximum(out["incident"], 0)]
        out["type"] = np.where(out["incident"] >= 0, types, -1)
        return out

    @cached_property
    def told(self) -> dict[str, int]:
        """How many events of each kind of ``TOLD`` there are."""
        counts = np.bincount(self.events["kind"], minlength=len(LOG_KINDS))
        return {kind: int(counts[LOG_KINDS.index(kind)]) for kind in TOLD}

    def _doors(self, incidents: NDArray, place: NDArray[np.integer]) -> tuple[NDArray, NDArray]:
        """Return where troubles are: at the resident's own node where it is known, else at the place."""
        node = self.city.places[np.maximum(place, 0)].astype(np.int64)
        home = incidents["resident"]
        known = (home >= 0) & (home < len(self.city.residents)) & (incidents["place"] == place)
        if known.any():
            node[known] = self.city.residents["node"][home[known]]
        x, y = self.city.roads.x[node], self.city.roads.y[node]
        return np.where(place >= 0, x, np.nan), np.where(place >= 0, y, np.nan)

    # ------------------------------------------------------------------ asked by viewers

    def window(self, number: int) -> Window:
        """Record a window.

        Raises
        ------
        InputError
            There is no window of that number.
        """
        if not 0 <= number < self.windows:
            raise InputError("no such window", field="window", found=number, allowed=f"0 to {self.windows - 1}")
        start = number * WINDOW_MIN
        end = min(start + WINDOW_MIN, self.horizon_min)
        with self._lock:
            segments = self._recorder.window(start, end)
            way, ways = self._ways(segments)
        cases, incidents, events = self.cases, self.incidents, self.events
        open_now = (cases["reported_min"] < end) & (cases["closed_min"] >= start - LINGER_MIN)
        silent = (incidents["occurred_min"] < end) & (incidents["ended_min"] >= start)
        silent &= incidents["known_min"] >= start
        first, last = np.searchsorted(events["time_min"], [start, end])
        return Window(
            number, start, end, segments, way, ways, cases[open_now], incidents[silent], events[first:last]
        )  # fmt: skip

    def _ways(self, segments: NDArray[np.void]) -> tuple[NDArray[np.int32], list[Way]]:
        rows = np.flatnonzero(
            ((segments["activity"] == TRAVEL) | (segments["activity"] == MOVE))
            & (segments["place"] != segments["to_place"]) & (segments["place"] >= 0) & (segments["to_place"] >= 0)
        )  # fmt: skip
        trips: list[Trip] = [
            (self.ways.era(float(s["start_min"])), int(s["lights"]), int(s["place"]), int(s["to_place"]))
            for s in segments[rows]
        ]
        index = {trip: i for i, trip in enumerate(dict.fromkeys(trips))}
        way = np.full(len(segments), -1, np.int32)
        way[rows] = [index[trip] for trip in trips]
        return way, self.ways.between(list(index))

    def next_event(self, after_min: float, kinds: Collection[str], back: bool = False) -> dict[str, Any] | None:
        """Return the next (or the last) event of some kinds strictly after (before) a time, or None.

        Raises
        ------
        InputError
            An unknown kind.
        """
        unknown = [kind for kind in kinds if kind not in TOLD]
        if unknown:
            raise InputError("unknown kind of event", field="kinds", found=unknown[0], allowed=TOLD)
        events = self.events[np.isin(self.events["kind"], [LOG_KINDS.index(kind) for kind in kinds])]
        times = events["time_min"]
        i = int(np.searchsorted(times, after_min)) - 1 if back else int(np.searchsorted(times, after_min, "right"))
        if not 0 <= i < len(events):
            return None
        e = events[i]
        return {"time_min": float(e["time_min"]), "kind": LOG_KINDS[e["kind"]], "case": int(e["case"]),
                "incident": int(e["incident"])}  # fmt: skip

    def life(self, case: int) -> dict[str, Any]:
        """Return the life of a case: what the record says, what is true, and all that happened to it.

        Raises
        ------
        InputError
            There is no case of that number.
        """
        if not 0 <= case < len(self.cases):
            raise InputError("no such case", field="case", found=case, allowed=f"0 to {len(self.cases) - 1}")
        k = self.world.cases[case]
        i = int(k["incident"])
        e, spec = self.world.incidents[i], self.arm.spec
        types, departments, channels = list(spec.types), list(spec.departments), list(spec.channels)
        wanted = (self.log["case"] == case) | (self.log["case"] == -2 - i)
        skipped = [LOG_KINDS.index(kind) for kind in ("lag", "queue")]
        history = self.log[wanted & ~np.isin(self.log["kind"], skipped)]
        needs = [name for d, name in enumerate(departments) if int(e["needs"]) >> d & 1]
        return {
            "case": case,
            "incident": i,
            "filed_type": types[k["type"]],
            "true_type": types[e["type"]],
            "severity": int(e["severity"]),
            "channel": channels[k["channel"]] if k["channel"] >= 0 else None,
            "level": int(k["level"]),
            "department": departments[k["dept"]] if k["dept"] >= 0 else None,
            "needs": needs,
            "outcome": OUTCOMES[k["outcome"]],
            **{name: _minute(k[name]) for name in ("reported_min", "assigned_min", "arrived_min", "closed_min",
                                                   "deadline_min")},
            "occurred_min": _minute(e["occurred_min"]),
            "attended_min": _minute(e["attended_min"]),
            "resolved_min": _minute(e["resolved_min"]),
            "satisfied": {1: True, 0: False}.get(int(k["satisfied"])),
            "history": [
                {"time_min": float(g["time_min"]), "kind": LOG_KINDS[g["kind"]], "staff": int(g["staff"]),
                 "value": float(g["value"])} for g in history
            ],
        }  # fmt: skip

    def timeline(self, bins: int = 240) -> dict[str, Any]:
        """Return counts over the whole run in equal bins: told, closed, whistles, and open at each bin's end."""
        edges = np.linspace(0.0, self.horizon_min, bins + 1)
        told = np.histogram(self.cases["reported_min"], edges)[0]
        closed = np.histogram(self.cases["closed_min"], edges)[0]
        blown = np.histogram(self.cases["whistle_min"], edges)[0]
        return {
            "bin_min": float(edges[1]),
            "told": told.tolist(),
            "closed": closed.tolist(),
            "whistles": blown.tolist(),
            "open": (np.cumsum(told) - np.cumsum(closed)).tolist(),
        }


def differing(recorded: Mapping[str, float], found: Mapping[str, float]) -> list[str]:
    """Return the names of measures that are not the same to the last bit (NaN equals NaN)."""
    return [
        name for name, value in recorded.items()
        if name not in found or not (found[name] == value or (found[name] != found[name] and value != value))
    ]  # fmt: skip


def _minute(value: float) -> float | None:
    return None if value >= NEVER / 10 else float(value)
