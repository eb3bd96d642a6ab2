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
from scenarios.replay import Replay
from scenarios.study import Study

MOST_REPLAYS = 3
MOST_WINDOW_BYTES = 48 * 2**20


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
    most
        How many are held at once.
    """

    def __init__(self, most: int = MOST_REPLAYS) -> None:
        self.most = most
        self._held: OrderedDict[Hashable, Held] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def of(self, folder: Path, arm: str, replication: int) -> Held:
        """Return the replay of a run of a results folder, playing it when it is not at hand.

        Raises
        ------
        InputError
            No results there, no such arm, or no finished run of that number.
        """
        key = (str(folder.resolve()), (folder / "manifest.json").stat().st_mtime_ns, arm, replication)
        return self.get(key, lambda: Replay.of(Study.open(folder), arm or None, replication))

    def get(self, key: Hashable, make: Callable[[], Replay]) -> Held:
        """Return the replay under a key; whoever asks while it is being made waits for that one."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    return self._held[key]
            replay = make()
            held = Held(replay, gzip.compress(scene.geometry(replay), 6, mtime=0))
            with self._lock:
                self._held[key] = held
                while len(self._held) > self.most:
                    dropped, _ = self._held.popitem(last=False)
                    self._making.pop(dropped, None)
            return held
