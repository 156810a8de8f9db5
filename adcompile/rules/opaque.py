"""Calls of functions that the compiler does not know, and of those that are impure: the types of their results.

Such a call runs once, in order, in the forward sweep. It has no derivative, and is refused where one is needed. Random
draws have known types; those of other results are found by calling a pure function once when compiling, or are not
known: then the value is an array of unknown rank, which every operation tests when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.ir.primitives import Primitive, register
from adcompile.ir.types import OBJECT, PY_BOOL, PY_FLOAT, PY_INT, Type
from adcompile.rules.kernel import infer_from_attrs

UNKNOWN: Final = Type("array", None, None)
INT64: Final = np.dtype(np.int64)
FLOAT64: Final = np.dtype(np.float64)

# form    "path" for the function of a module, "method" for one of the first operand, "value" for the first operand
# name    (module, name in it, place in the user's source), or ("", method, place)
# trusted whether the call is known to make its result anew, and to change nothing
# layout  pairs of a keyword ("" for an argument by position) and a structure over the numbers of operands
register(
    Primitive(
        "opaque",
        infer_from_attrs,
        signature="*xs, form, name, trusted, layout, types",
        n_attrs=5,
        effect=True,
        cost="product",
    )
)


class Index(dict[object, int]):
    """The type of a dict from keys to places that a program keeps as it is, of its own: see `frontend.positions`."""


INDEX: Final = Type("object", Index, None)
INDEX_METHODS: Final = {
    **dict.fromkeys(("__getitem__", "setdefault", "get", "pop", "__len__"), PY_INT),
    "__contains__": PY_BOOL,
    "clear": OBJECT,
}

# Draws by the names of functions and methods: how many parameters come before `size`.
REAL_DRAWS: Final = {
    **dict.fromkeys(("random", "random_sample", "ranf", "sample", "standard_normal", "standard_exponential"), 0),
    **dict.fromkeys(("standard_cauchy",), 0),
    **dict.fromkeys(("exponential", "chisquare", "standard_t", "rayleigh", "weibull", "pareto", "power"), 1),
    **dict.fromkeys(("standard_gamma",), 1),
    **dict.fromkeys(
        ("normal", "uniform", "gamma", "beta", "laplace", "gumbel", "logistic", "lognormal", "vonmises"), 2
    ),
    **dict.fromkeys(("wald", "f", "noncentral_chisquare"), 2),
    "triangular": 3,
}
WHOLE_DRAWS: Final = {
    **dict.fromkeys(("poisson", "geometric", "logseries", "zipf"), 1),
    **dict.fromkeys(("binomial", "negative_binomial", "integers", "randint"), 2),
    "hypergeometric": 3,
}
VECTOR_DRAWS: Final = {"multivariate_normal": FLOAT64, "dirichlet": FLOAT64, "multinomial": INT64}

# How draws are written whose parameters have derivatives: as functions of draws that have no parameters.
MOVED: Final = {
    "normal": "loc + scale * rng.standard_normal(size)",
    "uniform": "low + (high - low) * rng.random(size)",
    "exponential": "scale * rng.standard_exponential(size)",
    "lognormal": "np.exp(mean + sigma * rng.standard_normal(size))",
    "multivariate_normal": "mean + np.linalg.cholesky(cov) @ rng.standard_normal(len(mean))",
    **{name: f"loc + scale * rng.{name}(size=size)" for name in ("laplace", "gumbel", "logistic")},
}

# Functions of `random` and `time`, and methods of random.Random.
PYTHON_DRAWS: Final = {
    **dict.fromkeys(("random", "uniform", "gauss", "normalvariate", "expovariate", "betavariate"), PY_FLOAT),
    **dict.fromkeys(("gammavariate", "lognormvariate", "triangular", "paretovariate", "weibullvariate"), PY_FLOAT),
    **dict.fromkeys(("vonmisesvariate",), PY_FLOAT),
    **dict.fromkeys(("randint", "randrange", "getrandbits"), PY_INT),
}
# Functions that read a text from the environment: None, or their second argument, where there is none.
ENVIRONMENT: Final = (("os", "getenv"), ("os", "environ.get"))
CLOCKS: Final = {
    **dict.fromkeys(("time", "perf_counter", "monotonic", "process_time", "thread_time"), PY_FLOAT),
    **dict.fromkeys(("time_ns", "perf_counter_ns", "monotonic_ns", "process_time_ns"), PY_INT),
}


def generators() -> tuple[type, ...]:
    """Return the classes whose methods draw as NumPy's tables say."""
    return _classes("numpy.random", "Generator", "RandomState")


def python_generators() -> tuple[type, ...]:
    return _classes("random", "Random")


def loggers() -> tuple[type, ...]:
    return _classes("logging", "Logger")


def _classes(module: str, *names: str) -> tuple[type, ...]:
    """Return classes of a module; none while nobody has loaded it (these are slow to load): nothing is of them then."""
    found = sys.modules.get(module)
    return () if found is None else tuple(getattr(found, name) for name in names)


def is_draw(cls: object) -> bool:
    """Tell whether objects of a class draw random numbers by the methods in the tables."""
    return isinstance(cls, type) and issubclass(cls, (*generators(), *python_generators()))


# Modules whose functions compute the same result from the same arguments, and do nothing else.
PURE: Final = (
    "math",
    "cmath",
    "statistics",
    "itertools",
    "bisect",
    "_bisect",
    "operator",
    "numpy",
    "scipy",
    "fractions",
)
NOT_PURE: Final = ("numpy.random", "numpy.lib._npyio_impl", "numpy.testing", "scipy.io", "scipy.stats")


def within(module: object, names: Sequence[str]) -> bool:
    """Tell whether a module is one of those named, or in one of them."""
    text = str(module)
    return any(text == n or text.startswith(f"{n}.") for n in names)


def of_pure(module: object) -> bool:
    """Tell whether the functions of a module compute the same result from the same arguments, and do nothing else."""
    return within(module, PURE) and not within(module, NOT_PURE)


# What to write in the place of functions that have no rule, by how their names begin.
INSTEAD: Final[Mapping[str, str]] = {
    "numpy.ma.": "keep the mask in an array of its own, and use np.where, or `where=` of np.sum, np.mean and np.max",
    "numpy.matrix": "use arrays, and @ for their products",
    "numpy.rec": "keep each field in an array of its own",
    "scipy.interpolate._interpolate.interp1d": "use np.interp, or a CubicSpline or make_interp_spline of constants",
    "scipy.interpolate": "make the spline of values that are constant; it has derivatives where it is evaluated",
    "scipy.linalg.null_space": "project on it, which no choice of a basis changes: x - np.linalg.pinv(a) @ (a @ x)",
    "scipy.linalg.orth": "project on it, which no choice of a basis changes: a @ (np.linalg.pinv(a) @ x)",
    "scipy.signal.welch": "average np.abs(np.fft.rfft(window * part)) ** 2 over the parts",
    "numpy.lib.stride_tricks.as_strided": "use np.lib.stride_tricks.sliding_window_view, or slices of the array",
    "scipy.stats.pearsonr": "use np.corrcoef(x, y)[0, 1]",
}


# What to do where a function is handed to one that is not followed.
_STEPS = (
    "take the steps of a method in a loop, as those of Runge and Kutta, whose derivative is that of the numbers found"
)
HANDED: Final = {
    "scipy.optimize": "call it in a solver of yours that is given its derivative: "
    "@adcompile.implicit_root(residual, opaque=True)",
    "scipy.integrate.odeint": _STEPS,
    "scipy.integrate.solve_ivp": _STEPS,
}


def handed_to(name: str) -> str:
    """Return what to write where a function is handed to one that is not followed."""
    usual = "make it before and pass the result, or in a function f made known by adcompile.primitive(f, like=...)"
    return next((hint for start, hint in HANDED.items() if name.startswith(start)), usual)


def instead_of(name: str) -> str:
    """Return what to write in the place of a function that has no rule."""
    usual = (
        "write it with functions that are, give it a derivative with adcompile.primitive, "
        "or move it out of the differentiated function"
    )
    return next((hint for start, hint in INSTEAD.items() if name.startswith(start)), usual)
