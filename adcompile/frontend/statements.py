"""Lower statements: assignments, stores, branches. Loops are in `loops`."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.errors import CompileError
from adcompile.frontend import (
    access,
    attempts,
    branches,
    calls,
    containers,
    elements,
    exceptions,
    expressions,
    lists,
    loops,
    managers,
    objects,
    rows,
    surgery,
)
from adcompile.frontend.desugar import ENDED, RETURNED, always_raises
from adcompile.frontend.operators import BINARY, apply_binary
from adcompile.frontend.state import Frame, Unbound, owner_of
from adcompile.frontend.values import Flat, LocalFunction, Ref, Rows, Slice, Value
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.records import replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def run(lo: Lowering, body: Sequence[ast.stmt]) -> None:
    """Lower a block of statements."""
    if lo.catchers and not lo.frame.rule:
        attempts.run_guarded(lo, body, lambda stmt: run_one(lo, stmt))
        return
    for stmt in body:
        run_one(lo, stmt)


def run_one(lo: Lowering, stmt: ast.stmt) -> None:
    if not lo.frame.rule:
        note_place(lo, stmt)
    lo.frame.statement = stmt
    try:
        statement(lo, stmt)
        attempts.forget(lo, stmt)
    except Unbound:
        if not lo.tolerant:
            raise
        lo.skipped = True


def note_place(lo: Lowering, stmt: ast.stmt) -> None:
    """Let what is built from now on come from a statement; of one in a helper, from where the helper is called."""
    from adcompile.frontend.state import is_ours

    outer = lo.builder.span
    if len(lo.frames) == lo.outermost:
        lo.builder.span = lo.frame.scope.span(stmt)
    elif outer is not None and outer.within != lo.frame.scope.name and not is_ours(lo.frame.scope):
        lo.builder.span = replace(outer, within=lo.frame.scope.name)


def decorated(lo: Lowering, stmt: ast.FunctionDef) -> Value:
    """Make a function inside the function being lowered, and apply its decorators, the last one first."""
    decorators = [expressions.evaluate(lo, d) for d in stmt.decorator_list]
    value: Value = LocalFunction(stmt, lo.frame, expressions.defaults(lo, stmt.args))
    for decorator, node in zip(reversed(decorators), reversed(stmt.decorator_list), strict=True):
        value = calls.call(lo, decorator, [value], {}, node)
    return value


def statement(lo: Lowering, stmt: ast.stmt) -> None:
    match stmt:
        case ast.Assign():
            value = expressions.evaluate(lo, stmt.value)
            for target in stmt.targets:
                assign(lo, target, value)
            surgery.keep_apart(lo, stmt)
        case ast.AnnAssign():
            if stmt.value is not None:
                assign(lo, stmt.target, expressions.evaluate(lo, stmt.value))
                surgery.keep_apart(lo, stmt)
        case ast.AugAssign():
            augment(lo, stmt)
            surgery.keep_apart(lo, stmt)
        case ast.If():
            if_(lo, stmt)
        case ast.For():
            loops.for_(lo, stmt)
        case ast.While():
            loops.while_(lo, stmt)
        case ast.Expr():
            expressions.evaluate(lo, stmt.value)
        case ast.Pass():
            pass
        case ast.Delete():
            for target in stmt.targets:
                delete(lo, target)
        case ast.Assert():
            assert_(lo, stmt)
        case ast.Raise():
            exceptions.raise_(lo, stmt)
        case ast.Try():
            attempts.try_(lo, stmt, lambda body: run(lo, body))
        case ast.FunctionDef():
            lo.assign_name(lo.frame, stmt.name, decorated(lo, stmt))
        case ast.Delete():
            for target in stmt.targets:
                delete(lo, target)
        case ast.Global() | ast.Nonlocal():
            declare(lo, stmt)
        case ast.Import() | ast.ImportFrom():
            import_(lo, stmt)
        case ast.With() if surgery.is_surgery(lo, stmt):
            surgery.with_adjoint(lo, stmt)
        case ast.With():
            managers.with_(lo, stmt, lambda body: run(lo, body), lambda target, value: assign(lo, target, value))
        case _:
            unsupported(lo, stmt)


_REMEDIES = {
    "ClassDef": "define the class outside the differentiated function",
}


def unsupported(lo: Lowering, stmt: ast.stmt) -> None:
    kind = type(stmt).__name__
    remedy = _REMEDIES.get(kind, "move it out of the differentiated function")
    lo.refuse(stmt, f"`{kind.lower()}` statements cannot be differentiated", "here", remedy)


# -- assignment


def assign(lo: Lowering, target: ast.expr, value: Value) -> None:
    """Bind a target to a value."""
    match target:
        case ast.Name():
            bind(lo, target.id, value)
        case ast.Tuple() | ast.List():
            unpack(lo, target, value)
        case ast.Subscript():
            store(lo, target, value)
        case ast.Attribute():
            store_attribute(lo, target, expressions.evaluate(lo, target.value), value)
        case _:
            lo.refuse(target, "this assignment target is not supported", "here", "assign to names, tuples or items")


def bind(lo: Lowering, name: str, value: Value, frame: Frame | None = None) -> None:
    """Give a value a name, which emitted code will keep if the value has no other."""
    lo.assign_name(frame or lo.frame, name, value)
    if name == RETURNED and lo.catchers:
        lo.frame.names[ENDED] = value
    var = value if isinstance(value, Var) else lo.cells[value.cell] if isinstance(value, Ref) else None
    if var is not None and var not in lo.names and not name.startswith(".") and not lo.frame.rule:
        lo.names[var] = _numbered(lo, var, name)


def _numbered(lo: Lowering, var: Var, name: str) -> str:
    """Return a name, with a number if `var` is an argument and another argument has the name.

    The weight of each layer that a loop visits is `weight` in the loop; they become weight, weight_1, ...
    """
    params = lo.builder.params
    if params.get(var.name) is not var:
        return name
    taken = {lo.names.get(p) for p in params.values()}
    return next(n for n in itertools.chain([name], (f"{name}_{k}" for k in itertools.count(1))) if n not in taken)


def unpack(lo: Lowering, target: ast.Tuple | ast.List, value: Value) -> None:
    starred = [i for i, e in enumerate(target.elts) if isinstance(e, ast.Starred)]
    n = len(target.elts)
    items = expressions.items_of(lo, value, target, None if starred else n)
    if starred:
        k = starred[0]
        after = n - k - 1
        if len(items) < n - 1:
            lo.refuse(target, f"{len(items)} values cannot be unpacked into {n - 1} or more names", "here")
        rest: Value = lo.container("list", items[k : len(items) - after])
        items = [*items[:k], rest, *items[len(items) - after :]]
    elif len(items) != n:
        lo.refuse(target, f"{len(items)} values cannot be unpacked into {n} names", "here")
    for element, item in zip(target.elts, items, strict=True):
        assign(lo, element.value if isinstance(element, ast.Starred) else element, item)


def store(lo: Lowering, target: ast.Subscript, value: Value) -> None:
    """Lower ``a[i] = value``."""
    base = expressions.evaluate(lo, target.value)
    if isinstance(base, Flat):
        ref = elements.location(lo, base, expressions.evaluate(lo, target.slice), target)
        lo.write(ref, expressions.number(lo, value, target), target)
        return
    if isinstance(base, Rows):
        rows.store(lo, base, expressions.evaluate(lo, target.slice), value, target)
        return
    if not isinstance(base, Ref):
        store_item(lo, target, base, value)
        return
    if lists.is_list(lo, base):
        lists.store(lo, base, expressions.evaluate(lo, target.slice), value, target)
        return
    ref = location(lo, base, target)
    lo.write(ref, expressions.number(lo, value, target), target)


def store_attribute(lo: Lowering, target: ast.Attribute, base: Value, value: Value) -> None:
    """Lower ``base.name = value``."""
    if objects.is_object(base):
        assert isinstance(base, Node)
        objects.assign(lo, base, target.attr, value, target)
        return
    lo.refuse(
        target,
        f"assignment to the attribute `{target.attr}` cannot be differentiated",
        "this object comes from outside the function" if isinstance(base, Const) else "here",
        "pass the object as an argument, or keep the value in a local variable, a list or an array",
    )


def delete(lo: Lowering, target: ast.expr) -> None:
    """Lower ``del target``."""
    match target:
        case ast.Name(id=name):
            expressions.name_value(lo, name, target)
            lo.assign_name(lo.frame, name, UNDEFINED)
        case ast.Tuple() | ast.List():
            for element in target.elts:
                delete(lo, element)
        case ast.Attribute():
            base = expressions.evaluate(lo, target.value)
            if not objects.is_object(base) or not isinstance(base, Node):
                lo.refuse(target, "this attribute cannot be deleted", "here")
            objects.delete(lo, base, target.attr, target)
        case ast.Subscript():
            base = expressions.evaluate(lo, target.value)
            index = expressions.evaluate(lo, target.slice)
            own = objects.method(lo, base, "__delitem__", target)
            if own is not None:
                calls.call(lo, own, [index], {}, target)
            else:
                containers.delete_item(lo, base, index, target)
        case _:
            lo.refuse(target, "this cannot be deleted", "here")


def location(lo: Lowering, base: Ref, target: ast.Subscript) -> Ref:
    """Return the part of an array that a subscript denotes, as something to write to."""
    step, atoms = access.subscript(lo, target.slice)
    if any("a" in s or "m" in s for s in base.path if isinstance(s, str)):
        raise AssertionError("an advanced subscript makes a new array")
    return Ref(base.cell, (*base.path, step), base.atoms + atoms)


def store_item(lo: Lowering, target: ast.Subscript, base: Value, value: Value) -> None:
    """Store into a list or dict whose structure is known."""
    own = objects.method(lo, base, "__setitem__", target)
    if own is not None:
        calls.call(lo, own, [expressions.evaluate(lo, target.slice), value], {}, target)
        return
    if not isinstance(base, Node) or base.kind in ("tuple", "object"):
        lo.refuse(target, "this object does not support item assignment", "not an array, a list or a dict")
    children, keys = list(base.children), list(base.keys)
    index = expressions.evaluate(lo, target.slice)
    if base.kind == "dict":
        key = lo.static(index, target.slice)
        if key in keys:
            children[keys.index(key)] = value
        else:
            keys.append(key)
            children.append(value)
    elif isinstance(index, Slice):
        bounds = lo.static(index, target.slice)
        assert isinstance(bounds, slice)
        children[bounds] = expressions.items_of(lo, value, target, None)
    else:
        children[access.position_in(lo, base, index, target)] = value
    lo.change(target, base, children, keys)


def declare(lo: Lowering, stmt: ast.Global | ast.Nonlocal) -> None:
    """Accept a declaration of names that are only read, or that belong to a function that is being compiled."""
    assert lo.frame.node is not None
    own = owner_of(lo.frame, stmt.names[0]) if isinstance(stmt, ast.Nonlocal) else lo.frame
    if isinstance(stmt, ast.Nonlocal) and own is not lo.frame:
        return
    stored = {n.id for n in ast.walk(lo.frame.node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    for name in stmt.names:
        if name in stored:
            lo.refuse(
                stmt,
                f"this function changes `{name}`, which lives outside the differentiated function",
                "here",
                "pass the value as an argument and return the new one",
            )


def augment(lo: Lowering, stmt: ast.AugAssign) -> None:
    """Lower ``target op= value``: arrays change in place, everything else is bound anew."""
    op = BINARY.get(type(stmt.op))
    if op is None:
        lo.refuse(stmt, "this operator is not supported")
    assert op is not None
    match stmt.target:
        case ast.Name(id=name):
            current = lo.current(expressions.name_value(lo, name, stmt.target))
            right = expressions.evaluate(lo, stmt.value)
            new = augmented(lo, op, current, right, stmt)
            if new is not None:
                bind(lo, name, new)
        case ast.Subscript():
            base = expressions.evaluate(lo, stmt.target.value)
            if isinstance(base, Flat):
                ref = elements.location(lo, base, expressions.evaluate(lo, stmt.target.slice), stmt.target)
                update_in_place(lo, ref, op, expressions.evaluate(lo, stmt.value), stmt)
            elif isinstance(base, Ref) and not lists.is_list(lo, base):
                ref = location(lo, base, stmt.target)
                update_in_place(lo, ref, op, expressions.evaluate(lo, stmt.value), stmt)
            else:
                augment_item(lo, stmt, op, base)
        case ast.Attribute():
            base = expressions.evaluate(lo, stmt.target.value)
            current = lo.current(access.attribute(lo, base, stmt.target.attr, stmt.target))
            new = augmented(lo, op, current, expressions.evaluate(lo, stmt.value), stmt)
            if new is not None or objects.watches(base, stmt.target.attr):
                store_attribute(lo, stmt.target, lo.current(base), lo.current(current) if new is None else new)
        case _:
            lo.refuse(stmt.target, "this assignment target is not supported", "here", "assign to names or items")


def augmented(lo: Lowering, op: str, current: Value, right: Value, stmt: ast.AugAssign) -> Value | None:
    """Lower the operation of ``x op= right``; return what is to be bound anew, None if `current` changed in place."""
    own = objects.special(lo, current, f"__i{objects.METHODS[op][0][2:]}", [right], stmt)
    if own is not None and not (isinstance(own, Const) and own.value is NotImplemented):
        return own
    if isinstance(current, Ref) and lists.is_list(lo, current):
        if op != "add":
            lo.refuse(stmt, "this operation on a list is not supported in place", "here")
        lists.extend(lo, current, right, stmt)
        return None
    if isinstance(current, Ref):
        update_in_place(lo, current, op, right, stmt)
        return None
    if isinstance(current, Node) and current.kind in ("list", "dict"):
        if containers.update_in_place(lo, op, current, right, stmt):
            return None
    return apply_binary(lo, op, current, right, stmt)


def augment_item(lo: Lowering, stmt: ast.AugAssign, op: str, base: Value) -> None:
    """Lower ``items[k] op= value`` for a list or dict."""
    assert isinstance(stmt.target, ast.Subscript)
    current = access.read_item(lo, base, stmt.target)
    right = expressions.evaluate(lo, stmt.value)
    new = augmented(lo, op, current, right, stmt)
    if new is None and not isinstance(stmt.target.slice, ast.Slice) and not objects.is_object(base):
        return
    new = lo.current(current) if new is None else new  # Python stores what was changed in place
    base = lo.current(base)
    if isinstance(base, Ref):
        lists.store(lo, base, expressions.evaluate(lo, stmt.target.slice), new, stmt)
    else:
        store_item(lo, stmt.target, base, new)


def update_in_place(lo: Lowering, ref: Ref, op: str, right: Value, stmt: ast.AugAssign) -> None:
    old = lo.read(ref)
    new = expressions.number(lo, apply_binary(lo, op, old, right, stmt), stmt)
    lo.assign_whole(ref, new, stmt)


# -- branches, checks


def if_(lo: Lowering, stmt: ast.If) -> None:
    cond = expressions.condition(lo, stmt.test)
    attempts.forget(lo, stmt)
    if isinstance(cond, Const):
        run(lo, stmt.body if cond.value else stmt.orelse)
        return
    flag = stmt.test.id if isinstance(stmt.test, ast.Name) and stmt.test.id.startswith(".") else None

    def side(body: Sequence[ast.stmt], taken: Atom) -> None:
        if flag is not None:
            lo.frame.names[flag] = taken  # a flag is what it was tested to be
        run(lo, body)

    branches.merge(
        lo,
        stmt,
        cond,
        lambda: side(stmt.body, TRUE),
        lambda: side(stmt.orelse, FALSE),
        (False, False) if lo.catchers else (always_raises(stmt.body), always_raises(stmt.orelse)),
    )


def assert_(lo: Lowering, stmt: ast.Assert) -> None:
    cond = expressions.condition(lo, stmt.test)
    if isinstance(cond, Const) and cond.value:
        return
    message = NONE if stmt.msg is None else expressions.message(lo, stmt.msg)
    lo.builder.emit_many("assert", (cond, message), (), ())


def import_(lo: Lowering, stmt: ast.Import | ast.ImportFrom) -> None:
    """Import modules while compiling: `import math` inside a function names the same module at run time."""
    import importlib

    try:
        if isinstance(stmt, ast.Import):
            for alias in stmt.names:
                module = importlib.import_module(alias.name)
                top = importlib.import_module(alias.name.partition(".")[0])
                name = alias.asname or alias.name.partition(".")[0]
                lo.assign_name(lo.frame, name, Const(module if alias.asname else top))
        elif stmt.level == 0 and stmt.module is not None:
            source = importlib.import_module(stmt.module)
            for alias in stmt.names:
                lo.assign_name(lo.frame, alias.asname or alias.name, Const(getattr(source, alias.name)))
        else:
            unsupported(lo, stmt)
    except (ImportError, AttributeError) as error:
        raise CompileError(f"this import fails: {error}", lo.span(stmt)) from error
