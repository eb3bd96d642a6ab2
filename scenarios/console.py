"""What the command line says: plans, progress, tables; to a person or to a machine.

Words come from the language files through the function given; numbers come from a study. Notes and progress
go to standard error, results to standard output, so that ``--json`` and pipes stay clean. Nothing here
decides or runs anything.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import rich.box
from rich.cells import cell_len
from rich.console import Console as Rich
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from scenarios.campaign import Progress
from scenarios.compare import Comparison, Paired, verdict_word
from scenarios.runs import Record
from scenarios.study import Study


class Words(Protocol):
    """Texts of one language, as `dashboards.texts.Texts` gives them."""

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text under a dotted key, its fields filled in."""
        ...

    def name(self, group: str, key: str) -> str:
        """Return the text of a name that data brings, or the name made readable."""
        ...


PLAIN_WIDTH = 220  # where the output is no terminal: wide enough that no cell is folded

NARROW = 100  # terminal columns below which cells are folded rather than cut, and comparisons take two lines each
SHORT = 26  # names up to this long are never broken
_COMPARED = ("indicator", "unit", "state", "difference", "verdict", "variance_ratio")


class Console:
    """Speaks for one command.

    Parameters
    ----------
    words
        Key and fields -> text in the chosen language.
    lang
        ``en`` or ``zh``; picks titles that scenarios and measures bring along.
    machine
        True: only JSON on standard output, no notes and no bar.
    """

    def __init__(self, words: Words, lang: str = "en", machine: bool = False) -> None:
        self.words, self.lang, self.machine = words, lang, machine
        self.out, self.err = _rich(sys.stdout), _rich(sys.stderr)

    def note(self, key: str, **fields: object) -> None:
        """Say one line on standard error (nothing for a machine)."""
        if not self.machine:
            self.err.print(escape(self.words(f"cli.{key}", **fields)), highlight=False, soft_wrap=True)

    def say(self, key: str, **fields: object) -> None:
        """Say one line on standard output (nothing for a machine)."""
        if not self.machine:
            self.out.print(escape(self.words(f"cli.{key}", **fields)), highlight=False, soft_wrap=True)

    def json(self, data: object) -> None:
        """Write data as JSON on standard output; numbers that do not exist become null."""
        sys.stdout.write(json.dumps(jsonable(data), ensure_ascii=False, indent=1) + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
        """Print a table; the first column is text, the others are aligned to the right where they are numbers."""
        made = Table(title=escape(title) if title else None, box=rich.box.SIMPLE_HEAD, title_justify="left")
        for index, column in enumerate(columns):
            numeric = index > 0 and all(_numeric(row[index]) for row in rows)
            short = index == 0 and all(cell_len(line) <= SHORT for row in rows for line in row[0].splitlines())
            whole = short or (numeric and not self._is_narrow)
            made.add_column(escape(column), justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
        for row in rows:
            made.add_row(*[escape(cell) for cell in row])
        self.out.print(made)

    @contextmanager
    def progress(self, total: int) -> Iterator[Progress | None]:
        """Show a bar with the time left; yields what a campaign calls, or None for a machine."""
        if self.machine or not self.err.is_terminal:
            yield None if self.machine else self._lines(total)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*columns, TimeRemainingColumn(), console=self.err, transient=True) as bar:
            task = bar.add_task(self.words("cli.running"), total=total)

            def heard(done: int, planned: int, record: Record | None) -> None:
                bar.update(task, completed=done, total=planned)
                if record is not None and record.state != "ok":
                    bar.console.print(escape(self._failure(record)), highlight=False)

            yield heard

    def _lines(self, total: int) -> Progress:
        """Return a progress for logs and pipes: one line at each tenth."""
        said = [-1]

        def heard(done: int, planned: int, record: Record | None) -> None:
            if record is not None and record.state != "ok":
                self.err.print(escape(self._failure(record)), highlight=False, soft_wrap=True)
            tenth = 10 * done // max(planned, 1)
            if tenth > said[0]:
                said[0] = tenth
                self.note("progress_line", done=done, total=planned)

        return heard

    def _failure(self, record: Record) -> str:
        run = record.run
        return self.words(
            "cli.run_failed",
            policy=run.policy,
            replication=run.replication,
            message=record.message,
            file=record.failure,
        )

    def comparisons(self, study: Study, comparisons: Sequence[Comparison]) -> None:
        """Print one table per arm: indicator, unit, state, both arms, paired difference, verdict, variance ratio."""
        absent = [metric for metric in study.plan.measures if metric not in study.measures]
        if absent:
            self.say("not_measured", names=", ".join(absent))
        shown = set(study.plan.measures or worth_a_row(study.measures))
        for arm in study.policies[1:]:
            rows = [(one.metric, one[arm]) for one in comparisons if one.metric in shown]
            base = study.scenario.policy_title(study.baseline, self.lang)
            other = study.scenario.policy_title(arm, self.lang)
            cells = [self._compared(metric, row) for metric, row in rows if row.pairs]
            if self._is_narrow:
                heads = [base, other, self.words("cli.columns.difference"), self.words("cli.columns.verdict")]
                self._stacked(heads, [(row[:3], row[3:7]) for row in cells], last_left=True)
            else:
                names = {key: self.words(f"cli.columns.{key}") for key in _COMPARED}
                columns = [*(names[key] for key in _COMPARED[:3]), base, other, *(names[key] for key in _COMPARED[3:])]
                self.table(columns, cells)
            self._footnotes([row for _, row in rows])

    @property
    def _is_narrow(self) -> bool:
        return self.out.is_terminal and self.out.width < NARROW

    def _stacked(
        self, heads: Sequence[str], rows: Sequence[tuple[Sequence[str], Sequence[str]]], last_left: bool = False
    ) -> None:
        """Print rows for a narrow terminal: what each is about on a line of its own, its numbers below."""
        columns = len(heads)
        wide = [max((cell_len(numbers[k]) for _, numbers in rows), default=0) for k in range(columns)]
        if last_left:
            wide[-1] = 0
        self.out.print(escape("\n" + " · ".join(heads)), highlight=False, soft_wrap=False, style="bold")
        for about, numbers in rows:
            self.out.print(escape(" · ".join(part for part in about if part)), highlight=False)
            right = [" " * (w - cell_len(cell)) + cell for cell, w in zip(numbers, wide, strict=True)]
            self.out.print(escape("  " + "  ".join(right)), highlight=False)
        self.out.print()

    def _compared(self, metric: str, row: Paired) -> list[str]:
        interval = f"{signed(row.difference)} ({signed(row.low)} … {signed(row.high)})"
        return [
            *self._measure(metric),
            number(row.mean_baseline),
            number(row.mean_arm),
            interval if row.pairs > 1 else signed(row.difference),
            self._verdict(row),
            ratio_text(row, self.words),
        ]

    def _measure(self, metric: str) -> list[str]:
        from sim.measures.line_names import measure_of

        measure = measure_of(metric)
        if measure is None:
            return [metric, "", ""]
        title = measure.title[self.lang] if isinstance(measure.title, Mapping) else getattr(measure.title, self.lang)
        return [title, self.words.name("units", measure.unit), self.words(f"cli.states.{measure.state}")]

    def _verdict(self, row: Paired) -> str:
        return verdict_text(row, self.words, "cli.undecided_needed")

    def _footnotes(self, rows: Sequence[Paired]) -> None:
        pairs = max((row.pairs for row in rows), default=0)
        self.say("pairs_note_narrow" if self._is_narrow else "pairs_note", pairs=pairs)
        nowhere = [row.metric for row in rows if not row.pairs]
        if nowhere:
            self.say("missing_everywhere", metrics=", ".join(nowhere))
        for row in rows:
            if row.missing and row.pairs:
                self.say("missing_note", metric=row.metric, missing=row.missing)

    def means(self, study: Study) -> None:
        """Print the measures of a study with one arm, or of each arm: mean and its 95 % interval."""
        from scenarios.compare import mean_interval

        arms = study.policies
        columns = [self.words(f"cli.columns.{key}") for key in ("indicator", "unit", "state")]
        columns += [study.scenario.policy_title(arm, self.lang) for arm in arms]
        asked = [metric for metric in study.plan.measures if metric in study.measures]
        shown = asked or worth_a_row(study.measures)
        rows = []
        for metric in shown:
            values = study.values(metric)
            if asked or any(not math.isnan(x) for arm in arms for x in values[arm]):
                rows.append([*self._measure(metric), *[interval_text(mean_interval(values[arm])) for arm in arms]])
        if self._is_narrow and len(arms) > 1:
            self._stacked(columns[3:], [(row[:3], row[3:]) for row in rows])
        else:
            self.table(columns, rows)
        if not asked and len(rows) < len(study.measures):
            self.say("left_out", count=len(study.measures) - len(rows))


def worth_a_row(measures: Sequence[str]) -> list[str]:
    """Return the measures that a table shows unasked.

    A bare model has measures of lines (their names have dots) and none of a city; where only one type comes to a post,
    its rows would repeat the post's. What is measured by kind (``kind.``) is shown to who asks for it.
    """
    measures = [name for name in measures if not name.startswith("kind.")]
    lines = [name.split(".") for name in measures if "." in name]
    by_type = [parts for parts in lines if parts[0] == "line" and len(parts) == 4]
    types = {post: {parts[2] for parts in by_type if parts[1] == post} for post in {parts[1] for parts in by_type}}
    shown = [parts for parts in lines if parts not in by_type or len(types[parts[1]]) > 1]
    return [".".join(parts) for parts in shown] or list(measures)


def number(value: float) -> str:
    """Write a number with about four digits, thousands separated; '–' where there is none."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if size >= 1000 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 100 else f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def signed(value: float) -> str:
    """Write a number with its sign."""
    return number(value) if math.isnan(value) or value <= 0 else f"+{number(value)}"


def interval_text(found: tuple[float, float, float]) -> str:
    """Write a mean with its interval, or alone where there is none."""
    mean, low, high = found
    return number(mean) if math.isnan(low) or low == high else f"{number(mean)} ({number(low)} … {number(high)})"


def verdict_text(row: Paired, words: Words, needed_key: str) -> str:
    """Write a verdict; where it is undecided, with how many more replications it takes or that it is adjusted."""
    key = verdict_word(row.verdict, row.low, row.high)
    word = words(f"cli.verdicts.{key}")
    if key == "undecided" and row.needed:
        return words(needed_key, verdict=word, needed=f"{row.needed:,}")
    return word


def ratio_text(row: Paired, words: Words) -> str:
    """Write the variance ratio with its interval; in words where the arms never differ or vary."""
    if math.isnan(row.variance_ratio):
        return "–"
    if math.isinf(row.variance_ratio):
        return words("cli.identical") if row.sd_difference == 0 and row.difference == 0 else "∞"
    return f"{number(row.variance_ratio)} ({number(row.variance_ratio_low)} … {number(row.variance_ratio_high)})"


def duration(seconds: float, words: Words) -> str:
    """Write a duration in the largest fitting unit."""
    if seconds < 90:
        return words("cli.seconds", n=max(1, round(seconds)))
    if seconds < 5400:
        return words("cli.minutes", n=round(seconds / 60))
    return words("cli.hours", n=f"{seconds / 3600:.1f}")


def _numeric(cell: str) -> bool:
    return not cell or cell[0] in "0123456789+-–∞"


def _rich(stream: Any) -> Rich:
    found = Rich(file=stream, highlight=False)
    return found if found.is_terminal else Rich(file=stream, highlight=False, width=PLAIN_WIDTH, no_color=True)


def jsonable(data: Any) -> Any:
    """Return data as JSON can hold it: texts for what it does not know, null for numbers that do not exist."""
    if isinstance(data, Mapping):
        return {str(k): jsonable(v) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [jsonable(v) for v in data]
    if hasattr(data, "item") and not isinstance(data, str | bytes):
        data = data.item()
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data if isinstance(data, str | int | float | bool) or data is None else str(data)
