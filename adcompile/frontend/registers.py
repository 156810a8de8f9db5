"""What lives outside of the function and is changed by it: globals, attributes of classes, and lists, dicts and sets.

    global count
    count += 1          names["count"] = names["count"] + 1     names: the globals of the function's module
    log.append(v)       log.append(v)                           log: the list itself
    Model.made += 1     setattr(Model, "made", getattr(Model, "made") + 1)

These are hidden arguments, objects, of which nothing is known when compiling. They are read and stored to at run time,
once and in order. What they hold has no derivatives: where one would have to go through what was stored, the program is
refused, as with all calls of what is not known.
"""

from __future__ import annotations

import ast
import io
import types
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from adcompile.frontend import opaque_equations
from adcompile.frontend.frames import Unresolved
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Args, Ref, Value
from adcompile.ir.core import Const, Var
from adcompile.ir.forms import parts
from adcompile.ir.types import OBJECT, PY_BOOL, TEXT, Type
from adcompile.rules.opaque import UNKNOWN

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Question = tuple[str, int, str]
KEPT = "stored outside of the function, which would see the change"


def question(holder: object, name: str) -> Question:
    """Return what is resolved when what a holder has by a name is read and stored at run time."""
    return "register", id(holder), name


def holder_of(scope: Source, name: str) -> tuple[object, str]:
    """Return where the value of a free name is kept, and by which name: in the globals, or in a cell."""
    if scope.origin(name) == "closure":
        cells = dict(zip(scope.function.__code__.co_freevars, scope.function.__closure__ or (), strict=True))
        return cells[scope.mangle(name)], "cell_contents"
    return scope.function.__globals__, scope.mangle(name)


def declare(lo: Lowering, scope: Source, name: str, node: ast.AST) -> None:
    """Have a free name that a function assigns to be read and stored at run time."""
    try:
        holder, key = holder_of(scope, name)
    except KeyError:
        lo.refuse(node, f"`{name}` has no value yet", "assigned here", f"assign `{name}` outside of the function first")
    needed(lo, holder, key)


def needed(lo: Lowering, holder: object, name: str) -> None:
    """Have what a holder has by a name be read and stored at run time."""
    if question(holder, name) not in lo.resolved:
        raise Unresolved(question(holder, name))


def read_name(lo: Lowering, scope: Source, name: str, node: ast.AST) -> Value | None:
    """Return what a free name stands for when the program comes here; None if nothing that is lowered changes it."""
    try:
        holder, key = holder_of(scope, name)
    except KeyError:
        return None
    return read(lo, holder, key, scope.lookup(name), node) if question(holder, key) in lo.resolved else None


def store_name(lo: Lowering, scope: Source, name: str, value: Value, node: ast.AST) -> None:
    """Assign to a free name."""
    node = lo.frame.statement or node
    store(lo, *holder_of(scope, name), value, node)


def read(lo: Lowering, holder: object, name: str, now: object, node: ast.AST) -> Value:
    """Read from a holder. The type is that of what it has now, if that is a number or text."""
    result = Type("py", type(now)) if type(now) in (bool, int, float, complex) else TEXT
    if result == TEXT and type(now) is not str:
        result = UNKNOWN if now is None or isinstance(now, np.ndarray | np.generic) else OBJECT
    held = lo.capture_register(holder)
    if isinstance(holder, dict):
        return opaque_equations.emit(lo, "method", ("", "__getitem__"), (held,), [Const(name)], {}, (result,), node)
    return opaque_equations.emit(lo, "path", ("builtins", "getattr"), (), [held, Const(name)], {}, (result,), node)


def store(lo: Lowering, holder: object, name: str, value: Value, node: ast.AST) -> None:
    """Store into a holder."""
    held = lo.capture_register(holder)
    value = kept(lo, value, node)
    if isinstance(holder, dict):
        opaque_equations.emit(lo, "method", ("", "__setitem__"), (held,), [Const(name), value], {}, (OBJECT,), node)
    else:
        opaque_equations.emit(lo, "path", ("builtins", "setattr"), (), [held, Const(name), value], {}, (OBJECT,), node)


def kept(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return what is stored outside: a copy of an array, which may not change afterwards."""
    value = lo.current(value)
    if isinstance(value, Ref) and not lo.is_list(value):
        lo.remember(value, 0, KEPT)
        if lo.type_of(value) == UNKNOWN:
            return value
        return lo.emit(node, "copy", lo.read(value))
    return value


def changed(lo: Lowering, holder: object) -> None:
    """Have a list, dict or set from outside be changed at run time."""
    needed(lo, holder, "")


def is_changed(lo: Lowering, value: object) -> bool:
    """Tell whether a list, dict or set from outside is changed at run time."""
    return question(value, "") in lo.resolved or isinstance(value, set | io.IOBase)


def refuse_parts(lo: Lowering, name: str, value: object, node: ast.AST) -> None:
    """Refuse to read a container from outside of which a part is changed at run time, by another name."""
    if not any(isinstance(key, tuple) and key[:1] == ("register",) for key in lo.resolved):
        return
    held = parts(value)
    for part in () if held is None else held.children:
        if question(part, "") in lo.resolved:
            message = f"a part of `{name}` is changed in the function by another name"
            lo.refuse(node, message, "read here", "use one name for it, or pass it as an argument")
        refuse_parts(lo, name, part, node)


# -- lists, dicts and sets, and other objects of which only the class is known


def is_object(value: Value) -> bool:
    """Tell whether a value is an object of which only the class is known, and that has items for all one knows."""
    return isinstance(value, Var) and value.type.kind == "object" and not value.type.is_text and not value.type.layout


def call(lo: Lowering, held: Value, name: str, args: Args, node: ast.AST) -> Value:
    """Call a special method of an object, which says what its items are."""
    results = {"__contains__": PY_BOOL, "__setitem__": OBJECT, "__delitem__": OBJECT}
    values = [*args[:-1], kept(lo, args[-1], node)] if name == "__setitem__" else args
    return opaque_equations.emit(
        lo, "method", ("", name), (lo.atom(held),), values, {}, (results.get(name, UNKNOWN),), node
    )


def augmented(lo: Lowering, op: str, current: Value, right: Value, node: ast.AST) -> Value:
    """Lower the operation of ``held[k] op= value``, of which the operand may be anything."""
    name = {"div": "itruediv", "bitand": "iand", "bitor": "ior", "bitxor": "ixor"}.get(op, f"i{op}")
    return opaque_equations.emit(lo, "path", ("operator", name), (), [current, right], {}, (UNKNOWN,), node, True)


def refuse_iteration(lo: Lowering, node: ast.AST) -> NoReturn:
    lo.refuse(
        node,
        "this cannot be iterated over: only a run tells what it holds",
        "here",
        "make it an array, or pass what it holds as an argument",
    )


def of_class(lo: Lowering, value: Value) -> type | types.ModuleType | None:
    """Return a class or module from outside, whose attributes may be assigned."""
    held = value.value if isinstance(value, Const) else None
    return held if isinstance(held, type | types.ModuleType) and not lo.is_made(held) else None
