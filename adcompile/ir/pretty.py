"""The SSA listing, with the names of the survey (https://arxiv.org/abs/1502.05767): inputs v-1, v0, then v1, v2, ..."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from adcompile.ir.core import UNDEFINED, Atom, Block, Const, Eqn, For, Function, If, Loop, Stmt, Var, While
from adcompile.ir.types import Type


def show(fn: Function) -> str:
    """List a function, one equation a line; the comment is the user's name of what the line computes.

    f(x1, x2):
        v-1 : float = x1
        v0 : float = x2
        v1 : float = log(v-1)
        v2 : float = mul(v-1, v0)
        v3 : float = add(v1, v2)    # y
        return v3
    """
    return "\n".join(text for text, _ in show_lines(fn))


def show_lines(fn: Function) -> list[tuple[str, Stmt | None]]:
    """List a function; beside each line is the statement that it is of."""
    listing = _Listing(fn)
    listing.write(f"{fn.name}({', '.join(fn.name_of(p) or 'v' for p in fn.params)}):", 0)
    for number, param in enumerate(fn.params, 1 - len(fn.params)):
        listing.numbers[param] = number
        listing.write(f"{listing.declare([param])} = {fn.name_of(param) or 'v'}", 1)
    listing.stmts(fn.primal, 1)
    if fn.adjoint:
        listing.write("# adjoint", 1)
        listing.stmts(fn.adjoint, 1)
    listing.write(f"return {listing.atoms(fn.outs)}".rstrip(), 1)
    return list(zip(listing.lines, listing.sources, strict=True))


def show_stmt(fn: Function, stmt: Stmt) -> str:
    """List one statement, with the numbers that its variables have in the listing of the function."""
    listing = _Listing(fn)
    for number, param in enumerate(fn.params, 1 - len(fn.params)):
        listing.numbers[param] = number
    listing.stmts(fn.stmts, 1)
    listing.lines.clear()
    listing.stmt(stmt, 0)
    return "\n".join(listing.lines)


class _Listing:
    """The lines written so far; variables and regions are numbered in the order in which they are first written."""

    def __init__(self, fn: Function) -> None:
        self.fn = fn
        self.lines: list[str] = []
        self.sources: list[Stmt | None] = []
        self.current: Stmt | None = None
        self.numbers: dict[Var, int] = {}
        self.regions: dict[int, int] = {}
        self.next = 1

    def write(self, text: str, depth: int, outs: Iterable[Var] = ()) -> None:
        names = [name for v in outs if (name := self.fn.name_of(v))]
        comment = f"    # {', '.join(names)}" if names else ""
        self.lines.append("    " * depth + text + comment)
        self.sources.append(self.current)

    # -- atoms

    def atom(self, a: Atom) -> str:
        if isinstance(a, Const):
            return "undefined" if a is UNDEFINED else _static(a.value)
        if a not in self.numbers:
            self.numbers[a] = self.next
            self.next += 1
        return f"v{self.numbers[a]}"

    def atoms(self, atoms: Iterable[Atom]) -> str:
        return ", ".join(map(self.atom, atoms))

    def declare(self, variables: Iterable[Var]) -> str:
        return ", ".join(f"{self.atom(v)} : {v.type}" for v in variables)

    def assign(self, outs: tuple[Var, ...]) -> str:
        return f"{self.declare(outs)} = " if outs else ""

    # -- statements

    def stmts(self, stmts: Iterable[Stmt], depth: int) -> None:
        for stmt in stmts:
            outer, self.current = self.current, stmt
            self.stmt(stmt, depth)
            self.current = outer

    def stmt(self, stmt: Stmt, depth: int) -> None:
        match stmt:
            case Eqn():
                attrs = "; " + ", ".join(map(_static, stmt.attrs)) if stmt.attrs else ""
                text = f"{self.assign(stmt.outs)}{stmt.prim}({self.atoms(stmt.args)}{attrs})"
                self.write(text, depth, stmt.outs)
            case If():
                self.write(f"{self.assign(stmt.outs)}if {self.atom(stmt.cond)}:{self.region(stmt)}", depth, stmt.outs)
                self.block(stmt.then, depth + 1)
                self.write("else:", depth)
                self.block(stmt.orelse, depth + 1)
            case For():
                self.for_(stmt, depth)
            case While():
                head = f"{self.assign(stmt.outs)}while:{self.carried(stmt)}{self.region(stmt)}"
                self.write(head, depth, stmt.outs)
                self.write("test:" + "".join(f" {self.declare([p])};" for p in stmt.cond.params), depth + 1)
                self.block(stmt.cond, depth + 2)
                self.block(stmt.body, depth + 1)

    def for_(self, stmt: For, depth: int) -> None:
        outs = self.assign(stmt.outs)
        bounds = self.atoms((stmt.start, stmt.stop, stmt.step))
        order = "reversed " if stmt.backwards else ""
        head = f"{outs}for {self.atom(stmt.index)} in {order}range({bounds}):{self.carried(stmt)}{self.region(stmt)}"
        self.write(head, depth, stmt.outs)
        self.block(stmt.body, depth + 1)

    def carried(self, stmt: Loop) -> str:
        """Write the slots of a loop: parameter, type and first value."""
        slots = zip(stmt.body.params, stmt.inits, strict=False)  # what the verifier refuses is listed as well
        text = "".join(f" {self.declare([p])} = {self.atom(init)};" for p, init in slots)
        return text + (f" until {self.atom(stmt.body.params[stmt.until])};" if stmt.until is not None else "")

    def block(self, block: Block, depth: int) -> None:
        self.stmts(block.stmts, depth)
        self.write(f"yield {self.atoms(block.yields)}".rstrip(), depth)

    def region(self, stmt: If | Loop) -> str:
        """Write which region this is, and of which primal region it is the mirror."""
        own = self.regions.setdefault(stmt.key, len(self.regions) + 1)
        if stmt.mirrors is None:
            return f" region {own}"
        return f" mirrors region {self.regions.setdefault(stmt.mirrors, len(self.regions) + 1)}"


def _static(value: object) -> str:
    """Write a constant or an attribute, without addresses in memory."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_static, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, Type):
        return str(value)
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} array of shape {value.shape}>"
    if isinstance(value, str | bool | int | float | complex | bytes | slice | None | np.generic):
        return repr(value)
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else type(value).__name__
