"""Calls of the user's own functions."""

import math

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])


def sine_product(u, v):
    w = np.sin(u) * v
    return w * w


@program(0.8)
def different_active_arguments(x):
    s = x
    for _ in range(3):
        s = sine_product(s, x) + sine_product(s, 2.0) + sine_product(0.3, s)
    return s


@program(0.8)
def repeated_argument(x):
    return sine_product(x, x) * sine_product(x * x, x)


def scaled(x, factor=2.0, *, shift=0.5, power=2):
    return factor * (x + shift) ** power


@program(0.8)
def defaults_and_keywords(x):
    return scaled(x) + scaled(x, 3.0) + scaled(x, shift=x) + scaled(factor=x, x=1.5, power=3)


def polar(x, y):
    r = np.sqrt(x * x + y * y)
    return r, np.arctan2(y, x)


@program(0.8, 0.6)
def tuple_result_unpacked(x, y):
    r, angle = polar(x, y)
    return r * angle * angle


@program(0.8, 0.6)
def tuple_result_indexed(x, y):
    pair = polar(x, y)
    return pair[0] * pair[1] + pair[-1]


@program(0.8, 0.6)
def half_of_the_result_used(x, y):
    _, angle = polar(x, y)
    return angle**3


def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


@program(0.8, 5)
@program(0.8, 0)
def recursion(x, n):
    return power(x, n) + power(x * x, 2)


def fibonacci_like(x, n):
    if n < 2:
        return x + n
    return fibonacci_like(x, n - 1) * x + fibonacci_like(x, n - 2)


@program(0.6, 5)
def tree_recursion(x, n):
    return fibonacci_like(x, n)


def until_small(x):
    if x < 0.1:
        return x * x
    return until_small(x * 0.4) + np.sin(x)


@program(3.0)
def recursion_on_a_value(x):
    return until_small(x * x)


def even(x, n):
    return x if n == 0 else odd(x * 0.9, n - 1) * x


def odd(x, n):
    return 1.0 if n == 0 else even(np.sin(x), n - 1) + x


@program(0.7, 5)
def mutual_recursion(x, n):
    return even(x, n)


def sum_recursive(x):
    if len(x) == 1:
        return x[0] * x[0]
    half = len(x) // 2
    return sum_recursive(x[:half]) * 1.5 + sum_recursive(x[half:])


@program(V, refusable=True)
def recursion_on_slices(x):
    return sum_recursive(x)


@program(V)
def calls_itself(x):
    return x[0] if len(x) == 1 else x[0] * 1.1 + np.sin(x[1]) * calls_itself(x[1:])


def called_vjp(x, n):
    return x if n <= 0 else x * called_vjp(np.sin(x), n - 1)


@program(0.7, 3)
def called(x, n):
    return called_vjp(x, n)


def early(x):
    if x > 1.0:
        return np.log(x)
    for i in range(5):
        x = x * 1.7
        if x > 2.0:
            return x * x + i
    return x


@program(0.4)
@program(0.05)
@program(1.4)
def helper_with_early_returns(x):
    return early(x) * early(x + 0.01)


def normalise(v):
    return v / np.sqrt(np.sum(v * v))


@program(V)
def helper_on_arrays(x):
    return np.sum(normalise(x) * normalise(x[::-1]) * x)


def layer(x, weight, bias, activation=np.tanh):
    return activation(x @ weight + bias)


@program(V, np.linspace(-1.0, 1.0, 15).reshape(5, 3), np.array([0.1, 0.2, 0.3]))
def function_as_default(x, w, b):
    return np.sum(layer(x, w, b) ** 2) + np.sum(layer(x, w, b, np.sin))


def apply_twice(g, x):
    return g(g(x))


def cube(x):
    return x * x * x


@program(0.8)
def function_as_argument(x):
    return apply_twice(cube, x) + apply_twice(np.sin, x) + apply_twice(math.exp, x)


@program(0.8)
def lambda_as_argument(x):
    return apply_twice(lambda t: t * t + 0.1, x)


@program(0.8)
def helper_in_a_condition(x):
    return x if cube(x) > 1.0 else cube(x) * x


def increments(x, n):
    total = 0.0
    for i in range(n):
        total += cube(x + i)
    return total


@program(0.8, 3)
def helper_with_a_loop_in_a_loop(x, n):
    s = 0.0
    for i in range(n):
        s = s * 0.1 + increments(x * s + x, i)
    return s


def fill(x, n):
    y = np.zeros(n)
    for i in range(n):
        y[i] = x ** (i + 1)
    return y


@program(0.8, 4)
def helper_returns_a_fresh_array(x, n):
    y = fill(x, n)
    y[0] = y[1] * y[2]
    return np.sum(y * fill(x * x, n))


def put_first(y, value):
    y[0] = value * y[1]


@program(V, refusable=True)
def helper_mutates_and_returns_nothing(x):
    y = x * 2.0
    put_first(y, x[3])
    put_first(y, y[2])
    return np.sum(y * y)


def put_and_return(y, value):
    y[1] = value
    return y


@program(V, refusable=True)
def helper_returns_its_argument(x):
    y = x * 2.0
    z = put_and_return(y, x[0] * x[0])
    return np.sum(y * z)


def residual(x, *rest):
    return x - 1.0


@program(0.8)
def starred_parameters_unused(x):
    return residual(x) ** 3


def chain(x, *others, scale=1.0):
    s = x
    for o in others:
        s = s * o + scale
    return s


@program(0.8, 1.2, refusable=True)
def starred_parameters(x, y):
    return chain(x, y, x * y, scale=y)


def pair_of_pairs(x):
    return (x, x * x), [np.sin(x), x]


@program(0.8)
def nested_tuple_result(x):
    (a, b), (c, d) = pair_of_pairs(x)
    return a * b + c * d


@program(0.8)
def helper_ignores_an_argument(x):
    def first(a, b):
        return a * a

    return first(x, x * x) + first(2.0, x) * x


@program(0.8)
def helper_constant_result(x):
    def two(a):
        return 2.0

    return x * two(x) ** 2


@program(0.8)
def integer_results(x):
    def count(a):
        n = 0
        while a < 10.0:
            a = a * 2.0
            n += 1
        return n

    return x ** count(x) + count(x)


def swap(a, b):
    return b, a


@program(0.8, 1.3)
def swap_through_a_helper(x, y):
    for _ in range(3):
        x, y = swap(x * y, y + x)
    return x - y * y


def make_terms(x, n):
    a = x
    b = 1.0
    for k in range(1, n):
        a, b = b * x / k, a + b
        if b > 50.0:
            return a, b, k
    return a, b, n


@program(0.8, 6)
def helper_with_three_results(x, n):
    a, b, k = make_terms(x, n)
    return a * b + k * x


class Namespace:
    @staticmethod
    def cubic(x):
        return x**3 + x


@program(0.8, refusable=True)
def static_method(x):
    return Namespace.cubic(x) * x


def short_and_long(x, n):
    if n == 0:
        return x * 1.5
    a = short_and_long(x[:1], n - 1)  # of length 1, and spread out below
    b = short_and_long(x, n - 1)
    return np.sin(a + b) + np.concatenate((a, b))[1:] * a


@program(np.array([1.1, -0.7, 1.3, 0.4]), 2, second=False)
@program(np.array([1.1, -0.7, 1.3, 0.4]), 1)
def calls_return_arrays_of_other_lengths(x, n):
    return np.sum(short_and_long(x, n) * short_and_long(x[:1], 1))


def rows(x, n):
    return [x * x] if n == 0 else [*rows(x[:1], n - 1), np.sin(x)]


@program(np.array([1.1, -0.7, 1.3, 0.4]), 1, refusable=True, second=False)
def calls_return_lists_of_other_lengths(x, n):
    a, b = rows(x[:1], n), rows(x, n)
    return np.sum(a[-1] * b[-1])
