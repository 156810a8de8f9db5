"""What cannot be differentiated is refused, and the message names the argument and what to do."""

from __future__ import annotations

import copy
import functools
import pickle

import numpy as np
import pytest

from adcompile import (
    AdcompileError,
    ArgumentError,
    CompileError,
    SourceError,
    from_source,
    grad,
    jvp,
    value_and_grad,
    vjp,
)
from adcompile.errors import Span, render

V = np.array([1.0, 2.0, 3.0])


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


def total(x):
    return np.sum(x * x)


def loss(w, x, t=1.0, *, scale=2.0):
    return scale * np.sum(w * x * t)


def refused(text: str, call, *args, **kwargs) -> ArgumentError:
    """Check that a call is refused with an error that says `text`."""
    with pytest.raises(ArgumentError) as caught:
        call(*args, **kwargs)
    assert text in str(caught.value), str(caught.value)
    return caught.value


# -- the result


@pytest.mark.parametrize(
    ("function", "argument", "text", "remedy"),
    [
        (lambda x: x * 2.0, V, "the function returns a float64 array of shape (3,)", "return its sum"),
        (lambda x: (x, x), 2.0, "a tuple of 2", "has_aux=True"),
        (lambda x: {"a": x}, 2.0, "a dict of 1", "return the number alone"),
        (lambda x: None, 2.0, "None", "let it return the number"),
        (lambda x: 3, 2.0, "an int", "no derivative"),
        (lambda x: x[:1] * 2.0, V, "a float64 array of shape (1,)", "jacobian"),
    ],
)
def test_results_that_are_not_one_number(function, argument, text: str, remedy: str) -> None:
    error = refused(text, grad(function), argument)
    assert "one floating-point number" in str(error) and remedy in str(error)
    assert isinstance(error, TypeError)
    refused(text, value_and_grad(function), argument)


def into_integers(x):
    counts = np.zeros(3, dtype=int)
    np.add(x, x, out=counts)
    return np.sum(counts * x)


def wrapped_places(x):
    np.put(x, [4], 2.0, mode="wrap")
    return np.sum(x)


def copied_into_integers(x):
    counts = np.zeros(3, dtype=int)
    np.copyto(counts, x)
    return np.sum(counts * x)


def narrower_sum(x):
    total = np.zeros((), np.float32)
    np.sum(x, out=total)
    return total * x[0]


@pytest.mark.parametrize(
    ("function", "line", "text"),
    [
        (into_integers, 2, "cannot store float64 into an array of int64"),
        (wrapped_places, 1, "`mode='wrap'` is not supported"),
        (copied_into_integers, 2, "cannot copy float64 into an array of int64"),
        (narrower_sum, 2, "`out` is an array of float32"),
    ],
)
def test_writing_calls_are_refused_where_they_are_made(function, line: int, text: str) -> None:
    with pytest.raises(CompileError) as caught:
        grad(function)(V)
    assert text in caught.value.message
    assert caught.value.line == function.__code__.co_firstlineno + line
    assert caught.value.column == 5


def repeated_at_run_time(x):
    found = []
    for v in x:
        found.append(v)
    return np.sum((x[0], 2.0) * len(found))


def test_a_tuple_is_repeated_only_as_often_as_is_known() -> None:
    with pytest.raises(CompileError, match="how often this tuple is repeated is not known") as caught:
        grad(repeated_at_run_time)(V)
    assert caught.value.line == repeated_at_run_time.__code__.co_firstlineno + 4
    assert caught.value.column == 19


def test_aux_needs_a_pair() -> None:
    refused("must return a pair", grad(total, has_aux=True), V)
    refused("must return a pair", lambda: vjp(total, V, has_aux=True))


def test_nothing_to_differentiate() -> None:
    refused("nothing that counted returns has a derivative", lambda: vjp(counted, V))


def counted(x):
    return len(x)


# -- the arguments


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (np.arange(3), "x.astype(float)"),
        (np.array([True, False]), "x.astype(float)"),
        (np.int64(3), "float(x)"),
        (True, "cannot differentiate with respect to x: it is True"),
        (np.bool_(True), "cannot differentiate with respect to x"),
        ("text", "it is a string"),
        (np.array([1]), "pass x.astype(float)"),
        (np.array([None, 1.0]), "an object array"),
        (np.ones((1, 1)).view(np.matrix), "np.asarray(x)"),
        (np.ma.masked_array([1.0, 2.0]), "np.asarray(x)"),
        (object(), "an object"),
        ({1.0, 2.0}, "a set"),
        ([1.0, np.arange(2)], "x[1]"),
        ({"a": {"b": (1.0, {2})}}, "x['a']['b'][1]"),
        (10**400, "too large"),
    ],
)
def test_arguments_that_have_no_derivative(argument: object, text: str) -> None:
    refused(text, grad(total), argument)


def test_subclasses_of_arrays_are_refused_everywhere() -> None:
    refused("np.asarray(x)", grad(loss), V, np.ones((1, 1)).view(np.matrix))
    refused("np.asarray", grad(loss), V, [np.ma.masked_array([1.0])])


def test_arguments_that_share_memory_with_one_that_is_stored_into() -> None:
    def f(x, y):
        x[0] = 2.0 * x[1]
        return np.sum(x * y)

    d = grad(f, argnums=(0, 1))
    a = V.copy()
    refused("x and y share memory, and f stores into x", d, a, a)
    x_bar, y_bar = d(a, a.copy())
    np.testing.assert_allclose(x_bar, [0.0, 4.0, 3.0])
    np.testing.assert_allclose(y_bar, [4.0, 2.0, 3.0])
    np.testing.assert_array_equal(a, V)
    refused("share memory", d, a, a[::-1])
    both = np.zeros(6)
    d(both[:3], both[3:])


def test_a_gradient_that_is_no_number_has_none() -> None:
    refused("one floating-point number", grad(grad(total)), V)
    assert grad(grad(total))(1.5) == 2.0


def test_wrong_numbers_of_arguments() -> None:
    d = grad(loss)
    refused("missing a required argument: 'x'", d, V)
    refused("too many positional arguments", d, V, V, 1.0, 2.0)
    refused("unexpected keyword argument 'y'", d, V, V, y=1.0)
    refused("multiple values for argument 'w'", d, V, V, w=V)
    d(V, V)
    refused("loss: missing a required argument: 'x'", d, V)
    refused("unexpected keyword argument 'y'", d, V, V, y=1.0)


def test_type_errors_of_the_program_itself_are_not_hidden() -> None:
    def fails(x):
        assert isinstance(x, float)
        raise TypeError("of the program")

    with pytest.raises((TypeError, CompileError)):
        grad(fails)(2.0)


def test_argnums() -> None:
    refused("takes 3 positional arguments", grad, loss, 3)
    refused("takes 3 positional arguments", grad, loss, (0, -4))
    refused("argnums must be", grad, loss, "w")
    refused("argnums must be", grad, loss, True)
    refused("argnums must be", grad, loss, ())
    refused("argnums must be", grad, loss, (0, 1.0))
    refused("twice", grad, loss, (1, 1))


def test_not_a_function() -> None:
    refused("needs a function, not int", grad, 3)
    refused("function", vjp, V, V)
    refused("partial sets 'z'", grad, functools.partial(lambda x, **kw: x, z=1.0))


# -- tangents and cotangents


def test_tangents_that_do_not_fit() -> None:
    pair = (lambda w, p: w * p["a"]), (V, {"a": 2.0})
    fits = (V, {"a": 1.0})
    assert len(jvp(*pair, fits)) == 2
    refused("the tangent of w is a float64 array of shape (2,), but w is a float64 array of shape (3,)",
            jvp, *pair, (V[:2], {"a": 1.0}))  # fmt: skip
    refused("float32", jvp, *pair, (V.astype(np.float32), {"a": 1.0}))
    refused("the tangent of p['a'] is a string", jvp, *pair, (V, {"a": "x"}))
    refused("the tangent of p has the keys ['b']", jvp, *pair, (V, {"b": 1.0}))
    refused("the tangent of p is a list of 1, but p is a dict of 1", jvp, *pair, (V, [1.0]))
    refused("2 primals, but 1 tangents", jvp, *pair, (V,))
    refused("must be a tuple", jvp, total, V, V)
    refused("the tangent of w is None", jvp, *pair, (None, {"a": 1.0}))
    refused("float64 array", jvp, *pair, ([1.0, 2.0, 3.0], {"a": 1.0}))


def test_scalar_tangents_may_be_python_numbers() -> None:
    _, out_dot = jvp(total, (np.float32(3.0),), (1,))
    assert out_dot == 6.0
    assert np.asarray(out_dot).dtype == np.float32
    assert jvp(total, (3.0,), (np.float64(2.0),))[1] == 12.0
    assert jvp(total, (np.array(3.0),), (1.0,))[1] == 6.0


def test_cotangents_that_do_not_fit() -> None:
    _, pullback = vjp(lambda x: {"y": x * 2.0, "n": 3}, V)
    assert len(pullback({"y": V, "n": None})) == 1
    refused("the cotangent['y'] is a float64 array of shape (2,)", pullback, {"y": V[:2], "n": None})
    refused("the cotangent is a float64 array", pullback, V)
    refused("has no derivative: pass None", pullback, {"y": V, "n": 1.0})
    _, pullback = vjp(total, V)
    refused("the cotangent is a float64 array of shape (3,), but the result of total is", pullback, V)
    np.testing.assert_allclose(pullback(1)[0], 2 * V)


def test_vjp_and_jvp_need_all_arguments() -> None:
    refused("missing the argument 'x'", lambda: vjp(loss, V))
    refused("takes 3 positional arguments", lambda: vjp(loss, V, V, 1.0, 2.0))


# -- the function


def test_places_of_errors() -> None:
    def unsupported(x):
        with np.errstate(all="raise"):
            return x * 2.0

    with pytest.raises(CompileError) as caught:
        grad(unsupported)(2.0)
    assert caught.value.line == unsupported.__code__.co_firstlineno + 1
    assert caught.value.filename == __file__
    assert "^" in str(caught.value)


def counts_its_calls(x):
    count = 0

    def go(a):
        nonlocal count
        count += 1
        return a if a < 0.1 else go(a * 0.5) * x

    return go(x) * count


def notes_its_calls(x):
    notes = np.zeros(5)

    def go(a, k=0):
        notes[k] += a
        return a if a < 0.1 else go(a * 0.5, k + 1) * x

    return go(x) + np.sum(notes)


@pytest.mark.parametrize(("function", "changed"), [(counts_its_calls, "count"), (notes_its_calls, "notes")])
def test_recursion_that_changes_what_is_around_it(function, changed: str) -> None:
    with pytest.raises(
        CompileError, match=f"`go` is recursive and changes `{changed}`, which is not its own"
    ) as caught:
        grad(function)(0.7)
    assert caught.value.span is not None
    assert caught.value.span.line == function.__code__.co_firstlineno + 3


def test_recursion_deeper_than_is_run_in_place() -> None:
    def power(x, n):
        def times(a, k):
            return a if k == n else 1.0 + 2.0 * (times(a * 0.5, k + 1) * x)

        return times(x, 0)

    for n in (10, 200):
        assert np.isclose(grad(power)(0.7, n), (power(0.7 + 1e-6, n) - power(0.7 - 1e-6, n)) / 2e-6)

    def endless(x):
        return x if x < 0.0 else endless_too(lambda t: t * x, x)

    def endless_too(f, x):
        return f(x) + endless_too(lambda t: f(t) + 1.0, x * 0.5) if x > 0.1 else x

    with pytest.raises(CompileError) as caught:
        grad(endless)(0.7)
    assert caught.value.span is not None


def test_missing_source() -> None:
    namespace: dict[str, object] = {}
    exec("def f(x):\n    return x\n", namespace)
    with pytest.raises(SourceError, match="from_source"):
        grad(namespace["f"])(1.0)  # type: ignore[arg-type]


def test_errors_are_of_one_family_and_pickle() -> None:
    assert issubclass(ArgumentError, AdcompileError)
    assert issubclass(CompileError, AdcompileError)
    error = CompileError("message", Span("f.py", 3, 4, 3, 9), "label", "help")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line, again.column) == (str(error), 3, 5)


def test_rendering_without_source() -> None:
    assert render("message", None, help="do") == "message\n = help: do"


def test_an_item_chosen_at_run_time() -> None:
    def chosen(x):
        items = (x[0], x[1] * 2.0, x[2] * 3.0)
        return items[len(np.nonzero(x > 1.5)[0])]

    assert grad(chosen)(V).tolist() == [0.0, 0.0, 3.0]
    assert grad(chosen)(V - 0.6).tolist() == [0.0, 2.0, 0.0]


def test_a_dict_whose_keys_are_known_only_at_run_time_cannot_be_returned() -> None:
    def made(x):
        d = {}
        for k in range(len(x)):
            d[int(x[k])] = x[k]
        return d

    with pytest.raises(CompileError, match="returns a dict whose keys are known only at run time") as caught:
        vjp(made, V)
    assert (caught.value.line, caught.value.column) == (made.__code__.co_firstlineno + 1, 13)


def test_a_dict_that_is_an_argument_keeps_its_keys() -> None:
    def counted(d, x):
        d[int(x[0])] = x[1]
        return d[1]

    with pytest.raises(CompileError, match="known only at run time") as caught:
        grad(counted)({1: 2.0}, V)
    assert caught.value.line == counted.__code__.co_firstlineno + 1


class Doubling(list):
    def append(self, v):
        super().append(2 * v)


class Stack(list):
    def top(self):
        return self[-1]


def makes_a_changed_list(x):
    s = Doubling()
    s.append(x)
    return s[0]


def returns_a_list_of_a_class(x):
    return Stack([x])


def test_lists_of_classes() -> None:
    with pytest.raises(CompileError, match="subclass of a built-in class") as caught:
        grad(makes_a_changed_list)(1.5)
    span = caught.value.span
    assert span is not None
    assert (span.line, span.column) == (makes_a_changed_list.__code__.co_firstlineno + 1, 8)
    with pytest.raises(CompileError, match="returns an object of `Stack`") as caught:
        vjp(returns_a_list_of_a_class, 1.5)
    assert "list(" in str(caught.value)
    assert vjp(lambda x: list(Stack([x])), 1.5)[0] == [1.5]


def test_results_of_several_types_along_an_axis_are_refused() -> None:
    """NumPy would make all of the type of the first, which may be an int."""

    def f(x):
        return np.sum(np.apply_along_axis(lambda v: 0 if v[0] > 0 else v[1], 1, x))

    with pytest.raises(CompileError, match="numbers of several types") as caught:
        grad(f)(np.array([[1.0, 2.0], [-1.0, 3.0]]))
    assert (caught.value.line, caught.value.column) == (f.__code__.co_firstlineno + 1, 9)


TAKEN_IN_A_COMPREHENSION = (
    "s = sum([v*next(it, 0.5) for v in it])",
    "s = sum(v*next(it, 0.5) for v in it)",
)


@pytest.mark.parametrize("loop", TAKEN_IN_A_COMPREHENSION)
@pytest.mark.parametrize("items", ["x", "[x[0], x[1], x[2]]", "zip(x, x)"])
def test_an_iterator_whose_items_are_taken_in_a_comprehension_over_it_is_refused(loop: str, items: str) -> None:
    if "zip" in items:
        loop = loop.replace("for v", "for v, _").replace("0.5)", "(0.5, 0.5))[0]")
    f = from_source(f"def f(x):\n    it = iter({items})\n    s = 1.0\n    {loop}\n    return s\n", "f")
    with pytest.raises(CompileError, match="gone through by a comprehension around this") as caught:
        grad(f)(V)
    assert (caught.value.line, caught.value.column) == (4, loop.index("next") + 5)


@pytest.mark.parametrize("made", ["x", "x * 2; z = y", "x * 2; z = [y]"])
def test_shapes_that_others_would_see_changed_are_refused(made: str) -> None:
    text = f"import numpy as np\n\ndef f(x):\n    y = {made}\n    y.shape = (2, 2)\n    return np.sum(y @ y) + len(z)\n"
    if "z" not in made:
        text = text.replace(" + len(z)", "")
    with pytest.raises(CompileError, match="`shape` cannot be differentiated") as caught:
        grad(from_source(text, "f"))(np.ones(4))
    assert (caught.value.line, caught.value.column) == (5, 5) and "reshape" in str(caught.value)


def test_what_to_write_instead_of_masked_arrays_and_polynomials() -> None:
    with pytest.raises(CompileError, match="numpy.ma.masked_where") as caught:
        grad(lambda x: np.ma.masked_where(x < 0, x).sum())(np.ones(2))
    assert "np.where" in str(caught.value)
    with pytest.raises(CompileError, match="class Polynomial") as caught:
        grad(lambda c: np.polynomial.Polynomial(c)(0.5))(np.ones(2))
    assert "polyval" in str(caught.value)


def steps_in_place(x, n):
    items = [x * k for k in range(n)]
    for k in range(n):
        items[k] += x[0]
    return sum(np.sum(item * item) for item in items)


def steps_anew(x, n):
    items = [x * k for k in range(n)]
    for k in range(n):
        items[k] = items[k] + x[0]
    return sum(np.sum(item * item) for item in items)


def views_in_place(x, n):
    items = list(np.outer(np.arange(n), x))
    for k in range(n):
        items[k] += x[0]
    return sum(np.sum(item * item) for item in items)


@pytest.mark.parametrize("steps", [steps_anew, steps_in_place])
def test_items_of_lists_are_assigned_anew_and_changed(steps) -> None:
    k = np.arange(200)
    total = 2.0 * np.sum(np.outer(k, V) + V[0], axis=1)  # the sums of 2 * item
    want = 2.0 * np.array([np.sum(k * (k * v + V[0])) for v in V])
    want[0] += np.sum(total)
    assert np.allclose(grad(steps)(V, 200), want)


def flat_by_sum(x, n):
    rows = [[x[0], x[1] * k] for k in range(n)]
    return np.sum(np.array(sum(rows, [])))


def copied_deeply(x, n):
    rows = [[x[0], x[1] * k] for k in range(n)]
    other = copy.deepcopy(rows)
    return other[1][1]


@pytest.mark.parametrize(
    ("function", "line", "column", "advice"),
    [
        (views_in_place, 3, 9, "items[k] = items[k] + 1"),
        (flat_by_sum, 2, 28, "array"),
        (copied_deeply, 2, 13, "[row[:] for row in rows]"),
    ],
)
def test_what_is_not_done_with_lists_in_lists(function, line: int, column: int, advice: str) -> None:
    with pytest.raises(CompileError) as caught:
        grad(function)(V, 200)
    first = function.__code__.co_firstlineno
    assert (caught.value.line, caught.value.column) == (first + line, column)
    assert advice in str(caught.value)


def test_that_eigenvalues_may_be_real_is_kept_and_said_of_nothing_else() -> None:
    for _ in range(2):  # what is found out of the dtypes of one program is not taken for those of another
        with pytest.raises(CompileError, match="the dtype is not known"):
            grad(lambda a: np.sum(np.abs(np.zeros(2, (np.linalg.eigvals(a) * 2.0).dtype) + a[0])))(np.eye(2) + 0.1)
        gradient = grad(lambda x: np.sum(np.abs(np.zeros(3, ((x + 1j) * 2.0).dtype) + x)))(np.ones(3))
        assert np.array_equal(gradient, np.ones(3))


# -- names that do not exist


class Layer:
    def __init__(self, weight: float) -> None:
        self.weight = weight


@pytest.mark.parametrize(
    ("text", "column", "said", "meant"),
    [
        ("np.sum(sclae)", 8, "the name `sclae` is not defined", "scale"),
        ("np.summ(x)", 1, "module 'numpy' has no attribute 'summ'", "sum"),
        ("x.summ()", 1, "a float64 array of shape (3,) has no method `summ`", "sum"),
        ("x[0].mena()", 1, "a float64 has no method `mena`", "mean"),
        ("Layer(x).wieght", 1, "`Layer` has no attribute `wieght`", "weight"),
        ("layer.wieght * x", 1, "`Layer` has no attribute `wieght`", "weight"),
    ],
)
def test_a_name_that_is_mistyped_is_answered_with_the_most_similar(
    text: str, column: int, said: str, meant: str
) -> None:
    names = {"np": np, "Layer": Layer, "layer": Layer(2.0)}
    f = from_source(f"def f(x):\n    scale = 2.0\n    return {text}\n", "f", names)
    with pytest.raises(CompileError) as caught:
        grad(f)(V)
    error = caught.value
    assert (error.line, error.column) == (3, column + 11)
    assert said in error.message
    assert error.help == f"did you mean `{meant}`?"
