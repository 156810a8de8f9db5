"""CPU times of compiling in fresh processes: without and with the disk cache, and of importing the package."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

# The scripts read the clock of their thread: that of the process counts BLAS's threads too, which spin for a while
# after a product of matrices, whatever is done meanwhile.

FIRST_CALL = """
import time
from adcompile import value_and_grad
from benchmarks import arguments, functions
args = arguments.thirty_lines()
derivative = value_and_grad(functions.thirty_lines, argnums=tuple(range(8)))
start = time.thread_time()
derivative(*args)
first = time.thread_time() - start
start = time.thread_time()
derivative(*args)
print(first - (time.thread_time() - start))
"""

LOADING = """
import time
import adcompile
start = time.thread_time()
import adcompile.dispatch.assembly
print(time.thread_time() - start)
"""

SECOND_FUNCTION = """
import time
from adcompile import value_and_grad
from benchmarks import arguments, functions
args = arguments.thirty_lines()
value_and_grad(functions.perceptron)(*arguments.perceptron())
start = time.thread_time()
value_and_grad(functions.thirty_lines, argnums=tuple(range(8)))(*args)
print(time.thread_time() - start)
"""

IMPORT = """
import time
import numpy
start = time.thread_time()
import adcompile
print(time.thread_time() - start)
"""


def run(script: str, cache: str) -> float:
    """Run a script in a new process and return the number that it prints."""
    environment = dict(os.environ, ADCOMPILE_CACHE_DIR=cache, PYTHONPATH=str(ROOT))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def latencies(repeats: int = 5) -> dict[str, float]:
    """Return median seconds: a process's first compilation, loading the compiler for it, a later one, and so on."""
    cold, loading, warm, disk, imports = [], [], [], [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(run(FIRST_CALL, cache))
            disk.append(run(FIRST_CALL, cache))
        loading.append(run(LOADING, cache))
        with tempfile.TemporaryDirectory() as cache:
            warm.append(run(SECOND_FUNCTION, cache))
        imports.append(run(IMPORT, cache))
    return {
        "first in a process": statistics.median(cold),
        "loading the compiler": statistics.median(loading),
        "later in a process": statistics.median(warm),
        "from the disk cache": statistics.median(disk),
        "import adcompile": statistics.median(imports),
    }
