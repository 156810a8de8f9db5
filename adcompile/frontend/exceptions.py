"""Lower `try`: what is raised inside becomes a flag, and what follows runs only where the flag is not set.

    try:                                   raised = b == 0.0
        c = a / b                          if not raised:
    except ZeroDivisionError:      ->          c = a / b
        c = a                              if raised:
                                               c = a

A `raise` that some `try` around it catches sets the flag; others are raised as they are. Operations whose exceptions
can be told from their operands are tested before they run, where a `try` around them catches those.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import branches, expressions, lists
from adcompile.frontend.desugar import CODE, ENDED, MESSAGE, RAISED, RETURNED, jumps
from adcompile.frontend.splitting import ends, is_part, split
from adcompile.frontend.state import Conflict, Frame
from adcompile.frontend.values import Ref, Value, is_static, static_value
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Const, Var
from adcompile.ir.structure import Node
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


# -- raising


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


# -- blocks inside a try


def run_guarded(lo: Lowering, body: Sequence[ast.stmt], run_one: Callable[[ast.stmt], None]) -> None:
    """Lower a block in which each statement runs only where the ones before did not raise."""
    waiting = [part for stmt in body for part in split(stmt)]
    for k, stmt in enumerate(waiting):
        test_operands(lo, stmt)
        if goes_on(lo, stmt, [stmt, *waiting[k + 1 :]], run_one):
            return
        run_one(stmt)
        if goes_on(lo, stmt, waiting[k + 1 :], run_one):
            return


def forget(lo: Lowering, stmt: ast.stmt) -> None:
    """Forget the parts of a statement that was split, once it has been run."""
    own = ends(stmt) if lo.catchers else None
    if own is not None:
        for name in [n for n in lo.frame.names if n.startswith(own)]:
            del lo.frame.names[name]


def goes_on(lo: Lowering, stmt: ast.stmt, rest: Sequence[ast.stmt], run_one: Callable[[ast.stmt], None]) -> bool:
    """If something was raised, lower the rest for where it was not; tell whether that is done."""
    flag = raised(lo)
    if isinstance(flag, Const):
        return bool(flag.value)
    if rest:
        untouched(lo, stmt, flag, lambda: run_tested(lo, rest, run_one))
    return True


def untouched(lo: Lowering, node: ast.AST, flag: Atom, run: Callable[[], None]) -> None:
    """Run something where nothing was raised."""

    def quiet() -> None:
        lo.frame.names.update({RAISED: FALSE, ENDED: FALSE})
        run()

    branches.merge(lo, node, flag, lambda: known(lo), quiet)


def known(lo: Lowering) -> None:
    lo.frame.names.update({RAISED: TRUE, ENDED: TRUE})


def run_tested(lo: Lowering, body: Sequence[ast.stmt], run_one: Callable[[ast.stmt], None]) -> None:
    """Lower a block whose first statement's operands have been tested."""
    run_one(body[0])
    if not goes_on(lo, body[0], body[1:], run_one) and body[1:]:
        run_guarded(lo, body[1:], run_one)


# -- try


def try_(lo: Lowering, stmt: ast.Try, run: Callable[[Sequence[ast.stmt]], None]) -> None:
    """Lower a `try` statement."""
    handlers = [(classes_of(lo, h), h) for h in stmt.handlers]
    first = len(lo.sites)
    lo.frame.names[ENDED] = lo.frame.names[RETURNED]
    lo.catchers.append(Catcher(tuple(c for classes, _ in handlers for c in classes), bool(stmt.finalbody)))
    run(stmt.body)
    lo.catchers.pop()
    codes = range(first + 1, len(lo.sites) + 1)
    if stmt.finalbody:
        lo.catchers.append(Catcher((), True))
    flag = raised(lo)
    if isinstance(flag, Const):
        if flag.value:
            dispatch(lo, handlers, list(codes), run)
        else:
            run(stmt.orelse)
    else:
        untouched_or(lo, stmt, flag, lambda: dispatch(lo, handlers, list(codes), run), lambda: run(stmt.orelse))
    if stmt.finalbody:
        lo.catchers.pop()
        finally_(lo, stmt, lambda: run(stmt.finalbody), range(first + 1, len(lo.sites) + 1))
    if not lo.catchers:
        lo.frame.names[RAISED] = FALSE  # what nothing catches has been raised
    for name in [n for n in lo.frame.names if is_part(n)]:
        del lo.frame.names[name]


def untouched_or(
    lo: Lowering, node: ast.AST, flag: Atom, caught: Callable[[], None], otherwise: Callable[[], None]
) -> None:
    def one() -> None:
        known(lo)
        lo.frame.names[RETURNED] = FALSE
        caught()

    def other() -> None:
        if ended:
            lo.frame.names[RETURNED] = TRUE
        lo.frame.names.update({RAISED: FALSE, ENDED: lo.frame.names[RETURNED]})
        otherwise()

    ended = lo.frame.names[ENDED] is TRUE  # what did not raise has returned

    branches.merge(lo, node, flag, one, other)


def classes_of(lo: Lowering, handler: ast.ExceptHandler) -> Exceptions:
    if handler.type is None:
        return (BaseException,)
    found = lo.static(expressions.evaluate(lo, handler.type), handler.type)
    classes = found if isinstance(found, tuple) else (found,)
    if not all(isinstance(c, type) and issubclass(c, BaseException) for c in classes):
        lo.refuse(handler.type, "this is not a class of exceptions", "here", "name the classes that are caught")
    return classes


Handlers = Sequence[tuple[Exceptions, ast.ExceptHandler]]


def dispatch(lo: Lowering, handlers: Handlers, codes: list[int], run: Callable[[Sequence[ast.stmt]], None]) -> None:
    """Run the first handler that catches what was raised, at one of the places with these codes."""
    for k, (classes, handler) in enumerate(handlers):
        mine = [c for c in codes if issubclass(lo.sites[c - 1], classes)]
        others = [c for c in codes if c not in mine]
        if not mine:
            continue
        test = among(lo, mine) if others else TRUE
        here = functools.partial(handle, lo, handler, mine, run)
        if isinstance(test, Const):
            if test.value:
                here()
                return
        else:
            rest = handlers[k + 1 :]
            branches.merge(lo, handler, test, here, lambda: dispatch(lo, rest, others, run))  # noqa: B023  # run now
            return


def among(lo: Lowering, codes: list[int]) -> Atom:
    """Tell whether what was raised comes from one of these places."""
    code = lo.frame.names[CODE]
    assert isinstance(code, Var | Const)
    found: Atom = FALSE
    for c in codes:
        found = expressions.either(lo, found, lo.builder.emit("eq", code, Const(c)))
    return found


def handle(
    lo: Lowering, handler: ast.ExceptHandler, codes: list[int], run: Callable[[Sequence[ast.stmt]], None]
) -> None:
    names = lo.frame.names
    message = names.get(MESSAGE, UNDEFINED)
    names.update({RAISED: FALSE, ENDED: FALSE})
    if handler.name is not None:
        held = isinstance(message, Var) or (isinstance(message, Const) and isinstance(message.value, str))
        lo.assign_name(lo.frame, handler.name, message if held else Const(Conflict("is an exception without one text")))
    lo.handling.append((codes, message))
    run(handler.body)
    lo.handling.pop()
    if handler.name is not None:
        lo.assign_name(lo.frame, handler.name, UNDEFINED)


def finally_(lo: Lowering, stmt: ast.Try, run: Callable[[], None], codes: range) -> None:
    """Run the last block of a `try` on every path, and go on with what was raised."""
    flag = raised(lo)
    if isinstance(flag, Const) and not flag.value:
        run()
        return
    if jumps(stmt.finalbody):
        lo.refuse(stmt.finalbody[0], "a jump out of `finally` is not supported where something may be raised", "here")
    held = {key: lo.frame.names.get(key, UNDEFINED) for key in STATE}
    lo.frame.names.update({RAISED: FALSE, ENDED: FALSE})
    run()
    if raised(lo) is not FALSE:
        lo.refuse(stmt.finalbody[0], "an exception raised in `finally` is not supported", "here")
    lo.frame.names.update(held)
    for code in codes:
        cls = lo.sites[code - 1]
        if not catches(lo, cls):
            raise_where(lo, stmt, flag, code, cls)


def raise_where(lo: Lowering, stmt: ast.stmt, flag: Atom, code: int, cls: type[BaseException]) -> None:
    """Raise an exception that no `try` catches, after the `finally` that had to run first."""
    message = lo.frame.names.get(MESSAGE, UNDEFINED)
    mine = expressions.both(lo, flag, among(lo, [code]))
    if isinstance(mine, Const):
        if mine.value:
            emit(lo, stmt, cls, message)
        return
    branches.merge(lo, stmt, mine, lambda: emit(lo, stmt, cls, message), lambda: None)


def emit(lo: Lowering, node: ast.AST, cls: type[BaseException], message: Value) -> None:
    """Make the equation that raises."""
    if cls.__module__ != "builtins":
        refuse_class(lo, node, cls)
    atoms = (message,) if isinstance(message, Var) or (isinstance(message, Const) and message.type.is_numeric) else ()
    if isinstance(message, Const) and isinstance(message.value, str):
        atoms = (message,)
    lo.builder.emit_many("raise", atoms, (cls.__name__,), ())


def refuse_class(lo: Lowering, node: ast.AST, cls: type[BaseException]) -> None:
    message = f"`{cls.__name__}` is not a built-in exception"
    lo.refuse(node, message, "here", "raise ValueError or another built-in one")


# -- raise


def raise_(lo: Lowering, stmt: ast.Raise) -> None:
    """Lower a `raise` statement."""
    if stmt.exc is None:
        again(lo, stmt)
        return
    match stmt.exc:
        case ast.Call(func=func, args=args, keywords=[]):
            atoms = tuple(expressions.message(lo, a) for a in args)
        case func:
            atoms = ()
    value = expressions.evaluate(lo, func)
    cls = value.value if isinstance(value, Const) else None
    if not (isinstance(cls, type) and issubclass(cls, BaseException)):
        lo.refuse(stmt.exc, "this form of raise is not supported", "here", "write `raise ErrorName(message)`")
    if catches(lo, cls):
        throw(lo, cls, atoms[0] if len(atoms) == 1 else Const(""))
        return
    if cls.__module__ != "builtins":
        refuse_class(lo, stmt.exc, cls)
    lo.builder.emit_many("raise", atoms, (cls.__name__,), ())


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


# -- operations that raise


def handled(lo: Lowering, cls: type[BaseException]) -> bool:
    """Tell whether some `try` around has a handler for exceptions of a class."""
    return any(issubclass(cls, c.classes) for c in lo.catchers)


def test_operands(lo: Lowering, stmt: ast.stmt) -> None:
    """Set the flags where the operation of a split statement raises what some `try` catches."""
    match stmt:
        case ast.Assign(value=ast.BinOp(left=left, op=op, right=right)):
            found = division(lo, left, op, right)
        case ast.Assign(value=ast.Subscript(value=base, slice=index)):
            found = subscript(lo, base, index)
        case ast.Assign(targets=[ast.Subscript(value=base, slice=index)]):
            found = subscript(lo, base, index, stores=True)
        case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
            found = division(lo, ast.copy_location(ast.Name(target.id, ast.Load()), target), op, value)
        case ast.Assign(value=ast.Call() as call) | ast.Expr(value=ast.Call() as call):
            found = called(lo, call)
        case _:
            return
    if found is not None and not (isinstance(found[1], Const) and not found[1].value):
        cls, cond, message = found
        throw(lo, cls, Const(message), cond)


Found = tuple[type[BaseException], Atom, str]


def number(lo: Lowering, node: ast.expr) -> Atom | None:
    """Return a Python number that an operand is; None if it is something else."""
    if not isinstance(node, ast.Name | ast.Constant | ast.UnaryOp):
        return None
    value = expressions.evaluate(lo, node)
    plain = isinstance(value, Var | Const) and value.type.kind == "py" and value.type.is_numeric
    return value if plain and isinstance(value, Var | Const) else None


def is_zero(lo: Lowering, a: Atom) -> Atom:
    return lo.builder.emit("eq", a, Const(0))


def division(lo: Lowering, left: ast.expr, op: ast.operator, right: ast.expr) -> Found | None:
    if not handled(lo, ZeroDivisionError):
        return None
    a, b = number(lo, left), number(lo, right)
    if a is None or b is None:
        return None
    match op:
        case ast.Div():
            whole = a.type.dtype is int and b.type.dtype is int
            return ZeroDivisionError, is_zero(lo, b), "division by zero" if whole else "float division by zero"
        case ast.FloorDiv():
            return ZeroDivisionError, is_zero(lo, b), "integer division or modulo by zero"
        case ast.Mod():
            return ZeroDivisionError, is_zero(lo, b), "integer modulo by zero"
        case ast.Pow():
            negative = lo.builder.emit("lt", b, Const(0))
            text = "0.0 cannot be raised to a negative power"
            return ZeroDivisionError, expressions.both(lo, is_zero(lo, a), negative), text
    return None


def subscript(lo: Lowering, base_node: ast.expr, index_node: ast.expr, stores: bool = False) -> Found | None:
    if not (handled(lo, IndexError) or handled(lo, KeyError)) or isinstance(index_node, ast.Slice | ast.Tuple):
        return None
    base, index = expressions.evaluate(lo, base_node), expressions.evaluate(lo, index_node)
    if isinstance(base, Node) and base.kind == "dict":
        known = is_static(index) and static_value(index) in base.keys
        missing = is_static(index) and not known and not stores and handled(lo, KeyError)
        return (KeyError, TRUE, repr(static_value(index))) if missing else None
    if not isinstance(index, Var | Const) or not index.type.is_scalar or index.type.dtype is bool:
        return None
    if isinstance(base, Node):
        length: Atom = Const(len(base.children))
        kind: str = base.kind
    elif isinstance(base, Ref) and lists.is_list(lo, base):
        length, kind = lists.length(lo, base), "list"
    elif isinstance(base, Ref):
        first = lo.length_of(lo.atom(base), 0)
        assert isinstance(first, Var | Const)
        length, kind = first, "index"
    else:
        return None
    if not handled(lo, IndexError):
        return None
    low = lo.builder.emit("lt", index, lo.builder.emit("neg", length))
    high = lo.builder.emit("ge", index, length)
    text = "index out of bounds" if kind == "index" else f"{kind} index out of range"
    return IndexError, expressions.either(lo, low, high), text


DOMAINS: Final[dict[object, tuple[tuple[str, float], ...]]] = {
    math.log: (("le", 0.0),),
    math.log2: (("le", 0.0),),
    math.log10: (("le", 0.0),),
    math.log1p: (("le", -1.0),),
    math.sqrt: (("lt", 0.0),),
    math.asin: (("lt", -1.0), ("gt", 1.0)),
    math.acos: (("lt", -1.0), ("gt", 1.0)),
}


def called(lo: Lowering, call: ast.Call) -> Found | None:
    """Return when a call of a function with a primitive raises."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "pop" and handled(lo, IndexError) and not call.args:
        base = expressions.evaluate(lo, call.func.value)
        if isinstance(base, Ref) and lists.is_list(lo, base):
            return IndexError, is_zero(lo, lists.length(lo, base)), "pop from empty list"
        if isinstance(base, Node) and base.kind == "list" and not base.children:
            return IndexError, TRUE, "pop from empty list"
        return None
    if not isinstance(call.func, ast.Name | ast.Attribute) or not call.args or isinstance(call.args[0], ast.Starred):
        return None
    f = function(lo, call.func)
    if f in DOMAINS and handled(lo, ValueError):
        x = lo.number(expressions.evaluate(lo, call.args[0]), call)
        cond: Atom = FALSE
        for op, bound in DOMAINS[f]:
            cond = expressions.either(lo, cond, lo.builder.emit(op, x, Const(bound)))
        return ValueError, cond, "math domain error"
    if f in (np.linalg.solve, np.linalg.inv) and handled(lo, np.linalg.LinAlgError):
        from adcompile.frontend import application

        pair = application.apply(lo, np.linalg.slogdet, [expressions.evaluate(lo, call.args[0])], {}, call)
        sign = pair.children[0] if isinstance(pair, Node) else NONE
        return np.linalg.LinAlgError, is_zero(lo, lo.number(sign, call)), "Singular matrix"
    return None


def function(lo: Lowering, node: ast.expr) -> object:
    """Return the function that is called by a path of names; None if it is none from outside."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    value = expressions.name_value(lo, node.id, node)
    found = value.value if isinstance(value, Const) else None
    for name in path:
        found = getattr(found, name, None)
    try:
        hash(found)
    except TypeError:
        return None
    return found
