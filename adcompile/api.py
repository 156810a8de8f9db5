"""The derivatives as users ask for them: `grad`, `value_and_grad`, `vjp`, `jvp`."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any, Final, overload

from adcompile.dispatch import containers
from adcompile.dispatch.signature import Transform, parse_argnums
from adcompile.dispatch.specialise import MISS, Specialiser
from adcompile.errors import ArgumentError

__all__ = ["Derivative", "from_source", "grad", "jvp", "value_and_grad", "vjp"]


class Derivative:
    """A function that computes the gradient of another; made by `grad` and `value_and_grad`.

    It takes the arguments of the function. For each kind of arguments (float or array, dtype, number of axes) it
    compiles a program at the first call, or reads it from the disk cache.

    Attributes
    ----------
    primal : callable
        The function that is differentiated; also `__wrapped__`.
    source : str
        The program that computes the derivative.
    """

    __wrapped__: Callable[..., object]
    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[..., object], transform: Transform) -> None:
        self._specialiser: Final = Specialiser(_refuse_derivatives(function), transform)
        functools.update_wrapper(self, function, updated=())
        self.__name__ = getattr(function, "__name__", self._specialiser.signature.label)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: the gradient has the types of the user's arguments
        result = MISS
        try:
            result = self._specialiser.call(*args, **kwargs)
        except TypeError:
            self._specialiser.check_call(args, kwargs)
            raise
        return self._specialiser.slow(*args, **kwargs) if result is MISS else result

    @property
    def primal(self) -> Callable[..., object]:
        """Return the function that is differentiated."""
        return self._specialiser.target

    @property
    def transform(self) -> Transform:
        """Return what is computed of the function."""
        return self._specialiser.transform

    @property
    def source(self) -> str:
        """Return the source of the program compiled last.

        Before the first call it is that for the annotated types of the parameters, or for the first guess that
        compiles: floats, then arrays.
        """
        last = self._specialiser.last
        if last is not None:
            return last.source
        from adcompile.dispatch.guess import guessed_source

        return guessed_source(self._specialiser.signature)

    def source_for(self, *args: object, **kwargs: object) -> str:
        """Return the source of the program for arguments like these."""
        return self._specialiser.choose(args, kwargs).source

    def ssa_for(self, *args: object, **kwargs: object) -> str:
        """Return the derivative for arguments like these as the compiler sees it: v-1, v0, v1, ... with types."""
        from adcompile.dispatch import assembly

        signature = self._specialiser.signature
        return assembly.listing(signature, signature.bind(args, kwargs))

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.primal)

    def __get__(self, instance: object, owner: type | None = None) -> Derivative | types.MethodType:
        """Bind as a method. On an instance argnums count the arguments after self."""
        return self if instance is None else types.MethodType(self._after_self, instance)

    @functools.cached_property
    def _after_self(self) -> Derivative:
        """Return the same derivative for calls that pass self first."""
        transform = self._specialiser.transform
        shifted = tuple(i + 1 if i >= 0 else i for i in transform.argnums)
        return Derivative(self.primal, transform._replace(argnums=shifted, method=True))

    def __repr__(self) -> str:
        transform = self._specialiser.transform
        name = getattr(self.primal, "__qualname__", None) or repr(self.primal)
        return f"<{transform.kind} of {name}, {transform}>"

    def __copy__(self) -> Derivative:
        return self

    def __deepcopy__(self, memo: object) -> Derivative:
        return self

    def __reduce__(self) -> str | tuple[object, ...]:
        """Pickle by the name in the module, where this object is what has that name; else by the function."""
        found: object = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.__qualname__
        return _restore, (_picklable(self.primal), self._specialiser.transform)

    def __digest_parts__(self) -> tuple[object, ...]:
        transform = self._specialiser.transform
        return transform.kind, transform.argnums, transform.single, transform.has_aux, self.primal


def _refuse_derivatives(function: Callable[..., object]) -> Callable[..., object]:
    inner = function.__func__ if isinstance(function, types.MethodType) else function
    if isinstance(inner, Derivative):
        name = inner.__name__
        raise ArgumentError(
            f"{name} is a derivative already; to differentiate it once more, compile its source: "
            f"adcompile.from_source({name}.source_for(*args), name), which jvp can differentiate"
        )
    return function


def _picklable(function: Callable[..., object]) -> object:
    """Return what stands for a function in a pickle: its text and name, if it was made by `from_source`."""
    if isinstance(function, types.FunctionType) and function.__module__ == "adcompile_source":
        from adcompile.frontend.resolve import resolve

        return resolve(function).text, function.__name__
    return function


def _restore(function: Callable[..., object] | tuple[str, str], transform: Transform) -> Derivative:
    return Derivative(from_source(*function) if isinstance(function, tuple) else function, transform)


def from_source(text: str, name: str, namespace: dict[str, object] | None = None) -> types.FunctionType:
    """Execute a source text and return the function called `name` in it, which can then be differentiated.

    The text sees what it imports, and a copy of `namespace`.
    """
    from adcompile.frontend.resolve import from_source

    return from_source(text, name, namespace)


# -- gradients

Function = Callable[..., object]
Argnums = int | Sequence[int]


@overload
def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Derivative: ...
@overload
def grad(*, argnums: Argnums = 0, has_aux: bool = False) -> Callable[[Function], Derivative]: ...
def grad(
    f: Function | None = None, argnums: Argnums = 0, has_aux: bool = False
) -> Derivative | Callable[[Function], Derivative]:
    """Return the function that computes the gradient of `f`, whose result must be one number.

    Use it as ``grad(f)``, ``@grad`` or ``@grad(argnums=(0, 1))``.

    Parameters
    ----------
    argnums : int or tuple of int
        The positional arguments to differentiate. For an int the gradient comes bare, for a tuple in a tuple.
        The gradient of a tuple, list or dict of numbers and arrays has the same structure.
    has_aux : bool
        `f` returns a pair: the number and anything else, which is returned beside the gradient.
    """
    return _derivative("grad", f, argnums, has_aux)


@overload
def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Derivative: ...
@overload
def value_and_grad(*, argnums: Argnums = 0, has_aux: bool = False) -> Callable[[Function], Derivative]: ...
def value_and_grad(
    f: Function | None = None, argnums: Argnums = 0, has_aux: bool = False
) -> Derivative | Callable[[Function], Derivative]:
    """Return the function that computes both what `f` returns and its gradient, as a pair; otherwise like `grad`."""
    return _derivative("value_and_grad", f, argnums, has_aux)


def _derivative(
    kind: str, f: Function | None, argnums: Argnums, has_aux: bool
) -> Derivative | Callable[[Function], Derivative]:
    numbers, single = parse_argnums(argnums)
    transform = Transform("grad" if kind == "grad" else "value_and_grad", numbers, single, has_aux)
    if f is None:
        return lambda function: Derivative(function, transform)
    return Derivative(f, transform)


# -- products with the Jacobian


def vjp(f: Function, *primals: object, has_aux: bool = False) -> tuple[Any, ...]:
    """Evaluate `f` and return its value and the pullback: from a cotangent of the value to that of each argument.

    All arguments are differentiated. The pullback returns a tuple, with one entry for each argument, and may be
    called many times. With `has_aux` the function returns a pair, whose second part is returned third.
    """
    transform = Transform("vjp", tuple(range(len(primals))), False, has_aux)
    return _pair(_call(_specialiser(f, transform), primals))


def jvp(f: Function, primals: Sequence[object], tangents: Sequence[object], has_aux: bool = False) -> tuple[Any, ...]:
    """Evaluate `f` and its derivative along `tangents`, which has one entry like each of `primals`; return both.

    With `has_aux` the function returns a pair, whose second part is returned third.
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise ArgumentError(f"jvp: {name} must be a tuple, with one entry for each argument, not "
                                f"{containers.describe(given)}")  # fmt: skip
    if len(primals) != len(tangents):
        raise ArgumentError(f"jvp: there are {len(primals)} primals, but {len(tangents)} tangents")
    transform = Transform("jvp", tuple(range(len(primals))), False, has_aux)
    return _pair(_call(_specialiser(f, transform), (*primals, *tangents)))


def _call(specialiser: Specialiser, args: tuple[object, ...]) -> object:
    result = specialiser.call(*args)
    return specialiser.slow(*args) if result is MISS else result


def _pair(result: object) -> tuple[object, ...]:
    assert isinstance(result, tuple)
    return result


# The last function object of each code object, and of each transform of it: closures made again and again from one
# text do not pile up here, and what they hold is let go of when the next one comes.
_recent: Final[dict[tuple[types.CodeType, Transform], Specialiser]] = {}
_recent_lock: Final = threading.Lock()
_RECENT: Final = 128


def _specialiser(f: Function, transform: Transform) -> Specialiser:
    """Return the programs of a function that is given anew at each call."""
    _refuse_derivatives(f)
    function = f.__func__ if isinstance(f, types.MethodType) else f
    if not isinstance(function, types.FunctionType):
        return Specialiser(f, transform)
    key = function.__code__, transform
    found = _recent.get(key)
    if found is None or not _same_function(found.target, f):
        found = Specialiser(f, transform)
        with _recent_lock:
            _recent[key] = found
            while len(_recent) > _RECENT:
                del _recent[next(iter(_recent))]
    return found


def _same_function(a: object, b: object) -> bool:
    if isinstance(a, types.MethodType) and isinstance(b, types.MethodType):
        return a.__func__ is b.__func__ and a.__self__ is b.__self__
    return a is b
