"""Rewrite jumps as flags.

    for i in range(n):            .break_1 = False
        if c:                     for i in range(n) until .break_1:
            break          ->         if c:
        s = s + i                         .break_1 = True
                                      else:
                                          s = s + i

After this the statements are assignments, ifs and loops only: `break`, `continue` and `return` have become
assignments to names that no program can spell, and what follows a jump has moved into the branch that does not jump.
No statement is copied, so the result is as long as the source. Nor is it much deeper: after `DEPTH` jumps, and after as
many branches of one if, what remains goes on outside, where a flag says that it is to be run:

    if c: return 1.0              if c: .result = 1.0; .returned = True
    ...                           else: ...
    s = s * x              ->     if .returned: pass
    if d: return s                else: s = s * x; ...
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from adcompile.frontend import patterns
from adcompile.records import dataclass, field

if TYPE_CHECKING:
    from adcompile.frontend.frames import Scope

RETURNED: Final = ".returned"
RESULT: Final = ".result"
RAISED: Final = ".raised"  # is an exception on its way?
ENDED: Final = ".ended"  # has the function returned, or is an exception on its way?
FLAGS: Final = (RETURNED, RAISED, ENDED)
DEPTH: Final = 10  # how deep what follows jumps is nested
CODE: Final = ".exception"  # the number of the place that raised it
MESSAGE: Final = ".message"
STATE: Final = (RAISED, CODE, MESSAGE, ENDED)  # all that is known of an exception


@dataclass(frozen=True, slots=True)
class LoopFlags:
    """What a loop needs of its flags: `until` ends it, `resets` are false again at the start of every trip.

    returns   the flag of having returned, if the loop can be left early only by returning
    """

    until: str | None
    resets: tuple[str, ...]
    returns: str | None = None


@dataclass(slots=True, eq=False)
class Desugared:
    """A function body without jumps, the flags of its loops, and the `with` statements as they were written.

    splices   the bodies of generators that loops of the body go through: see `generators`
    origins   for the nodes of those, where they come from, and the loop
    managed   the bodies of `with` statements whose managers are generators, as loops of one trip
    swallows  of each `try` whose `finally` may jump, whether it always does
    """

    body: list[ast.stmt]
    loops: dict[ast.stmt, LoopFlags] = field(default_factory=dict)
    blocks: dict[ast.stmt, ast.With] = field(default_factory=dict)
    swallows: dict[ast.stmt, bool] = field(default_factory=dict)
    splices: dict[tuple[ast.For, ast.AST, str], list[ast.stmt]] = field(default_factory=dict)
    origins: dict[ast.AST, tuple[Scope, ast.For]] = field(default_factory=dict)
    managed: dict[ast.withitem, ast.For] = field(default_factory=dict)


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
                found |= jumps(patterns.as_ifs(stmt), inside)
            case ast.Try():
                for part in parts_of(stmt):
                    found |= jumps(part, inside)
    return found


def parts_of(stmt: ast.Try) -> list[list[ast.stmt]]:
    """Return the blocks of a `try`."""
    return [stmt.body, *(h.body for h in stmt.handlers), stmt.orelse, stmt.finalbody]


def clauses_of(stmt: ast.If) -> list[ast.If]:
    """Return an if and the ifs that its ``elif`` clauses are."""
    clauses = [stmt]
    while len(stmt.orelse) == 1 and isinstance(stmt.orelse[0], ast.If):
        stmt = stmt.orelse[0]
        clauses.append(stmt)
    return clauses


def always_jumps(body: Sequence[ast.stmt]) -> bool:
    """Tell whether control never reaches the end of a block because of a jump."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Break | ast.Continue | ast.Return):
        return True
    if isinstance(last, ast.Match):
        return always_jumps(patterns.as_ifs(last))
    return isinstance(last, ast.If) and always_jumps(last.body) and always_jumps(last.orelse)


def always_raises(body: Sequence[ast.stmt]) -> bool:
    """Tell whether a block ends in an exception on every path."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Raise):
        return True
    if isinstance(last, ast.Match):
        return always_raises(patterns.as_ifs(last))
    return isinstance(last, ast.If) and always_raises(last.body) and always_raises(last.orelse)


def desugar(body: Sequence[ast.stmt], mark: str = "") -> Desugared:
    """Rewrite the jumps of a function body, or of a generator's, whose flags get the mark."""
    out = Desugared([])
    out.body = _Rewriter(out, mark).block(body, None)
    return out


def left_early(mark: str) -> str:
    """Return the flag of having returned, of a generator."""
    return f".break_{mark}"


def _set(name: str, value: ast.expr | bool, like: ast.AST) -> ast.stmt:
    node = ast.copy_location(ast.Constant(value), like) if isinstance(value, bool) else value
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], node), like)


def _if(name: str, body: list[ast.stmt], orelse: list[ast.stmt], like: ast.AST) -> ast.stmt:
    test = ast.copy_location(ast.Name(name, ast.Load()), like)
    return ast.copy_location(ast.If(test, body, orelse), like)


def is_flag(name: str) -> bool:
    """Tell whether a name is that of a flag."""
    return name in FLAGS or name.startswith((".break_", ".continue_", ".left_", ".others_"))


class _Rewriter:
    """Rewrites blocks. `depth`: how deep what follows jumps is nested here; `waiting`: what is too deep for that."""

    def __init__(self, out: Desugared, mark: str) -> None:
        self.out, self.mark = out, mark
        self.returned = left_early(mark) if mark else RETURNED
        self.count = 0
        self.depth = 0
        self.waiting: Sequence[ast.stmt] = []

    def block(self, body: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        """Rewrite a block, in parts that follow each other if it has many jumps."""
        outer = self.depth, self.waiting
        self.depth, self.waiting = 0, []
        done = self.part(body, loop)
        while self.waiting:
            left, self.waiting, self.depth = self.waiting, [], 0
            done += self.unless(jumps(body), self.part(left, loop), left[0], loop)
        self.depth, self.waiting = outer
        return done

    def follow(self, body: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        """Rewrite what follows a statement that may jump, or leave it for later."""
        if self.depth == DEPTH:
            self.waiting = body
            return []
        self.depth += 1
        done = self.part(body, loop)
        self.depth -= 1
        return done

    def part(self, body: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
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
                    done += self.branches(stmt, loop)
                case ast.For() | ast.While():
                    return done + self.loop(stmt, rest, loop)
                case ast.Try() | ast.With():
                    new = self.try_(stmt, loop) if isinstance(stmt, ast.Try) else self.with_(stmt, loop)
                    return [*done, new, *self.after(stmt, rest, loop)]
                case ast.Match():
                    return done + self.part([*patterns.as_ifs(stmt), *rest], loop)
                case _:
                    done.append(stmt)
        return done

    def break_(self, stmt: ast.Break, loop: _Loop) -> list[ast.stmt]:
        left = [_set(loop.left, True, stmt)] if loop.left is not None else []
        return [*left, _set(loop.broke, True, stmt)]

    def return_(self, stmt: ast.Return, loop: _Loop | None) -> list[ast.stmt]:
        value = stmt.value if stmt.value is not None else ast.copy_location(ast.Constant(None), stmt)
        done = [_set(RESULT, value, stmt)] if not self.mark else []
        done.append(_set(self.returned, True, stmt))
        if loop is not None:
            done.append(_set(loop.broke, True, stmt))
        return done

    def branches(self, stmt: ast.If, loop: _Loop | None) -> list[ast.stmt]:
        """Rewrite an if whose branches go on alike; a long one in parts."""
        clauses = clauses_of(stmt)
        if len(clauses) <= DEPTH:
            return [self.chain(clauses, self.block(clauses[-1].orelse, loop), loop)]
        self.count += 1
        others = f".others_{self.mark}{self.count}"
        done = [_set(others, False, stmt)]
        for k in range(0, len(clauses), DEPTH):
            part = clauses[k : k + DEPTH]
            last = part[-1] is clauses[-1]
            orelse = self.block(part[-1].orelse, loop) if last else [_set(others, True, stmt)]
            new = self.chain(part, orelse, loop)
            done.append(_if(others, [_set(others, False, stmt), new], [], stmt) if k else new)
        return done

    def chain(self, clauses: Sequence[ast.If], orelse: list[ast.stmt], loop: _Loop | None) -> ast.stmt:
        """Put the clauses of an if together."""
        for clause in reversed(clauses):
            orelse = [ast.copy_location(ast.If(clause.test, self.block(clause.body, loop), orelse), clause)]
        return orelse[0]

    def if_(self, stmt: ast.If, rest: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        if always_jumps(stmt.body):
            body, orelse = self.block(stmt.body, loop), self.follow([*stmt.orelse, *rest], loop)
        elif always_jumps(stmt.orelse):
            body, orelse = self.follow([*stmt.body, *rest], loop), self.block(stmt.orelse, loop)
        else:
            return [*self.branches(stmt, loop), *self.after(stmt, rest, loop)]
        return [ast.copy_location(ast.If(stmt.test, body, orelse), stmt)]

    def after(self, stmt: ast.stmt, rest: Sequence[ast.stmt], loop: _Loop | None) -> list[ast.stmt]:
        """Return what follows a statement, for where that has not jumped."""
        return self.unless(jumps([stmt]), self.follow(rest, loop), stmt, loop)

    def unless(self, found: set[str], body: list[ast.stmt], like: ast.AST, loop: _Loop | None) -> list[ast.stmt]:
        """Return statements to be run where none of some jumps has happened."""
        flags = []
        if loop is None:
            flags += [self.returned] if "return" in found else []
        else:
            flags += [loop.broke] if found & {"break", "return"} else []
            flags += [loop.skipped] if "continue" in found else []
        for flag in flags:
            body = [_if(flag, [], body, like)] if body else []
        return body

    def try_(self, stmt: ast.Try, loop: _Loop | None) -> ast.stmt:
        handlers = [
            ast.copy_location(ast.ExceptHandler(h.type, h.name, self.block(h.body, loop)), h) for h in stmt.handlers
        ]
        body = ast.copy_location(ast.Pass(), stmt)
        orelse = self.unless(jumps(stmt.body), self.block(stmt.orelse, loop), stmt, loop)
        final = self.block(stmt.finalbody, loop)
        new = ast.copy_location(ast.Try(self.block(stmt.body, loop) or [body], handlers, orelse, final), stmt)
        if jumps(stmt.finalbody):
            self.out.swallows[new] = always_jumps(stmt.finalbody)
        return new

    def with_(self, stmt: ast.With, loop: _Loop | None) -> ast.stmt:
        new = ast.copy_location(ast.With(stmt.items, self.block(stmt.body, loop)), stmt)
        self.out.blocks[new] = stmt
        return new

    def loop(self, stmt: ast.For | ast.While, rest: Sequence[ast.stmt], outer: _Loop | None) -> list[ast.stmt]:
        self.count += 1
        found = jumps(stmt.body)
        ends = bool(found & {"break", "return"})
        left = f".left_{self.mark}{self.count}" if stmt.orelse and "break" in found else None
        flags = _Loop(f".break_{self.mark}{self.count}", f".continue_{self.mark}{self.count}", left)
        body = self.block(stmt.body, flags)
        new: ast.For | ast.While
        if isinstance(stmt, ast.For):
            new = ast.copy_location(ast.For(stmt.target, stmt.iter, body, []), stmt)
        else:
            new = ast.copy_location(ast.While(stmt.test, body, []), stmt)
        returns = self.returned if "return" in found and "break" not in found else None
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
            return [*done, _if(self.returned, onward, self.follow(after, outer), stmt)]
        return done + self.part(after, outer)
