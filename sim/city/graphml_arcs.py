"""The arcs of a GraphML file: lengths, times and classes of road, from what its edges say.

Arcs run as the file draws them. What is missing is computed and told; what cannot be is refused or dropped. Names and
units of attributes are OSMnx's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.city.edge_values import Speed, class_kmh, classes, pieces, speed_of, total
from sim.city.graphml_file import GraphText
from sim.city.plausible import check_lengths, check_speeds, check_times
from sim.city.tables import EXAMPLES, ReadReport

READ: frozenset[str] = frozenset(
    {"length", "travel_time", "travel_time_lights", "speed_kph", "maxspeed", "highway", "oneway", "reversed"}
)
"""Attributes of edges that are read, or that say nothing beside an arc's direction."""

_MEANT = re.compile(r"len|dist|time|speed|durat|cost|minute|second|weight|metre|meter", re.IGNORECASE)
_ALLOWED = "a finite number, 0 or more"


@dataclass(eq=False)
class Edges:
    """Edges between nodes that can be used: rows of the nodes kept, attributes, names and lines."""

    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    data: list[dict[str, Any]]
    said: list[str]
    line: list[int]

    def straight(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[E] metres between the ends."""
        return np.hypot(x[self.tail] - x[self.head], y[self.tail] - y[self.head])

    def bad(
        self, report: ReadReport, file: str, key: str, wrong: NDArray[np.bool_], problem: str, allowed: str,
        found: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        """Refuse or record arcs, with what stood there."""
        rows = np.flatnonzero(wrong).tolist()
        stood = [self.data[k].get(key, "nothing") if found is None else found[k] for k in rows]
        said = [f"arc {self.said[k]}: {value}" for k, value in zip(rows, stood, strict=True)]
        report.note_bad(problem, file, key, [self.line[k] for k in rows], said, allowed)


@dataclass(eq=False)
class Arcs:
    """Arcs that can be used: ends, metres, minutes per mode, class of road."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    length_m: NDArray[np.float64]
    time_min: NDArray[np.float32]
    highway: NDArray[np.str_]


def edges_of(graph: GraphText, kept: NDArray[np.int64], report: ReadReport, file: str) -> Edges:
    """Return the edges whose ends are both kept; others are refused or dropped."""
    row = {graph.nodes[k]: at for at, k in enumerate(kept.tolist())}
    ends = [(row.get(a, -1), row.get(b, -1)) for a, b in graph.edges]
    lost = [k for k, pair in enumerate(ends) if min(pair) < 0]
    report.note_bad(
        "arc names a node that cannot be used", file, "source, target", [graph.edge_line[k] for k in lost],
        [f"{graph.edges[k][0]} -> {graph.edges[k][1]}" for k in lost], "nodes of the graph with coordinates",
    )  # fmt: skip
    rows = [k for k, pair in enumerate(ends) if min(pair) >= 0]
    at = np.array([ends[k] for k in rows], np.int64).reshape(-1, 2)
    return Edges(
        at[:, 0], at[:, 1], [graph.edge_data[k] for k in rows],
        [f"{graph.edges[k][0]} -> {graph.edges[k][1]}" for k in rows], [graph.edge_line[k] for k in rows],
    )  # fmt: skip


def measure(
    edges: Edges, straight_m: NDArray, swapped_m: NDArray | None, report: ReadReport, file: str
) -> Arcs:  # fmt: skip
    """Return the arcs that can be used.

    Parameters
    ----------
    straight_m, swapped_m
        float64[E] metres between the ends, and if x and y were exchanged (None where that cannot be).
    """
    length_m, given = _given(edges, "length", report)
    length_m = np.where(given, length_m, straight_m)
    good = np.isfinite(length_m) & (length_m >= 0)
    edges.bad(report, file, "length", ~good, "arc has a length that cannot be", _ALLOWED)
    can = check_lengths(straight_m, length_m, given & good, file, "length", report, swapped_m)
    apart = zip(edges.data, straight_m, strict=True)
    metres = [f"{data.get('length')} m, ends {line_m:.4g} m apart" for data, line_m in apart]
    edges.bad(
        report, file, "length", good & ~can, "arc is shorter than the straight line between its ends",
        "the straight line between its ends, or more", metres,
    )  # fmt: skip
    usable = good & can
    missing = int((~given).sum())
    if missing:
        report.notes.append(f"{missing} arcs without length: the straight line between their ends")
    times, fine = _times(edges, length_m, usable, report, file)
    rows = np.flatnonzero(usable & fine)
    highway = [next(iter(classes(data)), "") for data in edges.data]
    _tell(edges, report)
    return Arcs(
        edges.tail[rows].astype(np.int32), edges.head[rows].astype(np.int32), length_m[rows],
        (times[:, rows] / 60).astype(np.float32),
        np.array([highway[k] for k in rows.tolist()], np.str_),
    )  # fmt: skip


def _given(edges: Edges, key: str, report: ReadReport) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the sums of an attribute and which edges state it; lists are told."""
    parts = [len(pieces(data.get(key))) for data in edges.data]
    several = sum(count > 1 for count in parts)
    if several:
        report.notes.append(f"{several} arcs with a list of {key}: its parts are added up")
    return np.array([total(data.get(key)) for data in edges.data]).reshape(-1), np.array(parts, np.int64) > 0


def _times(
    edges: Edges, length_m: NDArray, usable: NDArray[np.bool_], report: ReadReport, file: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return seconds per mode and which arcs can be used; a speed matters only where no time is given."""
    seconds, given = _given(edges, "travel_time", report)
    speeds = [speed_of(data) for data in edges.data]
    speed_kmh = np.array([speed.kmh for speed in speeds], np.float64)
    stated = np.array([speed.origin == "speed_kph" for speed in speeds], bool)
    limit_kmh = np.array([_limit(data) for data in edges.data], np.float64)
    fine = given | (np.isfinite(speed_kmh) & (speed_kmh > 0))
    edges.bad(report, file, "speed_kph", usable & ~fine, "arc has a speed that cannot be", "a finite number above 0")
    used = usable & fine & ~given
    driven = check_speeds(speed_kmh, limit_kmh, used & stated, file, report)
    edges.bad(report, file, "speed_kph", usable & fine & ~driven, "arc has a speed that cannot be", "300 km/h or less")
    with np.errstate(divide="ignore", invalid="ignore"):
        seconds = np.where(given, seconds, length_m / (speed_kmh / 3.6))
    sound = ~given | (np.isfinite(seconds) & (seconds >= 0))
    edges.bad(report, file, "travel_time", usable & ~sound, "arc has a time that cannot be", _ALLOWED)
    fine &= driven & sound
    expected = np.where(np.isfinite(speed_kmh), speed_kmh, 0.0)
    quick = check_times(length_m, seconds, given & fine & usable, expected, stated, file, "travel_time", report)
    fast = [f"{data.get('travel_time')} s for {m:.4g} m" for data, m in zip(edges.data, length_m, strict=True)]
    wrong = usable & fine & ~quick
    edges.bad(report, file, "travel_time", wrong, "arc has a time that cannot be", "300 km/h or less", fast)
    fine &= quick
    _tell_times(speeds, given, used & fine, report)
    modes, fine = _lights(edges, seconds, length_m, usable, fine, report, file)
    return np.stack(modes), fine


def _lights(
    edges: Edges, seconds: NDArray, length_m: NDArray, usable: NDArray, fine: NDArray, report: ReadReport, file: str
) -> tuple[list[NDArray], NDArray[np.bool_]]:
    """Return seconds per mode: with a second one where the file knows times with lights and sirens."""
    lights, given = _given(edges, "travel_time_lights", report)
    if not given.any():
        return [seconds], fine
    lights = np.where(given, lights, seconds)
    sound = ~given | (np.isfinite(lights) & (lights >= 0))
    edges.bad(report, file, "travel_time_lights", usable & fine & ~sound, "arc has a time that cannot be", _ALLOWED)
    nothing = np.zeros(len(lights), bool)
    quick = check_times(
        length_m, lights, given & sound & usable, np.zeros(len(lights)), nothing, file, "travel_time_lights", report
    )
    edges.bad(
        report, file, "travel_time_lights", usable & fine & sound & ~quick, "arc has a time that cannot be",
        "300 km/h or less",
    )  # fmt: skip
    if not given.all():
        report.notes.append(f"{(~given).sum()} arcs without travel_time_lights: their travel_time")
    return [seconds, lights], fine & sound & quick


def _limit(data: dict[str, Any]) -> float:
    limit = speed_of({"maxspeed": data.get("maxspeed")}) if "maxspeed" in data and "speed_kph" in data else None
    return limit.kmh if limit is not None and limit.origin == "maxspeed" else 0.0


def _tell_times(speeds: list[Speed], given: NDArray[np.bool_], used: NDArray[np.bool_], report: ReadReport) -> None:
    missing = int((~given).sum())
    if not missing:
        return
    rows = [speeds[k] for k in np.flatnonzero(used).tolist()]
    origin = Counter({"class": "class of road"}.get(speed.origin, speed.origin) for speed in rows)
    by = ", ".join(f"{name} {count}" for name, count in sorted(origin.items()))
    report.notes.append(
        f"{missing} arcs without travel_time: computed from length and speed" + (f" ({by})" if by else "")
    )
    several = Counter(speed.origin for speed in rows if speed.several)
    for name, count in sorted(several.items()):
        what = {"class": "classes of road"}.get(name, f"values of {name}")
        report.notes.append(f"{count} arcs with several {what}: the mean of their speeds")
    unread = Counter(speed.unread for speed in rows if speed.unread)
    if unread:
        report.notes.append(
            f"{sum(unread.values())} arcs with a maxspeed that holds no number ({_examples(unread)}): left aside, for "
            "what numbers stand beside it or the class of road"
        )
    unnamed = Counter(speed.unnamed for speed in rows if speed.unnamed)
    if unnamed:
        report.notes.append(
            f"{sum(unnamed.values())} arcs of a class of road without a speed of its own ({_examples(unnamed)}): taken "
            f"at {class_kmh('other'):g} km/h"
        )


def _examples(words: Counter[str]) -> str:
    shown = ", ".join(repr(text) for text, _ in words.most_common(EXAMPLES))
    return shown + (f" and {len(words) - EXAMPLES} more" if len(words) > EXAMPLES else "")


def _tell(edges: Edges, report: ReadReport) -> None:
    """Tell of attributes that look like lengths or times and are not read, and of ways drawn backwards."""
    unread = sorted({key for data in edges.data for key in data if key not in READ and _MEANT.search(key)})
    if unread:
        report.notes.append(f"attributes of edges that are not read: {', '.join(unread)}")
    backwards = sum(str(data.get("oneway", "")).strip().lower() in ("-1", "reverse") for data in edges.data)
    if backwards:
        report.notes.append(f"{backwards} arcs say oneway -1: they run as the file draws them, from source to target")
