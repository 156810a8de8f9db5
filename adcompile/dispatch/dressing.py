"""Put what a program returns into the classes of the user's own objects.

An emitted program runs without the user's modules: for an object it returns a dict of its attributes, for a NamedTuple
a tuple. Whoever calls it knows the classes: those of the arguments for gradients, recorded ones for other results.

    {"w": w_bar, "n": None}, with the argument Params(w=..., n=3)   ->   Params(w=w_bar, n=3)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from adcompile.dispatch.containers import Fixed, Leaf, Outline, skeleton
from adcompile.dispatch.pullback import linearized, paired
from adcompile.dispatch.signature import Transform
from adcompile.ir.forms import made

__all__ = ["Form", "dressed", "runner"]

# The classes in a result: None where there are none, else the kind of a container, the names in the guard of its class
# and of what bounds a deque or makes the items of a defaultdict, and the forms of its children.
Form = tuple[str, str, object, tuple["Form", ...]] | None

Run = Callable[..., object]


def dressed(raw: object, like: Outline, keep: bool = True) -> object:
    """Return a gradient in the form of its argument. `keep`: what has no derivative stands for itself, else is None."""
    if isinstance(like, Leaf):
        return raw
    if isinstance(like, Fixed):
        return like.value if keep else raw
    children = list(raw.values()) if isinstance(raw, dict) else list(raw)  # type: ignore[call-overload]  # a container
    items = [dressed(child, part, keep) for child, part in zip(children, like.children, strict=True)]  # type: ignore[arg-type]  # outlines are made of outlines
    return made(like.kind, items, like.keys, like.cls, like.detail)


def formed(raw: object, form: Form, names: Mapping[str, object]) -> object:
    """Return a result with the classes that the function gave it."""
    if form is None:
        return raw
    kind, name, detail, forms = form
    keys = tuple(raw) if isinstance(raw, dict) else ()
    children = list(raw.values()) if isinstance(raw, dict) else list(raw)  # type: ignore[call-overload]  # a container
    items = [formed(child, f, names) for child, f in zip(children, forms, strict=True)]
    cls = names[name] if name else None
    assert cls is None or isinstance(cls, type)
    return made(kind, items, keys, cls, names[detail] if isinstance(detail, str) else detail)


class _Dresser:
    """How the results of one program are dressed.

    form      that of the function's result
    wrt       the positions of the differentiated arguments among those of the program; empty if gradients are plain
    single    the gradient is not in a tuple
    """

    def __init__(self, form: Form, wrt: tuple[int, ...], transform: Transform, names: Mapping[str, object]) -> None:
        self.form: Final = form
        self.wrt: Final = wrt
        self.transform: Final = transform
        self.names: Final = names

    def result(self, raw: object) -> object:
        return formed(raw, self.form, self.names)

    def gradient(self, raw: object, likes: list[Outline]) -> object:
        if not likes:
            return raw
        if self.transform.single:
            return dressed(raw, likes[0])
        assert isinstance(raw, tuple)
        return tuple(dressed(one, like) for one, like in zip(raw, likes, strict=True))

    def likes(self, args: tuple[object, ...]) -> list[Outline]:
        return [skeleton(args[k]) for k in self.wrt]

    # -- the transforms

    def grad(self, run: Run) -> Run:
        def call(*args: object, **kwargs: object) -> object:
            likes, raw = self.likes(args), run(*args, **kwargs)
            if not self.transform.has_aux:
                return self.gradient(raw, likes)
            assert isinstance(raw, tuple)
            aux = None if self.form is None else self.form[3][1]
            return self.gradient(raw[0], likes), formed(raw[1], aux, self.names)

        return call

    def value_and_grad(self, run: Run) -> Run:
        def call(*args: object, **kwargs: object) -> object:
            likes, raw = self.likes(args), run(*args, **kwargs)
            assert isinstance(raw, tuple)
            return self.result(raw[0]), self.gradient(raw[1], likes)

        return call

    def jvp(self, run: Run) -> Run:
        def call(*args: object, **kwargs: object) -> object:
            raw = run(*args, **kwargs)
            assert isinstance(raw, tuple)
            aux = self.transform.has_aux
            first, second = self.form[3][:2] if aux and self.form is not None else (self.form, None)
            out = formed(raw[0], first, self.names)
            return out, dressed(raw[1], skeleton(out), False), *(formed(a, second, self.names) for a in raw[2:])

        return call

    def plain(self, run: Run) -> Run:
        return lambda *args, **kwargs: self.result(run(*args, **kwargs))

    def forward(self, run: Run) -> Run:
        def call(*args: object, **kwargs: object) -> object:
            raw = run(*args, **kwargs)
            assert isinstance(raw, tuple)
            return self.result(raw[0]), raw[1]

        return call


def runner(
    functions: tuple[Run, ...],
    form: Form,
    wrt: tuple[int, ...],
    transform: Transform,
    names: Mapping[str, object],
    label: str,
) -> Run:
    """Return what runs a program and dresses its results."""
    dresser = _Dresser(form, wrt, transform, names)
    first = functions[0]
    if transform.kind == "vjp":
        forward = first if form is None else dresser.forward(first)
        return paired((forward, functions[1]), transform, label, dresser.likes, dresser.gradient)
    if transform.kind == "linearize":
        forward = first if form is None else dresser.forward(first)
        return linearized((forward, functions[1]), lambda raw, like: dressed(raw, like, False))
    if form is None and not wrt:
        return first
    match transform.kind:
        case "plain":
            return first if form is None else dresser.plain(first)
        case "grad":
            return dresser.grad(first)
        case "value_and_grad":
            return dresser.value_and_grad(first)
    return dresser.jvp(first)
