import numpy as np


def return_from_nested_loops_value_and_vjp(x, y_bar=1.0):
    # forward sweep
    p_tape = []
    tape = []
    trips_1_tape = []
    p = 1.0
    stopped = False
    trips = 0
    for i in range(4):
        stopped_1 = False
        trips_1 = 0
        for _ in range(3):
            trips_1 += 1
            p_tape.append(p)
            p = p * x
            if p > 20.0:
                # return p + i * x
                v1 = p + i * x
                stopped = True
                stopped_1 = True
                break
        tape.append(stopped_1)
        trips_1_tape.append(trips_1)
        trips += 1
        if stopped:
            break
    y = v1 if stopped else p - x

    # reverse sweep
    if stopped:
        v2 = y_bar
        p_bar = 0.0
        x_bar = 0.0
    else:
        # return p - x
        x_bar = -y_bar
        v2 = 0.0
        p_bar = y_bar
    for i in range(trips - 1, -1, -1):
        v3 = tape.pop()
        trips = trips_1_tape.pop()
        v4 = trips - 1
        for j in range(trips - 1, -1, -1):
            p = p_tape.pop()
            if v3 and j == v4:
                # return p + i * x
                p_bar += v2
                x_bar += v2 * i
                v2 = 0.0
            # p = p * x
            x_bar += p_bar * p
            p_bar *= x
    return y, (x_bar,)
