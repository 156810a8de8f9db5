"""Lower max() and min() with their keywords, and reduce() and accumulate()."""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from adcompile.frontend import application, branches, calls, expressions, iteration, iterators, pipelines, prelude
from adcompile.frontend.operators import apply_binary
from adcompile.frontend.values import Args, Iterable, Keywords, Ref, Rows, Value, is_static
from adcompile.ir.core import NONE, Const, Var, is_none
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def extremum(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower max() or min()."""
    largest = f is max
    if set(keywords) - {"key", "default"} or not args:
        lo.refuse(node, f"{f.__name__}() takes values, `key` and `default`", "called here")
    key = keywords.get("key")
    if is_none(key):
        key = None
    given = [a if isinstance(a, Rows) else application.run_once(lo, a, node) for a in args]
    if len(given) > 1:
        items: Iterable | list[Value] = given
    elif key is None and isinstance(given[0], Ref):
        return application.apply(lo, f, given, {}, node)
    else:
        items = iteration.iterable(lo, given[0], node)
    if not isinstance(items, list):
        if "default" in keywords:
            lo.refuse(node, "a default needs a known number of items", "called here", "test the length before")
        if key is None:
            return calls.in_python(lo, prelude.max_of if largest else prelude.min_of, [items], node)
        return calls.in_python(lo, prelude.max_by if largest else prelude.min_by, [items, key], node)
    if not items and "default" in keywords:
        return keywords["default"]
    if not items:
        lo.refuse(node, f"{f.__name__}() of nothing has no value", "called here", "give it a default")
    if key is None and (len(items) > 1 or is_static(items[0])) and not any(isinstance(i, Node) for i in items):
        return application.apply(lo, f, items if len(items) > 1 else [Node("list", tuple(items))], {}, node)
    return first_of(lo, items, key, largest, node)


def first_of(lo: Lowering, items: list[Value], key: Value | None, largest: bool, node: ast.AST) -> Value:
    """Return the first of the items with the largest or smallest key."""

    def keyed(item: Value) -> Value:
        return item if key is None else lo.settled(calls.call(lo, key, [item], {}, node))

    items = [lo.settled(item) for item in items]
    best, value = items[0], keyed(items[0])
    for item in items[1:]:
        other = keyed(item)
        better = expressions.truth(lo, apply_binary(lo, "gt" if largest else "lt", other, value, node), node)
        if isinstance(better, Const):
            best, value = (item, other) if better.value else (best, value)
            continue
        pair = branches.choose(
            lo,
            node,
            better,
            lambda item=item, other=other: Node("tuple", (item, other)),  # type: ignore[misc]  # bound now
            lambda best=best, value=value: Node("tuple", (best, value)),  # type: ignore[misc]  # bound now
        )
        assert isinstance(pair, Node)
        best, value = pair.children
    return best


def reduced(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower functools.reduce."""
    function, source = args[0], application.run_once(lo, args[1], node)
    first = [args[2]] if len(args) > 2 else [keywords["initial"]] if "initial" in keywords else []
    items = iteration.iterable(lo, source, node)
    if isinstance(items, Iterable) and (n := lo.static_int(items.count())) is not None and n <= iteration.LONG:
        items = [items.item(Const(k)) for k in range(n)]
    if not isinstance(items, list):
        if first:
            return calls.in_python(lo, prelude.reduced, [function, items, *first], node)
        return calls.in_python(lo, prelude.reduced_from_first, [function, items], node)
    items = [lo.settled(item) for item in [*first, *items]]
    if not items:
        lo.refuse(node, "reduce() of nothing has no value", "here", "give it an initial value")
    result = items[0]
    for item in items[1:]:
        result = lo.settled(calls.call(lo, function, [result, lo.settled(item)], {}, node))
    return result


def accumulated(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower itertools.accumulate."""
    source = application.run_once(lo, args[0], node)
    items = iteration.iterable(lo, source, node)
    function = args[1] if len(args) > 1 else keywords.get("func", Const(operator.add))
    if set(keywords) - {"func", "initial"}:
        lo.refuse(node, "accumulate() takes `func` and `initial`", "called here")
    if not isinstance(items, list):
        if not is_none(keywords.get("initial", NONE)):
            return calls.in_python(lo, pipelines.totals_from, [items, function, keywords["initial"]], node)
        return calls.in_python(lo, prelude.accumulated, [items, function], node)
    first = [] if is_none(keywords.get("initial", NONE)) else [keywords["initial"]]
    given = [lo.settled(item) for item in [*first, *items]]
    out: list[Value] = []
    for item in given:
        out.append(calls.call(lo, function, [out[-1], item], {}, node) if out else item)
    return iterators.make(lo, out)


def spread(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower a function of itertools, on things whose number of items is known."""
    given: list[object] = []
    for a in args:
        number = lo.static_int(a) if isinstance(a, Var | Const) else None
        given.append(number if number is not None else iteration.static_items(lo, a, node, None, pin=True))
    options = {k: v if k == "fillvalue" else lo.static(v, node) for k, v in keywords.items()}
    if f is itertools.zip_longest:
        options.setdefault("fillvalue", NONE)
    made = list(f(*given, **options))  # type: ignore[call-overload]  # an iterator over values, or over tuples of them
    return iterators.make(lo, [Node("tuple", tuple(i)) if isinstance(i, tuple) else i for i in made])
