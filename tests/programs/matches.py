"""`match` statements: on what is known when compiling, and on numbers at run time."""

import numpy as np

from tests.programs.registry import program

V = np.array([0.7, -0.4, 1.3, 0.9])


@program(0.7)
def match_int(a):
    s = 0.0
    for k in range(4):
        match k:
            case 0:
                s += a
            case 1 | 2:
                s += a * a
            case _:
                s *= a
    return s


@program(0.7, "relu")
def match_str(a, kind):
    match kind:
        case "tanh":
            return np.tanh(a)
        case "relu":
            return np.maximum(a, 0.0) * 3
        case _:
            raise ValueError(kind)


@program(0.7, (1, "x", 3))
def match_seq(a, cmd):
    match cmd:
        case (1, y, z) if z > 2:
            return a * z
        case [q, *r]:
            return a
        case {"k": v}:
            return a * v
        case int(n):
            return a * n
    return a


@program(V)
def match_runtime(x):
    s = 0.0
    for i in range(len(x)):
        match i % 3:
            case 0 if x[i] > 0:
                s += x[i] ** 2
            case 0:
                s -= 1.0
            case 1:
                if x[i] > 5:
                    break
                s *= x[i]
                continue
            case n:
                s += n * x[i]
        s += x[0]
    return s


@program(0.7, 1.3)
def match_struct(a, b):
    out = 0.0
    for op in [("add", a, b), ("scale", a), ("pow", b, 2), ("none",), ["list", a, b, a]]:
        match op:
            case ("add", p, q):
                out += p + q
            case ("scale", p):
                out *= p
            case ("pow", p, int(n)):
                out += p**n
            case [str(name), first, *mid, last]:
                out += first * last * len(mid)
            case _:
                out *= 2.0
    return out


@program(0.7, 1.3)
def match_dict(a, b):
    s = 0.0
    for d in [{"kind": "lin", "w": a}, {"kind": "sq", "w": b, "c": 2.0}, {}]:
        match d:
            case {"kind": "lin", "w": w}:
                s += w
            case {"kind": "sq", "w": w, "c": c}:
                s += c * w * w
            case {}:
                s *= a
    return s


@program(0.7, None)
def match_none(a, o):
    match o:
        case None:
            return a * a
        case True:
            return a
        case float() | int():
            return a * o


@program(0.7)
def match_capture_fail(a):
    x = a
    match (a, 1):
        case (x, 2):
            return x
        case _:
            return x * x


@program(0.7)
def match_nested(a):
    def f(t):
        match t:
            case ("mul", l, r):
                return f(l) * f(r)
            case ("add", l, r):
                return f(l) + f(r)
            case _:
                return t

    return f(("mul", ("add", a, 2.0), ("mul", a, ("add", a, a))))


@program(0.7)
def match_as(a):
    match [a, [2.0, 3.0]]:
        case [x, [y, z] as inner]:
            return x * y * z * len(inner)


@program(0.7, 3)
def match_ret_loop(a, n):
    for i in range(10):
        match i:
            case 4:
                return a * i
            case j if j > n:
                a = a * 2
    return a


@program(0.7)
def match_the_rest_of_a_dict(a):
    match {"kind": "sum", "w": a, "b": a * a}:
        case {"kind": "product", **rest}:
            return a
        case {"kind": "sum", **rest}:
            return sum(rest.values()) * len(rest)


@program(0.7)
def match_alternatives_that_bind(a):
    def weight(item):
        match item:
            case (0, v) | (1, v):
                return v * v
            case float(v) | int(v):
                return 3.0 * v

    return weight((1, a)) + weight(a) + weight(2)
