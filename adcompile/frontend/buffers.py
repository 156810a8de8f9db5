"""How arrays are read and written, and which of them may share memory.

Arrays are resolved as PyTorch's functionalization does: a name refers to a cell through a path of views, and a write
makes a new version of the cell. Where two cells might share memory at run time (a reshape may be a view or a copy) the
pair is remembered, and a write to one while the other can still be reached is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Iterator as Yields
from functools import partial
from typing import NoReturn

import numpy as np

from adcompile.errors import CompileError
from adcompile.frontend.frames import Frame, NeedsUnrolling, Unresolved, lookup_local, shown
from adcompile.frontend.lifetimes import may_be_read, names_read
from adcompile.frontend.paths import ROW, is_read_only, read_path, stored, type_along
from adcompile.frontend.state import Either, State
from adcompile.frontend.values import (
    Box,
    Flat,
    Generator,
    Iterable,
    Iterator,
    LocalFunction,
    Method,
    Partial,
    Ref,
    Rerun,
    Rows,
    Step,
    Super,
    Value,
)
from adcompile.ir.core import UNDEFINED, Atom, Block, Const, If, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, Type, join, numpy_dtype


def beyond(target: Ref, ref: Ref) -> Ref:
    """Return the part of an array that a reference selects which stands for that array."""
    return Ref(target.cell, target.path + ref.path, target.atoms + ref.atoms)


class Buffers(State):
    """The cells of arrays: how they are read and written, and what may alias what."""

    def new_cell(self, var: Var) -> Ref:
        self.cell_count += 1
        for table in (self.choices, self.joins, self.pending, self.cached, self.birthplaces):
            table.pop(self.cell_count, None)  # of an attempt before
        self.cells[self.cell_count] = var
        return Ref(self.cell_count)

    def outside_cell(self, var: Var) -> Ref:
        """Make a cell for what is read from outside, whose number is not given again in another attempt at a loop."""
        self.outside_count += 1
        self.cells[-self.outside_count] = var
        return Ref(-self.outside_count)

    def wrap(self, atom: Atom) -> Value:
        """Make the value of an equation's result: an array gets a cell of its own, unless in a rule."""
        if isinstance(atom, Var) and atom.type.kind in ("array", "list", "tree") and not self.frame.rule:
            return self.new_cell(atom)
        return atom

    def read(self, ref: Ref) -> Var:
        """Return the current value of an array."""
        choice = self.choices.get(ref.cell)
        if choice is None:
            return read_path(self.builder, self.cells[ref.cell], ref.path, ref.atoms)
        first, second = (beyond(target, ref) for target in choice.refs)
        found = self.selected(self.test_of(choice), lambda: self.read(first), lambda: self.read(second))
        assert isinstance(found, Var)
        return found

    def either(self, which: Atom, number: int, first: Ref, second: Ref) -> Ref:
        """Return what is the first of two arrays if `which` is a number, and the second otherwise."""
        found = self.new_cell(Var("", join(self.facts, self.type_of(first), self.type_of(second))))
        self.choices[found.cell] = Either(which, (first, second), number)
        return found

    def test_of(self, choice: Either) -> Atom:
        """Return whether it is the first of two arrays that is chosen."""
        number = choice.number
        return choice.cond if number is None else self.builder.emit("eq", choice.cond, Const(number))

    def selected(self, cond: Atom, then: Callable[[], Atom], orelse: Callable[[], Atom]) -> Atom:
        """Return one of two atoms, which are made where they are needed."""
        with self.builder.block() as stmts:
            one = then()
        first = Block((), tuple(stmts), (one,))
        with self.builder.block() as stmts:
            two = orelse()
        second = Block((), tuple(stmts), (two,))
        out = Var("", join(self.facts, one.type, two.type))
        self.builder.add(If(cond, first, second, (out,), self.next_key(), span=self.builder.span))
        return out

    def view(self, value: Ref | Var, step: Step, atoms: tuple[Atom, ...]) -> Value:
        """Apply one view or subscript to an array."""
        if isinstance(value, Var):
            return read_path(self.builder, value, (step,), atoms)
        path, operands = (*value.path, step), value.atoms + atoms
        if isinstance(step, str) and ("a" in step or "m" in step):
            return self.wrap(self.read(Ref(value.cell, path, operands)))
        ref = Ref(value.cell, path, operands)
        return ref if self.type_of(ref).is_array else self.read(ref)

    def type_of(self, value: Value) -> Type:
        """Return the type of a value; OBJECT for what is not a number or array."""
        match value:
            case Var() | Const():
                return value.type
            case Ref(path=()):
                return self.cells[value.cell].type
            case Ref():
                return type_along(self.facts, self.cells[value.cell].type, value.path, value.atoms)
        return OBJECT

    def is_list(self, value: Value) -> bool:
        """Tell whether a value is a list of run-time length."""
        if not isinstance(value, Ref) or value.path not in ((), ROW):
            return False
        t = self.cells[value.cell].type
        return t.is_nested if value.path else t.is_list

    def write(self, ref: Ref, value: Atom, node: ast.AST, prim: str = "index_update") -> None:
        """Store into an array, or add to it: make a new version of its cell."""
        from adcompile.frontend import branches

        if is_read_only(self.cells[ref.cell].type, ref.path):
            self.refuse(node, "this view of an array is read-only", "NumPy raises here", "make a copy of it first")
        choice = self.choices.get(ref.cell)
        if choice is not None:
            first, second = (partial(self.write, beyond(r, ref), value, node, prim) for r in choice.refs)
            branches.merge(self, node, self.test_of(choice), first, second)  # type: ignore[arg-type]  # the only State there is
            return
        self.check_aliases(ref.cell, node)
        base = self.cells[ref.cell]
        new = stored(self.builder, base, ref.path, ref.atoms, value, prim)
        if base in self.names:
            self.names[new] = self.names[base]
        self.cells[ref.cell] = new

    def parts(self, cell: int) -> set[int]:
        """Return the cells that one which is chosen may be; of another one, itself."""
        choice = self.choices.get(cell)
        return {cell} if choice is None else {c for r in choice.refs for c in self.parts(r.cell)}

    def check_aliases(self, cell: int, node: ast.AST) -> None:
        """Refuse a store that others may see, after having tried what was left open: whether a view is a view."""
        self.check_held(cell, node)
        for other in self.alias_of(cell):
            for name, _ in self.reaching(other):
                key = self.origins.get(frozenset((cell, other)))
                if key is not None and key not in self.resolved:
                    raise Unresolved(key)
                lists = [c for c in (cell, other) if c in self.cells and self.cells[c].type.is_list]
                self.fail_aliased(name, lists, node)

    def check_held(self, cell: int, node: ast.AST) -> None:
        """Refuse to change what is in a tuple that a recursive function returned, or in a cache."""
        parts = {cell, *self.parts(cell)}
        if not self.held.isdisjoint(parts):
            self.refuse(node, "this is in a tuple that a recursive function returned", "changed here", "copy it first")
        if not self.cached:
            return
        for number in self.cached:
            if not parts.isdisjoint((number, *self.identities(self.contents.get(number, UNDEFINED)))):
                self.refuse_cached(number, node)
        for other in self.alias_of(cell):
            if other in self.cached:
                key = self.origins.get(frozenset((cell, other)))
                if key is not None and key not in self.resolved:
                    raise Unresolved(key)
                self.refuse_cached(other, node)

    def remember(self, value: Value, since: int, what: str) -> None:
        """Note that a function may keep a value that it returned, as far as it is newer than the cell `since`."""
        value = self.current(value)
        if isinstance(value, Node):
            for child in value.children:
                self.remember(child, since, what)
        self.cached.update({number: what for number in self.identities(value) if number > since})

    def find_out(self, cell: int) -> None:
        """Raise if it was left open what an array is, and it may be resolved."""
        for table in (self.pending, self.joins):
            if cell in table and table[cell] not in self.resolved:
                raise Unresolved(table[cell])

    def fail_aliased(self, name: str, lists: list[int], node: ast.AST) -> NoReturn:
        """Refuse a store that another name may see; `lists` are the cells of lists that the array may be in."""
        from adcompile.frontend import owned, pooling

        advice = "whether they do is known only at run time; make one of them a copy with .copy()"
        if lists:
            advice = "put a copy into the list, append(y.copy()); for y += 1 of an item write items[k] = items[k] + 1"
        what = "what the loop goes through" if name.startswith("iterated_") else f"`{name}`"
        error = CompileError(
            f"this store may also change {what}", self.span(node), f"may share memory with {what}", advice
        )
        key = pooling.of_places(self, owned.places(self, lists))
        if key is None and not any(f.loops for f in self.frames):
            raise error
        raise NeedsUnrolling(node, error, resolving=key)

    def assign_whole(self, ref: Ref, value: Atom, node: ast.AST) -> None:
        """Store into all of an array, as an operation in place does: what NumPy cannot store so is refused.

        A new array of the same shape and dtype becomes the version of the cell as it is, if no other may share memory.
        """
        old = self.type_of(ref)
        self.check_in_place(old, value, node)
        if ref.path:
            self.write(ref, value, node)
            return
        self.check_held(ref.cell, node)
        t = value.type
        fits = isinstance(value, Var) and t.is_array and t.dtype == old.dtype and self.facts.same_dims(t.dims, old.dims)
        if (
            not fits
            or ref.cell in self.choices
            or any(True for other in self.alias_of(ref.cell) for _ in self.reaching(other))
        ):
            self.write(Ref(ref.cell, ("e",)), value, node)
            return
        assert isinstance(value, Var)
        base = self.cells[ref.cell]
        if base in self.names:
            self.names.setdefault(value, self.names[base])
        self.cells[ref.cell] = value

    def check_in_place(self, old: Type, new: Atom, node: ast.AST) -> None:
        """Refuse what NumPy refuses: an in-place result that does not fit into the array."""
        t = new.type
        if old.dims is not None and t.dims is not None and len(t.dims) > len(old.dims):
            self.refuse(node, "the result of this in-place operation does not fit into the array", "has more axes")
        to, given = numpy_dtype(old), numpy_dtype(t)
        if to is not None and given is not None and not np.can_cast(given, to, "same_kind"):
            self.refuse(
                node,
                f"cannot store {given} into an array of {to} in place",
                "NumPy raises here",
                f"make the array one of {given}",
            )

    def alias_of(self, cell: int) -> list[int]:
        """Return the other cells that an array may share memory with; of one that is chosen, also what it may be."""
        near = {cell, *self.parts(cell)}
        return sorted({c for pair in self.aliases if not near.isdisjoint(pair) for c in pair} - {cell} | near - {cell})

    def link(self, new: int, old: int, origin: object = None) -> None:
        """Remember that a cell may share memory with another one that it is made of, and with what that may share."""
        for other in (old, *self.alias_of(old)):
            self.may_share(new, other, origin)

    def may_share(self, a: int, b: int, origin: object = None) -> None:
        """Remember that two cells may share memory; `origin` is what may be resolved then. This is not transitive."""
        if a == b:
            return
        self.aliases.add(frozenset((a, b)))
        if origin is not None:
            self.origins[frozenset((a, b))] = origin

    def refs_in(self, value: Value) -> Yields[Ref]:
        """Yield the arrays inside a value."""
        value = self.seen(value)
        match value:
            case Node() if value.identity in self.placed:
                yield from self.pools[self.placed[value.identity][0]].refs
            case Ref():
                yield value
            case Rows():
                yield from self.refs_in(value.pattern)
            case Node():
                for child in value.children:
                    yield from self.refs_in(child)
                if value.cls in self.made.classes:
                    yield from self.refs_of_methods(value.cls)
            case Method() | Super():
                yield from self.refs_in(value.receiver)
            case Flat():
                yield from self.refs_in(value.array)
            case Partial():
                for arg in (*value.args, *value.keywords.values()):
                    yield from self.refs_in(arg)
            case Rerun():
                yield from self.refs_in(value.function)
            case Box():
                yield from self.refs_in(self.unboxed(value))
            case Iterable():
                yield from value.arrays
            case Iterator(items=Iterable() as items):
                yield from items.arrays
            case Iterator(items=tuple() as items):
                for child in items:
                    yield from self.refs_in(child)
            case Const(value=type() as cls) if cls in self.made.classes:
                yield from self.refs_of_methods(cls)
            case LocalFunction():
                for default in value.defaults.values():
                    yield from self.refs_in(default)
                yield from self.refs_captured(value.node, value.frame)
            case Generator():
                for held in value.frame.names.values():
                    yield from self.refs_in(held)
                if value.frame.parent is not None:
                    yield from self.refs_captured(value.node, value.frame.parent)

    def refs_of_methods(self, cls: type) -> Yields[Ref]:
        """Yield the arrays that the methods of a class made here, and of its bases, read from functions."""
        for base in cls.__mro__:
            where = self.made.classes.get(base)
            if where is not None:
                yield from self.refs_captured(*where)

    def refs_captured(self, node: ast.AST, frame: Frame) -> Yields[Ref]:
        """Yield the arrays that an inner function reads from a function that has returned."""
        if frame in self.frames or frame in self.searched:
            return
        self.searched.append(frame)
        for name in sorted(names_read(node)):
            value = lookup_local(frame, name)
            if value is not None:
                yield from self.refs_in(value)
        self.searched.pop()

    def reached(self, value: Value) -> Yields[Ref]:
        """Yield the arrays and lists inside a value, and those in the pools of what is inside."""
        yield from self.refs_in(value)
        roots = list(self.roots_in(value))
        for root in roots:  # grows
            yield from self.pools[root].refs
            roots += [other for other in self.roots_in(self.pools[root].tree) if other not in roots]

    def roots_in(self, value: Value) -> Yields[ast.AST]:
        """Yield the roots of the pools whose lists, arrays or objects are inside a value."""
        value = self.seen(value)
        match value:
            case Ref() if value.cell in self.pool_of:
                yield self.pool_of[value.cell]
            case Rows():
                yield from self.roots_in(value.pattern)
            case Box():
                yield from self.roots_in(self.unboxed(value))
            case Node():
                if value.identity in self.placed:
                    yield self.placed[value.identity][0]
                elif isinstance(value.detail, ast.AST):  # it stands for something in a pool
                    yield value.detail
                for child in value.children:
                    yield from self.roots_in(child)

    def reaching(self, cell: int) -> Yields[tuple[str, Frame | None]]:
        """Yield the names, read again later, through which a cell can be reached."""
        parts = self.parts(cell)
        for frame in self.frames:
            for name, value in frame.names.items():
                refs = self.reached(value) if self.pools else self.refs_in(value)
                found = any(not parts.isdisjoint(self.parts(ref.cell)) for ref in refs)
                if found and may_be_read(frame, name):
                    yield shown(name), frame

    def detached(self, value: Value) -> Value:
        """Return a value like this one that shares no buffer and no container with it."""
        value = self.current(value)
        if isinstance(value, Node):
            return self.like(value, [self.detached(c) for c in value.children])
        return self.new_cell(self.read(value)) if isinstance(value, Ref) else value
