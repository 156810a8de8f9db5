"""Let a program raise where an unknown function returned complex numbers, and its derivative is that of real ones.

z = unknown(3); y = z * x   ->   z = unknown(3); if np.iscomplexobj(z): raise TypeError(...); y = z * x

The dtype of what such a function returns is not known when compiling, and is then taken to be real.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from adcompile.analysis.opaque import MAKERS, described
from adcompile.ir.core import Atom, Block, Const, Eqn, For, Function, If, Stmt, Var, While, blocks_of
from adcompile.ir.inlining import Keys, keys_after
from adcompile.ir.primitives import CALLS
from adcompile.ir.rebuild import replace_blocks
from adcompile.ir.types import PY_BOOL
from adcompile.records import replace

__all__ = ["run"]


def run(fn: Function, active: Collection[Var]) -> Function:
    """Test what unknown functions return where it meets the `active` variables of a function, right where it is made.

    What is tested already is not tested again.
    """
    origins: dict[Var, str] = {}
    _trace(fn.primal, origins)
    if not origins:
        return fn
    wanted = {v: origins[v] for v in _meeting(fn.primal, active) if v in origins and v not in active}
    tested = set(_tested(fn.primal))
    wanted = {v: name for v, name in wanted.items() if v not in tested}
    return replace(fn, primal=_Tester(wanted, keys_after(fn.stmts)).block(fn.primal)) if wanted else fn


def _trace(stmts: Iterable[Stmt], origins: dict[Var, str]) -> None:
    """Find the variables whose dtype is not known because that of an unknown function's result is not: its name."""
    for stmt in stmts:
        match stmt:
            case Eqn():
                name = described(stmt) if stmt.prim == "opaque" else str(stmt.attrs[0]) if stmt.prim in CALLS else None
                found = name if stmt.prim in MAKERS else next((origins[a] for a in stmt.args if a in origins), None)
                _mark(stmt.outs, found, origins)
            case If():
                for block in blocks_of(stmt):
                    _trace(block.stmts, origins)
                    _pass_on(stmt.outs, block.yields, origins)
            case For() | While():
                before = -1
                while before != len(origins):
                    before = len(origins)
                    for block in blocks_of(stmt):
                        _pass_on(block.params, stmt.inits, origins)
                        _pass_on(block.params, stmt.body.yields, origins)
                        _trace(block.stmts, origins)
                _pass_on(stmt.outs, stmt.inits, origins)
                _pass_on(stmt.outs, stmt.body.yields, origins)


def _mark(outs: Iterable[Var], name: str | None, origins: dict[Var, str]) -> None:
    for v in outs:
        if name is not None and v.type.is_numeric and v.type.dtype is None:
            origins.setdefault(v, name)


def _pass_on(outs: Sequence[Var], atoms: Sequence[Atom], origins: dict[Var, str]) -> None:
    for out, a in zip(outs, atoms, strict=True):
        if isinstance(a, Var):
            _mark((out,), origins.get(a), origins)


def _meeting(stmts: Iterable[Stmt], active: Collection[Var]) -> Iterable[Atom]:
    """Yield what equations read whose results are active, and what becomes the value of an active variable."""
    for stmt in stmts:
        if isinstance(stmt, Eqn):
            if any(o in active for o in stmt.outs):
                yield from stmt.args
            continue
        sources = [b.yields for b in blocks_of(stmt)] if isinstance(stmt, If) else [stmt.inits, stmt.body.yields]
        for atoms in sources:
            yield from (a for out, a in zip(stmt.outs, atoms, strict=True) if out in active)
        for block in blocks_of(stmt):
            yield from _meeting(block.stmts, active)


def _tested(stmts: Iterable[Stmt]) -> Iterable[Atom]:
    for stmt in stmts:
        if isinstance(stmt, Eqn) and stmt.prim == "is_complex":
            yield stmt.args[0]
        for block in blocks_of(stmt):
            yield from _tested(block.stmts)


class _Tester:
    """Appends tests to the statements that make the variables `wanted`, which are given with the functions' names."""

    def __init__(self, wanted: Mapping[Var, str], keys: Keys) -> None:
        self.wanted, self.keys = wanted, keys

    def block(self, stmts: Iterable[Stmt], params: Iterable[Var] = ()) -> tuple[Stmt, ...]:
        made = [*self.tests(params)]
        for stmt in stmts:
            if not isinstance(stmt, Eqn):
                stmt = replace_blocks(stmt, [replace(b, stmts=self.block(b.stmts, b.params)) for b in blocks_of(stmt)])
            made += [stmt, *self.tests(stmt.outs)]
        return tuple(made)

    def tests(self, variables: Iterable[Var]) -> Iterable[Stmt]:
        for v in variables:
            if v in self.wanted:
                flag = Var("", PY_BOOL)
                message = (
                    f"`{self.wanted[v]}` returned complex numbers, and is differentiated as if they were real: "
                    "annotate it with `-> complex`, or convert what it returns: complex(...), np.asarray(..., complex)"
                )
                raising = Eqn((), "raise", (Const(message),), ("TypeError",))
                yield Eqn((flag,), "is_complex", (v,))
                yield If(flag, Block((), (raising,), ()), Block((), (), ()), (), next(self.keys))
