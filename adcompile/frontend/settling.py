"""Find what a recursive function returns, by trying.

The first time the recursive calls are skipped, so that the base case tells the types; then the function is lowered
again with what was found, until nothing changes. A tuple that holds what the function returned before would grow at
every attempt: it becomes a tree, see `trees`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from adcompile.frontend import trees
from adcompile.frontend.frames import Unbound, shown
from adcompile.frontend.nodes import walk
from adcompile.frontend.outside import Capture, used_captures
from adcompile.ir.core import Atom, Function, is_none
from adcompile.ir.naming import numbered
from adcompile.ir.structure import leaves
from adcompile.ir.types import OBJECT, Type, join

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.recursion import Callee, Definition

ATTEMPTS: Final = 8


def settle(lo: Lowering, definition: Definition, callee: Callee, node: ast.AST) -> None:
    """Lower a callee until its result types and captures stay the same."""
    from adcompile.frontend.lower import flatten
    from adcompile.frontend.recursion import attempt

    found, left, guesses = 0, ATTEMPTS, False
    while left:
        left -= 1
        before = (callee.types, callee.absent, list(callee.scopes))
        known = patterns(lo)
        others = set(lo.callees)
        try:
            inner, result, params = attempt(lo, definition, callee, guesses)
        except Unbound:
            guesses = callee.types is None
            if callee.types is None and _may_return_none(definition.node):
                callee.types, callee.result, callee.absent = (OBJECT,), 0, frozenset((0,))
            continue
        for path, layout in callee.trees.items():
            result = trees.folded_at(inner, path, layout, result, definition.node)
        flat: list[Atom] = []
        structure = flatten(inner, result, flat, definition.name)
        growing = trees.growing(callee.result, structure) if found > 1 else None
        if growing is not None:
            _make_tree(lo, callee, growing)
            found, left = 0, ATTEMPTS
            continue
        found += 1
        callee.types = _joined(inner, callee.types, tuple(a.type for a in flat))
        callee.result = structure
        callee.absent = frozenset(k for k, a in enumerate(flat) if is_none(a))
        callee.captures = list(used_captures(inner, flat))
        callee.scopes = [(c.source, c.name, _positions(c)) for c in callee.captures]
        lo.dependencies.update(inner.dependencies)
        if patterns(lo) != known:
            for key in set(lo.callees) - others:  # they were made for other trees
                del lo.callees[key]
        elif before == (callee.types, callee.absent, callee.scopes) and not inner.skipped:
            callee.function = Function(
                callee.name,
                (*params, *(v for c in callee.captures for v in c.used)),
                tuple(inner.builder.stmts),
                tuple(flat),
                facts=inner.facts,
                names={v: shown(name) for v, name in inner.names.items()},
            )
            for layout in callee.trees.values():
                lo.layouts[layout].settled = True
            return
    lo.refuse(node, f"what `{definition.name}` returns does not settle", "its types keep changing")


def patterns(lo: Lowering) -> dict[str, trees.Pattern | None]:
    """Return what is known of all trees."""
    return {name: layout.pattern for name, layout in lo.layouts.items()}


def _make_tree(lo: Lowering, callee: Callee, path: trees.Path) -> None:
    """Have what stands at a place of a callee's result be a tree, and find out anew what it returns."""
    name = numbered(callee.name, lo.layouts)
    lo.layouts[name] = trees.Layout(name)
    callee.trees[path] = name
    callee.types, callee.result, callee.absent = None, 0, frozenset()


def _may_return_none(node: ast.FunctionDef | ast.Lambda) -> bool:
    """Tell whether a function's base case may be None."""
    if isinstance(node, ast.Lambda):
        returned: list[ast.expr | None] = [node.body]
    else:
        returned = [n.value for n in walk(node) if isinstance(n, ast.Return)]
    ends = isinstance(node, ast.FunctionDef) and not isinstance(node.body[-1], ast.Return)
    found = (n for value in returned if value is not None for n in walk(value))
    return ends or None in returned or any(isinstance(n, ast.Constant) and n.value is None for n in found)


def _positions(capture: Capture) -> tuple[int, ...]:
    """Return the numbers of the leaves of a captured value that are used."""
    return tuple(k for k, leaf in enumerate(leaves(capture.tree)) if leaf in capture.used)


def _joined(inner: Lowering, old: tuple[Type, ...] | None, new: tuple[Type, ...]) -> tuple[Type, ...]:
    """Join result types with those of the attempt before; a caller knows nothing of lengths."""
    found = tuple(map(trees.outside, new))
    if old is None or len(old) != len(found):
        return found
    return tuple(trees.outside(join(inner.facts, a, b)) for a, b in zip(old, found, strict=True))
