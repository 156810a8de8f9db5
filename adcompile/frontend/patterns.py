"""Write `match` statements as ifs.

match point:                       .subject_1 = point
    case (x, 0):                   if isinstance(.subject_1, (list, tuple)) and ... and .subject_1[1] == 0:
        y = x              ->          x = .subject_1[0]
                                       y = x
    case _:                        else:
        y = 0.0                        y = 0.0
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from adcompile.errors import CompileError
from adcompile.frontend import prelude

SELF_MATCHING: Final = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)
Bindings = list[tuple[str, ast.expr]]


def expand(stmt: ast.Match, serial: int) -> list[ast.stmt]:
    """Return the statements that a match statement stands for."""
    subject = f".subject_{serial}"
    first = _assign(subject, stmt.subject, stmt)
    return [first, *_cases(stmt.cases, ast.copy_location(ast.Name(subject, ast.Load()), stmt.subject), serial)]


def _cases(cases: Sequence[ast.match_case], subject: ast.expr, serial: int) -> list[ast.stmt]:
    if not cases:
        return []
    case, rest = cases[0], cases[1:]
    bindings: Bindings = []
    tests = _tests(case.pattern, subject, bindings)
    bound: list[ast.stmt] = [_assign(name, value, case.pattern) for name, value in bindings]
    later = _cases(rest, subject, serial)
    if case.guard is None:
        return [_if(_all(tests, case.pattern), [*bound, *case.body], later)] if tests else [*bound, *case.body]
    flag = f".case_{serial}_{len(cases)}"
    chosen = ast.copy_location(ast.Name(flag, ast.Load()), case.guard)
    return [
        _assign(flag, _all(tests, case.pattern), case.pattern),
        _if(chosen, [*bound, _assign(flag, case.guard, case.guard)], []),
        _if(chosen, case.body, later),
    ]


def _tests(pattern: ast.pattern, value: ast.expr, bindings: Bindings) -> list[ast.expr]:
    """Return the tests of a pattern, in order; add the names that it binds."""
    match pattern:
        case ast.MatchValue():
            return [_compare(value, ast.Eq(), pattern.value)]
        case ast.MatchSingleton():
            return [_compare(value, ast.Is(), _constant(pattern.value, pattern))]
        case ast.MatchAs():
            tests = [] if pattern.pattern is None else _tests(pattern.pattern, value, bindings)
            if pattern.name is not None:
                bindings.append((pattern.name, value))
            return tests
        case ast.MatchOr():
            return _alternatives(pattern, value, bindings)
        case ast.MatchSequence():
            return _sequence(pattern, value, bindings)
        case ast.MatchMapping():
            return _mapping(pattern, value, bindings)
        case ast.MatchClass():
            return _class(pattern, value, bindings)
    raise CompileError(f"the pattern {type(pattern).__name__} is not supported")


def _alternatives(pattern: ast.MatchOr, value: ast.expr, bindings: Bindings) -> list[ast.expr]:
    either: list[ast.expr] = []
    meanings: list[dict[str, str]] = []
    for each in pattern.patterns:
        bound: Bindings = []
        either.append(_all(_tests(each, value, bound), each))
        meanings.append({name: ast.dump(held) for name, held in bound})
    if any(each != meanings[0] for each in meanings):
        message = "alternatives of a pattern that bind a name to different parts are not supported"
        raise CompileError(message, help="write one case for each")
    bindings += bound
    return [ast.copy_location(ast.BoolOp(ast.Or(), either), pattern)]


def _sequence(pattern: ast.MatchSequence, value: ast.expr, bindings: Bindings) -> list[ast.expr]:
    n = len(pattern.patterns)
    star = next((k for k, p in enumerate(pattern.patterns) if isinstance(p, ast.MatchStar)), None)
    length = _call(len, [value], pattern)
    count = n if star is None else n - 1
    tests: list[ast.expr] = [
        _isinstance(value, (list, tuple), pattern),
        _compare(length, ast.Eq() if star is None else ast.GtE(), _constant(count, pattern)),
    ]
    for k, part in enumerate(pattern.patterns):
        if isinstance(part, ast.MatchStar):
            if part.name is not None:
                end = None if k == n - 1 else _constant(k + 1 - n, part)
                rest = _item(value, ast.Slice(_constant(k, part), end), part)
                spread = ast.copy_location(ast.Starred(rest, ast.Load()), part)
                bindings.append((part.name, ast.copy_location(ast.List([spread], ast.Load()), part)))
            continue
        position = k if star is None or k < star else k - n
        tests += _tests(part, _item(value, _constant(position, part), part), bindings)
    return tests


def _mapping(pattern: ast.MatchMapping, value: ast.expr, bindings: Bindings) -> list[ast.expr]:
    tests: list[ast.expr] = [_isinstance(value, dict, pattern)]
    for key, part in zip(pattern.keys, pattern.patterns, strict=True):
        tests.append(_compare(key, ast.In(), value))
        tests += _tests(part, _item(value, key, part), bindings)
    if pattern.rest is not None:
        keys = ast.copy_location(ast.Tuple(list(pattern.keys), ast.Load()), pattern)
        bindings.append((pattern.rest, _call(prelude.others, [value, keys], pattern)))
    return tests


def _class(pattern: ast.MatchClass, value: ast.expr, bindings: Bindings) -> list[ast.expr]:
    tests: list[ast.expr] = [
        ast.copy_location(ast.Call(_constant(isinstance, pattern), [value, pattern.cls], []), pattern)
    ]
    names = {t.__name__ for t in SELF_MATCHING}
    if len(pattern.patterns) == 1 and isinstance(pattern.cls, ast.Name) and pattern.cls.id in names:
        tests += _tests(pattern.patterns[0], value, bindings)
    else:
        listed = ast.copy_location(ast.Attribute(pattern.cls, "__match_args__", ast.Load()), pattern)
        for k, part in enumerate(pattern.patterns):
            field = _item(listed, _constant(k, part), part)
            tests += _tests(part, _call(getattr, [value, field], part), bindings)
    for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        held = ast.copy_location(ast.Attribute(value, name, ast.Load()), part)
        tests += _tests(part, held, bindings)
    return tests


# -- pieces of source


def _all(tests: list[ast.expr], like: ast.AST) -> ast.expr:
    if not tests:
        return _constant(True, like)
    return tests[0] if len(tests) == 1 else ast.copy_location(ast.BoolOp(ast.And(), tests), like)


def _constant(value: object, like: ast.AST) -> ast.expr:
    return ast.copy_location(ast.Constant(value), like)  # type: ignore[arg-type]  # also functions: never compiled


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Compare(left, [op], [right]), right)


def _call(function: object, args: list[ast.expr], like: ast.AST) -> ast.expr:
    return ast.copy_location(ast.Call(_constant(function, like), args, []), like)


def _isinstance(value: ast.expr, kinds: object, like: ast.AST) -> ast.expr:
    return _call(isinstance, [value, _constant(kinds, like)], like)


def _item(value: ast.expr, index: ast.expr, like: ast.AST) -> ast.expr:
    if isinstance(index, ast.Slice):
        index = ast.copy_location(index, like)
    return ast.copy_location(ast.Subscript(value, index, ast.Load()), like)


def _assign(name: str, value: ast.expr, like: ast.AST) -> ast.stmt:
    target = ast.copy_location(ast.Name(name, ast.Store()), like)
    return ast.copy_location(ast.Assign([target], value), like)


def _if(test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> ast.stmt:
    return ast.copy_location(ast.If(test, body, orelse), test)


_expanded: dict[ast.Match, list[ast.stmt]] = {}


def as_ifs(stmt: ast.Match) -> list[ast.stmt]:
    """Return the statements that a match statement stands for; the same nodes each time."""
    if stmt not in _expanded:
        _expanded[stmt] = expand(stmt, stmt.lineno * 1000 + stmt.col_offset)
    return _expanded[stmt]
