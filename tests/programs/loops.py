"""Loops: what they run over, how often, and what is left when they end."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
W = np.array([0.3, 0.8, -0.5, 1.2, 0.7])
M = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])


@program(V)
def sum_of_squares(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


@program(0.7, 9)
@program(0.7, 0)
@program(0.7, 1)
def logistic_map(x, n):
    y = 0.3
    for _ in range(n):
        y = y + 0.1 * x * y * (1 - y)
    return y


@program(V, W)
def dot_by_zip(x, w):
    s = 0.0
    for a, b in zip(x, w):
        s += a * np.sin(b)
    return s


@program(V)
def enumerate_array(x):
    s = 0.0
    for i, a in enumerate(x):
        s += a**2 * (i + 1)
    return s


@program(V)
def enumerate_from_start(x):
    s = 1.0
    for k, a in enumerate(x, 2):
        s = s * 0.5 + a**k
    return s


@program(V, W)
def zip_of_different_lengths(x, w):
    s = 0.0
    for a, b in zip(x[1:], w):
        s += a * b * b
    return s


@program(V, W)
def enumerate_of_zip(x, w):
    s = 0.0
    for i, (a, b) in enumerate(zip(x, w)):
        s += i * a * b
    return s


@program(M)
def iterate_rows(x):
    s = 0.0
    for row in x:
        s += np.sum(row * row) * row[0]
    return s


@program(M)
def nested_over_rows_and_entries(x):
    p = 1.0
    for row in x:
        for a in row:
            p = p * (1.0 + a * a)
    return p


@program(0.8)
def loop_over_tuple_of_constants(x):
    s = 0.0
    for c in (1.0, -2.0, 0.5):
        s += np.exp(c * x)
    return s


@program(0.8, 1.7)
def loop_over_tuple_of_actives(x, y):
    p = 1.0
    for a in (x, y, x * y):
        p = p * a
    return p


@program(V)
def negative_step(x):
    s = 0.0
    for i in range(len(x) - 1, -1, -1):
        s = s * x[i] + 1.0
    return s


@program(V)
def negative_step_by_two(x):
    s = 0.5
    for i in range(4, 0, -2):
        s = s * s + x[i] * x[i - 1]
    return s


@program(V)
def step_beyond_the_end(x):
    s = 1.0
    for i in range(0, len(x), 3):
        s = s * x[i] + i
    return s


@program(1.2, 5, 2)
@program(1.2, 2, 5)
def empty_when_backwards(x, a, b):
    s = x
    for _ in range(a, b):
        s = s * s * 0.5
    return s * x


@program(1.2, 0)
@program(1.2, 3)
def zero_trips(x, n):
    s = x
    for _ in range(n):
        s = s * s
    return s * x


@program(1.2, 4)
def loop_variable_after_the_loop(x, n):
    for i in range(n):
        x = x * 1.5
    return x * i


@program(1.2, 4)
@program(1.2, 40)
def loop_variable_after_break(x, n):
    for i in range(n):
        x = x * 1.5
        if x > 10.0:
            break
    return x * i + x * x


@program(1.3, 3)
def bound_changed_in_the_body(x, n):
    for i in range(n):
        n = n + i
        x = x * np.cos(x) + n
    return x * n


@program(1.3)
def loop_target_reassigned(x):
    s = 0.0
    for i in range(4):
        i = 2 * i + 1
        s += x**i
    return s * i


@program(V)
def item_reassigned(x):
    s = 0.0
    for a in x:
        a = a * a
        s = s + a * np.sin(s + a)
    return s


@program(0.6, 3)
def triangular_nest(x, n):
    s = x
    for i in range(n):
        for j in range(i, 3):
            s = np.sin(s) * x + s * j
    return s


@program(0.6, 3)
def inner_bound_depends_on_outer(x, n):
    s = 0.0
    for i in range(n):
        t = x
        for _ in range(i):
            t = t * x
        s = s + t * s + t
    return s


@program(1.3)
@program(60.0)
def while_until_large(x):
    while x < 50.0:
        x = x * x + 1.0
    return x


@program(2.0)
def newton_square_root(a):
    y = 1.0
    while abs(y * y - a) > 1e-14:
        y = 0.5 * (y + a / y)
    return y


@program(2.0)
def newton_fixed_trips(a):
    y = a
    for _ in range(6):
        y = 0.5 * (y + a / y)
    return y * y * y


@program(1.4, 4)
def while_with_counter(x, n):
    i = 0
    y = x
    while i < n and y < 100.0:
        y = y * x + i
        i += 1
    return y


@program(0.7, 3)
def while_inside_for(x, n):
    s = x
    for i in range(n):
        while s * s < 10.0 * (i + 1):
            s = s * s + x
        s = np.sin(s) + x
    return s


@program(0.9)
def for_inside_while(x):
    s = x
    k = 0
    while k < 3:
        for j in range(k):
            s = s * np.cos(s) + j * x
        k += 1
    return s


@program(V)
def carry_of_two(x):
    a, b = 0.0, 1.0
    for v in x:
        a, b = b, a * v + b
    return a * b


@program(V)
def three_way_rotation(x):
    a, b, c = x[0], x[1], x[2]
    for i in range(4):
        a, b, c = b * c, c + a, a * x[i]
    return a + 2.0 * b + 3.0 * c


@program(1.2, 4)
@program(1.2, 0)
def dead_carry(x, n):
    a = x
    b = x
    for _ in range(n):
        b = a * a
        a = a + 0.1 * x
    return b


@program(0.7, 5)
def only_the_last_trip_counts(x, n):
    t = 0.0
    for i in range(n):
        t = np.sin(x * i)
    return t * t


@program(0.4, 5)
def defined_in_an_earlier_trip(x, n):
    for i in range(n):
        if i % 2 == 0:
            t = np.sin(x) * x
        x = x + t * t * x
    return x


@program(V)
def branch_in_loop(x):
    s = 0.0
    p = 1.0
    for i in range(len(x)):
        if x[i] > 0.0:
            p = p * x[i]
            s = s + p * p
        else:
            s = s * x[i] + 1.0
    return s * p


@program(V, 0.5)
def horner(c, x):
    y = 0.0
    for a in c[::-1]:
        y = y * x + a
    return y


@program(V)
def vector_carried(x):
    y = x
    for _ in range(3):
        y = np.sin(y) + x * y[0]
    return np.sum(y * y)


@program(V)
def scalar_becomes_array(x):
    s = 0.0
    for i in range(3):
        s = s + x * (i + 1)
    return np.sum(s * s)


@program(V)
def length_read_from_shape(x):
    s = 0.0
    for i in range(x.shape[0]):
        s += x[i] * x[-1 - i]
    return s / x.size


@program(0.9)
def euler_method(k):
    y, t, h = 1.0, 0.0, 0.1
    for _ in range(10):
        y = y + h * (-k * y + np.sin(t))
        t = t + h
    return y


@program(np.array([1.0, 0.5]), 0.05)
def runge_kutta(state, h):
    x, v = state
    for _ in range(5):
        k1x, k1v = v, -x
        k2x, k2v = v + 0.5 * h * k1v, -(x + 0.5 * h * k1x)
        x, v = x + h * k2x, v + h * k2v
    return x * x + x * v


@program(0.8, 3)
def loop_with_constant_trip_effects(x, n):
    total = 0.0
    count = 0
    for i in range(n):
        if i == 1:
            count += 1
        total += x**i * count
    return total


@program(1.1)
def long_chain_of_terms(x):
    return (
        x
        + x**2
        + x**3
        + x**4
        + np.sin(x)
        + np.cos(x)
        + np.exp(x)
        + x * 2
        + x * 3
        + x * 4
        + x / 2
        + x / 3
        + 1 / x
        + 2 / x
        + 3 / x
        + (x - 1) * (x + 1)
        + (x - 2) * (x + 2)
        - x * x * x
    )


@program(V)
def one_loop_feeds_another(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] * x[i]
    s = 1.0
    for i in range(len(x)):
        s = s * y[i] + y[0]
    return s


@program(V)
def iterable_rebound(x):
    c = x * 2.0
    p = 1.0
    for a in c:
        p = p * 0.5 + a * a
        c = np.sin(c) * p
    return p + np.sum(c)


@program(V, W)
def iterables_swapped(x, w):
    a, b = x * 1.0, w * w
    p = 1.0
    for i, e in enumerate(a):
        p = p * 0.5 + e * i
        a, b = b, a
    return p + np.sum(a * a) + np.sum(b)


@program(V)
def largest_with_a_flag(x):
    first = True
    for v in x:
        if first or v * v > best:  # noqa: F821
            best, first = v * v, False
    return best * x[1]
