"""Blocks of code for the reverse sweep: ``with adjoint_of(y) as y_bar:``."""

from __future__ import annotations

import sys
import types
from typing import Any, Final

__all__ = ["adjoint_of"]


class _Skip(BaseException):
    """Leaves the block of a `with` before its first statement."""


class adjoint_of:  # a context manager is named like a function
    """Run a block in the reverse sweep, where the adjoint of a value is complete.

    The block may read the adjoint, print it, change it in place or assign another one to its name; it may read other
    variables of the function, and what it assigns to names is not seen outside of it. In a loop it runs once a trip,
    in reverse order. Called plainly, and in forward mode, the function skips the block.

    The value must have been computed in the same block of statements (the same loop body or branch) as this one.

    >>> import numpy as np
    >>> from adcompile import adjoint_of, grad
    >>> def f(x):
    ...     y = x**2
    ...     with adjoint_of(y) as y_bar:
    ...         y_bar = np.clip(y_bar, -1.0, 1.0)
    ...     return 10.0 * y
    >>> f(3.0), float(grad(f)(3.0))
    (90.0, 6.0)
    """

    def __init__(self, value: object) -> None:
        self._old: Any = None  # Any: trace functions are what they are
        self._frame: Final = sys._getframe(1)

    def __enter__(self) -> Any:  # Any: the block takes it for the adjoint
        """Let the frame of the `with` raise before the first statement of the block."""
        frame = self._frame
        self._old, self._local = sys.gettrace(), frame.f_trace
        self._opcodes = frame.f_trace_opcodes
        frame.f_trace_opcodes = True
        frame.f_trace = _leave
        sys.settrace(_ignore)
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> bool:
        frame = self._frame
        sys.settrace(self._old)
        frame.f_trace, frame.f_trace_opcodes = self._local, self._opcodes
        return kind is _Skip


def _ignore(frame: types.FrameType, event: str, arg: object) -> None:
    return None


def _leave(frame: types.FrameType, event: str, arg: object) -> Any:
    if event in ("line", "opcode"):
        raise _Skip
    return _leave
