"""Variables that hold one of several texts: which one is known only at run time."""

import numpy as np

from tests.programs.registry import program

V = np.array([0.7, 1.3, -0.4, 0.9])


@program(V)
def state_from_trip_to_trip(x):
    mode = "up"
    s = 0.0
    for v in x:
        if mode == "up":
            s = s + v * v
        else:
            s = s - v * 3
        mode = "down" if v < 0 else "up"
    return s


@program(V)
def state_of_a_while_loop(x):
    mode, v, n = "grow", x[0], 0
    while mode != "done" and n < 20:
        if mode == "grow":
            v = v * 1.5
            if v > 3:
                mode = "shrink"
        elif mode == "shrink":
            v = v * 0.8
            if v < 1.5:
                mode = "done"
        n += 1
    return v * x[1] if mode in ("done", "never") else x[2]


@program(V)
def state_that_may_be_none(x):
    mode, s = None, 0.0
    for v in x:
        if mode is None:
            mode = "first"
        elif mode == "first" and v < 0:
            mode = "negative"
        elif mode != "negative":
            s = s + v**2
        if mode is not None:
            s = s + v * x[0]
    return s


@program(V)
def states_that_are_copied_and_compared(x):
    last, mode = "a", "b"
    s = x[0]
    for v in x:
        if last != mode:
            s = s * v
        last, mode = mode, ("a" if v > 0.8 else last)
    return s


@program(V)
def state_as_a_key(x):
    weights = {"low": x[0], "high": x[1] ** 2}
    mode, s = "low", 0.0
    for v in x:
        s = s + weights[mode] * v**2
        mode = "high" if v > 0.5 else "low"
    return s


@program(V)
def state_that_is_matched(x):
    state = "start"
    s = 0.0
    for v in x:
        match state:
            case "start":
                state = "up" if v > 0 else "down"
            case "up" | "flat" if v > 1:
                state = "down"
                s += v**2
            case "down":
                s += v**3
                state = "up"
            case _:
                s += v
    return s


@program(V)
def state_on_one_path(x):
    state = final = "plain"
    if x[0] > 0.5:
        state = "squared"
    return x[1] ** 2 if state == "squared" and final == "plain" else x[1]


@program(V)
def texts_known_when_compiling(x):
    kind, s = "square", x[0]
    for _ in range(3):
        s = _step(s, kind)
        kind = "triple"
    return s


def _step(s, kind):
    return s * s if kind == "square" else 3 * s
