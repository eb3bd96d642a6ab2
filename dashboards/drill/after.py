"""What comes after the end: the after-action report, the recording, and branches from decisions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from dashboards.drill import said
from dashboards.drill.acts import Given
from dashboards.drill.room import Room
from dashboards.server.threads import BRANCHES, away
from scenarios.drill import Drill, Recording, branch
from sim.errors import InputError

FUTURES_MOST = 200


async def run_branch(room: Room, given: Given) -> None:
    """Compare another answer to one decision with the recorded one; progress and result go to the controllers.

    Raises
    ------
    InputError
        The drill is not over, one is being computed already, or the decision or option is not known.
    """
    at, option, futures = given.get("decision"), given.get("option"), given.get("futures", 30)
    if not isinstance(at, str) or not isinstance(option, str):
        raise InputError(
            "not a branch", field="decision", found=str(at)[:40], allowed="a decision and one of its options"
        )
    if not isinstance(futures, int) or isinstance(futures, bool) or not 2 <= futures <= FUTURES_MOST:
        raise InputError("not a number of futures", field="futures", found=str(futures)[:20],
                         allowed=f"2 to {FUTURES_MOST}")  # fmt: skip
    if room.branching:
        raise InputError("a branch is being computed already; wait for it", field="decision", found=at)
    room.branching = True
    try:
        recording = await room.read(_copied)
        found = await away(BRANCHES, _compute, room, recording, at, option, futures, asyncio.get_running_loop())
        room.branches[f"{at} {option}"] = found
    finally:
        room.branching = False
        _tell(room, None)


def _copied(drill: Drill) -> Recording:
    """Return the recording as it stands; notes may still be added to the drill's own."""
    if not drill.is_over:
        raise InputError("a branch needs the whole recording: end the exercise first", field="status",
                         found=drill.status)  # fmt: skip
    made = Recording()
    made.lines = list(drill.recording.lines)
    return made


def _compute(room: Room, recording: Recording, at: str, option: str, futures: int, loop: Any) -> Any:
    def progress(done: int, total: int) -> None:
        loop.call_soon_threadsafe(_tell, room, {"decision": at, "done": done, "total": total})

    return branch(recording, at, option, futures, ground=room.drill.ground, progress=progress)


def _tell(room: Room, progress: dict[str, Any] | None) -> None:
    shown = [said.branch_shown(found) for found in room.branches.values()]
    room.tell_controllers("branches", {"progress": progress, "found": shown})


async def report(room: Room, lang: str) -> Path:
    """Write the after-action report beside the recording and return its path; before the end it is a draft."""
    from dashboards.report.aar import write_aar

    branches = list(room.branches.values())
    return await room.read(lambda drill: write_aar(drill, room.folder / f"aar-{lang}.html", lang, branches))
