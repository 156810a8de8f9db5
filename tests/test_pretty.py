from __future__ import annotations

import numpy as np

from adcompile.ir.core import FALSE, UNDEFINED, Const
from adcompile.ir.pretty import show
from tests.handmade import block, boolean, eqn, for_, function, if_, integer, number, read, vector
from tests.stages import lowered, with_adjoint


def survey(x1: float, x2: float) -> float:
    y = np.log(x1) + x1 * x2 - np.sin(x2)
    return y


def test_the_trace_of_the_survey() -> None:
    fn, _ = lowered(survey, x1=2.0, x2=5.0)
    assert (
        show(fn)
        == """\
survey(x1, x2):
    v-1 : float = x1
    v0 : float = x2
    v1 : np.float64 = log(v-1)
    v2 : float = mul(v-1, v0)
    v3 : np.float64 = add(v1, v2)
    v4 : np.float64 = sin(v0)
    v5 : np.float64 = sub(v3, v4)    # y
    return v5"""
    )


def test_regions_are_indented_and_numbered() -> None:
    x, n = vector("x"), integer("n")
    s, stop, i = number("s"), boolean(), integer("i")
    item = read(x, i)
    total = eqn("add", s, item.out)
    test = eqn("gt", total.out, Const(1.0))
    loop = for_(
        n, (Const(0.0), FALSE), block(item, total, test, yields=(total.out, test.out), params=(s, stop)), i, until=1
    )
    cond = eqn("lt", loop.outs[0], Const(2.0))
    branch = if_(cond.out, block(yields=(loop.outs[0],)), block(yields=(UNDEFINED,)))
    mirror = if_(cond.out, block(yields=(Const(1.0),)), block(yields=(Const(-0.0),)), mirrors=branch)
    fn = function((x, n), (loop, cond, branch), (branch.outs[0], mirror.outs[0]), (mirror,))
    assert (
        show(fn)
        == """\
f(x, n):
    v-1 : float64[x.0] = x
    v0 : int = n
    v1 : float, v2 : bool = for v3 in range(0, v0, 1): v4 : float = 0.0; v5 : bool = False; until v5; region 1    # s
        v6 : np.float64 = index(v-1, v3; ('i',))
        v7 : np.float64 = add(v4, v6)
        v8 : np.bool = gt(v7, 1.0)
        yield v7, v8
    v9 : bool = lt(v1, 2.0)
    v10 : float = if v9: region 2
        yield v1
    else:
        yield undefined
    # adjoint
    v11 : float = if v9: mirrors region 2
        yield 1.0
    else:
        yield -0.0
    return v10, v11"""
    )


def test_two_listings_of_one_source_are_equal() -> None:
    texts = [show(with_adjoint(survey, x1=2.0, x2=5.0)) for _ in range(2)]
    assert texts[0] == texts[1]


def test_no_address_in_memory_is_printed() -> None:
    x = number("x")
    same = eqn("add", x, Const(np.ones(3)))
    assert "<float64 array of shape (3,)>" in show(function((x,), (same,), (same.out,)))
