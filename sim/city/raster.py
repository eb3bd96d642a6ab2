"""Reading a GeoTIFF raster as points with a weight, placed in degrees.

Only north-up rasters of one band. Which coordinate system it names is read by ``sim.city.geokeys``, what that is by
``sim.city.crs``; one that names none holds degrees, or is refused.
"""

from __future__ import annotations

import io
import logging
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from sim.city.crs import degrees_of
from sim.city.geokeys import system_of
from sim.city.tables import shown
from sim.errors import InputError

_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, tifffile.TiffFileError, KeyError, OSError, EOFError, ValueError,
    IndexError, TypeError, ArithmeticError, RuntimeError,
)  # fmt: skip


@dataclass(eq=False)
class Raster:
    """Cells above 0 as points.

    Parameters
    ----------
    lon, lat
        float64[n] centres in degrees.
    value
        float64[n], the cell's value shared among its points.
    cell_degrees
        A cell's width and height, where the raster is laid out in degrees as they stand.
    cell_m2
        A cell's area on the earth at the middle of the used cells, where it is laid out otherwise.
    notes
        What is to be told.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    value: NDArray[np.float64]
    cell_degrees: tuple[float, float] | None
    cell_m2: float | None
    notes: list[str]


def read_raster(file: Path, member: str | None = None, points: tuple[int, int] = (1, 1)) -> Raster:
    """Read cells above 0.

    Parameters
    ----------
    file, member
        GeoTIFF, or a zip and the name of one inside.
    points
        Rows and columns of points that stand for a cell.

    Raises
    ------
    InputError
        On a missing, cut or damaged file, several bands, no georeference, a rotated raster, nothing above 0, a
        coordinate system that is not known, or coordinates that do not fit it.
    """
    name = shown(file, member)
    # Of a damaged file we say one sentence; the library would log every broken tag besides.
    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        data = file.read_bytes() if member is None else zipfile.ZipFile(file).read(member)
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages.first
            values = np.asarray(page.asarray(), np.float64)
            tags = {tag.name: tag.value for tag in page.tags}
    except FileNotFoundError as error:
        raise InputError("no such file", file=name, allowed="a GeoTIFF that exists") from error
    except _DAMAGE as error:
        raise InputError("not a complete GeoTIFF", file=name, found=str(error)[:120]) from error
    finally:
        log.setLevel(level)
    values = np.squeeze(values)
    if values.ndim != 2:
        raise InputError("the raster has several bands", file=name, found=f"shape {values.shape}", allowed="one band")
    left, top, width, height = _georeference(tags, name)
    nodata = _float(tags.get("GDAL_NODATA"))
    used = np.isfinite(values) & (values > 0) & (values != nodata)
    if not used.any():
        raise InputError("the raster holds no value above 0", file=name, allowed="at least one cell above 0")
    row, column = np.nonzero(used)
    down, across = points
    part_row = (np.arange(down) + 0.5) / down
    part_column = (np.arange(across) + 0.5) / across
    dy, dx = (axis.ravel() for axis in np.meshgrid(part_row, part_column, indexing="ij"))
    x = left + (column[:, None] + dx) * width
    y = top - (row[:, None] + dy) * height
    value = np.repeat(values[row, column] / (down * across), down * across)
    system = system_of(tags, name)
    return _placed(system, x.ravel(), y.ravel(), value, (width, height), name)


def _placed(
    system: str | None, x: NDArray[np.float64], y: NDArray[np.float64], value: NDArray[np.float64],
    cell: tuple[float, float], name: str,
) -> Raster:  # fmt: skip
    """Return the points in degrees; a raster that names no system must hold degrees."""
    notes = [] if system is not None else [f"{name} names no coordinate system: taken as degrees"]
    found = degrees_of(system or "EPSG:4326", x, y, cell, name)
    if not (np.abs(found.lon) <= 180).all() or not (np.abs(found.lat) <= 90).all():
        far = int(np.argmax(np.maximum(np.abs(found.lon) / 180, np.abs(found.lat) / 90)))
        raise InputError(
            "the raster's coordinates are no degrees" if system else "the raster names no coordinate system, and its "
            "coordinates are no degrees", file=name, field="GeoKeyDirectoryTag",
            found=f"{x[far]:.10g}, {y[far]:.10g}", allowed="longitudes of -180 to 180, latitudes of -90 to 90",
        )  # fmt: skip
    return Raster(found.lon, found.lat, value, cell if found.plain else None, found.cell_m2, [*notes, *found.notes])


def _georeference(tags: dict, name: str) -> tuple[float, float, float, float]:
    scale, tie, matrix = (tags.get(f"Model{word}Tag") for word in ("PixelScale", "Tiepoint", "Transformation"))
    if scale is not None and tie is not None and len(scale) >= 2 and len(tie) >= 6:
        width, height = float(scale[0]), float(scale[1])
        left, top = float(tie[3]) - float(tie[0]) * width, float(tie[4]) + float(tie[1]) * height
    elif matrix is not None and len(matrix) >= 8:
        if matrix[1] or matrix[4]:
            raise InputError("the raster is rotated", file=name, field="ModelTransformationTag", allowed="north up")
        width, height, left, top = float(matrix[0]), -float(matrix[5]), float(matrix[3]), float(matrix[7])
    else:
        raise InputError("the raster has no georeference", file=name, allowed="ModelPixelScale and ModelTiepoint tags")
    if not (width > 0 and height > 0):
        raise InputError("the raster's cells have no size", file=name, found=f"{width} x {height}", allowed="above 0")
    keys = list(tags.get("GeoKeyDirectoryTag") or [])
    for at in range(4, len(keys) - 3, 4):
        if keys[at] == _RASTER_TYPE and keys[at + 3] == _PIXEL_IS_POINT:
            return left - width / 2, top + height / 2, width, height
    return left, top, width, height


def _float(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
