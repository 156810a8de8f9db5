import numpy as np


def attention_value_and_vjp(x, wq, wk, wv, y_bar=1.0):
    if not x.shape[1] == wq.shape[0] == wk.shape[0] == wv.shape[0]:
        raise ValueError('x.shape[1], wq.shape[0], wk.shape[0] and wv.shape[0] must be equal')
    if wq.shape[1] != wk.shape[1]:
        raise ValueError('attention_value_and_vjp: wq.shape[1] must equal wk.shape[1]')
    # forward sweep
    # q, k, v = x @ wq, x @ wk, x @ wv
    q = x @ wq
    k = x @ wk
    v = x @ wv
    # return np.sum((nn.softmax(q @ k.T / np.sqrt(q.shape[1])) @ v) ** 2)
    v1 = np.sqrt(wq.shape[1])
    v2 = q @ k.T / v1
    # - softmax
    e = np.exp(v2 - np.max(v2, axis=1, keepdims=True))
    v3 = np.sum(e, axis=1, keepdims=True)
    v4 = e / v3
    v5 = v4 @ v
    y = np.sum(v5 ** 2)

    # reverse sweep
    # return np.sum((nn.softmax(q @ k.T / np.sqrt(q.shape[1])) @ v) ** 2)
    v6 = 2 * y_bar * v5
    v7 = v6 @ v.T
    v_bar = v4.T @ v6
    v8 = (v7 / v3 - np.sum(v7 * v4 / v3, axis=1, keepdims=True)) * e / v1
    q_bar = v8 @ k
    k_bar = v8.T @ q
    # q, k, v = x @ wq, x @ wk, x @ wv
    wv_bar = x.T @ v_bar
    wk_bar = x.T @ k_bar
    wq_bar = x.T @ q_bar
    return y, (wq_bar, wk_bar, wv_bar)
