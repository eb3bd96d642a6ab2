"""The reduced district written in SimPy, as one would write it there: a process per incident, groups with lines.

It reads the numbers of `reduced.yaml` from the checked spec and the same seats, homes and travel table as the engine,
and shares no code with it beyond these tables. Its random numbers are its own, so that both must agree as two
independent samples do. Demand is drawn ahead with NumPy, which favours it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Generator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import simpy

from sim.assemble import Arm
from sim.cases.laws import Law

NEVER = math.inf


def sampler(law: Law, random: Random):
    """Return a function that draws from a law of the reduced scenario."""
    v = law.values
    match law.name:
        case "constant":
            return lambda: v["value"]
        case "exponential":
            return lambda: random.expovariate(1.0 / v["mean"])
        case "lognormal":
            mu = math.log(v["median"])
            return lambda: random.lognormvariate(mu, v["sigma"])
    raise ValueError(f"the reduced district has no law '{law.name}'")


@dataclass(eq=False)
class Person:
    """One crew or cadre: where it is, and whether it is on duty and free."""

    home: int
    place: int
    group: Group
    on_duty: bool = False
    busy: bool = False
    busy_min: float = 0.0
    duty_min: float = 0.0
    since_min: float = 0.0


@dataclass(eq=False)
class Group:
    """People with one line: the nearest idle is sent, who falls free takes the most severe, then the oldest."""

    people: list[Person] = field(default_factory=list)
    line: list[tuple[float, int, simpy.Event]] = field(default_factory=list)


@dataclass(eq=False)
class Incident:
    """What happened to one incident; times in minutes, infinite when it did not happen."""

    type: str
    occurred: float
    severity: int
    place: int
    last_mile: float
    grid: int
    told: float = NEVER
    answered: float = NEVER
    attended: float = NEVER
    ended: float = NEVER


class SimpyDistrict:
    """One replication.

    Parameters
    ----------
    arm
        The engine's prepared arm, read for its tables only.
    seed
        Of this replication.
    """

    def __init__(self, arm: Arm, seed: int) -> None:
        self.arm, self.spec, self.city = arm, arm.spec, arm.city
        self.random, self.rng = Random(seed), np.random.default_rng(seed)
        self.env, self.count = simpy.Environment(), 0
        self.ordinary, self.lights, self.slow = self._tables()
        self.near = arm.static["facility_near"][sorted(set(map(str, self.city.facilities.kind))).index("hospital")]
        self.posts = list(self.spec.posts)
        self.pool_of = arm.staffing.pool_of
        self.turnout = [sampler(p.turnout_min, self.random) for p in self.spec.posts.values()]
        self.speed = [p.speed_factor for p in self.spec.posts.values()]
        self.groups: list[Group] = []
        self._seat()
        self._laws()
        self.incidents: list[Incident] = []

    def _tables(self) -> tuple[Any, Any, float]:
        travel, p = self.city.travel, self.arm.parameters
        two = travel.shape[0] > 1
        lights = travel[1] if two else travel[0] * np.float32(p["travel.lights_factor"])
        return travel[0], lights, p["travel.ordinary_factor"]

    def _seat(self) -> None:
        staffing = self.arm.staffing
        shifts = list(self.spec.shifts.values())
        teams: dict[tuple[int, int], list[Person]] = {}
        for i, pool in enumerate(staffing.pools):
            group = Group()
            self.groups.append(group)
            for s in range(pool["first"], pool["first"] + pool["count"]):
                home = int(staffing.staff["home"][s])
                person = Person(home, home, group)
                group.people.append(person)
                shift = int(staffing.rosters["shift"][staffing.staff["roster"][s]])
                teams.setdefault((i, shift), []).append(person)
        for (_, shift), people in teams.items():
            self.env.process(self._roster(people, shifts[shift].hours[0]))

    def _laws(self) -> None:
        r, spec = self.random, self.spec
        self.take = sampler(spec.channels["line"].take_min, r)
        self.tell = {n: sampler(t.report_delay_min, r) for n, t in spec.types.items()}
        self.touch = {n: [sampler(s.touch_min, r) for s in t.stages] for n, t in spec.types.items()}
        self.lag = {n: [sampler(s.lag_min, r) for s in t.stages] for n, t in spec.types.items()}
        part = spec.types["waste"].part
        self.part_touch, self.part_lag = sampler(part.touch_min, r), sampler(part.lag_min, r)
        self.desk = sampler(spec.departments["urban_management"].desk_delay_min, r)
        self.transport = (spec.types["illness"].stages[0].next or {})["hospital"]

    # ------------------------------------------------------------ people
    def _roster(self, people: list[Person], hours: tuple[float, float]) -> Generator:
        """Bring a team on and off duty, day after day."""
        start, end = hours[0] * 60.0, hours[1] * 60.0
        if end - start >= 1440.0:
            for person in people:
                self._come_on(person)
            return
        day = 0
        if end > 1440.0:  # the duty of the evening before the first day runs into it
            for person in people:
                self._come_on(person)
            yield self.env.timeout(end - 1440.0)
            for person in people:
                self._go_off(person)
        while True:
            yield self.env.timeout(day * 1440.0 + start - self.env.now)
            for person in people:
                self._come_on(person)
            yield self.env.timeout(end - start)
            for person in people:
                self._go_off(person)
            day += 1

    def _come_on(self, person: Person) -> None:
        person.on_duty, person.since_min = True, self.env.now
        if not person.busy:
            person.place = person.home
            self._serve(person)

    def _go_off(self, person: Person) -> None:
        person.on_duty = False
        person.duty_min += self.env.now - person.since_min
        if not person.busy:
            person.place = person.home

    def _serve(self, person: Person) -> None:
        """Give the first in line to somebody who is free."""
        if person.group.line:
            _, _, asked = heapq.heappop(person.group.line)
            person.busy = True
            asked.succeed(person)

    def _seize(self, group: Group, severity: int, place: int, table: Any) -> Any:
        """Return an event that yields a person: the nearest idle one now, or the next who falls free."""
        asked = self.env.event()
        best, best_min = None, NEVER
        for person in group.people:
            if person.on_duty and not person.busy:
                minutes = 0.0 if table is None or person.place == place else table.item(person.place, place)
                if minutes < best_min:
                    best, best_min = person, minutes
        if best is None:
            self.count += 1
            heapq.heappush(group.line, (-severity * 1e9 + self.env.now, self.count, asked))
        else:
            best.busy = True
            asked.succeed(best)
        return asked

    def _release(self, person: Person, since: float) -> None:
        person.busy_min += self.env.now - since
        person.busy = False
        if person.on_duty:
            self._serve(person)
        else:
            person.place = person.home

    def _trip(
        self, person: Person, post: int, place: int, last_mile: float, lights: bool, from_rest: bool = True
    ) -> float:
        if person.place == place:
            minutes = 0.0
        elif lights:
            minutes = self.lights.item(person.place, place)
        else:
            minutes = self.ordinary.item(person.place, place) * self.slow
        return (minutes + last_mile) / self.speed[post] + (self.turnout[post]() if from_rest else 0.0)

    # ------------------------------------------------------------ cases
    def _incident(self, e: Incident) -> Generator:
        """The life of an incident: told or not, taken by a call taker, worked on, closed."""
        kind = self.spec.types[e.type]
        usual = kind.report["line"] + self.arm.parameters["reporting.urgency"] * (e.severity - 2)
        if self.random.random() >= 1.0 / (1.0 + math.exp(-usual)):
            return
        delay = self.tell[e.type]()
        if delay > 0.0:
            yield self.env.timeout(delay)
        e.told = self.env.now
        operators = self.groups[self.pool_of[self.posts.index("operator"), e.grid]]
        operator = yield self._seize(operators, e.severity, -1, None)
        since = self.env.now
        yield self.env.timeout(self.take())
        e.answered = self.env.now
        self._release(operator, since)
        if e.type == "illness":
            yield from self._illness(e)
        elif e.type == "theft":
            yield from self._work(e, "police_unit", 0)
        else:
            yield from self._community(e)
        e.ended = self.env.now

    def _work(self, e: Incident, post_name: str, stage: int) -> Generator:
        """One stage of one person on the spot or at the desk, and its lag."""
        post = self.posts.index(post_name)
        desk = self.spec.types[e.type].stages[stage].where == "desk"
        group = self.groups[self.pool_of[post, e.grid]]
        person = yield self._seize(group, e.severity, e.place, None if desk else self.ordinary)
        since = self.env.now
        if not desk:
            yield self.env.timeout(self._trip(person, post, e.place, e.last_mile, False))
            person.place = e.place
        e.attended = min(e.attended, self.env.now)
        yield self.env.timeout(self.touch[e.type][stage]())
        self._release(person, since)
        lag = self.lag[e.type][stage]()
        if lag > 0.0:
            yield self.env.timeout(lag)

    def _community(self, e: Incident) -> Generator:
        yield from self._work(e, "community_team", 0)
        if e.type == "waste":
            yield from self._referred(e)
        yield from self._work(e, "community_team", 1)

    def _referred(self, e: Incident) -> Generator:
        """The department's desk looks at the referral, a crew does its part."""
        post = self.posts.index("urban_crew")
        yield self.env.timeout(self.desk())
        crew = yield self._seize(self.groups[self.pool_of[post, e.grid]], e.severity, e.place, self.ordinary)
        since = self.env.now
        yield self.env.timeout(self._trip(crew, post, e.place, e.last_mile, False))
        crew.place = e.place
        yield self.env.timeout(self.part_touch())
        self._release(crew, since)
        yield self.env.timeout(self.part_lag())

    def _illness(self, e: Incident) -> Generator:
        post = self.posts.index("ambulance")
        crew = yield self._seize(self.groups[self.pool_of[post, e.grid]], e.severity, e.place, self.lights)
        since = self.env.now
        yield self.env.timeout(self._trip(crew, post, e.place, e.last_mile, True))
        crew.place, e.attended = e.place, self.env.now
        yield self.env.timeout(self.touch["illness"][0]())
        if self.random.random() < self.transport:
            hospital = int(self.near[e.place])
            yield self.env.timeout(self._trip(crew, post, hospital, 0.0, True, from_rest=False))
            crew.place = hospital
            yield self.env.timeout(self.touch["illness"][1]())
        self._release(crew, since)

    # ------------------------------------------------------------ demand and the run
    def _draw(self) -> list[Incident]:
        days, residents = self.spec.horizon_days, self.city.residents
        out = []
        for name, kind in self.spec.types.items():
            n = self.rng.poisson(kind.rate_per_1000_year / 1000.0 / 365.0 * len(residents) * days)
            weights = np.ones(24) if kind.hours == "flat" else np.array(self.spec.profiles[str(kind.hours)])
            hour = self.rng.choice(24, n, p=weights / weights.sum())
            at = (np.floor(self.rng.random(n) * days) * 24 + hour + self.rng.random(n)) * 60.0
            severity = self.rng.choice(len(kind.severity), n, p=kind.severity) + 1
            who = self.rng.integers(0, len(residents), n)
            grid = np.searchsorted(self.city.grid_first, who, side="right") - 1
            home = residents[who]
            columns = (at, severity, home["place"], home["last_mile_min"].astype(float), grid)
            rows = zip(*(c.tolist() for c in columns), strict=True)
            out += [Incident(name, *row) for row in rows]
        out.sort(key=lambda e: e.occurred)
        return out

    def _arrivals(self) -> Generator:
        for e in self.incidents:
            yield self.env.timeout(e.occurred - self.env.now)
            self.env.process(self._incident(e))

    def run(self) -> SimpyDistrict:
        """Draw demand and run to the horizon."""
        self.incidents = self._draw()
        self.env.process(self._arrivals())
        self.env.run(until=self.spec.horizon_days * 1440.0)
        return self

    def measures(self) -> dict[str, float]:
        """Return the main measures, named as `benchmarks.simpy_ratio` reads them from the engine."""
        found = {}
        for name in self.spec.types:
            mine = [e for e in self.incidents if e.type == name]
            told = [e for e in mine if e.told < NEVER]
            found[f"{name}.told_share"] = len(told) / len(mine)
            found[f"{name}.response_min"] = _mean([e.attended - e.told for e in told if e.attended < NEVER])
            found[f"{name}.resolution_min"] = _mean([e.ended - e.occurred for e in told if e.ended < NEVER])
        for post, i in zip(self.posts, range(len(self.posts)), strict=True):
            pools = [k for k, pool in enumerate(self.arm.staffing.pools) if pool["post"] == i]
            people = [p for k in pools for p in self.groups[k].people]
            found[f"{post}.busy_h"] = sum(p.busy_min for p in people) / 60.0
        return found

    @property
    def cases(self) -> int:
        """Incidents that were told."""
        return sum(e.told < NEVER for e in self.incidents)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
