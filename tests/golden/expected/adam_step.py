import numpy as np


def adam_step_value_and_vjp(g, p, m, v, t, y_bar=1.0):
    if not len(m) == len(g) == len(v) == len(p):
        raise ValueError('adam_step_value_and_vjp: m, g, v and p must have equal lengths')
    # forward sweep
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g ** 2
    # m_hat = m / (1 - 0.9**t)
    v1 = 1 - 0.9 ** t
    m_hat = m / v1
    # v_hat = v / (1 - 0.999**t)
    v2 = 1 - 0.999 ** t
    v_hat = v / v2
    # p = p - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
    v3 = np.sqrt(v_hat)
    v4 = v3 + 1e-08
    v5 = 0.01 * m_hat / v4
    p = p - v5
    # return np.sum(p**2)
    y = np.sum(p ** 2)

    # reverse sweep
    # return np.sum(p**2)
    p_bar = 2 * y_bar * p
    # p = p - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
    v_hat_bar = 0.5 * (p_bar * v5 / v4) / v3
    # v_hat = v / (1 - 0.999**t)
    v_bar = v_hat_bar / v2
    # v = 0.999 * v + 0.001 * g**2
    g_bar = 0.002 * v_bar * g
    # m = 0.9 * m + 0.1 * g
    g_bar -= 0.001 * (p_bar / v4) / v1
    return y, (g_bar, p_bar)
