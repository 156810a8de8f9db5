"""Check a gradient that was just computed; where it is wrong, name the line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile import driver
from adcompile.checking.differences import Vector, differentiate
from adcompile.checking.leaves import Leaf, components, copy, flatten, leaves_of, rebuild, shape_like
from adcompile.checking.locate import along, example_of, first_wrong_place, passed
from adcompile.checking.rules import check_rule
from adcompile.custom.functions import CustomFunction
from adcompile.dispatch.signature import Signature
from adcompile.errors import CompileError, DerivativeMismatch, render

__all__ = ["verify", "verify_first"]

_EVERY_ENTRY: Final = 12
_DIRECTIONS: Final = 3
_RTOL: Final = {8: 1e-6, 4: 2e-3, 2: 5e-2}
_RTOL_MODES: Final = {8: 1e-9, 4: 5e-4, 2: 2e-2}


def verify_first(signature: Signature, values: Mapping[str, object], result: object, used: Sequence[object]) -> None:
    """Check the first result of a program, if that was asked for, and the rules in it that are to be checked."""
    rules = [u for u in used if isinstance(u, CustomFunction) and u.unchecked]
    if rules:
        check_used(signature, values, rules)
    if signature.transform.verify:
        verify(signature, values, result)


def check_used(signature: Signature, values: Mapping[str, object], rules: Sequence[CustomFunction]) -> None:
    """Check rules at the arguments of their first calls in a plain call of the function."""
    args, keywords = signature.plain_arguments({name: copy(value) for name, value in values.items()})
    for rule in rules:
        rule.calls = []
    try:
        signature.callee.target(*args, **keywords)
    finally:
        calls = {rule: rule.calls for rule in rules}
        for rule in rules:
            rule.calls = None
    for rule, found in calls.items():
        for given, named in (found or [])[:1]:
            rule.unchecked = False  # it is compiled once more in the check
            try:
                check_rule(functools.partial(rule, **named) if named else rule, *given)
            except BaseException:
                rule.unchecked = True
                raise


def verify(signature: Signature, values: Mapping[str, object], result: object) -> None:
    """Compare the result of a gradient with finite differences of the function, and with forward mode.

    `values` are the arguments of the function by name, those that are differentiated promoted. Raises
    DerivativeMismatch, which names the first line whose derivative is wrong.
    """
    checked = Checked(signature, values, result)
    try:
        with np.errstate(all="ignore"):
            checked.differences()
            checked.modes()
    except DerivativeMismatch as error:
        place = first_wrong_place(signature, values)
        if place is None:
            raise
        message = f"{signature.label}: {error}"
        raise DerivativeMismatch(render(message, place, "the first line whose derivative is wrong")) from None


class Checked:
    """A gradient at some arguments."""

    def __init__(self, signature: Signature, values: Mapping[str, object], result: object) -> None:
        self.signature, self.values = signature, dict(values)
        transform = signature.transform
        primals = signature.differentiated(values)
        self.primals = tuple(primals)
        names = [name if k is None else f"{name}[{k}]" for name, k in signature.wrt]
        self.leaves = leaves_of(primals, names)
        gradient = result[1] if transform.kind == "value_and_grad" else result  # type: ignore[index]  # a pair
        if transform.has_aux and transform.kind == "grad":
            gradient = result[0]  # type: ignore[index]  # a pair
        parts = leaves_of((gradient,) if transform.single else gradient)  # type: ignore[arg-type]  # a tuple
        self.parts = [components(np.conj(p.value)) for p in parts]
        self.width = min((leaf.precision.itemsize for leaf in self.leaves), default=8)

    def differences(self) -> None:
        """Compare with finite differences, entry by entry or along random directions."""
        generator = np.random.default_rng(0)
        for leaf in self.leaves:
            for words, direction in directions(leaf, generator):
                found = differentiate(lambda t, d=direction, x=leaf: self.moved(x, d, t), leaf.scale, 2.3e-16)  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                got = along(self.parts[leaf.position], direction)
                want, error = float(found.value[0]), float(found.error[0])
                allowed = _RTOL[self.width] * max(abs(got), abs(want)) + 10 * error + 1e-12
                if np.isfinite(error) and not abs(got - want) <= allowed:
                    raise DerivativeMismatch(
                        f"the gradient {words} is {got:.12g}, finite differences give {want:.12g} +- {error:.1g}"
                    )

    def modes(self) -> None:
        """Compare with forward mode along a random direction, where there is one."""
        generator = np.random.default_rng(1)
        vector = generator.standard_normal(sum(leaf.size for leaf in self.leaves))
        tangents: list[object] = []
        start = 0
        for primal in self.primals:
            size = flatten(primal).size
            tangents.append(shape_like(primal, vector[start : start + size]))
            start += size
        try:
            dot = self.forward(tangents)
        except CompileError:
            return  # a function with a reverse rule only
        got, want = along(np.concatenate(self.parts), vector), float(flatten(dot)[0])
        size_of = np.abs(np.concatenate(self.parts)) @ np.abs(vector)
        if np.isfinite(want) and not abs(got - want) <= _RTOL_MODES[self.width] * size_of + 1e-12:
            raise DerivativeMismatch(f"the modes disagree: <gradient, d> is {got:.17g}, forward mode gives {want:.17g}")

    def forward(self, tangents: Sequence[object]) -> object:
        """Return the derivative of the function along tangents, by forward mode."""
        signature = self.signature
        example = example_of(signature, self.values)
        names = [f"tangent_{k}" for k in range(len(tangents))]
        made = driver.compile_forward(example, names, has_aux=signature.transform.has_aux)
        namespace: dict[str, object] = {}
        exec(made.source, namespace)
        function = namespace[made.entries[0]]
        assert callable(function)
        return function(*passed(example, self.values), *tangents, **example.captured)[1]

    def moved(self, leaf: Leaf, direction: Vector, t: float) -> Vector:
        numbers = [x.value for x in self.leaves]
        numbers[leaf.position] = leaf.moved(t * direction)
        items = iter(numbers)
        return flatten(self.function()(*(rebuild(p, items, double=True) for p in self.primals)))[:1]

    def function(self) -> Callable[..., object]:
        """Return the function of the differentiated arguments alone, without auxiliary results."""
        signature = self.signature

        def call(*primals: object) -> object:
            values = dict(self.values)
            for (name, element), primal in zip(signature.wrt, primals, strict=True):
                if element is None:
                    values[name] = primal
                else:
                    whole = values[name]
                    assert isinstance(whole, tuple)
                    values[name] = (*whole[:element], primal, *whole[element + 1 :])
            args, keywords = signature.plain_arguments({name: copy(value) for name, value in values.items()})
            value = signature.callee.target(*args, **keywords)
            return value[0] if signature.transform.has_aux else value  # type: ignore[index]  # a pair

        return call


def directions(leaf: Leaf, generator: np.random.Generator) -> Sequence[tuple[str, Vector]]:
    """Return directions in which to move a leaf, each with the words for it."""
    size = leaf.size
    if size <= _EVERY_ENTRY:
        return [(f"for {leaf.entry(k)}", unit) for k, unit in enumerate(np.eye(size))]
    words = f"for {leaf.place} along random direction"
    return [(f"{words} {k + 1}", generator.standard_normal(size)) for k in range(_DIRECTIONS)]
