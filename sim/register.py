"""The register of parameters: what may be tuned, in which unit and range, and where each number comes from.

`register.yaml` lists the parameters of rules, model, city and measures; numbers of the catalogue of case types
join it as derived entries. Schema, documentation, sensitivity ranges and the provenance beside a result read it
here. It holds defaults and ranges, never the values of a run: those are ``values(overrides)``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sim.errors import InputError
from sim.yaml_file import line_of, read

PATH = Path(__file__).with_name("register.yaml")
CONFIDENCE = ("official", "official/mirror", "paper", "news", "local", "derived", "weak", "memory", "assumption")
SCOPES = ("rule", "model", "city", "measure")
DISTRIBUTIONS = ("uniform", "loguniform", "triangular", "integer", "fixed")
_FIELDS = ("unit", "default", "low", "high", "distribution", "source", "confidence", "scope", "text", "text_zh")
_SHARES = ("probability", "share", "0-1", "share of residents")
_ANY_SIGN = ("logit", "as the user's rule", "score", "log points")
_SPANS = {"switch": (0.0, 1.0), "level": (0.0, 4.0), "severity 1-4": (1.0, 4.0)}
_DIVISORS = ("km/h", "km", "ratio")
MOST = 1e9
"""Size of a parameter, whatever its unit."""
LEAST_DIVISOR = 0.001
_NAME = re.compile(r"[a-z][a-z_]*(\.[a-z0-9_]+)+")
_CITED = re.compile(r"\b(FACTS|MECHANISMS)\b")
_ID = re.compile(r"\b(?:FACTS|MECHANISMS) ((?:[A-Z]\d{1,3}[a-z]?(?:-[A-Z]?\d{1,3}[a-z]?)?(?:, )?)+|section \d)")
_OTHER = re.compile(r"^(paper|law|data|code|DESIGN)\b")


@dataclass(frozen=True, slots=True)
class Entry:
    """One parameter.

    Attributes
    ----------
    name
        Dotted name, e.g. ``patrol.speed_kmh``.
    unit
        Unit in words or symbols.
    default, low, high
        Default and plausible range, in ``unit``; ``low <= default <= high``. A value outside it is told.
    least, most
        Possible range, in ``unit``: a value outside it has no meaning and is refused (see :func:`possible_range`).
    distribution
        Law over the range for sensitivity studies: one of :data:`DISTRIBUTIONS`.
    source
        Fact ids (``FACTS D1``), a paper, or ``assumption: why``.
    confidence
        One of :data:`CONFIDENCE`.
    scope
        Who reads it: one of :data:`SCOPES`.
    text, text_zh
        One sentence in English and Chinese.
    """

    name: str
    unit: str
    default: float
    low: float
    high: float
    distribution: str
    source: str
    confidence: str
    scope: str
    text: str
    text_zh: str

    @property
    def least(self) -> float:
        """Smallest value that has a meaning, in ``unit``."""
        return possible_range(self.unit)[0]

    @property
    def most(self) -> float:
        """Largest value that has a meaning, in ``unit``."""
        return possible_range(self.unit)[1]

    @property
    def is_divisor(self) -> bool:
        """Whether something is divided by it, so that 0 has no meaning either."""
        return self.unit in _DIVISORS and self.low > 0

    def allows(self, value: float) -> bool:
        """Return True for a value that has a meaning: within the possible range, whole where only that counts."""
        whole = self.distribution != "integer" or value == int(value)
        return whole and self.least <= value <= self.most and not (self.is_divisor and value < LEAST_DIVISOR)

    def is_plausible(self, value: float) -> bool:
        """Return True for a value within the range that is held to be plausible."""
        return self.low <= value <= self.high

    @property
    def possible(self) -> str:
        """The possible range in words."""
        least = LEAST_DIVISOR if self.is_divisor else self.least
        span = f"{least:g} to {self.most:g}" if self.most < MOST else f"at least {least:g} and at most {self.most:g}"
        return f"{span}{', whole numbers' if self.distribution == 'integer' else ''} ({self.unit})"


def possible_range(unit: str) -> tuple[float, float]:
    """Return the least and the largest number that a unit gives a meaning to.

    Probabilities and shares lie between 0 and 1, utilities and scores have any sign, everything else (times, counts,
    money, factors) is not negative.
    """
    if unit in _SHARES:
        return 0.0, 1.0
    if unit.startswith(_ANY_SIGN):
        return -MOST, MOST
    return next((span for start, span in _SPANS.items() if unit.startswith(start)), (0.0, MOST))


@cache
def load() -> Mapping[str, Entry]:
    """Return the shipped register by name, checked once."""
    return read_register(PATH)


def read_register(path: Path) -> Mapping[str, Entry]:
    """Read and check a register file.

    Raises
    ------
    InputError
        Unknown or missing field, default outside its range, unknown confidence, scope or distribution, no source,
        a source that names FACTS or MECHANISMS without an id, or a fact claimed without a source.
    """
    data, lines = read(path)
    if not isinstance(data, dict) or not data:
        raise InputError("a register is a mapping from names to entries", file=path)
    found = {}
    for name, row in data.items():
        try:
            found[name] = _entry(str(name), row)
        except InputError as error:
            raise InputError(
                error.problem,
                file=path,
                line=line_of(lines, f"{name}.{error.field}" if error.field else str(name)),
                field=f"{name}.{error.field}" if error.field else str(name),
                found=error.found,
                allowed=error.allowed,
            ) from None
    return MappingProxyType(found)


def _entry(name: str, row: Any) -> Entry:
    if not _NAME.fullmatch(name):
        raise InputError("a parameter's name is dotted lower case", found=name, allowed="group.name_unit")
    if not isinstance(row, dict):
        raise InputError("an entry is a mapping", found=row, allowed=_FIELDS)
    for field in row:
        if field not in _FIELDS:
            raise InputError("unknown field", field=str(field), found=field, allowed=_FIELDS)
    for field in _FIELDS:
        if field not in row:
            raise InputError("a field is missing", field=field, allowed=_FIELDS)
    low, value, high = (_number(row, field) for field in ("low", "default", "high"))
    if not low <= value <= high:
        allowed = f"{low:g}..{high:g}"
        raise InputError("the default lies outside its range", field="default", found=value, allowed=allowed)
    for field, known in (("confidence", CONFIDENCE), ("scope", SCOPES), ("distribution", DISTRIBUTIONS)):
        if row[field] not in known:
            raise InputError(f"unknown {field}", field=field, found=row[field], allowed=known)
    if row["distribution"] == "loguniform" and low <= 0:
        raise InputError("a loguniform range must be above 0", field="low", found=low)
    _check_source(str(row["source"]), str(row["confidence"]))
    for field in ("unit", "text", "text_zh"):
        if not isinstance(row[field], str) or not row[field].strip():
            raise InputError("a text is empty", field=field)
    texts = {field: str(row[field]) for field in _FIELDS if field not in ("default", "low", "high")}
    return Entry(name=name, default=value, low=low, high=high, **texts)


def _number(row: Mapping[str, Any], field: str) -> float:
    value = row[field]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("this must be a finite number", field=field, found=value)
    if abs(value) > MOST:
        raise InputError("the number is too large", field=field, found=value, allowed=f"at most {MOST:g} in size")
    return float(value)


def _check_source(source: str, confidence: str) -> None:
    """Refuse a number that looks like a fact and names none."""
    if not source.strip():
        allowed = "FACTS D1, MECHANISMS C11, paper: ..., assumption: ..."
        raise InputError("a source is missing", field="source", allowed=allowed)
    if len(_CITED.findall(source)) != len(_ID.findall(source)):
        raise InputError("FACTS and MECHANISMS are cited by id or section", field="source", found=source,
                         allowed="FACTS D1 or FACTS section 6")  # fmt: skip
    assumed = source.startswith("assumption")
    if assumed != (confidence == "assumption"):
        raise InputError("source and confidence disagree", field="confidence", found=confidence,
                         allowed="'assumption' exactly when the source starts with 'assumption'")  # fmt: skip
    if not assumed and not _CITED.search(source) and not _OTHER.match(source):
        raise InputError("a fact needs a fact id or a named source", field="source", found=source)


def default(name: str) -> float:
    """Return the default of a parameter, in its unit.

    Raises
    ------
    InputError
        When the register does not know the name.
    """
    entries = load()
    if name not in entries:
        raise _unknown(name, entries)
    return entries[name].default


def values(overrides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return every parameter's value: defaults with overrides laid over.

    Parameters
    ----------
    overrides
        Register name (or ``type.<name>.<field>``) -> value in the register's unit. One outside the plausible range is
        taken (:func:`implausible` tells it).

    Raises
    ------
    InputError
        Unknown name (with the nearest names), a value that is no finite number, or one that has no meaning.
    """
    found = {name: entry.default for name, entry in load().items()}
    for name, value in (overrides or {}).items():
        found[name] = _possible(entry_of(name), value)
    return found


def entry_of(name: str) -> Entry:
    """Return the entry of a register name or of ``type.<name>.<field>``.

    Raises
    ------
    InputError
        The name is not known; the nearest ones are named.
    """
    entries = load()
    if name in entries:
        return entries[name]
    if name.startswith("type.") and name in catalogue_entries():
        return catalogue_entries()[name]
    raise _unknown(name, {**entries, **catalogue_entries()} if name.startswith("type.") else entries)


def implausible(overrides: Mapping[str, float]) -> list[Entry]:
    """Return the entries whose given value lies outside the plausible range."""
    return [entry_of(name) for name, value in overrides.items() if not entry_of(name).is_plausible(value)]


def _possible(entry: Entry, value: object) -> float:
    field = f"parameters.{entry.name}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("a parameter must be a finite number", field=field, found=value, allowed=entry.unit)
    if not entry.allows(value):
        raise InputError("the value is not possible", field=field, found=value, allowed=entry.possible)
    return float(value)


def _unknown(name: str, entries: Mapping[str, Entry]) -> InputError:
    near = difflib.get_close_matches(name, entries, n=4, cutoff=0.5)
    allowed = near or "names in the register"
    return InputError("unknown parameter", field=f"parameters.{name}", found=name, allowed=allowed)


def names(scope: str | None = None) -> tuple[str, ...]:
    """Return the names of a scope (all when None), sorted: the order of a rule's parameter row.

    Raises
    ------
    InputError
        When the scope is unknown.
    """
    if scope is not None and scope not in SCOPES:
        raise InputError("unknown scope", found=scope, allowed=SCOPES)
    return tuple(sorted(name for name, entry in load().items() if scope is None or entry.scope == scope))


_CATALOGUE_TEXTS = {
    "rate_per_1000_year": ("How often it occurs", "发生率"),
    "success_base": ("Base chance of success", "基础成功率"),
    "repeat_share": ("Share that comes back", "重复发生比例"),
    "touch_factor": ("Factor on all times of work", "全部办理时间的系数"),
}


@cache
def catalogue_entries() -> Mapping[str, Entry]:
    """Return derived entries ``type.<name>.<field>`` for the numbers of the shipped catalogue.

    The rate, the base chance of success and the repeat share stand in their own units; ``touch_factor`` multiplies
    every touch time of the type and is 1 by default.
    """
    from sim.cases.load import load_catalogue

    found: dict[str, Entry] = {}
    for name, kind in load_catalogue().items():
        source = kind.provenance
        for field, unit, value, low, high, group in (
            ("rate_per_1000_year", "incidents per 1,000 residents per year", kind.rate_per_1000_year, 0.5, 2.0, "rate"),
            ("success_base", "probability", kind.success.base, 0.8, 1.15, "success"),
            ("repeat_share", "share", kind.repeat_share, 0.5, 1.5, "success"),
            ("touch_factor", "ratio", 1.0, 0.7, 1.4, "stages"),
        ):
            top = 1.0 if unit in ("probability", "share") else math.inf
            given = source.get(group, "assumption")
            full = f"type.{name}.{field}"
            found[full] = Entry(
                name=full, unit=unit, default=value, low=value * low, high=min(top, max(value, value * high)),
                distribution="uniform", source=given, confidence=confidence_of(given), scope="model",
                text=f"{_CATALOGUE_TEXTS[field][0]}, case type {name} ({kind.title.en}).",
                text_zh=f"案件类型“{kind.title.zh}”的{_CATALOGUE_TEXTS[field][1]}。",
            )  # fmt: skip
    return MappingProxyType(found)


def confidence_of(source: str) -> str:
    """Return the confidence that a provenance text names, ``assumption`` when it names none."""
    words = set(re.findall(r"[a-z]+(?:/mirror)?", source))
    return next((word for word in reversed(CONFIDENCE) if word in words), "assumption")


def markdown() -> str:
    """Return the register as Markdown tables, one per scope, for the documentation."""
    parts = []
    for scope in SCOPES:
        parts += [f"### {scope}", "", "| name | unit | default | range | law | confidence | source | meaning |",
                  "|---|---|---|---|---|---|---|---|"]  # fmt: skip
        for name in names(scope):
            e = load()[name]
            cells = (f"`{name}`", e.unit, f"{e.default:g}", f"{e.low:g} to {e.high:g}", e.distribution,
                     e.confidence, e.source, e.text)  # fmt: skip
            parts.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts)
