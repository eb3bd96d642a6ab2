"""A city on disk: a folder of Parquet and NumPy files under a manifest, written whole or not at all.

The manifest names every file with its size and checksum, so that a cut or changed file is refused and not half-read.
It is GridWhistle's own form; ``sim.city.export`` writes forms that other programs read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sim.city.areas import Areas
from sim.city.city import City, Demand
from sim.city.facilities import Facilities
from sim.city.population import RESIDENT
from sim.city.roads import Roads
from sim.city.source import Incidents
from sim.city.ties import Ties
from sim.errors import InputError
from sim.files import sync_file, sync_folder

FORMAT, VERSION = "gridwhistle-city", 1
"""Name and version of the form; a reader refuses versions that it does not know."""

MANIFEST = "city.json"

_AREAS = ("code", "name", "name_zh", "level", "parent", "archetype", "x", "y")
_FACILITIES = ("kind", "name", "node", "place", "area", "capacity", "units", "x", "y", "access_m")
_DEMAND = ("x", "y", "weight", "node", "off_road_m")
_INCIDENTS = ("x", "y", "kind", "arc", "position", "node")
_MANIFEST_FIELDS = frozenset(
    ["format", "version", "name", "seed", "crs", "provenance", "modes", "off_road_kmh", "files", "check"]
)
_NODES = ("x", "y", "lon", "lat", "node_name", "access")
_ARCS = ("arc_from", "arc_to", "length_m", "highway")


def save_city(city: City, folder: str | PathLike[str]) -> None:
    """Write a city to a folder.

    Parameters
    ----------
    city
        The city; its travel table is written when it has been computed.
    folder
        Made anew; an earlier saved city there is replaced.

    Raises
    ------
    InputError
        When the folder holds something that is not a saved city.
    """
    target = Path(folder)
    if target.exists() and not (target.is_dir() and ((target / MANIFEST).exists() or not any(target.iterdir()))):
        raise InputError("the folder holds something else", file=target, allowed="a new folder or a saved city")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _write_parts(city, work)
        _write_manifest(city, work)
        _replace(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _replace(work: Path, target: Path) -> None:
    work.chmod(0o755)
    for file in work.iterdir():
        sync_file(file)
    sync_folder(work)
    if not target.exists():
        work.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    target.rename(old / "city")
    work.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _write_parts(city: City, folder: Path) -> None:
    _write_table(folder / "areas.parquet", {name: getattr(city.areas, name) for name in _AREAS})
    nodes = {name: getattr(city.roads, name) for name in _NODES if getattr(city.roads, name) is not None}
    nodes |= {name: getattr(city, name) for name in ("node_place", "node_last_mile_min", "node_grid")}
    _write_table(folder / "nodes.parquet", nodes)
    arcs = {name: getattr(city.roads, name) for name in _ARCS if getattr(city.roads, name) is not None}
    arcs |= {f"time_min_{mode}": city.roads.time_min[mode] for mode in range(city.roads.modes)}
    _write_table(folder / "arcs.parquet", arcs)
    _write_table(folder / "facilities.parquet", {name: getattr(city.facilities, name) for name in _FACILITIES})
    _write_table(folder / "residents.parquet", {name: city.residents[name] for name in RESIDENT.names or ()})
    arrays: dict[str, NDArray] = {
        "grid_first": city.grid_first, "places": city.places, "ties_first": city.ties.first, "ties_to": city.ties.to,
        "ties_kind": city.ties.kind,
    }  # fmt: skip
    if city._travel is not None:
        arrays["travel"] = city._travel
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    if city.demand is not None:
        _write_table(folder / "demand.parquet", {name: getattr(city.demand, name) for name in _DEMAND})
    if city.incidents is not None:
        _write_table(folder / "incidents.parquet", {name: getattr(city.incidents, name) for name in _INCIDENTS})


def _write_table(file: Path, columns: dict[str, NDArray]) -> None:
    cells = {name: _column(values) for name, values in columns.items()}
    pq.write_table(pa.table(cells), file, write_page_checksum=True)


def _column(values: NDArray) -> pa.Array:
    if values.dtype.kind == "U":
        return pa.array(values.tolist(), pa.string())
    return pa.array(np.ascontiguousarray(values))


def _write_manifest(city: City, folder: Path) -> None:
    off_road = city.roads.off_road_kmh
    manifest = {
        "format": FORMAT, "version": VERSION, "name": city.name, "seed": city.seed, "crs": city.crs,
        "provenance": city.provenance, "modes": city.roads.modes,
        "off_road_kmh": None if off_road is None else off_road.tolist(),
        "files": {file.name: [file.stat().st_size, _checksum(file)] for file in sorted(folder.iterdir())},
    }  # fmt: skip
    manifest["check"] = _manifest_check(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _manifest_check(manifest: dict[str, Any]) -> int:
    """Return the checksum of a manifest, its own left out."""
    rest = {key: value for key, value in manifest.items() if key != "check"}
    return zlib.crc32(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _checksum(file: Path) -> int:
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(2**22):
            value = zlib.crc32(block, value)
    return value


def load_city(folder: str | PathLike[str]) -> City:
    """Read a city from a folder.

    Raises
    ------
    InputError
        When the folder is no saved city, of another version, or a file is missing, cut short or changed.
    """
    path = Path(folder)
    manifest = _read_manifest(path)
    for name, (size, checksum) in manifest["files"].items():
        _check_file(path / name, size, checksum)
    try:
        return _read_parts(path, manifest)
    except (pa.ArrowException, OSError, ValueError, KeyError, EOFError, TypeError) as error:
        raise InputError("the saved city cannot be read", file=path, found=str(error)[:120]) from error


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("not a saved city", file=file, allowed=f"a folder with {MANIFEST}") from error
    except ValueError as error:
        raise InputError("the manifest is damaged", file=file, found=str(error)[:120], allowed="whole JSON") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError("not a saved city", file=file, field="format", allowed=FORMAT)
    if manifest.get("version") != VERSION:
        raise InputError(
            "saved by another version", file=file, field="version", found=manifest.get("version"), allowed=VERSION
        )
    unknown = set(manifest) - _MANIFEST_FIELDS
    if unknown or manifest.get("check", _manifest_check(manifest)) != _manifest_check(manifest):
        raise InputError("the manifest is damaged", file=file, allowed="the bytes that were saved")
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(v, list) and len(v) == 2 for v in files.values()):
        raise InputError("the manifest is damaged", file=file, field="files", allowed="size and checksum of each file")
    return manifest


def _check_file(file: Path, size: int, checksum: int) -> None:
    if not file.is_file():
        raise InputError("a file of the saved city is missing", file=file, allowed="all files that the manifest names")
    if file.stat().st_size != size:
        raise InputError(
            "the file is cut short or changed", file=file, found=f"{file.stat().st_size} bytes", allowed=f"{size} bytes"
        )
    if _checksum(file) != checksum:
        raise InputError("the file was changed", file=file, allowed="the bytes that were saved")


def saved_sizes(folder: Path) -> tuple[int, int, int]:
    """Return residents, places and grids of a saved city by the heads of its files; zeros where they cannot be read."""
    try:
        people = pq.read_metadata(folder / "residents.parquet").num_rows
        places, first = (np.load(folder / name, mmap_mode="r") for name in ("places.npy", "grid_first.npy"))
    except (OSError, ValueError, EOFError, pa.ArrowException):
        return 0, 0, 0  # whoever loads the city says what is wrong with it
    return int(people), len(places), len(first) - 1


def _read_parts(path: Path, manifest: dict[str, Any]) -> City:
    modes = int(manifest["modes"])
    areas = _read_table(path / "areas.parquet")
    nodes, arcs = _read_table(path / "nodes.parquet"), _read_table(path / "arcs.parquet")
    off_road = manifest["off_road_kmh"]
    roads = Roads(
        nodes["x"], nodes["y"], arcs["arc_from"], arcs["arc_to"], arcs["length_m"],
        np.stack([arcs[f"time_min_{mode}"] for mode in range(modes)]), nodes.get("lon"), nodes.get("lat"),
        nodes.get("node_name"), arcs.get("highway"), nodes.get("access"),
        None if off_road is None else np.array(off_road),
    )  # fmt: skip
    people = _read_table(path / "residents.parquet")
    residents = np.zeros(len(people["node"]), RESIDENT)
    for name in RESIDENT.names or ():
        residents[name] = people[name]
    arrays = {name: np.load(path / f"{name}.npy", allow_pickle=False) for name in (
        "grid_first", "places", "ties_first", "ties_to", "ties_kind",
    )}  # fmt: skip
    travel = path / "travel.npy"
    named = manifest["files"]
    demand = _read_table(path / "demand.parquet") if "demand.parquet" in named else None
    incidents = _read_table(path / "incidents.parquet") if "incidents.parquet" in named else None
    facilities = _read_table(path / "facilities.parquet")
    _check_units(facilities["units"], path / "facilities.parquet")
    city = City(
        name=str(manifest["name"]), seed=int(manifest["seed"]), areas=Areas(**{n: areas[n] for n in _AREAS}),
        roads=roads, facilities=Facilities(**{n: facilities[n] for n in _FACILITIES}), residents=residents,
        grid_first=arrays["grid_first"], places=arrays["places"],
        ties=Ties(arrays["ties_first"], arrays["ties_to"], arrays["ties_kind"]), node_place=nodes["node_place"],
        node_last_mile_min=nodes["node_last_mile_min"], node_grid=nodes["node_grid"],
        provenance=dict(manifest["provenance"]), crs=str(manifest["crs"]),
        demand=None if demand is None else Demand(**{n: demand[n] for n in _DEMAND}),
        incidents=None if incidents is None else Incidents(**{n: incidents[n] for n in _INCIDENTS}),
        _travel=np.load(travel, allow_pickle=False) if "travel.npy" in named else None,
    )  # fmt: skip
    city.areas.validate(path / "areas.parquet")
    city.roads.validate(path / "arcs.parquet")
    return city


def _check_units(units: NDArray, file: Path) -> None:
    """Refuse a saved list of facilities whose numbers of units cannot be."""
    wrong = np.flatnonzero(~(np.isfinite(units) & (units >= 0)))
    if len(wrong):
        raise InputError(
            f"facility {wrong[0] + 1} has units that cannot be", file=file, field="units", found=units[wrong[0]].item(),
            allowed="a whole number, 0 or more",
        )  # fmt: skip


def _read_table(file: Path) -> dict[str, NDArray]:
    table = pq.read_table(file, page_checksum_verification=True)
    out = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if pa.types.is_string(column.type):
            out[name] = np.array(column.to_pylist(), dtype=np.str_)
        else:
            out[name] = np.array(column.to_numpy(zero_copy_only=False))
    return out
