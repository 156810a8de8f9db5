"""Lower a function that is called inside the function being lowered to a closed function of the program.

    def loss(w, x):                                    g.(v1, w): v2 = mul(w, v1); v3 = sin(v2); return v3
        g = lambda y: np.sin(w * y)              ->
        return grad(g)(x)                              v4 = pullback(x, w, 1.0; g)

What the function reads from outside of itself becomes parameters; so do arrays and numbers that only lengths refer to.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from adcompile.errors import CompileError
from adcompile.frontend import calls, pooling
from adcompile.frontend.frames import shown
from adcompile.frontend.optionals import required
from adcompile.frontend.results import NAMELESS
from adcompile.frontend.values import LocalFunction, Method, Partial, Ref, Value
from adcompile.ir.core import (
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    Stmt,
    Var,
    blocks_of,
    bound_by,
    free_of_block,
    variables,
    walk,
)
from adcompile.ir.lengths import Dim, Length
from adcompile.ir.structure import Node
from adcompile.ir.types import Type
from adcompile.records import dataclass, field
from adcompile.rules.effects import unrepeatable
from adcompile.rules.lengths import described

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


@dataclass(frozen=True, slots=True, eq=False)
class Closed:
    """A function of the program, the operands that it is applied to, and the structures around them.

    operands  one for each parameter: first what is differentiated, then what is captured
    wrt       the structure of each differentiated argument over the numbers of parameters; None for what has no
              derivative
    result    the structure of what it returns, over its results
    """

    function: Function
    operands: tuple[Atom, ...]
    wrt: tuple[Node[int | None] | int | None, ...]
    result: Node[int] | int


@dataclass(slots=True, eq=False)
class _Parameters:
    """The parameters made so far, and the operands that they stand for."""

    variables: list[Var] = field(default_factory=list)
    operands: list[Atom] = field(default_factory=list)

    def add(self, variable: Var, operand: Atom) -> int:
        self.variables.append(variable)
        self.operands.append(operand)
        return len(self.variables) - 1


def numbers_of(lo: Lowering, argnums: Sequence[int], args: Sequence[Value], node: ast.AST) -> list[int]:
    """Return the numbers of the differentiated arguments of a call."""
    numbers = [k + len(args) if k < 0 else k for k in argnums]
    if not all(0 <= k < len(args) for k in numbers):
        lo.refuse(
            node, f"the derivative is with respect to argument {max(numbers)}, which is not passed", "called here"
        )
    return numbers


def close(
    lo: Lowering,
    f: Value,
    args: Sequence[Value],
    keywords: Mapping[str, Value],
    argnums: Sequence[int],
    node: ast.AST,
) -> Closed:
    """Lower a call, with respect to the arguments of these numbers."""
    from adcompile.frontend.lower import flatten

    hints = parameter_names(f)
    made = _Parameters()
    cells, contents = dict(lo.cells), dict(lo.contents)
    given, wrt = list(args), []
    for k in argnums:
        hint = hints[k] if k < len(hints) else "x"
        given[k], tree = _parameter(lo, made, args[k], hint, node)
        if tree is None:
            lo.refuse(node, f"`{hint}` has no derivative", "differentiated here", "pass numbers or arrays")
        wrt.append(tree)
    given = [lo.detached(a) for a in given]
    flat: list[Atom] = []
    outermost, span, whole = lo.outermost, lo.builder.span, lo.whole
    lo.whole = False
    lo.outermost = len(lo.frames) + 1
    with lo.builder.block() as stmts, pooling.of_its_own(lo):
        for v in made.variables:
            lo.builder.anchor(v)
        structure = flatten(lo, required(lo, calls.call(lo, f, given, keywords, node), node), flat, name_of(f))
    lo.outermost, lo.builder.span, lo.whole = outermost, span, whole
    refuse_changes(lo, cells, contents, node)
    stmts = run_once(lo, stmts, made.variables, node)
    block = Block(tuple(made.variables), tuple(stmts), tuple(flat))
    captured = _captured(lo, block)
    function = Function(
        name_of(f),
        (*made.variables, *captured),
        tuple(stmts),
        tuple(flat),
        facts=lo.facts,
        names={v: shown(name) for v, name in lo.names.items()},
    )
    return Closed(function, (*made.operands, *captured), tuple(wrt), structure)


def run_once(lo: Lowering, stmts: list[Stmt], params: Sequence[Var], node: ast.AST) -> list[Stmt]:
    """Put calls with effects (random draws) before the derivative, which may evaluate the function more than once.

    So they run as often as they do when the function is called. Refuse those that cannot be put there.
    """
    calls = unrepeatable(stmts)
    if not calls:
        return stmts
    moved: set[Stmt] = set()
    needed: set[Var] = set()
    for stmt in reversed(stmts):
        if isinstance(stmt, Eqn) and (stmt in calls or any(o in needed for o in stmt.outs)):
            moved.add(stmt)
            needed.update(variables(stmt.args))
    rest = [s for s in stmts if s not in moved]
    inner = any(isinstance(s, Eqn) and s in calls for s in walk(rest))
    if inner or any(v in needed for v in (*params, *(o for s in rest for o in s.outs))):
        raise CompileError(
            "a random draw, or another call with effects, inside a function that is differentiated here",
            lo.span(node) or next((s.span for s in calls if s.span is not None), None),
            "it would run more than once",
            "draw before, and pass the numbers as an argument",
        )
    for stmt in stmts:
        if stmt in moved:
            lo.builder.add(stmt)
    return rest


def name_of(f: Value) -> str:
    """Return the name that a function goes by in the program."""
    match f:
        case LocalFunction(node=ast.FunctionDef(name=name)):
            return name
        case Partial():
            return name_of(f.function)
        case Method():
            return f.name
        case Const():
            name = getattr(f.value, "__name__", "")
            return name if isinstance(name, str) and name.isidentifier() else NAMELESS
    return NAMELESS


def parameter_names(f: Value) -> list[str]:
    """Return the names of a function's positional parameters, as far as they are known."""
    match f:
        case LocalFunction():
            args = f.node.args
            return [a.arg for a in (*args.posonlyargs, *args.args)]
        case Partial():
            return parameter_names(f.function)[len(f.args) :]
        case Const():
            code = getattr(f.value, "__code__", None)
            return list(code.co_varnames[: code.co_argcount]) if code is not None else []
    return []


# -- parameters


def _parameter(
    lo: Lowering, made: _Parameters, value: Value, hint: str, node: ast.AST
) -> tuple[Value, Node[int | None] | int | None]:
    """Make parameters for the numbers and arrays in a differentiated argument; ints become floats."""
    value = lo.current(value)
    if isinstance(value, Node):
        labels = value.steps
        pairs = [
            _parameter(lo, made, c, f"{hint}_{_word(k)}", node) for k, c in zip(labels, value.children, strict=True)
        ]
        new = lo.like(value, [v for v, _ in pairs])
        return new, value.holding([t for _, t in pairs])
    if isinstance(value, Const) and not value.type.is_numeric:
        return value, None
    if isinstance(value, Const) and isinstance(value.value, bool):
        return value, None
    if not isinstance(value, Ref | Var | Const):
        return value, None
    atom = _floating(lo, lo.atom(value), node)
    t = atom.type
    variable = Var(lo.reserve(hint, node), Type(t.kind, t.dtype, t.dims))
    lo.names.setdefault(variable, hint)
    number = made.add(variable, atom)
    return (lo.new_cell(variable) if t.is_array else variable), number


def _floating(lo: Lowering, a: Atom, node: ast.AST) -> Atom:
    """Return an operand that has a derivative."""
    if a.type.is_list:
        lo.refuse(
            node, "a list whose length is known only at run time has no derivative here", "", "make an array of it"
        )
    if a.type.kind == "py" and a.type.dtype is int:
        return (
            Const(float(a.value)) if isinstance(a, Const) and isinstance(a.value, int) else lo.builder.emit("float", a)
        )
    if not a.type.inexact:
        lo.refuse(
            node,
            f"a derivative with respect to {described(a.type)} does not exist",
            "here",
            "convert it with .astype(float)",
        )
    return a


def _word(key: object) -> str:
    return "".join(c if c.isalnum() else "_" for c in str(key)) or "_"


# -- what is read from outside


def refuse_changes(lo: Lowering, cells: Mapping[int, Var], contents: Mapping[int, Value], node: ast.AST) -> None:
    """Refuse a differentiated function that changes what is outside of it."""
    for cell, var in cells.items():
        if lo.cells[cell] is not var:
            if cell in lo.pool_of:
                message = (
                    "lists, or objects in lists, are changed inside a function that is differentiated inside another"
                )
                message += ", and there are such lists outside of it too"
                lo.refuse(node, message, "differentiated here", "use an array for one of them")
            name = lo.names.get(var, var.name) or "an array"
            lo.refuse(
                node,
                f"a function that is differentiated inside another stores into `{name}`, which is not its own",
                "differentiated here",
                "make a copy inside the inner function, or pass the array as an argument",
            )
    if any(lo.contents[k] is not held for k, held in contents.items()):
        lo.refuse(
            node,
            "a function that is differentiated inside another changes a list or dict that is not its own",
            "differentiated here",
            "return the new items instead",
        )


def _captured(lo: Lowering, block: Block) -> list[Var]:
    """Return the variables from outside that a block reads, and those that its lengths refer to."""
    found = dict.fromkeys(free_of_block(block))
    own = {*block.params}
    named = {name for v in _variables(block) for name in _names(lo, v.type)}
    for name in sorted(named):
        var = lo.builder.params.get(name)
        if var is not None and var not in own:
            found.setdefault(var)
    return list(found)


def _variables(block: Block) -> Iterator[Var]:
    yield from block.params
    yield from _within(block.stmts)


def _within(stmts: Iterable[Stmt]) -> Iterator[Var]:
    for stmt in walk(stmts):
        yield from stmt.outs
        yield from bound_by(stmt)
        for inner in blocks_of(stmt):
            yield from inner.params


def _names(lo: Lowering, t: Type) -> Iterator[str]:
    for length in (*(t.dims or ()), t.value):
        if isinstance(length, Dim):
            yield from _leaf_names(length)
            yield from _leaf_names(lo.facts.find(length))


def _leaf_names(length: Length) -> Iterator[str]:
    if not isinstance(length, Dim):
        return
    if length.op in ("axis", "value"):
        yield str(length.args[0])
        return
    for a in length.args:
        if isinstance(a, Dim):
            yield from _leaf_names(a)
