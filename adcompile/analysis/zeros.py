"""Which arrays hold exact zeros, and which numbers are never zero.

    y = sqrt(x)[1:]   ->   y_bar = zeros; y_bar[1:] += g; x_bar = 0.5 * y_bar / sqrt(x), where 0 / 0 must be 0

Where a cotangent is exactly zero, because a part of an array is not read or a selection hides it, it may meet an
infinite local derivative (of the square root at 0). These questions are answered from the equations that made the
numbers; where these do not tell, the answer is no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adcompile.ir.core import Atom, Const, Eqn, Var

__all__ = ["Zeros"]

EMPTY: Final = frozenset(
    {"zeros", "zeros_like", "eye", "triu", "tril", "sign", "heaviside", "added_at", "added_along", "added_back"}
)
KEEPING: Final = frozenset(
    "neg negative astype copy contiguous reshape ravel transpose swapaxes moveaxis expand_dims squeeze flip roll repeat"
    " tile broadcast_to index index_add conj real imag div npdiv divide atleast_1d atleast_2d sum sum_of".split()
)
JOINING: Final = frozenset({"concatenate", "stack", "hstack", "vstack", "column_stack"})
SUMS: Final = frozenset({"add", "np.add", "acc"})
PRODUCTS: Final = frozenset({"mul", "multiply"})
QUOTIENTS: Final = frozenset({"div", "npdiv", "divide"})
EXPONENTIALS: Final = frozenset({"exp", "exp2", "math.exp", "cosh", "math.cosh"})
SQUARES: Final = frozenset({"abs", "absolute", "fabs", "square", "var", "var_of", "std", "std_of", "norm"})
POWERS: Final = frozenset({"pow", "power", "float_power", "math.pow"})
# Primitives whose results have the sign of their first operand.
SAME_SIGN: Final = (KEEPING - QUOTIENTS - {"neg", "negative", "index_add", "imag"}) | frozenset(
    "sqrt math.sqrt cbrt float mean mean_of max min prod median cumsum".split()
)
TAKEN: Final = frozenset({"list_get", "list_pop", "list_take"})
LISTED: Final = frozenset(
    {"list_add", "list_set", "list_append", "list_insert", "list_pop", "list_take", "list_add_slice"}
)
DEPTH: Final = 12  # equations that are looked through to find a sign


class Zeros:
    """What the equations in `defs`, by their results, tell about zeros.

    bases  the results of ifs and loops that are other arrays with some parts changed, and these
    begun  the slots of loops, and what they begin with
    """

    def __init__(self, defs: Mapping[Var, Eqn]) -> None:
        self.defs: Final = defs
        self.found: Final[dict[Var, bool]] = {}
        self.bases: Final[dict[Var, Atom]] = {}
        self.begun: Final[dict[Var, Atom]] = {}

    def holds(self, a: Atom) -> bool:
        """Tell whether an array is likely to hold exact zeros."""
        passed: list[Var] = []
        while isinstance(a, Var) and a not in self.found:
            passed.append(a)
            found = self._step(a)
            if isinstance(found, bool):
                self.found[a] = found
                break
            a = found
        answer = self.found[a] if isinstance(a, Var) else _is_zero(a)
        self.found.update(dict.fromkeys(passed, answer))
        return answer

    def _step(self, a: Var) -> bool | Atom:
        """Return whether an array holds zeros, or what tells that."""
        eqn = self.defs.get(a)
        if a in self.bases:
            return self.bases[a]
        if a in self.begun:
            return self.begun[a]
        if a.type.is_list:
            return eqn is not None and (eqn.prim == "list_zeros" or (eqn.prim in LISTED and self.holds(eqn.args[0])))
        if eqn is None or a.type.dims == ():
            return self._number(eqn)
        if a.type.dtype == bool:
            return True
        prim, args = eqn.prim, eqn.args
        if prim in EMPTY or (prim == "diag" and args[0].type.rank == 1):
            return True
        if prim in KEEPING or prim == "diag":
            return args[0]
        if prim in SUMS:
            if any(isinstance(d := self._definition(b), Eqn) and d.prim == "sign" for b in args):
                return True
            return args[0] if self.holds(args[1]) else False
        if prim in PRODUCTS:
            return True if self.holds(args[1]) else args[0]
        if prim == "index_update":
            return True if _is_zero(args[1]) else args[0]
        if prim in ("maximum", "minimum"):
            return any(map(_is_zero, args))
        if prim == "where":
            return any(_is_zero(b) or self.holds(b) for b in args[1:])
        return prim in JOINING and any(map(self.holds, args))

    def _number(self, eqn: Eqn | None) -> bool | Atom:
        """Return whether a number is zero on some path, or what tells that."""
        if eqn is None or not eqn.args:
            return False
        if eqn.prim == "index" or eqn.prim in TAKEN:
            return eqn.args[0]
        if eqn.args[0].type.dims != ():
            return False
        if eqn.prim in KEEPING:
            return eqn.args[0]
        if eqn.prim in SUMS:
            return eqn.args[0] if self.holds(eqn.args[1]) else False
        return eqn.prim in PRODUCTS and any(isinstance(b, Var) and self.holds(b) for b in eqn.args)

    def vanishing(self, a: Atom) -> None:
        """Take note of a number that is zero on some path."""
        if isinstance(a, Var):
            self.found[a] = True

    def unbounded(self, a: Atom, depth: int = DEPTH) -> bool:
        """Tell whether an array is made by a division by what may be zero."""
        eqn = self._definition(a)
        if eqn is None or depth == 0 or a.type.dims == ():
            return False
        if eqn.prim in QUOTIENTS and eqn.args[1].type.dims != () and not self.nonzero(eqn.args[1]):
            return True
        if eqn.prim in KEEPING:
            return self.unbounded(eqn.args[0], depth - 1)
        return eqn.prim in SUMS | PRODUCTS and any(self.unbounded(b, depth - 1) for b in eqn.args)

    def branched(self, out: Var, then: Atom, orelse: Atom) -> None:
        """Take note of the result of an if."""
        base = self._base(then)
        if base is self._base(orelse):
            self.bases[out] = base
        elif self._vanishes(then) or self._vanishes(orelse):  # what it is the cotangent of is read on one side
            self.found[out] = True

    def _vanishes(self, a: Atom) -> bool:
        eqn = self._definition(a)
        made = eqn is not None and eqn.prim in ("zeros", "zeros_like")
        return made or _is_zero(a) or (isinstance(a, Var) and a.type.dims == () and self.holds(a))

    def begins(self, param: Var, init: Atom | None) -> None:
        """Take note of a slot of a loop that begins with `init`, or with zeros."""
        if init is not None:
            self.begun[param] = init
        elif param.type.dims != () or param.type.is_list:
            self.found[param] = True

    def looped(self, out: Var, init: Atom, param: Var, after: Atom) -> None:
        """Take note of the result of a loop, of which a trip makes `after` of `param`."""
        if self._base(after) is param:
            self.bases[out] = init

    def _base(self, a: Atom) -> Atom:
        """Return the array of which parts were changed to make one."""
        while isinstance(a, Var):
            eqn = self.defs.get(a)
            if a in self.bases:
                a = self.bases[a]
            elif eqn is not None and (eqn.prim in ("index_add", "index_update") or eqn.prim in LISTED):
                a = eqn.args[0]
            else:
                break
        return a

    def _definition(self, a: Atom) -> Eqn | None:
        return self.defs.get(a) if isinstance(a, Var) else None

    def nonzero(self, a: Atom) -> bool:
        """Tell whether all numbers are known to be other than zero."""
        if isinstance(a, Const):
            return isinstance(a.value, int | float) and a.value != 0
        return self._sign(a, DEPTH, strictly=True)

    def _sign(self, a: Atom, depth: int, strictly: bool) -> bool:
        """Tell whether all numbers are positive, or not negative."""
        if isinstance(a, Const):
            return isinstance(a.value, int | float) and (a.value > 0 or (a.value == 0 and not strictly))
        eqn = self._definition(a)
        if eqn is None or depth == 0:
            return False
        prim, args = eqn.prim, eqn.args

        def sure(b: Atom, more: bool = strictly) -> bool:
            return self._sign(b, depth - 1, more)

        if prim in EXPONENTIALS:
            return True
        if prim in SQUARES:
            return not strictly
        if prim in SAME_SIGN:
            return sure(args[0])
        if prim in SUMS:
            first, second = args
            return sure(first, False) and sure(second, False) and (not strictly or sure(first) or sure(second))
        if prim in PRODUCTS | QUOTIENTS:
            return (not strictly and args[0] == args[1]) or all(map(sure, args))
        if prim in POWERS:
            even = isinstance(args[1], Const) and isinstance(args[1].value, int | float) and args[1].value % 2 == 0
            return sure(args[0]) or (even and not strictly)
        if prim in ("maximum", "fmax"):
            return any(map(sure, args))
        if prim in ("minimum", "fmin", "where", *JOINING):
            return all(map(sure, args[prim == "where" :]))
        return False


def _is_zero(a: Atom) -> bool:
    return isinstance(a, Const) and isinstance(a.value, int | float) and a.value == 0
