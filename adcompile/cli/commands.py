"""The commands. Each takes the options and returns what is printed."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Final, Literal

from adcompile.cli.targets import Target, UsageError, find

__all__ = ["COMMANDS"]

Mode = Literal["forward", "reverse"]


def _target(options: Namespace) -> Target:
    """Find what a command is about; say on standard error if its arguments are guessed and their values matter."""
    found = find(options.function, options.args, options.types, options.wrt)
    if found.guessed and options.command != "show":
        from adcompile.inspect.notation import format_value

        values = ", ".join(map(format_value, found.args))
        print(f"arguments are guessed: {values}; give them with --args or --types", file=sys.stderr)
    return found


def _saved(path: str, text: str) -> str:
    """Write an output file; say so."""
    from adcompile.files import write_text

    try:
        write_text(path, text)
    except OSError as error:
        raise _unwritable(path, error) from None
    return f"wrote {path}"


def _unwritable(path: str, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}")


def _checked(path: str | None) -> None:
    """Refuse a path that cannot be written before any work is done."""
    if path is not None:
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise UsageError(f"cannot write {path}: there is no folder {folder}")
        if os.path.isdir(path):
            raise UsageError(f"cannot write {path}: it is a folder")
        if not os.access(folder, os.W_OK):
            raise UsageError(f"cannot write {path}: Permission denied")


def _given(path: str | None, text: str) -> str:
    return text if path is None else _saved(path, text if text.endswith("\n") else text + "\n")


def show(options: Namespace) -> str:
    """Print the source of a derivative, or its single assignments."""
    from adcompile.inspect.provenance import source_of, ssa_of
    from adcompile.inspect.subject import subject

    _checked(options.output)
    target = _target(options)
    seen = subject(target.function, target.args, target.wrt)
    text = ssa_of(seen, options.mode) if options.ssa else source_of(seen, options.mode, value=options.value)
    return _given(options.output, text.rstrip("\n"))


def trace(options: Namespace) -> str:
    from adcompile.inspect import trace

    _checked(options.output)
    target = _target(options)
    found = trace(target.function, *target.args, mode=options.mode, argnums=target.wrt)
    page = options.html or (options.output or "").endswith((".html", ".htm"))
    text = found.html(options.digits, options.trips) if page else found.text(options.digits, options.trips)
    return _given(options.output, text)


def graph(options: Namespace) -> str:
    from adcompile.inspect import graph

    _checked(options.output)
    target = _target(options)
    found = graph(
        target.function, *target.args, argnums=target.wrt, values=not options.no_values, partials=options.partials,
        max_nodes=options.max_nodes,
    )  # fmt: skip
    if options.output is None:
        return found.dot().rstrip("\n")
    try:
        return f"wrote {found.save(options.output)}"
    except OSError as error:
        raise _unwritable(options.output, error) from None


def report(options: Namespace) -> str:
    from adcompile.inspect import report

    path = options.output or f"{options.function.rpartition(':')[2]}.html"
    _checked(path)
    target = _target(options)
    return _saved(path, report(target.function, *target.args, mode=options.mode, argnums=target.wrt).html)


def explain(options: Namespace) -> str:
    from adcompile.inspect import explain

    target = _target(options)
    return str(explain(target.function, *target.args, argnums=target.wrt))


def check(options: Namespace) -> str:
    from adcompile.checking import check_grads

    target = _target(options)
    modes: tuple[Mode, ...] = (options.mode,) if options.mode else ("forward", "reverse")
    check_grads(target.function, *target.args, modes=modes, order=options.order, argnums=target.wrt)
    name = options.function.rpartition(":")[2]
    order = "" if options.order == 1 else f" up to order {options.order}"
    return f"ok: the derivatives of {name}{order} in {' and '.join(modes)} mode agree with finite differences"


def export(options: Namespace) -> str:
    from adcompile.exporting import export_function

    _checked(options.output)
    target = _target(options)
    wrt = target.wrt if target.wrt is not None else (0,)
    try:
        export_function(
            target.function, options.output, *target.args, wrt=wrt[0] if len(wrt) == 1 else wrt, mode=options.mode
        )
    except OSError as error:
        raise _unwritable(options.output, error) from None
    return f"wrote {options.output}"


def coverage(options: Namespace) -> str:
    from adcompile.cli.coverage import table

    return table(options.pattern, missing=options.missing)


def cache(options: Namespace) -> str:
    from adcompile.dispatch.cache import cache_info, clear_cache

    before = cache_info()
    if before.directory is None:
        return "the disk cache is turned off (ADCOMPILE_CACHE)"
    if options.action == "clear":
        clear_cache()
        return f"removed {before.programs} programs from {before.directory}"
    return f"{before.directory}: {before.programs} programs, {before.bytes / 1024:.0f} KiB"


COMMANDS: Final[dict[str, Callable[[Namespace], str]]] = {
    "show": show,
    "trace": trace,
    "graph": graph,
    "report": report,
    "explain": explain,
    "check": check,
    "export": export,
    "coverage": coverage,
    "cache": cache,
}
