"""Put the rules of calls that have rules of their own into their place.

Before reverse mode a call that something differentiated reaches becomes the equations of its rule. Its operands enter
them through `stop`, which hides the derivative, and `pull` gives the derivative back to the results:

    y = custom(x; f)   ->   x' = stop(x); y', r = f_fwd(x'); y = pull(y', x, r; f_bwd)

With a forward rule alone, the rule is made linear in tangents that are zero and have the derivative of the operands;
reverse mode then transposes it like any other code:

    y = custom(x; f)   ->   x' = stop(x); x_dot = delta(x); y', y_dot = f_jvp(x', x_dot); y = attach(y', y_dot)

`close` takes these helpers out again, once the program is differentiated, and `expand` the calls that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from adcompile.analysis.activity import active
from adcompile.errors import CompileError
from adcompile.ir.core import (
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    Stmt,
    Var,
    applies,
    blocks_of,
    map_atoms,
    walk,
    with_blocks,
)
from adcompile.ir.custom import HELPERS, CustomCall, Pull, Push
from adcompile.ir.inlining import Keys, copied, keys_after
from adcompile.ir.types import Type
from adcompile.records import replace
from adcompile.transforms import linearity

__all__ = ["close", "expand", "forward_rules", "open_calls", "refuse_outside"]

REVERSE_ONLY = {
    True: "give it a tangent with @{}.tangent, which serves both modes",
    False: "use reverse mode (grad, vjp) or forward mode over it (hessian, hvp); rules of adcompile.custom_jvp serve "
    "both modes",
}


def call_of(eqn: Eqn) -> CustomCall:
    (call,) = eqn.attrs
    assert isinstance(call, CustomCall)
    return call


def extra(eqn: Eqn) -> tuple[Atom, ...]:
    """Return what a function with rules, and its rules, read from outside."""
    return eqn.args[call_of(eqn).count :]


def within_rules(fn: Function, f: Callable[[Function], Function]) -> None:
    """Apply a pass, once, to the functions and rules of the calls in a function."""
    for stmt in walk(fn.primal):
        if isinstance(stmt, Eqn) and stmt.prim == "custom" and not call_of(stmt).settled:
            call = call_of(stmt)
            call.settled = True
            assert call.primal is not None
            call.primal = f(call.primal)
            if isinstance(call.pull, Pull):
                ahead = None if call.pull.forward is None else f(call.pull.forward)
                call.pull = replace(call.pull, forward=ahead, backward=f(call.pull.backward))
            if isinstance(call.push, tuple):
                call.push = tuple(replace(p, function=f(p.function)) for p in call.push)


def refuse_outside(eqn: Eqn, reached: Callable[[Var], bool]) -> None:
    """Refuse a call whose rules read a differentiated value that is no differentiable argument."""
    call = call_of(eqn)
    for k, a in enumerate(eqn.args):
        if not isinstance(a, Var) or not a.type.inexact or not reached(a):
            continue
        name = f"`{a.name}`" if a.name else "of this call"
        if k >= call.count + call.values:
            continue
        if k >= call.count:
            message = f"`{call.name}` has a derivative rule, and reads the differentiated value {name} from outside"
            raise CompileError(message, eqn.span, "called here", "pass it as an argument")
        if k in call.nondiff:
            message = f"the argument {name} is in nondiff_argnums of `{call.name}`, but is differentiated"
            raise CompileError(message, eqn.span, "called here", "take it out of nondiff_argnums")


# -- before reverse mode


def open_calls(fn: Function, wrt: Sequence[Var]) -> Function:
    """Put the rules of the calls that derivatives with respect to `wrt` pass through in their place."""
    while applies(fn.primal, "custom"):
        opener = Opener(active(fn, wrt), keys_after(fn.stmts))
        opened = replaced(fn.primal, opener.eqn)
        if not opener.found:
            break
        fn = replace(fn, primal=opened)
    return fn


def replaced(stmts: Sequence[Stmt], make: Callable[[Eqn], Sequence[Stmt]]) -> tuple[Stmt, ...]:
    """Replace each equation, at any depth."""
    out: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, Eqn):
            out += make(stmt)
        else:
            blocks = tuple(Block(b.params, replaced(b.stmts, make), b.yields) for b in blocks_of(stmt))
            out.append(with_blocks(stmt, blocks))
    return tuple(out)


class Opener:
    """Replaces active calls by their rules. `found` tells whether there was one."""

    def __init__(self, reached: frozenset[Var], keys: Keys) -> None:
        self.active, self.keys = reached, keys
        self.found = False

    def eqn(self, eqn: Eqn) -> Sequence[Stmt]:
        if eqn.prim != "custom":
            return (eqn,)
        refuse_outside(eqn, self.active.__contains__)
        if not any(o in self.active for o in eqn.outs):
            return (eqn,)
        self.found = True
        call = call_of(eqn)
        pull, push = call.pull, call.push
        if isinstance(pull, Pull):
            return self.pulled(eqn, call, pull)
        if isinstance(push, tuple):
            return self.pushed(eqn, call, push)
        error = pull if pull is not None else push
        assert isinstance(error, CompileError), "a call has a rule"
        raise error

    def stops(self, eqn: Eqn, call: CustomCall, out: list[Stmt]) -> list[Atom]:
        """Return the operands without their derivatives."""
        found: list[Atom] = []
        for a in eqn.args[: call.count]:
            if isinstance(a, Var) and a in self.active:
                stopped = Var(a.name, a.type)
                out.append(Eqn((stopped,), "stop", (a,), (), eqn.span))
                a = stopped
            found.append(a)
        return found

    def pulled(self, eqn: Eqn, call: CustomCall, pull: Pull) -> list[Stmt]:
        out: list[Stmt] = []
        operands = self.stops(eqn, call, out)
        n = len(eqn.outs)
        if pull.forward is None:
            ys = residuals = self.kept(eqn, call, operands, out)
        else:
            stmts, results = copied(pull.forward, (*operands, *extra(eqn)), self.keys)
            out += stmts
            ys, residuals = results[:n], results[n:]
        args = (*ys, *eqn.args[: call.count], *residuals, *extra(eqn))
        types = tuple(o.type for o in eqn.outs)
        return [*out, Eqn(eqn.outs, "pull", args, (pull, n, call.count, len(residuals), types), eqn.span)]

    def pushed(self, eqn: Eqn, call: CustomCall, rules: tuple[Push, ...]) -> list[Stmt]:
        out: list[Stmt] = []
        operands = self.stops(eqn, call, out)
        ys: Sequence[Atom] = ()
        if not any(r.whole for r in rules):
            ys = self.kept(eqn, call, operands, out)
        attached: list[Atom] = list(ys)
        for rule in rules:
            check_linear(eqn, rule)
            dots = [self.delta(eqn, call, k, out) for k in rule.positions]
            stmts, results = copied(rule.function, (*operands, *ys, *dots, *extra(eqn)), self.keys)
            out += stmts
            if rule.whole:
                attached = list(results[: len(eqn.outs)])
            for k, dot in zip(rule.dotted, results[len(attached) if rule.whole else 0 :], strict=True):
                attached[k] = self.attach(eqn, k, attached[k], dot, out)
        for o, a in zip(eqn.outs, attached, strict=True):
            out.append(Eqn((o,), "attach", (a, Const(0.0)), (), eqn.span))
        return out

    def kept(self, eqn: Eqn, call: CustomCall, operands: Sequence[Atom], out: list[Stmt]) -> tuple[Atom, ...]:
        """Make the call itself, which has its rules for what may be differentiated later; return the results."""
        ys = tuple(Var("", o.type) for o in eqn.outs)
        out.append(Eqn(ys, "custom", (*operands, *eqn.args[call.count :]), eqn.attrs, eqn.span))
        return ys

    def attach(self, eqn: Eqn, k: int, value: Atom, dot: Atom, out: list[Stmt]) -> Var:
        new = Var("", eqn.outs[k].type)
        out.append(Eqn((new,), "attach", (value, dot), (), eqn.span))
        return new

    def delta(self, eqn: Eqn, call: CustomCall, k: int, out: list[Stmt]) -> Atom:
        """Return a zero with the derivative of an operand."""
        a = eqn.args[k]
        if isinstance(a, Const) and not a.type.is_array:
            return Const(0.0)
        moving = isinstance(a, Var) and a in self.active and k not in call.nondiff
        if not (moving or a.type.is_array):
            return Const(0.0)
        new = Var("", Type(a.type.kind, a.type.dtype, a.type.dims))
        out.append(Eqn((new,), "delta" if moving else "zeros_like", (a,), (), eqn.span))
        return new


def hooks_of(fn: Function, reached: frozenset[Var]) -> dict[Var, list[Eqn]]:
    """Return the blocks for the adjoints of active variables. Each must be in the block that computes its variable."""
    found: dict[Var, list[Eqn]] = {}

    def visit(stmts: Sequence[Stmt], own: set[Var]) -> None:
        for stmt in stmts:
            if isinstance(stmt, Eqn) and stmt.prim == "hook":
                (y, *_) = stmt.args
                if not isinstance(y, Var) or y not in reached:
                    continue
                if y not in own:
                    raise CompileError(
                        f"the adjoint of `{fn.name_of(y) or 'v'}` is not complete in this block",
                        stmt.span,
                        "computed outside of this branch or loop",
                        "move the block to where the variable is assigned",
                    )
                found.setdefault(y, []).append(stmt)
            for block in blocks_of(stmt):
                visit(block.stmts, {*block.params})
            own.update(stmt.outs)

    visit(fn.primal, set(fn.params))
    return found


def refuse_blocks(fn: Function, reached: frozenset[Var]) -> None:
    """Refuse blocks for adjoints in a gradient that is differentiated: tangents of the function do not see them."""
    for stmt in walk(fn.primal):
        if isinstance(stmt, Eqn) and stmt.prim == "hook" and stmt.args[0] in reached:
            raise CompileError(
                "a gradient with a block for an adjoint cannot be differentiated here",
                stmt.span,
                "changes the gradient",
                "use hessian, or differentiate the emitted source: from_source(derivative.source_for(*args), name)",
            )


# -- after it


def close(fn: Function) -> Function:
    """Take out the helpers: a program that is differentiated needs them no more."""
    if not applies(fn.stmts, *HELPERS):
        return fn
    env: dict[Var, Atom] = {}
    names = dict(fn.names)
    for stmt in walk(fn.stmts):
        if isinstance(stmt, Eqn) and stmt.prim in HELPERS:
            for out, same in zip(stmt.outs, stmt.args, strict=False):
                same = env.get(same, same) if isinstance(same, Var) else same
                if stmt.prim == "delta":
                    continue
                env[out] = same
                if isinstance(same, Var) and fn.name_of(out) and not fn.name_of(same):
                    names[same] = fn.name_of(out)
    closer = Closer(env)
    return replace(
        fn,
        primal=closer.stmts(fn.primal),
        adjoint=closer.stmts(fn.adjoint),
        outs=tuple(map(closer.atom, fn.outs)),
        names=names,
    )


class Closer:
    """Rebuilds statements without helpers; `env` says what their results are."""

    def __init__(self, env: Mapping[Var, Atom]) -> None:
        self.env = dict(env)

    def atom(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def stmts(self, stmts: Sequence[Stmt]) -> tuple[Stmt, ...]:
        kept = replaced(stmts, self.eqn)
        return tuple(map_atoms(s, self.atom) for s in kept)

    def eqn(self, eqn: Eqn) -> Sequence[Stmt]:
        if eqn.prim == "delta":
            if eqn.out.type.is_array:
                return (replace(eqn, prim="zeros_like"),)
            self.env[eqn.out] = Const(0.0)
            return ()
        return () if eqn.prim in HELPERS else (eqn,)


def expand(fn: Function) -> Function:
    """Put the functions themselves in the place of the calls that are left."""
    while applies(fn.stmts, "custom"):
        keys = keys_after(fn.stmts)

        def expanded(eqn: Eqn, keys: Keys = keys) -> Sequence[Stmt]:
            if eqn.prim != "custom":
                return (eqn,)
            call = call_of(eqn)
            assert call.primal is not None
            stmts, results = copied(call.primal, eqn.args, keys)
            ends = [Eqn((o,), "stop", (r,), (), eqn.span) for o, r in zip(eqn.outs, results, strict=True)]
            return [*stmts, *ends]

        fn = replace(fn, primal=replaced(fn.primal, expanded), adjoint=replaced(fn.adjoint, expanded))
    return close(fn)


def forward_rules(eqn: Eqn) -> tuple[Push, ...]:
    """Return the forward rules of a call, or raise what is wrong with them."""
    call = call_of(eqn)
    if isinstance(call.push, CompileError):
        raise call.push
    if call.push is None:
        if isinstance(call.pull, CompileError):
            raise call.pull
        kind = "an adjoint" if call.linear else "custom_vjp"
        raise CompileError(
            f"forward mode reaches `{call.name}`, which has a reverse rule only ({kind})",
            eqn.span,
            "called here",
            REVERSE_ONLY[call.linear].format(call.name),
        )
    for rule in call.push:
        check_linear(eqn, rule)
    return call.push


def check_linear(eqn: Eqn, rule: Push) -> None:
    """Refuse a rule that is seen not to be linear in the tangents."""
    call, fn = call_of(eqn), rule.function
    first = len(fn.params) - len(extra(eqn)) - len(rule.positions)
    bent = linearity.nonlinear(fn, fn.params[first : first + len(rule.positions)])
    if bent is not None:
        raise CompileError(
            f"the rule of `{call.name}` is not linear in the tangents",
            bent.span or eqn.span,
            "here",
            "a tangent is multiplied by derivatives, and added up",
        )
