"""What Python does with iterables and lists whose length is known only at run time, written in Python.

These run on abstract values, as a user's own helper functions do: see `calls.in_python`.
"""

from __future__ import annotations

import math
from typing import Any  # of any type: they are lowered for what they are called with

import numpy as np


def max_by(items: Any, key: Any) -> Any:
    first = True
    for item in items:
        value = key(item)
        if first or value > best_value:  # type: ignore[has-type]  # noqa: F821  # assigned with `first`
            best, best_value, first = item, value, False  # noqa: F841  # read on the next trip
    if first:
        raise ValueError("max() arg is an empty sequence")
    return best


def max_of(items: Any) -> Any:
    first = True
    for item in items:
        if first or item > best:  # type: ignore[has-type]  # noqa: F821  # assigned with `first`
            best, first = item, False
    if first:
        raise ValueError("max() arg is an empty sequence")
    return best


def min_of(items: Any) -> Any:
    first = True
    for item in items:
        if first or item < best:  # type: ignore[has-type]  # noqa: F821  # assigned with `first`
            best, first = item, False
    if first:
        raise ValueError("min() arg is an empty sequence")
    return best


def min_by(items: Any, key: Any) -> Any:
    first = True
    for item in items:
        value = key(item)
        if first or value < best_value:  # type: ignore[has-type]  # noqa: F821  # assigned with `first`
            best, best_value, first = item, value, False  # noqa: F841  # read on the next trip
    if first:
        raise ValueError("min() arg is an empty sequence")
    return best


def reduced(function: Any, items: Any, value: Any) -> Any:
    for item in items:
        value = function(value, item)
    return value


def reduced_from_first(function: Any, items: Any) -> Any:
    first = True
    for item in items:
        if first:
            value, first = item, False
        else:
            value = function(value, item)
    if first:
        raise TypeError("reduce() of empty iterable with no initial value")
    return value


def accumulated(items: Any, function: Any) -> Any:
    out = []
    first = True
    for item in items:
        if first:
            total, first = item, False
        else:
            total = function(total, item)
        out.append(total)
    return out


def keys_of(items: Any, key: Any) -> Any:
    return [key(item) for item in items]


def sorted_by(items: Any, found: Any, reverse: Any) -> Any:
    keys = np.array(found)
    order = np.argsort(-keys if reverse else keys, kind="stable")
    return arranged(items, order)


def arranged(items: Any, order: Any) -> Any:
    return [items[k] for k in order]


def same(value: Any) -> Any:
    return value


def cached(function: Any) -> Any:
    """What functools.cache makes of a function."""
    memo: Any = {}

    def wrapper(*args: Any) -> Any:
        if args not in memo:
            memo[args] = function(*args)
        return memo[args]

    return wrapper


def others(held: Any, keys: Any) -> Any:
    """What a pattern with `**` leaves of a dict."""
    return {key: held[key] for key in held if key not in keys}


def first_of(items: Any) -> Any:
    found = False
    for item in items:
        value, found = item, True
        break
    if not found:
        raise StopIteration
    return value


def first_or(items: Any, default: Any) -> Any:
    value = default
    for item in items:
        value = item
        break
    return value


def item_at(items: Any, k: Any) -> Any:
    if k >= len(items):
        raise StopIteration
    return items[k]


def item_or(items: Any, k: Any, default: Any) -> Any:
    if k >= len(items):
        return default
    return items[k]


def require_key(there: Any) -> None:
    if not there:
        raise KeyError("no such key in the dict")


def require_position(there: Any) -> None:
    if not there:
        raise IndexError("list index out of range")


def check_count(n: Any, wanted: Any) -> None:
    """What unpacking into names tests."""
    if n != wanted:
        raise ValueError("another number of values than names to unpack them into")


def extend(items: Any, more: Any) -> None:
    for item in more:
        items.append(item)


def listed(source: Any) -> Any:
    out = []
    for item in source:
        out.append(item)
    return out


def kept(source: Any, test: Any = bool) -> Any:
    return [item for item in source if test(item)]


def any_(source: Any) -> bool:
    for item in source:
        if item:
            return True
    return False


def all_(source: Any) -> bool:
    for item in source:
        if not item:
            return False
    return True


def place(items: Any, index: Any) -> Any:
    """Where an item goes that is inserted at an index."""
    if index < 0:
        index = max(index + len(items), 0)
    return min(index, len(items))


def without(items: Any, places: Any) -> Any:
    """The items at other places."""
    stay = [True] * len(items)
    for k in places:
        stay[k] = False
    return [item for k, item in enumerate(items) if stay[k]]


def positions(items: Any, lo: Any, hi: Any, step: Any) -> Any:
    return range(len(items))[lo:hi:step]


def store_each(items: Any, places: Any, values: Any) -> None:
    for place, value in zip(places, values):  # noqa: B905  # Python refuses other lengths
        items[place] = value


def concatenate(parts: Any) -> Any:
    """np.concatenate of a list of arrays, along their first axis."""
    total = 0
    for part in parts:
        total += len(part)
    out = np.empty((total, *parts[0].shape[1:]), dtype=parts[0].dtype)
    start = 0
    for part in parts:
        out[start : start + len(part)] = part
        start += len(part)
    return out


def concatenate_along(parts: Any, axis: Any) -> Any:
    """np.concatenate of a list of arrays, along another axis."""
    total = 0
    for part in parts:
        total += part.shape[axis]
    shape = parts[0].shape
    out = np.empty((*shape[:axis], total, *shape[axis + 1 :]), dtype=parts[0].dtype)
    moved = np.moveaxis(out, axis, 0)
    start = 0
    for part in parts:
        moved[start : start + part.shape[axis]] = np.moveaxis(part, axis, 0)
        start += part.shape[axis]
    return out


def stack_along(parts: Any, axis: Any) -> Any:
    """np.stack of a list of arrays, along another axis than the first."""
    return np.ascontiguousarray(np.moveaxis(np.array(parts), 0, axis))


def between(values: Any, before: Any, after: Any) -> Any:
    """What a starred name is assigned, between names before and after it."""
    if len(values) < before + after:
        raise ValueError("fewer values than names to unpack them into")
    return list(values[before : len(values) - after])


def item(values: Any, k: Any) -> Any:
    return values[k]


def position(items: Any, value: Any) -> Any:
    """What list.index finds."""
    for k in range(len(items)):
        if items[k] == value:
            return k
    raise ValueError("the item is not in the list")


def times(items: Any, value: Any) -> Any:
    """What list.count counts."""
    if value != value:  # which Python counts if it is the same object
        raise ValueError("NaN cannot be counted")
    found = 0
    for item in items:
        if item == value:
            found += 1
    return found


def of_one_type(value: Any) -> Any:
    """Return a value of which the compiler makes sure that it is always of one type of NumPy."""
    raise AssertionError("known to the compiler alone")


def along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """What np.apply_along_axis does with an array of one to three axes."""
    arr = np.asarray(arr)
    axis = axis % arr.ndim
    last = np.moveaxis(arr, axis, -1)
    if arr.ndim == 1:
        return np.asarray(of_one_type(func1d(arr, *args, **kwargs)))
    if arr.ndim == 2:
        found = np.array([of_one_type(func1d(row, *args, **kwargs)) for row in last])
    else:
        found = np.array([[of_one_type(func1d(row, *args, **kwargs)) for row in rows] for rows in last])
    more = found.ndim - arr.ndim + 1
    if more == 0:
        return found
    return np.moveaxis(found, tuple(range(-more, 0)), tuple(range(axis, axis + more)))


def vectorized(function: Any, otypes: Any, excluded: Any, *arrays: Any) -> Any:
    """What np.vectorize makes of a function."""
    raise AssertionError("known to the compiler alone")


def first_element(function: Any, *arrays: Any) -> Any:
    return function(*[np.ravel(np.asarray(a))[0].item() for a in arrays])


def over_elements(function: Any, dtypes: Any, said: Any, *args: Any) -> Any:
    """Call a function with each element of arrays that are broadcast; `said`: the types of its results were given."""
    given = [np.asarray(a) for a in args]
    arrays = np.broadcast_arrays(*given) if len(given) > 1 else given
    flat = [a if a.ndim == 1 else np.ravel(a) for a in arrays]
    n = len(flat[0])
    if not said and n == 0:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    outs = [np.empty(n, dtype) for dtype in dtypes]
    for k in range(n):
        found = function(*[a[k].item() for a in flat])
        if len(dtypes) == 1:
            outs[0][k] = found
        else:
            for out, value in zip(outs, found, strict=True):
                out[k] = value
    if arrays[0].ndim != 1:
        outs = [np.reshape(out, arrays[0].shape) for out in outs]
    return outs[0] if len(dtypes) == 1 else tuple(outs)


def over_parts(function: Any, signature: Any, *args: Any) -> Any:
    """Call a function with parts of arrays, whose axes the signature of np.vectorize names."""
    ranks = [
        len(part.split(",")) if part else 0 for part in signature.split("->")[0].replace(" ", "")[1:-1].split("),(")
    ]
    arrays = [np.asarray(a) for a in args]
    lead = np.broadcast_shapes(*[a.shape[: a.ndim - r] for a, r in zip(arrays, ranks, strict=True)])
    whole = [np.broadcast_to(a, lead + a.shape[a.ndim - r :]) for a, r in zip(arrays, ranks, strict=True)]
    if len(lead) == 0:
        return np.asarray(of_one_type(function(*whole)))
    rows = [a if len(lead) == 1 else np.reshape(a, (-1, *a.shape[len(lead) :])) for a in whole]
    found = np.array([of_one_type(function(*[a[k] for a in rows])) for k in range(len(rows[0]))])
    return found if len(lead) == 1 else np.reshape(found, lead + found.shape[1:])


def over_axes(func: Any, a: Any, axes: Any) -> Any:
    """What np.apply_over_axes does: a function that drops an axis is followed by putting it back."""
    value = np.asarray(a)
    for axis in axes if isinstance(axes, tuple | list) else (axes,):
        axis = axis % np.ndim(a)
        found = func(value, axis)
        value = found if found.ndim == value.ndim else np.expand_dims(found, axis)
    return value


def geometric_mean(data: Any) -> Any:
    """What statistics.geometric_mean computes."""
    logarithms = [math.log(x) for x in data]
    if not logarithms:
        raise ValueError("geometric mean requires a non-empty dataset containing positive numbers")
    return math.exp(math.fsum(logarithms) / len(logarithms))


def product(items: Any, start: Any = 1) -> Any:
    """What math.prod computes."""
    total = start
    for item in items:
        total = total * item
    return total


def any_equal(items: Any, value: Any) -> Any:
    """What ``value in items`` tells."""
    for item in items:
        if item == value:
            return True
    return False


# -- the operator module


def item_of(a: Any, b: Any) -> Any:
    return a[b]


def store_item(a: Any, b: Any, c: Any) -> None:
    a[b] = c


def delete_item(a: Any, b: Any) -> None:
    del a[b]


def contained(a: Any, b: Any) -> Any:
    return b in a


def negation(a: Any) -> Any:
    return not a


def truth(a: Any) -> Any:
    return True if a else False


def is_same(a: Any, b: Any) -> Any:
    return a is b


def is_other(a: Any, b: Any) -> Any:
    return a is not b


def absolute(a: Any) -> Any:
    return abs(a)


def positive(a: Any) -> Any:
    return +a


def joined(a: Any, b: Any) -> Any:
    return a + b


def add_to(a: Any, b: Any) -> Any:
    a += b
    return a


def subtract_from(a: Any, b: Any) -> Any:
    a -= b
    return a


def multiply_by(a: Any, b: Any) -> Any:
    a *= b
    return a


def divide_by(a: Any, b: Any) -> Any:
    a /= b
    return a
