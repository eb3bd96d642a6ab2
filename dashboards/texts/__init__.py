"""The words of the interface, one YAML file per language, and the small reader that hands them out.

A text is asked for by a dotted key and filled with named fields. It is not a translation system: one form for a
single thing where a text has it (`Texts.counted`), no fallback between languages. A missing key is a fault of the
program and raises at once; a test holds both files to the same keys and the same fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from dashboards.texts.mistakes import sentence, units
from sim.errors import InputError

LANGUAGES = ("en", "zh")
_CHINESE = r"[\u3000-\u9fff\uff00-\uffef]"
_BETWEEN_CHINESE = re.compile(rf"(?<={_CHINESE})\s+(?={_CHINESE})")  # what a folded line of YAML leaves
_NO_MEASURE = ("占", "概率", "比例", "权重", "开关", "层级", "由", "0 至", "对数几率", "自然对数", "贝塔", "级（")
_ASSUMED = re.compile(r"assumption(?:: |, | (?=\())?")


@cache
def _tree(lang: str) -> dict[str, Any]:
    return yaml.safe_load(files("dashboards.texts").joinpath(f"{lang}.yaml").read_text(encoding="utf-8"))


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the texts of a tree as dotted key -> text."""
    out: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = str(value)
    return out


@cache
def all_texts(lang: str) -> dict[str, str]:
    """Return every text of a language as dotted key -> text; not to be changed.

    ``parameter_units.`` holds the units of parameters, which stand in a file of their own.
    """
    return flat(_tree(lang)) | {f"parameter_units.{unit}": there for unit, there in units(lang).items()}


class Texts:
    """All texts of one language.

    Parameters
    ----------
    lang
        ``"en"`` or ``"zh"``.
    titles
        ``group.name`` -> title, for names that a scenario brings with titles of its own (posts, departments,
        channels); they win in :meth:`name`.

    Raises
    ------
    InputError
        For any other language.

    Examples
    --------
    >>> Texts("en")("words.baseline")
    'baseline'
    """

    def __init__(self, lang: str = "en", titles: Mapping[str, str] | None = None) -> None:
        if lang not in LANGUAGES:
            raise InputError("unknown language", field="lang", found=lang, allowed=LANGUAGES)
        self.lang = lang
        self._texts = all_texts(lang)
        self._titles = dict(titles or {})

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text under ``key`` with its fields filled in; KeyError when it does not exist."""
        text = self._texts[key]
        return text.format(**fields) if fields else text

    def mistake(self, error: InputError) -> str:
        """Return a mistake in input, or what is told like one, as one sentence; a log that is refused has its own."""
        return sentence(error, self.lang, self)

    def counted(self, key: str, count: int, **fields: object) -> str:
        """Return the text for so many things: ``key``, or ``key_one`` for a single one; fills in ``{count}``."""
        return self(f"{key}_one" if count == 1 else key, count=f"{count:,}", **fields)

    def name(self, group: str, key: str) -> str:
        """Return the title of a name that data brings (a channel, a column), or the name itself, made readable."""
        full = f"{group}.{key}"
        return self._titles.get(full) or self._texts.get(full, str(key).replace("_", " "))

    def unit(self, unit: str) -> str:
        """Return the unit of a parameter, or of a field named after one, in words."""
        own = f"parameter_units.{unit}"
        return self._texts[own] if own in self._texts else self.name("units", unit)

    def with_unit(self, number: str, unit: str) -> str:
        """Return a parameter's value with its unit; what is no unit of measure stands in brackets."""
        said = self.unit(unit)
        return f"{number}（{said}）" if self.lang == "zh" and said.startswith(_NO_MEASURE) else f"{number} {said}"

    def source(self, source: str) -> tuple[str, str]:
        """Return where a number comes from: what is said in this language, and what stays as it was written.

        Sources are long and cite; they keep their own language, and pages mark them so. Only whether a number is an
        assumption is said in words.
        """
        found = _ASSUMED.match(source) if self.lang != "en" else None
        if found is None:
            return "", source
        rest = source[found.end() :]
        return self("words.assumption") + (self("phrases.colon") if rest else ""), rest

    @property
    def joiner(self) -> str:
        """What stands between two sentences: a space in English, nothing in Chinese."""
        return "" if self.lang == "zh" else " "


def pick(titles: object, lang: str, otherwise: str = "") -> str:
    """Return the text of ``lang`` from a ``{"en": ..., "zh": ...}`` mapping, a form with such fields, or a string.

    Falls back to English and then to ``otherwise``, since titles written by a user may exist in one language only.
    """
    if isinstance(titles, str):
        return titles
    if isinstance(titles, Mapping):
        found = titles.get(lang) or titles.get("en")
    else:
        found = getattr(titles, lang, None) or getattr(titles, "en", None)
    said = str(found) if found else otherwise
    return _BETWEEN_CHINESE.sub("", said) if lang == "zh" else said
