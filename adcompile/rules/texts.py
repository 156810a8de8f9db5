"""Texts that only a run tells: which of several a variable holds, and what their methods return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import Primitive, register
from adcompile.ir.types import PY_BOOL, PY_INT, TEXT, Type
from adcompile.rules.table import nondifferentiable

# The methods of str that return a text or a number, and whose operands are such.
METHODS: Final[Mapping[str, Type]] = {
    **dict.fromkeys(
        ("__getitem__", "capitalize", "casefold", "center", "expandtabs", "ljust", "lower", "lstrip"), TEXT
    ),
    **dict.fromkeys(("removeprefix", "removesuffix", "replace", "rjust", "rstrip", "strip", "swapcase", "title"), TEXT),
    **dict.fromkeys(("join", "upper", "zfill"), TEXT),
    **dict.fromkeys(("split", "splitlines"), Type("list", str)),
    **dict.fromkeys(("__len__", "count", "find", "index", "rfind", "rindex"), PY_INT),
    **dict.fromkeys(("__contains__", "endswith", "startswith", "isalnum", "isalpha", "isascii"), PY_BOOL),
    **dict.fromkeys(("isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isspace"), PY_BOOL),
    **dict.fromkeys(("istitle", "isupper"), PY_BOOL),
}


def infer_format(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return TEXT


def infer_method(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return METHODS[str(attrs[0])]


register(Primitive("format", infer_format, signature="*xs, template", n_attrs=1, cost="transcendental"))
register(Primitive("text_slice", infer_format, signature="x, lo, hi, step", cost="transcendental"))
register(Primitive("text_method", infer_method, signature="x, *args, method", n_attrs=1, cost="transcendental"))
nondifferentiable("format", "text_method", "text_slice")
