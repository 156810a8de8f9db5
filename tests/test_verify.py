from __future__ import annotations

from dataclasses import replace

import pytest

from adcompile.ir.core import Const, Eqn, Function, Var
from adcompile.ir.verify import verify
from tests.handmade import block, boolean, eqn, for_, function, if_, integer, number, read, vector

x, n, s = vector("x"), integer("n"), number("s")


def refused(fn: Function, message: str, stored: bool = False) -> None:
    with pytest.raises(AssertionError, match=message):
        verify(fn, stored)


def test_a_variable_that_nothing_defines() -> None:
    add = eqn("add", s, number())
    refused(function((s,), (add,), (add.out,)), "is not defined")


def test_a_variable_defined_twice() -> None:
    add = eqn("add", s, s)
    refused(function((s,), (add, add), (add.out,)), "is defined twice")


def test_a_variable_of_a_block_is_out_of_scope_after_it() -> None:
    inner = eqn("add", s, s)
    branch = if_(boolean_of(s).out, block(inner), block())
    fn = function((s,), (boolean_of(s), branch), (inner.out,))
    with pytest.raises(AssertionError):
        verify(fn)


def boolean_of(v: Var) -> Eqn:
    return eqn("gt", v, Const(0.0))


def test_the_statement_is_printed() -> None:
    add = eqn("add", s, number())
    refused(function((s,), (add,), (add.out,)), r"v\d+ : float = add\(v0, v\d+\)")


def test_an_unknown_primitive() -> None:
    wrong = Eqn((number(),), "no such thing", (s,))
    refused(function((s,), (wrong,), (wrong.out,)), "no primitive")


def test_a_path_consumes_its_operands() -> None:
    wrong = replace(read(x, Const(0)), args=(x, Const(0), Const(1)))
    refused(function((x,), (wrong,), (wrong.out,)), "path")


def test_types_are_inferred_again() -> None:
    wrong = Eqn((number(),), "add", (x, x))
    refused(function((x,), (wrong,), (wrong.out,)), "is inferred")
    wrong = Eqn((number(),), "dim", (x,), (3,))
    refused(function((x,), (wrong,), (wrong.out,)), "no axis 3")


def test_slots_agree_in_number_and_kind() -> None:
    p = number("p")
    good = for_(n, (s,), block(yields=(p,), params=(p,)))
    verify(function((n, s), (good,), good.outs))
    refused(function((n, s), (replace(good, inits=()),), good.outs), "slot list")
    q = number("q")
    wrong = for_(n, (x,), block(yields=(q,), params=(q,)))
    refused(function((n, x), (wrong,), wrong.outs), "does not fit")


def test_the_slot_that_ends_a_loop_is_boolean() -> None:
    p = number("p")
    loop = for_(n, (s,), block(yields=(p,), params=(p,)), until=0)
    refused(function((n, s), (loop,), loop.outs), "boolean")


def test_one_push_and_one_pop_a_tape() -> None:
    push, pop = Eqn((), "push", (s,), (0,)), Eqn((number(),), "pop", (), (0, s.type))
    verify(function((s,), (push, pop), (pop.out,)))
    again = Eqn((), "push", (s,), (0,))
    refused(function((s,), (push, again, pop), (pop.out,)), "second push")
    refused(function((s,), (pop,), (pop.out,)), "popped that nothing")


def test_a_mirror_reads_what_it_mirrors_until_storage_is_decided() -> None:
    p, inner = number("p"), eqn("sin", s)
    loop = for_(n, (s,), block(inner, yields=(p,), params=(p,)))
    z = number("z")
    add = eqn("add", z, inner.out)
    mirror = for_(n, (s,), block(add, yields=(add.out,), params=(z,)), backwards=True, mirrors=loop.key)
    fn = function((n, s), (loop,), mirror.outs, (mirror,))
    verify(fn)
    refused(fn, "only until storage", stored=True)
    refused(replace(fn, adjoint=(replace(mirror, mirrors=None),)), "not in scope")
    other = for_(n, (s,), block(mirror, yields=mirror.outs, params=(number(),)))
    refused(replace(fn, adjoint=(other,), outs=other.outs), "does not mirror")


def test_undo_is_for_the_adjoint() -> None:
    store = eqn("index_update", x, s, Const(0), attrs=(("i",),))
    undo = Eqn((), "undo", (store.out,))
    verify(function((x, s), (store,), (store.out,), (undo,)))
    refused(function((x, s), (store, undo), (store.out,)), "undo is for adjoint")
    refused(function((x, s), (store,), (store.out,), (undo,)), "undo is for adjoint", stored=True)


def test_keys_are_unique() -> None:
    cond = boolean("c")
    first = if_(cond, block(), block())
    refused(function((cond,), (first, replace(first, cond=cond)), ()), "one key")
