"""Rewrite jumps as flags.

    for i in range(n):            .break_1 = False
        if c:                     for i in range(n) until .break_1:
            break          ->         if c:
        s = s + i                         .break_1 = True
                                      else:
                                          s = s + i

After this the statements are assignments, ifs and loops only: `break`, `continue` and `return` have become
assignments to names that no program can spell, and what follows a jump has moved into the branch that does not jump.
No statement is copied, so the result is as long as the source.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from adcompile.frontend.patterns import as_ifs
from adcompile.records import dataclass, field

RETURNED: Final = ".returned"
RESULT: Final = ".result"
RAISED: Final = ".raised"  # is an exception on its way?
ENDED: Final = ".ended"  # has the function returned, or is an exception on its way?
FLAGS: Final = (RETURNED, RAISED, ENDED)
CODE: Final = ".exception"  # the number of the place that raised it
MESSAGE: Final = ".message"


@dataclass(frozen=True, slots=True)
class LoopFlags:
    """What a loop needs of its flags: `until` ends it, `resets` are false again at the start of every trip.

    returns   it can be left early only by returning
    """

    until: str | None
    resets: tuple[str, ...]
    returns: bool


@dataclass(slots=True, eq=False)
class Desugared:
    """A function body without jumps, the flags of its loops, and the `with` statements as they were written."""

    body: list[ast.stmt]
    loops: dict[ast.stmt, LoopFlags] = field(default_factory=dict)
    blocks: dict[ast.stmt, ast.With] = field(default_factory=dict)
    returns_in_loop: bool = False


@dataclass(frozen=True, slots=True)
class _Loop:
    """The flags of the loop around a statement. `left`: left by `break`, where an `else` clause asks for it."""

    broke: str
    skipped: str
    left: str | None = None


def jumps(body: Sequence[ast.stmt], inside: bool = False) -> set[str]:
    """Return the jumps that leave a block: "break", "continue", "return". `inside`: within a loop of the block."""
    found: set[str] = set()
    for stmt in body:
        match stmt:
            case ast.Break():
                found |= set() if inside else {"break"}
            case ast.Continue():
                found |= set() if inside else {"continue"}
            case ast.Return():
                found.add("return")
            case ast.If():
                found |= jumps(stmt.body, inside) | jumps(stmt.orelse, inside)
            case ast.For() | ast.While():
                found |= jumps(stmt.body, True) | jumps(stmt.orelse, inside)
            case ast.With():
                found |= jumps(stmt.body, inside)
            case ast.Match():
                found |= jumps(as_ifs(stmt), inside)
            case ast.Try():
                for part in parts_of(stmt):
                    found |= jumps(part, inside)
    return found


def parts_of(stmt: ast.Try) -> list[list[ast.stmt]]:
    """Return the blocks of a `try`."""
    return [stmt.body, *(h.body for h in stmt.handlers), stmt.orelse, stmt.finalbody]


def always_jumps(body: Sequence[ast.stmt]) -> bool:
    """Tell whether control never reaches the end of a block because of a jump."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Break | ast.Continue | ast.Return):
        return True
    if isinstance(last, ast.Match):
        return always_jumps(as_ifs(last))
    return isinstance(last, ast.If) and always_jumps(last.body) and always_jumps(last.orelse)


def always_raises(body: Sequence[ast.stmt]) -> bool:
    """Tell whether a block ends in an exception on every path."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Raise):
        return True
    if isinstance(last, ast.Match):
        return always_raises(as_ifs(last))
    return isinstance(last, ast.If) and always_raises(last.body) and always_raises(last.orelse)


def desugar(body: Sequence[ast.stmt]) -> Desugared:
    """Rewrite the jumps of a function body."""
    out = Desugared([])
    out.body = _Rewriter(out).block(body, None)
    return out


def _set(name: str, value: ast.expr | bool, like: ast.AST) -> ast.stmt:
    node = ast.copy_location(ast.Constant(value), like) if isinstance(value, bool) else value
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], node), like)


def _if(name: str, body: list[ast.stmt], orelse: list[ast.stmt], like: ast.AST) -> ast.stmt:
    test = ast.copy_location(ast.Name(name, ast.Load()), like)
    return ast.copy_location(ast.If(test, body, orelse), like)


class _Rewriter:
    def __init__(self, out: Desugared) -> None:
        self.out = out
        self.count = 0

    def block(self, body: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for k, stmt in enumerate(body):
            rest = body[k + 1 :]
            match stmt:
                case ast.Break():
                    assert loop is not None
                    return [*done, *self.break_(stmt, loop)]
                case ast.Continue():
                    assert loop is not None
                    return [*done, _set(loop.skipped, True, stmt)]
                case ast.Return():
                    return done + self.return_(stmt, loop)
                case ast.If() if jumps([stmt]):
                    return done + self.if_(stmt, rest, loop)
                case ast.If():
                    done.append(self.branches(stmt, stmt.body, stmt.orelse, loop))
                case ast.For() | ast.While():
                    return done + self.loop(stmt, rest, loop)
                case ast.Try() | ast.With():
                    new = self.try_(stmt, loop) if isinstance(stmt, ast.Try) else self.with_(stmt, loop)
                    return [*done, new, *self.after(stmt, rest, loop)]
                case ast.Match():
                    return done + self.block([*as_ifs(stmt), *rest], loop)
                case _:
                    done.append(stmt)
        return done

    def break_(self, stmt: ast.Break, loop: _Loop) -> list[ast.stmt]:
        left = [_set(loop.left, True, stmt)] if loop.left is not None else []
        return [*left, _set(loop.broke, True, stmt)]

    def return_(self, stmt: ast.Return, loop: _Loop | None) -> list[ast.stmt]:
        value = stmt.value if stmt.value is not None else ast.copy_location(ast.Constant(None), stmt)
        done = [_set(RESULT, value, stmt), _set(RETURNED, True, stmt)]
        if loop is not None:
            self.out.returns_in_loop = True
            done.append(_set(loop.broke, True, stmt))
        return done

    def branches(
        self, stmt: ast.If, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], loop: _Loop | None
    ) -> ast.stmt:
        return ast.copy_location(ast.If(stmt.test, self.block(body, loop), self.block(orelse, loop)), stmt)

    def if_(self, stmt: ast.If, rest: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        if always_jumps(stmt.body):
            return [self.branches(stmt, stmt.body, [*stmt.orelse, *rest], loop)]
        if always_jumps(stmt.orelse):
            return [self.branches(stmt, [*stmt.body, *rest], stmt.orelse, loop)]
        return [self.branches(stmt, stmt.body, stmt.orelse, loop), *self.after(stmt, rest, loop)]

    def after(self, stmt: ast.stmt, rest: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        """Return what follows a statement, for where that has not jumped."""
        tail = self.block(rest, loop)
        found = jumps([stmt])
        flags = []
        if loop is None:
            flags += [RETURNED] if "return" in found else []
        else:
            flags += [loop.broke] if found & {"break", "return"} else []
            flags += [loop.skipped] if "continue" in found else []
        for flag in flags:
            tail = [_if(flag, [], tail, stmt)] if tail else []
        return tail

    def try_(self, stmt: ast.Try, loop: _Loop | None) -> ast.stmt:
        handlers = [
            ast.copy_location(ast.ExceptHandler(h.type, h.name, self.block(h.body, loop)), h) for h in stmt.handlers
        ]
        body = ast.copy_location(ast.Pass(), stmt)
        orelse = self.after(ast.copy_location(ast.If(ast.Constant(True), stmt.body, []), stmt), stmt.orelse, loop)
        final = self.block(stmt.finalbody, loop)
        return ast.copy_location(ast.Try(self.block(stmt.body, loop) or [body], handlers, orelse, final), stmt)

    def with_(self, stmt: ast.With, loop: _Loop | None) -> ast.stmt:
        new = ast.copy_location(ast.With(stmt.items, self.block(stmt.body, loop)), stmt)
        self.out.blocks[new] = stmt
        return new

    def loop(self, stmt: ast.For | ast.While, rest: Sequence[ast.stmt], outer: _Loop | None) -> list[ast.stmt]:
        self.count += 1
        found = jumps(stmt.body)
        ends = bool(found & {"break", "return"})
        left = f".left_{self.count}" if stmt.orelse and "break" in found else None
        flags = _Loop(f".break_{self.count}", f".continue_{self.count}", left)
        body = self.block(stmt.body, flags)
        new: ast.For | ast.While
        if isinstance(stmt, ast.For):
            new = ast.copy_location(ast.For(stmt.target, stmt.iter, body, []), stmt)
        else:
            new = ast.copy_location(ast.While(stmt.test, body, []), stmt)
        returns = "return" in found and "break" not in found
        resets = ([flags.broke] if ends else []) + ([flags.skipped] if "continue" in found else [])
        self.out.loops[new] = LoopFlags(flags.broke if ends else None, tuple(resets), returns)
        done: list[ast.stmt] = [_set(flags.broke, False, stmt)] if ends else []
        done += [_set(left, False, stmt)] if left is not None else []
        done.append(new)
        after = list(rest)
        if stmt.orelse:
            if left is not None:
                test = ast.copy_location(ast.Name(left, ast.Load()), stmt)
                after = [ast.copy_location(ast.If(test, [], list(stmt.orelse)), stmt), *after]
            else:
                after = [*stmt.orelse, *after]
        if "return" in found:
            onward = [_set(outer.broke, True, stmt)] if outer is not None else []
            return [*done, _if(RETURNED, onward, self.block(after, outer), stmt)]
        return done + self.block(after, outer)
