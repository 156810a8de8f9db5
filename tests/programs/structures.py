"""Programs made of objects and containers: networks, trees, queues, automatic differentiation; and their aliases."""

import copy
import enum
import functools
import math
import operator
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import List, NamedTuple

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
A = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])
X = np.array([[0.2, 0.7], [-0.3, 1.1], [0.5, -0.9]])
B = np.array([0.1, -0.2, 0.3])


@dataclass
class P:
    v: float
    w: float = 1.0


@program(V)
def mutate_while_iterating(x):
    a = [x[0], x[1], x[2]]
    s = 0.0
    for v in a:
        a[2] = a[2] + v
        s += v * v
    return s


@program(V)
def prefix_enumerate(x):
    a = [x[0], x[1], x[2], x[3]]
    for i, v in enumerate(a[:-1]):
        a[i + 1] += v * a[i]
    for i, v in enumerate(a):
        if i < 3:
            a[i + 1] = a[i + 1] * v
    return a[3]


@program(V)
def dict_items_mutate(x):
    d = {"a": x[0], "b": x[1], "c": x[2]}
    s = 0.0
    for k, v in d.items():
        d["c"] = d["c"] + v
        s += v * v
    for v in d.values():
        d["b"] = 2.0
        s += v
    return s


@program(V, refusable=True)
def append_while_iterating(x):
    a = [x[0]]
    for v in a:
        if len(a) < 4:
            a.append(v * x[1])
    return sum(a)


@program(V, refusable=True)
def append_while_iterating_dynamic(x):
    a = []
    for v in x:
        a.append(v)
    for v in a:
        if len(a) < 8:
            a.append(v * x[1])
    return sum(a)


@program(V)
def alias_loop_rebinding(x):
    s = P(x[0])
    t = s
    for i in range(len(x)):
        s.v = s.v + x[i]
    return s.v * t.v


@program(V, refusable=True)
def alias_then_new_in_loop(x):
    s = P(x[0])
    t = s
    for i in range(len(x)):
        s.v += 1.0
        s = P(s.v * x[i])
    return t.v * s.v


@program(V, refusable=True)
def alias_branch_then_mutate(x):
    p = P(x[0])
    q = P(x[1])
    r = p if x[2] > 0 else q
    r.v = x[3] * 2
    return p.v * q.v + r.v


@program(V, refusable=True)
def alias_branch_mutate_original(x):
    p = P(x[0])
    q = P(x[1])
    if x[2] > 0:
        r = p
    else:
        r = q
    p.v = x[3] * 2
    return r.v * q.v


@program(V, refusable=True)
def alias_list_branch(x):
    p = [x[0]]
    q = [x[1]]
    r = p if x[2] > 0 else q
    r.append(x[3])
    return sum(p) * sum(q) + sum(r)


@program(V, refusable=True)
def alias_exits(x):
    s = P(x[0])
    t = P(x[1])
    for i in range(3 + len(x)):
        s.v = s.v * 0.5 + t.v
        t = P(s.v + 1.0)
        s = t
    return s.v * t.v


@program(V, refusable=True)
def dynamic_list_alias(x):
    a = []
    for v in x:
        a.append(v)
    b = a
    for v in x:
        a.append(v * 2)
        a = a + [1.0]
    return sum(a) + sum(b)


@program(V)
def dynamic_list_alias2(x):
    a = []
    b = a
    for v in x:
        b.append(v)
    a.append(x[0] * 2)
    return sum(b) * len(a)


@program(V, refusable=True)
def buffer_shared_in_list(x):
    buf = np.zeros(2)
    hist = []
    for i in range(len(x)):
        buf[0] += x[i]
        hist.append(buf)
    return sum(np.sum(h) * k for k, h in enumerate(hist))


@program(V)
def buffer_copy_in_list(x):
    buf = np.zeros(2)
    hist = []
    for i in range(len(x)):
        buf[0] += x[i]
        hist.append(buf.copy())
    return sum(np.sum(h) * k for k, h in enumerate(hist))


@program(V)
def slice_aug(x):
    a = [x[0], x[1], x[2]]
    a[1:2] += [x[3]]
    a[0] += 1.0
    return a[2] * a[1] + a[3] * len(a)


@program(V)
def iadd_alias(x):
    a = [x[0]]
    b = a
    a += [x[1]]
    a = a + [x[2]]
    return sum(a) * len(b) + sum(b)


@program(V)
def stale_iadd(x):
    a = []
    a.append(x[0])
    a += [x[1]]
    a *= 2
    return a[2] * a[3]


@program(V)
def tuple_equality(x):
    if (x[0], 1) == (1.1, 1):
        return x[1] * 2
    return x[2]


@program(V)
def nested_comprehension_flat(x):
    rows = [[x[0], x[1]], [x[2], x[3]]]
    flat = [v * v for row in rows for v in row if v > -10]
    t = list(zip(*rows))
    return sum(flat) + t[0][1] * t[1][0]


@program(V)
def adjacency(x):
    adj = {0: [1, 2], 1: [3], 2: [3], 3: []}
    val = {3: x[0]}
    for n in (2, 1, 0):
        val[n] = x[n + 1] * sum(val[m] for m in adj[n])
    return val[0]


@program(V)
def topological(x):
    order, seen = [], set()
    adj = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}

    def visit(n):
        if n in seen:
            return
        seen.add(n)
        for m in adj[n]:
            visit(m)
        order.append(n)

    visit("a")
    val = {}
    for k, n in enumerate(order):
        val[n] = x[k] + sum(val[m] * 2.0 for m in adj[n])
    return val["a"]


@program(V)
def bfs_queue(x):
    q = deque([0])
    dist = {0: x[0]}
    adj = {0: [1, 2], 1: [3], 2: [3], 3: []}
    while q:
        n = q.popleft()
        for m in adj[n]:
            if m not in dist:
                dist[m] = dist[n] * x[m]
                q.append(m)
    return sum(dist.values())


@program(V)
def dict_of_lists_runtime(x):
    log = {"a": [], "b": []}
    for v in x:
        log["a"].append(v * 2)
        log["b"].append(v * v)
    return sum(log["a"]) * sum(log["b"]) + log["a"][-1]


class Net:
    def __init__(self, sizes, scale):
        self.params = {f"w{i}": np.ones((a, b)) * scale for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:]))}
        self.n = len(sizes) - 1
        self.log = []

    def __call__(self, x):
        for i in range(self.n):
            x = np.tanh(x @ self.params[f"w{i}"])
            self.log.append(np.sum(x))
        return x


@program(Net([2, 3, 2], 0.3), X, wrt=(0,))
def net_arg(net, x):
    y = net(x)
    return np.sum(y**2) + sum(net.log)


@program([1.0, 2.0, 3.0], wrt=(0,))
def list_arg_mutated(a):
    a.append(a[0] * a[1])
    a[0] = 5.0
    a.reverse()
    return a[0] * a[1] + a[-1] * a[2]


@program({"a": 1.0, "b": [2.0]}, wrt=(0,))
def dict_arg_mutated(d):
    d["c"] = d["a"] * 2
    d["b"].append(d.pop("a"))
    return d["c"] * d["b"][1] * d["b"][0]


@program(V)
def star_unpack_loop(x):
    rows = [(x[0], x[1], x[2]), (x[3], x[4], 2.0)]
    s = 0.0
    for a, *rest in rows:
        s += a * sum(rest) * len(rest)
    return s


@program(V)
def kwargs_forward(x):
    def g(a, *args, b=1.0, **kw):
        return a * b + sum(args) * kw.get("c", 2.0)

    def f(*args, **kw):
        return g(*args, **kw)

    return f(x[0], x[1], x[2], b=x[3]) + f(x[0], c=x[4], **{"b": x[1]}) + f(*x[:2])


@program((V[0], V[1]), {"p": V[2], "q": V[3]}, wrt=(0, 1))
def star_args(args, kw):
    def f(a, b, p, q=1.0):
        return a * b + p * q

    return f(*args, **kw)


@program(V)
def matrix_lists(x):
    a = [[x[0], x[1]], [x[2], x[3]]]
    n = len(a)
    c = [[sum(a[i][k] * a[k][j] for k in range(n)) for j in range(n)] for i in range(n)]
    tr = sum(c[i][i] for i in range(n))
    t = [list(col) for col in zip(*c)]
    return tr * t[0][1]


@program(V)
def object_list_comp(x):
    ps = [P(v, v * v) for v in x[:3]]
    for p in ps:
        p.v *= p.w
    return sum(p.v for p in ps if p.w > 0.0) + ps[0].w


@program(V)
def list_of_list_runtime(x):
    m = []
    for i in range(len(x)):
        row = []
        for j in range(len(x)):
            row.append(x[i] * x[j])
        m.append(row)
    a = np.array(m)
    return np.sum(a * a) + m[1][2]


@program(V)
def queue_list_pop0(x):
    q = [x[0], x[1]]
    s = 0.0
    for i in range(len(x)):
        a = q.pop(0)
        q.append(a * x[i] + q[0])
        s += a
    return s


@program(V)
def insert_front_runtime(x):
    q = []
    for v in x:
        q.insert(0, v * v)
    del q[1]
    q.insert(2, x[0])
    q.extend([1.0, x[1]])
    q.extend(v * 2 for v in x)
    b = q[::2]
    return q[0] * q[2] + sum(b) + q.pop(1) * q.pop(-2)


@program(V)
def slice_store_runtime(x):
    q = [v * v for v in x]
    q[1:3] = [x[0], x[0] * 2, 3.0]
    q[::2] = [v for v in q[::2]]
    w = q.copy()
    w.reverse()
    w[0] = x[4]
    return sum(a * b for a, b in zip(q, w)) + q[2]


@program(V)
def repeat_runtime(x):
    n = len(x)
    a = [x[0], x[1]] * n
    b = [1.0] * n + a
    a[3] = x[2] * 2
    return sum(a) + sum(b) * a[3]


@program(V)
def concat_list_of_arrays(x):
    parts = []
    for i in range(len(x)):
        parts.append(x[i:] * x[i])
    return np.sum(np.concatenate(parts) ** 2)


@program(V)
def enumerate_zip_dynamic(x):
    a = [v * v for v in x]
    b = [v + 1.0 for v in x if v > 0]
    s = 0.0
    for i, (p, q) in enumerate(zip(a, b)):
        s += p * q * i
    for p, q in zip(a[1:], a[:-1]):
        s += p * q
    return s + max(a) + min(b)


@program(0.5)
def object_in_dict(x):
    d = {"p": P(x), "q": P(2.0)}
    d["p"].v += d["q"].v
    e = dict(d)
    e["p"].w = x * x
    return d["p"].v * d["p"].w


@program(V)
def early_exit_objects(x):
    p = P(x[0])
    for v in x:
        p.v = p.v * 0.5 + v
        if p.v > 1.0:
            break
        p.w += p.v
    return p.v * p.w


def helper_update(p, k):
    p.v *= k
    return p


@program(V)
def helper_mutates(x):
    p = P(x[0])
    q = helper_update(p, x[1])
    q.v += 1.0
    return p.v * q.v


@program(V)
def while_linked(x):
    node = {"v": x[0], "next": {"v": x[1], "next": {"v": x[2], "next": None}}}
    s = 0.0
    while node:
        s = s * 2.0 + node["v"]
        node = node["next"]
    return s


class Module(ABC):
    def __init__(self):
        self._params = {}

    def register(self, name, value):
        self._params[name] = value
        return value

    @abstractmethod
    def forward(self, x): ...
    def __call__(self, *args):
        return self.forward(*args)

    def parameters(self):
        return list(self._params.values())


class Dense(Module):
    def __init__(self, w, b, act=None):
        super().__init__()
        self.register("w", w)
        self.register("b", b)
        self.act = act or (lambda z: z)

    def forward(self, x):
        return self.act(x @ self._params["w"] + self._params["b"])


class Sequential(Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def l2(self):
        return sum(np.sum(p**2) for layer in self.layers for p in layer.parameters())


def seq():
    return Sequential(Dense(A * 1.0, B * 1.0, np.tanh), Dense(A.T * 0.5, np.zeros(2)))


@program(seq(), X, wrt=(0,))
def sequential_arg(m, x):
    return np.sum(m(x) ** 2) + 0.1 * m.l2()


@program(A, B, X)
def sequential_inside(w, b, x):
    m = Sequential(Dense(w, b, np.tanh), Dense(w.T, np.zeros(2)))
    return np.sum(m(x) ** 2) + 0.1 * m.l2()


GLOBAL = seq()


@program(X)
def sequential_global(x):
    return np.sum(GLOBAL(x) ** 2)


@dataclass(frozen=True)
class Body:
    pos: np.ndarray
    vel: np.ndarray
    mass: float = 1.0

    def kinetic(self):
        return 0.5 * self.mass * np.sum(self.vel**2)

    def step(self, force, dt):
        vel = self.vel + dt * force / self.mass
        return replace(self, pos=self.pos + dt * vel, vel=vel)


@program(V)
def nbody(x):
    bodies = [Body(x[:2], np.zeros(2), 1.0), Body(x[2:4], np.zeros(2), 2.0), Body(x[3:], np.ones(2))]
    for _ in range(4):
        forces = []
        for i, a in enumerate(bodies):
            f = np.zeros(2)
            for j, b in enumerate(bodies):
                if i == j:
                    continue
                d = b.pos - a.pos
                f = f + b.mass * d / (np.sum(d**2) + 0.1) ** 1.5
            forces.append(f)
        bodies = [b.step(f, 0.05) for b, f in zip(bodies, forces)]
    return sum(b.kinetic() for b in bodies)


class Kind(enum.Enum):
    SIN = "sin"
    COS = "cos"


class Mode(enum.IntEnum):
    A = 1
    B = 2


@dataclass
class Op:
    kind: Kind
    scale: float


@program([Op(Kind.SIN, 2.0), Op(Kind.COS, 3.0)], 0.4, wrt=(0, 1))
def enum_ops(ops, x):
    for op in ops:
        if op.kind is Kind.SIN:
            x = op.scale * math.sin(x)
        elif op.kind == Kind.COS:
            x = op.scale * math.cos(x)
    return x * Mode.B


class Expr:
    pass


@dataclass
class Num(Expr):
    v: float

    def eval(self, env):
        return self.v


@dataclass
class Name(Expr):
    n: str

    def eval(self, env):
        return env[self.n]


@dataclass
class Bin(Expr):
    op: str
    left: Expr
    right: Expr

    def eval(self, env):
        a, b = self.left.eval(env), self.right.eval(env)
        return {"+": a + b, "*": a * b, "-": a - b}[self.op]


@program(0.4, 0.6)
def interpreter(x, y):
    e = Bin("+", Bin("*", Name("x"), Num(2.0)), Bin("-", Name("y"), Bin("*", Name("x"), Name("x"))))
    return e.eval({"x": x, "y": y})


@program(Bin("+", Bin("*", Name("x"), Num(2.0)), Num(3.0)), 0.7, wrt=(0, 1))
def expression_arg(e, x):
    return e.eval({"x": x}) ** 2


def evaluate(e, env):
    if isinstance(e, Num):
        return e.v
    if isinstance(e, Name):
        return env[e.n]
    a, b = evaluate(e.left, env), evaluate(e.right, env)
    return a + b if e.op == "+" else a * b


@program(0.4)
def isinstance_dispatch(x):
    return evaluate(Bin("*", Bin("+", Name("x"), Num(x)), Name("x")), {"x": x})


class Matrix:
    def __init__(self, rows):
        self.rows = [list(r) for r in rows]

    @classmethod
    def eye(cls, n):
        return cls([[1.0 if i == j else 0.0 for j in range(n)] for i in range(n)])

    @property
    def shape(self):
        return len(self.rows), len(self.rows[0])

    def __getitem__(self, ij):
        i, j = ij
        return self.rows[i][j]

    def __setitem__(self, ij, v):
        i, j = ij
        self.rows[i][j] = v

    def __matmul__(self, o):
        n, m = self.shape[0], o.shape[1]
        out = [[0.0] * m for _ in range(n)]
        for i in range(n):
            for j in range(m):
                for k in range(self.shape[1]):
                    out[i][j] += self[i, k] * o[k, j]
        return Matrix(out)

    def __add__(self, o):
        return Matrix([[a + b for a, b in zip(r, s)] for r, s in zip(self.rows, o.rows)])

    def __rmul__(self, s):
        return Matrix([[s * a for a in r] for r in self.rows])

    @property
    def T(self):
        return Matrix(zip(*self.rows))

    def trace(self):
        return sum(self[i, i] for i in range(len(self.rows)))


@program(0.3, 0.8)
def matrix_class(a, b):
    m = Matrix([[a, b], [a * b, 1.0]])
    m[0, 1] += 2.0
    p = m @ m.T + 2.0 * Matrix.eye(2)
    return p.trace() * p[0, 1]


class Stack:
    def __init__(self):
        self._items = []

    def push(self, v):
        self._items.append(v)
        return self

    def pop(self):
        return self._items.pop()

    def peek(self):
        return self._items[-1]

    def __len__(self):
        return len(self._items)

    @property
    def empty(self):
        return not self._items


@program(V)
def rpn(x):
    s = Stack()
    env = dict(a=x[0], b=x[1], c=x[2])
    for tok in "a b + c * a -".split():
        if tok == "+":
            s.push(s.pop() + s.pop())
        elif tok == "*":
            s.push(s.pop() * s.pop())
        elif tok == "-":
            r = s.pop()
            s.push(s.pop() - r)
        else:
            s.push(env[tok])
    assert len(s) == 1
    return s.pop()


@program(V)
def stack_runtime(x):
    s = Stack()
    for v in x:
        s.push(v * v)
    t = 1.0
    while not s.empty:
        t = 0.5 * t + s.pop()
    return t


class Kalman(NamedTuple):
    mean: float
    var: float

    def update(self, z, r):
        k = self.var / (self.var + r)
        return self._replace(mean=self.mean + k * (z - self.mean), var=(1 - k) * self.var)


@program(V, 0.5)
def kalman(zs, r):
    s = Kalman(0.0, 1.0)
    nll = 0.0
    for z in zs:
        nll += (z - s.mean) ** 2 / (s.var + r) + np.log(s.var + r)
        s = s.update(z, r)
    return nll + s.mean


@program(
    {
        "layers": [{"w": A, "b": B, "act": "tanh"}, {"w": A.T, "b": np.zeros(2), "act": None}],
        "cfg": {"l2": 0.1, "name": "net", "use": True},
    },
    X,
    wrt=(0,),
)
def json_like(p, x):
    for layer in p["layers"]:
        x = x @ layer["w"] + layer["b"]
        if layer["act"] == "tanh":
            x = np.tanh(x)
        elif layer.get("act") is None:
            pass
    loss = np.mean(x**2)
    if p["cfg"]["use"]:
        loss = loss + p["cfg"]["l2"] * sum(np.sum(y["w"] ** 2) for y in p["layers"])
    return loss


@dataclass
class Config:
    hidden: int = 3
    lr: float = 0.1
    name: str = "x"
    layers: List[int] = field(default_factory=lambda: [1, 2])


CFG = Config(lr=0.3)


@program(0.4)
def config_global(x):
    for k in CFG.layers:
        x = x * CFG.lr + k
    return x * CFG.hidden if CFG.name == "x" else 0.0


class Gauss:
    def __init__(self, mu, sigma):
        self.mu, self.sigma = mu, sigma

    def logpdf(self, x):
        return -0.5 * ((x - self.mu) / self.sigma) ** 2 - math.log(self.sigma)

    def __mul__(self, other):
        v = 1 / (1 / self.sigma**2 + 1 / other.sigma**2)
        return Gauss(v * (self.mu / self.sigma**2 + other.mu / other.sigma**2), math.sqrt(v))


@program(0.4, 1.5, 0.3)
def gaussians(m, s, x):
    g = functools.reduce(operator.mul, [Gauss(m, s), Gauss(x, 2.0), Gauss(0.0, s * 2)])
    return g.logpdf(x) + g.mu


class Cached:
    def __init__(self, x):
        self.x = x
        self._c = None
        self.hits = 0

    @property
    def value(self):
        if self._c is None:
            self._c = self.x**3
        else:
            self.hits += 1
        return self._c


@program(0.4)
def cached_property_by_hand(x):
    c = Cached(x)
    return c.value * c.value + c.value * c.hits


class Observer:
    def __init__(self):
        self.handlers = []

    def on(self, f):
        self.handlers.append(f)

    def fire(self, v):
        return sum(h(v) for h in self.handlers)


@program(V)
def momentum(x):
    params = {"a": x[0], "b": x[1]}
    state = {k: 0.0 for k in params}
    for t in range(5):
        grads = {"a": 2 * params["a"] - params["b"], "b": params["b"] ** 2 - params["a"]}
        for k in params:
            state[k] = 0.9 * state[k] + grads[k]
            params[k] = params[k] - 0.1 * state[k]
    return params["a"] * params["b"]


@program(V)
def viterbi(x):
    trans = [[x[0], 0.2], [0.5, x[1]]]
    emit = [x[2], x[3]]
    score = [0.0, 0.0]
    for t in range(4):
        score = [max(score[i] + trans[i][j] for i in range(2)) + emit[(j + t) % 2] for j in range(2)]
    return max(score)


@program({1: 2.0, (0, 1): 3.0, "k": V}, wrt=(0,))
def odd_keys(d):
    return d[1] * d[0, 1] * np.sum(d["k"])


class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right

    def insert(self, key, v):
        if key < 2:
            if self.left:
                self.left.insert(key, v)
            else:
                self.left = Tree(v)
        elif self.right is not None:
            self.right.insert(key, v)
        else:
            self.right = Tree(v)

    def fold(self, f):
        a = self.left.fold(f) if self.left else 0.0
        b = self.right.fold(f) if self.right else 0.0
        return f(self.value, a, b)


@program(V)
def binary_tree(x):
    t = Tree(x[0])
    for k in range(1, 5):
        t.insert(k, x[k])
    return t.fold(lambda v, a, b: v * v + 0.5 * a + 0.25 * b * v)


@program(Tree(1.0, Tree(2.0), Tree(3.0, None, Tree(4.0))), wrt=(0,))
def tree_fold_arg(t):
    return t.fold(lambda v, a, b: v * v + 0.5 * a + 0.25 * b * v)


class Ring:
    """ring buffer"""

    def __init__(self, n):
        self.buf = np.zeros(n)
        self.i = 0

    def push(self, v):
        self.buf[self.i % len(self.buf)] = v
        self.i += 1

    def mean(self):
        return np.mean(self.buf)


class Env:
    def __init__(self):
        self.state = np.array([1.0, 0.0])
        self.t = 0

    def reset(self):
        self.state = np.array([1.0, 0.0])
        return self.state

    def step(self, a):
        x, v = self.state
        self.state = np.array([x + 0.1 * v, v + 0.1 * a])
        self.t += 1
        return self.state, -(x**2 + 0.1 * a**2), self.t >= 5


class Policy:
    def __init__(self, k):
        self.k = k

    def act(self, s):
        return -self.k[0] * s[0] - self.k[1] * s[1]


@program(np.array([0.5, 0.8]))
def rollout(k):
    env, pi = Env(), Policy(k)
    s, total, done = env.reset(), 0.0, False
    while not done:
        s, r, done = env.step(pi.act(s))
        total += r
    return total


@program(np.array([0.5, 0.8]))
def trajectory(k):
    env, pi = Env(), Policy(k)
    traj = [env.reset()]
    rewards = []
    for _ in range(5):
        s, r, _ = env.step(pi.act(traj[-1]))
        traj.append(s)
        rewards.append(r)
    return sum(0.9**i * r for i, r in enumerate(rewards)) + np.sum(np.array(traj) ** 2)


@program(V)
def polynomial_dict(x):
    p = {0: x[0], 2: x[1]}
    q = {1: x[2], 2: x[3]}
    r = {}
    for i, a in p.items():
        for j, b in q.items():
            r[i + j] = r.get(i + j, 0.0) + a * b
    return sum(c * 0.7**k for k, c in sorted(r.items()))


class Quaternion(NamedTuple):
    w: float
    x: float
    y: float
    z: float

    def __mul__(self, o):
        a, b, c, d = self
        e, f, g, h = o
        return Quaternion(
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        )

    def conj(self):
        return Quaternion(self.w, -self.x, -self.y, -self.z)

    def norm(self):
        return math.sqrt(sum(c * c for c in self))


@program(Quaternion(0.5, 0.1, -0.3, 0.8), (0.2, 0.3, 0.4), wrt=(0, 1))
def quaternion_rotation(q, v):
    p = Quaternion(0.0, *v)
    r = q * p * q.conj()
    return r.x * r.y + r.z * q.norm()


class Unit:
    def __init__(self, v, u):
        self.v, self.u = v, u

    def __add__(self, o):
        if self.u != o.u:
            raise ValueError("units")
        return Unit(self.v + o.v, self.u)

    def __truediv__(self, o):
        return Unit(self.v / o.v, f"{self.u}/{o.u}")

    def __lt__(self, o):
        return self.v < o.v

    def __repr__(self):
        return f"{self.v} {self.u}"


@program(0.5, 0.7)
def units(a, b):
    d = Unit(a, "m") + Unit(2.0, "m")
    s = d / Unit(b, "s")
    return s.v if s.u == "m/s" and not (s < Unit(0.0, "m/s")) else 0.0


class Var_:
    """reverse-mode tape written by the user"""

    def __init__(self, v, parents=()):
        self.v, self.parents, self.g = v, list(parents), 0.0

    def __add__(self, o):
        return Var_(self.v + o.v, [(self, 1.0), (o, 1.0)])

    def __mul__(self, o):
        return Var_(self.v * o.v, [(self, o.v), (o, self.v)])

    def backward(self, g=1.0):
        self.g += g
        for p, d in self.parents:
            p.backward(g * d)


@program(0.5, 0.7)
def user_tape(a, b):
    x, y = Var_(a), Var_(b)
    z = x * y + x * x
    z.backward()
    return x.g * y.g + z.v


@program(V, 7)
def object_arrays_loop(x, n):
    s = SimpleNamespace(h=np.zeros(3), c=np.ones(3), k=0)
    for i in range(n):
        s.c = 0.5 * s.c + np.tanh(x[:3] + s.h)
        s.h = np.tanh(s.c)
        s.h[0] *= x[i % 5]
        s.k += 1
    return np.sum(s.h * s.c) * s.k


def make_counter():
    state = {"n": 0, "sum": 0.0}

    def add(v):
        state["n"] += 1
        state["sum"] += v
        return state["sum"] / state["n"]

    return add


@program(V)
def closure_state(x):
    add = make_counter()
    add(x[0])
    add(x[1] * 2)
    return add(x[2]) ** 2


@program(V)
def property_chain(x):
    ns = SimpleNamespace(a=SimpleNamespace(b=SimpleNamespace(c=x[0])))
    ns.a.b.c *= x[1]
    inner = ns.a.b
    inner.c += x[2]
    ns.a.b = SimpleNamespace(c=ns.a.b.c**2)
    return ns.a.b.c + inner.c


class Cell(NamedTuple):
    h: float
    c: np.ndarray
    tag: str = "x"


@dataclass(frozen=True)
class Item:
    h: float
    n: int


@program(V, 300)
def lstm_pairs(x, n):
    h, c = 0.0, x[0]
    states = []
    for i in range(n):
        c = 0.5 * c + np.tanh(x[i % 5] + h)
        h = np.tanh(c) * 0.7
        states.append((h, c))
    return sum(h * c for h, c in states) + states[-1][0]


@program(V, 200)
def states_named(x, n):
    s = Cell(x[0], x[1:3])
    hist = [s]
    for i in range(n):
        s = Cell(s.h * 0.5 + x[i % 5], np.tanh(s.c + s.h))
        hist.append(s)
    t = 0.0
    for k, p in enumerate(reversed(hist)):
        t = t * 0.9 + p.h * np.sum(p.c) if p.tag == "x" else 0.0
    return t + hist[3].h * len(hist)


@program(V, 150)
def frozen_rows(x, n):
    hist = []
    for i in range(n):
        hist.append(Item(x[i % 5] * 0.1, 3))
    s = 1.0
    while hist:
        f = hist.pop()
        s = s * 0.9 + f.h * f.n
    return s


@program(V, 150)
def pairs_store_slice(x, n):
    ps = []
    for i in range(n):
        ps.append((x[i % 5], i))
    ps[2] = (x[0] * x[1], 5)
    a, k = ps[1]
    return sum(v * w for v, w in ps[1:4]) + a * k + sum(v for v, _ in ps)


@program(V, 150)
def stack_of_pairs(x, n):
    st = [(x[0], 0)]
    total = 0.0
    while len(st) > 0 and total < 50.0:
        v, d = st.pop()
        total += v * v
        if d < n:
            st.append((v * 0.99 + x[1] * 0.01, d + 1))
    return total


@program(V)
def pairs_comprehension(x):
    ps = [(v, v * v) for v in x]
    return sum(a * b for a, b in ps) + ps[0][1]


@program(V, 100)
def mutable_rows(x, n):
    ps = []
    for i in range(n // 10):
        ps.append([x[i % 5], 1.0])
    ps[0][0] = x[1] * 5
    return sum(a * b for a, b in ps)


@program(V, 150)
def branch_append_pairs(x, n):
    ps = []
    for i in range(n):
        if x[i % 5] > 0:
            ps.append((x[i % 5], 2.0))
    return sum(a * b for a, b in ps)


@program(V, 150)
def nested_loops_pairs(x, n):
    ps = []
    for i in range(n):
        for j in range(2):
            ps.append((x[j] * i, x[j + 1]))
    return sum(a * b for a, b in ps) / n


class Arr:
    def __init__(self, a):
        self.a = a

    def scale(self, k):
        self.a *= k
        return self

    def view(self):
        return self.a[1:]


@program(V)
def attribute_array_inplace(x):
    o = Arr(x * 1.0)
    v = o.view()
    o.scale(2.0)
    v[0] = 5.0
    o.a[2] += x[0]
    return np.sum(o.a * x)


@program(Arr(V), wrt=(0,))
def arg_array_inplace(o):
    b = o.a
    o.a[0] = 3.0
    o.a += b[1]
    return np.sum(o.a**2) + b[2]


@program(V)
def shared_array_objects(x):
    a = x * 1.0
    o, p = Arr(a), Arr(a)
    o.a[1] = x[0] ** 2
    return p.a[1] * p.a[2] + np.sum(a)


@program(V)
def objects_list_alias(x):
    p = P(x[0])
    ps = [p, P(x[1]), p]
    ps[0].v *= 2.0
    ps[2].v += 1.0
    return p.v * ps[0].v + ps[1].v


@program(V)
def dict_of_objects_loop(x):
    d = {k: P(x[i]) for i, k in enumerate("abc")}
    for k, p in d.items():
        p.v = p.v * x[3]
        if k == "b":
            d[k] = P(p.v**2)
    return sum(p.v for p in d.values())


@program(V)
def loop_object_state_branch(x):
    p = P(0.0, 1.0)
    for v in x:
        if v > 0:
            p.v += v
        else:
            p.w *= v
    return p.v * p.w


@program(V)
def loop_two_objects_swap(x):
    a, b = P(x[0]), P(x[1])
    for v in x:
        a.v = a.v * 0.5 + b.v
        a, b = b, a
    return a.v * 2 + b.v


@program(V)
def object_attr_list_append_loop(x):
    class_ = SimpleNamespace(log=[], total=0.0)
    for v in x:
        class_.log.append(v * v)
        class_.total += class_.log[-1]
    return class_.total * class_.log[0] + len(class_.log)


@program(V)
def conditional_append(x):
    out = []
    for v in x:
        if v > 0:
            out.append(v * 2)
        elif v < -0.5:
            out.insert(0, v)
    return sum(out) * out[0] + out[-1]


@program(V)
def nested_dict_copy(x):
    d = {"a": {"b": x[0]}}
    e = d.copy()
    f = copy.deepcopy(d)
    g = {**d}
    d["a"]["b"] = x[1] * 2
    g["a"] = {"b": 3.0}
    return e["a"]["b"] * f["a"]["b"] + d["a"]["b"]


@program(V)
def tuple_of_lists(x):
    t = ([x[0]], [x[1]])
    t[0].append(x[2])
    a, b = t
    b[0] *= 2
    return sum(t[0]) * t[1][0]


@program(V)
def getitem_slice_class(x):
    s = Seq(list(x[:4]))
    return s[1] * sum(s[1:3]) + s[-1] + len(s) + (1.0 if 2 in s else 0.0)


class Seq:
    def __init__(self, d):
        self.d = d

    def __getitem__(self, i):
        if isinstance(i, slice):
            return self.d[i]
        return self.d[i]

    def __len__(self):
        return len(self.d)

    def __contains__(self, k):
        return k == 2


class Ctr:
    def __init__(self):
        self.n = 0
        self.s = 0.0

    def add(self, v):
        self.n += 1
        self.s += v * v

    def mean(self):
        return self.s / self.n


@program(V, 60)
def class_counter_runtime(x, n):
    c = Ctr()
    for i in range(n):
        c.add(x[i % 5])
    return c.mean() * c.s


@program(V)
def chained_comparison_objects(x):
    a, b = Ord(x[0]), Ord(x[1])
    m = a if a > b else b
    return m.v * 2 + (1.0 if a >= b and not a == b else 0.0)


class Ord:
    def __init__(self, v):
        self.v = v

    def __gt__(self, o):
        return self.v > o.v

    def __ge__(self, o):
        return self.v >= o.v

    def __eq__(self, o):
        return self.v == o.v


@program(V)
def list_in_condition(x):
    q = [x[0]]
    k = 0
    while q and k < 6:
        v = q.pop()
        k += 1
        if v < 5.0:
            q.extend([v * 1.5, x[k % 5]])
    return sum(q) + k


@program(V)
def two_d_runtime(x):
    n = len(x)
    grid = [[0.0 for _ in range(n)] for _ in range(n)]
    for i in range(n):
        grid[i][i] = x[i]
        grid[0][i] += x[i] ** 2
    return sum(sum(r) for r in grid) * grid[2][2]


@program(V)
def np_ops_on_lists(x):
    a = [v * 2 for v in x]
    b = np.asarray(a) + a
    return np.dot(a, x) + np.mean(a) + np.max(a) + np.linalg.norm(a) + np.sum(b) + np.cumsum(a)[2]


@program(V)
def sort_by_value(x):
    d = {"a": x[0], "b": x[1], "c": x[2]}
    pairs = sorted(((v, 1.0) for v in d.values()), key=lambda t: t[0])
    return pairs[0][0] * 3 + pairs[2][0] * pairs[1][0] + pairs[0][1]


@program(V)
def sorted_runtime(x):
    a = [v * v for v in x]
    b = sorted(a)
    c = sorted(x, reverse=True)
    a.sort()
    return b[0] * 2 + b[-1] + c[0] * c[1] + a[1]


@program(V, 20)
def insert_anywhere(x, n):
    q = []
    for i in range(n):
        q.insert((i * 7) % 5 - 2, x[i % 5] * i)
    s = 0.0
    for v in q:
        s = s * 0.9 + v * v
    return s + q[3]


@program(V)
def asarray_of_list(x):
    a = [v * 2 for v in x]
    return np.sum((np.asarray(a) + a) * (np.array(a) + 1.0)) + np.sum(np.array(a, dtype=float) * np.asarray(a, float))


@program(V)
def ascontiguous_of_list(x):
    a = [v * 2 for v in x]
    return np.sum((np.ascontiguousarray(a) + a) * (np.copy(a) + a)) + np.sum(np.atleast_1d(a) + a)


@program(V)
def ufunc_of_list(x):
    a = [v * 2 for v in x]
    return np.sum(np.exp(a) + a) + np.sum(np.multiply(a, a)) + np.sum(x + a) + np.sum(np.float64(2.0) * np.array(a))


@program(V)
def list_row_views(x):
    m = x.reshape(1, 5) * np.ones((3, 1))
    rows = list(m)
    rows[0][1] = 5.0
    return np.sum(m * m) + np.sum(rows[1])


@program(np.array([1.0, 2.0, 3.0, 4.0]))
@program(np.array([3.0, 2.0, 1.0, 4.0]))
def rows_swapped_on_one_path_and_changed(x):
    a = [[x[0], x[1]], [x[2], x[3]]]
    first, table = a[0], {"p": [x[0], x[1]], "q": [x[2], x[3]]}
    if a[1][0] > a[0][0]:
        a[0], a[1] = a[1], a[0]
        table["p"] = table["q"]
    a[1][1] -= a[1][0] * a[0][1]
    first[0] *= 3.0
    table["p"][0] *= 2.0
    return a[1][1] ** 2 + a[0][0] ** 3 + first[1] * a[1][0] + table["p"][0] * table["q"][0]
