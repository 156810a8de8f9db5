"""Objects: dataclasses, NamedTuples and instances of plain classes, as arguments, inside and from outside."""

import copy
import dataclasses
import functools
import math
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import InitVar, dataclass, field
from types import SimpleNamespace
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
A = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])
X = np.array([[0.2, 0.7], [-0.3, 1.1], [0.5, -0.9]])
B = np.array([0.1, -0.2, 0.3])


@dataclass
class Params:
    w: np.ndarray
    b: float


@dataclass(frozen=True)
class Frozen:
    w: np.ndarray
    b: float = 0.5
    name: str = "layer"
    n: int = 2
    opt: object = None


class NT(NamedTuple):
    w: np.ndarray
    b: float
    act: str = "tanh"

    def forward(self, x):
        return np.tanh(x * self.w + self.b)


Pt = namedtuple("Pt", "x y")


class Vec(NamedTuple):
    x: float
    y: float

    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y)

    def __mul__(self, s):
        return Vec(self.x * s, self.y * s)

    __rmul__ = __mul__

    @property
    def norm2(self):
        return self.x**2 + self.y**2

    @staticmethod
    def zero():
        return Vec(0.0, 0.0)

    @classmethod
    def diag(cls, v):
        return cls(v, v)


class Linear:
    def __init__(self, w, b):
        self.w = w
        self.b = b

    def __call__(self, x):
        return x @ self.w + self.b


class MLP:
    activation = staticmethod(np.tanh)
    scale = 0.5

    def __init__(self, layers):
        self.layers = layers
        self.n_calls = 0

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x) * self.scale

    def loss(self, x, y):
        self.n_calls += 1
        return np.mean((self.forward(x) - y) ** 2)


def mlp():
    return MLP([Linear(A * 1.0, B * 1.0), Linear(A.T * 0.7, np.ones(2) * 0.1)])


MODEL = mlp()


@program(Params(V, 2.0), wrt=(0,))
def dataclass_arg(p):
    return np.sum(np.tanh(V * p.w + p.b))


@program(Frozen(V, 1.5), wrt=(0,))
def frozen_arg(p):
    t = 0.0
    for i in range(p.n):
        t = t + np.sum(p.w**2) * p.b
    return t if p.opt is None and p.name == "layer" else 0.0


@program(NT(V, 0.5), wrt=(0,))
def named_tuple_arg(p):
    w, b, act = p
    return np.sum(p.forward(V) * w) + b * p[1] + p.b


@program(Pt(1.5, 2.5), wrt=(0,))
def old_named_tuple(p):
    return p.x * p.y + p._replace(x=p.y).x


@program({"m": Params(V, 2.0), "l": [Pt(1.0, 2.0)]}, wrt=(0,))
def nested_objects_arg(d):
    return np.sum(d["m"].w) * d["l"][0].x * d["m"].b + d["l"][0].y ** 2


@program(mlp(), X, np.ones((3, 2)), wrt=(0,))
def model_arg(m, x, y):
    return m.loss(x, y)


@program(X, np.ones((3, 2)), wrt=(0,))
def model_global(x, y):
    return np.sum(MODEL.forward(x) * y)


@program(OrderedDict(a=V, b=2.0), wrt=(0,))
def ordered_dict_arg(p):
    return np.sum(p["a"] ** 2) * p["b"]


@program(defaultdict(float, {"a": 1.0, "b": 2.0}), wrt=(0,))
def defaultdict_arg(p):
    return p["a"] * p["b"] + p["zz"]


@program(SimpleNamespace(w=V, b=1.0), wrt=(0,))
def namespace_arg(p):
    p.b = p.b * 2
    return np.sum(p.w * p.b)


@program(0.5)
def construct_dataclass(x):
    p = Params(np.array([x, x * x]), b=x)
    p.b += 1.0
    p.w[0] *= 2.0
    q = dataclasses.replace(p, b=p.b * x)
    return np.sum(p.w) * q.b


@program(0.5)
def construct_frozen(x):
    p = Frozen(x, n=3)
    return p.w**p.n * p.b


@program(0.5, 0.7)
def vec_ops(x, y):
    v = Vec(x, y) + 2.0 * Vec.diag(y) + Vec.zero() * 3.0
    return v.norm2 + v.x


@dataclass
class Dual:
    v: float
    d: float = 0.0

    def __add__(self, o):
        o = o if isinstance(o, Dual) else Dual(o)
        return Dual(self.v + o.v, self.d + o.d)

    __radd__ = __add__

    def __mul__(self, o):
        o = o if isinstance(o, Dual) else Dual(o)
        return Dual(self.v * o.v, self.v * o.d + self.d * o.v)

    __rmul__ = __mul__

    def __neg__(self):
        return Dual(-self.v, -self.d)

    def __sub__(self, o):
        return self + (-o)

    def __pow__(self, n):
        r = Dual(1.0)
        for _ in range(n):
            r = r * self
        return r

    def __lt__(self, o):
        return self.v < o.v

    def __float__(self):
        return float(self.v)

    def __abs__(self):
        return self if self.v > 0 else -self


@program(0.7)
def dual_numbers(x):
    t = Dual(x, 1.0)
    y = 3.0 * t * t + t**3 - t
    return y.d * y.v


@program(0.7)
def dual_compare(x):
    a, b = Dual(x, 1.0), Dual(2.0 * x, 3.0)
    return a.v if b < a else b.d * b.v


@program(0.7)
def dual_float(x):
    return float(Dual(x) * 2.0) * abs(Dual(-x, 1.0)).v


class Counter2:
    total = 0.0

    def __init__(self, start=1.0):
        self._v = start
        self.__secret = start * 2

    @property
    def v(self):
        return self._v

    @v.setter
    def v(self, new):
        self._v = new * 2.0

    def bump(self, k):
        self._v += k
        return self

    def secret(self):
        return self.__secret

    @classmethod
    def make(cls, x):
        return cls(x).bump(1.0)

    @functools.cached_property
    def sq(self):
        return self._v**2


@program(0.7)
def property_setter(x):
    c = Counter2(x)
    c.v = c.v * x
    c.v += 1.0
    return c.v * c.secret()


@program(0.7)
def method_chain(x):
    c = Counter2.make(x).bump(x).bump(2.0)
    return c.sq * c.sq + Counter2().v


class Base:
    k = 2.0

    def __init__(self, x):
        self.x = x

    def f(self):
        return self.x * self.k

    def g(self):
        return self.f() + 1.0


class Child(Base):
    k = 3.0

    def __init__(self, x, y):
        super().__init__(x)
        self.y = y

    def f(self):
        return super().f() * self.y


class GrandChild(Child):
    def f(self):
        return super(GrandChild, self).f() + Base.f(self)


@program(0.7, 0.3)
def inheritance(x, y):
    return Child(x, y).g() * Base(y).g() + GrandChild(x, y).g()


@program(Child(0.7, 0.3), wrt=(0,))
def inheritance_arg(c):
    return c.g() * c.y


class Poly:
    def __init__(self, *coef):
        self.coef = list(coef)

    def __call__(self, x):
        r = 0.0
        for c in reversed(self.coef):
            r = r * x + c
        return r

    def __len__(self):
        return len(self.coef)

    def __getitem__(self, i):
        return self.coef[i]

    def __setitem__(self, i, v):
        self.coef[i] = v

    def __iter__(self):
        return iter(self.coef)

    def __contains__(self, v):
        return False

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self, other))

    def deriv(self):
        return Poly(*[i * c for i, c in enumerate(self.coef)][1:])

    def __eq__(self, o):
        return self.coef is o.coef

    def __bool__(self):
        return len(self) > 0

    def __iadd__(self, o):
        self.coef[0] += o
        return self


@program(0.7, 0.3)
def poly(x, a):
    p = Poly(a, x, 2.0)
    p[1] *= 3.0
    p[0] = p[0] + len(p)
    q = p
    q += a
    y = p(x) * p.deriv()(x) + p @ p
    if p and 3 not in p and p == q:
        y = y + sum(p)
    return y


@program(Poly(1.0, 2.0, 3.0), 0.5, wrt=(0, 1))
def poly_arg(p, x):
    return p(x) + p[0] * p[-1]


class Callable_:
    def __init__(self, w):
        self.w = w

    def __call__(self, x):
        return self.w * x


@program(Callable_(np.array([1.0, 2.0])), 0.4, wrt=(0, 1))
def callable_arg(f, x):
    return np.sum(f(x) ** 2) * f.w[0]


def make_adder(obj):
    @program(0.4, name="closure_object")
    def closure_object(x):
        return np.sum(obj(x) ** 3)

    return closure_object


make_adder(Callable_(np.array([1.0, 2.0])))


LAYERS = [(A, B), (A.T, np.ones(2))]


CONFIG = {"lr": 0.1, "sizes": [2, 3], "name": "adam", "betas": (0.9, 0.99)}


@program(X)
def global_layers(x):
    for w, b in LAYERS:
        x = np.tanh(x @ w + b)
    return np.sum(x) * CONFIG["lr"] * CONFIG["betas"][0] * len(CONFIG["sizes"])


@program(0.5)
def state_machine(x):
    s = SimpleNamespace(pos=x, vel=1.0)
    for i in range(5):
        s.vel = s.vel - 0.1 * s.pos
        s.pos = s.pos + 0.1 * s.vel
    return s.pos * s.vel


@program(0.5, 20)
def state_machine_runtime(x, n):
    s = Params(x, 1.0)
    for i in range(n):
        s.b = s.b - 0.1 * s.w
        s.w = s.w + 0.1 * s.b
    return s.w * s.b


@program(V)
def branch_objects(x):
    if x[0] > 0:
        p = Vec(x[0], x[1])
        q = Params(x[1], x[2])
    else:
        p = Vec(x[1], x[0])
        q = Params(x[2], x[2])
    return p.x * p.y * q.w + q.b


@program(V)
def branch_attribute(x):
    q = Params(x[1], x[2])
    if x[0] > 0:
        q.w = x[0] * 2
    else:
        q.b = x[0]
    return q.w * q.b


@dataclass
class Node_:
    value: float
    children: list = field(default_factory=list)

    def total(self):
        return self.value + sum(c.total() for c in self.children)


@program(0.5)
def tree(x):
    root = Node_(x)
    root.children.append(Node_(x * x, [Node_(x**3)]))
    root.children.append(Node_(2.0))
    return root.total()


@program(Node_(1.0, [Node_(2.0), Node_(3.0, [Node_(4.0)])]), wrt=(0,))
def tree_arg(t):
    return t.total() ** 2


@dataclass
class WithPost:
    r: float
    scale: InitVar[float] = 2.0
    area: float = field(init=False)
    tags: dict = field(default_factory=dict)

    def __post_init__(self, scale):
        self.area = math.pi * self.r**2 * scale


@program(0.5)
def post_init(x):
    a = WithPost(x)
    b = WithPost(x * x, scale=3.0)
    return a.area * b.area


T = TypeVar("T")


class Box(Generic[T]):
    __slots__ = ("item", "other")

    def __init__(self, item):
        self.item = item


@program(0.5)
def slots_class(x):
    b = Box(x)
    b.other = b.item * 2
    return b.item * b.other


@program(Box(0.5), wrt=(0,))
def slots_arg(b):
    return b.item**3


@dataclass(slots=True, frozen=True)
class SF:
    a: float
    b: np.ndarray


@program(SF(1.0, V), wrt=(0,))
def slots_frozen_arg(p):
    return p.a * np.sum(p.b**2)


@program(0.5)
def deepcopy_list(x):
    a = [np.array([x, 1.0]), [x]]
    b = copy.deepcopy(a)
    c = copy.copy(a)
    a[0][0] = 5.0
    a[1].append(2.0)
    return np.sum(b[0]) * len(c[1]) * len(b[1]) * c[0][0]


@program(0.5)
def astuple_asdict(x):
    p = Params(x, x * 2)
    d = dataclasses.asdict(p)
    t = dataclasses.astuple(p)
    return d["w"] * d["b"] + t[0] * t[1] * t[1]


@program(0.5)
def getattr_setattr(x):
    p = SimpleNamespace()
    for k in ("a", "b"):
        setattr(p, k, x * len(k))
    s = 0.0
    for k in ("a", "b", "c"):
        if hasattr(p, k):
            s = s + getattr(p, k) * 2.0
    return s * getattr(p, "zz", 3.0) + sum(vars(p).values())


@program(0.5)
def return_object_parts(x):
    p = Params(x, x * 2)
    return p.w, {"b": p.b}


@program([Params(V, 1.0), Params(V * 2, 3.0)], wrt=(0,))
def list_of_dataclasses(ps):
    y = 0.0
    for p in ps:
        y = y + np.sum(p.w * p.b)
    for i in range(len(ps)):
        y = y + ps[i].b ** 2
    return y


@program(V)
def list_of_objects_runtime(x):
    ps = []
    for i in range(len(x)):
        ps.append(Vec(x[i], x[i] ** 2))
    return sum(p.x * p.y for p in ps)


@program(V)
def objects_in_loop(x):
    acc = Vec.zero()
    for v in x:
        acc = acc + Vec(v, v * v)
    return acc.norm2


@program(V)
def adam_object(x):
    opt = Adam()
    p = {"a": x[0], "b": x[1]}
    for _ in range(3):
        g = {k: 2 * v for k, v in p.items()}
        p = opt.step(p, g)
    return p["a"] * p["b"]


class Adam:
    def __init__(self, lr=0.1, b1=0.9):
        self.lr, self.b1 = lr, b1
        self.m = {}
        self.t = 0

    def step(self, p, g):
        self.t += 1
        out = {}
        for k in p:
            self.m[k] = self.b1 * self.m.get(k, 0.0) + (1 - self.b1) * g[k]
            out[k] = p[k] - self.lr * self.m[k] / (1 - self.b1**self.t)
        return out


class Meta:
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    table = {"a": 2.0}

    def dot(self, x):
        return np.sum(self.weights * x) * self.table["a"]


@program(V)
def class_attr_array(x):
    return Meta().dot(x) ** 2 + np.sum(Meta.weights * x)


class Counting:
    count = 0

    def __init__(self):
        Counting.count += 1


class Linked:
    def __init__(self, v, nxt=None):
        self.v = v
        self.nxt = nxt


@program(V)
def linked_list(x):
    head = None
    for i in range(4):
        head = Linked(x[i], head)
    s = 0.0
    k = 1.0
    while head is not None:
        s += k * head.v**2
        k += 1.0
        head = head.nxt
    return s


class Ctx:
    def __init__(self, x):
        self.x = x

    def method(self, k):
        def inner(v):
            return v * self.x + k

        return inner


@program(0.5)
def closure_over_self(x):
    c = Ctx(x)
    f = c.method(2.0)
    g = c.method
    c.x = x * 3
    return f(x) + g(1.0)(x)


@program(0.5, refusable=True)
def sort_objects(x):
    vs = [Vec(x, 1.0), Vec(x * x, 2.0)]
    a = max(vs, key=lambda v: v.y)
    return a.x * 3.0


@program(Params(V, 2.0), wrt=(0,))
def array_result_obj(p):
    return p.w * p.b


class Doubled:
    """A descriptor."""

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, held, owner=None):
        return getattr(held, self.name)

    def __set__(self, held, value):
        setattr(held, self.name, value * 2)


class Adjustable:
    rate = Doubled()

    def __init__(self, rate):
        self.rate = rate

    scaled = functools.partialmethod(lambda self, k, v: k * v * self.rate, 3.0)


class Rows:
    def __init__(self, x):
        self.x = x

    def __getitem__(self, i):
        if i >= len(self.x):
            raise IndexError
        return self.x[i] * 3


class Halves:
    def __init__(self, x):
        self.x, self.i = x, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.i >= len(self.x):
            raise StopIteration
        self.i += 1
        return self.x[self.i - 1] * 2


@program(V)
def descriptor_and_partial_method(x):
    a = Adjustable(x[0])
    a.rate += x[1]
    return a.rate * a.scaled(x[2])


@program(V)
def iteration_protocols(x):
    s = 0.0
    for v in Rows(x):
        s += v * v
    for v in Halves(x):
        s = s * 0.5 + v
    try:
        s += Rows(x)[1]
    except IndexError:
        s = 100.0
    return s
