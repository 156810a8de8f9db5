"""scipy.fft: every transform against finite differences in both modes and at second order; its values are SciPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, value_and_grad
from adcompile.errors import CompileError

fft = pytest.importorskip("scipy.fft")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
V, W = RNG.normal(size=5), RNG.normal(size=5)
NORMS = ("backward", "ortho", "forward")


def power(z: Any) -> Any:
    """A number that all parts of a transform change."""
    return np.sum(np.abs(z) ** 2 * np.cos(np.arange(np.size(z)).reshape(np.shape(z)))) + np.sum(np.real(z)) ** 2


def along_one(x: Any, y: Any) -> Any:
    z = x + 1j * y
    a = power(fft.fft(z, axis=0)) + power(fft.ifft(x, n=6, norm="ortho")) + power(fft.fft(z, 3))
    return a + power(fft.rfft(x, workers=1)) + power(fft.rfft(y, 5, axis=0)) + power(fft.ifft(z, axis=0))


def back_to_real(x: Any, y: Any) -> Any:
    z = x + 1j * y
    return power(fft.irfft(z)) + power(fft.irfft(z, 5, norm="forward")) + power(fft.irfft(z, axis=0, norm="ortho"))


def along_several(x: Any, y: Any) -> Any:
    z = x + 1j * y
    a = power(fft.fft2(z)) + power(fft.ifft2(z, norm="ortho")) + power(fft.fftn(x, axes=(1,)))
    b = power(fft.rfft2(x, norm="ortho")) + power(fft.rfftn(y, axes=(1, 0))) + power(fft.ifftn(z, axes=0))
    return a + b + power(fft.irfft2(z)) + power(fft.irfftn(z, axes=(0,), norm="forward"))


@pytest.mark.parametrize("f", [along_one, back_to_real, along_several])
def test_fourier_transforms(f: Callable[..., Any]) -> None:
    check_grads(f, X, Y, order=2)
    assert value_and_grad(f)(X, Y)[0] == f(X, Y)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_cosine_and_sine_transforms(kind: int, norm: str) -> None:
    def f(v: Any, x: Any) -> Any:
        a = np.sum(fft.dct(v, kind, norm=norm) ** 3 * W) + np.sum(fft.dst(v, kind, norm=norm) ** 2 * W)
        b = np.sum(fft.idct(x, kind, axis=0, norm=norm) ** 2 * Y)
        return a + b + np.sum(fft.idst(x, kind, axis=1, norm=norm) ** 3 * Y)

    check_grads(f, V, X, order=2)
    assert value_and_grad(f)(V, X)[0] == f(V, X)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_transforms_along_several_axes(kind: int, norm: str) -> None:
    def f(x: Any) -> Any:
        a = np.sum(fft.dctn(x, kind, norm=norm) ** 3 * Y) + np.sum(fft.dstn(x, kind, axes=(1,), norm=norm) ** 2 * Y)
        b = np.sum(fft.idctn(x, kind, axes=[0, 1], norm=norm) ** 2 * Y)
        return a + b + np.sum(fft.idstn(x, kind, norm=norm) ** 3 * Y)

    check_grads(f, X)
    assert value_and_grad(f)(X)[0] == f(X)


def test_single_precision() -> None:
    assert grad(lambda x: np.sum(fft.dct(x) ** 2 + np.abs(fft.fft(x))))(V.astype(np.float32)).dtype == np.float32


def test_the_source_is_short() -> None:
    source = grad(lambda x: np.sum(fft.dct(x, norm="ortho") ** 2)).source_for(V)
    assert source.startswith("import scipy.fft\nimport numpy as np\n")
    assert "scipy.fft.dct(" in source
    assert source.count("scipy.fft.dct(") == 2


def padded(x: Any) -> Any:
    return np.sum(fft.dct(x, n=7))


def test_other_lengths_of_cosine_transforms_are_refused() -> None:
    with pytest.raises(CompileError, match="`n` is not supported") as error:
        grad(padded)(V)
    assert error.value.line == padded.__code__.co_firstlineno + 1
