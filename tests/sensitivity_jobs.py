"""A job in place of the model for tests of sensitivity studies: a known answer, and runs that misbehave; not a test."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from scenarios.runs import Outcome, Run

TOWN = """\
name: small-town
title: {en: Small town, zh: 小镇}
extends: whistle-vs-referral
city: {synthetic: {residents: 3000, seed: 2}}
horizon_days: 6
warm_up_days: 1
cool_down_days: 1
"""


@dataclass(frozen=True)
class Known:
    """Days of resolution that fall with report_in.intercept under whistle, with noise by replication number.

    The difference between whistle and referral is 1 - intercept, so that it flips at 1.
    """

    raising: tuple[int, ...] = ()
    hanging: tuple[int, ...] = ()
    crashing: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()

    def __call__(self, run: Run, keep: bool) -> Outcome:
        if run.policy == "whistle":
            if run.replication in self.raising:
                raise ValueError("this setting cannot be")
            if run.replication in self.hanging:
                time.sleep(600)
            if run.replication in self.crashing:
                os._exit(7)
        noise = np.random.default_rng([run.seed, run.replication]).normal(size=2)
        values = dict(run.parameters)
        effect = 1.0 - values["report_in.intercept"] if run.policy == "whistle" else 0.0
        days = 5.0 + 2.0 * noise[0] + effect + 0.1 * noise[1] * (run.policy == "whistle")
        if run.replication in self.empty:
            days = float("nan")
        return Outcome({"true_resolution_days": days})
