"""What enumerate, zip, map, filter and itertools do with generators, written as generators: see `generators`."""

from __future__ import annotations

from typing import Any  # of any type: they are lowered for what they are called with


def stepped(source: Any) -> Any:
    """What `for` does with an object that has a `__next__`."""
    while True:
        try:
            item = source.__next__()
        except StopIteration:
            return
        yield item


def drawn(source: Any) -> Any:
    """What `for` does with an iterator that is read elsewhere too."""
    while True:
        try:
            item = next(source)
        except StopIteration:
            return
        yield item


def until(function: Any, last: Any) -> Any:
    """iter() of a function, which is called until it returns a value."""
    while True:
        item = function()
        if item == last:
            return
        yield item


def indexed(source: Any) -> Any:
    """What `for` does with an object that has a `__getitem__` and no `__iter__`."""
    k = 0
    while True:
        try:
            item = source[k]
        except IndexError:
            return
        yield item
        k += 1


def enumerated(items: Any, start: Any = 0) -> Any:
    k = start
    for item in items:
        yield k, item
        k += 1


def zipped(source: Any, others: Any, place: Any) -> Any:
    """Yield tuples of an item of a generator, at a place, among the items of others, of which the number is known."""
    k = 0
    if place > 0 and k >= len(others):
        return
    for item in source:
        if place == 0 and k >= len(others):
            return
        around = others[k]
        yield (*around[:place], item, *around[place:])
        k += 1
        if place > 0 and k >= len(others):
            return


def alone(source: Any) -> Any:
    for item in source:
        yield (item,)


def mapped(function: Any, items: Any) -> Any:
    for item in items:
        yield function(item)


def starred(function: Any, items: Any) -> Any:
    for item in items:
        yield function(*item)


def filtered(test: Any, items: Any) -> Any:
    for item in items:
        if item if test is None else test(item):
            yield item


def filtered_out(test: Any, items: Any) -> Any:
    for item in items:
        if not (item if test is None else test(item)):
            yield item


def chained(*sources: Any) -> Any:
    for source in sources:
        yield from source


def chained_all(sources: Any) -> Any:
    for source in sources:
        yield from source


def taken_while(test: Any, items: Any) -> Any:
    for item in items:
        if not test(item):
            return
        yield item


def dropped_while(test: Any, items: Any) -> Any:
    dropping = True
    for item in items:
        if dropping:
            dropping = test(item)
        if not dropping:
            yield item


def sliced(items: Any, start: Any, stop: Any, step: Any) -> Any:
    k = 0
    wanted = start
    if stop is not None and stop <= 0:
        return
    for item in items:
        if k == wanted:
            yield item
            wanted += step
        k += 1
        if stop is not None and k >= stop:
            return


def first(items: Any, stop: Any) -> Any:
    """The first items, as itertools.islice gives them."""
    return sliced(items, 0, stop, 1)


def between(items: Any, start: Any, stop: Any, step: Any = None) -> Any:
    return sliced(items, 0 if start is None else start, stop, 1 if step is None else step)


def neighbours(items: Any) -> Any:
    begun = False
    for item in items:
        if begun:
            yield before, item  # type: ignore[has-type]  # noqa: F821  # assigned on the trip before
        before, begun = item, True  # noqa: F841  # read on the next trip


def totals(items: Any, function: Any) -> Any:
    begun = False
    for item in items:
        if begun:
            total = function(total, item)  # type: ignore[has-type]  # noqa: F821  # assigned on the trip before
        else:
            total, begun = item, True
        yield total


def sums(items: Any) -> Any:
    return totals(items, lambda a, b: a + b)


def totals_from(items: Any, function: Any, initial: Any) -> Any:
    total = initial
    yield total
    for item in items:
        total = function(total, item)
        yield total


def grouped(iterable: Any, key: Any = None) -> Any:
    """What itertools.groupby yields, with lists of the groups."""
    begun = False
    for item in iterable:
        wanted = item if key is None else key(item)
        if begun and wanted == present:  # type: ignore[has-type]  # noqa: F821  # assigned on the trip before
            group.append(item)  # type: ignore[has-type]  # noqa: F821  # likewise
        else:
            if begun:
                yield present, list(group)  # type: ignore[has-type]  # noqa: F821  # likewise
            present, group, begun = wanted, [item], True
    if begun:
        yield present, group


def zipped_longest(first: Any, second: Any, fillvalue: Any) -> Any:
    for k in range(max(len(first), len(second))):
        a = first[k] if k < len(first) else fillvalue
        b = second[k] if k < len(second) else fillvalue
        yield a, b


def products(first: Any, second: Any) -> Any:
    for a in first:
        for b in second:
            yield a, b


def pairs(items: Any) -> Any:
    """The combinations of two items."""
    for i in range(len(items)):
        for j in range(i + 1, len(items)):
            yield items[i], items[j]


def ordered_pairs(items: Any) -> Any:
    """The permutations of two items."""
    for i in range(len(items)):
        for j in range(len(items)):
            if i != j:
                yield items[i], items[j]


def selected(items: Any, selectors: Any) -> Any:
    for item, selector in zip(items, selectors):  # noqa: B905  # the shorter one ends it, as in itertools
        if selector:
            yield item


def counted(start: Any = 0, step: Any = 1) -> Any:
    k = start
    while True:
        yield k
        k += step


def repeated(value: Any, times: Any) -> Any:
    for _ in range(times):
        yield value


def repeated_always(value: Any) -> Any:
    while True:
        yield value


def cycled(items: Any) -> Any:
    while len(items) > 0:
        yield from items
