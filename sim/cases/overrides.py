"""Register values of case types laid over the catalogue: ``type.<name>.<field>``.

Sensitivity and calibration reach the catalogue's numbers through the register; here they take effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.cases.catalogue import CaseType
from sim.cases.laws import Law, parse

_SCALED = {"mean", "median", "value", "low", "high", "mode"}


def scaled(law: Law, factor: float) -> Law:
    """Return a law whose values are ``factor`` times those of another (shapes and spreads stay)."""
    if law.name == "mixture":
        return Law("mixture", [(share, scaled(part, factor)) for share, part in law.values])
    return parse({law.name: {k: v * factor if k in _SCALED else v for k, v in law.values.items()}})


def _with_touch(kind: CaseType, factor: float) -> dict[str, Any]:
    stages = [s.model_copy(update={"touch_min": scaled(s.touch_min, factor)}) for s in kind.stages]
    part = kind.part.model_copy(update={"touch_min": scaled(kind.part.touch_min, factor)})
    return {"stages": stages, "part": part}


def _change(kind: CaseType, field: str, value: float) -> dict[str, Any]:
    if field == "touch_factor":
        return _with_touch(kind, value)
    if field == "success_base":
        return {"success": kind.success.model_copy(update={"base": value})}
    return {field: value}


def overridden(types: Mapping[str, CaseType], parameters: Mapping[str, float]) -> dict[str, CaseType]:
    """Return the types with the given ``type.*`` parameters applied; other parameters are not looked at."""
    out = dict(types)
    for name, value in sorted(parameters.items()):
        head, _, rest = name.partition(".")
        kind, _, field = rest.rpartition(".")
        if head == "type" and kind in out:
            out[kind] = out[kind].model_copy(update=_change(out[kind], field, value))
    return out
