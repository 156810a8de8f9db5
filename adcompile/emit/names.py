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
from collections.abc import Collection, Iterator, Mapping
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
    """Sets of variables that share a name: a union-find structure with the interference of each set.

    members  the variables of each set, as bits
    against  the variables that are alive when one of a set is assigned, as bits
    words    what the variables of each set are called
    taken    the sets with a parameter in them
    """

    def __init__(self, fn: Function, ranges: Ranges, params: Mapping[Var, str]) -> None:
        self.fn, self.params = fn, params
        self.parent: dict[Var, Var] = {}
        self.rank = {v: k for k, v in enumerate(ranges.order)}
        self.members = {v: ranges.bit(v) for v in ranges.order}
        self.against = {v: ranges.against.get(v, 0) for v in ranges.order}
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
            above = self.parent[v]
            if above in self.parent:
                self.parent[v] = self.parent[above]  # so that the way is half as long next time
            v = above
        return v

    def join(self, a: Var, b: Var, *, same_word: bool) -> None:
        """Merge two sets if they do not interfere, and, if asked, the user does not call them differently."""
        a, b = self.find(a), self.find(b)
        if a is b or self.against[a] & self.members[b] or self.against[b] & self.members[a]:
            return
        if not (same_word and self.differ(a, b)):
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
        if self.rank[b] < self.rank[a]:
            a, b = b, a
        self.parent[b] = a
        if b in self.taken:
            self.taken.add(a)
        self.words[a] = self.words.get(a, set()) | self.words.get(b, set())
        self.members[a] |= self.members[b]
        self.against[a] |= self.against[b]


class _Namer:
    """Chooses names; `members` and `against` say which variables have a name already, and what they interfere with."""

    def __init__(self, groups: _Groups, params: Mapping[Var, str], reserved: Collection[str]) -> None:
        self.groups, self.params, self.reserved = groups, params, reserved
        self.chosen: dict[Var, str] = {}
        self.members: dict[str, int] = {}
        self.against: dict[str, int] = {}
        self.words: set[str] = set()
        self.count = 0
        self.known: dict[str, list[str]] = {}
        self.tried: dict[str, int] = {}

    def names(self, order: list[Var]) -> dict[Var, str]:
        sets: dict[Var, list[Var]] = {}
        for v in order:
            sets.setdefault(self.groups.find(v), []).append(v)
        for group, variables in sets.items():
            fixed = [self.params[v] for v in variables if v in self.params]
            if fixed:
                self.choose(group, fixed[0])
        self.words = {w for v in order if (w := self.groups.fn.name_of(v))}
        for group, variables in sets.items():
            if group not in self.chosen:
                self.choose(group, self.name(group, variables))
        return {v: self.chosen[self.groups.find(v)] for v in order}

    def choose(self, group: Var, name: str) -> None:
        self.chosen[group] = name
        self.members[name] = self.members.get(name, 0) | self.groups.members[group]
        self.against[name] = self.against.get(name, 0) | self.groups.against[group]

    def is_free(self, name: str, group: Var) -> bool:
        """Tell whether a set may have a name: none that has it already interferes."""
        if name in self.reserved:
            return False
        groups = self.groups
        return not (
            self.members.get(name, 0) & groups.against[group] or self.against.get(name, 0) & groups.members[group]
        )

    def name(self, group: Var, variables: list[Var]) -> str:
        fn = self.groups.fn
        word = next((fn.names[v] for v in variables if fn.names.get(v)), "")
        word = word or next((v.name for v in variables if v.name), "")
        if word in ("", "_"):
            return self.index(group) if self.groups.indices & set(variables) else self.temporary()
        word = word if word.isidentifier() else "v"
        if self.is_free(word, group):
            return word
        against, members = self.groups.against[group], self.groups.members[group]
        for name in self.numbered(word):  # a variable with many versions has tried as many names: no calls here
            if not (self.members.get(name, 0) & against or self.against.get(name, 0) & members):
                return name
        raise AssertionError("the names do not end")

    def numbered(self, word: str) -> Iterator[str]:
        """Yield word_1, word_2, ... but for those that mean something else."""
        known = self.known.setdefault(word, [])
        yield from known
        for k in itertools.count(self.tried.get(word, 0) + 1):
            self.tried[word] = k
            name = f"{word}_{k}"
            if name not in self.words and name not in self.reserved:
                known.append(name)
                yield name

    def index(self, group: Var) -> str:
        """Return a name for the index of a loop over which the user did not write a range."""
        candidates = itertools.chain("ijk", (f"i_{k}" for k in itertools.count(1)))
        return next(n for n in candidates if n not in self.words and self.is_free(n, group))

    def temporary(self) -> str:
        """Return a name that nothing else has."""
        while True:
            self.count += 1
            name = f"v{self.count}"
            if name not in self.words and name not in self.reserved and name not in self.members:
                return name
