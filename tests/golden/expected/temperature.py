import numpy as np


def temperature_value_and_vjp(params, t, c, y_bar=1.0):
    w, b = params
    if len(t) != len(c):
        raise ValueError('temperature_value_and_vjp: t and c must have equal lengths')
    # forward sweep
    # return np.mean((w * t + b - c) ** 2)
    v1 = w * t + b - c
    y = np.mean(v1 ** 2)

    # reverse sweep
    # return np.mean((w * t + b - c) ** 2)
    v2 = 2 * (y_bar / len(t)) * v1
    b_bar = v2.sum()
    w_bar = np.sum(v2 * t)
    return y, ((w_bar, b_bar),)
