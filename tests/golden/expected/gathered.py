import numpy as np


def gathered_value_and_vjp(x, index, y_bar=1.0):
    if len(index) != max(len(x) - 1, 0):
        raise ValueError('gathered_value_and_vjp: index and x[1:] must have equal lengths')
    # forward sweep
    # y = x[index] * x[1:]
    v1 = x[index]
    v2 = x[1:]
    y = v1 * v2
    # y[y > 0.2] = 0.5
    v3 = y > 0.2
    y[v3] = 0.5
    # return np.sum(y**2) + np.sum(x[::-1] * x)
    v4 = x[::-1]
    value = np.sum(y ** 2) + np.sum(v4 * x)

    # reverse sweep
    # return np.sum(y**2) + np.sum(x[::-1] * x)
    x_bar = y_bar * v4
    x_bar[::-1] += y_bar * x
    y_bar = 2 * y_bar * y
    # y[y > 0.2] = 0.5
    y_bar[v3] = 0.0
    # y = x[index] * x[1:]
    x_bar[1:] += y_bar * v1
    np.add.at(x_bar, index, y_bar * v2)
    return value, (x_bar,)
