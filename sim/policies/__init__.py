"""The rules behind the hooks, one short function each, and what is needed to write one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.engine.hooks import Answer as Answer
    from sim.policies.rules import rule as rule

_HOME = {"rule": "sim.policies.rules", "rules": "sim.policies.rules", "find_rule": "sim.policies.rules",
         "Answer": "sim.engine.hooks", "travel_min": "sim.engine.travel", "can_take": "sim.agents.ability",
         "first_in_queue": "sim.engine.queues", "next_in_queue": "sim.engine.queues"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import on first use, so that reading a scenario does not start the compiler."""
    import importlib

    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    codes = importlib.import_module("sim.engine.codes")
    if name.isupper() and hasattr(codes, name):
        return getattr(codes, name)
    raise AttributeError(f"module 'sim.policies' has no attribute {name!r}")
