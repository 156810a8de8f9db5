"""Decompositions of matrices and what is made of them: cholesky, qr, eigh, svd, pinv, lstsq, powers, other norms.

NumPy's cholesky and eigh read the lower triangle only, and so do the derivatives: that of an entry above the diagonal
is zero. Eigenvectors and singular vectors have derivatives where the values are distinct; `full_matrices` must be
false, or the matrix square. Each factor is a function of its own, so that those that are not used cost nothing.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const
from adcompile.ir.lengths import Facts, Length, example_of
from adcompile.ir.primitives import Infer
from adcompile.ir.structure import Node
from adcompile.ir.types import Type
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, require_same, show
from adcompile.rules.linalg import flipped, floating, square_dims
from adcompile.rules.promotion import common_dtype, ufunc_dtype
from adcompile.rules.reductions import conjugated
from adcompile.rules.table import adjoint, is_complex, linear, nondifferentiable, nonlinear

Array = np.ndarray


def matrices(t: Type, name: str) -> Dims | None:
    """Return the shape of matrices."""
    if t.dims is not None and len(t.dims) < 2:
        raise TypeError(f"np.linalg.{name} needs matrices, not shape {show(t.dims)}")
    return t.dims


def shorter(facts: Facts, dims: Dims) -> Length:
    """Return the smaller one of the last two lengths."""
    n, m = facts.find(dims[-2]), facts.find(dims[-1])
    if n == m:
        return n
    if isinstance(n, int) and isinstance(m, int):
        return min(n, m)
    en, em = (x if isinstance(x, int) else x.example for x in (n, m))
    example = None if en is None or em is None else min(en, em)
    return facts.fresh_for(("shorter", n, m), example)


def factor(name: str, shape: Callable[[Facts, Dims], Dims]) -> Infer:
    """Make the inference of a factor of a decomposition."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        dims = matrices(t, name)
        return Type("array", floating(t), None if dims is None else shape(facts, dims))

    return infer


def of_square(name: str, shape: Callable[[Facts, Dims], Dims]) -> Infer:
    """Make the inference of a factor of square matrices."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        dims = square_dims(facts, t, name)
        return Type("array", floating(t), None if dims is None else shape(facts, dims))

    return infer


def lower_only(s: Array) -> Array:
    """The derivative in the lower triangle, given the one in a symmetric matrix that is made of it."""
    s = 0.5 * (s + flipped(s))
    return np.tril(s) + np.tril(s, -1)


def symmetric(x: Array) -> Array:
    """The symmetric matrix that has this lower triangle."""
    return np.tril(x) + flipped(np.tril(x, -1))


# -- cholesky

primitive(
    "cholesky",
    of_square("cholesky", lambda facts, dims: dims),
    "np.linalg.cholesky",
    "a",
    usage="a, /, *, upper: no = False",
    cost="product",
)


def half_lower(x: Array) -> Array:
    """The lower triangle with half of the diagonal."""
    return np.tril(x) - 0.5 * (x * np.eye(x.shape[-1], dtype=x.dtype))


@nonlinear("cholesky")
def cholesky_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    inverse = np.linalg.inv(ans)
    return ans @ half_lower(inverse @ symmetric(a_dot) @ flipped(inverse))


@adjoint("cholesky")
def cholesky_adjoint(g: Array, ans: Array, a: Array) -> Array:
    inverse = np.linalg.inv(ans)
    return lower_only(flipped(inverse) @ half_lower(flipped(ans) @ g) @ inverse)


# -- eigh

primitive(
    "eigvalsh",
    of_square("eigvalsh", lambda facts, dims: dims[:-1]),
    "np.linalg.eigvalsh",
    "a",
    usage="a, UPLO: no = 'L'",
    cost="product",
)
for _name, _shape in (("eigenvalues", lambda facts, dims: dims[:-1]), ("eigenvectors", lambda facts, dims: dims)):
    _helper = getattr(runtime, _name)
    primitive(_name, of_square("eigh", _shape), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")


@macro(np.linalg.eigh)
def eigh(a: Array, UPLO: str = "L") -> tuple[Array, Array]:
    """The eigenvalues and eigenvectors of symmetric matrices."""
    assert UPLO == "L", "np.linalg.eigh: the argument `UPLO` is not supported"
    return runtime.eigenvalues(a), runtime.eigenvectors(a)


@nonlinear("eigvalsh")
@nonlinear("eigenvalues")
def eigenvalues_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    v = runtime.eigenvectors(a)
    return np.sum(v * (symmetric(a_dot) @ v), axis=-2)


@adjoint("eigvalsh")
@adjoint("eigenvalues")
def eigenvalues_adjoint(g: Array, ans: Array, a: Array) -> Array:
    v = runtime.eigenvectors(a)
    return lower_only((v * np.expand_dims(g, -2)) @ flipped(v))


def gaps(w: Array) -> Array:
    """``1 / (w[j] - w[i])``, 0 on the diagonal."""
    one = np.eye(w.shape[-1], dtype=w.dtype)
    return (1.0 - one) / (np.expand_dims(w, -2) - np.expand_dims(w, -1) + one)


@nonlinear("eigenvectors")
def eigenvectors_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return ans @ (gaps(runtime.eigenvalues(a)) * (flipped(ans) @ symmetric(a_dot) @ ans))


@adjoint("eigenvectors")
def eigenvectors_adjoint(g: Array, ans: Array, a: Array) -> Array:
    return lower_only(ans @ (gaps(runtime.eigenvalues(a)) * (flipped(ans) @ g)) @ flipped(ans))


# -- svd


def thin(facts: Facts, dims: Dims) -> Dims:
    return (*dims[:-2], shorter(facts, dims))


_SVD: dict[str, Callable[[Facts, Dims], Dims]] = {
    "singular_values": thin,
    "left_vectors": lambda facts, dims: (*dims[:-1], shorter(facts, dims)),
    "right_vectors": lambda facts, dims: (*dims[:-2], shorter(facts, dims), dims[-1]),
    "all_singular_values": thin,
    "all_left_vectors": lambda facts, dims: (*dims[:-1], dims[-2]),
    "all_right_vectors": lambda facts, dims: (*dims[:-2], dims[-1], dims[-1]),
}
for _name, _shape in _SVD.items():
    _helper = getattr(runtime, _name)
    primitive(_name, factor("svd", _shape), _name, "x", cost="product", helper=_helper)
    function(_helper, _name, "x")
for _name in ("square_left_vectors", "square_right_vectors"):
    _helper = getattr(runtime, _name)
    primitive(_name, of_square("svd", lambda facts, dims: dims), _name, "x", cost="product", helper=_helper)
    function(_helper, _name, "x")
primitive("svdvals", factor("svd", thin), "svdvals", "x", cost="product", helper=runtime.svdvals)
function(runtime.svdvals, "svdvals", "x")


def thin_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    return runtime.left_vectors(a), runtime.singular_values(a), runtime.right_vectors(a)


def full_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    return runtime.all_left_vectors(a), runtime.all_singular_values(a), runtime.all_right_vectors(a)


def square_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    return runtime.square_left_vectors(a), runtime.all_singular_values(a), runtime.square_right_vectors(a)


def values_only(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> Array:
    return runtime.svdvals(a)


def choose_svd(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the values alone, the thin decomposition (also of square matrices) and the full one."""
    flags = dict(zip(("full_matrices", "compute_uv"), args[1:], strict=False)) | dict(kwargs)
    given = {k: v.value if isinstance(v, Const) else None for k, v in flags.items()}
    if not args or isinstance(args[0], Node) or not set(given) <= {"full_matrices", "compute_uv"}:
        raise TypeError("np.linalg.svd: only `full_matrices` and `compute_uv` are supported")
    if not given.get("compute_uv", True):
        return Binding("np.linalg.svd", macro=values_only)
    dims = args[0].type.dims
    if given.get("full_matrices", True):
        even = dims is not None and len(dims) >= 2 and example_of(dims[-1]) == example_of(dims[-2]) is not None
        return Binding("np.linalg.svd", macro=square_svd if even else full_svd)
    return Binding("np.linalg.svd", macro=thin_svd)


FUNCTIONS[np.linalg.svd] = Binding("np.linalg.svd", choose=choose_svd)


@macro(np.linalg.svdvals)
def singular_values_of(x: Array, /) -> Array:
    return runtime.svdvals(x)


@nonlinear("svdvals")
@nonlinear("all_singular_values")
@nonlinear("singular_values")
def singular_values_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return np.sum(flipped(runtime.left_vectors(x)) @ x_dot * runtime.right_vectors(x), axis=-1)


@adjoint("svdvals")
@adjoint("all_singular_values")
@adjoint("singular_values")
def singular_values_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return (runtime.left_vectors(x) * np.expand_dims(g, -2)) @ runtime.right_vectors(x)


def outside(u: Array, y: Array) -> Array:
    """What of y the columns of u do not span."""
    return y - u @ (flipped(u) @ y)


def left_tangent(u: Array, s: Array, v: Array, x_dot: Array) -> Array:
    """The tangent of the left vectors u, given singular values s and right vectors v, as columns."""
    p = flipped(u) @ x_dot @ v
    row = np.expand_dims(s, -2)
    inside = gaps(s * s) * (p * row + flipped(p * row))
    return u @ inside + outside(u, x_dot @ v) / row


def left_adjoint(g: Array, u: Array, s: Array, v: Array) -> Array:
    """The adjoint of x, given that of the left vectors."""
    row = np.expand_dims(s, -2)
    turned = flipped(u) @ g
    inside = gaps(s * s) * (turned - flipped(turned)) * row
    return (u @ inside + outside(u, g / row)) @ flipped(v)


@nonlinear("left_vectors")
def left_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return left_tangent(ans, runtime.singular_values(x), flipped(runtime.right_vectors(x)), x_dot)


@adjoint("left_vectors")
def left_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return left_adjoint(g, ans, runtime.singular_values(x), flipped(runtime.right_vectors(x)))


@nonlinear("right_vectors")
def right_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return flipped(left_tangent(flipped(ans), runtime.singular_values(x), runtime.left_vectors(x), flipped(x_dot)))


@adjoint("right_vectors")
def right_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return flipped(left_adjoint(flipped(g), flipped(ans), runtime.singular_values(x), runtime.left_vectors(x)))


@nonlinear("square_left_vectors")
def square_left_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return left_tangent(ans, runtime.all_singular_values(x), flipped(runtime.square_right_vectors(x)), x_dot)


@adjoint("square_left_vectors")
def square_left_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return left_adjoint(g, ans, runtime.all_singular_values(x), flipped(runtime.square_right_vectors(x)))


@nonlinear("square_right_vectors")
def square_right_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    s, u = runtime.all_singular_values(x), runtime.square_left_vectors(x)
    return flipped(left_tangent(flipped(ans), s, u, flipped(x_dot)))


@adjoint("square_right_vectors")
def square_right_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    s, u = runtime.all_singular_values(x), runtime.square_left_vectors(x)
    return flipped(left_adjoint(flipped(g), flipped(ans), s, u))


# -- qr

for _name, _shape in (
    ("orthogonal_factor", _SVD["left_vectors"]),
    ("triangular_factor", _SVD["right_vectors"]),
):
    _helper = getattr(runtime, _name)
    primitive(_name, factor("qr", _shape), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")


@macro(np.linalg.qr)
def qr(a: Array, mode: str = "reduced") -> object:
    """The orthogonal and the triangular factor of matrices that have at least as many rows as columns."""
    assert mode == "reduced" or mode == "r", "np.linalg.qr: only the modes 'reduced' and 'r' are supported"
    if mode == "r":
        return runtime.triangular_factor(a)
    return runtime.orthogonal_factor(a), runtime.triangular_factor(a)


def lower_turned(x: Array) -> Array:
    """The skew matrix with this strict lower triangle."""
    return np.tril(x, -1) - flipped(np.tril(x, -1))


@nonlinear("orthogonal_factor")
def orthogonal_factor_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    right = a_dot @ np.linalg.inv(runtime.triangular_factor(a))
    inside = flipped(ans) @ right
    return ans @ lower_turned(inside) + (right - ans @ inside)


@nonlinear("triangular_factor")
def triangular_factor_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    inside = flipped(runtime.orthogonal_factor(a)) @ a_dot @ np.linalg.inv(ans)
    return (inside - lower_turned(inside)) @ ans


def symmetric_of_lower(m: Array) -> Array:
    """The symmetric matrix with this lower triangle."""
    return np.tril(m) + flipped(np.tril(m, -1))


@adjoint("orthogonal_factor")
def orthogonal_factor_adjoint(g: Array, ans: Array, a: Array) -> Array:
    r = runtime.triangular_factor(a)
    m = -(flipped(g) @ ans)
    return (g + ans @ symmetric_of_lower(m)) @ flipped(np.linalg.inv(r))


@adjoint("triangular_factor")
def triangular_factor_adjoint(g: Array, ans: Array, a: Array) -> Array:
    q = runtime.orthogonal_factor(a)
    m = ans @ flipped(np.triu(g))
    return (q @ symmetric_of_lower(m)) @ flipped(np.linalg.inv(ans))


# -- pinv, lstsq

primitive(
    "pinv",
    factor("pinv", lambda facts, dims: (*dims[:-2], dims[-1], dims[-2])),
    "np.linalg.pinv",
    "a",
    usage="a, rcond: no = None, hermitian: no = False, *, rtol: no = None",
    cost="product",
)


@nonlinear("pinv")
def pinv_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    pt, dt = flipped(ans), flipped(a_dot)
    return -(ans @ a_dot @ ans) + ans @ pt @ (dt - dt @ a @ ans) + (dt - ans @ (a @ dt)) @ pt @ ans


@adjoint("pinv")
def pinv_adjoint(g: Array, ans: Array, a: Array) -> Array:
    pt, gt = flipped(ans), flipped(g)
    first = gt @ ans @ pt
    second = pt @ ans @ gt
    return -(pt @ g @ pt) + (first - a @ (ans @ first)) + (second - (second @ ans) @ a)


def infer_lstsq(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution of a least-squares problem."""
    a, b = args[0].type, args[1].type
    dims = matrices(a, "lstsq")
    if dims is None or b.dims is None:
        return Type("array", floating(a, b), None)
    return Type("array", floating(a, b), (dims[-1], *b.dims[1:]))


def infer_unknown(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the residuals, of which there may be none."""
    return Type("array", floating(*[a.type for a in args[:2]]), None)


def infer_rank(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the rank of a matrix."""
    return Type("np", np.dtype(np.intc))


for _name, _infer in {
    "least_squares": infer_lstsq,
    "squared_residuals": infer_unknown,
    "rank_of_matrix": infer_rank,
    "least_squares_values": factor("lstsq", thin),
}.items():
    _helper = getattr(runtime, _name)
    primitive(_name, _infer, _name, "a, b, rcond", cost="product", helper=_helper)
    function(_helper, _name, "a, b, rcond=None")
nondifferentiable("rank_of_matrix")


@macro(np.linalg.lstsq)
def lstsq(a: Array, b: Array, rcond: float | None = None) -> tuple[Array, Array, Array, Array]:
    """The solution, the squared residuals, the rank and the singular values."""
    return (
        runtime.least_squares(a, b, rcond),
        runtime.squared_residuals(a, b, rcond),
        runtime.rank_of_matrix(a, b, rcond),
        runtime.least_squares_values(a, b, rcond),
    )


def column(b: Array) -> Array:
    return np.expand_dims(b, -1) if b.ndim == 1 else b


@nonlinear("least_squares_values")
def least_squares_values_tangent(
    ans: Array,
    a: Array,
    b: Array,
    rcond: float | None,
    a_dot: Array | None,
    b_dot: Array | None,
    rcond_dot: float | None,
) -> object:
    return 0.0 if a_dot is None else singular_values_tangent(ans, a, a_dot)


@adjoint("least_squares_values")
def least_squares_values_adjoint(
    g: Array, ans: Array, a: Array, b: Array, rcond: float | None
) -> tuple[Array, Array, None]:
    return singular_values_adjoint(g, ans, a), np.zeros_like(b), None


@nonlinear("least_squares")
def least_squares_tangent(
    ans: Array,
    a: Array,
    b: Array,
    rcond: float | None,
    a_dot: Array | None,
    b_dot: Array | None,
    rcond_dot: float | None,
) -> Array:
    p = np.linalg.pinv(a)
    if a_dot is None:
        return p @ b_dot
    change = 0.0 if b_dot is None else p @ b_dot
    y = flipped(p) @ ans
    kernel = flipped(a_dot) @ y
    rest = b - a @ ans
    return change - p @ (a_dot @ ans) + p @ (flipped(p) @ (flipped(a_dot) @ rest)) + (kernel - p @ (a @ kernel))


@adjoint("least_squares")
def least_squares_adjoint(g: Array, ans: Array, a: Array, b: Array, rcond: float | None) -> tuple[Array, Array, None]:
    p = np.linalg.pinv(a)
    y = flipped(p) @ g
    rest, again = column(b - a @ ans), column(p @ y)
    outer = g - p @ (a @ g)
    a_bar = (
        -(column(y) @ flipped(column(ans))) + rest @ flipped(again) + column(flipped(p) @ ans) @ flipped(column(outer))
    )
    return a_bar, y, None


# -- powers, chains, tensors


@macro(np.linalg.matrix_power)
def matrix_power(a: Array, n: int) -> Array:
    """The power, by squaring."""
    if n == 0:
        return np.zeros_like(a) + np.eye(a.shape[-1], dtype=a.dtype)
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 3:
        return np.matmul(np.matmul(a, a), a)
    return power_so_far(None, a, n)


def power_so_far(result: Array | None, z: Array, n: int) -> Array:
    bit = n % 2 == 1
    found = (z if result is None else np.matmul(result, z)) if bit else result
    if n // 2 == 0:
        return found
    return power_so_far(found, np.matmul(z, z), n // 2)


@macro(np.linalg.tensorsolve)
def tensorsolve(a: Array, b: Array, axes: None = None) -> Array:
    """The tensor x with ``tensordot(a, x, x.ndim) == b``."""
    shape = a.shape[b.ndim :]
    return np.reshape(np.linalg.solve(np.reshape(a, (-1, product_of(shape))), np.ravel(b)), shape)


@macro(np.linalg.tensorinv)
def tensorinv(a: Array, ind: int = 2) -> Array:
    """The inverse for ``tensordot(a, b, ind)``."""
    shape = a.shape[ind:] + a.shape[:ind]
    return np.reshape(np.linalg.inv(np.reshape(a, (product_of(a.shape[:ind]), -1))), shape)


def product_of(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) == 1 else shape[0] * product_of(shape[1:])


@macro(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Array]) -> Array:
    """The product of several matrices, in the order that costs least."""
    return runtime.chain(*arrays) if len(arrays) > 2 else np.dot(arrays[0], arrays[1])


def infer_chain(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a product of matrices, of which the first and the last may be vectors."""
    types = [a.type for a in args]
    dims = [t.dims for t in types]
    if None in dims:
        return Type("array", common_dtype(tuple(types)), None)
    first, last = dims[0] or (), dims[-1] or ()
    found = (*first[:-1], *last[1:])
    return Type("array" if found else "np", common_dtype(tuple(types)), found)


primitive("chain", infer_chain, "chain", "*xs", cost="product", helper=runtime.chain)
function(runtime.chain, "chain", "*xs: operands")


def multiplied(xs: tuple[Array, ...]) -> Array:
    return xs[0] if len(xs) == 1 else xs[0] @ multiplied(xs[1:])


@linear("chain", 0)
def chain_adjoint(g: Array, ans: Array, xs: tuple[Array, ...]) -> tuple[Array, ...]:
    as_matrix = tuple(
        [
            np.expand_dims(x, 0) if x.ndim == 1 and i == 0 else np.expand_dims(x, 1) if x.ndim == 1 else x
            for i, x in enumerate(xs)
        ]
    )
    bar = np.reshape(g, (as_matrix[0].shape[0], as_matrix[-1].shape[1]))
    return tuple([np.reshape(link_adjoint(bar, as_matrix, i), x.shape) for i, x in enumerate(xs)])


def link_adjoint(bar: Array, xs: tuple[Array, ...], i: int) -> Array:
    found = bar if i == 0 else flipped(multiplied(xs[:i])) @ bar
    return found if i == len(xs) - 1 else found @ flipped(multiplied(xs[i + 1 :]))


# -- vecdot, cross


def infer_vecdot(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer vecdot along the last axis."""
    dtype = ufunc_dtype(np.vecdot, tuple(a.type for a in args))
    if any(a.type.dims == () for a in args):
        raise TypeError("np.vecdot needs arrays with at least one dimension")
    s, t = (a.type.dims for a in args)
    if s is None or t is None:
        return Type("array", dtype, None)
    require_same(facts, s[-1], t[-1], f"np.vecdot of shapes {show(s)} and {show(t)}")
    found = facts.broadcast_dims(s[:-1], t[:-1])
    return Type("np" if found == () else "array", dtype, found)


primitive("vecdot", infer_vecdot, "np.vecdot", "x, y", usage="x1, x2, /, *, axis: no = -1", cost="product")
FUNCTIONS[np.linalg.vecdot] = FUNCTIONS[np.vecdot]


@linear("vecdot", 0, 1)
def vecdot_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    wide = np.expand_dims(g, -1)
    return np.conj(wide * y) if is_complex(x) else wide * y, wide * conjugated(x)


# -- norms of matrices, condition numbers


def matrix_norm(x: Array, ord: object = None, axis: tuple[int, int] | None = None, keepdims: bool = False) -> Array:
    """A norm of matrices that is not the Frobenius norm."""
    rows, columns = (x.ndim - 2, x.ndim - 1) if axis is None else (axis[0] % x.ndim, axis[1] % x.ndim)
    found = norm_of_matrices(x, ord, rows, columns)
    return np.expand_dims(found, (rows, columns)) if keepdims else found


def norm_of_matrices(x: Array, ord: object, rows: int, columns: int) -> Array:
    if ord == "nuc":
        return np.sum(runtime.svdvals(np.moveaxis(x, (rows, columns), (-2, -1))), axis=-1)
    if ord == 2:
        return np.max(runtime.svdvals(np.moveaxis(x, (rows, columns), (-2, -1))), axis=-1)
    if ord == -2:
        return np.min(runtime.svdvals(np.moveaxis(x, (rows, columns), (-2, -1))), axis=-1)
    along, other = (rows, columns) if ord == 1 or ord == -1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=along)
    left = other - 1 if other > along else other
    return np.max(sums, axis=left) if ord == 1 or ord == np.inf else np.min(sums, axis=left)


_norm = FUNCTIONS[np.linalg.norm]
OTHER_NORMS = ("nuc", 1, -1, 2, -2, np.inf, -np.inf)


def choose_norm(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the norms of matrices that need sums or singular values."""
    order = kwargs.get("ord", args[1] if len(args) > 1 else Const(None))
    axis = kwargs.get("axis", args[2] if len(args) > 2 else Const(None))
    if not args or isinstance(args[0], Node) or not isinstance(order, Const):
        return _norm
    several = isinstance(axis, Node) and len(axis.children) == 2
    given = isinstance(axis, Const) and isinstance(axis.value, tuple) and len(axis.value) == 2
    whole = isinstance(axis, Const) and axis.value is None and args[0].type.rank == 2
    if order.value in OTHER_NORMS and (several or given or whole):
        return Binding("np.linalg.norm", macro=matrix_norm)
    return _norm


FUNCTIONS[np.linalg.norm] = Binding("np.linalg.norm", choose=choose_norm)


@macro(np.linalg.cond)
def cond(x: Array, p: object = None) -> Array:
    """The condition number."""
    if p is None or p == 2 or p == -2:
        s = runtime.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))


@macro(np.linalg.vector_norm)
def vector_norm(x: Array, /, *, axis: object = None, keepdims: bool = False, ord: float = 2) -> Array:
    """The norm of the entries along an axis, or of all."""
    if axis is None and x.ndim > 1:
        found = np.linalg.norm(np.ravel(x), ord)
        return np.reshape(found, (1,) * x.ndim) if keepdims else found
    return np.linalg.norm(x, ord, axis=0 if axis is None else axis, keepdims=keepdims)


@macro(np.linalg.matrix_norm)
def matrix_norm_of(x: Array, /, *, keepdims: bool = False, ord: object = "fro") -> Array:
    return np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)
