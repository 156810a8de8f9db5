"""The type of what the layers compute with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array"]

# Any: single or double precision, as the user's arrays have it; a loss is an array without axes
Array = NDArray[np.floating[Any]] | Any
