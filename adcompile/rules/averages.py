"""The functions of the statistics module that sum fractions exactly and round once: they are called as they are."""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import Infer
from adcompile.ir.types import PY_FLOAT, Type, numpy_dtype, result_type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding
from adcompile.rules.define import primitive
from adcompile.rules.shapes import Array
from adcompile.rules.table import linear, nonlinear


def infer(name: str, root: bool = False) -> Infer:
    """Make the inference of a function of one array of numbers: its result is one of them, or a Python float."""

    def of(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        if t.rank != 1 or not t.inexact:
            raise TypeError(f"statistics.{name} takes floating-point numbers, not {t}")
        return PY_FLOAT if root else result_type(numpy_dtype(t), ())

    return of


primitive("statistics.mean", infer("mean"), "statistics.mean", "data", usage="data")
primitive(
    "statistics.harmonic_mean",
    infer("harmonic_mean"),
    "statistics.harmonic_mean",
    "data",
    usage="data, weights: no = None",
)


@linear("statistics.mean")
def mean_adjoint(g: float, ans: float, data: Array) -> Array:
    return np.broadcast_to(g / len(data), data.shape)


@nonlinear("statistics.harmonic_mean")
def harmonic_mean_tangent(ans: float, data: Array, data_dot: Array) -> Any:
    return np.sum(data_dot / data**2) * (ans * ans / len(data))


# -- variances and standard deviations, about the mean or another centre


def spread(f: Callable[..., object], off: int, root: bool, centre: str) -> None:
    """Define a function of the sum of the squared deviations: `off` is what the number of data is diminished by."""
    name = f.__name__
    about = f"statistics.{name}_about"
    primitive(f"statistics.{name}", infer(name, root), f"statistics.{name}", "data")
    primitive(about, infer(name, root), f"statistics.{name}", f"data, {centre}")

    def halved(ans: float, change: Any) -> Any:
        return 0.5 * change / (ans + (ans == 0)) if root else change

    @nonlinear(f"statistics.{name}")
    def tangent(ans: float, data: Array, data_dot: Array) -> Any:
        return halved(ans, 2 * np.sum((data - np.mean(data)) * data_dot) / (len(data) - off))

    @nonlinear(about)
    def tangent_about(ans: float, data: Array, c: float, data_dot: Array | None, c_dot: float | None) -> Any:
        change = 0.0 if data_dot is None else np.sum((data - c) * data_dot)
        if c_dot is not None:
            change = change - np.sum(data - c) * c_dot
        return halved(ans, 2 * change / (len(data) - off))

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        given = len(args) == 2 or centre in kwargs
        usage = f"data, {centre}" if given else f"data, {centre}: no = None"
        return Binding(f"statistics.{name}", about if given else f"statistics.{name}", usage)

    FUNCTIONS[f] = Binding(f"statistics.{name}", choose=choose)


spread(statistics.variance, 1, False, "xbar")
spread(statistics.pvariance, 0, False, "mu")
spread(statistics.stdev, 1, True, "xbar")
spread(statistics.pstdev, 0, True, "mu")
