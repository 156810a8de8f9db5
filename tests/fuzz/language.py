"""Random functions of (x, n) over the whole language: helpers, exceptions, matches, closures, containers, iteration."""

from __future__ import annotations

from tests.fuzz.stores import Place, Writer

HEAD = """
import numpy as np


def checked(v):
    if v < -0.2:
        raise ValueError("too small")
    if v > 1.5:
        raise OverflowError("too large")
    return v * v + 0.1


def put(a, i, v=0.3):
    a[i] = np.sin(v)
    return a[i - 1]


def both(u, v=0.4, *, w=1.0):
    return np.sin(u) * v, u - w * v


def power(v, k):
    return 1.0 if k == 0 else 0.7 * v * power(v, k - 1)


def f(x, n):
    a = x.copy()
    b = np.sin(x)
    s = x[0]
    t = 0.4
    items = [x[1], 0.5]
    table = {"p": x[2], "q": 0.2}

    def bump(v):
        nonlocal s, t
        s = 0.5 * s + np.sin(v)
        if v > 0.3:
            t = 0.3 * v
        return s

    g = np.cos
"""
TAIL = "\n    return s + 0.3*t + np.sum(a*b) + a[0] + items[-1]*len(items) + table['p']*table['q'] + g(s)\n"


class LanguageWriter(Writer):
    """Writes statements of every kind."""

    def statement(self, place: Place) -> None:
        if self.r.random() < 0.45:
            super().statement(place)
            return
        kinds = [self.call, self.attempt, self.cases, self.list_, self.dict_, self.iteration, self.choice, self.walrus]
        self.r.choice(kinds[:1] * 2 + kinds if place.depth < 3 else [self.call, self.list_, self.dict_])(place)

    def inner(self, place: Place) -> Place:
        return Place(place.indent + 1, place.depth + 1, place.indices, place.loop)

    def call(self, place: Place) -> None:
        e = self.expression(place)
        self.line(
            place,
            self.r.choice(
                [
                    f"bump({e})",
                    f"t = 0.5*bump({e})",
                    f"s = s + 0.2*put({self.r.choice('ab')}, {self.index(place)}, {e})",
                    f"put(a[1:4], {self.r.randint(0, 2)}, v={e})",
                    f"s, t = both({e}, w=t)",
                    f"t, s = both(s, *[{e}])",
                    f"s = power(np.sin({e}), {self.r.randint(0, 3)})",
                    f"t = (lambda u, v=t: np.sin(u*v))({e})",
                    f"s = 0.3*max(s, {e}, key=lambda u: u*u)",
                    f"t = 0.2*sum(np.sin(v)*s for v in ({e}, t))",
                ]
            ),
        )

    def attempt(self, place: Place) -> None:
        inner = self.inner(place)
        self.line(place, "try:")
        self.block(inner, self.r.randint(0, 1))
        self.line(inner, f"{self.r.choice('st')} = 0.3*checked({self.expression(place)}) + 0.2*s")
        self.block(inner, self.r.randint(0, 1))
        if place.loop and self.r.random() < 0.3:
            self.line(inner, self.r.choice(["break", "continue"]))
        self.line(place, f"except {self.r.choice(['ValueError', '(ValueError, OverflowError)', 'Exception'])}:")
        self.line(inner, f"s = np.sin({self.expression(place)})")
        self.line(place, "except OverflowError:")
        self.line(inner, f"t = np.sin({self.expression(place)})")
        if self.r.random() < 0.3:
            self.line(place, "else:")
            self.block(inner, 1)
        if self.r.random() < 0.3:
            self.line(place, "finally:")
            self.line(inner, "t = 0.9*t")

    def cases(self, place: Place) -> None:
        inner = self.inner(place)
        deeper = self.inner(inner)
        subject = self.r.choice([f"{i} % 3" for i in place.indices] or ["n % 3"])
        self.line(place, f"match {subject}:")
        for case in ("0", f"1 if s > {self.r.uniform(-1, 1):.2f}", "_"):
            self.line(inner, f"case {case}:")
            self.block(deeper, self.r.randint(1, 2))

    def list_(self, place: Place) -> None:
        kind = self.r.randint(0, 3)
        if kind == 0:
            self.line(place, f"items.append(np.sin({self.expression(place)}))")
        elif kind == 1:
            self.line(place, "if len(items) > 1:")
            self.line(self.inner(place), "s = s + 0.3*items.pop()")
        elif kind == 2:
            self.line(place, f"items[-1] = 0.5*items[0] + np.sin({self.expression(place)})")
        else:
            self.line(place, "t = t + 0.1*items[len(items) // 2]")

    def dict_(self, place: Place) -> None:
        key = self.r.choice("pq")
        self.line(
            place,
            self.r.choice(
                [
                    f"table['{key}'] = np.sin({self.expression(place)})",
                    f"table['{key}'] += 0.1*s",
                    f"s = 0.5*s + table['{key}']",
                    "t = 0.2*sum(table.values())",
                ]
            ),
        )

    def iteration(self, place: Place) -> None:
        v, w, k = self.name("v"), self.name("w"), self.name("k")
        inner = Place(place.indent + 1, place.depth + 1, place.indices, place.indent + 1)
        head, use = self.r.choice(
            [
                (f"for {v} in {self.r.choice('ab')}:", v),
                (f"for {k}, ({v}, {w}) in enumerate(zip(a, b)):", f"{v}*{w}*{k}"),
                (f"for {v} in reversed(items):", v),
                (f"for {v} in table.values():", v),
                (f"for {v}, {w} in zip(x, b[1:]):", f"{v} - {w}"),
                (f"while abs(s) > {self.r.uniform(0.3, 1):.2f}:", "0.1"),
            ]
        )
        self.line(place, head)
        self.line(inner, f"s = {'0.5*s' if head.startswith('while') else f'np.sin(0.7*s + {use})'}")
        if "items" not in head and "table" not in head:
            self.block(inner, 1 if not head.startswith("while") else 0)
        if self.r.random() < 0.3:
            self.line(inner, f"if s > {self.r.uniform(0, 1):.2f}:")
            self.line(self.inner(inner), "break")
            self.line(place, "else:")
            self.line(self.inner(place), "t = 0.5*t + s")

    def choice(self, place: Place) -> None:
        self.line(place, f"g = np.sin if {self.condition(place)} else (lambda u: 0.5*u)")
        self.line(place, "t = g(t)")

    def walrus(self, place: Place) -> None:
        name = self.name("u")
        inner = self.inner(place)
        self.line(place, f"if ({name} := {self.expression(place)}) > {self.r.uniform(-1, 1):.2f} and t < 2.0:")
        self.line(inner, f"s = np.sin(s*{name})")
        self.line(place, "else:")
        self.line(inner, f"t = {name} if {name} > s else 0.5*s")


def write(seed: int) -> str:
    """Write a random function, with its helpers."""
    import random

    writer = LanguageWriter(random.Random(seed))
    writer.block(Place(), writer.r.randint(4, 8))
    return HEAD + "\n".join(writer.lines) + TAIL
