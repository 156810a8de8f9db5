"""The kinds of random programs, each with what it is differentiated at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.fuzz import language, stores, views, whole


@dataclass(frozen=True)
class Kind:
    """Programs ``f(x, n)`` as text, written from a seed, and their first argument."""

    write: Callable[[int], str]
    x: np.ndarray


KINDS = {
    "stores": Kind(stores.write, np.array(stores.X)),
    "language": Kind(language.write, np.array(stores.X)),
    "whole": Kind(whole.write, np.array(stores.X)),
    "views": Kind(views.write, views.X),
}
