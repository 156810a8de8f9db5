import numpy as np


def logistic_map_value_and_vjp(x, n, y_bar=1.0):
    # forward sweep
    # y = y + 0.001 * x * y * (1.0 - y)
    v1 = 0.001 * x
    y_tape = []
    y = 0.3
    for _ in range(n):
        y_tape.append(y)
        # y = y + 0.001 * x * y * (1.0 - y)
        y = y + v1 * y * (1.0 - y)

    # reverse sweep
    x_bar = 0.0
    for _ in range(n):
        y_1 = y_tape.pop()
        # y = y + 0.001 * x * y * (1.0 - y)
        v2 = y_bar * (1.0 - y_1)
        y_bar += 0.001 * v2 * x - y_bar * (v1 * y_1)
        x_bar += 0.001 * (v2 * y_1)
    return y, (x_bar,)
