"""Medians and quantiles: their methods, probabilities known at run time, several axes, entries that are no numbers."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

V = np.array([0.5, -1.2, 2.0, 0.3, 1.1])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]]) + np.arange(4.0) / 16
GAPS = np.array([[False, True, False, False], [True, False, True, False], [False, False, False, False]])


@program(V, 0.9, wrt=(0,))
@program(V, 0.63)
def value_at_risk(x, level):
    threshold = np.quantile(x, level)
    return threshold**2 + np.percentile(x, 100 * level) * np.mean(np.maximum(x - threshold, 0.0))


@program(M)
def methods_of_quantiles(x):
    a = np.quantile(x, 0.37, method="hazen") + np.quantile(x, [0.2, 0.66], axis=1, method="weibull")[1, 0] ** 2
    b = np.percentile(x, 41.0, axis=0, method="nearest") * np.percentile(x, 41.0, axis=0, method="midpoint")
    c = np.quantile(x, 0.3, axis=(0, 1), method="median_unbiased") * np.quantile(x, 0.9, method="lower")
    return a + np.sum(b * x[0]) + c


@program(M, np.array([0.21, 0.77]))
def several_probabilities(x, q):
    return np.sum(np.quantile(x, q, axis=1) ** 2 * x[:, 0]) + np.sum(np.quantile(x, q, keepdims=True) ** 3)


@program(M)
def quantiles_without_nan(x):
    y = np.where(GAPS, np.nan, x)
    a = np.nanmedian(y, axis=1) * np.nanquantile(y, 0.3, axis=1) + np.nanmedian(y) ** 2
    b = np.nanpercentile(y, [10.0, 45.0], axis=0, keepdims=True)
    return np.sum(a) + np.sum(b**2) + np.nanmedian(y, axis=(0, 1)) ** 3
