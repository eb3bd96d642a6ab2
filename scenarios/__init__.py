"""What is run: scenarios, policies, experiments, campaigns and their results.

Names are looked up on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.compare import Comparison
    from scenarios.experiment import Experiment
    from scenarios.library import load, names
    from scenarios.schema import Precision, Scenario
    from scenarios.study import Study

__all__ = ["Comparison", "Experiment", "Precision", "Scenario", "Study", "load", "names"]

_HOMES = {
    "Comparison": "scenarios.compare",
    "Experiment": "scenarios.experiment",
    "Precision": "scenarios.schema",
    "Scenario": "scenarios.schema",
    "Study": "scenarios.study",
    "load": "scenarios.library",
    "names": "scenarios.library",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'scenarios' has no attribute {name!r}")
