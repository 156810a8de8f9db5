"""Modules of the compiler that few programs need are loaded when something in them is first used."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from adcompile.deferred import Deferred
from adcompile.rules.index import FUNCTIONS

ROOT = Path(__file__).parent.parent
PACKAGES = ("adcompile.emit", "adcompile.frontend", "adcompile.ir", "adcompile.transforms")

MODEL = """
import numpy as np

def plain(w, x):
    h = np.tanh(x @ w + 1.0)
    return np.mean((h - np.max(h)) ** 2) + np.sum(np.exp(-w * w)) / len(w)

def usual(w, x):
    h = np.tanh(x @ w)
    s = 0.0
    for i in range(len(h)):
        if h[i] > 0.0:
            s += h[i] ** 2
    out = np.zeros(3)
    out[1:] = np.concatenate([w, w])[:2]
    return s + np.mean(np.where(out > 0.5, out, np.exp(out)))

def sorts(x):
    return sum(sorted([x[0], x[1] ** 2]))
"""

SCRIPT = """
import importlib, sys
import numpy as np
from adcompile import value_and_grad
from adcompile.deferred import Deferred
from adcompile.rules.index import FUNCTIONS

packages = [importlib.import_module(name) for name in sys.argv[1:]]

def waiting():
    return {f"{p.__name__}.{n}" for p in packages for n, v in vars(p).items() if isinstance(v, Deferred)}

every = waiting()
import adcompile.dispatch.assembly
import model
print(*sorted(every - waiting()))
value_and_grad(model.plain)(np.ones(3), np.ones((4, 3)))
print(*sorted(every - waiting()))
value_and_grad(model.usual)(np.ones(3), np.ones((4, 3)))
print(*sorted(every - waiting()))
value_and_grad(model.sorts)(np.ones(2))
print(*sorted(every - waiting()))
"""


# What loops and branches need, and views of arrays.
FOR_USUAL = {
    *("augmentation", "branches", "contiguity", "copies", "exceptions", "generators", "lists", "overloading"),
    "pooling",
    "splitting",
    "views",
}


def test_usual_programs_load_little_that_is_deferred(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "ADCOMPILE_CACHE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *PACKAGES], env=environment, capture_output=True, text=True, check=True
    )
    loading, plain, usual, sorts = map(str.split, done.stdout.split("\n")[:4])
    assert loading == []
    assert plain == []
    assert {*usual} <= {f"adcompile.frontend.{name}" for name in FOR_USUAL}
    assert "adcompile.frontend.sorting" in sorts and len({*sorts} - {*usual}) < 8


@pytest.mark.parametrize("package", PACKAGES)
def test_deferred_modules_exist(package: str) -> None:
    held = vars(importlib.import_module(package))
    for name in [n for n, v in held.items() if isinstance(v, Deferred)]:
        assert importlib.util.find_spec(f"{package}.{name}") is not None


# -- the mechanism


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that reads a deferred one, which is slow to load."""
    folder = tmp_path / "deferring"
    folder.mkdir()
    (folder / "__init__.py").write_text("from adcompile.deferred import defer\n\ndefer(__name__, 'late')\n")
    (folder / "late.py").write_text("import time\n\ntime.sleep(0.05)\nVALUE = [3]\n")
    (folder / "reader.py").write_text("from deferring import late\n\ndef value():\n    return late.VALUE\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("deferring.reader")
    for name in [n for n in sys.modules if n.partition(".")[0] == "deferring"]:
        del sys.modules[name]


def test_a_module_is_loaded_when_it_is_asked_for_something(reader: ModuleType) -> None:
    assert "deferring.late" not in sys.modules
    assert reader.late.__name__ == "deferring.late" and repr(reader.late) == "<module 'deferring.late', deferred>"
    assert "deferring.late" not in sys.modules
    assert reader.value() == [3]
    assert sys.modules["deferring"].late is sys.modules["deferring.late"]
    with pytest.raises(AttributeError, match="deferring.late"):
        _ = reader.late.missing


def test_threads_that_ask_at_once_see_one_whole_module(reader: ModuleType) -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(reader.value())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(value is found[0] for value in found)


# -- tables of rules

TABLES = """
from importlib import import_module
import adcompile.dispatch.assembly
from adcompile.ir.primitives import PRIMITIVES
from adcompile.rules import index
from adcompile.rules.binding import FUNCTIONS, METHODS

numpy = [table for table in index.every() if not table.startswith("scipy.")]
always = {*FUNCTIONS.loaded, *METHODS.loaded}
named = set()
names = set()
for table in numpy:
    before, primitives = {**FUNCTIONS.loaded, **METHODS.loaded}, {*PRIMITIVES}
    import_module(f"adcompile.rules.{table}")
    named |= {name for name in {*PRIMITIVES} - primitives if index.table_of_primitive(name) != table}
    for key, binding in {**FUNCTIONS.loaded, **METHODS.loaded}.items():
        if before.get(key) is not binding:
            assert key not in always, f"{table} changes what is always there: {key}"
            assert table in index.tables_of(key), f"{key} is in {table}, not in {index.tables_of(key)}"
            names.add(key if isinstance(key, str) else f"{index.package_of(key)}.{key.__name__}")
assert {*index.FUNCTIONS, *index.METHODS} <= names, {*index.FUNCTIONS, *index.METHODS} - names
print(*numpy)
print(*named)
"""


def run(script: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_index_says_where_the_rules_of_each_function_are() -> None:
    tables, late = (line.split() for line in run(TABLES).splitlines())
    assert "einsum" in late and "sort" in late and "add" not in late and "list_new" not in late
    # What makes equations of a primitive by its name is loaded with it, or the name loads its rules.
    for path in sorted((ROOT / "adcompile").rglob("*.py")):
        if path.parent.name != "rules" or path.stem not in tables:
            for name in re.findall(r"""\bemit(?:_many)?\((?:\w+, )?["']([\w.]+)["']""", path.read_text()):
                assert name not in late, f"{path} makes equations of {name}"


def test_looking_up_a_function_loads_its_rules() -> None:
    script = """
    import sys
    import numpy as np
    from adcompile.rules.binding import FUNCTIONS, METHODS
    def loaded():
        return [n for n in ("differences", "padding", "fourier", "selecting") if f"adcompile.rules.{n}" in sys.modules]
    print(loaded(), np.sin in FUNCTIONS, print in FUNCTIONS, loaded())
    print(np.diff in FUNCTIONS, FUNCTIONS[np.fft.ifft].name, METHODS.get("take").name, METHODS.get("none"), loaded())
    """
    assert run(textwrap.dedent(script)).splitlines() == [
        "[] True False []",
        "True np.fft.ifft the method take None ['differences', 'fourier', 'selecting']",
    ]


# -- what is loaded, to the garbage collector


@pytest.mark.parametrize("prepare", ["pass", "gc.freeze()", "gc.disable()"])
def test_the_compiler_is_old_at_once_and_the_collector_as_it_was(prepare: str) -> None:
    script = f"""
    import gc, os, sys, weakref
    os.environ["ADCOMPILE_CACHE"] = "0"
    from adcompile import from_source, grad
    f = from_source("def f(x):\\n    return x * x", "f")
    class Cycle: pass
    garbage = Cycle()
    garbage.self = garbage
    gone = weakref.ref(garbage)
    {prepare}
    before = gc.isenabled(), gc.get_freeze_count() > 0, gc.get_threshold()
    del garbage
    grad(f)(2.0)
    assert before == (gc.isenabled(), gc.get_freeze_count() > 0, gc.get_threshold())
    held = vars(sys.modules["adcompile.dispatch.assembly"])
    print(any(o is held for o in gc.get_objects(generation=2)), gone() is None)
    """
    polite = prepare == "pass"
    assert run(textwrap.dedent(script)).split() == [str(polite), str(polite)]


BINDINGS = """
import importlib, sys
from adcompile.rules import index
from adcompile.rules.binding import FUNCTIONS

for table in sys.argv[1:]:
    importlib.import_module(f"adcompile.rules.{table}")
lines = []
for name in sorted(index.FUNCTIONS, reverse=not sys.argv[1:]):
    package, _, attribute = name.rpartition(".")
    f = getattr(importlib.import_module(package), attribute, None)
    if f is not None and (f in FUNCTIONS or package == "numpy"):
        try:
            found = FUNCTIONS[f]
        except KeyError:
            continue
        parts = (found.macro, found.choose)
        lines.append(" ".join([name, found.name, *(p and f"{p.__module__}.{p.__qualname__}" or "" for p in parts)]))
print(*sorted(lines), sep="\\n")
"""


def test_what_a_function_means_does_not_depend_on_what_was_loaded_before() -> None:
    first = sorted({tables[0] for tables in FUNCTIONS.values()})
    runs = [
        subprocess.run([sys.executable, "-c", BINDINGS, *tables], capture_output=True, text=True, check=True, cwd=ROOT)
        for tables in ((), first)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert "numpy.pad" in runs[0].stdout
