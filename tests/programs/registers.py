"""What lives outside of the function and is changed in it."""

import os

import numpy as np

from tests.programs.registry import program

X = np.array([0.5, 1.2, -0.7, 2.1])

COUNT = 0
LAST = None
LOG = []
SEEN = set()
TABLES = {}
STATISTICS = {"calls": 0}


class Layer:
    made = 0
    calls = {}

    def __init__(self, w):
        self.w = w
        type(self).made += 1

    def __call__(self, v):
        Layer.calls["all"] = Layer.calls.get("all", 0) + 1
        return np.tanh(self.w * v)


def closure():
    calls, history = 0, []

    def counted(x):
        nonlocal calls
        calls += 1
        s = np.sum(x**2)
        history.append(float(s))
        return s * (1.0 if calls > 0 else 2.0)

    return counted


def bump(k):
    global COUNT
    COUNT += k


@program(X, alone=False, again=False)
def counts_in_globals(x):
    global COUNT, LAST
    s = 0.0
    for i, v in enumerate(x):
        COUNT += 1
        bump(i)
        s += v * v * (1.0 if COUNT > 0 else 3.0)
    LAST = s
    return s


@program(X, alone=False, again=False)
def logs(x):
    s = 0.0
    for i, v in enumerate(x):
        s = s * 0.5 + v * v
        LOG.append((i, v))
        if i not in SEEN:
            SEEN.add(i)
    y = x**2
    LOG.append(y)
    LOG.extend([1.0, s])
    STATISTICS["calls"] += 1
    return s + np.sum(y) * (2.0 if len(LOG) > 3 else 1.0)


@program(X, alone=False, again=False)
def tables_made_once(x):
    n = len(x)
    if n not in TABLES:
        TABLES[n] = np.arange(n) * 2.0
    if TABLES.get("scale") is None:
        TABLES["scale"] = 1.5
    weights = np.reshape(TABLES[n], (n,))
    return np.sum(x**2 * weights) * float(TABLES["scale"])


@program(X, alone=False, again=False)
def counts_in_classes(x):
    layer = Layer(x)
    return np.sum(layer(0.5)) * (1.0 if Layer.made > 0 else 2.0)


program(X, alone=False, again=False, name="counts_in_closures")(closure())


@program(0.7)
def reads_the_environment(x):
    mode, missing = os.environ.get("ADCOMPILE_NO_SUCH_VARIABLE", "slow"), os.getenv("ADCOMPILE_NO_SUCH_VARIABLE")
    scale = float(os.environ.get("ADCOMPILE_NO_SUCH_VARIABLE", "2.5"))
    y = x * scale if missing is None else x**3
    if mode == "slow" and not missing:
        y = y * x
    return y * len(mode)
