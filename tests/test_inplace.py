"""Updates in place: right for random programs, and without copies where none is needed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import pytest

from adcompile import grad
from adcompile.analysis.reads import contents_free_of
from adcompile.ir.core import NONE, Atom, Block, Const, Eqn, Function, Var, walk
from adcompile.rules import runtime
from adcompile.transforms import inplace
from tests import interpret, random_updates
from tests.handmade import block, eqn, for_, function, read, vector, write
from tests.stages import from_text, stored, with_adjoint

UPDATES = ("index_update", "index_add", "acc")


@dataclass
class Stores(interpret.Machine):
    """An interpreter that does what emitted programs do: updates write to the buffer, reads of parts are views."""

    def eqn(self, eqn: Eqn, scope: interpret.Scope) -> None:
        if eqn.prim not in (*UPDATES, "index", "broadcast_to"):
            super().eqn(eqn, scope)
            return
        args = self.reads(eqn.args, scope)
        scope.values[eqn.out] = self.result(eqn, args)

    def result(self, eqn: Eqn, args: list[object]) -> object:
        base = args[0]
        if eqn.prim == "broadcast_to":
            return np.broadcast_to(base, tuple(args[1:]))
        if eqn.prim == "index":
            return interpret.follow(base, interpret.subscripts(eqn.attrs[0], args[1:]))
        if eqn.prim == "acc":
            if not isinstance(base, np.ndarray):
                return base + args[1]
            base += args[1]
            return base
        (place,) = interpret.subscripts(eqn.attrs[0], args[2:])
        if eqn.prim == "index_add":
            np.add.at(base, place, args[1])
        else:
            base[place] = args[1]
        return base


def run_stores(fn: Function, args: tuple[object, ...]) -> list[object]:
    machine, scope = Stores(), interpret.Scope()
    scope.values.update(zip(fn.params, args, strict=True))
    machine.stmts(fn.stmts, scope)
    return machine.reads(fn.outs, scope)


def run_values(fn: Function, args: tuple[object, ...]) -> list[object]:
    machine, scope = interpret.Machine(), interpret.Scope()
    scope.values.update(zip(fn.params, args, strict=True))
    machine.stmts(fn.stmts, scope)
    return machine.reads(fn.outs, scope)


def copied(args: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(np.copy(a) if isinstance(a, np.ndarray) else a for a in args)


def prims(fn: Function) -> list[str]:
    return [s.prim for s in walk(fn.stmts) if isinstance(s, Eqn)]


def copies(fn: Function) -> int:
    return sum(p in ("copy", "full") for p in prims(fn))


def owned(fn: Function) -> Function:
    return inplace.run(fn, frozenset(fn.params))


@pytest.mark.parametrize("start", range(0, 1000, 50))
def test_random_programs(start: int) -> None:
    """Stores give what values give, arguments stay as they are, and results belong to the caller alone."""
    for seed in range(start, start + 50):
        fn = random_updates.make(seed)
        args = copied(random_updates.ARGUMENTS)
        want = run_values(fn, copied(args))
        got = run_stores(owned(fn), args)
        assert all(map(np.array_equal, got, want)), seed
        assert all(map(np.array_equal, args, random_updates.ARGUMENTS)), seed
        for k, a in enumerate(got):
            assert isinstance(a, np.ndarray) and a.flags.writeable, seed
            assert not any(np.shares_memory(a, b) for b in (*got[:k], *args) if isinstance(b, np.ndarray)), seed


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_reusable_adjoint(start: int) -> None:
    """With `kept`, what the primal part made is the same after the adjoint part, so that this may run again."""
    for seed in range(start, start + 50):
        fn = random_updates.make(seed)
        half = len(fn.primal) // 2
        fn = inplace.run(
            Function("f", fn.params, fn.primal[:half], fn.outs, fn.primal[half:]), frozenset(fn.params), kept=0
        )
        machine, scope = Stores(), interpret.Scope()
        scope.values.update(zip(fn.params, copied(random_updates.ARGUMENTS), strict=True))
        machine.stmts(fn.primal, scope)
        before = {v: np.copy(a) for v, a in scope.values.items() if isinstance(a, np.ndarray)}
        taped = {k: [np.copy(a) for a in tape] for k, tape in machine.tapes.items()}
        held = {k: list(tape) for k, tape in machine.tapes.items()}
        machine.stmts(fn.adjoint, scope)
        needed = contents_free_of(fn.adjoint)
        assert all(np.array_equal(scope.values[v], a) for v, a in before.items() if v in needed), seed
        assert all(np.array_equal(a, b) for k in taped for a, b in zip(held[k], taped[k], strict=True)), seed


# -- single cases


def test_nothing_to_do_returns_the_function_itself() -> None:
    x = vector("x")
    y = eqn("sin", x)
    fn = function((x,), (y,), (y.out,))
    assert owned(fn) is fn


def test_argument_is_copied_before_its_first_update_only() -> None:
    x = vector("x")
    a = write(x, Const(1.0), Const(0))
    b = write(a.out, Const(2.0), Const(1))
    assert prims(owned(function((x,), (a, b), (b.out,)))) == ["copy", "index_update", "index_update"]


def test_argument_is_copied_before_the_loop_not_in_it() -> None:
    x, p = vector("x"), vector("p")
    body = write(p, Const(1.0), Const(0))
    loop = for_(Const(3), (x,), block(body, yields=(body.out,), params=(p,)))
    new = owned(function((x,), (loop,), loop.outs))
    assert [s.prim for s in new.primal if isinstance(s, Eqn)] == ["copy"]
    assert copies(new) == 1


def test_buffers_that_swap_places_need_no_copy() -> None:
    x, p, q = vector("x"), vector("p"), vector("q")
    a, b = eqn("copy", x), eqn("copy", x)
    body = write(q, Const(1.0), Const(0))
    loop = for_(Const(3), (a.out, b.out), block(body, yields=(body.out, p), params=(p, q)))
    assert copies(owned(function((x,), (a, b, loop), (loop.outs[0],)))) == 2


def test_two_slots_that_start_with_one_array() -> None:
    """`x_bar = y_bar` shared by two adjoints: one of them gets a buffer of its own."""
    x, p, q = vector("x"), vector("p"), vector("q")
    a = eqn("sin", x)
    body = eqn("acc", p, q)
    loop = for_(Const(3), (a.out, a.out), block(body, yields=(body.out, q), params=(p, q)))
    fn = function((x,), (a, loop), loop.outs)
    new = owned(fn)
    assert copies(new) == 1
    x0 = np.arange(5.0)
    assert all(map(np.array_equal, run_stores(new, (x0,)), run_values(fn, (x0,))))


def test_accumulation_on_what_is_read_later_becomes_an_addition() -> None:
    x = vector("x")
    a = eqn("sin", x)
    b = eqn("acc", a.out, x)
    c = eqn("mul", a.out, b.out)
    assert prims(owned(function((x,), (a, b, c), (c.out,)))) == ["sin", "add", "mul"]


def test_view_that_outlives_a_store_is_copied_not_the_array() -> None:
    """v_bar = a_bar[1:]; a_bar[1:] = 0.0; v_bar read: only the piece is copied."""
    x = vector("x")
    a = eqn("sin", x)
    bounds: tuple[Atom, ...] = (Const(1), NONE, NONE)
    v = eqn("index", a.out, *bounds, attrs=(("s",),))
    z = eqn("index_update", a.out, Const(0.0), *bounds, attrs=(("s",),))
    w = eqn("index_add", z.out, v.out, *bounds, attrs=(("s",),))
    new = owned(function((x,), (a, v, z, w), (w.out,)))
    assert prims(new) == ["sin", "index", "copy", "index_update", "index_add"]
    (copy,) = (s for s in new.primal if isinstance(s, Eqn) and s.prim == "copy")
    assert copy.out is v.out


def test_shape_reads_do_not_keep_a_buffer() -> None:
    x = vector("x")
    a = eqn("sin", x)
    b = write(a.out, Const(1.0), Const(0))
    z = eqn("zeros_like", a.out)
    c = eqn("add", b.out, z.out)
    assert copies(owned(function((x,), (a, b, z, c), (c.out,)))) == 0


def test_broadcast_is_read_only() -> None:
    x = vector("x")
    s = read(x, Const(0))
    spread = eqn("broadcast_to", s.out, Const(5))
    stored_to = write(spread.out, Const(1.0), Const(0))
    assert "full" in prims(owned(function((x,), (s, spread, stored_to), (stored_to.out,))))
    assert "full" in prims(owned(function((x,), (s, spread), (spread.out,))))


def test_results_are_the_callers_own() -> None:
    x = vector("x")
    a = eqn("sin", x)
    assert copies(owned(function((x,), (a,), (x, a.out, a.out)))) == 2


def test_pushed_buffer_is_not_updated_while_it_is_on_the_tape() -> None:
    x, p = vector("x"), vector("p")
    a = eqn("sin", x)
    push = eqn("push", p, attrs=(0,))
    update = write(p, Const(1.0), Const(0))
    loop = for_(Const(3), (a.out,), block(push, update, yields=(update.out,), params=(p,)))
    pop = eqn("pop", attrs=(0, x.type))
    back = for_(Const(3), (), block(pop), backwards=True)
    new = owned(function((x,), (a, loop, back), loop.outs))
    body = next(s for s in new.primal if s is not new.primal[0] and not isinstance(s, Eqn)).body  # type: ignore[union-attr]  # the loop
    assert isinstance(body, Block)
    assert [s.prim for s in body.stmts if isinstance(s, Eqn)] == ["push", "copy", "index_update"]


def test_trip_local_buffer_belongs_to_who_pops_it() -> None:
    x = vector("x")
    made = eqn("sin", x)
    push = eqn("push", made.out, attrs=(0,))
    loop = for_(Const(3), (), block(made, push))
    pop = eqn("pop", attrs=(0, x.type))
    update = write(pop.out, Const(1.0), Const(0))
    r = read(update.out, Const(1))
    s = Var("s", r.out.type)
    total = eqn("add", s, r.out)
    back = for_(Const(3), (Const(0.0),), block(pop, update, r, total, yields=(total.out,), params=(s,)))
    assert copies(owned(function((x,), (loop, back), back.outs))) == 0


SCAN = """
def f(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i]
    return a[len(x) - 1]
"""
STENCIL = """
def f(x):
    u = x.copy()
    v = x.copy()
    for t in range(3):
        v[1:-1] = u[1:-1] * u[2:] + u[:-2]
        u, v = v, u
    return np.sum(u * u)
"""


@pytest.mark.parametrize("text", [SCAN, STENCIL])
def test_loops_copy_no_whole_array(text: str) -> None:
    """Inside loops only slices are copied: no copy whose cost is that of the whole array at every trip."""
    fn = stored(with_adjoint(from_text(text), x=np.linspace(0.1, 0.9, 6)))
    loops = [s for s in owned(fn).stmts if not isinstance(s, Eqn)]
    assert len(loops) == 2
    for s in walk(loops):
        if isinstance(s, Eqn) and s.prim == "copy":
            assert s.args[0].type.dims != fn.params[0].type.dims


def through_reshape(x, n):
    a = np.zeros((n, n))
    r = a.ravel()
    for i in range(n * n):
        r[i] = r[i - 1] * x[i % n] + a[0, 0]
    return np.sum(a)


def out_in_a_loop(x, n):
    u, v = x.copy(), np.zeros_like(x)
    for _ in range(n):
        np.add(u[1:], u[:-1], out=v[1:])
        u, v = v, u
    return np.sum(u)


def elements_in_a_row(x, n):
    a = np.zeros((n, len(x)))
    for k in range(a.size):
        a.flat[k] = x[k % len(x)] * a.flat[k - 1] + x[0]
    return np.sum(a)


def added_at_places(x, n):
    total = np.zeros(len(x))
    for i in range(n):
        np.add.at(total, [i % 3, 0, 0], x[0] * x[i % 3])
    return np.sum(total * total)


@pytest.mark.parametrize("f", [through_reshape, out_in_a_loop, elements_in_a_row, added_at_places])
def test_no_array_is_made_or_copied_on_the_way_back_of_a_loop(f) -> None:
    """Within loops nothing is copied but the pieces that the function itself stores."""
    source = grad(f).source_for(np.ones(4), 5)
    inside = [line for line in source.splitlines() if line.startswith(" " * 8)]
    assert not any("zeros" in line or "full(" in line for line in inside), source
    whole = [line for line in inside if ".copy()" in line and "[" not in line]
    assert not whole, source
    assert inside


def kept_in_a_list(x, n):
    states = [x]
    for _ in range(n):
        states.append(states[-1] * x)
    return np.sum(np.array(states) ** 2)


def changed_at_both_ends(x, n):
    states = [x * 1.0]
    for _ in range(n):
        step = np.sin(states[-1] * x) * states[0]
        states.append(step)
        states[0] = states[0] * step
    return np.sum(np.array(states) ** 2)


def averages_of_a_window(x, n):
    window = deque(maxlen=n)
    total = 0.0
    for v in x:
        window.append(v)
        total += (v - np.mean(np.array(window))) ** 2
    return total


@pytest.mark.parametrize("f", [kept_in_a_list, changed_at_both_ends, averages_of_a_window])
def test_lists_are_not_copied(f) -> None:
    """The list of the rows of an array is new, and items on a tape do not hinder that their list changes."""
    x = np.array([0.3, -0.7, 0.4, 0.9, -0.2])
    source = grad(f).source_for(x, 3)
    assert "= list(" in source
    assert ".copy()" not in source
    steps = 1e-6 * np.eye(len(x))
    expected = [(f(x + h, 3) - f(x - h, 3)) / 2e-6 for h in steps]
    np.testing.assert_allclose(grad(f)(x, 3), expected, rtol=1e-7, atol=1e-8)


def halves(x):
    a = x
    while len(a) > 1:
        b = a[0::2] + a[1::2]
        a = (b + b * b * a[: len(b)]) / 2.0
    return np.sum(a) * np.sum(x)


def test_adjoints_whose_shape_proves_equal_when_run_share_no_update() -> None:
    """What has its shape already is passed on as it is, not summed over no axis: others may hold it."""
    x = np.array([0.3, -0.7, 0.4, 0.9, -0.2, 0.5, 0.8, -0.1])
    assert "unbroadcast(" in grad(halves).source_for(x)
    assert runtime.unbroadcast(x, np.ones(8)) is x
    assert isinstance(runtime.unbroadcast(2.0, 1.0), np.float64)
    steps = 1e-6 * np.eye(len(x))
    expected = [(halves(x + h) - halves(x - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(grad(halves)(x), expected, rtol=1e-7, atol=1e-8)
