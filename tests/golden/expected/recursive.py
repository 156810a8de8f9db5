import numpy as np


def power_fwd(x, n):
    # if n == 0:
    v1 = n == 0
    if v1:
        return 1.0, (x, v1, None, None)
    # return x * power(x, n - 1)
    v2, tape = power_fwd(x, n - 1)
    return x * v2, (x, v1, v2, tape)


def power_bwd(tape, y_bar):
    x, v1, v2, tape_1 = tape
    if v1:
        return 0.0
    # return x * power(x, n - 1)
    v3 = power_bwd(tape_1, y_bar * x)
    x_bar = v3 + y_bar * v2
    return x_bar


def recursive_value_and_vjp(x, n, y_bar=1.0):
    # forward sweep
    # return power(x, n) * x
    v1 = n == 0
    if v1:
        v3 = 1.0
    else:
        v2, tape = power_fwd(x, n - 1)
        v3 = x * v2
    y = v3 * x

    # reverse sweep
    # return power(x, n) * x
    v4 = y_bar * x
    x_bar = y_bar * v3
    if not v1:
        v5 = power_bwd(tape, v4 * x)
        x_bar += v5 + v4 * v2
    return y, (x_bar,)
