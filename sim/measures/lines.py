"""Waiting lines of a finished run: how long tasks stood in line, how many found no place, how many gave up.

One row for each post, for each type at a post, and for each stage that nobody is busy with (a pure delay).
These are the numbers that queueing theory speaks of, measured over tasks that came in the window between
warm-up and cool-down; averages over time are taken over that window too. Only utilisation looks at the whole
run. What residents and planners ask of a run is `sim.measures.indicators`; nothing here knows true state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.assemble import Arm
from sim.engine.codes import NEVER, O_SETTLED, T_LOST, TK_BARE
from sim.engine.tables import World
from sim.measures.line_names import LINE_MEASURES


@dataclass(frozen=True)
class _Lines:
    """Columns of the tasks that came to a line, times in minutes.

    ``entered`` and ``left`` bound the time in line, ``ended`` the task; ``known`` is False for those still in
    line at the end of the run.
    """

    post: NDArray[np.int64]
    kind: NDArray[np.int64]
    stage: NDArray[np.int64]
    came: NDArray[np.float64]
    entered: NDArray[np.float64]
    left: NDArray[np.float64]
    ended: NDArray[np.float64]
    served: NDArray[np.bool_]
    done: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    queued: NDArray[np.bool_]
    known: NDArray[np.bool_]
    delay: NDArray[np.bool_]

    def only(self, rows: NDArray[Any]) -> _Lines:
        """Return some of the rows."""
        return _Lines(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def _read(world: World) -> _Lines:
    k = world.tasks[: int(world.clock["tasks"][0])]
    now = float(world.clock["now"][0])
    sent, over = k["assigned_min"], k["done_min"]
    delay, served, lost = k["n_staff"] == 0, sent < NEVER, k["state"] == T_LOST
    left = np.where(delay, k["created_min"], np.where(served, sent, np.where(over < NEVER, over, now)))
    # interrupted work joins the line again after it was sent once; that is no wait to be served
    queued = (k["queued_min"] < NEVER) & (k["queued_min"] <= left)
    came = delay | served | lost | queued
    pool = k["pool"]
    post = np.where((pool >= 0) & ~delay, world.pools["post"][np.maximum(pool, 0)], -1)
    return _Lines(
        post.astype(np.int64), k["type"].astype(np.int64), k["stage"].astype(np.int64), k["created_min"],
        np.where(queued, k["queued_min"], left), left, np.where(over < NEVER, over, now), served & ~delay,
        (over < NEVER) & ~lost, lost, queued, delay | served | (over < NEVER), delay,
    ).only(came)  # fmt: skip


def _overlap(begin: NDArray[np.float64], end: NDArray[np.float64], window: tuple[float, float]) -> float:
    """Return the time average over a window of how many of the intervals are open."""
    inside = np.minimum(end, window[1]) - np.maximum(begin, window[0])
    return float(np.maximum(inside, 0.0).sum() / (window[1] - window[0]))


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _row(all_tasks: _Lines, window: tuple[float, float]) -> dict[str, float]:
    """Return the measures of one line."""
    t = all_tasks.only((all_tasks.came >= window[0]) & (all_tasks.came < window[1]))
    blocked = t.lost & ~t.queued & ~t.served
    gone = t.lost & t.queued & ~t.served
    wait = (t.left - t.entered)[t.known & ~blocked]
    return {
        "tasks": float(len(t.came)),
        "arrivals_per_h": len(t.came) / (window[1] - window[0]) * 60.0,
        "wait_min": _mean(wait),
        "wait_served_min": _mean((t.left - t.entered)[t.served]),
        "wait_p90_min": float(np.quantile(wait, 0.9)) if len(wait) else float("nan"),
        "waiting_share": _mean(t.queued),
        "blocked_share": _mean(blocked),
        "abandoned_share": _mean(gone),
        "lost_share": _mean(t.lost),
        "mean_in_line": _overlap(all_tasks.entered, all_tasks.left, window),
        "mean_in_system": _overlap(all_tasks.came, all_tasks.ended, window),
        "system_min": _mean((t.ended - t.came)[t.done]),
    }


def _rows(arm: Arm, world: World) -> list[dict[str, Any]]:
    """Return one row per post, per type at a post, and per delay."""
    spec = arm.spec
    now = float(world.clock["now"][0])
    first = spec.warm_up_days * 1440.0
    window = (first, max(min((spec.horizon_days - spec.cool_down_days) * 1440.0, now), first + 1e-9))
    lines, posts, types = _read(world), list(spec.posts), list(spec.types)
    out: list[dict[str, Any]] = []
    order = np.lexsort((lines.kind, lines.post))
    lines = lines.only(order)
    for p in np.unique(lines.post[~lines.delay]):
        mine = lines.only(slice(*np.searchsorted(lines.post, [p, p + 1])))  # type: ignore[arg-type]
        name = posts[p] if p >= 0 else None
        out.append({"post": name, "type": None, "stage": None, **_row(mine, window), "utilisation": _busy(world, p)})
        for i in np.unique(mine.kind):
            part = mine.only(slice(*np.searchsorted(mine.kind, [i, i + 1])))  # type: ignore[arg-type]
            out.append({"post": name, "type": types[i], "stage": None, **_row(part, window)})
    return out + _delays(arm, lines.only(lines.delay), window)


def _delays(arm: Arm, lines: _Lines, window: tuple[float, float]) -> list[dict[str, Any]]:
    out = []
    for i, j in np.unique(np.column_stack([lines.kind, lines.stage]), axis=0):
        kind = list(arm.spec.types)[i]
        part = lines.only((lines.kind == i) & (lines.stage == j))
        out.append({"post": None, "type": kind, "stage": arm.spec.types[kind].stages[j].name, **_row(part, window)})
    return out


def _busy(world: World, post: int) -> float:
    mine = world.staff[world.staff["post"] == post]
    duty = float(mine["duty_min"].sum())
    return float(mine["busy_min"].sum() / duty) if duty > 0 else float("nan")


def line_table(arm: Arm, world: World) -> pa.Table:
    """Return the lines of a finished run as a table.

    Parameters
    ----------
    arm, world
        Of the run; the world's accounts settled (`sim.kernel.settled`).

    Returns
    -------
    pyarrow.Table
        ``post, type, stage, tasks`` and the columns of `LINE_MEASURES`. A null type is the post's total; a null
        post is a stage with ``staff: 0``, which has nobody and no line.
    """
    rows = _rows(arm, world)
    text = {name: pa.array([r[name] for r in rows], pa.string()) for name in ("post", "type", "stage")}
    tasks = pa.array([int(r["tasks"]) for r in rows], pa.int64())
    values = {name: pa.array([r.get(name, float("nan")) for r in rows], pa.float64()) for name in LINE_MEASURES}
    return pa.table({**text, "tasks": tasks, **values})


def line_measures(arm: Arm, world: World) -> dict[str, float]:
    """Return the same as single measures of a bare model; nothing for a model without bare types.

    Returns
    -------
    dict
        ``line.<post>.<measure>``, ``line.<post>.<type>.<measure>`` and ``delay.<type>.<stage>.<measure>``; besides
        ``case.<type>.system_min`` (mean minutes from occurrence to the end of the last stage, lost ones apart) and
        ``case.<type>.tasks`` (tasks per case), over cases that occurred in the window and have ended.
    """
    if not (world.types["kind"] == TK_BARE).any():
        return {}
    out: dict[str, float] = {}
    for row in _rows(arm, world):
        if row["post"] is None and row["stage"] is None:
            continue
        words = ["delay", row["type"], row["stage"]] if row["stage"] else ["line", row["post"], row["type"]]
        name = ".".join(w for w in words if w)
        out |= {f"{name}.{key}": row[key] for key in LINE_MEASURES if key in row}
    return out | _of_cases(arm, world)


def _of_cases(arm: Arm, world: World) -> dict[str, float]:
    spec = arm.spec
    cases = world.cases[: int(world.clock["cases"][0])]
    tasks = np.bincount(world.tasks["case"][: int(world.clock["tasks"][0])], minlength=len(cases))
    first, last = spec.warm_up_days * 1440.0, (spec.horizon_days - spec.cool_down_days) * 1440.0
    ended = (cases["closed_min"] < NEVER) & (cases["occurred_min"] >= first) & (cases["occurred_min"] < last)
    out: dict[str, float] = {}
    for i, name in enumerate(spec.types):
        mine = ended & (cases["type"] == i)
        settled = cases[mine & (cases["outcome"] == O_SETTLED)]
        out[f"case.{name}.system_min"] = _mean(settled["closed_min"] - settled["occurred_min"])
        out[f"case.{name}.tasks"] = _mean(tasks[mine])
    return out
