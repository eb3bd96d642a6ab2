"""A sample of the fault matrix for the hosts that take longest to bring up; `benchmarks.faults` drives it whole."""

from __future__ import annotations

import json

import pytest

from benchmarks import faults
from benchmarks.faults_bench import Found, Host, NotDriven

SAMPLE = {
    "calibrate": "flipped scenario,parent killed,full disk",
    "queue": "flipped part,job killed,full disk",
    "drill": "flipped recording,killed,full disk",
    "room": "flipped recording,server killed,full disk",
}


@pytest.mark.slow
@pytest.mark.parametrize("host", SAMPLE)
def test_nothing_is_lost_doubled_or_untold(host):
    found = faults.measure(only=host, fault=SAMPLE[host])
    assert (found["faults_lost"], found["faults_doubled"], found["faults_untold"]) == (0, 0, 0), json.dumps(found)
    assert found["faults_driven"] + found["faults_not_driven"] == 3


class Sample(Host):
    """A host whose faults come out as is wanted."""

    def faults(self):
        sound = [("a", "1"), ("b", "2")]
        said = "gridwhistle: the disk is full\n"
        return {
            "held": lambda out: Found("x", sound, sound, said),
            "by itself": lambda out: Found("x", sound, sound, "", whole=True),
            "lost": lambda out: Found("x", sound, sound[:1], said),
            "changed": lambda out: Found("x", sound, [("a", "1"), ("b", "3")], said),
            "doubled": lambda out: Found("x", sound, [*sound, ("b", "2")], said),
            "untold": lambda out: Found("x", sound, sound, "nothing of ours"),
            "traceback": lambda out: Found("x", sound, sound, said + "Traceback (most recent call last):"),
            "wrong": lambda out: Found("x", sound, sound, said, wrong="the command given again ends with 1"),
            "impossible": self._impossible,
        }

    def _impossible(self, out):
        raise NotDriven("only root may")


def test_the_count_of_a_cell_finds_each_kind_of_failing(tmp_path):
    host = Sample("sample", tmp_path / "s")
    cells = {fault: host.cell(fault) for fault in host.faults()}
    assert [fault for fault, cell in cells.items() if cell.ok] == ["held", "by itself"]
    assert {fault: (cell.lost, cell.doubled) for fault, cell in cells.items() if cell.lost or cell.doubled} == {
        "lost": (1, 0), "changed": (1, 0), "doubled": (0, 1), "impossible": (-1, -1),
    }  # fmt: skip
