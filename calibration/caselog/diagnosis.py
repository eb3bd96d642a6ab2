"""What was found wrong or odd in a case log: findings, the diagnosis they make up, and the refusal.

A finding has a severity: ``refuse`` (the log is not used), ``drop`` (rows or cases left out because the user said
so), ``warn`` (used, but something follows from it), ``note`` (how the log was read). What each code means stands in
`calibration.caselog.kinds`; looking for trouble is not done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Literal, NoReturn, Protocol
from unicodedata import east_asian_width

from calibration.caselog.kinds import english, shorter
from sim.errors import InputError

Severity = Literal["refuse", "drop", "warn", "note"]
ORDER: tuple[Severity, ...] = ("refuse", "drop", "warn", "note")
SHOWN_EXAMPLES = 3
SHOWN_FINDINGS = 4
SHOWN_ODD = 3
WIDTH = 78
OPENING, CLOSING = "（“《", "，。；：、！？）”》"


class Words(Protocol):
    """Texts of one language by key, as `dashboards.texts.Texts` gives them."""

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text under a key, its fields filled in."""
        ...


@dataclass(frozen=True)
class Finding:
    """One thing found in a log.

    Attributes
    ----------
    severity
        ``refuse``, ``drop``, ``warn`` or ``note``.
    code
        Key of `calibration.caselog.kinds.KINDS`.
    count, total
        How many of how many (rows, stamps, cases: the code says which); 0 of 0 where counting has no sense.
    examples
        Places as a reader finds them in the file, with what stands there: ``line 12: '2011-10-11'``.
    column, found, allowed
        The column concerned, what stood there, what may stand there; empty where it has no sense.
    """

    severity: Severity
    code: str
    count: int = 0
    total: int = 0
    examples: tuple[str, ...] = ()
    column: str = ""
    found: str = ""
    allowed: str = ""

    @property
    def share(self) -> float:
        """Return count / total, 0 where nothing was counted."""
        return self.count / self.total if self.total else 0.0

    @property
    def fields(self) -> dict[str, str]:
        """Return what the texts of this code may be filled with."""
        return {
            "count": f"{self.count:,}", "total": f"{self.total:,}", "share": percent(self.share),
            "column": self.column, "found": shorter(self.found), "allowed": self.allowed,
        }  # fmt: skip

    def text(self, part: str, words: Words = english) -> str:
        """Return one part in words: ``problem``, ``consequence`` or ``remedy``."""
        return words(f"caselog.findings.{self.code}.{part}", **self.fields)

    @property
    def problem(self) -> str:
        """Return in English what was found."""
        return self.text("problem")

    @property
    def consequence(self) -> str:
        """Return in English what follows from it for a fit."""
        return self.text("consequence")

    @property
    def remedy(self) -> str:
        """Return in English what the user can do."""
        return self.text("remedy")

    def paragraph(self, words: Words = english, first: str = "") -> list[str]:
        """Return lines of text: problem, places, what is allowed, what follows, what to do."""
        inner = " " * columns_of(first)
        lines = wrapped(self.text("problem", words), first, inner)
        for example in self.examples:
            lines += wrapped(words("caselog.seen", text=example), inner, inner + "  ")
        parts = {"allowed": self.allowed, "so": self.text("consequence", words), "do": self.text("remedy", words)}
        for part, text in parts.items():
            if text:
                lines += wrapped(words(f"caselog.{part}", text=text), inner, inner + "  ")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for ``--json``."""
        return {
            "severity": self.severity, "code": self.code, "count": self.count, "total": self.total,
            "share": self.share, "examples": list(self.examples), "column": self.column, "found": self.found,
            "allowed": self.allowed, "problem": self.problem, "consequence": self.consequence, "remedy": self.remedy,
        }  # fmt: skip


@dataclass
class Diagnosis:
    """All findings of one log, in the order they were made."""

    findings: list[Finding] = field(default_factory=list)

    def of(self, *severities: Severity) -> list[Finding]:
        """Return the findings of these severities."""
        return [one for one in self.findings if one.severity in severities]

    def get(self, code: str) -> Finding | None:
        """Return the first finding of a code, or None."""
        return next((one for one in self.findings if one.code == code), None)

    @property
    def refused(self) -> bool:
        """Say whether the log cannot be used."""
        return bool(self.of("refuse"))

    def as_dict(self) -> list[dict[str, Any]]:
        """Return plain data for ``--json``, gravest first."""
        return [one.as_dict() for severity in ORDER for one in self.of(severity)]


class LogRefused(InputError):
    """The log cannot be used as it is; the sentence is a diagnosis that fits one screen.

    Attributes
    ----------
    diagnosis
        Every finding up to the refusal.
    """

    def __init__(self, file: str | PathLike[str], diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis
        first = diagnosis.of("refuse")[0]
        super().__init__(
            first.problem, file=file, field=first.column or None, found=first.found or None,
            allowed=first.allowed or None,
        )  # fmt: skip

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Keep the diagnosis when the error crosses from a worker process."""
        return type(self), (self.file, self.diagnosis)

    def worded(self, words: Words) -> str:
        """Return the diagnosis in the words of a language (`dashboards.texts.mistakes.Worded`)."""
        return self.sentence(words)

    def sentence(self, words: Words = english) -> str:
        """Return the diagnosis: what, where, what follows, what to do; at most a screen of text.

        Parameters
        ----------
        words
            Texts of a language, such as `dashboards.texts.Texts`; English when not given.
        """
        refusals = self.diagnosis.of("refuse")
        lines = [words("caselog.refused", file=self.file, count=len(refusals))]
        for number, one in enumerate(refusals[:SHOWN_FINDINGS], 1):
            lines += one.paragraph(words, f"  {number}. ")
        rest = refusals[SHOWN_FINDINGS:]
        if rest:
            text = " ".join(one.text("problem", words) for one in rest)
            lines += wrapped(words("caselog.further", text=text), "  ", "    ")
        odd = self.diagnosis.of("warn", "drop")
        if odd:
            told = [one.text("problem", words) for one in odd[:SHOWN_ODD]] + ["…"] * (len(odd) > SHOWN_ODD)
            lines += wrapped(words("caselog.noticed", text=" ".join(told)), "  ", "    ")
        return "\n".join(lines)


class Findings:
    """Collects findings while a log is read, and decides what a bad row leads to.

    Parameters
    ----------
    file
        The path as the user gave it.
    drop
        True: rows that cannot be used are left out and counted. False: they lead to a refusal.
    accepted
        Codes that the map accepts: what would refuse the log is a warning then.
    """

    def __init__(self, file: str | PathLike[str], drop: bool, accepted: Sequence[str] = ()) -> None:
        self.file, self.drop, self.accepted = file, drop, frozenset(accepted)
        self.diagnosis = Diagnosis()

    def add(self, severity: Severity, code: str, **fields: Any) -> None:
        """Record a finding; see `Finding` for the fields."""
        examples: Sequence[str] = fields.pop("examples", ())
        self.diagnosis.findings.append(Finding(severity, code, examples=tuple(examples)[:SHOWN_EXAMPLES], **fields))

    def warn(self, code: str, **fields: Any) -> None:
        """Record something that the log is used in spite of."""
        self.add("warn", code, **fields)

    def note(self, code: str, **fields: Any) -> None:
        """Record how something was read."""
        self.add("note", code, **fields)

    def refuse(self, code: str, **fields: Any) -> None:
        """Record a refusal and go on looking, so that all reasons are told at once; a warning where accepted."""
        self.add("warn" if code in self.accepted else "refuse", code, **fields)

    def bad(self, code: str, **fields: Any) -> None:
        """Record rows that cannot be used: dropped by the user's choice, else a refusal."""
        self.add("drop" if self.drop else "refuse", code, **fields)

    def stop(self, code: str, **fields: Any) -> NoReturn:
        """Record a refusal after which nothing more can be read."""
        self.add("refuse", code, **fields)
        raise LogRefused(self.file, self.diagnosis)

    def settle(self) -> Diagnosis:
        """Return the diagnosis, or refuse if anything in it refuses.

        Raises
        ------
        LogRefused
            When at least one finding refuses.
        """
        if self.diagnosis.refused:
            raise LogRefused(self.file, self.diagnosis)
        return self.diagnosis


def percent(share: float) -> str:
    """Write a share as a percentage; small ones are not rounded to nothing."""
    value = 100 * share
    if 0 < value < 0.1:
        return "<0.1%"
    return f"{value:.3g}%" if value < 99.95 or share == 1 else ">99.9%"


def wrapped(text: str, first: str, rest: str, width: int = WIDTH) -> list[str]:
    """Break a text into lines, the later ones indented; Chinese breaks anywhere."""
    lines, line = [], first
    used = columns_of(first)
    for piece in _pieces(text):
        if used + columns_of(piece.rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            line, used = rest, columns_of(rest)
            piece = piece.lstrip()
        line, used = line + piece, used + columns_of(piece)
    return [*lines, line.rstrip()]


def columns_of(text: str) -> int:
    """Return how many terminal columns a text takes; wide characters take two."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _pieces(text: str) -> list[str]:
    """Cut a text where a line may break: after blanks and between wide characters, but not beside brackets."""
    pieces, piece = [], ""
    for c, after in zip(text, text[1:] + " ", strict=True):
        piece += c
        wide = east_asian_width(c) in "WF" and c not in OPENING and after not in CLOSING
        if c == " " or wide:
            pieces.append(piece)
            piece = ""
    return [*pieces, piece] if piece else pieces
