"""Complex numbers: parts, conjugates, angles, `cmath`; and which rules hold for complex operands.

Cotangents pair with tangents as ``Re(sum(g * dz))``, without conjugation, as JAX has it: the adjoint of a holomorphic
operation is its plain transposition, and the gradient of a real function f at z = x + iy is ``df/dx - i df/dy``. A row
holds for complex operands if the function is holomorphic; of a real function of a complex number `real_valued` states
the p in ``df = Re(p * dz)``. Everything else is refused for complex operands.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, PY_FLOAT, Type, numpy_dtype
from adcompile.rules import elementwise, runtime, table  # noqa: F401  # np.sign is changed here
from adcompile.rules.binding import ATTRIBUTES, FUNCTIONS, METHODS, Argument, Binding, function, macro
from adcompile.rules.choices import identity
from adcompile.rules.define import primitive, scalar_infer
from adcompile.rules.promotion import ufunc_type
from adcompile.rules.table import adjoint, holomorphic, linear, nonlinear, real_valued, row

Array = np.ndarray

PY_COMPLEX = Type("py", complex)

# -- which rules hold

holomorphic(
    *("add", "sub", "mul", "div", "pow", "neg", "npdiv", "np.add", "subtract", "multiply", "divide", "power"),
    *("float_power", "negative", "positive", "reciprocal", "square", "sqrt", "exp", "exp2", "log", "log2", "log10"),
    *("log1p", "expm1", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh"),
    *("arctanh", "sinc"),
)
# Rules that transpose without conjugation, or conjugate where they must.
holomorphic(
    *("var", "std", "norm", "prod", "cumprod", "recurrence", "other_factors", "max", "min", "inv", "det"),
    *("cofactors", "solve", "nan_to_num"),
)
for _name in ("abs", "absolute"):
    real_valued(_name, "np.conj(np.sign(x))")

# -- parts


def part_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the real or imaginary part."""
    t = args[0].type
    if t.kind == "object":
        return OBJECT
    if t.kind == "py":
        return Type("py", float if t.dtype is complex else t.dtype)
    dtype = numpy_dtype(t)
    return Type(t.kind, None if dtype is None else np.zeros(0, dtype).real.dtype, t.dims)


def same_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer what keeps the type."""
    return args[0].type


def sign_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer np.sign of complex numbers."""
    t = args[0].type
    return Type("np" if t.dims == () else "array", numpy_dtype(t), t.dims)


primitive("real", part_infer, "np.real", "x", cost="free", shares=True, safe=True)
primitive("imag", part_infer, "np.imag", "x", cost="free", shares=True, safe=True)
primitive("conj", same_infer, "", "x", cost="arithmetic", safe=True)


@linear("real")
def real_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return g


@linear("imag")
def imag_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return -1j * g


@linear("conj")
def conj_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return np.conj(g)


linear("conjugate")(conj_adjoint)


def choose_part(name: str) -> Binding:
    """Make the binding of a part: the real part of a real number is the number itself."""

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        if len(args) == 1 and not isinstance(args[0], Node) and name in ("real", "conj"):
            dtype = numpy_dtype(args[0].type)
            if dtype is not None and dtype.kind != "c":
                return Binding(f"the {name} part", macro=identity)
        return Binding(f"np.{name}", name, "val")

    return Binding(f"np.{name}", choose=choose)


FUNCTIONS[np.real] = ATTRIBUTES["real"] = choose_part("real")
FUNCTIONS[np.imag] = ATTRIBUTES["imag"] = choose_part("imag")
METHODS["conj"] = METHODS["conjugate"] = choose_part("conj")


# -- angles


def angle_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer np.angle."""
    t = args[0].type
    dtype = numpy_dtype(t)
    found = None if dtype is None else np.angle(np.zeros(1, dtype)).dtype
    return Type("np" if t.dims == () and not t.is_array else "array", found, t.dims)


primitive("angle", angle_infer, "np.angle", "x", "deg=False", usage="z, deg: static = False")
holomorphic("angle")


@nonlinear("angle")
def angle_tangent(ans: Array, x: Array, deg: bool, x_dot: Array) -> Array:
    turned = -1j * x_dot / x
    return 180.0 / math.pi * np.real(turned) if deg else np.real(turned)


@adjoint("angle")
def angle_adjoint(g: Array, ans: Array, x: Array, deg: bool) -> Array:
    return -1j * (180.0 / math.pi * g if deg else g) / x


# -- signs: the number divided by its size, 0 at 0

primitive("direction", sign_infer, "np.sign", "x")
holomorphic("direction")


@nonlinear("direction")
def direction_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    size = np.abs(x)
    return (x_dot - ans * np.real(np.conj(ans) * x_dot)) / (size + (size == 0))


@adjoint("direction")
def direction_adjoint(g: Array, ans: Array, x: Array) -> Array:
    size = np.abs(x)
    return (g - np.conj(ans) * np.real(g * ans)) / (size + (size == 0))


_sign = FUNCTIONS[np.sign]


def choose_sign(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """The sign of a complex number has a derivative."""
    number = len(args) == 1 and not isinstance(args[0], Node) and table.complex_type(args[0])
    return Binding("np.sign", "direction", "x, /") if number else _sign


FUNCTIONS[np.sign] = Binding("np.sign", choose=choose_sign)

# -- Python's complex numbers

primitive("complex", scalar_infer(PY_COMPLEX), "complex", "x, y", fold=complex, cost="arithmetic")
primitive("as_complex", scalar_infer(PY_COMPLEX), "complex", "x", fold=complex, cost="arithmetic")
row("complex", "complex(x, y)", "1", "1j")
holomorphic("complex")


@linear("as_complex")
def as_complex_adjoint(g: complex, ans: complex, x: complex) -> complex:
    return g


def choose_complex(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell complex(x) from complex(x, y)."""
    if len(args) + len(kwargs) == 2:
        return Binding("complex", "complex", "real=0, imag=0")
    return Binding("complex", "as_complex", "x, /")


def joined_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer complex numbers of their parts."""
    if any(table.complex_type(a) for a in args):
        raise TypeError("the part of a complex number is real")
    t = ufunc_type(facts, np.add, tuple(a.type for a in args))
    dtype = numpy_dtype(t)
    return Type("array", None if dtype is None else np.result_type(dtype, np.complex64), t.dims)


primitive("with_parts", joined_infer, "with_parts", "x, y", cost="arithmetic", helper=runtime.with_parts)
function(runtime.with_parts, "with_parts", "x, y")
row("with_parts", "with_parts(x, y)", "1", "1j")
holomorphic("with_parts")

FUNCTIONS[complex] = Binding("complex", choose=choose_complex)

# -- cmath


def cmath_function(name: str, like: str, result: Type = PY_COMPLEX) -> None:
    """Define a function of cmath by the row of its NumPy counterpart."""
    primitive(f"cmath.{name}", scalar_infer(result), f"cmath.{name}", "x", usage="x, /")
    row(f"cmath.{name}", f"cmath.{name}(x)", table.ROWS[like].partials[0].replace("np.", "cmath."))
    holomorphic(f"cmath.{name}")


for _name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "sqrt", "log10"):
    cmath_function(_name, _name)
for _name in ("sin", "cos", "tan", "sinh", "tanh"):
    cmath_function(f"a{_name}", f"arc{_name}")

primitive("cmath.log", scalar_infer(PY_COMPLEX), "cmath.log", "x", usage="x, /")
row("cmath.log", "cmath.log(x)", "1 / x")
holomorphic("cmath.log")
primitive("cmath.phase", scalar_infer(PY_FLOAT), "cmath.phase", "x", usage="x, /")
row("cmath.phase", "cmath.phase(x)", "0")
real_valued("cmath.phase", "-1j / x")


@macro(cmath.polar)
def polar(x: complex) -> tuple[float, float]:
    """The distance from 0 and the angle."""
    return abs(x), cmath.phase(x)


@macro(cmath.rect)
def from_polar(r: float, phi: float) -> complex:
    """The number at a distance from 0, at an angle."""
    return complex(r * math.cos(phi), r * math.sin(phi))
