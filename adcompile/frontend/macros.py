"""Operators in terms of others, lowered where they are used inside a function: plain Python over NumPy.

`grad`, `vjp` and `jvp` are those of the compiler; the module is never run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

Function = Callable[..., Any]
Values = tuple[Any, ...]


class Inner:
    """An operator as the frontend knows it."""

    def __init__(self, name: str) -> None:
        self.__adcompile_operator__ = name

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        raise AssertionError("known to the compiler alone")


grad, vjp, jvp = Inner("grad"), Inner("vjp"), Inner("jvp")


def hvp(f: Function, primals: Values, tangents: Values) -> Any:
    gradient = grad(f, argnums=tuple(range(len(primals))))
    products = jvp(gradient, primals, tangents)[1]
    return products[0] if len(products) == 1 else products


def directional(f: Function, primals: Values, tangents: Values) -> Any:
    return jvp(f, primals, tangents)[1]


def gauss_newton_vp(f: Function, primals: Values, tangents: Values) -> Any:
    products = vjp(f, *primals)[1](jvp(f, primals, tangents)[1])
    return products[0] if len(products) == 1 else products


def elementwise_grad(f: Function, argnums: Any, *args: Any, **keywords: Any) -> Any:
    return grad(lambda *a, **k: np.sum(f(*a, **k)), argnums=argnums)(*args, **keywords)


def derivative_along(f: Function, order: int, argnum: int, *args: Any, **keywords: Any) -> Any:
    number = argnum % len(args)
    head, tail = args[:number], args[number + 1 :]

    def once(g: Function, _: int) -> Function:
        return lambda x: jvp(g, (x,), (1.0,))[1]

    def along(x: Any) -> Any:
        return f(*head, x, *tail, **keywords)

    return reduce(once, range(order), along)(args[number])


def linearize(f: Function, *primals: Any) -> Any:
    return vjp(f, *primals)[0], lambda *tangents: jvp(f, primals, tangents)[1]


# -- Jacobians: `push` gives the tangents of all results, `pull` the cotangents of all arguments


def columns(push: Function, number: int, x: Any, y: Any) -> Any:
    """The derivatives of the array y, result `number`, by the array x."""
    block = np.zeros((x.size, y.size), dtype=y.dtype)
    for i in range(x.size):
        direction = np.zeros(x.size, dtype=x.dtype)
        direction[i] = 1.0
        block[i] = push(direction.reshape(x.shape))[number].reshape(y.size)
    return block.T.reshape(y.shape + x.shape)


def row_of_columns(push: Function, number: int, x: Any, y: Any) -> Any:
    """The derivatives of the number y by the array x."""
    row = np.zeros(x.size, dtype=x.dtype)
    for i in range(x.size):
        direction = np.zeros(x.size, dtype=x.dtype)
        direction[i] = 1.0
        row[i] = push(direction.reshape(x.shape))[number]
    return row.reshape(x.shape)


def column(push: Function, number: int, x: Any, y: Any) -> Any:
    """The derivatives of y by the number x."""
    return push(1.0)[number]


def rows(pull: Function, number: int, x: Any, y: Any) -> Any:
    """The derivatives of the array y by the array x, argument `number`."""
    block = np.zeros((y.size, x.size), dtype=x.dtype)
    for i in range(y.size):
        direction = np.zeros(y.size, dtype=y.dtype)
        direction[i] = 1.0
        block[i] = pull(direction.reshape(y.shape))[number].reshape(x.size)
    return block.reshape(y.shape + x.shape)


def column_of_rows(pull: Function, number: int, x: Any, y: Any) -> Any:
    """The derivatives of the array y by the number x."""
    entries = np.zeros(y.size, dtype=y.dtype)
    for i in range(y.size):
        direction = np.zeros(y.size, dtype=y.dtype)
        direction[i] = 1.0
        entries[i] = pull(direction.reshape(y.shape))[number]
    return entries.reshape(y.shape)


def row(pull: Function, number: int, x: Any, y: Any) -> Any:
    """The derivatives of the number y by x."""
    return pull(1.0)[number]


# -- compressed Jacobians: one sweep for each of several seeds


def along_columns(f: Function, argnum: int, primals: Values, seeds: Any) -> Any:
    """The derivatives of an array along some directions of argument `argnum`, one after the other."""
    head, x, tail = primals[:argnum], primals[argnum], primals[argnum + 1 :]
    y = f(*primals)
    block = np.zeros((len(seeds), y.size), dtype=y.dtype)
    for i in range(len(seeds)):
        block[i] = jvp(lambda v: f(*head, v, *tail), (x,), (seeds[i].reshape(x.shape),))[1].reshape(y.size)
    return block


def along_rows(f: Function, argnum: int, primals: Values, seeds: Any) -> Any:
    """The derivatives of some combinations of the results by argument `argnum`, one after the other."""
    head, x, tail = primals[:argnum], primals[argnum], primals[argnum + 1 :]
    y, pull = vjp(lambda v: f(*head, v, *tail), x)
    block = np.zeros((len(seeds), x.size), dtype=x.dtype)
    for i in range(len(seeds)):
        block[i] = pull(seeds[i].reshape(y.shape))[0].reshape(x.size)
    return block
