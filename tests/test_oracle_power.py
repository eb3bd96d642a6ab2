"""The checks can fail: a service 5 % too slow is refused by the very checks that the right service passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from oracles import dispatch, networks, queues
from oracles.bare import ANCHORS, Case, Differs, Exact, Imprecise, check, exponential, kind, model, post, stage

TOO_SLOW = 1.05
QUICK: dict[str, Callable[[], Case]] = {
    "erlang_b": lambda: queues.erlang_b(ANCHORS["erlang_B"][1], TOO_SLOW, cases=20_000),
    "erlang_c": lambda: queues.erlang_c(ANCHORS["erlang_C"][1], TOO_SLOW, cases=20_000),
    "limited": lambda: queues.limited(ANCHORS["MMcK"][2], TOO_SLOW, cases=20_000),
    "one_server": lambda: queues.one_server(ANCHORS["MG1_PK"][0], TOO_SLOW, cases=20_000),
    "two_units_lost": lambda: dispatch.two_units_lost(ANCHORS["hypercube_MIT_quiz2_2001"], 2.0, TOO_SLOW, 15_000),
    "escalation": lambda: networks.escalation(ANCHORS["escalation_chain"], TOO_SLOW),
    "daily_wave": lambda: networks.daily_wave(ANCHORS["Mt_M_inf_sine"], TOO_SLOW),
    "several_units": lambda: queues.several_units_lost(
        ANCHORS["kaufman_roberts_multiunit_loss"][0], TOO_SLOW, cases=20_000
    ),
}
LONG: dict[str, Callable[[], Case]] = {
    "erlang_c_high": lambda: queues.erlang_c(ANCHORS["erlang_C"][11], TOO_SLOW),
    "one_server_0.8": lambda: queues.one_server(ANCHORS["MG1_PK"][8], TOO_SLOW, cases=60_000),
    "by_class": lambda: queues.by_class(ANCHORS["MMc_nonpreemptive_priority"][0], TOO_SLOW),
    "preemptive": lambda: queues.preemptive(ANCHORS["MM1_preemptive_resume_sojourn"][0], TOO_SLOW),
    "jackson": lambda: networks.jackson(ANCHORS["jackson"][1], TOO_SLOW),
    "hypercube": lambda: dispatch.three_units(ANCHORS["hypercube_MIT_5_4_3"], TOO_SLOW),
    "impatient": lambda: queues.impatient(ANCHORS["erlang_A"][0], TOO_SLOW),
    "several_units_waiting": lambda: queues.several_units_waiting(3, [(0.5, 1), (0.2, 2)], TOO_SLOW),
}


@pytest.mark.parametrize("name", QUICK)
def test_a_slow_service_is_noticed(name):
    with pytest.raises(Differs):
        check(QUICK[name]())


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_a_slow_service_is_noticed_in_long_checks(name):
    with pytest.raises(Differs):
        check(LONG[name]())


def test_too_few_replications_are_noticed():
    sections = model(50.0, 100.0, posts={"desk": post(1)}, types={"call": kind(3.0, stage("desk", exponential(10.0)))})
    with pytest.raises(Imprecise):
        check(Case(sections, [Exact("line.desk.wait_min", 10.0, 0.02)]), least=4, most=4)
