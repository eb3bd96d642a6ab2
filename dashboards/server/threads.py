"""Where the work of requests goes on: a few threads for each kind, so that one kind never keeps another waiting.

Reading studies, playing replays, steps of rooms, branches and talks with builders each have a small pool of their own;
what is left to the framework's threads is short. Slow pages of one visitor are bounded too: beyond a few that wait, it
is told to come back. What is done there, is decided where it is asked for.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sim.errors import InputError

MOST_WAITING, MOST_OF_ONE = 500, 120
"""Slow answers that wait at once, of all and of one visitor."""


def _pool(name: str, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix=name)


READING, PLAYING, WINDOWS = _pool("reading", 3), _pool("playing", 2), _pool("windows", 2)
ROOMS, BRANCHES, BUILDERS = _pool("rooms", 16), _pool("branches", 2), _pool("builders", 8)
"""Threads for slow pages, for playing runs again and for what is shown of them; for steps of rooms (each room takes
one at a time), for branches, and for talking with processes that build."""

_waiting: Counter[str] = Counter()


class Busy(InputError):
    """Too much is waiting already; it is answered with 503."""


async def away[T](pool: ThreadPoolExecutor, function: Callable[..., T], *given: object) -> T:
    """Return what a function gives, called in a thread of a pool in the caller's context."""
    work = partial(contextvars.copy_context().run, function, *given)
    return await asyncio.get_running_loop().run_in_executor(pool, work)


async def slow[T](who: str, pool: ThreadPoolExecutor, function: Callable[..., T], *given: object) -> T:
    """Return what a slow function gives for a visitor; used in the event loop.

    Raises
    ------
    Busy
        Too much of this visitor, or of all, is waiting already.
    """
    if _waiting.total() >= MOST_WAITING or _waiting[who] >= MOST_OF_ONE:
        raise Busy("the server is busy with slow pages; try again in a moment")
    _waiting[who] += 1
    try:
        return await away(pool, function, *given)
    finally:
        _waiting[who] -= 1
        if not _waiting[who]:
            del _waiting[who]
