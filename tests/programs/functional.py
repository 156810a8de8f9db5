"""Functions of functions: reduce, map, max with a key, itertools; recursion; names like generated ones."""

import functools
import itertools
import math
import operator

import numpy as np

from tests.programs.registry import program

V = np.array([0.7, -0.4, 1.3, 0.9])


def apply_twice(f, x):
    return f(f(x))


def tree(x):
    if len(x) == 1:
        return x[0] ** 2
    m = len(x) // 2
    return tree(x[:m]) * 0.5 + tree(x[m:]) * np.sin(x[0])


def nested_sum(t):
    if isinstance(t, tuple):
        return sum(nested_sum(u) for u in t)
    return t * t


def rec_while(x, tol):
    if abs(x) < tol:
        return x
    return rec_while(x * 0.5, tol) + x * x


@program(V)
def reduced_array(x):
    return functools.reduce(lambda p, q: p * q + 1.0, x, 2.0)


@program(V)
def mapped(x):
    return sum(map(lambda v: v * v, x))


@program(V)
def mapped_pairs(x):
    return sum(map(lambda v, w: v * w, x, x[1:]))


@program(V)
def sum_start(x):
    return sum((v * v for v in x), x[0])


@program(0.7, 1.3)
def max_key(a, b):
    return max([a, b, -2.0 * a], key=lambda t: t * t) * min((a, b), key=lambda t: -t)


@program(0.7, 1.3)
def max_multi(a, b):
    return max(a, b, a * b) * min(a, b, a * b) + max((a, b)) + max(x for x in (a, b))


@program(V)
def max_builtin(x):
    return max(x) * min(x) + max(abs(v) for v in x)


@program(0.7, 1.3)
def max_default(a, b):
    return max([], default=a) * max([b], default=a)


@program(0.7, 1.3)
def max_tuple_key(a, b):
    pts = [(a, 1.0), (b, 2.0), (a * b, 3.0)]
    p = max(pts, key=lambda p: p[0])
    q = min(pts, key=lambda p: p[1])
    return p[0] * p[1] + q[0]


@program(V)
def accumulated(x):
    s = 0.0
    for p in itertools.accumulate(x):
        s += p * p
    return s


@program(V)
def pairs_of_items(x):
    s = 0.0
    for i, j in itertools.combinations(range(4), 2):
        s += np.sin(x[i] - x[j])
    return s


@program(0.7)
def fn_arg2(a):
    return apply_twice(np.sin, a) * apply_twice(math.exp, a)


@program(0.7)
def composed(a):
    def comp(*fs):
        def g(x):
            for f in fs:
                x = f(x)
            return x

        return g

    return comp(np.sin, lambda t: t * a, np.exp)(a)


@program(0.7)
def currying(a):
    add = lambda x: lambda y: lambda z: x * y + z * a
    return add(a)(2.0)(a)


@program(V)
def fn_list_loop(x):
    s = x[0]
    for f in (np.sin, np.cos, lambda t: t * t, math.exp):
        s = f(s)
    return s


@program(V)
def lambda_in_dict(x):
    ops = {"a": lambda t: t * x[0], "b": np.sin}
    s = x[1]
    for k, f in ops.items():
        s = f(s)
    return s


@program(V)
def method_ref(x):
    f = x.sum
    g = x.dot
    return f() * g(x)


@program(0.7, 1.3)
def nested_tuple(a, b):
    return nested_sum((a, (b, (a * b, a)), b))


@program(V)
def tree_arr(x):
    return tree(x)


@program(1.1)
def rec_float(a):
    return rec_while(a, 0.05)


@program(0.7, 1.3)
def gen_names(x_bar, v1):
    d = x_bar * v1
    np2 = d * x_bar
    y_bar = np2 + v1
    x = y_bar * d
    x_dot = x * d
    tape = x_dot + 1.0
    v2 = tape * v1
    v3 = v2 * x_bar
    return v3 * y_bar


@program(0.7, 1.3)
def shadowed_names(abs, max):
    len = abs * max
    sum = len + abs
    range = sum * 2
    sin = range * range
    return sin * max


@program(0.7)
def shadow_local_fn(a):
    def sin(t):
        return t * t

    def abs(t):
        return t * 3

    return sin(a) * abs(a)


@program(V, 0.3)
def tape_names(x, a_tape):
    s = 0.0
    s_tape = a_tape
    for i in range(len(x)):
        s = np.sin(s + x[i]) * s_tape
    return s * a_tape


@program(V)
def argmax_by_range(x):
    i = max(range(len(x)), key=lambda i: x[i])
    j = min(range(4), key=lambda i: x[i] ** 2)
    return x[i] * x[j] * i


@program(0.7, 1.3)
def max_dict(a, b):
    d = {"p": a, "q": b}
    k = max(d, key=lambda k: len(k))
    return d[k] * max(d.values()) + min(d.items(), key=lambda kv: kv[1])[1]


@program(V)
def reduce_max(x):
    return functools.reduce(lambda a, b: a if a > b else b, x)


@program(V)
def reduce_arr(x):
    m = functools.reduce(np.dot, [np.outer(x, x) * 0.1, np.eye(4), np.diag(x)])
    return m.sum()


@program(V)
def compose_reduce(x):
    f = functools.reduce(lambda f, g: lambda t: g(f(t)), [np.sin, np.cos, lambda t: t * t])
    return f(x[0])


@program(V)
def accum_fn(x):
    s = 0.0
    for p in itertools.accumulate([x[0], x[1], x[2]], operator.mul):
        s += p
    for p in itertools.accumulate(x, lambda a, b: a * 0.5 + b):
        s += p * p
    return s


@program(0.7, 1.3)
def chain_(a, b):
    s = 0.0
    for v in itertools.chain([a, b], (a * b,)):
        s = s * 0.5 + v
    for p, q in itertools.pairwise([a, b, a * b]):
        s += p * q
    for p in itertools.islice([a, b, a], 2):
        s += p
    for p, q in itertools.permutations([a, b, 3.0], 2):
        s += p**2 * q
    return s


@program(V)
def max_same_ties(x):
    return max(x[0], x[0]) * max([x[1]])


@program(V)
def min_of_rows(x):
    m = x.reshape(2, 2)
    r = min(m, key=lambda row: row.sum())
    return (r * r).sum()


@functools.singledispatch
def doubled(a):
    return a * 2.0


@doubled.register
def _(a: list):
    return sum(a) * 3.0


@program(V)
def single_dispatch(x):
    return doubled([x[0], x[1]]) * doubled(x[2])


@program(V)
def itertools_over_arrays(x):
    s = sum(a * b for a, b in itertools.product(x, x)) + sum(a * b * b for a, b in itertools.combinations(x, 2))
    s += sum(a * b * b for a, b in itertools.permutations(x, 2)) + sum((b - a) ** 2 for a, b in itertools.pairwise(x))
    s += sum(v * v for v in itertools.chain(x, [x[0]])) + sum(itertools.islice(x, 1, 4, 2))
    first, *rest = x
    return s + sum(itertools.compress(x, [1, 0, 1, 1])) + first * sum(rest) * (5).bit_length() * ord("a")


@program(np.array([0.3, 1.2, 0.7, 2.2]))
def comprehensions_that_name_a_value(x):
    above = [y + 1.0 for v in x if (y := v * v) > 0.5]
    last = y
    total = 0.0
    sums = [total := total + v for v in x]
    twice = [(z := v * v) + z for v in x if v > 0.5]
    return sum(above) * last + sums[-1] * total + sum(twice) * z


@program(np.array([0.3, 1.2, 0.7, 2.2]))
def conditions_that_are_true_itself(x):
    python, numpy = bool(x[0] > 0), x[1] > 0
    s = x[0] if python is True else 0.0
    s += x[1] ** 2 if numpy is True else x[2]
    match python, numpy:
        case (True, True):
            s *= 3.0
        case (True, _):
            s *= x[3]
    return s if python is not False else x[1]
