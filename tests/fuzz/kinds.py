"""The kinds of random programs, each with what it is differentiated at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tests.fuzz import language, states, stores, views, whole


@dataclass(frozen=True)
class Kind:
    """Programs ``f(x, **others)`` as text, written from a seed, and their arguments."""

    write: Callable[[int], str]
    x: np.ndarray
    others: Mapping[str, object] = field(default_factory=lambda: {"n": 3})


KINDS = {
    "stores": Kind(stores.write, np.array(stores.X)),
    "language": Kind(language.write, np.array(stores.X)),
    "whole": Kind(whole.write, np.array(stores.X), whole.OTHERS),
    "states": Kind(states.write, np.array(stores.X), whole.OTHERS),
    "views": Kind(views.write, views.X),
}
