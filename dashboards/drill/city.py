"""What the map of every seat is drawn from: roads, names of areas, looks of posts. The same for every role."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.replay.pack import packed
from dashboards.replay.scene import origin_of, segments
from scenarios.drill import Ground
from sim.city.city import City


def packed_city(ground: Ground) -> bytes:
    """Return nodes and segments of the roads as one compressed block; coordinates are metres from ``origin``."""
    city = ground.city
    x0, y0 = origin_of(city)
    start, end, kind, _ = segments(city.roads)
    arrays: dict[str, NDArray] = {
        "x": (city.roads.x - x0).astype(np.float32),
        "y": (city.roads.y - y0).astype(np.float32),
        "from": start.astype(np.int32),
        "to": end.astype(np.int32),
        "class": kind,
    }
    head: dict[str, Any] = {"origin": (x0, y0), "areas": _areas(city, x0, y0), "posts": _posts(ground)}
    return gzip.compress(packed(head, arrays), 6, mtime=0)


def _areas(city: City, x0: float, y0: float) -> list[dict[str, Any]]:
    """Return streets, or communities where there is one street at most, and where they are."""
    areas = city.areas
    rows = areas.rows(2 if len(areas.rows(2)) > 1 else 1)
    return [
        {"name": {"en": str(areas.name[r]), "zh": str(areas.name_zh[r])}, "x": round(float(areas.x[r] - x0), 1),
         "y": round(float(areas.y[r] - y0), 1)}
        for r in rows
    ]  # fmt: skip


def _posts(ground: Ground) -> list[dict[str, Any]]:
    return [
        {"name": name, "kind": post.kind, "department": post.department,
         "title": {"en": post.title.en, "zh": post.title.zh}}
        for name, post in ground.arm.spec.posts.items()
    ]  # fmt: skip


def choices(ground: Ground) -> dict[str, Any]:
    """Return what a controller may choose from for an inject of its own: case types and posts."""
    types = [
        {"name": name, "title": {"en": one.title.en, "zh": one.title.zh}}
        for name, one in ground.arm.spec.types.items()
        if one.kind not in ("enquiry", "service")
    ]
    posts = [p for p in _posts(ground) if p["kind"] != "operator"]
    return {"types": types, "posts": posts}
