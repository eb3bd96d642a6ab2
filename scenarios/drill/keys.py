"""Lines typed at a terminal, waited for with a time limit and without threads.

A terminal is read key by key, so that what has been typed so far can be shown beside a clock that goes on;
anything else is read as it comes. The terminal is put back as it was on leaving. What lines mean is
`scenarios.drill.terminal`.
"""

from __future__ import annotations

import codecs
import importlib
import os
import re
import sys
import time
from collections import deque
from typing import IO, Any, Self

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?")  # arrows and the like
_BACK, _CLEAR = "\x7f\b", "\x15"


class Lines:
    """Lines from a stream, as they come; use it as a context.

    Parameters
    ----------
    stream
        A terminal, or anything with a file descriptor that can be waited for.

    Attributes
    ----------
    typed
        What has been typed since the last line.
    ended
        True when nothing more will come.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._fd = stream.fileno()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines: deque[str] = deque()
        self._before: Any = None
        self._windows = sys.platform == "win32"
        self.typed, self.ended = "", False

    def __enter__(self) -> Self:
        if not self._windows and os.isatty(self._fd):
            termios, tty = importlib.import_module("termios"), importlib.import_module("tty")
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            termios = importlib.import_module("termios")
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
            self._before = None

    def wait(self, seconds: float) -> str | None:
        """Return the next line, None when none came in time."""
        if not self._lines and not self.ended:
            self._take(self._keys(seconds) if self._windows else self._read(seconds))
        elif not self._lines:
            time.sleep(seconds)
        if not self._lines and self.ended and self.typed:
            self._take("\n")
        return self._lines.popleft() if self._lines else None

    def _take(self, text: str) -> None:
        for key in _ESCAPES.sub("", text):
            if key in "\r\n":
                self._lines.append(self.typed.strip())
                self.typed = ""
            elif key in _BACK:
                self.typed = self.typed[:-1]
            elif key == _CLEAR:
                self.typed = ""
            elif key >= " " or key == "\t":
                self.typed += key

    def _read(self, seconds: float) -> str:
        import select

        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return ""
        piece = os.read(self._fd, 65536)
        self.ended = not piece
        return self._decode.decode(piece, final=self.ended)

    def _keys(self, seconds: float) -> str:
        keys: Any = importlib.import_module("msvcrt")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if keys.kbhit():
                return str(keys.getwch())
            time.sleep(0.02)
        return ""
