"""The functions of the statistics module.

Those that are plain sums are run in place, as they are written in the library; those that sum fractions exactly are
called as they are, and have rules: see `adcompile.rules.averages`.
"""

from __future__ import annotations

import ast
import statistics
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from adcompile.frontend import application, callables, calls, lists, prelude
from adcompile.frontend.resolve import resolve
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.values import Args, Generator, Iterator, Keywords, Ref, Value, is_static
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def _held(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return data; those of a generator or iterator as a list."""
    value = lo.current(value)
    return lists.listed(lo, value, node) if isinstance(value, Generator | Iterator) else value


def _in_place(f: Callable[..., object], instead: Callable[..., object] | None = None) -> Builtin:
    """Run a function of the library in place, or a function that does the same."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        data = [_held(lo, a, node) for a in args]
        if all(map(is_static, (*data, *keywords.values()))):
            return callables.compute_now(lo, f, data, keywords, node)
        run = instead or f
        assert isinstance(run, types.FunctionType)
        return calls.run_function(lo, resolve(run), data, keywords, node)

    return make


def _called(f: Callable[..., object]) -> Builtin:
    """Call a function of the library, for which an array stands for the list of its numbers."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        data = [_held(lo, a, node) for a in args]
        if all(map(is_static, (*data, *keywords.values()))):
            return callables.compute_now(lo, f, data, keywords, node)
        made = application.apply(lo, f, data, keywords, node)
        return lo.emit(node, "float", lo.atom(made)) if data and _is_pythons(lo, data[0]) else made

    return make


def _is_pythons(lo: Lowering, data: Value) -> bool:
    """Tell whether data are Python's numbers, of which Python's function makes a Python float."""
    if isinstance(data, Node):
        return all(lo.type_of(item).kind == "py" for item in map(lo.current, data.children))
    return isinstance(data, Ref) and lo.is_list(data) and isinstance(lo.type_of(data).dtype, type)


IN_PLACE: Final = (
    *(statistics.fmean, statistics.median, statistics.median_low, statistics.median_high, statistics.quantiles),
    *(statistics.covariance, statistics.correlation, statistics.linear_regression),
)
CALLED: Final = (
    *(statistics.mean, statistics.variance, statistics.pvariance, statistics.stdev, statistics.pstdev),
    statistics.harmonic_mean,
)

AVERAGES: Final[dict[object, Builtin]] = {
    **{f: _in_place(f) for f in IN_PLACE},
    **{f: _called(f) for f in CALLED},
    statistics.geometric_mean: _in_place(statistics.geometric_mean, prelude.geometric_mean),
}
