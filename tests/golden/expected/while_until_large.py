import numpy as np


def while_until_large_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    x_tape = []
    trips = 0
    while x < 50.0:
        x_tape.append(x)
        x = x * x + 1.0
        trips += 1

    # reverse sweep
    x_bar = y_bar
    for _ in range(trips):
        x_1 = x_tape.pop()
        # x = x * x + 1.0
        x_bar = 2.0 * (x_bar * x_1)
    return x, (x_bar,)
