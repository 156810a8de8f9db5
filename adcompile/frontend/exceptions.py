"""What is raised while a `try` is around: a flag that says so, the number of the place, and the arguments.

A `raise` that some `try` around it catches sets the flag; others are raised as they are. An exception itself is an
object with the attribute `args`.
"""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from adcompile.frontend import calls, expressions, objects, texts
from adcompile.frontend.desugar import CODE, ENDED, MESSAGE, RAISED, RETURNED
from adcompile.frontend.frames import Conflict, Frame
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Ref, Value, lift
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Exceptions = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Catcher:
    """A `try` that is being lowered: what it catches, and whether it has to know of everything (`finally`)."""

    classes: Exceptions
    always: bool


def catches(lo: Lowering, cls: type[BaseException]) -> bool:
    """Tell whether some `try` around has to do with exceptions of a class."""
    return any(c.always or issubclass(cls, c.classes) for c in lo.catchers)


def handled(lo: Lowering, cls: type[BaseException]) -> bool:
    """Tell whether some `try` around has a handler for exceptions of a class."""
    return any(issubclass(cls, c.classes) for c in lo.catchers)


def spelled(cls: type[BaseException]) -> str:
    """Return how a program names a class of exceptions; "" for one that it does not know."""
    module = cls.__module__
    if module in ("builtins", "numpy.linalg"):
        return {"builtins": "", "numpy.linalg": "np.linalg."}[module] + cls.__name__
    known = module.partition(".")[0] in sys.stdlib_module_names
    return f"{module}.{cls.__name__}" if known and getattr(sys.modules.get(module), cls.__name__, None) is cls else ""


MADE: Final = ".made"  # what an exception was made with, where its class says what it holds


def make(
    lo: Lowering, cls: type[BaseException], args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST
) -> Value | None:
    """Make an exception: of a class with an `__init__` of its own, an object with what that assigns."""
    found = objects.find(cls, "__init__")
    given: Node[Value] = Node("tuple", tuple(args))
    if found is None or not isinstance(found[1], types.FunctionType) or isinstance(cls.__new__, types.FunctionType):
        return None if keywords else instance(cls, given)
    lo.depend(cls, "__init__", found[1])
    made: Value = given if not keywords else Const(Conflict("are passed by name"))
    new = lo.container("object", [given, made], ["args", MADE], cls)
    calls.call(lo, lift(found[1]), [new, *args], keywords, node)
    return lo.current(new)


def initialised(lo: Lowering, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower ``super().__init__(*args)`` in a class of exceptions."""
    held = lo.current(args[0])
    assert isinstance(held, Node)
    objects.assign(lo, held, "args", Node("tuple", tuple(args[1:])), node, raw=True)
    return NONE


def payload(lo: Lowering, value: Node[Value]) -> Value:
    """Return what is carried to the handler of an exception: its arguments, or all that it holds, of whatever class."""
    return lo.container("object", value.children, value.keys, Several) if MADE in value.keys else value.children[0]


def instance(cls: type[BaseException], args: Value) -> Node[Value]:
    """Return an exception with a tuple of arguments."""
    own = next(
        (c for c in cls.__mro__ if c.__module__ != "builtins" and {"__init__", "__new__"} & vars(c).keys()), None
    )
    return Node(
        "object", (args if own is None else Const(Conflict("are what its class makes of them")),), ("args",), cls=cls
    )


def single(arg: object) -> Node[Value]:
    """Return the arguments of an exception that has one, which is known."""
    return Node("tuple", (Const(arg),))


class Several(Exception):
    """The class of what is caught where it may be of one class or another, of which str() writes the arguments."""


class SeveralWritten(Several):
    """Likewise, where str() writes them in one way or another."""

    def __str__(self) -> str:
        return ""


def one_of(lo: Lowering, classes: set[type[BaseException]], args: Value) -> Value:
    """Return what a handler catches: of one of some classes, with these arguments, or with all that it holds."""
    own = any(isinstance(c.__init__, types.FunctionType) for c in classes)
    if isinstance(args, Const) and isinstance(args.value, Conflict) and (own or len(classes) > 1):
        return Const(Conflict("is one of several exceptions, which hold different things"))
    alike = all(c.__str__ in (BaseException.__str__, OSError.__str__) for c in classes)
    cls = next(iter(classes)) if len(classes) == 1 else Several if alike else SeveralWritten
    if isinstance(args, Node) and args.kind == "object":
        return lo.container("object", args.children, args.keys, cls)
    return instance(cls, args)


def is_several(value: Value) -> bool:
    """Tell whether a value is an exception of which only a run tells the class."""
    return isinstance(value, Node) and value.cls in (Several, SeveralWritten)


def refuse_several(lo: Lowering, node: ast.AST | None) -> NoReturn:
    message = "of which class this exception is will be known only at run time"
    lo.refuse(node, message, "one of several exceptions", "catch them one by one")


def is_exception(value: Value) -> bool:
    """Tell whether a value is an exception."""
    return isinstance(value, Node) and value.cls is not None and issubclass(value.cls, BaseException)


def shown(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return the text of an exception, as str() gives it; other values as they are."""
    if isinstance(value, Const) and isinstance(value.value, Conflict):
        lo.refuse(node, f"the text {value.value.reason}", "known only at run time", "catch the exceptions one by one")
    if not isinstance(value, Node) or not is_exception(value):
        return value
    assert value.cls is not None
    args = [shown(lo, a, node) for a in expressions.items_of(lo, shown(lo, value.children[0], node), node, None)]
    if value.cls is SeveralWritten:
        refuse_several(lo, node)
    written = objects.special(lo, value, "__str__", [], node)
    if written is not None:
        return written
    own = next(c for c in value.cls.__mro__ if "__str__" in vars(c))
    if len(args) > 1 or own not in (BaseException, KeyError):
        lo.refuse(node, f"the text of this {value.cls.__name__} is not known", "here", "read its `args`")
    if not args:
        return Const("")
    return texts.formatted(lo, "{!r}" if own is KeyError else "{}", args, node)


def throw(lo: Lowering, cls: type[BaseException], args: Value, cond: Atom = TRUE) -> None:
    """Set the flags of an exception that is raised where `cond` is true."""
    only_one(lo, None)
    lo.sites.append(cls)
    lo.frame.names.update({RAISED: cond, CODE: Const(len(lo.sites)), MESSAGE: args, ENDED: cond})


def only_one(lo: Lowering, node: ast.AST | None) -> None:
    if lo.frame.raised is not FALSE:
        place = node or lo.frame.statement
        lo.refuse(place, "several things in one expression may raise what is caught", "here", "give each a line")


def calm(lo: Lowering) -> None:
    """Nothing is raised here: at the start of a trip of a loop, in a handler, where the flag is not set."""
    returned = lo.frame.names.get(RETURNED, FALSE)
    lo.frame.names.update({RAISED: FALSE, ENDED: returned, MESSAGE: UNDEFINED})


def leave_call(lo: Lowering, inner: Frame, node: ast.AST) -> None:
    """Pass an exception that a call raised on to its caller."""
    found = inner.names.get(RAISED, FALSE)
    if found is FALSE or (isinstance(found, Const) and not found.value):
        return
    if lo.frame.node is None:
        lo.refuse(node, "an exception raised in a comprehension cannot be caught", "called here", "write a for loop")
    assert isinstance(found, Var | Const)
    only_one(lo, node)
    lo.frame.names.update({key: inner.names.get(key, UNDEFINED) for key in (RAISED, CODE, MESSAGE)})
    lo.frame.names[ENDED] = found


def raise_(lo: Lowering, stmt: ast.Raise) -> None:
    """Lower a `raise` statement."""
    if stmt.exc is None:
        again(lo, stmt)
        return
    value = expressions.evaluate(lo, stmt.exc)
    if isinstance(value, Const) and isinstance(value.value, type) and issubclass(value.value, BaseException):
        value = make(lo, value.value, (), {}, stmt) or NONE
    if not isinstance(value, Node) or not is_exception(value):
        lo.refuse(stmt.exc, "this form of raise is not supported", "here", "write `raise ErrorName(message)`")
    if is_several(value):
        refuse_several(lo, stmt)
    go(lo, stmt, value.cls, payload(lo, value))


def go(lo: Lowering, stmt: ast.stmt, cls: type | None, args: Value) -> None:
    """Raise an exception, or set the flags where some `try` catches it."""
    assert cls is not None
    if catches(lo, cls):
        throw(lo, cls, args)
    else:
        emit(lo, stmt, cls, args)


def again(lo: Lowering, stmt: ast.Raise) -> None:
    """Lower ``raise`` in a handler: what was caught goes on."""
    if not lo.handling:
        lo.refuse(stmt, "there is no exception to raise again", "here", "write `raise ErrorName(message)`")
    codes, args = lo.handling[-1]
    classes = {lo.sites[c - 1] for c in codes}
    if len(classes) > 1:
        lo.refuse(stmt, "which exception this raises again is known only at run time", "here", "catch them one by one")
    go(lo, stmt, classes.pop(), args)


def emit(lo: Lowering, node: ast.AST, cls: type[BaseException], args: Value) -> None:
    """Make the equation that raises. A class of the user's is a hidden argument."""
    raised = () if spelled(cls) else (held(lo, node, cls),)
    if isinstance(args, Node) and args.kind == "object":
        args = args.children[args.keys.index(MADE)]
    known = args.children if isinstance(args, Node) else ()
    atoms = tuple(lo.number(a, node) if isinstance(a, Ref) else texts.piece(lo, a, node) for a in known)
    if any(isinstance(a, Const) and isinstance(a.value, Conflict) for a in (args, *atoms)):
        lo.refuse(node, "what this exception holds is known only at run time", "here", "raise one with a text")
    lo.builder.emit_many("raise", (*raised, *atoms), (spelled(cls),), ())


def held(lo: Lowering, node: ast.AST, cls: type[BaseException]) -> Atom:
    """Return a class of exceptions of the user's: what a name outside of the function stands for."""
    scope = lo.frame.scope
    if isinstance(scope, Source) and not lo.is_made(cls) and _means(scope, cls.__name__, cls):
        return lo.capture_object(scope, cls.__name__, cls)
    message = f"`{cls.__name__}` is not known by this name outside of the function"
    lo.refuse(node, message, "here", "raise a built-in exception, or import this one by its name")


def _means(scope: Source, name: str, cls: type[BaseException]) -> bool:
    try:
        return scope.lookup(name) is cls
    except KeyError:
        return False
