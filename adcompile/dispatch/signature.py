"""Which derivative of which function: what is asked for, and how the arguments of a call become those of the function.

A function may bring arguments along: a bound method its object, `functools.partial` any. They are hidden: read when
the derivative is called, but not passed to it.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter
from typing import Final, Literal

from adcompile.custom.functions import CustomFunction
from adcompile.dispatch import containers
from adcompile.errors import ArgumentError
from adcompile.ir.naming import claimed
from adcompile.records import NamedTuple, dataclass

__all__ = ["Callee", "Header", "Signature", "Transform", "Wrt", "callee", "inside"]

# "plain" is the function itself: what an operator stands for is compiled as it is.
Kind = Literal["grad", "value_and_grad", "jvp", "vjp", "linearize", "plain"]

# What is differentiated: an argument by name, and of a variadic argument also the position in it.
Wrt = tuple[str, int | None]


class Transform(NamedTuple):
    """What is asked of a function.

    single  argnums was an int, so that the gradient is not in a tuple
    method  the first argument is the object whose method the function is
    rules   hold wherever their functions are called
    finite  the program raises where an adjoint is not finite
    verify  the first gradient of each program is checked
    outputs the arguments whose final values are the result, instead of what the function returns
    taken   how many arguments the derivative takes, if it takes them by position (`spread`)
    """

    kind: Kind
    argnums: tuple[int, ...]
    single: bool = False
    has_aux: bool = False
    method: bool = False
    rules: tuple[CustomFunction, ...] = ()
    finite: bool = False
    verify: bool = False
    outputs: tuple[str, ...] = ()
    taken: int = 0

    @property
    def spread(self) -> bool:
        """Tell whether the derivative takes the first `taken` arguments by position, and no others."""
        return self.kind in ("jvp", "vjp", "linearize")

    def __str__(self) -> str:
        argnums = str(self.argnums[0]) if self.single else str(self.argnums)
        options = ", has_aux=True" if self.has_aux else ""
        return f"argnums={argnums}{options}" + (f", outputs={self.outputs}" if self.outputs else "")


def parse_argnums(argnums: object) -> tuple[tuple[int, ...], bool]:
    """Return argnums as a tuple, and whether it was a single int."""
    if type(argnums) is int:
        return (argnums,), True
    if isinstance(argnums, Sequence) and argnums and all(type(i) is int for i in argnums):
        if len(set(argnums)) < len(argnums):
            raise ArgumentError(f"argnums names an argument twice: {argnums!r}")
        return tuple(argnums), False
    raise ArgumentError(f"argnums must be an int or a tuple of ints, not {argnums!r}")


def parse_outputs(outputs: object, has_aux: bool) -> tuple[str, ...]:
    """Return the names of the arguments whose final values are the result; none if they are not asked for."""
    if outputs is None:
        return ()
    names = (outputs,) if isinstance(outputs, str) else outputs
    if not isinstance(names, tuple | list) or not names or not all(isinstance(n, str) for n in names):
        raise ArgumentError(f"outputs must be names of arguments, not {outputs!r}")
    if len(set(names)) < len(names):
        raise ArgumentError(f"outputs names an argument twice: {outputs!r}")
    if has_aux:
        raise ArgumentError("outputs says what the result is, so there can be no has_aux")
    return tuple(map(str, names))


@dataclass(frozen=True, slots=True)
class Callee:
    """The Python function that a call of `target` ends in, and what `target` brings along.

    `function` is None if `target` is not made of a Python function; the compiler may still know it (np.sin).
    """

    target: Callable[..., object]
    function: types.FunctionType | None
    bound: tuple[object, ...] = ()
    keywords: tuple[str, ...] = ()


def callee(target: object) -> Callee:
    """Find the function inside bound methods, partials and objects that define `__call__`."""
    if not callable(target):
        raise ArgumentError(f"a function is needed, not {containers.describe(target)}")
    if getattr(target, "__adcompile_operator__", None) == "derivative":
        return callee(getattr(target, "__adcompile_inside__"))  # noqa: B009  # what operators return has it
    function: object = target
    if isinstance(function, types.FunctionType):
        return Callee(target, function)
    if isinstance(function, CustomFunction):
        return Callee(target, None)  # its rules count, not its body
    inner = inside(target)
    if inner is None:
        return Callee(target, None)
    found = callee(inner[0])
    return Callee(target, found.function, (*found.bound, *inner[1]), tuple(dict.fromkeys([*found.keywords, *inner[2]])))


def _python_callee(target: object) -> Callee:
    """Return the callee; for a callable written in C that the compiler knows, a Python function in its place."""
    found = callee(target)
    if found.function is not None:
        return found
    from adcompile.frontend.targets import target as known

    inner = known(target)
    return (
        callee(inner.source.function) if not inner.bound else Callee(found.target, inner.source.function, inner.bound)
    )


def inside(target: object) -> tuple[object, tuple[object, ...], Mapping[str, object]] | None:
    """Return what a partial, a bound method or an object that defines `__call__` calls, and what it brings along."""
    if isinstance(target, functools.partial):
        return target.func, target.args, target.keywords
    if isinstance(target, types.MethodType):
        return target.__func__, (target.__self__,), {}
    if isinstance(target, CustomFunction):
        return None  # its rules count, not its body
    call = inspect.getattr_static(type(target), "__call__", None)
    if isinstance(call, types.FunctionType) and not isinstance(target, type):
        return call, (target,), {}
    return None


class Header(NamedTuple):
    """How the guard takes its arguments and gives them on.

    names       the guard's parameters
    parameters  the text between the parentheses of the guard's definition
    forward     the text that passes all of them on to another guard
    prologue    statements that make the function's other arguments
    tangents    the parameters that hold the tangents of the differentiated arguments
    values      what the names in these texts mean that are no parameters: defaults and hidden arguments
    """

    names: tuple[str, ...]
    parameters: str
    forward: str
    prologue: tuple[str, ...]
    tangents: tuple[str, ...]
    values: Mapping[str, object]


class Signature:
    """The arguments of one function under one transform, as they are now.

    names    the function's own parameters in order: hidden ones too
    hidden   the values of the parameters that are not passed
    wrt      what is differentiated, one for each of argnums
    given    what is passed by position, where nothing else is
    """

    def __init__(self, target: Callable[..., object], transform: Transform) -> None:
        self.transform: Final = transform
        self.callee: Final = _python_callee(target)
        self.label: Final = _label(target)
        callable_ = self.callee.target
        self.parameters: Final = inspect.signature(callable_, follow_wrapped=False).parameters
        self.hidden: Final = self._hidden()
        self.wrt: Final = tuple(map(self._wrt, transform.argnums))
        self.given: Final = tuple(map(self._wrt, range(transform.taken)))
        self.rest: Final = self._rest() if transform.spread else {}
        self.header: Final = self._spread_header() if transform.spread else self._plain_header()
        self._pinned: Final = _state(self.callee.function)

    # -- the shape of the signature

    @property
    def asked(self) -> str:
        """Return what is asked for, for error messages."""
        return "derivative" if self.transform.kind == "plain" else self.transform.kind

    @property
    def stale(self) -> bool:
        """Tell whether the function has got other code or defaults since."""
        now = _state(self.callee.function)
        return len(now) != len(self._pinned) or any(a is not b for a, b in zip(self._pinned, now, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all arguments of the function that is lowered."""
        return (*self.hidden, *self.parameters)

    def of_kind(self, *kinds: object) -> list[Parameter]:
        return [p for p in self.parameters.values() if p.kind in kinds]

    @property
    def constants(self) -> frozenset[str]:
        """Return the arguments that are known when compiling if they are objects: those that methods belong to."""
        own = [p.name for p in self.positional[:1]] if self.transform.method else []
        return frozenset([*self.hidden, *own])

    @property
    def positional(self) -> list[Parameter]:
        return self.of_kind(Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

    @property
    def variadic(self) -> str | None:
        """Return the name of the parameter that takes any number of arguments."""
        return next((p.name for p in self.of_kind(Parameter.VAR_POSITIONAL)), None)

    def _hidden(self) -> dict[str, object]:
        function, bound = self.callee.function, self.callee.bound
        assert function is not None
        for keyword in self.callee.keywords:
            if keyword not in self.parameters:
                raise ArgumentError(f"{self.label}: partial sets {keyword!r}, which is no parameter: write a lambda")
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        if len(bound) > len(names):
            raise ArgumentError(f"{self.label} brings {len(bound)} arguments for the {len(names)} of its function")
        return dict(zip(names, bound, strict=False))

    def _wrt(self, number: int) -> Wrt:
        names = [p.name for p in self.positional]
        index = number + len(names) if number < 0 else number
        if 0 <= index < len(names):
            return names[index], None
        if self.variadic and index >= 0:
            return self.variadic, index - len(names)
        takes = f"takes {len(names)} positional argument{'s' * (len(names) != 1)}"
        raise ArgumentError(f"{self.asked} of argument {number}: {self.label} {takes}")

    # -- headers

    def _plain_header(self) -> Header:
        """The parameters of the function itself."""
        values: dict[str, object] = {}
        shown: list[Parameter] = []
        forward: list[str] = []
        for p in self.parameters.values():
            default: object = p.default
            if default is not Parameter.empty:
                values[f"_default_{p.name}"] = default
                default = _Text(f"_default_{p.name}")
            shown.append(p.replace(annotation=Parameter.empty, default=default))
            forward.append(_forwarded(p))
        prologue = tuple(self._constants(self.hidden, values))
        names = tuple(self.parameters)
        return Header(names, str(inspect.Signature(shown))[1:-1], ", ".join(forward), prologue, (), values)

    def _spread_header(self) -> Header:
        """One positional parameter for each argument given, then the tangents; defaults for the rest."""
        values: dict[str, object] = {}
        taken = set(self.names)
        elements = [(name, k) for name, k in self.given if k is not None]
        named = {w: w[0] if w[1] is None else claimed(f"{w[0]}_{w[1]}", taken) for w in self.given}
        tangents: list[str] = []
        if self.transform.kind == "jvp":
            tangents = [claimed(f"{named[w]}_dot", taken) for w in self.wrt]
        prologue = [*self._constants(self.hidden, values)]
        if self.variadic:
            prologue.append(f"{self.variadic} = ({''.join(named[e] + ', ' for e in elements)})")
        prologue += self._constants(self.rest, values)
        names = (*named.values(), *tangents)
        given = ", ".join(names)
        return Header(names, f"{given}, /" if names else "", given, tuple(prologue), tuple(tangents), values)

    def _constants(self, hidden: Mapping[str, object], values: dict[str, object]) -> Iterator[str]:
        for name, value in hidden.items():
            values[f"_hidden_{name}"] = value
            yield f"{name} = _hidden_{name}"

    def _rest(self) -> dict[str, object]:
        """Return the values of the parameters that are not passed, where those that are go by position."""
        whole = {name for name, element in self.given if element is None} | {self.variadic}
        return {name: self._left_out(p) for name, p in self.parameters.items() if name not in whole}

    def _left_out(self, p: Parameter) -> object:
        if p.kind is Parameter.VAR_KEYWORD:
            return {}
        if p.default is Parameter.empty:
            raise ArgumentError(f"{self.asked} of {self.label}: missing the argument {p.name!r}")
        return p.default

    # -- calls

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Return the value of every argument of the function, by name and in order, differentiated ones promoted."""
        return self.prepared({**self.hidden, **self._passed(args, kwargs)})

    def prepared(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return arguments given by name with the differentiated ones promoted; refuse what has no derivative."""
        new = dict(values)
        for name, element in self.wrt:
            if element is None:
                new[name] = containers.promote(name, new[name])
                continue
            items = new[name]
            assert isinstance(items, tuple)
            if not 0 <= element < len(items):
                raise ArgumentError(f"{self.label} got {len(items)} arguments {name}: there is no number {element}")
            item = containers.promote(f"{name}[{element}]", items[element])
            new[name] = (*items[:element], item, *items[element + 1 :])
        return new

    def _passed(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        if self.transform.spread:
            return self._spread(args)
        signature = inspect.Signature(list(self.parameters.values()), __validate_parameters__=False)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"{self.label}: {error}") from None
        bound.apply_defaults()
        return bound.arguments

    def _spread(self, args: Sequence[object]) -> dict[str, object]:
        if len(args) != len(self.given):
            raise ArgumentError(f"{self.asked} of {self.label}: {len(args)} arguments for {len(self.given)}")
        values = dict(self.rest)
        values |= {name: value for (name, k), value in zip(self.given, args, strict=True) if k is None}
        if self.variadic:
            values[self.variadic] = tuple(v for (_, k), v in zip(self.given, args, strict=True) if k is not None)
        return {name: values[name] for name in self.parameters}

    def call_arguments(
        self, values: Mapping[str, object], tangents: Sequence[object]
    ) -> tuple[list[object], dict[str, object]]:
        """Return how the guard is called with given values of the function's arguments."""
        if self.transform.spread:
            return [*_chosen(self.given, values), *tangents], {}
        return self.plain_arguments(values)

    def plain_arguments(self, values: Mapping[str, object]) -> tuple[list[object], dict[str, object]]:
        """Return how the function is called plainly with given values of its arguments."""
        args: list[object] = []
        kwargs: dict[str, object] = {}
        for name, p in self.parameters.items():
            value = values[name]
            if p.kind is Parameter.VAR_POSITIONAL:
                assert isinstance(value, tuple)
                args += value
            elif p.kind is Parameter.VAR_KEYWORD:
                assert isinstance(value, dict)
                kwargs |= value
            elif p.kind is Parameter.KEYWORD_ONLY:
                kwargs[name] = value
            else:
                args.append(value)
        return args, kwargs

    def differentiated(self, values: Mapping[str, object]) -> list[object]:
        """Return the differentiated arguments, one for each of argnums."""
        return _chosen(self.wrt, values)


def _chosen(names: Sequence[Wrt], values: Mapping[str, object]) -> list[object]:
    """Return arguments, of variadic ones an item, from the values of all of them."""
    found: list[object] = []
    for name, element in names:
        value = values[name]
        if element is not None:
            assert isinstance(value, tuple)
            value = value[element]
        found.append(value)
    return found


class _Text:
    """A default that is printed as a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _forwarded(p: Parameter) -> str:
    """Return the text that passes a parameter on in a call."""
    match p.kind:
        case Parameter.KEYWORD_ONLY:
            return f"{p.name}={p.name}"
        case Parameter.VAR_POSITIONAL:
            return f"*{p.name}"
        case Parameter.VAR_KEYWORD:
            return f"**{p.name}"
    return p.name


def _label(target: object) -> str:
    """Return the name that messages call a function by."""
    while isinstance(target, functools.partial):
        target = target.func
    return str(getattr(target, "__name__", None) or type(target).__name__)


def _state(function: types.FunctionType | None) -> tuple[object, ...]:
    """Return the objects that a signature was made from."""
    if function is None:
        return ()
    return function.__code__, function.__defaults__, *(function.__kwdefaults__ or {}).values()
