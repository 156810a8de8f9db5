"""Derivatives as equations: ``pullback`` and ``pushforward`` of a closed function, in the midst of a program.

    v3, v4 = pullback(v1, v2, 1.0; f)        v3 = f(v1, v2), v4 = the cotangent of v1 for the cotangent 1.0 of v3
    v3, v4 = pushforward(v1, v2, v5; f)      v3 = f(v1, v2), v4 = its tangent for the tangent v5 of v1

The function reads nothing but its parameters. A pushforward becomes the equations that it stands for before anything
else is done. A pullback stays an equation while the program around it is differentiated: its tangent and its adjoint
are pullbacks of the function with tangents, so that derivatives of any order are reverse(forward*(f)), and no tape is
ever differentiated.
"""

from __future__ import annotations

from typing import Final

from adcompile.ir.core import Atom, Attrs, Function
from adcompile.ir.lengths import Facts, Length, combine
from adcompile.ir.types import Type, numpy_dtype
from adcompile.records import dataclass

__all__ = [
    "DERIVATIVES",
    "Jacobian",
    "Pullback",
    "Pushforward",
    "derivative_type",
    "infer_jacobian",
    "infer_pullback",
    "infer_pushforward",
]

DERIVATIVES: Final = ("pullback", "pushforward", "jacobian")  # the primitives


@dataclass(frozen=True, slots=True)
class Pullback:
    """What a pullback is of. Its operands are those of the function, then one cotangent for each of `seeds`.

    seeds  the results that cotangents are given for
    wrt    the parameters whose cotangents are wanted
    kept   the results that are wanted too; the equation returns these first
    """

    function: Function
    seeds: tuple[int, ...]
    wrt: tuple[int, ...]
    kept: tuple[int, ...] = ()

    @property
    def __name__(self) -> str:
        return f"{self.function.name}, wrt {self.wrt}"


@dataclass(frozen=True, slots=True)
class Pushforward:
    """What a pushforward is of. Its operands are those of the function, then one tangent for each parameter in `wrt`.

    It returns all results, then the tangents of those that can have one.
    """

    function: Function
    wrt: tuple[int, ...]

    @property
    def __name__(self) -> str:
        return f"{self.function.name}, wrt {self.wrt}"

    @property
    def carried(self) -> tuple[int, ...]:
        """Return the results that can have tangents."""
        return tuple(k for k, out in enumerate(self.function.outs) if out.type.inexact)


@dataclass(frozen=True, slots=True)
class Jacobian:
    """What a block of derivatives is of. Its operands are those of the function.

    mode     "forward": the directions are the unit vectors of the parameter `number`, and each entry of the block is a
             tangent of the results `others`; "reverse": they are those of the result `number`, and each entry is a
             cotangent of the parameters `others`
    kept     the results that are wanted too; the equation returns these first
    """

    function: Function
    mode: str
    number: int
    others: tuple[int, ...]
    kept: tuple[int, ...] = ()

    @property
    def __name__(self) -> str:
        return f"{self.function.name}, {self.mode}, {self.number}, {self.others}"

    @property
    def ends(self) -> tuple[Atom, tuple[Atom, ...]]:
        """Return what the directions belong to, and what the entries belong to."""
        fn = self.function
        sides: tuple[tuple[Atom, ...], tuple[Atom, ...]] = (fn.params, fn.outs)
        inner, outer = sides if self.mode == "forward" else sides[::-1]
        return inner[self.number], tuple(outer[k] for k in self.others)


def infer_jacobian(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    (of,) = attrs
    assert isinstance(of, Jacobian)
    start, ends = of.ends
    length: Length = 1
    for d in start.type.dims or ():
        length = combine("*", (length, d))
    blocks = (Type("array", numpy_dtype(e.type), (length, *(e.type.dims or ()))) for e in ends)
    return (*(of.function.outs[k].type for k in of.kept), *blocks)


def derivative_type(a: Atom) -> Type:
    """Return the type of a tangent or cotangent that a function returns: of a number's it is not known whose it is."""
    t = a.type
    if t.is_list:
        return Type("list", numpy_dtype(t), t.dims, layout=t.layout)
    return t if t.is_array and t.dims != () else Type("scalar", numpy_dtype(t))


def infer_pullback(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    (of,) = attrs
    assert isinstance(of, Pullback)
    fn = of.function
    assert len(args) == len(fn.params) + len(of.seeds)
    return (*(fn.outs[k].type for k in of.kept), *(derivative_type(fn.params[k]) for k in of.wrt))


def infer_pushforward(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    (of,) = attrs
    assert isinstance(of, Pushforward)
    fn = of.function
    assert len(args) == len(fn.params) + len(of.wrt)
    dots = (fn.outs[k] for k in of.carried)
    return (*(o.type for o in fn.outs), *(o.type if o.type.is_array else derivative_type(o) for o in dots))
