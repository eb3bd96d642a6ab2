"""Counter-based random numbers: a value is a function of (key, entity, purpose, ordinal) and nothing else.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") with key = mix(root seed,
replication) and counter = (ordinal, purpose, entity low, entity high). Continuous quantities come by
inversion, categorical choices by one Gumbel per alternative, so that two arms that share an entity share
its draws whatever else they do. There is no state and no order.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engine.codes import (
    CONSTANT,
    ERLANG,
    EXPONENTIAL,
    LOGNORMAL,
    MIXTURE,
    TABLE_LOGIT,
    TABLE_POINTS,
    UNIFORM,
    WEIBULL,
)
from sim.engine.jit import njit
from sim.engine.kinds import F, I, U, W

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_MASK, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
_G, _A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_5, _6, _26 = np.uint64(5), np.uint64(6), np.uint64(26)


@njit
def philox(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words (in uint64) of Philox4x32-10 for a counter and a key."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _MASK, (p0 >> _32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@njit((U, U))
def mix(a, b):
    """Return a 64-bit hash of two 64-bit numbers (splitmix64 finaliser over both)."""
    z = np.uint64(a) + _G * (np.uint64(b) + np.uint64(1))
    z = (z ^ (z >> _30)) * _A
    z = (z ^ (z >> _27)) * _B
    return z ^ (z >> _31)


@njit((U, U, I, I))
def uniforms(key, entity, purpose, ordinal):
    """Return two independent uniforms in (0, 1) with 53 bits each."""
    e, k = np.uint64(entity), np.uint64(key)
    a, b, c, d = philox(np.uint64(ordinal) & _MASK, np.uint64(purpose), e & _MASK, e >> _32, k & _MASK, k >> _32)
    u = (np.float64(((a >> _5) << _26) | (b >> _6)) + 0.5) * 1.1102230246251565e-16
    v = (np.float64(((c >> _5) << _26) | (d >> _6)) + 0.5) * 1.1102230246251565e-16
    return u, v


@njit((U, U, I, I))
def uniform(key, entity, purpose, ordinal):
    """Return one uniform in (0, 1)."""
    return uniforms(key, entity, purpose, ordinal)[0]


@njit((U, U, I, I))
def exponential(key, entity, purpose, ordinal):
    """Return one unit exponential."""
    return -math.log(uniforms(key, entity, purpose, ordinal)[0])


@njit((U, U, I, I))
def gumbel(key, entity, purpose, ordinal):
    """Return one standard Gumbel."""
    return -math.log(-math.log(uniforms(key, entity, purpose, ordinal)[0]))


@njit((U, U, I, I))
def logistic(key, entity, purpose, ordinal):
    """Return one standard logistic."""
    u = uniforms(key, entity, purpose, ordinal)[0]
    return math.log(u / (1.0 - u))


@njit((F,))
def normal_quantile(p):
    """Return the standard normal quantile (Wichura 1988, AS 241, PPND16; relative error about 1e-16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        num = (
            (
                (
                    (
                        ((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                        + 45921.953931549871457
                    )
                    * r
                    + 13731.693765509461125
                )
                * r
                + 1971.5909503065514427
            )
            * r
            + 133.14166789178437745
        ) * r + 3.387132872796366608
        den = (
            (
                (
                    (
                        ((5226.495278852854561 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                        + 21213.794301586595867
                    )
                    * r
                    + 5394.1960214247511077
                )
                * r
                + 687.1870074920579083
            )
            * r
            + 42.313330701600911252
        ) * r + 1.0
        return q * num / den
    r = math.sqrt(-math.log(p if q < 0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        num = (
            (
                (
                    (
                        ((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                        + 1.27045825245236838258
                    )
                    * r
                    + 3.64784832476320460504
                )
                * r
                + 5.7694972214606914055
            )
            * r
            + 4.6303378461565452959
        ) * r + 1.42343711074968357734
        den = (
            (
                (
                    (
                        ((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                        + 0.14810397642748007459
                    )
                    * r
                    + 0.68976733498510000455
                )
                * r
                + 1.6763848301838038494
            )
            * r
            + 2.05319162663775882187
        ) * r + 1.0
    else:
        r -= 5.0
        num = (
            (
                (
                    (
                        ((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                        + 0.026532189526576123093
                    )
                    * r
                    + 0.29656057182850489123
                )
                * r
                + 1.7848265399172913358
            )
            * r
            + 5.4637849111641143699
        ) * r + 6.6579046435011037772
        den = (
            (
                (
                    (
                        ((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                        + 7.868691311456132591e-4
                    )
                    * r
                    + 0.0148753612908506148525
                )
                * r
                + 0.13692988092273580531
            )
            * r
            + 0.59983220655588793769
        ) * r + 1.0
    return -num / den if q < 0 else num / den


@njit((W, I, U, U, I, I, F))
def _from_row(world, row, key, entity, purpose, ordinal, u):
    laws, quantiles = world.laws, world.quantiles
    kind, a, b = laws[row].kind, laws[row].a, laws[row].b
    if kind == CONSTANT:
        return a
    if kind == EXPONENTIAL:
        return -a * math.log(u)
    if kind == LOGNORMAL:
        return a * math.exp(b * normal_quantile(u))
    if kind == WEIBULL:
        return a * (-math.log(u)) ** b
    if kind == UNIFORM:
        return a + b * u
    if kind == ERLANG:
        total = math.log(u)
        for i in range(1, np.int64(b)):
            total += math.log(uniforms(key, entity, purpose + (i << 16), ordinal)[0])
        return -a * total
    position = (math.log(u / (1.0 - u)) + TABLE_LOGIT) * (TABLE_POINTS - 1) / (2.0 * TABLE_LOGIT)
    i = min(max(int(position), 0), TABLE_POINTS - 2)
    part = min(max(position - i, 0.0), 1.0)
    table = np.int64(a)
    return quantiles[table, i] * (1.0 - part) + quantiles[table, i + 1] * part


@njit((W, I, U, I, I, F, F))
def draw_with(world, row, entity, purpose, ordinal, u, v):
    """Return one value of a law, for who has drawn the two uniforms of this name already."""
    key, laws = world.clock[0].key, world.laws
    if laws[row].kind != MIXTURE:
        return _from_row(world, row, key, entity, purpose, ordinal, u)
    pick = row + 1
    last = row + np.int64(laws[row].a)
    while pick < last and v > laws[pick].share:
        v -= laws[pick].share
        pick += 1
    return _from_row(world, pick, key, entity, purpose, ordinal, u)


@njit((W, I, U, I, I))
def draw(world, row, entity, purpose, ordinal):
    """Return one value of a law by inversion.

    Parameters
    ----------
    world
        The world, for its key and law tables.
    row
        Row in ``world.laws``; a negative row means "never" and returns NEVER.
    """
    if row < 0:
        return 1e300
    if world.laws[row].kind == CONSTANT:
        return world.laws[row].a
    u, v = uniforms(world.clock[0].key, entity, purpose, ordinal)
    return draw_with(world, row, entity, purpose, ordinal, u, v)
