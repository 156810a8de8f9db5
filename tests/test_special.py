"""scipy.special: every row against finite differences, in both modes; the table is loaded only when it is used."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, value_and_grad
from adcompile.errors import CompileError

special = pytest.importorskip("scipy.special")

POSITIVE, UNIT = np.array([0.5, 1.2, 2.2, 0.9]), np.array([0.2, 0.4, 0.6, 0.9])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])

ONE = (
    *("erf", "erfc", "erfcx", "expit", "log_expit", "gamma", "gammaln", "loggamma", "rgamma", "psi", "digamma", "ndtr"),
    *("log_ndtr", "entr", "i0", "i1", "i0e", "j0", "j1", "y0", "k0", "exp10", "cosm1"),
)
INSIDE = ("erfinv", "erfcinv", "logit", "ndtri")
TWO = ("beta", "betaln", "xlogy", "xlog1py", "rel_entr", "kl_div")


@pytest.mark.parametrize("name", [*ONE, *INSIDE])
def test_functions_of_one_number(name: str) -> None:
    f = getattr(special, name)
    check_grads(lambda x: np.sum(f(x) * UNIT), UNIT if name in INSIDE else POSITIVE)


@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_numbers(name: str) -> None:
    f = getattr(special, name)
    check_grads(lambda x, y: np.sum(f(x, y) * UNIT), POSITIVE, UNIT)


def sums(x: Any) -> Any:
    a = special.logsumexp(x) + np.sum(special.logsumexp(x, axis=1) ** 2)
    b = np.sum(special.softmax(x, axis=1) * M) + np.sum(special.log_softmax(x, axis=0) * M)
    return a + b + np.sum(special.logsumexp(x, axis=0, keepdims=True) * x)


def test_sums_of_exponentials() -> None:
    check_grads(sums, M, order=2)
    value, _ = value_and_grad(sums)(M)
    assert value == sums(M)


def test_second_derivatives() -> None:
    check_grads(lambda x: np.sum(special.gammaln(x) + special.i1(x) * special.erf(x)), POSITIVE, order=2)


def test_single_precision() -> None:
    found = grad(lambda x: np.sum(special.expit(x) * special.erf(x)))(POSITIVE.astype(np.float32))
    assert found.dtype == np.float32


def of_order(v: float) -> Any:
    return special.iv(v, 1.5)


def test_orders_have_no_derivative() -> None:
    with pytest.raises(CompileError, match="first argument"):
        grad(of_order)(0.5)


def test_the_source_imports_scipy() -> None:
    source = grad(lambda x: special.gammaln(x)).source_for(0.5)
    assert source.startswith("import scipy.special\nimport numpy as np\n")


def test_the_table_is_loaded_when_it_is_used() -> None:
    code = "import sys, adcompile; adcompile.grad(abs)(2.0); print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
