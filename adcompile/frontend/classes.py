"""Class statements inside the function that is lowered.

    def f(x):
        @dataclass
        class Point:                        the class is made while compiling, by the code of the statement itself;
            a: float                        its methods are lowered as those of any class, and find the variables of
            def norm(self):                 `f` as functions made inside of `f` do
                return np.hypot(self.a, x)
        return Point(3.0).norm()

What the statement evaluates itself - bases, decorators, defaults, attributes - must be known when compiling, and do
nothing but compute. The cells of the variables that methods read say, by being those that were made here, in which
frame these are.
"""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.errors import CompileError
from adcompile.frontend import places
from adcompile.frontend.frames import Frame, lookup_local
from adcompile.frontend.lifetimes import may_be_read
from adcompile.frontend.nodes import children, walk
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Args, Keywords, Value, is_static, static_value
from adcompile.ir.core import UNDEFINED, Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def define(lo: Lowering, stmt: ast.ClassDef) -> Value:
    """Make the class of a class statement."""
    scope = lo.frame.scope
    code = _code_of(scope.function.__code__, stmt) if isinstance(scope, Source) and not lo.frame.rule else None
    if code is None or not isinstance(scope, Source) or stmt in lo.frame.desugared.origins or lo.frame.guests:
        lo.refuse(stmt, "`classdef` statements cannot be differentiated", "here", REMEDY)
    _check_body(lo, stmt, stmt, _bound(stmt))
    bases = [_evaluated(lo, b) for b in stmt.bases]
    keywords = {k.arg: _evaluated(lo, k.value) for k in stmt.keywords if k.arg is not None}
    decorators = [_evaluated(lo, d) for d in stmt.decorator_list]
    values = {name: lookup_local(lo.frame, name) for name in code.co_freevars}
    return _kept(
        lo, stmt, values, lambda: _make(lo, stmt, scope, code, values, bases, keywords, decorators), (stmt, lo.frame)
    )


REMEDY: Final = "define the class outside the differentiated function"


def _make(
    lo: Lowering,
    stmt: ast.ClassDef,
    scope: Source,
    code: types.CodeType,
    values: Mapping[str, Value | None],
    bases: list[object],
    keywords: dict[str, object],
    decorators: list[object],
) -> type:
    outer = dict(zip(scope.function.__code__.co_freevars, scope.function.__closure__ or (), strict=True))
    cells: list[types.CellType] = []
    for name, value in values.items():
        cell = outer[name] if value is None and name in outer else types.CellType()
        if value is not None:
            value = lo.unboxed(value)
            if is_static(value) and value is not UNDEFINED:
                cell.cell_contents = static_value(value)
            lo.made.cells[id(cell)] = cell, lo, lo.frame
        cells.append(cell)
    for inner in _codes(code):
        lo.made.scopes[id(inner)] = scope
    body = types.FunctionType(code, scope.function.__globals__, stmt.name, None, tuple(cells))
    try:
        made = builtins.__build_class__(body, stmt.name, *bases, **keywords)
        for decorator in reversed(decorators):
            assert callable(decorator)
            made = decorator(made)
    except NameError as error:
        name = error.name or "a name"
        lo.refuse(stmt, f"the body of this class reads `{name}`, which is known only at run time", "here", ASSIGN)
    except Exception as error:
        raise CompileError(f"this class statement fails: {error!r}", lo.span(stmt), "here") from error
    if not isinstance(made, type):
        lo.refuse(stmt, f"a decorator makes a {type(made).__name__} of this class", "here", REMEDY)
    return made


ASSIGN: Final = "assign it to an attribute in `__init__`, or pass it as an argument"


def _kept(
    lo: Lowering,
    node: ast.AST,
    values: Mapping[str, object],
    make: Callable[[], type],
    home: tuple[ast.AST, Frame] | None,
) -> Value:
    """Make a class; one that is made in a loop, once for all attempts to lower the loop."""
    if not any(frame.loops for frame in lo.frames):
        made = make()
    else:
        known = [(name, _key(value)) for name, value in values.items()]
        key = (node, lo.frame.calls, tuple(known))
        if key not in lo.made.known:
            lo.made.known[key] = make()
        made = lo.made.known[key]
        _refuse_carried(lo, made, node)
    lo.made.classes[made] = home
    return Const(made)


def _key(value: object) -> object:
    return value.key if isinstance(value, Const) else None


def _refuse_carried(lo: Lowering, cls: type, node: ast.AST) -> None:
    """Refuse a loop that makes a class anew where there are objects of that of another trip, which differs from it."""
    for frame in lo.frames:
        for name, value in frame.names.items():
            if _holds(lo, value, cls) and may_be_read(frame, name):
                lo.refuse(node, f"`{name}` holds an object of this class from another trip", "here", REMEDY)


def _holds(lo: Lowering, value: Value, cls: type) -> bool:
    value = lo.current(value)
    return isinstance(value, Node) and (value.cls is cls or any(_holds(lo, c, cls) for c in value.children))


# -- the code of the statement


def _code_of(code: types.CodeType, stmt: ast.ClassDef) -> types.CodeType | None:
    """Return the code of a class body, which is among the constants of the function or of those inside of it."""
    line = min([stmt.lineno, *(d.lineno for d in stmt.decorator_list)])
    found = [c for c in _codes(code) if c.co_name == stmt.name and c.co_firstlineno == line]
    return found[0] if len(found) == 1 else None


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield inner
            yield from _codes(inner)


def _bound(stmt: ast.ClassDef) -> frozenset[str]:
    """Return the names that the body of a class assigns."""
    found: set[str] = set()
    for s in stmt.body:
        match s:
            case ast.FunctionDef() | ast.ClassDef():
                found.add(s.name)
            case ast.Assign():
                found |= {n.id for t in s.targets for n in walk(t) if isinstance(n, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return frozenset(found)


def _check_body(lo: Lowering, stmt: ast.ClassDef, around: ast.ClassDef, bound: frozenset[str]) -> None:
    """Refuse a class whose body may do more than compute attributes from what is known."""
    for s in stmt.body:
        match s:
            case ast.FunctionDef():
                _check(lo, [*s.args.defaults, *(d for d in s.args.kw_defaults if d is not None)], bound)
                _check_decorators(lo, s.decorator_list, bound)
            case ast.ClassDef():
                _check(lo, [*s.bases, *(k.value for k in s.keywords)], bound)
                _check_decorators(lo, s.decorator_list, bound)
                _check_body(lo, s, around, bound | _bound(s))
            case ast.Assign():
                _check(lo, [s.value, *(t for t in s.targets if not isinstance(t, ast.Name))], bound)
            case ast.AnnAssign(target=ast.Name()):
                _check(lo, [s.value] if s.value is not None else [], bound)
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case _:
                lo.refuse(s, "this statement in the body of a class is not followed", "here", REMEDY)


def _check_decorators(lo: Lowering, nodes: list[ast.expr], bound: frozenset[str]) -> None:
    _check(lo, nodes, bound)
    for node in nodes:
        if not isinstance(node, ast.Call) and _root(node) not in bound:
            _check_function(lo, node)


def _check(lo: Lowering, nodes: list[ast.expr], bound: frozenset[str]) -> None:
    """Check that expressions in the body of a class only compute; what they read from outside is then fixed."""
    todo: list[ast.AST] = [*nodes]
    for node in todo:  # grows
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom | ast.Starred):
            lo.refuse(node, "this expression in the body of a class is not followed", "here", REMEDY)
        if isinstance(node, ast.Call) and _root(node.func) not in bound:
            _check_function(lo, node.func)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in bound:
            if lookup_local(lo.frame, node.id) is None and not _is_comprehended(nodes, node.id):
                _fix(lo, node)
        todo += children(node)


def _is_comprehended(nodes: list[ast.expr], name: str) -> bool:
    return any(
        isinstance(n, ast.comprehension) and any(isinstance(t, ast.Name) and t.id == name for t in walk(n.target))
        for n in walk(*nodes)
    )


def _fix(lo: Lowering, node: ast.Name) -> object:
    """Return what a name from outside stands for, which the guard then tests."""
    scope = lo.frame.scope
    assert isinstance(scope, Source)
    try:
        value = scope.lookup(node.id)
    except KeyError:
        lo.refuse(node, f"the name `{node.id}` is not defined", "not found")
    if isinstance(value, np.ndarray | list | dict | set):
        lo.refuse(node, "the body of a class reads what may change without notice", "here", ASSIGN)
    if scope.origin(node.id) != "builtin":
        lo.fix(scope, node.id, value)
    return value


# Functions that only compute, and the modules of others.
MODULES: Final = ("math", "numpy", "enum", "dataclasses", "functools", "typing", "abc", "collections", "operator")
ACTING: Final = (print, input, open, exec, eval, compile, setattr, delattr, __import__, globals, locals, vars, next)


def _check_function(lo: Lowering, node: ast.expr) -> None:
    found = _evaluated(lo, node)
    module = getattr(found, "__module__", None)
    own = getattr(found, "__self__", None)
    if isinstance(own, str | tuple | float | int) and not isinstance(found, type):
        return
    fine = module == "builtins" or str(module).partition(".")[0].lstrip("_") in MODULES or isinstance(found, np.ufunc)
    if not fine or found in ACTING or places.is_impure(lo, found, ast.Pass()):
        lo.refuse(node, "what this call in the body of a class does is not followed", "called here", REMEDY)


def _root(node: ast.AST) -> str:
    """Return the name that an expression of attributes starts with; "" if it is another one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _evaluated(lo: Lowering, node: ast.expr) -> object:
    """Return the value of an expression at the head of a class statement: a base, a decorator, a keyword."""
    _check(lo, [node], frozenset())
    names: dict[str, object] = {}
    scope = lo.frame.scope
    for n in walk(node):
        if not isinstance(n, ast.Name) or n.id in names:
            continue
        value = lookup_local(lo.frame, n.id)
        if value is None:
            names[n.id] = scope.lookup(n.id)
            continue
        value = lo.current(lo.unboxed(value))
        if not is_static(value) or value is UNDEFINED:
            lo.refuse(n, f"`{n.id}` is known only at run time", "read by a class statement", REMEDY)
        names[n.id] = static_value(value)
    try:
        return eval(compile(ast.Expression(node), "<class>", "eval"), names)  # checked to compute only
    except Exception as error:
        raise CompileError(f"this fails: {error!r}", lo.span(node), "here") from error


# -- methods


def home(lo: Lowering, function: types.FunctionType) -> Frame | None:
    """Return the frame that a method reads variables of, which was defined in a function that is lowered."""
    for cell in function.__closure__ or ():
        if id(cell) in lo.made.cells:
            _, owner, frame = lo.made.cells[id(cell)]
            if owner is not lo:
                message = f"`{function.__name__}` reads variables of the function that its class is defined in"
                lo.refuse(None, f"{message}, in a recursion", "", REMEDY)
            return frame
    return None


# -- classes that functions make


def make(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a function that makes a class, such as collections.namedtuple."""
    given = [lo.static(a, node) for a in args]
    named = {k: lo.static(v, node) for k, v in keywords.items()}

    def made() -> type:
        try:
            found = f(*given, **named)
        except (TypeError, ValueError) as error:
            raise CompileError(f"this call fails: {error!r}", lo.span(node), "here") from error
        assert isinstance(found, type)
        if isinstance(lo.frame.scope, Source):
            found.__module__ = lo.frame.scope.function.__module__
        return found

    known = {str(k): repr(v) for k, v in (*enumerate(given), *named.items())}
    return _kept(lo, node, {repr(known): None}, made, None)
