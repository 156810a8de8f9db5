import numpy as np


def network_value_and_vjp(layers, x, classes, y_bar=1.0):
    (layers_0_0, layers_0_1), (), (layers_2_0, layers_2_1) = layers
    if x.shape[1] != layers_0_0.shape[1]:
        raise ValueError('network_value_and_vjp: x.shape[1] must equal layers_0_0.shape[1]')
    if not layers_0_0.shape[0] == len(layers_0_1) == layers_2_0.shape[1]:
        raise ValueError(
            'layers_0_0.shape[0], len(layers_0_1) and layers_2_0.shape[1] must be equal')
    if layers_2_0.shape[0] != len(layers_2_1):
        raise ValueError('network_value_and_vjp: layers_2_0.shape[0] must equal len(layers_2_1)')
    if x.shape[0] != len(classes):
        raise ValueError('network_value_and_vjp: x.shape[0] must equal len(classes)')
    # forward sweep
    # scores = nn.sequence(x, (nn.linear, nn.sigmoid, nn.linear), layers)
    # - linear
    y = x @ layers_0_0.T
    x_1 = y + layers_0_1
    # - sigmoid
    x_1 = np.exp(np.minimum(x_1, 0.0)) / (1.0 + np.exp(-np.abs(x_1)))
    # - linear
    y = x_1 @ layers_2_0.T
    x_2 = y + layers_2_1
    # return nn.cross_entropy(scores, classes)
    # - log_softmax
    d = x_2 - np.max(x_2, axis=1, keepdims=True)
    v1 = np.exp(d)
    v2 = np.sum(v1, axis=1, keepdims=True)
    log_p = d - np.log(v2)
    # - nll
    v3 = np.arange(x.shape[0])
    losses = -log_p[v3, classes]
    # - _reduce
    value = np.mean(losses)

    # reverse sweep
    # return nn.cross_entropy(scores, classes)
    # - nll
    d_bar = np.zeros_like(log_p)
    d_bar[v3, classes] -= y_bar / x.shape[0]
    # - log_softmax
    d_bar -= d_bar.sum(axis=1, keepdims=True) / v2 * v1
    # scores = nn.sequence(x, (nn.linear, nn.sigmoid, nn.linear), layers)
    # - linear
    layers_2_1_bar = d_bar.sum(axis=0)
    layers_2_0_bar = d_bar.T @ x_1
    # - sequence
    x_bar = d_bar @ layers_2_0 * x_1 * (1.0 - x_1)
    # - linear
    layers_0_1_bar = x_bar.sum(axis=0)
    layers_0_0_bar = x_bar.T @ x
    return value, ([(layers_0_0_bar, layers_0_1_bar), (), (layers_2_0_bar, layers_2_1_bar)],)
