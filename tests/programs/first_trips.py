"""Names that are numbers before a loop and arrays after its first trip."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

W = np.arange(18.0).reshape(6, 3) * 0.1 + 0.05


@program(W)
def number_becomes_an_array_before_a_break(w):
    acc = 0.0
    for r in w:
        acc = np.tanh(acc) * 2 + r + np.sum(acc)
        if acc[0] > 2:
            break
    return acc.sum()


@program(W)
def number_read_by_a_mean_first(w):
    acc = 1.0
    for r in w:
        acc = np.mean(acc) * r
    else:
        acc = acc * 2
    return np.sum(acc)


@program(W)
def numbers_of_nested_loops_become_arrays(w):
    acc = 1.0
    for i in range(len(w)):
        p = 1.0
        for j in range(3):
            p = p * np.cos(w[i]) + np.sum(p)
        acc = acc * 0.1 * p + np.max(acc)
    return np.sum(acc)


@program(W)
def number_of_a_while_loop_becomes_an_array(w):
    s = 0.0
    i = 0
    while i < len(w) and np.sum(s) < 20:
        s = s + w[i] ** 2 * np.sum(np.cos(s))
        i += 1
    return np.sum(s) / i


@program(W)
def number_whose_size_is_asked(w):
    s = 0.0
    for r in w:
        s = s * np.ones(3) + r + np.size(s)
        if s[0] > 30:
            return s[1]
    return s.sum()


@program(W)
def two_numbers_that_become_arrays(w):
    h = 0.0
    c = 0.0
    for i, (a, b) in enumerate(zip(w, w[::-1])):
        c = c * 0.5 + a * np.tanh(h) + np.linalg.norm(c)
        h = np.tanh(c) * b + np.sum(h)
    return h.sum() + c.sum()


@program(W)
def number_in_an_attribute_becomes_an_array(w):
    class A:
        def __init__(s):
            s.t = 1.0

        def add(s, v):
            s.t = s.t * np.cos(v) + np.sum(s.t)

    a = A()
    for r in w:
        a.add(r)
    return np.sum(a.t)


@program(W)
def number_in_a_dict_becomes_an_array(w):
    d = {"t": 1.0}
    for r in w:
        d["t"] = d["t"] * r + np.mean(d["t"])
    return np.sum(d["t"])


@program(W)
def number_summed_before_it_is_an_array(w):
    hs = []
    h = 0.0
    for r in w:
        hs.append(np.sum(h))
        h = np.tanh(h + r)
    return sum(hs) + h.sum()


@program(W)
def numbers_and_arrays_swapped(w):
    a, b = 0.0, 1.0
    for r in w:
        a, b = b, a + b * r
    return np.sum(a) + np.sum(b)


@program(W)
def vector_becomes_a_matrix(w):
    s = np.zeros(3)
    for r in w:
        s = s * 0.5 + np.outer(r, r) + np.sum(s)
    return np.sum(s**2)


@program(W)
def number_in_every_second_trip(w):
    s = 0.0
    for i in range(1, len(w), 2):
        s = s * w[i] + w[i - 1] + np.sum(s)
    return np.sum(s)


@program(W)
def number_changed_by_some_trips(w):
    s = 1.0
    for i, r in enumerate(w):
        if i > 0:
            s = s * 0.9
        s = s * r + np.sum(s)
    return np.sum(s)


@program(W)
def number_combined_with_larger_arrays(w):
    p = 1.0
    s = 0.0
    for r in w:
        s += np.sum(p * np.ones((2, 1))) * r[0]
        p = p * np.cos(r)
    return s + p.sum()


@program(W)
def number_whose_class_is_asked(w):
    p = 1.0
    s = 0.0
    for r in w:
        if isinstance(p, float):
            s += r[1] ** 2
        p = p * np.cos(r)
    return s + p.sum()
