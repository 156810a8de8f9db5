"""Times and peak memory, measured so that they can be compared."""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping

Call = Callable[[], object]


def calibrate(call: Call, budget: float) -> int:
    """Return how many calls fill `budget` seconds, at least one."""
    call()
    start = time.perf_counter()
    call()
    return max(1, int(budget / max(time.perf_counter() - start, 1e-7)))


def medians(calls: Mapping[str, Call], rounds: int = 9, budget: float = 0.05) -> dict[str, float]:
    """Return the median time in seconds of each call.

    The calls take turns, so that a change of the machine's speed falls on all of them alike.
    """
    numbers = {name: calibrate(call, budget) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(numbers[name]):
                call()
            times[name].append((time.perf_counter() - start) / numbers[name])
    return {name: statistics.median(t) for name, t in times.items()}


def peak_memory(call: Call) -> int:
    """Return the most bytes that are allocated at once during a call, beyond those before it."""
    call()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        result = call()
        _, peak = tracemalloc.get_traced_memory()
        del result
        return peak - before
    finally:
        tracemalloc.stop()


def seconds(t: float | None) -> str:
    """Print a time with three digits and a fitting unit."""
    if t is None:
        return "-"
    for unit, scale in (("s ", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if t >= scale:
            return f"{t / scale:.3g} {unit}"
    return f"{t / 1e-9:.3g} ns"
