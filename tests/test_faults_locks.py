"""One writer for a folder, also after somebody removed the lock's file as forgotten, and where there are no locks."""

from __future__ import annotations

import errno
import os

import pytest

from dashboards.job_files import LOCK as SERVER_LOCK
from dashboards.job_files import JobFiles
from scenarios.held import LOCK, NOBODY_KNOWN, held_by, writing
from sim.errors import InputError

fcntl = pytest.importorskip("fcntl")  # Windows removes no open file


def test_removing_the_lock_of_a_folder_lets_no_second_writer_in(tmp_path):
    folder = tmp_path / "results"
    with writing(folder, "wait"):
        assert held_by(folder) == os.getpid()
        (folder / LOCK).unlink()
        assert held_by(folder) == NOBODY_KNOWN
        for _ in range(2):  # the second finds a new file, whose lock is free
            with pytest.raises(InputError, match="another process is at work here"), writing(folder, "wait", 0.0):
                pass
            assert held_by(folder) == NOBODY_KNOWN
    assert held_by(folder) is None
    with writing(folder, "wait", 0.0):
        assert held_by(folder) == os.getpid()


def test_removing_the_lock_of_a_queue_lets_no_second_server_in(tmp_path):
    first = JobFiles(tmp_path, None).lock()
    (tmp_path / "jobs" / SERVER_LOCK).unlink()
    for _ in range(2):
        with pytest.raises(InputError, match="another server has its queue here"):
            JobFiles(tmp_path, None).lock()
    first.close()
    JobFiles(tmp_path, None).lock().close()


def test_a_file_system_without_locks_is_told_in_one_sentence_and_nothing_is_begun(tmp_path, monkeypatch):
    def none(*given):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    for begin in (lambda: writing(tmp_path / "results", "wait").__enter__(), lambda: JobFiles(tmp_path, None).lock()):
        with pytest.raises(InputError, match="knows no locks") as told:
            begin()
        assert "a folder on a disk of this computer" in told.value.sentence()


def test_a_file_system_that_locks_files_but_no_folders_keeps_a_folder_by_its_file(tmp_path, monkeypatch):
    whole = fcntl.flock

    def files_alone(what, how):
        if isinstance(what, int):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        whole(what, how)

    monkeypatch.setattr(fcntl, "flock", files_alone)
    with writing(tmp_path, "wait"):
        assert held_by(tmp_path) == os.getpid()
        with pytest.raises(InputError, match="at work here"), writing(tmp_path, "wait", 0.0):
            pass
    assert held_by(tmp_path) is None
