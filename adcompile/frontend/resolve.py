"""From a function object to its syntax tree, and from the names in it to what they mean.

    s = 3.0
    f = lambda x: s * x        resolve(f).node -> the Lambda node,  resolve(f).lookup("s") -> 3.0

The whole file is parsed and the code object matched (see `matching`), so that the tree is the one that runs: a file
edited since it was imported is an error, never another function's derivative.
"""

from __future__ import annotations

import ast
import enum
import inspect
import os
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Final, Literal

from adcompile.errors import CompileError, SourceError, Span
from adcompile.frontend import files
from adcompile.frontend.matching import FunctionNode, enclosing_class, match
from adcompile.records import NamedTuple, dataclass, field

__all__ = [
    "MISSING",
    "Missing",
    "Origin",
    "Parameter",
    "ParameterKind",
    "Source",
    "from_source",
    "resolve",
    "signature_of",
    "span_of",
]

Origin = Literal["closure", "global", "builtin"]
ParameterKind = Literal["positional", "keyword", "varargs", "varkw"]


class Missing(enum.Enum):
    """The type of MISSING, the default of a parameter that has none."""

    MISSING = enum.auto()


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function. `default` is the live object, MISSING if there is none."""

    name: str
    kind: ParameterKind
    default: object = MISSING
    positional_only: bool = False


LAMBDA: Final = "lambda_"  # the name of functions that have none


@dataclass(frozen=True, slots=True)
class Source:
    """A function with its syntax tree. The tree is shared by all users of the function: nobody may change it.

    Attributes
    ----------
    name : str
        The name in the definition, "lambda_" for a lambda expression.
    lines : tuple of str
        The whole file, as it was when the function was matched with it.
    owner : str
        The name of the class that the definition is in; "" if there is none.
    """

    name: str
    node: ast.FunctionDef | ast.Lambda
    filename: str
    function: types.FunctionType
    lines: tuple[str, ...] = field(repr=False, compare=False)
    owner: str = ""

    @property
    def text(self) -> str:
        """The text of the whole file."""
        return "".join(self.lines)

    def line_text(self, lineno: int) -> str:
        """Return a line of the file, counted from 1, without its newline; "" outside of the file."""
        return self.lines[lineno - 1].rstrip("\n") if 0 < lineno <= len(self.lines) else ""

    def span(self, node: ast.AST) -> Span:
        """Return the place of a node; of one without a place (`arguments`, operators) that of its children."""
        return span_of(node, self.filename, self.lines) or self.span(self.node)

    def mangle(self, name: str) -> str:
        """Return the name as the compiler knows it: `__x` inside of a class C is `_C__x`."""
        owner = self.owner.lstrip("_")
        if not owner or not name.startswith("__") or name.endswith("__") or "." in name:
            return name
        return f"_{owner}{name}"

    def origin(self, name: str) -> Origin:
        """Return where a name that is not local to the function is defined. Raises KeyError if nowhere."""
        name = self.mangle(name)
        if name in self.function.__code__.co_freevars:
            return "closure"
        if name in self.function.__globals__:
            return "global"
        if name in _builtins(self.function):
            return "builtin"
        raise KeyError(name)

    def lookup(self, name: str) -> object:
        """Return what a name that is not local to the function means now. Raises KeyError if nothing."""
        origin, name = self.origin(name), self.mangle(name)
        if origin == "closure":
            return self._cell(name)
        return self.function.__globals__[name] if origin == "global" else _builtins(self.function)[name]

    def _cell(self, name: str) -> object:
        cells = dict(zip(self.function.__code__.co_freevars, self.function.__closure__ or (), strict=True))
        try:
            return cells[name].cell_contents
        except ValueError:  # not assigned yet
            raise KeyError(name) from None


def _builtins(f: types.FunctionType) -> Mapping[str, object]:
    found: Mapping[str, object] = getattr(f, "__builtins__")  # noqa: B009  # typeshed does not know it
    return found


class _Located(NamedTuple):
    """What is kept for a code object. It must not refer to it, or it would never be freed."""

    node: FunctionNode
    filename: str
    lines: tuple[str, ...]
    owner: str


# Keyed by identity: code objects compare equal across files.
_located: Final[dict[int, tuple[weakref.ref[types.CodeType], _Located]]] = {}


def resolve(f: types.FunctionType, generators: bool = False) -> Source:
    """Return a function's source. `generators`: it may be that of a generator function.

    Raises SourceError if the text is missing or is not what the function was compiled from, and CompileError for
    a coroutine or generator function.
    """
    found = _locate_once(f)
    node = found.node
    if isinstance(node, ast.AsyncFunctionDef):
        span = span_of(node, found.filename, found.lines)
        raise CompileError(f"{node.name} is an async function", span, help="differentiate a plain function")
    name = LAMBDA if isinstance(node, ast.Lambda) else node.name
    source = Source(name, node, found.filename, f, found.lines, found.owner)
    if f.__code__.co_flags & inspect.CO_GENERATOR and not generators:
        first = _first_yield(node) or node
        raise CompileError(f"{name} is a generator function", source.span(first), "yields here", "return an array")
    return source


_signatures: Final[dict[types.FunctionType, tuple[Parameter, ...]]] = {}  # of functions of ours


def signature_of(source: Source) -> tuple[Parameter, ...]:
    """Return the parameters in the order of their definition, with the defaults that the function has now."""
    f = source.function
    if not str(f.__module__).startswith("adcompile."):
        return _signature(source)
    if f not in _signatures:
        _signatures[f] = _signature(source)
    return _signatures[f]


def _signature(source: Source) -> tuple[Parameter, ...]:
    arguments, f = source.node.args, source.function
    positional = [a.arg for a in arguments.posonlyargs + arguments.args]
    defaults: tuple[object, ...] = f.__defaults__ or ()
    padded = (MISSING,) * (len(positional) - len(defaults)) + defaults
    result = [
        Parameter(name, "positional", default, i < len(arguments.posonlyargs))
        for i, (name, default) in enumerate(zip(positional, padded, strict=True))
    ]
    if arguments.vararg:
        result.append(Parameter(arguments.vararg.arg, "varargs"))
    keyword: Mapping[str, object] = f.__kwdefaults__ or {}
    result += [Parameter(a.arg, "keyword", keyword.get(source.mangle(a.arg), MISSING)) for a in arguments.kwonlyargs]
    if arguments.kwarg:
        result.append(Parameter(arguments.kwarg.arg, "varkw"))
    return tuple(result)


def from_source(text: str, name: str, namespace: Mapping[str, object] | None = None) -> types.FunctionType:
    """Execute a source text and return the function of that name in it.

    The text sees what it imports and a copy of `namespace`. It stays in `linecache`, under a name that depends on the
    text alone, so that this function and the others in it have a source.
    """
    import textwrap  # slow to load, and needed by few

    text = textwrap.dedent(text) if text.lstrip("\n")[:1].isspace() else text
    filename = files.register(text, name)
    try:
        code = compile(text, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _syntax_error(error, filename) from None
    scope: dict[str, object] = {"__name__": "adcompile_source", **(namespace or {})}
    exec(code, scope)  # the user's own program
    f = scope.get(name)
    if not isinstance(f, types.FunctionType):
        there = sorted(n for n, v in scope.items() if _is_defined_in(v, filename))
        raise SourceError(
            f"the source text defines no function {name}"
            if f is None
            else f"{name} is {type(f).__name__}, not a function",
            help=f"name a function that it defines: {', '.join(there)}" if there else "define it with `def`",
        )
    return f


def span_of(node: ast.AST, filename: str, lines: tuple[str, ...]) -> Span | None:
    """Return the place of a node, in characters; None if neither it nor any child has one."""
    if isinstance(node, ast.expr | ast.stmt | ast.excepthandler | ast.arg | ast.keyword | ast.alias | ast.pattern):
        end_line = node.end_lineno or node.lineno
        end = node.col_offset if node.end_col_offset is None else node.end_col_offset
        return Span(
            filename, node.lineno, _characters(lines, node.lineno, node.col_offset),
            end_line, _characters(lines, end_line, end),
        )  # fmt: skip
    spans = [s for child in ast.iter_child_nodes(node) if (s := span_of(child, filename, lines))]
    if not spans:
        return None
    first = min(spans, key=lambda s: (s.line, s.column))
    last = max(spans, key=lambda s: (s.end_line, s.end_column))
    return Span(filename, first.line, first.column, last.end_line, last.end_column)


def _characters(lines: tuple[str, ...], line: int, column: int) -> int:
    """Convert a column counted in UTF-8 bytes, as `ast` gives it, to characters."""
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    if text.isascii():
        return column
    return len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))


def _locate_once(f: types.FunctionType) -> _Located:
    code = f.__code__
    known = _located.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    found = _locate(f)
    _located[id(code)] = weakref.ref(code, _forgetter(id(code))), found
    return found


def _forgetter(key: int) -> Callable[[weakref.ref[types.CodeType]], None]:
    """Return the callback that drops a dead code object's entry, unless another one has taken its place."""

    def forget(dead: weakref.ref[types.CodeType]) -> None:
        known = _located.get(key)
        if known is not None and known[0] is dead:
            _located.pop(key, None)

    return forget


def _locate(f: types.FunctionType) -> _Located:
    code = f.__code__
    try:
        file = files.snapshot(code.co_filename, f.__globals__)
    except (SyntaxError, ValueError) as error:
        raise _stale(f, files.split(files.read(code.co_filename, f.__globals__)), str(error)) from None
    if file is None:
        raise _missing(f)
    nodes = match("".join(file.lines), file.tree, code)
    if not nodes:
        raise _stale(f, file.lines, "it does not compile to the code that runs")
    if len(nodes) > 1:
        raise SourceError(
            "several lambdas on one line cannot be told apart, since Python keeps no columns",
            span_of(nodes[0], file.filename, file.lines),
            help="run Python without -X no_debug_ranges, or put each on a line of its own",
        )
    return _Located(nodes[0], file.filename, file.lines, enclosing_class(file.tree, nodes[0]))


def _missing(f: types.FunctionType) -> SourceError:
    code = f.__code__
    made = " (it was made by exec or eval, or typed into a prompt)" if code.co_filename.startswith("<") else ""
    return SourceError(
        f"the source of {f.__qualname__} is missing: there is no text of {code.co_filename}{made}",
        help=f'define it in a file or a notebook, or with adcompile.from_source(text, "{f.__name__}")',
    )


def _stale(f: types.FunctionType, lines: tuple[str, ...], reason: str) -> SourceError:
    filename = f.__code__.co_filename
    line = min(f.__code__.co_firstlineno, len(lines))
    if os.path.exists(filename):
        help = f"restart Python, or import the file again with importlib.reload on the module {f.__module__}"
    else:
        help = "define the function again, by running its cell once more"
    return SourceError(
        f"{f.__qualname__} was not made from the present text of {filename}: the file was edited after its import",
        Span(filename, line, 0, line, len(lines[line - 1].rstrip("\n"))) if line else None,
        reason,
        help,
    )


def _first_yield(node: ast.FunctionDef | ast.Lambda) -> ast.expr | None:
    """Return the first `yield` of a function itself, not of the functions inside of it."""
    stack: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*reversed(node.body)]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Yield | ast.YieldFrom):
            return current
        if not isinstance(current, FunctionNode | ast.ClassDef):
            stack += reversed([*ast.iter_child_nodes(current)])
    return None


def _syntax_error(error: SyntaxError, filename: str) -> SourceError:
    line, column = error.lineno or 1, max(0, (error.offset or 1) - 1)
    end_line, end = error.end_lineno or line, max(column + 1, (error.end_offset or 0) - 1)
    return SourceError(f"the source text is not Python: {error.msg}", Span(filename, line, column, end_line, end))


def _is_defined_in(value: object, filename: str) -> bool:
    return isinstance(value, types.FunctionType) and value.__code__.co_filename == filename
