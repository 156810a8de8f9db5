"""Index paths as subscripts: ``x[1:4][i]``, ``x.T[..., None]``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from adcompile.emit import syntax

Step = str | tuple[str, tuple[int, ...]]


def steps_of(path: object) -> list[Step]:
    """Return the steps of a path attribute."""
    assert isinstance(path, tuple)
    return list(path)


def read(base: ast.expr, path: object, operands: Sequence[ast.expr]) -> ast.expr:
    """Apply all steps of a path to an expression."""
    supply = iter(operands)
    for step in steps_of(path):
        base = transposed(base, step[1]) if isinstance(step, tuple) else subscript(base, step, supply)
    return base


def transposed(base: ast.expr, axes: tuple[int, ...]) -> ast.expr:
    if axes == tuple(reversed(range(len(axes)))):
        return syntax.attribute(base, "T")
    return syntax.method(base, "transpose", *map(syntax.constant, axes))


def subscript(base: ast.expr, codes: str, supply: Iterator[ast.expr]) -> ast.expr:
    """Apply one subscript."""
    return syntax.subscript(base, joined([component(code, supply) for code in codes]))


def joined(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())


def component(code: str, supply: Iterator[ast.expr]) -> ast.expr:
    match code:
        case "n":
            return syntax.name("np.newaxis")
        case "e":
            return ast.Constant(...)
        case "s":
            lo, hi, step = (bound(next(supply)) for _ in range(3))
            return ast.Slice(lo, hi, step)
    return next(supply)


def bound(x: ast.expr) -> ast.expr | None:
    """Return a slice bound; None stands for an absent one."""
    return None if isinstance(x, ast.Constant) and x.value is None else x


def value_of(index: ast.expr) -> ast.expr:
    """Return an index as a value, to be passed to a function: slices by their constructor."""
    match index:
        case ast.Tuple(elts=parts):
            return syntax.tuple_of(map(value_of, parts))
        case ast.Slice(lower=lo, upper=hi, step=step):
            bounds = [ast.Constant(None) if b is None else b for b in (lo, hi, step)]
            return syntax.call("slice", *(bounds if step is not None else bounds[:2]))
    return index


def store_target(base: ast.expr, path: object, operands: Sequence[ast.expr]) -> ast.expr:
    """Return what to assign to: ``x[...]`` if the path selects all of x."""
    target = read(base, path, operands)
    return target if isinstance(target, ast.Subscript) else syntax.subscript(target, ast.Constant(...))


def selects_with_arrays(path: object) -> bool:
    """Tell whether a path has integer arrays, so that elements may be selected more than once."""
    return any(isinstance(step, str) and "a" in step for step in steps_of(path))
