"""Parameters that are called like something that emitted source uses: ``len``, ``np``, ``time``.

A parameter keeps its name, since callers may use it. While a function is written its variable goes under another name,
so that in the end the builtin or module can be renamed where it is meant:

    def f_vjp(x, len): ... len(x) ... len    ->    _len = len
                                                   def f_vjp(x, len): ... _len(x) ... len
"""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Collection, Iterable

from adcompile.emit.layout import Param
from adcompile.emit.names import RESERVED

MARK = " (parameter)"


def hides(name: str) -> bool:
    """Tell whether a name stands for something that emitted source may use: a module that it calls is loaded."""
    return name in RESERVED or name in sys.modules


def hidden(name: str) -> str:
    """Return what a parameter is called while a function is written."""
    return name + MARK if hides(name) else name


def shadowed(params: Iterable[Param]) -> set[str]:
    """Return the names of parameters that hide something."""
    return {p.name for p in params if hides(p.name)}


def reveal(body: list[ast.stmt], params: Iterable[Param]) -> None:
    """Give hidden parameters their names back, and what they hide another one."""
    names = shadowed(params)
    for stmt in body if names else ():
        for node in ast.walk(stmt):
            if isinstance(node, ast.Name):
                node.id = alias(node.id) if node.id in names else node.id.removesuffix(MARK)


def alias(name: str) -> str:
    return f"_{name}"


def definitions(used: Collection[str], modules: Collection[str]) -> str:
    """Return the lines of the module that define the other names, of those that are used."""
    names = sorted(RESERVED.union(modules))
    return "".join(f"{alias(n)} = {n}\n" for n in names if alias(n) in used and not keyword.iskeyword(n))
