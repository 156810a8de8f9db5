"""Variables that functions share, assignments in expressions, deletions; what loops bind to functions and text."""

import functools

import numpy as np

from tests.programs.registry import program

V = np.array([0.7, -0.4, 1.3, 0.9])


@program(V)
def nonlocal_counter(x):
    total = 0.0
    n = 0

    def add(v):
        nonlocal total, n
        total += v * v * n
        n += 1

    for v in x:
        add(v)
    return total * n


@program(0.7, 1.3)
def nonlocal_on_a_condition(a, b):
    best = a

    def upd(v):
        nonlocal best
        if v > best:
            best = v

    upd(b)
    upd(a * b)
    upd(a * a)
    return best * best


@program(0.7)
def counter_factory(a):
    def make():
        n = 1.0

        def step():
            nonlocal n
            n = n * a
            return n

        return step

    s = make()
    t = make()
    return s() + s() * t() + s()


@program(0.7, 1.3)
def closure_rebind(a, b):
    k = a

    def f(t):
        return t * k

    y = f(b)
    k = b * b
    return y + f(a)


@program(0.7, 1.3)
def late_binding(a, b):
    fs = []
    for k in range(3):
        fs.append(lambda t: t * k * a)
    return sum(f(b) for f in fs)


@program(0.7, 1.3)
def late_and_early_binding(a, b):
    fs = [lambda t, k=k: t**k * a for k in range(3)]
    gs = [lambda t: t**k * a for k in range(3)]
    return fs[1](b) + fs[2](b) + gs[0](b)


@program(0.7)
def function_chosen_at_run_time(a):
    f = np.sin if a > 0 else np.cos
    return f(a) * a


@program(V)
def test_of_while_stores(x):
    a = x.copy()
    s = 0.0

    def step():
        a[2] *= 0.5
        return a[2]

    while step() > 0.1:
        s += a[2] ** 2
    return s + a[2]


@program(V)
def test_of_while_pops(x):
    st = [v for v in (x[0], x[1], x[2])]
    s = 0.0
    while len(st) > 0 and (v := st.pop()) > 0:
        s += v * v
    return s


@program(V)
def walrus_in_a_test(x):
    i = 0
    s = 0.0
    while (v := x[i]) > -0.1 and i < 3:
        s += v * v
        i += 1
    else:
        s = s * 3
    return s + v


@program(V)
def walrus_counter_with_else(x):
    i = -1
    s = 0.0
    while (i := i + 1) < 4:
        if x[i] < 0:
            continue
        s += x[i] * i
        if s > 100:
            break
    else:
        s = s * 3
    return s


@program(V)
def break_in_an_else_clause(x):
    s = 0.0
    for j in range(3):
        i = 0
        while i < 2:
            s += x[i] * j
            i += 1
            if s > 50:
                break
        else:
            if j == 1:
                break
            s = s * 2
    return s


@program(V)
def nonlocal_in_branch_and_loop(x):
    best = x[0]
    count = 0
    hist = []

    def see(v):
        nonlocal best, count
        if v > best:
            best = v
            count += 1
            hist.append(v)

    for i in range(4):
        for j in range(2):
            see(x[i] * (j + 1))
    return best * best + count * x[0] + len(hist)


@program(V)
def nonlocal_array(x):
    acc = np.zeros(4)

    def add(v):
        nonlocal acc
        acc = acc + v * x

    for i in range(3):
        add(x[i])
    return (acc * acc).sum()


@program(V)
def nonlocal_list(x):
    acc = []

    def add(v):
        nonlocal acc
        acc = acc + [v]

    for i in range(3):
        add(x[i])
    return acc[0] * acc[2]


@program(0.7)
def nonlocal_two_levels(a):
    t = a

    def f():
        def g():
            nonlocal t
            t = t * a

        g()
        g()
        return t

    return f() * t


@program(0.7)
def nonlocal_undefined(a):
    r = 0.0

    def g():
        nonlocal r
        r = a * a
        return r

    if a > 0.5:
        y = g()
    else:
        y = a
    return y * r


@program(0.7)
def walrus_in_a_comprehension(a):
    y = [(u := v * v) * 2 for v in (a, 2.0, a * 3)]
    return sum(y) * u


@program(0.7)
def walrus_in_a_generator(a):
    n = 0.0
    y = sum((n := n + v) for v in (a, 2.0, a * 3))
    return y * n


@program(0.7)
def walrus_in_a_choice(a):
    u = a
    y = [(u := v * u) if v > 0 else 0.0 for v in (a, -a, a * 3)]
    return y[0] + y[2] * u


@program(V)
def returned_closure(x):
    def make(a):
        b = a.reshape(2, 2)
        return lambda: b.sum()

    f = make(x)
    y = x.copy()
    y[0] = 3.0
    return f() * y[1]


@program(0.7)
def deleted_items(a):
    d = {"p": a, "q": a * a}
    del d["p"]
    L = [a, a * 2, a * 3, 4.0]
    del L[0]
    del L[1:2]
    return sum(d.values()) * L[0] + len(L)


@program(0.7)
def deleted_names(a):
    s = 0.0
    for i in range(3):
        t = a * i
        s += t
        del t
    return s


@program(0.7)
def function_defined_again(a):
    def f(x):
        return x * 2

    y = f(a)

    def f(x):
        return x * x

    return y * f(a)


@program(0.7)
def function_of_a_branch(a):
    if a > 0:

        def f(x):
            return x * 2
    else:

        def f(x):
            return x * x

    return f(a)


@program(0.7)
def stack_in_closures(a):
    s = []

    def push(v):
        s.append(v)

    def pop():
        return s.pop()

    push(a)
    push(a * a)
    push(3.0)
    return pop() * pop() + pop()


@program(V)
def closure_list_mutation(x):
    out = []

    def visit(i):
        if i < 4:
            out.append(x[i] * i)
            visit(i + 1)

    visit(0)
    return out[1] * out[3]


@program(0.7)
def fn_rebound_in_loop(a):
    f = np.sin
    for i in range(3):
        a = a * f(a)
        f = np.cos
    return f(a) * a


@program(V)
def fn_rebound_runtime(x):
    f = np.sin
    s = x[0]
    for i in range(len(x)):
        s = f(s) + x[i]
        f = np.cos
    return f(s)


@program(V)
def fn_rebound_while(x):
    f = np.sin
    s = x[0]
    i = 0
    while i < 3:
        s = f(s) + x[i]
        f = np.cos
        i += 1
    return f(s)


@program(V)
def str_rebound(x):
    k = "a"
    s = x[0]
    for i in range(len(x)):
        s = s * x[i] if k == "a" else s + x[i]
        k = "b"
    return s if k == "b" else s * 100


@program(V)
def none_rebound(x):
    k = None
    s = x[0]
    for i in range(len(x)):
        s = s * x[i] if k is None else s + x[i]
        k = True
    return s if k else s * 100


@program(V)
def tuple_rebound(x):
    t = (x[0], x[1])
    for i in range(len(x)):
        t = (t[1], t[0] * x[i])
    return t[0] * t[1]


@program(V)
def tuple_shape_rebound(x):
    t = (x[0],)
    for i in range(3):
        t = (*t, t[-1] * x[i])
    return sum(t)


@program(V)
def lambda_rebound(x):
    f = lambda t: t
    for i in range(3):
        f = lambda t, g=f, i=i: g(t) * x[i]
    return f(x[3])


@program(V)
def slice_rebound(x):
    s = slice(0, 1)
    r = 0.0
    for i in range(3):
        r = r + x[s].sum()
        s = slice(1, 3)
    return r


@program(V)
def range_rebound(x):
    it = range(2)
    r = 0.0
    for i in range(3):
        for k in it:
            r = r * 0.5 + x[k]
        it = range(4)
    return r


@program(V)
def partial_rebound(x):
    f = np.sin
    for i in range(len(x)):
        f = functools.partial(np.multiply, x[i])
    return f(x[1])


@program(V)
def method_rebound(x):
    f = x.sum
    for i in range(len(x)):
        f = (x * x[i]).sum
    return f()


@program(V)
def const_flag(x):
    found = False
    k = 0
    for i in range(len(x)):
        if x[i] < 0 and not found:
            found = True
            k = i
    return x[k] ** 2 * (2 if found else 3)


WEIGHTS = np.array([1.0, -2.0, 3.0])
SHIFTS = [np.array([0.5, 0.1, 0.2]), np.array([1.0, 2.0, 3.0])]
SQUARE = np.array([[0.3, -2.0, 0.1], [1.7, 0.2, 0.4], [0.1, 0.3, 1.1]])


@program(SQUARE, 3)
def array_of_the_module_first_read_in_a_loop(x, n):
    total = 0.0
    for _ in range(n):
        total = total + np.sum(WEIGHTS * np.sin(x))
    return total


@program(SQUARE, 3)
def arrays_of_the_module_beside_arrays_made_in_a_loop(x, n):
    total, i = 0.0, 0
    while i < n:
        y = x + 1.0
        z = SHIFTS[1] * np.cos(y)
        y = z + SHIFTS[0]
        total = total + np.sum(y * WEIGHTS)
        i += 1
    return total


@program(SQUARE, 3)
def arrays_of_the_module_in_nested_loops_with_stores(x, n):
    b = x.copy()
    for i in range(n):
        r = np.sqrt(np.abs(x) + 1.0)
        b[i] = b[i] * SQUARE[i] + r[i] * WEIGHTS
        for j in range(2):
            q = np.sin(b)
            b[:, j] += SQUARE[:, j] * q[:, j]
    return np.sum(b)


def _scaled_by(factors):
    def scaled(x, n):
        rows = []
        for _ in range(n):
            t = x * x
            rows.append(factors * t)
        return np.sum(np.array(rows))

    return scaled


array_of_a_closure_in_a_loop = program(SQUARE, 3)(_scaled_by(np.array([2.0, 1.0, 0.5])))


@program(V)
def read_before_the_value(x):
    """Python reads what an augmented assignment changes before the value, and keeps the object that it has read."""
    a, b = x.copy(), x * 2.0
    first, s = a, x[0]
    pair, table = [x[1], x[2]], {"k": x[3], "v": x * 0.5}

    def changed(v):
        nonlocal a, s
        s, a[1], b[2] = 3.0 * x[1], 5.0 * x[1], 7.0 * x[2]
        pair[0], table["k"], table["v"] = x[3] * x[3], x[0] * x[1], x * 3.0
        a = b
        return v

    a[1] += changed(x[2])
    a[[1, 2]] *= changed(1.5)
    first[1:3] -= changed(x[1])
    s += changed(0.3)
    pair[0] *= changed(x[0])
    table["k"] += changed(x[2])
    table["v"] += changed(x[0])
    a += changed(x[3])
    return np.sum(a * x) + np.sum(first**2) + s * pair[0] + pair[1] * table["k"] + np.sum(table["v"] ** 2 * x)


@program(V)
def read_before_the_value_in_try(x):
    a, s, table = x.copy(), x[0], {"k": x[3], "v": x * 0.5}

    def changed(v):
        nonlocal s
        s, a[1], table["k"] = 3.0 * x[1], 5.0 * x[1], x[0] * x[1]
        if v > 100.0:
            raise ValueError
        return v

    try:
        a[1] += changed(x[2])
        a[[1, 2]] *= changed(1.5)
        a[2] /= changed(2.0)
        s += changed(0.3) * s + changed(x[0])
        s = s + changed(x[1]) * s + changed(0.1)
        table["k"] += changed(x[2])
        a[0] = s + changed(x[1])
    except ValueError:
        return 0.5
    return np.sum(a * x * x) + s * table["k"] + np.sum(table["v"] ** 2)


@program(V)
def indices_are_evaluated_once(x):
    n = 0
    pair, table, grown = [x[0], x[1], x[2]], {1: x[1], 2: x[2], 3: x[3]}, []
    for v in x:
        grown.append(v * v)

    def following():
        nonlocal n
        n += 1
        return n

    pair[following()] += x[3]
    pair[following()] *= 2.0
    table[following()] += x[0]
    grown[following() - 2] *= x[1]
    n = 0
    table[following()], pair[following() - 3] = following() * x[0], following() * x[1]
    try:
        table[following() - 4] = following() * x[2]
    except ValueError:
        pass
    return (sum(pair) + sum(table.values())) * n + sum(k * v for k, v in table.items()) + grown[1] * pair[1] + grown[2]
