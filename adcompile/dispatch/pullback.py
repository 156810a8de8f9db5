"""What `vjp` and `linearize` return beside the value: functions of cotangents and of tangents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from adcompile.dispatch.containers import Outline, fit, outline, promote
from adcompile.dispatch.signature import Transform
from adcompile.errors import ArgumentError

__all__ = ["Linearized", "Pullback", "linearized", "paired"]


class Pullback:
    """The transposed derivative at the arguments of one call of `vjp`; may be called any number of times.

    It holds what the reverse sweep needs, and not the arguments: changing those afterwards does not change it.
    """

    __slots__ = ("_backward", "_dress", "_label", "_like", "_tape")

    def __init__(
        self,
        backward: Callable[..., object],
        tape: object,
        like: Outline,
        label: str,
        dress: Callable[[object], object],
    ) -> None:
        self._backward: Final = backward
        self._tape: Final = tape
        self._like: Final = like
        self._label: Final = label
        self._dress: Final = dress

    def __call__(self, cotangent: object) -> object:
        """Return a tuple with one gradient for each argument of the differentiated function."""
        y_bar = fit("the cotangent", cotangent, self._like, f"the result of {self._label}")
        return self._dress(self._backward(_copied(self._tape), y_bar))

    def __repr__(self) -> str:
        return f"<pullback of {self._label}>"


def _copied(tape: object) -> object:
    """Copy the lists in a tape, at any depth: the reverse sweep takes items off them."""
    if type(tape) is tuple:
        return tuple(map(_copied, tape))
    if type(tape) is list:
        return [_copied(item) if type(item) in (tuple, list) else item for item in tape]
    return tape


def paired(
    functions: Sequence[Callable[..., object]],
    transform: Transform,
    label: str,
    likes: Callable[[tuple[object, ...]], list[Outline]],
    dress: Callable[[object, list[Outline]], object],
) -> Callable[..., object]:
    """Return what runs a forward function and pairs its result with the pullback.

    `likes` tells what the arguments look like, and `dress` gives gradients that form.
    """
    forward, backward = functions

    def run(*args: object, **kwargs: object) -> object:
        forms = likes(args)
        made = forward(*args, **kwargs)
        assert isinstance(made, tuple)
        result, tape = made
        out, *aux = result if transform.has_aux else (result,)
        return out, Pullback(backward, tape, outline(out), label, lambda raw: dress(raw, forms)), *aux

    return run


class Linearized:
    """The derivative of a function at the arguments of one call of `linearize`: a linear function of tangents.

    It holds what the tangents need, and not the arguments: changing those afterwards does not change it.
    """

    __slots__ = ("_label", "_likes", "_push")

    def __init__(self, push: Callable[..., object], primals: Sequence[object], label: str) -> None:
        self._push: Final = push
        self._likes: Final = [outline(promote(f"argument {k} of {label}", p)) for k, p in enumerate(primals)]
        self._label: Final = label

    def __call__(self, *tangents: object) -> object:
        """Return the tangent of the value for one tangent for each argument of the function."""
        if len(tangents) != len(self._likes):
            raise ArgumentError(f"{len(tangents)} tangents for the {len(self._likes)} arguments of {self._label}")
        pairs = enumerate(zip(tangents, self._likes, strict=True))
        return self._push(*(fit(f"tangent {k}", t, like, f"argument {k} of {self._label}") for k, (t, like) in pairs))

    def __repr__(self) -> str:
        return f"<linearization of {self._label}>"


def linearized(
    functions: Sequence[Callable[..., object]], dress: Callable[[object, Outline], object]
) -> Callable[..., object]:
    """Return what runs a function and pairs its result with its derivative along tangents.

    `dress` gives tangents of the result the form of the result.
    """
    forward, push = functions

    def run(*args: object, **kwargs: object) -> object:
        made = forward(*args, **kwargs)
        assert isinstance(made, tuple)
        result, tape = made
        like = outline(result)
        return result, lambda *tangents: dress(push(_copied(tape), *tangents), like)

    return run
