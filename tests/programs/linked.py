"""Objects that refer to others like themselves, as many as a run makes: linked lists and trees."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])


class Twig:
    def __init__(self, v):
        self.v = v
        self.l = None
        self.r = None


class Link:
    def __init__(self, v, nxt=None):
        self.v = v
        self.next = nxt


@program(X)
def nodes_appended_at_the_tail(x):
    head = Link(x[0])
    tail = head
    for v in x[1:]:
        tail.next = Link(v)
        tail = tail.next
    s = 0.0
    n = head
    while n:
        s = s * 0.5 + n.v
        n.v = 0.0
        n = n.next
    return s


@program(X)
def nodes_after_a_first_one_that_holds_nothing(x):
    head = Link(0.0)
    tail = head
    for v in x:
        tail.next = Link(v)
        tail = tail.next
    s = 0.0
    n = head.next
    while n is not None:
        s = s * 0.5 + n.v
        n = n.next
    return s


@program(X)
def nodes_put_before_the_head(x):
    head = None
    for v in x:
        head = Link(v, head)
    s = 0.0
    n = head
    while n is not None:
        s = s * 0.5 + n.v
        n = n.next
    return s


@program(X)
def linked_list_reversed(x):
    head = None
    for v in x:
        head = Link(v, head)
    prev = None
    cur = head
    while cur is not None:
        nxt = cur.next
        cur.next = prev
        prev = cur
        cur = nxt
    s = 0.0
    n = prev
    k = 1
    while n is not None:
        s += n.v * k
        k += 1
        n = n.next
    return s


@program(X)
def search_tree_of_nodes(x):
    root = Twig(x[0])
    for v in x[1:]:
        n = root
        while True:
            if v < n.v:
                if n.l is None:
                    n.l = Twig(v)
                    break
                n = n.l
            else:
                if n.r is None:
                    n.r = Twig(v)
                    break
                n = n.r
    st = [(root, 1)]
    s = 0.0
    while st:
        n, d = st.pop()
        s += n.v * d
        if n.l is not None:
            st.append((n.l, d + 1))
        if n.r is not None:
            st.append((n.r, d + 1))
    return s


@program(X)
def stack_of_nodes(x):
    class Stack:
        def __init__(s):
            s.head = None
            s.n = 0

        def push(s, v):
            s.head = Link(v, s.head)
            s.n += 1

        def pop(s):
            v = s.head.v
            s.head = s.head.next
            s.n -= 1
            return v

    st = Stack()
    for v in x:
        st.push(v * 2)
    a = st.pop()
    b = st.pop()
    return a * b + st.n * st.pop()


@program(X)
def nodes_with_parents(x):
    nodes = []
    for i, v in enumerate(x):
        n = Link(v)
        if i > 0:
            n.next = nodes[(i - 1) // 2]
        nodes.append(n)
    s = 0.0
    for n in nodes:
        d = n
        while d.next is not None:
            d = d.next
            s += n.v * d.v
    return s


@program(X)
def nodes_that_are_dicts(x):
    head = None
    for v in x:
        head = {"v": v, "next": head}
    s = 0.0
    while head is not None:
        s = s * 0.5 + head["v"]
        head = head["next"]
    return s
