"""Call Python objects that are known when compiling: who carries out which."""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import inspect
import itertools
import math
import operator
import sys
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.custom.functions import CustomFunction
from adcompile.errors import CompileError
from adcompile.frontend import (
    access,
    application,
    bars,
    builtin,
    calls,
    checkpoints,
    copies,
    custom,
    derivatives,
    exceptions,
    instances,
    memos,
    objects,
    opaque,
    opaque_equations,
    opaque_samples,
    optionals,
    places,
    reflection,
    rule_sources,
    run_texts,
    sourceless,
    streams,
    texts,
    vectorized,
)
from adcompile.frontend.frames import Unbound
from adcompile.frontend.resolve import resolve
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.targets import target
from adcompile.frontend.values import (
    Args,
    Keywords,
    Partial,
    Ref,
    Value,
    is_distribution,
    is_static,
    lift,
    static_value,
)
from adcompile.ir.core import Const, Var, is_none
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_FLOAT, PY_INT
from adcompile.rules import binding, table
from adcompile.rules.opaque import instead_of

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


# The code of the functions that contextlib.contextmanager makes.
MANAGER: Final = contextlib.contextmanager(lambda: iter(())).__code__

# The code of the functions that functools.singledispatch makes.
DISPATCHING: Final = functools.singledispatch(lambda value: None).__code__  # type: ignore[attr-defined]  # a function

# What exceptions are initialised by, of Python's own classes.
INITIALISERS: Final = frozenset(
    c.__init__ for c in vars(builtins).values() if isinstance(c, type) and issubclass(c, BaseException)
)

# Builtins that ask the class of their argument.
SPECIAL: Final[Mapping[object, str]] = {
    abs: "__abs__",
    float: "__float__",
    int: "__int__",
    iter: "__iter__",
    len: "__len__",
    reversed: "__reversed__",
    round: "__round__",
}


def call_object(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a Python object that is known when compiling: the first carrier that knows it carries it out.

    Arguments may be None at run time only where the function runs in place.
    """
    given, start = (args, keywords), None
    if any(optionals.is_optional(v) or is_none(v) for v in (*args, *keywords.values())):
        start = lo.snapshot(), lo.builder.mark()
        given = optionals.arguments(lo, f, args, keywords, node)
    for carrier in COMPUTING:
        made = carrier(lo, f, *given, node)
        if made is not None:
            return made
    if start is not None:
        lo.restore(start[0])
        lo.builder.rewind(start[1])
    for carrier in RUNNING:
        made = carrier(lo, f, args, keywords, node)
        if made is not None:
            return made
    return unknown(lo, f, args, keywords, node)


def _custom(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a function that has derivative rules of the user's."""
    if f is CustomFunction.__call__ and args and isinstance(args[0], Const):
        return calls.call(lo, args[0], args[1:], keywords, node)
    rule = custom.rule_for(lo, f) if lo.rules else None
    return None if rule is None else custom.call_custom(lo, rule, args, keywords, node)


def _exception(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Make an exception, or the text of one."""
    if isinstance(f, type) and issubclass(f, BaseException):
        return exceptions.make(lo, f, args, keywords, node)
    if _key(f) in INITIALISERS and args and exceptions.is_exception(args[0]) and not keywords:
        return exceptions.initialised(lo, args, keywords, node)
    if f is str and len(args) == 1 and exceptions.is_exception(args[0]):
        return exceptions.shown(lo, args[0], node)
    return None


def _special(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a builtin that asks the class of its argument, where the class has an answer."""
    name = SPECIAL.get(_key(f))
    if name is None or len(args) != 1 or keywords:
        return None
    return objects.special(lo, args[0], name, [], node)


def _key(f: object) -> object:
    """Return a callable as a key of a table: None if it has no hash."""
    try:
        hash(f)
    except TypeError:
        return None
    return f


# What may make a stream of items, besides what is in itertools.
STREAMING: Final = frozenset({enumerate, zip, map, filter, iter, itertools.chain.from_iterable})


def _builtin(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call what the frontend itself carries out."""
    if _key(f) is None:
        lo.refuse(node, f"{f!r} cannot be called here", "not hashable")
    if f in STREAMING or getattr(f, "__module__", None) == "itertools":
        stream = streams.carry_out(lo, f, args, keywords, node)
        if stream is not None:
            return stream
    own = builtin.find(f) or _of_statistics(f)
    if own is not None:
        return own(lo, args, keywords, node)
    template: object = getattr(f, "__self__", None)
    if isinstance(template, str) and f == template.format and not keywords:
        return texts.formatted(lo, template, args, node)
    if isinstance(template, str) and f == template.join and len(args) == 1 and not lo.is_list(args[0]):
        return texts.joined(lo, template, args[0], node)
    if isinstance(template, str) and not all(map(is_static, args)):
        return run_texts.call(lo, Const(template), f.__name__, args, keywords, node)
    if not args and not keywords and f in (float, int, bool, complex, str):
        return Const(f())
    return None


def _of_statistics(f: object) -> Builtin | None:
    """Return what carries out a function of the statistics module, which few programs load."""
    if getattr(f, "__module__", None) != "statistics":
        return None
    from adcompile.frontend.averages import AVERAGES

    return AVERAGES.get(f)


def _derivative(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call an operator of ours, such as grad, or what one has made."""
    operator: object = getattr(f, "__adcompile_operator__", None)
    return derivatives.apply_operator(lo, operator, f, args, keywords, node) if isinstance(operator, str) else None


# How many arguments functions of numbers have in their forms for ints and texts: pow(a, b, mod), int(text, base).
EXACT: Final[Mapping[object, int]] = {pow: 3, int: 2}


def _numeric(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call what becomes equations, or what a rule asks while it is lowered."""
    if len(args) + len(keywords) == EXACT.get(f, -1) and all(map(is_static, (*args, *keywords.values()))):
        return compute_now(lo, f, args, keywords, node)
    given_object = len(args) == 1 and isinstance(args[0], Var) and args[0].type.kind == "object"
    if given_object and f in (float, int):
        result = PY_FLOAT if f is float else PY_INT
        return opaque_equations.emit(lo, "path", ("builtins", f.__name__), (), args, {}, (result,), node, True)
    if f in table.STATIC:
        given = {k: _static_argument(lo, v) for k, v in keywords.items()}
        values = [_static_argument(lo, a) for a in args]
        return lo.guarded(node, lambda: lift(f(*values, **given)))
    return application.apply(lo, f, args, keywords, node) if f in binding.FUNCTIONS else None


def _impure(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call at run time what must be called once, in order."""
    if lo.frame.rule or lo.frame.macro or _is_checkpoint(f) or not places.is_impure(lo, f, node):
        return None
    return opaque.call_function(lo, f, args, keywords, node)


def _wrapped(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call what stands for another callable."""
    if _is_checkpoint(f):
        wrapped: object = getattr(f, "__wrapped__")  # noqa: B009  # which a Checkpoint has
        return checkpoints.call(lo, lift(wrapped), args, keywords, node)
    match f:
        case types.FunctionType() if f.__code__ is DISPATCHING and args:
            kind = reflection.type_of(lo, args[0], node)
            chosen: object = getattr(f, "dispatch")(kind)  # noqa: B009  # functools.singledispatch makes it
            lo.depend(f, "registry", getattr(f, "registry"))  # noqa: B009  # likewise
            return calls.call(lo, lift(chosen), args, keywords, node)
        case types.FunctionType() if f.__code__ is MANAGER:
            return calls.call(lo, lift(inspect.unwrap(f)), args, keywords, node)
        case functools._lru_cache_wrapper():
            return memos.memoised(lo, f, args, keywords, node)
        case _ if is_distribution(f):
            return frozen(lo, f, args, keywords, node)
        case np.vectorize():
            return vectorized.known(lo, f, args, keywords, node)
        case functools.partial():
            held = {k: lift(v) for k, v in f.keywords.items()}
            return calls.call(lo, lift(f.func), [*map(lift, f.args), *args], {**held, **keywords}, node)
        case operator.itemgetter() | operator.attrgetter() | operator.methodcaller():
            return call_getter(lo, f, args, node)
    return None


def _is_checkpoint(f: object) -> bool:
    return type(f).__module__ == checkpoints.__name__


def frozen(lo: Lowering, f: object, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Make a frozen distribution of SciPy: its methods are those of the distribution, with these arguments by name."""
    shapes = getattr(f, "shapes", None)
    names: tuple[str, ...] = (*(shapes.split(", ") if isinstance(shapes, str) else ()), "loc", "scale")
    if not hasattr(f, "shapes"):  # of vectors: SciPy calls the parameters as the methods do
        names = tuple(p for p in inspect.signature(f).parameters if p != "seed")  # type: ignore[arg-type]  # it is called
    if len(args) > len(names):
        lo.refuse(node, f"this distribution has {len(names)} parameters, {len(args)} were given", "called here")
    return Partial(lift(f), (), {**dict(zip(names, args, strict=False)), **keywords})


def _python(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a function, class or method that is written in Python."""
    ours = str(getattr(f, "__module__", "")).startswith("adcompile.")
    if isinstance(f, types.FunctionType) and (lo.frame.rule or (lo.frame.macro and ours)):
        return calls.run_function(lo, rule_sources.rule_source(f), args, keywords, node, True)
    made = None
    if isinstance(f, type):
        made = bars.make(lo, f, args, keywords, node) if bars.is_bar(f) else instances.make(lo, f, args, keywords, node)
    if made is not None:
        return made
    if args and (name := copies.known_function(f)) is not None:
        return copies.call_known(lo, name, args, keywords, node)
    if isinstance(f, types.FunctionType):
        return run_python(lo, f, args, keywords, node)
    if isinstance(f, types.MethodType):
        bound = [lo.constant(f, "__self__", f.__self__, node), *args]
        call = functools.partial(calls.call, lo, lift(f.__func__), bound, keywords, node)
        return call() if places.place_of(f) is None else _or_as_it_is(lo, f, args, keywords, node, call)
    return None


def _constant(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a function of constants while compiling."""
    known = all(map(is_static, args)) and all(map(is_static, keywords.values()))
    return compute_now(lo, f, args, keywords, node) if known and _pure(f) else None


Carrier = Callable[["Lowering", Callable[..., object], Args, Keywords, ast.AST], Value | None]

COMPUTING: Final[tuple[Carrier, ...]] = (_custom, _exception, _special, _builtin, _derivative, _numeric, _impure)
RUNNING: Final[tuple[Carrier, ...]] = (_wrapped, _python, _constant)


def call_getter(lo: Lowering, f: object, args: Args, node: ast.AST) -> Value:
    """Call what operator.itemgetter, attrgetter or methodcaller made."""
    if len(args) != 1:
        lo.refuse(node, f"{type(f).__name__} takes one argument, {len(args)} were given", "called here")
    reduced = f.__reduce__()
    assert isinstance(reduced, tuple)
    given = reduced[1]  # what it was made with
    name, *rest = given
    if isinstance(f, operator.methodcaller):
        return calls.call(lo, access.attribute(lo, args[0], name, node), [lift(a) for a in rest], {}, node)
    if isinstance(f, operator.attrgetter):
        found = [functools.reduce(lambda v, n: access.attribute(lo, v, n, node), n.split("."), args[0]) for n in given]
    else:
        items = [ast.Subscript(ast.Name("_", ast.Load()), ast.Constant(key), ast.Load()) for key in given]
        found = [access.read_item(lo, args[0], ast.copy_location(item, node)) for item in items]
    return found[0] if len(found) == 1 else Node("tuple", tuple(found))


def run_python(lo: Lowering, f: types.FunctionType, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Run a Python function in place; one that cannot be lowered is called as it is, where no derivative is lost."""
    if places.is_pure(f):
        known = opaque_samples.sampled(lo, f, args, keywords, node)
        if known is not None:
            return known

    def run() -> Value:
        return calls.run_function(lo, resolve(f, generators=True), args, keywords, node)

    return _or_as_it_is(lo, f, args, keywords, node, run)


def _or_as_it_is(
    lo: Lowering,
    f: Callable[..., object],
    args: Args,
    keywords: Keywords,
    node: ast.AST,
    run: Callable[[], Value],
) -> Value:
    """Run a function in place, or call it as it is where it cannot be lowered."""
    mark, names, known = lo.builder.mark(), lo.snapshot(), lo.known_outside()
    try:
        return run()
    except Unbound:
        raise
    except FAILURES as error:
        if not (isinstance(error, CompileError) or places.of_a_package(f)):
            raise
        lo.builder.rewind(mark)
        lo.restore(names)
        lo.forget_outside(known)
        made = opaque.instead(lo, f, args, keywords, node)
        if made is None:
            raise
        return made


# What lowering the code of other packages, which may do anything, may raise.
FAILURES: Final = (CompileError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


def _static_argument(lo: Lowering, value: Value) -> object:
    """Return what a function of a rule's receives: constants as they are, run-time operands as variables."""
    if isinstance(value, Node):
        items = [_static_argument(lo, c) for c in value.children]
        if value.kind == "dict":
            return dict(zip(value.keys, items, strict=True))
        return tuple(items) if value.kind == "tuple" else items
    if isinstance(value, Ref):
        return lo.read(value)
    return value if isinstance(value, Var) else static_value(value)


def _pure(f: object) -> bool:
    """Tell whether calling a C function of constants when compiling is the same as calling it at run time."""
    if isinstance(f, types.BuiltinMethodType) and isinstance(f.__self__, str | bytes | int | float | tuple | frozenset):
        return True
    if isinstance(f, types.BuiltinMethodType) and f.__self__ in (int, float, str, bytes):
        return True
    if f is getattr(sys.modules.get("dataclasses"), "fields", None):
        return True
    return f in (
        np.dtype,
        isinstance,
        issubclass,
        str,
        repr,
        hash,
        math.prod,
        math.gcd,
        divmod,
        sorted,
        ord,
        chr,
        bin,
        oct,
        hex,
        format,
        hasattr,
        getattr,
        operator.itemgetter,
        operator.attrgetter,
        operator.methodcaller,
    )


def compute_now(lo: Lowering, f: object, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    assert callable(f)
    try:
        return lift(f(*map(static_value, args), **{k: static_value(v) for k, v in keywords.items()}))
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        lo.refuse(node, f"this call fails: {error!r}", "here")


def unknown(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    try:
        found = None if sourceless.stand_in(f) is not None else target(f)
    except CompileError:
        found = None
    made = None if found is not None else opaque.call_function(lo, f, args, keywords, node)
    if made is not None:
        return made
    if found is None:
        name = getattr(f, "__qualname__", None) or getattr(f, "__name__", None) or repr(f)
        module = getattr(f, "__module__", None)
        full = f"{module}.{name}" if module and module != "builtins" else str(name)
        lo.refuse(
            node,
            f"no derivative rule for {full}",
            "not known to the compiler",
            instead_of(full),
        )
    merged = {**{k: lift(v) for k, v in found.keywords.items()}, **keywords}
    run = functools.partial(calls.run_function, lo, found.source, [*map(lift, found.bound), *args], merged, node)
    return _or_as_it_is(lo, f, args, keywords, node, run) if places.of_a_package(f) else run()
