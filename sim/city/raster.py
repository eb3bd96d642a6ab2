"""Reading a GeoTIFF raster as points with a weight.

Only north-up rasters of one band in the same coordinates as the roads; no reprojection.
"""

from __future__ import annotations

import io
import logging
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from sim.city.tables import shown
from sim.errors import InputError

_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, tifffile.TiffFileError, KeyError, OSError, EOFError, ValueError,
    IndexError, TypeError, ArithmeticError, RuntimeError,
)  # fmt: skip


def read_raster(
    file: Path, member: str | None = None, points: tuple[int, int] = (1, 1)
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], tuple[float, float]]:
    """Read cells above 0.

    Parameters
    ----------
    file, member
        GeoTIFF, or a zip and the name of one inside.
    points
        Rows and columns of points that stand for a cell.

    Returns
    -------
    x, y, value, cell
        float64[n] centres in the raster's coordinates, the cell's value shared among its points, and the cell's
        width and height in the raster's units.

    Raises
    ------
    InputError
        On a missing, cut or damaged file, several bands, no georeference, a rotated raster or nothing above 0.
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
    return x.ravel(), y.ravel(), value, (width, height)


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
