"""Plain lines served in one pass: rows, counters and pending timers are those that the loop makes of the same draws.

The loop is made to serve by pausing before the first arrival, since only a run's beginning can be plain.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import kernel
from sim.plain import serve_plain
from tests.law_scenes import assert_sound, at, differences, job, queue_arm, run, titled

# where a task once hung in its line; `assert_sound` looks at the lines themselves
APART = {"tasks.left", "tasks.right", "tasks.up", "tasks.heap_rank"}

laws = st.one_of(
    st.floats(0.5, 30.0).map(lambda mean: {"exponential": {"mean": mean}}),
    st.sampled_from([0.0, 7.0, 12.5]),
    st.floats(1.0, 20.0).map(lambda top: {"uniform": {"low": 0.0, "high": top}}),
)
types = st.lists(st.tuples(st.floats(0.0, 12.0), laws, st.booleans()), min_size=1, max_size=4)


def lines(kinds, servers: int, others: int, **changes):
    """Return an arm with two posts of servers; each kind of customer waits for one of them."""
    found = {}
    for n, (rate, touch, first) in enumerate(kinds):
        who = "server" if first else "other"
        found[f"kind {n}"] = job(rate, touch, stage={"where": "desk", "who": who})
    posts = {name: {"title": titled(name), "kind": "unit", "per": "city", "count": n}
             for name, n in (("server", servers), ("other", others))}  # fmt: skip
    return queue_arm(found, posts=posts, **changes)


def begun(arm, replication: int = 0):
    world = arm.world(1, replication, "counts")
    kernel.begin(world)
    assert kernel.run_until(arm, world, 0.0) is None
    return world


def assert_same(plain, looped) -> None:
    """Every row, counter and pending timer agree."""
    assert set(differences(plain, looped)) <= APART
    assert_sound(plain)
    mine, theirs = kernel.pending_timers(plain), kernel.pending_timers(looped)
    for column in ("time", "kind", "entity", "stamp", "row"):
        assert np.array_equal(mine[column], theirs[column]), column


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    kinds=types,
    servers=st.integers(1, 5),
    others=st.integers(1, 3),
    days=st.floats(0.1, 3.0),
    pause=st.floats(0.0, 1.0),
)
def test_a_pass_over_the_arrivals_makes_what_the_loop_makes(kinds, servers, others, days, pause):
    arm = lines(kinds, servers, others, days=days)
    looped = run(arm, level="counts", pauses=(1e-12,))
    assert_same(run(arm, level="counts"), looped)
    assert_same(run(arm, level="counts", pauses=(pause * days * 1440.0,)), looped)


def test_a_textbook_queue_is_plain():
    arm = lines([(54.0, {"exponential": {"mean": 10.0}}, True)], 10, 1)
    world = begun(arm)
    assert serve_plain(world.address, 14400.0)
    assert world.clock["now"][0] == 14400.0 and world.clock["cases"][0] > 10_000


SERVED = {"where": "desk", "who": "server"}
NOT_PLAIN = {
    "who leaves": {"types": {"a": job(5.0, 9.0, stage=SERVED, queue_patience_min=3.0)}},
    "two at once": {"types": {"a": job(5.0, 9.0, stage={**SERVED, "staff": 2})}},
    "a lag": {"types": {"a": job(5.0, 9.0, stage={**SERVED, "lag_min": 4.0})}},
    "on the way": {"types": {"a": job(5.0, 9.0, stage={**SERVED, "where": "scene"})}},
    "few places": {"post": {"queue_capacity": 2}},
    "interrupted": {"post": {"preemptive": True}},
    "off at night": {"shifts": {"always": {"hours": [(8.0, 18.0)]}}},
    "a script": {"script": at(3.0, 3.0, kind="a")},
    "another rule": {"rules": {"priority": "class_fifo"}},
    "many servers": {"servers": 65},
}


@pytest.mark.parametrize("case", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_loop(case):
    changes = dict(NOT_PLAIN[case])
    kinds = changes.pop("types", {"a": job(5.0, 9.0, stage=SERVED)})
    arm = queue_arm(kinds, changes.pop("servers", 2), days=0.5, **changes)
    world = begun(arm)
    plain = kernel._may_be_plain(arm) and serve_plain(world.address, 720.0)
    assert not plain
    assert kernel.run_until(arm, world, 720.0) is None
    assert world.clock["cases"][0] > 0
