"""Whether the numbers of a road network can be: its extent, its lengths and its times held against one another.

What cannot be is refused with what it looks like (feet, kilometres, minutes); what is odd is told in the report. The
limits decide only what is refused or told: no result depends on them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.city.tables import ReadReport
from sim.errors import InputError

NARROWEST_M, WIDEST_M = 10.0, 2_000_000.0
"""Between a courtyard and a country: the least and the greatest width of a city."""
SHORTEST_STREET_M = 1.0
"""The least median distance between the ends of arcs."""
FARTHEST_M = 200_000.0
"""How far off a facility may lie, where that is more than ten times the width of the network."""
FASTEST_KMH, SLOWEST_KMH = 300.0, 1.0
"""What no road vehicle exceeds, and what the median of a network does not fall below."""
ROUNDING_M, ROUNDING_S = 1.0, 0.5
"""What rounding to whole metres or seconds may take away."""

_LENGTHS = {
    0.001: "kilometres, where coordinates are metres", 1000.0: "metres, where coordinates are kilometres",
    0.3048: "metres, where coordinates are feet", 1 / 0.3048: "feet, where coordinates are metres",
    1 / 1609.344: "miles, where coordinates are metres", 1609.344: "metres, where coordinates are miles",
    1 / 5280: "miles, where coordinates are feet", 0.0003048: "kilometres, where coordinates are feet",
    0.01: "hundreds of metres", 100.0: "centimetres", 1 / 0.0254: "inches, where coordinates are metres",
    1 / 111_195.0: "degrees, where coordinates are metres",
}  # fmt: skip
_TIMES = {60.0: "minutes", 3600.0: "hours", 86_400.0: "days", 0.001: "milliseconds"}
_SPEEDS = {1 / 1.609344: "miles per hour", 1 / 3.6: "metres per second", 1000 / 60: "metres per minute"}


def looks_like(factor: float, known: dict[float, str], within: float = 0.03) -> str:
    """Return what a factor between two columns looks like, or nothing."""
    for value, words in known.items():
        if abs(factor / value - 1) <= within:
            return words
    return ""


def check_extent(x: NDArray, y: NDArray, straight_m: NDArray, file: str, coordinates: str) -> None:
    """Refuse a network that is no city: too narrow, too wide, or with streets of a few centimetres.

    Parameters
    ----------
    x, y
        float64[N] metres.
    straight_m
        float64[E] metres between the ends of arcs.
    coordinates
        How the coordinates were taken, for the message.

    Raises
    ------
    InputError
        Naming the width found.
    """
    if len(x) < 2:
        return
    width = max(float(np.ptp(x)), float(np.ptp(y)))
    if not NARROWEST_M <= width <= WIDEST_M:
        raise InputError(
            f"the network is {metres(width)} wide with coordinates as {coordinates}, which is no city", file=file,
            field="x, y", found=f"{metres(float(np.ptp(x)))} by {metres(float(np.ptp(y)))}",
            allowed="10 m to 2,000 km, with the right coordinate system and unit",
        )  # fmt: skip
    street = straight_m[straight_m > 0]
    if len(street) and np.median(street) < SHORTEST_STREET_M:
        raise InputError(
            f"half of the streets are shorter than {metres(float(np.median(street)))}, coordinates as {coordinates}",
            file=file, field="x, y", found=metres(float(np.median(street))),
            allowed="1 m or more, with the right coordinate system and unit",
        )  # fmt: skip


def check_lengths(
    straight_m: NDArray, length_m: NDArray, given: NDArray[np.bool_], file: str, field: str, report: ReadReport,
    swapped_m: NDArray | None = None,
) -> NDArray[np.bool_]:  # fmt: skip
    """Hold lengths against the straight lines between the ends, and return which arcs can be.

    Parameters
    ----------
    straight_m, length_m
        float64[E] metres.
    given
        bool[E], whether the file states the length.
    field
        Its name, for messages.
    swapped_m
        float64[E] straight lines if x and y were exchanged, where that could be.

    Raises
    ------
    InputError
        When lengths and coordinates differ throughout, saying by what factor and what it looks like.
    """
    can = ~given | (length_m >= 0.9 * straight_m - ROUNDING_M)
    seen = given & (straight_m > 0) & np.isfinite(length_m)
    if not seen.any():
        return can
    with np.errstate(over="ignore"):  # beyond all numbers is wrong as well, and told below
        ratio = length_m[seen] / straight_m[seen]
    low, middle = (float(np.quantile(ratio, q)) for q in (0.1, 0.5))
    wrong = float((ratio < 0.9).mean())
    if swapped_m is not None and wrong > 0.1:
        other = length_m[seen] / np.maximum(swapped_m[seen], 1e-9)
        if (other < 0.97).mean() < wrong / 5 and np.median(np.abs(other - 1)) < np.median(np.abs(ratio - 1)):
            raise _apart(file, field, middle, "x and y exchanged (x is the longitude, y the latitude)")
    words = looks_like(middle, _LENGTHS)
    if middle < 0.9 or low > 20 or (low > 1.5 and words and looks_like(low, _LENGTHS)):
        raise _apart(file, field, middle, words)
    if low > 1.5:
        report.notes.append(
            f"{field}: nine tenths of the arcs are {low:.3g} times as long as the straight line between their ends, or "
            "longer; kept"
        )
    short = int((can & given & (length_m < 0.99 * straight_m - ROUNDING_M)).sum())
    if short:
        report.notes.append(f"{short} arcs are up to a tenth shorter than the straight line between their ends; kept")
    return can


def _apart(file: str, field: str, factor: float, words: str) -> InputError:
    return InputError(
        f"lengths are {factor:.4g} times the straight lines between the ends of arcs"
        + (f"; they look like {words}" if words else ""),
        file=file, field=field, found=f"{factor:.4g} at the median",
        allowed="about 1 or somewhat more, with lengths in metres and the right coordinate system",
    )  # fmt: skip


def check_times(
    length_m: NDArray, seconds: NDArray, given: NDArray[np.bool_], speed_kmh: NDArray, stated: NDArray[np.bool_],
    file: str, field: str, report: ReadReport, unit: str = "seconds",
) -> NDArray[np.bool_]:  # fmt: skip
    """Hold times against lengths and speeds, and return which arcs can be.

    Parameters
    ----------
    length_m, seconds
        float64[E].
    given
        bool[E], whether the file states the time.
    speed_kmh
        float64[E] speed stated, or expected of the class of road.
    stated
        bool[E], whether the file states the speed.

    Raises
    ------
    InputError
        When times would mean speeds that cannot be, or are not those stated by a known factor.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        can = ~given | (seconds + ROUNDING_S >= length_m / (FASTEST_KMH / 3.6))
        seen = given & (length_m > ROUNDING_M) & np.isfinite(seconds) & (seconds >= 0)
        if not seen.any():
            return can
        driven = float(np.median(length_m[seen] * 3.6 / np.maximum(seconds[seen], 1e-12)))
        sure = seen & stated & (speed_kmh > 0) & (seconds > 0)
        factor = _middle(length_m * 3.6 / speed_kmh / seconds, sure)
        rough = _middle(length_m * 3.6 / speed_kmh / seconds, seen & (speed_kmh > 0) & (seconds > 0))
    words = looks_like(factor, _TIMES, 0.1) or looks_like(rough, _TIMES, 0.6)
    if not SLOWEST_KMH <= driven <= FASTEST_KMH or looks_like(factor, _TIMES, 0.1):
        raise InputError(
            f"times and lengths make {driven:.3g} km/h at the median" + (f"; times look like {words}" if words else ""),
            file=file, field=field, found=f"{driven:.3g} km/h", allowed=f"times in {unit} that make 1 to 300 km/h",
        )  # fmt: skip
    if np.isfinite(factor) and abs(factor - 1) > 0.1:
        alike = looks_like(1 / factor, _SPEEDS)
        report.notes.append(
            f"the times given are those of {factor:.3g} times the speeds given"
            + (f", which look like {alike}" if alike else "")
            + "; the times are used"
        )
    return can


def check_speeds(
    speed_kmh: NDArray, limit_kmh: NDArray, used: NDArray[np.bool_], file: str, report: ReadReport
) -> NDArray[np.bool_]:
    """Hold the speeds that times are computed from against what can be driven and what is allowed there.

    Raises
    ------
    InputError
        When the median cannot be driven.
    """
    can = ~used | (speed_kmh <= FASTEST_KMH)
    if not used.any():
        return can
    middle = float(np.median(speed_kmh[used]))
    factor = _middle(speed_kmh / np.maximum(limit_kmh, 1e-9), used & (limit_kmh > 0))
    words = looks_like(factor, _SPEEDS, 0.05)
    if not SLOWEST_KMH <= middle <= FASTEST_KMH:
        raise InputError(
            f"speeds are {middle:.3g} at the median" + (f"; they look like {words}" if words else ""), file=file,
            field="speed_kph", found=f"{middle:.3g}", allowed="km/h, 1 to 300",
        )  # fmt: skip
    if np.isfinite(factor) and abs(factor - 1) > 0.25:
        alike = f" and looks like {words}" if words else ""
        report.notes.append(f"speed_kph is {factor:.3g} times maxspeed at the median{alike}; it is used as km/h")
    return can


def _middle(values: NDArray, where: NDArray[np.bool_]) -> float:
    return float(np.median(values[where])) if where.any() else float("nan")


def check_apart(away_m: NDArray, width_m: float, what: str, file: str | None, report: ReadReport) -> None:
    """Refuse things that lie elsewhere than the network; tell of those that lie off it.

    Parameters
    ----------
    away_m
        float64[F] metres to the nearest node.
    width_m
        Diagonal of the network, metres.
    """
    if not len(away_m):
        return
    far = away_m > max(width_m, 5_000.0)
    if far.mean() > 0.5:
        raise InputError(
            f"{what} lie elsewhere than the network", file=file, found=f"{metres(float(np.median(away_m)))} from it",
            allowed="the same coordinate system and unit as the network's",
        )  # fmt: skip
    off = int((away_m > 5_000).sum())
    if off:
        report.notes.append(
            f"{off} of {len(away_m)} {what} lie more than 5 km from the nearest node, the farthest "
            f"{metres(float(away_m.max()))}; joined there"
        )


def check_within_reach(away_m: NDArray, width_m: float, kind: NDArray, name: NDArray, file: str | None) -> None:
    """Refuse a single facility that no road of this network can lead to; `check_apart` tells of nearer ones."""
    most = max(10 * width_m, FARTHEST_M)
    if len(away_m) and away_m.max() > most:
        worst = int(away_m.argmax())
        called = " ".join(part for part in (str(kind[worst]), str(name[worst])) if part)
        raise InputError(
            "a facility lies elsewhere than the network", file=file,
            found=f"{called}: {metres(float(away_m[worst]))} from it",
            allowed="the same coordinate system and unit as the network's",
        )  # fmt: skip


def metres(length_m: float) -> str:
    """Return a length in words."""
    return f"{length_m / 1000:,.4g} km" if length_m >= 1000 else f"{length_m:.3g} m"
