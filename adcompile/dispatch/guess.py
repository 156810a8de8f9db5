"""Guess example arguments, so that a derivative can be read before it is first called."""

from __future__ import annotations

import inspect
import itertools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from inspect import Parameter
from typing import Final

import numpy as np

from adcompile.dispatch import assembly
from adcompile.dispatch.signature import Signature
from adcompile.errors import AdcompileError, ArgumentError, SourceError

__all__ = ["guessed_arguments", "guessed_source"]

TRIES: Final = 40
LENGTH: Final = 3

Guesses = Sequence[object]


def guessed_arguments(signature: Signature) -> dict[str, object]:
    """Return the first guess at the arguments for which the derivative compiles."""
    return _first_guess(signature)[0]


def guessed_source(signature: Signature) -> str:
    """Return the source for the first guess at the arguments that compiles.

    Annotations say what a parameter is (``float``, ``np.ndarray``, ``npt.NDArray[np.float32]``, ...), else its default;
    of an array the number of axes is guessed, and of a parameter of which nothing is known whether it is an array.
    """
    return _first_guess(signature)[1]


def _first_guess(signature: Signature) -> tuple[dict[str, object], str]:
    first: AdcompileError | None = None
    for values in _combinations(signature):
        try:
            return values, assembly.source_for(signature, values)
        except SourceError:
            raise
        except AdcompileError as error:
            first = first or error
    raise ArgumentError(
        f"no guess at the arguments of {signature.label} compiles: "
        "annotate them, or ask with source_for(*example_arguments)"
    ) from first


def _combinations(signature: Signature) -> Iterator[dict[str, object]]:
    """Yield arguments: the first guess for each parameter, the second for each, ..., then all other combinations."""
    hints = _hints(signature)
    guesses = {name: _guesses(p, hints.get(name), signature) for name, p in signature.parameters.items()}
    deepest = max(map(len, guesses.values()), default=1)
    alike = [[g[min(k, len(g) - 1)] for g in guesses.values()] for k in range(deepest)]
    for chosen in itertools.chain(alike, itertools.islice(itertools.product(*guesses.values()), TRIES)):
        values = dict(zip(guesses, chosen, strict=True))
        yield signature.prepared({**signature.hidden, **values})


def _hints(signature: Signature) -> Mapping[str, object]:
    function = signature.callee.function
    assert function is not None
    try:
        return inspect.get_annotations(function, eval_str=True)
    except Exception:  # an annotation may be any expression
        return {}


def _guesses(p: Parameter, hint: object, signature: Signature) -> Guesses:
    if p.kind is Parameter.VAR_KEYWORD:
        return [{}]
    if p.kind is Parameter.VAR_POSITIONAL:
        count = 1 + max((k for name, k in signature.wrt if name == p.name and k is not None), default=0)
        return [(guess,) * count for guess in _of_hint(hint)]
    if p.default is not Parameter.empty and (p.default is not None or hint is None):
        return [p.default]
    return _of_hint(hint)


def _of_hint(hint: object) -> Guesses:
    """Return examples of what an annotation allows, the simplest first."""
    arrays = [np.full((LENGTH,) * rank, 0.5) for rank in (1, 2)]
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is np.ndarray:
        return arrays
    if origin is np.ndarray:
        dtype = _dtype_of(parts[-1]) if parts else None
        return [a.astype(dtype) for a in arrays] if dtype is not None else arrays
    if origin in (typing.Union, types.UnionType):
        return [guess for part in parts for guess in _of_hint(part)]
    if origin is tuple and parts and Ellipsis not in parts:
        return [tuple(items) for items in itertools.islice(itertools.product(*map(_of_hint, parts)), TRIES)]
    if isinstance(hint, type) and issubclass(hint, np.floating):
        dtype = _dtype_of(hint)
        return [np.float64(0.5) if dtype is None else dtype.type(0.5)]
    known = {float: 0.5, int: LENGTH, bool: True, str: "", type(None): None, None: None}
    if isinstance(hint, type) and hint in known:
        return [known[hint]]
    return [0.5, *arrays]


def _dtype_of(hint: object) -> np.dtype | None:
    """Return the dtype that ``np.dtype[np.float32]`` or ``np.float32`` is; None if that is not one."""
    parts = typing.get_args(hint)
    scalar: object = parts[0] if parts else hint
    if not isinstance(scalar, type) or not issubclass(scalar, np.generic) or scalar in (np.floating, np.generic):
        return None
    try:
        return np.dtype(scalar)
    except TypeError:
        return None
