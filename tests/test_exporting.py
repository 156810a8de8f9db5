"""Exported modules: they stand alone, test themselves, and are written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from adcompile import ArgumentError, DerivativeMismatch, custom_vjp, export, export_function, grad, value_and_grad

X = np.array([0.3, -1.2, 0.7])
W = np.array([1.0, 2.0, 3.0])


def loss(w, params, n):
    """The loss.

    It has a \\ in it.
    """
    s = 0.0
    for i in range(n):
        s = s + np.sum(np.sin(w * params["a"] * i) * W)
    return s + params["b"][0] ** 2


def factorial_like(n, x):
    return x if n <= 1 else np.sin(x) * factorial_like(n - 1, x)


def swapped(p, n):
    return p["a"] * p["b"] if n == 0 else swapped({"a": p["b"], "b": np.sin(p["a"])}, n - 1) + p["a"]


CASES = {
    "containers": (grad(loss, argnums=(0, 1)), (X, {"a": 2.0, "b": [3.0, 1.0]}, 4)),
    "single": (value_and_grad(loss), (X.astype(np.float32), {"a": 2.0, "b": [3.0]}, 4)),
    "auxiliary": (grad(lambda x: (np.sum(x**2), x), has_aux=True), (np.arange(1000.0),)),
    "recursion": (grad(factorial_like, argnums=1), (4, 0.3)),
    "recursion on a dict": (grad(swapped), ({"a": 0.3, "b": 0.4}, 2)),
    "guessed": (grad(lambda x: np.sum(x * 2)), ()),
    "variadic": (grad(lambda *xs: xs[0] * xs[1], argnums=1), (1.0, 2.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_modules_test_themselves(name, tmp_path):
    derivative, args = CASES[name]
    path = tmp_path / "out.py"
    export(derivative, path, *args)
    text = path.read_text()
    imported = {line for line in text.splitlines() if line.startswith(("import", "from"))}
    assert imported <= {"import numpy as np", "import math"}
    code = "import sys; sys.path.insert(0, sys.argv[1]); import out; out.self_test(); print(sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "adcompile" not in run.stdout


def test_as_a_script(tmp_path):
    path = tmp_path / "out.py"
    export(*CASES["containers"][:1], path, *CASES["containers"][1])
    run = subprocess.run([sys.executable, "-I", str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == "the derivative agrees with finite differences\n"
    namespace: dict[str, object] = {"__name__": "out"}
    exec(path.read_text(), namespace)
    args = CASES["containers"][1]
    assert namespace["loss"](*args) == loss(*args)
    np.testing.assert_array_equal(namespace["loss_vjp"](*args)[0], CASES["containers"][0](*args)[0])
    assert namespace["loss"].__doc__.startswith("The loss.\n\n    It has a \\ in it.")


def test_a_wrong_derivative_in_the_file_fails(tmp_path):
    path = tmp_path / "out.py"
    export(grad(lambda x: np.sum(np.sin(x))), path, X)
    path.write_text(path.read_text().replace("np.cos(x)", "np.cos(x) * 1.01"))
    run = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
    assert run.returncode != 0 and "the derivative is wrong" in run.stderr


def test_forward_mode(tmp_path):
    path = tmp_path / "out.py"
    export_function(lambda x, y: np.sin(x) * y, path, X, 2.0, mode="forward", wrt=(0, 1))
    namespace: dict[str, object] = {"__name__": "out"}
    exec(path.read_text(), namespace)
    namespace["self_test"]()
    value, dot = namespace["lambda__jvp"](X, 2.0, np.ones(3), 1.0)
    np.testing.assert_allclose(dot, np.cos(X) * 2.0 + np.sin(X))


def test_nothing_is_left_behind(tmp_path):
    @custom_vjp
    def wrong(x):
        return np.sin(x)

    wrong.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * np.cos(x) * 1.01,))
    path = tmp_path / "out.py"
    path.write_text("kept")
    with pytest.raises(DerivativeMismatch, match="is not exported"):
        export(grad(lambda x: wrong(x)), path, 1.0)
    with pytest.raises(ArgumentError, match="what grad or value_and_grad returned"):
        export(loss, path, X)
    with pytest.raises(ArgumentError, match="mode must be"):
        export_function(loss, path, X, mode="sideways")
    big = np.ones(2000)
    with pytest.raises(ArgumentError, match="`big` from outside"):
        export(grad(lambda x: np.sum(x * big)), path, big)
    with pytest.raises(OSError):
        export(grad(lambda x: x), tmp_path / "nowhere" / "out.py", 1.0)
    assert os.listdir(tmp_path) == ["out.py"] and path.read_text() == "kept"
