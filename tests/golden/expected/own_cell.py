import numpy as np


def own_cell_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    a = x.copy()
    a_tape = []
    for i in range(1, len(x)):
        # a[i] = a[i] * a[i - 1] * a[i]
        v1 = a[i]
        a_tape.append(v1)
        a[i] = v1 * a[i - 1] * v1
    # return a[-1] + a[0]
    y = a[-1] + a[0]

    # reverse sweep
    # return a[-1] + a[0]
    a_bar = np.zeros_like(x)
    a_bar[0] = y_bar
    a_bar[-1] += y_bar
    for i in range(len(x) - 1, 0, -1):
        v2 = a_tape.pop()
        # a[i] = a[i] * a[i - 1] * a[i]
        v3 = a_bar[i]
        a_bar[i] = 0.0
        v4 = v3 * v2
        v5 = a[i - 1]
        a_bar[i - 1] += v4 * v2
        a_bar[i] += v4 * v5 + v3 * (v2 * v5)
    return y, (a_bar,)
