import numpy as np


def search_value_and_vjp(x, k, y_bar=1.0):
    # forward sweep
    while k < len(x) and x[k] > 0.0:
        k += 1
    # return x[k - 1] * x[0]
    v1 = k - 1
    v2 = x[v1]
    v3 = x[0]
    y = v2 * v3

    # reverse sweep
    # return x[k - 1] * x[0]
    x_bar = np.zeros_like(x)
    x_bar[0] = y_bar * v2
    x_bar[v1] += y_bar * v3
    return y, (x_bar,)
