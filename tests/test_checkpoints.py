"""Loops that keep few of their states: the schedules, what is kept, and what is refused."""

from __future__ import annotations

import functools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import ArgumentError, CompileError, checkpoint, checkpointed, from_source, grad, value_and_grad, vjp
from adcompile.rules import revolve


@functools.cache
def fewest(trips: int, slots: int) -> int:
    """The least number of trips that run again, by trying every place of the next state."""
    if trips < 2:
        return 0
    if slots == 1:
        return trips * (trips - 1) // 2
    return min(m + fewest(trips - m, slots - 1) + fewest(m, slots) for m in range(1, trips))


@pytest.mark.parametrize("slots", range(1, 8))
def test_the_schedule_is_optimal(slots: int) -> None:
    for trips in range(1, 60):
        assert revolve.trips_again(trips, slots) == fewest(trips, slots)
        if trips > 1 and slots > 1:
            m = revolve.next_kept(trips, slots)
            assert 0 < m < trips
            assert m + fewest(trips - m, slots - 1) + fewest(m, slots) == fewest(trips, slots)


class Loop:
    """A loop whose state is the sum of the indices; counts how often each trip runs."""

    def __init__(self, trips: int) -> None:
        self.runs, self.reversed = [0] * trips, list[int]()

    def step(self, k: int, total: int) -> tuple[int]:
        self.runs[k] += 1
        return (total + k + 1,)

    def go_on(self, total: int) -> bool:
        return total < sum(range(len(self.runs) + 1))

    def adjoint(self, k: int, total: int, bar: int) -> tuple[int]:
        assert total == sum(range(k + 1))
        self.reversed.append(k)
        return (bar + 1,)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("slots", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("trips", [0, 1, 2, 3, 10, 100, 1000])
def test_every_trip_is_reversed_once_within_the_bound(trips: int, slots: int, online: bool) -> None:
    loop = Loop(trips)
    if online:
        state, tape = revolve.run_online(loop.step, loop.go_on, None, (0,), (), slots)
    else:
        state, tape = revolve.run_checkpointed(loop.step, range(trips), (0,), (), slots)
    assert state == (sum(range(trips + 1)),)
    assert len(tape[2]) <= slots
    assert loop.runs == [1] * trips
    for number in range(1, 3):
        copied = (*tape[:2], list(tape[2]), *tape[3:])  # as a pullback does before each call
        assert revolve.reverse_checkpointed(loop.step, loop.adjoint, copied, (0,)) == (trips,)
        assert loop.reversed == list(range(trips))[::-1] * number
    again = (sum(loop.runs) - trips) / 2
    bound = revolve.trips_again(trips, slots)
    assert again <= bound * (1.25 if online else 1)  # the forward sweep, which comes first, is not counted
    if trips and not online:
        assert (max(loop.runs) - 1) / 2 <= revolve.repetitions(trips, slots)


def heat(u: np.ndarray, c: float, n: int, slots: int) -> Any:
    for _ in checkpointed(range(n), slots=slots):
        u[1:-1] += c * (u[2:] - 2.0 * u[1:-1] + u[:-2]) * u[1:-1]
    return np.sum(u**2)


def heat_plain(u: np.ndarray, c: float, n: int) -> Any:
    for _ in range(n):
        u[1:-1] += c * (u[2:] - 2.0 * u[1:-1] + u[:-2]) * u[1:-1]
    return np.sum(u**2)


def peak(f: Callable[[], object]) -> int:
    f()
    tracemalloc.start()
    f()
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used


def test_memory_and_value_are_as_promised() -> None:
    u = np.random.default_rng(0).uniform(0.5, 1.5, 20_000)
    plain = value_and_grad(heat_plain, argnums=(0, 1))
    saving = value_and_grad(functools.partial(heat, slots=5), argnums=(0, 1))
    value, (u_bar, c_bar) = plain(u, 0.01, 60)
    got, (got_u, got_c) = saving(u, 0.01, 60)
    assert got == value == heat_plain(u.copy(), 0.01, 60)
    np.testing.assert_allclose(got_u, u_bar, rtol=1e-12)
    np.testing.assert_allclose(got_c, c_bar, rtol=1e-10)
    assert peak(lambda: saving(u, 0.01, 60)) < (5 + 12) * u.nbytes
    assert peak(lambda: plain(u, 0.01, 60)) > 60 * u.nbytes


def test_a_pullback_may_be_called_again() -> None:
    _, pullback = vjp(lambda u, c: heat(u, c, 12, 3), np.linspace(0.5, 1.5, 7), 0.05)
    first, second = pullback(1.0), pullback(2.0)
    np.testing.assert_allclose(second[0], 2.0 * first[0], rtol=1e-13)
    np.testing.assert_allclose(second[1], 2.0 * first[1], rtol=1e-13)


def test_what_is_printed_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: float) -> Any:
        for i in checkpointed(range(6), slots=2):
            x = np.sin(x)
            if i % 4 == 0:
                print("trip", i)
        return shout(x)

    @checkpoint
    def shout(x: float) -> Any:
        print("called")
        return x * x

    grad(f)(0.7)
    assert capsys.readouterr().out == "trip 0\ntrip 4\ncalled\n"


def test_called_plainly_they_do_nothing() -> None:
    assert list(checkpointed(range(3), slots=2)) == [0, 1, 2]
    assert checkpointed(False, slots=1) is False
    double = checkpoint(lambda x: 2.0 * x)
    assert double(3.0) == 6.0
    with pytest.raises(ArgumentError, match="slots"):
        checkpointed(range(3), slots=0)


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("for i in checkpointed(range(3), slots=0): x = x * 2", 14, "at least 1"),
        ("for i in checkpointed(range(3)): x = x * 2", 14, "slots"),
        ("for i in checkpointed([1.0, 2.0], slots=2): x = x * i", 14, "container"),
        ("for i in checkpointed(range(3), slots=x): x = x * 2", 14, "known when compiling"),
        ("for i in checkpointed(range(9), slots=2): x = x * 2; h.append(x)", 5, "list that grows"),
        ("while checkpointed(x < 9.0, 0): x = x * 2", 11, "at least 1"),
    ],
)
def test_refusals(line: str, column: int, words: str) -> None:
    text = f"from adcompile import checkpointed\ndef f(x):\n    h = [x]\n    {line}\n    return x + h[-1]\n"
    with pytest.raises(CompileError, match=words) as caught:
        grad(from_source(text, "f"))(2.0)
    assert (caught.value.line, caught.value.column) == (4, column)
