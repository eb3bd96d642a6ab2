"""The ``city:`` section of a scenario, and the one function that turns it into a City.

Exactly one of ``synthetic``, ``path``, ``read`` and ``bare`` stands there. Numbers left out are the register's
defaults. It checks form; what is wrong inside files is said by the readers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from sim.city.cache import cache_folder, prune
from sim.city.shared import located
from sim.errors import InputError
from sim.forms import Form
from sim.plain_values import MOST_RESIDENTS

if TYPE_CHECKING:
    from sim.city.city import City

Archetype = Literal["urban", "compound", "rural", "pastoral"]
Share = dict[Archetype, float]

MOST_FACILITIES = 2000
_BY_ARCHETYPE = {"density_per_km2": (1, 200_000), "street_spacing_m": (10, 5000), "local_speed_kmh": (1, 300)}
MOST_METRES = 1e8
"""Size of a coordinate: more than the way around the earth in any projection."""
MOST_BARE_PLACES = 2000
"""Places written by hand; their travel is computed for every pair."""
DISK_CACHE_RESIDENTS = 200_000
"""Synthetic cities from this size on are kept on disk: below, building is quicker than reading."""


class SyntheticSpec(Form):
    """A city made from a seed and a few numbers; null means the register's default."""

    name: str = Field("Synthetic city", min_length=1, max_length=80)
    name_zh: str | None = Field(None, min_length=1, max_length=80)
    residents: int = Field(100_000, ge=1, le=MOST_RESIDENTS, description="residents (persons)")
    seed: int = Field(1, ge=0, lt=2**63, description="seed of streets, homes and ties")
    archetype_shares: Share | None = Field(None, description="shares of residents by archetype (0 where not named)")
    density_per_km2: Share | None = Field(None, description="residents per km2 by archetype")
    street_spacing_m: Share | None = Field(None, description="distance between junctions by archetype (m)")
    local_speed_kmh: Share | None = Field(None, description="speed on local streets by archetype (km/h)")
    arterial_speed_kmh: float | None = Field(None, ge=1, le=300, description="speed on arterials (km/h)")
    people_per_grid: float | None = Field(None, ge=1, le=1e7, description="residents per grid (persons)")
    grids_per_community: float | None = Field(None, ge=1, le=100_000, description="grids per community")
    communities_per_street: float | None = Field(None, ge=1, le=100_000, description="communities per street")
    streets_per_district: float | None = Field(None, ge=1, le=100_000, description="streets per district")
    facilities: dict[Literal["police", "fire", "ambulance", "hospital", "shelter"], int] = Field(
        default_factory=dict, description="number of stations, hospitals or shelters, in place of the default ratio"
    )
    admin_tree: str | None = Field(None, description="CSV code,name,level,parent (and archetype) to lay over it")
    max_places: int = Field(4096, ge=1, le=20_000, description="bound on places with tabulated travel")

    @model_validator(mode="after")
    def _sound(self) -> SyntheticSpec:
        for name, (least, most) in _BY_ARCHETYPE.items():
            if any(not least <= value <= most for value in (getattr(self, name) or {}).values()):
                raise ValueError(f"impossible number; allowed: {least:g} to {most:,} in '{name}'")
        shares = self.archetype_shares
        if shares is not None and (any(not 0 <= v < float("inf") for v in shares.values()) or not sum(shares.values())):
            raise ValueError("archetype_shares must be 0 or more and not all 0")
        if any(not 0 <= count <= MOST_FACILITIES for count in self.facilities.values()):
            raise ValueError(f"facilities must be 0 or more and at most {MOST_FACILITIES:,} of a kind")
        return self


class ReadSpec(Form):
    """A city read from files."""

    format: Literal["jemss", "graphml", "vertices_edges"]
    name: str | None = Field(
        None, min_length=1, max_length=80, description="name of the city (null: of the folder or file)"
    )
    folder: str | None = Field(None, min_length=1, description="folder of the files (jemss, vertices_edges)")
    file: str | None = Field(None, min_length=1, description="the file (graphml)")
    seed: int = Field(1, ge=0, lt=2**63, description="seed of what is not in the files: homes, traits, ties")
    residents: int | None = Field(
        None, ge=0, le=MOST_RESIDENTS, description="residents; null: the raster's total; needed without a raster"
    )
    raster_unit: Literal["per_m2", "per_km2", "per_cell"] = Field(
        "per_m2", description="what a population raster's values count"
    )
    admin_tree: str | None = Field(None, description="CSV code,name,level,parent (and archetype) to lay over it")
    facilities: str | None = Field(
        None, description="CSV kind, x_m, y_m (or lon, lat), name, capacity, units; replaces the kinds it names"
    )
    people_per_grid: float | None = Field(None, ge=1, le=1e7, description="residents per grid (persons)")
    speed_kmh: float = Field(
        30.0, ge=0.1, le=1000, description="speed where the format has none (km/h; vertices_edges)"
    )
    length_unit: Literal["ft", "m", "km"] | None = Field(
        None, description="unit where headers carry none (vertices_edges; null: the unit of the vertices)"
    )
    add_facilities: bool = Field(True, description="place synthetic facilities of kinds that the files lack")
    on_bad_rows: Literal["refuse", "drop"] = Field("refuse", description="what to do with rows that cannot be used")
    max_places: int = Field(4096, ge=1, le=20_000, description="bound on places with tabulated travel")

    @model_validator(mode="after")
    def _one_source(self) -> ReadSpec:
        wanted = "file" if self.format == "graphml" else "folder"
        other = "folder" if wanted == "file" else "file"
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"format {self.format} needs '{wanted}' and takes no '{other}'")
        return self


Metres = Annotated[float, Field(ge=-MOST_METRES, le=MOST_METRES)]


class BareSpec(Form):
    """Given places and given travel."""

    places: list[tuple[Metres, Metres]] | None = Field(
        None, min_length=1, max_length=MOST_BARE_PLACES, description="(x, y) of each place (m)"
    )
    travel_min: list[list[float]] | list[list[list[float]]] | None = Field(
        None, description="minutes from place to place, or one such table per mode"
    )
    metric: Literal["manhattan", "euclid", "none"] = Field("manhattan", description="used without travel_min")
    speed_kmh: float = Field(30.0, ge=0.1, le=1e7, description="speed under a metric (km/h)")
    grids: int | None = Field(None, ge=1, le=MOST_BARE_PLACES, description="1, or one grid per place")


class CitySpec(Form):
    """Exactly one way to get a city."""

    synthetic: SyntheticSpec | None = None
    path: str | None = Field(None, min_length=1, description="folder of a saved city")
    read: ReadSpec | None = None
    bare: BareSpec | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> CitySpec:
        given = [name for name in ("synthetic", "path", "read", "bare") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of synthetic, path, read, bare is needed, found {given or 'none'}")
        return self


def check_spec(data: Mapping[str, Any] | CitySpec, file: str | PathLike[str] | None = None) -> CitySpec:
    """Return the checked section.

    Raises
    ------
    InputError
        Naming the first field that is wrong, what was found and what is allowed.
    """
    if isinstance(data, CitySpec):
        return data
    try:
        return CitySpec.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["city", *map(str, first["loc"])])
        known = sorted(CitySpec.model_fields) if first["type"] == "extra_forbidden" and len(first["loc"]) == 1 else None
        found = None if isinstance(first["input"], Mapping | BaseModel) else first["input"]
        message = first["msg"].removeprefix("Value error, ")
        message = message[0].lower() + message[1:]
        raise InputError(message, file=file, field=where, found=found, allowed=known) from error


_built: dict[str, City] = {}


def build_city(spec: CitySpec | Mapping[str, Any], base_folder: str | PathLike[str] = ".") -> City:
    """Build or read the city of a scenario.

    Parameters
    ----------
    spec
        The ``city:`` section.
    base_folder
        Folder that relative paths start from.

    Returns
    -------
    City
        Shared between callers within a process when synthetic: its residents are read-only, copy them to change
        them.

    Raises
    ------
    InputError
        On a section or files that are wrong.
    """
    checked = check_spec(spec)
    base = Path(base_folder)
    if checked.path is not None:
        from sim.city.city import City

        return City.load(located(base, checked.path))
    if checked.bare is not None:
        from sim.city.bare import bare_city

        given = checked.bare
        return bare_city(given.places, given.travel_min, given.metric, given.speed_kmh, given.grids)
    if checked.read is not None:
        from sim.city.readers import read_city

        return read_city(checked.read, base)[0]
    assert checked.synthetic is not None
    return _synthetic(checked.synthetic, base)


def _synthetic(spec: SyntheticSpec, base: Path) -> City:
    tree_file = located(base, spec.admin_tree) if spec.admin_tree else None
    key = _key(spec, tree_file)
    if key not in _built:
        _built[key] = _from_disk(spec, key, tree_file)
        _built[key].residents.setflags(write=False)
    return _built[key]


def _from_disk(spec: SyntheticSpec, key: str, tree_file: Path | None) -> City:
    from sim.city.city import City
    from sim.city.synthetic import synthetic_city
    from sim.city.tables import ReadReport

    folder = cache_folder("cities") / key
    if spec.residents >= DISK_CACHE_RESIDENTS and folder.is_dir():
        try:
            return City.load(folder)
        except InputError:
            pass  # a damaged copy is replaced below; it only cost time
    tree, report = None, ReadReport()
    if tree_file is not None:
        from sim.city.admin import read_admin_tree

        tree = read_admin_tree(tree_file, report)
    city = synthetic_city(spec, tree)
    if report.notes:
        city.provenance["reading"] = "; ".join(report.notes)
    if spec.residents >= DISK_CACHE_RESIDENTS:
        try:
            city.save(folder)
            prune(folder.parent)
        except OSError:
            return city  # no room on disk: the next run builds it again
    return city


def _key(spec: SyntheticSpec, tree_file: Path | None) -> str:
    text = hashlib.sha256(_code_and_numbers().encode())
    text.update(json.dumps(spec.model_dump(), sort_keys=True).encode())
    if tree_file is not None:
        try:
            text.update(tree_file.read_bytes())
        except OSError as error:
            raise InputError("cannot be read", file=tree_file, allowed="a CSV file that exists") from error
    return text.hexdigest()[:32]


@cache
def _code_and_numbers() -> str:
    # A change of the builder or of a default must never be answered with an older city.
    from sim.register import load

    text = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        text.update(file.read_bytes())
    for name, entry in sorted(load().items()):
        if name.startswith("city."):
            text.update(f"{name}={entry.default!r};".encode())
    return text.hexdigest()
