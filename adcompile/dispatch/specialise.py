"""Choose, load or compile the program for the arguments of a call.

Programs are specialised on the kinds, dtypes and ranks of arguments. Each has a guard, a generated function that takes
the arguments, and runs the program if they are of its kind. Guards form a chain: one whose test fails calls the next,
and at the end of the chain is `MISS`. Only then is anything looked up, loaded or compiled.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from adcompile.custom.functions import CustomFunction
from adcompile.dispatch import cache, containers, programs
from adcompile.dispatch.constants import stated
from adcompile.dispatch.dressing import runner
from adcompile.dispatch.linking import FIXED, fill
from adcompile.dispatch.programs import Loaded
from adcompile.dispatch.signature import Signature, Transform
from adcompile.errors import AdcompileError

__all__ = ["MISS", "Specialiser"]

# What a chain of guards returns if no program fits.
MISS: Final = object()

CHAIN: Final = 8  # programs whose guards are linked
KNOWN: Final = 64  # programs that are kept
ATTEMPTS: Final = 8

Values = Mapping[str, object]

# What checks the first result of a program, by signature and arguments, and the rules among the objects that it was
# made of. The package puts it here, from a layer above.
VERIFIERS: Final[list[Callable[[Signature, Values, object, Sequence[object]], None]]] = []


class Specialisation:
    """A program linked to one function object: the names in its guard stand for that function's globals and cells."""

    def __init__(
        self, loaded: Loaded, nodes: Sequence[object], names: Values, transform: Transform, label: str
    ) -> None:
        self.loaded: Final = loaded
        self.nodes: Final = nodes
        self.names: Final = {**FIXED, **names}
        program = loaded.program
        self.run: Final = runner(loaded.functions, program.form, program.dressed, transform, self.names, label)

    @property
    def source(self) -> str:
        """Return the emitted source, with what the function captures as it is now."""
        program = self.loaded.program
        return stated(program.template, programs.hidden_values(program, self.nodes))

    def link(self, run: object, miss: object) -> Callable[..., object]:
        """Return the guard: it runs `run` if the arguments fit, else `miss`."""
        namespace = {**self.names, "_impl": run, "_miss": miss}
        exec(self.loaded.program.guard_code, namespace)
        call = namespace.pop("call")  # popped, so that the function does not refer to itself
        assert callable(call)
        return call

    def fits(self, args: Sequence[object], kwargs: Values) -> bool:
        return bool(self.link(_yes, _no)(*args, **kwargs))


def _yes(*args: object, **kwargs: object) -> bool:
    return True


def _no(*args: object, **kwargs: object) -> bool:
    return False


def _miss(*args: object, **kwargs: object) -> object:
    return MISS


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from what is being compiled, all of which is in use: it takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _taken_for_old() -> Iterator[None]:
    """Let the collector take all that is made meanwhile for old: the compiler, once loaded, stays.

    Otherwise its next run would search all of it for garbage, which takes as long as a sixth of a compilation. What is
    young before is searched first, so that no garbage of the user's grows old with it.
    """
    polite = gc.isenabled() and not gc.get_freeze_count()  # what the user has frozen is to stay so
    if polite:
        gc.collect(1)
    with _collector_paused():
        yield
        if polite:
            gc.freeze()
            gc.unfreeze()  # to the oldest generation


class Specialiser:
    """The programs for one function under one transform.

    `call` is the chain of guards: calling it is all that happens when a program fits. It returns MISS if none does;
    then `slow` is to be called. Programs are added under a lock, and `call` is replaced as a whole.
    """

    def __init__(self, target: Callable[..., object], transform: Transform) -> None:
        self.target: Final = target
        self.transform: Final = transform
        self.signature = Signature(target, transform)
        self.call: Callable[..., object] = _miss
        self._known: tuple[Specialisation, ...] = ()
        self._lock: Final = threading.RLock()

    @property
    def last(self) -> Specialisation | None:
        """Return the program that was linked last."""
        known = self._known
        return known[0] if known else None

    def slow(self, *args: object, **kwargs: object) -> object:
        """Call after finding the program for the arguments; raises ArgumentError if they cannot be differentiated."""
        for _ in range(ATTEMPTS):
            chosen, given = self._choose(args, kwargs)
            result = chosen.link(chosen.run, _miss)(*given[0], **given[1])
            if result is not MISS:
                if self._unchecked(chosen):
                    VERIFIERS[0](self.signature, self._values(args, kwargs)[0], result, chosen.nodes)
                    with self._lock:
                        self._publish(chosen)
                return result
        raise AdcompileError(f"the arguments or globals of {self.signature.label} change while it is being compiled")

    def _unchecked(self, chosen: Specialisation) -> bool:
        """Tell whether a program is to be checked at its first call."""
        return self.transform.verify or any(isinstance(n, CustomFunction) and n.unchecked for n in chosen.nodes)

    def check_call(self, args: Sequence[object], kwargs: Values) -> None:
        """Raise ArgumentError if the arguments are not those that the function takes."""
        self.signature.bind(args, kwargs)

    def choose(self, args: Sequence[object], kwargs: Values) -> Specialisation:
        """Return the program for example arguments."""
        return self._choose(args, kwargs)[0]

    def _choose(
        self, args: Sequence[object], kwargs: Values
    ) -> tuple[Specialisation, tuple[list[object], dict[str, object]]]:
        with self._lock:
            if self.signature.stale:
                self.signature = Signature(self.target, self.transform)
                self._known, self.call = (), _miss
            signature = self.signature
            values, tangents = self._values(args, kwargs)
            given = signature.call_arguments(values, tangents)
            chosen = next((s for s in self._known if s.fits(*given)), None) or self._obtain(values, given)
            if not self._unchecked(chosen):  # else once it is checked
                self._publish(chosen)
        return chosen, given

    def _values(self, args: Sequence[object], kwargs: Values) -> tuple[dict[str, object], list[object]]:
        """Return the function's arguments, and the tangents that are given with them."""
        signature = self.signature
        if self.transform.kind != "jvp":
            return signature.bind(args, kwargs), []
        count = self.transform.taken
        values = signature.bind(args[:count], {})
        primals = signature.differentiated(values)
        names = [name if k is None else f"{name}[{k}]" for name, k in signature.wrt]
        tangents = [
            containers.fit(f"the tangent of {name}", tangent, containers.outline(primal), name)
            for name, tangent, primal in zip(names, args[count:], primals, strict=True)
        ]
        return values, tangents

    def _publish(self, chosen: Specialisation) -> None:
        """Put a program first in the chain; an older link of the same program to other objects goes."""
        others = [s for s in self._known if s is not chosen and s.loaded is not chosen.loaded]
        self._known = (chosen, *others)[:KNOWN]
        call: Callable[..., object] = _miss
        for s in reversed(self._known[:CHAIN]):
            call = s.link(s.run, call)
        self.call = call

    # -- finding and making programs

    def _obtain(self, values: dict[str, object], given: tuple[list[object], dict[str, object]]) -> Specialisation:
        name = programs.name_of(self.signature, values)
        if name is not None:
            found = self._load(name, values, given)
            if found is not None:
                return found
        return self._compile(name, values)

    def _load(
        self, name: str, values: dict[str, object], given: tuple[list[object], dict[str, object]]
    ) -> Specialisation | None:
        """Find a program in memory or on disk."""
        function = self.signature.callee.function
        assert function is not None
        for loaded in programs.lookup(name):
            nodes = programs.find_nodes(loaded.program, function, values)
            if nodes is None:
                continue
            chosen = self._link(loaded, nodes, values)
            if chosen.fits(*given):
                programs.keep(name, loaded)
                return chosen
        return None

    def _link(self, loaded: Loaded, nodes: Sequence[object], values: Values) -> Specialisation:
        names = dict(fill(loaded.program.slots, nodes, {**values, **programs.captured(loaded.program, nodes)}))
        names.update(self.signature.header.values)
        return Specialisation(loaded, nodes, names, self.transform, self.signature.label)

    def _compile(self, name: str | None, values: dict[str, object]) -> Specialisation:
        cache.count("misses")
        if "adcompile.dispatch.assembly" not in sys.modules:
            with _taken_for_old():
                from adcompile.dispatch import assembly
        with _collector_paused():
            from adcompile.dispatch import assembly

            made = assembly.assemble(self.signature, values)
        shared = name is not None and made.shareable
        loaded = programs.add(name, made.program) if shared and name is not None else Loaded(made.program)
        return self._link(loaded, made.nodes, values)
