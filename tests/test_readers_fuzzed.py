"""Every reader of files under damage: a refusal in one sentence or a result, and nothing else; finds are kept."""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from tests.reader_fuzz import CORPUS, READERS, damaged, edits, tried

QUICK = 8
LONG = int(os.environ.get("GRIDWHISTLE_FUZZ", "400"))
KEPT = sorted(path for path in CORPUS.rglob("*.bin"))
CALM = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@pytest.mark.parametrize("name", READERS)
def test_the_sound_file_is_taken(name):
    assert tried(READERS[name], READERS[name].content()) is None


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_once_broke_a_reader_is_refused_or_read(path):
    tried(READERS[path.parent.name], path.read_bytes())


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_refused_or_read(name):
    content = READERS[name].content()

    @settings(max_examples=QUICK, derandomize=True, **CALM)
    @given(edits)
    def one(made):
        tried(READERS[name], damaged(content, made))

    one()


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_damaged_files_are_refused_or_read(name):
    content = READERS[name].content()

    @settings(max_examples=LONG, **CALM)
    @given(edits)
    def one(made):
        tried(READERS[name], damaged(content, made))

    one()
