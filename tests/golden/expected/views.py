import numpy as np


def views_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    z = x * 2.0
    # v[0] = x[2] * x[2]
    v1 = x[2]
    z[1:4][0] = v1 * v1
    # v *= 3.0
    z[1:4] *= 3.0
    # return np.sum(z * z)
    y = np.sum(z * z)

    # reverse sweep
    # return np.sum(z * z)
    z_bar = 2.0 * y_bar * z
    # v *= 3.0
    z_bar[1:4] *= 3.0
    # v[0] = x[2] * x[2]
    v2 = z_bar[1:4][0]
    z_bar[1:4][0] = 0.0
    # z = x * 2.0
    x_bar = 2.0 * z_bar
    x_bar[2] += 2.0 * (v2 * v1)
    return y, (x_bar,)
