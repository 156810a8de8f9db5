import numpy as np


def scan_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i]
    # return a[-1]
    y = a[-1]

    # reverse sweep
    # return a[-1]
    a_bar = np.zeros_like(x)
    a_bar[-1] = y_bar
    x_bar = np.zeros_like(x)
    for i in range(len(x) - 1, 0, -1):
        # a[i] = a[i - 1] * x[i]
        v1 = a_bar[i]
        a_bar[i] = 0.0
        x_bar[i] += v1 * a[i - 1]
        a_bar[i - 1] += v1 * x[i]
    # a = x.copy()
    x_bar += a_bar
    return y, (x_bar,)
