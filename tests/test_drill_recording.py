"""Recordings: chained, played again bit for bit, taken up after a crash, and honest about every change."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from scenarios.drill import Diverged, Recording, replay, resume
from scenarios.drill.ground import state_hash
from scenarios.drill.replaying import drill_version
from sim.errors import InputError
from tests import drill_sample as sample


def _eventful(made):
    """A drill with everything in it: a time-out, another answer, ad-hoc and held injects, pauses, notes, ratings."""
    made.start("Li")
    made.set_speed(30)
    while not made.is_over:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            if prompt.id == "D2":
                made.decide("D2", "handle", "Wang", "we manage", took_s=12.5)
            elif prompt.id == "D4":
                made.pause("Li")
                made.adhoc({"effects": [{"kind": "off_duty", "post": "police_unit", "count": 1}]}, "Li")
                made.resume("Li")
                if made.open_decisions:
                    made.tick(made.open_decisions[0].left_s + 1)
            else:
                made.decide(prompt.id, prompt.options[0].id, "Wang")
            continue
        made.advance(made.t_min + 7.3)
        if made.t_min > 20 and made.slot("brawl").status == "waiting":
            made.hold("brawl", "Li")
        if made.t_min > 50 and made.slot("brawl").status == "held":
            made.release("brawl", "Li")
            made.note("late", "Chen", "command")
            made.acknowledge(made.messages[0].id, "Wang")
            data = {"to": ["dispatcher"], "text": {"en": "More smoke.", "zh": "浓烟。"},
                    "effects": [{"kind": "incident", "type": "illness", "told_by": "medical_120"}]}  # fmt: skip
            made.adhoc(data, "Li")
    made.rate("voice", 80, "Chen", "calm")
    return made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    file = tmp_path_factory.mktemp("drill") / "recording.jsonl"
    return _eventful(sample.drill(recording=Recording(file))), file


def test_a_recording_plays_again_bit_for_bit(recorded):
    made, file = recorded
    kinds = {line.kind for line in made.recording.lines}
    assert {"decide", "expire", "adhoc", "hold", "release", "pause", "resume", "note", "rate", "finish"} <= kinds
    read = Recording.read(file)
    again = replay(read)  # the ground too is built from what the recording holds
    assert state_hash(again.world) == state_hash(made.world) == made.final_hash
    assert [x.told() for x in again.recording.lines] == [x.told() for x in made.recording.lines]
    assert again.score().shown() == made.score().shown()
    assert [m.shown() for m in again.messages] == [m.shown() for m in made.messages]


def test_a_recording_holds_what_is_needed_and_each_line_the_hash_of_the_one_before(recorded):
    made, file = recorded
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines[0]["data"]["exercise"]["name"] == sample.NAME and lines[0]["data"]["code"] == drill_version()
    assert all(b["prev"] == a["hash"] for a, b in pairwise(lines))
    assert lines[-1]["hash"] == made.recording.last_hash


def _changed(file, tmp_path, change):
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    change(lines)
    other = tmp_path / "changed.jsonl"
    other.write_text("".join(lines), encoding="utf-8")
    return other


def test_a_changed_a_removed_and_a_moved_line_are_named(recorded, tmp_path):
    _, file = recorded
    texts = file.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(texts) if '"kind":"decide"' in line)

    def rewrite(lines):
        lines[at] = lines[at].replace('"took_s":', '"took_s":1')

    with pytest.raises(InputError, match="this line was changed") as caught:
        Recording.read(_changed(file, tmp_path, rewrite))
    assert caught.value.line == at + 1
    with pytest.raises(InputError, match="removed, put in or moved") as caught:
        Recording.read(_changed(file, tmp_path, lambda lines: lines.pop(at)))
    assert caught.value.line == at + 1
    with pytest.raises(InputError, match="removed, put in or moved"):
        Recording.read(_changed(file, tmp_path, lambda lines: lines.insert(at, lines[at])))
    with pytest.raises(InputError, match="not one that a drill wrote"):
        Recording.read(_changed(file, tmp_path, lambda lines: lines.insert(at, "nonsense\n")))


def test_a_rewritten_chain_is_caught_by_what_follows_from_it(recorded):
    made, _ = recorded
    forged = Recording()
    for line in made.recording.lines:
        data = (
            {**line.data, "option": "escalate"}
            if line.data.get("prompt") == "D2" and line.kind == "decide"
            else line.data
        )
        forged.append(line.t_min, line.actor, line.role, line.kind, data)
    with pytest.raises(Diverged):
        replay(forged, made.ground)


def test_code_of_another_version_is_refused_aloud(recorded):
    made, _ = recorded
    other = Recording()
    header = {**made.recording.header, "code": "0.0.1+old"}
    other.append(0.0, "system", "system", "exercise", header)
    with pytest.raises(InputError, match="another version of the code") as caught:
        replay(other)
    assert caught.value.found == "0.0.1+old"


def test_a_drill_is_taken_up_after_a_crash_and_ends_as_if_nothing_had_happened(recorded, tmp_path):
    whole = sample.by_rule(sample.drill())
    file = tmp_path / "crash.jsonl"
    made = sample.drill(recording=Recording(file, real=lambda: "then"))
    sample.by_rule(made, 40)
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"n": 99, "t_min": 4')  # the machine went down in the middle of a line
    assert Recording.read(file).cut_off
    taken_up = resume(file)
    assert taken_up.status == "paused" and taken_up.t_min == made.t_min
    taken_up.resume()
    sample.by_rule(taken_up)
    assert taken_up.final_hash == whole.final_hash
    read = Recording.read(file)
    assert not read.cut_off and read.finish is not None
    assert replay(read, taken_up.ground).final_hash == whole.final_hash
    with pytest.raises(InputError, match="over"):
        resume(file)


def test_a_crash_between_a_command_and_what_follows_from_it_loses_nothing(tmp_path):
    whole = sample.drill()
    sample.by_rule(whole)
    lines = whole.recording.text().splitlines(keepends=True)
    for kind in ("decide", "prompt", "inject"):
        last = max(i for i, line in enumerate(lines) if f'"kind":"{kind}"' in line)
        file = tmp_path / f"{kind}.jsonl"
        file.write_text("".join(lines[: last + 1]), encoding="utf-8")
        taken_up = resume(file)
        taken_up.resume()
        sample.by_rule(taken_up)
        assert taken_up.final_hash == whole.final_hash
        assert replay(Recording.read(file), taken_up.ground).final_hash == whole.final_hash


def test_a_recording_is_never_written_over(recorded):
    with pytest.raises(InputError, match="never written over"):
        Recording(recorded[1])


def test_what_is_no_recording_is_said_so(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="not a drill's recording"):
        Recording.read(file)
    with pytest.raises(InputError, match="cannot be read"):
        Recording.read(tmp_path / "none.jsonl")


def _half(lines, at):
    """Write half of a line with the next glued on, as programs did that went on after a full disk."""
    lines[at] = lines[at][: len(lines[at]) // 2]


def test_half_a_line_in_the_middle_is_recovered_from_and_told(recorded, tmp_path):
    made, file = recorded
    texts = file.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(texts) if '"kind":"decide"' in line and i > 5)
    damaged = _changed(file, tmp_path, lambda lines: _half(lines, at))
    before = damaged.read_bytes()
    read = Recording.read(damaged)
    assert read.damaged == at + 1 and len(read.lines) == at and read.finish is None
    assert replay(read, made.ground).t_min == read.lines[-1].t_min
    taken_up = resume(damaged)
    assert taken_up.recording.damaged == at + 1
    taken_up.stop("enough", "Li")
    taken_up.recording.close()
    kept = damaged.with_name("changed.cut-1.txt").read_bytes()
    assert before.endswith(kept) and kept.startswith(texts[at][:30].encode()), "what was left out is kept"
    again = Recording.read(damaged)
    assert again.damaged is None and replay(again, made.ground).final_hash == again.finish.data["state_hash"]


@pytest.mark.parametrize("written", [0, 1, 40])
def test_a_line_that_cannot_be_written_is_not_in_the_file_nor_in_memory(tmp_path, monkeypatch, written):
    from scenarios.drill import locked

    file = tmp_path / "full.jsonl"
    made = sample.drill(recording=Recording(file))
    made.start()
    good, lines = file.read_bytes(), len(made.recording.lines)
    real = locked.os.write

    def full(fd, piece):
        if written and len(piece) > written and file.stat().st_size == len(good):
            return real(fd, bytes(piece)[:written])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(locked.os, "write", full)
    with pytest.raises(InputError, match=r"cannot be written.*No space left"):
        made.note("lost", "Li")
    assert file.read_bytes() == good and len(made.recording.lines) == lines
    assert made.status == "failed" and made.notes == [] and "No space left" in str(made.failure)
    monkeypatch.undo()
    before = made.t_min
    assert made.tick(5.0) == [] and made.t_min == before
    with pytest.raises(InputError):
        made.pause()
    taken_up = resume(file)
    assert taken_up.status == "paused" and [x.told() for x in taken_up.recording.lines[:lines]] == [
        x.told() for x in made.recording.lines
    ]


def test_a_line_with_half_a_character_is_refused_before_anything_follows(tmp_path):
    made = sample.drill(recording=Recording(tmp_path / "half.jsonl"))
    made.start()
    with pytest.raises(InputError, match="half a character"):
        made.note("\ud800", "Li")
    assert made.notes == [] and made.status == "running"
    made.note("whole", "Li")


def test_a_drill_that_comes_from_another_process_runs_on_its_own_tables():
    """Once the addresses of the other process came along, and the server ended in the middle of an instruction."""
    import pickle

    from dashboards.drill.crossing import pickled
    from sim.engine.tables import NAMES, WORDS_PER_TABLE

    made = sample.by_rule(sample.drill(), 40)
    again = pickle.loads(pickled(made))
    tables = [again.world.tables[name].ctypes.data for name in NAMES]
    assert again.world.block[::WORDS_PER_TABLE].tolist() == tables
    assert again.world.travel_changes_done == made.world.travel_changes_done
    assert sample.by_rule(again).final_hash == sample.by_rule(made).final_hash
