import numpy as np


def newton_value_and_vjp(a, y_bar=1.0):
    # forward sweep
    x_tape = []
    x = a
    trips = 0
    for _ in range(20):
        x_tape.append(x)
        step = (x * x - a) / (2.0 * x)
        x = x - step
        trips += 1
        if abs(step) < 1e-14:
            break

    # reverse sweep
    x_bar = y_bar
    a_bar = 0.0
    for _ in range(trips):
        x_1 = x_tape.pop()
        # step = (x * x - a) / (2.0 * x)
        v1 = 2.0 * x_1
        v2 = x_bar / v1
        a_bar += v2
        x_bar += 2.0 * (x_bar * ((x_1 * x_1 - a) / v1) / v1) - 2.0 * (v2 * x_1)
    a_bar += x_bar
    return x, (a_bar,)
