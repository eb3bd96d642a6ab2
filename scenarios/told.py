"""What is told of a scenario before it runs: values that change nothing, arms alike, numbers beyond what is plausible.

A told thing is an :class:`InputError` that is not raised: file, line, field and one sentence. Commands print it as a
warning, "Check and add" shows it, the manifest of the results keeps it. Only what stands in the user's own texts is
told, and only what no policy of the scenario reads. Mistakes are raised, here and where the form is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scenarios.base import CATALOGUE, DEFAULTS
from scenarios.idle import idle
from scenarios.parameters_read import Site, unread
from scenarios.ranges import range_of
from scenarios.schema import Scenario
from scenarios.yaml_lines import FieldPath, Origin, Tree, dotted
from sim import register
from sim.errors import InputError
from sim.policies.rule_texts import OPEN
from sim.spec import ModelSpec

_SHIPPED = {str(CATALOGUE), str(DEFAULTS)}
_WINDOWS = ("horizon_days", "warm_up_days", "cool_down_days", "calendar")
_CATALOGUE_FIELDS = {
    "rate_per_1000_year": (("rate_per_1000_year",), "rate"),
    "success_base": (("success", "base"), "success"),
    "repeat_share": (("repeat_share",), "success"),
}
"""Field of ``type.<name>.<field>`` -> where it stands in a type, and the group of its provenance."""


def told(
    scenario: Scenario,
    arms: Sequence[str] = (),
    used_types: frozenset[str] = frozenset(),
    asked_hooks: frozenset[str] = frozenset(),
) -> list[InputError]:
    """Return what is told of a scenario, in the order of its lines, each thing once.

    Parameters
    ----------
    scenario
        A scenario.
    arms
        The arms that are compared (default: the scenario's); arms alike are told of these.
    used_types
        Types that come about otherwise than by demand and script, as by an exercise.
    asked_hooks
        Hooks behind which people decide, who may do what no rule here does.

    Raises
    ------
    InputError
        For every mistake that reading the arms shows.
    """
    names = list(dict.fromkeys([*(arms or scenario.arms), *scenario.arms, *scenario.policies]))
    trees = {name: scenario.tree(name) for name in names}
    specs = {name: _opened(scenario.spec(name), asked_hooks) for name in names}
    site = Site.of(scenario.city)
    found = [*_idle(trees, specs, site, used_types), *_implausible(trees, specs), *_stated_twice(trees, specs)]
    found += [*_windows(scenario, specs), *_alike(scenario, list(arms or scenario.arms), specs, site)]
    found += [*_sensitivity(scenario, specs, site), *_city(scenario)]
    seen: dict[str, InputError] = {}
    for one in found:
        seen.setdefault(one.sentence(), one)
    return sorted(seen.values(), key=lambda one: (str(one.file), one.line or 0))


def _opened(spec: ModelSpec, hooks: frozenset[str]) -> ModelSpec:
    """Return a model whose rules behind some hooks are people."""
    return (
        spec.model_copy(update={"rules": spec.rules.model_copy(update=dict.fromkeys(hooks, OPEN))}) if hooks else spec
    )


def _written(tree: Tree, path: FieldPath) -> tuple[Origin | None, Any]:
    """Return where a user wrote a field and what; no origin when nobody did, or only the shipped base."""
    value: Any = tree.data
    for step in path:
        inside = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not inside and not (isinstance(value, dict) and step in value):
            return None, None
        value = value[step]
    file, line = tree.origin(path)
    return (None if file is None or file in _SHIPPED else (file, line or 0)), value


def _notice(problem: str, path: FieldPath, origin: Origin, found: Any = None, allowed: Any = None) -> InputError:
    shown = None if isinstance(found, dict | list) else found
    return InputError(problem, file=origin[0], line=origin[1], field=dotted(path), found=shown, allowed=allowed)


def _idle(
    trees: dict[str, Tree], specs: dict[str, ModelSpec], site: Site, used_types: frozenset[str]
) -> Iterator[InputError]:
    """Yield what changes nothing in any arm that has it from the same line."""
    by_arm = {name: dict(idle(spec, site, used_types)) for name, spec in specs.items()}
    for name, found in by_arm.items():
        for path, why in found.items():
            origin, value = _written(trees[name], path)
            if origin is None or _is_default(value):
                continue
            others = [other for other in trees if _written(trees[other], path) == (origin, value)]
            if all(path in by_arm[other] for other in others):
                yield _notice(f"this changes nothing here: {why}", path, origin, value)


def _is_default(value: Any) -> bool:
    """Return True for what says that nothing is wanted, such as an empty list, false, 0."""
    return value is None or value is False or value == 0 or value == {} or value == []


def _implausible(trees: dict[str, Tree], specs: dict[str, ModelSpec]) -> Iterator[InputError]:
    for name, spec in specs.items():
        for entry in register.implausible(spec.parameters):
            origin, value = _written(trees[name], ("parameters", entry.name))
            if origin is not None and entry.name not in spec.provenance:
                yield _beyond(entry, ("parameters", entry.name), origin, value, f"provenance: {{{entry.name}: ...}}")
        for kind in spec.types:
            yield from _implausible_type(kind, trees[name])


def _implausible_type(kind: str, tree: Tree) -> Iterator[InputError]:
    for field, (where, group) in _CATALOGUE_FIELDS.items():
        entry = register.catalogue_entries().get(f"type.{kind}.{field}")
        path = ("types", kind, *where)
        origin, value = _written(tree, path)
        if entry is None or origin is None or not isinstance(value, int | float) or entry.is_plausible(value):
            continue
        if _written(tree, ("types", kind, "provenance", group))[0] is None:
            yield _beyond(entry, path, origin, value, f"types.{kind}.provenance: {{{group}: ...}}")


def _beyond(entry: register.Entry, path: FieldPath, origin: Origin, value: Any, where: str) -> InputError:
    return beyond(
        entry, value, dotted(path), file=origin[0], line=origin[1],
        allowed=f"the same, and its source under '{where}' to say that it is meant",
    )  # fmt: skip


def beyond(
    entry: register.Entry,
    found: Any,
    field: str,
    *,
    file: str | None = None,
    line: int | None = None,
    allowed: str | None = None,
) -> InputError:
    """Return what is told of a value outside the plausible range of its parameter."""
    return InputError(
        f"the value lies outside the plausible range of {entry.low:g} to {entry.high:g} ({entry.unit}) and is taken",
        file=file, line=line, field=field, found=found, allowed=allowed,
    )  # fmt: skip


def _stated_twice(trees: dict[str, Tree], specs: dict[str, ModelSpec]) -> Iterator[InputError]:
    """Yield numbers of types that the parameter of the same meaning overrides."""
    for name, spec in specs.items():
        for parameter in spec.parameters:
            if not parameter.startswith("type."):
                continue
            kind, _, field = parameter.removeprefix("type.").rpartition(".")
            if field not in _CATALOGUE_FIELDS:
                continue
            path = ("types", kind, *_CATALOGUE_FIELDS[field][0])
            origin, value = _written(trees[name], path)
            if origin is not None:
                yield _notice(
                    f"this changes nothing here: 'parameters' set '{parameter}', which holds", path, origin, value
                )


def _windows(scenario: Scenario, specs: dict[str, ModelSpec]) -> Iterator[InputError]:
    """Yield policies that are measured over other days than the baseline: a comparison of unlike things."""
    base = specs[scenario.arms[0]]
    for name, spec in specs.items():
        for field in _WINDOWS:
            if getattr(spec, field) != getattr(base, field):
                origin = scenario._tree.origin(("policies", name, field))
                yield InputError(
                    "this policy is measured over other days than the baseline: differences are not the policy's alone",
                    file=origin[0], line=origin[1], field=f"policies.{name}.{field}",
                )  # fmt: skip


def _alike(scenario: Scenario, arms: list[str], specs: dict[str, ModelSpec], site: Site) -> Iterator[InputError]:
    """Yield arms whose models are equal in all that is read."""
    known: list[tuple[str, ModelSpec]] = []
    for arm in arms:
        mine = _effective(specs[arm], site)
        same = next((name for name, other in known if other == mine), None)
        known.append((arm, mine))
        if same is not None:
            file, line = scenario._tree.origin(("policies", arm))
            yield InputError(
                f"policy '{arm}' changes nothing that this scenario reads: its runs are those of '{same}'",
                file=file, line=line, field=f"policies.{arm}" if arm in scenario.policies else None,
            )  # fmt: skip


def _effective(spec: ModelSpec, site: Site) -> ModelSpec:
    """Return a model without texts, unread parameters and values equal to the register's."""
    read = {
        name: value
        for name, value in spec.parameters.items()
        if value != register.entry_of(name).default or name.startswith("type.")
    }
    read = {name: value for name, value in read.items() if unread(name, spec, site) is None}
    bare: dict[str, Any] = {"parameters": read, "provenance": {}}
    for section in ("types", "departments", "posts", "channels", "whistles"):
        made = {}
        for name, one in getattr(spec, section).items():
            made[name] = one.model_copy(update={"title": None, "provenance": {}})
        bare[section] = made
    bare["sweeps"] = [one.model_copy(update={"provenance": {}}) for one in spec.sweeps]
    return spec.model_copy(update=bare)


def _sensitivity(scenario: Scenario, specs: dict[str, ModelSpec], site: Site) -> Iterator[InputError]:
    for index, text in enumerate(scenario.experiment.sensitivity):
        path = ("experiment", "sensitivity", index)
        file, line = scenario._tree.origin(path)
        span = range_of(text, dotted(path))
        if not span.is_plausible:
            yield beyond(span.entry, text, dotted(path), file=file, line=line)
        whys = [unread(span.entry.name, specs[arm], site) for arm in specs]
        if whys and all(why is not None for why in whys):
            yield InputError(
                f"varying this changes nothing: {whys[0]}", file=file, line=line, field=dotted(path), found=text
            )


def _city(scenario: Scenario) -> Iterator[InputError]:
    """Yield fields of the city section that the way the city is made does not read."""
    for way, given in scenario.city.items():
        if not isinstance(given, dict):
            continue
        for field, why in _unread_of_city(way, given).items():
            if given.get(field) is not None:
                path = ("city", way, field)
                file, line = scenario._tree.origin(path)
                value = given[field]
                shown = None if isinstance(value, dict | list) else value
                yield InputError(
                    f"this changes nothing here: {why}", file=file, line=line, field=dotted(path), found=shown
                )


def _unread_of_city(way: str, given: dict[str, Any]) -> dict[str, str]:
    out: dict[str, str] = {}
    if way == "bare":
        if given.get("travel_min") is not None:
            out |= dict.fromkeys(("metric", "speed_kmh"), "'travel_min' says how long travel takes")
        elif given.get("metric") == "none":
            out["speed_kmh"] = "with metric 'none' nobody travels"
    if way == "read":
        if given.get("format") != "vertices_edges":
            out |= dict.fromkeys(("speed_kmh", "length_unit"), "only the format vertices_edges reads it")
        if given.get("format") != "jemss":
            out["raster_unit"] = "only the format jemss has a population raster"
    if way in ("synthetic", "read") and given.get("admin_tree") is not None:
        fields = ("grids_per_community", "communities_per_street", "streets_per_district")
        out |= dict.fromkeys(fields, "'admin_tree' says which areas there are")
    return out
