"""Starts and completions of the lifecycle made into intervals: one event with a start and an end.

Within a case, activity and instance (where the log names instances) the oldest open start belongs to the next
completion. Other transitions stay events of their own.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Findings
from calibration.caselog.rows import Rows


def paired(events: pd.DataFrame, instance: pd.Series | None, rows: Rows, findings: Findings) -> pd.DataFrame:
    """Return events in which a completed start is the ``start`` of its completion and no row of its own.

    Parameters
    ----------
    events
        One row per event, rows as in `rows`.
    instance
        Name of the activity's instance, per row; None when the log has none.
    """
    names = [events["case_id"], events["activity"], *([instance.fillna("")] if instance is not None else [])]
    key = pd.MultiIndex.from_arrays(names).factorize()[0]
    starts, ends = (events["transition"] == "start").to_numpy(), (events["transition"] == "complete").to_numpy()
    order = np.lexsort((events.index.to_numpy(), ~starts, events["at"].astype(np.int64).to_numpy()))
    waiting: dict[int, deque[int]] = {}
    start_of: dict[int, int] = {}
    alone: dict[int, list[int]] = {}
    for row in order[(starts | ends)[order]]:
        queue = waiting.setdefault(int(key[row]), deque())
        if starts[row]:
            queue.append(int(row))
        elif queue:
            start_of[int(row)] = queue.popleft()
        else:
            alone.setdefault(int(key[row]), []).append(int(row))
    left = [row for queue in waiting.values() for row in queue]
    inverted = [row for row in left if any(row < end for end in alone.get(int(key[row]), []))]
    _told(events, left, inverted, rows, findings)
    made = events.copy()
    done = np.array(list(start_of), dtype=np.int64)
    begun = np.array(list(start_of.values()), dtype=np.int64)
    made.loc[done, "start"] = events["at"].iloc[begun].array
    gone = np.zeros(len(events), bool)
    gone[[*begun.tolist(), *inverted, *(end for row in inverted for end in alone[int(key[row])])]] = True
    return made[~gone].reset_index(drop=True)


def _told(events: pd.DataFrame, left: list[int], inverted: list[int], rows: Rows, findings: Findings) -> None:
    if inverted:
        shown = events["case_id"] + ", " + events["activity"]
        findings.bad(
            "start_after_end", count=len(inverted), total=int((events["transition"] == "start").sum()),
            column="lifecycle:transition", examples=rows.where(inverted, shown),
        )  # fmt: skip
    count = len(left) - len(inverted)
    if count:
        findings.warn("unpaired_starts", count=count, total=int((events["transition"] == "start").sum()))
