"""Views of a derivative: the evaluation trace, the computational graph, and a report of one function.

This layer stands above the functions that users call and above the checks.
"""

from __future__ import annotations

from adcompile.inspect.explanations import Cut, Explanation, Row, explain
from adcompile.inspect.expressions import ExpressionGraph, Training, graph_from_expressions
from adcompile.inspect.graphs import Graph, graph
from adcompile.inspect.reports import Report, report
from adcompile.inspect.traces import Trace, trace

__all__ = [
    "Cut",
    "Explanation",
    "ExpressionGraph",
    "Graph",
    "Report",
    "Row",
    "Trace",
    "Training",
    "explain",
    "graph",
    "graph_from_expressions",
    "report",
    "trace",
]
