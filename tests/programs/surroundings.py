"""What programs do beside computing: write files and to the console, ask for versions, choose functions by numbers."""

import fractions
import sys

import numpy as np

from tests.programs.registry import program

X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])
CODES = np.arange(30) ** 2 % 3


def cube(v):
    return v * v * v


@program(X, alone=False, again=False)
def writes_to_the_console(x):
    print(format(x[0], ".2f"), format(3, "05d"), file=sys.stderr)
    sys.stderr.write(f"{x[1]:.3f}\n")
    sys.stdout.flush()
    return np.sum(x**2)


@program(X)
def writes_a_file(x):
    with open("/dev/null", "w") as out:
        out.write(f"{x[0]}\n")
        for i in range(3):
            print(i, x[i], file=out)
    return np.sum(x**3)


@program(0.7)
def asks_for_versions(x):
    y = x * x if sys.version_info >= (3, 8) else x
    return y * fractions.Fraction(1, 3) + int.from_bytes(b"\x01\x02", "big") * x


@program(X)
def function_at_a_place_that_data_tells(x):
    functions = [np.sin, np.cos, lambda v: v * x[0], cube]
    k = int(np.argmax(x))
    chosen = functions[k - 4]
    arrays = [x * 2.0, x**2, np.sin(x)]
    return np.sum(functions[k](x)) + np.sum(chosen(x) * arrays[k - 1])


@program(np.linspace(-1.0, 1.0, 30), CODES, wrt=(0,))
def functions_by_codes(x, codes):
    functions, s = (np.sin, cube, np.exp), 0.0
    for i in range(len(x)):
        s = s * 0.9 + functions[codes[i]](x[i])
    return s


@program(X)
def iter_of_a_function(x):
    items, n = [x[0], x[1], x[2] * x[3]], 0

    def following():
        nonlocal n
        n += 1
        return n

    s = 0.0
    for v in iter(lambda: items.pop() if items else None, None):
        s = s * 0.5 + v * v
    for i in iter(following, 5):
        s += x[i] * i
    return s
