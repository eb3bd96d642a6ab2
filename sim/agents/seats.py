"""Seating: from posts to people, their groups (pools), their stations and their rosters.

A group is everybody of one post who serves one area together; it has one line. Each person is named by
post, area and slot, so that hiring one more moves nobody else's draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.agents.posts import Post
from sim.cases.catalogue import LEVELS
from sim.city.city import City
from sim.engine.codes import P_SKILL, S_OFF
from sim.engine.draws import mix, normal_quantile, uniform
from sim.engine.names import entity
from sim.engine.tables import POOL, ROSTER, STAFF
from sim.errors import InputError

_OFFICES = {1: "community_office", 2: "street_centre", 3: "district_centre", 4: "district_centre"}
KINDS = ("grid_member", "cadre", "mediator", "coordinator", "operator", "unit", "volunteer")


@dataclass(frozen=True)
class Seat:
    """One person's place in the organisation before rows are known."""

    post: str
    owner_area: int  # area row of the group that seats them
    served: int  # area row that their pool serves
    slot: int
    shift: str
    home: int  # place
    name: str


@dataclass(frozen=True)
class Staffing:
    """Tables of all staff, and the names that belong to their rows."""

    staff: np.ndarray
    pools: np.ndarray
    rosters: np.ndarray
    pool_of: np.ndarray
    skill: np.ndarray
    seats: list[Seat]


def area_place(city: City, row: int) -> int:
    """Return the place where an area's office is: its own facility, else its most central grid's place."""
    level = int(city.areas.level[row])
    kind = _OFFICES.get(level)
    if kind is not None:
        mine = np.flatnonzero((city.facilities.kind == kind) & (city.facilities.area == row))
        if len(mine):
            return int(city.facilities.place[mine[0]])
    cells = city.areas.grids_under(row)
    rows = city.areas.grids[cells]
    away = np.hypot(city.areas.x[rows] - city.areas.x[row], city.areas.y[rows] - city.areas.y[row])
    return int(city.grid_place[cells[int(np.argmin(away))]])


def _served(city: City, row: int, level: str | None) -> int:
    if level is None:
        return row
    served = int(city.areas.ancestor([row], LEVELS.index(level))[0]) if level != LEVELS[city.areas.level[row]] else row
    return served if served >= 0 else city.areas.root


def _units(city: City, name: str, kind: str, rows: NDArray[np.intp]) -> list[float]:
    """Return how many units the facilities of a kind say they have."""
    units = city.facilities.units[rows]
    if (units < 0).any() or not units.sum():
        raise InputError(
            f"post '{name}' takes its people from facilities that state no units", field=f"posts.{name}.count",
            found=f"{len(rows)} of kind '{kind}', {'below 0' if (units < 0).any() else 'all 0'}",
            allowed="facilities with units, or a number",
        )  # fmt: skip
    return units.astype(float).tolist()


def _groups(city: City, name: str, post: Post) -> list[tuple[str, int, int, int, float]]:
    """Return (name, owner area, served area, home place, people) of each group of a post."""
    if post.per.startswith("facility:"):
        kind = post.per.split(":", 1)[1]
        rows = np.flatnonzero(city.facilities.kind == kind)
        if not len(rows):
            raise InputError(
                f"post '{name}' is seated at facilities that the city does not have",
                field=f"posts.{name}.per",
                found=post.per,
                allowed=[*sorted({f"facility:{k}" for k in city.facilities.kind}), *LEVELS],
            )
        level = post.serves or "district"
        counts = _units(city, name, kind, rows) if post.count == "units" else [float(post.count)] * len(rows)
        return [
            (f"{kind} {int(f)}", int(city.facilities.area[f]), _served(city, int(city.facilities.area[f]), level),
             int(city.facilities.place[f]), people)
            for f, people in zip(rows, counts, strict=True)
        ]  # fmt: skip
    if post.per not in LEVELS:
        raise InputError(
            "unknown level", field=f"posts.{name}.per", found=post.per, allowed=[*LEVELS, "facility:<kind>"]
        )
    return [
        (str(city.areas.code[row]), int(row), _served(city, int(row), post.serves), area_place(city, int(row)),
         float(post.count))
        for row in city.areas.rows(LEVELS.index(post.per))
    ]  # fmt: skip


def seat_post(city: City, name: str, post: Post) -> list[Seat]:
    """Seat everybody of a post."""
    seats, before, total = [], 0, 0.0
    for group, owner, served, home, people in _groups(city, name, post):
        total += people
        n = int(total + 1e-9) - before
        before += n
        for slot in range(n):
            shift = post.teams[slot % len(post.teams)] if post.teams else post.shift
            place = post.places[slot % len(post.places)] if post.places else home
            if not 0 <= place < len(city.places):
                raise InputError("a post's place does not exist", field=f"posts.{name}.places", found=place,
                                 allowed=f"0 to {len(city.places) - 1}")  # fmt: skip
            seats.append(Seat(name, owner, served, slot, shift, place, f"{name}|{group}|{slot}"))
    return seats


def _pool_rows(
    city: City, posts: dict[str, Post], groups: dict[tuple[str, int], list[Seat]], departments: list[str]
) -> np.ndarray:
    pools = np.zeros(len(groups), POOL)
    names, first = list(posts), 0
    for i, ((name, served), members) in enumerate(groups.items()):
        p, post = pools[i], posts[name]
        p["first"], p["count"], p["area"] = first, len(members), served
        p["grids"] = max(1, len(city.areas.grids_under(served)))
        p["queue_root"], p["capacity"] = -1, -1 if post.queue_capacity is None else post.queue_capacity
        p["post"], p["dept"] = (
            names.index(name),
            departments.index(post.department) if post.department in departments else -1,
        )
        p["level"], p["preemptive"] = city.areas.level[served], post.preemptive
        first += len(members)
    return pools


def _pool_of(city: City, posts: dict[str, Post], groups: dict[tuple[str, int], list[Seat]]) -> np.ndarray:
    """Return which pool of each post serves each grid; the nearest group helps where an area has none."""
    table = np.full((len(posts), len(city.areas.grids)), -1, np.int32)
    names = list(posts)
    for i, (name, served) in enumerate(groups):
        cells = city.areas.grids_under(served)
        row = table[names.index(name)]
        row[cells[row[cells] < 0]] = i
    for name in names:
        mine = [i for i, (other, _) in enumerate(groups) if other == name]
        row = table[names.index(name)]
        if mine and (row < 0).any():
            homes = np.array([next(iter(list(groups.values())[i])).home for i in mine])
            missing = np.flatnonzero(row < 0)
            away = city.travel[0][np.ix_(homes, city.grid_place[missing])]
            row[missing] = np.array(mine)[np.argmin(away, axis=0)]
    return table


def _skills(
    staff: np.ndarray, seats: list[Seat], posts: dict[str, Post], capabilities: tuple[str, ...], key: int
) -> np.ndarray:
    skill = np.zeros((len(staff), max(1, len(capabilities))), np.float32)
    for s, seat in enumerate(seats):
        post = posts[seat.post]
        mask, levels = 0, []
        for name, mean in post.capabilities.items():
            c = capabilities.index(name)
            level = mean
            if post.skill_sd > 0 and mean > 0:
                z = normal_quantile(
                    uniform(np.uint64(key), mix(staff["entity"][s], entity("capability", name)), P_SKILL, 0)
                )
                level = mean * float(np.exp(post.skill_sd * z - post.skill_sd**2 / 2))
            skill[s, c] = level
            levels.append(level)
            mask |= (1 << c) if mean > 0 else 0
        staff["capabilities"][s] = mask
        staff["pace"][s] = float(np.mean(levels)) if levels else 1.0
    return skill


def seat_all(
    city: City,
    posts: dict[str, Post],
    shifts: list[str],
    departments: list[str],
    capabilities: tuple[str, ...],
    key: int,
) -> Staffing:
    """Seat every post of a scenario.

    Parameters
    ----------
    city
        Where.
    posts
        Who, by name.
    shifts, departments, capabilities
        Names in the order of their rows (bits for capabilities).
    key
        Key of the draws that make people differ (the city's seed, not the replication's).

    Raises
    ------
    InputError
        When nobody at all is seated, or a post names a level, facility or place that does not exist.
    """
    groups: dict[tuple[str, int], list[Seat]] = {}
    for name, post in posts.items():
        for seat in seat_post(city, name, post):
            groups.setdefault((name, seat.served), []).append(seat)
    if not groups:
        raise InputError(
            "the roster is empty: no post seats anybody",
            field="posts",
            allowed="at least one post with a count above 0",
        )
    for members in groups.values():
        members.sort(key=lambda seat: (shifts.index(seat.shift), seat.owner_area, seat.slot))
    pools = _pool_rows(city, posts, groups, departments)
    seats = [seat for members in groups.values() for seat in members]
    staff = _staff_rows(city, posts, groups, departments)
    rosters = _roster_rows(groups, shifts, staff)
    skill = _skills(staff, seats, posts, capabilities, key)
    return Staffing(staff, pools, rosters, _pool_of(city, posts, groups), skill, seats)


def _staff_rows(
    city: City, posts: dict[str, Post], groups: dict[tuple[str, int], list[Seat]], departments: list[str]
) -> np.ndarray:
    staff = np.zeros(sum(map(len, groups.values())), STAFF)
    names, s = list(posts), 0
    for i, members in enumerate(groups.values()):
        for seat in members:
            k, post = staff[s], posts[seat.post]
            k["entity"], k["pool"], k["home"], k["place"] = entity("staff", seat.name), i, seat.home, seat.home
            owner_grid = int(city.areas.grid_index[seat.owner_area]) if city.areas.level[seat.owner_area] == 0 else -1
            k["grid"], k["slot"] = owner_grid, seat.slot
            k["task"] = k["next_in_task"] = k["to_place"] = -1
            k["duty_day"] = k["owed_day"] = -2  # before the first date on which a turn can begin
            k["caseload_cap"], k["speed_factor"], k["post"] = (
                post.caseload_cap,
                post.speed_factor,
                names.index(seat.post),
            )
            k["dept"] = departments.index(post.department) if post.department in departments else -1
            k["level"], k["state"] = city.areas.level[seat.owner_area], S_OFF
            s += 1
    return staff


def _roster_rows(groups: dict[tuple[str, int], list[Seat]], shifts: list[str], staff: np.ndarray) -> np.ndarray:
    """Return who turns on and off together, shift by shift, and write each one's row into ``staff``."""
    rows: list[list[int]] = []
    s = 0
    for i, members in enumerate(groups.values()):
        for seat in members:
            shift = shifts.index(seat.shift)
            if not rows or rows[-1][0] != i or rows[-1][3] != shift:
                rows.append([i, s, 0, shift])
            rows[-1][2] += 1
            s += 1
    rosters = np.array([tuple(r) for r in sorted(rows, key=lambda row: row[3])], ROSTER)
    for r, roster in enumerate(rosters):
        staff["roster"][roster["first"] : roster["first"] + roster["count"]] = r
    return rosters
