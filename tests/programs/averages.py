"""The statistics module and the sums, products and distances of math."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np

from tests.programs.registry import program

X = np.array([0.3, 1.2, 0.7, 2.2])
L = [0.3, 1.2, 0.7, 2.2]


@program(X)
@program(L)
def averages_of_all_kinds(x: Any) -> Any:
    centre = statistics.mean(x) * statistics.fmean(x) + statistics.median(x)
    return centre * statistics.harmonic_mean(x) * statistics.geometric_mean(x)


@program(X)
@program(L)
def spreads_about_means_and_other_centres(x: Any) -> Any:
    m = statistics.mean(x)
    about = statistics.variance(x, m) + statistics.pvariance(x, mu=x[0])
    return about * statistics.pvariance(x) * statistics.stdev(x) + statistics.pstdev(x) * statistics.variance(x)


@program(L)
def standard_scores(x: Any) -> Any:
    m, s = statistics.fmean(x), statistics.stdev(x)
    return [(v - m) / s for v in x]


@program(X)
def averages_of_generators_and_parts(x: Any) -> Any:
    rolling = sum(statistics.fmean(x[i : i + 2]) ** 2 for i in range(len(x) - 1))
    return rolling + statistics.mean(v * v for v in x) * statistics.fmean(map(math.sin, x))


@program(X, X**2)
@program(L, [1.0, 2.5, 2.0, 4.0])
def lines_through_points(x: Any, y: Any) -> Any:
    slope, intercept = statistics.linear_regression(x, y)
    return slope * intercept + statistics.covariance(x, y) * statistics.correlation(x, y)


@program(X)
def quantiles_and_middles(x: Any) -> Any:
    quarters = statistics.quantiles(x)
    thirds = statistics.quantiles(x, n=3, method="inclusive")
    return quarters[0] * quarters[2] + thirds[1] + statistics.median_low(x) * statistics.median_high(x)


@program(X)
def averages_of_what_is_known(x: Any) -> Any:
    return (
        statistics.mean([1, 2, 3, 4]) * x[0] + statistics.stdev([1.0, 2.0, 4.0]) * x[1] + statistics.median([3, 1, 2])
    )


@program(X, 0.5)
def distances_of_points(x: Any, y: Any) -> Any:
    return math.dist(x, x * x) * math.dist((y, y * y), (1.0, 2.0)) + math.dist([y], [y])


@program(X)
@program(L)
def products_of_all_items(x: Any) -> Any:
    return math.prod(x) + math.prod([v for v in x if v > 0.5], start=x[0]) * math.prod(v * v for v in x)


@program(3.7)
@program(-0.2)
def parts_of_numbers(x: Any) -> Any:
    fraction, whole = math.modf(x * x)
    mantissa, exponent = math.frexp(x)
    return fraction * x + whole + mantissa * exponent * x
