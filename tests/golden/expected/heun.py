import numpy as np


def heun_value_and_vjp(state, damping, h, n, y_bar=1.0):
    if len(state) != 2:
        raise ValueError('heun_value_and_vjp: len(state) must be 2')
    # forward sweep
    state_1_tape = []
    state_1_tape_1 = []
    tape = []
    tape_1 = []
    state_1 = state
    for _ in range(n):
        # k1 = pendulum(state, damping)
        v1 = state_1[1]
        state_1_tape.append(v1)
        v2 = state_1[0]
        state_1_tape_1.append(v2)
        k1 = np.array([v1, -np.sin(v2) - damping * v1])
        # k2 = pendulum(state + h * k1, damping)
        v3 = state_1 + h * k1
        # - pendulum
        v4 = v3[1]
        tape.append(v4)
        v5 = v3[0]
        tape_1.append(v5)
        k2 = np.array([v4, -np.sin(v5) - damping * v4])
        # state = state + h / 2 * (k1 + k2)
        state_1 = state_1 + h / 2 * (k1 + k2)
    # return state[0]
    y = state_1[0]

    # reverse sweep
    # return state[0]
    state_bar = np.zeros_like(state)
    state_bar[0] = y_bar
    damping_bar = 0.0
    for _ in range(n):
        v6 = state_1_tape.pop()
        v7 = state_1_tape_1.pop()
        v8 = tape.pop()
        v9 = tape_1.pop()
        # state = state + h / 2 * (k1 + k2)
        k1_bar = state_bar * (h / 2)
        # k2 = pendulum(state + h * k1, damping)
        # - pendulum
        v10 = k1_bar[1]
        damping_bar -= v10 * v8
        v11 = np.zeros_like(state)
        v11[0] = -(v10 * np.cos(v9))
        v11[1] = k1_bar[0] - v10 * damping
        state_bar += v11
        k1_bar += v11 * h
        # k1 = pendulum(state, damping)
        v12 = k1_bar[1]
        damping_bar -= v12 * v6
        state_bar[0] -= v12 * np.cos(v7)
        state_bar[1] += k1_bar[0] - v12 * damping
    return y, (state_bar, damping_bar)
