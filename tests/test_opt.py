from __future__ import annotations

import numpy as np
import pytest

from adcompile import grad
from adcompile.ir.core import FALSE, TRUE, UNDEFINED, Const, Eqn, For, Function, If, Var, While
from adcompile.ir.verify import verify
from adcompile.opt import CLEAN, clean, cse, dce, hoist, simplify
from tests.handmade import block, boolean, eqn, for_, function, if_, integer, number, read, vector, write
from tests.stages import lowered, prims

x, n, s, c = vector("x"), integer("n"), number("s"), boolean("c")
PARAMS = (x, n, s, c)


def program(*stmts: object, outs: tuple[object, ...], adjoint: tuple[object, ...] = ()) -> Function:
    fn = function(PARAMS, stmts, outs, adjoint)
    verify(fn)
    return fn


def push(v: Var, tape: int) -> Eqn:
    return Eqn((), "push", (v,), (tape,))


def pop(v: Var, tape: int) -> Eqn:
    return Eqn((Var("", v.type),), "pop", (), (tape, v.type))


def undo(v: Var) -> Eqn:
    return Eqn((), "undo", (v,))


def checked(fn: Function) -> Function:
    verify(fn)
    return fn


@pytest.mark.parametrize("run", CLEAN)
def test_a_pass_returns_the_function_itself_if_nothing_changes(run: object) -> None:
    def f(x: np.ndarray) -> float:
        total = 0.0
        for i in range(len(x)):
            if x[i] > 0.0:
                total = total + np.sin(x[i])
        return total

    fn = clean(lowered(f, x=np.ones(3))[0])
    assert run(fn) is fn


# -- dead code


def test_dead_equations_go_and_effects_stay() -> None:
    dead, live = eqn("sin", s), eqn("mul", s, s)
    said = Eqn((), "print", (s,), (("keywords",),))
    assert dce.run(program(dead, live, said, outs=live.outs)).primal == (live, said)


def test_a_dead_slot_goes_and_until_still_names_its_slot() -> None:
    p, q, stop = number("p"), number("q"), boolean("stop")
    more, test = eqn("add", q, s), eqn("gt", q, Const(3.0))
    body = block(eqn("sin", p), more, test, yields=(p, more.out, test.out), params=(p, q, stop))
    loop = for_(n, (s, s, FALSE), body, until=2)
    (new,) = checked(dce.run(program(loop, outs=(loop.outs[1],)))).primal
    assert isinstance(new, For) and new.until == 1 and new.outs == loop.outs[1:]
    assert new.body.stmts == (more, test)


def test_a_loop_that_nothing_needs_goes_even_if_it_might_not_end() -> None:
    p, q = number("p"), number("p")
    test = eqn("gt", q, Const(0.0))
    loop = While((s,), block(test, yields=test.outs, params=(q,)), block(yields=(p,), params=(p,)), (number(),), 1)
    assert dce.run(program(loop, outs=(s,))).primal == ()


def test_an_effect_keeps_the_regions_around_it_and_what_controls_them() -> None:
    said = Eqn((), "print", (s,), ((),))
    cond = eqn("gt", s, Const(0.0))
    branch = if_(cond.out, block(said), block())
    loop = for_(n, (), block(branch))
    fn = program(cond, loop, outs=())
    assert dce.run(fn) is fn


def test_a_push_goes_with_its_pop() -> None:
    a, b = pop(s, 0), pop(s, 1)
    fn = program(push(s, 0), push(s, 1), outs=a.outs, adjoint=(a, b))
    assert prims(dce.run(fn).stmts) == ["push", "pop"]


def test_an_undo_stays_with_its_store() -> None:
    one, two = write(x, s, Const(0)), write(x, s, Const(1))
    fn = program(one, two, outs=one.outs, adjoint=(undo(two.out), undo(one.out)))
    new = dce.run(fn)
    assert new.primal == (one,) and [u.args for u in new.adjoint] == [(one.out,)]


def test_a_mirror_keeps_what_it_reads_of_its_dead_primal_region() -> None:
    i = integer("i")
    item, dead = read(x, i), eqn("sin", s)
    loop = for_(n, (), block(item, dead), i)
    z = number("z")
    add = eqn("add", z, item.out)
    mirror = for_(n, (s,), block(add, yields=add.outs, params=(z,)), backwards=True, mirrors=loop.key)
    new = dce.run(program(loop, outs=mirror.outs, adjoint=(mirror,)))
    assert prims(new.primal) == ["index"] and new.adjoint == (mirror,)


# -- common subexpressions


def test_equal_equations_are_shared_where_one_dominates() -> None:
    one, two = eqn("sin", s), eqn("sin", s)
    inner = eqn("sin", s)
    branch = if_(c, block(inner, yields=inner.outs), block(yields=(s,)))
    new = checked(cse.run(program(one, two, branch, outs=(two.out, branch.outs[0]))))
    assert prims(new.stmts) == ["sin"] and new.outs[0] is one.out


def test_branches_share_nothing() -> None:
    a, b = eqn("sin", s), eqn("sin", s)
    branch = if_(c, block(a, yields=a.outs), block(b, yields=b.outs))
    after = eqn("sin", s)
    fn = program(branch, after, outs=(branch.outs[0], after.out))
    assert cse.run(fn) is fn


def test_one_and_one_point_zero_differ() -> None:
    fn = program(a := eqn("mul", s, Const(1)), b := eqn("mul", s, Const(1.0)), outs=(a.out, b.out))
    assert cse.run(fn) is fn


def test_new_buffers_and_stores_are_not_shared() -> None:
    stmts = [eqn("copy", x), eqn("copy", x), write(x, s, Const(0)), write(x, s, Const(0))]
    fn = program(*stmts, outs=tuple(e.out for e in stmts))
    assert cse.run(fn) is fn


@pytest.mark.parametrize(("start", "step"), [(0, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("counted", [False, True])
def test_a_mirror_shares_with_the_trip_that_it_mirrors(start: int, step: int, counted: bool) -> None:
    i, k, trips = integer("i"), integer("k"), integer("trips")
    item = read(x, i)
    wave = eqn("sin", item.out)
    more = eqn("add", trips, Const(1))
    body = block(item, wave, more, yields=more.outs, params=(trips,))
    loop = for_(n, (Const(0),), body, i, start=Const(start), step=Const(step))
    head, index = [], k
    bounds = {"start": Const(start), "step": Const(step)}
    if counted:
        bounds = {}
        if step != 1:
            head.append(eqn("mul", index, Const(step)))
            index = head[-1].out
        if start != 0:
            head.append(eqn("add", Const(start), index))
            index = head[-1].out
    again = read(x, index)
    wave_again, z = eqn("sin", again.out), number("z")
    add = eqn("add", z, wave_again.out)
    inner = block(*head, again, wave_again, add, yields=add.outs, params=(z,))
    stop = loop.outs[0] if counted else n
    mirror = for_(stop, (s,), inner, k, backwards=True, counts=counted, mirrors=loop.key, **bounds)
    new = checked(cse.run(program(loop, outs=mirror.outs, adjoint=(mirror,))))
    (shared,) = new.adjoint
    assert prims((shared,)) == [e.prim for e in head] + ["add"]
    assert shared.body.stmts[-1].args == (z, wave.out)


# -- hoisting


def test_a_scalar_equation_that_cannot_raise_leaves_the_loop() -> None:
    i, p = integer("i"), number("p")
    still, quotient, moving = eqn("sin", s), eqn("div", s, s), eqn("add", p, s)
    inner = for_(n, (), block(still, quotient), i)
    body = block(inner, moving, yields=moving.outs, params=(p,))
    new = checked(hoist.run(program(loop := for_(n, (s,), body), outs=loop.outs)))
    assert new.primal[0] is still
    assert prims(new.primal[1:]) == ["div", "add"]


def test_nothing_leaves_a_branch() -> None:
    fn = program(for_(n, (), block(if_(c, block(eqn("log", s)), block()))), outs=())
    assert hoist.run(fn) is fn


def test_an_int_times_a_float_may_raise() -> None:
    fn = program(for_(n, (), block(eqn("mul", n, s))), outs=())
    assert hoist.run(fn) is fn
    fn = program(for_(n, (), block(product := eqn("mul", Const(2), s))), outs=())
    assert hoist.run(fn).primal[0] is product


def test_what_the_mirrored_loop_binds_does_not_leave_the_mirror() -> None:
    i, p = integer("i"), number("p")
    moving = eqn("sin", p)
    inner = for_(n, (), block(still := eqn("sin", s)), i)
    loop = for_(n, (s,), block(inner, moving, yields=moving.outs, params=(p,)))
    uses = [eqn("cos", moving.out), eqn("cos", still.out)]
    inner_mirror = for_(n, (), block(*uses), backwards=True, mirrors=inner.key)
    mirror = for_(n, (), block(inner_mirror), backwards=True, mirrors=loop.key)
    new = checked(hoist.run(program(loop, outs=loop.outs, adjoint=(mirror,))))
    assert new.adjoint[0] is uses[1]
    assert prims(new.adjoint) == ["cos", "cos"] and new.adjoint[1].body.stmts[0] is uses[0]


# -- simplification


def simplified(*stmts: object, outs: tuple[object, ...]) -> Function:
    return checked(simplify.run(program(*stmts, outs=outs)))


def test_results_that_are_copies() -> None:
    branch = if_(c, block(yields=(s, TRUE, c, s)), block(yields=(s, FALSE, FALSE, Const(1.0))))
    again = if_(c, block(yields=(s, s)), block(yields=(Const(1.0), Const(1.0))))
    new = simplified(branch, again, outs=(*branch.outs, *again.outs))
    assert new.outs == (s, c, c, branch.outs[3], again.outs[0], again.outs[0])


def test_a_numpy_boolean_is_not_replaced_by_its_test() -> None:
    cond = eqn("gt", read(x, Const(0)).out, s)
    fn = function(PARAMS, (item := read(x, Const(0)), cond := eqn("gt", item.out, s)), ())
    branch = if_(cond.out, block(yields=(TRUE,)), block(yields=(FALSE,)))
    fn = program(item, cond, branch, outs=branch.outs)
    assert simplify.run(fn) is fn


@pytest.mark.parametrize("value", [True, False])
def test_the_branch_of_a_constant_condition_takes_the_place_of_the_if(value: bool) -> None:
    a, b = eqn("sin", s), eqn("cos", s)
    branch = if_(Const(value), block(a, yields=a.outs), block(b, yields=b.outs))
    after = eqn("neg", branch.outs[0])
    new = simplified(branch, after, outs=after.outs)
    assert prims(new.stmts) == ["sin" if value else "cos", "neg"] and new.primal[1].args == new.primal[0].outs


def test_what_is_tested_already_is_not_tested_again_inside() -> None:
    a, b, z, w = eqn("sin", s), eqn("cos", s), eqn("tan", s), eqn("exp", s)
    yes = if_(c, block(a, yields=a.outs), block(b, yields=b.outs))
    no = if_(c, block(z, yields=z.outs), block(w, yields=w.outs))
    outer = if_(c, block(yes, yields=yes.outs), block(no, yields=no.outs))
    after = if_(c, block(yields=(s,)), block(yields=outer.outs))
    new = simplified(outer, after, outs=after.outs)
    first, second = new.primal
    assert isinstance(first, If) and prims(first.then.stmts) == ["sin"] and prims(first.orelse.stmts) == ["exp"]
    assert isinstance(second, If)


def test_slots_that_do_not_change_and_slots_that_agree() -> None:
    p, q, r = number("p"), number("q"), number("r")
    more = eqn("add", q, s)
    use = eqn("mul", p, r)
    body = block(more, use, yields=(p, more.out, more.out), params=(p, q, r))
    new = simplified(loop := for_(n, (s, Const(0.0), Const(0.0)), body), outs=loop.outs)
    (kept,) = new.primal
    assert isinstance(kept, For) and kept.outs == (loop.outs[1],)
    assert new.outs == (s, loop.outs[1], loop.outs[1])
    assert kept.body.stmts[1].args == (s, q)


def test_of_two_slots_that_agree_the_one_that_ends_the_loop_stays() -> None:
    a, b, p = boolean("a"), boolean("b"), number("p")
    test = eqn("gt", p, Const(1.0))
    body = block(test, yields=(test.out, test.out, p), params=(a, b, p))
    new = simplified(loop := for_(n, (FALSE, FALSE, s), body, until=1), outs=loop.outs)
    (kept,) = new.primal
    assert isinstance(kept, For) and kept.until == 0 and kept.body.params == (b,)
    assert new.outs == (loop.outs[1], loop.outs[1], s)


def test_a_loop_that_never_breaks_off() -> None:
    stop, p = boolean("stop"), number("p")
    more = eqn("add", p, s)
    body = block(more, yields=(FALSE, more.out), params=(stop, p))
    fn = program(loop := for_(n, (FALSE, s), body, until=0), outs=loop.outs)
    (kept,) = clean(fn).primal
    assert isinstance(kept, For) and kept.until is None and len(kept.outs) == 1


def test_a_loop_without_a_trip() -> None:
    p = number("p")
    more = eqn("add", p, s)
    loop = for_(Const(3), (s,), block(more, yields=more.outs, params=(p,)), start=Const(3))
    new = simplified(loop, outs=loop.outs)
    assert new.primal == () and new.outs == (s,)


def test_equations_are_folded_when_an_operand_becomes_constant() -> None:
    branch = if_(TRUE, block(yields=(Const(2),)), block(yields=(Const(3),)))
    product = eqn("mul", branch.outs[0], Const(4))
    identity = eqn("add", n, if_(TRUE, block(yields=(Const(0),)), block(yields=(Const(0),))).outs[0])
    assert identity.out is not n
    new = simplified(branch, product, outs=product.outs)
    assert isinstance(new.outs[0], Const) and new.outs[0].value == 8 and new.primal == ()


def test_a_constant_needs_no_tape() -> None:
    got = pop(n, 0)
    branch = if_(TRUE, block(yields=(Const(7),)), block(yields=(n,)))
    fn = program(branch, push(branch.outs[0], 0), outs=got.outs, adjoint=(got,))
    new = clean(fn)
    assert new.stmts == () and new.outs[0].value == 7


def test_what_pops_from_a_loop_without_a_trip_is_not_run() -> None:
    i, z = integer("i"), number("z")
    loop = for_(Const(0), (), block(push(s, 0)), i)
    got = pop(s, 0)
    mirror = for_(n, (s,), block(got, yields=got.outs, params=(z,)))
    new = clean(program(loop, outs=mirror.outs, adjoint=(mirror,)))
    assert new.stmts == () and new.outs == (s,)


def test_a_name_passes_to_what_it_is_a_copy_of() -> None:
    branch = if_(TRUE, block(total := eqn("sin", s), yields=total.outs), block(yields=(s,)))
    fn = Function("f", PARAMS, (branch,), branch.outs, names={branch.outs[0]: "total"})
    assert simplify.run(fn).names[total.out] == "total"


def test_an_undefined_branch_is_not_filled_in() -> None:
    branch = if_(c, block(yields=(s,)), block(yields=(UNDEFINED,)))
    fn = program(branch, outs=branch.outs)
    assert simplify.run(fn) is fn
    assert isinstance(fn.primal[0], If)


# -- assignments


def text(f: object, *args: object) -> str:
    source: str = grad(f).source_for(*args)  # type: ignore[call-overload]  # any function
    return source


def test_what_is_added_to_a_part_that_holds_nothing_is_assigned() -> None:
    def apart(x: np.ndarray) -> float:
        return x[0] * x[1] * x[2:].sum()  # type: ignore[no-any-return]  # NumPy's numbers

    def across(x: np.ndarray) -> float:
        return x[0] * x[-1]  # type: ignore[no-any-return]  # NumPy's numbers

    assert "+=" not in text(apart, np.ones(4))
    assert text(across, np.ones(4)).count("] += ") == 1  # of one element they are the same


def test_the_adjoint_of_a_sum_in_place_stays_where_it_is() -> None:
    def f(x: np.ndarray) -> float:
        y = np.zeros(2)
        for i in range(len(x)):
            y[i % 2] += x[i] * x[i]
        return y @ y  # type: ignore[no-any-return]  # NumPy's numbers

    assert "= 0.0" not in text(f, np.ones(4))


def test_an_element_selected_twice_is_added_to() -> None:
    def f(x: np.ndarray) -> float:
        y = np.zeros(3)
        y[[0, 0, 1]] += x
        return y @ y  # type: ignore[no-any-return]  # NumPy's numbers

    assert grad(f)(np.array([1.0, 2.0, 3.0])).tolist() == [0.0, 4.0, 6.0]
