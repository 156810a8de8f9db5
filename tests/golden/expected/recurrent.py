import numpy as np


def recurrent_value_and_vjp(params, x, y_bar=1.0):
    params_w = params['w']
    params_u = params['u']
    params_b = params['b']
    if params_w.shape[1] != x.shape[1]:
        raise ValueError('recurrent_value_and_vjp: params_w.shape[1] must equal x.shape[1]')
    if not params_u.shape[1] == params_w.shape[0] == params_u.shape[0] == len(params_b) == 3:
        raise ValueError('lengths that must be equal differ')
    # forward sweep
    h = np.zeros(3)
    v1 = x.shape[0]
    h_tape = []
    h_tape_1 = []
    loss = 0.0
    for t in range(v1):
        h_tape.append(h)
        # h = np.tanh(params["w"] @ x[t] + params["u"] @ h + params["b"])
        h = np.tanh(params_w @ x[t] + params_u @ h + params_b)
        h_tape_1.append(h)
        loss += np.sum((h - 0.1 * t) ** 2)

    # reverse sweep
    # loss += np.sum((h - 0.1 * t) ** 2)
    h_bar = np.zeros_like(params_b)
    params_b_bar = np.zeros_like(params_b)
    params_u_bar = np.zeros_like(params_u)
    params_w_bar = np.zeros_like(params_w)
    v2 = 2 * y_bar
    rows = []
    h_rows = []
    rows_1 = []
    for t in range(v1 - 1, -1, -1):
        h = h_tape.pop()
        h_1 = h_tape_1.pop()
        # loss += np.sum((h - 0.1 * t) ** 2)
        h_bar += v2 * (h_1 - 0.1 * t)
        # h = np.tanh(params["w"] @ x[t] + params["u"] @ h + params["b"])
        v3 = h_bar * (1 - h_1 ** 2)
        params_b_bar += v3
        rows.append(v3)
        h_rows.append(h)
        h_bar = params_u.T @ v3
        rows_1.append(x[t])
    if len(rows) > 0:
        v4 = np.array(rows)
        params_u_bar += v4.T @ np.array(h_rows)
        params_w_bar += v4.T @ np.array(rows_1)
    return loss, ({'w': params_w_bar, 'u': params_u_bar, 'b': params_b_bar},)
