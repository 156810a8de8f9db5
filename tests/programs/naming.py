"""Names that collide with generated ones, with builtins or with modules."""

import math as m
from math import pi
from math import sin as sine

import numpy
import numpy as np
from numpy import exp
from numpy.linalg import norm

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
np2 = 0.7


@program(0.8, 0.5)
def names_like_adjoints(x, x_bar):
    y_bar = x * x_bar
    x_dot = y_bar * np.sin(x)
    return x_dot + x_bar * y_bar


@program(0.8)
def names_like_temporaries(v1):
    v2 = v1 * v1
    v3 = np.sin(v2)
    t = v3 * v1
    t_1 = t * v2
    tape = t_1 + v3
    tape_0 = tape * t
    return tape_0 * tape


@program(0.8, 3)
def names_like_loop_state(x, n):
    trips = 0.0
    i_1 = x
    tape_x = x
    for i in range(n):
        trips = trips + i_1 * i
        i_1 = np.sin(i_1 * tape_x)
    return trips * i_1


@program(0.8)
def shadowed_builtins(x):
    sum = x * x
    len = np.sin(sum)
    range = len * sum
    float = range + 1.0
    return float * len


@program(V, 3)
def shadowed_builtins_in_a_loop(x, len):
    list = x.copy()
    for range in [1, 2, len]:
        list[range] = list[range] * list[range - 1]
    return np.sum(list * list)


@program(0.8)
def shadowed_module_names(x):
    math = x * 2.0
    numpy = np.sin(math)
    return math * numpy


@program(0.8)
def name_like_np2(np_1):
    return np_1 * np2 * np.exp(np_1)


@program(0.8)
def other_import_styles(x):
    return m.cos(x) * sine(x * pi) + exp(x) * numpy.log(x) + m.e


@program(V)
def imported_from_submodule(x):
    return norm(x) * np.linalg.norm(x[1:]) + numpy.linalg.norm(x * x)


@program(0.8)
def unicode_names(α):
    β = α * α
    Δx = np.sin(β)
    return Δx * α


@program(0.8)
def f(f):
    return f * f * f


@program(0.8)
def f_vjp(x):
    f_vjp = x * x
    return f_vjp * x


@program(0.8)
def underscores(_x):
    __y = _x * 2.0
    _ = __y * _x
    return _ + __y


@program(0.8, 1.2)
def keywords_of_the_emitted_function(y_bar, y):
    return y_bar * y * y


@program(0.8)
def long_names(the_only_argument_of_this_function):
    a_rather_long_name_for_an_intermediate_value = the_only_argument_of_this_function**2
    another_rather_long_name_for_an_intermediate_value = np.sin(a_rather_long_name_for_an_intermediate_value)
    return (
        a_rather_long_name_for_an_intermediate_value * another_rather_long_name_for_an_intermediate_value
        + another_rather_long_name_for_an_intermediate_value * the_only_argument_of_this_function
    )


@program(0.8)
def documented(x):
    """A docstring with 'quotes', "double quotes" and a backslash \\."""
    # a comment with a } brace
    y = x * x  # trailing comment
    return y * x


@program(0.8)
def strings_with_odd_characters(x):
    if x < 0.0:
        raise ValueError('it\'s "negative" — {x}')
    assert x > 0.0, "ünï\tcödé\n"
    return x * x


@program(0.8)
def rebound_again_and_again(x):
    x = x * x
    x = np.sin(x)
    x = x * x + x
    x = x / (1.0 + x)
    return x


@program(0.8)
def annotated(x: float) -> float:
    y: float = x * x
    z: float
    z = y * 2.0
    return z * x


@program(0.8)
def several_targets(x):
    a = b = x * x
    a = a * 2.0
    return a * b


@program(0.8)
def semicolons(x):
    a = x * x; b = np.sin(a)  # fmt: skip
    return a * b
