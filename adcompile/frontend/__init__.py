"""From a Python callable to SSA: find its source, resolve its names, lower its syntax."""
