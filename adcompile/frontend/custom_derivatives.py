"""Tangents and cotangents that derivative rules are given, and those that they return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adcompile.frontend.custom_pieces import mapped, settled
from adcompile.frontend.custom_primal import Primal
from adcompile.frontend.values import Value
from adcompile.ir.core import NONE, Atom, Const, Var, is_none
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node
from adcompile.ir.types import Type, join, numpy_dtype


class Derivatives(Primal):
    """Makes the derivatives of the arguments and results, and takes apart what a rule returned for them."""

    def cotangents(self) -> tuple[Value, list[Var], tuple[int, ...]]:
        """Return the cotangent of the result, its variables, and the results that these belong to."""
        found: list[Var] = []
        seeds: list[int] = []
        numbers = iter(range(len(self.results)))

        def of(leaf: Value) -> Value:
            if not isinstance(leaf, Var):
                return NONE
            k = next(numbers)
            if not leaf.type.inexact:
                return NONE
            t = leaf.type
            found.append(Var(f"{leaf.name or 'y'}_bar", Type("scalar", numpy_dtype(t)) if t.dims == () else t))
            seeds.append(k)
            return found[-1]

        return mapped(of, self.made.result), found, tuple(seeds)

    def tangents(self, positions: Sequence[int]) -> tuple[list[Value], list[Var], tuple[int, ...]]:
        """Return the tangents of arguments, their variables, and the operands that these belong to."""
        found: list[Var] = []
        which: list[int] = []

        def of(leaf: Value) -> Value:
            if not isinstance(leaf, Var):
                return Const(0.0) if isinstance(leaf, Const) and isinstance(leaf.value, float) else NONE
            if not leaf.type.inexact:
                return NONE
            which.append(self.params.index(leaf))
            found.append(self.dot(leaf))
            return found[-1]

        trees = [mapped(of, self.tree[k]) for k in positions]
        return trees, found, tuple(which)

    def dot(self, v: Var) -> Var:
        return Var(f"{v.name or 'v'}_dot", v.type if v.type.is_array else Type("scalar", numpy_dtype(v.type)))

    @property
    def dotted(self) -> tuple[int, ...]:
        return tuple(k for k, v in enumerate(self.results) if v.type.inexact)

    def targets(self, value: Value, atoms: Sequence[Atom], of: str, exact: bool) -> dict[int, Atom]:
        """Return the cotangent of each operand out of what a rule returned."""
        value = Node("tuple", (value,)) if len(self.free) == 1 and not exact else value
        if not isinstance(value, Node) or value.kind == "dict" or len(value.children) != len(self.free):
            n = len(self.free)
            got = f"a {value.kind} of {len(value.children)}" if isinstance(value, Node) else "one value"
            self.refuse(f"`{of}` returns {got}, but should return a tuple of {n}: a cotangent for each argument")
        assert isinstance(value, Node)
        found: dict[int, Atom] = {}
        rest = iter(atoms)
        for position, part in zip(self.free, value.children, strict=True):
            for leaf, given in self.paired(self.tree[position], part, f"`{of}`: the cotangent of argument {position}"):
                atom = next(rest) if isinstance(given, Var) else given
                if isinstance(leaf, Var) and isinstance(atom, Var | Const) and atom is not NONE and leaf.type.inexact:
                    self.fits(leaf, atom, f"`{of}`: the cotangent of argument {position}", exact)
                    found[self.params.index(leaf)] = atom
        return found

    def paired(self, tree: Value, given: Value, what: str) -> Iterator[tuple[Value, Value]]:
        """Yield the leaves of a structure with those of a derivative of it, where None stands for zero."""
        if is_none(given):
            return
        if isinstance(tree, Node):
            same = isinstance(given, Node) and (given.kind == "dict") == (tree.kind == "dict")
            if not same or not isinstance(given, Node) or len(given.children) != len(tree.children):
                self.refuse(f"{what} has another structure than the argument")
            assert isinstance(given, Node)
            if tree.kind == "dict" and set(tree.keys) != set(given.keys):
                self.refuse(f"{what} has the keys {list(given.keys)}, not {list(tree.keys)}")
            for k, part in zip(given.keys or range(len(given.children)), given.children, strict=True):
                child = tree.children[tree.keys.index(k) if tree.kind == "dict" else int(str(k))]
                yield from self.paired(child, part, what)
            return
        if isinstance(given, Node):
            self.refuse(f"{what} is a {given.kind}, not a number or an array")
        yield tree, given

    def fits(self, like: Var, given: Atom, what: str, exact: bool) -> None:
        """Insist that a derivative has the shape of its value; unless `exact`, more axes than that, to be summed."""
        facts = self.lo.facts
        want, have = like.type.dims, given.type.dims
        if want is None or have is None:
            return
        wrong = len(have) < len(want) or (exact and len(have) > len(want))
        for a, b in zip(reversed(want), reversed(have), strict=False):
            if facts.same(a, b):
                continue
            x, y = example_of(facts.find(a)), example_of(facts.find(b))
            if x is not None and y is not None and x != y:
                wrong = wrong or exact or x != 1
            elif exact and x is not None:
                facts.unify(a, b)
        if wrong:
            shapes = [f"({', '.join(str(example_of(d)) for d in dims)})".replace("None", "?") for dims in (have, want)]
            self.refuse(f"{what} has the shape {shapes[0]}, but the argument has {shapes[1]}")

    def outputs(self, value: Value, atoms: Iterator[Atom], of: str) -> list[Atom]:
        """Return what a rule returned for each result of the function."""
        found: list[Atom] = []
        for leaf, given in self.paired(self.made.result, value, f"what `{of}` returns"):
            atom = next(atoms) if isinstance(given, Var) else given
            if isinstance(leaf, Var):
                t = self.lo.type_of(atom)
                if t.is_array != leaf.type.is_array or t.rank != leaf.type.rank or not t.is_numeric:
                    self.refuse(f"`{of}` returns another kind of value than `{self.f.__name__}`: {t}, not {leaf.type}")
                assert isinstance(atom, Var | Const)
                found.append(atom)
        if len(found) != len(self.results):
            self.refuse(f"`{of}` returns {len(found)} values, but `{self.f.__name__}` {len(self.results)}")
        return found

    def dots_of(self, value: Value, atoms: Iterator[Atom], of: str) -> list[Atom]:
        """Return the tangent of each differentiable result."""
        by_leaf: dict[Var, Atom] = {}
        for leaf, given in self.paired(self.made.result, value, f"`{of}`: the tangent"):
            atom = next(atoms) if isinstance(given, Var) else given
            if isinstance(leaf, Var) and isinstance(atom, Var | Const):
                by_leaf[leaf] = atom
                want, have = leaf.type.rank, atom.type.rank
                if want is not None and have is not None and have > want:
                    self.refuse(f"`{of}`: the tangent has {have} axes, but the result has {want}")
        return [by_leaf.get(self.results[k], Const(0.0)) for k in self.dotted]

    def pair(self, value: Value, of: str, what: str) -> tuple[Value, Value]:
        if not isinstance(value, Node) or value.kind == "dict" or len(value.children) != 2:
            self.refuse(f"`{of}` should return a pair: {what}")
        assert isinstance(value, Node)
        return value.children[0], value.children[1]

    def widen(self, atoms: Sequence[Atom]) -> None:
        """Let the results have any of the types that the function and its rules give them."""
        facts = self.lo.facts
        self.call.types = tuple(join(facts, t, settled(a.type)) for t, a in zip(self.call.types, atoms, strict=True))
