"""Whether the names in a model's parts fit together: departments, posts, shifts, channels, types, profiles.

Each part has checked its own form before (pydantic); here every name that one part uses of another must exist, and
the limits of the engine's bit masks must hold. What a name means is not known here.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from sim.cases.catalogue import ARCHETYPES, LEVELS, CaseType
from sim.city.facilities import KINDS
from sim.city.spec import ReadSpec, SyntheticSpec
from sim.errors import InputError
from sim.policies.rule_texts import check_rule_name
from sim.register import entry_of, values
from sim.spec import ModelSpec

MAX_CAPABILITIES = 32
MAX_DEPARTMENTS = 60
MAX_SWEEPS = 64
SWEEP_CHANNEL = "sweep"
FLAT = "flat"
_WEIGHTS = {"hours": 24, "weekdays": 7, "months": 12}


def check_spec(spec: ModelSpec) -> None:
    """Raise when parts of a model name something that does not exist.

    Parameters
    ----------
    spec
        A model whose parts are well formed.

    Raises
    ------
    InputError
        At the first name that does not exist, with the dotted field, what was found and the nearest known names;
        also when there are more than 32 capabilities or 60 departments, when a post or department bears a level's
        name or both mean different staff, and when nobody can do or close what a type asks for.
    """
    _limits(spec)
    _departments(spec)
    _posts(spec)
    _channels(spec)
    _ladder(spec.ladder, "ladder", spec)
    for name, kind in spec.types.items():
        _type(name, kind, spec)
    _sweeps(spec)
    _rest(spec)
    _rules(spec)
    _parameters(spec)


def _known(name: str, known: Collection[str], field: str, what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=4, cutoff=0.55)
        raise InputError(f"unknown {what}", field=field, found=name, allowed=near or sorted(known) or "none exist")


def capabilities(spec: ModelSpec) -> tuple[str, ...]:
    """Return all capabilities that posts have or stages ask for, sorted: the bits of the engine's masks."""
    found = {name for post in spec.posts.values() for name in post.capabilities}
    found |= {stage.capability for kind in spec.types.values() for stage in kind.stages if stage.capability}
    return tuple(sorted(found))


def _limits(spec: ModelSpec) -> None:
    found = len(capabilities(spec))
    if found > MAX_CAPABILITIES:
        raise InputError("too many capabilities", field="posts", found=found, allowed=f"at most {MAX_CAPABILITIES}")
    if len(spec.departments) > MAX_DEPARTMENTS:
        found = len(spec.departments)
        raise InputError("too many departments", field="departments", found=found, allowed=f"at most {MAX_DEPARTMENTS}")
    for section, names in (("departments", spec.departments), ("posts", spec.posts)):
        for name in names:
            if name in LEVELS or name == "holder":
                raise InputError("this name is reserved", field=f"{section}.{name}", found=name)


def _departments(spec: ModelSpec) -> None:
    for name, part in spec.departments.items():
        _known(part.post, spec.posts, f"departments.{name}.post", "post")
        if name in spec.posts and part.post != name:
            raise InputError(
                "a department and a post share a name but mean different staff", field=f"departments.{name}.post",
                found=part.post, allowed=name,
            )  # fmt: skip
        for kind in part.duty_types:
            _known(kind, spec.types, f"departments.{name}.duty_types", "type")


def _posts(spec: ModelSpec) -> None:
    for name, post in spec.posts.items():
        field = f"posts.{name}"
        for shift in post.teams or [post.shift]:
            _known(shift, spec.shifts, f"{field}.teams" if post.teams else f"{field}.shift", "shift")
        if post.department is not None:
            _known(post.department, spec.departments, f"{field}.department", "department")
        if post.per not in LEVELS and not (post.per.startswith("facility:") and len(post.per) > len("facility:")):
            raise InputError("a post stands in areas of a level or at facilities", field=f"{field}.per",
                             found=post.per, allowed=[*LEVELS, "facility:<kind>"])  # fmt: skip


def _channels(spec: ModelSpec) -> None:
    for name, channel in spec.channels.items():
        if channel.operators is not None:
            _known(channel.operators, spec.posts, f"channels.{name}.operators", "post")


def _ladder(ladder: dict, field: str, spec: ModelSpec) -> None:
    for level, post in ladder.items():
        _known(post, spec.posts, f"{field}.{level}", "post")


def _type(name: str, kind: CaseType, spec: ModelSpec) -> None:
    field = f"types.{name}"
    for key in ("needs", "believed_needs"):
        for department in getattr(kind, key):
            _known(department, spec.departments, f"{field}.{key}", "department")
    if kind.department is not None:
        _known(kind.department, spec.departments, f"{field}.department", "department")
    elif kind.closes_at is None:
        raise InputError("only its department may close this type, but it names none", field=f"{field}.closes_at",
                         allowed="a level, or a 'department'")  # fmt: skip
    for channel in kind.report:
        _known(channel, spec.channels, f"{field}.report", "channel")
    for other in kind.seems.as_types:
        _known(other, spec.types, f"{field}.seems.as_types", "type")
    if name in kind.seems.as_types:
        raise InputError("a type is not mistaken for itself", field=f"{field}.seems.as_types", found=name,
                         allowed="other types")  # fmt: skip
    if kind.seems.misjudged > 0 and not kind.seems.as_types:
        raise InputError("misjudged as what?", field=f"{field}.seems.as_types", allowed="at least one type")
    _ladder(kind.ladder, f"{field}.ladder", spec)
    _start(kind, field, spec)
    _profiles(kind, field, spec)
    for stage_field, problem in _stage_problems(kind, field, spec):
        raise InputError(problem[0], field=stage_field, found=problem[1], allowed=problem[2])


def _start(kind: CaseType, field: str, spec: ModelSpec) -> None:
    if kind.start in spec.departments:
        return
    _known(kind.start, [*LEVELS, *spec.departments], f"{field}.start", "level or department")
    held = {*spec.ladder, *kind.ladder}
    if held and kind.kind != "enquiry" and kind.start not in held:
        raise InputError("no post of the ladder holds cases at this level", field=f"{field}.start", found=kind.start,
                         allowed=sorted(held))  # fmt: skip


def _profiles(kind: CaseType, field: str, spec: ModelSpec) -> None:
    for key, length in _WEIGHTS.items():
        profile = getattr(kind, key)
        if not isinstance(profile, str) or profile == FLAT:
            continue
        _known(profile, [FLAT, *spec.profiles], f"{field}.{key}", "profile")
        if len(spec.profiles[profile]) != length:
            raise InputError(f"a profile of {key} has {length} weights", field=f"profiles.{profile}",
                             found=f"{len(spec.profiles[profile])} weights", allowed=f"{length} weights")  # fmt: skip


def _stage_problems(kind: CaseType, field: str, spec: ModelSpec) -> Iterator[tuple[str, tuple[str, object, object]]]:
    """Yield what is wrong with the stages: unknown staff, unknown place, a capability that the staff lack."""
    places = {"scene", "desk", *KINDS, *(p.per.split(":", 1)[1] for p in spec.posts.values() if ":" in p.per)}
    for stage in kind.stages:
        at = f"{field}.stages.{stage.name}"
        if stage.where not in places:
            yield f"{at}.where", ("unknown kind of place", stage.where, sorted(places))
        if stage.who != "holder" and stage.who not in spec.posts and stage.who not in spec.departments:
            near = difflib.get_close_matches(stage.who, [*spec.posts, *spec.departments], n=4, cutoff=0.55)
            yield f"{at}.who", ("unknown post or department", stage.who, ["holder", *near])
            continue
        if stage.capability is None or not spec.posts:
            continue
        for post in _workers(kind, stage.who, spec):
            if stage.capability not in spec.posts[post].capabilities:
                able = sorted(n for n, p in spec.posts.items() if stage.capability in p.capabilities)
                yield f"{at}.capability", (f"the post '{post}' lacks it", stage.capability, able or "nobody has it")


def _workers(kind: CaseType, who: str, spec: ModelSpec) -> set[str]:
    """Return the posts that may come to do a stage: its own, or everybody who may hold the case."""
    if who in spec.posts:
        return {who}
    if who in spec.departments:
        return {spec.departments[who].post}
    if kind.start in spec.departments:
        return {spec.departments[kind.start].post}
    ladder = {**spec.ladder, **kind.ladder}
    return {ladder[level] for level in LEVELS[LEVELS.index(kind.start) :] if level in ladder}  # type: ignore[index, arg-type]


def _sweeps(spec: ModelSpec) -> None:
    if len(spec.sweeps) > MAX_SWEEPS:
        raise InputError("too many sweeps", field="sweeps", found=len(spec.sweeps), allowed=f"at most {MAX_SWEEPS}")
    names = [sweep.name for sweep in spec.sweeps]
    for k, sweep in enumerate(spec.sweeps):
        field = f"sweeps.{k}"
        if names.index(sweep.name) < k:
            raise InputError("two sweeps have one name", field=f"{field}.name", found=sweep.name, allowed="each once")
        _known(sweep.post, spec.posts, f"{field}.post", "post")
        for name in sweep.types:
            _known(name, spec.types, f"{field}.types", "type")
            if spec.types[name].kind in ("enquiry", "bare"):
                raise InputError("this cannot be found by a sweep", field=f"{field}.types", found=name,
                                 allowed="types that are trouble: no enquiries, no bare types")  # fmt: skip
        if sweep.start_day >= spec.horizon_days:
            raise InputError("the sweep begins after the end", field=f"{field}.start_day", found=sweep.start_day,
                             allowed=f"below {spec.horizon_days:g}")  # fmt: skip
    if spec.sweeps:
        _known(SWEEP_CHANNEL, spec.channels, "channels", "channel, by which finds of sweeps are reported")


def _rest(spec: ModelSpec) -> None:
    for name, weights in spec.profiles.items():
        if len(weights) not in _WEIGHTS.values() or min(weights) < 0 or sum(weights) <= 0:
            raise InputError("a profile has 24, 7 or 12 weights of at least 0 that are not all 0",
                             field=f"profiles.{name}", found=f"{len(weights)} weights")  # fmt: skip
    for name, weights in spec.type_place_rates.items():
        _known(name, spec.types, "type_place_rates", "type")
        _weights(weights, f"type_place_rates.{name}")
    if spec.demand_weights is not None:
        _weights(spec.demand_weights, "demand_weights")
    names = [closure.name for closure in spec.closures]
    for k, closure in enumerate(spec.closures):
        if closure.name in names[:k]:
            raise InputError("two closures have one name", field=f"closures.{k}.name", found=closure.name,
                             allowed="each once")  # fmt: skip
        if closure.from_min >= spec.horizon_days * 1440.0:
            raise InputError("the closure begins after the end", field=f"closures.{k}.from_min", found=closure.from_min,
                             allowed=f"below {spec.horizon_days * 1440.0:g} (minutes; horizon_days)")  # fmt: skip
    for k, told in enumerate(spec.script):
        _known(told.type, spec.types, f"script.{k}.type", "type")
        if told.channel is not None:
            _known(told.channel, spec.channels, f"script.{k}.channel", "channel")
        for department in told.needs or []:
            _known(department, spec.departments, f"script.{k}.needs", "department")


def _weights(weights: list[float], field: str) -> None:
    """Raise for weights that say nowhere."""
    if not weights or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise InputError("weights of places that nothing can be spread by", field=field,
                         found=f"{len(weights)} weights of sum {sum(weights):g}",
                         allowed="numbers of at least 0 that are not all 0")  # fmt: skip


def _rules(spec: ModelSpec) -> None:
    for hook, name in spec.rules.model_dump().items():
        check_rule_name(hook, name)


def _parameters(spec: ModelSpec) -> None:
    """Raise for a parameter that is not known or not possible, and for one that would change nothing here."""
    values(spec.parameters)
    for name in spec.parameters:
        if entry_of(name).scope == "city":
            raise InputError(
                "this is read while a city is built, so it changes nothing under 'parameters'",
                field=f"parameters.{name}", found=spec.parameters[name], allowed=_in_city(name.removeprefix("city.")),
            )  # fmt: skip
        kind = name.split(".")[1]
        if name.startswith("type.") and kind not in spec.types:
            near = difflib.get_close_matches(kind, spec.types, n=4) or sorted(spec.types)[:8]
            raise InputError("this model has no such type", field=f"parameters.{name}", found=kind, allowed=near)
    for name in spec.provenance:
        if name not in spec.parameters:
            raise InputError("where a value comes from is told of parameters that are set", field=f"provenance.{name}",
                             found=name, allowed=sorted(spec.parameters) or "none under 'parameters'")  # fmt: skip


def _in_city(name: str) -> str:
    """Return where a number of the city's making can be written."""
    for field, form in SyntheticSpec.model_fields.items():
        stem, _, archetype = name.rpartition("_")
        if name == field or (stem in (field, field.removesuffix("s")) and archetype in ARCHETYPES):
            where = f"city.synthetic.{field}" if name == field else f"city.synthetic.{field}: {{{archetype}: ...}}"
            also = " or city.read." + field if field in ReadSpec.model_fields else ""
            return f"{where}{also} in the scenario, when the city is built" if form else where
    return "nothing here: the builder takes the register's value, and a built city keeps what it has"
