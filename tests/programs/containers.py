"""Tuples, lists and dicts as arguments, as results and inside."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
A = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])
X = np.array([[0.2, 0.7], [-0.3, 1.1], [0.5, -0.9]])
B = np.array([0.1, -0.2, 0.3])


@program((1.2, 0.5), V, V * 2.0 + 1.0, wrt=(0,))
@program(np.array([1.2, 0.5]), V, V * 2.0 + 1.0, wrt=(0,))
def linear_fit(params, t, c):
    w, b = params
    return np.mean((w * t + b - c) ** 2)


@program({"w": A, "b": B}, X, wrt=(0,))
def dict_of_parameters(params, x):
    return np.sum(np.tanh(x @ params["w"] + params["b"]))


@program([(A, B), (A.T @ A, B * 2.0)], X, wrt=(0,))
@program([(A, B)], X, wrt=(0,))
def list_of_layers(layers, x):
    for w, b in layers:
        x = np.tanh(x @ w + b)
    return np.sum(x * x)


@program({"first": {"w": A, "b": B}, "scale": 1.5}, X, wrt=(0,))
def nested_dict(params, x):
    first = params["first"]
    h = x @ first["w"] + first["b"]
    return params["scale"] * np.sum(h**3)


@program((A, [B, 0.5]), wrt=(0,))
def tuple_with_a_list(params):
    a, (b, s) = params
    return np.sum(a * b) * s * s


@program({"used": 0.5, "unused": V}, wrt=(0,))
def unused_leaves(params):
    return params["used"] ** 2


@program(0.5, V)
def unused_argument(x, y):
    return x * x


@program(0.5, V)
def tuple_result(x, v):
    return np.sum(v * x), x * x * v


@program(0.5, V)
def dict_result(x, v):
    return {"loss": np.sum(v * x), "parts": (x * x, v * v)}


@program(V)
def array_result(x):
    return x[1:] * x[:-1]


@program(A)
def matrix_result(a):
    return a @ a.T


@program(V)
def argument_returned(x):
    return x


@program(V)
def result_repeated(x):
    y = x * x
    return y, y, y[0]


@program(V, 0.5)
def constant_result(x, s):
    return np.ones(3) * 2.0, s


@program(0.5)
def tuple_unpacking(x):
    (a, b), c = (x, x * x), np.sin(x)
    a, b = b, a
    return a * c + b / c


@program(0.5)
def tuple_indexing_and_slicing(x):
    t = (x, x * x, np.sin(x), 2.0)
    u = t[1:]
    return t[0] * u[0] + u[-1] * u[1] + len(t)


@program(0.5)
def tuple_concatenation(x):
    t = (x, x * 2.0) + (x * x,)
    s = 0.0
    for a in t:
        s = s * x + a
    return s


@program(0.5, refusable=True)
def list_built_and_indexed(x):
    items = [x, x * x, 3.0]
    items[1] = items[0] * items[1]
    return items[0] + items[1] * items[2]


@program(0.5, 4, refusable=True)
def list_appended_in_a_loop(x, n):
    items = []
    y = x
    for _ in range(n):
        y = y * x + 0.1
        items.append(y)
    return items[0] * items[-1] + sum(items)


@program(0.5, 5, refusable=True)
def list_as_a_stack(x, n):
    stack = [x]
    for i in range(n):
        stack.append(np.sin(stack[-1]) * x + i)
    s = 1.0
    while stack:
        s = s * 0.5 + stack.pop()
    return s


@program(0.5, refusable=True)
def dict_built_inside(x):
    d = {"a": x, "b": x * x}
    d["c"] = d["a"] * d["b"]
    return d["c"] + d["a"]


@program(0.5)
def array_from_list_of_scalars(x):
    y = np.array([x, x * x, 1.0])
    return np.sum(y * y)


@program(0.5, 0.8)
def matrix_from_nested_lists(a, b):
    m = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a) * b]])
    return np.sum((m @ np.array([1.0, 2.0])) ** 3)


@program(V)
def starred_unpacking(x):
    a, b, c, d, e = x
    return a * b + c * d * e


@program(0.5, refusable=True)
def starred_target(x):
    a, *rest = (x, x * x, np.sin(x))
    return a * rest[0] + rest[1]


@program(0.5, refusable=True)
def starred_call(x):
    def f(a, b, c):
        return a * b - c

    values = (x, x * x)
    return f(*values, c=np.sin(x))


@program(A, (0, 1), wrt=(0,))
@program(A, [0, 1], wrt=(0,))
def axes_in_a_container(x, axes):
    return np.sum(np.sum(x**2, axis=axes[0])) + np.max(x, axis=axes[1])[0]


@program({"w": A, "b": B}, np.array([0.3, -0.4]), wrt=(0,))
def shapes_that_nothing_else_reads(params, x):
    return np.sum(x + np.sum(params["w"], axis=1)) + params["b"][0]


@program(np.array([0.4, -0.7, 1.3, 0.9, -0.2]))
def products_in_nested_lists(x):
    return np.sum(np.array([[a * b for a in x[:3]] for b in x[3:]]) ** 2)


KINDS = [3, 1, 3, 2]


@program(np.array([0.5, 1.2, -0.7, 2.1]))
def set_of_what_was_seen(x):
    seen = set()
    s = 0.0
    for k, v in zip(KINDS, x, strict=False):
        if k in seen:
            s += v * 10
        seen.add(k)
    return s * len(seen) + x[0]


PLACES = np.array([0, 2, 1, 2])
P = np.array([0.5, 1.2, -0.7, 2.1])


@program(P)
def dict_read_at_a_key_of_the_data(x):
    table = {0: x[0], 1: x[1], 2: x[3]}
    s = table[int(PLACES[1])]
    for i in range(len(x)):
        s += table[int(PLACES[i])] * (i + 1)
    return s


@program(P)
def dict_changed_at_a_key_of_the_data(x):
    d = {0: 0.0, 1: 0.0, 2: 1.0}
    for i in range(len(x)):
        d[int(PLACES[i])] += x[i] ** 2
    return d[2] * d[0] + d[1]


@program(P)
def layer_at_a_position_of_the_data(x):
    layers = [{"w": x[0], "b": x[1]}, {"w": x[2], "b": x[3]}, {"w": x[1], "b": 1.0}]
    links = [np.sin, np.cos, np.exp]
    s = 0.0
    for i in range(len(x)):
        layer = layers[int(PLACES[i]) - 3]
        s = links[PLACES[i]](s * layer["w"] + layer["b"])
    return s


@program(P)
def dict_without_the_key_of_the_data(x):
    d = {0: 1.0, 1: 2.0, 2: x[0]}
    s = 0.0
    for i in range(len(x)):
        try:
            s += d[int(PLACES[i]) + 1] * x[i]
        except KeyError:
            s += x[i] ** 2
    return s
