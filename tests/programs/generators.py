"""Generator functions, iterators and what consumes them."""

import contextlib
import itertools

import numpy as np

from tests.programs.registry import program

X = np.array([0.5, 1.2, -0.7, 2.1])


def squares(x):
    for v in x:
        yield v * v


def halving(a):
    v = a
    while True:
        yield v
        v = 0.5 * v + 1.0


def delegating(x):
    yield 1.0
    yield from squares(x)
    yield from (v * 3.0 for v in x)


def flattened(nested):
    for item in nested:
        if isinstance(item, list):
            yield from flattened(item)
        else:
            yield item


def first(x, count):
    for i, v in enumerate(x):
        if i == count:
            return
        yield v * 2.0


class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right

    def __iter__(self):
        if self.left is not None:
            yield from self.left
        yield self.value
        if self.right is not None:
            yield from self.right


@program(X)
def generator_consumers(x):
    items = list(squares(x))
    a, b, c, d = squares(x)
    return sum(squares(x)) * items[0] + max(squares(x)) + a * b + c * d + np.sum(np.array(list(squares(x))) * x)


@program(X)
def generator_with_state_and_jumps(x):
    def running():
        total = 0.0
        for v in x:
            if v > 2.0:
                return
            total += v
            yield total, v

    s = 0.0
    for k, (t, v) in enumerate(running()):
        if v < 0:
            continue
        if k > 5:
            break
        s = s * 0.5 + t * v * (k + 1)
    else:
        s *= 2.0
    return s + sum(first(x, 2))


@program(0.3)
def generator_without_end(a):
    s = 0.0
    for k, v in enumerate(halving(a)):
        if k >= 6:
            break
        s += v * v
    for w, v in zip([1.0, 2.0, 3.0], halving(s), strict=False):
        s += w * v
    return s + sum(itertools.islice(halving(a), 1, 6, 2))


@program(0.3)
def generator_returned_from(a):
    for v in halving(a):
        if v > 1.8:
            return v * a
    return a


@program(X)
def generator_pipeline(x):
    def scaled(items, k):
        for v in items:
            yield k * v

    def shifted(items, b):
        yield from (v + b for v in items if v < 3.0)

    return sum(v * v for v in shifted(scaled(x, x[0]), 1.0)) + sum(delegating(x)) + sum(map(np.sin, squares(x)))


@program(0.7, 1.2)
def generator_recursive(a, b):
    tree = Tree(a, Tree(b), Tree(a * b, None, Tree(2.0)))
    s = sum(v * v for v in flattened([a, [b, [a * b, 2.0]], 1.0]))
    for k, v in enumerate(tree):
        s += (k + 1) * v * v
    return s


@program(X)
def generators_together(x):
    s = 0.0
    for a, b in zip(squares(x), x, strict=False):
        s += a * b
    for a, b in zip(x[:3], squares(x), strict=False):
        s += a * a * b
    return s + sum(a * b for a, b in zip(squares(x), delegating(x), strict=False))


@program(X)
def generator_over_the_names_of_its_maker(x):
    scale = 2.0
    total = 0.0

    def weighted():
        nonlocal total
        for v in x:
            total += scale * v
            yield v * scale

    s = 0.0
    for v in weighted():
        scale = 0.5 * scale + v
        s += v * total
    return s + total


@program(X)
def iterators_are_used_up(x):
    z = zip(x, x, strict=True)
    g = (v * v for v in x)
    m = map(lambda v: v * v, [x[0], x[1]])
    s = sum(p * q for p, q in z) + sum(g) + sum(m)
    return s + sum(g) + sum(m) + sum(100.0 for _ in z)


@program(X)
def iterator_in_parts(x):
    it = iter(x)
    head = next(it)
    s = 0.0
    for v in it:
        s += v * head
    pair = iter([x[0], x[1]])
    return s * next(pair) * next(pair) * next(pair, 2.0) + next(v * v for v in x if v > 1.0)


@program(X)
def iterator_until_it_stops(x):
    it = iter(x)
    s = 0.0
    while True:
        try:
            v = next(it)
        except StopIteration:
            break
        s += v * v
    return s


@program(X)
def generator_expression_begins_at_once(x):
    y = x
    g = (v * v for v in y)
    y = y * 100.0
    return sum(g) + y[0]


@program(X)
def endless_iterators(x):
    s = 0.0
    for k, v in zip(itertools.count(1), x, strict=False):
        s += k * v
    for v, sign in zip(x, itertools.cycle([1.0, -1.0]), strict=False):
        s += v * v * sign
    for v in itertools.takewhile(lambda v: v > 0, itertools.chain(x, squares(x))):
        s += v
    return s + sum(itertools.starmap(lambda a, b: a * b, zip(x, x, strict=True)))


@contextlib.contextmanager
def tolerant(factor):
    try:
        yield factor * 2.0
    except ValueError:
        pass


@contextlib.contextmanager
def replaced(settings, value):
    before = settings["k"]
    settings["k"] = value
    try:
        yield settings
    finally:
        settings["k"] = before


@program(X)
def managers_made_of_generators(x):
    settings = {"k": x[0]}
    s = x[3]
    with replaced(settings, x[1]) as inside, tolerant(1.5) as factor:
        s += inside["k"] * factor
        if x[1] > 0:
            raise ValueError("caught by the manager")
        s *= 100.0
    for i in range(3):
        with tolerant(x[i]) as factor:
            if i == 1:
                continue
            s += factor * settings["k"]
    return s


@program(X)
def returns_out_of_a_manager(x):
    with tolerant(x[0]) as factor:
        for v in x:
            if v < 0:
                return v * factor
    return x[1]


@program(X)
def the_loop_shares_its_iterator(x):
    s = 0.0
    it = iter(x)
    for a in it:
        b = next(it, 1.0)
        s += a * b
    return s


@program(X)
def a_loop_goes_on_where_another_one_broke_off(x):
    s = 0.0
    it = iter(x)
    for a in it:
        s += a * a
        if a > 1.0:
            break
    for a in it:
        s = s * a
    return s


@program(X)
def helpers_share_an_iterator(x):
    def total(it):
        s = 1.0
        for v in it:
            if v < 0.0:
                return s
            s += v * v
        return s

    it = iter(x)
    return total(it) * total(it) + next(it, 2.0)


@program(X)
def the_loop_inside_takes_the_rest(x):
    s = 0.0
    it = iter(x)
    for a in it:
        for b in it:
            s += a * b
    return s


@program(X, refusable=True)
def a_search_leaves_the_rest(x):
    it = iter(x)
    found = any(v > 1.0 for v in it)
    return sum(it) * (2.0 if found else 1.0)


@program(X, refusable=True)
def a_slice_leaves_the_rest(x):
    it = (v * v for v in x)
    s = sum(itertools.islice(it, 2))
    return s * sum(it)


@program(X, refusable=True)
def the_loop_shares_its_generator(x):
    it = (v * v for v in x)
    s = 0.0
    for a in it:
        s += a * next(it, 5.0)
    return s


@program(X)
def slices_of_endless_generators_are_unpacked(x):
    a, b, c = itertools.islice(halving(x[0]), 3)
    return a * b * c + x[1]


def part_of(x, n):
    total = 0.0
    for i in range(n):
        yield x[i]
        total += x[i]
    return total * x[n - 1] if total > 1.0 else total


def whole_of(x):
    one = yield from part_of(x, 2)
    two = yield from part_of(x, len(x))
    nothing = yield from [one, two]
    assert nothing is None
    return one * two


def around_whole(x):
    return (yield from whole_of(x))


@program(np.array([0.3, 1.2, 0.7, 2.2]))
def what_other_generators_return(x):
    def last():
        value = yield from around_whole(x)
        yield value
        for i in range(len(x)):
            more = yield from part_of(x, i + 1)
            value += more * i
        yield value

    items = list(last())
    return sum(v * v for v in items) + items[-1]


@program(np.array([0.3, 1.2, 0.7, 2.2]))
def generators_that_put_back(x):
    y = x * 1.0

    def doubled():
        old = y[0]
        y[0] = 2.0 * x[1]
        try:
            for v in y:
                yield v * v
        finally:
            y[0] = old * x[2]

    s = sum(doubled())
    for v in doubled():
        if v > 1.0:
            break
        s += v
    return s * y[0]


@program(np.array([0.3, 1.2, 0.7, 2.2]))
def a_generator_zipped_with_itself(x):
    def squares():
        for v in x:
            yield v * v

    it = squares()
    return sum(a / b for a, b in zip(it, it))
