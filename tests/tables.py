"""Loads every table of rules for NumPy's functions, for tests that go through all of them."""

from importlib import import_module

from adcompile.rules import index, table

for name in index.every():
    if not name.startswith("scipy."):
        import_module(f"adcompile.rules.{name}")

# Those of SciPy's functions, which other tests may have loaded, are tested on their own.
ROWS = {name: row for name, row in table.ROWS.items() if not name.startswith("scipy.")}
