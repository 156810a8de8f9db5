"""The compiler's own dataclasses do what the standard library's do."""

import copy
import dataclasses
import pickle

import pytest

from adcompile import records


def both(frozen: bool, slots: bool, eq: bool):
    """Define the same class with either decorator."""
    made = []
    for module in (dataclasses, records):

        class Point:
            __annotations__ = {"x": "float", "y": "float", "tags": "list[str]", "note": "str"}
            y = 2.0
            tags = module.field(default_factory=list)
            note = module.field(default="", compare=False, repr=False)

        made.append(module.dataclass(frozen=frozen, slots=slots, eq=eq)(Point))
    return made


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("slots", [False, True])
def test_same_objects(frozen: bool, slots: bool) -> None:
    standard, ours = both(frozen, slots, True)
    for arguments in [(1.0,), (1.0, 3.0), (1.0, 3.0, ["a"], "b")]:
        a, b = standard(*arguments), ours(*arguments)
        assert repr(a) == repr(b)
        assert [getattr(a, n) for n in ("x", "y", "tags", "note")] == [
            getattr(b, n) for n in ("x", "y", "tags", "note")
        ]
        assert b == ours(*arguments) and b != ours(7.0) and b != a
        assert records.replace(b, y=9.0) == dataclasses.replace(b, y=9.0) == ours(b.x, 9.0, b.tags)
        assert copy.copy(b) == b
        assert hasattr(b, "__dict__") == hasattr(a, "__dict__")
    assert ours(1.0, note="p") == ours(1.0, note="q")
    assert ours(1.0).tags is not ours(1.0).tags
    assert ours.__match_args__ == standard.__match_args__
    assert (ours.__hash__ is None) == (standard.__hash__ is None)
    for wrong in [(), (1, 2, 3, 4, 5)]:
        with pytest.raises(TypeError):
            ours(*wrong)


def test_frozen() -> None:
    _, ours = both(True, True, True)
    point = ours(1.0)
    with pytest.raises(AttributeError, match="frozen: `x`"):
        point.x = 2.0
    with pytest.raises(AttributeError, match="frozen: `x`"):
        del point.x
    assert hash(ours(1.0, 2.0, ())) == hash(ours(1.0, 2.0, ()))
    _, by_identity = both(True, True, False)
    assert by_identity(1.0) != by_identity(1.0) and len({by_identity(1.0), by_identity(1.0)}) == 2


@records.dataclass(frozen=True, slots=True)
class Base:
    a: int
    b: int = 1


@records.dataclass(frozen=True, slots=True)
class Derived(Base):
    c: int = 2


@records.dataclass
class Counter:
    start: int
    now: int = records.field(init=False)

    def __post_init__(self) -> None:
        self.now = self.start + 1


def test_inheritance_pickling_and_post_init() -> None:
    for _ in range(2):  # the first object of a class is made in another way
        assert repr(Derived(0, c=5)) == "Derived(a=0, b=1, c=5)"
        for wrong in [(), (1, 2, 3, 4)]:
            with pytest.raises(TypeError):
                Derived(*wrong)
        with pytest.raises(TypeError):
            Derived(0, d=1)
    assert pickle.loads(pickle.dumps(Derived(0))) == Derived(0, 1, 2)
    assert Derived(0) != Base(0)
    assert Counter(4).now == 5
    match Derived(1, 2, 3):
        case Base(a, b):
            assert (a, b) == (1, 2)


class Pair(records.NamedTuple):
    """Two values."""

    a: int
    b: str = "b"

    @property
    def both(self) -> str:
        return f"{self.a}{self.b}"


class Special(Pair):
    pass


class Named(records.NamedTuple):
    cls: int


def test_named_tuples() -> None:
    for cls in (Pair, Special):
        pair = cls(1)
        assert pair == (1, "b") and pair.both == "1b" and repr(pair) == f"{cls.__name__}(a=1, b='b')"
        assert type(pair) is cls and isinstance(pair, tuple) and (pair.a, pair.b) == pair
        assert pair == cls(b="b", a=1) == cls(1, b="b") == pickle.loads(pickle.dumps(pair)) == copy.copy(pair)
        assert pair._replace(b="c") == (1, "c") and pair._asdict() == {"a": 1, "b": "b"}
        for args, kwargs in [((), {}), ((), {"b": "b"}), ((1, "b", 3), {}), ((1,), {"a": 2}), ((1,), {"c": 2})]:
            with pytest.raises(TypeError):
                cls(*args, **kwargs)
        with pytest.raises(AttributeError):
            pair.a = 2
    match Pair(1, "c"):
        case Pair(a, b):
            assert (a, b) == (1, "c")
    assert Named(cls=1) == (1,)
    assert Pair.__doc__ == "Two values." and Pair._fields == ("a", "b") and not hasattr(Pair(1), "__dict__")
