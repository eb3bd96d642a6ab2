"""The one zone of a log's clocks: stated by the user, by the file's own types, or told by the offsets.

Reading local clock times in that zone, across its changes, is `calibration.caselog.clockchange`.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from calibration.caselog.diagnosis import Findings
from calibration.caselog.log import zone_of
from calibration.caselog.rows import Rows
from calibration.caselog.stamps import CLOCK, Stamps
from sim.errors import InputError

# tried first, so that a log's zone gets a name people know; all others follow in alphabetical order
USUAL = (
    "Europe/Amsterdam", "Europe/London", "Europe/Athens", "Europe/Lisbon", "America/New_York", "America/Chicago",
    "America/Denver", "America/Los_Angeles", "America/Toronto", "America/Sao_Paulo", "Australia/Sydney",
    "Pacific/Auckland", "Asia/Jerusalem", "Africa/Cairo",
)  # fmt: skip
AREAS = {
    "Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
}  # fmt: skip
MINUTE_US = 60_000_000


@dataclass
class Clocks:
    """The zone of a log and how it came to be known."""

    zone: str
    stated: bool


def settle_zone(stamps: list[Stamps], rows: Rows, wanted: str | None, findings: Findings) -> Clocks:
    """Find the one zone of all columns of times, or refuse what cannot be one zone.

    Raises
    ------
    InputError
        When the wanted zone is unknown.
    """
    if wanted:
        zone_of(wanted)
    for column in stamps:
        _refuse_half(column, rows, findings)
    stated = sorted({c.zone for c in stamps if c.zone is not None})
    if len(stated) == 1 and wanted in (None, stated[0]):
        return Clocks(stated[0], True)
    local = [c for c in stamps if np.nanmax(np.abs(c.offset_min), initial=0.0) > 0]  # a column all in UTC tells no zone
    telling = local or stamps
    clock = np.concatenate([c.clock[~np.isnan(c.offset_min)] for c in telling])
    offset = np.concatenate([c.offset_min[~np.isnan(c.offset_min)] for c in telling]).astype(np.int64)
    utc = clock - (offset * MINUTE_US).astype("timedelta64[us]")
    known = np.unique(offset)
    if not len(known):
        if wanted is None:
            findings.warn("no_zone")
        return Clocks(wanted or "UTC", wanted is not None)
    if len(known) == 1:
        if wanted is not None and known[0] != 0 and not ever_in(wanted, utc, int(known[0])):
            found = f"{written(int(known[0]))} × {len(offset):,}"
            findings.refuse("other_zone", found=found, examples=_examples_of_offsets(stamps, rows), allowed=wanted)
        if wanted is None and known[0] != 0:
            findings.warn("fixed_offset", found=written(int(known[0])))
        elif wanted is None:
            findings.warn("fixed_offset", found="+00:00 (UTC)")
        return Clocks(wanted or ("UTC" if known[0] == 0 else f"UTC{written(int(known[0]))}"), wanted is not None)
    return _of_several(utc, offset, stamps, rows, wanted, findings)


def _of_several(
    utc: np.ndarray, offset: np.ndarray, stamps: list[Stamps], rows: Rows, wanted: str | None, findings: Findings
) -> Clocks:
    """Settle several offsets: the clock changes of one zone, or a mixture."""
    inferred = zone_by_offsets(utc, offset)
    if wanted and fits(wanted, utc, offset):
        return Clocks(wanted, True)
    told = _examples_of_offsets(stamps, rows)
    counts = ", ".join(f"{written(int(o))} × {(offset == o).sum():,}" for o in np.unique(offset))
    if inferred is None:
        findings.refuse("several_zones", found=counts, examples=told)
    elif wanted:
        findings.refuse("other_zone", found=f"{counts} ({inferred})", examples=told, allowed=wanted)
    else:
        findings.note("zone_by_offsets", found=inferred)
    return Clocks(wanted or inferred or "UTC", False)


def zone_by_offsets(utc: np.ndarray, offset_min: np.ndarray) -> str | None:
    """Return a zone whose offsets at these moments are those written, or None; several such zones are alike here."""
    pick = np.unique(np.linspace(0, len(utc) - 1, 64).astype(int))
    edges = [int(np.flatnonzero(offset_min == one)[k]) for one in np.unique(offset_min) for k in (0, -1)]
    few = np.unique(np.concatenate([pick, edges]))
    others = sorted(name for name in available_timezones() if _is_place(name))
    for name in (*USUAL, *others):
        if fits(name, utc[few], offset_min[few]) and fits(name, utc, offset_min):
            return name
    return None


def _is_place(name: str) -> bool:
    """Say whether a zone is named for a place, not an old alias such as US/Eastern or Australia/LHI."""
    area, _, place = name.partition("/")
    return area in AREAS and not place.isupper()


def fits(zone: str, utc: np.ndarray, offset_min: np.ndarray) -> bool:
    """Say whether the zone's offsets at these UTC moments are the given ones."""
    try:
        there = pd.DatetimeIndex(utc).tz_localize("UTC").tz_convert(zone_of(zone)).tz_localize(None).to_numpy()
    except InputError:
        return False
    return bool(((there.astype(CLOCK) - utc).astype(np.int64) == offset_min * MINUTE_US).all())


def ever_in(zone: str, utc: np.ndarray, offset_min: int) -> bool:
    """Say whether a zone has an offset at any time of the years of these moments; some systems never change theirs."""
    days = pd.date_range(utc.min().astype("datetime64[Y]"), utc.max() + np.timedelta64(366, "D"), freq="7D", tz="UTC")
    there = days.tz_convert(zone_of(zone)).tz_localize(None).to_numpy().astype(CLOCK)
    passed = there - days.tz_localize(None).to_numpy().astype(CLOCK)
    return bool((passed.astype(np.int64) == offset_min * MINUTE_US).any())


def written(offset_min: int) -> str:
    """Write an offset as +02:00."""
    sign = "-" if offset_min < 0 else "+"
    return f"{sign}{abs(offset_min) // 60:02d}:{abs(offset_min) % 60:02d}"


def _refuse_half(column: Stamps, rows: Rows, findings: Findings) -> None:
    """Refuse a column in which some times have an offset and others have none."""
    there = ~np.isnat(column.clock)
    with_offset = there & ~np.isnan(column.offset_min)
    without = there & np.isnan(column.offset_min)
    if not with_offset.any() or not without.any():
        return
    pairs = [np.flatnonzero(with_offset)[0], *np.flatnonzero(without)[:2]]
    told = rows.where(pairs, rows.columns[column.column])
    findings.refuse(
        "mixed_zones",
        count=int(without.sum()),
        total=int(there.sum()),
        column=column.column,
        examples=told,
    )


def _examples_of_offsets(stamps: list[Stamps], rows: Rows) -> list[str]:
    told, seen = [], set()
    for column in stamps:
        for offset in np.unique(column.offset_min[~np.isnan(column.offset_min)]):
            if offset not in seen:
                seen.add(offset)
                told += rows.where([int(np.flatnonzero(column.offset_min == offset)[0])], rows.columns[column.column])
    return told
