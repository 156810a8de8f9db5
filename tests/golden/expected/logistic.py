import numpy as np


def logistic_value_and_vjp(weights, inputs, targets, y_bar=1.0):
    if inputs.shape[1] != len(weights):
        raise ValueError('logistic_value_and_vjp: inputs.shape[1] must equal len(weights)')
    if inputs.shape[0] != len(targets):
        raise ValueError('logistic_value_and_vjp: inputs.shape[0] must equal len(targets)')
    # forward sweep
    # p = 1 / (1 + np.exp(-(inputs @ weights)))
    v1 = np.exp(-(inputs @ weights))
    v2 = 1 + v1
    p = 1 / v2
    # return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))
    v3 = 1 - targets
    v4 = p * targets + (1 - p) * v3
    y = -np.sum(np.log(v4))

    # reverse sweep
    # return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))
    v5 = y_bar / v4
    p_bar = v5 * v3 - v5 * targets
    # p = 1 / (1 + np.exp(-(inputs @ weights)))
    weights_bar = inputs.T @ (p_bar * p / v2 * v1)
    return y, (weights_bar,)
