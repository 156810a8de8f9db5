"""Progress bars of tqdm around loops, and names of modules that are parameters too."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from adcompile import CompileError, check_grads, from_source, grad, value_and_grad

tqdm = pytest.importorskip("tqdm")
trange = tqdm.trange

X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])


def around_loops(x):
    s = 0.0
    bar = tqdm.tqdm(range(40), leave=False)
    for i in bar:
        s = s * 0.9 + x[i % 5] ** 2
        bar.set_postfix(loss=s, i=i)
        if i > 20:
            break
    for i, v in enumerate(tqdm.tqdm(x)):
        s += i * v
    for i, v in tqdm.tqdm(enumerate(x), "items", 5):
        s += i * v * v
    with tqdm.tqdm(total=4) as bar:
        for i in range(4):
            s *= x[i]
            bar.update()
    for i in trange(4, desc=f"{s:.2f}"):
        s += x[i] ** 3
    tqdm.tqdm.write(f"{s}")
    return s + sum(v * v for v in tqdm.tqdm(list(x)))


def test_bars_are_told_of_each_item(capsys: pytest.CaptureFixture[str]) -> None:
    value, _ = value_and_grad(around_loops)(X)
    ours = capsys.readouterr()
    assert value == around_loops(X)
    plain = capsys.readouterr()
    assert ours.out == plain.out
    assert ours.err.count("100%") == plain.err.count("100%")
    check_grads(around_loops, X)


def plain_loop(x):
    s = 0.0
    for v in tqdm.tqdm(x, disable=True):
        s += v * v
    return s


def test_the_loop_stays_a_loop() -> None:
    source = grad(plain_loop).source_for(X)
    assert source.count("for ") == 2, source
    assert "update(1)" in source and "close()" in source


def now() -> float:
    return time.perf_counter() + random.random()


def named_like_modules(x, time, random):
    return x * time * random + 0 * now()


def test_parameters_called_like_modules_that_are_called() -> None:
    gradient = grad(named_like_modules)
    assert gradient(2.0, 3.0, 5.0) == 15.0
    source = gradient.source_for(2.0, 3.0, 5.0)
    assert "_time.perf_counter()" in source
    assert from_source(source, "named_like_modules_vjp")(2.0, 3.0, 5.0) == 15.0


@pytest.mark.parametrize("text", ["eval('x * x')", "exec('y = x')", "globals()['now']()", "locals()['x']"])
def test_names_that_are_looked_up_unseen_are_refused(text: str) -> None:
    f = from_source(f"def f(x):\n    return {text}\n", "f", {"now": now})
    with pytest.raises(CompileError, match="is not supported: what it reads or makes is not seen") as caught:
        grad(f)(2.0)
    assert (caught.value.line, caught.value.column) == (2, 12)
