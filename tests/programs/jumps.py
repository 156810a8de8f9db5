"""Break, continue, early return, branches, and conditions used as values."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])


@program(0.9)
@program(0.01)
def break_and_continue(x):
    s = 0.0
    for i in range(50):
        if i % 3 == 1:
            continue
        s = s + np.sin(x) * s + x * x
        if s > 5.0:
            break
        s = s * 1.1
    return s * x


@program(1.7)
@program(0.9)
def return_from_nested_loops(x):
    p = 1.0
    for i in range(4):
        for _ in range(3):
            p = p * x
            if p > 20.0:
                return p + i * x
    return p - x


@program(1.2)
@program(0.2)
@program(9.0)
def break_inside_while(x):
    k = 0
    s = x
    while s < 100.0:
        s = s * x + 1.0
        k = k + 1
        if k > 3:
            break
        s = s * s
    return s


@program(1.4)
def continue_in_some_branches(x):
    s = x
    for i in range(8):
        if i % 2 == 0:
            if s > 2.0:
                s = s - 1.0
                continue
            s = s * 1.3
        s = s * x
    return s


@program(1.1)
def while_true_with_break(x):
    y = x
    while True:
        y = y * y + 0.3
        if y > 20.0:
            break
    return y * x


@program(1.1)
def while_true_with_return(x):
    y = x
    while True:
        y = y * x + 0.5
        if y > 6.0:
            return y * y


@program(0.8)
def continue_inside_while(x):
    i = 0
    s = x
    while i < 6:
        i += 1
        if i == 3:
            continue
        s = s * x + i
    return s


@program(0.8)
def break_out_of_inner_only(x):
    s = x
    for i in range(3):
        for j in range(4):
            if j > i:
                break
            s = s * np.cos(s) + x
        s = s + i * x
    return s


@program(1.3, 2)
@program(1.3, 7)
def two_breaks(x, n):
    s = x
    for i in range(10):
        if i == n:
            break
        s = s * x
        if s > 4.0:
            break
        s = s + 0.1
    return s


@program(0.5)
@program(-0.5)
def early_return_without_loop(x):
    if x > 0:
        return np.sin(x)
    return x * x


@program(0.5)
@program(1.5)
@program(2.5)
def elif_chain(x):
    if x < 1.0:
        y = x * x
    elif x < 2.0:
        y = np.exp(x)
    else:
        y = 1.0 / x
    return y * x


@program(0.5)
@program(-0.5)
def defined_on_one_branch(x):
    if x > 0.0:
        t = np.sin(x)
    y = x
    if x > 0.0:
        y = t * t * x
    return y


@program(0.5, True)
@program(0.5, False)
def static_flag(x, square):
    if square:
        x = x * x
    return np.sin(x)


@program(0.5, None)
@program(0.5, 2.0)
def optional_argument(x, scale):
    if scale is None:
        return np.sin(x)
    return np.sin(x) * scale


@program(0.5, "sin")
@program(0.5, "exp")
def chosen_by_name(x, kind):
    if kind == "sin":
        return np.sin(x) * x
    elif kind == "exp":
        return np.exp(x) * x
    raise ValueError(kind)


@program(0.7)
@program(1.7)
def ternary(x):
    y = x * x if x > 1.0 else np.sin(x)
    return y + (x if y > 0.5 else -x)


@program(0.7)
@program(1.7)
def nested_ternary(x):
    return x * x if x > 2.0 else np.exp(x) if x > 1.0 else np.cos(x)


@program(0.5, 2.0)
@program(2.5, 2.0)
def or_used_as_value(x, y):
    return (x or y) * y


@program(0.5, 2.0)
def and_used_as_value(x, y):
    return (x and y) * x


@program(0.5, 0.0, wrt=(0,))
@program(0.5, 0.2)
def short_circuit_guards_division(x, y):
    if y != 0.0 and x / y > 1.0:
        return x * x
    return x * x * x + y


@program(0.5, 2.0)
def short_circuit_or(x, y):
    if x > 1.0 or y > 1.0:
        return x * y
    return x + y


@program(V, 5)
@program(V, 3)
def short_circuit_guards_index(x, k):
    s = 0.0
    while k < len(x) and x[k] > 0.0:
        s = s + x[k] * x[k]
        k += 1
    return s + x[0]


@program(0.5)
def chained_comparison(x):
    if 0.0 < x < 1.0:
        return x**3
    return x


@program(0.5)
@program(2.5)
def chained_comparison_of_expressions(x):
    if 1.0 < x + 1.0 <= x * 4.0 < 9.0:
        return np.exp(x)
    return np.log(x)


@program(0.5)
def not_condition(x):
    if not x > 1.0:
        x = x * x
    return x * 3.0


@program(0.5)
@program(-0.5)
def both_branches_return(x):
    if x > 0.0:
        y = x * x
        return y * x
    else:
        y = np.exp(x)
        return y - x


@program(0.4)
def branch_depends_on_intermediate(x):
    y = x * x
    if y < 0.2:
        y = y * 3.0
    z = y * x
    if z < y:
        z = z * y
    return z


@program(V)
def first_large_entry(x):
    for a in x:
        if a > 1.2:
            return a * a
    return x[0]


@program(V)
def search_with_flag(x):
    found = False
    s = 0.0
    for a in x:
        if not found and a < 0.0:
            found = True
        if found:
            s += a * a * a
    return s


@program(1.3)
def assert_holds(x):
    assert x > 0.0, "x must be positive"
    y = np.log(x)
    assert y < 10.0
    return y * y


@program(1.3)
def raise_not_reached(x):
    if x < 0.0:
        raise ValueError("negative")
    return np.sqrt(x)


@program(1.3)
def pass_branches(x):
    if x > 2.0:
        pass
    else:
        x = x * x
    for _ in range(2):
        pass
    return x


@program(0.5, refusable=True)
@program(1.2, refusable=True)
def else_clause_of_loop(x):
    s = x
    for _ in range(5):
        s = s * s + 0.1
        if s > 3.0:
            break
    else:
        s = s * 7.0
    return s


@program(1.2, refusable=True)
def walrus(x):
    if (y := x * x) > 1.0:
        return y * x
    return y


@program(1.5)
def return_in_loop_of_loop_with_while(x):
    s = x
    for i in range(3):
        k = 0
        while k < 5:
            s = s * 1.1 + x * k
            if s > 40.0:
                return s * s + i
            k += 1
            if k == 2 and i == 0:
                break
        s = s - x
    return s


@program(0.8)
def continue_with_pending_update(x):
    s, t = x, 1.0
    for i in range(6):
        t = t * s
        if i in (1, 4):
            continue
        s = np.sin(s) + t
    return s * t


@program(0.8, 3)
def unreachable_after_return(x, n):
    if n > 2:
        return x * x
    s = x
    for _ in range(n):
        s = s * x
    return s


@program(0.7, 3)
def return_after_an_inner_return(x, n):
    p = x
    for i in range(n):
        for _ in range(i):
            return x - p
        p = p * x
        if i == 0:
            return 0.3 * x
    return p


@program(np.array([0.61, -0.43, 0.87, 0.29, -0.75]), 0.7)
def returns_in_nested_branches(x, s):
    a = x.copy()
    r = x[-3] * (a[-5] * 0.5)
    if np.mean(np.concatenate([np.sin(x)[2:], a[:2]])) > -0.07:
        if -0.1 - s > 0.05 and r < 0.9:
            return np.tanh(r)
        if np.sin(x[-2]) - r > 0.8 or s < -0.3:
            return 0.04
    return s + 0.3 * r + np.sum(a * x)
