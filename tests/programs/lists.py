"""Lists, dicts, sets and deques that change, comprehensions, and lists whose length is known only at run time."""

import bisect
import heapq
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
A = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])
X = np.array([[0.2, 0.7], [-0.3, 1.1], [0.5, -0.9]])
B = np.array([0.1, -0.2, 0.3])


@program(V)
def listcomp_static_array_len(x):
    return sum([xi * xi for xi in x])


@program(V)
def listcomp_runtime(x):
    y = [xi * xi for xi in x]
    return y[0] * y[-1] + len(y)


@program(V)
def genexp_sum(x):
    return sum(xi * math.sin(xi) for xi in x)


@program(V)
def genexp_filter(x):
    return sum(xi * xi for xi in x if xi > 0)


@program(V)
def listcomp_filter_runtime(x):
    y = [xi * xi for xi in x if xi > 0]
    return sum(y) / len(y)


@program(V)
def listcomp_index_filter(x):
    y = [x[i] * x[i - 1] for i in range(len(x)) if i % 2 == 0]
    return sum(y)


@program(V)
def nested_genexp(x):
    return sum(x[i] * x[j] for i in range(len(x)) for j in range(i))


@program(V)
def nested_listcomp_array(x):
    m = np.array([[x[i] * x[j] for j in range(len(x))] for i in range(len(x))])
    return np.sum(m * m)


@program(V)
def array_of_listcomp(x):
    m = np.array([np.sin(xi) * xi for xi in x])
    return np.sum(m * x)


@program(V)
def loop_append_array(x):
    out = []
    for i in range(len(x)):
        out.append(x[i] * x[i - 1])
    return np.sum(np.array(out) ** 2)


@program(A)
def loop_append_rows_stack(a):
    out = []
    for row in a:
        out.append(np.tanh(row) * 2.0)
    return np.sum(np.stack(out) ** 2)


@program(A)
def loop_append_concat(a):
    out = []
    for row in a:
        out.append(row[1:] * row[:-1])
    return np.sum(np.concatenate(out) ** 2)


@program(A)
def loop_append_vstack(a):
    out = [a[0]]
    for i in range(3):
        out.append(np.sin(out[-1]))
    return np.sum(np.vstack(out) ** 2)


@program(0.5, 6)
def stack_pop_insert(x, n):
    s = []
    for i in range(n):
        s.append(x * i)
    s.insert(0, x * x)
    s.pop(0)
    return s[0] + s[1] * s[2]


@program(0.5)
def list_insert_static(x):
    s = [x, 2.0 * x]
    s.insert(1, x * x)
    s.insert(-1, x + 1)
    s.extend([x, math.sin(x)])
    return s[0] * s[1] + s[2] * s[3] - s[4] * s[5]


@program(0.5)
def list_del(x):
    s = [x, 2.0 * x, x * x]
    del s[1]
    return s[0] * s[1]


@program(0.5)
def dict_del(x):
    d = {"a": x, "b": x * x}
    del d["a"]
    return d["b"] * len(d)


@program(0.5)
def list_remove_count(x):
    s = [1, 2, 3]
    s.remove(2)
    return x * s[1] * s.count(3)


@program(0.5)
def slice_assign(x):
    s = [x, 2.0, 3.0, x * x]
    s[1:3] = [x * 3.0, x * 4.0, x * x * x]
    return s[0] * s[1] + s[2] * s[3] + s[4]


@program(0.5)
def list_mul_add(x):
    s = [x] * 3 + [x * x]
    s = s + [1.0]
    s *= 2
    return sum(s) * s[3]


@program(np.array([3.0, 1.0, 2.0]))
def sort_pairs(x):
    s = sorted([(2, x[0]), (1, x[1]), (3, x[2])])
    return s[0][1] + 2 * s[1][1] ** 2


@program(0.5)
def tuple_in(x):
    if 3 in (1, 2, 3):
        return x * x
    return x


@program(0.5)
def dict_ops(x):
    d = {"a": x, "b": x * x}
    d.update({"c": x**3})
    d.setdefault("e", math.sin(x))
    y = d.pop("a") + d.get("z", 1.0) * d.get("b")
    d |= {"f": 2.0 * x}
    g = d | {"b": x}
    for k, v in g.items():
        if k != "e":
            y = y + v * v
    return y + g["e"]


@program(0.5)
def dict_comp(x):
    d = {k: x**k for k in range(1, 4)}
    return d[1] + d[2] * d[3]


@program(0.5)
def dict_comp_items(x):
    d = {"a": x, "b": x * x}
    e = {k + "2": v * v for k, v in d.items() if k != "c"}
    return e["a2"] + e["b2"]


@program(0.5)
def dict_new_keys_loop(x):
    d = {}
    for k in ("u", "v", "w"):
        d[k] = x * len(d) + x * x
    return d["u"] * d["v"] + d["w"]


@program(0.5)
def dict_int_keys_memo(x):
    memo = {0: 1.0, 1: x}
    for i in range(2, 6):
        memo[i] = memo[i - 1] * x + memo[i - 2]
    return memo[5]


@program(0.5, 6)
def dict_memo_runtime(x, n):
    memo = {0: 1.0, 1: x}
    for i in range(2, n):
        memo[i] = memo[i - 1] * x + memo[i - 2]
    return memo[n - 1]


@program(0.5)
def memo_recursion(x):
    memo = {}

    def fib(n):
        if n in memo:
            return memo[n]
        r = x if n < 2 else fib(n - 1) * x + fib(n - 2)
        memo[n] = r
        return r

    return fib(6)


@program(0.5)
def set_static(x):
    s = {1, 2, 3}
    t = 0.0
    for i in (0, 1, 2, 5):
        if i in s:
            t += x**i
    return t


@program(0.5)
def set_add(x):
    seen = set()
    t = 0.0
    for i in [1, 2, 1, 3, 2]:
        if i not in seen:
            seen.add(i)
            t += x**i
    return t * len(seen)


@program(0.5)
def deque_queue(x):
    q = deque([x, x * x])
    q.append(x + 1)
    a = q.popleft()
    q.appendleft(a * 2)
    return q[0] * q[1] + q[-1] * len(q)


@program(0.5, 7)
def deque_runtime(x, n):
    q = deque()
    q.append(x)
    s = 0.0
    for i in range(n):
        v = q.popleft()
        q.append(v * x + 1.0)
        s += v
    return s


@program(V)
def deque_maxlen(x):
    q = deque(maxlen=3)
    s = 0.0
    for xi in x:
        q.append(xi)
        s += sum(q) / len(q)
    return s


@program(0.5)
def namedtuple_local(x):
    p = Pt(x, x * x)
    q = p._replace(x=p.y * 2)
    a, b = q
    return a * b + p.x + q[1] + q.x


Pt = namedtuple("Pt", ["x", "y"])


@program(0.5)
def counter_static(x):
    c = Counter("abca")
    return x ** c["a"] + x * c["z"]


@program(0.5)
def defaultdict_local(x):
    d = defaultdict(list)
    for i, k in enumerate("aba"):
        d[k].append(x * (i + 1))
    return sum(d["a"]) * sum(d["b"])


@program(0.5)
def defaultdict_float(x):
    d = defaultdict(float)
    for i, k in enumerate("aba"):
        d[k] += x ** (i + 1)
    return d["a"] * d["b"]


@program(0.5)
def starred_list(x):
    a = [x, x * x]
    b = [*a, 1.0, *a]
    c = {**{"u": x}, "v": 2.0}
    first, *mid, last = b
    return first * last + sum(mid) * c["u"] * c["v"]


@program(0.5, 0.7)
def varargs(x, y):
    def f(*args, **kwargs):
        s = 0.0
        for a in args:
            s += a * a
        for k, v in kwargs.items():
            s += v * (2.0 if k == "p" else 3.0)
        return s

    return f(x, y, p=x * y, q=x)


@program(
    [
        A.T @ A,
        A.T,
    ],
    X[:, 0],
    wrt=(0,),
)
def hetero_indexed_layers(ws, x):
    for i in range(len(ws)):
        x = np.tanh(ws[len(ws) - 1 - i] @ x[: ws[len(ws) - 1 - i].shape[1]])
    return np.sum(x)


@program([(A, B), (A.T[:, :2] @ np.ones((2, 2)), np.ones(2))], X, wrt=(0,))
def hetero_layers_index(layers, x):
    n = len(layers)
    for i in range(n):
        w, b = layers[i]
        x = x @ w + b
        if i < n - 1:
            x = np.maximum(x, 0.0)
    return np.sum(x**2)


@program({"w0": A, "b0": B, "w1": A.T, "b1": np.ones(2)}, X, wrt=(0,))
def fstring_keys(p, x):
    for i in range(2):
        x = np.tanh(x @ p[f"w{i}"] + p[f"b{i}"])
    return np.sum(x)


@program(V)
def rnn_states(x):
    hs = [0.0]
    for t in range(len(x)):
        hs.append(np.tanh(0.5 * hs[-1] + x[t]))
    return sum(h * h for h in hs)


@program(V, A)
def rnn_array_states(x, a):
    w = a[:, :2]
    hs = [np.zeros(2)]
    for t in range(len(x)):
        hs.append(np.tanh(w @ hs[-1] + x[t]))
    total = 0.0
    for h in hs:
        total += np.sum(h * h)
    return total


@program(V)
def zip_lists(x):
    a = [x[0], x[1]]
    b = [x[2], x[3]]
    return sum(p * q for p, q in zip(a, b))


@program(V)
def zip_runtime_lists(x):
    a = [v * 2 for v in x]
    b = []
    for v in x:
        b.append(v * v)
    return sum(p * q for p, q in zip(a, b))


@program(V)
def enumerate_list(x):
    a = [v * 2 for v in x]
    s = 0.0
    for i, v in enumerate(a):
        s += i * v * v
    return s


@program(V)
def reversed_list(x):
    a = []
    for v in x:
        a.append(v * v)
    s = 0.0
    for v in reversed(a):
        s = s * 0.5 + v
    for v in a[::-1]:
        s = s * 0.5 + v
    return s


@program(V)
def list_slice_runtime(x):
    a = []
    for v in x:
        a.append(v * v)
    b = a[1:3]
    return b[0] * b[1] + sum(a[:-1])


@program(V)
def list_concat_runtime(x):
    a = []
    for v in x:
        a.append(v * v)
    b = a + [x[0]]
    return b[-1] * b[0] + len(b)


@program(V)
def list_copy_alias(x):
    a = [x[0], x[1]]
    b = a
    c = a.copy()
    d = a[:]
    e = list(a)
    b[0] = 5.0 * x[2]
    return a[0] * c[0] + d[0] * e[1]


@program(V)
def np_array_mixed(x):
    m = np.array([[x[0], 0.0, 1], [x[1] * x[2], 2, x[3]]])
    return np.sum(m @ m.T)


@program(V)
def np_array_of_arrays(x):
    m = np.array([x[:2], x[2:4] * 2])
    return np.sum(m @ m.T)


@program(V)
def np_stack_list(x):
    m = np.stack([x, x * x, np.ones_like(x)])
    return np.sum(m @ m.T)


@program(V)
def np_hstack_list(x):
    m = np.hstack([x, x[0], 1.0, x * 2])
    return np.sum(m**3)


@program(V)
def sum_of_arrays(x):
    parts = [x * k for k in range(3)]
    return np.sum(sum(parts) ** 2)


@program(V)
def min_max_list(x):
    vals = [x[0] * 2, x[1], x[2]]
    return max(vals) + 2 * min(vals) + max(x[3], x[4])


@program(V)
def max_genexp(x):
    return max(xi * xi for xi in x)


@program(V)
def map_list(x):
    return sum(map(lambda t: t * t, x)) + sum(list(map(math.sin, [x[0], x[1]])))


@program(V)
def filter_list(x):
    return sum(filter(lambda t: t > 0, x))


@program(V)
def any_all(x):
    if any([xi > 1.0 for xi in x]) and all(xi > -5 for xi in x):
        return np.sum(x**2)
    return x[0]


@program(V)
def nested_list_matrix(x):
    n = 3
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            m[i][j] = x[i] * x[j] + m[i - 1][j]
    return m[2][2] + m[1][0]


@program(V)
def nested_list_matrix_runtime(x):
    n = len(x)
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            m[i][j] = x[i] * x[j] + m[i - 1][j]
    return m[2][2] + m[1][0]


@program(V)
def dp_list_runtime(x):
    n = len(x)
    d = [0.0] * (n + 1)
    for i in range(n):
        d[i + 1] = d[i] * 0.5 + x[i] * x[i]
    return d[n]


@program(V)
def list_of_dicts(x):
    ps = [{"m": x[0], "v": x[1]}, {"m": x[2], "v": x[3]}]
    e = 0.0
    for p in ps:
        p["v"] = p["v"] * 2
        e += p["m"] * p["v"] ** 2
    return e + ps[0]["v"]


@program([{"m": 1.0, "v": 2.0}, {"m": 0.5, "v": -1.0}])
def list_of_dict_args(ps):
    return sum(p["m"] * p["v"] ** 2 for p in ps) / len(ps)


@program({"a": [1.0, 2.0], "b": (0.5, {"c": V})})
def nested_arg(p):
    (u, d) = p["b"]
    return p["a"][0] * p["a"][1] * u + np.sum(d["c"] ** 2)


@program(0.5)
def dict_from_zip(x):
    d = dict(zip(["a", "b"], [x, x * x]))
    e = dict(a=x, b=2.0)
    return d["a"] * d["b"] + e["a"] * e["b"]


@program(0.5)
def dict_fromkeys(x):
    d = dict.fromkeys(["a", "b"], 0.0)
    d["a"] += x
    d["b"] += x * x
    return d["a"] * d["b"]


@program(0.5)
def list_index_method(x):
    names = ["a", "b", "c"]
    v = [x, x * x, x**3]
    return v[names.index("c")] + v[-2]


@program(V)
def list_truth(x):
    a = []
    if not a:
        a.append(x[0])
    while len(a) < 4:
        a.append(a[-1] * x[1])
    return a[3] + a[0]


@program(V)
def two_stacks(x):
    a, b = [], []
    for v in x:
        a.append(v)
    while a:
        b.append(a.pop() * 2.0)
    s = 1.0
    while b:
        s = s * 0.5 + b.pop() ** 2
    return s


@program(V)
def postfix_stack(x):
    st = []
    for tok in ["0", "1", "+", "2", "*", "3", "-"]:
        if tok in "+-*":
            b = st.pop()
            a = st.pop()
            st.append(a + b if tok == "+" else a - b if tok == "-" else a * b)
        else:
            st.append(x[int(tok)])
    return st[-1]


@program(0.3)
def tuple_swap_items(x):
    a = [x, 2.0, x * x]
    a[0], a[2] = a[2], a[0]
    return a[0] + a[2] * a[1]


@program(0.3)
def chained_dict(x):
    cfg = {"opt": {"lr": x, "betas": (0.9, x)}}
    cfg["opt"]["lr"] *= 2.0
    return cfg["opt"]["lr"] * cfg["opt"]["betas"][1]


@program(V)
def append_tuple(x):
    hist = []
    for i in range(3):
        hist.append((x[i], x[i + 1] * 2))
    return sum(a * b for a, b in hist)


@program(V)
def append_tuple_runtime(x):
    hist = []
    for i in range(len(x) - 1):
        hist.append((x[i], x[i + 1] * 2))
    return sum(a * b for a, b in hist)


@program(V)
def unzip(x):
    pairs = [(x[0], x[1]), (x[2], x[3])]
    a, b = zip(*pairs)
    return a[0] * b[1] + a[1] * b[0]


def quicksorted(values):
    if len(values) <= 1:
        return values
    pivot = values[0]
    low = [v for v in values[1:] if v < pivot]
    return quicksorted(low) + [pivot] + quicksorted([v for v in values[1:] if v >= pivot])


@program(V)
def quicksort(x):
    return sum(v * i for i, v in enumerate(quicksorted(list(x))))


def merge_sorted(values):
    if len(values) < 2:
        return values
    middle = len(values) // 2
    a, b = merge_sorted(values[:middle]), merge_sorted(values[middle:])
    merged, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        if a[i] < b[j]:
            merged.append(a[i])
            i += 1
        else:
            merged.append(b[j])
            j += 1
    return merged + a[i:] + b[j:]


@program(V)
def merge_sort(x):
    return sum(v * v * i for i, v in enumerate(merge_sorted([v * 2 for v in x])))


def horner(coefficients, x):
    return coefficients[0] if len(coefficients) == 1 else coefficients[0] + x * horner(coefficients[1:], x)


@program(V)
def horner_by_recursion(x):
    return horner([v * 2 for v in x if v > 0], x[0])


@program(V)
def soft_edit_distance(x):
    n = len(x)
    cost = [[0.0] * (n + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        cost[i][0] = i * 1.0
        cost[0][i] = i * 1.0
    for i in range(1, n + 1):
        for j in range(1, n + 1):
            changed = cost[i - 1][j - 1] + abs(x[i - 1] - x[n - j])
            cost[i][j] = min(cost[i - 1][j] + 1, cost[i][j - 1] + 1, changed)
    return cost[n][n]


@program(V)
def array_of_appended_tuples(x):
    """A history of several numbers a step, made into an array of as many columns."""
    s, i, r = 1.0, 0.1, 0.0
    history = [(s, i, r)]
    for _ in range(12):
        new, gone = abs(x[0]) * s * i, 0.3 * x[1] * i
        s, i, r = s - new, i + new - gone, r + gone
        history.append((s, i, r))
    table = np.array(history)
    return max(row[1] for row in history) + table[:, 2].mean() * np.sum(table[-1] * table[0])


@program(np.outer(V, V))
def array_of_appended_pairs_of_rows(x):
    pairs = []
    for row in x:
        pairs.append((row * 2.0, np.sin(row)))
    both = np.array(pairs)
    return np.sum(both[:, 0] * both[:, 1]) + both[1, 1, 2]


@program(np.outer(V, V))
def ranges_as_indices(x):
    y = x[range(3), [1, 0, 1]] * 2.0
    z = x.copy()
    z[range(1, 3)] *= y[0]
    for k in range(1, 4):
        z[range(k), k] = y[k - 1]
    return np.sum(y) + np.sum(z * z)


@program(np.sin(np.arange(20.0) + 0.3))
@program(V)
def starred_names_of_arrays(x):
    a, *b, c = x
    (d, e), (f, *g) = x[:2], x[2:]
    *h, last = [v * v for v in x if v > 0]
    return a * c + sum(v * i for i, v in enumerate(b)) + len(b) + d * e + f * sum(g) + last * sum(h)


@program(V)
def array_of_a_trajectory(x):
    states = []
    a, b = x[0], x[1]
    for _ in range(10):
        a, b = a + 0.1 * b, b - 0.1 * np.sin(a)
        states.append((a, b))
    t = np.array(states)
    kept = np.asarray([(v, v * i) for i, v in enumerate(x) if v > 0])
    return np.sum(t[:, 0] ** 2) + t[-1, 1] + kept.sum(axis=0) @ np.array([1.0, 2.0])


@program(A)
def join_along_other_axes(a):
    parts = []
    for i in range(len(a)):
        parts.append(np.sin(a) * (i + 1))
    wide = np.concatenate(parts, axis=1)
    stacked = np.stack(parts, axis=1) * np.stack(parts, -1).transpose(0, 2, 1)
    return np.sum(wide[0] ** 2) + np.sum(np.hstack(parts) * np.arange(6)) + np.sum(stacked * parts[0].sum())


@program(V)
def columns_of_a_list(x):
    parts = []
    for i in range(len(x)):
        parts.append(x * i)
    return np.sum(np.stack(parts, axis=1) * np.arange(5)) + np.sum(np.column_stack(parts)[1] ** 2)


@program(V)
def spread_what_a_star_took(x):
    a, *b = x
    return sum([a, *b]) * max(*b, a)


@program(V)
def position_of_the_largest(x):
    y = [v * v for v in x]
    return y.index(max(y)) * x[1] + y[2]


@program(V)
def position_in_a_list_that_grew(x):
    y, signs = [], []
    for v in x:
        signs.append(1 if v > 0 else 0)
        if v > 0:
            y.append(v * v)
    return y.index(max(y)) * x[0] + sum(y) * signs.count(1)


@program(V)
def remove_the_smallest(x):
    y = [v * v for v in x if v > 0]
    y.remove(min(y))
    return sum(y) * len(y) + y[0]


@program(V)
def remove_from_a_known_list(x):
    y = [x[0], x[1], x[0], x[2]]
    y.remove(min(y))
    return y[0] ** 2 + 3 * y[1] * y[2] + y.count(x[0]) * x[3] + (x[0], x[2]).index(x[2]) * x[1] ** 2


class Stack(list):
    limit = 2

    def top(self):
        return self[-1]

    def push(self, v):
        if len(self) < self.limit:
            self.append(v)
        return self

    @property
    def total(self):
        return sum(self)


@program(V)
def list_with_methods_of_its_own(x):
    s = Stack()
    s.push(x[0]).push(x[1] ** 2).push(x[2])
    copied, doubled = s.copy(), s + s
    copied.append(x[3])
    kinds = isinstance(s, Stack) + 2 * isinstance(copied, Stack) + 4 * isinstance(doubled, Stack)
    return s.top() * s.total + len(s) * sum(copied) * kinds


@program(V)
def list_of_a_class_that_grows(x):
    s = Stack()
    for v in x:
        s.append(v * v)
    return sum(s) * s[1]


def of_three_lengths(a, b, c):
    if a > 0:
        items = [b, 0.5]
    elif b > 0:
        items = [b]
    else:
        items = []
    items.append(c * c)
    return items


@program(0.5, 0.7, 0.9)
@program(-0.5, 0.7, 0.9)
@program(-0.5, -0.7, 0.9)
def lists_of_another_length_on_each_path(a, b, c):
    items = of_three_lengths(a, b, c)
    s = a
    for k, v in enumerate(items):
        s = s + v * v * k + v
    return s * len(items) * items[-1]


@program(V)
@program(-V)
def lists_of_arrays_of_another_length_on_each_path(x):
    if x[0] < 0:
        rows = [x, x * 2]
    elif x[1] > 0:
        rows = [x]
    else:
        rows = [x, x * x, x]
    rows[-1] = rows[-1] * x[2]
    return np.sum(rows[-1] * len(rows)) + np.sum(rows[0])


@program(V)
@program(-V)
def lists_of_pairs_of_another_length_on_each_path(x):
    if x[0] > 0:
        pairs = [(x[1], 1.0), (x[0], x[2])]
    elif x[2] > 0:
        pairs = [(x[1], 2.0)]
    else:
        pairs = [(x[1], x[0])] * 3
    s = 0.0
    for a, b in pairs:
        s = s + a * b
    return s


@program(V)
def best_of_lists_that_grow(x):
    best = []
    for i in range(3):
        found = [x[i]] * (i + 1)
        if sum(found) > sum(best):
            best = found
    best.append(x[0])
    return sum(best) * len(best)


# -- dicts whose keys are known only at run time

K = np.array([3, 1, 3, 2, 1])
J = np.array([2, 2, 0, 2, 2])


@program(V)
def item_chosen_at_run_time(x):
    items = [x[0], x[1] * 2.0, x[2] * 3.0]
    k = len(np.nonzero(x > 0.5)[0])
    items[k - 2] = items[k - 1] * x[3]
    return items[k - 1] * items[k - 2] + len(items)


@program(V, K)
def tally_by_key(x, keys):
    d = {}
    for i in range(len(x)):
        k = int(keys[i])
        d[k] = d.get(k, 0.0) + x[i] * x[i]
    s = 0.0
    for k in d:
        s = s + d[k] ** 2 * k
    return s


@program(V, K)
def tally_default(x, keys):
    d = defaultdict(float)
    for k, v in zip(keys, x):
        d[k] += v * v
    s = 0.0
    for k, v in d.items():
        s = s * 0.5 + v**2 * k
    return s * len(d)


@program(V, K)
def product_if_there(x, keys):
    d = {}
    for k, v in zip(keys, x):
        if k in d:
            d[k] = d[k] * v
        else:
            d[k] = v
    return sum(d.values()) * d[3]


@program(V, K, J)
def sparse_matrix(x, rows, columns):
    m = {}
    for r, c, v in zip(rows, columns, x):
        m[int(r), int(c)] = v * v
    s = 0.0
    for (i, j), v in m.items():
        for k in range(3):
            if (j, k) in m:
                s += m[j, k] * v * (i + 1)
    return s + sum(m.values())


@program(V, K)
def toggled_keys(x, keys):
    d = {}
    for k, v in zip(keys, x):
        if k in d:
            del d[k]
        else:
            d[k] = v * v
    s = 1.0
    for k, v in d.items():
        s = s * 0.5 + v * k
    return s * len(d)


@program(V, 40)
def recently_used(x, n):
    cache = OrderedDict()
    s = 0.0
    for i in range(n):
        k = (i * 7 + int(2.0 + x[0])) % 5
        if k in cache:
            cache.move_to_end(k)
            v = cache[k]
        else:
            v = x[k] ** 2 * (i + 1)
            cache[k] = v
            if len(cache) > 3:
                cache.popitem(last=False)
        s = 0.9 * s + v
    return s


@program(0.7, np.array([5, 3, 7, 1, 1, 0]))
def memo_with_start(x, order):
    memo = {0: 1.0, 1: x}
    for n in order:
        k = 2
        while k <= n:
            if k not in memo:
                memo[k] = memo[k - 1] * x + memo[k - 2]
            k += 1
    return memo[7] + memo[len(memo) - 1]


@program(V, K)
def averages_by_key(x, keys):
    d = {}
    for k, v in zip(keys, x):
        total, n = d.get(k, (0.0, 0))
        d[k] = (total + v, n + 1)
    return sum(total * total / n for total, n in d.values())


@program(A, np.array([1, 0, 1]))
def arrays_by_key(a, keys):
    d = {}
    for j in range(3):
        d[int(keys[j])] = a[:, j] * a[0, 0]
    return np.sum(d[0] * d[1]) + np.sum(np.array(list(d.values())))


@program(V, K)
def counted_keys(x, keys):
    c = Counter(keys.tolist())
    c[3] += 1
    return sum(x[i] ** 2 / c[int(keys[i])] for i in range(len(x))) * c[9] + x[0] * c[3]


@program(V, K)
def dict_made_of_pairs(x, keys):
    d = dict(zip(keys, x))
    e = {k: v * v for k, v in d.items()}
    f = {**{}, 2: x[0]}
    f.update(e)
    e[3] = f.pop(1)
    return e[1] * f[2] + sum(e.values()) * sum(f.values())


@program(V, K)
def dict_popped_with_default(x, keys):
    d = {int(k): v for k, v in zip(keys, x)}
    s = 0.0
    for k in range(5):
        s += d.pop(k, 0.5 * x[4]) * (k + 1)
    return s * s + len(d)


@program(V, K)
def dict_filled_by_helper(x, keys):
    def add(d, k, v):
        d[k] = d.setdefault(k, 1.0) * v

    d, e = {}, {}
    for k, v in zip(keys, x):
        add(d if k > 2 else e, 1, v) if False else add(d, k, v)
        add(e, k % 2, v)
    return sum(d.values()) * e[1]


@program(V, K)
def changed_while_iterated(x, keys):
    d = {}
    for k, v in zip(keys, x):
        d[k] = v
    for k in d:
        d[k] = d[k] * k
    for k, v in d.items():
        d[k] = v * v
    return sum(d.values())


@program(V, K)
def missing_key_caught(x, keys):
    d = {}
    for k, v in zip(keys, x):
        d[k] = v * v
    s = 0.0
    for k in range(4):
        try:
            s += d[k] * (k + 1)
        except KeyError:
            s += x[0] ** 2
    return s


@program(V, K)
def members_at_run_time(x, keys):
    seen = set()
    s = 0.0
    for k, v in zip(keys, x):
        if (int(k), 1) not in seen:
            seen.add((int(k), 1))
            s += v**2
    return s * len(seen)


@program(V, K)
def dict_in_each_trip(x, keys):
    s = 0.0
    for j in range(3):
        d = {}
        for k, v in zip(keys, x):
            d[k] = d.get(k, 0.0) + v * j
        best = max(d, key=d.get)
        for k in sorted(d):
            s = s * 0.5 + d[k] ** 2 * best
    return s


# -- heaps, and lists that are kept in order


@program(V)
def heap_of_pairs(x):
    h = []
    for i in range(len(x)):
        heapq.heappush(h, (x[i] * x[i], i))
    s = 0.0
    while h:
        key, i = heapq.heappop(h)
        s = s * 0.5 + key * x[i]
    return s


@program(V)
def heap_of_known_list(x):
    h = [x[0], x[1] * x[2], x[3], 2.0 * x[4]]
    heapq.heapify(h)
    s = heapq.heapreplace(h, x[0] * x[1]) * x[2]
    s += heapq.heappushpop(h, x[4] ** 2) * x[3]
    while len(h) > 1:
        s = s * 0.7 + heapq.heappop(h) ** 2
    return s


@program(V, np.array([[0, 1, 3], [0, 2, 1], [2, 1, 4], [1, 3, 2], [2, 3, 0], [3, 4, 1]]))
def shortest_path(x, edges):
    distance = {0: 0.0}
    done = set()
    queue = [(0.0, 0)]
    while queue:
        d, u = heapq.heappop(queue)
        if u in done:
            continue
        done.add(u)
        for a, b, w in edges:
            if int(a) == u:
                new = d + x[w] ** 2
                if int(b) not in distance or new < distance[int(b)]:
                    distance[int(b)] = new
                    heapq.heappush(queue, (new, int(b)))
    return distance[4] + 0.1 * distance[1]


@program(np.array([1.5, 0.4, 2.2]))
def inserted_where_only_the_run_tells(x):
    items = [x[0], x[1] * x[2]]
    items.insert(int(x[2]), x[2] ** 2)
    pairs, ordered = [(x[0], 1.0)], []
    for i in range(len(x)):
        pairs.insert(int(x[i]) % (len(pairs) + 1), (x[i] ** 2, 2.0 * i))
        low, high = 0, len(ordered)
        while low < high:
            middle = (low + high) // 2
            if x[i] < ordered[middle]:
                high = middle
            else:
                low = middle + 1
        ordered.insert(low, x[i])
    s = 0.0
    for v in items + ordered:
        s = s * 0.5 + v
    for v, weight in pairs:
        s = s * 0.9 + v * weight
    return s


@program(V)
def sorted_insertion(x):
    items = []
    for v in x:
        bisect.insort(items, v * v)
    s = 0.0
    for v in items:
        s = s * 0.5 + v
    return s


@program(V)
def tuples_by_order(x):
    best = (x[0] * 9.0, 0)
    for i in range(1, len(x)):
        if (x[i], i) < best:
            best = (x[i], i)
    return best[0] ** 2 * best[1] if (x[0], x[1]) >= (x[0], x[2]) else best[0] + x[1]


@program(np.array([0.7, -0.4, 1.3]))
def two_lists_of_one_array(x):
    a, b = list(x), list(x)
    a[0] = a[1] * b[2]
    b[1] = a[0] ** 2
    a.append(b.pop() * b[0])
    return sum(a) * sum(b)


@program(V, -2, 100)
@program(V, 1, -1)
@program(V, 4, -3)
def ranges_sliced_at_run_time(x, first, last):
    trips = int(np.sum(x > 0.0)) + 1
    places = range(1, 2 * trips, 2)
    s = 0.0
    for i in places[first:last]:
        s += x[i % 5] * x[places[i % trips] % 5]
    for i in places[last:first:-1]:
        s += x[i % 5] ** 3 * x[places[-1] % 5]
    return s


@program(V)
def list_replaced_on_one_side(x):
    kept = [x[0]]
    for k in range(int(np.sum(x > 0.0))):
        kept.append(x[0] * x[k])
    before = len(kept)
    if x[1] < 0.0:
        kept = kept[::2]
    if x[0] > 0.0:
        kept = [x[1] * v for v in kept]
    s = 0.0
    for v in kept:
        s = np.sin(s + v)
    return s * before


@program(V)
def list_of_tuples_replaced_on_one_side(x):
    kept = [(0, x)]
    for k in range(int(np.sum(x > 0.0))):
        kept.append((k, x * x[k]))
    if x[1] < 0.0:
        kept = kept[::2]
    if x[2] > 0.0:
        kept.append((3, x * x))
    s = 0.0
    for k, v in kept:
        s = np.sin(s + v[k])
    return s


@program(np.array([1.2, 0.5, 3.1]))
def list_replaced_in_a_loop(x):
    kept, swapped = [x[0]], [x[1], x[0]]
    for k in range(int(x[2] * 2.0)):
        if len(kept) == 4:
            kept = kept[::2]
        kept = [*kept, x[1] * k] if k == 2 else kept + [np.sin(kept[-1]) * x[0]]
        kept, swapped = swapped, kept
    return sum(kept) * swapped[0]


@program(np.array([1.2, 0.5, 3.1]), 1, -1)
@program(np.array([1.2, 0.5, 3.1]), 3, 1)
@program(np.array([1.2, 0.5, 3.1]), -20, 20)
def slice_stored_with_bounds_at_run_time(x, first, last):
    items = []
    for k in range(int(x[2] * 2.0)):
        items.append(x[0] * k)
    items[first:last] = [x[1], x[1] * x[0], items[-1]]
    s = 0.0
    for v in items:
        s = np.sin(s + v)
    return s


@program(np.array([1.2, 0.5, 5.1]), again=False)
def lists_defined_in_some_trips(x):
    rows = [x * k for k in range(int(x[2]))]
    total = 0.0
    for k in range(int(x[2])):
        if k % 2 == 0:
            even = [x[0] * j for j in range(k + 2)]
            joined = even[::2] + even[1:]
        total += sum(joined) ** 2
        rows = rows[1:] + [np.sin(rows[0]) * x]
        head = rows[:2]
    return total + sum(np.sum(row) for row in rows) + np.sum(head[0])


@program(np.array([1.2, 0.5, 3.1]))
def queue_replaced_in_a_loop(x):
    queue = [(x[0], 0), (x[1], 1)]
    s = 0.0
    while len(queue) > 0:
        v, depth = queue[0]
        queue = queue[1:]
        s += v * v
        if depth < int(x[2]):
            queue = queue + [(v * x[0], depth + 1), (v + x[1], depth + 2)]
    return s


@program(np.array([1.2, 0.5, 3.1]))
def list_in_dict_replaced_in_a_loop(x):
    state = {"path": [(x, 0.0)], "count": 0}
    for _ in range(int(x[2])):
        point, t = state["path"][-1]
        state["path"] = state["path"] + [(np.sin(point), t + x[0])]
        state["count"] += 1
    s = 0.0
    for point, t in state["path"]:
        s += np.sum(point) * t
    return s * state["count"]


@program(np.array([1.2, 0.5, 3.1]))
def longest_run(x):
    run, best = [], []
    for k in range(int(9.0 * x[2])):
        v = np.sin(k * x[0] + x[1])
        run = run + [v] if v > 0.0 else []
        if len(run) > len(best):
            best = run
    return sum(best)


@program(np.array([1.2, 0.5, 3.1]), refusable=True)
def list_from_outside_changed_in_a_loop(x):
    first = [x[0], x[1]]
    kept = [x[0] * 2.0, x[1] * 3.0]
    for _ in range(int(x[2])):
        kept[0] = kept[0] * x[1]
        kept = first
    return first[0] + kept[1]


@program(V)
def list_made_under_a_condition_and_used_under_it(x):
    positive = x[0] > 0
    if positive:
        found = []
        for v in x:
            if v > 0:
                found.append(v * v)
    y = x[1]
    if positive:
        found.append(y * y)
        y = found[0] * len(found) + found[-1]
    return y


@program(np.array([0.7, -0.4, 1.3, 2.2]))
@program([0.7, -0.4, 1.3, 2.2])
def parts_of_lists_that_are_deleted(x):
    items = list(x)
    same = items
    del items[1:3]
    items.append(x[3] ** 2)
    del same[-1:0]
    window = []
    for v in x:
        window.append(v * v)
        if len(window) > 2:
            del window[:2]
    return sum(items) * same[-1] + sum(window) * len(window)


@program(np.array([0.3, 0.7, 0.2], np.float32))
def sorted_numbers_of_several_kinds(x):
    found = sorted([x[0], 0.5, x[2] * 3])
    other = [x[1], 0.5]
    other.sort()
    return found[-1] * 2 + found[0] ** 2 + other[0] * found[1] + x[1] * other[1]


@program(V)
def slices_deleted(x):
    items = list(x)
    del items[1:3]
    del items[::2]
    many = [v * k for k in range(60) for v in x]
    del many[10:200]
    del many[3:1]
    del many[::-3]
    return sum(v * (i + 1) for i, v in enumerate(items)) * sum(many)


@program(V, 1, 3)
@program(V, 3, 1)
@program(V, -1, 9)
@program(V, 2, -1)
@program(V, -9, -2)
def slices_whose_bounds_a_run_tells(x, lo, hi):
    for v in x:
        lo += v > 5
    items = list(x)
    items[lo:hi] = [x[0] * 2, x[1] * 3]
    last = len(items)
    del items[lo : lo + 1]
    return sum(v * (i + 1) for i, v in enumerate(items)) * last


@program(np.array([0.31, 0.8, 0.2], np.float32), second=False)
def sorted_again(x):
    """Which of the numbers is Python's is known only at run time; it stays that, so sums are single."""
    items = sorted([x[1], 0.5])
    if x[0] > 0.0:
        items = sorted([items[0], items[1], x[2] * 2.0])
    items = sorted(items)
    return x[0] * items[-1] + items[0]


@program(np.array([0.7, -1.1, 0.4, 1.3]))
def prefixes_turned_while_they_last(x):
    order, total, turns = [2, 0, 3, 1], 0.0, 0
    while turns < 4:
        items, flips = order[:], 1
        k = items[0]
        while k:
            items[: k + 1] = reversed(items[: k + 1])
            flips += 1
            k = items[0]
        total += flips * x[order[0]] * x[order[1]] ** 2
        order.append(order.pop(0))
        turns += 1
    return total


@program(np.array([0.7, -1.1, 0.4, 1.3]), 3)
def known_lists_indexed_by_what_a_loop_counts(x, n):
    k, state = int(n), [0.5, x[0], x[1] * 2.0, 3.0]
    weights = [1.0, -2.0, 0.5]
    i = 0
    while i < k:
        state[i] = state[i + 1] * x[i] + weights[i]
        state[i + 1 :] = (v * x[3] for v in state[i + 1 :])
        i += 1
    return state[0] * state[3] + sum(state[: k - 1])


@program(np.array([0.7, -1.1, 0.4]), 4)
def states_of_as_many_items_as_the_data(x, n):
    def slope(s):
        return [s[1], -s[0] * s[2], 0.1]

    state, total = list(x), 0.0
    for _ in range(n):
        state = [s + 0.1 * d for s, d in zip(state, slope(state))]
        changed = [state[1], 2.0, 0.5]
        for a, b in zip(state, changed):
            changed[1] = a * b
            total += b
    return total * state[0] + sum(state)
