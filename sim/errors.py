"""What is wrong with an input, said once and clearly.

Every reader, schema and builder raises :class:`InputError`; the command line prints its one sentence and
leaves with exit code 2. It is not for faults of the program itself: those stay ordinary exceptions.
"""

from __future__ import annotations

from os import PathLike

MOST_FOUND = 300
MOST_ALLOWED = 3000
"""Characters of what was found, and of what is wrong and allowed, that a sentence shows."""


class InputError(Exception):
    """A mistake in something the user gave.

    Parameters
    ----------
    problem
        What is wrong, a clause without the place ("unknown field", "the area tree has a cycle").
    file, line, field
        Where: path as the user gave it, 1-based line, dotted field name. Omit what is not known.
    found
        What stood there.
    allowed
        What may stand there, in words or as a list.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | PathLike[str] | None = None,
        line: int | None = None,
        field: str | None = None,
        found: object = None,
        allowed: object = None,
    ) -> None:
        self.problem, self.file, self.line, self.field = problem, file, line, field
        self.found, self.allowed = found, allowed
        super().__init__(self.sentence())

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Keep the fields when an error crosses from a worker process."""
        return _again, (self.problem, self.file, self.line, self.field, self.found, self.allowed)

    def sentence(self) -> str:
        """Return the one sentence: file, line, field, problem, found, allowed."""
        place = ", ".join(
            part
            for part in (
                bounded(str(self.file)) if self.file is not None else "",
                f"line {self.line}" if self.line is not None else "",
                f"field '{bounded(self.field)}'" if self.field else "",
            )
            if part
        )
        problem = bounded(self.problem, MOST_ALLOWED)
        text = f"{place}: {problem}" if place else problem
        if self.found is not None:
            text += f"; found {as_found(self.found)}"
        if self.allowed is not None:
            allowed = (
                ", ".join(map(str, self.allowed)) if isinstance(self.allowed, list | tuple | set) else self.allowed
            )
            text += f"; allowed: {bounded(str(allowed), MOST_ALLOWED)}"
        return text + "."


def bounded(text: str, most: int = MOST_FOUND) -> str:
    """Return a text, or its beginning and its length when it is long."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def as_found(found: object) -> str:
    """Return what was found as a sentence shows it: as written, control characters told, its beginning when long."""
    try:
        return bounded(repr(found))
    except ValueError:  # a whole number of thousands of digits has no text
        return "a number of thousands of digits"


def _again(
    problem: str, file: object, line: int | None, field: str | None, found: object, allowed: object
) -> InputError:
    return InputError(problem, file=file, line=line, field=field, found=found, allowed=allowed)  # type: ignore[arg-type]
