"""A report of one derivative: a self-contained HTML page that needs no network."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from adcompile.errors import AdcompileError
from adcompile.files import write_text
from adcompile.inspect.comparison import compare
from adcompile.inspect.graphs import graph_of
from adcompile.inspect.local import Mode
from adcompile.inspect.notation import format_value
from adcompile.inspect.provenance import Line, Provenance, provenance
from adcompile.inspect.subject import Subject, subject
from adcompile.inspect.traces import Trace, trace_of
from adcompile.records import dataclass

__all__ = ["Report", "report"]

DRAWN: Final = 60  # nodes of a graph that is drawn in full
TITLES: Final = {"source": "Your source", "ssa": "Single assignments", "emitted": "The derivative"}


@dataclass(frozen=True)
class Report:
    """A report as an HTML page. It shows in notebooks.

    Attributes
    ----------
    html : str
        The page.
    path : Path or None
        Where it was written.
    """

    html: str
    path: Path | None = None

    def save(self, path: str | os.PathLike[str]) -> Report:
        """Write the page to a file, whole or not at all."""
        return Report(self.html, write_text(path, self.html))

    def _repr_html_(self) -> str:
        page = html.escape(self.html, quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 720px; border: 0"></iframe>'

    def __repr__(self) -> str:
        return f"<report of {len(self.html):,} characters{f', {self.path}' if self.path else ''}>"


def report(
    f: Callable[..., object],
    *args: object,
    path: str | os.PathLike[str] | None = None,
    mode: Mode = "reverse",
    argnums: int | Sequence[int] | None = None,
) -> Report:
    """Make a page that shows a derivative: what it was made from, what it computes, and that it is right.

    Side by side it shows the source of the function, the program in single assignments and the emitted derivative.
    Pointing at a line lights up the lines that it came from and those that it became. Below are the evaluation trace,
    the computational graph, what is kept for the reverse sweep, and a comparison with finite differences. The page is
    one file, needs no network, and works with the keyboard, in light and dark.

    Parameters
    ----------
    f : callable
        Any function that adcompile differentiates.
    *args
        The arguments of the call that is shown.
    path : path, optional
        The file to write.
    mode : "forward" or "reverse"
        Which derivative.
    argnums : int or tuple of int, optional
        The differentiated arguments; by default those made of floats.
    """
    seen = subject(f, args, argnums)
    traced = trace_of(seen, mode)
    page = _page(seen, traced, provenance(seen, mode), f, args)
    made = Report(page)
    return made if path is None else made.save(path)


# -- the page


def _page(seen: Subject, traced: Trace, origin: Provenance, f: Callable[..., object], args: tuple[object, ...]) -> str:
    name = html.escape(seen.name)
    where = seen.example.source
    sections = [
        _panes(origin),
        _section("Evaluation trace", f'<div class="scroll">{traced.html(digits=4)}</div>'),
        _graph(seen),
        _kept(f, args, seen),
        _check(f, args, seen, traced),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'\">",
            f"<title>The derivative of {name}</title>",
            f"<style>{_resource('report.css')}</style></head><body>",
            f"<h1>The derivative of <code>{name}</code></h1>",
            f'<p class="quiet">{traced.mode} mode, with respect to {html.escape(", ".join(_wrt(seen)))}; '
            f"{html.escape(os.path.basename(where.filename))}, line {where.node.lineno}</p>",
            _summary(seen, traced),
            *[s for s in sections if s],
            f'<script type="application/json" id="links">{_json(origin.links)}</script>',
            f"<script>{_resource('report.js')}</script>",
            "</body></html>",
            "",
        ]
    )


def _summary(seen: Subject, traced: Trace) -> str:
    """Say what the call returns, and what its derivative is."""
    call = f"{seen.name}({', '.join(f'{k} = {format_value(v)}' for k, v in seen.values.items())})"
    what = "gradient" if traced.mode == "reverse" else "tangent"
    shown = [html.escape(text) for text in (call, format_value(traced.value, 6), _result(traced))]
    return f"<p><code>{shown[0]}</code> is <code>{shown[1]}</code>, and its {what} <code>{shown[2]}</code>.</p>"


def _wrt(seen: Subject) -> list[str]:
    return [name if k is None else f"{name}[{k}]" for name, k in seen.wrt]


def _result(traced: Trace) -> str:
    single = isinstance(traced.result, tuple) and len(traced.result) == 1
    return format_value(traced.result[0] if single and isinstance(traced.result, tuple) else traced.result, 6)


def _json(value: object) -> str:
    """Return JSON that is safe inside of a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _resource(name: str) -> str:
    return resources.files("adcompile.inspect").joinpath(name).read_text(encoding="utf-8")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{body}</section>"


# -- three texts side by side


def _panes(origin: Provenance) -> str:
    texts = {"source": origin.source, "ssa": origin.ssa, "emitted": origin.emitted}
    frames = "".join(
        f'<div class="frame"><h2 id="title-{key}">{TITLES[key]}</h2><div class="pane" id="{key}" tabindex="0" '
        f'role="region" aria-labelledby="title-{key}">{"".join(_line(x) for x in lines)}</div></div>'
        for key, lines in texts.items()
    )
    return (
        '<p class="quiet">Point at a line: the lines that it came from and those that it became light up. '
        "<kbd>↑</kbd> <kbd>↓</kbd> walk through the lines, <kbd>←</kbd> <kbd>→</kbd> follow to the other texts, "
        "<kbd>Enter</kbd> or a click keeps the light, <kbd>Esc</kbd> lets go.</p>"
        f'<p id="status" class="quiet" role="status"></p><div class="panes">{frames}</div>'
    )


def _line(line: Line) -> str:
    place = f' data-place="{line.place[1]}"' if line.place is not None else ""
    number = str(line.number) if line.number else ""
    return (
        f'<div class="code-line" id="{line.name}"{place}><i>{number}</i>'
        f'<span class="text">{_coloured(line.text) or " "}</span></div>'
    )


TOKENS: Final = re.compile(
    r"(?P<c>#.*$)|(?P<s>[rbf]?(?:\"\"\".*?(?:\"\"\"|$)|'''.*?(?:'''|$)|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'))"
    r"|(?P<k>\b(?:def|return|for|in|if|elif|else|while|break|continue|import|as|from|and|or|not|is|lambda|None|True"
    r"|False|assert|raise|with|pass|yield|mirrors|region|reversed)\b)|(?P<n>(?<![\w.])\d+(?:\.\d*)?(?:e[-+]?\d+)?\b)"
)


def _coloured(text: str) -> str:
    """Escape a line of code, with keywords, strings, numbers and comments in elements."""
    parts: list[str] = []
    end = 0
    for found in TOKENS.finditer(text):
        parts.append(html.escape(text[end : found.start()], quote=False))
        parts.append(f'<span class="{found.lastgroup}">{html.escape(found[0], quote=False)}</span>')
        end = found.end()
    return "".join([*parts, html.escape(text[end:], quote=False)])


# -- trace, graph, what is kept


def _graph(seen: Subject) -> str:
    drawn = graph_of(seen, partials=True, max_nodes=DRAWN)
    return _section("Computational graph", f'<div class="scroll">{drawn.svg()}</div>')


def _kept(f: Callable[..., object], args: tuple[object, ...], seen: Subject) -> str:
    """Return what `explain` says of a function whose result is one number."""
    from adcompile.inspect.explanations import explain

    try:
        found = explain(f, *args, argnums=seen.argnums)
    except AdcompileError:  # the result is not one number
        return ""
    return _section("What is active, and what is kept", f'<div class="scroll">{found._repr_html_()}</div>')


# -- finite differences


def _check(f: Callable[..., object], args: tuple[object, ...], seen: Subject, traced: Trace) -> str:
    try:
        entries = list(compare(f, args, seen, traced))
    except (ArithmeticError, ValueError) as error:
        return _section("Check", f"<p>Finite differences fail: {html.escape(str(error))}.</p>")
    if not entries:
        return _section("Check", "<p>Only real numbers are compared with finite differences.</p>")
    if all(e.agrees for e in entries):
        verdict = '<span class="good">The derivative agrees with finite differences.</span>'
    else:
        verdict = '<span class="bad">The derivative differs from finite differences</span>: is there a kink or a jump?'
    rows = "".join(
        f'<tr><td class="code">{html.escape(e.place)}</td><td class="code">{e.derivative:.10g}</td>'
        f'<td class="code">{e.numeric:.10g}</td><td class="code">{e.error:.1g}</td>'
        f'<td class="{"good" if e.agrees else "bad"}">{"yes" if e.agrees else "no"}</td></tr>'
        for e in entries
    )
    heads = ("entry", "derivative", "finite differences", "their error", "agrees")
    head = f"<tr>{''.join(f'<th>{h}</th>' for h in heads)}</tr>"
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return _section("Check", f'<p>{verdict}</p><div class="scroll">{table}</div>')
