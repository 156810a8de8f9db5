"""What operators return: a function that computes a derivative, and shows the program that does."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import types
from collections.abc import Callable
from typing import Any, Final, TypeVar

from adcompile.api.wrapping import unwrapped, wrapper
from adcompile.custom.registry import current
from adcompile.dispatch.signature import Transform
from adcompile.dispatch.specialise import MISS, Specialiser
from adcompile.errors import ArgumentError
from adcompile.records import NamedTuple

__all__ = ["Derivative", "Function", "Recipe", "call_program", "operator", "specialiser_for"]

Function = Callable[..., object]
F = TypeVar("F", bound=Function)

# The operators by name; each is known to the compiler by its attribute `__adcompile_operator__`.
OPERATORS: Final[dict[str, Function]] = {}


def operator(name: str) -> Callable[[F], F]:
    """Make a function known to the compiler as the operator of this name."""

    def register(function: F) -> F:
        OPERATORS[name] = function
        function.__adcompile_operator__ = name  # type: ignore[attr-defined]  # functions take any attribute
        return function

    return register


PLAIN: Final = Transform("plain", ())


class Recipe(NamedTuple):
    """How a derivative was asked for: the operator, and its options, which are plain constants.

    transform  what is compiled of the function; "plain": nothing, but the wrapper is compiled
    """

    operator: str
    options: tuple[tuple[str, object], ...] = ()
    transform: Transform = PLAIN

    @property
    def text(self) -> str:
        """Write the options as they are passed to the operator, without those that say nothing."""
        return ", ".join(f"{key}={value!r}" for key, value in self.options if value is not False)


class Derivative:
    """A function that computes a derivative of another; what `grad`, `jacobian` and the other operators return.

    For each kind of arguments (float or array, dtype, number of axes) it compiles a program at the first call, or reads
    it from the disk cache.

    Attributes
    ----------
    primal : callable
        The function that is differentiated; also `__wrapped__`.
    source : str
        The program that computes the derivative.
    """

    __adcompile_operator__ = "derivative"
    __wrapped__: Callable[..., object]
    __name__: str
    __qualname__: str

    def __init__(self, function: Function, recipe: Recipe, signature: inspect.Signature | None = None) -> None:
        if not callable(function):
            raise ArgumentError(f"{recipe.operator} needs a function, not {type(function).__name__}")
        self._primal: Final = function
        recipe = recipe._replace(transform=with_rules(recipe.transform))
        self._recipe: Final = recipe
        self._parameters: Final = signature
        target = self.__adcompile_inside__ if recipe.transform.kind == "plain" else function
        self.rules: Final = recipe.transform.rules
        self._specialiser: Final = Specialiser(target, recipe.transform)
        functools.update_wrapper(self, function, updated=())
        self.__name__ = getattr(function, "__name__", self._specialiser.signature.label)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: the derivative has the types of the user's arguments
        result = MISS
        try:
            result = self._specialiser.call(*args, **kwargs)
        except TypeError:
            self._specialiser.check_call(args, kwargs)
            raise
        return self._specialiser.slow(*args, **kwargs) if result is MISS else result

    @property
    def primal(self) -> Function:
        """Return the function that is differentiated."""
        return self._primal

    @property
    def transform(self) -> Transform:
        """Return what is computed of the function that is compiled."""
        return self._specialiser.transform

    @functools.cached_property
    def __adcompile_inside__(self) -> Function:
        """Return the function that the compiler lowers where this one is called in a function."""
        function = self._primal
        name = getattr(unwrapped(function)[0], "__name__", "f")
        name = name if isinstance(name, str) and name.isidentifier() else "f"
        options = dict(self._recipe.options)
        operator = self._recipe.operator
        return wrapper(f"{name}_{operator}", OPERATORS[operator], function, options, self._parameters)

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
        return self._parameters or inspect.signature(self._primal)

    def __get__(self, instance: object, owner: type | None = None) -> Derivative | types.MethodType:
        """Bind as a method. On an instance argnums count the arguments after self."""
        return self if instance is None else types.MethodType(self._after_self, instance)

    @functools.cached_property
    def _after_self(self) -> Derivative:
        """Return the same derivative for calls that pass self first."""
        recipe = self._recipe
        options = tuple((key, _shifted(value) if key == "argnums" else value) for key, value in recipe.options)
        shifted = tuple(i + 1 if i >= 0 else i for i in recipe.transform.argnums)
        transform = recipe.transform._replace(argnums=shifted, method=True)
        return Derivative(self._primal, recipe._replace(options=options, transform=transform), self._parameters)

    def __repr__(self) -> str:
        name = getattr(self._primal, "__qualname__", None) or repr(self._primal)
        text = self._recipe.text
        return f"<{self._recipe.operator} of {name}{', ' if text else ''}{text}>"

    def __copy__(self) -> Derivative:
        return self

    def __deepcopy__(self, memo: object) -> Derivative:
        return self

    def __reduce__(self) -> str | tuple[object, ...]:
        """Pickle by the name in the module, where this object is what has that name; else by the function."""
        found: object = sys.modules.get(self.__module__)
        name = str(getattr(self, "__qualname__", ""))  # ufuncs of other packages have none
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is self:
            return name
        return _restore, (_picklable(self._primal), self._recipe, self._parameters)

    def __digest_parts__(self) -> tuple[object, ...]:
        return self._recipe.operator, self._recipe.options, self._primal

    def same_as(self, other: Derivative) -> bool:
        """Tell whether another object is the same derivative of the same function."""
        return self._recipe == other._recipe and _same_function(self._primal, other._primal)


def _shifted(argnums: object) -> object:
    """Count arguments after self."""
    if isinstance(argnums, tuple):
        return tuple(map(_shifted, argnums))
    return argnums + 1 if isinstance(argnums, int) and argnums >= 0 else argnums


def _picklable(function: Function) -> object:
    """Return what stands for a function in a pickle: its text and name, if it was made by `from_source`."""
    if isinstance(function, types.FunctionType) and function.__module__ == "adcompile_source":
        from adcompile.frontend.resolve import resolve

        return resolve(function).text, function.__name__
    return function


def _restore(
    function: Function | tuple[str, str], recipe: Recipe, signature: inspect.Signature | None = None
) -> Derivative:
    from adcompile.frontend.resolve import from_source

    made = from_source(*function) if isinstance(function, tuple) else function
    return Derivative(made, recipe, signature)


# -- programs of functions that are given anew at each call


def call_program(specialiser: Specialiser, args: tuple[object, ...]) -> object:
    """Run the program for some arguments."""
    result = specialiser.call(*args)
    return specialiser.slow(*args) if result is MISS else result


# The last function object of each code object, and of each transform of it: closures made again and again from one
# text do not pile up here, and what they hold is let go of when the next one comes.
_recent: Final[dict[tuple[object, Transform], Specialiser]] = {}
_recent_lock: Final = threading.Lock()
_RECENT: Final = 128


def with_rules(transform: Transform) -> Transform:
    """Let the rules hold for a derivative that hold now, and those that it was given."""
    rules = current()
    if not rules:
        return transform
    own = tuple(r for r in rules if r not in transform.rules)
    return transform._replace(rules=(*own, *transform.rules))


def specialiser_for(f: Function, transform: Transform) -> Specialiser:
    """Return the programs of a function that is given anew at each call."""
    transform = with_rules(transform)
    code = _code(f)
    if code is None:
        return Specialiser(f, transform)
    key = code, transform
    found = _recent.get(key)
    if found is None or not _same_function(found.target, f):
        found = Specialiser(f, transform)
        with _recent_lock:
            _recent[key] = found
            while len(_recent) > _RECENT:
                del _recent[next(iter(_recent))]
    return found


def _code(f: object) -> object:
    """Return what functions made from one text have in common; None if there is no such thing."""
    if isinstance(f, Derivative):
        inner = _code(f.primal)
        return None if inner is None else (inner, f._recipe)
    function = f.__func__ if isinstance(f, types.MethodType) else f
    return function.__code__ if isinstance(function, types.FunctionType) else None


def _same_function(a: object, b: object) -> bool:
    if isinstance(a, types.MethodType) and isinstance(b, types.MethodType):
        return a.__func__ is b.__func__ and a.__self__ is b.__self__
    if isinstance(a, Derivative) and isinstance(b, Derivative):
        return a.same_as(b)
    return a is b
