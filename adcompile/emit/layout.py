"""What an emitted function looks like from outside."""

from __future__ import annotations

from typing import Literal

from adcompile.ir.core import Function, Var
from adcompile.ir.structure import Node
from adcompile.records import dataclass


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of an emitted function.

    tree     its leaves; a container is unpacked at the top of the function. None, also for a single leaf, is what is
             known when compiling: it stays in the signature and is not read
    default  the text of its default, None if it has none
    kind     "keyword" for a parameter that can only be given by name
    """

    name: str
    tree: Node[Var | None] | Var | None
    default: str | None = None
    kind: Literal["positional", "keyword"] = "positional"


@dataclass(frozen=True, slots=True)
class Layout:
    """The outside of an emitted function.

    result     the structure of what is returned, over the results of the program
    docstring  its lines
    constants  lines of the module, before the functions, that defaults refer to
    """

    name: str
    params: tuple[Param, ...]
    result: Node[int] | int
    docstring: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """One emitted function."""

    fn: Function
    layout: Layout


@dataclass(frozen=True, slots=True)
class Pair:
    """A forward function, which returns the results and a tape, and a backward function, which takes the tape."""

    fn: Function
    forward: Layout
    backward: Layout
