import numpy as np


def signs_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    s_tape = []
    tape = []
    s = 0.0
    for i in range(len(x)):
        s_tape.append(s)
        a = x[i]
        if a > 0.5:
            s += a * a
        elif a > 0.0:
            # s += np.exp(a)
            v1 = np.exp(a)
            tape.append(v1)
            s += v1
        else:
            s -= a if s > 1.0 else 2.0 * a

    # reverse sweep
    x_bar = np.zeros_like(x)
    for i in range(len(x) - 1, -1, -1):
        s_1 = s_tape.pop()
        a = x[i]
        if a > 0.5:
            # s += a * a
            a_bar = 2.0 * (y_bar * a)
        elif a > 0.0:
            v2 = tape.pop()
            # s += np.exp(a)
            a_bar = y_bar * v2
        else:
            # s -= a if s > 1.0 else 2.0 * a
            a_bar = -y_bar
            if not s_1 > 1.0:
                a_bar = -(2.0 * y_bar)
        x_bar[i] += a_bar
    return s, (x_bar,)
