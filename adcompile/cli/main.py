"""Read the command line, run a command, and turn what goes wrong into a message and an exit status."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

from adcompile.cli.commands import COMMANDS
from adcompile.cli.targets import UsageError
from adcompile.errors import AdcompileError
from adcompile.version import __version__

__all__ = ["main"]

EXAMPLES = """\
examples:
  adcompile show examples.survey:f
  adcompile show model.py:loss --types "f8[:], f8[:, :]" --wrt 0 --mode forward
  adcompile trace examples.survey:f --args "2.0, 5.0" --mode forward
  adcompile graph examples.survey:f --args "2.0, 5.0" --partials -o f.svg
  adcompile report examples.survey:f --args "2.0, 5.0" -o f.html
  adcompile check model.py:loss --types "f8[:], f8[:, :]"
  adcompile coverage linalg

Exit status: 0; 1 if a function cannot be differentiated, fails, or has a wrong derivative; 2 if the command is wrong.
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser."""
    top = argparse.ArgumentParser(
        prog="adcompile",
        description="Turn Python functions into the source of the programs that compute their derivatives.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"adcompile {__version__}")
    top.add_argument("--traceback", action="store_true", help="show the Python traceback of an error")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    subject = _subject()
    modes = _mode("reverse")

    def add(name: str, help: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", parents=parents)

    show = add("show", "print the source of a derivative", subject, modes)
    show.add_argument("--value", action="store_true", help="return the value beside the gradient")
    show.add_argument("--ssa", action="store_true", help="print the program in single assignments instead")
    _output(show, "write the text to a file")
    trace = add("trace", "print the evaluation trace with adjoints or tangents beside the values", subject, modes)
    trace.add_argument("--digits", type=_natural, default=3, metavar="N", help="decimals of values (default: 3)")
    trace.add_argument("--trips", type=_natural, default=4, metavar="N", help="trips shown of a loop (default: 4)")
    trace.add_argument("--html", action="store_true", help="print the table as HTML")
    _output(trace, "write the table to a file; as HTML if it ends in .html")
    graph = add("graph", "draw the computational graph, or print it for Graphviz", subject)
    graph.add_argument("--no-values", action="store_true", help="leave the values out")
    graph.add_argument("--partials", action="store_true", help="write partial derivatives at the edges")
    graph.add_argument("--max-nodes", type=_natural, default=200, metavar="N", help="fold larger graphs (default: 200)")
    _output(graph, "the picture: .svg, .dot or .gv; without it DOT is printed")
    report = add("report", "write one HTML page about a derivative", subject, modes)
    _output(report, "the page (default: the name of the function, .html)")
    add("explain", "tell what is active, and what is kept for the reverse sweep", subject)
    check = add("check", "compare derivatives with finite differences", subject, _mode(None))
    check.add_argument("--order", type=_natural, default=1, metavar="N", help="also derivatives of the gradient")
    export = add("export", "write a function and its derivative as a module of their own", subject, modes)
    _output(export, "the Python file to write", required=True)
    coverage = add("coverage", "list which functions of NumPy, math and cmath have derivatives")
    coverage.add_argument("pattern", nargs="?", default="*", help="a part of names, or a pattern: linalg, numpy.a*")
    coverage.add_argument("--missing", action="store_true", help="only those that are not known")
    cache = add("cache", "show or empty the cache of compiled programs")
    cache.add_argument("action", choices=("info", "clear"))
    return top


def _subject() -> argparse.ArgumentParser:
    """Make the options that say what a command is about."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("function", help="module:function or file.py:function")
    given = options.add_mutually_exclusive_group()
    given.add_argument("--args", metavar="VALUES", help='arguments as Python, with np: "2.0, np.ones(3)"')
    given.add_argument(
        "--types",
        metavar="TYPES",
        help="types to make arguments of: \"float, int, f4, f8[:], f8[3, 4], (float, f8[:]), {'w': f8[:]}\"; "
        "without both, arguments are guessed from annotations and defaults",
    )
    options.add_argument("--wrt", metavar="0,1", help="the differentiated arguments, by position or name")
    return options


def _mode(default: str | None) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    shown = default or "both"
    options.add_argument("--mode", choices=("forward", "reverse"), default=default, help=f"default: {shown}")
    return options


def _output(command: argparse.ArgumentParser, help: str, required: bool = False) -> None:
    command.add_argument("-o", "--output", metavar="FILE", required=required, help=help)


def _natural(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


# -- running


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    options = parser().parse_args(arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the user's functions print
            text = COMMANDS[options.command](options)
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes it once more
        return 1
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except UsageError as error:
        return _failed(str(error), 2, error.__cause__ if options.traceback else None)
    except AdcompileError as error:
        return _failed(str(error), 1, error if options.traceback else None)
    except Exception as error:
        return _failed(_place(error), 1, error if options.traceback else None)
    return 0


def _failed(message: str, status: int, error: BaseException | None = None) -> int:
    if error is not None:
        traceback.print_exception(error)
    print(f"adcompile: {message}", file=sys.stderr)
    return status


def _place(error: Exception) -> str:
    """Describe an error that a user's function raised, in one line, with its place outside of this package."""
    package = os.path.dirname(os.path.dirname(__file__))
    place = "".join(f" ({note})" for note in getattr(error, "__notes__", ())[:1])  # of a step of a trace
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith((package, "<")):
            place = f" ({os.path.basename(frame.filename)}, line {frame.lineno})"
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}{f': {first}' if first else ''}{place}"
