"""Names that stand for one array or another: chosen by a branch, exchanged in a loop, moved along a buffer."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

X = np.array([0.5, 1.25, -0.75, 2.0])
Y = np.array([1.5, -0.25, 0.75, 1.0])
M = np.outer(X, Y) + np.arange(16.0).reshape(4, 4) * 0.1


@program(X)
@program(-X)
def chosen_before(x):
    a = x * 2
    c = x * x
    t = a if x[0] > 0 else c
    for i in range(4):
        t[i] = t[i] * x[i] + 1
    return np.sum(a * a) + np.sum(c**3) + np.sum(t)


@program(X)
@program(-X)
def chosen_copy(x):
    a = x * 2
    t = a
    if x[0] > 0:
        t = a.copy()
    for i in range(1, 4):
        t[i] += t[i - 1] * x[i]
    return np.sum(a * a) + np.sum(t**3)


@program(X)
@program(-X)
def chosen_fresh(x):
    a = x * 2
    if x[0] > 0:
        t = a
    else:
        t = np.zeros(4)
    for i in range(4):
        t[i] += x[i]
        a[0] += t[i]
    return np.sum(a * a) + np.sum(t**3)


@program(X)
@program(-X)
def chosen_rows(x):
    m = np.outer(x, x)
    t = m[0] if x[0] > 0 else m[:, 1]
    for i in range(4):
        t[i] = x[i] ** 3
        m[2, i] *= t[i]
    return np.sum(m**2)


@program(X, 3)
def buffers_kept(x, n):
    u = x * 2
    v = x * 3
    w = u
    k = 0
    while k < n:
        v[:] = u * x
        u, v = v, u
        k += 1
    return np.sum(u**2) + np.sum(w * v)


@program(X, 50)
def three_kept_long(x, n):
    a = x * 0.1
    b = x * 0.2
    c = x * 0.3
    first = a
    for k in range(n):
        c[:] = a * 0.1 + b * 0.2 + x
        a, b, c = b, c, a
    return np.sum(a) + np.sum(b**2) + np.sum(c**3) + np.sum(first**2)


@program(X, 150)
def list_index_long(x, n):
    bufs = [x * 1, x * 2]
    for k in range(n):
        bufs[(k + 1) % 2][:] = bufs[k % 2] * 0.5 + x
    return np.sum(bufs[0]) + np.sum(bufs[1] ** 2)


@program(X, 150)
def tuple_index_long(x, n):
    bufs = (x * 1, x * 2, x * 3)
    for k in range(n):
        cur, nxt = bufs[k % 3], bufs[(k + 1) % 3]
        nxt[1:] = cur[:-1] * 0.5 + x[1:]
    return np.sum(bufs[0]) + np.sum(bufs[1] ** 2) + np.sum(bufs[2] ** 3)


@program(X, 7)
def bufs_while(x, n):
    bufs = [x * 1, x * 2]
    k = 0
    while np.sum(bufs[k % 2]) < 20 and k < 50:
        bufs[1 - k % 2][:] = bufs[k % 2] * 1.5 + x
        k += 1
    return np.sum(bufs[0]) + np.sum(bufs[1] ** 2)


@program(X, 5)
def last_view(x, n):
    a = x * 2
    for i in range(n):
        v = a[i % 4 :]
        v[0] *= x[1]
    v[0] = 7 * x[0]
    return np.sum(a**2) + np.sum(v)


@program(np.outer(X, X), 3)
def last_row_iter(m, n):
    a = m * 2
    for r in a:
        r *= m[0]
    r[:] = m[1] ** 2
    return np.sum(a**3) + np.sum(r)


@program(np.outer(X, X))
def best_row(m):
    a = m * 2
    best = a[0]
    for i in range(4):
        if a[i, 0] > best[0]:
            best = a[i]
    best[1] = m[0, 0] ** 2
    return np.sum(a**3) + np.sum(best)


@program(np.outer(X, X))
def best_row_while(m):
    a = m * 2
    i = 0
    while i < 3:
        r = a[i]
        r[0] += r[2]
        i += 1
    r[1] = m[0, 0] ** 2
    return np.sum(a**3) + np.sum(r * m[1])


@program(X, Y)
@program(-X, Y)
def args_chosen(x, y):
    t = x if x[0] > 0 else y
    for i in range(4):
        t[i] = t[i] ** 2
    return np.sum(x * y**2) + np.sum(t)


@program(X, Y)
@program(-X, Y)
def elif_chain(x, y):
    a = x * 1
    b = y * 1
    c = x * y
    if x[0] < 0:
        t = a
    elif y[0] > 1:
        t = b
    else:
        t = c
    for i in range(1, 4):
        t[i] += t[i - 1] * x[i]
        b[0] += t[i]
    return np.sum(a * b * c) + np.sum(t**2)


@program(X, Y)
def chosen_view_of_chosen(x, y):
    a = x * 1
    b = y * 1
    t = a if x[0] > 0 else b
    v = t[1:]
    for i in range(3):
        v[i] *= t[i]
    w = v[::-1]
    w[0] = 5 * x[0]
    return np.sum(a * b) + np.sum(v * w)


@program(X, Y)
def chosen_rebound_in_loop(x, y):
    a = x * 1
    b = y * 1
    t = a
    for i in range(4):
        t[i] += x[i] * y[i]
        if t[i] > 1.2:
            t = b
    t[0] = x[3]
    return np.sum(a**2) + np.sum(b**3) + np.sum(t)


@program(X, Y)
def fresh_rebind(x, y):
    u = x * 1
    w = u
    for i in range(3):
        u[i] = u[i] * y[i]
        u = u * 2
    return np.sum(w) + np.sum(u**2)


@program(X, Y, 4)
def swap_inner_loops(x, y, n):
    u = x * 1
    v = y * 1
    start = u
    for k in range(n):
        for i in range(1, 4):
            v[i] = u[i - 1] * 0.5 + v[i] * x[i]
        u, v = v, u
    return np.sum(u * v) + np.sum(start**2)


@program(X, Y, 4)
def swap_on_condition(x, y, n):
    u = x * 1
    v = y * 1
    w = u
    for k in range(n):
        v += u * 0.3
        if v[0] > u[0]:
            u, v = v, u
    w[1] = x[2] * 3
    return np.sum(u**2) + np.sum(v**3) + np.sum(w)


@program(X, Y, 3)
def swap_through_temp(x, y, n):
    u = x * 1
    v = y * 1
    keep = [u, v]
    for k in range(n):
        v[:] = np.sin(u) + v
        t = u
        u = v
        v = t
    keep[0][0] = x[1]
    return np.sum(u * v) + np.sum(keep[0] ** 2) + np.sum(keep[1])


@program(X, Y, 3)
def list_swap(x, y, n):
    p = [x * 1, y * 1]
    first = p[0]
    for k in range(n):
        p[1][:] = p[0] * p[1] + x
        p[0], p[1] = p[1], p[0]
    return np.sum(p[0]) + np.sum(p[1] ** 2) + np.sum(first)


@program(M)
def rows_swapped(m):
    a = m * 1
    r, s = a[0], a[1]
    for i in range(5):
        r[1:] += s[:-1] * 0.1
        r, s = s, r
    return np.sum(a**2)


@program(M)
def row_moving_down(m):
    a = m * 1
    prev = a[0]
    for i in range(1, 4):
        cur = a[i]
        cur += prev * 0.5
        prev[0] *= cur[1]
        prev = cur
    prev[2] = m[0, 0]
    return np.sum(a**2)


@program(M)
def row_or_column(m):
    a = m * 1
    v = a[0]
    for i in range(3):
        v[i] += m[i, i]
        v = a[:, i]
    v[1] *= 3
    return np.sum(a**2)


@program(M)
def slices_moving(m):
    a = m[0] * 1
    w = a[0:2]
    for i in range(3):
        w[1] += w[0] * m[1, i]
        w = a[i : i + 2]
    w[0] = m[2, 2]
    return np.sum(a**2) + np.sum(w)


@program(M)
def min_max_rows(m):
    a = m * 1
    lo = a[0]
    hi = a[0]
    for r in a:
        if r[0] < lo[0]:
            lo = r
        if r[0] > hi[0]:
            hi = r
    lo[:] = hi * 2
    hi[1] = lo[2] ** 2
    return np.sum(a**2) + np.sum(lo * hi)


@program(M)
def nested_view_moving(m):
    a = m * 1
    for i in range(4):
        r = a[i]
        for j in range(3):
            p = r[j:]
            p[1] += p[0] * 0.2
    p[0] = m[0, 1] * 7
    return np.sum(a**2)


@program(M)
def transposed_moving(m):
    a = m * 1
    b = a
    for i in range(3):
        b[0] += m[1] * 0.5
        b = b.T
    b[1] *= 2
    return np.sum(a**2 * m)


@program(X, Y)
def chosen_helper(x, y):
    def bump(t, s):
        for i in range(len(t)):
            t[i] += s * t[i] ** 2

    a = x * 1
    b = y * 1
    bump(a if x[0] > 0 else b, y[0])
    return np.sum(a * b)


def pick(a, b, c):
    if c > 0:
        return a
    return b


@program(X, Y)
@program(-X, Y)
def returned_choice(x, y):
    a = x * 1
    b = y * 1
    t = pick(a, b, x[0])
    for i in range(4):
        t[i] *= y[i]
    return np.sum(a**2) + np.sum(b**3) + np.sum(t)


@program(X, Y)
def chosen_masks(x, y):
    a = x * 1
    b = y * 1
    t = a if x[0] > 0 else b
    for i in range(2):
        t[t > 0.6] = x[0] * i
        t[[0, 0, 1]] += y[:3]
        np.add.at(t, [1, 1], x[1])
    return np.sum(a**2) + np.sum(b**3) + np.sum(t)


@program(X, np.array([1.0, 2.0]))
@program(-X, np.array([1.0, 2.0]))
def chosen_lengths(x, y):
    a = x * 1
    b = y * 1
    t = a if x[0] > 0 else b
    for i in range(len(t)):
        t[i] = t[i] * x[i] + i
    return np.sum(a**2) + np.sum(b**3) + np.sum(t)


@program(X, Y, 1.5)
def zero_trips(x, y, s):
    u = x * 1
    v = y * 1
    w = u
    while s > 2:
        v[:] = u
        u, v = v, u
        s -= 1
    w[0] = x[3]
    return np.sum(u) + np.sum(v**2)


@program(X, Y, 3)
def negative_index(x, y, n):
    b = [x * 1, y * 1, x * y]
    for k in range(n * 15):
        b[-(k % 3) - 1][k % 4] += b[k % 3][0] * 0.01
    return np.sum(b[0]) + np.sum(b[1] ** 2) + np.sum(b[2] ** 3)


@program(X, Y, 30)
def index_scalars(x, y, n):
    w = [x[0], y[1], x[2] * y[0]]
    s = 0.0
    for k in range(n * 10):
        s = s * 0.5 + w[k % 3]
    return s**2


@program(X, Y, 120)
def index_then_swap(x, y, n):
    b = [x * 0.1, y * 0.1]
    cur = b[0]
    for k in range(n):
        nxt = b[(k + 1) % 2]
        nxt[:] = cur * 0.5 + y
        cur = nxt
    cur[0] = x[1] ** 2
    return np.sum(b[0]) + np.sum(b[1] ** 2) + np.sum(cur)


@program(X, Y, 6)
def break_with_view(x, y, n):
    a = x * y
    r = a[:2]
    for i in range(n):
        r[0] += x[i % 4]
        if r[0] > 2:
            break
        r = a[1:3]
    else:
        r = a[2:]
    r[1] = y[0] * 2
    return np.sum(a**2) + np.sum(r)


@program(X, Y)
def complex_parts_chosen(x, y):
    z = x + 1j * y
    p = z.real
    for i in range(4):
        p[i] += x[0]
        p = z.imag if i % 2 else z.real
    p[1] *= 4
    return np.sum(np.abs(z) ** 2)


@program(X, Y)
def two_loops(x, y):
    u = x * 1
    v = y * 1
    w = u
    for k in range(3):
        v += u * 0.1
        u, v = v, u
    for k in range(2):
        u *= v
        u, w = w, u
    return np.sum(u) + np.sum(v**2) + np.sum(w**3)


@program(X, Y)
def closure_over_chosen(x, y):
    a = x * 1
    b = y * 1
    t = a if x[0] > 0 else b

    def put(i, v):
        t[i] = v

    for i in range(3):
        put(i, t[i + 1] * y[i])
    return np.sum(a**2) + np.sum(b)


@program(X, Y)
def chosen_in_tuple(x, y):
    a = x * 1
    b = y * 1
    p, q = (a, b) if x[0] > 0 else (b, a)
    for i in range(4):
        p[i] += q[i] * x[i]
        q[i] *= p[i]
    return np.sum(a**2) + np.sum(b**3)


@program(X, Y)
def deep_choice(x, y):
    a = x * 1
    b = y * 1
    c = x + y
    t = (a if x[1] > 0 else b) if y[0] > 0 else c
    u = t if x[0] > 3 else c
    for i in range(4):
        t[i] += u[i]
        u[i] *= t[i]
    return np.sum(a**2) + np.sum(b**3) + np.sum(c * t)


@program(M)
@program(-M)
def chosen_ravel(m):
    a = m * 1
    b = m * 2
    t = a if m[0, 0] > 0 else b
    v = t.ravel()
    for i in range(5):
        v[i] += v[i + 1] * m[1, 1]
    return np.sum(a**2) + np.sum(b**3)


@program(M)
@program(-M)
def chosen_may_view(m):
    a = m * 1
    b = m.T * 2
    t = a if m[0, 0] > 0 else b
    q = a.reshape(-1)
    v = t[0]
    v[1] = m[2, 2] * 3
    q[2] = v[1] ** 2
    return np.sum(a**2) + np.sum(b**3) + np.sum(q)


@program(X, Y)
def out_argument(x, y):
    a = x * 1
    b = y * 1
    for k in range(3):
        np.multiply(a, b, out=b)
        a, b = b, a
        np.add(a, x, out=a)
    return np.sum(a) + np.sum(b**2)


@program(X, Y)
def kept_in_list(x, y):
    u = x * 1
    v = y * 1
    both = [u, v]
    for k in range(3):
        v += u * x
        u, v = v, u
    return np.sum(both[0] ** 2) + np.sum(both[1])


@program(X, Y)
def stale_index(x, y):
    a = x * 1
    i = 0
    r = a[i:]
    for k in range(3):
        r[0] += y[k]
        i += 1
        if k == 1:
            r = a[i:]
    i = 0
    r[0] *= 2
    return np.sum(a**2)


@program(M)
def diagonal_walk(m):
    a = m * 1
    p = a[0:2, 0:2]
    for i in range(3):
        p[0, 0] += p[1, 1] * p[0, 1]
        p = a[i : i + 2, i : i + 2]
    p *= 2
    return np.sum(a**2)


@program(X, Y)
def while_else_view(x, y):
    a = x * y
    i = 0
    while i < 3:
        r = a[i : i + 2]
        r[1] += r[0]
        i += 1
    else:
        r[0] = y[3]
    return np.sum(a**2)


@program(X, Y)
def nested_function_swaps(x, y):
    def step(p, q):
        q += p * 0.5
        return q, p

    u = x * 1
    v = y * 1
    w = u
    for k in range(3):
        u, v = step(u, v)
    w[0] = 2 * x[1]
    return np.sum(u**2) + np.sum(v) + np.sum(w)


@program(X, Y, 3)
def helper_loop(x, y, n):
    def run(p, q):
        first = p
        for k in range(n):
            q += p * 0.5
            p, q = q, p
        first[0] = 1.5 * q[1]
        return p

    u = x * 1
    v = y * 1
    w = run(u, v)
    w[2] *= 2
    return np.sum(u**2) + np.sum(v * w)


@program(X, Y)
def chosen_by_loop(x, y):
    a = x * 1
    b = y * 1
    for i in range(4):
        t = a if x[i] > 0 else b
        for j in range(3):
            t[j] += t[j + 1] * 0.3
    t[0] = x[2] ** 2
    return np.sum(a**2) + np.sum(b**3)


@program(X, Y)
def fresh_in_loop_choice(x, y):
    a = x * 1
    s = 0.0
    for i in range(4):
        t = a if x[i] > 0 else np.zeros(4)
        t[i] += y[i] * 2
        s = s + t[0] * t[i]
    return np.sum(a**2) + s


@program(X, Y, 120)
def list_of_views_long(x, y, n):
    a = x * 0.1
    vs = [a[:2], a[2:], a[1:3]]
    for k in range(n):
        v = vs[k % 3]
        v[0] = v[1] * 0.5 + y[k % 4]
    return np.sum(a**3)


@program(X, Y, 120)
def ring_buffer(x, y, n):
    ring = [x * 0.1, x * 0.2, x * 0.3]
    s = 0.0
    for k in range(n):
        new, old = ring[k % 3], ring[(k - 1) % 3]
        new[:] = old * 0.3 + y
        s = s * 0.5 + np.sum(ring[(k + 1) % 3])
    return s


@program(X, Y)
def swap_four(x, y):
    a, b, c, d = x * 1, x * 2, y * 1, y * 2
    keep = (a, b)
    for k in range(5):
        d[:] = a * 0.1 + b * 0.2 + c
        a, b, c, d = d, a, b, c
    return np.sum(a) + np.sum(b**2) + np.sum(c**3) + np.sum(d) + np.sum(keep[0] * keep[1])


@program(M, X)
def heat(m, x):
    u = m * 1
    v = np.zeros_like(u)
    start = u
    t = 0.0
    while t < 0.35:
        for i in range(1, 3):
            for j in range(1, 3):
                v[i, j] = u[i, j] + 0.1 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4 * u[i, j]) * x[0]
        u, v = v, u
        t += 0.1
    return np.sum(u**2) + np.sum(start * m)


@program(X, Y)
def try_chosen(x, y):
    a = x * 1
    b = y * 1
    try:
        t = a
        if x[0] < 0:
            raise ValueError
    except ValueError:
        t = b
    for i in range(4):
        t[i] *= 2
    return np.sum(a**2) + np.sum(b)


@program(X, Y)
def walrus_view(x, y):
    a = x * 1
    k = 0
    while (r := a[k:])[0] < 1.5 and k < 3:
        r[0] += y[k]
        k += 1
    r[0] *= 3
    return np.sum(a**2)


@program(X, Y)
def partial_overlap(x, y):
    a = np.concatenate([x, y])
    p, q = a[:5], a[3:]
    for k in range(3):
        p[4] += q[0] * 0.5
        q[1] *= p[3]
        p, q = q, p
    return np.sum(p**2) + np.sum(q) + np.sum(a**3)
