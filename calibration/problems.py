"""Why a fit should not be relied on, said in both languages, since a scenario carries its own words in both.

Which problems there are is decided where they are found.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A reason that makes a scenario a draft: a clause without a full stop, in English and Chinese."""

    en: str
    zh: str

    def of(self, lang: str) -> str:
        """Return the clause in a language."""
        return self.zh if lang == "zh" else self.en

    def within(self, group: str) -> Problem:
        """Return the same problem as that of a group of cases."""
        return Problem(f"{group}: {self.en}", f"{group}：{self.zh}")
