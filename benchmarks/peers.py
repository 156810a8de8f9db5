"""The same gradients by other tools, where they are installed.

Each function returns, for the name of a benchmark and its arguments, a call that computes value and gradient; or None
if the tool is not there or cannot differentiate the function.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import warnings
from collections.abc import Callable
from types import ModuleType

import numpy as np

from benchmarks import functions

Call = Callable[[], object]
WRT = {"perceptron": (0, 1, 2, 3)}
TRACED = {"sum_of_squares", "recurrence", "scan", "stack"}
LONGEST_TRACED_LOOP = 2_000


def tool(name: str) -> ModuleType | None:
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)
    return None


def working(make: Callable[..., Call | None], name: str, *args: object) -> Call | None:
    """Return the call that `make` builds if it can be made and run."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(open(os.devnull, "w")):
            warnings.simplefilter("ignore")
            call = make(name, *args)
            if call is not None:
                call()
    except Exception:  # whatever a peer raises means that it cannot do this one
        return None
    return call


def too_long(name: str, args: tuple[object, ...]) -> bool:
    """Tell whether a tool that records every scalar operation would need minutes."""
    length = args[1] if name == "recurrence" else np.size(args[0])
    return name in TRACED and isinstance(length, int) and length > LONGEST_TRACED_LOOP


def by_autograd(name: str, *args: object) -> Call | None:
    anp, ag = tool("autograd.numpy"), tool("autograd")
    if anp is None or ag is None or too_long(name, args):
        return None
    function = with_numpy(getattr(functions, name), anp)
    value_and_grad = ag.value_and_grad(function, WRT.get(name, 0))
    return lambda: value_and_grad(*args)


def with_numpy(function: Callable[..., object], module: ModuleType) -> Callable[..., object]:
    """Return the function with another module in the place of `np`."""
    kind = type(function)
    return kind(function.__code__, {**function.__globals__, "np": module}, function.__name__)  # type: ignore[attr-defined]


def by_jax(name: str, *args: object) -> Call | None:
    """Compiled by XLA, in double precision; loops as `lax.scan`. Waits for the result."""
    jx = tool("jax")
    if jx is None:
        return None
    jx.config.update("jax_enable_x64", True)
    loops = {"sum_of_squares": _jax_sum, "recurrence": _jax_recurrence, "scan": _jax_scan}
    function = loops[name] if name in loops else with_numpy(getattr(functions, name), jx.numpy)
    static = (1,) if name == "recurrence" else ()
    compiled = jx.jit(jx.value_and_grad(function, WRT.get(name, 0)), static_argnums=static)
    return lambda: jx.block_until_ready(compiled(*args))


def _jax_sum(x):
    from jax import lax

    return lax.scan(lambda s, v: (s + v * v, None), 0.0, x)[0]


def _jax_recurrence(x, n):
    from jax import lax

    return lax.scan(lambda y, _: (y + 0.001 * x * y * (1 - y), None), 0.3, None, length=n)[0]


def _jax_scan(x):
    from jax import lax

    return lax.scan(lambda a, v: (a * v, None), x[0], x[1:])[0]


def by_torch(name: str, *args: object) -> Call | None:
    """Eager, on the CPU, in double precision."""
    th = tool("torch")
    if th is None or name == "scan" or too_long(name, args):
        return None
    positions = range(len(WRT.get(name, (0,))))
    tensors = [th.tensor(a) if isinstance(a, np.ndarray) else a for a in args]
    if name == "recurrence":
        tensors[0] = th.tensor(args[0], dtype=th.float64)
    for i in positions:
        tensors[i].requires_grad_()
    function = {"temperature": _torch_temperature, "perceptron": _torch_perceptron}.get(name, getattr(functions, name))

    def call() -> object:
        for i in positions:
            tensors[i].grad = None
        value = function(*tensors)
        value.backward()
        return value, [tensors[i].grad for i in positions]

    return call


def _torch_temperature(params, t_u, t_c):
    w, b = params
    return ((w * t_u + b - t_c) ** 2).mean()


def _torch_perceptron(w1, b1, w2, b2, x, labels):
    import torch

    z = torch.tanh(x @ w1 + b1) @ w2 + b2
    return -(labels * torch.log_softmax(z, 1)).sum(1).mean()


def by_tangent(name: str, *args: object) -> Call | None:
    """Google's source-to-source tool, as tangent-ad keeps it alive."""
    tg = tool("tangent")
    if tg is None:
        return None
    function = {"temperature": _tangent_temperature, "scan": _tangent_scan, "perceptron": _tangent_perceptron}.get(
        name, getattr(functions, name)
    )
    with contextlib.redirect_stdout(None):
        gradient = tg.grad(function, wrt=WRT.get(name, (0,)), preserve_result=True)
    return lambda: gradient(*args)


def _tangent_temperature(params, t_u, t_c):
    w = params[0]
    b = params[1]
    d = w * t_u + b - t_c
    return np.mean(d * d)


def _tangent_scan(x):
    a = x * 1.0
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i]
    return a[len(x) - 1]


def _tangent_perceptron(w1, b1, w2, b2, x, labels):
    h = np.tanh(np.dot(x, w1) + b1)
    z = np.dot(h, w2) + b2
    z = z - np.max(z, 1, keepdims=True)
    log_p = z - np.log(np.sum(np.exp(z), 1, keepdims=True))
    return -np.mean(np.sum(labels * log_p, 1))


PEERS: dict[str, Callable[..., Call | None]] = {
    "autograd": by_autograd,
    "jax": by_jax,
    "torch": by_torch,
    "tangent": by_tangent,
}
