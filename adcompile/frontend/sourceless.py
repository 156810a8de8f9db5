"""Python functions that stand for callables written in C.

    np.sin   ->   def sin(x): return np.sin(x)          operator.mul   ->   def mul(a, b): return a * b

They only spell the call; whether its derivative is known is the rule table's business.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import sys
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from adcompile.custom.functions import CustomFunction
from adcompile.errors import SourceError
from adcompile.frontend.resolve import from_source
from adcompile.rules.binding import FUNCTIONS

__all__ = ["stand_in"]

_UNARY: Final[Mapping[str, str]] = {
    "abs": "abs(a)",
    "inv": "~a",
    "invert": "~a",
    "neg": "-a",
    "not_": "not a",
    "pos": "+a",
}
_BINARY: Final[Mapping[str, str]] = {
    "add": "a + b",
    "and_": "a & b",
    "eq": "a == b",
    "floordiv": "a // b",
    "ge": "a >= b",
    "getitem": "a[b]",
    "gt": "a > b",
    "le": "a <= b",
    "lshift": "a << b",
    "lt": "a < b",
    "matmul": "a @ b",
    "mod": "a % b",
    "mul": "a * b",
    "ne": "a != b",
    "or_": "a | b",
    "pow": "a**b",
    "rshift": "a >> b",
    "sub": "a - b",
    "truediv": "a / b",
    "xor": "a ^ b",
}
# Parameters and what is called. The names of these functions end in "_", lest they call themselves.
_BUILTINS: Final[Mapping[Callable[..., object], tuple[str, str]]] = {
    abs: ("x", "abs(x)"),
    divmod: ("x, y", "divmod(x, y)"),
    len: ("x", "len(x)"),
    pow: ("base, exp", "pow(base, exp)"),
    round: ("number, ndigits=None", "round(number, ndigits)"),
    sum: ("iterable, start=0", "sum(iterable, start)"),
}
# Functions whose signature Python does not give, in some versions, or gives with defaults that cannot be written.
_CALLS: Final[Mapping[str, tuple[str, str]]] = {
    "math.hypot": ("x, y", "x, y"),
    "np.clip": ("a, a_min, a_max", "a, a_min, a_max"),
    "np.concatenate": ("arrays, axis=0", "arrays, axis=axis"),
    "np.dot": ("a, b", "a, b"),
    "np.inner": ("a, b", "a, b"),
    "np.vdot": ("a, b", "a, b"),
    "np.where": ("condition, x, y", "condition, x, y"),
}
_LOG: Final = """\
import math

def log(x, base=None):
    return math.log(x) if base is None else math.log(x, base)
"""
# Modules by how sources write them; who has a function of one has loaded it.
_MODULES: Final = {"np": "numpy", "np.linalg": "numpy.linalg", "np.fft": "numpy.fft", "math": "math", "cmath": "cmath"}
# Parameters that say how a result is made and stored. They are left out, so that giving one is an error.
_LEFT_OUT: Final = frozenset(
    ("casting", "copy", "device", "dtype", "like", "optimize", "order", "out", "subok", "where")
)


def stand_in(f: object) -> types.FunctionType | None:
    """Return a Python function that calls `f`, if it is one of NumPy, `math`, `operator` or the builtins; else None.

    The ufuncs of other packages that have rules, as those of `scipy.special`, are called too.

    Raises SourceError where its parameters cannot be told.
    """
    name = getattr(f, "__name__", None)
    if isinstance(f, type) or not isinstance(name, str):
        return None
    if isinstance(f, types.BuiltinFunctionType):
        if f in _BUILTINS:
            return _define(f"{name}_", *_BUILTINS[f])
        if getattr(operator, name, None) is f:
            return _operator(name)
        if f is math.log:
            return from_source(_LOG, name)
    for path, module in _MODULES.items():
        if getattr(sys.modules.get(module), name, None) is f:
            parameters, arguments = _interface(f, f"{path}.{name}")
            return _define(name, parameters, f"{path}.{name}({arguments})", path.partition(".")[0])
    return _with_rule(f) if isinstance(f, np.ufunc) and f in FUNCTIONS else None


@functools.lru_cache(maxsize=512)
def _with_rule(f: np.ufunc) -> types.FunctionType:
    """Return a function that calls one of another package, whose rule the compiler has: scipy.special.erf."""
    name = f.__name__
    parameters, arguments = _interface(f, name)
    return from_source(f"def {name}({parameters}):\n    return {name}_({arguments})\n", name, {f"{name}_": f})


_STARS: Final[Mapping[object, str]] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
    inspect.Parameter.KEYWORD_ONLY: "{}=",
}
_callers: Final[weakref.WeakKeyDictionary[CustomFunction, types.FunctionType]] = weakref.WeakKeyDictionary()


def rule_caller(f: CustomFunction) -> types.FunctionType:
    """Return a Python function that calls a function with rules of its own."""
    if f not in _callers:
        word = "".join(c if c.isalnum() else "_" for c in f.__name__).strip("_") or "function"
        scope: dict[str, object] = {f"{word}_": f}
        parameters: list[inspect.Parameter] = []
        arguments: list[str] = []
        for p in inspect.signature(f).parameters.values():
            default: object = p.default
            if default is not p.empty:
                scope[f"default_{p.name}"] = default
                default = _Name(f"default_{p.name}")
            parameters.append(p.replace(annotation=p.empty, default=default))
            stars: str = _STARS.get(p.kind, "").format(p.name)
            arguments.append(f"{stars}{p.name}")
        head = str(inspect.Signature(parameters))
        text = f"def {word}{head}:\n    return {word}_({', '.join(arguments)})\n"
        _callers[f] = from_source(text, word, scope)
    return _callers[f]


class _Name:
    """A default that is printed as a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


@functools.lru_cache(maxsize=512)
def _define(name: str, parameters: str, result: str, module: str = "") -> types.FunctionType:
    imports = {"": "", "np": "import numpy as np\n\n", "math": "import math\n\n", "cmath": "import cmath\n\n"}[module]
    return from_source(f"{imports}def {name}({parameters}):\n    return {result}\n", name)


def _operator(name: str) -> types.FunctionType | None:
    if name in _UNARY:
        return _define(name, "a", _UNARY[name]) if name != "abs" else _define("abs_", "a", _UNARY[name])
    return _define(name, "a, b", _BINARY[name]) if name in _BINARY else None


def _interface(f: object, full_name: str) -> tuple[str, str]:
    """Return the texts of the parameters of a function, and of the arguments that hand them on to it."""
    if isinstance(f, np.ufunc):
        names = ", ".join("xyzuvw"[: f.nin])
        return names, names
    if full_name in _CALLS:
        return _CALLS[full_name]
    try:
        signature = inspect.signature(f) if callable(f) else None
    except ValueError:
        signature = None
    if signature is None or any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values()):
        raise SourceError(
            f"{full_name} has no fixed number of arguments",
            help=f"write a function that calls it: lambda x, y: {full_name}(x, y)",
        )
    return _spell(signature)


def _spell(signature: inspect.Signature) -> tuple[str, str]:
    """Write a signature as parameters and arguments, keeping the order of those that can be given by position."""
    parameters: list[str] = []
    arguments: list[str] = []
    keyword = False
    for p in signature.parameters.values():
        default = _default(p)
        if p.kind is p.VAR_KEYWORD or p.name in _LEFT_OUT or default is None:
            keyword = True  # those after it have another place here
            continue
        if (keyword or p.kind is p.KEYWORD_ONLY) and "*" not in parameters:
            parameters.append("*")
        parameters.append(f"{p.name}{default}")
        arguments.append(p.name if p.kind is p.POSITIONAL_ONLY or not default else f"{p.name}={p.name}")
    return ", ".join(parameters), ", ".join(arguments)


def _default(parameter: inspect.Parameter) -> str | None:
    """Return the text of a parameter's default, "" if there is none, None if it cannot be written."""
    value = parameter.default
    if value is parameter.empty:
        return ""
    if parameter.name == "keepdims":
        return "=False"  # NumPy's own default tells a call without it from one with it, for other array types only
    return f"={value!r}" if value is None or isinstance(value, bool | int | float | str) else None
