"""From a study to a report's data: tables with arms called by their titles, facts, register entries, the command.

The one module that knows both :mod:`scenarios` and reports. It reads what a study holds and computes nothing
beyond choosing which measure answers the question.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from dashboards.charts.phrases import Measures, fixed
from dashboards.report.data import Arm, Parameter, ReportData
from dashboards.texts import Texts, pick
from scenarios import library
from scenarios.study import Study
from scenarios.unswept import unswept
from sim import register
from sim.errors import InputError
from sim.measures import MEASURES
from sim.measures.line_names import measure_of
from sim.spec import ModelSpec

HEADLINES = ("true_resolution_days", "true_resolution_share")
COSTS = ("cost_yuan_per_resolved", "cost_yuan")
WORDS = ("title", "description", "version")
DAY_MIN = 1440.0


def gather(study: Study, lang: str) -> ReportData:
    """Return everything a report of ``study`` shows.

    Parameters
    ----------
    study
        Results of an experiment; kept tables are used where there are some.
    lang
        ``"en"`` or ``"zh"``; decides the labels of arms.

    Raises
    ------
    InputError
        The study holds no finished run.
    """
    t, scenario = Texts(lang), study.scenario
    runs = study.runs()
    if runs.empty:
        raise InputError("no run is finished, so there is nothing to report", file=study.folder)
    labels = _labels(study, lang)
    spec = scenario.spec(study.baseline)
    shown = [name for name in study.measures if name in MEASURES or name in study.plan.measures]
    measures: Measures = {name: measure for name in shown if (measure := measure_of(name)) is not None}
    held = [name for name in study.measures if name in runs.columns]
    headline = next((m for m in (*study.plan.measures, *HEADLINES, *held) if m in held), "")
    replications = int(runs["replication"].nunique())
    return ReportData(
        title=pick(scenario.title, lang, scenario.name),
        description=pick(scenario.description, lang),
        arms=[_arm(study, policy, labels[policy], lang) for policy in study.policies],
        runs=_labelled(runs[["policy", "replication", *held]], labels),
        comparisons=_comparisons(study.comparison_table, study, labels),
        safeguards=_comparisons(study.safeguard_table, study, labels),
        measures=measures,
        horizon_min=spec.horizon_days * DAY_MIN,
        headline=headline,
        cost=next((m for m in COSTS if m in held), ""),
        **{name: _kept(study, name, labels) for name in ("cases", "incidents", "tasks", "staff", "hours")},
        city=study.city,
        titles=_titles(spec, lang),
        facts=_facts(study, spec, replications, t),
        parameters=_parameters(study, lang),
        command=_command(study, replications),
        folder=str(study.folder),
        failed=_failed(study, len(runs)),
        told=[t.mistake(one) for one in unswept(study)],
    )


def _labels(study: Study, lang: str) -> dict[str, str]:
    """Return policy -> title; the bare name where two titles are alike."""
    titles = {policy: study.scenario.policy_title(policy, lang) for policy in study.policies}
    alike = {title for title in titles.values() if list(titles.values()).count(title) > 1}
    return {policy: policy if title in alike else title for policy, title in titles.items()}


def _labelled(frame: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    return frame.assign(policy=frame["policy"].map(lambda policy: labels.get(policy, policy)))


def _kept(study: Study, name: str, labels: Mapping[str, str]) -> pd.DataFrame | None:
    table = study.table(name)
    return _labelled(table, labels) if len(table) else None


def _comparisons(made: Callable[[], pd.DataFrame], study: Study, labels: Mapping[str, str]) -> pd.DataFrame:
    table = made() if len(study.policies) > 1 else pd.DataFrame()
    if table.empty:
        return pd.DataFrame()
    return table.assign(
        **{column: table[column].map(lambda policy: labels.get(policy, policy)) for column in ("arm", "baseline")}
    )


def _arm(study: Study, policy: str, label: str, lang: str) -> Arm:
    written = study.scenario.policies.get(policy)
    content = study.scenario.content.get("policies", {}).get(policy) or {}
    changes = {k: v for k, v in content.items() if k not in WORDS}
    return Arm(
        label=label,
        description=pick(written.description, lang) if written and written.description else "",
        changes=dict(_leaves(changes)),
        policy_id=study.manifest.get("policy_ids", {}).get(policy, ""),
    )


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _titles(spec: ModelSpec, lang: str) -> dict[str, str]:
    groups: dict[str, Mapping[str, Any]] = {
        "posts": spec.posts,
        "departments": spec.departments,
        "channels": spec.channels,
    }
    return {
        f"{group}.{name}": pick(part.title, lang) for group, parts in groups.items() for name, part in parts.items()
    }


def _facts(study: Study, spec: ModelSpec, replications: int, t: Texts) -> dict[str, str]:
    city = study.city
    start, end = spec.warm_up_days, spec.horizon_days - spec.cool_down_days
    return {
        "fact_scenario": f"{study.scenario.name} ({study.scenario.version})",
        "fact_city": t(
            "report.city_fact",
            name=city.title(t.lang),
            residents=f"{len(city.residents):,}",
            grids=f"{len(city.areas.grids):,}",
            seed=city.seed,
        ),
        "fact_replications": f"{replications:,}",
        "fact_seed": str(study.seed),
        "fact_horizon": _days(spec.horizon_days),
        "fact_window": t("report.window_text", start=_days(start), end=_days(end)),
        "fact_version": str(study.manifest.get("code_version", t("words.unknown"))),
        "fact_hash": str(study.manifest.get("scenario_hash", ""))[:16],
    }


def _days(days: float) -> str:
    return fixed(days, 0 if float(days).is_integer() else 2)


def _failed(study: Study, finished: int) -> int:
    """Planned runs that have no result."""
    return max(0, study.store.plan().num_rows - finished) if (study.folder / "plan.parquet").exists() else 0


def _parameters(study: Study, lang: str) -> list[Parameter]:
    """Return register entries with the values of the scenario, those set by any arm marked."""
    set_by_arms: dict[str, dict[str, float]] = {p: study.scenario.spec(p).parameters for p in study.policies}
    base = set_by_arms[study.baseline]
    out = []
    for name, entry in register.load().items():
        value = float(base.get(name, entry.default))
        changed = any(
            not math.isclose(values.get(name, entry.default), entry.default) for values in set_by_arms.values()
        )
        out.append(
            Parameter(
                name=name,
                value=value,
                unit=entry.unit,
                low=entry.low,
                high=entry.high,
                source=entry.source,
                confidence=entry.confidence,
                text=entry.text_zh if lang == "zh" and entry.text_zh else entry.text,
                changed=changed,
            )
        )
    return out


def _command(study: Study, replications: int) -> str:
    """Return the command line that gives the same numbers again, from the scenario's name or its kept text."""
    name = study.scenario.name
    shipped = name in library.names() and library.load(name).hash == study.scenario.hash
    parts = ["gridwhistle", "compare" if len(study.policies) > 1 else "run"]
    parts.append(name if shipped else str(study.folder / "scenario.yaml"))
    for policy in study.policies:
        parts += ["--policy", policy]
    return shlex.join([*parts, "--replications", str(replications), "--seed", str(study.seed)])
