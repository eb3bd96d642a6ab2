"""Branches: the unchanged fork is the parent, identical forks differ by exactly nothing, futures are shared."""

from __future__ import annotations

import numpy as np
import pytest

from scenarios.drill import branch
from scenarios.drill.branching import redraw
from scenarios.drill.ground import state_hash
from sim.errors import InputError
from tests import drill_sample as sample


@pytest.fixture(scope="module")
def recorded():
    made = sample.drill()
    made.start()
    while not made.is_over:
        if made.open_decisions:
            prompt = made.open_decisions[0]
            option = "handle" if prompt.id == "D2" else prompt.rule_option
            made.decide(prompt.id, option, "tester", took_s=3.0)
        else:
            made.advance(made.t_min + 11.7)
            if made.t_min > 50 and made.slot("recall").status == "waiting":
                made.release("recall")
                data = {"effects": [{"kind": "incident", "type": "brawl", "severity": 2, "told_by": "police_110"}]}
                made.adhoc(data)
    return made


@pytest.mark.parametrize("at", ["D1", "D7"])
def test_the_fork_with_the_recorded_answer_is_the_parent_bit_for_bit(recorded, at):
    chosen = next(p for p in recorded.prompts if p.id == at).chosen
    found = branch(recorded.recording, at, chosen, replications=2, ground=recorded.ground)
    assert found.unchanged_hash == found.parent_hash == recorded.final_hash == found.branch_hash
    for row in found.rows:
        same = row.recorded == row.branch or (np.isnan(row.recorded) and np.isnan(row.branch))
        assert same and not row.paired.difference > 0 and not row.paired.difference < 0


def test_another_answer_is_compared_over_the_same_futures(recorded):
    found = branch(recorded.recording, "D2", "whistle:emergency", replications=10, ground=recorded.ground)
    assert found.unchanged_hash == found.parent_hash != found.branch_hash
    rows = {row.criterion: row for row in found.rows}
    # the whistle is blown at once in the branch, in the recording only after an attempt without the departments
    assert rows["whistle-blown"].paired.difference < 0 and rows["whistle-blown"].paired.pairs == 10
    assert rows["street-there"].paired.difference == 0  # lies before the fork
    assert "answered" not in rows and "read" not in rows  # the players are not simulated
    again = branch(recorded.recording, "D2", "whistle:emergency", replications=10, ground=recorded.ground)
    assert repr(again.rows) == repr(found.rows)


def test_a_redrawn_future_keeps_what_has_happened_and_changes_what_has_not(recorded):
    made = sample.to_prompt(sample.drill(), "coordinate")
    forks = [made.fork() for _ in range(3)]
    for fork, future in zip(forks, (1, 1, 2), strict=True):
        redraw(fork, future)
    cursor = int(made.world.clock["cursor"][0])
    for fork in forks:
        assert np.array_equal(fork.world.incidents[:cursor], made.world.incidents[:cursor])
        assert (fork.world.incidents["occurred_min"][cursor:] > made.scenario_min).all()
        assert np.array_equal(fork.world.cases["entity"], made.world.cases["entity"])
    assert state_hash(forks[0].world) == state_hash(forks[1].world) != state_hash(forks[2].world)
    ahead = [set(f.world.incidents["entity"][cursor:].tolist()) for f in (made, forks[0])]
    assert not ahead[0] & ahead[1] or len(ahead[0] & ahead[1]) < 0.9 * len(ahead[0])


def test_a_fork_leaves_the_drill_alone(recorded):
    made = sample.to_prompt(sample.drill(), "dispatch")
    before, lines = state_hash(made.world), len(made.recording.lines)
    fork = made.fork()
    fork.decide("D1", "wait", "x")
    fork.jump()
    assert state_hash(made.world) == before and len(made.recording.lines) == lines
    assert made.open_decisions and made.prompts[0].state == "open"


def test_a_branch_that_cannot_be_is_refused(recorded):
    with pytest.raises(InputError, match="no answered decision"):
        branch(recorded.recording, "D99", "wait")
    with pytest.raises(InputError, match="not one of the options"):
        branch(recorded.recording, "D2", "refer:moon", ground=recorded.ground)
    with pytest.raises(InputError, match="too few futures"):
        branch(recorded.recording, "D2", "escalate", replications=1)
    with pytest.raises(InputError, match="not over"):
        branch(sample.to_prompt(sample.drill(), "dispatch").recording, "D1", "wait")
