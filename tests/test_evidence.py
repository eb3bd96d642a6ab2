"""Stored proofs: none is stale, each holds what it promises, and a change of behaviour or source is noticed."""

from __future__ import annotations

import json

import pytest

from scripts import evidence

STORED = sorted(name for name, one in evidence.registered().items() if one.file.exists())


def test_the_small_pool_is_stored():
    assert "intervals-small" in STORED


def stored(name: str) -> dict:
    return json.loads(evidence.registered()[name].file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", STORED)
def test_no_stored_proof_rests_on_other_estimators(name):
    assert evidence.stale(evidence.registered()[name], behaviour=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", STORED)
def test_no_stored_proof_rests_on_other_behaviour_and_a_sample_agrees(name):
    one = evidence.registered()[name]
    assert evidence.stale(one) + evidence.sampled(one, evidence.commit_number()) == []


@pytest.mark.parametrize("name", [n for n in STORED if n.startswith("intervals")])
def test_intervals_that_are_shown_hold(name):
    found = stored(name)["found"]
    shown = 0
    for metric, parts in found["coverage"].items():
        for part, sizes in parts.items():
            for pairs, one in sizes.items():
                if one["shown"]:
                    shown += 1
                    assert one["coverage"] >= 0.93 and max(one["above"], one["below"]) <= 0.035, (metric, part, pairs)
                else:
                    assert one["enough"] is None or one["enough"] > int(pairs)
    assert shown > 100
    assert max(found["verdicts"]["false_equivalence"].values()) < 0.07
    assert max(found["verdicts"]["family_wise_error"].values()) < 0.07


def test_a_changed_source_makes_a_proof_stale(tmp_path, monkeypatch):
    one = evidence.Proof("small", lambda folder: {"x": 1 / 3}, ("scenarios.power",), (), (1,))
    monkeypatch.setattr(evidence, "FOLDER", tmp_path)
    assert "not stored" in evidence.stale(one)[0]
    evidence.renew(one)
    assert evidence.stale(one) == []
    content = json.loads(one.file.read_text())
    assert content["found"] == {"x": 0.333333} and content["seeds"] == [1] and content["seconds"] >= 0
    content["rests_on"]["estimators"]["hash"] = "another"
    one.file.write_text(json.dumps(content))
    assert "source of its estimators" in evidence.stale(one)[0]


def test_an_unknown_name_is_refused(capsys):
    assert evidence.main(["--renew", "nothing-of-the-kind"]) == 2
    assert "no proof named" in capsys.readouterr().err
