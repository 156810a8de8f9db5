"""Every program of the collection: its value, both modes, second order, and its emitted source on its own."""

from __future__ import annotations

import ast
import enum
import functools
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adcompile import from_source, grad, jvp, value_and_grad, vjp
from adcompile.errors import CompileError
from tests import oracle
from tests.programs import PROGRAMS, Program
from tests.programs.closures import CALLABLES

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

each_program = pytest.mark.parametrize("program", PROGRAMS, ids=repr)


def returns_one_number(program: Program) -> bool:
    value = program.function(*oracle.copied(program.args))
    return isinstance(value, float | np.floating) or (isinstance(value, np.ndarray) and value.ndim == 0)


SCALAR = [p for p in PROGRAMS if returns_one_number(p)]


@pytest.fixture(autouse=True)
def clean_cache_and_verified_passes(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("ADCOMPILE_VERIFY", "1")


def refusals(check: Callable[..., None]) -> Callable[..., None]:
    """Accept a refusal of a program that may be refused, if it points at a line."""

    @functools.wraps(check)
    def checked(program: Program, **fixtures: Any) -> None:
        try:
            check(program, **fixtures)
        except CompileError as error:
            if not program.refusable:
                raise
            assert error.line is not None
            assert error.column is not None
            pytest.xfail("refused: " + error.message)

    return checked


def bound(program: Program) -> Callable[..., Any]:
    """Return the program as a function of its differentiated arguments alone."""
    names = list(inspect.signature(program.function).parameters)
    static = {names[i]: a for i, a in enumerate(program.args) if i not in program.wrt}
    return functools.partial(program.function, **static) if static else program.function


def active(program: Program) -> tuple[Any, ...]:
    """Return fresh copies of the differentiated arguments."""
    return tuple(oracle.copied(program.args[i]) for i in program.wrt)


def tolerance(program: Program) -> float:
    leaves = oracle.leaves(program.args)
    single = any(isinstance(x, np.ndarray | np.generic) and x.dtype in (np.float32, np.complex64) for x in leaves)
    return 2e-5 if single else 2e-7


def assert_same_bits(got: Any, want: Any) -> None:
    """Compare two values down to the last bit."""
    left, right = list(oracle.leaves(got)), list(oracle.leaves(want))
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), f"{a!r} is not {b!r}"


@functools.cache
def jacobian(program: Program) -> np.ndarray:
    return oracle.jacobian(program.function, program.args, program.wrt)


@each_program
@refusals
def test_forward_mode(program: Program) -> None:
    args, want = active(program), jacobian(program)
    out, _ = jvp(bound(program), args, oracle.unflat(args, np.zeros(want.shape[1]), keep_dtype=True))
    for k in range(want.shape[1]):
        unit = np.zeros(want.shape[1])
        unit[k] = 1.0
        tangents = oracle.unflat(args, unit, keep_dtype=True)
        _, out_dot = jvp(bound(program), args, tangents)
        assert oracle.close(oracle.flat(out_dot), want[:, k], tolerance(program)), (
            f"column {k}: {oracle.flat(out_dot)} instead of {want[:, k]}"
        )
    assert_same_bits(args, active(program))
    assert_same_bits(out, program.function(*oracle.copied(program.args)))


@each_program
@refusals
def test_reverse_mode(program: Program) -> None:
    args, want = active(program), jacobian(program)
    out, pullback = vjp(bound(program), *args)
    assert_same_bits(out, program.function(*oracle.copied(program.args)))
    generator = np.random.default_rng(7)
    for _ in range(2):
        u = generator.standard_normal(want.shape[0])
        got = pullback(oracle.unflat(out, u, keep_dtype=True))
        assert_like(got, args)
        product = oracle.conjugate(args, oracle.conjugate(out, u) @ want)
        assert oracle.close(oracle.flat(got), product, tolerance(program)), f"{oracle.flat(got)} instead of {product}"
    assert_same_bits(args, active(program))


def assert_like(gradient: Any, args: Any) -> None:
    """A gradient has the structure, shapes and dtypes of the argument."""
    left, right = list(oracle.leaves(gradient)), list(oracle.leaves(args))
    assert [np.shape(a) for a in left] == [np.shape(b) for b in right]
    want = [np.asarray(b).dtype if not isinstance(b, int) else np.dtype(float) for b in right]
    assert [np.asarray(a).dtype for a in left] == want


@pytest.mark.parametrize("program", SCALAR, ids=repr)
@refusals
def test_gradient(program: Program) -> None:
    args = oracle.copied(program.args)
    value, gradient = value_and_grad(program.function, argnums=program.wrt)(*args)
    assert_same_bits(value, program.function(*oracle.copied(program.args)))
    assert_same_bits(args, program.args)
    want = oracle.conjugate(active(program), jacobian(program)[0])
    assert oracle.close(oracle.flat(gradient), want, tolerance(program)), f"{oracle.flat(gradient)} instead of {want}"


def last_function(source: str) -> str:
    """Return the name of the function that an emitted module is for."""
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)][-1]


def emitted_again(program: Program) -> Any:
    source = grad(program.function, argnums=program.wrt).source_for(*oracle.copied(program.args))
    return from_source(source, last_function(source))


@pytest.mark.parametrize("program", [p for p in SCALAR if not p.again], ids=repr)
def test_emitted_source_that_is_not_accepted_is_refused(program: Program) -> None:
    again = emitted_again(program)
    args = oracle.copied(program.args)
    tangents = oracle.unflat(active(program), np.ones(oracle.flat(active(program)).size), keep_dtype=True)
    names = list(inspect.signature(program.function).parameters)
    static = {names[i]: a for i, a in enumerate(args) if i not in program.wrt}
    with pytest.raises(CompileError):
        jvp(functools.partial(again, **static), active(program), tangents)


@pytest.mark.parametrize("program", [p for p in SCALAR if p.second and p.again], ids=repr)
@refusals
def test_forward_over_emitted_reverse(program: Program) -> None:
    """The emitted source is compiled once more; its directional derivative is a Hessian times a vector."""
    derivative = grad(program.function, argnums=program.wrt)
    source = derivative.source_for(*oracle.copied(program.args))
    again = from_source(source, last_function(source))
    names = list(inspect.signature(program.function).parameters)
    static = {names[i]: a for i, a in enumerate(program.args) if i not in program.wrt}
    args = active(program)
    direction = np.cos(np.arange(oracle.flat(args).size) + 1.0)
    tangents = oracle.unflat(args, direction, keep_dtype=True)
    _, got = jvp(functools.partial(again, **static), args, tangents)
    start, like = oracle.flat(args), oracle.doubled(args)

    def gradient(h: float) -> np.ndarray:
        moved = iter(oracle.unflat(like, start + h * direction))
        call = [next(moved) if i in program.wrt else oracle.copied(a) for i, a in enumerate(program.args)]
        return oracle.flat(derivative(*call))

    want = oracle.derivative(gradient)
    assert oracle.close(oracle.flat(got), want, 20 * tolerance(program)), f"{oracle.flat(got)} instead of {want}"


MODULES = ("math", "cmath", "random", "time", "os", "logging", "statistics", "decimal", "fractions")
COMMON = ("import numpy as np", *(f"import {m}" for m in MODULES))

ALONE = """
import pickle, sys, io, contextlib, warnings
sys.modules["adcompile"] = None
warnings.simplefilter("ignore")
results = {}
for name, source, function, args in pickle.load(sys.stdin.buffer):
    try:
        namespace = {"__name__": "emitted"}
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, name, "exec"), namespace)
            results[name] = namespace[function](*args)
    except BaseException as error:
        results[name] = repr(error)
pickle.dump(results, sys.stdout.buffer)
"""


def plain(value: Any) -> Any:
    """Return arguments without their classes, which another process cannot know."""
    if isinstance(value, enum.Enum | FunctionType):
        return None  # known when compiling, and not read
    if type(value) in (tuple, list):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return SimpleNamespace(**{k: plain(v) for k, v in vars_of(value).items()}) if oracle.is_record(value) else value


def vars_of(value: Any) -> dict[str, Any]:
    return {k: getattr(value, k) for k in oracle.attributes(value)}


@pytest.fixture(scope="session")
def run_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run every emitted source in one process that cannot import the package."""
    jobs = []
    for program in SCALAR:
        if not program.alone:
            continue
        try:
            source = grad(program.function, argnums=program.wrt).source_for(*oracle.copied(program.args))
        except Exception:  # the tests of the program itself tell what is wrong
            continue
        jobs.append((program.name, source, last_function(source), plain(program.args)))
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE],
        input=pickle.dumps(jobs),
        stdout=subprocess.PIPE,
        cwd=tmp_path_factory.mktemp("alone"),
        check=True,
    )
    yield pickle.loads(done.stdout)


@pytest.mark.parametrize("program", [p for p in SCALAR if p.alone], ids=repr)
@refusals
def test_emitted_source_runs_alone(program: Program, run_alone: dict[str, Any]) -> None:
    derivative = grad(program.function, argnums=program.wrt)
    source = derivative.source_for(*oracle.copied(program.args))
    assert all(line in COMMON for line in imports(source))
    assert max(map(len, source.splitlines())) <= 100
    got = run_alone[program.name]
    assert not isinstance(got, str), got
    assert_same_bits(got, derivative(*oracle.copied(program.args)))


def imports(source: str) -> list[str]:
    nodes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)]
    return [ast.unparse(n) for n in nodes]


@pytest.mark.parametrize("name", CALLABLES)
def test_other_callables(name: str) -> None:
    function, args = CALLABLES[name]
    want = oracle.jacobian(function, args, tuple(range(len(args))))[0]
    value, got = value_and_grad(function, argnums=tuple(range(len(args))))(*args)
    assert_same_bits(value, function(*args))
    assert oracle.close(oracle.flat(got), want, 2e-7)


def test_sources_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    """Two processes with different hash seeds emit the same text for every program."""
    script = (
        "import sys, hashlib\n"
        "from tests import oracle\n"
        "from tests.programs import PROGRAMS\n"
        "from adcompile import grad\n"
        "for p in PROGRAMS:\n"
        "    try:\n"
        "        text = grad(p.function, argnums=p.wrt).source_for(*oracle.copied(p.args))\n"
        "    except Exception as error:\n"
        "        text = type(error).__name__\n"
        "    print(p.name, hashlib.sha256(text.encode()).hexdigest())\n"
    )
    root = Path(__file__).parent.parent
    texts = []
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "ADCOMPILE_CACHE_DIR": str(tmp_path / seed)}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script], cwd=root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        texts.append(done.stdout)
    assert texts[0] == texts[1]
