"""The command line: ``python -m adcompile`` or ``adcompile``.

Exit status: 0, 1 if a function cannot be differentiated, fails, or has a wrong derivative, and 2 if the command is not
one that can be carried out: options, modules, names, types and paths that are wrong.
"""

from __future__ import annotations

from adcompile.cli.main import main

__all__ = ["main"]
