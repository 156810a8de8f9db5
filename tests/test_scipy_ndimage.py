"""scipy.ndimage: linear filters with every mode, against finite differences in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, hvp, vjp
from adcompile.errors import CompileError

ndimage = pytest.importorskip("scipy.ndimage")

rng = np.random.default_rng(0)
A, V = rng.normal(size=(4, 5)), rng.normal(size=7)
MODES = ("reflect", "mirror", "nearest", "wrap", "constant", "grid-mirror", "grid-wrap", "grid-constant")


def same(f: Any, *args: Any) -> None:
    check_grads(f, *args)
    assert np.array_equal(vjp(f, *args)[0], f(*args))


def of_all_axes(f: Any, mode: str, origin: Any) -> Any:
    return lambda x, w: f(x, w, mode=mode, cval=0.7, origin=origin)


def of_one_axis(f: Any, axis: int, mode: str, origin: int) -> Any:
    return lambda x, w: f(x, w, axis, mode=mode, cval=0.7, origin=origin)


@pytest.mark.parametrize("name", ["correlate", "convolve"])
@pytest.mark.parametrize("mode", MODES)
def test_weights(name: str, mode: str) -> None:
    for shape, origin in (((3, 3), 0), ((2, 3), 0), ((3, 4), (1, -1)), ((1, 2), (0, -1))):
        same(of_all_axes(getattr(ndimage, name), mode, origin), A, rng.normal(size=shape))
    for n, axis, origin in ((3, 0, 0), (4, 1, 1), (2, -1, -1), (5, 1, 2)):
        same(of_one_axis(getattr(ndimage, f"{name}1d"), axis, mode, origin), A, rng.normal(size=n))


@pytest.mark.parametrize("mode", MODES)
def test_smoothing(mode: str) -> None:
    same(lambda x: ndimage.gaussian_filter(x, (0.6, 1.1), mode=mode, cval=0.7, truncate=2.0), A)
    same(lambda x: ndimage.gaussian_filter(x, 0.8, order=(0, 1), mode=mode) * x, A)
    same(lambda x: ndimage.gaussian_filter1d(x, 0.7, 0, 1, mode=mode) * ndimage.gaussian_filter1d(x, 1.0, radius=2), A)
    same(lambda x: ndimage.uniform_filter(x, (2, 3), mode=mode, cval=0.7, origin=(0, 1)), A)
    same(lambda x: ndimage.uniform_filter1d(x, 4, mode=mode, origin=-1), V)


def test_modes_and_sizes_of_each_axis() -> None:
    same(lambda x: ndimage.gaussian_filter(x, [0.0, 0.9], mode=["wrap", "nearest"], radius=[1, 2]), A)
    same(lambda x: ndimage.uniform_filter(x, 3, mode=("mirror", "constant")), A)
    same(lambda x: ndimage.gaussian_filter(x, 0.8, axes=(0,)), A)


@pytest.mark.parametrize("name", ["sobel", "prewitt", "laplace"])
def test_derivatives_of_images(name: str) -> None:
    same(lambda x: getattr(ndimage, name)(x, mode="nearest"), A)


def test_second_order() -> None:
    def f(x: Any) -> Any:
        a = ndimage.gaussian_filter(x, 0.9) ** 3 + ndimage.uniform_filter(x, 2) ** 2
        return np.sum(a + ndimage.correlate(x, A[:3, :2], mode="mirror") ** 2 * ndimage.convolve1d(x**2, V[:3]))

    direction = rng.normal(size=A.shape)
    first = grad(f)
    found = (first(A + 1e-6 * direction) - first(A - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(hvp(f, (A,), (direction,)), found, rtol=1e-5, atol=1e-7)


def test_what_has_no_rule_is_refused() -> None:
    with pytest.raises(CompileError, match="maximum_filter"):
        grad(lambda x: np.sum(ndimage.maximum_filter(x, 3)))(A)
