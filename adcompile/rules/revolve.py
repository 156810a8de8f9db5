"""Loops that keep few of their states, and run again from them in the reverse sweep: what emitted programs carry along.

A loop of n trips with room for s states is reversed by running parts of it again. With the binomial schedule no trip
runs more than r times in the reverse sweep before its own adjoint, where r is the least number with C(s + r, s) >= n,
and the total is the least possible: r n - C(s + r, s + 1) (Griewank and Walther, Algorithm 799: revolve, ACM
Transactions on Mathematical Software 26, 2000). Where n is not known beforehand, states are kept at equal distances,
which double whenever there is no more room; what is left of them for the reverse sweep is chosen at the end, when n is
known, so that the total is least; within each distance the schedule is binomial (for schedules that are optimal online
see Stumm and Walther, New Algorithms for Optimal Online Checkpointing, SIAM Journal on Scientific Computing 32, 2010).
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np


def binomial(n, k):
    """Return n! / (k! (n - k)!); 0 if k > n."""
    value = 1
    for i in range(k):
        value = value * (n - i) // (i + 1)
    return value


def repetitions(trips, slots):
    """Return how often a trip runs again at most: the least r with C(slots + r, slots) >= trips."""
    r = 0
    while binomial(slots + r, slots) < trips:
        r += 1
    return r


def trips_again(trips, slots):
    """Return how many trips run again at least, with room for `slots` states."""
    r = repetitions(trips, slots)
    return r * trips - binomial(slots + r, slots + 1)


def next_kept(trips, slots):
    """Return after how many trips the next state is kept, with room for `slots` states.

    The first state is one of them. With room for one it is the state before the last trip.
    """
    if slots < 2 or trips < 3:
        return max(trips - 1, 1)
    r = repetitions(trips, slots)
    return min(binomial(slots + r - 1, slots), trips - binomial(slots + r - 2, slots - 1))


def copied(value):
    """Copy the arrays in a state."""
    if isinstance(value, (tuple, list)):
        return type(value)([copied(v) for v in value])
    return value.copy() if isinstance(value, np.ndarray) else value


def run_checkpointed(step, indices, state, others, slots):
    """Run step for all indices; return the last state, and what the reverse sweep starts from.

    step takes an index, the state and the others, and returns the next state; it may write into
    the state that it is given.
    """
    trips, at, state = len(indices), 0, copied(state)
    kept = [(0, copied(state))]
    while at < trips:
        stop = trips
        if len(kept) < slots:
            stop = at + next_kept(trips - at, slots - len(kept) + 1)
        for index in indices[at:stop]:
            state = step(index, *state, *others)
        at = stop
        if at < trips:
            kept.append((at, copied(state)))
    return state, (indices, others, kept, trips, slots)


def run_online(step, go_on, indices, state, others, slots, ended=None):
    """Run step while go_on says so, or until the state says that the loop has ended.

    Otherwise as run_checkpointed, but the number of trips need not be known.
    """
    state, at, distance = copied(state), 0, 1
    kept = []  # type: ignore[var-annotated]  # emitted without annotations
    indices = range(2**62) if indices is None else indices
    for index in indices:
        if go_on is not None and not go_on(*state, *others):
            break
        if at % distance == 0:
            if len(kept) == slots:
                kept, distance = kept[::2], 2 * distance
            if at % distance == 0 and len(kept) < slots:
                kept.append((at, copied(state)))
        state, at = step(index, *state, *others), at + 1
        if ended is not None and state[ended]:
            break
    return state, (indices, others, thinned(kept, at, slots), at, slots)


def thinned(kept, trips, slots):
    """Return every k-th state that was kept, for the k with which the fewest trips run again."""
    best, least = 1, -1
    for k in range(1, len(kept) + 1):
        chosen = kept[::k]
        starts = [at for at, _ in chosen] + [trips]
        again = sum(trips_again(starts[i + 1] - starts[i], slots - i) for i in range(len(chosen)))
        if least < 0 or again < least:
            best, least = k, again
    return kept[::best]


def reverse_checkpointed(step, step_vjp, tape, bars):
    """Run the adjoints of the trips of a loop, the last one first; return the adjoints.

    step_vjp takes an index, a state, the others and the adjoints after the trip, and returns those
    before it. The states are taken off the list in the tape.
    """
    indices, others, kept, end, slots = tape
    bars = copied(bars)
    while end > 0:
        at, state = kept[-1][0], copied(kept[-1][1])
        while at < end - 1:
            stop = at + next_kept(end - at, slots - len(kept) + 1)
            for index in indices[at:stop]:
                state = step(index, *state, *others)
            at = stop
            if at < end - 1:
                kept.append((at, copied(state)))
        bars = step_vjp(indices[at], *state, *others, *bars)
        if kept[-1][0] == at:
            kept.pop()
        end = at
    return bars
