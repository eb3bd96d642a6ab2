"""What the command ``gridwhistle sensitivity`` does, apart from reading its options.

It says what will be done, does it, prints tables and paragraphs, and writes the answer beside the runs. The report
is drawn by a function handed in, since drawing lies above this package.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.padding import Padding
from rich.text import Text

from calibration.sensitivity.evaluations import ON_FAILED
from calibration.sensitivity.study import SensitivityResult, SensitivityStudy
from calibration.sensitivity.telling import Teller
from scenarios.beforehand import announce, check_size, default_workers, free_folder
from scenarios.campaign import Summary
from scenarios.commands import Options as Changes
from scenarios.commands import changed
from scenarios.console import Console, duration, jsonable
from scenarios.library import load
from scenarios.limits import Limits
from scenarios.schema import Scenario
from scenarios.store import Store
from sim.errors import InputError
from sim.files import write_atomically

WriteReport = Callable[[SensitivityResult, Path, str], Path]
SECONDS_PER_SETTING = 0.01
LEAST_EACH = 16  # runs that make a further process worth its start


@dataclass(frozen=True)
class Options:
    """The options of the command; None means the scenario's own or the method's default."""

    method: str = "sobol"
    rows: int | None = None
    replicates: int = 2
    parameters: tuple[str, ...] = ()
    measure: str | None = None
    policies: tuple[str, ...] = ()
    seed: int | None = None
    days: float | None = None
    residents: int | None = None
    city: Path | None = None
    workers: int | None = None
    time_limit_s: float | None = None
    on_failed: str = "refuse"
    out: Path | None = None
    resume: bool = True
    anyway: bool = False


def run(scenario_name: str, options: Options, console: Console, write: WriteReport | None) -> bool:
    """Carry the command out.

    Parameters
    ----------
    scenario_name
        A library name or a path.
    write
        Draws the report; None for no report.

    Returns
    -------
    bool
        False when some runs failed, though the rest gave an answer.
    """
    study = study_of(scenario_name, options)
    result = carry_out(study, options, console)
    done = study.experiment.summary
    if not console.machine:
        show(result, console)
    path = None
    if write is not None:
        path = write(result, result.folder / "report.html", console.lang)
        console.say("report", path=path)
    console.say("results", path=result.folder)
    if console.machine:
        warnings = [one.sentence() for one in study.experiment.warnings]
        console.json({**summary_json(result, console, done, path), "warnings": warnings})
    return not done.failures


def study_of(scenario_name: str, options: Options) -> SensitivityStudy:
    """Load, change by the options and check a study; nothing is built or written yet.

    Raises
    ------
    InputError
        For any mistake in scenario or options.
    """
    if options.on_failed not in ON_FAILED:
        raise InputError("unknown choice", field="--on-failed", found=options.on_failed, allowed=ON_FAILED)
    if options.time_limit_s is not None and not options.time_limit_s > 0:
        raise InputError("impossible limit", field="--time-limit", found=options.time_limit_s, allowed="above 0")
    scenario = changed(load(scenario_name), Changes(days=options.days, city=options.city))
    made = SensitivityStudy(
        with_residents(scenario, options.residents), options.method, options.policies, options.measure,
        options.parameters, options.rows, options.replicates, options.seed,
    )  # fmt: skip
    made.check()
    return made


def with_residents(scenario: Scenario, residents: int | None) -> Scenario:
    """Return the scenario with another number of residents in its synthetic city.

    Raises
    ------
    InputError
        Its city is not a synthetic one.
    """
    if residents is None:
        return scenario
    given = scenario.city.get("synthetic")
    if given is None:
        raise InputError(
            "only a synthetic city can have another number of residents", field="--residents", found=residents,
            allowed="a scenario with city.synthetic; or --city FOLDER",
        )  # fmt: skip
    return scenario.with_changes({"city": {"synthetic": {**given, "residents": residents}}})


def carry_out(study: SensitivityStudy, options: Options, console: Console) -> SensitivityResult:
    """Say what will be done, do it, analyse it and store the answer as ``sensitivity.json``.

    Raises
    ------
    Interrupted
        After Ctrl-C; what had ended is stored.
    InputError
        Runs are missing or have no value, and the options do not say to leave their blocks out.
    """
    folder = free_folder(study.default_folder(), options.out, options.resume)
    Store.check(folder, study.experiment.manifest())
    workers = options.workers or default_workers(study.runs, LEAST_EACH)
    check_size(study.scenario, study.target.arms, study.runs, workers, options.anyway)
    for one in study.experiment.warnings:
        console.warn(one)
    _announce(study, workers, folder, console)
    limits = Limits(options.time_limit_s) if options.time_limit_s is not None else None
    with console.progress(study.runs) as heard:
        done = study.carry_out(workers, folder, heard, limits=limits)
    _say_done(study.experiment.summary, folder, console)
    result = study.analyse(done, options.on_failed)  # type: ignore[arg-type]
    text = json.dumps(jsonable(result.data()), ensure_ascii=False, indent=1, sort_keys=True)
    write_atomically(folder / "sensitivity.json", text.encode())
    return result


def _say_done(done: Summary, folder: Path, console: Console) -> None:
    for name in done.damaged:
        console.warn(console.words("cli.set_aside", file=folder / name))
    console.note("done", ok=done.ok, before=done.before, time=duration(done.seconds, console.words))
    if done.failures:
        console.note("failures", count=len(done.failures), folder=folder / "failures")


def _announce(study: SensitivityStudy, workers: int, folder: Path, console: Console) -> None:
    from sim.measures import MEASURES

    scenario, design, lang = study.scenario, study.design, console.lang
    titles = [scenario.policy_title(arm, lang) for arm in study.target.arms]
    what = titles[0]
    if study.target.is_effect:
        what = console.words("sensitivity.effect", baseline=titles[0], arm=titles[1])
    days = scenario.spec(study.target.arms[0]).horizon_days
    console.note(
        "sensitivity_plan", title=getattr(scenario.title, lang), what=what,
        measure=getattr(MEASURES[study.target.measure].title, lang),
        method=console.words(f"sensitivity.methods.{study.method}"), parameters=len(study.factors),
        blocks=design.blocks, rows=design.block_rows, replicates=study.replicates, days=f"{days:g}", seed=study.seed,
    )  # fmt: skip
    announce(scenario, folder, study.runs, days, workers, console, SECONDS_PER_SETTING / study.replicates)


def show(result: SensitivityResult, console: Console) -> None:
    """Print the tables and what they mean in sentences."""
    teller = Teller(result, console.words, console.lang)
    title = teller.say(
        "table_results", measure=teller.measure, what=teller.what, unit=teller.unit or "–", state=teller.state
    )
    console.table(teller.result_columns(), teller.result_rows(), title)
    if result.flips:
        console.table(teller.flip_columns(), teller.flip_rows(), teller.say("table_flips"))
    for paragraph in teller.paragraphs():
        _print(paragraph, console)
    _print(teller.say("table_factors"), console, after=0)
    for line in teller.factor_lines():
        _print(line, console, indent=2, after=0)
    _print("", console, after=0)


def _print(text: str, console: Console, indent: int = 0, after: int = 1) -> None:
    """Print running text, folded between words."""
    console.out.print(Padding(Text(text), (0, 0, after, indent)))


def summary_json(result: SensitivityResult, console: Console, done: Summary, report: Path | None) -> dict[str, Any]:
    """Return what ``--json`` prints: everything found, with the paragraphs."""
    runs = {"planned": done.planned, "done_before": done.before, "done": done.ok, "failed": len(done.failures)}
    return {
        "results": str(result.folder),
        "report": str(report) if report else None,
        "campaign": runs,
        **result.data(),
        "answer": Teller(result, console.words, console.lang).paragraphs(),
    }
