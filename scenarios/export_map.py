"""The map that exported cases come with: which column is what, so that `gridwhistle calibrate` reads them as they are.

One policy and one replication is one log. Times are those of the simulated clock, which is never put forward or back:
in a zone whose clocks change meanwhile they are given at the offset of the first day. Reading a map is
`calibration.caselog.mapping`.
"""

from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

import pandas as pd
import yaml

from scenarios.study import Study

ROLES = {
    "case": "case", "opened": "reported_at", "closed": "closed_at", "deadline": "deadline_at", "kind": "type",
    "channel": "channel", "department": "department",
}  # fmt: skip
"""Role -> column of the exported cases."""
HEAD = (
    "# gridwhistle calibrate --log cases.csv --map map.yaml\n# One policy and replication is one log: change 'only'.\n"
)


def case_map(study: Study, cases: pd.DataFrame) -> str | None:
    """Return the map as YAML text; None where the table holds no case that was reported.

    Parameters
    ----------
    study
        The results.
    cases
        Their cases as exported, with clock times.
    """
    known = [role for role, column in ROLES.items() if column in cases and cases[column].notna().any()]
    if "opened" not in known:
        return None
    policy = next(name for name in study.policies if (cases["policy"] == name).any())
    replication = int(cases.loc[cases["policy"] == policy, "replication"].min())
    spec = study.scenario.spec(policy)
    content: dict[str, object] = {role: ROLES[role] for role in known}
    content["zone"] = clock_zone(spec.calendar.zone, spec.calendar.start, spec.horizon_days)
    content["only"] = {"policy": policy, "replication": replication}
    return HEAD + yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)


def clock_zone(zone: str, start: dt.date, days: float) -> str:
    """Return a zone in which every time of a run exists once: the calendar's, or its offset on the first day.

    Parameters
    ----------
    zone
        An IANA name or an offset such as ``UTC+08:00``.
    start, days
        First day and length of the run.
    """
    if zone.startswith("UTC") and len(zone) > len("UTC"):
        return zone
    noon, there = dt.datetime.combine(start, dt.time(12)), ZoneInfo(zone)
    last = min(math.ceil(days) + 1, (dt.date.max - start).days)
    offsets = {(noon + dt.timedelta(days=k)).replace(tzinfo=there).utcoffset() for k in range(-1, last + 1)}
    if len(offsets) == 1:
        return zone
    offset = noon.replace(tzinfo=there).utcoffset() or dt.timedelta()
    minutes = round(offset.total_seconds() / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
