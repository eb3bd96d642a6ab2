"""The scenario of an exercise: found, laid over what it extends, and made long enough to hold the exercise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.drill.form import Exercise
from scenarios.forecast import affordable, forecast, upload
from scenarios.library import load, locate, rooted
from scenarios.merge import merge_scenarios, part
from scenarios.schema import Scenario
from scenarios.yaml_lines import Tree
from sim.errors import InputError

MAX_UPLOAD_RESIDENTS = 200_000


def scenario_of(exercise: Exercise, tree: Tree, folder: Path, only_library: bool) -> Scenario:
    """Lay the exercise's scenario over what it extends, and make it long enough."""
    given = exercise.scenario
    if isinstance(given, str):
        return _lengthened(load(_found(given, folder, tree, ("scenario",), only_library)), exercise)
    if not isinstance(given, dict):
        file, line = tree.origin(("scenario",))
        raise InputError("not a scenario", file=file, line=line, field="scenario", found=given,
                         allowed="a name, a path, or sections with 'extends'")  # fmt: skip
    own = part(tree, ("scenario",))
    own.origins.setdefault((), tree.origin(("scenario",)))  # type: ignore[arg-type]
    own.data.setdefault("name", exercise.name)
    own.data.setdefault("title", exercise.title.model_dump())
    parent = own.data.pop("extends", None)
    if parent is not None:
        above = load(_found(str(parent), folder, tree, ("scenario", "extends"), only_library))
        base = Tree({**above.content, "city": rooted(above.city, above.folder)}, dict(above._tree.origins))
        if "city" in own.data:
            del base.data["city"]
        own = merge_scenarios(base, own)
    made = Scenario.from_tree(own, folder)
    if only_library:
        _check_upload(made, tree, "city" in given)
    made = _lengthened(made, exercise)
    if only_library:
        affordable(forecast(made, made.arms[:1]), upload(), made)
    return made


def _check_upload(scenario: Scenario, tree: Tree, own_city: bool) -> None:
    """Refuse what somebody who only sends a text must not do: name files, name code, ask for a giant city.

    Raises
    ------
    InputError
        With file and line.
    """

    def refused(problem: str, path: tuple[str, ...], found: object, allowed: object) -> InputError:
        file, line = tree.origin(("scenario", *path))
        field = ".".join(("scenario", *path))
        return InputError(problem, file=file, line=line, field=field, found=found, allowed=allowed)

    city = scenario.city_spec()  # the checked section: a number may be written in ways that the text's own form hides
    drawn = city.synthetic
    if own_city and (city.path is not None or city.read is not None or (drawn and drawn.admin_tree is not None)):
        raise refused("an uploaded exercise cannot name files", ("city",), list(scenario.city),
                      "synthetic without admin_tree")  # fmt: skip
    if own_city and drawn is not None and drawn.residents > MAX_UPLOAD_RESIDENTS:
        raise refused("the city of an uploaded exercise is too large", ("city", "synthetic", "residents"),
                      drawn.residents, f"at most {MAX_UPLOAD_RESIDENTS:,}")  # fmt: skip
    sections: dict[tuple[str, ...], dict[str, Any] | None] = {("rules",): scenario.rules}
    sections |= {("policies", name, "rules"): policy.rules for name, policy in scenario.policies.items()}
    for path, rules in sections.items():
        for hook, rule in (rules or {}).items():
            if ":" in str(rule):
                raise refused("an uploaded exercise cannot name code", (*path, hook), rule, "a built-in rule")


def _lengthened(scenario: Scenario, exercise: Exercise) -> Scenario:
    """Return the scenario with a horizon that holds the exercise, and no windows of measurement."""
    days = int((exercise.start.scenario_min + exercise.length_min) // 1440.0) + 2
    return scenario.with_changes({"horizon_days": days, "warm_up_days": 0, "cool_down_days": 0}, "exercise")


def _found(text: str, folder: Path, tree: Tree, path: tuple[str, ...], only_library: bool) -> Path:
    from scenarios.library import names as scenario_names

    file, line = tree.origin(path)
    if only_library and text not in scenario_names():
        raise InputError("no shipped scenario of that name", file=file, line=line, field=".".join(path), found=text,
                         allowed=list(scenario_names()))  # fmt: skip
    try:
        return locate(text, folder)
    except InputError as error:
        raise InputError(error.problem, file=file, line=line, field=".".join(path), found=text,
                         allowed=error.allowed) from None  # fmt: skip
