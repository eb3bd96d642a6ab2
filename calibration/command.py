"""What `gridwhistle calibrate` does: read, split, fit, simulate what was held out, judge, write.

Reading options is the front door's, tables on screen are `calibration.told`, drawing is handed in as a function.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from calibration.arrivals import ArrivalFit
from calibration.caselog import CaseLog, Mapping
from calibration.dispersion import Gaps, negative_binomial
from calibration.durations import DurationFit
from calibration.fits import GroupFit, LogFit, fit_log
from calibration.folder import writing
from calibration.heldout import HeldOut, compare
from calibration.joint import Joint
from calibration.overlay import FILES, Overlay, fill, overlay, source_text
from calibration.told import Teller
from scenarios.compiling import compile_engine
from scenarios.console import Console, jsonable
from scenarios.library import load
from sim.errors import InputError
from sim.spreadsheet import csv_bytes

REPORT = "report.html"
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True)
class Options:
    """The options of the command."""

    log: Path
    map: Path | None = None
    zone: str | None = None
    split: str = "0.7"
    scenario: str | None = None
    on_bad_rows: Literal["refuse", "drop"] = "refuse"
    out: Path | None = None
    replications: int = 100
    seed: int = 7


@dataclass(frozen=True)
class Outcome:
    """What a calibration brought.

    Attributes
    ----------
    fit, held, made
        The fit, its test, its scenario.
    folder, files
        Where everything lies.
    command
        The command that gives the same again.
    """

    fit: LogFit
    held: HeldOut
    made: Overlay
    folder: Path
    files: tuple[Path, ...]
    command: str


WriteReport = Callable[[Outcome, Path, str], Path]


def calibrate(options: Options, console: Console, report: WriteReport | None = None) -> Outcome:
    """Carry out a calibration, telling of it as it goes.

    Raises
    ------
    InputError
        For mistakes in the log, the map, the split or the base scenario; nothing is written then.
    """
    teller = Teller(console)
    at, share = split_of(options.split)
    mapping = Mapping.read(options.map) if options.map is not None else None
    holidays = _holidays(options.scenario)
    teller.note("reading", file=options.log)
    log = CaseLog.read(options.log, mapping, options.zone, options.on_bad_rows)
    teller.log(log)
    fit = fit_log(log, at, share, holidays, lambda key, fields: teller.note(key, **fields))
    compile_engine(console)
    teller.note("simulating", replications=options.replications, days=fit.held.days)
    with teller.progress(options.replications) as heard:
        held = compare(fit, options.replications, options.seed, heard)
    folder = (
        options.out or Path("results") / f"calibrate-{Path(log.source.name).stem.split('.')[0]}-{log.source.sha256[:8]}"
    )
    reasons = (*fit.problems, *held.reasons)
    made = overlay(fit, fit.held.start, fit.held.days, options.scenario, reasons, folder, held.differences)
    outcome = Outcome(fit, held, made, folder, (), command_text(options))
    outcome = replace(outcome, files=_written(outcome, console, report))
    if console.machine:
        console.json({**summary(outcome), "files": [str(f) for f in outcome.files]})
    else:
        teller.outcome(outcome)
    return outcome


def split_of(text: str) -> tuple[str | None, float]:
    """Return date and share of a split as written: ``0.7`` or ``2011-09-01``.

    Raises
    ------
    InputError
        For anything else.
    """
    try:
        share = float(text)
    except ValueError:
        try:
            return dt.date.fromisoformat(text).isoformat(), 0.7
        except ValueError:
            raise InputError(
                "neither a share nor a date",
                field="--split",
                found=text,
                allowed="a share such as 0.7, or a date such as 2011-09-01",
            ) from None
    if not 0 < share < 1:
        raise InputError("impossible share", field="--split", found=text, allowed="above 0 and below 1")
    return None, share


def _holidays(base: str | None) -> frozenset[dt.date]:
    """Return the holidays of the base scenario; they count as Sundays in fit and simulation."""
    return frozenset(load(base).spec().calendar.holidays) if base is not None else frozenset()


def _written(outcome: Outcome, console: Console, report: WriteReport | None) -> tuple[Path, ...]:
    """Write everything, whole or not at all; the scenario's file tells its status by its name."""
    fit, made = outcome.fit, outcome.made
    summed = json.dumps(jsonable(summary(outcome)), ensure_ascii=False, indent=1, allow_nan=False).encode()
    makers: dict[str, Callable[[Path], object]] = {
        FILES[made.status]: lambda file: fill(made, fit, file),
        "fit.json": lambda file: file.write_bytes(summed),
        "heldout.csv": lambda file: file.write_bytes(csv_bytes(outcome.held.table, "%.8g")),
        "map.yaml": lambda file: file.write_bytes(fit.log.mapping.to_yaml().encode()),
    }
    if report is not None:
        makers[REPORT] = lambda file: report(outcome, file, console.lang)
    every = (*FILES.values(), "fit.json", "heldout.csv", "map.yaml", REPORT)
    with writing(outcome.folder) as folder:
        for kept in folder.mend(every):
            console.warn(console.words("calibrate.set_aside", file=kept))
        return folder.put({name: folder.draft(name, maker) for name, maker in makers.items()}, every)


def command_text(options: Options) -> str:
    """Return the command line that gives the same again."""
    words = ["gridwhistle", "calibrate", "--log", _quoted(options.log)]
    plain = Options(options.log)
    for name in ("map", "zone", "split", "scenario", "on_bad_rows", "replications", "seed"):
        value = getattr(options, name)
        if value != getattr(plain, name):
            words += [f"--{name.replace('_', '-')}", _quoted(value)]
    return " ".join(words)


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text


# ---------------------------------------------------------------- for machines
def summary(outcome: Outcome) -> dict[str, Any]:
    """Return everything as plain data."""
    fit, held = outcome.fit, outcome.held
    source = fit.log.source
    return {
        "log": {
            "file": source.name, "sha256": source.sha256, "form": source.form, "zone": fit.log.zone,
            "cases": len(fit.log.cases), "events": len(fit.log.events), "window": [str(t) for t in fit.log.window],
            "diagnosis": fit.log.diagnosis.as_dict(), "map": fit.log.mapping.to_yaml(),
        },
        "split": {
            "at": str(fit.held.start), "before": len(fit.seen), "after": len(fit.held), "days_before": fit.seen.days,
            "days_after": fit.held.days, "censored_before": int(fit.seen.cycle_open.sum()),
        },
        "provenance": source_text(fit),
        "groups": {name: _of_group(group, fit) for name, group in fit.groups.items()},
        "grouped_by": fit.column,
        "steps": _records(fit.steps),
        "heldout": {
            "replications": held.replications, "statistics": _records(held.table), "joint": _of_joint(held.joint),
        },
        "status": outcome.made.status, "reasons": [one.en for one in outcome.made.draft_reasons],
        "differences": [one.en for one in outcome.made.differences],
        "lost": list(outcome.made.lost),
        "command": outcome.command,
    }  # fmt: skip


def _of_joint(joint: Joint | None) -> dict[str, Any] | None:
    if joint is None:
        return None
    return {
        "differs": joint.differs, "p_value": joint.p_value, "level": joint.level, "statistic": joint.statistic,
        "critical": joint.critical, "rate_seen": joint.rate_seen, "times_seen": joint.times_seen,
        "rows": [{"statistic": name, "z": z} for name, z in zip(joint.rows, joint.z, strict=True)],
    }  # fmt: skip


def _of_group(group: GroupFit, fit: LogFit) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cases": group.cases, "ended": group.ended, "own_profile": group.own_profile, "own_law": group.own_law,
        "arrivals": _of_arrivals(group.arrivals, fit), "closing": _of_law(group.cycle),
    }  # fmt: skip
    if group.tail is not None:
        found["end"] = {
            **_of_law(group.tail.fit), "with_time_left": group.tail.scaled, "median_slack_min": group.tail.slack_min,
            "readings": _records(group.tail.candidates),
        }  # fmt: skip
    if len(group.allowed_min):
        found["allowed_min"] = dict(
            zip(map(str, QUANTILES), np.quantile(group.allowed_min, QUANTILES).tolist(), strict=True)
        )
        found["deadline_share"] = group.deadline_share
    return found


def _of_arrivals(a: ArrivalFit, fit: LogFit) -> dict[str, Any]:
    later = held_gaps(a, fit)
    return {
        "per_day": [a.per_day, a.per_day_low, a.per_day_high], "hour_form": a.hour_form, "hours": a.hours.tolist(),
        "day_terms": list(a.day_terms), "weekdays": a.weekdays.tolist(), "weekdays_low": a.weekdays_low.tolist(),
        "weekdays_high": a.weekdays_high.tolist(), "trend_per_year": [a.trend_per_year, a.trend_low, a.trend_high],
        "months": a.months.tolist(), "dispersion": {**asdict(a.dispersion), "after_shocks": a.dispersion.after_shocks},
        "gaps_before": asdict(a.gaps), "gaps_after": asdict(later), "held_out_score_per_day": held_scores(a, fit),
        "weekend_hours_p": a.weekend_hours_p, "empty_hours": list(a.empty_hours), "candidates": _records(a.candidates),
    }  # fmt: skip


def held_gaps(a: ArrivalFit, fit: LogFit) -> Gaps:
    """Return the gaps of the held-out cases in operational time."""
    held = fit.held.opened_min[fit.held.inside]
    return a.rescaled(held, fit.held.start, fit.held.days)


def held_scores(a: ArrivalFit, fit: LogFit) -> dict[str, float]:
    """Return the log-likelihood per held-out day of the fitted rate, without and with dispersion, and of a flat one."""
    at = fit.held.opened_min[fit.held.inside]
    counts = np.bincount((at // 1440.0).astype(np.int64), minlength=fit.held.days).astype(float)
    mean = np.maximum(a.daily(fit.held.start, fit.held.days), 1e-9)
    n = fit.held.days
    return {
        "poisson": negative_binomial(counts, mean, 0.0) / n,
        "negative_binomial": negative_binomial(counts, mean, a.dispersion.alpha) / n,
        "flat_poisson": negative_binomial(counts, np.full(n, a.per_day), 0.0) / n,
    }


def _of_law(d: DurationFit) -> dict[str, Any]:
    low, high = d.law.interval(QUANTILES)
    return {
        "law": d.law.shape.name, "written": d.law.written(), "parts": d.law.described(),
        "working_time": d.office is not None,
        "office_hours": [d.office.opens_h, d.office.closes_h] if d.office else None, "outside_share": d.outside,
        "latest_share": d.recent, "cases": d.law.cases, "ended": d.law.ended, "converged": d.law.converged,
        "quantiles_min": [
            {"p": p, "value": float(v), "low": float(a), "high": float(b)}
            for p, v, a, b in zip(QUANTILES, d.law.quantile(QUANTILES), low, high, strict=True)
        ],
        "elapsed_law": d.elapsed.written(), "problems": [one.en for one in d.problems],
        "candidates": _records(d.candidates),
    }  # fmt: skip


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(k): v for k, v in row.items()} for row in rows]
