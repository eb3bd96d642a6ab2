"""Which coordinate system a GeoTIFF names: its geo keys as a text that ``sim.city.crs`` understands.

Codes of EPSG and well-known text kept in a citation are read. A system of the writer's own, put together from single
keys, is refused, except plain degrees. What a system is, and where coordinates lie in it, is asked there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sim.errors import InputError

_MODEL, _CITATION, _GEOGRAPHIC, _GEO_CITATION, _MERIDIAN, _ANGLE, _PROJECTED, _PLANE_CITATION = (
    1024, 1026, 2048, 2049, 2051, 2054, 3072, 3073,
)  # fmt: skip
_PLANE, _DEGREES, _OWN = 1, 2, 32767
_GREENWICH, _DEGREE = 8901, 9102
_TEXT = re.compile(r"(?:PROJCS|PROJCRS|GEOGCS|GEOGCRS|GEODCRS|COMPD_CS|COMPOUNDCRS)\[.*\]", re.DOTALL)


def system_of(tags: Mapping[str, Any], name: str) -> str | None:
    """Return the coordinate system of a raster.

    Parameters
    ----------
    tags
        The TIFF tags by name.
    name
        The file, for messages.

    Returns
    -------
    str or None
        A code, well-known text, or ``EPSG:4326`` for degrees of an unnamed datum; None when nothing is named.

    Raises
    ------
    InputError
        A system put together from single keys, or one that is neither of degrees nor of a plane.
    """
    keys = _keys(tags)
    if not keys.keys() & {_MODEL, _GEOGRAPHIC, _PROJECTED}:
        return None
    plane = keys.get(_MODEL, _PLANE if _PROJECTED in keys else _DEGREES)
    code = keys.get({_PLANE: _PROJECTED, _DEGREES: _GEOGRAPHIC}.get(plane, 0))
    if isinstance(code, int) and 1024 <= code < _OWN:
        return f"EPSG:{code}"
    for citation in (_PLANE_CITATION, _GEO_CITATION, _CITATION):
        if found := _TEXT.search(str(keys.get(citation, ""))):
            return found[0]
    plain = keys.get(_ANGLE, _DEGREE) == _DEGREE and keys.get(_MERIDIAN, _GREENWICH) == _GREENWICH
    if plane == _DEGREES and plain:
        return "EPSG:4326"
    said = str(keys.get(_PLANE_CITATION) or keys.get(_CITATION) or keys.get(_GEO_CITATION) or "").strip("| ")
    raise InputError(
        "the raster's coordinate system is named by no code", file=name, field="GeoKeyDirectoryTag",
        found=said[:80] or f"model type {plane}", allowed="an EPSG code or well-known text",
    )  # fmt: skip


def _keys(tags: Mapping[str, Any]) -> dict[int, Any]:
    """Return key -> number or text; keys that point outside of their tag are left out."""
    directory = [int(one) for one in _listed(tags.get("GeoKeyDirectoryTag"))]
    numbers, text = _listed(tags.get("GeoDoubleParamsTag")), str(tags.get("GeoAsciiParamsTag") or "")
    found: dict[int, Any] = {}
    for at in range(4, len(directory) - 3, 4):
        key, place, count, value = directory[at : at + 4]
        if place == 0:
            found[key] = value
        elif place == 34737:
            found[key] = text[value : value + count].rstrip("|\0")
        elif place == 34736 and value < len(numbers):
            found[key] = numbers[value]
    return found


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) or hasattr(value, "tolist") else []
