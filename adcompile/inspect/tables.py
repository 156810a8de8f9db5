"""A trace as a table: aligned text, and HTML."""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from adcompile.inspect.notation import format_value
from adcompile.records import NamedTuple

if TYPE_CHECKING:
    from adcompile.inspect.traces import Row, Step, Trace

__all__ = ["STYLE", "cells", "html", "text", "visible"]

LONGEST: Final = 44


class Cells(NamedTuple):
    """A line of the table: either a heading, or the parts of a primal and of a derivative statement."""

    left: tuple[str, str, str] | None
    right: tuple[str, str, str] | None
    heading: str = ""
    depth: int = 0
    row: Row | None = None


def visible(rows: Sequence[Row], trips: int) -> Iterator[Row | str]:
    """Yield rows, and a text in place of the trips that are left out: all but the first ones and the last."""
    totals: dict[int, int] = {}
    for row in rows:
        if row.loop is not None:
            totals[row.loop] = max(totals.get(row.loop, 0), row.trip + 1)
    inside: Row | None = None  # the heading of the trip that is being left out
    for row in rows:
        if inside is not None and row.depth > inside.depth:
            continue
        inside = None
        if row.loop is not None and totals[row.loop] > max(trips, 2):
            first, total = max(trips, 2) - 1, totals[row.loop]
            if first <= row.trip < total - 1:
                inside = row
                if row.trip == first:
                    left_out = total - 1 - first
                    yield "    " * row.depth + f"... {left_out} more trip{'s' * (left_out > 1)} ..."
                continue
        yield row


def cells(trace: Trace, digits: int, trips: int) -> Iterator[Cells]:
    """Yield the lines of the table."""
    for row in visible(trace.rows, trips):
        if isinstance(row, str):
            yield Cells(None, None, row.strip(), (len(row) - len(row.lstrip())) // 4)
        elif row.kind == "heading":
            yield Cells(None, None, row.text, row.depth, row)
        else:
            steps = row.derivative if trace.mode == "forward" else row.derivative[::-1]
            left = [_parts(row.primal, digits)] if row.primal is not None else []
            for a, b in zip_longest(left, (_parts(s, digits) for s in steps)):
                yield Cells(a, b, depth=row.depth, row=row)


def _parts(step: Step, digits: int) -> tuple[str, str, str]:
    nothing = isinstance(step.value, tuple) and not step.value
    value = "" if nothing else format_value(step.value, digits)
    expression = step.expression
    if len(expression) > LONGEST + 28:
        expression = expression[: LONGEST + 25] + "..."
    return step.name, expression, value


def title(trace: Trace) -> str:
    kind = "tangents" if trace.mode == "forward" else "adjoints"
    direction = "downwards" if trace.mode == "forward" else "upwards"
    return f"{trace.mode} mode of {trace.function}: values downwards, {kind} {direction}"


# -- text


def text(trace: Trace, digits: int, trips: int) -> str:
    """Lay the table out in columns."""
    lines = list(cells(trace, digits, trips))
    widths = [_widths([c.left for c in lines]), _widths([c.right for c in lines])]
    written = [title(trace), ""]
    margin = 2 * max((c.depth for c in lines), default=0)
    for c in lines:
        if c.heading:
            written.append("  " * c.depth + c.heading)
            continue
        left = "  " * c.depth + _statement(c.left, widths[0], right=True)
        width = widths[0][0] + widths[0][1] + widths[0][2] + 6 + margin
        right = f" | {_statement(c.right, widths[1])}" if c.right is not None else ""
        written.append(f"{left:{width}}{right}".rstrip())
    return "\n".join(written)


def _widths(statements: Sequence[tuple[str, str, str] | None]) -> list[int]:
    """Return the widths of the columns of one side."""
    return [max((min(len(parts[k]), LONGEST) for parts in statements if parts), default=0) for k in range(3)]


def _statement(parts: tuple[str, str, str] | None, widths: Sequence[int], right: bool = False) -> str:
    """Write a statement; names on the left side are aligned at their equals signs."""
    if parts is None:
        return ""
    name, expression, value = parts
    head = f"{name:>{widths[0]}}" if right else f"{name:{widths[0]}}"
    if not name:
        return f"{'':{widths[0]}}   {expression}"
    body = f" = {expression:{widths[1]}}" if expression else f"   {'':{widths[1]}}"
    return f"{head}{body} = {value}"


# -- HTML

STYLE: Final = """
.adcompile-trace { border-collapse: collapse; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
.adcompile-trace caption { text-align: left; padding: 4px 8px; font-style: italic; opacity: .75; }
.adcompile-trace td { text-align: left; padding: 1px 8px; white-space: nowrap; border: 0; }
.adcompile-trace td.value { text-align: right; font-variant-numeric: tabular-nums; }
.adcompile-trace td.right { border-left: 1px solid rgba(128, 128, 128, .4); }
.adcompile-trace tr.heading td { opacity: .75; padding-top: 5px; }
.adcompile-trace tr.output td { border-top: 1px solid rgba(128, 128, 128, .4); }
.adcompile-trace .bar { text-decoration: overline; }
.adcompile-trace sub { font-size: 70%; line-height: 1; }
"""


def html(trace: Trace, digits: int, trips: int) -> str:
    """Write the table as HTML, with its style. Rows have the numbers of their lines in ``data-line``."""
    body = "".join(_html_row(c) for c in cells(trace, digits, trips))
    caption = markup.escape(title(trace))
    return f'<style>{STYLE}</style><table class="adcompile-trace"><caption>{caption}</caption>{body}</table>'


def _html_row(c: Cells) -> str:
    pad = f' style="padding-left: {8 + 16 * c.depth}px"'
    line = f' data-line="{c.row.span.line}"' if c.row is not None and c.row.span is not None else ""
    if c.heading:
        return f'<tr class="heading"{line}><td colspan="6"{pad}>{markup.escape(c.heading)}</td></tr>'
    left, right = c.left or ("", "", ""), c.right or ("", "", "")
    kind = c.row.kind if c.row is not None and c.left is not None else ""
    return (
        f'<tr class="{kind}"{line}><td{pad}>{mathematics(left[0])}</td><td>{_equals(left)}</td>'
        f'<td class="value">{markup.escape(left[2])}</td><td class="right">{mathematics(right[0])}</td>'
        f'<td>{_equals(right)}</td><td class="value">{markup.escape(right[2])}</td></tr>'
    )


def _equals(parts: tuple[str, str, str]) -> str:
    return f"= {mathematics(parts[1])}" if parts[1] else ""


def mathematics(expression: str) -> str:
    """Write v3_bar with an index and a bar, and v3_dot with a dot."""
    return re.sub(r"\b(?:v(-?\d+)|(\w+?))(_bar|_dot)\b|\bv(-?\d+)\b", _symbol, markup.escape(expression))


def _symbol(found: re.Match[str]) -> str:
    number, word, mark, plain = found.groups()
    if plain is not None:
        return f"v<sub>{plain}</sub>"
    symbol = word if number is None else "v"
    index = "" if number is None else f"<sub>{number}</sub>"
    return f'<span class="bar">{symbol}</span>{index}' if mark == "_bar" else f"{symbol}&#775;{index}"
