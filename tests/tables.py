"""Loads every table of rules for NumPy's functions, for tests that go through all of them."""

from importlib import import_module

from adcompile.rules import index

for tables in dict.fromkeys((*index.PACKAGES.values(), *index.FUNCTIONS.values(), *index.METHODS.values())):
    for table in tables:
        if not table.startswith("scipy."):
            import_module(f"adcompile.rules.{table}")
