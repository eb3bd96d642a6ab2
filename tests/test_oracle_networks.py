"""Networks of stages meet their exact answers: Jackson, an escalation chain, a daily wave."""

from __future__ import annotations

import pytest
from oracles import networks
from oracles.bare import ANCHORS, check


@pytest.mark.slow
@pytest.mark.parametrize("anchor", ANCHORS["jackson"], ids=["series", "feedback"])
def test_jackson_network(anchor):
    check(networks.jackson(anchor))


def test_escalation_chain():
    check(networks.escalation(ANCHORS["escalation_chain"]))


def test_daily_wave_into_a_pure_delay():
    check(networks.daily_wave(ANCHORS["Mt_M_inf_sine"]))


@pytest.mark.slow
def test_daily_wave_into_more_servers_than_are_ever_busy():
    check(networks.daily_wave(ANCHORS["Mt_M_inf_sine"], servers=200))
