import numpy as np


def polynomial_value_and_vjp(coefficients, x, y, y_bar=1.0):
    a, b, c, d = coefficients
    if len(x) != len(y):
        raise ValueError('polynomial_value_and_vjp: x and y must have equal lengths')
    # forward sweep
    # return np.sum((a + b * legendre(c + d * x) - y) ** 2)
    v1 = c + d * x
    # - legendre_forward
    v2 = 0.5 * (5.0 * v1 ** 3 - 3.0 * v1)
    v3 = a + b * v2 - y
    value = np.sum(v3 ** 2)

    # reverse sweep
    # return np.sum((a + b * legendre(c + d * x) - y) ** 2)
    v4 = 2 * y_bar * v3
    a_bar = v4.sum()
    b_bar = np.sum(v4 * v2)
    # - legendre_backward
    v5 = 1.5 * (v4 * b) * (5.0 * v1 ** 2 - 1.0)
    c_bar = v5.sum()
    d_bar = np.sum(v5 * x)
    return value, ((a_bar, b_bar, c_bar, d_bar),)
