"""What got worse, in words: the block that stands beside every answer, and the clause that goes into it.

Made from the rows of the safeguards (`scenarios.safeguards`), for the terminal, the compare page and the report alike.
Where nothing got worse it says what was watched, and what is too rare to judge: silence would read as safety.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.numbers import Words, difference, quantity

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Harm:
    """What is said of the safeguards of one arm.

    Attributes
    ----------
    clause
        What is appended to a verdict in the same sentence; empty when nothing got worse.
    worse
        One line per safeguard that got worse: name, both means, difference with its interval.
    watched
        What was watched and did not get clearly worse, and what is too rare to judge.
    """

    clause: str
    worse: list[str]
    watched: list[str]


def harm_of(rows: Sequence[Row], words: Words, named: Callable[[str], tuple[str, str]]) -> Harm | None:
    """Return what is said of an arm's safeguards; None where there are none.

    Parameters
    ----------
    rows
        The arm's rows of `Study.safeguard_table`, as mappings.
    words
        Texts of the language.
    named
        Measure -> its title and its unit.
    """
    if not rows:
        return None
    worse = [row for row in rows if row["verdict"] == "worse"]
    rare = [row for row in rows if row["verdict"] == "too_rare"]
    judged = [row for row in rows if row["verdict"] not in ("worse", "too_rare")]
    comma, title = words("phrases.comma"), lambda row: named(str(row["metric"]))[0]
    parts = [f"{title(row)} {difference(row, named(str(row['metric']))[1], words)}" for row in worse]
    clause = words("harm.clause", parts=comma.join(parts)) if worse else ""
    watched = []
    if judged:
        key = "harm.others" if worse else "harm.none"
        watched.append(words.counted(key, len(judged), names=comma.join(map(title, judged))))
    if rare:
        names = comma.join(_rare(row, title(row), words) for row in rare)
        watched.append(words("harm.rare", pairs=f"{max(int(row['pairs']) for row in rare):,}", names=names))
    return Harm(clause, [_line(row, words, named) for row in worse], watched)


def _line(row: Row, words: Words, named: Callable[[str], tuple[str, str]]) -> str:
    title, unit = named(str(row["metric"]))
    before, after = (quantity(float(row[key]), unit, words) for key in ("mean_baseline", "mean_arm"))
    return words("harm.line", measure=title, before=before, after=after, difference=difference(row, unit, words))


def _rare(row: Row, title: str, words: Words) -> str:
    enough = row.get("enough")
    if not isinstance(enough, int | float) or not enough > 0:
        return title
    return words("harm.enough", measure=title, enough=f"{int(enough):,}")
