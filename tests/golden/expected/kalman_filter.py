import numpy as np


def kalman_filter_value_and_vjp(a, q, r, observed, y_bar=1.0):
    # forward sweep
    # mean, variance = a * mean, a * a * variance + q**2
    v1 = a * a
    mean_tape = []
    variance_tape = []
    mean = 0.0
    variance = 1.0
    likelihood = 0.0
    for i in range(len(observed)):
        mean_tape.append(mean)
        variance_tape.append(variance)
        z = observed[i]
        # mean, variance = a * mean, a * a * variance + q**2
        mean = a * mean
        variance = v1 * variance + q ** 2
        s = variance + r ** 2
        gain = variance / s
        residual = z - mean
        # likelihood -= 0.5 * (np.log(2 * np.pi * s) + residual**2 / s)
        likelihood -= 0.5 * (np.log(6.283185307179586 * s) + residual ** 2 / s)
        mean += gain * residual
        variance = (1 - gain) * variance

    # reverse sweep
    # likelihood -= 0.5 * (np.log(2 * np.pi * s) + residual**2 / s)
    v2 = 0.5 * y_bar
    v3 = -v2
    mean_bar = 0.0
    variance_bar = 0.0
    r_bar = 0.0
    q_bar = 0.0
    a_bar = 0.0
    for i in range(len(observed) - 1, -1, -1):
        mean = mean_tape.pop()
        variance = variance_tape.pop()
        # mean, variance = a * mean, a * a * variance + q**2
        variance_1 = v1 * variance + q ** 2
        # s = variance + r**2
        s = variance_1 + r ** 2
        # gain = variance / s
        gain = variance_1 / s
        # variance = (1 - gain) * variance
        variance_bar_1 = variance_bar * (1 - gain)
        gain_bar = -(variance_bar * variance_1)
        # mean, variance = a * mean, a * a * variance + q**2
        mean_1 = a * mean
        z = observed[i]
        # residual = z - mean
        residual = z - mean_1
        # mean += gain * residual
        residual_bar = mean_bar * gain
        gain_bar += mean_bar * residual
        # likelihood -= 0.5 * (np.log(2 * np.pi * s) + residual**2 / s)
        residual_bar -= y_bar / s * residual
        v4 = 6.283185307179586 * np.divide(v3, 6.283185307179586 * s)
        s_bar = v4 + v2 * (residual ** 2 / s) / s
        # residual = z - mean
        mean_bar -= residual_bar
        # gain = variance / s
        variance_bar_1 += gain_bar / s
        s_bar -= gain_bar * gain / s
        # s = variance + r**2
        variance_bar_1 += s_bar
        r_bar += 2 * s_bar * r
        # mean, variance = a * mean, a * a * variance + q**2
        q_bar += 2 * variance_bar_1 * q
        a_bar += mean_bar * mean + 2.0 * (variance_bar_1 * variance * a)
        variance_bar = variance_bar_1 * v1
        mean_bar *= a
    return likelihood, (a_bar, q_bar, r_bar)
