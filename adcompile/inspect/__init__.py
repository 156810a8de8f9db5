"""Views of a derivative: the evaluation trace, the computational graph, and a report of one function.

This layer stands above the functions that users call and above the checks.
"""

from __future__ import annotations

from adcompile.inspect.traces import Trace, trace

__all__ = ["Trace", "trace"]
