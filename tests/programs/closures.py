"""Closures, lambdas, partial application, methods, and functions known without their source."""

import functools
import math
import operator

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
SCALE = 1.7
TABLE = np.array([0.5, 1.5, -0.5, 2.0, 1.0])
COUNT = 3
NAMES = ("sin", "cos")


def square(x):
    return x * x


def linear(x, a, b=0.5):
    return a * x + b


def make_scaled(c):
    def scaled(x):
        return c * x**2 + SCALE

    return scaled


def make_adder(values):
    shift = values * 2.0

    def add(x):
        return np.sum((x + values) * shift * x)

    return add


def make_nested(c):
    def outer(x):
        def inner(y):
            return y * c + x

        return inner(x) * inner(2.0)

    return outer


class Spring:
    def __init__(self, stiffness, rest):
        self.stiffness = stiffness
        self.rest = rest

    def energy(self, x):
        return 0.5 * self.stiffness * (x - self.rest) ** 2

    def __call__(self, x):
        return self.energy(x) * x


def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@traced
def decorated(x):
    return x * np.sin(x)


program(0.8, name="closure_over_three")(make_scaled(3.0))
program(0.8, name="closure_over_minus_one_half")(make_scaled(-1.5))
program(V, name="closure_over_arrays")(make_adder(TABLE))
program(0.8, name="closure_in_a_closure")(make_nested(1.5))
program(0.8, name="anonymous")(lambda x: x * np.sin(x))
first, second = lambda x: x * x, lambda x: x * x * x
program(0.8, name="first_of_two_on_a_line")(first)
program(0.8, name="second_of_two_on_a_line")(second)
program(0.8, 1.3, name="anonymous_with_branch")(lambda x, y: (x + y) * (x - y) if x < y else x * y)
program(0.8, name="decorated_with_wraps")(decorated)


@program(V)
def global_constants(x):
    return np.sum(x * TABLE * SCALE) ** 2 / COUNT


@program(0.8)
def global_tuple_of_names(x):
    s = 0.0
    for name in NAMES:
        if name == "sin":
            s += np.sin(x)
        else:
            s += np.cos(x) * x
    return s


@program(0.8)
def local_lambda(x):
    f = lambda t, k=2.0: t**k + x
    return f(x) * f(1.5, 3.0)


@program(0.8)
def local_function(x):
    def inner(t):
        return t * t * x

    return inner(x) + inner(0.5)


@program(0.8)
def closure_over_active_value(x):
    y = x * x

    def times(t):
        return t * y

    return times(x) + times(y)


@program(0.8, refusable=True)
def closure_sees_later_binding(x):
    y = x

    def times(t):
        return t * y

    y = x * x * x
    return times(2.0)


@program(0.8)
def partial_inside(x):
    f = functools.partial(linear, b=2.0)
    return f(x, 3.0) * f(2.0, a=x)


@program(0.8)
def module_functions(x):
    return operator.mul(x, math.sin(x)) + operator.add(x, 1.0) * operator.neg(x)


@program(0.8, refusable=True)
def reduce_of_a_tuple(x):
    return functools.reduce(lambda a, b: a * b + x, (x, 2.0, x * x), 1.0)


@program(0.8, refusable=True)
def map_over_a_tuple(x):
    return sum(map(square, (x, x * x, 2.0)))


@program(0.8, refusable=True)
def composition_of_functions(x):
    def compose(f, g):
        return lambda t: f(g(t))

    return compose(np.sin, square)(x) * compose(square, np.exp)(x)


@program(0.8)
def generator_expression(x):
    return sum(x**k for k in range(4))


@program(0.8)
def list_comprehension_of_static_length(x):
    terms = [x**k / (k + 1) for k in range(4)]
    return sum(terms) * terms[2]


CALLABLES = {
    "partial_keyword": (functools.partial(linear, b=2.0), (0.8, 1.1)),
    "partial_positional": (functools.partial(linear, 0.7), (1.1,)),
    "partial_of_partial": (functools.partial(functools.partial(linear, b=2.0), 0.7), (1.1,)),
    "bound_method": (Spring(2.0, 0.3).energy, (0.8,)),
    "callable_object": (Spring(2.0, 0.3), (0.8,)),
    "np_sin": (np.sin, (0.8,)),
    "np_multiply": (np.multiply, (0.8, 1.2)),
    "math_exp": (math.exp, (0.8,)),
    "operator_mul": (operator.mul, (0.8, 1.2)),
}


@program(0.7)
def reads_a_global_array_in_a_loop_and_after_it(x):
    for _ in range(3):
        x = x + 0.1 * np.sum(TABLE * x)
    return x * np.sum(TABLE)


@program(0.7)
def inner_recursion_ending_at_run_time(x):
    def go(a):
        return a if a < 0.1 else a * go(a * 0.5) * x

    return go(x)


@program(V)
def inner_recursion_on_slices(x):
    def product(a):
        if len(a) == 1:
            return a[0]
        return a[0] * product(a[1:]) + scale

    scale = x[1]
    return product(x)


@program(0.7)
def inner_mutual_recursion(x):
    def even(a):
        return a if a < 0.2 else odd(a * 0.6) * x

    def odd(a):
        return a * a if a < 0.2 else even(np.sin(a) * 0.7) + x

    return even(x)


@program(0.7)
def inner_recursion_with_a_counter(x):
    weights = np.array([1.0, 2.0, 0.5])

    def go(a, depth=0):
        if np.sum(a) < 0.5 or depth > 6:
            return np.sum(a * weights) * x
        return go(a / 2, depth + 1) + go(a / 3, depth + 1) * 3

    return go(x * weights)


def simpson(f, a, b):
    return (b - a) / 6 * (f(a) + 4 * f((a + b) / 2) + f(b))


def adaptive(f, a, b, tolerance, whole):
    middle = (a + b) / 2
    left, right = simpson(f, a, middle), simpson(f, middle, b)
    if abs(left + right - whole) < 15 * tolerance:
        return left + right + (left + right - whole) / 15
    return adaptive(f, a, middle, tolerance / 2, left) + adaptive(f, middle, b, tolerance / 2, right)


@program(0.7)
def adaptive_quadrature(x):
    def damped(t):
        return np.exp(-x * t) * np.sin(5 * t)

    return adaptive(damped, 0.0, 2.0, 1e-3, simpson(damped, 0.0, 2.0))


def cubed(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs) ** 3

    return wrapper


@program(1.3)
def wrapped_inside(x):
    @cubed
    def shifted(v, by=1.0):
        return v + by

    return shifted(x) + shifted(x, by=x)


@program(1.3)
def a_cache_inside(x):
    @functools.lru_cache(maxsize=None)
    def fibonacci(n):
        return x if n < 2 else 0.5 * fibonacci(n - 1) + fibonacci(n - 2)

    return fibonacci(25) * 1e-3


@program(1.3)
def numbers_in_other_bases(x):
    return x * pow(3, 5, 7) + x**2 * int("ff", 16)


@program(1.3)
def sorted_entries(x):
    s = 0.0
    for _, v in sorted({"b": x, "a": 1.0, "c": x * x}.items()):
        s = s * 0.5 + v
    return s


@program(1.3, refusable=True)
def keys_that_are_equal_and_of_different_types(x):
    pairs = sorted([(1, x), (1.0, 0.5 * x)])
    return pairs[0][1] * 3.0 + pairs[1][1]
