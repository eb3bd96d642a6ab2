"""Every field of every shipped file changed by every kind of mistake: nothing but a clear refusal may come out.

A mutation is (file, field, kind). `mutations` lists them all, `outcome` tries one the way a user would: the text is
written as YAML, read, checked as before a run. It is read in this process and nothing is run. `main` tries all or a
seeded sample and prints the counts, the tracebacks, and what was accepted by kind and field.
"""

from __future__ import annotations

import argparse
import copy
import random
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scenarios.drill.form import DRILLS, Exercise
from scenarios.dry import check_built, dry_check
from scenarios.library import LIBRARY, load
from scenarios.yaml_lines import read_yaml
from sim.cases.load import PATH as CATALOGUE
from sim.cases.load import load_catalogue
from sim.errors import InputError
from sim.institutions.load import PATH as INSTITUTIONS
from sim.institutions.load import load_defaults
from sim.register import PATH as REGISTER
from sim.register import read_register

Path_ = tuple[str | int, ...]
MARK = "@@mutated@@"
DIGITS = "9" * 5000


@dataclass(frozen=True)
class Raw:
    """A value as it stands in a file, which YAML's own writer would not write."""

    text: str


KINDS: dict[str, Callable[[Any], Any]] = {
    "null": lambda _: None,
    "empty text": lambda _: "",
    "text": lambda _: "nonsense",
    "true": lambda _: True,
    "negative": lambda _: -1,
    "zero": lambda _: 0,
    "half": lambda v: v / 2 if _is_number(v) else 0.5,
    "large": lambda _: 1_000_000_007,
    "1e15": lambda _: Raw("1.0e+15"),
    "1e300": lambda _: Raw("1.0e+300"),
    "tiny": lambda _: Raw("1.0e-25"),
    "subnormal": lambda _: Raw("1.0e-320"),
    "huge exponent": lambda _: Raw("1e99999"),
    "not a number": lambda _: Raw(".nan"),
    "infinite": lambda _: Raw("-.inf"),
    "thousands of digits": lambda _: Raw(DIGITS),
    "thousands of hex digits": lambda _: Raw("0x" + "f" * 5000),
    "thousands of decimals": lambda _: Raw("0." + "3" * 5000),
    "sexagesimal": lambda _: Raw("190:20:30"),
    "date": lambda _: Raw("2026-13-45"),
    "long text": lambda _: "x" * 100_000,
    "control character": lambda _: Raw('"a\\x01b"'),
    "surrogate": lambda _: Raw('"a\\uD800b"'),
    "turned": lambda _: "a\u202eb",
    "path": lambda _: "../../etc/passwd",
    "root": lambda _: "/",
    "Chinese": lambda _: "网格",
    "formula": lambda _: "=cmd|' /C calc'!A0",
    "markup": lambda _: "<script>x</script>",
    "list": lambda v: [v],
    "empty list": lambda _: [],
    "mapping": lambda v: {"a": v},
    "empty mapping": lambda _: {},
    "number in quotes": lambda v: str(v) if _is_number(v) else "5",
    "tag": lambda _: Raw("!!python/object/apply:os.getcwd []"),
}
"""Kind -> the value that takes the place of another."""
STRUCTURES = ("duplicated key", "unknown key", "path-like key", "long key", "missing key")
"""Kinds that change a mapping instead of a value."""
OF_MAPPINGS = ("null", "list", "text", "empty mapping", *STRUCTURES)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Mutation:
    """One change: the file, the field, and the kind of mistake."""

    file: Path
    field: Path_
    kind: str

    @property
    def group(self) -> str:
        """The field without names and numbers of entries: ``types.*.stages.*.staff``."""
        return grouped(self.file, self.field)


def files() -> list[Path]:
    """Return every shipped file that users may write alike."""
    return [*sorted(LIBRARY.glob("*.yaml")), *sorted(DRILLS.glob("*.yaml")), CATALOGUE, INSTITUTIONS, REGISTER]


def grouped(file: Path, field: Path_) -> str:
    """Return a field with ``*`` for names that the file chooses and for places in lists."""
    named = {"types", "departments", "posts", "channels", "whistles", "shifts", "policies", "profiles", "parameters",
             "equivalence", "roles", "provenance", "report", "needs", "believed_needs", "capabilities", "ladder",
             "next", "archetype_factor", "type_place_rates"}  # fmt: skip
    parts: list[str] = []
    top = file in (CATALOGUE, REGISTER)
    for index, step in enumerate(field):
        free = isinstance(step, int) or (index == 0 and top) or (index > 0 and field[index - 1] in named)
        parts.append("*" if free else str(step))
    return ".".join(parts)


def mutations(of: Path | None = None) -> Iterator[Mutation]:
    """Yield every mutation of every shipped file, or of one."""
    for file in [of] if of is not None else files():
        for field, value in _fields(read_yaml(file).data, ()):
            for kind in (
                KINDS if not isinstance(value, dict) else ("null", "list", "text", "empty mapping", *STRUCTURES)
            ):
                yield Mutation(file, field, kind)


def distinct(chosen: Iterable[Mutation]) -> list[Mutation]:
    """Return one mutation of each file, group of fields and kind."""
    return list({(one.file, one.group, one.kind): one for one in chosen}.values())


def _fields(value: Any, field: Path_) -> Iterator[tuple[Path_, Any]]:
    if field:
        yield field, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _fields(inner, (*field, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _fields(inner, (*field, index))


def reduced(mutation: Mutation, data: dict[str, Any]) -> dict[str, Any]:
    """Return of a long list of independent entries the one that is changed, so that reading is quick."""
    first, *rest = mutation.field
    if mutation.file in (CATALOGUE, REGISTER):
        return {first: copy.deepcopy(data[first])}
    if mutation.file == INSTITUTIONS and rest and isinstance(data[first], dict):
        return {first: {rest[0]: copy.deepcopy(data[first][rest[0]])}}  # type: ignore[index]
    return copy.deepcopy(data)


def mutated(mutation: Mutation, data: dict[str, Any]) -> str:
    """Return the file's text with the change in it; files of independent entries hold only the one that is changed."""
    data = reduced(mutation, data)
    *above, last = mutation.field
    holder: Any = data
    for step in above:
        holder = holder[step]
    raw, value = "null", holder[last]
    if mutation.kind in KINDS:
        made = KINDS[mutation.kind](value)
        raw = made.text if isinstance(made, Raw) else ""
        holder[last] = MARK if isinstance(made, Raw) else made
    else:
        entry = {"unknown key": {"no_such_field": 1}, "path-like key": {"../x": 1}, "long key": {"k" * 5000: 1}}
        if mutation.kind == "missing key":
            value.pop(next(iter(value), ""), None)
        elif mutation.kind == "duplicated key":
            raw = "1"
            first = next(iter(value), "a")
            holder[last] = {**value, MARK: MARK}
            text = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**6)
            return text.replace(f"'{MARK}': '{MARK}'", f"{yaml.safe_dump(first).splitlines()[0]}: 1")
        else:
            holder[last] = {**value, **entry[mutation.kind]}
    text = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**6)
    return text.replace(f"'{MARK}'", raw)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes no aliases, so that one change stays one."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out."""
        return True


def outcome(mutation: Mutation, text: str, folder: Path, *, build: bool = False) -> InputError | None:
    """Read and check a mutated file as its reader does; returns the refusal, or None when it was accepted.

    Raises
    ------
    Exception
        Whatever else comes out: a fault of the reader.
    """
    file = folder / mutation.file.name
    file.write_text(text, encoding="utf-8")
    try:
        if mutation.file == REGISTER:
            read_register(file)
        elif mutation.file == CATALOGUE:
            load_catalogue(file)
        elif mutation.file == INSTITUTIONS:
            load_defaults(file)
        elif mutation.file.parent == DRILLS:
            Exercise.parse(text, "mutated.yaml")
        else:
            scenario = load(file)
            dry_check(scenario)
            if build:
                check_built(scenario)
    except InputError as error:
        said = error.sentence()
        if "\n" in said or len(said) > 10_000:
            raise RuntimeError(f"not one sentence: {said[:200]!r}") from None
        return error
    return None


def main(arguments: list[str] | None = None) -> int:
    """Try mutations and print what came out; returns 1 when something other than a refusal did."""
    parser = argparse.ArgumentParser(prog="scripts.mutations", description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many, drawn with --seed (0: all)")
    parser.add_argument("--distinct", action="store_true", help="one of each file, group of fields and kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="", help="only files whose name holds this")
    parser.add_argument("--accepted", type=Path, help="write what was accepted here, one a line")
    given = parser.parse_args(arguments)
    chosen = [m for file in files() if given.file in file.name for m in mutations(file)]
    if given.distinct:
        chosen = distinct(chosen)
    if given.sample:
        chosen = random.Random(given.seed).sample(chosen, min(given.sample, len(chosen)))
    counts: Counter[str] = Counter()
    accepted, faults = [], []
    kept: dict[Path, dict[str, Any]] = {file: read_yaml(file).data for file in files()}
    with tempfile.TemporaryDirectory() as folder:
        for one in chosen:
            try:
                found = outcome(one, mutated(one, kept[one.file]), Path(folder))
                counts["refused" if found else "accepted"] += 1
                if found is None:
                    accepted.append(one)
            except Exception:  # noqa: BLE001  the point of the exercise: everything else is counted and shown
                counts["tracebacks"] += 1
                faults.append((one, traceback.format_exc(limit=-3)))
    print(
        f"{len(chosen):,} mutations: " + ", ".join(f"{k} {counts[k]:,}" for k in ("refused", "accepted", "tracebacks"))
    )
    for one, trace in faults[:20]:
        print(f"\n{one.file.name} {one.field} {one.kind}\n{trace}")
    if given.accepted:
        lines = sorted(Counter(f"{one.kind}\t{one.file.name}\t{one.group}" for one in accepted).items())
        given.accepted.write_text("".join(f"{line}\t{count}\n" for line, count in lines), encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
