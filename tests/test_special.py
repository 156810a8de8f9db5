"""scipy.special: every row against finite differences, in both modes; the table is loaded only when it is used."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, elementwise_grad, grad, hvp, value_and_grad
from adcompile.errors import CompileError

special = pytest.importorskip("scipy.special")
rows = pytest.importorskip("adcompile.rules.scipy.special")

POSITIVE, UNIT = np.array([0.5, 1.2, 2.2, 0.9]), np.array([0.2, 0.4, 0.6, 0.9])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])

# The orders of functions that take whole numbers only.
WHOLE = ("expn", "yn", "kn", "pdtr", "eval_hermite", "eval_hermitenorm", "lpmv", "bdtr", "bdtrc", "nbdtr")


@pytest.mark.parametrize("head", rows.ROWS)
def test_rows(head: str) -> None:
    """Every row by finite differences, in the arguments that have a derivative; the others are refused."""
    name, _, names = head.removesuffix(")").partition("(")
    f, partials = getattr(special, name), rows.ROWS[head]
    first = [2 if name in WHOLE else POSITIVE + 1.0 for _ in names.split(", ")[1:]]
    args = [*first, -UNIT if name == "ndtri_exp" else UNIT]
    active = [k for k, p in enumerate(partials) if p != rows.NONE]

    def total(*xs: Any) -> Any:
        given = list(args)
        for k, x in zip(active, xs, strict=True):
            given[k] = x
        return np.sum(np.real(f(*given)) * UNIT)

    check_grads(total, *[args[k] for k in active])


def sums(x: Any) -> Any:
    a = special.logsumexp(x) + np.sum(special.logsumexp(x, axis=1) ** 2)
    b = np.sum(special.softmax(x, axis=1) * M) + np.sum(special.log_softmax(x, axis=0) * M)
    return a + b + np.sum(special.logsumexp(x, axis=0, keepdims=True) * x)


def test_sums_of_exponentials() -> None:
    check_grads(sums, M, order=2)
    value, _ = value_and_grad(sums)(M)
    assert value == sums(M)


def weighted(x: Any, b: Any) -> Any:
    a = special.logsumexp(x, axis=1, b=b, keepdims=True) * x
    return np.sum(a) + special.logsumexp(x, b=b[0])


def test_sums_of_exponentials_with_weights() -> None:
    check_grads(weighted, M, POSITIVE + 0.0 * M, order=2)
    value, _ = value_and_grad(weighted)(M, POSITIVE + 0.0 * M)
    assert value == weighted(M, POSITIVE + 0.0 * M)


def test_functions_themselves() -> None:
    for f, x in ((special.erf, 0.3), (special.expit, -0.7), (special.gammaln, 2.5)):
        check_grads(f, x, order=2)
    x = np.array([0.2, 1.4])
    np.testing.assert_allclose(elementwise_grad(special.erf)(x), 2.0 / np.sqrt(np.pi) * np.exp(-(x**2)))
    copy = pickle.loads(pickle.dumps(grad(special.erf)))
    assert copy(0.3) == grad(special.erf)(0.3)


def test_second_derivatives() -> None:
    check_grads(lambda x: np.sum(special.gammaln(x) + special.i1(x) * special.erf(x)), POSITIVE, order=2)


def test_single_precision() -> None:
    found = grad(lambda x: np.sum(special.expit(x) * special.erf(x)))(POSITIVE.astype(np.float32))
    assert found.dtype == np.float32


def of_order(v: float) -> Any:
    return special.iv(v, 1.5)


def test_orders_have_no_derivative() -> None:
    with pytest.raises(CompileError, match="no derivative in this argument") as error:
        grad(of_order)(0.5)
    assert error.value.line == of_order.__code__.co_firstlineno + 1


def polynomials(x: Any) -> Any:
    n = np.arange(4)
    a = special.eval_legendre(n, x) * special.eval_hermite(n, x) + special.eval_chebyt(n, x) ** 2
    return np.sum(a + special.eval_chebyu(n, x) * special.eval_hermitenorm(n, x) + special.eval_laguerre(n, x))


def test_polynomials_of_all_degrees() -> None:
    check_grads(polynomials, UNIT, order=2)


def several(x: Any) -> Any:
    a = special.ellipj(x, 0.3)
    b = special.spherical_jn(2, x) * special.spherical_yn(1, x) + special.spherical_in(1, x, derivative=True)
    return np.sum(a[0] * a[1] + a[2] ** 2 * a[3]) + np.sum(b * special.spherical_kn(2, x, True))


def test_elliptic_and_spherical_functions() -> None:
    check_grads(several, UNIT, order=2)
    value, _ = value_and_grad(several)(UNIT)
    assert value == several(UNIT)
    with pytest.raises(CompileError, match="no derivative in `m`"):
        grad(lambda m: special.ellipj(0.5, m)[0])(0.3)


def of_lambert(x: Any, y: Any) -> Any:
    return np.sum(np.abs(special.lambertw(x + 1j * y, 1)) ** 2 + np.real(special.lambertw(x)) * UNIT)


def test_lamberts_function() -> None:
    check_grads(of_lambert, POSITIVE, UNIT, order=2)


def of_complex(x: Any, y: Any) -> Any:
    z = x + 1j * y
    return np.sum(np.abs(special.erf(z) + special.loggamma(z) * special.dawsn(z)) ** 2)


def test_complex_arguments() -> None:
    check_grads(of_complex, POSITIVE, UNIT)


def test_zeta() -> None:
    check_grads(lambda x: np.sum(special.zeta(2.5, x) * UNIT), POSITIVE)


def test_the_source_imports_scipy() -> None:
    source = grad(lambda x: special.gammaln(x)).source_for(0.5)
    assert source.startswith("import scipy.special\nimport numpy as np\n")


def test_the_table_is_loaded_when_it_is_used() -> None:
    code = "import sys, adcompile; adcompile.grad(abs)(2.0); print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name, parts", [("airy", 4), ("sici", 2), ("shichi", 2), ("fresnel", 2)])
def test_functions_with_several_results(name: str, parts: int) -> None:
    f = getattr(special, name)

    def total(x: Any) -> Any:
        found = f(x)
        return np.sum(sum(found[k] ** 2 * (k + 1.0) for k in range(parts)) * UNIT)

    check_grads(total, POSITIVE, order=1)
    check_grads(lambda x: f(x)[0] * x, 0.7)
    value, _ = value_and_grad(total)(POSITIVE)
    assert value == total(POSITIVE)
    direction = np.array([0.3, -1.0, 0.7, 0.2])
    found = (grad(total)(POSITIVE + 1e-6 * direction) - grad(total)(POSITIVE - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(hvp(total, (POSITIVE,), (direction,)), found, rtol=1e-5)


def test_integrals_at_zero() -> None:
    assert grad(lambda x: special.sici(x)[0] + special.shichi(x)[0])(0.0) == 2.0
