"""Exact answers by solving balance equations, for models without a closed form; not a test."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

State = tuple[tuple[int, ...], tuple[int, ...]]


def _admit(busy: tuple[int, ...], line: tuple[int, ...], units: int, need: list[int]) -> State:
    """Let the head of the line start while it fits; nobody overtakes."""
    at_work = list(busy)
    waiting = list(line)
    while waiting and sum(n * b for n, b in zip(at_work, need, strict=True)) + need[waiting[0]] <= units:
        at_work[waiting.pop(0)] += 1
    return tuple(at_work), tuple(waiting)


def _moves(state: State, units: int, classes: list[tuple[float, int]], longest: int) -> list[tuple[State, float]]:
    (busy, line), need = state, [b for _, b in classes]
    out = []
    for k, (load, _) in enumerate(classes):
        if len(line) < longest:
            out.append((_admit(busy, (*line, k), units, need), load))
        if busy[k]:
            left = (*busy[:k], busy[k] - 1, *busy[k + 1 :])
            out.append((_admit(left, line, units, need), float(busy[k])))
    return out


def stationary(states: int, entries: list[tuple[int, int, float]]) -> np.ndarray:
    """Return the stationary law of a Markov chain from (to, from, rate), by iterating its uniformised form."""
    rows, columns, rates = (np.array(x) for x in zip(*entries, strict=True))
    flow = csr_matrix((rates, (rows, columns)), shape=(states, states))
    step = 1.0 / (1.1 * np.abs(flow.diagonal()).max())
    p = np.zeros(states)
    p[0] = 1.0
    for _ in range(100_000):
        change = step * (flow @ p)
        p += change
        if np.abs(change).max() < 1e-13:
            return p / p.sum()
    raise ValueError("the chain does not settle")


def several_units_with_line(units: int, classes: list[tuple[float, int]], longest: int = 13) -> list[float]:
    """Return mean waits in mean services when calls seize several units together and wait in order of arrival.

    Parameters
    ----------
    units
        Units in all.
    classes
        (offered calls per mean service, units each call seizes) of each class; exponential service of mean 1, the
        units of a call released together.
    longest
        Longest line kept; choose loads so light that a longer one hardly occurs.
    """
    start: State = (tuple(0 for _ in classes), ())
    index, todo, entries = {start: 0}, [start], []
    while todo:
        state = todo.pop()
        for to, rate in _moves(state, units, classes, longest):
            if to not in index:
                index[to] = len(index)
                todo.append(to)
            entries.append((index[to], index[state], rate))
            entries.append((index[state], index[state], -rate))
    p = stationary(len(index), entries)
    longest_used = sum(p[i] for state, i in index.items() if len(state[1]) == longest)
    if longest_used > 1e-5:
        raise ValueError(f"the line is cut too short: {longest_used:.1e} of the time it is full")
    waiting = [sum(p[i] * state[1].count(k) for state, i in index.items()) for k in range(len(classes))]
    return [w / load for w, (load, _) in zip(waiting, classes, strict=True)]
