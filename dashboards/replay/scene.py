"""What a page needs to draw a replay: the city once, the run's words once, and a window whenever one is asked for.

Pure functions from a `scenarios.replay.Replay` to plain data and packed columns; the addresses are in
`dashboards.replay.routes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.charts.ground import area_name, facility_name
from dashboards.replay.pack import packed
from dashboards.texts import Texts, pick
from scenarios.replay import Replay, Window
from scenarios.replay.play import WINDOW_MIN
from scenarios.replay.record import ACTIVITIES
from sim.city.city import City
from sim.city.roads import Roads
from sim.engine.codes import LOG_KINDS, NEVER

MAJOR = ("motorway", "trunk", "primary")
MIDDLE = ("secondary", "tertiary")


def geometry(replay: Replay) -> bytes:
    """Return the city as one packed block: nodes, segments of roads with their class, places, closed segments.

    Coordinates are float32 metres from ``origin`` (so that a city far from the projection's origin keeps
    centimetres); a segment is an undirected pair of nodes, class 0 major, 1 middle, 2 minor.
    """
    city = replay.city
    roads = city.roads
    start, end, kind, of_arc = segments(roads)
    origin = origin_of(city)
    arrays: dict[str, NDArray] = {
        "x": (roads.x - origin[0]).astype(np.float32),
        "y": (roads.y - origin[1]).astype(np.float32),
        "from": start.astype(np.int32),
        "to": end.astype(np.int32),
        "class": kind,
        "place": city.places.astype(np.int32),
    }
    for era, arcs in enumerate(replay.ways.closed):
        arrays[f"closed{era}"] = np.unique(of_arc[arcs]).astype(np.int32)
    return packed({"origin": origin, "eras": list(replay.ways.eras)}, arrays)


def origin_of(city: City) -> tuple[float, float]:
    """Return the point from which coordinates on the wire are counted, metres."""
    return float(city.roads.x.mean()), float(city.roads.y.mean())


def segments(roads: Roads) -> tuple[NDArray, NDArray, NDArray[np.uint8], NDArray[np.int64]]:
    """Return both ends and the class of every undirected segment, and the segment of each arc."""
    pairs = np.stack([np.minimum(roads.arc_from, roads.arc_to), np.maximum(roads.arc_from, roads.arc_to)])
    _, first, of_arc = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
    return pairs[0, first], pairs[1, first], road_class(roads)[first], np.asarray(of_arc).ravel()


def road_class(roads: Roads) -> NDArray[np.uint8]:
    """Return 0 (major), 1 (middle) or 2 (minor) for each arc: by its class on record, else by its speed."""
    kind = np.full(roads.arcs, 2, np.uint8)
    if roads.highway is not None:
        base = np.char.partition(np.asarray(roads.highway, np.str_), "_link")[:, 0]
        kind[np.isin(base, MIDDLE)] = 1
        kind[np.isin(base, MAJOR)] = 0
        if len(kind) and kind.min() == 1:  # a town without motorways: its best roads are its major ones
            kind[kind == 1] = 0
        return kind
    speed = np.round(roads.length_m / np.maximum(roads.time_min[0].astype(float), 1e-9), 0)
    levels = np.unique(speed)
    if len(levels) > 1:
        kind[speed >= np.quantile(speed, 0.5) + 1] = 1
        kind[speed >= np.quantile(speed, 0.9)] = 0
        kind[speed == levels[0]] = 2
    return kind


def about(replay: Replay, lang: str) -> dict[str, Any]:
    """Return what is said once about a run: its people and places, names of kinds, its calendar, its time line."""
    spec, city, t = replay.arm.spec, replay.city, Texts(lang)
    return {
        **replay.title,
        "seed": replay.seed,
        "replication": replay.replication,
        "agrees": replay.agrees,
        "differing": (replay.differing or [])[:5],
        "city": city.title(lang),
        "horizon_min": replay.horizon_min,
        "window_min": WINDOW_MIN,
        "windows": replay.windows,
        "start_date": spec.calendar.start.isoformat(),
        "warm_up_min": spec.warm_up_days * 1440.0,
        "activities": list(ACTIVITIES),
        "kinds": LOG_KINDS,
        "told": replay.told,
        "types": [_named(name, kind.title, lang) for name, kind in spec.types.items()],
        "departments": [_named(name, part.title, lang) for name, part in spec.departments.items()],
        "channels": [_named(name, part.title, lang) for name, part in spec.channels.items()],
        "posts": [{**_named(name, post.title, lang), "kind": post.kind} for name, post in spec.posts.items()],
        "levels": [t(f"levels.{name}") for name in ("grid", "community", "street", "district", "city")],
        "staff": _staff(replay, lang),
        "facilities": _facilities(city, t),
        "areas": _areas(city, lang),
        "closures": [
            {"name": c.name, "from_min": c.from_min, "until_min": c.until_min} for c in spec.closures
        ],
        "timeline": replay.timeline(),
        "people": len(city.residents),
        "cases": len(replay.cases),
    }  # fmt: skip


def _named(name: str, title: Any, lang: str) -> dict[str, str]:
    return {"name": name, "title": pick(title, lang, name.replace("_", " "))}


def _staff(replay: Replay, lang: str) -> dict[str, list[Any]]:
    """Return post, department and area of everybody, by columns."""
    seats, areas, staff = replay.arm.staffing.seats, replay.city.areas, replay.world.staff
    owners = sorted({seat.owner_area for seat in seats})
    index = {owner: i for i, owner in enumerate(owners)}
    return {
        "post": staff["post"].tolist(),
        "department": staff["dept"].tolist(),
        "area": [index[seat.owner_area] for seat in seats],
        "slot": [seat.slot + 1 for seat in seats],
        "area_names": [area_name(areas, owner, lang) for owner in owners],
    }


def _facilities(city: City, t: Texts) -> list[dict[str, Any]]:
    f, (x0, y0) = city.facilities, origin_of(city)
    return [
        {"kind": str(kind), "title": t.name("facilities", str(kind)), "name": facility_name(str(kind), str(name), t),
         "x": round(float(x - x0), 1), "y": round(float(y - y0), 1)}
        for kind, name, x, y in zip(f.kind, f.name, f.x, f.y, strict=True)
    ]  # fmt: skip


def _areas(city: City, lang: str) -> list[dict[str, Any]]:
    """Return names of streets (or of communities where there is one street at most) and where they are."""
    areas = city.areas
    level = 2 if len(areas.rows(2)) > 1 else 1
    rows, (x0, y0) = areas.rows(level), origin_of(city)
    return [
        {"name": area_name(areas, int(r), lang), "x": round(float(areas.x[r] - x0), 1),
         "y": round(float(areas.y[r] - y0), 1)}
        for r in rows
    ]  # fmt: skip


def window(replay: Replay, number: int) -> bytes:
    """Return a window as one packed block; times are float32 minutes from its start, never is infinity."""
    return packed_window(replay.window(number), origin_of(replay.city))


def packed_window(w: Window, origin: tuple[float, float] = (0.0, 0.0)) -> bytes:
    """Pack a window; places are float32 metres from ``origin``."""
    s, c, e, v = w.segments, w.cases, w.incidents, w.events
    head = {"number": w.number, "start_min": w.start_min, "end_min": w.end_min}
    counts = np.array([len(way.nodes) for way in w.ways], np.int32)
    arrays: dict[str, NDArray] = {
        "s_staff": s["staff"], "s_activity": s["activity"], "s_place": s["place"], "s_to": s["to_place"],
        "s_case": s["case"], "s_lights": s["lights"], "s_way": w.way,
        "w_first": np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        "w_node": _joined([way.nodes for way in w.ways], np.int32),
        "w_share": _joined([way.share for way in w.ways], np.float32),
        "w_open": np.array([way.open_roads for way in w.ways], np.uint8),
        "c_case": c["case"], "c_place": c["place"],
        "c_x": _metres(c["x_m"], origin[0]), "c_y": _metres(c["y_m"], origin[1]), "c_type": c["type"],
        "c_severity": c["severity"],
        "c_department": c["department"], "c_level": c["level"], "c_emergency": c["emergency"],
        "c_outcome": c["outcome"],
        "i_incident": e["incident"], "i_x": _metres(e["x_m"], origin[0]), "i_y": _metres(e["y_m"], origin[1]),
        "i_type": e["type"],
        "v_kind": v["kind"], "v_case": v["case"], "v_incident": v["incident"], "v_type": v["type"],
        "v_staff": v["staff"], "v_value": v["value"],
    }  # fmt: skip
    timed = (
        ("s_", s, ("start", "depart", "near", "until")),
        ("c_", c, ("occurred", "reported", "assigned", "arrived", "whistle", "whistled", "closed", "resolved")),
        ("i_", e, ("occurred", "known", "ended")),
        ("v_", v, ("time",)),
    )
    for prefix, rows, names in timed:
        for name in names:
            arrays[f"{prefix}{name}"] = _relative(rows[f"{name}_min"], w.start_min)
    return packed(head, arrays)


def _relative(times: NDArray[np.float64], start_min: float) -> NDArray[np.float32]:
    away = np.where(times >= NEVER / 10, np.inf, times)
    return (away - start_min).astype(np.float32)


def _metres(values: NDArray[np.float64], origin: float) -> NDArray[np.float32]:
    return (values - origin).astype(np.float32)


def _joined(parts: list[NDArray], kind: type) -> NDArray:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, kind)
