"""Progress bars of tqdm: a loop goes over the items themselves, and tells the bar of each.

    for x in tqdm(xs):          bar = tqdm(total=len(xs))
        ...                     for x in xs:
                                    ...
                                    bar.update(1)
                                bar.close()

`Bar` runs on abstract values, as a user's class does.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any  # the class is lowered for what it is made of

from adcompile.frontend import calls, opaque
from adcompile.frontend.values import Args, Iterable, Keywords, Ref, Value, lift
from adcompile.ir.core import Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


class Bar:
    """What tqdm() returns: the items, and the bar, which is an object that the program calls as it is."""

    def __init__(self, items: Any, bar: Any) -> None:
        self.items = items
        self.bar = bar

    def __iter__(self) -> Any:
        for item in self.items:
            yield item
            self.bar.update(1)
        self.bar.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.bar.close()

    def __len__(self) -> Any:
        return len(self.items)

    def update(self, n: Any = 1) -> Any:
        return self.bar.update(n)

    def close(self) -> Any:
        return self.bar.close()

    def refresh(self) -> Any:
        return self.bar.refresh()

    def write(self, text: Any) -> Any:
        return self.bar.write(text)

    def set_description(self, desc: Any = None, refresh: Any = True) -> Any:
        return self.bar.set_description(desc, refresh)

    def set_description_str(self, desc: Any = None, refresh: Any = True) -> Any:
        return self.bar.set_description_str(desc, refresh)

    def set_postfix_str(self, s: Any = "", refresh: Any = True) -> Any:
        return self.bar.set_postfix_str(s, refresh)

    def set_postfix(self, **parts: Any) -> Any:
        return self.bar.set_postfix(**parts)


def is_bar(f: object) -> bool:
    """Tell whether a callable is the class of tqdm's progress bars, or one of them."""
    return isinstance(f, type) and any(f"{c.__module__}.{c.__name__}" == "tqdm.std.tqdm" for c in f.__mro__)


def make(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Make a progress bar; None if the program cannot refer to its class."""
    options = {**dict(zip(("iterable", "desc", "total"), args, strict=False)), **keywords}
    items = lo.current(options.pop("iterable", Const(())))
    count = _count(lo, items, node) if "total" not in options else None
    if count is not None:
        options["total"] = count
    bar = opaque.call_function(lo, f, [], options, node)
    return None if bar is None else lo.container("object", [items, bar], ["items", "bar"], Bar)


def _count(lo: Lowering, items: Value, node: ast.AST) -> Value | None:
    """Return the number of items of what has a len()."""
    if not isinstance(items, Iterable | Ref | Node) or (isinstance(items, Node) and items.kind == "object"):
        return None
    return calls.call(lo, lift(len), [items], {}, node)
