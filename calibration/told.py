"""What a calibration says in the terminal: the log, the fits, the test, the verdict.

Words come from the language files; every table fits 80 columns. Nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from calibration.arrivals import ArrivalFit
from calibration.caselog import CaseLog
from calibration.durations import DurationFit
from calibration.joint import MOST_SEEN, Joint
from calibration.measured import STATISTICS
from calibration.said import named
from scenarios.console import Console
from scenarios.numbers import ends, number, quantity, shown, signed

if TYPE_CHECKING:
    from calibration.command import Outcome


class Teller:
    """Speaks for one calibration."""

    def __init__(self, console: Console) -> None:
        self.console, self.words = console, console.words

    def text(self, key: str, **fields: object) -> str:
        """Return the text under ``calibrate.<key>``."""
        return self.words(f"calibrate.{key}", **fields)

    def note(self, key: str, **fields: object) -> None:
        """Say one line of progress on standard error."""
        if not self.console.machine:
            self.console.err.print(escape(self.text(f"notes.{key}", **fields)), highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Say one line of the result on standard output."""
        self.console.out.print(escape(line), highlight=False)

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[int, int], None] | None]:
        """Show a bar while replications run; nothing for a machine or a pipe."""
        if self.console.machine or not self.console.err.is_terminal:
            yield None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bar(*columns, console=self.console.err, transient=True) as bar:
            task = bar.add_task(self.words("cli.running"), total=total)
            yield lambda done, planned: bar.update(task, completed=done, total=planned, refresh=False)

    def log(self, log: CaseLog) -> None:
        """Tell what was odd in the log: what was found and what follows; examples stand in fit.json."""
        if self.console.machine:
            return
        for finding in log.diagnosis.of("drop", "warn"):
            parts = (finding.text("problem", self.words), finding.text("consequence", self.words))
            line = f"  - {(' ' if self.console.lang == 'en' else '').join(part for part in parts if part)}"
            self.console.err.print(escape(line), highlight=False)

    def outcome(self, outcome: Outcome) -> None:
        """Tell everything."""
        fit = outcome.fit
        first, last = (str(fit.log.local(_series(t)).iloc[0].date()) for t in fit.log.window)
        self.say(
            self.text(
                "log_line", file=fit.log.source.name, cases=f"{len(fit.log.cases):,}",
                events=f"{len(fit.log.events):,}", first=first, last=last, zone=fit.log.zone,
            )
        )  # fmt: skip
        self.say(
            self.text(
                "split_line", at=fit.held.start, before=f"{len(fit.seen):,}", after=f"{len(fit.held):,}",
                open=int(fit.train.cases["open_end"].sum()),
            )
        )  # fmt: skip
        for name, group in fit.groups.items():
            title = "" if fit.column is None else f"{name}: "
            if group.own_profile:
                self._arrivals(group.arrivals, title)
            self._law(group.cycle, title + self.text("closing_title"))
            if group.tail is not None:
                self._law(group.tail.fit, title + self.text("end_title_scaled" if group.tail.scaled else "end_title"))
        self._held(outcome)
        self._status(outcome)

    def _arrivals(self, a: ArrivalFit, title: str) -> None:
        d = a.dispersion
        rows = [
            [self.text("rows.per_day"), number(a.per_day), self._ends(a.per_day_low, a.per_day_high)],
            [self.text("rows.hours"), named(a.hour_form, self.console.lang), ""],
            [self.text("rows.days"), named("+".join(a.day_terms) or "level", self.console.lang), ""],
        ]
        if "trend" in a.day_terms:
            rows.append([self.text("rows.trend"), signed(a.trend_per_year), self._ends(a.trend_low, a.trend_high)])
        rows += [
            [self.text("rows.dispersion"), number(d.phi), self._ends(d.phi_low, d.phi_high)],
            [self.text("rows.alpha"), number(d.alpha), self._ends(d.alpha_low, d.alpha_high)],
            [
                self.text("rows.gaps"),
                f"KS {a.gaps.ks:.3f}, p {'< 0.001' if a.gaps.ks_p < 0.001 else f'= {a.gaps.ks_p:.3f}'}",
                "",
            ],
        ]
        self.console.table(
            [self.text("columns.arrivals"), self.text("columns.value"), self.text("columns.interval")],
            rows,
            title=title + self.text("arrivals_title", cases=f"{a.cases:,}", days=a.days),
        )

    def _ends(self, low: float, high: float) -> str:
        return open_ends(low, high, self.words)

    def _law(self, d: DurationFit, title: str) -> None:
        rows = []
        for part in d.law.described():
            rows.append(
                [
                    named(str(part["part"]), self.console.lang),
                    quantity(float(part["share"]), "share", self.words),
                    sizes(part, self.words, d),
                ]
            )
        self.console.table(
            [self.text("columns.part"), self.text("columns.share"), self.text("columns.parameters")], rows, title=title
        )
        law = d.law
        fields: dict[str, object] = {
            "cases": f"{law.cases:,}",
            "open": law.cases - law.ended,
            "latest": f"{d.recent:.0%}",
        }
        self.say(self.text("law_note", **fields))
        if d.office is not None:
            hours = f"{d.office.opens_h:g}–{d.office.closes_h:g}"
            self.say(self.text("office_note", hours=hours, outside=f"{d.outside:.1%}"))

    def _held(self, outcome: Outcome) -> None:
        held, fit, words = outcome.held, outcome.fit, self.words
        rows = [
            [
                getattr(STATISTICS[row.statistic].title, self.console.lang),
                shown(row.observed, row.unit, words),
                f"{shown(row.simulated, row.unit, words)}"
                f" ({ends(shown(row.low, row.unit, words), shown(row.high, row.unit, words), words)})",
                f"±{shown(row.noise, row.unit, words)}",
                self.verdict(row.verdict, row.misses),
            ]
            for row in held.rows
        ]
        columns = ("statistic", "observed", "simulated", "noise", "verdict")
        self.console.table(
            [self.text(f"columns.{c}") for c in columns],
            rows,
            title=self.text("held_title", start=fit.held.start, days=fit.held.days, replications=held.replications),
        )
        self.say(self.text("held_note"))
        for line in joint_lines(held.joint, self.words):
            self.say(line)

    def verdict(self, verdict: str, misses: float) -> str:
        """Return a verdict in words."""
        return self.text(f"verdicts.{verdict}", times=f"{misses:.1f}" if math.isfinite(misses) else "∞")

    def _status(self, outcome: Outcome) -> None:
        made = outcome.made
        self.say("")
        self.say(self.text(f"status.{made.status}"))
        for reason in (*made.draft_reasons, *made.differences):
            self.say(f"  - {reason.of(self.console.lang)}")
        self.say(self.text("lost_head"))
        for key in made.lost:
            self.say(f"  - {self.text(f'lost.{key}')}")
        for file in outcome.files:
            self.console.say("written", path=file)


def sizes(part: dict[str, float | str], words: Any, law: DurationFit) -> str:
    """Return the parameters of a part with their intervals; working minutes are never told in days."""
    return words("phrases.comma").join(
        f"{words.name('calibrate.parameters', key)} {_size(key, part[key], words, law)}"
        f" ({_interval(key, part, words, law)})"
        for key in ("mean", "median", "sigma", "scale", "shape")
        if f"{key}_low" in part
    )


def _interval(key: str, part: dict[str, float | str], words: Any, law: DurationFit) -> str:
    low, high = part[f"{key}_low"], part[f"{key}_high"]
    if not math.isfinite(float(high)):
        return str(words("calibrate.undetermined"))
    return ends(_size(key, low, words, law), _size(key, high, words, law), words)


def joint_lines(joint: Joint | None, words: Any) -> list[str]:
    """Return what the joint test found and what it can see, in sentences."""
    if joint is None:
        return []
    p = "p < 0.001" if joint.p_value < 0.001 else f"p = {joint.p_value:.3f}"
    found = words(
        f"calibrate.joint.{'differs' if joint.differs else 'agrees'}", p=p, rows=len(joint.rows),
        level=f"{100 * joint.level:g}",
    )  # fmt: skip
    return [found, words("calibrate.joint.sees", rate=_seen(joint.rate_seen), times=_seen(joint.times_seen))]


def _seen(factor: float) -> str:
    return f"×{factor:.2f}" if math.isfinite(factor) else f">×{MOST_SEEN:g}"


def _size(key: str, value: float | str, words: Any, law: DurationFit) -> str:
    number_of = float(value)
    if key in ("sigma", "shape"):
        return f"{number_of:.2f}"
    if law.office is not None and number_of >= 90:
        return quantity(number_of / 60, "h", words)
    return shown(number_of, "min", words)


def open_ends(low: float, high: float, words: Any) -> str:
    """Return an interval whose upper end the data may leave open."""
    return ends(number(low), number(high), words) if math.isfinite(high) else f"{number(low)} …"


def _series(moment: Any) -> Any:
    import pandas as pd

    return pd.Series([moment])
