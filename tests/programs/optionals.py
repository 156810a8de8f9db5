"""Values that are None on some paths, or on the first trips of a loop."""

import numpy as np

from tests.programs.registry import program

V = np.array([0.3, -1.2, 0.8, 2.1, -0.6])
M = np.arange(12.0).reshape(4, 3) * 0.1 - 0.5


@program(V)
def product_with_the_one_before(x):
    prev = None
    s = 0.0
    for v in x:
        if prev is not None:
            s += v * prev
        prev = np.sin(v)
    return s


@program(V)
def best_so_far(x):
    best = where = None
    for i in range(len(x)):
        c = np.sin(x[i]) * x[i]
        if best is None or c > best:
            best = c
            where = i
    return best * x[where] + x[0]


@program(V)
def kept_on_every_other_trip(x):
    held = None
    s = 0.0
    for i in range(len(x)):
        if held is None:
            held = x[i]
        else:
            s = s + held * x[i]
            held = None
    return s if held is None else s + held**2


@program(M)
def state_that_begins_as_none(x):
    def cell(h, v):
        if h is None:
            h = np.zeros(3)
        return np.tanh(h * 0.5 + v)

    h = None
    for i in range(len(x)):
        h = cell(h, x[i])
    return np.sum(h)


@program(M)
def rows_with_the_one_before(x):
    prev = None
    s = 0.0
    for row in x:
        if prev is not None:
            s += np.sum(row * prev)
        prev = row
    return s


@program(V)
def total_of_arrays(x):
    total = None
    for i in range(len(x)):
        term = x * x[i]
        total = term if total is None else total + term
    return np.sum(total**2)


@program(V)
def buffer_made_when_needed(x):
    buffer = None
    for i in range(len(x)):
        if buffer is None:
            buffer = np.zeros(3)
        buffer[i % 3] += x[i] ** 2
    return np.sum(buffer * buffer)


@program(V)
def best_pair(x):
    best = None
    for i in range(len(x)):
        c = x[i] ** 2
        if best is None or c > best[0]:
            best = (c, x[i] * 3.0)
    return best[0] * best[1]


def first_above(x, t):
    for v in x:
        if v > t:
            return v * v


@program(V, 0.5)
@program(V, 5.0)
def helper_that_may_find_nothing(x, t):
    found = first_above(x, t)
    if found is None:
        return np.sum(x**2)
    return found * x[0]


@program(V, 0.5, wrt=(0,))
@program(V, -0.5, wrt=(0,))
def none_on_one_path(x, t):
    r = None if x[0] > t else x * t
    assert r is None or len(r) == len(x)
    s = np.sum(x)
    if r is not None:
        s = s + np.sum(r**2)
    return s


@program(V)
def two_that_may_be_none(x):
    low = high = None
    for v in x:
        if low is None or high is None or v > high:
            high = v
        if low is None or v < low:
            low = v
    return high * low - low


@program(V)
def differences_in_a_list(x):
    out = []
    prev = None
    for v in x:
        if prev is not None:
            out.append(v - prev)
        prev = v
    s = 0.0
    for d in out:
        s += d * d
    return s


@program(V)
def newton_until_it_stays(x):
    old = None
    y = x[0] + 2.0
    for _ in range(60):
        new = 0.5 * (y + x[3] / y)
        if old is not None and abs(new - old) < 1e-13:
            break
        old = new
        y = new
    return y


@program(V)
def or_a_default(x):
    scale = None
    s = 0.0
    for v in x:
        s = s + v * (scale or 2.0)
        scale = v if v > 0.5 else None
    return s


class Filter:
    def __init__(self):
        self.last = None

    def __call__(self, v):
        self.last = v if self.last is None else 0.7 * self.last + 0.3 * v
        return self.last


@program(V)
def attribute_that_begins_as_none(x):
    smooth = Filter()
    s = 0.0
    for v in x:
        s += smooth(v) ** 2
    return s


@program(V)
def while_with_none(x):
    last = None
    i = 0
    while last is None or last < 3.0:
        last = x[i] if last is None else last + x[i % 5] ** 2
        i += 1
    return last * x[1]


@program(V)
def three_that_move_along(x):
    a = b = c = None
    s = 0.0
    for v in x:
        if a is not None and b is not None and c is not None and c > a:
            s += a * b * c
        a, b, c = b, c, v
    return s


@program(V)
def largest_by_max(x):
    m = None
    for v in x:
        m = v if m is None else max(m, v)
    return float(m) + abs(m)


@program(V)
def some_items_are_none(x):
    out = []
    for v in x:
        out.append(v if v > 0 else None)
    s = 0.0
    for item in out:
        if item is not None:
            s += item**2
    return s


@program(V)
def in_lists_that_become_arrays(x):
    p = q = None
    for v in x:
        p = v if p is None else p * v
        q = v if v > 0.5 else q
    return np.sum(np.array([p, q]) ** 2) * max([p, 2.0 * q]) + np.sum(np.stack([p, q, x[0]]))


@program(V)
def kind_of_an_optional(x):
    before = None
    s = 0.0
    for v in x:
        if isinstance(before, float):
            s += v * before
        if not isinstance(before, type(None)):
            s += v * before * before
        before = v
    return s
