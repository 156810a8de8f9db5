"""Give every variable that is written a name.

Variables that are moved into one another share a name where they can (`adcompile.emit.interference`). A name is the
user's if there is one, then the compiler's hint (``x_bar``, ``x_dot``), else ``v1``, ``v2``, ... in the order in which
they appear. Two variables of one name that are alive at the same time become ``s`` and ``s_1``. Parameters keep their
names; nothing else shadows what the emitted source itself uses.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
from collections.abc import Collection, Mapping
from typing import Final

from adcompile.emit.interference import Ranges
from adcompile.ir.core import For, Function, Var, walk

RESERVED: Final = frozenset({"np", "math", *dir(builtins), *keyword.kwlist, *keyword.softkwlist} - {"_"})


def choose_names(fn: Function, ranges: Ranges, params: Mapping[Var, str], taken: Collection[str]) -> dict[Var, str]:
    """Return the name of every named variable.

    `params` are the names of the parameters; `taken` are those of functions and constants of the module.
    """
    groups = _Groups(fn, ranges, params)
    namer = _Namer(groups, params, RESERVED | set(taken))
    return namer.names(ranges.order)


class _Groups:
    """Sets of variables that share a name: a union-find structure with the interference of each set."""

    def __init__(self, fn: Function, ranges: Ranges, params: Mapping[Var, str]) -> None:
        self.fn, self.params = fn, params
        self.parent: dict[Var, Var] = {}
        self.clashes = {v: set(ws) for v, ws in ranges.clashes.items()}
        self.rank = {v: k for k, v in enumerate(ranges.order)}
        self.words = {v: {word} for v in ranges.order if (word := self.word(v))}
        self.users = set(params.values()) | {fn.name_of(v) for s in walk(fn.primal) for v in s.outs}
        self.indices = {s.index for s in walk(fn.stmts) if isinstance(s, For)}
        self.taken = set(params)
        for a, b in ranges.same:
            self.union(a, b)
        for a, b in ranges.updates:
            self.join(a, b, same_word=False)
        sums = [(a, b) for a, b in reversed(ranges.sums) if self.word(a) == self.word(b) or not self.word(b)]
        for a, b in (*reversed(ranges.yields), *sums, *reversed(ranges.moves)):
            self.join(a, b, same_word=True)

    def word(self, v: Var) -> str:
        """Return the name that the user gave a variable."""
        return self.params.get(v) or self.fn.name_of(v)

    def find(self, v: Var) -> Var:
        while v in self.parent:
            v = self.parent[v]
        return v

    def rivals(self, v: Var) -> set[Var]:
        """Return the sets that interfere with the set of `v`."""
        return {self.find(w) for w in self.clashes.get(v, ())} - {v}

    def join(self, a: Var, b: Var, *, same_word: bool) -> None:
        """Merge two sets if they do not interfere, and, if asked, the user does not call them differently."""
        a, b = self.find(a), self.find(b)
        if a is b or b in self.rivals(a):
            return
        if same_word and self.differ(a, b):
            return
        self.union(a, b)

    def differ(self, a: Var, b: Var) -> bool:
        """Tell whether the user calls two sets differently, or one is a parameter of another name."""
        words = self.words.get(a, set()), self.words.get(b, set())
        if self.taken & {a, b}:
            return words[0] != words[1]
        users = words[0] & self.users, words[1] & self.users
        return bool(users[0] and users[1] and users[0] != users[1])

    def union(self, a: Var, b: Var) -> None:
        a, b = self.find(a), self.find(b)
        if a is b:
            return
        if self.rank.get(b, len(self.rank)) < self.rank.get(a, len(self.rank)):
            a, b = b, a
        self.parent[b] = a
        if b in self.taken:
            self.taken.add(a)
        self.words[a] = self.words.get(a, set()) | self.words.get(b, set())
        self.clashes.setdefault(a, set()).update(self.clashes.get(b, ()))


class _Namer:
    def __init__(self, groups: _Groups, params: Mapping[Var, str], reserved: frozenset[str] | set[str]) -> None:
        self.groups, self.params, self.reserved = groups, params, reserved
        self.chosen: dict[Var, str] = {}
        self.count = 0

    def names(self, order: list[Var]) -> dict[Var, str]:
        members: dict[Var, list[Var]] = {}
        for v in order:
            members.setdefault(self.groups.find(v), []).append(v)
        for group, variables in members.items():
            fixed = [self.params[v] for v in variables if v in self.params]
            if fixed:
                self.chosen[group] = fixed[0]
        self.words = {w for v in order if (w := self.groups.fn.name_of(v))}
        for group, variables in members.items():
            if group not in self.chosen:
                self.chosen[group] = self.name(group, variables)
        return {v: self.chosen[self.groups.find(v)] for v in order}

    def name(self, group: Var, variables: list[Var]) -> str:
        rivals = {self.chosen[g] for g in self.groups.rivals(group) if g in self.chosen}
        fn = self.groups.fn
        word = next((fn.names[v] for v in variables if fn.names.get(v)), "")
        word = word or next((v.name for v in variables if v.name), "")
        if word in ("", "_"):
            return self.index(rivals) if self.groups.indices & set(variables) else self.temporary(rivals)
        word = word if word.isidentifier() else "v"
        candidate, k = word, 0
        while candidate in rivals or candidate in self.reserved or (k and candidate in self.words):
            k += 1
            candidate = f"{word}_{k}"
        return candidate

    def index(self, rivals: set[str]) -> str:
        """Return a name for the index of a loop over which the user did not write a range."""
        taken = rivals | self.words | self.reserved
        candidates = itertools.chain("ijk", (f"i_{k}" for k in itertools.count(1)))
        return next(n for n in candidates if n not in taken)

    def temporary(self, rivals: set[str]) -> str:
        while True:
            self.count += 1
            candidate = f"v{self.count}"
            if candidate not in self.words and candidate not in self.reserved and candidate not in rivals:
                return candidate
