"""The model: engine, city, agents, cases, institutions, policies, measures.

Importing this is light; `sim.Model` and the agents are imported on first use.
"""

from __future__ import annotations

from typing import Any

_HOME = {"Model": "sim.mesa_model", **dict.fromkeys(
    ("Resident", "GridMember", "Mediator", "Department", "Unit", "StaffMember"), "sim.agents.views")}  # fmt: skip


def __getattr__(name: str) -> Any:
    import importlib

    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
