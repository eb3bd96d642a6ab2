"""What cannot be done again survives a flipped bit: recordings, job files; calibrations keep what they find changed."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from scenario_texts import write

from calibration import folder as calibrated
from dashboards.job_files import Job, JobFiles, sudden_end
from dashboards.job_request import JobRequest
from dashboards.jobs import Jobs
from dashboards.lab.parts import damaged_note
from dashboards.texts import Texts
from scenarios import watch
from scenarios.drill.recording import Recording
from scenarios.drill.words import damage
from scenarios.flipped import MOST_BYTES, put_back
from sim.errors import InputError

ID = "20260101-000000-00000a"


def flipped(content: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    return bytes(changed)


# ---------------------------------------------------------------- recordings
@pytest.fixture
def recorded(tmp_path):
    made = Recording(tmp_path / "recording.jsonl")
    made.append(0.0, "system", "system", "exercise", {"format": 1, "title": "演练"})
    for k in range(4):
        made.append(k, "Li", "leader", "note", {"text": f"note {k}\nof two lines"})
    made.close()
    return made


def test_a_flipped_bit_anywhere_in_a_recording_is_put_back_and_told(recorded):
    whole, rng = recorded.path.read_bytes(), np.random.default_rng(18)
    ends = [at for at, byte in enumerate(whole) if byte == 10]
    for at in [*ends, *rng.integers(len(whole), size=120).tolist()]:
        recorded.path.write_bytes(flipped(whole, at, int(rng.integers(8))))
        read = Recording.read(recorded.path)
        assert [line.hash for line in read.lines] == [line.hash for line in recorded.lines], at
        assert len(read.mended) == 1 and read.damaged is None and not read.cut_off
        (told,) = damage(read, Texts("en"))
        assert f"line {read.mended[0]} " in told and "put back" in told and len(damage(read, Texts("zh"))) == 1
    read.resume(recorded.path)
    read.append(9.0, "Li", "leader", "note", {"text": "goes on"})
    read.close()
    assert recorded.path.read_bytes().startswith(whole) and Recording.read(recorded.path).mended == ()


def test_more_than_a_bit_is_named_and_a_line_put_in_is_never_put_back(recorded):
    whole = recorded.path.read_bytes()
    at = whole.index(b"note 2")
    recorded.path.write_bytes(whole.replace(b"note 2", b"mote 3"))
    with pytest.raises(InputError, match="this line was changed") as caught:
        Recording.read(recorded.path)
    assert caught.value.line == 4 and at
    lines = whole.splitlines(keepends=True)
    recorded.path.write_bytes(b"".join([*lines[:3], lines[2], *lines[3:]]))
    with pytest.raises(InputError, match="removed, put in or moved"):
        Recording.read(recorded.path)
    assert put_back(b"x" * (MOST_BYTES + 1), lambda content: True) is None


def test_a_recording_of_which_not_even_a_line_was_written_is_none_and_a_written_one_stays(recorded, tmp_path):
    for half in (b"", b'{"actor":"system","data":{"exer'):
        file = tmp_path / f"half-{len(half)}.jsonl"
        file.write_bytes(half)
        made = Recording(file)
        made.append(0.0, "system", "system", "exercise", {"format": 1})
        made.close()
        assert len(Recording.read(file).lines) == 1
        with pytest.raises(InputError, match="never written over"):
            Recording(file)


def test_a_drill_whose_first_line_is_damaged_is_still_offered_to_be_taken_up(tmp_path):
    from dashboards.drill.rooms import Rooms

    title = {"en": "Fire", "zh": "火灾"}
    for name in ("sound", "damaged", "over", "begun"):
        made = Recording(tmp_path / "drills" / name / "recording.jsonl")
        made.append(0.0, "system", "system", "exercise", {"format": 1, "exercise": {"title": title}})
        made.append(1.0, "Li", "leader", "finish" if name == "over" else "note", {"text": "x"})
        made.close()
    file = tmp_path / "drills" / "damaged" / "recording.jsonl"
    file.write_bytes(flipped(file.read_bytes(), 0, 2))
    (tmp_path / "drills" / "begun" / "recording.jsonl").write_bytes(b'{"actor"')
    found = {one.folder: one.title for one in Rooms(tmp_path).unfinished()}
    assert found == {"sound": title, "damaged": {"en": "damaged", "zh": "damaged"}} and Recording.read(file).mended == (
        1,
    )


# ---------------------------------------------------------------- job files
def kept(root) -> tuple[JobFiles, Job]:
    (root / "jobs").mkdir(parents=True, exist_ok=True)
    request = JobRequest.of({"scenario": "queue.yaml", "replications": 3, "seed": 5})
    job = Job(ID, "ana", request, root / "x", "finished", 1.0, 2.0, 3.0, set_aside=("runs/part-000000.parquet",))
    files = JobFiles(root, None)
    files.write(job)
    return files, job


def test_a_flipped_bit_in_a_job_file_is_put_back_and_told(tmp_path):
    files, job = kept(tmp_path)
    file = files.path(ID, ".json")
    whole, rng = file.read_bytes(), np.random.default_rng(5)
    for at in rng.integers(len(whole), size=40).tolist():
        file.write_bytes(flipped(whole, at, int(rng.integers(8))))
        told: list[str] = []
        assert list(files.read_all(told.append)) == [job], at
        assert len(told) <= 1 and json.loads(file.read_bytes())["owner"] == "ana"


def test_a_job_file_that_cannot_be_read_is_kept_and_told_by_health(tmp_path):
    files, _ = kept(tmp_path)
    file = files.path(ID, ".json")
    file.write_bytes(b"\0" * 300)
    jobs = Jobs(tmp_path, 1)
    try:
        assert jobs.list() == [] and jobs.health()["faults"] == 1 and file.name in jobs.health()["last_fault"]
    finally:
        jobs.close(1)
    assert file.with_name(f"{file.name}.damaged").read_bytes() == b"\0" * 300


@pytest.mark.parametrize(("code", "told"), [(-9, "signal 9"), (-11, "signal 11"), (-15, ""), (None, ""), (130, "")])
def test_an_end_that_the_process_could_not_tell_is_told(code, told):
    assert (told in sudden_end(code)) if told else sudden_end(code) == ""


# ---------------------------------------------------------------- what was set aside is shown
def test_pages_tell_what_was_set_aside(tmp_path):
    from campaign_jobs import Noise, plan

    from scenarios.campaign import execute
    from scenarios.runners import InProcess
    from scenarios.store import Store

    store = Store.create(tmp_path / "r", {"identity": {"what": "noise"}, "policies": ["a"], "seed": 7})
    execute(plan(4), Noise(), store, InProcess())
    assert watch.set_aside(store.folder) == [] and watch.set_aside(tmp_path / "none") == []
    part = store.parts()[0]
    part.write_bytes(flipped(part.read_bytes(), 99, 3))
    execute(plan(4), Noise(), Store.open(store.folder), InProcess())
    assert watch.set_aside(store.folder) == ["runs/part-000000.parquet"]
    for lang in ("en", "zh"):
        assert "part-000000" in damaged_note(watch.set_aside(store.folder), Texts(lang)).children
    assert damaged_note([], Texts("en")) == "" and "7" in damaged_note(list("abcdefg"), Texts("en")).children


# ---------------------------------------------------------------- a calibration's folder
def put(path, **contents: str) -> list:
    names = ("scenario.yaml", "scenario.draft.yaml", "fit.json")
    with calibrated.writing(path) as place:
        aside = place.mend(names)
        place.put(
            {name: place.draft(name, lambda file, text=text: file.write_text(text)) for name, text in contents.items()},
            names,
        )
    return aside


def test_a_file_that_was_changed_by_hand_or_damaged_is_kept_and_told(tmp_path):
    path = tmp_path / "c"
    first = {"scenario.yaml": "a: 1\n", "fit.json": "{}"}
    assert put(path, **first) == [] and put(path, **first) == []
    (path / "scenario.yaml").write_text("a: 2\n")
    assert [file.read_text() for file in put(path, **first)] == ["a: 2\n"]
    assert (path / "scenario.yaml").read_text() == "a: 1\n"
    journal = path / "journal" / "files.jsonl"
    journal.write_bytes(flipped(journal.read_bytes(), 30, 2))
    assert [file.name for file in put(path, **first)] == ["files.jsonl"]
    put(path, **{"scenario.draft.yaml": "b: 1\n", "fit.json": "{}"})
    assert not (path / "scenario.yaml").exists(), "overtaken by the draft"


def test_what_breaks_off_halfway_leaves_the_earlier_files(tmp_path, monkeypatch):
    path = tmp_path / "c"
    put(path, **{"scenario.yaml": "a: 1\n", "fit.json": "{}"})
    before = {file.name: file.read_bytes() for file in path.glob("*.*")}

    def full(file):
        file.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), calibrated.writing(path) as place:
        place.put({"scenario.yaml": place.draft("scenario.yaml", full)}, ())
    assert {file.name: file.read_bytes() for file in path.glob("*.*")} == before
    (path / f"{calibrated.DRAFT}0a-fit.json").write_text("left by a kill")
    assert put(path, **{"fit.json": "{}"}) == [] and not list(path.glob("*draft-*"))
    monkeypatch.setattr(calibrated, "WAIT_S", 0.05)
    with (
        calibrated.writing(path),
        pytest.raises(InputError, match=r"another process is at work here.*one calibration at a time"),
        calibrated.writing(path),
    ):
        pass
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"), calibrated.writing(tmp_path / "file"):
        pass


# ---------------------------------------------------------------- a full disk under the queue
@pytest.mark.slow
def test_a_full_disk_ends_the_job_with_its_reason_and_the_queue_lives(tmp_path):
    from benchmarks.faults_bench import NotDriven, grow, small_disk

    (tmp_path / "scenarios").mkdir()
    write(tmp_path / "scenarios")
    asked = JobRequest.of({"scenario": "queue.yaml", "replications": 3_000, "workers": 1, "keep_cases": 1_000})
    try:
        with small_disk(tmp_path / "results", 400) as results:
            jobs = Jobs(results, 1, tmp_path / "scenarios")
            try:
                job = jobs.submit(asked, "ana")
                end = time.monotonic() + 120
                while jobs.get(job.id).state in ("queued", "running") and time.monotonic() < end:
                    time.sleep(0.1)
                failed, health = jobs.get(job.id), jobs.health()
                assert failed.state == "failed" and ("disk is full" in failed.error or "disk full" in failed.error)
                assert health["alive"] and health["faults"] >= 1 and job.id in health["last_fault"]
                grow(results, 100_000)
                assert jobs.resume(job.id, "ana")
                while not jobs.get(job.id).progress.done and time.monotonic() < end:
                    time.sleep(0.1)
                assert jobs.get(job.id).state == "running", jobs.get(job.id).error
                assert jobs.cancel(job.id, "ana")
            finally:
                jobs.close(10)
    except NotDriven as why:
        pytest.skip(str(why))
