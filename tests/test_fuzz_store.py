"""Random programs: every pass, and every way to store, computes the same, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from adcompile import from_source, grad, jvp
from adcompile.errors import CompileError
from adcompile.ir.core import Function
from adcompile.ir.verify import verify
from adcompile.opt import CLEAN, clean
from adcompile.transforms import forward, reverse, store
from tests import interpret, random_programs
from tests.fuzz import stores
from tests.stages import from_text, lowered, same_results

POLICIES: tuple[store.Policy, ...] = ("cheapest", "undo", "tape")

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def check_passes(fn: Function, *args: object) -> None:
    """Compare the function before and after each pass, and each way to store, cleaned before and after or not."""
    verify(fn)
    cleaned = fn
    for run in CLEAN * 2:
        cleaned = run(cleaned)
        verify(cleaned)
        assert same_results(fn, cleaned, *args)
    for before in (fn, cleaned):
        for policy in POLICIES:
            after = store.run(before, policy)
            verify(after, stored=True)
            assert same_results(fn, after, *args)
            after = clean(after)
            verify(after, stored=True)
            assert same_results(fn, after, *args)


@pytest.mark.parametrize("seed", range(40))
def test_programs_with_a_random_mirror(seed: int) -> None:
    check_passes(random_programs.make(seed), *random_programs.ARGUMENTS)


def differences(f: Callable[..., float], x: np.ndarray, n: int, step: float) -> np.ndarray:
    directions = step * np.eye(len(x))
    return np.array([(f((x + d).copy(), n) - f((x - d).copy(), n)) / (2 * step) for d in directions])


def smooth(f: Callable[..., float], x: np.ndarray, n: int) -> np.ndarray | None:
    """Return the gradient by differences, or None where the function jumps or grows too much to tell."""
    try:
        gradients = [differences(f, x, n, step) for step in (1e-6, 1e-5)]
    except (ArithmeticError, IndexError, NameError):
        return None
    agree = np.allclose(*gradients, rtol=1e-3, atol=1e-5) and np.all(np.isfinite(gradients[0]))
    return gradients[0] if agree and np.abs(gradients[0]).max() < 1e5 else None


def lowered_source(seed: int) -> tuple[Callable[..., float], Function, tuple[object, ...]]:
    """Lower a random function; skip it if it is refused (views that only at run time are known to overlap)."""
    f = from_text(stores.write(seed))
    try:
        fn, wrt = lowered(f, x=np.array(stores.X), n=3)
    except CompileError:
        pytest.skip("refused")
    return f, clean(fn), wrt


@pytest.mark.parametrize("seed", range(60))
def test_gradients_of_random_functions(seed: int) -> None:
    f, fn, wrt = lowered_source(seed)
    x, n = np.array(stores.X), 3
    expected = smooth(f, x, n)
    if expected is None:
        pytest.skip("not smooth")
    both = reverse.run(fn, wrt, [0], True)
    value, gradient = interpret.run(both, x, n, 1.0)
    assert value == f(x.copy(), n)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)
    check_passes(both, x, n, 1.0)


@pytest.mark.parametrize("order", ["reverse forward", "forward reverse", "forward reverse forward"])
@pytest.mark.parametrize("seed", range(100, 110))
def test_higher_orders_of_random_functions(seed: int, order: str) -> None:
    _, fn, wrt = lowered_source(seed)
    args: list[object] = [np.array(stores.X), 3]
    for mode in order.split():
        if mode == "reverse":
            fn = reverse.run(fn, wrt, [len(fn.outs) - 1], True)
            args.append(1.0)
        else:
            fn = forward.run(fn, wrt)
            args.append(np.array([0.3, -0.2, 0.9, 0.1, 0.5]))
    check_passes(fn, *args)


@pytest.mark.parametrize("seed", [25, 54, 62, 104, 137, 3279, 30010])
def test_emitted_sources_of_random_functions_are_input(seed: int) -> None:
    """Lists that grow on some paths only, arrays exchanged on a branch, views that die before a store."""
    f = from_text(stores.write(seed))
    x, direction = np.array(stores.X), np.array([0.3, -0.2, 0.9, 0.1, 0.5])
    source = grad(f).source_for(x, 3)
    again = from_source(source, f"{f.__name__}_vjp")
    gradient, hessian_times_v = jvp(partial(again, n=3), (x,), (direction,))
    np.testing.assert_array_equal(gradient, grad(f)(x, 3))
    step = 1e-6
    expected = (grad(f)(x + step * direction, 3) - grad(f)(x - step * direction, 3)) / (2 * step)
    np.testing.assert_allclose(hessian_times_v, expected, rtol=1e-4, atol=1e-4)
