"""Random functions over state that several names see: what `whole` has, and what changes arrays from elsewhere.

Helpers change their arguments, which may be one array or views of each other; closures, dicts and objects keep arrays;
generators run between stores; loops end when the numbers say so; the argument itself is stored to.
"""

from __future__ import annotations

import random
import re

from tests.fuzz import language, whole
from tests.fuzz.stores import Place

HEAD = """

def mixed(u, v, k=1):
    u[k] = 0.5*u[k] + np.sin(v[k - 1])
    v *= 0.9
    return u[k - 1]*v[k]


def exchanged(u, v):
    u[:2], v[-2:] = v[:2]*0.7, u[:2].copy()
    return u, v


def damped(v):
    v = v[::-1]
    for k in range(1, len(v)):
        w = v[k - 1:]
        w[0] += 0.2*w[1 if len(w) > 1 else 0]
        w[1:] *= 0.95
    return v


def running(v, start=0.1):
    for w in v:
        start = 0.5*start + np.sin(w)
        yield start


def wandering(v):
    k = 0
    while k < len(v) and abs(v[k]) < 0.8:
        v[k] *= 0.9
        yield k, v[k]
        k += 1 if v[k] > 0.1 else 2


def guarded(v, k, value):
    v[k] = value
    if value > 0.6:
        raise ValueError(value)
    v[k - 1] += 0.1*value
    return v[k]


class Bank:
    def __init__(self, v):
        self.v = v
        self.calls = 0

    def __getitem__(self, k):
        self.calls += 1
        return self.v[k]

    def __setitem__(self, k, value):
        self.v[k] = 0.7*value

    def __iadd__(self, u):
        self.v += 0.1*u
        return self

    def __len__(self):
        return len(self.v)

    def __call__(self, u):
        return np.sin(self.v[0]*u) + 0.01*self.calls

    @property
    def first(self):
        return self.v[0]

    @first.setter
    def first(self, value):
        self.v[0] = value
        self.calls += 1


class Deep(Bank):
    def __call__(self, u):
        return 0.5*super().__call__(u) + 0.1*u

"""
BODY = """
    bank = Deep(a[1:].copy())
    kept = {'u': a*0.3, 'v': b.copy()}
    last = b*0.2
    pairs = [(s, a*1.0), (t, b*0.5)]

    def push(v, k=1):
        nonlocal last, t
        last = 0.5*last
        last[k] = v
        a[k] += 0.1*v
        t = 0.3*last[0] + 0.2*t
        return last[1:]
"""
END = (
    " + 0.1*np.sum(bank.v*bank.v) + 0.01*bank.calls + sum(0.3*np.sum(v) for v in kept.values()) + np.sum(last)"
    " + 0.2*np.sum(x[1:]*x[:-1]) + sum(u*np.sum(v)*0.1 for u, v in pairs)\n"
)

# What is written as it is, as in `whole`; U too is a vector.
STORES = (
    "x[I] = E",
    "x *= 0.9",
    "x[1:] += 0.2*x[:-1]",
    "V[:-1] = V[1:]*0.8",
    "V[1:] = V[:-1] + 0.1",
    "V += V[::-1]*0.3",
    "V *= V",
    "V[::2] -= 0.3*V[::-2]",
    "V[order % 3] += 0.2*U",
    "V[order % 3] = U",
    "V[order // 2] *= 0.9",
    "V[[K, K, 1]] -= E",
    "np.subtract.at(V, order % 3, 0.1*U)",
    "np.add(V[1:], 0.3*V[:-1], out=V[1:])",
    "np.cumsum(V*0.3, out=V)",
    "np.maximum(V, 0.3*U, out=V)",
    "np.clip(V, -0.6, 0.7, out=V)",
    "np.copyto(V, 0.5*U)",
    "np.copyto(V, E, where=mask)",
    "np.put(V, [0, K], E)",
    "np.putmask(V, V > 0.2, 0.5*U)",
    "V.sort()",
    "V[:] = V[order]",
    "V[mask], V[~mask] = 0.4*s, 0.3*V[~mask]",
    "V[mask] = U[mask]*E",
    "V[mask] += 0.1*np.arange(3.0)",
    "V[0], V[1] = V[1], V[0]",
    "V[I], s = s, V[I]",
    "k = 0\n    k, V[k] = 2, E",
    "k = 1\n    V[k], k = E, 2\n    V[k] += 0.1",
    "k = K\n    V[k] = V[k - 1] = E",
    "u = V\n    u[I] = E\n    u = u*0.5\n    u[0] = 0.3",
    "u = w = 0.5*V\n    u[I] = E\n    V[K] = w[K]",
    "u = V[1:]\n    w = u[::-1]\n    w[K] = E\n    u *= 0.8\n    s = w[0]*0.5",
    "u = V.reshape(5, 1)\n    u[K, 0] = E\n    u.T[0, 1:] *= 0.9",
    "u = V[None, :]\n    u[:, 1:3] += E",
    "V[slice(1, 4)] = 0.5*U[:3]",
    "V[...] = np.flip(V)*0.9",
    "V[1:1] = E",
    "V[-1:0:-1] = V[:-1]*0.9",
    "m[0] = m[1]\n    m[1, K] = E",
    "m[:, 0], m[:, 1] = m[:, 1]*0.5, m[:, 0].copy()",
    "u = m.T\n    u[K] = V\n    u[:, 1] *= 0.7",
    "u = m[1:, K]\n    u += 0.1*V[1:]\n    V[0] = u[0]",
    "m[order, order] = V",
    "m[order[:3], order[2:]] += 0.1*V[:3]",
    "m[mask] = 0.3*V",
    "m[:, mask] *= E",
    "m[mask, K] = 0.2*s",
    "u = np.diagonal(m)\n    m[K, K] = E\n    s = 0.3*np.sum(u)",
    "np.fill_diagonal(m, E)",
    "m[np.arange(5), order] -= 0.2*V",
    "m += m.T*0.1",
    "m[1:, :] = m[:-1, :]*0.9",
)
CALLS = (
    "s = mixed(V, U)*0.3",
    "s = mixed(V, V)*0.3",
    "t = mixed(V, V[::-1], 2)*0.3",
    "t = mixed(V[1:4], V[:3])*0.3",
    "t = mixed(m[K], m[:, K])*0.3",
    "exchanged(V, U)",
    "a, b = exchanged(b, a)",
    "exchanged(V, V)",
    "s = np.sum(damped(V))*0.2",
    "damped(m[K])",
    "u = damped(V[1:])\n    u[K] = E",
    "push(E)",
    "u = push(E, 2)\n    u[K] = 0.3*s",
    "V[:] = list(running(V))",
    "V = np.array([0.5*u for u in running(U)])",
    "s = sum(running(V, s))*0.2",
    "for k, u in enumerate(running(V)):\n        V[k] = u*0.8",
    "for u, w in zip(running(V), U):\n        s = 0.5*s + u*w",
    "for k, u in wandering(V):\n        b[k] = 0.5*u",
    "s = next(running(V[K:], s))*0.5",
    "t = max(running(V))*0.3",
    "try:\n        s = guarded(V, K, E)\n    except ValueError as error:\n        t = 0.3*error.args[0]",
    "try:\n        V[0] = E\n        s = guarded(V, 2, s)\n        V[1] = s\n    except ValueError:\n        V[2] = s",
    "try:\n        x[0] = E\n        s = guarded(x, 1, t)\n    finally:\n        x[2] *= 0.5",
    "bank[K] = E",
    "s = bank[K]*0.5",
    "bank += s",
    "bank[1:3] = V[:2]",
    "bank.first = E",
    "t = bank(E)*0.5",
    "s = 0.3*bank.first + len(bank)*0.01",
    "bank.v = V[1:]*0.5",
    "bank = Deep(V if s > 0.2 else U)",
    "kept['u'][I] = E",
    "kept['u'], kept['v'] = kept['v'], kept['u']",
    "kept['v'] = V*0.5",
    "kept['v'] = V",
    "for key in kept:\n        kept[key] *= 0.9",
    "for key, u in kept.items():\n        u[K] = 0.5*u[0] + s",
    "s = 0.2*np.sum(kept.get('u'))",
    "kept = {key: 0.8*v for key, v in kept.items()}",
    "kept.update(v=0.3*V)",
    "u = kept.setdefault('u', V)\n    u *= 0.9",
    "pairs[0] = (E, V*0.5)",
    "for u, w in pairs:\n        w *= 0.9\n        s = 0.5*s + 0.1*u*w[K]",
    "pairs = [(u*0.5, w) for u, w in pairs]",
    "(u, w), (s, _) = pairs\n    w[K] = u",
    "while np.sum(np.abs(V)) > 0.9:\n        V *= 0.6",
    "while s > 0.25:\n        s = 0.6*s\n        V[K] = 0.9*V[K] + 0.1*s",
    "k = 0\n    while k < 5 and V[k] > -0.3:\n        V[k] = 0.5*V[k] + 0.1*s\n        k += 1",
    "while True:\n        s = 0.5*s + 0.1\n        if abs(s) < 0.7:\n            break",
    "s = [np.sin(u) for u in V if u > 0.1][0] if np.any(V > 0.1) else 0.3*t",
    "s = 0.1*sum(u*w for u in V[:2] for w in (s, t))",
    "items.insert(0, E)",
    "items[:] = [0.5*v for v in items]",
    "items = sorted(items)",
    "items.sort(key=lambda u: -u*u)",
    "items.reverse()",
    "t = 0.3*max(items) - 0.2*min(items, key=abs)",
    "del items[1:]",
    "*rest, t = (s, t, E)",
    "if -0.5 < bump(E) < 0.8:\n        t = 0.5*t + 0.1",
    "t = (s if bump(E) > 0.2 else t)*0.5",
    "s = (bump(0.3) or 1.0)*0.5",
    "g = functions[0] if s > 0.2 else functions[1]\n    t = g(t)*0.5",
    "for g in functions:\n        s = g(s)*0.7",
    "s = s % 0.7",
    "t = t // 0.3*0.1 + 0.5*t",
    "s, t = divmod(s, 0.6)[1], 0.5*t",
    "s = np.sign(s)*abs(s)**1.5",
    "t = np.arctan2(s, t + 2.0)*0.5",
    "s = np.hypot(s, V[K])*0.5",
    "s = (-0.4)**K*s",
    "V[:] = np.where(V > 0.1, np.sqrt(np.abs(V)), V*0.5)",
    "V[:] = np.where(V > 0.0, np.log(np.where(V > 0.0, V, 1.0))*0.2, 0.3)",
    "c.imag[:] = V",
    "c.real *= 0.5",
    "c += phase*V",
    "c = np.where(mask, c, np.conj(c))",
    "V[:] = np.abs(c)*0.3",
    "t = np.angle(c[I] + 2.0)*0.5",
    "s = abs(c[K])**2*0.3",
    "c[::2] *= 1j",
    "V[:] = (c*np.conj(c)).real*0.2",
    "u = np.float64(E)\n    u += 0.1\n    s = 0.5*s + u",
    "u = np.array(s)\n    u += 0.2*t\n    s = 0.5*float(u)",
    "k = int(np.argmax(V))\n    V[k] = E\n    s = 0.3*V[k - 1]",
    "k = int(np.sum(V > 0.1))\n    V[:k] *= 0.8",
    "a, b = (b, a) if n > 2 else (a, b)",
    "np.einsum('i,i->i', V, U, out=V)",
    "V[:] = np.minimum.accumulate(V)*0.5 + 0.1",
    "V[:] = np.interp(V, [-1.0, 0.0, 1.0], [s, t, 0.3])",
)


class StateWriter(whole.WholeWriter):
    """Writes statements that change what other names see."""

    def statement(self, place: Place) -> None:
        if self.r.random() < 0.45:
            super().statement(place)
            return
        text = self.r.choice(self.r.choice((STORES, CALLS)))
        swaps = re.match(r"a, b = |bank = |kept = ", text) and not place.always_runs
        self.fill(place, "V[I] = E" if swaps or (place.depth > 2 and "\n        " in text) else text)

    def fill(self, place: Place, text: str) -> None:
        """Write statements with their expressions, indices and vectors filled in."""
        if not place.always_runs:  # there a name keeps standing for one array
            text = re.sub(r"^V = ", "V[:] = ", text)
        chosen = {"V": self.r.choice("abh"), "U": self.r.choice("abh"), "K": str(self.r.randint(0, 2))}
        chosen |= {"E": self.expression(place), "I": self.index(place)}
        for line in re.sub(r"\b[VUKEI]\b", lambda found: chosen[found[0]], text).split("\n    "):
            self.line(place, line)

    def expression(self, place: Place, depth: int = 0) -> str:
        if depth > 0 and self.r.random() < 0.1:
            return self.r.choice(["bank.first", "kept['u'][1]", "last[0]", "x[-1]", "bank.v[1]", "pairs[0][0]"])
        return super().expression(place, depth)


def write(seed: int) -> str:
    """Write a random function, with its helpers."""
    writer = StateWriter(random.Random(seed))
    writer.block(Place(), writer.r.randint(4, 9))
    head = language.HEAD.replace("\n\ndef checked", whole.HEAD + HEAD + "\ndef checked", 1)
    head = head.replace("def f(x, n):", f"def f(x, {', '.join(whole.OTHERS)}):")
    tail = language.TAIL.rstrip("\n") + whole.END.rstrip("\n") + END
    return head + whole.BODY + BODY + "\n".join(writer.lines) + tail
