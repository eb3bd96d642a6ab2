"""A folder whose disk failed it: every damaged file is named, set aside, and done again; nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from campaign_jobs import Noise, plan

from scenarios.campaign import execute
from scenarios.ledger import Appended, sealed, unsealed
from scenarios.runners import InProcess
from scenarios.store import Store, write_parquet
from scenarios.study import Study
from sim.errors import InputError

MANIFEST = {"identity": {"what": "noise"}, "policies": ["referral", "whistle"], "seed": 7}
KINDS = {
    "part": "runs/part-*.parquet",
    "kept": "events/cases/*.parquet",
    "plan": "plan.parquet",
    "manifest": "manifest.json",
}


def filled(folder: Path, replications: int = 6) -> Store:
    store = Store.create(folder, MANIFEST)
    execute(plan(replications // 2), Noise(), store, InProcess(), keep=1)
    execute(plan(replications), Noise(), store, InProcess(), keep=1)
    return store


def flip(file: Path, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    file.write_bytes(content)


def whole(store: Store) -> tuple[str, int, int]:
    """Return the content, how many rows the parts hold, and how many runs those are."""
    rows = [run_id for part in store.parts() for run_id in pq.read_table(part)["run_id"].to_pylist()]
    return store.content_hash(), len(rows), len(set(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_anywhere_is_found_set_aside_and_done_again(tmp_path, kind):
    expected = whole(filled(tmp_path / "reference"))
    store = filled(tmp_path / "r")
    rng = np.random.default_rng(11)
    for _ in range(12):
        file = sorted(store.folder.glob(KINDS[kind]))[0]
        flip(file, int(rng.integers(file.stat().st_size * 8)))
        with pytest.raises(InputError, match=r"damaged|another layout") as told:
            Study.open(store.folder).store.content_hash()
        assert Path(str(told.value.file)).name == file.name
        store = Store.create(store.folder, MANIFEST)
        summary = execute(plan(6), Noise(), store, InProcess(), keep=1)
        assert [Path(name).name for name in summary.damaged] == [file.name]
        assert whole(store) == expected and not store.damaged()
        assert len(store.kept("cases")) == 2 and len(store.plan()) == 12
    assert len(list(store.folder.rglob("*.damaged*"))) >= 1


def test_a_flipped_bit_in_a_journal_is_left_out_and_results_stay(tmp_path):
    expected = whole(filled(tmp_path / "reference"))
    store = filled(tmp_path / "r")
    rng = np.random.default_rng(12)
    for name in ("files", "campaign", f"worker-{os.getpid()}"):
        file = store.folder / "journal" / f"{name}.jsonl"
        flip(file, 8 * int(rng.integers(file.stat().st_size - 2)) + 1)
        store = Store.open(store.folder)
        store.check_files()
        summary = execute(plan(6), Noise(), store, InProcess(), keep=1)
        assert summary.damaged == [f"journal/{name}.jsonl"] and summary.before == 12
        assert whole(store) == expected


def folder(file: Path) -> None:
    file.mkdir()


def circle(file: Path) -> None:
    file.symlink_to(file.name)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and links")
@pytest.mark.parametrize("put", [folder, circle, os.mkfifo])
@pytest.mark.parametrize("name", ["runs/part-*.parquet", "events/cases/*.parquet", "journal/*.jsonl"])
def test_what_is_no_file_in_the_place_of_one_is_set_aside_and_its_runs_are_done_again(tmp_path, put, name):
    expected = whole(filled(tmp_path / "reference"))
    store = filled(tmp_path / "r")
    file = sorted(store.folder.glob(name))[0]
    file.unlink()
    put(file)
    store = Store.create(store.folder, MANIFEST)
    summary = execute(plan(6), Noise(), store, InProcess(), keep=1)
    assert file.relative_to(store.folder).as_posix() in summary.damaged
    assert whole(store) == expected and not store.damaged() and len(store.kept("cases")) == 2


@pytest.mark.parametrize("kind", ["part", "manifest"])
def test_a_command_given_again_looks_for_what_is_held_without_stumbling_over_damage(tmp_path, kind):
    from types import SimpleNamespace

    from scenarios.commands import finished_runs

    store = filled(tmp_path / "r")
    flip(sorted(store.folder.glob(KINDS[kind]))[0], 800)
    assert len(finished_runs(SimpleNamespace(arms=["referral", "whistle"]), store.folder)) == 0


def test_what_a_changed_line_says_is_never_believed():
    line = sealed({"time": 1.5, "event": "ok", "run_id": "abc", "message": 'a ", "check": "x'})
    assert unsealed(line[:-1]) == {"time": 1.5, "event": "ok", "run_id": "abc", "message": 'a ", "check": "x'}
    for at in range(8 * (len(line) - 1)):
        changed = bytearray(line[:-1])
        changed[at // 8] ^= 1 << at % 8
        assert unsealed(bytes(changed), checked=True) is None


def test_a_half_line_does_not_take_the_next_one_along(tmp_path):
    file = tmp_path / "j.jsonl"
    file.write_bytes(sealed({"event": "a"}) + sealed({"event": "b"})[:9])
    Appended(file).write(sealed({"event": "c"}))
    lines = [unsealed(line) for line in file.read_bytes().split(b"\n") if line]
    assert lines == [{"event": "a"}, None, {"event": "c"}]


def test_pages_have_checksums_even_where_no_hash_is_known(tmp_path):
    """A part of which no line is left is read with its pages' own checksums."""
    store = filled(tmp_path / "r")
    part = store.parts()[0]
    (store.folder / "journal" / "files.jsonl").unlink()
    assert not store.damaged()
    table = pq.read_table(part)
    column = pq.ParquetFile(part).metadata.row_group(0).column(table.column_names.index("cases"))
    flip(part, 8 * (column.data_page_offset + column.total_compressed_size - 3))
    assert Store.open(store.folder).damaged() == ["runs/part-000000.parquet"]
    summary = execute(plan(6), Noise(), Store.open(store.folder), InProcess())
    assert summary.before == 6 and summary.damaged == ["runs/part-000000.parquet"]


def test_a_damaged_manifest_of_something_else_is_no_leave_to_write_there(tmp_path):
    store = filled(tmp_path / "r")
    flip(store.folder / "manifest.json", 100)
    with pytest.raises(InputError, match="damaged"):
        Store.create(store.folder, {**MANIFEST, "identity": {"what": "else"}})


def test_a_part_gets_its_name_after_its_hash_is_written_down(tmp_path, monkeypatch):
    """Killed between the two, the folder is whole: the line is about a file that is not there."""
    store = Store.create(tmp_path / "r", MANIFEST)

    def killed(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("scenarios.store.write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write_file(store.path("runs", "part-000001.parquet"), b"x")
    monkeypatch.undo()
    execute(plan(2), Noise(), Store.open(tmp_path / "r"), InProcess())
    assert not Store.open(tmp_path / "r").damaged()


FULL = """
import sys
from campaign_jobs import Noise, plan
from scenarios.campaign import execute
from scenarios.pool import Pool
from scenarios.runners import InProcess
from scenarios.store import Store
from sim.exhausted import told_of
if __name__ == "__main__":
    store = Store.create(sys.argv[1], {manifest})
    try:
        execute(plan(10), Noise(), store, InProcess())
        execute(plan(3000), Noise(), store, Pool(2) if sys.argv[2] == "2" else InProcess(), keep=3000)
    except OSError as error:
        print(told_of(error))
        sys.exit(1)
"""


def under(limit: str, folder: Path, tmp_path: Path, workers: int) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(FULL.replace("{manifest}", repr(MANIFEST)))
    root = Path(__file__).parent.parent
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    command = f'{limit}; exec "$0" "$@"'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, str(script), str(folder), str(workers)],
        capture_output=True, text=True, env=env, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_told_and_what_was_finished_stays(tmp_path, workers):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        done = under("true", small / "r", tmp_path, workers)
        assert done.returncode == 1 and "the disk is full" in done.stdout, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        store = Store.open(small / "r")
        assert len(store.done()) > 0 and not store.damaged()
        copy = tmp_path / "copy"
        subprocess.run(["cp", "-r", str(store.folder), str(copy)], check=True)
    finally:
        subprocess.run(["umount", str(small)], check=True)
    store, reference = Store.open(copy), Store.create(tmp_path / "reference", MANIFEST)
    execute(plan(60), Noise(), store, InProcess())
    execute(plan(60), Noise(), reference, InProcess())
    _, rows, runs = whole(store)
    assert rows == runs and {r.run_id for r in plan(60)} <= store.done()
    if runs == 120:
        assert store.content_hash() == reference.content_hash()


@pytest.mark.parametrize(("limit", "said"), [("ulimit -f 8", "limit for files"), ("ulimit -n 12", "too many files")])
def test_a_limit_is_told_with_what_is_needed(tmp_path, limit, said):
    done = under(limit, tmp_path / "r", tmp_path, 2)
    assert done.returncode == 1 and said in done.stdout, done.stdout + done.stderr


def test_tables_written_for_others_are_whole_or_not_there(tmp_path, monkeypatch):
    file = tmp_path / "t.parquet"
    write_parquet(pa.table({"a": [1]}), file)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.files.os.fsync", full)
    with pytest.raises(OSError):
        write_parquet(pa.table({"a": [2]}), file)
    assert pq.read_table(file)["a"].to_pylist() == [1] and [f.name for f in tmp_path.iterdir()] == ["t.parquet"]


def test_a_flipped_bit_in_any_file_of_a_saved_city_is_found(tmp_path):
    from sim.city.city import City
    from sim.city.spec import SyntheticSpec
    from sim.city.synthetic import synthetic_city

    synthetic_city(SyntheticSpec(residents=2000, seed=3)).save(tmp_path / "city")
    rng = np.random.default_rng(13)
    for file in sorted((tmp_path / "city").iterdir()):
        content = file.read_bytes()
        for _ in range(40 if file.name == "city.json" else 2):
            flip(file, int(rng.integers((len(content) - 2) * 8)))
            with pytest.raises(InputError):
                City.load(tmp_path / "city")
            file.write_bytes(content)
    City.load(tmp_path / "city")


def test_a_kept_travel_table_that_was_changed_is_computed_again(tmp_path, monkeypatch):
    from sim.city import travel

    monkeypatch.setenv("GRIDWHISTLE_CACHE", str(tmp_path))
    table = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    travel._keep("k", table)
    assert np.array_equal(travel._cached("k", table.shape), table)
    flip(tmp_path / "travel" / "k.npy", 8 * 140 + 3)
    assert travel._cached("k", table.shape) is None


def test_a_folder_left_before_its_manifest_got_its_name_is_taken_up(tmp_path, monkeypatch):
    def full(file, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scenarios.store.write_atomically", full)
    with pytest.raises(InputError, match="cannot be written"):
        Store.create(tmp_path / "r", MANIFEST)
    monkeypatch.undo()
    assert execute(plan(2), Noise(), Store.create(tmp_path / "r", MANIFEST), InProcess()).ok == 4


@pytest.mark.parametrize("name", ["part-000000 (conflicted copy)", "part-000001", "part-000009", "part-x"])
def test_the_copy_of_a_part_is_set_aside_and_no_run_counts_twice(tmp_path, name):
    store = Store.create(tmp_path / "results", MANIFEST)
    execute(plan(3), Noise(), store, InProcess())
    before, (part,) = store.content_hash(), store.parts()
    copy = part.with_name(f"{name}.parquet")
    copy.write_bytes(part.read_bytes())
    with pytest.raises(InputError, match="sets the file aside"):
        Store.open(store.folder).check_files()
    again = Store.create(store.folder, MANIFEST)
    execute(plan(3), Noise(), again, InProcess())
    assert not copy.exists() and part.exists()
    ids = [id for part in again.parts() for id in pq.read_table(part)["run_id"].to_pylist()]
    assert len(ids) == len(set(ids)) == 6
    assert again.content_hash() == before
