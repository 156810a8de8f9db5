"""Find the syntax tree that a code object was compiled from.

    (lambda x: x + 1, lambda x: x + 2)     the code of the second   ->   the second `Lambda` node

The line number alone cannot tell: several lambdas share a line, and a file may have been edited since. So the
statement around that line is compiled again and a code object looked for in it that equals ours in name, place,
bytecode, names, constants and positions. The positions of its instructions then say which node it belongs to.

pytest rewrites the `assert` statements of the modules that it imports. For functions that have some, the same
rewriting is done before the comparison.
"""

from __future__ import annotations
import __future__

import ast
import dis
import sys
import types
import warnings
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from adcompile.frontend.nodes import walk

__all__ = ["FunctionNode", "enclosing_class", "match"]

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Place: TypeAlias = tuple[int, int]  # line, column in bytes
Extent: TypeAlias = tuple[Place, Place]

_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUTURE: Final = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
_INTERFACE: Final = (
    "co_name",
    "co_qualname",
    "co_firstlineno",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
    "co_freevars",
)
_CONTENT: Final = ("co_names", "co_varnames", "co_cellvars", "co_code", "co_exceptiontable")
_FRAME: Final = frozenset({"RESUME", "RETURN_GENERATOR", "POP_TOP", "RETURN_VALUE"})  # placed at column 0, or anywhere


def match(text: str, tree: ast.Module, code: types.CodeType) -> tuple[FunctionNode, ...]:
    """Return the nodes of `tree`, the tree of `text`, that `code` may have been compiled from.

    None of them if the text does not say what the code does; several only where the interpreter keeps no columns
    (`-X no_debug_ranges`) and lambdas share a line.
    """
    around = _around(tree, code.co_firstlineno)
    nodes = [n for s in around for n in walk(s) if isinstance(n, FunctionNode) and _labels(n, code)]
    if not nodes:
        return ()
    found = _find(_candidates(tree, code), code)
    if found is None and _is_rewritten(code):
        rewritten = _rewrite_asserts(text)
        found = _find(_compile(rewritten.body, code), code) if rewritten else None
    return () if found is None else _owners(nodes, found)


def enclosing_class(tree: ast.Module, node: FunctionNode) -> str:
    """Return the name of the innermost class that a node is in, whose private names it sees; "" if there is none."""
    inside: list[tuple[ast.AST, str]] = [(s, "") for s in _around(tree, _first_line(node))]
    for parent, name in inside:  # grows
        if parent is node:
            return name
        for child in ast.iter_child_nodes(parent):
            inside.append((child, parent.name if isinstance(parent, ast.ClassDef) and child in parent.body else name))
    return ""


def _first_line(node: ast.stmt | FunctionNode) -> int:
    """Return the line where a definition starts: the one of its first decorator."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return node.lineno


def _labels(node: FunctionNode, code: types.CodeType) -> bool:
    name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
    if code.co_name != name or code.co_firstlineno != _first_line(node):
        return False
    return len(node.args.posonlyargs) + len(node.args.args) == code.co_argcount


def _around(tree: ast.Module, line: int) -> list[ast.stmt]:
    """Return the statements of a module that a line is in: several where they share it."""
    stop = bisect_right(_first_lines(tree), line)
    start = stop
    while start and (tree.body[start - 1].end_lineno or 0) >= line:
        start -= 1
    return tree.body[start:stop]


@lru_cache(maxsize=8)
def _first_lines(tree: ast.Module) -> list[int]:
    """Return where the statements of a module start. Files with many functions are asked for each of them."""
    return [_first_line(s) for s in tree.body]


def _candidates(tree: ast.Module, code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code objects in the place of `code`, compiling as little as tells them.

    The statement around it and the imports nearly always do: the bytecode of `np.sin(x)` depends on whether the same
    compilation imports `np`, that of `super()` on any mention of `super`. Notebooks and doctests are compiled
    statement by statement.
    """
    around = _around(tree, code.co_firstlineno)
    yield from _compile([*_imports(tree), *around], code)
    yield from _compile(around, code)
    yield from _compile(tree.body, code)


def _compile(statements: Sequence[ast.stmt], code: types.CodeType) -> Iterator[types.CodeType]:
    """Compile statements as the module of `code` was; yield the code objects with its name and first line."""
    flags = (code.co_flags & _FUTURE) | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # notebook cells may await
    module = ast.Module([s for s in statements if not _is_future(s)], type_ignores=[])
    stack = [compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True)]
    while stack:
        inner = [c for c in stack.pop().co_consts if isinstance(c, types.CodeType)]
        yield from (c for c in inner if (c.co_name, c.co_firstlineno) == (code.co_name, code.co_firstlineno))
        stack += inner


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


@lru_cache(maxsize=8)
def _imports(tree: ast.Module) -> list[ast.stmt]:
    """Return the import statements of a module's own scope."""
    found: list[ast.stmt] = []
    stack: list[ast.AST] = [*tree.body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case) and not isinstance(node, _SCOPES):
            stack += ast.iter_child_nodes(node)
    return found


def _find(candidates: Iterable[types.CodeType], code: types.CodeType) -> types.CodeType | None:
    """Return the candidate that does the same as `code`. Of several, any will do: they are the same program."""
    columns = _has_columns(code)
    for candidate in candidates:
        both = columns and _has_columns(candidate)
        if _fingerprint(candidate, both) == _fingerprint(code, both):
            return candidate
    return None


def _rewrite_asserts(text: str) -> ast.Module | None:
    """Return the tree of a module as pytest, which is running, compiles it."""
    pytest = sys.modules.get("_pytest.assertion.rewrite")
    if pytest is None:
        return None
    hooks = [h for h in sys.meta_path if isinstance(h, pytest.AssertionRewritingHook)]
    tree = ast.parse(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest has given them when it imported the module
        pytest.rewrite_asserts(tree, text.encode(), None, hooks[0].config if hooks else None)
    return tree


def _owners(nodes: Sequence[FunctionNode], code: types.CodeType) -> tuple[FunctionNode, ...]:
    """Return the nodes that the instructions of `code` lie in: of nested ones the innermost."""
    if len(nodes) == 1:
        return tuple(nodes)
    extents = [e for step, e in _instructions(code) if e is not None and step.opname not in _FRAME and e[0] < e[1]]
    if not extents:
        return tuple(n for n in nodes if _does(n, code))[:1] or tuple(nodes)
    low, high = min(e[0] for e in extents), max(e[1] for e in extents)
    bodies = [(n, _extent(n.body if isinstance(n, ast.Lambda) else n)) for n in nodes]
    around = [(n, b) for n, b in bodies if b[0] <= low and high <= b[1]]
    return tuple(n for n, b in around if not any(_contains(b, other) for _, other in around))


def _does(node: FunctionNode, code: types.CodeType) -> bool:
    """Tell whether a lambda that is compiled by itself does the same as `code`; false if it depends on its scope."""
    if not isinstance(node, ast.Lambda):
        return False
    for alone in _compile([ast.copy_location(ast.Expr(node), node)], code):
        same = alone.replace(co_qualname=code.co_qualname, co_flags=code.co_flags)
        if _fingerprint(same, False) == _fingerprint(code, False):
            return True
    return False


def _contains(outer: Extent, inner: Extent) -> bool:
    return outer != inner and outer[0] <= inner[0] and inner[1] <= outer[1]


def _extent(node: ast.stmt | ast.expr) -> Extent:
    return (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)


# ---- what a code object does ---------------------------------------------------------------------------------------


def _fingerprint(code: types.CodeType, columns: bool) -> Hashable:
    """Return a value that is equal for code objects that do the same at the same place of a file.

    `code == other` leaves out the positions in some versions of Python, and differs in what else it compares.
    """
    fields = tuple(getattr(code, name) for name in _INTERFACE + _CONTENT)
    places = tuple(code.co_positions()) if columns else tuple(code.co_lines())
    return fields, places, tuple(_constant(c, columns) for c in code.co_consts)


def _constant(value: object, columns: bool) -> Hashable:
    """Tell constants apart that compare equal: 1, 1.0 and True; 0.0 and -0.0."""
    match value:
        case types.CodeType():
            return _fingerprint(value, columns)
        case float() | complex():
            return type(value), repr(value)
        case tuple():
            return tuple(_constant(v, columns) for v in value)
        case frozenset():
            return frozenset(_constant(v, columns) for v in value)
        case _:
            return type(value), value


def _has_columns(code: types.CodeType) -> bool:
    return any(column is not None for _, _, column, _ in code.co_positions())


def _is_rewritten(code: types.CodeType) -> bool:
    """Tell whether pytest has rewritten assert statements in a code object: its names are not identifiers."""
    if any(name.startswith("@py") for name in code.co_names + code.co_varnames):
        return True
    return any(isinstance(c, types.CodeType) and _is_rewritten(c) for c in code.co_consts)


def _instructions(code: types.CodeType) -> Iterator[tuple[dis.Instruction, Extent | None]]:
    """Yield instructions and their places, None where the compiler gives none."""
    for instruction in dis.get_instructions(code):
        where = instruction.positions
        line, column, end_line, end_column = (
            (where.lineno, where.col_offset, where.end_lineno, where.end_col_offset) if where else (None,) * 4
        )
        if line is None or column is None or end_line is None or end_column is None:
            yield instruction, None
        else:
            yield instruction, ((line, column), (end_line, end_column))
