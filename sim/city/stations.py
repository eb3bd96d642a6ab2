"""Reading a list of facilities: a CSV of stations, centres or hospitals with the units that stand ready at each.

The list is laid over a network that was read elsewhere; ``sim.city.readers`` joins its doors to the nearest nodes.
Who works at a facility is the scenario's business; a post may take as many people as ``units`` says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.city.placing import BY_AREA, BY_PEOPLE
from sim.city.roads import Roads
from sim.city.source import Spots
from sim.city.spec import MOST_METRES
from sim.city.tables import ReadReport, Table, read_table
from sim.errors import InputError

WHERE: tuple[tuple[str, str], ...] = (("x_m", "y_m"), ("lon", "lat"))
"""Columns that say where a facility stands: the network's own metres, or degrees."""


def read_facilities(file: Path, roads: Roads, report: ReadReport) -> Spots:
    """Read a list of facilities.

    Parameters
    ----------
    file
        CSV with ``kind`` and either ``x_m, y_m`` or ``lon, lat``; ``name``, ``capacity`` and ``units`` may stand
        beside them. Other columns are not read, and told.
    roads
        The network; its nodes' degrees tell where degrees lie in its metres.
    report
        Where rows that cannot be used are refused or counted.

    Returns
    -------
    Spots
        In the order of the file; capacity and units are 0 where the file has no such column.

    Raises
    ------
    InputError
        On a missing or damaged file, a header without kind or place, and rows that are refused: no kind, no place,
        a capacity below 0, units that are missing, below 0 or no whole number.
    """
    table = read_table(file, ("kind",), report)
    report.tell_unread(table, ("kind", "name", "capacity", "units", *_used(table)))
    kind = table.text("kind")
    good = table.usable(report, "kind", kind != "", "facility without a kind", "a kind, such as fire")
    x, y, there = _where(table, roads, report)
    capacity, fine = amounts(table, "capacity", report, "facility has a capacity that cannot be", whole=False)
    units, full = amounts(table, "units", report, "facility has units that cannot be", whole=True)
    good &= there & fine & full
    if not good.any():
        raise InputError("no facility can be used", file=table.file, allowed="at least one row")
    others = sorted({*kind[good].tolist()} - {*BY_PEOPLE, *BY_AREA})
    if others:
        report.notes.append(
            f"{table.file}: kinds of facilities of their own ({', '.join(others)}), beside "
            f"{', '.join([*BY_PEOPLE, *BY_AREA])}: they serve posts that name them"
        )
    given = table.text("name") if "name" in table.columns else np.full(len(table), "")
    name = np.where(
        given == "", [f"{word.replace('_', ' ').capitalize()} {k + 1}" for k, word in enumerate(kind)], given
    )
    return Spots(kind[good], name[good], x[good], y[good], capacity[good], units[good].astype(np.int32))


def amounts(
    table: Table, column: str, report: ReadReport, problem: str, whole: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a column of amounts and which rows can be used; 0 and all rows where the table has no such column."""
    if column not in table.columns:
        return np.zeros(len(table)), np.ones(len(table), bool)
    values = table.numbers(column)
    fine = np.isfinite(values) & (values >= 0) & (values < 2**31)
    if whole:
        fine &= values == np.floor(values)
    allowed = "a whole number, 0 or more" if whole else "0 or more"
    return np.where(fine, values, 0.0), table.usable(report, column, fine, problem, allowed)


def _used(table: Table) -> tuple[str, str]:
    """Return the pair of columns that says where a facility stands; the network's own metres go before degrees."""
    for pair in WHERE:
        if set(pair) <= set(table.columns):
            return pair
    raise InputError(
        "wrong header", file=table.file, line=table.header_line, field="x_m", found=", ".join(table.columns),
        allowed="x_m and y_m, or lon and lat",
    )  # fmt: skip


def _where(table: Table, roads: Roads, report: ReadReport) -> tuple[NDArray, NDArray, NDArray[np.bool_]]:
    """Return metres in the network's own frame, and which rows have a place."""
    across, up = _used(table)
    a, b = table.numbers(across), table.numbers(up)
    most = (MOST_METRES, MOST_METRES) if across == "x_m" else (180.0, 90.0)
    good = np.ones(len(table), bool)
    for name, values, limit in ((across, a, most[0]), (up, b, most[1])):
        fine = np.isfinite(values) & (np.abs(values) <= limit)
        good &= table.usable(report, name, fine, "facility has no place", "a number in range")
    if across == "lon":
        a, b = _metres(a, b, roads, table)
    return a, b, good


def _metres(lon: NDArray, lat: NDArray, roads: Roads, table: Table) -> tuple[NDArray, NDArray]:
    """Return where degrees lie in the network's metres: the plane through its nodes, exact for its own projection."""
    rank = 0
    if roads.lon is not None and roads.lat is not None:
        known = np.column_stack([roads.lon, roads.lat, np.ones(len(roads))])
        rows = np.isfinite(known).all(axis=1)
        centre = known[rows].mean(axis=0) * [1, 1, 0] if rows.any() else np.zeros(3)
        metres = np.column_stack([roads.x, roads.y])
        plane, _, found, _ = np.linalg.lstsq(known[rows] - centre, metres[rows], rcond=None)
        rank = int(found)
    if rank < 3:
        raise InputError(
            "the network has no degrees to lay these over", file=table.file, line=table.header_line, field="lon",
            allowed="x_m and y_m in the network's metres",
        )  # fmt: skip
    at = (np.column_stack([lon, lat, np.ones(len(lon))]) - centre) @ plane
    return at[:, 0], at[:, 1]
