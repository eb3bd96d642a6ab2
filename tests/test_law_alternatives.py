"""One Gumbel for each alternative: shares come out exactly, and a further one moves only those that choose it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from law_scenes import queue_arm, rows, run, titled
from scipy import stats

from sim.agents.posts import Post
from sim.assemble import assemble
from sim.cases.catalogue import CaseType
from sim.institutions.parts import Department
from sim.policies.trial import trial_city, trial_spec

SHARES = {"red": 0.5, "green": 0.3, "blue": 0.1}  # the rest, 0.1, is done


def routed(shares: dict[str, float], listed: tuple[str, ...] = (), days: float = 40.0):
    """Return the world of cases that go from a first delay on to others by given shares."""
    names = listed or tuple(shares)
    stages: list[dict[str, Any]] = [{"name": "first", "staff": 0, "touch_min": 1.0, "next": shares}]
    stages += [{"name": name, "staff": 0, "touch_min": 1.0, "next": {}} for name in names]
    kind = {"title": titled("job"), "kind": "bare", "rate_per_hour": 25.0, "stages": stages}
    arm = queue_arm({"job": kind}, 1, days=days)
    return arm, run(arm, 3, level="counts")


def ways(arm, world) -> dict[int, str]:
    """Return entity of each ended case -> the stage it took after the first, or 'done'."""
    tasks, cases = rows(world, "tasks"), rows(world, "cases")
    names = [stage.name for stage in arm.spec.types["job"].stages]
    found = dict.fromkeys(cases["entity"][cases["closed_min"] < 1e300].tolist(), "done")
    for task in tasks[tasks["stage"] > 0]:
        entity = int(cases["entity"][task["case"]])
        if entity in found:
            found[entity] = names[task["stage"]]
    return found


def test_stages_are_chosen_with_the_stated_shares():
    arm, world = routed(SHARES)
    chosen = ways(arm, world)
    counts = [sum(way == name for way in chosen.values()) for name in (*SHARES, "done")]
    assert sum(counts) > 20_000
    assert stats.chisquare(counts, np.array([0.5, 0.3, 0.1, 0.1]) * sum(counts)).pvalue > 1e-3


def test_shares_that_sum_to_one_never_end_early_and_one_sure_way_is_always_taken():
    arm, world = routed({"red": 0.7, "green": 0.3}, days=10.0)
    assert set(ways(arm, world).values()) == {"red", "green"}
    arm, world = routed({"red": 1.0}, days=2.0)
    assert set(ways(arm, world).values()) == {"red"}


def test_a_stage_that_is_never_chosen_changes_nothing():
    before, after = routed(SHARES), routed({**SHARES, "never": 0.0}, ("never", *SHARES))
    assert ways(*before) == ways(*after)


def test_the_order_in_which_stages_are_listed_changes_nothing():
    assert ways(*routed(SHARES)) == ways(*routed(SHARES, ("blue", "red", "green")))


def test_a_further_stage_moves_only_the_cases_that_take_it():
    """The others keep their odds to one another: each gives a fifth of its share."""
    before = ways(*routed(SHARES))
    after = ways(*routed({**{name: 0.8 * share for name, share in SHARES.items()}, "new": 0.2}, (*SHARES, "new")))
    moved = {entity: after[entity] for entity, way in before.items() if after[entity] != way}
    assert set(moved.values()) == {"new"}
    assert len(moved) == pytest.approx(0.2 * len(before), rel=0.05)


def test_a_return_visit_chooses_anew():
    """Two in three go round again: visits are geometric, which they would not be if each chose what it chose before."""
    stages = [{"name": "round", "staff": 0, "touch_min": 1.0, "next": {"round": 2 / 3}}]
    kind = {"title": titled("job"), "kind": "bare", "rate_per_hour": 25.0, "stages": stages}
    world = run(queue_arm({"job": kind}, 1, days=30.0), 5, level="counts")
    visits = np.bincount(rows(world, "tasks")["case"])[rows(world, "cases")["closed_min"] < 1e300]
    counts = np.bincount(np.minimum(visits, 12), minlength=13)[1:]
    expected = np.array([(2 / 3) ** (n - 1) / 3 for n in range(1, 12)] + [(2 / 3) ** 11])
    assert len(visits) > 15_000
    assert stats.chisquare(counts, expected * len(visits)).pvalue > 1e-3


# ---------------------------------------------------------------- misfiling
def misfiled(as_types: list[str], more_types: tuple[str, ...] = (), days: float = 60.0) -> dict[int, str]:
    """Return entity of each judged leak -> the type it was filed as."""
    spec = trial_spec(days=days, rate=6.0)
    types = dict(spec.types)
    for name in more_types:
        types = {
            name: CaseType.model_validate({"title": titled(name), "kind": "order", "stages": [{"name": "a"}]}),
            **types,
        }
    seems = types["leak"].seems.model_copy(update={"misjudged": 0.6, "as_types": as_types})
    types["leak"] = types["leak"].model_copy(update={"seems": seems})
    world = run(assemble(spec.model_copy(update={"types": types}), trial_city()), 4, level="everything")
    cases, incidents, log = rows(world, "cases"), rows(world, "incidents"), rows(world, "log")
    names = list(types)
    mine = incidents["type"][cases["incident"]] == names.index("leak")
    judged = mine & (cases["judged_min"] < 1e300)
    filed = dict.fromkeys(cases["entity"][judged].tolist(), "leak")
    from sim.engine.codes import L_MISJUDGE

    for entry in log[log["kind"] == L_MISJUDGE]:
        entity = int(cases["entity"][entry["case"]])
        if entity in filed:
            filed[entity] = names[int(entry["value"])]
    return filed


def test_misfiling_is_shared_equally_among_what_a_type_is_mistaken_for():
    filed = list(misfiled(["quarrel", "blaze"]).values())
    counts = [filed.count(name) for name in ("leak", "quarrel", "blaze")]
    assert sum(counts) > 300
    wrong = counts[1] + counts[2]
    assert stats.binomtest(counts[1], wrong, 0.5).pvalue > 1e-3


def test_a_further_type_to_be_mistaken_for_moves_only_the_cases_that_are():
    before = misfiled(["quarrel"], ("new",))
    after = misfiled(["new", "quarrel"], ("new",))
    shared = before.keys() & after.keys()
    first = [e for e in shared if before[e] == "quarrel"]
    assert len(first) > 80 and {before[e] for e in shared} == {"leak", "quarrel"}
    assert all(after[e] == "leak" for e in shared if before[e] == "leak"), "who was filed rightly is not any more"
    assert {after[e] for e in first} == {"quarrel", "new"}
    assert 0.3 < np.mean([after[e] == "new" for e in first]) < 0.7


def test_a_type_that_nothing_is_mistaken_for_changes_no_misfiling():
    assert misfiled(["quarrel", "blaze"], days=20.0) == misfiled(["blaze", "quarrel"], ("aaa",), days=20.0)


# ---------------------------------------------------------------- departments
def with_department(probability: float | None, days: float = 8.0):
    """Return the trial's run with one more department, first in the list, that leaks may need (None: none more)."""
    spec = trial_spec(days=days, rate=2.0)
    if probability is not None:
        post = Post.model_validate({"title": titled("gas"), "kind": "unit", "per": "city", "count": 2})
        gas = Department.model_validate({"title": titled("gas"), "post": "gas"})
        leak = spec.types["leak"]
        more = {"gas": probability}
        leak = leak.model_copy(
            update={"needs": {**more, **leak.needs}, "believed_needs": {**more, **leak.believed_needs}}
        )
        spec = spec.model_copy(update={
            "posts": {"gas": post, **spec.posts}, "departments": {"gas": gas, **spec.departments},
            "types": {**spec.types, "leak": leak},
        })  # fmt: skip
    return run(assemble(spec, trial_city()), 9, level="counts")


def outcomes(world) -> dict[int, tuple]:
    """Return entity of each case -> how it went."""
    fields = ["reported_min", "closed_min", "outcome", "grid", "level", "bounces", "misjudged", "touch_min"]
    cases = rows(world, "cases")
    return dict(zip(cases["entity"].tolist(), cases[fields].tolist(), strict=True))


def test_a_department_that_nothing_needs_changes_no_case():
    assert outcomes(with_department(None)) == outcomes(with_department(0.0))


def test_a_department_that_some_need_leaves_what_others_need_alone():
    before, after = with_department(None), with_department(0.3)
    a, b = rows(before, "incidents"), rows(after, "incidents")
    assert np.array_equal(a["entity"], b["entity"]) and np.array_equal(a["occurred_min"], b["occurred_min"])
    assert np.array_equal(a["needs"], b["needs"] >> np.uint64(1)), "the other departments' bits, one place further"
    need = (b["needs"] & np.uint64(1)) == 1
    leaks = a["type"] == list(trial_spec().types).index("leak")
    assert not need[~leaks].any() and 0.1 < need[leaks].mean() < 0.5
    assert need[leaks].sum() > 10
