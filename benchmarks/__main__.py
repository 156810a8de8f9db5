"""Print the table: `python -m benchmarks [--quick] [--source] [--no-peers]`."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from adcompile import value_and_grad
from benchmarks import arguments, byhand, functions
from benchmarks.latency import latencies
from benchmarks.measure import calibrate, medians, peak_memory, seconds
from benchmarks.peers import PEERS, WRT, working

COLUMNS = ("ours", "by hand", "function", *PEERS)


@dataclass
class Row:
    """One line of the table: times by who computed the gradient, and the promise that it is measured against."""

    title: str
    times: dict[str, float] = field(default_factory=dict)
    promise: str = ""
    reached: float | None = None
    limit: float | None = None

    def verdict(self) -> str:
        if self.reached is None or self.limit is None:
            return ""
        ok = "ok" if self.reached <= self.limit else "MISSED"
        return f"{self.promise} = {self.reached:.2f} (limit {self.limit}) {ok}"


def derivative_of(name: str) -> Callable[..., tuple[object, object]]:
    return value_and_grad(getattr(functions, name), argnums=WRT.get(name, 0))


def check_by_hand(name: str, args: tuple[object, ...]) -> None:
    """Insist that the gradient by hand and ours are the same before timing them."""
    ours, theirs = derivative_of(name)(*args), getattr(byhand, name)(*args)
    for a, b in zip(_flat(ours), _flat(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def _flat(tree: object) -> list[object]:
    if isinstance(tree, dict):
        return _flat(tuple(tree.values()))
    return [x for t in tree for x in _flat(t)] if isinstance(tree, tuple | list) else [tree]


def timed(title: str, name: str, args: tuple[object, ...], options: argparse.Namespace) -> Row:
    """Time function, gradient by us and by hand, and by every peer that can do it."""
    check_by_hand(name, args)
    function, ours, theirs = getattr(functions, name), derivative_of(name), getattr(byhand, name)
    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(*args),
        "by hand": lambda: theirs(*args),
        "function": lambda: function(*args),
    }
    for peer, make in PEERS.items() if options.peers else ():
        call = working(make, name, *args)
        if call is not None:
            calls[peer] = call
    slow = calibrate(calls["ours"], 1.0) < 20
    return Row(title, medians(calls, rounds=3 if options.quick else 5 if slow else 9))


def temperature(options: argparse.Namespace) -> list[Row]:
    args = arguments.temperature()
    row = timed("temperature, 11 points", "temperature", args, options)
    row.promise, row.limit = "ours / by hand", 1.3
    row.reached = row.times["ours"] / row.times["by hand"]
    return [row, overhead(args)]


def overhead(args: tuple[np.ndarray, ...]) -> Row:
    """Compare the returned object with the emitted function called directly, on three array arguments."""
    ours = derivative_of("temperature")
    ours(*args)
    namespace: dict[str, Callable[..., object]] = {}
    exec(compile(ours.source, "<emitted>", "exec"), namespace)  # type: ignore[attr-defined]
    direct = namespace["temperature_value_and_vjp"]
    times = medians({"ours": lambda: ours(*args), "direct": lambda: direct(*args)}, rounds=25, budget=0.02)
    return Row(
        "  call overhead, 3 arrays",
        {"ours": times["ours"] - times["direct"]},
        "microseconds",
        (times["ours"] - times["direct"]) * 1e6,
        2.0,
    )


def loop(
    title: str,
    name: str,
    make: Callable[[int], tuple[object, ...]],
    options: argparse.Namespace,
    sizes: tuple[int, ...] = (),
    limit: float = 5.0,
) -> list[Row]:
    """Measure a loop at several lengths: the ratio to the plain function, and that it does not grow."""
    rows, ratios = [], []
    for n in sizes or ((1_000, 10_000) if options.quick else (1_000, 100_000)):
        row = timed(f"{title}, n = {n:,}", name, make(n), options)
        ratios.append(row.times["ours"] / row.times["function"])
        row.promise, row.reached, row.limit = "ours / function", ratios[-1], limit
        rows.append(row)
    return [*rows, Row("  growth of the ratio", {}, "large / small", ratios[-1] / ratios[0], 1.3)]


def perceptron(options: argparse.Namespace) -> list[Row]:
    args = arguments.perceptron()
    row = timed("perceptron 512x784x256x10", "perceptron", args, options)
    row.promise, row.limit = "ours / by hand", 1.1
    row.reached = row.times["ours"] / row.times["by hand"]
    ours, theirs = derivative_of("perceptron"), byhand.perceptron
    peaks = [peak_memory(lambda: ours(*args)), peak_memory(lambda: theirs(*args))]
    mib = [p / 2**20 for p in peaks]
    title = f"  peak memory {mib[0]:.2f} / {mib[1]:.2f} MiB"
    return [row, Row(title, {}, "ours / by hand", peaks[0] / peaks[1], 1.3)]


def layers(options: argparse.Namespace) -> list[Row]:
    row = timed("layers in dicts, 512x784x256x10", "layers", arguments.layers(), options)
    row.promise, row.reached, row.limit = "ours / function", row.times["ours"] / row.times["function"], 5.0
    return [row]


def compile_times(options: argparse.Namespace) -> list[Row]:
    """Measure compilation in fresh processes; of the first one in a process, loading the compiler is a part."""
    found = latencies(3 if options.quick else 7)
    titles = {
        "first in a process": ("30 lines, first in a process", 100.0),
        "loading the compiler": ("  of it, loading the compiler", None),
        "later in a process": ("30 lines, later in a process", 100.0),
        "from the disk cache": ("30 lines, from the disk cache", 10.0),
        "import adcompile": ("import adcompile", 150.0),
    }
    return [
        Row(title, {"ours": found[key]}, "ms", None if limit is None else found[key] * 1e3, limit)
        for key, (title, limit) in titles.items()
    ]


def table(options: argparse.Namespace) -> list[Row]:
    rows = temperature(options)
    rows += loop("sum of squares", "sum_of_squares", lambda n: (arguments.vector(n),), options)
    rows += [*loop("recurrence", "recurrence", lambda n: (0.7, n), options)]
    rows += loop("in-place scan", "scan", lambda n: (arguments.vector(n),), options)
    grid = arguments.grid
    rows += loop("stencil 100x100", "stencil", lambda n: grid(100, n), options, (20, 200), 3.0)
    rows += loop("stencil, 50 steps", "stencil", lambda n: grid(n, 50), options, (50, 200), 3.0)
    rows += loop("list as a stack", "stack", lambda n: (arguments.vector(n),), options)
    rows += loop("recursion", "recursion", lambda n: (0.7, n), options, (50, 200))
    rows += perceptron(options) + layers(options)
    return rows + compile_times(options)


def show(rows: list[Row]) -> None:
    print(f"{'value and gradient':32}" + "".join(f"{c:>10}" for c in COLUMNS) + "  promise")
    for row in rows:
        cells = "".join(f"{seconds(row.times.get(c)) if c in row.times else '':>10}" for c in COLUMNS)
        print(f"{row.title:32}{cells}  {row.verdict()}")


def show_sources() -> None:
    """Print the emitted program of every function in the table."""
    examples = {
        "temperature": arguments.temperature(),
        "sum_of_squares": (arguments.vector(10),),
        "recurrence": (0.7, 10),
        "scan": (arguments.vector(10),),
        "stencil": arguments.grid(5, 3),
        "stack": (arguments.vector(10),),
        "recursion": (0.7, 3),
        "perceptron": arguments.perceptron(),
        "layers": arguments.layers(),
    }
    for name, args in examples.items():
        print(f"# {'-' * 20} {name}\n{derivative_of(name).source_for(*args)}")  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter loops and fewer repetitions")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="leave out the other tools")
    parser.add_argument("--source", action="store_true", help="print the emitted programs instead of timing them")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.source:
        show_sources()
    else:
        show(table(options))


if __name__ == "__main__":
    main()
