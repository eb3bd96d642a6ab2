"""All fits of one log, group by group: arrivals, time to closing, time on to the end, deadlines, steps between.

Only the part of the log before the split is looked at. What comes out goes into a scenario (`calibration.overlay`)
and is put to the test on the rest (`calibration.heldout`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration.arrivals import ArrivalFit, fit_arrivals
from calibration.caselog import CaseLog
from calibration.choosing import one_error
from calibration.durations import DurationFit, case_scores, choose, fit_durations
from calibration.laws import Floats, Shape
from calibration.likelihood import Grouped
from calibration.observed import ALL, OTHER, Sample, events_min, grouped, grouping, has_own_end, sample_of
from calibration.office import Office, office_of
from calibration.problems import Problem
from sim.errors import InputError

FEWEST_TRAIN, FEWEST_TEST, FEWEST_DEADLINES = 100, 30, 30
STEPS, FEWEST_STEP = 6, 100
STEP_SHAPES = (Shape(("lognormal",)), Shape(("weibull",)), Shape(("lognormal", "lognormal")))
HOUR, DAY = 60.0, 1440.0
EDGE, EDGE_DAYS, MOST_DISPERSION = 0.02, 0.2, 15.0
Told = Callable[[str, dict[str, object]], None]


@dataclass(frozen=True)
class TailFit:
    """Time from closing to the end that the deadline is held against.

    Attributes
    ----------
    fit
        Law of the minutes; of minutes for a case with the median slack when ``scaled``.
    scaled
        Whether the time taken grows with the time left to the deadline (chosen by scores on unseen cases).
    slack_min
        Median minutes from closing to the deadline.
    candidates
        The comparison of the two readings.
    """

    fit: DurationFit
    scaled: bool
    slack_min: float
    candidates: pd.DataFrame


@dataclass(frozen=True)
class GroupFit:
    """The fits of one group of cases.

    Attributes
    ----------
    name
        Value of the grouping column, ``other``, or ``case`` for an undivided log.
    arrivals, cycle, tail
        The fits; no tail when the log has no end of its own besides closing.
    own_profile, own_law
        False when there were too few cases and the whole log's profile or law was taken.
    share
        Share of all cases.
    deadline_share, allowed_min
        Share of cases with a deadline, and float64[m] the minutes allowed in those that have one.
    cases, ended
        Before the split.
    """

    name: str
    arrivals: ArrivalFit
    cycle: DurationFit
    tail: TailFit | None
    own_profile: bool
    own_law: bool
    share: float
    deadline_share: float
    allowed_min: Floats
    cases: int
    ended: int

    @property
    def per_day(self) -> float:
        """Mean cases a day before the split."""
        return self.arrivals.per_day if self.own_profile else self.arrivals.per_day * self.share


@dataclass(frozen=True)
class LogFit:
    """Everything fitted to a log.

    Attributes
    ----------
    log, train, test
        The whole log and its two sides.
    seen, held
        The sides as arrays.
    column
        Column that divides the cases into groups, or None.
    groups
        Fits by group.
    office
        Office hours read off the events, or None.
    steps
        Table ``from, to, cases, median_min, law, parameters``: time between successive activities, for the most
        frequent pairs; not used in the overlay.
    skipped_days
        Days at the start with next to no cases, left out of the arrivals.
    problems
        Reasons why the fit should not be relied on.
    """

    log: CaseLog
    train: CaseLog
    test: CaseLog
    seen: Sample
    held: Sample
    column: str | None
    groups: dict[str, GroupFit]
    office: Office | None
    steps: pd.DataFrame
    skipped_days: int
    problems: tuple[Problem, ...]


def fit_log(
    log: CaseLog, at: str | dt.date | None = None, share: float = 0.7, holidays: frozenset[dt.date] = frozenset(),
    told: Told | None = None,
) -> LogFit:  # fmt: skip
    """Split a log by time and fit its first part.

    Parameters
    ----------
    log
        A case log.
    at, share
        Date of the split, or share of the cases before it.
    holidays
        Days that count as Sundays, in the fit and later in the simulation.
    told
        Is called with a key and its fields as each part begins.

    Raises
    ------
    InputError
        Too few cases on either side of the split.
    """
    say = told or (lambda key, fields: None)
    train, test = log.split(at=at, share=share)
    cut = train.local(pd.Series([train.window[1]])).iloc[0].date()
    tail = has_own_end(log)
    seen, held = sample_of(train, last=cut, tail=tail), sample_of(test, first=cut, tail=tail)
    _enough(log, seen, held)
    column, own = grouping(train)
    seen, held = grouped(seen, train, column, own), grouped(held, test, column, own)
    office = office_of(events_min(train, seen.start), seen.start, holidays)
    say("arrivals", {"cases": len(seen), "days": seen.days})
    skipped = sparse_start(seen)
    begins, days = seen.start + dt.timedelta(days=skipped), seen.days - skipped

    def arrivals_of(rows: np.ndarray) -> ArrivalFit:
        return fit_arrivals(seen.opened_min[rows] - skipped * DAY, begins, days, holidays, log.source.name)

    whole = arrivals_of(np.ones(len(seen), bool))
    names = [*own, *([OTHER] if column and (seen.group == OTHER).any() else [])] or [ALL]
    groups: dict[str, GroupFit] = {}
    laws: tuple[DurationFit, TailFit | None] | None = None
    for name in names:
        rows = seen.group == name
        few = column is not None and (name == OTHER and rows.sum() < FEWEST_TRAIN)
        say("durations", {"group": name, "cases": int(rows.sum())})
        if few and laws is None:
            laws = _laws(seen, office)
        mine = laws if few and laws is not None else _laws(seen.only(rows), office)
        arrivals = whole if few or column is None else arrivals_of(rows)
        groups[name] = _group(name, seen, rows, arrivals, mine, few)
    say("steps", {})
    problems = [one.within(name) if column else one for name, g in groups.items() for one in _problems(g)]
    return LogFit(log, train, test, seen, held, column, groups, office, _steps(train), skipped, tuple(problems))


def sparse_start(seen: Sample) -> int:
    """Return how many days at the start hold next to no cases and say nothing about the rate.

    Logs that were drawn by the time of closing begin with a few old cases. When the first 2 % of the cases take more
    than a fifth of the days, arrivals are fitted from there on.
    """
    at = np.sort(seen.opened_min[seen.inside])
    if not len(at):
        return 0
    first = int(at[int(EDGE * len(at))] // DAY)
    return first if first > EDGE_DAYS * seen.days else 0


def _problems(group: GroupFit) -> list[Problem]:
    found = [*group.cycle.problems, *(group.tail.fit.problems if group.tail is not None else ())]
    if group.arrivals.dispersion.phi > MOST_DISPERSION:
        times = f"{group.arrivals.dispersion.phi:.0f}"
        found.append(
            Problem(
                f"days vary {times} times as much as a Poisson process; such a log is no steady stream",
                f"各日来件的波动为泊松过程的{times}倍，日志并非平稳的来件流",
            )
        )
    return found


def _enough(log: CaseLog, seen: Sample, held: Sample) -> None:
    for side, sample, fewest in (("before", seen, FEWEST_TRAIN), ("after", held, FEWEST_TEST)):
        if len(sample) < fewest or sample.days < 1:
            raise InputError(
                f"too few cases {side} the split", file=log.source.name, field="--split", found=len(sample),
                allowed=f"at least {fewest}; a longer log or another date",
            )  # fmt: skip
    ended = int((~seen.cycle_open).sum())
    if ended < 2:
        raise InputError(
            "no case before the split has ended", file=log.source.name, field="--split", found=ended,
            allowed="at least 2 ended cases; better 50 or more",
        )  # fmt: skip


def _group(
    name: str, seen: Sample, rows: np.ndarray, arrivals: ArrivalFit, laws: tuple[DurationFit, TailFit | None], few: bool
) -> GroupFit:
    allowed = seen.allowed_min[rows]
    has = np.isfinite(allowed)
    return GroupFit(
        name, arrivals, laws[0], laws[1], not few, not few, float(rows.mean()), float(has.mean()), allowed[has],
        int(rows.sum()), int((rows & ~seen.cycle_open).sum()),
    )  # fmt: skip


def _laws(sample: Sample, office: Office | None) -> tuple[DurationFit, TailFit | None]:
    cycle = fit_durations(sample.cycle_min, sample.cycle_open, sample.opened_min, office=office)
    return cycle, _tail(sample)


def _tail(sample: Sample) -> TailFit | None:
    """Fit the time from closing to the end, as it is or as a share of the time left to the deadline."""
    known = np.isfinite(sample.tail_min)
    if (known & ~sample.tail_open).sum() < 2:
        return None
    mine = sample.only(known)
    slack = mine.allowed_min - mine.cycle_min
    free = np.isfinite(slack) & (slack > HOUR)
    if (free & ~mine.tail_open).sum() < FEWEST_DEADLINES or free.mean() < 0.5:
        plain = fit_durations(mine.tail_min, mine.tail_open, mine.opened_min)
        return TailFit(plain, False, float("nan"), pd.DataFrame())
    middle = float(np.median(slack[free]))
    x, c, factor = mine.tail_min[free], mine.tail_open[free], middle / slack[free]
    # cells are equally wide on the logarithm, so scores of a length and of its multiple weigh alike
    scores, freedom = {}, {}
    for label, values in (("by itself", x), ("with the time left", x * factor)):
        law, _ = choose(values, c)
        scores[label], freedom[label] = case_scores(law, Grouped.of(values, c)), law.shape.freedom
    chosen, table = one_error(scores, {"by itself": 0, "with the time left": 1}, "time to the end")
    table["parameters"] = table["form"].map(freedom)
    if chosen == "by itself":
        plain = fit_durations(mine.tail_min, mine.tail_open, mine.opened_min)
        return TailFit(plain, False, middle, table)
    return TailFit(fit_durations(x * factor, c, mine.opened_min[free]), True, middle, table)


def _steps(train: CaseLog) -> pd.DataFrame:
    """Fit the time between the most frequent pairs of successive activities, each by its likeliest law."""
    columns = ["from", "to", "cases", "median_min", "law", "parameters"]
    if not len(train.events):
        return pd.DataFrame(columns=columns)
    events = train.events
    same = events["case_id"].eq(events["case_id"].shift(-1))
    pairs = pd.DataFrame({"from": events["activity"], "to": events["activity"].shift(-1)})[same]
    minutes = ((events["at"].shift(-1) - events["at"]).dt.total_seconds() / 60.0)[same].to_numpy(float)
    rows: list[tuple[str, str, int, float, str, object]] = []
    counted = pairs.value_counts().head(STEPS).reset_index(name="cases")
    for first, second, n in zip(counted["from"], counted["to"], counted["cases"], strict=True):
        if n < FEWEST_STEP:
            continue
        x = np.maximum(minutes[((pairs["from"] == first) & (pairs["to"] == second)).to_numpy()], 0.0)
        law, _ = choose(x, np.zeros(len(x), bool), 0.1, STEP_SHAPES)
        rows.append((first, second, int(n), float(np.median(x)), law.shape.name, law.written()))
    return pd.DataFrame(rows, columns=columns)
