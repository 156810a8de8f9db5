"""Abstract types: what the compiler knows of a value before it runs."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from adcompile.ir.lengths import Facts, Length
from adcompile.records import dataclass

Kind = Literal["py", "np", "scalar", "array", "list", "tree", "object"]


@dataclass(frozen=True, slots=True)
class Type:
    """What is known of a value.

    kind    "py" a Python bool, int, float or complex; "np" a NumPy scalar; "scalar" either of the two (a loop
            variable that starts as 0.0 and becomes a NumPy scalar); "array" an ndarray; "list" a list whose elements
            are all numbers, arrays or texts, of the dtype and shape given, or a list of such lists; "tree" a tuple that
            may hold others like itself; "object" anything else
    dtype   bool, int, float, complex for "py"; a NumPy dtype for "np", "scalar" and "array"; the class of an "object";
            None if not known
    dims    the shape; () for scalars; None if the rank is not known
    value   the length that a Python int stands for, if it comes from shapes and int arguments
    layout  the name of the structure that a tree has; `NESTED` for a list of lists, `OWNED` for a list that is the
            only holder of its arrays, which may be stored to; the dtype of a sparse matrix
    """

    kind: Kind
    dtype: type | np.dtype | None = None
    dims: tuple[Length, ...] | None = ()
    value: Length | None = None
    layout: str = ""

    @property
    def is_scalar(self) -> bool:
        return self.kind in ("py", "np", "scalar")

    @property
    def is_array(self) -> bool:
        return self.kind == "array"

    @property
    def is_list(self) -> bool:
        return self.kind == "list"

    @property
    def is_nested(self) -> bool:
        return self.kind == "list" and self.layout == NESTED

    @property
    def is_pool(self) -> bool:
        """Tell whether it is a list that is the only holder of its lists or arrays."""
        return self.kind == "list" and bool(self.layout)

    @property
    def is_tree(self) -> bool:
        return self.kind == "tree"

    @property
    def is_numeric(self) -> bool:
        return self.kind not in ("list", "tree", "object")

    @property
    def is_text(self) -> bool:
        return self.kind == "object" and self.dtype is str

    @property
    def is_sparse(self) -> bool:
        """Tell whether the value is a sparse matrix of SciPy, whose layout is the dtype: these come from outside."""
        return self.kind == "object" and bool(self.layout)

    @property
    def is_carried(self) -> bool:
        """Tell whether a run may decide which value of the type a variable holds: numbers, arrays and texts."""
        return self.is_numeric or self.is_text

    @property
    def rank(self) -> int | None:
        return None if self.dims is None else len(self.dims)

    @property
    def inexact(self) -> bool:
        """Tell whether the value has derivatives: a real or complex floating-point number."""
        if self.kind == "object":
            return False
        if self.dtype is None:
            return True
        return self.dtype in (float, complex) if isinstance(self.dtype, type) else self.dtype.kind in "fc"

    def __str__(self) -> str:
        if self.kind in ("object", "tree"):
            return f"tree of {self.layout}" if self.is_tree else "object"
        name = "?" if self.dtype is None else self.dtype.__name__ if isinstance(self.dtype, type) else self.dtype.name
        if self.kind == "list":
            lists = "list of lists" if self.layout == NESTED else "list of own" if self.layout else "list"
            return f"{lists} of {name}{list(map(str, self.dims)) if self.dims else ''}"
        if self.kind == "array":
            return f"{name}[{'...' if self.dims is None else ', '.join(map(str, self.dims))}]"
        return {"py": name, "np": f"np.{name}", "scalar": f"{name}?"}[self.kind]


PY_BOOL: Final = Type("py", bool)
PY_INT: Final = Type("py", int)
PY_FLOAT: Final = Type("py", float)
OBJECT: Final = Type("object", None, None)
NESTED: Final = "lists"
OWNED: Final = "arrays"
TEXT: Final = Type("object", str, None)


def tree_type(layout: str) -> Type:
    """Return the type of trees of a structure."""
    return Type("tree", None, None, None, layout)


def numpy_dtype(t: Type) -> np.dtype | None:
    """Return the NumPy dtype that a value has once it is in an array."""
    if t.dtype is None or isinstance(t.dtype, np.dtype):
        return t.dtype
    return np.dtype(t.dtype)


def result_type(dtype: type | np.dtype | None, dims: tuple[Length, ...] | None) -> Type:
    """Return the type of a ufunc's or reduction's result: a NumPy scalar when the shape is ()."""
    return Type("np" if dims == () else "array", dtype, dims)


def type_of_value(value: object) -> Type:
    """Return the type of a value that is known now."""
    if type(value) is float:
        return PY_FLOAT
    if type(value) is int:
        return Type("py", int, (), value)
    if type(value) is bool or type(value) is complex:
        return Type("py", type(value))
    if isinstance(value, np.ndarray):
        return Type("array", value.dtype, tuple(value.shape))
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return Type("np", value.dtype)
    return TEXT if type(value) is str else OBJECT


def join(facts: Facts, a: Type, b: Type) -> Type:
    """Return the least type that covers both: what an if result or a loop slot has."""
    if a == b:
        return a
    if "object" in (a.kind, b.kind) or a.is_list != b.is_list or a.is_tree or b.is_tree or str in (a.dtype, b.dtype):
        return OBJECT
    if a.is_list and b.is_list:
        kind: Kind = "array" if a.dims != () or b.dims != () else "scalar"
        if (a.dims == ()) != (b.dims == ()) or a.layout != b.layout:
            return OBJECT
        inner = join(facts, Type(kind, a.dtype, a.dims), Type(kind, b.dtype, b.dims))
        return Type("list", inner.dtype, inner.dims, layout=a.layout)
    if a.is_array or b.is_array:
        common = _join_dtype(numpy_dtype(a), numpy_dtype(b))
        dims: tuple[Length, ...] | None = None
        if a.dims is not None and b.dims is not None and len(a.dims) == len(b.dims):
            dims = tuple(x if facts.same(x, y) else facts.fresh() for x, y in zip(a.dims, b.dims, strict=True))
        return Type("array", common, dims)
    if a.kind == b.kind == "py":
        order = (bool, int, float, complex)
        value = a.value if a.value is not None and b.value is not None and facts.same(a.value, b.value) else None
        kinds = [k for k in order if k in (a.dtype, b.dtype)]
        return Type("py", kinds[-1] if kinds else None, (), value)
    return Type("scalar", _join_scalar_dtype(a, b))


def _join_scalar_dtype(a: Type, b: Type) -> np.dtype | None:
    """Join dtypes of scalars: a Python number takes on the NumPy type of its kind; others must agree."""
    da, db = numpy_dtype(a), numpy_dtype(b)
    for t, weak, strong in ((a, da, db), (b, db, da)):
        if t.kind != "py" or weak is None or strong is None:
            continue
        if "biufc".index(weak.kind) <= "biufc".index(strong.kind):
            return strong
    return _join_dtype(da, db)


def _join_dtype(a: np.dtype | None, b: np.dtype | None) -> np.dtype | None:
    """Join dtypes: those that differ are not known, but what may be complex has a complex derivative."""
    if a == b:
        return a
    if not any(t is not None and t.kind == "c" for t in (a, b)):
        return None
    narrow = (np.dtype(np.float32), np.dtype(np.complex64))
    return np.dtype(np.complex64 if a in narrow and b in narrow else np.complex128)
