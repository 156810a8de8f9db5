"""The list of programs that the compiler is measured with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

PROGRAMS: list[Program] = []


@dataclass(frozen=True, eq=False)
class Program:
    """A function, arguments to call it with, and what to ask of its derivative.

    wrt        positions of the differentiated arguments
    refusable  the compiler may refuse it instead, with an error that points at a line; a wrong number it may never give
    second     whether the second derivative exists and is checked too
    alone      whether the emitted source runs without the module of the function, from which it is passed an object
    again      whether the emitted gradient is accepted as input: not where its tape holds lists of several calls,
               or where it calls a helper that has no derivative
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    wrt: tuple[int, ...]
    refusable: bool = False
    second: bool = True
    again: bool = True
    alone: bool = True

    def __repr__(self) -> str:
        return self.name


def program(
    *args: Any,
    name: str = "",
    wrt: tuple[int, ...] | None = None,
    refusable: bool = False,
    second: bool = True,
    again: bool = True,
    alone: bool = True,
) -> Callable[[Any], Any]:
    """Enter the function below it, with these arguments, in the list; can be stacked."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        positions = tuple(i for i, a in enumerate(args) if differentiable(a)) if wrt is None else wrt
        title = name or function.__name__
        number = sum(p.name.rpartition("-")[0] == title or p.name == title for p in PROGRAMS)
        title += f"-{number}" if number else ""
        PROGRAMS.append(Program(title, function, args, positions, refusable, second, again, alone))
        return function

    return enter


def differentiable(value: object) -> bool:
    """Tell whether an argument is made of floating-point numbers only."""
    if isinstance(value, list | tuple):
        return bool(value) and all(map(differentiable, value))
    if isinstance(value, dict):
        return bool(value) and all(map(differentiable, value.values()))
    return isinstance(value, float | complex) or (
        isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fc"
    )
