"""The pages of the scenario form and of the commands, from the pydantic models and the Typer application.

Every field with its type, default and meaning stands in the models; every option in the command line. Nothing
is told here that they do not say, apart from the order and a sentence before each part.
"""

from __future__ import annotations

import re
import typing
from types import UnionType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


def form_page() -> str:
    """Return the fields of a scenario file, part by part."""
    from scenarios.schema import Plan, Policy, Precision, Scenario
    from sim.agents.posts import Post, Shift
    from sim.cases.catalogue import CaseType, Confusion, Deadlines, DepartmentPart, Stage, Success, Title
    from sim.city.spec import BareSpec, CitySpec, ReadSpec, SyntheticSpec
    from sim.institutions.parts import Calendar, Channel, Department, Sweep, Whistle
    from sim.spec import ModelSpec, Rules, Scripted

    own = set(Scenario.model_fields) - set(ModelSpec.model_fields)
    parts = [
        ("The file", "Beside these, a scenario and a policy hold any of the model sections below.", Scenario, own),
        ("`policies.<name>`", "Its texts, and any model sections.", Policy,
         {"title", "description", "version"}),
        ("`experiment`", "", Plan, None),
        ("`experiment.precision`", "", Precision, None),
        ("`city`", "Exactly one of these stands there.", CitySpec, None),
        ("`city.synthetic`", "", SyntheticSpec, None),
        ("`city.read`", "", ReadSpec, None),
        ("`city.bare`", "", BareSpec, None),
        ("Model sections", "", ModelSpec, None),
        ("`rules`", "See [rules](rules.md).", Rules, None),
        ("`types.<name>`", "", CaseType, None),
        ("`types.<name>.stages[]`", "", Stage, None),
        ("`types.<name>.part`", "", DepartmentPart, None),
        ("`types.<name>.success`", "", Success, None),
        ("`types.<name>.deadlines`", "", Deadlines, None),
        ("`types.<name>.seems`", "", Confusion, None),
        ("`posts.<name>`", "", Post, None),
        ("`shifts.<name>`", "", Shift, None),
        ("`departments.<name>`", "", Department, None),
        ("`channels.<name>`", "", Channel, None),
        ("`whistles.<name>`", "", Whistle, None),
        ("`calendar`", "", Calendar, None),
        ("`sweeps[]`", "", Sweep, None),
        ("`script[]`", "", Scripted, None),
        ("`title` and `description`", "", Title, None),
    ]  # fmt: skip
    return _FORM_HEAD + "\n".join(_section(*part) for part in parts) + _LAWS


_FORM_HEAD = """# The form of a scenario

One YAML file, checked before anything runs; a mistake is told in one sentence with file, line, field, what was found
and what is allowed. `extends:` lays the file over another: mappings merge by key, lists and plain values replace,
`null` removes what lies below. Under everything lie the shipped [catalogue](catalogue.md) and institutions, unless the
file says `bare: true`. A policy is laid over the scenario in the same way.

Times are minutes since the scenario's start unless the name carries another unit. `law` is a probability law, written
as at the end of this page.

"""

_LAWS = """
## Laws

A law is a number (a constant) or a mapping with one name. Its unit is that of the field.

| written | parameters |
|---|---|
| `30` | a constant |
| `{exponential: {mean: 30}}` | mean |
| `{lognormal: {median: 30, sigma: 0.8}}` | median, standard deviation of the logarithm |
| `{weibull: {shape: 2, mean: 30}}` | shape, mean |
| `{gamma: {shape: 2, mean: 30}}` | shape, mean |
| `{erlang: {k: 3, mean: 30}}` | phases, mean of the sum |
| `{uniform: {low: 10, high: 50}}` | ends |
| `{triangular: {low: 10, mode: 20, high: 50}}` | ends and mode |
| `{hyperexponential: {shares: [0.3, 0.7], means: [5, 60]}}` | a mixture of exponentials |
| `{mixture: [{share: 0.4, exponential: {mean: 5}}, {share: 0.6, erlang: {k: 2, mean: 9}}]}` | shares sum to 1 |
"""


def _section(title: str, sentence: str, model: type[BaseModel], only: set[str] | None) -> str:
    doc = (model.__doc__ or "").strip().splitlines()[0] if model.__doc__ else ""
    lines = [f"## {title}\n", " ".join(part for part in (doc, sentence) if part) + "\n",
             "| field | type | default | meaning |", "|---|---|---|---|"]  # fmt: skip
    for name, field in model.model_fields.items():
        if only is None or name in only:
            lines.append(f"| `{name}` | {_type(field)} | {_default(field)} | {_cell(_meaning(field))} |")
    return "\n".join(lines) + "\n"


def _meaning(field: FieldInfo) -> str:
    limits = [
        f"{sign} {getattr(rule, attribute):g}"
        for rule in field.metadata
        for attribute, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if isinstance(getattr(rule, attribute, None), int | float)
    ]
    said = field.description or ""
    return f"{said} ({', '.join(limits)})" if limits and said else said or ", ".join(limits)


def _type(field: FieldInfo) -> str:
    return f"`{_type_name(field.annotation)}`".replace("|", "\\|")


def _type_name(kind: Any) -> str:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return "|".join(map(str, inner))
    if origin in (typing.Union, UnionType):
        return "|".join(_type_name(k) for k in inner)
    if origin is typing.Annotated:
        return _type_name(inner[0])
    if origin in (list, dict, tuple):
        return f"{origin.__name__}[{', '.join(_type_name(k) for k in inner if k is not Ellipsis)}]"
    names = {
        "Law": "law",
        "str": "text",
        "NoneType": "null",
        "bool": "yes/no",
        "float": "number",
        "int": "whole number",
    }
    return names.get(getattr(kind, "__name__", ""), getattr(kind, "__name__", str(kind)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return "its own defaults"
    if hasattr(value, "written"):
        value = value.written()
    if value is None:
        return "null"
    if value in ({}, [], ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value).replace("'", "")
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}...`"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def commands_page() -> str:
    """Return every command with its options, from the command line itself."""
    import typer.main

    from gridwhistle import app

    root = typer.main.get_command(app)
    lines = [
        "# Commands\n",
        "Every command prints what it will do, shows a bar, prints a table and says where its results lie. Notes go to "
        "standard error, results to standard output; `--json` prints JSON and nothing else, `--lang zh` speaks "
        "Chinese. Exit codes: 0 done; 1 some runs failed, the rest is there; 2 a mistake in the input, told in one "
        "sentence; 3 an extra is not installed, with the command that brings it; 4 a calibration "
        "passed with differences; 130 interrupted, everything finished "
        "is stored and the same command goes on from there.\n",
    ]
    for words, command in _walk(root, []):
        usage = " ".join(["gridwhistle", *words, *[p.name.upper() for p in command.params if _is_argument(p)]])
        lines += [f"## `{usage}`\n", _plain(command.help or ""), "", "| option | meaning | default |", "|---|---|---|"]
        for parameter in command.params:
            if parameter.name == "help":
                continue
            given = " ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
            shown = f"`{parameter.name.upper()}`" if _is_argument(parameter) else given
            needed = "required" if parameter.required else _option_default(parameter.default)
            lines.append(f"| {shown} | {_cell(_plain(getattr(parameter, 'help', '') or ''))} | {needed} |")
        lines.append("")
    return "\n".join(lines)


def _walk(command: Any, words: list[str]) -> typing.Iterator[tuple[list[str], Any]]:
    for name in sorted(getattr(command, "commands", {})):
        inner = command.commands[name]
        if hasattr(inner, "commands"):
            yield from _walk(inner, [*words, name])
        else:
            yield [*words, name], inner


def _is_argument(parameter: Any) -> bool:
    return parameter.param_type_name == "argument"


def _option_default(value: Any) -> str:
    if value is None or str(value).startswith("Sentinel") or callable(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`"


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
