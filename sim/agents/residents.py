"""Residents: how one notices trouble, tells it or keeps silent, tells it again, or gives up.

The choice of a channel is a multinomial logit with one Gumbel per channel: what the type makes usual, trust
and digital access of this resident, urgency, and whether the channel is open. Silence has utility 0. Each
telling of an incident has its own draws (first, each witness, each repeat), so arms share them.
"""

from __future__ import annotations

import math

import numpy as np

from sim.cases.closing import arm_incident, close_case, end_incident
from sim.cases.intake import bare_case, receive
from sim.cases.tasks import start_stage
from sim.engine.codes import (
    BY_PATROL,
    BY_SENSOR,
    C_CLOSED,
    EV_FIND,
    F_LAPSED,
    F_OPEN,
    F_SPONTANEOUS,
    L_ABANDON,
    L_CALLBACK,
    L_FOUND,
    L_GROW,
    L_LAPSE,
    L_OCCUR,
    L_PETITION,
    L_REOPEN,
    L_REPEAT,
    L_REPORT,
    L_RETRY,
    L_SILENT,
    L_SPONTANEOUS,
    NEVER,
    O_ABANDONED,
    P_ACT,
    P_FIND,
    P_GROW,
    P_REPORT_DELAY,
    P_RESIDENT,
    P_RETRY,
    P_SENSOR,
    P_SPONTANEOUS,
    P_TELL,
    P_WITNESS,
    TK_BARE,
)
from sim.engine.draws import draw, exponential, gumbel, mix, uniform, uniforms
from sim.engine.events import schedule
from sim.engine.jit import njit
from sim.engine.kinds import I, W
from sim.engine.log import log
from sim.institutions.sweeps import await_sweeps

_REPEAT_BASE = 512  # ordinals of repeats follow those of witnesses


@njit
def is_open(channel, hour):
    """Return True when a channel can be used at this hour of the day."""
    return channel.open_h <= hour < channel.close_h


@njit((W, I, I, I))
def choose_channel(world, i, resident, telling):
    """Return the channel that a resident chooses, -1 for silence."""
    e, clock, p = world.incidents[i], world.clock[0], world.params[0]
    trust, digital = 0.5, 0.5
    if resident >= 0:
        trust, digital = world.residents[resident].trust, world.residents[resident].digital
    best, best_value = -1, gumbel(clock.key, e.entity, P_TELL, telling)
    urgency, hour = p.reporting_urgency * (e.severity - 2), (clock.now / 60.0) % 24.0
    for c in range(world.channels.shape[0]):
        usual = world.tell[e.type, c]
        ch = world.channels[c]
        if usual < -90.0 or not is_open(ch, hour):
            continue
        value = usual + ch.trust * (trust - 0.5) + ch.digital * (digital - 0.5) + urgency
        value += gumbel(clock.key, mix(e.entity, ch.entity), P_TELL, telling)
        if value > best_value:
            best, best_value = c, value
    return best


@njit
def _tell_first(world, i):
    e, now = world.incidents[i], world.clock[0].now
    channel = np.int64(e.scripted)
    if channel < 0:
        channel = choose_channel(world, i, e.resident, 0)
    if channel < 0:
        log(world, L_SILENT, -2 - i, -1, e.grid, e.type)
        return
    e.channel = channel
    delay = draw(world, world.types[e.type].report_delay, e.entity, P_REPORT_DELAY, 0)
    e.report_min = now + (0.0 if e.scripted >= 0 else delay)


@njit
def occur(world, i):
    """An incident happens: somebody may tell it, others may see it, it may grow or pass."""
    e, clock = world.incidents[i], world.clock[0]
    typ = world.types[e.type]
    log(world, L_OCCUR, -2 - i, -1, e.grid, e.type)
    if typ.kind == TK_BARE:
        start_stage(world, bare_case(world, i), 0)
        return
    _tell_first(world, i)
    if e.witnesses > 0:
        e.witness_min = clock.now + draw(world, typ.witness_delay, e.entity, P_WITNESS, 0)
    e.spontaneous_min = clock.now + draw(world, typ.spontaneous, e.entity, P_SPONTANEOUS, 0)
    if typ.grows_per_min > 0.0 and e.severity < 4:
        e.grow_min = clock.now + exponential(clock.key, e.entity, P_GROW, e.severity) / typ.grows_per_min
    if typ.patrol_visible or typ.sensor_visible:
        _become_visible(world, i)
    await_sweeps(world, i)
    if e.report_min <= clock.now:
        _report_due(world, i)
    else:
        arm_incident(world, i)


@njit
def _become_visible(world, i):
    e, clock, p = world.incidents[i], world.clock[0], world.params[0]
    typ = world.types[e.type]
    e.visible_until_min = clock.now + draw(world, typ.visible, e.entity, P_FIND, 65000)
    if typ.sensor_visible and clock.sensor_channel >= 0:
        u, v = uniforms(clock.key, e.entity, P_SENSOR, 0)
        at = clock.now - math.log(v) * p.sensor_delay_min
        if u < p.sensor_coverage and at < e.visible_until_min:
            schedule(world, at, EV_FIND, i, e.entity, BY_SENSOR)
    if typ.patrol_visible and clock.patrol_channel >= 0 and clock.patrol_post >= 0:
        e.find_clock = clock.now
        _next_chance(world, i)


@njit
def patrol_rate(world, grid):
    """Return the hazard per minute of being met by who is on patrol in a grid now.

    Random patrol: speed over street length, all posts that patrol added up. What it would be with everybody of
    their groups on patrol stands in ``world.patrol_most``.
    """
    total = 0.0
    for i in range(world.patrol_posts.shape[0]):
        row = world.pool_of[world.patrol_posts[i], grid]
        if row >= 0 and world.pools[row].patrol > 0:
            k = world.pools[row]
            total += k.patrol / max(max(k.grids, 1) * world.grids[grid].street_km, 1e-6)
    return total * world.params[0].patrol_speed_kmh / 60.0


@njit
def _next_chance(world, i):
    """Schedule the next chance of being found, from a stream that assumes every member on patrol.

    Chances are thinned by how many are on patrol when they come (`find`), which is exact for a hazard that
    is proportional to the number on patrol (random patrol, P = 1 - exp(-sT/D)).
    """
    e, clock = world.incidents[i], world.clock[0]
    rate = world.patrol_most[e.grid] * world.params[0].patrol_found_probability
    if rate <= 0.0:
        return
    e.find_count += 1
    e.find_clock += exponential(clock.key, e.entity, P_FIND, e.find_count) / rate
    if e.find_clock < e.visible_until_min:
        schedule(world, e.find_clock, EV_FIND, i, e.entity, BY_PATROL)


@njit
def find(world, i, by_sensor):
    """A chance that patrol or a sensor finds an incident; returns True when it is found."""
    e, clock = world.incidents[i], world.clock[0]
    if e.fate != F_OPEN or e.open_case >= 0:
        return False
    if by_sensor:
        log(world, L_FOUND, -2 - i, -1, e.grid, clock.sensor_channel)
        receive(world, i, clock.sensor_channel, -1)
        return True
    grid = np.int64(e.grid)
    rate = patrol_rate(world, grid)
    # where nobody patrols nobody finds, and there is nothing to draw
    if rate > 0.0 and uniform(clock.key, e.entity, P_FIND, 32000 + e.find_count) * world.patrol_most[grid] < rate:
        log(world, L_FOUND, -2 - i, -1, e.grid, clock.patrol_channel)
        receive(world, i, clock.patrol_channel, -1)
        return True
    _next_chance(world, i)
    return False


@njit
def _report_due(world, i):
    e = world.incidents[i]
    e.report_min = NEVER
    log(world, L_REPORT, -2 - i, -1, e.grid, e.channel)
    receive(world, i, np.int64(e.channel), e.last_case if e.repeats > 0 else -1)


@njit
def _witness(world, i):
    """One more resident comes upon the incident and tells it or not."""
    e, clock = world.incidents[i], world.clock[0]
    e.witness_count += 1
    e.witness_min = NEVER
    if e.witness_count < e.witnesses:
        wait = draw(world, world.types[e.type].witness_delay, e.entity, P_WITNESS, e.witness_count)
        e.witness_min = clock.now + wait
    grid = world.grids[e.grid]
    resident = -1
    if grid.residents > 0:
        u = uniform(clock.key, e.entity, P_RESIDENT, e.witness_count)
        resident = grid.first_resident + min(np.int64(u * grid.residents), grid.residents - 1)
    channel = choose_channel(world, i, resident, e.witness_count)
    if channel >= 0:
        log(world, L_REPORT, -2 - i, -1, e.grid, channel)
        receive(world, i, channel, -1)
    else:
        arm_incident(world, i)


@njit
def _act(world, i):
    """Patience with unsettled trouble has ended: petition, come again, or let it lapse."""
    e, clock = world.incidents[i], world.clock[0]
    typ = world.types[e.type]
    e.act_min = NEVER
    u, v = uniforms(clock.key, e.entity, P_ACT, 256 + e.repeats)
    if e.repeats < world.params[0].repeat_max_repeats:
        if clock.petition_channel >= 0 and e.cases > 0 and u < typ.petition_share:
            e.repeats += 1
            log(world, L_PETITION, e.last_case, -1, e.grid, e.repeats)
            receive(world, i, clock.petition_channel, e.last_case)
            return
        if v < typ.repeat_share:
            e.repeats += 1
            channel = choose_channel(world, i, e.resident, _REPEAT_BASE + e.repeats)
            channel = np.int64(e.channel) if channel < 0 else channel
            if channel >= 0:
                log(world, L_REPEAT, e.last_case, -1, e.grid, e.repeats)
                receive(world, i, channel, e.last_case)
                return
    log(world, L_LAPSE, e.last_case, -1, e.grid, e.repeats)
    end_incident(world, i, F_LAPSED)


@njit
def _grow(world, i):
    e, clock = world.incidents[i], world.clock[0]
    e.grow_min = NEVER
    if e.attended_min < NEVER:
        return
    e.severity += 1
    log(world, L_GROW, -2 - i, -1, e.grid, e.severity)
    if e.severity < 4:
        rate = world.types[e.type].grows_per_min
        e.grow_min = clock.now + exponential(clock.key, e.entity, P_GROW, e.severity) / rate


@njit
def resident_timer(world, i):
    """The incident's timer: the next report, witness, growth, passing, or second act of its resident."""
    e, now = world.incidents[i], world.clock[0].now
    e.timer_min = NEVER
    if e.report_min <= now:
        _report_due(world, i)
    elif e.spontaneous_min <= now:
        e.spontaneous_min = NEVER
        if e.attended_min >= NEVER and e.open_case < 0:
            log(world, L_SPONTANEOUS, -2 - i, -1, e.grid, 0.0)
            end_incident(world, i, F_SPONTANEOUS)
    elif e.witness_min <= now:
        _witness(world, i)
    elif e.grow_min <= now:
        _grow(world, i)
    elif e.act_min <= now:
        _act(world, i)
    arm_incident(world, i)


@njit
def hang_up(world, case):
    """A caller leaves the line; some try again."""
    c, clock, p = world.cases[case], world.clock, world.params[0]
    e = world.incidents[c.incident]
    clock[0].abandoned += 1
    log(world, L_ABANDON, case, -1, c.grid, 0.0)
    close_case(world, case, O_ABANDONED)
    u, v = uniforms(clock[0].key, c.entity, P_RETRY, 0)
    if e.fate == F_OPEN and e.open_case < 0:
        if u < p.reporting_hang_up_retry_probability:
            log(world, L_RETRY, case, -1, c.grid, 0.0)
            e.channel = c.channel  # the caller may be a witness: whoever lives there may have kept silent
            e.report_min = clock[0].now - math.log(v) * p.reporting_hang_up_retry_min
        else:
            e.act_min = clock[0].now + draw(world, world.types[e.type].patience, e.entity, P_ACT, e.repeats) * 60.0
        arm_incident(world, c.incident)


@njit
def call_back(world, case):
    """The centre calls after closing: the resident judges; unsettled trouble that displeases is reopened."""
    c, p = world.cases[case], world.params[0]
    e = world.incidents[c.incident]
    c.satisfied = 1 if c.score >= p.satisfaction_threshold else 0
    log(world, L_CALLBACK, case, -1, c.grid, c.satisfied)
    if c.satisfied == 0 and e.fate == F_OPEN and e.open_case < 0 and c.state == C_CLOSED:
        e.repeats += 1
        log(world, L_REOPEN, case, -1, c.grid, e.repeats)
        receive(world, c.incident, np.int64(c.channel), case)
