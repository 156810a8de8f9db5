from __future__ import annotations

import numpy as np
import pytest

from adcompile.analysis.mincut import cheapest_to_keep
from adcompile.ir.core import Const, Eqn, For, Function, If, Var, walk
from adcompile.ir.types import OBJECT
from adcompile.ir.verify import verify
from adcompile.transforms import store, store_plan
from tests import interpret
from tests.handmade import block, eqn, for_, function, if_, integer, number, read, vector, write
from tests.stages import from_text, in_loops, prims, same_results, stored, with_adjoint

X = np.array([1.1, -0.7, 1.3, 0.9, 0.4])


def compiled(text: str, *args: object, policy: store.Policy = "cheapest") -> Function:
    """Compile the adjoint of `f`, and check that storage changes no bit of the results."""
    f = from_text(text)
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    before = with_adjoint(f, **dict(zip(names, args, strict=True)))
    verify(before)
    after = stored(before, policy)
    assert same_results(before, after, *args, 1.0)
    assert interpret.run(after, *args, 1.0)[0] == f(*args)
    return after


def pushes(fn: Function) -> int:
    return prims(fn.primal).count("push")


def copies_in_loops(fn: Function) -> int:
    return sum(e.prim == "copy" for e in in_loops(fn.stmts))


# -- what is taped


def test_a_recurrence_tapes_one_value_a_trip() -> None:
    fn = compiled(
        """def f(x, n):
    y = 0.3
    for i in range(n):
        y = y + 0.001*x*y*(1.0 - y)
    return y
""",
        0.7,
        9,
    )
    assert pushes(fn) == 1


def test_a_linear_loop_and_reads_of_an_argument_tape_nothing() -> None:
    fn = compiled(
        """def f(x):
    s = 0.0
    for i in range(1, len(x)):
        s = 2.0*s + x[i]*x[i - 1]
    return s
""",
        X,
    )
    assert pushes(fn) == 0


def test_a_scan_reads_from_its_last_version_what_no_later_trip_overwrites() -> None:
    fn = compiled(
        """def f(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1]*x[i] + np.sin(a[i - 1])
    return a[len(x) - 1]
""",
        X,
    )
    assert pushes(fn) == 0 and copies_in_loops(fn) == 0
    assert sum(e.prim == "index_update" for e in in_loops(fn.adjoint)) == 1  # the adjoint's own: nothing is undone


def test_stores_are_undone_where_that_tapes_less() -> None:
    text = """def f(x):
    a = x.copy()
    for i in range(len(x) - 1):
        a[i] = a[i]*a[i + 1]*a[i]
    return a[len(x) - 1] + a[0]*a[1]
"""
    fn = compiled(text, X)
    assert pushes(fn) == 1 and copies_in_loops(fn) == 0
    assert sum(e.prim == "index_update" for e in in_loops(fn.adjoint)) == 2
    assert pushes(compiled(text, X, policy="tape")) == 2


LASTING = """def f(x):
    a = np.zeros((5, 5))
    a[0] = x
    for {first}:
        a[0, 2] = x[1]
        for {second}:
            a[{store}] = a[{read}]*x[2] + x[3]*a[{read}]
    return np.sum(a*a)
"""


@pytest.mark.parametrize(
    ("first", "second", "store", "read", "lasts"),
    [
        ("i in range(1, 5)", "j in range(1, 5)", "i, j", "i - 1, j - 1", True),
        ("i in range(1, 5)", "j in range(1, 5)", "i, j", "i, j - 1", True),
        ("i in range(1, 5)", "j in range(3, -1, -1)", "i, j", "i, j + 1", True),
        ("i in range(1, 5)", "j in range(i)", "j + 1, i", "j, j", True),
        ("i in range(3, -1, -1)", "j in range(i + 1, 5)", "i, 1", "j, 1", True),
        ("i in range(1, 5)", "j in range(1, 5)", "i, j", "i, j", False),  # overwritten in the same trip
        ("i in range(1, 5)", "j in range(1, 5)", "j, i", "i, j", False),
        ("i in range(1, 5)", "j in range(1, 5)", "j, i", "j - 1, i", True),
        ("i in range(1, 5)", "j in range(4)", "i, j", "i, j + 1", False),
        ("i in range(1, 5)", "j in range(4)", "i, j", "i, j - 1", False),  # -1 counts from the end
        ("i in range(-1, 4)", "j in range(1, 5)", "i, j", "i - 1, j - 1", False),
        ("i in range(1, 5)", "j in range(1, 5)", "1, j", "1, i - 1", False),
        ("i in range(1, 5)", "j in range(2)", "i, 0", "i - 1, 0", True),
        ("i in range(1, 5)", "j in range(2)", "i, j", "0, 2", False),
    ],
)
def test_what_no_later_trip_overwrites_is_neither_taped_nor_undone(
    first: str, second: str, store: str, read: str, lasts: bool
) -> None:
    text = LASTING.format(first=first, second=second, store=store, read=read)
    fn = compiled(text.replace("        a[0, 2] = x[1]\n", ""), X)
    undone = sum(e.prim == "index_update" for e in in_loops(fn.adjoint)) - 1  # the adjoint's own store
    assert (pushes(fn) == 0 and undone == 0) == lasts
    fn = compiled(text, X)  # a store that is elsewhere in each trip
    assert pushes(fn) > 0 or sum(e.prim == "index_update" for e in in_loops(fn.adjoint)) > 2


def test_what_one_trip_leaves_is_read_by_the_reverse_of_that_trip() -> None:
    fn = compiled(
        """def f(x, n):
    s = 0.0
    for t in range(n):
        a = x*t
        for i in range(1, len(x)):
            a[i] = a[i - 1]*x[i]
        s = s + np.sum(np.sin(a))
    return s
""",
        X,
        3,
    )
    assert copies_in_loops(fn) == 0
    assert [e.args[0].type.is_array for e in in_loops(fn.primal) if e.prim == "push"] == [True]


def test_buffers_that_a_loop_swaps_and_arrays_that_a_branch_chooses_have_no_last_version() -> None:
    for line in ("u, v = v, u", "u = v if x[i] > 0.5 else u", "u = np.sin(v)"):
        compiled(
            f"""def f(x, n):
    u = x.copy()
    v = x*x
    for i in range(1, n):
        v[i] = u[i - 1]*v[i - 1]*x[i]
        {line}
    return np.sum(u*u) + np.sum(v)
""",
            X,
            4,
        )


def test_nested_loops_and_swapped_buffers_are_undone_without_copies() -> None:
    fn = compiled(
        """def f(x, n):
    u = x.copy()
    v = x.copy()
    for t in range(n):
        for i in range(1, len(x) - 1):
            v[i] = u[i]*u[i - 1] + v[i]*v[i]*u[i + 1]
        u, v = v, u
    return np.sum(u*u)
""",
        0.3 * X,
        3,
    )
    assert copies_in_loops(fn) == 0
    assert pushes(fn) == 1


def test_a_transcendental_is_taped_and_arithmetic_computed_again() -> None:
    fn = compiled(
        """def f(x, n):
    s = x
    for i in range(n):
        e = np.exp(s)
        s = (s + 1.0)*e
    return s
""",
        0.1,
        2,
    )
    assert pushes(fn) == 2
    assert "exp" not in prims(fn.adjoint)


def test_a_long_recomputation_is_taped_instead() -> None:
    fn = compiled(
        """def f(x, n):
    s = x
    for i in range(n):
        if ((s + 1.0)*2.0 + s*s - 3.0)*s + 0.5 > 0.0:
            s = s*1.5
        else:
            s = s - 1.0
    return s
""",
        0.4,
        4,
    )
    (push,) = [e for e in in_loops(fn.primal) if e.prim == "push"]
    assert push.args[0].type.dtype in (bool, np.dtype(bool))


def test_counters_and_indices_are_computed_from_the_trip() -> None:
    fn = compiled(
        """def f(x, n):
    s = 1.0
    k = 2
    i = 0
    while i < n:
        s = s + x[i]*x[k]
        i = i + 1
        k = k - 1
        k = k + 2
        if s > 100.0:
            break
    return s
""",
        np.arange(1.0, 20.0),
        6,
    )
    assert pushes(fn) == 0


def test_the_flag_of_the_last_trip_is_not_taped() -> None:
    fn = compiled(
        """def f(x, n):
    s = x
    for i in range(n):
        stop = np.sin(s) > 0.9
        if stop:
            break
        s = s*1.5
    return s
""",
        0.3,
        10,
    )
    assert pushes(fn) <= 1


# -- where values are kept


def test_an_if_outside_of_loops_keeps_values_as_results() -> None:
    fn = compiled(
        """def f(x):
    if x > 0.0:
        t = np.sin(x)
        y = t*t*x
    else:
        y = x
    return y
""",
        0.8,
    )
    assert pushes(fn) == 0
    branch = next(s for s in fn.primal if isinstance(s, If))
    assert len(branch.outs) == 3  # y, t and t*t


def test_in_a_loop_a_branch_tapes_for_itself() -> None:
    fn = compiled(
        """def f(x):
    s = 0.0
    p = 1.0
    for i in range(len(x)):
        if x[i] > 0.0:
            p = p*np.sin(x[i])
            s = s + p*p
        else:
            s = s*x[i] + 1.0
    return s*p
""",
        X,
    )
    loop = next(s for s in fn.primal if isinstance(s, For))
    branch = next(s for s in loop.body.stmts if isinstance(s, If))
    assert "push" in prims(branch.then.stmts)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_value_that_may_be_undefined_is_bound_where_it_is_pushed(n: int) -> None:
    text = """def f(x, n):
    for i in range(n):
        if i % 2 == 0:
            t = np.sin(x)*x
        if i > -1:
            x = x + t*t*x
    return x
"""
    fn = compiled(text, 0.4, n)
    assert all(a is not None for a in fn.outs)


def test_a_view_of_an_array_that_is_stored_to_is_copied_before_it_is_pushed() -> None:
    fn = compiled(
        """def f(x, n):
    a = x.copy()
    for i in range(n):
        v = a[1:4]
        s = np.sum(v*v)
        a[i] = s*a[0]
        a[2] = a[2]*s
    return np.sum(a)
""",
        0.3 * X,
        3,
        policy="tape",
    )
    made = {s.outs[0]: s.prim for s in walk(fn.primal) if isinstance(s, Eqn) and s.outs}
    arrays = [e.args[0] for e in in_loops(fn.primal) if e.prim == "push" and e.args[0].type.is_array]
    assert arrays and all(made[v] == "copy" for v in arrays)


def test_the_last_version_of_a_buffer_of_one_trip_is_pushed_as_it_is() -> None:
    fn = compiled(
        """def f(x, n):
    s = 0.5
    for i in range(n):
        w = x*s
        w[0] = w[1]*x[1] + 1.0
        s = s + np.sum(w*w)
    return s
""",
        0.1 * X,
        3,
    )
    assert copies_in_loops(fn) == 0


def test_stores_along_index_arrays_and_masks_are_undone() -> None:
    compiled(
        """def f(x, n):
    a = x.copy()
    for i in range(n):
        a[np.array([0, 2, 2])] = a[1]*a[1]
        a[a > 1.0] = 0.5
        a[::2] = a[::2]*a[1]
    return np.sum(a*a)
""",
        X,
        3,
        policy="undo",
    )


@pytest.mark.parametrize("policy", ["cheapest", "undo", "tape"])
def test_matrices_by_rows_columns_and_transposes(policy: store.Policy) -> None:
    fn = compiled(
        """def f(x, n):
    a = x.copy()
    b = np.sin(x)
    for i in range(1, n):
        a[i, 1:] = a[i - 1, 1:]*b[i, :-1] + a[i, 1:]*a[i, 1:]
        c = b.T
        c[0] = c[1]*a[i]
        for j in range(n):
            a[i, j] = a[j, i]*a[i, j]*a[0, 0]
        a[:, 0] += b[:, -1]
    return np.sum(a*b)
""",
        np.outer(X[:3], X[1:4]),
        3,
        policy=policy,
    )
    if policy == "cheapest":
        whole = [e for e in in_loops(fn.primal) if e.prim == "copy" and e.out.type.rank == 2]
        assert not whole


def test_a_shape_needs_no_tape() -> None:
    fn = compiled(
        """def f(x, n):
    s = 0.5
    for i in range(n):
        w = x + s
        s = s + w[0]
    return s
""",
        X,
        2,
    )
    assert not any(e.prim == "push" and e.args[0].type.is_array for e in in_loops(fn.primal))


# -- by hand


def test_the_tape_of_a_call_is_taped() -> None:
    s, n, i = number("s"), integer("n"), integer("i")
    call = Eqn((number("r"), Var("tape", OBJECT)), "call_fwd", (s,), ("h", (s.type, OBJECT)))
    loop = for_(n, (), block(call), i)
    back = Eqn((number("g"),), "call_bwd", (call.outs[1], Const(1.0)), ("h", (s.type,)))
    z = number("z")
    total = eqn("add", z, back.out)
    mirror = for_(
        n, (Const(0.0),), block(back, total, yields=total.outs, params=(z,)), backwards=True, mirrors=loop.key
    )
    fn = stored(function((s, n), (loop,), mirror.outs, (mirror,)))
    assert [e.args[0] for e in in_loops(fn.primal) if e.prim == "push"] == [call.outs[1]]


def test_a_loop_without_a_mirror_and_a_mirror_without_a_loop() -> None:
    s, n, p, z = number("s"), integer("n"), number("p"), number("z")
    wave = eqn("sin", p)
    loop = for_(n, (s,), block(wave, yields=wave.outs, params=(p,)))
    add = eqn("add", z, loop.outs[0])
    gone = for_(n, (s,), block(), backwards=True)
    lone = for_(n, (s,), block(add, yields=add.outs, params=(z,)), backwards=True, mirrors=gone.key)
    fn = function((s, n), (loop,), lone.outs, (lone,))
    verify(fn)
    assert same_results(fn, stored(fn), 0.3, 3)


def test_without_an_adjoint_nothing_changes() -> None:
    s = number("s")
    fn = function((s,), (eqn("sin", s),), (s,))
    assert store.run(fn) is fn


def test_a_version_that_an_inner_loop_reads_and_the_outer_one_overwrites() -> None:
    """The inner reads are taped: the outer mirror does not hold the version when the inner mirror runs."""
    x, n, i, j, p = vector("x"), integer("n"), integer("i"), integer("j"), vector("a")
    item = read(p, j)
    inner = for_(n, (), block(item), j)
    other = eqn("mul", p, p)
    changed = write(other.out, Const(1.0), i)
    loop = for_(n, (x,), block(inner, other, changed, yields=changed.outs, params=(p,)), i)
    z, y = number("z"), number("y")
    wave = eqn("cos", item.out)
    add = eqn("add", z, wave.out)
    inner_mirror = for_(n, (y,), block(wave, add, yields=add.outs, params=(z,)), backwards=True, mirrors=inner.key)
    mirror = for_(
        n,
        (Const(0.0),),
        block(Eqn((), "undo", (changed.out,)), inner_mirror, yields=inner_mirror.outs, params=(y,)),
        backwards=True,
        mirrors=loop.key,
    )
    fn = function((x, n), (loop,), mirror.outs, (mirror,))
    verify(fn)
    for policy in ("cheapest", "undo", "tape"):
        after = stored(fn, policy)
        assert same_results(fn, after, X, 4)
        assert not any(e.args[0].type.is_array for e in in_loops(after.primal) if e.prim == "push")


def test_a_chain_of_many_equations_needs_no_deep_recursion() -> None:
    text = "def f(x, n):\n    s = x\n    for i in range(n):\n"
    text += "".join(f"        t{k} = {'s' if k == 0 else f't{k - 1}'}*s + s\n" for k in range(1500))
    compiled(text + "        s = 0.1*t1499\n    return s\n", 0.3, 2)


def test_if_results_made_of_two_arrays_are_not_undone() -> None:
    compiled(
        """def f(x, n):
    a = x.copy()
    for i in range(n):
        if x[i] > 0.0:
            a = a*0.5
        a[i] = a[i]*a[0]*a[i]
    return np.sum(a*a)
""",
        X,
        4,
        policy="undo",
    )


# -- the minimum cut


def test_the_cut_nearest_to_what_is_wanted() -> None:
    keeping = {"a": 100, "b": 100, "c": 100}
    computing = {"a": None, "b": 0, "c": 0}
    assert cheapest_to_keep(keeping, computing, {"b": ["a"], "c": ["b"]}, ["c"]) == ["c"]


def test_one_value_from_which_several_are_computed() -> None:
    keeping = {"a": 100, "b": 100, "c": 100}
    computing = {"a": None, "b": 30, "c": 30}
    assert cheapest_to_keep(keeping, computing, {"b": ["a"], "c": ["a"]}, ["b", "c"]) == ["a"]


def test_what_costs_more_to_compute_than_to_keep_is_kept() -> None:
    keeping = {"a": 100, "b": 100}
    assert cheapest_to_keep(keeping, {"a": None, "b": 150}, {"b": ["a"]}, ["a", "b"]) == ["a", "b"]
    assert cheapest_to_keep(keeping, {"a": None, "b": 50}, {"b": ["a"]}, ["a", "b"]) == ["a"]


def test_nothing_wanted_nothing_kept() -> None:
    assert cheapest_to_keep({}, {}, {}, []) == []


def test_if_without_loops_in_handmade_form() -> None:
    s = number("s")
    cond = eqn("gt", s, Const(0.0))
    wave = eqn("sin", s)
    branch = if_(cond.out, block(wave, yields=(wave.out,)), block(yields=(s,)))
    use = eqn("cos", wave.out)
    mirror = if_(cond.out, block(use, yields=use.outs), block(yields=(Const(0.0),)), mirrors=branch)
    fn = function((s,), (cond, branch), (branch.outs[0], mirror.outs[0]), (mirror,))
    assert same_results(fn, stored(fn), 0.4)
    assert same_results(fn, stored(fn), -0.4)


def test_what_is_read_for_its_shape_is_not_computed_again() -> None:
    fn = compiled(
        """def f(x, w):
    n = len(x) - len(w) + 1
    y = np.zeros(n)
    for i in range(len(w)):
        y += w[i]*x[i:i + n]
    return np.sum(y*y)
""",
        X,
        X[:2],
    )
    assert pushes(fn) == 0 and copies_in_loops(fn) == 0
    inner = [e for e in in_loops(fn.adjoint) if e.prim in ("add", "index_update", "unbroadcast")]
    assert [e.prim for e in inner if e.out.type.is_array] == ["unbroadcast"]


def test_of_a_list_that_is_read_for_its_length_only_the_length_is_taped() -> None:
    f = from_text(
        """def f(x):
    kept = [x[0], x[1]]
    for k in range(int(x[0]*5.0)):
        kept = kept[1:] + [x[2]*k, kept[0]]
    if len(kept) > 3:
        kept = kept[::2]
    return sum(kept)
"""
    )
    fn = stored(with_adjoint(f, x=X))
    taped = [e.args[0].type for e in walk(fn.primal) if isinstance(e, Eqn) and e.prim == "push"]
    assert taped and not any(t.is_list for t in taped)


def test_saving_what_stores_overwrite_takes_time_in_proportion_to_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[object] = []
    read_key = store_plan.read_key

    def counted(read: Eqn) -> object:
        keys.append(read)
        return read_key(read)

    monkeypatch.setattr(store_plan, "read_key", counted)
    counts = []
    for count in (20, 40):
        lines = [f"    y[{k % 5}] = x[{k % 5}] * y[{(k + 1) % 5}]" for k in range(count)]
        text = "\n".join(["def f(x):", "    y = np.exp(x)", *lines, "    return np.sum(y)"])
        before = with_adjoint(from_text(text), x=X)
        keys.clear()
        stored(before, "cheapest")
        counts.append(len(keys))
    assert 0 < counts[1] <= 2.5 * counts[0]
