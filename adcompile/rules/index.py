"""Which tables of rules are loaded when a function or primitive is first looked up.

The tables of `adcompile.rules` itself are always there. Those of functions that few programs call, and of SciPy's, are
loaded by what is called: a whole package, or a function, or a method of arrays. Tables named together are loaded
together, in this order, since a later one may change what an earlier one says of a function. Where the compiler itself
makes equations of a primitive, the name of the primitive loads its table as well.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Final

import numpy as np

from adcompile.ir.primitives import PRIMITIVES

_LINEAR_ALGEBRA: Final = ("linalg", "symmetric", "eigen", "singular", "least_squares", "chains", "norms")
_SCIPY_LINEAR_ALGEBRA: Final = (
    *_LINEAR_ALGEBRA,
    *("scipy.linalg", "scipy.factorizations", "scipy.decompositions", "scipy.eigenproblems", "scipy.functions"),
    "scipy.bands",
)
_REARRANGING: Final = ("rearranging", "selecting")
_MUTATORS: Final = ("mutators",)
_ORDERING: Final = ("ordering", "ufuncs")
_PLACES: Final = (*_REARRANGING, "places")
_RUNTIME: Final = "adcompile.rules.runtime"  # functions that rules call


def _functions(names: str, tables: tuple[str, ...], package: str = "numpy") -> Mapping[str, tuple[str, ...]]:
    return {f"{package}.{name}": tables for name in names.split()}


PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "math": ("scalar",),
    "adcompile.rules.factors": _LINEAR_ALGEBRA,
    "numpy.fft": ("fourier",),
    "numpy.linalg": _LINEAR_ALGEBRA,
    "adcompile.rules.scipy.factors": (*_SCIPY_LINEAR_ALGEBRA, "scipy.signal"),
    "adcompile.rules.scipy.parts": _SCIPY_LINEAR_ALGEBRA,
    "adcompile.rules.scipy.filters": ("scipy.ndimage",),
    "adcompile.rules.scipy.smoothing": ("scipy.signal",),
    "adcompile.rules.scipy.sums": ("scipy.special", "scipy.tuples"),
    "statistics": ("averages",),
    "scipy.fft": ("fourier", "scipy.fourier"),
    "adcompile.rules.scipy.curves": ("scipy.splines",),
    "scipy.integrate": ("differences", "scipy.integrals"),
    "scipy.linalg": _SCIPY_LINEAR_ALGEBRA,
    "scipy.ndimage": ("scipy.ndimage",),
    "scipy.signal": ("scipy.signal",),
    "scipy.sparse": ("scipy.sparse",),
    "scipy.spatial": ("padding", "scipy.distances"),
    "scipy.special": ("scipy.special", "scipy.tuples"),
    "scipy.stats": ("scipy.stats", "scipy.multivariate", "scipy.summaries"),
}

FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    **_functions("abs pow float int bool round min max sum divmod", ("scalar",), "builtins"),
    **_functions("copyto putmask fill_diagonal put place put_along_axis", _MUTATORS),
    **_functions("norm vector_norm matrix_norm cond", ("norms",), "numpy.linalg"),
    **_functions("vecdot matvec vecmat", _LINEAR_ALGEBRA),
    **_functions("flip roll flipud fliplr rot90 rollaxis diag diagflat diagonal triu tril", _REARRANGING),
    **_functions("repeat tile take compress extract choose select delete insert resize unique", _REARRANGING),
    **_functions("atleast_3d dstack dsplit array_split unstack block meshgrid broadcast_arrays", _REARRANGING),
    **_functions("sliding_window_view", _REARRANGING, "numpy.lib.stride_tricks"),
    **_functions("filled_places repeated_places left_places resized_places unique_places", _REARRANGING, _RUNTIME),
    **_functions("unique_counts unique_inverse broadcast_with", _REARRANGING, _RUNTIME),
    **_functions("sort partition take_along_axis", _ORDERING),
    **_functions("median quantile percentile nanmedian nanquantile nanpercentile", ("quantiles",)),
    **_functions("i0 frexp modf divmod reduce accumulate outer reduceat", _ORDERING),
    **_functions("added_along added_back exponents bessel_i", _ORDERING, _RUNTIME),
    **_functions("pad", ("padding", "margins")),
    **_functions("gradient interp convolve correlate", ("padding",)),
    **_functions("folded_back gradient_along gathered_back added_at", ("padding",), _RUNTIME),
    **_functions("average cov corrcoef nansum nanprod nancumsum nancumprod", ("statistics",)),
    **_functions("nanmean nanvar nanstd nanmax nanmin", ("statistics",)),
    **_functions("trapezoid diff ediff1d cumulative_sum cumulative_prod unwrap", ("differences",)),
    **_functions("polyval polyder polyint polyfit polyadd polysub polymul polydiv poly roots vander", ("polynomials",)),
    **_functions("chebval chebadd chebsub chebmul chebfit", ("orthogonal",), "numpy.polynomial.chebyshev"),
    **_functions("legval legadd legsub legfit", ("orthogonal",), "numpy.polynomial.legendre"),
    **_functions("hermval hermadd hermsub hermfit", ("orthogonal",), "numpy.polynomial.hermite"),
    **_functions("hermeval hermeadd hermesub", ("orthogonal",), "numpy.polynomial.hermite_e"),
    **_functions("lagval lagadd lagsub", ("orthogonal",), "numpy.polynomial.laguerre"),
    **_functions("polymul polyadd polysub polypow polyfit", ("orthogonal",), "numpy.polynomial.polynomial"),
    **_functions("bincount histogram histogram_bin_edges", ("counting",)),
    **_functions("weighted_histogram histogram_counts bin_places", ("counting",), _RUNTIME),
    **_functions("tril_indices triu_indices tril_indices_from triu_indices_from", _PLACES),
    **_functions("diag_indices diag_indices_from unravel_index union1d setdiff1d intersect1d", _PLACES),
    **_functions("logspace geomspace ix_", ("grids",)),
    **_functions("einsum", ("einsum",)),
    **_functions("gamma lgamma ldexp remainder fsum dist modf frexp", ("scalar", "mathematics"), "math"),
    **_functions("polygamma fractional_part whole_part mantissa exponent", ("scalar", "mathematics"), _RUNTIME),
}

METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("repeat", "diagonal", "take", "compress"), _REARRANGING),
    **dict.fromkeys(("sort", "partition"), _ORDERING),
    **dict.fromkeys(("fill", "put"), _MUTATORS),
    "item": ("scalar",),
}

# Primitives by their names, or by what these begin with up to a dot or underscore.
_PRIMITIVES: Final[Mapping[str, str]] = {
    **dict.fromkeys("math. hypot_of float int item round builtin_".split(), "scalar"),
    "list_": "lists",
    **dict.fromkeys(("tree", "untree", "tree_"), "trees"),
}


def every() -> Iterable[str]:
    """Return the names of all tables that are not always there, in the order in which they may be loaded."""
    groups = (*PACKAGES.values(), *FUNCTIONS.values(), *METHODS.values(), tuple(_PRIMITIVES.values()))
    return dict.fromkeys(table for group in groups for table in group)


def load(f: object) -> None:
    """Load the tables of rules for a function, or for the method that a string names."""
    for table in tables_of(f):
        import_module(f"adcompile.rules.{table}")


def load_primitive(name: str) -> None:
    """Load the table of rules for a primitive, if it is not there already."""
    table = table_of_primitive(name)
    if table is not None:
        import_module(f"adcompile.rules.{table}")


def table_of_primitive(name: str) -> str | None:
    """Return the name of the table that is loaded for a primitive."""
    prefix = re.match(r"[a-z]*[._]?", name)
    return _PRIMITIVES.get(name) or _PRIMITIVES.get(prefix[0] if prefix else "")


def tables_of(f: object) -> Iterable[str]:
    """Return the names of the tables that are loaded for a function, or for the method that a string names."""
    if isinstance(f, str):
        return METHODS.get(f, ())
    package = package_of(f)
    return FUNCTIONS.get(f"{package}.{getattr(f, '__name__', '')}") or PACKAGES.get(package, ())


def package_of(f: object) -> str:
    """Return the package of a function, or of the object of a method: numpy, scipy.special. Its ufuncs name none."""
    owner = getattr(f, "__self__", None)
    module = getattr(f if owner is None or isinstance(owner, types.ModuleType) else type(owner), "__module__", None)
    if module is None and isinstance(f, np.ufunc):
        return "scipy.special"
    name = str(module)
    return ".".join(name.split(".")[:2]) if name.startswith("scipy.") else name


PRIMITIVES.load = load_primitive
