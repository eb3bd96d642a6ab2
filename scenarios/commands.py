"""What the commands do, apart from reading their options: experiments from the command line, and exports.

`gridwhistle.py` is the thin front; drawing and reports are handed in as functions, since they lie above
this package.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scenarios import pace
from scenarios.beforehand import announce, check_size, default_workers, free_folder
from scenarios.campaign import Summary
from scenarios.console import Console, duration
from scenarios.dry import check_built
from scenarios.experiment import Experiment
from scenarios.export_map import case_map
from scenarios.library import load
from scenarios.limits import Limits, memory_is_watched
from scenarios.safeguards import worse_of
from scenarios.schema import AS_IS, Scenario
from scenarios.store import Store, write_parquet
from scenarios.study import TABLES, Study
from scenarios.unswept import unswept
from sim.errors import InputError
from sim.files import write_atomically
from sim.spreadsheet import csv_bytes

FORMATS = ("csv", "parquet", "json", "html")
MOMENTS = ("occurred", "reported", "judged", "assigned", "arrived", "closed", "resolved", "deadline")
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
    anyway: bool = False

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
        raise too_few(scenario, options.policies)
    made = Experiment(scenario, policies, options.replications, options.seed)
    made.check()
    return made


def too_few(scenario: Scenario, given: Sequence[str]) -> InputError:
    """Return the error of a comparison of less than two policies, naming what the user wrote: an option or a field."""
    known = list(dict.fromkeys([AS_IS, *scenario.policies]))
    if given:
        return InputError("a comparison needs at least two policies", field="--policy", found=", ".join(given),
                          allowed=f"twice or oftener --policy, of {', '.join(known)}")  # fmt: skip
    if len(known) > 1:
        field = "experiment.arms" if scenario.experiment.arms else "policies"
        return scenario.place(
            InputError("a comparison needs at least two policies", field=field, found=", ".join(scenario.arms),
                       allowed=f"two or more of {', '.join(known)}")
        )  # fmt: skip
    return scenario.place(
        InputError("a comparison needs at least two policies, and this scenario has one", field="policies",
                   found=", ".join(scenario.arms), allowed="'policies' of your own, laid over it by 'extends'")
    )  # fmt: skip


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
    folder = free_folder(made.default_folder(), options.out, options.resume)
    Store.check(folder, made.manifest())
    total = len(made.arms) * (made.replications or 1)
    workers = options.workers if options.workers is not None else default_workers(total)
    check_size(made.scenario, made.arms, total, workers, options.anyway)
    for one in made.warnings:
        console.warn(one)
    held = finished_runs(made, folder)
    _announce(made, total, workers, folder, held, console)
    check_built(made.scenario, made.arms)
    if more := _beyond(made, held):
        console.note("held_more", held=(made.replications or 1) + more, asked=made.replications)
    limits = options.limits
    if limits is not None and workers == 1:
        console.note("limited_alone")
    if limits is not None and limits.memory_mb is not None and not memory_is_watched:
        console.note("memory_not_watched")
    with console.progress(total) as heard:
        study = made.run(workers=workers, store=folder, progress=heard, keep_cases=options.keep_cases, limits=limits)
    done = made.summary
    for name in done.damaged:
        console.warn(console.words("cli.set_aside", file=folder / name))
    for one in unswept(study):
        console.warn(one)
    _remember(made, study, done, workers)
    console.note("done", ok=done.ok, before=done.before, time=duration(done.seconds, console.words))
    return study, done


def _remember(made: Experiment, study: Study, done: Summary, workers: int) -> None:
    """Keep what the runs took, for the next forecast."""
    runs = study.runs()
    if done.ok < 2 or done.before or runs.empty:
        return
    days, residents = made.scenario.spec(made.arms[0]).horizon_days, len(study.city.residents)
    pace.remember_campaign(done.seconds, float(runs["seconds"].mean()), done.ok, residents, days, workers)


def finished_runs(made: Experiment, folder: Path) -> pd.DataFrame:
    """Return the finished runs of the experiment's arms that a folder holds."""
    if not (folder / "manifest.json").exists():
        return pd.DataFrame({"replication": [], "policy": []})
    try:
        held = Study.open(folder).runs()
    except InputError:  # something there is damaged: the campaign sets it aside and says so
        return pd.DataFrame({"replication": [], "policy": []})
    return held[held["policy"].isin(list(made.arms))]


def _beyond(made: Experiment, held: pd.DataFrame) -> int:
    """Return how many replications beyond those asked for are finished of every arm; tables use them too."""
    arms = held[held["replication"] >= (made.replications or 1)].groupby("replication")["policy"].nunique()
    return int((arms == len(made.arms)).sum())


def _announce(made: Experiment, runs: int, workers: int, folder: Path, held: pd.DataFrame, console: Console) -> None:
    scenario = made.scenario
    arms = ", ".join(scenario.policy_title(arm, console.lang) for arm in made.arms)
    days = scenario.spec(made.arms[0]).horizon_days
    console.note(
        "plan", title=getattr(scenario.title, console.lang), arms=arms, count=len(made.arms),
        replications=(made.replications or 1) + _beyond(made, held), days=f"{days:g}", seed=made.seed,
    )  # fmt: skip
    finished = int((held["replication"] < (made.replications or 1)).sum())
    announce(scenario, folder, runs, days, workers, console, finished=finished)


def run(name: str, options: Options, fewest_arms: int, console: Console, write: WriteReport | None) -> bool:
    """Carry out `run` (one arm) or `compare` (two or more): the runs, a table, a report where asked for.

    Parameters
    ----------
    name
        A library name or a path.
    write
        Draws the report; None for no report.

    Returns
    -------
    bool
        False when some runs failed, or all.
    """
    study, done = carry_out(experiment(name, options, fewest_arms), options, console)
    if not study.store.parts():
        console.note("nothing_finished", folder=study.folder / "failures")
        return False
    if not console.machine and fewest_arms > 1:
        console.comparisons(study, study.comparisons())
        console.got_worse(study, study.safeguards())
    elif not console.machine:
        console.means(study)
    if done.precision is not None and not console.machine:
        console.precision(done.precision.told())
    written = report(study, console, write) if write is not None else None
    console.say("results", path=study.folder)
    if console.machine:
        console.json(summary_json(study, done, written, fewest_arms > 1))
    if done.failures:
        console.note("failures", count=len(done.failures), folder=study.folder / "failures")
    return not done.failures


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
        "warnings": [*study.manifest.get("warnings", []), *(one.sentence() for one in unswept(study))],
        "precision": done.precision.told() if done.precision is not None else None,
    }
    if compared:
        safeguards = study.safeguards()
        out["comparison"] = study.comparison_table().to_dict("records")
        out["safeguards"] = [asdict(row) for one in safeguards for row in one.rows]
        out["got_worse"] = [asdict(row) for row in worse_of(safeguards)]
    else:
        out["measures"] = {
            metric: {arm: list(map(float, values)) for arm, values in study.values(metric).items()}
            for metric in study.measures
        }
    return out


def export(results: Path, form: str, out: Path | None, console: Console, write: WriteReport) -> list[Path]:
    """Write the tables of a results folder in a format, or its report again (`html`), and say where they lie.

    Raises
    ------
    InputError
        No results there, or an unknown format.
    """
    study = Study.open(results)
    if form not in FORMATS:
        raise InputError("unknown choice", field="--format", found=form, allowed=FORMATS)
    folder = out or study.folder / "export"
    folder.mkdir(parents=True, exist_ok=True)
    files = [write(study, folder / "report.html", console.lang)] if form == "html" else tables(study, form, folder)
    for file in files:
        console.say("written", path=file)
    if console.machine:
        console.json({"files": files})
    return files


def tables(study: Study, form: str, folder: Path) -> list[Path]:
    """Write runs, comparison, safeguards and kept tables as `csv`, `parquet` or `json`, and scenario and map as YAML.

    The map is that by which `calibrate` reads the cases.

    Returns
    -------
    list of Path
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {"runs": study.runs(), "comparison": None, "safeguards": None}
    if len(study.policies) > 1:
        found |= {"comparison": study.comparison_table(), "safeguards": study.safeguard_table()}
    start = study.scenario.spec().calendar.start
    found |= {name: with_clock(study.table(name), start) for name in TABLES}
    written = [_write_frame(frame, folder / f"{name}.{form}") for name, frame in found.items() if _has_rows(frame)]
    text = folder / "scenario.yaml"
    write_atomically(text, (study.folder / "scenario.yaml").read_bytes())
    cases = found["cases"]
    if cases is not None and len(cases) and (told := case_map(study, cases)) is not None:
        write_atomically(folder / "map.yaml", told.encode())
        written.append(folder / "map.yaml")
    return [*written, text]


def with_clock(frame: pd.DataFrame, start: dt.date) -> pd.DataFrame:
    """Return a table with the clock time of each of its moments beside the minutes since the start.

    Parameters
    ----------
    frame
        A kept table; ``reported_min`` and the like are minutes since the midnight that begins `start`.
    start
        First day of the simulated calendar, whose clock is never put forward or back.

    Returns
    -------
    DataFrame
        The table; ``reported_at`` and the like follow its columns, datetime64[us] without a zone.
    """
    midnight = np.datetime64(start, "us")
    added = {}
    for name in MOMENTS:
        if f"{name}_min" in frame and f"{name}_at" not in frame:
            minutes = frame[f"{name}_min"].to_numpy(float, na_value=np.nan)
            known = np.isfinite(minutes)
            passed_us = np.round(np.where(known, minutes, 0.0) * 60e6).astype("timedelta64[us]")
            added[f"{name}_at"] = np.where(known, midnight + passed_us, np.datetime64("NaT", "us"))
    return frame.assign(**added)


def _has_rows(frame: Any) -> bool:
    return frame is not None and len(frame) > 0


def _write_frame(frame: Any, file: Path) -> Path:
    import pyarrow as pa

    match file.suffix:
        case ".parquet":
            write_parquet(pa.Table.from_pandas(frame, preserve_index=False), file)
        case ".json":
            write_atomically(
                file, frame.to_json(orient="records", force_ascii=False, date_format="iso", date_unit="us").encode()
            )
        case _:
            write_atomically(file, csv_bytes(frame))
    return file
