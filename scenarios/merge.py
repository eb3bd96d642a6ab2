"""Laying one scenario text over another: how `extends`, policies and the shipped base combine.

Mappings merge by key, lists and plain values replace, ``null`` removes what the lower layer has. Origins go
along, so that a mistake is reported in the file that wrote it. Nothing here knows what the fields mean,
apart from three things: a probability law of another name replaces a law instead of mixing with it, another way to get
a city replaces a city, and ``null`` is a value for the few fields where it says something else than "leave it at the
default".
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from scenarios.yaml_lines import FieldPath, Origin, Tree

Origins = dict[FieldPath, Origin]
_ENCODE = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
LAW_NAMES = frozenset(
    [
        "constant",
        "exponential",
        "lognormal",
        "weibull",
        "gamma",
        "erlang",
        "uniform",
        "triangular",
        "hyperexponential",
        "mixture",
    ]
)
CITY_WAYS = frozenset(["synthetic", "path", "read", "bare"])
NULL_IS_A_VALUE = frozenset({"closes_at"})  # null there means "only its department", not "the default"


def merge(base: Tree, over: Tree) -> Tree:
    """Return `over` laid over `base`; neither is changed."""
    origins = dict(base.origins)
    data = _merge_mapping(base.data, over.data, (), origins, over.origins)
    if () in over.origins:
        origins[()] = over.origins[()]
    return Tree(data, origins)


def merge_scenarios(parent: Tree, child: Tree) -> Tree:
    """Return a scenario's text laid over its parent's.

    A child that adds policies and says no arms of its own is compared with what it adds: the arms are the parent's,
    without those it removes, and then the added policies in their order.
    """
    made = merge(_without_other_city(parent, child), child)
    above, own = parent.data.get("experiment"), child.data.get("experiment")
    policies = child.data.get("policies")
    if "experiment" in child.data and not isinstance(own, dict):  # taken away, or no plan: the form says what it is
        return made
    said = isinstance(own, dict) and "arms" in own
    inherited = above.get("arms") if isinstance(above, dict) else None
    if said or not inherited or not isinstance(inherited, list) or not isinstance(policies, dict):
        return made
    known = parent.data.get("policies") or {}
    kept = [arm for arm in inherited if not (arm in policies and policies[arm] is None)]
    added = [name for name, policy in policies.items() if name not in known and policy is not None and name not in kept]
    arms = [*kept, *added]
    if arms == inherited:
        return made
    origins = {where: origin for where, origin in made.origins.items() if where[:2] != ("experiment", "arms")}
    origins[("experiment", "arms")] = child.origin(("policies",))  # type: ignore[assignment]
    return Tree({**made.data, "experiment": {**made.data["experiment"], "arms": arms}}, origins)


def _without_other_city(parent: Tree, child: Tree) -> Tree:
    """Return the parent without its city where the child gets one in another way: a city is replaced, never mixed."""
    own, above = child.data.get("city"), parent.data.get("city")
    if not isinstance(own, dict) or not isinstance(above, dict) or not own or not own.keys() <= CITY_WAYS:
        return parent
    if own.keys() & above.keys():
        return parent
    origins = {where: origin for where, origin in parent.origins.items() if where[:1] != ("city",)}
    return Tree({key: value for key, value in parent.data.items() if key != "city"}, origins)


def part(tree: Tree, path: FieldPath, keys: frozenset[str] | None = None) -> Tree:
    """Return the mapping at `path` as a tree of its own, only its `keys` when given; origins are kept."""
    data: Any = tree.data
    for step in path:
        data = data[step]
    chosen = {k: v for k, v in (data or {}).items() if keys is None or k in keys}
    depth = len(path)
    origins = {
        where[depth:]: origin
        for where, origin in tree.origins.items()
        if where[:depth] == path and (len(where) == depth or where[depth] in chosen)
    }
    return Tree(copy.deepcopy(chosen), origins)


def canonical(data: Any) -> str:
    """Return a text that is equal for equal contents: sorted keys, whole numbers without a fraction."""
    return _ENCODE(_plain(data))


def content_hash(data: Any) -> str:
    """SHA-256 (hex) of the canonical text."""
    return hashlib.sha256(canonical(data).encode()).hexdigest()


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(k): _plain(v) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(v) for v in data]
    if isinstance(data, float) and data.is_integer() and abs(data) < 2**53:
        return int(data)
    return data


def _merge_mapping(
    base: dict[str, Any],
    over: dict[str, Any],
    path: FieldPath,
    origins: Origins,
    over_origins: Origins,
) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        where = (*path, key)
        if value is None and key in base and key not in NULL_IS_A_VALUE:
            del out[key]
            _forget(base[key], where, origins)
        elif isinstance(value, dict) and isinstance(base.get(key), dict) and not _other_law(base[key], value):
            out[key] = _merge_mapping(base[key], value, where, origins, over_origins)
            if where in over_origins:
                origins[where] = over_origins[where]
        else:
            out[key] = copy.deepcopy(value)
            _forget(base.get(key), where, origins)
            _take(value, where, origins, over_origins)
    return out


def _other_law(base: dict[str, Any], over: dict[str, Any]) -> bool:
    both = (base, over)
    return all(len(d) == 1 and next(iter(d)) in LAW_NAMES for d in both) and base.keys() != over.keys()


def _paths(value: Any, where: FieldPath) -> Iterator[FieldPath]:
    """Yield the path of a value and of everything in it; cheaper than searching all origins for a prefix."""
    yield where
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*where, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*where, index))


def _forget(value: Any, where: FieldPath, origins: Origins) -> None:
    for known in _paths(value, where):
        origins.pop(known, None)


def _take(value: Any, where: FieldPath, origins: Origins, over: Origins) -> None:
    for known in _paths(value, where):
        if known in over:
            origins[known] = over[known]
