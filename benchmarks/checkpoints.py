"""Measure checkpointed loops: `python -m benchmarks.checkpoints [--trips 10000] [--floats 100000] [--slots 20]`.

Time and peak memory of a gradient through a time loop, with states kept for every trip and for a few of them. The loop
whose length is not known beforehand is the same one, written with while.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompile import checkpointed, value_and_grad
from adcompile.rules.revolve import repetitions, trips_again
from benchmarks.measure import peak_memory, seconds


def advance(u: np.ndarray, c: float) -> np.ndarray:
    """Make one explicit step of u' = c (1 - u^2) u."""
    return u + c * (1.0 - u * u) * u


def plain(u: np.ndarray, c: float, trips: int) -> Any:
    for _ in range(trips):
        u = advance(u, c)
    return np.sum(u)


def known(u: np.ndarray, c: float, trips: int, slots: int) -> Any:
    for _ in checkpointed(range(trips), slots=slots):
        u = advance(u, c)
    return np.sum(u)


def online(u: np.ndarray, c: float, trips: int, slots: int) -> Any:
    k = 0
    while checkpointed(k < trips, slots=slots):
        u = advance(u, c)
        k += 1
    return np.sum(u)


def once(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoints", description=__doc__)
    parser.add_argument("--trips", type=int, default=10_000)
    parser.add_argument("--floats", type=int, default=100_000)
    parser.add_argument("--slots", type=int, default=20)
    options = parser.parse_args()
    n, s = options.trips, options.slots
    u = np.linspace(0.1, 0.9, options.floats)
    print(f"{n} trips, a state of {options.floats} floats ({u.nbytes / 2**20:.2f} MiB), room for {s} states")
    print(f"fewest trips that run again: {trips_again(n, s)} ({trips_again(n, s) / n:.2f} a trip), "
          f"at most {repetitions(n, s)} times each")  # fmt: skip
    run = once(lambda: plain(u, 1e-3, n))
    print(f"{'function':24}{seconds(run):>10}")
    for name, f in {"checkpointed": known, "checkpointed while": online}.items():
        derivative = value_and_grad(f, argnums=(0, 1))
        derivative(u[:1], 1e-3, 2, s), derivative(u, 1e-3, 2, s)
        taken = once(lambda d=derivative: d(u, 1e-3, n, s))  # type: ignore[misc]  # bound now
        peak = peak_memory(lambda d=derivative: d(u, 1e-3, n // 10, s))  # type: ignore[misc]  # bound now
        print(f"{name:24}{seconds(taken):>10}  {taken / run:.1f} x function, peak {peak / u.nbytes:.1f} states "
              f"({n // 10} trips)")  # fmt: skip
    everything, few = value_and_grad(plain, argnums=(0, 1)), n // 100
    taken, run = once(lambda: everything(u, 1e-3, few)), once(lambda: plain(u, 1e-3, few))
    states = peak_memory(lambda: everything(u, 1e-3, few)) / u.nbytes
    print(f"{'every trip kept':24}{seconds(taken):>10}  {taken / run:.1f} x function, peak {states:.1f} states "
          f"({few} trips)")  # fmt: skip


if __name__ == "__main__":
    main()
