import numpy as np


def normalised_value_and_vjp(layer, x, y_bar=1.0):
    layer_weight = layer['weight']
    layer_bias = layer['bias']
    layer_scale = layer['scale']
    layer_shift = layer['shift']
    if x.shape[1] != layer_weight.shape[1]:
        raise ValueError('normalised_value_and_vjp: x.shape[1] must equal layer_weight.shape[1]')
    if not layer_weight.shape[0] == len(layer_bias) == len(layer_scale) == len(layer_shift):
        raise ValueError('lengths that must be equal differ')
    # forward sweep
    # h = nn.linear(x, layer["weight"], layer["bias"])
    y = x @ layer_weight.T
    h = y + layer_bias
    # return np.mean(nn.tanh(nn.batch_norm(h, layer["scale"], layer["shift"])) ** 2)
    # - batch_norm
    mean = np.mean(h, axis=0)
    variance = np.var(h, axis=0)
    v1 = h - mean
    v2 = np.sqrt(variance + 1e-05)
    v3 = v1 / v2
    # - tanh
    v4 = np.tanh(v3 * layer_scale + layer_shift)
    v5 = v4 ** 2
    value = np.mean(v5)

    # reverse sweep
    # return np.mean(nn.tanh(nn.batch_norm(h, layer["scale"], layer["shift"])) ** 2)
    # - tanh
    v6 = 2 * (y_bar / (x.shape[0] * layer_weight.shape[0])) * v4 * (1 - v5)
    # - batch_norm
    layer_shift_bar = v6.sum(axis=0)
    v7 = v6 * layer_scale
    layer_scale_bar = np.sum(v6 * v3, axis=0)
    h_bar = v7 / v2
    v8 = h_bar.sum(axis=0)
    h_bar -= np.sum(v7 * v3 / v2, axis=0) / v2 / x.shape[0] * v1
    h_bar -= v8 / x.shape[0]
    # h = nn.linear(x, layer["weight"], layer["bias"])
    layer_bias_bar = h_bar.sum(axis=0)
    layer_weight_bar = h_bar.T @ x
    return value, (
        {'weight': layer_weight_bar, 'bias': layer_bias_bar, 'scale': layer_scale_bar,
        'shift': layer_shift_bar},)
