"""What is raised while a `try` is around: a flag that says so, the number of the place, and the message.

A `raise` that some `try` around it catches sets the flag; others are raised as they are.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from adcompile.frontend import expressions, texts
from adcompile.frontend.desugar import CODE, ENDED, MESSAGE, RAISED
from adcompile.frontend.frames import Frame
from adcompile.frontend.values import Value
from adcompile.ir.core import FALSE, TRUE, UNDEFINED, Atom, Const, Var
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

STATE: Final = (RAISED, CODE, MESSAGE, ENDED)
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
    module = {"builtins": "", "numpy.linalg": "np.linalg."}.get(cls.__module__)
    return "" if module is None else f"{module}{cls.__name__}"


def throw(lo: Lowering, cls: type[BaseException], message: Value, cond: Atom = TRUE) -> None:
    """Set the flags of an exception that is raised where `cond` is true."""
    only_one(lo, None)
    lo.sites.append(cls)
    lo.frame.names.update({RAISED: cond, CODE: Const(len(lo.sites)), MESSAGE: message, ENDED: cond})


def only_one(lo: Lowering, node: ast.AST | None) -> None:
    if raised(lo) is not FALSE:
        place = node or lo.frame.statement
        lo.refuse(place, "several things in one expression may raise what is caught", "here", "give each a line")


def raised(lo: Lowering) -> Atom:
    found = lo.frame.names.get(RAISED, FALSE)
    assert isinstance(found, Var | Const)
    return found


def begin(lo: Lowering) -> None:
    """At the start of a trip of a loop nothing is raised: that would have ended the loop."""
    lo.frame.names.update({RAISED: FALSE, ENDED: FALSE})


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
    match stmt.exc:
        case ast.Call(func=func, args=args, keywords=[]):
            atoms = tuple(texts.message(lo, a) for a in args)
        case func:
            atoms = ()
    value = expressions.evaluate(lo, func)
    cls = value.value if isinstance(value, Const) else None
    if not (isinstance(cls, type) and issubclass(cls, BaseException)):
        lo.refuse(stmt.exc, "this form of raise is not supported", "here", "write `raise ErrorName(message)`")
    if catches(lo, cls):
        throw(lo, cls, atoms[0] if len(atoms) == 1 else Const(""))
        return
    if not spelled(cls):
        refuse_class(lo, stmt.exc, cls)
    lo.builder.emit_many("raise", atoms, (spelled(cls),), ())


def again(lo: Lowering, stmt: ast.Raise) -> None:
    """Lower ``raise`` in a handler: what was caught goes on."""
    if not lo.handling:
        lo.refuse(stmt, "there is no exception to raise again", "here", "write `raise ErrorName(message)`")
    codes, message = lo.handling[-1]
    classes = {lo.sites[c - 1] for c in codes}
    if len(classes) > 1:
        lo.refuse(stmt, "which exception this raises again is known only at run time", "here", "catch them one by one")
    (cls,) = classes
    if catches(lo, cls):
        throw(lo, cls, message)
    else:
        emit(lo, stmt, cls, message)


def emit(lo: Lowering, node: ast.AST, cls: type[BaseException], message: Value) -> None:
    """Make the equation that raises."""
    if not spelled(cls):
        refuse_class(lo, node, cls)
    atoms = (message,) if isinstance(message, Var) or (isinstance(message, Const) and message.type.is_numeric) else ()
    if isinstance(message, Const) and isinstance(message.value, str):
        atoms = (message,)
    lo.builder.emit_many("raise", atoms, (spelled(cls),), ())


def refuse_class(lo: Lowering, node: ast.AST, cls: type[BaseException]) -> None:
    message = f"`{cls.__name__}` is not a built-in exception"
    lo.refuse(node, message, "here", "raise ValueError or another built-in one")
