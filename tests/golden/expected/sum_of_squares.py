import numpy as np


def sum_of_squares_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    s = 0.0
    for i in range(len(x)):
        # s += x[i] * x[i]
        v1 = x[i]
        s += v1 * v1

    # reverse sweep
    x_bar = np.zeros_like(x)
    for i in range(len(x) - 1, -1, -1):
        # s += x[i] * x[i]
        x_bar[i] += 2.0 * (y_bar * x[i])
    return s, (x_bar,)
