"""What the server writes to its log: warnings and faults on standard error, of each kind a few a minute.

A fault that repeats without end must not fill the disk; how many lines were left out is said with the next one.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from typing import Any

MOST_A_MINUTE, MINUTE_S, MOST_KINDS = 10, 60.0, 256
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+")


class OfOneKind(logging.Filter):
    """Lets ten lines of one kind through in a minute; lines that differ in numbers alone are of one kind."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: OrderedDict[tuple[str, int, str], list[float]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written; says with the first of a new minute how many were not."""
        now, kind = time.monotonic(), (record.name, record.levelno, _NUMBERS.sub("#", str(record.msg)[:120]))
        begun, written, left_out = self._kinds.pop(kind, [now, 0, 0])
        if now - begun >= MINUTE_S:
            if left_out:
                record.msg = f"{record.msg} ({int(left_out):,} more lines like this were left out)"
            begun, written, left_out = now, 0, 0
        through = written < MOST_A_MINUTE
        self._kinds[kind] = [begun, written + through, left_out + (not through)]
        while len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        return through


CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"kinds": {"()": OfOneKind}},
    "handlers": {
        "errors": {
            "class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "plain", "filters": ["kinds"],
        }
    },
    "loggers": {
        "uvicorn": {"handlers": ["errors"], "level": "WARNING", "propagate": False},
        "gridwhistle": {"handlers": ["errors"], "level": "WARNING", "propagate": False},
        "python_multipart": {"handlers": ["errors"], "level": "ERROR", "propagate": False},  # of any body that is none
        "asyncio": {"handlers": ["errors"], "level": "WARNING", "propagate": False},
    },
}  # fmt: skip
"""For `logging.config.dictConfig`."""
