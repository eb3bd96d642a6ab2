"""What `library list` and `library show` tell of the shipped scenarios, and of a scenario of one's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import yaml

from scenarios import pace
from scenarios.beforehand import default_workers
from scenarios.console import Console, duration
from scenarios.dry import dry_check
from scenarios.forecast import affordable, command_line, forecast
from scenarios.library import load, names
from scenarios.numbers import Words, number
from scenarios.schema import Scenario
from sim.errors import InputError

_IN_CHINESE = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\s+(?=[\u3000-\u9fff\uff00-\uffef])")


def show_list(console: Console) -> None:
    """Print name, title and policies of each shipped scenario."""
    rows = library_rows(names(), console.lang)
    if console.machine:
        console.json(rows)
        return
    columns = [console.words(f"cli.columns.{key}") for key in ("name", "title", "policies")]
    console.table(columns, [[row["name"], row["title"], ", ".join(row["policies"])] for row in rows])


def show_one(name: str, whole: bool, console: Console) -> None:
    """Print what a scenario is, its city and its policies; or its whole text, parents laid in."""
    scenario = load(name)
    foretold, too_much = outlook(scenario)
    told = [*dry_check(scenario), *too_much]
    for one in told:
        console.warn(one)
    if whole:
        sys.stdout.write(yaml.safe_dump(scenario.content, allow_unicode=True, sort_keys=False, width=110))
        return
    summary = scenario_summary(scenario, console.lang)
    if console.machine:
        summary["forecast"] = foretold
        summary["warnings"] = [one.sentence() for one in told]
        console.json(summary)
        return
    policies = summary.pop("policies")
    field, value = (console.words(f"cli.columns.{key}") for key in ("field", "value"))
    summary |= {"city": city_words(scenario, console.words), "horizon_days": f"{summary['horizon_days']:g}"}
    rows = [[console.words(f"cli.scenario.{k}"), _text(v)] for k, v in summary.items() if v not in ("", None)]
    rows.append([console.words("cli.scenario.forecast"), _forecast_text(foretold, console)])
    console.table([field, value], rows)
    keys = [key for key in ("id", "title", "description") if any(policy[key] for policy in policies)]
    columns = [console.words(f"cli.columns.{'policy' if key == 'id' else key}") for key in keys]
    if policies:
        console.table(columns, [[policy[key] for key in keys] for policy in policies])


def outlook(scenario: Scenario) -> tuple[dict[str, Any], list[InputError]]:
    """Return what comparing the scenario's policies takes on this machine, and what `run` and `compare` would refuse.

    Returns
    -------
    forecast, told
        Runs, processes, MB of each, seconds of a run and of everything (start and building included), and sizes; sizes
        are None where only the city's files know them, and then nothing is foretold.
    """
    plan, arms = scenario.experiment, scenario.arms
    runs = len(arms) * plan.replications
    workers = default_workers(runs)
    made = forecast(scenario, arms, runs, workers)
    found: dict[str, Any] = {"runs": runs, "processes": workers}
    known = "read" not in scenario.city or made.residents > 0
    names = ("memory_mb", "run_s", "residents", "staff", "incidents")
    found |= {name: getattr(made, name) if known else None for name in names}
    found["seconds"] = pace.measured().start_s + made.seconds if known else None
    try:
        affordable(made, command_line(), scenario, arms[0])
    except InputError as error:
        return found, [error]
    return found, []


def _forecast_text(foretold: dict[str, Any], console: Console) -> str:
    words = console.words
    shown = {"runs": f"{foretold['runs']:,}", "processes": foretold["processes"]}
    if foretold["seconds"] is None:
        return words("cli.forecast_unknown", **shown)
    gb = number(foretold["memory_mb"] / 1000)
    return words("cli.forecast", **shown, time=duration(foretold["seconds"], words), memory=gb)


def _text(value: object) -> str:
    """Return a value as text; a line end inside Chinese prose, read as a space, is taken out."""
    return _IN_CHINESE.sub("", str(value))


def city_words(scenario: Scenario, words: Words) -> str:
    """Return a scenario's city in one phrase: its name, how it comes about, how many live there."""
    kind, given = next(iter(scenario.city.items()), ("", {}))
    given = given if isinstance(given, dict) else {}
    name = (given.get("name_zh") if words.lang == "zh" else None) or given.get("name") or ""
    said = words(f"city_kinds.{kind}") if kind in ("synthetic", "path", "read", "bare") else str(kind)
    if name:
        said = words("city_kinds.named", kind=said, name=name)
    residents = given.get("residents")
    return words("city_kinds.size", city=said, residents=f"{residents:,}") if residents else said


def library_rows(names: Sequence[str], lang: str) -> list[dict[str, Any]]:
    """Return name, title, policies and description of each shipped scenario."""
    rows = []
    for name in names:
        scenario = load(name)
        rows.append(
            {
                "name": name,
                "title": getattr(scenario.title, lang),
                "policies": scenario.arms,
                "description": getattr(scenario.description, lang) if scenario.description else "",
            }
        )
    return rows


def scenario_summary(scenario: Scenario, lang: str) -> dict[str, Any]:
    """Return what `library show` tells: texts, city, horizon, and each policy with its citable id."""
    spec = scenario.spec(scenario.arms[0])
    return {
        "name": scenario.name,
        "title": getattr(scenario.title, lang),
        "description": getattr(scenario.description, lang) if scenario.description else "",
        "version": str(scenario.version),
        "hash": scenario.hash,
        "extends": scenario.extends,
        "city": scenario.city,
        "horizon_days": spec.horizon_days,
        "types": len(spec.types),
        "departments": len(spec.departments),
        "replications": scenario.experiment.replications,
        "seed": scenario.seed,
        "policies": [
            {
                "name": name,
                "id": scenario.policy_id(name),
                "title": scenario.policy_title(name, lang),
                "description": getattr(policy.description, lang) if policy.description else "",
            }
            for name, policy in scenario.policies.items()
        ],
    }
