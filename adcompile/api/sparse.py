"""Sparse Jacobians: as many sweeps as there are colours, instead of one for each row or column."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from adcompile.api.derived import Derivative, Function, Recipe, operator
from adcompile.api.products import PRIMALS_AND_TANGENTS
from adcompile.dispatch import assembly, digest, programs
from adcompile.dispatch.signature import Signature, Transform
from adcompile.errors import ArgumentError
from adcompile.records import NamedTuple

if TYPE_CHECKING:
    from scipy import sparse

    from adcompile.dispatch.specialise import Specialisation

__all__ = ["DenseJacobianWarning", "SparseJacobian"]

PROBE: Final = 1e-6  # by how much a product with the Jacobian may differ from that of a user's pattern


class DenseJacobianWarning(UserWarning):
    """The sparsity of a Jacobian could not be found; the message says why. The result is right, and took longer."""


@operator("along_columns")
def _along_columns(f: Function, argnum: int) -> Derivative:
    return Derivative(f, Recipe("along_columns", (("argnum", argnum),)), PRIMALS_AND_TANGENTS)


@operator("along_rows")
def _along_rows(f: Function, argnum: int) -> Derivative:
    return Derivative(f, Recipe("along_rows", (("argnum", argnum),)), PRIMALS_AND_TANGENTS)


class Grouping(NamedTuple):
    """Which entries there are, and which of them each sweep gives.

    pattern  of shape (results, inputs)
    colours  one number for each column if `forward`, else for each row
    places   where each entry of the pattern is in the results of all sweeps, laid out one after the other
    """

    pattern: sparse.csr_array
    colours: np.ndarray
    forward: bool
    places: np.ndarray

    @property
    def sweeps(self) -> int:
        return int(self.colours.max(initial=-1)) + 1

    def seeds(self, dtype: Any) -> np.ndarray:
        """Return one row for each colour: the sum of what has the colour."""
        seeds = np.zeros((self.sweeps, self.colours.size), dtype)
        seeds[self.colours, np.arange(self.colours.size)] = 1.0
        return seeds

    def expanded(self, block: np.ndarray) -> sparse.csr_array:
        """Put the entries of all sweeps into their places."""
        from scipy import sparse

        held = (np.take(block, self.places), self.pattern.indices.copy(), self.pattern.indptr.copy())
        return sparse.csr_array(held, shape=self.pattern.shape)


class SparseJacobian:
    """A function that computes the Jacobian of another as a sparse matrix; what ``jacobian(f, sparsity=...)`` returns.

    For an argument of shape s and a result of shape t the matrix has the shape (prod(t), prod(s)): rows and columns
    count elements in C order. Found patterns and colours are kept for arguments like those before.

    Attributes
    ----------
    primal : callable
        The function that is differentiated; also `__wrapped__`.
    sweeps : int
        How many sweeps of tangents or adjoints the last call took; 0 before the first.
    """

    __wrapped__: Function
    __name__: str

    def __init__(self, function: Function, argnum: int, sparsity: object) -> None:
        if not (isinstance(sparsity, str) and sparsity == "auto"):
            sparsity = _as_pattern(sparsity)
        self._function: Final = function
        self._argnum: Final = argnum
        self._sparsity: Final = sparsity
        self._columns: Final = _along_columns(function, argnum)
        self._rows: Final = _along_rows(function, argnum)
        self._known: dict[object, Grouping] = {}
        self.sweeps = 0
        functools.update_wrapper(self, function, updated=())

    @property
    def primal(self) -> Function:
        """Return the function that is differentiated."""
        return self._function

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)

    def __call__(self, *args: Any) -> sparse.csr_array:
        x = self._input(args)
        if not isinstance(self._sparsity, str):
            return self._with_pattern(args, x, self._sparsity)
        from adcompile.sparsity.patterns import NoPattern

        key = self._key(args, x)
        found = self._known.get(key) if key is not None else None
        if found is None:
            try:
                found = _coloured(_found_pattern(self._function, self._argnum, args))
            except NoPattern as error:
                return self._dense(args, x, str(error))
            if key is not None:
                self._known[key] = found
        return self._compute(args, x, found)

    def pattern(self, *args: object) -> sparse.csr_array:
        """Return which entries of the Jacobian may be other than zero for arguments like these.

        Raises AdcompileError, with the place, if that cannot be found.
        """
        self._input(args)
        return _found_pattern(self._function, self._argnum, args)

    def __repr__(self) -> str:
        name = getattr(self._function, "__qualname__", None) or repr(self._function)
        kind = "auto" if isinstance(self._sparsity, str) else "given"
        return f"<sparse jacobian of {name}, argnums={self._argnum}, sparsity {kind}>"

    def __reduce__(self) -> tuple[object, ...]:
        return SparseJacobian, (self._function, self._argnum, self._sparsity)

    # -- arguments

    def _input(self, args: Sequence[object]) -> np.ndarray:
        try:
            x = args[self._argnum]
        except IndexError:
            raise ArgumentError(f"the Jacobian is by argument {self._argnum}, but there are {len(args)}") from None
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            raise ArgumentError("a sparse Jacobian is by one array of floating-point numbers")
        return x

    def _key(self, args: Sequence[object], x: np.ndarray) -> object:
        """Return what the pattern depends on; None if that cannot be told."""
        chosen: Specialisation = self._columns._specialiser.choose((args, np.zeros((1, x.size), x.dtype)), {})
        captured = programs.hidden_values(chosen.loaded.program, chosen.nodes)
        others = [a for a in args if a is not x] + list(captured.values())
        digests = tuple(_digest(a) for a in others)
        return None if None in digests else (id(chosen.loaded), x.shape, digests)

    # -- matrices

    def _compute(self, args: Sequence[object], x: np.ndarray, found: Grouping) -> sparse.csr_array:
        self.sweeps = found.sweeps
        run = self._columns if found.forward else self._rows
        dtype = x.dtype
        if not found.sweeps:
            return found.expanded(np.zeros((1, found.colours.size), dtype))
        return found.expanded(run(tuple(args), found.seeds(dtype)))

    def _with_pattern(self, args: Sequence[object], x: np.ndarray, pattern: object) -> sparse.csr_array:
        key = "given", x.shape
        found = self._known.get(key)
        new = found is None
        if found is None:
            found = _coloured(pattern)
            if found.pattern.shape[1] != x.size:
                raise ArgumentError(
                    f"the pattern has {found.pattern.shape[1]} columns, but the argument {x.size} elements"
                )
        result = self._compute(args, x, found)
        if new:
            self._probe(args, x, result)
            self._known[key] = found
        return result

    def _probe(self, args: Sequence[object], x: np.ndarray, result: sparse.csr_array) -> None:
        """Compare a product with the Jacobian with that of the matrix, which a pattern that misses entries changes."""
        v = np.cos(np.arange(1.0, x.size + 1.0)).astype(x.dtype)
        want = self._columns(tuple(args), v[None, :])[0]
        if want.size != result.shape[0]:
            raise ArgumentError(f"the pattern has {result.shape[0]} rows, but the result {want.size} elements")
        scale = float(np.max(np.abs(want), initial=0.0)) + float(np.finfo(x.dtype).tiny)
        if not np.allclose(result @ v, want, rtol=PROBE, atol=PROBE * scale, equal_nan=True):
            raise ArgumentError("the pattern leaves out entries of the Jacobian that are not zero")

    def _dense(self, args: Sequence[object], x: np.ndarray, reason: str) -> sparse.csr_array:
        from scipy import sparse

        warnings.warn(f"the Jacobian is computed without its sparsity: {reason}", DenseJacobianWarning, stacklevel=3)
        self.sweeps = x.size
        return sparse.csr_array(self._columns(tuple(args), np.eye(x.size, dtype=x.dtype)).T)


def _digest(value: object) -> str | None:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {digest.of_text(value.tobytes().hex())}"
    return (
        f"{type(value).__name__} {value!r}" if isinstance(value, bool | int | float | None) else digest.of_value(value)
    )


def _as_pattern(given: object) -> sparse.csr_array:
    from scipy import sparse

    if isinstance(given, str) or given is None:
        raise ArgumentError(f'sparsity must be "auto" or a pattern, not {given!r}')
    try:
        found = sparse.csr_array(given)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f'sparsity must be "auto" or a matrix that is not zero where entries are: {error}'
        ) from error
    return sparse.csr_array((np.ones(found.nnz, bool), found.indices, found.indptr), shape=found.shape)


def _coloured(pattern: Any) -> Grouping:
    """Colour the columns and the rows, and choose what takes less: a reverse sweep costs about twice a forward one."""
    from adcompile.sparsity.colouring import colour_columns

    columns, rows = colour_columns(pattern), colour_columns(pattern.T.tocsr())
    forward = bool(columns.max(initial=0) <= 2 * rows.max(initial=0))
    row = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    if forward:
        return Grouping(pattern, columns, True, columns[pattern.indices] * pattern.shape[0] + row)
    return Grouping(pattern, rows, False, rows[row] * pattern.shape[1] + pattern.indices)


def _found_pattern(f: Function, argnum: int, args: Sequence[object]) -> sparse.csr_array:
    """Find the pattern of the Jacobian of a function for arguments like these."""
    from adcompile.opt import dce
    from adcompile.sparsity.patterns import Known, Unknown, find_pattern
    from adcompile.sparsity.rows import Rows, empty, identity

    signature = Signature(f, Transform("grad", (argnum % len(args),)))
    values = signature.bind(args, {})
    example = assembly.example_for(signature, values)
    contents: dict[str, object] = {}
    for name, argument in example.arguments.items():
        contents.update(assembly.leaf_values(argument, values[name]))
    contents.update(example.captured)
    (x,) = example.variables
    shape = _shape(contents[x.name])
    size = int(np.prod(shape, dtype=int))
    given = {v: identity(shape) if v is x else Known(contents[v.name]) for v in example.function.params}
    if not isinstance(example.lowered.result, int):
        raise ArgumentError(f"a sparse Jacobian is that of one array, but {example.function.name} returns several")
    out = find_pattern(dce.run(example.function), example.lowered.callees, given, size)[example.lowered.result]
    if isinstance(out, Rows):
        return out.matrix()
    found = _shape(out.content if isinstance(out, Known) else np.empty(out.shape) if isinstance(out, Unknown) else 0.0)
    if found == ():
        raise ArgumentError(f"a sparse Jacobian is that of an array, but {example.function.name} returns a number")
    return empty(found, size).matrix()


def _shape(value: object) -> tuple[int, ...]:
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return shape
