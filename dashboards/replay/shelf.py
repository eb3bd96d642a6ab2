"""The replays that a server holds: a few runs in memory, their windows packed, all of it bounded.

Playing a run again takes from a second to a minute, so several viewers of one run share it and wait for it
together. It answers with bytes and plain data; who may ask is the server's business.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path

from dashboards.replay import scene
from dashboards.server.damaged import told_damage
from dashboards.server.weigh import Kept
from scenarios.replay import Replay
from scenarios.study import Study

MOST_REPLAYS, MOST_REPLAYS_BYTES = 3, 192 * 2**20
MOST_WINDOW_BYTES = 24 * 2**20


@dataclass
class Held:
    """A replay, its packed city and the windows asked for lately."""

    replay: Replay
    city: bytes
    windows: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def window(self, number: int) -> bytes:
        """Return a packed window, recording it when it is not at hand."""
        with self.lock:
            if number in self.windows:
                self.windows.move_to_end(number)
                return self.windows[number]
        made = scene.window(self.replay, number)
        with self.lock:
            self.windows[number] = made
            while sum(map(len, self.windows.values())) > MOST_WINDOW_BYTES and len(self.windows) > 1:
                self.windows.popitem(last=False)
        return made


class Replays:
    """Replays by results folder, arm and replication; the least lately used is dropped first.

    Parameters
    ----------
    most, most_bytes
        How many are held at once, and what they may weigh together; the latest is held whatever it weighs.
    """

    def __init__(self, most: int = MOST_REPLAYS, most_bytes: int = MOST_REPLAYS_BYTES) -> None:
        self._kept = Kept(most_bytes, most)

    def of(self, folder: Path, arm: str, replication: int) -> Held:
        """Return the replay of a run of a results folder, playing it when it is not at hand.

        Raises
        ------
        InputError
            No results there, no such arm, or no finished run of that number.
        """
        with told_damage(folder):
            key = (str(folder.resolve()), (folder / "manifest.json").stat().st_mtime_ns, arm, replication)
            return self.get(key, lambda: Replay.of(Study.open(folder), arm or None, replication))

    def get(self, key: Hashable, make: Callable[[], Replay]) -> Held:
        """Return the replay under a key; whoever asks while it is being made waits for that one."""
        found: Held = self._kept.get(key, lambda: _held(make()))
        return found


def _held(replay: Replay) -> Held:
    return Held(replay, gzip.compress(scene.geometry(replay), 6, mtime=0))
