import numpy as np


def break_and_continue_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    s_tape = []
    tape = []
    tape_1 = []
    s = 0.0
    trips = 0
    for i in range(50):
        trips += 1
        s_tape.append(s)
        if i % 3 == 1:
            continue
        # s = s + np.sin(x) * s + x * x
        v1 = np.sin(x)
        tape.append(v1)
        s = s + v1 * s + x * x
        # if s > 5.0:
        v2 = s > 5.0
        tape_1.append(v2)
        if v2:
            break
        s = s * 1.1
    # return s * x
    y = s * x

    # reverse sweep
    # return s * x
    s_bar = y_bar * x
    x_bar = y_bar * s
    for i in range(trips - 1, -1, -1):
        s = s_tape.pop()
        if i % 3 == 1:
            continue
        v3 = tape.pop()
        v4 = tape_1.pop()
        if not v4:
            # s = s * 1.1
            s_bar = 1.1 * s_bar
        # s = s + np.sin(x) * s + x * x
        x_bar += s_bar * s * np.cos(x) + 2.0 * (s_bar * x)
        s_bar += s_bar * v3
    return y, (x_bar,)
