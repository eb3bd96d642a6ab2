"""The state of an analysis page, read from and written to its address.

A page is a function of its :class:`Address` and of what lies on the disk, so that a link shows a colleague the same
page. Values that mean nothing are dropped here, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from dashboards.texts import LANGUAGES, Texts

PREFIX = "/lab/"
PAGES = ("library", "run", "compare")
LONGEST = 2000


@dataclass(frozen=True)
class Address:
    """Page, language and the page's own fields.

    Attributes
    ----------
    page
        One of :data:`PAGES`.
    lang
        Language of the page.
    fields
        Everything else in the query, each field once.
    """

    page: str
    lang: str = "en"
    fields: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, pathname: str | None, search: str | None) -> Address:
        """Return the address that a browser shows."""
        page = (pathname or "").removeprefix(PREFIX).strip("/")
        query = dict(parse_qsl((search or "").lstrip("?")[:LONGEST]))
        lang = query.pop("lang", "en")
        return cls(page if page in PAGES else PAGES[0], lang if lang in LANGUAGES else "en", query)

    @property
    def t(self) -> Texts:
        """The texts of the page's language."""
        return Texts(self.lang)

    def get(self, name: str, otherwise: str = "") -> str:
        """Return a field, or ``otherwise`` when it is not there or empty."""
        return self.fields.get(name) or otherwise

    def link(self, page: str | None = None, /, **fields: object) -> str:
        """Return the address of a page with these fields (empty ones left out) and this language."""
        given = {name: str(value) for name, value in fields.items() if value not in ("", None)}
        return f"{PREFIX}{page or self.page}?{urlencode({**given, 'lang': self.lang})}"
