"""Variables that hold one of several texts, as numbers.

    mode = "up"                                    mode = 0
    for v in x:                                    for v in x:
        if mode == "up": s = s + v         ->          if mode == 0: s = s + v
        mode = "down" if v < 0 else "up"               mode = 1 if v < 0 else 0

A program of numbers cannot carry texts from trip to trip, or out of a branch. Of a variable whose texts are all written
in the function, and that is only compared with texts or used as a key, which text it is can be carried. None counts as
a text. Everything else that is done with a variable leaves it as it is written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from adcompile.frontend.nodes import children, walk
from adcompile.frontend.variables import Definition

Names = dict[str, set[str | None]]


def coded(node: Definition, body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    """Return the body of a function with texts as numbers, where they can be; nodes that stay are the same."""
    found = _Uses(body)
    names = found.names - {a.arg for a in walk(node.args) if isinstance(a, ast.arg)}
    held = _kept(found, names)
    if not held:
        return body
    codes = {text: k for k, text in enumerate(dict.fromkeys(found.texts))}
    return [_Coding(held, codes).statement(s) for s in body]


def _kept(found: _Uses, names: set[str]) -> Names:
    """Return the variables that can be numbers, with the texts that each of them and those it meets may hold."""
    group = {name: {name} for name in found.assigned.keys() | {n for pair in found.links for n in pair}}
    for a, b in found.links:
        joined = group[a] | group[b]
        for name in joined:
            group[name] = joined
    held: Names = {}
    for name, others in group.items():
        texts = {t for other in others for t in found.assigned.get(other, ())}
        if others <= names and others <= found.assigned.keys() and len(texts) > 1 and texts != {None}:
            held[name] = texts
    return held


class _Uses:
    """What a body does with its variables.

    assigned  the texts that each is assigned
    links     pairs of variables of which one is assigned to the other, or that are compared
    names     those with which nothing else is done
    texts     all texts that are assigned and compared with, in their order
    """

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self.assigned: Names = {}
        self.links: list[tuple[str, str]] = []
        self.texts: list[str | None] = []
        self.fine: set[int] = set()
        every = list(_nodes(body))
        for n in every:
            self.visit(n)
        lost: set[str] = set()
        for n in every:
            lost |= _lost(n, self.fine)
        self.names = self.assigned.keys() - lost

    def visit(self, n: ast.AST) -> None:
        match n:
            case ast.Assign(targets=targets, value=value):
                names = [t.id for t in targets if isinstance(t, ast.Name)]
                if len(targets) in (1, len(names)):
                    self.links += [(names[0], other) for other in names[1:]]
                    for target in targets:
                        self.assign(target, value, len(targets) == 1)
            case ast.AnnAssign(target=target, value=ast.expr() as value, simple=1):
                self.assign(target, value, False)
            case ast.Compare():
                sides = _sides(n)
                if sides is not None:
                    self.compare(sides)
            case ast.Subscript(value=ast.Name(), slice=ast.Name() as key, ctx=ast.Load()):
                self.fine.add(id(key))
            case ast.Match(subject=ast.Name() as subject, cases=cases):
                values = [_pattern_texts(c.pattern) for c in cases]
                if None not in values:
                    self.fine.add(id(subject))
                    self.texts += [t for found in values if found for t in found]

    def assign(self, target: ast.expr, value: ast.expr, split: bool) -> None:
        if split and isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            if len(target.elts) == len(value.elts) and not any(isinstance(e, ast.Starred) for e in target.elts):
                for t, v in zip(target.elts, value.elts, strict=True):
                    self.assign(t, v, True)
            return
        parts = _texts(value)
        if not isinstance(target, ast.Name) or parts is None:
            return
        self.fine.add(id(target))
        held = self.assigned.setdefault(target.id, set())
        for part in parts:
            if isinstance(part, ast.Name):
                self.fine.add(id(part))
                self.links.append((target.id, part.id))
            else:
                held.add(part.value)  # type: ignore[arg-type]  # a text
                self.texts.append(part.value)  # type: ignore[arg-type]  # likewise

    def compare(self, sides: list[ast.Name | ast.Constant]) -> None:
        names = [s for s in sides if isinstance(s, ast.Name)]
        self.fine.update(map(id, names))
        self.links += [(names[0].id, other.id) for other in names[1:]]
        self.texts += [s.value for s in sides if isinstance(s, ast.Constant)]  # type: ignore[misc]  # texts


def _nodes(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Go through the nodes of a body, but not into functions and classes that it makes."""
    todo = [*body]
    for n in todo:  # grows
        yield n
        if not isinstance(n, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            todo += children(n)


def _lost(n: ast.AST, fine: set[int]) -> set[str]:
    """Return the variables with which a node does something that is not followed here."""
    match n:
        case ast.Name(id=name):
            return set() if id(n) in fine else {name}
        case ast.FunctionDef() | ast.Lambda() | ast.ClassDef():
            inner = {m.id for m in walk(n) if isinstance(m, ast.Name)}
            return (
                inner | {m for k in walk(n) if isinstance(k, ast.Nonlocal) for m in k.names} | {getattr(n, "name", "")}
            )
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return set(names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return {name}
        case ast.MatchMapping(rest=str(name)):
            return {name}
        case ast.alias():
            return {n.asname or n.name}
    return set()


def _is_text(n: ast.AST) -> bool:
    return isinstance(n, ast.Constant) and (n.value is None or isinstance(n.value, str))


def _texts(n: ast.expr) -> list[ast.Name | ast.Constant] | None:
    """Return the texts and variables that an expression chooses among; None if it is anything else."""
    match n:
        case ast.IfExp(body=body, orelse=orelse):
            one, two = _texts(body), _texts(orelse)
            return None if one is None or two is None else one + two
        case ast.Name():
            return [n]
        case ast.Constant() if _is_text(n):
            return [n]
    return None


def _sides(n: ast.Compare) -> list[ast.Name | ast.Constant] | None:
    """Return the texts and variables that are compared; None if anything else is."""
    right: Sequence[ast.expr] = n.comparators
    if len(right) != 1:
        return None
    match n.ops[0], right[0]:
        case ast.In() | ast.NotIn(), ast.Tuple(elts=elts) | ast.List(elts=elts) | ast.Set(elts=elts):
            right = elts
        case ast.In() | ast.NotIn(), _:
            return None
        case ast.Is() | ast.IsNot(), ast.Constant(value=None):
            pass
        case ast.Eq() | ast.NotEq(), _:
            pass
        case _:
            return None
    sides = [s for s in (n.left, *right) if isinstance(s, ast.Name | ast.Constant)]
    named = [s for s in sides if isinstance(s, ast.Name)]
    plain = all(_is_text(s) for s in sides if isinstance(s, ast.Constant))
    return sides if named and plain and len(sides) == 1 + len(right) else None


def _pattern_texts(pattern: ast.pattern) -> list[str | None] | None:
    """Return the texts that a pattern is; None if it is another one."""
    match pattern:
        case ast.MatchValue(value=ast.Constant(value=str(text))):
            return [text]
        case ast.MatchSingleton(value=None):
            return [None]
        case ast.MatchAs(pattern=None, name=None):
            return []
        case ast.MatchOr(patterns=patterns):
            found = [_pattern_texts(p) for p in patterns]
            return None if None in found else [t for held in found if held for t in held]
    return None


class _Coding:
    """Writes numbers for texts, in nodes that are new where something in them is."""

    def __init__(self, held: Names, codes: dict[str | None, int]) -> None:
        self.held, self.codes = held, codes

    def statement(self, n: ast.stmt) -> ast.stmt:
        done = self.node(n)
        assert isinstance(done, ast.stmt)
        return done

    def node(self, n: ast.AST) -> ast.AST:
        match n:
            case ast.FunctionDef() | ast.Lambda() | ast.ClassDef() | ast.Name() | ast.Constant():
                return n
            case ast.Assign(targets=targets, value=value):
                if any(map(self.is_state, targets)):
                    return self.again(n, value=self.number(value))
                if len(targets) == 1 and isinstance(targets[0], ast.Tuple) and isinstance(value, ast.Tuple):
                    return self.again(n, value=self.numbers(targets[0], value))
            case ast.AnnAssign(target=target, value=ast.expr() as value) if self.is_state(target):
                return ast.copy_location(ast.Assign([target], self.number(value)), n)
            case ast.Compare() if (sides := _sides(n)) is not None and any(map(self.is_state, sides)):
                return self.comparison(n)
            case ast.Subscript(value=base, slice=ast.Name() as key, ctx=ast.Load()) if self.is_state(key):
                return self.chosen(n, base, key)
            case ast.Match(subject=subject) if self.is_state(subject):
                cases = [
                    ast.match_case(self.pattern(c.pattern), self.child(c.guard), [self.statement(s) for s in c.body])
                    for c in n.cases
                ]
                return ast.copy_location(ast.Match(subject, cases), n)
        return self.again(n)

    def is_state(self, n: ast.AST) -> bool:
        return isinstance(n, ast.Name) and n.id in self.held

    def child(self, n: ast.expr | None) -> ast.expr | None:
        done = None if n is None else self.node(n)
        assert done is None or isinstance(done, ast.expr)
        return done

    def again(self, n: ast.AST, **new: ast.AST) -> ast.AST:
        """Return a node with new children, or as it is if none is new."""
        changed: dict[str, object] = {}
        for name, value in ast.iter_fields(n):
            if name in new:
                changed[name] = new[name]
            elif isinstance(value, ast.AST):
                done = self.node(value)
                changed.update({name: done} if done is not value else {})
            elif isinstance(value, list):
                items = [self.node(v) if isinstance(v, ast.AST) else v for v in value]
                changed.update({name: items} if any(a is not b for a, b in zip(items, value, strict=True)) else {})
        if not changed:
            return n
        return ast.copy_location(type(n)(**{**dict(ast.iter_fields(n)), **changed}), n)

    def constant(self, text: str | None, like: ast.AST) -> ast.Constant:
        return ast.copy_location(ast.Constant(self.codes[text]), like)

    def number(self, n: ast.expr) -> ast.expr:
        """Return the number of a text that is chosen."""
        match n:
            case ast.Constant(value=str() | None as text):
                return self.constant(text, n)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                tested = self.child(test)
                assert tested is not None
                return ast.copy_location(ast.IfExp(tested, self.number(body), self.number(orelse)), n)
        return n

    def numbers(self, target: ast.Tuple, value: ast.Tuple) -> ast.Tuple:
        """Return the values that are assigned to several variables at once."""
        done: list[ast.expr] = []
        for t, v in zip(target.elts, value.elts, strict=False):
            if isinstance(t, ast.Tuple) and isinstance(v, ast.Tuple):
                done.append(self.numbers(t, v))
            else:
                new = self.number(v) if self.is_state(t) else self.child(v)
                assert new is not None
                done.append(new)
        rest = [self.child(v) for v in value.elts[len(done) :]]
        return ast.copy_location(ast.Tuple([*done, *(r for r in rest if r is not None)], ast.Load()), value)

    def comparison(self, n: ast.Compare) -> ast.AST:
        right: ast.expr = n.comparators[0]
        op: ast.cmpop = {ast.Is: ast.Eq(), ast.IsNot: ast.NotEq()}.get(type(n.ops[0]), n.ops[0])
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            right = ast.copy_location(ast.Tuple([self.number(e) for e in right.elts], ast.Load()), right)
        return ast.copy_location(ast.Compare(self.number(n.left), [op], [self.number(right)]), n)

    def chosen(self, n: ast.Subscript, base: ast.expr, key: ast.Name) -> ast.AST:
        """Return the item at a key that is one of several texts."""
        texts = [t for t in self.codes if t in self.held[key.id]]
        items = [
            ast.copy_location(ast.Subscript(base, ast.copy_location(ast.Constant(t), key), ast.Load()), n)
            for t in texts
        ]
        done: ast.expr = items[-1]
        for text, item in zip(texts[-2::-1], items[-2::-1], strict=True):
            test = ast.copy_location(ast.Compare(key, [ast.Eq()], [self.constant(text, key)]), key)
            done = ast.copy_location(ast.IfExp(test, item, done), n)
        return done

    def pattern(self, pattern: ast.pattern) -> ast.pattern:
        """Return the pattern that the number of a text is compared with."""
        match pattern:
            case ast.MatchValue(value=ast.Constant(value=str(text))):
                return ast.copy_location(ast.MatchValue(self.constant(text, pattern)), pattern)
            case ast.MatchSingleton(value=None):
                return ast.copy_location(ast.MatchValue(self.constant(None, pattern)), pattern)
            case ast.MatchOr(patterns=patterns):
                return ast.copy_location(ast.MatchOr([self.pattern(p) for p in patterns]), pattern)
        return pattern
