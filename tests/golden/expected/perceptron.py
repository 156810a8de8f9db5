import numpy as np


def perceptron_value_and_vjp(params, x, labels, y_bar=1.0):
    params_w1 = params['w1']
    params_b1 = params['b1']
    params_w2 = params['w2']
    if min(x.shape[1], 3) != params_w1.shape[0]:
        raise ValueError(
            'perceptron_value_and_vjp: min(x.shape[1], 3) must equal params_w1.shape[0]')
    if not params_w1.shape[1] == len(params_b1) == params_w2.shape[0]:
        raise ValueError('params_w1.shape[1], len(params_b1) and params_w2.shape[0] must be equal')
    if not params_w2.shape[1] == labels.shape[0] == min(x.shape[0], 3):
        raise ValueError(
            'params_w2.shape[1], labels.shape[0] and min(x.shape[0], 3) must be equal')
    # forward sweep
    # hidden = np.tanh(x[:3, :3] @ params["w1"] + params["b1"])
    v1 = x[:3, :3]
    hidden = np.tanh(v1 @ params_w1 + params_b1)
    # scores = hidden @ params["w2"] @ labels
    scores = hidden @ params_w2 @ labels
    # scores = scores - scores.max(axis=1, keepdims=True)
    v2 = scores.max(axis=1, keepdims=True)
    scores_1 = scores - v2
    # log_p = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
    v3 = np.exp(scores_1)
    v4 = np.sum(v3, axis=1, keepdims=True)
    log_p = scores_1 - np.log(v4)
    # return -np.mean(np.sum(labels * log_p, axis=1))
    y = -np.mean(np.sum(labels * log_p, axis=1))

    # reverse sweep
    # return -np.mean(np.sum(labels * log_p, axis=1))
    v5 = y_bar / params_w2.shape[1] * labels
    # log_p = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
    scores_bar = v5.sum(axis=1, keepdims=True) / v4 * v3 - v5
    # scores = scores - scores.max(axis=1, keepdims=True)
    v6 = scores == v2
    scores_bar -= scores_bar.sum(axis=1, keepdims=True) / v6.sum(axis=1, keepdims=True,
        dtype=np.float64) * v6
    # scores = hidden @ params["w2"] @ labels
    v7 = scores_bar @ labels.T
    hidden_bar = v7 @ params_w2.T
    params_w2_bar = hidden.T @ v7
    # hidden = np.tanh(x[:3, :3] @ params["w1"] + params["b1"])
    v8 = hidden_bar * (1 - hidden ** 2)
    params_b1_bar = v8.sum(axis=0)
    params_w1_bar = v1.T @ v8
    return y, ({'w1': params_w1_bar, 'b1': params_b1_bar, 'w2': params_w2_bar},)
