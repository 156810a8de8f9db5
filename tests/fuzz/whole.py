"""Random functions over the whole language: what `language` has, and what NumPy programs are made of.

Besides x and n they take arguments that are not differentiated: indices, a mask, a complex number, and weights in
single precision. They read arrays of their module.
"""

from __future__ import annotations

import random
import re

import numpy as np

from tests.fuzz import language
from tests.fuzz.stores import Place

OTHERS = {
    "n": 3,
    "order": np.array([2, 0, 4, 1, 3]),
    "mask": np.array([True, False, True, True, False]),
    "phase": 0.6 + 0.3j,
    "weights": np.array([0.5, 0.25, -0.5, 0.75, 1.0], np.float32),
}
HEAD = """

fixed = np.array([0.7, -0.4, 0.9, 0.3, -0.6])
fixtures = [fixed*0.5, np.cos(fixed), fixed[::-1].copy()]


class Cell:
    def __init__(self, v, w):
        self.v = v
        self.w = w

    def step(self, u):
        self.v = np.sin(0.5*self.v + u)
        self.w[1] = self.v
        return self.v

    @property
    def total(self):
        return self.v + 0.2*np.sum(self.w)

    def __add__(self, u):
        return Cell(self.v + u, self.w.copy())


def halves(v):
    return [0.5*v, np.sin(v[::-1])]


def rolled(v, k):
    if k <= 0:
        return v
    w = np.roll(v, 1)
    w[0] = 0.3*v[1]
    return rolled(w, k - 1)

"""
BODY = """
    m = 0.3*np.outer(b, np.cos(x)) + 0.1
    c = a + 0.5j*b
    h = a.astype(np.float32).astype(np.float64)*0.0 + b
    cell = Cell(t, x*0.7)
    arrays = [a*0.5, b.copy()]
    functions = [np.sin, lambda u: 0.3*u*s]
"""
END = (
    " + 0.1*np.sum(m*m) + np.sum(m) + np.sum(np.abs(c)**2)*0.1 + np.sum(c.real) + cell.total"
    " + sum(np.sum(v*v) for v in arrays)*0.1 + functions[-1](t) + np.sum(h)*0.1\n"
)

# What is written as it is: E is an expression, V a vector, I an index, K one of 0, 1, 2.
VECTORS = (
    "V = m @ V*0.3",
    "V[:] = 0.2*np.sum(m, axis=A)",
    "V = np.mean(m, axis=1, keepdims=True)[:, 0]*0.5",
    "V = V[[0, 0, 1, 2, 4]]*0.5",
    "V[[0, 1, 1]] = a[2:]*E",
    "V[[3, 1]] += E",
    "np.add.at(V, [0, 1, 1], E)",
    "V[V > 0.2] *= 0.5",
    "V[1:] -= V[:-1]*0.3",
    "V[::-1][K] = E",
    "V = np.sort(V)",
    "V[np.argsort(b)] = a*1.0",
    "V[np.argmax(a)] = E",
    "V = np.concatenate([b[2:], a[:2]*E])",
    "V = np.roll(V, K)",
    "np.multiply(V, 0.5, out=V)",
    "np.sin(V, out=V)",
    "V[...] = rolled(V, K)",
    "V = np.where(V > E, V, 0.3*b)",
    "V = np.maximum(V, 0.1)",
    "V = np.array([np.sin(v) for v in V])",
    "V = np.array([v*t if v > 0.1 else 0.2 for v in V])",
    "V = np.clip(V, -0.7, 0.6)",
    "V = np.cumsum(V)*0.3",
    "V = np.diff(V, append=E)",
    "V.fill(E)",
    "V = V[order]*0.5",
    "V[order[:3]] += E",
    "V[order] = a*1.0",
    "V[mask] = E",
    "V[~mask] *= 0.7",
    "V = np.where(mask, V, E)",
    "V = (phase*V).imag",
    "V *= weights",
    "V = fixed*np.sin(V)",
    "V[:] = fixtures[K]*np.cos(V)*E",
)
NUMBERS = (
    "s = 0.1*np.trace(m)",
    "s = np.einsum('ij,j->', m, V)*0.1",
    "t = np.cumsum(V)[I]*0.3",
    "s = 0.3*np.linalg.norm(V + 0.1)",
    "t = 0.2*sum([v*t for v in V if v > 0.1])",
    "s = np.sin(np.prod(V + 1.0))",
    "s = 0.5*s + V[int(3*abs(np.sin(s)))]",
    "t = t - 0.1*np.floor(3*s)",
    "s = V.max() - 0.5*V.min()",
    "s = np.interp(np.sin(s), [-1.0, 0.0, 1.0], V[1:4])",
    "s = functions[K % 2](s)",
    "t = np.abs(c[I])**2*0.2",
    "s = (c[I]*np.exp(0.3j*t)).real",
    "first, *rest = items\n    t = 0.3*first + 0.1*len(rest)",
    "s = np.float32(0.5)*s",
    "s = s if s > t else np.sin(t)",
    "s = {k: np.sin(v) for k, v in table.items()}['p']",
    "s += (lambda *vs, k=2.0: 0.1*sum(vs)*k)(*items[:1], t)",
    "assert np.isfinite(s), 'finite'",
    "s = 0.3*V[order[K]] + 0.5*s",
    "t = np.abs(phase*s + c[I])*0.2",
    "s = s*0.5 if mask[I] else np.sin(t)",
    "t = 0.2*np.sum(V[mask])",
    "t = t*weights[K]",
    "s = sum(V[k]*w for k, w in zip(order, weights) if mask[k])*0.3",
    "s = 0.2*np.sum(fixed*np.sin(V))",
)
MATRICES = (
    "m[I] = V*E",
    "m[:, K] += V",
    "m[I, K] = E",
    "m *= 0.9",
    "m += 0.1*V",
    "m -= 0.2*b[:, None]",
    "m = np.tanh(m @ m.T)*0.3",
    "m = m.T",
    "m[[0, 1, 1]] = V",
    "m[[0, 2, 2], [1, 1, 3]] += E",
    "m[m > 0.2] *= 0.5",
    "m[a > 0.1] = b",
    "m = np.where(m > 0.2, m*E, 0.1*b)",
    "m = np.stack([a, b, a*b, b, a])*0.5",
    "m.ravel()[3] = E",
    "m[1:4, K] = V[:3]",
    "m[K::2, ::-1] *= 0.7",
    "m[np.diag_indices(5)] = V",
    "m.flat[K] = E",
    "row = m[I]\n    row[K] = E\n    s = 0.3*np.sum(row)",
    "m = m[::-1] if s > 0.1 else 0.5*m",
    "m[np.triu_indices(5, 1)] *= 0.5",
    "m = np.linalg.solve(np.eye(5) + 0.05*m*m, m)",
    "m = (m - m.mean(axis=A, keepdims=True))*0.5",
    "m = m/np.sqrt(np.sum(m*m, axis=1, keepdims=True) + 1.0)",
    "m[order[K], mask] = E",
    "m[np.ix_(order[:2], mask)] *= 0.5",
    "m[order, K] -= 0.1*V",
    "m = m[order][:, order]",
)
OBJECTS = (
    "c[I] = E + 0.3j*t",
    "c = c*phase",
    "c[mask] = phase*s",
    "c *= np.exp(0.2j*s)",
    "V = c.imag*1.0",
    "c = np.fft.fft(V)*0.2",
    "c = np.conj(c)*V",
    "c.real[K] = 0.5",
    "cell.v = E",
    "s = cell.step(0.3*s)",
    "cell.w[I] = E",
    "cell = cell + E",
    "t = 0.3*cell.total",
    "cell.w = V*0.3",
    "arrays[K % 2][I] = E",
    "arrays[0] = V*0.5",
    "arrays[1] = arrays[0]*E",
    "arrays.append(V*E)",
    "arrays[-1] += 0.1*b",
    "s = 0.2*np.sum(arrays[-1])",
    "arrays[0], arrays[1] = arrays[1], arrays[0]",
    "arrays = halves(V)",
    "V = 0.5*np.vstack(arrays).sum(axis=0)",
    "functions[1] = lambda u: np.sin(u)*0.5",
    "items = [0.7*v for v in items]",
    "table = {**table, 'q': E}",
)


class WholeWriter(language.LanguageWriter):
    """Writes statements of every kind, of NumPy's arrays too."""

    def statement(self, place: Place) -> None:
        kind = self.r.random()
        if kind < 0.4:
            super().statement(place)
        elif kind < 0.9 or place.depth > 2:
            self.template(place, self.r.choice(self.r.choice((VECTORS, NUMBERS, MATRICES, OBJECTS))))
        else:
            self.r.choice([self.rows, self.swap, self.search, self.leave, self.local])(place)

    def template(self, place: Place, text: str) -> None:
        """Write statements with their expressions, indices and vectors filled in."""
        if not place.always_runs:  # there a name keeps standing for one array
            text = re.sub(r"^([Vm]) = (?!h)", r"\1[:] = ", text)
        filled = text.replace("V", self.r.choice("abh")).replace("K", str(self.r.randint(0, 2)))
        filled = filled.replace("A)", f"{self.r.randint(0, 1)})").replace("A,", f"{self.r.randint(0, 1)},")
        filled = filled.replace("E", self.expression(place)).replace("I", self.index(place))
        for line in filled.split("\n    "):
            self.line(place, line)

    def rows(self, place: Place) -> None:
        row, k = self.name("r"), self.name("k")
        inner = Place(place.indent + 1, place.depth + 1, place.indices, place.indent + 1)
        head, use = self.r.choice(
            [
                (f"for {row} in m:", f"{row}[0] = 0.5*{row}[1] + s"),
                (f"for {k}, {row} in enumerate(m):", f"s = np.sin(s + {row}[{k}])"),
                (f"for {row} in arrays:", f"{row} *= 0.8"),
                (f"for {row} in (a, h):", f"s = np.sin(s + np.sum({row}))"),
                (f"for {k} in range(1, 5):", f"m[{k}] = 0.5*m[{k} - 1] + 0.1*m[{k}]"),
                (f"for {k} in range(4, 0, -1):", f"h[{k}] -= 0.3*h[{k} - 1]*m[{k}, {k} - 1]"),
            ]
        )
        self.line(place, head)
        self.line(inner, use)
        self.block(inner, self.r.randint(0, 1) if "arrays" not in head else 0)

    def swap(self, place: Place) -> None:
        """Write a scheme in two buffers that are exchanged."""
        old, new, k = self.name("old"), self.name("new"), self.name("k")
        inner = self.inner(place)
        self.line(place, f"{old}, {new} = {self.r.choice('ab')}.copy(), np.zeros(5)")
        self.line(place, f"for {k} in range({self.r.choice(['n', '4'])}):")
        self.line(inner, f"{new}[1:-1] = 0.5*{old}[:-2] + 0.3*{old}[2:] + 0.1*t")
        if self.r.random() < 0.5:
            self.line(inner, f"if {new}[1] > {self.r.uniform(0, 1):.2f}:")
            self.line(self.inner(inner), "break")
        self.line(inner, f"{old}, {new} = {new}, {old}")
        self.line(place, f"s = 0.2*np.sum({old}) + 0.1*{new}[2]")

    def search(self, place: Place) -> None:
        """Write an iteration that ends by itself, or is given up."""
        k = self.name("k")
        inner = self.inner(place)
        self.line(place, f"{k} = 0")
        self.line(place, f"while {k} < {self.r.randint(1, 5)}:")
        self.line(inner, f"{k} += 1")
        self.line(inner, "u = 0.5*(s + 0.3/(s*s + 0.5))")
        self.line(inner, f"if abs(u - s) < {self.r.uniform(0.01, 0.3):.3f}:")
        self.line(self.inner(inner), self.r.choice(["break", "break", "return u + np.sum(a)"]))
        self.line(inner, "s = u")
        self.line(place, "else:")
        self.line(inner, f"t = 0.5*t + 0.1*{k}")

    def leave(self, place: Place) -> None:
        self.line(place, f"if {self.condition(place)}:")
        self.line(self.inner(place), f"return 0.3*np.sum(m) + s*t + {self.r.choice(['a[1]', 'cell.v', 'items[0]'])}")

    def local(self, place: Place) -> None:
        """Write a function in the function, that calls itself or is called in a loop."""
        f = self.name("f")
        inner = self.inner(place)
        deeper = self.inner(inner)
        self.line(place, f"def {f}(v, k=2):")
        if self.r.random() < 0.5:
            self.line(inner, "if k == 0:")
            self.line(deeper, "return np.sin(v)")
            self.line(inner, f"return 0.5*{f}(v*{self.r.choice(['t', 's', '0.9'])}, k - 1) + 0.1*v")
        else:
            self.line(inner, "for j in range(k):")
            self.line(deeper, "if v > 0.8:")
            self.line(self.inner(deeper), "return v")
            self.line(deeper, f"v = v + 0.3*np.sin(v)*{self.r.choice('abh')}[j]")
            self.line(inner, "return 0.5*v")
        self.line(place, f"s = {f}({self.expression(place)})")


def write(seed: int) -> str:
    """Write a random function, with its helpers."""
    writer = WholeWriter(random.Random(seed))
    writer.block(Place(), writer.r.randint(4, 9))
    head = language.HEAD.replace("\n\ndef checked", HEAD + "\ndef checked", 1)
    head = head.replace("def f(x, n):", f"def f(x, {', '.join(OTHERS)}):")
    return head + BODY + "\n".join(writer.lines) + language.TAIL.rstrip("\n") + END
