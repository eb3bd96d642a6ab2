"""What the command line says: plans, progress, tables; to a person or to a machine.

Words come from the language files through the function given; numbers come from a study. Notes and progress
go to standard error, results to standard output, so that ``--json`` and pipes stay clean. Nothing here
decides or runs anything.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.cells import cell_len
from rich.console import Console as Rich
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from scenarios.campaign import Progress
from scenarios.compare import Comparison, Paired, arm_interval
from scenarios.harm_told import harm_of
from scenarios.laid_out import laid_out
from scenarios.numbers import Words, difference, mean_text, quantity, ratio
from scenarios.runs import Record
from scenarios.study import Study
from scenarios.verdicts_told import SIGNS, verdict_and_needed
from sim.errors import InputError

_COMPARED = ("indicator", "state", "difference", "verdict", "variance_ratio")
LEAST_WIDTH = 40
ROOM_FOR_DENOMINATORS = 180  # from here on what a measure is taken over stands behind its title
PLAIN_WIDTH = 100  # where the output is no terminal and COLUMNS is not set: what a pager or a letter shows whole


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
            _print(self.err, self.words(f"cli.{key}", **fields))

    def warn(self, told: InputError | str) -> None:
        """Say on standard error what is no mistake and should be known, to a person and to a machine's log alike."""
        said = told if isinstance(told, str) else self.words.mistake(told)
        text = f"gridwhistle: {self.words('cli.warning')}: {said}"
        self.err.print(escape(text), highlight=False, soft_wrap=True)

    def say(self, key: str, **fields: object) -> None:
        """Say one line on standard output (nothing for a machine)."""
        if not self.machine:
            _print(self.out, self.words(f"cli.{key}", **fields))

    def json(self, data: object) -> None:
        """Write data as JSON on standard output; numbers that do not exist become null."""
        unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
        sys.stdout.write(json.dumps(jsonable(data), ensure_ascii=not unicode, indent=1) + "\n")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        title: str | None = None,
        about: int = 1,
        aside: int = 0,
    ) -> None:
        """Print a table laid out for the width at hand; nothing in it is cut (`scenarios.laid_out`)."""
        self.out.print(laid_out(columns, rows, self.out, title, about, aside))

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

    @contextmanager
    def compiling(self, total: int) -> Iterator[Callable[[int, str], None] | None]:
        """Show how far compiling is; yields what is called with the functions done and the part last finished."""
        if self.machine:
            yield None
        elif not self.err.is_terminal:
            yield self._compiling_lines(total)
        else:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Bar(*columns, console=self.err, transient=True) as bar:
                task = bar.add_task(self.words("cli.compiling_part", part="…"), total=total)

                def heard(done: int, part: str) -> None:
                    words = self.words("cli.compiling_part", part=part)
                    bar.update(task, completed=done, total=max(total, done), description=words)

                yield heard

    def _compiling_lines(self, total: int) -> Callable[[int, str], None]:
        """Return a progress of compiling for logs and pipes: one line at each fifth."""
        said = [0]

        def heard(done: int, part: str) -> None:
            fifth = 5 * done // max(total, 1)
            if fifth > said[0]:
                said[0] = fifth
                self.note("compiling_line", done=f"{done:,}", total=f"{max(total, done):,}", part=part)

        return heard

    def _lines(self, total: int) -> Progress:
        """Return a progress for logs and pipes: one line at each tenth."""
        said, began = [-1], [time.monotonic(), 0]

        def heard(done: int, planned: int, record: Record | None) -> None:
            if record is not None and record.state != "ok":
                self.err.print(escape(self._failure(record)), highlight=False, soft_wrap=True)
            tenth = 10 * done // max(planned, 1)
            if tenth > said[0]:
                said[0] = tenth
                if began[1] == 0 or done >= planned:
                    began[:] = [time.monotonic(), done] if done and not began[1] else began
                    self.note("progress_line", done=done, total=planned)
                    return
                each = (time.monotonic() - began[0]) / max(done - began[1], 1)
                left = duration((planned - done) * each, self.words)
                self.note("progress_line_left", done=done, total=planned, time=left)

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
        """Print one table per arm: indicator, state, both arms, paired difference, verdict, variance ratio."""
        absent = [metric for metric in study.plan.measures if metric not in study.measures]
        if absent:
            self.say("not_measured", names=", ".join(self._measure(metric)[0] for metric in absent))
        shown = set(study.plan.measures or worth_a_row(study.measures))
        for arm in study.policies[1:]:
            rows = [(one.metric, one[arm]) for one in comparisons if one.metric in shown]
            arms = [study.scenario.policy_title(policy, self.lang) for policy in (study.baseline, arm)]
            heads = {key: self.words(f"cli.columns.{key}") for key in _COMPARED}
            columns = [*(heads[key] for key in _COMPARED[:2]), *arms, *(heads[key] for key in _COMPARED[2:])]
            self.table(columns, [self._compared(metric, row) for metric, row in rows if row.pairs], about=2, aside=1)
            self._denominators([metric for metric, row in rows if row.pairs])
            self._footnotes([row for _, row in rows])

    def _compared(self, metric: str, row: Paired) -> list[str]:
        title, state, unit = self._measure(metric)
        told = asdict(row)
        means = [quantity(mean, unit, self.words) for mean in (row.mean_baseline, row.mean_arm)]
        verdict = verdict_and_needed(told, self.words, unit)
        return [
            self._titled(metric, title),
            state,
            *means,
            difference(told, unit, self.words),
            verdict,
            ratio(told, self.words),
        ]

    def _titled(self, metric: str, title: str) -> str:
        """Return a measure's title, what it is taken over behind it where the line is long enough."""
        from sim.measures import title_with_denominator
        from sim.measures.line_names import measure_of

        measure = measure_of(metric)
        if measure is None or self.out.width < ROOM_FOR_DENOMINATORS:
            return title
        return title_with_denominator(measure, self.lang)

    def _denominators(self, metrics: Sequence[str]) -> None:
        """Say in a line of its own what measures are taken over, where there is no room behind their titles."""
        from sim.measures import denominator
        from sim.measures.line_names import measure_of

        over: dict[str, list[str]] = {}
        for metric in metrics:
            measure = measure_of(metric)
            said = denominator(measure, self.lang) if measure is not None else ""
            if said:
                over.setdefault(said, []).append(self._measure(metric)[0])
        if over and self.out.width < ROOM_FOR_DENOMINATORS:
            parts = [self.words("cli.denominator", over=said, names=", ".join(names)) for said, names in over.items()]
            self.say("denominators", parts=self.words("phrases.comma").join(parts))

    def _measure(self, metric: str) -> tuple[str, str, str]:
        """Return a measure's title, its state as a word, and its unit's name."""
        from sim.measures.line_names import measure_of

        measure = measure_of(metric)
        if measure is None:
            return metric, "", ""
        title = measure.title[self.lang] if isinstance(measure.title, Mapping) else getattr(measure.title, self.lang)
        return title, self.words.name("states", measure.state), measure.unit

    def _footnotes(self, rows: Sequence[Paired]) -> None:
        pairs = max((row.pairs for row in rows), default=0)
        self.say("pairs_note", pairs=pairs)
        nowhere = [self._measure(row.metric)[0] for row in rows if not row.pairs]
        if nowhere:
            self.say("missing_everywhere", metrics=", ".join(nowhere))
        for row in rows:
            if row.missing and row.pairs:
                self.say("missing_note", metric=self._measure(row.metric)[0], missing=row.missing)

    def got_worse(self, study: Study, safeguards: Sequence[Comparison]) -> None:
        """Print what got worse under each arm, or what was watched in vain."""

        def named(metric: str) -> tuple[str, str]:
            title, _, unit = self._measure(metric)
            return title, unit

        for arm in study.policies[1:]:
            harm = harm_of([asdict(one[arm]) for one in safeguards], self.words, named)
            if harm is None:
                continue
            title = self.words("harm.title_arm", arm=study.scenario.policy_title(arm, self.lang))
            self.out.print(Text(f"\n{title}", style="bold"))
            for line in harm.worse:
                _print(self.out, f"  {SIGNS['worse']} {line}")
            for line in harm.watched:
                _print(self.out, f"  {line}")
            _print(self.out, f"  {self.words('harm.note')}")

    def precision(self, found: Mapping[str, Any]) -> None:
        """Say whether the precision that was asked for is reached."""
        name, _, unit = self._measure(str(found["metric"]))
        half, target = (quantity(float(found[key]), unit, self.words) for key in ("half_width", "target"))
        key = "reached" if found["reached"] else "none" if math.isnan(float(found["half_width"])) else "missed"
        self.say(f"precision_{key}", metric=name, half=half, target=target, pairs=found["pairs"],
                 replications=found["replications"])  # fmt: skip

    def means(self, study: Study) -> None:
        """Print the measures of a study with one arm, or of each arm: mean and its 95 % interval."""
        arms = study.policies
        columns = [self.words(f"cli.columns.{key}") for key in ("indicator", "state")]
        columns += [study.scenario.policy_title(arm, self.lang) for arm in arms]
        asked = [metric for metric in study.plan.measures if metric in study.measures]
        shown = asked or worth_a_row(study.measures)
        rows, told = [], []
        for metric in shown:
            values = study.values(metric)
            if asked or any(not math.isnan(x) for arm in arms for x in values[arm]):
                title, state, unit = self._measure(metric)
                proof = study.proof(metric)
                found = [mean_text(arm_interval(values[arm], proof), unit, self.words, metric) for arm in arms]
                rows.append([self._titled(metric, title), state, *found])
                told.append(metric)
        self.table(columns, rows, about=2)
        self._denominators(told)
        if not asked and len(rows) < len(study.measures):
            self.say("left_out", count=len(study.measures) - len(rows))


def check_encoding(lang: str) -> None:
    """Raise where the output cannot show the language asked for.

    Raises
    ------
    InputError
        The encoding has no Chinese characters.
    """
    if lang != "zh":
        return
    for stream in (sys.stdout, sys.stderr):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        try:
            "社区网格".encode(encoding)
        except (UnicodeEncodeError, LookupError):
            raise InputError(
                "the output cannot show Chinese characters", field="--lang", found=encoding,
                allowed="an encoding such as UTF-8 (PYTHONIOENCODING=utf-8), or --lang en",
            ) from None  # fmt: skip


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


def duration(seconds: float, words: Words) -> str:
    """Write a duration in the largest fitting unit."""
    if seconds < 90:
        return words("cli.seconds", n=max(1, round(seconds)))
    if seconds < 5400:
        return words("cli.minutes", n=round(seconds / 60))
    return words("cli.hours", n=f"{seconds / 3600:.1f}")


def _rich(stream: Any) -> Rich:
    found = Rich(file=stream, highlight=False)
    if found.is_terminal:
        return found
    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isdecimal() and int(asked) >= LEAST_WIDTH else PLAIN_WIDTH
    return Rich(file=stream, highlight=False, width=width, no_color=True)


def _print(out: Rich, text: str) -> None:
    """Print running text: folded between words on a terminal, on one line elsewhere; a path is never broken."""
    long = not out.is_terminal or any(cell_len(word) >= out.width for word in text.split() if word.isascii())
    out.print(Text(text), highlight=False, soft_wrap=long)


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
