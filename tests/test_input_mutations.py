"""Shipped files changed field by field: a refusal in one sentence, or taken for a reason that is written down."""

import fnmatch
import random
from pathlib import Path

import pytest

from scenarios.yaml_lines import read_yaml
from scripts.mutations import KINDS, STRUCTURES, Mutation, distinct, files, mutated, mutations, outcome

ACCEPTED = Path(__file__).parent / "corpus" / "accepted.md"
SAMPLE = 700
BUILT = 12
DATA = {file: read_yaml(file).data for file in files()}


def reasons() -> list[tuple[set[str], list[str]]]:
    """Return kinds and patterns of fields of the table."""
    rows = [line.split("|")[1:4] for line in ACCEPTED.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    return [({kind.strip() for kind in kinds.split(",")}, fields.strip(" `").split()) for kinds, fields, _ in rows]


def is_explained(one: Mutation) -> bool:
    return any(
        one.kind in kinds and any(fnmatch.fnmatchcase(one.group, pattern) for pattern in patterns)
        for kinds, patterns in reasons()
    )


def tried(chosen: list[Mutation], folder: Path, build: bool = False) -> tuple[int, list[Mutation]]:
    """Try mutations; returns how many were refused, and those that were taken."""
    taken = [one for one in chosen if outcome(one, mutated(one, DATA[one.file]), folder, build=build) is None]
    return len(chosen) - len(taken), taken


def test_a_sample_of_changes_is_refused_or_taken_for_a_reason(tmp_path):
    chosen = random.Random(18).sample(distinct(mutations()), SAMPLE)
    refused, taken = tried(chosen, tmp_path)
    assert refused > 0.8 * SAMPLE
    assert not [(one.kind, one.file.name, one.group) for one in taken if not is_explained(one)]


def test_changes_that_are_taken_build_or_are_refused(tmp_path):
    own = [one for one in mutations(files()[1]) if one.kind in ("half", "zero", "tiny", "path", "formula", "null")]
    refused, taken = tried(random.Random(5).sample(own, BUILT), tmp_path, build=True)
    assert refused + len(taken) == BUILT


def test_every_kind_of_the_table_is_a_kind():
    assert {kind for kinds, _ in reasons() for kind in kinds} <= {*KINDS, *STRUCTURES}


@pytest.mark.slow
def test_every_field_of_every_shipped_file_is_refused_or_taken_for_a_reason(tmp_path):
    chosen = distinct(mutations())
    assert len(chosen) > 13_000
    refused, taken = tried(chosen, tmp_path)
    assert refused > 0.8 * len(chosen)
    assert not {(one.kind, one.file.name, one.group) for one in taken if not is_explained(one)}
