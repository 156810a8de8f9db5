import numpy as np


def nonlinear_stencil_with_swapped_buffers_value_and_vjp(x, n, y_bar=1.0):
    # forward sweep
    u = x.copy()
    v = x.copy()
    v_old_tape = []
    for _ in range(n):
        # v[1:-1] = u[1:-1] - 0.1 * u[1:-1] * (u[2:] - u[:-2])
        v1 = u[1:-1]
        v_old_tape.append(v[1:-1].copy())
        v[1:-1] = v1 - 0.1 * v1 * (u[2:] - u[:-2])
        u, v = v, u
    # return np.sum(u * u)
    y = np.sum(u * u)

    # reverse sweep
    # return np.sum(u * u)
    u_bar = 2.0 * y_bar * u
    v_bar = np.zeros_like(x)
    for _ in range(n):
        u[1:-1] = v_old_tape.pop()
        # v[1:-1] = u[1:-1] - 0.1 * u[1:-1] * (u[2:] - u[:-2])
        v2 = u_bar[1:-1].copy()
        u_bar[1:-1] = 0.0
        v3 = v2 * (0.1 * v[1:-1])
        v_bar[:-2] += v3
        v_bar[2:] -= v3
        v2 -= 0.1 * (v2 * (v[2:] - v[:-2]))
        v_bar[1:-1] += v2
        u_bar, v_bar, u, v = v_bar, u_bar, v, u
    # u = x.copy()
    v_bar += u_bar
    return y, (v_bar,)
