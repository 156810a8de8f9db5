"""Scalars: math functions, powers, Python's operators, precision, rounding and guarded singular points."""

import math

import numpy as np

from tests.programs.registry import program

F32 = np.float32
V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])


@program(2.0, 5.0)
def survey(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


@program(0.4)
def math_functions(x):
    return (
        math.sin(x)
        + math.cos(x) * math.tan(x)
        + math.exp(x)
        - math.log(x)
        + math.sqrt(x)
        + math.atan(x) * math.asin(x)
        + math.acos(x)
        + math.sinh(x) * math.cosh(x)
        + math.tanh(x)
        + math.log1p(x)
        + math.expm1(x)
        + math.log2(x)
        + math.log10(x)
    )


@program(0.4, 1.7)
def math_functions_of_two(x, y):
    return math.pow(x, y) + math.atan2(x, y) + math.hypot(x, y) + math.log(x, y) + math.fabs(-x)


@program(0.4)
def math_erf_and_gamma(x):
    return math.erf(x) * math.erfc(x)


@program(0.4)
def numpy_functions(x):
    return (
        np.sin(x) * np.cos(x)
        + np.tan(x)
        - np.exp(x) * np.log(x)
        + np.sqrt(x)
        + np.arctan(x) * np.arcsin(x)
        + np.arccos(x)
        + np.sinh(x) * np.cosh(x)
        + np.tanh(x)
        + np.log1p(x)
        + np.expm1(x)
        + np.log2(x)
        + np.log10(x)
        + np.square(x)
        + np.reciprocal(x)
        + np.cbrt(x)
        + np.exp2(x)
        + np.arcsinh(x)
        + np.arctanh(x)
        + np.abs(-x)
    )


@program(1.4)
def numpy_functions_above_one(x):
    return np.arccosh(x) + np.power(x, 3) + np.float_power(x, 1.5) + np.negative(x) * np.positive(x)


@program(0.4, 1.7)
def numpy_functions_of_two(x, y):
    return np.power(x, y) + np.arctan2(x, y) * np.hypot(x, y) + np.logaddexp(x, y) + np.maximum(x, y) * np.minimum(x, y)


@program(1.3, 0.7)
def powers(x, y):
    return x**2 + x**3 + x**0.5 + x**-1 + x**y + 2.0**y + x**0 + (x * y) ** (x + y)


@program(-2.0)
def powers_of_a_negative_base(x):
    return x**2 + x**3 + (-2.0) ** 2 * x + x**-2 + (-x) ** 0.5


@program(2.0, -3)
@program(2.0, 0)
@program(2.0, 4)
@program(-1.5, 3)
def integer_exponent_argument(x, n):
    return x**n


@program(5.3, 2.1)
def floor_division_and_remainder(x, y):
    return (x // y) * x + x % y + np.mod(x, y) * np.fmod(x, y)


@program(-5.3, 2.1)
def remainder_of_a_negative(x, y):
    return x % y * y


@program(1.3)
def unary_operators(x):
    return -x * +x - -(-x)


@program(1.3)
def order_of_operations(x):
    return x - (x - (x - 2.0)) - (x / (x / (x / 3.0))) + -(x**2) + (-x) ** 2 + 2.0**-x - (x - 1.0) * -x


@program(1.3, 0.2)
def parentheses_matter_for_rounding(x, y):
    return (x + (y + 0.1)) * ((x + y) + 0.1) - (x - (y - 0.3)) * (x * (y * 0.7))


@program(1.3)
def builtins(x):
    return abs(-x) + pow(x, 3) + max(x, 1.0) * min(x, 2.0, x * x) + sum((x, x * x), 1.0) + float(x) * round(2.6)


@program(1.3, 2)
def integer_arguments(x, n):
    return x * n + x / n + n**2 * x + n // 2 * x + x**n


@program(1.7)
def rounding_cuts(x):
    return x * int(x) + x * math.floor(x) + np.floor(x) * x + round(x) * x + np.ceil(x) * np.sign(x) * x


@program(1.7, True)
def booleans_as_numbers(x, flag):
    return x * flag + x * (x > 1.0) + (x < 0.0) * x * x + True * x


@program(F32(1.3), F32(0.7))
def single_precision_scalars(x, y):
    return x * y + np.sin(x) / y


@program(F32(1.3), 0.7)
def single_and_python_float(x, y):
    return x * y + np.exp(x) * 2.0


@program(np.float64(1.3), F32(0.7))
def double_and_single(x, y):
    return x * y + x


@program(V.astype(F32))
def single_precision_array(x):
    return np.sum(np.exp(x) * 0.5 + x**2)


@program(V.astype(F32), V)
def mixed_precision_arrays(x, y):
    return np.sum(x * y) + np.sum(x)


@program(V.astype(F32))
def cast_to_double_and_back(x):
    y = x.astype(np.float64) ** 2
    return np.sum(y.astype(x.dtype) * x)


@program(np.array(1.3))
def zero_dimensional(x):
    return x * np.sin(x)


@program(np.array([1.3]))
def one_element(x):
    return (x * np.sin(x))[0]


@program(np.array([1.3]))
def one_element_summed(x):
    return np.sum(x * V)


@program(np.float64(1.3))
def numpy_scalar_methods(x):
    return x.item() * 2.0 if False else x * x


@program(-0.5)
@program(0.5)
def where_guards_a_root(x):
    return np.where(x > 0.0, np.sqrt(np.where(x > 0.0, x, 1.0)), x * x)


@program(np.array([-0.5, 0.5, 2.0]))
def where_guards_a_logarithm(x):
    return np.sum(np.where(x > 0.0, np.log(np.where(x > 0.0, x, 1.0)), 2.0 * x))


@program(np.array([-0.5, 0.5, 2.0]))
def where_with_singular_dead_branch(x):
    return np.sum(np.where(x > 0.0, np.sqrt(np.maximum(x, 0.0)), x**3))


@program(np.array([0.0, 0.5, 2.0]), second=False)
def where_hides_a_pole(x):
    y = np.where(x == 0.0, 1.0, x)
    return np.sum(np.where(x == 0.0, 0.0, np.sin(y) / y))


@program(1.3)
def branch_hides_a_pole(x):
    if x == 0.0:
        return 1.0
    return math.sin(x) / x


@program(800.0)
@program(-3.0)
def stable_softplus(x):
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


@program(np.array([-2.0, 0.3, 4.0]))
def logistic_of_either_sign(x):
    return np.sum(np.where(x >= 0.0, 1.0 / (1.0 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1.0 + np.exp(-np.abs(x)))))


@program(1.3)
def inactive_variable_of_active_name(x):
    y = x * x
    y = 3.0
    z = y * x
    x = 2.0
    return z * x


@program(1.3)
def cancels_to_a_constant(x):
    return x - x + 3.0


@program(1.3)
def constant_function(x):
    return 3.0


@program(1.3)
def identity(x):
    return x


@program(0.3)
def deep_composition(x):
    return np.sin(np.cos(np.exp(np.sin(np.tanh(np.sin(np.cos(np.exp(x))))))))


@program(1.3)
def printed_once(x):
    y = x * x
    print("y is", y, end="")
    return y * x


@program(0.5, 1.5)
def divisions(x, y):
    return x / y + 1.0 / x - y / 2.0 + (x / y) / (y / x)


@program(3, 0.5, wrt=(0, 1))
def python_int_is_promoted(x, y):
    return x * y + x**2


@program(0.7, 1.9)
def gamma_functions(x, y):
    return math.gamma(x) * math.lgamma(y) + math.gamma(-1.5 * x) + math.lgamma(-y / 3 - 0.1)


@program(0.7, 1.9)
def distances_and_exact_sums(x, y):
    total = math.fsum([x, y * y, x * y]) + math.fsum(v * x for v in (1.0, 2.0, y))
    return total * math.hypot(x, y, x * y) + math.hypot(x) + math.ldexp(x, 3) * y + math.remainder(5 * x, y)


@program(V)
def chained_comparisons_that_count(x):
    n = 0.0

    def seen(v):
        nonlocal n
        n += v
        return v

    s = x[0] if seen(x[0]) < seen(x[2]) < seen(x[1]) else 2.0 * x[1]
    if seen(x[1]) > 0 < seen(x[2]) or seen(x[3]) < seen(x[0]) != seen(x[4]):
        s = s * x[3]
    while -1.0 < seen(s) < n < 9.0:
        s = 1.3 * s + 0.1
    return s * n


@program(np.array([0.0, 0.3, -1.2]))
def sinc_at_zero(x):
    return np.sum(np.sinc(x) * np.array([1.0, 2.0, 3.0])) + np.sinc(x[0]) * x[1]
