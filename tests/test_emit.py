"""The emitted text: files that are compared and executed, and the parts that write it."""

from __future__ import annotations

import ast
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adcompile import grad, value_and_grad, vjp
from adcompile.emit import moves, names, printing, syntax
from adcompile.emit.source import Layout, Pair, Param, Unit, emit, emit_pair
from adcompile.ir.core import Const, Function, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_FLOAT, Type
from adcompile.transforms import inplace, store
from tests import interpret, oracle, random_programs
from tests.golden.functions import GOLDEN
from tests.handmade import block, eqn, for_, function, if_, number, read, vector, write

EXPECTED = Path(__file__).parent / "golden" / "expected"
UPDATE = os.environ.get("ADCOMPILE_UPDATE_GOLDEN")


@pytest.fixture(autouse=True)
def no_disk_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE", "0")


def executed(text: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(compile(text, "<emitted>", "exec"), namespace)
    return namespace


def emitted(fn: Function, *, name: str = "f") -> str:
    """Emit a function of plain parameters that returns a tuple."""
    fn = inplace.run(fn, frozenset(fn.params))
    params = tuple(Param(p.name, p) for p in fn.params)
    return emit(fn, Layout(name, params, Node("tuple", tuple(range(len(fn.outs))))))


def body_of(text: str) -> list[str]:
    """Return the lines of the last function, without its header and indentation."""
    lines = text.splitlines()
    start = max(k for k, line in enumerate(lines) if line.startswith("def "))
    return [line[4:] for line in lines[start + 1 :]]


# -- golden files


@pytest.mark.parametrize(("f", "args", "wrt"), GOLDEN, ids=[g[0].__name__ for g in GOLDEN])
def test_golden(f: Callable[..., Any], args: tuple[Any, ...], wrt: tuple[int, ...]) -> None:
    """The text is that of the file, and what is in the file computes the value and the gradient."""
    derivative = value_and_grad(f, argnums=wrt)
    text = derivative.source_for(*oracle.copied(args))
    path = EXPECTED / f"{f.__name__}.py"
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    assert text == expected
    value, gradient = executed(expected)[f"{f.__name__}_value_and_vjp"](*oracle.copied(args))
    want, found = f(*oracle.copied(args)), derivative(*oracle.copied(args))
    assert value == want
    assert np.array_equal(oracle.flat(gradient), oracle.flat(found[1]))
    assert oracle.close(oracle.flat(gradient), oracle.jacobian(f, args, wrt)[0], 1e-6)


def test_text_depends_on_no_hash_seed_and_no_serial_number() -> None:
    script = (
        "from adcompile.ir.core import Var; from adcompile.ir.types import PY_FLOAT; import sys\n"
        "[Var('', PY_FLOAT) for _ in range(int(sys.argv[1]))]\n"
        "from adcompile import grad; from tests.golden.functions import GOLDEN\n"
        "for f, args, wrt in GOLDEN: print(grad(f, argnums=wrt).source_for(*args))\n"
    )
    texts = set()
    for seed in ("0", "1", "123"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "ADCOMPILE_CACHE": "0"}
        done = subprocess.run([sys.executable, "-c", script, seed], env=env, stdout=subprocess.PIPE, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1


# -- random programs


@pytest.mark.parametrize("policy", ["cheapest", "undo", "tape"])
@pytest.mark.parametrize("start", range(0, 60, 10))
def test_random_programs(start: int, policy: store.Policy) -> None:
    """What is emitted computes what the IR means, bit for bit, and modifies no argument."""
    for seed in range(start, start + 10):
        fn = random_programs.make(seed)
        args = oracle.copied(random_programs.ARGUMENTS)
        want = interpret.run(fn, *oracle.copied(args))
        got = executed(emitted(store.run(fn, policy)))["f"](*args)
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(got, want, strict=True)), seed
        assert all(np.array_equal(a, b) for a, b in zip(args, random_programs.ARGUMENTS, strict=True)), seed


# -- folding


def test_no_read_is_moved_past_a_store() -> None:
    x = vector("x")
    a = eqn("copy", x)
    old = read(a.out, Const(0))
    b = write(a.out, Const(9.0), Const(0))
    total = eqn("add", old.out, Const(1.0))
    text = emitted(function((x,), (a, old, b, total), (total.out, b.out)))
    assert executed(text)["f"](np.arange(3.0))[0] == 1.0
    assert body_of(text).index("v1 = x.copy()") < body_of(text).index("v2 = v1[0]") < body_of(text).index("v1[0] = 9.0")


def test_no_value_is_moved_past_an_effect() -> None:
    x = number("x")
    y = eqn("div", Const(1.0), x)
    shown = eqn("print", x, attrs=((),))
    z = eqn("mul", y.out, Const(2.0))
    assert body_of(emitted(function((x,), (y, shown, z), (z.out,))))[:2] == ["v1 = 1.0 / x", "print(x)"]


def test_order_of_operations_stays() -> None:
    a, b, c = number("a"), number("b"), number("c")
    s = eqn("add", b, c)
    t = eqn("add", a, s.out)
    p = eqn("pow", eqn("neg", a).out, Const(2.0))
    n = eqn("neg", a)
    p = eqn("pow", n.out, Const(2.0))
    q = eqn("neg", eqn("pow", a, Const(2.0)).out)
    r = eqn("pow", a, Const(2.0))
    q = eqn("neg", r.out)
    lines = body_of(emitted(function((a, b, c), (s, t, n, p, r, q), (t.out, p.out, q.out))))
    assert lines == ["return a + (b + c), (-a) ** 2.0, -a ** 2.0"]


def test_sum_of_hundreds_of_terms_becomes_statements() -> None:
    x = number("x")
    terms = [eqn("mul", x, Const(float(k))) for k in range(400)]
    sums = [terms[0]]
    for term in terms[1:]:
        sums.append(eqn("add", sums[-1].out, term.out))
    stmts = [*terms[:1], *(s for pair in zip(terms[1:], sums[1:], strict=True) for s in pair)]
    text = emitted(function((x,), tuple(stmts), (sums[-1].out,)))
    assert max(map(len, text.splitlines())) < 100
    assert executed(text)["f"](2.0)[0] == 2.0 * sum(range(400))


# -- names


def test_parallel_assignment_of_swapped_slots() -> None:
    x, y, a, b = number("x"), number("y"), number("a"), number("b")
    loop = for_(Const(3), (x, y), block(yields=(b, a), params=(a, b)))
    text = emitted(function((x, y), (loop,), loop.outs))
    assert "    a, b = b, a" in body_of(text)
    assert executed(text)["f"](1.0, 2.0) == (2.0, 1.0)


def test_parameters_named_like_what_the_source_uses() -> None:
    """`len` and `np` as parameters: the builtin and the module get other names, the parameters keep theirs."""
    vec = vector("np")
    n = Var("len", Type("py", int))
    s = eqn("sin", vec)
    d = eqn("dim", vec, attrs=(0,))
    m = eqn("add", d.out, n)
    text = emitted(function((vec, n), (s, d, m), (s.out, m.out)))
    got = executed(text)["f"](np=np.zeros(3), len=4)
    assert np.array_equal(got[0], np.zeros(3)) and got[1] == 7
    assert "_len = len" in text and "def f(np, len):" in text


def test_cotangent_named_like_a_parameter() -> None:
    y_bar, seed = number("y_bar"), number("y_bar")
    product = eqn("mul", y_bar, seed)
    fn = function((y_bar, seed), (product,), (product.out,))
    text = emit(fn, Layout("f", (Param("y_bar", y_bar), Param("y_bar", seed, "1.0")), 0))
    assert "def f(y_bar, y_bar_1=1.0):" in text
    assert executed(text)["f"](3.0, 4.0) == 12.0


def test_nothing_shadows_builtins() -> None:
    x = number("x")
    s = eqn("sin", x, name="sum")
    t = eqn("mul", s.out, s.out)
    text = emitted(Function("f", (x,), (s, t), (t.out,), names={s.out: "sum"}))
    assert "sum_1 = np.sin(x)" in text
    assert "len" in names.RESERVED


# -- layouts


def test_containers_are_unpacked_and_built() -> None:
    a, b, c = number("p_0"), number("p_1_w"), number("q")
    y = eqn("add", a, b)
    z = eqn("mul", y.out, c)
    tree = Node("tuple", (a, Node("dict", (b, None), ("w", "mode"))))
    layout = Layout(
        "f", (Param("p", tree), Param("q", c, "2.0", "keyword")), Node("dict", (0, Node("list", (1,))), ("y", "z"))
    )
    text = emit(function((a, b, c), (y, z), (y.out, z.out)), layout)
    assert executed(text)["f"]((1.0, {"w": 2.0, "mode": "x"}), q=3.0) == {"y": 3.0, "z": [9.0]}
    assert "def f(p, *, q=2.0):" in text


def test_docstring_and_constants() -> None:
    x, u = vector("x"), vector("u")
    y = eqn("mul", x, u)
    params = (Param("x", x), Param("u", u, "t_u", "keyword"))
    layout = Layout("f", params, 0, ("Multiply.",), ("t_u = np.array([1.0, 2.0])",))
    text = emit(function((x, u), (y,), (y.out,)), layout)
    assert np.array_equal(executed(text)["f"](np.array([3.0, 4.0])), [3.0, 8.0])
    assert executed(text)["f"].__doc__ == "Multiply."


def test_facts_are_tested() -> None:
    def f(x: Any, w: Any) -> Any:
        return np.sum(x + w)

    text = value_and_grad(f).source_for(np.ones(3), np.ones(3))
    derivative = executed(text)["f_value_and_vjp"]
    with pytest.raises(ValueError, match="f_value_and_vjp: x and w must have equal lengths"):
        derivative(np.ones(3), np.ones(1))


def test_pullback_may_be_called_again() -> None:
    def f(x: Any) -> Any:
        a = x.copy()
        for i in range(1, len(x)):
            a[i] = a[i] * a[i - 1] * a[i]
        return a

    _, pullback = vjp(f, np.array([0.5, 1.5, 2.0]))
    g = np.array([1.0, 2.0, 3.0])
    assert np.array_equal(pullback(g)[0], pullback(g)[0])


def test_tape_does_not_share_the_callers_arrays() -> None:
    x, g = vector("x"), vector("y_bar")
    y = eqn("sin", x)
    c = eqn("cos", x)
    x_bar = eqn("mul", g, c.out)
    fn = Function("f", (x, g), (y,), (y.out, x_bar.out), (c, x_bar))
    text = emit_pair(fn, Layout("f_fwd", (Param("x", x),), 0), Layout("f_bwd", (Param("y_bar", g),), 1))
    found = executed(text)
    at = np.array([0.5, 1.0])
    _, tape = found["f_fwd"](at)
    at[:] = 0.0
    assert np.array_equal(found["f_bwd"](tape, np.ones(2)), np.cos([0.5, 1.0]))


def test_pair_called_by_a_function() -> None:
    u, r_bar, x = number("u"), number("r_bar"), number("x")
    r = eqn("mul", u, u)
    u_bar = eqn("mul", eqn_two(), r_bar)
    t = eqn("mul", u_bar.out, u)
    pair = Pair(
        Function("h", (u, r_bar), (r,), (r.out, t.out), (u_bar, t)),
        Layout("h_fwd", (Param("u", u),), 0),
        Layout("h_bwd", (Param("r_bar", r_bar),), 1),
    )
    types = (PY_FLOAT, Type("object", None, None))
    call = eqn("call_fwd", x, attrs=("h", types))
    back = eqn("call_bwd", call.outs[1], Const(1.0), attrs=("h", (PY_FLOAT,)))
    text = emit(function((x,), (call, back), (call.outs[0], back.out)), Layout("f", (Param("x", x),), NODE), (pair,))
    assert executed(text)["f"](3.0) == (9.0, 6.0)
    assert isinstance(pair, Pair) and Unit is not None


NODE = Node("tuple", (0, 1))


def eqn_two() -> Const:
    return Const(2.0)


def test_early_return() -> None:
    x = number("x")
    test = eqn("lt", x, Const(0.0))
    less = eqn("neg", x)
    branch = if_(test.out, block(less, yields=(less.out,)), block(yields=(x,)))
    lines = body_of(emitted(function((x,), (test, branch), branch.outs)))
    assert lines == ["if x < 0.0:", "    return -x,", "return x,"]


# -- syntax, printing, moves


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-2, "-2"),
        (-0.0, "-0.0"),
        (math.inf, "np.inf"),
        (-math.inf, "-np.inf"),
        (math.nan, "np.nan"),
        (2j, "2.0j"),
        (complex(1, -2), "complex(1.0, -2.0)"),
        (np.float32(0.1), "np.float32(0.10000000149011612)"),
        (np.dtype(np.float32), "np.float32"),
        (np.dtype(bool), "np.bool_"),
        (float, "float"),
        ((1, -2), "(1, -2)"),
        (slice(1, None), "slice(1, None, None)"),
        (np.array([1.0, -2.0]), "np.array([1.0, -2.0])"),
        (np.array([1], dtype=np.int8), "np.array([1], dtype=np.int8)"),
        ("it's", '"it\'s"'),
        (None, "None"),
        (..., "..."),
    ],
)
def test_constants(value: object, text: str) -> None:
    node = syntax.constant(value)
    printed = printing.to_text(ast.Module([ast.Expr(node)], [])).strip()
    assert printed == text or ast.dump(ast.parse(printed)) == ast.dump(ast.parse(text))
    got = eval(printed, {"np": np})
    same = np.array_equal(got, value) if isinstance(value, np.ndarray) else repr(got) == repr(value)
    assert same or value != value or got == value


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("x = [(v + w) for v, w in zip(a, b)]", "x = [v + w for v, w in zip(a, b)]"),
        ("x = [(v, w) for v in [(a + b) * c for a in d]]", "x = [(v, w) for v in [(a + b) * c for a in d]]"),
        ("x = [f(a, b) + 1 for a in q] + [()]", "x = [f(a, b) + 1 for a in q] + [()]"),
    ],
)
def test_comprehensions_have_no_needless_brackets(line: str, printed: str) -> None:
    assert printing.to_text(ast.parse(line)) == printed + "\n"


def test_windows_inside_of_an_array_have_a_length_that_is_known() -> None:
    def windows(x: Any, w: Any) -> Any:
        s = 0.0
        for i in range(1, len(x) - len(w) + 2):
            s += np.sum(x[i - 1 : i - 1 + len(w)] * w) ** 2
        return s

    source = grad(windows, argnums=(0, 1)).source_for(np.ones(5), np.ones(3))
    assert "def " not in source.replace("def windows", "")  # no helper that sums over axes at run time


@pytest.mark.parametrize(
    "line",
    [
        f"    {', '.join(f'value_{k}' for k in range(30))} = tape",
        "    y = " + " + ".join(f"a_long_name_{k} * another_{k}" for k in range(9)),
        "    return " + ", ".join(f"f(a_long_name_{k}, {k})" for k in range(12)),
        "    if " + " and ".join(f"condition_{k} > {k}" for k in range(12)) + ":",
        "    x_bar[some_index] += f(" + ", ".join(f"g(argument_number_{k})" for k in range(12)) + ")",
        "    raise ValueError('" + "x" * 80 + "')",
    ],
)
def test_wrap(line: str) -> None:
    """Long lines are broken where brackets allow it, and mean the same."""
    wrapped = printing.wrap(line)
    assert max(map(len, wrapped.splitlines())) < 100

    def parsed(text: str) -> str:
        return ast.dump(ast.parse(f"def f():\n{text}" + (" pass" if text.endswith(":") else "")))

    assert parsed(wrapped) == parsed(line)


def test_trees_that_differ() -> None:
    def tree(text: str) -> ast.Module:
        return ast.parse(text)

    assert printing.same_tree(tree("a + b * 2.0"), tree("(a + (b*2.0))"))
    assert not printing.same_tree(tree("a + 0.0"), tree("a + -0.0"))
    assert not printing.same_tree(tree("a + 1"), tree("a + 1.0"))
    assert not printing.same_tree(tree("a + b + c"), tree("a + (b + c)"))


def unparsed(pairs: list[tuple[str, str]]) -> list[str]:
    sources = [(t, ast.parse(s, mode="eval").body) for t, s in pairs]
    return [ast.unparse(s).replace("(", "").replace(")", "") for s in moves.sequence(sources)]


def test_moves() -> None:
    assert unparsed([("a", "b"), ("b", "b + 1")]) == ["a = b", "b = b + 1"]
    assert unparsed([("a", "a"), ("b", "1")]) == ["b = 1"]
    assert unparsed([("a", "b"), ("b", "a")]) == ["a, b = b, a"]
    assert unparsed([("a", "b"), ("b", "a + c"), ("d", "a")]) == ["d = a", "a, b = b, a + c"]


def test_conditions_are_negated_exactly() -> None:
    def opposite(text: str) -> str:
        return ast.unparse(syntax.opposite(ast.parse(text, mode="eval").body))

    assert opposite("a == b") == "a != b"
    assert opposite("not a") == "a"
    assert opposite("len(a) <= 4") == "len(a) > 4"
    assert opposite("a < b") == "not a < b"  # with a NaN neither a < b nor a >= b


def test_ranges_backwards() -> None:
    def shifted(text: str, by: int) -> str:
        return ast.unparse(syntax.shifted(ast.parse(text, mode="eval").body, by))

    assert shifted("n", -1) == "n - 1"
    assert shifted("n - 1", -1) == "n - 2"
    assert shifted("n + 1", -1) == "n"
    assert shifted("5", -1) == "4"
    assert shifted("0", -1) == "-1"


def test_lengths_of_what_is_not_read_itself_are_tested() -> None:
    """The first array enters by its length alone; the test of it needs it unpacked."""
    a = np.array([[1.0, 2.0], [0.0, 1.0]])

    def f(pair):
        return np.sum(a @ pair[0])

    source = grad(f).source_for((np.ones(2), 1.0))
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    gradient = namespace["f_vjp"]((np.ones(2), 1.0))
    assert np.array_equal(gradient[0], a.sum(axis=0))
    with pytest.raises(ValueError, match="must equal"):
        namespace["f_vjp"]((np.ones(3), 1.0))
