"""Case logs of real offices: reading them, saying what is wrong with them, and splitting them by time.

``CaseLog.read(path)`` is the door; what comes out is plain tables in UTC. Fits, overlays and simulation of what was
held out lie beside this package, not in it.
"""

from __future__ import annotations

from calibration.caselog.diagnosis import Diagnosis, Finding, LogRefused
from calibration.caselog.log import CASE_COLUMNS, EVENT_COLUMNS, CaseLog, Source
from calibration.caselog.mapping import Mapping

__all__ = ["CASE_COLUMNS", "EVENT_COLUMNS", "CaseLog", "Diagnosis", "Finding", "LogRefused", "Mapping", "Source"]
