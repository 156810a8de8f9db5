"""Random functions of (x, n) in the language that is compiled: loops, branches, stores, views, breaks, returns."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

X = (0.61, -0.43, 0.87, 0.29, -0.75)

SLICES = (
    "a[1:] = a[:-1]*b[1:]",
    "b[1:-1] = a[2:]*0.5 - np.sin(a[:-2])",
    "a[:3] = np.sin(b[2:])",
    "b[:2] = 0.5",
    "a[::2] = b[::2]*s",
    "a[1:] = a[1:]*a[1:]",
    "b[np.array([0, 2, 2])] = a[1]*s",
    "a[b > 0.2] = t",
)
FRESH = ("w = a*0.5", "w = a*b", "w = a.copy()")
REBINDING = ("a = np.sin(a*b)", "b = 0.5*b", "s = np.sum(a*b)*0.2", "b *= 0.9")


@dataclass(frozen=True)
class Place:
    """Where a statement stands: how deep, in how many blocks, with which loop indices, and where its loop body is."""

    indent: int = 1
    depth: int = 0
    indices: tuple[str, ...] = ()
    loop: int = 0

    @property
    def always_runs(self) -> bool:
        """Tell whether the statement runs whenever its loop body does: there arrays may be exchanged."""
        return self.indent == (self.loop or 1)


@dataclass
class Writer:
    r: random.Random
    lines: list[str] = field(default_factory=list)
    fresh: int = 0

    def line(self, place: Place, text: str) -> None:
        self.lines.append("    " * place.indent + text)

    def name(self, letter: str) -> str:
        self.fresh += 1
        return f"{letter}{self.fresh}"

    # -- expressions

    def index(self, place: Place) -> str:
        near = [v for i in place.indices for v in (i, i, f"{i} - 1")]
        return self.r.choice(["0", "1", "2", "4", "-1", *near])

    def expression(self, place: Place, depth: int = 0) -> str:
        kind = self.r.random()
        if depth > 2 or kind < 0.25:
            i = self.index(place)
            return self.r.choice(["s", "t", "s", "t", "0.7", f"a[{i}]", f"b[{i}]", f"x[{i}]"])
        left = self.expression(place, depth + 1)
        if kind < 0.45:
            return f"np.sin({left})"
        right = self.expression(place, depth + 1)
        if kind < 0.7:
            return f"{left}*{right}"
        return f"({left} - {right})" if kind < 0.8 else f"({left} + 0.3*{right})"

    def condition(self, place: Place) -> str:
        bound = f"{self.r.uniform(-1, 1):.3f}"
        tests = [f"s > {bound}", f"t > {bound}", "n > 2", f"a[{self.index(place)}] > {bound}"]
        tests += [t for i in place.indices for t in (f"{i} % 2 == {self.r.randint(0, 1)}", f"{i} > 2")]
        return self.r.choice(tests)

    # -- statements

    def block(self, place: Place, size: int) -> None:
        for _ in range(size):
            self.statement(place)

    def statement(self, place: Place) -> None:
        kind = self.r.random()
        if kind < 0.22:
            self.line(place, f"{self.r.choice('st')} = np.sin({self.expression(place)})")
        elif kind < 0.50:
            operator = "=" if kind < 0.45 else "+="
            self.line(place, f"{self.r.choice('ab')}[{self.index(place)}] {operator} {self.expression(place)}")
        elif kind < 0.56:
            self.line(place, self.r.choice(SLICES))
        elif kind < 0.60:
            self.line(place, "a, b = b, a" if place.always_runs else "s, t = t, s")
        elif kind < 0.64:
            self.view(place)
        elif kind < 0.68:
            self.line(place, self.r.choice(FRESH))
            self.line(place, f"w[{self.index(place)}] = {self.expression(place)}")
            self.line(place, "s = np.sin(np.sum(w*b))")
        elif kind < 0.71:
            self.line(place, self.r.choice(REBINDING) if place.always_runs else REBINDING[2])
        elif kind < 0.83 and place.depth < 3:
            self.branch(place)
        elif kind < 0.95 and place.depth < 3:
            self.loop(place)
        else:
            self.line(place, "s = s*t")

    def view(self, place: Place) -> None:
        v = self.name("v")
        self.line(place, f"{v} = {self.r.choice('ab')}[1:4]")
        self.line(place, f"{v}[{self.r.randint(0, 2)}] = {self.expression(place)}")
        self.line(place, f"s = s*0.5 + {v}[1]*{v}[0]")

    def branch(self, place: Place) -> None:
        inner = Place(place.indent + 1, place.depth + 1, place.indices, place.loop)
        self.line(place, f"if {self.condition(place)}:")
        self.block(inner, self.r.randint(1, 3))
        if place.loop and self.r.random() < 0.35:
            self.line(inner, self.r.choice(["break", "continue", "break", "return s*t + a[1]"]))
        if self.r.random() < 0.5:
            self.line(place, "else:")
            self.block(inner, self.r.randint(1, 3))

    def loop(self, place: Place) -> None:
        i = self.name("i")
        inner = Place(place.indent + 1, place.depth + 1, (*place.indices, i), place.indent + 1)
        if self.r.random() < 0.7:
            bounds = self.r.choice(["n", "4", "1, 5", "5", "0", "1, n", "4, 0, -1", "0, 5, 2"])
            self.line(place, f"for {i} in range({bounds}):")
        else:
            self.line(place, f"{i} = 0")
            self.line(place, f"while {i} < {self.r.choice(['n', '3', '4'])}:")
            self.line(inner, f"{i} = {i} + 1")
            inner = Place(inner.indent, inner.depth, (), inner.loop)
        self.block(inner, self.r.randint(1, 4))


def write(seed: int) -> str:
    """Write a random function."""
    writer = Writer(random.Random(seed))
    writer.block(Place(), writer.r.randint(4, 8))
    head = "import numpy as np\n\n\ndef f(x, n):\n    a = x.copy()\n    b = np.sin(x)\n    s = x[0]\n    t = 0.4\n"
    return head + "\n".join(writer.lines) + "\n    return s + 0.3*t + np.sum(a*b) + a[0]\n"
