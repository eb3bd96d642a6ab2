"""What the commands do, apart from reading their options: experiments from the command line, and exports.

`gridwhistle.py` is the thin front; drawing and reports are handed in as functions, since they lie above
this package.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.campaign import Summary
from scenarios.console import Console, duration
from scenarios.experiment import Experiment, is_compiled
from scenarios.library import load
from scenarios.limits import Limits, memory_is_watched
from scenarios.places import city_of
from scenarios.schema import Scenario
from scenarios.store import Store, write_atomically, write_parquet
from scenarios.study import TABLES, Study
from sim.errors import InputError

SECONDS_PER_RESIDENT_DAY = 1e-7  # measured order of size: 100,000 residents for 30 days in 0.3 s
SECONDS_PER_RUN = 0.01
COMPILE_S = 60
WriteReport = Callable[[Study, Path, str], Path]


@dataclass(frozen=True)
class Options:
    """The options that `run` and `compare` share; None means the scenario's own."""

    policies: tuple[str, ...] = ()
    replications: int | None = None
    seed: int | None = None
    days: float | None = None
    city: Path | None = None
    workers: int | None = None
    out: Path | None = None
    resume: bool = True
    keep_cases: int = 5
    wall_s: float | None = None
    memory_mb: float | None = None

    @property
    def limits(self) -> Limits | None:
        """What one run may use, when the user has said so."""
        given = self.wall_s is not None or self.memory_mb is not None
        return Limits(self.wall_s, self.memory_mb) if given else None


def experiment(scenario_name: str, options: Options, fewest_arms: int) -> Experiment:
    """Load, change by the options and check an experiment; nothing is built or written yet.

    Raises
    ------
    InputError
        For any mistake in scenario or options.
    """
    scenario = changed(load(scenario_name), options)
    policies = list(options.policies) or (scenario.arms if fewest_arms > 1 else scenario.arms[:1])
    if len(policies) < fewest_arms:
        known = list(scenario.policies)
        raise InputError(
            "a comparison needs at least two policies",
            field="--policy",
            found=policies,
            allowed=known or "a scenario with policies",
        )  # fmt: skip
    made = Experiment(scenario, policies, options.replications, options.seed)
    made.check()
    return made


def changed(scenario: Scenario, options: Options) -> Scenario:
    """Return the scenario with `--days` and `--city` laid over it."""
    changes: dict[str, Any] = {}
    if options.days is not None:
        changes["horizon_days"] = options.days
    if options.city is not None:
        if not (options.city / "city.json").is_file():
            raise InputError(
                "no saved city here", file=options.city, field="--city",
                allowed="a folder written by 'gridwhistle city build' or 'gridwhistle city read'",
            )  # fmt: skip
        changes["city"] = {"path": str(options.city.resolve())}
    return scenario.with_changes(changes) if changes else scenario


def carry_out(made: Experiment, options: Options, console: Console) -> tuple[Study, Summary]:
    """Say what will be done, do it, and say how it went.

    Raises
    ------
    Interrupted
        After Ctrl-C; what had ended is stored.
    """
    folder = result_folder(made, options)
    Store.check(folder, made.manifest())
    workers = options.workers if options.workers is not None else default_workers(made)
    limits = options.limits
    announce(made, workers, folder, console)
    if limits is not None and workers == 1:
        console.note("limited_alone")
    if limits is not None and limits.memory_mb is not None and not memory_is_watched:
        console.note("memory_not_watched")
    total = len(made.arms) * (made.replications or 1)
    with console.progress(total) as heard:
        study = made.run(workers=workers, store=folder, progress=heard, keep_cases=options.keep_cases, limits=limits)
    done = made.summary
    console.note("done", ok=done.ok, before=done.before, time=duration(done.seconds, console.words))
    return study, done


def announce(made: Experiment, workers: int, folder: Path, console: Console) -> None:
    """Say what will be done, where it goes, and roughly how long it takes; build the city."""
    scenario = made.scenario
    arms = ", ".join(scenario.policy_title(arm, console.lang) for arm in made.arms)
    spec = scenario.spec(made.arms[0])
    console.note(
        "plan", title=getattr(scenario.title, console.lang), arms=arms, count=len(made.arms),
        replications=made.replications, days=f"{spec.horizon_days:g}", seed=made.seed,
    )  # fmt: skip
    console.note("folder", folder=folder)
    console.note("building_city")
    city = city_of(scenario)
    _ = city.travel  # routed once here and kept on disk, so that no worker does it again
    residents = len(city.residents)
    runs = len(made.arms) * (made.replications or 1)
    each = SECONDS_PER_RUN + SECONDS_PER_RESIDENT_DAY * residents * spec.horizon_days
    console.note(
        "time", runs=runs, residents=f"{residents:,}", workers=workers,
        time=duration(runs * each / workers, console.words),
    )  # fmt: skip
    if not is_compiled():
        console.note("compiling", seconds=COMPILE_S)


def default_workers(made: Experiment) -> int:
    """Return the processes to use: the cores at hand, one when there is little to share out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, len(made.arms) * (made.replications or 1) // 4))


def result_folder(made: Experiment, options: Options) -> Path:
    """Return the folder results go to: as given, else by scenario and id; a new one when not resuming."""
    folder = options.out or made.default_folder()
    if options.resume or not folder.exists():
        return folder
    for number in range(2, 10_000):
        fresh = folder.with_name(f"{folder.name}-{number}")
        if not fresh.exists():
            return fresh
    raise InputError("too many result folders of this name", file=folder, allowed="another --out")


def report(study: Study, console: Console, write: WriteReport) -> Path:
    """Write `report.html` beside the results and say where it lies."""
    path = write(study, study.folder / "report.html", console.lang)
    console.say("report", path=path)
    return path


def summary_json(study: Study, done: Summary, report_path: Path | None, compared: bool) -> dict[str, Any]:
    """Return what `--json` prints."""
    out: dict[str, Any] = {
        "results": str(study.folder),
        "report": str(report_path) if report_path else None,
        "scenario": study.scenario.name,
        "policies": study.policies,
        "policy_ids": study.manifest["policy_ids"],
        "seed": study.seed,
        "runs": {"planned": done.planned, "done_before": done.before, "done": done.ok, "failed": len(done.failures)},
        "content_hash": study.content_hash(),
    }
    if compared:
        out["comparison"] = study.comparison_table().to_dict("records")
    else:
        out["measures"] = {
            metric: {arm: list(map(float, values)) for arm, values in study.values(metric).items()}
            for metric in study.measures
        }
    return out


def export(study: Study, form: str, folder: Path) -> list[Path]:
    """Write runs, plan, comparison and kept tables as `csv`, `parquet` or `json`, and the scenario's text.

    Returns
    -------
    list of Path
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"runs": study.runs(), "comparison": study.comparison_table() if len(study.policies) > 1 else None}
    tables |= {name: study.table(name) for name in TABLES}
    written = [_write_frame(frame, folder / f"{name}.{form}") for name, frame in tables.items() if _has_rows(frame)]
    text = folder / "scenario.yaml"
    write_atomically(text, (study.folder / "scenario.yaml").read_bytes())
    return [*written, text]


def _has_rows(frame: Any) -> bool:
    return frame is not None and len(frame) > 0


def _write_frame(frame: Any, file: Path) -> Path:
    import pyarrow as pa

    match file.suffix:
        case ".parquet":
            write_parquet(pa.Table.from_pandas(frame, preserve_index=False), file)
        case ".json":
            write_atomically(file, frame.to_json(orient="records", force_ascii=False, date_format="iso").encode())
        case _:
            # the mark lets spreadsheets read Chinese text as UTF-8
            write_atomically(file, b"\xef\xbb\xbf" + frame.to_csv(index=False, lineterminator="\r\n").encode())
    return file


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
