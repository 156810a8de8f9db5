"""Random programs with views, aliases and stores, as source text.

Names stand for arrays of one to two axes; views of them are made by subscripts and by NumPy's functions, stored through
in loops and branches, and read at the end.
"""

from __future__ import annotations

import random

import numpy as np

Shape = tuple[int, ...]

X = np.array([[2.0, 0.3, -0.5, 0.9], [0.7, 1.5, 0.2, -1.1], [-0.1, 0.4, 1.8, 0.6]])
NEW = {
    (3, 4): ("x * 1.0", "x.copy()", "np.zeros((3, 4))"),
    (4,): ("x[0] * 1.0", "np.zeros(4)"),
    (3,): ("x[:, 1].copy()", "np.ones(3)"),
    (2, 3): ("x[:2, 1:] * 2.0", "np.zeros((2, 3))"),
}


class Maker:
    """Makes one program; `arrays` are the shapes of the names so far."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.lines: list[str] = []
        self.arrays: dict[str, Shape] = {}
        self.count = 0
        self.indent = 1

    def text(self) -> str:
        for _ in range(self.r.randint(5, 11)):
            self.statement(0)
        terms = [f"np.sum({a} * {0.3 + 0.1 * k:.1f}) + np.sum({a} * {a} * 0.1)" for k, a in enumerate(self.arrays)] or [
            "x[0, 0]"
        ]
        self.emit(f"return {' + '.join(terms)}")
        return "import numpy as np\n\ndef f(x, n=3):\n" + "\n".join(self.lines) + "\n"

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def bind(self, value: str, shape: Shape) -> None:
        self.count += 1
        self.emit(f"a{self.count} = {value}")
        self.arrays[f"a{self.count}"] = shape

    def pick(self) -> str:
        return self.r.choice(list(self.arrays))

    def statement(self, depth: int) -> None:
        r = self.r
        kind = r.random()
        if not self.arrays or kind < 0.12:
            shape = r.choice(list(NEW))
            self.bind(r.choice(NEW[shape]), shape)
        elif kind < 0.18 and self.pairs():
            a, b = r.choice(self.pairs())
            self.bind(f"{a} if {self.scalar()} > 0.3 else {b}", self.arrays[a])
        elif kind < 0.42:
            value, shape = self.view()
            self.bind(f"({value}) * {r.choice(('1.0', '0.5'))}" if r.random() < 0.2 else value, shape)
        elif kind < 0.85 or depth > 1:
            self.store()
        elif kind < 0.95:
            self.block(f"for i{depth} in range({r.choice(('3', '2', 'n'))}):", depth, r.randint(1, 3))
        else:
            self.block(f"if {self.scalar()} > 0.3:", depth, r.randint(1, 2))

    def pairs(self) -> list[tuple[str, str]]:
        """Return pairs of names of arrays of one shape."""
        return [(a, b) for a, s in self.arrays.items() for b, t in self.arrays.items() if a != b and s == t]

    def block(self, head: str, depth: int, length: int) -> None:
        outer = dict(self.arrays)
        self.emit(head)
        self.indent += 1
        for _ in range(length):
            self.statement(depth + 1)
        self.indent -= 1
        self.arrays = outer

    # -- values

    def scalar(self) -> str:
        r = self.r
        kind = r.random()
        if kind < 0.3:
            return r.choice(("0.5", "1.5", "-0.8", "2.0"))
        if kind < 0.5 or not self.arrays:
            return f"x[{r.randrange(3)}, {r.randrange(4)}]"
        a = self.pick()
        e = f"{a}[{', '.join(str(r.randrange(-n, n)) for n in self.arrays[a])}]"
        return r.choice((e, f"{e} * 0.5", f"np.sin({e})", f"{e} * {e}"))

    def value(self, shape: Shape) -> str:
        r = self.r
        kind = r.random()
        if kind < 0.35 or not shape:
            return self.scalar()
        same = [a for a, s in self.arrays.items() if s == shape]
        if same and kind < 0.7:
            a = r.choice(same)
            return r.choice((a, f"{a} * {self.scalar()}", f"np.sin({a})", f"{a} + {self.scalar()}"))
        rows = [a for a, s in self.arrays.items() if len(shape) == 2 and s == shape[1:]]
        if rows:
            return r.choice(rows)
        return f"np.arange({float(np.prod(shape))}).reshape({', '.join(map(str, shape))}) * {self.scalar()}"

    def view(self) -> tuple[str, Shape]:
        """Return an expression that may be a view of an array, and its shape."""
        a = self.pick()
        return self.r.choice(matrix_views(a, self.arrays[a], self.r) if len(self.arrays[a]) == 2 else
                             vector_views(a, self.arrays[a][0]))  # fmt: skip

    # -- stores

    def store(self) -> None:
        r = self.r
        a = self.pick()
        kind = r.random()
        if kind < 0.2:
            self.emit(f"{a} {r.choice(('+=', '*=', '-='))} {self.value(self.arrays[a])}")
        elif kind < 0.27:
            self.emit(f"np.multiply({a}, {self.scalar()}, out={a})")
        elif kind < 0.32:
            self.emit(f"{a}.fill({self.scalar()})")
        elif kind < 0.36:
            self.emit(f"{a}.flat[{r.randrange(int(np.prod(self.arrays[a])))}] = {self.scalar()}")
        else:
            place, shape = self.place(a)
            value = self.scalar() if shape is None else self.value(shape)
            self.emit(f"{a}[{place}] {r.choice(('=', '=', '=', '*=', '+='))} {value}")

    def place(self, a: str) -> tuple[str, Shape | None]:
        """Return a subscript and the shape that it selects; None if that is known only at run time."""
        r, shape = self.r, self.arrays[a]
        kind = r.random()
        if kind < 0.08:
            return "...", shape
        if kind < 0.16:
            return f"{a} > {r.choice(('0.5', '-0.2', '1.0'))}", None
        if kind < 0.24:
            return f"[{r.randrange(shape[0])}, {r.randrange(shape[0])}]", (2, *shape[1:])
        parts: list[str] = []
        selected: list[int] = []
        for n in shape:
            choices = [(":", n), ("::-1", n), ("::2", (n + 1) // 2), *([("1:", n - 1)] if n > 1 else [])]
            if r.random() < 0.45:
                parts.append(str(r.randrange(-n, n)))
            else:
                part, length = r.choice(choices)
                parts.append(part)
                selected.append(length)
        return ", ".join(parts), tuple(selected)


def matrix_views(a: str, shape: Shape, r: random.Random) -> list[tuple[str, Shape]]:
    n, m = shape
    found: list[tuple[str, Shape]] = [
        (f"{a}.T", (m, n)),
        (f"{a}[{r.randrange(n)}]", (m,)),
        (f"{a}[:, {r.randrange(m)}]", (n,)),
        (f"{a}.reshape(-1)", (n * m,)),
        (f"{a}.ravel()", (n * m,)),
        (f"{a}.reshape({m}, {n})", (m, n)),
        (f"np.swapaxes({a}, 0, 1)", (m, n)),
        (f"{a}[::-1]", (n, m)),
        (f"{a}.flatten()", (n * m,)),
        (f"{a}.copy()", (n, m)),
        (f"np.flip({a}, 1)", (n, m)),
        (a, (n, m)),
        (f"np.asarray({a})", (n, m)),
        (f"np.ascontiguousarray({a}.T)", (m, n)),
        (f"np.moveaxis({a}, 0, 1)", (m, n)),
    ]
    if n > 1:
        found += [(f"{a}[1:]", (n - 1, m)), (f"{a}[:-1].ravel()", ((n - 1) * m,)), (f"{a}[[1, 0]]", (2, m))]
    if m > 1:
        size = n * (m - 1)
        found += [(f"{a}[:, :-1]", (n, m - 1)), (f"{a}[:, 1:].ravel()", (size,)), (f"{a}[:, 1:].reshape(-1)", (size,))]
    if min(n, m) > 1:
        found.append((f"np.einsum('ii->i', {a}[:2, :2])", (2,)))
    return found


def vector_views(a: str, n: int) -> list[tuple[str, Shape]]:
    found: list[tuple[str, Shape]] = [
        (f"{a}[::-1]", (n,)),
        (f"{a}[:, None]", (n, 1)),
        (f"{a}.reshape(1, {n})", (1, n)),
        (f"{a}.copy()", (n,)),
        (a, (n,)),
        (f"np.expand_dims({a}, 0)", (1, n)),
        (f"{a}.ravel()", (n,)),
    ]
    if n > 2:
        found += [(f"{a}[1:-1]", (n - 2,)), (f"{a}[::2]", ((n + 1) // 2,)), (f"{a}[2:]", (n - 2,))]
    if n % 2 == 0:
        found += [(f"{a}.reshape(2, {n // 2})", (2, n // 2)), (f"np.split({a}, 2)[1]", (n // 2,))]
    if n % 3 == 0:
        found.append((f"{a}.reshape(-1, 3)", (n // 3, 3)))
    return found


def write(seed: int) -> str:
    """Write a random function."""
    return Maker(seed).text()
