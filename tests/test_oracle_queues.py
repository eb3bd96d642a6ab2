"""Single lines meet their exact answers: Erlang B, C and A, M/M/c/K, Pollaczek-Khinchine, priorities, several units.

What takes under two seconds runs always; the rest is marked slow.
"""

from __future__ import annotations

import pytest
from oracles import queues
from oracles.bare import ANCHORS, check

SEVERAL = [(3, [(0.5, 1), (0.2, 2)]), (4, [(0.5, 1), (0.15, 3)])]


def spread(family: str, quick: tuple[int, ...] = ()) -> list:
    """Return one parameter set for each anchor of a family; all but the quick ones are slow."""
    return [
        pytest.param(a, id=f"{family}-{i}", marks=() if i in quick else pytest.mark.slow)
        for i, a in enumerate(ANCHORS[family])
    ]


def big(a: dict, ordinary: float, key: str = "c") -> float:
    """Return calls in a replication: more where many servers forget slowly."""
    return ordinary * (1 if a[key] < 20 else 5)


@pytest.mark.parametrize("anchor", spread("erlang_B", quick=(0, 1, 4)))
def test_erlang_b(anchor):
    check(queues.erlang_b(anchor, cases=big(anchor, 20_000)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "law", [10.0, {"erlang": {"k": 3, "mean": 10}}, {"lognormal": {"median": 8.0, "sigma": 0.668}}], ids=str
)
def test_blocking_does_not_depend_on_the_law_of_service(law):
    check(queues.erlang_b(ANCHORS["erlang_B"][4], law=law))


@pytest.mark.parametrize("anchor", spread("erlang_C", quick=(1,)))
def test_erlang_c(anchor):
    check(queues.erlang_c(anchor, cases=big(anchor, 40_000)))


@pytest.mark.slow
@pytest.mark.parametrize("anchor", spread("halfin_whitt"))
def test_square_root_staffing(anchor):
    check(queues.halfin_whitt(anchor))


@pytest.mark.parametrize("anchor", spread("MMcK", quick=(0, 4)))
def test_limited_line(anchor):
    check(queues.limited(anchor, cases=20_000))


PK = [a for a in ANCHORS["MG1_PK"] if "lam" in a]


def test_one_server_of_constant_service():
    check(queues.one_server(PK[0], cases=20_000))


@pytest.mark.slow
@pytest.mark.parametrize("anchor", PK[1:], ids=lambda a: f"load{a['lam']}-cs2-{a['cs2']}")
def test_one_server_of_any_law(anchor):
    check(queues.one_server(anchor, cases=20_000 if anchor["lam"] < 0.8 else 60_000))


@pytest.mark.slow
def test_one_server_with_lognormal_service():
    check(queues.lognormal_server())


@pytest.mark.parametrize("anchor", spread("erlang_A", quick=(1,)))
def test_callers_who_hang_up(anchor):
    if anchor["theta"] < 1e-6:  # nobody ever hangs up within a run: the same as without patience, by its waits
        anchor = ANCHORS["erlang_C"][3]
        check(queues.erlang_c(anchor))
        return
    check(queues.impatient(anchor, cases=20_000))


@pytest.mark.slow
@pytest.mark.parametrize("anchor", spread("MMc_nonpreemptive_priority"))
def test_priorities_without_interruption(anchor):
    check(queues.by_class(anchor))


@pytest.mark.slow
def test_published_priority_example():
    check(queues.two_classes_of_work(ANCHORS["MG1_priority_MIT_quiz2_2003"]))


@pytest.mark.slow
@pytest.mark.parametrize("anchor", spread("MM1_preemptive_resume_sojourn"))
def test_priorities_with_interruption(anchor):
    check(queues.preemptive(anchor))


@pytest.mark.parametrize("anchor", spread("kaufman_roberts_multiunit_loss", quick=(0,)))
def test_several_units_seized_together_or_lost(anchor):
    check(queues.several_units_lost(anchor, cases=20_000))


@pytest.mark.slow
@pytest.mark.parametrize(("units", "classes"), SEVERAL, ids=["3-units", "4-units"])
def test_several_units_seized_together_or_waiting(units, classes):
    """Exact by the balance equations: units released one by one or overtaking would give other waits."""
    check(queues.several_units_waiting(units, classes))
