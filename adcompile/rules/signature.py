"""The signature texts of primitives: ``x, (*shape), dtype=None``. See `adcompile.ir.primitives.Primitive`."""

from __future__ import annotations

import ast
from functools import cache
from typing import Final, Literal

from adcompile.ir.primitives import Primitive
from adcompile.records import dataclass

Form = Literal["one", "arguments", "tuple", "list"]

STARS: Final[dict[str, Form]] = {"(*": "tuple", "[*": "list", "*": "arguments"}


@dataclass(frozen=True, slots=True)
class Slot:
    """An operand or an attribute.

    form     how operands are printed: one, or any number as separate arguments, as a tuple or as a list
    default  the attribute's default (only if `optional`)
    first    an attribute that is printed before the operands, by position (it still comes last in the text)
    """

    name: str
    form: Form = "one"
    optional: bool = False
    default: object = None
    first: bool = False

    @property
    def many(self) -> bool:
        return self.form != "one"


@cache
def parse(text: str) -> tuple[Slot, ...]:
    """Parse a signature text."""
    return tuple(parse_slot(item.strip()) for item in split(text)) if text.strip() else ()


def split(text: str) -> list[str]:
    """Split at the commas that are outside brackets."""
    items: list[str] = []
    inside = False
    for part in text.split(","):
        items[-1:] = [f"{items[-1]},{part}"] if inside else [*items[-1:], part]
        inside = sum(map(items[-1].count, "([")) > sum(map(items[-1].count, ")]"))
    return items


def parse_slot(item: str) -> Slot:
    name, equals, default = item.partition("=")
    optional, value = bool(equals), ast.literal_eval(default) if equals else None
    for opening, form in STARS.items():
        if name.startswith(opening):
            return Slot(name.strip("*()[]"), form)
    return Slot(name.removeprefix("@"), "one", optional, value, name.startswith("@"))


def operand_slots(p: Primitive) -> list[Slot]:
    """Return the operands of a primitive."""
    slots = parse(p.signature)
    return list(slots[: len(slots) - p.n_attrs])


def attribute_slots(p: Primitive) -> list[Slot]:
    """Return the attributes of a primitive, in the order of an equation's `attrs`."""
    slots = parse(p.signature)
    return list(slots[len(slots) - p.n_attrs :])
