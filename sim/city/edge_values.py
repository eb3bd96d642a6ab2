"""What the attributes of an edge say: lengths and times that are lists, speeds in words, several classes of road.

Simplified graphs carry lists, often taken from a set whose order changes from download to download: nothing here
depends on it. Lengths and times are added up; several speeds, or several classes of road, give their mean.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.city.parameters import number

CLASSES: tuple[str, ...] = ("motorway", "trunk", "primary", "secondary", "tertiary", "residential", "service", "other")
"""Classes of road with a default speed ``city.road_speed_kmh_<class>``, the highest first."""

ABSENT = frozenset({"", "none", "nan", "null", "na", "n/a", "<na>"})
"""Words by which programs write that a value is not there (lower case)."""

_SPEED = re.compile(r"(\d+(?:\.\d+)?)\s*(mph|mp/h|knots?|kn|km/h|kmh|kph|kmph)?", re.IGNORECASE)
_KMH = {"mph": 1.609344, "mp/h": 1.609344, "knots": 1.852, "knot": 1.852, "kn": 1.852}
_NUMPY = re.compile(r"np\.\w+\(([^()]*)\)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def pieces(value: Any) -> list[str]:
    """Return the parts of a value: ``[1, 2]``, ``(1, 2)``, ``{1, 2}``, ``1;2``, ``1|2`` and lists; none when absent."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    if isinstance(value, list | tuple | set | frozenset):
        return [part for inner in value for part in pieces(inner) or ["nan"]]
    text = str(value).strip()
    if text.lower() in ABSENT:
        return []
    if text[0] + text[-1] in ("[]", "()", "{}"):
        return _listed(_NUMPY.sub(r"\1", text))
    if ";" in text or "|" in text:
        return [part.strip() for part in re.split(r"[;|]", text) if part.strip()]
    return [text]


def _listed(text: str) -> list[str]:
    try:
        inner = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        inner = [part.strip().strip("'\"") for part in text[1:-1].split(",") if part.strip()]
    return pieces(inner) if isinstance(inner, list | tuple | set) else [text]


def numeric(text: Any) -> float:
    """Return a plain number, or NaN; underscores, units and words are none."""
    word = str(text).strip()
    return float(word) if _NUMBER.fullmatch(word) else float("nan")


def total(value: Any) -> float:
    """Return the sum of the parts of a value; NaN when one is no number or there are none."""
    parts = pieces(value)
    return math.fsum(numeric(part) for part in parts) if parts else float("nan")


@dataclass(frozen=True)
class Speed:
    """A speed, km/h, and where it is from: "speed_kph", "maxspeed" or "class"; ``unread`` is a maxspeed left aside.

    ``unnamed`` is a class of road that has no speed of its own.
    """

    kmh: float
    origin: str
    several: bool = False
    unread: str = ""
    unnamed: str = ""


def speed_of(data: Mapping[str, Any]) -> Speed:
    """Return the speed of an edge: ``speed_kph``, else ``maxspeed``, else by the class of road."""
    own = pieces(data.get("speed_kph"))
    if own:
        return Speed(_mean([numeric(part) for part in own]), "speed_kph", len(own) > 1)
    limits = pieces(data.get("maxspeed"))
    read = [kmh for kmh in map(_limit_kmh, limits) if kmh > 0]
    unread = "" if len(read) == len(limits) else str(data.get("maxspeed"))
    if read:
        return Speed(_mean(read), "maxspeed", len(read) > 1, unread)
    kinds = classes(data)
    unnamed = next((kind for kind in kinds if _class(kind) == "other" and kind != "other"), "")
    kmh = _mean([class_kmh(kind) for kind in kinds] or [class_kmh("")])
    return Speed(kmh, "class", len(kinds) > 1, unread, unnamed)


def classes(data: Mapping[str, Any]) -> list[str]:
    """Return the classes of road of an edge, the highest first, each once."""
    found = {word.strip().lower() for part in pieces(data.get("highway")) for word in part.split(",")}
    return sorted(found - {""}, key=lambda kind: (CLASSES.index(_class(kind)), kind))


def class_kmh(highway: str) -> float:
    """Return the register's speed of a class of road as OpenStreetMap names them."""
    return number(f"road_speed_kmh_{_class(highway)}")


def _class(highway: str) -> str:
    kind = highway.removesuffix("_link")
    kind = {"unclassified": "residential", "living_street": "service"}.get(kind, kind)
    return kind if kind in CLASSES else "other"


def _limit_kmh(text: str) -> float:
    match = _SPEED.fullmatch(text.strip())
    return float(match[1]) * _KMH.get((match[2] or "").lower(), 1.0) if match else float("nan")


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
