"""Arrays in lists that are stored to: what is emitted, what is refused and where."""

from __future__ import annotations

import bisect

import numpy as np
import pytest

from adcompile import CompileError, grad


def test_a_store_to_a_part_of_an_array_in_a_list_copies_nothing():
    def f(x):
        rows = []
        for i in range(len(x)):
            rows.append(x * i)
        for i in range(len(x)):
            for j in range(len(x)):
                rows[i][j] *= np.sin(x[j])
        return sum(np.sum(r) for r in rows)

    source = grad(f).source_for(np.ones(300))
    assert ".copy()" not in source
    assert "_bar[v" in source
    assert "[j] = " in source


def test_what_several_read_before_a_store_is_read_once():
    def f(x):
        rows = [x * i for i in range(len(x))]
        for r in rows:
            r *= np.sin(r)
        return sum(np.sum(r) for r in rows)

    source = grad(f).source_for(np.ones(300))
    assert source.count(".copy()") == 1  # of the array that the reverse sweep needs as it was
    assert "+= 1.0" not in source


def test_views_of_an_array_in_a_list_that_are_stored_to_are_refused():
    def f(x):
        a = np.outer(x, x)
        rows = list(a)
        for r in rows:
            r *= x[0]
        return np.sum(a)

    with pytest.raises(CompileError, match="may also change what the loop goes through") as caught:
        grad(f)(np.ones(300))
    assert caught.value.line == f.__code__.co_firstlineno + 4
    assert caught.value.column == 13
    assert "copy" in (caught.value.help or "")


def test_arrays_without_axes_are_refused_where_a_list_grows():
    def f(x, n):
        rows = []
        for i in range(n):
            rows.append(np.array(x[i]))
        for r in rows:
            r *= 2
        return sum(rows)

    with pytest.raises(CompileError) as caught:
        grad(f)(np.ones(300), 300)
    assert caught.value.line == f.__code__.co_firstlineno + 2
    assert "x[()]" in (caught.value.help or "")


class Link:
    def __init__(self, v, nxt=None):
        self.v = v
        self.next = nxt


def test_nodes_that_refer_to_nodes_are_not_passed_to_recursive_functions():
    def total(node):
        return 0.0 if node is None else node.v + total(node.next)

    def f(x):
        head = Link(x[0])
        for k in range(len(x)):
            node = Link(x[k])
            node.next = head
            head = node
        return total(head)

    with pytest.raises(CompileError, match="recursive") as caught:
        grad(f)(np.ones(300))
    assert caught.value.line is not None


def test_sets_whose_elements_a_run_decides_are_not_gone_through():
    def f(x):
        chosen = set()
        for i in range(len(x)):
            if x[i] > 0:
                chosen.add(i)
        return sum(x[i] for i in chosen)

    with pytest.raises(CompileError, match="so is their order") as caught:
        grad(f)(np.ones(5))
    assert caught.value.line == f.__code__.co_firstlineno + 5


def test_keywords_of_insort_are_not_passed_over():
    def f(x):
        found = []
        for v in x:
            bisect.insort(found, v, key=lambda item: -item)
        return found[0]

    with pytest.raises(CompileError, match="key") as caught:
        grad(f)(np.ones(5))
    assert caught.value.line == f.__code__.co_firstlineno + 3
